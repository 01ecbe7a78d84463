"""What goes wrong behind QGIS's back, told in its message bar.

QGIS draws a layer whose service fails as an empty one and says nothing. The driver runs in this interpreter, so its
errors are heard here, in whatever thread they happen, and told on the main one.
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

_QUIET = 20.0  # seconds in which the same sentence is told once: one refresh reads a layer many times


class Watch(QObject):
    """Tell the driver's errors to the user."""

    heard = pyqtSignal(str, bool)
    """A sentence, and whether logging in would help; emitted in the thread where it happened."""

    def __init__(self, log_in: Optional[Callable[[], None]] = None, parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self._log_in = log_in
        self._told: Dict[str, float] = {}
        self.heard.connect(self._tell, Qt.ConnectionType.QueuedConnection)

    def start(self) -> None:
        """Listen."""
        if self._hear not in gdal_errors.LISTENERS:
            gdal_errors.LISTENERS.append(self._hear)

    def stop(self) -> None:
        """Listen no more."""
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
