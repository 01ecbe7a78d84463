"""The largest rectangle inside an area, with numpy alone.

An area is given by the edges around it: outer rings and holes alike, as what lies inside is an odd number of edges
away from outside. For a rectangle from ``a`` to ``b`` along x, the tallest free gap between the edges that enter that
strip is known exactly; what is left is to choose ``a`` and ``b``.

* A convex area without an aspect: exactly (`planet_vector.stacks.convex`).
* Any other area: by branch and bound over ``a`` and ``b``, to a tolerance. A rectangle with its sides anywhere in two
  intervals is no wider than from end to end, and no taller than the gap of the strip between the intervals.
  (K. Daniels, V. Milenkovic, D. Roth, "Finding the largest area axis-parallel rectangle in a polygon", Computational
  Geometry 7, 1997, is exact, and much longer.)
* Any orientation: by branch and bound over the angle, to the same tolerance. Turning a rectangle of diagonal ``d`` by
  ``t`` costs it no more than ``d² tan t`` of its area.
"""

from __future__ import annotations

import math
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from planet_vector.stacks.convex import Best, Floats, is_convex, largest_in_convex

Position = Tuple[float, float]

TOLERANCE = 1e-3
"""How much of the largest possible area a rectangle may lack, unless said otherwise."""

MAX_CELLS = 2_000_000
"""Choices open at once before giving up: what is asked is too exact for an area of such shape."""

_AT_ONCE = 2_000_000  # numbers in one array: 16 MB
_ULPS = 64 * np.finfo(float).eps  # by how much of the coordinates a rectangle is drawn in, against rounding


def largest_rectangle_within(
    polygons: Sequence[Sequence[Sequence[Sequence[float]]]],
    aspect: Optional[float] = None,
    angle: Union[None, float, str] = None,
    tolerance: float = TOLERANCE,
) -> List[Position]:
    """Return the corners of the largest rectangle inside an area.

    Parameters
    ----------
    polygons : sequence of sequence of rings
        Each polygon's outer ring and holes, closed or not, in either direction; coordinates of a plane. Polygons must
        not overlap, and no rectangle reaches across an edge that two of them have in common.
    aspect : float, optional
        Width over height. By default any.
    angle : float or "any", optional
        Of the width against the x axis, in degrees, anticlockwise; by default 0. "any" takes the best.
    tolerance : float
        The share of the largest possible area that it may lack. Without `aspect` and in a convex area it lacks nothing,
        unless `angle` is "any".

    Returns
    -------
    list of (float, float)
        Four corners, anticlockwise, the lower left one first where the angle is 0; none when there is no area.

    Raises
    ------
    ValueError
        When an argument makes no sense, or the area is too complicated for the tolerance.
    """
    if aspect is not None and not 0 < aspect < math.inf:
        raise ValueError(f"aspect is {aspect!r}: it takes a positive number, width over height")
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance is {tolerance!r}: it takes a share of the area, above 0 and below 1")
    rings = [_ring(ring) for polygon in polygons for ring in polygon]
    rings = [ring for ring in rings if len(ring) >= 3]
    if not rings:
        return []
    middle = np.mean(np.concatenate(rings), axis=0)
    rings = [ring - middle for ring in rings]  # small numbers are exact ones
    scale = float(np.max(np.abs(middle))) + max(float(np.max(np.abs(ring))) for ring in rings)
    if angle == "any":
        found, turned = _any_angle(rings, aspect, tolerance)
    elif angle is None or (isinstance(angle, (int, float)) and math.isfinite(angle)):
        turned = math.radians(float(angle or 0.0))
        found = _aligned(_turned(rings, -turned), aspect, tolerance, 0.0)[0]
    else:
        raise ValueError(f"angle is {angle!r}: it takes degrees, or 'any'")
    return _corners(found, turned, aspect, middle, scale * _ULPS)


# ---- one orientation -------------------------------------------------------------------------------------


def _aligned(
    rings: Sequence[Floats], aspect: Optional[float], tolerance: float, enough: float
) -> Tuple[Optional[Best], float]:
    """Return the largest rectangle along the axes, and what no such rectangle exceeds.

    Parameters
    ----------
    rings : sequence of array, shape (n, 2)
        The area.
    aspect : float or None
        Width over height.
    tolerance : float
        The share of the area that may be lacking.
    enough : float
        Nothing smaller needs to be found: it may stop once it knows that there is nothing larger.
    """
    if aspect is None and len(rings) == 1 and is_convex(rings[0]):
        best = largest_in_convex(rings[0])
        return best, best.area if best else 0.0
    return _branch_and_bound(np.concatenate([_edges(ring) for ring in rings]), aspect, tolerance, enough)


def _branch_and_bound(
    edges: Floats, aspect: Optional[float], tolerance: float, enough: float
) -> Tuple[Optional[Best], float]:
    low, high = edges[:, [0, 2]].min(), edges[:, [0, 2]].max()
    tallest = float(edges[:, [1, 3]].max() - edges[:, [1, 3]].min())
    cells = np.array([[low, high, low, high]])
    best: Optional[Best] = None
    bound = 0.0  # of what was given up
    while len(cells):
        if len(cells) > MAX_CELLS:
            raise ValueError(f"the area is too complicated for a tolerance of {tolerance}: take a greater one")
        a, b = cells[:, :2].mean(axis=1), cells[:, 2:].mean(axis=1)
        wide = np.flatnonzero(b > a)
        heights, bottoms = _gaps(edges, a[wide], b[wide])
        areas = _area(b[wide] - a[wide], heights, aspect)
        if len(areas) and (best is None or areas.max() > best.area) and areas.max() > 0:
            top = int(areas.argmax())
            best = _grown(edges, a[wide][top], b[wide][top], bottoms[top], heights[top], aspect)
        inner = np.flatnonzero(cells[:, 2] > cells[:, 1])
        limits = np.full(len(cells), tallest)
        limits[inner] = _gaps(edges, cells[inner, 1], cells[inner, 2])[0]
        limits = _area(cells[:, 3] - cells[:, 0], limits, aspect)
        reached = max(best.area if best else 0.0, enough)
        # A rectangle smaller than rounding is none.
        closed = limits <= max(reached * (1 + tolerance), (high - low) * tallest * 1e-12)
        if closed.any():
            bound = max(bound, float(limits[closed].max()))
        cells = _quarters(cells[~closed])
    return best, max(bound, best.area if best else 0.0)


def _quarters(cells: Floats) -> Floats:
    """Halve both intervals of each choice; what would have its right side left of its left side is none."""
    a, b = cells[:, :2].mean(axis=1), cells[:, 2:].mean(axis=1)
    parts = [
        np.column_stack(sides)
        for sides in (
            (cells[:, 0], a, cells[:, 2], b), (cells[:, 0], a, b, cells[:, 3]),
            (a, cells[:, 1], cells[:, 2], b), (a, cells[:, 1], b, cells[:, 3]),
        )
    ]  # fmt: skip
    found = np.concatenate(parts)
    kept: Floats = found[found[:, 3] > found[:, 0]]
    return kept


def _area(width: Any, height: Any, aspect: Optional[float]) -> Any:
    """Return the area of the largest rectangle of an aspect inside one of some width and height."""
    if aspect is None:
        return width * height
    side = np.minimum(width, height * aspect)
    return side * side / aspect


def _gaps(edges: Floats, a: Floats, b: Floats) -> Tuple[Floats, Floats]:
    """Return for each strip from a to b the height and the bottom of its tallest gap inside the area."""
    heights, bottoms = np.zeros(len(a)), np.zeros(len(a))
    step = max(1, _AT_ONCE // len(edges))
    for at in range(0, len(a), step):
        part = slice(at, at + step)
        heights[part], bottoms[part] = _some_gaps(edges, a[part, None], b[part, None])
    return heights, bottoms


def _some_gaps(edges: Floats, a: Floats, b: Floats) -> Tuple[Floats, Floats]:
    x0, y0, x1, y1 = edges.T  # x0 <= x1
    slope = np.divide(y1 - y0, x1 - x0, out=np.zeros_like(x0), where=x1 > x0)
    within = (x0 < b) & (x1 > a)
    begin = np.where(a > x0, y0 + (a - x0) * slope, y0)
    end = np.where(b < x1, y0 + (b - x0) * slope, y1)
    low = np.where(within, np.minimum(begin, end), np.inf)
    high = np.where(within, np.maximum(begin, end), np.inf)
    middle = (a + b) / 2
    crossed = within & (x0 <= middle) & (x1 > middle)
    order = np.argsort(low, axis=1)
    low, high = np.take_along_axis(low, order, 1), np.take_along_axis(high, order, 1)
    inside = np.cumsum(np.take_along_axis(crossed, order, 1), axis=1)[:, :-1] % 2 == 1
    reach = np.maximum.accumulate(high, axis=1)[:, :-1]
    with np.errstate(invalid="ignore"):  # infinite less infinite, where no edge is left
        height = np.where(inside & np.isfinite(low[:, 1:]), low[:, 1:] - reach, 0.0)
    place = height.argmax(axis=1)
    row = np.arange(len(height))
    return np.maximum(height[row, place], 0.0), np.where(height[row, place] > 0, reach[row, place], 0.0)


def _grown(edges: Floats, a: float, b: float, bottom: float, height: float, aspect: Optional[float]) -> Best:
    """Push the sides of a rectangle out to what stops them, by turns."""
    west, south, east, north = float(a), float(bottom), float(b), float(bottom + height)
    mirrored = _eastward(edges[:, [1, 0, 3, 2]])
    for _ in range(4):
        # Drawn in a little: an edge along a side must not, by rounding, stand in the way of all of it.
        low, high = _drawn_in(south, north)
        west, east = _drawn_in(*_between(mirrored, low, high, (west + east) / 2))
        south, north = _between(edges, west, east, (south + north) / 2)
    if _area(east - west, north - south, aspect) < _area(b - a, height, aspect):
        west, south, east, north = float(a), float(bottom), float(b), float(bottom + height)
    bounds = (west, south, east, north)
    width, tall = east - west, north - south
    if aspect is not None:
        width = min(width, tall * aspect)
        tall = width / aspect
        x, y = (west + east) / 2, (south + north) / 2
        bounds = (x - width / 2, y - tall / 2, x + width / 2, y + tall / 2)
    return Best(width * tall, bounds)


def _drawn_in(low: float, high: float) -> Tuple[float, float]:
    return low + 1e-12 * (high - low), high - 1e-12 * (high - low)


def _between(edges: Floats, a: float, b: float, y: float) -> Tuple[float, float]:
    """Return the gap of the strip from a to b that holds a height."""
    x0, y0, x1, y1 = edges[(edges[:, 0] < b) & (edges[:, 2] > a)].T
    slope = np.divide(y1 - y0, x1 - x0, out=np.zeros_like(x0), where=x1 > x0)
    ends = np.sort([y0 + np.maximum(a - x0, 0) * slope, np.where(b < x1, y0 + (b - x0) * slope, y1)], axis=0)
    below, above = ends[1][ends[1] <= y], ends[0][ends[0] >= y]
    return float(below.max()), float(above.min())


# ---- any orientation -------------------------------------------------------------------------------------


def _any_angle(rings: Sequence[Floats], aspect: Optional[float], tolerance: float) -> Tuple[Optional[Best], float]:
    whole = math.pi / 2 if aspect is None else math.pi  # after that, width and height, or both ends, change places
    outline = np.concatenate(rings)
    diagonal2 = float(np.sum(np.ptp(outline, axis=0) ** 2))
    best: Optional[Best] = None
    turned = 0.0
    # The best side often lies along an edge: to know a good one soon leaves little else to look at.
    steps = np.concatenate([_edges(ring) for ring in rings])
    along = np.arctan2(steps[:, 3] - steps[:, 1], steps[:, 2] - steps[:, 0]) % whole
    lengths = np.hypot(steps[:, 3] - steps[:, 1], steps[:, 2] - steps[:, 0])
    first = along[np.argsort(-lengths)][:8]
    pieces = 16
    half = whole / pieces / 2
    intervals: List[Tuple[float, float]] = [(float(angle), 0.0) for angle in first]
    intervals += [((2 * piece + 1) * half, half) for piece in range(pieces)]
    while intervals:
        following = []
        for centre, reach in intervals:
            reached = best.area if best else 0.0
            goal = reached * (1 + tolerance / 2)
            lost = _Turning(reach, diagonal2, aspect)
            share = max(tolerance / 4, min(0.5, reach))
            found, limit = _aligned(_turned(rings, -centre), aspect, share, max(0.0, lost.needed(goal)))
            if found is not None and (best is None or found.area > best.area):
                best, turned = found, centre
            if reach and lost.limit(limit) > (best.area if best else 0.0) * (1 + tolerance):
                following += [
                    (centre - reach * 2 / 3, reach / 3),
                    (centre, reach / 3),
                    (centre + reach * 2 / 3, reach / 3),
                ]
        intervals = following
        if len(intervals) > 20_000:
            raise ValueError(f"the area is too complicated for a tolerance of {tolerance}: take a greater one")
    return best, turned


class _Turning(NamedTuple):
    """Know what turning by an angle may cost a rectangle."""

    angle: float
    diagonal2: float
    aspect: Optional[float]

    def limit(self, area: float) -> float:
        """Return what no rectangle exceeds that is turned so from where none exceeds an area."""
        if self.aspect is None:
            return area + self.diagonal2 * math.tan(self.angle)
        return area * self._shrink

    def needed(self, area: float) -> float:
        """Return the area below which `limit` is below another one."""
        return area - self.diagonal2 * math.tan(self.angle) if self.aspect is None else area / self._shrink

    @property
    def _shrink(self) -> float:
        assert self.aspect is not None
        return (math.cos(self.angle) + math.sin(self.angle) * max(self.aspect, 1 / self.aspect)) ** 2


# ---- rings -----------------------------------------------------------------------------------------------


def _ring(positions: Sequence[Sequence[float]]) -> Floats:
    ring = np.array([[float(p[0]), float(p[1])] for p in positions]).reshape(-1, 2)
    if not np.all(np.isfinite(ring)):
        raise ValueError("a ring holds a position that is not finite")
    kept = np.any(ring != np.roll(ring, 1, axis=0), axis=1)
    found: Floats = ring[kept]
    return found


def _edges(ring: Floats) -> Floats:
    """Return the edges of a ring as x0, y0, x1, y1, from west to east."""
    return _eastward(np.column_stack([ring, np.roll(ring, -1, axis=0)]))


def _eastward(edges: Floats) -> Floats:
    return np.where((edges[:, 0] > edges[:, 2])[:, None], edges[:, [2, 3, 0, 1]], edges)


def _turned(rings: Sequence[Floats], angle: float) -> List[Floats]:
    if angle == 0:
        return list(rings)
    c, s = math.cos(angle), math.sin(angle)
    return [ring @ np.array([[c, s], [-s, c]]) for ring in rings]


def _corners(
    found: Optional[Best], turned: float, aspect: Optional[float], middle: Floats, drawn_in: float
) -> List[Position]:
    if found is None:
        return []
    west, south, east, north = found.bounds
    x = drawn_in * (1 if aspect is None else max(1.0, aspect))
    y = x if aspect is None else x / aspect
    if east - west <= 2 * x or north - south <= 2 * y:
        return []
    corners = np.array([[west + x, south + y], [east - x, south + y], [east - x, north - y], [west + x, north - y]])
    (corners,) = _turned([corners], turned)
    return [(float(px), float(py)) for px, py in corners + middle]
