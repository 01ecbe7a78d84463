"""The garbage collector, kept from walking what cannot be garbage."""

from __future__ import annotations

import gc
import threading
from contextlib import contextmanager
from typing import Iterator

_lock = threading.Lock()
_pauses = 0  # under way, in all threads
_resumed = False  # whether the collector is to run again after the last of them


@contextmanager
def uncollected() -> Iterator[None]:
    """Pause the garbage collector for a moment while many objects are made and none of them is garbage.

    A page of 1000 scenes is 25 000 objects without a cycle among them; making it sets the collector off some forty
    times, and a few of those walk every object of the process. Without the pause a scan takes a third longer.
    May be entered by several threads, and again by one; the collector runs when the last has left.
    """
    global _pauses, _resumed
    with _lock:
        if not _pauses:
            _resumed = gc.isenabled()
            gc.disable()
        _pauses += 1
    try:
        yield
    finally:
        with _lock:
            _pauses -= 1
            if not _pauses and _resumed:
                gc.enable()
