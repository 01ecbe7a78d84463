"""Answers of 304: what a client says it has is compared with what there is (RFC 9110, section 13)."""

from __future__ import annotations

import hashlib
import os
import re
import time
from email.utils import formatdate, parsedate_to_datetime
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional

from starlette.datastructures import Headers
from starlette.responses import Response

from planet_vector.pixels.completing import Completed, Stretch
from planet_vector.version import __version__

NOT_STORED = {"Cache-Control": "no-store"}
"""Headers of what is true for this one request: errors, tokens, counters, signed addresses."""

_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')  # RFC 9110, section 8.8.3


class Version(NamedTuple):
    """State of an answer, told from all its other states.

    Attributes
    ----------
    tag : str
        The entity tag, quotes and all; weak when the same state may be written in other bytes.
    private : bool
        Whether the answer was given for a key, and is none for others.
    modified : float or None
        Seconds since 1970; None where only the tag can tell.
    """

    tag: str
    private: bool
    modified: Optional[float] = None

    @classmethod
    def of_made(cls, private: bool, *parts: Any) -> Version:
        """Return the version of an answer that is made of `parts`, which are told apart by how they print."""
        # What another release makes of the same parts may differ.
        return cls(f'W/"{_digest(__version__, *parts)}"', private)

    @classmethod
    def of_file(cls, status: os.stat_result, private: bool) -> Version:
        """Return the version of a file of the archive.

        Its size and time of change may be those of the file it replaces (``cp -p``, ``rsync -t``), its time of status
        change and number are not.
        """
        parts = status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
        return cls(f'"{_digest(*parts)}"', private, max(status.st_mtime, status.st_ctime))

    @classmethod
    def of_product(cls, product: Completed, private: bool) -> Version:
        """Return the version of a product, as `of_file` does of a file that is delivered as it is.

        Of a completed one no time tells: that of what was taken away from beside it may be later than all others.
        """
        states = [part.file for part in product.parts if isinstance(part, Stretch)]
        parts = [(state.size, state.mtime_ns, state.ctime_ns, state.number) for state in states]
        if product.as_it_is:
            return cls(f'"{_digest(*parts[0])}"', private, max(states[0].mtime_ns, states[0].ctime_ns) / 1e9)
        made = [hashlib.sha256(part).digest() for part in product.parts if isinstance(part, bytes)]
        return cls(f'"{_digest(parts, made)}"', private)

    @classmethod
    def of_kept(cls, name: str, status: os.stat_result, private: bool) -> Version:
        """Return the version of a picture's file in their cache, where the time of status change is that of use."""
        return cls(f'"{_digest(name, status.st_size, status.st_mtime_ns, status.st_ino)}"', private, status.st_mtime)

    @property
    def headers(self) -> Dict[str, str]:
        """What an answer of this version says of it: it may be kept, and is asked for again each time."""
        said = {"ETag": self.tag, "Cache-Control": "private, no-cache" if self.private else "no-cache"}
        if self.modified is not None:
            # RFC 9110, section 8.8.2.1: never later than the answer, whatever clocks the file met.
            said["Last-Modified"] = formatdate(min(self.modified, time.time()), usegmt=True)
        return said


def is_known(headers: Headers, version: Version, exists: bool = False) -> bool:
    """Tell whether a client that sent GET or HEAD has a version already.

    Parameters
    ----------
    headers : Headers
        Of the request.
    version : Version
        What there is now.
    exists : bool
        Whether the answer is known to be one of 200. Before, it may become a refusal, which ``If-None-Match: *``
        must not hide; a tag that the client names came with an answer of the very same state.
    """
    given = headers.getlist("if-none-match")
    if given:
        text = ",".join(given)
        if text.strip() == "*":
            return exists
        return _opaque(version.tag) in map(_opaque, _TAG.findall(text))
    since = headers.get("if-modified-since")
    if since is None or version.modified is None:
        return False
    moment = _seconds(since)
    return moment is not None and int(version.modified) <= moment


def not_modified(version: Version, headers: Optional[Mapping[str, str]] = None) -> Response:
    """Return the answer to a client that has a version already, with what else the answer of 200 would say of it."""
    return Response(status_code=304, headers={**version.headers, **(headers or {})})


def unless_known(
    asked: Headers, version: Version, make: Callable[[], Response], headers: Optional[Mapping[str, str]] = None
) -> Response:
    """Return what `make` does, or 304: before it is made where the client names its version, after it for any version.

    Parameters
    ----------
    asked : Headers
        Of the request.
    version : Version
        What there is now.
    make : callable
        Returns the answer of 200; what it raises is the answer.
    headers : mapping, optional
        What an answer of 304 has besides.
    """
    if is_known(asked, version):
        return not_modified(version, headers)
    made = make()
    return not_modified(version, headers) if is_known(asked, version, exists=True) else made


def _opaque(tag: str) -> str:
    return tag[2:] if tag.startswith("W/") else tag


def _seconds(date: str) -> Optional[float]:
    """Return a date of HTTP as seconds since 1970, or None for what is none."""
    try:
        return parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def _digest(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode(errors="surrogatepass")).hexdigest()[:32]
