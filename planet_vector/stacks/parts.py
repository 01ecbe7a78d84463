"""The largest rectangle in the parts of an area, which are searched separately, with numpy alone.

A rectangle lies in one part. Its area is bounded by the box around the part, or by the part's own area if the part is
convex. So parts are searched from the largest on, and parts not larger than the best rectangle are skipped. Each part
has its own coordinates around its middle: rotation then moves points little, and bounds are tighter. The work is
limited for all parts together: each gets a share of the first guesses, then the part with the greatest bound is always
refined next.
"""

from __future__ import annotations

import heapq
import math
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from planet_vector.stacks.fitting import POLISHED, Fitted, Fitting
from planet_vector.stacks.narrowing import BranchAndBound
from planet_vector.stacks.rectangle_convex import Floats, is_convex, largest_in_convex

# Work is counted in tests of an edge against a choice of `planet_vector.stacks.narrowing`.
_PIECES = 32  # initial intervals of angles in half a turn
_FITTED_AT_ONCE = 4  # tests of an edge against a rectangle that cost one unit
_OF_PART = 2_000  # units to begin with a part, per angle
_OF_PAIR = 4  # units per pair of vertices of a convex part


class AreaPart(NamedTuple):
    """Part of an area: its rings, moved and scaled to within a distance of 1 from (0, 0), its middle and its size."""

    rings: List[Floats]
    middle: Floats
    size: float


class Sought(NamedTuple):
    """Largest rectangle found, its part, the share of the largest possible area it may lack, and the work done."""

    part: Optional[AreaPart]
    best: Optional[Fitted]
    lacks: float
    work: int


def part_of(rings: Sequence[Floats]) -> Optional[AreaPart]:
    """Return the part between rings, or None if they are a single point.

    Parameters
    ----------
    rings : sequence of array, shape (n, 2)
        Positions of the outer ring and of holes, not closed.
    """
    ends = np.concatenate(rings)
    middle = (ends.min(axis=0) + ends.max(axis=0)) / 2
    size = float(np.hypot(*(ends - middle).T).max())  # relative to the middle, small numbers keep precision
    return AreaPart([(ring - middle) / size for ring in rings], middle, size) if size else None


def seek(
    parts: Sequence[AreaPart],
    aspect: Optional[float],
    turn: Optional[float],
    tolerance: float,
    most: int,
    start: Optional[Sought] = None,
) -> Sought:
    """Return the largest rectangle in some parts that can be found with limited work.

    Parameters
    ----------
    parts : sequence of AreaPart
        At least one.
    aspect : float, optional
        Width over height; by default any.
    turn : float, optional
        Angle of the width from the x axis, radians; by default any.
    tolerance : float
        The share of the largest possible area that the rectangle may lack; the search ends once this is proved.
    most : int
        The limit of work, in tests of edges.
    start : Sought, optional
        A rectangle to begin with; the result is at least as large.
    """
    return _Seeking(parts, aspect, turn, tolerance, most, start).run()


class _Seeking:
    def __init__(
        self,
        parts: Sequence[AreaPart],
        aspect: Optional[float],
        turn: Optional[float],
        tolerance: float,
        most: int,
        start: Optional[Sought],
    ) -> None:
        largest = max(part.size for part in parts)
        convex = [is_convex(part.rings[0]) for part in parts]
        areas = [_bound_of(part, known) for part, known in zip(parts, convex)]
        scales = [(part.size / largest) ** 2 for part in parts]
        order = sorted(range(len(parts)), key=lambda at: -areas[at] * scales[at])
        self._parts = [parts[at] for at in order]
        self._scales = [scales[at] for at in order]
        self._is_convex = [convex[at] and len(parts[at].rings) == 1 for at in order]
        # Slightly greater, against rounding.
        self._bounds = [areas[at] * scales[at] * (1 + 1e-9) for at in order]
        self._turn = turn
        self._aspect = aspect
        # The search is for rectangles whose width is the longer side; others are these, turned by a quarter.
        self._longer = None if aspect is None else max(aspect, 1 / aspect)
        self._intervals = _intervals(aspect, turn)
        self._tolerance = tolerance
        self._most = most
        self._work = 0
        self._edges: Dict[int, Floats] = {}
        self._fittings: Dict[int, Fitting] = {}
        self._area = 0.0
        self._best: Optional[Tuple[int, Fitted]] = None
        if start is not None and start.best is not None:
            at = next(at for at, part in enumerate(self._parts) if part is start.part)
            self._keep(at, start.best)

    @property
    def _goal(self) -> float:
        return self._area * (1 + self._tolerance)

    def run(self) -> Sought:
        rest = self._try_convex()
        self._guess(rest)
        bound = max(self._narrow(rest), self._area)
        if self._best is None:
            return Sought(None, None, 1.0 if bound else 0.0, self._work)
        at, best = self._best
        lacks = 1 - self._area / bound
        return Sought(self._parts[at], best, lacks, self._work)

    def _keep(self, at: int, fitted: Optional[Fitted]) -> None:
        if fitted is not None and fitted.area * self._scales[at] > self._area:
            self._area = fitted.area * self._scales[at]
            self._best = at, fitted

    def _try_convex(self) -> List[int]:
        """Find the largest rectangle in convex parts exactly, and return the indices of the other parts."""
        rest = []
        for at, part in enumerate(self._parts):
            if self._bounds[at] <= self._area:
                break
            if self._turn is None or self._aspect is not None or not self._is_convex[at] or self._work > self._most:
                rest.append(at)
            else:
                exact = largest_in_convex(turned_ring(part.rings[0], -self._turn))
                self._work += _OF_PART + _OF_PAIR * len(part.rings[0]) ** 2
                self._keep(at, Fitted(exact.area, self._turn, exact.bounds) if exact else None)
        return rest

    def _guess(self, rest: Sequence[int]) -> None:
        """Try rectangles all over the parts, and improve the largest ones."""
        guesses: List[Tuple[float, int, Fitted]] = []
        wanted = [at for at in rest if self._bounds[at] > self._goal]
        for at in wanted:
            if self._fittings and self._work > self._most:
                break
            fitting = self._fitting(at)
            found = fitting.guesses([turn for turn, _ in self._intervals], 1 / len(wanted))
            self._work += _OF_PART * fitting.turns + fitting.work // _FITTED_AT_ONCE
            guesses += [(fitted.area * self._scales[at], at, fitted) for fitted in found]
        guesses.sort(key=lambda guess: -guess[0])
        if self._best is not None and self._turn is None:  # the initial rectangle may be improved by rotation
            guesses.insert(0, (self._area, *self._best))
        for _, at, fitted in guesses[:POLISHED]:
            fitting = self._fitting(at)
            before = fitting.work
            fitting.improve(fitted)
            self._work += (fitting.work - before) // _FITTED_AT_ONCE
            self._keep(at, fitting.best)

    def _fitting(self, at: int) -> Fitting:
        if at not in self._fittings:
            rings = self._parts[at].rings
            self._edges[at] = np.concatenate([np.column_stack([ring, np.roll(ring, -1, axis=0)]) for ring in rings])
            self._fittings[at] = Fitting(self._edges[at], self._longer, self._turn is None)
        return self._fittings[at]

    def _narrow(self, rest: Sequence[int]) -> float:
        """Refine the parts by branch and bound, and return an upper bound of the area."""
        heap = [(-self._bounds[at], at) for at in rest]
        heapq.heapify(heap)
        narrowings: Dict[int, BranchAndBound] = {}
        while heap and -heap[0][0] > self._goal:
            if self._work >= self._most:
                return -heap[0][0]
            at = heapq.heappop(heap)[1]
            fitting = self._fitting(at)
            fitting.floor = self._area / self._scales[at]
            if at not in narrowings:
                narrowings[at] = BranchAndBound(
                    self._edges[at], self._intervals, self._longer, self._tolerance, fitting
                )
                self._work += _OF_PART
            one = narrowings[at]
            if one.bound:
                before = one.work, fitting.work
                one.step()
                self._work += one.work - before[0] + (fitting.work - before[1]) // _FITTED_AT_ONCE
                self._keep(at, fitting.best)
            if one.bound:
                heapq.heappush(heap, (-min(self._bounds[at], one.bound * self._scales[at]), at))
        return self._goal if rest else self._area


def _bound_of(part: AreaPart, is_convex: bool) -> float:
    """Return an upper bound of the area of rectangles in a part."""
    x, y = part.rings[0].T
    if is_convex:
        return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)
    return float(np.prod(np.ptp(np.concatenate(part.rings), axis=0)))  # also valid for a ring that crosses itself


def turned_ring(positions: Floats, angle: float) -> Floats:
    """Rotate positions about (0, 0).

    Parameters
    ----------
    positions : array, shape (n, 2)
        The positions.
    angle : float
        Radians, anticlockwise.

    Returns
    -------
    array, shape (n, 2)
        The rotated positions.
    """
    if angle == 0:
        return positions
    c, s = math.cos(angle), math.sin(angle)
    found: Floats = positions @ np.array([[c, s], [-s, c]])
    return found


def _intervals(aspect: Optional[float], turn: Optional[float]) -> List[Tuple[float, float]]:
    if turn is None:
        reach = math.pi / _PIECES / 2
        return [((2 * piece + 1) * reach, reach) for piece in range(_PIECES)]
    if aspect is None:
        return [(turn, 0.0), (turn + math.pi / 2, 0.0)]
    return [(turn if aspect >= 1 else turn + math.pi / 2, 0.0)]
