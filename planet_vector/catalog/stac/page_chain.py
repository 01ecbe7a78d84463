"""Pages of one request of an item search, followed by their links to a proven end.

Services end a search in several ways that look alike: a page without a link ``next`` may be the last, or the link was
lost. Where the service counts, all counted items must arrive. Otherwise a page that may be full is asked for once more
from its last time on, or, if the service does not sort, as two shorter spans of time.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from datetime import datetime
from typing import Container, Dict, Generator, Iterable, Iterator, List, NamedTuple, Optional, Set

from planet_vector.catalog.scene_pages import ResultChanged
from planet_vector.catalog.stac.item_pages import ItemPage, PageRequest, fetch_page
from planet_vector.catalog.stac.item_places import is_near
from planet_vector.catalog.stac.item_times import TIME, TimeSpan, sort_time, times_of
from planet_vector.catalog.stac.json_values import as_object
from planet_vector.catalog.stac.landing import Landing
from planet_vector.catalog.stac.pushed import Pushed
from planet_vector.catalog.stac.service_habits import ServiceHabits
from planet_vector.catalog.stac.trust import FilterTrust
from planet_vector.collection_schema import Feature
from planet_vector.errors import ProtocolError, ServiceError
from planet_vector.http.transport import Transport

log = logging.getLogger(__name__)

SMALLEST = 10
"""Page size below which a failure is not taken for one of the size."""

_TOO_LARGE = frozenset({413, 500, 502, 503, 504})
_MOST_RESTARTS = 12
_MOST_DEPTH = 30  # halvings of a span of time
_MOST_EMPTY = 3  # pages without items, one after another


class OrderFault(Exception):
    """Raised if a service does not sort as asked, or repeats pages when it sorts."""


class _TooLarge(Exception):
    """Raised if a page failed in a way that a smaller one may not."""


class _FilterFault(Exception):
    """Raised if a page has an item that the filter excludes."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class ChainPart(NamedTuple):
    """Items of a page that were on no earlier one.

    Attributes
    ----------
    items : list of Feature
        The items.
    matched : int or None
        The count of the search.
    more : bool
        Whether another page is linked.
    """

    items: List[Feature]
    matched: Optional[int]
    more: bool


class PageChain:
    """Reader of the pages of requests.

    Parameters
    ----------
    transport : Transport
        Sends the requests.
    landing : Landing
        The service.
    habits : ServiceHabits
        Habits of the service; updated.
    trust : FilterTrust
        Notified of filters that are not honoured.
    """

    def __init__(self, transport: Transport, landing: Landing, habits: ServiceHabits, trust: FilterTrust) -> None:
        self._transport = transport
        self._landing = landing
        self._habits = habits
        self._trust = trust

    def parts(self, pushed: Pushed, order: str, limit: Optional[int] = None) -> Generator[ChainPart, None, None]:
        """Yield all items of a request, each once, page by page.

        Parameters
        ----------
        pushed : Pushed
            The request.
        order : str
            ``asc`` or ``desc``, by time; empty for the service's order.
        limit : int, optional
            Items that suffice, which makes smaller pages.

        Raises
        ------
        ServiceError
            If a request fails, or the pages are inconsistent; no item is missing without an error.
        OrderFault
            If the service does not sort as asked.
        """
        given: Set[str] = set()
        for _ in range(_MOST_RESTARTS):
            size = self._habits.size if limit is None else min(self._habits.size, limit)
            try:
                for part in self._follow(pushed, order, size, 0):
                    new = [item for item in part.items if item["id"] not in given]
                    given.update(item["id"] for item in new)
                    yield part._replace(items=new)
                return
            except _TooLarge:
                self._habits.size = max(SMALLEST, size // 2)
                log.info("The service fails for pages of %d items: smaller ones are requested.", size)
            except _FilterFault as fault:
                self._trust.distrust(fault.name)
                pushed = replace(pushed, bounds={n: ends for n, ends in pushed.bounds.items() if n != fault.name})
        raise ProtocolError("The service answers the same search differently each time: try again.")

    def all_items(self, pushed: Pushed, order: str) -> List[Feature]:
        """Return all items of a request.

        Parameters
        ----------
        pushed, order
            As for `parts`.

        Raises
        ------
        ServiceError
            As for `parts`.
        OrderFault
            As for `parts`.
        """
        return [item for part in self.parts(pushed, order) for item in part.items]

    def first(self, pushed: Pushed, order: str, size: int = 1) -> ItemPage:
        """Return the first page of a request, which need not be whole.

        Parameters
        ----------
        pushed, order
            As for `parts`.
        size : int, optional
            Items on it.

        Raises
        ------
        ServiceError
            If the request fails, or an item is not one that was asked for.
        """
        for _ in range(_MOST_RESTARTS):
            try:
                return self._page(PageRequest.of_search(self._landing, pushed.body(size, order)), pushed, size)
            except _TooLarge:
                size = max(SMALLEST, size // 2)
            except _FilterFault as fault:
                self._trust.distrust(fault.name)
                pushed = replace(pushed, bounds={n: ends for n, ends in pushed.bounds.items() if n != fault.name})
        raise ProtocolError("The service answers the same search differently each time: try again.")

    def counts_too_many(self, pushed: Pushed, order: str, moments: Iterable[datetime], ids: Container[str]) -> bool:
        """Return whether a count that was not reached is proven to be an estimate, and all items are known.

        pgstac estimates the counts of long searches, and does not mark them. Short searches are counted exactly: the
        request is repeated in spans of time of less than a page, which must return as many items as they count, all of
        them known.

        Parameters
        ----------
        pushed, order
            As for `parts`.
        moments : iterable of datetime
            Times of the known items.
        ids : container of str
            Their ids.

        Raises
        ------
        ServiceError
            If a request fails.
        """
        size = self._habits.size
        step = max(1, (min(size, self._habits.cut or size) - 1) // 2)
        cuts = sorted(moments)[step::step]
        edges = [(pushed.span.low, pushed.span.low_open), *((cut, False) for cut in cuts)]
        ends = [*((cut, False) for cut in cuts), (pushed.span.high, pushed.span.high_open)]
        for (low, low_open), (high, high_open) in zip(edges, ends):
            part = replace(pushed, span=TimeSpan(low, high, low_open, high_open), columns=None)
            request = PageRequest.of_search(self._landing, part.body(size, order))
            page = self._page(request, part, size, estimates=True)
            known = all(item["id"] in ids for item in page.items)
            if page.next is not None or page.matched != len(page.items) or not known:
                return False
        log.info("The service estimates the counts of searches.")
        self._habits.estimates = True
        return True

    def _page(self, request: PageRequest, pushed: Pushed, size: int, estimates: bool = False) -> ItemPage:
        """Request a page, and check it; with its count if counts are no estimates, or if these are asked for."""
        begun = time.monotonic()
        try:
            page = fetch_page(self._transport, request, pushed.columns is not None)
        except ServiceError as error:
            if error.status in _TOO_LARGE and size > SMALLEST:
                raise _TooLarge from None
            raise
        arrived = time.monotonic()
        _check(page.items, pushed)
        self._habits.note(page, size, arrived - begun)
        if pushed.columns is not None:
            page = page._replace(items=pushed.columns.filled(page.items))
        return page._replace(matched=None) if self._habits.estimates and not estimates else page

    def _follow(self, pushed: Pushed, order: str, size: int, depth: int) -> Iterator[ChainPart]:
        """Yield the pages of a request to a proven end."""
        seen: Dict[str, Feature] = {}
        asked = pushed
        expected: Optional[int] = None
        repeats = 0  # pages without a new item; allowed after a search was asked for again
        confirming = False
        while True:
            request: Optional[PageRequest] = PageRequest.of_search(self._landing, asked.body(size, order))
            requested: Set[str] = set()
            before, empty = len(seen), 0
            moments: List[datetime] = []
            while request is not None:
                requested.add(request.key)
                page = self._page(request, asked, size)
                if expected is None:
                    expected = page.matched
                if order:
                    moments = _in_order(moments, page.items, order)
                new = {item["id"]: item for item in page.items if item["id"] not in seen}
                empty = 0 if page.items else empty + 1
                repeats = 0 if new else repeats + 1
                stuck = page.items and not new and not (confirming and repeats <= len(seen) // max(size, 1) + 2)
                circle = page.next is not None and page.next.key in requested
                if stuck or circle or empty > _MOST_EMPTY:
                    raise _repeating(order)
                seen.update(new)
                yield ChainPart(list(new.values()), page.matched, page.next is not None)
                request = page.next
            if expected is not None and len(seen) > expected:
                self._habits.estimates, expected = True, None
            reached = len(seen) >= expected if expected is not None else None
            # Half a span that was split to find lost items is split again only for a page that is surely full.
            full = (self._habits.is_full if depth else self._habits.may_be_full)(len(page.items), size)
            if reached or (reached is None and not full):
                return
            if confirming and len(seen) == before:
                if reached is False:
                    if self.counts_too_many(pushed, order, map(sort_time, seen.values()), seen):
                        return
                    raise _missing((expected or 0) - len(seen))
                if self._habits.is_full(len(page.items), size):
                    raise ProtocolError(
                        "The service has more items of one time than it returns: narrow the search by area."
                    )
                return
            if not seen:
                raise _missing(expected or 0)
            if not order:
                yield from self._halves(pushed, size, depth, seen)
                if expected is not None and len(seen) < expected:
                    if self.counts_too_many(pushed, "", map(sort_time, seen.values()), seen):
                        return
                    raise _missing(expected - len(seen))
                return
            # Of another size, so that the last page is not full again if there are no more items.
            size += -1 if not confirming and size > SMALLEST else 1
            confirming = True
            asked = replace(pushed, span=_beyond(pushed.span, seen, order))

    def _halves(self, pushed: Pushed, size: int, depth: int, seen: Dict[str, Feature]) -> Iterator[ChainPart]:
        """Yield the items of both halves of a span of time that are not in `seen`, and add them."""
        moments = sorted(map(sort_time, seen.values()))
        middle = moments[len(moments) // 2]
        span = pushed.span
        halves = [replace(span, high=middle, high_open=False), replace(span, low=middle, low_open=False)]
        if depth >= _MOST_DEPTH or span in halves:
            raise ProtocolError("The service has more items of one time than it returns: narrow the search by area.")
        for half in halves:
            for part in self._follow(replace(pushed, span=half), "", size, depth + 1):
                new = {item["id"]: item for item in part.items if item["id"] not in seen}
                seen.update(new)
                yield ChainPart(list(new.values()), None, part.more)


def _beyond(span: TimeSpan, seen: Dict[str, Feature], order: str) -> TimeSpan:
    """Return the rest of a span from the last time of the items on, which belongs to it."""
    moments = [sort_time(item) for item in seen.values() if _has_time(item)] or [sort_time(i) for i in seen.values()]
    if order == "asc":
        return replace(span, low=max(moments), low_open=False)
    return replace(span, high=min(moments), high_open=False)


def _in_order(moments: List[datetime], items: List[Feature], order: str) -> List[datetime]:
    """Return the times of items so far, after checking that they are in order."""
    found = moments[-1:] + [sort_time(item) for item in items if _has_time(item)]
    rounded = [moment.replace(microsecond=moment.microsecond // 1000 * 1000) for moment in found]
    if rounded != sorted(rounded, reverse=order == "desc"):
        raise OrderFault("the items are not in the order of their times")
    return found


def _has_time(item: Feature) -> bool:
    return bool(as_object(item.get("properties")).get(TIME))


def _check(items: List[Feature], pushed: Pushed) -> None:
    """Raise an error if an item is not one that was asked for: a link may have lost the search."""
    for item in items:
        collection = item.get("collection")
        times = times_of(item)
        if collection is not None and collection != pushed.collection:
            told = "of another collection"
        elif pushed.span.bounded and times is not None and not pushed.span.may_meet(*times):
            told = "outside the span of time"
        elif not is_near(item, pushed.area):
            told = "outside the area"
        else:
            continue
        raise ProtocolError(f"The service returned items {told} of the search: the result would be unreliable.")
    for item in items:
        if not pushed.allows(item):
            single = (replace(pushed, bounds={name: ends}) for name, ends in pushed.bounds.items())
            raise _FilterFault(next(name for each in single for name in each.bounds if not each.allows(item)))


def _repeating(order: str) -> Exception:
    """Return the error for pages that repeat; without an order they may not."""
    if order:
        return OrderFault("the pages repeat items")
    return ProtocolError("The service repeats pages of the search: the result would be incomplete, try again.")


def _missing(count: int) -> ResultChanged:
    return ResultChanged(
        f"The service counted {count} more items than it returned: the result is incomplete, or it changed during the "
        "search; try again."
    )
