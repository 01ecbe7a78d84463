"""Two dates side by side in linked maps or beside a line, and the scenes at a place as pictures of it."""

from __future__ import annotations

import math
from typing import Any, Iterator, List, Set

import numpy
import pytest
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeedback,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
    QgsTemporalNavigationObject,
)
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QBuffer, QByteArray, QCoreApplication, QIODevice, QPoint, Qt
from qgis.PyQt.QtGui import QImage
from qgis.PyQt.QtTest import QTest

from planet_scenes import chips, day_stack, layers, products
from planet_scenes.chips import Place, chip_of
from planet_scenes.compare_dock import CompareDock
from planet_scenes.connections import connections
from planet_scenes.dock import Dock
from planet_scenes.imagery import Imagery
from planet_scenes.swipe import SecondPicture, Swipe, SwipeLine
from planet_scenes.tasks import Cancelled
from planet_vector.errors import NotFoundError, ProtocolError, RasterAccessError
from planet_vector.scene import Scene
from tests.conftest import Service
from tests.qgis.conftest import Desktop, Watched, move_mouse, outcome, settle, summer_at, wait_for

HERE = QgsPointXY(12.0, 47.88)


@pytest.fixture
def dock(desktop: Desktop, connection: Any) -> Iterator[Dock]:
    """Return the panel beside a map with a temporal controller, in an area that the test sets."""
    connections().set_current(connection.name)
    canvas = desktop.canvas
    canvas.setTemporalController(QgsTemporalNavigationObject(canvas))
    canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    desktop.window.setCentralWidget(canvas)
    desktop.window.resize(1200, 700)
    place = desktop.window.addDockWidget
    desktop.iface.addDockWidget.side_effect = place
    desktop.iface.removeDockWidget.side_effect = desktop.window.removeDockWidget
    made = Dock(desktop.iface)
    place(Qt.DockWidgetArea.RightDockWidgetArea, made)
    desktop.window.show()
    _process()
    yield made
    made.close_down()
    desktop.window.removeDockWidget(made)
    made.deleteLater()
    canvas.setLayers([])


def _process() -> None:
    for _ in range(5):
        QCoreApplication.processEvents()


def scenes_of(connection: Any) -> List[Scene]:
    catalog = connection.catalog()
    query = layers.query_of(summer_at(connection))
    return [Scene(feature, query.schema, catalog) for page in catalog.pages(query) for feature in page]


# ---- two maps ----------------------------------------------------------------------------------------------


def test_two_days_lie_side_by_side_in_linked_maps(connection: Any, desktop: Desktop, dock: Dock) -> None:
    august = summer_at(connection).replace("acquired.gte=2015-06-01", "acquired.gte=2015-08-01")
    made = outcome(lambda done: day_stack.add_days(connection, august, "visual", done))
    (other,) = outcome(lambda done: products.add_products(connection, scenes_of(connection)[:1], "visual", done))
    main = desktop.canvas
    main.setLayers([other, *made])
    main.setExtent(QgsRectangle(HERE.x() - 0.01, HERE.y() - 0.01, HERE.x() + 0.01, HERE.y() + 0.01))
    middle = main.extent().center()
    dock.time.compare_button.click()
    _process()
    assert main.extent().center() == middle
    compare = dock.views.comparison
    assert compare is not None and compare.isVisible()
    # It opens with the newest day on the map and the oldest beside it.
    days = dock.time.days
    assert (dock.time.day(), compare.left.currentData()) == (days[-1], f"day:{days[-1]}")
    assert compare.right.currentData() == f"day:{days[0]}"
    here = compare.canvas
    assert here.temporalRange().begin().date().toString(Qt.DateFormat.ISODate) == days[0]
    assert here.layers() == main.layers()

    # Both show the same place at the same scale, whichever is moved; neither drifts.
    def linked() -> bool:
        close = here.extent().center().distance(main.extent().center()) < here.mapUnitsPerPixel()
        return close and math.isclose(here.mapUnitsPerPixel(), main.mapUnitsPerPixel(), rel_tol=1e-6)

    wait_for(linked)
    drawn = [_drawn(canvas) for canvas in (main, here)]
    assert [len(colours) > 20 for colours in drawn] == [True, True] and drawn[0] != drawn[1]
    for number in range(4):
        leader = (main, here)[number % 2]
        scale = leader.mapUnitsPerPixel()
        leader.setCenter(QgsPointXY(12.0 + number / 1000, 47.88))
        _process()
        assert linked() and math.isclose(main.mapUnitsPerPixel(), scale, rel_tol=1e-6)
    main.zoomByFactor(0.8)
    assert linked()
    main.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:3857"))
    _process()
    assert here.mapSettings().destinationCrs() == main.mapSettings().destinationCrs() and linked()
    move_mouse(here.viewport(), QPoint(50, 60))
    _process()
    marks = compare._marks
    assert marks[main].isVisible() and not marks[here].isVisible()

    # A layer of its own takes the place of all imagery; the day of the map follows the choice and the slider.
    compare.right.setCurrentIndex(compare.right.findData(f"layer:{other.id()}"))
    compare.right.activated.emit(compare.right.currentIndex())
    assert here.layers() == [other] and here.temporalRange().isInfinite()
    compare.left.setCurrentIndex(compare.left.findData(f"day:{days[0]}"))
    compare.left.activated.emit(compare.left.currentIndex())
    assert dock.time.day() == days[0] != days[-1]
    dock.time.show_all()
    assert compare.left.currentData() == ""
    QgsProject.instance().removeMapLayer(other)
    assert compare.right.currentData() == ""

    main.waitWhileRendering()
    here.waitWhileRendering()
    main.setLayers([])
    dock.views.close_down()
    settle()
    assert not [item for item in main.scene().items() if type(item).__name__ == "QgsVertexMarker"]
    assert not desktop.window.findChildren(CompareDock)


def test_a_line_divides_the_map_between_two_days(connection: Any, desktop: Desktop, dock: Dock) -> None:
    main, views = desktop.canvas, dock.views
    dock.panel.swipe_action.trigger()
    assert views.swipe is None and desktop.said() == [
        "There is nothing to compare: add imagery first, for example day by day."
    ]
    august = summer_at(connection).replace("acquired.gte=2015-06-01", "acquired.gte=2015-08-01")
    made = outcome(lambda done: day_stack.add_days(connection, august, "visual", done))
    main.setLayers(made)
    main.setExtent(QgsRectangle(HERE.x() - 0.01, HERE.y() - 0.01, HERE.x() + 0.01, HERE.y() + 0.01))
    days = dock.time.days
    dock.time.swipe_button.click()
    swipe = wait_for(lambda: views.swipe)
    assert dock.time.swipe_button.isChecked()
    assert (dock.time.day(), swipe.choices.right.currentData()) == (days[-1], f"day:{days[0]}")
    middle = main.rect().center()
    assert abs(swipe.line.geometry().center().x() - middle.x()) <= 1

    # Each side is what the map alone shows at that day, also turned and moved.
    def divided() -> None:
        both = _settled(main, swipe)
        alone = {}
        for day in (days[-1], days[0]):
            dock.time.show_day(day)
            swipe.choices.right.setCurrentIndex(0)  # as on the map
            swipe.choices.right.activated.emit(0)
            alone[day] = _settled(main, swipe)
        dock.time.show_day(days[-1])
        chosen = swipe.choices.right.findData(f"day:{days[0]}")
        swipe.choices.right.setCurrentIndex(chosen)
        swipe.choices.right.activated.emit(chosen)
        line, top = swipe.line.geometry(), swipe.choices.right.geometry().bottom() + 2
        left, right = numpy.s_[top:-2, 2 : line.left() - 1], numpy.s_[top:-2, line.right() + 2 : -2]
        newest, oldest = alone[days[-1]], alone[days[0]]
        for side in (left, right):
            assert not (newest[side] == oldest[side]).all()
        assert (both[left] == newest[left]).all()
        assert (both[right] == oldest[right]).all()

    divided()
    QTest.mousePress(swipe.line, Qt.MouseButton.LeftButton)
    move_mouse(swipe.line, swipe.line.rect().center() + QPoint(60, 0), Qt.MouseButton.LeftButton)
    assert abs(swipe.line.geometry().center().x() - middle.x() - 60) <= 2
    main.setRotation(30)
    divided()
    main.setRotation(0)
    for key, place in ((Qt.Key.Key_Home, 0), (Qt.Key.Key_End, main.width())):
        QTest.keyClick(swipe.line, key)
        assert abs(swipe.line.geometry().center().x() - place) <= 1
    main.resize(main.width() - 50, main.height())
    assert abs(swipe.line.geometry().center().x() - main.width()) <= 1
    assert swipe.choices.right.geometry().right() < main.width()

    # Escape ends it, and nothing of it stays on the map; so does the removal of the plugin.
    QTest.keyClick(swipe.line, Qt.Key.Key_Escape)
    assert views.swipe is None and not dock.time.swipe_button.isChecked()
    dock.panel.swipe_action.trigger()
    assert views.swipe is not None
    views.close_down()
    settle()
    main.waitWhileRendering()
    assert not main.findChildren(SwipeLine)
    assert not [item for item in main.scene().items() if isinstance(item, SecondPicture)]


def _settled(main: QgsMapCanvas, swipe: Swipe) -> numpy.ndarray:
    """Return the map with the second picture, once both are drawn."""
    _refresh(main)
    wait_for(lambda: swipe._job is None, 60)
    return pixels(main.grab().toImage())


def _drawn(canvas: QgsMapCanvas) -> Set[int]:
    """Return the colours in the middle of a map, once it is drawn."""
    _refresh(canvas)
    picture = canvas.grab().toImage()
    middle = picture.rect().center()
    return {picture.pixel(middle.x() + x, middle.y() + y) for x in range(-50, 50, 3) for y in range(-50, 50, 3)}


def _refresh(canvas: QgsMapCanvas) -> None:
    done: List[bool] = []
    canvas.mapCanvasRefreshed.connect(lambda: done.append(True))
    canvas.refreshAllLayers()
    wait_for(lambda: done and not canvas.isDrawing(), 60)


# ---- a place -----------------------------------------------------------------------------------------------


def test_all_scenes_at_a_place_are_listed_by_date_with_chips(
    connection: Any, service: Service, desktop: Desktop, dock: Dock
) -> None:
    tool = desktop.canvas.mapTool()
    dock.form.choose_type("ortho")
    wait_for(lambda: dock.form.schema is not None)
    dock.look_at_place()
    place = wait_for(lambda: dock.views.place)
    assert desktop.canvas.mapTool() is place._tool
    click = desktop.canvas.viewport(), Qt.MouseButton.LeftButton
    desktop.canvas.setExtent(QgsRectangle(-10, 95, 10, 120))
    QTest.mouseClick(*click, pos=desktop.canvas.viewport().rect().center())
    assert desktop.said() == ["The place is not on the globe: click another one."] and not place._task
    desktop.canvas.setExtent(QgsRectangle(HERE.x() - 0.05, HERE.y() - 0.05, HERE.x() + 0.05, HERE.y() + 0.05))
    place.pick_button.click()
    place.all.setChecked(True)
    QTest.mouseClick(*click, pos=desktop.canvas.viewport().rect().center())
    assert desktop.canvas.mapTool() is tool
    wait_for(lambda: place._task is None and place.chips.rowCount())
    point = place._place
    assert isinstance(point, Place)
    assert (point.longitude, point.latitude) == pytest.approx((HERE.x(), HERE.y()), abs=1e-3)
    found = [entry.scene for entry in place.chips.entries]
    wanted = _there(service, point)
    assert [scene.id for scene in found] == [identity for _, identity in wanted] and len(found) > 5
    assert f"{len(found)} scenes" in place.said.text()

    # Chips in view arrive; another width cuts them again; a double click adds the scene.
    wait_for(lambda: place.chips._chips and not place.chips._tasks, 60)
    settle()
    shown = [chip for chip in place.chips._chips.values() if not chip.picture.isNull()]
    assert shown and not [chip.error for chip in place.chips._chips.values() if chip.error]
    before = place.chips._chips[0].picture.toImage()
    place.width_choice.setCurrentIndex(place.width_choice.count() - 1)
    wait_for(lambda: 0 in place.chips._chips and not place.chips._tasks, 60)
    assert place.chips._chips[0].picture.toImage() != before
    index = place.chips.index(0)
    place.list.setCurrentIndex(index)
    assert place.add_button.isEnabled()
    place.list.doubleClicked.emit(index)
    (layer,) = wait_for(lambda: list(QgsProject.instance().mapLayers().values()))
    assert found[0].id in layer.name()
    place.close()
    assert place.chips.rowCount() == 0 and not place._mark.isVisible()


def _there(service: Service, place: Place) -> List[Any]:
    import requests

    answer = requests.get(
        f"{service.url}scenes/ortho/",
        params={"intersects": f"POINT({place.longitude} {place.latitude})", "count": "1000"},
        auth=(service.key, ""),
        timeout=30,
    )
    times = ((feature["properties"]["acquired"], feature["id"]) for feature in answer.json()["features"])
    return sorted(times, reverse=True)


def test_a_chip_is_the_ground_of_the_file(connection: Any, service: Service, watched: Watched) -> None:
    """Both ways of cutting show the file's pixels at the place, for few bytes."""
    scene = scenes_of(connection)[0]
    file = gdal.Open(str(service.archive / f"{scene.id}_visual.tif"))
    place = Place(*_middle(file), 300)
    catalog = connection.catalog()
    of_tiles = pixels(chip_of(catalog, scene, place, QgsFeedback()))
    of_file = pixels(chips._of_product(catalog, scene, place))
    expected = _expected(file, place)
    for chip in (of_tiles, of_file):
        assert (chip[..., 3] == 255).all()
        difference = numpy.abs(chip[8:-8, 8:-8, :3].astype(int) - expected[8:-8, 8:-8].astype(int))
        assert numpy.median(difference) < 5 < expected.std()


def pixels(image: QImage) -> numpy.ndarray:
    image = image.convertToFormat(QImage.Format.Format_RGBA8888)
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    return numpy.frombuffer(bytes(bits), dtype="uint8").reshape(image.height(), image.width(), 4)


def _middle(file: gdal.Dataset) -> Any:
    box = gdal.Info(file, format="json")["wgs84Extent"]["coordinates"][0]
    return sum(x for x, _ in box[:4]) / 4, sum(y for _, y in box[:4]) / 4


def _expected(file: gdal.Dataset, place: Place) -> numpy.ndarray:
    """Return the place as GDAL warps it to a grid in its own projection, centred there."""
    half = place.metres / 2
    warped = gdal.Warp(
        "", file, format="MEM", width=chips.SIDE, height=chips.SIDE, resampleAlg="bilinear",
        dstSRS=f"+proj=aeqd +lat_0={place.latitude} +lon_0={place.longitude} +datum=WGS84",
        outputBounds=(-half, -half, half, half),
    )  # fmt: skip
    return numpy.moveaxis(warped.ReadAsArray()[:3], 0, -1)


def test_what_has_no_chip_says_why(connection: Any, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    scene, catalog = scenes_of(connection)[0], connection.catalog()
    file = gdal.Open(str(service.archive / f"{scene.id}_visual.tif"))
    x, y = _middle(file)
    monkeypatch.setattr(chips, "MOST_BYTES", 1000)
    monkeypatch.setattr(chips, "preferred", lambda scene: Imagery(("analytic",)))  # has no overviews
    with pytest.raises(RasterAccessError, match="choose a smaller one"):
        chips._of_product(catalog, scene, Place(x, y, 300))
    # Elsewhere there is no data, and no pixel is made up; the tiles are found missing first.
    far = Place(x + 3, y, 300)
    with pytest.raises(NotFoundError, match="no tiles"):
        chips._of_tiles(catalog, scene, far, QgsFeedback())
    assert (pixels(chip_of(catalog, scene, far, QgsFeedback())) == 0).all()
    cancelled = QgsFeedback()
    cancelled.cancel()
    with pytest.raises(Cancelled):
        chip_of(catalog, scene, Place(x, y, 300), cancelled)


def test_a_tile_that_is_no_picture_or_too_large_is_an_error() -> None:
    large = QImage(chips._MOST_TILE + 1, 1, QImage.Format.Format_RGB32)
    large.fill(Qt.GlobalColor.red)
    content = QByteArray()
    buffer = QBuffer(content)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    assert large.save(buffer, "PNG")
    for wrong in (b"\x89PNG\r\n\x1a\n", b"", bytes(content)):
        with pytest.raises(ProtocolError, match="cannot be shown"):
            chips._decoded(wrong)
