"""Cache of search results in memory, with a time to live."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from contextlib import contextmanager
from typing import Dict, Hashable, Iterator, List, Optional, Tuple

from planet_vector.catalog.scene_pages import SearchSurvey
from planet_vector.forking import renew_after_fork
from planet_vector.query import Query
from planet_vector.vector.found_scenes import FetchPages, FoundScenes
from planet_vector.vector.result import Result

MOST_BYTES = 2 * 2**30  # bytes of all results, in memory and files; beyond, the least recently used are evicted
MOST_MEMORY = 64 * 2**20  # bytes in memory of all searches from Python; beyond, the least recently used are evicted
MOST_SEARCHES = 1000
MOST_SURVEYS = 10_000


class Cache:
    """Cache of results and surveys by owner, limited in time and size.

    It is thread-safe. Threads that need a result wait for the one that is fetching it.
    """

    def __init__(self) -> None:
        self._renew()
        renew_after_fork(self._renew)
        self._results: OrderedDict[Hashable, Tuple[float, Result]] = OrderedDict()
        self._surveys: Dict[Hashable, Tuple[float, SearchSurvey]] = {}
        self._found: OrderedDict[Hashable, Tuple[float, FoundScenes]] = OrderedDict()

    def _renew(self) -> None:
        """Create new locks: in a forked process, a thread of the parent may hold the old ones."""
        self._fetching: Dict[Hashable, threading.Lock] = {}
        self._lock = threading.RLock()

    def covering(self, owner: Hashable, query: Query, ttl: float) -> Optional[Result]:
        """Return the smallest cached result that contains all scenes of a search, or None.

        Parameters
        ----------
        owner : hashable
            The layer: service, key, columns and search of its name.
        query : Query
            The search.
        ttl : float
            Greatest age of a result, seconds; older ones are evicted.
        """
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
        """Return all cached results of an owner, the most recently used first.

        Parameters
        ----------
        owner : hashable
            As for `covering`.
        ttl : float
            Greatest age of a result, seconds.
        """
        with self._lock:
            now = time.monotonic()
            kept = reversed(self._results.items())
            return [result for key, (then, result) in kept if key[0] == owner and now - then <= ttl]  # type: ignore[index]

    def keep(self, owner: Hashable, result: Result) -> None:
        """Cache a complete result, and evict the least recently used ones beyond `MOST_BYTES`.

        Parameters
        ----------
        owner : hashable
            As for `covering`.
        result : Result
            The result; its age counts towards its time to live.
        """
        with self._lock:
            self._results[owner, result.query] = time.monotonic() - result.age, result
            while len(self._results) > 1 and sum(r.size for _, r in self._results.values()) > MOST_BYTES:
                self._results.popitem(last=False)

    def survey(self, owner: Hashable, query: Query, ttl: float) -> Optional[SearchSurvey]:
        """Return the cached survey of a search, or None.

        Parameters
        ----------
        owner : hashable
            As for `covering`.
        query : Query
            The search.
        ttl : float
            Greatest age of the survey, seconds.
        """
        with self._lock:
            then, survey = self._surveys.get((owner, query), (0.0, None))
            return survey if time.monotonic() - then <= ttl else None

    def keep_survey(self, owner: Hashable, query: Query, survey: SearchSurvey) -> None:
        """Cache the survey of a search; clear all surveys first if there are `MOST_SURVEYS`.

        Parameters
        ----------
        owner : hashable
            As for `covering`.
        query : Query
            The search.
        survey : SearchSurvey
            Its count and its two ends.
        """
        with self._lock:
            if len(self._surveys) >= MOST_SURVEYS:
                self._surveys.clear()
            self._surveys[owner, query] = time.monotonic(), survey

    def found(self, owner: Hashable, query: Query, ttl: float, ask: FetchPages) -> FoundScenes:
        """Return the cached scenes of a search from Python, shared by all searches within the time to live.

        Parameters
        ----------
        owner : hashable
            The service and its key.
        query : Query
            The search.
        ttl : float
            Seconds for which a new entry is shared; with 0, none is.
        ask : callable
            Fetches the pages of a search.
        """
        new = FoundScenes(query, ask)
        if not ttl:
            return new
        with self._lock:
            now = time.monotonic()
            for key in [key for key, (until, found) in self._found.items() if now > until or found.spoilt]:
                del self._found[key]
            _, kept = self._found.setdefault((owner, query), (now + ttl, new))
            self._found.move_to_end((owner, query))
            while len(self._found) > 1 and self._is_full():
                self._found.popitem(last=False)
            return kept

    def _is_full(self) -> bool:
        found = [found for _, found in self._found.values()]
        memory, size = sum(each.memory for each in found), sum(each.size for each in found)
        return memory > MOST_MEMORY or size > MOST_BYTES or len(found) > MOST_SEARCHES

    @contextmanager
    def fetching(self, owner: Hashable, query: Query) -> Iterator[None]:
        """Hold the lock for fetching a search, so that one thread at a time does.

        Parameters
        ----------
        owner : hashable
            As for `covering`.
        query : Query
            The search.

        Yields
        ------
        None
            While the lock is held.
        """
        with self._lock:
            lock = self._fetching.setdefault((owner, query), threading.Lock())
        try:
            with lock:
                yield
        finally:
            with self._lock:
                self._fetching.pop((owner, query), None)

    def clear(self) -> None:
        """Remove all entries."""
        with self._lock:
            self._results.clear()
            self._surveys.clear()
            self._found.clear()


CACHE = Cache()
"""The cache of this process."""
