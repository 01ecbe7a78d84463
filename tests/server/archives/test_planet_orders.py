"""Orders of Planet: their items, products, bands and metadata."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Dict, List, Mapping, Tuple
from xml.etree import ElementTree

import pytest
from shapely.geometry import shape

from planet_vector.server.archive.inventory import scan
from planet_vector.server.archive.units import MISSING

from .missions import by_key, nested, only_scene, properties, scenes_in
from .planets import EIGHT, FOUR, ORDER, item_json, manifest, order, planet_xml, write_bands, write_json, write_text

PS = "20221221_084022_18_2414"
needs_data = pytest.mark.skipif(not ORDER.is_dir(), reason="needs ../shared/data")


def names(record: object, key: str) -> List[str]:
    """Return the names of an asset's bands."""
    return [info.band.name for info in by_key(record)[key].bands]  # type: ignore[arg-type]


@needs_data
def test_a_real_order_is_one_scene_with_its_metadata_field_by_field() -> None:
    found, problems = scenes_in(ORDER)
    assert [(p.path.rpartition("/")[2], p.kind) for p in problems] == [(f"{PS}_3B_udm2.tif", MISSING)]
    (record,) = found.values()
    item = json.loads((ORDER / "files" / "PSScene" / PS / f"{PS}_metadata.json").read_text())
    said = item["properties"]
    assert (record.feature["id"], record.scene_type, record.item_type) == (item["id"], "ortho", said["item_type"])
    assert record.feature["geometry"] == item["geometry"]
    v0 = properties(record)
    pairs = {
        "cloud_cover.estimated": 100 * said["cloud_cover"],
        "image_statistics.gsd": said["gsd"],
        "image_statistics.image_quality": said["quality_category"],
        "provider": said["provider"],
        "sat.azimuth_angle": said["satellite_azimuth"],
        "sat.id": said["satellite_id"],
        "sat.off_nadir": said["view_angle"],
        "strip_id": int(said["strip_id"]),
        "sun.altitude": said["sun_elevation"],
        "sun.azimuth": said["sun_azimuth"],
        "camera.bit_depth": 16,
    }
    assert {name: nested(v0, name) for name in pairs} == pairs
    assert v0["acquired"] == "2022-12-21T08:40:22.180138+00:00"
    assert v0["published"] == "2022-12-21T21:04:58.000000+00:00"
    assert record.products.keys() == {"analytic_sr"}
    assert record.item["instrument"] == said["instrument"]
    assert record.item["v1"]["ps4b_geometry"] == said["ps4b_geometry"]
    assert record.item["v1"]["visible_confidence_percent"] == said["visible_confidence_percent"]
    assert record.item["stac"]["pl:ground_control"] is True
    assets = by_key(record)
    assert list(assets) == ["ortho_analytic_4b_sr", "metadata", "ortho_analytic_4b_xml"]
    assert names(record, "ortho_analytic_4b_sr") == list(FOUR)
    # The XML describes the radiance product: its factors do not apply to surface reflectance.
    assert {info.scale for info in assets["ortho_analytic_4b_sr"].bands} == {0.0001}


@needs_data
def test_the_real_xml_is_read_field_by_field(tmp_path: Path) -> None:
    # Without its JSON, and as radiance, for which the factors are.
    source = next(ORDER.rglob("*_metadata.xml"))
    shutil.copy(source, tmp_path / f"{PS}_3B_AnalyticMS_metadata.xml")
    shutil.copy(next(ORDER.rglob("*_SR.tif")), tmp_path / f"{PS}_3B_AnalyticMS.tif")
    record = only_scene(tmp_path)
    text = {element.tag.rpartition("}")[2]: element.text or "" for element in ElementTree.parse(source).iter()}
    v0 = properties(record)
    pairs = {
        "cloud_cover.estimated": float(text["cloudCoverPercentage"]),
        "sat.azimuth_angle": float(text["azimuthAngle"]),
        "sat.id": text["serialIdentifier"],
        "sat.off_nadir": float(text["spaceCraftViewAngle"]),
        "strip_id": int(text["archivingIdentifier"]),
        "sun.altitude": float(text["illuminationElevationAngle"]),
        "sun.azimuth": float(text["illuminationAzimuthAngle"]),
    }
    assert {name: nested(v0, name) for name in pairs} == pairs
    assert v0["acquired"] == "2022-12-21T08:40:22+00:00"
    assert record.item["instrument"] == "PSB.SD"
    assert record.item["pixel_resolution"] == 3
    ring = [tuple(map(float, pair.split(","))) for pair in text["coordinates"].split()]
    assert shape(record.feature["geometry"]).equals(shape({"type": "Polygon", "coordinates": [ring]}))
    factors = [
        float(e.text or "") for e in ElementTree.parse(source).iter() if e.tag.endswith("reflectanceCoefficient")
    ]
    assert [info.scale for info in by_key(record)["ortho_analytic_4b"].bands] == factors


def test_the_manifest_names_assets(tmp_path: Path) -> None:
    # Names that tell nothing, as after a rename.
    write_bands(tmp_path / "one" / "a.tif", 4)
    write_bands(tmp_path / "two" / "b.tif", 8, dtype="uint8")
    item = {"item_id": PS, "item_type": "PSScene"}
    manifest(tmp_path, [("one/a.tif", {**item, "asset_type": "ortho_analytic_4b"}),
                        ("two/b.tif", {**item, "asset_type": "ortho_udm2"})])  # fmt: skip
    record = only_scene(tmp_path)
    assert record.products == {"analytic": "one/a.tif", "udm2": "two/b.tif"}
    assert properties(record)["acquired"] == "2022-12-21T08:40:22.180000+00:00"  # of the id


def test_a_missing_listed_file_is_reported_and_the_rest_served(tmp_path: Path) -> None:
    order(tmp_path, PS, "PSScene", {f"{PS}_3B_Visual.tif": ("ortho_visual", 4), f"{PS}_3B_udm2.tif": ("ortho_udm2", 8)})
    (tmp_path / "PSScene" / f"{PS}_3B_udm2.tif").unlink()
    found, problems = scenes_in(tmp_path)
    assert [(p.path, p.kind) for p in problems] == [(f"PSScene/{PS}_3B_udm2.tif", MISSING)]
    assert "manifest.json" in problems[0].text
    assert found[PS].products == {"visual": f"PSScene/{PS}_3B_Visual.tif"}


def test_an_item_without_any_file_is_one_line_of_the_manifest(tmp_path: Path) -> None:
    manifest(tmp_path, [(f"{n}.tif", {"item_id": f"20221221_084022_{n}_2414", "item_type": "PSScene",
                                      "asset_type": "ortho_visual"}) for n in range(10, 60)])  # fmt: skip
    found, problems = scenes_in(tmp_path)
    assert not found
    assert [(p.path, p.kind) for p in problems] == [("manifest.json", MISSING)]
    assert "50 items" in problems[0].text


@pytest.mark.parametrize("flat", [False, True], ids=["unmoved", "in one folder"])
@pytest.mark.parametrize("listed", [False, True], ids=["loose", "with the manifest"])
def test_loose_files_are_the_same_scene_as_the_order(tmp_path: Path, flat: bool, listed: bool) -> None:
    folder = f"files/PSScene/{PS}"
    files = {f"{folder}/bundle/{PS}_3B_AnalyticMS_SR.tif": 4, f"{folder}/bundle/{PS}_3B_udm2.tif": 8}
    annotations: List[Tuple[str, Mapping[str, str]]] = []
    for (path, count), asset in zip(files.items(), ("ortho_analytic_4b_sr", "ortho_udm2")):
        write_bands(tmp_path / (path.rpartition("/")[2] if flat else path), count)
        annotations.append((path, {"item_id": PS, "item_type": "PSScene", "asset_type": asset}))
    name = f"{PS}_metadata.json"
    write_json(tmp_path / (name if flat else f"{folder}/{name}"), item_json(PS, "PSScene", instrument="PS2"))
    annotations.append((f"{folder}/{name}", {"item_id": PS, "item_type": "PSScene"}))
    if listed:
        manifest(tmp_path, annotations)
    record = only_scene(tmp_path)
    assert list(by_key(record)) == ["ortho_analytic_4b_sr", "ortho_udm2", "metadata"]
    assert record.products.keys() == {"analytic_sr", "udm2"}
    assert (record.item_type, record.scene_type) == ("PSScene", "ortho")
    assert nested(properties(record), "cloud_cover.estimated") == 7
    blue = by_key(record)["ortho_analytic_4b_sr"].bands[0].band
    assert (blue.low, blue.high) == (0.455, 0.515)  # of PS2


@pytest.mark.parametrize(
    "name, product, asset",
    [
        ("{}_3B_Analytic.tif", "analytic_3b", "ortho_analytic_3b"),
        ("{}_3B_AnalyticMS.tif", "analytic", "ortho_analytic_4b"),
        ("{}_3B_AnalyticMS_8b.tif", "analytic_8b", "ortho_analytic_8b"),
        ("{}_3B_AnalyticMS_SR_clip.tif", "analytic_sr", "ortho_analytic_4b_sr"),
        ("{}_3B_AnalyticMS_SR_8b_harmonized_clip_file_format.tif", "analytic_8b_sr", "ortho_analytic_8b_sr"),
        ("{}_3b_Visual.tif", "visual", "ortho_visual"),
        ("{}_3B_udm2_clip_file_format.tif", "udm2", "ortho_udm2"),
        ("{}_3B_AnalyticMS_DN_udm.TIF", "udm", "udm"),
    ],
)
def test_names_with_order_tools(tmp_path: Path, name: str, product: str, asset: str) -> None:
    for item_id in (PS, "20170831_172754_101c"):
        path = tmp_path / item_id / name.format(item_id)
        write_bands(path, 4)
        record = only_scene(tmp_path / item_id)
        assert record.feature["id"] == item_id
        assert record.products == {product: path.name}
        assert list(by_key(record)) == [asset]


@pytest.mark.parametrize(
    "asset, count, expected",
    [
        ("ortho_analytic_3b", 3, ("red", "green", "blue")),
        ("ortho_analytic_4b", 4, FOUR),
        ("ortho_analytic_8b_sr", 8, EIGHT),
        ("ortho_visual", 4, ("red", "green", "blue", "alpha")),
        ("ortho_visual", 3, ("red", "green", "blue")),
        ("ortho_udm2", 8,
         ("clear", "snow", "shadow", "light_haze", "heavy_haze", "cloud", "confidence", "udm1")),
        ("udm", 1, ("udm",)),
        ("ortho_analytic_4b", 2, ("band_1", "band_2")),
    ],
)  # fmt: skip
def test_bands_are_named_in_order(tmp_path: Path, asset: str, count: int, expected: Tuple[str, ...]) -> None:
    order(tmp_path, PS, "PSScene", {"a.tif": (asset, count)})
    assert names(only_scene(tmp_path), asset) == list(expected)


def test_common_names_are_unique_and_ranges_those_of_the_instrument(tmp_path: Path) -> None:
    files = {"a.tif": ("ortho_analytic_8b", 8), "b.tif": ("ortho_analytic_4b", 4)}
    order(tmp_path, PS, "PSScene", files, instrument="PSB.SD")
    assets = by_key(only_scene(tmp_path))
    eight = [info.band for info in assets["ortho_analytic_8b"].bands]
    assert [band.common for band in eight] == ["coastal", "blue", "", "green", "yellow", "red", "rededge", "nir"]
    ranges = [(431, 452), (465, 515), (513, 549), (547, 583), (600, 620), (650, 680), (697, 713), (845, 885)]
    assert [(round(1000 * (band.low or 0)), round(1000 * (band.high or 0))) for band in eight] == ranges
    four = [info.band for info in assets["ortho_analytic_4b"].bands]
    assert [(band.low, band.high) for band in four] == [(eight[n].low, eight[n].high) for n in (1, 3, 5, 7)]


def test_descriptions_in_the_file_win(tmp_path: Path) -> None:
    # Cut to other bands in another order, which the descriptions tell.
    write_bands(tmp_path / f"{PS}_3B_AnalyticMS_8b_bandmath.tif", 2)
    write_bands(tmp_path / f"{PS}_3B_AnalyticMS_SR_8b.tif", 3, descriptions=("nir", "Red Edge", "ndvi"))
    record = only_scene(tmp_path)
    assert names(record, "ortho_analytic_8b") == ["band_1", "band_2"]
    bands = [info.band for info in by_key(record)["ortho_analytic_8b_sr"].bands]
    assert [(band.name, band.common, band.low) for band in bands] == [
        ("nir", "nir", 0.845), ("Red Edge", "rededge", 0.697), ("ndvi", "", None),
    ]  # fmt: skip


def test_coefficients_are_those_of_their_own_file(tmp_path: Path) -> None:
    for rest, count, low in (("AnalyticMS", 4, 1e-5), ("AnalyticMS_8b", 8, 2e-5)):
        write_bands(tmp_path / f"{PS}_3B_{rest}.tif", count)
        write_bands(tmp_path / f"{PS}_3B_{rest.replace('MS', 'MS_SR')}.tif", count)
        factors = {n: {"radiometricScaleFactor": 0.01, "reflectanceCoefficient": n * low} for n in range(1, count + 1)}
        write_text(tmp_path / f"{PS}_3B_{rest}_metadata.xml", planet_xml(factors=factors))
    assets = by_key(only_scene(tmp_path))
    assert [info.scale for info in assets["ortho_analytic_4b"].bands] == [n * 1e-5 for n in range(1, 5)]
    assert [info.scale for info in assets["ortho_analytic_8b"].bands] == [n * 2e-5 for n in range(1, 9)]
    for key in ("ortho_analytic_4b_sr", "ortho_analytic_8b_sr"):
        assert {(info.scale, info.nodata) for info in assets[key].bands} == {(0.0001, 0)}


def test_radiance_has_a_unit_and_masks_have_no_nodata(tmp_path: Path) -> None:
    write_bands(tmp_path / f"{PS}_3B_AnalyticMS.tif", 4)
    write_bands(tmp_path / f"{PS}_3B_udm2.tif", 8, dtype="uint8")
    factors = {n: {"radiometricScaleFactor": 0.01} for n in range(1, 5)}
    write_text(tmp_path / f"{PS}_3B_AnalyticMS_metadata.xml", planet_xml(factors=factors))
    assets = by_key(only_scene(tmp_path))
    assert {(info.scale, info.unit) for info in assets["ortho_analytic_4b"].bands} == {(0.01, "W/(m2 sr um)")}
    assert {(info.scale, info.nodata) for info in assets["ortho_udm2"].bands} == {(None, None)}


def test_the_footprint_of_a_cut_raster_is_that_of_its_pixels(tmp_path: Path) -> None:
    write_json(tmp_path / f"{PS}_metadata.json", item_json(PS, "PSScene"))
    write_bands(tmp_path / f"{PS}_3B_AnalyticMS_SR_clip.tif", 4, margin=8)  # without a nodata value in the file
    cut = shape(only_scene(tmp_path).feature["geometry"])
    # 16 pixels of 3 m, from 24 m within the corner at 499 980, 5 300 040.
    lon, lat = 15 + 4 / 74_800, 47.85
    assert cut.bounds[0] == pytest.approx(lon, abs=2e-5)
    assert cut.bounds[3] == pytest.approx(lat, abs=2e-2)
    assert cut.area * 74_800 * 111_200 == pytest.approx(48**2, rel=0.05)
    (tmp_path / f"{PS}_3B_AnalyticMS_SR_clip.tif").rename(tmp_path / f"{PS}_3B_AnalyticMS_SR.tif")
    assert only_scene(tmp_path).feature["geometry"] == item_json(PS, "PSScene")["geometry"]


def test_one_item_in_two_orders_is_two_scenes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        order(tmp_path / name, PS, "PSScene", {"x.tif": ("ortho_visual", 3)})
    write_bands(tmp_path / "loose" / f"{PS}_3B_Visual.tif", 3, dtype="uint8")
    units, problems = scan(tmp_path)
    assert not problems
    assert sorted(units) == [f"planet:a/PSScene/{PS}", f"planet:b/PSScene/{PS}", f"planet:loose/PSScene/{PS}"]


def test_a_file_that_was_added_to_an_order_joins_its_scene(tmp_path: Path) -> None:
    order(tmp_path, PS, "PSScene4Band", {"x.tif": ("analytic", 4)})
    write_bands(tmp_path / f"{PS}_3B_udm2.tif", 8, dtype="uint8")
    record = only_scene(tmp_path)
    assert record.products.keys() == {"analytic", "udm2"}
    assert record.item_type == "PSScene4Band"


@pytest.mark.parametrize(
    "item_type, item_id, files",
    [
        ("SkySatScene", "20190909_184952_ssc2d2_0019", {"analytic": 4, "basic_panchromatic_dn": 1}),
        ("SkySatCollect", "20221003_011846_ssc2_u0001",
         {"analytic": 4, "panchromatic": 1, "pansharpened": 4, "visual": 3, "pansharpened_udm2": 8}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("listed", [False, True])
def test_skysat_collect_and_scene_assets(
    tmp_path: Path, item_type: str, item_id: str, files: Dict[str, int], listed: bool
) -> None:
    for rest, count in files.items():
        write_bands(tmp_path / f"{item_id}_{rest}_clip.tif", count, placed="basic" not in rest)
    said = item_json(item_id, item_type, satellite_id="SSC2", provider="skysat", strip_id="s4_20190909T184952Z")
    write_json(tmp_path / f"{item_id}_metadata.json", said)
    assets = {rest: rest if rest.startswith("basic") else f"ortho_{rest}" for rest in files}
    if listed:
        item = {"item_id": item_id, "item_type": item_type}
        manifest(tmp_path, [(f"{item_id}_{rest}_clip.tif", {**item, "asset_type": asset})
                            for rest, asset in assets.items()])  # fmt: skip
    record = only_scene(tmp_path)
    assert (record.scene_type, record.item_type) == ("skysat", item_type)
    assert record.products.keys() == files.keys()
    assert set(by_key(record)) == {*assets.values(), "metadata"}
    assert names(record, "ortho_analytic") == list(FOUR)
    if "panchromatic" in files:
        assert names(record, "ortho_panchromatic") == ["pan"]
        assert names(record, "ortho_pansharpened_udm2")[:3] == ["clear", "snow", "shadow"]
    assert nested(properties(record), "sat.id") == "SSC2"
    assert "strip_id" not in properties(record)  # no number
    assert record.item["strip_id"] == "s4_20190909T184952Z"


def test_skysat_reflectance_is_that_of_the_tiff(tmp_path: Path) -> None:
    item_id = "20221003_011846_ssc2_u0001"
    said = json.dumps({"properties": {"reflectance_coefficients": [0.1, 0.2, 0.3, 0.4]}})
    for rest in ("analytic", "analytic_sr"):
        write_bands(tmp_path / f"{item_id}_{rest}.tif", 4, tags={"TIFFTAG_IMAGEDESCRIPTION": said})
    write_bands(tmp_path / f"{item_id}_analytic_dn.tif", 4, tags={"TIFFTAG_IMAGEDESCRIPTION": "{[]"})
    assets = by_key(only_scene(tmp_path))
    assert [info.scale for info in assets["ortho_analytic"].bands] == [0.1, 0.2, 0.3, 0.4]
    assert {info.scale for info in assets["ortho_analytic_sr"].bands} == {0.0001}
    assert {info.scale for info in assets["ortho_analytic_dn"].bands} == {None}


def test_psorthotile(tmp_path: Path) -> None:
    item_id = "2663388_1057820_2019-09-09_105e"
    for rest, count in (("BGRN_Analytic", 4), ("BGRN_SR", 4), ("BGREN_Analytic", 5), ("RGB_Visual", 4), ("udm2", 8)):
        write_bands(tmp_path / f"{item_id}_{rest}.tif", count)
    write_text(tmp_path / f"{item_id}_BGRN_Analytic_metadata.xml", planet_xml(time=None))
    record = only_scene(tmp_path)
    assert (record.scene_type, record.item_type, record.feature["id"]) == ("ortho", "PSOrthoTile", item_id)
    assert record.products.keys() == {"analytic", "analytic_sr", "analytic_5b", "visual", "udm2"}
    assert names(record, "analytic_5b") == ["blue", "green", "red", "rededge", "nir"]
    assert "analytic_xml" in by_key(record)
    assert properties(record)["acquired"] == "2019-09-09T00:00:00+00:00"  # the day of the id


def test_rescene_is_delivered_with_its_bands(tmp_path: Path) -> None:
    item_id = "2019-09-09T182418_RE3"
    for rest, count in (("band1", 1), ("band4", 1), ("udm", 1), ("Quicklook", 3)):
        write_bands(tmp_path / f"{item_id}_1B_{rest}.tif", count, placed=rest == "Quicklook")
    factors = {n: {"radiometricScaleFactor": n / 100} for n in range(1, 6)}
    write_text(
        tmp_path / f"{item_id}_1B_metadata.xml", planet_xml("re", RE_1B, factors=factors, time=None, satellite="RE-3")
    )
    write_json(tmp_path / f"{item_id}_metadata.json", item_json(item_id, "REScene", gsd=6.5, provider="rapideye"))
    record = only_scene(tmp_path)
    assert (record.scene_type, record.item_type) == ("rapideye", "REScene")
    assert record.products.keys() == {"band_1", "band_4", "qa"}
    assets = by_key(record)
    assert [(info.band.name, info.band.common, info.scale) for info in assets["basic_analytic_b4"].bands] == [
        ("red_edge", "rededge", 0.04)
    ]
    assert (assets["browse"].product, assets["browse"].roles) == (None, ("overview",))
    assert assets["basic_analytic_b1"].media_type == "image/tiff"
    assert nested(properties(record), "sat.id") == "RapidEye-3"


RE_1B = "http://schemas.rapideye.de/products/productMetadataSensor"


def test_basic_files_without_metadata_say_what_is_missing(tmp_path: Path) -> None:
    write_bands(tmp_path / f"{PS}_1B_AnalyticMS.tif", 4, placed=False)
    found, problems = scenes_in(tmp_path)
    assert not found
    assert [p.path for p in problems] == [f"{PS}_1B_AnalyticMS.tif"]
    assert "georeference" in problems[0].text
    write_json(tmp_path / f"{PS}_metadata.json", item_json(PS, "PSScene"))
    record = only_scene(tmp_path)
    assert record.products == {"basic_analytic": f"{PS}_1B_AnalyticMS.tif"}
    assert list(by_key(record)) == ["basic_analytic_4b", "metadata"]


@pytest.mark.parametrize(
    "name, wrong, right",
    [
        ("acquired", "yesterday", "2022-12-21T08:40:22+00:00"),  # of the XML
        ("cloud_cover", 7, 4.5),
        ("cloud_cover", "NaN", 4.5),
        ("sun_elevation", [], 60.95281),
        ("satellite_id", {}, "2414"),
        ("geometry", {"type": "Point", "coordinates": [0, 0]}, None),
    ],
)
def test_unreadable_values_fall_through_to_the_next_source(
    tmp_path: Path, name: str, wrong: object, right: object
) -> None:
    write_bands(tmp_path / f"{PS}_3B_AnalyticMS.tif", 4)
    ring = [[15.0, 47.0], [15.1, 47.0], [15.1, 47.1], [15.0, 47.0]]
    write_text(tmp_path / f"{PS}_3B_AnalyticMS_metadata.xml", planet_xml(ring=ring))
    said = item_json(PS, "PSScene", **({} if name == "geometry" else {name: wrong}))
    if name == "geometry":
        said["geometry"] = wrong
    write_json(tmp_path / f"{PS}_metadata.json", said)
    found, problems = scenes_in(tmp_path)
    assert [p.path for p in problems] == [f"{PS}_metadata.json"]
    assert name in problems[0].text
    v0 = properties(found[PS])
    if name == "geometry":
        assert found[PS].feature["geometry"] == {"type": "Polygon", "coordinates": [ring]}
    else:
        at = {"acquired": "acquired", "cloud_cover": "cloud_cover.estimated", "sun_elevation": "sun.altitude",
              "satellite_id": "sat.id"}[name]  # fmt: skip
        assert nested(v0, at) == right
    assert nested(v0, "image_statistics.gsd") == 3.8  # the readable values are still those of the JSON


def test_metadata_of_a_synchronised_scene_stays_its_own(tmp_path: Path) -> None:
    # A sync folder with a Planet file of the same id in it: both are served, each with its own metadata.
    scene = "20150623_235446_0907"
    write_bands(tmp_path / f"{scene}_visual.tif", 3, dtype="uint8")
    write_bands(tmp_path / f"{scene}_3B_AnalyticMS.tif", 4)
    write_json(tmp_path / f"{scene}_metadata.json", {
        "type": "Feature", "id": scene, "geometry": None,
        "properties": {"acquired": "2015-06-23T23:54:46.000001+00:00", "cloud_cover": {"estimated": 12.5}},
    })  # fmt: skip
    units, _ = scan(tmp_path)
    assert {key: [f.path for f in unit.files] for key, unit in units.items()} == {
        f"scene:{scene}": [f"{scene}_metadata.json", f"{scene}_visual.tif"],
        f"planet:PSScene/{scene}": [f"{scene}_3B_AnalyticMS.tif"],
    }


@pytest.mark.parametrize("item_type, item_id, rests", [
    ("SkySatCollect", "20190909_184952_ssc2_u0001", {"analytic": 4, "visual": 3, "panchromatic": 1}),
    ("SkySatScene", "20190909_184952_ssc2d2_0019", {"visual": 3}),
    ("PSOrthoTile", "2663388_1057820_2019-09-09_105e", {"udm2": 8}),
])  # fmt: skip
@pytest.mark.parametrize("synced", [False, True])
def test_names_that_sync_writes_too_are_told_apart_by_their_metadata(
    tmp_path: Path, item_type: str, item_id: str, rests: Dict[str, int], synced: bool
) -> None:
    for rest, count in rests.items():
        write_bands(tmp_path / f"{item_id}_{rest}.tif", count, dtype="uint8")
    said = item_json(item_id, item_type, view_angle=12.5)
    if synced:
        properties_of_v0 = {"acquired": "2019-09-09T18:49:52+00:00", "sat": {"off_nadir": 12.5}, "any": [1.50]}
        said = {"id": item_id, "type": "Feature", "geometry": None, "properties": properties_of_v0}
    write_json(tmp_path / f"{item_id}_metadata.json", said)
    record = only_scene(tmp_path)
    assert (record.item_type == item_type) is not synced
    assert record.feature["id"] == item_id
    assert record.products.keys() == rests.keys()
    assert nested(properties(record), "sat.off_nadir") == 12.5
    assert properties(record).get("any") == ([1.5] if synced else None)


def test_a_time_of_the_file_is_a_guess(tmp_path: Path) -> None:
    write_bands(tmp_path / "x.tif", 4)
    manifest(tmp_path, [("x.tif", {"item_id": "field_7", "item_type": "PSScene", "asset_type": "ortho_analytic_4b"})])
    record = only_scene(tmp_path)
    assert record.guessed == ("acquired",)
    assert properties(record)["guessed"] == ["acquired"]
