"""``rio planet info``."""

from __future__ import annotations

from typing import Tuple

import click

from planet_vector.cli import options


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("name", metavar="NAME")
@click.argument("flags", nargs=-1, type=click.UNPROCESSED, metavar="[FLAGS OF RIO INFO]...")
@options.verbose
def info(name: str, flags: Tuple[str, ...]) -> None:
    """Print what 'rio info' prints, of a product where it lies.

    NAME is such as PLANET:ortho/20150306_022415_0908/visual. What follows it goes to 'rio info'.

    \b
    Examples:
        rio planet info PLANET:ortho/20150306_022415_0908/visual --indent 2
        rio planet info PLANET:ortho/20150306_022415_0908/visual --bounds
    """
    import rasterio
    from rasterio.rio.info import info as rio_info

    from planet_vector.raster.session import OptionsSession
    from planet_vector.rasters import open_product

    # Opened first in our own way, with its checks and its errors; rio then finds the header in GDAL's memory.
    with open_product(name) as dataset:
        access = getattr(dataset, "access", None)  # what is put together of several files needs no options
        env = rasterio.Env(session=OptionsSession(access.options if access else {}))
        name = access.name if access else dataset.name
        rio_info.main([name, *flags], prog_name="rio info", standalone_mode=False, obj={"env": env})
