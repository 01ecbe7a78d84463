"""Items of a search, in its order: whole or an error.

The items that a service returns are a superset of the search (`planet_vector.catalog.stac.pushed`); the exact
conditions are applied here. A long search is read by windows of time, several at once. Windows share their edges, so
that no item is lost between them, and an item belongs to the window of its own time. A service that does not sort is
read as a whole before the first item is known.
"""

from __future__ import annotations

import math
from collections import deque
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Deque, Dict, Generator, Iterator, List, NamedTuple, Optional, Tuple

from planet_vector.catalog.scene_pages import ResultChanged, SearchSurvey
from planet_vector.catalog.stac.item_conditions import meeting
from planet_vector.catalog.stac.item_times import TIME, TimeSpan, sort_time
from planet_vector.catalog.stac.json_values import as_object, as_text
from planet_vector.catalog.stac.page_chain import ChainPart, OrderFault, PageChain
from planet_vector.catalog.stac.pushed import Pushed
from planet_vector.catalog.stac.service_habits import ServiceHabits
from planet_vector.catalog.stac.window_cutter import LONG, Window, WindowCutter
from planet_vector.collection_schema import Feature
from planet_vector.query import Query
from planet_vector.workers import Task, Workers

FILL = 0.93  # target share of a page for a window, as in `planet_vector.catalog.paging`
MOST_WINDOWS = 64  # without a count: the first page may be denser than the rest
MOST_COUNTED = 1000  # with a count, which may be any number
FEW_PAGES = 2  # up to here pages are read one after another
MOST_PAGES = 12  # of a window: the last page of each is not full, and a rate limit counts requests
_SPARE = 1.25  # requests at once, for those that a rate limit allows: answers may take longer than the first one
_UNDER_WAY = 2**26  # bytes of JSON of all windows that are read at once, or wait for their turn
_LIST = 1000  # items in a list that is given out at once


class Plan(NamedTuple):
    """Search as it is read.

    Attributes
    ----------
    query : Query
        The search.
    pushed : list of Pushed
        Requests whose items together are a superset of it.
    exact : bool
        Whether the service applies all conditions but those on time.
    """

    query: Query
    pushed: List[Pushed]
    exact: bool


class Reading:
    """Reader of searches of one service.

    Parameters
    ----------
    chain : PageChain
        Reads the pages of requests.
    habits : ServiceHabits
        Habits of the service; updated.
    sorts : bool
        Whether the service announces that it sorts.
    connections : int
        Maximum number of concurrent requests.
    rate : float
        Maximum number of requests a second; 0 for no limit.
    """

    def __init__(self, chain: PageChain, habits: ServiceHabits, sorts: bool, connections: int, rate: float) -> None:
        self._chain = chain
        self._habits = habits
        self._sorts = sorts
        self._connections = connections
        self._rate = rate

    def sorts(self, collection: str) -> bool:
        """Return whether the service's order of a collection can be relied on.

        Parameters
        ----------
        collection : str
            The collection.
        """
        return self._sorts and collection not in self._habits.unsorted

    def pages(self, plan: Plan, known: Optional[SearchSurvey] = None) -> Iterator[List[Feature]]:
        """Yield the items of a search in its order, in lists.

        Parameters
        ----------
        plan : Plan
            The search.
        known : SearchSurvey, optional
            Result of `survey`.

        Raises
        ------
        ServiceError
            If a page cannot be fetched, or the pages are inconsistent; no item is missing without an error.
        """
        query, collection = plan.query, plan.query.scene_type
        left = query.limit
        if self.sorts(collection):
            given = False
            try:
                with closing(self._sorted(plan, known)) as lists:
                    for items in lists:
                        kept = meeting(items, query)[:left]
                        left = None if left is None else left - len(kept)
                        if kept:
                            given = True
                            yield kept
                        if left == 0:
                            return
                return
            except OrderFault as fault:
                self._habits.unsorted.add(collection)
                if given:
                    raise ResultChanged(f"The service does not sort as asked, as {fault}: try again.") from None
        found = meeting(self._all(plan, ""), query)
        found.sort(key=sort_time, reverse=not query.ascending)
        for start in range(0, len(found[:left]), _LIST):
            yield found[:left][start : start + _LIST]

    def survey(self, plan: Plan) -> SearchSurvey:
        """Return the number of items of a search, and the times of the oldest and the newest, as far as they are known.

        If the service does not count, only the end is requested that is the last of the search, as its first page comes
        with the items.

        Parameters
        ----------
        plan : Plan
            The search.

        Raises
        ------
        ServiceError
            If a request fails.
        """
        query = plan.query
        orders = ("desc", "asc") if self.sorts(query.scene_type) else ("",)
        if len(orders) == 2 and not self._habits.counts:
            orders = ("desc",) if query.ascending else ("asc",)
        pushed = plan.pushed[0]
        countable = plan.exact and len(plan.pushed) == 1 and self._habits.counts
        edges = _edges(pushed.span) if countable else []
        with Workers(len(orders) * len(plan.pushed) + len(edges)) as pool:
            ends = [pool.submit(self._chain.first, part, order) for part in plan.pushed for order in orders]
            beside = [pool.submit(self._chain.first, replace(pushed, span=edge), "") for edge in edges]
            pages = [task.result() for task in ends]
            # Items at the very ends of the widened span are counted, but may not belong to the search.
            sure = all(task.result().matched == 0 for task in beside)
        total = pages[0].matched if countable and sure else None
        if not any(page.items or page.matched or page.next for page in pages):
            total = 0  # a page without items that links another is not the end
        if query.limit is not None:
            return SearchSurvey(None if total is None else min(total, query.limit))
        found = [meeting(page.items, query) for page in pages]
        if "" in orders or len(plan.pushed) > 1 or not all(found):
            return SearchSurvey(total)
        times = {order: sort_time(items[0]) for order, items in zip(orders, found)}
        oldest, newest = times.get("asc"), times.get("desc")
        if oldest is not None and newest is not None and newest < oldest:
            return SearchSurvey(total)
        return SearchSurvey(total, oldest, newest)

    def _sorted(self, plan: Plan, known: Optional[SearchSurvey]) -> Generator[List[Feature], None, None]:
        """Yield a superset of the items in order, each once."""
        query = plan.query
        order = "asc" if query.ascending else "desc"
        if len(plan.pushed) > 1:
            yield sorted(self._all(plan, order), key=sort_time, reverse=order == "desc")
            return
        pushed = plan.pushed[0]
        if query.limit is not None:
            for part in self._chain.parts(pushed, order, query.limit if plan.exact else None):
                yield part.items
            return
        received: Dict[str, datetime] = {}
        windows, matched = self._known_windows(pushed, order, known)
        surveyed = windows is not None
        if windows is None:
            with closing(self._chain.parts(pushed, order)) as parts:
                for number, part in enumerate(parts):
                    received.update((item["id"], sort_time(item)) for item in part.items)
                    if number == 0:
                        matched = part.matched
                        windows = self._windows(pushed, order, part, known) if part.more else None
                    yield part.items
                    if windows is not None:
                        break
                else:
                    return
        yield from self._side_by_side(pushed, order, windows, received)
        if surveyed and matched is not None and len(received) < matched:
            matched = self._chain.first(pushed, order).matched  # a survey may be some minutes old
        if matched is not None and len(received) > matched:
            self._habits.estimates = True
        if matched is not None and len(received) < matched:
            if self._chain.counts_too_many(pushed, order, received.values(), received):
                return
            self._habits.one_chain.add(pushed.collection)
            raise ResultChanged(
                f"The service counted {matched - len(received)} more items than it returned by windows of time: "
                "read the search again."
            )

    def _at_once(self) -> int:
        """Return how many requests to send at once: no more than a rate limit lets through.

        Fewer windows at once can be longer, and so there are fewer pages that are not full.
        """
        if self._rate <= 0:
            return self._connections
        return min(self._connections, max(2, math.ceil(_SPARE * self._rate * self._habits.seconds)))

    def _known_windows(
        self, pushed: Pushed, order: str, known: Optional[SearchSurvey]
    ) -> Tuple[Optional[WindowCutter], Optional[int]]:
        """Return windows of time, in order, for all items of a search that was counted, and its count.

        There are none for a search of a few pages, for which the first page tells more, nor before any page.
        """
        if known is None or known.total is None or known.oldest is None or known.newest is None:
            return None, None
        if pushed.collection in self._habits.one_chain or known.oldest == known.newest or not pushed.span.bounded:
            return None, None
        size = min(self._habits.size, self._habits.cut or self._habits.size)
        if known.total <= (FEW_PAGES + 1) * size or not self._habits.most:
            return None, None
        edges = (known.newest, known.oldest) if order == "desc" else (known.oldest, known.newest)
        return self._cutter(pushed.span, edges, known.total, size, MOST_COUNTED, whole=True), known.total

    def _windows(
        self, pushed: Pushed, order: str, page: ChainPart, known: Optional[SearchSurvey]
    ) -> Optional[WindowCutter]:
        """Return windows of time, in order, for the items after the first page; None to read on page by page."""
        span, first, matched = pushed.span, page.items, page.matched
        if pushed.collection in self._habits.one_chain or not all(_has_time(item) for item in first):
            return None
        if not span.bounded and matched is None:
            return None  # items without a time would be lost, unnoticed
        begin, last = sort_time(first[0]), sort_time(first[-1])
        far = span.low if order == "desc" else span.high
        ends = (known.oldest, known.newest) if known is not None else (None, None)
        far = (ends[0] if order == "desc" else ends[1]) or far
        if far is None or far == last or begin == last:
            return None
        pages = abs(last - far) / abs(begin - last) if matched is None else matched / len(first) - 1
        if pages <= FEW_PAGES:
            return None
        most = MOST_WINDOWS if matched is None else MOST_COUNTED
        return self._cutter(span, (last, far), pages * len(first), len(first), most)

    def _cutter(
        self, span: TimeSpan, ends: Tuple[datetime, datetime], count: float, size: int, most: int, whole: bool = False
    ) -> WindowCutter:
        """Return at most `most` windows for `count` items between two times, in pages of `size` items."""
        at_once, pages = self._at_once(), count / size
        room = _UNDER_WAY * self._habits.most // (self._habits.length * size * at_once)
        longest = max(1, min(MOST_PAGES, room))
        each = max(1, min(longest, int(pages / (2 * at_once))))
        if each >= LONG:  # equal windows, so that those of the last round end together
            pieces = at_once * max(2, math.ceil(pages / (at_once * longest)))
            target = count / pieces
        else:
            # Numbers of items vary by their square root, so that longer windows can be filled more.
            target = size * each * (1 - (1 - FILL) / math.sqrt(each))
            pieces = math.ceil(count / target)
        return WindowCutter(span, ends, min(pieces, most), each, target, at_once, whole)

    def _side_by_side(
        self, pushed: Pushed, order: str, windows: WindowCutter, received: Dict[str, datetime]
    ) -> Iterator[List[Feature]]:
        """Yield the items of windows in order, those in `received` excepted, and add them to it."""
        given = set(received)
        strays: Dict[str, Feature] = {}
        pool = Workers(windows.at_once)
        ahead = windows.at_once + math.ceil(windows.at_once / windows.pages)
        tasks: Deque[Tuple[Window, Task[List[Feature]]]] = deque()

        def submit() -> None:
            for window in islice(windows, ahead - len(tasks)):
                asked = replace(pushed, span=window.span)
                tasks.append((window, pool.submit(self._chain.all_items, asked, order)))

        try:
            submit()
            while tasks:
                window, task = tasks.popleft()
                items = task.result()
                windows.learn(window, len(items))
                submit()  # before the items are given out, which takes their reader a while
                received.update((item["id"], sort_time(item)) for item in items)
                new = [item for item in items if item["id"] not in given]
                # A span of time may reach into several windows.
                here = [item for item in new if window.span.meets(sort_time(item), sort_time(item))]
                given.update(item["id"] for item in here)
                strays.update((item["id"], item) for item in new if item["id"] not in given)
                yield sorted(here, key=sort_time, reverse=order == "desc")
            yield [item for name, item in strays.items() if name not in given]
        finally:
            # Do not wait: the iterator may be closed by the main thread of a graphical program.
            pool.shutdown(wait=False, cancel_futures=True)

    def _all(self, plan: Plan, order: str) -> List[Feature]:
        """Return a superset of the items of a search, each once, in any order."""
        if len(plan.pushed) == 1:
            return self._chain.all_items(plan.pushed[0], order)
        with Workers(min(len(plan.pushed), self._connections)) as pool:
            tasks = [pool.submit(self._chain.all_items, pushed, order) for pushed in plan.pushed]
            return list({item["id"]: item for task in tasks for item in task.result()}.values())


def _edges(span: TimeSpan) -> List[TimeSpan]:
    """Return the instants at the ends of a span whose items a service may count although they lie outside."""
    found = []
    low, high = span.widened()
    if span.low is not None and (span.low_open or span.low != low):
        found.append(TimeSpan(span.low, span.low))
    if span.high is not None:
        found.append(TimeSpan(span.high, span.high))
    return found


def _has_time(item: Feature) -> bool:
    return bool(as_text(as_object(item.get("properties")).get(TIME)))
