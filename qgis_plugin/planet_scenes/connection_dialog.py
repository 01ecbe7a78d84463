"""Dialog for a new connection."""

from __future__ import annotations

from typing import Mapping, Optional

from qgis.PyQt import sip
from qgis.PyQt.QtWidgets import QComboBox, QFormLayout, QLineEdit, QWidget

from planet_scenes import core
from planet_scenes.access_fields import AccessFields
from planet_scenes.connection import Connection
from planet_scenes.connections import connections
from planet_scenes.dialogs import StoringDialog
from planet_scenes.help import CONNECTIONS
from planet_scenes.log_in_fields import LogInFields
from planet_scenes.stored_keys import check_method
from planet_scenes.tasks import Task
from planet_scenes.texts import tr
from planet_scenes.widgets import fit_placeholder
from planet_vector.asset_access import AssetAccess
from planet_vector.catalog import catalog_of
from planet_vector.config import Settings
from planet_vector.connections import KINDS, check_name, usual_kind
from planet_vector.errors import PlanetVectorError
from planet_vector.roots import normalise_url

_STAC = "stac"  # the kind whose files may be elsewhere


class ConnectionDialog(StoringDialog):
    """Dialog for a new connection: its name, the root URL and kind of the service, log-in and access to files.

    Parameters
    ----------
    parent : QWidget, optional
        The parent widget.
    """

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(tr("New connection"), CONNECTIONS, parent)
        self.name = QLineEdit(self)
        self.url = QLineEdit(self)
        self.url.setPlaceholderText("https://imagery.example.org/stac/")
        self.kind = QComboBox(self)
        self.kind.addItem(tr("Detect it"), "")
        for kind, title in KINDS.items():
            self.kind.addItem(title, kind)
        self.log_in = LogInFields(self)
        self.access = AccessFields(self)
        self.access.setCollapsed(True)
        self.kind.currentIndexChanged.connect(self._show_access)
        self._kind_found = ""
        self._detection: Optional[Task] = None
        fit_placeholder(self.url)
        form = QFormLayout(self)
        form.addRow(tr("Name"), self.name)
        form.addRow(tr("Root of the service"), self.url)
        form.addRow(tr("Kind"), self.kind)
        form.addRow(tr("Log-in"), self.log_in)
        form.addRow(self.access)
        form.addRow(self.said)
        form.addRow(self.buttons)

    def accept(self) -> None:
        """Add the connection; the dialog stays open while its kind is detected, and shows an error if that fails."""
        if self._detection is not None:
            return
        kind = str(self.kind.currentData())
        try:
            root = normalise_url(self.url.text().strip())
            check_name(self.name.text())
            key = self.log_in.given()
            check_method(self.log_in.stored)
            AssetAccess().with_changes(self.access.changes())
        except PlanetVectorError as error:
            self.tell(core.errors_told(error))
            return
        if kind or usual_kind(root):
            self._add(kind)
            return

        def done(found: str) -> None:
            self._detection = None
            if not sip.isdeleted(self):
                self._add(found)

        def failed(error: BaseException) -> None:
            self._detection = None
            if not sip.isdeleted(self):
                self.tell(core.errors_told(error))

        self.tell(tr("Asking the service for its kind …"))
        settings = Settings(root, key, kind="")
        self._detection = Task.start(
            tr("Detecting the kind of a service"), lambda feedback: catalog_of(settings).kind, done, failed
        )

    def reject(self) -> None:
        """Close the dialog, and stop the detection of the kind."""
        if self._detection is not None:
            self._detection.cancel()
            self._detection = None
        super().reject()

    def _show_access(self, *_: object) -> None:
        self.access.setVisible(self.kind.currentData() in ("", _STAC))

    def _add(self, kind: str) -> None:
        self._kind_found = kind
        super().accept()

    def store(self) -> None:
        """Add the connection."""
        name, changes = self.name.text().strip(), self.access.changes()
        # Signal the connection only once it is logged in: without the key, the service would refuse.
        connections().blockSignals(True)
        try:
            connections().add(Connection(name, self.url.text().strip(), self.log_in.stored, self._kind_found))
            self._complete(name, {} if self.access.isHidden() else changes)
        finally:
            connections().blockSignals(False)
        connections().changed.emit()
        self.log_in.clear()

    def _complete(self, name: str, changes: Mapping[str, object]) -> None:
        """Store access and log-in of a new connection, which is removed if that fails, to be added again."""
        key = self.log_in.given()
        try:
            if any(changes.values()):
                connections().change_access(name, changes)
            if key is not None:
                connections().log_in(name, key)
        except PlanetVectorError:
            connections().remove(name)
            raise


def ask_for_connection(parent: Optional[QWidget] = None) -> str:
    """Ask for a new connection.

    Parameters
    ----------
    parent : QWidget, optional
        The parent widget.

    Returns
    -------
    str
        The name of the connection that was added; empty if none was.
    """
    dialog = ConnectionDialog(parent)
    name = dialog.name.text().strip() if dialog.exec() else ""
    dialog.deleteLater()
    return name
