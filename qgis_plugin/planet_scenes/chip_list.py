"""Grid of chips: one place in many scenes, fetched as far as they are in view."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Set

from qgis.PyQt.QtCore import QAbstractListModel, QModelIndex, QRect, QSize, Qt, QTimer
from qgis.PyQt.QtGui import QColor, QFont, QImage, QPalette, QPixmap
from qgis.PyQt.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate, QWidget

from planet_scenes import core
from planet_scenes.chips import SIDE, Place, chip_of
from planet_scenes.results import ENTRY, Entry
from planet_scenes.tasks import Task
from planet_scenes.texts import tr
from planet_vector.catalog import Catalog
from planet_vector.scene import Scene

_AT_ONCE = 4  # tasks; QGIS's worker threads also serve other tasks
_WAITING = 60  # more than are in view at once: those scrolled out of view are not fetched
_MARGIN = 5
_EMPTY = QColor(128, 128, 128, 40)


class _Chip(NamedTuple):
    picture: QPixmap
    error: str = ""


class Chips(QAbstractListModel):
    """Model of the chips of a place, of one scene each.

    Parameters
    ----------
    parent : QWidget, optional
        The parent widget.
    """

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._entries: List[Entry] = []
        self._catalog: Optional[Catalog] = None
        self._place = Place(0, 0, 0)
        self._chips: Dict[int, _Chip] = {}
        self._wanted: List[int] = []
        self._tasks: Set[Task] = set()

    def show(self, catalog: Optional[Catalog], entries: Sequence[Entry], place: Place) -> None:
        """Show other scenes, or another place.

        Parameters
        ----------
        catalog : Catalog, optional
            The client of the service; None for no scenes.
        entries : sequence of Entry
            The scenes.
        place : Place
            The place.
        """
        self.stop()
        self.beginResetModel()
        self._catalog, self._entries, self._place, self._chips = catalog, list(entries), place, {}
        self.endResetModel()

    def cut(self, place: Place) -> None:
        """Show another place or width of the same scenes.

        Parameters
        ----------
        place : Place
            The place.
        """
        self.stop()
        self._place, self._chips = place, {}
        if self._entries:
            self.dataChanged.emit(self.index(0), self.index(len(self._entries) - 1))

    def stop(self) -> None:
        """Cancel all fetches."""
        self._wanted = []
        tasks, self._tasks = self._tasks, set()
        for task in tasks:
            task.cancel()

    @property
    def entries(self) -> List[Entry]:
        """The scenes, in their order."""
        return self._entries

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's
        """Return the number of chips.

        Parameters
        ----------
        parent : QModelIndex
            The parent item; only the root has rows.
        """
        return 0 if parent.isValid() else len(self._entries)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the time, tool tip, picture or `Entry` of a chip; a picture that is not there yet is fetched.

        Parameters
        ----------
        index : QModelIndex
            The row.
        role : int
            The role.
        """
        entry, chip = self._entries[index.row()], self._chips.get(index.row())
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.when
        if role == Qt.ItemDataRole.ToolTipRole:
            error = [chip.error] if chip is not None and chip.error else []
            return "\n".join((entry.scene.id, f"{entry.when} UTC", entry.cloud, entry.products, *error))
        if role == Qt.ItemDataRole.DecorationRole:
            if chip is None:
                self._ask(index.row())
            return chip.picture if chip is not None else None
        if role == Qt.ItemDataRole.StatusTipRole:
            return chip.error if chip is not None else ""
        return entry if role == ENTRY else None

    def _ask(self, row: int) -> None:
        if row in self._wanted:
            self._wanted.remove(row)
        self._wanted.append(row)
        del self._wanted[:-_WAITING]
        # Deferred: this is called while the list is painted, and a new task repaints QGIS's status bar at once.
        QTimer.singleShot(0, self._next)

    def _next(self) -> None:
        while self._wanted and len(self._tasks) < _AT_ONCE and self._catalog is not None:
            row = self._wanted.pop(0)
            if row in self._chips:
                continue
            self._chips[row] = _Chip(QPixmap())  # under way
            self._start(self._catalog, self._entries[row].scene, row)

    def _start(self, catalog: Catalog, scene: Scene, row: int) -> None:
        place = self._place

        def show(chip: _Chip) -> None:
            if task in self._tasks:  # otherwise, another place is shown by now
                self._tasks.discard(task)
                self._chips[row] = chip
                self.dataChanged.emit(self.index(row), self.index(row))
                self._next()

        def done(image: QImage) -> None:
            show(_Chip(QPixmap.fromImage(image)))

        def failed(error: BaseException) -> None:
            show(_Chip(QPixmap(), core.errors_told(error)))

        title = tr("Chip of {scene}").format(scene=scene.id)
        task = Task.start(title, lambda feedback: chip_of(catalog, scene, place, feedback), done, failed)
        self._tasks.add(task)
        # Without an error, the user cancelled it in QGIS's task manager.
        task.taskTerminated.connect(lambda: show(_Chip(QPixmap(), tr("Cancelled"))) if task.error is None else None)


class Cell(QStyledItemDelegate):
    """Delegate that draws a chip with its day and cloud cover."""

    def sizeHint(self, option: Any, index: QModelIndex) -> QSize:  # noqa: N802
        """Return the size of a cell.

        Parameters
        ----------
        option : QStyleOptionViewItem
            Style of the cell.
        index : QModelIndex
            The row.
        """
        return QSize(SIDE + 2 * _MARGIN, SIDE + 2 * option.fontMetrics.height() + 3 * _MARGIN)

    def paint(self, painter: Any, option: Any, index: QModelIndex) -> None:
        """Draw a cell.

        Parameters
        ----------
        painter : QPainter
            The painter.
        option : QStyleOptionViewItem
            Style and position of the cell.
        index : QModelIndex
            The row.
        """
        entry: Entry = index.data(ENTRY)
        painter.save()
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(option.rect, option.palette.highlight())
        place = QRect(option.rect.left() + _MARGIN, option.rect.top() + _MARGIN, SIDE, SIDE)
        painter.fillRect(place, _EMPTY)
        role = QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text
        painter.setPen(option.palette.color(role))
        picture, error = index.data(Qt.ItemDataRole.DecorationRole), index.data(Qt.ItemDataRole.StatusTipRole)
        if picture is not None and not picture.isNull():
            painter.drawPixmap(place, picture)
        elif error:
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, tr("no picture"))
        line = option.fontMetrics.height()
        bold = QFont(option.font)
        bold.setBold(True)
        day = entry.when.partition(" ")[0]  # the time is in the tool tip
        for number, (font, text) in enumerate(((bold, day), (option.font, entry.cloud))):
            painter.setFont(font)
            shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, SIDE)
            where = QRect(place.left(), place.bottom() + _MARGIN + number * line, SIDE, line)
            painter.drawText(where, Qt.AlignmentFlag.AlignVCenter, shown)
        painter.restore()


class ChipsView(QListView):
    """View of the grid, which wraps.

    Parameters
    ----------
    model : Chips
        The model.
    parent : QWidget, optional
        The parent widget.
    """

    def __init__(self, model: Chips, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.setModel(model)
        self.setItemDelegate(Cell(self))
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMovement(QListView.Movement.Static)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)

    def selected(self) -> List[Scene]:
        """Return the scenes of the selected chips, in their order."""
        rows = sorted(self.selectionModel().selectedIndexes(), key=lambda index: index.row())
        return [index.data(ENTRY).scene for index in rows]
