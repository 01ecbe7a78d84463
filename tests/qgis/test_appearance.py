"""Appearance: footprints over imagery, legends, texts that fit, and the advice in errors."""

from __future__ import annotations

from datetime import datetime
from typing import Any, List

import pytest
from qgis.core import Qgis, QgsFeedback, QgsLayerTreeModel, QgsLocatorContext, QgsProject, QgsRectangle
from qgis.PyQt.QtCore import QBuffer, QByteArray, QCoreApplication, QIODevice
from qgis.PyQt.QtGui import QColor, QImage
from qgis.PyQt.QtWidgets import QLabel, QLineEdit, QPushButton

from planet_scenes import core, layers, messages, products
from planet_scenes.connection_dialog import ConnectionDialog
from planet_scenes.connections import connections
from planet_scenes.dock_results import ResultsPanel
from planet_scenes.imagery import Imagery
from planet_scenes.locator import Filter
from planet_scenes.options_page import Page
from planet_scenes.thumbnails import Thumbnails, as_png
from planet_vector.errors import AuthError, ProtocolError
from planet_vector.query import Query
from planet_vector.scene import Scene
from tests.qgis.conftest import Desktop, outcome, render, settle, summer_at

LONG = "The pixels in view cannot be read: the service closed the connection three times. " * 3


def _scenes(connection: Any, scene_type: str, count: int = 2) -> List[Any]:
    catalog = connection.catalog()
    page = next(catalog.pages(Query.parse(catalog.schema(scene_type), [("limit", str(count))])))
    return [catalog.scene(scene_type, feature["id"]) for feature in page]


def test_imagery_below_footprints_keeps_its_colours(connection: Any, desktop: Desktop) -> None:
    search = outcome(lambda done: layers.add_search_layer(connection, summer_at(connection), "Summer", done))
    styles = search.styleManager()
    assert sorted(styles.styles()) == ["Filled", "Outlines"] and styles.currentStyle() == "Filled"
    scene = next(catalog_scene for catalog_scene in _scenes(connection, "ortho"))
    (raster,) = outcome(lambda done: products.add_products(connection, [scene], "visual", done, below=search))
    assert styles.currentStyle() == "Outlines"
    # Without labels and outlines, the picture is that of the raster alone.
    search.setLabelsEnabled(False)
    middle = search.extent().center()
    inside = QgsRectangle(middle.x() - 1e-5, middle.y() - 1e-5, middle.x() + 1e-5, middle.y() + 1e-5)
    outlined = render([search], inside)
    styles.setCurrentStyle("Filled")
    search.setLabelsEnabled(False)
    filled = render([search], inside)
    white = {outlined.pixel(x, y) for x in range(0, 300, 10) for y in range(0, 300, 10)}
    assert len(white) == 1 and filled.pixel(150, 150) != outlined.pixel(150, 150)
    del raster


def test_another_style_of_the_user_stays(connection: Any, desktop: Desktop) -> None:
    search = outcome(lambda done: layers.add_search_layer(connection, summer_at(connection), "Summer", done))
    search.styleManager().addStyleFromLayer("mine")
    search.styleManager().setCurrentStyle("mine")
    scene = _scenes(connection, "ortho")[0]
    outcome(lambda done: products.add_products(connection, [scene], "visual", done, below=search))
    assert search.styleManager().currentStyle() == "mine"


def test_the_first_letters_of_layers_tell_them_apart(connection: Any) -> None:
    scenes = _scenes(connection, "ortho", 12)
    names = {scene.id: products.layer_name(scene, Imagery.of("visual")) for scene in scenes}
    # A tree of 280 pixels shows some 25 letters: the second, and the product.
    assert len({name[:15] for name in names.values()}) == len({name[:15] for name in names}) > 5
    assert all(name.index(" visual") <= 15 for name in names.values())
    first = scenes[0]
    told = datetime.strptime(first.id[:15], "%Y%m%d_%H%M%S")
    assert names[first.id] == f"{told.day} {told:%b} {told:%H:%M:%S} visual – {first.id}"
    timeless = Scene({"id": "any", "properties": {}}, first.schema)
    assert products.layer_name(timeless, Imagery.of("visual")) == "visual – any"


@pytest.mark.parametrize(
    ("scene_type", "legend"),
    [("rapideye", ["red", "green", "blue"]), ("ortho", ["red", "green", "blue"])],
)
def test_a_legend_names_the_bands(connection: Any, desktop: Desktop, scene_type: str, legend: List[str]) -> None:
    scene = _scenes(connection, scene_type)[0]
    (raster,) = outcome(lambda done: products.add_products(connection, [scene], "analytic", done))
    assert raster.name() == products.layer_name(scene, Imagery.of("analytic"))
    model = QgsLayerTreeModel(QgsProject.instance().layerTreeRoot())
    node = QgsProject.instance().layerTreeRoot().findLayer(raster.id())
    assert [each.userLabel() or each.data(0) for each in model.layerLegendNodes(node)][: len(legend)] == legend
    model.deleteLater()


def test_a_message_is_shown_whole(desktop: Desktop) -> None:
    pressed: List[bool] = []
    desktop.bar.resize(600, 40)
    desktop.window.setCentralWidget(desktop.bar)
    desktop.window.resize(600, 200)
    desktop.window.show()
    messages.ask(LONG + "<b>1 & 2</b>", "Again", lambda: pressed.append(True))
    for _ in range(5):
        QCoreApplication.processEvents()
    (label,) = desktop.bar.findChildren(QLabel, "PlanetScenesMessage")
    assert "1 &amp; 2" in label.text()
    assert label.height() >= label.heightForWidth(label.width()) > 2 * label.fontMetrics().height()
    next(each for each in desktop.bar.findChildren(QPushButton) if each.text() == "Again").click()
    settle()
    assert pressed == [True] and desktop.said() == []
    messages.tell("short", Qgis.MessageLevel.Info)
    assert desktop.said() == ["short"]


def test_an_error_of_a_key_advises_what_qgis_has(connection: Any) -> None:

    connections().log_out(connection.name)
    with pytest.raises(AuthError) as caught:
        connections().get(connection.name).catalog().scene_types()
    assert "planet-vector login" in str(caught.value)
    told = core.errors_told(caught.value)
    assert told.endswith("log in.") and "planet-vector" not in told and "PL_API_KEY" not in told


def test_every_button_has_a_text() -> None:
    panel = ResultsPanel(Thumbnails())
    for button in (panel.search_button, panel.layer_button, panel.follow_button, panel.more_button):
        assert len(button.text()) > 2
    panel.deleteLater()


def test_texts_of_dialogs_fit(connection: Any) -> None:
    dialog, page = ConnectionDialog(), Page()
    page.resize(700, 400)
    dialog.access.setCollapsed(False)
    for made in (dialog, page):
        made.show()
    for _ in range(3):
        QCoreApplication.processEvents()
    for edit in (dialog.url, dialog.log_in.key, *dialog.access.findChildren(QLineEdit)):
        assert edit.width() > edit.fontMetrics().horizontalAdvance(edit.placeholderText())
    for column in (0, 2):
        for row in range(page.table.rowCount()):
            item = page.table.item(row, column)
            assert page.table.columnWidth(column) > page.table.fontMetrics().horizontalAdvance(item.text())
    for made in (dialog, page):
        made.close()
        made.deleteLater()


def test_the_locator_says_that_there_is_no_such_scene(connection: Any) -> None:

    connections().set_current(connection.name)
    found: List[Any] = []
    locator = Filter()
    locator.resultFetched.connect(found.append)
    for text in ("pl 20150615_000000_nowhere", "pl ortho/20150615_000000_nowhere"):
        locator.prepare(text, QgsLocatorContext())
        locator.fetchResults(text, QgsLocatorContext(), QgsFeedback())
    assert [result.displayString for result in found] == ["sample has no scene 20150615_000000_nowhere."] * 2


def test_pictures_become_small_pngs_and_others_are_refused() -> None:
    image = QImage(400, 200, QImage.Format.Format_RGB32)
    image.fill(QColor("red"))
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "JPG")
    made = QImage.fromData(as_png(bytes(data)), "PNG")
    assert (made.width(), made.height()) == (128, 64)
    for content in (b"", b"<html>", b"\x89PNG\r\n\x1a\n" + b"\xff" * 100):
        with pytest.raises(ProtocolError):
            as_png(content)
