"""The largest rectangle by branch and bound with limited work, vectorized, with numpy alone.

A choice is an interval of angles, and an interval for each end of the rectangle along its longer side: from ``a`` to
``b``, in coordinates rotated with the rectangle. All rectangles of a choice contain a strip, from the largest ``a`` to
the least ``b``. A gap between edges in that strip may contain a rectangle that is as tall as the gap, and at most as
wide as from the least ``a`` to the largest ``b``: this bounds its area. Each gap keeps the few edges near it, so that
halving the choice and searching the gap again is cheap. (The idea is that of K. Daniels, V. Milenkovic, D. Roth,
"Finding the largest area axis-parallel rectangle in a polygon", Computational Geometry 7, 1997, where it is exact, and
for one angle.)

Rotating a point by ``t`` moves it by at most ``t`` times its distance from the centre. Strips are narrower and gaps
taller by that much, so that bounds hold for every angle of an interval.

The choice with the greatest bound is halved first. If no bound exceeds the best rectangle by more than the tolerance,
the rectangle is proved. If the work is used up before, the greatest bound states how much may be lacking.
"""

from __future__ import annotations

import heapq
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from planet_vector.stacks.fitting import Fitting, area_of, turned, turned_places
from planet_vector.stacks.insides import Insides, copied, ends_of

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

MAX_WORK = 20_000_000
"""Limit of work, in tests of an edge against a choice: some two or three seconds."""

_BLOCK = 40_000  # edges of choices processed together: few enough for a processor's cache
_TRIED = 24  # most choices of a block whose middle is tried
_TRYING = 6_000  # most edges tested against these
_OF_CHOICE = 4  # cost of a choice itself, in tests of edges
_APART = 4.0  # offset between the heights of consecutive choices, which lie within ±1
_SLACK = 1e-11  # rounding error of heights with these offsets
_LEAST = 1e-15  # least area of a rectangle, as a share of the area around everything

TURN, REACH, A0, A1, B0, B1, LOW, HIGH, X, Y, BOUND = range(11)
"""Columns of choices: the middle of the angles and their half range; the intervals of both ends; the heights between
which rectangles lie; a point in the gap of the choice (not rotated; NaN if there is none); the bound of the area."""


class _Block(NamedTuple):
    """Choices, and the edges near each: those of choice ``n`` are ``edges[starts[n]:starts[n + 1]]``."""

    choices: Floats
    starts: Whole
    edges: Whole

    @property
    def of(self) -> Whole:
        """The index of the choice of each edge."""
        return np.repeat(np.arange(len(self.choices)), np.diff(self.starts))


class BranchAndBound:
    """Branch and bound for the largest rectangle of one area, step by step.

    It searches rectangles that are not taller than wide, with an angle in some intervals.

    Parameters
    ----------
    edges : array, shape (n, 4)
        The edges of outer rings and holes: x and y of both ends, all within a distance of 1 from (0, 0).
    intervals : sequence of (float, float)
        Intervals of angles, radians: the middle of each, and its half width.
    aspect : float, optional
        Width over height, at least 1; by default any.
    tolerance : float
        The share of the largest possible area that may be lacking.
    fitting : Fitting
        The search with the same edges, which keeps the best rectangle.
    """

    def __init__(
        self,
        edges: Floats,
        intervals: Sequence[Tuple[float, float]],
        aspect: Optional[float],
        tolerance: float,
        fitting: Fitting,
    ) -> None:
        self._edges = edges
        self._aspect = aspect
        self._tolerance = tolerance
        self._fitting = fitting
        self._insides = Insides(edges)
        self._heap: List[Tuple[float, int, _Block]] = []
        self._count = 0
        self.work = 0
        """Number of tests of an edge against a choice so far."""
        self._push(self._roots(intervals))

    @property
    def _goal(self) -> float:
        """The area that a bound must exceed to be examined."""
        best = self._fitting.best
        return max(max(best.area if best else 0.0, self._fitting.floor) * (1 + self._tolerance), _LEAST)

    @property
    def bound(self) -> float:
        """The upper bound of rectangles not yet found; 0 if no choice is left to examine."""
        return -self._heap[0][0] if self._heap and -self._heap[0][0] > self._goal else 0.0

    def step(self) -> None:
        """Halve the choices with the greatest bounds; there must be some."""
        self._halve(heapq.heappop(self._heap)[2])

    def _roots(self, intervals: Sequence[Tuple[float, float]]) -> _Block:
        turns, reaches = np.array(intervals, dtype=float).T
        ends = self._edges.reshape(-1, 2)
        cos, sin = np.cos(turns)[:, None], np.sin(turns)[:, None]
        x, y = ends[:, 0] * cos + ends[:, 1] * sin, ends[:, 1] * cos - ends[:, 0] * sin
        choices = np.full((len(turns), 11), np.nan)
        choices[:, TURN], choices[:, REACH] = turns, reaches
        moved = np.hypot(ends[:, 0], ends[:, 1]).max() * reaches
        choices[:, A0] = choices[:, B0] = x.min(axis=1) - moved
        choices[:, A1] = choices[:, B1] = x.max(axis=1) + moved
        choices[:, LOW], choices[:, HIGH] = y.min(axis=1) - moved, y.max(axis=1) + moved
        choices[:, BOUND] = self._area(choices, choices[:, HIGH] - choices[:, LOW])
        number = len(self._edges)
        return _Block(choices, np.arange(len(turns) + 1) * number, np.tile(np.arange(number), len(turns)))

    def _area(self, choices: Floats, height: Floats) -> Floats:
        """Return the upper bound of the area of rectangles of choices, up to a height."""
        width, least = choices[:, B1] - choices[:, A0], choices[:, B0] - choices[:, A1]
        areas: Floats = area_of(width, np.minimum(width, height), self._aspect)
        if self._aspect is not None:  # the least width requires a least height
            areas = np.where(height * self._aspect < least - _SLACK, 0.0, areas)
        return areas

    def _push(self, block: _Block) -> None:
        """Add choices to the heap, in blocks of similar bounds."""
        order = np.argsort(-block.choices[:, BOUND])
        sizes = np.cumsum(np.diff(block.starts)[order])
        begin = 0
        while begin < len(order):
            done = sizes[begin - 1] if begin else 0
            end = max(begin + 1, int(np.searchsorted(sizes, done + _BLOCK, side="right")))
            part = _taken(block, order[begin:end])
            self._count += 1
            heapq.heappush(self._heap, (-float(part.choices[0, BOUND]), self._count, part))
            begin = end

    def _halve(self, block: _Block) -> None:
        """Bound the choices of a block by the gaps in their strips, and keep both halves of the remaining ones."""
        block = _taken(block, np.flatnonzero(block.choices[:, BOUND] > self._goal))
        self.work += len(block.edges) + _OF_CHOICE * len(block.choices)
        choices = block.choices
        strip = _Strip.of(choices)
        thin = self._area(choices, 2 * strip.moved)
        wide = strip.end - strip.begin > 2 * strip.shrunk
        told = wide & (thin <= self._goal)  # else a rectangle thinner than the motion of points could lie anywhere
        which = np.flatnonzero(told)
        gaps = self._gaps(_taken(block, which), strip.taken(which))
        self._fitting.try_all(*_middles(gaps, max(2, min(_TRIED, _TRYING // len(self._edges)))))
        others = np.flatnonzero(~told)
        parents = np.concatenate([which[gaps[1]], others])
        found = np.concatenate([gaps[0], choices[others]])
        to_turn = np.concatenate([np.zeros(len(gaps[1]), dtype=bool), thin[others] > self._goal])
        halves = _halved(found, _sizes(found, strip.taken(parents), to_turn))
        parents = np.concatenate([parents, parents])
        bounds = self._area(halves, halves[:, HIGH] - halves[:, LOW])
        halves[:, BOUND] = np.minimum(halves[:, BOUND], bounds)
        kept = np.flatnonzero(halves[:, BOUND] > self._goal)
        if len(kept):
            following = _Block(halves[kept], *copied(block.starts, block.edges, parents[kept]))
            self.work += len(following.edges) // 2
            self._push(self._near(following))

    def _gaps(self, block: _Block, strip: _Strip) -> Tuple[Floats, Whole]:
        """Return a choice for each gap that may contain a large enough rectangle, and the index of its parent."""
        choices = block.choices
        number = block.of
        x0, y0, x1, y1 = turned(self._edges[block.edges], choices[number, TURN])
        begin, end, middle = strip.begin[number], strip.end[number], strip.middle[number]
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = np.where(x1 > x0, (y1 - y0) / (x1 - x0), 0.0)
        first = np.where(begin > x0, y0 + (begin - x0) * slope, y0)
        last = np.where(end < x1, y0 + (end - x0) * slope, y1)
        within = (x0 < end) & (x1 > begin)
        crossed = (x0 <= middle) & (x1 > middle)
        # The height limits of each choice act as two more edges.
        aside = strip.moved - np.abs(strip.middle) * choices[:, REACH]
        limits = np.concatenate([choices[:, LOW] + aside, choices[:, HIGH] - aside])
        both = np.tile(np.arange(len(choices)), 2)
        of = np.concatenate([number[within], both])
        low = np.concatenate([np.minimum(first, last)[within], limits])
        high = np.concatenate([np.maximum(first, last)[within], limits])
        counted = np.concatenate([crossed[within], np.zeros(len(both), dtype=bool)])
        key = of * _APART
        order = np.argsort(key + low)
        of, low, counted = of[order], low[order], counted[order]
        reach = np.maximum.accumulate((key + high)[order])[:-1] - key[order][:-1]
        odd = np.cumsum(counted)[:-1]
        firsts = np.searchsorted(of, np.arange(len(choices)))
        before = np.concatenate([[0], odd])[firsts]
        known = np.isnan(choices[of[:-1], X])  # counting needs all edges below: only choices without a gap have them
        inside = ((odd - before[of[:-1]]) % 2 == 1) | ~known
        gap = low[1:] - reach
        at = np.flatnonzero((of[1:] == of[:-1]) & inside & (gap > 0))
        of, reach, gap, known = of[at], reach[at], gap[at], known[at]
        found = choices[of]
        place = _places(found, strip.middle[of], reach + gap / 2)
        moved = strip.moved[of]
        more = moved + np.abs(strip.middle[of]) * found[:, REACH] + _SLACK
        found[:, LOW] = np.maximum(found[:, LOW], reach - more)
        found[:, HIGH] = np.minimum(found[:, HIGH], reach + gap + more)
        height = np.minimum(gap + 2 * moved + 2 * _SLACK, found[:, HIGH] - found[:, LOW])
        found[:, BOUND] = np.minimum(found[:, BOUND], self._area(found, height))
        kept = found[:, BOUND] > self._goal
        # A gap beside the one of the parent choice may lie outside the area.
        x, y = turned_places(found[:, X], found[:, Y], found[:, TURN])
        same = (x > strip.begin[of]) & (x < strip.end[of]) & (y > reach) & (y < reach + gap)
        other = np.flatnonzero(kept & ~known & ~same)
        kept[other] = self._insides.of(place[other])
        found[:, [X, Y]] = place
        return found[kept], of[kept]

    def _near(self, block: _Block) -> _Block:
        """Drop the edges that no rectangle of a choice can meet."""
        choices, number = block.choices, block.of
        x0, y0, x1, y1 = turned(self._edges[block.edges], choices[number, TURN])
        reach = choices[:, REACH]
        farthest = np.maximum(np.abs(choices[:, A0]), np.abs(choices[:, B1]))
        highest = np.maximum(np.abs(choices[:, LOW]), np.abs(choices[:, HIGH]))
        aside = highest * reach + farthest * reach**2 / 2 + _SLACK
        above = farthest * reach + highest * reach**2 / 2 + _SLACK
        half_x = ((choices[:, B1] - choices[:, A0]) / 2 + aside)[number]
        half_y = ((choices[:, HIGH] - choices[:, LOW]) / 2 + above)[number]
        x = ((choices[:, B1] + choices[:, A0]) / 2)[number]
        y = ((choices[:, HIGH] + choices[:, LOW]) / 2)[number]
        width, height = x1 - x0, y1 - y0
        beside = np.abs(x0 + x1 - 2 * x) <= width + 2 * half_x
        near = beside & (np.abs(y0 + y1 - 2 * y) <= np.abs(height) + 2 * half_y)
        # Drop those whose line passes by, too.
        near &= np.abs(width * (y0 - y) - height * (x0 - x)) <= width * half_y + np.abs(height) * half_x + _SLACK
        # Without a known inner point, all edges below are needed for the even-odd rule.
        near |= beside & (np.minimum(y0, y1) <= y + half_y) & np.isnan(choices[:, X])[number]
        counts = np.bincount(number[near], minlength=len(choices))
        return _Block(choices, ends_of(counts), block.edges[near])


class _Strip(NamedTuple):
    """Strip that all rectangles of a choice contain, at the middle of their angles."""

    begin: Floats
    end: Floats
    middle: Floats
    shrunk: Floats
    """How much narrower it is at each end than at a single angle."""
    moved: Floats
    """How much heights in it may differ at another angle, apart from their common motion."""

    @classmethod
    def of(cls, choices: Floats) -> _Strip:
        reach = choices[:, REACH]
        farthest = np.maximum(np.abs(choices[:, A0]), np.abs(choices[:, B1]))
        highest = np.maximum(np.abs(choices[:, LOW]), np.abs(choices[:, HIGH])) + farthest * reach
        shrunk = highest * reach + farthest * reach**2 / 2
        begin, end = choices[:, A1] + shrunk, choices[:, B0] - shrunk
        moved = np.maximum(end - begin, 0.0) / 2 * reach + (farthest + highest) * reach**2 / 2
        return cls(begin, end, (begin + end) / 2, shrunk, moved)

    def taken(self, which: Any) -> _Strip:
        return _Strip(*(values[which] for values in self))


def _sizes(choices: Floats, strip: _Strip, to_turn: Any) -> Whole:
    """Return which of the three intervals of each choice to halve: the one that loosens its bound the most."""
    width = choices[:, B1] - choices[:, A0]
    height = choices[:, BOUND] / width
    a, b = choices[:, A1] - choices[:, A0], choices[:, B1] - choices[:, B0]
    side = np.maximum(a, b)
    turning = 2 * width * strip.moved + 4 * height * strip.shrunk
    narrow = strip.end - strip.begin <= 2 * strip.shrunk
    turn = to_turn & (choices[:, REACH] > 0)
    turn |= np.where(narrow, side < 4 * strip.shrunk, turning > 2 * height * side)
    return np.where(turn, 2, np.where(a >= b, 0, 1))


def _halved(choices: Floats, which: Whole) -> Floats:
    """Return the first halves of all choices, then the second halves."""
    first, second = choices.copy(), choices.copy()
    for number, (low, high) in enumerate([(A0, A1), (B0, B1)]):
        rows = np.flatnonzero(which == number)
        first[rows, high] = second[rows, low] = (choices[rows, low] + choices[rows, high]) / 2
    rows = np.flatnonzero(which == 2)
    first[rows, REACH] = second[rows, REACH] = choices[rows, REACH] / 2
    first[rows, TURN] -= choices[rows, REACH] / 2
    second[rows, TURN] += choices[rows, REACH] / 2
    return np.concatenate([first, second])


def _middles(gaps: Tuple[Floats, Whole], most: int) -> Tuple[Floats, Floats, Floats, Floats]:
    """Return angle, ends and height at the middle of the choices with the greatest bounds."""
    choices = gaps[0]
    if len(choices) > most:
        choices = choices[np.argpartition(-choices[:, BOUND], most)[:most]]
    a, b = (choices[:, A0] + choices[:, A1]) / 2, (choices[:, B0] + choices[:, B1]) / 2
    return choices[:, TURN], a, b, (choices[:, LOW] + choices[:, HIGH]) / 2


def _places(choices: Floats, x: Floats, y: Floats) -> Floats:
    """Return points, shape (n, 2), from the rotated coordinates of choices."""
    return np.column_stack(turned_places(x, y, -choices[:, TURN]))


# ---- choices and their edges -------------------------------------------------------------------------------


def _taken(block: _Block, which: Any) -> _Block:
    return _Block(block.choices[which], *copied(block.starts, block.edges, which))
