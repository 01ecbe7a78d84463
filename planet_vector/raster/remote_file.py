"""Read a file behind a service's link in ranges, with a cache and with reads that are known in advance."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from functools import cached_property
from typing import Dict, List, Optional, Sequence, Tuple

from planet_vector.catalog import Catalog
from planet_vector.errors import RasterAccessError
from planet_vector.raster.chunks import CHUNK, cut, kept, numbers_of, runs_of
from planet_vector.raster.header_size import header_size
from planet_vector.raster.range_requests import HEAD, RangeRequests
from planet_vector.raster.read_ahead import Foreseen
from planet_vector.raster.read_ahead import cut as cut_spans
from planet_vector.raster.spans import Range

MOST_AHEAD = 128  # chunks, 2 MB; most that a sequential reader fetches at once
MOST_HELD = 4 * 2**20  # bytes; most that a file holds for as long as it is in use
BUDGET = 30.0  # seconds for one read with all its retries
_LEAST, _STEP = 4096, 1024  # bytes; least that are requested at first, and their multiple
_MOST_AROUND = 4  # chunks; most that are returned around a read
_GIVES_UP = 1.0  # seconds after a failure in which further reads of GDAL fail at once


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
        self._title, self._connections = title, catalog.settings.connections
        self._requests = RangeRequests(catalog, link, title)
        self._lock = threading.RLock()
        self._end, self._ahead = -1, 1  # end of the last run of chunks, and number of chunks read at once
        self._failed = 0.0
        self._foreseen: Optional[Foreseen] = None
        self._held: Dict[int, bytes] = {}
        self._head = b""  # the first bytes, while they are held
        self._beginning, self._begun = HEAD, False
        self.remembers = False
        self.failure: Optional[BaseException] = None
        self.doubtful = False

    @property
    def size(self) -> int:
        """Size of the file in bytes."""
        if not self._begun:
            with self._lock:
                if not self._begun:
                    self._requests.begin(BUDGET)
                    head = self._requests.fetch(0, self._beginning)
                    if self.remembers:
                        self._head = head
                    self._begun = True
                    self._keep(0, head)
        assert self._requests.version is not None
        return self._requests.version.size

    @property
    def is_jpeg2000(self) -> bool:
        """Whether it is a JPEG 2000 file, not a GeoTIFF."""
        if not self._requests.has_head:
            with self._lock:  # the size is known before the first bytes are
                assert self.size
        return self._requests.is_jpeg2000

    def resemble(self, other: RemoteFile) -> None:
        """Expect a header as long as that of another file, and request no more bytes at first.

        Without effect if the header of the other file is unknown, or if this file was read before. If the header turns
        out to be longer, the rest is requested when it is needed.

        Parameters
        ----------
        other : RemoteFile
            A file that was probably written by the same program.
        """
        if other._head and other._header_size:
            size = other._header_size
            self._beginning = min(HEAD, max(_LEAST, -(-size * 5 // 4 // _STEP) * _STEP))

    @cached_property
    def _header_size(self) -> int:
        return header_size(self._head)

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
        self._requests.begin(BUDGET)
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

    def read_around(self, offset: int, length: int) -> Tuple[int, bytes]:
        """Return a byte range within its chunks, and read ahead if it continues where the last read ended.

        A foreseen range is returned alone, as its bytes are dropped once they have been read.

        Parameters
        ----------
        offset, length : int
            First byte and number of bytes.

        Returns
        -------
        (int, bytes)
            Offset and bytes, fewer at the end of the file.

        Raises
        ------
        ServiceError, RasterAccessError
            As `read`.
        """
        foreseen = self._foreseen
        body = None if foreseen is None else foreseen.take(offset, offset + length)
        if body is not None:
            return offset, body
        if offset + length <= len(self._head):
            return 0, self._head
        numbers = numbers_of(offset, offset + length)
        if len(numbers) <= _MOST_AROUND and (foreseen is None or not foreseen.spans_of(offset, offset + length)):
            offset, length = numbers[0] * CHUNK, len(numbers) * CHUNK
        return offset, self._read([(offset, length)], True)[0]

    def read(self, ranges: Sequence[Tuple[int, int]]) -> List[bytes]:
        """Return the bytes of some ranges, fewer at the end of the file.

        Parameters
        ----------
        ranges : sequence of (int, int)
            First byte and number of bytes of each.

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
        return self._read(ranges, False)

    def _read(self, ranges: Sequence[Tuple[int, int]], ahead: bool) -> List[bytes]:
        self._requests.begin(BUDGET)
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
        head = self._head
        beyond = [(max(first, len(head)), end) for first, end in wanted]
        numbers = sorted({n for first, end in beyond if first < end for n in numbers_of(first, end)})
        got = {**kept.get(self._requests.identity, numbers), **{n: self._held[n] for n in numbers if n in self._held}}
        runs = runs_of([number for number in numbers if number not in got])
        if ahead and runs:
            # A sequential read doubles the read-ahead each time.
            self._ahead = min(2 * self._ahead, MOST_AHEAD) if runs[-1][0] == self._end else 1
            last = -(-self.size // CHUNK)
            runs[-1] = (runs[-1][0], min(max(runs[-1][1], runs[-1][0] + self._ahead), last))
            self._end = runs[-1][1]
        spans = [(first * CHUNK, end * CHUNK) for first, end in runs]
        for (first, _), body in zip(spans, self._requests.fetch_each(spans)):
            got.update(self._keep(first, body))
        kept.put(self._requests.identity, got)
        if self.remembers and len(self._held) * CHUNK < MOST_HELD:
            self._held.update(got)
        return [head[first:end] + cut(got, at, end) for (first, end), (at, _) in zip(wanted, beyond)]

    def _fetch_spans(self, spans: Sequence[Range], connections: int) -> Dict[Range, bytes]:
        """Return the bytes of spans: from the cache, or else by some connections."""
        found: Dict[Range, bytes] = {}
        for span in spans:
            numbers = numbers_of(*span)
            chunks = kept.get(self._requests.identity, numbers)
            if len(chunks) == len(numbers):
                found[span] = cut(chunks, *span)
        missing = [span for span in spans if span not in found]
        if not missing:
            return found
        got = self._requests.fetch_spans(missing, self.size, connections)
        for first, body in got:
            self._keep(first, body)
        got.sort()
        starts = [first for first, _ in got]
        for first, end in missing:
            at, body = got[bisect_right(starts, first) - 1]
            found[first, end] = body[first - at : end - at]
        return found

    def _keep(self, first: int, body: bytes) -> Dict[int, bytes]:
        """Cache the whole chunks in some bytes, and return them."""
        begin, ends = -first % CHUNK, first + len(body) == self.size
        if begin + CHUNK > len(body) and not ends:
            return {}  # usual for parts of a multipart response
        found = {(first + at) // CHUNK: body[at : at + CHUNK] for at in range(begin, len(body), CHUNK)
                 if at + CHUNK <= len(body) or ends}  # fmt: skip
        kept.put(self._requests.identity, found)
        return found
