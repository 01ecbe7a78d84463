"""What is data: footprints, thumbnails, tiles and quads show the same pixels, and nothing else has a part in means."""

from __future__ import annotations

import io
import math
import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pyproj import Transformer
from rasterio.enums import ColorInterp
from rasterio.io import MemoryFile
from shapely.geometry import shape

from planet_vector.server.archive import scene_metadata
from planet_vector.server.archive.scene_metadata import measure
from planet_vector.server.imagery import read_plan
from planet_vector.server.imagery.averaging import Averages, cells
from planet_vector.server.imagery.reading import Source, open_source
from planet_vector.server.imagery.rendering import draw_quad, draw_thumbnail
from planet_vector.server.imagery.sampling import sample
from planet_vector.server.imagery.surveys import RasterSurvey, percentiles, stretch, survey

from .conftest import Running, Serve

LEFT, TOP, PIXEL = 500_000.0, 5_300_000.0, 10.0
UTM = Affine(PIXEL, 0, LEFT, 0, -PIXEL, TOP)
GRAY, RED, GREEN, BLUE, ALPHA, NONE = (
    ColorInterp.gray, ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha, ColorInterp.undefined
)  # fmt: skip
TABLE = {0: (255, 0, 0, 255), 1: (0, 255, 0, 255), 2: (0, 0, 255, 255)}


def write(
    path: Path,
    bands: np.ndarray,
    colours: Optional[Sequence[ColorInterp]] = None,
    mask: Optional[np.ndarray] = None,
    table: Any = None,
    **more: Any,
) -> None:
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(
        path, "w", driver="GTiff", count=len(bands), height=bands.shape[1], width=bands.shape[2], dtype=bands.dtype,
        crs="EPSG:32633", transform=UTM, **more,
    ) as dataset:  # fmt: skip
        if colours:
            dataset.colorinterp = colours
        if table:
            dataset.write_colormap(1, table)
        dataset.write(bands)
        if mask is not None:
            dataset.write_mask(mask)


def source(path: Path, bands: Tuple[int, ...] = ()) -> Source:
    return Source(path, bands, None, path.with_suffix(".survey"))


def read(path: Path, size: Optional[Tuple[int, int]] = None) -> Tuple[np.ndarray, np.ndarray]:
    with open_source(source(path)) as raster:
        return raster.read((0, 0, raster.width, raster.height), size or (raster.height, raster.width))


# One scene a way to say that the west half has no data, in which there are numbers that would be seen.

WIDTH, HEIGHT = 240, 200
WEST = np.tile(np.arange(WIDTH) < WIDTH // 2, (HEIGHT, 1))
SOUTH = np.tile(np.arange(HEIGHT)[:, np.newaxis] >= HEIGHT // 2, (1, WIDTH))
RAMP = np.tile(np.linspace(100, 200, WIDTH), (HEIGHT, 1))


def halves(dtype: str, west: Any, count: int = 1) -> np.ndarray:
    return np.repeat(np.where(WEST, west, RAMP)[np.newaxis], count, axis=0).astype(dtype)


def with_alpha(dtype: str, place: int, count: int, opaque: float) -> np.ndarray:
    bands = np.repeat(np.where(WEST, 90, RAMP)[np.newaxis], count, axis=0).astype(dtype)
    bands[place] = np.where(WEST, 0, opaque)
    return bands


def nodata_in_turn() -> np.ndarray:
    """Return three bands of which one each has nodata in the east, and all have in the west."""
    bands = halves("uint16", 7, 3)
    turn = np.arange(WIDTH) % 3
    for band in range(3):
        bands[band][:, (turn == band) & ~WEST[0]] = 7
    return bands


SCENES: Dict[str, Dict[str, Any]] = {
    "nan": {"bands": halves("float32", np.nan)},
    "infinite": {"bands": halves("float64", -np.inf)},
    "nan_beside_nodata": {"bands": np.where(np.arange(HEIGHT)[:, np.newaxis] % 2, halves("float32", np.nan),
                                            halves("float32", -9999)), "nodata": -9999},
    "nodata_rounded": {"bands": halves("float32", np.finfo("float32").min), "nodata": -3.40282e38},
    "gray_alpha_16": {"bands": with_alpha("uint16", 1, 2, 65535), "colours": (GRAY, ALPHA)},
    "gray_alpha_float": {"bands": with_alpha("float32", 1, 2, 1), "colours": (GRAY, ALPHA)},
    "alpha_first": {"bands": with_alpha("uint8", 0, 2, 255), "colours": (ALPHA, GRAY)},
    "alpha_first_of_four": {"bands": with_alpha("uint16", 0, 4, 300), "colours": (ALPHA, RED, GREEN, BLUE)},
    "alpha_fifth": {"bands": with_alpha("uint8", 4, 5, 255), "colours": (RED, GREEN, BLUE, NONE, ALPHA)},
    "rgba_16": {"bands": with_alpha("uint16", 3, 4, 1), "colours": (RED, GREEN, BLUE, ALPHA)},
    "rgba_int": {"bands": with_alpha("int16", 3, 4, 1), "colours": (RED, GREEN, BLUE, ALPHA)},
    "mask": {"bands": halves("uint8", 90, 3), "mask": ~WEST},
    "mask_and_nodata": {"bands": np.where(SOUTH, halves("uint8", 0, 3), halves("uint8", 90, 3)), "mask": ~WEST | SOUTH,
                        "nodata": 0},
    "mask_and_nan": {"bands": np.where(SOUTH, halves("float32", np.nan), halves("float32", 90)), "mask": ~WEST | SOUTH},
    "alpha_and_nodata": {"bands": with_alpha("uint8", 3, 4, 255), "colours": (RED, GREEN, BLUE, ALPHA), "nodata": 255},
    "nodata_of_all_bands": {"bands": nodata_in_turn(), "nodata": 7},
    "palette": {"bands": np.where(WEST, 2, (np.arange(WIDTH) // 30) % 2)[np.newaxis].astype("uint8"), "nodata": 2,
                "photometric": "palette", "table": TABLE},
    "wide": {"bands": halves("int64", -9999), "nodata": -9999},
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("data")
    for name, scene in SCENES.items():
        write(place / f"{name}.tif", **scene)
    return place


@pytest.fixture(scope="module")
def service(serve: Serve, folder: Path) -> Running:
    return serve(folder)


def degrees(column: float, row: float) -> Tuple[float, float]:
    lon, lat = Transformer.from_crs(32633, 4326, always_xy=True).transform(LEFT + PIXEL * column, TOP - PIXEL * row)
    return float(lon), float(lat)


def opacity(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as picture:
        return np.asarray(picture.convert("RGBA"))[..., 3] > 0


@pytest.mark.parametrize("name", SCENES)
def test_footprint_thumbnail_tile_and_quad_agree_on_what_is_data(service: Running, folder: Path, name: str) -> None:
    west, _, east, _ = shape(service.json(f"scenes/ortho/{name}")["geometry"]).bounds
    pixel = degrees(1, 0)[0] - degrees(0, 0)[0]
    assert west == pytest.approx(degrees(WIDTH / 2, HEIGHT / 2)[0], abs=1.01 * pixel)
    assert east == pytest.approx(degrees(WIDTH, HEIGHT / 2)[0], abs=1.01 * pixel)

    seen = opacity(service.get(f"scenes/ortho/{name}/thumb?size=lg").content)
    middle = seen.shape[1] // 2
    assert not seen[:, : middle - 3].any() and seen[:, middle + 3 :].all()

    lon, lat = degrees(WIDTH / 2, HEIGHT / 2)
    x, y = Transformer.from_crs(4326, 3857, always_xy=True).transform(lon, lat)
    quad = draw_quad([[source(folder / f"{name}.tif")]], (x - 500, y - 500, x + 500, y + 500), 64)
    assert isinstance(quad, bytes)
    with MemoryFile(quad) as memory, memory.open() as dataset:
        shown = dataset.read(4) > 0
    assert not shown[:, :29].any() and shown[:, 35:].all()

    zoom, world = 15, 2**15
    column, row = (lon + 180) / 360 * world, (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * world
    tile = opacity(service.get(f"scenes/ortho/{name}/{zoom}/{int(column)}/{int(row)}.png").content)
    edge = int((column - int(column)) * 256)
    line = tile[int((row - int(row)) * 256)]
    assert not line[: max(0, edge - 4)].any() and line[edge + 4 : edge + 60].all()
    assert "Traceback" not in service.errors and "Warning" not in service.errors


# Windows of any mixture, against the pixels that were written.


def draw_raster(data: st.DataObject, path: Path) -> Tuple[np.ndarray, np.ndarray, np.ndarray, Optional[int]]:
    """Write a raster of 70 rows and 90 columns, of any kind.

    Returns
    -------
    bands : array
    numbers : array of bool
        Where each of them has numbers.
    allowed : array of bool
        Where mask or alpha let there be data.
    alpha : int or None
        Which of them it is.
    """
    dtype = data.draw(st.sampled_from(["uint8", "int8", "uint16", "int16", "int32", "int64", "float32", "float64"]))
    floats = dtype.startswith("float")
    count = data.draw(st.integers(1, 5))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    bands = rng.integers(1, 120, (count, 70, 90)).astype(dtype)
    holes = rng.random((70, 90)) < data.draw(st.sampled_from([0.1, 0.5, 0.9]))
    holes[:20, :30] = True
    holes = holes | (rng.random(bands.shape) < 0.2)
    nodata = data.draw(st.sampled_from([None, 0, 50, 127, *([-9999.0, math.nan] if floats else [])]))
    if nodata is not None:
        bands = np.where(holes, np.array(nodata, dtype), bands)
    if floats and data.draw(st.booleans()):
        there = rng.random((70, 90)) < 0.4
        bands = np.where(there | holes, rng.choice(np.array([np.nan, np.inf, -np.inf], dtype), bands.shape), bands)
    alpha = data.draw(st.sampled_from([None, 0, count - 1])) if count > 1 else None
    if alpha is not None:
        bands[alpha] = (rng.random((70, 90)) < 0.6) * data.draw(st.sampled_from([1, 120]))
    mask = rng.random((70, 90)) < data.draw(st.sampled_from([0.01, 0.6])) if data.draw(st.booleans()) else None
    layout = data.draw(st.sampled_from([{"blockysize": 1}, {"blockysize": 7}, {"blockysize": 70},
                                        {"tiled": True, "blockxsize": 16, "blockysize": 32}]))  # fmt: skip
    colours = [ALPHA if band == alpha else NONE for band in range(count)]
    write(path, bands, colours, mask, nodata=nodata, interleave=data.draw(st.sampled_from(["pixel", "band"])), **layout)
    numbers = np.isfinite(bands) & (True if nodata is None else bands != nodata)
    allowed = mask if mask is not None else np.ones((70, 90), bool) if alpha is None else bands[alpha] > 0
    return bands, numbers, allowed, alpha


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_means_and_masks_are_of_what_is_data(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "x.tif"
    bands, numbers, allowed, alpha = draw_raster(data, path)
    factor = data.draw(st.sampled_from([1, 2, 5, 10]))
    left, top = data.draw(st.integers(0, 30)), data.draw(st.integers(0, 20))
    across, down = data.draw(st.integers(1, 60 // factor)), data.draw(st.integers(1, 50 // factor))
    with pytest.MonkeyPatch.context() as patch:
        chunk = data.draw(st.sampled_from([64, 2000, 2**24]))
        patch.setattr(read_plan, "_CHUNK", chunk)
        patch.setattr(read_plan, "_LARGEST_CHUNK", 4 * chunk)
        with open_source(source(path)) as raster:
            found, mask = raster.read((left, top, left + across * factor, top + down * factor), (down, across))
            shown = [band - 1 for band in raster.bands]

    def parts(pixels: np.ndarray) -> np.ndarray:
        return pixels[top : top + down * factor, left : left + across * factor].reshape(down, factor, across, factor)

    data_bands = [band for band in range(len(bands)) if band != alpha]
    assert not set(shown) - set(data_bands)
    assert (mask == parts(numbers[data_bands].any(axis=0) & allowed).any(axis=(1, 3))).all()
    for more, band in zip(found.astype("float64"), shown):
        known = parts(numbers[band] & allowed)
        count = known.sum(axis=(1, 3))
        total = np.where(known, parts(np.where(numbers[band], bands[band], 0).astype("float64")), 0).sum(axis=(1, 3))
        mean = total / np.maximum(count, 1)
        # GDAL moves means off nodata by one.
        assert np.abs(more - mean)[count > 0].max(initial=0) <= (1e-4 if found.dtype.kind == "f" else 1.51)
        if found.dtype.kind == "f":
            assert (np.isnan(more) == (count == 0)).all()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_footprints_are_of_the_same_pixels(tmp_path: Path, data: st.DataObject) -> None:
    _, numbers, allowed, alpha = draw_raster(data, tmp_path / "x.tif")
    expected = numbers[[band for band in range(len(numbers)) if band != alpha]].any(axis=0) & allowed
    with rasterio.open(tmp_path / "x.tif") as dataset:
        found = scene_metadata._valid_mask(dataset, dataset, 70, 90)
    assert (found == expected).all() if found is not None else expected.all()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_cells_of_any_size_have_weighted_means(data: st.DataObject) -> None:
    size = data.draw(st.integers(3, 20))
    first = data.draw(st.floats(0, size / 2))
    length = data.draw(st.floats(1, size - first))
    number = data.draw(st.integers(1, int(length)))
    side = cells(first, length, number, size, 1)
    assert side.pixels == side.length and side.offset == int(side.offset)
    rng = np.random.default_rng(size)
    values, known = rng.uniform(1, 9, (side.pixels, side.pixels)), rng.random((side.pixels, side.pixels)) < 0.6
    values[~known] = np.nan
    averages = Averages(side.edges, side.edges)
    means, covered = averages.mean(values, known), averages.covered(known)
    for row in range(number):
        for column in range(number):
            total = weights = 0.0
            for j, i in zip(*np.nonzero(known)):
                share = 1.0
                for at, cell in ((j, row), (i, column)):
                    begin = first + cell * length / number - side.offset
                    share *= max(0.0, min(at + 1, begin + length / number) - max(at, begin))
                if share:
                    total, weights = total + share * values[j, i], weights + share
            assert covered[row, column] == pytest.approx(weights / (length / number) ** 2, abs=2e-6)
            if weights > 0.01:
                assert means[row, column] == pytest.approx(total / weights, rel=1e-5)


def test_means_of_the_largest_numbers_are_numbers(tmp_path: Path) -> None:
    values = np.full((1, 40, 40), 1.7e308)
    values[0, ::2] = np.nan
    write(tmp_path / "x.tif", values)
    found, mask = read(tmp_path / "x.tif", (10, 10))
    assert mask.all() and np.allclose(found, 1.7e308)


def test_overviews_are_read_pixel_by_pixel(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    rng = np.random.default_rng(3)
    write(path, rng.uniform(1, 9, (1, 403, 301)).astype("float32"), tiled=True, blockxsize=64, blockysize=64)
    with rasterio.open(path, "r+") as target:
        target.build_overviews([4], rasterio.enums.Resampling.nearest)
    with rasterio.open(path, "r+", overview_level=0) as target:  # what is in the overview alone is seen to be read
        level = rng.uniform(100, 900, (1, target.height, target.width)).astype("float32")
        level[rng.random(level.shape) < 0.5] = np.nan
        target.write(level)
    for factor in (1, 2, 3):
        size = (-(-403 // 4) // factor, -(-301 // 4) // factor)
        found, mask = read(path, size)
        with rasterio.open(path, overview_level=0) as dataset:
            pixels = dataset.read(1)
        edges = [np.arange(n + 1) * length / n for n, length in zip(size, pixels.shape)]
        averages = Averages(*edges)
        known = np.isfinite(pixels)
        assert (mask == (averages.covered(known) > 0)).all()
        assert np.allclose(found[0][mask], averages.mean(pixels, known)[mask], rtol=1e-4)


# Bands that are not shown, and those of which one has nothing.


@pytest.mark.parametrize("interleave", ["pixel", "band"])
def test_bands_that_are_not_shown_have_a_say(tmp_path: Path, interleave: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bands = np.zeros((6, HEIGHT, WIDTH), "uint16")
    bands[5][:, 60:] = 9
    bands[:3, :, 120:] = 100
    write(tmp_path / "x.tif", bands, nodata=0, interleave=interleave)
    for shrink in (1, 4):
        _, mask = read(tmp_path / "x.tif", (HEIGHT // shrink, WIDTH // shrink))
        assert not mask[:, : 60 // shrink].any() and mask[:, 60 // shrink :].all()
    if interleave == "band":  # what would cost too much has none, and the picture is drawn
        monkeypatch.setattr(read_plan, "MAX_DECODED", 4 * WIDTH * HEIGHT * 2)
        _, mask = read(tmp_path / "x.tif")
        assert not mask[:, :120].any() and mask[:, 120:].all()


def test_a_band_without_numbers_leaves_the_others_their_colours(tmp_path: Path) -> None:
    bands = np.stack([RAMP, RAMP * 2, RAMP * 3]).astype("float32")
    whole, holed = tmp_path / "whole.tif", tmp_path / "holed.tif"
    write(whole, bands, (RED, GREEN, BLUE))
    holes = bands.copy()
    holes[0][:, WIDTH // 2 :] = np.nan
    write(holed, holes, (RED, GREEN, BLUE))
    pictures = []
    for path in (whole, holed):
        content = draw_thumbnail([source(path)], 120, False, "png")
        assert isinstance(content, bytes)
        pictures.append(np.asarray(Image.open(io.BytesIO(content)).convert("RGBA")).astype(int))
    assert (pictures[1][..., 3] == 255).all()
    assert np.abs(pictures[0] - pictures[1])[..., 1:3].max() <= 1
    assert (pictures[1][:, 62:, 0] == 0).all()
    assert pictures[1][:, 57, 0].min() >= 245  # as bright as the band becomes, up to the edge


@given(st.integers(0, 20), st.booleans())
@settings(deadline=None, max_examples=25)
def test_bands_are_interpolated_each_from_its_own_numbers(seed: int, nearest: bool) -> None:
    rng = np.random.default_rng(seed)
    values = rng.uniform(1, 9, (3, 5, 6))
    mask = rng.random((5, 6)) < 0.8
    values[rng.random(values.shape) < 0.3] = np.nan
    columns, rows = rng.uniform(0, 6, 40), rng.uniform(0, 5, 40)
    found, valid = sample(values, mask, columns, rows, nearest)
    known = mask & ~np.isnan(values)
    pixel = np.minimum(rows.astype(int), 4), np.minimum(columns.astype(int), 5)
    assert (valid == known.any(axis=0)[pixel]).all()
    for band in range(3):
        alone, there = sample(values[[band]], known[band], columns, rows, nearest)
        assert (np.isnan(found[band]) == ~there).all() and np.allclose(found[band][there], alone[0][there])


def test_infinite_numbers_change_no_thumbnail(tmp_path: Path) -> None:
    plain, holed = np.stack([RAMP] * 3).astype("float32"), np.stack([RAMP] * 3).astype("float32")
    holed[:, 51:60, 51:60], holed[:, 71:80, 51:60], holed[:, 91:100, 51:60] = np.inf, -np.inf, np.nan
    pictures = []
    for name, bands in (("plain", plain), ("holed", holed)):
        write(tmp_path / f"{name}.tif", bands)
        content = draw_thumbnail([source(tmp_path / f"{name}.tif")], 120, False, "png")
        assert isinstance(content, bytes)
        pictures.append(np.asarray(Image.open(io.BytesIO(content)).convert("RGBA")).astype(int))
    seen = pictures[1][..., 3] > 0
    assert 1 - seen.mean() == pytest.approx(3 * 4 * 4 / seen.size, rel=0.05)  # those wholly within
    assert np.abs(pictures[0] - pictures[1])[seen].max() <= 1


def test_a_survey_shows_what_is_data(tmp_path: Path) -> None:
    bands = np.tile(np.linspace(10, 20, 1500), (1, 1400, 1)).astype("float32")
    bands[0, ::2, ::3] = np.inf
    bands[0, :, :500] = np.nan
    write(tmp_path / "x.tif", bands, compress="deflate")
    kept = source(tmp_path / "x.tif")
    kept.survey.write_bytes(survey(kept))
    found = RasterSurvey(kept.survey)
    expected = np.percentile(np.linspace(13.33, 20, 999), (2, 98))
    assert found.limits is not None and np.allclose(found.limits[0], expected, atol=0.1)
    for scale in (1.0, 4.0, 20.0):
        level = found.level((scale * 1.1, scale * 1.1))
        if level is not None:
            edge = int(500 / level.factor[0])
            # Halves are counted from the first pixel that is data.
            assert not level.mask[:, : edge - 1].any() and level.mask[1:-1, edge + 2 :].mean() > 0.8
            bright = level.colours[0][:, -3:][level.mask[:, -3:]]
            assert bright.min() > 220


def test_limits_and_stretching_are_of_numbers() -> None:
    values = np.array([[[np.nan, 1, 2, 3]], [[10, np.nan, 30, 20]]])
    mask = np.array([[True, True, True, False]])
    (low, high), second = percentiles(values, mask)
    assert 1 <= low < high <= 2 and second[0] >= 10 and second[1] <= 30
    assert stretch(values, mask, [(1, 2), (10, 30)]).tolist() == [[[0, 0, 255, 0]], [[0, 0, 255, 0]]]


# Costs.


def test_a_mask_that_costs_too_much_is_the_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.tif"
    write(path, halves("float32", np.nan, 5), interleave="band")
    west, middle = degrees(0, HEIGHT / 2)[0], degrees(WIDTH / 2, HEIGHT / 2)[0]

    def edge() -> float:
        return float(shape(measure(path).geometry).bounds[0])

    size = 5 * WIDTH * HEIGHT * 4
    monkeypatch.setattr(scene_metadata, "MOST_DECODED", size)
    assert edge() == pytest.approx(middle, abs=2e-4)
    monkeypatch.setattr(scene_metadata, "MOST_DECODED", size - 1)
    assert edge() == pytest.approx(west, abs=2e-4)


def test_hundreds_of_bands_are_drawn_in_bounded_memory(tmp_path: Path) -> None:
    bands: List[np.ndarray] = [np.full((150, 150), np.nan, "float32")] * 299
    last = np.full((150, 150), np.nan, "float32")
    last[:, 75:] = 5
    for interleave in ("pixel", "band"):
        write(tmp_path / "x.tif", np.stack([*bands, last]), interleave=interleave)
        found, mask = read(tmp_path / "x.tif", (30, 30))
        assert not mask[:, :15].any() and mask[:, 15:].all() and np.isnan(found).all()


WHOLE = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]


@pytest.mark.parametrize("nodata", [None, 7])
@pytest.mark.parametrize("dtype", WHOLE)
def test_means_stay_within_the_ends_of_their_type(tmp_path: Path, dtype: str, nodata: Optional[int]) -> None:
    ends = np.iinfo(dtype)
    near = 0 if ends.bits < 64 else 2**12  # float64 has 53 bits of 64
    for number, value in enumerate((ends.min, ends.min + 1, ends.max - 1, ends.max)):
        write(tmp_path / f"{number}.tif", np.full((1, 64, 64), value, dtype), nodata=nodata)
        for size in ((16, 16), (21, 20)):
            found, mask = read(tmp_path / f"{number}.tif", size)
            assert mask.all()
            assert max(abs(int(mean) - value) for mean in np.unique(found)) <= near, (value, size)


def test_means_take_little_more_than_reading(tmp_path: Path) -> None:
    """A picture of a large file with nodata is made within its time: means of 4 times a sum took 40 times one."""
    values = np.random.default_rng(1).integers(0, 60, (4096, 4096)).astype("uint8")
    known = values != 7
    edges = np.linspace(0, 4096, 269)
    plain, means = [], []
    for _ in range(5):
        start = time.process_time()
        (values * known).sum(axis=0, dtype="float64")
        plain.append(time.process_time() - start)
        start = time.process_time()
        averages = Averages(edges, edges)
        averages.mean(values, known)
        means.append(time.process_time() - start)
    assert min(means) < 12 * min(plain)
