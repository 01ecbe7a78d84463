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
"""Where planet's own client kept the area of a folder; its ``sync`` took no other."""


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@searching
@options.products
@options.dry_run("Only print the files that would come.")
@options.verbose
def sync(
    catalog: Catalog,
    query: Query,
    directory: Path,
    products: Tuple[str, ...],
    dry_run: bool,
) -> None:
    """Keep DIR as a search has it: fetch what is missing, and what could not be had before.

    AREA and the options are those of 'planet-vector search'; for all there is, say PLANET:ortho. Each scene gets its
    products and a file of metadata beside them, so 'planet-vector serve DIR' serves the folder. What is there is left
    alone, unless the scene was published anew.

    Scenes that fail, or that an interruption left undone, are tried again next time, also when the search does not find
    them any more. One sync of a folder runs at a time. The paths of the files that come are printed.

    \b
    Examples:
        planet-vector sync scenes aoi.geojson --cloud-cover 20
        planet-vector sync scenes aoi.geojson --since 3d --product visual,analytic --dry-run
        planet-vector sync archive "PLANET:landsat?acquired.gte=2015-06-01" --product all
    """
    from planet_vector.cli.results import Outcome, print_paths
    from planet_vector.raster.sync import Folder
    from planet_vector.scene import Scene

    area = click.get_current_context().params["area"]
    if not area and query.area is None and (directory / OLD_AREA).exists():
        query = query.where(area=read_area(str(directory / OLD_AREA)))
        say(f"The area is that of {directory / OLD_AREA}.", err=True)
    if not area and query == Query(query.schema):
        raise click.UsageError(
            f"Say which scenes: an AREA or options of a search, or PLANET:{query.scene_type} for all."
        )
    wanted = options.split(products)
    scenes = (Scene(feature, query.schema, catalog) for page in pages_of(catalog, query) for feature in page)
    folder = Folder(directory)
    if dry_run:
        plan = folder.plan(catalog, scenes, wanted)
        _tell(plan)
        print_paths(((todo.name, path) for todo in plan.todo for path in todo.wanted), failed=plan.refused)
        return
    progress = file_bar()
    with folder.alone():
        plan = folder.plan(catalog, scenes, wanted)
        _tell(plan)

        def came() -> Iterator[Outcome]:
            for todo, outcome in folder.fetch(catalog, plan, progress):
                for each in [outcome] if isinstance(outcome, PlanetVectorError) else outcome:
                    yield todo.name, each

        print_paths(came(), progress, plan.refused)


def _tell(plan: Plan) -> None:
    for name in plan.gone:
        say(f"{name} is at the service no longer: it is not waited for any more.", err=True)
    if plan.missed:
        say(f"{plan.missed} scenes are older than what sync.json notes, and missing here: they come too.", err=True)
    if sys.stderr.isatty():
        say(f"{plan.done} scenes are here already, {len(plan.todo)} are to come.", err=True)
