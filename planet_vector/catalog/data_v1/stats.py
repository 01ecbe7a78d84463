"""Numbers of items by time: the service's answers to ``POST stats``."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import List, Mapping, Optional, Sequence

from planet_vector.catalog.density import Bucket
from planet_vector.errors import ProtocolError
from planet_vector.query import Query
from planet_vector.times import FIRST, LAST, parse_time

_LENGTHS: Mapping[str, timedelta] = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
}
# A response with a bucket for each hour of 20 days, or each day of 4 years, has some 30 or 90 kB.
_FEW_PAGES = 3  # up to here better windows save no request
_MOST_ITEMS = 10**12  # in a bucket; more is no count
_MOST_BUCKETS = 9000  # each hour of a year, some 540 kB before compression: about as much as a page of items
_MOST_HOURS, _MOST_DAYS = timedelta(days=20), timedelta(days=4 * 366)


def interval_of(query: Query) -> str:
    """Return the length of buckets for a search: ``hour``, ``day`` or, for a long or open search, ``week``.

    Parameters
    ----------
    query : Query
        The search.
    """
    time = query.schema.meanings.time
    lows = [FIRST, *(c.value for c in query.conditions if c.field.name == time and c.comparator in ("gt", "gte"))]
    highs = [
        datetime.now(timezone.utc),
        *(c.value for c in query.conditions if c.field.name == time and c.comparator in ("lt", "lte")),
    ]
    exact = [c.value for c in query.conditions if c.field.name == time and c.comparator == "eq"]
    span = timedelta(0) if exact else _as_time(min(highs)) - _as_time(max(lows))
    return "hour" if span <= _MOST_HOURS else "day" if span <= _MOST_DAYS else "week"


def finer_interval(buckets: Sequence[Bucket], size: int) -> Optional[str]:
    """Return the shortest possible length of buckets, if it would fill the windows of a long search better; else None.

    A window of whole buckets fills its page except for half a bucket on average. Buckets of more than a fifth of a page
    are divided, and their scenes need not be distributed evenly: such windows do not fill the page, or exceed it.

    Parameters
    ----------
    buckets : sequence of Bucket
        The buckets of one length that the service returned.
    size : int
        Items of a page.
    """
    total = sum(bucket.total for bucket in buckets)
    if total <= _FEW_PAGES * size or total / len(buckets) <= size / 5:
        return None
    length, span = buckets[0].end - buckets[0].start, buckets[-1].end - buckets[0].start
    for name, shorter in _LENGTHS.items():
        if shorter < length and span / shorter <= _MOST_BUCKETS:
            return name
    return None


def _as_time(value: object) -> datetime:
    assert isinstance(value, datetime)
    return value


def buckets_of(body: object, interval: str, request: str) -> List[Bucket]:
    """Return the buckets of an answer in the order of time, without overlaps and without empty ones.

    Parameters
    ----------
    body : object
        The answer.
    interval : str
        The length of the buckets that were requested.
    request : str
        The request, as shown in errors.

    Raises
    ------
    ProtocolError
        If it is not an answer of stats.
    """
    found: List[Bucket] = []
    buckets = body.get("buckets") if isinstance(body, Mapping) else None
    try:
        for bucket in buckets or ():
            count, start = bucket["count"], parse_time(bucket["start_time"])
            if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= _MOST_ITEMS:
                raise ValueError("no count")
            length = _LENGTHS[interval]
            found += [Bucket(start, start + length if start < LAST - length else LAST, count)] if count else []
    except (KeyError, TypeError, ValueError, AttributeError):
        buckets = None
    if not isinstance(buckets, list):
        raise ProtocolError("The service returned something that is not a number of items by time.", request)
    return _apart(sorted(found))


def _apart(buckets: Sequence[Bucket]) -> List[Bucket]:
    """Return buckets without overlaps, which a service's may have if they are shorter than requested."""
    found: List[Bucket] = []
    for bucket in buckets:
        before = found[-1] if found else None
        if before is not None and before.start == bucket.start:
            found[-1] = before._replace(total=before.total + bucket.total)
            continue
        if before is not None and before.end > bucket.start:
            found[-1] = before._replace(end=bucket.start)
        found.append(bucket)
    return found
