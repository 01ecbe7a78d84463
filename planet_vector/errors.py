"""What can go wrong, as one tree.

::

    PlanetVectorError
    ├── ConfigError              a key, an address or a limit that cannot be used
    ├── NameSyntaxError          (ValueError) not a PLANET: name
    ├── QueryError               (ValueError) a search the service has no words for
    ├── ServiceError             (OSError) the service did not give what was asked
    │   ├── BadQueryError        (QueryError) 400: a search the service refuses
    │   ├── AuthError            401, 403: no key, a wrong one, or one that may not
    │   ├── NotFoundError        404: no such scene type, scene, product, basemap
    │   ├── RateLimitError       429, after all retries
    │   ├── UnavailableError     5xx, timeouts, no connection, after all retries
    │   └── ProtocolError        an answer that is not what the API promises
    ├── RasterAccessError        (OSError) a product that cannot be opened where it lies
    ├── CacheError               (OSError) rows of a search that the disk does not take, or give back
    └── ArchiveError             a folder the local service cannot serve

    PlanetVectorWarning          (UserWarning) what was asked is done, with something to know about it
    ├── AreaWarning              an area crosses the antimeridian, where it may have been meant otherwise
    └── RectangleWarning         a rectangle may lack more of the largest possible area than was asked for

Every message is one sentence that names what happened, to what, and what to do; none holds a key.
"""

from __future__ import annotations

import sys
import warnings
from typing import Optional, Type


class PlanetVectorError(Exception):
    """Base class of every error of this package."""


class ConfigError(PlanetVectorError):
    """Raised if a key, an address or a limit cannot be used."""


class NameSyntaxError(PlanetVectorError, ValueError):
    """Raised if a text is not a PLANET: name."""


class QueryError(PlanetVectorError, ValueError):
    """Raised if the service has no words for a search."""


class ServiceError(PlanetVectorError, OSError):
    """Raised if the service does not give what was asked.

    Parameters
    ----------
    message : str
        One sentence.
    request : str, optional
        The request it happened to, as ``GET https://…``, with nothing secret in it.
    status : int, optional
        The HTTP status, when there was one.

    Attributes
    ----------
    retry_after : float or None
        Seconds after which the service wants to be asked again, where it says so.
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
    """Raised for status 400: the service itself refuses a search."""


class AuthError(ServiceError):
    """Raised for status 401 or 403."""


class NotFoundError(ServiceError):
    """Raised for status 404."""


class RateLimitError(ServiceError):
    """Raised for status 429 after all retries."""


class UnavailableError(ServiceError):
    """Raised for a server error, a timeout or a lost connection after all retries."""


class ProtocolError(ServiceError):
    """Raised if a response is not what the API promises."""


class RasterAccessError(PlanetVectorError, OSError):
    """Raised if a product cannot be opened where it lies."""


class CacheError(PlanetVectorError, OSError):
    """Raised if rows of a search cannot be written to disk, or read back."""


class ArchiveError(PlanetVectorError):
    """Raised if the local service cannot serve a folder."""


class PlanetVectorWarning(UserWarning):
    """Base class of this package's warnings; commands print them on stderr."""


class AreaWarning(PlanetVectorWarning):
    """Says how an area across the antimeridian is read."""


class RectangleWarning(PlanetVectorWarning):
    """Says how much of the largest possible area a rectangle may lack, if more than the tolerance."""


def warn(message: str, category: Type[Warning]) -> None:
    """Warn of what was asked, at the line outside this package that asked it.

    Parameters
    ----------
    message : str
        One sentence.
    category : type
        Of the warning.
    """
    passed = {__name__.partition(".")[0], "dataclasses"}  # whose `replace` and fields call into this package
    level = 2
    # `skip_file_prefixes` of `warnings.warn` does this from Python 3.12 on.
    frame = sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] in passed:
        frame = frame.f_back
        level += 1
    warnings.warn(message, category, stacklevel=level)
