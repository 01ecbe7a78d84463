"""Measurement of main thread blocking; used by the tests, and by the script that runs in the application."""

from __future__ import annotations

import time
from typing import Dict

from qgis.PyQt.QtCore import Qt, QTimer

LONGEST = 0.1  # seconds; shorter delays feel instantaneous (Nielsen, Usability Engineering, 1993)


class Pulse:
    """Timer on the main thread that records the longest interval between two ticks of each step.

    Attributes
    ----------
    gaps : dict of str to float
        The longest interval in seconds, by step.
    waits : dict of str to float
        The longest interval without the processor's time of the main thread: what it waited for, by step.
    """

    def __init__(self) -> None:
        self.gaps: Dict[str, float] = {}
        self.waits: Dict[str, float] = {}
        self._step = "start"
        self.skip()
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
        self._last, self._worked = time.perf_counter(), time.thread_time()

    def _beat(self) -> None:
        now, worked = time.perf_counter(), time.thread_time()
        gap = now - self._last
        for found, seconds in ((self.gaps, gap), (self.waits, gap - (worked - self._worked))):
            found[self._step] = max(found.get(self._step, 0.0), seconds)
        self._last, self._worked = now, worked
