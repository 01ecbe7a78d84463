"""Processes that answer requests: a single one, or several under a supervisor."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import multiprocessing
import multiprocessing.connection
import signal
import socket
import threading
from typing import Any, Callable, Iterator, List, NamedTuple, Optional

import uvicorn

from planet_vector.errors import ConfigError
from planet_vector.loading import load_driver
from planet_vector.server.api.access_log import AccessLog
from planet_vector.server.api.app import create_app
from planet_vector.server.api.basemap_definitions import load_basemaps
from planet_vector.server.api.cors import CorsApp, Origins, allowed_origins, refusal_headers
from planet_vector.server.api.delivery import Signer, create_delivery
from planet_vector.server.api.hosts import HostsApp, Proxies, allowed_hosts
from planet_vector.server.api.item_paths import ItemPathsApp
from planet_vector.server.api.metrics import Metrics
from planet_vector.server.api.monitoring import MonitoredApp
from planet_vector.server.api.permissions import Keys
from planet_vector.server.api.service import Service
from planet_vector.server.fault_injection import Faults, FaultyApp
from planet_vector.server.http_connections import (
    ACCEPTED_AT_ONCE,
    BACKLOG,
    IDLE_SECONDS,
    HttpConnection,
    HttpConnections,
    most_connections,
)
from planet_vector.server.imagery.kept_pictures import Imagery
from planet_vector.server.index.database import Index
from planet_vector.server.index.rescans import RescanState
from planet_vector.server.service_options import ServiceOptions

GRACE = 5  # seconds that a stop waits for responses under way
_RENEWAL = 1.0  # interval of checks whether the index file was replaced, in seconds


class Work(NamedTuple):
    """Arguments of a worker process; the sockets are shared by all workers.

    Attributes
    ----------
    main : socket
        Listening socket of the API.
    second : socket, optional
        Listening socket of the delivery origin; None without redirects.
    """

    options: ServiceOptions
    main: socket.socket
    second: Optional[socket.socket]
    signer: Signer
    metrics: Metrics
    rescans: RescanState


def answer(work: Work, ready: Callable[[], None]) -> None:
    """Answer requests in this process until SIGINT or SIGTERM.

    Parameters
    ----------
    work : Work
        Options, sockets and shared state.
    ready : callable
        Called once, as soon as requests are accepted.
    """
    asyncio.run(_answer(work, ready))


def supervise(work: Work, ready: Callable[[], None]) -> None:
    """Answer requests in several processes until SIGINT or SIGTERM; a process that dies is replaced.

    Parameters
    ----------
    work : Work
        Options, sockets and shared state.
    ready : callable
        Called once, as soon as all processes accept requests.

    Raises
    ------
    ConfigError
        If a process ends before it accepts requests.
    """
    context = multiprocessing.get_context("spawn")
    waiting = context.Semaphore(0)

    def start(number: int) -> Any:
        share = work._replace(metrics=work.metrics.of(number))
        process = context.Process(target=_child, args=(share, waiting), name="planet-vector worker")
        process.start()
        return process

    stop = threading.Event()
    with _stopping(stop.set):
        processes = [start(number) for number in range(work.options.workers)]
        try:
            for _ in processes:
                while not waiting.acquire(timeout=0.2) and not stop.is_set():
                    if not all(process.is_alive() for process in processes):
                        raise ConfigError("A process of the service ended during the start: see the error above.")
            if not stop.is_set():
                ready()
            while not stop.is_set():
                # Signals do not interrupt the wait on all platforms, hence the timeout.
                multiprocessing.connection.wait([process.sentinel for process in processes], timeout=0.5)
                dead = [process for process in processes if not process.is_alive()]
                if dead and not stop.wait(1.0):  # delay the restart: the cause may persist for a moment
                    processes = [start(n) if process in dead else process for n, process in enumerate(processes)]
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.join()


def _child(work: Work, waiting: Any) -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    load_driver()  # before threads that make pictures start, as `run.serve` does in the main process

    def ready() -> None:
        waiting.release()
        threading.Thread(target=follow, daemon=True).start()

    def follow() -> None:
        # End with the supervisor: an orphaned worker would occupy the port.
        multiprocessing.connection.wait([parent.sentinel])
        signal.raise_signal(signal.SIGTERM)

    answer(work, ready)


async def _answer(work: Work, ready: Callable[[], None]) -> None:
    options = work.options
    index = Index(options.index, options.exact_ties)
    service = Service(
        options.root,
        index,
        Imagery(options.root, options.index.with_suffix(".pictures")),
        Keys(options.key, options.keys),
        work.signer if work.second else None,
        work.second.getsockname()[1] if work.second else None,
        load_basemaps(options.basemaps),
        work.metrics,
        work.rescans,
        work.signer,
        options.activation_delay,
    )
    api = create_app(service)
    faults = Faults(options.faults) if options.faults else None
    log = AccessLog(options.access_log) if options.access_log else None
    hosts = allowed_hosts(options.host, options.allow_hosts, service.keys.required)
    proxies = Proxies(options.trusted_proxies)
    connections = HttpConnections(most_connections())
    # A redirected request of a page has the origin "null", so the second origin allows all. Its signed addresses are
    # secrets, which a page gets only if it may read responses of the first origin.
    origins = {"api": allowed_origins(options.cors_origins, service.keys.required), "delivery": Origins(None)}

    def server(app: Any, origin: str) -> _Server:
        faulty = FaultyApp(app, origin, faults, options.latency, options.rate if origin == "api" else 0.0)
        # Hosts are checked first, which blocks DNS rebinding.
        answering = HostsApp(CorsApp(ItemPathsApp(faulty), origins[origin]), hosts, proxies)
        protocol = functools.partial(HttpConnection, connections, refusal_headers(origins[origin]))
        return _Server(_config(MonitoredApp(answering, work.metrics, log), protocol))

    servers = [(server(api, "api"), work.main)]
    if work.second is not None:
        servers.append((server(create_delivery(options.root, index, work.signer), "delivery"), work.second))

    def stop() -> None:
        for running, _ in servers:
            running.should_exit = True

    with _stopping(stop):
        tasks = [asyncio.ensure_future(running.serve(sockets=[listener])) for running, listener in servers]
        for running, listener in servers:
            await running.answers.wait()
            listener.listen(BACKLOG)  # asyncio has reduced it to `ACCEPTED_AT_ONCE`
        watches = [asyncio.ensure_future(connections.watch()), asyncio.ensure_future(_renew(index))]
        for watch in watches:
            watch.add_done_callback(lambda _: stop())  # it ends only if it fails
        ready()
        await asyncio.gather(*tasks)
        for watch in watches:
            if not watch.cancel():
                watch.result()
    service.imagery.close()
    index.close()
    if log is not None:
        log.close()


async def _renew(index: Index) -> None:
    """Renew the index regularly, so that an idle process, too, notices a replaced file."""
    while True:
        await asyncio.sleep(_RENEWAL)
        await asyncio.to_thread(index.renew)


class _Server(uvicorn.Server):
    """Server that reports when it is ready and installs no signal handlers."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.answers = asyncio.Event()

    async def startup(self, sockets: Optional[List[socket.socket]] = None) -> None:
        await super().startup(sockets)
        self.answers.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(app: Any, protocol: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app, http=protocol, ws="none", lifespan="off", log_config=None, access_log=False, server_header=False,
        date_header=False,  # `MonitoredApp` adds the time of the response
        log_level="error",  # warnings about unreadable requests would fill disks
        proxy_headers=False,  # `HostsApp` reads them
        backlog=ACCEPTED_AT_ONCE, timeout_keep_alive=IDLE_SECONDS, timeout_graceful_shutdown=GRACE,
    )  # fmt: skip


@contextlib.contextmanager
def _stopping(stop: Callable[[], Any]) -> Iterator[None]:
    """Call `stop` on SIGINT or SIGTERM, if this is the main thread (other threads receive no signals)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: stop()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
