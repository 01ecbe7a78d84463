"""The scenes of a search as a list: fetched page by page as it is scrolled, each with its picture."""

from __future__ import annotations

from typing import Any, Iterator, List, Optional

from qgis.core import QgsGeometry
from qgis.PyQt.QtCore import QAbstractListModel, QModelIndex, QRect, QSize, Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor, QFont, QPalette, QPixmap
from qgis.PyQt.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate, QWidget

from planet_scenes.connections import Connection
from planet_scenes.products import products_of
from planet_scenes.tasks import Task
from planet_scenes.texts import tr
from planet_scenes.thumbnails import Thumbnails
from planet_vector.catalog import ScenesV0
from planet_vector.geometry import multipolygon_wkb
from planet_vector.query import Query
from planet_vector.scene import Scene

SCENE = Qt.ItemDataRole.UserRole + 1
_SIDE = 64  # pixels of a picture
_MARGIN = 6
_LINES, _LEADING = 4, 2  # lines of text beside a picture, and pixels between them
_PAGE = 50  # rows shown at once more; the service gives up to a thousand a page


class Results(QAbstractListModel):
    """Hold the scenes of a search, those that were scrolled to."""

    told = pyqtSignal(object)
    """An error."""

    fetched = pyqtSignal()

    def __init__(self, thumbnails: Thumbnails, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._thumbnails = thumbnails
        self._thumbnails.ready.connect(self._pictured)
        self._connection: Optional[Connection] = None
        self._scenes: List[Scene] = []
        self._waiting: List[Scene] = []
        self._pages: Optional[Iterator[List[Any]]] = None
        self._task: Optional[Task] = None
        self._catalog: Optional[ScenesV0] = None
        self._scene_type = ""

    def search(self, connection: Connection, query: Query) -> None:
        """Show another search; its first scenes come as soon as they are there."""
        self.clear()
        self._connection, self._scene_type = connection, query.scene_type
        self._catalog = connection.catalog()
        self._pages = self._catalog.pages(query)
        self.fetchMore(QModelIndex())

    def clear(self) -> None:
        """Show nothing."""
        if self._task is not None:
            self._task.cancel()
        self.beginResetModel()
        self._scenes, self._waiting, self._pages, self._task = [], [], None, None
        self.endResetModel()

    @property
    def busy(self) -> bool:
        """Whether scenes are on their way."""
        return self._task is not None

    def scene(self, index: QModelIndex) -> Scene:
        """Return the scene of a row."""
        return self._scenes[index.row()]

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's
        return 0 if parent.isValid() else len(self._scenes)

    def canFetchMore(self, parent: QModelIndex) -> bool:  # noqa: N802
        return bool(self._waiting or self._pages is not None) and self._task is None

    def fetchMore(self, parent: QModelIndex) -> None:  # noqa: N802
        if self._waiting or self._pages is None:
            self._show()
            return
        pages, catalog, scene_type = self._pages, self._catalog, self._scene_type

        def work(feedback: Any) -> Optional[List[Scene]]:
            page = next(pages, None)
            return None if page is None else [Scene(feature, scene_type, catalog) for feature in page]

        self._task = Task.start(tr("Searching"), work, self._took, self._failed)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        scene = self._scenes[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{scene.acquired:%Y-%m-%d %H:%M}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{scene.id}\n{cloud_text(scene)}\n{', '.join(products_of(scene))}"
        if role == Qt.ItemDataRole.DecorationRole and self._connection is not None:
            path = self._thumbnails.get(self._connection, scene)
            return QPixmap(str(path)) if path is not None else None
        if role == SCENE:
            return scene
        return None

    def _took(self, scenes: Optional[List[Scene]]) -> None:
        self._task = None
        if scenes is None:
            self._pages = None
        else:
            self._waiting += scenes
        self._show()
        self.fetched.emit()

    def _failed(self, error: BaseException) -> None:
        # No part of a result for all of it: the list ends with the error.
        self._task, self._pages = None, None
        self.told.emit(error)

    def _show(self) -> None:
        shown, self._waiting = self._waiting[:_PAGE], self._waiting[_PAGE:]
        if shown:
            self.beginInsertRows(QModelIndex(), len(self._scenes), len(self._scenes) + len(shown) - 1)
            self._scenes += shown
            self.endInsertRows()

    def _pictured(self, scene_id: str) -> None:
        for row, scene in enumerate(self._scenes):
            if scene.id == scene_id:
                index = self.index(row)
                self.dataChanged.emit(index, index, [Qt.ItemDataRole.DecorationRole])


class Row(QStyledItemDelegate):
    """Draw a scene: its picture, when it was taken, how cloudy it is, what it has."""

    def sizeHint(self, option: Any, index: QModelIndex) -> QSize:  # noqa: N802
        return QSize(200, max(_SIDE, _LINES * (option.fontMetrics.height() + _LEADING)) + 2 * _MARGIN)

    def paint(self, painter: Any, option: Any, index: QModelIndex) -> None:
        painter.save()
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        palette = option.palette
        if selected:
            painter.fillRect(option.rect, palette.highlight())
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(option.rect, palette.alternateBase())
        scene = index.data(SCENE)
        picture = QRect(option.rect.left() + _MARGIN, option.rect.top() + _MARGIN, _SIDE, _SIDE)
        pixmap = index.data(Qt.ItemDataRole.DecorationRole)
        if pixmap is None or pixmap.isNull():
            painter.fillRect(picture, QColor(128, 128, 128, 40))
        else:
            scaled = pixmap.scaled(
                picture.size(), Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
            painter.drawPixmap(
                picture.left() + (_SIDE - scaled.width()) // 2, picture.top() + (_SIDE - scaled.height()) // 2, scaled
            )
        painter.setPen(palette.color(QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text))
        left, width = picture.right() + 2 * _MARGIN, option.rect.right() - picture.right() - 3 * _MARGIN
        line = option.fontMetrics.height() + _LEADING
        bold = QFont(option.font)
        bold.setBold(True)
        texts = [
            (bold, index.data()),
            (option.font, cloud_text(scene)),
            (option.font, scene.id),
            (option.font, ", ".join(scene.products)),
        ]
        for number, (font, text) in enumerate(texts):
            painter.setFont(font)
            shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, width)
            painter.drawText(
                QRect(left, picture.top() + number * line, width, line), Qt.AlignmentFlag.AlignVCenter, shown
            )
        painter.restore()


class ResultsView(QListView):
    """Show the list; tell what the mouse is over."""

    hovered = pyqtSignal(object)
    """The scene under the mouse, or None."""

    def __init__(self, model: Results, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.setModel(model)
        self.setItemDelegate(Row(self))
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.entered.connect(lambda index: self.hovered.emit(index.data(SCENE)))

    def leaveEvent(self, event: Any) -> None:  # noqa: N802
        self.hovered.emit(None)
        super().leaveEvent(event)

    def selected(self) -> List[Scene]:
        """Return the scenes that are selected, in the order of the list."""
        rows = sorted(self.selectionModel().selectedIndexes(), key=lambda index: index.row())
        return [index.data(SCENE) for index in rows]


def cloud_text(scene: Scene) -> str:
    """Return a scene's cloud cover as text."""
    cover = scene.cloud_cover
    return tr("cloud cover unknown") if cover is None else tr("{cover:g} % cloud").format(cover=round(cover, 1))


def footprint(scene: Scene) -> QgsGeometry:
    """Return a scene's footprint in degrees; empty where it has none."""
    geometry = QgsGeometry()
    if scene.polygons:
        geometry.fromWkb(multipolygon_wkb(scene.polygons))
    return geometry
