"""Products fetched to a folder, with progress; stopped at any time, and gone on with later."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Union

from planet_scenes.connections import Connection
from planet_scenes.tasks import Cancelled, Task
from planet_scenes.texts import tr
from planet_vector.raster.download import download as fetch_all
from planet_vector.scene import Scene


def download(
    connection: Connection,
    scenes: Sequence[Scene],
    products: Sequence[str],
    directory: Union[str, Path],
    on_progress: Optional[Callable[[float], None]] = None,
    on_done: Optional[Callable[[List[Path]], None]] = None,
) -> Task:
    """Fetch products of scenes into a folder.

    Parameters
    ----------
    connection : Connection
        The service.
    scenes, products
        What is fetched: of each scene, those of the products that it has.
    directory : str or Path
        Where to. What an earlier download left there half is gone on with; whole files are left alone.
    on_progress : callable, optional
        Called with percent, on the main thread.
    on_done : callable, optional
        Called with the files.
    """
    catalog = connection.catalog()
    scenes = list(scenes)

    def work(feedback: Any) -> List[Path]:
        progress = Progress(feedback, len(scenes) * len(products))
        return fetch_all(catalog, scenes, list(products), Path(directory), progress=progress.tell)

    task = Task.start(tr("Downloading {count} files").format(count=len(scenes) * len(products)), work, on_done)
    if on_progress is not None:
        task.progressChanged.connect(on_progress)
    return task


class Progress:
    """Add up the progress of several files; told of it by several threads."""

    def __init__(self, feedback: Any, files: int) -> None:
        self._feedback = feedback
        self._files = max(files, 1)
        self._done: Dict[Path, float] = {}
        self._lock = threading.Lock()

    def tell(self, path: Path, done: int, total: Optional[int]) -> None:
        """Take in how far a file is; raise `Cancelled` once the user wants no more."""
        if self._feedback.isCanceled():
            raise Cancelled
        with self._lock:
            self._done[path] = done / total if total else 0.0
            self._feedback.setProgress(100 * sum(self._done.values()) / self._files)
