"""Distinguish one version of a file on a server from another."""

from __future__ import annotations

from typing import Mapping


class FileVersion:
    """Version of a file, as the headers of a response specify it.

    Parameters
    ----------
    size : int
        Size of the file in bytes.
    headers : mapping of str to str
        Response headers.

    Attributes
    ----------
    size : int
        Size of the file in bytes.
    strong_etag : str
        As `strong_etag` returns it.
    """

    def __init__(self, size: int, headers: Mapping[str, str]) -> None:
        self.size = size
        self.strong_etag = strong_etag(headers)
        self._told = {name: headers.get(name) for name in ("ETag", "Last-Modified")}

    @property
    def is_anonymous(self) -> bool:
        """Whether only its size distinguishes it from other versions."""
        return not any(self._told.values())

    def difference(self, other: FileVersion) -> str:
        """Return the difference as part of a sentence, or an empty string if there is none.

        Parameters
        ----------
        other : FileVersion
            The version to compare with.
        """
        if self.size != other.size:
            return f"it had {self.size:,} bytes and has {other.size:,}"
        for name, mine in self._told.items():
            if mine and other._told[name]:
                # The first header that both have decides: replicated stores may differ in the second.
                return "" if mine == other._told[name] else f"its {name} was {mine} and is {other._told[name]}"
        return ""


def strong_etag(headers: Mapping[str, str]) -> str:
    """Return the strong ETag, which identifies the exact bytes, or an empty string.

    A weak ETag may stand for other bytes (RFC 9110, section 8.8.1).

    Parameters
    ----------
    headers : mapping of str to str
        Response headers.
    """
    etag = headers.get("ETag") or ""
    return "" if etag.startswith("W/") else etag
