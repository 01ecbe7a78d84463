"""What a scene's properties are in the index: a value for each field that searches compare."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Mapping, Optional, Tuple

from planet_vector.collection_schema import SceneField
from planet_vector.scenes_v0_fields import FIELDS
from planet_vector.server.index.scene_search import microseconds
from planet_vector.times import parse_time

COLUMNS: Tuple[str, ...] = tuple(name for name in FIELDS if name != "acquired")
"""Fields in the order of `column_values`; every scene has a time of acquisition, which stands apart."""


def column_values(properties: Mapping[str, Any]) -> List[Any]:
    """Return the values of a scene's columns, in the order of `COLUMNS`.

    A value of the wrong kind is no value: it stays in the scene's properties, but no comparison finds it.
    """
    values: List[Any] = [None] * len(COLUMNS)
    for group, members in _PLAN.items():
        branch = properties.get(group) if group else properties
        if isinstance(branch, dict):
            for place, leaf, field in members:
                value = branch.get(leaf)
                if value is not None:
                    values[place] = _column(field, value)
    return values


def _plan() -> Dict[str, List[Tuple[int, str, SceneField]]]:
    """Return the place, name and field of each column, by the object its property stands in."""
    plan: Dict[str, List[Tuple[int, str, SceneField]]] = {}
    for place, name in enumerate(COLUMNS):
        group, _, leaf = name.rpartition(".")
        plan.setdefault(group, []).append((place, leaf, FIELDS[name]))
    return plan


_PLAN = _plan()


def _column(field: SceneField, value: Any) -> Any:
    if isinstance(value, (bool, list, dict)):
        return None
    if field.kind == "string":
        text = str(value)
        # Half a surrogate pair can stand in JSON, but is no text.
        return None if any("\ud800" <= char <= "\udfff" for char in text) else text
    if field.words:
        return field.words.index(value) if value in field.words else None
    if field.kind == "time":
        return _time_column(value)
    if isinstance(value, float):
        return value
    return compared_number(value) if isinstance(value, int) else None


def _time_column(value: Any) -> Optional[int]:
    try:
        return microseconds(parse_time(value)) if isinstance(value, str) else None
    except ValueError:
        return None


def compared_number(value: Any) -> Any:
    """Return a number as it is compared: whole numbers beyond 64 bits as the floating point number next to them."""
    if not isinstance(value, int) or -(2**63) <= value < 2**63:
        return value
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf  # as JSON's 1e999 is read
