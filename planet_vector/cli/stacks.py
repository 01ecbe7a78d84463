"""``planet-vector stacks``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Optional

import click

from planet_vector.catalog import ScenesV0
from planet_vector.cli import options
from planet_vector.cli.asking import searching
from planet_vector.cli.crop import crop_and_tell, crop_flags
from planet_vector.cli.printing import json_dumper, print_collection, print_sequence
from planet_vector.errors import NotFoundError
from planet_vector.query import Query

_TABLE = "{:>5} {:>10}  {:<10}  {:<10}  {}\n"


@click.command()
@searching
@click.option(
    "--min-depth", type=click.IntRange(min=1), default=2, show_default=True, metavar="N", help="The fewest scenes."
)
@click.option(
    "--min-area",
    type=options.Number(min=0),
    metavar="M2",
    help="The least ground, square metres.  [default: 10000]",
)
@click.option("--distinct-days", is_flag=True, help="One scene of each day: the clearest.")
@click.option(
    "--crop",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Crop the scenes of the deepest stack to the largest rectangle they share.",
)
@crop_flags
@options.overwrite
@options.collection
@options.use_rs
@options.json_style
@click.option("--table", "as_table", is_flag=True, help="Print a table to look at.")
@options.verbose
def stacks(
    catalog: ScenesV0,
    query: Query,
    min_depth: int,
    min_area: Optional[float],
    distinct_days: bool,
    crop: Optional[Path],
    overwrite: bool,
    collection: bool,
    use_rs: bool,
    indent: Optional[int],
    compact: bool,
    as_table: bool,
    **flags: Any,
) -> None:
    """Find stacks: scenes of a search that share ground, the deepest first.

    AREA and the options of the search are those of 'planet-vector search'. A stack is printed as a line of GeoJSON:
    the ground its scenes share, its area in square metres, the scenes' number and ids, the times of the first and
    the last.

    With --crop, the scenes of the deepest stack are cropped to the largest rectangle that all of them cover: a GeoTIFF
    each, all on one grid. The paths are printed, and the share of the pixels that have data.

    \b
    Examples:
        planet-vector stacks aoi.geojson --table
        planet-vector stacks aoi.geojson --crop crops
        planet-vector stacks aoi.geojson --cloud-cover 5 --distinct-days --min-area 1e6 --crop crops --sheet dates.png
    """
    from planet_vector.scene import Scene
    from planet_vector.stacks.overlap import MIN_AREA, find_stacks

    if sum((collection, use_rs, as_table)) > 1:
        raise click.UsageError("--collection, --rs and --table exclude each other.")
    given = [
        name for name in (*flags, "overwrite") if click.get_current_context().get_parameter_source(name) is not _DEFAULT
    ]
    if crop is None and given:
        raise click.UsageError(f"--{given[0].replace('_', '-')} is for crops: give --crop DIR.")
    if crop is not None and (collection or use_rs or as_table or compact or indent is not None):
        raise click.UsageError("With --crop the paths of the crops are printed: leave out how to print stacks.")
    scenes = [Scene(feature, query.scene_type, catalog) for page in catalog.pages(query) for feature in page]
    found = find_stacks(scenes, min_depth, MIN_AREA if min_area is None else min_area, distinct_days)
    if crop is not None:
        if not found:
            raise NotFoundError(
                f"No {min_depth} of the {len(scenes)} scenes found share enough ground: widen the search, or ask for a "
                "lesser --min-depth or --min-area."
            )
        crop_and_tell(found[0], crop, overwrite=overwrite, api_url=catalog.settings.api_url, **flags)
        return
    out, dumps = sys.stdout, json_dumper(indent, compact)
    features = (stack.__geo_interface__ for stack in found)
    if collection:
        print_collection(features, out, dumps)
    elif as_table:
        for number, told in enumerate(feature["properties"] for feature in features):
            if not number:
                out.write(_TABLE.format("depth", "area", "first", "last", "scenes"))
            first, last = ((told[when] or "-")[:10] for when in ("first_acquired", "last_acquired"))
            scenes_told = ",".join(told["scenes"])
            out.write(_TABLE.format(told["depth"], f"{told['area'] / 1e6:.2f} km²", first, last, scenes_told))
    else:
        print_sequence(features, out, dumps, use_rs)


_DEFAULT = click.core.ParameterSource.DEFAULT
