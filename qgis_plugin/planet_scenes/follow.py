"""Search layer that follows the map: shows the scenes in view, up to a maximum, once the map rests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple, Optional, Tuple

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.gui import QgisInterface
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from planet_scenes import core, layers, messages, style
from planet_scenes.connection import Connection
from planet_scenes.tasks import Task
from planet_scenes.texts import tr
from planet_vector.errors import PlanetVectorError
from planet_vector.geometry.boxes import Box
from planet_vector.names import Name, parse_name

_REST = 400  # milliseconds without a movement
_AROUND = 0.25  # share of the view added to each side, so that small movements need no request


class _Found(NamedTuple):
    """Scenes of a view: the name that shows them, their box, how many are shown and how many there are."""

    name: str
    box: Box
    shown: int
    total: int
    layer: Optional[QgsVectorLayer]


class FollowMap(QObject):
    """Shows the scenes of a search that are in view.

    Parameters
    ----------
    iface : QgisInterface
        The QGIS application whose map is followed.
    connection : Connection
        The service.
    planet_name : str
        The search; the map extent replaces its own area.
    cap : int
        Maximum number of scenes shown, the first in the order of the search.
    title : str
        Name of the layer.
    """

    told = pyqtSignal(int, int)
    """Emitted with the number of scenes shown and the number in view."""

    ended = pyqtSignal()
    """Emitted when following has ended: it was stopped, or the layer was removed."""

    def __init__(
        self, iface: QgisInterface, connection: Connection, planet_name: str, cap: int = 500, title: str = ""
    ) -> None:
        super().__init__()
        self.layer: Optional[QgsVectorLayer] = None
        self._canvas = iface.mapCanvas()
        self._connection = connection
        self._name = _without_area(planet_name)
        self._cap = cap
        self._title = title or tr("Scenes in view")
        self._known: Optional[_Found] = None
        self._task: Optional[Task] = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REST)
        self._timer.timeout.connect(self._look)
        self.active = False

    def start(self) -> None:
        """Start following the map."""
        if not self.active:
            self.active = True
            self._canvas.extentsChanged.connect(self._timer.start)
            self._look()

    def search(self, planet_name: str) -> None:
        """Show another search in the same layer; a search of another scene type stops following.

        Parameters
        ----------
        planet_name : str
            The ``PLANET:`` name of the search.
        """
        name = _without_area(planet_name)
        if name.collection != self._name.collection:
            self.stop()
        elif name != self._name:
            self._name, self._known = name, None
            self._timer.start()

    def stop(self) -> None:
        """Stop following; the layer stays unchanged."""
        if self.active:
            self.active = False
            if self.layer is not None and not sip.isdeleted(self.layer):
                self.layer.willBeDeleted.disconnect(self.stop)
            self._timer.stop()
            self._canvas.extentsChanged.disconnect(self._timer.start)
            if self._task is not None:
                self._task.cancel()
                self._task = None
            self.ended.emit()

    def _look(self) -> None:
        view = self._view()
        known = self._known
        if view is None or (known is not None and known.shown == known.total and known.box.contains(view)):
            return
        if self._task is not None:
            self._task.cancel()
        try:
            catalog = self._connection.catalog()
        except PlanetVectorError as error:  # report once, not at every movement of the map
            messages.tell(core.errors_told(error), Qgis.MessageLevel.Warning)
            self.stop()
            return
        wide, first = _widened(view), self.layer is None

        def work(feedback: Any) -> _Found:
            name = self._named(wide)
            query = layers.query_of(name)
            count = catalog.count(query)
            if count is None:  # the service does not count: only find out whether more than the cap match
                count = sum(map(len, catalog.pages(replace(query, limit=self._cap + 1))))
            if count > self._cap:
                name = self._named(wide, self._cap)
            if first:
                layer: Optional[QgsVectorLayer] = layers.open_search(name, self._title)
            else:
                layers.prefetch(name)
                layer = None
            return _Found(name, wide, min(count, self._cap), count, layer)

        self._task = Task.start(tr("Looking for the scenes in view"), work, self._show)

    def _show(self, found: _Found) -> None:
        self._task = None
        if not self.active:
            return
        self._known = found
        if found.layer is not None:
            self.layer = found.layer
            self.layer.willBeDeleted.connect(self.stop)  # the user removes it
            style.dress(self.layer, self._connection)
            QgsProject.instance().addMapLayer(self.layer)
        elif self.layer is not None and not sip.isdeleted(self.layer):
            self.layer.setCustomProperty(layers.NAME, found.name)
            layers.reopen(self.layer, found.name)
        self.told.emit(found.shown, found.total)

    def _named(self, box: Box, limit: Optional[int] = None) -> str:
        more: Tuple[Tuple[str, str], ...] = (("bbox", str(box)),)
        if limit is not None:
            more += (("limit", str(limit)),)
        return str(Name(self._name.collection, parameters=(*self._name.parameters, *more)))

    def _view(self) -> Optional[Box]:
        """Return the extent of the map in degrees, or None if it has none."""
        there = QgsCoordinateReferenceSystem("EPSG:4326")
        transform = QgsCoordinateTransform(
            self._canvas.mapSettings().destinationCrs(), there, QgsProject.instance().transformContext()
        )
        try:
            extent = transform.transformBoundingBox(self._canvas.extent())
        except QgsCsException:  # the extent exceeds the globe
            extent = QgsRectangle(-180, -90, 180, 90)
        box = Box.on_globe(extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum())
        return box if box is not None and box.west < box.east and box.south < box.north else None


def _without_area(planet_name: str) -> Name:
    return parse_name(planet_name).without(["bbox", "intersects", "limit"])


def _widened(box: Box) -> Box:
    """Return an enlarged box, rounded so that the name stays short."""
    x, y = (box.east - box.west) * _AROUND, (box.north - box.south) * _AROUND
    return Box(
        max(-180.0, round(box.west - x, 6)),
        max(-90.0, round(box.south - y, 6)),
        min(180.0, round(box.east + x, 6)),
        min(90.0, round(box.north + y, 6)),
    )
