"""Fields and dialog for the log-in to a service: a key, a token, a user, or what QGIS has stored."""

from __future__ import annotations

from typing import Optional

from qgis.gui import QgsAuthConfigSelect
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from planet_scenes.connections import connections
from planet_scenes.dialogs import StoringDialog
from planet_scenes.help import CONNECTIONS
from planet_scenes.texts import tr
from planet_vector.keys import BASIC, Key

BEARER = "Bearer"

STORED = "stored"
"""Way to log in: a configuration of the user's own in the authentication manager."""


class LogInFields(QWidget):
    """Fields for the way to log in to a service, and for what that takes.

    Parameters
    ----------
    parent : QWidget, optional
        The parent widget.
    """

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.way = QComboBox(self)
        for title, way in (
            (tr("API key"), ""),
            (tr("Bearer token"), BEARER),
            (tr("User name and password"), BASIC),
            (tr("Stored in QGIS"), STORED),
        ):
            self.way.addItem(title, way)
        self.user = QLineEdit(self)
        self.user.setPlaceholderText(tr("User name"))
        self.key = QLineEdit(self)
        self.key.setEchoMode(QLineEdit.EchoMode.Password)
        self.authcfg = QgsAuthConfigSelect(self)
        note = QLabel(tr("Keys are stored in QGIS's authentication manager, never in projects or layers."), self)
        note.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for widget in (self.way, self.user, self.key, self.authcfg, note):
            column.addWidget(widget)
        self.way.currentIndexChanged.connect(self._show)
        self._show()

    def choose(self, way: str) -> None:
        """Choose a way to log in.

        Parameters
        ----------
        way : str
            One of `planet_vector.keys.AUTH_SCHEMES`, `STORED`, or empty for the usual scheme of the kind of service.
        """
        self.way.setCurrentIndex(self.way.findData(way))

    @property
    def stored(self) -> str:
        """Id of the chosen configuration of the authentication manager; empty for another way."""
        return str(self.authcfg.configId()) if self.way.currentData() == STORED else ""

    def given(self) -> Optional[Key]:
        """Return the key, the token or the user that was entered; None if nothing was.

        Raises
        ------
        ConfigError
            If it is invalid.
        """
        way, text = str(self.way.currentData()), self.key.text()
        if way == BASIC:
            user = self.user.text().strip()
            return Key.of_user(user, text, "QGIS") if user or text else None
        return Key(text, "QGIS", way) if way != STORED and text.strip() else None

    def clear(self) -> None:
        """Remove what was entered."""
        self.user.clear()
        self.key.clear()

    def _show(self, *_: object) -> None:
        way = self.way.currentData()
        self.user.setVisible(way == BASIC)
        self.key.setVisible(way != STORED)
        self.key.setPlaceholderText(tr("Password") if way == BASIC else tr("none"))
        self.authcfg.setVisible(way == STORED)


class LogInDialog(StoringDialog):
    """Dialog for the log-in to a connection.

    Parameters
    ----------
    name : str
        The connection.
    parent : QWidget, optional
        The parent widget.
    """

    def __init__(self, name: str, parent: Optional[QWidget] = None) -> None:
        super().__init__(tr("Log in to {name}").format(name=name), CONNECTIONS, parent)
        self._name = name
        self.fields = LogInFields(self)
        self.lay_out(self.fields)
        self.fields.key.setFocus()

    def store(self) -> None:
        """Log in."""
        log_in(self._name, self.fields)
        self.fields.clear()


def log_in(name: str, fields: LogInFields) -> None:
    """Log in to a connection with what was entered; nothing entered leaves it as it is.

    Parameters
    ----------
    name : str
        The connection.
    fields : LogInFields
        The fields.

    Raises
    ------
    ConfigError
        If the key is invalid, or cannot be stored.
    """
    key = fields.given()
    if key is not None:
        connections().log_in(name, key)
    elif fields.stored:
        connections().use_stored(name, fields.stored)


def ask_for_key(name: str, parent: Optional[QWidget] = None) -> bool:
    """Ask for the key of a connection, or another way to log in.

    Parameters
    ----------
    name : str
        The connection.
    parent : QWidget, optional
        The parent widget.

    Returns
    -------
    bool
        True if the user is logged in.
    """
    dialog = LogInDialog(name, parent)
    accepted = bool(dialog.exec())
    dialog.deleteLater()
    return accepted and connections().logged_in(name)
