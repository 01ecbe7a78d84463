"""The ``intersects`` parameter: WKT or GeoJSON, checked and made ready to be tested against footprints.

Positions are longitude and latitude in degrees, and lines between them run straight in that plane: an edge from
-170 to 170 goes the long way. What lies past ±180° is wrapped, so an area across the antimeridian is written
with longitudes that run on (179 to 181), or as two parts.
"""

from __future__ import annotations

import json
import math
from typing import Any, List, Tuple

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from planet_vector.server.refusal import Refusal

MAX_POSITIONS = 50_000
"""Positions of an area. Testing footprints against more takes long, and an outline so fine can be simplified."""

MAX_DEPTH = 8  # of collections within collections

Box = Tuple[float, float, float, float]
_KINDS = {
    "Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3,
}  # fmt: skip
"""GeoJSON types, and how deep lists stand around a position of each."""


class Area:
    """Hold an area of interest.

    Attributes
    ----------
    boxes : list of (west, south, east, north)
        Together they hold the whole area; a footprint that touches none cannot intersect it.
    is_box : bool
        Whether the area is just its one box.
    """

    def __init__(self, text: str) -> None:
        geometry = _wrap(_parse(text))
        self._geometry = geometry
        self.boxes = _boxes(geometry)
        self.is_box = (
            len(self.boxes) == 1 and geometry.geom_type == "Polygon" and geometry.equals(shapely.box(*self.boxes[0]))
        )
        shapely.prepare(geometry)

    def intersects(self, footprints: List[bytes]) -> np.ndarray:
        """Tell which footprints (WKB) share a point with the area."""
        return np.asarray(shapely.intersects(self._geometry, shapely.from_wkb(footprints)))

    def contains_boxes(self, bounds: np.ndarray) -> np.ndarray:
        """Tell which boxes (rows of west, south, east, north) lie wholly within the area."""
        if self.is_box:
            west, south, east, north = self.boxes[0]
            return (bounds[:, 0] >= west) & (bounds[:, 1] >= south) & (bounds[:, 2] <= east) & (bounds[:, 3] <= north)
        return np.asarray(shapely.covers(self._geometry, shapely.box(*bounds.T)))


def _parse(text: str) -> BaseGeometry:
    text = text.strip()
    try:
        if text.startswith("{"):
            geometry = _from_geojson(text)
        else:
            if text[:10].upper().startswith("SRID=4326;"):
                text = text[10:]
            _check_depth(text)
            geometry = shapely.from_wkt(text)
    except (shapely.errors.ShapelyError, UnicodeError, NotImplementedError):
        shown = text if len(text) <= 40 else text[:37] + "..."
        raise Refusal(400, f"intersects: {shown!r} is neither WKT nor GeoJSON of a geometry.") from None
    if geometry is None or geometry.is_empty:
        raise Refusal(400, "intersects: the geometry is empty.")
    if shapely.get_num_coordinates(geometry) > MAX_POSITIONS:
        raise _too_many()
    positions = shapely.get_coordinates(geometry)
    if not np.isfinite(positions).all():
        raise Refusal(400, "intersects: its positions must be finite numbers.")
    if np.abs(positions[:, 1]).max() > 90 or np.abs(positions[:, 0]).max() > 540:
        raise Refusal(400, "intersects: positions are longitude and latitude, in this order and in degrees.")
    return shapely.force_2d(geometry)


def _check_depth(wkt: str) -> None:
    """Refuse what only a reader that calls itself for ever could read."""
    characters = np.frombuffer(wkt.encode(), dtype=np.uint8)
    depth = np.cumsum((characters == ord("(")).astype(np.int64) - (characters == ord(")")))
    if depth.size and depth.max() > MAX_DEPTH + 3:  # a polygon's positions stand three deep
        raise Refusal(400, f"intersects: collections stand more than {MAX_DEPTH} deep in each other.")


def _from_geojson(text: str) -> BaseGeometry:
    try:
        document = json.loads(text)
    except RecursionError:
        raise Refusal(400, "intersects: the JSON is too deep to read.") from None
    except ValueError as error:
        raise Refusal(400, f"intersects is no JSON: {error}.") from None
    found: List[BaseGeometry] = []
    _collect(document, found, MAX_DEPTH)
    if len(found) == 1:
        return found[0]
    return shapely.geometrycollections(found)


def _collect(document: Any, found: List[BaseGeometry], depth: int) -> None:
    kind = document.get("type") if isinstance(document, dict) else None
    if depth == 0:
        raise Refusal(400, f"intersects: collections stand more than {MAX_DEPTH} deep in each other.")
    if kind == "Feature":
        if document.get("geometry") is None:
            raise Refusal(400, "intersects: the Feature has no geometry.")
        _collect(document["geometry"], found, depth - 1)
    elif kind in ("FeatureCollection", "GeometryCollection"):
        members = document.get("features" if kind == "FeatureCollection" else "geometries")
        if not isinstance(members, list):
            raise Refusal(400, f"intersects: the {kind} has no members.")
        for member in members:
            _collect(member, found, depth - 1)
    elif kind in _KINDS:
        coordinates = document.get("coordinates")
        _check_coordinates(coordinates, _KINDS[kind], kind)
        found.append(shapely.from_geojson(json.dumps({"type": kind, "coordinates": coordinates})))
        if len(found) > MAX_POSITIONS:
            raise _too_many()
    else:
        raise Refusal(400, "intersects is JSON, but no GeoJSON geometry, Feature or FeatureCollection.")


def _check_coordinates(value: Any, depth: int, kind: str) -> None:
    if not isinstance(value, list):
        raise Refusal(400, f"intersects: the coordinates of the {kind} are not what GeoJSON has there.")
    if depth:
        for member in value:
            _check_coordinates(member, depth - 1, kind)
    elif not (2 <= len(value) <= 4 and all(isinstance(n, (int, float)) and not isinstance(n, bool) for n in value)):
        raise Refusal(400, f"intersects: a position of the {kind} is not a pair of numbers.")
    elif not all(abs(number) < 1e300 and math.isfinite(number) for number in value):
        raise Refusal(400, "intersects: its positions must be finite numbers.")


def _too_many() -> Refusal:
    return Refusal(400, f"intersects: more than {MAX_POSITIONS} positions; simplify the area.")


def _wrap(geometry: BaseGeometry) -> BaseGeometry:
    """Bring the area within ±180°, as one valid geometry."""
    if not geometry.is_valid:
        geometry = shapely.make_valid(geometry)
    west, _, east, _ = geometry.bounds
    if west < -180 or east > 180:
        parts = []
        for turn in (-720.0, -360.0, 0.0, 360.0, 720.0):
            band = shapely.box(-180.0 - turn, -90.0, 180.0 - turn, 90.0)
            cut = shapely.intersection(geometry, band)
            if not cut.is_empty:
                parts.append(shapely.transform(cut, lambda p, turn=turn: p + [turn, 0.0]))
        geometry = shapely.union_all(parts)
    elif geometry.geom_type == "GeometryCollection":
        geometry = shapely.union_all(shapely.get_parts(geometry))
    return geometry


def _boxes(geometry: BaseGeometry) -> List[Box]:
    """Return one box, or two where the area's parts leave half the globe between them."""
    parts = shapely.get_parts(geometry)
    bounds = shapely.bounds(parts)
    middle = (bounds[:, 0] + bounds[:, 2]) / 2
    halves = [bounds[middle < 0], bounds[middle >= 0]]
    if all(len(half) for half in halves) and halves[1][:, 0].min() - halves[0][:, 2].max() > 180:
        groups = halves
    else:
        groups = [bounds]
    return [(float(g[:, 0].min()), float(g[:, 1].min()), float(g[:, 2].max()), float(g[:, 3].max())) for g in groups]
