"""Results of searches, kept for a while: what was asked once is not asked again."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from contextlib import contextmanager
from typing import Dict, Hashable, Iterator, List, Optional, Tuple

from planet_vector.catalog.paging import SearchSurvey
from planet_vector.forking import renew_after_fork
from planet_vector.query import Query
from planet_vector.vector.found_scenes import FetchPages, FoundScenes
from planet_vector.vector.result import Result

MOST_BYTES = 2 * 2**30  # bytes of all results together, memory and files, before the least used go
MOST_MEMORY = 64 * 2**20  # bytes of all searches from Python together, before the least used go
MOST_SEARCHES = 1000
MOST_SURVEYS = 10_000


class Cache:
    """Results and counts by who asked for them, kept for a time and up to a size.

    Safe to use from several threads; a result that one thread is fetching is waited for by the others.
    """

    def __init__(self) -> None:
        self._renew()
        renew_after_fork(self._renew)
        self._results: OrderedDict[Hashable, Tuple[float, Result]] = OrderedDict()
        self._surveys: Dict[Hashable, Tuple[float, SearchSurvey]] = {}
        self._found: OrderedDict[Hashable, Tuple[float, FoundScenes]] = OrderedDict()

    def _renew(self) -> None:
        """Make locks that nothing holds: in a forked process, a thread of the other may hold those there are."""
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
            self._results[owner, result.query] = time.monotonic() - result.age, result
            while len(self._results) > 1 and sum(r.size for _, r in self._results.values()) > MOST_BYTES:
                self._results.popitem(last=False)

    def survey(self, owner: Hashable, query: Query, ttl: float) -> Optional[SearchSurvey]:
        """Return the kept survey of a search, or None."""
        with self._lock:
            then, survey = self._surveys.get((owner, query), (0.0, None))
            return survey if time.monotonic() - then <= ttl else None

    def keep_survey(self, owner: Hashable, query: Query, survey: SearchSurvey) -> None:
        """Keep the survey of a search, and forget those that are long past."""
        with self._lock:
            if len(self._surveys) >= MOST_SURVEYS:
                self._surveys.clear()
            self._surveys[owner, query] = time.monotonic(), survey

    def found(self, owner: Hashable, query: Query, ttl: float, ask: FetchPages) -> FoundScenes:
        """Return where the scenes of a search are kept one by one: the same for all who search within the time."""
        new = FoundScenes(query, ask)
        if not ttl:
            return new
        with self._lock:
            now = time.monotonic()
            for key in [key for key, (until, found) in self._found.items() if now > until or found.spoilt]:
                del self._found[key]
            _, kept = self._found.setdefault((owner, query), (now + ttl, new))
            self._found.move_to_end((owner, query))
            while len(self._found) > 1 and self._too_much():
                self._found.popitem(last=False)
            return kept

    def _too_much(self) -> bool:
        found = [found for _, found in self._found.values()]
        memory, size = sum(each.memory for each in found), sum(each.size for each in found)
        return memory > MOST_MEMORY or size > MOST_BYTES or len(found) > MOST_SEARCHES

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
            self._found.clear()


CACHE = Cache()
"""The results of this process."""
