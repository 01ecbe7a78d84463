"""Masks and a time series in the real application, each as the documentation shows it; run by QGIS itself."""

import os
import sys
from pathlib import Path

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsProject,
    QgsRectangle,
    QgsSettings,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QCoreApplication, QDate, QItemSelectionModel, Qt, QTimer
from qgis.PyQt.QtWidgets import QApplication, QDialog, QDockWidget, QPushButton, QTextEdit, QToolButton

sys.path.insert(0, str(Path(os.environ["DESKTOP_TESTS"])))
import desktop  # noqa: E402 - found beside this file, which QGIS runs as text
from clouded import CLOUDED  # noqa: E402
from desktop import OUT, iface, picture, report, settle, wait_for  # noqa: E402
from desktop_details import screen  # noqa: E402
from desktop_tour import Hand, faults, layers, rasters, there, when  # noqa: E402

FIELDS = {  # squares of 180 metres, by their lower left corner in EPSG:32633
    "north": (276000, 5304960),
    "south": (276000, 5304240),
    "east": (277200, 5304240),
}
window = iface.mainWindow()


def search_between(dock, since, until, cloud):
    """Search the days from one to another, and add the footprints."""
    dock.form.choose_type("ortho")
    wait_for(lambda: dock.form.schema is not None, "the fields")
    dock.filters.preset.setCurrentIndex(dock.filters.preset.findData(0))
    dock.filters.since.setDate(QDate(*since))
    dock.filters.until.setDate(QDate(*until))
    dock.filters.cloud.setUpperValue(cloud)
    dock.area.mode.setCurrentIndex(dock.area.MAP)
    dock.search()
    wait_for(dock.results.rowCount, "a result")
    settle()
    dock.add_layer()
    wait_for(desktop.searches, "the layer")
    settle()  # QGIS gives a project the coordinate system of its first layer, degrees; this is the land's
    QgsProject.instance().setCrs(QgsCoordinateReferenceSystem("EPSG:32633"))


def masks(hand, dock):
    """Add two scenes without their clouds and shadows, and open the menu with the toggle."""
    desktop.look_at(desktop.LAND)
    search_between(dock, (2015, 7, 19), (2015, 7, 19), 100)
    for row in range(dock.results.rowCount()):
        if dock.results.scene(dock.results.index(row, 0)).id in CLOUDED:
            dock.list.selectionModel().select(dock.results.index(row, 0), QItemSelectionModel.SelectionFlag.Select)
    hand.step("masks")
    button = dock.panel.product_button
    hand.menu(button, "Hide clouds")
    there(lambda: not button.menu().isVisible(), "the end of the menu")
    hand.menu(button, "True colour")
    there(lambda: len(rasters()) == len(CLOUDED), "the products")
    hand.done()
    report["masked"] = {raster.name(): raster.source() for raster in rasters()}
    box = rasters()[0].extent()
    box.combineExtentWith(rasters()[1].extent())
    iface.mapCanvas().setExtent(box.buffered(400))
    iface.mapCanvas().refresh()
    settle()
    window.move(0, 200)  # there is room for the menu above the button only

    def show(menu):
        report["offered"] = {action.text(): action.isEnabled() for action in menu.actions() if action.text()}
        report["hides"] = [action.text() for action in menu.actions() if action.isChecked()]
        screen("qgis-masks")
        menu.close()

    when(button.menu().isVisible, lambda _: show(button.menu()), "the menu")
    button.click()
    assert not faults, faults[0]
    window.move(0, 0)
    QgsSettings().remove("planet_scenes/hides_unclear_pixels")


def add_fields():
    """Add the places as a layer, and return it."""
    fields = QgsVectorLayer("Polygon?crs=EPSG:32633&field=name:string", "Fields", "memory")
    for name, (left, low) in FIELDS.items():
        feature = QgsFeature(fields.fields())
        feature.setAttributes([name])
        feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(left, low, left + 180, low + 180)))
        fields.dataProvider().addFeature(feature)
    fields.updateExtents()
    QgsProject.instance().addMapLayer(fields)
    return fields


def time_series(hand, dock):
    """Run the algorithm by its dialog, and open its table."""
    import processing

    hand.step("time series")
    QgsProject.instance().clear()
    desktop.look_at(desktop.LAND)
    search_between(dock, (2015, 4, 1), (2015, 9, 30), 10)
    fields = add_fields()
    parameters = {
        "INPUT": desktop.searches()[0].id(),
        "PLACES": fields.id(),
        "ID": "name",
        "EXPRESSION": "ndvi",
        "OUTPUT": "TEMPORARY_OUTPUT",
        "PLOT": str(OUT / "ndvi.html"),
    }
    before = {layer.id() for layer in layers()}
    shown = processing.createAlgorithmDialog("planet:timeseries", parameters)
    shown.show()
    settle()
    next(button for button in shown.findChildren(QPushButton) if button.text() == "Run").click()

    def added():
        told = "".join(each.toPlainText() for each in shown.findChildren(QTextEdit))
        assert "failed" not in told, told
        return [layer for layer in layers() if layer.id() not in before]

    made = there(added, "the table")[0]
    there((OUT / "ndvi.html").exists, "the chart")
    settle()
    shown.close()
    names = made.fields().names()
    report["rows"] = [dict(zip(names, map(str, feature.attributes()))) for feature in made.getFeatures()]
    table = iface.showAttributeTable(made)
    next(button for button in table.findChildren(QToolButton) if "Dock" in button.toolTip()).click()
    dock.hide()
    results = wait_for(lambda: window.findChild(QDockWidget, "ResultsViewer"), "the list of results")
    results.show()
    results.txtDescription.hide()  # the path of the chart, which is another on each machine
    settle()
    iface.mapCanvas().setExtent(fields.extent().buffered(500))
    iface.mapCanvas().refresh()
    iface.messageBar().clearWidgets()
    picture("qgis-timeseries")
    report["docks"] = [each.windowTitle() for each in window.findChildren(QDockWidget) if each.isVisible()]
    report["dialogs"] = [each.windowTitle() for each in QApplication.topLevelWidgets()
                         if isinstance(each, QDialog) and each.isVisible()]  # fmt: skip


def main():
    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_DontUseNativeDialogs)
    desktop.clear_window()
    desktop.URL = desktop.URL.replace("/v0/", "/stac/")  # which states the bands
    dock = desktop.dock_with_connection()
    hand = Hand()
    masks(hand, dock)
    time_series(hand, dock)
    QgsProject.instance().setDirty(False)


if __name__ == "__main__":
    QTimer.singleShot(500, lambda: desktop.run(main))
