"""What is data in a product is data in its crop, its cube and its picture, whatever says so; nothing else is."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest

from ..conftest import Start

rasterio = pytest.importorskip("rasterio")
from affine import Affine  # noqa: E402
from PIL import Image  # noqa: E402
from rasterio.crs import CRS  # noqa: E402
from rasterio.enums import ColorInterp  # noqa: E402

import planet_vector  # noqa: E402
from planet_vector.geometry.grid import GridSpec  # noqa: E402
from planet_vector.raster.pictures import picture_of  # noqa: E402
from planet_vector.stacks.crop import _write  # noqa: E402
from planet_vector.stacks.resample import read_onto  # noqa: E402
from planet_vector.stacks.time_vrt import write_dates  # noqa: E402

UTM = CRS.from_epsg(32633)
GRID = Affine(10, 0, 300_000, 0, -10, 5_300_000)
ROWS, COLUMNS = np.mgrid[:60, :80]
SEEN = (COLUMNS - 40) ** 2 + (ROWS - 30) ** 2 < 24**2
SAYS = {
    "mask": ("uint8", "int8", "int16", "uint16", "float32"),
    "alpha": ("uint8", "uint16", "int16"),
    "nodata": ("uint8", "int16", "uint16", "float32"),
    "nan": ("float32", "float64"),
}
CASES = [(kind, dtype) for kind, dtypes in SAYS.items() for dtype in dtypes]


def make(path: Path, kind: str, dtype: str, **more: Any) -> None:
    """Write a raster that is 100 where it has data, and 7 under its mask."""
    pixels = np.where(SEEN, 100, 7).astype(dtype)[np.newaxis]
    profile: Dict[str, Any] = {"driver": "GTiff", "width": 80, "height": 60, "dtype": dtype, "crs": UTM, **more}
    if kind == "alpha":
        pixels = np.concatenate([pixels, np.where(SEEN, 255, 0).astype(dtype)[np.newaxis]])
    elif kind == "nodata":
        profile["nodata"] = 7
    elif kind == "nan":
        pixels[:, ~SEEN] = np.nan
        pixels[:, 0] = np.inf
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        with rasterio.open(path, "w", transform=GRID, count=len(pixels), **profile) as file:
            if kind == "alpha":
                file.colorinterp = (ColorInterp.gray, ColorInterp.alpha)
            file.scales = (0.5,) * len(pixels)
            file.write(pixels)
            if kind == "mask":
                file.write_mask(SEEN)


@pytest.mark.parametrize("resampling", ["nearest", "bilinear", "cubic", "average"])
@pytest.mark.parametrize(("kind", "dtype"), CASES)
def test_what_is_no_data_takes_no_part_in_what_is_made(kind: str, dtype: str, resampling: str, tmp_path: Path) -> None:
    make(tmp_path / "a.tif", kind, dtype)
    # On the grid, reaching beyond it on two sides; and a quarter of a pixel aside.
    for shift in (0, 0.25):
        grid = GridSpec(UTM, *(GRID * (-5 + shift, -5 + shift)), (GRID.a, -GRID.e), 70, 50)
        with rasterio.open(tmp_path / "a.tif") as dataset:
            found = read_onto(dataset, grid, resampling)
        rows, columns = np.mgrid[-5:45, -5:65]
        inside = (rows >= 0) & (columns >= 0)
        expected = inside & SEEN[rows.clip(0), columns.clip(0)]
        if resampling == "average" and shift:  # which knows of all that a pixel touches
            assert not (expected & ~found.valid).any()
        else:
            assert np.array_equal(found.valid, expected)
        assert np.abs(found.bands[0][found.valid].astype(float) - 100).max() < 1e-3
        _write(tmp_path / "crop.tif", found, {"id": "a", "acquired": "2015"}, cog=False)
        _write(tmp_path / "cog.tif", found, {"id": "a", "acquired": "2015"}, cog=True)
        for name in ("crop.tif", "cog.tif"):
            with rasterio.open(tmp_path / name) as crop:
                assert np.array_equal(crop.dataset_mask() > 0, found.valid), name
                assert set(crop.scales) == {0.5}
                look = np.asarray(Image.open(io.BytesIO(picture_of(crop))).convert("RGBA"))
                assert np.array_equal(look[..., 3] > 0, found.valid), name
        if kind in ("mask", "alpha"):
            write_dates([tmp_path / "crop.tif"], tmp_path / "dates.vrt")
            with rasterio.open(tmp_path / "dates.vrt") as dates:
                assert dates.scales[0] == 0.5
                assert np.array_equal(dates.read_masks(1) > 0, found.valid)


def test_places_in_a_palette_are_not_blended(tmp_path: Path) -> None:
    pixels = np.where(COLUMNS % 2, 200, 10).astype("uint8")[np.newaxis]
    colours = {value: (value, 0, 9, 255) for value in range(256)}
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", width=80, height=60, count=1, dtype="uint8", crs=UTM, transform=GRID
    ) as file:
        file.write_colormap(1, colours)
        file.write(pixels)
    grid = GridSpec(UTM, *(GRID * (5.5, 5.25)), (GRID.a, -GRID.e), 60, 40)
    with rasterio.open(tmp_path / "a.tif") as dataset:
        found = read_onto(dataset, grid, "bilinear")
    assert set(np.unique(found.bands)) == {10, 200}
    _write(tmp_path / "crop.tif", found, {"id": "a"}, cog=True)
    with rasterio.open(tmp_path / "crop.tif") as crop:
        assert crop.colormap(1) == colours and crop.colorinterp[0] == ColorInterp.palette


@pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")
@pytest.mark.parametrize("kind", ["mask", "nodata", "nan"])
def test_a_cube_says_what_is_data_and_what_pixels_mean(
    kind: str, start_service: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("odc.stac")
    xarray = pytest.importorskip("xarray")
    (tmp_path / "archive").mkdir()
    for number in (1, 2):
        make(tmp_path / "archive" / f"2015010{number}_000000_x_analytic.tif", kind, SAYS[kind][0])
    service = start_service(tmp_path / "archive")
    monkeypatch.setenv("PL_API_URL", service.url)
    monkeypatch.setenv("PL_API_KEY", service.key)
    found = list(planet_vector.search("PLANET:ortho"))
    cube = planet_vector.to_xarray(found, product="analytic", dst_crs="EPSG:3857").compute(scheduler="synchronous")
    crops = planet_vector.crop_stack(found, tmp_path / "crops", product="analytic", dst_crs="EPSG:3857")
    band = cube[list(cube.data_vars)[0]]
    assert band.attrs["scale_factor"] == 0.5
    real = xarray.decode_cf(cube)[band.name]
    for number, crop in enumerate(crops):
        with rasterio.open(crop.path) as dataset:
            data = dataset.dataset_mask() > 0
        assert data.any()
        if kind == "mask":
            assert np.array_equal(cube.mask.values[number] == 255, data)
        else:
            assert np.array_equal(np.isfinite(real.values[number]), data)
        assert (real.values[number][data] == 50).all()
