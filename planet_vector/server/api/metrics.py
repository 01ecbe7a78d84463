"""What is known of the requests that came: an access log without keys, and counters for Prometheus."""

from __future__ import annotations

import bisect
import contextlib
import ctypes
import errno
import multiprocessing
import os
import sys
import time
from datetime import datetime, timezone
from email.utils import formatdate
from pathlib import Path
from typing import Any, BinaryIO, Dict, List, Optional, Tuple
from urllib.parse import parse_qsl, quote, urlencode

from starlette.types import ASGIApp, Message, Receive, Scope, Send

ROUTES = (
    "scene_types",
    "list_scenes",
    "get_scene",
    "get_product",
    "get_thumbnail",
    "get_tile",
    "list_mosaics",
    "get_mosaic",
    "get_mosaic_tile",
    "get_quadmap",
    "list_quads",
    "get_quad",
    "get_quad_raster",
    "get_quad_thumbnail",
    "list_quad_scenes",
    "login",
    "deliver",
    "other",
)
"""Names of the routes, as the functions that answer them are called."""

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the time an answer took, in seconds: those of Prometheus' own clients."""

_CLASSES = 5  # 1xx to 5xx
_WIDTH = _CLASSES + len(BUCKETS) + 1 + 2  # then the sum of seconds, and of bytes
_SECRET = frozenset({"api_key", "signature"})


class Metrics:
    """Counters of requests, shared by all processes of a service."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._values: Any = context.Array(ctypes.c_double, len(ROUTES) * _WIDTH)

    def count(self, route: str, status: int, seconds: float, sent: int) -> None:
        """Count one answer."""
        start = (ROUTES.index(route) if route in ROUTES else len(ROUTES) - 1) * _WIDTH
        with self._values.get_lock():
            values = self._values.get_obj()
            values[start + min(max(status // 100, 1), _CLASSES) - 1] += 1
            values[start + _CLASSES + bisect.bisect_left(BUCKETS, seconds)] += 1
            values[start + _WIDTH - 2] += seconds
            values[start + _WIDTH - 1] += sent

    def text(self, totals: Dict[str, int]) -> str:
        """Return the counters in the text format of Prometheus, version 0.0.4.

        Parameters
        ----------
        totals : dict of str to int
            Scenes in the index, by type.
        """
        with self._values.get_lock():
            values = list(self._values.get_obj())
        requests, times, sizes = [], [], []
        for number, route in enumerate(ROUTES):
            row = values[number * _WIDTH : (number + 1) * _WIDTH]
            if not any(row):
                continue
            for status in range(_CLASSES):
                if row[status]:
                    requests.append(
                        f'planet_requests_total{{route="{route}",status="{status + 1}xx"}} {row[status]:.0f}'
                    )
            below = 0.0
            for bound, count in zip([*map(str, BUCKETS), "+Inf"], row[_CLASSES:-2]):
                below += count
                times.append(f'planet_request_seconds_bucket{{route="{route}",le="{bound}"}} {below:.0f}')
            times.append(f'planet_request_seconds_sum{{route="{route}"}} {row[-2]:.6f}')
            times.append(f'planet_request_seconds_count{{route="{route}"}} {below:.0f}')
            sizes.append(f'planet_sent_bytes_total{{route="{route}"}} {row[-1]:.0f}')
        scenes = [f'planet_scenes{{type="{name}"}} {count}' for name, count in totals.items()]
        return "".join(
            _family("planet_requests_total", "counter", "Requests answered.", requests)
            + _family("planet_request_seconds", "histogram", "Time from a request to the end of its answer.", times)
            + _family("planet_sent_bytes_total", "counter", "Bytes of bodies sent.", sizes)
            + _family("planet_scenes", "gauge", "Scenes in the index.", scenes)
        )


class MonitoredApp:
    """Middleware that counts answers, and writes a line of the access log about each.

    Both are done just before an answer's last piece is sent, so that whoever has the answer finds it noted.

    Parameters
    ----------
    app : ASGIApp
        What is wrapped.
    metrics : Metrics
        Where answers are counted.
    log : AccessLog, optional
        Where lines go, in the combined format with the seconds at the end; no key, no signature is in them.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, log: Optional[AccessLog] = None) -> None:
        self._app = app
        self._metrics = metrics
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and note it."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        status, sent, noted, start = 0, 0, False, time.perf_counter()

        def note() -> None:
            nonlocal noted
            noted, seconds = True, time.perf_counter() - start
            self._metrics.count(getattr(scope.get("endpoint"), "__name__", "other"), status, seconds, sent)
            if self._log is not None:
                self._log.write(_line(scope, status, sent, seconds))

        async def watched(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                told = f"total;dur={1000 * (time.perf_counter() - start):.1f}"  # milliseconds until the answer began
                said = [(b"date", formatdate(usegmt=True).encode()), (b"server-timing", told.encode())]
                message = {**message, "headers": [*message["headers"], *said]}
            else:
                sent += len(message.get("body", b"")) if scope["method"] != "HEAD" else 0
                if not noted and not message.get("more_body", False):
                    note()
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except BaseException:
            status = status or 500
            raise
        finally:
            if not noted:
                note()


class AccessLog:
    """File that lines are appended to, each as a whole; what cannot be written is lost, and holds nobody up.

    Parameters
    ----------
    path : Path
        The file; ``-`` is standard error.
    """

    def __init__(self, path: Path) -> None:
        self._name = "on standard error" if str(path) == "-" else str(path)
        # Without a buffer: what a full disk did not take would stand before what comes later, and be torn again.
        place: Any = sys.stderr.fileno() if str(path) == "-" else path
        self._file: BinaryIO = open(place, "ab", buffering=0, closefd=place is path)
        self._torn = False  # whether the last line has no end
        self._lost = 0

    def write(self, line: str) -> None:
        """Append a line of ASCII. If it cannot be written, that is told on standard error once, until it can."""
        data = memoryview((b"\n" if self._torn else b"") + line.encode("ascii"))
        try:
            while data:
                written = self._file.write(data)
                if written is None:  # a pipe that is full, and not to be waited for
                    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
                self._torn, data = True, data[written:]
        except OSError as error:
            if not self._lost:
                _tell(f"The access log {self._name} cannot be written ({error.strerror}): lines are lost until it can.")
            self._lost += 1
            return
        self._torn = False
        if self._lost:
            _tell(f"The access log {self._name} can be written again; {self._lost} lines are lost.")
            self._lost = 0

    def close(self) -> None:
        """Close the file; standard error stays open."""
        self._file.close()


def _tell(message: str) -> None:
    with contextlib.suppress(OSError):  # standard error may be what cannot be written: then nobody can be told
        print(message, file=sys.stderr, flush=True)


def _line(scope: Scope, status: int, sent: int, seconds: float) -> str:
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    client = scope["client"][0] if scope.get("client") else "-"
    key = quote(str(scope.get("planet_vector.key", "-")), safe="-_.") or "-"
    moment = datetime.now(timezone.utc).strftime("%d/%b/%Y:%H:%M:%S +0000")
    query = _without_secrets(scope["query_string"].decode("latin-1"))
    target = quote(scope["path"], safe="/:@!$&'()*+,;=-._~") + (f"?{query}" if query else "")
    agent = quote(headers.get(b"user-agent", "-"), safe=" /:;()+,.=-_")
    span = quote(headers.get(b"range", "-"), safe="=,-")
    return (
        f'{client} - {key} [{moment}] "{scope["method"]} {target} HTTP/{scope["http_version"]}" {status} {sent} '
        f'"{span}" "{agent}" {seconds:.4f}\n'
    )


def _without_secrets(query: str) -> str:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=200)
    except ValueError:
        return "..."
    kept = [(n, "..." if n.strip().lower() in _SECRET else v[:500]) for n, v in pairs]
    return urlencode(kept, safe=":,()")


def _family(name: str, kind: str, told: str, lines: List[str]) -> Tuple[str, ...]:
    return (f"# HELP {name} {told}\n# TYPE {name} {kind}\n", *(line + "\n" for line in lines))
