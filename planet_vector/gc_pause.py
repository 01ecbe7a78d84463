"""The garbage collector, kept from walking what cannot be garbage."""

from __future__ import annotations

import gc
import threading
from contextlib import contextmanager
from typing import Dict, Iterator

from planet_vector.forking import renew_after_fork

_lock = threading.Lock()
_pauses: Dict[object, int] = {}  # under way, and the thread of each
_resumes = False  # whether the collector is to run again after the last of them


@contextmanager
def uncollected() -> Iterator[None]:
    """Pause the garbage collector for a moment while many objects are made and none of them is garbage.

    A page of 1000 scenes is 25 000 objects without a cycle among them; making it sets the collector off some forty
    times, and a few of those walk every object of the process. Without the pause a scan takes a third longer.
    May be entered by several threads, and again by one; the collector runs when the last has left.
    """
    global _resumes
    pause = object()
    # Around all of it: Ctrl-C between two of these steps must not leave the collector off.
    try:
        with _lock:
            if not _pauses:
                _resumes = gc.isenabled()
                gc.disable()
            _pauses[pause] = threading.get_ident()
        yield
    finally:
        with _lock:
            _pauses.pop(pause, None)
            _resume()


def _resume() -> None:
    global _resumes
    if not _pauses and _resumes:
        gc.enable()
        _resumes = False


@renew_after_fork
def _renew() -> None:
    """Forget the pauses of threads that a forked process does not have."""
    global _lock
    _lock = threading.Lock()
    for pause in [pause for pause, thread in _pauses.items() if thread != threading.get_ident()]:
        del _pauses[pause]
    _resume()
