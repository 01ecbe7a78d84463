"""Rows as JSON, and back, with validation: a value that does not fit its column would reach GDAL's C code.

The format does not depend on the version of Python. Footprints are written as WKB. Bounding boxes are not written but
computed from the footprints, so that they cannot contradict them.
"""

from __future__ import annotations

import json
import math
import re
from collections import deque
from datetime import datetime
from struct import error as StructError
from struct import pack, unpack, unpack_from
from typing import Any, Dict, FrozenSet, List, Mapping, NoReturn, Optional, Sequence, Tuple

from planet_vector.collection_schema import INTEGER, LONG, REAL, TEXT, TIME
from planet_vector.geometry.boxes import Bounds, around_polygons
from planet_vector.geometry.shapes import Polygon, multipolygon_wkb, polygons_of_wkb, ring_footprints
from planet_vector.vector.column_values import LARGEST
from planet_vector.vector.columns import Rows

VERSION = 2
"""Incremented whenever the JSON, or the content of a column, changes."""

_LARGEST_FID = 2**53 - 1  # `Schema.fids` uses 53 bits
_LONGEST_INT = 20  # characters of the longest that a column holds; Python needs minutes to parse one of a megabyte

_NUMBERS: FrozenSet[type] = frozenset({int, float})
_CLASSES: Mapping[str, FrozenSet[type]] = {
    TEXT: frozenset({str}),
    TIME: frozenset({str}),
    REAL: _NUMBERS,
    INTEGER: frozenset({int}),
    LONG: frozenset({int}),
}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)  # as `Schema.rows` writes times

_HEAD = 22  # bytes of a MultiPolygon of one ring before its first position
_POSITION = 16


def encode(blocks: Sequence[Rows]) -> Any:
    """Return rows as lists for `write_json`.

    Parameters
    ----------
    blocks : sequence of Rows
        The rows.
    """
    return [
        [block.fids, [wkb and wkb.hex() for wkb in block.wkbs], block.columns, sorted(block.full)] for block in blocks
    ]


def decode(content: Any, types: Optional[Sequence[str]] = None) -> List[Rows]:
    """Return the rows that `encode` was given, validated.

    Parameters
    ----------
    content : object
        The result of `read_json`.
    types : sequence of str, optional
        The OGR types of the columns; by default a column may hold either texts or numbers.

    Raises
    ------
    Exception
        Any exception, if the content is not valid.
    """
    return [_decode_block(block, types) for block in content]


def read_json(text: bytes) -> Any:
    """Return the value of a JSON text.

    Parameters
    ----------
    text : bytes
        JSON.

    Raises
    ------
    Exception
        Any exception, if it is not JSON, or contains a number that no column can hold.
    """
    return json.loads(text, parse_int=_parse_int, parse_constant=_refuse)


def write_json(content: Any) -> bytes:
    """Return content as JSON, ASCII only.

    Parameters
    ----------
    content : object
        Lists, texts and numbers.

    Raises
    ------
    Exception
        Any exception, if JSON cannot represent it, such as an infinite number.
    """
    return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


def _parse_int(text: str) -> int:
    if len(text) > _LONGEST_INT:
        raise ValueError("a whole number that no column takes")
    return int(text)


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def _decode_block(block: Any, types: Optional[Sequence[str]]) -> Rows:
    fids, hexes, columns, full = block
    _check(set(map(type, (block, fids, hexes, columns, full, *columns))) == {list}, "lists")
    _check(bool(fids) and set(map(type, fids)) == {int}, "feature ids")
    _check(0 <= min(fids) and max(fids) <= _LARGEST_FID, "feature ids")
    _check(set(map(len, (hexes, *columns))) == {len(fids)}, "lengths of columns")
    kinds: Sequence[Optional[str]] = [None] * len(columns) if types is None else types
    _check(len(kinds) == len(columns) > 0, "number of columns")
    for column, kind in zip(columns, kinds):
        _check_column(column, kind)
    _check(set(map(type, full)) <= {int} and all(0 <= slot < len(columns) for slot in full), "full columns")
    _check(not any(None in columns[slot] for slot in full), "full columns")
    wkbs = [None if text is None else bytes.fromhex(text) for text in hexes]
    return Rows(tuple(fids), tuple(_boxes(wkbs)), tuple(wkbs), list(map(tuple, columns)), frozenset(full))


def _check(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(f"{what} are not as they were written")


def _check_column(column: Sequence[Any], kind: Optional[str]) -> None:
    classes = set(map(type, column))
    values = column
    if type(None) in classes:
        classes.remove(type(None))
        values = [value for value in column if value is not None]
    if kind is None:
        _check(classes <= {str} or classes <= _NUMBERS, "values")
    else:
        _check(classes <= _CLASSES[kind], "values")
    if classes == {str}:
        if kind == TIME:
            _check(all(map(_MOMENT.fullmatch, values)), "times")
            deque(map(datetime.fromisoformat, [value[:-1] for value in values]), 0)
    elif classes:
        _check(all(map(math.isfinite, values)), "numbers")
        if int in classes:
            most = LARGEST[kind or LONG]
            _check(all(abs(value) <= most for value in values if value.__class__ is int), "numbers")


def _boxes(wkbs: Sequence[Optional[bytes]]) -> List[Optional[Bounds]]:
    """Validate footprints, and return their bounding boxes.

    Raises
    ------
    ValueError
        If one differs from what `planet_vector.geometry.shapes.multipolygon_wkb` writes.
    """
    boxes: List[Optional[Bounds]] = [None] * len(wkbs)
    groups: Dict[bytes, List[Tuple[int, bytes]]] = {}
    for number, wkb in enumerate(wkbs):
        if wkb is not None:
            groups.setdefault(wkb[:_HEAD], []).append((number, wkb))
    for head, group in groups.items():
        numbers, members = zip(*group)
        for number, box in zip(numbers, _plain_boxes(head, members) or map(_box, members)):
            boxes[number] = box
    return boxes


def _plain_boxes(head: bytes, wkbs: Sequence[bytes]) -> Optional[Sequence[Optional[Bounds]]]:
    """Return the bounding boxes of footprints with the same header if each is one closed ring; else None."""
    if len(head) < _HEAD:
        return None
    (size,) = unpack_from("<I", head, _HEAD - 4)
    if head != pack("<BIIBIII", 1, 6, 1, 1, 3, 1, size) or set(map(len, wkbs)) != {_HEAD + _POSITION * size}:
        return None
    numbers = unpack(f"<{2 * size * len(wkbs)}d", b"".join([wkb[_HEAD:] for wkb in wkbs]))
    found = ring_footprints(numbers, size)
    return found and found[0]


def _box(wkb: bytes) -> Bounds:
    try:
        polygons = polygons_of_wkb(wkb)
    except StructError:
        raise ValueError("a footprint is cut off") from None
    # The round trip is identical: so types and counts are right, and there are no trailing bytes.
    _check(multipolygon_wkb(polygons) == wkb and bool(polygons) and all(map(_plausible, polygons)), "footprints")
    return tuple(around_polygons(polygons))  # type: ignore[return-value]


def _plausible(polygon: Polygon) -> bool:
    """Return whether `planet_vector.geometry.shapes.polygons_of` can return a polygon; holes may have any size."""
    return (
        bool(polygon)
        and len(polygon[0]) >= 4
        and all(abs(x) <= 180 for x, _ in polygon[0])
        and all(math.isfinite(x) and abs(y) <= 90 for ring in polygon for x, y in ring)
    )
