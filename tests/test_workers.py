"""Threads that nothing waits for: the interface of an executor, without its hold on the end of a program."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
import weakref
from concurrent.futures import CancelledError, Executor
from typing import Any, List

import pytest

from planet_vector.workers import Task, Workers, wait_for

QUICK = 5.0  # seconds; what waited would wait a minute


class Door:
    """Calls wait within until it is opened."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.opened = threading.Event()

    def wait(self, value: Any = None) -> Any:
        self.entered.release()
        assert self.opened.wait(60)
        return value


@pytest.fixture
def door() -> Any:
    door = Door()
    yield door
    door.opened.set()


def threads(name: str) -> List[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(name)]


def test_results_come_in_order_and_an_error_in_its_place() -> None:
    def divide(number: int, by: int) -> float:
        time.sleep(by / 100)
        return number / by

    with Workers(3) as pool:
        assert isinstance(pool, Executor)
        assert pool.submit(divide, 6, by=3).result() == 2
        assert list(pool.map(divide, [6, 6, 6, 6], [3, 1, 2, 4])) == [2, 6, 3, 1.5]
        found = pool.map(divide, [6, 6, 6], [3, 0, 2])
        assert next(found) == 2
        with pytest.raises(ZeroDivisionError):
            next(found)


def test_leaving_waits_for_all() -> None:
    done: List[int] = []
    with Workers(2, "leaving") as pool:
        for number in range(5):
            pool.submit(lambda number=number: (time.sleep(0.05), done.append(number)))
    assert sorted(done) == list(range(5))
    assert threads("leaving") == []
    with pytest.raises(RuntimeError):
        pool.submit(int)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_leaving_by_an_error_waits_for_nothing(door: Door, error: Any) -> None:
    began = time.monotonic()
    with pytest.raises(error):
        with Workers(2) as pool:
            tasks = [pool.submit(door.wait, number) for number in range(5)]
            door.entered.acquire(timeout=QUICK)
            door.entered.acquire(timeout=QUICK)
            raise error
    assert time.monotonic() - began < QUICK
    assert [task.cancelled() for task in tasks] == [False, False, True, True, True]
    door.opened.set()
    assert [task.result() for task in tasks[:2]] == [0, 1]
    with pytest.raises(CancelledError):
        tasks[2].result()


def test_closing_early_waits_only_if_asked(door: Door) -> None:
    pool = Workers(1, "early")
    tasks = [pool.submit(door.wait) for _ in range(2)]
    door.entered.acquire(timeout=QUICK)
    pool.shutdown(wait=False)
    assert not pool.join(0.05)
    door.opened.set()
    pool.shutdown(wait=True)
    assert pool.join(0)
    assert all(task.done() and not task.cancelled() for task in tasks)
    assert threads("early") == []


def test_as_many_threads_as_there_is_work_for_and_no_more(door: Door) -> None:
    with Workers(3, "needed") as pool:
        for _ in range(20):
            pool.submit(int).result()
            time.sleep(0.002)
        assert len(threads("needed")) == 1  # an idle one is used again
        for _ in range(5):
            pool.submit(door.wait)
        for _ in range(3):
            assert door.entered.acquire(timeout=QUICK)
        assert len(threads("needed")) == 3
        assert not door.entered.acquire(timeout=0.1)
        assert all(thread.daemon for thread in threads("needed"))
        door.opened.set()


def test_a_call_that_waits_holds_up_no_other(door: Door) -> None:
    """A thread is started for each call while there may be more."""
    with Workers(8) as pool:
        held = [pool.submit(door.wait) for _ in range(7)]
        for _ in range(50):
            assert pool.submit(int).result(QUICK) == 0
        assert not any(task.done() for task in held)
        door.opened.set()


def test_waiting_ends_with_the_first_failure(door: Door) -> None:
    with Workers(3) as pool:
        tasks: List[Task[Any]] = [pool.submit(door.wait), pool.submit(int, "none"), pool.submit(int)]
        wait_for(tasks)
        assert [task.done() for task in tasks[:2]] == [False, True]
        door.opened.set()
        wait_for([tasks[0], tasks[2]])
        assert tasks[0].done()
    wait_for([])


def test_nothing_is_kept_of_a_call_that_is_done() -> None:
    class Large:
        pass

    gc.disable()
    try:
        with Workers(1) as pool:
            given, made = Large(), weakref.ref(Large())
            there = weakref.ref(given)
            pool.submit(lambda large: large, given).result()
            with pytest.raises(ZeroDivisionError):
                pool.submit(lambda large: 1 // 0, given).result()
            del given
            time.sleep(0.05)
            assert there() is None
            assert made() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("how", ["", "; raise KeyboardInterrupt", "; sys.exit(3)"])
def test_python_ends_while_calls_wait(how: str) -> None:
    code = f"""
import sys, threading
from planet_vector.workers import Workers
pool = Workers(2)
tasks = [pool.submit(threading.Event().wait, 60) for _ in range(5)]{how}
"""
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert time.monotonic() - began < QUICK
    assert "Exception ignored" not in done.stderr
    assert (done.returncode, done.stderr.strip()[-17:]) in [(0, ""), (3, ""), (-2, "KeyboardInterrupt")]


def test_errors_do_not_hold_themselves() -> None:
    """Else a dataset would stay open until the collector runs."""

    class Failure(Exception):
        pass

    def fail() -> None:
        raise Failure

    gc.collect()
    gc.disable()
    try:
        error = Workers(1).submit(fail).exception()
        assert isinstance(error, Failure)
        there = weakref.ref(error)
        del error
        time.sleep(0.05)
        assert there() is None
    finally:
        gc.enable()
