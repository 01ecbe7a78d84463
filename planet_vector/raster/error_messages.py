"""What failures say, as parts of sentences and without the permissions that addresses hold."""

from __future__ import annotations

import re
from typing import Iterator, List, Optional

from planet_vector.errors import PlanetVectorError, ServiceError

_QUERY = re.compile(r"\?[^\s'\"]*")


def gdal_said(error: BaseException) -> str:
    """Return what GDAL said, on one line and without the queries of addresses, whose signatures are permissions.

    Of several errors that led to one another the first is told: it names the cause.
    """
    text = _QUERY.sub("?…", messages(error)[-1])
    return f"GDAL says {' '.join(text.split()).rstrip('.')[:300]!r}"


def messages(error: BaseException) -> List[str]:
    """Return the messages of an error and of those that led to it, the last first."""
    return list(_messages(error))


def _messages(error: BaseException) -> Iterator[str]:
    found: Optional[BaseException] = error
    while found is not None:
        yield str(found)
        found = found.__cause__ or found.__context__


def reason(error: BaseException) -> str:
    """Return why a file could not be read, as part of a sentence; no address in it."""
    text = error.message if isinstance(error, ServiceError) else str(error)
    return text.rstrip(".") if isinstance(error, PlanetVectorError) else f"{type(error).__name__}: {text}"
