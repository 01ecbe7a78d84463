"""Conditional requests: versions of responses, ETag, Last-Modified and 304 (RFC 9110, section 13)."""

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
"""Headers of responses that must not be cached: errors, tokens, counters, signed addresses."""

_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')  # RFC 9110, section 8.8.3


class Version(NamedTuple):
    """Version of a response, which identifies its state.

    Attributes
    ----------
    tag : str
        Entity tag with its quotes; weak if the same state may be encoded in different bytes.
    private : bool
        Whether the response depends on a key, so that shared caches must not store it.
    modified : float or None
        Time of the last modification in seconds since 1970; None if only the tag identifies the version.
    """

    tag: str
    private: bool
    modified: Optional[float] = None

    @classmethod
    def of_made(cls, private: bool, *parts: Any) -> Version:
        """Return the version of a computed response.

        Parameters
        ----------
        private : bool
            Whether the response depends on a key.
        *parts
            Values that determine the response; their ``repr`` is hashed.
        """
        # Another release may compute another response from the same parts.
        return cls(f'W/"{_digest(__version__, *parts)}"', private)

    @classmethod
    def of_file(cls, status: os.stat_result, private: bool) -> Version:
        """Return the version of a file.

        The size and modification time may equal those of a replaced file (``cp -p``, ``rsync -t``), so the time of
        status change and the inode number are included.

        Parameters
        ----------
        status : os.stat_result
            Status of the file.
        private : bool
            Whether the response depends on a key.
        """
        parts = status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
        return cls(f'"{_digest(*parts)}"', private, max(status.st_mtime, status.st_ctime))

    @classmethod
    def of_product(cls, product: Completed, private: bool) -> Version:
        """Return the version of a product: that of `of_file` if its file is delivered unchanged.

        The version of a completed product has no modification time, because the removal of a sidecar file, which
        changes it, may be later than the times of all remaining files.

        Parameters
        ----------
        product : Completed
            The product.
        private : bool
            Whether the response depends on a key.
        """
        states = [part.file for part in product.parts if isinstance(part, Stretch)]
        parts = [(state.size, state.mtime_ns, state.ctime_ns, state.number) for state in states]
        if product.as_it_is:
            return cls(f'"{_digest(*parts[0])}"', private, max(states[0].mtime_ns, states[0].ctime_ns) / 1e9)
        made = [hashlib.sha256(part).digest() for part in product.parts if isinstance(part, bytes)]
        return cls(f'"{_digest(parts, made)}"', private)

    @classmethod
    def of_kept(cls, name: str, status: os.stat_result, private: bool) -> Version:
        """Return the version of a cached picture's file.

        The time of status change is not included: the cache changes it at each use.

        Parameters
        ----------
        name : str
            Name of the picture in the cache.
        status : os.stat_result
            Status of its file.
        private : bool
            Whether the response depends on a key.
        """
        return cls(f'"{_digest(name, status.st_size, status.st_mtime_ns, status.st_ino)}"', private, status.st_mtime)

    @property
    def headers(self) -> Dict[str, str]:
        """Headers of a response of this version: ETag, Last-Modified, and caching with revalidation."""
        described = {"ETag": self.tag, "Cache-Control": "private, no-cache" if self.private else "no-cache"}
        if self.modified is not None:
            # RFC 9110, section 8.8.2.1: never later than the response, even if the file's time is in the future.
            described["Last-Modified"] = formatdate(min(self.modified, time.time()), usegmt=True)
        return described


def is_known(headers: Headers, version: Version, exists: bool = False) -> bool:
    """Return whether a client that sent GET or HEAD has a version already.

    Parameters
    ----------
    headers : Headers
        Headers of the request.
    version : Version
        Current version.
    exists : bool
        Whether the response is known to be 200. Otherwise ``If-None-Match: *`` does not match, because it could hide
        a refusal. A tag named by the client matches in any case: it came with a response of the same state.
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
    """Return the 304 response to a client that has a version already.

    Parameters
    ----------
    version : Version
        Version that the client has.
    headers : mapping of str to str, optional
        Further headers, which a 200 response would have, too.
    """
    return Response(status_code=304, headers={**version.headers, **(headers or {})})


def unless_known(
    asked: Headers, version: Version, make: Callable[[], Response], headers: Optional[Mapping[str, str]] = None
) -> Response:
    """Return the response of `make`, or 304 if the client has the version.

    If the client names the version, `make` is not called. For ``If-None-Match: *`` it is called first, as it may raise
    a refusal.

    Parameters
    ----------
    asked : Headers
        Headers of the request.
    version : Version
        Current version.
    make : callable
        Returns the 200 response. Its exceptions propagate.
    headers : mapping, optional
        Further headers of a 304 response.
    """
    if is_known(asked, version):
        return not_modified(version, headers)
    made = make()
    return not_modified(version, headers) if is_known(asked, version, exists=True) else made


def _opaque(tag: str) -> str:
    return tag[2:] if tag.startswith("W/") else tag


def _seconds(date: str) -> Optional[float]:
    """Return an HTTP date as seconds since 1970, or None if it is invalid."""
    try:
        return parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def _digest(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode(errors="surrogatepass")).hexdigest()[:32]
