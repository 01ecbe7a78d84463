"""Dock with a second map beside the first: the same ground at another date, or another layer."""

from __future__ import annotations

from typing import Any, List

from qgis.core import QgsDateTimeRange, QgsMapLayer, QgsPointXY, QgsProject, QgsRectangle
from qgis.gui import QgisInterface, QgsDockWidget, QgsMapCanvas, QgsMapToolPan
from qgis.PyQt.QtCore import QDateTime, QSize, QTimer
from qgis.PyQt.QtWidgets import QComboBox, QLabel, QVBoxLayout, QWidget

from planet_scenes.area_tool import take_away
from planet_scenes.day_stack import DAY, day_text, days_of, range_of
from planet_scenes.place_tool import cross, show_cross
from planet_scenes.raster_layers import is_ours
from planet_scenes.texts import tr
from planet_scenes.time_slider import TimeSlider
from planet_scenes.widgets import row_of

_DAY, _LAYER = "day:", "layer:"  # kinds of the data of a choice
_SMALLEST = 200  # pixels
_ALWAYS = QgsDateTimeRange(QDateTime(), QDateTime())


class CompareDock(QgsDockWidget):
    """Dock with a map that shows the ground of QGIS's map, at the same scale, at a day or with a layer of its own.

    Panning and zooming in one map moves the other, and the place under the mouse is marked in the other. The day of
    QGIS's map is that of the time slider of the panel.

    Parameters
    ----------
    iface : QgisInterface
        The QGIS application.
    time : TimeSlider
        The time slider of the panel.
    """

    def __init__(self, iface: QgisInterface, time: TimeSlider) -> None:
        super().__init__(tr("Compare"), iface.mainWindow())
        self.setObjectName("PlanetScenesCompareDock")
        self._main, self._time = iface.mapCanvas(), time
        self._project = QgsProject.instance()
        self._moving = False
        self._size = QSize()
        self.canvas = QgsMapCanvas()
        self.canvas.setObjectName("PlanetScenesCompareCanvas")
        self.canvas.setMinimumSize(_SMALLEST, _SMALLEST)
        self.canvas.enableAntiAliasing(True)
        self.canvas.setProject(self._project)
        self.canvas.setCanvasColor(self._main.canvasColor())
        self._pan = QgsMapToolPan(self.canvas)
        self.canvas.setMapTool(self._pan)
        self._marks = {self._main: cross(self._main), self.canvas: cross(self.canvas)}
        self.left, self.right = QComboBox(), QComboBox()
        self.left.setToolTip(tr("Day shown on the map of QGIS"))
        self.right.setToolTip(tr("Day or layer shown here"))
        for choice in (self.left, self.right):
            choice.setAccessibleName(choice.toolTip())
            choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            choice.setMinimumContentsLength(10)
        content = QWidget()
        column = QVBoxLayout(content)
        # Below each other: side by side they would be wider than the room in a narrow window.
        column.addWidget(_labelled(tr("Map:"), self.left))
        column.addWidget(_labelled(tr("Here:"), self.right))
        column.addWidget(self.canvas, 1)
        self.setWidget(content)
        self.left.activated.connect(self._choose_left)
        self.right.activated.connect(self._show)
        self._links = (
            (self._main.extentsChanged, self._from_main),
            (self._main.layersChanged, self._show),
            (self._main.destinationCrsChanged, self._take_crs),
            (self._main.temporalRangeChanged, self._timed),
            (self._main.xyCoordinates, self._over_main),
            (self.canvas.extentsChanged, self._from_here),
            (self.canvas.xyCoordinates, self._over_here),
            (self._project.layersAdded, self._fill),
            (self._project.layersRemoved, self._fill),
        )
        for signal, call in self._links:
            signal.connect(call)
        self._take_crs()
        self._fill()
        self._choose_apart()

    def close_down(self) -> None:
        """Disconnect from the map, and remove the dock's items from it."""
        for signal, call in self._links:
            signal.disconnect(call)
        self.canvas.stopRendering()
        for canvas, mark in self._marks.items():
            take_away(canvas, mark)
        self.canvas.setLayers([])

    def resizeEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Keep the scale of the map.

        Parameters
        ----------
        event : QResizeEvent
            The event.
        """
        super().resizeEvent(event)
        QTimer.singleShot(0, self._from_main)  # the canvas has its size after the layout

    def closeEvent(self, event: Any) -> None:  # noqa: N802
        """Hide the marks.

        Parameters
        ----------
        event : QCloseEvent
            The event.
        """
        for mark in self._marks.values():
            mark.hide()
        super().closeEvent(event)

    # ---- what is shown -----------------------------------------------------------------------------------------

    def _fill(self, *_: object) -> None:
        """Offer the days and layers of the project, and keep the choices as far as they remain."""
        days = [(day_text(day), f"{_DAY}{day}") for day in reversed(list(days_of(self._project)))]
        layers = [
            (layer.name(), f"{_LAYER}{layer.id()}")
            for layer in sorted(self._project.mapLayers().values(), key=lambda layer: str(layer.name()))
            if is_ours(layer) and not layer.customProperty(DAY)
        ]
        for choice, first, offered in (
            (self.left, tr("All days"), days),
            (self.right, tr("As on the map"), [*days, *layers]),
        ):
            before = choice.currentData()
            choice.clear()
            choice.addItem(first, "")
            for text, data in offered:
                choice.addItem(text, data)
            choice.setCurrentIndex(max(0, choice.findData(before)))
        self._timed()
        self._show()

    def _choose_apart(self) -> None:
        """Choose two dates: the newest on the map, unless it shows a certain day, and the oldest here."""
        days = list(days_of(self._project))
        if len(days) > 1:
            if not self.left.currentData():
                self._time.show_day(days[-1])
            other = days[0] if self.left.currentData() != f"{_DAY}{days[0]}" else days[-1]
            self.right.setCurrentIndex(self.right.findData(f"{_DAY}{other}"))
            self._show()

    def _choose_left(self, *_: object) -> None:
        data = self.left.currentData()
        if data:
            self._time.show_day(data[len(_DAY) :])
        else:
            self._time.show_all()

    def _timed(self) -> None:
        """Show the day of the map, which the temporal controller may have changed."""
        day = self._time.day()
        self.left.setCurrentIndex(max(0, self.left.findData(f"{_DAY}{day}") if day else 0))
        if not self.right.currentData():
            self.canvas.setTemporalRange(self._main.temporalRange())

    def _show(self, *_: object) -> None:
        data = self.right.currentData() or ""
        layer = self._project.mapLayer(data[len(_LAYER) :]) if data.startswith(_LAYER) else None
        shown = self._main.layers() if layer is None else with_imagery(self._main.layers(), layer)
        if data.startswith(_DAY):
            day = data[len(_DAY) :]
            self.canvas.setTemporalRange(range_of(day, day))
        else:
            self.canvas.setTemporalRange(_ALWAYS if layer is not None else self._main.temporalRange())
        self.canvas.setLayers(shown)

    # ---- linked maps -------------------------------------------------------------------------------------------

    def _take_crs(self) -> None:
        self._moving = True  # the user did not choose the extent in the other system
        self.canvas.setDestinationCrs(self._main.mapSettings().destinationCrs())
        self._moving = False
        self._from_main()

    def _from_main(self) -> None:
        self._move(self._main, self.canvas)

    def _from_here(self) -> None:
        size = self.canvas.size()
        if size != self._size:  # its extent has changed with its size, not by the user
            self._size = size
            self._from_main()
        else:
            self._move(self.canvas, self._main)

    def _move(self, leader: QgsMapCanvas, follower: QgsMapCanvas) -> None:
        """Show the middle of a map in the other, at the same scale: their shapes differ."""
        scale = leader.mapUnitsPerPixel()
        if self._moving or not self.isVisible() or scale <= 0:
            return
        self._moving = True
        try:
            size = follower.mapSettings().outputSize()
            follower.setExtent(
                QgsRectangle.fromCenterAndSize(leader.extent().center(), scale * size.width(), scale * size.height())
            )
            follower.refresh()
        finally:
            self._moving = False

    def _over_main(self, point: QgsPointXY) -> None:
        self._mark(self._main, self.canvas, point)

    def _over_here(self, point: QgsPointXY) -> None:
        self._mark(self.canvas, self._main, point)

    def _mark(self, here: QgsMapCanvas, there: QgsMapCanvas, point: QgsPointXY) -> None:
        self._marks[here].hide()
        if self.isVisible():
            show_cross(self._marks[there], point)


def with_imagery(layers: List[QgsMapLayer], layer: QgsMapLayer) -> List[QgsMapLayer]:
    """Return the layers of a map with one layer in place of all imagery of this plugin.

    Parameters
    ----------
    layers : list of QgsMapLayer
        The layers, the topmost first.
    layer : QgsMapLayer
        The layer to show.
    """
    found: List[QgsMapLayer] = []
    for each in layers:
        if not is_ours(each):
            found.append(each)
        elif layer not in found:
            found.append(layer)
    return found if layer in found else [layer, *found]


def _labelled(text: str, choice: QComboBox) -> QWidget:
    label = QLabel(text)
    label.setBuddy(choice)
    made = row_of(label, choice)
    made.layout().setStretch(0, 0)
    made.layout().setStretch(1, 1)
    return made
