"""Pauses of the garbage collector."""

from __future__ import annotations

import gc
import threading
from contextlib import contextmanager
from typing import Dict, Iterator

from planet_vector.forking import renew_after_fork

_lock = threading.Lock()
_pauses: Dict[object, int] = {}  # active pauses, with the thread of each
_resumes = False  # whether to enable the collector after the last pause


@contextmanager
def uncollected() -> Iterator[None]:
    """Pause the garbage collector while many objects are created and none becomes garbage.

    A page of 1000 scenes has 25 000 objects without a cycle. Creating them starts about forty collections, a few of
    which traverse every object of the process. Without the pause, a scan takes a third longer. Pauses may overlap in
    several threads and may be nested; the collector is enabled again after the last.

    Yields
    ------
    None
        Nothing: the collector is paused in the block.
    """
    global _resumes
    pause = object()
    # The `try` covers every step: Ctrl-C between two of them must not leave the collector off.
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
    """Drop the pauses of threads that do not exist in a forked child."""
    global _lock
    _lock = threading.Lock()
    for pause in [pause for pause, thread in _pauses.items() if thread != threading.get_ident()]:
        del _pauses[pause]
    _resume()
