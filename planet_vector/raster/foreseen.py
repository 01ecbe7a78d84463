"""The bytes of a file that a read is going to take, fetched some way ahead of it."""

from __future__ import annotations

from bisect import bisect_right
from typing import Dict, Iterable, List, Sequence

from planet_vector.raster.byte_ranges import Range, together

NEAR = 4096
"""Bytes between two ranges that are read along: less than a range of its own costs in an answer with several."""

PIECE = 2 * 2**20
"""Bytes that ranges beside each other are put together to, at the most: a request for each connection."""

AHEAD = 32 * 2**20
"""Bytes fetched before they are asked for, at the most."""


class Foreseen:
    """Hold the ranges that a read is going to take, and the bytes of those that have come.

    Parameters
    ----------
    ranges : iterable of (int, int)
        The first byte of each, and the one after its last.
    """

    def __init__(self, ranges: Iterable[Range]) -> None:
        self._spans = together(ranges, NEAR, PIECE)
        self._starts = [first for first, _ in self._spans]
        self._held: Dict[Range, bytes] = {}

    def spans_of(self, first: int, end: int) -> List[Range]:
        """Return the spans that a range lies in, one after another, or none when it was not foreseen whole."""
        number = max(0, bisect_right(self._starts, first) - 1)
        found: List[Range] = []
        for span in self._spans[number:]:
            if span[0] > (found[-1][1] if found else first):
                return []
            found.append(span)
            if end <= span[1]:
                return found
        return []

    def missing(self, spans: Iterable[Range]) -> List[Range]:
        """Return what to fetch so that some spans are here: those, and the ones after the first, up to `AHEAD` bytes.

        What has come before is given up: it has been read.
        """
        wanted = sorted({span for span in spans if span not in self._held})
        if not wanted:
            return []
        needed = set(wanted)
        size = sum(end - first for first, end in needed)
        for span in self._spans[bisect_right(self._starts, wanted[0][0]) :]:
            size += span[1] - span[0]
            if size > AHEAD:
                break
            if span not in self._held:
                needed.add(span)
        self._held = {span: held for span, held in self._held.items() if span[0] > wanted[0][0]}
        return sorted(needed)

    def hold(self, found: Dict[Range, bytes]) -> None:
        """Take the bytes of spans."""
        self._held.update(found)

    def cut(self, part: Range, spans: Sequence[Range]) -> bytes:
        """Return the bytes of a range that lies in some spans."""
        first, end = part
        if len(spans) == 1:
            return self._held[spans[0]][first - spans[0][0] : end - spans[0][0]]
        # Each from where the one before ends: spans may overlap.
        begins = [first, *(span[1] for span in spans[:-1])]
        pieces = (self._held[span][begin - span[0] : end - span[0]] for begin, span in zip(begins, spans))
        return b"".join(pieces)
