"""Ctrl-C while GDAL runs the driver: KeyboardInterrupt is raised in the Python code that called GDAL.

An exception that leaves the driver reaches GDAL, which reports it as an error of its own and continues. A layer then
ends early, as if complete, and a Ctrl-C during the opening of any file is lost. (With Python up to 3.11, GDAL even
crashes on an exception that a signal handler raised, in GetPyExceptionString of gcore/gdalpython.cpp.) Python raises
KeyboardInterrupt between any two steps of the main thread's code, so no ``except`` in the driver catches it reliably.
From the first use of the driver on, a handler of this module replaces Python's. Within the driver it raises
KeyboardInterrupt only where `guarded` catches it; elsewhere it repeats the signal a moment later. A handler of the
program itself is not replaced.
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

_AGAIN = 0.002  # seconds until a deferred signal is repeated
DRIVERS = ("gdal_PLANET", "gdal_STAC")  # the modules that GDAL creates from the drivers' files
# GDAL has modules of its own, too: one with the drivers' base classes, and one that formats an exception, created again
# each time. GDAL crashes if an exception prevents their creation, and loses an exception while they run.
_OF_GDAL = (*DRIVERS, "gdal_python_driver", "gdal_exception_")
_MAKES_MODULE = "_fix_up_module"  # function of importlib that runs before the code of a module created from C

_main = threading.main_thread().ident
_entries: Set[CodeType] = set()  # code of the functions that GDAL calls
_armed = False  # whether the handler may raise, as the main thread is in a guarded function


def called_by_gdal(function: Callable[..., T]) -> Callable[..., T]:
    """Mark a function that GDAL calls: no KeyboardInterrupt is raised in it unless it is `guarded`.

    Parameters
    ----------
    function : callable
        The function.

    Returns
    -------
    callable
        `function`, so that this can be used as a decorator.
    """
    _entries.add(function.__code__)
    return function


def guarded(failed: Callable[[BaseException], T]) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Let Ctrl-C interrupt a function that GDAL calls, and convert any exception for GDAL.

    Parameters
    ----------
    failed : callable
        Receives the exception, and returns the result or raises GDAL's exception.

    Returns
    -------
    callable
        A decorator.
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
    """Call GDAL from a guarded function, without KeyboardInterrupt in the callbacks of GDAL.

    Parameters
    ----------
    function : callable
        The function.
    *args : object
        Its arguments.

    Returns
    -------
    object
        The function's result.
    """
    global _armed
    armed, _armed = _armed, False
    try:
        return function(*args)
    finally:
        _armed = armed


def stand_in() -> None:
    """Replace Python's handler of Ctrl-C, if it is in use."""
    if threading.get_ident() == _main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, handle)


def rising(kind: Type[BaseException]) -> Iterator[Any]:
    """Return an empty iterator that schedules an exception in this thread's Python code.

    The exception must not be raised earlier, in Python code that GDAL calls, so the iterator itself runs none.

    Parameters
    ----------
    kind : type
        The exception's class.
    """
    set_off = ctypes.pythonapi.PyThreadState_SetAsyncExc
    set_off.argtypes = [ctypes.c_ulong, ctypes.py_object]
    return filterfalse(partial(set_off, threading.get_ident()), [kind])


def interrupt_again() -> None:
    """Repeat the signal of Ctrl-C after the main thread has had time to leave the driver."""
    timer = threading.Timer(_AGAIN, _thread.interrupt_main)
    timer.daemon = True
    timer.start()


def handle(number: int, frame: Optional[FrameType]) -> None:
    """Handle Ctrl-C: raise KeyboardInterrupt, now or a moment later.

    Parameters
    ----------
    number : int
        The signal.
    frame : FrameType or None
        The interrupted frame.

    Raises
    ------
    KeyboardInterrupt
        If it may be raised here.
    """
    global _armed
    if _armed:
        _armed = False  # not again while the first is handled
        raise KeyboardInterrupt
    # Code compiled by Cython runs a few lines of Python to record where it failed, and ignores their exceptions.
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
