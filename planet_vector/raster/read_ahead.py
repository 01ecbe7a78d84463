"""The bytes of a file that a read is going to take, fetched some way ahead of it."""

from __future__ import annotations

import threading
from bisect import bisect_right
from typing import Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Set

from planet_vector.raster.spans import Range, together

NEAR = 4096
"""Bytes between two ranges that are read along: less than a range of its own costs in an answer with several."""

PIECE = 2 * 2**20
"""Bytes that ranges beside each other are put together to, at the most: a request for each connection."""

AHEAD = 32 * 2**20
"""Bytes fetched before they are asked for, at the most."""


class Foreseen:
    """Ranges that a read is going to take, and the bytes of those that have come; safe to use from several threads.

    Parameters
    ----------
    ranges : iterable of (int, int)
        The first byte of each, and the one after its last.
    ahead : int
        Bytes that are fetched with what is asked for, at the most.
    told : callable, optional
        Called with what is asked for, before it is waited for.
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
        """Take further ranges, and return the spans that hold those which were not foreseen before."""
        with self._changed:
            found = together((part for part in ranges if not self.spans_of(*part)), NEAR, PIECE)
            self._spans = sorted([*self._spans, *found])
            self._starts = [first for first, _ in self._spans]
            return found

    def spans_of(self, first: int, end: int) -> List[Range]:
        """Return the spans that a range lies in, one after another, or none when it was not foreseen whole."""
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

    def missing(self, spans: Iterable[Range]) -> List[Range]:
        """Return what to fetch so that some spans are here: those, and the ones after the first, up to `ahead` bytes.

        They are coming from now on, until `hold` or `fail`. What has come before is given up: it has been read.
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
        """Return those of some spans which are neither here nor were so, nor are coming: they are from now on."""
        with self._changed:
            known = {*self._held, *self._given, *self._coming}
            found = [span for span in spans if span not in known]
            self._coming.update(found)
            return found

    def wait(self, spans: Sequence[Range]) -> None:
        """Wait for those of some spans that are coming.

        Raises
        ------
        Exception
            Why they did not come.
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
        """Return the bytes of those of some spans that have come."""
        with self._changed:
            return {span: self._held[span] for span in spans if span in self._held}

    def hold(self, found: Dict[Range, bytes]) -> None:
        """Take the bytes of spans."""
        with self._changed:
            self._held.update(found)
            self._coming.difference_update(found)
            self._changed.notify_all()

    def fail(self, spans: Iterable[Range], error: BaseException) -> None:
        """Take why spans that were coming do not."""
        with self._changed:
            self._error = error
            self._coming.difference_update(spans)
            self._changed.notify_all()

    def give_up(self, spans: Iterable[Range]) -> None:
        """Hold the bytes of some spans no longer: they have been read, or are not going to be."""
        with self._changed:
            for span in spans:
                self._held.pop(span, None)
                self._given.add(span)


def cut(part: Range, spans: Sequence[Range], held: Mapping[Range, bytes]) -> bytes:
    """Return the bytes of a range that lies in some spans."""
    first, end = part
    if len(spans) == 1:
        return held[spans[0]][first - spans[0][0] : end - spans[0][0]]
    # Each from where the one before ends: spans may overlap.
    begins = [first, *(span[1] for span in spans[:-1])]
    return b"".join(held[span][begin - span[0] : end - span[0]] for begin, span in zip(begins, spans))
