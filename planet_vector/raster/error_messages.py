"""Format failures as parts of sentences, without the signatures that addresses contain."""

from __future__ import annotations

import re
from typing import Iterator, List, Optional

from planet_vector.errors import PlanetVectorError, ServiceError

_QUERY = re.compile(r"\?[^\s'\"]*")


def gdal_said(error: BaseException) -> str:
    """Return GDAL's message, on one line and without the queries of addresses, whose signatures grant access.

    Of chained errors the first is used, as it names the cause.

    Parameters
    ----------
    error : BaseException
        The error that rasterio raised.
    """
    text = _QUERY.sub("?…", messages(error)[-1])
    return f"GDAL says {' '.join(text.split()).rstrip('.')[:300]!r}"


def messages(error: BaseException) -> List[str]:
    """Return the messages of an error and of those that caused it, the last first.

    Parameters
    ----------
    error : BaseException
        The error.
    """
    return list(_messages(error))


def _messages(error: BaseException) -> Iterator[str]:
    found: Optional[BaseException] = error
    while found is not None:
        yield str(found)
        found = found.__cause__ or found.__context__


def reason(error: BaseException) -> str:
    """Return why a file could not be read, as part of a sentence without an address.

    Parameters
    ----------
    error : BaseException
        The error.
    """
    text = error.message if isinstance(error, ServiceError) else str(error)
    return text.rstrip(".") if isinstance(error, PlanetVectorError) else f"{type(error).__name__}: {text}"
