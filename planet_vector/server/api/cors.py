"""Which web pages of other origins may read answers (CORS: the Fetch standard, section 3.2).

A browser keeps answers from pages of other origins unless they say otherwise. No answer here depends on cookies, and
none is given for them: who needs a key gives it in a header or an address, and no page has a key it was not given.
"""

from __future__ import annotations

import re
from typing import List, Optional, Sequence, Tuple

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from planet_vector.errors import ConfigError
from planet_vector.server.api.error_responses import refusal_answer
from planet_vector.server.api.hosts import HOST, Hosts

METHODS = "GET, HEAD, POST"

HEADERS = "Authorization, Content-Type, If-Modified-Since, If-None-Match, If-Range, Range"
"""What a page may send, beside what any page may."""

EXPOSED = (
    "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, Date, ETag, Last-Modified, Retry-After, "
    "Server-Timing"
)
"""What a page may read, beside what any page may."""

MAX_AGE = "3600"
"""Seconds for which a browser need not ask again."""

_ORIGIN = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.+)")
_PORTS = {"http": ":80", "https": ":443"}  # what browsers leave out of an origin


class Origins:
    """Origins whose pages may read answers.

    Parameters
    ----------
    names : sequence of str or None
        Origins, such as ``https://maps.example.org``, beside those of this machine's loopback names. None is any.

    Raises
    ------
    ConfigError
        When one is no origin.
    """

    def __init__(self, names: Optional[Sequence[str]] = ()) -> None:
        self._names = None if names is None else frozenset(_origin_of_option(name) for name in names)
        self._local = Hosts()

    @property
    def any(self) -> bool:
        """Whether all pages may."""
        return self._names is None

    def allows(self, origin: str) -> bool:
        """Tell whether pages of the origin of an Origin header may read answers.

        ``null`` is the origin of any file, and of any page that hides its own: unless all may, it may not.
        """
        if self._names is None:
            return True
        match = _ORIGIN.fullmatch(origin)
        if match is None:
            return False
        return origin.lower() in self._names or (match[1].lower() in _PORTS and self._local.allows(match[2]))


class CorsApp:
    """Middleware that lets pages of some origins read all answers, errors included.

    Parameters
    ----------
    app : ASGIApp
        What is wrapped.
    origins : Origins
        Whose pages may.
    """

    def __init__(self, app: ASGIApp, origins: Origins) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or what a browser asks before it (a preflight)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope)
        origin = asked.get("origin", "")

        async def labelled(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": list(message.get("headers", []))}
                self._label(MutableHeaders(raw=message["headers"]), origin)
            await send(message)

        if scope["method"] == "OPTIONS" and origin and "access-control-request-method" in asked:
            await self._preflight(origin)(scope, receive, labelled)
        else:
            await self._app(scope, receive, labelled)

    def _label(self, headers: MutableHeaders, origin: str) -> None:
        if self._origins.any:
            # For requests without an origin, too: a browser takes a picture that it has kept for what a page fetches.
            headers["Access-Control-Allow-Origin"] = "*"
        else:
            headers.add_vary_header("Origin")
            if not self._origins.allows(origin):
                return
            headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = EXPOSED

    def _preflight(self, origin: str) -> Response:
        if not self._origins.allows(origin):
            name = origin if len(origin) <= 80 else origin[:77] + "..."
            hint = "a page of an origin can be: this one has none"
            if _ORIGIN.fullmatch(origin):
                hint = f"if it should, start it with --cors-origin {name}"
            return refusal_answer(403, f"The service does not answer pages of the origin {name}: {hint}.")
        allowed = {
            "Access-Control-Allow-Methods": METHODS,
            "Access-Control-Allow-Headers": HEADERS,
            "Access-Control-Max-Age": MAX_AGE,
        }
        return Response(status_code=204, headers=allowed)


def allowed_origins(allowed: Sequence[str], keys: bool) -> Origins:
    """Return the origins whose pages may read what a service answers.

    Parameters
    ----------
    allowed : sequence of str
        What ``--cors-origin`` named.
    keys : bool
        Whether it asks for a key, which no page has that was not given it.
    """
    if "*" in allowed or (keys and not allowed):
        return Origins(None)
    return Origins(allowed)


def refusal_headers(origins: Origins) -> List[Tuple[bytes, bytes]]:
    """Return the headers of a refusal that is made before an origin can be read."""
    return [(b"access-control-allow-origin", b"*")] if origins.any else []


def _origin_of_option(text: str) -> str:
    match = _ORIGIN.fullmatch(text.strip())
    if match is None or not HOST.fullmatch(match[2]):
        raise ConfigError(f"--cors-origin takes an origin such as https://maps.example.org, or *, not {text!r}.")
    scheme, host = match[1].lower(), match[2].lower()
    port = _PORTS.get(scheme, "")
    return f"{scheme}://{host[: -len(port)] if port and host.endswith(port) else host}"
