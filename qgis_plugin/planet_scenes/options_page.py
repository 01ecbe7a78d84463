"""Options page: connections, their keys, and the search results cached on disk."""

from __future__ import annotations

from typing import Any, Callable, Optional

from qgis.gui import QgsOptionsPageWidget, QgsOptionsWidgetFactory
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QGroupBox,
    QHBoxLayout,
    QHeaderView,
    QInputDialog,
    QLabel,
    QMessageBox,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from planet_scenes import core
from planet_scenes.access_fields import ask_for_access
from planet_scenes.connection import Connection
from planet_scenes.connection_dialog import ask_for_connection
from planet_scenes.connections import connections
from planet_scenes.help import CONNECTIONS, show_help
from planet_scenes.icons import icon
from planet_scenes.log_in_fields import ask_for_key
from planet_scenes.stac_import_dialog import ask_for_import
from planet_scenes.texts import tr
from planet_vector.config import Settings
from planet_vector.errors import PlanetVectorError
from planet_vector.vector import disk_cache

_A_ROW = 4  # buttons


class Factory(QgsOptionsWidgetFactory):
    """Factory of the options page."""

    def __init__(self) -> None:
        super().__init__()
        self.setTitle("Planet Scenes")
        self.setIcon(icon("planet"))

    def createWidget(self, parent: Optional[QWidget] = None) -> Page:
        """Return a new page.

        Parameters
        ----------
        parent : QWidget, optional
            The parent widget.
        """
        return Page(parent)


class Page(QgsOptionsPageWidget):
    """Page with the connections and the cache. Changes take effect at once, so `apply` does nothing.

    Parameters
    ----------
    parent : QWidget, optional
        The parent widget.
    """

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.table = QTableWidget(0, 3, self)
        self.table.setHorizontalHeaderLabels([tr("Connection"), tr("Root of the service"), tr("Key")])
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QTableWidget.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.verticalHeader().hide()
        for column, mode in enumerate(
            (
                QHeaderView.ResizeMode.ResizeToContents,
                QHeaderView.ResizeMode.Stretch,
                QHeaderView.ResizeMode.ResizeToContents,
            )
        ):
            self.table.horizontalHeader().setSectionResizeMode(column, mode)
        self.table.itemSelectionChanged.connect(self._enable)
        self.buttons = {
            "new": self._button(tr("New…"), lambda: ask_for_connection(self)),
            "import": self._button(tr("Import…"), lambda: ask_for_import(self)),
            "rename": self._button(tr("Rename…"), self._rename),
            "remove": self._button(tr("Remove"), self._remove),
            "log_in": self._button(tr("Log in…"), lambda: ask_for_key(self.selected(), self)),
            "log_out": self._button(tr("Log out"), lambda: connections().log_out(self.selected())),
            "access": self._button(tr("Files…"), lambda: ask_for_access(self.selected(), self)),
            "use": self._button(tr("Use for searches"), lambda: connections().set_current(self.selected())),
            "help": self._button(tr("Help"), lambda: show_help(CONNECTIONS, self)),
        }
        first = QGroupBox(tr("Connections"), self)
        inner = QVBoxLayout(first)
        inner.addWidget(self.table)
        buttons = list(self.buttons.values())
        for some in (buttons[:_A_ROW], buttons[_A_ROW:]):  # all in one would widen QGIS's dialog
            row = QHBoxLayout()
            for button in some:
                row.addWidget(button)
            row.addStretch()
            inner.addLayout(row)
        self.kept = QLabel(self)
        self.clear = self._button(tr("Remove them"), self._clear)
        second = QGroupBox(tr("Search results cached on disk"), self)
        inner = QHBoxLayout(second)
        inner.addWidget(self.kept)
        inner.addStretch()
        inner.addWidget(self.clear)
        outer = QVBoxLayout(self)
        outer.addWidget(first)
        outer.addWidget(second)
        outer.addStretch()
        connections().changed.connect(self.fill)
        self.fill()

    def apply(self) -> None:
        """Do nothing: changes are already in effect."""

    def selected(self) -> str:
        """Return the name of the selected connection; empty if none is selected."""
        rows = self.table.selectionModel().selectedRows()
        return str(self.table.item(rows[0].row(), 0).data(Qt.ItemDataRole.UserRole)) if rows else ""

    def select(self, name: str) -> None:
        """Select a connection.

        Parameters
        ----------
        name : str
            The connection.
        """
        for row in range(self.table.rowCount()):
            if self.table.item(row, 0).data(Qt.ItemDataRole.UserRole) == name:
                self.table.selectRow(row)

    def fill(self) -> None:
        """Update the list of connections and the size of the cache."""
        before = self.selected()
        found = connections().all()
        current = connections().current().name
        self.table.setRowCount(len(found))
        for row, connection in enumerate(found):
            for column, text in enumerate((connection.name, connection.url, _key_source(connection))):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                item.setData(Qt.ItemDataRole.UserRole, connection.name)
                if connection.name == current:
                    font = item.font()
                    font.setBold(True)
                    item.setFont(font)
                self.table.setItem(row, column, item)
        self.select(before or current)
        try:
            files = list(disk_cache.directory().glob("*.rows"))
        except PlanetVectorError:  # without a home directory there is no folder
            files = []
        size = sum(file.stat().st_size for file in files) / 2**20
        self.kept.setText(tr("{count} results, {size:.1f} MB").format(count=len(files), size=size))
        self.clear.setEnabled(bool(files))
        self._enable()

    def _enable(self) -> None:
        name = self.selected()
        logged_in = bool(name) and connections().logged_in(name)
        for key, enabled in {
            "rename": connections().may_rename(name),
            "remove": connections().is_own(name),
            "log_in": bool(name) and not logged_in,
            "log_out": logged_in,
            "access": bool(name) and connections().get(name).kind == "stac",
            "use": bool(name) and name != connections().current().name,
        }.items():
            self.buttons[key].setEnabled(enabled)

    def _button(self, text: str, call: Callable[[], Any]) -> QPushButton:
        button = QPushButton(text, self)
        button.clicked.connect(lambda *_: self._told(call))
        return button

    def _told(self, call: Callable[[], Any]) -> None:
        try:
            call()
        except (PlanetVectorError, OSError) as error:
            QMessageBox.warning(self, "Planet Scenes", core.errors_told(error))

    def _rename(self) -> None:
        name = self.selected()
        new, accepted = QInputDialog.getText(self, tr("Rename"), tr("New name:"), text=name)
        if accepted and new.strip() and new.strip() != name:
            connections().rename(name, new.strip())

    def _remove(self) -> None:
        name = self.selected()
        question = tr("Remove {what}?").format(what=tr("the connection {name}").format(name=name))
        if QMessageBox.question(self, tr("Remove"), question) == QMessageBox.StandardButton.Yes:
            connections().remove(name)

    def _clear(self) -> None:
        disk_cache.clear()
        self.fill()


def _key_source(connection: Connection) -> str:
    """Return the source of a connection's key as text, without asking for the master password."""
    if connections().logged_in(connection.name):
        return tr("logged in")
    try:
        outside = Settings.load(connection.url).key is not None
    except PlanetVectorError:  # reported by the first request
        outside = False
    return tr("set outside QGIS") if outside else tr("none")
