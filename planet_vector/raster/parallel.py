"""Several tasks at once, their outcomes in order; who stops looking ends them all."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any, Callable, Deque, Generator, Iterable, Optional, Tuple, TypeVar, Union

from planet_vector.errors import PlanetVectorError
from planet_vector.workers import Task, Workers, wait_for

T = TypeVar("T")
R = TypeVar("R")

Alive = Callable[[], None]
"""Called by a task now and then: raises when nobody waits for the task any more."""

AHEAD = 16  # tasks taken on for each connection: one slow file does not hold up the others, nor does memory grow
GRACE = 0.5  # seconds; a task that gets something calls `Alive` well within, one that waits for a service does not


class _Stopped(Exception):
    """Raised in a task that is cancelled."""


def in_parallel(
    task: Callable[[T, Alive], R], items: Iterable[T], connections: int
) -> Generator[Tuple[T, Union[R, PlanetVectorError]], None, None]:
    """Do a task for each item, several at once; yield the items in their order, each with what came of it.

    Closing the iterator, or an exception thrown into it, drops what has not begun and ends what is under way the next
    time it calls its second argument. That is waited for, but not for what does not call it within `GRACE`. An error
    that is not this package's, such as a full disk, ends all and is raised.

    Parameters
    ----------
    task : callable
        Takes an item and `Alive`, to be called when a piece of work is done.
    items : iterable
        Taken one by one, as there is room.
    connections : int
        Tasks under way at once.
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
        # A lock on what is written should not be gone before those who write are.
        pool.join(GRACE)


def _error(future: Task[Any]) -> Optional[PlanetVectorError]:
    """Wait for a task, and return what it failed of, where that is for others to judge."""
    wait_for([future])
    error = future.exception()
    if error is not None and not isinstance(error, PlanetVectorError):
        raise error
    return error
