"""Time windows of about a page each, from a service's numbers of scenes by time."""

from __future__ import annotations

from datetime import datetime
from typing import List, NamedTuple, Sequence, Tuple

FILL = 0.93
"""Target share of a page for a window whose scenes are not counted exactly.

Counts vary by about 30, and one scene too many costs a request.
"""

_LITTLE = 0.1  # of a page; a cut for less saves no request

MOST_CUTS = 100_000
"""Most times between windows that divide buckets; windows of more than a page are read page by page."""


class Bucket(NamedTuple):
    """Number of scenes within a time span, from `start` to before `end`, that the service counted."""

    start: datetime
    end: datetime
    total: int


def within(buckets: Sequence[Bucket], low: datetime, high: datetime) -> Tuple[Bucket, ...]:
    """Return the parts of buckets within a time span; scenes are taken to be distributed evenly in each.

    Parameters
    ----------
    buckets : sequence of Bucket
        In the order of time, without overlaps.
    low, high : datetime
        The time span, from `low` to before `high`.
    """
    found = []
    for bucket in buckets:
        start, end = max(bucket.start, low), min(bucket.end, high)
        total = round(bucket.total * ((end - start) / (bucket.end - bucket.start))) if start < end else 0
        if total:
            found.append(Bucket(start, end, total))
    return tuple(found)


def cuts_of(buckets: Sequence[Bucket], size: int) -> List[datetime]:
    """Return the times between windows, each of which holds at most a page of scenes if the counts are true.

    Whole buckets are joined as long as they fit on a page. The next bucket is divided, unless little of it would fit,
    and the page filled to `FILL`, as the scenes of a bucket need not be distributed evenly.

    Parameters
    ----------
    buckets : sequence of Bucket
        In the order of time, without overlaps.
    size : int
        Scenes of a page.
    """
    cuts: List[datetime] = []
    filled = 0.0  # expected scenes after the last cut
    for bucket in buckets:
        begin, left = bucket.start, float(bucket.total)
        while filled + left > size:
            room = size * FILL - filled
            if len(cuts) >= MOST_CUTS or (filled and room < _LITTLE * size):
                if filled:
                    cuts.append(begin)
                filled = 0.0
                if len(cuts) >= MOST_CUTS:
                    break
                continue
            # Of a bucket that no service holds, no more cuts than are left.
            share = max(room / left, 1 / (MOST_CUTS - len(cuts)))
            begin += (bucket.end - begin) * share
            cuts.append(begin)
            filled, left = 0.0, left * (1 - share)
        filled += left
    return cuts
