"""Dialogs of the browser and the options: a new connection, an API key."""

from __future__ import annotations

from typing import Optional

from qgis.gui import QgsAuthConfigSelect
from qgis.PyQt import sip
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QInputDialog,
    QLabel,
    QLineEdit,
    QMessageBox,
    QWidget,
)

from planet_scenes import core
from planet_scenes.connection import Connection
from planet_scenes.connections import connections
from planet_scenes.tasks import Task
from planet_scenes.texts import tr
from planet_vector.catalog import catalog_of
from planet_vector.config import Settings
from planet_vector.connections import KINDS, check_name, usual_kind
from planet_vector.errors import PlanetVectorError
from planet_vector.keys import Key
from planet_vector.roots import normalise_url

_AROUND = 40  # pixels around the text of a field


class ConnectionDialog(QDialog):
    """Dialog for a new connection: its name, the root URL and kind of the service, and the key.

    Parameters
    ----------
    parent : QWidget, optional
        The parent widget.
    """

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("New connection"))
        self.name = QLineEdit(self)
        self.url = QLineEdit(self)
        self.url.setPlaceholderText("https://imagery.example.org/stac/")
        self.kind = QComboBox(self)
        self.kind.addItem(tr("Detect it"), "")
        for kind, title in KINDS.items():
            self.kind.addItem(title, kind)
        self.key = QLineEdit(self)
        self.key.setEchoMode(QLineEdit.EchoMode.Password)
        self.key.setPlaceholderText(tr("none"))
        # Basic authentication reaches GDAL in every QGIS: the key is the user name.
        self.authcfg = QgsAuthConfigSelect(self)
        note = QLabel(tr("Keys are stored in QGIS's authentication manager, never in projects or layers."), self)
        note.setWordWrap(True)
        self.said = QLabel(self)
        self.said.setWordWrap(True)
        self.said.hide()
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel, parent=self
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self._detection: Optional[Task] = None
        # Wide enough for the longest placeholder.
        self.url.setMinimumWidth(self.url.fontMetrics().horizontalAdvance(self.url.placeholderText()) + _AROUND)
        form = QFormLayout(self)
        form.addRow(tr("Name"), self.name)
        form.addRow(tr("Root of the service"), self.url)
        form.addRow(tr("Kind"), self.kind)
        form.addRow(tr("Key"), self.key)
        form.addRow(tr("or a stored one"), self.authcfg)
        form.addRow(note)
        form.addRow(self.said)
        form.addRow(buttons)

    def accept(self) -> None:
        """Add the connection; the dialog stays open while its kind is detected, and shows an error if that fails."""
        if self._detection is not None:
            return
        kind = str(self.kind.currentData())
        try:
            root = normalise_url(self.url.text().strip())
            check_name(self.name.text())
        except PlanetVectorError as error:
            self._tell(core.errors_told(error))
            return
        if kind or usual_kind(root):
            self._add(kind)
            return
        key = self.key.text().strip()

        def done(found: str) -> None:
            self._detection = None
            if not sip.isdeleted(self):
                self._add(found)

        def failed(error: BaseException) -> None:
            self._detection = None
            if not sip.isdeleted(self):
                self._tell(core.errors_told(error))

        self._tell(tr("Asking the service for its kind …"))
        settings = Settings(root, Key(key, "QGIS") if key else None, kind="")
        self._detection = Task.start(
            tr("Detecting the kind of a service"), lambda feedback: catalog_of(settings).kind, done, failed
        )

    def reject(self) -> None:
        """Close the dialog, and stop the detection of the kind."""
        if self._detection is not None:
            self._detection.cancel()
            self._detection = None
        super().reject()

    def _add(self, kind: str) -> None:
        name, key = self.name.text().strip(), self.key.text().strip()
        connection = Connection(name, self.url.text().strip(), "" if key else self.authcfg.configId(), kind)
        try:
            # With a key, signal the connection only once it is logged in: without the key, the service would refuse.
            connections().blockSignals(bool(key))
            try:
                connections().add(connection)
            finally:
                connections().blockSignals(False)
            if key:
                self._log_in(name, key)
        except PlanetVectorError as error:
            self._tell(core.errors_told(error))
            return
        self.key.clear()
        super().accept()

    def _tell(self, text: str) -> None:
        self.said.setText(text)
        self.said.show()

    def _log_in(self, name: str, key: str) -> None:
        try:
            connections().log_in(name, key)
        except PlanetVectorError:
            connections().remove(name)  # so that it can be added again with another key
            raise


def ask_for_connection(parent: Optional[QWidget] = None) -> bool:
    """Ask for a new connection.

    Parameters
    ----------
    parent : QWidget, optional
        The parent widget.

    Returns
    -------
    bool
        True if a connection was added.
    """
    return bool(ConnectionDialog(parent).exec())


def ask_for_key(name: str, parent: Optional[QWidget] = None) -> bool:
    """Ask for the API key of a connection, masked, and log in with it.

    Parameters
    ----------
    name : str
        The connection.
    parent : QWidget, optional
        The parent widget.

    Returns
    -------
    bool
        True if the key was stored.
    """
    key, accepted = QInputDialog.getText(
        parent, tr("Log in"), tr("API key for {name}:").format(name=name), QLineEdit.EchoMode.Password
    )
    if not accepted or not key.strip():
        return False
    try:
        connections().log_in(name, key.strip())
    except PlanetVectorError as error:
        QMessageBox.warning(parent, tr("Log in"), core.errors_told(error))
        return False
    return True
