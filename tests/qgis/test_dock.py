"""The dock: a search is put together, counted as it is, and added to the map."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.gui import QgsMapToolPan
from qgis.PyQt.QtCore import QCoreApplication, QDate, QItemSelectionModel, QPoint, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QDialogButtonBox, QPushButton

from planet_scenes.connection_dialog import ConnectionDialog
from planet_scenes.connections import connections
from planet_scenes.dock import Dock
from planet_scenes.dock_download import DownloadDialog
from planet_scenes.filters import BETWEEN
from planet_vector.names import parse_name
from planet_vector.scene import Scene
from tests.conftest import Service, Start
from tests.qgis.conftest import Desktop, Watched, ask, move_mouse, settle, wait_for
from tests.schemas import ORTHO

HERE = QgsRectangle(11.95, 47.84, 12.05, 47.92)
TRIANGLE = "Polygon ((11.9 47.8, 12.1 47.8, 12.1 48, 11.9 47.8))"


@pytest.fixture
def make_dock(desktop: Desktop) -> Iterator[Callable[[Any], Dock]]:
    made: List[Dock] = []

    def make(connection: Any) -> Dock:
        connections().set_current(connection.name)
        desktop.canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
        desktop.canvas.setExtent(HERE)
        dock = Dock(desktop.iface)
        made.append(dock)
        desktop.window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        desktop.window.setCentralWidget(desktop.canvas)
        desktop.window.resize(1000, 900)
        desktop.window.show()
        for _ in range(3):
            QCoreApplication.processEvents()
        return dock

    yield make
    for dock in made:
        dock.close_down()
        desktop.window.removeDockWidget(dock)
        dock.deleteLater()


@pytest.fixture
def dock(make_dock: Callable[[Any], Dock], connection: Any) -> Dock:
    return make_dock(connection)


def counted(dock: Dock) -> str:
    """Wait until the search has been counted, and return what is said."""
    wait_for(lambda: not dock.counter._timer.isActive() and dock.counter._task is None)
    settle()
    return dock.said.text()


def searched(dock: Dock) -> List[str]:
    """Search, and return the ids of all scenes in the list, scrolled to its end."""
    dock.search()
    wait_for(lambda: not dock.results.busy)
    while dock.results.canFetchMore(dock.results.index(-1)):
        dock.results.fetchMore(dock.results.index(-1))
        wait_for(lambda: not dock.results.busy)
    return [dock.results.scene(dock.results.index(row)).id for row in range(dock.results.rowCount())]


def select(dock: Dock, *rows: int) -> None:
    for row in rows:
        dock.list.selectionModel().select(dock.results.index(row), QItemSelectionModel.SelectionFlag.Select)


def every(service: Service, scene_type: str = "ortho") -> List[Dict[str, Any]]:
    """Return all scenes of a type as the service gives them, the newest first."""
    return ask(service, f"scenes/{scene_type}/", count="1000")["features"]


def parameters(dock: Dock) -> Dict[str, str]:
    return dict(parse_name(dock.planet_name()).without(["api_url"]).parameters)


def test_a_connection_that_is_added_in_the_panel_is_chosen(dock: Dock, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(dialog: ConnectionDialog) -> int:
        dialog.name.setText("new")
        dialog.url.setText("http://127.0.0.1:9/v0/")
        dialog.kind.setCurrentIndex(dialog.kind.findData("v0"))
        dialog.accept()
        return int(dialog.result())

    monkeypatch.setattr(ConnectionDialog, "exec", fill)
    before = connections().current().name
    box = dock.form.connection
    box.activated.emit(box.count() - 1)
    assert (connections().current().name, box.currentText()) == ("new", "new") and before != "new"
    monkeypatch.setattr(ConnectionDialog, "exec", lambda dialog: 0)
    box.activated.emit(box.count() - 1)
    assert (connections().current().name, box.currentText()) == ("new", "new")


# ---- before and while it is used -----------------------------------------------------------------------------


def test_nothing_is_asked_before_it_is_used(
    make_dock: Callable[[Any], Dock], make_connection: Callable[..., Any], watched: Watched
) -> None:
    dock = make_dock(make_connection(watched.service, "watched"))
    counted(dock)
    assert watched.requests() == []
    dock.hide()
    dock.filters.limited.setChecked(True)
    counted(dock)
    assert watched.requests() == []
    dock.show()
    dock.filters.limited.setChecked(False)
    counted(dock)
    assert watched.requests() != []


def test_the_scenes_are_counted_when_the_search_rests_and_none_is_fetched(
    make_dock: Callable[[Any], Dock], make_connection: Callable[..., Any], watched: Watched
) -> None:
    dock = make_dock(make_connection(watched.service, "watched"))
    for cover in range(90, 40, -5):
        dock.filters.cloud.setUpperValue(cover)
    clear = [s for s in every(watched.service) if s["properties"]["cloud_cover"]["estimated"] <= cover]
    watched.requests()
    assert counted(dock) == f"{len(clear)} scenes"
    (asked,) = [path for path in watched.requests() if "scenes/ortho/" in path]
    assert "count=1&" in asked + "&" and "cloud_cover.estimated.lte=45" in asked


def test_scene_types_are_the_service_s(dock: Dock, service: Service) -> None:
    dock.scene_type.setCurrentText("landsat")
    counted(dock)
    assert [dock.scene_type.itemText(n) for n in range(dock.scene_type.count())] == sorted(ask(service, "scenes/"))
    assert dock.scene_type.currentText() == "landsat" and dock.query().scene_type == "landsat"
    rows = dock.filters.fields.rows
    assert "landsat.path" in rows and "camera.gain" not in rows


# ---- filters -------------------------------------------------------------------------------------------------


def test_filters_find_what_they_say(dock: Dock, service: Service) -> None:
    filters = dock.filters
    filters.preset.setCurrentIndex(filters.preset.findData(BETWEEN))
    filters.since.setDate(QDate(2015, 6, 10))
    filters.until.setDate(QDate(2015, 9, 20))
    filters.cloud.setRange(2, 70)
    filters.fields.rows["sun.altitude"].edits[0].setText("40")
    filters.fields.rows["sat.off_nadir"].edits[1].setText("2.5")
    filters.order.setCurrentIndex(1)
    expected = [
        scene["id"]
        for scene in reversed(every(service))
        if "2015-06-10" <= scene["properties"]["acquired"] < "2015-09-21"
        and 2 <= scene["properties"]["cloud_cover"]["estimated"] <= 70
        and scene["properties"]["sun"]["altitude"] >= 40
        and scene["properties"]["sat"]["off_nadir"] <= 2.5
    ]
    assert 1 < len(expected) < 63
    assert searched(dock) == expected
    filters.limited.setChecked(True)
    filters.limit.setValue(2)
    assert searched(dock) == expected[:2]
    assert counted(dock) == "2 scenes"


def test_quality_is_at_least_what_is_chosen(dock: Dock, service: Service) -> None:
    row = dock.filters.fields.rows["image_statistics.image_quality"]
    row.box.setCurrentIndex(row.box.findData("target"))
    good = {s["id"] for s in every(service) if s["properties"]["image_statistics"]["image_quality"] == "target"}
    assert set(searched(dock)) == good


def test_presets_of_dates_count_back_from_today(dock: Dock) -> None:
    dock.filters.preset.setCurrentIndex(dock.filters.preset.findData(30))
    since = datetime.fromisoformat(parameters(dock)["acquired.gte"].replace("Z", "+00:00"))
    assert abs(datetime.now(timezone.utc) - timedelta(days=30) - since) < timedelta(days=2)
    dock.filters.preset.setCurrentIndex(0)
    assert parameters(dock) == {}


def test_a_value_that_is_none_is_said(dock: Dock) -> None:
    dock.filters.fields.rows["sun.altitude"].edits[0].setText("-")
    assert "sun.altitude" in counted(dock) and "number" in dock.said.text()


# ---- where ---------------------------------------------------------------------------------------------------


def asked_box(dock: Dock) -> List[float]:
    """Return west, south, east and north of the box that is asked for."""
    asked = QgsGeometry.fromWkt(parameters(dock)["intersects"])
    box = asked.boundingBox()
    assert asked.isGeosEqual(QgsGeometry.fromRect(box))
    return [box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()]


def within(service: Service, wkt: str) -> int:
    return int(ask(service, "scenes/ortho/", count="1", intersects=wkt)["count"])


def test_the_map_is_the_area_in_whatever_system(dock: Dock, desktop: Desktop, service: Service) -> None:
    degrees, utm = (QgsCoordinateReferenceSystem(f"EPSG:{code}") for code in (4326, 32633))
    there = QgsCoordinateTransform(degrees, utm, QgsProject.instance())
    desktop.canvas.setDestinationCrs(utm)
    dock.area.mode.setCurrentIndex(dock.area.MAP)
    for view in (HERE, QgsRectangle(11.955, 47.848, 11.965, 47.853)):
        desktop.canvas.setExtent(there.transformBoundingBox(view))
        seen = QgsCoordinateTransform(utm, degrees, QgsProject.instance()).transformBoundingBox(desktop.canvas.extent())
        assert asked_box(dock) == pytest.approx(
            [seen.xMinimum(), seen.yMinimum(), seen.xMaximum(), seen.yMaximum()], abs=1e-6
        )
        assert counted(dock) == f"{within(service, QgsGeometry.fromRect(seen).asWkt())} scenes"


@pytest.mark.parametrize(
    "text",
    [
        TRIANGLE,
        '{"type": "Polygon", "coordinates": [[[11.9, 47.8], [12.1, 47.8], [12.1, 48], [11.9, 47.8]]]}',
        '{"type": "Feature", "properties": {}, "geometry": {"type": "MultiPolygon", '
        '"coordinates": [[[[11.9, 47.8], [12.1, 47.8], [12.1, 48], [11.9, 47.8]]]]}}',
        '{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": null, "geometry": '
        '{"type": "Polygon", "coordinates": [[[11.9, 47.8], [12.1, 47.8], [12.1, 48], [11.9, 47.8]]]}}]}',
    ],
)
def test_pasted_text_is_the_area(dock: Dock, service: Service, text: str) -> None:
    dock.area.mode.setCurrentIndex(dock.area.TEXT)
    dock.area.text.setPlainText(text)
    asked = QgsGeometry.fromWkt(parameters(dock)["intersects"])
    assert asked.isGeosEqual(QgsGeometry.fromWkt(TRIANGLE))
    assert counted(dock) == f"{within(service, TRIANGLE)} scenes"
    assert dock.area._band.asGeometry().isGeosEqual(asked)


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "POINT (1 2)", '{"type": "Polygon"}', "{", "POLYGON ((500000 0, 500001 0, 500001 1, 500000 0))"],
)
def test_text_that_is_no_area_is_said(dock: Dock, text: str) -> None:
    dock.area.mode.setCurrentIndex(dock.area.TEXT)
    dock.area.text.setPlainText(text)
    assert re.search("polygon", counted(dock)), dock.said.text()


def layer_of(*wkts: str, crs: str = "EPSG:4326") -> QgsVectorLayer:
    layer = QgsVectorLayer(f"Polygon?crs={crs}", "fields", "memory")
    features = []
    for wkt in wkts:
        feature = QgsFeature()
        feature.setGeometry(QgsGeometry.fromWkt(wkt))
        features.append(feature)
    layer.dataProvider().addFeatures(features)
    QgsProject.instance().addMapLayer(layer)
    return layer


def test_a_layer_is_the_area_or_what_is_selected_in_it(dock: Dock, service: Service) -> None:
    dock.area.mode.setCurrentIndex(dock.area.LAYER)
    assert "no layer of polygons" in counted(dock)
    far = "Polygon ((2 2, 3 2, 3 3, 2 2))"
    layer = layer_of(far, TRIANGLE)
    assert counted(dock) == f"{within(service, TRIANGLE)} scenes"
    assert QgsGeometry.fromWkt(parameters(dock)["intersects"]).isMultipart()
    first = next(feature.id() for feature in layer.getFeatures() if feature.geometry().boundingBox().xMinimum() < 5)
    layer.selectByIds([first])
    wait_for(lambda: dock.area._layer._found is not None)
    assert QgsGeometry.fromWkt(parameters(dock)["intersects"]).isGeosEqual(QgsGeometry.fromWkt(far))
    QgsProject.instance().removeMapLayer(layer.id())
    assert "no layer of polygons" in counted(dock)


def test_a_layer_that_is_edited_is_read_again(dock: Dock, service: Service) -> None:
    layer = layer_of()
    dock.area.mode.setCurrentIndex(dock.area.LAYER)
    assert "no polygons" in counted(dock)
    layer.startEditing()
    row = QgsFeature()
    row.setGeometry(QgsGeometry.fromWkt(TRIANGLE))
    layer.addFeature(row)
    wait_for(lambda: dock.area._layer._found)
    assert QgsGeometry.fromWkt(parameters(dock)["intersects"]).isGeosEqual(QgsGeometry.fromWkt(TRIANGLE))
    layer.commitChanges()
    assert counted(dock) == f"{within(service, TRIANGLE)} scenes"
    moved = QgsGeometry.fromWkt("Polygon ((2 2, 3 2, 3 3, 2 2))")
    layer.dataProvider().changeGeometryValues({next(layer.getFeatures()).id(): moved})
    layer.reload()
    wait_for(lambda: dock.area._layer._found is not None)
    assert QgsGeometry.fromWkt(parameters(dock)["intersects"]).isGeosEqual(moved)


def test_a_scene_in_two_parts_is_shown_where_one_of_them_is(dock: Dock, desktop: Desktop, service: Service) -> None:
    # The sample has one across the antimeridian: its parts lie a world apart.
    (feature,) = [found for found in every(service) if found["geometry"]["type"] == "MultiPolygon"]
    dock.zoom(Scene(feature, ORTHO))
    assert desktop.canvas.extent().width() < 1
    assert any(desktop.canvas.extent().contains(QgsPointXY(*part[0][0])) for part in feature["geometry"]["coordinates"])


def test_a_layer_in_another_system_is_brought_to_degrees(dock: Dock) -> None:
    layer_of("Polygon ((1335833 6067000, 1347000 6067000, 1347000 6100000, 1335833 6067000))", crs="EPSG:3857")
    dock.area.mode.setCurrentIndex(dock.area.LAYER)
    counted(dock)
    box = QgsGeometry.fromWkt(parameters(dock)["intersects"]).boundingBox()
    # Web Mercator's x is the longitude in radians by 6378137 m.
    assert box.xMinimum() == pytest.approx(1335833 / 6378137 * 180 / 3.141592653589793, abs=1e-6)
    assert 47 < box.yMinimum() < box.yMaximum() < 49


def at(desktop: Desktop, x: float, y: float) -> QPoint:
    """Return where a place is on the canvas."""
    return desktop.canvas.getCoordinateTransform().transform(QgsPointXY(x, y)).toQPointF().toPoint()


def test_a_box_is_drawn_by_dragging(dock: Dock, desktop: Desktop) -> None:
    pan = QgsMapToolPan(desktop.canvas)
    desktop.canvas.setMapTool(pan)
    dock.area.mode.setCurrentIndex(dock.area.DRAWN)
    assert "Draw the area" in counted(dock)
    dock.area.box_button.click()
    canvas = desktop.canvas.viewport()
    start, end = at(desktop, 11.97, 47.86), at(desktop, 12.01, 47.9)
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start)
    move_mouse(canvas, end, Qt.MouseButton.LeftButton)
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, end)
    pixel = desktop.canvas.mapUnitsPerPixel()
    assert asked_box(dock) == pytest.approx([11.97, 47.86, 12.01, 47.9], abs=1.5 * pixel)
    assert desktop.canvas.mapTool() is pan and not dock.area.box_button.isChecked()
    desktop.canvas.unsetMapTool(pan)


def test_a_polygon_is_drawn_by_clicks_and_given_up_by_escape(dock: Dock, desktop: Desktop) -> None:
    dock.area.mode.setCurrentIndex(dock.area.DRAWN)
    canvas = desktop.canvas.viewport()
    corners = [(11.97, 47.86), (12.01, 47.86), (12.01, 47.9)]

    def click(button: Any, x: float, y: float) -> None:
        QTest.mouseClick(canvas, button, Qt.KeyboardModifier.NoModifier, at(desktop, x, y))

    items = len(desktop.canvas.scene().items())
    dock.area.polygon_button.click()
    click(Qt.MouseButton.LeftButton, 12.0, 47.9)
    QTest.keyClick(desktop.canvas, Qt.Key.Key_Escape)
    assert desktop.canvas.mapTool() is None and not dock.area.polygon_button.isChecked()
    assert len(desktop.canvas.scene().items()) == items
    dock.area.polygon_button.click()
    for corner in corners:
        click(Qt.MouseButton.LeftButton, *corner)
    click(Qt.MouseButton.RightButton, 11.99, 47.89)
    asked = QgsGeometry.fromWkt(parameters(dock)["intersects"])
    expected = QgsGeometry.fromPolygonXY([[QgsPointXY(*corner) for corner in corners]])
    assert asked.symDifference(expected).area() < 0.02 * expected.area()


def test_another_map_tool_ends_drawing(dock: Dock, desktop: Desktop) -> None:
    dock.area.mode.setCurrentIndex(dock.area.DRAWN)
    items = len(desktop.canvas.scene().items())
    dock.area.polygon_button.click()
    pan = QgsMapToolPan(desktop.canvas)
    desktop.canvas.setMapTool(pan)
    settle()
    assert desktop.canvas.mapTool() is pan and not dock.area.polygon_button.isChecked()
    assert len(desktop.canvas.scene().items()) == items
    desktop.canvas.unsetMapTool(pan)


# ---- what is said --------------------------------------------------------------------------------------------


def test_an_empty_result_says_why(dock: Dock, service: Service) -> None:
    dock.area.mode.setCurrentIndex(dock.area.MAP)
    dock.filters.cloud.setUpperValue(70)
    dock.filters.fields.rows["sun.altitude"].edits[0].setText("89")
    box = QgsGeometry.fromRect(dock.iface.mapCanvas().extent()).asWkt()
    found = ask(service, "scenes/ortho/", count="1000", intersects=box)["features"]
    clear = [scene for scene in found if scene["properties"]["cloud_cover"]["estimated"] <= 70]
    assert counted(dock) == f"No scene matches all filters. There would be: {len(clear)} without sun.altitude."
    dock.filters.fields.rows["sun.azimuth"].edits[0].setText("359")
    assert "even without any one of" in counted(dock) and f"there are {len(every(service))}." in dock.said.text()


def test_a_long_sentence_changes_neither_the_dock_nor_the_map(dock: Dock, desktop: Desktop) -> None:
    # With the map as the area, each change of its extent is another search.
    wide = dock.sizeHint().width()
    dock.said.setText("No scene matches all filters, even without any one of many fields with long names. " * 3)
    settle()
    assert dock.sizeHint().width() == wide


def test_a_count_that_is_late_is_not_said(
    make_dock: Callable[[Any], Dock], make_connection: Callable[..., Any], slow_service: Service
) -> None:
    dock = make_dock(make_connection(slow_service, "slow"))
    said: List[str] = []
    dock.counter.said.connect(said.append)
    dock.filters.cloud.setUpperValue(10)
    dock.counter.now()
    wait_for(lambda: QgsApplication.taskManager().activeTasks())
    dock.filters.cloud.setUpperValue(100)
    dock.counter.now()
    assert counted(dock) == "63 scenes"
    assert [text for text in said if "scene" in text] == ["63 scenes"]


def test_without_a_key_the_dock_says_so_and_a_search_offers_to_log_in(
    make_dock: Callable[[Any], Dock], make_connection: Callable[..., Any], service: Service, desktop: Desktop
) -> None:
    dock = make_dock(make_connection(service, "sample", log_in=False))
    dock.filters.cloud.setUpperValue(50)
    assert "no key was sent" in counted(dock)
    assert desktop.said() == [] and dock.form.key_button.text() == "Log in…"
    dock.search()
    wait_for(desktop.said)
    assert "no key was sent" in desktop.said()[0]
    assert "Log in to sample" in [button.text() for button in desktop.bar.findChildren(QPushButton)]
    connections().log_in("sample", service.key)
    assert counted(dock).endswith("scenes") and dock.form.key_button.text() == "Log out"


def test_a_service_that_is_down_is_said_once_asked(
    make_dock: Callable[[Any], Dock],
    make_connection: Callable[..., Any],
    start_service: Start,
    archive: Path,
    desktop: Desktop,
) -> None:
    service = start_service(archive)
    dock = make_dock(make_connection(service, "down"))
    service.stop()
    dock.filters.cloud.setUpperValue(50)
    assert "check that it is running" in counted(dock) and desktop.said() == []
    dock.search()
    wait_for(desktop.said)
    assert dock.results.rowCount() == 0 and "check that it is running" in dock.said.text()


def test_another_connection_is_another_search(
    dock: Dock, make_connection: Callable[..., Any], watched: Watched, service: Service
) -> None:
    searched(dock)
    assert service.url in dock.planet_name() and service.key not in dock.planet_name()
    make_connection(watched.service, "watched")
    assert dock.results.rowCount() > 0  # the connection in use is the same
    number = dock.form.connection.findText("watched")
    dock.form.connection.setCurrentIndex(number)
    dock.form.connection.activated.emit(number)
    assert connections().current().name == "watched" and dock.results.rowCount() == 0
    assert counted(dock) == "63 scenes"
    assert watched.service.url in dock.planet_name() and watched.requests() != []


# ---- what is done with it ------------------------------------------------------------------------------------


def test_hovering_draws_the_footprint_and_a_double_click_zooms_to_it(
    dock: Dock, desktop: Desktop, service: Service
) -> None:
    ids = searched(dock)
    number = 3
    (scene,) = [found for found in every(service) if found["id"] == ids[number]]
    assert scene["geometry"]["type"] == "Polygon"
    (ring,) = scene["geometry"]["coordinates"]
    expected = QgsGeometry.fromPolygonXY([[QgsPointXY(*position) for position in ring]])
    dock.list.scrollTo(dock.results.index(number))
    place = dock.list.visualRect(dock.results.index(number)).center()
    move_mouse(dock.list.viewport(), place)
    wait_for(lambda: dock._hover.numberOfVertices())
    assert dock._hover.asGeometry().hausdorffDistance(expected) < 1e-9
    QTest.mouseDClick(dock.list.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
    assert desktop.canvas.extent().contains(expected.boundingBox())
    assert desktop.canvas.extent().width() < 4 * expected.boundingBox().width()
    dock.list.hovered.emit(None)
    assert not dock._hover.numberOfVertices()


def test_the_search_becomes_a_layer_and_products_lie_below_it(dock: Dock, desktop: Desktop) -> None:
    dock.filters.cloud.setUpperValue(40)
    found = searched(dock)
    dock.panel.layer_button.click()
    (layer,) = wait_for(lambda: list(QgsProject.instance().mapLayers().values()))
    assert layer.featureCount() == len(found) and layer.name() == "ortho"
    select(dock, 0, 1)
    menu = dock.panel.product_button.menu()
    menu.aboutToShow.emit()
    offered = [action for action in menu.actions() if not action.isSeparator()]
    assert [action.text() for action in offered] == ["True colour – visual", "visual", "analytic", "tiles"]
    offered[1].trigger()
    wait_for(lambda: len(QgsProject.instance().mapLayers()) == 3)
    root = QgsProject.instance().layerTreeRoot()
    names = [child.name() for child in root.children()]
    assert names == ["ortho", "Imagery of ortho"]
    inside = [child.name() for child in root.children()[1].children()]
    assert [found[0] in inside[0], found[1] in inside[1]] == [True, True]
    dock.filters.cloud.setUpperValue(30)  # the list shows what it showed, and the layer is still its search's
    dock.list.clearSelection()
    select(dock, 2)
    dock.add_products("visual")
    wait_for(lambda: len(QgsProject.instance().mapLayers()) == 4)
    assert [child.name() for child in root.children()] == ["ortho", "Imagery of ortho"]
    assert desktop.said() == []


def test_products_of_several_scenes_are_those_they_share(dock: Dock) -> None:
    dock.scene_type.setCurrentText("landsat")
    searched(dock)
    select(dock, 0)
    menu = dock.panel.product_button.menu()
    menu.aboutToShow.emit()
    texts = [action.text() for action in menu.actions()]
    assert texts[0] == "True colour – band_4,band_3,band_2" and "NDVI, vegetation – band_5,band_4" in texts
    assert "band_1" in texts


def test_the_search_becomes_one_mosaic(dock: Dock) -> None:
    dock.filters.cloud.setUpperValue(5)
    found = searched(dock)
    assert 1 < len(found) < 63
    dock.panel.mosaic_menu.aboutToShow.emit()
    assert [action.text() for action in dock.panel.mosaic_menu.actions()] == ["visual", "analytic"]
    dock.panel.mosaic_menu.actions()[0].trigger()
    (layer,) = wait_for(lambda: list(QgsProject.instance().mapLayers().values()), 60)
    assert str(len(found)) in layer.name() and layer.isValid()


def test_following_the_map_ends_with_its_layer_and_takes_up_filters(dock: Dock, desktop: Desktop) -> None:
    dock.panel.follow_button.click()
    wait_for(lambda: dock.following.follower is not None and dock.following.follower.layer is not None)
    settle()
    layer = dock.following.follower.layer
    everything = layer.featureCount()
    assert dock.said.text() == f"{everything} scenes in view"
    dock.filters.cloud.setUpperValue(20)
    wait_for(lambda: layer.featureCount() < everything)
    assert all(feature["cloud_cover.estimated"] <= 20 for feature in layer.getFeatures())
    assert len(QgsProject.instance().mapLayers()) == 1
    counted(dock)
    QgsProject.instance().removeMapLayer(layer.id())
    assert dock.following.follower is None and not dock.panel.follow_button.isChecked()


def test_a_search_is_saved_and_the_list_stays(dock: Dock) -> None:
    dock.filters.cloud.setUpperValue(20)
    found = searched(dock)
    dock.save_search("Clear")
    assert connections().searches("sample") == {"Clear": dock.planet_name()}
    assert dock.results.rowCount() == len(found)


def test_a_snapshot_is_saved(dock: Dock, desktop: Desktop, tmp_path: Path) -> None:
    found = searched(dock)
    dock.save_snapshot(str(tmp_path / "all.gpkg"))
    wait_for(desktop.said)
    kept = QgsVectorLayer(str(tmp_path / "all.gpkg"), "kept", "ogr")
    assert {feature["id"] for feature in kept.getFeatures()} == set(found)
    del kept


def test_a_download_is_stopped_and_gone_on_with(
    make_dock: Callable[[Any], Dock],
    make_connection: Callable[..., Any],
    start_service: Start,
    archive: Path,
    desktop: Desktop,
    tmp_path: Path,
) -> None:
    faults = tmp_path / "faults.yml"
    faults.write_text('- {path: "*/full", delay: 5, skip: 2}\n')
    service = start_service(archive, "--faults", str(faults))
    dock = make_dock(make_connection(service, "held up"))
    dock.filters.cloud.setUpperValue(10)
    found = searched(dock)
    select(dock, 0, 1)
    assert dock.panel.download_button.isEnabled()
    folder = tmp_path / "scenes"
    dialog = DownloadDialog(dock.list.selected(), dock)
    good = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
    assert dialog.products() == ["visual"] and not good.isEnabled()
    dialog.folder.setFilePath(str(folder))
    assert good.isEnabled()
    dialog.accept()
    dock.download_to(dialog.directory(), dialog.products())
    dialog.deleteLater()
    bar = dock.download_bar
    assert bar.isVisible() and bar.progress.isVisible() and not dock.panel.download_button.isEnabled()
    bar.cancel_button.click()
    wait_for(lambda: not bar.busy)
    assert bar.resume_button.isVisible() and dock.panel.download_button.isEnabled() and desktop.said() == []
    faults.write_text("[]\n")
    bar.resume_button.click()
    wait_for(desktop.said)
    assert not bar.isVisible() and str(folder) in desktop.said()[0]
    files = sorted(folder.glob("*.tif"))
    assert len(files) == 2 and sorted(path.name[: len(found[0])] for path in files) == sorted(found[:2])
    for file in files:
        (original,) = archive.rglob(file.name)
        assert file.read_bytes() == original.read_bytes()
    settle()
    service.stop()


TWO_DEGREES = "MultiPolygon (((179 -1, 180 -1, 180 1, 179 1, 179 -1)), ((-180 -1, -179 -1, -179 1, -180 1, -180 -1)))"


@pytest.mark.parametrize("crs", ["", "EPSG:4326", "EPSG:3832"])
def test_an_area_across_the_antimeridian_is_what_it_covers(dock: Dock, crs: str) -> None:
    """As text, as a layer in degrees, and as one in a projection whose middle is at 150° east."""
    short = "Polygon ((179 -1, -179 -1, -179 1, 179 1, 179 -1))"
    if crs:
        polygon = QgsGeometry.fromWkt(
            "Polygon ((179 -1, 181 -1, 181 1, 179 1, 179 -1))" if crs != "EPSG:4326" else short
        )
        if crs == "EPSG:3832":
            there = QgsCoordinateTransform(
                QgsCoordinateReferenceSystem("EPSG:4326"), QgsCoordinateReferenceSystem(crs), QgsProject.instance()
            )
            polygon.transform(there)
        layer_of(polygon.asWkt(9), crs=crs)
        dock.area.mode.setCurrentIndex(dock.area.LAYER)
    else:
        dock.area.mode.setCurrentIndex(dock.area.TEXT)
        dock.area.text.setPlainText(short)
    counted(dock)
    asked = QgsGeometry.fromWkt(parameters(dock)["intersects"])
    assert asked.symDifference(QgsGeometry.fromWkt(TWO_DEGREES)).area() < 1e-6
