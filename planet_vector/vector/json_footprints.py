"""Footprints from their JSON, whose numbers are read at once; needs msgspec."""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate, chain
from typing import Callable, List, Literal, Optional, Protocol, Sequence, Tuple, cast

try:
    import msgspec
except ImportError:  # possible in the Python that a GDAL program embeds
    msgspec = None  # type: ignore[assignment]

from planet_vector.geometry.boxes import Bounds
from planet_vector.geometry.shapes import ring_footprints
from planet_vector.quick_json import UNDECODABLE, UNREADABLE, is_undecoded

_NUMBERS = b"+-.0123456789Ee \t\r\n"  # all characters of positions but brackets and commas
_BRACKETS = b"[]"


class _Polygon(Protocol):
    coordinates: bytes


def json_footprints(
    geometries: Sequence[object],
) -> Optional[Tuple[List[Optional[Bounds]], List[Optional[bytes]]]]:
    """Return bounds and WKB of undecoded footprints; None if any is decoded, or not a Polygon of one plain ring.

    Parameters
    ----------
    geometries : sequence of msgspec.Raw
        The JSON of geometries in degrees.

    Returns
    -------
    (list of Bounds, list of bytes) or None
        As `planet_vector.geometry.shapes.simple_footprints` returns them.
    """
    if not geometries or not all(map(is_undecoded, geometries)):
        return None
    try:
        found = _polygons()(b"[%s]" % b",".join(cast(List[bytes], geometries)))
    except UNDECODABLE:
        return None
    return ring_columns([polygon.coordinates for polygon in found])


@lru_cache(maxsize=1)
def _polygons() -> Callable[[bytes], List[_Polygon]]:
    return msgspec.json.Decoder(List[polygon_class()]).decode  # type: ignore[misc]


def polygon_class() -> type:
    """Return the class of Polygons for msgspec, with undecoded coordinates."""
    fields = [("type", Literal["Polygon"]), ("coordinates", msgspec.Raw)]
    return msgspec.defstruct("Geometry", fields, gc=False)


def plain_rings(coordinates: Sequence[bytes]) -> Optional[Tuple[List[float], Sequence[int]]]:
    """Return the positions of footprints that each are one ring without heights; None if any is something else.

    Parameters
    ----------
    coordinates : sequence of bytes
        The JSON of the coordinates of Polygons.

    Returns
    -------
    (list of float, sequence of int) or None
        Longitude and latitude of each position of all rings, and the number of positions of each ring.
    """
    if not coordinates:
        return None
    text = b",".join(coordinates)
    first = b"".join(coordinates[:1]).translate(None, _NUMBERS)
    shapes = [first] * len(coordinates)
    if text.translate(None, _NUMBERS) != b",".join(shapes):
        shapes = [bytes(ring).translate(None, _NUMBERS) for ring in coordinates]
    sizes = {shape: shape.count(b"[,]") for shape in set(shapes)}
    if any(shape != b"[[%s]]" % b",".join([b"[,]"] * size) for shape, size in sizes.items()):
        return None
    try:
        numbers: List[float] = msgspec.json.decode(b"[%s]" % text.translate(None, _BRACKETS), type=List[float])
    except UNREADABLE:
        return None
    return numbers, [sizes[shape] for shape in shapes]


def ring_columns(coordinates: Sequence[bytes]) -> Optional[Tuple[List[Optional[Bounds]], List[Optional[bytes]]]]:
    """Return bounds and WKB of footprints; None if any is not one plain ring.

    Parameters
    ----------
    coordinates : sequence of bytes
        The JSON of the coordinates of Polygons.

    Returns
    -------
    (list of Bounds, list of bytes) or None
        As `planet_vector.geometry.shapes.simple_footprints` returns them.
    """
    rings = plain_rings(coordinates)
    if rings is None:
        return None
    numbers, sizes = rings
    if len(set(sizes)) == 1:
        return ring_footprints(numbers, sizes[0])
    boxes: List[Optional[Bounds]] = [None] * len(sizes)
    wkbs: List[Optional[bytes]] = [None] * len(sizes)
    starts = list(accumulate(sizes, initial=0))
    for size in set(sizes):
        places = [place for place, each in enumerate(sizes) if each == size]
        found = ring_footprints(
            list(chain.from_iterable(numbers[2 * starts[place] : 2 * starts[place + 1]] for place in places)), size
        )
        if found is None:
            return None
        for place, box, wkb in zip(places, *found):
            boxes[place], wkbs[place] = box, wkb
    return boxes, wkbs
