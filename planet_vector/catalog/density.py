"""Time windows of about a page each, from a service's numbers of scenes by time."""

from __future__ import annotations

import math
from datetime import datetime
from typing import List, NamedTuple, Sequence

FILL = 0.93
"""Target share of a page for a window whose scenes are not counted exactly.

Counts vary by about 30, and one scene too many costs a request.
"""


MOST_CUTS = 100_000
"""Most times between windows that divide buckets; windows of more than a page are read page by page."""


class Bucket(NamedTuple):
    """Number of scenes within a time span, from `start` to before `end`, that the service counted."""

    start: datetime
    end: datetime
    total: int


def cuts_of(buckets: Sequence[Bucket], size: int) -> List[datetime]:
    """Return the times between windows, each of which holds at most a page of scenes if the counts are true.

    Whole buckets are joined as long as they fit on a page. A bucket of more than a page is divided evenly, into windows
    that are filled to `FILL`, as its scenes need not be distributed evenly.

    Parameters
    ----------
    buckets : sequence of Bucket
        In the order of time, without overlaps.
    size : int
        Scenes of a page.
    """
    cuts: List[datetime] = []
    filled = 0
    for bucket in buckets:
        if filled and filled + bucket.total > size:
            cuts.append(bucket.start)
            filled = 0
        if bucket.total > size:
            pieces = min(math.ceil(bucket.total / (size * FILL)), MOST_CUTS - len(cuts))
            span = bucket.end - bucket.start
            cuts += [bucket.start + span * number / pieces for number in range(1, pieces)]
            filled = size
        else:
            filled += bucket.total
    return cuts
