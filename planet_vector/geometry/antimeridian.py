"""Polygons and lines cut at the antimeridian, or completed over a pole, with the standard library only.

A ring is followed around the globe: a step of more than 180° of longitude goes the short way, across the antimeridian
(RFC 7946, section 3.1.9). The ring is cut into chains where it meets the antimeridian. The ends of the chains on each
side of the antimeridian, sorted by latitude, are joined in pairs: the polygon lies between the two ends of a pair. This
separates the parts of a concave polygon, and a hole that is cut becomes part of the outline. Except for the sorting,
the algorithm is linear in the number of positions.
"""

from __future__ import annotations

from math import ceil, floor, remainder
from operator import sub
from typing import TYPE_CHECKING, Dict, Iterator, List, NamedTuple, NoReturn, Optional, Sequence, Tuple

from planet_vector.geometry.rings import join_chains, place_holes, separate, signed_area

if TYPE_CHECKING:
    from planet_vector.geometry.shapes import Polygon, Position, Ring

_ROUNDING = 1e-9  # turns

_Vertex = Tuple[int, float, float]
"""Turn, longitude and latitude. The longitude, above -180 and up to 180, is reduced to the first turn, 0.

A vertex at 180 lies on the antimeridian: on line 0 at 180°, on line -1 at -180°, on line 1 at 540°.
"""


class _Loop(NamedTuple):
    """Ring with continuous longitudes, and its number of turns around the globe, eastward positive."""

    vertices: List[_Vertex]
    winding: int


def wrapped_longitude(longitude: float) -> float:
    """Return a longitude, or a difference of two, reduced by whole turns to within ±180°.

    Parameters
    ----------
    longitude : float
        In degrees. Values within ±180, including both ends, are returned exactly.
    """
    return longitude if -180 <= longitude <= 180 else remainder(longitude, 360.0)


def reaches_across(ring: Sequence[Position]) -> bool:
    """Return whether positions leave ±180°, or take a step of more than 180° of longitude.

    Parameters
    ----------
    ring : sequence of (float, float)
        Longitude and latitude in degrees; at least one position.
    """
    xs = [x for x, _ in ring]
    return min(xs) < -180 or max(xs) > 180 or max(map(abs, map(sub, xs[1:], xs)), default=0) > 180


def cut(polygon: Polygon) -> List[Polygon]:
    """Return a polygon as polygons within ±180°.

    Parameters
    ----------
    polygon : list of rings
        Closed rings, the outline first; longitudes within ±540°, latitudes within ±90°, in degrees.

    Returns
    -------
    list of polygons
        The parts, each with closed rings.

    Raises
    ------
    ValueError
        If the polygon is ambiguous or degenerate; the message begins with "the footprint".
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
    rings = separate([*join_chains(chains), *holes])
    parts += [ring for ring in rings if signed_area(ring) > 0]
    holes = [ring for ring in rings if signed_area(ring) < 0]
    if not parts and (len(polygon) > 1 or not holes):
        _refuse("has no surface")
    return place_holes(parts, holes, len(polygon) > 1)


def cut_line(line: Ring) -> Iterator[Ring]:
    """Yield the parts of a line within ±180°, cut at the antimeridian.

    Parameters
    ----------
    line : list of (float, float)
        Longitude and latitude in degrees.
    """
    piece: Ring = []
    strip = 0
    turns = 0
    for (ax, ay), (bx, by) in zip(line, line[1:]):
        start = ax + 360.0 * turns
        if abs(bx - ax) > 180:
            turns -= round((bx - ax) / 360)
        end = bx + 360.0 * turns
        for x0, y0, x1, y1 in _at_meridians(start, ay, end, by) if (start, ay) != (end, by) else ():
            here = floor(((x0 + x1) / 2 + 180) / 360)
            if piece and here != strip:
                yield piece
                piece = []
            strip = here
            piece += [(x0 - 360.0 * here, y0)] if not piece else []
            piece.append((x1 - 360.0 * here, y1))
    if piece:
        yield piece


def _refuse(reason: str) -> NoReturn:
    raise ValueError(f"the footprint {reason}")


def _follow(ring: Ring) -> _Loop:
    """Follow a closed ring around the globe, and drop repeated positions."""
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
    """Return whether a step of 360° is an edge around the globe, as that of a box from -180° to 180°.

    It is one if the ring arrives and leaves along the meridian on the same side. Any other step of 360° joins two
    representations of one place.
    """
    around = [positions[(number + offset) % len(positions)] for offset in (-1, 0, 1, 2)]
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = around
    return x0 == x1 and x2 == x3 and (y0 - y1) * (y3 - y2) > 0


def _whole(loop: _Loop) -> Optional[Ring]:
    """Return a loop as a closed ring within ±180° if it lies in one turn, including its two edges; else None."""
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
    """Return the latitude of the pole inside a polygon, or 0."""
    around = [loop for loop in loops if loop.winding]
    if len(around) % 2 == 0:
        return 0.0
    latitudes = [y for loop in around for _, _, y in loop.vertices]
    south, north = min(latitudes), max(latitudes)
    if len(around) > 1 or south < 0 < north or south == north == 0:
        _refuse("goes around the globe, so that it is unknown which pole it contains")
    return 90.0 if north > 0 else -90.0


def _within(loops: Sequence[_Loop]) -> _Loop:
    """Return the outline, after checking that it is at most 360° wide and contains its holes."""
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
    """Return an outline all around the globe as its lower and its upper edge, if its two ends coincide.

    Otherwise parts cut from it would share that edge. On the antimeridian they do not.
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
        return [outline]  # it touches itself in at most one point
    corners = [vertices[numbers[0]][2] for numbers in (west_firsts, west_lasts, east_firsts, east_lasts)]
    if len(west_firsts) > 1 or len(east_firsts) > 1 or corners[:2] != corners[:1:-1]:
        _refuse("goes all around the globe, and its two ends do not fit")
    lower = _between(vertices, west_lasts[0], east_firsts[0])
    upper = _between(vertices, east_lasts[0], west_firsts[0])
    return [_Loop(lower, 1), _Loop(upper, -1)]


def _between(vertices: List[_Vertex], first: int, last: int) -> List[_Vertex]:
    """Return the vertices of a loop from `first` up to, but without, `last`."""
    return vertices[first:last] if first < last else vertices[first:] + vertices[:last]


def _directed(outlines: Sequence[_Loop], holes: Sequence[_Loop], pole: float) -> List[_Loop]:
    """Return loops with the polygon to the left of each, which determines the joins of ends in the same place."""
    loops = [*outlines, *holes]
    eastward: Dict[int, bool] = {}
    around = [number for number, loop in enumerate(loops) if loop.winding]
    # From south to north, the polygon alternately begins and ends at the loops around the globe.
    for place, number in enumerate(sorted(around, key=lambda number: _middle(loops[number]))):
        eastward[number] = (place % 2 == 0) == (pole >= 0)
    found = []
    for number, loop in enumerate(loops):
        if loop.winding:
            fits = (loop.winding > 0) == eastward[number]
        else:
            fits = (signed_area([(x + 360 * turn, y) for turn, x, y in loop.vertices]) > 0) == (number < len(outlines))
        found.append(loop if fits else _Loop(loop.vertices[::-1], -loop.winding))
    return found


def _middle(loop: _Loop) -> float:
    return sum(y for _, _, y in loop.vertices) / len(loop.vertices)


def _cut_loop(loop: _Loop, chains: List[Ring]) -> Optional[Ring]:
    """Add the chains of a loop, or return the loop as a ring if nothing needs to be cut.

    A chain leads from the antimeridian to the antimeridian. Edges along it are dropped; where they bound the polygon,
    joining the chains restores them.
    """
    vertices = _with_crossings(loop)
    size = len(vertices)

    def vertex(number: int) -> _Vertex:
        turn, x, y = vertices[number % size]
        return turn + loop.winding * (number // size), x, y

    def place(number: int) -> Tuple[int, float]:
        return vertex(number)[:2]

    cuts: List[Tuple[int, int, bool]] = []  # first and last vertex on a line; whether it leaves westward
    firsts = [n for n in range(size) if vertices[n][1] == 180 and place(n - 1) != place(n)]
    for first in firsts:
        last = first
        while place(last + 1) == place(first):
            last += 1
        cuts.append((first, last, place(last + 1) < place(first)))
    if not cuts:
        # A ring on one meridian has no surface.
        return _whole(loop) if vertices and vertices[0][1] < 180 else None
    for (_, last, westward), (first, _, _) in zip(cuts, [*cuts[1:], (cuts[0][0] + size, 0, False)]):
        strip = vertex(last)[0] + (not westward)
        chains.append(_positions([vertex(number) for number in range(last, first + 1)], strip))
    return None


def _with_crossings(loop: _Loop) -> List[_Vertex]:
    """Return the vertices of a loop with those added where its edges cross the antimeridian."""
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


def _at_meridians(x0: float, y0: float, x1: float, y1: float) -> Iterator[Sequence[float]]:
    """Yield the parts of an edge between the antimeridians that it crosses."""
    low, high = sorted((x0, x1))
    lines = [180.0 + 360.0 * n for n in range(floor((low - 180) / 360), ceil((high - 180) / 360) + 1)]
    crossed = sorted((x for x in lines if low < x < high), reverse=x1 < x0)
    at = (x0, y0)
    for x in crossed:
        y = y0 + (y1 - y0) * (x - x0) / (x1 - x0)
        yield (*at, x, y)
        at = (x, y)
    yield (*at, x1, y1)
