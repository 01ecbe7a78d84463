"""Tasks of the plugin in QGIS's task manager."""

from __future__ import annotations

import random
import threading
import time
from typing import Any, List

import pytest
from qgis.core import (
    QgsApplication,
    QgsFeature,
    QgsGeometry,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QCoreApplication, QSize, QThreadPool

from planet_scenes import tasks
from planet_scenes.tasks import Cancelled, Task
from tests.qgis.conftest import wait_for


def _most() -> int:
    manager = QgsApplication.taskManager()
    pool = manager.threadPool() if hasattr(manager, "threadPool") else QThreadPool.globalInstance()
    return pool.maxThreadCount()


def test_the_manager_has_no_more_tasks_than_threads_and_each_ends(qgis_app: Any) -> None:
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
    active = len(manager.activeTasks())
    ended: List[int] = []
    started[29].taskTerminated.connect(lambda: ended.append(29))
    started[29].cancel()  # it waits
    started[0].cancel()  # it is running
    go.set()
    assert (active, ended) == (_most(), [29])
    wait_for(lambda: len(done) == 28)
    assert sorted(done) == list(range(1, 29))
    wait_for(lambda: not manager.activeTasks())


def test_none_is_added_while_the_manager_may_still_remove_one_that_has_ended(qgis_app: Any) -> None:
    first = Task.start("first", lambda feedback: None)
    end = time.monotonic() + 20
    while first not in tasks._ended and time.monotonic() < end:
        time.sleep(0.001)  # the main thread does nothing meanwhile, so the manager does not know of the end
    done: List[int] = []
    second = Task.start("second", lambda feedback: 2, done.append)
    assert first in tasks._ended and second in tasks._waiting
    wait_for(lambda: done == [2])
    assert not tasks._ended and not tasks._waiting


def test_a_result_is_passed_on_when_the_manager_is_done_with_the_task(qgis_app: Any) -> None:
    done: List[str] = []
    known: List[bool] = []

    def first_done(result: str) -> None:
        known.append(first in QgsApplication.taskManager().tasks())
        done.append(result)
        Task.start("second", lambda feedback: "second", done.append)

    first = Task.start("first", lambda feedback: "first", first_done)
    wait_for(lambda: done == ["first", "second"])
    assert known == [False]


@pytest.mark.long
def test_none_is_lost_beside_map_rendering(qgis_app: Any) -> None:
    """Before, one in a thousand never began: in 3.22, whose tasks share the threads of map rendering, and in 3.40."""
    layer = QgsVectorLayer("Polygon?crs=epsg:4326", "squares", "memory")
    squares = []
    for number in range(300):
        square = QgsFeature()
        low = number / 10
        square.setGeometry(QgsGeometry.fromRect(QgsRectangle(low, low, low + 20, low + 20)))
        squares.append(square)
    assert layer.dataProvider().addFeatures(squares)[0]
    settings = QgsMapSettings()
    settings.setLayers([layer, layer.clone()])
    settings.setOutputSize(QSize(800, 800))
    settings.setExtent(layer.extent())
    chance, done, started, job = random.Random(1), [], 0, None
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if chance.random() < 0.06:
            for _ in range(chance.randint(1, 6)):
                started += 1
                pause = chance.random() / 100
                Task.start(f"task {started}", lambda feedback, s=pause: time.sleep(s), done.append)
        if job is None or not job.isActive():
            job = QgsMapRendererParallelJob(settings)
            job.start()
        QCoreApplication.processEvents()
        time.sleep(0.001)
    wait_for(lambda: len(done) == started, 60)
    assert started > 1000
    job.waitForFinished()
