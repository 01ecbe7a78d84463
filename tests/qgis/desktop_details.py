"""Parts of the plugin in the real application, each as the documentation shows it; run by QGIS itself.

In Spanish it makes the picture of the window in that language, and nothing else.
"""

import os
import sys
from pathlib import Path

import qgis.utils
from qgis.core import QgsApplication, QgsProject
from qgis.PyQt.QtCore import QCoreApplication, QPoint, Qt, QTimer
from qgis.PyQt.QtWidgets import QApplication, QDialogButtonBox, QDockWidget, QProgressDialog, QTreeView

sys.path.insert(0, str(Path(os.environ["DESKTOP_TESTS"])))
import desktop  # noqa: E402 - found beside this file, which QGIS runs as text
from desktop import OUT, iface, picture, report, settle, wait_for  # noqa: E402
from desktop_tour import Hand, dialog, faults, layers, pause, rasters, when  # noqa: E402

window = iface.mainWindow()


def save(image, name):
    image.save(str(OUT / f"{name}.png"), "PNG", 0)  # smallest file


def screen(name, left=0, top=0, width=1280, height=800):
    """Save the picture of the window, or of a place of it, with what lies above it."""
    iface.messageBar().clearWidgets()  # QGIS's own, as of fonts that it cannot load without a network
    pause(0.5)
    place = window.mapToGlobal(QPoint(left, top))
    save(QApplication.primaryScreen().grabWindow(0, place.x(), place.y(), width, height), name)


def visible(widgets, kind):
    """Return the first visible widget of a kind, or None."""
    return next((each for each in widgets if isinstance(each, kind) and each.isVisible()), None)


def found(dock, scene_type):
    """Search the scenes of a type, and add the footprints."""
    dock.form.choose_type(scene_type)
    wait_for(lambda: dock.form.schema is not None, "the fields")
    dock.search()
    wait_for(dock.results.rowCount, "a result")
    settle()


def source_page():
    from planet_scenes.source_page import SourcePage

    qgis.utils.plugins["planet_scenes"].show_source_page()
    page = wait_for(lambda: visible(QApplication.allWidgets(), SourcePage), "the page")
    page.connect_button.click()
    wait_for(page.list.count, "the collections")
    page.list.setCurrentRow(page.list.count() - 1)
    pause(0.5)
    report["collections"] = [page.list.item(row).text() for row in range(page.list.count())]
    save(page.window().grab(), "qgis-source")
    page.window().close()


def product_menu(dock):
    """Open the menu of products: combinations of bands, indices, products."""

    def show(menu):
        report["offered"] = [action.text() for action in menu.actions() if action.text()]
        screen("qgis-menu", 859, 735, 304, 143)  # the button, and the first entries: the menu reaches below the window
        menu.close()

    when(dock.panel.product_button.menu().isVisible, lambda _: show(dock.panel.product_button.menu()), "the menu")
    dock.panel.product_button.click()
    assert not faults, faults[0]


def activation(dock):
    from planet_scenes.activation import ActivationDialog

    def choose(shown):
        for row in range(shown.list.count()):
            shown.list.item(row).setCheckState(Qt.CheckState.Checked)
        report["to activate"] = [shown.list.item(row).text() for row in range(shown.list.count())]
        shown.buttons.button(QDialogButtonBox.StandardButton.Ok).click()

    told = []  # the message bar shows it for five seconds
    QgsApplication.messageLog().messageReceived.connect(lambda text, *_: told.append(text))
    when(lambda: dialog(ActivationDialog), choose, "the dialog of activation")
    dock.ask_activation()
    progress = wait_for(lambda: visible(window.findChildren(QProgressDialog), QProgressDialog) or faults, "progress")
    assert not faults, faults[0]
    report["progress"] = progress.labelText()
    screen("qgis-activation")
    wait_for(lambda: dock.activation.task is None, "the end of the activation", 120)
    settle()
    report["activated"] = [text for text in told if "activated" in text]
    iface.messageBar().clearWidgets()


def toolbox():
    """Show the algorithms in Processing's toolbox."""
    panel = window.findChild(QDockWidget, "ProcessingToolbox")
    if panel is None:
        import processing  # noqa: F401 - QGIS loads the plugin that has it
    panel = wait_for(lambda: window.findChild(QDockWidget, "ProcessingToolbox"), "the toolbox")
    panel.show()
    panel.raise_()
    view = panel.findChild(QTreeView, "algorithmTree") or panel.findChild(QTreeView)
    tree = view.model()
    names = [tree.index(row, 0).data() for row in range(tree.rowCount())]
    root = tree.index(names.index("Planet Scenes"), 0)
    view.expand(root)
    view.scrollTo(root, QTreeView.ScrollHint.PositionAtTop)
    pause(0.5)
    report["algorithms"] = [tree.index(row, 0, root).data() for row in range(tree.rowCount(root))]
    save(panel.grab(), "qgis-toolbox")
    panel.hide()


def refused(dock):
    """Log out, and draw a layer."""
    from planet_scenes.connections import connections
    from planet_vector.vector.result_cache import CACHE

    connections().log_out("Sample archive")
    CACHE.clear()
    desktop.searches()[0].triggerRepaint()
    wait_for(desktop.said, "a message")
    report["refused"] = desktop.said()
    picture("qgis-message")


def main():
    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_DontUseNativeDialogs)
    desktop.clear_window()
    window.resizeDocks([window.findChild(QDockWidget, "Layers")], [190], Qt.Orientation.Horizontal)
    desktop.URL = desktop.URL.replace("/v0/", "/data/v1/")
    dock = desktop.dock_with_connection()
    desktop.look_at(desktop.LAND)
    report["steps"] = Hand().steps
    if QgsApplication.locale().startswith("es"):
        found(dock, "rapideye")
        dock.add_layer()
        wait_for(desktop.searches, "the layer")
        settle()
        iface.messageBar().clearWidgets()
        picture("qgis-spanish")
        report["shown"] = dock.panel.search_button.text()
        return
    source_page()
    found(dock, "rapideye")
    dock.filters.more.setCollapsed(False)
    settle()
    report["fields"] = sorted(dock.filters.fields.rows)
    save(dock.grab(), "qgis-fields")
    dock.filters.more.setCollapsed(True)
    dock.list.setCurrentIndex(dock.results.index(0))
    dock.add_layer()
    wait_for(desktop.searches, "the layer")
    settle()
    activation(dock)
    dock.zoom(dock.results.scene(dock.results.index(0)))
    dock.add_products("visual")
    wait_for(rasters, "the product")
    settle()
    product_menu(dock)
    toolbox()
    refused(dock)
    report["layers"] = [layer.name() for layer in layers()]
    QgsProject.instance().setDirty(False)


if __name__ == "__main__":
    QTimer.singleShot(500, lambda: desktop.run(main))
