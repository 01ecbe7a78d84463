"""Threads that wait for the network and for GDAL, and that no program waits for when it ends.

Python joins the threads of `concurrent.futures.ThreadPoolExecutor` before it exits, so that Ctrl-C would end a program
only once the last request was answered. These are daemon threads, which it leaves behind. What they write must be
complete under its name at any moment.

The main thread waits in short turns: before Python 3.14, Ctrl-C does not end a wait for a lock on Windows.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from concurrent.futures import FIRST_EXCEPTION, CancelledError, Executor, Future, TimeoutError, wait
from contextlib import suppress
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Callable, Deque, Iterable, List, NamedTuple, Optional, Type, TypeVar

from planet_vector.forking import renew_after_fork

T = TypeVar("T")

_TURN = 0.2  # seconds


class Task(Future[T]):
    """A future whose result is waited for so that Ctrl-C ends the wait."""

    def __init__(self) -> None:
        super().__init__()
        self._process = os.getpid()

    def result(self, timeout: Optional[float] = None) -> T:
        """Return the result, or raise the exception, of the call.

        Raises
        ------
        RuntimeError
            In a process that was forked after the call was submitted: the thread that runs it is not there.
        """
        try:
            if timeout is None:
                self._check_process()
                while not self.done():
                    with suppress(CancelledError, TimeoutError):
                        self.exception(_TURN)  # other than `result`, it only raises these for the wait itself
            return super().result(timeout)
        finally:
            del self  # else an error, which holds this frame, would hold itself

    def _check_process(self) -> None:
        if self._process != os.getpid():  # its lock may be held for ever
            raise RuntimeError("this was begun before the process was forked and its threads are not here: begin anew")


def wait_for(tasks: Iterable[Task[Any]]) -> None:
    """Wait until all of some tasks are done, or one has failed.

    Raises
    ------
    RuntimeError
        As `Task.result`.
    """
    awaited = list(tasks)
    for task in awaited:
        task._check_process()
    while True:
        pending = [task for task in awaited if not task.done()]
        if not pending or any(task.done() and not task.cancelled() and task.exception() for task in awaited):
            return
        wait(pending, _TURN, FIRST_EXCEPTION)


class _Call(NamedTuple):
    task: Task[Any]
    function: Callable[..., Any]
    args: Any
    kwargs: Any

    def run(self) -> None:
        if self.task.set_running_or_notify_cancel():
            try:
                result = self.function(*self.args, **self.kwargs)
            except BaseException as error:
                self.task.set_exception(error)
                del self  # as in `Task.result`
            else:
                self.task.set_result(result)


class Workers(Executor):
    """Executor of daemon threads, started as they are needed and used again.

    Leaving a ``with`` block waits for all calls. Leaving it by an exception, such as KeyboardInterrupt, cancels those
    that have not begun, and does not wait for those that have.

    Parameters
    ----------
    most : int
        Threads at once.
    name : str
        What the names of the threads begin with.
    """

    def __init__(self, most: int, name: str = "planet_vector") -> None:
        if most < 1:
            raise ValueError("there must be a worker")
        self._most = most
        self._name = name
        self._closed = False
        self._renew()
        renew_after_fork(self._renew)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Task[T]:
        """Have a function called in a thread, and return the future of its result.

        Raises
        ------
        RuntimeError
            After `shutdown`.
        """
        task: Task[T] = Task()
        self.run_as(task, fn, *args, **kwargs)
        return task

    def run_as(self, task: Task[T], fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> None:
        """Have a function called as `submit` does, with a future that its user had before.

        Ctrl-C within `submit` leaves its user without the future of a call that is under way.
        """
        call = _Call(task, fn, args, kwargs)
        with self._lock:
            if self._closed:
                raise RuntimeError("cannot submit a call after shutdown")
            if self._idle:
                self._idle.pop().put(call)  # the last one to be used: what GDAL keeps for a thread is used again
            elif len(self._threads) < self._most:
                calls: SimpleQueue[Optional[_Call]] = SimpleQueue()
                calls.put(call)
                name = f"{self._name}_{len(self._threads)}"
                thread = threading.Thread(target=self._work, args=(calls,), name=name, daemon=True)
                thread.start()
                self._threads.append(thread)
            else:
                self._waiting.append(call)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls, and free the threads once those submitted have ended.

        Parameters
        ----------
        wait : bool
            Whether to wait for that.
        cancel_futures : bool
            Whether to cancel the calls that have not begun.
        """
        with self._lock:
            self._closed = True
            dropped = list(self._waiting) if cancel_futures else []
            if cancel_futures:
                self._waiting.clear()
            while self._idle:
                self._idle.pop().put(None)
        for call in dropped:
            if call.task.cancel():
                call.task.set_running_or_notify_cancel()  # for those who wait for several
        if wait:
            self.join()

    def join(self, timeout: Optional[float] = None) -> bool:
        """Wait for the threads to end after `shutdown`, for some seconds at the most; tell whether they have."""
        end = None if timeout is None else time.monotonic() + timeout
        for thread in list(self._threads):
            while thread.is_alive():
                left = _TURN if end is None else min(_TURN, end - time.monotonic())
                if left <= 0:
                    return False
                thread.join(left)
        return True

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        try:
            if kind is None:
                self.shutdown()
        finally:  # also when waiting was interrupted
            self.shutdown(wait=False, cancel_futures=True)

    def _renew(self) -> None:
        # A lock as it is, not a Condition: entering one cannot be interrupted between taking and holding it.
        self._lock = threading.Lock()
        self._threads: List[threading.Thread] = []
        self._idle: List[SimpleQueue[Optional[_Call]]] = []
        self._waiting: Deque[_Call] = deque()

    def _work(self, calls: SimpleQueue[Optional[_Call]]) -> None:
        call = calls.get()
        while call is not None:
            call.run()
            call = None  # neither its arguments nor its result are kept while this waits
            with self._lock:
                if self._waiting:
                    call = self._waiting.popleft()
                elif self._closed:
                    return
                else:
                    self._idle.append(calls)
            if call is None:
                call = calls.get()
