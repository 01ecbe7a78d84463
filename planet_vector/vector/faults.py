"""Errors as GDAL's users see them: one sentence, no traceback, and never an end that looks like the end."""

from __future__ import annotations

import ctypes
import logging
import sys
import threading
from itertools import filterfalse, starmap
from types import FrameType
from typing import Any, Callable, Iterator, List, Optional, Tuple

from planet_vector.errors import PlanetVectorError

log = logging.getLogger(__name__)

LISTENERS: List[Callable[[BaseException], None]] = []
"""Called, in whatever thread it is, with each error that GDAL is given: a program may show its users none of them."""

_PACKAGE = __name__.rpartition(".vector.")[0]


class _Prefix(str):
    """Stand for a class in GDAL's ``str(type) + ', ' + str(value)``, and swallow the comma."""

    def __add__(self, other: str) -> str:
        return "PLANET: "


class _Unprintable(type):
    """Make ``traceback.format_exception`` give up on a class, so that GDAL prints the message alone.

    GDAL reports a driver's exception as ``traceback.format_exception(...)`` formats it: with a traceback, which
    tells a user nothing. When that function itself fails, GDAL falls back to ``str(type) + ', ' + str(value)``
    (GetPyExceptionString in gcore/gdalpython.cpp, GDAL 3.1 to 3.12).
    """

    def __getattribute__(cls, name: str) -> Any:
        if name == "__qualname__":
            raise RuntimeError("this exception has a message only")
        return super().__getattribute__(name)

    def __str__(cls) -> str:
        return _Prefix()


class Sentence(Exception, metaclass=_Unprintable):
    """Carry one sentence to GDAL's error handler; never caught or shown anywhere else."""


def as_sentence(error: BaseException) -> Sentence:
    """Return what to raise in GDAL for an error."""
    if isinstance(error, Sentence):
        return error
    for listener in list(LISTENERS):
        listener(error)
    if isinstance(error, PlanetVectorError):
        log.debug("%s: %s", type(error).__name__, error)
        return Sentence(str(error))
    if isinstance(error, ImportError):
        return Sentence(
            f"The driver cannot import {error.name!r} in the Python that this program embeds: install planet_vector "
            'there, or start the program from a shell after eval "$(planet-vector env)".'
        )
    log.debug("An error that is a fault of planet_vector", exc_info=error)
    return Sentence(f"A fault in planet_vector, please report it: {type(error).__name__}: {error}")


def end_with(error: BaseException) -> Iterator[Any]:
    """Return the iterator that a layer ends with when its features cannot be had.

    GDAL reports an error of the iterator and then ends the layer like any other, and that is all some programs
    see: fiona, and pyogrio with Arrow, would give an empty result. So where GDAL was called from Python, the error
    is made to rise in the caller as soon as GDAL returns to it. It must not rise any earlier, in code that GDAL
    calls, so what sets it off is an iterator without Python code of its own.
    """
    if not _hides_errors():
        return _raise(as_sentence(error))
    rising = type(type(error).__name__, (type(error),), {"__new__": lambda cls, *_: error})
    set_off = ctypes.pythonapi.PyThreadState_SetAsyncExc
    set_off.argtypes = [ctypes.c_ulong, ctypes.py_object]
    return filterfalse(None, starmap(set_off, [(threading.get_ident(), rising)]))


def unknown_count(error: Exception) -> int:
    """Return -1, how GDAL says that a number of features is unknown, to a reader that takes an error for 0.

    fiona refuses to count then, and pyogrio (seen with 0.7 to 0.12) goes on to read the features, and raises the error
    that it meets there.

    Raises
    ------
    Exception
        The error, to any other program.
    """
    if _caller()[0].startswith(("fiona", "pyogrio")):
        return -1
    raise error


def _hides_errors() -> bool:
    """Tell whether the driver was called from Python code, other than the reader that reports GDAL's errors itself.

    A program that only embeds Python has no code of its own beneath the driver's: it takes errors from GDAL.
    """
    return _caller() not in (("", ""), ("pyogrio.raw", "read"))


def _caller() -> Tuple[str, str]:
    """Return module and function of the Python code that called GDAL, which called the driver; empty where none did."""
    frame: Optional[FrameType] = sys._getframe()
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if not module.startswith((_PACKAGE, "gdal_PLANET")):
            return module, frame.f_code.co_name
        frame = frame.f_back
    return "", ""


def _raise(error: BaseException) -> Iterator[Any]:
    raise error
    yield
