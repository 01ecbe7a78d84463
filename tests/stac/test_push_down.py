"""Conditions are sent to a service only where it honours them, and a search finds the same either way."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Dict, List, Tuple

import pytest
import shapely
import shapely.geometry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import planet_vector
from planet_vector.catalog.stac.client import StacApi
from planet_vector.query import Query
from tests.stac.conftest import Start, found, ids
from tests.stac_server import Habits, Item, StacServer, connect_to, make_items, parse, serve, sort_key

pyogrio = pytest.importorskip("pyogrio")
planet_vector.register()

SERVERS: Dict[str, Dict[str, Any]] = {
    "cql2": {},
    "query": {"abilities": ("sort", "query")},
    "nothing": {"abilities": ()},
    "ignored": {"honours": False},
    "finds nothing": {"fault": "filters find nothing"},
    "uncounted": {"counts": False},
    "get": {"posts": False},
}


@pytest.fixture(scope="module")
def items() -> List[Item]:
    """Return items, some of which lack a property or have another type of value."""
    items = make_items(150, every=timedelta(hours=7))
    for number, item in enumerate(items):
        said = item["properties"]
        if number % 10 == 3:
            del said["eo:cloud_cover"]
        if number % 10 == 4:
            said["eo:cloud_cover"] = None
        if number % 50 == 5:
            said["eo:cloud_cover"] = "12"
    return items


def _value(item: Item, name: str) -> Any:
    value = item["properties"].get(name)
    return value if isinstance(value, (int, float)) else None


COMPARE = {
    "lte": lambda a, b: a <= b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "gt": lambda a, b: a > b,
    "eq": lambda a, b: a == b,
}
CONDITIONS = st.lists(
    st.tuples(
        st.sampled_from(["eo:cloud_cover", "gsd"]),
        st.sampled_from(list(COMPARE)),
        st.one_of(st.sampled_from([0.0, 10.0, 20.0, 79.1, 58.2]), st.floats(-5, 105, allow_nan=False)),
    ),
    max_size=3,
)
DAYS = st.one_of(st.none(), st.tuples(st.integers(1, 20), st.integers(0, 12)))
BOXES = st.one_of(
    st.none(),
    st.tuples(st.integers(-179, 179), st.integers(-85, 60), st.integers(1, 170), st.integers(1, 25)),
)


@pytest.mark.parametrize("kind", SERVERS)
def test_random_searches_find_what_a_scan_of_all_items_finds(items: List[Item], kind: str, monkeypatch: Any) -> None:
    server = StacServer(items, Habits(**SERVERS[kind]))
    with contextmanager(serve)(server):
        connect_to(server.url)
        catalog = planet_vector.connect("test")
        schema = catalog.schema("scenes")
        outlines = {item["id"]: shapely.geometry.shape(item["geometry"]) for item in items}

        @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
        @given(CONDITIONS, DAYS, BOXES)
        def check(conditions: List[Tuple[str, str, float]], days: Any, box: Any) -> None:
            parameters = [(f"{name}.{sign}", repr(limit)) for name, sign, limit in conditions if sign != "eq"]
            parameters += [(name, repr(limit)) for name, sign, limit in conditions if sign == "eq"]
            expected = [
                item
                for item in items
                if all(
                    _value(item, name) is not None and COMPARE[sign](_value(item, name), limit)
                    for name, sign, limit in conditions
                )
            ]
            if days is not None:
                first, length = days
                parameters.append(("datetime", f"2024-05-{first:02}/2024-05-{min(first + length, 31):02}"))
                low = parse(f"2024-05-{first:02}T00:00:00Z")
                high = parse(f"2024-05-{min(first + length, 31):02}T00:00:00Z") + timedelta(days=1)
                expected = [item for item in expected if low <= sort_key(item) < high]
            if box is not None:
                west, south, width, height = box
                east = west + width
                parameters.append(("bbox", f"{west},{south},{east},{south + height}"))
                parts = [shapely.box(west, south, min(east, 180), south + height)]
                if east > 180:
                    parts.append(shapely.box(-180, south, east - 360, south + height))
                expected = [item for item in expected if any(outlines[item["id"]].intersects(part) for part in parts)]
            query = Query.parse(schema, parameters)
            read = [item["id"] for page in catalog.pages(query) for item in page]
            assert sorted(read) == ids(expected)

        check()
        assert isinstance(catalog, StacApi)
        tested = catalog._service.trust.tested
        honoured = kind in ("cql2", "query", "uncounted")
        assert set(tested.values()) == ({honoured} if kind not in ("nothing", "get") else set())


@pytest.mark.parametrize("kind", ["cql2", "query", "ignored", "nothing"])
def test_clauses_of_gdal_select_what_they_select_of_all_rows(start_stac: Start, items: List[Item], kind: str) -> None:
    server = start_stac(items, **SERVERS[kind])
    everything = pyogrio.read_dataframe("STAC:test/scenes")
    assert len(everything) == len(items)
    cover = everything["eo:cloud_cover"]
    for clause, expected in {
        '"eo:cloud_cover" <= 20': cover <= 20,
        '"eo:cloud_cover" > 20 AND gsd = 10': (cover > 20) & (everything["gsd"] == 10),
        '"eo:cloud_cover" BETWEEN 5 AND 10 OR "eo:cloud_cover" > 95': cover.between(5, 10) | (cover > 95),
        "platform = 'SENTINEL-2A'": everything["platform"] == "sentinel-2a",
        '"eo:cloud_cover" IS NULL': cover.isna(),
        'NOT ("eo:cloud_cover" < 50)': cover >= 50,
        "datetime >= '2024-05-20T00:00:00Z'": everything["datetime"] >= "2024-05-20T00:00:00Z",
        "id = 'scenes-7'": everything["id"] == "scenes-7",
    }.items():
        planet_vector.vector.result_cache.CACHE.clear()  # type: ignore[attr-defined]
        read = pyogrio.read_dataframe("STAC:test/scenes", where=clause)
        assert sorted(read["id"]) == sorted(everything[expected]["id"]), clause
    sent = [body for body in server.searches() if ("filter" in body or "query" in body) and "ids" not in body]
    assert bool(sent) == (kind in ("cql2", "query"))


def test_a_filter_is_tested_once_for_each_property(start_stac: Start, items: List[Item]) -> None:
    server = start_stac(items)

    def tests() -> int:
        return sum("ids" in body and "filter" in body for body in server.searches())

    found("STAC:test/scenes?eo:cloud_cover.lte=20")
    assert tests() == 3
    found("STAC:test/scenes?eo:cloud_cover.gt=20")
    assert tests() == 3
    found("STAC:test/scenes?gsd=10")
    assert tests() == 6


def test_a_filter_moves_only_what_it_selects(start_stac: Start, items: List[Item]) -> None:
    server = start_stac(items)
    planet_vector.connect("test").schema("scenes")
    server.seen.clear()
    read = found("STAC:test/scenes?eo:cloud_cover.lte=10")
    known = [item for item in items if _value(item, "eo:cloud_cover") is not None]
    expected = [item for item in known if _value(item, "eo:cloud_cover") <= 10]
    assert sorted(read) == ids(expected)
    filters = [body for body in server.searches() if "filter" in body and "ids" not in body]
    assert filters and all(len(server.found(body)) == len(expected) for body in filters)


def test_a_filter_that_a_page_does_not_meet_is_sent_no_more(start_stac: Start, items: List[Item]) -> None:
    server = start_stac(items)
    expected = found("STAC:test/scenes?eo:cloud_cover.lte=10")
    server.habits.honours = False
    planet_vector.vector.result_cache.CACHE.clear()  # type: ignore[attr-defined]
    assert sorted(found("STAC:test/scenes?eo:cloud_cover.lte=10&gsd.gte=0")) == sorted(expected)


def test_numbers_are_compared_widely_enough_for_an_index_of_32_bits(start_stac: Start) -> None:
    import numpy

    items = make_items(120)
    kept = {item["id"]: item["properties"]["eo:cloud_cover"] for item in items}
    server = start_stac([{**item, "properties": {**item["properties"]}} for item in items])

    def rounded(self: StacServer, item: Item, body: Any) -> bool:
        said = {**item["properties"], "eo:cloud_cover": float(numpy.float32(kept[item["id"]]))}
        return original(self, {**item, "properties": said}, body)

    original = StacServer._meets
    StacServer._meets = rounded  # type: ignore[method-assign]
    try:
        for limit in sorted(set(kept.values()))[::5]:
            read = found(f"STAC:test/scenes?eo:cloud_cover.lte={limit!r}")
            assert sorted(read) == sorted(name for name, cover in kept.items() if cover <= limit)
        assert any("filter" in body and "ids" not in body for body in server.searches())
    finally:
        StacServer._meets = original  # type: ignore[method-assign]
