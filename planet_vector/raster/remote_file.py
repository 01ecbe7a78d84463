"""Read a file behind a service's link in ranges, also after the address it led to has expired.

A signed address is renewed before it expires, and whenever the store rejects it. Each response is compared with the
first one, so that bytes of another version of the file are never returned.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from typing import Callable, Dict, Hashable, List, Optional, Sequence, Tuple, TypeVar, Union

import requests

from planet_vector.catalog import Catalog
from planet_vector.errors import RasterAccessError, ServiceError
from planet_vector.http.multirange import MOST_OVERHEAD, MOST_RANGES, boundary_of, range_header, split_parts
from planet_vector.http.responses import content_range, read_body
from planet_vector.raster.chunks import CHUNK, cut, kept, numbers_of, runs_of
from planet_vector.raster.file_types import is_tiff
from planet_vector.raster.file_version import FileVersion
from planet_vector.raster.link_address import LinkAddress
from planet_vector.raster.read_ahead import AHEAD, PIECE, Foreseen
from planet_vector.raster.read_ahead import cut as cut_spans
from planet_vector.raster.spans import Range, together
from planet_vector.workers import Workers

T = TypeVar("T")

HEAD = 4 * CHUNK  # bytes of the first read: see GDAL_INGESTED_BYTES_AT_OPEN in `planet_vector.raster.gdal_options`
MOST_AHEAD = 128  # chunks, 2 MB; most that a sequential reader fetches at once
ALONE = 65536  # bytes; most in a gap between two ranges that is read along if the server sends one range at a time
MOST_HELD = 4 * 2**20  # bytes; most that a file holds for as long as it is in use
LEAST = 256 * 1024  # bytes that justify another connection: what one transfers in the meantime, at 5 MB/s and 50 ms
LONG = 8 * CHUNK  # bytes from which a span is fetched in whole chunks, to be cached
BUDGET = 30.0  # seconds for one read with all its retries
_GIVES_UP = 1.0  # seconds after a failure in which further reads of GDAL fail at once


class ServedWhole(RasterAccessError):
    """Raised if a file is not served in ranges."""


class RemoteFile:
    """File behind a link, read in ranges; safe to use from several threads.

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
    remembers : bool
        Whether reads are held for the lifetime of this object, up to `MOST_HELD` bytes. It is set while the layout of
        the file is read, so that reopening it does not depend on the network.
    failure : Exception or None
        Error of the last read, since `begin`.
    doubtful : bool
        Whether a read of bytes other than foreseen blocks failed. GDAL may have taken missing tables of blocks or masks
        for empty ones, and keeps them as long as a dataset is open.
    """

    def __init__(self, catalog: Catalog, link: str, title: str) -> None:
        self._catalog, self._link, self._title = catalog, link, title
        self._connections, self._root = catalog.settings.connections, catalog.settings.api_url
        self._lock = threading.RLock()
        self._identity: Hashable = object()  # key of the same bytes in the cache, also when the file is reopened
        self._first: Optional[FileVersion] = None
        self._head = b""
        self._end, self._ahead = -1, 1  # end of the last run of chunks, and number of chunks read at once
        self._failed, self._until = 0.0, 0.0
        self._foreseen: Optional[Foreseen] = None
        self._gives_several = True  # multipart responses, until one fails
        self._held: Dict[int, bytes] = {}
        self.remembers = False
        self.failure: Optional[BaseException] = None
        self.doubtful = False
        self._address = LinkAddress(link, self._root)

    @property
    def size(self) -> int:
        """Size of the file in bytes."""
        if self._first is None:
            with self._lock:
                if self._first is None:
                    self._until = time.monotonic() + BUDGET
                    head = self._keep(0, self._fetch(0, HEAD))
                    if self.remembers:
                        self._held.update(head)
        assert self._first is not None
        return self._first.size

    def begin(self) -> None:
        """Clear the error of the previous read, as another one begins.

        Raises
        ------
        RasterAccessError
            If what is open of the file is no longer valid.
        """
        if self.doubtful:
            raise RasterAccessError(
                f"An earlier read of {self._title} failed, so what is known of it may be wrong: open it again."
            )
        self.failure, self._failed = None, 0.0

    def fail(self, error: BaseException) -> None:
        """Record the error of a read.

        Parameters
        ----------
        error : BaseException
            The error.
        """
        self.failure, self._failed = error, time.monotonic()

    def foresee(self, ranges: Sequence[Range]) -> None:
        """Announce the bytes of a read; they are fetched together once the first of them is requested.

        Parameters
        ----------
        ranges : sequence of (int, int)
            The first byte of each, and the one after its last; empty once the read is over.
        """
        self.foresee_as(Foreseen(ranges) if ranges else None)

    def foresee_as(self, foreseen: Optional[Foreseen]) -> None:
        """Announce the bytes of a read, of which the caller fetches some by `fetch_ahead`.

        Parameters
        ----------
        foreseen : Foreseen or None
            The bytes, or None once the read is over.
        """
        with self._lock:
            self._foreseen = foreseen

    def fetch_ahead(self, foreseen: Foreseen, spans: Sequence[Range]) -> None:
        """Fetch some spans of a read, by one connection, while other threads may read the file.

        Parameters
        ----------
        foreseen : Foreseen
            The bytes of the read.
        spans : sequence of (int, int)
            Spans to fetch, as `Foreseen.extend` returns them.

        Raises
        ------
        ServiceError, RasterAccessError
            As `read`, which raises the same error if the spans are requested.
        """
        self._until = time.monotonic() + BUDGET
        self._fetch_foreseen(foreseen, foreseen.begin(spans), 1)

    def _fetch_foreseen(self, foreseen: Foreseen, spans: Sequence[Range], connections: int) -> Dict[Range, bytes]:
        try:
            found = self._fetch_spans(spans, connections)
        except BaseException as error:
            foreseen.fail(spans, error)
            raise
        foreseen.hold(found)
        return found

    def knows_better(self, ranges: Sequence[Tuple[int, int]]) -> bool:
        """Return whether some ranges (offset, length) exceed the foreseen ones.

        For a window at reduced size GDAL first requests all of its blocks, up to 10 MB, and then uses a few.

        Parameters
        ----------
        ranges : sequence of (int, int)
            First byte and number of bytes of each.
        """
        with self._lock:
            foreseen = self._foreseen
            return foreseen is not None and not all(foreseen.spans_of(at, at + length) for at, length in ranges)

    def read(self, ranges: Sequence[Tuple[int, int]], ahead: bool = False) -> List[bytes]:
        """Return the bytes of some ranges, fewer at the end of the file.

        Parameters
        ----------
        ranges : sequence of (int, int)
            First byte and number of bytes of each.
        ahead : bool
            Whether to read ahead if a read continues where the last one ended.

        Returns
        -------
        list of bytes
            The bytes of each range.

        Raises
        ------
        ServiceError
            If the service, or the store it redirects to, does not provide them.
        RasterAccessError
            If the file has changed since it was opened.
        """
        self._until = time.monotonic() + BUDGET
        wanted = [(offset, min(offset + length, self.size)) for offset, length in ranges]
        foreseen = self._foreseen
        spans = [] if foreseen is None else [foreseen.spans_of(*part) for part in wanted]
        try:
            if foreseen is None or not all(spans):
                with self._lock:
                    self._give_up_at_once()
                    return self._read_chunks(wanted, ahead)
            every = [span for some in spans for span in some]
            foreseen.wait(every)  # without the lock, which the fetching thread may need
            with self._lock:
                self._give_up_at_once()
                held = foreseen.here(every)
                while len(held) < len(set(every)):
                    fetched = self._fetch_foreseen(foreseen, foreseen.missing(every), self._connections)
                    held = {**foreseen.here(every), **{span: fetched[span] for span in every if span in fetched}}
            foreseen.give_up({span for part, some in zip(wanted, spans) for span in some if span[1] <= part[1]})
            return [cut_spans(part, some, held) for part, some in zip(wanted, spans)]
        except BaseException:
            # GDAL reports missing blocks as errors and does not cache them.
            self.doubtful = self.doubtful or not spans or not all(spans)
            raise

    def _give_up_at_once(self) -> None:
        if self.failure is not None and time.monotonic() - self._failed < _GIVES_UP:
            raise self.failure

    def _read_chunks(self, wanted: Sequence[Range], ahead: bool) -> List[bytes]:
        """Return ranges out of chunks, which are cached."""
        numbers = sorted({n for first, end in wanted if first < end for n in numbers_of(first, end)})
        got = {**kept.get(self._identity, numbers), **{n: self._held[n] for n in numbers if n in self._held}}
        runs = runs_of([number for number in numbers if number not in got])
        if ahead and runs:
            # A sequential read doubles the read-ahead each time.
            self._ahead = min(2 * self._ahead, MOST_AHEAD) if runs[-1][0] == self._end else 1
            last = -(-self.size // CHUNK)
            runs[-1] = (runs[-1][0], min(max(runs[-1][1], runs[-1][0] + self._ahead), last))
            self._end = runs[-1][1]
        for chunks in self._fetch_all(runs):
            got.update(chunks)
        kept.put(self._identity, got)
        if self.remembers and len(self._held) * CHUNK < MOST_HELD:
            self._held.update(got)
        return [cut(got, first, end) for first, end in wanted]

    def _fetch_spans(self, spans: Sequence[Range], connections: int) -> Dict[Range, bytes]:
        """Return the bytes of spans: from the cache, or else by some connections."""
        found: Dict[Range, bytes] = {}
        for span in spans:
            numbers = numbers_of(*span)
            chunks = kept.get(self._identity, numbers)
            if len(chunks) == len(numbers):
                found[span] = cut(chunks, *span)
        missing = [span for span in spans if span not in found]
        if not missing:
            return found
        if self._gives_several:
            asked = together(map(self._aligned, missing), 0, AHEAD)
        else:
            asked = together(missing, ALONE, PIECE)
        groups = [[span] for span in asked]
        if self._gives_several and len(asked) > connections:
            size = sum(end - first for first, end in asked)
            count = max(min(connections, -(-size // LEAST)), -(-len(asked) // MOST_RANGES))
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
                return {**found, **self._fetch_spans(missing, connections)}
            if isinstance(answer, ServiceError):
                if not address.is_refused(answer):
                    raise answer
                self._renew(address)
                answer = self._ask_several(group)
                if answer is None or isinstance(answer, ServiceError):
                    raise answer or ServedWhole(f"{self._title} is no longer served as before: open it again.")
            got += answer
        for first, body in got:
            self._keep(first, body)
        got.sort()
        starts = [first for first, _ in got]
        for first, end in missing:
            at, body = got[bisect_right(starts, first) - 1]
            found[first, end] = body[first - at : end - at]
        return found

    def _aligned(self, span: Range) -> Range:
        """Extend a long span to whole chunks, which are cached; a short one would become too long."""
        first, end = span
        if end - first < LONG:
            return span
        return first // CHUNK * CHUNK, min(-(-end // CHUNK) * CHUNK, self.size)

    def _fetch_all(self, runs: Sequence[Tuple[int, int]]) -> List[Dict[int, bytes]]:
        """Return runs of chunks."""
        spans = [(first * CHUNK, end * CHUNK) for first, end in runs]
        if len(spans) < 2:
            return [self._keep(first, self._fetch(first, end)) for first, end in spans]
        self._renew_in_time()
        with Workers(min(len(spans), self._connections), "geotiff-range") as pool:
            bodies = list(pool.map(lambda span: self._ask(*span), spans))
        return [self._keep(first, self._fetch(first, end) if isinstance(body, ServiceError) else body)
                for (first, end), body in zip(spans, bodies)]  # fmt: skip

    def _fetch(self, first: int, end: int) -> bytes:
        """Return a byte range, renewing the address if needed."""
        self._renew_in_time()
        address = self._address
        body = self._ask(first, end)
        if isinstance(body, ServiceError) and address.is_refused(body):
            self._renew(address)
            body = self._ask(first, end)
        if isinstance(body, ServiceError):
            raise body
        return body

    def _keep(self, first: int, body: bytes) -> Dict[int, bytes]:
        """Cache the whole chunks in some bytes, and return them."""
        begin, ends = -first % CHUNK, first + len(body) == self.size
        if begin + CHUNK > len(body) and not ends:
            return {}  # usual for parts of a multipart response
        found = {(first + at) // CHUNK: body[at : at + CHUNK] for at in range(begin, len(body), CHUNK)
                 if at + CHUNK <= len(body) or ends}  # fmt: skip
        kept.put(self._identity, found)
        return found

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
            if start == 0 and not is_tiff(body):  # no other driver of GDAL may open it
                raise RasterAccessError(f"{self._title} is not a GeoTIFF that can be read: it has no TIFF header.")
            if start == 0 and not self._head:
                self._head = body[:HEAD]
                self._address = LinkAddress(response.url, self._root)  # the target of the link
            return body

        return self._send([(start, stop)], handle)

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
        limited = self._first is None
        try:
            return self._catalog.transport.stream(self._address.url, headers, handle, self._left(), limited)
        except ServiceError as error:
            return error

    def _compare(self, version: FileVersion) -> None:
        if self._first is None:
            self._first = version
            if version.strong_etag:
                self._identity = (self._link, version.size, version.strong_etag)
        changed = self._first.difference(version)
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
            if self._first is not None and self._first.is_anonymous:
                # No header identifies the version: the header of the file may differ between versions of the same
                # length.
                head = self._ask(0, HEAD)
                if isinstance(head, ServiceError):
                    raise head
                if head[: len(self._head)] != self._head:
                    raise RasterAccessError(
                        f"{self._title} was replaced while it was open: its header (coordinate system, position, size "
                        "and types) has changed; close it and open it again."
                    )

    def _left(self) -> float:
        return max(0.0, self._until - time.monotonic())
