"""Searches: what can be asked, how it is written, when one search holds another."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planet_vector.collection_schema import CollectionSchema, SceneField
from planet_vector.conditions import Condition
from planet_vector.errors import QueryError
from planet_vector.geometry.boxes import Box
from planet_vector.query import Query
from planet_vector.scenes_v0_fields import FIELDS
from planet_vector.times import format_time, parse_time
from tests.schemas import LANDSAT, ORTHO


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
        ("2015-03-06t02:24:15z", datetime(2015, 3, 6, 2, 24, 15)),
        ("2015-03-06T02:24:15+23:59", datetime(2015, 3, 5, 2, 25, 15)),
        ("2015-03-06T02:24:15-05", datetime(2015, 3, 6, 7, 24, 15)),
        ("2015-03-06 02:24:15 UTC", datetime(2015, 3, 6, 2, 24, 15)),
        ("2015-03-06 02:24 -2359", datetime(2015, 3, 7, 2, 23)),
        ("2015-03-06+05:30", datetime(2015, 3, 5, 18, 30)),
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


@pytest.mark.parametrize(
    "text",
    [
        "2015-03-06T02:24:15+99:99",
        "2015-03-06T02:24:15+24:00",
        "2015-03-06T02:24:15-2400",
        "2015-03-06T02:24:15+05:60",
        "2015-03-06T02:24:15 99:99",
        "2015-03-06T02:24:150530",  # an offset without a sign
        "2015-03-06T02:24:15  05:30",
        "2015-03-06 0530",  # a time of day or an offset
        "2015-03-06T02:24:15+0\u0663:00",
        "\u0662\u0660\u0661\u0665-03-06",
        "2015-03-06T24:00:00Z",
        "2015-03-06T23:59:60Z",
        "2015-02-30T00:00:00+00:00",
        # 32 characters, as the service writes times, and other spellings than its own.
        "2015-03-06T24:00:00.000000+00:00",
        "2015-02-30T02:24:15.531315+00:00",
        "2015-03-06x02:24:15.531315+00:00",
        "2015-03-06T02:24:15:531315+00:00",
        "2015-03-06T022415.53131512+00:00",
        "20150306T022415.5313151234+00:00",
        "2015-W10-5T02:24:15.531315+00:00",
    ],
)
def test_a_spelling_that_no_standard_has_is_refused_with_the_text(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time") as refused:
        parse_time(text)
    assert repr(text) in str(refused.value)


def _by_the_standard(text: str) -> datetime | None:
    """Return a time of RFC 3339, section 5.6, by its grammar and the standard library; None where it is none."""
    offset = "(?:[zZ]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
    fraction = r"(?:\.[0-9]{3}|\.[0-9]{6})?"
    grammar = rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[tT][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}{fraction}{offset}"
    if not re.fullmatch(grammar, text) or text[11:13] == "24":
        return None
    try:
        return datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text.upper())).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None


NEAR_TIMES = st.tuples(
    st.sampled_from(["0000", "0001", "1900", "2015", "2016", "9999", "201\u0665", "\u00b2015", "15"]),
    st.sampled_from(["-01-01", "-02-29", "-02-30", "-12-31", "-13-01", "-00-10", "-0\u00b2-01", "-W10-5", "-070"]),
    st.sampled_from(["T", "t", "x", "", "TT"]),
    st.sampled_from(["00:00:00", "23:59:59", "23:59:60", "23:60:00", "24:00:00", "\u0662\u0661:00:00", "02"]),
    st.sampled_from(["", ".531315", ".999999", ".531", ":531315", ".53131\u00b2"]),
    st.sampled_from(["Z", "z", "+00:00", "-00:00", "+23:59", "-23:59", "+24:00", "-24:00", "+99:99", "+05:60", "-14:00",
                     "+0\u0665:30", "--05:00", "05:30", "+5:30", "ZZ"]),
).map("".join)  # fmt: skip


@settings(max_examples=2000)
@given(NEAR_TIMES)
def test_times_are_those_of_the_standard(text: str) -> None:
    try:
        found = parse_time(text)
    except ValueError as error:
        assert repr(text) in str(error)
        found = None
    assert found == _by_the_standard(text)


@given(st.datetimes(timezones=st.just(timezone.utc)))
def test_a_time_survives_being_written(moment: datetime) -> None:
    assert parse_time(format_time(moment)) == moment


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        (("cloud.estimated", "5"), "cloud_cover.estimated"),
        (("cloud_cover.estimated.max", "5"), "not a search parameter"),
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
        (("intersects", '{"type": "Point"'), "not valid JSON"),
        (("intersects", '{"type": "Circle"}'), "not a GeoJSON"),
    ],
)
def test_what_the_service_has_no_words_for_is_refused(parameter: tuple[str, str], said: str) -> None:
    with pytest.raises(QueryError, match=said):
        Query.parse(ORTHO, [parameter])


def test_a_search_is_written_in_the_service_s_terms() -> None:
    query = Query.parse(
        ORTHO,
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
    one = Query.parse(ORTHO, [("cloud_cover.estimated.lte", "5"), ("acquired.gte", "2015-03-01")])
    two = Query.parse(ORTHO, [("acquired.gte", "2015-03-01T00:00:00Z"), ("cloud_cover.estimated.lte", "5.0"),
                                ("cloud_cover.estimated.lte", "9")])  # fmt: skip
    assert one == two
    assert hash(one) == hash(two)


NUMBERS = st.integers(-4, 4)
RANGES = st.lists(st.tuples(st.sampled_from(["gt", "gte", "lt", "lte", "eq", "neq"]), NUMBERS), max_size=4)


def _query(conditions: list[tuple[str, int]]) -> Query:
    return Query(ORTHO, tuple(Condition(FIELDS["sat.lat"], c, float(v)) for c, v in conditions))


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
    wide, narrow = Query(ORTHO, area=Box(0, 0, 10, 10)), Query(ORTHO, area=Box(1, 1, 2, 2))
    assert wide.covers(narrow)
    assert not narrow.covers(wide)
    assert Query(ORTHO).covers(wide)
    assert not Query(ORTHO, limit=5).covers(narrow)
    assert not Query(LANDSAT).covers(wide)


def test_an_instant_is_never_lost_to_formatting() -> None:
    moment = datetime(2015, 12, 31, 23, 59, 59, 999999, tzinfo=timezone.utc)
    for step in (timedelta(0), timedelta(microseconds=1)):
        name, text = Condition(FIELDS["acquired"], "lt", moment + step).parameter
        assert (name, parse_time(text)) == ("acquired.lt", moment + step)


def test_texts_are_not_taken_to_be_ordered_as_python_orders_them() -> None:
    """A service may order them without their case, by their length or by the rules of a language."""
    schema = CollectionSchema("any", "any", {}, ORTHO.meanings, {"sensor": SceneField("sensor", "string")})
    both = Query.parse(schema, [("sensor.gte", "B"), ("sensor.gte", "a")])
    assert len(both.conditions) == 2
    assert not Query.parse(schema, [("sensor.gte", "B")]).covers(Query.parse(schema, [("sensor.gte", "a")]))
    assert not Query.parse(schema, [("sensor.gte", "B")]).covers(Query.parse(schema, [("sensor", "a")]))
    assert not Query.parse(schema, [("sensor.gte", "b"), ("sensor.lte", "C")]).contradicts_itself
    assert not Query.parse(schema, [("sensor.gte", "b"), ("sensor", "C")]).contradicts_itself
    assert Query.parse(schema, [("sensor", "b"), ("sensor", "C")]).contradicts_itself
