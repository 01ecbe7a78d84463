"""Whole searches, page by page, against a plain sorted list."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Optional

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planet_vector.catalog import paging
from planet_vector.catalog.paging import Ask, Page, Read, pages
from planet_vector.errors import ProtocolError, UnavailableError
from planet_vector.query import ORDERS, Query, format_time

START = datetime(2015, 3, 1, tzinfo=timezone.utc)
SIZE = 5  # scenes a page, so that a few dozen scenes make many pages


class List:
    """Answer searches from a list of times, as the real service answers: newest first, ties in no promised order.

    Parameters
    ----------
    seconds : list of int
        When the scenes were acquired.
    spoil : callable, optional
        Given the number of the request and its page, return another page.
    """

    def __init__(
        self, seconds: list[int], spoil: Optional[Callable[[int, Page], Page]] = None, size: int = SIZE
    ) -> None:
        self.size = size
        self.scenes = [(START + timedelta(seconds=s), f"s{i}") for i, s in enumerate(seconds)]
        self.spoil = spoil or (lambda number, page: page)
        self.requests = 0
        self._lock = threading.Lock()

    def page(self, query: Query, size: int) -> Page:
        with self._lock:
            self.requests += 1
            number = self.requests
        found = [s for s in self.scenes if all(c.holds(s[0]) for c in query.conditions)]
        found.sort(key=lambda s: s[0], reverse=not query.ascending)
        page = _page([_feature(*scene) for scene in found[: min(size, self.size)]], len(found), None)
        return self.spoil(number, page)

    def follow(self, link: str) -> Page:
        raise AssertionError(f"nothing links to {link}")

    def read(self, query: Query = Query("ortho"), connections: int = 4) -> list[str]:  # noqa: B008
        return [f["id"] for page in pages(_asking(self.page, self.follow), query, connections) for f in page]


def _page(features: list[dict[str, Any]], total: int, link: Optional[str]) -> Page:
    return Page(features, [f["id"] for f in features], [f["properties"].get("acquired") for f in features], total, link)


def _with(page: Page, features: Any) -> Page:
    return _page(features, page.total, page.next)


def _asking(page: Callable[[Query, int], Page], follow: Callable[[str], Page]) -> Ask:
    def fetch(query: Query, size: int) -> Read:
        found = page(query, size)
        return lambda decode: found

    return Ask(fetch, follow)


def _feature(time: datetime, scene_id: str) -> dict[str, Any]:
    return {"type": "Feature", "id": scene_id, "properties": {"acquired": format_time(time)}}


@pytest.fixture(autouse=True, scope="module")
def small_pages() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paging, "PAGE", SIZE)
        yield


# Up to four scenes share an instant: fewer than fill a page, which only the service's own links could page through.
SECONDS = st.lists(st.integers(0, 10_000), max_size=120).map(
    lambda values: [v for i, v in enumerate(values) if values[:i].count(v) < SIZE - 1]
)


@settings(deadline=None)
@given(SECONDS, st.sampled_from(ORDERS), st.integers(1, 6))
def test_every_scene_comes_once_and_in_order(seconds: list[int], order: str, connections: int) -> None:
    service = List(seconds)
    found = service.read(Query("ortho", order=order), connections)
    assert sorted(found) == sorted(scene_id for _, scene_id in service.scenes)
    times = dict((scene_id, time) for time, scene_id in service.scenes)
    assert [times[i] for i in found] == sorted(times.values(), reverse=order == ORDERS[0])


@settings(deadline=None)
@given(SECONDS, st.sampled_from(ORDERS), st.integers(1, 40))
def test_a_limit_gives_the_first_scenes(seconds: list[int], order: str, limit: int) -> None:
    service = List(seconds)
    times = dict((scene_id, time) for time, scene_id in service.scenes)
    found = service.read(Query("ortho", order=order, limit=limit))
    assert len(found) == len(set(found)) == min(limit, len(seconds))
    assert [times[i] for i in found] == sorted(times.values(), reverse=order == ORDERS[0])[:limit]


def test_evenly_spread_scenes_cost_little_more_requests_than_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "PAGE", 100)
    service = List([i * 7 for i in range(4000)], size=100)
    assert len(service.read()) == 4000
    assert service.requests <= 40 / paging.FILL + 3  # 40 pages in windows not quite full, and the oldest scene


def test_a_page_costs_one_request_and_an_empty_search_too() -> None:
    for seconds in ([], [1], list(range(SIZE))):
        service = List(seconds)
        assert len(service.read()) == len(seconds)
        assert service.requests == 1


def test_a_search_that_contradicts_itself_costs_no_request() -> None:
    service = List([1, 2, 3])
    assert service.read(Query.parse("ortho", [("acquired.gt", "2015-04-01"), ("acquired.lt", "2015-03-01")])) == []
    assert service.requests == 0


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize(
    "spoil",
    [
        lambda page: _with(page, []),
        lambda page: _with(page, page.features[:-1]),
        lambda page: _with(page, page.features[:1] * 2 + page.features[2:]),
        lambda page: _with(page, page.features[::-1]),
        lambda page: page._replace(total=page.total - 1),
        lambda page: page._replace(total=page.total - SIZE),
        lambda page: _with(page, [_feature(START + timedelta(days=99), "x"), *page.features[1:]]),
        lambda page: _with(page, [{"id": "x", "properties": {}}, *page.features[1:]]),
    ],
)
def test_a_page_that_does_not_add_up_ends_in_all_scenes_or_an_error(spoil: Callable[[Page], Page], number: int) -> None:
    service = List([i * 7 for i in range(48)], lambda n, page: spoil(page) if n == number and page.features else page)
    try:
        found = service.read(Query.parse("ortho", [("acquired.lt", "2015-04-01")]), connections=1)
    except ProtocolError:
        return
    assert sorted(found) == sorted(scene_id for _, scene_id in service.scenes)


def test_scenes_published_meanwhile_are_no_error() -> None:
    service = List([i * 7 for i in range(48)])

    def publish(number: int, page: Page) -> Page:
        if number == 3:
            service.scenes.append((START + timedelta(seconds=5), "new"))
        return page

    service.spoil = publish
    assert set(service.read(connections=1)) >= {f"s{i}" for i in range(48)}


def test_a_failing_page_stops_the_search() -> None:
    def fail(number: int, page: Page) -> Page:
        if number == 5:
            raise UnavailableError("down")
        return page

    service = List([i * 7 for i in range(200)], fail)
    with pytest.raises(UnavailableError, match="down"):
        service.read()
    assert service.requests < 20


def test_closing_the_iterator_stops_asking() -> None:
    service = List([i * 7 for i in range(400)])
    reading = pages(_asking(service.page, service.follow), Query("ortho"), 4)
    next(reading)
    reading.close()
    asked = service.requests
    assert asked < 12
    assert sum(thread.name.startswith("planet_vector") for thread in threading.enumerate()) <= 4
    assert service.requests == asked


def test_an_instant_with_more_scenes_than_a_page_is_read_by_links_or_is_an_error() -> None:
    tied = [_feature(START, f"t{i}") for i in range(12)]

    def page(query: Query, size: int) -> Page:
        if not all(c.holds(START) for c in query.conditions):
            return _page([], 0, None)
        return _page(tied[:SIZE], 12, "5")

    def follow(link: str) -> Page:
        start = int(link)
        return _page(tied[start : start + SIZE], 12 - start, str(start + SIZE))

    found = [f["id"] for block in pages(_asking(page, follow), Query("ortho"), 2) for f in block]
    assert sorted(found) == sorted(f["id"] for f in tied)

    with pytest.raises(ProtocolError, match="gives only 5 of them"):
        list(pages(_asking(page, lambda link: _page([], 0, None)), Query("ortho"), 2))
    with pytest.raises(ProtocolError, match="gives only 10 of them"):
        list(pages(_asking(page, lambda link: follow("5")), Query("ortho"), 2))
