"""Interpretation of areas across the antimeridian, the same everywhere, with the standard library only.

WKT and GeoJSON can express such an area in several ways. All are converted to polygons, lines and points within ±180°:

* A step of more than 180° of longitude between neighbours goes the short way, across the antimeridian (RFC 7946,
  section 3.1.9): from 179 to -179 are two degrees. An edge the long way needs a position in between.
* Longitudes beyond ±180°, as in an edge from 179 to 181, are reduced by a turn.
* Polygons that end at ±180° are unchanged. So is an edge of 360°, as that of a box from -180° to 180°.
* 180° and -180° are one place: points there, and parts of lines along it, are added on both sides.

Rings around a pole are completed over it (`planet_vector.geometry.antimeridian`). Everything else is unchanged.
"""

from __future__ import annotations

import json
import math
import re
from functools import lru_cache
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, cast

from planet_vector.geometry.antimeridian import cut, cut_line, reaches_across, wrapped_longitude
from planet_vector.geometry.boxes import FARTHEST
from planet_vector.geometry.shapes import Position, Ring

_MOST_DEPTH = 10  # of nested collections; the service accepts 8
_DEPTHS = {
    "Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3,
}  # fmt: skip
_NAMES = {name.upper(): name for name in (*_DEPTHS, "GeometryCollection")}
_N = r"[-+]?[\d.]+(?:[eE][-+]?\d+)?"
_HEIGHT = re.compile(rf"\[\s*{_N}\s*,\s*{_N}\s*,\s*{_N}|[(,]\s*{_N}\s+{_N}\s+{_N}", re.ASCII)
_TOKEN = re.compile(r"\s*([(),]|[A-Za-z]+|[-+.\w]+)")

Geometry = Mapping[str, Any]


class Reading(NamedTuple):
    """Area as it was interpreted.

    Attributes
    ----------
    text : str
        WKT or GeoJSON within ±180°; the original text if it was so already.
    told : str
        A sentence that explains how the area crosses the antimeridian; empty if it does not.
    """

    text: str
    told: str = ""


@lru_cache(maxsize=16)
def read_text(text: str) -> Reading:
    """Interpret the WKT or GeoJSON of an area.

    Parameters
    ----------
    text : str
        Longitude and latitude in degrees. A text that is neither WKT nor GeoJSON is returned unchanged: the service
        reports its errors.

    Returns
    -------
    Reading
        The area within ±180°, and a message about it.

    Raises
    ------
    ValueError
        If the area crosses the antimeridian ambiguously, lies more than a turn beyond it, or has a ring that is not
        closed or a latitude beyond ±90°; the message begins with "the area".
    """
    geometry = _parsed(text)
    if geometry is None:
        return Reading(text)
    _check(geometry)
    found = Within()
    moved = found.of(geometry)
    return Reading(json.dumps(moved), found.told) if found.moved or _has_heights(text) else Reading(text)


def as_geojson(text: str) -> Optional[Geometry]:
    """Return the WKT or GeoJSON of an area as GeoJSON; None if it is neither.

    Parameters
    ----------
    text : str
        A geometry, Feature or FeatureCollection; longitude before latitude, in degrees.
    """
    return _parsed(text)


class Within:
    """Converter of GeoJSON to longitudes within ±180°, with a message about what it changed.

    Attributes
    ----------
    moved : bool
        Whether anything was moved, or added on the other side of the antimeridian.
    told : str
        A sentence that explains the change; empty if the area does not cross the antimeridian.
    """

    def __init__(self) -> None:
        self.moved = False
        self.told = ""

    def of(self, geometry: Geometry, depth: int = 0) -> Geometry:
        """Return a geometry, Feature or FeatureCollection within ±180°.

        Parameters
        ----------
        geometry : mapping
            GeoJSON; longitude before latitude, in degrees.
        depth : int, optional
            Number of enclosing collections.

        Returns
        -------
        mapping
            GeoJSON.

        Raises
        ------
        ValueError
            If the area crosses the antimeridian ambiguously, or lies more than a turn beyond it; the message begins
            with "the area".
        """
        if depth > _MOST_DEPTH:
            raise ValueError(f"the area has collections nested more than {_MOST_DEPTH} deep")
        kind = geometry["type"]
        for member in ("features", "geometries"):
            if member in geometry and kind in ("FeatureCollection", "GeometryCollection"):
                return {**geometry, member: [self.of(part, depth + 1) for part in geometry[member]]}
        if kind == "Feature":
            inner = geometry.get("geometry")
            return {**geometry, "geometry": self.of(inner, depth + 1)} if inner else geometry
        coordinates = geometry["coordinates"]
        if kind in ("Polygon", "MultiPolygon"):
            parts = [
                part for rings in ([coordinates] if kind == "Polygon" else coordinates) for part in self._polygon(rings)
            ]
            return _one_or_many("Polygon", parts, kind)
        if kind in ("LineString", "MultiLineString"):
            lines = [
                part for line in ([coordinates] if kind == "LineString" else coordinates) for part in self._line(line)
            ]
            return _one_or_many("LineString", self._on_both_sides(lines, _along(lines)), kind)
        points = [self._point(position) for position in ([coordinates] if kind == "Point" else coordinates)]
        return _one_or_many("Point", self._on_both_sides(points, [p for p in points if abs(p[0]) == 180]), kind)

    def _polygon(self, rings: Sequence[Sequence[Sequence[float]]]) -> List[List[Ring]]:
        polygon = [_positions(ring) for ring in rings]
        for ring in polygon:
            if ring and ring[0] != ring[-1]:
                ring.append(ring[0])
        if not any(ring and reaches_across(ring) for ring in polygon):
            return [polygon]
        try:
            parts = cut([ring for ring in polygon if ring])
        except ValueError as error:
            reason = str(error).replace("the footprint", "the area", 1)
            if "no surface" not in reason:
                reason += "; give edges of more than 180° a position in between"
            raise ValueError(reason) from None
        if {p for part in parts for ring in part for p in ring} != {p for ring in polygon for p in ring}:
            self._tell(polygon)
            return parts
        return [polygon]  # around the globe, within ±180°

    def _line(self, positions: Sequence[Sequence[float]]) -> List[Ring]:
        line = _positions(positions)
        if not line or not reaches_across(line) or (len(line) == 2 and _spans_the_globe(line)):
            return [line]
        self._tell([line])
        return list(cut_line(line))

    def _point(self, position: Sequence[float]) -> Position:
        ((x, y),) = _positions([position])
        if abs(x) > 180:
            self._tell([[(x, y)]])
        return wrapped_longitude(x), y

    def _on_both_sides(self, parts: List[Any], on_it: List[Any]) -> List[Any]:
        """Return points or lines, with those on the antimeridian repeated on its other side."""
        other = [(-x[0], x[1]) if isinstance(x, tuple) else [(-a, b) for a, b in x] for x in on_it]
        missing = [part for part in other if part not in on_it]
        self.moved = self.moved or bool(missing)
        return [*parts, *missing]

    def _tell(self, lines: Sequence[Ring]) -> None:
        self.moved = True
        if self.told:
            return
        beyond = [x for line in lines for x, _ in line if abs(x) > 180]
        steps = [(a[0], b[0]) for line in lines for a, b in zip(line, line[1:]) if 180 < abs(a[0] - b[0]) < 360]
        if steps:
            (start, end) = steps[0]
            self.told = (
                f"The area crosses the antimeridian: its edge from {start:.10g} to {end:.10g} is read the short way, "
                f"{360 - abs(start - end):.6g}° (RFC 7946, section 3.1.9); a position in between makes it the long way."
            )
        elif beyond and all(map(_in_one_turn, lines)):
            self.told = (
                "The area has longitudes beyond ±180°, which are reduced by a turn: "
                f"{beyond[0]:.10g} is {wrapped_longitude(beyond[0]):.10g}."
            )
        elif beyond:
            self.told = "The area crosses the antimeridian: its longitudes beyond ±180° are reduced by a turn."
        else:
            self.told = (
                "The area crosses the antimeridian, from 180 to -180: it is split into its parts on either side."
            )


def _one_or_many(kind: str, parts: List[Any], before: str) -> Dict[str, Any]:
    many = f"Multi{kind}"
    if len(parts) == 1 and before == kind:
        return {"type": kind, "coordinates": parts[0]}
    return {"type": many, "coordinates": parts}


def _positions(positions: Sequence[Sequence[float]]) -> Ring:
    """Return longitudes and latitudes without heights.

    Raises
    ------
    ValueError
        If a longitude is more than a turn beyond the antimeridian, which the service rejects, too.
    """
    found = [(float(p[0]), float(p[1])) for p in positions]
    for x, _ in found:
        if abs(x) > FARTHEST:
            metres = "; if it is in metres, reproject it to EPSG:4326" if abs(x) > 2 * FARTHEST else ""
            raise ValueError(f"the area has the longitude {x:.10g}, which must be from -540 to 540{metres}")
    return found


def _in_one_turn(line: Ring) -> bool:
    """Return whether positions lie within one turn of the globe, so that they do not cross the antimeridian."""
    xs = [x for x, _ in line]
    return math.ceil((max(xs) + 180) / 360) - math.floor((min(xs) + 180) / 360) <= 1


def _along(lines: Sequence[Ring]) -> List[Ring]:
    """Return the edges of lines within ±180° that run along the antimeridian."""
    edges = [(a, b, abs(a[0]) == 180 and a[0] == b[0]) for line in lines for a, b in zip(line, line[1:])]
    return [[a, b] for a, b, is_along in edges if is_along]


def _spans_the_globe(line: Ring) -> bool:
    return abs(line[0][0] - line[1][0]) == 360 and line[0][1] == line[1][1]


# ---- errors of areas ----------------------------------------------------------------------------------------


def _check(geometry: Geometry) -> None:
    """Check rings and latitudes of a geometry, Feature or collection.

    Raises
    ------
    ValueError
        If a ring is not closed, or a latitude is beyond ±90°.
    """
    for part in geometry.get("features") or geometry.get("geometries") or [geometry.get("geometry")]:
        if part:
            _check(part)
    if "coordinates" not in geometry:
        return
    lines = _lines(geometry["coordinates"], _DEPTHS[geometry["type"]])
    for line in lines:
        for x, y, *_ in line:
            if abs(y) > 90 and abs(x) <= FARTHEST:
                swapped = abs(x) <= 90 and abs(y) <= 180
                advice = "; longitude comes first, so swap the axes" if swapped else ""
                raise ValueError(f"the area has the latitude {y:.10g}, which must be from -90 to 90{advice}")
        if "Polygon" in geometry["type"] and line and list(line[0][:2]) != list(line[-1][:2]):
            first = f"{line[0][0]:.10g} {line[0][1]:.10g}"
            raise ValueError(f"the area has a ring that is not closed: repeat its first position, {first}, at its end")


def _lines(coordinates: Sequence[object], depth: int) -> List[Sequence[Sequence[float]]]:
    """Return the lines of positions in coordinates nested to a depth, 0 for a position."""
    if depth < 2:
        return [cast("Sequence[Sequence[float]]", coordinates if depth else [coordinates])]
    return [line for part in coordinates for line in _lines(cast("Sequence[object]", part), depth - 1)]


def _has_heights(text: str) -> bool:
    """Return whether a position has more than two numbers, which services need not take."""
    return bool(_HEIGHT.search(text))


# ---- parsing of texts ---------------------------------------------------------------------------------------


def _parsed(text: str) -> Optional[Geometry]:
    """Return the GeoJSON or WKT of a text as GeoJSON; None if it is neither."""
    try:
        found = json.loads(text) if text.lstrip().startswith("{") else _from_wkt(text)
        return found if _is_geometry(found, 0) else None
    except (ValueError, TypeError, IndexError, RecursionError, OverflowError):
        return None


def _is_geometry(found: Any, depth: int) -> bool:
    """Return whether parsed JSON is valid GeoJSON: a geometry, Feature or collection of finite positions."""
    if not isinstance(found, dict) or depth > _MOST_DEPTH + 1:
        return False
    kind = found.get("type")
    if kind == "Feature":
        return found.get("geometry") is None or _is_geometry(found["geometry"], depth + 1)
    if kind in ("FeatureCollection", "GeometryCollection"):
        members = found.get("features" if kind == "FeatureCollection" else "geometries")
        return isinstance(members, list) and all(_is_geometry(member, depth + 1) for member in members)
    return kind in _DEPTHS and _are_positions(found.get("coordinates"), _DEPTHS[kind])


def _are_positions(value: Any, depth: int) -> bool:
    if not isinstance(value, list):
        return False
    if depth:
        return all(_are_positions(member, depth - 1) for member in value)
    return len(value) >= 2 and all(
        isinstance(n, (int, float)) and not isinstance(n, bool) and abs(n) < 1e300 and math.isfinite(n) for n in value
    )


def _from_wkt(text: str) -> Geometry:
    """Parse WKT (OGC 06-103r4, section 7), with an optional prefix SRID=4326; heights are dropped."""
    text = re.sub(r"^\s*SRID=4326;", "", text, flags=re.IGNORECASE).strip()
    tokens: List[str] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"not WKT: {text[at : at + 20]!r}")
        tokens.append(match[1])
        at = match.end()
    tokens.reverse()
    found = _geometry_of(tokens, 0)
    if tokens:
        raise ValueError("not WKT: text follows the geometry")
    return found


def _geometry_of(tokens: List[str], depth: int) -> Geometry:
    kind = _NAMES.get(tokens.pop().upper())
    if kind is None or depth > _MOST_DEPTH + 1:
        raise ValueError("not WKT: no geometry")
    if tokens and tokens[-1].upper() in ("Z", "M", "ZM"):
        tokens.pop()
    if kind == "GeometryCollection":
        return {"type": kind, "geometries": _listed(tokens, lambda: _geometry_of(tokens, depth + 1))}
    if kind == "Point":
        (position,) = _listed(tokens, lambda: _position_of(tokens))
        return {"type": kind, "coordinates": position}
    return {"type": kind, "coordinates": _lists_of(tokens, _DEPTHS[kind])}


def _lists_of(tokens: List[str], depth: int) -> List[Any]:
    if depth == 1:
        return _listed(tokens, lambda: _position_of(tokens))
    return _listed(tokens, lambda: _lists_of(tokens, depth - 1))


def _listed(tokens: List[str], member: Any) -> List[Any]:
    if tokens[-1].upper() == "EMPTY":
        tokens.pop()
        return []
    _expect(tokens, "(")
    found = [member()]
    while tokens[-1] == ",":
        tokens.pop()
        found.append(member())
    _expect(tokens, ")")
    return found


def _position_of(tokens: List[str]) -> List[float]:
    enclosed = tokens[-1] == "("  # both MULTIPOINT((1 2),(3 4)) and MULTIPOINT(1 2,3 4) are in use
    if enclosed:
        tokens.pop()
    found: List[float] = []
    while tokens[-1] not in (",", ")"):
        found.append(float(tokens.pop()))
    if enclosed:
        _expect(tokens, ")")
    return found[:2]


def _expect(tokens: List[str], token: str) -> None:
    if not tokens or tokens.pop() != token:
        raise ValueError(f"not WKT: {token!r} is missing")
