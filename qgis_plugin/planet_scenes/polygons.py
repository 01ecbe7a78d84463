"""Polygons in degrees as one area, read as everywhere else where they cross the antimeridian."""

from __future__ import annotations

import json
from typing import Iterable, List

from qgis.core import Qgis, QgsFields, QgsGeometry, QgsJsonUtils, QgsMessageLog

from planet_scenes.messages import TAB
from planet_scenes.texts import tr
from planet_vector.errors import QueryError
from planet_vector.geometry.areas import read_text


def united(polygons: Iterable[QgsGeometry]) -> QgsGeometry:
    """Return polygons in degrees as one area within ±180° (`planet_vector.geometry.areas`).

    That one crosses the antimeridian is a line in QGIS's log.

    Raises
    ------
    QueryError
        When one crosses it in a way that can only be guessed.
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
