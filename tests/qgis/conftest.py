"""QGIS, offscreen, with the plugin beside it and the real service behind it."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Any, Callable, Iterator, List
from unittest.mock import create_autospec

import pytest
import requests
from qgis.core import (
    Qgis,
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsRectangle,
)
from qgis.gui import QgisInterface, QgsMapCanvas, QgsMessageBar
from qgis.PyQt.QtCore import QCoreApplication, QEvent, QSize
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtWidgets import QMainWindow

from tests.conftest import ROOT, Service, Start

sys.path.append(str(ROOT / "qgis_plugin"))

MASTER = "correct horse battery staple"


def wait_for(true: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Let Qt work until something is so, and return it."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it did not come about in time"
        QCoreApplication.processEvents()
        time.sleep(0.005)
    return found


def settle(seconds: float = 20.0) -> None:
    """Let Qt work until no task is under way, and what was deleted later is gone."""
    wait_for(lambda: not QgsApplication.taskManager().activeTasks(), seconds)
    for _ in range(5):
        QCoreApplication.processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


class Desktop:
    """Stand for the desktop: real windows, a real map and message bar, and no method that QGIS has not."""

    def __init__(self) -> None:
        self.window = QMainWindow()
        self.canvas = QgsMapCanvas(self.window)
        self.canvas.resize(500, 400)
        self.canvas.enableAntiAliasing(True)
        self.bar = QgsMessageBar(self.window)
        self.iface: Any = create_autospec(QgisInterface, instance=True)
        self.iface.mainWindow.return_value = self.window
        self.iface.mapCanvas.return_value = self.canvas
        self.iface.messageBar.return_value = self.bar

    def said(self) -> List[str]:
        """Return the sentences in the message bar."""
        return [item.text() for item in self.bar.items()]


@pytest.fixture(scope="session", autouse=True)
def _authentication(qgis_app: QgsApplication, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Give QGIS a store of keys of its own, unlocked."""
    manager = QgsApplication.authManager()
    place = QgsApplication.pluginPath(), str(tmp_path_factory.mktemp("auth") / "qgis-auth.db")
    if hasattr(manager, "setup"):  # QGIS 3.36 or later, where init() is deprecated
        manager.setup(*place)
        assert manager.ensureInitialized(), manager.disabledMessage()
    else:
        manager.init(*place)
    assert not manager.isDisabled(), manager.disabledMessage()
    assert manager.setMasterPassword(MASTER, True)


@pytest.fixture(scope="session", autouse=True)
def _gdal_exceptions() -> None:
    """Set GDAL's Python bindings as the Processing plugin of this QGIS does."""
    from osgeo import gdal, ogr, osr

    for module in (gdal, ogr, osr):
        (module.UseExceptions if Qgis.QGIS_VERSION_INT >= 34000 else module.DontUseExceptions)()


@pytest.fixture(autouse=True)
def _plugin_core(qgis_app: QgsApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begin each test without connections, layers and cached results, and leave it so."""
    from qgis.core import QgsSettings

    from planet_scenes import connections as module
    from planet_scenes import core
    from planet_vector import keys
    from planet_vector.vector.result_cache import CACHE

    monkeypatch.setattr(module, "_instance", None)
    for key in ("planet_scenes/connections", "planet_scenes/services", "planet_scenes/current"):
        QgsSettings().remove(key)
    keys._lent.clear()
    CACHE.clear()
    core.start()
    yield
    settle()
    QgsProject.instance().clear()
    settle()
    for key in ("planet_scenes/connections", "planet_scenes/services", "planet_scenes/current"):
        QgsSettings().remove(key)
    keys._lent.clear()
    CACHE.clear()


@pytest.fixture
def desktop(qgis_app: QgsApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desktop]:
    """Return a desktop, which `qgis.utils.iface` is, too."""
    import qgis.utils

    made = Desktop()
    monkeypatch.setattr(qgis.utils, "iface", made.iface)
    yield made
    settle()
    made.bar.clearWidgets()
    made.window.close()
    made.window.deleteLater()
    settle()


@pytest.fixture
def connection(service: Service) -> Any:
    """Return a connection to the sample service, logged in."""
    return connect(service, "sample")


@pytest.fixture
def make_connection() -> Callable[..., Any]:
    """Return a function that makes a connection to a service."""
    return connect


def connect(service: Service, name: str, log_in: bool = True) -> Any:
    from planet_scenes.connections import Connection, connections

    connections().add(Connection(name, service.url))
    if log_in and service.key:
        connections().log_in(name, service.key)
    return connections().get(name)


@pytest.fixture(scope="session")
def slow_service(start_service: Start, archive: Path) -> Service:
    """Return a service that takes half a second for each answer."""
    return start_service(archive, "--latency", "500")


class Watched:
    """A service, and what is asked of it.

    Attributes
    ----------
    service : Service
        The one that runs.
    """

    def __init__(self, service: Service, log: Path) -> None:
        self.service = service
        self._log = log
        self._seen = 0
        self._marks = 0

    def requests(self) -> List[str]:
        """Return the paths asked for since the last call, queries included."""
        # The log is written behind the answers: a last request of our own tells when it is all there.
        self._marks += 1
        mark = f"mark-{self._marks}"
        requests.get(self.service.url + mark, timeout=30)
        wait_for(lambda: mark in self._log.read_text())
        lines = self._log.read_text().splitlines()[self._seen :]
        self._seen += len(lines)
        return [path for path in (line.split('"')[1].split()[1] for line in lines) if "mark-" not in path]


@pytest.fixture(scope="session")
def _watched(start_service: Start, archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    log = tmp_path_factory.mktemp("log") / "access.log"
    return Watched(start_service(archive, "--access-log", str(log)), log)


@pytest.fixture
def watched(_watched: Watched) -> Watched:
    """Return a service that tells what it was asked."""
    _watched.requests()
    return _watched


SUMMER = {"acquired.gte": "2015-06-01", "acquired.lt": "2015-09-01", "bbox": "11.8,47.7,12.3,48.0"}


def summer_at(connection: Any) -> str:
    """Return the name of the scenes of a summer."""
    pairs = "&".join(f"{name}={value}" for name, value in SUMMER.items())
    return f"PLANET:ortho?{pairs}&api_url={connection.url}"


def ask(service: Service, path: str, **parameters: str) -> Any:
    """Ask the service itself."""
    answer = requests.get(service.url + path, params=parameters, auth=(service.key, ""), timeout=30)
    answer.raise_for_status()
    return answer.json()


def summer_of(service: Service) -> List[Any]:
    """Return the features of the same summer, as the service gives them."""
    west, south, east, north = SUMMER["bbox"].split(",")
    area = f"POLYGON(({west} {south},{east} {south},{east} {north},{west} {north},{west} {south}))"
    limits = {name: value for name, value in SUMMER.items() if name != "bbox"}
    return ask(service, "scenes/ortho/", count="1000", intersects=area, **limits)["features"]


def outcome(start: Callable[[Callable[[Any], None]], Any]) -> Any:
    """Start something that ends in the background, and return what it hands over."""
    found: List[Any] = []
    start(found.append)
    wait_for(lambda: found)
    return found[0]


def render(layers: List[Any], extent: QgsRectangle, crs: str = "EPSG:4326", size: int = 300) -> Any:
    """Draw layers as the map does, and return the picture."""
    settings = QgsMapSettings()
    settings.setLayers(layers)
    settings.setDestinationCrs(QgsCoordinateReferenceSystem(crs))
    settings.setOutputSize(QSize(size, size))
    settings.setExtent(extent)
    settings.setBackgroundColor(QColor("white"))
    job = QgsMapRendererParallelJob(settings)
    job.start()
    wait_for(lambda: not job.isActive(), 60)
    assert [error.message for error in job.errors()] == []
    return job.renderedImage()


def inked(picture: Any) -> float:
    """Return the share of a picture that is not white."""
    white = QColor("white").rgb()
    size = picture.width() * picture.height()
    return sum(picture.pixel(x, y) != white for x in range(picture.width()) for y in range(picture.height())) / size


def pytest_configure(config: pytest.Config) -> None:
    """Let QGIS's own Python say what it likes of itself: that of 3.44 is older than Python 3.14."""
    config.addinivalue_line("filterwarnings", r"ignore:codecs\.open\(\) is deprecated:DeprecationWarning")


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the settings that pytest-qgis writes beside the project's files, when the last process has ended."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(config.rootpath / ".qgis-settings", ignore_errors=True)
