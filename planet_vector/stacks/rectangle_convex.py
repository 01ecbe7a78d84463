"""The largest rectangle along the axes inside a convex area, exactly, with numpy alone.

Between sides at ``a`` and ``b``, the height of the area is the minimum of four linear functions, two of ``a`` and two
of ``b``, as long as neither passes a vertex (H. Alt, D. Hsu, J. Snoeyink, "Computing the largest inscribed isothetic
rectangle", CCCG 1995). So the largest rectangle has a side at a vertex, or lies where two of the functions meet, or at
the vertex of a parabola. All these candidates are tried; their number grows with the square of the vertices.
"""

from __future__ import annotations

import math
from typing import Any, List, NamedTuple, Optional, Tuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Best(NamedTuple):
    """Rectangle: its area, and west, south, east, north."""

    area: float
    bounds: Tuple[float, float, float, float]


def is_convex(ring: Floats) -> bool:
    """Return whether a ring is convex and turns once.

    Parameters
    ----------
    ring : array, shape (n, 2)
        Its positions, not closed.
    """
    along = np.roll(ring, -1, axis=0) - ring
    after = np.roll(along, -1, axis=0)
    turns = along[:, 0] * after[:, 1] - along[:, 1] * after[:, 0]
    if not (np.all(turns >= 0) or np.all(turns <= 0)):
        return False
    # All turns go to one side, and add up to one revolution; a pentagram has two.
    angles = np.arctan2(turns, np.sum(along * after, axis=1))
    return bool(abs(abs(angles.sum()) - 2 * math.pi) < 1e-6)


def largest_in_convex(ring: Floats) -> Optional[Best]:
    """Return the largest rectangle inside a convex ring, or None if the ring has no area.

    Parameters
    ----------
    ring : array, shape (n, 2)
        Its positions, not closed.
    """
    lower, upper = _chain(ring, np.minimum.reduceat), _chain(ring, np.maximum.reduceat)
    xs = np.unique(ring[:, 0])
    if len(xs) < 2:
        return None
    tops, lows = np.interp(xs, *upper.T), np.interp(xs, *lower.T)
    one_fixed = _cuts_at(xs, tops, lows)
    # The cuts of the lower half are those of the upper half of the mirrored area.
    level = [_cuts_level(xs, tops, lows), _cuts_level(xs, -lows, -tops)]
    sides = np.concatenate([one_fixed, one_fixed[:, ::-1], *level])
    sides = sides[(sides[:, 0] >= xs[0]) & (sides[:, 1] <= xs[-1]) & (sides[:, 1] > sides[:, 0])]
    if not len(sides):
        return None
    a, b = sides.T
    top = np.minimum(np.interp(a, xs, tops), np.interp(b, xs, tops))
    low = np.maximum(np.interp(a, xs, lows), np.interp(b, xs, lows))
    areas = (b - a) * (top - low)
    best = int(areas.argmax())
    if areas[best] <= 0:
        return None
    return Best(float(areas[best]), (float(a[best]), float(low[best]), float(b[best]), float(top[best])))


def _chain(ring: Floats, extreme: Any) -> Floats:
    """Return the vertices of the lower or the upper half of a convex ring, from west to east, one per x."""
    order = np.argsort(ring[:, 0], kind="stable")
    xs, first = np.unique(ring[order, 0], return_index=True)
    ys = extreme(ring[order, 1], first)
    # Only the outermost x have vertices of both halves; between them, drop those of the other half.
    chain = np.column_stack([xs, ys])
    sign = 1.0 if extreme == np.minimum.reduceat else -1.0
    kept: List[Floats] = []
    for point in chain:
        while len(kept) > 1 and sign * _cross(kept[-2], kept[-1], point) <= 0:
            kept.pop()
        kept.append(point)
    return np.array(kept)


def _cross(o: Floats, p: Floats, q: Floats) -> float:
    return float((p[0] - o[0]) * (q[1] - o[1]) - (p[1] - o[1]) * (q[0] - o[0]))


def _lines(xs: Floats, ys: Floats) -> Tuple[Floats, Floats]:
    """Return offset and slope of each segment of a polyline."""
    slope = np.diff(ys) / np.diff(xs)
    return ys[:-1] - slope * xs[:-1], slope


def _cuts_at(xs: Floats, tops: Floats, lows: Floats) -> Floats:
    """Return pairs of sides, one of them at a vertex, the other where the rectangle may be largest."""
    fixed = xs[:, None]
    top_at, top_by = _lines(xs, tops)
    low_at, low_by = _lines(xs, lows)
    with np.errstate(divide="ignore", invalid="ignore"):
        # The free side x: the height c + d x of a rectangle times its width (x - fixed) is largest at
        # x = (fixed - c / d) / 2, for each choice of the sides that limit it above and below.
        free = [
            (fixed - (top_at - lows[:, None]) / top_by) / 2,
            (fixed - (tops[:, None] - low_at) / -low_by) / 2,
            (fixed - (top_at - low_at) / (top_by - low_by)) / 2,
            (tops[:, None] - top_at) / top_by,  # where the upper edge has its height at `fixed`
            (lows[:, None] - low_at) / low_by,
        ]
    # Each formula holds between two vertices; clipped to them, it yields a valid candidate.
    within = [np.clip(np.nan_to_num(x, posinf=xs[-1], neginf=xs[0]), xs[:-1], xs[1:]) for x in free]
    others = np.concatenate([*within, np.broadcast_to(xs, (len(xs), len(xs)))], axis=1)
    return np.column_stack([np.repeat(xs, others.shape[1]), others.ravel()])


def _cuts_level(xs: Floats, tops: Floats, lows: Floats) -> Floats:
    """Return pairs of sides with the same height of the upper edge, between which a rectangle may be largest."""
    top_at, top_by = _lines(xs, tops)
    low_at, low_by = _lines(xs, lows)
    rising, falling = np.flatnonzero(top_by > 0), np.flatnonzero(top_by < 0)
    i, j = (side.ravel() for side in np.meshgrid(rising, falling, indexing="ij"))
    if not len(i):
        return np.empty((0, 2))
    # At the level t the sides are a = (t - p) / q and b = (t - r) / s: the width is linear in t, u + v t.
    p, q, r, s = top_at[i], top_by[i], top_at[j], top_by[j]
    u, v = p / q - r / s, 1 / s - 1 / q
    levels = []
    lines = []
    for at, by, shift, steep in ((low_at[i], low_by[i], p, q), (low_at[j], low_by[j], r, s)):
        # The lower limit is linear, too: at + by (t - shift) / steep; so is the height, w + z t.
        w, z = -(at - by * shift / steep), 1 - by / steep
        lines.append((w, z))
        with np.errstate(divide="ignore", invalid="ignore"):
            levels.append(-(u / v + w / z) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        levels.append((lines[0][0] - lines[1][0]) / (lines[1][1] - lines[0][1]))
    pairs = []
    for t in levels:
        t = np.where(np.isfinite(t), t, 0.0)
        pairs.append(np.column_stack([(t - p) / q, (t - r) / s]))
    return np.concatenate(pairs)
