"""Evaluation of a search's conditions on rows that were read before."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Callable, List, Optional, Sequence, Tuple

from planet_vector.conditions import Condition
from planet_vector.times import format_time
from planet_vector.vector.columns import Rows

_TO_MILLISECONDS = 23  # characters of a time in a column before the Z


def meeting(rows: Rows, names: Sequence[str], conditions: Sequence[Condition]) -> List[int]:
    """Return the indices of the rows that meet all conditions, and possibly a few more if these compare times.

    Columns hold times truncated to the millisecond, so a row whose time equals the truncated limit is returned. All
    rows meet a condition on a missing column. A null meets no condition, as at the service.

    Parameters
    ----------
    rows : Rows
        The rows.
    names : sequence of str
        The names of their columns.
    conditions : sequence of Condition
        The conditions; a row must meet all of them.
    """
    places: Sequence[int] = range(len(rows))
    for condition in conditions:
        if condition.field.name in names:
            values = rows.columns[names.index(condition.field.name)]
            holds = _test(condition)
            places = [place for place in places if values[place] is not None and holds(values[place])]
    return list(places)


def may_meet(span: Optional[Tuple[str, str]], conditions: Sequence[Condition], time: str) -> bool:
    """Return whether a scene acquired within a time window can meet all conditions.

    Parameters
    ----------
    span : (str, str), optional
        The earliest and the latest time, as their column holds them; None if they are not known.
    conditions : sequence of Condition
        The conditions.
    time : str
        The name of the time column.
    """
    if span is None:
        return True
    earliest, latest = span
    for condition in conditions:
        if condition.field.name == time:
            # The end of the window that meets it if any time within does. Equality cannot be tested by the ends.
            edge = latest if condition.comparator in ("gt", "gte") else earliest
            if condition.comparator in ("gt", "gte", "lt", "lte") and not _test(condition)(edge):
                return False
    return True


def _test(condition: Condition) -> Callable[[Any], bool]:
    """Return a test of values, not None, of the condition's column."""
    if isinstance(condition.value, datetime):
        limit = format_time(condition.value)[:19] + f".{condition.value.microsecond // 1000:03d}"
        if condition.comparator in ("gt", "gte"):
            return lambda value: bool(value[:_TO_MILLISECONDS] >= limit)
        if condition.comparator in ("lt", "lte"):
            return lambda value: bool(value[:_TO_MILLISECONDS] <= limit)
        return lambda value: condition.comparator == "neq" or bool(value[:_TO_MILLISECONDS] == limit)
    words = condition.field.words
    if words:
        return lambda value: value in words and condition.holds(words.index(value))
    return condition.holds
