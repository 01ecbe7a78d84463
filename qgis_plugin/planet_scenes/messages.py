"""Sentences for the user: in the message bar, and in a tab of the log."""

from __future__ import annotations

from typing import Callable, Optional

from qgis.core import Qgis, QgsMessageLog
from qgis.PyQt.QtWidgets import QPushButton

from planet_scenes.texts import tr

TAB = "Planet Scenes"
"""The tab of QGIS's log."""

_SECONDS = {Qgis.MessageLevel.Info: 5, Qgis.MessageLevel.Success: 5, Qgis.MessageLevel.Warning: 15}


def tell(text: str, level: Qgis.MessageLevel = Qgis.MessageLevel.Info) -> None:
    """Tell the user something; what went wrong stays until it is closed, with a button that opens the log."""
    QgsMessageLog.logMessage(text, TAB, level, notifyUser=False)
    worse = level in (Qgis.MessageLevel.Warning, Qgis.MessageLevel.Critical)
    _push(text, level, tr("Open log") if worse else "", _open_log)


def ask(text: str, answer: str, call: Callable[[], object]) -> None:
    """Tell the user something, with a button that does something about it."""
    QgsMessageLog.logMessage(text, TAB, Qgis.MessageLevel.Warning, notifyUser=False)
    _push(text, Qgis.MessageLevel.Warning, answer, call)


def _push(text: str, level: Qgis.MessageLevel, answer: str, call: Optional[Callable[[], object]]) -> None:
    from qgis.utils import iface

    if iface is None:  # qgis_process: the log is all there is
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
