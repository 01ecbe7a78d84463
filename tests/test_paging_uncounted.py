"""Whole searches of services that do not count, or that select closed spans of time, against a sorted list."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List, Optional

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planet_vector.catalog.paging import pages, survey
from planet_vector.catalog.scene_pages import PageSource, ReadPage, ResultChanged, ScenePage
from planet_vector.collection_schema import CollectionSchema
from planet_vector.errors import ProtocolError
from planet_vector.query import Query
from planet_vector.scenes_v0_fields import ORDERS
from planet_vector.times import format_time
from tests.schemas import ORTHO

START = datetime(2015, 3, 1, tzinfo=timezone.utc)
SIZE = 5  # scenes a page
CLOSED = replace(
    ORTHO,
    service="closed",
    fields={**ORTHO.fields, "acquired": replace(ORTHO.time_field, comparators=frozenset({"gte", "lte"}))},
)


class Uncounted:
    """Answers searches from a list of times, without a count, some pages shorter than they could be.

    Parameters
    ----------
    micros : list of int
        When the scenes were acquired, in microseconds.
    short : list of int
        Lengths of the pages that linked pages have, one after another; 0 for an empty page which is not the last.
    counted : bool
        Whether pages have a count, after all.
    """

    def __init__(self, micros: List[int], short: Optional[List[int]] = None, counted: bool = False) -> None:
        self.scenes = [(START + timedelta(microseconds=micro), f"s{i}") for i, micro in enumerate(micros)]
        self.short = short or [SIZE]
        self.counted = counted
        self.requests = 0
        self.comparators: set[str] = set()
        self._links: Dict[str, List[Any]] = {}

    def read(self, query: Query, surveyed: bool = False) -> List[str]:
        source = PageSource(self._fetch, self._follow, SIZE)
        known = survey(source, query) if surveyed else None
        return [feature["id"] for page in pages(source, query, 3, known) for feature in page]  # type: ignore[attr-defined]

    def _fetch(self, query: Query, size: int) -> ReadPage:
        self.comparators.update(condition.comparator for condition in query.conditions)
        found = [scene for scene in self.scenes if all(c.holds(scene[0]) for c in query.conditions)]
        found.sort(key=lambda scene: scene[0], reverse=not query.ascending)
        page = self._page(found, min(size, self._length()))
        return lambda decode: page

    def _follow(self, link: str) -> ScenePage:
        return self._page(self._links[link], self._length())

    def _length(self) -> int:
        self.requests += 1
        return min(SIZE, self.short[self.requests % len(self.short)])

    def _page(self, found: List[Any], size: int) -> ScenePage:
        link = None
        if len(found) > size:
            link = f"page {len(self._links)}"
            self._links[link] = found[size:]
        features = [{"id": name, "properties": {"acquired": format_time(time)}} for time, name in found[:size]]
        times = [feature["properties"]["acquired"] for feature in features]  # type: ignore[index]
        total = len(found) if self.counted else None
        return ScenePage(features, [name for _, name in found[:size]], times, total, link)


MICROS = st.lists(st.integers(0, 12), max_size=40) | st.lists(st.integers(0, 10**9), max_size=40)


@settings(deadline=None, max_examples=400)
@given(
    MICROS,
    st.sampled_from(ORDERS),
    st.lists(st.integers(0, SIZE), min_size=1, max_size=4).filter(any),
    st.sampled_from([ORTHO, CLOSED]),
    st.booleans(),
)
def test_each_scene_comes_once_in_order_however_short_pages_are(
    micros: List[int], order: str, short: List[int], schema: CollectionSchema, surveyed: bool
) -> None:
    service = Uncounted(micros, short)
    found = service.read(Query(schema, order=order), surveyed)
    times = {name: time for time, name in service.scenes}
    assert len(found) == len(set(found)) == len(micros)
    assert [times[name] for name in found] == sorted(times.values(), reverse=order == ORDERS[0])
    assert schema is ORTHO or service.comparators <= {"gte", "lte"}


@settings(deadline=None, max_examples=200)
@given(MICROS, st.sampled_from(ORDERS), st.integers(1, 45), st.sampled_from([ORTHO, CLOSED]))
def test_a_limit_gives_the_first(micros: List[int], order: str, limit: int, schema: CollectionSchema) -> None:
    service = Uncounted(micros, [SIZE, 2])
    found = service.read(Query(schema, order=order, limit=limit))
    times = {name: time for time, name in service.scenes}
    assert len(found) == len(set(found)) == min(limit, len(micros))
    assert [times[name] for name in found] == sorted(times.values(), reverse=order == ORDERS[0])[:limit]


@settings(deadline=None, max_examples=200)
@given(MICROS, st.sampled_from(ORDERS), st.booleans())
def test_closed_spans_lose_nothing_where_pages_are_counted(micros: List[int], order: str, surveyed: bool) -> None:
    """Many windows are asked for at once then, each of which ends a microsecond before the next."""
    service = Uncounted(micros, counted=True)
    found = service.read(Query(CLOSED, order=order), surveyed)
    assert sorted(found) == sorted(name for _, name in service.scenes)
    assert service.comparators <= {"gte", "lte"}


@pytest.mark.parametrize("micros, total", [([], 0), ([1], 1), ([1, 2], None), ([1] * 9, None)])
def test_a_survey_counts_none_and_one_alone(micros: List[int], total: Optional[int]) -> None:
    service = Uncounted(micros)
    found = survey(PageSource(service._fetch, service._follow, SIZE), Query(ORTHO))
    assert found.total == total
    if micros:
        assert found.oldest == min(time for time, _ in service.scenes)
        assert found.newest == max(time for time, _ in service.scenes)


def test_empty_pages_that_lead_to_one_another_are_an_error() -> None:
    empty = ScenePage([], [], [], None, "again")
    source = PageSource(lambda query, size: lambda decode: empty, lambda link: empty, SIZE)
    for limit in (None, 5):
        with pytest.raises(ProtocolError, match="circle"):
            list(pages(source, Query(ORTHO, limit=limit), 2))


def test_fewer_scenes_than_the_survey_counted_are_an_error() -> None:
    """As a service may count searches, but not what is left of them on a page."""
    service = Uncounted([1, 2, 3])
    source = PageSource(service._fetch, service._follow, SIZE)
    known = survey(source, Query(ORTHO))._replace(total=4)
    with pytest.raises(ResultChanged, match="counted 1 more"):
        list(pages(source, Query(ORTHO), 2, known))


class Finer:
    """Has scenes in tenths of microseconds, and selects by them.

    Parameters
    ----------
    tenths : list of int
        When the scenes were acquired.
    """

    def __init__(self, tenths: List[int]) -> None:
        self.scenes = [(tenth, f"s{i}") for i, tenth in enumerate(tenths)]

    def read(self, query: Query) -> List[str]:
        source = PageSource(self._fetch, lambda link: self._page([], 0), SIZE)
        return [feature["id"] for page in pages(source, query, 3) for feature in page]  # type: ignore[attr-defined]

    def _fetch(self, query: Query, size: int) -> ReadPage:
        found = sorted(self.scenes, reverse=not query.ascending)
        for condition in query.conditions:
            assert isinstance(condition.value, datetime)
            limit = (condition.value - START) // timedelta(microseconds=1) * 10
            met = replace(condition, field=replace(condition.field, kind="integer"), value=limit)
            found = [scene for scene in found if met.holds(scene[0])]
        page = self._page(found, size)
        return lambda decode: page

    def _page(self, found: List[Any], size: int) -> ScenePage:
        times = [
            f"{START + timedelta(microseconds=tenth // 10):%Y-%m-%dT%H:%M:%S.%f}{tenth % 10}Z"
            for tenth, _ in found[:size]
        ]
        names = [name for _, name in found[:size]]
        return ScenePage([{"id": name} for name in names], names, times, None, "next" if found[size:] else None)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.integers(0, 60).map(lambda number: 3 * number), max_size=20, unique=True))
@pytest.mark.parametrize("schema", [ORTHO, CLOSED])
@pytest.mark.parametrize("order", ORDERS)
def test_times_finer_than_a_microsecond_lose_nothing_or_are_an_error(
    schema: CollectionSchema, order: str, tenths: List[int]
) -> None:
    service = Finer(tenths)
    try:
        found = service.read(Query(schema, order=order))
    except ProtocolError as error:
        assert schema is CLOSED and any(tenth % 10 for tenth in tenths) and "finer than a microsecond" in str(error)
        return
    assert sorted(found) == sorted(name for _, name in service.scenes)
