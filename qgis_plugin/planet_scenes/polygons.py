"""Union of polygons in degrees, with the same treatment of the antimeridian as in the rest of the package."""

from __future__ import annotations

import json
from typing import Iterable, List

from qgis.core import Qgis, QgsCoordinateReferenceSystem, QgsFields, QgsGeometry, QgsJsonUtils, QgsMessageLog

from planet_scenes.messages import TAB
from planet_scenes.texts import tr
from planet_vector.errors import QueryError
from planet_vector.geometry.areas import read_text

WGS84 = QgsCoordinateReferenceSystem("EPSG:4326")
"""Coordinate system of footprints and areas: degrees, longitude before latitude."""


def united(polygons: Iterable[QgsGeometry]) -> QgsGeometry:
    """Return the union of polygons within ±180° of longitude (`planet_vector.geometry.areas`).

    A polygon that crosses the antimeridian is reported in QGIS's log.

    Parameters
    ----------
    polygons : iterable of QgsGeometry
        Polygons in degrees, longitude before latitude.

    Raises
    ------
    QueryError
        If a polygon crosses the antimeridian ambiguously.
    """
    parts: List[QgsGeometry] = []
    for polygon in polygons:
        try:
            reading = read_text(polygon.asWkt(15))
        except ValueError as error:
            raise QueryError(tr("The area cannot be read: {reason}.").format(reason=error)) from None
        if not reading.told:
            parts.append(polygon.makeValid())
            continue
        QgsMessageLog.logMessage(reading.told, TAB, Qgis.MessageLevel.Warning, notifyUser=False)
        feature = json.dumps({"type": "Feature", "properties": {}, "geometry": json.loads(reading.text)})
        parts += [moved.geometry().makeValid() for moved in QgsJsonUtils.stringToFeatureList(feature, QgsFields())]
    return QgsGeometry.unaryUnion(parts)
