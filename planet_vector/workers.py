"""Daemon threads that wait for the network and for GDAL, and that do not delay the end of the program.

Python joins the threads of `concurrent.futures.ThreadPoolExecutor` before it exits, so that Ctrl-C would end a program
only after the last response. Daemon threads are not joined. Files that they write must be complete under their final
name at any moment.

The main thread waits in short turns: before Python 3.14, Ctrl-C does not interrupt a wait for a lock on Windows.
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
    """Future whose `result` can be interrupted by Ctrl-C."""

    def __init__(self) -> None:
        super().__init__()
        self._process = os.getpid()

    def result(self, timeout: Optional[float] = None) -> T:
        """Return the result, or raise the exception, of the call.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait; None for no limit.

        Returns
        -------
        object
            The result.

        Raises
        ------
        RuntimeError
            In a process that was forked after the call was submitted: its thread does not exist there.
        """
        try:
            if timeout is None:
                self._check_process()
                while not self.done():
                    with suppress(CancelledError, TimeoutError):
                        self.exception(_TURN)  # unlike `result`, raises these only for the wait itself
            return super().result(timeout)
        finally:
            del self  # avoids a reference cycle of an error and this frame

    def _check_process(self) -> None:
        if self._process != os.getpid():  # its lock may never be released
            raise RuntimeError("the call was submitted before the process was forked: submit it again")


def wait_for(tasks: Iterable[Task[Any]]) -> None:
    """Wait until all tasks are done, or one has failed.

    Parameters
    ----------
    tasks : iterable of Task
        The tasks.

    Raises
    ------
    RuntimeError
    As for `Task.result`.
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
    """Executor of daemon threads, which are started on demand and reused.

    Leaving a ``with`` block waits for all calls. Leaving it by an exception, such as KeyboardInterrupt, cancels calls
    that have not begun, and does not wait for the others.

    Parameters
    ----------
    most : int
        Maximum number of threads.
    name : str
        Beginning of the threads' names.

    Raises
    ------
    ValueError
        If `most` is less than 1.
    """

    def __init__(self, most: int, name: str = "planet_vector") -> None:
        if most < 1:
            raise ValueError("at least one worker is needed")
        self._most = most
        self._name = name
        self._closed = False
        self._renew()
        renew_after_fork(self._renew)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Task[T]:
        """Call a function in a thread, and return the future of its result.

        Parameters
        ----------
        fn : callable
            The function.
        *args, **kwargs : object
            Its arguments.

        Returns
        -------
        Task
            The future.

        Raises
        ------
        RuntimeError
            After `shutdown`.
        """
        task: Task[T] = Task()
        self.run_as(task, fn, *args, **kwargs)
        return task

    def run_as(self, task: Task[T], fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> None:
        """Call a function as `submit` does, with a given future.

        Ctrl-C within `submit` would lose the future of a running call.

        Parameters
        ----------
        task : Task
            The future of the result.
        fn : callable
            The function.
        *args, **kwargs : object
            Its arguments.

        Raises
        ------
        RuntimeError
            After `shutdown`.
        """
        call = _Call(task, fn, args, kwargs)
        with self._lock:
            if self._closed:
                raise RuntimeError("cannot submit a call after shutdown")
            if self._idle:
                self._idle.pop().put(call)  # the last used thread, to reuse what GDAL caches by thread
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
        """Accept no more calls, and end the threads after the submitted calls.

        Parameters
        ----------
        wait : bool, optional
            Whether to wait for the threads.
        cancel_futures : bool, optional
            Whether to cancel calls that have not begun.
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
                call.task.set_running_or_notify_cancel()  # notifies `wait` and `as_completed`
        if wait:
            self.join()

    def join(self, timeout: Optional[float] = None) -> bool:
        """Wait for the threads to end after `shutdown`.

        Parameters
        ----------
        timeout : float, optional
            Maximum wait in seconds; None for no limit.

        Returns
        -------
        bool
            Whether all threads have ended.
        """
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
        finally:  # also after an interrupted wait
            self.shutdown(wait=False, cancel_futures=True)

    def _renew(self) -> None:
        # A plain lock: Ctrl-C can interrupt a Condition between acquiring and entering it.
        self._lock = threading.Lock()
        self._threads: List[threading.Thread] = []
        self._idle: List[SimpleQueue[Optional[_Call]]] = []
        self._waiting: Deque[_Call] = deque()

    def _work(self, calls: SimpleQueue[Optional[_Call]]) -> None:
        call = calls.get()
        while call is not None:
            call.run()
            call = None  # frees arguments and result while the thread waits
            with self._lock:
                if self._waiting:
                    call = self._waiting.popleft()
                elif self._closed:
                    return
                else:
                    self._idle.append(calls)
            if call is None:
                call = calls.get()
