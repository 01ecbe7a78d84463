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

import re
from collections import deque
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Iterator, List, Optional, Tuple

from planet_vector.catalog.density import cuts_of
from planet_vector.catalog.page_links import linked_scenes, nonempty_page
from planet_vector.catalog.scene_pages import (
    PageSource,
    ReadPage,
    ResultChanged,
    SceneBatch,
    ScenePage,
    SearchSurvey,
    scenes_missing,
)
from planet_vector.catalog.time_windows import (
    FEW_PAGES,
    TimeWindow,
    WindowGroup,
    cut_window,
    divide_window,
    division_end,
)
from planet_vector.errors import ProtocolError
from planet_vector.query import Query
from planet_vector.times import FIRST, LAST, nearest_times, next_instant
from planet_vector.workers import Workers, wait_for

_FINER = re.compile(r"[.,]\d{6}\d*[1-9]")  # a time that has more than microseconds


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
        answers = [pool.submit(lambda end: source.fetch(end, 1)(None), end) for end in ends]
        both = [nonempty_page(source, answer.result()) for answer in answers]
    newest, oldest = (_check(page, TimeWindow(), end) for page, end in zip(both, ends))
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


def first_page(source: PageSource, query: Query) -> Tuple[SceneBatch, Optional[TimeWindow]]:
    """Fetch the first page of a search alone, for a caller that may need no other.

    Parameters
    ----------
    source : PageSource
        Fetches the pages.
    query : Query
        The search.

    Returns
    -------
    scenes : SceneBatch
        Its first scenes.
    rest : TimeWindow or None
        The window of the scenes that follow; None if there are none.

    Raises
    ------
    ServiceError
        If the page cannot be fetched, or is inconsistent.
    """
    window = TimeWindow()
    page, times = _taken(source, source.fetch(query, source.size), window, query)
    if page.is_last:
        return page.features, None
    return _past(source, query, window, page, times)


def _read(
    source: PageSource, query: Query, connections: int, pool: Workers, known: Optional[SearchSurvey]
) -> Iterator[SceneBatch]:
    size = source.size
    if known is not None and known.density:
        windows = deque(divide_window(TimeWindow(), cuts_of(known.density, size), known.total or 0, query))
    elif known is not None and known.total is not None and known.oldest is not None and known.newest is not None:
        windows = deque(cut_window(TimeWindow(), known.oldest, division_end(known.newest), known.total, query, size))
    else:
        windows = deque([TimeWindow(group=WindowGroup((known.total if known else None) or 0, 1))])
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
        page, times = _taken(source, window.future.result(), window, query)
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
                raise scenes_missing(missing)
        yield kept


def _first(source: PageSource, query: Query, limit: int) -> Iterator[SceneBatch]:
    """Yield the first scenes of a search sequentially, as the time window of a limit is unknown."""
    window: Optional[TimeWindow] = TimeWindow()
    while window is not None:
        read = source.fetch(window.within(query), min(source.size, limit))
        page, times = _taken(source, read, window, query)
        if page.is_last or len(page.features) >= limit:
            yield page.features[:limit]
            return
        kept, window = _past(source, query, window, page, times)
        yield kept[:limit]
        limit -= len(kept)
        if limit <= 0:
            return
    if page.total is not None and page.total > len(kept):
        raise scenes_missing(page.total - len(kept))


def _taken(source: PageSource, read: ReadPage, window: TimeWindow, query: Query) -> Tuple[ScenePage, List[datetime]]:
    """Return a page that was fetched, and the times of its scenes, after checking that it matches the request."""
    page = nonempty_page(source, read(source.decode))
    return page, _check(page, window, query)


def _check(page: ScenePage, window: TimeWindow, query: Query) -> List[datetime]:
    """Return the times of a page's scenes, after checking that the page matches the request."""
    try:
        times = nearest_times(page.times)
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
    source: PageSource, query: Query, window: TimeWindow, page: ScenePage, times: List[datetime]
) -> Tuple[SceneBatch, Optional[TimeWindow]]:
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
    group = window.group if page.total is None else WindowGroup(0, 1)
    if not inclusive and edge == (LAST if query.ascending else FIRST):
        return kept, None
    if query.ascending:
        return kept, TimeWindow(edge if inclusive else next_instant(edge), window.high, group)
    return kept, TimeWindow(window.low, next_instant(edge) if inclusive else edge, group)


def _instant(source: PageSource, query: Query, time: datetime) -> SceneBatch:
    """Return all scenes of one instant by following links.

    Raises
    ------
    ProtocolError
        If the links do not lead to all of them.
    """
    first = source.fetch(TimeWindow(time, next_instant(time)).within(query), source.size)(None)
    found, complete = linked_scenes(source, first)
    if not complete:
        count = "more" if first.total is None else first.total
        raise ProtocolError(
            f"The service has {count} scenes acquired at {time.isoformat()} but returns "
            f"only {len(found)} of them: narrow the search by area so that they fit on a page."
        )
    return found


def _split(source: PageSource, query: Query, rest: TimeWindow, count: int) -> List[TimeWindow]:
    """Divide a window of `count` scenes into windows of about a page each, in the order of the search."""
    low, high, size = rest.low, rest.high, source.size
    if count > FEW_PAGES * size:
        # Requested even if both limits are known: the scenes may be dense next to a large gap.
        far = replace(rest.within(query), order=_order(query, "desc" if query.ascending else "asc"))
        farthest = _check(source.fetch(far, 1)(None), rest, far)
        if not farthest:
            raise scenes_missing(count)
        low, high = (low, division_end(farthest[0])) if query.ascending else (farthest[0], high)
    return cut_window(rest, low, high, count, query, size)
