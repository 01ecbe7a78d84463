"""A user's actions with the plugin in the real application, step by step; run by QGIS itself (``qgis --code``).

Reads its parameters from the environment, writes screenshots and a report into a folder, and quits QGIS.
"""

import json
import os
import sys
import time
import traceback
from pathlib import Path

import qgis.utils
from qgis.core import (
    Qgis,
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QCoreApplication, QDate, QEvent, QItemSelectionModel, Qt, QTimer
from qgis.PyQt.QtWidgets import QDockWidget, QTreeView

sys.path.insert(0, str(Path(os.environ["DESKTOP_TESTS"])))
from pulse import Pulse  # noqa: E402 - found beside this file, which QGIS runs as text

OUT = Path(os.environ["DESKTOP_OUT"])
URL, KEY = os.environ["DESKTOP_URL"], os.environ.pop("DESKTOP_KEY")
LAND = QgsRectangle(11.95, 47.845, 12.075, 47.915)  # area of the sample archive
CORNER = QgsRectangle(11.955, 47.848, 11.965, 47.853)
iface = qgis.utils.iface
report = {}
pulse = Pulse()


def wait_for(true, what, seconds=60):
    end = time.monotonic() + seconds
    while not (found := true()):
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come about; the message bar says {said()}")
        QCoreApplication.processEvents()
        time.sleep(0.01)
    return found


def said():
    return [item.property("sentence") or item.text() for item in iface.messageBar().items()]


def settle():
    """Wait until nothing has run for a while: the plugin itself waits for the map to rest."""
    canvas = iface.mapCanvas()
    quiet = time.monotonic()

    def rested():
        nonlocal quiet
        if canvas.isDrawing() or QgsApplication.taskManager().activeTasks():
            quiet = time.monotonic()
        return time.monotonic() - quiet > 0.7

    wait_for(rested, "rest", 300)  # a machine that is busy with something else draws slowly
    # Within this loop, Qt does not process deferred deletions by itself.
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def picture(name):
    settle()
    for item in iface.messageBar().items():
        if "font" in item.text():  # QGIS's own, which it cannot load without a network
            iface.messageBar().popWidget(item)
    iface.mainWindow().grab().save(str(OUT / f"{name}.png"), "PNG", 0)  # smallest file
    pulse.skip()


def look_at(box):
    canvas = iface.mapCanvas()
    there = QgsCoordinateTransform(
        QgsCoordinateReferenceSystem("EPSG:4326"), canvas.mapSettings().destinationCrs(), QgsProject.instance()
    )
    canvas.setExtent(there.transformBoundingBox(box))
    canvas.refresh()


def searches():
    layers = QgsProject.instance().mapLayers().values()
    return [layer for layer in layers if layer.source().startswith("PLANET:") and isinstance(layer, QgsVectorLayer)]


def dock_with_connection():
    """Log in to the sample archive, and return the plugin's dock, shown."""
    from planet_scenes.connection import Connection
    from planet_scenes.connections import connections

    QgsApplication.authManager().setMasterPassword("correct horse battery staple", True)
    connections().blockSignals(True)  # as the dialog does: the connection appears together with its key
    connections().add(Connection("Sample archive", URL))
    connections().blockSignals(False)
    connections().log_in("Sample archive", KEY)
    connections().set_current("Sample archive")
    dock = qgis.utils.plugins["planet_scenes"].dock
    dock.setUserVisible(True)
    iface.mainWindow().resizeDocks([dock], [430], Qt.Orientation.Horizontal)
    settle()
    return dock


def ask_for_summer(dock):
    look_at(LAND)
    dock.scene_type.setCurrentText("ortho")
    dock.filters.preset.setCurrentIndex(dock.filters.preset.findData(0))
    dock.filters.since.setDate(QDate(2015, 6, 1))
    dock.filters.until.setDate(QDate(2015, 8, 31))
    dock.filters.cloud.setUpperValue(50)
    dock.area.mode.setCurrentIndex(dock.area.MAP)


def clear_window():
    """Show few docks, and watch the log for warnings of the plugin."""
    warned = report.setdefault("warnings", [])
    QgsApplication.messageLog().messageReceived.connect(
        lambda text, tab, level: warned.append(text) if tab == "Python warning" and "planet_scenes" in text else None
    )
    window = iface.mainWindow()
    window.resize(1280, 800)
    for dock in window.findChildren(QDockWidget):
        if dock.objectName() not in ("Layers", "Browser", "PlanetScenesDock"):
            dock.hide()
    window.resizeDocks([window.findChild(QDockWidget, "Layers")], [220], Qt.Orientation.Horizontal)


def main():
    clear_window()
    window, plugin = iface.mainWindow(), qgis.utils.plugins["planet_scenes"]
    report["plugin"] = sys.modules["planet_scenes"].__file__
    iface.messageBar().clearWidgets()
    report["strangers"] = [name for name in sys.modules if name.split(".")[0] in ("planet_vector", "rasterio")]

    # Connect and log in; search.
    dock = dock_with_connection()
    ask_for_summer(dock)
    pulse.step("search")
    dock.search()
    wait_for(lambda: dock.results.rowCount(), "a result")
    settle()
    report["found"] = [dock.results.scene(dock.results.index(row, 0)).id for row in range(dock.results.rowCount())]
    report["name"] = dock.planet_name()

    # Add the search as a layer, and a product of two scenes.
    pulse.step("add")
    dock.add_layer()
    layer = wait_for(searches, "the layer")[0]
    settle()
    report["features"] = layer.featureCount()
    pulse.step("system")
    # QGIS gives a project the coordinate system of its first layer, degrees; this is the land's.
    QgsProject.instance().setCrs(QgsCoordinateReferenceSystem("EPSG:32633"))
    look_at(LAND)
    picture("qgis-search")
    pulse.step("pan")
    look_at(CORNER)
    settle()
    look_at(LAND)
    settle()
    pulse.step("product")
    model = dock.list.selectionModel()
    for row in range(min(3, dock.results.rowCount())):
        model.select(dock.results.index(row, 0), QItemSelectionModel.SelectionFlag.Select)
    dock.add_products("visual")
    wait_for(lambda: len(QgsProject.instance().mapLayers()) > 1, "a product")
    settle()
    report["rasters"] = [
        raster.name() for raster in QgsProject.instance().mapLayers().values() if raster.type() == raster.RasterLayer
    ]
    picture("qgis-products")
    pulse.step("analytic")
    before = len(QgsProject.instance().mapLayers())
    model.clearSelection()
    model.select(dock.results.index(3, 0), QItemSelectionModel.SelectionFlag.Select)
    dock.add_products("analytic")
    wait_for(lambda: len(QgsProject.instance().mapLayers()) > before, "an analytic product")
    report["analytic"] = [
        raster.name() for raster in QgsProject.instance().mapLayers().values() if " analytic – " in raster.name()
    ]
    picture("qgis-analytic")
    model.clearSelection()
    for row in range(min(3, dock.results.rowCount())):
        model.select(dock.results.index(row, 0), QItemSelectionModel.SelectionFlag.Select)
    pulse.step("download")
    dock.download_to(str(OUT / "scenes"), ["visual"])
    wait_for(lambda: not dock.download_bar.busy, "the download")
    settle()
    report["downloaded"] = sorted(file.name for file in (OUT / "scenes").glob("*.tif"))
    pulse.step("project")

    # Save, close, open again.
    dock.save_search("Summer")
    settle()
    project = OUT / "project.qgz"
    report["saved"] = QgsProject.instance().write(str(project))
    QgsProject.instance().clear()
    report["opened"] = iface.addProject(str(project))
    settle()
    layers = list(QgsProject.instance().mapLayers().values())
    report["valid again"] = [raster.isValid() for raster in layers]
    report["features again"] = [found.featureCount() for found in searches()]
    picture("qgis-again")

    # Follow the map.
    pulse.step("follow")
    before = {found.id() for found in searches()}
    look_at(CORNER)
    settle()
    dock.follow(True)
    wait_for(lambda: [found for found in searches() if found.id() not in before], "the layer that follows")
    settle()
    report["in the corner"] = sorted(feature["id"] for feature in dock.following.follower.layer.getFeatures())
    look_at(LAND)
    settle()
    report["on the land"] = sorted(feature["id"] for feature in dock.following.follower.layer.getFeatures())
    dock.follow(False)
    for found in [found for found in searches() if found.id() not in before]:
        QgsProject.instance().removeMapLayer(found)

    # The browser panel.
    pulse.step("browser")
    look_at(LAND)
    browser = window.findChild(QDockWidget, "Browser")
    dock.hide()
    report["browser"] = open_browser(browser)
    picture("qgis-browser")

    # Unload.
    pulse.step("unload")
    qgis.utils.unloadPlugin("planet_scenes")
    settle()
    report["left"] = [
        *(found.objectName() for found in window.findChildren(QDockWidget) if "Planet" in found.objectName()),
        *(found.id() for found in QgsApplication.processingRegistry().providers() if found.id() == "planet"),
        *(found.name() for found in QgsApplication.dataItemProviderRegistry().providers() if "Planet" in found.name()),
        *(
            action.text()
            for action in window.findChildren(type(plugin.action))
            if action.objectName() == "PlanetScenesAction"
        ),
    ]
    pulse.stop()
    report["waits"] = pulse.waits
    report["layers after"] = [found.isValid() for found in QgsProject.instance().mapLayers().values()]


def open_browser(browser):
    """Expand the plugin's part of the browser tree, and return its items."""
    browser.show()
    browser.raise_()
    view = browser.findChild(QTreeView)
    tree = view.model()
    root = next(
        index for index in (tree.index(row, 0) for row in range(tree.rowCount())) if index.data() == "Planet Scenes"
    )
    found = {}

    def unfold(index, path, depth):
        view.expand(index)
        if depth == 0:
            return
        item = iface.browserModel().dataItem(tree.mapToSource(index))
        wait_for(lambda: item.state() == Qgis.BrowserItemState.Populated, path, 20)
        settle()
        for row in range(tree.rowCount(index)):
            inner = tree.index(row, 0, index)
            found.setdefault(path, []).append(inner.data())
            # Those on the internet are not asked.
            if inner.data() not in ("local", "planet", "earth-search", "planetary-computer", "landsatlook", "cdse"):
                unfold(inner, f"{path}/{inner.data()}", depth - 1)

    unfold(root, "Planet Scenes", 3)
    view.scrollTo(root, QTreeView.ScrollHint.PositionAtTop)
    return found


def run(main):
    try:
        main()
    except BaseException:
        report["error"] = traceback.format_exc()
    (OUT / "report.json").write_text(json.dumps(report, indent=1))
    QgsProject.instance().clear()
    os._exit(0)


if __name__ == "__main__":
    QTimer.singleShot(500, lambda: run(main))
