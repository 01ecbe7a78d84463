"""Folders of STAC items, taken as they are."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest
from shapely.geometry import Point, box, mapping, shape

from planet_vector.server.archive.fields import SceneFields
from planet_vector.server.archive.metadata.stac_item import bands_of_asset, resolve
from planet_vector.server.archive.units import LEFT_OUT, MISSING
from planet_vector.server.index.data_properties import data_properties
from planet_vector.server.index.entries import entry_of
from planet_vector.server.index.expressions import moment_or_none
from planet_vector.server.index.item_properties import item_values
from planet_vector.server.index.records import StoredScene

from ..conftest import DATA, Serve
from .missions import by_key, nested, only_scene, properties, scenes_in, write_image
from .planets import item_json

AREA = box(15, 47.83, 15.02, 47.85)


def item(
    name: str = "first", assets: Optional[Dict[str, Any]] = None, *, collection: Optional[str] = "fields", **said: Any
) -> Dict[str, Any]:
    given = {
        "datetime": "2021-06-30T09:15:00.5Z",
        "created": "2021-07-01T00:00:00Z",
        "eo:cloud_cover": 12.5,
        "gsd": 0.5,
        "platform": "drone-7",
        "instruments": ["camera"],
        "constellation": "office",
        "view:off_nadir": 3,
        "view:azimuth": 20.0,
        "view:sun_elevation": 60,
        "view:sun_azimuth": 120.0,
        "office:field": 7,
        **said.pop("properties", {}),
    }
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": [],
        "id": name,
        "geometry": mapping(AREA),
        "bbox": list(AREA.bounds),
        "properties": given,
        "links": said.pop("links", []),
        "assets": assets or {},
        **({} if collection is None else {"collection": collection}),
        **said,
    }


def write_json(path: Path, document: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def test_an_item_field_by_field(tmp_path: Path) -> None:
    write_image(tmp_path / "first.tif", dtype="uint8", bands=3)
    write_json(tmp_path / "first.json", item(assets={"ortho": {"href": "./first.tif", "roles": ["data", "visual"]}}))
    record = only_scene(tmp_path)
    assert record.feature["id"] == "first"
    assert (record.scene_type, record.item_type, record.collection) == ("fields", "fields", "fields")
    assert shape(record.feature["geometry"]).equals(AREA)
    expected = {
        "acquired": "2021-06-30T09:15:00.500000+00:00",
        "published": "2021-07-01T00:00:00.000000+00:00",
        "cloud_cover.estimated": 12.5,
        "image_statistics.gsd": 0.5,
        "provider": "office",
        "sat.id": "drone-7",
        "sat.off_nadir": 3,
        "sat.azimuth_angle": 20.0,
        "sun.altitude": 60,
        "sun.azimuth": 120.0,
    }
    v0 = properties(record)
    assert {name: nested(v0, name) for name in expected} == expected
    assert SceneFields.of_json(record.item).stac == item()["properties"]
    assert record.products == {"visual": "first.tif"}
    assert by_key(record)["ortho"].roles == ("data", "visual")


@pytest.mark.parametrize("updated", [None, "2021-08-02T01:02:03.5Z"])
@pytest.mark.parametrize("kind", ["STAC", "Planet"])
def test_the_time_of_the_last_change_is_as_stated(tmp_path: Path, kind: str, updated: Optional[str]) -> None:
    told = {} if updated is None else {"updated": updated}
    if kind == "STAC":
        write_image(tmp_path / "red.tif")
        write_json(tmp_path / "stac.json", item("stac", {"red": {"href": "red.tif"}}, properties=told))
    else:
        name = "20221221_084022_18_2414"
        write_image(tmp_path / f"{name}_3B_AnalyticMS.tif", bands=4)
        said = item_json(name, "PSScene", published="2021-07-01T00:00:00Z", **told)
        write_json(tmp_path / f"{name}_metadata.json", said)
    record = only_scene(tmp_path)
    fields = SceneFields.of_json(record.item)
    scene = StoredScene(record.scene_type, "x", record.item_type, "", fields, record.assets, record.feature)
    stac, v1 = item_values(scene), data_properties(scene)
    published, changed = moment_or_none("2021-07-01T00:00:00Z"), moment_or_none(updated)
    assert stac["created"] == v1["published"] == published
    assert stac["updated"] == v1["updated"] == (changed or published)
    assert (changed or published).at in entry_of(record).columns  # type: ignore[union-attr]


def test_items_above_and_beside(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_image(tmp_path / "images" / f"{name} 1.tif")
    write_json(tmp_path / "items" / "a.json", item("a", {"B04": {"href": "../images/a%201.tif"}}))
    write_json(tmp_path / "b.geojson", item("b", {"B04": {"href": "images/b 1.tif"}, "meta": {"href": "x/b.xml"}}))
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "b.xml").write_text("<b/>")
    found, problems = scenes_in(tmp_path)
    assert not problems
    assert {name: record.products for name, record in found.items()} == {
        "a": {"b04": "images/a 1.tif"},
        "b": {"b04": "images/b 1.tif"},
    }
    meta = by_key(found["b"])["meta"]
    assert (meta.path, meta.product, meta.media_type) == ("x/b.xml", None, "application/xml")


def test_rasters_of_items_are_not_scenes_of_their_own(serve: Serve, tmp_path: Path) -> None:
    write_image(tmp_path / "named.tif")
    write_image(tmp_path / "free.tif")
    write_json(tmp_path / "named.json", item("of item", {"data": {"href": "named.tif"}}))
    service = serve(tmp_path)
    assert [f["id"] for f in service.json("scenes/ortho/")["features"]] == ["free"]
    (scene,) = service.json("scenes/fields/")["features"]
    assert scene["id"] == "of item"
    link = scene["properties"]["data"]["products"]["data"]["full"]
    assert service.get(link[len(service.root) :]).content == (tmp_path / "named.tif").read_bytes()


@pytest.mark.parametrize(
    "href", ["../../secret.tif", "/etc/passwd", "file:///etc/passwd", "C:\\secret.tif", "..\\x.tif"]
)
def test_a_link_out_of_the_archive_is_reported(tmp_path: Path, href: str) -> None:
    write_image(tmp_path / "secret.tif")
    root = tmp_path / "archive"
    write_image(root / "in.tif")
    write_json(root / "a" / "one.json", item("one", {"in": {"href": "../in.tif"}, "out": {"href": href}}))
    found, problems = scenes_in(root)
    assert list(by_key(found["one"])) == ["in"]
    assert [(problem.path, problem.kind) for problem in problems] == [("a/one.json", LEFT_OUT)]


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    write_json(tmp_path / "a" / "one.json", item("one", {"B1": {"href": "../b/gone.tif"}}))
    found, problems = scenes_in(tmp_path)
    assert [(problem.path, problem.kind) for problem in problems] == [("b/gone.tif", MISSING)]
    assert found["one"].products == {}


def test_remote_assets_stay(tmp_path: Path) -> None:
    links = {"a": "https://example.com/x/B04.tif", "b": "s3://bucket/B05.jp2", "c": "http://example.com/meta.xml"}
    write_json(tmp_path / "one.json", item("one", {key: {"href": href} for key, href in links.items()}))
    record = only_scene(tmp_path)
    assert {asset.key: asset.path for asset in record.assets} == links
    assert record.products == {}
    assert all(asset.is_remote for asset in record.assets)


def test_remote_links_are_connected_with_files_beside(tmp_path: Path) -> None:
    write_image(tmp_path / "B04.tif", 70)
    write_json(tmp_path / "one.json", item("one", {"red": {"href": "https://example.com/x/B04.tif?sig=1"}}))
    assert only_scene(tmp_path).products == {"red": "B04.tif"}


def test_null_datetime(tmp_path: Path) -> None:
    times = {"datetime": None, "start_datetime": "2021-01-01T00:00:00Z", "end_datetime": "2021-12-31T23:59:59Z"}
    write_json(tmp_path / "one.json", item("one", properties=times))
    record = only_scene(tmp_path)
    assert properties(record)["acquired"] == "2021-01-01T00:00:00+00:00"
    assert SceneFields.of_json(record.item).stac["datetime"] is None
    assert record.guessed == ()


def test_null_geometry_is_that_of_the_pixels(tmp_path: Path) -> None:
    write_image(tmp_path / "a.tif")
    write_json(tmp_path / "a.json", item("a", {"x": {"href": "a.tif"}}, geometry=None))
    write_json(tmp_path / "b.json", item("b", geometry=None))
    found, problems = scenes_in(tmp_path)
    assert shape(found["a"].feature["geometry"]).contains(Point(15.005, 47.848))
    assert [problem.path for problem in problems] == ["b.json"]
    assert "without a footprint" in problems[0].text


def test_without_a_collection_the_folder_names_it(tmp_path: Path) -> None:
    write_json(tmp_path / "My Field (7)" / "a.json", item("a", collection=None))
    write_json(tmp_path / "b.json", item("b", collection="3DEP.lidar_" + "x" * 40))
    found, problems = scenes_in(tmp_path)
    assert not problems
    assert (found["a"].scene_type, found["a"].collection) == ("my-field--7-", "My Field (7)")
    assert found["b"].scene_type == ("c-3dep-lidar_" + "x" * 40)[:32]


def test_an_item_collection(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_image(tmp_path / f"{name}.tif")
    features = [item(name, {"data": {"href": f"{name}.tif"}}) for name in ("a", "b")]
    features += [item(name, {"data": {"href": f"https://example.com/{name}.tif"}}) for name in ("c", "d")]
    write_json(tmp_path / "all.json", {"type": "FeatureCollection", "features": features})
    found, problems = scenes_in(tmp_path)
    assert not problems
    assert {name: list(record.products.values()) for name, record in found.items()} == {
        "a": ["a.tif"], "b": ["b.tif"], "c": [], "d": [],
    }  # fmt: skip


BAND = {"center_wavelength": 0.665, "full_width_half_max": 0.038}


def test_eo_bands_and_bands_agree() -> None:
    old = {
        "eo:bands": [{"name": "B04", "common_name": "red", **BAND}, {"name": "mask"}],
        "raster:bands": [{"scale": 0.0001, "offset": -0.1, "nodata": 0, "unit": "1"}, {"nodata": "nan"}],
    }
    new = {
        "bands": [
            {"name": "B04", "eo:common_name": "red", **{f"eo:{name}": value for name, value in BAND.items()},
             "raster:scale": 0.0001, "raster:offset": -0.1, "nodata": 0, "unit": "1"},
            {"name": "mask", "nodata": "nan"},
        ]
    }  # fmt: skip
    first, second = bands_of_asset(old), bands_of_asset(new)
    assert first[0] == second[0]
    assert (first[0].scale, first[0].offset, first[0].nodata, first[0].unit) == (0.0001, -0.1, 0, "1")
    assert (first[0].band.name, first[0].band.common, first[0].band.centre) == ("B04", "red", 0.665)
    assert str(first[1].nodata) == str(second[1].nodata) == "nan"


def test_values_of_the_asset_hold_for_its_bands() -> None:
    said = {"nodata": 0, "raster:scale": 0.5, "title": "x", "bands": [{"name": "a"}, {"name": "b", "raster:scale": 2}]}
    assert [(b.band.name, b.scale, b.nodata) for b in bands_of_asset(said)] == [("a", 0.5, 0), ("b", 2, 0)]


def test_bands_of_the_collection(tmp_path: Path) -> None:
    write_image(tmp_path / "items" / "a.tif", bands=2)
    bands = [{"name": "green", "common_name": "green"}, {"name": "red", "common_name": "red"}]
    collection = {"type": "Collection", "stac_version": "1.0.0", "id": "fields", "links": [],
                  "item_assets": {"ms": {"eo:bands": bands}}}  # fmt: skip
    write_json(tmp_path / "collection.json", collection)
    links = [{"rel": "collection", "href": "../collection.json"}]
    write_json(tmp_path / "items" / "a.json", item("a", {"ms": {"href": "a.tif"}}, links=links))
    record = only_scene(tmp_path)
    assert [info.band.common for info in by_key(record)["ms"].bands] == ["green", "red"]


def test_bands_that_do_not_fit_are_those_of_the_file(tmp_path: Path) -> None:
    write_image(tmp_path / "a.tif", bands=3, dtype="uint8")
    write_json(tmp_path / "a.json", item("a", {"x": {"href": "a.tif", "eo:bands": [{"name": "one"}]}}))
    assert len(by_key(only_scene(tmp_path))["x"].bands) == 3


def recorded() -> List[Path]:
    return sorted((DATA / "stac").glob("item-*.json"))


@pytest.mark.skipif(not recorded(), reason="needs ../shared/data/stac")
@pytest.mark.parametrize("path", recorded(), ids=lambda path: path.stem[5:40])
def test_recorded_items_are_read(tmp_path: Path, path: Path) -> None:
    shutil.copy(path, tmp_path / "item.json")
    said = json.loads(path.read_text())
    record = only_scene(tmp_path)
    assert record.feature["id"] == said["id"]
    assert record.feature["geometry"] == said["geometry"]
    assert {asset.key for asset in record.assets} == set(said["assets"])
    assert {asset.path for asset in record.assets if asset.is_remote} == {a["href"] for a in said["assets"].values()}
    fields = SceneFields.of_json(record.item)
    assert fields.stac == said["properties"]
    assert nested(properties(record), "cloud_cover.estimated") == said["properties"].get("eo:cloud_cover")
    images = {key: a for key, a in said["assets"].items() if a["href"].lower().endswith((".tif", ".tiff"))}
    names = {key: a["href"].rpartition("/")[2] for key, a in images.items()}
    if "item-LC08" in path.name:
        return  # USGS names its files as the kind Landsat does, which has its own test
    for name in names.values():
        write_image(tmp_path / name, size=8)
    record = only_scene(tmp_path)
    assets = by_key(record)
    assert {key: assets[key].path for key in images} == names
    for key, asset in images.items():
        if len(asset.get("eo:bands", ())) == 1:
            assert assets[key].bands[0].band.name == asset["eo:bands"][0]["name"]
        for band in asset.get("raster:bands", [])[:1]:
            assert assets[key].bands[0].scale == band.get("scale")


def test_the_item_of_usgs_is_not_a_second_scene(tmp_path: Path) -> None:
    scene_id = "LC08_L2SP_028030_20200114_20200824_02_T1"
    write_image(tmp_path / f"{scene_id}_SR_B4.TIF")
    said = item(f"{scene_id}_SR", {"red": {"href": f"https://example.com/{scene_id}_SR_B4.TIF"}})
    write_json(tmp_path / f"{scene_id}_SR_stac.json", said)
    record = only_scene(tmp_path)
    assert (record.feature["id"], record.scene_type) == (scene_id, "landsat")


@pytest.mark.parametrize(
    "document",
    [
        {"type": "Feature", "stac_version": "1.0.0", "id": 7, "properties": {}, "assets": {}},
        {"type": "Feature", "stac_version": "1.0.0", "id": "a", "properties": None, "assets": {}},
        {"type": "Feature", "stac_version": "1.0.0", "id": "a", "properties": {}, "assets": []},
        {"type": "FeatureCollection", "stac_version": "1.0.0", "features": 7},
        [{"stac_version": "1.0.0"}],
    ],
)
def test_what_is_no_item_is_reported(tmp_path: Path, document: Any) -> None:
    write_json(tmp_path / "a.json", document)
    found, problems = scenes_in(tmp_path)
    assert not found
    assert [problem.path for problem in problems] == ["a.json"]


def test_an_item_with_values_of_other_types(tmp_path: Path) -> None:
    said = item("a", {"x": {"href": 7}, "y": None, "z": {"href": "https://e.org/z", "roles": "data", "type": 1}})
    said["properties"].update({"eo:cloud_cover": "x", "gsd": [1], "instruments": "camera", "providers": {"a": 1}})
    said["links"] = {"rel": "collection"}
    write_json(tmp_path / "a.json", said)
    record = only_scene(tmp_path)
    assert [asset.key for asset in record.assets] == ["z"]
    assert "cloud_cover" not in properties(record)


@pytest.mark.parametrize(
    ("folder", "href", "path"),
    [
        ("", "a.tif", "a.tif"),
        ("a/b", "./c.tif", "a/b/c.tif"),
        ("a/b", "../../c.tif", "c.tif"),
        ("a/b", "../../../c.tif", None),
        ("a", "b/../../../c.tif", None),
        ("", "..", None),
        ("", "a:b.tif", None),
        ("x", "b/c:d.tif", "x/b/c:d.tif"),
    ],
)
def test_links_are_resolved_within_the_archive(folder: str, href: str, path: Optional[str]) -> None:
    assert resolve(folder, href) == path
