"""Help: the page of the documentation on the plugin, which the zip contains, in a window."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Optional

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QShowEvent, QTextCursor
from qgis.PyQt.QtWidgets import QDialog, QTextBrowser, QVBoxLayout, QWidget

from planet_scenes.texts import tr

CONNECTIONS, SEARCH, PRODUCTS = "Connections and keys", "Search", "Products"
"""Headings of the page, which the dialogs open."""

_SIZE = 720, 620  # pixels
# A text browser shows neither pictures nor comments, and has no other pages to follow links to.
_PICTURE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_COMMENT = re.compile(r"<!--.*?-->", re.S)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


def help_path() -> Path:
    """Return the path of the page: in the zip it is beside this module, in a checkout in the documentation."""
    packed = Path(__file__).parent / "help" / "qgis.md"
    return packed if packed.is_file() else Path(__file__).parents[2] / "docs" / "qgis.md"


def help_url(heading: str) -> str:
    """Return the address of a section of the page on the plugin's site, for dialogs that open a web browser.

    Parameters
    ----------
    heading : str
        The heading of the section.
    """
    said = (Path(__file__).parent / "metadata.txt").read_text(encoding="utf-8")
    found = re.search(r"^homepage=(\S+)$", said, re.M)
    return f"{found[1].rstrip('/')}/qgis/#{heading.lower().replace(' ', '-')}" if found else ""


class HelpDialog(QDialog):
    """Window with the page, at one of its sections.

    Parameters
    ----------
    heading : str
        The heading of the section.
    parent : QWidget, optional
        The parent widget.
    """

    def __init__(self, heading: str, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Help on Planet Scenes"))
        self.resize(*_SIZE)
        self.text = QTextBrowser(self)
        text = _COMMENT.sub("", help_path().read_text(encoding="utf-8"))
        self.text.setMarkdown(_LINK.sub(r"\1", _PICTURE.sub("", text)))
        column = QVBoxLayout(self)
        column.addWidget(self.text)
        block = self.text.document().begin()
        while block.isValid() and not (block.blockFormat().headingLevel() and block.text() == heading):
            block = block.next()
        if block.isValid():
            self.text.setTextCursor(QTextCursor(block))

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Scroll to the section once the text is laid out.

        Parameters
        ----------
        event : QShowEvent
            The event.
        """
        super().showEvent(event)
        bar = self.text.verticalScrollBar()
        bar.setValue(bar.value() + self.text.cursorRect().top())


def show_help(heading: str, parent: Optional[QWidget] = None) -> HelpDialog:
    """Open the help at a section.

    Parameters
    ----------
    heading : str
        The heading of the section.
    parent : QWidget, optional
        The parent widget.
    """
    dialog = HelpDialog(heading, parent)
    dialog.show()
    return dialog
