"""A file that a service's link leads to, read in ranges for as long as it is open: the address may end, the file not.

A signed address is asked for anew before it ends, and whenever the store refuses it, as often as that takes. Every
answer is compared with the first: bytes of another version of the file are never handed on.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import Dict, Hashable, List, Mapping, Optional, Sequence, Tuple, Union

import requests

from planet_vector.catalog import ScenesV0
from planet_vector.catalog.answers import content_range, read_body
from planet_vector.config import is_api_origin
from planet_vector.errors import PlanetVectorError, RasterAccessError, ServiceError
from planet_vector.forking import renew_after_fork
from planet_vector.raster.access import expiry
from planet_vector.workers import Workers

CHUNK = 16384  # bytes; what is kept and asked for comes in such pieces, as GDAL has it
HEAD = 4 * CHUNK  # bytes read at first: see GDAL_INGESTED_BYTES_AT_OPEN in `planet_vector.raster.options`
KEPT = 1024  # chunks of all files, 16 MB, as GDAL keeps
MOST_AHEAD = 128  # chunks read at once where a reader goes from one to the next, 2 MB
BUDGET = 30.0  # seconds for one read with all its retries
MARGIN = 60.0  # seconds before its end at which an address is renewed, a tenth of its life at the most
_GIVES_UP = 1.0  # seconds after a failure in which GDAL, which may go on to ask, is told the same at once


class ServedWhole(RasterAccessError):
    """Report a file that is not served in ranges."""


class RemoteFile:
    """Read ranges of the file that a link leads to; safe to use from several threads.

    Parameters
    ----------
    catalog : ScenesV0
        The service that gave the link.
    link : str
        The link, checked.
    title : str
        What errors call it.
    url : str
        Where the link was found to lead; not asked yet.

    Attributes
    ----------
    failure : Exception or None
        Why the last read failed, since `begin`.
    """

    def __init__(self, catalog: ScenesV0, link: str, title: str, url: str) -> None:
        self._catalog, self._link, self._title = catalog, link, title
        self._lock, self._alone = threading.RLock(), object()
        self._first: Optional[_Version] = None
        self._head = b""
        self._end, self._ahead = -1, 1  # of the last chunk read, and how many are read at once
        self._failed, self._until = 0.0, 0.0
        self.failure: Optional[BaseException] = None
        self._take(url)

    @property
    def size(self) -> int:
        """Bytes of the file."""
        with self._lock:
            if self._first is None:
                self._until = time.monotonic() + BUDGET
                self._fetch(0, HEAD // CHUNK)
            assert self._first is not None
            return self._first.size

    def begin(self) -> None:
        """Forget that a read has failed: another one begins."""
        self.failure, self._failed = None, 0.0

    def fail(self, error: BaseException) -> None:
        """Remember why a read failed."""
        self.failure, self._failed = error, time.monotonic()

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
        with self._lock:
            if self.failure is not None and time.monotonic() - self._failed < _GIVES_UP:
                raise self.failure
            self._until = time.monotonic() + BUDGET
            wanted = [(offset, min(offset + length, self.size)) for offset, length in ranges]
            numbers = sorted({n for first, end in wanted if first < end for n in _chunks_of(first, end)})
            got = _cache.get(self._identity, numbers)
            runs = _runs([number for number in numbers if number not in got])
            if ahead and runs:
                # One who reads on goes on to do so: twice as much each time.
                self._ahead = min(2 * self._ahead, MOST_AHEAD) if runs[-1][0] == self._end else 1
                last = -(-self.size // CHUNK)
                runs[-1] = (runs[-1][0], min(max(runs[-1][1], runs[-1][0] + self._ahead), last))
                self._end = runs[-1][1]
            for found in self._fetch_all(runs):
                got.update(found)
            _cache.put(self._identity, got)
            return [_cut(got, first, end) for first, end in wanted]

    @property
    def _identity(self) -> Hashable:
        """What the same bytes are known by, also when the file is opened again."""
        etag = self._first.etag if self._first is not None else ""
        return (self._link, self.size, etag) if etag and not etag.startswith("W/") else self._alone

    def _fetch_all(self, runs: Sequence[Tuple[int, int]]) -> List[Dict[int, bytes]]:
        if len(runs) < 2:
            return [self._fetch(*run) for run in runs]
        self._renew_in_time()
        with Workers(min(len(runs), self._catalog.settings.connections), "geotiff-range") as pool:
            bodies = list(pool.map(lambda run: self._ask(*run), runs))
        return [self._fetch(*run) if isinstance(body, ServiceError) else self._split(run[0], body)
                for run, body in zip(runs, bodies)]  # fmt: skip

    def _fetch(self, first: int, end: int) -> Dict[int, bytes]:
        """Return some chunks, from an address that is renewed if need be."""
        self._renew_in_time()
        body = self._ask(first, end)
        if isinstance(body, ServiceError) and self._is_refused(body):
            self._renew()
            body = self._ask(first, end)
        if isinstance(body, ServiceError):
            raise body
        return self._split(first, body)

    def _split(self, first: int, body: bytes) -> Dict[int, bytes]:
        found = {first + at // CHUNK: body[at : at + CHUNK] for at in range(0, len(body), CHUNK)}
        _cache.put(self._identity, found)
        return found

    def _ask(self, first: int, end: int) -> Union[bytes, ServiceError]:
        """Return the bytes of some chunks, or the error that the service answered with."""
        start, stop = first * CHUNK, end * CHUNK

        def handle(response: requests.Response) -> bytes:
            part = content_range(response.headers)
            if part is None or response.status_code != 206:
                raise ServedWhole(f"{self._title} is served whole only: download it.")
            self._compare(_Version(part[2], response.headers))
            if part[:2] != (start, min(stop, part[2]) - 1):
                raise RasterAccessError(f"{self._title} cannot be read: other bytes were sent than were asked for.")
            body = read_body(response, stop - start)
            if len(body) != part[1] + 1 - part[0]:
                raise RasterAccessError(f"{self._title} cannot be read: fewer bytes were sent than were announced.")
            if start == 0 and not self._head:
                self._head = body[:HEAD]
            return body

        headers = {"Range": f"bytes={start}-{stop - 1}", "Accept-Encoding": "identity"}
        try:
            return self._catalog.transport.stream(self._url, headers, handle, self._left(), limited=False)
        except ServiceError as error:
            return error

    def _compare(self, version: _Version) -> None:
        if self._first is None:
            self._first = version
        changed = self._first.difference(version)
        if changed:
            raise RasterAccessError(
                f"{self._title} was replaced while it was open: {changed}; close it and open it again."
            )

    def _is_refused(self, error: ServiceError) -> bool:
        # How stores refuse an address that has ended: 403, and some 400, 401, 404 or 410.
        return self._signed and error.status is not None and 400 <= error.status < 500 and error.status != 429

    def _renew_in_time(self) -> None:
        if self._renewed_at is not None and time.monotonic() > self._renewed_at:
            self._renew()

    def _renew(self) -> None:
        """Ask the service again where the link leads."""
        url, _ = self._catalog.transport.follow(self._link, True, self._left())
        self._take(url)
        if self._first is not None and self._first.is_anonymous:
            # Nothing in the answers tells one version from another of the same length: its header may.
            head = self._ask(0, HEAD // CHUNK)
            if isinstance(head, ServiceError):
                raise head
            if head[: len(self._head)] != self._head:
                raise RasterAccessError(
                    f"{self._title} was replaced while it was open: its header, which says its coordinate system, "
                    "place, size and types, is another; close it and open it again."
                )

    def _left(self) -> float:
        return max(0.0, self._until - time.monotonic())

    def _take(self, url: str) -> None:
        self._url = url
        ends = expiry(url)
        self._signed = not is_api_origin(url, self._catalog.settings.api_url)
        left = 0.0 if ends is None else ends - time.time()
        # By the clock of this machine an address may have ended when it is given: then only the store can tell.
        self._renewed_at = time.monotonic() + left - min(MARGIN, left / 10) if left > 0 else None


class _Version:
    """What answers tell of the version of a file."""

    def __init__(self, size: int, headers: Mapping[str, str]) -> None:
        self.size = size
        self._told = {name: headers.get(name) for name in ("ETag", "Last-Modified")}

    @property
    def is_anonymous(self) -> bool:
        return not any(self._told.values())

    @property
    def etag(self) -> str:
        return self._told["ETag"] or ""

    def difference(self, other: _Version) -> str:
        """Return what differs, as part of a sentence, or nothing."""
        if self.size != other.size:
            return f"it had {self.size:,} bytes and has {other.size:,}"
        for name, mine in self._told.items():
            if mine and other._told[name]:
                # The first that both tell decides: stores on several machines may differ in the second.
                return "" if mine == other._told[name] else f"its {name} was {mine} and is {other._told[name]}"
        return ""


class _Cache:
    """Keep the chunks that were read last, of all files: a scene that is opened again has not to be fetched again."""

    def __init__(self) -> None:
        self._chunks: OrderedDict[Tuple[Hashable, int], bytes] = OrderedDict()
        self._renew()
        renew_after_fork(self._renew)

    def _renew(self) -> None:
        self._lock = threading.Lock()

    def get(self, file: Hashable, numbers: Sequence[int]) -> Dict[int, bytes]:
        with self._lock:
            return {number: self._chunks[file, number] for number in numbers if (file, number) in self._chunks}

    def put(self, file: Hashable, chunks: Mapping[int, bytes]) -> None:
        with self._lock:
            for number, chunk in chunks.items():
                self._chunks[file, number] = chunk
                self._chunks.move_to_end((file, number))
            while len(self._chunks) > KEPT:
                self._chunks.popitem(last=False)


_cache = _Cache()


def reason(error: BaseException) -> str:
    """Return why a file could not be read, as part of a sentence; no address in it."""
    text = error.message if isinstance(error, ServiceError) else str(error)
    return text.rstrip(".") if isinstance(error, PlanetVectorError) else f"{type(error).__name__}: {text}"


def _chunks_of(first: int, end: int) -> range:
    return range(first // CHUNK, -(-end // CHUNK))


def _runs(numbers: Sequence[int]) -> List[Tuple[int, int]]:
    """Return chunks that follow one another as (first, end)."""
    found: List[Tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number:
            found[-1] = (found[-1][0], number + 1)
        else:
            found.append((number, number + 1))
    return found


def _cut(chunks: Mapping[int, bytes], first: int, end: int) -> bytes:
    if first >= end:
        return b""
    numbers = _chunks_of(first, end)
    together = b"".join(chunks[number] for number in numbers)
    begin = first - numbers[0] * CHUNK
    return together[begin : begin + end - first]
