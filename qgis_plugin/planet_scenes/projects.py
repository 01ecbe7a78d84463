"""Reopened projects and failed drawings: layers are restored with fresh sources, and projects contain no keys."""

from __future__ import annotations

from functools import partial
from typing import Callable, Dict, List, Optional, Set, Tuple

import qgis.utils
from qgis.core import Qgis, QgsApplication, QgsMapLayer, QgsProject
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, QTimer

from planet_scenes import core, layers, messages, raster_layers, reopening, tasks
from planet_scenes.connection import Connection
from planet_scenes.connections import connections
from planet_scenes.tasks import Task
from planet_scenes.texts import tr
from planet_vector.connection_lookup import default_connection, find_connection
from planet_vector.driver import gdal_errors
from planet_vector.errors import AuthError, PlanetVectorError
from planet_vector.names import parse_name

_INTERVAL = 50  # ms between looks whether the map is drawn


def connection_of(planet_name: str) -> Optional[Connection]:
    """Return the connection to the service of a name, or None if there is none.

    Parameters
    ----------
    planet_name : str
        The ``PLANET:`` name.
    """
    try:
        service = parse_name(planet_name).service
        root = find_connection(service).root if service else default_connection().root
        return next((connection for connection in connections().all() if connection.url == root), None)
    except PlanetVectorError:
        return None


def name_of(layer: QgsMapLayer) -> str:
    """Return the ``PLANET:`` name of a layer made by this plugin or by its user; empty for other layers.

    Parameters
    ----------
    layer : QgsMapLayer
        Any layer.
    """
    return layers.search_of(layer) or raster_layers.is_ours(layer)


def _warn(error: BaseException) -> None:
    messages.tell(core.errors_told(error), Qgis.MessageLevel.Warning)


class Projects(QObject):
    """Restores the layers of a project when it is opened, when the user logs in, and when they could not be drawn.

    Parameters
    ----------
    log_in : callable
        Called with the name of a connection; asks the user for its key.
    parent : QObject, optional
        The parent object.
    """

    def __init__(self, log_in: Callable[[str], None], parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self._log_in = log_in
        self._log_ins: Dict[str, Tuple[str, int]] = {}
        self._restored: List[Tuple[QgsMapLayer, str]] = []
        self._failed: Dict[str, QgsMapLayer] = {}
        self._blank: Dict[str, QgsMapLayer] = {}  # those that could not be restored either
        self._opening: Dict[str, Task] = {}  # by the id of a layer that could not be drawn
        self._again: Set[str] = set()  # those that are drawn again
        self._timer = QTimer(self)
        self._timer.setInterval(_INTERVAL)
        self._timer.timeout.connect(self._show)

    def start(self) -> None:
        """Connect to the signals of the project and the connections."""
        project = QgsProject.instance()
        project.cleared.connect(tasks.cancel_of_project)
        project.cleared.connect(self._lend)
        project.readProject.connect(self._read)
        connections().changed.connect(self._changed)
        canvas = qgis.utils.iface.mapCanvas()
        canvas.renderErrorOccurred.connect(self._not_drawn)
        canvas.mapCanvasRefreshed.connect(self._drawn)
        self._log_ins = connections().log_ins()

    def stop(self) -> None:
        """Disconnect from the signals."""
        project = QgsProject.instance()
        project.cleared.disconnect(tasks.cancel_of_project)
        project.cleared.disconnect(self._lend)
        project.readProject.disconnect(self._read)
        connections().changed.disconnect(self._changed)
        canvas = qgis.utils.iface.mapCanvas()
        canvas.renderErrorOccurred.disconnect(self._not_drawn)
        canvas.mapCanvasRefreshed.disconnect(self._drawn)
        self._timer.stop()

    def _lend(self) -> None:
        """Load keys before a project's layers are opened, if that needs no user interaction."""
        manager = QgsApplication.authManager()
        if manager.isDisabled() or not manager.masterPasswordIsSet():
            return
        for connection in connections().all():
            if connections().logged_in(connection.name):
                try:
                    connection.catalog()
                except PlanetVectorError as error:
                    messages.tell(core.errors_told(error), Qgis.MessageLevel.Warning)

    def _read(self, *_: object) -> None:
        """Request new sources for the rasters, and report the layers that need a key."""
        self.refresh([layer for layer in QgsProject.instance().mapLayers().values() if _stale(layer)])

    def _changed(self) -> None:
        """Restore the layers of connections with a new log-in."""
        before, self._log_ins = self._log_ins, connections().log_ins()
        fresh = {root for root, log_in in self._log_ins.items() if before.get(root) != log_in}
        found = []
        for layer in QgsProject.instance().mapLayers().values():
            connection = connection_of(name_of(layer)) if name_of(layer) else None
            if connection is not None and connection.url in fresh:
                found.append(layer)
        self.refresh(found)

    def _not_drawn(self, _: str, layer: Optional[QgsMapLayer]) -> None:
        if layer is not None and raster_layers.is_ours(layer):
            self._failed[layer.id()] = layer  # once, as QGIS reports an error for each band

    def _drawn(self) -> None:
        """Restore the rasters that could not be drawn, as GDAL would not request their files again.

        One that fails as soon as it was restored waits until the user draws the map again.
        """
        # GDAL 3.10 reports a failure that it keeps only once: a layer is restored until that succeeds.
        failed, self._failed = {**self._blank, **self._failed}, {}
        again, self._again = self._again, set()
        self._blank = {name: layer for name, layer in failed.items() if name in again}
        failures = reopening.Failures()
        for name, layer in failed.items():
            under_way = name in self._opening and self._opening[name].is_under_way
            if sip.isdeleted(layer) or name in again or under_way:
                continue
            connection = connection_of(name_of(layer))
            hear = partial(self._still_blank, layer)
            task = None if connection is None else self._reopen(layer, connection, hear, failures, hear)
            if task is not None:
                self._opening[name] = task

    def _still_blank(self, layer: QgsMapLayer, error: BaseException) -> None:
        if not sip.isdeleted(layer):
            self._blank[layer.id()] = layer
        gdal_errors.notify(error)  # shown as an error of the driver is

    def refresh(self, stale: List[QgsMapLayer]) -> None:
        """Reopen layers, each once the service has responded; a missing key is requested once.

        Parameters
        ----------
        stale : list of QgsMapLayer
            The layers.
        """
        asked: Set[str] = set()
        failures = reopening.Failures()

        def tell(connection: Connection, error: BaseException) -> None:
            if isinstance(error, AuthError) and connection.name not in asked:
                asked.add(connection.name)
                text = tr("The layers of {name} require a log-in.").format(name=connection.name)
                messages.ask(text, tr("Log in"), lambda: self._log_in(connection.name))
            elif not isinstance(error, AuthError):
                messages.tell(core.errors_told(error), Qgis.MessageLevel.Critical)

        for layer in stale:
            connection = connection_of(name_of(layer))
            if connection is None:
                messages.tell(
                    tr("There is no connection to the service of layer {layer}: add one to open the layer.").format(
                        layer=layer.name()
                    ),
                    Qgis.MessageLevel.Warning,
                )
            else:
                self._reopen(layer, connection, partial(tell, connection), failures)

    def _reopen(
        self,
        layer: QgsMapLayer,
        connection: Connection,
        tell: Callable[[BaseException], None],
        failures: reopening.Failures,
        no_key: Callable[[BaseException], None] = _warn,
    ) -> Optional[Task]:
        name, raster = name_of(layer), bool(raster_layers.is_ours(layer))
        try:
            catalog = connection.catalog()
        except PlanetVectorError as error:
            no_key(error)
            return None

        def work(feedback: object) -> str:
            if raster:
                return reopening.reopened(catalog, name, failures)
            layers.prefetch(name)
            return name

        def done(source: str) -> None:
            self._restored.append((layer, source))
            self._show()

        return Task.start(tr("Opening {title}").format(title=layer.name()), work, done, tell)

    def _show(self) -> None:
        """Show the layers that are restored, once the map is drawn.

        While a file behind a VRT is opened, GDAL locks the list of its open files, also for the requests that this
        takes, and no raster can be opened or closed. Drawing opens such files, and the main thread would wait for them.
        """
        if qgis.utils.iface.mapCanvas().isDrawing():
            self._timer.start()
            return
        self._timer.stop()
        restored, self._restored = self._restored, []
        for layer, source in restored:
            if sip.isdeleted(layer):
                continue
            if self._opening.pop(layer.id(), None) is not None:
                self._again.add(layer.id())
            layers.reopen(layer, source)


def _stale(layer: QgsMapLayer) -> bool:
    """Return True if a layer of a project just read must be reopened: always for rasters, as their URLs expire."""
    return bool(raster_layers.is_ours(layer)) or (bool(layers.search_of(layer)) and not layer.isValid())
