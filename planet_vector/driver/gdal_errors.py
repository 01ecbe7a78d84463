"""Errors in GDAL: one sentence without a traceback, and no failed read that looks like a complete one."""

from __future__ import annotations

import logging
import sys
from functools import cache, partial
from types import FrameType
from typing import Any, Callable, Iterator, List, NoReturn, Optional, Tuple, Type, TypeVar, cast

from planet_vector.driver.interrupts import DRIVERS, called_by_gdal, guarded, interrupt_again, rising
from planet_vector.errors import PlanetVectorError
from planet_vector.names import PREFIX

log = logging.getLogger(__name__)

T = TypeVar("T")

LISTENERS: List[Callable[[BaseException], None]] = []
"""Called, in the thread of the error, with each error that is passed to GDAL, as a program may not show GDAL's errors.
"""

_PACKAGE = __name__.rpartition(".driver.")[0]


class _Prefix(str):
    """Replacement of a class name in GDAL's ``str(type) + ', ' + str(value)``, which drops the comma."""

    def __add__(self, other: str) -> str:
        return f"{self} "


class _Unprintable(type):
    """Metaclass that makes ``traceback.format_exception`` fail, so that GDAL prints only the message.

    GDAL reports a driver's exception as ``traceback.format_exception(...)`` formats it: with a traceback, which is
    useless to users. If that function fails, GDAL uses ``str(type) + ', ' + str(value)`` instead (GetPyExceptionString
    in gcore/gdalpython.cpp, GDAL 3.1 to 3.12).
    """

    def __getattribute__(cls, name: str) -> Any:
        if name == "__qualname__":
            raise RuntimeError("this exception has a message only")
        return super().__getattribute__(name)

    def __str__(cls) -> str:
        return _Prefix(cls.prefix)


class Sentence(Exception, metaclass=_Unprintable):
    """Raised for GDAL's error handler with one sentence; never caught or shown elsewhere.

    Attributes
    ----------
    prefix : str
        What the names of the driver begin with, and its messages.
    """

    prefix = PREFIX


@cache
def _sentences_of(prefix: str) -> Type[Sentence]:
    """Return the class of the sentences of a driver, as GDAL shows the class."""
    return cast(Type[Sentence], _Unprintable("Sentence", (Sentence,), {"prefix": prefix}))


def notify(error: BaseException) -> None:
    """Call the `LISTENERS` with an error.

    Parameters
    ----------
    error : BaseException
        The error.
    """
    for listener in list(LISTENERS):
        listener(error)


def as_sentence(error: BaseException, prefix: str = PREFIX) -> Sentence:
    """Return the exception to raise in GDAL for an error.

    Parameters
    ----------
    error : BaseException
        The error.
    prefix : str, optional
        What the names of the driver begin with.
    """
    if isinstance(error, Sentence):
        return error
    sentence = _sentences_of(prefix)
    if not isinstance(error, Exception):  # KeyboardInterrupt, SystemExit: not an error
        return sentence(f"Interrupted before all was read ({type(error).__name__}).")
    notify(error)
    if isinstance(error, PlanetVectorError):
        log.debug("%s: %s", type(error).__name__, error)
        return sentence(str(error))
    if isinstance(error, ImportError):
        return sentence(
            f"The driver cannot import {error.name!r} in the Python that this program embeds: install planet_vector "
            'there, or start the program from a shell after eval "$(planet-vector env)".'
        )
    log.debug("An error that is a fault of planet_vector", exc_info=error)
    return sentence(f"A fault in planet_vector, please report it: {type(error).__name__}: {error}")


def end_with(error: BaseException, prefix: str = PREFIX) -> Iterator[Any]:
    """Return the iterator that ends a layer if its features, or the rest of them, cannot be read.

    GDAL reports an error of the iterator and then ends the layer normally. Some programs notice only the end: fiona,
    and pyogrio with Arrow, would return an empty or partial result. So if Python code called GDAL, the error is raised
    in that code as soon as GDAL returns.

    Parameters
    ----------
    error : BaseException
        The error.
    prefix : str, optional
        What the names of the driver begin with.
    """
    caller = _caller()
    if caller not in (("", ""), _REPORTS_ERRORS):
        return rising(_kind(error))
    if isinstance(error, KeyboardInterrupt):
        interrupt_again()
    return _raise(as_sentence(error, prefix))


@called_by_gdal
def _raise(error: BaseException) -> Iterator[Any]:
    raise error
    yield


def _report(prefix: str, error: BaseException) -> NoReturn:
    if isinstance(error, KeyboardInterrupt):
        interrupt_again()
    raise as_sentence(error, prefix) from None


def as_gdal_error(method: Callable[..., T], prefix: str = PREFIX) -> Callable[..., T]:
    """Decorate a method that GDAL calls, so that an error in it reaches GDAL as one sentence.

    Parameters
    ----------
    method : callable
        The method.
    prefix : str, optional
        What the names of the driver begin with.

    Returns
    -------
    callable
        The decorated method.
    """
    failed: Callable[[BaseException], T] = partial(_report, prefix)
    return guarded(failed)(method)


def unknown_count(error: BaseException) -> int:
    """Return -1, GDAL's unknown number of features, for readers that treat an error as 0.

    fiona then refuses to count, and pyogrio (seen with 0.7 to 0.12) reads the features and raises the error that it
    meets there.

    Parameters
    ----------
    error : BaseException
        The error that prevented counting.

    Raises
    ------
    Exception
        The error itself, for any other program.
    """
    if not _caller()[0].startswith(("fiona", "pyogrio")):
        raise error
    if isinstance(error, KeyboardInterrupt):
        interrupt_again()
    return -1


def sizes_by_count() -> bool:
    """Return whether the reader allocates as many features as were counted, and reads no more."""
    return _caller() == _REPORTS_ERRORS


# The Python reader that reports GDAL's errors itself. It also loses a pending exception: its compiled code runs Python
# code at the end of a layer, and ignores exceptions there (pyogrio 0.12 and 0.13).
_REPORTS_ERRORS = ("pyogrio.raw", "read")


def _kind(error: BaseException) -> Any:
    """Return a class whose only instance is the error."""
    # Not the caught KeyboardInterrupt, which keeps frames and their variables alive.
    if type(error) is KeyboardInterrupt:
        return KeyboardInterrupt
    return type(type(error).__name__, (type(error),), {"__new__": lambda cls, *_: error})


def _caller() -> Tuple[str, str]:
    """Return module and function of the Python code that called GDAL; empty if there is none.

    A program that only embeds Python has no Python code below the driver's: it receives errors from GDAL.
    """
    frame: Optional[FrameType] = sys._getframe()
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if not module.startswith((_PACKAGE, *DRIVERS)):
            return module, frame.f_code.co_name
        frame = frame.f_back
    return "", ""
