"""A new user's twenty steps in the real application, run by QGIS itself: by mouse and keys, each of which is counted.

Reads its parameters from the environment as ``desktop.py`` does, and writes what each step took and made.
"""

import os
import sys
import time
import traceback
from pathlib import Path

import numpy
from qgis.core import QgsApplication, QgsProject, QgsRasterLayer, QgsSettings
from qgis.PyQt.QtCore import QCoreApplication, QPoint, Qt, QTimer
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import (
    QAbstractButton,
    QApplication,
    QDateTimeEdit,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QLineEdit,
    QToolBar,
)

sys.path.insert(0, str(Path(os.environ["DESKTOP_TESTS"])))
import desktop  # noqa: E402 - found beside this file, which QGIS runs as text
from desktop import KEY, OUT, URL, iface, picture, report, settle, wait_for  # noqa: E402

AREA = "POLYGON((11.95 47.845, 12.075 47.845, 12.075 47.915, 11.95 47.915, 11.95 47.845))"
LONGEST = 240  # seconds for a step
LIST = 0.6  # seconds that a list of a combo box ignores clicks after it was opened
PROJECT, FILES = OUT / "fields.qgz", OUT / "files"
window = iface.mainWindow()
timers, faults = [], []


def give_up(why):
    """Note a fault, and close menus and dialogs, whose loops would never end."""
    faults.append(why)
    while (top := QApplication.activePopupWidget() or QApplication.activeModalWidget()) is not None:
        top.reject() if isinstance(top, QDialog) else top.close()
        QCoreApplication.processEvents()


def when(find, act, what, seconds=60):
    """Act once something is there, also within the loops of menus and dialogs; those are closed if it never comes."""
    end, timer = time.monotonic() + seconds, QTimer()

    def look():
        try:
            found = find()
            if found:
                timer.stop()
                act(found)
            elif time.monotonic() > end:
                raise AssertionError(f"{what} did not come about")
        except BaseException:
            timer.stop()
            give_up(traceback.format_exc())

    timer.timeout.connect(look)
    timer.start(50)
    timers.append(timer)


def dialog(kind):
    """Return the dialog of a kind that waits for the user; None without one."""
    top = QApplication.activeModalWidget()
    return top if isinstance(top, kind) and top.isVisible() else None


def there(true, what, seconds=120):
    """Wait for something, unless an action in a menu or a dialog has failed."""
    found = wait_for(lambda: true() or faults, what, seconds)
    assert not faults, faults[0]
    return found


def pause(seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        QCoreApplication.processEvents()
        time.sleep(0.01)


class Hand:
    """Mouse and keyboard of the user.

    Attributes
    ----------
    steps : list of dict
        Title, clicks (a drag is one, a double click two) and inputs (texts typed, keys pressed) of each step.
    """

    def __init__(self):
        self.steps = []
        self._bound = QTimer()
        self._bound.setSingleShot(True)
        self._bound.timeout.connect(lambda: give_up(f"{self.steps[-1]['title']} took more than {LONGEST} s"))

    def step(self, title):
        assert not faults, faults[0]
        self._bound.start(LONGEST * 1000)
        self.steps.append({"title": title, "clicks": 0, "inputs": 0})

    def done(self, **seen):
        settle()
        assert not faults, faults[0]
        self.steps[-1].update(seen)

    def count(self, clicks=0, inputs=0):
        self.steps[-1]["clicks"] += clicks
        self.steps[-1]["inputs"] += inputs

    def click(self, widget, place=None):
        assert widget.isVisible() and widget.isEnabled(), f"{widget} cannot be clicked"
        self.count(clicks=1)
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton, pos=widget.rect().center() if place is None else place)

    def type(self, field, text):
        """Type a text in place of what a field has."""
        self.count(inputs=1)
        field.setFocus()
        field.selectAll()
        QTest.keyClicks(field, text)

    def day(self, field, digits):
        """Type the digits of a day: the field goes on to the next part by itself."""
        self.count(inputs=1)
        field.setFocus()
        field.setSelectedSection(QDateTimeEdit.Section.YearSection)
        QTest.keyClicks(field, digits)

    def press(self, widget, key):
        self.count(inputs=1)
        QTest.keyClick(widget, key)

    def choose(self, combo, text):
        """Open the list of a combo box, and click an entry."""
        row = next(row for row in range(combo.count()) if combo.itemText(row) == text)
        self.click(combo, QPoint(combo.width() // 2, combo.height() // 2))
        there(combo.view().isVisible, f"the list with {text}")
        pause(LIST)
        view = combo.view()
        view.scrollTo(combo.model().index(row, 0))
        self.click(view.viewport(), view.visualRect(combo.model().index(row, 0)).center())

    def menu(self, button, *path):
        """Open the menu of a button, and click entries that begin with texts, each in the menu of the one before."""

        def pick(menu, texts):
            action = next(each for each in menu.actions() if each.text().startswith(texts[0]))
            if texts[1:]:
                when(action.menu().isVisible, lambda _: pick(action.menu(), texts[1:]), texts[0])
            self.click(menu, menu.actionGeometry(action).center())

        when(button.menu().isVisible, lambda _: pick(button.menu(), path), path[0])
        self.click(button)

    def entry(self, view, row, double=False):
        """Click a row of a list, or double-click it."""
        place = view.visualRect(view.model().index(row, 0)).center()
        self.click(view.viewport(), place)
        if double:
            self.count(clicks=1)
            QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)

    def file(self, action, path):
        """Click a button of QGIS's toolbar that opens a file dialog, paste a path there, and press Enter."""

        def fill(shown):
            # While somebody types, the dialog selects each folder of the path, and drops it again only if the field has
            # the focus, which no window gets without a window manager. *Save* would then open the folder.
            QApplication.setActiveWindow(shown)
            name = shown.findChild(QLineEdit, "fileNameEdit")
            name.setFocus()
            name.selectAll()
            name.insert(str(path))
            self.count(inputs=1)
            self.press(name, Qt.Key.Key_Return)

        when(lambda: dialog(QFileDialog), fill, "the file dialog")
        buttons = [bar.widgetForAction(action) for bar in window.findChildren(QToolBar) if action in bar.actions()]
        self.click(next(each for each in buttons if each.isVisible()))


def layers():
    return list(QgsProject.instance().mapLayers().values())


def rasters():
    return [layer for layer in layers() if isinstance(layer, QgsRasterLayer)]


def connect(hand, dock):
    """Add the service as a connection: its name, its address, the key."""
    from planet_scenes.connection_dialog import ConnectionDialog

    def fill(shown):
        hand.done()
        hand.step("Type its name, its address and the key, *OK*")
        hand.type(shown.name, "Fields")
        hand.type(shown.url, URL.replace("/v0/", "/stac/"))
        hand.type(shown.log_in.key, KEY)
        shown.grab().save(str(OUT / "qgis-log-in.png"), "PNG", 0)
        hand.click(shown.buttons.button(QDialogButtonBox.StandardButton.Ok))

    hand.step("*Service* ▸ *New connection…*")
    when(lambda: dialog(ConnectionDialog), fill, "the dialog of a connection")
    hand.choose(dock.form.connection, "New connection…")
    there(lambda: dock.scene_type.count(), "the scene types")
    hand.done(types=[dock.scene_type.itemText(row) for row in range(dock.scene_type.count())])


def search(hand, dock):
    """Fill in the form, search, and add the footprints."""
    hand.step("*Scenes* ▸ *ortho*")
    hand.choose(dock.scene_type, "ortho")
    there(lambda: dock.form.schema is not None, "the fields")
    hand.done()
    hand.step("*Area* ▸ *WKT or GeoJSON*, and paste a polygon")
    hand.choose(dock.area.mode, "WKT or GeoJSON")
    hand.click(dock.area.text.viewport())
    hand.count(inputs=1)
    dock.area.text.insertPlainText(AREA)  # as pasting does
    hand.done()
    hand.step("*Acquired* ▸ *Between two days*, and type both")
    hand.choose(dock.filters.preset, "Between two days")
    for field, digits in ((dock.filters.since, "20150601"), (dock.filters.until, "20150831")):
        hand.day(field, digits)
    hand.done(days=[edit.date().toString("yyyy-MM-dd") for edit in (dock.filters.since, dock.filters.until)])
    hand.step("Drag *Cloud* to 50 %")
    hand.count(clicks=1)
    dock.filters.cloud.setUpperValue(50)
    hand.done(said=dock.said.text())
    hand.step("*Search*")
    hand.click(dock.panel.search_button)
    there(dock.results.rowCount, "a result")
    hand.done(found=[dock.results.scene(dock.results.index(row, 0)).id for row in range(dock.results.rowCount())])
    hand.step("*Layer* adds the footprints")
    hand.click(dock.panel.layer_button)
    there(desktop.searches, "the layer")
    hand.done(features=desktop.searches()[0].featureCount())


def look(hand, dock):
    """Zoom to a scene, add it and its NDVI."""
    hand.step("Double-click a scene: the map shows it")
    hand.entry(dock.list, 0, double=True)
    scene = dock.results.scene(dock.results.index(0, 0))
    hand.done(scene=scene.id, scale=iface.mapCanvas().scale())
    hand.step("*Add product* ▸ *visual*")
    hand.menu(dock.panel.product_button, "visual")
    there(rasters, "the product")
    hand.done(rasters=[layer.name() for layer in rasters()])
    picture("qgis-tour-scene")
    hand.step("*Add product* ▸ *NDVI*")
    hand.menu(dock.panel.product_button, "NDVI")
    layer = there(lambda: [each for each in rasters() if " NDVI " in each.name()], "the NDVI")[0]
    provider = layer.dataProvider()
    block = provider.block(1, layer.extent(), layer.width(), layer.height())
    values = numpy.frombuffer(bytes(block.data()), provider.sourceDataType(1) == 6 and "<f4" or "<f8")
    values = values.reshape(block.height(), block.width()).astype("float64")
    if provider.sourceHasNoDataValue(1):
        values[values == provider.sourceNoDataValue(1)] = numpy.nan
    numpy.save(OUT / "ndvi.npy", values)
    hand.done(ndvi=layer.name())
    picture("qgis-tour-ndvi")


def compare(hand, dock):
    """Add the search day by day, and compare two days in two maps and left and right of a line."""
    hand.step("*More* ▸ *Add it day by day* ▸ *visual*")
    hand.menu(dock.panel.more_button, "Add it day by day", "visual")
    there(lambda: dock.time.days, "the days")
    hand.done(days=dock.time.days)
    hand.step("*One day*, then ◀")
    hand.click(dock.time.one_day)
    hand.click(dock.time.back)
    hand.done(day=dock.time.day())
    hand.step("*Compare*")
    hand.click(dock.time.compare_button)
    shown = there(lambda: dock.views.comparison, "the second map")
    hand.done(days=[shown.left.currentText(), shown.right.currentText()])
    hand.step("Choose the day of the second map")
    days = [shown.right.itemText(row) for row in range(1, 1 + len(dock.time.days))]  # after them, layers are listed
    chosen = (shown.left.currentText(), shown.right.currentText())
    hand.choose(shown.right, next(day for day in days if day not in chosen))
    there(lambda: not shown.canvas.isDrawing(), "the second map")
    hand.done(
        days=[shown.left.currentText(), shown.right.currentText()],
        scales=[iface.mapCanvas().mapUnitsPerPixel(), shown.canvas.mapUnitsPerPixel()],
        centres=[[c.extent().center().x(), c.extent().center().y()] for c in (iface.mapCanvas(), shown.canvas)],
    )
    picture("qgis-tour-compare")
    hand.step("Close it, and *Swipe*")
    hand.click(shown.findChild(QAbstractButton, "qt_dockwidget_closebutton"))
    hand.click(dock.time.swipe_button)
    swipe = there(lambda: dock.views.swipe, "the line")
    there(lambda: swipe._job is None and not iface.mapCanvas().isDrawing(), "the picture right of the line")
    hand.done(days=[swipe.choices.left.currentText(), swipe.choices.right.currentText()])
    hand.step("*Esc* ends it")
    hand.press(swipe.line, Qt.Key.Key_Escape)
    hand.done(swipe=dock.views.swipe is None)


def keep(hand, dock):
    """Download a file, save the project, and open it again."""
    from planet_scenes.dock_download import DownloadDialog

    def fill(shown):
        hand.type(shown.folder.lineEdit(), str(FILES))
        report["products"] = shown.products()
        hand.click(shown.buttons.button(QDialogButtonBox.StandardButton.Ok))

    hand.step("*Download…*, type a folder, *OK*")
    when(lambda: dialog(DownloadDialog), fill, "the dialog of a download")
    hand.click(dock.panel.download_button)
    there(lambda: not dock.download_bar.busy, "the download")
    hand.done(files=sorted(file.name for file in FILES.glob("*")))
    before = {layer.id(): (layer.name(), layer.isValid()) for layer in layers()}
    hand.step("*Save*, paste the name of a file, Enter")
    hand.file(iface.actionSaveProject(), PROJECT)
    there(PROJECT.exists, "the project")
    hand.done(layers=len(before), dirty=QgsProject.instance().isDirty())
    QgsProject.instance().clear()  # as closing QGIS does
    settle()
    assert not layers()
    hand.step("*Open*, paste its name, Enter")
    hand.file(iface.actionOpenProject(), PROJECT)
    there(layers, "the layers")
    hand.done()
    after = {layer.id(): (layer.name(), layer.isValid()) for layer in layers()}
    report["same"] = after == before and all(valid for _, valid in after.values())
    report["features again"] = [layer.featureCount() for layer in desktop.searches()]
    report["days again"] = dock.time.days


def main():
    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_DontUseNativeDialogs)  # those of GTK are out of reach
    # QGIS asks once in each profile for a master password, for the first key that is stored.
    QgsApplication.authManager().setMasterPassword("correct horse battery staple", True)
    QgsSettings().setValue("qgis/askToSaveProjectChanges", False)
    desktop.clear_window()
    iface.messageBar().clearWidgets()
    dock = desktop.qgis.utils.plugins["planet_scenes"].dock
    report["shown at start"] = dock.isVisible()
    window.resizeDocks([dock], [430], Qt.Orientation.Horizontal)
    settle()
    hand = Hand()
    report["steps"] = hand.steps
    for part in (connect, search, look, compare, keep):
        part(hand, dock)
    picture("qgis-tour-again")
    report["said"] = desktop.said()


if __name__ == "__main__":
    QTimer.singleShot(500, lambda: desktop.run(main))
