"""Fault injection by path and request count, latency, and a rate limit, to test clients.

A YAML file lists the faults. It is read again when it changes. The first fault that matches a request is applied::

    - path: /v0/scenes/ortho/     # fnmatch pattern; default: any path
      method: GET                 # default: any method
      origin: api                 # or delivery; default: both
      skip: 1                     # number of matching requests that pass first
      times: 2                    # number of requests that fail after these; default: all
      status: 503                 # the fault: one of status, reset, ..., each with an optional delay
      headers: {Retry-After: "1"}
      body: "no"
    - {path: "*/full", delay: 2.5}                 # seconds before the response
    - {path: "*/full", reset: true}                # reset the connection without a response
    - {path: "*/full", truncate: 1000}             # close the connection after so many bytes of the body
    - {path: "*/full", drop: [Content-Length]}     # headers to omit
    - {path: "/v0/scenes/ortho/", corrupt: true}   # send half of the body as a complete response
    - {path: "/v0/scenes/ortho/", loop: true}      # link to the same page as the next one
    - {path: "/v0/*", replace: {here: there}}      # replace text in the body
"""

from __future__ import annotations

import asyncio
import fnmatch
import json
import math
import socket
import struct
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from planet_vector.errors import ConfigError

_SHORTENING = frozenset({b"accept-encoding", b"if-none-match", b"if-modified-since"})


@dataclass
class Fault:
    """Entry of a fault file; the module's docstring describes the fields."""

    path: str = "*"
    method: Optional[str] = None
    origin: Optional[str] = None
    skip: int = 0
    times: float = math.inf
    delay: float = 0.0
    status: Optional[int] = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = '{"message": "An injected fault.", "errors": []}'
    reset: bool = False
    truncate: Optional[int] = None
    drop: List[str] = field(default_factory=list)
    corrupt: bool = False
    loop: bool = False
    replace: Mapping[str, str] = field(default_factory=dict)
    seen: int = field(default=0, init=False)

    def applies(self, origin: str, method: str, path: str) -> bool:
        """Return whether the fault applies to a request, and count the request if it matches.

        Parameters
        ----------
        origin : str
            Origin that received the request: ``api`` or ``delivery``.
        method : str
            HTTP method, in upper case.
        path : str
            Decoded path of the request, compared with the fnmatch pattern of the fault.
        """
        if self.origin not in (None, origin) or self.method not in (None, method):
            return False
        if not fnmatch.fnmatchcase(path, self.path):
            return False
        self.seen += 1
        return self.skip < self.seen <= self.skip + self.times


class Faults:
    """Faults listed in a YAML file, which is read again when it changes.

    Parameters
    ----------
    file : Path
        The file.

    Raises
    ------
    ConfigError
        If the file cannot be read or has an invalid entry.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stamp: Optional[int] = None
        self._faults: List[Fault] = []
        self.find("", "", "")

    def find(self, origin: str, method: str, path: str) -> Optional[Fault]:
        """Return the first fault that applies to a request, or None.

        Parameters
        ----------
        origin : str
            Origin that received the request: ``api`` or ``delivery``.
        method : str
            HTTP method. An empty string only reads the file.
        path : str
            Decoded path of the request.

        Raises
        ------
        ConfigError
            If the file has changed and is invalid.
        """
        stamp = self._file.stat().st_mtime_ns if self._file.exists() else 0
        if stamp != self._stamp:
            self._faults, self._stamp = _read(self._file), stamp
        if not method:
            return None
        return next((fault for fault in self._faults if fault.applies(origin, method, path)), None)


class FaultyApp:
    """Middleware that injects faults, adds latency and limits the request rate.

    Parameters
    ----------
    app : ASGIApp
        Wrapped application.
    origin : str
        ``api`` or ``delivery``.
    faults : Faults, optional
        Faults to inject.
    latency : float
        Delay of each response, in seconds.
    rate : float
        Requests per second, which is also the burst size; 0 disables the limit. Requests beyond it are answered
        with 429.
    """

    def __init__(
        self, app: ASGIApp, origin: str, faults: Optional[Faults] = None, latency: float = 0.0, rate: float = 0.0
    ) -> None:
        self._app = app
        self._origin = origin
        self._faults = faults
        self._latency = latency
        self._rate = rate
        self._tokens, self._then = max(rate, 1.0), time.monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, with the fault that applies to it."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        wait = self._until_allowed() if self._rate else 0.0
        if wait:
            answer = {"message": f"More than {self._rate:g} requests a second.", "errors": []}
            return await _answer(send, 429, {"Retry-After": str(math.ceil(wait))}, json.dumps(answer).encode())
        try:
            fault = self._faults.find(self._origin, scope["method"], scope["path"]) if self._faults else None
        except ConfigError as error:  # the file was changed and is now invalid
            return await _answer(send, 500, {}, json.dumps({"message": str(error), "errors": []}).encode())
        delay = self._latency + (fault.delay if fault else 0.0)
        if delay:
            await asyncio.sleep(delay)
        if fault is None:
            return await self._app(scope, receive, send)
        if fault.reset:
            return _reset(receive)
        if fault.status is not None:
            return await _answer(send, fault.status, fault.headers, fault.body.encode())
        if fault.truncate is not None:
            return await self._app(scope, receive, _Truncated(send, fault.truncate))
        if fault.corrupt or fault.loop or fault.replace:
            # The body must be complete and uncompressed to be changed.
            scope["headers"] = [(name, value) for name, value in scope["headers"] if name not in _SHORTENING]
            return await self._app(scope, receive, _Changed(send, fault))
        return await self._app(scope, receive, _without(send, fault.drop))

    def _until_allowed(self) -> float:
        """Take a token from the bucket and return 0, or return the seconds until there is one."""
        now = time.monotonic()
        self._tokens = min(self._tokens + (now - self._then) * self._rate, max(self._rate, 1.0))
        self._then = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self._rate


class _Truncated:
    """ASGI ``send`` that forwards a number of bytes; the server closes the connection of an unfinished response."""

    def __init__(self, send: Send, most: int) -> None:
        self._send = send
        self._left = most

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            return await self._send(message)
        body = message.get("body", b"")[: self._left]
        self._left -= len(body)
        if body:
            await self._send({"type": "http.response.body", "body": body, "more_body": True})


class _Changed:
    """ASGI ``send`` that collects a body and sends a changed one."""

    def __init__(self, send: Send, fault: Fault) -> None:
        self._send = send
        self._fault = fault
        self._start: Message = {}
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        body = self._change(bytes(self._body))
        # The ETag belongs to the unchanged body.
        headers = [(n, v) for n, v in self._start["headers"] if n.lower() not in (b"content-length", b"etag")]
        headers.append((b"content-length", str(len(body)).encode()))
        await self._send({**self._start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    def _change(self, body: bytes) -> bytes:
        for old, new in self._fault.replace.items():
            body = body.replace(old.encode(), new.encode())
        if self._fault.loop:
            document = json.loads(body)
            _loop(document)
            body = json.dumps(document).encode()
        return body[: len(body) // 2] if self._fault.corrupt else body


def _loop(document: Dict[str, object]) -> None:
    """Have a page of any API link to itself as the next one; other documents are left as they are."""
    links = document.get("_links") or document.get("links")
    if isinstance(links, list):  # of a STAC API or an OGC API
        itself = next((link for link in links if link.get("rel") == "self"), None)
        if itself is not None:
            links[:] = [link for link in links if link.get("rel") != "next"] + [{**itself, "rel": "next"}]
    elif isinstance(links, dict):
        for name, following in (("self", "next"), ("_self", "_next")):
            if name in links:
                links[following] = links[name]


def _without(send: Send, dropped: List[str]) -> Send:
    names = {name.lower().encode() for name in dropped}

    async def forward(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [(n, v) for n, v in message["headers"] if n.lower() not in names]}
        await send(message)

    return forward


async def _answer(send: Send, status: int, headers: Mapping[str, str], body: bytes) -> None:
    length = str(len(body))
    given = {"Content-Type": "application/json", "Content-Length": length, "Cache-Control": "no-store", **headers}
    raw: List[Tuple[bytes, bytes]] = [(n.lower().encode(), v.encode()) for n, v in given.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def _reset(receive: Receive) -> None:
    """Reset a connection, through uvicorn's transport: ASGI has no message for it."""
    transport: Any = receive.__self__.transport  # type: ignore[attr-defined]
    # With a linger time of 0, closing sends RST (RFC 9293, section 3.10.4; SO_LINGER of POSIX).
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_time(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < math.inf


def _are_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for pair in value.items() for text in pair)


_TAKES: Dict[str, Tuple[Callable[[Any], bool], str]] = {
    "path": (_is_text, "a pattern"),
    "method": (_is_text, "an HTTP method"),
    "origin": (lambda value: value in ("api", "delivery"), "api or delivery"),
    "skip": (_is_count, "a number of requests"),
    "times": (_is_count, "a number of requests"),
    "delay": (_is_time, "a number of seconds"),
    "status": (lambda value: _is_count(value) and 200 <= value <= 599, "a number from 200 to 599"),
    "headers": (_are_texts, "a mapping of strings to strings"),
    "body": (_is_text, "a string"),
    "reset": (_is_flag, "true or false"),
    "truncate": (_is_count, "a number of bytes"),
    "drop": (lambda value: isinstance(value, list) and all(map(_is_text, value)), "a list of headers"),
    "corrupt": (_is_flag, "true or false"),
    "loop": (_is_flag, "true or false"),
    "replace": (_are_texts, "a mapping of strings to strings"),
}


def _read(file: Path) -> List[Fault]:
    import yaml

    try:
        entries = yaml.safe_load(file.read_text(encoding="utf-8"))
        faults = []
        for entry in entries or []:
            unknown = set(entry) - set(_TAKES)
            if unknown:
                raise ConfigError(
                    f"The file of faults {file} has an unknown key {sorted(map(str, unknown))[0]!r}: use one of "
                    f"{', '.join(_TAKES)}."
                )
            for name, value in entry.items():
                takes, wanted = _TAKES[name]
                if not takes(value):
                    raise ConfigError(f"The file of faults {file}: {name} must be {wanted}, not {value!r}.")
            faults.append(Fault(**entry))
    except (OSError, UnicodeDecodeError, TypeError, yaml.YAMLError) as error:
        raise ConfigError(f"The file of faults {file} cannot be read ({' '.join(str(error).split())[:200]}).") from None
    return faults
