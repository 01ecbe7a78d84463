"""``rio planet``, and PLANET: names in every other command of rio.

rio imports this at its start, before it opens anything, so the driver is registered here.
"""

from __future__ import annotations

import click

from planet_vector.cli import RASTER_COMMANDS, Commands
from planet_vector.cli.options import verbose
from planet_vector.driver.registration import register

register()


@click.group(cls=Commands, targets=RASTER_COMMANDS)
@verbose
def planet() -> None:
    """Open satellite imagery by PLANET: names."""
