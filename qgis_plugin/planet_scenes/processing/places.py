"""Places of a time series: points or polygons of a layer, with ids."""

from __future__ import annotations

from typing import Any, List, NamedTuple

from qgis.core import (
    QgsCoordinateTransform,
    QgsGeometry,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsWkbTypes,
)

from planet_scenes.polygons import WGS84
from planet_scenes.processing.layer_features import features_of, plain
from planet_scenes.texts import tr

_PARTS = 10  # of each edge: what is straight in one coordinate system is not in another


class Place(NamedTuple):
    """Point or polygon with an id.

    Attributes
    ----------
    id : str
        Its id, unique among the places.
    geometry : QgsGeometry
        A point, or one or several polygons, in longitude and latitude.
    """

    id: str
    geometry: QgsGeometry

    @property
    def is_point(self) -> bool:
        """Whether it is a point."""
        return bool(self.geometry.type() == QgsWkbTypes.GeometryType.PointGeometry)


def places_of(
    source: QgsProcessingFeatureSource, id_field: str, context: Any, feedback: QgsProcessingFeedback
) -> List[Place]:
    """Return the points or polygons of a layer.

    Parameters
    ----------
    source : QgsProcessingFeatureSource
        The layer, in any coordinate system.
    id_field : str
        Field with the ids; if empty, the ids of the features.
    context : QgsProcessingContext
        The context.
    feedback : QgsProcessingFeedback
        Can cancel.

    Returns
    -------
    list of Place
        In the order of the layer.

    Raises
    ------
    QgsProcessingException
        If there are none, one is neither a point nor a polygon, or two have the same id.
    """
    if not source.sourceCrs().isValid():
        raise QgsProcessingException(tr("The layer of places has no coordinate system: set it in its properties."))
    transform = QgsCoordinateTransform(source.sourceCrs(), WGS84, context.transformContext())
    found: List[Place] = []
    names = set()
    for feature in features_of(source, feedback):
        name = plain(feature[id_field]) if id_field else feature.id()
        geometry = QgsGeometry(feature.geometry())
        if name is None:
            raise QgsProcessingException(
                tr("Feature {number} of the places has no value in {field}: give it one.").format(
                    number=feature.id(), field=id_field
                )
            )
        if str(name) in names:
            raise QgsProcessingException(
                tr("Two places have the id {name}: choose a field whose values differ.").format(name=repr(str(name)))
            )
        names.add(str(name))
        found.append(Place(str(name), _checked(geometry, str(name), transform)))
    if not found:
        raise QgsProcessingException(tr("The layer of places is empty: add points or polygons, or select some."))
    if len({place.is_point for place in found}) > 1:
        raise QgsProcessingException(tr("The places are points and polygons: use a layer of one kind."))
    return found


def _checked(geometry: QgsGeometry, name: str, transform: QgsCoordinateTransform) -> QgsGeometry:
    """Return a place in longitude and latitude."""
    kind = geometry.type()
    points = kind == QgsWkbTypes.GeometryType.PointGeometry
    if geometry.isEmpty() or not points and kind != QgsWkbTypes.GeometryType.PolygonGeometry:
        raise QgsProcessingException(
            tr("Place {name} has no point and no polygon: give it one, or remove it.").format(name=repr(name))
        )
    if points:
        if len(list(geometry.parts())) > 1:
            raise QgsProcessingException(
                tr("Place {name} has several points: split it into features of one.").format(name=repr(name))
            )
        geometry.convertToSingleType()
    else:
        geometry = geometry.makeValid()
        if not geometry.area() > 0:
            raise QgsProcessingException(tr("Place {name} has no area: remove it.").format(name=repr(name)))
        geometry = geometry.densifyByCount(_PARTS - 1)
    geometry.transform(transform)
    box = geometry.boundingBox()
    if not box.isFinite() or abs(box.yMinimum()) > 90 or abs(box.yMaximum()) > 90:
        raise QgsProcessingException(
            tr("Place {name} lies outside the globe: check the coordinate system of its layer.").format(name=repr(name))
        )
    return geometry
