"""Find stacks: the sets of scenes whose footprints share ground, by an exact overlay.

The boundaries of all footprints divide the plane into faces; all of a face is covered by the same scenes. The sets of
scenes that share ground follow from the covers of the faces (`planet_vector.stacks.frequent_sets`). Neither clustering
of footprint centres nor pairwise overlap finds ground that *all* scenes of a set share.

The overlay is computed in degrees, with straight edges, as GeoJSON defines them. Areas are computed by
`planet_vector.geometry.ground`.

With an area, only the parts of footprints inside it count. All scenes that cover the whole area are one stack, even if
further scenes share a part of it with them.
"""

from __future__ import annotations

import math
import os
from datetime import date, datetime
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np
import shapely

from planet_vector.area_inputs import area_text, is_area
from planet_vector.collection_schema import value_at
from planet_vector.errors import ProtocolError, QueryError
from planet_vector.geometry.ground import (
    GRID,
    area_asked_for,
    area_of,
    holds_ground,
    is_narrow,
    percent,
    polygons,
    shares_of,
)
from planet_vector.scene import Item, Scene
from planet_vector.stacks.frequent_sets import Cover, largest_shared, maximal_covers
from planet_vector.times import parse_time

MIN_AREA = 10_000.0
"""The default least area that a stack shares, square metres: a hectare, 33 by 33 pixels of 3 m."""

_TIMES = ("acquired", "datetime")
_COVERS = ("cloud_cover.estimated", "eo:cloud_cover")  # percent


class Stack(NamedTuple):
    """Scenes that share ground.

    Attributes
    ----------
    scenes : tuple
        The scenes as they were passed, the oldest first.
    footprint : shapely.MultiPolygon
        The ground that all of them cover: longitude and latitude in degrees, within ±180.
    area : float
        The area of the footprint, square metres.
    asked : shapely geometry, optional
        The area of the search, to which `crop_stack` crops the scenes.
    covered : float, optional
        The share of that area which all of them cover, from 0 to 1.
    """

    scenes: Tuple[Any, ...]
    footprint: Any
    area: float
    asked: Any = None
    covered: Optional[float] = None

    @property
    def depth(self) -> int:
        """The number of scenes."""
        return len(self.scenes)

    @property
    def ids(self) -> Tuple[str, ...]:
        """The ids of the scenes, the oldest scene first."""
        return tuple(_item(scene).id for scene in self.scenes)

    @property
    def __geo_interface__(self) -> Dict[str, Any]:
        times = [moment for moment in map(_acquired, self.scenes) if moment is not None]
        covered = {} if self.covered is None else {"covered": _rounded(self.covered)}
        return {
            "type": "Feature",
            "geometry": shapely.geometry.mapping(self.footprint),
            "properties": {
                "depth": self.depth,
                "area": round(self.area, 1),
                **covered,
                "first_acquired": min(times).isoformat() if times else None,
                "last_acquired": max(times).isoformat() if times else None,
                "scenes": list(self.ids),
            },
        }

    def __repr__(self) -> str:
        of_it = "" if self.covered is None else f", {percent(self.covered)} of the area"
        return f"<Stack of {self.depth} scenes over {self.area / 1e6:.3f} km²{of_it}>"


def find_stacks(
    scenes: Iterable[Union[Scene, Mapping[str, Any]]],
    min_depth: int = 2,
    min_area: Optional[float] = None,
    distinct_days: bool = False,
    *,
    area: Any = None,
) -> List[Stack]:
    """Find the sets of scenes that share ground.

    Parameters
    ----------
    scenes : iterable of Scene or mapping
        Scenes, or GeoJSON Features with their time of acquisition as ``acquired`` or as STAC's ``datetime``. Duplicates
        count once; a scene without a footprint shares no ground.
    min_depth : int
        The fewest scenes of a stack.
    min_area : float, optional
        The least area that all scenes of a stack share, square metres; with `area`, within it. By default `MIN_AREA`;
        for an `area` smaller than that, any part of it suffices.
    distinct_days : bool
        Take one scene of each day (UTC): the one whose removal would add the least shared ground; of equals the
        clearest.
    area : str, path, mapping or object, optional
        The area to share, as for the ``intersects`` of a search. Scenes share a point or a line if they cover all of
        it.

    Returns
    -------
    list of Stack
        Each is as large a set as `min_area` allows, and none is part of another. The deepest comes first, then the one
        with the largest shared area. With `area`, the first stack has all scenes that cover the whole area, or if these
        are fewer than `min_depth`, those that share most of it; the others follow by their share of the area and depth.

    Raises
    ------
    ProtocolError
        If a footprint is invalid.
    QueryError
        If there are too many ways to share ground to find all in limited time, if `distinct_days` is given for scenes
        without a time of acquisition, or if the area is invalid.
    """
    given = _distinct(scenes)
    footprints = _footprints(given)
    if area is not None:
        asked = asked_area(area)
        if holds_ground(asked):
            if min_area is None:
                min_area = MIN_AREA if area_of(asked) >= MIN_AREA else 0.0
            return _stacks_of(asked, given, footprints, max(min_depth, 1), min_area, distinct_days)
        inside = np.flatnonzero(shapely.covers(footprints, asked)).tolist()
        on_it = find_stacks([given[number] for number in inside], min_depth, min_area, distinct_days)
        return [s._replace(asked=asked, covered=1.0) for s in on_it if shapely.covers(s.footprint, asked)]
    min_area = MIN_AREA if min_area is None else min_area
    found: List[Stack] = []
    for numbers in _connected(footprints):
        if len(numbers) < min_depth:
            continue
        numbers.sort(key=lambda number: _time_of(given[number]))  # only once, as a scene may be in a thousand stacks
        some = [given[number] for number in numbers]
        covers, faces = _covers([footprints[number] for number in numbers], max(min_depth, 1), min_area, distinct_days)
        if distinct_days:
            covers = _a_scene_a_day(covers, faces, some, min_depth)
        for cover in covers:
            ground = polygons(shapely.union_all(faces.polygons[list(cover.faces)]))
            found.append(Stack(tuple(some[n] for n in cover.members), ground, float(area_of(ground))))
    names = {id(scene): _item(scene).id for scene in given}
    return sorted(found, key=lambda stack: (-stack.depth, -stack.area, [names[id(scene)] for scene in stack.scenes]))


def common_ground(scenes: Sequence[Union[Scene, Mapping[str, Any]]], area: Any = None) -> Stack:
    """Return scenes as a stack, however little ground they share.

    Parameters
    ----------
    scenes : sequence of Scene or mapping
        As for `find_stacks`.
    area : str, path, mapping or object, optional
        An area to crop to, as for `asked_area`; then scenes need not share ground.

    Raises
    ------
    QueryError
        If no area is given and the scenes share no ground.
    """
    given = sorted(_distinct(scenes), key=_time_of)
    if not given:
        raise QueryError("There are no scenes: does the search before find any?")
    ground = _shared(_footprints(given))
    if ground.is_empty and area is None:
        raise QueryError(
            f"The {len(given)} scenes have no ground in common: 'planet-vector stacks' finds those that do."
        )
    stack = Stack(tuple(given), ground, float(area_of(ground)))
    return stack if area is None else over(stack, area)


def asked_area(area: object) -> shapely.Geometry:
    """Return an area as people give it as a geometry.

    Parameters
    ----------
    area : str, path, mapping or object
        As for the ``intersects`` of a search (`planet_vector.area_inputs.area_text`): files and data frames in any
        coordinate system, everything else in degrees.

    Returns
    -------
    shapely geometry
        As `planet_vector.geometry.ground.area_asked_for` returns it.

    Raises
    ------
    QueryError
        If it is no area, or cannot be read.
    """
    is_frame = hasattr(area, "to_crs") and hasattr(area, "crs")
    if is_frame or isinstance(area, os.PathLike) or (isinstance(area, str) and not is_area(area)):
        area = area_text(area)
    return area_asked_for(area)


def over(stack: Stack, area: Any) -> Stack:
    """Return a stack with another area to crop to.

    Parameters
    ----------
    stack : Stack
        The stack.
    area : str, path, mapping or object
        The area, as for `asked_area`.
    """
    asked = asked_area(area)
    if holds_ground(asked):
        (covered,) = shares_of(asked, [stack.footprint])
    else:
        covered = float(shapely.covers(stack.footprint, asked))
    return stack._replace(asked=asked, covered=covered)


def shares_by_scene(stack: Stack) -> List[float]:
    """Return the share of the stack's area that each scene's footprint covers, from 0 to 1.

    Parameters
    ----------
    stack : Stack
        A stack with an area.

    Raises
    ------
    QueryError
        If the area is a point or a line.
    """
    if not holds_ground(stack.asked):
        raise QueryError(
            f"The area is a {stack.asked.geom_type}, to which nothing can be cropped: give a polygon, or ask for the "
            "largest rectangle that the scenes share (--rectangle, or rectangle=True)."
        )
    return shares_of(stack.asked, _footprints(stack.scenes))


def _stacks_of(
    asked: Any, given: List[Any], footprints: Any, min_depth: int, min_area: float, distinct_days: bool
) -> List[Stack]:
    """Find the sets of scenes that share ground of an area."""
    order = sorted(range(len(given)), key=lambda number: _time_of(given[number]))
    shares = dict(zip(order, shares_of(asked, footprints[order])))
    order = [number for number in order if shares[number] > 0]
    scenes, whole_ones = [given[n] for n in order], [at for at, n in enumerate(order) if shares[n] == 1]
    total = float(area_of(asked))
    faces = _faces_within(asked, footprints[order])
    days = [_day(scene) for scene in scenes] if distinct_days else list(range(len(scenes)))
    some = maximal_covers(zip(faces.covers, faces.areas.tolist()), min_depth, min_area)
    first = []
    if len({days[number] for number in whole_ones}) >= min_depth and total >= min_area:
        first = [Cover(tuple(whole_ones), total, tuple(range(len(faces.covers))))]
    else:
        most = largest_shared(zip(faces.covers, faces.areas.tolist()), days, min_depth)
        first = [most] if most and most.area >= min_area else []
    if distinct_days:
        first, some = (_a_scene_a_day(covers, faces, scenes, min_depth) for covers in (first, some))
    sets = {cover.members: cover.area / total for cover in (*first, *some)}
    found = []
    for number, (members, covered) in enumerate(sets.items()):
        if set(members) <= set(whole_ones):  # other sets of whole scenes differ only in the scene of a day
            if number:
                continue
            covered = 1.0
        ground = _shared(footprints[[order[member] for member in members]])
        stack = Stack(tuple(scenes[n] for n in members), ground, float(area_of(ground)), asked, covered)
        found.append((-_rounded(covered), -stack.depth, -stack.area, stack.ids, stack))
    return [stack for *_, stack in sorted(found)]


def _faces_within(asked: Any, footprints: Any) -> _Faces:
    """Overlay the parts of footprints inside an area."""
    inside = [*map(polygons, shapely.intersection(footprints, asked, grid_size=GRID)), asked]
    faces = _faces(np.array(inside, dtype=object))
    last = len(inside) - 1
    within = np.array([last in cover for cover in faces.covers], dtype=bool)
    covers = [[number for number in cover if number != last] for cover in faces.covers]
    kept = np.flatnonzero(within).tolist()
    return _Faces(faces.polygons[within], [covers[face] for face in kept], faces.areas[within])


def _rounded(share: float) -> float:
    """Round a share to a ten-thousandth; a share below 1 stays below 1."""
    return 1.0 if share == 1 else min(round(share, 4), 0.9999)


class _Faces(NamedTuple):
    polygons: Any
    covers: List[List[int]]
    areas: Any


def _distinct(scenes: Iterable[Any]) -> List[Any]:
    kept: Dict[Tuple[str, str], Any] = {}
    for scene in scenes:
        kept.setdefault((getattr(scene, "scene_type", ""), _item(scene).id), scene)
    return list(kept.values())


def _item(scene: Any) -> Item:
    return scene if isinstance(scene, Item) else Item(scene)


def _acquired(scene: Any) -> Optional[datetime]:
    if isinstance(scene, Scene):
        return scene.acquired if scene.has_time else None
    item = _item(scene)
    text = next((found for name in _TIMES for found in [value_at(item.properties, name)] if found is not None), None)
    try:
        return None if text is None else parse_time(text)
    except (TypeError, ValueError, AttributeError):
        raise ProtocolError(f"{item.id} has an invalid time of acquisition.") from None


def _time_of(scene: Any) -> Tuple[float, str]:
    """Return a sort key by time; scenes without one come first."""
    moment = _acquired(scene)
    return (moment.timestamp() if moment else float("-inf"), _item(scene).id)


def _footprints(scenes: Sequence[Any]) -> Any:
    """Return the footprints as valid polygons, snapped to the precision of the overlay."""
    found = np.array([_item(scene).footprint for scene in scenes], dtype=object)
    return np.array([polygons(valid) for valid in shapely.set_precision(shapely.make_valid(found), GRID)], dtype=object)


def _shared(footprints: Any) -> Any:
    return polygons(shapely.intersection_all(footprints)) if len(footprints) else shapely.MultiPolygon()


def _connected(footprints: Any) -> List[List[int]]:
    """Return the indices of footprints in groups that touch one another, directly or through others."""
    first, second = shapely.STRtree(footprints).query(footprints, predicate="intersects")
    leader = list(range(len(footprints)))

    def head(number: int) -> int:
        while leader[number] != number:
            leader[number] = leader[leader[number]]
            number = leader[number]
        return number

    for a, b in zip(first.tolist(), second.tolist()):
        leader[head(a)] = head(b)
    groups: Dict[int, List[int]] = {}
    for number, footprint in enumerate(footprints):
        if not footprint.is_empty:
            groups.setdefault(head(number), []).append(number)
    return list(groups.values())


def _covers(footprints: Sequence[Any], min_depth: int, min_area: float, all_faces: bool) -> Tuple[List[Cover], _Faces]:
    shared_ground = polygons(shapely.intersection_all(footprints))
    if not all_faces and not shared_ground.is_empty and area_of(shared_ground) >= min_area:
        # All scenes are the only set; the overlay, whose faces grow with the square of the scenes, is not needed.
        area = float(area_of(shared_ground))
        members = list(range(len(footprints)))
        whole = np.array([shared_ground], dtype=object)
        return [Cover(tuple(members), area, (0,))], _Faces(whole, [members], np.array([area]))
    faces = _faces(np.array(footprints, dtype=object))
    return maximal_covers(zip(faces.covers, faces.areas.tolist()), min_depth, min_area), faces


def _faces(footprints: Any) -> _Faces:
    """Overlay footprints: return the faces between their boundaries, and the footprints that cover each."""
    lines = shapely.union_all(shapely.boundary(footprints), grid_size=GRID)
    found = np.array(shapely.get_parts(shapely.polygonize(shapely.get_parts(lines))), dtype=object)
    # Faces narrower than the precision of positions are discarded as rounding artefacts; their cover is arbitrary.
    found = found[~is_narrow(found)]
    covers: List[List[int]] = [[] for _ in found]
    inside, number = shapely.STRtree(footprints).query(shapely.point_on_surface(found), predicate="within")
    for face, scene in zip(inside.tolist(), number.tolist()):
        covers[face].append(scene)
    return _Faces(found, covers, np.asarray(area_of(found), dtype=float))


def _a_scene_a_day(covers: List[Cover], faces: _Faces, scenes: Sequence[Any], min_depth: int) -> List[Cover]:
    """Remove scenes until each day has one: always the one that frees most ground, of equals the cloudiest."""
    days = [_day(scene) for scene in scenes]
    clouded = [-rank for rank in np.argsort(np.argsort([_clouds(scene) for scene in scenes], kind="stable")).tolist()]
    covered = np.zeros((len(faces.covers), len(scenes)), dtype=bool)
    for face, cover in enumerate(faces.covers):
        covered[face, cover] = True
    reduced = set()
    for whole in covers:
        members = list(whole.members)
        missing = np.count_nonzero(~covered[:, members], axis=1)
        while True:
            several = [number for number in members if sum(days[other] == days[number] for other in members) > 1]
            if not several:
                break
            alone = np.flatnonzero(missing == 1)  # the faces that the removal of one scene adds
            freed = faces.areas[alone] @ ~covered[alone][:, several]
            leaving = several[min(range(len(several)), key=lambda k: (-freed[k], clouded[several[k]], several[k]))]
            members.remove(leaving)
            missing -= ~covered[:, leaving]
        reduced.add(frozenset(members))
    found = []
    for kept in reduced:
        if len(kept) >= min_depth and not any(kept < other for other in reduced):
            at = np.flatnonzero(covered[:, sorted(kept)].all(axis=1))
            found.append(Cover(tuple(sorted(kept)), float(faces.areas[at].sum()), tuple(at.tolist())))
    return found


def _day(scene: Any) -> date:
    moment = _acquired(scene)
    if moment is None:
        raise QueryError(f"{_item(scene).id} does not say when it was acquired, so its day is unknown.")
    return moment.date()


def _clouds(scene: Any) -> float:
    if isinstance(scene, Scene):
        return 101.0 if scene.cloud_cover is None else scene.cloud_cover
    covers = [value_at(_item(scene).properties, name) for name in _COVERS]
    known = [cover for cover in covers if isinstance(cover, (int, float)) and math.isfinite(cover)]
    return float(known[0]) if known else 101.0
