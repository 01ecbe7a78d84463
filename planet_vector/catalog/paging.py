"""Pages of a complete search: in order, without losses or duplicates, several requests in parallel.

The ``next`` links of some services page by ``time < the last one seen``. Scenes that share this time across a page edge
are lost then, and only one page can be requested at a time. This module divides a search into time *windows* instead. A
page that is not the last of its window leaves a smaller window, which begins with the whole last instant again. Windows
do not overlap, so they can be requested in parallel. If pages contain a count, any missing scene is detected; otherwise
a page is the last of its window if it has no ``next`` link.

The catalog specifies the differences between services: the number of scenes in a page (`PageSource.size`), whether
pages contain a count (`ScenePage.total`), and the field and comparators that limit windows (the schema).
"""

from __future__ import annotations

import math
import re
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import (
    Callable,
    Dict,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Protocol,
    Sequence,
    Set,
    Tuple,
)

from planet_vector.catalog.density import FILL, Bucket, cuts_of
from planet_vector.collection_schema import Feature
from planet_vector.errors import ProtocolError
from planet_vector.query import Condition, Query, before
from planet_vector.times import FIRST, INSTANT, LAST, nearest_time, next_instant
from planet_vector.workers import Task, Workers, wait_for

MOST_WINDOWS = 64  # per split; the density of scenes is unknown, so more windows would not be more accurate
FEW_PAGES = 3  # up to here windows are read sequentially: a split would cost as many requests as it saves

_FINER = re.compile(r"[.,]\d{6}\d*[1-9]")  # a time that has more than microseconds


class ResultChanged(ProtocolError):
    """Raised if pages are inconsistent: the result changed during the search, or the service lost scenes."""


class SceneBatch(Protocol):
    """Protocol for a sliceable batch of scenes: a list of Features, or rows."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice) -> SceneBatch: ...


class ScenePage(NamedTuple):
    """Page of scenes.

    Attributes
    ----------
    features : SceneBatch
        Its scenes.
    ids, times : sequence of str
        The id and the time of each.
    total : int or None
        The number of scenes from its first one to the end of the search; None if the service does not count.
    next : str or None
        The link to the next page.
    """

    features: SceneBatch
    ids: Sequence[str]
    times: Sequence[str]
    total: Optional[int]
    next: Optional[str]

    @property
    def is_last(self) -> bool:
        """Whether no scenes follow."""
        return self.next is None if self.total is None else self.total == len(self.features)


class DecodedScenes(NamedTuple):
    """Decoded scenes, with the id and the time of each."""

    features: SceneBatch
    ids: Sequence[str]
    times: Sequence[str]


Envelope = Callable[[object], type]
"""Returns the class of a service's pages for msgspec, given the type of their ``features``, the scenes."""
DecodePage = Callable[[bytes, Envelope], Optional[Tuple[DecodedScenes, object]]]
"""Decodes a page in JSON; returns its scenes and the page, or None if it cannot."""
ReadPage = Callable[[Optional[DecodePage]], ScenePage]
"""Parses a received page: as GeoJSON Features, or by a decoder if that is possible."""


class PageSource:
    """Fetches pages of scenes by query or by link.

    Parameters
    ----------
    fetch : callable
        Requests the first scenes of a query, at most the given number, and returns a function that parses the page.
        Called from several threads; the returned function is called from the thread that consumes the pages.
    follow : callable
        Returns the page at a link.
    size : int
        Maximum number of scenes in a page.
    decode : callable, optional
        Decodes the pages that are requested in parallel.
    """

    def __init__(
        self,
        fetch: Callable[[Query, int], ReadPage],
        follow: Callable[[str], ScenePage],
        size: int,
        decode: Optional[DecodePage] = None,
    ) -> None:
        self.fetch = fetch
        self.follow = follow
        self.size = size
        self.decode = decode

    def page(self, query: Query, size: int) -> ScenePage:
        """Return the first scenes of a query as Features.

        Parameters
        ----------
        query : Query
            The search.
        size : int
            Maximum number of scenes.

        Raises
        ------
        ServiceError
            If the request fails.
        """
        return self.fetch(query, size)(None)


@dataclass
class _Group:
    """Expected number of scenes in the windows of one split."""

    expected: int
    pending: int

    def received(self, count: int) -> None:
        self.expected -= count
        self.pending -= 1
        # More scenes may have been published meanwhile. Fewer means that some are missing.
        if not self.pending and self.expected > 0:
            raise _changed(self.expected)


@dataclass
class _Window:
    """Time window from `low` to before `high`, and its group.

    A limit at the first or the last instant is open, as times beyond them are clamped to these.
    """

    low: Optional[datetime] = None
    high: Optional[datetime] = None
    group: _Group = field(default_factory=lambda: _Group(0, 1))
    future: Optional[Task[ReadPage]] = None

    def within(self, query: Query) -> Query:
        time, edges = query.schema.time_field, []
        if self.low is not None and self.low > FIRST:
            edges.append(Condition(time, "gte", self.low))
        if self.high is not None:
            edges.append(before(time, self.high))
        return query.where(*edges)


class SearchSurvey(NamedTuple):
    """Number of scenes of a search, None if the service does not count, and the times of the oldest and the newest.

    A service that counts scenes by time gives a density, too; its pages need not contain a count then.
    """

    total: Optional[int]
    oldest: Optional[datetime] = None
    newest: Optional[datetime] = None
    density: Tuple[Bucket, ...] = ()


def survey(source: PageSource, query: Query) -> SearchSurvey:
    """Request both ends of a search in parallel, one scene each, and return its count and times.

    Parameters
    ----------
    source : PageSource
        Fetches the pages.
    query : Query
        The search.

    Returns
    -------
    SearchSurvey
        The number of scenes, and the times of the oldest and the newest; None if the search has a limit or finds
        nothing.

    Raises
    ------
    ServiceError
        If a request fails.
    """
    if query.contradicts_itself:
        return SearchSurvey(0)
    with Workers(2) as pool:
        ends = [replace(query, order=order, limit=None) for order in (_order(query, "desc"), _order(query, "asc"))]
        answers = [pool.submit(source.page, end, 1) for end in ends]
        both = [_filled(source, answer.result()) for answer in answers]
    newest, oldest = (_check(page, _Window(), end) for page, end in zip(both, ends))
    # Without a count, a page without a next link contains all scenes.
    totals = [len(page.features) if page.is_last else page.total for page in both]
    count = max((total for total in totals if total is not None), default=None)
    if query.limit is not None or not newest or not oldest:
        return SearchSurvey(count if query.limit is None or count is None else min(count, query.limit))
    return SearchSurvey(count, oldest[0], newest[0])


def _order(query: Query, direction: str) -> str:
    return f"{query.schema.meanings.time} {direction}"


def pages(
    source: PageSource, query: Query, connections: int, known: Optional[SearchSurvey] = None
) -> Iterator[SceneBatch]:
    """Yield the scenes of a search in its order, in lists of Features or in decoded batches.

    Closing the iterator cancels the remaining tasks; requests in progress are not awaited.

    Parameters
    ----------
    source : PageSource
        Fetches the pages.
    query : Query
        The search.
    connections : int
        Maximum number of concurrent requests.
    known : SearchSurvey, optional
        Result of `survey`; with it, a long search is split from the start.

    Yields
    ------
    SceneBatch
        The next scenes.

    Raises
    ------
    ServiceError
        If a page cannot be fetched, or the pages are inconsistent; no scene is missing without an error.
    """
    if query.contradicts_itself:
        return
    if query.limit is not None:
        yield from _first(source, query, query.limit)
        return
    pool = Workers(connections)
    try:
        yield from _read(source, query, connections, pool, known)
    finally:
        # Do not wait: the iterator may be closed by the main thread of a graphical program.
        pool.shutdown(wait=False, cancel_futures=True)


def _read(
    source: PageSource, query: Query, connections: int, pool: Workers, known: Optional[SearchSurvey]
) -> Iterator[SceneBatch]:
    size = source.size
    if known is not None and known.density:
        windows = deque(_between(_Window(), cuts_of(known.density, size), known.total or 0, query))
    elif known is not None and known.total is not None and known.oldest is not None and known.newest is not None:
        windows = deque(_cut(_Window(), known.oldest, _end(known.newest), known.total, query, size))
    else:
        windows = deque([_Window(group=_Group((known.total if known else None) or 0, 1))])
    while windows:
        # As many received pages as requests in progress: no connection is idle, and memory is bounded.
        ahead = []
        for window in islice(windows, 2 * connections):
            if window.future is None:
                window.future = pool.submit(source.fetch, window.within(query), size)
            ahead.append(window.future)
        if len(ahead) > connections and not ahead[0].done():
            # These pages arrive almost together. Parse them once all are here and the next ones are requested: parsing
            # earlier would hold the interpreter's lock, which the requesting threads need.
            wait_for(ahead[:connections])
        window = windows.popleft()
        assert window.future is not None
        page = _filled(source, window.future.result()(source.decode))
        times = _check(page, window, query)
        if page.total is not None:
            window.group.received(page.total)
        if page.is_last:
            if page.total is None:
                window.group.received(len(page.features))
            yield page.features
            continue
        kept, rest = _past(source, query, window, page, times)
        if page.total is None:
            window.group.expected -= len(kept)
            if rest is not None:
                windows.appendleft(rest)
            else:
                window.group.received(0)
        else:
            missing = page.total - len(kept)
            if rest is not None:
                windows.extendleft(reversed(_split(source, query, rest, missing)))
            elif missing > 0:
                raise _changed(missing)
        yield kept


def _filled(source: PageSource, page: ScenePage) -> ScenePage:
    """Return the first nonempty page from here on: pages without a count may be empty without being the last."""
    seen: Set[str] = set()
    while page.total is None and not page.features and page.next and page.next not in seen:
        seen.add(page.next)
        page = source.follow(page.next)
    if not page.features and not page.is_last and page.total is None:
        raise ProtocolError("The service links empty pages in a circle: the result would be incomplete, try again.")
    return page


def _first(source: PageSource, query: Query, limit: int) -> Iterator[SceneBatch]:
    """Yield the first scenes of a search sequentially, as the time window of a limit is unknown."""
    window: Optional[_Window] = _Window()
    while window is not None:
        page = _filled(source, source.page(window.within(query), min(source.size, limit)))
        times = _check(page, window, query)
        if page.is_last or len(page.features) >= limit:
            yield page.features[:limit]
            return
        kept, window = _past(source, query, window, page, times)
        yield kept[:limit]
        limit -= len(kept)
        if limit <= 0:
            return
    if page.total is not None and page.total > len(kept):
        raise _changed(page.total - len(kept))


def _check(page: ScenePage, window: _Window, query: Query) -> List[datetime]:
    """Return the times of a page's scenes, after checking that the page matches the request."""
    try:
        times = list(map(nearest_time, page.times))
    except (TypeError, ValueError, AttributeError):
        raise ProtocolError("The service returned a scene without an acquisition time.") from None
    if page.total is not None and (len(page.features) > page.total or (page.total and not page.features)):
        raise ResultChanged(
            f"The service counts {page.total} scenes but returned {len(page.features)}: "
            "the result would be incomplete, try again."
        )
    if len(set(page.ids)) < len(times):
        raise ProtocolError("The service returned a scene twice on one page: the result is unreliable, try again.")
    if times != sorted(times, reverse=not query.ascending):
        raise ProtocolError("The service returned scenes out of order: the result cannot be read in pages.")
    time = query.schema.meanings.time
    for condition in window.within(query).conditions:
        if condition.field.name == time and not all(condition.holds(moment) for moment in times[:1] + times[-1:]):
            raise ProtocolError(
                "The service returned scenes outside the time window: the result cannot be read in pages."
            )
    return times


def _past(
    source: PageSource, query: Query, window: _Window, page: ScenePage, times: List[datetime]
) -> Tuple[SceneBatch, Optional[_Window]]:
    """Return the complete part of a page, and the window of the following scenes; None if no later time exists.

    The last instant of a page may continue on the next page, so it is left to the next window. If it fills the whole
    page, only the service's own links can page through it.
    """
    if "lt" not in query.schema.time_field.comparators and any(map(_FINER.search, page.times)):
        # A closed span ends with a microsecond, and the next begins with one: what lies between is in neither.
        raise ProtocolError(
            "The service has times finer than a microsecond and selects closed spans only: "
            "narrow the search so that it fits a page."
        )
    edge = times[-1]
    kept = page.features[: times.index(edge)]
    inclusive = bool(kept)
    if not kept:
        kept = _instant(source, query, edge)
    group = window.group if page.total is None else _Group(0, 1)
    if not inclusive and edge == (LAST if query.ascending else FIRST):
        return kept, None
    if query.ascending:
        return kept, _Window(edge if inclusive else next_instant(edge), window.high, group)
    return kept, _Window(window.low, next_instant(edge) if inclusive else edge, group)


def _instant(source: PageSource, query: Query, time: datetime) -> SceneBatch:
    """Return all scenes of one instant by following links.

    Raises
    ------
    ProtocolError
        If the links do not lead to all of them.
    """
    page = source.page(_Window(time, next_instant(time)).within(query), source.size)
    count, found = page.total, _by_id(page)
    seen: Set[str] = set()
    while (count is None or len(found) < count) and page.next and page.next not in seen:
        if count is not None and not page.features:
            break
        seen.add(page.next)
        page = source.follow(page.next)
        found.update(_by_id(page))
    if page.next in seen if count is None else len(found) != count:
        raise ProtocolError(
            f"The service has {'more' if count is None else count} scenes acquired at {time.isoformat()} but returns "
            f"only {len(found)} of them: narrow the search by area so that they fit on a page."
        )
    return list(found.values())


def _by_id(page: ScenePage) -> Dict[str, Feature]:
    assert isinstance(page.features, list)
    return dict(zip(page.ids, page.features))


def _split(source: PageSource, query: Query, rest: _Window, count: int) -> List[_Window]:
    """Divide a window of `count` scenes into windows of about a page each, in the order of the search."""
    low, high, size = rest.low, rest.high, source.size
    if count > FEW_PAGES * size:
        # Requested even if both limits are known: the scenes may be dense next to a large gap.
        far = replace(rest.within(query), order=_order(query, "desc" if query.ascending else "asc"))
        farthest = _check(source.page(far, 1), rest, far)
        if not farthest:
            raise _changed(count)
        low, high = (low, _end(farthest[0])) if query.ascending else (farthest[0], high)
    return _cut(rest, low, high, count, query, size)


def _cut(
    window: _Window, low: Optional[datetime], high: Optional[datetime], count: int, query: Query, size: int
) -> List[_Window]:
    """Divide a window evenly between two times, keeping its own limits; a page contains `size` scenes."""
    pieces = min(math.ceil(count / (size * FILL)), MOST_WINDOWS)
    if count <= FEW_PAGES * size or low is None or high is None:
        pieces = 1 if count else 0
    else:
        pieces = max(1, min(pieces, (high - low) // INSTANT))
    cuts = [low + (high - low) * i / pieces for i in range(1, pieces)] if low and high else []
    return _between(window, cuts, count, query) if pieces else []


def _between(window: _Window, cuts: List[datetime], count: int, query: Query) -> List[_Window]:
    """Divide a window of `count` scenes at some times, in the order of the search."""
    group = _Group(count, len(cuts) + 1)
    edges = [window.low, *cuts, window.high]
    windows = [_Window(a, b, group) for a, b in zip(edges, edges[1:])]
    return windows if query.ascending else windows[::-1]


def _end(time: datetime) -> datetime:
    """Return the end of an even division, which must be finite although the last window is open."""
    return next_instant(time) or LAST


def _changed(missing: int) -> ResultChanged:
    return ResultChanged(
        f"The service counted {missing} more scenes than it returned: the result is incomplete, or it changed "
        "during the search; try again."
    )
