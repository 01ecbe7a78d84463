"""The client of STAC APIs: landing page, links, collections, columns, keys, connections."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, Dict, Mapping

import pytest

import planet_vector
from planet_vector.catalog.stac.item_assets import ItemAssets
from planet_vector.catalog.stac.item_schema import build_schema, columns_of
from planet_vector.catalog.stac.landing import Landing
from planet_vector.connections import BUILT_IN
from planet_vector.errors import NotFoundError, PlanetVectorError, ProtocolError, RasterAccessError
from planet_vector.keys import Key, lend_key, withdraw_key
from planet_vector.vector.schema import Schema
from tests.conftest import ROOT
from tests.stac.conftest import Start, found, ids, policies
from tests.stac_server import RECORDED, Item, Recording, connect_to, in_interval, make_items, recorded_item
from tests.vector.as_gdal import assert_as_gdal

needs_recordings = pytest.mark.skipif(not RECORDED.is_dir(), reason="the recordings are not here")
EARTH_SEARCH, PLANETARY_COMPUTER = BUILT_IN["earth-search"].root, BUILT_IN["planetary-computer"].root


# ---- the landing page ------------------------------------------------------------------------------------


def test_classes_of_any_version_are_recognised_by_their_ends() -> None:
    for version in ("v1.0.0-rc.1", "v1.0.0-rc.3", "v1.0.0"):
        uris = [f"https://api.stacspec.org/{version}/item-search#filter", "http://www.opengis.net/x/conf/cql2-json"]
        assert Landing("", frozenset(uris), "s", True, "c").filters
        assert not Landing("", frozenset(uris[:1]), "s", True, "c").filters
        assert not Landing("", frozenset(uris), "s", False, "c").filters, "a filter in JSON needs POST"


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"links": []}, "no landing page"),
        ({"stac_version": None, "conformsTo": None}, "no landing page"),
        ({"links": [{"rel": "self", "href": "/"}]}, "no item search, as static catalogs"),
        ({"links": [{"rel": "search", "href": "https://other.example/search"}]}, "at another host"),
        ({"links": [{"rel": "search", "href": "ftp://other.example/x"}]}, "not http"),
    ],
)
def test_a_landing_page_without_an_own_search_is_an_error(
    start_stac: Start, change: Mapping[str, Any], sentence: str
) -> None:
    server = start_stac(make_items(3))
    answer = server.answer

    def changed(path: str, body: Mapping[str, Any]) -> Any:
        status, content = answer(path, body)
        return status, {**content, **change} if path == "" else content

    server.answer = changed  # type: ignore[method-assign]
    with pytest.raises(PlanetVectorError, match=sentence):
        planet_vector.connect("test").schema("scenes")


def test_the_landing_page_is_read_once_and_links_may_be_relative(start_stac: Start) -> None:
    server = start_stac(make_items(30), root="/deep/api/")
    answer = server.answer

    def relative(path: str, body: Mapping[str, Any]) -> Any:
        status, content = answer(path, body)
        return status, json.loads(json.dumps(content).replace(server.url, "./" if path == "" else "../"))

    server.answer = relative  # type: ignore[method-assign]
    for _ in range(2):
        assert len(found("STAC:test/scenes?limit=7")) == 7
    assert [path for path, _ in server.seen].count("") == 1


def test_an_unknown_collection_and_an_unknown_item_are_errors(start_stac: Start) -> None:
    start_stac(make_items(3))
    with pytest.raises(NotFoundError, match="no collection 'nope'.*planet-vector types"):
        found("STAC:test/nope")
    with pytest.raises(NotFoundError, match="no item 'nope'"):
        planet_vector.connect("test").scene("scenes", "nope")
    assert planet_vector.connect("test").scene("scenes", "scenes-1").id == "scenes-1"


def test_a_service_of_which_only_the_root_is_known_is_recognised(start_stac: Start) -> None:
    from planet_vector.connection_file import remove_connection

    server = start_stac(make_items(3))
    remove_connection("test")
    assert planet_vector.connect(server.url).kind == "stac"
    assert planet_vector.search(f"PLANET:scenes?api_url={server.url}").count() == 3


def test_collections_are_listed_page_by_page(start_stac: Start) -> None:
    server = start_stac(make_items(3) + make_items(3, "others"))
    answer = server.answer

    def paged(path: str, body: Mapping[str, Any]) -> Any:
        status, content = answer(path, body)
        if path == "/collections":
            page = int(body.get("page", 0))
            links = [{"rel": "next", "href": f"{server.url}collections?page={page + 1}"}] if page < 1 + circle else []
            content = {"collections": content["collections"][page % 2 : page % 2 + 1], "links": links}
            if circle and page:
                content["links"] = [{"rel": "next", "href": f"{server.url}collections"}]
        return status, content

    server.answer, circle = paged, 0  # type: ignore[method-assign]
    assert list(planet_vector.connect("test").scene_types()) == ["others", "scenes"]
    again = start_stac(make_items(3) + make_items(3, "others"), "again")
    server, answer, circle = again, again.answer, 1
    again.answer = paged  # type: ignore[method-assign]
    with pytest.raises(ProtocolError, match="in a circle"):
        planet_vector.connect("again").scene_types()


# ---- keys ------------------------------------------------------------------------------------------------


def test_a_key_is_sent_as_a_bearer_to_its_service_alone(start_stac: Start) -> None:
    server, other = start_stac(make_items(30)), start_stac(make_items(30, "others"), "other")
    lend_key(server.url, Key("s3cr3t0123456789"))
    try:
        assert len(found("STAC:test/scenes")) == 30
        assert len(found("STAC:other/others")) == 30
    finally:
        withdraw_key(server.url)
    assert {headers.get("Authorization") for headers in server.headers} == {"Bearer s3cr3t0123456789"}
    assert {headers.get("Authorization") for headers in other.headers} == {None}


# ---- columns and recordings ------------------------------------------------------------------------------


def test_columns_have_the_types_of_values_then_of_declarations() -> None:
    items = [
        {
            "properties": {
                "n": 1,
                "mixed": 1,
                "t": "2024-05-01T00:00:00Z",
                "a.b": 1,
                "Id": 3,
                "o": {"x": 1},
                "null": None,
            }
        },
        {"properties": {"n": 1.5, "mixed": "x", "t": "2024-05-01T00:00:00.5+02:00", "l": [1], "flag": True}},
    ]
    summaries = {"range": {"minimum": 1, "maximum": 2}, "words": ["a", "b"], "objects": [{"name": "x"}]}
    queryables = {"null": {"type": "number"}, "declared": {"type": "string", "format": "date-time"}, "geometry": {}}
    assert columns_of(summaries, queryables, items) == {
        "datetime": "DateTime",
        "declared": "DateTime",
        "flag": "Boolean",
        "mixed": "String",
        "n": "Real",
        "null": "Real",
        "range": "Real",
        "t": "DateTime",
        "words": "String",
    }


def test_true_and_false_have_a_column(start_stac: Start) -> None:
    items = make_items(4)
    for item, flag in zip(items, (True, False, None, "odd")):
        item["properties"]["s2:flag"] = flag
    start_stac(items[:3], "pure")
    start_stac(items, "mixed")
    frame = pytest.importorskip("pyogrio").read_dataframe("STAC:pure/scenes").set_index("id")
    assert frame["s2:flag"][["scenes-0", "scenes-1"]].tolist() == [1, 0] and frame["s2:flag"].isna()["scenes-2"]
    one = pytest.importorskip("pyogrio").read_dataframe("STAC:pure/scenes", where='"s2:flag" = 1')
    assert list(one["id"]) == ["scenes-0"]
    rows = planet_vector.open_layer("STAC:mixed/scenes").schema
    assert "s2:flag" in rows.names


def test_values_without_a_column_are_in_other_and_assets_are_json(start_stac: Start) -> None:
    items = make_items(3)
    items[1]["properties"]["late"] = {"deep": [1, {"x": None}]}
    items[2]["properties"]["gsd"] = "unknown"
    start_stac(items)
    layer = planet_vector.open_layer("STAC:test/scenes?order_by=datetime asc")
    rows = [row for block in layer.blocks() for row in zip(*block.columns)]
    by_id = {row[0]: dict(zip(layer.schema.names, row)) for row in rows}
    assert json.loads(by_id["scenes-1"]["other"]) == {"late": {"deep": [1, {"x": None}]}, "proj:shape": [10, 10]}
    assert json.loads(by_id["scenes-2"]["other"])["gsd"] == "unknown" and by_id["scenes-2"]["gsd"] is None
    assert json.loads(by_id["scenes-0"]["assets"]) == items[0]["assets"]
    assert by_id["scenes-0"]["location"] == "GTIFF_DIR:1:/vsicurl/https://assets.example/0.tif"


@needs_recordings
def test_recorded_collections_and_items_of_earth_search_become_a_layer() -> None:
    names = ["earth-search-root", "earth-search-collections", "earth-search-limit1-matched"]
    recording = Recording(EARTH_SEARCH, names)
    page = json.loads((RECORDED / "earth-search-limit1-matched.json").read_text())["answer"]
    with recording.serving() as url:
        order = [{"field": "properties.datetime", "direction": "desc"}]
        body = {"collections": ["cop-dem-glo-30"], "limit": 100, "sortby": order}
        recording.add("/search", body, {**page, "links": []})
        recording.add("/collections/cop-dem-glo-30/queryables", None, {"properties": {}})
        connect_to(url)
        catalog = planet_vector.connect("test")
        assert len(catalog.scene_types()) == 9
        schema = catalog.schema("cop-dem-glo-30")
        assert schema.columns["gsd"] == schema.columns["proj:epsg"] == "Real"
        assert schema.columns["created"] == "DateTime" and schema.columns["platform"] == "String"
        assert catalog.counts
        rows = Schema(schema).rows(page["features"])
        assert rows.columns[Schema(schema).names.index("gsd")] == (30,)


@needs_recordings
@pytest.mark.parametrize("cut", [False, True])
def test_recorded_pages_of_the_planetary_computer_are_read_to_their_end(cut: bool) -> None:
    names = [f"planetary-computer-naip-page{number}" for number in (1, 2)]
    recording = Recording(PLANETARY_COMPUTER, ["planetary-computer-root", "planetary-computer-collection-naip", *names])
    pages = [json.loads((RECORDED / f"{name}.json").read_text()) for name in names]
    recorded = [item for page in pages for item in page["answer"]["features"]]
    if cut:  # the second page links a third, which was not recorded
        recording.add("/search", pages[1]["request"]["body"], {**pages[1]["answer"], "links": []})

    class Lenient(Recording):
        def __call__(self, url: str, path: str, body: Mapping[str, Any]) -> Any:
            if path.endswith("/search") and "token" not in body:
                if "datetime" in body:
                    return 200, {"features": [item for item in recorded if in_interval(item, body["datetime"])]}
                body = pages[0]["request"]["body"]
            return super().__call__(url, path, body)

    recording.__class__ = Lenient
    with recording.serving() as url:
        connect_to(url)
        name = "STAC:test/naip?bbox=-73.21,43.99,-73.12,44.05"
        if not cut:
            with pytest.raises(PlanetVectorError, match="404"):
                found(name)
            return
        assert sorted(found(name)) == ids(recorded) and len(recorded) == 20


RECORDED_ITEMS = sorted(path.name for path in RECORDED.glob("*item-*.json") if "unknown" not in path.name)


@needs_recordings
@pytest.mark.parametrize("name", RECORDED_ITEMS)
def test_recorded_items_have_a_row_and_the_assets_that_they_list(name: str) -> None:
    item = recorded_item(name)
    schema = build_schema("https://stac.example/", policies(), {"id": item.get("collection", "any")}, {}, [item])
    rows = Schema(schema).rows([item])
    values = dict(zip(Schema(schema).names, (column[0] for column in rows.columns)))
    assert values["id"] == item["id"] and rows.wkbs[0]
    assert json.loads(values["assets"]) == item["assets"]
    for key, value in item["properties"].items():
        if isinstance(value, (int, float, str)) and value is not True and schema.columns.get(key) in ("Real", "String"):
            assert values[key] == value
    assets = schema.assets_of(item)
    for key, given in item["assets"].items():
        asset = assets[key]
        guessed = "image/tiff" if given["href"].endswith((".tif", ".TIF")) else ""
        tiff = "tiff" in given.get("type", guessed)
        assert ("tiff" in asset.media_type) == tiff
        thumbnail = "thumbnail" in given.get("roles", ())
        opened = tiff and not thumbnail and given["href"].startswith(("http", "s3://"))
        assert (asset.refusal == "") == opened, (key, given, asset)
        named = [band.get("name") for band in given.get("eo:bands", []) if isinstance(band, dict)]
        assert [band.name for band in asset.bands] == named


# ---- assets ----------------------------------------------------------------------------------------------


def _item(**assets: Mapping[str, Any]) -> Item:
    item = make_items(1)[0]
    item["assets"] = assets
    return item


def test_bands_are_read_as_each_version_of_stac_writes_them() -> None:
    later = {"name": "B4", "eo:common_name": "red", "eo:center_wavelength": 0.665, "eo:full_width_half_max": 0.03}
    earlier = {"name": "B4", "common_name": "red", "center_wavelength": 0.665, "full_width_half_max": 0.03}
    item = _item(
        a={"href": "https://x/a.tif", "bands": [later]},
        b={"href": "https://x/b.tif", "eo:bands": [earlier]},
        c={"href": "https://x/c.tif", "eo:bands": [1, 7]},
    )
    item["properties"]["eo:bands"] = [{"name": "B1"}, earlier]
    found = ItemAssets(item, policies(), {})
    assert {bands for bands in (asset.bands for asset in found.values())} == {found["a"].bands}
    band = found["a"].bands[0]
    assert (band.name, band.common, band.centre, band.colour) == ("B4", "red", 0.665, "Red")
    assert band.width == pytest.approx(0.03)


def test_an_asset_is_found_by_the_common_name_of_its_band(start_stac: Start) -> None:
    def band(name: str, common: str) -> Dict[str, Any]:
        return {"href": f"https://x/{name}.tif", "eo:bands": [{"name": name, "common_name": common}]}

    item = _item(B4=band("B4", "red"), B5=band("B5", "rededge"), B6=band("B6", "rededge"))
    colours = [{"common_name": colour} for colour in ("red", "green", "blue")]
    item["assets"]["tci"] = {"href": "https://x/t.tif", "eo:bands": colours}
    start_stac([item])
    scene = planet_vector.connect("test").scene("scenes", "scenes-0")
    assert scene.product_link("red") == scene.product_link("B4") == "https://x/B4.tif"
    with pytest.raises(NotFoundError, match="B5, B6 have this band"):
        scene.product_link("rededge")


@pytest.mark.parametrize(
    "asset, sentence",
    [
        ({"href": "s3://Bucket/x.tif"}, "does not name an object"),
        ({"href": "s3://bucket/../x.tif"}, "does not name an object"),
        ({"href": "abfs://container/x.tif"}, "abfs://"),
        ({"href": "https://x/x.tif", "roles": ["thumbnail"]}, "it is a thumbnail"),
        ({"href": "https://x/x.jp2", "type": "image/jp2"}, "not a GeoTIFF but 'image/jp2'"),
        ({"href": "https://x/x.json", "type": "application/json"}, "not a GeoTIFF"),
        ({"href": "file:///etc/x.tif"}, "file://"),
        ({"href": "/vsimem/x.tif"}, "not absolute"),
        ({"href": "x.vrt", "type": "application/xml"}, "not a GeoTIFF"),
    ],
)
def test_an_asset_that_no_policy_covers_is_refused_with_a_reason(
    start_stac: Start, asset: Mapping[str, Any], sentence: str
) -> None:
    start_stac([_item(odd=asset, good={"href": "https://x/y.tif"})])
    scene = planet_vector.connect("test").scene("scenes", "scenes-0")
    assert scene.products == ("good",) and list(scene.assets) == ["odd", "good"]
    with pytest.raises(RasterAccessError, match=sentence):
        scene.product_link("odd")
    with pytest.raises(PlanetVectorError, match=sentence):
        planet_vector.open("STAC:test/scenes/scenes-0/odd")


# ---- commands --------------------------------------------------------------------------------------------


def _run(*arguments: str, code: int = 0) -> str:
    command = [sys.executable, "-m", "planet_vector.cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def test_commands_work_with_names_and_a_connection_test_says_what_is_offered(start_stac: Start) -> None:
    items = make_items(30)
    start_stac(items)
    start_stac(make_items(3), "plain", counts=False, abilities=())
    told = _run("connections", "test", "test")
    assert "a STAC API at" in told and "which has scenes and needs no key" in told
    assert "counts, sorts by time and applies time, area and numbers (CQL2" in told
    assert "does not count, does not sort" in _run("connections", "test", "plain")
    named = _run("search", "STAC:test/scenes?datetime=2024-05-01", "--names").split()
    assert len(named) == 10
    assert _run("count", "STAC:test/scenes").strip() == "30"
    assert "earth-search" in _run("connections", "list")
    assert json.loads(_run("metadata", "STAC:test/scenes/scenes-4"))["id"] == "scenes-4"


def test_the_expected_ids_are_those_of_the_server(start_stac: Start) -> None:
    server = start_stac(make_items(5))
    assert ids(server.items) == sorted(found("STAC:test/scenes"))


def test_a_table_is_what_gdal_reads(start_stac: Start) -> None:
    items = make_items(250)
    start_stac(items)
    assert sorted(assert_as_gdal("STAC:test/scenes")["id"].to_pylist()) == ids(items)
