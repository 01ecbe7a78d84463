"""Calls of GDAL: errors as messages, without output and without URLs."""

from __future__ import annotations

import re
from contextlib import ExitStack, contextmanager
from typing import Any, Callable, Iterator, Tuple

from osgeo import gdal, osr

from planet_scenes.texts import tr

_MOST_SAID = 300  # characters of a message

# A URL or a part of one, without the punctuation after it.
_REMOTE = re.compile(
    r"""[^\s'"`]*(?:://|/vsi|vsicurl|%[0-9a-f]{2}|\w[?&]\w)[^\s'"`]*?(?=[:,.;)]*(?:[\s'"`]|$))""", re.I
)


def call_gdal(call: Callable[[], Any]) -> Tuple[Any, str]:
    """Call GDAL with its output suppressed.

    Whether GDAL's Python bindings raise exceptions is a setting of the process: Processing enables them in newer QGIS.
    Here they are enabled for the call, where the bindings allow that (GDAL 3.7 and later); both cases are handled.

    Parameters
    ----------
    call : callable
        The function that calls GDAL.

    Returns
    -------
    tuple
        The result of the call, None if it raised; and GDAL's last message as `gdal_reason` returns it.
    """
    gdal.ErrorReset()
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    try:
        with _exceptions():
            found = call()
        said = gdal.GetLastErrorMsg()
    except RuntimeError as error:
        found, said = None, str(error)
    finally:
        gdal.PopErrorHandler()
    return found, gdal_reason(said)


@contextmanager
def _exceptions() -> Iterator[None]:
    """Enable exceptions in this thread; if neither mode is set, GDAL 3.7 and later print a warning."""
    with ExitStack() as stack:
        for module in (gdal, osr):
            if hasattr(module, "ExceptionMgr"):
                stack.enter_context(module.ExceptionMgr())
        yield


def gdal_reason(message: str) -> str:
    """Return a message of GDAL on one line, without URLs and names of remote files: they may contain a signature.

    Parameters
    ----------
    message : str
        The message.
    """
    text = _REMOTE.sub("the file", " ".join(message.split())).rstrip(". ")
    return text[:_MOST_SAID] or tr("GDAL gives no reason")
