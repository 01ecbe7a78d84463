"""Conversion of values to the type of a column: unchanged, rounded, or null."""

from __future__ import annotations

import math
from collections import deque
from datetime import datetime
from typing import Any, FrozenSet, Mapping, Optional, Sequence, Set, Tuple

from planet_vector.collection_schema import INTEGER, LONG, REAL, TEXT, TIME
from planet_vector.times import all_usual, parse_time
from planet_vector.vector.texts import can_hold

_NOTHING = type(None)
# The classes whose values a column may hold unchanged.
_PLAIN: Mapping[str, FrozenSet[type]] = {
    TEXT: frozenset({str, _NOTHING}),
    REAL: frozenset({float, _NOTHING}),
    TIME: frozenset({_NOTHING}),
    INTEGER: frozenset({_NOTHING}),
    LONG: frozenset({_NOTHING}),
}
_NUMBERS: Mapping[str, FrozenSet[type]] = {
    REAL: frozenset({float, int}),
    INTEGER: frozenset({int}),
    LONG: frozenset({int}),
}
_ZONES = ("Z", "+00:00")
LARGEST = {REAL: 2**53, INTEGER: 2**31 - 1, LONG: 2**63 - 1}
"""The greatest absolute value up to which a column holds every whole number."""


def fit_column(values: Sequence[Any], kind: str) -> Tuple[Sequence[Any], bool]:
    """Convert values to the type of a column.

    Parameters
    ----------
    values : sequence
        Values decoded from JSON.
    kind : str
        The type: `TEXT`, `TIME`, `REAL`, `INTEGER` or `LONG`.

    Returns
    -------
    (sequence, bool)
        The values, and whether none is None. It is the same sequence if all values fit unchanged. A value that does
        not fit becomes None, or is rounded.
    """
    if kind is TEXT and can_hold(values):
        return values, True
    classes = set(map(type, values))
    if _fits(values, classes, kind):
        return values, _NOTHING not in classes
    if kind is TIME and classes <= _PLAIN[TEXT]:
        moments = fit_times(values)
        if moments:
            return moments, _NOTHING not in classes
    fitted = [_fit(value, kind) for value in values]
    return fitted, None not in fitted


def fit_times(values: Sequence[Optional[str]]) -> Sequence[Optional[str]]:
    """Return times as a column holds them; an empty sequence if any text is not a time.

    Parameters
    ----------
    values : sequence of str or None
        ISO 8601 times; None stays None.
    """
    fitted: Sequence[Optional[str]] = ()
    if None not in values:
        fitted = _plain_times(values)  # type: ignore[arg-type]
    fitted = fitted or [_fit(value, TIME) for value in values]
    return fitted if fitted.count(None) == values.count(None) else ()


def fit_booleans(values: Sequence[object]) -> Sequence[Optional[int]]:
    """Return true and false as 1 and 0, and any other value as None.

    Parameters
    ----------
    values : sequence
        Values decoded from JSON.
    """
    return [int(value) if value.__class__ is bool else None for value in values]


def _fits(values: Sequence[Any], classes: Set[type], kind: str) -> bool:
    """Return whether a column can surely hold all values unchanged; if not, each must be checked."""
    if classes <= _PLAIN[kind]:
        if kind is TEXT:
            return can_hold(list(filter(None, values)))
        # The sum of finite numbers may overflow; then each is checked.
        return kind is not REAL or math.isfinite(sum(values if _NOTHING not in classes else filter(None, values)))
    if not classes <= _NUMBERS.get(kind, frozenset()) or not max(map(abs, values)) <= LARGEST[kind]:
        return False
    return float not in classes or math.isfinite(sum(values))  # detects NaN, which the maximum may miss


def _fit(value: Any, kind: str) -> Any:
    """Return a value as a column of a kind holds it, rounded if it is a number, or None if it does not fit.

    Times go to GDAL in UTC, truncated to the millisecond: its seconds are 32-bit floats, and some readers reject a
    fraction that rounds up to a whole second.
    """
    if value.__class__ is int and kind in LARGEST:
        if abs(value) <= LARGEST[kind]:
            return value
        try:
            return float(value) if kind is REAL else None
        except OverflowError:
            return None
    if value.__class__ is float and kind is REAL:
        return value if math.isfinite(value) else None
    if value.__class__ is str and kind is TEXT:
        return value if can_hold([value]) else None
    if value.__class__ is str and kind is TIME:
        try:
            moment = parse_time(value)
        except ValueError:
            return None
        # The usual forms of services; `parse_time` has checked the digits.
        whole = value.endswith(_ZONES) and value[4:20:3] == "--T::." and value[20:23].isdigit()
        return (value if whole else moment.isoformat(timespec="milliseconds"))[:23] + "Z"
    return None


def _plain_times(values: Sequence[str]) -> Sequence[str]:
    """Convert times in the service's usual form as `_fit` would; return an empty sequence if any has another form."""
    if not all_usual(values):
        return ()
    try:
        deque(map(datetime.fromisoformat, values), 0)
    except ValueError:
        return ()
    return [value[:23] + "Z" for value in values]
