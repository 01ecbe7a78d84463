"""Run the work for an answer in a bounded number of threads, for as long as its client waits.

Each kind of work has a pool of its own, so that expensive requests never take the threads of cheap ones. Requests
beyond a pool's threads wait in the event loop, where they cost little and leave at once when their clients do.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Any, Callable, Deque, TypeVar

from fastapi import Request

from planet_vector.server.http_errors import Refusal
from planet_vector.server.patience import ClientGone, Patience
from planet_vector.workers import Workers

T = TypeVar("T")

MAX_WAITING = 200
"""Requests that wait for a thread of a pool; more are refused."""

MAX_WAIT = 60.0
"""Seconds a request waits for a thread. Clients commonly give up sooner."""


class Pool:
    """Bounded pool of threads with a bounded queue.

    Parameters
    ----------
    name : str
        What the names of the threads begin with.
    threads : int
        Calls that run at once.
    waiting : int
        Calls that wait for a thread.
    """

    def __init__(self, name: str, threads: int, waiting: int = MAX_WAITING) -> None:
        self._threads = threads
        self._most_waiting = waiting
        self._workers = Workers(threads, name)
        self._running = 0
        self._queue: Deque[asyncio.Future[None]] = deque()

    async def run(self, function: Callable[..., T], *args: Any, seconds: float) -> T:
        """Call ``function(*args, patience)`` in a thread, once one is free.

        Cancelling it takes the call out of the queue, or makes its patience end; the thread counts as used until the
        function has ended.

        Raises
        ------
        Refusal
            503, when too many calls wait, or this one has waited too long.
        """
        await self._enter()
        loop = asyncio.get_running_loop()

        def release(_: Any) -> None:
            with contextlib.suppress(RuntimeError):  # the loop may be closed, at the end of the service
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
            if turn.done():  # the turn came at the same moment
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


# Few threads each: they share the processors, and more would only wait for each other and hold more memory.
HEALTH = Pool("health", 2)
"""For ``/healthz`` alone: it answers even when the archive's disk hangs."""

CHEAP = Pool("cheap", 8, 2000)
"""For what takes milliseconds: single scenes, totals, where products lie."""

PAGES = Pool("pages", 4)
"""For pages of searches without an area."""

AREAS = Pool("areas", 4)
"""For areas, and for pages of searches with one."""

PICTURES = Pool("pictures", 4)
"""For thumbnails, tiles and quads. A picture is made in a process; the thread waits for it."""


async def attend(request: Request, function: Callable[..., T], *args: Any, seconds: float, pool: Pool) -> T:
    """Call ``function(*args, patience)`` in a thread of a pool, until its client hangs up.

    The request's body must have been read.

    Parameters
    ----------
    request : Request
        The request that is answered.
    function : callable
        What makes the answer. Its last argument is a `Patience`, which it must ask between pieces of its work.
    *args
        Its other arguments.
    seconds : float
        Time the function may take. Time in the queue does not count.
    pool : Pool
        Whose threads are used.

    Raises
    ------
    ClientGone
        When the client hangs up before the function has ended. The application answers it with nothing.
    Refusal
        503, when the pool is too busy.
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


def _busy() -> Refusal:
    return Refusal(503, "The service is busy with other requests: ask again later.", {"Retry-After": "10"})
