"""Measurement of main thread blocking; used by the tests, and by the script that runs in the application."""

from __future__ import annotations

import time
from typing import Dict

from qgis.PyQt.QtCore import Qt, QTimer

LONGEST = 0.1  # seconds; shorter delays feel instantaneous (Nielsen, Usability Engineering, 1993)


class Pulse:
    """Timer on the main thread that records the longest interval between two ticks of each step."""

    def __init__(self) -> None:
        self.gaps: Dict[str, float] = {}
        self._step = "start"
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(2)
        self._timer.timeout.connect(self._beat)
        self._timer.start()

    def step(self, name: str) -> None:
        """Start another step."""
        self._beat()
        self._step = name

    def stop(self) -> None:
        """Stop the timer."""
        self._beat()
        self._timer.stop()

    def skip(self) -> None:
        """Ignore the time since the last tick: the test itself used it."""
        self._last = time.perf_counter()

    def _beat(self) -> None:
        now = time.perf_counter()
        self.gaps[self._step] = max(self.gaps.get(self._step, 0.0), now - self._last)
        self._last = now
