"""Background tasks, so that the main thread does not block."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from typing import Any, Callable, Deque, Optional, Set

from qgis.core import Qgis, QgsApplication, QgsFeedback, QgsMessageLog, QgsTask
from qgis.PyQt.QtCore import QThreadPool, QTimer

from planet_scenes import core, messages
from planet_vector.errors import PlanetVectorError

_running: Set[Task] = set()
"""Keeps the Python objects of tasks alive; QGIS only keeps their C++ objects."""


_waiting: Deque[Task] = deque()
"""Those of them that QGIS's task manager does not have yet."""


_ended: Set[Task] = set()
"""Those of them whose work is over, and whose end the task manager has not dealt with yet: see `_add`."""


_adding = threading.RLock()
"""Held while tasks are added and when one ends, so that none ends unseen meanwhile."""


_FLAGS = QgsTask.Flag.CanCancel
if hasattr(QgsTask.Flag, "Silent"):  # QGIS 3.26: else it reports the end of each task that took five seconds
    _FLAGS = QgsTask.Flags(_FLAGS | QgsTask.Flag.Silent)


class Cancelled(Exception):
    """Raised in a task when the user has cancelled it."""


class Task(QgsTask):
    """Runs a function in a worker, and passes its result to the main thread.

    Parameters
    ----------
    title : str
        Name in the task manager.
    work : callable
        Called with a `QgsFeedback` in a worker; must not touch objects of the main thread.
    done : callable, optional
        Called with the result of `work` on the main thread, unless cancelled.
    failed : callable, optional
        Called with the error on the main thread. By default the message bar shows it.
    """

    def __init__(
        self,
        title: str,
        work: Callable[[QgsFeedback], Any],
        done: Optional[Callable[[Any], None]] = None,
        failed: Optional[Callable[[BaseException], None]] = None,
    ) -> None:
        super().__init__(title, _FLAGS)
        self.error: Optional[BaseException] = None
        self.result: Any = None
        self.of_project = False
        self._work, self._done, self._failed = work, done, failed
        self._feedback = QgsFeedback()
        # The function may refer to this task: avoid a reference cycle through Qt.
        ref = weakref.ref(self)
        self._feedback.progressChanged.connect(lambda percent: _set_progress(ref, percent))

    @classmethod
    def start(
        cls,
        title: str,
        work: Callable[[QgsFeedback], Any],
        done: Optional[Callable[[Any], None]] = None,
        failed: Optional[Callable[[BaseException], None]] = None,
        of_project: bool = False,
    ) -> Task:
        """Create a task and add it to QGIS's task manager, as soon as that has a thread for it.

        Parameters
        ----------
        title, work, done, failed
            See the class.
        of_project : bool, optional
            Cancel the task when its project is closed.

        Returns
        -------
        Task
            The task.
        """
        task = cls(title, work, done, failed)
        task.of_project = of_project
        _running.add(task)
        _waiting.append(task)
        _add()
        return task

    @property
    def is_under_way(self) -> bool:
        """Whether it waits for a thread or runs, so that its result is still to come."""
        return self in _running

    def run(self) -> bool:
        """Do the work in a worker.

        Returns
        -------
        bool
            True if it succeeded and was not cancelled.
        """
        try:
            self.result = self._work(self._feedback)
        except Cancelled:
            return False
        except Exception as error:  # any error is reported on the main thread
            self.error = error
            return False
        finally:
            with _adding:
                _ended.add(self)
        return not self._feedback.isCanceled()

    def finished(self, result: bool) -> None:
        """Pass on the result or the error, on the main thread, once the task manager is done with this task.

        Parameters
        ----------
        result : bool
            What `run` returned.
        """
        QTimer.singleShot(0, lambda: self._tell(result))

    def _tell(self, result: bool) -> None:
        _running.discard(self)
        _ended.discard(self)
        _add()
        if result and self.error is None and self._done is not None and not self._feedback.isCanceled():
            try:
                self._done(self.result)
            except Exception as error:  # an uncaught exception here would crash QGIS
                self.error = error
        self.result = None
        if self.error is None or self._feedback.isCanceled():
            return
        if not isinstance(self.error, (PlanetVectorError, OSError)):
            _log(self.error)
        if self._failed is not None:
            self._failed(self.error)
        else:
            messages.tell(core.errors_told(self.error), Qgis.MessageLevel.Critical)

    def cancel(self) -> None:
        """Cancel; the work stops when it next checks the feedback."""
        self._feedback.cancel()
        if self in _waiting:
            _waiting.remove(self)
            _running.discard(self)
        super().cancel()


def _add() -> None:
    """Pass on waiting tasks to QGIS's task manager until it has as many as threads, and at times when none gets lost.

    When a task ends, QGIS removes its runnable from the queue of the thread pool, by an address that the runnable of
    another task may have by then (``QgsTaskManager::taskStatusChanged`` and ``cleanupAndDeleteTask``). That one never
    begins: seen in QGIS 3.22, where map rendering shares the pool, and in 3.40. An address may be used again from the
    end of the work until these two functions have ended; so none is added meanwhile.
    """
    manager = QgsApplication.taskManager()
    pool = manager.threadPool() if hasattr(manager, "threadPool") else QThreadPool.globalInstance()
    with _adding:
        while _waiting and not _ended and len(_running) - len(_waiting) < pool.maxThreadCount():
            manager.addTask(_waiting.popleft())


def cancel_all() -> None:
    """Cancel all tasks; their results are discarded."""
    for task in list(_running):
        task.cancel()


def cancel_of_project() -> None:
    """Cancel the tasks whose results belong to the project."""
    for task in list(_running):
        if task.of_project:
            task.cancel()


def _set_progress(ref: Any, percent: float) -> None:
    task = ref()
    if task is not None:
        task.setProgress(percent)


def _log(error: BaseException) -> None:
    """Log a bug of the plugin with its location, but without values of variables."""
    import traceback

    lines = "".join(traceback.format_tb(error.__traceback__))
    QgsMessageLog.logMessage(f"{type(error).__name__}: {error}\n{lines}", messages.TAB, Qgis.MessageLevel.Critical)
