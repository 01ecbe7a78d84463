"""``fio planet``, and PLANET: names in every other command of fio.

fio imports this at its start, before it opens anything, so the driver is registered here.
"""

from __future__ import annotations

import click

from planet_vector.cli import VECTOR_COMMANDS, Commands
from planet_vector.cli.options import verbose
from planet_vector.driver.registration import register

register()


@click.group(cls=Commands, targets=VECTOR_COMMANDS)
@verbose
def planet() -> None:
    """Search satellite imagery by PLANET: names."""
