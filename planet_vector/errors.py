"""Exceptions and warnings of this package.

::

    PlanetVectorError
    ├── ConfigError              invalid key, address or limit
    ├── NameSyntaxError          (ValueError) not a PLANET: name
    ├── QueryError               (ValueError) a search that the service cannot express
    ├── ExpressionError          (ValueError) not arithmetic on bands
    ├── ServiceError             (OSError) a failed request
    │   ├── BadQueryError        (QueryError) 400: the service rejects the search
    │   ├── AuthError            401, 403: no key, a wrong one, or one without permission
    │   ├── NotFoundError        404: no such scene type, scene, product, basemap
    │   ├── RateLimitError       429, after all retries
    │   ├── UnavailableError     5xx, timeouts, no connection, after all retries
    │   └── ProtocolError        a response that violates the API
    ├── RasterAccessError        (OSError) a product that cannot be opened remotely
    ├── CacheError               (OSError) rows of a search that cannot be written to or read from disk
    └── ArchiveError             a folder that the local service cannot serve

    PlanetVectorWarning          (UserWarning) a request was carried out, with a reservation
    ├── AreaWarning              an area crosses the antimeridian, which may not be intended
    └── RectangleWarning         a rectangle may be smaller than the largest possible one by more than the tolerance

Every message is one sentence: what happened, to what, and what to do. No message contains a key.
"""

from __future__ import annotations

import sys
import warnings
from typing import Optional, Type


class PlanetVectorError(Exception):
    """Base class of every error of this package."""


class ConfigError(PlanetVectorError):
    """Raised if a key, an address or a limit is invalid."""


class NameSyntaxError(PlanetVectorError, ValueError):
    """Raised if a text is not a PLANET: name."""


class QueryError(PlanetVectorError, ValueError):
    """Raised if the service cannot express a search."""


class ExpressionError(PlanetVectorError, ValueError):
    """Raised if a text is not arithmetic on bands, or uses bands that do not exist.

    Parameters
    ----------
    message : str
        One sentence.
    column : int
        Place of the fault in the expression, from 1.
    """

    def __init__(self, message: str, column: int) -> None:
        super().__init__(message)
        self.column = column

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (str(self), self.column)


class ServiceError(PlanetVectorError, OSError):
    """Raised if a request to the service fails.

    Parameters
    ----------
    message : str
        One sentence.
    request : str, optional
        The failed request, as ``GET https://…``, without secrets.
    status : int, optional
        The HTTP status, if there was a response.

    Attributes
    ----------
    retry_after : float or None
        Seconds after which the service allows a retry, if it sent them.
    """

    retry_after: Optional[float] = None

    def __init__(self, message: str, request: Optional[str] = None, status: Optional[int] = None) -> None:
        super().__init__(message)
        self.message = message
        self.request = request
        self.status = status

    def __str__(self) -> str:
        return f"{self.message} [{self.request}]" if self.request else self.message

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.message, self.request, self.status)


class BadQueryError(ServiceError, QueryError):
    """Raised for status 400: the service rejects a search."""


class AuthError(ServiceError):
    """Raised for status 401 or 403.

    Attributes
    ----------
    reason : str
        The message without its remedy, for programs in which users log in otherwise; empty if it names no command.
    root : str
        Root of the service that refused the request; empty if another key for it would not help.
    """

    reason: str = ""
    root: str = ""


class NotFoundError(ServiceError):
    """Raised for status 404."""


class RateLimitError(ServiceError):
    """Raised for status 429 after all retries."""


class UnavailableError(ServiceError):
    """Raised for a server error, a timeout or a lost connection after all retries."""


class ProtocolError(ServiceError):
    """Raised if a response violates the API."""


class RasterAccessError(PlanetVectorError, OSError):
    """Raised if a product cannot be opened remotely."""


class CacheError(PlanetVectorError, OSError):
    """Raised if rows of a search cannot be written to disk, or read from it."""


class ArchiveError(PlanetVectorError):
    """Raised if the local service cannot serve a folder."""


class PlanetVectorWarning(UserWarning):
    """Base class of this package's warnings; commands print them on stderr."""


class AreaWarning(PlanetVectorWarning):
    """Warns how an area across the antimeridian is interpreted."""


class RectangleWarning(PlanetVectorWarning):
    """Warns that a rectangle may be smaller than the largest possible one by more than the tolerance."""


def warn(message: str, category: Type[Warning]) -> None:
    """Issue a warning at the first line of the call stack outside this package.

    Parameters
    ----------
    message : str
        One sentence.
    category : type
        Class of the warning.
    """
    passed = {__name__.partition(".")[0], "dataclasses"}  # `dataclasses.replace` and fields call into this package
    level = 2
    # From Python 3.12 on, `skip_file_prefixes` of `warnings.warn` does this.
    frame = sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] in passed:
        frame = frame.f_back
        level += 1
    warnings.warn(message, category, stacklevel=level)
