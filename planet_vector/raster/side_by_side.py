"""Fetch what a read needs of many files concurrently, while GDAL reads one file after another."""

from __future__ import annotations

import threading
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence

from planet_vector.http.multirange import MOST_RANGES
from planet_vector.raster.read_ahead import AHEAD, PIECE, Foreseen
from planet_vector.raster.remote_file import RemoteFile
from planet_vector.raster.spans import Range
from planet_vector.workers import Workers

LATE = 8
"""Most requests before the current one whose bytes are still held, as GDAL may read with several threads."""


class _Request(NamedTuple):
    file: RemoteFile
    foreseen: Foreseen
    spans: Sequence[Range]
    begin: int
    end: int  # running totals of the bytes of all requests


class SideBySide:
    """Prefetcher for several files, in the order in which their bytes will be requested, until `end`.

    At most `AHEAD` bytes lie between the last requested byte and the fetched ones. Wrongly foreseen bytes, which are
    never requested, are dropped in passing.

    Parameters
    ----------
    connections : int
        Most concurrent requests.
    """

    def __init__(self, connections: int) -> None:
        self._foreseen: Dict[RemoteFile, Foreseen] = {}
        self._requests: List[_Request] = []
        self._numbers: Dict[RemoteFile, Dict[Range, int]] = {}
        self._changed = threading.Condition()
        self._next, self._asked, self._given_up, self._ended = 0, 0, 0, False
        self._pool = Workers(connections, "geotiff-ahead")
        self._connections = connections
        self._running = 0

    def add(self, file: RemoteFile, ranges: Iterable[Range]) -> None:
        """Queue further ranges of a file, after all others.

        Parameters
        ----------
        file : RemoteFile
            The file.
        ranges : iterable of (int, int)
            The first byte of each, and the one after its last.
        """
        if file not in self._foreseen:
            numbers = self._numbers[file] = {}
            foreseen = Foreseen((), PIECE, lambda span: self._tell(numbers.get(span)))
            self._foreseen[file] = foreseen
            file.foresee_as(foreseen)
        foreseen = self._foreseen[file]
        some: List[Range] = []
        size = 0
        for span in foreseen.extend(ranges):
            length = span[1] - span[0]
            if some and (len(some) == MOST_RANGES or size + length > PIECE):
                self._request(file, foreseen, some, size)
                some, size = [], 0
            some.append(span)
            size += length
        if some:
            self._request(file, foreseen, some, size)

    def end(self) -> None:
        """Fetch nothing more, and drop all bytes, without waiting for running requests."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        for file in self._foreseen:
            file.foresee_as(None)
        self._pool.shutdown(wait=False)

    def _request(self, file: RemoteFile, foreseen: Foreseen, spans: Sequence[Range], size: int) -> None:
        with self._changed:
            begin = self._requests[-1].end if self._requests else 0
            for span in spans:
                self._numbers[file][span] = len(self._requests)
            self._requests.append(_Request(file, foreseen, spans, begin, begin + size))
            self._changed.notify()
            if self._running < self._connections:
                self._running += 1
                self._pool.submit(self._work)

    def _tell(self, number: Optional[int]) -> None:
        """Record that the bytes of a request were requested."""
        if number is None or number == self._asked:
            return
        with self._changed:
            self._asked = number
            late = self._requests[self._given_up : max(self._given_up, number - LATE)]
            self._given_up += len(late)
            self._changed.notify_all()
        for request in late:
            request.foreseen.give_up(request.spans)

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._ended and not self._may_go_on():
                    self._changed.wait()
                if self._ended:
                    return
                request = self._requests[self._next]
                self._next += 1
            try:
                request.file.fetch_ahead(request.foreseen, request.spans)
            except Exception:  # noqa: BLE001 - raised again for the reader of these bytes
                # Fetch nothing more for a failed read.
                with self._changed:
                    self._ended = True
                    self._changed.notify_all()

    def _may_go_on(self) -> bool:
        if self._next == len(self._requests):
            return False
        asked = self._requests[self._asked].begin
        return self._next <= self._asked or self._requests[self._next].end <= asked + AHEAD
