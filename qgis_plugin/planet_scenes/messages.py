"""Messages to the user: in the message bar, and in a tab of the log."""

from __future__ import annotations

from typing import Callable, Optional

from qgis.core import Qgis, QgsMessageLog
from qgis.PyQt.QtWidgets import QPushButton

from planet_scenes.texts import tr

TAB = "Planet Scenes"
"""Name of the tab in QGIS's log."""

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
    item = bar.createMessage(TAB, text)
    if answer and call is not None:
        button = QPushButton(answer, item)
        button.clicked.connect(lambda *_: (bar.popWidget(item), call()))
        item.layout().addWidget(button)
    bar.pushWidget(item, level, _SECONDS.get(level, 0))


def _open_log() -> None:
    from qgis.utils import iface

    iface.openMessageLog()
