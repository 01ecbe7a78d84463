"""Products from afar in QGIS: drawn of the service's tiles, few and at once, and never of nothing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Callable, Iterator, List

import numpy
import pytest
from osgeo import gdal
from qgis.core import QgsProject

from planet_scenes import layers, products
from planet_scenes.projects import Projects
from planet_vector.raster import described
from planet_vector.raster.kept_tiles import MOST_TILES
from planet_vector.user_folders import user_directory
from tests.conftest import Start
from tests.qgis.conftest import Desktop, Watched, outcome, render, settle
from tests.qgis.test_products import add, scenes_of
from tests.qgis.test_projects import close, named

SIDE = 1500


@pytest.fixture(scope="module")
def large(start_service: Start, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """Return a service of two scenes of one-row strips, side by side, whose colours go from west to east."""
    folder = tmp_path_factory.mktemp("large")
    rows, columns = numpy.mgrid[0:SIDE, 0:SIDE]
    for number, west in enumerate((600000, 604200)):
        options = ["COMPRESS=LZW", "INTERLEAVE=PIXEL", "BLOCKYSIZE=1", "PHOTOMETRIC=RGB", "ALPHA=YES"]
        path = folder / f"2015060{number + 1}_100000_0901_visual.tif"
        file = gdal.GetDriverByName("GTiff").Create(str(path), SIDE, SIDE, 4, gdal.GDT_Byte, options)
        file.SetGeoTransform((west, 3, 0, 5320000, 0, -3))
        file.SetProjection(_wkt())
        east = (west - 600000 + 3 * columns) / 8700  # from 0 to 1 over both
        for band, values in enumerate((30 + 200 * east, 230 - 200 * east, 60 + rows * 120 / SIDE, 255 + 0 * rows), 1):
            file.GetRasterBand(band).WriteArray(values.astype("uint8"))
        file = None
    log = tmp_path_factory.mktemp("log") / "access.log"
    return Watched(start_service(folder, "--access-log", str(log)), log)


def _wkt() -> str:
    from osgeo import osr

    system = osr.SpatialReference()
    system.ImportFromEPSG(32632)
    return str(system.ExportToWkt())


@pytest.fixture
def connected(make_connection: Callable[..., Any], large: Watched) -> Any:
    return make_connection(large.service, "large")


def asked(watched: Watched) -> List[str]:
    return ["tile" if path.endswith(".png") else "file" for path in watched.requests() if "/scenes/ortho/2" in path]


def check_colours(picture: Any, share: float) -> None:
    """Compare a row of a picture of both scenes, or of the western one, with what the files hold there."""
    for place in (0.1, 0.3, 0.45, 0.7, 0.9):
        colour = picture.pixelColor(int(place * picture.width()), picture.height() // 2)
        east = place * share
        wanted = (30 + 200 * east, 230 - 200 * east, 120)
        assert (colour.red(), colour.green(), colour.blue()) == pytest.approx(wanted, abs=8)


def test_the_first_picture_of_a_product_is_of_a_few_tiles(connected: Any, large: Watched, desktop: Desktop) -> None:
    scene = min(scenes_of(connected, f"PLANET:ortho?api_url={connected.url}"), key=lambda scene: scene.id)
    large.requests()
    (layer,) = add(connected, [scene], "visual")
    before = asked(large)
    assert before.count("file") == 1  # where the link leads, with the header
    assert before.count("tile") == 1  # that there are tiles; QGIS's default style would read all of the picture
    assert not list(Path(layer.source()).parent.glob("*.qml"))
    picture = render([layer], layer.extent(), layer.crs().authid(), 200)
    drawn = asked(large)
    assert "file" not in drawn and 0 < (before + drawn).count("tile") <= 16
    check_colours(picture, 4500 / 8700)
    assert large.service.key not in Path(layer.source()).read_text()


def test_a_mosaic_from_afar_is_of_tiles_and_has_no_seam(
    connected: Any, large: Watched, desktop: Desktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"PLANET:ortho?api_url={connected.url}"
    pictures = []
    for kept in (True, False):
        if not kept:  # tiles that are requested while the mosaic is drawn look the same
            monkeypatch.setattr(described, "kept_tiles", lambda *args: None)
        large.requests()
        (layer,) = outcome(lambda done: products.add_mosaic(connected, name, "visual", done))
        before = asked(large)
        # A request for each file; the tiles that show the whole of it, or one.
        assert before.count("file") == 2 and 2 <= before.count("tile") <= (2 * MOST_TILES if kept else 2)
        picture = render([layer], layer.extent(), layer.crs().authid(), 300)
        drawn = asked(large)
        assert drawn == [] if kept else set(drawn) == {"tile"}
        pictures.append(picture)
        assert large.service.key not in Path(layer.source()).read_text()
        QgsProject.instance().removeMapLayer(layer)
    assert pictures[0] == pictures[1]
    middle = picture.height() // 2  # the picture is square, the mosaic half as high as it is wide
    row = numpy.array([picture.pixelColor(x, middle).red() for x in range(3, picture.width() - 3)])
    assert numpy.abs(numpy.diff(row)).max() <= 8 and row[-1] - row[0] == pytest.approx(200, abs=15)


@pytest.fixture
def projects(desktop: Desktop) -> Iterator[None]:
    made = Projects(lambda name: None)
    made.start()
    yield
    made.stop()


def test_a_project_opens_again_when_the_cache_is_gone(
    connected: Any, large: Watched, desktop: Desktop, projects: None, tmp_path: Path
) -> None:
    search = outcome(
        lambda done: layers.add_search_layer(connected, f"PLANET:ortho?api_url={connected.url}", "All", done)
    )
    scene = min(scenes_of(connected, f"PLANET:ortho?api_url={connected.url}"), key=lambda scene: scene.id)
    outcome(lambda done: products.add_products(connected, [scene], "visual", done, search))
    file = tmp_path / "all.qgz"
    assert QgsProject.instance().write(str(file))
    close()
    shutil.rmtree(user_directory("cache") / "described")
    assert QgsProject.instance().read(str(file))
    settle()
    layer = named("visual")
    assert layer.isValid()
    check_colours(render([layer], layer.extent(), layer.crs().authid(), 200), 4500 / 8700)
    near = gdal.Open(layer.source()).ReadAsArray(100, 700, 50, 50)
    of_file = gdal.Open(str(large.service.archive / f"{scene.id}_visual.tif")).ReadAsArray(100, 700, 50, 50)
    assert numpy.array_equal(near, of_file)
