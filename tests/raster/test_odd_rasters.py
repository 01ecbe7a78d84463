"""Rasters that are turned or of odd values, and sizes nobody means: refused in a sentence, or shown as they are."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Callable, Dict, List

import numpy as np
import pytest

import planet_vector
from planet_vector import rasters
from planet_vector.errors import QueryError, RasterAccessError
from planet_vector.scene import Scene

from ..conftest import Service, Start
from ..faces import NO_NAMES, Face

rasterio = pytest.importorskip("rasterio")
from affine import Affine  # noqa: E402
from PIL import Image  # noqa: E402
from rasterio.warp import SUPPORTED_RESAMPLING  # noqa: E402

from planet_vector.mosaic_options import RESAMPLING  # noqa: E402
from planet_vector.raster.geotiff import window_within, write_geotiff  # noqa: E402
from planet_vector.raster.pictures import picture_of  # noqa: E402

Run = Callable[..., Any]

UTM = Affine(10, 0, 300_000, 0, -10, 5_310_000)
SOUTH_UP = Affine(10, 0, 300_000, 0, 10, 5_308_000)
RAMP = np.tile(np.linspace(1, 255, 300), (200, 1))
RGB = np.stack([RAMP, RAMP[:, ::-1], np.full_like(RAMP, 128)]).astype("uint8")
PALETTE = {0: (255, 0, 0, 255), 1: (0, 255, 0, 255), 2: (0, 0, 255, 255), 3: (255, 255, 0, 255)}


def write(path: Path, values: Any, transform: Affine = UTM, **more: Any) -> None:
    profile = {"driver": "GTiff", "count": len(values), "height": values.shape[1], "width": values.shape[2], **more}
    with rasterio.open(path, "w", dtype=values.dtype, crs="EPSG:32633", transform=transform, **profile) as dataset:
        dataset.write(values)
        if more:
            dataset.write_colormap(1, PALETTE)


@pytest.fixture(scope="module")
def odd_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("odd")
    # Named by time: the last is the newest, and on top.
    write(folder / "20150101_000000_turned_visual.tif", RGB, UTM * Affine.rotation(30))
    write(folder / "20150102_000000_southup_visual.tif", RGB, SOUTH_UP)
    write(folder / "20150103_000000_plain_visual.tif", RGB)
    write(folder / "20150103_000000_plain_analytic.tif", RGB[:1])
    write(folder / "20150102_000000_southup_analytic.tif", RGB[:1], SOUTH_UP)
    holes = RAMP.astype("float32")[np.newaxis].copy()
    holes[0, 50:100, 100:200], holes[0, 100:150, 100:200] = np.nan, np.inf
    write(folder / "20140101_000000_holes_analytic.tif", holes)
    bands = np.tile(np.repeat(np.arange(4, dtype="uint8"), 75), (1, 200, 1))
    write(folder / "20140102_000000_palette_analytic.tif", bands, photometric="palette")
    return folder


@pytest.fixture(scope="module")
def odd_service(start_service: Start, odd_archive: Path) -> Service:
    return start_service(odd_archive)


@pytest.fixture
def odd(odd_service: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setenv("PL_API_URL", odd_service.root)
    monkeypatch.setenv("PL_API_KEY", odd_service.key)
    return odd_service


def scenes(*parts: str) -> List[Scene]:
    return [scene for scene in planet_vector.search("PLANET:ortho") if scene.id.split("_")[2] in parts]


@pytest.mark.parametrize("part", ["turned", "southup"])
def test_a_scene_that_is_not_north_up_is_in_no_mosaic(part: str, odd: Service) -> None:
    told = f"_{part}/visual is not north up"
    with pytest.raises(RasterAccessError, match=told):
        rasters.open_mosaic(scenes(part))
    with pytest.raises(RasterAccessError, match=told):
        rasters.open_mosaic(scenes(part, "plain"))


def test_nor_in_a_stack_nor_among_bands(odd: Service, tmp_path: Path) -> None:
    with pytest.raises(RasterAccessError, match="^2015.*southup/visual is not north up") as error:
        planet_vector.crop_stack(scenes("southup", "plain"), tmp_path)
    assert "<" not in str(error.value)
    southup = scenes("southup")[0].id
    with pytest.raises(RasterAccessError, match="southup/.* is not north up"):
        rasters.open_product(f"PLANET:ortho/{southup}/visual,analytic")


@pytest.mark.parametrize("transform", [SOUTH_UP, UTM, UTM * Affine.rotation(30)])
def test_a_window_is_found_whichever_way_pixels_lie(transform: Affine, tmp_path: Path) -> None:
    write(tmp_path / "some.tif", RGB, transform)
    x, y = transform * (100.5, 50.5)
    with rasterio.open(tmp_path / "some.tif") as dataset:
        window = window_within(dataset, (x - 30, y - 30, x + 30, y + 30))
        # By brute force: the pixels whose middle lies in the box are in the window, which is no larger than need be.
        rows, columns = np.mgrid[0:200, 0:300]
        xs, ys = transform * (columns + 0.5, rows + 0.5)
        inside = (abs(xs - x) <= 30) & (abs(ys - y) <= 30)
        part = inside[window.row_off : window.row_off + window.height, window.col_off : window.col_off + window.width]
        assert part.sum() == inside.sum() > 30
        assert max(window.width, window.height) <= 60 * 2**0.5 / 10 + 2


def test_crop_of_a_scene_that_is_south_up(odd: Service, tmp_path: Path, call: Run) -> None:
    name = f"PLANET:ortho/{scenes('southup')[0].id}/visual"
    done = call("crop", name, "-o", str(tmp_path / "part.tif"), "--bbox", "12.33,47.90,12.34,47.905")
    assert done.returncode == 0, done.stderr
    with rasterio.open(tmp_path / "part.tif") as part, rasters.open_product(name) as whole:
        left, top = ~whole.transform * (part.transform.c, part.transform.f)
        assert part.transform.e == 10
        window = rasterio.windows.Window(round(left), round(top), part.width, part.height)
        assert np.array_equal(part.read(), whole.read(window=window))


def test_every_way_to_resample_makes_a_mosaic(odd: Service) -> None:
    assert set(RESAMPLING) <= {way.name for way in SUPPORTED_RESAMPLING}
    plain = scenes("plain")
    found: Dict[str, Any] = {}
    for way in RESAMPLING:
        with rasters.open_mosaic(plain, dst_crs="EPSG:3857", res=25, resampling=way) as dataset:
            found[way] = dataset.read(1)
        assert found[way].any(), way
    assert not np.array_equal(found["cubic_spline"], found["nearest"])
    with pytest.raises(RasterAccessError, match="nearest, bilinear"):
        rasters.open_mosaic(plain, resampling="gauss")


@pytest.mark.only_v0(NO_NAMES)
def test_a_mosaic_is_saved_with_every_way_to_resample(odd: Service, tmp_path: Path) -> None:
    plain = scenes("plain")
    for way in RESAMPLING:
        with rasters.open_mosaic(plain, dst_crs="EPSG:3857", res=25, resampling=way) as dataset:
            dataset.save_vrt(tmp_path / f"{way}.vrt")
    assert len(list(tmp_path.iterdir())) == len(RESAMPLING)


def test_a_pixel_without_data_in_one_band_keeps_the_values_of_the_others(
    start_service: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.stack([np.arange(60_000).reshape(200, 300) % 7, np.full((200, 300), 9000)]).astype("uint32")
    path = tmp_path / "20150101_000000_gaps_analytic.tif"
    with rasterio.open(
        path, "w", driver="GTiff", count=2, height=200, width=300, dtype="uint32", crs="EPSG:32633", transform=UTM,
        nodata=0,
    ) as file:  # fmt: skip
        file.write(values)
    service = start_service(tmp_path)
    monkeypatch.setenv("PL_API_URL", service.root)
    monkeypatch.setenv("PL_API_KEY", service.key)
    with planet_vector.mosaic("PLANET:ortho", product="analytic", dst_crs="EPSG:3857") as dataset:
        found = dataset.read()
    within = found[1] == 9000
    assert np.count_nonzero(within) > 0.9 * within.size and set(np.unique(found[1])) == {0, 9000}
    # As many of each value as there are in the file: GDAL's warper alone would make ones of all zeros.
    shares = np.bincount(found[0][within], minlength=7) / np.count_nonzero(within)
    assert shares == pytest.approx(np.full(7, 1 / 7), abs=0.01)


def test_what_makes_no_grid_is_refused(odd: Service) -> None:
    plain = scenes("plain")
    for asked, told in (
        ({"res": -10}, "Invalid pixel size"),
        ({"res": float("nan")}, "Invalid pixel size"),
        ({"res": 1e-9}, "take larger ones"),
        ({"dst_bounds": (0, 0, 100, 100)}, "do not reach into the bounds 0, 0, 100, 100"),
        ({"dst_bounds": (0, 0, float("inf"), 100)}, "are empty"),
    ):
        with pytest.raises(RasterAccessError, match=told):
            rasters.open_mosaic(plain, **asked)
    for crs in ("EPSG:99999", "nonsense"):
        with pytest.raises(QueryError, match=f"'{crs}' is not a coordinate system"):
            rasters.open_mosaic(plain, dst_crs=crs)
        with pytest.raises(QueryError, match=f"'{crs}' is not a coordinate system"):
            planet_vector.crop_stack(plain, ".", dst_crs=crs)


def test_a_file_that_nobody_means_is_not_written(odd: Service, tmp_path: Path) -> None:
    with rasters.open_mosaic(scenes("plain"), res=0.001) as dataset:
        with pytest.raises(RasterAccessError, match="smaller box"):
            write_geotiff(dataset, tmp_path / "large.tif")
    assert list(tmp_path.iterdir()) == []


def test_a_quick_look_leaves_out_what_is_no_number_and_looks_up_a_palette(odd: Service) -> None:
    looks = {}
    for part in ("holes", "palette"):
        with rasters.open_product(f"PLANET:ortho/{scenes(part)[0].id}/analytic") as dataset:
            looks[part] = np.asarray(Image.open(io.BytesIO(picture_of(dataset, width=300))).convert("RGBA"))
    assert [looks["holes"][row, 150, 3] for row in (25, 75, 125, 175)] == [255, 0, 0, 255]
    assert [tuple(looks["palette"][100, column]) for column in (37, 112, 187, 262)] == list(PALETTE.values())


def test_errors_of_the_commands(odd: Service, face: Face, call: Run, tmp_path: Path) -> None:
    plain = scenes("plain")[0].id
    name = f"PLANET:ortho/{plain}"
    taken = tmp_path / f"{plain}_visual.tif"
    taken.mkdir()
    search = "PLANET:ortho?acquired.gte=2015-01-03T00:00:00Z"
    output = ["-o", str(tmp_path / "m.tif")]
    for command, code, told in (
        (["open", f"{name}/visual,analytic"], 1, "rio planet vrt"),
        (["open", f"{name}/all"], 1, "rio planet vrt"),
        (["mosaic", search, "--res", "nan", *output], 2, "no finite number"),
        (["mosaic", search, "--res", "-1", *output], 2, "--res"),
        (["mosaic", search, "--resampling", "foo", *output], 2, "--resampling"),
        (["mosaic", search, "--dst-crs", "foo", *output], 2, "not a coordinate system"),
        (["mosaic", search, "--dst-bounds", "0", "0", "1", "1", *output], 1, "do not reach into the bounds"),
        (
            ["vrt", f"{name}/visual,analytic", "-o", str(tmp_path / "no" / "x.vrt")],
            1,
            face.nameless or f"no directory {tmp_path / 'no'}.",
        ),
        (["vrt", f"{name}/visual,analytic", "-o", str(tmp_path / "x.vrt"), "--res", "1e-9"], 1, "take larger ones"),
        (["rectangle", "POLYGON((0 0,1 0,1 1,0 0))", "--angle", "nan"], 2, "or 'any'.\n"),
        (["download", name, "-o", str(tmp_path), "--overwrite"], 1, f"{taken} is a directory"),
        (["download", name, "-o", str(tmp_path)], 1, f"{taken} exists and is not the service's file"),
    ):
        done = call(*command)
        assert (done.returncode, told in done.stderr) == (code, True), (command, done.stderr)
        assert "Traceback" not in done.stderr and "PROJ:" not in done.stderr and "..\n" not in done.stderr
        assert [path.name for path in tmp_path.iterdir()] == [taken.name]


def test_a_control_character_in_what_a_file_says_does_no_harm(
    start_service: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("20150101_000000_a_visual.tif", "20150102_000000_b_visual.tif"):
        write(tmp_path / name, RGB)
        with rasterio.open(tmp_path / name, "r+") as dataset:
            dataset.update_tags(TIFFTAG_IMAGEDESCRIPTION="one\x01two")
    service = start_service(tmp_path)
    monkeypatch.setenv("PL_API_URL", service.root)
    monkeypatch.setenv("PL_API_KEY", service.key)
    with rasters.open_mosaic(scenes("a", "b")) as mosaic:
        assert mosaic.tags()["TIFFTAG_IMAGEDESCRIPTION"] == "one two"
        assert mosaic.read().any()
