"""HTTP connections with limits on number and time, so that idle or stalled clients cannot block others.

A connection either waits for its request (not yet received, or only in part, body included) or is being answered.
A connection that waits too long is closed. A connection whose client reads nothing of the response is aborted. If the
limit of open connections is reached, the one that has waited longest is closed for a new one.
"""

from __future__ import annotations

import asyncio
import http
import json
import re
import sys
from email.utils import formatdate
from typing import Any, Dict, List, NoReturn, Optional, Sequence, Set, Tuple, cast

import h11
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from planet_vector.errors import ConfigError

HEAD_SECONDS = 20.0
"""Time for the head of a request, from its first byte on, and for the rest of a body after its response."""

IDLE_SECONDS = 65
"""Time a connection may be idle. It exceeds the keep-alive time of clients, which therefore close connections first."""

STALL_SECONDS = 120.0
"""Time in which a client may read nothing of a response before the connection is aborted."""

LINGER_SECONDS = 2.0
"""Time to drain data that a client sends after a refusal. Closing at once would reset the connection and lose the
refusal."""

MAX_HEAD = 64 * 2**10
"""Maximum bytes of a request's head. An area of 500 positions, for which GET is suitable, takes less than half."""

MAX_CONNECTIONS = 4000
"""Maximum connections of a process, if the limit of open files allows. Each may hold a head and an open file."""

RESERVE = 200
"""Open files reserved beside the connections: the index in each thread, pipes to processes, logs, listeners, and
connections accepted in one iteration of the event loop, before any of them can be refused."""

MIN_CONNECTIONS = 20
"""Minimum number of connections that the limit of open files must leave."""

BACKLOG = 2048
"""Connections that the system queues until they are accepted."""

ACCEPTED_AT_ONCE = 32
"""Connections accepted in one iteration of the event loop; `RESERVE` has files for three iterations."""

LOOK_SECONDS = 1.0
"""Interval of the checks of all connections."""

_QUOTED = re.compile(r":? \(?(?:bytearray\()?b['\"]")


def most_connections() -> int:
    """Return the maximum number of connections, after raising the limit of open files as far as needed.

    Each connection counts as two files: its socket and the file that its response sends.

    Raises
    ------
    ConfigError
        If the limit of open files leaves fewer than `MIN_CONNECTIONS`.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return MAX_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = RESERVE + 2 * MAX_CONNECTIONS  # below 10240, the maximum of macOS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    most = MAX_CONNECTIONS if soft == resource.RLIM_INFINITY else min(MAX_CONNECTIONS, (soft - RESERVE) // 2)
    if most < MIN_CONNECTIONS:
        needed = RESERVE + 2 * MIN_CONNECTIONS
        raise ConfigError(f"A process may open {soft} files here, and the service needs {needed}: raise ulimit -n.")
    return most


class HttpConnections:
    """Connections of a process, for all its origins; connections that wait too long are closed.

    Parameters
    ----------
    most : int
        Maximum number of open connections.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: Set[HttpConnection] = set()
        self._waiting: Dict[HttpConnection, None] = {}  # without a complete request, longest wait first

    def enter(self, connection: HttpConnection) -> bool:
        """Add a new connection that waits for its request, closing the longest waiting one if the limit is reached.

        Parameters
        ----------
        connection : HttpConnection
            The new connection.

        Returns
        -------
        bool
            False if there is no room.
        """
        if len(self._open) >= self._most:
            # A waiting connection that still sends a response to a slow client is kept.
            longest = next((other for other in self._waiting if not other.left()), None)
            if longest is None:
                return False
            self.leave(longest)
            longest.transport.abort()
        self._open.add(connection)
        self.wait(connection)
        return True

    def wait(self, connection: HttpConnection) -> None:
        """Mark a connection as waiting for a request, from now on.

        Parameters
        ----------
        connection : HttpConnection
            The connection. Ignored if it is no longer open.
        """
        self._waiting.pop(connection, None)
        if connection in self._open:
            self._waiting[connection] = None

    def answer(self, connection: HttpConnection) -> None:
        """Mark a connection as being answered.

        Parameters
        ----------
        connection : HttpConnection
            Connection with a complete request.
        """
        self._waiting.pop(connection, None)

    def leave(self, connection: HttpConnection) -> None:
        """Remove a connection.

        Parameters
        ----------
        connection : HttpConnection
            Connection that is closed. Ignored if it was removed before.
        """
        self._open.discard(connection)
        self._waiting.pop(connection, None)

    async def watch(self) -> NoReturn:
        """Check all connections every second, and close the overdue ones; never returns.

        Returns
        -------
        NoReturn
            Ends only by cancellation.
        """
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = loop.time()
            for connection in list(self._waiting):
                connection.end_wait(now)
            for connection in list(self._open):
                connection.end_stall(now)


class HttpConnection(H11Protocol):
    """Connection with time limits, which refuses ambiguous requests (see `_RequestParser`).

    Parameters
    ----------
    connections : HttpConnections
        All connections of the process.
    headers : sequence of tuple of bytes
        Headers (name, value) of refusals that are sent before a request can be read.
    **options
        Options of uvicorn's `H11Protocol`.
    """

    def __init__(
        self, connections: HttpConnections, headers: Sequence[Tuple[bytes, bytes]] = (), **options: Any
    ) -> None:
        super().__init__(**options)
        self.conn: _RequestParser = _RequestParser(h11.SERVER, MAX_HEAD)
        self.app = cast(Any, self._until_it_is_lost(cast(ASGIApp, self.app)))
        self._connections = connections
        self._refusal_headers = list(headers)
        self._since = 0.0  # start of the wait for a request
        self._begun: Optional[float] = None  # arrival of the first byte of that request
        self._refused = False
        self._lost = False
        self._resumed = 0  # number of times that writing resumed
        self._left: Tuple[int, int] = (0, 0)  # (resumed, unsent bytes) at the last check
        self._moved = 0.0  # time of the last change of these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register the connection, or refuse it with 503 if there is no room.

        Parameters
        ----------
        transport : asyncio.BaseTransport
            Transport of the new connection.
        """
        super().connection_made(cast(asyncio.Transport, transport))
        self._since = self.loop.time()
        if not self._connections.enter(self):
            self._refuse(503, "The service has too many connections: try again later.", (b"retry-after", b"10"))
            self.transport.close()  # at once: its file descriptor is needed

    def connection_lost(self, exc: Optional[Exception]) -> None:
        """Remove the connection, and end the response under way.

        Parameters
        ----------
        exc : Exception or None
            Error that closed the connection; None if it was closed or aborted regularly.
        """
        self._lost = True
        self._connections.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse received data, and track when a request begins and when it is complete.

        Parameters
        ----------
        data : bytes
            Received bytes. Ignored after a refusal.
        """
        if self._refused:
            return
        if self._begun is None:
            self._begun = self.loop.time()
        super().data_received(data)
        if self._is_answered():
            # While its body arrives, a request is incomplete: its connection may be closed for a new one.
            if self.conn.their_state is not h11.SEND_BODY:
                self._connections.answer(self)
        elif not self._has_begun():
            self._begun = None

    def on_response_complete(self) -> None:
        """Wait for the next request, unless it has arrived already."""
        super().on_response_complete()
        if self._is_answered():
            return
        self._since = self.loop.time()
        self._begun = self._since if self._has_begun() else None
        self._connections.wait(self)

    def resume_writing(self) -> None:
        """Count that the client has read enough for writing to go on."""
        self._resumed += 1
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Refuse an unreadable request with a JSON body, like all refusals.

        Parameters
        ----------
        msg : str
            Reason, used if the parser has raised no error.
        """
        error = self.conn.error or h11.RemoteProtocolError(msg)
        reason = _QUOTED.split(str(error))[0]  # drop quoted input, which may contain a key
        self._refuse(error.error_status_hint, f"The request cannot be read: {reason}.")

    def left(self) -> int:
        """Return the number of bytes of responses that the client has not read."""
        size = self.transport.get_write_buffer_size()
        return size + _unsent(self.transport) if size else 0

    def end_wait(self, now: float) -> None:
        """Close the connection if it has waited for a request for too long.

        Parameters
        ----------
        now : float
            Time of the event loop, in seconds.
        """
        if self._refused:
            if now - self._since > LINGER_SECONDS:
                self.transport.abort()
        elif self._is_answered():
            return  # the reader of the body has a time limit of its own
        elif self._begun is not None and now - self._begun > HEAD_SECONDS:
            self._refuse(408, f"The request did not come within {HEAD_SECONDS:g} s.")
        elif now - self._since > IDLE_SECONDS:
            self._connections.answer(self)
            self.transport.close()

    def end_stall(self, now: float) -> None:
        """Abort the connection if its client has read nothing for too long.

        Parameters
        ----------
        now : float
            Time of the event loop, in seconds.
        """
        size = self.left()
        if not size or (self._resumed, size) != self._left:
            self._left, self._moved = (self._resumed, size), now
        elif now - self._moved > STALL_SECONDS:
            self.transport.abort()

    def _is_answered(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _has_begun(self) -> bool:
        """Return whether part of a request has arrived, or part of a body whose response is complete."""
        return self.conn.their_state is not h11.IDLE or bool(self.conn.trailing_data[0])

    def _refuse(self, status: int, message: str, *headers: Tuple[bytes, bytes]) -> None:
        """Send a refusal if no response has begun, and close the connection."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):  # a response has begun or is complete
            self._connections.answer(self)
            if self._is_answered():
                self.transport.abort()
            else:
                self.transport.close()
            return
        if self._is_answered():  # the body of the request is unreadable
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        body = json.dumps({"message": message, "errors": []}).encode()
        head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        head += [
            (b"connection", b"close"),
            (b"cache-control", b"no-store"),
            (b"date", formatdate(usegmt=True).encode()),
        ]
        head += [*self._refusal_headers, *headers]
        reason = http.HTTPStatus(status).phrase.encode()
        for event in (h11.Response(status_code=status, headers=head, reason=reason), h11.Data(data=body)):
            self.transport.write(self.conn.send(event) or b"")
        self.conn.send(h11.EndOfMessage())
        self.transport.write_eof()
        self.flow.resume_reading()
        self._refused, self._since = True, self.loop.time()
        self._connections.wait(self)

    def _until_it_is_lost(self, app: ASGIApp) -> ASGIApp:
        """Return an application that stops when the connection is lost, instead of reading a file to its end."""

        async def run(scope: Scope, receive: Receive, send: Send) -> None:
            async def sent(message: Message) -> None:
                if self._lost:
                    raise _LostError
                await send(message)

            try:
                await app(scope, receive, sent)
            except Exception as error:
                if not _is_loss(error):
                    raise
            except asyncio.CancelledError:  # the service stops, and its grace period is over
                self.cycle.disconnected = True
                self.transport.abort()

        return run


class _LostError(Exception):
    """Raised to end the response of a client that has disconnected."""


def _is_loss(error: BaseException) -> bool:
    """Return whether an error is a `_LostError`, also within the groups that task groups raise (anyio 4)."""
    within: Sequence[BaseException] = getattr(error, "exceptions", ())
    return isinstance(error, _LostError) or (bool(within) and all(map(_is_loss, within)))


class _RequestParser(h11.Connection):
    """Parser that refuses requests whose length is ambiguous (request smuggling; RFC 9112, section 6)."""

    error: Optional[h11.RemoteProtocolError] = None

    def next_event(self) -> Any:
        """Return the next event.

        Raises
        ------
        h11.RemoteProtocolError
            If the data is invalid or ambiguous.
        """
        try:
            event = super().next_event()
            if isinstance(event, h11.Request):
                _check(event)
        except h11.RemoteProtocolError as error:
            self.error = error
            raise
        return event


def _check(request: h11.Request) -> None:
    names: List[bytes] = [name for name, _ in request.headers]
    if b"transfer-encoding" in names and b"content-length" in names:
        raise h11.RemoteProtocolError("it has both a Content-Length and a Transfer-Encoding")
    if b"transfer-encoding" in names and request.http_version < b"1.1":
        raise h11.RemoteProtocolError("HTTP/1.0 has no Transfer-Encoding")
    # h11 checks the size of incomplete heads only.
    if len(request.target) + sum(len(name) + len(value) + 4 for name, value in request.headers) > MAX_HEAD:
        raise h11.RemoteProtocolError(f"its head is longer than {MAX_HEAD} bytes", error_status_hint=431)


def _unsent(transport: asyncio.BaseTransport) -> int:
    """Return the number of unacknowledged bytes in the socket's send queue; 0 if the platform cannot report it."""
    if sys.platform != "linux":
        return 0
    import fcntl
    import termios

    # SIOCOUTQ of tcp(7), which has the number of TIOCOUTQ. A slow client may read from this queue for minutes before
    # the transport writes more.
    queued = fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, b"\0" * 4)
    return int.from_bytes(queued, sys.byteorder)
