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
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--resolution",
    default="highest",
    show_default=True,
    metavar="highest|lowest|METRES",
    help="Pixel size of the bands.",
)
@options.overwrite
@options.connection
@options.verbose
def vrt(name: str, output: Path, resolution: str, overwrite: bool, api_url: Optional[str]) -> None:
    """Write a VRT of several products of a scene, or of the quads of a mosaic: one dataset, no pixels in it.

    There is no key in the file. Programs need one in force to open it: eval "$(planet-vector env)".

    \b
    Examples:
        rio planet vrt PLANET:landsat/LC81300472015235LGN00/band_4,band_3,band_2 colours.vrt
        rio planet vrt PLANET:landsat/LC81300472015235LGN00/all all.vrt --resolution lowest
        rio planet vrt "PLANET:mosaics/NAME?bbox=9,45,9.5,45.5" quads.vrt
    """
    from planet_vector.rasters import open_product

    if output.exists() and not overwrite:
        raise ConfigError(f"{output} is there already: give another name, or --overwrite.")
    with open_product(name, resolution=resolution, api_url=api_url) as dataset:
        if not hasattr(dataset, "save_vrt"):
            if parse_name(name).is_mosaic:
                raise ConfigError(f"{name} is no raster of several quads: add ?bbox=WEST,SOUTH,EAST,NORTH to the name.")
            raise ConfigError(f"{name} is one file: 'rio planet open' prints its name; a VRT takes several products.")
        dataset.save_vrt(output)
