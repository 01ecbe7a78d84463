"""Small pictures of scenes, kept as files: for the list of results, and for map tips."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import deque
from pathlib import Path
from typing import Any, Deque, Optional, Set, Tuple

from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from planet_scenes.connections import Connection
from planet_scenes.tasks import Task
from planet_scenes.texts import tr
from planet_vector.catalog import ScenesV0
from planet_vector.config import normalise_url, user_directory
from planet_vector.names import is_segment
from planet_vector.raster.pictures import thumbnail
from planet_vector.scene import Scene

_AT_ONCE = 4  # tasks; QGIS has threads for others' work, too
_WAITING = 60  # more than a list shows at once: what was scrolled past is not fetched
_MOST_BYTES = 200 * 2**20  # of a folder's pictures, before the oldest go

_tidied: Set[Path] = set()


class Thumbnails(QObject):
    """Fetch thumbnails in workers, a few at once, the last asked for first: that is what is looked at."""

    ready = pyqtSignal(str)
    """The id of a scene whose picture is there now."""

    def __init__(self, parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self._wanted: Deque[Tuple[ScenesV0, Scene, Path]] = deque()
        self._asked: Set[Path] = set()
        self._tasks: Set[Task] = set()

    def get(self, connection: Connection, scene: Scene) -> Optional[Path]:
        """Return the file of a scene's picture, or None; then it is fetched, and `ready` tells when it is there."""
        if not is_segment(scene.id):
            return None  # an id that is no name of a file
        path = directory(connection, scene.scene_type) / f"{scene.id}.png"
        if path.is_file():
            return path
        if path not in self._asked and scene.catalog is not None:
            if len(self._wanted) >= _WAITING:
                self._asked.discard(self._wanted.popleft()[2])
            self._asked.add(path)
            self._wanted.append((scene.catalog, scene, path))
            # Later: this is asked while the list is painted, and a new task makes QGIS paint its status bar at once.
            QTimer.singleShot(0, self._next)
        return None

    def stop(self) -> None:
        """Fetch no more of what was asked for; a picture that was not given may be asked for again."""
        self._wanted.clear()
        self._asked.clear()
        for task in list(self._tasks):
            task.cancel()
        self._tasks.clear()

    def _next(self) -> None:
        while self._wanted and len(self._tasks) < _AT_ONCE:
            catalog, scene, path = self._wanted.pop()

            def work(feedback: Any, catalog: ScenesV0 = catalog, scene: Scene = scene, path: Path = path) -> str:
                write(path, thumbnail(catalog, scene, "md"))
                return scene.id

            # A picture that the service does not give is no error: the list shows the scene without one.
            task = Task.start(
                tr("Thumbnail of {scene}").format(scene=scene.id), work, self.ready.emit, lambda error: None
            )
            self._tasks.add(task)
            task.taskCompleted.connect(lambda task=task: self._ended(task))
            task.taskTerminated.connect(lambda task=task: self._ended(task))

    def _ended(self, task: Task) -> None:
        self._tasks.discard(task)
        self._next()


def directory(connection: Connection, scene_type: str) -> Path:
    """Return the folder of the pictures of a service's scenes of a type."""
    root = hashlib.blake2b(normalise_url(connection.url).encode(), digest_size=8).hexdigest()
    return user_directory("cache") / "thumbnails" / root / scene_type


def write(path: Path, content: bytes) -> None:
    """Write a picture whole; the first of a session lets the oldest go when all of its folder are too large."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.parent not in _tidied:
        _tidied.add(path.parent)
        _tidy(path.parent)
    handle, part = tempfile.mkstemp(dir=path.parent, suffix=".part")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    os.replace(part, path)


def _tidy(folder: Path) -> None:
    size = 0
    for file in sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime, reverse=True):
        size += file.stat().st_size
        if size > _MOST_BYTES:
            file.unlink(missing_ok=True)
