"""The overlay of footprints with QGIS's own geometry: which sets of them share ground, and where.

As `planet_vector.stacks.overlap` has it, which needs shapely: the boundaries of all footprints cut the plane into
faces, each covered by the same footprints all over; which sets share enough ground follows from the faces' covers
(`planet_vector.stacks.frequent_sets`).
"""

from __future__ import annotations

from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsDistanceArea,
    QgsGeometry,
    QgsGeometryEngine,
    QgsSpatialIndex,
    QgsWkbTypes,
)

from planet_vector.stacks.frequent_sets import Cover, largest_shared, maximal_covers

GRID = 1e-8
"""Degrees, a millimetre: positions are the same that are closer, and a face that is narrower is none."""


class Shared(NamedTuple):
    """Hold a set of footprints and the ground all of them cover.

    Attributes
    ----------
    members : tuple of int
        Their positions in the input, ascending.
    ground : QgsGeometry
        A MultiPolygon, longitude and latitude in degrees.
    area : float
        Square metres on the WGS 84 ellipsoid.
    covered : float, optional
        The share of the area asked for which all of them cover, from 0 to 1.
    """

    members: Tuple[int, ...]
    ground: QgsGeometry
    area: float
    covered: Optional[float] = None


def shared_ground(
    footprints: Sequence[QgsGeometry], min_depth: int, min_area: float, step: Callable[[float], None]
) -> List[Shared]:
    """Return the maximal sets of footprints that share enough ground, the deepest first, then the largest.

    Parameters
    ----------
    footprints : sequence of QgsGeometry
        Polygons in longitude and latitude; empty ones share nothing.
    min_depth : int
        The fewest footprints of a set.
    min_area : float
        The least area that all of a set share, in square metres.
    step : callable
        Told the share of the work that is done, from 0 to 1; may raise to stop it.

    Raises
    ------
    QueryError
        When they overlap in too many ways to tell in good time.
    """
    shapes = [_polygons(footprint.snappedToGrid(GRID, GRID).makeValid()) for footprint in footprints]
    found: List[Shared] = []
    groups = [group for group in _connected(shapes) if len(group) >= min_depth]
    for number, group in enumerate(groups):
        step(number / len(groups))
        faces = _faces([shapes[member] for member in group])
        for cover in maximal_covers([(members, area) for _, members, area in faces], min_depth, min_area):
            ground = _polygons(QgsGeometry.unaryUnion([faces[face].polygon for face in cover.faces]))
            found.append(Shared(tuple(group[member] for member in cover.members), ground, cover.area))
    return sorted(found, key=lambda shared: (-len(shared.members), -shared.area, shared.members))


def shared_within(
    area: QgsGeometry, footprints: Sequence[QgsGeometry], min_depth: int, min_area: float
) -> List[Shared]:
    """Return the sets of footprints that share ground of an area.

    As `planet_vector.stacks.overlap.find_stacks` has it: first all that cover the whole of it, if they are enough, or
    else those that share most of it; then the maximal sets, by the share of it and by their size.

    Parameters
    ----------
    area : QgsGeometry
        Polygons in longitude and latitude.
    footprints, min_depth, min_area
        As `shared_ground` takes them; the least area is that of ground in the area.

    Raises
    ------
    QueryError
        When they overlap in too many ways to tell in good time.
    """
    shapes = [_polygons(footprint.snappedToGrid(GRID, GRID).makeValid()) for footprint in footprints]
    asked = _polygons(area.snappedToGrid(GRID, GRID).makeValid())
    total = area_of(asked)
    inside = {number: _polygons(shape.intersection(asked)) for number, shape in enumerate(shapes)}
    numbers = [number for number, part in inside.items() if not part.isEmpty()]
    faces = [
        _Face(face.polygon, face.members[:-1], face.area)
        for face in _faces([*(inside[number] for number in numbers), asked])
        if len(numbers) in face.members
    ]
    shares = shares_of(asked, [shapes[number] for number in numbers])
    whole = tuple(at for at, share in enumerate(shares) if share == 1)
    told = [(face.members, face.area) for face in faces]
    if len(whole) >= min_depth and total >= min_area:
        first: Optional[Cover] = Cover(whole, total, tuple(range(len(faces))))
    else:
        first = largest_shared(told, range(len(numbers)), min_depth)
    sets = {cover.members: cover.area for cover in (first, *maximal_covers(told, min_depth, min_area)) if cover}
    found = []
    for members, shared in sets.items():
        if shared >= min_area:
            covered = 1.0 if set(members) <= set(whole) else min(shared / total, 0.9999)
            chosen = tuple(numbers[member] for member in members)
            ground = shapes[chosen[0]]
            for number in chosen[1:]:
                ground = _polygons(ground.intersection(shapes[number]))
            found.append(Shared(chosen, ground, area_of(ground), covered))
    return sorted(found, key=lambda it: (-round(it.covered or 0.0, 4), -len(it.members), -it.area, it.members))


def shares_of(area: QgsGeometry, shapes: Sequence[QgsGeometry]) -> List[float]:
    """Return which share of an area each shape covers, from 0 to 1: 1 where only what rounding makes is missing."""
    total = area_of(area)
    shares = []
    for shape in shapes:
        parts = _polygons(area.difference(shape)).asGeometryCollection()
        lacking = sum(area_of(part) for part in parts if not _is_narrow(part))
        shares.append(min(1.0, max(0.0, 1.0 - lacking / total)))
    return shares


def area_of(geometry: QgsGeometry) -> float:
    """Return the area of polygons in longitude and latitude in square metres, on the ellipsoid."""
    measure = QgsDistanceArea()
    measure.setSourceCrs(QgsCoordinateReferenceSystem("EPSG:4326"), QgsCoordinateTransformContext())
    measure.setEllipsoid("WGS84")
    return float(measure.measureArea(geometry))


class _Face(NamedTuple):
    polygon: QgsGeometry
    members: List[int]
    area: float


def _faces(shapes: Sequence[QgsGeometry]) -> List[_Face]:
    """Return the faces that the boundaries of some shapes make, and which shapes cover each."""
    boundaries = [QgsGeometry(shape.constGet().boundary()) for shape in shapes]
    lines = QgsGeometry.unaryUnion(boundaries)
    index, engines = _index(shapes)
    faces = []
    for polygon in QgsGeometry.polygonize([lines]).asGeometryCollection():
        # What is narrower than positions are exact is made by rounding; which side of an edge it is on says nothing.
        if _is_narrow(polygon):
            continue
        inside = polygon.pointOnSurface()
        members = [
            number for number in index.intersects(inside.boundingBox()) if engines[number].contains(inside.constGet())
        ]
        faces.append(_Face(polygon, sorted(members), area_of(polygon)))
    return faces


def _is_narrow(polygon: QgsGeometry) -> bool:
    return bool(2 * polygon.area() <= 10 * GRID * polygon.length())


def _index(shapes: Sequence[QgsGeometry]) -> Tuple[QgsSpatialIndex, List[QgsGeometryEngine]]:
    index = QgsSpatialIndex()
    engines = []
    for number, shape in enumerate(shapes):
        if not shape.isEmpty():
            index.addFeature(number, shape.boundingBox())
        engine = QgsGeometry.createGeometryEngine(shape.constGet())
        engine.prepareGeometry()
        engines.append(engine)
    return index, engines


def _connected(shapes: Sequence[QgsGeometry]) -> List[List[int]]:
    """Return the numbers of shapes that touch one another, directly or by way of others, group by group."""
    index, engines = _index(shapes)
    leader = list(range(len(shapes)))

    def head(number: int) -> int:
        while leader[number] != number:
            leader[number] = leader[leader[number]]
            number = leader[number]
        return number

    for number, shape in enumerate(shapes):
        if not shape.isEmpty():
            for other in index.intersects(shape.boundingBox()):
                if (
                    other < number
                    and head(other) != head(number)
                    and engines[number].intersects(shapes[other].constGet())
                ):
                    leader[head(number)] = head(other)
    groups: Dict[int, List[int]] = {}
    for number, shape in enumerate(shapes):
        if not shape.isEmpty():
            groups.setdefault(head(number), []).append(number)
    return list(groups.values())


def _polygons(geometry: QgsGeometry) -> QgsGeometry:
    """Return the polygons of a geometry; the points and lines where footprints only touch are no ground."""
    polygon = QgsWkbTypes.GeometryType.PolygonGeometry
    parts = [part for part in geometry.asGeometryCollection() if part.type() == polygon and not part.isEmpty()]
    found = QgsGeometry.collectGeometry(parts) if parts else QgsGeometry.fromWkt("MultiPolygon EMPTY")
    found.convertToMultiType()
    return found
