"""Make outlines valid at a bounded cost.

GEOS nodes a self-crossing outline, and its `make_valid` then peels off the faces layer by layer, in a time that grows
with the square of the number of crossings. This module counts crossings first, so whether an outline is refused depends
on the outline and not on the machine. If every edge of the noded outline bounds an area, which is nearly always the
case, the faces are classified in one pass.
"""

from __future__ import annotations

from collections import deque
from typing import Deque, Iterator, List, NamedTuple, Optional, Tuple

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from planet_vector.geometry.wrapping import flatten
from planet_vector.server.http_errors import HttpError

MAX_PAIRS = 1_000_000
"""Maximum number of pairs of segments, or of rings, with overlapping bounding boxes: the worst-case cost of testing.

An outline of 50 000 positions along features on the ground has about 150 000.
"""

MAX_CROSSINGS = 10_000
"""Maximum number of pairs of segments that cross or touch: repairing them takes a quarter of a second and 100 MB."""

MAX_PEELED = 25_000_000
"""Limit of (positions + crossings) x (rings + crossings) for outlines that GEOS must repair: about two seconds at
worst."""

MAX_PEELED_CROSSINGS = 1_000
"""Limit of segments that cross, not merely touch, for outlines that GEOS must repair: half a second."""

_POLYGON, _COLLECTION = 3, 7  # type ids of GEOS
_SMALL = 20  # positions up to which GEOS repairs a polygon faster than numpy starts up
_BLOCK = 4_000_000  # pairs examined in one chunk


class Crossings(NamedTuple):
    """Numbers of pairs of segments that cross, and that touch or overlap, other than at a common end."""

    crossing: int
    touching: int

    @property
    def all(self) -> int:
        """Number of pairs of both kinds."""
        return self.crossing + self.touching


def count_crossings(geometry: BaseGeometry) -> Crossings:
    """Count the places where the lines and rings of a geometry cross or touch each other and themselves.

    Parameters
    ----------
    geometry : shapely.Geometry
        Any geometry; points are ignored.

    Returns
    -------
    Crossings
        Numbers of pairs of segments.

    Raises
    ------
    HttpError
        400, if there are more than `MAX_CROSSINGS`, or more than `MAX_PAIRS` pairs to test.
    """
    lines, starts, ends = _segments(geometry)
    for _ in _overlapping(lines):
        pass
    crossing = touching = 0
    for one, other in _overlapping(shapely.linestrings(np.stack([starts, ends], axis=1))):
        crosses, touches = _cross(starts[one], ends[one], starts[other], ends[other])
        crossing += int(crosses.sum())
        touching += int(touches.sum())
        if crossing + touching > MAX_CROSSINGS:
            raise HttpError(
                400,
                f"intersects: the outline crosses or touches itself at more than {MAX_CROSSINGS} places; "
                "simplify or divide the area, or make it valid first.",
            )
    return Crossings(crossing, touching)


def make_valid(geometry: BaseGeometry, crossings: Crossings) -> BaseGeometry:
    """Return a valid geometry, equivalent to the result of `shapely.make_valid` with the method "linework".

    The members of a collection are made valid individually, and united.

    Parameters
    ----------
    geometry : shapely.Geometry
        Any geometry.
    crossings : Crossings
        The result of `count_crossings` for it.

    Raises
    ------
    HttpError
        400, if the repair would take too long.
    """
    members = np.array([geometry], dtype=object)
    while (collections := shapely.get_type_id(members) == _COLLECTION).any():
        members = np.concatenate([members[~collections], shapely.get_parts(members[collections])])
    for number in np.flatnonzero(~shapely.is_valid(members)):
        members[number] = _repair(members[number], crossings)
    if len(members) == 1 and shapely.get_type_id(members[0]) != _COLLECTION:
        return members[0]
    parts = flatten(members)
    if (shapely.get_type_id(parts) == _POLYGON).all():
        together = shapely.multipolygons(parts)
        if together.is_valid:  # the parts are disjoint; this check takes a tenth of the time of a union
            return together
    return shapely.union_all(parts)


def _repair(geometry: BaseGeometry, crossings: Crossings) -> BaseGeometry:
    positions = shapely.get_num_coordinates(geometry)
    if positions > _SMALL and geometry.geom_type in ("Polygon", "MultiPolygon"):
        found = _even_odd(geometry)
        if found is not None:
            return found
        rings = len(shapely.get_rings(shapely.get_parts(geometry)))
        cost = (positions + crossings.all) * (rings + crossings.all)
        if cost > MAX_PEELED or crossings.crossing > MAX_PEELED_CROSSINGS:
            raise HttpError(400, "intersects: the outline runs along itself at too many places; make it valid first.")
    return shapely.make_valid(geometry)


def _overlapping(lines: np.ndarray) -> Iterator[Tuple[np.ndarray, np.ndarray]]:
    """Yield the pairs of lines whose bounding boxes overlap, in chunks.

    Raises
    ------
    HttpError
        400, if there are more than `MAX_PAIRS`.
    """
    tree = shapely.STRtree(lines)
    step = max(1, _BLOCK // max(1, len(lines)))
    pairs = 0
    for first in range(0, len(lines), step):
        one, other = tree.query(lines[first : first + step])
        one = one + first
        one, other = one[other > one], other[other > one]
        pairs += len(one)
        if pairs > MAX_PAIRS:
            raise HttpError(
                400, "intersects: too many parts of the outline lie over each other; simplify or divide the area."
            )
        yield one, other


def _segments(geometry: BaseGeometry) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the lines and rings of a geometry, and the two ends of each of their segments."""
    parts = flatten(geometry)
    kinds = shapely.get_type_id(parts)
    lines = np.concatenate([parts[np.isin(kinds, (1, 2))], shapely.get_rings(parts[kinds == _POLYGON])])
    positions, owners = shapely.get_coordinates(lines, return_index=True)
    joined = (owners[1:] == owners[:-1]) & (positions[1:] != positions[:-1]).any(axis=1)
    return lines, positions[:-1][joined], positions[1:][joined]


def _cross(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Return masks of the segments (a, b) and (c, d) that cross, and of those that touch other than at a common end."""
    c_side, d_side, a_side, b_side = _side(a, b, c), _side(a, b, d), _side(c, d, a), _side(c, d, b)
    crosses = (c_side * d_side < 0) & (a_side * b_side < 0)
    touches = ((a == c).all(axis=1) & (b == d).all(axis=1)) | ((a == d).all(axis=1) & (b == c).all(axis=1))
    for side, start, end, point in ((c_side, a, b, c), (d_side, a, b, d), (a_side, c, d, a), (b_side, c, d, b)):
        low, high = np.minimum(start, end), np.maximum(start, end)
        inside = ((point >= low) & (point <= high)).all(axis=1)
        touches |= (side == 0) & inside & (point != start).any(axis=1) & (point != end).any(axis=1)
    return crosses, touches & ~crosses


def _side(start: np.ndarray, end: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Return on which side of a line a point lies: -1, 0 or 1."""
    along, to = end - start, point - start
    return np.asarray(np.sign(along[:, 0] * to[:, 1] - along[:, 1] * to[:, 0]))


def _even_odd(geometry: BaseGeometry) -> Optional[BaseGeometry]:
    """Return the faces of the noded outline that are separated from the outside by an odd number of its edges.

    This is well-defined if and only if an even number of edges meets at each node. Returns None otherwise.
    """
    boundary = shapely.boundary(geometry)
    # A union with any of its points nodes a line, and keeps each edge once.
    noded = shapely.union(boundary, shapely.points(shapely.get_coordinates(boundary)[0]))
    _, starts, ends = _segments(noded)
    _, counts = np.unique(np.concatenate([_complex(starts), _complex(ends)]), return_counts=True)
    if (counts % 2).any():
        return None
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    odd = _colour(faces) if len(faces) else np.zeros(0, dtype=bool)
    if not odd.any():
        return None
    return faces[odd][0] if odd.sum() == 1 else shapely.multipolygons(faces[odd])


def _colour(faces: np.ndarray) -> np.ndarray:
    """Return a mask of the faces that are reached from outside by crossing an odd number of edges."""
    rings, owners = shapely.get_rings(faces, return_index=True)
    positions, ring = shapely.get_coordinates(rings, return_index=True)
    _, node = np.unique(_complex(positions), return_inverse=True)
    joined = ring[1:] == ring[:-1]
    low = np.minimum(node[:-1], node[1:])[joined].astype(np.int64)
    high = np.maximum(node[:-1], node[1:])[joined].astype(np.int64)
    face = owners[ring[:-1][joined]]
    edge = low * (len(positions) + 1) + high
    order = np.argsort(edge, kind="stable")
    edge, face = edge[order], face[order]
    twice = edge[1:] == edge[:-1]
    one, other = face[:-1][twice], face[1:][twice]
    alone = ~(np.append(twice, False) | np.insert(twice, 0, False))
    neighbours: List[List[int]] = [[] for _ in faces]
    for a, b in zip(one.tolist(), other.tolist()):
        neighbours[a].append(b)
        neighbours[b].append(a)
    steps = np.full(len(faces), -1)
    outermost = np.unique(face[alone])
    steps[outermost] = 1
    waiting: Deque[int] = deque(outermost.tolist())
    while waiting:
        current = waiting.popleft()
        for near in neighbours[current]:
            if steps[near] < 0:
                steps[near] = steps[current] + 1
                waiting.append(near)
    return np.asarray(steps % 2 == 1)


def _complex(positions: np.ndarray) -> np.ndarray:
    """Return positions as complex numbers, which sort faster than rows."""
    return np.asarray(positions[:, 0] + 1j * positions[:, 1])
