"""Cache of the scenes of one search: each is requested once, however often it is accessed."""

from __future__ import annotations

import logging
import marshal
import threading
import zlib
from bisect import bisect_right
from dataclasses import replace
from datetime import datetime
from typing import Callable, Generator, Iterator, List, NamedTuple, Optional, Protocol, Set, Tuple, TypeVar, Union, cast

from planet_vector.catalog.scene_pages import ResultChanged
from planet_vector.collection_schema import Feature, time_at
from planet_vector.conditions import Condition, before
from planet_vector.errors import CacheError, PlanetVectorError
from planet_vector.forking import renew_after_fork
from planet_vector.query import Query
from planet_vector.times import FIRST, nearest_time, next_instant
from planet_vector.vector.result import Spool, unreadable

log = logging.getLogger(__name__)

IN_MEMORY = 16 * 2**20  # bytes of a search, some 40 000 scenes; later pages go to a file
MOST_BYTES = 512 * 2**20  # bytes of a search; later pages are not cached, and requested again at each access
MOST_TABLE = 64 * 2**20  # bytes of a table that is kept, some 70 000 scenes
_LEVEL = 1  # zlib's fastest: compressing a page takes 6 ms, a request 100

T = TypeVar("T")

Features = List[Feature]
FetchPages = Callable[[Query], Iterator[Features]]
"""Fetches the pages of a search, as `planet_vector.catalog.Catalog.pages` does."""


class Table(Protocol):
    """Protocol for all scenes of a search by columns."""

    nbytes: int

    def __len__(self) -> int: ...


class _Kept(NamedTuple):
    """One cached page: its range of scene indices, its first and last time, its bytes or their (offset, length)."""

    start: int
    end: int
    first: Optional[datetime]
    last: Optional[datetime]
    data: Union[bytes, Tuple[int, int]]


class FoundScenes:
    """The scenes of one search read so far; further pages are fetched on access.

    Pages are compressed: a loop over a search of any length uses at most `IN_MEMORY` bytes for it. Several threads may
    read at once; only one of them requests a page, the others wait for it. After an interrupted or failed read, the
    next read continues behind the last cached scene. When the last reader closes, pending requests are dropped.

    Parameters
    ----------
    query : Query
        The search.
    ask : callable
        Fetches the pages of a search from the service.
    """

    def __init__(self, query: Query, ask: FetchPages) -> None:
        self.query = query
        self.total: Optional[int] = None
        """The number of scenes, once all were read."""
        self.counted: Optional[int] = None
        """The number of scenes by the service's count, once it was requested."""
        self.spoilt: Optional[PlanetVectorError] = None
        """The error that made the cached scenes unusable; the search must then be read anew."""
        self.table: Optional[Table] = None
        """All scenes by columns, once they were read so."""
        self.memory = 0
        self.size = 0
        self._ask = ask
        self._kept: List[_Kept] = []
        self._keeps = True
        self._file: Optional[Spool] = None
        self._readers: Set[object] = set()
        self._source: Optional[Iterator[Features]] = None  # the pages after the last cached one
        self._lock = threading.Lock()
        self._table_lock = threading.Lock()
        renew_after_fork(self._renew)

    @classmethod
    def of(cls, query: Query, features: Features) -> FoundScenes:
        """Create a complete cache from scenes at hand.

        Parameters
        ----------
        query : Query
            The search they belong to.
        features : list of Feature
            All of its scenes.

        Returns
        -------
        FoundScenes
            It makes no requests.
        """
        found = cls(query, lambda query: iter(()))
        found._keep(features)
        found.total = found.read
        return found

    @property
    def read(self) -> int:
        """The number of cached scenes, which are the first of the search."""
        return self._kept[-1].end if self._kept else 0

    @property
    def span(self) -> Optional[Tuple[datetime, datetime]]:
        """The times of the oldest and the newest scene; None unless all scenes are cached and there are any."""
        if not self._kept or self.total != self.read:
            return None
        first, last = self._kept[0].first, self._kept[-1].last
        return (min(first, last), max(first, last)) if first and last else None

    def pages(self, start: int = 0) -> Generator[Tuple[int, Features], None, None]:
        """Yield the scenes from an index on, a page at a time.

        Parameters
        ----------
        start : int
            Index of the first scene wanted.

        Yields
        ------
        (int, list of Feature)
            The index of the page's first scene, which may lie before `start`, and its scenes.

        Raises
        ------
        ServiceError
            If a request fails; pages read before stay cached.
        ResultChanged
            If the pages are inconsistent with one another; the cached scenes become unusable.
        CacheError
            If a cached page cannot be read back from disk.
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

    def table_by(self, read: Callable[[], T]) -> T:
        """Return all scenes by columns; at most `MOST_TABLE` bytes are kept.

        Parameters
        ----------
        read : callable
            Reads them; the caller's only kind of table.
        """
        with self._table_lock:
            if self.table is not None:
                return cast(T, self.table)
            table = read()
            kept = cast(Table, table)
            self.counted = len(kept)
            if kept.nbytes <= MOST_TABLE:
                self.table = kept
                self.memory += kept.nbytes
            return table

    def close(self) -> None:
        """Drop pending requests; scenes read before stay cached."""
        self._source = None

    def _more(self, number: int) -> Optional[Tuple[int, Features]]:
        """Read and cache the next page; return None if another thread has, if none follows, or if it is not cached."""
        with self._lock:
            if number < len(self._kept) or self.total is not None or not self._keeps or self.spoilt:
                return None
            # Detached while in use: after an error or Ctrl-C, the next read continues behind the last cached scene.
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
        """Yield the pages after the last cached one, fetched anew."""
        place = self.read
        for features in self._rest():
            yield place, features
            place += len(features)
        self.total = place

    def _rest(self) -> Iterator[Features]:
        """Request the scenes after the last cached one; pages hold all scenes of an instant, up to the limit."""
        if not self._kept:
            return self._ask(self.query)
        last, query = self._kept[-1].last, self.query
        if query.schema.meanings.start:
            return self._others()
        if last is None:
            raise AssertionError("a page without times is refused before it is kept")
        limit = None if query.limit is None else query.limit - self.read
        edge = next_instant(last) if query.ascending else last if last > FIRST else None
        if edge is None or limit == 0:
            return iter(())
        time = query.schema.time_field
        beyond = Condition(time, "gte", edge) if query.ascending else before(time, edge)
        return self._ask(replace(query.where(beyond), limit=limit))

    def _others(self) -> Iterator[Features]:
        """Request all scenes, and return those not cached: scenes with a span of time may begin before the last one."""
        seen = {feature["id"] for page in self._kept for feature in self._load(page)}
        for features in self._ask(self.query):
            yield [feature for feature in features if feature["id"] not in seen]

    def _keep(self, features: Features) -> bool:
        """Cache a page; return whether there was room."""
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
        except (CacheError, ValueError) as error:  # ValueError if the JSON is nested too deeply
            log.debug("The scenes of a search are not cached from number %s on: %s", start + 1, error)
            return False
        self.size += len(data)
        # Last and atomic, as other threads read the list without the lock.
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
        self._table_lock = threading.Lock()
        # Referenced but unused: its threads do not exist in this process, and closing it needs locks not yet renewed.
        self._inherited, self._source = self._source, None
        self._keeps = self._keeps and self._file is None  # only the parent writes to the file

    def _time(self, feature: Feature) -> Optional[datetime]:
        try:
            return nearest_time(time_at(feature["properties"], self.query.schema.meanings))  # type: ignore[arg-type]
        except (KeyError, TypeError, ValueError, AttributeError):
            return None  # of a scene that was requested by its id, not in a page
