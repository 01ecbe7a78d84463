"""Footprints and boxes in longitude and latitude (degrees, WGS 84), with nothing but the standard library.

The GDAL driver must load in whatever Python GDAL finds, so what it needs of geometry is here: GeoJSON polygons
checked, split at the antimeridian, and written as WKB and WKT.
"""

from __future__ import annotations

import math
from itertools import chain
from operator import sub
from struct import error as StructError
from struct import pack, unpack_from
from typing import Any, List, Mapping, NamedTuple, Optional, Sequence, Tuple

Position = Tuple[float, float]
Ring = List[Position]
Polygon = List[Ring]
Bounds = Tuple[float, float, float, float]
"""West, south, east, north."""

_WKB_POLYGON, _WKB_MULTIPOLYGON = 3, 6  # OGC 06-103r4, table 7


class Box(NamedTuple):
    """Hold a box in degrees; ``west > east`` crosses the antimeridian."""

    west: float
    south: float
    east: float
    north: float

    @classmethod
    def parse(cls, text: str) -> Box:
        """Read ``minx,miny,maxx,maxy``.

        Raises
        ------
        ValueError
            When the text is not four numbers that make a box on the globe.
        """
        try:
            box = cls(*(float(part) for part in text.split(",")))
        except (TypeError, ValueError):
            raise ValueError(f"{text!r} is not a box: write minx,miny,maxx,maxy in degrees") from None
        if not all(math.isfinite(value) for value in box):
            raise ValueError(f"{text!r} is not a box: its numbers must be finite")
        if not (-90 <= box.south <= box.north <= 90):
            raise ValueError(f"{text!r} is not a box: latitudes run from miny up to maxy, within -90 and 90")
        if not (-180 <= box.west <= 180 and -180 <= box.east <= 180):
            raise ValueError(f"{text!r} is not a box: longitudes lie within -180 and 180")
        return box

    @property
    def is_world(self) -> bool:
        """Whether every place on the globe is inside."""
        return self.east - self.west >= 360 and self.south <= -90 and self.north >= 90

    def parts(self) -> List[Box]:
        """Return the box as one or two boxes that do not cross the antimeridian."""
        if self.west <= self.east:
            return [self]
        parts = [self._replace(east=180.0), self._replace(west=-180.0)]
        return [part for part in parts if part.west < part.east] or parts[:1]

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
        """Return the box as WKT: a point or a line where it has no size, two polygons across the antimeridian."""
        if self.west == self.east and self.south == self.north:
            return f"POINT({self.west!r} {self.south!r})"
        if self.west == self.east or self.south == self.north:
            return f"LINESTRING({self.west!r} {self.south!r},{self.east!r} {self.north!r})"
        rings = [f"(({w!r} {s!r},{e!r} {s!r},{e!r} {n!r},{w!r} {n!r},{w!r} {s!r}))" for w, s, e, n in self.parts()]
        return f"POLYGON{rings[0]}" if len(rings) == 1 else f"MULTIPOLYGON({','.join(rings)})"

    def __str__(self) -> str:
        return ",".join(
            format(value, ".15g") if float(format(value, ".15g")) == value else repr(value) for value in self
        )


WORLD = Box(-180.0, -90.0, 180.0, 90.0)


def polygons_of(geometry: Optional[Mapping[str, Any]]) -> List[Polygon]:
    """Return a GeoJSON Polygon or MultiPolygon as polygons that lie within ±180°.

    A ring that jumps by more than half the globe, or runs past 180°, is taken to cross the antimeridian
    (RFC 7946, section 3.1.9) and cut there.

    Parameters
    ----------
    geometry : mapping or None
        A GeoJSON geometry; None gives no polygon.

    Raises
    ------
    ValueError
        When it is neither, or its positions are no numbers.
    """
    if geometry is None:
        return []
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind not in ("Polygon", "MultiPolygon") or not isinstance(coordinates, list):
        raise ValueError(f"a footprint is a Polygon or MultiPolygon, not {kind!r}")
    found: List[Polygon] = []
    for rings in [coordinates] if kind == "Polygon" else coordinates:
        try:
            polygon = [[(float(p[0]), float(p[1])) for p in ring] for ring in rings]
        except (TypeError, ValueError, IndexError, KeyError, OverflowError):
            raise ValueError("a footprint's positions are pairs of numbers") from None
        if not polygon or len(polygon[0]) < 4:
            raise ValueError("a footprint's ring has at least four positions")
        if not all(-math.inf < x < math.inf and -90 <= y <= 90 for ring in polygon for x, y in ring):
            raise ValueError("a footprint's positions are longitude and latitude in degrees")
        found.extend(_split(polygon) if _crosses(polygon) else [polygon])
    return found


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
        plain = (
            {geometry["type"] for geometry in geometries} == {"Polygon"}  # type: ignore[index]
            and set(map(len, chain.from_iterable(rings))) == {2}
        )
        return ring_footprints(list(chain.from_iterable(chain.from_iterable(rings))), size) if plain else None
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


def _crosses(polygon: Polygon) -> bool:
    ring = polygon[0]
    return any(abs(x) > 180 for x, _ in ring) or any(abs(a[0] - b[0]) > 180 for a, b in zip(ring, ring[1:]))


def _split(polygon: Polygon) -> List[Polygon]:
    """Cut a polygon that crosses the antimeridian into parts within ±180°."""
    unwrapped = [_unwrap(ring) for ring in polygon]
    middle = sum(x for x, _ in unwrapped[0]) / len(unwrapped[0])
    parts: List[Polygon] = []
    for turn in (-360.0, 0.0, 360.0):
        if abs(middle + turn) > 540:
            continue
        moved = [[(x + turn, y) for x, y in ring] for ring in unwrapped]
        cut = [_clip(_clip(ring, -180.0, 1), 180.0, -1) for ring in moved]
        if len(cut[0]) >= 4:
            parts.append([ring for ring in cut if len(ring) >= 4])
    return parts


def _unwrap(ring: Ring) -> Ring:
    """Turn jumps over the antimeridian into longitudes that run on."""
    turned = [ring[0]]
    for x, y in ring[1:]:
        while x - turned[-1][0] > 180:
            x -= 360
        while turned[-1][0] - x > 180:
            x += 360
        turned.append((x, y))
    return turned


def _clip(ring: Ring, edge: float, side: int) -> Ring:
    """Cut a ring at a meridian, keeping its eastern (side 1) or western (-1) part (Sutherland and Hodgman 1974)."""
    kept: Ring = []
    for a, b in zip(ring, ring[1:]):
        inside_a, inside_b = side * (a[0] - edge) >= 0, side * (b[0] - edge) >= 0
        if inside_a:
            kept.append(a)
        if inside_a != inside_b:
            kept.append((edge, a[1] + (b[1] - a[1]) * (edge - a[0]) / (b[0] - a[0])))
    if kept and (kept[0] != kept[-1] or len(kept) == 1):
        kept.append(kept[0])
    # A ring that only touches the meridian leaves a line, not a surface.
    return kept if len({x for x, _ in kept}) > 1 else []
