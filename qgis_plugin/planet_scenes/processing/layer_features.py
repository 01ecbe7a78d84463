"""Features of layers: read with cancellation, as polygons in degrees, and their values as Python objects."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping

from qgis.core import (
    Qgis,
    QgsCoordinateTransform,
    QgsFeature,
    QgsFeatureRequest,
    QgsField,
    QgsGeometry,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QMetaType, Qt, QVariant

from planet_scenes.polygons import WGS84
from planet_scenes.tasks import Cancelled
from planet_scenes.texts import tr
from planet_vector.vector.schema import OTHER

_POLYGON = QgsWkbTypes.GeometryType.PolygonGeometry


def features_of(source: QgsProcessingFeatureSource, feedback: QgsProcessingFeedback) -> List[QgsFeature]:
    """Return the features of a source; invalid polygons are repaired, and those without an area have no geometry.

    Parameters
    ----------
    source : QgsProcessingFeatureSource
        The source.
    feedback : QgsProcessingFeedback
        Can cancel.

    Raises
    ------
    PlanetVectorError
        If the source is a search that fails at the service.
    Cancelled
        If the user cancels.
    """
    found = []
    # QGIS's own check raises its C++ exception through Python's frames, which corrupts the memory of the process.
    unchecked = QgsProcessingFeatureSource.Flag.FlagSkipGeometryValidityChecks
    for feature in source.getFeatures(QgsFeatureRequest(), unchecked):
        if feedback.isCanceled():
            raise Cancelled
        geometry = feature.geometry()
        if geometry.type() == _POLYGON and not geometry.isGeosValid():
            feature.setGeometry(_repaired(geometry))
        found.append(feature)
    return found


def _repaired(polygon: QgsGeometry) -> QgsGeometry:
    """Return the polygons of an invalid polygon, without the lines and points that it degenerates to; null for none."""
    parts = [part for part in polygon.makeValid().asGeometryCollection() if part.type() == _POLYGON]
    return QgsGeometry.collectGeometry(parts) if parts else QgsGeometry()


def polygons_of(source: QgsProcessingFeatureSource, context: Any, feedback: QgsProcessingFeedback) -> QgsGeometry:
    """Return the polygons of a source as one geometry, in longitude and latitude.

    Parameters
    ----------
    source : QgsProcessingFeatureSource
        The source, in any coordinate system.
    context : QgsProcessingContext
        The context.
    feedback : QgsProcessingFeedback
        Can cancel.

    Raises
    ------
    QgsProcessingException
        If the source has no polygon.
    """
    transform = QgsCoordinateTransform(source.sourceCrs(), WGS84, context.transformContext())
    found = []
    for feature in features_of(source, feedback):
        geometry = QgsGeometry(feature.geometry())
        geometry.transform(transform)
        found.append(geometry.makeValid())
    area = QgsGeometry.unaryUnion(found)
    if not area.area() > 0:
        raise QgsProcessingException(tr("The area contains no polygon."))
    return area


def new_field(name: str, kind: QMetaType.Type) -> QgsField:
    """Return a field; before QGIS 3.38 the constructor takes a QVariant.Type, whose numbers are the same.

    Parameters
    ----------
    name : str
        Name of the field.
    kind : QMetaType.Type
        Its type.
    """
    return QgsField(name, kind if Qgis.QGIS_VERSION_INT >= 33800 else QVariant.Type(kind))


def plain(value: Any) -> Any:
    """Return a feature's value as a Python object.

    Parameters
    ----------
    value : object
        A value as QGIS returns it.

    Returns
    -------
    object
        None for NULL, times as ISO 8601 texts, other values unchanged.
    """
    if value is None or (isinstance(value, QVariant) and value.isNull()):
        return None
    if hasattr(value, "toString") and hasattr(value, "isValid"):  # a date and time
        return value.toString(Qt.DateFormat.ISODateWithMs) if value.isValid() else None
    return value


def nested(row: Mapping[str, Any]) -> Dict[str, Any]:
    """Return a row of a search layer as the nested properties of the service, as far as the columns contain them.

    Parameters
    ----------
    row : mapping
        Values by column name.
    """
    tree: Dict[str, Any] = {}
    rest = row.get(OTHER)
    if isinstance(rest, str):
        try:
            tree = json.loads(rest)
        except ValueError:
            tree = {}  # an unrelated column of that name
        tree = tree if isinstance(tree, dict) else {}
    for name, value in row.items():
        if value is not None and name not in ("id", OTHER):
            node = tree
            *branches, leaf = name.split(".")
            for branch in branches:
                node = node.setdefault(branch, {})
                if not isinstance(node, dict):
                    break
            else:
                node[leaf] = value
    return tree
