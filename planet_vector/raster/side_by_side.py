"""What a read takes of many files, fetched from several at once while GDAL reads one after another."""

from __future__ import annotations

import threading
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence

from planet_vector.http.multirange import MOST_RANGES
from planet_vector.raster.read_ahead import AHEAD, PIECE, Foreseen
from planet_vector.raster.remote_file import RemoteFile
from planet_vector.raster.spans import Range
from planet_vector.workers import Workers

LATE = 8
"""Requests before the last one asked for, whose bytes are still held: GDAL may read by several threads."""


class _Request(NamedTuple):
    file: RemoteFile
    foreseen: Foreseen
    spans: Sequence[Range]
    begin: int
    end: int  # bytes of all requests up to this one


class SideBySide:
    """Fetcher of what is foreseen of several files, in the order in which it will be asked for, until `end`.

    At the most `AHEAD` bytes lie between what was asked for last and what is fetched. What was foreseen wrongly and is
    never asked for is passed over with that.

    Parameters
    ----------
    connections : int
        Requests at once.
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
        """Have further ranges of a file fetched, after all others."""
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
        """Fetch nothing more, and hold nothing; what is under way is not waited for."""
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
        """Be told that the bytes of a request are asked for."""
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
            except Exception:  # noqa: BLE001 - whoever asks for these bytes is told
                # Nothing is fetched for a read that has failed.
                with self._changed:
                    self._ended = True
                    self._changed.notify_all()

    def _may_go_on(self) -> bool:
        if self._next == len(self._requests):
            return False
        asked = self._requests[self._asked].begin
        return self._next <= self._asked or self._requests[self._next].end <= asked + AHEAD
