"""Represent byte ranges of a file; with nothing but the standard library."""

from __future__ import annotations

from typing import Iterable, List, Tuple

Range = Tuple[int, int]
"""The first byte, and the one after the last."""


def together(ranges: Iterable[Range], gap: int, most: int) -> List[Range]:
    """Merge ranges with small gaps; no range is cut.

    Parameters
    ----------
    ranges : iterable of (int, int)
        Ranges in any order.
    gap : int
        Most bytes in a gap between two merged ranges.
    most : int
        Most bytes of a merged range.

    Returns
    -------
    list of (int, int)
        Sorted ranges.
    """
    found: List[Range] = []
    for first, end in sorted(ranges):
        if found and first - found[-1][1] <= gap and max(end, found[-1][1]) - found[-1][0] <= most:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif not found or end > found[-1][1]:
            found.append((first, end))
    return found
