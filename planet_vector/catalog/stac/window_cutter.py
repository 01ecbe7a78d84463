"""Windows of time of a search, each as long as the density of the items that were received before asks for."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Deque, Iterator, NamedTuple, Optional, Tuple

from planet_vector.catalog.stac.item_times import TimeSpan

_REMEMBERED = 8  # windows; numbers of items vary by chance
LONG = 4
"""Pages of a window from which on windows are divided evenly; each has a page that is not full."""

_ROUND = 0.5  # windows more than are read at once, with which the last round begins
_REST = 1.3  # of a window; a shorter rest belongs to the last one
_CHANGE = 2.0  # most that a window is longer or shorter than the one before


class Window(NamedTuple):
    """Window of time.

    Attributes
    ----------
    span : TimeSpan
        The window; the last one has the end of the search.
    length : timedelta
        The time within which items are expected.
    """

    span: TimeSpan
    length: timedelta


class WindowCutter:
    """Cuts a span of time into windows, from one end to the other, that share their edges.

    Parameters
    ----------
    span : TimeSpan
        The span of the search.
    ends : (datetime, datetime)
        The edge of the first window, and the time of the last item; the windows descend if it is the earlier one.
    pieces : int
        Number of windows, if all are as long as the first.
    pages : int
        Number of pages of a window.
    target : float
        Number of items that a window should have.
    at_once : int
        Number of windows that are read at once.
    whole : bool, optional
        Whether the first window begins with the span, not with its edge.

    Attributes
    ----------
    pages, at_once : int
        As above.
    """

    def __init__(
        self,
        span: TimeSpan,
        ends: Tuple[datetime, datetime],
        pieces: int,
        pages: int,
        target: float,
        at_once: int,
        whole: bool = False,
    ) -> None:
        self._span, self._target, self._whole = span, target, whole
        edge, far = self._edge, self._far = ends
        self.pages, self.at_once = pages, at_once
        self._last = 0  # windows that are left, once these are as many as are read at once
        self._descending = far < edge
        self._step = abs(far - edge) / pieces
        self._received: Deque[Tuple[timedelta, int]] = deque(maxlen=_REMEMBERED)
        self._ended = False

    def __iter__(self) -> Iterator[Window]:
        return self

    def __next__(self) -> Window:
        if self._ended:
            raise StopIteration
        edge, left = self._edge, abs(self._far - self._edge)
        step = self._step
        if self.pages >= LONG and (self._last or left < (self.at_once + _ROUND) * step):
            # The last windows are as long as each other, so that none is read alone at the end.
            self._last = (self._last or self.at_once + 1) - 1
            step = left / self._last
        cut: Optional[datetime] = None
        if self._last > 1 or not self._last and left > _REST * step:
            cut = self._edge = edge + (-step if self._descending else step)
            left = step
        self._ended = cut is None
        begin, self._whole = None if self._whole else edge, False
        return Window(self._between(begin, cut), left)

    def learn(self, window: Window, count: int) -> None:
        """Adapt the length of the windows that follow.

        Parameters
        ----------
        window : Window
            A window that was read.
        count : int
            The number of its items.
        """
        self._received.append((window.length, count))
        total = sum(count for _, count in self._received)
        if total:
            wanted = sum((length for length, _ in self._received), timedelta()) * (self._target / total)
        else:
            wanted = self._step * _CHANGE
        self._step = min(max(wanted, self._step / _CHANGE), self._step * _CHANGE)

    def _between(self, begin: Optional[datetime], end: Optional[datetime]) -> TimeSpan:
        """Return the span of a window between two edges; None is the span's own."""
        span = self._span
        low, high = (end, begin) if self._descending else (begin, end)
        if low is not None:
            span = replace(span, low=low, low_open=False)
        return span if high is None else replace(span, high=high, high_open=False)
