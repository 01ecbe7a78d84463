"""Answers of a STAC API that are no such answers: an error of one sentence, or an honest result."""

from __future__ import annotations

import copy
import json
import random
from typing import Any, Iterator, List, Mapping, Tuple

import pytest

import planet_vector
from planet_vector import catalog as catalogs
from planet_vector.catalog.stac.json_values import as_count
from planet_vector.errors import PlanetVectorError, ProtocolError
from planet_vector.query import Query
from planet_vector.vector.result_cache import CACHE
from tests.stac.conftest import Start, catalog, found, ids
from tests.stac_server import make_items

ODD: List[Any] = [
    None, True, False, 0, -1, 1e308, 2**70, "", "x", "\0", "../..", "javascript:alert(1)", "http://[", [], [[]], {},
    {"href": 3}, [None], {"type": []}, "2024-13-45T99:99:99Z", "9999-12-31T23:59:59-23:00", "\ud800",
]  # fmt: skip


def _places(value: Any, path: Tuple[Any, ...] = ()) -> Iterator[Tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*path, key)
        yield from _places(each, (*path, key))


def changed(value: Any, choose: random.Random) -> Any:
    value = copy.deepcopy(value)
    *path, last = choose.choice(list(_places(value)))
    node = value
    for key in path:
        node = node[key]
    if choose.random() < 0.2:
        del node[last]
    else:
        node[last] = choose.choice(ODD)
    return value


def test_any_answer_is_read_or_refused(start_stac: Start) -> None:
    items = make_items(6)
    server = start_stac(items)
    answer = server.answer
    choose = random.Random(3)
    outcomes = {"read": 0, "refused": 0}
    where = ""

    def hostile(path: str, body: Mapping[str, Any]) -> Any:
        status, content = answer(path, body)
        return status, changed(content, choose) if path.startswith(where) and path.count("/") == where.count(
            "/"
        ) else content

    server.answer = hostile  # type: ignore[method-assign]
    for where in ("", "/collections", "/collections/scenes", "/search") * 30:
        catalogs._catalogs.clear()
        CACHE.clear()
        try:
            list(planet_vector.connect("test").scene_types())
            layer = planet_vector.open_layer("STAC:test/scenes?eo:cloud_cover.lte=90")
            rows = [row for block in layer.blocks() for row in zip(*block.columns)]
            for scene in planet_vector.search("STAC:test/scenes"):
                assert (
                    isinstance(scene.products, tuple) and json.dumps(scene.cloud_cover) and scene.polygons is not None
                )
        except PlanetVectorError as error:
            outcomes["refused"] += 1
            assert str(error) and "Traceback" not in str(error)
        else:
            outcomes["read"] += 1
            assert where == "/search" or len(rows) <= len(ids(items))
    assert min(outcomes.values()) > 10


@pytest.mark.parametrize("value", [True, 1e308, -1, "x", {"href": 3}])
def test_conformance_of_any_kind_is_read_as_none(start_stac: Start, value: Any) -> None:
    items = make_items(6)
    server = start_stac(items, abilities=())
    answer = server.answer

    def hostile(path: str, body: Mapping[str, Any]) -> Any:
        status, content = answer(path, body)
        return status, {**content, "conformsTo": value} if path == "" else content

    server.answer = hostile  # type: ignore[method-assign]
    assert sorted(found("STAC:test/scenes")) == ids(items)


@pytest.mark.parametrize("count", [2**63, 10**400, True, -1, "6", 6.0], ids=lambda count: str(count)[:20])
def test_a_count_that_cannot_be_is_none(count: Any) -> None:
    assert as_count(count) is None


def test_the_largest_numbers_are_searched_for_and_tested(start_stac: Start) -> None:
    largest = 1.7976931348623157e308
    items = make_items(6)
    for item in items:
        item["properties"]["gsd"] = largest
    start_stac(items)
    assert sorted(found(f"STAC:test/scenes?gsd.lte={largest!r}")) == ids(items)
    assert sorted(found(f"STAC:test/scenes?gsd.gte={largest!r}")) == ids(items)


def test_a_link_with_a_number_that_is_not_finite_is_an_error(start_stac: Start) -> None:
    server = start_stac(make_items(600))
    answer = server.answer

    def hostile(path: str, body: Mapping[str, Any]) -> Any:
        status, content = answer(path, body)
        if path == "/search" and content["links"]:
            content["links"][0]["body"]["token"] = float("nan")
        return status, content

    server.answer = hostile  # type: ignore[method-assign]
    with pytest.raises(ProtocolError, match="is not valid JSON"):
        found("STAC:test/scenes")


def test_an_empty_first_page_that_links_another_is_not_counted_as_nothing(start_stac: Start) -> None:
    items = make_items(6)
    server = start_stac(items, counts=False)
    answer = server.answer

    def late(path: str, body: Mapping[str, Any]) -> Any:
        status, content = answer(path, body)
        if path == "/search" and "late" not in body:
            link = {"rel": "next", "method": "POST", "href": f"{server.url}search", "body": {**body, "late": True}}
            content = {**content, "features": [], "links": [link]}
        return status, content

    server.answer = late  # type: ignore[method-assign]
    query = Query.parse(catalog().schema("scenes"), [])
    assert catalog().count(query) is None
    assert sorted(found("STAC:test/scenes")) == ids(items)


def test_an_error_shows_no_token_of_a_link(start_stac: Start) -> None:
    server = start_stac(make_items(6))
    answer = server.answer

    def hostile(path: str, body: Mapping[str, Any]) -> Any:
        status, content = answer(path, body)
        if path == "/collections":
            link = {"rel": "next", "href": f"{server.url}collections?token=verysecret"}
            content = {"collections": 3} if "token" in body else {**content, "links": [link]}
        return status, content

    server.answer = hostile  # type: ignore[method-assign]
    with pytest.raises(ProtocolError) as caught:
        catalog().scene_types()
    assert "verysecret" not in f"{caught.value} {caught.value.request}"
