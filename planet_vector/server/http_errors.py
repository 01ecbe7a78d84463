"""Exception for refused requests."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Tuple


class HttpError(Exception):
    """Error answered with a 4xx or 5xx status.

    Parameters
    ----------
    status : int
        HTTP status.
    message : str
        One sentence, the ``message`` of the JSON body.
    headers : mapping of str to str, optional
        Headers that the status requires, such as ``Retry-After``.
    """

    def __init__(self, status: int, message: str, headers: Optional[Mapping[str, str]] = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})

    def __reduce__(self) -> Tuple[Any, ...]:
        """Pickle all attributes: pictures and areas are computed in other processes."""
        return type(self), (self.status, self.message, self.headers)
