"""Landsat scenes of each generation of names and metadata."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Dict, List, Tuple

import pytest
from shapely.geometry import shape

from planet_vector.bands.landsat import colour_bands, file_of, sensor_bands
from planet_vector.catalog.data_v1 import item_schemas
from planet_vector.catalog.scenes_v0 import scene_schemas
from planet_vector.server.archive.fields import SceneFields
from planet_vector.server.archive.metadata.bounded import MetadataProblem
from planet_vector.server.archive.metadata.mtl import parse_mtl
from planet_vector.server.archive.units import LEFT_OUT, MISSING
from planet_vector.server.imagery.picture_sources import choose

from ..conftest import Serve
from .missions import by_key, mtl_json, mtl_text, mtl_xml, nested, only_scene, properties, scenes_in, write_image

PRE = "LC81920272015205LGN00"
C1 = "LC08_L1TP_192027_20150724_20170406_01_T1"
C2L1 = "LC08_L1TP_192027_20150724_20200908_02_T1"
C2L2 = "LC08_L2SP_192027_20150724_20200908_02_T1"

ATTRIBUTES = {
    "CLOUD_COVER": 12.5,
    "CLOUD_COVER_LAND": 14.25,
    "ROLL_ANGLE": -0.5,
    "SUN_AZIMUTH": 146.5,
    "SUN_ELEVATION": 58.25,
}
PRODUCT = {
    "SPACECRAFT_ID": "LANDSAT_8",
    "SENSOR_ID": "OLI_TIRS",
    "WRS_PATH": 192,
    "WRS_ROW": 27,
    "DATE_ACQUIRED": "2015-07-24",
    "SCENE_CENTER_TIME": "10:02:03.1234567Z",
}
LEVEL_1 = {"REFLECTANCE_MULT_BAND_4": "2.0000E-05", "REFLECTANCE_ADD_BAND_4": -0.1}
GRID = {"GRID_CELL_SIZE_REFLECTIVE": 30.0}
GROUPS = {
    PRE: {
        "METADATA_FILE_INFO": {"LANDSAT_SCENE_ID": PRE, "FILE_DATE": "2015-07-25T01:02:03Z"},
        "PRODUCT_METADATA": {"DATA_TYPE": "L1T", **PRODUCT},
        "IMAGE_ATTRIBUTES": ATTRIBUTES,
        "RADIOMETRIC_RESCALING": LEVEL_1,
        "PROJECTION_PARAMETERS": GRID,
    },
    C1: {
        "METADATA_FILE_INFO": {"LANDSAT_SCENE_ID": PRE, "LANDSAT_PRODUCT_ID": C1, "FILE_DATE": "2015-07-25T01:02:03Z"},
        "PRODUCT_METADATA": {"DATA_TYPE": "L1TP", **PRODUCT},
        "IMAGE_ATTRIBUTES": ATTRIBUTES,
        "RADIOMETRIC_RESCALING": LEVEL_1,
        "PROJECTION_PARAMETERS": GRID,
    },
    C2L1: {
        "PRODUCT_CONTENTS": {"LANDSAT_PRODUCT_ID": C2L1, "PROCESSING_LEVEL": "L1TP"},
        "IMAGE_ATTRIBUTES": {**PRODUCT, **ATTRIBUTES},
        "PROJECTION_ATTRIBUTES": GRID,
        "LEVEL1_PROCESSING_RECORD": {"LANDSAT_SCENE_ID": PRE, "DATE_PRODUCT_GENERATED": "2015-07-25T01:02:03Z"},
        "LEVEL1_RADIOMETRIC_RESCALING": LEVEL_1,
    },
    C2L2: {
        "PRODUCT_CONTENTS": {"LANDSAT_PRODUCT_ID": C2L2, "PROCESSING_LEVEL": "L2SP"},
        "IMAGE_ATTRIBUTES": {**PRODUCT, **ATTRIBUTES},
        "PROJECTION_ATTRIBUTES": GRID,
        "LEVEL2_PROCESSING_RECORD": {"DATE_PRODUCT_GENERATED": "2015-07-25T01:02:03Z"},
        "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS": {"REFLECTANCE_MULT_BAND_4": 2.75e-05, "REFLECTANCE_ADD_BAND_4": -0.2},
        "LEVEL2_SURFACE_TEMPERATURE_PARAMETERS": {
            "TEMPERATURE_MULT_BAND_ST_B10": 0.00341802,
            "TEMPERATURE_ADD_BAND_ST_B10": 149.0,
        },
        "LEVEL1_PROCESSING_RECORD": {"LANDSAT_SCENE_ID": PRE, "DATE_PRODUCT_GENERATED": "2015-07-20T00:00:00Z"},
        "LEVEL1_RADIOMETRIC_RESCALING": LEVEL_1,
    },
}
FILES = {
    PRE: ["B2", "B3", "B4", "B10", "BQA"],
    C1: ["B2", "B3", "B4", "B10", "BQA"],
    C2L1: ["B2", "B3", "B4", "B10", "QA_PIXEL"],
    C2L2: ["SR_B2", "SR_B3", "SR_B4", "ST_B10", "QA_PIXEL"],
}
NAMES = {  # item type, collection, level by the metadata
    PRE: ("Landsat8L1G", "landsat-l1", "L1T"),
    C1: ("Landsat8L1G", "landsat-c1-l1", "L1TP"),
    C2L1: ("Landsat8L1G", "landsat-c2-l1", "L1TP"),
    C2L2: ("Landsat8L2", "landsat-c2-l2", "L2SP"),
}


def write_scene(folder: Path, scene_id: str, files: List[str]) -> None:
    for number, rest in enumerate(files):
        write_image(folder / f"{scene_id}_{rest}.TIF", 1000 * (number + 1))


@pytest.mark.parametrize("scene_id", NAMES)
def test_three_generations(tmp_path: Path, scene_id: str) -> None:
    write_scene(tmp_path, scene_id, FILES[scene_id])
    (tmp_path / f"{scene_id}_MTL.txt").write_text(mtl_text(GROUPS[scene_id]))
    record = only_scene(tmp_path)
    assert record.feature["id"] == scene_id
    assert (record.scene_type, record.item_type, record.collection) == ("landsat", *NAMES[scene_id][:2])
    assert record.guessed == ()
    v0 = properties(record)
    expected = {
        "acquired": "2015-07-24T10:02:03.123456+00:00",
        "published": "2015-07-25T01:02:03.000000+00:00",
        "cloud_cover.estimated": 12.5,
        "image_statistics.gsd": 30.0,
        "provider": "landsat",
        "sat.id": "LANDSAT_8",
        "sat.off_nadir": -0.5,
        "sun.altitude": 58.25,
        "sun.azimuth": 146.5,
        "landsat.path": 192,
        "landsat.row": 27,
        "landsat.data_type": NAMES[scene_id][2],
        "landsat.scene_id": PRE,
    }
    assert {name: nested(v0, name) for name in expected} == expected
    fields = SceneFields.of_json(record.item)
    assert (fields.satellite, fields.instrument, fields.provider) == ("Landsat8", "OLI_TIRS", "usgs")
    assert (fields.v1["wrs_path"], fields.v1["wrs_row"], fields.v1["product_id"]) == (192, 27, scene_id)
    assert fields.stac["platform"] == "landsat-8"
    assert fields.stac["landsat:wrs_row"] == "027"
    assert list(record.products) == ["band_2", "band_3", "band_4", "band_10", "qa"]
    assets = by_key(record)
    assert list(assets) == ["blue", "green", "red", "lwir11", "qa_pixel", "mtl.txt"]
    assert [assets[key].bands[0].band.name for key in ("blue", "green", "red", "lwir11")] == ["B2", "B3", "B4", "B10"]
    assert [assets[key].v1 for key in ("red", "qa_pixel", "mtl.txt")] == ["analytic_b4", "analytic_bqa", "metadata_txt"]
    assert assets["mtl.txt"].product is None
    assert [asset.bands[0].nodata for asset in list(assets.values())[:5]] == [0, 0, 0, 0, 1]


@pytest.mark.parametrize("scene_id", [PRE, C1])
@pytest.mark.parametrize("mixed", ["alone", "one folder", "two folders"])
def test_level_2_on_demand_is_a_scene_of_its_own(tmp_path: Path, scene_id: str, mixed: str) -> None:
    """Before collection 2, USGS made surface reflectance on demand (ESPA), with the names and the MTL of level 1."""
    folder = tmp_path / "espa" if mixed == "two folders" else tmp_path
    for name, value in (("sr_band2", 20), ("sr_band3", 30), ("sr_band4", 40), ("pixel_qa", 5), ("sr_aerosol", 6),
                        ("bt_band10", 7), ("toa_band4", 8), ("sr_ndvi", 9)):  # fmt: skip
        write_image(folder / f"{scene_id}_{name}.tif", value)
    (folder / f"{scene_id}_MTL.txt").write_text(mtl_text(GROUPS[scene_id]))
    if mixed != "alone":
        write_scene(tmp_path, scene_id, FILES[scene_id])
        (tmp_path / f"{scene_id}_MTL.txt").write_text(mtl_text(GROUPS[scene_id]))
    found, problems = scenes_in(tmp_path)
    assert not problems  # the MTL lists the images of level 1
    assert set(found) == {f"{scene_id}_SR"} | (set() if mixed == "alone" else {scene_id})
    record = found[f"{scene_id}_SR"]
    assert (record.item_type, record.collection) == ("Landsat8L2", "landsat-l2" if scene_id == PRE else "landsat-c1-l2")
    assert list(record.products) == [
        "band_2", "band_3", "band_4", "bt_band10", "qa", "sr_aerosol", "sr_ndvi", "toa_band4",
    ]  # fmt: skip
    assets = by_key(record)
    assert assets["red"].path == (folder / f"{scene_id}_sr_band4.tif").relative_to(tmp_path).as_posix()
    assert assets["red"].roles == ("data", "reflectance")
    assert [assets[key].bands[0].band.common for key in ("blue", "red", "toa_band4", "bt_band10")] == [
        "blue", "red", "red", "lwir11",
    ]  # fmt: skip
    assert assets["red"].bands[0].scale is None  # the MTL has those of level 1 only
    assert (assets["red"].bands[0].nodata, assets["qa_pixel"].bands[0].nodata) == (-9999, 1)
    assert properties(record)["acquired"] == "2015-07-24T10:02:03.123456+00:00"
    assert nested(properties(record), "landsat.data_type") is None
    assert len(found) == 1 or by_key(found[scene_id])["red"].bands[0].scale == 2e-05


def test_a_direction_to_the_west_is_stated_from_0_to_360(tmp_path: Path) -> None:
    write_scene(tmp_path, C1, ["B4"])
    groups = {**GROUPS[C1], "IMAGE_ATTRIBUTES": {**ATTRIBUTES, "SUN_AZIMUTH": -149.5}}
    (tmp_path / f"{C1}_MTL.txt").write_text(mtl_text(groups))
    assert nested(properties(only_scene(tmp_path)), "sun.azimuth") == 210.5


def test_level_2_scale_is_not_that_of_level_1(tmp_path: Path) -> None:
    for scene_id in (C2L1, C2L2):
        write_scene(tmp_path, scene_id, FILES[scene_id])
        (tmp_path / f"{scene_id}_MTL.txt").write_text(mtl_text(GROUPS[scene_id]))
    found, problems = scenes_in(tmp_path)
    assert not problems
    level_1, level_2 = by_key(found[C2L1]), by_key(found[C2L2])
    assert (level_1["red"].bands[0].scale, level_1["red"].bands[0].offset) == (2e-05, -0.1)
    assert (level_2["red"].bands[0].scale, level_2["red"].bands[0].offset) == (2.75e-05, -0.2)
    temperature = level_2["lwir11"].bands[0]
    assert (temperature.scale, temperature.offset, temperature.unit) == (0.00341802, 149.0, "K")
    assert level_1["lwir11"].bands[0].scale is None
    assert level_1["red"].roles == ("data",)
    assert level_2["red"].roles == ("data", "reflectance")
    assert level_2["lwir11"].roles == ("data", "temperature")


def test_rescaling_of_level_1_without_its_prefix(tmp_path: Path) -> None:
    groups = {**GROUPS[C2L1], "RADIOMETRIC_RESCALING": LEVEL_1}
    del groups["LEVEL1_RADIOMETRIC_RESCALING"]
    write_scene(tmp_path, C2L1, ["B4"])
    (tmp_path / f"{C2L1}_MTL.txt").write_text(mtl_text(groups, "L1_METADATA_FILE"))
    assert by_key(only_scene(tmp_path))["red"].bands[0].scale == 2e-05


@pytest.mark.parametrize("scene_id", NAMES)
def test_mtl_as_text_json_xml_agree(scene_id: str) -> None:
    groups = GROUPS[scene_id]
    expected = {name: {key: str(value) for key, value in values.items()} for name, values in groups.items()}
    for form in (mtl_text, mtl_json, mtl_xml):
        assert parse_mtl(form(groups).encode()) == expected


def test_each_form_of_the_metadata_is_used(tmp_path: Path) -> None:
    for number, (form, write) in enumerate({"txt": mtl_text, "json": mtl_json, "xml": mtl_xml}.items()):
        folder = tmp_path / str(number)
        write_scene(folder, C2L2, ["SR_B4"])
        (folder / f"{C2L2}_MTL.{form}").write_text(write(GROUPS[C2L2]))
        record = only_scene(folder)
        assert nested(properties(record), "cloud_cover.estimated") == 12.5
        assert by_key(record)[f"mtl.{form}"].v1 == f"metadata_{form}"


def test_unknown_cloud_cover_is_absent(tmp_path: Path) -> None:
    groups = {**GROUPS[C2L1], "IMAGE_ATTRIBUTES": {**PRODUCT, "CLOUD_COVER": -1}}
    write_scene(tmp_path, C2L1, ["B4"])
    (tmp_path / f"{C2L1}_MTL.txt").write_text(mtl_text(groups))
    assert "cloud_cover" not in properties(only_scene(tmp_path))


def test_without_mtl_the_date_is_of_the_id(tmp_path: Path) -> None:
    for scene_id in NAMES:
        write_scene(tmp_path, scene_id, FILES[scene_id])
    found, problems = scenes_in(tmp_path)
    assert not problems
    assert set(found) == set(NAMES)
    for record in found.values():
        assert properties(record)["acquired"] == "2015-07-24T00:00:00+00:00"
        assert record.guessed == ()
        assert nested(properties(record), "landsat.path") == 192


def test_a_broken_mtl_is_reported_and_another_form_used(tmp_path: Path) -> None:
    write_scene(tmp_path, C2L1, ["B4"])
    (tmp_path / f"{C2L1}_MTL.txt").write_text("no groups\n")
    (tmp_path / f"{C2L1}_MTL.xml").write_text(mtl_xml(GROUPS[C2L1]))
    found, problems = scenes_in(tmp_path)
    assert [(p.path, p.kind) for p in problems] == [(f"{C2L1}_MTL.txt", LEFT_OUT)]
    assert nested(properties(found[C2L1]), "sun.azimuth") == 146.5


def test_a_part_of_the_mtl_adds_to_what_is_derived(tmp_path: Path) -> None:
    write_scene(tmp_path, C2L1, ["B4"])
    (tmp_path / f"{C2L1}_MTL.txt").write_text(mtl_text({"IMAGE_ATTRIBUTES": {"SUN_AZIMUTH": 10}}))
    record = only_scene(tmp_path)
    assert nested(properties(record), "sun.azimuth") == 10
    assert properties(record)["acquired"] == "2015-07-24T00:00:00+00:00"
    assert nested(properties(record), "image_statistics.gsd") == 30.0
    assert shape(record.feature["geometry"]).area > 0


def test_listed_images_that_are_missing_are_reported(tmp_path: Path) -> None:
    names = {"FILE_NAME_BAND_4": f"{C2L1}_B4.TIF", "FILE_NAME_BAND_5": f"{C2L1}_B5.TIF"}
    groups = {**GROUPS[C2L1], "PRODUCT_CONTENTS": names}
    write_scene(tmp_path / "scene", C2L1, ["B4"])
    (tmp_path / "scene" / f"{C2L1}_MTL.txt").write_text(mtl_text(groups))
    found, problems = scenes_in(tmp_path)
    assert list(found[C2L1].products) == ["band_4"]
    assert [(p.path, p.kind) for p in problems] == [(f"scene/{C2L1}_B5.TIF", MISSING)]


def test_the_footprint_is_of_pixels_with_data(tmp_path: Path) -> None:
    write_image(tmp_path / f"{PRE}_B4.TIF", 500, margin=10)
    write_image(tmp_path / f"{PRE}_B2.TIF", 500)
    west, _, east, _ = shape(only_scene(tmp_path).feature["geometry"]).bounds
    degree = 40_075_000 * 0.671 / 360  # at 47.85° north
    assert (east - west) * degree == pytest.approx(20 * 30, rel=0.03)


def test_files_of_a_scene_in_several_folders(tmp_path: Path) -> None:
    write_scene(tmp_path / "images", C2L1, ["B3", "B4"])
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata" / f"{C2L1}_MTL.txt").write_text(mtl_text(GROUPS[C2L1]))
    record = only_scene(tmp_path)
    assert nested(properties(record), "cloud_cover.estimated") == 12.5
    assert list(record.products) == ["band_3", "band_4"]


def test_copies_of_a_scene_are_scenes(serve: Serve, tmp_path: Path) -> None:
    write_scene(tmp_path / "a", C2L1, ["B4"])
    write_scene(tmp_path / "b", C2L1, ["B4"])
    page = serve(tmp_path).json("scenes/landsat/")
    assert {f["id"] for f in page["features"]} == {f"a~{C2L1}", f"b~{C2L1}"}


SENSORS: Dict[str, Dict[str, List[str]]] = {
    "LM01_L1TP_208023_19730408_20200909_02_T2": {"B4 B5 B6 B7": ["green", "red", "nir08", "nir09"]},
    "LM20270291975195AAA04": {"B4 B5 B6 B7": ["green", "red", "nir08", "nir09"]},
    "LM03_L1TP_208023_19800408_20200909_02_T2": {"B4 B5 B6 B7": ["green", "red", "nir08", "nir09"]},
    "LM04_L1TP_192027_19830408_20200909_02_T2": {"B1 B2 B3 B4": ["green", "red", "nir08", "nir09"]},
    "LM05_L1TP_192027_19850408_20200909_02_T2": {"B1 B2 B3 B4": ["green", "red", "nir08", "nir09"]},
    "LT04_L1TP_192027_19870408_20200909_02_T1": {
        "B1 B2 B3 B4 B5 B6 B7": ["blue", "green", "red", "nir08", "swir16", "lwir", "swir22"]
    },
    "LT51920271995205XXX02": {
        "B1 B2 B3 B4 B5 B6 B7": ["blue", "green", "red", "nir08", "swir16", "lwir", "swir22"]
    },
    "LT05_L2SP_192027_19950408_20200909_02_T1": {
        "SR_B1 SR_B2 SR_B3 SR_B4 SR_B5 ST_B6 SR_B7": ["blue", "green", "red", "nir08", "swir16", "lwir", "swir22"]
    },
    "LE07_L1TP_192027_20000408_20200909_02_T1": {
        "B1 B2 B3 B4 B5 B6_VCID_1 B6_VCID_2 B7 B8": [
            "blue", "green", "red", "nir08", "swir16", "lwir", "lwir_vcid_2", "swir22", "pan",
        ]
    },
    "LO08_L1TP_192027_20150408_20200909_02_T1": {
        "B1 B2 B3 B4 B5 B6 B7 B8 B9": [
            "coastal", "blue", "green", "red", "nir08", "swir16", "swir22", "pan", "cirrus",
        ]
    },
    "LT08_L1TP_192027_20150408_20200909_02_T1": {"B10 B11": ["lwir11", "lwir12"]},
    "LC09_L1TP_192027_20220408_20220909_02_T1": {
        "B1 B2 B3 B4 B5 B6 B7 B8 B9 B10 B11": [
            "coastal", "blue", "green", "red", "nir08", "swir16", "swir22", "pan", "cirrus", "lwir11", "lwir12",
        ]
    },
}  # fmt: skip


@pytest.mark.parametrize("scene_id", SENSORS)
def test_bands_of_each_sensor(tmp_path: Path, scene_id: str) -> None:
    ((names, keys),) = SENSORS[scene_id].items()
    write_scene(tmp_path, scene_id, names.split())
    record = only_scene(tmp_path)
    assets = by_key(record)
    assert list(assets) == keys
    for name, asset in zip(names.split(), assets.values()):
        assert asset.path == f"{scene_id}_{name}.TIF"
    common = [asset.bands[0].band.common for asset in assets.values()]
    assert common == [key.replace("_vcid_2", "") for key in keys]
    for asset in assets.values():
        centre = asset.bands[0].band.centre
        assert centre is not None and 0.4 < centre < 12.6
    satellite = int(scene_id[2:4]) if "_" in scene_id else int(scene_id[2])
    assert record.item_type == f"Landsat{satellite}L{'2' if '_L2' in scene_id else '1G'}"


@pytest.mark.parametrize("scene_id", SENSORS)
def test_clients_name_the_bands_of_each_sensor_alike(scene_id: str) -> None:
    ((names, keys),) = SENSORS[scene_id].items()
    files = [file_of(scene_id[1], int(scene_id[2:4].lstrip("0")[0]), name) for name in names.split()]
    expected = [[] if key.endswith("_vcid_2") else [key] for key in keys]  # its product has no band that is documented
    products = {file.product: {"full": "https://example.org/full"} for file in files}
    scene = {"type": "Feature", "id": scene_id, "properties": {"data": {"products": products}}}
    satellite, level = scene_id[2:4].lstrip("0")[0], "2" if "_L2" in scene_id else "1G"
    links, assets = {"assets": "https://example.org/assets/"}, [file.v1 for file in files]
    item = {"type": "Feature", "id": scene_id, "properties": {}, "_links": links, "assets": assets}
    for schema, feature in (
        (scene_schemas.schema_of("landsat"), scene),
        (item_schemas.schema_of(f"Landsat{satellite}L{level}"), item),
    ):
        found = schema.assets_of(feature)
        assert [[band.common for band in asset.bands] for asset in found.values()] == expected


def test_thermal_bands_of_etm(tmp_path: Path) -> None:
    scene_id = "LE07_L1TP_192027_20000408_20200909_02_T1"
    write_scene(tmp_path, scene_id, ["B6_VCID_1", "B6_VCID_2"])
    assets = by_key(only_scene(tmp_path))
    assert [(a.product, a.v1) for a in assets.values()] == [
        ("band_6", "analytic_b6"),
        ("band_6_vcid_2", "analytic_b6_vcid_2"),
    ]


@pytest.mark.parametrize(
    ("scene_id", "shown"),
    [
        ("LC08_L1TP_192027_20150724_20200908_02_T1", (4, 3, 2)),
        ("LC80300342015001LGN00", (4, 3, 2)),
        ("LE07_L1TP_192027_20000724_20200908_02_T1", (3, 2, 1)),
        ("LT50300341999001PAC00", (3, 2, 1)),
        ("LM02_L1GS_192027_19760724_20200908_02_T2", (6, 5, 4)),  # no blue: near infrared, red, green
        ("LM05_L1GS_192027_19860724_20200908_02_T2", (3, 2, 1)),
        ("LT08_L1GT_192027_20160724_20200908_02_T2", ()),  # thermal bands alone
        ("ortho_1", ()),
    ],
)
def test_pictures_have_the_colours_of_their_sensor(scene_id: str, shown: Tuple[int, ...]) -> None:
    assert colour_bands(scene_id) == shown
    if shown:
        products = {f"band_{number}": f"scenes/{scene_id}_B{number}.TIF" for number in range(1, 8)}
        assert choose(products) == [(f"band_{number}", (1,)) for number in shown]


def test_no_sensor_has_bands_that_do_not_exist() -> None:
    assert {
        (letter, satellite)
        for letter in "COTEM"
        for satellite in range(1, 10)
        if sensor_bands(letter, satellite)
    } == {
        *(("M", n) for n in range(1, 6)), ("T", 4), ("T", 5), ("E", 7),
        *((letter, n) for letter in "COT" for n in (8, 9)),
    }  # fmt: skip


def test_the_issue_case(serve: Serve, tmp_path: Path) -> None:
    for name in ("LC81920272015205LGN00_B3.TIF", "LC81920272015205LGN00_B4.TIF", f"{C1}_B4.TIF"):
        subprocess.run(
            f"gdal_create -q -of GTiff -ot UInt16 -outsize 20 20 -bands 1 -burn 9 -a_srs EPSG:32633"
            f" -a_ullr 350000 5300000 350200 5299800 {tmp_path / name}".split(),
            check=True,
        )
    service = serve(tmp_path)
    scenes = {f["id"]: f["properties"] for f in service.json("scenes/landsat/")["features"]}
    assert set(scenes) == {PRE, C1}
    assert {scene["acquired"][:10] for scene in scenes.values()} == {"2015-07-24"}
    assert set(scenes[PRE]["data"]["products"]) == {"band_3", "band_4"}
    assert service.json("scenes/ortho/")["features"] == []
    link = scenes[PRE]["data"]["products"]["band_4"]["full"]
    assert service.get(link[len(service.root) :]).content == (tmp_path / f"{PRE}_B4.TIF").read_bytes()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a><b>&b;</b></a>', "document type"),
        (b"<a>" * 1000, "nested too deeply"),
        (b'<?xml version="1.0" encoding="UTF-16"?><a/>', "unsupported encoding"),
        ("<a/>".encode("utf-16"), "unsupported encoding|no group"),
        (b"<a><b>", "is not XML"),
        (b"{" * 100_000, "is not JSON|nested too deeply"),
        (b'{"a":' * 100_000, "is not JSON|nested too deeply"),
        (b"\xff\xfe\x00", "no group|unsupported encoding"),
        (b"END_GROUP = A\n", "did not begin"),
    ],
)
def test_hostile_metadata_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(MetadataProblem, match=reason):
        parse_mtl(content)
