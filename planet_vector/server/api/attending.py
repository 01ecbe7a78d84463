"""Run the work for a response in a thread of a bounded pool, as long as its client waits.

Each kind of work has its own pool, so that expensive requests never use up the threads of cheap ones. If all threads
of a pool are busy, requests wait in the event loop, where they cost little and end at once if the client disconnects.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Any, Callable, Deque, TypeVar

from fastapi import Request

from planet_vector.server.http_errors import HttpError
from planet_vector.server.patience import ClientGone, Patience
from planet_vector.workers import Workers

T = TypeVar("T")

MAX_WAITING = 200
"""Maximum number of requests that wait for a thread of a pool; further ones are refused."""

MAX_WAIT = 60.0
"""Maximum wait for a thread, in seconds. Clients commonly time out sooner."""


class Pool:
    """Bounded pool of threads with a bounded queue.

    Parameters
    ----------
    name : str
        Prefix of the thread names.
    threads : int
        Maximum number of concurrent calls.
    waiting : int
        Maximum number of calls in the queue.
    """

    def __init__(self, name: str, threads: int, waiting: int = MAX_WAITING) -> None:
        self._threads = threads
        self._most_waiting = waiting
        self._workers = Workers(threads, name)
        self._running = 0
        self._queue: Deque[asyncio.Future[None]] = deque()

    async def run(self, function: Callable[..., T], *args: Any, seconds: float) -> T:
        """Call ``function(*args, patience)`` in a thread, as soon as one is free.

        Cancellation removes the call from the queue, or ends its patience. The thread counts as busy until the
        function has returned.

        Parameters
        ----------
        function : callable
            Function to call. Its last argument is a `Patience`.
        *args
            Its other arguments.
        seconds : float
            Time limit of the patience, without the time in the queue.

        Returns
        -------
        object
            Result of the function.

        Raises
        ------
        HttpError
            503, if the queue is full, or the call has waited too long.
        """
        await self._enter()
        loop = asyncio.get_running_loop()

        def release(_: Any) -> None:
            with contextlib.suppress(RuntimeError):  # the loop may be closed when the service stops
                loop.call_soon_threadsafe(self._leave)

        patience = Patience(seconds)
        task = self._workers.submit(function, *args, patience)
        task.add_done_callback(release)
        try:
            return await asyncio.wrap_future(task)
        except asyncio.CancelledError:
            patience.leave()
            raise

    async def _enter(self) -> None:
        if self._running < self._threads:
            self._running += 1
            return
        if len(self._queue) >= self._most_waiting:
            raise _busy()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await asyncio.wait({turn}, timeout=MAX_WAIT)
        except asyncio.CancelledError:
            if turn.done():  # a thread became free at the same moment
                self._leave()
            raise
        finally:
            if not turn.done():
                self._queue.remove(turn)
        if not turn.done():
            raise _busy()

    def _leave(self) -> None:
        if self._queue:
            self._queue.popleft().set_result(None)
        else:
            self._running -= 1


# Few threads per pool: they share the processors, so that more would only wait for each other and use more memory.
HEALTH = Pool("health", 2)
"""Pool for ``/healthz`` only, which answers even if the archive's disk hangs."""

CHEAP = Pool("cheap", 8, 2000)
"""Pool for work that takes milliseconds: single scenes, totals, paths of products."""

PAGES = Pool("pages", 4)
"""Pool for pages of searches without an area."""

AREAS = Pool("areas", 4)
"""Pool for areas, and for pages of searches with an area."""

PICTURES = Pool("pictures", 4)
"""Pool for thumbnails, tiles and quads. A worker process makes the picture; the thread waits for it."""


async def attend(request: Request, function: Callable[..., T], *args: Any, seconds: float, pool: Pool) -> T:
    """Call ``function(*args, patience)`` in a thread of a pool, and cancel it if the client disconnects.

    The body of the request must have been read.

    Parameters
    ----------
    request : Request
        Request to answer.
    function : callable
        Function that makes the response. Its last argument is a `Patience`, which it must check regularly.
    *args
        Its other arguments.
    seconds : float
        Time limit of the function, without the time in the queue.
    pool : Pool
        Pool of threads to use.

    Returns
    -------
    object
        Result of the function.

    Raises
    ------
    ClientGone
        If the client disconnects before the function has returned. The application then sends no response.
    HttpError
        503, if the pool is too busy.
    """
    work = asyncio.ensure_future(pool.run(function, *args, seconds=seconds))
    hang_up = asyncio.ensure_future(_hang_up(request))
    try:
        await asyncio.wait({work, hang_up}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
        raise ClientGone
    finally:
        hang_up.cancel()
        work.cancel()


async def _hang_up(request: Request) -> None:
    """Wait until the client closes its connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _busy() -> HttpError:
    return HttpError(503, "The service is busy with other requests: try again later.", {"Retry-After": "10"})
