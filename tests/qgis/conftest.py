"""QGIS, offscreen, with the plugin and the real service."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import time
from contextlib import suppress
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
    QgsSettings,
)
from qgis.gui import QgisInterface, QgsMapCanvas, QgsMessageBar
from qgis.PyQt.QtCore import QCoreApplication, QEvent, QPoint, QPointF, QSettings, QSize, Qt
from qgis.PyQt.QtGui import QColor, QMouseEvent
from qgis.PyQt.QtWidgets import QMainWindow, QWidget

from tests.conftest import KEY, ROOT, Service, Start

sys.path.append(str(ROOT / "qgis_plugin"))

MASTER = "correct horse battery staple"


def wait_for(true: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Process Qt events until a condition is true, and return its value."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it did not come about in time"
        QCoreApplication.processEvents()
        time.sleep(0.005)
    return found


def settle(seconds: float = 20.0) -> None:
    """Process Qt events until no task is running or waiting and deferred deletions are done."""
    from planet_scenes import tasks

    wait_for(lambda: not QgsApplication.taskManager().activeTasks() and not tasks._running, seconds)
    for _ in range(5):
        QCoreApplication.processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def move_mouse(widget: QWidget, place: QPoint, button: Qt.MouseButton = Qt.MouseButton.NoButton) -> None:
    """Move the mouse to a place in a widget; QTest moves the pointer of the screen, which another may cover."""
    at, on_screen = QPointF(place), QPointF(widget.mapToGlobal(place))
    event = QMouseEvent(QEvent.Type.MouseMove, at, on_screen, button, button, Qt.KeyboardModifier.NoModifier)
    QCoreApplication.sendEvent(widget, event)


class Desktop:
    """Stands for the QGIS application: real windows, a real map and message bar, and only methods that QGIS has."""

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
        """Return the texts in the message bar."""
        return [item.property("sentence") or item.text() for item in self.bar.items()]


@pytest.fixture(scope="session", autouse=True)
def _collected(qgis_app: QgsApplication) -> Iterator[None]:
    """Close datasets that only garbage holds before QGIS ends GDAL: closing them later crashes."""
    yield
    gc.collect()


@pytest.fixture(scope="session", autouse=True)
def _settings(qgis_app: QgsApplication, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Give QGIS settings of its own: pytest-qgis keeps them beside the project, where other runs change them."""
    place = str(tmp_path_factory.mktemp("settings"))
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, place)
    assert QgsSettings().fileName().startswith(place)


@pytest.fixture(scope="session", autouse=True)
def _authentication(qgis_app: QgsApplication, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Give QGIS its own unlocked authentication database."""
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
    """Enable or disable exceptions in GDAL's Python bindings as the Processing plugin of this QGIS does."""
    from osgeo import gdal, ogr, osr

    for module in (gdal, ogr, osr):
        (module.UseExceptions if Qgis.QGIS_VERSION_INT >= 34000 else module.DontUseExceptions)()


@pytest.fixture(autouse=True)
def _plugin_core(qgis_app: QgsApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start and end each test without connections, layers and cached results."""
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
    """Return the application, also set as `qgis.utils.iface`."""
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
    from planet_scenes.connection import Connection
    from planet_scenes.connections import connections

    connections().add(Connection(name, service.url))
    if log_in and service.key:
        connections().log_in(name, service.key)
    return connections().get(name)


@pytest.fixture
def enter_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the dialog that asks for a key answered with that of the sample service."""
    from planet_scenes.log_in_fields import LogInDialog

    def enter(dialog: LogInDialog) -> int:
        dialog.fields.key.setText(KEY)
        dialog.accept()
        return int(dialog.result())

    monkeypatch.setattr(LogInDialog, "exec", enter)


@pytest.fixture(scope="session")
def slow_service(start_service: Start, archive: Path) -> Service:
    """Return a service that takes half a second for each response."""
    return start_service(archive, "--latency", "500", keep=True)


class Watched:
    """A service and the requests it receives.

    Attributes
    ----------
    service : Service
        The running service.
    """

    def __init__(self, service: Service, log: Path) -> None:
        self.service = service
        self._log = log
        self._seen = 0
        self._marks = 0

    def requests(self) -> List[str]:
        """Return the paths requested since the last call, with queries."""
        # The log is written after the responses: a marker request of our own shows when it is complete.
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
    return Watched(start_service(archive, "--access-log", str(log), keep=True), log)


@pytest.fixture
def watched(_watched: Watched) -> Watched:
    """Return a service that records its requests."""
    _watched.requests()
    return _watched


SUMMER = {"acquired.gte": "2015-06-01", "acquired.lt": "2015-09-01", "bbox": "11.8,47.7,12.3,48.0"}


def summer_at(connection: Any) -> str:
    """Return the name of a search for a summer's scenes."""
    pairs = "&".join(f"{name}={value}" for name, value in SUMMER.items())
    return f"PLANET:ortho?{pairs}&api_url={connection.url}"


def ask(service: Service, path: str, **parameters: str) -> Any:
    """Send a request to the service itself."""
    answer = requests.get(service.url + path, params=parameters, auth=(service.key, ""), timeout=30)
    answer.raise_for_status()
    return answer.json()


def summer_of(service: Service) -> List[Any]:
    """Return the features of the same summer, as the service returns them."""
    west, south, east, north = SUMMER["bbox"].split(",")
    area = f"POLYGON(({west} {south},{east} {south},{east} {north},{west} {north},{west} {south}))"
    limits = {name: value for name, value in SUMMER.items() if name != "bbox"}
    return ask(service, "scenes/ortho/", count="1000", intersects=area, **limits)["features"]


def outcome(start: Callable[[Callable[[Any], None]], Any]) -> Any:
    """Start a background task, and return its result."""
    found: List[Any] = []
    start(found.append)
    wait_for(lambda: found)
    return found[0]


def render(layers: List[Any], extent: QgsRectangle, crs: str = "EPSG:4326", size: int = 300) -> Any:
    """Draw layers as the map does, and return the image."""
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
    """Ignore a warning of QGIS's own Python code, as that of 3.44 predates Python 3.14, and register this run."""
    config.addinivalue_line("filterwarnings", r"ignore:codecs\.open\(\) is deprecated:DeprecationWarning")
    if not hasattr(config, "workerinput"):
        _run(config).parent.mkdir(parents=True, exist_ok=True)
        _run(config).touch()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the databases that pytest-qgis has QGIS keep beside the project's files, once the last run has ended."""
    if not hasattr(config, "workerinput"):
        _run(config).unlink(missing_ok=True)
        with suppress(OSError):  # another run uses them
            _run(config).parent.rmdir()
            shutil.rmtree(config.rootpath / ".qgis-settings")


def _run(config: pytest.Config) -> Path:
    return config.rootpath / ".qgis-settings" / "runs" / str(os.getpid())
