"""Messages to the user: in the message bar, and in a tab of the log."""

from __future__ import annotations

from html import escape
from typing import Callable, Optional

from qgis.core import Qgis, QgsMessageLog
from qgis.gui import QgsMessageBarItem
from qgis.PyQt import sip
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from planet_scenes.texts import tr

TAB = "Planet Scenes"
"""Name of the tab in QGIS's log."""

_WIDEST, _AROUND = 320, 20  # pixels of a text before it is wrapped, and around it
_SECONDS = {Qgis.MessageLevel.Info: 5, Qgis.MessageLevel.Success: 5, Qgis.MessageLevel.Warning: 15}


def tell(text: str, level: Qgis.MessageLevel = Qgis.MessageLevel.Info) -> None:
    """Show a message and log it; warnings and errors stay until closed, with a button that opens the log.

    Parameters
    ----------
    text : str
        The message.
    level : Qgis.MessageLevel, optional
        Its severity.
    """
    QgsMessageLog.logMessage(text, TAB, level, notifyUser=False)
    worse = level in (Qgis.MessageLevel.Warning, Qgis.MessageLevel.Critical)
    _push(text, level, tr("Open log") if worse else "", _open_log)


def ask(text: str, answer: str, call: Callable[[], object]) -> None:
    """Show a message with a button.

    Parameters
    ----------
    text : str
        The message.
    answer : str
        Text of the button.
    call : callable
        Called when the button is clicked.
    """
    QgsMessageLog.logMessage(text, TAB, Qgis.MessageLevel.Warning, notifyUser=False)
    _push(text, Qgis.MessageLevel.Warning, answer, call)


def _push(text: str, level: Qgis.MessageLevel, answer: str, call: Optional[Callable[[], object]]) -> None:
    from qgis.utils import iface

    if iface is None:  # qgis_process has a log only
        return
    bar = iface.messageBar()
    bar.pushItem(item_of(text, level, answer, call))


def item_of(
    text: str, level: Qgis.MessageLevel, answer: str, call: Optional[Callable[[], object]]
) -> QgsMessageBarItem:
    """Return an item of the message bar that shows its whole text: QGIS's own cuts all but the first line.

    Parameters
    ----------
    text : str
        The message.
    level : Qgis.MessageLevel
        Its severity.
    answer : str
        Text of the button; empty for none.
    call : callable, optional
        Called when the button is clicked.
    """
    widget = QWidget()
    label = QLabel(f"<b>{TAB}:</b> {escape(text)}")
    label.setObjectName("PlanetScenesMessage")
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    # Without a minimum, the bar would take its height from a narrower label.
    label.setMinimumWidth(min(_WIDEST, label.fontMetrics().horizontalAdvance(f"{TAB}: {text}") + _AROUND))
    row = QHBoxLayout(widget)
    row.setContentsMargins(0, 0, 0, 0)
    row.addWidget(label, 1)
    item = QgsMessageBarItem(widget, level, _SECONDS.get(level, 0))
    sip.transferto(widget, item)  # in Python, QGIS's constructor leaves it to be collected
    item.setProperty("sentence", text)
    if answer and call is not None:
        button = QPushButton(answer)
        button.clicked.connect(lambda *_: (item.dismiss(), call()))
        row.addWidget(button)
    return item


def _open_log() -> None:
    from qgis.utils import iface

    iface.openMessageLog()
