"""``planet-vector download`` and ``rio planet download``."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, Optional, Tuple

import click

from planet_vector.cli import options


@click.command()
@options.scenes
@options.scene_type
@options.products
@options.directory
@options.overwrite
@options.connection
@options.verbose
def download(
    scenes: Tuple[str, ...],
    scene_type: Optional[str],
    products: Tuple[str, ...],
    directory: Path,
    overwrite: bool,
    connection: Optional[str],
) -> None:
    """Fetch whole files of scenes; interrupted downloads are resumed.

    SCENE is the id of a scene or its PLANET: name, with or without products, or - for scenes on stdin: ids, names, or
    the output of 'planet-vector search'. Existing files are kept. The paths are printed.

    \b
    Examples:
        planet-vector download 20150306_022415_0908 --product visual,analytic -o scenes
        planet-vector search aoi.geojson --cloud-cover 5 | planet-vector download - -o scenes
        planet-vector download PLANET:landsat/LC81300472015235LGN00/band_4,band_3,band_2
    """
    from planet_vector.cli.results import Outcome, print_paths, sorted_out
    from planet_vector.cli.scene_inputs import Given, scenes_given
    from planet_vector.cli.terminal_bars import file_bar
    from planet_vector.raster.download import download_one, heard
    from planet_vector.raster.parallel import Alive, in_parallel

    given, failed = sorted_out(scenes_given(scenes, scene_type, connection))
    # Each file once, even if it is named twice: two threads that write one file would corrupt it.
    wanted = {
        (each.scene.scene_type, each.scene.id, product): (each, product)
        for each in given
        for name in each.products or options.split(products) or [each.scene.schema.product()]
        for product in (each.scene.products if name == "all" else [name])
    }
    progress = file_bar(len(wanted))
    directory.mkdir(parents=True, exist_ok=True)

    def fetch(item: Tuple[Given, str], alive: Alive) -> Path:
        (scene, _), product = item
        link = scene.product_link(product)
        return download_one(scene.catalog, scene, product, link, directory, overwrite, heard(progress, alive))

    def fetched() -> Iterator[Outcome]:
        connections = given[0].scene.catalog.settings.connections if given else 1
        for (each, product), outcome in in_parallel(fetch, wanted.values(), connections):
            yield f"{each.scene.id}/{product}", outcome

    print_paths(fetched(), progress, failed)
