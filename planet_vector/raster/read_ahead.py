"""Fetch the bytes of a file that a read is going to need, some way ahead of it."""

from __future__ import annotations

import threading
from bisect import bisect_right
from typing import Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Set

from planet_vector.raster.spans import Range, together

NEAR = 4096
"""Most bytes in a gap between two ranges that is read along: a range of its own costs more in a multipart response."""

PIECE = 2 * 2**20
"""Most bytes to which adjacent ranges are merged: one request per connection."""

AHEAD = 32 * 2**20
"""Most bytes fetched ahead."""


class Foreseen:
    """Ranges that a read is going to need, with the bytes of those received; safe to use from several threads.

    Parameters
    ----------
    ranges : iterable of (int, int)
        The first byte of each, and the one after its last.
    ahead : int
        Most bytes that are fetched along with the requested ones.
    told : callable, optional
        Called with each requested span before `wait` blocks.
    """

    def __init__(
        self, ranges: Iterable[Range], ahead: int = AHEAD, told: Optional[Callable[[Range], None]] = None
    ) -> None:
        self._spans = together(ranges, NEAR, PIECE)
        self._starts = [first for first, _ in self._spans]
        self._ahead, self._told = ahead, told
        self._changed = threading.Condition()
        self._held: Dict[Range, bytes] = {}
        self._coming: Set[Range] = set()
        self._given: Set[Range] = set()
        self._error: Optional[BaseException] = None

    def extend(self, ranges: Iterable[Range]) -> List[Range]:
        """Add ranges, and return the spans of those that were not foreseen before.

        Parameters
        ----------
        ranges : iterable of (int, int)
            The first byte of each, and the one after its last.

        Returns
        -------
        list of (int, int)
            Spans, in ascending order.
        """
        with self._changed:
            found = together((part for part in ranges if not self.spans_of(*part)), NEAR, PIECE)
            self._spans = sorted([*self._spans, *found])
            self._starts = [first for first, _ in self._spans]
            return found

    def spans_of(self, first: int, end: int) -> List[Range]:
        """Return the consecutive spans that cover a range, or an empty list if it was not foreseen completely.

        Parameters
        ----------
        first : int
            First byte.
        end : int
            The byte after the last one.
        """
        number = max(0, bisect_right(self._starts, first) - 1)
        found: List[Range] = []
        for span in self._spans[number:]:
            if span[0] > (found[-1][1] if found else first):
                return []
            if found and span[1] <= found[-1][1]:
                continue
            found.append(span)
            if end <= span[1]:
                return found
        return []

    def take(self, first: int, end: int) -> Optional[bytes]:
        """Return the bytes of a range within a received span, and drop the span if they are its last ones.

        This is what `spans_of`, `wait`, `here` and `give_up` do together, for the thousands of single blocks of a read
        at reduced size. Returns None in all other cases.

        Parameters
        ----------
        first : int
            First byte.
        end : int
            The byte after the last one.
        """
        with self._changed:
            number = bisect_right(self._starts, first) - 1
            span = self._spans[number] if number >= 0 else (0, 0)
            held = self._held.get(span) if end <= span[1] else None
            if held is None:
                return None
            if end == span[1]:
                del self._held[span]
                self._given.add(span)
        if self._told is not None:
            self._told(span)
        return held[first - span[0] : end - span[0]]

    def missing(self, spans: Iterable[Range]) -> List[Range]:
        """Return the spans to fetch for some spans: the missing ones, and those after the first, up to `ahead` bytes.

        They are pending from now on, until `hold` or `fail`. Earlier bytes are dropped, as they have been read.

        Parameters
        ----------
        spans : iterable of (int, int)
            Spans that are needed, as `spans_of` returns them.
        """
        with self._changed:
            wanted = sorted({span for span in spans if span not in self._held})
            if not wanted:
                return []
            needed = set(wanted)
            size = sum(end - first for first, end in needed)
            for span in self._spans[bisect_right(self._starts, wanted[0][0]) :]:
                size += span[1] - span[0]
                if size > self._ahead:
                    break
                if span not in self._held and span not in self._coming:
                    needed.add(span)
            self._held = {span: held for span, held in self._held.items() if span[0] > wanted[0][0]}
            self._coming |= needed
            return sorted(needed)

    def begin(self, spans: Iterable[Range]) -> List[Range]:
        """Return the spans that are neither held nor dropped nor pending, and mark them as pending.

        Parameters
        ----------
        spans : iterable of (int, int)
            Spans to fetch.
        """
        with self._changed:
            known = {*self._held, *self._given, *self._coming}
            found = [span for span in spans if span not in known]
            self._coming.update(found)
            return found

    def wait(self, spans: Sequence[Range]) -> None:
        """Wait for the pending ones of some spans.

        Parameters
        ----------
        spans : sequence of (int, int)
            Spans that are needed.

        Raises
        ------
        Exception
            The error that prevented their transfer.
        """
        if self._told is not None:
            for span in spans:
                self._told(span)
        with self._changed:
            while any(span in self._coming for span in spans):
                self._changed.wait()
            if self._error is not None and not all(span in self._held for span in spans):
                raise self._error

    def here(self, spans: Iterable[Range]) -> Dict[Range, bytes]:
        """Return the bytes of some spans, without those not received yet.

        Parameters
        ----------
        spans : iterable of (int, int)
            Spans that are needed.
        """
        with self._changed:
            return {span: self._held[span] for span in spans if span in self._held}

    def hold(self, found: Dict[Range, bytes]) -> None:
        """Store the bytes of received spans.

        Parameters
        ----------
        found : dict of (int, int) to bytes
            Bytes by span.
        """
        with self._changed:
            self._held.update(found)
            self._coming.difference_update(found)
            self._changed.notify_all()

    def fail(self, spans: Iterable[Range], error: BaseException) -> None:
        """Record the error of pending spans.

        Parameters
        ----------
        spans : iterable of (int, int)
            Spans that were not received.
        error : BaseException
            The error.
        """
        with self._changed:
            self._error = error
            self._coming.difference_update(spans)
            self._changed.notify_all()

    def give_up(self, spans: Iterable[Range]) -> None:
        """Drop the bytes of some spans, which have been read or will not be.

        Parameters
        ----------
        spans : iterable of (int, int)
            Spans to drop.
        """
        with self._changed:
            for span in spans:
                self._held.pop(span, None)
                self._given.add(span)


def cut(part: Range, spans: Sequence[Range], held: Mapping[Range, bytes]) -> bytes:
    """Return the bytes of a range out of the spans that cover it.

    Parameters
    ----------
    part : (int, int)
        First byte, and the one after the last.
    spans : sequence of (int, int)
        Consecutive spans that cover it.
    held : mapping of (int, int) to bytes
        Bytes by span.
    """
    first, end = part
    if len(spans) == 1:
        return held[spans[0]][first - spans[0][0] : end - spans[0][0]]
    # Each span from the end of the previous one, as spans may overlap.
    begins = [first, *(span[1] for span in spans[:-1])]
    return b"".join(held[span][begin - span[0] : end - span[0]] for begin, span in zip(begins, spans))
