"""Thumbnails of scenes, cached as files: for the list of results and for map tips."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any, Deque, Optional, Set, Tuple

from qgis.PyQt.QtCore import QBuffer, QByteArray, QIODevice, QObject, Qt, QTimer, pyqtSignal
from qgis.PyQt.QtGui import QImageReader

from planet_scenes.connection import Connection
from planet_scenes.tasks import Task
from planet_scenes.texts import tr
from planet_vector.catalog import Catalog
from planet_vector.errors import ConfigError, NotFoundError, ProtocolError
from planet_vector.item_ids import file_stem
from planet_vector.private_files import make_folder, remove_stale, write_private
from planet_vector.raster.credential_files import temporary_folder
from planet_vector.roots import normalise_url
from planet_vector.scene import Scene
from planet_vector.user_folders import user_directory

_AT_ONCE = 4  # tasks; QGIS's worker threads also serve other tasks
_WAITING = 60  # more than a list shows at once: thumbnails scrolled out of view are not fetched
_WIDTH = 128  # pixels, that of Planet's services
_MOST_PIXELS = 64 * 2**20  # of a picture that is decoded
_PART = ".picture-"  # prefix of temporary files
_MOST_BYTES = 200 * 2**20  # of the thumbnails in a folder; beyond it, the oldest are deleted

_tidied: Set[Path] = set()


class Thumbnails(QObject):
    """Fetches thumbnails in workers, a few at once; the last requested first, as it is the one in view.

    Parameters
    ----------
    parent : QObject, optional
        The parent object.
    """

    ready = pyqtSignal(str)
    """Emitted with the id of a scene whose thumbnail is available."""

    def __init__(self, parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self._wanted: Deque[Tuple[Catalog, Scene, Path]] = deque()
        self._asked: Set[Path] = set()
        self._tasks: Set[Task] = set()

    def get(self, connection: Connection, scene: Scene) -> Optional[Path]:
        """Return the file of a scene's thumbnail, or None; then it is fetched, and `ready` is emitted.

        Parameters
        ----------
        connection : Connection
            The service.
        scene : Scene
            The scene.
        """
        try:
            path = directory(connection, scene.scene_type) / f"{file_stem(scene.id)}.png"
        except ValueError:  # the id is no valid file name
            return None
        if _is_there(path):
            return path
        if path not in self._asked and scene.catalog is not None:
            if len(self._wanted) >= _WAITING:
                self._asked.discard(self._wanted.popleft()[2])
            self._asked.add(path)
            self._wanted.append((scene.catalog, scene, path))
            # Deferred: this is called while the list is painted, and a new task repaints QGIS's status bar at once.
            QTimer.singleShot(0, self._next)
        return None

    def stop(self) -> None:
        """Cancel all fetches; thumbnails that did not arrive can be requested again."""
        self._wanted.clear()
        self._asked.clear()
        for task in list(self._tasks):
            task.cancel()
        self._tasks.clear()

    def _next(self) -> None:
        while self._wanted and len(self._tasks) < _AT_ONCE:
            catalog, scene, path = self._wanted.pop()

            def work(feedback: Any, catalog: Catalog = catalog, scene: Scene = scene, path: Path = path) -> str:
                write(path, as_png(_picture_of(catalog, scene)))
                return scene.id

            # A missing thumbnail is no error: the list shows the scene without it.
            task = Task.start(
                tr("Thumbnail of {scene}").format(scene=scene.id), work, self.ready.emit, lambda error: None
            )
            self._tasks.add(task)
            task.taskCompleted.connect(lambda task=task: self._ended(task))
            task.taskTerminated.connect(lambda task=task: self._ended(task))

    def _ended(self, task: Task) -> None:
        self._tasks.discard(task)
        self._next()


def as_png(content: bytes) -> bytes:
    """Return a picture as PNG, reduced to at most the width of a thumbnail; a small PNG stays as it is.

    Parameters
    ----------
    content : bytes
        An image file, which may be invalid or of any size.

    Raises
    ------
    ProtocolError
        If it cannot be decoded, or has too many pixels.
    """
    data = QByteArray(content)
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer)
    size = reader.size()
    if not size.isValid() or size.width() * size.height() > _MOST_PIXELS:
        raise ProtocolError(tr("The service returned a thumbnail that cannot be shown."))
    if bytes(reader.format()) == b"png" and size.width() <= _WIDTH:
        return content
    reader.setScaledSize(size.scaled(_WIDTH, _WIDTH, Qt.AspectRatioMode.KeepAspectRatio))
    image = reader.read()
    made = QByteArray()
    target = QBuffer(made)
    target.open(QIODevice.OpenModeFlag.WriteOnly)
    if image.isNull() or not image.save(target, "PNG"):
        raise ProtocolError(tr("The service returned a thumbnail that cannot be shown."))
    return bytes(made)


def _picture_of(catalog: Catalog, scene: Scene) -> bytes:
    """Request the thumbnail of a scene, in the format that the service has."""
    try:
        return catalog.thumbnail(scene, "md")
    except NotFoundError:  # services that store pictures have each in one format
        return catalog.thumbnail(scene, "md", "jpg")


def directory(connection: Connection, scene_type: str) -> Path:
    """Return the folder of the thumbnails of a scene type; in the temporary folder if there is no home directory.

    Parameters
    ----------
    connection : Connection
        The service.
    scene_type : str
        The scene type.
    """
    root = hashlib.blake2b(normalise_url(connection.url).encode(), digest_size=8).hexdigest()
    try:
        cache = user_directory("cache")
    except ConfigError:
        cache = temporary_folder()
    return cache / "thumbnails" / root / scene_type


def write(path: Path, content: bytes) -> None:
    """Write a thumbnail atomically; the first one per folder and session deletes the oldest above the size limit.

    Parameters
    ----------
    path : Path
        The file.
    content : bytes
        The image.
    """
    make_folder(path.parent)
    if path.parent not in _tidied:
        _tidied.add(path.parent)
        _tidy(path.parent)
    write_private(path, content, _PART)


def _is_there(path: Path) -> bool:
    try:
        return path.is_file() and path.stat().st_size > 0 and os.access(path, os.R_OK)
    except OSError:  # the folder is not accessible
        return False


def _tidy(folder: Path) -> None:
    remove_stale(folder, f"{_PART}*")
    found = []
    for file in folder.iterdir():
        with suppress(OSError):  # another program deleted it first
            status = os.lstat(file)
            found.append((status.st_mtime, status.st_size, file))
    size = 0
    for _, length, file in sorted(found, reverse=True):
        size += length
        if size > _MOST_BYTES:
            with suppress(OSError):
                file.unlink()
