"""Rate limit for the requests to a service."""

from __future__ import annotations

import threading
import time

from planet_vector.forking import renew_after_fork


class RateLimiter:
    """Token bucket; its capacity is the number of requests in a second, at least one.

    Parameters
    ----------
    rate : float
        Requests a second; 0 for no limit.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        # At least one, or the first request would wait if the rate is below one.
        self._burst = max(1.0, rate)
        self._tokens = self._burst
        self._then = time.monotonic()
        self._renew()
        renew_after_fork(self._renew)

    def _renew(self) -> None:
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Block until the next request may be sent."""
        if self._rate <= 0:
            return
        with self._lock:
            now = time.monotonic()
            self._tokens = min(self._burst, self._tokens + (now - self._then) * self._rate)
            self._then = now
            self._tokens -= 1
            pause = -self._tokens / self._rate
        if pause > 0:
            time.sleep(pause)
