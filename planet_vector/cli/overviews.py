"""``planet-vector overviews`` and ``rio planet overviews``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, List, Optional, Tuple

import click

from planet_vector.cli import options

if TYPE_CHECKING:
    from planet_vector.scene import Scene

_UNCONFIRMED_BYTES = 64 * 2**20  # bytes that are fetched without confirmation, even if they are most of a file
_UNCONFIRMED_SHARE = 0.5  # share of a file above which confirmation is needed


@click.command()
@options.scenes
@options.scene_type
@options.products
@click.option("-y", "--yes", is_flag=True, help="Fetch most of a large file without confirmation.")
@options.connection
@options.verbose
def overviews(
    scenes: Tuple[str, ...], scene_type: Optional[str], products: Tuple[str, ...], yes: bool, connection: Optional[str]
) -> None:
    """Create overviews of products that have none, so that any program draws them quickly at small scales.

    SCENE is the PLANET: name of a product or of a scene, the id of a scene, or - for the output of 'planet-vector
    search' on stdin. Only the strips that the overviews need are fetched: an eighth or less of a product in one-row
    strips, but all of a tiled one. The overviews are cached for this user, up to 1 GB in all ('planet-vector cache
    clear' removes them). For each product, the name by which any GDAL program opens it with them is printed.

    \b
    Example:
        planet-vector overviews PLANET:ortho/20150306_022415_0908/analytic
        gdal_translate -outsize 800 0 "$(rio planet open PLANET:ortho/20150306_022415_0908/analytic)" look.tif
    """
    from planet_vector.cli.messages import say
    from planet_vector.cli.results import raise_failures, sorted_out
    from planet_vector.cli.scene_inputs import scenes_given
    from planet_vector.errors import PlanetVectorError

    given, failed = sorted_out(scenes_given(scenes, scene_type, connection))
    wanted = {
        (each.scene.scene_type, each.scene.id, product): (each.scene, product)
        for each in given
        for name in each.products or options.split(products) or [each.scene.schema.product()]
        for product in (each.scene.products if name == "all" else [name])
    }
    failures: List[Tuple[str, Exception]] = list(failed)
    for scene, product in wanted.values():
        try:
            say(_made(scene, product, yes))
        except PlanetVectorError as error:
            failures.append((f"{scene.id}/{product}", error))
    raise_failures(failures, len(failed) + len(wanted), "have no overviews now")


def _made(scene: Scene, product: str, yes: bool) -> str:
    """Create the overviews of a product unless it has some, and return its GDAL name."""
    from planet_vector.cli.messages import say
    from planet_vector.cli.terminal_bars import progress_bar
    from planet_vector.raster.access import ANY_BUILD, plan
    from planet_vector.raster.described import name_of
    from planet_vector.raster.overview_files import Making
    from planet_vector.raster.reducing import reduce

    catalog, title = scene.catalog, f"{scene.id}/{product}"
    making = Making(catalog, scene.product_link(product), title)
    if making.decimation.needless:
        say(f"{title} {making.decimation.needless}: none are made.", err=True)
    elif making.kept is None:
        wanted, size = making.decimation.bytes, making.decimation.size
        told = f"Overviews of {title} need {wanted / 1e6:,.0f} MB of its {size / 1e6:,.0f} MB"
        if wanted > max(_UNCONFIRMED_BYTES, _UNCONFIRMED_SHARE * size) and not yes:
            _ask(f"{told}, as it is not in strips of few rows")
        with progress_bar(title, wanted, "B") as tell:
            making.make(reduce, tell)
        say(f"{told}: they are made.", err=True)
    return name_of(catalog, scene, product, plan(catalog, scene.product_link(product), ANY_BUILD))


def _ask(told: str) -> None:
    from planet_vector.errors import RasterAccessError

    if not sys.stdin.isatty():
        raise RasterAccessError(f"{told}: add --yes to fetch them.")
    click.confirm(f"{told}. Fetch them?", abort=True, err=True)
