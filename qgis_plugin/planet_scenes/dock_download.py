"""Downloads from the dock: the dialog, and the bar that shows, cancels and resumes a download."""

from __future__ import annotations

from pathlib import Path
from typing import List, Optional, Sequence, Tuple

from qgis.core import Qgis, QgsSettings
from qgis.gui import QgsFileWidget
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from planet_scenes import downloads, messages
from planet_scenes.connection import Connection
from planet_scenes.help import PRODUCTS
from planet_scenes.tasks import Task
from planet_scenes.texts import tr
from planet_scenes.widgets import dialog_buttons
from planet_vector.scene import Scene

_FOLDER = "planet_scenes/download_folder"


def common_products(scenes: Sequence[Scene]) -> List[str]:
    """Return the products that all scenes have, in the order of the first scene.

    Parameters
    ----------
    scenes : sequence of Scene
        The scenes.
    """
    if not scenes:
        return []
    return [product for product in scenes[0].products if all(product in scene.products for scene in scenes[1:])]


class DownloadDialog(QDialog):
    """Dialog to choose products of scenes and a destination folder.

    Parameters
    ----------
    scenes : sequence of Scene
        The scenes; the products that all of them have are offered.
    parent : QWidget, optional
        The parent widget.
    """

    def __init__(self, scenes: Sequence[Scene], parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Download"))
        self.list = QListWidget(self)
        for product in common_products(scenes):
            item = QListWidgetItem(product, self.list)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if self.list.count() == 1 else Qt.CheckState.Unchecked)
        self.folder = QgsFileWidget(self)
        self.folder.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        self.folder.setFilePath(QgsSettings().value(_FOLDER, "") or "")
        self.buttons = dialog_buttons(self, PRODUCTS)
        self.list.itemChanged.connect(self._enable)
        self.folder.fileChanged.connect(self._enable)
        column = QVBoxLayout(self)
        text = tr("Products of the scene:") if len(scenes) == 1 else tr("Products that all {count} scenes have:")
        for widget in (
            QLabel(text.format(count=len(scenes))), self.list, QLabel(tr("Folder:")), self.folder, self.buttons,
        ):  # fmt: skip
            column.addWidget(widget)
        self._enable()

    def products(self) -> List[str]:
        """Return the checked products."""
        items = [self.list.item(row) for row in range(self.list.count())]
        return [item.text() for item in items if item.checkState() == Qt.CheckState.Checked]

    def directory(self) -> str:
        """Return the destination folder."""
        return self.folder.filePath().strip()

    def accept(self) -> None:
        """Remember the folder for the next download."""
        QgsSettings().setValue(_FOLDER, self.directory())
        super().accept()

    def _enable(self, *_: object) -> None:
        ready = bool(self.products() and self.directory())
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(ready)


class DownloadBar(QWidget):
    """Progress bar of one download at a time.

    Parameters
    ----------
    parent : QWidget, optional
        The parent widget.
    """

    changed = pyqtSignal()
    """Emitted when a download starts or ends."""

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.task: Optional[Task] = None
        self.progress, self.text = QProgressBar(), QLabel(tr("The download has stopped."))
        self.cancel_button, self.resume_button = QPushButton(tr("Cancel")), QPushButton(tr("Resume"))
        self.cancel_button.clicked.connect(self.cancel)
        self.resume_button.clicked.connect(self.resume)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for widget in (self.progress, self.text, self.resume_button, self.cancel_button):
            row.addWidget(widget, int(widget in (self.progress, self.text)))
        self._wanted: Optional[Tuple[Connection, List[Scene], List[str], str]] = None
        self.hide()

    @property
    def busy(self) -> bool:
        """Whether a download is running."""
        return self.task is not None

    def start(self, connection: Connection, scenes: List[Scene], products: List[str], directory: str) -> None:
        """Download products of scenes; resumes files that an earlier download left incomplete.

        Parameters
        ----------
        connection : Connection
            The service.
        scenes : list of Scene
            The scenes.
        products : list of str
            The products; a scene without a product skips it.
        directory : str
            The destination folder.

        Raises
        ------
        ConfigError
            If the key of the connection cannot be read.
        """
        self.stop()
        self.progress.setValue(0)
        self._wanted = connection, scenes, products, directory
        task = downloads.download(connection, scenes, products, directory, self._progressed, self._done)
        self.task = task
        task.taskTerminated.connect(lambda: self._ended(task))
        self._show()

    def resume(self) -> None:
        """Resume the stopped download."""
        if self._wanted is not None and not self.busy:
            self.start(*self._wanted)

    def cancel(self) -> None:
        """Stop the download; if it is already stopped, dismiss it."""
        if self.task is not None:
            self.task.cancel()
        else:
            self._wanted = None
            self._show()

    def stop(self) -> None:
        """Stop the download and show no further messages."""
        task, self.task, self._wanted = self.task, None, None
        if task is not None:
            task.cancel()
        self._show()

    def _progressed(self, percent: float) -> None:
        self.progress.setValue(int(percent))

    def _done(self, files: List[Path]) -> None:
        self.task = self._wanted = None
        self._show()
        text = tr("1 file downloaded: {path}") if len(files) == 1 else tr("{count} files downloaded to {folder}")
        told = text.format(path=files[0] if files else "", count=len(files), folder=files[0].parent if files else "")
        messages.tell(told, Qgis.MessageLevel.Success)

    def _ended(self, task: Task) -> None:
        if task is self.task:  # ended by the user, or by an error that is reported elsewhere
            self.task = None
            self._show()

    def _show(self) -> None:
        self.setVisible(self._wanted is not None)
        self.progress.setVisible(self.busy)
        self.text.setVisible(not self.busy)
        self.resume_button.setVisible(not self.busy)
        self.cancel_button.setText(tr("Cancel") if self.busy else tr("Close"))
        self.changed.emit()
