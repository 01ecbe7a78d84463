"""Whole searches, page by page, against a plain sorted list."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any, Callable, Optional
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planet_vector.catalog import paging, time_windows
from planet_vector.catalog.basemaps import Basemap
from planet_vector.catalog.paging import pages
from planet_vector.catalog.scene_pages import PageSource, ReadPage, ScenePage
from planet_vector.catalog.scenes_v0.basemaps import SURELY_WHOLE, ScenesV0Basemaps
from planet_vector.conditions import Condition
from planet_vector.errors import ProtocolError, UnavailableError
from planet_vector.query import Query
from planet_vector.scenes_v0_fields import ORDERS
from planet_vector.times import format_time, nearest_time
from tests.schemas import ORTHO

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
        self, seconds: list[int], spoil: Optional[Callable[[int, ScenePage], ScenePage]] = None, size: int = SIZE
    ) -> None:
        self.size = size
        self.scenes = [(START + timedelta(seconds=s), f"s{i}") for i, s in enumerate(seconds)]
        self.spoil = spoil or (lambda number, page: page)
        self.requests = 0
        self._lock = threading.Lock()

    def page(self, query: Query, size: int) -> ScenePage:
        with self._lock:
            self.requests += 1
            number = self.requests
        found = [s for s in self.scenes if all(c.holds(s[0]) for c in query.conditions)]
        found.sort(key=lambda s: s[0], reverse=not query.ascending)
        page = _page([_feature(*scene) for scene in found[: min(size, self.size)]], len(found), None)
        return self.spoil(number, page)

    def follow(self, link: str) -> ScenePage:
        raise AssertionError(f"nothing links to {link}")

    def read(self, query: Query = Query(ORTHO), connections: int = 4) -> list[str]:  # noqa: B008
        return [f["id"] for page in pages(_asking(self.page, self.follow, self.size), query, connections) for f in page]


def _page(features: list[dict[str, Any]], total: int, link: Optional[str]) -> ScenePage:
    return ScenePage(
        features, [f["id"] for f in features], [f["properties"].get("acquired") for f in features], total, link
    )


def _with(page: ScenePage, features: Any) -> ScenePage:
    return _page(features, page.total, page.next)


def _asking(
    page: Callable[[Query, int], ScenePage], follow: Callable[[str], ScenePage], size: int = SIZE
) -> PageSource:
    def fetch(query: Query, size: int) -> ReadPage:
        found = page(query, size)
        return lambda decode: found

    return PageSource(fetch, follow, size)


def _feature(time: datetime, scene_id: str) -> dict[str, Any]:
    return {"type": "Feature", "id": scene_id, "properties": {"acquired": format_time(time)}}


# Up to four scenes share an instant: fewer than fill a page, which only the service's own links could page through.
SECONDS = st.lists(st.integers(0, 10_000), max_size=120).map(
    lambda values: [v for i, v in enumerate(values) if values[:i].count(v) < SIZE - 1]
)


@settings(deadline=None)
@given(SECONDS, st.sampled_from(ORDERS), st.integers(1, 6))
def test_every_scene_comes_once_and_in_order(seconds: list[int], order: str, connections: int) -> None:
    service = List(seconds)
    found = service.read(Query(ORTHO, order=order), connections)
    assert sorted(found) == sorted(scene_id for _, scene_id in service.scenes)
    times = dict((scene_id, time) for time, scene_id in service.scenes)
    assert [times[i] for i in found] == sorted(times.values(), reverse=order == ORDERS[0])


@settings(deadline=None)
@given(SECONDS, st.sampled_from(ORDERS), st.integers(1, 40))
def test_a_limit_gives_the_first_scenes(seconds: list[int], order: str, limit: int) -> None:
    service = List(seconds)
    times = dict((scene_id, time) for time, scene_id in service.scenes)
    found = service.read(Query(ORTHO, order=order, limit=limit))
    assert len(found) == len(set(found)) == min(limit, len(seconds))
    assert [times[i] for i in found] == sorted(times.values(), reverse=order == ORDERS[0])[:limit]


def test_evenly_spread_scenes_cost_little_more_requests_than_pages() -> None:
    service = List([i * 7 for i in range(4000)], size=100)
    assert len(service.read()) == 4000
    assert service.requests <= 40 / time_windows.FILL + 3  # 40 pages in windows not quite full, and the oldest scene


def test_a_page_costs_one_request_and_an_empty_search_too() -> None:
    for seconds in ([], [1], list(range(SIZE))):
        service = List(seconds)
        assert len(service.read()) == len(seconds)
        assert service.requests == 1


def test_a_search_that_contradicts_itself_costs_no_request() -> None:
    service = List([1, 2, 3])
    assert service.read(Query.parse(ORTHO, [("acquired.gt", "2015-04-01"), ("acquired.lt", "2015-03-01")])) == []
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
def test_a_page_that_does_not_add_up_ends_in_all_scenes_or_an_error(
    spoil: Callable[[ScenePage], ScenePage], number: int
) -> None:
    service = List([i * 7 for i in range(48)], lambda n, page: spoil(page) if n == number and page.features else page)
    try:
        found = service.read(Query.parse(ORTHO, [("acquired.lt", "2015-04-01")]), connections=1)
    except ProtocolError:
        return
    assert sorted(found) == sorted(scene_id for _, scene_id in service.scenes)


def test_scenes_published_meanwhile_are_no_error() -> None:
    service = List([i * 7 for i in range(48)])

    def publish(number: int, page: ScenePage) -> ScenePage:
        if number == 3:
            service.scenes.append((START + timedelta(seconds=5), "new"))
        return page

    service.spoil = publish
    assert set(service.read(connections=1)) >= {f"s{i}" for i in range(48)}


def test_a_failing_page_stops_the_search() -> None:
    def fail(number: int, page: ScenePage) -> ScenePage:
        if number == 5:
            raise UnavailableError("down")
        return page

    service = List([i * 7 for i in range(200)], fail)
    with pytest.raises(UnavailableError, match="down"):
        service.read()
    assert service.requests < 20


def test_closing_the_iterator_stops_asking() -> None:
    service = List([i * 7 for i in range(400)])
    reading = pages(_asking(service.page, service.follow), Query(ORTHO), 4)
    next(reading)
    reading.close()
    asked = service.requests
    assert asked < 12
    assert sum(thread.name.startswith("planet_vector") for thread in threading.enumerate()) <= 4
    assert service.requests == asked


def test_an_instant_with_more_scenes_than_a_page_is_read_by_links_or_is_an_error() -> None:
    tied = [_feature(START, f"t{i}") for i in range(12)]

    def page(query: Query, size: int) -> ScenePage:
        if not all(c.holds(START) for c in query.conditions):
            return _page([], 0, None)
        return _page(tied[:SIZE], 12, "5")

    def follow(link: str) -> ScenePage:
        start = int(link)
        return _page(tied[start : start + SIZE], 12 - start, str(start + SIZE))

    found = [f["id"] for block in pages(_asking(page, follow), Query(ORTHO), 2) for f in block]
    assert sorted(found) == sorted(f["id"] for f in tied)

    with pytest.raises(ProtocolError, match="returns only 5 of them"):
        list(pages(_asking(page, lambda link: _page([], 0, None)), Query(ORTHO), 2))
    with pytest.raises(ProtocolError, match="returns only 10 of them"):
        list(pages(_asking(page, lambda link: follow("5")), Query(ORTHO), 2))


# ---- the ends of time: year 9999 is a usual "no date" ------------------------------------------------------

MICROSECOND = timedelta(microseconds=1)
BEGINNING = datetime.min.replace(tzinfo=timezone.utc)
LAST = (datetime.max.replace(tzinfo=timezone.utc) - BEGINNING) // MICROSECOND  # of the calendar, since its beginning


class Ends:
    """Answer searches from scenes at any time, by whole microseconds, which have no ends.

    Parameters
    ----------
    moments : list of int
        Microseconds from the beginning of year 1; below 0 and past `LAST` with a zone that has them lie beyond.
    """

    def __init__(self, moments: list[int]) -> None:
        self.scenes = [(moment, f"s{i}") for i, moment in enumerate(moments)]
        self.requests = 0
        self._lock = threading.Lock()

    def page(self, query: Query, size: int) -> ScenePage:
        with self._lock:
            self.requests += 1
        found = [s for s in self.scenes if all(_holds(c, s[0]) for c in query.conditions)]
        found.sort(key=lambda s: s[0], reverse=not query.ascending)
        features = [{"id": i, "properties": {"acquired": _spelt(moment)}} for moment, i in found]
        return _page(features[: min(size, SIZE)], len(found), _link(features[min(size, SIZE) :]))

    def follow(self, link: str) -> ScenePage:
        features = [self.features[i] for i in link.split(",")]
        return _page(features[:SIZE], len(features), _link(features[SIZE:]))

    @property
    def features(self) -> dict[str, Any]:
        return {i: {"id": i, "properties": {"acquired": _spelt(moment)}} for moment, i in self.scenes}

    def read(self, query: Query, surveyed: bool) -> list[int]:
        """Read a search, and return the moments of its scenes."""
        ask = _asking(self.page, self.follow)
        known = paging.survey(ask, query) if surveyed else None
        found = [f["id"] for page in pages(ask, query, 3, known) for f in page]
        assert len(found) == len(set(found))
        moments = {i: moment for moment, i in self.scenes}
        return [moments[i] for i in found]


def _link(features: list[dict[str, Any]]) -> Optional[str]:
    return ",".join(f["id"] for f in features) or None


def _holds(condition: Condition, moment: int) -> bool:
    assert isinstance(condition.value, datetime)
    edge = (condition.value - BEGINNING) // MICROSECOND
    return {"lt": moment < edge, "lte": moment <= edge, "gt": moment > edge, "gte": moment >= edge}[
        condition.comparator
    ]


def _spelt(moment: int) -> str:
    """Write a moment in UTC, or in a zone where it lies within years 1 to 9999."""
    hours = 10 if moment < 0 else -10 if moment > LAST else 0
    local = datetime.min + timedelta(microseconds=moment + hours * 3_600_000_000)
    return f"{local.isoformat()}{'-' if hours < 0 else '+'}{abs(hours):02d}:00"


BEYOND = 36_000_000_000  # microseconds: as far as the zone of `_spelt` moves a time
MOMENTS = st.one_of(
    st.integers(0, 6), st.integers(LAST - 6, LAST), st.just(LAST + BEYOND), st.just(-BEYOND),
    st.integers(LAST // 2, LAST // 2 + 10_000),
)  # fmt: skip


def _first_or_last(moment: int) -> int:
    return min(max(moment, 0), LAST)


@settings(deadline=None, max_examples=300)
@given(st.lists(MOMENTS, max_size=60), st.sampled_from(ORDERS), st.booleans())
def test_scenes_at_the_ends_of_time_come_like_all_others(moments: list[int], order: str, surveyed: bool) -> None:
    found = Ends(moments).read(Query(ORTHO, order=order), surveyed)
    assert sorted(found) == sorted(moments)
    assert list(map(_first_or_last, found)) == sorted(map(_first_or_last, moments), reverse=order == ORDERS[0])


@settings(deadline=None, max_examples=300)
@given(st.lists(MOMENTS, max_size=60), st.sampled_from(ORDERS), st.integers(1, 40))
def test_the_first_scenes_at_the_ends_of_time(moments: list[int], order: str, limit: int) -> None:
    found = Ends(moments).read(Query(ORTHO, order=order, limit=limit), False)
    expected = sorted(map(_first_or_last, moments), reverse=order == ORDERS[0])[:limit]
    assert list(map(_first_or_last, found)) == expected


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("surveyed", [True, False])
@pytest.mark.parametrize("end", [0, LAST, -BEYOND, LAST + BEYOND])
def test_one_scene_without_a_date_among_many(end: int, surveyed: bool, order: str) -> None:
    """More than three pages, so the search is split into windows."""
    moments = [*range(LAST // 2, LAST // 2 + 7_000_000_000, 70_000_000), end]
    service = Ends(moments)
    assert service.read(Query(ORTHO, order=order), surveyed) == sorted(moments, reverse=order == ORDERS[0])
    assert service.requests < 80  # 21 pages, and as many windows again that turn out empty


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("end", [0, LAST])
def test_an_end_of_time_with_more_scenes_than_a_page(end: int, order: str) -> None:
    moments = [end] * 13 + [LAST // 2] * 2
    for limit in (None, 15):
        found = Ends(moments).read(Query(ORTHO, order=order, limit=limit), False)
        assert found == sorted(moments, reverse=order == ORDERS[0])


def test_a_scene_is_missing_after_the_last_instant() -> None:
    """Ascending, nothing can follow a page that the last instant fills: a larger count is an error."""

    def page(query: Query, size: int) -> ScenePage:
        features = [{"id": f"s{i}", "properties": {"acquired": _spelt(LAST)}} for i in range(SIZE)]
        within = any(c.comparator == "gte" for c in query.conditions)
        return _page(features, SIZE if within else SIZE + 1, None)

    for limit in (None, 99):
        with pytest.raises(ProtocolError, match="counted 1 more"):
            ask = _asking(page, lambda link: _page([], 0, None))
            list(pages(ask, Query(ORTHO, order=ORDERS[1], limit=limit), 2))


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("9999-12-31T23:59:59-05:00", datetime.max),
        ("9999-12-31T23:59:59.9999999Z", datetime.max),
        ("9999-12-31 23:00 -0101", datetime.max),
        ("0001-01-01T00:00:00+05:00", datetime.min),
        ("9999-12-31T23:59:59+05:00", datetime(9999, 12, 31, 18, 59, 59)),
    ],
)
def test_a_time_beyond_the_ends_is_the_nearest_of_them(text: str, nearest: datetime) -> None:
    assert nearest_time(text) == nearest.replace(tzinfo=timezone.utc)
    with pytest.raises(ValueError, match="is not a time"):
        nearest_time(f"{text}x")


@pytest.mark.parametrize("ends", [[LAST] * SURELY_WHOLE, [LAST] * 20 + [LAST - 1] * 40 + [9] * 20])
def test_quads_updated_at_the_last_instant(ends: list[int]) -> None:
    quads = [
        {"id": f"L4-{n % 16:04d}E-{n // 16:04d}N", "properties": {"updated": _spelt(end)}} for n, end in enumerate(ends)
    ]

    class Listing:
        def check_link(self, link: str) -> str:
            return link

        def get_json(self, url: str, parameters: Any = ()) -> Any:
            before = dict(parse_qsl(urlsplit(url).query)).get("_page.updated.lt", "x")
            found = [quad for quad in quads if quad["properties"]["updated"] < before]
            page = found[:SURELY_WHOLE]
            links = {"next": f"{url.partition('?')[0]}?{urlencode(_before(page))}" if page else None}
            return SimpleNamespace(body={"features": page, "links": links})

    def _before(page: list[Any]) -> dict[str, str]:
        return {"_page.updated.lt": page[-1]["properties"]["updated"]}

    transport: Any = Listing()
    basemap = Basemap("m", 4, 256, "", "http://service/quads")
    assert [quad.id for quad in ScenesV0Basemaps(transport, None).quads(basemap)] == [quad["id"] for quad in quads]
