"""``planet-vector cache``."""

from __future__ import annotations

import click

from planet_vector.cli import options
from planet_vector.cli.saying import say
from planet_vector.vector import store


@click.group()
@options.verbose
def cache() -> None:
    """Look after the results of searches that are kept on disk.

    \b
    Example:
        planet-vector cache clear
    """


@cache.command()
@options.verbose
def clear() -> None:
    """Remove the results of searches that are kept on disk.

    \b
    Example:
        planet-vector cache clear
    """
    count = store.clear()
    say(f"Removed {count} results from {store.directory()}.", err=True)
