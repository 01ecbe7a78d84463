"""Largest rectangle inside each polygon of a layer."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Union

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsFeatureSink,
    QgsFields,
    QgsGeometry,
    QgsPointXY,
    QgsProcessing,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterCrs,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterNumber,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QMetaType

from planet_scenes.polygons import WGS84
from planet_scenes.processing.algorithm import Algorithm, check
from planet_scenes.processing.layer_features import features_of, new_field
from planet_scenes.texts import tr
from planet_vector.geometry.utm import zone_of
from planet_vector.stacks.rectangle_search import inscribed, told

_SIZES = ("rect_width", "rect_height", "rect_area")

TOLERANCE = 0.01
"""Share of the maximum area that a rectangle may lack, if the exact optimum takes too long to compute."""


class Rectangle(Algorithm):
    """Algorithm that finds the largest rectangle inside each polygon."""

    NAME = "rectangle"
    ICON = "rectangle"

    def displayName(self) -> str:
        """Return the name shown to the user."""
        return tr("Largest rectangle")

    def shortHelpString(self) -> str:
        """Return the help text."""
        return tr(
            "Finds the largest rectangle inside each polygon: the part of a stack of scenes that makes an image "
            "without gaps. It is parallel to the axes of the coordinate system, unless any orientation is allowed. "
            "Without a coordinate system, each is computed in the UTM zone of its polygon and written in the "
            "coordinate system of the layer."
        )

    def initAlgorithm(self, configuration: Any = None) -> None:
        """Define parameters and outputs.

        Parameters
        ----------
        configuration : dict, optional
            Not used.
        """
        polygons = QgsProcessing.SourceType.TypeVectorPolygon
        self.addParameter(QgsProcessingParameterFeatureSource("INPUT", tr("Polygons"), [polygons]))
        self.addParameter(QgsProcessingParameterCrs("CRS", tr("Coordinate system of the rectangle"), optional=True))
        real = QgsProcessingParameterNumber.Type.Double
        self.addParameter(
            QgsProcessingParameterNumber(
                "ASPECT", tr("Width over height"), real, optional=True, minValue=0.001, maxValue=1000
            )
        )
        self.addParameter(QgsProcessingParameterBoolean("ANY_ANGLE", tr("In any orientation"), False))
        self.addParameter(QgsProcessingParameterFeatureSink("OUTPUT", tr("Rectangles"), polygons))

    def perform(self, parameters: Any, context: Any, feedback: QgsProcessingFeedback) -> Dict[str, Any]:
        """Write the rectangles.

        Parameters
        ----------
        parameters : dict
            The parameters.
        context : QgsProcessingContext
            The context.
        feedback : QgsProcessingFeedback
            Receives progress and messages, and can cancel.

        Returns
        -------
        dict
            ``OUTPUT``, the layer of rectangles.

        Raises
        ------
        QgsProcessingException
            If the input cannot be read or the output cannot be written.
        """
        source = self.parameterAsSource(parameters, "INPUT", context)
        if source is None:
            raise QgsProcessingException(self.invalidSourceError(parameters, "INPUT"))
        chosen = self.parameterAsCrs(parameters, "CRS", context)
        aspect = self.number(parameters, "ASPECT", context)
        angle = "any" if self.parameterAsBoolean(parameters, "ANY_ANGLE", context) else None
        # If the input is a layer of rectangles, replace its size columns.
        kept = [number for number, name in enumerate(source.fields().names()) if name not in _SIZES]
        fields = QgsFields()
        for number in kept:
            fields.append(source.fields()[number])
        for name in _SIZES:
            fields.append(new_field(name, QMetaType.Type.Double))
        target_crs = chosen if chosen.isValid() else source.sourceCrs()
        sink, target = self.parameterAsSink(parameters, "OUTPUT", context, fields, QgsWkbTypes.Type.Polygon, target_crs)
        if sink is None:
            raise QgsProcessingException(self.invalidSinkError(parameters, "OUTPUT"))
        features = features_of(source, feedback)
        for number, feature in enumerate(features):
            check(feedback)
            plane = chosen if chosen.isValid() else _plane(feature, source.sourceCrs(), context)
            made = self._made(feature, source.sourceCrs(), plane, aspect, angle, context, feedback)
            if made is None:
                feedback.pushWarning(tr("Feature {id} has no area: it is left out.").format(id=feature.id()))
                continue
            corners, rectangle = made
            rectangle.transform(QgsCoordinateTransform(plane, target_crs, context.transformContext()))
            row = QgsFeature(fields)
            row.setGeometry(rectangle)
            width, height = corners[0].distance(corners[1]), corners[1].distance(corners[2])
            values = feature.attributes()
            row.setAttributes([*(values[number] for number in kept), width, height, width * height])
            if not sink.addFeature(row, QgsFeatureSink.Flag.FastInsert):
                raise QgsProcessingException(self.writeFeatureError(sink, parameters, "OUTPUT"))
            feedback.setProgress(100 * (number + 1) / len(features))
        return {"OUTPUT": target}

    def _made(
        self,
        feature: QgsFeature,
        crs: QgsCoordinateReferenceSystem,
        plane: QgsCoordinateReferenceSystem,
        aspect: Optional[float],
        angle: Union[None, float, str],
        context: Any,
        feedback: QgsProcessingFeedback,
    ) -> Optional[Sequence[Any]]:
        geometry = QgsGeometry(feature.geometry())
        geometry.transform(QgsCoordinateTransform(crs, plane, context.transformContext()))
        found = inscribed(rings_of(geometry), aspect, angle, TOLERANCE)
        if not found.corners:
            return None
        if found.lacks > TOLERANCE:
            feedback.pushWarning(tr("Feature {id}:").format(id=feature.id()) + " " + told(found.lacks))
        points = [QgsPointXY(*corner) for corner in found.corners]
        return points, QgsGeometry.fromPolygonXY([[*points, points[0]]])


def rings_of(geometry: QgsGeometry) -> List[List[List[List[float]]]]:
    """Return the polygons of a geometry as nested lists: polygons, rings, positions of x and y.

    Parameters
    ----------
    geometry : QgsGeometry
        A polygon or multipolygon.
    """
    valid = geometry.makeValid()
    polygons = QgsWkbTypes.GeometryType.PolygonGeometry
    return [
        [[[point.x(), point.y()] for point in ring] for ring in part.asPolygon()]
        for part in valid.asGeometryCollection()
        if part.type() == polygons
    ]


def _plane(feature: QgsFeature, crs: QgsCoordinateReferenceSystem, context: Any) -> QgsCoordinateReferenceSystem:
    """Return the UTM zone of a feature if its layer is in degrees, else the coordinate system of the layer."""
    if not crs.isGeographic():
        return crs
    centre = QgsGeometry(feature.geometry())
    centre.transform(QgsCoordinateTransform(crs, WGS84, context.transformContext()))
    point = centre.boundingBox().center()
    return QgsCoordinateReferenceSystem(f"EPSG:{zone_of(point.x(), point.y())}")
