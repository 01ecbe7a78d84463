"""Footprints and boxes in longitude and latitude (degrees, WGS 84), with nothing but the standard library.

The GDAL driver must load in whatever Python GDAL finds, so what it needs of geometry is here: GeoJSON polygons
checked, cut at the antimeridian (`planet_vector.geometry.antimeridian`), and written as WKB and WKT.
"""

from __future__ import annotations

import math
from itertools import chain
from operator import sub
from struct import error as StructError
from struct import pack, unpack_from
from typing import Any, FrozenSet, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from planet_vector.decimals import parse_number
from planet_vector.geometry.antimeridian import cut, reaches_across

Position = Tuple[float, float]
Ring = List[Position]
Polygon = List[Ring]
Bounds = Tuple[float, float, float, float]
"""West, south, east, north."""

_WKB_POLYGON, _WKB_MULTIPOLYGON = 3, 6  # OGC 06-103r4, table 7
FARTHEST = 540.0
"""Degrees of longitude: a turn beyond the antimeridian."""

_NUMBERS: FrozenSet[type] = frozenset({float, int})
_LISTS = (list, tuple)


class Box(NamedTuple):
    """Hold a box in degrees; ``west > east`` crosses the antimeridian."""

    west: float
    south: float
    east: float
    north: float

    @classmethod
    def parse(cls, text: str) -> Box:
        """Read ``minx,miny,maxx,maxy``, the longitudes in any turn: 185 is -175, and 360 degrees and more the globe.

        Raises
        ------
        ValueError
            When the text is not four numbers that make a box on the globe.
        """
        try:
            box = cls(*(parse_number(part) for part in text.split(",")))
        except (TypeError, ValueError):
            raise ValueError(f"{text!r} is not a box: write minx,miny,maxx,maxy in degrees") from None
        if not (-90 <= box.south <= box.north <= 90):
            raise ValueError(f"{text!r} is not a box: latitudes run from miny up to maxy, within -90 and 90")
        if not (-FARTHEST <= box.west <= FARTHEST and -FARTHEST <= box.east <= FARTHEST):
            raise ValueError(f"{text!r} is not a box: longitudes lie within -540 and 540")
        return box._within()

    def _within(self) -> Box:
        """Return the box with its longitudes within ±180°."""
        west, _, east, _ = self
        if max(abs(west), abs(east)) <= 180:
            return self
        if east - west >= 360:
            return self._replace(west=-180.0, east=180.0)
        has_width = west < east or (west - east) % 360 != 0
        west += 360 if west < -180 else -360 if west >= 180 else 0
        # Like the west, the east on the antimeridian takes the name that lies on the box's side of it.
        east += 360 if east <= -180 else -360 if east > 180 else 0
        return self._replace(west=west, east=east if has_width else west)

    @property
    def is_world(self) -> bool:
        """Whether every place on the globe is inside."""
        return self.east - self.west >= 360 and self.south <= -90 and self.north >= 90

    def parts(self) -> List[Box]:
        """Return the box as one or two boxes that do not cross the antimeridian.

        A box without width on the antimeridian lies on both sides of it.
        """
        if abs(self.west) == 180 == abs(self.east) and self.west >= self.east:
            return [self._replace(west=side, east=side) for side in (180.0, -180.0)]
        if self.west <= self.east:
            return [self]
        parts = [self._replace(east=180.0), self._replace(west=-180.0)]
        return [part for part in parts if part.west < part.east]

    def touches(self, other: Box) -> bool:
        """Tell whether the two boxes share a point."""
        return any(
            a.west <= b.east and b.west <= a.east and a.south <= b.north and b.south <= a.north
            for a in self.parts()
            for b in other.parts()
        )

    def contains(self, other: Box) -> bool:
        """Tell whether the other box lies within this one."""
        return all(
            any(a.west <= b.west and b.east <= a.east for a in self.parts())
            and self.south <= b.south
            and b.north <= self.north
            for b in other.parts()
        )

    def wkt(self) -> str:
        """Return the box as WKT: a point or a line where it has no size, two of them across or on the antimeridian.

        A box of more than half the globe has positions in the middle of its longer sides: a longer step goes the other
        way around (`planet_vector.geometry.areas`).
        """
        parts = self.parts()
        if parts[0].west == parts[0].east and self.south == self.north:
            points = [f"{part.west!r} {self.south!r}" for part in parts]
            return f"POINT({points[0]})" if len(points) == 1 else f"MULTIPOINT(({'),('.join(points)}))"
        if parts[0].west == parts[0].east:
            lines = [f"{part.west!r} {self.south!r},{part.east!r} {self.north!r}" for part in parts]
            return f"LINESTRING({lines[0]})" if len(lines) == 1 else f"MULTILINESTRING(({'),('.join(lines)}))"
        sides = [([w, (w + e) / 2, e] if e - w > 180 else [w, e], s, n) for w, s, e, n in parts]
        if self.south == self.north:
            lines = [",".join(f"{x!r} {s!r}" for x in xs) for xs, s, _ in sides]
            return f"LINESTRING({lines[0]})" if len(lines) == 1 else f"MULTILINESTRING(({'),('.join(lines)}))"
        rings = [
            "(("
            + ",".join([*(f"{x!r} {s!r}" for x in xs), *(f"{x!r} {n!r}" for x in xs[::-1]), f"{xs[0]!r} {s!r}"])
            + "))"
            for xs, s, n in sides
        ]
        return f"POLYGON{rings[0]}" if len(rings) == 1 else f"MULTIPOLYGON({','.join(rings)})"

    def __str__(self) -> str:
        return ",".join(
            format(value, ".15g") if float(format(value, ".15g")) == value else repr(value) for value in self
        )


WORLD = Box(-180.0, -90.0, 180.0, 90.0)


def polygons_of(geometry: Any) -> List[Polygon]:
    """Return a GeoJSON Polygon or MultiPolygon as polygons that lie within ±180°.

    A footprint is repaired only where nothing has to be invented:

    * A ring that is not closed is closed. Heights are left out.
    * A step of more than 180° of longitude is taken for the short way across the antimeridian (RFC 7946, section
      3.1.9), and longitudes up to ±540° for those a turn away. What reaches across the antimeridian is cut there. A
      step of 360° is none, except where the ring leaves both its ends along the meridian, on the same side: then it is
      an edge around the globe, as that of a box from -180° to 180°.
    * A ring around a pole, on one side of the equator, is completed over that pole.

    All else is as it is given: a ring that crosses itself, or has no surface, is not mended. Whatever else is wrong in
    any part, and there is no footprint at all.

    Parameters
    ----------
    geometry : object
        A GeoJSON geometry; None gives no polygon.

    Raises
    ------
    ValueError
        When it is no footprint; says why, beginning with "the footprint".
    """
    if geometry is None:
        return []
    if not isinstance(geometry, Mapping):
        raise ValueError(f"the footprint is no geometry of GeoJSON but a value of type {type(geometry).__name__}")
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if not isinstance(kind, str) or kind not in ("Polygon", "MultiPolygon"):
        shown = repr(kind[:40]) if isinstance(kind, str) else "something else"
        raise ValueError(f"the footprint is no Polygon or MultiPolygon but {shown}")
    if not isinstance(coordinates, _LISTS) or not coordinates:
        raise ValueError("the footprint has no coordinates")
    found: List[Polygon] = []
    for rings in [coordinates] if kind == "Polygon" else coordinates:
        if not isinstance(rings, _LISTS) or not rings:
            raise ValueError("the footprint has a polygon that is no list of rings")
        polygon = list(map(_ring, rings))
        found.extend(cut(polygon) if any(map(reaches_across, polygon)) else [polygon])
    return found


def _ring(positions: Any) -> Ring:
    """Read a ring of GeoJSON, and close it."""
    is_list = isinstance(positions, _LISTS) and all(issubclass(kind, _LISTS) for kind in set(map(type, positions)))
    if not is_list:
        raise ValueError("the footprint has a ring that is no list of positions")
    kinds = set(map(type, chain.from_iterable(positions)))
    are_numbers = kinds <= _NUMBERS or all(issubclass(kind, (int, float)) and kind is not bool for kind in kinds)
    if not are_numbers or min(map(len, positions), default=2) < 2:
        raise ValueError("the footprint has a position that is no list of two numbers or more")
    try:
        ring = [(float(position[0]), float(position[1])) for position in positions]
    except OverflowError:  # a whole number past the largest double
        ring = [(math.inf, math.inf)]
    if ring and ring[0] != ring[-1]:
        ring.append(ring[0])
    if not all(-FARTHEST <= x <= FARTHEST for x, _ in ring):
        raise ValueError(f"the footprint has a longitude beyond ±{FARTHEST:.0f} degrees")
    if not all(-90 <= y <= 90 for _, y in ring):
        raise ValueError("the footprint has a latitude beyond ±90 degrees")
    if len(ring) < 4:
        raise ValueError("the footprint has a ring of fewer than three corners")
    return ring


def bounds(polygons: Sequence[Polygon]) -> Box:
    """Return the box around polygons, one at least."""
    xs = [x for polygon in polygons for x, _ in polygon[0]]
    ys = [y for polygon in polygons for _, y in polygon[0]]
    return Box(min(xs), min(ys), max(xs), max(ys))


def multipolygon_wkb(polygons: Sequence[Polygon]) -> bytes:
    """Write polygons as a little-endian WKB MultiPolygon."""
    parts = [pack("<BII", 1, _WKB_MULTIPOLYGON, len(polygons))]
    for polygon in polygons:
        parts.append(pack("<BII", 1, _WKB_POLYGON, len(polygon)))
        for ring in polygon:
            parts.append(pack(f"<I{2 * len(ring)}d", len(ring), *(value for position in ring for value in position)))
    return b"".join(parts)


def simple_footprints(
    geometries: Sequence[Optional[Mapping[str, Any]]],
) -> Optional[Tuple[List[Optional[Bounds]], List[Optional[bytes]]]]:
    """Return bounds and WKB of footprints that all are one plain ring of as many positions, fast; else None.

    Nearly every page is so: `polygons_of`, `bounds` and `multipolygon_wkb` say the same of it, and of the others.
    """
    try:
        rings = [ring for geometry in geometries for (ring,) in [geometry["coordinates"]]]  # type: ignore[index]
        (size,) = set(map(len, rings))
        positions = list(chain.from_iterable(rings))
        numbers = list(chain.from_iterable(positions))
        plain = (
            {geometry["type"] for geometry in geometries} == {"Polygon"}  # type: ignore[index]
            and set(map(len, positions)) == {2}
            and set(map(type, numbers)) <= _NUMBERS
        )
        return ring_footprints(numbers, size) if plain else None
    except (TypeError, ValueError, KeyError, OverflowError, StructError):
        return None


def ring_footprints(
    numbers: Sequence[float], size: int
) -> Optional[Tuple[List[Optional[Bounds]], List[Optional[bytes]]]]:
    """Return bounds and WKB of rings; None unless each is closed and lies within ±180°, not across it.

    Parameters
    ----------
    numbers : sequence of float
        Longitude and latitude of each position of each ring, in degrees.
    size : int
        Positions of a ring, the last of which is the first again.
    """
    step = 2 * size
    # Position by position, the last left out: it is the first again. NaN would pass all that is asked of bounds.
    xs, ys = ([numbers[at::step] for at in range(axis, step - 2, 2)] for axis in (0, 1))
    closed = size >= 4 and xs[0] == numbers[step - 2 :: step] and ys[0] == numbers[step - 1 :: step]
    if not closed or not math.isfinite(sum(numbers)):
        return None
    west, south, east, north = list(map(min, *xs)), list(map(min, *ys)), list(map(max, *xs)), list(map(max, *ys))
    if min(west) < -180 or max(east) > 180 or min(south) < -90 or max(north) > 90 or max(map(sub, east, west)) > 180:
        return None
    head = pack("<BIIBIII", 1, _WKB_MULTIPOLYGON, 1, 1, _WKB_POLYGON, 1, size)
    data = pack(f"<{len(numbers)}d", *numbers)
    return list(zip(west, south, east, north)), [
        head + data[at : at + 8 * step] for at in range(0, len(data), 8 * step)
    ]


def polygons_of_wkb(wkb: bytes) -> List[Polygon]:
    """Read a MultiPolygon that `multipolygon_wkb` wrote."""
    polygons: List[Polygon] = []
    at = 9
    for _ in range(unpack_from("<I", wkb, 5)[0]):
        (count,) = unpack_from("<I", wkb, at + 5)
        polygons.append([])
        at += 9
        for _ in range(count):
            (size,) = unpack_from("<I", wkb, at)
            numbers = unpack_from(f"<{2 * size}d", wkb, at + 4)
            at += 4 + 16 * size
            polygons[-1].append(list(zip(numbers[::2], numbers[1::2])))
    return polygons


def wkt_of_wkb(wkb: bytes) -> str:
    """Write a MultiPolygon that `multipolygon_wkb` wrote as WKT, every digit kept."""
    polygons = [
        "(" + ",".join(["(" + ",".join([f"{x!r} {y!r}" for x, y in ring]) + ")" for ring in rings]) + ")"
        for rings in polygons_of_wkb(wkb)
    ]
    return f"MULTIPOLYGON({','.join(polygons)})"
