"""Requests for ranges of a file behind a service's link, also after the address it led to has expired.

A signed address is renewed before it expires, and whenever the store rejects it. Each response is compared with the
first one, so that bytes of another version of the file are never returned.
"""

from __future__ import annotations

import threading
import time
from typing import Callable, Hashable, Iterator, List, Optional, Sequence, Tuple, TypeVar, Union

import requests

from planet_vector.catalog import Catalog
from planet_vector.errors import RasterAccessError, ServiceError
from planet_vector.http.multirange import MOST_OVERHEAD, MOST_RANGES, boundary_of, range_header, split_parts
from planet_vector.http.responses import content_range, read_body
from planet_vector.raster.chunks import CHUNK
from planet_vector.raster.file_types import is_jpeg2000, is_tiff, reason_of
from planet_vector.raster.file_version import FileVersion
from planet_vector.raster.link_address import LinkAddress
from planet_vector.raster.read_ahead import AHEAD, PIECE
from planet_vector.raster.spans import Range, together
from planet_vector.workers import Workers

T = TypeVar("T")

HEAD = 4 * CHUNK  # bytes of the first read: see GDAL_INGESTED_BYTES_AT_OPEN in `planet_vector.raster.gdal_options`
ALONE = 65536  # bytes; most in a gap between two ranges that is read along if the server sends one range at a time
LEAST = 256 * 1024  # bytes that justify another connection: what one transfers in the meantime, at 5 MB/s and 50 ms
LONG = 8 * CHUNK  # bytes from which a span is fetched in whole chunks, to be cached


class ServedWhole(RasterAccessError):
    """Raised if a file is not served in ranges."""


class RangeRequests:
    """Requests for ranges of a file behind a link; safe to use from several threads.

    Parameters
    ----------
    catalog : Catalog
        The service that gave the link.
    link : str
        The link, already checked.
    title : str
        Name used in error messages.

    Attributes
    ----------
    version : FileVersion or None
        Version of the file, since the first response.
    identity : hashable
        Key of the same bytes in a cache, also when the file is reopened.
    """

    def __init__(self, catalog: Catalog, link: str, title: str) -> None:
        self._catalog, self._link, self._title = catalog, link, title
        self._connections, self._root = catalog.settings.connections, catalog.settings.api_url
        self._lock = threading.RLock()
        self._until = 0.0
        self._head = b""
        self._gives_several = True  # multipart responses, until one fails
        self._address = LinkAddress(link, self._root)
        self.version: Optional[FileVersion] = None
        self.identity: Hashable = object()

    def begin(self, seconds: float) -> None:
        """Set the deadline of the following requests.

        Parameters
        ----------
        seconds : float
            Time for all tries.
        """
        self._until = time.monotonic() + seconds

    def fetch(self, first: int, end: int) -> bytes:
        """Return a byte range, shorter at the end of the file.

        Parameters
        ----------
        first, end : int
            The first byte, and the one after the last.

        Raises
        ------
        ServiceError
            If the service, or the store it redirects to, does not provide it.
        RasterAccessError
            If the file has changed since the first request.
        """
        self._renew_in_time()
        address = self._address
        body = self._ask(first, end)
        if isinstance(body, ServiceError) and address.is_refused(body):
            self._renew(address)
            refused, body = body, self._ask(first, end)
            if isinstance(body, ServiceError) and body.status == refused.status:
                raise refused  # the error for the link itself
        if isinstance(body, ServiceError):
            raise body
        return body

    def fetch_each(self, spans: Sequence[Range]) -> Iterator[bytes]:
        """Yield the bytes of several ranges, by a request each.

        Parameters
        ----------
        spans : sequence of (int, int)
            The ranges.

        Yields
        ------
        bytes
            The bytes of the next range, shorter at the end of the file.

        Raises
        ------
        ServiceError, RasterAccessError
            As `fetch`.
        """
        if len(spans) < 2:
            yield from (self.fetch(*span) for span in spans)
            return
        self._renew_in_time()
        with Workers(min(len(spans), self._connections), "geotiff-range") as pool:
            bodies = list(pool.map(lambda span: self._ask(*span), spans))
        for span, body in zip(spans, bodies):
            yield self.fetch(*span) if isinstance(body, ServiceError) else body

    def fetch_spans(self, spans: Sequence[Range], size: int, connections: int) -> List[Tuple[int, bytes]]:
        """Return the bytes of spans, by as few requests as possible.

        Parameters
        ----------
        spans : sequence of (int, int)
            The spans.
        size : int
            Size of the file in bytes.
        connections : int
            Maximum number of concurrent requests.

        Returns
        -------
        list of (int, bytes)
            Offsets and bytes. Each span is within one of them; together they may contain more.

        Raises
        ------
        ServiceError, RasterAccessError
            As `fetch`.
        """
        if self._gives_several:
            asked = together([_aligned(span, size) for span in spans], 0, AHEAD)
        else:
            asked = together(spans, ALONE, PIECE)
        groups = [[span] for span in asked]
        if self._gives_several and len(asked) > connections:
            length = sum(end - first for first, end in asked)
            count = max(min(connections, -(-length // LEAST)), -(-len(asked) // MOST_RANGES))
            groups = [asked[n * len(asked) // count : (n + 1) * len(asked) // count] for n in range(count)]
        self._renew_in_time()
        address = self._address
        if len(groups) == 1:
            answers = [self._ask_several(groups[0])]
        else:
            with Workers(min(len(groups), connections), "geotiff-range") as pool:
                answers = list(pool.map(self._ask_several, groups))
        got: List[Tuple[int, bytes]] = []
        for group, answer in zip(groups, answers):
            if answer is None:  # the server sends one range at a time
                self._gives_several = False
                return self.fetch_spans(spans, size, connections)
            if isinstance(answer, ServiceError):
                if not address.is_refused(answer):
                    raise answer
                self._renew(address)
                answer = self._ask_several(group)
                if answer is None or isinstance(answer, ServiceError):
                    raise answer or ServedWhole(f"{self._title} is no longer served as before: open it again.")
            got += answer
        return got

    def _ask(self, start: int, stop: int) -> Union[bytes, ServiceError]:
        """Return a byte range, shorter at the end of the file, or the error that the service returned."""

        def handle(response: requests.Response) -> bytes:
            part = content_range(response.headers)
            if part is None or response.status_code != 206:
                raise ServedWhole(f"{self._title} is served whole only: download it.")
            self._compare(FileVersion(part[2], response.headers))
            if part[:2] != (start, min(stop, part[2]) - 1):
                raise RasterAccessError(f"{self._title} cannot be read: other bytes were sent than requested.")
            body = read_body(response, stop - start)
            if len(body) != part[1] + 1 - part[0]:
                raise RasterAccessError(f"{self._title} cannot be read: fewer bytes were sent than were announced.")
            if start == 0 and not self._is_allowed(body):  # no other driver of GDAL may open it
                raise RasterAccessError(f"{self._title} {reason_of(body)}")
            if start == 0 and not self._head:
                self._head = body[:HEAD]
                self._address = LinkAddress(response.url, self._root)  # the target of the link
            return body

        return self._send([(start, stop)], handle)

    @property
    def has_head(self) -> bool:
        """Whether the first bytes are known."""
        return bool(self._head)

    @property
    def is_jpeg2000(self) -> bool:
        """Whether the file is a JPEG 2000 file, since the first response."""
        return is_jpeg2000(self._head)

    def _is_allowed(self, head: bytes) -> bool:
        return is_tiff(head) or self._catalog.settings.access.jpeg2000 and is_jpeg2000(head)

    def _ask_several(self, spans: Sequence[Range]) -> Union[None, List[Tuple[int, bytes]], ServiceError]:
        """Return (offset, bytes) of spans; None if the server does not send several ranges at once."""
        if len(spans) == 1:
            alone = self._ask(*spans[0])
            return alone if isinstance(alone, ServiceError) else [(spans[0][0], alone)]

        def handle(response: requests.Response) -> Optional[List[Tuple[int, bytes]]]:
            boundary = boundary_of(response.headers)
            if response.status_code != 206 or boundary is None:
                return None  # the whole file, or one range: its body is not read
            most = sum(end - first for first, end in spans) + MOST_OVERHEAD * (len(spans) + 1)
            try:
                parts, size = split_parts(read_body(response, most), boundary)
            except ValueError:
                return None
            self._compare(FileVersion(size, response.headers))
            return [(span[0], parts[span]) for span in spans] if all(span in parts for span in spans) else None

        answer = self._send(spans, handle)
        refused = isinstance(answer, ServiceError) and answer.status in (400, 416)
        return None if refused else answer

    def _send(self, spans: Sequence[Range], handle: Callable[[requests.Response], T]) -> Union[T, ServiceError]:
        headers = {"Range": range_header(spans), "Accept-Encoding": "identity"}
        # The first request goes to the API; requests for pixels do not count towards its rate limit.
        limited = self.version is None
        try:
            return self._catalog.transport.stream(self._address.url, headers, handle, self._left(), limited)
        except ServiceError as error:
            return error

    def _compare(self, version: FileVersion) -> None:
        if self.version is None:
            self.version = version
            if version.strong_etag:
                self.identity = (self._link, version.size, version.strong_etag)
        changed = self.version.difference(version)
        if changed:
            raise RasterAccessError(
                f"{self._title} was replaced while it was open: {changed}; close it and open it again."
            )

    def _renew_in_time(self) -> None:
        address = self._address
        if address.is_ending:
            self._renew(address)

    def _renew(self, ended: LinkAddress) -> None:
        """Follow the link again to replace an expired address; once for all threads that used it."""
        with self._lock:
            if self._address is not ended:
                return
            url, _ = self._catalog.transport.follow(self._link, True, self._left())
            self._address = LinkAddress(url, self._root)
            if self.version is not None and self.version.is_anonymous:
                # No header identifies the version: the header of the file may differ between versions of the same
                # length.
                head = self._ask(0, len(self._head))
                if isinstance(head, ServiceError):
                    raise head
                if head != self._head:
                    raise RasterAccessError(
                        f"{self._title} was replaced while it was open: its header (coordinate system, position, size "
                        "and types) has changed; close it and open it again."
                    )

    def _left(self) -> float:
        return max(0.0, self._until - time.monotonic())


def _aligned(span: Range, size: int) -> Range:
    """Extend a long span to whole chunks, which can be cached; a short one would become too long."""
    first, end = span
    if end - first < LONG:
        return span
    return first // CHUNK * CHUNK, min(-(-end // CHUNK) * CHUNK, size)
