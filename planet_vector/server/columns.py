"""What a scene's properties are in the index: a column for each field that searches compare."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Tuple

from planet_vector.query import FIELDS, QUALITIES, parse_time
from planet_vector.server.search import microseconds

# The R*Tree's boxes are split where they are longest. With ten days as long as a degree, a season is to time what a
# region is to the globe, and neither an area nor a span of time alone has to look through everything.
_TIME_UNIT = 10 * 86_400e6  # microseconds


def box_time(acquired: int) -> float:
    """Return a time in microseconds as the R*Tree holds it."""
    return acquired / _TIME_UNIT


def column_values(properties: Mapping[str, Any]) -> List[Any]:
    """Return the values of a scene's columns, in the order of `FIELDS` without ``acquired``.

    A value of the wrong kind is no value: it stays in the scene's properties, but no comparison finds it.
    """
    values: List[Any] = [None] * (len(FIELDS) - 1)
    for group, members in _PLAN.items():
        branch = properties.get(group) if group else properties
        if isinstance(branch, dict):
            for place, leaf, kind in members:
                value = branch.get(leaf)
                if value is not None:
                    values[place] = _column(kind, value)
    return values


def _plan() -> Dict[str, List[Tuple[int, str, str]]]:
    """Return the place, name and kind of each column, by the object its property stands in."""
    plan: Dict[str, List[Tuple[int, str, str]]] = {}
    for place, field in enumerate(field for name, field in FIELDS.items() if name != "acquired"):
        group, _, leaf = field.name.rpartition(".")
        plan.setdefault(group, []).append((place, leaf, field.kind))
    return plan


_PLAN = _plan()


def _column(kind: str, value: Any) -> Any:
    if isinstance(value, (bool, list, dict)):
        return None
    if kind == "string":
        text = str(value)
        # Half a surrogate pair can stand in JSON, but is no text.
        return None if any("\ud800" <= char <= "\udfff" for char in text) else text
    if kind == "quality":
        return QUALITIES.index(value) if value in QUALITIES else None
    if kind == "time":
        return _time_column(value)
    if isinstance(value, float):
        return value
    return sql_number(value) if isinstance(value, int) else None


def _time_column(value: Any) -> Optional[int]:
    try:
        return microseconds(parse_time(value)) if isinstance(value, str) else None
    except ValueError:
        return None


def sql_number(value: Any) -> Any:
    """Return a number SQLite can hold: its integers have 64 bits."""
    return float(value) if isinstance(value, int) and not -(2**63) <= value < 2**63 else value
