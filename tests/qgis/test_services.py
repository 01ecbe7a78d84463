"""Each kind of service through the same dock, browser and layers, and one that the plugin has never heard of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest
import requests
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsFeedback,
    QgsProcessingException,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
)
from qgis.PyQt.QtCore import QCoreApplication, QItemSelectionModel, Qt
from qgis.PyQt.QtGui import QColor

from planet_scenes.browser import ConnectionItem, RootItem
from planet_scenes.chips import Place, chip_of
from planet_scenes.connection import Connection
from planet_scenes.connections import connections
from planet_scenes.dock import Dock
from planet_scenes.place_dock import name_at, scenes_at
from planet_scenes.processing.provider import Provider
from planet_scenes.results import footprint
from planet_scenes.source_page import SourceProvider
from planet_vector.catalog import connect
from planet_vector.names import parse_name
from tests import second_catalog
from tests.conftest import Service, Start
from tests.qgis.conftest import Desktop, settle, wait_for

KINDS = ("v0", "data-v1", "stac", second_catalog.KIND)
LAND = QgsRectangle(11.9, 47.8, 12.1, 48.0)
COLLECTIONS = {"v0": "ortho", "data-v1": "ortho", "stac": "ortho", second_catalog.KIND: second_catalog.COLLECTION}

ENDS = ("visual", "analytic")  # of the archive's files


@pytest.fixture(scope="module")
def free(start_service: Start, archive: Path) -> Service:
    return start_service(archive, key="")


@pytest.fixture(scope="module")
def features(free: Service) -> List[Dict[str, Any]]:
    found: List[Dict[str, Any]] = requests.get(f"{free.url}scenes/ortho/?count=1000", timeout=30).json()["features"]
    return found


@pytest.fixture(params=KINDS)
def some(
    request: pytest.FixtureRequest,
    free: Service,
    features: List[Dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Connection:
    """Return a connection to a service of each kind, over the same scenes."""
    kind = request.param
    if kind == second_catalog.KIND:
        moments = second_catalog.like_moments(features)
        (tmp_path / "features.json").write_text(json.dumps(moments))
        monkeypatch.setenv(second_catalog.FEATURES, str(tmp_path / "features.json"))
        second_catalog.install(monkeypatch)
    ends = {"v0": "/v0/", "data-v1": "/data/v1/", "stac": "/stac/", second_catalog.KIND: "/moments/"}
    connections().add(Connection("some", free.url.replace("/v0/", ends[kind]), kind=kind))
    found = connections().get("some")
    if kind == second_catalog.KIND:
        catalog = connect(found.url)
        assert isinstance(catalog, second_catalog.Moments)
        catalog.features = moments
        catalog.described.clear()
    return found


@pytest.fixture
def dock(some: Connection, desktop: Desktop) -> Iterator[Dock]:
    connections().set_current(some.name)
    desktop.canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    desktop.canvas.setExtent(LAND)
    made = Dock(desktop.iface)
    desktop.window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, made)
    desktop.window.resize(1000, 900)
    desktop.window.show()
    for _ in range(3):
        QCoreApplication.processEvents()
    yield made
    made.close_down()
    desktop.window.removeDockWidget(made)
    made.deleteLater()


def test_a_service_is_searched_and_its_imagery_added(
    dock: Dock, some: Connection, desktop: Desktop, features: List[Dict[str, Any]]
) -> None:
    kind = connect(some.url).kind
    dock.counter.now()
    wait_for(lambda: dock.scene_type.count() and dock.form.schema is not None)
    settle()
    listed = [dock.scene_type.itemText(row) for row in range(dock.scene_type.count())]
    assert listed == list(connect(some.url).scene_types()) and COLLECTIONS[kind] in listed
    dock.scene_type.setCurrentText(COLLECTIONS[kind])
    dock.search()
    wait_for(lambda: dock.results.rowCount())
    settle(60)
    schema = dock.form.schema
    assert schema is not None and schema.collection == COLLECTIONS[kind]
    assert set(dock.filters.fields.rows) <= set(schema.fields)
    # Clouds are in percent, also at services that use fractions.
    dock.filters.cloud.setUpperValue(20)
    clear = {f["id"] for f in features if f["properties"]["cloud_cover"]["estimated"] <= 20}
    dock.search()
    wait_for(lambda: not dock.results.busy)
    settle()
    found = [dock.results.scene(dock.results.index(row)).id for row in range(dock.results.rowCount())]
    assert found and set(found) <= clear
    dock.add_layer()
    (layer,) = wait_for(lambda: list(QgsProject.instance().mapLayers().values()))
    assert layer.featureCount() >= len(found)
    assert parse_name(layer.source().partition("|")[0]).service == some.url
    dock.list.selectionModel().select(dock.results.index(0), QItemSelectionModel.SelectionFlag.Select)
    dock.add_products("")
    settle()
    rasters = [each for each in QgsProject.instance().mapLayers().values() if isinstance(each, QgsRasterLayer)]
    assert [raster.isValid() for raster in rasters] == [True], desktop.said()
    assert desktop.said() == []
    # It has the scene at the middle of its footprint, with a picture of that place.
    scene, catalog = dock.results.scene(dock.results.index(0)), connect(some.url)
    middle = footprint(scene).boundingBox().center()
    place = Place(middle.x(), middle.y(), 300.0)
    if kind != second_catalog.KIND:  # selects by areas with shapely, which is missing here
        there = scenes_at(catalog, name_at(dock.planet_name(), place, everything=True), QgsFeedback())
        assert scene.id in [entry.scene.id for entry in there.entries] and not there.more
    chip = chip_of(catalog, scene, place, QgsFeedback())
    assert QColor(chip.pixelColor(64, 64)).alpha() == 255


def test_a_form_has_the_fields_of_the_collection(dock: Dock, some: Connection) -> None:
    collection = COLLECTIONS[connect(some.url).kind]
    dock.form.choose_type(collection)
    called: List[bool] = []
    dock.form.with_schema(lambda: called.append(True))
    wait_for(lambda: called)
    schema = connect(some.url).schema(collection)
    rows = dock.filters.fields.rows
    for name, column in schema.columns.items():
        field = schema.fields.get(name)
        if field is None or name in (schema.meanings.time, schema.meanings.cloud_cover):
            assert name not in rows
        else:
            assert name in rows, (name, column)
    settle()


def test_the_browser_lists_what_a_service_has(some: Connection) -> None:
    root = RootItem()
    item = ConnectionItem(root, some)
    kind = connect(some.url).kind
    folders = item.createChildren()
    names = [folder.name() for folder in folders]
    assert names == ["Scene types", "Saved searches", *(["Basemaps"] if kind in ("v0", "data-v1") else [])]
    types = folders[0].createChildren()
    assert [each.name() for each in types] == list(connect(some.url).scene_types())
    heard: List[Any] = []
    connections().chosen.connect(lambda *what: heard.append(what))
    from qgis.PyQt.QtWidgets import QWidget

    parent = QWidget()
    next(action for action in types[0].actions(parent) if action.text() == "Search in the panel").trigger()
    assert heard == [(some.name, types[0].name())]
    parent.deleteLater()


def test_the_data_source_page_lists_the_collections_and_adds_one(some: Connection, desktop: Desktop) -> None:
    page = SourceProvider().createDataSourceWidget(desktop.window)
    page.setMapCanvas(desktop.canvas)
    desktop.canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    desktop.canvas.setExtent(LAND)
    enabled: List[bool] = []
    page.enableButtons.connect(enabled.append)
    page.connection.setCurrentText("some")
    assert page.list.count() == 0 and enabled[-1] is False
    page.connect_button.click()
    wait_for(page.list.count)
    assert [page.list.item(row).text() for row in range(page.list.count())] == list(connect(some.url).scene_types())
    collection = COLLECTIONS[connect(some.url).kind]
    page.filter.setText(collection[1:4].upper())
    page.list.setCurrentRow([page.list.item(row).text() for row in range(page.list.count())].index(collection))
    assert enabled[-1] is True
    page.limit.setValue(4)
    heard: List[Any] = []
    connections().chosen.connect(lambda *what: heard.append(what))
    page.search_button.click()
    assert heard == [("some", collection)]
    page.addButtonClicked()
    (layer,) = wait_for(lambda: list(QgsProject.instance().mapLayers().values()))
    assert layer.featureCount() == 4 and layer.name() == collection
    page.in_view.setChecked(True)
    west, south, east, north = map(float, dict(parse_name(page.planet_name()).parameters)["bbox"].split(","))
    seen = desktop.canvas.extent()
    expected = (seen.xMinimum(), seen.yMinimum(), seen.xMaximum(), seen.yMaximum())
    assert (west, south, east, north) == pytest.approx(expected)
    settle()
    page.deleteLater()


def test_a_form_waits_for_the_schema_and_says_what_fails(
    dock: Dock, some: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog: Any = connect(some.url)
    collection = COLLECTIONS[catalog.kind]
    if catalog.known_schema("nothing of this name") is not None:
        return  # schemas of this service take no request
    dock.form.choose_type("nothing of this name")
    dock.search()
    wait_for(lambda: "nothing of this name" in dock.said.text(), 30)
    assert dock.results.rowCount() == 0
    dock.form.choose_type(collection)
    dock.search()
    wait_for(lambda: dock.results.rowCount())
    settle()


def test_processing_takes_the_scenes_of_any_connection(
    some: Connection, qgis_processing: None, archive: Path, tmp_path: Path
) -> None:
    import processing

    provider = Provider()
    assert QgsApplication.processingRegistry().addProvider(provider)
    try:
        given = {"CONNECTION": "some", "SCENE_TYPE": COLLECTIONS[connect(some.url).kind], "LIMIT": 2}
        layer = processing.run("planet:searchlayer", given)["OUTPUT"]
        QgsProject.instance().addMapLayer(layer, False)
        ids = sorted(feature["id"] for feature in layer.getFeatures())
        assert len(ids) == 2
        taken = {"CONNECTION": "some", "INPUT": layer, "FOLDER": str(tmp_path / "files")}
        files = [Path(path).read_bytes() for path in processing.run("planet:download", taken)["FILES"]]
        assert len(files) == 2
        assert all(any((archive / f"{name}_{end}.tif").read_bytes() in files for end in ENDS) for name in ids)
        # A layer of another service is not taken for this one's.
        connections().add(Connection("elsewhere", "http://127.0.0.1:9/v0/"))
        with pytest.raises(QgsProcessingException, match="does not belong to connection elsewhere"):
            processing.run("planet:download", {**taken, "CONNECTION": "elsewhere"})
    finally:
        QgsApplication.processingRegistry().removeProvider(provider)
