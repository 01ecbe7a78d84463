"""What headers of rasters say, against what was written, and what GDAL makes of what is written again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, List

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.windows import Window

from planet_vector.pixels.header import RasterHeader, value_of

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

UTM = Affine(10, 0, 300_000, 0, -10, 5_310_000)
TABLE = {0: (255, 0, 0, 255), 1: (0, 255, 0, 255), 2: (0, 0, 255, 255)}


def write(path: Path, bands: np.ndarray, **more: Any) -> None:
    profile = {"crs": "EPSG:32633", "transform": UTM, **more}
    with rasterio.open(
        path, "w", driver="GTiff", count=len(bands), height=bands.shape[1], width=bands.shape[2], dtype=bands.dtype,
        **profile,
    ) as dataset:  # fmt: skip
        dataset.write(bands)


def written_again(header: RasterHeader, bands: np.ndarray, path: Path) -> RasterHeader:
    with rasterio.open(path, "w", **header.profile()) as target:
        header.describe(target)
        target.write(bands)
    with rasterio.open(path) as dataset:
        return RasterHeader.of(dataset)


def test_what_is_written_by_a_header_has_that_header(tmp_path: Path) -> None:
    bands = np.arange(4 * 6 * 8, dtype="uint16").reshape(4, 6, 8)
    with rasterio.open(
        tmp_path / "x.tif", "w", driver="GTiff", count=4, height=6, width=8, dtype="uint16", crs="EPSG:32633",
        transform=UTM, nodata=7,
    ) as target:  # fmt: skip
        target.write(bands)
        target.colorinterp = [ColorInterp.blue, ColorInterp.alpha, ColorInterp.red, ColorInterp.undefined]
        target.scales, target.offsets = [1e-4, 1, 2, 3], [0, -5, 0, 0.5]
        target.units = ["reflectance", "", "K", "m"]
        target.update_tags(TIFFTAG_DATETIME="2015:03:06 02:24:15", made="by hand")
        for number, name in enumerate(("blue", "opacity", "red", "far"), 1):
            target.set_band_description(number, name)
    with rasterio.open(tmp_path / "x.tif") as dataset:
        header = RasterHeader.of(dataset)
        assert [band.scale for band in header.bands] == list(dataset.scales) == [1e-4, 1, 2, 3]
        assert [band.description for band in header.bands] == list(dataset.descriptions)
        assert header.res == dataset.res and header.bounds == tuple(dataset.bounds)
    assert header.alpha == 2 and header.shown == (1, 3, 4) and not header.masked
    again = written_again(header, bands, tmp_path / "y.tif")
    assert again == header and not again.differences(header)


def test_a_palette_and_control_points_are_written_again(tmp_path: Path) -> None:
    bands = np.tile(np.arange(3, dtype="uint8"), (1, 6, 2))
    points = [GroundControlPoint(row, col, 12 + col / 100, 47 - row / 100) for row in (0, 6) for col in (0, 6)]
    write(tmp_path / "x.tif", bands, photometric="palette", nodata=2, crs=CRS.from_epsg(4326), transform=None)
    with rasterio.open(tmp_path / "x.tif", "r+") as target:
        target.write_colormap(1, TABLE)
        target.gcps = points, CRS.from_epsg(4326)
    with rasterio.open(tmp_path / "x.tif") as dataset:
        header = RasterHeader.of(dataset)
    assert header.crs == CRS.from_epsg(4326) and len(header.points) == 4
    table = header.bands[0].table
    assert table is not None and {value: table[value][:3] for value in TABLE} == {n: TABLE[n][:3] for n in TABLE}
    again = written_again(header, bands, tmp_path / "y.tif")
    assert again.crs == header.crs and again.bands[0].table == table and again.nodata == (2,)
    assert [(p.row, p.col, p.x, p.y) for p in again.points] == [(p.row, p.col, p.x, p.y) for p in points]
    part = header.window(Window(2, 3, 4, 3))
    assert [(p.row, p.col) for p in part.points] == [(p.row - 3, p.col - 2) for p in points]


@given(st.integers(0, 5), st.integers(0, 4), st.integers(1, 3), st.integers(1, 2))
def test_a_part_lies_where_gdal_puts_it(column: int, row: int, width: int, height: int) -> None:
    with rasterio.MemoryFile() as memory:
        turned = UTM * Affine.rotation(20)
        with memory.open(driver="GTiff", count=1, height=6, width=8, dtype="uint8", crs="EPSG:32633", transform=turned):
            pass
        with memory.open() as dataset:
            window = Window(column, row, width, height)
            part = RasterHeader.of(dataset).window(window)
            assert np.allclose(part.transform, dataset.window_transform(window), atol=1e-6, rtol=0)
            assert (part.width, part.height) == (width, height)


WIDE = [("int64", 2**60 + 1), ("int64", 2**63 - 1), ("int64", -(2**63)), ("int64", -9999),
        ("uint64", 2**63 + 1), ("uint64", 2**64 - 1), ("uint64", 0)]  # fmt: skip


@pytest.mark.parametrize(("dtype", "nodata"), WIDE)
def test_values_of_64_bits_are_told_with_all_their_digits(tmp_path: Path, dtype: str, nodata: int) -> None:
    near = [value for value in (nodata - 1, nodata, nodata + 1) if np.iinfo(dtype).min <= value <= np.iinfo(dtype).max]
    write(tmp_path / "x.tif", np.array([[near]], dtype))
    name = {"int64": "Int64", "uint64": "UInt64"}[dtype]
    text = f"""<VRTDataset rasterXSize="{len(near)}" rasterYSize="1"><VRTRasterBand dataType="{name}" band="1">
        <NoDataValue>{nodata}</NoDataValue><SimpleSource><SourceFilename>{tmp_path / "x.tif"}</SourceFilename>
        </SimpleSource></VRTRasterBand></VRTDataset>"""
    with rasterio.open(text) as dataset:
        header = RasterHeader.of(dataset)
        assert header.nodata == (nodata,) and isinstance(header.nodata[0], int)
        expected = (np.array(near, dtype=object) != nodata).tolist()
        assert (dataset.read_masks(1)[0] > 0).tolist() == expected
    if abs(nodata) > 2**53:
        with pytest.raises(ValueError, match=f"would be rounded .{nodata}."):
            header.profile()
    else:
        assert written_again(header, np.array([[near]], dtype), tmp_path / "y.tif").nodata == (nodata,)


@pytest.mark.parametrize(
    ("number", "dtype", "expected"),
    [(None, "uint8", None), (-9999.0, "uint8", None), (float("nan"), "int16", None), (float("inf"), "uint16", None),
     (1e10, "int32", None), (255.0, "uint8", 255), (-32768.0, "int16", -32768), (0.5, "uint8", 0),
     (0.1, "float64", 0.1), (0.1, "float32", float(np.float32(0.1))),
     (-1.7976931348623157e308, "float32", float("-inf"))],
)  # fmt: skip
def test_a_declared_value_is_one_of_the_type_or_none(number: Any, dtype: str, expected: Any) -> None:
    assert value_of(number, dtype) == expected
    assert type(value_of(number, dtype)) is type(expected)


def test_masks_of_their_own_are_told_from_alpha_and_nodata(tmp_path: Path) -> None:
    bands = np.full((4, 6, 8), 5, "uint8")
    told: List[bool] = []
    path = tmp_path / "x.tif"
    for more in ({}, {"photometric": "RGB", "alpha": "YES"}, {"nodata": 0}):
        for mask in (False, True):
            write(path, bands, **more)
            if mask:
                with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as target:
                    target.write_mask(np.eye(6, 8) > 0)
            with rasterio.open(path) as dataset:
                told.append(RasterHeader.of(dataset).masked)
                assert told[-1] == (dataset.mask_flag_enums[0] == [MaskFlags.per_dataset])
    assert told == [False, True] * 3


def test_a_header_of_thousands_of_bands_is_read_in_one_go(tmp_path: Path) -> None:
    write(tmp_path / "x.tif", np.zeros((2000, 2, 2), "uint8"))
    with rasterio.open(tmp_path / "x.tif") as dataset:
        start = time.process_time()
        header = RasterHeader.of(dataset)
        assert time.process_time() - start < 0.3  # 4 ms; a look at all of them for each band took 0.8 s
    assert len(header.bands) == 2000


def test_what_makes_equal_numbers_differ_is_told(tmp_path: Path) -> None:
    headers = []
    for dtype, scale, unit in (("uint16", 1, ""), ("uint16", 2, ""), ("int16", 1, ""), ("uint16", 1, "K"),
                               ("uint16", 1, "m")):  # fmt: skip
        write(tmp_path / "x.tif", np.zeros((1, 2, 2), dtype))
        with rasterio.open(tmp_path / "x.tif", "r+") as target:
            target.scales, target.units = [scale], [unit]
        with rasterio.open(tmp_path / "x.tif") as dataset:
            headers.append(RasterHeader.of(dataset))
    plain, scaled, signed, kelvin, metres = headers
    assert plain.differences(kelvin) == [] == plain.differences(plain)
    assert plain.differences(scaled) == ["band 1 has scale 2 and offset 0 instead of 1 and 0"]
    assert plain.differences(signed) == ["band 1 is int16 instead of uint16"]
    assert kelvin.differences(metres) == ["band 1 is in m instead of K"]
