"""``planet-vector stacks``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import click

from planet_vector.catalog import Catalog
from planet_vector.cli import options
from planet_vector.cli.crop import check_pictures, crop_and_tell, crop_flags
from planet_vector.cli.messages import say
from planet_vector.cli.no_scenes import nothing_found
from planet_vector.cli.output import json_dumper, print_collection, print_sequence, printable
from planet_vector.cli.search_options import searching
from planet_vector.errors import NotFoundError
from planet_vector.query import Query

if TYPE_CHECKING:
    from planet_vector.stacks.overlap import Stack

_TABLE = "{:>5} {:>10}  {}{:<10}  {:<10}  {}\n"
_SHARE = "{:>7}  "


@click.command()
@searching
@click.option(
    "--min-depth",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    metavar="N",
    help="Fewest scenes of a stack.",
)
@click.option(
    "--min-area",
    type=options.Number(min=0),
    metavar="M2",
    help="The least shared area, square metres; within AREA, if given.  [default: 10000]",
)
@click.option("--distinct-days", is_flag=True, help="Take one scene of each day, the clearest.")
@click.option(
    "--crop",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Crop the scenes of the first stack to AREA, or to the largest rectangle they share.",
)
@click.option("--rectangle", is_flag=True, help="Crop to the largest shared rectangle even if AREA is given.")
@crop_flags
@options.overwrite
@options.collection
@options.use_rs
@options.json_style
@options.table
@options.verbose
def stacks(
    catalog: Catalog,
    query: Query,
    min_depth: int,
    min_area: Optional[float],
    distinct_days: bool,
    crop: Optional[Path],
    rectangle: bool,
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
    the shared ground, its area in square metres, number and ids of the scenes, the times of the first and the last.
    With AREA (or --bbox), only ground within AREA counts, and its share of AREA is printed. The first stack has then
    all scenes that cover the whole AREA, or if they are too few, those that share most of it.

    With --crop, the scenes of the first stack are cropped to AREA: a GeoTIFF each, all on one grid, of the whole pixels
    that the rectangle around AREA touches. The paths are printed, and the share of AREA that has data. Without AREA, or
    with --rectangle, the scenes are cropped to the largest rectangle that all of them cover; the share is then that of
    the rectangle. Pixels hidden by --mask do not count as data.

    \b
    Examples:
        planet-vector stacks field.geojson --table
        planet-vector stacks field.geojson --distinct-days --crop crops
        planet-vector stacks aoi.geojson --cloud-cover 5 --min-area 1e6 --crop crops --rectangle --sheet dates.png
    """
    from planet_vector.geometry.ground import percent
    from planet_vector.scene import Scene
    from planet_vector.stacks.overlap import find_stacks

    if sum((collection, use_rs, as_table)) > 1:
        raise click.UsageError("--collection, --rs and --table exclude each other.")
    given = [
        name
        for name in (*flags, "rectangle", "overwrite")
        if click.get_current_context().get_parameter_source(name) is not _DEFAULT
    ]
    if crop is None and given:
        raise click.UsageError(f"--{given[0].replace('_', '-')} is for crops: give --crop DIR.")
    if crop is not None and (collection or use_rs or as_table or compact or indent is not None):
        raise click.UsageError("With --crop the paths of the crops are printed: leave out how to print stacks.")
    if crop is not None:
        check_pictures(crop, flags["vrt"], flags["sheet"], flags["animate"], overwrite)
    scenes = [Scene(feature, query.schema, catalog) for page in catalog.pages(query) for feature in page]
    found = find_stacks(scenes, min_depth, min_area, distinct_days, area=query.area)
    if not found:
        nothing = (
            f"No {min_depth} of the {len(scenes)} scenes found share enough ground: widen the search, or lower "
            "--min-depth or --min-area."
        )
        nothing = nothing if scenes else nothing_found(catalog, query)
        if crop is not None:
            raise NotFoundError(nothing)
        say(nothing, err=True)
    if crop is not None:
        _check_whole(found[0], rectangle, min_depth, len(scenes))
        flags.update(overwrite=overwrite, connection=catalog.settings.api_url)
        crop_and_tell(found[0], crop, rectangle=rectangle, **flags)
        return
    out, dumps = sys.stdout, json_dumper(indent, compact)
    features = (stack.__geo_interface__ for stack in found)
    if collection:
        print_collection(features, out, dumps)
    elif as_table:
        for number, (stack, feature) in enumerate(zip(found, features)):
            told = feature["properties"]
            if not number:
                of_area = "" if stack.covered is None else _SHARE.format("of AREA")
                say(_TABLE.format("depth", "area", of_area, "first", "last", "scenes"), nl=False)
            of_area = "" if stack.covered is None else _SHARE.format(percent(stack.covered).replace("less than", "<"))
            first, last = ((told[when] or "-")[:10] for when in ("first_acquired", "last_acquired"))
            scenes_told = printable(",".join(told["scenes"]))
            ground = f"{told['area'] / 1e6:.2f} km²"
            say(_TABLE.format(told["depth"], ground, of_area, first, last, scenes_told), nl=False)
    else:
        print_sequence(features, out, dumps, use_rs)


def _check_whole(stack: Stack, rectangle: bool, min_depth: int, count: int) -> None:
    """Raise NotFoundError if the stack does not cover the whole area to crop to."""
    if rectangle or stack.covered is None or stack.covered == 1:
        return
    from planet_vector.geometry.ground import percent

    told = f"No {min_depth} of the {count} scenes found cover the whole area"
    if min_depth == 1:
        told = f"None of the {count} scenes found covers the whole area"
    raise NotFoundError(
        f"{told}: the most that {stack.depth} of them share is {percent(stack.covered)} of it. Take a smaller area, "
        "combine scenes by 'planet-vector mosaic', or give --rectangle for the largest rectangle they share."
    )


_DEFAULT = click.core.ParameterSource.DEFAULT
