"""Division of a search into windows of the acquisition time, which can be requested in parallel.

Windows do not overlap. Whether they are half-open depends on the comparators of the schema's time field.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import List, Optional, Sequence

from planet_vector.catalog.density import FILL
from planet_vector.catalog.scene_pages import ReadPage, scenes_missing
from planet_vector.conditions import Condition, before
from planet_vector.query import Query
from planet_vector.times import FIRST, INSTANT, LAST, next_instant
from planet_vector.workers import Task

MOST_WINDOWS = 64  # per split; the density of scenes is unknown, so more windows would not be more accurate
FEW_PAGES = 3  # up to here windows are read sequentially: a split would cost as many requests as it saves


@dataclass
class WindowGroup:
    """Windows of one division.

    Attributes
    ----------
    expected : int
        Scenes that they still have to return.
    pending : int
        Windows that have not been read.
    """

    expected: int
    pending: int

    def received(self, count: int) -> None:
        """Count the scenes of a window.

        Parameters
        ----------
        count : int
            Number of its scenes.

        Raises
        ------
        ResultChanged
            If it is the last window of the group, and scenes are missing.
        """
        self.expected -= count
        self.pending -= 1
        # More scenes may have been published meanwhile. Fewer means that some are missing.
        if not self.pending and self.expected > 0:
            raise scenes_missing(self.expected)


@dataclass
class TimeWindow:
    """Time window from `low` to before `high`, and its group.

    A limit at the first or the last instant is open, as times beyond them are clamped to these.

    Attributes
    ----------
    low, high : datetime or None
        Its limits; None if it is open.
    group : WindowGroup
        Its group.
    future : Task or None
        The request of its first page.
    """

    low: Optional[datetime] = None
    high: Optional[datetime] = None
    group: WindowGroup = field(default_factory=lambda: WindowGroup(0, 1))
    future: Optional[Task[ReadPage]] = None

    def within(self, query: Query) -> Query:
        """Return a search limited to the window.

        Parameters
        ----------
        query : Query
            The search.
        """
        time, edges = query.schema.time_field, []
        if self.low is not None and self.low > FIRST:
            edges.append(Condition(time, "gte", self.low))
        if self.high is not None:
            edges.append(before(time, self.high))
        return query.where(*edges)


def cut_window(
    window: TimeWindow, low: Optional[datetime], high: Optional[datetime], count: int, query: Query, size: int
) -> List[TimeWindow]:
    """Divide a window evenly between two times, keeping its own limits.

    Parameters
    ----------
    window : TimeWindow
        The window.
    low, high : datetime or None
        Times of its first and last scenes, if they are known.
    count : int
        Number of its scenes.
    query : Query
        The search, whose order is that of the result.
    size : int
        Maximum number of scenes in a page.

    Returns
    -------
    list of TimeWindow
        Windows of about a page each, of one group.
    """
    pieces = min(math.ceil(count / (size * FILL)), MOST_WINDOWS)
    if count <= FEW_PAGES * size or low is None or high is None:
        pieces = 1 if count else 0
    else:
        pieces = max(1, min(pieces, (high - low) // INSTANT))
    cuts = [low + (high - low) * i / pieces for i in range(1, pieces)] if low and high else []
    return divide_window(window, cuts, count, query) if pieces else []


def divide_window(window: TimeWindow, cuts: Sequence[datetime], count: int, query: Query) -> List[TimeWindow]:
    """Divide a window at some times, keeping its own limits.

    Parameters
    ----------
    window : TimeWindow
        The window.
    cuts : sequence of datetime
        The times, in their order.
    count : int
        Number of its scenes.
    query : Query
        The search, whose order is that of the result.

    Returns
    -------
    list of TimeWindow
        The windows, of one group.
    """
    group = WindowGroup(count, len(cuts) + 1)
    edges = [window.low, *cuts, window.high]
    windows = [TimeWindow(a, b, group) for a, b in zip(edges, edges[1:])]
    return windows if query.ascending else windows[::-1]


def division_end(time: datetime) -> datetime:
    """Return the end of an even division, which must be finite although the last window is open.

    Parameters
    ----------
    time : datetime
        The time of the last scene.
    """
    return next_instant(time) or LAST
