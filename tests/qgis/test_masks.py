"""Masks of usable pixels in added products, stacks, indices and mosaics, against numpy over the files."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, List

import numpy
import pytest
from osgeo import gdal
from qgis.core import QgsProject
from qgis.PyQt.QtWidgets import QMenu

from planet_scenes import masks, products, raster_layers, reopening
from planet_scenes.imagery import Imagery
from planet_scenes.imagery_menu import fill_menu
from planet_vector.scene import Scene
from tests.conftest import ROOT, SERVICE_PYTHON, Service, Start
from tests.qgis.conftest import Desktop, inked, outcome, render, settle, wait_for

LOWER, UPPER = "20221221_084022_18_2414", "20221222_084022_18_2415"  # the second 20 columns and 10 rows farther
COARSE, BARE, NO_MASK = "20221223_084022_18_2416", "20221224_084022_18_2417", "20221226_084022_18_2419"
LANDSAT = "LC08_L1TP_190026_20240502_20240510_02_T1"
WORDS = "clouds,haze,shadow"
BANDS = (3, 4, 5, 6)  # of UDM2: shadow, light haze, heavy haze, cloud, as Planet's specification lists them


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an archive of scenes with masks; rasterio writes it, which QGIS's Python lacks."""
    folder = tmp_path_factory.mktemp("masks") / "archive"
    code = "import pathlib, sys; from tests.raster.clear_ground import make; make(pathlib.Path(sys.argv[1]))"
    subprocess.run([SERVICE_PYTHON, "-c", code, str(folder)], check=True, cwd=ROOT)
    return folder


@pytest.fixture(scope="module")
def clear_service(start_service: Start, ground: Path) -> Service:
    return start_service(ground)


@pytest.fixture
def clear(clear_service: Service, make_connection: Any) -> Any:
    return make_connection(clear_service, "clear")


def read(ground: Path, scene: str, rest: str = "AnalyticMS") -> Any:
    return gdal.Open(str(ground / f"{scene}_3B_{rest}.tif")).ReadAsArray()


def shown(ground: Path, scene: str) -> Any:
    return ~(read(ground, scene, "udm2")[[band - 1 for band in BANDS]] != 0).any(axis=0)


def scene_of(connection: Any, scene: str) -> Scene:
    return connection.catalog().scene("ortho", scene)


def added(connection: Any, scene: str, imagery: Imagery) -> Any:
    (layer,) = outcome(lambda done: products.add_products(connection, [scene_of(connection, scene)], imagery, done))
    return layer


@pytest.mark.parametrize("product, rest", [("analytic", "AnalyticMS"), ("visual", "Visual")])
def test_hidden_pixels_have_no_data_or_no_opacity(
    clear: Any, ground: Path, desktop: Desktop, product: str, rest: str
) -> None:
    layer = added(clear, LOWER, Imagery((product,), mask=WORDS))
    assert layer.name().endswith(f" {product}, masked – {LOWER}")
    pixels, here = read(ground, LOWER, rest), gdal.Open(layer.source())
    hidden = ~shown(ground, LOWER)
    assert 0.1 < hidden.mean() < 0.9
    assert numpy.array_equal(here.ReadAsArray(), numpy.where(hidden, 0, pixels))
    assert (here.GetRasterBand(1).GetMaskBand().ReadAsArray()[hidden] == 0).all()
    # What is drawn: white shines through where the mask hides the file.
    plain = added(clear, LOWER, Imagery((product,)))
    through = inked(render([layer], layer.extent(), layer.crs().authid(), 120))
    assert through < inked(render([plain], plain.extent(), plain.crs().authid(), 120)) - 0.7 * hidden.mean()
    # The project restores it, with the mask.
    again = reopening.reopened(clear.catalog(), raster_layers.is_ours(layer), reopening.Failures())
    assert numpy.array_equal(gdal.Open(again).ReadAsArray(), here.ReadAsArray())


def test_bits_of_landsats_quality_band_hide_pixels(clear: Any, ground: Path, desktop: Desktop) -> None:
    scene = clear.catalog().scene("landsat", LANDSAT)
    words = masks.words_for(scene, ["band_4"])
    assert words == "clouds,shadow"  # of its words, the mask has no haze
    pixels, quality = (gdal.Open(str(ground / LANDSAT / f"{LANDSAT}_{band}.TIF")) for band in ("B4", "QA_PIXEL"))
    # Dilated cloud, cirrus, cloud and shadow, as the product guides of Landsat's Collection 2 list them.
    hidden = numpy.any([quality.ReadAsArray() >> bit & 1 for bit in (1, 2, 3, 4)], axis=0)
    assert 0.01 < (~hidden).mean() < 0.5
    (layer,) = outcome(lambda done: products.add_products(clear, [scene], Imagery(("band_4",), mask=words), done))
    assert numpy.array_equal(gdal.Open(layer.source()).ReadAsArray(), numpy.where(hidden, 0, pixels.ReadAsArray()))


def test_a_product_without_nodata_gets_a_band_of_opacity(clear: Any, ground: Path, desktop: Desktop) -> None:
    plain = Imagery(("analytic",), bands=(3, 2, 1))
    layer = added(clear, LOWER, Imagery(("udm2",)))
    assert layer.bandCount() == 8  # the mask itself, unmasked, is a product as others
    scene = scene_of(clear, LOWER)
    path = ground.parent / "plain.tif"
    source = gdal.Open(str(ground / f"{LOWER}_3B_AnalyticMS.tif"))
    gdal.Translate(str(path), source, noData="none")
    made = gdal.Open(masks.hide(clear.catalog(), scene, plain.products, str(path), WORDS))
    hidden = ~shown(ground, LOWER)
    assert made.RasterCount == 5 and made.GetRasterBand(5).GetColorInterpretation() == gdal.GCI_AlphaBand
    assert numpy.array_equal(made.ReadAsArray()[4], numpy.where(hidden, 0, 255))
    assert numpy.array_equal(made.ReadAsArray()[:4], numpy.where(hidden, 0, read(ground, LOWER)))


def test_the_pixel_of_a_coarser_mask_at_the_centre_counts_and_nothing_is_shown_beyond_it(
    clear: Any, ground: Path, desktop: Desktop
) -> None:
    pixels, coarse = read(ground, COARSE), shown(ground, COARSE)
    rows, columns = pixels.shape[1:]
    expected = numpy.zeros((rows, columns), bool)
    for row in range(rows):
        for column in range(columns - 20):  # the mask lacks these
            expected[row, column] = coarse[int((row + 0.5) / 2), int((column + 0.5) / 2)]
    layer = added(clear, COARSE, Imagery(("analytic",), mask=WORDS))
    assert numpy.array_equal(gdal.Open(layer.source()).ReadAsArray(), numpy.where(expected, pixels, 0))


def test_an_index_has_no_value_where_pixels_are_hidden(clear: Any, ground: Path, desktop: Desktop) -> None:
    layer = added(clear, UPPER, Imagery(("analytic",), bands=(4, 3), index="ndvi", mask=WORDS))
    _, _, red, nir = read(ground, UPPER).astype("float64")
    with numpy.errstate(invalid="ignore"):
        expected = numpy.where((red > 0) & (nir > 0) & shown(ground, UPPER), (nir - red) / (nir + red), numpy.nan)
    here = gdal.Open(layer.source()).ReadAsArray()
    assert numpy.allclose(here, expected, atol=1e-6, equal_nan=True)
    again = reopening.reopened(clear.catalog(), raster_layers.is_ours(layer), reopening.Failures())
    assert numpy.array_equal(gdal.Open(again).ReadAsArray(), here, equal_nan=True)


@pytest.mark.parametrize("product, rest", [("analytic", "AnalyticMS"), ("visual", "Visual")])
def test_the_next_scene_of_a_mosaic_shows_through(
    clear: Any, ground: Path, desktop: Desktop, product: str, rest: str
) -> None:
    name = f"PLANET:ortho?acquired.lt=2022-12-23&api_url={clear.url}"
    (layer,) = outcome(lambda done: products.add_mosaic(clear, name, product, done, mask=WORDS))
    here = gdal.Open(layer.source()).ReadAsArray()
    expected = numpy.zeros_like(here)
    for scene, at in ((LOWER, 0), (UPPER, 1)):  # the newest on top
        pixels = numpy.where(shown(ground, scene), read(ground, scene, rest), 0)
        rows, columns = pixels.shape[1:]
        part = expected[:, 10 * at : 10 * at + rows, 20 * at : 20 * at + columns]
        seen = (pixels != 0) if product == "analytic" else (pixels[3:] > 0)  # GDAL takes nodata band by band
        part[...] = numpy.where(seen, pixels, part)
    assert numpy.array_equal(here, expected) and 0.3 < (expected[0] > 0).mean() < 0.9
    again = reopening.reopened(clear.catalog(), raster_layers.is_ours(layer), reopening.Failures())
    assert numpy.array_equal(gdal.Open(again).ReadAsArray(), here)


@pytest.mark.parametrize("scene, told", [(BARE, "no mask of usable pixels"), (NO_MASK, "not a mask of usable pixels")])
def test_a_scene_without_a_mask_is_told_and_not_added(clear: Any, desktop: Desktop, scene: str, told: str) -> None:
    products.add_products(clear, [scene_of(clear, scene)], Imagery(("analytic",), mask=WORDS))
    wait_for(desktop.said)
    assert told in desktop.said()[0] and scene in desktop.said()[0]
    settle()
    assert QgsProject.instance().mapLayers() == {}


def test_the_toggle_is_kept_and_masks_what_can_be_masked(clear: Any, desktop: Desktop) -> None:
    chosen: List[Imagery] = []
    scenes = [scene_of(clear, LOWER), scene_of(clear, UPPER)]

    def filled(of: List[Scene]) -> QMenu:
        menu = QMenu(desktop.window)
        fill_menu(menu, of, chosen.append)
        return menu

    def entry(menu: QMenu, text: str) -> Any:
        return next(action for action in menu.actions() if action.text().startswith(text))

    entry(filled(scenes), "analytic").trigger()
    toggle = filled(scenes).findChild(type(filled(scenes).actions()[0]), "PlanetScenesMask")
    assert not toggle.isChecked()
    toggle.trigger()
    try:
        menu = filled(scenes)
        entry(menu, "analytic").trigger()
        assert [imagery.mask for imagery in chosen] == ["", WORDS]
        assert not entry(menu, "tiles").isEnabled() and entry(menu, "tiles").text() == "tiles (no mask)"
        assert not entry(filled([*scenes, scene_of(clear, BARE)]), "analytic").isEnabled()
    finally:
        filled(scenes).findChild(type(toggle), "PlanetScenesMask").trigger()
