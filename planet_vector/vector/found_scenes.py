"""The scenes of one search as they were read, kept so that they are asked for once however often they are looked at."""

from __future__ import annotations

import logging
import marshal
import threading
import zlib
from bisect import bisect_right
from dataclasses import replace
from datetime import datetime
from typing import Callable, Generator, Iterator, List, NamedTuple, Optional, Set, Tuple, Union

from planet_vector.catalog.paging import ResultChanged
from planet_vector.collection_schema import Feature, value_at
from planet_vector.errors import CacheError, PlanetVectorError
from planet_vector.forking import renew_after_fork
from planet_vector.query import Condition, Query, before
from planet_vector.times import FIRST, nearest_time, next_instant
from planet_vector.vector.result import Spool, unreadable

log = logging.getLogger(__name__)

IN_MEMORY = 16 * 2**20  # bytes of a search, some 40 000 scenes; what is read after that goes to a file
MOST_BYTES = 512 * 2**20  # of a search; what is read after that is not kept, and asked for again when it is looked at
_LEVEL = 1  # zlib's fastest: packing a page takes 6 ms, where the service takes 100

Features = List[Feature]
FetchPages = Callable[[Query], Iterator[Features]]
"""Returns the pages of a search from the service, as `planet_vector.catalog.Catalog.pages` does."""


class _Kept(NamedTuple):
    """One page: where it begins and ends among all scenes, its first and its last time, its bytes or their place."""

    start: int
    end: int
    first: Optional[datetime]
    last: Optional[datetime]
    data: Union[bytes, Tuple[int, int]]


class FoundScenes:
    """The scenes of one search as far as they were read; reads on when more of them are looked at.

    Pages are kept packed: a plain loop over a search, however long, takes `IN_MEMORY` bytes for it at the most.
    Several threads may read at once; what one of them asks for the others wait for. What a reading that was broken off,
    or failed, did not come to is asked for by the next one: the scenes beyond the last that is kept. When nobody reads
    any more, nothing is left on its way.

    Parameters
    ----------
    query : Query
        What was searched for.
    ask : callable
        Asks the service.
    """

    def __init__(self, query: Query, ask: FetchPages) -> None:
        self.query = query
        self.total: Optional[int] = None
        """How many scenes there are, once all were read."""
        self.counted: Optional[int] = None
        """How many scenes the service has counted, once it was asked."""
        self.spoilt: Optional[PlanetVectorError] = None
        """Why nothing of this can be used any more, and the search must be read anew."""
        self.memory = 0
        self.size = 0
        self._ask = ask
        self._kept: List[_Kept] = []
        self._keeps = True
        self._file: Optional[Spool] = None
        self._readers: Set[object] = set()
        self._source: Optional[Iterator[Features]] = None  # what follows the last page that is kept
        self._lock = threading.Lock()
        renew_after_fork(self._renew)

    @classmethod
    def of(cls, query: Query, features: Features) -> FoundScenes:
        """Return scenes that are there already."""
        found = cls(query, lambda query: iter(()))
        found._keep(features)
        found.total = found.read
        return found

    @property
    def read(self) -> int:
        """The number of scenes that are kept, which are the first."""
        return self._kept[-1].end if self._kept else 0

    @property
    def span(self) -> Optional[Tuple[datetime, datetime]]:
        """The times of the oldest scene and of the newest, where all are kept and there are any."""
        if not self._kept or self.total != self.read:
            return None
        first, last = self._kept[0].first, self._kept[-1].last
        return (min(first, last), max(first, last)) if first and last else None

    def pages(self, start: int = 0) -> Generator[Tuple[int, Features], None, None]:
        """Yield the scenes from a place on, some at a time, with the place of the first; it may lie before `start`.

        Raises
        ------
        ServiceError
            When the rest cannot be had; what was read stays.
        ResultChanged
            When what came does not add up; nothing of it stays.
        CacheError
            When the disk does not give back what it took.
        """
        reader = object()
        self._readers.add(reader)
        try:
            number = bisect_right([page.end for page in self._kept], start)
            while self.spoilt is None:
                if number < len(self._kept):
                    yield self._kept[number].start, self._load(self._kept[number])
                    number += 1
                elif self.total == self.read:
                    return
                elif self._keeps:
                    page = self._more(number)
                    if page is not None:
                        yield page
                        number += 1
                else:
                    yield from self._unkept()
                    return
            raise self.spoilt
        finally:
            self._readers.discard(reader)
            if not self._readers:
                self.close()

    def close(self) -> None:
        """Drop what is on its way; what was read stays."""
        self._source = None

    def _more(self, number: int) -> Optional[Tuple[int, Features]]:
        """Read and keep the next page; None where another thread has, where none follows, or where it is not kept."""
        with self._lock:
            if number < len(self._kept) or self.total is not None or not self._keeps or self.spoilt:
                return None
            # Taken away while it is used: where that fails, or Ctrl-C ends it, what is kept tells how to go on.
            source, self._source = self._source or self._rest(), None
            try:
                features = next(filter(None, source), None)
            except ResultChanged as error:
                self.spoilt = error
                raise
            start = self.read
            if features is None:
                self.total = start
                return None
            if not self._keep(features):
                self._keeps = False
                return None
            self._source = source
            return start, features

    def _unkept(self) -> Generator[Tuple[int, Features], None, None]:
        """Yield what follows the last page that is kept, as the service has it now."""
        place = self.read
        for features in self._rest():
            yield place, features
            place += len(features)
        self.total = place

    def _rest(self) -> Iterator[Features]:
        """Ask for the scenes beyond the last that is kept: pages hold all scenes of an instant, or the limit is met."""
        if not self._kept:
            return self._ask(self.query)
        last, query = self._kept[-1].last, self.query
        if last is None:
            raise AssertionError("a page without times is refused before it is kept")
        limit = None if query.limit is None else query.limit - self.read
        edge = next_instant(last) if query.ascending else last if last > FIRST else None
        if edge is None or limit == 0:
            return iter(())
        time = query.schema.time_field
        beyond = Condition(time, "gte", edge) if query.ascending else before(time, edge)
        return self._ask(replace(query.where(beyond), limit=limit))

    def _keep(self, features: Features) -> bool:
        """Keep a page, and tell whether there was room."""
        start = self.read
        try:
            data = zlib.compress(marshal.dumps(features), _LEVEL)
            where: Union[bytes, Tuple[int, int]] = data
            if self.size + len(data) > MOST_BYTES:
                return False
            if self._file is not None or self.memory + len(data) > IN_MEMORY:
                self._file = self._file or Spool()
                where = self._file.append(data), len(data)
            else:
                self.memory += len(data)
        except (CacheError, ValueError) as error:  # the second when it is too deep
            log.debug("The scenes of a search are not kept from the %s. on: %s", start + 1, error)
            return False
        self.size += len(data)
        # Last, and in one step.
        self._kept.append(_Kept(start, start + len(features), self._time(features[0]), self._time(features[-1]), where))
        return True

    def _load(self, page: _Kept) -> Features:
        data = page.data
        try:
            if not isinstance(data, bytes):
                assert self._file is not None
                data = self._file.read(*data)
            features: Features = marshal.loads(zlib.decompress(data))  # noqa: S302 - this process wrote it
        except CacheError as error:
            self.spoilt = error
            raise
        except (zlib.error, ValueError, EOFError, TypeError) as error:
            self.spoilt = unreadable(f"it was damaged ({error})")
            raise self.spoilt from None
        return features

    def _renew(self) -> None:
        self._lock = threading.Lock()
        # Kept, but used no more: its threads are not here, and to close it takes locks that are not renewed yet.
        self._inherited, self._source = self._source, None
        self._keeps = self._keeps and self._file is None  # the file is the parent's to write

    def _time(self, feature: Feature) -> Optional[datetime]:
        try:
            return nearest_time(value_at(feature["properties"], self.query.schema.meanings.time))
        except (KeyError, TypeError, ValueError, AttributeError):
            return None  # of a scene that was asked for by its id, and is no part of a page
