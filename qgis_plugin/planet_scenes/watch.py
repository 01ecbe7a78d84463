"""Errors of the driver, shown in the message bar.

QGIS draws a layer as empty if its service fails, without a message. The driver runs in this interpreter, so its errors
are received here, in the thread where they occur, and shown on the main thread.
"""

from __future__ import annotations

import time
from typing import Callable, Dict, Optional

from qgis.core import Qgis
from qgis.PyQt.QtCore import QObject, Qt, pyqtSignal

from planet_scenes import core, messages
from planet_scenes.texts import tr
from planet_vector.driver import gdal_errors
from planet_vector.errors import AuthError

_QUIET = 20.0  # seconds in which the same message is shown once: one refresh reads a layer many times


class Watch(QObject):
    """Shows the driver's errors to the user.

    Parameters
    ----------
    log_in : callable, optional
        Called when the user clicks the log-in button.
    parent : QObject, optional
        The parent object.
    """

    heard = pyqtSignal(str, bool)
    """Emitted with a sentence and whether logging in would help, in the thread of the error."""

    def __init__(self, log_in: Optional[Callable[[], None]] = None, parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self._log_in = log_in
        self._told: Dict[str, float] = {}
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
        self.heard.emit(core.errors_told(error), isinstance(error, AuthError))

    def _tell(self, sentence: str, needs_key: bool) -> None:
        now = time.monotonic()
        if now - self._told.get(sentence, -_QUIET) < _QUIET:
            return
        self._told[sentence] = now
        if needs_key and self._log_in is not None:
            messages.ask(sentence, tr("Log in"), self._log_in)
        else:
            messages.tell(sentence, Qgis.MessageLevel.Critical)
