"""A user's actions with dates in the real application, run by QGIS itself: the slider, two maps, a place."""

import os
import sys
from pathlib import Path

from qgis.core import QgsCoordinateReferenceSystem, QgsProject
from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QDockWidget

sys.path.insert(0, str(Path(os.environ["DESKTOP_TESTS"])))
import desktop  # noqa: E402 - found beside this file, which QGIS runs as text
from desktop import iface, picture, report, settle, wait_for  # noqa: E402


def markers():
    return sum(type(item).__name__ == "QgsVertexMarker" for item in iface.mapCanvas().scene().items())


def main():
    desktop.clear_window()
    marks = markers()
    dock = desktop.dock_with_connection()
    desktop.ask_for_summer(dock)
    dock.search()
    wait_for(dock.results.rowCount, "a result")
    settle()
    dock.add_layer()
    wait_for(desktop.searches, "the layer")
    settle()
    QgsProject.instance().setCrs(QgsCoordinateReferenceSystem("EPSG:32633"))
    desktop.look_at(desktop.LAND)

    # Day by day, as the menu offers it.
    menu = dock.panel.days_menu
    menu.aboutToShow.emit()
    report["offered"] = [action.text() for action in menu.actions() if action.text()]
    next(action for action in menu.actions() if action.text() == "visual").trigger()
    wait_for(lambda: dock.time.days, "the days")
    settle()
    report["days"] = dock.time.days
    controller = iface.mapCanvas().temporalController()
    report["frames"] = controller.totalFrameCount()
    dock.time.one_day.click()
    QTest.keyClick(dock.time.slider, Qt.Key.Key_Home)
    settle()
    report["first day"] = dock.time.label.text()
    for _ in range(2):
        QTest.keyClick(dock.time.slider, Qt.Key.Key_Right)
        settle()
    report["third day"] = dock.time.label.text()
    panel = iface.mainWindow().findChild(QDockWidget, "TemporalController")
    if panel is None:
        panel = iface.mainWindow().findChild(QDockWidget, "Temporal Controller")
    report["controller"] = panel is not None
    if panel is not None:
        panel.show()
    report["widths before"] = [iface.mainWindow().centralWidget().width(), dock.width()]
    picture("qgis-days")
    if panel is not None:
        panel.hide()

    # Two dates side by side.
    dock.time.show_day(dock.time.days[-1])
    dock.time.compare_button.click()
    settle()
    desktop.look_at(desktop.LAND.scaled(0.6))
    settle()
    compare = dock.views.comparison
    central = iface.mainWindow().centralWidget()
    report["widths"] = [
        central.width(), central.minimumSizeHint().width(), compare.width(), dock.width(), iface.mainWindow().width()
    ]  # fmt: skip
    report["compared"] = [compare.left.currentText(), compare.right.currentText()]
    report["scales"] = [iface.mapCanvas().mapUnitsPerPixel(), compare.canvas.mapUnitsPerPixel()]
    compare.canvas.xyCoordinates.emit(compare.canvas.extent().center())
    wait_for(lambda: not compare.canvas.isDrawing(), "the other map")
    picture("qgis-compare")
    compare.close()
    settle()

    # The same two dates left and right of a line.
    dock.time.swipe_button.click()
    swipe = wait_for(lambda: dock.views.swipe, "the line")
    wait_for(lambda: swipe._job is None and not iface.mapCanvas().isDrawing(), "the picture right of the line")
    report["swiped"] = [swipe.choices.left.currentText(), swipe.choices.right.currentText()]
    picture("qgis-swipe")
    QTest.keyClick(swipe.line, Qt.Key.Key_Escape)
    report["swipe left"] = [type(item).__name__ for item in iface.mapCanvas().scene().items()].count("SecondPicture")

    # All scenes at a place.
    dock.time.show_all()
    dock.look_at_place()
    place = wait_for(lambda: dock.views.place, "the dock of a place")
    place.all.setChecked(True)
    desktop.look_at(desktop.LAND)
    settle()
    viewport = iface.mapCanvas().viewport()
    QTest.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=viewport.rect().center())
    wait_for(place.chips.rowCount, "the scenes at a place")
    settle()
    report["said"] = place.said.text()
    report["chips"] = sum(not chip.picture.isNull() for chip in place.chips._chips.values())
    place.list.setCurrentIndex(place.chips.index(0))
    picture("qgis-place")
    before = len(QgsProject.instance().mapLayers())
    place.list.doubleClicked.emit(place.chips.index(0))
    wait_for(lambda: len(QgsProject.instance().mapLayers()) > before, "the scene")
    settle()

    # What is saved; unload.
    project = desktop.OUT / "days.qgz"
    QgsProject.instance().write(str(project))
    QgsProject.instance().clear()
    report["days without project"] = dock.time.days
    iface.addProject(str(project))
    settle()
    report["days again"] = dock.time.days
    report["valid again"] = [layer.isValid() for layer in QgsProject.instance().mapLayers().values()]
    QTest.keyClick(dock.time.slider, Qt.Key.Key_Home)
    settle()
    report["first day again"] = dock.time.label.text()
    desktop.qgis.utils.unloadPlugin("planet_scenes")
    settle()
    window = iface.mainWindow()
    report["left"] = [
        dock.objectName() for dock in window.findChildren(QDockWidget) if "PlanetScenes" in dock.objectName()
    ]
    report["marks left"] = markers() - marks


QTimer.singleShot(500, lambda: desktop.run(main))
