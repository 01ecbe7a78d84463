"""Tasks of the plugin in QGIS's task manager."""

from __future__ import annotations

import threading
from typing import Any, List

from qgis.core import QgsApplication

from planet_scenes.tasks import Cancelled, Task
from tests.qgis.conftest import wait_for


def test_the_manager_has_no_more_tasks_than_threads_and_each_ends(qgis_app: Any) -> None:
    """A task in the queue of QGIS's thread pool may be lost when another ends."""
    manager, go = QgsApplication.taskManager(), threading.Event()
    done: List[int] = []

    def work(feedback: Any, number: int) -> int:
        while not go.wait(0.01):
            if feedback.isCanceled():
                raise Cancelled
        return number

    started = [
        Task.start(f"task {number}", lambda feedback, n=number: work(feedback, n), done.append) for number in range(30)
    ]
    # Older versions of QGIS lose none, and get all at once.
    most = manager.threadPool().maxThreadCount() if hasattr(manager, "threadPool") else 30
    assert len(manager.activeTasks()) == most
    ended: List[int] = []
    started[29].taskTerminated.connect(lambda: ended.append(29))
    started[29].cancel()  # it waits
    started[0].cancel()  # it is running
    assert ended == [29]
    go.set()
    wait_for(lambda: len(done) == 28)
    assert sorted(done) == list(range(1, 29))
    wait_for(lambda: not manager.activeTasks())
