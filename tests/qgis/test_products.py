"""Imagery in the map: the file's pixels at their place, from names without a key."""

from __future__ import annotations

import gc
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Iterator, List
from urllib.parse import quote

import numpy
import pytest
from osgeo import gdal
from qgis.core import QgsCoordinateReferenceSystem, QgsProject, QgsRasterLayer, QgsRectangle, QgsVectorLayer

from planet_scenes import combined_rasters, gdal_calls, layers, products, raster_opening, tasks
from planet_scenes.actions import view_of
from planet_scenes.imagery import TILES, Imagery, offers_of
from planet_scenes.processing import imagery
from planet_scenes.raster_layers import View
from planet_scenes.stretch import drawn
from planet_vector.errors import RasterAccessError
from planet_vector.scene import Scene
from tests.conftest import ROOT, Service, Start
from tests.qgis.conftest import Desktop, inked, outcome, render, settle, summer_at, wait_for


def scenes_of(connection: Any, name: str = "") -> List[Scene]:
    catalog = connection.catalog()
    query = layers.query_of(name or summer_at(connection))
    return [Scene(feature, query.schema, catalog) for page in catalog.pages(query) for feature in page]


def add(connection: Any, scenes: List[Scene], product: str, **more: Any) -> List[QgsRasterLayer]:
    return outcome(lambda done: products.add_products(connection, scenes, product, done, **more))


def pixels(source: str) -> numpy.ndarray:
    dataset = gdal.Open(source)
    return dataset.ReadAsArray(20, 20, 64, 64)


def test_a_product_is_the_file(connection: Any, service: Service, desktop: Desktop) -> None:
    scene = scenes_of(connection)[0]
    (layer,) = add(connection, [scene], "visual")
    file = gdal.Open(str(service.archive / f"{scene.id}_visual.tif"))
    assert (layer.width(), layer.height()) == (file.RasterXSize, file.RasterYSize)
    assert numpy.array_equal(pixels(layer.source()), file.ReadAsArray(20, 20, 64, 64))
    west, pixel, _, north, _, _ = file.GetGeoTransform()
    assert (layer.extent().xMinimum(), layer.extent().yMaximum()) == pytest.approx((west, north))
    assert service.key not in layer.source() and scene.id in layer.name()
    assert inked(render([layer], layer.extent(), layer.crs().authid(), 120)) > 0.3


def test_several_lie_in_a_group_under_their_search(connection: Any, desktop: Desktop) -> None:
    search = outcome(lambda done: layers.add_search_layer(connection, summer_at(connection), "Summer", done))
    other = QgsVectorLayer("Polygon?crs=EPSG:4326", "other", "memory")
    QgsProject.instance().addMapLayer(other)
    before = other.styleManager().currentStyle(), other.source()
    scenes = scenes_of(connection)[:2]
    made = add(connection, scenes, "visual", below=search)
    root = QgsProject.instance().layerTreeRoot()
    group = root.findGroup("Imagery of Summer")
    assert [node.layer() for node in group.findLayers()] == made
    children = root.children()
    assert children.index(group) == children.index(root.findLayer(search)) + 1
    assert [scene.id in layer.name() for scene, layer in zip(scenes, made)] == [True, True]
    assert (other.styleManager().currentStyle(), other.source()) == before


def test_analytic_is_stretched_to_what_is_looked_at(connection: Any, service: Service, desktop: Desktop) -> None:
    scene = scenes_of(connection)[4]
    path = service.archive / f"{scene.id}_analytic.tif"
    file = gdal.Open(str(path))
    west, pixel, _, north, _, _ = file.GetGeoTransform()
    column, row, side = 100, 80, 150
    extent = (west + column * pixel, north - (row + side) * pixel, west + (column + side) * pixel, north - row * pixel)
    view = View(extent, QgsCoordinateReferenceSystem.fromWkt(file.GetProjection()).toWkt())
    (layer,) = add(connection, [scene], "analytic", view=view)
    renderer = layer.renderer()
    colours = {file.GetRasterBand(number).GetColorInterpretation(): number for number in range(1, file.RasterCount + 1)}
    wanted = [colours.get(colour) for colour in (gdal.GCI_RedBand, gdal.GCI_GreenBand, gdal.GCI_BlueBand)]
    if None in wanted:
        wanted = [3, 2, 1]
    assert [renderer.redBand(), renderer.greenBand(), renderer.blueBand()] == wanted
    mask = file.GetRasterBand(1).GetMaskBand().ReadAsArray(column, row, side, side)
    for number, stretch in zip(
        wanted,
        (renderer.redContrastEnhancement(), renderer.greenContrastEnhancement(), renderer.blueContrastEnhancement()),
    ):
        values = file.GetRasterBand(number).ReadAsArray(column, row, side, side)
        low, high = numpy.percentile(values[(mask > 0) & (values != 0)], (2, 98))
        # The window in view is a row or column larger than the one here.
        assert stretch.minimumValue() == pytest.approx(low, rel=0.05)
        assert stretch.maximumValue() == pytest.approx(high, rel=0.05)


def test_landsat_bands_are_combined(connection: Any, service: Service, desktop: Desktop) -> None:
    (scene, *_) = scenes_of(connection, f"PLANET:landsat?limit=1&api_url={connection.url}")
    assert Imagery(("band_5", "band_4", "band_3"), (1, 2, 3), title="False colour, vegetation in red") in offers_of(
        scene
    )
    (layer,) = add(connection, [scene], "band_5,band_4,band_3")
    assert layer.bandCount() == 3
    for number, product in enumerate(("band_5", "band_4", "band_3"), 1):
        (file,) = service.archive.glob(f"{scene.id}_{product}.*")
        here = gdal.Open(layer.source()).ReadAsArray(30, 30, 40, 40)[number - 1]
        assert numpy.array_equal(here, gdal.Open(str(file)).ReadAsArray(30, 30, 40, 40))


def test_a_search_is_one_mosaic(connection: Any, service: Service, desktop: Desktop) -> None:
    name = summer_at(connection)
    (layer,) = outcome(lambda done: products.add_mosaic(connection, name, "visual", done))
    scenes = scenes_of(connection)
    assert len({gdal.Open(str(service.archive / f"{scene.id}_visual.tif")).GetProjection() for scene in scenes}) == 2
    # Where the first scene has data, it is on top: its pixels, as it is in the mosaic's system.
    top = gdal.Open(str(service.archive / f"{scenes[0].id}_visual.tif"))
    west, pixel, _, north, _, _ = top.GetGeoTransform()
    mosaic = gdal.Open(layer.source())
    x, size, _, y, _, _ = mosaic.GetGeoTransform()
    column, row = round((west - x) / size), round((y - north) / size)
    assert size == pixel
    whole = top.ReadAsArray(0, 0, 280, 240)
    there = mosaic.ReadAsArray(column, row, 280, 240)
    valid = whole[3] == 255
    assert valid.mean() > 0.2
    assert numpy.array_equal(there[:3, valid], whole[:3, valid])
    # Products have no overviews: drawing all of it would read all of them.
    part = layer.extent().scaled(0.3)
    assert inked(render([layer], part, layer.crs().authid(), 150)) > 0.3


def test_a_mosaic_of_nothing_and_of_too_much_is_an_error(
    connection: Any, desktop: Desktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = f"PLANET:ortho?acquired.lt=1999-01-01&api_url={connection.url}"
    products.add_mosaic(connection, nothing)
    wait_for(desktop.said)
    assert "no scenes" in desktop.said()[0]
    desktop.bar.clearWidgets()
    monkeypatch.setattr("planet_scenes.combined_rasters.MOST_SCENES", 3)
    products.add_mosaic(connection, summer_at(connection))
    wait_for(desktop.said)
    assert "narrow the search" in desktop.said()[0]
    assert not QgsProject.instance().mapLayers()


@pytest.mark.parametrize(
    ("bands", "transform", "said"),
    [
        (1, (600000, 10, 0, 5300000, 0, -10), "odd has other bands than good"),
        (3, (600000, 10, 0, 5300000, 0, 10), "odd/visual is not north up"),
        (3, (600000, 8, 6, 5300000, 6, -8), "odd/visual is not north up"),
    ],
)
def test_what_gdal_would_leave_out_of_a_mosaic_is_an_error(
    make_connection: Callable[..., Any], start_service: Start, desktop: Desktop, tmp_path: Path, bands: int,
    transform: Any, said: str,
) -> None:  # fmt: skip
    for name, count, place in (("odd", bands, transform), ("good", 3, (600000, 10, 0, 5300000, 0, -10))):
        made = gdal.GetDriverByName("GTiff").Create(str(tmp_path / f"{name}_visual.tif"), 50, 40, count)
        made.SetProjection(QgsCoordinateReferenceSystem("EPSG:32632").toWkt())
        made.SetGeoTransform(place)
        for number in range(1, count + 1):
            made.GetRasterBand(number).Fill(100)
        made.SetMetadataItem("TIFFTAG_DATETIME", f"2015:0{1 + (name == 'good')}:01 00:00:00")  # good is the newer
        made = None
    connection = make_connection(start_service(tmp_path), "odd")
    products.add_mosaic(connection, f"PLANET:ortho?api_url={connection.url}")
    wait_for(desktop.said)
    assert said in desktop.said()[0]
    assert not QgsProject.instance().mapLayers()


def test_a_map_without_a_system_shows_a_stretched_product(connection: Any, desktop: Desktop) -> None:
    desktop.canvas.setDestinationCrs(QgsCoordinateReferenceSystem())
    (layer,) = add(connection, scenes_of(connection)[:1], "analytic", view=view_of(desktop.iface))
    assert layer.isValid() and layer.renderer().redContrastEnhancement().maximumValue() > 1


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("PLANET:ortho?api_url=http://127.0.0.1:1/v0/", "ortho"),
        ("planet://landsat?limit=3", "landsat"),
        ("PLANET:?api_url=http://127.0.0.1:1/v0/|layername=rapideye|subset=x = 1", "rapideye"),
        ("PLANET:basemaps?api_url=http://127.0.0.1:1/v0/", ""),
        ("PLANET:basemaps/summer", ""),
        ("/tmp/other.gpkg|layername=ortho", ""),
    ],
)
def test_the_scene_type_of_a_layer_is_told_by_its_source(source: str, expected: str) -> None:
    assert layers.scene_type_of(QgsVectorLayer(source, "some", "ogr")) == expected


def test_tiles_of_a_scene(connection: Any, service: Service, desktop: Desktop) -> None:
    scene = scenes_of(connection)[0]
    (layer,) = add(connection, [scene], TILES)
    assert layer.crs().authid() == "EPSG:3857" and service.key not in layer.source()
    from planet_scenes.results import footprint

    box = footprint(scene).boundingBox()
    middle = QgsRectangle.fromCenterAndSize(box.center(), box.width() / 3, box.height() / 3)
    assert inked(render([layer], middle, size=120)) > 0.5
    assert inked(render([layer], QgsRectangle(20, 40, 20.1, 40.1), size=50)) == 0


def test_a_product_a_scene_has_not_is_told(connection: Any, desktop: Desktop) -> None:
    products.add_products(connection, scenes_of(connection)[:1], "infrared")
    wait_for(desktop.said)
    assert "no product 'infrared'; it has: " in desktop.said()[0]


def test_actions_are_offered_in_search_layers_only(connection: Any, desktop: Desktop) -> None:
    from qgis.gui import QgsGui

    from planet_scenes.actions import Actions

    actions = Actions(desktop.iface)
    actions.start()
    search = outcome(lambda done: layers.add_search_layer(connection, summer_at(connection), "Summer", done))
    other = QgsVectorLayer("Polygon?crs=EPSG:4326", "other", "memory")
    QgsProject.instance().addMapLayer(other)
    registry = QgsGui.mapLayerActionRegistry()
    assert len(registry.mapLayerActions(search)) == 2 and registry.mapLayerActions(other) == []
    actions.stop()
    assert registry.mapLayerActions(search) == []


def test_actions_of_qgis_s_menus_add_each_scene_once(connection: Any, desktop: Desktop) -> None:
    from qgis.gui import QgsActionMenu, QgsDualView
    from qgis.PyQt.QtWidgets import QMenu

    from planet_scenes.actions import Actions

    actions = Actions(desktop.iface)
    actions.start()
    search = outcome(lambda done: layers.add_search_layer(connection, summer_at(connection), "Summer", done))
    first, second, *_ = search.getFeatures()

    def added() -> List[str]:
        wait_for(lambda: not tasks._running)  # one task starts the next
        settle()
        found = [layer for layer in QgsProject.instance().mapLayers().values() if isinstance(layer, QgsRasterLayer)]
        names = sorted(layer.name().split()[-1] for layer in found)
        QgsProject.instance().removeMapLayers([layer.id() for layer in found])
        return names

    def offered(menu: QMenu) -> List[Any]:
        return [action for action in menu.actions() if action.text() == "Add its imagery to the map"]

    form = QgsActionMenu(search, first, "Feature")
    offered(form)[0].trigger()
    assert added() == [first["id"]]
    # In the attribute table for the row that was clicked, then for those that are selected.
    table, menu = QgsDualView(), QMenu()
    table.init(search, desktop.canvas)
    search.selectByIds([first.id(), second.id()])
    table.tableView().willShowContextMenu.emit(menu, table.tableView().model().index(0, 0))
    one, selected = offered(menu)
    one.trigger()
    assert len(added()) == 1
    selected.trigger()
    assert added() == sorted([first["id"], second["id"]])
    for made in (form, menu, table):
        made.deleteLater()
    actions.stop()


# ---- what GDAL cannot read ---------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Iterator[str]:
    """Return the address of files that cannot be read, with a signature as stores have it: /403.tif, /text.tif …"""
    content = {"text": b"<html>" + bytes(5000)}
    for name, epsg in (("half", "EPSG:32632"), ("bare", "")):
        path = tmp_path / f"{name}.tif"
        options = ["TILED=YES", "ALPHA=YES"]
        made = gdal.GetDriverByName("GTiff").Create(str(path), 512, 512, 2, gdal.GDT_UInt16, options)
        made.SetGeoTransform((600000, 10, 0, 5300000, 0, -10))
        if epsg:
            made.SetProjection(QgsCoordinateReferenceSystem(epsg).toWkt())
        for number in (1, 2):
            made.GetRasterBand(number).Fill(65535)
        made = None
        content[name] = path.read_bytes()[:2000]  # its header is there, most of its pixels are not

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802 - the library's name
            name = self.path[1:].partition(".")[0]
            body, status = content.get(name, b"refused"), 200 if name in content else int(name)
            first, last = 0, len(body) - 1
            if status == 200 and self.headers.get("Range"):
                begin, end = self.headers["Range"].partition("=")[2].split("-")
                status, first, last = 206, int(begin), min(int(end), last)
            self.send_response(status)
            if status == 206:
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(body)}")
            self.send_header("Content-Length", str(max(last + 1 - first, 0)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body[first : last + 1])

        do_HEAD = do_GET  # noqa: N815 - the library's name

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    gc.collect()  # datasets in the frames of errors: none may outlive QGIS
    server.shutdown()
    thread.join()
    server.server_close()
    gdal.VSICurlClearCache()


SIGNATURE = "c0ffee"


def signed(store: str, name: str) -> str:
    """Return what GDAL opens for a file of a store."""
    return f"/vsicurl?empty_dir=yes&url={quote(f'{store}/{name}.tif?X-Amz-Signature={SIGNATURE}', safe='')}"


@pytest.fixture(params=[False, True], ids=["codes", "exceptions"])
def exceptions(request: pytest.FixtureRequest) -> Iterator[None]:
    """Use GDAL's Python bindings without and with exceptions, which another plugin may have enabled."""
    before = gdal.GetUseExceptions()
    (gdal.UseExceptions if request.param else gdal.DontUseExceptions)()
    yield
    (gdal.UseExceptions if before else gdal.DontUseExceptions)()


def _told(error: Any, store: str) -> str:
    said = str(error.value)
    assert SIGNATURE not in said and store not in said and "vsicurl" not in said and "\n" not in said
    return said


@pytest.mark.parametrize(("name", "why"), [("403", "HTTP response code: 403"), ("text", "not recognized as")])
def test_why_a_product_does_not_open_is_told_without_its_address(
    store: str, exceptions: None, name: str, why: str
) -> None:
    with pytest.raises(RasterAccessError) as caught:
        raster_opening.open_raster(signed(store, name), "s1/visual")
    said = _told(caught, store)
    assert said.startswith("s1/visual cannot be opened as a GeoTIFF: ") and why in said
    assert said.endswith("Try again later, or download it.")


def test_why_a_written_description_does_not_open_is_told(
    connection: Any, desktop: Desktop, exceptions: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "broken.vrt").write_text('<VRTDataset rasterXSize="2" rasterYSize="2"><VRTRasterBand')
    monkeypatch.setattr(combined_rasters, "stack", lambda *_: str(tmp_path / "broken.vrt"))
    products.add_products(connection, scenes_of(connection)[:1], "visual,analytic")
    wait_for(desktop.said)
    (said,) = desktop.said()
    assert "visual,analytic cannot be opened: " in said and "Parse error" in said and said.endswith("Try again later.")


def test_why_pixels_are_not_read_is_told_without_an_address(store: str, exceptions: None, tmp_path: Path) -> None:
    dataset = raster_opening.open_raster(signed(store, "half"), "s1/analytic")
    with pytest.raises(RasterAccessError) as caught:
        drawn(dataset, "s1/analytic", None, "")
    assert "s1/analytic in view cannot be read" in _told(caught, store) and "TIFF" in _told(caught, store)
    place = imagery.Canvas("EPSG:32632", (600000, 5297440, 602560, 5300000), 256, 256)
    with pytest.raises(RasterAccessError) as caught:
        imagery.lay(dataset, str(tmp_path / "part.tif"), place, "nearest", lambda: False)
    assert "cannot be read or written" in _told(caught, store) and "TIFF" in _told(caught, store)
    with pytest.raises(RasterAccessError) as caught:
        imagery.valid_share(dataset)
    assert "cannot be read or written" in _told(caught, store) and "TIFF" in _told(caught, store)


def test_a_raster_without_a_system_is_named_without_its_address(store: str) -> None:
    dataset = raster_opening.open_raster(signed(store, "bare"), "s1/analytic")
    for call in (lambda: imagery.header(dataset, "s1/analytic"), lambda: drawn(dataset, "s1/analytic", *UTM)):
        with pytest.raises(RasterAccessError) as caught:
            call()
        assert _told(caught, store) == "s1/analytic has no coordinate system."


def test_no_warning_is_given_where_nothing_has_chosen_exceptions(
    system_python: Callable[..., Any], connection: Any, service: Service
) -> None:
    file = next(service.archive.glob("*_analytic.tif"))
    code = (
        "import sys, warnings; warnings.simplefilter('error'); sys.path.append(sys.argv[1])\n"
        "from osgeo import osr; from planet_scenes import raster_opening, stretch\n"
        "dataset = raster_opening.open_raster(sys.argv[2], 'a')\n"
        "box = 11.9, 47.8, 12.1, 48.0\n"
        "crs = osr.GetUserInputAsWKT('EPSG:4326')\n"
        "print(len(stretch.drawn(dataset, 'a', box, crs).bands))\n"
    )
    said = system_python(code, str(ROOT / "qgis_plugin"), str(file))
    assert (said.stdout, said.stderr) == ("3\n", "")


UTM = (600000.0, 5297440.0, 602560.0, 5300000.0), QgsCoordinateReferenceSystem("EPSG:32632").toWkt()


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("HTTP response code on https://h/a.tif?X-Amz-Signature=c0ffee&Expires=9: 403", "on the file: 403"),
        ("`/vsicurl?url=https%3A%2F%2Fh%2Fa.tif%3Fs%3Dc0ffee' not recognized.", "`the file' not recognized"),
        ("a.tif?X-Goog-Signature=c0ffee, band 1: IReadBlock failed", "the file, band 1: IReadBlock failed"),
        ("a.tif?c0ffee: no TIFF", "the file: no TIFF"),
        ("Too\nmany  lines.\n", "Too many lines"),
        ("/home/ann/b c.gpkg: Permission denied", "/home/ann/b c.gpkg: Permission denied"),
        ("", "GDAL gives no reason"),
    ],
)  # fmt: skip
def test_messages_of_gdal_are_shown_without_addresses(message: str, shown: str) -> None:
    assert gdal_calls.gdal_reason(message).endswith(shown) and SIGNATURE not in gdal_calls.gdal_reason(message)


def test_nothing_of_a_key_is_in_what_is_written(connection: Any, service: Service, desktop: Desktop) -> None:
    name = summer_at(connection)
    (layer,) = outcome(lambda done: products.add_mosaic(connection, name, "visual", done))
    folder = Path(layer.source()).parent
    assert all(service.key not in file.read_text() for file in folder.glob("*.vrt"))
