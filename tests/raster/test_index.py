"""Indices of bands as rasters, mosaics, crops and cubes, against numpy over the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, List

import numpy as np
import pytest

import planet_vector
from planet_vector.errors import ExpressionError, PlanetVectorError, QueryError
from planet_vector.scene import Scene

rasterio = pytest.importorskip("rasterio")
import rasterio.shutil as rasterio_shutil  # noqa: E402
from rasterio.vrt import WarpedVRT  # noqa: E402
from rasterio.windows import Window  # noqa: E402

from planet_vector.raster import computed  # noqa: E402

from .clear_ground import BROKEN, COLUMNS, LEFT, LOWER, PIXEL, ROWS, SENTINEL, TOP, UPPER, ClearGround, named, shift  # noqa: E402


@pytest.fixture
def ground(clear_ground: ClearGround, monkeypatch: pytest.MonkeyPatch) -> ClearGround:
    monkeypatch.setenv("PL_API_URL", clear_ground.service.root)
    monkeypatch.setenv("PL_API_KEY", clear_ground.service.key)
    return clear_ground


def scenes(*ids: str) -> List[Scene]:
    return [planet_vector.connect().scene(named(f"ortho/{each}").split("/")[0], each) for each in ids]


def bands(ground: ClearGround, scene: str, words: str = "") -> Dict[str, np.ndarray]:
    """Return the bands of a scene as numbers, NaN where one is nodata or the mask hides the pixel."""
    pixels = ground.read(scene).astype("float64")
    pixels[pixels == 0] = np.nan
    if words:
        pixels[:, ~ground.shown(scene, words)] = np.nan
    return dict(zip(("blue", "green", "red", "nir"), pixels))


def ndvi(of: Dict[str, np.ndarray]) -> np.ndarray:
    return (of["nir"] - of["red"]) / (of["nir"] + of["red"])


def same(found: np.ndarray, expected: np.ndarray) -> bool:
    """Return whether values agree to float32's precision, and are missing at the same pixels."""
    return found.dtype == np.float32 and np.allclose(found, expected, rtol=1e-5, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("text", ["ndvi", "NDVI", "(nir - red) / (nir+red)"])
def test_an_index_does_not_wrap_and_is_missing_where_a_band_is(ground: ClearGround, text: str) -> None:
    expected = ndvi(bands(ground, LOWER))
    assert expected[~np.isnan(expected)].min() < -0.9  # uint16 would wrap
    assert np.isnan(expected[30:34, 60:64]).all()  # where only one band is missing
    with planet_vector.open(named(f"PLANET:ortho/{LOWER}/analytic"), index=text) as dataset:
        assert same(dataset.read(1), expected)
        assert same(dataset.read(1, window=Window(33, 21, 90, 77)), expected[21:98, 33:123])
        assert np.array_equal(dataset.dataset_mask() > 0, ~np.isnan(expected))
        assert dataset.dtypes == ("float32",) and np.isnan(dataset.nodata)
        assert dataset.descriptions == (text if "(" in text else "ndvi",)
        assert dataset.tags()["index"] == (text if "(" in text else "(nir - red) / (nir + red)")
        assert (dataset.crs, dataset.transform.c, dataset.shape) == ("EPSG:32633", LEFT, (ROWS, COLUMNS))


@pytest.mark.parametrize("text", ["2 * nir - red ** 0.5 + 1e-3 * blue", "-green / (red - blue)", "(nir)"])
def test_expressions_are_those_of_numpy(ground: ClearGround, text: str) -> None:
    with np.errstate(all="ignore"):
        expected = eval(text, {"__builtins__": {}}, bands(ground, UPPER))  # noqa: S307 - the test's own text
    expected[~np.isfinite(expected)] = np.nan
    with planet_vector.open(
        named(f"PLANET:ortho/{UPPER}"), index=text
    ) as dataset:  # found in the product that has them
        assert same(dataset.read(1), expected)


def test_bands_of_several_products_and_resolutions(ground: ClearGround) -> None:
    red, nir, edge = (ground.sentinel(band).astype("float64") for band in ("B04", "B08", "B05"))
    edge = edge.repeat(2, axis=0).repeat(2, axis=1)
    for band in (red, nir, edge):
        band[band == 0] = np.nan
    shown = ~np.isin(ground.sentinel("SCL"), [8, 9, 10]).repeat(2, axis=0).repeat(2, axis=1)
    expected = np.where(shown, (nir - edge) / (nir + red), np.nan)
    name = named(f"PLANET:sentinel2/{SENTINEL}/band_4,band_5,band_8")
    with planet_vector.open(name, index="(nir - rededge) / (nir + red)", mask="clouds") as dataset:
        assert same(dataset.read(1), expected)


def test_an_index_of_a_mosaic_is_that_of_its_bands(ground: ClearGround, tmp_path: Path) -> None:
    with planet_vector.mosaic(scenes(LOWER, UPPER), product=named("analytic"), mask="clouds,shadow") as mosaic:
        assert mosaic.count == 4
        pixels = mosaic.read(masked=True).astype("float64").filled(np.nan)
        pixels[pixels == 0] = np.nan
        place = mosaic.transform, mosaic.shape
    given = scenes(LOWER, UPPER)
    with planet_vector.mosaic(given, product=named("analytic"), mask="clouds,shadow", index="ndvi") as dataset:
        assert (dataset.transform, dataset.shape) == place
        expected = (pixels[3] - pixels[2]) / (pixels[3] + pixels[2])
        assert same(dataset.read(1), expected)
        # Every operation of GDAL reads the same pixels.
        rasterio_shutil.copy(dataset, tmp_path / "copy.tif", driver="GTiff")
        with WarpedVRT(dataset, crs="EPSG:32633") as warped:
            assert same(warped.read(1), expected)
    with rasterio.open(tmp_path / "copy.tif") as copy:
        assert same(copy.read(1), expected)


def test_blocks_of_a_long_raster(ground: ClearGround, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(computed, "SIDE", 32)
    monkeypatch.setattr(computed, "_BLOCK", 32 * 32 * 4)
    monkeypatch.setattr(computed, "_KEPT", 10_000)
    expected = ndvi(bands(ground, LOWER))
    rng = np.random.default_rng(2)
    with planet_vector.open(named(f"PLANET:ortho/{LOWER}/analytic"), index="ndvi") as dataset:
        assert dataset.block_shapes == [(32, 32)]
        assert not dataset._file._blocks  # nothing is computed before it is read
        assert same(dataset.read(1), expected)
        for _ in range(10):
            column, row = rng.integers(0, COLUMNS - 1), rng.integers(0, ROWS - 1)
            width, height = rng.integers(1, COLUMNS - column + 1), rng.integers(1, ROWS - row + 1)
            part = dataset.read(1, window=Window(column, row, width, height))
            assert same(part, expected[row : row + height, column : column + width])
        assert same(dataset.read(1, out_shape=(ROWS // 4, COLUMNS // 4)), expected[2::4, 2::4])


# odc-geo calls it.
@pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")
def test_crops_and_cubes_of_an_index(ground: ClearGround, tmp_path: Path) -> None:
    pytest.importorskip("odc.stac")
    given = scenes(LOWER, UPPER)
    crops = planet_vector.crop_stack(given, tmp_path, product=named("analytic"), index="ndvi", mask="clouds")
    assert [crop.path.name for crop in crops if crop.path] == [f"{each}_ndvi_crop.tif" for each in (LOWER, UPPER)]
    cube = planet_vector.to_xarray(given, product=named("analytic"), index="ndvi", mask="clouds")
    assert list(cube.data_vars) == ["ndvi"]
    cube = cube.compute(scheduler="synchronous")
    for place, crop in enumerate(crops):
        assert crop.path is not None
        with rasterio.open(crop.path) as dataset:
            column = round((dataset.bounds.left - LEFT) / PIXEL) - 20 * shift(crop.scene.id)
            row = round((TOP - dataset.bounds.top) / PIXEL) - 10 * shift(crop.scene.id)
            part = (slice(row, row + dataset.height), slice(column, column + dataset.width))
            expected = ndvi(bands(ground, crop.scene.id, "clouds"))[part]
            assert same(dataset.read(1), expected)
            assert dataset.descriptions == ("ndvi",)
            assert {"index", "mask", "product"} <= dataset.tags().keys()
        assert crop.valid == pytest.approx((~np.isnan(expected)).mean())
        assert same(cube.ndvi.isel(time=place).values, expected)


@pytest.mark.parametrize(
    "name, index, error, told",
    [
        (f"ortho/{LOWER}/analytic", "nir -", ExpressionError, "wrong at column"),
        (f"ortho/{LOWER}/analytic", "swir16 - nir", ExpressionError, "'swir16'"),
        (f"ortho/{LOWER}/analytic", "__import__('os')", ExpressionError, "column"),
        (f"ortho/{LOWER}/analytic", "evi", QueryError, "reflectance"),
        ("basemaps/any", "ndvi", QueryError, "A basemap has no"),
    ],
)
def test_what_cannot_be_computed_is_an_error(ground: ClearGround, name: str, index: str, error: Any, told: str) -> None:
    with pytest.raises(error, match=told):
        with planet_vector.open(named(f"PLANET:{name}"), index=index) as dataset:
            dataset.read()


def test_a_file_that_cannot_be_read_leaves_no_missing_values(ground: ClearGround, tmp_path: Path) -> None:
    name = named(f"PLANET:ortho/{BROKEN}/analytic")
    with planet_vector.open(name, index="ndvi") as dataset:
        assert same(dataset.read(1), ndvi(bands(ground, BROKEN)))
    with pytest.raises((PlanetVectorError, rasterio.errors.RasterioIOError)):
        with planet_vector.open(name, index="ndvi", mask="unclear") as dataset:
            dataset.read()
    with pytest.raises((PlanetVectorError, rasterio.errors.RasterioIOError)):
        with planet_vector.open(name, index="ndvi", mask="unclear") as dataset:
            rasterio_shutil.copy(dataset, tmp_path / "copy.tif", driver="GTiff")
    with pytest.raises(PlanetVectorError):
        planet_vector.crop_stack(
            scenes(BROKEN), tmp_path / "crops", product=named("analytic"), index="ndvi", mask="unclear"
        )


def test_commands_take_indices(ground: ClearGround, tmp_path: Path, call: Callable[..., Any]) -> None:
    area = "15.002,47.8508,15.004,47.8524"
    of_scenes = "--bbox", area, "-s", named("ortho"), "--product", named("analytic")
    path = tmp_path / "ndvi.tif"
    done = call("crop", LOWER, *of_scenes, "--index", "ndvi", "-o", str(path))
    assert done.returncode == 0, done.stderr
    with rasterio.open(path) as dataset:
        column, row = (
            round(each) for each in (~rasterio.Affine(PIXEL, 0, LEFT, 0, -PIXEL, TOP)) * dataset.transform * (0, 0)
        )
        expected = ndvi(bands(ground, LOWER))[row : row + dataset.height, column : column + dataset.width]
        assert same(dataset.read(1), expected)
    done = call("mosaic", *of_scenes, "--index", "ndvi", "-o", str(tmp_path / "m.tif"))
    assert done.returncode == 0, done.stderr
    done = call("mosaic", "--bbox", area, "--index", "ndvi", "-o", str(tmp_path / "m.vrt"))
    assert done.returncode == 2 and "write a .tif" in done.stderr
    done = call("mosaic", "--bbox", area, "--index", "nir/", "-o", str(tmp_path / "n.tif"))
    assert done.returncode == 2 and "column" in done.stderr
