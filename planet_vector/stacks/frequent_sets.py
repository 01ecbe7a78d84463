"""Sets of scenes that share ground, from the faces of an overlay, with numpy alone.

An overlay divides the plane into faces, each with the set of scenes that cover it. A set of scenes shares the faces
whose cover contains it. The set is *maximal* if no further scene can join without the shared ground falling below the
least area. Maximal sets over weighted faces are the maximal frequent item sets of data mining. They are found in the
same way: from the largest sets down, by intersections of covers (closed sets: Pasquier, Bastide, Taouil, Lakhal 1999).
"""

from __future__ import annotations

import heapq
from typing import Dict, Hashable, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

import numpy as np

from planet_vector.errors import QueryError

MAX_PARTED = 100_000
"""Sets examined before giving up, some ten seconds: many scenes that overlap slightly differently share ground in far
more ways than there are faces."""


class Cover(NamedTuple):
    """Set of scenes and the ground it shares.

    Attributes
    ----------
    members : tuple of int
        The indices of the scenes, ascending.
    area : float
        The area of the faces that all of them cover.
    faces : tuple of int
        The indices of those faces in the input.
    """

    members: Tuple[int, ...]
    area: float
    faces: Tuple[int, ...]


def maximal_covers(
    faces: Iterable[Tuple[Iterable[int], float]], min_depth: int = 2, min_area: float = 0.0
) -> List[Cover]:
    """Return the maximal sets of scenes that share enough ground, the deepest first, then the largest.

    Parameters
    ----------
    faces : iterable of (iterable of int, float)
        For each face, the indices of the scenes that cover it, and its area.
    min_depth : int
        The fewest scenes of a set.
    min_area : float
        The least total area of the faces that a set shares, in the unit of the faces' areas.

    Raises
    ------
    QueryError
        If more than `MAX_PARTED` sets would have to be examined.
    """
    merged = _merged(faces, min_depth)
    sets = _Sets(merged)
    accepted = _Supersets()
    found: List[Cover] = []
    seen = set(merged)
    waiting = [(-len(members), members) for members in sets.members]
    heapq.heapify(waiting)
    parted = 0
    while waiting:
        _, members = heapq.heappop(waiting)
        # All larger sets are decided: a subset of an accepted set is not maximal, nor are its own subsets.
        if accepted.hold(members):
            continue
        at = sets.holding(members)
        area = float(sets.areas[at].sum())
        if area >= min_area:
            accepted.add(members)
            found.append(Cover(tuple(members), area, tuple(sorted(face for n in at for face in sets.faces[n]))))
            continue
        parted += 1
        if parted > MAX_PARTED:
            raise QueryError(
                f"The footprints overlap in too many ways to find every set that shares an area of {min_area:,.0f}: "
                "take fewer scenes, a smaller least area or a greater least depth."
            )
        for part in sets.largest_parts(members):
            mask = _mask(part)
            if len(part) >= min_depth and mask not in seen:
                seen.add(mask)
                heapq.heappush(waiting, (-len(part), part))
    return sorted(found, key=lambda cover: (-len(cover.members), -cover.area, cover.members))


def largest_shared(
    faces: Iterable[Tuple[Iterable[int], float]], kinds: Sequence[Hashable], depth: int
) -> Optional[Cover]:
    """Return the set of `depth` scenes that shares most ground, with all others that cover the same faces.

    Parameters
    ----------
    faces : iterable of (iterable of int, float)
        For each face, the indices of the scenes that cover it, and its area.
    kinds : sequence
        The kind of each scene, such as its day; the set must have scenes of `depth` different kinds.
    depth : int
        The fewest scenes of the set.

    Returns
    -------
    Cover or None
        None if no face is covered by so many.

    Raises
    ------
    QueryError
        If more than `MAX_PARTED` sets would have to be examined.
    """
    merged = list(_merged(faces, depth).items())
    areas = np.array([area for _, (area, _) in merged])
    covered = np.zeros((len(merged), len(kinds)), dtype=bool)
    for row, (mask, _) in enumerate(merged):
        covered[row, _members(mask)] = True
    best: Tuple[float, List[int]] = (0.0, [])
    # Stack of sets to extend: their members, the scenes that may join, and the faces they share.
    waiting: List[Tuple[List[int], List[int], np.ndarray]] = []
    if merged:
        waiting.append(([], list(range(len(kinds))), np.ones(len(merged), dtype=bool)))
    looked_at = 0
    while waiting:
        members, others, shared = waiting.pop()
        looked_at += 1
        if looked_at > MAX_PARTED:
            raise QueryError(
                f"The footprints overlap in too many ways to find the {depth} that share most: take fewer scenes or a "
                "smaller least depth."
            )
        left = (areas * shared) @ covered[:, others]
        ranked = [(float(left[at]), others[at]) for at in np.argsort(-left, kind="stable") if left[at] > best[0]]
        if len(members) + 1 == depth:
            best = (ranked[0][0], [*members, ranked[0][1]]) if ranked else best
            continue
        grown = []
        for at, (_, scene) in enumerate(ranked):
            rest = [other for _, other in ranked[at + 1 :] if kinds[other] != kinds[scene]]
            if len(members) + 1 + len(rest) >= depth:
                grown.append(([*members, scene], rest, shared & covered[:, scene]))
        waiting += reversed(grown)  # the most promising first: a good best set prunes the others
    if not best[1]:
        return None
    rows = covered[:, best[1]].all(axis=1)
    all_members = np.flatnonzero(covered[rows].all(axis=0)).tolist()
    shared_faces = sorted(face for row in np.flatnonzero(rows).tolist() for face in merged[row][1][1])
    return Cover(tuple(all_members), float(areas[rows].sum()), tuple(shared_faces))


class _Sets:
    """Index of the covers that contain a scene: an integer for each scene, a bit for each cover."""

    def __init__(self, merged: Dict[int, Tuple[float, List[int]]]) -> None:
        self.areas = np.array([area for area, _ in merged.values()])
        self.faces = [faces for _, faces in merged.values()]
        self.members = [_members(mask) for mask in merged]
        self._masks = list(merged)
        self._all = (1 << len(self.areas)) - 1
        bits: Dict[int, List[int]] = {}
        for number, members in enumerate(self.members):
            for member in members:
                bits.setdefault(member, []).append(number)
        self._of = {member: _mask(numbers) for member, numbers in bits.items()}

    def holding(self, members: Iterable[int]) -> List[int]:
        """Return the indices of the covers that contain all of some scenes."""
        return _members(self._holding(members))

    def largest_parts(self, members: List[int]) -> Iterator[List[int]]:
        """Yield the largest proper subsets of a set that are its intersections with covers.

        Most lack one scene. Scenes with the same footprint, or a common edge of it, can only be removed together.
        """
        everywhere = self._holding(members)
        before = [self._all]  # the covers of the first 0, 1, 2… members together
        for member in members:
            before.append(before[-1] & self._of[member])
        after, free = self._all, self._all
        for place in range(len(members) - 1, -1, -1):
            if before[place] & after != everywhere:
                yield members[:place] + members[place + 1 :]
                free &= self._of[members[place]]
            after &= self._of[members[place]]
        for number in _members(free & ~everywhere):
            yield _members(self._masks[number] & _mask(members))

    def _holding(self, members: Iterable[int]) -> int:
        found = self._all
        for member in members:
            found &= self._of[member]
        return found


class _Supersets:
    """Collection of sets with a test whether one of them contains a given set."""

    def __init__(self) -> None:
        self._count = 0
        self._of: Dict[int, int] = {}

    def add(self, members: Iterable[int]) -> None:
        for member in members:
            self._of[member] = self._of.get(member, 0) | (1 << self._count)
        self._count += 1

    def hold(self, members: Iterable[int]) -> bool:
        found = (1 << self._count) - 1
        for member in members:
            found &= self._of.get(member, 0)
            if not found:
                return False
        return True


def _merged(faces: Iterable[Tuple[Iterable[int], float]], min_depth: int) -> Dict[int, Tuple[float, List[int]]]:
    """Return the area and the faces of each distinct cover that is deep enough, by its bit mask."""
    merged: Dict[int, Tuple[float, List[int]]] = {}
    for number, (members, area) in enumerate(faces):
        distinct: Set[int] = set(members)
        if len(distinct) < min_depth or not distinct:
            continue
        mask = _mask(distinct)
        before, numbers = merged.get(mask, (0.0, []))
        numbers.append(number)
        merged[mask] = (before + area, numbers)
    return merged


def _mask(numbers: Iterable[int]) -> int:
    """Return an integer with some bits set; built from bytes, as shifting a long integer copies it."""
    numbers = list(numbers)
    bits = bytearray(max(numbers, default=0) // 8 + 1)
    for number in numbers:
        bits[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(bits, "little")


def _members(mask: int) -> List[int]:
    """Return the indices of the set bits, ascending."""
    octets = np.frombuffer(mask.to_bytes((mask.bit_length() + 7) // 8, "little"), dtype=np.uint8)
    found = np.flatnonzero(octets)  # only the few non-zero bytes are unpacked
    bits = np.unpackbits(octets[found, np.newaxis], axis=1, bitorder="little")
    row, bit = np.nonzero(bits)
    return (found[row] * 8 + bit).tolist()  # type: ignore[no-any-return]
