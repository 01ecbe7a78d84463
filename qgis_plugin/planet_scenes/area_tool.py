"""Map tool that draws a box or a polygon, and the rubber bands that show areas."""

from __future__ import annotations

from typing import Any, List

from qgis.core import QgsGeometry, QgsPointXY, QgsRectangle, QgsWkbTypes
from qgis.gui import QgsMapCanvas, QgsMapCanvasItem, QgsMapTool, QgsRubberBand
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor


class Draw(QgsMapTool):
    """Map tool to draw a box by two clicks or a drag, or a polygon by clicks.

    Parameters
    ----------
    canvas : QgsMapCanvas
        The map canvas.
    polygon : bool
        Draw a polygon instead of a box.
    colour : QColor
        Colour of the drawn shape.
    """

    drawn = pyqtSignal(QgsGeometry)
    """Emitted with the geometry, in the coordinate system of the map."""

    refused = pyqtSignal()
    """Emitted when the user presses Escape."""

    def __init__(self, canvas: QgsMapCanvas, polygon: bool, colour: QColor) -> None:
        super().__init__(canvas)
        self._polygon = polygon
        self._points: List[QgsPointXY] = []
        self._band = band(canvas, colour)
        self.setCursor(Qt.CursorShape.CrossCursor)

    def canvasPressEvent(self, event: Any) -> None:
        """Set a corner; a right click closes the polygon.

        Parameters
        ----------
        event : QgsMapMouseEvent
            The event.
        """
        here = self.toMapCoordinates(event.pos())
        if event.button() == Qt.MouseButton.RightButton:
            if self._polygon and len(self._points) > 2:
                self.drawn.emit(QgsGeometry.fromPolygonXY([self._points]))
        elif self._polygon or not self._points:
            self._points.append(here)

    def canvasMoveEvent(self, event: Any) -> None:
        """Show the shape up to the cursor.

        Parameters
        ----------
        event : QgsMapMouseEvent
            The event.
        """
        if self._points:
            self._band.setToGeometry(self._shape(self.toMapCoordinates(event.pos())), None)

    def canvasReleaseEvent(self, event: Any) -> None:
        """Finish a box at the end of a drag.

        Parameters
        ----------
        event : QgsMapMouseEvent
            The event.
        """
        here = self.toMapCoordinates(event.pos())
        if not self._polygon and self._points and here.x() != self._points[0].x() and here.y() != self._points[0].y():
            self.drawn.emit(self._shape(here))

    def keyPressEvent(self, event: Any) -> None:
        """Cancel drawing when Escape is pressed.

        Parameters
        ----------
        event : QKeyEvent
            The event.
        """
        if event.key() == Qt.Key.Key_Escape:
            event.accept()
            self.refused.emit()

    def clear(self) -> None:
        """Remove the unfinished shape from the map."""
        self._points = []
        take_away(self.canvas(), self._band)

    def _shape(self, here: QgsPointXY) -> QgsGeometry:
        if self._polygon:
            return QgsGeometry.fromPolygonXY([[*self._points, here]])
        return QgsGeometry.fromRect(QgsRectangle(self._points[0], here))


def band(canvas: QgsMapCanvas, colour: QColor) -> QgsRubberBand:
    """Return a rubber band for polygons: an outline only, as a fill would tint the imagery inside.

    Parameters
    ----------
    canvas : QgsMapCanvas
        The map canvas.
    colour : QColor
        Colour of the outline.
    """
    made = QgsRubberBand(canvas, QgsWkbTypes.GeometryType.PolygonGeometry)
    made.setStrokeColor(colour)
    made.setFillColor(QColor(Qt.GlobalColor.transparent))
    made.setWidth(2)
    return made


def take_away(canvas: QgsMapCanvas, made: QgsMapCanvasItem) -> None:
    """Remove an item from its canvas permanently.

    Parameters
    ----------
    canvas : QgsMapCanvas
        The map canvas.
    made : QgsMapCanvasItem
        The item, such as a rubber band.
    """
    scene = canvas.scene()
    if made in scene.items():
        scene.removeItem(made)
