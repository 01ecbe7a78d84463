"""Windows of files of every layout, against the arrays that were written."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Tuple

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planet_vector.server.http_errors import HttpError
from planet_vector.server.imagery import read_plan
from planet_vector.server.imagery.reading import Source, open_source
from planet_vector.server.imagery.sampling import sample
from planet_vector.server.imagery.surveys import RasterSurvey, survey

WIDTH, HEIGHT = 90, 70
LAYOUTS = [
    {"interleave": interleave, "compress": "deflate", **blocks}
    for interleave in ("pixel", "band")
    for blocks in ({"blockysize": 1}, {"blockysize": 7}, {"blockysize": HEIGHT},
                   {"tiled": True, "blockxsize": 16, "blockysize": 32})
]  # fmt: skip


def write(path: Path, values: np.ndarray, valid: np.ndarray, told: str, **profile: Any) -> None:
    """Write bands, and where they are valid: by nodata, an alpha band or a mask in the file."""
    bands = np.where(valid, values, 0) if told == "nodata" else values
    if told == "alpha":
        bands = np.concatenate([bands, valid[np.newaxis].astype(values.dtype) * 255])
        profile["alpha"] = "YES"
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(
        path, "w", driver="GTiff", width=values.shape[2], height=values.shape[1], count=len(bands), dtype=bands.dtype,
        crs="EPSG:32633", transform=Affine(10, 0, 300_000, 0, -10, 5_310_000), photometric="RGB",
        nodata=0 if told == "nodata" else None, **profile,
    ) as dataset:  # fmt: skip
        dataset.write(bands)
        if told == "mask":
            dataset.write_mask(valid)


def read(path: Path, window: Tuple[int, int, int, int], shape: Tuple[int, int]) -> Tuple[np.ndarray, np.ndarray]:
    with open_source(Source(path, (), None, path)) as raster:
        return raster.read(window, shape)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_window_is_the_mean_of_its_valid_pixels(tmp_path: Path, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    values = rng.integers(1, 250, (3, HEIGHT, WIDTH)).astype(data.draw(st.sampled_from(["uint8", "uint16", "float32"])))
    valid = rng.random((HEIGHT, WIDTH)) < data.draw(st.sampled_from([0.3, 0.95, 1.0]))
    told = data.draw(st.sampled_from(["nodata", "mask"] if values.dtype == "float32" else ["nodata", "mask", "alpha"]))
    write(tmp_path / "x.tif", values, valid, told, **data.draw(st.sampled_from(LAYOUTS)))
    factor = data.draw(st.sampled_from([1, 2, 5, 10]))
    left, top = data.draw(st.integers(0, 30)), data.draw(st.integers(0, 20))
    across, down = data.draw(st.integers(1, 60 // factor)), data.draw(st.integers(1, 50 // factor))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read_plan, "_CHUNK", data.draw(st.sampled_from([64, 2000, 2**24])))
        found, mask = read(tmp_path / "x.tif", (left, top, left + across * factor, top + down * factor), (down, across))
    part = (slice(top, top + down * factor), slice(left, left + across * factor))
    known = valid[part].reshape(down, factor, across, factor)
    count = known.sum(axis=(1, 3))
    total = (values[(slice(None), *part)].reshape(3, down, factor, across, factor) * known).sum(axis=(2, 4))
    assert (mask == (count > 0)).all()
    assert np.abs(found - total / np.maximum(count, 1))[:, mask].max(initial=0) <= 1


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_blocks_that_were_never_written_are_not_read(tmp_path: Path, data: st.DataObject) -> None:
    layout = data.draw(st.sampled_from(LAYOUTS[:2] + LAYOUTS[3:6] + LAYOUTS[7:]))
    nodata = data.draw(st.sampled_from([None, 0, 7]))
    rows = data.draw(st.lists(st.integers(0, 9), max_size=3, unique=True))
    expected = np.full((3, HEIGHT, WIDTH), nodata or 0, "uint8")
    with rasterio.open(
        tmp_path / "x.tif", "w", driver="GTiff", width=WIDTH, height=HEIGHT, count=3, dtype="uint8", nodata=nodata,
        crs="EPSG:32633", transform=Affine(10, 0, 0, 0, -10, 0), photometric="RGB", SPARSE_OK=True, **layout,
    ) as dataset:  # fmt: skip
        for row in rows:
            expected[:, row * 7 : row * 7 + 7] = 100 + row
            dataset.write(expected[:, row * 7 : row * 7 + 7], window=((row * 7, row * 7 + 7), (0, WIDTH)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read_plan, "_CHUNK", 500)
        found, mask = read(tmp_path / "x.tif", (0, 0, WIDTH, HEIGHT), (HEIGHT, WIDTH))
    assert (found == expected)[:, mask].all()
    assert (mask == (True if nodata is None else (expected != nodata).any(axis=0))).all()


def test_pixels_are_picked_where_averages_would_cost_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.repeat(np.arange(1, HEIGHT + 1, dtype="uint8"), WIDTH * 3).reshape(HEIGHT, WIDTH, 3).transpose(2, 0, 1)
    write(tmp_path / "strips.tif", values, np.ones((HEIGHT, WIDTH), bool), "mask", compress="deflate", blockysize=1)
    monkeypatch.setattr(read_plan, "_AVERAGED", WIDTH * 3 * 20)
    monkeypatch.setattr(read_plan, "MAX_DECODED", WIDTH * 3 * 30)
    window = (0, 0, WIDTH, HEIGHT)
    found, mask = read(tmp_path / "strips.tif", window, (7, 9))
    assert mask.all() and set(np.unique(found)) <= set(range(1, HEIGHT + 1))
    assert (np.diff(found[0, :, 0].astype(int)) == 10).all()
    with pytest.raises(HttpError, match=r"strips.tif cannot be drawn at this scale: .* GB of pixels .*gdal_translate"):
        read(tmp_path / "strips.tif", window, (60, 80))


def test_a_block_that_fills_the_memory_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.ones((3, HEIGHT, WIDTH), "uint8")
    write(tmp_path / "x.tif", values, values[0] > 0, "mask", tiled=True, blockxsize=64, blockysize=64)
    monkeypatch.setattr(read_plan, "MAX_BLOCK", 64 * 64)
    with pytest.raises(HttpError, match="blocks of 64 x 64 pixels") as refused:
        read(tmp_path / "x.tif", (0, 0, 10, 10), (10, 10))
    assert refused.value.status == 422


def test_a_survey_holds_the_scene_in_halves(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    values = rng.integers(1, 250, (3, 1200, 2400)).astype("uint8")
    valid = np.ones((1200, 2400), bool)
    valid[:300] = False
    write(tmp_path / "x.tif", values, valid, "nodata", compress="lzw")
    (tmp_path / "kept").write_bytes(survey(Source(tmp_path / "x.tif", (), None, tmp_path / "kept")))
    found = RasterSurvey(tmp_path / "kept")
    assert found.limits is None
    assert found.level((1.0, 1.0)) is None or found.level((1.0, 1.0)).factor[0] <= 1.01
    for scale in (3.0, 6.0, 20.0, 1000.0):
        level = found.level((scale, scale))
        assert level is not None
        across, down = level.factor
        assert scale / 2.1 < max(across, down) <= scale * 1.02 or level.mask.shape[1] <= 64
        top = int(300 / down) + 1
        assert not level.mask[: int(300 / down) - 1].any() and level.mask[top:].all()
        assert np.abs(level.colours[:, top:].mean(axis=(1, 2)) - values[:, 300:].mean(axis=(1, 2))).max() < 1.5


@given(st.integers(2, 8), st.integers(2, 8), st.integers(0, 5), st.booleans())
@settings(deadline=None)
def test_what_is_not_valid_has_no_part_in_what_is_interpolated(
    width: int, height: int, seed: int, nearest: bool
) -> None:
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    plane = (10 + 3 * x + 5 * y)[np.newaxis]
    mask = rng.random((height, width)) < 0.7
    values = np.where(mask, plane, np.nan)
    columns, rows = rng.uniform(-1, width + 1, 50), rng.uniform(-1, height + 1, 50)
    outside = (columns < 0) | (columns > width) | (rows < 0) | (rows > height)
    columns[outside] = rows[outside] = np.nan
    found, valid = sample(values, mask, columns, rows, nearest)
    for at in range(50):
        if outside[at]:
            assert not valid[at]
            continue
        pixel = int(min(rows[at], height - 1e-9)), int(min(columns[at], width - 1e-9))
        assert valid[at] == mask[pixel]
        if valid[at] and nearest:
            assert found[0, at] == plane[0][pixel]
        elif valid[at]:
            assert plane[0][mask].min() - 1e-3 <= found[0, at] <= plane[0][mask].max() + 1e-3
            if mask.all() and 0.5 < columns[at] < width - 0.5 and 0.5 < rows[at] < height - 0.5:
                assert found[0, at] == pytest.approx(10 + 3 * columns[at] + 5 * rows[at], abs=1e-3)
