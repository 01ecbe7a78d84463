"""Searches: what can be asked, how it is written, when one search holds another."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planet_vector.errors import QueryError
from planet_vector.geometry import Box
from planet_vector.query import FIELDS, Condition, Query, format_time, parse_time


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2015-03-06", datetime(2015, 3, 6)),
        ("2015-03-06T02:24", datetime(2015, 3, 6, 2, 24)),
        ("2015-03-06T02:24:15Z", datetime(2015, 3, 6, 2, 24, 15)),
        ("2015-03-06 02:24:15.5", datetime(2015, 3, 6, 2, 24, 15, 500000)),
        ("2015-03-06T02:24:15.531315+00:00", datetime(2015, 3, 6, 2, 24, 15, 531315)),
        ("2015-03-06T02:24:15 00:00", datetime(2015, 3, 6, 2, 24, 15)),
        ("2015-03-06T02:24:15+05:30", datetime(2015, 3, 5, 20, 54, 15)),
        ("2015-03-06T02:24:15-0830", datetime(2015, 3, 6, 10, 54, 15)),
        ("2016-02-29T23:59:59.999999Z", datetime(2016, 2, 29, 23, 59, 59, 999999)),
    ],
)
def test_every_spelling_of_a_time_is_read(text: str, expected: datetime) -> None:
    assert parse_time(text) == expected.replace(tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2015-13-01", "2015-02-29", "15-03-06", "2015-03-06T25:00", "0001-01-01T00:00+05:00"]
)
def test_other_texts_are_no_times(text: str) -> None:
    with pytest.raises(ValueError):
        parse_time(text)


@given(st.datetimes(timezones=st.just(timezone.utc)))
def test_a_time_survives_being_written(moment: datetime) -> None:
    assert parse_time(format_time(moment)) == moment


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        (("cloud.estimated", "5"), "cloud_cover.estimated"),
        (("cloud_cover.estimated.max", "5"), "no parameter"),
        (("cloud_cover.estimated.lte", "a few"), "takes a number"),
        (("cloud_cover.estimated.lte", "nan"), "takes a number"),
        (("acquired.gte", "yesterday"), "is not a time"),
        (("camera.gain.gte", "1.5"), "whole numbers"),
        (("sat.id.gte", "0905"), r"takes \.eq, \.neq"),
        (("image_statistics.image_quality", "target"), r"\.gte only"),
        (("image_statistics.image_quality.gte", "good"), "test, standard, target"),
        (("order_by", "published"), "acquired desc"),
        (("limit", "0"), "whole number from 1"),
        (("bbox", "1,2,3"), "minx,miny,maxx,maxy"),
        (("bbox", "0,50,10,40"), "latitudes"),
        (("intersects", "around here"), "WKT"),
        (("intersects", '{"type": "Point"'), "no JSON"),
        (("intersects", '{"type": "Circle"}'), "no GeoJSON"),
    ],
)
def test_what_the_service_has_no_words_for_is_refused(parameter: tuple[str, str], said: str) -> None:
    with pytest.raises(QueryError, match=said):
        Query.parse("ortho", [parameter])


def test_a_search_is_written_in_the_service_s_terms() -> None:
    query = Query.parse(
        "ortho",
        [
            ("acquired.gte", "2015-03-01"),
            ("cloud_cover.estimated.lte", "5"),
            ("sat.id", "0905"),
            ("bbox", "1,2,3,4"),
            ("order_by", "acquired+asc"),
            ("limit", "7"),
        ],
    )
    assert query.parameters == [
        ("acquired.gte", "2015-03-01T00:00:00+00:00"),
        ("cloud_cover.estimated.lte", "5"),
        ("sat.id", "0905"),
        ("intersects", "POLYGON((1.0 2.0,3.0 2.0,3.0 4.0,1.0 4.0,1.0 2.0))"),
        ("order_by", "acquired asc"),
    ]
    assert (query.limit, query.ascending) == (7, True)


def test_equal_searches_are_equal_however_they_are_written() -> None:
    one = Query.parse("ortho", [("cloud_cover.estimated.lte", "5"), ("acquired.gte", "2015-03-01")])
    two = Query.parse("ortho", [("acquired.gte", "2015-03-01T00:00:00Z"), ("cloud_cover.estimated.lte", "5.0"),
                                ("cloud_cover.estimated.lte", "9")])  # fmt: skip
    assert one == two
    assert hash(one) == hash(two)


NUMBERS = st.integers(-4, 4)
RANGES = st.lists(st.tuples(st.sampled_from(["gt", "gte", "lt", "lte", "eq", "neq"]), NUMBERS), max_size=4)


def _query(conditions: list[tuple[str, int]]) -> Query:
    return Query("ortho", tuple(Condition(FIELDS["sat.lat"], c, float(v)) for c, v in conditions))


def _selected(conditions: list[tuple[str, int]]) -> set[float]:
    compare = {
        "gt": lambda x, v: x > v, "gte": lambda x, v: x >= v, "lt": lambda x, v: x < v, "lte": lambda x, v: x <= v,
        "eq": lambda x, v: x == v, "neq": lambda x, v: x != v,
    }  # fmt: skip
    return {x / 2 for x in range(-12, 13) if all(compare[c](x / 2, v) for c, v in conditions)}


@given(RANGES, RANGES)
def test_a_search_that_covers_another_holds_all_of_it(a: list[tuple[str, int]], b: list[tuple[str, int]]) -> None:
    if _query(a).covers(_query(b)):
        assert _selected(b) <= _selected(a)


@given(RANGES)
def test_leaving_out_what_is_implied_changes_nothing(conditions: list[tuple[str, int]]) -> None:
    kept = [(c.comparator, int(c.value)) for c in _query(conditions).conditions]  # type: ignore[arg-type]
    assert _selected(kept) == _selected(conditions)


@given(RANGES)
def test_a_search_that_contradicts_itself_finds_nothing(conditions: list[tuple[str, int]]) -> None:
    if _query(conditions).contradicts_itself:
        assert not _selected(conditions)


def test_covering_knows_boxes_and_limits() -> None:
    wide, narrow = Query("ortho", area=Box(0, 0, 10, 10)), Query("ortho", area=Box(1, 1, 2, 2))
    assert wide.covers(narrow)
    assert not narrow.covers(wide)
    assert Query("ortho").covers(wide)
    assert not Query("ortho", limit=5).covers(narrow)
    assert not Query("landsat").covers(wide)


def test_an_instant_is_never_lost_to_formatting() -> None:
    moment = datetime(2015, 12, 31, 23, 59, 59, 999999, tzinfo=timezone.utc)
    for step in (timedelta(0), timedelta(microseconds=1)):
        name, text = Condition(FIELDS["acquired"], "lt", moment + step).parameter
        assert (name, parse_time(text)) == ("acquired.lt", moment + step)
