"""Errors of the driver, shown in the message bar.

QGIS draws a layer as empty if its service fails, without a message. The driver runs in this interpreter, so its errors
are received here, in the thread where they occur, and shown on the main thread.
"""

from __future__ import annotations

import time
from typing import Callable, Dict, Optional, Tuple

from qgis.core import Qgis
from qgis.PyQt.QtCore import QObject, Qt, pyqtSignal

from planet_scenes import core, messages
from planet_scenes.connections import connections
from planet_scenes.texts import tr
from planet_vector.driver import gdal_errors

_QUIET = 20.0  # seconds in which the same message is shown once: one refresh reads a layer many times


class Watch(QObject):
    """Shows the driver's errors to the user.

    Parameters
    ----------
    log_in : callable, optional
        Called with the name of the connection that needs a key, when the user clicks the log-in button.
    parent : QObject, optional
        The parent object.
    """

    heard = pyqtSignal(str, object)
    """Emitted with a sentence and its error, in the thread of the error."""

    def __init__(self, log_in: Optional[Callable[[str], None]] = None, parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self._log_in = log_in
        self._told: Dict[Tuple[str, str], float] = {}
        self.heard.connect(self._tell, Qt.ConnectionType.QueuedConnection)

    def start(self) -> None:
        """Start receiving errors."""
        if self._hear not in gdal_errors.LISTENERS:
            gdal_errors.LISTENERS.append(self._hear)

    def stop(self) -> None:
        """Stop receiving errors."""
        if self._hear in gdal_errors.LISTENERS:
            gdal_errors.LISTENERS.remove(self._hear)

    def _hear(self, error: BaseException) -> None:
        self.heard.emit(core.errors_told(error), error)

    def _tell(self, sentence: str, error: BaseException) -> None:
        now, name, log_in = time.monotonic(), connections().refusing(error), self._log_in
        if now - self._told.get((sentence, name), -_QUIET) < _QUIET:
            return
        self._told[sentence, name] = now
        if name and log_in is not None:
            messages.ask(sentence, tr("Log in to {name}").format(name=name), lambda: log_in(name))
        else:
            messages.tell(sentence, Qgis.MessageLevel.Critical)
