"""Nothing holds up the main thread: its longest gap while a slow service is searched, drawn, panned and read."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest
from osgeo import gdal, osr
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
    QgsTemporalNavigationObject,
)
from qgis.PyQt.QtCore import QCoreApplication, QDate, QItemSelectionModel, QModelIndex, Qt, QTimer
from qgis.PyQt.QtWidgets import QMainWindow

from planet_scenes.connections import connections
from planet_scenes.dock import Dock
from planet_vector.vector.result_cache import CACHE
from tests.conftest import Service, Start
from tests.qgis.conftest import Desktop, Watched, settle, wait_for
from tests.qgis.pulse import LONGEST, Pulse

TRIES = 3  # a machine that is busy with something else makes gaps of its own: the best of these counts
LAND = QgsRectangle(11.95, 47.845, 12.075, 47.915)


@pytest.fixture
def dock(desktop: Desktop, make_connection: Callable[..., Any], slow_service: Service) -> Iterator[Dock]:
    """Return the dock beside a map, both shown, with a service that takes half a second for each answer."""
    connections().set_current(make_connection(slow_service, "slow").name)
    desktop.canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    desktop.canvas.setExtent(LAND)
    desktop.canvas.setParallelRenderingEnabled(True)
    made = Dock(desktop.iface)
    show(desktop.window, desktop.canvas, made)
    yield made
    made.close_down()
    desktop.canvas.setLayers([])
    desktop.window.removeDockWidget(made)
    made.deleteLater()


def show(window: QMainWindow, canvas: Any, dock: Dock) -> None:
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
    window.setCentralWidget(canvas)
    window.resize(1280, 800)
    window.show()
    for _ in range(5):
        QCoreApplication.processEvents()


def rest(desktop: Desktop, seconds: float = 0.5) -> None:
    """Let Qt work until nothing has been under way for a while."""
    quiet = time.monotonic()

    def rested() -> bool:
        nonlocal quiet
        if desktop.canvas.isDrawing() or QgsApplication.taskManager().activeTasks():
            quiet = time.monotonic()
        return time.monotonic() - quiet > seconds

    wait_for(rested, 60)


def session(dock: Dock, desktop: Desktop, folder: Path) -> Dict[str, float]:
    """Do what a user does, and return the longest gap of each step."""
    canvas = desktop.canvas
    pulse = Pulse()
    pulse.step("filter")
    dock.filters.cloud.setUpperValue(60)
    rest(desktop, 0.8)
    pulse.step("search")
    dock.search()
    wait_for(lambda: dock.results.rowCount())
    rest(desktop)
    pulse.step("scroll")
    dock.list.scrollToBottom()
    rest(desktop)
    pulse.step("add")
    dock.add_layer()
    (layer,) = wait_for(lambda: list(QgsProject.instance().mapLayers().values()), 60)
    canvas.setLayers([layer])
    rest(desktop)
    pulse.step("pan")
    for east in (0.01, 0.03, -0.02):
        canvas.setExtent(QgsRectangle(11.95 + east, 47.845, 12.075 + east, 47.915))
        canvas.refresh()
        rest(desktop)
    pulse.step("follow")
    dock.follow(True)
    wait_for(lambda: dock.following.follower is not None and dock.following.follower.layer is not None, 60)
    canvas.setLayers([dock.following.follower.layer])
    canvas.setExtent(QgsRectangle(177, -20, 179, -16))
    canvas.refresh()
    rest(desktop, 0.8)
    dock.follow(False)
    pulse.step("product")
    canvas.setExtent(LAND)
    dock.list.selectionModel().select(dock.results.index(0), QItemSelectionModel.SelectionFlag.ClearAndSelect)
    before = len(QgsProject.instance().mapLayers())
    dock.add_products("visual")
    wait_for(lambda: len(QgsProject.instance().mapLayers()) > before, 60)
    canvas.setLayers(list(QgsProject.instance().mapLayers().values()))
    canvas.refresh()
    rest(desktop)
    pulse.step("download")
    dock.download_to(str(folder), ["visual"])
    wait_for(desktop.said, 60)
    rest(desktop)
    pulse.stop()
    return pulse.gaps


def test_no_step_holds_up_the_main_thread(dock: Dock, desktop: Desktop, tmp_path: Path) -> None:
    tried: List[Tuple[float, Dict[str, float]]] = []
    for number in range(TRIES):
        gaps = session(dock, desktop, tmp_path / str(number))
        assert [text for text in desktop.said() if str(tmp_path) not in text] == []
        tried.append((max(gaps.values()), gaps))
        if tried[-1][0] < LONGEST:
            break
        QgsProject.instance().clear()
        desktop.bar.clearWidgets()
        settle()
        CACHE.clear()
    longest, gaps = min(tried, key=lambda one: one[0])
    print({step: f"{1000 * gap:.0f} ms" for step, gap in gaps.items()})
    assert longest < LONGEST, {step: round(gap, 3) for step, gap in gaps.items()}
    assert set(gaps) >= {"filter", "search", "scroll", "add", "pan", "follow", "product", "download"}


def of_dates(dock: Dock, desktop: Desktop) -> Dict[str, float]:
    """Add a search day by day, move the slider, compare two days, look at a place, and return the longest gaps."""
    canvas, pulse = desktop.canvas, Pulse()
    dock.form.choose_type("ortho")
    wait_for(lambda: dock.form.schema is not None)
    dock.filters.preset.setCurrentIndex(dock.filters.preset.findData(0))
    dock.filters.since.setDate(QDate(2015, 6, 1))
    dock.filters.until.setDate(QDate(2015, 8, 31))
    rest(desktop)
    pulse.step("days")
    dock.add_days("visual")
    wait_for(lambda: dock.time.days, 120)
    rest(desktop)
    pulse.step("slider")
    canvas.setLayers(list(QgsProject.instance().mapLayers().values()))
    for number in range(3):
        dock.time.show_day(dock.time.days[number])
        rest(desktop)
    pulse.step("compare")
    dock.views.compare()
    rest(desktop)
    wait_for(lambda: not dock.views.comparison.canvas.isDrawing(), 60)
    pulse.step("swipe")
    dock.views.toggle_swipe()
    rest(desktop)
    wait_for(lambda: dock.views.swipe is not None and dock.views.swipe._job is None, 60)
    dock.views.toggle_swipe()
    pulse.step("place")
    dock.look_at_place()
    place = wait_for(lambda: dock.views.place)
    place.look(QgsPointXY(12.0, 47.88))
    wait_for(place.chips.rowCount, 60)
    rest(desktop)
    pulse.step("close")
    place.close()
    dock.views.comparison.close()
    rest(desktop)
    pulse.stop()
    return pulse.gaps


@pytest.fixture
def many(start_service: Start, tmp_path: Path) -> Iterator[Watched]:
    """Return a service of 200 small scenes side by side, which takes half a second for each answer."""
    folder = tmp_path / "many"
    folder.mkdir()
    system = osr.SpatialReference()
    system.ImportFromEPSG(32633)
    for number in range(200):
        moment = datetime(2015, 6, 1, 10) + timedelta(hours=7 * number)
        path = folder / f"{moment:%Y%m%d_%H%M%S}_0901_visual.tif"
        options = ["PHOTOMETRIC=RGB", "ALPHA=YES", "BLOCKYSIZE=1"]
        file = gdal.GetDriverByName("GTiff").Create(str(path), 256, 256, 4, gdal.GDT_Byte, options)
        file.SetGeoTransform((270000 + number % 20 * 700, 3, 0, 5310000 - number // 20 * 700, 0, -3))
        file.SetProjection(system.ExportToWkt())
        for band, value in enumerate((number, 255 - number, 90, 255), 1):
            file.GetRasterBand(band).Fill(value)
        file = None
    log = tmp_path / "access.log"
    service = start_service(folder, "--latency", "500", "--access-log", str(log))
    yield Watched(service, log)
    service.stop()


@pytest.mark.long
def test_many_scenes_do_not_hold_up_the_main_thread(
    dock: Dock, many: Watched, desktop: Desktop, make_connection: Callable[..., Any]
) -> None:
    connections().set_current(make_connection(many.service, "many").name)
    dock.form.choose_type("ortho")
    wait_for(lambda: dock.form.schema is not None, 60)
    canvas, tried = desktop.canvas, []
    for _ in range(TRIES):
        pulse = Pulse()
        pulse.step("search")
        dock.filters.limited.setChecked(False)
        dock.search()
        wait_for(lambda: dock.results.rowCount(), 60)
        rest(desktop)
        pulse.step("scroll")
        while dock.results.rowCount() < 200:
            dock.list.scrollToBottom()
            rest(desktop)
        pulse.step("add")
        dock.add_layer()
        (layer,) = wait_for(lambda: list(QgsProject.instance().mapLayers().values()), 60)
        canvas.setExtent(layer.extent())
        canvas.setLayers([layer])
        rest(desktop)
        assert layer.featureCount() == 200
        pulse.step("mosaic")
        dock.filters.limited.setChecked(True)
        dock.filters.limit.setValue(28)
        dock.add_mosaic("visual")
        wait_for(lambda: len(QgsProject.instance().mapLayers()) == 2, 120)
        canvas.setLayers(list(QgsProject.instance().mapLayers().values()))
        rest(desktop)
        pulse.step("pan")
        for factor in (0.5, 0.2, 2):
            canvas.zoomByFactor(factor)
            rest(desktop)
        pulse.stop()
        # The header of each file and the rest of it, for all drawings.
        of_files = [path for path in many.requests() if "/full" in path]
        assert len(of_files) == 2 * len(set(of_files)) == 2 * 28
        tried.append(pulse.gaps)
        if max(pulse.gaps.values()) < LONGEST:
            break
        QgsProject.instance().clear()
        settle()
        CACHE.clear()
    assert desktop.said() == []
    gaps = min(tried, key=lambda one: max(one.values()))
    print({step: f"{1000 * gap:.0f} ms" for step, gap in gaps.items()})
    assert max(gaps.values()) < LONGEST, {step: round(gap, 3) for step, gap in gaps.items()}


@pytest.mark.long
def test_no_step_with_dates_holds_up_the_main_thread(dock: Dock, desktop: Desktop) -> None:
    desktop.iface.addDockWidget.side_effect = desktop.window.addDockWidget
    desktop.iface.removeDockWidget.side_effect = desktop.window.removeDockWidget
    desktop.canvas.setTemporalController(QgsTemporalNavigationObject(desktop.canvas))
    tried = []
    for _ in range(TRIES):
        tried.append(of_dates(dock, desktop))
        if max(tried[-1].values()) < LONGEST:
            break
        QgsProject.instance().clear()
        settle()
    assert desktop.said() == []
    gaps = min(tried, key=lambda one: max(one.values()))
    print({step: f"{1000 * gap:.0f} ms" for step, gap in gaps.items()})
    assert max(gaps.values()) < LONGEST, {step: round(gap, 3) for step, gap in gaps.items()}


def test_another_search_does_not_wait_for_pages_on_their_way(
    desktop: Desktop, make_connection: Callable[..., Any], start_service: Start, tmp_path: Path
) -> None:
    ring = [[11.0, 47.0], [11.1, 47.0], [11.1, 47.1], [11.0, 47.0]]
    with (tmp_path / "many.geojsonl").open("w", encoding="utf-8") as file:
        for number in range(6000):  # several pages, of which some are asked for ahead
            acquired = datetime(2015, 1, 1, tzinfo=timezone.utc) + timedelta(minutes=number)
            properties = {"acquired": acquired.isoformat(), "cloud_cover": {"estimated": 1.0}}
            geometry = {"type": "Polygon", "coordinates": [ring]}
            scene = {"type": "Feature", "id": f"s{number}", "geometry": geometry, "properties": properties}
            file.write(json.dumps(scene) + "\n")
    service = start_service(tmp_path, "--latency", "500")
    connections().set_current(make_connection(service, "many").name)
    dock = Dock(desktop.iface)
    show(desktop.window, desktop.canvas, dock)
    tried = []
    for _ in range(TRIES):
        dock.search()
        while dock.results.rowCount() <= 1000:  # with the second page, those behind it are asked for
            wait_for(lambda: not dock.results.busy)
            dock.results.fetchMore(QModelIndex())
        pulse = Pulse()
        for name in ("again", "clear"):
            pulse.step(name)
            dock.search() if name == "again" else dock.results.clear()
            for _ in range(20):
                QCoreApplication.processEvents()
                time.sleep(0.005)
        pulse.stop()
        rest(desktop)
        tried.append(max(pulse.gaps.values()))
    dock.close_down()
    desktop.window.removeDockWidget(dock)
    dock.deleteLater()
    service.stop()
    assert min(tried) < LONGEST, tried


def test_a_block_would_be_seen(qgis_app: QgsApplication) -> None:
    pulse = Pulse()
    pulse.step("block")
    QTimer.singleShot(0, lambda: time.sleep(0.15))
    end = time.monotonic() + 0.3
    wait_for(lambda: time.monotonic() > end)
    pulse.stop()
    assert 0.15 <= pulse.gaps["block"] < 1
