"""Run several tasks at once, and yield their results in order; closing the iterator cancels the remaining tasks."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any, Callable, Deque, Generator, Iterable, Optional, Tuple, TypeVar, Union

from planet_vector.errors import PlanetVectorError
from planet_vector.workers import Task, Workers, wait_for

T = TypeVar("T")
R = TypeVar("R")

Alive = Callable[[], None]
"""Called by a task now and then; raises an exception once the task is cancelled."""

AHEAD = 16  # tasks queued per connection: one slow file does not block the others, and memory stays bounded
GRACE = 0.5  # seconds; a task that receives data calls `Alive` well within, one that waits for a service does not


class _Stopped(Exception):
    """Raised in a cancelled task."""


def in_parallel(
    task: Callable[[T, Alive], R], items: Iterable[T], connections: int
) -> Generator[Tuple[T, Union[R, PlanetVectorError]], None, None]:
    """Run a task for each item, several at once; yield the items in their order, each with its result or error.

    Closing the iterator, or an exception thrown into it, drops the queued tasks and ends the running ones the next time
    they call their second argument. It waits up to `GRACE` seconds for them. An error that is not this package's, for
    example of a full disk, cancels everything and is raised.

    Parameters
    ----------
    task : callable
        Takes an item and an `Alive`, which it calls after each piece of work.
    items : iterable
        Items; consumed lazily, as tasks finish.
    connections : int
        Tasks that run at once.

    Yields
    ------
    (item, result or PlanetVectorError)
        Each item, with the result of its task or the error that it raised.
    """
    stop = threading.Event()

    def alive() -> None:
        if stop.is_set():
            raise _Stopped

    waiting: Deque[Tuple[T, Task[R]]] = deque()
    pool = Workers(connections)
    try:
        for item in items:
            waiting.append((item, pool.submit(task, item, alive)))
            if len(waiting) >= AHEAD * connections:
                first, future = waiting.popleft()
                yield first, _error(future) or future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, _error(future) or future.result()
    finally:
        stop.set()
        pool.shutdown(wait=False, cancel_futures=True)
        # Locks should outlive the tasks that write under them.
        pool.join(GRACE)


def _error(future: Task[Any]) -> Optional[PlanetVectorError]:
    """Wait for a task, and return its error if the caller should handle it."""
    wait_for([future])
    error = future.exception()
    if error is not None and not isinstance(error, PlanetVectorError):
        raise error
    return error
