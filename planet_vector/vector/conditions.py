"""Conditions of a search held against rows that were read before."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Callable, List, Optional, Sequence, Tuple

from planet_vector.query import Condition
from planet_vector.times import format_time
from planet_vector.vector.columns import Rows

_TO_MILLISECONDS = 23  # letters of a time, as columns hold it before the Z


def meeting(rows: Rows, names: Sequence[str], conditions: Sequence[Condition]) -> List[int]:
    """Return the places of the rows that meet all conditions, and maybe more where these compare times.

    A column holds times cut to the millisecond, so a row whose time is the limit, so cut, is returned. A condition on a
    column that is not held is met by all rows. A row without a value meets no condition on it, as at the service.

    Parameters
    ----------
    rows : Rows
        The rows.
    names : sequence of str
        The names of their columns.
    conditions : sequence of Condition
        What is to hold.
    """
    places: Sequence[int] = range(len(rows))
    for condition in conditions:
        if condition.field.name in names:
            values = rows.columns[names.index(condition.field.name)]
            holds = _test(condition)
            places = [place for place in places if values[place] is not None and holds(values[place])]
    return list(places)


def may_meet(span: Optional[Tuple[str, str]], conditions: Sequence[Condition], time: str) -> bool:
    """Tell whether a scene acquired within a span can meet all conditions.

    Parameters
    ----------
    span : (str, str), optional
        The earliest and the latest time, as their column holds them; None if they are not known.
    conditions : sequence of Condition
        What is to hold.
    time : str
        The name of the column.
    """
    if span is None:
        return True
    earliest, latest = span
    for condition in conditions:
        if condition.field.name == time:
            # The edge of the span that meets it if any time within does; neither can tell of equality.
            edge = latest if condition.comparator in ("gt", "gte") else earliest
            if condition.comparator in ("gt", "gte", "lt", "lte") and not _test(condition)(edge):
                return False
    return True


def _test(condition: Condition) -> Callable[[Any], bool]:
    """Return what tells whether a value of the condition's column, not None, meets it."""
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
