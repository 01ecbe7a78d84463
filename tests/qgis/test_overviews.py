"""Overviews made before a layer is shown: it then draws from afar without the service."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator, List

import numpy
import pytest
from osgeo import gdal
from qgis.core import Qgis, QgsApplication, QgsProject, QgsRasterLayer

from planet_scenes import overviews, tasks
from planet_scenes.products import add_products
from planet_vector.raster import decimated, overview_files
from planet_vector.raster.described_files import path_of
from planet_vector.scene import Scene
from tests.qgis.conftest import Desktop, Watched, connect, outcome, render, settle
from tests.qgis.test_products import scenes_of


@pytest.fixture(autouse=True)
def _of_small_files(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have the sample's small files reduced as large ones are."""
    for module in (decimated, overviews):
        monkeypatch.setattr(module, "AT_LEAST", 64)
    yield
    tasks.cancel_all()
    settle()


def scene_and_file(watched: Watched, product: str = "analytic") -> Any:
    connection = connect(watched.service, "watched")
    scene = scenes_of(connection)[4]
    return connection, scene, watched.service.archive / f"{scene.id}_{product}.tif"


def added(connection: Any, scene: Scene, product: str = "analytic") -> QgsRasterLayer:
    (layer,) = outcome(lambda done: add_products(connection, [scene], product, done))
    return layer


def logged() -> List[str]:
    found: List[str] = []
    QgsApplication.messageLog().messageReceived[str, str, Qgis.MessageLevel].connect(
        lambda text, tab, level: found.append(text)
    )
    return found


def test_a_layer_has_overviews_from_the_start(watched: Watched, desktop: Desktop) -> None:
    connection, scene, path = scene_and_file(watched)
    layer = added(connection, scene)
    made = path_of(connection.catalog().settings, scene.scene_type, scene.id, "analytic")
    assert layer.source() == str(made) and layer.isValid() and layer.dataProvider().hasPyramids()
    # What it shows from afar is what GDAL makes of the file, and nobody is asked for it.
    watched.requests()
    file, here = gdal.Open(str(path)), gdal.Open(layer.source())
    names = [here.GetRasterBand(number).GetDescription() for number in range(1, here.RasterCount + 1)]
    assert names == ["blue", "green", "red", "nir"]
    small = here.GetRasterBand(1).GetOverview(0)
    assert numpy.array_equal(
        here.ReadAsArray(buf_xsize=small.XSize, buf_ysize=small.YSize),
        file.ReadAsArray(buf_xsize=small.XSize, buf_ysize=small.YSize),
    )
    render([layer], layer.extent().scaled(1.5), layer.crs().authid(), 60)
    assert not [path for path in watched.requests() if "full" in path]
    assert numpy.array_equal(here.ReadAsArray(20, 20, 64, 64), file.ReadAsArray(20, 20, 64, 64))
    key = watched.service.key.encode()
    for each in [made, *overview_files.directory().iterdir()]:
        assert key not in each.read_bytes()
    # Added again, it has them from the start.
    assert added(connection, scene).source() == str(made)


def test_cancelled_there_is_no_layer_and_nothing_is_kept(
    watched: Watched, desktop: Desktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, scene, _ = scene_and_file(watched)
    begun: List[str] = []
    right = decimated.RemoteFile.read

    def read(self: Any, *args: Any) -> Any:
        begun.append("read")
        for task in list(tasks._running):
            task.cancel()
        return right(self, *args)

    monkeypatch.setattr(decimated.RemoteFile, "read", read)
    add_products(connection, [scene], "analytic", lambda layers: begun.append("added"))
    settle()
    assert begun and "added" not in begun and not QgsProject.instance().mapLayers()
    assert not list(overview_files.directory().glob("*")) and desktop.said() == []


def test_one_that_would_take_too_much_is_left_and_told_in_the_log(
    watched: Watched, desktop: Desktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overviews, "MOST_BYTES", 1000)
    connection, scene, _ = scene_and_file(watched)
    said = logged()
    layer = added(connection, scene)
    assert layer.isValid() and not layer.dataProvider().hasPyramids()
    assert [text for text in said if "planet-vector overviews" in text] and desktop.said() == []


def test_what_the_service_refuses_leaves_the_layer(
    watched: Watched, desktop: Desktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from planet_vector.errors import ServiceError

    def refuse(*args: Any) -> Any:
        raise ServiceError("The service refuses it.", "GET …")

    monkeypatch.setattr(overviews, "Making", refuse)
    connection, scene, _ = scene_and_file(watched)
    said = logged()
    layer = added(connection, scene)
    assert layer.isValid() and not layer.dataProvider().hasPyramids()
    assert [text for text in said if "refuses" in text] and desktop.said() == []


def test_a_mask_inside_the_file_is_kept(tmp_path: Path, qgis_app: Any) -> None:
    """By the GDAL of this QGIS, without a service."""
    path = tmp_path / "file.tif"
    gdal.SetConfigOption("GDAL_TIFF_INTERNAL_MASK", "YES")
    try:
        made = gdal.GetDriverByName("GTiff").Create(str(path), 301, 257, 2, gdal.GDT_UInt16, ["COMPRESS=LZW"])
        rng = numpy.random.default_rng(3)
        for number in (1, 2):
            made.GetRasterBand(number).WriteArray(rng.integers(0, 4000, (257, 301)).astype("uint16"))
        made.CreateMaskBand(gdal.GMF_PER_DATASET)
        made.GetRasterBand(1).GetMaskBand().WriteArray(255 * rng.integers(0, 2, (257, 301)).astype("uint8"))
    finally:
        gdal.SetConfigOption("GDAL_TIFF_INTERNAL_MASK", None)
    made = None
    found = decimated.Decimation("scene", rows=129, columns=151, factors=(2,), mask=2)
    overviews.reduce(path, tmp_path / "small.tif", tmp_path / "file.vrt", found)
    small, file = gdal.Open(str(tmp_path / "small.tif")), gdal.Open(str(path))
    assert small.RasterCount == 3 and small.GetRasterBand(1).GetOverviewCount() == 1
    shape = {"buf_xsize": 151, "buf_ysize": 129}
    assert numpy.array_equal(small.ReadAsArray()[:2], file.ReadAsArray(**shape))
    mask = file.GetRasterBand(1).GetMaskBand().ReadAsArray(**shape)
    assert numpy.array_equal(small.ReadAsArray()[2], mask) and 0 < (mask > 0).mean() < 1
