"""Ranges of bytes of a file; with nothing but the standard library."""

from __future__ import annotations

from typing import Iterable, List, Tuple

Range = Tuple[int, int]
"""The first byte, and the one after the last."""


def together(ranges: Iterable[Range], gap: int, most: int) -> List[Range]:
    """Return ranges put together where little lies between them; none is cut.

    Parameters
    ----------
    ranges : iterable of (int, int)
        In any order.
    gap : int
        Bytes between two that are taken along.
    most : int
        Bytes that several come to, at the most.
    """
    found: List[Range] = []
    for first, end in sorted(ranges):
        if found and first - found[-1][1] <= gap and max(end, found[-1][1]) - found[-1][0] <= most:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif not found or end > found[-1][1]:
            found.append((first, end))
    return found
