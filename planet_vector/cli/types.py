"""``planet-vector types``."""

from __future__ import annotations

from typing import Optional

import click

import planet_vector
from planet_vector.cli import options
from planet_vector.cli.messages import say


@click.command()
@options.connection
@options.verbose
def types(connection: Optional[str]) -> None:
    """List the scene types of the service.

    \b
    Example:
        planet-vector types
    """
    for name in planet_vector.connect(connection).scene_types():
        say(name)
