"""``planet-vector env``."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click

from planet_vector.cli import options
from planet_vector.cli.messages import say
from planet_vector.config import Settings
from planet_vector.driver.registration import PATH_OPTION, environment
from planet_vector.raster import credential_files

_CONFIG_FILE = "GDAL_CONFIG_FILE"


@click.command()
@options.verbose
def env() -> None:
    """Print the environment variables by which GDAL programs find the driver.

    Every program started from a shell with these variables opens PLANET: names: ogrinfo, ogr2ogr, gdalinfo, QGIS. Run
    it again after PL_API_URL or the key has changed.

    \b
    Example:
        eval "$(planet-vector env)"
        ogrinfo -so "PLANET:ortho?cloud_cover.estimated.lte=5" ortho
    """
    variables = environment()
    others = [path for path in os.environ.get(PATH_OPTION, "").split(os.pathsep) if path]
    variables[PATH_OPTION] = os.pathsep.join(dict.fromkeys([variables[PATH_OPTION], *others]))
    for name, value in variables.items():
        say(f"export {name}={shlex.quote(value)}")
    settings = Settings.load()
    before = os.environ.get(_CONFIG_FILE, "")
    if before and not credential_files.is_config_file(Path(before)):
        if settings.key is not None:
            say(f"{_CONFIG_FILE} stays {before}: /vsicurl/ opens product links only if that file allows.", err=True)
    elif settings.key is not None:
        # Then GDAL 3.7 or later also opens a product's own link: /vsicurl/https://…/full?product=visual
        say(f"export {_CONFIG_FILE}={shlex.quote(str(credential_files.config_file(settings)))}")
    elif before:  # set for another service earlier in this shell
        say(f"unset {_CONFIG_FILE}")
