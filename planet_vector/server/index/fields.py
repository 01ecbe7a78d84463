"""Convert the properties of a scene to index columns: one value for each field that searches compare."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Mapping, Optional, Tuple

from planet_vector.collection_schema import SceneField
from planet_vector.scenes_v0_fields import FIELDS
from planet_vector.server.archive.fields import SceneFields
from planet_vector.server.index.scene_search import microseconds
from planet_vector.times import parse_time

COLUMNS: Tuple[str, ...] = tuple(name for name in FIELDS if name != "acquired")
"""Fields in the order of `column_values`, without the time of acquisition, which is stored separately."""


UPDATED = "item.updated"
"""Column of the time of the last change, which v0 does not have; that of publication if it is not stated."""


def column_values(properties: Mapping[str, Any]) -> List[Any]:
    """Return the values of a scene's columns, in the order of `COLUMNS`.

    A value of the wrong type is treated as missing: it stays in the scene's properties, but no comparison matches it.

    Parameters
    ----------
    properties : mapping
        Properties of the scene's Feature; dotted field names refer to nested objects.

    Returns
    -------
    list
        A number, a text or None for each field; times are in microseconds since 1970.
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


def stored_values(properties: Mapping[str, object], fields: SceneFields) -> Dict[str, object]:
    """Return the values of a scene's columns by name, those of `COLUMNS` and `UPDATED`.

    Parameters
    ----------
    properties : mapping
        Properties of the scene's Feature, for `column_values`.
    fields : SceneFields
        Its metadata.
    """
    found: Dict[str, object] = dict(zip(COLUMNS, column_values(properties)))
    found[UPDATED] = found["published"] if fields.updated is None else microseconds(fields.updated)
    return found


def _plan() -> Dict[str, List[Tuple[int, str, SceneField]]]:
    """Return the position, name and field of each column, by the object that contains its property."""
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
        # JSON may contain a lone surrogate, which cannot be encoded.
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
    """Return a number as it is compared: integers beyond 64 bits become floats.

    Parameters
    ----------
    value : object
        A number; other values are returned unchanged.

    Returns
    -------
    int, float or object
        The nearest float of an integer beyond 64 bits (infinity beyond the range of floats), else the value.
    """
    if not isinstance(value, int) or -(2**63) <= value < 2**63:
        return value
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf  # as JSON's 1e999 is read
