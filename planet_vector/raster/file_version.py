"""What tells one version of a file on a server from another."""

from __future__ import annotations

from typing import Mapping


class FileVersion:
    """Version of a file, as a response tells it.

    Parameters
    ----------
    size : int
        Bytes of the file.
    headers : mapping of str to str
        Of the answer.

    Attributes
    ----------
    size : int
        Bytes of the file.
    strong_etag : str
        As the function of this name returns it.
    """

    def __init__(self, size: int, headers: Mapping[str, str]) -> None:
        self.size = size
        self.strong_etag = strong_etag(headers)
        self._told = {name: headers.get(name) for name in ("ETag", "Last-Modified")}

    @property
    def is_anonymous(self) -> bool:
        """Whether nothing but its size tells it from another."""
        return not any(self._told.values())

    def difference(self, other: FileVersion) -> str:
        """Return what differs, as part of a sentence, or nothing."""
        if self.size != other.size:
            return f"it had {self.size:,} bytes and has {other.size:,}"
        for name, mine in self._told.items():
            if mine and other._told[name]:
                # The first that both tell decides: stores on several machines may differ in the second.
                return "" if mine == other._told[name] else f"its {name} was {mine} and is {other._told[name]}"
        return ""


def strong_etag(headers: Mapping[str, str]) -> str:
    """Return the ETag that stands for the very same bytes, or nothing: a weak one may stand for others.

    RFC 9110, section 8.8.1.
    """
    etag = headers.get("ETag") or ""
    return "" if etag.startswith("W/") else etag
