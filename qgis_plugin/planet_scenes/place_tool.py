"""Map tool to choose a place by a click, and the mark that shows it."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsPointXY
from qgis.gui import QgsMapCanvas, QgsMapTool, QgsVertexMarker
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor

_COLOUR = QColor("#e31a1c")
_SIZE, _WIDTH = 16, 3  # pixels


class PickPlace(QgsMapTool):
    """Map tool to choose a place by a click.

    Parameters
    ----------
    canvas : QgsMapCanvas
        The map canvas.
    """

    picked = pyqtSignal(QgsPointXY)
    """Emitted with the place, in the coordinate system of the map."""

    refused = pyqtSignal()
    """Emitted when the user presses Escape."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self.setCursor(Qt.CursorShape.CrossCursor)

    def canvasReleaseEvent(self, event: Any) -> None:
        """Choose the place of a click.

        Parameters
        ----------
        event : QgsMapMouseEvent
            The event.
        """
        if event.button() == Qt.MouseButton.LeftButton:
            self.picked.emit(self.toMapCoordinates(event.pos()))

    def keyPressEvent(self, event: Any) -> None:
        """Give up when Escape is pressed.

        Parameters
        ----------
        event : QKeyEvent
            The event.
        """
        if event.key() == Qt.Key.Key_Escape:
            event.accept()
            self.refused.emit()


def cross(canvas: QgsMapCanvas) -> QgsVertexMarker:
    """Return a hidden cross, to mark a place on a map.

    Parameters
    ----------
    canvas : QgsMapCanvas
        The map canvas.
    """
    made = QgsVertexMarker(canvas)
    made.setIconType(QgsVertexMarker.IconType.ICON_CROSS)
    made.setIconSize(_SIZE)
    made.setPenWidth(_WIDTH)
    made.setColor(_COLOUR)
    made.hide()
    return made


def show_cross(marker: QgsVertexMarker, point: QgsPointXY) -> None:
    """Show a cross at a place.

    Parameters
    ----------
    marker : QgsVertexMarker
        The cross.
    point : QgsPointXY
        The place, in the coordinate system of the map.
    """
    marker.setCenter(point)
    marker.show()
