"""The plugin as QGIS loads it: everything is added by names that QGIS has, and taken away again."""

from __future__ import annotations

from typing import Any, Dict, Iterator

import pytest
from qgis.core import QgsApplication, QgsProject, QgsVectorLayer
from qgis.gui import QgsGui
from qgis.PyQt.QtWidgets import QDockWidget

from planet_scenes import layers, tasks, texts
from planet_scenes.connections import connections
from planet_scenes.plugin import Plugin
from planet_vector.driver import gdal_errors
from tests.qgis.conftest import Desktop, outcome, settle, summer_at, wait_for

ADDED_AND_TAKEN = (
    ("addDockWidget", "removeDockWidget"),
    ("addWebToolBarIcon", "removeWebToolBarIcon"),
    ("addPluginToWebMenu", "removePluginWebMenu"),
    ("insertAddLayerAction", "removeAddLayerAction"),
    ("registerLocatorFilter", "deregisterLocatorFilter"),
    ("registerOptionsWidgetFactory", "unregisterOptionsWidgetFactory"),
)


def listened_to(desktop: Desktop) -> Dict[str, int]:
    """Return how many listeners there are to what outlives the plugin, and what it adds to."""
    project, canvas, tree = QgsProject.instance(), desktop.canvas, QgsProject.instance().layerTreeRoot()
    signals = {
        "cleared": (project, project.cleared),
        "read": (project, project.readProject),
        "added": (project, project.layersAdded),
        "removed": (project, project.layersWillBeRemoved),
        "extents": (canvas, canvas.extentsChanged),
        "system": (canvas, canvas.destinationCrsChanged),
        "tree": (tree, tree.addedChildren),
        "connections": (connections(), connections().changed),
    }
    counts = {name: sender.receivers(signal) for name, (sender, signal) in signals.items()}
    counts["items on the map"] = len(canvas.scene().items())
    counts["errors of the driver"] = len(gdal_errors.LISTENERS)
    counts["docks"] = len(desktop.window.findChildren(QDockWidget))
    counts["children of the window"] = len(desktop.window.children())
    counts["algorithms"] = len(QgsApplication.processingRegistry().providers())
    counts["data sources"] = len(QgsGui.sourceSelectProviderRegistry().providers())
    counts["branches of the browser"] = len(QgsApplication.dataItemProviderRegistry().providers())
    return counts


@pytest.fixture
def plugin(desktop: Desktop) -> Iterator[Plugin]:
    made = Plugin(desktop.iface)
    made.initGui()
    yield made
    made.unload()


def test_what_is_added_is_taken_away_by_the_same_hand(desktop: Desktop) -> None:
    before = listened_to(desktop)
    for _ in range(2):  # as the plugin manager does when it is switched off and on
        desktop.iface.reset_mock()
        made = Plugin(desktop.iface)
        made.initGui()
        settle()
        during = listened_to(desktop)
        assert all(during[name] > count for name, count in before.items() if name in ("cleared", "extents", "docks"))
        made.unload()
        settle()
        for add, take in ADDED_AND_TAKEN:
            added, taken = getattr(desktop.iface, add).call_args_list, getattr(desktop.iface, take).call_args_list
            # What was added is the last argument of both: before it come a place and a menu.
            assert [call.args[-1] for call in added] == [call.args[-1] for call in taken] != [], add
        # The double of the window's owner takes no dock away: that one is a child until it is deleted.
        assert listened_to(desktop) == before
    assert not tasks._running and texts._installed is None


def test_unloading_in_the_middle_of_work_ends_it(desktop: Desktop, connection: Any) -> None:
    connections().set_current(connection.name)
    made = Plugin(desktop.iface)
    made.initGui()
    made.dock.show()
    made.dock.search()
    made.dock.add_layer()
    made.dock.follow(True)
    made.unload()
    settle()
    assert QgsApplication.taskManager().activeTasks() == [] and not tasks._running
    assert QgsProject.instance().mapLayers() == {} and desktop.said() == []


def test_layers_stay_and_work_when_the_plugin_is_gone(desktop: Desktop, connection: Any) -> None:
    made = Plugin(desktop.iface)
    made.initGui()
    layer = outcome(lambda done: layers.add_search_layer(connection, summer_at(connection), "Summer", done))
    count = layer.featureCount()
    made.unload()
    settle()
    assert layer.isValid() and sum(1 for _ in layer.getFeatures()) == count > 0
    assert QgsGui.mapLayerActionRegistry().mapLayerActions(layer) == []


def test_layers_of_others_are_left_as_they_are(desktop: Desktop, plugin: Plugin, connection: Any) -> None:
    other = QgsVectorLayer("Polygon?crs=EPSG:4326&field=id:string", "fields", "memory")
    QgsProject.instance().addMapLayer(other)

    def state() -> Any:
        keys, renderer = sorted(other.customPropertyKeys()), other.renderer().dump()
        return keys, renderer, other.mapTipTemplate(), other.labelsEnabled(), other.source(), other.isValid()

    before = state()
    connections().set_current(connection.name)
    plugin.dock.add_layer()
    wait_for(lambda: len(QgsProject.instance().mapLayers()) == 2)
    connections().log_out(connection.name)
    connections().log_in(connection.name, "another")
    settle()
    assert state() == before
    assert QgsGui.mapLayerActionRegistry().mapLayerActions(other) == []


def test_a_name_that_qgis_has_not_is_an_error_here(desktop: Desktop) -> None:
    with pytest.raises(AttributeError):
        desktop.iface.addDockWigdet  # noqa: B018
