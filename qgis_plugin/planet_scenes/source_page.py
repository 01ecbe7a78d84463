"""Page of the Data Source Manager: connections, their collections, and how much of a collection becomes a layer."""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

from qgis.core import QgsCoordinateReferenceSystem, QgsCoordinateTransform, QgsCsException, QgsProject
from qgis.gui import QgsAbstractDataSourceWidget, QgsFilterLineEdit, QgsSourceSelectProvider
from qgis.PyQt import sip
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialogButtonBox,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMessageBox,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from planet_scenes import core, layers
from planet_scenes.connection import Connection
from planet_scenes.connection_dialog import ask_for_connection
from planet_scenes.connections import connections
from planet_scenes.help import SEARCH, show_help
from planet_scenes.icons import icon
from planet_scenes.log_in_fields import ask_for_key
from planet_scenes.tasks import Task
from planet_scenes.texts import tr
from planet_vector.errors import PlanetVectorError
from planet_vector.geometry.boxes import Box
from planet_vector.names import parse_name

KEY = "planet_scenes"
"""Key of the page and of its provider."""

_SCENES = 1000  # of a layer, unless the user chooses another number


class SourceProvider(QgsSourceSelectProvider):
    """Provider of the page."""

    def providerKey(self) -> str:  # noqa: N802 - QGIS's name
        """Return the key of the provider."""
        return KEY

    def text(self) -> str:
        """Return the title of the page."""
        return "Planet Scenes"

    def toolTip(self) -> str:  # noqa: N802
        """Return what the page does."""
        return tr("Add satellite scenes as a layer")

    def icon(self) -> QIcon:
        """Return the icon of the page."""
        return icon("planet")

    def ordering(self) -> int:
        """Return the place of the page: after the services of QGIS itself."""
        return QgsSourceSelectProvider.Ordering.OrderRemoteProvider + 90

    def createDataSourceWidget(self, parent: Optional[QWidget] = None, *how: Any) -> SourcePage:  # noqa: N802
        """Return a new page.

        Parameters
        ----------
        parent : QWidget, optional
            The parent widget.
        *how : object
            Window flags and mode, as QGIS gives them.
        """
        page = SourcePage(parent, *how)
        sip.transferto(page, parent)  # QGIS owns it
        return page


class SourcePage(QgsAbstractDataSourceWidget):
    """Page that adds a collection of a connection as a layer; sends no request before *Connect*.

    Parameters
    ----------
    parent : QWidget, optional
        The parent widget.
    *how : object
        Window flags and mode, as QGIS gives them; without them, the page is a dialog.
    """

    def __init__(self, parent: Optional[QWidget] = None, *how: Any) -> None:
        super().__init__(parent, *how)
        self.setWindowTitle(tr("Add satellite scenes"))
        self._task: Optional[Task] = None
        self._listed: List[str] = []
        self.connection, self.connect_button = QComboBox(), QPushButton(tr("Connect"))
        self.new_button, self.key_button = QPushButton(tr("New…")), QPushButton()
        self.filter, self.list, self.said = QgsFilterLineEdit(), QListWidget(), QLabel()
        self.filter.setPlaceholderText(tr("Filter collections"))
        self.said.setWordWrap(True)
        self.in_view = QCheckBox(tr("Only scenes in the present extent of the map"))
        self.limited, self.limit = QCheckBox(tr("At most")), QSpinBox()
        self.limited.setChecked(True)
        self.limit.setRange(1, 1_000_000)
        self.limit.setValue(_SCENES)
        self.limit.setSuffix(" " + tr("scenes, the newest"))
        self.buttons = QDialogButtonBox()
        self.search_button = self.buttons.addButton(tr("Search in the panel"), QDialogButtonBox.ButtonRole.ActionRole)
        self._lay_out()
        self.setupButtons(self.buttons)
        self.buttons.helpRequested.connect(lambda: show_help(SEARCH, self))
        self.connection.currentIndexChanged.connect(self._chosen)
        self.connect_button.clicked.connect(self.connect_service)
        self.new_button.clicked.connect(self._new)
        self.key_button.clicked.connect(self._log)
        self.filter.textChanged.connect(self._fill)
        self.list.itemSelectionChanged.connect(self._enable)
        self.list.itemDoubleClicked.connect(lambda *_: self.addButtonClicked())
        self.limited.toggled.connect(self.limit.setEnabled)
        self.search_button.clicked.connect(self._search)
        connections().changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Update the list of connections."""
        if sip.isdeleted(self):
            return
        before = self.connection.currentText() or connections().current().name
        self.connection.blockSignals(True)
        self.connection.clear()
        for known in connections().all():
            self.connection.addItem(icon("connection"), known.name)
        self.connection.setCurrentText(before)
        self.connection.blockSignals(False)
        self._chosen()

    def connect_service(self) -> None:
        """List the collections of the connection."""
        try:
            chosen = self._connection()
            catalog = chosen.catalog()
        except PlanetVectorError as error:
            self._tell(core.errors_told(error))
            return
        self._tell(tr("Asking the service …"))

        def done(found: List[str]) -> None:
            if self._task is task and not sip.isdeleted(self):
                self._task, self._listed = None, found
                self._tell(tr("The service lists no collections.") if not found else "")
                self._fill()

        def failed(error: BaseException) -> None:
            if self._task is task and not sip.isdeleted(self):
                self._task = None
                self._tell(core.errors_told(error))

        self._task = task = Task.start(
            tr("Requesting the scene types"), lambda feedback: list(catalog.scene_types()), done, failed
        )

    def collection(self) -> str:
        """Return the selected collection; empty if there is none."""
        items = self.list.selectedItems()
        return str(items[0].text()) if items else ""

    def addButtonClicked(self) -> None:  # noqa: N802 - QGIS's name
        """Add the selected collection as a layer."""
        if not self.collection():
            return
        try:
            chosen = self._connection()
            layers.add_search_layer(chosen, self.planet_name(), self.collection())
        except PlanetVectorError as error:
            self._tell(core.errors_told(error))

    def planet_name(self) -> str:
        """Return the ``PLANET:`` name of the layer to add.

        Raises
        ------
        ConfigError
            If there is no such connection any more.
        """
        name = parse_name(self._connection().name_of(self.collection()))
        more: List[Tuple[str, str]] = []
        if self.in_view.isChecked():
            box = self._view()
            more += [("bbox", str(box))] if box is not None else []
        if self.limited.isChecked():
            more.append(("limit", str(self.limit.value())))
        return str(type(name)(name.collection, parameters=(*more, *name.parameters)))

    def _lay_out(self) -> None:
        first = QGroupBox(tr("Connections"))
        row = QHBoxLayout(first)
        row.addWidget(self.connection, 1)
        for button in (self.connect_button, self.new_button, self.key_button):
            row.addWidget(button)
        number = QHBoxLayout()
        number.addWidget(self.limited)
        number.addWidget(self.limit)
        number.addStretch()
        column = QVBoxLayout(self)
        column.addWidget(first)
        column.addWidget(self.filter)
        column.addWidget(self.list, 1)
        column.addWidget(self.said)
        column.addWidget(self.in_view)
        column.addLayout(number)
        column.addWidget(self.buttons)
        self.said.hide()

    def _connection(self) -> Connection:
        return connections().get(self.connection.currentText())

    def _chosen(self, *_: object) -> None:
        """Show the state of the connection, with the collections that are known without a request."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._listed = []
        self._tell(tr("Connect to list the collections."))
        name = self.connection.currentText()
        self.key_button.setText(tr("Log out") if name and connections().logged_in(name) else tr("Log in…"))
        self._fill()

    def _fill(self, *_: object) -> None:
        wanted = self.filter.text().strip().casefold()
        self.list.clear()
        for collection in self._listed:
            if wanted in collection.casefold():
                QListWidgetItem(icon("scenes"), collection, self.list)
        self._enable()

    def _enable(self) -> None:
        chosen = bool(self.collection())
        self.enableButtons.emit(chosen)
        self.search_button.setEnabled(chosen)

    def _tell(self, sentence: str) -> None:
        self.said.setText(sentence)
        self.said.setVisible(bool(sentence))

    def _new(self) -> None:
        added = ask_for_connection(self)
        if added:
            self.connection.setCurrentText(added)

    def _log(self) -> None:
        name = self.connection.currentText()
        try:
            if connections().logged_in(name):
                connections().log_out(name)
            else:
                ask_for_key(name, self)
        except PlanetVectorError as error:
            QMessageBox.warning(self, "Planet Scenes", core.errors_told(error))

    def _search(self) -> None:
        connections().chosen.emit(self.connection.currentText(), self.collection())

    def _view(self) -> Optional[Box]:
        """Return the extent of the map in degrees, or None if there is no map or it shows more than the globe."""
        canvas = self.mapCanvas()
        if canvas is None:
            return None
        there = canvas.mapSettings().destinationCrs()
        transform = QgsCoordinateTransform(there, QgsCoordinateReferenceSystem("EPSG:4326"), QgsProject.instance())
        try:
            extent = transform.transformBoundingBox(canvas.extent())
        except QgsCsException:
            return None
        return Box.on_globe(extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum())
