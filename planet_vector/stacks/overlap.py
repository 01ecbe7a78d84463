"""Find stacks: the sets of scenes whose footprints share ground, by an exact overlay.

The boundaries of all footprints cut the plane into faces; each face is covered by the same scenes all over. Which
sets of scenes share ground follows from the faces' covers (`planet_vector.stacks.covers`). Neither clustering the
centres of footprints, nor looking for scenes that overlap pair by pair, finds ground that *all* have in common.

The overlay is made in degrees, edges straight there, as GeoJSON has them. Areas are in square metres on the WGS 84
ellipsoid, by the cylindrical equal-area projection (Snyder, Map Projections: A Working Manual, 1987, equations 3-12 and
10-14 to 10-16), edges straight there: for footprints of scenes the two differ by less than a millionth.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np
import shapely

from planet_vector.errors import QueryError
from planet_vector.scene import Item, Scene
from planet_vector.stacks.covers import Cover, maximal_covers

MIN_AREA = 10_000.0
"""Square metres a stack shares at the least, unless said otherwise: a hectare, 33 by 33 pixels of 3 m."""

GRID = 1e-8
"""Degrees, a millimetre: positions are the same that are closer, and a face that is narrower is none."""

_EQUATOR = 6378137.0  # metres; the semi-major axis of WGS 84
_E = 0.0818191908426215  # its eccentricity


class Stack(NamedTuple):
    """Hold scenes that share ground.

    Attributes
    ----------
    scenes : tuple
        The scenes as they were given, the oldest first.
    footprint : shapely.MultiPolygon
        The ground all of them cover: longitude and latitude in degrees, within ±180.
    area : float
        Of the footprint, in square metres.
    """

    scenes: Tuple[Any, ...]
    footprint: Any
    area: float

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
        return {
            "type": "Feature",
            "geometry": shapely.geometry.mapping(self.footprint),
            "properties": {
                "depth": self.depth,
                "area": round(self.area, 1),
                "first_acquired": min(times).isoformat() if times else None,
                "last_acquired": max(times).isoformat() if times else None,
                "scenes": list(self.ids),
            },
        }

    def __repr__(self) -> str:
        return f"<Stack of {self.depth} scenes over {self.area / 1e6:.3f} km²>"


def find_stacks(
    scenes: Iterable[Union[Scene, Mapping[str, Any]]],
    min_depth: int = 2,
    min_area: float = MIN_AREA,
    distinct_days: bool = False,
) -> List[Stack]:
    """Find the sets of scenes that share ground.

    Parameters
    ----------
    scenes : iterable of Scene or mapping
        Scenes, or GeoJSON Features of them. One that comes twice counts once; one without a footprint shares none.
    min_depth : int
        The fewest scenes of a stack.
    min_area : float
        The least area that all scenes of a stack share, in square metres.
    distinct_days : bool
        Take one scene of each day (UTC): that without which the others would share least, and of equals the clearest.

    Returns
    -------
    list of Stack
        Each as large a set as `min_area` allows, none part of another; the deepest first, then what shares most.

    Raises
    ------
    ProtocolError
        When a footprint cannot be used.
    QueryError
        When there are more ways to share ground than can be told in good time, or `distinct_days` is wanted of scenes
        that do not say when they were acquired.
    """
    given = _distinct(scenes)
    footprints = _footprints(given)
    found: List[Stack] = []
    for numbers in _connected(footprints):
        if len(numbers) < min_depth:
            continue
        numbers.sort(key=lambda number: _time_of(given[number]))  # once: there may be a thousand stacks of a scene
        some = [given[number] for number in numbers]
        covers, faces = _covers([footprints[number] for number in numbers], max(min_depth, 1), min_area, distinct_days)
        if distinct_days:
            covers = _a_scene_a_day(covers, faces, some, min_depth)
        for cover in covers:
            ground = _multi(shapely.union_all(faces.polygons[list(cover.faces)]))
            found.append(Stack(tuple(some[n] for n in cover.members), ground, float(area_of(ground))))
    names = {id(scene): _item(scene).id for scene in given}
    return sorted(found, key=lambda stack: (-stack.depth, -stack.area, [names[id(scene)] for scene in stack.scenes]))


def common_ground(scenes: Sequence[Union[Scene, Mapping[str, Any]]]) -> Stack:
    """Return some scenes as a stack, whatever the ground they share.

    Raises
    ------
    QueryError
        When they share none.
    """
    given = _distinct(scenes)
    ground = _multi(shapely.intersection_all(_footprints(given))) if given else shapely.MultiPolygon()
    if ground.is_empty:
        raise QueryError(
            f"The {len(given)} scenes have no ground in common: 'planet-vector stacks' finds those that do."
        )
    return Stack(tuple(sorted(given, key=_time_of)), ground, float(area_of(ground)))


def area_of(geometry: Any) -> Any:
    """Return the area of a geometry in degrees, or of an array of them, in square metres on the ellipsoid."""
    return shapely.area(shapely.transform(geometry, _equal_area))


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
    item = scene if isinstance(scene, Scene) else Scene(_item(scene).feature, "")
    return item.acquired if item.properties.get("acquired") is not None else None


def _time_of(scene: Any) -> Tuple[float, str]:
    """Return what orders scenes by time; those without one come first."""
    moment = _acquired(scene)
    return (moment.timestamp() if moment else float("-inf"), _item(scene).id)


def _footprints(scenes: Sequence[Any]) -> Any:
    """Return the footprints, valid, on the overlay's grid of positions."""
    found = np.array([_item(scene).footprint for scene in scenes], dtype=object)
    return np.array([_multi(valid) for valid in shapely.set_precision(shapely.make_valid(found), GRID)], dtype=object)


def _multi(geometry: Any) -> Any:
    """Return the polygons of a geometry; the points and lines where footprints only touch are no ground."""
    parts = shapely.get_parts(shapely.get_parts(geometry))
    return shapely.MultiPolygon([part for part in parts if part.geom_type == "Polygon" and not part.is_empty])


def _connected(footprints: Any) -> List[List[int]]:
    """Return the numbers of footprints that touch one another, directly or by way of others, group by group."""
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
    everybody = _multi(shapely.intersection_all(footprints))
    if not all_faces and not everybody.is_empty and area_of(everybody) >= min_area:
        # One set, whatever the number of faces, which grows with the square of the scenes.
        area = float(area_of(everybody))
        members = list(range(len(footprints)))
        whole = np.array([everybody], dtype=object)
        return [Cover(tuple(members), area, (0,))], _Faces(whole, [members], np.array([area]))
    faces = _faces(np.array(footprints, dtype=object))
    return maximal_covers(zip(faces.covers, faces.areas.tolist()), min_depth, min_area), faces


def _faces(footprints: Any) -> _Faces:
    """Overlay footprints: the faces their boundaries make, and which footprints cover each."""
    lines = shapely.union_all(shapely.boundary(footprints), grid_size=GRID)
    polygons = np.array(shapely.get_parts(shapely.polygonize(shapely.get_parts(lines))), dtype=object)
    # What is narrower than positions are exact is made by rounding, and which side of an edge it is on says nothing.
    polygons = polygons[2 * shapely.area(polygons) > 10 * GRID * shapely.length(polygons)]
    covers: List[List[int]] = [[] for _ in polygons]
    inside, number = shapely.STRtree(footprints).query(shapely.point_on_surface(polygons), predicate="within")
    for face, scene in zip(inside.tolist(), number.tolist()):
        covers[face].append(scene)
    return _Faces(polygons, covers, np.asarray(area_of(polygons), dtype=float))


def _a_scene_a_day(covers: List[Cover], faces: _Faces, scenes: Sequence[Any], min_depth: int) -> List[Cover]:
    """Let scenes leave until each day has one, always that which frees most ground, and of equals the most clouded."""
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
            alone = np.flatnonzero(missing == 1)  # the faces that one scene's leaving adds
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
    cover = Scene(_item(scene).feature, "").cloud_cover
    return 101.0 if cover is None else cover


def _equal_area(positions: Any) -> Any:
    """Project longitude and latitude to the cylindrical equal-area plane, metres."""
    sine = np.sin(np.radians(positions[:, 1]))
    q = (1 - _E**2) * (sine / (1 - (_E * sine) ** 2) + np.arctanh(_E * sine) / _E)
    return np.column_stack([np.radians(positions[:, 0]) * _EQUATOR, q * _EQUATOR / 2])
