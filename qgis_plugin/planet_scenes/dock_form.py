"""Search form of the dock: connection, collection, area, dates and other filters.

The fields are those of the collection's schema. If that takes a request, the form has no fields until it arrives.
"""

from __future__ import annotations

import logging
from typing import Callable, List, Optional, Sequence, Tuple

from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import QEvent, QObject, Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QComboBox, QFormLayout, QPushButton, QScrollArea, QWidget

from planet_scenes.area import AreaChooser
from planet_scenes.connection_dialog import ask_for_connection
from planet_scenes.connections import connections
from planet_scenes.filters import Filters
from planet_scenes.icons import icon
from planet_scenes.log_in_fields import ask_for_key
from planet_scenes.tasks import Task
from planet_scenes.texts import tr
from planet_scenes.widgets import row_of
from planet_vector.catalog import connect
from planet_vector.collection_schema import CollectionSchema
from planet_vector.errors import ConfigError, QueryError
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
    """Emitted when the collection has changed."""

    resized = pyqtSignal()
    """Emitted when the form needs another height."""

    failed = pyqtSignal(object)
    """Emitted with the error if the schema of the collection cannot be requested."""

    def __init__(self, iface: QgisInterface) -> None:
        super().__init__()
        self.connection, self.scene_type, self.key_button = QComboBox(), QComboBox(), QPushButton()
        self.area = AreaChooser(iface)
        self._schema: Optional[CollectionSchema] = None
        self._requested: Optional[Task] = None
        self._then: List[Callable[[], None]] = []
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
        inner.installEventFilter(self)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setWidget(inner)
        self.setMinimumWidth(inner.minimumSizeHint().width() + self.verticalScrollBar().sizeHint().width())
        self.fill_connections()
        self.scene_type.addItems(self._known_types())
        self._take_schema(self._known_schema())
        self.connection.activated.connect(self._choose)
        self.key_button.clicked.connect(self._log)
        self.scene_type.currentTextChanged.connect(self._typed)
        self.area.changed.connect(self.changed)
        self.filters.changed.connect(self.changed)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Emit `resized` when rows are shown or hidden.

        Parameters
        ----------
        watched : QObject
            The form inside.
        event : QEvent
            The event.
        """
        if event.type() == QEvent.Type.LayoutRequest:
            self.resized.emit()
        return super().eventFilter(watched, event)

    @property
    def schema(self) -> Optional[CollectionSchema]:
        """The schema of the chosen collection; None if it has to be requested first."""
        return self._schema

    def with_schema(self, call: Callable[[], None]) -> None:
        """Call a function as soon as the schema is known: at once, or after its request.

        Parameters
        ----------
        call : callable
            The function; not called if the request fails, or another collection is chosen before it ends.

        Raises
        ------
        ConfigError
            If the key of the connection cannot be read.
        QueryError
            If no collection is chosen.
        """
        if self._schema is not None:
            call()
            return
        collection = self.scene_type.currentText()
        if not collection:
            raise QueryError(tr("Choose a collection first; the service is listing them."))
        self._then.append(call)
        if self._requested is not None:
            return
        catalog = connections().current().catalog()

        def done(schema: CollectionSchema) -> None:
            if self._requested is task:
                self._requested = None
                self._take_schema(schema)
                calls, self._then = self._then, []
                self.changed.emit()
                for each in calls:
                    each()

        def failed(error: BaseException) -> None:
            if self._requested is task:
                self._requested, self._then = None, []
                self.failed.emit(error)

        title = tr("Requesting the fields of {collection}").format(collection=collection)
        self._requested = task = Task.start(title, lambda feedback: catalog.schema(collection), done, failed)

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
            If a parameter is not valid, or the schema of the collection has not been requested.
        """
        if self._schema is None:
            raise QueryError(tr("The fields of the collection are not known yet: try again in a moment."))
        return Query.parse(self._schema, self.parameters())

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

    def fill_types(self, types: Sequence[str]) -> None:
        """Update the list of scene types.

        Parameters
        ----------
        types : sequence of str
            The scene types of the service; may be empty until they are known.
        """
        before = self.scene_type.currentText()
        self.scene_type.blockSignals(True)
        self.scene_type.clear()
        self.scene_type.addItems(types)
        if before in types:
            self.scene_type.setCurrentText(before)
        self.scene_type.blockSignals(False)
        if self.scene_type.currentText() != before:
            self._typed()

    def offer_known_types(self) -> None:
        """Offer the known types of the current service, unless the selected one is one of them."""
        types = list(self._known_types())
        if self.scene_type.currentText() not in types:
            self.fill_types(types)
        self._drop_request()
        self._take_schema(self._known_schema())

    def choose_type(self, collection: str) -> None:
        """Choose a collection of the current service, listed or not.

        Parameters
        ----------
        collection : str
            The collection.
        """
        if self.scene_type.findText(collection) < 0:
            self.scene_type.addItem(collection)
        self.scene_type.setCurrentText(collection)

    def _typed(self, *_: object) -> None:
        self._drop_request()
        self._take_schema(self._known_schema())
        self.type_changed.emit()
        if self.scene_type.currentText():
            self.changed.emit()

    def _take_schema(self, schema: Optional[CollectionSchema]) -> None:
        self._schema = schema
        self.filters.set_schema(schema)

    def _drop_request(self) -> None:
        if self._requested is not None:
            self._requested.cancel()
        self._requested, self._then = None, []

    def _choose(self, number: int) -> None:
        chosen = self.connection.itemText(number)
        if number == self.connection.count() - 1:
            added = ask_for_connection(self)
            self.fill_connections()
            if added:
                connections().set_current(added)
        elif chosen != connections().current().name:
            connections().set_current(chosen)

    def _log(self) -> None:
        current = connections().current().name
        if connections().logged_in(current):
            connections().log_out(current)
        else:
            ask_for_key(current, self)

    def _known_schema(self) -> Optional[CollectionSchema]:
        """Return the schema if it takes no request; None also for an unusable connection, which a search reports."""
        try:
            return connections().current().known_schema(self.scene_type.currentText())
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
