"""Values of scenes at points or in polygons, over time."""

from __future__ import annotations

import math
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from qgis.core import (
    QgsFeature,
    QgsFeatureSink,
    QgsFields,
    QgsGeometry,
    QgsPointXY,
    QgsProcessing,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QDateTime, QMetaType, Qt

from planet_scenes.polygons import WGS84
from planet_scenes.processing.algorithm import check
from planet_scenes.processing.layer_features import new_field
from planet_scenes.processing.places import Place, places_of
from planet_scenes.processing.sampling import NOTHING, Scaling, Statistics, sample
from planet_scenes.processing.series_chart import Value, in_order, page_of
from planet_scenes.processing.service_algorithm import ServiceAlgorithm
from planet_scenes.texts import tr
from planet_vector.atomic_files import complete
from planet_vector.bands.expressions import INDICES, parse_expression
from planet_vector.errors import PlanetVectorError, ProtocolError
from planet_vector.raster.parallel import Alive, in_parallel
from planet_vector.scene import Scene
from planet_vector.times import format_time

_MOST_TOLD = 20  # failures in the log; all are in the table
_REAL, _TEXT = QMetaType.Type.Double, QMetaType.Type.QString


class _Task(NamedTuple):
    scene: Scene
    places: Sequence[Place]


class _Row(NamedTuple):
    place: str
    scene: str
    acquired: Optional[datetime]
    statistics: Statistics
    error: str = ""


class TimeSeries(ServiceAlgorithm):
    """Algorithm that reads the values of places in all scenes."""

    NAME = "timeseries"
    ICON = "stack"

    def displayName(self) -> str:
        """Return the name shown to the user."""
        return tr("Time series of places")

    def shortHelpString(self) -> str:
        """Return the help text."""
        return tr(
            "Reads the values of a band, or of an expression of bands, at points or in polygons from all scenes that "
            "cover them, into a table with a row for each place and scene. Only the pixels of the places are read. Of "
            "a point it is the pixel that contains it; of a polygon the pixels whose centre is inside, with their "
            "mean, median, minimum, maximum, standard deviation and number. The column 'valid' is the share of "
            "pixels that have data, from 0 to 1."
        )

    def initAlgorithm(self, configuration: Any = None) -> None:
        """Define parameters and outputs.

        Parameters
        ----------
        configuration : dict, optional
            Not used.
        """
        self.add_connection()
        self.add_scenes()
        kinds = [QgsProcessing.SourceType.TypeVectorPoint, QgsProcessing.SourceType.TypeVectorPolygon]
        self.addParameter(QgsProcessingParameterFeatureSource("PLACES", tr("Places: points or polygons"), kinds))
        self.addParameter(
            QgsProcessingParameterField("ID", tr("Field with the ids of places"), None, "PLACES", optional=True)
        )
        self.help_text("ID", tr("By default the numbers of the features."))
        self.addParameter(QgsProcessingParameterString("EXPRESSION", tr("Band or expression")))
        self.help_text(
            "EXPRESSION",
            tr("Arithmetic on bands such as (nir - red) / (nir + red), a band, or an index: {indices}.").format(
                indices=", ".join(INDICES)
            ),
        )
        self.addParameter(QgsProcessingParameterString("PRODUCT", tr("Product"), optional=True))
        self.help_text("PRODUCT", tr("The product that has the bands; by default any that has them."))
        real = QgsProcessingParameterNumber.Type.Double
        self.add_advanced(QgsProcessingParameterNumber("SCALE", tr("Factor of the pixels"), real, optional=True))
        self.help_text("SCALE", tr("By default as the file states, else the service."))
        self.add_advanced(QgsProcessingParameterNumber("OFFSET", tr("Summand of the pixels"), real, optional=True))
        self.help_text("OFFSET", tr("By default as the file states, else the service."))
        self.addParameter(
            QgsProcessingParameterBoolean("KEEP_GOING", tr("Continue after a scene that fails"), defaultValue=False)
        )
        self.help_text("KEEP_GOING", tr("The rows of such a scene have no values, and the reason in a column 'error'."))
        self.addParameter(
            QgsProcessingParameterFeatureSink("OUTPUT", tr("Time series"), QgsProcessing.SourceType.TypeVector)
        )
        page = tr("HTML files (*.html)")
        self.addParameter(QgsProcessingParameterFileDestination("PLOT", tr("Chart"), page, optional=True))
        self.help_text(
            "PLOT",
            tr("A page with the values of each place over time; for polygons, the mean with the standard deviation."),
        )
        self.addOutput(QgsProcessingOutputNumber("COUNT", tr("Number of rows")))
        self.addOutput(QgsProcessingOutputNumber("FAILED", tr("Number of scenes that failed")))

    def perform(self, parameters: Any, context: Any, feedback: QgsProcessingFeedback) -> Dict[str, Any]:
        """Read the values, and write them to a table.

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
            ``OUTPUT`` (the table), ``PLOT`` (the chart, if one is wanted), ``COUNT`` (of the rows) and ``FAILED`` (the
            number of scenes).

        Raises
        ------
        ExpressionError
            If the expression is not valid, or a scene lacks one of its bands.
        QgsProcessingException
            If a place is not valid, or the output cannot be written.
        """
        expression = parse_expression(self.parameterAsString(parameters, "EXPRESSION", context))
        product = self.parameterAsString(parameters, "PRODUCT", context).strip()
        scaling = Scaling(*(self.number(parameters, name, context) for name in ("SCALE", "OFFSET")))
        keep_going = self.parameterAsBoolean(parameters, "KEEP_GOING", context)
        source = self.parameterAsSource(parameters, "PLACES", context)
        if source is None:
            raise QgsProcessingException(self.invalidSourceError(parameters, "PLACES"))
        column = self.parameterAsString(parameters, "ID", context).strip()
        if column and column not in source.fields().names():
            raise QgsProcessingException(tr("The layer has no column {name}: choose another.").format(name=column))
        places = places_of(source, column, context, feedback)
        tasks = list(_touching(self.scenes(parameters, context, feedback), places))
        if not tasks:
            feedback.pushWarning(tr("No scene covers a place: widen the search, or check the places."))
        transforms = context.transformContext()

        def read(task: _Task, alive: Alive) -> List[Statistics]:
            return sample(self.catalog, task.scene, expression, product, scaling, task.places, transforms, alive)

        rows: List[_Row] = []
        failed = 0
        with closing(in_parallel(read, tasks, self.catalog.settings.connections)) as outcomes:
            for number, (task, outcome) in enumerate(outcomes, 1):
                check(feedback)
                if isinstance(outcome, PlanetVectorError):
                    if not keep_going:
                        raise outcome
                    failed += 1
                    if failed <= _MOST_TOLD:
                        told = str(outcome)
                        feedback.pushWarning(told if task.scene.id in told else f"{task.scene.id}: {told}")
                rows += _rows(task, outcome)
                feedback.setProgress(100 * number / len(tasks))
        check(feedback)
        order = {place.id: number for number, place in enumerate(places)}
        rows.sort(key=lambda row: (order[row.place], row.acquired is None, row.acquired or 0, row.scene))
        if failed:
            feedback.pushWarning(
                tr("{count} of {all} scenes failed; the column 'error' has the reasons.").format(
                    count=failed, all=len(tasks)
                )
            )
        fields = _fields(places[0].is_point, keep_going)
        no_geometry = QgsWkbTypes.Type.NoGeometry
        sink, target = self.parameterAsSink(parameters, "OUTPUT", context, fields, no_geometry, WGS84)
        if sink is None:
            raise QgsProcessingException(self.invalidSinkError(parameters, "OUTPUT"))
        features = [_feature(row, fields) for row in rows]
        if not sink.addFeatures(features, QgsFeatureSink.Flag.FastInsert):
            raise QgsProcessingException(self.writeFeatureError(sink, parameters, "OUTPUT"))
        found = {"OUTPUT": target, "COUNT": len(rows), "FAILED": failed}
        plot = self.parameterAsFileOutput(parameters, "PLOT", context)
        if plot:
            title = self.parameterAsString(parameters, "EXPRESSION", context).strip()
            page = page_of(title, in_order([place.id for place in places], list(_values(rows))))
            _write(Path(plot), page)
            found["PLOT"] = plot
        return found


def _touching(scenes: Sequence[Scene], places: Sequence[Place]) -> Iterator[_Task]:
    """Yield the scenes with the places that their footprints touch; without a valid footprint, with all."""
    for scene in scenes:
        try:
            polygons = [[[QgsPointXY(x, y) for x, y in ring] for ring in polygon] for polygon in scene.polygons]
        except ProtocolError:
            polygons = []
        footprint = QgsGeometry.fromMultiPolygonXY(polygons).makeValid()
        touched = [place for place in places if footprint.isEmpty() or footprint.intersects(place.geometry)]
        if touched:
            yield _Task(scene, touched)


def _rows(task: _Task, outcome: Any) -> Iterator[_Row]:
    """Yield the rows of a scene: its values, or why it failed."""
    error = ""
    try:
        acquired: Optional[datetime] = task.scene.acquired
    except ProtocolError:
        acquired = None
    if isinstance(outcome, PlanetVectorError):
        error, outcome = str(outcome), [NOTHING] * len(task.places)
    for place, statistics in zip(task.places, outcome):
        yield _Row(place.id, task.scene.id, acquired, statistics, error)


def _values(rows: Sequence[_Row]) -> Iterator[Tuple[str, Value]]:
    """Yield the values that a chart can show: those with a time."""
    for row in rows:
        if row.acquired is not None:
            spread = row.statistics.std if math.isfinite(row.statistics.std) else 0.0
            yield row.place, Value(row.acquired, row.statistics.mean, spread, row.scene)


def _write(path: Path, page: str) -> None:
    try:
        with complete(path) as temporary:
            temporary.write_text(page, encoding="utf-8")
    except OSError as error:
        raise QgsProcessingException(
            tr("The chart cannot be written to {path}: {reason}.").format(path=path, reason=error.strerror or error)
        ) from None


def _fields(points: bool, keep_going: bool) -> QgsFields:
    names = ("value", "valid") if points else ("mean", "median", "min", "max", "std", "count", "valid")
    values = [(name, QMetaType.Type.Int if name == "count" else _REAL) for name in names]
    all_fields = [("place", _TEXT), ("scene", _TEXT), ("acquired", QMetaType.Type.QDateTime), *values]
    fields = QgsFields()
    for name, kind in [*all_fields, *([("error", _TEXT)] if keep_going else [])]:
        fields.append(new_field(name, kind))
    return fields


def _feature(row: _Row, fields: QgsFields) -> QgsFeature:
    moment = None
    if row.acquired is not None:
        moment = QDateTime.fromString(format_time(row.acquired), Qt.DateFormat.ISODateWithMs)
    points = fields.indexOf("value") >= 0
    found = (row.statistics.mean, row.statistics.valid) if points else row.statistics
    values = [None if math.isnan(each) else each for each in found]  # NULL, not NaN
    feature = QgsFeature(fields)
    feature.setAttributes(
        [row.place, row.scene, moment, *values, *([row.error] if fields.indexOf("error") >= 0 else [])]
    )
    return feature
