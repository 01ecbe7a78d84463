"""How long an answer may take, and whether its client still waits for it."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Callable, Dict, Iterator

from planet_vector.server.http_errors import Refusal


class ClientGone(Exception):
    """Raised if the client has closed its connection."""


class Patience:
    """Bound on the time of the work for one answer.

    Long work asks `check` between pieces of some 50 ms; what cannot ask names what ends it, with `on_leave`.

    Parameters
    ----------
    seconds : float
        Time from now that the work may take.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._gone = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: Dict[int, Callable[[], None]] = {}
        self._number = 0

    @property
    def left(self) -> float:
        """Seconds that are left, at least 0."""
        return max(0.0, self._end - time.monotonic())

    def check(self) -> None:
        """Go on only when there is somebody who waits, and time.

        Raises
        ------
        ClientGone
            When the client has left.
        Refusal
            503, when the time is used up.
        """
        if self._gone.is_set():
            raise ClientGone
        if not self.left:
            raise Refusal(
                503,
                f"The answer would take longer than {self._seconds:g} s: ask for less ground, or a shorter time.",
                {"Retry-After": "30"},
            )

    def leave(self) -> None:
        """Note that the client has left, and end what works for it."""
        with self._lock:
            self._gone.set()
            callbacks = list(self._callbacks.values())
            self._callbacks.clear()
        for callback in callbacks:
            callback()

    @contextlib.contextmanager
    def on_leave(self, callback: Callable[[], None]) -> Iterator[None]:
        """Call a function when the client leaves within the block, or has left before it."""
        with self._lock:
            self._number += 1
            number = self._number
            gone = self._gone.is_set()
            if not gone:
                self._callbacks[number] = callback
        if gone:
            callback()
        try:
            yield
        finally:
            with self._lock:
                self._callbacks.pop(number, None)
