"""Record each response in the counters and in the access log."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Optional

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from planet_vector.server.api.access_log import AccessLog, log_line
from planet_vector.server.api.metrics import Metrics, route_of


class MonitoredApp:
    """Middleware that counts responses, and writes a line for each to the access log.

    A response is recorded just before its last part is sent, so that a client that has received it finds it recorded.
    The middleware also adds the headers Date and Server-Timing.

    Parameters
    ----------
    app : ASGIApp
        Wrapped application.
    metrics : Metrics
        Counters.
    log : AccessLog, optional
        Access log. Its lines contain no keys or signatures (see `log_line`).
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, log: Optional[AccessLog] = None) -> None:
        self._app = app
        self._metrics = metrics
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and record the response."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        status, sent, noted, start = 0, 0, False, time.perf_counter()

        def note() -> None:
            nonlocal noted
            noted, seconds = True, time.perf_counter() - start
            self._metrics.count(route_of(scope.get("endpoint")), status, seconds, sent)
            if self._log is not None:
                self._log.write(log_line(scope, status, sent, seconds))

        async def watched(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                timing = f"total;dur={1000 * (time.perf_counter() - start):.1f}"  # milliseconds before the response
                added = [(b"date", formatdate(usegmt=True).encode()), (b"server-timing", timing.encode())]
                message = {**message, "headers": [*message["headers"], *added]}
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
