"""Answers of a Data API v1 that are no such answers: an error of one sentence, or an honest result."""

from __future__ import annotations

import copy
import json
import random
import sys
from datetime import datetime, timedelta, timezone
from typing import Any, Iterator, List

import pytest

import planet_vector
from planet_vector.assets import AssetState
from planet_vector.catalog import catalog_of
from planet_vector.catalog.data_v1.client import PAGE, DataV1
from planet_vector.catalog.data_v1.stats import buckets_of
from planet_vector.catalog.data_v1.transport import inactive, state_of, without_key
from planet_vector.catalog.density import MOST_CUTS, cuts_of
from planet_vector.config import Settings
from planet_vector.connection_file import add_connection
from planet_vector.errors import PlanetVectorError, ProtocolError
from planet_vector.http import transport
from planet_vector.keys import Key, lend_key, withdraw_key
from planet_vector.vector.result_cache import CACHE
from tests.data_v1_service import KEY, DataV1Service, Request, generated_items, start
from tests.stac.test_hostile import changed

NAME = "dv1-hostile"
BASEMAP = {
    "id": "m1", "name": "a_mosaic", "level": 10, "datatype": "byte", "coordinate_system": "EPSG:3857",
    "grid": {"quad_size": 256, "resolution": 152.87405657035254}, "bbox": [10.0, 45.0, 11.0, 46.0],
    "first_acquired": "2018-06-15T00:00:00.000Z", "last_acquired": "2018-08-22T00:00:00.000Z",
}  # fmt: skip


@pytest.fixture(scope="module")
def running() -> Iterator[DataV1Service]:
    service, server = start(generated_items("PSScene", 12))
    service.mosaics, service.quads = [BASEMAP], {"m1": ["541-656", "541-657"]}
    every = {"type": "AndFilter", "config": []}
    service.searches = [{"id": "s1", "name": "one", "item_types": ["PSScene"], "filter": every}]
    yield service
    server.close()


@pytest.fixture
def service(running: DataV1Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[DataV1Service]:
    running.reset()
    monkeypatch.setenv("PLANET_RATE", "0")
    monkeypatch.setattr(transport, "BACKOFF", 0.001)
    add_connection(NAME, running.url)
    lend_key(running.url, Key(KEY))
    CACHE.clear()
    yield running
    assert not running.unasked
    withdraw_key(running.url)
    running.reset()
    CACHE.clear()


def _client(service: DataV1Service) -> DataV1:
    found = catalog_of(Settings(service.url, Key(KEY), kind="data-v1", rate=0, connection=NAME))
    assert isinstance(found, DataV1)
    return found


def _read_all(client: DataV1) -> None:
    client.scene_types()
    for item in ("PSScene", "searches"):
        layer = planet_vector.open_layer(f"PLANET:{item}?connection={NAME}")
        rows = [row for block in layer.blocks() for row in zip(*block.columns)]
        assert len({str(row) for row in rows}) == len(rows)
    for scene in planet_vector.search(f"PLANET:PSScene?connection={NAME}&limit=3"):
        json.dumps([scene.cloud_cover, scene.gsd, scene.products, str(scene.acquired), repr(scene.polygons)])
        for state in client.asset_states(scene).values():
            repr(state)
        for asset in list(scene.assets.values())[:1]:
            client.transport.follow(asset.href)
    for body in client.basemaps.list():
        basemap = client.basemaps.read(body)
        if basemap is not None:
            for quad in client.basemaps.quads(basemap):
                repr(quad.polygons)
                client.basemaps.scenes(quad)


@pytest.mark.parametrize("seed", [0])
def test_any_answer_is_read_or_refused(service: DataV1Service, seed: int) -> None:
    choose = random.Random(seed)
    client = _client(service)
    outcomes = {"read": 0, "refused": 0}
    altered = ""

    def alter(request: Request, body: Any) -> Any:
        return changed(body, choose) if altered in request.path else body

    service.alter = alter
    places = ("quick-search", "stats", "item-types", "assets", "searches", "mosaics", "quads", "items/")
    for altered in places * 2:  # noqa: B007 - read by alter
        CACHE.clear()
        service.make_active()
        try:
            _read_all(client)
        except PlanetVectorError as error:
            outcomes["refused"] += 1
            assert str(error) and "Traceback" not in str(error) and KEY not in str(error)
        else:
            outcomes["read"] += 1
    assert min(outcomes.values()) > 1


def _day(number: int) -> str:
    return f"2024-01-{number:02}T00:00:00Z"


def test_shorter_buckets_than_requested_do_not_overlap() -> None:
    days = [{"start_time": _day(number), "count": 1000} for number in (1, 2, 3, 3, 9)]
    buckets = buckets_of({"buckets": days}, "week", "POST stats")
    assert [bucket.total for bucket in buckets] == [1000, 1000, 2000, 1000]
    assert all(one.end <= other.start for one, other in zip(buckets, buckets[1:]))
    cuts = cuts_of(buckets, PAGE)
    assert cuts == sorted(set(cuts))


def test_each_item_is_read_once_although_the_buckets_are_shorter_than_requested(service: DataV1Service) -> None:
    items = generated_items("PSScene", 12)
    begin = datetime(2020, 1, 1, tzinfo=timezone.utc)
    for number, item in enumerate(items):
        item["properties"]["acquired"] = (begin + timedelta(hours=8 * number)).isoformat().replace("+00:00", "Z")
    saved, service.items = service.items, items

    def alter(request: Request, body: Any) -> Any:
        # Thirds of a day, regardless of the requested length.
        thirds = [begin + timedelta(hours=8 * number) for number in range(12)]
        made = [{"start_time": each.isoformat().replace("+00:00", "Z"), "count": 400} for each in thirds]
        return {"buckets": made} if "buckets" in body else body

    service.alter = alter
    try:
        with pytest.raises(ProtocolError):  # the counts are not true
            found: List[str] = []
            for page in _client(service).pages(planet_vector.search(f"PLANET:PSScene?connection={NAME}").query):
                found += [feature["id"] for feature in page]
        assert len(found) > 6 and len(set(found)) == len(found)
    finally:
        service.items = saved


@pytest.mark.parametrize("count", [10**13, 10**400, True, -1, 1.5])
def test_a_count_that_cannot_be_is_refused(count: Any) -> None:
    with pytest.raises(ProtocolError):
        buckets_of({"buckets": [{"start_time": _day(1), "count": count}]}, "hour", "POST stats")


def test_windows_are_limited_in_number() -> None:
    many = [{"start_time": _day(number), "count": 10**12} for number in range(1, 20)]
    assert len(cuts_of(buckets_of({"buckets": many}, "day", "POST stats"), PAGE)) <= MOST_CUTS + len(many)


def test_a_key_is_removed_as_a_member_and_deep_nesting_is_refused(service: DataV1Service) -> None:
    assert without_key({"a": {"api_key": KEY, "b": 1}}) == {"a": {"b": 1}}
    deep: Any = "api_key"
    for _ in range(900):
        deep = [deep]
    service.alter = lambda request, body: {**body, "deep": deep}
    before = sys.getrecursionlimit()
    if sys.version_info >= (3, 12):  # comprehensions have no frames of their own, and the limit is of Python's frames
        sys.setrecursionlimit(600)
    try:
        with pytest.raises(ProtocolError, match="nested too deeply"):
            _client(service).scene_types()
    finally:
        sys.setrecursionlimit(before)


def test_a_state_shows_no_token_and_its_error_no_text_of_the_service() -> None:
    state = state_of("x; y", {"status": "\x1b[31m" * 99, "location": "https://a.example/?token=secret"}, "GET x")
    told = str(inactive("PSScene/1", state, Settings("https://a.example/data/v1/", Key("secret"), connection="a b")))
    assert "\x1b" not in told and "PLANET:PSScene/1 --asset 'x; y' --connection 'a b'" in told and "secret" not in told
    assert "secret" not in repr(AssetState("a", "active", True, location="https://a.example/?token=secret"))


@pytest.mark.parametrize(("path", "member"), [("item-types", "item_types"), ("searches", "searches")])
def test_a_list_goes_on_after_an_empty_page(service: DataV1Service, path: str, member: str) -> None:
    client = _client(service)

    def read() -> List[str]:
        if member == "item_types":
            return list(client.scene_types())
        return [each["id"] for each in client._saved_searches.list()]

    whole = read()
    assert whole

    def empty_first(request: Request, body: Any) -> Any:
        if member in body and "page" not in request.query:
            return {member: [], "_links": {"_next": f"{service.url}{path}?page=2"}}
        return body

    service.alter = empty_first
    assert read() == whole

    def circle(request: Request, body: Any) -> Any:
        return {**body, "_links": {"_next": f"{service.url}{path}?page=2"}}

    service.alter = circle
    with pytest.raises(ProtocolError, match="circle"):
        read()


def test_an_empty_link_ends_a_search(service: DataV1Service) -> None:
    def empty(request: Request, body: Any) -> Any:
        return {**copy.copy(body), "_links": {"_next": ""}} if "features" in body else body

    service.alter = empty
    layer = planet_vector.open_layer(f"PLANET:PSScene?connection={NAME}")
    assert sum(len(block.columns[0]) for block in layer.blocks()) == len(service.items)


@pytest.mark.parametrize("filled", [0, 275])  # messages are shortened to 300 characters
@pytest.mark.parametrize("status", [400, 403, 404, 429, 418])
def test_a_key_that_an_error_repeats_is_not_shown(service: DataV1Service, status: int, filled: int) -> None:
    body = json.dumps({"message": f"{'x' * filled}the key {KEY} is not good"}).encode()
    service.fault = lambda request, number: (status, body, {"Retry-After": "0"})
    with pytest.raises(PlanetVectorError) as caught:
        _client(service).scene_types()
    assert KEY[:10] not in f"{caught.value!r} {caught.value}"


@pytest.mark.parametrize(("status", "whole"), [(301, True), (302, True), (307, True), (308, True), (303, False)])
def test_a_redirected_search_keeps_its_filter_or_is_an_error(service: DataV1Service, status: int, whole: bool) -> None:
    def redirected(request: Request, number: int) -> Any:
        if request.path.endswith("/quick-search") and "to" not in request.query:
            return status, b"", {"Location": f"{service.url}quick-search?to=1&_sort=acquired%20desc"}
        return None

    service.fault = redirected
    name = f"PLANET:PSScene?connection={NAME}&cloud_cover.lte=0.3"
    if whole:
        found = [scene.id for scene in planet_vector.search(name)]
        covers = {each["id"]: each["properties"].get("cloud_cover") for each in service.items}
        expected = [item_id for item_id, cover in covers.items() if cover is not None and cover <= 0.3]
        assert sorted(found) == sorted(expected) and len(expected) < len(service.items)
    else:
        with pytest.raises(ProtocolError, match="303"):
            list(planet_vector.search(name))
