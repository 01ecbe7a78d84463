"""Masks of usable pixels in products, mosaics, stacks of bands, crops and cubes, against numpy over the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, List, Tuple

import numpy as np
import pytest

import planet_vector
from planet_vector.bands.masks import (
    QA_PIXEL,
    QA_PIXEL_OF_MSS,
    SCL,
    UDM,
    UDM2,
    parse_mask,
    sensor_of_collection_2,
    shown_values,
)
from planet_vector.errors import ConfigError, NotFoundError, PlanetVectorError, QueryError, RasterAccessError
from planet_vector.scene import Scene

rasterio = pytest.importorskip("rasterio")
geopandas = pytest.importorskip("geopandas")
import shapely  # noqa: E402

from planet_vector.raster.file_vrts import clear_pixels  # noqa: E402
from planet_vector.raster.headers import header_of  # noqa: E402

from ..faces import NO_NAMES, over_both  # noqa: E402
from .clear_ground import (  # noqa: E402
    BARE,
    BROKEN,
    COARSE,
    COLUMNS,
    LANDSAT,
    LATER,
    LEFT,
    LOWER,
    NO_MASK,
    OLD_LANDSAT,
    PIXEL,
    ROWS,
    SENTINEL,
    TOP,
    UPPER,
    ClearGround,
    named,
    shift,
    write,
)

WORDS = ["udm2", "unclear", "clouds,haze,shadow", "snow", "light_haze", "heavy_haze,clouds"]


@pytest.fixture
def ground(clear_ground: ClearGround, monkeypatch: pytest.MonkeyPatch) -> ClearGround:
    monkeypatch.setenv("PL_API_URL", clear_ground.service.root)
    monkeypatch.setenv("PL_API_KEY", clear_ground.service.key)
    return clear_ground


def scenes(*ids: str) -> List[Scene]:
    return [planet_vector.connect().scene(named(f"ortho/{each}").split("/")[0], each) for each in ids]


@pytest.mark.parametrize("words", WORDS)
def test_hidden_pixels_are_no_data(ground: ClearGround, words: str) -> None:
    pixels, shown = ground.read(LOWER), ground.shown(LOWER, words)
    expected = shown & (pixels != 0).any(axis=0)
    with planet_vector.open(named(f"PLANET:ortho/{LOWER}/analytic"), mask=words) as dataset:
        assert np.array_equal(dataset.dataset_mask() > 0, expected)
        assert np.array_equal(dataset.read(), np.where(expected, pixels, 0))
        window = rasterio.windows.Window(70, 40, 31, 29)
        part = dataset.read(masked=True, window=window)
        assert np.array_equal(~part.mask, np.broadcast_to(expected[40:69, 70:101], part.shape))
        assert (dataset.nodata, dataset.dtypes[0]) == (0, "uint16")


@over_both
def test_alpha_is_transparent_where_pixels_are_hidden(ground: ClearGround) -> None:
    pixels, shown = ground.read(UPPER, "Visual"), ground.shown(UPPER, "clouds,shadow")
    with planet_vector.open(named(f"PLANET:ortho/{UPPER}/visual"), mask="clouds,shadow") as dataset:
        expected = shown & (pixels[3] > 0)
        assert np.array_equal(dataset.read(), np.where(expected, pixels, 0))
        assert np.array_equal(dataset.dataset_mask() > 0, expected)
        assert dataset.colorinterp[3].name == "alpha"


def test_the_pixel_of_a_coarser_mask_at_the_centre_counts_and_nothing_is_shown_beyond_it(ground: ClearGround) -> None:
    pixels, shown = ground.read(COARSE), ground.shown(COARSE, "unclear")
    expected = np.zeros((ROWS, COLUMNS), bool)
    for row in range(ROWS):
        for column in range(COLUMNS - 20):
            expected[row, column] = shown[int((row + 0.5) / 2), int((column + 0.5) / 2)]
    with planet_vector.open(named(f"PLANET:ortho/{COARSE}/analytic"), mask="unclear") as dataset:
        assert np.array_equal(dataset.read(), np.where(expected, pixels, 0))
        assert np.array_equal(dataset.dataset_mask() > 0, expected & (pixels != 0).any(axis=0))


@pytest.mark.parametrize(
    "words, hidden", [("scl", [0, 1, 3, 8, 9, 10, 11]), ("clouds", [8, 9, 10]), ("shadow,snow", [3, 11])]
)
def test_a_band_of_classes_masks_bands_of_two_resolutions(ground: ClearGround, words: str, hidden: List[int]) -> None:
    shown = ~np.isin(ground.sentinel("SCL"), hidden).repeat(2, axis=0).repeat(2, axis=1)
    fine, coarse = ground.sentinel("B04"), ground.sentinel("B05").repeat(2, axis=0).repeat(2, axis=1)
    with planet_vector.open(named(f"PLANET:sentinel2/{SENTINEL}/band_4,band_5"), mask=words) as dataset:
        assert np.array_equal(dataset.read(), np.where(shown, [fine, coarse], 0))
        assert np.array_equal(dataset.dataset_mask() > 0, shown & ((fine > 0) | (coarse > 0)))


QA_BITS = {"qa_pixel": [0, 1, 2, 3, 4, 5], "clouds": [1, 2, 3], "shadow,snow": [4, 5]}
"""By mask, the bits that hide a pixel, as the product guides of Landsat's Collection 2 list them: fill, dilated cloud,
cirrus, cloud, shadow of a cloud, snow."""


def clear_of(ground: ClearGround, scene: str, words: str) -> np.ndarray:
    """Return where the quality band of a Landsat scene has none of the bits."""
    quality = ground.landsat(scene, "QA_PIXEL")
    return ~np.any([quality >> bit & 1 for bit in QA_BITS[words]], axis=0)


def landsat(*ids: str) -> List[Scene]:
    return [planet_vector.connect().scene(named(f"landsat/{each}").split("/")[0], each) for each in ids]


@pytest.mark.parametrize("words", QA_BITS)
def test_bits_of_landsats_quality_band_hide_pixels(ground: ClearGround, words: str) -> None:
    shown = clear_of(ground, LANDSAT, words)
    expected = np.where(shown, [ground.landsat(LANDSAT, band) for band in ("B4", "B5")], 0)
    with planet_vector.open(named(f"PLANET:landsat/{LANDSAT}/band_4,band_5"), mask=words) as dataset:
        assert np.array_equal(dataset.read(), expected)
        assert np.array_equal(dataset.dataset_mask() > 0, shown)
    with planet_vector.mosaic(landsat(LANDSAT, LATER), product=named("band_4"), mask=words) as mosaic:
        on_top = np.where(clear_of(ground, LATER, words), ground.landsat(LATER, "B4"), 0)
        column, row = (round(place) for place in ~mosaic.transform * (700_020, TOP))
        part = mosaic.read(1)[row : row + 60, column : column + 60]
        assert np.array_equal(part, np.where(on_top > 0, on_top, expected[0]))
    assert 0.001 < shown.mean() < 0.5


@pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")
def test_bits_of_landsats_quality_band_in_crops_cubes_series_and_indices(ground: ClearGround, tmp_path: Path) -> None:
    pytest.importorskip("odc.stac")
    red, nir = (ground.landsat(LANDSAT, band).astype(float) for band in ("B4", "B5"))
    shown = clear_of(ground, LANDSAT, "clouds")
    given = landsat(LANDSAT, LATER)
    crop = planet_vector.crop_stack(given, tmp_path, product=named("band_4"), mask="clouds")[0]
    cube = planet_vector.to_xarray(given, product=named("band_4"), mask="clouds").isel(time=0)
    assert crop.path is not None
    with rasterio.open(crop.path) as dataset:
        column, row = (round(place) for place in ~dataset.transform * (700_020, TOP))
        part = slice(-row, dataset.height - row), slice(-column, dataset.width - column)
        assert np.array_equal(dataset.read(1), np.where(shown, red, 0)[part]) and dataset.width > 50
    assert np.array_equal(next(iter(cube.data_vars.values())), np.where(shown, red, 0)[part])
    expression = named("(band_5 - band_4) / (band_5 + band_4)")
    index = np.where(shown, (nir - red) / (nir + red), np.nan)
    with planet_vector.open(named(f"PLANET:landsat/{LANDSAT}"), mask="clouds", index=expression) as dataset:
        np.testing.assert_allclose(dataset.read(1), index, rtol=1e-5)
    box = shapely.box(700_327, TOP - 1493, 701_513, TOP - 307).segmentize(50)
    field = geopandas.GeoSeries([box], crs="EPSG:32633").to_crs(4326)[0]
    row = planet_vector.timeseries(given[:1], field, expression, mask="clouds").iloc[0]
    values = index[10:50, 10:50]
    assert row["count"] == np.isfinite(values).sum() and row["mean"] == pytest.approx(np.nanmean(values), rel=1e-4)


@over_both
def test_landsats_quality_band_of_other_collections_is_no_mask(ground: ClearGround) -> None:
    with pytest.raises(NotFoundError, match="has no mask of usable pixels"):
        planet_vector.open(named(f"PLANET:landsat/{OLD_LANDSAT}/band_4"), mask="qa_pixel")
    with planet_vector.open(named(f"PLANET:landsat/{LANDSAT}/band_4"), mask="clouds") as dataset:
        assert np.array_equal(dataset.read_masks(1) > 0, clear_of(ground, LANDSAT, "clouds"))


def mosaic_of(
    ground: ClearGround, product: str, words: str, shape: Tuple[int, int], corner: Tuple[float, float]
) -> Any:
    """Return the pixels and validity of a mosaic of the two scenes that share ground, by numpy."""
    rest = {"analytic": "AnalyticMS", "visual": "Visual"}[product]
    pixels = np.zeros((4, *shape), ground.read(LOWER, rest).dtype)
    valid = np.zeros(shape, bool)
    for scene in (LOWER, UPPER):  # the newer on top
        own = ground.read(scene, rest)
        seen = (own[3] > 0) if product == "visual" else (own != 0).any(axis=0)
        seen = seen & ground.shown(scene, words)
        for row, column in np.argwhere(seen):
            at = (
                round((corner[1] - TOP) / PIXEL) + 10 * shift(scene) + row,
                round((LEFT - corner[0]) / PIXEL) + 20 * shift(scene) + column,
            )
            if 0 <= at[0] < shape[0] and 0 <= at[1] < shape[1]:
                pixels[(slice(None), *at)], valid[at] = own[:, row, column], True
    return pixels, valid


@pytest.mark.parametrize("product", ["analytic", "visual"])
def test_ground_hidden_in_the_scene_on_top_is_that_of_the_next(ground: ClearGround, product: str) -> None:
    with planet_vector.mosaic(scenes(LOWER, UPPER), product=named(product), mask="clouds,haze,shadow") as dataset:
        pixels, valid = mosaic_of(
            ground, product, "clouds,haze,shadow", dataset.shape, (dataset.bounds.left, dataset.bounds.top)
        )
        assert np.array_equal(dataset.read(), pixels)
        assert np.array_equal(dataset.dataset_mask() > 0, valid)
        # Both scenes hide something there that the other shows, and some ground that neither does.
        assert not valid[60:100, 80:140].all() and valid[60:100, 80:140].any()


def test_a_warped_mosaic_shows_nothing_hidden(ground: ClearGround) -> None:
    with planet_vector.mosaic(scenes(UPPER), product=named("analytic"), mask="clouds", dst_crs="EPSG:32632") as dataset:
        found, valid = dataset.read(1), dataset.dataset_mask() > 0
        transform, crs = dataset.transform, dataset.crs
    pixels, shown = ground.read(UPPER), ground.shown(UPPER, "clouds")
    seen = np.where(shown, pixels[0], 0)
    left, top = LEFT + 20 * PIXEL, TOP - 10 * PIXEL
    rows, columns = np.nonzero(valid)
    x, y = rasterio.warp.transform(crs, "EPSG:32633", *(transform * (columns + 0.5, rows + 0.5)))
    at = np.floor((top - np.array(y)) / PIXEL).astype(int), np.floor((np.array(x) - left) / PIXEL).astype(int)
    inner = (at[0] > 0) & (at[0] < ROWS - 1) & (at[1] > 0) & (at[1] < COLUMNS - 1)
    # The transformer's tolerance is an eighth of a pixel, so the neighbour may be taken.
    near = [np.roll(seen, (dy, dx), (0, 1))[at[0][inner], at[1][inner]] for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    values = found[rows, columns][inner]
    assert len(values) > 0.6 * shown.sum()
    assert np.any([each == values for each in near], axis=0).all()


# odc-geo calls it.
@pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")
def test_crops_and_cubes_have_the_pixels_and_shares_of_the_mask(ground: ClearGround, tmp_path: Path) -> None:
    pytest.importorskip("odc.stac")
    given = scenes(LOWER, UPPER)
    for product, rest in (("analytic", "AnalyticMS"), ("visual", "Visual")):
        crops = planet_vector.crop_stack(given, tmp_path / product, product=named(product), mask="clouds,shadow")
        cube = planet_vector.to_xarray(given, product=named(product), mask="clouds,shadow").compute(
            scheduler="synchronous"
        )
        for place, crop in enumerate(crops):
            own = ground.read(crop.scene.id, rest)
            seen = (own[3] > 0) if product == "visual" else (own != 0).any(axis=0)
            seen &= ground.shown(crop.scene.id, "clouds,shadow")
            assert crop.path is not None
            with rasterio.open(crop.path) as dataset:
                column = round((dataset.bounds.left - LEFT) / PIXEL) - 20 * shift(crop.scene.id)
                row = round((TOP - dataset.bounds.top) / PIXEL) - 10 * shift(crop.scene.id)
                part = (slice(row, row + dataset.height), slice(column, column + dataset.width))
                assert np.array_equal(dataset.read(), np.where(seen, own, 0)[(slice(None), *part)])
                assert np.array_equal(dataset.dataset_mask() > 0, seen[part])
                assert dataset.tags()["mask"] == "clouds,shadow"
                assert dataset.tags()["valid"] == f"{seen[part].mean():.6f}"
                if product == "analytic":
                    assert dataset.descriptions == ("blue", "green", "red", "nir")
            assert crop.valid == pytest.approx(seen[part].mean())
            names = {"analytic": ["blue", "green", "red", "nir"], "visual": ["red", "green", "blue", "alpha"]}[product]
            for number, name in enumerate(names):
                expected = np.where(seen, own[number], 0)[part]
                assert np.array_equal(cube[name].isel(time=place), expected), name
    few = planet_vector.crop_stack(
        given, tmp_path / "few", product=named("analytic"), mask="unclear", require_valid=0.99
    )
    assert [crop.path for crop in few] == [None, None]


def test_a_scene_without_its_mask_is_an_error(ground: ClearGround, tmp_path: Path) -> None:
    name = named(f"PLANET:ortho/{BARE}/analytic")
    with pytest.raises(NotFoundError, match=named(f"{BARE}/analytic cannot be masked.* no product 'udm2'")):
        planet_vector.open(name, mask="clouds")
    with pytest.raises(NotFoundError, match="cannot be masked"):
        planet_vector.mosaic(scenes(UPPER, BARE), product=named("analytic"), mask="clouds")
    with pytest.raises(NotFoundError, match="cannot be masked"):
        planet_vector.crop_stack(scenes(UPPER, BARE), tmp_path, product=named("analytic"), mask="clouds")
    assert not list(tmp_path.iterdir())
    with planet_vector.open(name) as dataset:
        assert np.array_equal(dataset.read(), ground.read(BARE))


def test_a_mask_that_cannot_be_read_is_an_error(ground: ClearGround, tmp_path: Path) -> None:
    def opened() -> None:
        with planet_vector.open(named(f"PLANET:ortho/{BROKEN}/analytic"), mask="unclear") as dataset:
            dataset.read()

    def crop() -> None:
        planet_vector.crop_stack(scenes(BROKEN), tmp_path, product=named("analytic"), mask="unclear")

    def mosaic() -> None:
        with planet_vector.mosaic(scenes(BROKEN, UPPER), product=named("analytic"), mask="unclear") as dataset:
            dataset.read()

    for read in (opened, crop, mosaic):
        with pytest.raises((PlanetVectorError, rasterio.errors.RasterioIOError)):
            read()
    assert not list(tmp_path.iterdir())
    with pytest.raises(RasterAccessError, match="1 bands of uint8, which is not a mask"):
        planet_vector.open(named(f"PLANET:ortho/{NO_MASK}/analytic"), mask="clouds")


@pytest.mark.parametrize(
    "name, words, told",
    [
        (f"ortho/{LOWER}/analytic", "cloudy", "'cloudy' is no word for a mask: it takes clouds, haze"),
        (f"ortho/{LOWER}/analytic", "", "The mask is empty"),
        (f"ortho/{LOWER}/analytic", "scl", "is of the kind udm2, not scl"),
        (f"ortho/{LOWER}/udm2", "clouds", "has no mask of usable pixels"),
        (f"sentinel2/{SENTINEL}/band_4", "haze", "does not tell light and heavy haze"),
        ("basemaps/any", "clouds", "A basemap has no mask"),
    ],
)
def test_what_a_mask_cannot_tell_is_said(ground: ClearGround, name: str, words: str, told: str) -> None:
    with pytest.raises(PlanetVectorError, match=told):
        planet_vector.open(named(f"PLANET:{name}"), mask=words)


def test_words() -> None:
    assert parse_mask(" Cloud, shadows,,clouds ") == ("clouds", "shadow")
    with pytest.raises(QueryError, match="'scl'"):
        parse_mask("clouds,scl")  # a kind is given alone
    assert shown_values(SCL, ["clouds", "shadow"]) == {1: frozenset({0, 1, 2, 4, 5, 6, 7, 11})}
    names = (LANDSAT, OLD_LANDSAT, f"2024/{LATER}_SR", "LC81300472015235LGN00", "LM03_L1TP_208034_19810101_02_T2")
    assert [sensor_of_collection_2(name) for name in names] == ["C", "", "C", "", "M"]
    # Bit 1 is for clouds, with any other bits.
    assert {value for value in range(256) if value & 2} == set(range(256)) - shown_values(UDM, ["clouds"])[1]


def test_landsats_mss_tells_clouds_and_neither_shadows_nor_snow() -> None:
    """Its bits 1, 2 and 4 to 7 are unused; what they hold hides nothing."""
    for words, hidden in (("clouds", 0b1000), ("qa_pixel", 0b1001), ("unclear", 0b1001)):
        (shown,) = shown_values(QA_PIXEL_OF_MSS, [words]).values()
        for value in range(256):
            assert (value & QA_PIXEL_OF_MSS.bits in shown) == (not value & hidden), value
    for word in ("shadow", "snow"):
        assert shown_values(QA_PIXEL, [word])
        with pytest.raises(QueryError, match="qa_pixel does not tell"):
            shown_values(QA_PIXEL_OF_MSS, ["clouds", word])


@pytest.mark.parametrize("pixel, beyond", [(1.0, 0.0), (1.5, -4.0), (4.0, 0.0), (5.0, 5.5), (7.3, -33.3), (20.0, 1.4)])
def test_a_pixel_is_hidden_unless_its_centre_is_in_a_shown_pixel_of_the_mask(
    pixel: float, beyond: float, tmp_path: Path
) -> None:
    """Masks of any pixel size and extent, by numpy; GDAL alone fills the pixels that a mask touches at its rim."""
    rng = np.random.default_rng(round(10 * pixel))
    pixels = rng.integers(0, 5, (2, 91, 118)).astype("uint16")
    masks = (rng.random((8, round(200 / pixel), round(310 / pixel))) < 0.3).astype("uint8")
    write(tmp_path / "image.tif", pixels, LEFT, TOP, PIXEL, nodata=0)
    write(tmp_path / "mask.tif", masks, LEFT + beyond, TOP - beyond, pixel)
    headers = []
    for name in ("image", "mask"):
        with rasterio.open(tmp_path / f"{name}.tif") as dataset:
            headers.append(header_of(dataset))
    rules = sorted(shown_values(UDM2, ["clouds", "shadow"]).items())
    image, mask = str(tmp_path / "image.tif"), str(tmp_path / "mask.tif")
    text = clear_pixels(image, headers[0], None, mask, headers[1], rules)
    rows, columns = (np.floor(((np.arange(size) + 0.5) * PIXEL - beyond) / pixel).astype(int) for size in (91, 118))
    within = (rows >= 0) & (rows < masks.shape[1]), (columns >= 0) & (columns < masks.shape[2])
    at = np.ix_(rows.clip(0, masks.shape[1] - 1), columns.clip(0, masks.shape[2] - 1))
    expected = np.logical_and.outer(*within) & (masks[2][at] == 0) & (masks[5][at] == 0) & (pixels != 0).any(axis=0)
    with rasterio.open(text) as dataset:
        assert np.array_equal(dataset.read(1), np.where(expected, 255, 0))
        window = rasterio.windows.Window(60, 50, 41, 30)
        assert np.array_equal(dataset.read(1, window=window) > 0, expected[50:80, 60:101])


def test_a_mask_beside_its_product_hides_all(tmp_path: Path) -> None:
    write(tmp_path / "image.tif", np.ones((1, 20, 20), "uint8"), LEFT, TOP, PIXEL)
    write(tmp_path / "mask.tif", np.ones((1, 20, 20), "uint8"), LEFT + 20 * PIXEL, TOP, PIXEL)
    headers = []
    for name in ("image", "mask"):
        with rasterio.open(tmp_path / f"{name}.tif") as dataset:
            headers.append(header_of(dataset))
    image, mask = str(tmp_path / "image.tif"), str(tmp_path / "mask.tif")
    with rasterio.open(clear_pixels(image, headers[0], None, mask, headers[1], [(1, frozenset({1}))])) as dataset:
        assert not dataset.read(1).any()


@pytest.mark.parametrize("scene, words", [(LOWER, "clouds,haze,shadow"), (COARSE, "unclear")])
def test_series_have_the_values_of_clear_pixels(ground: ClearGround, scene: str, words: str) -> None:
    pytest.importorskip("pandas")
    left, top = LEFT + 20 * PIXEL * shift(scene), TOP - 10 * PIXEL * shift(scene)
    pixels, shown = ground.read(scene).astype(float), ground.shown(scene, words)
    if scene == COARSE:  # the mask lacks the last 20 columns
        fine = shown.repeat(2, axis=0).repeat(2, axis=1)
        shown = np.pad(fine, ((0, 0), (0, COLUMNS - fine.shape[1])))
    clear = shown & (pixels[3] != 0) & (pixels[2] != 0)
    # Rectangles of whole pixels, except for the bend of their edges: an inner margin keeps the centres apart from them.
    parts = {"middle": (30, 90, 40, 110), "rim": (5, 110, 120, 158)}
    places: Any = {}
    for name, (first, last, begin, end) in parts.items():
        west, south = left + (begin + 0.2) * PIXEL, top - (last - 0.2) * PIXEL
        box = shapely.box(west, south, left + (end - 0.2) * PIXEL, top - (first + 0.2) * PIXEL)
        places[name] = geopandas.GeoSeries([box.segmentize(30)], crs="EPSG:32633").to_crs(4326)[0]
    points = [(45, 60), (70, 100), (60, 80), (8, 150), (118, 30), *np.argwhere(clear)[1000::5000].tolist()]
    spots = {}
    for row, column in points:
        (x,), (y,) = rasterio.warp.transform(
            "EPSG:32633", "EPSG:4326", [left + (column + 0.5) * PIXEL], [top - (row + 0.5) * PIXEL]
        )
        spots[f"{row},{column}"] = (x, y)
    frame = planet_vector.timeseries(scenes(scene), places, "band_4 - band_3", product=named("analytic"), mask=words)
    assert len(frame) == 2
    for row in frame.itertuples():
        first, last, begin, end = parts[row.place]
        part = (slice(first, last), slice(begin, end))
        values = (pixels[3] - pixels[2])[part][clear[part]]
        assert row.count == len(values) and row.valid == pytest.approx(clear[part].mean())
        assert (row.mean, row.min, row.max) == pytest.approx((values.mean(), values.min(), values.max()))
    assert 0 < frame.valid.min() < frame.valid.max() < 1
    frame = planet_vector.timeseries(scenes(scene), spots, "band_4 - band_3", product=named("analytic"), mask=words)
    for (row, column), found in zip(points, frame.itertuples()):
        assert found.valid == clear[row, column]
        if found.valid:
            assert found.value == pixels[3, row, column] - pixels[2, row, column]
    assert 0 < frame.valid.mean() < 1


def test_series_hide_bands_of_two_resolutions(ground: ClearGround) -> None:
    pytest.importorskip("pandas")
    shown = ~np.isin(ground.sentinel("SCL"), [8, 9, 10]).repeat(2, axis=0).repeat(2, axis=1)
    fine, coarse = ground.sentinel("B04"), ground.sentinel("B05").repeat(2, axis=0).repeat(2, axis=1)
    values = (fine.astype(float) - coarse)[20:80, 30:90]
    clear = (shown & (fine > 0) & (coarse > 0))[20:80, 30:90]
    box = shapely.box(600_302, TOP - 798, 600_898, TOP - 202).segmentize(50)
    field = geopandas.GeoSeries([box], crs="EPSG:32633").to_crs(4326)[0]
    given = [planet_vector.connect().scene(named("sentinel2"), SENTINEL)]
    row = planet_vector.timeseries(given, field, named("band_4 - band_5"), mask="clouds").iloc[0]
    assert row["count"] == clear.sum() and row.valid == pytest.approx(clear.mean())
    assert row["mean"] == pytest.approx(values[clear].mean())


def test_series_are_never_of_hidden_pixels(ground: ClearGround, tmp_path: Path, call: Callable[..., Any]) -> None:
    pytest.importorskip("pandas")
    place, series = shapely.box(*scenes(BARE)[0].footprint.bounds), planet_vector.timeseries
    with pytest.raises(NotFoundError, match="cannot be masked"):
        series(scenes(BARE), place, "band_1", product=named("analytic"), mask="clouds")
    with pytest.raises(RasterAccessError, match="1 bands of uint8, which is not a mask"):
        series(scenes(NO_MASK), place, "band_1", product=named("analytic"), mask="clouds")
    with pytest.raises(PlanetVectorError):
        series(scenes(BROKEN), place, "band_1", product=named("analytic"), mask="unclear")
    journal = tmp_path / "journal"
    plain = series(scenes(LOWER), place, "band_1", product=named("analytic"), journal=journal)
    with pytest.raises(ConfigError, match="another expression or mask"):
        series(scenes(LOWER), place, "band_1", product=named("analytic"), journal=journal, mask="clouds")
    name = named("PLANET:ortho?acquired.lt=2022-12-22")
    done = call(
        "timeseries",
        place.wkt,
        "band_1",
        name,
        "-s",
        named("ortho"),
        "--product",
        named("analytic"),
        "--mask",
        "shadows,clouds,cloud",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1].split(",")[1] == LOWER
    hidden = series(scenes(LOWER), place, "band_1", product=named("analytic"), mask="clouds,shadow")
    assert int(done.stdout.splitlines()[1].split(",")[-2]) == hidden["count"][0] < plain["count"][0]
    done = call("timeseries", place.wkt, "band_1", name, "--mask", "fog")
    assert done.returncode == 2 and "'fog' is no word for a mask" in done.stderr


@pytest.mark.only_v0(NO_NAMES)
def test_a_saved_vrt_is_masked(ground: ClearGround, tmp_path: Path, call: Callable[..., Any]) -> None:
    path = tmp_path / "clear.vrt"
    done = call("vrt", named(f"PLANET:ortho/{LOWER}/analytic"), "--mask", "clouds", "-o", str(path))
    assert done.returncode == 0, done.stderr
    text = path.read_text()
    assert ground.service.key not in text
    assert text.count("udm2") and "blue" in text


def test_commands_take_masks(ground: ClearGround, tmp_path: Path, call: Callable[..., Any]) -> None:
    area = "15.002,47.8508,15.004,47.8524"
    of_scenes = "--bbox", area, "-s", named("ortho"), "--product", named("analytic")
    one = tmp_path / "one.tif"
    done = call("crop", named(f"PLANET:ortho/{LOWER}/analytic"), "--bbox", area, "--mask", "clouds", "-o", str(one))
    assert done.returncode == 0, done.stderr
    with (
        planet_vector.open(named(f"PLANET:ortho/{LOWER}/analytic"), mask="clouds") as dataset,
        rasterio.open(one) as file,
    ):
        window = rasterio.windows.from_bounds(*file.bounds, dataset.transform).round()
        assert np.array_equal(file.read(), dataset.read(window=window))
        assert np.array_equal(file.dataset_mask(), dataset.dataset_mask(window=window))
        share = (file.dataset_mask() > 0).mean()
    assert 0 < share < 1
    done = call("crop", LOWER, UPPER, *of_scenes, "--mask", "cloud", "-o", str(tmp_path))
    assert done.returncode == 0, done.stderr
    told = [float(line.split("\t")[1].rstrip(" %")) for line in done.stdout.splitlines()]
    assert told[0] == pytest.approx(100 * share, abs=1)
    whole = tmp_path / "mosaic.tif"
    done = call("mosaic", *of_scenes, "--mask", "clouds", "-o", str(whole))
    assert done.returncode == 1 and "cannot be masked" in done.stderr
    done = call("mosaic", "--mask", "fog", "-o", str(whole))
    assert done.returncode == 2 and "'fog' is no word for a mask" in done.stderr
