"""The browser panel: what stands in its tree, what its menus do, what goes wrong in it."""

from __future__ import annotations

from typing import Any, Iterator, List

import pytest
from qgis.core import QgsApplication, QgsBrowserModel, QgsDataItem, QgsErrorItem, QgsLayerItem, QgsProject
from qgis.PyQt.QtCore import QModelIndex
from qgis.PyQt.QtWidgets import QAction, QInputDialog, QMessageBox, QWidget

from planet_scenes.browser import ItemProvider
from planet_scenes.connection import Connection
from planet_scenes.connections import connections
from planet_vector.catalog.scenes_v0.basemaps import ScenesV0Basemaps
from planet_vector.connections import BUILT_IN
from tests.conftest import KEY, Service
from tests.qgis.conftest import Desktop, settle, wait_for


class Tree:
    """Be the browser panel's tree with the plugin's part in it."""

    def __init__(self) -> None:
        self.model = QgsBrowserModel()
        self.model.initialize()

    def inside(self, *path: str) -> List[QgsDataItem]:
        """Let an item find its children as QGIS does, in a thread, and return them."""
        index = self._index(*path)
        item = self.model.dataItem(index)
        self.model.fetchMore(index)
        wait_for(lambda: item.state() == QgsDataItem.State.Populated)
        return [self.model.dataItem(self.model.index(row, 0, index)) for row in range(self.model.rowCount(index))]

    def names(self, *path: str) -> List[str]:
        return [item.name() for item in self.inside(*path)]

    def item(self, *path: str) -> QgsDataItem:
        return next(item for item in self.inside(*path[:-1]) if item.name() == path[-1])

    def _index(self, *path: str) -> QModelIndex:
        index = QModelIndex()
        for name in ("Planet Scenes", *path):
            if index.isValid():
                item = self.model.dataItem(index)
                self.model.fetchMore(index)
                wait_for(lambda item=item: item.state() == QgsDataItem.State.Populated)
            rows = (self.model.index(row, 0, index) for row in range(self.model.rowCount(index)))
            index = next(inner for inner in rows if inner.data() == name)
        return index


@pytest.fixture
def tree(connection: Connection) -> Iterator[Tree]:
    provider = ItemProvider()
    QgsApplication.dataItemProviderRegistry().addProvider(provider)
    made = Tree()
    yield made
    settle()
    made.model.deleteLater()
    settle()
    QgsApplication.dataItemProviderRegistry().removeProvider(provider)


def _action(item: QgsDataItem, text: str, parent: QWidget) -> QAction:
    return next(action for action in item.actions(parent) if action.text() == text)


def test_the_tree_has_connections_and_what_the_service_has(tree: Tree) -> None:
    assert tree.names() == sorted(["sample", *BUILT_IN])
    assert sorted(tree.names("sample")) == ["Basemaps", "Saved searches", "Scene types"]
    types = tree.inside("sample", "Scene types")
    assert [item.name() for item in types] == ["landsat", "ortho", "rapideye"]
    assert all(isinstance(item, QgsLayerItem) for item in types)
    assert tree.inside("sample", "Saved searches") == tree.inside("sample", "Basemaps") == []


def test_no_other_path_is_its_business(connection: Connection) -> None:
    assert ItemProvider().createDataItem("/home", None) is None


def test_what_is_dragged_opens_as_a_layer_and_holds_no_key(tree: Tree) -> None:
    (uri,) = tree.item("sample", "Scene types", "ortho").mimeUris()
    assert (uri.layerType, uri.providerKey, uri.name) == ("vector", "ogr", "ortho")
    assert uri.uri.startswith("PLANET:ortho?api_url=http") and KEY not in uri.uri
    layer, valid = uri.vectorLayer("")
    assert valid and layer.featureCount() > 10
    QgsProject.instance().addMapLayer(layer)


def test_a_double_click_adds_the_layer(tree: Tree, desktop: Desktop) -> None:
    assert tree.item("sample", "Scene types", "rapideye").handleDoubleClick()
    (layer,) = wait_for(lambda: list(QgsProject.instance().mapLayers().values()))
    assert layer.name() == "rapideye" and layer.isValid()


def test_saved_searches_come_and_go_with_what_is_saved(
    tree: Tree, desktop: Desktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = ("sample", "Saved searches")
    assert tree.names(*place) == []
    name = "PLANET:ortho?limit=3&api_url=" + connections().get("sample").url
    connections().save_search("sample", "Three", name)
    wait_for(lambda: tree.names(*place) == ["Three"])
    assert tree.item(*place, "Three").uri() == name
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: ("Trio", True))
    _action(tree.item(*place, "Three"), "Rename…", desktop.window).trigger()
    wait_for(lambda: tree.names(*place) == ["Trio"])
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.No)
    _action(tree.item(*place, "Trio"), "Remove", desktop.window).trigger()
    assert connections().searches("sample") == {"Trio": name}
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Yes)
    _action(tree.item(*place, "Trio"), "Remove", desktop.window).trigger()
    wait_for(lambda: tree.names(*place) == [])


def test_the_menu_of_a_connection(
    tree: Tree, desktop: Desktop, enter_key: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    _action(tree.item("sample"), "Log out", desktop.window).trigger()
    assert not connections().logged_in("sample")
    settle()
    _action(tree.item("sample"), "Log in…", desktop.window).trigger()
    assert connections().logged_in("sample")
    settle()
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: ("example", True))
    _action(tree.item("sample"), "Rename…", desktop.window).trigger()
    wait_for(lambda: tree.names() == sorted(["example", *BUILT_IN]))


def test_a_connection_that_is_not_stored_cannot_be_removed(
    tree: Tree, desktop: Desktop, connected: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PL_API_URL", connected.url.replace("/v0/", "/other/"))
    connections().changed.emit()
    wait_for(lambda: "PL_API_URL" in tree.names())
    menus = {name: [action.text() for action in tree.item(name).actions(desktop.window)] for name in tree.names()}
    assert {name for name, menu in menus.items() if "Remove" in menu} == {"sample"}
    assert {name for name, menu in menus.items() if "Rename…" in menu} == {"sample", "PL_API_URL"}
    assert set(menus) == {*BUILT_IN, "sample", "PL_API_URL"}


def test_what_goes_wrong_is_an_item_that_says_so(tree: Tree) -> None:
    connections().add(Connection("down", "http://127.0.0.1:9/v0/"))
    connections().log_out("sample")
    settle()
    for name, said in (("down", "connection to the service failed"), ("sample", "key")):
        (error,) = tree.inside(name, "Scene types")
        assert isinstance(error, QgsErrorItem)
        assert said in error.name() and "Traceback" not in error.name()


def test_a_basemap_is_listed_by_its_title(tree: Tree, connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    # The sample service has no basemaps.
    listed: Any = lambda catalog: [{"name": "land_2015", "title": "The land"}, {"name": "sea"}]  # noqa: E731
    monkeypatch.setattr(ScenesV0Basemaps, "list", listed)
    basemaps = tree.inside("sample", "Basemaps")
    assert sorted(item.name() for item in basemaps) == ["The land", "sea"]
    assert {item.uri() for item in basemaps} == {
        f"PLANET:basemaps/{name}?api_url={connection.url}" for name in ("land_2015", "sea")
    }
