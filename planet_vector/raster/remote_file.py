"""A file that a service's link leads to, read in ranges for as long as it is open: the address may end, the file not.

A signed address is asked for anew before it ends, and whenever the store refuses it, as often as that takes. Every
answer is compared with the first: bytes of another version of the file are never handed on.
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

HEAD = 4 * CHUNK  # bytes read at first: see GDAL_INGESTED_BYTES_AT_OPEN in `planet_vector.raster.gdal_options`
MOST_AHEAD = 128  # chunks read at once where a reader goes from one to the next, 2 MB
ALONE = 65536  # bytes between two ranges that are read along where a server gives one range at a time
MOST_HELD = 4 * 2**20  # bytes that are held of a file for as long as it is in use
LEAST = 256 * 1024  # bytes for which another connection is used: what comes by one meanwhile, at 5 MB/s and 50 ms
LONG = 8 * CHUNK  # bytes of what is fetched in whole chunks, to be kept
BUDGET = 30.0  # seconds for one read with all its retries
_GIVES_UP = 1.0  # seconds after a failure in which GDAL, which may go on to ask, is told the same at once


class ServedWhole(RasterAccessError):
    """Raised if a file is not served in ranges."""


class RemoteFile:
    """File that a link leads to, read in ranges; safe to use from several threads.

    Parameters
    ----------
    catalog : Catalog
        The service that gave the link.
    link : str
        The link, checked.
    title : str
        What errors call it.

    Attributes
    ----------
    remembers : bool
        Whether what is read is held for as long as this is, up to `MOST_HELD` bytes: what says how a file is laid out,
        so that opening it again fails for nothing that happens since.
    failure : Exception or None
        Why the last read failed, since `begin`.
    doubtful : bool
        Whether a read failed of something else than blocks of pixels that were foreseen. GDAL may have taken what it
        did not get (where blocks lie, masks) for nothing being there, and keeps it so as long as a dataset is open.
    """

    def __init__(self, catalog: Catalog, link: str, title: str) -> None:
        self._catalog, self._link, self._title = catalog, link, title
        self._connections, self._root = catalog.settings.connections, catalog.settings.api_url
        self._lock = threading.RLock()
        self._identity: Hashable = object()  # what the same bytes are known by, also when the file is opened again
        self._first: Optional[FileVersion] = None
        self._head = b""
        self._end, self._ahead = -1, 1  # of the last chunk read, and how many are read at once
        self._failed, self._until = 0.0, 0.0
        self._foreseen: Optional[Foreseen] = None
        self._gives_several = True  # ranges in one answer, until it has not
        self._held: Dict[int, bytes] = {}
        self.remembers = False
        self.failure: Optional[BaseException] = None
        self.doubtful = False
        self._address = LinkAddress(link, self._root)

    @property
    def size(self) -> int:
        """Bytes of the file."""
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
        """Forget why a read has failed: another one begins.

        Raises
        ------
        RasterAccessError
            When what is open of the file cannot be trusted any more.
        """
        if self.doubtful:
            raise RasterAccessError(
                f"{self._title} could not be read before, so what is known of it is in doubt: open it again."
            )
        self.failure, self._failed = None, 0.0

    def fail(self, error: BaseException) -> None:
        """Remember why a read failed."""
        self.failure, self._failed = error, time.monotonic()

    def foresee(self, ranges: Sequence[Range]) -> None:
        """Be told which bytes are going to be read: they are fetched together when the first of them is.

        Parameters
        ----------
        ranges : sequence of (int, int)
            The first byte of each, and the one after its last; an empty one once the read is over.
        """
        self.foresee_as(Foreseen(ranges) if ranges else None)

    def foresee_as(self, foreseen: Optional[Foreseen]) -> None:
        """Be told the same by who fetches some of it by `fetch_ahead`."""
        with self._lock:
            self._foreseen = foreseen

    def fetch_ahead(self, foreseen: Foreseen, spans: Sequence[Range]) -> None:
        """Fetch spans of what is foreseen, by one connection, while others may read the file.

        Raises
        ------
        ServiceError, RasterAccessError
            As `read`, which raises it, too, when it is asked for them.
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
        """Tell whether some ranges (first byte, bytes) go beyond what is going to be read.

        For a part at reduced size GDAL asks for all blocks of it at first, up to 10 MB, and then uses a few.
        """
        with self._lock:
            foreseen = self._foreseen
            return foreseen is not None and not all(foreseen.spans_of(at, at + length) for at, length in ranges)

    def read(self, ranges: Sequence[Tuple[int, int]], ahead: bool = False) -> List[bytes]:
        """Return the bytes of some ranges, each less where the file ends.

        Parameters
        ----------
        ranges : sequence of (int, int)
            The first byte and the number of bytes of each.
        ahead : bool
            Whether to ask for more, where a reader goes on from where its last read ended.

        Raises
        ------
        ServiceError
            When the service, or the store it leads to, does not give them.
        RasterAccessError
            When the file is another than at first.
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
            foreseen.wait(every)  # without the lock: who fetches them may need it
            with self._lock:
                self._give_up_at_once()
                held = foreseen.here(every)
                while len(held) < len(set(every)):
                    fetched = self._fetch_foreseen(foreseen, foreseen.missing(every), self._connections)
                    held = {**foreseen.here(every), **{span: fetched[span] for span in every if span in fetched}}
            foreseen.give_up({span for part, some in zip(wanted, spans) for span in some if span[1] <= part[1]})
            return [cut_spans(part, some, held) for part, some in zip(wanted, spans)]
        except BaseException:
            # Blocks that do not come are an error in GDAL, and forgotten.
            self.doubtful = self.doubtful or not spans or not all(spans)
            raise

    def _give_up_at_once(self) -> None:
        if self.failure is not None and time.monotonic() - self._failed < _GIVES_UP:
            raise self.failure

    def _read_chunks(self, wanted: Sequence[Range], ahead: bool) -> List[bytes]:
        """Return ranges from chunks, which are kept."""
        numbers = sorted({n for first, end in wanted if first < end for n in numbers_of(first, end)})
        got = {**kept.get(self._identity, numbers), **{n: self._held[n] for n in numbers if n in self._held}}
        runs = runs_of([number for number in numbers if number not in got])
        if ahead and runs:
            # One who reads on goes on to do so: twice as much each time.
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
        """Return the bytes of spans: those that are kept, and the others by some connections."""
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
            if answer is None:  # it is a server of one range at a time
                self._gives_several = False
                return {**found, **self._fetch_spans(missing, connections)}
            if isinstance(answer, ServiceError):
                if not address.is_refused(answer):
                    raise answer
                self._renew(address)
                answer = self._ask_several(group)
                if answer is None or isinstance(answer, ServiceError):
                    raise answer or ServedWhole(f"{self._title} is not served as it was: open it again.")
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
        """Return a long span in whole chunks, which are kept; a short one would become too long by that."""
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
        """Return some bytes, from an address that is renewed if need be."""
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
        """Keep the whole chunks of some bytes, and return them."""
        begin, ends = -first % CHUNK, first + len(body) == self.size
        if begin + CHUNK > len(body) and not ends:
            return {}  # as most that come with several others
        found = {(first + at) // CHUNK: body[at : at + CHUNK] for at in range(begin, len(body), CHUNK)
                 if at + CHUNK <= len(body) or ends}  # fmt: skip
        kept.put(self._identity, found)
        return found

    def _ask(self, start: int, stop: int) -> Union[bytes, ServiceError]:
        """Return some bytes, fewer where the file ends, or the error that the service answered with."""

        def handle(response: requests.Response) -> bytes:
            part = content_range(response.headers)
            if part is None or response.status_code != 206:
                raise ServedWhole(f"{self._title} is served whole only: download it.")
            self._compare(FileVersion(part[2], response.headers))
            if part[:2] != (start, min(stop, part[2]) - 1):
                raise RasterAccessError(f"{self._title} cannot be read: other bytes were sent than were asked for.")
            body = read_body(response, stop - start)
            if len(body) != part[1] + 1 - part[0]:
                raise RasterAccessError(f"{self._title} cannot be read: fewer bytes were sent than were announced.")
            if start == 0 and not is_tiff(body):  # no other driver of GDAL is to look at it
                raise RasterAccessError(f"{self._title} is not a GeoTIFF that can be read: it begins otherwise.")
            if start == 0 and not self._head:
                self._head = body[:HEAD]
                self._address = LinkAddress(response.url, self._root)  # where the link leads
            return body

        return self._send([(start, stop)], handle)

    def _ask_several(self, spans: Sequence[Range]) -> Union[None, List[Tuple[int, bytes]], ServiceError]:
        """Return the first byte and the bytes of spans; None when the server does not give several at once."""
        if len(spans) == 1:
            alone = self._ask(*spans[0])
            return alone if isinstance(alone, ServiceError) else [(spans[0][0], alone)]

        def handle(response: requests.Response) -> Optional[List[Tuple[int, bytes]]]:
            boundary = boundary_of(response.headers)
            if response.status_code != 206 or boundary is None:
                return None  # the whole file, or one range: it is not read
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
        limited = self._first is None  # asks the service where the link leads; pixels are no requests of the API
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
        """Ask the service again where the link leads, in the place of an address; once for all threads that used it."""
        with self._lock:
            if self._address is not ended:
                return
            url, _ = self._catalog.transport.follow(self._link, True, self._left())
            self._address = LinkAddress(url, self._root)
            if self._first is not None and self._first.is_anonymous:
                # Nothing in the answers tells one version from another of the same length: its header may.
                head = self._ask(0, HEAD)
                if isinstance(head, ServiceError):
                    raise head
                if head[: len(self._head)] != self._head:
                    raise RasterAccessError(
                        f"{self._title} was replaced while it was open: its header, which says its coordinate system, "
                        "place, size and types, is another; close it and open it again."
                    )

    def _left(self) -> float:
        return max(0.0, self._until - time.monotonic())
