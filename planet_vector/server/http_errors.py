"""What the service answers when it does not give what was asked."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Tuple


class Refusal(Exception):
    """Error that is answered with a status of 4xx or 5xx.

    Parameters
    ----------
    status : int
        The HTTP status.
    message : str
        One sentence for the body's ``message``.
    headers : mapping of str to str, optional
        Headers the status asks for.
    """

    def __init__(self, status: int, message: str, headers: Optional[Mapping[str, str]] = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})

    def __reduce__(self) -> Tuple[Any, ...]:
        """Be pickled with all of its parts: pictures and areas are made in other processes."""
        return type(self), (self.status, self.message, self.headers)
