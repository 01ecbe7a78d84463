"""Places of items, as far as they show whether an item lies in an area that was asked for."""

from __future__ import annotations

from typing import Iterator, List, Mapping, Optional, Sequence, Union

from planet_vector.catalog.stac.json_values import as_number, as_object
from planet_vector.collection_schema import Feature
from planet_vector.geometry.boxes import Box
from planet_vector.quick_json import decoded

_TOLERANCE = 0.5  # degrees; services index outlines coarsely, and items beside the area are theirs to decide


def is_near(item: Feature, area: Union[Box, Mapping[str, object], None]) -> bool:
    """Return whether an item may lie in an area; True if it has no place.

    Parameters
    ----------
    item : mapping
        The item.
    area : Box, mapping or None
        A box, a GeoJSON geometry, or the whole world.
    """
    if area is None:
        return True
    there = _box_of_item(item)
    here = area if isinstance(area, Box) else _box_of_geometry(area)
    if there is None or here is None:
        return True
    return any(
        a.west - _TOLERANCE <= b.east
        and b.west <= a.east + _TOLERANCE
        and a.south - _TOLERANCE <= b.north
        and b.south <= a.north + _TOLERANCE
        for a in _turns(here)
        for b in _turns(there)
    )


def _turns(box: Box) -> List[Box]:
    """Return a box, as one or two, and the same a turn to the west and to the east."""
    parts = box.parts() if box.west > box.east else [box]
    return [part._replace(west=part.west + turn, east=part.east + turn) for part in parts for turn in (-360, 0, 360)]


def _box_of_item(item: Feature) -> Optional[Box]:
    bbox = item.get("bbox")
    numbers = [as_number(value) for value in bbox] if isinstance(bbox, list) else []
    known = [number for number in numbers if number is not None]
    if len(known) == len(numbers) and len(known) in (4, 6):
        half = len(known) // 2
        return Box(known[0], known[1], known[half], known[half + 1])
    return _box_of_geometry(as_object(decoded(item.get("geometry"))))


def _box_of_geometry(geometry: Mapping[str, object]) -> Optional[Box]:
    positions = list(_positions(geometry))
    if not positions:
        return None
    xs, ys = zip(*positions)
    return Box(min(xs), min(ys), max(xs), max(ys))


def _positions(geometry: Mapping[str, object]) -> Iterator[Sequence[float]]:
    """Yield the positions of a geometry, of any depth."""
    waiting: List[object] = [geometry]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            waiting += [value.get("coordinates"), value.get("geometries")]
        elif isinstance(value, (list, tuple)):
            numbers = [as_number(number) for number in value[:2]]
            if len(numbers) == 2 and None not in numbers:
                yield numbers  # type: ignore[misc]
            else:
                waiting += value
