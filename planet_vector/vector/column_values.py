"""Values as a column of a kind can hold them: as they are, rounded, or not at all."""

from __future__ import annotations

import math
from collections import deque
from datetime import datetime
from typing import Any, FrozenSet, Mapping, Optional, Sequence, Set, Tuple

from planet_vector.collection_schema import INTEGER, LONG, REAL, TEXT, TIME
from planet_vector.times import parse_time
from planet_vector.vector.texts import can_hold

_NOTHING = type(None)
# The classes whose values may go into a column as they are.
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
_USUAL_TIME = "0000-00-00T00:00:00.000000+00:00"
_LENGTH = len(_USUAL_TIME)
_PUNCTUATION = [(at, char) for at, char in enumerate(_USUAL_TIME) if at >= 26 or char != "0"]
LARGEST = {REAL: 2**53, INTEGER: 2**31 - 1, LONG: 2**63 - 1}
"""The whole numbers up to which a column holds all, and their negatives."""


def fit_column(values: Sequence[Any], kind: str) -> Tuple[Sequence[Any], bool]:
    """Return values as a column of a kind can hold them, and whether each is there.

    The values themselves are returned where all fit as they are. One that does not fit is None, or a rounded number.
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
    """Return texts as a column of times can hold them, None among them; nothing at all when one is no time."""
    fitted: Sequence[Optional[str]] = ()
    if None not in values:
        fitted = _plain_times(values)  # type: ignore[arg-type]
    fitted = fitted or [_fit(value, TIME) for value in values]
    return fitted if fitted.count(None) == values.count(None) else ()


def _fits(values: Sequence[Any], classes: Set[type], kind: str) -> bool:
    """Tell whether a column can hold all values as they are; where it says no, they have to be looked at."""
    if classes <= _PLAIN[kind]:
        if kind is TEXT:
            return can_hold(list(filter(None, values)))
        # Finite numbers may have a sum that is not.
        return kind is not REAL or math.isfinite(sum(values if _NOTHING not in classes else filter(None, values)))
    if not classes <= _NUMBERS.get(kind, frozenset()) or not max(map(abs, values)) <= LARGEST[kind]:
        return False
    return float not in classes or math.isfinite(sum(values))  # no number is NaN, but the maximum may pass it over


def _fit(value: Any, kind: str) -> Any:
    """Return a value as a column of a kind can hold it, rounded if it is a number, or None when it cannot.

    Times go to GDAL in UTC and cut to the millisecond: its seconds are 32-bit floats, and a fraction that rounds
    up to a whole second is no time to some readers.
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
        # As the service writes nearly all; `parse_time` has checked the digits.
        whole = len(value) == _LENGTH and value.endswith("+00:00") and value[4:20:3] == "--T::."
        return (value if whole else moment.isoformat(timespec="milliseconds"))[:23] + "Z"
    return None


def _plain_times(values: Sequence[str]) -> Sequence[str]:
    """Return times that are all spelt as the service spells nearly all, as `_fit` would; nothing for others."""
    if set(map(len, values)) != {_LENGTH}:
        return ()
    joined = "".join(values)
    # fromisoformat takes more: any separator, week dates, in some versions the hour 24.
    if any(joined[at::_LENGTH] != char * len(values) for at, char in _PUNCTUATION) or "T24" in joined:
        return ()
    try:
        deque(map(datetime.fromisoformat, values), 0)
    except ValueError:
        return ()
    return [value[:23] + "Z" for value in values]
