"""What GDAL says of a failure, without the permissions that addresses hold."""

from __future__ import annotations

import re
from typing import Iterator, List, Optional

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
