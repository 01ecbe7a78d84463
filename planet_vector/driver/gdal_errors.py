"""Errors as GDAL's users see them: one sentence, no traceback, and never an end that looks like the end."""

from __future__ import annotations

import logging
import sys
from types import FrameType
from typing import Any, Callable, Iterator, List, NoReturn, Optional, Tuple, TypeVar

from planet_vector.driver.interrupts import DRIVER, called_by_gdal, guarded, interrupt_again, rising
from planet_vector.errors import PlanetVectorError

log = logging.getLogger(__name__)

T = TypeVar("T")

LISTENERS: List[Callable[[BaseException], None]] = []
"""Called, in whatever thread it is, with each error that GDAL is given: a program may show its users none of them."""

_PACKAGE = __name__.rpartition(".driver.")[0]


class _Prefix(str):
    """Stands for a class in GDAL's ``str(type) + ', ' + str(value)``, and swallows the comma."""

    def __add__(self, other: str) -> str:
        return "PLANET: "


class _Unprintable(type):
    """Metaclass on which ``traceback.format_exception`` gives up, so that GDAL prints the message alone.

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
    """One sentence for GDAL's error handler; never caught or shown anywhere else."""


def as_sentence(error: BaseException) -> Sentence:
    """Return what to raise in GDAL for an error."""
    if isinstance(error, Sentence):
        return error
    if not isinstance(error, Exception):  # KeyboardInterrupt, SystemExit: no fault of anything
        return Sentence(f"Interrupted before all was read ({type(error).__name__}).")
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
    """Return the iterator that a layer ends with when its features, or the rest of them, cannot be had.

    GDAL reports an error of the iterator and then ends the layer like any other, and that is all some programs
    see: fiona, and pyogrio with Arrow, would give an empty result, or a part. So where GDAL was called from Python, the
    error is made to rise in the caller as soon as GDAL returns to it.
    """
    caller = _caller()
    if caller not in (("", ""), _REPORTS_ERRORS):
        return rising(_kind(error))
    if isinstance(error, KeyboardInterrupt):
        interrupt_again()
    return _raise(as_sentence(error))


@called_by_gdal
def _raise(error: BaseException) -> Iterator[Any]:
    raise error
    yield


def _report(error: BaseException) -> NoReturn:
    if isinstance(error, KeyboardInterrupt):
        interrupt_again()
    raise as_sentence(error) from None


def as_gdal_error(method: Callable[..., T]) -> Callable[..., T]:
    """Decorate a method that GDAL calls: an error in it reaches GDAL as one sentence."""
    failed: Callable[[BaseException], T] = _report
    return guarded(failed)(method)


def unknown_count(error: BaseException) -> int:
    """Return -1, how GDAL says that a number of features is unknown, to a reader that takes an error for 0.

    fiona refuses to count then, and pyogrio (seen with 0.7 to 0.12) goes on to read the features, and raises the error
    that it meets there.

    Raises
    ------
    Exception
        The error, to any other program.
    """
    if not _caller()[0].startswith(("fiona", "pyogrio")):
        raise error
    if isinstance(error, KeyboardInterrupt):
        interrupt_again()
    return -1


def sizes_by_count() -> bool:
    """Tell whether the reader makes room for as many features as it was told, and takes no more."""
    return _caller() == _REPORTS_ERRORS


# The reader in Python that reports GDAL's errors itself. It also loses an exception that is set to rise: its compiled
# code runs code in Python when a layer ends, and takes no notice of what goes wrong there (pyogrio 0.12 and 0.13).
_REPORTS_ERRORS = ("pyogrio.raw", "read")


def _kind(error: BaseException) -> Any:
    """Return a class of which Python makes one exception: the error."""
    # The KeyboardInterrupt that was caught holds frames, with what they hold.
    if type(error) is KeyboardInterrupt:
        return KeyboardInterrupt
    return type(type(error).__name__, (type(error),), {"__new__": lambda cls, *_: error})


def _caller() -> Tuple[str, str]:
    """Return module and function of the Python code that called GDAL, which called the driver; empty where none did.

    A program that only embeds Python has no code of its own beneath the driver's: it takes errors from GDAL.
    """
    frame: Optional[FrameType] = sys._getframe()
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if not module.startswith((_PACKAGE, DRIVER)):
            return module, frame.f_code.co_name
        frame = frame.f_back
    return "", ""
