"""Dock with a second map beside the first: the same ground at another date, or another layer."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsPointXY, QgsProject, QgsRectangle
from qgis.gui import QgisInterface, QgsDockWidget, QgsMapCanvas, QgsMapToolPan
from qgis.PyQt.QtCore import QSize, QTimer
from qgis.PyQt.QtWidgets import QComboBox, QLabel, QVBoxLayout, QWidget

from planet_scenes.area_tool import take_away
from planet_scenes.compare_choices import CompareChoices
from planet_scenes.place_tool import cross, show_cross
from planet_scenes.texts import tr
from planet_scenes.time_slider import TimeSlider
from planet_scenes.widgets import row_of

_SMALLEST = 200  # pixels


class CompareDock(QgsDockWidget):
    """Dock with a map that shows the ground of QGIS's map, at the same scale, at a day or with a layer of its own.

    Panning and zooming in one map moves the other, and the place under the mouse is marked in the other.

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
        self._main = iface.mapCanvas()
        self._moving = False
        self._size = QSize()
        self.canvas = QgsMapCanvas()
        self.canvas.setObjectName("PlanetScenesCompareCanvas")
        self.canvas.setMinimumSize(_SMALLEST, _SMALLEST)
        self.canvas.enableAntiAliasing(True)
        self.canvas.setProject(QgsProject.instance())
        self.canvas.setCanvasColor(self._main.canvasColor())
        self._pan = QgsMapToolPan(self.canvas)
        self.canvas.setMapTool(self._pan)
        self._marks = {self._main: cross(self._main), self.canvas: cross(self.canvas)}
        self.choices = CompareChoices(self._main, time, tr("Day or layer shown here"))
        self.left, self.right = self.choices.left, self.choices.right
        content = QWidget()
        column = QVBoxLayout(content)
        # Below each other: side by side they would be wider than the room in a narrow window.
        column.addWidget(_labelled(tr("Map:"), self.left))
        column.addWidget(_labelled(tr("Here:"), self.right))
        column.addWidget(self.canvas, 1)
        self.setWidget(content)
        self.choices.changed.connect(self._show)
        self._links = (
            (self._main.extentsChanged, self._from_main),
            (self._main.destinationCrsChanged, self._take_crs),
            (self._main.xyCoordinates, self._over_main),
            (self.canvas.extentsChanged, self._from_here),
            (self.canvas.xyCoordinates, self._over_here),
        )
        for signal, call in self._links:
            signal.connect(call)
        self._take_crs()
        self._show()

    def close_down(self) -> None:
        """Disconnect from the map, and remove the dock's items from it."""
        for signal, call in self._links:
            signal.disconnect(call)
        self.choices.close_down()
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

    def _show(self) -> None:
        layers, time = self.choices.second()
        self.canvas.setTemporalRange(time)
        self.canvas.setLayers(layers)

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


def _labelled(text: str, choice: QComboBox) -> QWidget:
    label = QLabel(text)
    label.setBuddy(choice)
    made = row_of(label, choice)
    made.layout().setStretch(0, 0)
    made.layout().setStretch(1, 1)
    return made
