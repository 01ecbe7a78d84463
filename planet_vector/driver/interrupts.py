"""Ctrl-C while GDAL runs the driver: it rises in the Python code that called GDAL.

An exception that leaves the driver reaches GDAL, which reports it as an error of its own and goes on: a layer then
ends early, like one that is whole, and a Ctrl-C while any file is opened is lost. (With Python up to 3.11 GDAL even
crashes on an exception that a signal has set off, in GetPyExceptionString of gcore/gdalpython.cpp.) Python raises
KeyboardInterrupt between any two steps of the main thread's code, so no ``except`` in the driver can be sure to catch
it. From the first use of the driver on, a handler of this module stands in for Python's: within the driver it raises
KeyboardInterrupt only where `guarded` catches it, and elsewhere comes again a moment later. A handler of the
program's own is left alone.
"""

from __future__ import annotations

import _thread
import ctypes
import signal
import threading
from functools import partial, wraps
from itertools import filterfalse
from types import CodeType, FrameType
from typing import Any, Callable, Iterator, Optional, Set, Type, TypeVar

T = TypeVar("T")

_AGAIN = 0.002  # seconds until a signal that came at a bad moment comes again
DRIVER = "gdal_PLANET"  # the module that GDAL makes of the driver's file
# GDAL has modules of its own, too: one that drivers stand on, and one that formats an exception, made anew each time.
# It takes for granted that they can be made, and crashes where they cannot; what rises while they run, it loses.
_OF_GDAL = (DRIVER, "gdal_python_driver", "gdal_exception_")
_MAKES_MODULE = "_fix_up_module"  # of importlib: what runs before the code of a module that is made from C

_main = threading.main_thread().ident
_entries: Set[CodeType] = set()  # of the functions that GDAL calls
_armed = False  # whether the handler may raise: the main thread is within a guarded function


def called_by_gdal(function: Callable[..., T]) -> Callable[..., T]:
    """Mark a function that GDAL calls: no KeyboardInterrupt rises in it, except where it is `guarded`."""
    _entries.add(function.__code__)
    return function


def guarded(failed: Callable[[BaseException], T]) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Let a function that GDAL calls be interrupted, and turn any exception into what GDAL is to get.

    Parameters
    ----------
    failed : callable
        Takes the exception and returns the result, or raises what GDAL is to see.
    """

    def decorate(function: Callable[..., T]) -> Callable[..., T]:
        def call(*args: Any, **kwargs: Any) -> T:
            global _armed
            in_main = threading.get_ident() == _main
            try:
                if in_main:
                    _armed = True
                result = function(*args, **kwargs)
                if in_main:
                    _armed = False
            except BaseException as error:
                if in_main:
                    _armed = False
                return failed(error)
            return result

        return wraps(function)(called_by_gdal(call))

    return decorate


def unguarded(function: Callable[..., T], *args: Any) -> T:
    """Call GDAL from a guarded function: a KeyboardInterrupt must not rise in what GDAL calls in turn."""
    global _armed
    armed, _armed = _armed, False
    try:
        return function(*args)
    finally:
        _armed = armed


def stand_in() -> None:
    """Take the place of Python's handler of Ctrl-C, where that is the one."""
    if threading.get_ident() == _main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, handle)


def rising(kind: Type[BaseException]) -> Iterator[Any]:
    """Return an empty iterator that has an exception rise in this thread's Python code, once that goes on.

    It must not rise any earlier, in Python code that GDAL calls, so the iterator itself runs none.

    Parameters
    ----------
    kind : class
        The exception's.
    """
    set_off = ctypes.pythonapi.PyThreadState_SetAsyncExc
    set_off.argtypes = [ctypes.c_ulong, ctypes.py_object]
    return filterfalse(partial(set_off, threading.get_ident()), [kind])


def interrupt_again() -> None:
    """Have the signal of Ctrl-C come again, when the main thread has had time to leave the driver."""
    timer = threading.Timer(_AGAIN, _thread.interrupt_main)
    timer.daemon = True
    timer.start()


def handle(number: int, frame: Optional[FrameType]) -> None:
    """Raise KeyboardInterrupt, now or a moment later: the handler of Ctrl-C."""
    global _armed
    if _armed:
        _armed = False  # no second one while the first is handled
        raise KeyboardInterrupt
    # Compiled code of Cython runs a few lines of Python to note where it failed, and ignores what these raise.
    if frame is not None and frame.f_code.co_filename.endswith(".pyx"):
        interrupt_again()
        return
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        if frame.f_code in _entries or frame.f_code.co_name == _MAKES_MODULE or module.startswith(_OF_GDAL):
            interrupt_again()
            return
        frame = frame.f_back
    raise KeyboardInterrupt
