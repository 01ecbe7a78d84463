"""The Data API v1 through searches, layers and rasters, over HTTP, beside brute force and GDAL's own driver."""

from __future__ import annotations

import base64
import json
import os
import random
import re
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import planet_vector
from planet_vector.catalog import Catalog, catalog_of, probing
from planet_vector.catalog.data_v1.client import PAGE
from planet_vector.catalog.data_v1.item_columns import ITEM_TYPES, columns_of
from planet_vector.catalog.data_v1.transport import without_key
from planet_vector.catalog.density import Bucket, cuts_of
from planet_vector.catalog.protocol import expanded
from planet_vector.catalog.scenes_v0.scene_schemas import schema_of as schema_of_v0
from planet_vector.cli.search_options import SEARCH_FLAGS, one_scene, search_of
from planet_vector.conditions import Condition
from planet_vector.config import Settings
from planet_vector.connection_file import add_connection
from planet_vector.errors import AuthError, NameSyntaxError, NotFoundError, PlanetVectorError, ProtocolError, QueryError
from planet_vector.keys import Key, lend_key, withdraw_key
from planet_vector.names import parse_name
from planet_vector.query import Query
from planet_vector.raster import activation
from planet_vector.raster.access import expiry
from planet_vector.vector.result_cache import CACHE
from tests.conftest import QGIS_PYTHON, ROOT, SHARED_DATA
from tests.data_v1_service import (
    KEY,
    DataV1Service,
    Feature,
    Request,
    Running,
    Store,
    asset_names,
    generated_items,
    moment,
    real_items,
    start,
    start_store,
)
from tests.vector.as_gdal import assert_as_gdal

pyogrio = pytest.importorskip("pyogrio")
rasterio = pytest.importorskip("rasterio")
np = pytest.importorskip("numpy")
warp = pytest.importorskip("rasterio.warp")
planet_vector.register()  # before any test uses rasterio

NAME = "dv1"
RECORDED = SHARED_DATA / "data-api-v1"
needs_recorded = pytest.mark.skipif(not RECORDED.exists(), reason=f"{RECORDED} is not here")
COUNT = 1200
BASEMAP = {
    "id": "49329058-74fa-43d9-aa1b-d6c8d8cdc9b8", "name": "a_mosaic", "level": 10, "datatype": "byte",
    "coordinate_system": "EPSG:3857", "grid": {"quad_size": 256, "resolution": 152.87405657035254},
    "bbox": [10.0, 45.0, 11.0, 46.0], "first_acquired": "2018-06-15T00:00:00.000Z",
    "last_acquired": "2018-08-22T00:00:00.000Z", "product_type": "basemap", "item_types": ["PSScene"],
}  # fmt: skip
QUADS = [f"{x}-{y}" for x in range(540, 544) for y in range(656, 659)]


@pytest.fixture(scope="module")
def running() -> Iterator[Tuple[DataV1Service, Running]]:
    items = generated_items("PSScene", COUNT) + generated_items("SkySatScene", 40, seed=2)
    items += real_items(RECORDED) if RECORDED.exists() else []
    service, server = start(items)
    service.mosaics, service.quads = [BASEMAP], {str(BASEMAP["id"]): QUADS}
    yield service, server
    server.close()


@pytest.fixture
def service(running: Tuple[DataV1Service, Running], monkeypatch: pytest.MonkeyPatch) -> Iterator[DataV1Service]:
    """Return the service, which a connection names; its key is lent to this process."""
    found, _ = running
    found.reset()
    found.searches = []
    add_connection(NAME, found.url)
    lend_key(found.url, Key(KEY))
    CACHE.clear()
    monkeypatch.setattr(activation, "POLL", 0.05)
    yield found
    assert not found.unasked, "a read activated an asset"
    withdraw_key(found.url)
    found.reset()
    CACHE.clear()


@pytest.fixture
def catalog(service: DataV1Service) -> Catalog:
    return catalog_of(Settings(service.url, Key(KEY), kind="data-v1", rate=0, connection=NAME))


@pytest.fixture
def store(service: DataV1Service) -> Iterator[Store]:
    made, server = start_store(service)
    service.store = made.url
    yield made
    server.close()


def of_type(service: DataV1Service, item_type: str = "PSScene") -> List[Feature]:
    return [each for each in service.items if each["properties"]["item_type"] == item_type]


def name(parameters: str = "", item: str = "PSScene") -> str:
    return f"PLANET:{item}?" + "&".join(filter(None, [f"connection={NAME}", parameters]))


def ids(items: Any) -> List[str]:
    return sorted(each["id"] if isinstance(each, dict) else each.id for each in items)


# ---- searches ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["desc", "asc"])
def test_a_search_reads_all_items_in_order_each_once(service: DataV1Service, order: str) -> None:
    found = list(planet_vector.search(name(f"order_by=acquired {order}")))
    times = [scene.acquired for scene in found]
    assert times == sorted(times, reverse=order == "desc") and ids(found) == ids(of_type(service))


def test_pages_are_requested_by_windows_of_the_density_and_together(service: DataV1Service, catalog: Catalog) -> None:
    service.delay = 0.1
    query = Query.parse(catalog.schema("PSScene"), [("acquired.gte", "2022-01-01"), ("acquired.lt", "2022-03-10")])
    wanted = [each for each in of_type(service) if moment(each["properties"]["acquired"]).month < 4]
    wanted = [each for each in wanted if moment(each["properties"]["acquired"]).year == 2022]
    assert sum(map(len, catalog.pages(query))) == len(wanted)
    searches = service.asked("POST /data/v1/quick-search")
    # A day holds 20 items, and a strip of one time 24 more: windows of whole days hold at least 80 % of a page.
    assert len(searches) <= len(wanted) / (0.8 * PAGE) + 1 and not service.asked("GET .*quick-search")
    assert service.most_at_once >= 3
    assert all(request.query["_page_size"] == [str(PAGE)] for request in searches)


def test_the_count_costs_one_request(service: DataV1Service, catalog: Catalog) -> None:
    query = Query.parse(catalog.schema("PSScene"), [("cloud_cover.lte", "0.1")])
    expected = [each for each in of_type(service) if (each["properties"]["cloud_cover"] or 9) <= 0.1]
    expected += [each for each in of_type(service) if each["properties"]["cloud_cover"] == 0]
    assert catalog.count(query) == len(expected)
    assert [f"{each.method} {each.path}" for each in service.log] == ["POST /data/v1/stats"]


def test_density_that_means_another_time_costs_requests_and_no_item(service: DataV1Service, catalog: Catalog) -> None:
    """Whether the service's buckets go by the time of acquisition is not documented."""

    def shifted(request: Request, body: Any) -> Any:
        if not request.path.endswith("/stats"):
            return body
        later = [{**each, "start_time": "2022-02-01T00:00:00.000000Z"} for each in body["buckets"]]
        return {**body, "buckets": later[:1] + [{**each, "count": each["count"]} for each in later[1:]]}

    service.alter = shifted
    found = [each for page in catalog.pages(Query(catalog.schema("PSScene"))) for each in page]
    assert ids(found) == ids(of_type(service)) and len(found) == len(of_type(service))


def test_hours_are_counted_for_a_year_and_days_if_the_service_refuses_them(
    service: DataV1Service, catalog: Catalog
) -> None:
    query = Query(catalog.schema("PSScene"))
    for refused in ((), ("hour",)):
        service.log.clear()
        service.fault = lambda request, _, refused=refused: (
            (400, b'{"message": "too many buckets"}', {})
            if request.path.endswith("/stats") and json.loads(request.body)["interval"] in refused
            else None
        )
        assert ids(each for page in catalog.pages(query) for each in page) == ids(of_type(service))
        assert [json.loads(each.body)["interval"] for each in service.asked("/stats")] == ["week", "hour"]


def test_a_limit_of_requests_is_kept_without_errors(service: DataV1Service, catalog: Catalog) -> None:
    service.rate = 10
    began = time.monotonic()
    for _ in range(4):
        assert sum(map(len, catalog.pages(Query(catalog.schema("PSScene"))))) == len(of_type(service))
    assert time.monotonic() - began < 20
    assert len({each.path for each in service.log}) >= 2


# ---- whole, or an error ---------------------------------------------------------------------------------------


def _cut(request: Request, body: Any) -> Any:
    """Return a page cut off, as if it were the last."""
    if "features" not in body or len(body["features"]) < 100:
        return body
    return {"_links": {}, "features": body["features"][:90]}


def _elsewhere(request: Request, body: Any) -> Any:
    if "features" not in body:
        return body
    links = {"_next": "https://elsewhere.example/data/v1/quick-search/x"}
    return {
        "_links": links,
        "features": [
            {**each, "properties": {**each["properties"], "acquired": "2022-01-31T00:00:00Z"}}
            for each in body["features"]
        ],
    }


def _no_page(request: Request, body: Any) -> Any:
    return {"message": "maintenance"} if "features" in body else body


@pytest.mark.parametrize("alter", [_cut, _elsewhere, _no_page])
@pytest.mark.parametrize("parameters", ["", "limit=700"])
def test_what_is_not_whole_is_an_error(service: DataV1Service, alter: Any, parameters: str) -> None:
    service.alter = alter
    with pytest.raises(PlanetVectorError):
        list(planet_vector.search(name(parameters), anew=True))
    with pytest.raises(Exception, match="PLANET"):
        pyogrio.raw.read(name(parameters))
    assert not any("elsewhere" in each.host for each in service.log)


def test_a_first_item_costs_one_page(service: DataV1Service) -> None:
    newest = max(of_type(service), key=lambda item: moment(item["properties"]["acquired"]))
    search = planet_vector.search(name())
    assert search[0].id == newest["id"] and len(search[:9].to_geopandas()) == 9
    assert [each.path for each in service.log] == ["/data/v1/quick-search"]


@pytest.mark.parametrize("order", ["desc", "asc"])
def test_numbers_that_get_fewer_while_a_search_is_read_hide_no_item(service: DataV1Service, order: str) -> None:
    """The service first counts the items by weeks, then by hours."""

    def none_from(first: int, route: str, answer: bytes) -> Any:
        return lambda request, number: (200, answer, {}) if request.path.endswith(route) and number >= first else None

    service.fault = none_from(2, "/stats", b'{"buckets": []}')
    assert ids(planet_vector.search(name(f"order_by=acquired {order}"))) == ids(of_type(service))
    service.log.clear()
    assert len(pyogrio.raw.read(name(f"order_by=acquired {order}"), columns=[])[2]) == len(of_type(service))
    for route, first in (("/stats", 1), ("/quick-search", 2)):
        CACHE.clear()
        service.log.clear()
        service.fault = none_from(first, route, b'{"buckets": [], "features": [], "_links": {}}')
        with pytest.raises(ProtocolError, match="incomplete"):
            list(planet_vector.search(name(f"order_by=acquired {order}")))


def test_a_page_that_fails_is_an_error_and_one_that_recovers_is_not(
    service: DataV1Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("planet_vector.http.transport.BACKOFF", 0.01)
    failing = {"times": 1}

    def fault(request: Request, number: int) -> Any:
        if request.path.endswith("/quick-search") and failing["times"] and number % 3 == 2:
            failing["times"] -= 1
            return 503, b"", {}
        return None

    service.fault = fault
    assert len(list(planet_vector.search(name(), anew=True))) == len(of_type(service))
    failing["times"] = 10**9
    service.fault = lambda request, number: (503, b"", {}) if "quick-search" in request.path else None
    with pytest.raises(PlanetVectorError, match="503"):
        list(planet_vector.search(name(), anew=True))


# ---- filters --------------------------------------------------------------------------------------------------

NUMBERS = {
    "cloud_cover": [0, 0.07, 0.5, 1],
    "view_angle": [0, 1.1, 4],
    "gsd": [3.6, 3.8],
    "clear_percent": [0, 50, 100],
}
TEXTS = {
    "satellite_id": ["1061", "105e", "105E", "nosuch"],
    "instrument": ["PS2.SD", "psb.sd"],
    "strip_id": ["5321496"],
}
TIMES = ["2022/01/05 00:00:00", "2022/01/31 00:00:00", "2022-02-10T12:00:00Z"]


def _literal(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else repr(value)


def _comparisons() -> Any:
    number = st.sampled_from(sorted(NUMBERS)).flatmap(
        lambda field: st.tuples(
            st.just(field), st.sampled_from(["<", "<=", ">", ">=", "=", "<>"]), st.sampled_from(NUMBERS[field])
        )
    )
    text = st.sampled_from(sorted(TEXTS)).flatmap(
        lambda field: st.tuples(st.just(field), st.just("="), st.sampled_from(TEXTS[field]))
    )
    when = st.tuples(st.just("acquired"), st.sampled_from(["<", "<=", ">", ">="]), st.sampled_from(TIMES))
    one = st.one_of(number, text, when).map(lambda each: f"{each[0]} {each[1]} {_literal(each[2])}")
    several = st.sampled_from(sorted({**NUMBERS, **TEXTS})).flatmap(
        lambda field: st.lists(st.sampled_from({**NUMBERS, **TEXTS}[field]), min_size=1, max_size=3).map(
            lambda values: f"{field} IN ({', '.join(map(_literal, values))})"
        )
    )
    between = st.sampled_from(sorted(NUMBERS)).map(lambda field: f"{field} BETWEEN 0.05 AND 3.9")
    return st.one_of(one, several, between, st.just("ground_control = 1"), st.just("clear_percent IS NULL"))


CLAUSES = st.recursive(
    _comparisons(),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(lambda each: f"({each[0]} {each[1]} {each[2]})"),
        inner.map(lambda each: f"NOT ({each})"),
    ),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def table(running: Tuple[DataV1Service, Running], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a FlatGeobuf of the items of one type, made of their JSON, which OGR itself filters."""
    import geopandas
    import shapely.geometry

    rows: List[Dict[str, Any]] = []
    for item in of_type(running[0]):
        said = item["properties"]
        row = {field: said.get(field) for field in columns_of("PSScene") if not isinstance(said.get(field), dict)}
        row["ground_control"] = int(said["ground_control"])
        row["acquired"] = moment(said["acquired"]).replace(tzinfo=None)
        rows.append({"item": item["id"], **row, "geometry": shapely.geometry.shape(item["geometry"])})
    path = tmp_path_factory.mktemp("table") / "items.fgb"
    frame = geopandas.GeoDataFrame(rows, crs="EPSG:4326")
    for column in ("published", "updated"):
        del frame[column]
    frame["acquired"] = frame["acquired"].dt.tz_localize("UTC")
    pyogrio.write_dataframe(frame, path)
    return path


@pytest.mark.usefixtures("service")  # as an argument, Hypothesis would print all of it
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=CLAUSES)
def test_any_filter_selects_what_ogr_selects_from_the_whole(table: Path, where: str) -> None:
    CACHE.clear()
    expected = pyogrio.read_dataframe(table, where=where, read_geometry=False)["item"]
    found = pyogrio.read_dataframe(name(), where=where, read_geometry=False, columns=["id"])["id"]
    assert sorted(found) == sorted(expected), where


@pytest.mark.parametrize(
    ("where", "sent"),
    [
        ("cloud_cover <= 0.1 AND view_angle > 2", {"RangeFilter"}),
        ("satellite_id IN ('1061', '2414')", {"StringInFilter"}),
        ("instrument = 'psb.sd'", {"StringInFilter"}),
        ("gsd IN (3.6, 4)", {"NumberInFilter"}),
        ("cloud_cover < 0.1 OR view_angle > 4.5", {"OrFilter", "RangeFilter"}),
        ("acquired < '2022/01/05 00:00:00' OR (gsd = 3.6 AND satellite_id = '1061')", {"OrFilter", "DateRangeFilter"}),
        ("NOT (acquired < '2022/02/01 00:00:00')", {"DateRangeFilter"}),
    ],
)
def test_what_a_filter_says_is_asked_of_the_service(service: DataV1Service, where: str, sent: set[str]) -> None:
    found = len(pyogrio.read_dataframe(name(), where=where, read_geometry=False))
    body = service.asked("POST .*quick-search")[-1].body.decode()
    assert sent <= set(re.findall(r'"type":"(\w+Filter)"', body))
    assert 0 < found < len(of_type(service))
    returned = sum(json.loads(each.body)["item_types"] == ["PSScene"] for each in service.asked("POST .*quick-search"))
    assert returned * PAGE < len(of_type(service)) + PAGE


@pytest.mark.parametrize(
    "parameters",
    [
        "acquired.gte=2022-01-10&acquired.lt=2022-01-20T12:00:00.000005Z", "cloud_cover.gt=0.5", "cloud_cover=0",
        "cloud_cover.neq=1", "satellite_id=105e", "satellite_id.neq=105e", "gsd=3.6&view_angle.lt=2",
        "bbox=-20,-20,40,40", "intersects=POINT (5 5)", "bbox=160,-50,-160,50", "assets=ortho_analytic_8b",
        'filter={"type":"NotFilter","config":{"type":"StringInFilter","field_name":"instrument","config":["PS2.SD"]}}',
        "permissions=assets:download", "clear_percent.gte=99",
    ],
)  # fmt: skip
def test_parameters_of_a_name_select_as_brute_force_does(service: DataV1Service, parameters: str) -> None:
    import shapely.geometry

    def meets(item: Feature) -> bool:
        said = item["properties"]
        for part in parameters.split("&"):
            key, _, text = part.partition("=")
            field, _, comparator = key.partition(".")
            if field == "bbox":
                west, south, east, north = map(float, text.split(","))
                boxes = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
                shapes = [shapely.geometry.box(w, south, e, north) for w, e in boxes]
                held = any(shapely.geometry.shape(item["geometry"]).intersects(each) for each in shapes)
            elif field == "intersects":
                held = shapely.geometry.shape(item["geometry"]).intersects(shapely.geometry.Point(5, 5))
            elif field == "assets":
                held = text in item.get("assets", [])
            elif field == "filter":
                held = said.get("instrument") != "PS2.SD"
            elif field == "permissions":
                held = bool(item.get("_permissions"))
            else:
                value: Any = said.get(field)
                limit: Any = text if isinstance(value, str) else value is not None and float(text)
                if field == "acquired":
                    value, limit = moment(value), moment(text if "T" in text else f"{text}T00:00:00Z")
                held = value is not None and {
                    "": lambda a, b: a == b, "neq": lambda a, b: a != b, "gt": lambda a, b: a > b,
                    "gte": lambda a, b: a >= b, "lt": lambda a, b: a < b,
                }[comparator](value, limit)  # fmt: skip
            if not held:
                return False
        return True

    found = planet_vector.search(name(parameters))
    expected = [each for each in of_type(service) if meets(each)]
    assert ids(found) == ids(expected) and found.count() == len(expected)
    assert expected or parameters.startswith("intersects")


@pytest.mark.parametrize("wrong", ["filter={", "filter=[]", 'filter={"config":1}', "permissions= , ", "clouds=1"])
def test_a_parameter_that_cannot_be_is_an_error_before_any_request(service: DataV1Service, wrong: str) -> None:
    with pytest.raises(QueryError):
        planet_vector.search(name(wrong))
    assert not service.log


# ---- rows -----------------------------------------------------------------------------------------------------


@needs_recorded
def test_every_property_of_real_items_comes_out_equal_and_typed(service: DataV1Service) -> None:
    recorded = real_items(RECORDED)
    assert {each["properties"]["item_type"] for each in recorded} >= {"PSScene", "SkySatCollect", "Landsat8L1G"}
    for item in recorded:
        item_type = item["properties"]["item_type"]
        rows = planet_vector.open_layer(name(item=f"{item_type}/{item['id']}"))
        (row,) = rows.rows()
        values = dict(zip(rows.schema.names, row.values))
        kinds = dict(zip(rows.schema.names, rows.schema.types))
        other = json.loads(values["other"] or "{}")
        assert values["id"] == item["id"] and row.wkb is not None
        for key, value in item["properties"].items():
            if key in other:
                assert key not in columns_of(item_type) and other[key] == value
            elif kinds[key] == "DateTime":
                assert abs(moment(values[key]) - moment(value)) < timedelta(milliseconds=1)
            else:
                assert values[key] == value and kinds[key] != "String" or isinstance(value, str)
                assert values[key] == value
        # All that the documentation of GDAL's driver lists has a column, too.
        assert set(other) <= {"availability", "ps4b_geometry"}


@needs_recorded
def test_the_columns_are_those_that_gdal_has_and_more() -> None:
    kinds = {"datetime": "DateTime", "double": "Real", "string": "String", "int": "Integer", "boolean": "Boolean"}
    for item_type, body in json.loads((RECORDED / "gdal_plscenesconf.json").read_text())["v1_data"].items():
        columns = columns_of(item_type)
        for field in body["fields"]:
            wanted = "String" if field["name"] == "collection" else kinds[field["type"]]
            assert columns[field["name"]] in (wanted, "Real"), (item_type, field)
    assert set(ITEM_TYPES) > {"PSScene", "SkySatScene", "TanagerScene"}


def test_a_layer_counts_filters_and_reads_the_same(service: DataV1Service) -> None:
    frame = pyogrio.read_dataframe(name())
    info = pyogrio.read_info(name())
    assert info["features"] == len(frame) == len(of_type(service))
    assert set(frame["ground_control"].dropna()) == {0, 1}
    assert frame["location"].isna().all()  # no link that GDAL could open
    boxed = pyogrio.read_dataframe(name(), bbox=(-20, -20, 40, 40))
    assert ids([{"id": each} for each in boxed["id"]]) == sorted(frame.cx[-20:40, -20:40]["id"])


def test_meanings_are_those_of_the_service(service: DataV1Service, catalog: Catalog) -> None:
    item = next(each for each in of_type(service) if each["properties"]["cloud_cover"] == 1)
    scene = catalog.scene("PSScene", item["id"])
    assert scene.cloud_cover == 100 and scene.gsd == item["properties"]["gsd"]
    assert scene.acquired == moment(item["properties"]["acquired"])
    assert catalog.collection_of(item) == "PSScene"
    assert catalog.collection_of({**item, "properties": {}}) == "PSScene"


# ---- names ----------------------------------------------------------------------------------------------------


def test_several_types_and_saved_searches_are_layers(service: DataV1Service, catalog: Catalog) -> None:
    service.searches = [
        {
            "id": "ab12", "name": "clear", "item_types": ["PSScene", "SkySatScene"],
            "filter": {"type": "RangeFilter", "field_name": "cloud_cover", "config": {"lte": 0.1}},
        },
        {"id": "cd34", "name": "clear", "item_types": ["PSScene"], "filter": {"type": "AndFilter", "config": []}},
    ]  # fmt: skip
    assert [each[0] for each in pyogrio.list_layers(name(item="PSScene,SkySatScene"))] == ["PSScene", "SkySatScene"]
    layers = [str(each[0]) for each in pyogrio.list_layers(name(item="searches"))]
    assert layers == ["clear (PSScene)", "clear (SkySatScene)", "clear (PSScene) 2"]
    found = pyogrio.read_dataframe(name(item="searches/ab12"), layer="SkySatScene", read_geometry=False)
    clear = [each for each in of_type(service, "SkySatScene") if each["properties"]["cloud_cover"] is not None]
    assert sorted(found["id"]) == ids([each for each in clear if each["properties"]["cloud_cover"] <= 0.1])
    with pytest.raises(PlanetVectorError, match="names 2 searches"):
        planet_vector.search(name(item="searches/ab12"))
    assert planet_vector.search(name(item="searches/cd34")).count() == len(of_type(service))
    with pytest.raises(NotFoundError, match="saved search 'nosuch'"):
        expanded(catalog, parse_name("PLANET:searches/nosuch"))

    def asked(item: str, scene_type: Optional[str] = None) -> Query:
        """Return the query of a command."""
        flags: Dict[str, Any] = dict.fromkeys(SEARCH_FLAGS)
        return search_of(**{**flags, "area": name(item=item), "scene_type": scene_type, "where": ()})[1]

    assert asked("searches/cd34").scene_type == "PSScene"
    clear = catalog.count(asked("searches/ab12", "SkySatScene"))
    assert clear == len(found) and asked("PSScene,SkySatScene", "PSScene").scene_type == "PSScene"
    for several in ("searches/ab12", "PSScene,SkySatScene"):
        with pytest.raises(NameSyntaxError, match="names 2 searches: choose by --scene-type, of PSScene, SkySatScene"):
            asked(several)
    for no_search in ("basemaps", f"PSScene/{of_type(service)[0]['id']}"):
        with pytest.raises(NameSyntaxError, match="is not the name of a search"):
            asked(no_search)
    with pytest.raises(NameSyntaxError, match="names no scene"):
        one_scene(name(item="searches/cd34"), None, None)


def test_a_root_is_told_from_one_of_another_kind(service: DataV1Service) -> None:
    root = service.url.replace("/data/v1/", "/")
    probing.clear()
    assert probing.remembered_kind(service.url, ["v0", "data-v1"]) == "data-v1"
    assert catalog_of(Settings(service.url, Key(KEY), kind="")).kind == "data-v1"
    assert not catalog_of(Settings(root, Key(KEY), kind="data-v1")).is_there()
    assert not catalog_of(Settings(service.url, Key(KEY), kind="v0", connection="x")).is_there()


def test_a_wrong_key_is_said(service: DataV1Service) -> None:
    wrong = catalog_of(Settings(service.url, Key("wrong"), kind="data-v1"))
    with pytest.raises(AuthError, match="refused the key"):
        wrong.count(Query(wrong.schema("PSScene")))


# ---- assets ---------------------------------------------------------------------------------------------------


def test_an_inactive_asset_is_an_error_that_says_how_to_activate_it(service: DataV1Service) -> None:
    item = of_type(service)[1]
    wanted = name(item=f"PSScene/{item['id']}/ortho_visual")
    for act in (planet_vector.open, planet_vector.resolve):
        with pytest.raises(
            PlanetVectorError,
            match=rf"inactive.*planet-vector activate PLANET:PSScene/.* --asset ortho_visual --connection {NAME}'",
        ):
            act(wanted)
    with pytest.raises(PlanetVectorError, match="inactive"):
        planet_vector.mosaic(name("limit=2&assets=ortho_visual"), product="ortho_visual")
    with pytest.raises(PlanetVectorError, match="inactive"):
        planet_vector.download(wanted, "unused", ["ortho_visual"])
    Path("unused").rmdir()
    assert not service.activations
    service.active["PSScene", item["id"], "ortho_visual"] = time.time() + 100
    with pytest.raises(PlanetVectorError, match="is being activated"):
        planet_vector.open(wanted)


def test_activation_waits_shows_progress_and_asks_once(service: DataV1Service) -> None:
    service.may_activate = True
    service.activation = 0.3
    told: List[Tuple[int, Any]] = []
    some = of_type(service)[1:4]
    first = name(item=f"PSScene/{some[0]['id']}/ortho_visual")
    done = planet_vector.activate(first, progress=lambda active, total: told.append((active, total)))
    assert [parse_name(each).item for each in done] == [some[0]["id"]] and parse_name(done[0]).part == "ortho_visual"
    assert told[0] == (0, 1) and told[-1] == (1, 1) and len(service.activations) == 1
    assert planet_vector.activate(first) == done and len(service.activations) == 1
    with planet_vector.open(first) as dataset:
        assert dataset.count == 3 and dataset.read(1).any()
    # Interrupted and started again: an asset that is being activated is not requested again.
    scenes = [planet_vector.connect(NAME).scene("PSScene", each["id"]) for each in some]
    service.activation = 2
    assert len(planet_vector.activate(scenes, ["ortho_visual"], wait=False, connection=NAME)) == 1
    assert len(service.activations) == 3
    with pytest.raises(PlanetVectorError, match="2 of 3 products are not active after 0 seconds"):
        planet_vector.activate(scenes, ["ortho_visual"], timeout=0, connection=NAME)
    assert len(planet_vector.activate(scenes, ["ortho_visual"], connection=NAME)) == 3
    assert len(service.activations) == 3


def test_nothing_is_activated_if_one_asset_may_not_be_had(service: DataV1Service, catalog: Catalog) -> None:
    item = of_type(service)[1]
    service.unpermitted.add("ortho_analytic_4b")
    scene = catalog.scene("PSScene", item["id"])
    with pytest.raises(AuthError, match="may not download"):
        planet_vector.activate([scene], ["ortho_visual", "ortho_analytic_4b"], connection=NAME)
    with pytest.raises(NotFoundError, match="no product 'nosuch'"):
        planet_vector.activate([scene], ["ortho_visual", "nosuch"], connection=NAME)
    unpermitted = catalog.scene("PSScene", of_type(service)[0]["id"])  # by its own list
    assert "ortho_analytic_4b" not in unpermitted.products
    with pytest.raises(NotFoundError, match="no permission for 'ortho_analytic_4b'"):
        unpermitted.product_link("ortho_analytic_4b")
    assert not service.activations


def test_states_are_printed_without_activating_anything(service: DataV1Service, call: Callable[..., Any]) -> None:
    item = of_type(service)[2]
    service.active["PSScene", item["id"], "ortho_udm2"] = 0.0
    service.active["PSScene", item["id"], "ortho_analytic_4b_xml"] = time.time() + 100
    service.unpermitted.add("ortho_analytic_4b")
    told = name(item=f"PSScene/{item['id']}")
    done = call("activate", told, "--asset", "all", "--dry-run")
    assert done.returncode == 0, done.stderr
    printed = dict(line.split("\t") for line in done.stdout.splitlines())
    states = {parse_name(each).part: state for each, state in printed.items()}
    expected = {"ortho_visual": "inactive", "ortho_udm2": "active", "ortho_analytic_4b_xml": "activating"}
    expected["ortho_analytic_4b"] = "not permitted"
    assert states == {**dict.fromkeys(asset_names(item), "inactive"), **expected}
    assert not service.activations and call("activate", told, "--asset", "nosuch", "--dry-run").returncode == 1


def test_the_command_activates_and_prints_names(service: DataV1Service) -> None:
    service.may_activate = True
    item = of_type(service)[2]
    environ = {**os.environ, "PL_API_URL": service.url, "PL_API_KEY": KEY}
    told = f"PLANET:PSScene/{item['id']}"
    called = [sys.executable, "-m", "planet_vector.cli", "activate", told, "--asset", "ortho_visual,ortho_udm2"]
    done = subprocess.run(called, capture_output=True, text=True, env=environ, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
    assert [parse_name(line).part for line in done.stdout.splitlines()] == ["ortho_visual", "ortho_udm2"]
    assert len(service.activations) == 2 and KEY not in done.stdout + done.stderr


def large(service: DataV1Service, item: Feature) -> bytes:
    """Give an item a large product, so that a window leaves most of it to be requested later, and return it."""
    pixels = np.random.default_rng(1).integers(1, 255, (3, 640, 640), "uint8")
    ring = np.array(item["geometry"]["coordinates"][0])
    transform = rasterio.transform.from_origin(ring[:, 0].min(), ring[:, 1].max(), 0.0007, 0.0007)
    profile = {"driver": "GTiff", "width": 640, "height": 640, "count": 3, "dtype": "uint8", "crs": "EPSG:4326"}
    with rasterio.MemoryFile() as memory:
        with memory.open(**profile, transform=transform, tiled=True, blockxsize=64, blockysize=64) as file:
            file.write(pixels)
        content = bytes(memory.read())
    service.files[f"{item['id']}/ortho_visual"] = content
    return content


def _pixels(content: bytes) -> Any:
    with rasterio.MemoryFile(content) as memory, memory.open() as file:
        return file.read()


def test_a_location_is_renewed_when_it_ends_and_its_host_gets_no_key(service: DataV1Service, store: Store) -> None:
    service.make_active()
    items = [of_type(service)[3], of_type(service)[8]]
    expected = [_pixels(large(service, item)) for item in items]
    scene = planet_vector.connect(NAME).scene("PSScene", items[1]["id"])
    first, corner = service.generation, rasterio.windows.Window(0, 0, 64, 64)
    with planet_vector.open(name(item=f"PSScene/{items[0]['id']}/ortho_visual")) as dataset:
        with planet_vector.mosaic([scene], product="ortho_visual") as mosaic:
            parts = [each.read(window=corner) for each in (dataset, mosaic)]
            service.generation += 1
            wholes = [each.read() for each in (dataset, mosaic)]
    signed = {(each.path.split("/")[2], each.query["Signature"][0]) for each in store.log}
    assert signed == {(item["id"], str(number)) for item in items for number in (first, first + 1)}
    with planet_vector.mosaic([scene], product="ortho_visual") as mosaic:
        expected[1] = mosaic.read()
    assert all((part == whole[:, :64, :64]).all() and part.any() for part, whole in zip(parts, expected))
    assert all((found == whole).all() for found, whole in zip(wholes, expected))
    assert {each.key for each in store.log} == {""}
    assert {each.key for each in service.log} == {KEY}


def test_a_location_at_the_service_itself_is_renewed(service: DataV1Service) -> None:
    service.make_active()
    item = of_type(service)[4]
    expected = _pixels(large(service, item))
    with planet_vector.open(name(item=f"PSScene/{item['id']}/ortho_visual")) as dataset:
        dataset.read(1, window=rasterio.windows.Window(0, 0, 64, 64))
        before = {each.query["token"][0] for each in service.asked("/download")}
        service.generation += 1
        assert (dataset.read() == expected).all()
    assert {each.query["token"][0] for each in service.asked("/download")} > before


@pytest.mark.skipif(tuple(map(int, rasterio.__gdal_version__.split(".")[:2])) < (3, 9), reason="this GDAL has no GTI")
def test_a_search_is_no_tile_index_as_its_files_have_no_addresses(service: DataV1Service) -> None:
    service.make_active()
    with pytest.raises(rasterio.errors.RasterioIOError, match="planet_vector.mosaic"):
        rasterio.open(f"GTI:{name('limit=5')}")


@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")
def test_a_scene_as_a_container_lists_its_active_rasters(service: DataV1Service) -> None:
    item = of_type(service)[6]
    with rasterio.open(name(item=f"PSScene/{item['id']}")) as container:
        assert container.subdatasets == []
    for asset in ("ortho_visual", "ortho_udm2", "ortho_analytic_4b_xml"):
        service.active["PSScene", item["id"], asset] = 0.0
    with rasterio.open(name(item=f"PSScene/{item['id']}")) as container:
        listed = container.subdatasets
    assert len(listed) == 2
    with rasterio.open(listed[0]) as dataset:
        assert dataset.shape == (96, 96)


def test_addresses_that_expire_are_not_saved(service: DataV1Service, call: Callable[..., Any], tmp_path: Path) -> None:
    service.make_active("ortho_visual")
    one = name("limit=1&bbox=-100,-50,100,50&assets=ortho_visual")
    with planet_vector.mosaic(one, product="ortho_visual") as dataset:
        with pytest.raises(planet_vector.RasterAccessError, match="no name for other programs, as"):
            dataset.save_vrt(tmp_path / "saved.vrt")
    done = call("mosaic", one, "--product", "ortho_visual", "-o", str(tmp_path / "mosaic.vrt"))
    assert done.returncode == 1 and "no name for other programs" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_query_in_the_terms_of_another_service_is_an_error(service: DataV1Service, catalog: Catalog) -> None:
    with pytest.raises(QueryError, match=r"another service.*schema\('PSScene'\)"):
        planet_vector.search(Query(schema_of_v0("PSScene")), connection=NAME)
    assert planet_vector.search(Query(catalog.schema("PSScene"), limit=3), connection=NAME).count() == 3


def test_a_mosaic_of_active_assets(service: DataV1Service, store: Store) -> None:
    service.make_active("ortho_visual")
    with planet_vector.mosaic(
        name("limit=2&bbox=-100,-50,100,50&assets=ortho_visual"), product="ortho_visual"
    ) as mosaic:
        assert mosaic.count == 3
    assert {each.key for each in store.log} == {""}


def test_downloads_are_compared_with_the_digest(service: DataV1Service, store: Store, tmp_path: Path) -> None:
    service.make_active()
    item = of_type(service)[5]
    wanted = name(item=f"PSScene/{item['id']}")
    (path,) = planet_vector.download(wanted, tmp_path, ["ortho_visual"])
    assert path.read_bytes() == service.file("PSScene", item["id"], "ortho_visual")
    (path,) = planet_vector.download(wanted, tmp_path, ["ortho_analytic_4b_xml"])
    assert path.suffix == ".xml" and path.read_bytes() == b"<metadata/>"
    service.wrong_md5 = True
    with pytest.raises(ProtocolError, match="MD5"):
        planet_vector.download(wanted, tmp_path / "other", ["ortho_udm2"])
    assert not list((tmp_path / "other").iterdir())


def test_pictures(service: DataV1Service, catalog: Catalog) -> None:
    scene = catalog.scene("PSScene", of_type(service)[6]["id"])
    assert scene.thumbnail().startswith(b"\x89PNG")
    assert service.asked("thumb")[-1].query["width"] == ["128"]
    assert catalog.tiles(scene) == f"{service.url}PSScene/{scene.id}/{{z}}/{{x}}/{{y}}.png"
    planet = catalog_of(Settings("https://api.planet.com/data/v1/", kind="data-v1"))
    assert planet.tiles(scene).startswith("https://tiles0.planet.com/data/v1/PSScene/")
    with pytest.raises(NotFoundError):
        scene.thumbnail(format="jpg")


def _token(claims: Any) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"https://a.example/download?token=eyJ9.{body}.sig"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (_token({"exp": 1700000000}), 1700000000.0),
        (_token({"exp": 1700000000.5, "more": "é" * 9}), 1700000000.5),
        *[(_token(claims), None) for claims in ({}, {"exp": "1"}, {"exp": True}, {"exp": -1}, {"exp": 1e300}, [], 3)],
        *[(f"https://a.example/download?token={token}", None) for token in ("", "x", "a.b", "a.!.c", "a.e30.c", "..")],
    ],
)
def test_a_token_that_may_be_anything_has_an_end_or_none(url: str, expected: Optional[float]) -> None:
    assert expiry(url) == expected


def test_density_is_cut_into_windows_that_fit_a_page() -> None:
    chance = random.Random(3)
    begin = datetime(2022, 1, 1, tzinfo=timezone.utc)
    for _ in range(200):
        counts = [chance.choice([0, 1, 30, 249, 250, 251, 3000]) for _ in range(chance.randrange(1, 40))]
        days = [begin + timedelta(days=number) for number in range(len(counts) + 1)]
        buckets = [Bucket(*each) for each in zip(days, days[1:], counts) if each[2]]
        cuts = cuts_of(buckets, 250)
        assert cuts == sorted(set(cuts)) and len(cuts) <= 2 * sum(counts) / 250 + 1
        edges = [begin, *cuts, days[-1]]
        for low, high in zip(edges, edges[1:]):
            # Within a bucket, scenes are taken for evenly distributed.
            shares = [(min(high, b.end) - max(low, b.start)) / (b.end - b.start) for b in buckets]
            held = [bucket.total * max(0.0, share) for bucket, share in zip(buckets, shares)]
            assert sum(held) <= 250 + 1e-6


def test_a_search_with_alternatives_covers_those_with_more_of_them(catalog: Catalog) -> None:
    schema = catalog.schema("PSScene")
    one, two = (Condition.parse(schema.fields, "gsd", text) for text in ("3.6", "3.8"))
    query = Query(schema).where(alternatives=[((one,), (two,))])
    assert Query(schema).covers(query) and not query.covers(Query(schema)) and query.covers(query)
    assert query.covers(query.where(one)) and query != Query(schema) and query.where() == query


# ---- basemaps -------------------------------------------------------------------------------------------------


def test_basemaps_and_their_quads(service: DataV1Service, catalog: Catalog, store: Store) -> None:
    frame = pyogrio.read_dataframe(name(item="basemaps"))
    assert list(frame["name"]) == ["a_mosaic"] and tuple(frame.total_bounds) == (10, 45, 11, 46)
    assert KEY not in frame.to_csv()
    quads = pyogrio.read_dataframe(name(item="basemaps/a_mosaic"))
    assert KEY not in quads.to_csv()
    basemap = catalog.basemaps.named("a_mosaic")
    assert KEY not in repr(basemap)
    one = catalog.basemaps.quad(basemap, "541-657")
    west, south, east, north = map(float, quads.loc[quads["id"] == "541-657"].total_bounds)
    with planet_vector.open(name(item="basemaps/a_mosaic/541-657")) as dataset:
        assert dataset.count == 4 and dataset.crs.to_epsg() == 3857
        left, bottom, right, top = warp.transform_bounds(3857, 4326, *dataset.bounds)
    assert (left, bottom, right, top) == pytest.approx((west, south, east, north), abs=1e-9)
    assert [scene.id for scene in catalog.basemaps.scenes(one)] == [each["id"] for each in service.items[:2]]
    assert {each.key for each in store.log} == {""}
    with pytest.raises(NotFoundError):
        catalog.basemaps.named("nosuch")
    area = "POLYGON((10.2 45.2, 10.3 45.2, 10.2 45.3, 10.2 45.2))"
    boxed = {quad.id for quad in catalog.basemaps.quads(basemap, area)}
    assert boxed == {"541-656"}


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("https://a.example/x?api_key=s", "https://a.example/x"),
        ("https://a.example/x?api_key=s&bbox={lx}", "https://a.example/x?bbox={lx}"),
        ("https://a.example/x?bbox={lx}&api_key=s", "https://a.example/x?bbox={lx}"),
        ("https://a.example/x?a=1&api_key=s&b=2", "https://a.example/x?a=1&b=2"),
        ("https://a.example/x?a=1", "https://a.example/x?a=1"),
    ],
)
def test_links_lose_their_key(link: str, expected: str) -> None:
    assert without_key({"links": [link]}) == {"links": [expected]}


# ---- beside GDAL's own driver ---------------------------------------------------------------------------------

_PEER = """
import json, sys
from osgeo import gdal
gdal.UseExceptions()
item_type, wheres = json.load(sys.stdin)
found = []
dataset = gdal.OpenEx("PLScenes:", gdal.OF_VECTOR, open_options=["VERSION=data_v1", f"ITEMTYPES={item_type}"])
layer = dataset.GetLayerByName(item_type)
for where in wheres:
    layer.SetAttributeFilter(where or None)
    found.append(sorted(feature["id"] for feature in layer))
print(json.dumps(found))
"""


_SKYSAT = ("acquired", "cloud_cover", "gsd", "view_angle", "satellite_id", "strip_id")
EVERY_FIELD = (*_SKYSAT, "clear_percent", "instrument")


def random_clause(chance: random.Random, fields: Sequence[str], depth: int = 2) -> str:
    """Return a clause for which GDAL's own driver gives all rows; others are in `CLAUSES`.

    It lets the service select, which compares the case of texts, takes a missing value for unequal, and inverts a
    conjunction that was sent in part: so negations are of single fields that no item lacks.
    """
    if depth and chance.random() < 0.7:
        parts = [random_clause(chance, fields, depth - 1) for _ in range(2)]
        return f"({parts[0]} {chance.choice(['AND', 'OR'])} {parts[1]})"
    field = chance.choice(fields)
    never_missing = field not in ("cloud_cover", "clear_percent")
    if field == "acquired":
        clause = f"acquired {chance.choice(['<', '<=', '>', '>='])} '{chance.choice(TIMES[:2])}'"
    else:
        values = [value for value in {**NUMBERS, **TEXTS}[field] if value not in ("105E", "psb.sd")]
        if chance.random() < 0.3:
            some = chance.sample(values, chance.randint(1, len(values)))
            clause = f"{field} IN ({', '.join(map(_literal, some))})"
        else:
            ordering = ["<", "<=", ">", ">=", "=", *(["<>"] if never_missing else [])]
            clause = f"{field} {'=' if field in TEXTS else chance.choice(ordering)} {_literal(chance.choice(values))}"
    return f"NOT ({clause})" if never_missing and chance.random() < 0.2 else clause


def plscenes(service: DataV1Service, item_type: str, wheres: List[str]) -> List[List[str]]:
    """Return the ids that GDAL's own driver of the distribution gives for each clause."""
    environ = {**os.environ, "PL_URL": service.url, "PL_API_KEY": KEY}
    done = subprocess.run(
        [str(QGIS_PYTHON), "-c", _PEER],
        input=json.dumps([item_type, wheres]),
        capture_output=True,
        text=True,
        env=environ,
        timeout=580,
    )
    assert done.returncode == 0, done.stderr
    found: List[List[str]] = json.loads(done.stdout)
    return found


needs_plscenes = pytest.mark.skipif(not QGIS_PYTHON.exists(), reason="there is no GDAL of the distribution here")


@needs_plscenes
@pytest.mark.parametrize(
    ("item_type", "fields", "count"),
    [("SkySatScene", _SKYSAT, 20), pytest.param("PSScene", EVERY_FIELD, 300, marks=pytest.mark.long)],
)
def test_gdals_own_driver_reads_the_same_rows(
    service: DataV1Service, item_type: str, fields: Sequence[str], count: int
) -> None:
    check_rows_of_gdals_own_driver(service, item_type, fields, count)


def check_rows_of_gdals_own_driver(service: Any, item_type: str, fields: Sequence[str], count: int) -> None:
    """Compare the rows of random clauses with those of GDAL's own driver at the same service."""
    chance = random.Random(count)
    wheres = ["", "view_angle BETWEEN 1 AND 2", *(random_clause(chance, fields) for _ in range(count))]
    counts = set()
    for where, theirs in zip(wheres, plscenes(service, item_type, wheres)):
        CACHE.clear()
        read = pyogrio.read_dataframe(
            name(item=item_type), where=where or None, read_geometry=False, columns=["id"], use_arrow=True
        )
        assert sorted(read["id"]) == theirs, where
        counts.add(len(theirs))
    assert len(counts) > 9  # not all or nothing


@needs_plscenes
def test_a_page_that_gdals_own_driver_takes_for_the_end_is_an_error(
    service: DataV1Service,
) -> None:
    def fails(request: Request, _: int) -> Any:
        # An answer without items; a status of 500 is repeated for minutes.
        return (200, b"{}", {}) if "quick-search" in request.path and len(service.asked("quick-search")) > 2 else None

    service.fault = fails
    (theirs,) = plscenes(service, "PSScene", [""])
    assert 0 < len(theirs) < len(of_type(service))
    service.log.clear()
    with pytest.raises((pyogrio.errors.DataSourceError, pyogrio.errors.FeatureError), match="not a page of items"):
        pyogrio.read_dataframe(name(), read_geometry=False)


def test_the_key_is_in_nothing_that_is_shown(service: DataV1Service, catalog: Catalog) -> None:
    assert KEY not in repr(catalog.settings) + repr(planet_vector.search(name()))
    item = of_type(service)[7]
    service.make_active()
    with planet_vector.open(name(item=f"PSScene/{item['id']}/ortho_visual")) as dataset:
        assert KEY not in dataset.name
    assert KEY not in planet_vector.resolve(name(item=f"PSScene/{item['id']}/ortho_visual"))
    assert {each.key for each in service.log} == {KEY}


# ---- tables -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("item_type", ["PSScene", "SkySatScene"])
def test_a_table_is_what_gdal_reads(item_type: str) -> None:
    assert len(assert_as_gdal(name(item=item_type))) >= 40
