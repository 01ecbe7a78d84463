"""``planet-vector env``."""

from __future__ import annotations

import os
import shlex

import click

from planet_vector.cli import options
from planet_vector.config import Settings
from planet_vector.raster import keyfiles
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
    variables = environment()
    settings = Settings.load()
    if settings.key is not None and "GDAL_CONFIG_FILE" not in os.environ:
        # A product's own link then opens too, in GDAL 3.7 or later: /vsicurl/https://…/full?product=visual
        variables["GDAL_CONFIG_FILE"] = str(keyfiles.config_file(settings))
    for name, value in variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")
