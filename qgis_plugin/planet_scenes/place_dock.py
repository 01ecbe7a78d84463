"""Dock with all scenes at a place, by date, as pictures of that place."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import List, NamedTuple, Optional

from qgis.core import QgsCoordinateTransform, QgsCsException, QgsFeedback, QgsPointXY, QgsProject
from qgis.gui import QgisInterface, QgsDockWidget, QgsMapTool
from qgis.PyQt import sip
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QCheckBox, QComboBox, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from planet_scenes import core
from planet_scenes.area_tool import take_away
from planet_scenes.chip_list import Chips, ChipsView
from planet_scenes.chips import Place
from planet_scenes.connection import Connection
from planet_scenes.icons import icon
from planet_scenes.layers import query_of
from planet_scenes.place_tool import PickPlace, cross, show_cross
from planet_scenes.polygons import WGS84
from planet_scenes.results import Entry
from planet_scenes.tasks import Cancelled, Task
from planet_scenes.texts import tr
from planet_scenes.widgets import button, row_of
from planet_vector.catalog import Catalog
from planet_vector.errors import PlanetVectorError, QueryError
from planet_vector.geometry.boxes import Box
from planet_vector.names import Name, parse_name
from planet_vector.scene import Scene

MOST = 500
"""Maximum number of scenes listed."""

_WIDTHS = 250, 500, 1000, 2000, 5000, 10_000  # metres
_USUAL = 1000


class Asked(NamedTuple):
    """A search to list at a place: its connection and its ``PLANET:`` name."""

    connection: Connection
    name: str


class Found(NamedTuple):
    """Scenes at a place, and whether there are more."""

    entries: List[Entry]
    more: bool


class PlaceDock(QgsDockWidget):
    """Dock with the scenes of a search at a place that the user clicks, the newest first.

    The service is asked for the scenes there, in place of the search's own area. The pictures are cut in the background
    as far as they are in view; closing the dock cancels them.

    Parameters
    ----------
    iface : QgisInterface
        The QGIS application.
    """

    chosen = pyqtSignal(object, object)
    """Emitted with a `Connection` and a list of its scenes to add to the map."""

    wanted = pyqtSignal()
    """Emitted when another place is wanted, with the search that the panel has by then."""

    failed = pyqtSignal(object)
    """Emitted with the error of a search."""

    def __init__(self, iface: QgisInterface) -> None:
        super().__init__(tr("Scenes at a place"), iface.mainWindow())
        self.setObjectName("PlanetScenesPlaceDock")
        self._iface, self._canvas = iface, iface.mapCanvas()
        self._asked: Optional[Asked] = None
        self._place: Optional[Place] = None
        self._task: Optional[Task] = None
        self._before: Optional[QgsMapTool] = None
        self._tool = PickPlace(self._canvas)
        self._mark = cross(self._canvas)
        self.said = QLabel(tr("Click a place on the map."))
        self.said.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.all = QCheckBox(tr("All of the collection"))
        self.all.setToolTip(tr("List all scenes of the collection there, not only those that match the search"))
        self.width_choice = QComboBox()
        self.width_choice.setToolTip(tr("Width of the pictures on the ground"))
        self.width_choice.setAccessibleName(self.width_choice.toolTip())
        for metres in _WIDTHS:
            self.width_choice.addItem(f"{metres} m" if metres < 1000 else f"{metres // 1000} km", metres)
        self.width_choice.setCurrentIndex(_WIDTHS.index(_USUAL))
        self.pick_button = button("place", tr("Choose another place on the map"), tr("Place"))
        self.add_button = QPushButton(icon("product"), tr("Add to the map"))
        self.add_button.setToolTip(tr("Add the imagery of the selected scenes; a double click adds one"))
        self.chips = Chips(self)
        self.list = ChipsView(self.chips)
        content = QWidget()
        column = QVBoxLayout(content)
        column.addWidget(row_of(self.said, self.pick_button))
        column.addWidget(row_of(self.all, self.width_choice, self.add_button))
        column.addWidget(self.list, 1)
        self.setWidget(content)
        self._tool.picked.connect(self.look)
        self._tool.refused.connect(self._put_down)
        self.all.toggled.connect(self._again)
        self.width_choice.currentIndexChanged.connect(self._widen)
        self.pick_button.clicked.connect(lambda *_: self.wanted.emit())
        self.add_button.clicked.connect(lambda: self._choose(self.list.selected()))
        self.list.doubleClicked.connect(lambda index: self._choose(self.list.selected()))
        self.list.selectionModel().selectionChanged.connect(self._enable)
        self.chips.modelReset.connect(self._enable)
        self.closed.connect(self._stop)
        self._enable()

    def ask(self, asked: Asked) -> None:
        """Let the user choose a place for a search.

        Parameters
        ----------
        asked : Asked
            The search.
        """
        self._asked = asked
        self.setUserVisible(True)
        self._pick_up()

    def look(self, point: QgsPointXY) -> None:
        """List the scenes at a place.

        Parameters
        ----------
        point : QgsPointXY
            The place, in the coordinate system of the map.
        """
        self._put_down()
        try:
            self._place = self._place_at(point)
        except PlanetVectorError as error:
            self._fail(error)
            return
        show_cross(self._mark, point)
        self._again()

    def close_down(self) -> None:
        """Stop all tasks, and remove the dock's items and tool from the map."""
        self.closed.disconnect(self._stop)
        self._stop()
        take_away(self._canvas, self._mark)
        self._tool.deleteLater()

    # ---- the map -----------------------------------------------------------------------------------------------

    def _pick_up(self) -> None:
        self.said.setText(tr("Click a place on the map."))
        if self._canvas.mapTool() is not self._tool:
            self._before = self._canvas.mapTool()
        self._canvas.setMapTool(self._tool)

    def _put_down(self) -> None:
        """Give the user's own tool back."""
        if self._canvas.mapTool() is self._tool:
            self._canvas.unsetMapTool(self._tool)
            if self._before is not None and not sip.isdeleted(self._before):
                self._canvas.setMapTool(self._before)
        self._before = None

    def _stop(self) -> None:
        self._put_down()
        self._mark.hide()
        self._cancel()
        self._place = None
        self.chips.show(None, [], Place(0, 0, 0))

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    # ---- the service -------------------------------------------------------------------------------------------

    def _again(self, *_: object) -> None:
        """Ask the service for the scenes at the place."""
        asked, place = self._asked, self._place
        if asked is None or place is None:
            return
        self._cancel()
        self.chips.show(None, [], place)
        try:
            catalog = asked.connection.catalog()
        except PlanetVectorError as error:
            self._fail(error)
            return
        name = name_at(asked.name, place, self.all.isChecked())
        self.said.setText(tr("Searching"))

        def done(found: Found) -> None:
            self._task = None
            self.chips.show(catalog, found.entries, self._place or place)  # another width may have been chosen
            self._say(found, place)

        self._task = Task.start(
            tr("Looking for the scenes at a place"),
            lambda feedback: scenes_at(catalog, name, feedback),
            done,
            self._fail,
        )

    def _widen(self, *_: object) -> None:
        """Cut the pictures again, in another width."""
        if self._place is not None:
            self._place = self._place._replace(metres=self.width_choice.currentData())
            self.chips.cut(self._place)

    def _fail(self, error: BaseException) -> None:
        self._task = None
        self.said.setText(core.errors_told(error))
        self.failed.emit(error)

    def _place_at(self, point: QgsPointXY) -> Place:
        """Return a place of the map in degrees.

        Raises
        ------
        QueryError
            If it is not on the globe.
        """
        crs = self._canvas.mapSettings().destinationCrs()
        try:
            there = QgsCoordinateTransform(crs, WGS84, QgsProject.instance()).transform(point)
        except QgsCsException:
            there = QgsPointXY(math.nan, math.nan)
        if not (math.isfinite(there.x()) and abs(there.y()) <= 90):
            raise QueryError(tr("The place is not on the globe: click another one."))
        return Place(round((there.x() + 180) % 360 - 180, 6), round(there.y(), 6), self.width_choice.currentData())

    def _say(self, found: Found, place: Place) -> None:
        count = len(found.entries)
        text = tr("the first {count} scenes") if found.more else tr("{count} scenes")
        where = tr("latitude {latitude:.4f}, longitude {longitude:.4f}").format(
            latitude=place.latitude, longitude=place.longitude
        )
        self.said.setText(f"{text.format(count=count)} – {where}")
        self.said.setToolTip(self.said.text())

    # ---- the chips ---------------------------------------------------------------------------------------------

    def _choose(self, scenes: List[Scene]) -> None:
        if scenes and self._asked is not None:
            self.chosen.emit(self._asked.connection, scenes)

    def _enable(self, *_: object) -> None:
        self.add_button.setEnabled(bool(self.list.selected()))


def name_at(planet_name: str, place: Place, everything: bool) -> Name:
    """Return the name of a search with a place as its area, and without its limit.

    Parameters
    ----------
    planet_name : str
        The ``PLANET:`` name of the search.
    place : Place
        The place.
    everything : bool
        Whether to leave out its filters, too.
    """
    name = parse_name(planet_name)
    kept = name.without(["bbox", "intersects", "limit"]).parameters
    if everything:
        kept = tuple((key, value) for key, value in kept if key in ("api_url", "connection"))
    point = Box(place.longitude, place.latitude, place.longitude, place.latitude).wkt()
    return replace(name, parameters=(*kept, ("intersects", point)))


def scenes_at(catalog: Catalog, name: Name, feedback: QgsFeedback) -> Found:
    """Return the scenes of a search, at most `MOST`, the newest first; call this in a worker.

    Parameters
    ----------
    catalog : Catalog
        The client of the service.
    name : Name
        The search, as `name_at` returns it.
    feedback : QgsFeedback
        Can cancel.

    Raises
    ------
    Cancelled
        If the user cancels.
    ServiceError
        If the service reports an error.
    """
    query = query_of(str(name))
    entries: List[Entry] = []
    for page in catalog.pages(query):
        if feedback.isCanceled():
            raise Cancelled
        entries += [Entry.of(Scene(feature, query.schema, catalog)) for feature in page]
        if len(entries) > MOST:
            break
    return Found(sorted(entries[:MOST], key=lambda entry: entry.scene.acquired, reverse=True), len(entries) > MOST)
