"""CORS: which web pages of other origins may read responses (Fetch standard, section 3.2).

Browsers hide responses from pages of other origins unless the response allows it. The service ignores cookies; keys
are sent in a header or an address, and a page only has keys that a user has entered.
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
"""Request headers that pages may send, beside those that are always allowed."""

EXPOSED = (
    "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, Date, ETag, Last-Modified, Retry-After, "
    "Server-Timing"
)
"""Response headers that pages may read, beside those that are always allowed."""

MAX_AGE = "3600"
"""Seconds for which browsers may cache a preflight response."""

_ORIGIN = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.+)")
_PORTS = {"http": ":80", "https": ":443"}  # default ports, which browsers omit from origins


class Origins:
    """Origins whose pages may read responses.

    Parameters
    ----------
    names : sequence of str or None
        Origins, such as ``https://maps.example.org``, beside those of this machine's loopback names. None allows any.

    Raises
    ------
    ConfigError
        If a name is not an origin.
    """

    def __init__(self, names: Optional[Sequence[str]] = ()) -> None:
        self._names = None if names is None else frozenset(_origin_of_option(name) for name in names)
        self._local = Hosts()

    @property
    def any(self) -> bool:
        """Whether pages of any origin may read responses."""
        return self._names is None

    def allows(self, origin: str) -> bool:
        """Return whether pages of an origin may read responses.

        Parameters
        ----------
        origin : str
            Value of an Origin header. ``null``, which local files and sandboxed pages send, is allowed only if any
            origin is.
        """
        if self._names is None:
            return True
        match = _ORIGIN.fullmatch(origin)
        if match is None:
            return False
        return origin.lower() in self._names or (match[1].lower() in _PORTS and self._local.allows(match[2]))


class CorsApp:
    """Middleware that lets pages of some origins read all responses, errors included.

    Parameters
    ----------
    app : ASGIApp
        Wrapped application.
    origins : Origins
        Allowed origins.
    """

    def __init__(self, app: ASGIApp, origins: Origins) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or the preflight request of a browser."""
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
            # Also without an Origin header: a browser may reuse a cached picture for a later fetch by a page.
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
            hint = "open the page from a web server, as only pages with an origin can be allowed"
            if _ORIGIN.fullmatch(origin):
                hint = f"to allow them, start it with --cors-origin {name}"
            return refusal_answer(403, f"The service does not answer pages of the origin {name}: {hint}.")
        allowed = {
            "Access-Control-Allow-Methods": METHODS,
            "Access-Control-Allow-Headers": HEADERS,
            "Access-Control-Max-Age": MAX_AGE,
        }
        return Response(status_code=204, headers=allowed)


def allowed_origins(allowed: Sequence[str], keys: bool) -> Origins:
    """Return the origins whose pages may read the responses of a service.

    Parameters
    ----------
    allowed : sequence of str
        Values of ``--cors-origin``.
    keys : bool
        Whether the service requires a key. Then any origin is allowed by default: a page needs a key anyway.

    Raises
    ------
    ConfigError
        If a value is not an origin.
    """
    if "*" in allowed or (keys and not allowed):
        return Origins(None)
    return Origins(allowed)


def refusal_headers(origins: Origins) -> List[Tuple[bytes, bytes]]:
    """Return the CORS headers of refusals that are sent before the Origin header can be read.

    Parameters
    ----------
    origins : Origins
        Allowed origins. The headers are empty unless any origin is allowed.
    """
    return [(b"access-control-allow-origin", b"*")] if origins.any else []


def _origin_of_option(text: str) -> str:
    match = _ORIGIN.fullmatch(text.strip())
    if match is None or not HOST.fullmatch(match[2]):
        raise ConfigError(f"--cors-origin takes an origin such as https://maps.example.org, or *, not {text!r}.")
    scheme, host = match[1].lower(), match[2].lower()
    port = _PORTS.get(scheme, "")
    return f"{scheme}://{host[: -len(port)] if port and host.endswith(port) else host}"
