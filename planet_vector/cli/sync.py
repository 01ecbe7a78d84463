"""``planet-vector sync``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Iterator, Tuple

import click

from planet_vector.catalog import Catalog
from planet_vector.cli import options
from planet_vector.cli.messages import say
from planet_vector.cli.no_scenes import pages_of
from planet_vector.cli.search_options import read_area, searching
from planet_vector.cli.terminal_bars import file_bar
from planet_vector.errors import PlanetVectorError
from planet_vector.query import Query

if TYPE_CHECKING:
    from planet_vector.raster.sync import Plan

OLD_AREA = "aoi.geojson"
"""The file in which planet's own client stored the area of a folder, the only one its ``sync`` used."""


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@searching
@options.products
@options.dry_run("Only print the files that would be fetched.")
@options.verbose
def sync(
    catalog: Catalog,
    query: Query,
    directory: Path,
    products: Tuple[str, ...],
    dry_run: bool,
) -> None:
    """Synchronize the folder DIR with a search: fetch missing files, and retry those that failed before.

    AREA and the options are those of 'planet-vector search'; PLANET:ortho selects all ortho scenes. Each scene gets its
    products and a metadata file beside them, so that 'planet-vector serve DIR' can serve the folder. Existing files are
    kept, unless the scene was published anew.

    Scenes that failed or were interrupted are retried by the next sync, even if the search no longer finds them. Only
    one sync of a folder runs at a time. The paths of the fetched files are printed.

    \b
    Examples:
        planet-vector sync scenes aoi.geojson --cloud-cover 20
        planet-vector sync scenes aoi.geojson --since 3d --product visual,analytic --dry-run
        planet-vector sync archive "PLANET:landsat?acquired.gte=2015-06-01" --product all
    """
    from planet_vector.cli.results import Outcome, print_paths
    from planet_vector.raster.sync import FolderSync
    from planet_vector.raster.synced_folder import SyncedFolder
    from planet_vector.scene import Scene

    area = click.get_current_context().params["area"]
    if not area and query.area is None and (directory / OLD_AREA).exists():
        query = query.where(area=read_area(str(directory / OLD_AREA)))
        say(f"The area is that of {directory / OLD_AREA}.", err=True)
    if not area and query == Query(query.schema):
        raise click.UsageError(
            f"Select scenes: give an AREA, options of a search, or PLANET:{query.scene_type} for all."
        )
    wanted = options.split(products)
    scenes = (Scene(feature, query.schema, catalog) for page in pages_of(catalog, query) for feature in page)
    folder = SyncedFolder(directory)
    syncing = FolderSync(folder)
    if dry_run:
        plan = syncing.plan(catalog, scenes, wanted)
        _print_plan(plan)
        print_paths(((todo.name, path) for todo in plan.todo for path in todo.wanted), failed=plan.refused)
        return
    with folder.alone():
        plan = syncing.plan(catalog, scenes, wanted)
        _print_plan(plan)
        progress = file_bar(sum(len(todo.wanted) for todo in plan.todo))

        def came() -> Iterator[Outcome]:
            for todo, outcome in syncing.fetch(catalog, plan, progress):
                for each in [outcome] if isinstance(outcome, PlanetVectorError) else outcome:
                    yield todo.name, each

        print_paths(came(), progress, plan.refused)


def _print_plan(plan: Plan) -> None:
    for name in plan.gone:
        say(f"{name} is no longer at the service: it is not retried.", err=True)
    if plan.missed:
        say(
            f"{plan.missed} scenes are older than the time in sync.json, but missing here: they are fetched, too.",
            err=True,
        )
    if sys.stderr.isatty():
        say(f"{plan.done} scenes are complete, {len(plan.todo)} are to be fetched.", err=True)
