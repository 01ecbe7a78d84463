"""``rio planet mosaic``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional, Tuple

import click

from planet_vector.cli import options
from planet_vector.cli.asking import searching
from planet_vector.cli.progress import progress_bar
from planet_vector.errors import ConfigError


@click.command()
@searching
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="A .tif or a .vrt."
)
@click.option("--count", is_flag=True, help="Only tell how many scenes it takes, and how much ground.")
@click.option("--product", default="visual", show_default=True, help="Which product of each scene.")
@click.option("--dst-crs", metavar="CRS", help="Of the mosaic.  [default: of the scene on top]")
@click.option("-r", "--res", type=float, metavar="SIZE", help="Pixel size in units of the CRS.")
@click.option("--dst-bounds", nargs=4, type=float, metavar="W S E N", help="In units of the CRS.")
@click.option(
    "--top",
    type=click.Choice(["newest", "oldest", "clearest"]),
    default="newest",
    show_default=True,
    help="Which scene lies above the others.",
)
@click.option("--resampling", default="nearest", show_default=True, help="As in 'rio warp'.")
@options.overwrite
@options.verbose
def mosaic(
    catalog: Any,
    query: Any,
    output: Optional[Path],
    count: bool,
    product: str,
    dst_crs: Optional[str],
    res: Optional[float],
    dst_bounds: Optional[Tuple[float, float, float, float]],
    top: str,
    resampling: str,
    overwrite: bool,
) -> None:
    """Make one raster of all scenes of a search.

    A .vrt holds no pixels, only where they are. How many scenes it takes is told before any is opened.

    \b
    Examples:
        rio planet mosaic --bbox 11.9,47.8,12,47.9 --cloud-cover 20 --count
        rio planet mosaic --bbox 11.9,47.8,12,47.9 --cloud-cover 20 --res 6 -o mosaic.tif
        rio planet mosaic "PLANET:ortho?limit=20" --top clearest -o mosaic.vrt
    """
    from planet_vector.raster.mosaic import open_scenes, survey
    from planet_vector.raster.writing import write_geotiff
    from planet_vector.scene import Scene

    if not count and output is None:
        raise click.UsageError("Give --output FILE, or --count.")
    if output is not None and output.exists() and not overwrite:
        raise ConfigError(f"{output} is there already: give another name, or --overwrite.")
    scenes = [Scene(feature, query.scene_type) for page in catalog.pages(query) for feature in page]
    if count:
        click.echo(str(survey(scenes)))
        return
    assert output is not None
    click.echo(str(survey(scenes)), err=True)
    with open_scenes(catalog, scenes, product, dst_crs, res, dst_bounds or None, top, resampling) as dataset:
        if output.suffix.lower() == ".vrt":
            dataset.save_vrt(output)
            return
        click.echo(f"{dataset.width} × {dataset.height} pixels, {dataset.count} bands", err=True)
        with progress_bar(output.name, dataset.height) as progress:
            write_geotiff(dataset, output, progress=progress)
