"""How long the main thread was held up; used by the tests, and by the script that runs in the desktop."""

from __future__ import annotations

import time
from typing import Dict

from qgis.PyQt.QtCore import Qt, QTimer

LONGEST = 0.1  # seconds; less is felt as at once (Nielsen, Usability Engineering, 1993)


class Pulse:
    """Beat on the main thread, and keep the longest time between two beats of each step."""

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
        """Begin another step."""
        self._beat()
        self._step = name

    def stop(self) -> None:
        """Beat no more."""
        self._beat()
        self._timer.stop()

    def skip(self) -> None:
        """Forget the time since the last beat: what was done meanwhile is the test's own."""
        self._last = time.perf_counter()

    def _beat(self) -> None:
        now = time.perf_counter()
        self.gaps[self._step] = max(self.gaps.get(self._step, 0.0), now - self._last)
        self._last = now
