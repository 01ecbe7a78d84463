"""Heuristic search for large rectangles inside an area, with numpy alone; the result may not be the largest."""

from __future__ import annotations

import math
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_AT_ONCE = 120_000  # numbers in one array: few enough for a processor's cache
_ANGLES = 24  # initial angles in a quarter turn, besides those of the longest edges
_ALONG = 16  # longest edges
_GRID = 14  # initial positions of either end, evenly spaced, and as many at ends of edges
_GUESSES = 4_000_000  # tests of edges against the initial rectangles; more edges mean fewer positions
POLISHED = 6
"""Number of guesses that are improved."""
_THIN = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)  # half widths of rectangles around a line
_TRIES = 36  # variants of a rectangle per attempt to enlarge it
_ROUNDS = 4  # attempts per step size
_WORTH = 1e-4  # share of the area by which a rectangle must be larger to be improved
_FINEST = 1e-6  # smallest step, as a share of the rectangle's size


class Fitted(NamedTuple):
    """Rectangle: its area, its angle in radians, and its sides in coordinates rotated by that angle."""

    area: float
    turn: float
    bounds: Tuple[float, float, float, float]
    """West, south, east, north."""


def area_of(width: Any, height: Any, aspect: Optional[float]) -> Any:
    """Return the area of the largest rectangle of an aspect inside a given rectangle.

    Parameters
    ----------
    width, height : float or array
        The sides of the given rectangle.
    aspect : float, optional
        Width over height; by default any.
    """
    if aspect is None:
        return width * height
    side = np.minimum(width, height * aspect)
    return side * side / aspect


class Fitting:
    """Search for large rectangles inside an area; keeps the largest.

    Parameters
    ----------
    edges : array, shape (n, 4)
        The edges of the area: x and y of both ends.
    aspect : float, optional
        Width over height, at least 1; by default any, also below 1.
    any_angle : bool
        Whether rectangles may be rotated.
    """

    def __init__(self, edges: Floats, aspect: Optional[float], any_angle: bool) -> None:
        self._edges = edges
        self._any_angle = any_angle
        self._aspect = aspect
        self._moves = np.random.default_rng(7).uniform(-1, 1, (_TRIES, 5))
        self.best: Optional[Fitted] = None
        self.work = 0
        """Number of tests of an edge against a rectangle so far."""
        self.turns = 0
        """Number of angles tried so far."""
        self.floor = 0.0
        """Area of the best rectangle of other parts; smaller ones are ignored."""

    def guesses(self, turns: Sequence[float], share: float = 1.0) -> List[Fitted]:
        """Return rectangles all over the area, the largest first.

        Parameters
        ----------
        turns : sequence of float
            Angles in radians; ignored if any angle is allowed.
        share : float
            The share of the work for this part of an area, up to 1.
        """
        if self._any_angle:
            angles, along = (max(4, int(number * share)) for number in (_ANGLES, _ALONG))
            turns = [*self._along_edges()[:along], *(np.arange(angles) * (math.pi / 2 / angles))]
            if self._aspect is not None:
                turns = [*turns, *(turn + math.pi / 2 for turn in turns)]
        found: List[Fitted] = []
        self.turns += len(turns)
        for turn in turns:
            found += self._over_all(float(turn), int(_GUESSES * share) // len(turns))
        found.sort(key=lambda one: -one.area)
        return _apart(found)

    def try_all(self, turns: Floats, a: Floats, b: Floats, y: Floats) -> None:
        """Try rectangles, and improve and keep one that is larger than the best.

        Parameters
        ----------
        turns : array, shape (n,)
            Their angles in radians.
        a, b : array, shape (n,)
            Their left and right sides, in rotated coordinates.
        y : array, shape (n,)
            A height inside each.
        """
        if not len(turns):
            return
        bottom, top = self._between(turns, a, b, y)
        areas = area_of(b - a, np.maximum(top - bottom, 0.0), self._aspect)
        at = int(areas.argmax())
        if areas[at] > max(self.floor, self.best.area if self.best else 0.0):
            fitted = Fitted(
                float(areas[at]), float(turns[at]), (float(a[at]), float(bottom[at]), float(b[at]), float(top[at]))
            )
            if self.best is None or fitted.area > self.best.area * (1 + _WORTH):
                self.improve(fitted)
            else:
                self.best = fitted

    def _along_edges(self) -> List[float]:
        along = self._edges[:, 2:] - self._edges[:, :2]
        lengths = np.hypot(*along.T)
        turns = np.arctan2(along[:, 1], along[:, 0]) % (math.pi / 2)
        # The lengths of edges with the same direction add up.
        named, where = np.unique(np.round(turns, 6), return_inverse=True)
        total = np.bincount(where.ravel(), weights=lengths)
        return [float(turn) for turn in named[np.argsort(-total)][:_ALONG]]

    def _over_all(self, turn: float, work: int) -> List[Fitted]:
        """Return the largest rectangle at an angle between the positions of a grid, if any."""
        cos, sin = math.cos(turn), math.sin(turn)
        xs = np.sort((self._edges[:, [0, 2]] * cos + self._edges[:, [1, 3]] * sin).ravel())
        grid = max(4, min(_GRID, int(math.sqrt(work / len(self._edges) / 2))))
        some = xs[np.linspace(0, len(xs) - 1, grid).astype(int)]
        places = np.unique(np.concatenate([np.linspace(xs[0], xs[-1], grid), some]))
        i, j = np.triu_indices(len(places), 1)
        a, b = places[i], places[j]
        height, bottom = np.zeros(len(a)), np.zeros(len(a))
        self.work += 2 * len(a) * len(self._edges)
        step = max(1, _AT_ONCE // len(self._edges))
        edges = turned(self._edges, np.array(turn))
        for at in range(0, len(a), step):
            part = slice(at, at + step)
            height[part], bottom[part] = _tallest(edges, a[part, None], b[part, None])
        areas = area_of(b - a, height, self._aspect)
        at = int(areas.argmax())
        if areas[at] <= 0:
            return self._over_lines(turn, places, edges)
        bounds = (float(a[at]), float(bottom[at]), float(b[at]), float(bottom[at] + height[at]))
        return [Fitted(float(areas[at]), turn, bounds)]

    def _over_lines(self, turn: float, places: Floats, edges: Any) -> List[Fitted]:
        """Return the largest thin rectangle at an angle, around a line between positions, if all wider ones fail."""
        x = np.repeat((places[1:] + places[:-1]) / 2, len(_THIN))
        half = np.tile(_THIN, len(places) - 1)
        self.work += len(x) * len(self._edges)
        found: List[Fitted] = []
        step = max(1, _AT_ONCE // len(self._edges))
        for at in range(0, len(x), step):
            a, b = (x - half)[at : at + step], (x + half)[at : at + step]
            height, bottom = _tallest(edges, a[:, None], b[:, None])
            areas = area_of(b - a, height, self._aspect)
            best = int(areas.argmax())
            if areas[best] > 0:
                bounds = (float(a[best]), float(bottom[best]), float(b[best]), float(bottom[best] + height[best]))
                found.append(Fitted(float(areas[best]), turn, bounds))
        return sorted(found, key=lambda one: -one.area)[:1]

    def improve(self, fitted: Fitted) -> None:
        """Improve a rectangle, and keep it if it is the largest so far.

        Parameters
        ----------
        fitted : Fitted
            The rectangle.
        """
        size, current = 0.1, self._grown(fitted)
        while size > _FINEST:
            for _ in range(_ROUNDS):
                moved = self._moved(current, size)
                if moved.area <= current.area:
                    break
                current = self._grown(moved)
            size *= 0.4
        if self.best is None or current.area > self.best.area:
            self.best = current

    def _moved(self, current: Fitted, size: float) -> Fitted:
        """Return the largest of some variants of a rectangle."""
        west, south, east, north = current.bounds
        width, height = east - west, north - south
        moves = self._moves * size
        turning = moves[:, 0] * min(1.0, height / width) * self._any_angle
        turns = current.turn + turning
        x = (west + east) / 2 + moves[:, 1] * width
        y = (south + north) / 2 + moves[:, 2] * height
        half = width / 2 * (1 + moves[:, 3])
        # Convert the centre to the coordinates of the new angle.
        cos, sin = np.cos(turning), np.sin(turning)
        x, y = x * cos + y * sin, y * cos - x * sin
        bottom, top = self._between(turns, x - half, x + half, y)
        areas = area_of(2 * half, np.maximum(top - bottom, 0.0), self._aspect)
        at = int(areas.argmax())
        bounds = (float(x[at] - half[at]), float(bottom[at]), float(x[at] + half[at]), float(top[at]))
        return Fitted(float(areas[at]), float(turns[at]), bounds)

    def _grown(self, fitted: Fitted) -> Fitted:
        """Push the sides of a rectangle outwards to the next edges, alternately."""
        turn = np.array([fitted.turn])
        west, south, east, north = fitted.bounds
        for _ in range(3):
            # Shrunk slightly, so that rounding does not make an edge along a side block the others.
            low, high = _drawn_in(south, north)
            left, right = self._between(
                turn + math.pi / 2, np.array([low]), np.array([high]), np.array([-(west + east) / 2])
            )
            if right[0] > left[0]:
                west, east = _drawn_in(-float(right[0]), -float(left[0]))
            bottom, top = self._between(turn, np.array([west]), np.array([east]), np.array([(south + north) / 2]))
            if top[0] > bottom[0]:
                south, north = float(bottom[0]), float(top[0])
        area = float(area_of(east - west, north - south, self._aspect))
        return Fitted(area, fitted.turn, (west, south, east, north)) if area > fitted.area else fitted

    def _between(self, turns: Floats, a: Floats, b: Floats, y: Floats) -> Tuple[Floats, Floats]:
        """Return bottom and top of the gap around a height, between a and b; zeros if the height is not inside."""
        bottom, top = np.zeros(len(turns)), np.zeros(len(turns))
        self.work += len(turns) * len(self._edges)
        step = max(1, _AT_ONCE // len(self._edges))
        for at in range(0, len(turns), step):
            part = slice(at, at + step)
            edges = turned(self._edges, turns[part, None])
            bottom[part], top[part] = _around(edges, a[part, None], b[part, None], y[part, None])
        return bottom, top


def turned_places(x: Floats, y: Floats, turn: Floats) -> Tuple[Floats, Floats]:
    """Return points in rotated coordinates.

    Parameters
    ----------
    x, y : array
        The points.
    turn : array
        The angle of the coordinates, radians.
    """
    cos, sin = np.cos(turn), np.sin(turn)
    return x * cos + y * sin, y * cos - x * sin


def turned(edges: Floats, turn: Floats) -> Tuple[Floats, Floats, Floats, Floats]:
    """Return the ends of edges in rotated coordinates, as x0, y0, x1, y1 with x0 <= x1.

    Parameters
    ----------
    edges : array, shape (n, 4)
        x and y of both ends.
    turn : array
        The angle of the coordinates, radians; broadcast against (n,).
    """
    x0, y0 = turned_places(edges[:, 0], edges[:, 1], turn)
    x1, y1 = turned_places(edges[:, 2], edges[:, 3], turn)
    swapped = x0 > x1
    return np.where(swapped, x1, x0), np.where(swapped, y1, y0), np.where(swapped, x0, x1), np.where(swapped, y0, y1)


def _clipped(edges: Any, a: Floats, b: Floats) -> Tuple[Floats, Floats, Bools, Bools]:
    """Return the heights of edges between a and b, whether they reach there, and whether they cross the middle."""
    x0, y0, x1, y1 = edges
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(x1 > x0, (y1 - y0) / (x1 - x0), 0.0)
    within = (x0 < b) & (x1 > a)
    begin = np.where(a > x0, y0 + (a - x0) * slope, y0)
    end = np.where(b < x1, y0 + (b - x0) * slope, y1)
    middle = (a + b) / 2
    return np.minimum(begin, end), np.maximum(begin, end), within, within & (x0 <= middle) & (x1 > middle)


def _around(edges: Any, a: Floats, b: Floats, y: Floats) -> Tuple[Floats, Floats]:
    low, high, within, crossed = _clipped(edges, a, b)
    below, above = high <= y, low >= y
    inside = np.sum(crossed & below, axis=1) % 2 == 1
    free = inside & ~np.any(within & ~below & ~above, axis=1)
    bottom = np.where(within & below, high, -np.inf).max(axis=1)
    top = np.where(within & above, low, np.inf).min(axis=1)
    free &= np.isfinite(bottom) & np.isfinite(top)
    return np.where(free, bottom, 0.0), np.where(free, top, 0.0)


def _tallest(edges: Any, a: Floats, b: Floats) -> Tuple[Floats, Floats]:
    """Return height and bottom of the tallest gap inside the area, between a and b."""
    low, high, within, crossed = _clipped(edges, a, b)
    low, high = np.where(within, low, np.inf), np.where(within, high, np.inf)
    order = np.argsort(low, axis=1)
    low, high = np.take_along_axis(low, order, 1), np.take_along_axis(high, order, 1)
    inside = np.cumsum(np.take_along_axis(crossed, order, 1), axis=1)[:, :-1] % 2 == 1
    reach = np.maximum.accumulate(high, axis=1)[:, :-1]
    with np.errstate(invalid="ignore"):  # inf - inf after the last edge
        height = np.where(inside & np.isfinite(low[:, 1:]), low[:, 1:] - reach, 0.0)
    place = height.argmax(axis=1)
    row = np.arange(len(height))
    return np.maximum(height[row, place], 0.0), np.where(height[row, place] > 0, reach[row, place], 0.0)


def _drawn_in(low: float, high: float) -> Tuple[float, float]:
    return low + 1e-12 * (high - low), high - 1e-12 * (high - low)


def _apart(found: Sequence[Fitted]) -> List[Fitted]:
    """Return up to `POLISHED` rectangles, only the first of those at about the same place."""
    kept: List[Fitted] = []
    for one in found:
        if not any(_alike(one, other) for other in kept):
            kept.append(one)
        if len(kept) == POLISHED:
            break
    return kept


def _alike(one: Fitted, other: Fitted) -> bool:
    (x, y), (u, v) = _middle(one), _middle(other)
    turn = abs(math.remainder(one.turn - other.turn, math.pi))
    return math.hypot(x - u, y - v) < 0.05 and turn < 0.1


def _middle(fitted: Fitted) -> Tuple[float, float]:
    west, south, east, north = fitted.bounds
    x, y, cos, sin = (west + east) / 2, (south + north) / 2, math.cos(fitted.turn), math.sin(fitted.turn)
    return x * cos - y * sin, x * sin + y * cos
