"""``rio planet open``."""

from __future__ import annotations

from typing import Optional

import click

from planet_vector.cli import options
from planet_vector.cli.messages import say


@click.command("open")
@click.argument("name")
@options.connection
@options.verbose
def open_(name: str, connection: Optional[str]) -> None:
    """Print the name by which any GDAL program opens a product.

    The name contains no key, but may refer to a file with it, which only you can read, or be a signed address that is
    valid for some minutes.

    \b
    Example:
        gdal_translate -srcwin 0 0 512 512 "$(rio planet open PLANET:ortho/20150306_022415_0908/visual)" corner.tif
    """
    from planet_vector.rasters import resolve

    say(resolve(name, connection=connection))
