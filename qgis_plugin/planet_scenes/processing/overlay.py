"""The overlay of footprints with QGIS's own geometry: which sets of them share ground, and where.

As `planet_vector.stacks.overlap` has it, which needs shapely: the boundaries of all footprints cut the plane into
faces, each covered by the same footprints all over; which sets share enough ground follows from the faces' covers
(`planet_vector.stacks.covers`).
"""

from __future__ import annotations

from typing import Callable, Dict, List, NamedTuple, Sequence, Tuple

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsDistanceArea,
    QgsGeometry,
    QgsGeometryEngine,
    QgsSpatialIndex,
    QgsWkbTypes,
)

from planet_vector.stacks.covers import maximal_covers

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
    """

    members: Tuple[int, ...]
    ground: QgsGeometry
    area: float


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
        if 2 * polygon.area() <= 10 * GRID * polygon.length():
            continue
        inside = polygon.pointOnSurface()
        members = [
            number for number in index.intersects(inside.boundingBox()) if engines[number].contains(inside.constGet())
        ]
        faces.append(_Face(polygon, sorted(members), area_of(polygon)))
    return faces


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
