"""Results of searches, kept for a while: what was asked once is not asked again.

A result is kept whole or not at all. Its rows lie in blocks, in memory while they are few and in a file that
only this process can reach when they are many, so a million scenes do not need a million scenes' memory.
"""

from __future__ import annotations

import marshal
import tempfile
import threading
import time
import weakref
import zlib
from array import array
from collections import OrderedDict
from contextlib import contextmanager
from typing import IO, Dict, Hashable, Iterator, List, Optional, Tuple, Union

from planet_vector.catalog.paging import Survey
from planet_vector.geometry import Box
from planet_vector.query import Query
from planet_vector.vector.rows import Row, Rows, around

IN_MEMORY = 25_000  # rows a result keeps as they are, some 2.5 kB each (3.5 while prepared); the rest goes to a file
MOST_BYTES = 2 * 2**30  # bytes of all results together, memory and files, before the least used go
MOST_SURVEYS = 10_000
_ROW = 2500  # bytes
_LEVEL = 1  # zlib's fastest: the links in the rows shrink to a fifth with it


class Result:
    """Hold the rows of one complete search.

    Parameters
    ----------
    query : Query
        What was searched for.
    """

    def __init__(self, query: Query) -> None:
        self.query = query
        self.count = 0
        self.box: Optional[Box] = None
        self.size = 0
        self._blocks: List[Union[Rows, Tuple[int, int]]] = []
        self._fids: List[array[int]] = []
        self._boxes: List[Optional[Box]] = []
        self._file: Optional[IO[bytes]] = None
        self._lock = threading.Lock()

    def append(self, rows: Rows) -> bool:
        """Add a block of rows, and tell whether it stays in memory."""
        if not rows:
            return False
        stays = self.count + len(rows) <= IN_MEMORY
        if stays:
            self._blocks.append(rows)
            self.size += _ROW * len(rows)
        else:
            data = zlib.compress(marshal.dumps(rows.parts), _LEVEL)
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="planet_vector-")  # noqa: SIM115
                weakref.finalize(self, self._file.close)
            self._file.seek(0, 2)
            self._blocks.append((self._file.tell(), len(data)))
            self._file.write(data)
            self.size += len(data)
        self.count += len(rows)
        self._fids.append(array("q", rows.fids))
        box = around(rows.boxes)
        self._boxes.append(box)
        self.box = around([self.box, box])
        return stays

    def blocks(self, within: Optional[Box] = None) -> Iterator[Rows]:
        """Yield the rows in order, a block at a time; with a box, those that touch it."""
        for number, box in enumerate(self._boxes):
            if within is None:
                yield self._load(number)
            elif box is not None and box.touches(within):
                yield self._load(number).within(within)

    def find(self, fid: int) -> Optional[Row]:
        """Return the row with a feature id, or None."""
        for number, fids in enumerate(self._fids):
            if fid in fids:
                at = fids.index(fid)
                return next(iter(self._load(number)[at : at + 1]))
        return None

    def _load(self, number: int) -> Rows:
        block = self._blocks[number]
        if isinstance(block, Rows):
            return block
        start, length = block
        assert self._file is not None
        with self._lock:
            self._file.seek(start)
            data = self._file.read(length)
        return Rows(*marshal.loads(zlib.decompress(data)))  # noqa: S302 - this process wrote it


class Cache:
    """Keep results and counts by who asked for them, for a time and up to a size.

    Safe to use from several threads; a result that one thread is fetching is waited for by the others.
    """

    def __init__(self) -> None:
        self._results: OrderedDict[Hashable, Tuple[float, Result]] = OrderedDict()
        self._surveys: Dict[Hashable, Tuple[float, Survey]] = {}
        self._fetching: Dict[Hashable, threading.Lock] = {}
        self._lock = threading.RLock()

    def covering(self, owner: Hashable, query: Query, ttl: float) -> Optional[Result]:
        """Return the smallest kept result that holds all of a search's scenes, or None."""
        with self._lock:
            now = time.monotonic()
            for key in [key for key, (then, _) in self._results.items() if now - then > ttl and key[0] == owner]:  # type: ignore[index]
                del self._results[key]
            found = [
                (result.query != query, result.count, key)
                for key, (_, result) in self._results.items()
                if key[0] == owner and result.query.covers(query)  # type: ignore[index]
            ]
            if not found:
                return None
            key = min(found, key=lambda entry: entry[:2])[2]
            self._results.move_to_end(key)
            return self._results[key][1]

    def of(self, owner: Hashable, ttl: float) -> List[Result]:
        """Return all kept results of an owner, the last used first."""
        with self._lock:
            now = time.monotonic()
            kept = reversed(self._results.items())
            return [result for key, (then, result) in kept if key[0] == owner and now - then <= ttl]  # type: ignore[index]

    def keep(self, owner: Hashable, result: Result) -> None:
        """Keep a complete result, and let the least used go when all together are too large."""
        with self._lock:
            self._results[owner, result.query] = time.monotonic(), result
            while len(self._results) > 1 and sum(r.size for _, r in self._results.values()) > MOST_BYTES:
                self._results.popitem(last=False)

    def survey(self, owner: Hashable, query: Query, ttl: float) -> Optional[Survey]:
        """Return the kept survey of a search, or None."""
        with self._lock:
            then, survey = self._surveys.get((owner, query), (0.0, None))
            return survey if time.monotonic() - then <= ttl else None

    def keep_survey(self, owner: Hashable, query: Query, survey: Survey) -> None:
        """Keep the survey of a search, and forget those that are long past."""
        with self._lock:
            if len(self._surveys) >= MOST_SURVEYS:
                self._surveys.clear()
            self._surveys[owner, query] = time.monotonic(), survey

    @contextmanager
    def fetching(self, owner: Hashable, query: Query) -> Iterator[None]:
        """Let only one thread at a time fetch a search."""
        with self._lock:
            lock = self._fetching.setdefault((owner, query), threading.Lock())
        try:
            with lock:
                yield
        finally:
            with self._lock:
                self._fetching.pop((owner, query), None)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._results.clear()
            self._surveys.clear()


CACHE = Cache()
"""The results of this process."""
