"""Search algorithms: store the scenes in a layer, or open the search as a live layer."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from qgis.core import (
    QgsCoordinateTransform,
    QgsFeature,
    QgsFeatureSink,
    QgsFields,
    QgsGeometry,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingOutputVectorLayer,
    QgsProcessingParameterDateTime,
    QgsProcessingParameterEnum,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QDateTime, QMetaType, Qt

from planet_scenes.dates import from_day, to_day
from planet_scenes.polygons import WGS84, united
from planet_scenes.processing.algorithm import check, given
from planet_scenes.processing.layer_features import features_of, new_field
from planet_scenes.processing.service_algorithm import ServiceAlgorithm
from planet_scenes.texts import tr
from planet_vector.errors import QueryError
from planet_vector.geometry.boxes import Box
from planet_vector.query import Query
from planet_vector.vector.columns import Row
from planet_vector.vector.schema import Schema

_MOST_NAMED = 20  # scene types in an error; some services have hundreds


class SearchParameters(ServiceAlgorithm):
    """Base class of algorithms with the parameters of a search."""

    ICON = "search"

    def add_search(self) -> None:
        """Add the search parameters."""
        self.add_connection()
        self.addParameter(QgsProcessingParameterString("SCENE_TYPE", tr("Scene type"), optional=True))
        self.help_text(
            "SCENE_TYPE",
            tr("A collection of the service; the browser panel lists them. Can be left empty if there is only one."),
        )
        self.addParameter(QgsProcessingParameterExtent("EXTENT", tr("Area: an extent"), optional=True))
        self.addParameter(
            QgsProcessingParameterFeatureSource(
                "AREA", tr("Area: the polygons of a layer"), [QgsProcessing.SourceType.TypeVectorPolygon], optional=True
            )
        )
        self.help_text("AREA", tr("Finds scenes that share ground with it. Give this or an extent, or neither."))
        days = QgsProcessingParameterDateTime.Type.Date
        self.addParameter(QgsProcessingParameterDateTime("FROM", tr("Acquired from (day, UTC)"), days, optional=True))
        self.addParameter(QgsProcessingParameterDateTime("TO", tr("Acquired to (day, UTC)"), days, optional=True))
        self.help_text("TO", tr("This day is included."))
        real = QgsProcessingParameterNumber.Type.Double
        self.addParameter(
            QgsProcessingParameterNumber(
                "CLOUD_COVER", tr("Maximum cloud cover (%)"), real, optional=True, minValue=0, maxValue=100
            )
        )
        self.addParameter(
            QgsProcessingParameterString("CONDITIONS", tr("Further conditions"), multiLine=True, optional=True)
        )
        self.help_text(
            "CONDITIONS",
            tr("One per line, in the syntax of the service: sat.off_nadir.lte=10, image_statistics.gsd.lt=4 …"),
        )
        self.addParameter(
            QgsProcessingParameterEnum(
                "ORDER", tr("Order"), options=[tr("The newest first"), tr("The oldest first")], defaultValue=0
            )
        )
        whole = QgsProcessingParameterNumber.Type.Integer
        self.addParameter(
            QgsProcessingParameterNumber("LIMIT", tr("Maximum number of scenes"), whole, optional=True, minValue=1)
        )

    def query(self, parameters: Any, context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> Query:
        """Return the search defined by the parameters.

        Parameters
        ----------
        parameters : dict
            The parameters.
        context : QgsProcessingContext
            The context.
        feedback : QgsProcessingFeedback
            Can cancel.

        Raises
        ------
        QgsProcessingException
            If a parameter is not valid, or the service does not support it.
        """
        schema = self.catalog.schema(self._scene_type(parameters, context))
        meanings = schema.meanings
        pairs: List[Tuple[str, str]] = []
        begin, end = (self.parameterAsDateTime(parameters, name, context) for name in ("FROM", "TO"))
        if begin.isValid():
            pairs.append(from_day(schema.time_field, begin.date()))
        if end.isValid():
            pairs.append(to_day(schema.time_field, end.date()))
        cover = self.number(parameters, "CLOUD_COVER", context)
        if cover is not None:
            if meanings.cloud_cover is None:
                raise QgsProcessingException(tr("The service does not report cloud cover."))
            pairs.append((f"{meanings.cloud_cover}.lte", f"{meanings.cover_of_percent(cover):g}"))
        for line in self.parameterAsString(parameters, "CONDITIONS", context).replace("&", "\n").splitlines():
            name, equals, value = (part.strip() for part in line.partition("="))
            if name and not equals:
                raise QgsProcessingException(
                    tr("The condition {text!r} has no value: write FIELD.COMPARATOR=VALUE.").format(text=name)
                )
            if name:
                pairs.append((name, value))
        area = self._area(parameters, context, feedback)
        if area:
            pairs.append(area)
        order = ("desc", "asc")[self.choice(parameters, "ORDER", context, 2)]
        pairs.append(("order_by", f"{meanings.time} {order}"))
        limit = self.number(parameters, "LIMIT", context)
        if limit is not None:
            pairs.append(("limit", f"{limit:.0f}"))
        return Query.parse(schema, pairs)

    def _scene_type(self, parameters: Any, context: QgsProcessingContext) -> str:
        """Return the scene type; without one, the only one of the service."""
        given_type = self.parameterAsString(parameters, "SCENE_TYPE", context).strip()
        if given_type:
            return given_type
        names = list(self.catalog.scene_types())
        if len(names) == 1:
            return names[0]
        told = ", ".join(names[:_MOST_NAMED]) + (" …" if len(names) > _MOST_NAMED else "")
        raise QgsProcessingException(
            tr("Give the scene type; connection {name} has: {types}.").format(
                name=self.connection.name, types=told or tr("none")
            )
        )

    def _area(self, parameters: Any, context: Any, feedback: Any) -> Optional[Tuple[str, str]]:
        source = self.parameterAsSource(parameters, "AREA", context)
        extent = self.parameterAsExtent(parameters, "EXTENT", context, WGS84)
        bounded = given(parameters, "EXTENT") and not extent.isNull()
        if source is not None and bounded:
            raise QgsProcessingException(tr("A search takes one area: give an extent or a layer, not both."))
        if bounded:
            box = Box.on_globe(extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum())
            if box is None:
                raise QgsProcessingException(tr("The area lies outside the globe."))
            return ("bbox", str(box))
        if source is None:
            return None
        transform = QgsCoordinateTransform(source.sourceCrs(), WGS84, context.transformContext())
        polygons = [feature.geometry() for feature in features_of(source, feedback)]
        for polygon in polygons:
            polygon.transform(transform)
        try:
            union = united(polygons)
        except QueryError as error:
            raise QgsProcessingException(str(error)) from None
        if union.isEmpty():
            raise QgsProcessingException(tr("The layer of the area has no polygon."))
        return ("intersects", union.asWkt(8))  # a millimetre


class Search(SearchParameters):
    """Algorithm that stores the scenes of a search."""

    NAME = "search"

    def displayName(self) -> str:
        """Return the name shown to the user."""
        return tr("Search scenes")

    def shortHelpString(self) -> str:
        """Return the help text."""
        return tr(
            "Searches a scenes service and stores the footprints and properties of the scenes in a layer. The layer "
            "is a snapshot: it does not change when new scenes are published. For a live layer, use 'Add a search as "
            "a live layer'."
        )

    def initAlgorithm(self, configuration: Any = None) -> None:
        """Define parameters and outputs.

        Parameters
        ----------
        configuration : dict, optional
            Not used.
        """
        self.add_search()
        self.addParameter(
            QgsProcessingParameterFeatureSink("OUTPUT", tr("Scenes"), QgsProcessing.SourceType.TypeVectorPolygon)
        )
        self.addOutput(QgsProcessingOutputNumber("COUNT", tr("Number of scenes")))
        self.addOutput(QgsProcessingOutputString("NAME", tr("Name of the search")))

    def perform(self, parameters: Any, context: Any, feedback: QgsProcessingFeedback) -> Dict[str, Any]:
        """Run the search, and write its scenes to a layer.

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
            ``OUTPUT`` (the layer), ``COUNT`` and ``NAME`` (the ``PLANET:`` name of the search).

        Raises
        ------
        QgsProcessingException
            If the output cannot be written.
        """
        query = self.query(parameters, context, feedback)
        schema = Schema(query.schema)
        fields = QgsFields()
        for name, kind in zip(schema.names, schema.types):
            fields.append(new_field(name, _TYPES[kind]))
        total = self.catalog.count(query)  # before the file is created, as this also validates the search
        if total is not None:
            feedback.pushInfo(tr("{count} scenes").format(count=total))
        sink, target = self.parameterAsSink(parameters, "OUTPUT", context, fields, QgsWkbTypes.Type.MultiPolygon, WGS84)
        if sink is None:
            raise QgsProcessingException(self.invalidSinkError(parameters, "OUTPUT"))
        count = 0
        for page in self.catalog.pages(query):
            check(feedback)
            found = [_feature(row, fields, schema) for row in schema.rows(page)]
            if not sink.addFeatures(found, QgsFeatureSink.Flag.FastInsert):
                raise QgsProcessingException(self.writeFeatureError(sink, parameters, "OUTPUT"))
            count += len(found)
            if total is not None:
                feedback.setProgress(100 * count / max(total, 1))
        return {"OUTPUT": target, "COUNT": count, "NAME": self.connection.name_of(query)}


class LiveLayer(SearchParameters):
    """Algorithm that opens a search as a live layer."""

    NAME = "searchlayer"
    ICON = "scenes"

    def displayName(self) -> str:
        """Return the name shown to the user."""
        return tr("Add a search as a live layer")

    def shortHelpString(self) -> str:
        """Return the help text."""
        return tr(
            "Opens a search as a vector layer. Nothing is stored: the layer requests the scenes in view from the "
            "service, and shows new scenes when it is opened again. In a model, its result is the input of further "
            "steps."
        )

    def initAlgorithm(self, configuration: Any = None) -> None:
        """Define parameters and outputs.

        Parameters
        ----------
        configuration : dict, optional
            Not used.
        """
        self.add_search()
        self.addOutput(QgsProcessingOutputVectorLayer("OUTPUT", tr("Search")))
        self.addOutput(QgsProcessingOutputString("NAME", tr("Name of the search")))

    def perform(self, parameters: Any, context: Any, feedback: QgsProcessingFeedback) -> Dict[str, Any]:
        """Open the layer.

        Parameters
        ----------
        parameters : dict
            The parameters.
        context : QgsProcessingContext
            Receives the layer.
        feedback : QgsProcessingFeedback
            Can cancel.

        Returns
        -------
        dict
            ``OUTPUT`` (the id of the layer) and ``NAME`` (the ``PLANET:`` name of the search).

        Raises
        ------
        QgsProcessingException
            If QGIS cannot open the layer.
        """
        query = self.query(parameters, context, feedback)
        self.catalog.count(query)  # reports errors of the service; below, they would only make the layer invalid
        name = self.connection.name_of(query)
        layer = QgsVectorLayer(name, query.scene_type, "ogr")
        if not layer.isValid():
            raise QgsProcessingException(tr("QGIS cannot open {name}.").format(name=name))
        layer.setCustomProperty("rendering/noPreviewJobs", True)
        context.temporaryLayerStore().addMapLayer(layer)
        details = QgsProcessingContext.LayerDetails(query.scene_type, context.project(), "OUTPUT")
        context.addLayerToLoadOnCompletion(layer.id(), details)
        return {"OUTPUT": layer.id(), "NAME": name}


_TYPES = {
    "String": QMetaType.Type.QString,
    "DateTime": QMetaType.Type.QDateTime,
    "Real": QMetaType.Type.Double,
    "Integer": QMetaType.Type.Int,
    "Integer64": QMetaType.Type.LongLong,
}


def _feature(row: Row, fields: QgsFields, schema: Schema) -> QgsFeature:
    feature = QgsFeature(fields)
    values = [
        QDateTime.fromString(value, Qt.DateFormat.ISODateWithMs) if kind == "DateTime" and value else value
        for value, kind in zip(row.values, schema.types)
    ]
    feature.setAttributes(values)
    if row.wkb is not None:
        geometry = QgsGeometry()
        geometry.fromWkb(row.wkb)
        feature.setGeometry(geometry)
    return feature
