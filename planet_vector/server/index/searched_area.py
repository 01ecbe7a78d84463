"""The ``intersects`` parameter: WKT or GeoJSON, validated and prepared for tests against footprints.

Positions are longitude and latitude in degrees. Edges are straight lines in that plane, except that an edge of more
than 180° takes the short way, across the antimeridian, as clients read it (`planet_vector.geometry.areas`). Longitudes
beyond ±180° are wrapped. So an area across the antimeridian is written with such edges, with longitudes that continue
(179 to 181), or as two parts. Points and lines at ±180° lie on both sides.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import math
import threading
from collections import OrderedDict
from typing import Any, List, Optional, Sequence

import numpy as np
import shapely
import shapely.geometry
from shapely.geometry.base import BaseGeometry

from planet_vector.geometry.areas import Within
from planet_vector.geometry.boxes import Bounds
from planet_vector.geometry.wrapping import flatten, sides, wrapped
from planet_vector.server.http_errors import HttpError
from planet_vector.server.index.valid_outlines import Crossings, count_crossings, make_valid
from planet_vector.server.jobs import JobError, Jobs
from planet_vector.server.patience import Patience
from planet_vector.server.strict_json import read_json

MAX_POSITIONS = 50_000
"""Maximum number of positions of an area. Tests against more take long, and a finer outline can be simplified."""

MAX_DEPTH = 8  # of collections within collections

TINIEST = 1e-12
"""Degrees, a tenth of a micrometre: coordinates nearer to zero are read as zero."""

MAX_SMALL = 500
"""Positions, and crossings, up to which an area is prepared in this process, in at most a tenth of a second."""

MAX_SHORT = 30_000
"""Characters up to which a text is parsed in this process; enough for 500 positions of 20 digits."""

PROCESSES, SECONDS, MEGABYTES = 2, 5.0, 500
"""Limits of the processes that prepare larger areas. Areas within the bounds of `valid_outlines` take at most two
seconds and 200 MB."""

MAX_KEPT = 16 * 2**20
"""Bytes of prepared areas in the cache: about twenty of the largest."""

_KINDS = {
    "Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3,
}  # fmt: skip
"""GeoJSON types, and the number of nested lists around a position of each."""


class Area:
    """Area of interest; not thread-safe.

    Small outlines are prepared in this process, others in a process that can be killed.

    Parameters
    ----------
    text : str
        WKT or GeoJSON, in degrees, longitude before latitude.
    patience : Patience, optional
        Time limit; also cancels the work if the client disconnects.

    Attributes
    ----------
    boxes : list of (west, south, east, north)
        Bounding boxes that together contain the whole area, in degrees; a footprint that touches none of them cannot
        intersect the area.
    is_box : bool
        Whether the area is identical with its only bounding box.

    Raises
    ------
    HttpError
        400, if the text is not a valid area, or too expensive to process.
    """

    def __init__(self, text: str, patience: Optional[Patience] = None) -> None:
        self._set(_ready(text, patience))

    def _set(self, geometry: BaseGeometry) -> None:
        self._geometry = geometry
        self.boxes = sides(self._geometry)
        self.is_box = len(self.boxes) == 1 and _is_box(self._geometry, self.boxes[0])
        shapely.prepare(self._geometry)

    @classmethod
    def of_boxes(cls, boxes: Sequence[Bounds]) -> Area:
        """Return the area of boxes; their sides are parallels and meridians, however long they are.

        Parameters
        ----------
        boxes : sequence of (west, south, east, north)
            Boxes in degrees within ±180°, none of them across the antimeridian; a box may be a line or a point.
        """
        area = cls.__new__(cls)
        area._set(shapely.union_all([_of_box(*box) for box in boxes]))
        return area

    @property
    def geometry(self) -> BaseGeometry:
        """The geometry used for tests: valid, within ±180°, prepared."""
        return self._geometry

    @property
    def at_once(self) -> int:
        """Number of shapes to test between two checks for a disconnected client, about 50 ms.

        A shape may touch all segments of a zigzag, at about 20 ns each.
        """
        return max(20, min(1000, 2_000_000 // int(shapely.get_num_coordinates(self._geometry))))

    def intersects(self, footprints: List[bytes]) -> np.ndarray:
        """Test which footprints share a point with the area.

        Parameters
        ----------
        footprints : list of bytes
            WKB, within ±180° of longitude.

        Returns
        -------
        np.ndarray of bool, shape (n,)
            One result for each footprint.
        """
        return np.asarray(shapely.intersects(self._geometry, shapely.from_wkb(footprints)))

    def contains_boxes(self, bounds: np.ndarray) -> np.ndarray:
        """Test which boxes lie wholly within the area.

        Parameters
        ----------
        bounds : np.ndarray, shape (n, 4)
            Boxes in degrees: west, south, east, north.

        Returns
        -------
        np.ndarray of bool, shape (n,)
            One result for each box.
        """
        if self.is_box:
            west, south, east, north = self.boxes[0]
            return (bounds[:, 0] >= west) & (bounds[:, 1] >= south) & (bounds[:, 2] <= east) & (bounds[:, 3] <= north)
        return np.asarray(shapely.covers(self._geometry, shapely.box(*bounds.T)))


class _AreaCache:
    """Cache of prepared areas, as every page of a search repeats its area.

    They are stored as WKB, because a prepared geometry must not be shared between threads.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 0
        self._contents: OrderedDict[bytes, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: bytes) -> Optional[bytes]:
        with self._lock:
            if key in self._contents:
                self._contents.move_to_end(key)
            return self._contents.get(key)

    def put(self, key: bytes, content: bytes) -> None:
        with self._lock:
            self._size += len(content) - len(self._contents.pop(key, b""))
            self._contents[key] = content
            while self._size > self._most:
                _, dropped = self._contents.popitem(last=False)
                self._size -= len(dropped)


_kept = _AreaCache(MAX_KEPT)
JOBS = Jobs(PROCESSES, seconds=SECONDS, megabytes=MEGABYTES)
"""Processes that parse and prepare larger areas."""
atexit.register(JOBS.close)


def _ready(text: str, patience: Optional[Patience]) -> BaseGeometry:
    """Return the geometry of an area, valid and within ±180°."""
    if len(text) <= MAX_SHORT:
        geometry = _parse(text)
        if shapely.get_num_coordinates(geometry) <= MAX_SMALL:
            crossings = count_crossings(geometry)
            if crossings.all <= MAX_SMALL:
                return _valid_within(geometry, crossings)
    key = hashlib.sha256(text.encode(errors="surrogatepass")).digest()
    content = _kept.get(key)
    if content is None:
        try:
            content = JOBS.run(make_ready, text, patience=patience)
        except JobError as error:
            raise HttpError(
                400, f"intersects: reading the area {error}; simplify or divide it, or make it valid first."
            ) from None
        _kept.put(key, content)
    return shapely.from_wkb(content)


def make_ready(text: str) -> bytes:
    """Return the geometry of an area, valid and within ±180°, as WKB; called in a separate process.

    Parameters
    ----------
    text : str
        WKT or GeoJSON, in degrees, longitude before latitude.

    Raises
    ------
    HttpError
        400, if the text is not a valid area, or too expensive to process.
    """
    geometry = _parse(text)
    return bytes(shapely.to_wkb(_valid_within(geometry, count_crossings(geometry))))


def _valid_within(geometry: BaseGeometry, crossings: Crossings) -> BaseGeometry:
    try:
        return _within(make_valid(geometry, crossings))
    except shapely.errors.GEOSException:  # GEOS fails for some outlines whose rings have no extent
        raise HttpError(400, "intersects: the geometry cannot be made valid; make it valid first.") from None


def _of_box(west: float, south: float, east: float, north: float) -> BaseGeometry:
    if west == east and south == north:
        return shapely.Point(west, south)
    if west == east or south == north:
        return shapely.LineString([(west, south), (east, north)])
    return shapely.box(west, south, east, north)


def _is_box(geometry: BaseGeometry, box: Bounds) -> bool:
    west, south, east, north = box
    # Comparing two outlines topologically is slow; comparing their areas first rules out most.
    return (
        geometry.geom_type == "Polygon"
        and math.isclose(geometry.area, (east - west) * (north - south), rel_tol=1e-9)
        and bool(geometry.equals(shapely.box(*box)))
    )


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
        raise HttpError(400, f"intersects: {shown!r} is neither WKT nor GeoJSON of a geometry.") from None
    if geometry is None or geometry.is_empty:
        raise HttpError(400, "intersects: the geometry is empty.")
    if shapely.get_num_coordinates(geometry) > MAX_POSITIONS:
        raise _too_many()
    positions = shapely.get_coordinates(geometry)
    if not np.isfinite(positions).all():
        raise HttpError(400, "intersects: its positions must be finite numbers.")
    if np.abs(positions[:, 1]).max() > 90 or np.abs(positions[:, 0]).max() > 540:
        raise HttpError(400, "intersects: positions are longitude and latitude, in this order and in degrees.")
    return _the_short_way(_without_tiny(shapely.force_2d(geometry)))


def _the_short_way(geometry: BaseGeometry) -> BaseGeometry:
    """Cut the edges of more than 180° of a geometry at the antimeridian; a geometry without such edges is unchanged."""
    if not _may_jump(geometry):
        return geometry
    if geometry.geom_type == "GeometryCollection":
        return shapely.geometrycollections([_the_short_way(part) for part in shapely.get_parts(geometry)])
    many = {"Polygon": shapely.multipolygons, "LineString": shapely.multilinestrings}
    parts = shapely.get_parts(geometry)
    kind = parts[0].geom_type
    if kind not in many:
        return geometry
    try:
        pieces = [_cut(whole) if _may_jump(whole) else [whole] for whole in parts]
    except ValueError as error:
        raise HttpError(400, f"intersects: {error}.") from None
    if not all(pieces):  # a line around the globe back to its start
        told = "intersects: a line has no length when its edges are read the short way"
        raise HttpError(400, f"{told}; give longer ones a position in between.")
    found = [piece for some in pieces for piece in some]
    return found[0] if len(found) == 1 else many[kind](found)


def _may_jump(geometry: BaseGeometry) -> bool:
    """Return whether a geometry has an edge of more than 180°, or rings or parts as far apart."""
    return bool((np.abs(np.diff(shapely.get_coordinates(geometry)[:, 0])) > 180).any())


def _cut(part: BaseGeometry) -> List[BaseGeometry]:
    lines = [part.exterior, *part.interiors] if part.geom_type == "Polygon" else [part]
    if part.is_empty or not any(map(_may_jump, lines)):
        return [part]
    within = Within().of(shapely.geometry.mapping(part))
    return list(shapely.get_parts(shapely.from_geojson(json.dumps(within))))


def _without_tiny(geometry: BaseGeometry) -> BaseGeometry:
    """Replace tiny coordinates by zero: their products underflow, so GEOS loses lines of a length like 1e-300."""
    positions = shapely.get_coordinates(geometry)
    tiny = (np.abs(positions) < TINIEST) & (positions != 0.0)
    return shapely.set_coordinates(geometry, np.where(tiny, 0.0, positions)) if tiny.any() else geometry


def _check_depth(wkt: str) -> None:
    """Raise HttpError if WKT is nested too deeply for a recursive parser."""
    characters = np.frombuffer(wkt.encode(), dtype=np.uint8)
    depth = np.cumsum((characters == ord("(")).astype(np.int64) - (characters == ord(")")))
    if depth.size and depth.max() > MAX_DEPTH + 3:  # a multipolygon's positions are nested three deep
        raise HttpError(400, f"intersects: collections are nested more than {MAX_DEPTH} deep.")


def _from_geojson(text: str) -> BaseGeometry:
    document = read_json(text, "intersects")
    found: List[BaseGeometry] = []
    _collect(document, found, MAX_DEPTH)
    if len(found) == 1:
        return found[0]
    return shapely.geometrycollections(found)


def _collect(document: Any, found: List[BaseGeometry], depth: int) -> None:
    kind = document.get("type") if isinstance(document, dict) else None
    if depth == 0:
        raise HttpError(400, f"intersects: collections are nested more than {MAX_DEPTH} deep.")
    if kind == "Feature":
        if document.get("geometry") is None:
            raise HttpError(400, "intersects: the Feature has no geometry.")
        _collect(document["geometry"], found, depth - 1)
    elif kind in ("FeatureCollection", "GeometryCollection"):
        members = document.get("features" if kind == "FeatureCollection" else "geometries")
        if not isinstance(members, list):
            raise HttpError(400, f"intersects: the {kind} has no members.")
        for member in members:
            _collect(member, found, depth - 1)
    elif kind in _KINDS:
        coordinates = document.get("coordinates")
        if _count(coordinates, _KINDS[kind]) > MAX_POSITIONS:  # before each one is checked
            raise _too_many()
        _check_coordinates(coordinates, _KINDS[kind], kind)
        found.append(shapely.from_geojson(json.dumps({"type": kind, "coordinates": coordinates})))
        if len(found) > MAX_POSITIONS:
            raise _too_many()
    else:
        raise HttpError(400, "intersects is JSON, but not a GeoJSON geometry, Feature or FeatureCollection.")


def _count(value: Any, depth: int) -> int:
    """Return the number of positions in coordinates, counting malformed ones as none."""
    if not isinstance(value, list):
        return 0
    return len(value) if depth == 1 else sum(_count(member, depth - 1) for member in value) if depth else 1


def _check_coordinates(value: Any, depth: int, kind: str) -> None:
    if not isinstance(value, list):
        raise HttpError(400, f"intersects: the coordinates of the {kind} are not valid GeoJSON.")
    if depth:
        for member in value:
            _check_coordinates(member, depth - 1, kind)
    elif not (2 <= len(value) <= 4 and all(isinstance(n, (int, float)) and not isinstance(n, bool) for n in value)):
        raise HttpError(400, f"intersects: a position of the {kind} is not a pair of numbers.")
    elif not all(abs(number) < 1e300 and math.isfinite(number) for number in value):
        raise HttpError(400, "intersects: its positions must be finite numbers.")


def _too_many() -> HttpError:
    return HttpError(400, f"intersects: more than {MAX_POSITIONS} positions; simplify the area.")


def _within(geometry: BaseGeometry) -> BaseGeometry:
    """Wrap a valid area to ±180°, with points and lines on the antimeridian duplicated on both sides."""
    parts = flatten(geometry)
    bounds = shapely.bounds(parts)
    on_it = np.abs(bounds[shapely.get_dimensions(parts) < 2, ::2]) == 180
    if np.abs(bounds[:, ::2]).max() <= 180 and not on_it.any():
        return geometry
    found = shapely.union_all(wrapped(parts))
    if found.is_empty:  # the area is so small that it vanished
        raise HttpError(400, "intersects: the geometry is too small to be brought within ±180°.")
    return found
