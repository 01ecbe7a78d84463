"""Comparison by swiping: the map shows one date left of a line, and another date or layer right of it."""

from __future__ import annotations

from typing import Any, Optional

from qgis.core import QgsApplication, QgsMapRendererParallelJob, QgsMapSettings, QgsRectangle
from qgis.gui import QgsMapCanvas, QgsMapCanvasItem
from qgis.PyQt.QtCore import QEvent, QObject, QPointF, QRect, QRectF, QSizeF, Qt, QTimer, pyqtSignal
from qgis.PyQt.QtGui import QColor, QImage, QPainter, QPainterPath, QPen
from qgis.PyQt.QtWidgets import QWidget

from planet_scenes.area_tool import take_away
from planet_scenes.compare_choices import CompareChoices
from planet_scenes.texts import tr
from planet_scenes.time_slider import TimeSlider
from planet_scenes.widgets import button

_ABOVE_MAP = -5.0  # z value: QGIS's map has -10, and its rubber bands and marks have 0 and more
_WIDTH, _GRIP = 13, 6  # pixels: width of the line's widget, radius of its grip
_STEP = 0.02  # of the width of the map, for an arrow key
_MARGIN = 6  # pixels around the choices
_UPDATE = 250  # milliseconds between unfinished pictures, as QGIS's map has by default


class Swipe(QObject):
    """Manages a line on the map of QGIS, right of which the map shows another day or layer.

    The line and the two choices are widgets on the map, and no map tool, so that the user can identify, measure and
    zoom meanwhile.

    Parameters
    ----------
    canvas : QgsMapCanvas
        The map of QGIS.
    time : TimeSlider
        The time slider of the panel.
    """

    ended = pyqtSignal()
    """Emitted when the user ends the comparison."""

    def __init__(self, canvas: QgsMapCanvas, time: TimeSlider) -> None:
        super().__init__()
        self._canvas = canvas
        self._share = 0.5  # of the map, left of the line
        self._job: Optional[QgsMapRendererParallelJob] = None
        self.picture = SecondPicture(canvas)
        self.choices = CompareChoices(canvas, time, tr("Day or layer shown right of the line"))
        self.line = SwipeLine(canvas)
        self.close_button = button("", tr("End the comparison"), "✕")
        self._widgets = (self.line, self.choices.left, self.choices.right, self.close_button)
        for widget in self._widgets:
            widget.setParent(canvas)
            widget.show()
        self._timer = QTimer(self)
        self._timer.setInterval(_UPDATE)
        self._timer.timeout.connect(self._take_unfinished)
        self.line.moved.connect(self._move_to)
        self.line.refused.connect(self.ended)
        self.close_button.clicked.connect(self.ended)
        self.choices.changed.connect(self._draw)
        canvas.renderStarting.connect(self._draw)
        canvas.installEventFilter(self)
        self._place()
        self._draw()
        self.line.setFocus()

    def close_down(self) -> None:
        """Remove the line, the choices and the second picture from the map."""
        self._canvas.removeEventFilter(self)
        self._canvas.renderStarting.disconnect(self._draw)
        self.choices.close_down()
        self._cancel()
        for widget in self._widgets:
            widget.hide()
            widget.deleteLater()
        take_away(self._canvas, self.picture)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Place the line and the choices again when the map has another size.

        Parameters
        ----------
        watched : QObject
            The map.
        event : QEvent
            Its event.
        """
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def _move_to(self, share: float) -> None:
        self._share = min(1.0, max(0.0, share))
        self._place()

    def _place(self) -> None:
        """Place the line at its share of the map, and the choices in the corners."""
        width, height = self._canvas.width(), self._canvas.height()
        line = round(self._share * width)
        self.line.share = self._share
        self.line.setGeometry(line - _WIDTH // 2, 0, _WIDTH, height)
        left, right, close = self.choices.left, self.choices.right, self.close_button
        most = max(1, width // 2 - 3 * _MARGIN - close.sizeHint().width())
        for choice in (left, right):
            choice.resize(min(choice.sizeHint().width(), most), choice.sizeHint().height())
        close.resize(close.sizeHint().width(), right.height())
        left.move(_MARGIN, _MARGIN)
        close.move(width - _MARGIN - close.width(), _MARGIN)
        right.move(close.x() - _MARGIN - right.width(), _MARGIN)
        for widget in (left, right, close):
            widget.raise_()
        self.picture.show_from(line)

    # ---- the second picture --------------------------------------------------------------------------------------

    def _draw(self) -> None:
        """Draw the second picture for the extent of the map, in the background."""
        self._cancel()
        if not self.choices.right.currentData():
            self.picture.clear()  # as on the map
            return
        settings = QgsMapSettings(self._canvas.mapSettings())
        layers, time = self.choices.second()
        settings.setLayers(layers)
        settings.setTemporalRange(time)
        settings.setIsTemporal(not time.isInfinite())
        ground = QColor(self._canvas.canvasColor())
        ground.setAlpha(255)  # what is left of the line must not be visible through gaps
        settings.setBackgroundColor(ground)
        if not settings.hasValidSettings():
            return
        self._job = QgsMapRendererParallelJob(settings)
        self._job.setParent(self)
        self._job.finished.connect(self._take)
        self._job.start()
        self._timer.start()

    def _cancel(self) -> None:
        """Cancel the running job without waiting for it; it deletes itself."""
        self._timer.stop()
        if self._job is not None:
            job, self._job = self._job, None
            job.finished.disconnect(self._take)
            job.setParent(QgsApplication.instance())
            job.finished.connect(job.deleteLater)
            job.cancelWithoutBlocking()

    def _take(self) -> None:
        """Show the finished picture."""
        self._timer.stop()
        if self._job is not None:
            job, self._job = self._job, None
            self.picture.take(job.renderedImage(), job.mapSettings())
            job.deleteLater()

    def _take_unfinished(self) -> None:
        if self._job is not None:
            self.picture.take(self._job.renderedImage(), self._job.mapSettings())


class SecondPicture(QgsMapCanvasItem):
    """Item of a map that shows a picture of it, right of a line.

    Parameters
    ----------
    canvas : QgsMapCanvas
        The map canvas.
    """

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._image = QImage()
        self._line = 0
        self.setZValue(_ABOVE_MAP)

    def take(self, image: QImage, settings: QgsMapSettings) -> None:
        """Show another picture.

        Parameters
        ----------
        image : QImage
            The picture.
        settings : QgsMapSettings
            The settings that it was drawn with.
        """
        self._image = image
        # QGIS places an item by the map coordinates of its upper left corner and by its size in pixels times the
        # resolution, so that the rectangle of a rotated map differs from its extent.
        scale, size = settings.mapUnitsPerPixel(), settings.outputSize()
        corner = settings.mapToPixel().toMapCoordinates(0, 0)
        self.setRect(
            QgsRectangle(corner.x(), corner.y() - size.height() * scale, corner.x() + size.width() * scale, corner.y())
        )
        self.update()

    def clear(self) -> None:
        """Show no picture."""
        self._image = QImage()
        self.update()

    def show_from(self, line: int) -> None:
        """Move the line.

        Parameters
        ----------
        line : int
            Pixels of the map left of the line.
        """
        self._line = line
        self.update()

    def paint(self, painter: QPainter, *_: object) -> None:
        """Paint the part of the picture right of the line.

        Parameters
        ----------
        painter : QPainter
            The painter, in pixels from the upper left corner of the picture.
        """
        if self._image.isNull():
            return
        view = self._canvas.viewport().rect()
        shown = QPainterPath()
        shown.addPolygon(
            self.mapFromScene(self._canvas.mapToScene(QRect(self._line, 0, view.width() - self._line, view.height())))
        )
        scale, extent = self._canvas.mapUnitsPerPixel(), self.rect()
        painter.save()
        painter.setClipPath(shown, Qt.ClipOperation.IntersectClip)
        size = QSizeF(extent.width() / scale, extent.height() / scale)
        painter.drawImage(QRectF(QPointF(0, 0), size), self._image)
        painter.restore()


class SwipeLine(QWidget):
    """Vertical line to drag with the mouse, or to move with the arrow keys, Home and End.

    Parameters
    ----------
    canvas : QgsMapCanvas
        The map canvas, its parent.

    Attributes
    ----------
    share : float
        Share of the map left of the line.
    """

    moved = pyqtSignal(float)
    """Emitted with the share of the map left of the line."""

    refused = pyqtSignal()
    """Emitted when the user presses Escape."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self.share = 0.5
        self.setCursor(Qt.CursorShape.SplitHCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Line between the two dates"))
        self.setToolTip(tr("Drag the line, or use the arrow keys; Esc ends the comparison"))

    def mouseMoveEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Move the line with the mouse.

        Parameters
        ----------
        event : QMouseEvent
            The event.
        """
        if event.buttons() & Qt.MouseButton.LeftButton and self.parentWidget().width():
            self.moved.emit(self.mapToParent(event.pos()).x() / self.parentWidget().width())

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802
        """Move the line by the arrow keys, Home and End; give up when Escape is pressed.

        Parameters
        ----------
        event : QKeyEvent
            The event.
        """
        key, ends = event.key(), {Qt.Key.Key_Home: 0.0, Qt.Key.Key_End: 1.0}
        steps = {Qt.Key.Key_Left: -_STEP, Qt.Key.Key_Right: _STEP}
        if key == Qt.Key.Key_Escape:
            self.refused.emit()
        elif key in ends or key in steps:
            self.moved.emit(ends.get(key, self.share + steps.get(key, 0.0)))
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: Any) -> None:  # noqa: N802
        """Paint the line and its grip.

        Parameters
        ----------
        event : QPaintEvent
            The event.
        """
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = QPointF(self.width() / 2, self.height() / 2)
        for colour, width in ((QColor("black"), 3), (QColor("white"), 1)):
            painter.setPen(QPen(colour, width))
            painter.drawLine(QPointF(middle.x(), 0), QPointF(middle.x(), self.height()))
        painter.setPen(QPen(QColor("black"), 1))
        painter.setBrush(QColor("white"))
        painter.drawEllipse(middle, _GRIP - 1, _GRIP - 1)
        painter.end()
