"""WHERE texts narrowed to the service's parameters: never to less than what OGR selects."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, Optional, Set

import geopandas
import pyogrio
import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st
from shapely.geometry import Point

from planet_vector.collection_schema import COMPARATORS, CollectionSchema, SceneField
from planet_vector.scenes_v0_fields import QUALITIES
from planet_vector.vector.ogr_filter import NarrowedFilter, narrow
from planet_vector.vector.scene_ids import MOST_IDS, spellings
from tests.schemas import ORTHO
from tests.where_texts import NUMBERS, moments, scenes, time_comparisons, wheres


def parameters(where: str) -> dict[str, str]:
    return dict(condition.parameter for condition in narrow(where, ORTHO).conditions)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("cloud_cover.estimated < 5", {"cloud_cover.estimated.lt": "5"}),
        ('"cloud_cover.estimated" <= 5.', {"cloud_cover.estimated.lte": "5"}),
        ("5 > cloud_cover.estimated", {"cloud_cover.estimated.lt": "5"}),
        ('"cloud_cover"."estimated" = 2.54', {"cloud_cover.estimated": "2.54"}),
        ("CLOUD_COVER.ESTIMATED >= -1e1", {"cloud_cover.estimated.gte": "-10"}),
        ('("cloud_cover.estimated" < 2.) AND (sat.lat > 1)', {"cloud_cover.estimated.lt": "2", "sat.lat.gt": "1"}),
        ("sat.lat BETWEEN (1.) AND (2.)", {"sat.lat.gte": "1", "sat.lat.lte": "2"}),
        ("sat.lat IN ((3), (1), (2))", {"sat.lat.gte": "1", "sat.lat.lte": "3"}),
        ("sat.lat < 1 OR sat.lat > 5", {}),
        ("sat.lat > 1 OR sat.lat > 5", {"sat.lat.gt": "1"}),
        ("(sat.lat > 1 AND sat.lng > 2) OR (sat.lat > 5 AND sat.alt > 3)", {"sat.lat.gt": "1"}),
        ("sat.id = '0905'", {"sat.id": "0905"}),
        ("sat.id = '0b0a'", {}),  # OGR ignores case, the service does not
        ("provider = 'it''s'", {}),
        ("sat.id IN ('0905', '0906')", {}),  # equality only, and no hull of texts
        ("image_statistics.image_quality = 'target'", {"image_statistics.image_quality.gte": "target"}),
        (
            "image_statistics.image_quality IN ('target', 'standard')",
            {"image_statistics.image_quality.gte": "standard"},
        ),
        ("image_statistics.image_quality >= 'standard'", {}),  # alphabetical in OGR
        ("camera.gain > 99.5", {"camera.gain.gte": "99"}),
        ("camera.bit_depth = 12", {"camera.bit_depth": "12"}),
        ("camera.bit_depth > 8", {}),
        ("NOT (cloud_cover.estimated > 5)", {}),  # nulls pass in some versions
        ('NOT ("acquired" IS NOT NULL AND (NOT ("cloud_cover.estimated" = 0)))', {}),
        ("sat.lat + 1 > 5", {}),
        ("ABS(sat.lat) > 5 AND sat.lng > 2", {}),
        ("sat.lat > sat.lng", {}),
        ("fid = 5 AND sat.lng > 2", {"sat.lng.gt": "2"}),
        ("no_field = 5 AND sat.lng > 2", {"sat.lng.gt": "2"}),
        ("sat.lat = NULL", {}),
        ("sat.lat LIKE '5%'", {}),
        ("sat.lat >", {}),
    ],
)
def test_a_where_is_narrowed_to_parameters(where: str, expected: dict[str, str]) -> None:
    assert parameters(where) == expected


DAY = {"acquired.gte": "2015-03-25T23:59:59.999000+00:00", "acquired.lte": "2015-03-26T00:00:00.001000+00:00"}


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("acquired = '2015/03/26 00:00:00'", DAY),
        ("acquired = '2015-03-26T00:00:00Z'", DAY),
        ("acquired = '2015-03-26'", DAY),
        ("acquired = CAST('2015-03-26 00:00:00' AS timestamp)", DAY),
        ("acquired = CAST('2015-03-26' AS date(10))", DAY),
        ("acquired = DATE '2015-03-26'", DAY),
        ("acquired >= '2015-3-26'", {"acquired.gte": DAY["acquired.gte"]}),
        ("NOT (acquired < '2015-03-26')", {"acquired.gte": DAY["acquired.gte"]}),
        # With a zone, as it is and as versions that ignore zones see it.
        ("acquired <= '2015-03-26 00:00:00-02:00'", {"acquired.lte": "2015-03-26T02:00:00.001000+00:00"}),
        ("acquired >= '2015-03-26 00:00:00-02:00'", {"acquired.gte": DAY["acquired.gte"]}),
        (
            '(("acquired" > \'2015-03-26\') AND ("acquired" <= \'2015-03-26\')) OR ("acquired" IS NULL)',
            DAY,
        ),
        ("acquired > 'soon'", {}),
    ],
)
def test_times_are_narrowed_to_the_millisecond_around_them(where: str, expected: dict[str, str]) -> None:
    assert parameters(where) == expected


@pytest.mark.parametrize("kind, literal", [("words", "'high'"), ("string", "'10'"), ("number", "1.5")])
@pytest.mark.parametrize("comparators", [set(), *({comparator} for comparator in COMPARATORS), set(COMPARATORS)])
def test_a_where_asks_for_nothing_that_the_service_does_not_take(
    kind: str, literal: str, comparators: Set[str]
) -> None:
    words = ("low", "high") if kind == "words" else ()
    field = SceneField("a b", kind, frozenset(comparators), words=words)
    schema = CollectionSchema("any", "any", {"a b": "String"}, ORTHO.meanings, {"a b": field})
    for operator in ("=", "<", "<=", ">", ">="):
        assert {c.comparator for c in narrow(f'"a b" {operator} {literal}', schema).conditions} <= comparators


def test_a_span_of_texts_is_not_asked_for() -> None:
    """The service may order them otherwise: here, 10 before 9 or after it."""
    schema = CollectionSchema("any", "any", {"a": "String"}, ORTHO.meanings, {"a": SceneField("a", "string")})
    assert narrow("a IN ('10', '9')", schema).conditions == ()
    assert [condition.parameter for condition in narrow("a = '10'", schema).conditions] == [("a", "10")]


@pytest.mark.parametrize("name", ["location", "other"])
def test_a_column_made_here_is_not_a_field_of_the_service(name: str) -> None:
    schema = CollectionSchema("any", "any", {}, ORTHO.meanings, {name: SceneField(name, "string")})
    assert narrow(f"{name} = '10'", schema) == NarrowedFilter()


def test_ids_are_asked_for_by_name() -> None:
    assert narrow("id = 'LC8'", ORTHO).ids == {"lc8"}
    assert narrow("id IN ('a', 'B') AND cloud_cover.estimated < 5", ORTHO).ids == {"a", "b"}
    assert narrow("id = 'a' AND id = 'A'", ORTHO).ids == {"a"}
    assert narrow("id = 'a' OR cloud_cover.estimated < 5", ORTHO).ids is None
    assert narrow("id = 'a' AND id = 'b'", ORTHO).nothing
    assert narrow("id = 'it''s'", ORTHO).ids == {"it's"}


@pytest.mark.parametrize(
    ("scene_id", "asked"),
    [
        ("20150306_022415_0908", {"20150306_022415_0908"}),
        ("20150306_022415_0C1D", {"20150306_022415_0c1d", "20150306_022415_0C1D"}),
        ("20150603_105312_3260720_rapideye-2", {"20150603_105312_3260720_RapidEye-2"}),
        ("lc81300472015235lgn00", {"LC81300472015235LGN00"}),
        ("LC08_L1TP_130047_20150823_20170405_01_T1", {"LC08_L1TP_130047_20150823_20170405_01_T1"}),
        *[(odd, None) for odd in ("", ".", "..", "a", "Scene", "1/2", "1 2", "1%202", "é", "1.tif", "\u0661")],
    ],
)
def test_an_id_is_asked_for_only_where_its_case_is_known(scene_id: str, asked: Optional[Set[str]]) -> None:
    found = spellings([scene_id.casefold()], ORTHO.spelling_of)
    assert found == asked if asked is None else found is not None and found >= asked


def test_many_ids_are_a_search() -> None:
    assert spellings(map(str, range(MOST_IDS)), ORTHO.spelling_of) is not None
    assert spellings(map(str, range(MOST_IDS + 1)), ORTHO.spelling_of) is None


@pytest.mark.parametrize(
    ("where", "exact"),
    [
        ("cloud_cover.estimated < 5", True),
        ("strip_id > 5", True),
        ("strip_id > 9007199254740993", False),
        ("landsat.row = 5", False),  # a fraction is none of its column
        ("camera.bit_depth = 12", False),
        ("sat.id = '0908'", True),
        ("sat.id = '908'", False),  # a number, at the service
        ("sat.id = '1e5'", False),
    ],
)
def test_a_count_is_the_service_s_only_where_columns_hold_what_it_counts(where: str, exact: bool) -> None:
    assert narrow(where, ORTHO).exact == exact


def test_what_can_select_nothing_is_known() -> None:
    assert narrow("sat.lat > 5 AND sat.lat < 4", ORTHO).nothing
    assert narrow("acquired IS NULL", ORTHO).nothing
    assert narrow("NOT (acquired IS NOT NULL)", ORTHO).nothing
    assert not narrow("published IS NULL", ORTHO).nothing
    assert not narrow("sat.lat >= 5 AND sat.lat <= 5", ORTHO).nothing


def test_no_where_selects_all() -> None:
    assert narrow(None, ORTHO) == narrow("", ORTHO) == narrow("  ", ORTHO) == NarrowedFilter(exact=True)


@pytest.mark.parametrize(
    ("where", "exact"),
    [
        ("sat.lat > 1", True),
        ("sat.lat > 1 AND sat.lng <= 2", True),
        ("sat.id = '0905'", True),
        ("acquired > '2015-03-26'", False),
        ("sat.lat > 1 OR sat.lat > 2", False),
        ("sat.lat > 1 AND ABS(sat.lng) < 2", False),
        ("NOT (NOT (sat.lat > 1))", False),
        ("id = 'x'", False),
    ],
)
def test_exact_is_said_only_where_it_is_sure(where: str, exact: bool) -> None:
    assert narrow(where, ORTHO).exact is exact


def _holds(conditions: Any, scene: dict[str, Any]) -> bool:
    """Return whether the service gives a scene for some conditions: a null meets none."""
    for condition in conditions:
        value = scene[condition.field.name]
        if value is None:
            return False
        rank = QUALITIES.index(value) if condition.field.words else value
        if not condition.holds(rank):
            return False
    return True


class Copies(NamedTuple):
    """Hold scenes, and files of them whose WHERE is evaluated by SQLite or by OGR itself."""

    scenes: list[dict[str, Any]]
    paths: list[Path]

    def __repr__(self) -> str:
        return f"<{len(self.scenes)} scenes>"


def _copies(drawn: list[dict[str, Any]], paths: list[Path]) -> Copies:
    frame = geopandas.GeoDataFrame(drawn, geometry=[Point(0, 0)] * len(drawn), crs=4326)
    frame["number"] = range(len(drawn))
    for name in NUMBERS:
        frame[name] = frame[name].astype("float64")
    for path in paths:
        pyogrio.write_dataframe(frame, path)
    return Copies(drawn, paths)


def _drawn(scene: st.SearchStrategy[dict[str, Any]]) -> list[dict[str, Any]]:
    drawn: list[dict[str, Any]] = []

    @settings(max_examples=250, database=None, derandomize=True)
    @given(scene)
    def collect(values: dict[str, Any]) -> None:
        drawn.append(values)

    collect()
    return drawn


def _selected(path: Path, where: str) -> set[int]:
    meta, _, _, columns = pyogrio.raw.read(path, where=where, read_geometry=False)
    return {int(number) for number in columns[list(meta["fields"]).index("number")]}


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Copies:
    folder = tmp_path_factory.mktemp("copies")
    return _copies(_drawn(scenes()), [folder / "scenes.gpkg", folder / "scenes.fgb"])


@pytest.fixture(scope="module")
def fractions(tmp_path_factory: pytest.TempPathFactory) -> Copies:
    drawn = _drawn(st.builds(lambda scene, moment: {**scene, "acquired": moment}, scenes(), moments(fractions=True)))
    return _copies(drawn, [tmp_path_factory.mktemp("fractions") / "scenes.fgb"])


def _check(copies: Copies, where: str) -> None:
    narrowing = narrow(where, ORTHO)
    by_service = {
        number
        for number, scene in enumerate(copies.scenes)
        if not narrowing.nothing and _holds(narrowing.conditions, scene)
    }
    for path in copies.paths:
        selected = _selected(path, where)
        assert selected <= by_service, where
        if narrowing.exact:
            assert selected == by_service, where


@settings(max_examples=500, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(where=wheres())
def test_nothing_that_ogr_selects_is_narrowed_away(copies: Copies, where: str) -> None:
    _check(copies, where)


@pytest.mark.long
@settings(max_examples=5000, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(where=wheres())
def test_nothing_that_ogr_selects_is_narrowed_away_by_many_filters(copies: Copies, where: str) -> None:
    _check(copies, where)


@settings(max_examples=300, deadline=None, database=None)
@given(where=time_comparisons(fractions=True))
def test_no_instant_is_lost_between_two_precisions(fractions: Copies, where: str) -> None:
    _check(fractions, where)


def test_the_property_test_narrows_often_enough_to_mean_something() -> None:
    for wanted in (lambda n: len(n.conditions) > 2, lambda n: n.exact and n.conditions, lambda n: n.nothing):
        find(
            wheres().map(lambda where: narrow(where, ORTHO)),
            wanted,
            settings=settings(database=None, max_examples=3000),
        )
