"""``planet-vector rectangle``."""

from __future__ import annotations

import json
import math
import sys
from typing import Any, Optional

import click

from planet_vector.cli import options
from planet_vector.cli.output import json_dumper
from planet_vector.cli.search_options import read_area
from planet_vector.errors import NotFoundError, QueryError
from planet_vector.query import area_within


@click.command()
@click.argument("area")
@click.option(
    "--aspect", type=options.Number(min=0, min_open=True), metavar="RATIO", help="Width over height.  [default: any]"
)
@click.option("--angle", metavar="any|DEGREES", help="Angle of the width from east, anticlockwise.  [default: 0]")
@options.json_style
@options.verbose
def rectangle(area: str, aspect: Optional[float], angle: Optional[str], indent: Optional[int], compact: bool) -> None:
    """Print the largest rectangle inside an area, as GeoJSON.

    AREA is WKT, GeoJSON, the path of a vector file (optionally after @), or - for stdin; it may have holes and several
    polygons. The rectangle lies along meridians and parallels, like a bounding box; lengths are compared
    as on the ground in the middle of the area. For an outline too complicated to find the largest rectangle in a few
    seconds, a nearly largest is printed, and stderr gets a line on how much it may lack.

    \b
    Examples:
        planet-vector rectangle aoi.geojson
        planet-vector rectangle aoi.geojson --aspect 1.5 --angle any
        planet-vector stacks aoi.geojson --limit 20 --collection | fio distrib | head -1 | planet-vector rectangle -
    """
    import shapely
    import shapely.geometry

    from planet_vector.scene import Item
    from planet_vector.stacks.rectangle import largest_rectangle

    ground = _polygons(read_area(area))
    west, south, east, north = ground.bounds
    if east - west > 180:  # parts on both sides of the antimeridian are one area
        parts = shapely.get_parts(ground)
        ground = shapely.union_all([_moved(part, 360) if part.bounds[2] <= 0 else part for part in parts])
        west, south, east, north = ground.bounds
    # Scale longitudes so that lengths east and north compare as on the ground.
    shrink = math.cos(math.radians((south + north) / 2))
    plane = shapely.transform(ground, lambda degrees: degrees * [shrink, 1.0])
    direction = _degrees(angle)
    try:
        found = largest_rectangle(plane, aspect=aspect, angle=direction)
    except ValueError as error:
        raise QueryError(f"The rectangle cannot be found: {error}.") from None
    if found.is_empty:
        raise NotFoundError("The area holds no rectangle: it takes a polygon.")
    found = shapely.transform(found, lambda metres: metres / [shrink, 1.0])
    feature = {"type": "Feature", "id": "rectangle", "properties": {}, "geometry": shapely.geometry.mapping(found)}
    split = Item({**feature, "geometry": json.loads(shapely.to_geojson(found))}).footprint
    if len(split.geoms) > 1:
        feature["geometry"] = shapely.geometry.mapping(split)
    sys.stdout.write(json_dumper(indent, compact)(feature) + "\n")


def _polygons(text: str) -> Any:
    """Return the polygons of WKT or GeoJSON as one area."""
    import shapely

    text = area_within(text)
    try:
        read = shapely.from_geojson(text) if text.startswith("{") else shapely.from_wkt(text.partition(";")[2] or text)
    except shapely.errors.ShapelyError as error:
        raise QueryError(f"The area cannot be read: {' '.join(str(error).split())[:200]}.") from None
    parts = shapely.get_parts(shapely.get_parts(shapely.get_parts(read)))
    found = [part for part in parts if part.geom_type == "Polygon"]
    if not found:
        raise QueryError(f"The area holds no polygon, but {read.geom_type}: a rectangle needs one to lie in.")
    return shapely.union_all(shapely.make_valid(found))


def _moved(geometry: Any, degrees: float) -> Any:
    import shapely

    return shapely.transform(geometry, lambda positions: positions + [degrees, 0])


def _degrees(angle: Optional[str]) -> Any:
    if angle is None or angle == "any":
        return angle
    try:
        found = float(angle)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise QueryError(f"--angle is {angle!r}: it takes degrees, or 'any'.")
    return found
