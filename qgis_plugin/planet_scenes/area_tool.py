"""Drawing on the map: the tool for a box or a polygon, and the bands that show areas."""

from __future__ import annotations

from typing import Any, List

from qgis.core import QgsGeometry, QgsPointXY, QgsRectangle, QgsWkbTypes
from qgis.gui import QgsMapCanvas, QgsMapTool, QgsRubberBand
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor


class Draw(QgsMapTool):
    """Draw a box by two clicks or a drag, or a polygon by clicks.

    Parameters
    ----------
    canvas : QgsMapCanvas
        The map.
    polygon : bool
        A polygon, not a box.
    colour : QColor
        Of what is drawn.
    """

    drawn = pyqtSignal(QgsGeometry)
    """In the system of the map."""

    refused = pyqtSignal()
    """The user has pressed Escape."""

    def __init__(self, canvas: QgsMapCanvas, polygon: bool, colour: QColor) -> None:
        super().__init__(canvas)
        self._polygon = polygon
        self._points: List[QgsPointXY] = []
        self._band = band(canvas, colour)
        self.setCursor(Qt.CursorShape.CrossCursor)

    def canvasPressEvent(self, event: Any) -> None:
        here = self.toMapCoordinates(event.pos())
        if event.button() == Qt.MouseButton.RightButton:
            if self._polygon and len(self._points) > 2:
                self.drawn.emit(QgsGeometry.fromPolygonXY([self._points]))
        elif self._polygon or not self._points:
            self._points.append(here)

    def canvasMoveEvent(self, event: Any) -> None:
        if self._points:
            self._band.setToGeometry(self._shape(self.toMapCoordinates(event.pos())), None)

    def canvasReleaseEvent(self, event: Any) -> None:
        here = self.toMapCoordinates(event.pos())
        if not self._polygon and self._points and here.x() != self._points[0].x() and here.y() != self._points[0].y():
            self.drawn.emit(self._shape(here))

    def keyPressEvent(self, event: Any) -> None:
        if event.key() == Qt.Key.Key_Escape:
            event.accept()
            self.refused.emit()

    def clear(self) -> None:
        """Take what is half drawn off the map."""
        self._points = []
        take_away(self.canvas(), self._band)

    def _shape(self, here: QgsPointXY) -> QgsGeometry:
        if self._polygon:
            return QgsGeometry.fromPolygonXY([[*self._points, here]])
        return QgsGeometry.fromRect(QgsRectangle(self._points[0], here))


def band(canvas: QgsMapCanvas, colour: QColor) -> QgsRubberBand:
    """Return a band for polygons on a map."""
    made = QgsRubberBand(canvas, QgsWkbTypes.GeometryType.PolygonGeometry)
    made.setColor(colour)
    fill = QColor(colour)
    fill.setAlpha(30)
    made.setFillColor(fill)
    made.setWidth(2)
    return made


def take_away(canvas: QgsMapCanvas, made: QgsRubberBand) -> None:
    """Take a band off its map for good."""
    scene = canvas.scene()
    if made in scene.items():
        scene.removeItem(made)
