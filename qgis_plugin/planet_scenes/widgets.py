"""Composite widgets of the dock and the dialogs."""

from __future__ import annotations

from typing import Tuple

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPushButton,
    QToolButton,
    QWidget,
)

from planet_scenes.help import show_help
from planet_scenes.icons import icon

_AROUND = 40  # pixels around the text of a field


def fit_placeholder(field: QLineEdit) -> None:
    """Make a field wide enough for its placeholder.

    Parameters
    ----------
    field : QLineEdit
        The field.
    """
    field.setMinimumWidth(field.fontMetrics().horizontalAdvance(field.placeholderText()) + _AROUND)


def row_of(*widgets: QWidget, equally: bool = False) -> QWidget:
    """Return widgets side by side; the first, and those for text, expand.

    Parameters
    ----------
    *widgets : QWidget
        The widgets.
    equally : bool, optional
        Whether all expand.
    """
    made = QWidget()
    row = QHBoxLayout(made)
    row.setContentsMargins(0, 0, 0, 0)
    for number, widget in enumerate(widgets):
        row.addWidget(widget, int(equally or number == 0 or isinstance(widget, QLineEdit)))
    return made


def button(picture: str, tip: str, text: str = "") -> QToolButton:
    """Return a button with an icon, a text or both.

    Parameters
    ----------
    picture : str
        Name of the icon; empty for none.
    tip : str
        The tool tip.
    text : str, optional
        The text.
    """
    made = QToolButton()
    if picture:
        made.setIcon(icon(picture))
    made.setToolTip(tip)
    made.setText(text)
    if text and picture:
        made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    return made


def menu_button(picture: str, tip: str, text: str = "") -> Tuple[QPushButton, QMenu]:
    """Return a button that opens a menu, and the menu.

    Of a tool button, the arrow would cover the end of the text.

    Parameters
    ----------
    picture : str
        Name of the icon; empty for none.
    tip : str
        The tool tip.
    text : str, optional
        The text.
    """
    made = QPushButton(text)
    if picture:
        made.setIcon(icon(picture))
    made.setToolTip(tip)
    menu = QMenu(made)
    made.setMenu(menu)
    return made, menu


def dialog_buttons(dialog: QDialog, heading: str) -> QDialogButtonBox:
    """Return the buttons of a dialog, connected to it: OK, Cancel, and Help.

    Parameters
    ----------
    dialog : QDialog
        The dialog.
    heading : str
        Heading of the section of the help.
    """
    button = QDialogButtonBox.StandardButton
    made = QDialogButtonBox(button.Ok | button.Cancel | button.Help, parent=dialog)
    made.accepted.connect(dialog.accept)
    made.rejected.connect(dialog.reject)
    made.helpRequested.connect(lambda: show_help(heading, dialog))
    return made
