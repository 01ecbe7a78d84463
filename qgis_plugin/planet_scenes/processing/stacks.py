"""Find stacks: sets of scenes that share ground."""

from __future__ import annotations

from typing import Any, Dict, List

from qgis.core import (
    QgsCoordinateTransform,
    QgsFeature,
    QgsFeatureSink,
    QgsFields,
    QgsGeometry,
    QgsProcessing,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterNumber,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QMetaType

from planet_scenes.polygons import WGS84
from planet_scenes.processing.algorithm import Algorithm, check, given
from planet_scenes.processing.layer_features import features_of, new_field, plain, polygons_of
from planet_scenes.processing.overlay import area_of, shared_ground, shared_within
from planet_scenes.texts import tr


class Stacks(Algorithm):
    """Algorithm that finds the sets of scenes that share ground."""

    NAME = "stacks"
    ICON = "stack"

    def displayName(self) -> str:
        """Return the name shown to the user."""
        return tr("Find stacks")

    def shortHelpString(self) -> str:
        """Return the help text."""
        return tr(
            "Finds the sets of scenes that cover the same ground, by an exact overlay of their footprints. Each stack "
            "is as large a set as the minimum area allows, and none is part of another; those with most scenes come "
            "first. Its geometry is the ground that all of its scenes cover. With an area of interest, only ground "
            "within it counts: first come all scenes that cover the whole area, or else those that share most of it, "
            "and a column contains the share of the area that each stack covers."
        )

    def initAlgorithm(self, configuration: Any = None) -> None:
        """Define parameters and outputs.

        Parameters
        ----------
        configuration : dict, optional
            Not used.
        """
        polygons = [QgsProcessing.SourceType.TypeVectorPolygon]
        self.addParameter(QgsProcessingParameterFeatureSource("INPUT", tr("Footprints"), polygons))
        self.addParameter(
            QgsProcessingParameterField(
                "ID", tr("Column with the scene id"), "id", parentLayerParameterName="INPUT", optional=True
            )
        )
        self.addParameter(
            QgsProcessingParameterField(
                "ACQUIRED",
                tr("Column with the acquisition time"),
                "acquired",
                parentLayerParameterName="INPUT",
                optional=True,
            )
        )
        whole, real = QgsProcessingParameterNumber.Type.Integer, QgsProcessingParameterNumber.Type.Double
        self.addParameter(
            QgsProcessingParameterNumber("MIN_DEPTH", tr("Minimum number of scenes in a stack"), whole, 2, minValue=1)
        )
        self.addParameter(
            QgsProcessingParameterNumber("MIN_AREA", tr("Minimum area they share (km²)"), real, 0.0009, minValue=0)
        )
        self.addParameter(QgsProcessingParameterFeatureSource("AREA", tr("Area of interest"), polygons, optional=True))
        self.addParameter(QgsProcessingParameterFeatureSink("OUTPUT", tr("Stacks"), polygons[0]))
        self.addOutput(QgsProcessingOutputNumber("COUNT", tr("Number of stacks")))

    def perform(self, parameters: Any, context: Any, feedback: QgsProcessingFeedback) -> Dict[str, Any]:
        """Write the stacks.

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
            ``OUTPUT`` (the layer of stacks) and ``COUNT``.

        Raises
        ------
        QgsProcessingException
            If the input cannot be read or the output cannot be written.
        """
        source = self.parameterAsSource(parameters, "INPUT", context)
        if source is None:
            raise QgsProcessingException(self.invalidSourceError(parameters, "INPUT"))
        id_field, time_field = (self._column(parameters, name, source, context) for name in ("ID", "ACQUIRED"))
        depth = self.parameterAsInt(parameters, "MIN_DEPTH", context)
        area = self.parameterAsDouble(parameters, "MIN_AREA", context) * 1e6
        scenes: Dict[str, QgsFeature] = {}
        for feature in features_of(source, feedback):
            if feature.hasGeometry():
                scene_id = plain(feature[id_field]) if id_field else None
                scenes.setdefault(str(feature.id() if scene_id is None else scene_id), feature)
        ids = list(scenes)
        times = [_text(feature[time_field]) if time_field else "" for feature in scenes.values()]
        transform = QgsCoordinateTransform(source.sourceCrs(), WGS84, context.transformContext())
        footprints: List[QgsGeometry] = []
        for feature in scenes.values():
            geometry = QgsGeometry(feature.geometry())
            geometry.transform(transform)
            footprints.append(geometry)
        feedback.pushInfo(tr("{count} footprints").format(count=len(footprints)))

        def step(share: float) -> None:
            check(feedback)
            feedback.setProgress(90 * share)

        within = self.parameterAsSource(parameters, "AREA", context)
        if within is None:
            stacks = shared_ground(footprints, depth, area, step)
        else:
            asked = polygons_of(within, context, feedback)
            if not given(parameters, "MIN_AREA") and area_of(asked) < area:
                area = 0.0
            stacks = shared_within(asked, footprints, depth, area)
        fields = _fields(within is not None)
        sink, target = self.parameterAsSink(parameters, "OUTPUT", context, fields, QgsWkbTypes.Type.MultiPolygon, WGS84)
        if sink is None:
            raise QgsProcessingException(self.invalidSinkError(parameters, "OUTPUT"))
        for stack in stacks:
            members = sorted(stack.members, key=lambda number: (times[number], ids[number]))
            known = [times[number] for number in members if times[number]]
            row = QgsFeature(fields)
            row.setGeometry(stack.ground)
            row.setAttributes([
                len(members), stack.area / 1e6, known[0] if known else None, known[-1] if known else None,
                ",".join(ids[number] for number in members), *([] if within is None else [stack.covered]),
            ])  # fmt: skip
            if not sink.addFeature(row, QgsFeatureSink.Flag.FastInsert):
                raise QgsProcessingException(self.writeFeatureError(sink, parameters, "OUTPUT"))
        feedback.setProgress(100)
        return {"OUTPUT": target, "COUNT": len(stacks)}

    def _column(self, parameters: Any, name: str, source: QgsProcessingFeatureSource, context: Any) -> str:
        """Return the column that a parameter names; empty if the parameter is and the layer lacks the usual column."""
        column = self.parameterAsString(parameters, name, context)
        if column in source.fields().names():
            return column
        if given(parameters, name):
            raise QgsProcessingException(tr("The layer has no column {name}: choose another.").format(name=column))
        return ""


def _text(value: Any) -> str:
    known = plain(value)
    return "" if known is None else str(known)


def _fields(of_an_area: bool) -> QgsFields:
    fields = QgsFields()
    for name, kind in (
        ("depth", QMetaType.Type.Int),
        ("area_km2", QMetaType.Type.Double),
        ("first_acquired", QMetaType.Type.QString),
        ("last_acquired", QMetaType.Type.QString),
        ("scenes", QMetaType.Type.QString),
        *([("covered", QMetaType.Type.Double)] if of_an_area else []),
    ):
        fields.append(new_field(name, kind))
    return fields
