"""Which pixels are data, against GDAL's masks where the rule is GDAL's, and pixel by pixel elsewhere."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Iterator, List, Optional

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.windows import Window

from planet_vector.pixels.header import RasterHeader
from planet_vector.pixels.valid import needed, read_data_mask, where_data

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

WIDTH, HEIGHT = 13, 11
INTEGERS = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
FLOATS = ["float32", "float64"]
COMPLEX = ["complex64", "complex128"]


def write(
    path: Path,
    bands: np.ndarray,
    nodata: Any = None,
    alpha: Optional[int] = None,
    mask: Optional[np.ndarray] = None,
    dtype: Optional[str] = None,
) -> None:
    """Write a GeoTIFF whose band `alpha`, counted from 0, is one."""
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(
        path, "w", driver="GTiff", width=bands.shape[2], height=bands.shape[1], count=len(bands),
        dtype=dtype or bands.dtype, crs="EPSG:32633", transform=Affine(10, 0, 300_000, 0, -10, 5_310_000),
        nodata=nodata,
    ) as dataset:  # fmt: skip
        dataset.colorinterp = [
            ColorInterp.alpha if band == alpha else ColorInterp.undefined for band in range(len(bands))
        ]
        dataset.write(bands)
        if mask is not None:
            dataset.write_mask(mask)


def brute_force(
    bands: np.ndarray, nodata: List[Any], alpha: Optional[int], mask: Optional[np.ndarray]
) -> Iterator[List[bool]]:
    """Yield rows of what is data, by Python's own numbers."""
    for row in range(bands.shape[1]):
        found = []
        for column in range(bands.shape[2]):
            pixel = [value.item() for value in bands[:, row, column]]
            let = mask[row, column] > 0 if mask is not None else alpha is None or pixel[alpha] > 0
            found.append(let and any(
                np.isfinite(value) and (nodata[band] is None or value != nodata[band])
                for band, value in enumerate(pixel) if band != alpha
            ))  # fmt: skip
        yield found


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_mixture_of_mask_alpha_nodata_and_nan_is_read_by_the_rule(tmp_path: Path, data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from(INTEGERS + FLOATS + COMPLEX))
    count = data.draw(st.integers(1, 5))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    values: List[Any] = [0, 1, 7, 100]
    if dtype not in INTEGERS:
        values += [math.nan, math.inf, -math.inf]
    if dtype in COMPLEX:
        values += [7j, 7 + 1j, complex(1, math.nan), complex(math.inf, 0)]
    bands = rng.choice(np.array(values, dtype), (count, HEIGHT, WIDTH))
    nodata = data.draw(st.sampled_from([None, 0, 7, *([] if dtype in INTEGERS else [math.nan])]))
    alpha = None if dtype in COMPLEX or count < 2 else data.draw(st.sampled_from([None, *range(count)]))
    mask = rng.random((HEIGHT, WIDTH)) < 0.7 if data.draw(st.booleans()) else None
    write(tmp_path / "x.tif", bands, nodata, alpha, mask)
    expected = np.array(list(brute_force(bands, [nodata] * count, alpha, mask)))
    with rasterio.open(tmp_path / "x.tif") as dataset:
        header = RasterHeader.of(dataset)
        assert header.masked == (mask is not None)
        assert (read_data_mask(dataset, header) == expected).all()
        given_mask = dataset.read_masks(1) if header.masked else None
        assert (where_data(dataset.read(), header, given_mask) == expected).all()
        some = needed(header)
        if some:  # they are all that is needed
            assert (where_data(dataset.read(some), header, given_mask, some) == expected).all()
        window = Window(2, 1, 8, 6)
        assert (read_data_mask(dataset, header, window=window) == expected[1:7, 2:10]).all()
        picked = read_data_mask(dataset, header, window=window, out_shape=(3, 4))
        every = dataset.read(window=window, out_shape=(count, 3, 4))
        smaller = dataset.read_masks(1, window=window, out_shape=(3, 4)) if header.masked else None
        assert (picked == where_data(every, header, smaller)).all()


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_rule_is_gdals_where_gdal_has_one(tmp_path: Path, data: st.DataObject) -> None:
    told = data.draw(st.sampled_from(["nodata", "mask", "alpha", "nothing"]))
    dtype = data.draw(st.sampled_from(["uint8", "uint16"] if told == "alpha" else INTEGERS + FLOATS))
    count = data.draw(st.sampled_from([2, 4] if told == "alpha" else [1, 2, 3, 5]))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    bands = rng.choice(np.array([0, 1, 100], dtype), (count, HEIGHT, WIDTH))
    nodata = data.draw(st.sampled_from([0, 1, 100])) if told == "nodata" else None
    mask = rng.random((HEIGHT, WIDTH)) < 0.7 if told == "mask" else None
    write(tmp_path / "x.tif", bands, nodata, count - 1 if told == "alpha" else None, mask)
    with rasterio.open(tmp_path / "x.tif") as dataset:
        masks = dataset.read_masks() > 0
        expected = masks[0] if told == "alpha" else masks.any(axis=0)
        assert (expected == (dataset.dataset_mask() > 0)).all()
        assert (read_data_mask(dataset, RasterHeader.of(dataset)) == expected).all()


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("nodata", [-9999.0, 0.1, -3.40282e38, 1e-30, 123456.789, 0.0])
def test_what_rounding_makes_of_nodata_is_nodata_as_in_gdal(tmp_path: Path, dtype: str, nodata: float) -> None:
    limits = np.finfo("float32")
    near = [np.array(nodata, dtype)]
    for _ in range(9):
        below, above = (np.nextafter(near[at], np.array(end, dtype)) for at, end in ((0, -np.inf), (-1, np.inf)))
        near = [below, *near, above]
    values = np.array([*near, limits.min, limits.max, 0, 1, *(nodata * (1 + n * 1e-7) for n in range(-5, 6))], dtype)
    write(tmp_path / "x.tif", values.reshape(1, 1, -1), nodata)
    with rasterio.open(tmp_path / "x.tif") as dataset:
        expected = dataset.read_masks(1) > 0
        assert not expected.all()
        assert (read_data_mask(dataset, RasterHeader.of(dataset)) == expected).all()


@pytest.mark.parametrize("nodata", ["7", "0.5", "-9999", "nan", "1e10", "255"])
@pytest.mark.parametrize("dtype", ["Byte", "UInt16", "Int16", "Float32"])
def test_values_that_a_type_may_not_hold_are_nodata_as_in_gdal(tmp_path: Path, nodata: str, dtype: str) -> None:
    values = np.array([[[0, 1, 7, 255, 9]]], {"Byte": "uint8"}.get(dtype, dtype.lower()))
    write(tmp_path / "x.tif", values)
    text = f"""<VRTDataset rasterXSize="5" rasterYSize="1"><VRTRasterBand dataType="{dtype}" band="1">
        <NoDataValue>{nodata}</NoDataValue><SimpleSource><SourceFilename>{tmp_path / "x.tif"}</SourceFilename>
        </SimpleSource></VRTRasterBand></VRTDataset>"""
    with rasterio.open(text) as dataset:
        assert (read_data_mask(dataset, RasterHeader.of(dataset)) == (dataset.read_masks(1) > 0)).all()


def test_each_band_has_a_nodata_value_of_its_own(tmp_path: Path) -> None:
    bands = np.random.default_rng(1).integers(0, 4, (3, HEIGHT, WIDTH)).astype("uint8")
    write(tmp_path / "x.tif", bands)
    for nodata in ([1, 2, 3], [1, 2, None], [None, None, None], [0, 0, 0]):
        text = "".join(
            f'<VRTRasterBand dataType="Byte" band="{number}">'
            + ("" if value is None else f"<NoDataValue>{value}</NoDataValue>")
            + f"<SimpleSource><SourceFilename>{tmp_path / 'x.tif'}</SourceFilename><SourceBand>{number}</SourceBand>"
            "</SimpleSource></VRTRasterBand>"
            for number, value in enumerate(nodata, 1)
        )
        with rasterio.open(f'<VRTDataset rasterXSize="{WIDTH}" rasterYSize="{HEIGHT}">{text}</VRTDataset>') as dataset:
            header = RasterHeader.of(dataset)
            found = read_data_mask(dataset, header)
            assert (found == (dataset.dataset_mask() > 0)).all()
            assert (found == np.array(list(brute_force(bands, nodata, None, None)))).all()
            assert list(needed(header)) == ([] if None in nodata else [1, 2, 3])


def test_complex_integers_are_data_but_for_nodata(tmp_path: Path) -> None:
    values = np.array([[[0, 5j, 5, 5 + 5j]]], "complex64")
    write(tmp_path / "x.tif", values, 0, dtype="complex_int16")
    with rasterio.open(tmp_path / "x.tif") as dataset:
        header = RasterHeader.of(dataset)
        assert header.dtypes == ("complex_int16",)
        assert read_data_mask(dataset, header).tolist() == [[False, True, True, True]]


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "float32", "float64"])
def test_alpha_of_any_type_is_opaque_above_zero(tmp_path: Path, dtype: str) -> None:
    alpha = np.array([-1, 0, 1, 100, *([0.01, math.nan] if dtype.startswith("float") else [])], dtype)
    for place in (0, 1, 2):
        bands = np.full((3, 1, alpha.size), 5, dtype)
        bands[place, 0] = alpha
        write(tmp_path / "x.tif", bands, alpha=place)
        with rasterio.open(tmp_path / "x.tif") as dataset:
            assert MaskFlags.alpha not in dataset.mask_flag_enums[0]  # GDAL shows what lies under it
            found = read_data_mask(dataset, RasterHeader.of(dataset))
        assert found.tolist() == [[False, False, True, True, True, False][: alpha.size]]


def test_of_hundreds_of_bands_those_are_read_that_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bands = np.full((200, HEIGHT, WIDTH), np.nan, "float32")
    bands[0, :, :6] = 1  # what the first bands leave open the last one tells
    bands[199, :, 6:9] = 1
    write(tmp_path / "x.tif", bands)
    with rasterio.open(tmp_path / "x.tif") as dataset:
        header = RasterHeader.of(dataset)
        monkeypatch.setattr("planet_vector.pixels.valid._AT_ONCE", 20 * HEIGHT * WIDTH * 4)
        asked: List[int] = []

        class Counted:
            def read(self, indexes: Any, **options: Any) -> Any:
                found = dataset.read(indexes, **options)
                asked.append(found.size)
                return found

        assert (read_data_mask(Counted(), header) == ~np.isnan(bands).all(axis=0)).all()
        assert max(asked) <= 20 * HEIGHT * WIDTH and sum(asked) == bands.size
        asked.clear()
        read_data_mask(Counted(), header, window=Window(0, 0, 6, HEIGHT))
        assert sum(asked) == 6 * HEIGHT  # the first band has data everywhere


def test_a_raster_of_alpha_alone_and_of_two_alphas(tmp_path: Path) -> None:
    alpha = np.array([[[0, 1, 255]]], "uint8")
    write(tmp_path / "x.tif", alpha, alpha=0)
    with rasterio.open(tmp_path / "x.tif") as dataset:
        assert read_data_mask(dataset, RasterHeader.of(dataset)).tolist() == [[False, True, True]]
    with rasterio.open(
        tmp_path / "y.tif", "w", driver="GTiff", width=3, height=1, count=4, dtype="uint8", nodata=None
    ) as target:
        target.colorinterp = [ColorInterp.gray, ColorInterp.alpha, ColorInterp.undefined, ColorInterp.alpha]
        target.write(np.array([[[5, 5, 5]], [[1, 0, 0]], [[5, 5, 5]], [[0, 1, 0]]], "uint8"))
    with rasterio.open(tmp_path / "y.tif") as dataset:
        expected = dataset.dataset_mask() > 0
        assert (read_data_mask(dataset, RasterHeader.of(dataset)) == expected).all()
