"""The largest rectangle inside an area, with numpy alone.

An area is given by the edges around it: outer rings and holes alike, as what lies inside is an odd number of edges
away from outside.

* A convex area, of one angle and without an aspect: exactly (`planet_vector.stacks.convex`).
* Any other, and any angle: a large rectangle is found first (`planet_vector.stacks.fitting`), and then proved to be the
  largest, to a tolerance, or replaced by larger ones (`planet_vector.stacks.narrowing`). The work for this is bounded:
  where it ends before the proof does, it is known how much the rectangle may lack at the most.
"""

from __future__ import annotations

import math
import warnings
from typing import List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from planet_vector.errors import RectangleWarning
from planet_vector.stacks.convex import Floats, is_convex, largest_in_convex
from planet_vector.stacks.fitting import Fitted
from planet_vector.stacks.narrowing import narrow

Position = Tuple[float, float]

TOLERANCE = 1e-3
"""How much of the largest possible area a rectangle may lack, unless said otherwise."""

_ULPS = 64 * np.finfo(float).eps  # by how much of the coordinates a rectangle is drawn in, against rounding
_PIECES = 32  # of half a turn, to begin with


class Inscribed(NamedTuple):
    """Hold the largest rectangle that was found inside an area.

    Attributes
    ----------
    corners : list of (float, float)
        Four, anticlockwise; none when the area holds no rectangle.
    lacks : float
        The share of the largest possible area that it lacks at the most.
    """

    corners: List[Position]
    lacks: float


def largest_rectangle_within(
    polygons: Sequence[Sequence[Sequence[Sequence[float]]]],
    aspect: Optional[float] = None,
    angle: Union[None, float, str] = None,
    tolerance: float = TOLERANCE,
) -> List[Position]:
    """Return the corners of the largest rectangle inside an area.

    It takes the parameters of `inscribed`, and warns (`RectangleWarning`) where the rectangle may lack more than the
    tolerance, as it was not proved in bounded time to lack less.

    Returns
    -------
    list of (float, float)
        Four corners, anticlockwise, the lower left one first where the angle is 0; none when there is no area.
    """
    found = inscribed(polygons, aspect, angle, tolerance)
    if found.lacks > tolerance:
        warnings.warn(told(found.lacks), RectangleWarning, stacklevel=2)
    return found.corners


def told(lacks: float) -> str:
    """Say how much of the largest possible area a rectangle may lack."""
    return (
        f"The rectangle may lack up to {100 * lacks:.2g} % of the largest possible area: "
        "the outline is too complicated for more to be proved in good time."
    )


def inscribed(
    polygons: Sequence[Sequence[Sequence[Sequence[float]]]],
    aspect: Optional[float] = None,
    angle: Union[None, float, str] = None,
    tolerance: float = TOLERANCE,
) -> Inscribed:
    """Return the largest rectangle inside an area that can be found in bounded time, and what it may lack.

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
        The share of the largest possible area that it may lack, if that can be proved in bounded time. Without `aspect`
        and in a convex area it lacks nothing, unless `angle` is "any".

    Raises
    ------
    ValueError
        When an argument makes no sense.
    """
    if aspect is not None and not 0 < aspect < math.inf:
        raise ValueError(f"aspect is {aspect!r}: it takes a positive number, width over height")
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance is {tolerance!r}: it takes a share of the area, above 0 and below 1")
    if not (angle is None or angle == "any" or (isinstance(angle, (int, float)) and math.isfinite(angle))):
        raise ValueError(f"angle is {angle!r}: it takes degrees, or 'any'")
    rings = [_ring(ring) for polygon in polygons for ring in polygon]
    rings = [ring for ring in rings if len(ring) >= 3]
    if not rings:
        return Inscribed([], 0.0)
    ends = np.concatenate(rings)
    middle = (ends.min(axis=0) + ends.max(axis=0)) / 2
    rings = [ring - middle for ring in rings]  # small numbers are exact ones
    size = float(np.hypot(*np.concatenate(rings).T).max())
    if not size:
        return Inscribed([], 0.0)
    turn = None if angle == "any" else math.radians(float(angle or 0.0))
    found, lacks = _largest([ring / size for ring in rings], aspect, turn, tolerance)
    scale = float(np.abs(middle).max()) + size
    return Inscribed(_corners(found, aspect, size, middle, scale * _ULPS), lacks)


def _largest(
    rings: Sequence[Floats], aspect: Optional[float], turn: Optional[float], tolerance: float
) -> Tuple[Optional[Fitted], float]:
    """Return the largest rectangle, and what share of the largest possible area it may lack."""
    if turn is not None and aspect is None and len(rings) == 1 and is_convex(rings[0]):
        exact = largest_in_convex(_turned(rings[0], -turn))
        return (Fitted(exact.area, turn, exact.bounds) if exact else None), 0.0
    edges = np.concatenate([np.column_stack([ring, np.roll(ring, -1, axis=0)]) for ring in rings])
    longer = None if aspect is None else max(aspect, 1 / aspect)
    # Rectangles are sought whose width is the longer side: a quarter turn further it is the height.
    if turn is None:
        reach = math.pi / _PIECES / 2
        intervals = [((2 * piece + 1) * reach, reach) for piece in range(_PIECES)]
    elif aspect is None:
        intervals = [(turn, 0.0), (turn + math.pi / 2, 0.0)]
    else:
        intervals = [(turn if aspect >= 1 else turn + math.pi / 2, 0.0)]
    narrowed = narrow(edges, intervals, longer, tolerance)
    best = narrowed.best
    if best is None:
        return None, 0.0
    if longer is not None:
        best = _of_aspect(best, longer)
    if turn is not None and best.turn != turn:
        west, south, east, north = best.bounds
        best = Fitted(best.area, turn, (-north, west, -south, east))
    return best, max(0.0, 1 - best.area / narrowed.bound)


def _of_aspect(fitted: Fitted, aspect: float) -> Fitted:
    """Cut a rectangle down to an aspect, about its middle."""
    west, south, east, north = fitted.bounds
    width = min(east - west, (north - south) * aspect)
    height = width / aspect
    x, y = (west + east) / 2, (south + north) / 2
    return Fitted(width * height, fitted.turn, (x - width / 2, y - height / 2, x + width / 2, y + height / 2))


# ---- rings -----------------------------------------------------------------------------------------------


def _ring(positions: Sequence[Sequence[float]]) -> Floats:
    ring = np.array([[float(p[0]), float(p[1])] for p in positions]).reshape(-1, 2)
    if not np.all(np.isfinite(ring)):
        raise ValueError("a ring holds a position that is not finite")
    kept = np.any(ring != np.roll(ring, 1, axis=0), axis=1)
    found: Floats = ring[kept]
    return found


def _turned(positions: Floats, angle: float) -> Floats:
    if angle == 0:
        return positions
    c, s = math.cos(angle), math.sin(angle)
    found: Floats = positions @ np.array([[c, s], [-s, c]])
    return found


def _corners(
    found: Optional[Fitted], aspect: Optional[float], size: float, middle: Floats, drawn_in: float
) -> List[Position]:
    if found is None:
        return []
    west, south, east, north = (side * size for side in found.bounds)
    # Both by the same share, where their ratio is given.
    ratio = 1.0 if aspect is None else (east - west) / (north - south)
    x, y = drawn_in * max(1.0, ratio), drawn_in * max(1.0, 1 / ratio)
    if east - west <= 2 * x or north - south <= 2 * y:
        return []
    corners = np.array([[west + x, south + y], [east - x, south + y], [east - x, north - y], [west + x, north - y]])
    return [(float(px), float(py)) for px, py in _turned(corners, found.turn) + middle]
