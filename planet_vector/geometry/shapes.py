"""Footprints in longitude and latitude (degrees, WGS 84), with the standard library only.

The GDAL driver must load in any Python that GDAL finds, so its geometry functions are implemented here: validating
GeoJSON polygons, cutting them at the antimeridian (`planet_vector.geometry.antimeridian`), and writing WKB and WKT.
"""

from __future__ import annotations

import math
from itertools import chain
from operator import sub
from struct import error as StructError
from struct import pack, unpack_from
from typing import Any, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from planet_vector.geometry.antimeridian import cut, reaches_across
from planet_vector.geometry.boxes import FARTHEST, Bounds

Position = Tuple[float, float]
Ring = List[Position]
Polygon = List[Ring]
_WKB_POLYGON, _WKB_MULTIPOLYGON = 3, 6  # OGC 06-103r4, table 7
_NUMBERS: FrozenSet[type] = frozenset({float, int})
_LISTS = (list, tuple)


def polygons_of(geometry: Any) -> List[Polygon]:
    """Return a GeoJSON Polygon or MultiPolygon as polygons within ±180°.

    A footprint is repaired only where the repair is unambiguous:

    * A ring that is not closed is closed. Heights are dropped.
    * A step of more than 180° of longitude goes the short way across the antimeridian (RFC 7946, section 3.1.9), and
      longitudes up to ±540° are reduced by a turn. A polygon across the antimeridian is cut there. A step of 360°
      joins two representations of one place, unless the ring leaves both its ends along the meridian, on the same
      side: then it is an edge around the globe, as that of a box from -180° to 180°.
    * A ring around a pole, on one side of the equator, is completed over that pole.

    Everything else is unchanged: a ring that crosses itself, or has no surface, is not repaired. Any other error in any
    part invalidates the whole footprint.

    Parameters
    ----------
    geometry : object
        A GeoJSON geometry; None yields no polygon.

    Returns
    -------
    list of polygons
        Each a list of closed rings, the outline first.

    Raises
    ------
    ValueError
        If it is not a footprint; the message begins with "the footprint".
    """
    if geometry is None:
        return []
    if not isinstance(geometry, Mapping):
        raise ValueError(f"the footprint is not a GeoJSON geometry but a value of type {type(geometry).__name__}")
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if not isinstance(kind, str) or kind not in ("Polygon", "MultiPolygon"):
        shown = repr(kind[:40]) if isinstance(kind, str) else "something else"
        raise ValueError(f"the footprint is not a Polygon or MultiPolygon but {shown}")
    if not isinstance(coordinates, _LISTS) or not coordinates:
        raise ValueError("the footprint has no coordinates")
    found: List[Polygon] = []
    for rings in [coordinates] if kind == "Polygon" else coordinates:
        if not isinstance(rings, _LISTS) or not rings:
            raise ValueError("the footprint has a polygon that is not a list of rings")
        polygon = list(map(_ring, rings))
        found.extend(cut(polygon) if any(map(reaches_across, polygon)) else [polygon])
    return found


def _ring(positions: Any) -> Ring:
    """Parse a ring of GeoJSON, and close it."""
    is_list = isinstance(positions, _LISTS) and all(issubclass(kind, _LISTS) for kind in set(map(type, positions)))
    if not is_list:
        raise ValueError("the footprint has a ring that is not a list of positions")
    kinds = set(map(type, chain.from_iterable(positions)))
    are_numbers = kinds <= _NUMBERS or all(issubclass(kind, (int, float)) and kind is not bool for kind in kinds)
    if not are_numbers or min(map(len, positions), default=2) < 2:
        raise ValueError("the footprint has a position that is not a list of two or more numbers")
    try:
        ring = [(float(position[0]), float(position[1])) for position in positions]
    except OverflowError:  # an integer beyond the largest double
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


def multipolygon_wkb(polygons: Sequence[Polygon]) -> bytes:
    """Return polygons as a little-endian WKB MultiPolygon.

    Parameters
    ----------
    polygons : sequence of polygons
        The polygons.
    """
    parts = [pack("<BII", 1, _WKB_MULTIPOLYGON, len(polygons))]
    for polygon in polygons:
        parts.append(pack("<BII", 1, _WKB_POLYGON, len(polygon)))
        for ring in polygon:
            parts.append(pack(f"<I{2 * len(ring)}d", len(ring), *(value for position in ring for value in position)))
    return b"".join(parts)


def simple_footprints(
    geometries: Sequence[Optional[Mapping[str, Any]]],
) -> Optional[Tuple[List[Optional[Bounds]], List[Optional[bytes]]]]:
    """Return bounds and WKB of footprints that each are one plain ring of the same number of positions; else None.

    Fast path for almost every page; the result equals that of `polygons_of`, `around_polygons` and `multipolygon_wkb`,
    which handle the other pages.

    Parameters
    ----------
    geometries : sequence of mapping of str to object or None
        GeoJSON geometries in degrees.

    Returns
    -------
    (list of Bounds, list of bytes) or None
        West, south, east and north of each in degrees, and its WKB.
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
        Positions of a ring; the last equals the first.

    Returns
    -------
    (list of Bounds, list of bytes) or None
        West, south, east and north of each in degrees, and its WKB.
    """
    step = 2 * size
    # One list per position, without the last, which equals the first. NaN would pass the comparisons of bounds.
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
    """Parse a MultiPolygon written by `multipolygon_wkb`.

    Parameters
    ----------
    wkb : bytes
        The MultiPolygon.

    Returns
    -------
    list of polygons
        The polygons.
    """
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
    """Convert a MultiPolygon written by `multipolygon_wkb` to WKT without loss of digits.

    Parameters
    ----------
    wkb : bytes
        The MultiPolygon.

    Returns
    -------
    str
        WKT.
    """
    polygons = [
        "(" + ",".join(["(" + ",".join([f"{x!r} {y!r}" for x, y in ring]) + ")" for ring in rings]) + ")"
        for rings in polygons_of_wkb(wkb)
    ]
    return f"MULTIPOLYGON({','.join(polygons)})"
