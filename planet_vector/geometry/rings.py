"""Rings from chains that end on the antimeridian, and polygons from rings: all within ±180°.

Part of the algorithm of `planet_vector.geometry.antimeridian`. Only the standard library is required.
"""

from __future__ import annotations

from functools import partial
from itertools import groupby
from math import atan2
from operator import itemgetter
from typing import TYPE_CHECKING, Dict, List, NamedTuple, Sequence, Tuple

if TYPE_CHECKING:
    from planet_vector.geometry.shapes import Polygon, Position, Ring

MOST_EDGES = 50  # at one position
MOST_COMPARISONS = 3_000_000  # of holes with parts; about a second
_SAMPLES = 3  # positions of a hole to test against a part, as one of them may touch its outline


class _End(NamedTuple):
    """End of a chain."""

    latitude: float
    chain: int
    last: bool


def signed_area(ring: Sequence[Position]) -> float:
    """Return twice the area of a ring, negative if it is clockwise.

    Parameters
    ----------
    ring : sequence of (float, float)
        Open or closed.
    """
    x0, y0 = ring[0] if ring else (0.0, 0.0)
    moved = [(x - x0, y - y0) for x, y in ring]
    return sum(ax * by - bx * ay for (ax, ay), (bx, by) in zip(moved, moved[1:]))


def join_chains(chains: Sequence[Ring]) -> List[Ring]:
    """Join chains along the antimeridian to open rings.

    Parameters
    ----------
    chains : sequence of rings
        Chains with the polygon to their left; their ends lie at ±180°.

    Returns
    -------
    list of rings
        The rings.
    """
    partners: Dict[Tuple[int, bool], Tuple[int, bool]] = {}
    for side in (-180.0, 180.0):
        ends = [
            _End(chain[-1][1] if last else chain[0][1], number, last)
            for number, chain in enumerate(chains)
            for last in (False, True)
            if (chain[-1] if last else chain[0])[0] == side
        ]
        # With the polygon to the left of chains, the first one northward arrives at 180°, and leaves at -180°.
        sorted_ends = _sorted_ends(ends, side > 0)
        for one, other in zip(sorted_ends[::2], sorted_ends[1::2]):
            partners[one.chain, one.last] = other.chain, other.last
            partners[other.chain, other.last] = one.chain, one.last
    rings: List[Ring] = []
    done = [False] * len(chains)
    for number in range(len(chains)):
        ring: Ring = []
        at = number, False
        while not done[at[0]]:
            chain, from_last = at
            done[chain] = True
            ring += chains[chain][::-1] if from_last else chains[chain]
            at = partners[chain, not from_last]
        rings += [ring] if ring else []
    return rings


def separate(rings: Sequence[Ring]) -> List[Ring]:
    """Split rings into closed rings none of which touches itself, or another one in two places.

    A hole may touch an outline and another hole in one place; once one of them is cut, they can touch in more.

    Parameters
    ----------
    rings : sequence of rings
        Open or closed rings.

    Returns
    -------
    list of rings
        Closed rings.

    Raises
    ------
    ValueError
        If too many edges meet at one position; the message begins with "the footprint".
    """
    following: Dict[Position, List[Position]] = {}
    for ring in rings:
        for a, b in zip(ring, [*ring[1:], ring[0]]):
            if a != b:
                following.setdefault(a, []).append(b)
    if max(map(len, following.values()), default=0) > MOST_EDGES:
        raise ValueError("the footprint has too many edges in one place to be cut at the antimeridian")
    found: List[Ring] = []
    for start, edges in following.items():
        while edges:
            face = [start]
            at = edges.pop()
            while at != start:
                ways = following[at]
                way = max(ways, key=partial(_left, face[-1], at)) if len(ways) > 1 else ways[0]
                ways.remove(way)
                face.append(at)
                at = way
            found += _simple(face)
    return found


def _left(before: Position, at: Position, after: Position) -> float:
    """Return how sharply a path turns to the left."""
    (x0, y0), (x1, y1), (x2, y2) = before, at, after
    ax, ay, bx, by = x1 - x0, y1 - y0, x2 - x1, y2 - y1
    return atan2(ax * by - ay * bx, ax * bx + ay * by)


def _simple(ring: Ring) -> List[Ring]:
    """Split an open ring into closed rings without repeated positions."""
    found: List[Ring] = []
    kept: Ring = []
    places: Dict[Position, int] = {}
    for position in [*ring, ring[0]]:
        if position in places:
            start = places[position]
            found.append([*kept[start:], position])
            for gone in kept[start + 1 :]:
                del places[gone]
            del kept[start + 1 :]
        else:
            places[position] = len(kept)
            kept.append(position)
    return found


def _sorted_ends(ends: Sequence[_End], last_first: bool) -> List[_End]:
    """Sort the ends of chains by latitude; at one position, alternate last and first vertices if possible."""
    found: List[_End] = []
    for _, group in groupby(sorted(ends), itemgetter(0)):
        here: Tuple[List[_End], List[_End]] = [], []
        for end in group:
            here[end.last].append(end)
        while here[0] or here[1]:
            wanted = (len(found) % 2 == 0) == last_first
            found.append((here[wanted] or here[not wanted]).pop())
    return found


def place_holes(parts: Sequence[Ring], holes: Sequence[Ring], had_holes: bool) -> List[Polygon]:
    """Return parts as polygons, each with its holes.

    If the polygon had no holes, a hole outside all parts is a part of an outline that crosses itself.

    Parameters
    ----------
    parts : sequence of rings
        Closed outlines.
    holes : sequence of rings
        Closed holes.
    had_holes : bool
        Whether the polygon had holes before it was cut.

    Returns
    -------
    list of polygons
        The polygons.

    Raises
    ------
    ValueError
        If there are too many holes; the message begins with "the footprint".
    """
    polygons = [[part] for part in parts]
    if len(parts) == 1 and had_holes:
        return [[*parts, *holes]]
    if len(holes) * _SAMPLES * sum(map(len, parts)) > MOST_COMPARISONS:
        raise ValueError("the footprint has too many holes to be cut at the antimeridian")
    for hole in holes:
        inside = [sum(_contains(part, position) for position in hole[:_SAMPLES]) for part in parts]
        if had_holes or any(inside):
            polygons[inside.index(max(inside))].append(hole)
        else:
            polygons.append([hole])
    return polygons


def _contains(ring: Ring, position: Position) -> bool:
    """Return whether a position lies in a closed ring, by the number of edges west of it."""
    x, y = position
    within = False
    for (ax, ay), (bx, by) in zip(ring, ring[1:]):
        if (ay > y) != (by > y) and ax + (bx - ax) * (y - ay) / (by - ay) < x:
            within = not within
    return within
