"""Run the service: check its options, open its sockets, start and stop its processes and re-scans."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import sys
import threading
from typing import Callable, Optional

from planet_vector.errors import ConfigError
from planet_vector.loading import load_driver
from planet_vector.server.api.basemap_definitions import load_basemaps
from planet_vector.server.api.cors import allowed_origins
from planet_vector.server.api.delivery import Signer
from planet_vector.server.api.hosts import Proxies, allowed_hosts
from planet_vector.server.api.metrics import Metrics
from planet_vector.server.api.permissions import Keys
from planet_vector.server.fault_injection import Faults
from planet_vector.server.http_connections import BACKLOG, most_connections
from planet_vector.server.index.rescans import RescanState, rescan
from planet_vector.server.service_options import ServiceOptions
from planet_vector.server.worker import Work, answer, supervise


def check(options: ServiceOptions) -> None:
    """Check options and the files that they name, before the service starts.

    Parameters
    ----------
    options : ServiceOptions
        Options of the service.

    Raises
    ------
    ConfigError
        If an option is invalid, options conflict, or a file cannot be used.
    """
    if options.key is not None and not options.key.strip():
        raise ConfigError("The key is empty: give one, or leave it out for a service without keys.")
    keys = Keys(options.key, options.keys)
    if not keys.required and not _only_loopback(options.host):
        raise ConfigError(
            f"Without keys the service is restricted to this machine, and cannot listen at {options.host}: "
            "add --keys FILE."
        )
    if options.workers > 1 and (options.faults or options.rate):
        raise ConfigError("Faults and rate limits work with one process only: omit --workers.")
    allowed_hosts(options.host, options.allow_hosts, keys.required)
    Proxies(options.trusted_proxies)
    allowed_origins(options.cors_origins, keys.required)
    most_connections()
    load_basemaps(options.basemaps)
    if options.faults:
        Faults(options.faults)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening TCP socket.

    Parameters
    ----------
    host : str
        Name or address of this machine.
    port : int
        Port; 0 for a free one.

    Raises
    ------
    ConfigError
        If the host is not an address of this machine, or the port is in use or not permitted.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        if sys.platform != "win32":  # on Windows it would let two services share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise _no_address(host) from None
        raise ConfigError(
            f"The service cannot listen at {host}:{port} ({error.strerror}): choose another --port; 0 is a free one."
        ) from None
    return listener


def serve(options: ServiceOptions, ready: Callable[[str], None], state: Optional[RescanState] = None) -> None:
    """Serve until SIGINT or SIGTERM.

    Parameters
    ----------
    options : ServiceOptions
        Options of the service. The index must be up to date.
    ready : callable
        Called once with the root URL of the API, as soon as the service accepts requests.
    state : RescanState, optional
        Result of the update of the index.

    Raises
    ------
    ConfigError
        If the address cannot be used, or a worker process ends during the start.
    """
    state = state or RescanState()
    with contextlib.ExitStack() as stack:
        main = stack.enter_context(contextlib.closing(listen(options.host, options.port)))
        second = stack.enter_context(contextlib.closing(listen(options.host, 0))) if options.redirect else None
        host = f"[{options.host}]" if ":" in options.host else options.host
        root = f"http://{host}:{main.getsockname()[1]}/v0/"
        work = Work(options, main, second, Signer(options.signature_life), Metrics(options.workers), state)
        stop = threading.Event()
        load_driver()
        args = (options.root, options.index, options.rescan, state, stop, options.rules)
        rescans = threading.Thread(target=rescan, args=args, name="rescan", daemon=True)
        if options.rescan:
            rescans.start()
        try:
            if options.workers == 1:
                answer(work, lambda: ready(root))
            else:
                supervise(work, lambda: ready(root))
        finally:
            stop.set()
            if options.rescan:
                rescans.join()


def _only_loopback(host: str) -> bool:
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
    except OSError:
        raise _no_address(host) from None
    return all(ipaddress.ip_address(entry[4][0]).is_loopback for entry in found)


def _no_address(host: str) -> ConfigError:
    return ConfigError(f"{host} is not an address of this machine: choose another --host.")
