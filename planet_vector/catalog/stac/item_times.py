"""Times of items: an instant, or a span if ``datetime`` is null; and spans that a search asks for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cached_property, lru_cache
from typing import Iterable, Optional, Tuple

from planet_vector.catalog.stac.json_values import as_object, as_text
from planet_vector.collection_schema import Feature
from planet_vector.conditions import Condition
from planet_vector.query import Query
from planet_vector.times import FIRST, LAST, nearest_time

TIME = "datetime"
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True)
class TimeSpan:
    """Span of time; None is unbounded.

    Attributes
    ----------
    low, high : datetime or None
        Its ends.
    low_open, high_open : bool
        Whether an end does not belong to it.
    """

    low: Optional[datetime] = None
    high: Optional[datetime] = None
    low_open: bool = False
    high_open: bool = False

    @property
    def bounded(self) -> bool:
        """Whether the span has an end."""
        return self.low is not None or self.high is not None

    @property
    def text(self) -> Optional[str]:
        """The span as the parameter ``datetime``, widened to whole milliseconds; None if it is unbounded.

        Services compare times at different resolutions: for some ``.123Z`` is before ``.123456Z``, for others the two
        are equal. A wider span includes all that each of them can mean. Both ends belong to it.
        """
        if not self.bounded:
            return None
        low, high = self.widened()
        return f"{_stamp(low) if low else '..'}/{_stamp(high) if high else '..'}"

    def widened(self) -> Tuple[Optional[datetime], Optional[datetime]]:
        """Return the ends, moved outward to whole milliseconds."""
        low = None if self.low is None else self.low - (self.low - FIRST) % _MILLISECOND
        high = self.high
        if high is not None:
            high = high + min(-(high - FIRST) % _MILLISECOND, LAST - high)
        return low, high

    def meets(self, first: datetime, last: datetime) -> bool:
        """Return whether the span shares an instant with the closed span of an item.

        Parameters
        ----------
        first, last : datetime
            Ends of the other span.
        """
        if self.low is not None and (last < self.low or self.low_open and last == self.low):
            return False
        return not (self.high is not None and (first > self.high or self.high_open and first == self.high))

    def may_meet(self, first: datetime, last: datetime) -> bool:
        """Return whether the widened span shares an instant with the closed span of an item.

        Parameters
        ----------
        first, last : datetime
            Ends of the other span.
        """
        low, high = self._reach
        return (low is None or last >= low) and (high is None or first <= high)

    @cached_property
    def _reach(self) -> Tuple[Optional[datetime], Optional[datetime]]:
        """The widened ends, and one millisecond more, for services that round times."""
        low, high = self.widened()
        return (
            None if low is None else low - min(_MILLISECOND, low - FIRST),
            None if high is None else high + min(_MILLISECOND, LAST - high),
        )


def span_of(query: Query) -> TimeSpan:
    """Return the span of time that a search asks for.

    Parameters
    ----------
    query : Query
        The search.
    """
    low: Optional[Tuple[datetime, bool]] = None
    high: Optional[Tuple[datetime, bool]] = None
    for condition in time_conditions(query.conditions):
        moment = condition.value
        assert isinstance(moment, datetime)
        if condition.comparator in ("gt", "gte", "eq"):
            low = max(filter(None, (low, (moment, condition.comparator == "gt"))))
        if condition.comparator in ("lt", "lte", "eq"):
            other = (moment, condition.comparator == "lt")
            high = other if high is None else min(high, other, key=lambda end: (end[0], not end[1]))
    return TimeSpan(low[0] if low else None, high[0] if high else None, bool(low and low[1]), bool(high and high[1]))


def time_conditions(conditions: Iterable[Condition]) -> Iterable[Condition]:
    """Return the conditions on the time of an item.

    Parameters
    ----------
    conditions : iterable of Condition
        Conditions of a search.
    """
    return [condition for condition in conditions if condition.field.name == TIME]


def times_of(item: Feature) -> Optional[Tuple[datetime, datetime]]:
    """Return the first and the last time of an item; None if it has none that can be read.

    Servers match ``datetime``, or the span of ``start_datetime`` and ``end_datetime``, or whichever is given: the ends
    include all of them.

    Parameters
    ----------
    item : mapping
        The item.
    """
    found = [moment for name in (TIME, "start_datetime", "end_datetime") for moment in _time(item, name)]
    return (min(found), max(found)) if found else None


def sort_time(item: Feature) -> datetime:
    """Return the time by which an item is sorted: its ``datetime``, else its start; the first of all without either.

    Parameters
    ----------
    item : mapping
        The item.
    """
    for name in (TIME, "start_datetime"):
        for moment in _time(item, name):
            return moment
    return FIRST


def _time(item: Feature, name: str) -> Tuple[datetime, ...]:
    text = as_text(as_object(item.get("properties")).get(name))
    return _moments(text) if text else ()


@lru_cache(maxsize=2**14)  # the items of all pages that are read at once: each is asked for its times repeatedly
def _moments(text: str) -> Tuple[datetime, ...]:
    """Return a time in a list, or an empty list if it cannot be read."""
    try:
        return (nearest_time(text),)
    except ValueError:
        return ()


def _stamp(moment: datetime) -> str:
    """Format a time as RFC 3339 with milliseconds."""
    return f"{moment.astimezone(timezone.utc).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
