"""Base of dialogs that store what was entered, and stay open with an error if that fails."""

from __future__ import annotations

from typing import Any, Optional

from qgis.PyQt import sip
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QDialog, QLabel, QVBoxLayout, QWidget

from planet_scenes import core
from planet_scenes.widgets import dialog_buttons
from planet_vector.errors import PlanetVectorError


class StoringDialog(QDialog):
    """Dialog with OK, Cancel and Help, and a line for messages, hidden while it is empty.

    Parameters
    ----------
    title : str
        The title of the window.
    heading : str
        Heading of the section of the help.
    parent : QWidget, optional
        The parent widget.
    """

    def __init__(self, title: str, heading: str, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.said = QLabel(self)
        self.said.setWordWrap(True)
        self.said.hide()
        self.buttons = dialog_buttons(self, heading)

    def lay_out(self, *widgets: QWidget) -> None:
        """Lay out widgets below each other, above the message and the buttons.

        Parameters
        ----------
        *widgets : QWidget
            The widgets.
        """
        column = QVBoxLayout(self)
        for widget in (*widgets, self.said, self.buttons):
            column.addWidget(widget)

    def showEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Fit the height to what is visible: groups are collapsed only once they are shown.

        Parameters
        ----------
        event : QShowEvent
            The event.
        """
        super().showEvent(event)
        QTimer.singleShot(0, self._fit)

    def _fit(self) -> None:
        if not sip.isdeleted(self):
            width = self.width()
            self.adjustSize()
            self.resize(max(width, self.width()), self.height())

    def tell(self, text: str) -> None:
        """Show a message.

        Parameters
        ----------
        text : str
            The message.
        """
        self.said.setText(text)
        self.said.show()

    def accept(self) -> None:
        """Store what was entered; the dialog stays open and shows an error if that fails."""
        try:
            self.store()
        except PlanetVectorError as error:
            self.tell(core.errors_told(error))
            return
        super().accept()

    def store(self) -> None:
        """Store what was entered.

        Raises
        ------
        PlanetVectorError
            If that fails.
        """
        raise NotImplementedError
