"""Determine to which pixels GDAL draws the sources of a VRT, and which sources lie unseen below others.

Unlike the predictions of `planet_vector.raster.vrt_reads`, these results decide on pixels: they hold for the arithmetic
of every version of GDAL.
"""

from __future__ import annotations

import math
from typing import List, NamedTuple, Optional, Sequence, Set, Tuple

import numpy as np
from rasterio.windows import Window

from planet_vector.raster.vrt_xml import Rectangle

EPSILON = 1e-10  # of an output pixel, from which GDAL draws to it
_MOST_EPSILON = 1e-3  # the same in other versions; also of a source's pixel, from which GDAL begins with the next one
_LAST_PLACES = 16 * 2.0**-52  # of a number, by which sums of it may differ from GDAL's


class SourceReach(NamedTuple):
    """Rows and columns to which a source may be drawn, and those to which it is certainly drawn, if any."""

    outer: Tuple[slice, slice]
    inner: Optional[Tuple[slice, slice]]


def reach_of(taken: Rectangle, placed: Rectangle, window: Window, shape: Tuple[int, int]) -> Optional[SourceReach]:
    """Return the pixels to which a source is drawn in a part, or None if it does not lie in it.

    GDAL (VRTSimpleSource::GetSrcDstWindow) rounds several times, by bounds that differ between versions, and draws
    nothing for less than half a pixel of the source. Pixels that depend on this are in the outer part only.

    Parameters
    ----------
    taken, placed : (float, float, float, float)
        Rectangles in the source and in the VRT: first column and row, width and height.
    window : rasterio.windows.Window
        Part of the VRT, in its pixels.
    shape : (int, int)
        Rows and columns of the result.

    Returns
    -------
    SourceReach or None
        The pixels.
    """
    outer, inner = [], []
    for at, first, length, count in (
        (1, window.row_off, window.height, shape[0]),
        (0, window.col_off, window.width, shape[1]),
    ):
        sides = [
            _side(taken[at], taken[at + 2], begin, room, first, length, count)
            for begin in _as_gdal_may_have(placed[at])
            for room in _as_gdal_may_have(placed[at + 2])
        ]
        most, least = [side for side, _ in sides if side is not None], [side for _, side in sides]
        if not most:
            return None
        outer.append(slice(min(side.start for side in most), max(side.stop for side in most)))
        sure = [side for side in least if side is not None]
        if len(sure) == len(sides):
            inner.append(slice(max(side.start for side in sure), min(side.stop for side in sure)))
    is_drawn = len(inner) == 2 and all(side.start < side.stop for side in inner)
    return SourceReach((outer[0], outer[1]), (inner[0], inner[1]) if is_drawn else None)


def hidden_below(reach: Sequence[SourceReach], opaque: Sequence[bool]) -> List[bool]:
    """Return which sources are completely covered by opaque ones.

    Parameters
    ----------
    reach : sequence of SourceReach
        The sources, the last on top.
    opaque : sequence of bool
        Whether each is valid everywhere.

    Returns
    -------
    list of bool
        For each source.
    """
    boxes = [box for part in reach for box in (part.outer, part.inner) if box is not None]
    edges = [sorted({edge for box in boxes for edge in (box[side].start, box[side].stop)}) for side in range(2)]
    places = [{edge: place for place, edge in enumerate(along)} for along in edges]

    def cells(box: Tuple[slice, slice]) -> Tuple[slice, ...]:
        return tuple(slice(along[side.start], along[side.stop]) for along, side in zip(places, box))

    filled = np.zeros([len(along) for along in edges], bool)
    found = [False] * len(reach)
    for number in reversed(range(len(reach))):
        found[number] = bool(filled[cells(reach[number].outer)].all())
        inner = reach[number].inner
        if opaque[number] and inner is not None:
            filled[cells(inner)] = True
    return found


def _as_gdal_may_have(number: float) -> Set[float]:
    """Return a number of a VRT, and the integer to which GDAL may round it (RoundIfCloseToInt)."""
    whole = float(round(number))
    return {number, whole} if abs(number - whole) < 2 * _MOST_EPSILON else {number}


def _side(
    taken: float, size: float, placed: float, room: float, first: float, length: float, count: int
) -> Tuple[Optional[slice], Optional[slice]]:
    """Return the rows, or the columns, to which a source may be drawn, and those to which it is certainly drawn."""
    begin, end = max(first, placed), min(first + length, placed + room)
    scale = count / length
    doubt = _LAST_PLACES * scale * (abs(first) + length + abs(placed) + room)
    if (begin - end) * scale > doubt:
        return None, None
    read = (begin - placed) * size / room + taken
    rest = math.ceil(read) - read
    # GDAL omits a tiny fraction of a pixel of the source.
    later = rest * room / size * scale if rest <= 2 * _MOST_EPSILON else 0.0
    out = (begin - first) * scale, (end - first) * scale
    most = _within(out[0] + EPSILON - doubt, out[1] + later - EPSILON + doubt, count)
    least = _within(out[0] + later + _MOST_EPSILON + doubt, out[1] - _MOST_EPSILON - doubt, count)
    return most, least if (end - begin) * size / room > 0.5 + _MOST_EPSILON else None


def _within(begin: float, end: float, count: int) -> slice:
    """Return the pixels of a row or column that lie between two positions, at least in part."""
    first = min(max(math.floor(begin), 0), count)
    return slice(first, max(first, min(math.ceil(end), count)))
