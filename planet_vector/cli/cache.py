"""``planet-vector cache``."""

from __future__ import annotations

import click

from planet_vector.catalog import kept_answers, probing
from planet_vector.cli import options
from planet_vector.cli.messages import say
from planet_vector.raster import basemap_names, described_files, overview_files, quad_cache
from planet_vector.vector import disk_cache


@click.group()
@options.verbose
def cache() -> None:
    """Manage the disk cache: results of searches, overviews and VRTs of products, quads of basemaps.

    \b
    Example:
        planet-vector cache clear
    """


@cache.command()
@options.verbose
def clear() -> None:
    """Clear the disk cache: results of searches, overviews and VRTs of products, quads and VRTs of basemaps.

    Names of VRTs that were printed before no longer open: request them again.

    \b
    Example:
        planet-vector cache clear
    """
    count = disk_cache.clear()
    say(f"Removed {count} results from {disk_cache.directory()}.", err=True)
    say(f"Removed the overviews of {overview_files.clear()} products from {overview_files.directory()}.", err=True)
    say(f"Removed the VRTs of {described_files.clear()} products from {described_files.directory()}.", err=True)
    say(f"Forgot the kinds of {probing.clear()} services, and the landing pages of {kept_answers.clear()}.", err=True)
    say(f"Removed {quad_cache.clear()} quads from {quad_cache.directory()}.", err=True)
    say(f"Removed the VRTs of {basemap_names.clear()} basemaps from {basemap_names.directory()}.", err=True)
