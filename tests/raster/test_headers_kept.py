"""Crops and mosaics say what their files say: masks, palettes, scales, units; what has no data has none in them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import pytest

import planet_vector
from planet_vector import rasters
from planet_vector.errors import RasterAccessError
from planet_vector.scene import Scene

from ..conftest import Service, Start

rasterio = pytest.importorskip("rasterio")
from rasterio.enums import ColorInterp, MaskFlags, Resampling  # noqa: E402
from rasterio.transform import from_origin  # noqa: E402
from rasterio.windows import Window  # noqa: E402

from planet_vector.raster.geotiff import write_geotiff  # noqa: E402

WIDTH, HEIGHT, PIXEL = 150, 120, 10
PALETTE = {value: (value, 255 - value, 9, 255) for value in range(256)}
ROWS, COLUMNS = np.mgrid[:HEIGHT, :WIDTH]
SEEN = (COLUMNS + ROWS * 0.3 > 23) & (COLUMNS - ROWS * 0.2 < WIDTH - 11)

KINDS: Dict[str, Dict[str, Any]] = {
    "mask": {"count": 3, "dtype": "uint8"},
    "alpha": {"count": 4, "dtype": "uint8", "photometric": "RGB", "alpha": "yes"},
    "nodata": {"count": 3, "dtype": "uint16", "nodata": 0},
    "nan": {"count": 2, "dtype": "float32"},
    "palette": {"count": 1, "dtype": "uint8", "nodata": 0},
    "scale": {"count": 2, "dtype": "int16", "nodata": -9999},
    "alpha16": {"count": 2, "dtype": "int16"},
}


def write(path: Path, kind: str, column: int, row: int, scale: float = 2.75e-5) -> None:
    profile = {"driver": "GTiff", "width": WIDTH, "height": HEIGHT, "crs": "EPSG:32633", **KINDS[kind]}
    place = from_origin(350_000 + PIXEL * column, 5_300_000 - PIXEL * row, PIXEL, PIXEL)
    pixels = np.where(SEEN, 200, profile.get("nodata", 0)) * np.ones((profile["count"], 1, 1))
    if kind == "nan":
        pixels[:, ~SEEN] = np.nan
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "w", transform=place, **profile) as file:
        if kind == "palette":
            file.write_colormap(1, PALETTE)
        if kind == "alpha16":
            file.colorinterp = (ColorInterp.gray, ColorInterp.alpha)
        if kind == "scale":
            file.scales, file.offsets, file.units = (scale,) * 2, (-0.2,) * 2, ("reflectance",) * 2
            file.set_band_description(1, "blue")
        file.update_tags(MADE_BY="a test")
        file.write(pixels.astype(profile["dtype"]))
        if kind == "mask":
            file.write_mask(SEEN)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kinds")
    for kind in KINDS:
        for number, (column, row) in enumerate(((0, 0), (121, 13), (31, 95))):
            write(folder / f"2015010{number + 1}_000000_{kind}_analytic.tif", kind, column, row)
    write(folder / "20150105_000000_other_analytic.tif", "scale", 0, 0, scale=1e-4)
    return folder


@pytest.fixture(scope="module")
def kinds_service(start_service: Start, archive: Path) -> Service:
    return start_service(archive)


@pytest.fixture
def kinds(kinds_service: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setenv("PL_API_URL", kinds_service.root)
    monkeypatch.setenv("PL_API_KEY", kinds_service.key)
    return kinds_service


def scenes(*kinds: str) -> List[Scene]:
    return [scene for scene in planet_vector.search("PLANET:ortho") if scene.id.split("_")[2] in kinds]


def said(dataset: Any) -> Dict[str, Any]:
    return {
        "scales": dataset.scales, "offsets": dataset.offsets, "units": dataset.units, "nodata": str(dataset.nodatavals),
        "colours": dataset.colorinterp, "names": dataset.descriptions, "made": dataset.tags().get("MADE_BY"),
        "mask": MaskFlags.per_dataset in dataset.mask_flag_enums[0],
        "palette": dataset.colormap(1) if dataset.colorinterp[0] == ColorInterp.palette else None,
    }  # fmt: skip


def data(pixels: Any, mask: Any, kind: str) -> Any:
    """Return where a raster of a kind has data, by how it was made."""
    if kind == "mask":
        return mask > 0
    if kind in ("alpha", "alpha16"):
        return pixels[-1] > 0
    return np.isfinite(pixels[0]) & (pixels[0] != KINDS[kind].get("nodata", np.inf))


NAMED = {
    "mask": ("red", "green", "blue"),
    "nodata": ("red", "green", "blue"),
    "alpha": ("red", "green", "blue", None),
}
"""Names of the bands of files that name none, and whose number tells what they show."""


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_window_says_what_its_file_says(kind: str, kinds: Service, archive: Path, tmp_path: Path) -> None:
    window = Window(7, 11, 100, 80)
    scene = scenes(kind)[0]
    with rasters.open_product(f"PLANET:ortho/{scene.id}/analytic") as dataset:
        write_geotiff(dataset, tmp_path / "part.tif", window)
    assert [path.name for path in tmp_path.iterdir()] == ["part.tif"]
    with rasterio.open(tmp_path / "part.tif") as part, rasterio.open(archive / f"{scene.id}_analytic.tif") as whole:
        named = whole.descriptions if any(whole.descriptions) else NAMED.get(kind, whole.descriptions)
        assert said(part) == {**said(whole), "names": named}
        assert np.array_equal(part.read(), whole.read(window=window), equal_nan=True)
        assert np.array_equal(part.dataset_mask(), whole.dataset_mask(window=window))
    # As GDAL's own program reads it.
    told = subprocess.run(["gdalinfo", str(tmp_path / "part.tif")], capture_output=True, text=True, check=True).stdout
    assert ("PER_DATASET" in told and "ALPHA" not in told) == (kind == "mask")
    assert ("Offset: -0.2,   Scale:2.75e-05" in told) == (kind == "scale")
    assert ("Color Table (RGB with 256 entries)" in told) == (kind == "palette")


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_mosaic_says_what_its_scenes_say_and_has_no_seams(kind: str, kinds: Service, tmp_path: Path) -> None:
    found = scenes(kind)
    with rasters.open_mosaic(found, product="analytic") as dataset:
        write_geotiff(dataset, tmp_path / "mosaic.tif")
        pixels, mask = dataset.read(), dataset.read_masks(1)
        seen = data(pixels, mask, kind)
        # By brute force: what some scene has.
        expected = np.zeros(dataset.shape, bool)
        left, top = dataset.transform.c, dataset.transform.f
        for column, row in ((0, 0), (121, 13), (31, 95)):
            x, y = round((350_000 - left) / PIXEL) + column, round((top - 5_300_000) / PIXEL) + row
            rows, columns = np.mgrid[: dataset.height, : dataset.width]
            inside = (columns >= x) & (columns < x + WIDTH) & (rows >= y) & (rows < y + HEIGHT)
            expected[inside] |= SEEN[rows[inside] - y, columns[inside] - x]
        assert np.array_equal(seen, expected)
        assert (pixels[0][seen] == 200).all()
        for times in (2, 3, 7):
            shape = dataset.height // times, dataset.width // times
            window = Window(0, 0, shape[1] * times, shape[0] * times)
            share = expected[: shape[0] * times, : shape[1] * times].reshape(shape[0], times, shape[1], times)
            some = share.any(axis=(1, 3))
            smaller = {"window": window, "out_shape": (dataset.count, *shape), "resampling": Resampling.average}
            if kind != "palette":  # of which GDAL takes the average as colours
                read = dataset.read(**smaller)
                assert np.allclose(read[0][some], 200), (times, "average")
            read = dataset.read(window=window, out_shape=(dataset.count, *shape))
            assert set(np.unique(read[0][share.all(axis=(1, 3))])) == {200}, (times, "nearest")
    with rasterio.open(tmp_path / "mosaic.tif") as written:
        assert np.array_equal(written.read(), pixels, equal_nan=True)
        assert np.array_equal(data(written.read(), written.read_masks(1), kind), expected)
        told = said(written)
    first = f"PLANET:ortho/{found[0].id}/analytic"
    with rasters.open_product(first) as product:
        for name in ("scales", "offsets", "units", "colours", "names", "palette", "made"):
            assert told[name] == said(product)[name], name


def test_a_masked_scene_is_warped_with_its_mask(kinds: Service) -> None:
    for way in ("nearest", "bilinear", "average"):
        with rasters.open_mosaic(scenes("mask"), product="analytic", dst_crs="EPSG:3857", resampling=way) as dataset:
            seen = dataset.read_masks(1) > 0
            assert 0.6 < seen.mean() < 0.9
            assert (dataset.read(1)[seen] == 200).all(), way


def test_scenes_that_mean_other_things_are_not_put_side_by_side(kinds: Service) -> None:
    with pytest.raises(RasterAccessError, match="band 1 has scale") as error:
        rasters.open_mosaic(scenes("scale", "other"), product="analytic")
    assert "scale 2.75e-05 and offset -0.2 instead of 0.0001" in str(error.value)
    with pytest.raises(RasterAccessError, match=r"(2 bands instead of 3|3 bands instead of 2)\. Leave it out"):
        rasters.open_mosaic(scenes("mask", "scale"), product="analytic")
    with pytest.raises(RasterAccessError, match="palette.*nearest or mode"):
        rasters.open_mosaic(scenes("palette"), product="analytic", resampling="bilinear")


def test_the_metadata_of_bands_is_kept(start_service: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2):
        path = tmp_path / "archive" / f"2013030{number}_120000_00.tif"
        path.parent.mkdir(exist_ok=True)
        place = rasterio.transform.from_origin(500000 + 150 * number, 5300000, 10, 10)
        with rasterio.open(path, "w", driver="GTiff", width=50, height=50, count=1, dtype="int16", crs="EPSG:32633",
                           transform=place, nodata=-999) as dataset:  # fmt: skip
            dataset.write(np.full((1, 50, 50), number, "int16"))
            dataset.update_tags(1, WAVE="3", OWN=str(number), STATISTICS_MAXIMUM="9")
    service = start_service(path.parent)
    monkeypatch.setenv("PL_API_URL", service.root)
    monkeypatch.setenv("PL_API_KEY", service.key)
    with planet_vector.open("PLANET:ortho/20130301_120000_00/analytic") as dataset:
        write_geotiff(dataset, tmp_path / "part.tif", Window(5, 6, 30, 20))
    with rasterio.open(tmp_path / "part.tif") as part:
        assert part.tags(1) == {"WAVE": "3", "OWN": "1"}
    with planet_vector.mosaic("PLANET:ortho", product="analytic") as dataset:
        assert dataset.tags(1) == {"WAVE": "3"}  # what all scenes say
        (tmp_path / "mosaic.vrt").write_text(dataset._text)
    done = subprocess.run(["gdalinfo", str(tmp_path / "mosaic.vrt")], capture_output=True, text=True)
    assert done.stdout.count("WAVE=3") == 1
    service.stop()


def test_a_closed_product_has_no_name_any_more(kinds: Service) -> None:
    from planet_vector.raster import mounting

    before = len(mounting._files)
    dataset = planet_vector.open(f"PLANET:ortho/{scenes('mask')[0].id}/analytic")
    assert len(mounting._files) == before + 1
    dataset.close()
    assert len(mounting._files) == before
