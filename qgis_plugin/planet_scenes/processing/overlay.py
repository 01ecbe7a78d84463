"""Overlay of footprints with QGIS's geometry library: which sets of footprints share ground, and where.

Same method as `planet_vector.stacks.overlap`, which needs shapely: the boundaries of all footprints divide the plane
into faces, each covered entirely by the same footprints. The sets that share enough ground follow from the footprints
of each face (`planet_vector.stacks.frequent_sets`).
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

from planet_scenes.texts import tr
from planet_vector.errors import QueryError
from planet_vector.stacks.frequent_sets import Cover, largest_shared, maximal_covers

GRID = 1e-8
"""Degrees, about 1 mm: closer positions are merged, and narrower faces are discarded."""


class Shared(NamedTuple):
    """A set of footprints and the ground that all of them cover.

    Attributes
    ----------
    members : tuple of int
        Indices in the input, ascending.
    ground : QgsGeometry
        MultiPolygon in degrees, longitude before latitude.
    area : float
        Area of `ground` in square metres, on the WGS 84 ellipsoid.
    covered : float, optional
        Share of the requested area that all of them cover, from 0 to 1.
    """

    members: Tuple[int, ...]
    ground: QgsGeometry
    area: float
    covered: Optional[float] = None


def shared_ground(
    footprints: Sequence[QgsGeometry], min_depth: int, min_area: float, step: Callable[[float], None]
) -> List[Shared]:
    """Return the maximal sets of footprints that share enough ground, largest sets first, then by area.

    Parameters
    ----------
    footprints : sequence of QgsGeometry
        Polygons in degrees, longitude before latitude; empty ones share nothing.
    min_depth : int
        Minimum number of footprints in a set.
    min_area : float
        Minimum area that all footprints of a set share, in square metres.
    step : callable
        Called with the share of the work done, from 0 to 1; may raise to stop.

    Raises
    ------
    QueryError
        If there are too many overlaps to compute.
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
    """Return the sets of footprints that share ground within an area.

    Same order as `planet_vector.stacks.overlap.find_stacks`: first all footprints that cover the whole area, or, if
    they are too few, the set that shares most of it; then the maximal sets, by their share of the area and their size.

    Parameters
    ----------
    area : QgsGeometry
        Polygons in degrees, longitude before latitude.
    footprints : sequence of QgsGeometry
        Polygons in degrees, longitude before latitude; empty ones share nothing.
    min_depth : int
        Minimum number of footprints in a set.
    min_area : float
        Minimum area within `area` that all footprints of a set share, in square metres.

    Raises
    ------
    QueryError
        If there are too many overlaps to compute.
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
    """Return the share of an area that each shape covers, from 0 to 1; 1 if only rounding artefacts are missing.

    Parameters
    ----------
    area : QgsGeometry
        Polygons in degrees.
    shapes : sequence of QgsGeometry
        Polygons in degrees.

    Raises
    ------
    QueryError
        If the size of the area cannot be measured.
    """
    total = area_of(area)
    if not total > 0:  # QGIS measures none for the whole globe
        raise QueryError(tr("The size of the area cannot be measured: choose a smaller one."))
    shares = []
    for shape in shapes:
        parts = _polygons(area.difference(shape)).asGeometryCollection()
        lacking = sum(area_of(part) for part in parts if not _is_narrow(part))
        shares.append(min(1.0, max(0.0, 1.0 - lacking / total)))
    return shares


def area_of(geometry: QgsGeometry) -> float:
    """Return the area of polygons in square metres, on the WGS 84 ellipsoid.

    Parameters
    ----------
    geometry : QgsGeometry
        Polygons in degrees, longitude before latitude.
    """
    measure = QgsDistanceArea()
    measure.setSourceCrs(QgsCoordinateReferenceSystem("EPSG:4326"), QgsCoordinateTransformContext())
    measure.setEllipsoid("WGS84")
    return float(measure.measureArea(geometry))


class _Face(NamedTuple):
    polygon: QgsGeometry
    members: List[int]
    area: float


def _faces(shapes: Sequence[QgsGeometry]) -> List[_Face]:
    """Return the faces formed by the boundaries of shapes, each with the shapes that cover it."""
    boundaries = [QgsGeometry(shape.constGet().boundary()) for shape in shapes]
    lines = QgsGeometry.unaryUnion(boundaries)
    index, engines = _index(shapes)
    faces = []
    for polygon in QgsGeometry.polygonize([lines]).asGeometryCollection():
        # Faces narrower than the precision of positions are rounding artefacts and are discarded.
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
    """Return the indices of shapes in groups that touch each other, directly or through other shapes."""
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
    """Return the polygons of a geometry, without the points and lines where footprints only touch."""
    polygon = QgsWkbTypes.GeometryType.PolygonGeometry
    parts = [part for part in geometry.asGeometryCollection() if part.type() == polygon and not part.isEmpty()]
    found = QgsGeometry.collectGeometry(parts) if parts else QgsGeometry.fromWkt("MultiPolygon EMPTY")
    found.convertToMultiType()
    return found
