"""Work that must not hold up the main thread."""

from __future__ import annotations

import weakref
from typing import Any, Callable, Optional, Set

from qgis.core import Qgis, QgsApplication, QgsFeedback, QgsMessageLog, QgsTask

from planet_scenes import core, messages
from planet_vector.errors import PlanetVectorError

_running: Set[Task] = set()
"""QGIS keeps tasks, but not the Python half of them."""


class Cancelled(Exception):
    """Say that the user wants no more of it."""


class Task(QgsTask):
    """Run a function in a worker, and hand what it returns to the main thread.

    Parameters
    ----------
    title : str
        What the task manager calls it.
    work : callable
        Takes a `QgsFeedback`; runs in a worker and touches nothing of the main thread.
    done : callable, optional
        Takes what `work` returned; runs on the main thread, and not when it was cancelled.
    failed : callable, optional
        Takes the error; runs on the main thread. By default it is told in the message bar.
    """

    def __init__(
        self,
        title: str,
        work: Callable[[QgsFeedback], Any],
        done: Optional[Callable[[Any], None]] = None,
        failed: Optional[Callable[[BaseException], None]] = None,
    ) -> None:
        super().__init__(title, QgsTask.Flag.CanCancel)
        self.error: Optional[BaseException] = None
        self.result: Any = None
        self.of_project = False
        self._work, self._done, self._failed = work, done, failed
        self._feedback = QgsFeedback()
        # The function may hold this task: no circle through Qt.
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
        """Make a task and hand it to QGIS's task manager; one of a project ends with it."""
        task = cls(title, work, done, failed)
        task.of_project = of_project
        _running.add(task)
        QgsApplication.taskManager().addTask(task)
        return task

    def run(self) -> bool:
        """Do the work; called in a worker."""
        try:
            self.result = self._work(self._feedback)
        except Cancelled:
            return False
        except Exception as error:  # told on the main thread, whatever it is
            self.error = error
            return False
        return not self._feedback.isCanceled()

    def finished(self, result: bool) -> None:
        """Hand over what came out; called on the main thread."""
        _running.discard(self)
        if result and self.error is None and self._done is not None:
            try:
                self._done(self.result)
            except Exception as error:  # an exception that Qt meets here would end QGIS
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
        """Stop; what is under way ends at its next look at the feedback."""
        self._feedback.cancel()
        super().cancel()


def cancel_all() -> None:
    """Stop everything under way; what comes of it is not handed over any more."""
    for task in list(_running):
        task.cancel()


def cancel_of_project() -> None:
    """Stop what would be put into the project."""
    for task in list(_running):
        if task.of_project:
            task.cancel()


def _set_progress(ref: Any, percent: float) -> None:
    task = ref()
    if task is not None:
        task.setProgress(percent)


def _log(error: BaseException) -> None:
    """Write a fault of the plugin's own to the log, with where it happened, and nothing of what was at hand there."""
    import traceback

    lines = "".join(traceback.format_tb(error.__traceback__))
    QgsMessageLog.logMessage(f"{type(error).__name__}: {error}\n{lines}", messages.TAB, Qgis.MessageLevel.Critical)
