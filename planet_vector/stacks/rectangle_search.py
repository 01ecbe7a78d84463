"""The largest rectangle inside an area, with numpy alone.

An area is given by its edges, those of outer rings and holes alike, by the even-odd rule.

* For a convex area, one angle and no aspect, the result is exact (`planet_vector.stacks.rectangle_convex`).
* Otherwise a large rectangle is found first (`planet_vector.stacks.fitting`), then proved to be the largest, to a
  tolerance, or replaced by larger ones (`planet_vector.stacks.narrowing`). The work is limited. If it ends before the
  proof, an upper bound of the area that the rectangle may lack is known.
"""

from __future__ import annotations

import math
from typing import List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from planet_vector.errors import RectangleWarning, warn
from planet_vector.stacks import narrowing
from planet_vector.stacks.fitting import Fitted
from planet_vector.stacks.parts import AreaPart, Sought, part_of, seek, turned_ring
from planet_vector.stacks.rectangle_convex import Floats

Position = Tuple[float, float]

TOLERANCE = 1e-3
"""The default share of the largest possible area that a rectangle may lack."""

_ULPS = 64 * np.finfo(float).eps  # share of the coordinates by which a rectangle is shrunk, against rounding


class Inscribed(NamedTuple):
    """Largest rectangle found inside an area.

    Attributes
    ----------
    corners : list of (float, float)
        Four, anticlockwise; empty if no rectangle was found.
    lacks : float
        The share of the largest possible area that it lacks at most.
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

    Issues a `RectangleWarning` if it could not be proved in limited time that the rectangle lacks no more than the
    tolerance.

    Parameters
    ----------
    polygons, aspect, angle, tolerance
        As for `inscribed`.

    Returns
    -------
    list of (float, float)
        Four corners, anticlockwise, the lower left one first if the angle is 0; empty if there is no area.
    """
    found = inscribed(polygons, aspect, angle, tolerance)
    if found.lacks > tolerance:
        warn(told(found.lacks, bool(found.corners)), RectangleWarning)
    return found.corners


def told(lacks: float, is_found: bool = True) -> str:
    """Return a sentence on how much of the largest possible area a rectangle may lack.

    Parameters
    ----------
    lacks : float
        The share of the area, from 0 to 1.
    is_found : bool
        Whether a rectangle was found at all.

    Returns
    -------
    str
        The text of the warning.
    """
    why = "the outline is too complicated to prove more in limited time."
    if not is_found:
        return f"No rectangle was found, but the area may hold one: {why}"
    percent = 100 * lacks
    if percent >= 99:
        return f"How much of the largest possible area the rectangle lacks is unknown: {why}"
    # Two significant digits, such as 0.015, 3.2 and 47.
    digits = max(0, 1 - math.floor(math.log10(percent)))
    return f"The rectangle may lack up to {percent:.{digits}f} % of the largest possible area: {why}"


def inscribed(
    polygons: Sequence[Sequence[Sequence[Sequence[float]]]],
    aspect: Optional[float] = None,
    angle: Union[None, float, str] = None,
    tolerance: float = TOLERANCE,
) -> Inscribed:
    """Return the largest rectangle inside an area that can be found in limited time, and how much it may lack.

    Parameters
    ----------
    polygons : sequence of sequence of rings
        Outer ring and holes of each polygon, closed or not, in either direction; planar coordinates. Polygons must not
        overlap, and no rectangle crosses an edge that two of them share.
    aspect : float, optional
        Width over height; by default any.
    angle : float or "any", optional
        Angle of the width from the x axis, in degrees, anticlockwise; by default 0. "any" finds the best.
    tolerance : float
        The share of the largest possible area that it may lack; the search ends once this is proved. Without `aspect`,
        and in a convex area, it lacks nothing, unless `angle` is "any".

    Raises
    ------
    ValueError
        If an argument is invalid.
    """
    if aspect is not None and not 0 < aspect < math.inf:
        raise ValueError(f"aspect is {aspect!r}: it takes a positive number, width over height")
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance is {tolerance!r}: it takes a share of the area, above 0 and below 1")
    if not (angle is None or angle == "any" or (isinstance(angle, (int, float)) and math.isfinite(angle))):
        raise ValueError(f"angle is {angle!r}: it takes degrees, or 'any'")
    parts = []
    for polygon in polygons:
        rings = [ring for ring in map(_ring, polygon) if len(ring) >= 3]
        part = part_of(rings) if rings else None
        parts += [part] if part is not None else []
    if not parts:
        return Inscribed([], 0.0)
    if angle == "any":
        sought = _of_any_angle(parts, aspect, tolerance)
    else:
        sought = _of_angle(parts, aspect, math.radians(float(angle or 0.0)), tolerance)
    if sought.part is None or sought.best is None:
        return Inscribed([], sought.lacks)
    return Inscribed(_corners(sought.best, aspect, sought.part), sought.lacks)


def _of_any_angle(parts: Sequence[AreaPart], aspect: Optional[float], tolerance: float) -> Sought:
    # Begin along the axes: the proof for one angle is quick, that for any angle may never end.
    turns = [0.0] if aspect is None else [0.0, math.pi / 2]
    along = [seek(parts, aspect, turn, tolerance, narrowing.MAX_WORK) for turn in turns]
    begun = [one for one in along if one.part is not None and one.best is not None]
    largest = max(begun, key=lambda one: one.best.area * one.part.size**2) if begun else None  # type: ignore[union-attr]
    left = narrowing.MAX_WORK - sum(one.work for one in along)
    sought = seek(parts, aspect, None, tolerance, max(left, narrowing.MAX_WORK // 2), largest)
    return sought if aspect is None or sought.best is None else sought._replace(best=_of_aspect(sought.best, aspect))


def _of_angle(parts: Sequence[AreaPart], aspect: Optional[float], turn: float, tolerance: float) -> Sought:
    sought = seek(parts, aspect, turn, tolerance, narrowing.MAX_WORK)
    best = sought.best
    if best is None:
        return sought
    if aspect is not None:
        best = _of_aspect(best, aspect)
    if best.turn != turn:
        west, south, east, north = best.bounds
        best = Fitted(best.area, turn, (-north, west, -south, east))
    return sought._replace(best=best)


def _of_aspect(fitted: Fitted, aspect: float) -> Fitted:
    """Shrink a rectangle whose width is the longer side to an aspect, around its middle."""
    aspect = max(aspect, 1 / aspect)
    west, south, east, north = fitted.bounds
    width = min(east - west, (north - south) * aspect)
    height = width / aspect
    x, y = (west + east) / 2, (south + north) / 2
    return Fitted(width * height, fitted.turn, (x - width / 2, y - height / 2, x + width / 2, y + height / 2))


# ---- rings -----------------------------------------------------------------------------------------------


def _ring(positions: Sequence[Sequence[float]]) -> Floats:
    ring = np.array([[float(p[0]), float(p[1])] for p in positions]).reshape(-1, 2)
    if not np.all(np.isfinite(ring)):
        raise ValueError("a ring contains a position that is not finite")
    kept = np.any(ring != np.roll(ring, 1, axis=0), axis=1)
    found: Floats = ring[kept]
    return found


def _corners(found: Fitted, aspect: Optional[float], part: AreaPart) -> List[Position]:
    drawn_in = (float(np.abs(part.middle).max()) + part.size) * _ULPS
    west, south, east, north = (side * part.size for side in found.bounds)
    # By the same share in both directions if the aspect is given.
    ratio = 1.0 if aspect is None else (east - west) / (north - south)
    x, y = drawn_in * max(1.0, ratio), drawn_in * max(1.0, 1 / ratio)
    if east - west <= 2 * x or north - south <= 2 * y:
        return []
    corners = np.array([[west + x, south + y], [east - x, south + y], [east - x, north - y], [west + x, north - y]])
    return [(float(px), float(py)) for px, py in turned_ring(corners, found.turn) + part.middle]
