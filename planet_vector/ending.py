"""What is to be done when the program ends, by itself or by SIGTERM, which Python on its own dies of at once.

Of SIGKILL nobody hears: what must not stay behind then has to be found by the next program.
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
    """Have a function called when the program ends; return it. It may be called twice, and must not wait or raise."""
    _calls.append(call)
    atexit.register(call)
    return call


def mind_sigterm() -> None:
    """Have SIGTERM call them, too, from now on, before it ends the program as before.

    That is only for the main thread to set up, and only where the program has no handler of its own, in which it
    decides itself how it ends.
    """
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _end)


def _end(number: int, frame: Optional[FrameType]) -> None:
    signal.signal(number, signal.SIG_DFL)
    for call in _calls:
        call()
    signal.raise_signal(number)  # whoever started the program sees what it ended of
