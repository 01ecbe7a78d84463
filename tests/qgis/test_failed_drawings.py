"""Rasters that could not be drawn: they are whole again as soon as the service is, regardless of what else is open."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Iterator, List, Tuple

import pytest
from osgeo import gdal
from qgis.core import QgsProject, QgsRasterLayer, QgsRectangle

from planet_scenes import products
from planet_scenes.connection import Connection
from planet_scenes.connections import connections
from planet_scenes.projects import Projects
from planet_scenes.watch import Watch
from planet_vector.keys import Key
from tests.conftest import KEY, Start
from tests.qgis.conftest import Desktop, inked, outcome, summer_at, wait_for
from tests.qgis.test_products import add, scenes_of
from tests.qgis.test_responsive import rest
from tests.raster.recording import Recorder
from tests.two_services import two_services

SCENES = re.compile(r"/scenes/ortho/(\?.*|[^/?]+)?$")  # requests for a scene, or a search


@pytest.fixture(scope="module")
def origin(archive: Path, start_service: Start) -> Iterator[Recorder]:
    with two_services(start_service, archive) as recorder:
        yield recorder


@pytest.fixture
def connection(origin: Recorder, desktop: Desktop) -> Iterator[Connection]:
    """Return a connection to a service that a test may replace, with the parts of the plugin that mind its failures."""
    connections().add(Connection("first", f"{origin.url}/a/v0/"))
    connections().log_in("first", Key(KEY))
    parts = Watch(lambda name: None), Projects(lambda name: None)
    for part in parts:
        part.start()
    answer = origin.answer
    yield connections().get("first")
    origin.answer = answer
    for part in parts:
        part.stop()


def drawn(desktop: Desktop, reloaded: bool = False) -> Any:
    """Return what the map shows after all that it does by itself, with all layers reloaded if the user asks so."""
    drawings: List[bool] = []
    desktop.canvas.mapCanvasRefreshed.connect(lambda: drawings.append(True))
    desktop.canvas.refreshAllLayers() if reloaded else desktop.canvas.refresh()
    wait_for(lambda: drawings, 60)
    rest(desktop)
    return desktop.canvas.grab().toImage()


def shows(picture: Any, expected: Any) -> bool:
    """Return whether a picture shows what is expected, which others may surround, to a part of a pixel."""
    pairs = [
        (picture.pixelColor(x, y).getRgb(), expected.pixelColor(x, y).getRgb())
        for x in range(0, expected.width(), 3)
        for y in range(0, expected.height(), 3)
    ]
    inside = [(found, wanted) for found, wanted in pairs if wanted[:3] != (255, 255, 255)]
    off = sum(abs(a - b) for found, wanted in inside for a, b in zip(found, wanted))
    return off / len(inside) < 10  # of 765; a blank one is off by some hundred


def shown(desktop: Desktop, connection: Connection, kind: str, archive: Path) -> Tuple[Any, Any]:
    """Add a raster and another one; return it with a layer of its file, at the pixels of which the map looks."""
    scenes = scenes_of(connection, summer_at(connection))
    (other,) = add(connection, scenes[-1:], "visual")
    if kind == "mosaic":  # of which the first scene is on top
        (layer,) = outcome(lambda done: products.add_mosaic(connection, summer_at(connection), "visual", done))
    else:
        (layer,) = add(connection, scenes[:1], kind)
    file = QgsRasterLayer(str(archive / f"{scenes[0].id}_{'visual' if kind == 'mosaic' else kind}.tif"), "file", "gdal")
    file.setRenderer(layer.renderer().clone())
    desktop.window.setCentralWidget(desktop.canvas)
    desktop.window.resize(400, 300)
    desktop.window.show()
    wait_for(lambda: desktop.canvas.width() > 300)
    desktop.canvas.setDestinationCrs(file.crs())
    pixel = file.rasterUnitsPerPixelX()
    desktop.canvas.setExtent(QgsRectangle.fromCenterAndSize(file.extent().center(), 200 * pixel, 200 * pixel))
    assert other.isValid() and layer.crs() == file.crs()
    return layer, file


@pytest.mark.long
@pytest.mark.parametrize("reloaded", [False, True], ids=["moved", "reloaded"])
@pytest.mark.parametrize("kind", ["visual", "mosaic"])
def test_a_raster_that_could_not_be_drawn_is_drawn_once_the_service_responds(
    origin: Recorder, connection: Connection, desktop: Desktop, archive: Path, kind: str, reloaded: bool
) -> None:
    """GDAL keeps a failure to open a file behind a VRT as long as another VRT is open."""
    layer, file = shown(desktop, connection, kind, archive)
    desktop.canvas.setLayers([file])
    expected, answer = drawn(desktop), origin.answer
    assert inked(expected) > 0.3
    gdal.VSICurlClearCache()
    origin.answer = lambda request: (400, {"Content-Type": "application/json"}, b"{}")
    origin.seen.clear()
    desktop.canvas.setLayers([layer])
    assert not shows(drawn(desktop), expected) and not shows(drawn(desktop), expected)
    # The plugin asks only once for each drawing.
    assert 0 < sum(SCENES.search(request.path) is not None for request in list(origin.seen)) <= 2
    wait_for(desktop.said)
    origin.answer = answer
    drawn(desktop, reloaded)  # the user moves the map, or reloads it
    wait_for(lambda: shows(desktop.canvas.grab().toImage(), expected), 60)
    desktop.bar.clearWidgets()
    assert shows(drawn(desktop), expected) and desktop.said() == []
    assert all(KEY not in layer.source() for layer in QgsProject.instance().mapLayers().values())
