"""``rio planet vrt``."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import click

from planet_vector.cli import options
from planet_vector.errors import ConfigError
from planet_vector.names import parse_name


@click.command()
@click.argument("name")
@options.output("The VRT.", required=True)
@click.option(
    "-r",
    "--res",
    default="highest",
    show_default=True,
    metavar="highest|lowest|METRES",
    help="Pixel size of the bands.",
)
@options.mask
@options.overwrite
@options.connection
@options.verbose
def vrt(name: str, output: Path, res: str, mask: Optional[str], overwrite: bool, connection: Optional[str]) -> None:
    """Write a VRT of several products of a scene, or of the quads of a basemap: one dataset without pixels.

    With --mask, also of one product, without the pixels that the mask of the scene tells to hide.

    The file contains no key. Programs need one in their environment to open it: eval "$(planet-vector env)".

    \b
    Examples:
        rio planet vrt PLANET:landsat/LC81300472015235LGN00/band_4,band_3,band_2 -o colours.vrt
        rio planet vrt PLANET:landsat/LC81300472015235LGN00/all -o all.vrt --res lowest
        rio planet vrt "PLANET:basemaps/NAME?bbox=9,45,9.5,45.5" -o quads.vrt
    """
    from planet_vector.rasters import open_product

    if output.exists() and not overwrite:
        raise ConfigError(f"{output} is there already: give another name, or --overwrite.")
    with open_product(name, res=res, mask=mask, connection=connection) as dataset:
        if not hasattr(dataset, "save_vrt"):
            if parse_name(name).is_basemap:
                raise ConfigError(f"{name} is no raster of several quads: add ?bbox=WEST,SOUTH,EAST,NORTH to the name.")
            raise ConfigError(f"{name} is one file: 'rio planet open' prints its name; a VRT takes several products.")
        dataset.save_vrt(output)
