"""Sentinel-2 scenes: SAFE folders, images without metadata, and copies as COG."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import numpy as np
import pytest
import rasterio
import requests
from PIL import Image
from shapely.geometry import Polygon, box, shape

import planet_vector
from planet_vector.server.archive.fields import SceneFields
from planet_vector.server.archive.inventory import scan
from planet_vector.server.archive.metadata.sentinel2_fields import mean_direction, parse_product
from planet_vector.server.archive.units import LEFT_OUT

from ..conftest import PROGRAM, ROOT, Serve
from .missions import (
    OUTLINE,
    by_key,
    nested,
    only_scene,
    properties,
    s2_product_xml,
    s2_safe,
    scenes_in,
    write_image,
)

L2A = ["R10m/B02_10m", "R10m/B03_10m", "R10m/B04_10m", "R10m/TCI_10m", "R20m/B02_20m", "R20m/B8A_20m", "R20m/SCL_20m",
       "R60m/B01_60m", "R60m/B09_60m", "R20m/WVP_20m", "R20m/B11_20m"]  # fmt: skip


def test_l2a_safe_field_by_field(tmp_path: Path) -> None:
    safe = s2_safe(tmp_path, "2A", L2A)
    record = only_scene(tmp_path)
    scene_id = safe.name[: -len(".SAFE")]
    assert record.feature["id"] == scene_id
    assert (record.scene_type, record.item_type, record.collection) == ("sentinel2", "Sentinel2L2A", "sentinel-2-l2a")
    expected = {
        "acquired": "2022-04-13T10:05:07.846358+00:00",
        "published": "2022-04-14T08:21:26.580338+00:00",
        "cloud_cover.estimated": 37.5,
        "image_statistics.gsd": 10.0,
        "provider": "esa",
        "sat.id": "Sentinel-2B",
        "sun.altitude": 49.75,
        "sun.azimuth": 156.5,
    }
    v0 = properties(record)
    assert {name: nested(v0, name) for name in expected} == expected
    assert nested(v0, "sat.azimuth_angle") == pytest.approx(5, abs=0.05)
    fields = SceneFields.of_json(record.item)
    assert fields.v1["view_angle"] == 5
    assert (fields.v1["mgrs_grid_id"], fields.v1["rel_orbit_number"], fields.v1["abs_orbit_number"]) == (
        "33TWN",
        25,
        26649,
    )
    assert fields.stac["platform"] == "sentinel-2b"
    assert fields.stac["sat:orbit_state"] == "descending"
    assert record.guessed == ()


def test_images_and_their_bands(tmp_path: Path) -> None:
    s2_safe(tmp_path, "2A", L2A)
    assets = by_key(only_scene(tmp_path))
    assert list(assets) == [
        "coastal", "blue", "blue_20m", "green", "red", "nir08", "nir09", "swir16", "visual", "scl", "wvp",
        "product_metadata", "granule_metadata", "safe_manifest",
    ]  # fmt: skip
    assert [assets[key].bands[0].band.name for key in ("coastal", "blue", "red", "nir08", "swir16")] == [
        "B01", "B02", "B04", "B8A", "B11",
    ]  # fmt: skip
    assert [band.band.common for band in assets["visual"].bands] == ["red", "green", "blue"]
    assert assets["visual"].roles == ("visual",)
    assert assets["blue"].roles == ("data", "reflectance")
    # band_id 1 is B02, 8 is B8A, 11 is B11; the offsets of the test differ by band.
    for key, number in (("blue", 1), ("nir08", 8), ("swir16", 11)):
        info = assets[key].bands[0]
        assert (info.scale, info.offset, info.nodata) == (0.0001, pytest.approx((-1000 - number) / 10000), 0)
        assert info.band.centre == pytest.approx((440.5 + 10 * number) / 1000)
    assert (assets["wvp"].bands[0].scale, assets["wvp"].bands[0].unit) == (0.002, "cm")
    assert assets["scl"].bands[0].scale is None
    assert all(asset.media_type == "image/jp2" for asset in list(assets.values())[:11])


def test_finest_resolution_is_the_product(tmp_path: Path) -> None:
    s2_safe(tmp_path, "2A", ["R60m/B02_60m", "R20m/B02_20m", "R10m/B02_10m", "R60m/AOT_60m", "R20m/AOT_20m"])
    record = only_scene(tmp_path)
    assets = by_key(record)
    assert list(record.products) == ["band_2", "aot"]
    assert record.products["band_2"].endswith("B02_10m.jp2")
    assert [(key, a.v1, a.product) for key, a in assets.items() if key.startswith("blue")] == [
        ("blue", "analytic_b2", "band_2"),
        ("blue_20m", "analytic_b2_20m", None),
        ("blue_60m", "analytic_b2_60m", None),
    ]
    assert record.products["aot"].endswith("AOT_20m.jp2")


def test_l1c_safe(tmp_path: Path) -> None:
    safe = s2_safe(tmp_path / "deep" / "er", "1C", ["B01", "B02", "B08", "B10", "TCI"])
    record = only_scene(tmp_path)
    assert (record.item_type, record.collection) == ("Sentinel2L1C", "sentinel-2-l1c")
    assert record.feature["id"] == safe.name[: -len(".SAFE")]
    assert list(record.products) == ["band_1", "band_2", "band_8", "band_10", "visual"]
    assert by_key(record)["cirrus"].bands[0].offset == pytest.approx(-0.101)


def test_footprint_is_lat_lon_swapped(tmp_path: Path) -> None:
    s2_safe(tmp_path, "2A", ["R10m/B02_10m"])
    footprint = shape(only_scene(tmp_path).feature["geometry"])
    assert footprint.equals(Polygon(OUTLINE))


def test_a_footprint_across_the_antimeridian_is_cut(tmp_path: Path) -> None:
    s2_safe(tmp_path, "2A", ["R10m/B02_10m"], outline=((179.5, 10), (-179.5, 10), (-179.5, 9), (179.5, 9)))
    footprint = shape(only_scene(tmp_path).feature["geometry"])
    assert footprint.equals(box(179.5, 9, 180, 10).union(box(-180, 9, -179.5, 10)))


def test_without_metadata_of_the_tile_the_product_tells(tmp_path: Path) -> None:
    safe = s2_safe(tmp_path, "2A", ["R10m/B02_10m"])
    next(safe.rglob("MTD_TL.xml")).unlink()
    v0 = properties(only_scene(tmp_path))
    assert v0["acquired"] == "2022-04-13T10:00:31.024000+00:00"
    assert "sun" not in v0


def test_without_metadata_of_the_product_the_tile_tells(tmp_path: Path) -> None:
    safe = s2_safe(tmp_path, "2A", ["R10m/B02_10m"])
    (safe / "MTD_MSIL2A.xml").write_text("<broken")
    found, problems = scenes_in(tmp_path)
    assert [problem.path.rpartition("/")[2] for problem in problems] == ["MTD_MSIL2A.xml"]
    (record,) = found.values()
    assert nested(properties(record), "cloud_cover.estimated") == 61.5
    assert nested(properties(record), "sun.altitude") == 49.75
    assert by_key(record)["blue"].bands[0].scale is None
    assert shape(record.feature["geometry"]).area > 0


def test_several_granules_are_a_scene_each(tmp_path: Path) -> None:
    safe = s2_safe(tmp_path, "1C", ["B02"])
    other = safe / "GRANULE" / "L1C_T33TXN_A026649_20220413T100756"
    write_image(other / "IMG_DATA" / "T33TXN_20220413T100031_B02.jp2", left=700_000.0)
    (other / "MTD_TL.xml").write_text("<a><SENSING_TIME>2022-04-13T10:06:00Z</SENSING_TIME></a>")
    found, problems = scenes_in(tmp_path)
    assert not problems
    stem = safe.name[: -len(".SAFE")]
    assert set(found) == {f"{stem}_T33TWN", f"{stem}_T33TXN"}
    second = found[f"{stem}_T33TXN"]
    assert properties(second)["acquired"] == "2022-04-13T10:06:00+00:00"
    assert "cloud_cover" not in properties(second)
    assert shape(second.feature["geometry"]).bounds[0] > 17
    assert by_key(second)["blue"].bands[0].scale == 0.0001


def test_mean_azimuth_across_north() -> None:
    assert mean_direction([350, 20, 5]) == pytest.approx(5, abs=0.05)
    assert mean_direction([359, 1]) == pytest.approx(0, abs=1e-9) or mean_direction([359, 1]) == pytest.approx(360)
    assert mean_direction([0, 180]) is None
    assert mean_direction([]) is None


@pytest.mark.parametrize("level", ["1C", "2A"])
def test_old_baseline_has_no_offset(level: str) -> None:
    product = parse_product(s2_product_xml(level, offset=None).encode())
    assert product.bands["B02"][0].scale == 0.0001
    assert product.bands["B02"][0].offset is None


def test_cog_copies(tmp_path: Path) -> None:
    folder = tmp_path / "S2B_33TWN_20220413_0_L2A"
    for name in ("B02", "B8A", "SCL"):
        write_image(folder / f"{name}.tif")
    record = only_scene(tmp_path)
    assert record.feature["id"] == "S2B_33TWN_20220413_0_L2A"
    assert properties(record)["acquired"] == "2022-04-13T00:00:00+00:00"
    assert record.guessed == ()
    assert list(record.products) == ["band_2", "band_8a", "scl"]
    info = by_key(record)["blue"].bands[0]
    assert (info.band.name, info.scale, info.offset) == ("B02", None, None)
    assert nested(properties(record), "sat.id") == "Sentinel-2B"


def test_loose_images(tmp_path: Path) -> None:
    write_image(tmp_path / "R10m" / "T33TWN_20220413T100031_B02_10m.jp2", size=120, pixel=10)
    write_image(tmp_path / "R20m" / "T33TWN_20220413T100031_B05_20m.jp2", size=60, pixel=20)
    write_image(tmp_path / "other" / "T33TXN_20220413T100031_B04.tif")
    found, problems = scenes_in(tmp_path)
    assert not problems
    assert {name: list(record.products) for name, record in found.items()} == {
        "T33TWN_20220413T100031": ["band_2", "band_5"],
        "T33TXN_20220413T100031": ["band_4"],
    }
    assert found["T33TWN_20220413T100031"].item_type == "Sentinel2L2A"
    assert found["T33TXN_20220413T100031"].item_type == "Sentinel2L1C"
    assert "sat" not in properties(found["T33TXN_20220413T100031"])


def test_a_folder_without_metadata_is_one_scene(tmp_path: Path) -> None:
    safe = s2_safe(tmp_path, "2A", L2A)
    for path in (*safe.glob("MTD*"), *safe.rglob("MTD_TL.xml")):
        path.unlink()
    record = only_scene(tmp_path)
    assert record.feature["id"] == safe.name[: -len(".SAFE")]
    assert properties(record)["acquired"] == "2022-04-13T10:00:31+00:00"
    assert len(record.products) == 10


def test_jp2_is_delivered_unchanged_with_ranges(serve: Serve, tmp_path: Path) -> None:
    safe = s2_safe(tmp_path, "2A", ["R10m/B02_10m", "R10m/TCI_10m"])
    service = serve(tmp_path)
    scene = service.json("scenes/sentinel2/")["features"][0]
    assert set(scene["properties"]["data"]["products"]) == {"band_2", "visual"}
    content = next(safe.rglob("*_B02_10m.jp2")).read_bytes()
    link = scene["properties"]["data"]["products"]["band_2"]["full"]
    whole = requests.get(link, timeout=30)
    assert whole.status_code == 200
    assert whole.content == content
    assert whole.headers["Content-Type"] == "image/jp2"
    assert whole.headers["Content-Disposition"].endswith('_band_2.jp2"')
    part = requests.get(link, timeout=30, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, content[100:200])
    known = requests.get(link, timeout=30, headers={"If-None-Match": whole.headers["ETag"]})
    assert known.status_code == 304


def test_jp2_thumbnail_and_tile_show_its_pixels(serve: Serve, tmp_path: Path) -> None:
    safe = s2_safe(tmp_path, "2A", ["R10m/B02_10m", "R10m/TCI_10m"])
    path = next(safe.rglob("*_TCI_10m.jp2"))
    with rasterio.open(path) as dataset:
        colour = dataset.read()[:, 60, 60]
        lon, lat = rasterio.warp.transform(dataset.crs, "EPSG:4326", *[[v] for v in dataset.xy(60, 60)])
    service = serve(tmp_path)
    scene = service.json("scenes/sentinel2/")["features"][0]
    thumbnail = service.get(f"scenes/sentinel2/{scene['id']}/thumb?size=sm&format=png")
    assert thumbnail.status_code == 200, thumbnail.text
    picture = np.asarray(Image.open(io.BytesIO(thumbnail.content)).convert("RGBA"))
    middle = picture[picture.shape[0] // 2, picture.shape[1] // 2]
    assert middle[3] == 255
    np.testing.assert_allclose(middle[:3], colour, atol=1)
    zoom = 14
    x = int((lon[0] + 180) / 360 * 2**zoom)
    y = int((1 - np.arcsinh(np.tan(np.radians(lat[0]))) / np.pi) / 2 * 2**zoom)
    tile = service.get(f"scenes/sentinel2/{scene['id']}/{zoom}/{x}/{y}.png")
    assert tile.status_code == 200, tile.text
    pixels = np.asarray(Image.open(io.BytesIO(tile.content)).convert("RGBA"))
    shown = pixels[pixels[..., 3] == 255][:, :3]
    assert len(shown)
    np.testing.assert_allclose(np.median(shown, axis=0), colour, atol=1)


def test_the_client_says_that_it_opens_geotiffs_only(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    safe = s2_safe(tmp_path / "archive", "2A", ["R10m/B02_10m", "R10m/B03_10m"])
    service = serve(tmp_path / "archive")
    monkeypatch.setenv("PL_API_URL", service.root)
    monkeypatch.setenv("PL_API_KEY", "any")
    monkeypatch.setenv("HOME", str(tmp_path))
    name = f"PLANET:sentinel2/{safe.name[:-5]}/band_2"
    with pytest.raises(planet_vector.PlanetVectorError, match=r"is a JPEG 2000 file.*convert it") as error:
        planet_vector.open(name)
    assert "\n" not in str(error.value)
    done = subprocess.run(
        [*PROGRAM, "download", name, "-o", str(tmp_path / "out")], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 1
    assert "a JPEG 2000 image for" in done.stderr
    assert "convert it" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("out/*.tif"))


def test_products_that_are_not_read_are_reported_once(tmp_path: Path) -> None:
    before = "S2A_OPER_PRD_MSIL1C_PDMC_20160929T154211_R022_V20160929T102022_20160929T102344.SAFE"
    image = "S2A_OPER_MSI_L1C_TL_SGS__20160929T154211_A006640_T32TPP"
    s2_safe(tmp_path, "2A", ["R10m/B02_10m"])
    for band in ("B02", "B03"):
        path = tmp_path / "old" / before / "GRANULE" / f"{image}_N02.04" / "IMG_DATA" / f"{image}_{band}.jp2"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"?")
    units, problems = scan(tmp_path)
    assert len(units) == 1
    assert [(problem.path, problem.kind) for problem in problems] == [(f"old/{before}", LEFT_OUT)]
