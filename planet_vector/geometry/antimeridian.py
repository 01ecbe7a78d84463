"""Polygons cut at the antimeridian, or completed over a pole, with nothing but the standard library.

A ring is followed around the globe: a step of more than 180° of longitude is taken for the short way across the
antimeridian (RFC 7946, section 3.1.9). Where it meets the antimeridian it is cut into chains. The ends of the chains
on each side of the antimeridian, sorted by latitude, are joined in pairs: the polygon lies between the two ends of a
pair. So the parts of a concave polygon come apart, and a hole that is cut becomes part of the outline. All but the
sorting is linear in the number of positions.
"""

from __future__ import annotations

from functools import partial
from itertools import groupby
from math import atan2, ceil
from operator import itemgetter
from typing import TYPE_CHECKING, Dict, List, NamedTuple, NoReturn, Optional, Sequence, Tuple

if TYPE_CHECKING:
    from planet_vector.geometry.shapes import Polygon, Position, Ring

MOST_EDGES = 50  # that end in one place
MOST_COMPARISONS = 3_000_000  # of holes with parts, about a second
_SAMPLES = 3  # positions of a hole that are looked for in a part: it may touch the part's outline with one
_ROUNDING = 1e-9  # turns

_Vertex = Tuple[int, float, float]
"""Turn, longitude and latitude: the longitude, past -180 and up to 180, is that of the first turn, 0.

At 180 a vertex lies on the antimeridian: on line 0 at 180°, on line -1 at -180°, on line 1 at 540°.
"""


class _Loop(NamedTuple):
    """Ring with continuous longitudes, and its number of turns around the globe, eastward positive."""

    vertices: List[_Vertex]
    winding: int


class _End(NamedTuple):
    """One end of a chain."""

    latitude: float
    chain: int
    last: bool


def cut(polygon: Polygon) -> List[Polygon]:
    """Return a polygon as polygons within ±180°.

    Parameters
    ----------
    polygon : list of rings
        Closed rings, the outline first; longitudes within ±540°, latitudes within ±90°.

    Raises
    ------
    ValueError
        When it can only be guessed what the polygon is.
    """
    loops = [_follow(ring) for ring in polygon]
    whole_rings = [_whole(loop) for loop in loops]
    if None not in whole_rings:
        return [[ring for ring in whole_rings if ring is not None]]
    pole = _pole(loops)
    outlines = _opened(_within(loops))
    chains: List[Ring] = []
    parts: List[Ring] = []
    holes: List[Ring] = []
    for number, loop in enumerate(_directed(outlines, loops[1:], pole)):
        whole = _cut_loop(loop, chains)
        if whole is not None:
            (parts if number < len(outlines) else holes).append(whole)
    if pole:
        side = 180.0 if pole > 0 else -180.0
        chains.append([(side, pole), (-side, pole)])
    rings = _separated([*_join(chains), *holes])
    parts += [ring for ring in rings if _area(ring) > 0]
    holes = [ring for ring in rings if _area(ring) < 0]
    if not parts and (len(polygon) > 1 or not holes):
        _refuse("has no surface")
    return _with_holes(parts, holes, len(polygon) > 1)


def _refuse(reason: str) -> NoReturn:
    raise ValueError(f"the footprint {reason}")


def _follow(ring: Ring) -> _Loop:
    """Follow a closed ring around the globe; positions that are there twice in a row are left out."""
    positions = [a for a, b in zip(ring, ring[1:]) if a != b]
    if len(positions) < 3:
        _refuse("has no surface")
    vertices: List[_Vertex] = []
    turns = 0
    for number, (x, y) in enumerate(positions):
        turn = 1 if x > 180 else -1 if x <= -180 else 0
        x -= 360 * turn
        vertices.append((turns + turn, x, y) if x > -180 else (turns + turn - 1, 180.0, y))
        step = positions[(number + 1) % len(positions)][0] - positions[number][0]
        if abs(step) > 360:
            _refuse("has an edge of more than 360 degrees")
        if abs(step) > 180 and not (abs(step) == 360 and _goes_around(positions, number)):
            turns -= round(step / 360)
    if abs(turns) > 1:
        _refuse("goes around the globe more than once")
    return _Loop(vertices, turns)


def _goes_around(positions: Sequence[Position], number: int) -> bool:
    """Tell whether a step of 360° is an edge around the globe, as that of a box from -180° to 180°.

    It is one where the ring has come to it along the meridian, and leaves it along the meridian on the same side. Any
    other such step joins two names of one place.
    """
    around = [positions[(number + offset) % len(positions)] for offset in (-1, 0, 1, 2)]
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = around
    return x0 == x1 and x2 == x3 and (y0 - y1) * (y3 - y2) > 0


def _whole(loop: _Loop) -> Optional[Ring]:
    """Return a loop as a closed ring within ±180° if it lies in one turn, its two edges included; else None."""
    inside = {turn for turn, x, _ in loop.vertices if x < 180}
    lines = {turn for turn, x, _ in loop.vertices if x == 180}
    if loop.winding or len(inside) > 1 or not (inside or lines):
        return None
    strip = max(inside or lines)
    if not lines <= {strip - 1, strip}:
        return None
    ring = _positions(loop.vertices, strip)
    return [*ring, ring[0]]


def _positions(vertices: Sequence[_Vertex], strip: int) -> List[Position]:
    return [(-180.0 if x == 180 and turn < strip else x, y) for turn, x, y in vertices]


def _pole(loops: Sequence[_Loop]) -> float:
    """Return the latitude of the pole that a polygon holds, or 0."""
    around = [loop for loop in loops if loop.winding]
    if len(around) % 2 == 0:
        return 0.0
    latitudes = [y for loop in around for _, _, y in loop.vertices]
    south, north = min(latitudes), max(latitudes)
    if len(around) > 1 or south < 0 < north or south == north == 0:
        _refuse("goes around the globe, so that it is unknown which pole it holds")
    return 90.0 if north > 0 else -90.0


def _within(loops: Sequence[_Loop]) -> _Loop:
    """Return the outline, once it is narrow enough, and as wide as its holes."""
    outline = loops[0]
    if outline.winding:
        return outline
    west, east = _span(outline)
    if east - west > 360:
        _refuse("is more than 360 degrees wide")
    for hole in loops[1:] if east - west < 360 else ():
        low, high = _span(hole)
        turns = ceil((west - low) / 360 - _ROUNDING)
        if high + 360 * turns > east + 360 * _ROUNDING or hole.winding:
            _refuse("has a hole that reaches beyond its outline")
    return outline


def _span(loop: _Loop) -> Tuple[float, float]:
    xs = [x + 360 * turn for turn, x, _ in loop.vertices]
    return min(xs), max(xs)


def _opened(outline: _Loop) -> List[_Loop]:
    """Return an outline all around the globe as its lower and its upper edge, if its two ends are one line.

    Parts that are cut from it would otherwise lie side by side there. On the antimeridian they do not.
    """
    vertices = outline.vertices
    west, east = min(vertices)[:2], max(vertices)[:2]
    if outline.winding or west[1] == 180 or east != (west[0] + 1, west[1]):
        return [outline]
    ends = []
    for end in (west, east):
        on_it = [vertex[:2] == end for vertex in vertices]
        firsts = [number for number, is_on in enumerate(on_it) if is_on and not on_it[number - 1]]
        lasts = [number for number, is_on in enumerate(on_it) if on_it[number - 1] and not is_on]
        ends.append((firsts, [(number - 1) % len(vertices) for number in lasts]))
    (west_firsts, west_lasts), (east_firsts, east_lasts) = ends
    if west_firsts == west_lasts or east_firsts == east_lasts:
        return [outline]  # it touches itself in one point at the most
    corners = [vertices[numbers[0]][2] for numbers in (west_firsts, west_lasts, east_firsts, east_lasts)]
    if len(west_firsts) > 1 or len(east_firsts) > 1 or corners[:2] != corners[:1:-1]:
        _refuse("goes all around the globe, and its two ends do not fit")
    lower = _between(vertices, west_lasts[0], east_firsts[0])
    upper = _between(vertices, east_lasts[0], west_firsts[0])
    return [_Loop(lower, 1), _Loop(upper, -1)]


def _between(vertices: List[_Vertex], first: int, last: int) -> List[_Vertex]:
    """Return the vertices of a loop from one to before another."""
    return vertices[first:last] if first < last else vertices[first:] + vertices[:last]


def _directed(outlines: Sequence[_Loop], holes: Sequence[_Loop], pole: float) -> List[_Loop]:
    """Return loops with the polygon to the left of each: where ends lie in one place, it tells which are joined."""
    loops = [*outlines, *holes]
    eastward: Dict[int, bool] = {}
    around = [number for number, loop in enumerate(loops) if loop.winding]
    # From south to north, the polygon begins or ends with each that goes around the globe.
    for place, number in enumerate(sorted(around, key=lambda number: _middle(loops[number]))):
        eastward[number] = (place % 2 == 0) == (pole >= 0)
    found = []
    for number, loop in enumerate(loops):
        if loop.winding:
            fits = (loop.winding > 0) == eastward[number]
        else:
            fits = (_area([(x + 360 * turn, y) for turn, x, y in loop.vertices]) > 0) == (number < len(outlines))
        found.append(loop if fits else _Loop(loop.vertices[::-1], -loop.winding))
    return found


def _middle(loop: _Loop) -> float:
    return sum(y for _, _, y in loop.vertices) / len(loop.vertices)


def _area(ring: Sequence[Position]) -> float:
    """Return twice the area of a ring, closed or not, negative where it goes clockwise."""
    x0, y0 = ring[0] if ring else (0.0, 0.0)
    moved = [(x - x0, y - y0) for x, y in ring]
    return sum(ax * by - bx * ay for (ax, ay), (bx, by) in zip(moved, moved[1:]))


def _cut_loop(loop: _Loop, chains: List[Ring]) -> Optional[Ring]:
    """Add the chains of a loop, or return it as a ring where nothing is to be cut.

    A chain goes from the antimeridian to the antimeridian. Edges along it are left out: where the polygon lies beside
    them, they come again when chains are joined.
    """
    vertices = _with_crossings(loop)
    size = len(vertices)

    def vertex(number: int) -> _Vertex:
        turn, x, y = vertices[number % size]
        return turn + loop.winding * (number // size), x, y

    def place(number: int) -> Tuple[int, float]:
        return vertex(number)[:2]

    cuts: List[Tuple[int, int, bool]] = []  # first and last vertex of a run along a line; whether it is left westward
    firsts = [n for n in range(size) if vertices[n][1] == 180 and place(n - 1) != place(n)]
    for first in firsts:
        last = first
        while place(last + 1) == place(first):
            last += 1
        westward = place(last + 1) < place(first)
        if last > first or westward != (place(first - 1) < place(first)):
            cuts.append((first, last, westward))
    if not cuts:
        # All on one meridian is no surface.
        return _whole(loop) if firsts or (vertices and vertices[0][1] < 180) else None
    for (_, last, westward), (first, _, _) in zip(cuts, [*cuts[1:], (cuts[0][0] + size, 0, False)]):
        strip = vertex(last)[0] + (not westward)
        chains.append(_positions([vertex(number) for number in range(last, first + 1)], strip))
    return None


def _with_crossings(loop: _Loop) -> List[_Vertex]:
    """Return the vertices of a loop, and those where its edges cross the antimeridian."""
    found: List[_Vertex] = []
    vertices = loop.vertices
    for number, (turn, x, y) in enumerate(vertices):
        found.append((turn, x, y))
        following, next_x, next_y = vertices[(number + 1) % len(vertices)]
        if number == len(vertices) - 1:
            following += loop.winding
        if turn != following and x < 180 and next_x < 180:
            eastward = following > turn
            way = 180 - x if eastward else x + 180
            rest = next_x + 180 if eastward else 180 - next_x
            between = y + (next_y - y) * (way / (way + rest))
            found.append((min(turn, following), 180.0, min(max(between, min(y, next_y)), max(y, next_y))))
    return found


def _join(chains: Sequence[Ring]) -> List[Ring]:
    """Return the rings, open, that chains make when they are joined along the antimeridian."""
    partners: Dict[Tuple[int, bool], Tuple[int, bool]] = {}
    for side in (-180.0, 180.0):
        ends = [
            _End(chain[-1][1] if last else chain[0][1], number, last)
            for number, chain in enumerate(chains)
            for last in (False, True)
            if (chain[-1] if last else chain[0])[0] == side
        ]
        # Where the polygon lies to the left of chains, one comes first on its way north at 180°, at -180° one leaves.
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


def _separated(rings: Sequence[Ring]) -> List[Ring]:
    """Return rings, open or closed, as closed rings none of which touches itself, nor another in two places.

    A hole may touch an outline, and another hole, in one place; once one of them is cut, they can touch in more.
    """
    following: Dict[Position, List[Position]] = {}
    for ring in rings:
        for a, b in zip(ring, [*ring[1:], ring[0]]):
            if a != b:
                following.setdefault(a, []).append(b)
    if max(map(len, following.values()), default=0) > MOST_EDGES:
        _refuse("has too many edges in one place to be cut at the antimeridian")
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
    """Return how sharply a way turns to the left."""
    (x0, y0), (x1, y1), (x2, y2) = before, at, after
    ax, ay, bx, by = x1 - x0, y1 - y0, x2 - x1, y2 - y1
    return atan2(ax * by - ay * bx, ax * bx + ay * by)


def _simple(ring: Ring) -> List[Ring]:
    """Return an open ring as closed rings that have no position twice."""
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
    """Sort the ends of chains by latitude; of those in one place, last and first vertices take turns if they can."""
    found: List[_End] = []
    for _, group in groupby(sorted(ends), itemgetter(0)):
        here: Tuple[List[_End], List[_End]] = [], []
        for end in group:
            here[end.last].append(end)
        while here[0] or here[1]:
            wanted = (len(found) % 2 == 0) == last_first
            found.append((here[wanted] or here[not wanted]).pop())
    return found


def _with_holes(parts: Sequence[Ring], holes: Sequence[Ring], had_holes: bool) -> List[Polygon]:
    """Return parts as polygons, each with the holes that lie in it.

    A hole that lies in no part, where the polygon had none, is a part of an outline that crosses itself.
    """
    polygons = [[part] for part in parts]
    if len(parts) == 1 and had_holes:
        return [[*parts, *holes]]
    if len(holes) * _SAMPLES * sum(map(len, parts)) > MOST_COMPARISONS:
        _refuse("has too many holes to be cut at the antimeridian")
    for hole in holes:
        inside = [sum(_contains(part, position) for position in hole[:_SAMPLES]) for part in parts]
        if had_holes or any(inside):
            polygons[inside.index(max(inside))].append(hole)
        else:
            polygons.append([hole])
    return polygons


def _contains(ring: Ring, position: Position) -> bool:
    """Tell whether a position lies in a closed ring, by the number of edges west of it."""
    x, y = position
    within = False
    for (ax, ay), (bx, by) in zip(ring, ring[1:]):
        if (ay > y) != (by > y) and ax + (bx - ax) * (y - ay) / (by - ay) < x:
            within = not within
    return within
