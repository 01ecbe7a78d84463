"""``rio planet crop``."""

from __future__ import annotations

from pathlib import Path
from typing import Optional, Tuple

import click

from planet_vector.cli import options
from planet_vector.cli.progress import progress_bar
from planet_vector.errors import ConfigError, QueryError


@click.command()
@click.argument("name")
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--bbox", metavar="W,S,E,N", help="What part, in degrees.")
@click.option("--window", nargs=4, type=int, metavar="COL ROW WIDTH HEIGHT", help="What part, in pixels.")
@options.overwrite
@options.api_url
@options.verbose
def crop(
    name: str,
    output: Path,
    bbox: Optional[str],
    window: Optional[Tuple[int, int, int, int]],
    overwrite: bool,
    api_url: Optional[str],
) -> None:
    """Write a part of a product as a GeoTIFF: its own pixels, as they are; no more than the part is fetched.

    \b
    Examples:
        rio planet crop PLANET:ortho/20150306_022415_0908/visual part.tif --bbox 118.10,43.92,118.13,43.94
        rio planet crop PLANET:landsat/LC81300472015235LGN00/band_4,band_3,band_2 part.tif --window 0 0 512 512
    """
    from rasterio.windows import Window

    from planet_vector.geometry import Box
    from planet_vector.raster import open_product
    from planet_vector.raster.writing import window_of, write_geotiff

    if (bbox is None) == (not window):
        raise click.UsageError("Give --bbox or --window.")
    if output.exists() and not overwrite:
        raise ConfigError(f"{output} is there already: give another name, or --overwrite.")
    with open_product(name, api_url=api_url) as dataset:
        if bbox is not None:
            try:
                part = window_of(dataset, Box.parse(bbox))
            except ValueError as error:
                raise QueryError(f"--bbox: {error}.") from None
        else:
            assert window
            part = Window(*window)
            if min(window[:2]) < 0 or min(window[2:]) < 1 or part.col_off + part.width > dataset.width \
                    or part.row_off + part.height > dataset.height:  # fmt: skip
                raise QueryError(f"--window does not lie within the {dataset.width} × {dataset.height} pixels.")
        with progress_bar(output.name, int(part.height)) as progress:
            write_geotiff(dataset, output, part, progress)
