"""List of the scenes of a search: fetched page by page while scrolling, each with a thumbnail."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, NamedTuple, Optional

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsGeometry,
    QgsProject,
    QgsRectangle,
)
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QAbstractListModel, QModelIndex, QRect, QSize, Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor, QFont, QPalette, QPixmap, QPixmapCache
from qgis.PyQt.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate, QWidget

from planet_scenes.connection import Connection
from planet_scenes.tasks import Task
from planet_scenes.texts import tr
from planet_scenes.thumbnails import Thumbnails
from planet_vector.geometry.shapes import multipolygon_wkb
from planet_vector.query import Query
from planet_vector.scene import Scene

ENTRY = Qt.ItemDataRole.UserRole + 1
"""Role for which the model returns an `Entry`."""

_SIDE = 64  # pixels of a thumbnail
_MARGIN = 6
_LINES, _LEADING = 4, 2  # lines of text beside a thumbnail, and pixels between them
_PAGE = 50  # rows added at once; the service returns up to a thousand per page
_EMPTY = QColor(128, 128, 128, 40)


class Entry(NamedTuple):
    """Texts of a scene in the list; created in the worker, where a malformed scene raises an error."""

    scene: Scene
    when: str
    cloud: str
    products: str

    @classmethod
    def of(cls, scene: Scene) -> Entry:
        """Create the entry of a scene.

        Parameters
        ----------
        scene : Scene
            The scene.

        Returns
        -------
        Entry
            The entry.

        Raises
        ------
        ProtocolError
            If the scene has no time, or its footprint is not valid.
        """
        cover = scene.cloud_cover
        cloud = tr("cloud cover unknown") if cover is None else tr("{cover:g} % cloud").format(cover=round(cover, 1))
        products = ", ".join(scene.products) or tr("no products")
        footprint(scene)
        return cls(scene, f"{scene.acquired:%Y-%m-%d %H:%M}", cloud, products)


class Results(QAbstractListModel):
    """Model of the scenes of a search, as far as the list has been scrolled.

    Parameters
    ----------
    thumbnails : Thumbnails
        Source of the thumbnails.
    parent : QWidget, optional
        The parent widget.
    """

    told = pyqtSignal(object)
    """Emitted with an error."""

    fetched = pyqtSignal()
    """Emitted when scenes were added or the last page has arrived."""

    def __init__(self, thumbnails: Thumbnails, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._thumbnails = thumbnails
        self._thumbnails.ready.connect(self._pictured)
        self._connection: Optional[Connection] = None
        self._entries: List[Entry] = []
        self._waiting: List[Entry] = []
        self._rows: Dict[str, int] = {}
        self._pages: Optional[Iterator[List[Entry]]] = None
        self._task: Optional[Task] = None

    def search(self, connection: Connection, query: Query) -> None:
        """Show another search; its first scenes are added as soon as they arrive.

        Parameters
        ----------
        connection : Connection
            The service.
        query : Query
            The search.

        Raises
        ------
        ConfigError
            If the key of the connection cannot be read.
        """
        catalog = connection.catalog()
        self.clear()
        self._connection = connection
        self._pages = (
            [Entry.of(Scene(feature, query.schema, catalog)) for feature in page] for page in catalog.pages(query)
        )
        self.fetchMore(QModelIndex())

    def clear(self) -> None:
        """Remove all rows, and fetch no more."""
        if self._task is not None:
            self._task.cancel()
        self.beginResetModel()
        self._entries, self._waiting, self._rows, self._pages, self._task = [], [], {}, None, None
        self.endResetModel()

    @property
    def busy(self) -> bool:
        """Whether scenes are being fetched."""
        return self._task is not None

    def scene(self, index: QModelIndex) -> Scene:
        """Return the scene of a row.

        Parameters
        ----------
        index : QModelIndex
            The row.
        """
        return self._entries[index.row()].scene

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's
        """Return the number of rows.

        Parameters
        ----------
        parent : QModelIndex
            The parent item; only the root has rows.
        """
        return 0 if parent.isValid() else len(self._entries)

    def canFetchMore(self, parent: QModelIndex) -> bool:  # noqa: N802
        """Return True if there are more scenes and no page is being fetched.

        Parameters
        ----------
        parent : QModelIndex
            Not used.
        """
        return bool(self._waiting or self._pages is not None) and self._task is None

    def fetchMore(self, parent: QModelIndex) -> None:  # noqa: N802
        """Add rows that were already fetched, or fetch the next page.

        Parameters
        ----------
        parent : QModelIndex
            The parent item.
        """
        pages = self._pages
        if self._waiting or pages is None:
            self._show()
            return

        # Ignore a page that arrives after another search was started.
        def took(entries: Optional[List[Entry]]) -> None:
            if pages is self._pages:
                self._took(entries)

        def failed(error: BaseException) -> None:
            if pages is self._pages:
                self._failed(error)

        self._task = Task.start(tr("Searching"), lambda feedback: next(pages, None), took, failed)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the time, tool tip, thumbnail or `Entry` of a row.

        Parameters
        ----------
        index : QModelIndex
            The row.
        role : int
            The role.
        """
        entry = self._entries[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.when
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join((entry.scene.id, f"{entry.when} UTC", entry.cloud, entry.products))
        if role == Qt.ItemDataRole.DecorationRole:
            return self._picture(entry.scene)
        return entry if role == ENTRY else None

    def _took(self, entries: Optional[List[Entry]]) -> None:
        self._task = None
        if entries is None:
            self._pages = None
        else:
            self._waiting += entries
        self._show()
        self.fetched.emit()

    def _failed(self, error: BaseException) -> None:
        # A partial result must not pass for a complete one: the list ends with the error.
        self._task, self._pages = None, None
        self.told.emit(error)

    def _show(self) -> None:
        shown, self._waiting = self._waiting[:_PAGE], self._waiting[_PAGE:]
        if shown:
            first = len(self._entries)
            self.beginInsertRows(QModelIndex(), first, first + len(shown) - 1)
            self._entries += shown
            self._rows.update((entry.scene.id, row) for row, entry in enumerate(shown, first))
            self.endInsertRows()

    def _picture(self, scene: Scene) -> Optional[QPixmap]:
        if self._connection is None:
            return None
        key = f"planet_scenes/{self._connection.url}/{scene.scene_type}/{scene.id}"
        kept = QPixmapCache.find(key)
        if kept is not None:
            return kept
        path = self._thumbnails.get(self._connection, scene)
        if path is None:
            return None
        picture = QPixmap(str(path))
        QPixmapCache.insert(key, picture)
        return picture

    def _pictured(self, scene_id: str) -> None:
        row = self._rows.get(scene_id)
        if row is not None:
            index = self.index(row)
            self.dataChanged.emit(index, index, [Qt.ItemDataRole.DecorationRole])


class Row(QStyledItemDelegate):
    """Delegate that draws a scene: its thumbnail, time, cloud cover and products."""

    def sizeHint(self, option: Any, index: QModelIndex) -> QSize:  # noqa: N802
        """Return the size of a row.

        Parameters
        ----------
        option : QStyleOptionViewItem
            Style of the row.
        index : QModelIndex
            The row.
        """
        return QSize(_SIDE, max(_SIDE, _LINES * (option.fontMetrics.height() + _LEADING)) + 2 * _MARGIN)

    def paint(self, painter: Any, option: Any, index: QModelIndex) -> None:
        """Draw a row.

        Parameters
        ----------
        painter : QPainter
            The painter.
        option : QStyleOptionViewItem
            Style and position of the row.
        index : QModelIndex
            The row.
        """
        entry: Entry = index.data(ENTRY)
        painter.save()
        palette, selected = option.palette, bool(option.state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(option.rect, palette.highlight())
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(option.rect, palette.alternateBase())
        place = QRect(option.rect.left() + _MARGIN, option.rect.top() + _MARGIN, _SIDE, _SIDE)
        self._draw_picture(painter, place, index.data(Qt.ItemDataRole.DecorationRole))
        painter.setPen(palette.color(QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text))
        bold = QFont(option.font)
        bold.setBold(True)
        left, line = place.right() + _MARGIN, option.fontMetrics.height() + _LEADING
        width = option.rect.right() - _MARGIN - left
        for number, text in enumerate((entry.when, entry.cloud, entry.scene.id, entry.products)):
            painter.setFont(option.font if number else bold)
            shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, width)
            painter.drawText(
                QRect(left, place.top() + number * line, width, line), Qt.AlignmentFlag.AlignVCenter, shown
            )
        painter.restore()

    def _draw_picture(self, painter: Any, place: QRect, picture: Optional[QPixmap]) -> None:
        if picture is None or picture.isNull():
            painter.fillRect(place, _EMPTY)
            return
        ratio = painter.device().devicePixelRatioF()
        scaled = picture.scaled(
            place.size() * ratio, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
        scaled.setDevicePixelRatio(ratio)
        size = scaled.size() / ratio
        painter.drawPixmap(
            place.left() + (_SIDE - size.width()) // 2, place.top() + (_SIDE - size.height()) // 2, scaled
        )


class ResultsView(QListView):
    """View of the list; reports the row under the mouse.

    Parameters
    ----------
    model : Results
        The model.
    parent : QWidget, optional
        The parent widget.
    """

    hovered = pyqtSignal(object)
    """Emitted with the `Entry` under the mouse, or None."""

    def __init__(self, model: Results, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.setModel(model)
        self.setItemDelegate(Row(self))
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.entered.connect(lambda index: self.hovered.emit(index.data(ENTRY)))
        self.viewportEntered.connect(lambda: self.hovered.emit(None))

    def leaveEvent(self, event: Any) -> None:  # noqa: N802
        """Emit that no row is under the mouse.

        Parameters
        ----------
        event : QEvent
            The event.
        """
        self.hovered.emit(None)
        super().leaveEvent(event)

    def selected(self) -> List[Scene]:
        """Return the selected scenes, in the order of the list."""
        rows = sorted(self.selectionModel().selectedIndexes(), key=lambda index: index.row())
        return [index.data(ENTRY).scene for index in rows]


def footprint(scene: Scene) -> QgsGeometry:
    """Return the footprint of a scene in degrees; empty if it has none.

    Parameters
    ----------
    scene : Scene
        The scene.
    """
    geometry = QgsGeometry()
    if scene.polygons:
        geometry.fromWkb(multipolygon_wkb(scene.polygons))
    return geometry


def place_on(canvas: QgsMapCanvas, scene: Scene) -> QgsRectangle:
    """Return the bounding box of a scene in the map's coordinate system; of two parts, only of the larger.

    The parts of a footprint across the antimeridian are a world apart.

    Parameters
    ----------
    canvas : QgsMapCanvas
        The map.
    scene : Scene
        The scene.

    Raises
    ------
    QgsCsException
        If the map's coordinate system does not cover the scene.
    """
    parts = footprint(scene).asGeometryCollection()
    if not parts:
        return QgsRectangle()
    box = max(parts, key=lambda part: part.area()).boundingBox()
    there = QgsCoordinateReferenceSystem("EPSG:4326")
    project = QgsProject.instance()
    return QgsCoordinateTransform(there, canvas.mapSettings().destinationCrs(), project).transformBoundingBox(box)
