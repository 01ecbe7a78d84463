"""Functions called at the end of the program: normal exit, or SIGTERM, which by default ends Python at once.

SIGKILL cannot be handled: the next program must find and remove what a killed one left behind.
"""

from __future__ import annotations

import atexit
import signal
import threading
from types import FrameType
from typing import Callable, List, Optional, TypeVar

F = TypeVar("F", bound=Callable[[], None])

_calls: List[Callable[[], None]] = []


def at_end(call: F) -> F:
    """Register a function to be called at the end of the program, and return it.

    Parameters
    ----------
    call : callable
        May be called twice; must neither wait nor raise.

    Returns
    -------
    callable
        `call`, so that this can be used as a decorator.
    """
    _calls.append(call)
    atexit.register(call)
    return call


def mind_sigterm() -> None:
    """Call the registered functions on SIGTERM, too, before it ends the program.

    Does nothing outside the main thread, which alone can set handlers, or if the program has its own handler of
    SIGTERM.
    """
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _end)


def _end(number: int, frame: Optional[FrameType]) -> None:
    signal.signal(number, signal.SIG_DFL)
    for call in _calls:
        call()
    signal.raise_signal(number)  # the parent process sees the signal as the exit status
