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
    """Print the output of 'rio info' for a remote product.

    NAME is a name such as PLANET:ortho/20150306_022415_0908/visual. Further arguments are passed to 'rio info'.

    \b
    Examples:
        rio planet info PLANET:ortho/20150306_022415_0908/visual --indent 2
        rio planet info PLANET:ortho/20150306_022415_0908/visual --bounds
    """
    import rasterio
    from rasterio.rio.info import info as rio_info

    from planet_vector.raster.session import OptionsSession
    from planet_vector.rasters import open_product

    # Opened first by open_product, with its checks and errors; rio then finds the header in GDAL's cache.
    with open_product(name) as dataset:
        access = getattr(dataset, "access", None)  # a dataset of several files needs no options
        env = rasterio.Env(session=OptionsSession(access.options if access else {}))
        name = access.name if access else dataset.name
        rio_info.main([name, *flags], prog_name="rio info", standalone_mode=False, obj={"env": env})
