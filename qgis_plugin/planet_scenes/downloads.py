"""Downloads of products to a folder, with progress; can be cancelled and resumed."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Union

from planet_scenes.connection import Connection
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
    """Download products of scenes to a folder.

    Parameters
    ----------
    connection : Connection
        The service.
    scenes : sequence of Scene
        The scenes.
    products : sequence of str
        The products; a scene without a product skips it.
    directory : str or Path
        The destination. Incomplete files of an earlier download are resumed; complete files are kept.
    on_progress : callable, optional
        Called with the percentage, on the main thread.
    on_done : callable, optional
        Called with the paths of the files, on the main thread.

    Returns
    -------
    Task
        The running download.
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
    """Total progress of several files; thread-safe.

    Parameters
    ----------
    feedback : QgsFeedback
        Receives the total progress as percentage.
    files : int
        The number of files.
    """

    def __init__(self, feedback: Any, files: int) -> None:
        self._feedback = feedback
        self._files = max(files, 1)
        self._done: Dict[Path, float] = {}
        self._lock = threading.Lock()

    def tell(self, path: Path, done: int, total: Optional[int]) -> None:
        """Record the progress of a file.

        Parameters
        ----------
        path : Path
            The file.
        done : int
            Bytes received.
        total : int, optional
            Size of the file in bytes, if known.

        Raises
        ------
        Cancelled
            If the user has cancelled the download.
        """
        if self._feedback.isCanceled():
            raise Cancelled
        with self._lock:
            self._done[path] = done / total if total else 0.0
            self._feedback.setProgress(100 * sum(self._done.values()) / self._files)
