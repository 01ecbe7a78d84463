"""Search form of the dock: connection, scene type, area, dates and other filters."""

from __future__ import annotations

import logging
from typing import List, Optional, Sequence, Tuple

from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QComboBox, QFormLayout, QPushButton, QScrollArea, QWidget

from planet_scenes.area import AreaChooser
from planet_scenes.connection_dialog import ask_for_connection, ask_for_key
from planet_scenes.connections import connections
from planet_scenes.filters import Filters
from planet_scenes.icons import icon
from planet_scenes.texts import tr
from planet_scenes.widgets import row_of
from planet_vector.catalog import connect
from planet_vector.collection_schema import CollectionSchema
from planet_vector.errors import ConfigError
from planet_vector.query import Query

log = logging.getLogger(__name__)


class SearchForm(QScrollArea):
    """Form that builds a search.

    Parameters
    ----------
    iface : QgisInterface
        The QGIS application whose map can be the area.
    """

    changed = pyqtSignal()
    """Emitted when the search has changed."""

    type_changed = pyqtSignal()
    """Emitted when the scene type has changed."""

    def __init__(self, iface: QgisInterface) -> None:
        super().__init__()
        self.connection, self.scene_type, self.key_button = QComboBox(), QComboBox(), QPushButton()
        self.area = AreaChooser(iface)
        inner = QWidget()
        form = QFormLayout(inner)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(tr("Service"), row_of(self.connection, self.key_button))
        form.addRow(tr("Scenes"), self.scene_type)
        form.addRow(tr("Area"), self.area)
        self.filters = Filters(form)
        for box in inner.findChildren(QComboBox):  # so that long entries do not widen the dock
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(5)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setWidget(inner)
        self.setMinimumWidth(inner.minimumSizeHint().width() + self.verticalScrollBar().sizeHint().width())
        self.fill_connections()
        self.scene_type.addItems(self._known_types())
        self.filters.set_schema(self._known_schema())
        self.connection.activated.connect(self._choose)
        self.key_button.clicked.connect(self._log)
        self.scene_type.currentTextChanged.connect(self._typed)
        self.area.changed.connect(self.changed)
        self.filters.changed.connect(self.changed)

    def parameters(self) -> List[Tuple[str, str]]:
        """Return the search as parameters of the API, pairs of name and value.

        Raises
        ------
        QueryError
            If an area is required but missing.
        """
        return [*self.filters.parameters(), *self.area.parameters()]

    def query(self) -> Query:
        """Return the search.

        Raises
        ------
        QueryError
            If a parameter is not valid.
        """
        return Query.parse(self._schema(), self.parameters())

    def title(self) -> str:
        """Return a default title for the search: its scene type and time."""
        return " ".join(part for part in (self.scene_type.currentText(), self.filters.time_text()) if part)

    def fill_connections(self) -> None:
        """Update the list of connections."""
        current = connections().current()
        self.connection.clear()
        for known in connections().all():
            self.connection.addItem(icon("connection"), known.name)
        self.connection.addItem(tr("New connection…"))
        self.connection.setCurrentText(current.name)
        self.connection.setToolTip(current.url)
        self.key_button.setText(tr("Log out") if connections().logged_in(current.name) else tr("Log in…"))

    def fill_types(self, types: List[str]) -> None:
        """Update the list of scene types.

        Parameters
        ----------
        types : list of str
            The scene types of the service.
        """
        before = self.scene_type.currentText()
        self.scene_type.blockSignals(True)
        self.scene_type.clear()
        self.scene_type.addItems(types)
        self.scene_type.setCurrentText(before if before in types else types[0])
        self.scene_type.blockSignals(False)
        if self.scene_type.currentText() != before:
            self._typed(self.scene_type.currentText())

    def offer_known_types(self) -> None:
        """Offer the known types of the current service, unless the selected one is one of them."""
        types = list(self._known_types())
        if types and self.scene_type.currentText() not in types:
            self.fill_types(types)

    def _typed(self, scene_type: str) -> None:
        if scene_type:
            self.filters.set_schema(self._known_schema())
            self.type_changed.emit()
            self.changed.emit()

    def _choose(self, number: int) -> None:
        chosen = self.connection.itemText(number)
        if number == self.connection.count() - 1:
            ask_for_connection(self)
            self.fill_connections()
        elif chosen != connections().current().name:
            connections().set_current(chosen)

    def _log(self) -> None:
        current = connections().current().name
        if connections().logged_in(current):
            connections().log_out(current)
        else:
            ask_for_key(current, self)

    def _schema(self) -> CollectionSchema:
        return connections().current().schema(self.scene_type.currentText())

    def _known_schema(self) -> Optional[CollectionSchema]:
        """Return the schema of the scene type, or None if the connection cannot be used; a search reports why."""
        try:
            return self._schema()
        except ConfigError as error:
            log.debug("The form has no fields: %s", error)
            return None

    def _known_types(self) -> Sequence[str]:
        """Return the scene types to offer until the service has listed its own."""
        try:
            return connect(connections().current().url).known_types
        except ConfigError as error:
            log.debug("The form has no scene types: %s", error)
            return ()
