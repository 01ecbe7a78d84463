"""``planet-vector env``."""

from __future__ import annotations

import shlex

import click

from planet_vector.cli import options
from planet_vector.vector.registration import environment


@click.command()
@options.verbose
def env() -> None:
    """Print the variables that make the driver known to GDAL programs.

    Every program started from a shell that has them opens PLANET: names: ogrinfo, ogr2ogr, gdalinfo, QGIS.

    \b
    Example:
        eval "$(planet-vector env)"
        ogrinfo -so "PLANET:ortho?cloud_cover.estimated.lte=5" ortho
    """
    for name, value in environment().items():
        click.echo(f"export {name}={shlex.quote(value)}")
