"""Connections that are bounded in number and in time, so that clients that send or take nothing hold up nobody.

A connection waits for its request (nothing or half of one has come, its body included), or is answered. One that waits
too long is closed, and so is one whose client takes nothing of what it asked for. Where there are as many as the
process may have files for, the one that has waited longest makes room for a new one.
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
"""Time for a request's head to come, from its first byte on; and for what is left of a body after its answer."""

IDLE_SECONDS = 65
"""Time a connection may be without a request: longer than clients keep one, so none is closed under a request."""

STALL_SECONDS = 120.0
"""Time a client may take nothing of an answer."""

LINGER_SECONDS = 2.0
"""Time for what a client still sends after it was refused: closed at once, TCP would take the refusal from it, too."""

MAX_HEAD = 64 * 2**10
"""Bytes of a request's head. An area of 500 positions, which GET is good for, has less than half."""

MAX_CONNECTIONS = 4000
"""Connections of a process, where files allow. Each may hold a head, and an open file."""

RESERVE = 200
"""Open files of a process beside its connections: the index in each thread, pipes to processes, logs, listeners. And
connections that are accepted in one turn of the event loop, before any of them can be refused."""

MIN_CONNECTIONS = 20
"""A limit of open files that leaves less is no use."""

BACKLOG = 2048
"""Connections that the system holds until they are accepted."""

ACCEPTED_AT_ONCE = 32
"""Connections that are accepted in one turn of the event loop; `RESERVE` has files for three turns."""

LOOK_SECONDS = 1.0
"""Time between two looks at all connections."""

_QUOTED = re.compile(r":? \(?(?:bytearray\()?b['\"]")


def most_connections() -> int:
    """Return how many connections a process may have, after raising its limit of open files as far as that needs.

    An answer may have a file open beside its connection, so each connection counts as two.

    Raises
    ------
    ConfigError
        When the limit leaves next to none.
    """
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return MAX_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = RESERVE + 2 * MAX_CONNECTIONS  # no more: macOS refuses what is beyond 10240
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    most = MAX_CONNECTIONS if soft == resource.RLIM_INFINITY else min(MAX_CONNECTIONS, (soft - RESERVE) // 2)
    if most < MIN_CONNECTIONS:
        needed = RESERVE + 2 * MIN_CONNECTIONS
        raise ConfigError(f"A process may open {soft} files here, and the service needs {needed}: raise ulimit -n.")
    return most


class HttpConnections:
    """Connections of a process, of all its origins together; those that wait too long are closed.

    Parameters
    ----------
    most : int
        How many there may be.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: Set[HttpConnection] = set()
        self._waiting: Dict[HttpConnection, None] = {}  # those without a whole request, the longest first

    def enter(self, connection: HttpConnection) -> bool:
        """Take in a new connection, which waits for its request, or tell that there is no room."""
        if len(self._open) >= self._most:
            # What waits may still have an answer on its way to a slow client: that one stays.
            longest = next((other for other in self._waiting if not other.left()), None)
            if longest is None:
                return False
            self.leave(longest)
            longest.transport.abort()
        self._open.add(connection)
        self.wait(connection)
        return True

    def wait(self, connection: HttpConnection) -> None:
        """Note that a connection begins to wait for a request."""
        self._waiting.pop(connection, None)
        if connection in self._open:
            self._waiting[connection] = None

    def answer(self, connection: HttpConnection) -> None:
        """Note that a connection is answered."""
        self._waiting.pop(connection, None)

    def leave(self, connection: HttpConnection) -> None:
        """Forget a connection."""
        self._open.discard(connection)
        self._waiting.pop(connection, None)

    async def watch(self) -> NoReturn:
        """Look at all connections every second, for as long as the service runs."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = loop.time()
            for connection in list(self._waiting):
                connection.end_wait(now)
            for connection in list(self._open):
                connection.end_stall(now)


class HttpConnection(H11Protocol):
    """Connection whose times are bounded; it refuses requests that two servers could read differently.

    Parameters
    ----------
    connections : HttpConnections
        Those of the process.
    headers : sequence of tuple of bytes
        Headers of refusals that are made before a request can be read.
    **options
        As uvicorn makes its connections.
    """

    def __init__(
        self, connections: HttpConnections, headers: Sequence[Tuple[bytes, bytes]] = (), **options: Any
    ) -> None:
        super().__init__(**options)
        self.conn: _RequestParser = _RequestParser(h11.SERVER, MAX_HEAD)
        self.app = cast(Any, self._until_it_is_lost(cast(ASGIApp, self.app)))
        self._connections = connections
        self._refusal_headers = list(headers)
        self._since = 0.0  # when it began to wait for a request
        self._begun: Optional[float] = None  # when the request that it waits for began to come
        self._refused = False
        self._lost = False
        self._resumed = 0  # how often its client had taken enough for more to be written
        self._left: Tuple[int, int] = (0, 0)  # the number before, and the bytes its client has not taken
        self._moved = 0.0  # when that was last another

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait, if there is room."""
        super().connection_made(cast(asyncio.Transport, transport))
        self._since = self.loop.time()
        if not self._connections.enter(self):
            self._refuse(503, "The service has too many connections: ask again later.", (b"retry-after", b"10"))
            self.transport.close()  # its file is needed

    def connection_lost(self, exc: Optional[Exception]) -> None:
        """Forget the connection."""
        self._lost = True
        self._connections.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, and note when a request begins and when it is whole."""
        if self._refused:
            return
        if self._begun is None:
            self._begun = self.loop.time()
        super().data_received(data)
        if self._is_answered():
            # While its body comes, a request is still half of one: it makes room for others.
            if self.conn.their_state is not h11.SEND_BODY:
                self._connections.answer(self)
        elif not self._has_begun():
            self._begun = None

    def on_response_complete(self) -> None:
        """Wait for the next request, unless it has come already."""
        super().on_response_complete()
        if self._is_answered():
            return
        self._since = self.loop.time()
        self._begun = self._since if self._has_begun() else None
        self._connections.wait(self)

    def resume_writing(self) -> None:
        """Note that the client takes what is written."""
        self._resumed += 1
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be read, in the form of all refusals."""
        error = self.conn.error or h11.RemoteProtocolError(msg)
        reason = _QUOTED.split(str(error))[0]  # a key may be in what it quotes
        self._refuse(error.error_status_hint, f"The request cannot be read: {reason}.")

    def left(self) -> int:
        """Return how many bytes of answers the client has not taken."""
        size = self.transport.get_write_buffer_size()
        return size + _unsent(self.transport) if size else 0

    def end_wait(self, now: float) -> None:
        """Close the connection if it waits for a request for too long; `now` is the loop's time in seconds."""
        if self._refused:
            if now - self._since > LINGER_SECONDS:
                self.transport.abort()
        elif self._is_answered():
            return  # its body comes, for which whoever reads it has a time
        elif self._begun is not None and now - self._begun > HEAD_SECONDS:
            self._refuse(408, f"The request did not come within {HEAD_SECONDS:g} s.")
        elif now - self._since > IDLE_SECONDS:
            self._connections.answer(self)
            self.transport.close()

    def end_stall(self, now: float) -> None:
        """Cut the connection off if its client takes nothing for too long; `now` is the loop's time in seconds."""
        size = self.left()
        if not size or (self._resumed, size) != self._left:
            self._left, self._moved = (self._resumed, size), now
        elif now - self._moved > STALL_SECONDS:
            self.transport.abort()

    def _is_answered(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _has_begun(self) -> bool:
        """Tell whether a part of a request is there, or of a body whose answer is complete."""
        return self.conn.their_state is not h11.IDLE or bool(self.conn.trailing_data[0])

    def _refuse(self, status: int, message: str, *headers: Tuple[bytes, bytes]) -> None:
        """Answer with a refusal if nothing is answered yet, and close the connection."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):  # an answer has begun, or is complete
            self._connections.answer(self)
            if self._is_answered():
                self.transport.abort()
            else:
                self.transport.close()
            return
        if self._is_answered():  # the body of the request is what cannot be read
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
        """Return an application that ends with the connection: else a file is read to its end for nobody."""

        async def run(scope: Scope, receive: Receive, send: Send) -> None:
            async def sent(message: Message) -> None:
                if self._lost:
                    raise _LostError
                await send(message)

            try:
                await app(scope, receive, sent)
            except _LostError:
                return
            except asyncio.CancelledError:  # the service stops, and its grace is over
                self.cycle.disconnected = True
                self.transport.abort()

        return run


class _LostError(Exception):
    """Raised to end an answer whose client has gone."""


class _RequestParser(h11.Connection):
    """Parser that refuses requests whose end two servers could see at different places (RFC 9112, section 6)."""

    error: Optional[h11.RemoteProtocolError] = None

    def next_event(self) -> Any:
        """Return what came next.

        Raises
        ------
        h11.RemoteProtocolError
            When it cannot be read, or could be read in two ways.
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
    # The parser counts only what has not come as a whole.
    if len(request.target) + sum(len(name) + len(value) + 4 for name, value in request.headers) > MAX_HEAD:
        raise h11.RemoteProtocolError(f"its head is longer than {MAX_HEAD} bytes", error_status_hint=431)


def _unsent(transport: asyncio.BaseTransport) -> int:
    """Return how many bytes the system holds that the client has not taken, where it tells."""
    if sys.platform != "linux":
        return 0
    import fcntl
    import termios

    # SIOCOUTQ of tcp(7), which has the number of TIOCOUTQ: a slow client takes of this for minutes before more is
    # written to it.
    told = fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, b"\0" * 4)
    return int.from_bytes(told, sys.byteorder)
