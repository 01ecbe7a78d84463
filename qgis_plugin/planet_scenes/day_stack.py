"""The imagery of a search day by day: one raster layer a day, each with its time for QGIS's temporal controller."""

from __future__ import annotations

from datetime import date
from typing import Dict, List, Optional, Sequence, Union

from qgis.core import (
    Qgis,
    QgsDateTimeRange,
    QgsFeedback,
    QgsInterval,
    QgsMapLayer,
    QgsProject,
    QgsRasterLayer,
    QgsTemporalNavigationObject,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QDate, QDateTime, QLocale, Qt, QTime

from planet_scenes import style
from planet_scenes.connection import Connection
from planet_scenes.imagery import TILES, Imagery
from planet_scenes.layers import first_scenes
from planet_scenes.products import Done, adding
from planet_scenes.raster_layers import Prepared, View, layer_of, prepare, shown
from planet_scenes.raster_style import draw_alike
from planet_scenes.tasks import Cancelled, Task
from planet_scenes.texts import tr
from planet_vector.catalog import Catalog
from planet_vector.errors import QueryError
from planet_vector.names import parse_name
from planet_vector.scene import Scene
from planet_vector.workers import Workers

DAY = "planet_scenes/day"
"""Custom property of the raster layers of a day: the day, in UTC, as in ISO 8601."""

MOST_SCENES = 300
"""Maximum number of scenes of a stack: the header of each is read before anything is drawn."""

MOST_DAYS = 100
"""Maximum number of layers of a stack."""

_AT_ONCE = 2  # days; the scenes of each are opened several at once, too


def add_days(
    connection: Connection,
    planet_name: str,
    product: Union[str, Imagery],
    on_done: Done = None,
    below: Optional[QgsVectorLayer] = None,
    view: View = View(),  # noqa: B008 - it cannot be changed
) -> Task:
    """Add all scenes of a search, a raster layer for each day (UTC), in a group below the layer of the search.

    Parameters
    ----------
    connection : Connection
        The service.
    planet_name : str
        The ``PLANET:`` name of the search.
    product : str or Imagery
        A product, or imagery that `offers_of` returned, which all scenes have; not `TILES`.
    on_done : callable, optional
        Called with the layers, the newest first, on the main thread, once they are in the project.
    below : QgsVectorLayer, optional
        The search layer of the scenes.
    view : View
        The current view: pixels within it determine the contrast stretch, which is the same for all days.

    Returns
    -------
    Task
        The running task.

    Raises
    ------
    QueryError
        If the tiles of scenes are asked for.
    """
    catalog = connection.catalog()
    imagery = Imagery.of(product) if isinstance(product, str) else product
    if imagery.name == TILES:
        raise QueryError(tr("Tiles cannot be added day by day: choose a product."))

    def work(feedback: QgsFeedback) -> List[QgsRasterLayer]:
        days = by_day(_scenes_of(catalog, planet_name))

        def prepared(day: date) -> Prepared:
            if feedback.isCanceled():
                raise Cancelled
            return prepare(catalog, connection, days[day], imagery, view, feedback)

        newest_first, found = sorted(days, reverse=True), []
        with Workers(min(_AT_ONCE, catalog.settings.connections)) as pool:
            for day, each in zip(newest_first, pool.map(prepared, newest_first)):
                layer = layer_of(each)
                _give_day(layer, day, days[day], imagery)
                found.append(layer)
                feedback.setProgress(100 * len(found) / len(days))
        return found

    layer_id = below.id() if below is not None else ""

    def done(layers: List[QgsRasterLayer]) -> None:
        draw_alike(layers)
        footprints = QgsProject.instance().mapLayer(layer_id) if layer_id else None
        if isinstance(footprints, QgsVectorLayer):
            style.follow_time(footprints, connection)
        if on_done is not None:
            on_done(layers)

    title = below.name() if below is not None else tr("Planet Scenes")
    group = tr("{layer} day by day: {imagery}").format(layer=title, imagery=shown(imagery))
    return adding(tr("Opening {title}").format(title=group), work, below, done, group, folded=True)


def by_day(scenes: Sequence[Scene]) -> Dict[date, List[Scene]]:
    """Return scenes by the day of their acquisition, in UTC, each day in their order.

    Parameters
    ----------
    scenes : sequence of Scene
        The scenes.

    Raises
    ------
    QueryError
        If there are none, too many days, or a scene has no time.
    """
    found: Dict[date, List[Scene]] = {}
    for scene in scenes:
        if not scene.has_time:
            raise QueryError(tr("Scene {scene} has no time, so it belongs to no day.").format(scene=scene.id))
        found.setdefault(scene.acquired.date(), []).append(scene)
    if not found:
        raise QueryError(tr("The search has no scenes: widen it."))
    if len(found) > MOST_DAYS:
        raise QueryError(
            tr("The scenes are of {count} days, too many to add each (at most {most}): narrow the search.").format(
                count=len(found), most=MOST_DAYS
            )
        )
    return found


def days_of(project: QgsProject) -> Dict[str, List[QgsMapLayer]]:
    """Return the layers of a project that were added day by day, by their day, the oldest first.

    Parameters
    ----------
    project : QgsProject
        The project.
    """
    found: Dict[str, List[QgsMapLayer]] = {}
    for layer in project.mapLayers().values():
        day = layer.customProperty(DAY, "")
        if isinstance(day, str) and QDate.fromString(day, Qt.DateFormat.ISODate).isValid():
            found.setdefault(day, []).append(layer)
    return dict(sorted(found.items()))


def range_of(first: str, last: str) -> QgsDateTimeRange:
    """Return the time from the beginning of a day to the last second of another, in UTC.

    Parameters
    ----------
    first, last : str
        The days, as in ISO 8601.
    """
    begin, end = (QDate.fromString(day, Qt.DateFormat.ISODate) for day in (first, last))
    return QgsDateTimeRange(_midnight(begin), _midnight(end.addDays(1)).addSecs(-1))


def time_of_layer(day: str) -> QgsDateTimeRange:
    """Return the time of the layer of a day, in UTC: the day without its first and last second.

    For QGIS (3.22 to 3.44), the frame of a day overlaps what begins at its end, although the frame does not include
    that: the layer of the next day would be visible, too. Projects store whole seconds, without the ends included.

    Parameters
    ----------
    day : str
        The day, as in ISO 8601.
    """
    span = range_of(day, day)
    return QgsDateTimeRange(span.begin().addSecs(1), span.end())


def day_text(day: str) -> str:
    """Return a day for people, as their language writes it.

    Parameters
    ----------
    day : str
        The day, as in ISO 8601.
    """
    return QLocale().toString(QDate.fromString(day, Qt.DateFormat.ISODate), "d MMM yyyy")


def set_time(project: QgsProject, controller: QgsTemporalNavigationObject, days: Sequence[str]) -> None:
    """Set the time of a project and of the temporal controller: from the first to the last day, a day a frame.

    Parameters
    ----------
    project : QgsProject
        The project.
    controller : QgsTemporalNavigationObject
        The temporal controller of the map.
    days : sequence of str
        The days, the oldest first.
    """
    span, day = range_of(days[0], days[-1]), QgsInterval(0, 0, 0, 1, 0, 0, 0)
    settings = project.timeSettings()
    settings.setTemporalRange(span)
    settings.setTimeStep(day.originalDuration())
    settings.setTimeStepUnit(day.originalUnit())
    controller.setFrameDuration(day)
    controller.setTemporalExtents(span)


def _midnight(day: QDate) -> QDateTime:
    return QDateTime(day, QTime(0, 0), Qt.TimeSpec.UTC)


def _scenes_of(catalog: Catalog, planet_name: str) -> List[Scene]:
    _, scenes = first_scenes(catalog, parse_name(planet_name), MOST_SCENES)
    if len(scenes) > MOST_SCENES:
        raise QueryError(
            tr("The search has more than {most} scenes, too many to add day by day: narrow it.").format(
                most=MOST_SCENES
            )
        )
    return scenes


def _give_day(layer: QgsRasterLayer, day: date, scenes: Sequence[Scene], imagery: Imagery) -> None:
    """Give a layer its day: in its name, its temporal properties, and a custom property."""
    text = day.isoformat()
    what = scenes[0].id if len(scenes) == 1 else tr("{count} scenes").format(count=len(scenes))
    layer.setName(f"{day_text(text)} {shown(imagery)} – {what}")
    layer.setCustomProperty(DAY, text)
    time = layer.temporalProperties()
    time.setMode(Qgis.RasterTemporalMode.FixedTemporalRange)
    time.setFixedTemporalRange(time_of_layer(text))
    time.setIsActive(True)
