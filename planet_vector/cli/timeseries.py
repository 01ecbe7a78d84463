"""``planet-vector timeseries`` and ``rio planet timeseries``."""

from __future__ import annotations

import csv
import io
import math
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Iterator, List, Optional, Sequence

import click

from planet_vector.area_inputs import area_in, frame_of_file, is_area
from planet_vector.cli import options
from planet_vector.cli.messages import say
from planet_vector.cli.no_scenes import nothing_found
from planet_vector.cli.search_options import read_area, searching
from planet_vector.cli.terminal_bars import progress_bar
from planet_vector.errors import ConfigError, QueryError
from planet_vector.json_input import objects
from planet_vector.times import format_time

if TYPE_CHECKING:
    from planet_vector.catalog import Catalog
    from planet_vector.query import Query
    from planet_vector.series.places import Place
    from planet_vector.series.timeseries import Observation

_FILE = click.Path(dir_okay=False, path_type=Path)
_MOST_PRINTED = 20  # failures printed one by one; all are in the rows


@click.command()
@click.argument("places", metavar="PLACES")
@click.argument("expression", metavar="EXPRESSION")
@searching
@options.output("The CSV file to write.  [default: stdout]")
@click.option("--product", metavar="PRODUCT", help="The product that has the bands.  [default: any that has them]")
@options.mask
@click.option("--scale", type=options.Finite(), metavar="FACTOR", help="Factor of the pixels.  [default: the file's]")
@click.option("--offset", type=options.Finite(), metavar="N", help="Summand of the pixels.  [default: the file's]")
@click.option("--id", "id_property", metavar="PROPERTY", help="Property with the ids of places.  [default: their id]")
@click.option("--keep-going", is_flag=True, help="Continue after a scene that fails, and put the reason into its rows.")
@click.option(
    "--journal",
    type=_FILE,
    metavar="FILE",
    help="Store finished scenes in FILE, and continue from it.  [default: beside --output, until it is written]",
)
@options.overwrite
@options.verbose
def timeseries(
    places: str,
    expression: str,
    catalog: Catalog,
    query: Query,
    output: Optional[Path],
    product: Optional[str],
    mask: Optional[str],
    scale: Optional[float],
    offset: Optional[float],
    id_property: Optional[str],
    keep_going: bool,
    journal: Optional[Path],
    overwrite: bool,
) -> None:
    """Print the values of bands at points or in polygons over time, as CSV; only their pixels are read.

    PLACES is WKT or GeoJSON of points or polygons, the path of a file with it, or - for stdin. EXPRESSION is arithmetic
    on bands such as "(nir - red) / (nir + red)", the name of an index (ndvi, evi, savi, ndwi, ndmi, nbr and others), or
    a band. AREA and the options of a search are those of 'planet-vector search'; by default scenes around the places
    are searched.

    A point has the nearest pixel, the one that contains it; a polygon those whose centre is inside, with their mean,
    median, minimum, maximum, standard deviation and number. The column valid is the share of pixels that have data.
    With --mask, what the scenes' masks of usable pixels tell is hidden, and does not count as data. After an
    interruption, the same command continues with the scenes that are not finished.

    \b
    Examples:
        planet-vector timeseries fields.geojson ndvi -s rapideye --acquired 2015-04-01..2015-09-30 -o ndvi.csv
        planet-vector timeseries "POINT (12 47.88)" "band_5 / band_4" -s landsat
        planet-vector timeseries fields.geojson ndvi "STAC:earth-search/sentinel-2-l2a?datetime=2024-05-01/2024-06-01"
        fio cat fields.gpkg | planet-vector timeseries - evi --id name --scale 0.0001 -o evi.csv
    """
    from planet_vector.series.journal import lock_of
    from planet_vector.series.sampling import Scaling
    from planet_vector.series.timeseries import observations, search_around

    if output is not None and output.exists() and not overwrite:
        raise ConfigError(f"{output} is there already: give another name, or --overwrite.")
    if output is not None and not output.absolute().parent.is_dir():
        raise ConfigError(f"There is no folder {output.parent}: make it first.")
    given = _places(places, id_property)
    own = output.with_name(f"{output.name}.journal") if output is not None and journal is None else None
    kept = journal or own
    search = search_around(catalog, query, given)
    with progress_bar("Scenes", 0) as progress:
        try:
            rows = observations(
                search,
                given,
                expression,
                product=product,
                mask=mask,
                scaling=Scaling(scale, offset),
                journal=kept,
                keep_going=keep_going,
                progress=progress,
            )
        except ConfigError:  # the file may be no journal
            raise
        except BaseException:
            if kept is not None and kept.exists():
                say(f"The finished scenes are in {kept}: the same command continues from there.", err=True)
            raise
    text = _csv(rows, given, keep_going)
    if output is None:
        sys.stdout.write(text)
    else:
        from planet_vector.atomic_files import complete

        with complete(output) as temporary:
            temporary.write_text(text, encoding="utf-8")
    failed = {row.scene: row.error for row in rows if row.error}
    for scene, error in list(failed.items())[:_MOST_PRINTED]:
        say(error if scene in error else f"{scene}: {error}", err=True)
    if failed:
        say(f"{len(failed)} of {len({row.scene for row in rows})} scenes failed.", err=True)
    if own is not None and not failed:
        for path in (own, lock_of(own)):
            path.unlink()
    if not rows:
        say(nothing_found(catalog, search.query), err=True)


def _places(text: str, id_property: Optional[str]) -> List[Place]:
    """Return the places of an argument."""
    from planet_vector.series.places import places_of

    if text == "-":
        content, origin = sys.stdin.read(), "standard input"
        area_in(content, origin)
    else:
        read_area(text)  # raises the errors of arguments and files
        given = text[1:] if text.startswith("@") else text
        content, origin = text, "the places"
        if not is_area(text):
            try:
                content, origin = Path(given).read_text(encoding="utf-8-sig"), given
                area_in(content, origin)
            except (QueryError, OSError, UnicodeDecodeError):  # another format, a layer of it, or not in degrees
                return places_of(frame_of_file(given), id_property)
    if content.lstrip("\ufeff\x1e \t\r\n").startswith("{"):
        return places_of(list(objects(content, origin)), id_property)
    return places_of(content, id_property)


def _csv(rows: Sequence[Observation], places: Sequence[Place], keep_going: bool) -> str:
    from planet_vector.series.timeseries import fields_of, only_points, record_of

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    points = only_points(places)
    writer.writerow(fields_of(points, keep_going))
    for row in rows:
        writer.writerow(list(_written(record_of(row, points, keep_going))))
    return text.getvalue()


def _written(values: Sequence[object]) -> Iterator[object]:
    """Yield values for CSV: times in ISO 8601, numbers with the digits of float32, nothing for NaN."""
    for value in values:
        if isinstance(value, datetime):
            yield format_time(value).replace("+00:00", "Z")
        elif isinstance(value, float):
            yield "" if math.isnan(value) else f"{value:.7g}"
        else:
            yield value
