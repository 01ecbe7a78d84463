"""``planet-vector download-quads`` and ``rio planet download-quads``."""

from __future__ import annotations

import re
import sys
from itertools import islice
from pathlib import Path
from typing import Any, Iterable, Iterator, List, Optional, Tuple

import click

from planet_vector.cli import options
from planet_vector.cli.quads import basemap_named, quad_limit, quads_of

_QUAD = re.compile(r"L\d+-\d+E-\d+N", re.ASCII)


@click.command("download-quads")
@click.argument("basemap", metavar="NAME")
@click.argument("places", nargs=-1, metavar="[AREA|QUAD...]")
@options.bbox
@quad_limit
@options.directory
@options.overwrite
@options.connection
@options.verbose
def download_quads(
    basemap: str,
    places: Tuple[str, ...],
    bbox: Optional[str],
    limit: Optional[int],
    directory: Path,
    overwrite: bool,
    connection: Optional[str],
) -> None:
    """Fetch whole quads of a basemap; interrupted downloads are resumed.

    NAME is the name of a basemap, as 'planet-vector basemaps' prints it, or its PLANET: name. AREA is the area that
    quads must intersect: WKT, GeoJSON, the path of a vector file, or - for stdin. QUAD is the id of a quad;
    stdin may also be the output of 'planet-vector quads'. Files are named <quad>_<basemap>.tif. Existing files are
    kept. The paths are printed.

    \b
    Examples:
        planet-vector download-quads color_balance_mosaic aoi.geojson -o quads
        planet-vector download-quads color_balance_mosaic L15-0763E-0959N
        planet-vector quads color_balance_mosaic --limit 3 | planet-vector download-quads color_balance_mosaic -
    """
    from planet_vector.cli.results import Outcome, print_paths
    from planet_vector.cli.terminal_bars import file_bar
    from planet_vector.raster.download import fetch_unless_there, heard, safe_name
    from planet_vector.raster.parallel import Alive, in_parallel
    from planet_vector.scene import Item

    ids, area = _places(places)
    catalog, known = basemap_named(basemap, connection)
    wanted: Iterable[Any] = dict.fromkeys(ids) if ids else quads_of(catalog, known, basemap, area, bbox)
    if ids and bbox:
        raise click.UsageError("Give --bbox or quads, not both.")
    progress = file_bar(len(ids) or None)
    directory.mkdir(parents=True, exist_ok=True)

    def fetch(item: Any, alive: Alive) -> Path:
        quad: Item = catalog.basemaps.quad(known, item) if isinstance(item, str) else item
        path = directory / safe_name(None, quad.id, known.name)
        fetch_unless_there(catalog, quad.link("full"), path, overwrite, heard(progress, alive))
        return path

    def fetched() -> Iterator[Outcome]:
        for item, outcome in in_parallel(fetch, islice(wanted, limit), catalog.settings.connections):
            yield item if isinstance(item, str) else item.id, outcome

    print_paths(fetched(), progress)


def _places(places: Tuple[str, ...]) -> Tuple[List[str], Optional[str]]:
    """Return the ids of quads in arguments or stdin, or the area."""
    from planet_vector.area_inputs import area_in
    from planet_vector.cli.scene_inputs import items
    from planet_vector.cli.search_options import read_area
    from planet_vector.errors import QueryError

    if not places:
        return [], None
    if places == ("-",):
        text = sys.stdin.read()
        try:
            ids = [item if isinstance(item, str) else item.get("id") for item in items(text)]
        except (QueryError, AttributeError):
            ids = []
        if ids and all(isinstance(quad_id, str) and _QUAD.fullmatch(quad_id) for quad_id in ids):
            return ids, None
        return [], area_in(text, "standard input")
    if all(_QUAD.fullmatch(place) for place in places):
        return list(places), None
    if len(places) > 1:
        raise click.UsageError("Give one AREA, or the ids of quads.")
    return [], read_area(places[0])
