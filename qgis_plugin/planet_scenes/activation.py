"""Activation of products at services that make files available on request: only if the user asks for it."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from qgis.core import Qgis
from qgis.PyQt.QtCore import QObject, Qt
from qgis.PyQt.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QProgressDialog,
    QVBoxLayout,
    QWidget,
)

from planet_scenes import core, messages
from planet_scenes.connection import Connection
from planet_scenes.help import PRODUCTS
from planet_scenes.tasks import Cancelled, Task
from planet_scenes.texts import tr
from planet_scenes.widgets import dialog_buttons
from planet_vector.assets import AssetState
from planet_vector.catalog import connect
from planet_vector.catalog.protocol import ActivatesAssets
from planet_vector.errors import ConfigError
from planet_vector.raster.activation import Wanted, activate
from planet_vector.scene import Scene

States = List[Mapping[str, AssetState]]
"""The states of the products of each scene, by name."""


def has_activation(connection: Connection) -> bool:
    """Return True if the service makes files available on request; sends no request.

    Parameters
    ----------
    connection : Connection
        The connection.
    """
    try:
        return isinstance(connect(connection.url), ActivatesAssets)
    except ConfigError:
        return False


class ActivationDialog(QDialog):
    """Dialog to choose the products to activate.

    Parameters
    ----------
    scenes : sequence of Scene
        The scenes.
    states : list of mapping of str to AssetState
        The states of their products.
    parent : QWidget, optional
        The parent widget.
    """

    def __init__(self, scenes: Sequence[Scene], states: States, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Activate products"))
        self._wanted: Dict[str, List[Wanted]] = {}
        for scene, found in zip(scenes, states):
            for name, state in found.items():
                if state.permitted and state.status != "active":
                    self._wanted.setdefault(name, []).append((scene, name))
        self.list = QListWidget(self)
        for name, some in self._wanted.items():
            text = tr("{product} ({count} of {scenes} scenes)").format(
                product=name, count=len(some), scenes=len(scenes)
            )
            item = QListWidgetItem(text, self.list)
            item.setData(Qt.ItemDataRole.UserRole, name)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Unchecked)
        note = QLabel(
            tr("The service prepares these files on request. That takes some minutes and may count against your quota.")
            if self._wanted
            else tr("All products that you may download are active.")
        )
        note.setWordWrap(True)
        self.buttons = dialog_buttons(self, PRODUCTS)
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setText(tr("Activate"))
        self.list.itemChanged.connect(self._enable)
        column = QVBoxLayout(self)
        for widget in (note, self.list, self.buttons):
            column.addWidget(widget)
        self._enable()

    def wanted(self) -> List[Wanted]:
        """Return the checked products that are not active, each with its scene."""
        items = [self.list.item(row) for row in range(self.list.count())]
        checked = [item.data(Qt.ItemDataRole.UserRole) for item in items if item.checkState() == Qt.CheckState.Checked]
        return [each for name in checked for each in self._wanted[name]]

    def _enable(self, *_: object) -> None:
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(bool(self.wanted()))


class Activation(QObject):
    """Asks which products of scenes to activate, activates them, and shows the progress.

    Parameters
    ----------
    parent : QWidget
        The parent of its windows.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._window = parent
        self.task: Optional[Task] = None
        self.progress: Optional[QProgressDialog] = None

    def ask(self, connection: Connection, scenes: Sequence[Scene]) -> Task:
        """Request the states of the products, and ask which to activate.

        Parameters
        ----------
        connection : Connection
            The service.
        scenes : sequence of Scene
            The scenes.

        Returns
        -------
        Task
            The task that requests the states.

        Raises
        ------
        ConfigError
            If the key of the connection cannot be read.
        """
        catalog: Any = connection.catalog()

        def states(feedback: Any) -> States:
            found: States = []
            for scene in scenes:
                if feedback.isCanceled():
                    raise Cancelled
                found.append(catalog.asset_states(scene))
            return found

        def done(found: States) -> None:
            dialog = ActivationDialog(scenes, found, self._window)
            if dialog.exec():
                self.start(connection, dialog.wanted())
            dialog.deleteLater()

        return Task.start(tr("Requesting the states of products"), states, done)

    def start(
        self, connection: Connection, wanted: Sequence[Wanted], on_done: Optional[Callable[[int], None]] = None
    ) -> Task:
        """Activate products, and wait until they are active; the task can be cancelled, the service continues then.

        Parameters
        ----------
        connection : Connection
            The service.
        wanted : sequence of (Scene, str)
            Scenes with names of products.
        on_done : callable, optional
            Called with the number of active products, on the main thread.

        Returns
        -------
        Task
            The running task.

        Raises
        ------
        ConfigError
            If the key of the connection cannot be read.
        """
        catalog = connection.catalog()
        title = tr("Activating products: {count}").format(count=len(wanted))

        def work(feedback: Any) -> int:
            def told(active: int, of: Optional[int]) -> None:
                if feedback.isCanceled():
                    raise Cancelled
                feedback.setProgress(100 * active / (of or 1))

            return len(activate(catalog, wanted, progress=told))

        def done(count: int) -> None:
            self._close()
            text = tr("Products activated: {count}. They can be added or downloaded.").format(count=count)
            messages.tell(text, Qgis.MessageLevel.Success)
            if on_done is not None:
                on_done(count)

        def failed(error: BaseException) -> None:
            self._close()
            messages.tell(core.errors_told(error), Qgis.MessageLevel.Critical)

        self.task = task = Task.start(title, work, done, failed)
        self.progress = progress = QProgressDialog(title, tr("Stop waiting"), 0, 100, self._window)
        progress.setWindowTitle(tr("Activate products"))
        progress.setMinimumDuration(0)
        progress.setAutoReset(False)
        progress.setValue(0)
        progress.canceled.connect(task.cancel)
        progress.canceled.connect(self._close)
        task.progressChanged.connect(self._progressed)
        return task

    def close_down(self) -> None:
        """Stop waiting, and close the window."""
        if self.task is not None:
            self.task.cancel()
        self._close()

    def _progressed(self, percent: float) -> None:
        if self.progress is not None:
            self.progress.setValue(int(percent))

    def _close(self) -> None:
        progress, self.progress, self.task = self.progress, None, None
        if progress is not None:
            progress.canceled.disconnect()
            progress.close()
            progress.deleteLater()
