"""Time limit and cancellation of the work for one response."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Callable, Dict, Iterator, Optional

from planet_vector.server.http_errors import HttpError


class ClientGone(Exception):
    """Raised if the client has closed its connection."""


class Patience:
    """Time limit of the work for one response, which also ends if its client disconnects.

    Long computations call `check` about every 50 ms. Work that cannot do so registers a callback with `on_leave`.

    Parameters
    ----------
    seconds : float
        Time limit, from now on.
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
        """Remaining time in seconds, at least 0."""
        return max(0.0, self._end - time.monotonic())

    def check(self) -> None:
        """Raise an exception if the client has disconnected or the time is used up.

        Raises
        ------
        ClientGone
            If the client has disconnected.
        HttpError
            503, if the time is used up.
        """
        if self._gone.is_set():
            raise ClientGone
        if not self.left:
            raise HttpError(
                503,
                f"The answer would take longer than {self._seconds:g} s: use a smaller area or a shorter time window.",
                {"Retry-After": "30"},
            )

    def leave(self) -> None:
        """Record that the client has disconnected, and call the callbacks."""
        with self._lock:
            self._gone.set()
            callbacks = list(self._callbacks.values())
            self._callbacks.clear()
        for callback in callbacks:
            callback()

    @contextlib.contextmanager
    def on_leave(self, callback: Callable[[], None]) -> Iterator[None]:
        """Call a function if the client disconnects within the block, or has disconnected before.

        Parameters
        ----------
        callback : callable
            Function that ends the work. It is called at most once, possibly in another thread.

        Returns
        -------
        context manager
            Registers the callback for the duration of the block.
        """
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


@contextlib.contextmanager
def held(lock: threading.Lock, patience: Optional[Patience]) -> Iterator[None]:
    """Hold a lock in the block; while waiting for it, check the patience.

    Parameters
    ----------
    lock : threading.Lock
        Lock to hold.
    patience : Patience, optional
        Time limit and cancellation of the wait.

    Returns
    -------
    context manager
        Acquires the lock for the duration of the block.
    """
    while not lock.acquire(timeout=0.05):
        if patience is not None:
            patience.check()
    try:
        yield
    finally:
        lock.release()
