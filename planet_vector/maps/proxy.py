"""Local proxy for a map: the page requests tiles from it, and it requests them from the service with the key.

It listens on loopback only, under a random path, and serves only the pictures of the page. The addresses at the service
come from the metadata of the scenes, never from a browser's request.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
import sys
from dataclasses import replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Iterable, NamedTuple, Optional, Union

from planet_vector.errors import ConfigError, NotFoundError, ProtocolError, ServiceError
from planet_vector.geometry.boxes import around_polygons
from planet_vector.http.transport import Transport
from planet_vector.maps.addresses import Proxied
from planet_vector.maps.content import Content, gather
from planet_vector.maps.page import Pictures, checked_background, leaflet_folder, render
from planet_vector.raster.gdal_xml import tiles_level
from planet_vector.scene import Scene

MAX_PICTURE = 16 * 2**20  # bytes; a PNG tile has at most a quarter of a megabyte

_TILE = re.compile(
    r"(?P<place>(?:scenes/[^/]+|mosaics)/[^/]+)/(?P<z>\d{1,2})/(?P<x>\d{1,7})/(?P<y>\d{1,7})\.png", re.ASCII
)
_TILEJSON = "/tiles.json"
_KINDS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
_EMPTY = bytes.fromhex(  # a PNG of one transparent pixel, for tiles outside the scene
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000b4944415478da63600002000005"
    "0001e9fadcd80000000049454e44ae426082"
)
_IDLE = 60.0  # seconds until an idle connection is closed


class Answer(NamedTuple):
    """Response to a browser: status, content type (or the target of a redirect) and body."""

    status: int
    kind: str
    body: bytes


class MapServer(ThreadingHTTPServer):
    """HTTP server of one map on loopback.

    Parameters
    ----------
    names : str or iterable of str
        As for `planet_vector.maps.write_map`.
    port : int
        The port to listen on; 0 for any free one.
    background, attribution : str, optional
        As for `write_map`.
    told : callable
        Callback for messages, called with each distinct error of the service once.
    connection, key : str, optional
        As for `planet_vector.connect`.

    Attributes
    ----------
    url : str
        The address of the map. It grants access to everything that the map shows.

    Raises
    ------
    ConfigError
        If the port cannot be opened.
    """

    daemon_threads = True
    allow_reuse_address = sys.platform != "win32"  # on Windows two processes could then share a port

    def __init__(
        self,
        names: Union[str, Iterable[str]],
        port: int = 0,
        *,
        background: Optional[str] = None,
        attribution: str = "",
        told: Callable[[str], None] = lambda sentence: None,
        connection: Optional[str] = None,
        key: Optional[str] = None,
    ) -> None:
        under = None if background is None else checked_background(background, attribution)
        leaflet_folder()
        self.content: Content = gather([names] if isinstance(names, str) else names, connection, key)
        self._places = Proxied(self.content.catalog)
        self._page = render(self.content, self._places, Pictures({}, 0), under, served=True).encode()
        # No rate limit: tiles are requested by dozens, and the limit is meant for requests to the API.
        self._transport = Transport(replace(self.content.catalog.settings, rate=0.0))
        self._token, self._once = secrets.token_urlsafe(24), ""
        self._told, self._known = told, set[str]()
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) else "there is no such port"
            raise ConfigError(
                f"The map cannot be served at 127.0.0.1:{port} ({reason}): choose another --port."
            ) from None
        self.hosts = tuple(f"{host}:{self.server_port}" for host in ("127.0.0.1", "localhost"))
        self.url = f"http://{self.hosts[0]}/{self._token}/"

    def once(self) -> str:
        """Return an address that opens the map once, for the arguments of a browser, which other users can see."""
        self._once = secrets.token_urlsafe(24)
        return f"http://{self.hosts[0]}/{self._once}"

    def answer(self, path: str) -> Answer:
        """Return the response for a path.

        Parameters
        ----------
        path : str
            The path of the request, with a leading slash.
        """
        token, _, rest = path[1:].partition("/")
        if self._once and not rest and hmac.compare_digest(token.encode(), self._once.encode()):
            self._once = ""
            return Answer(HTTPStatus.SEE_OTHER, self.url, b"")
        if not path.startswith("/") or not hmac.compare_digest(token.encode(), self._token.encode()):
            return _refusal(HTTPStatus.NOT_FOUND, "There is nothing at this address: use the one that was printed.")
        if not rest:
            return Answer(HTTPStatus.OK, "text/html; charset=utf-8", self._page)
        scene = self._places.scenes.get(rest[: -len(_TILEJSON)]) if rest.endswith(_TILEJSON) else None
        if scene is not None:
            return Answer(HTTPStatus.OK, "application/json", self._tilejson(scene, rest[: -len(_TILEJSON)]))
        address = self._address(rest)
        if address is None:
            return _refusal(HTTPStatus.NOT_FOUND, "The map has no such picture.")
        try:
            body, _ = self._transport.get_bytes(address, (), MAX_PICTURE)
            for signature, kind in _KINDS.items():
                if body.startswith(signature):
                    return Answer(HTTPStatus.OK, kind, body)
            raise ProtocolError("The service returned something that is not a picture.", f"GET {address}")
        except NotFoundError:
            return Answer(HTTPStatus.OK, "image/png", _EMPTY)
        except ServiceError as error:
            if str(error) not in self._known:
                self._known.add(str(error))
                self._told(str(error))
            return _refusal(HTTPStatus.BAD_GATEWAY, "The service did not return this picture.")

    def _tilejson(self, scene: Scene, place: str) -> bytes:
        """Return the TileJSON 3.0.0 of a scene's tiles at this server."""
        west, south, east, north = around_polygons(scene.polygons)
        document = {
            "tilejson": "3.0.0",
            "name": scene.id,
            "scheme": "xyz",
            "tiles": [f"{self.url}{place}/{{z}}/{{x}}/{{y}}.png"],
            "minzoom": 0,
            "maxzoom": tiles_level(scene),
            "bounds": [west, south, east, north],
        }
        return json.dumps(document).encode()

    def _address(self, rest: str) -> Optional[str]:
        """Return the service's address for a picture of the map, or None for any other path."""
        match = _TILE.fullmatch(rest)
        if match is None:
            return self._places.thumbnails.get(rest)
        pattern = self._places.tiles.get(match["place"])
        return pattern and re.sub(r"\{([zxy])\}", lambda part: match[part[1]], pattern)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore closed connections: a browser closes them whenever the map is moved.

        Parameters
        ----------
        request, client_address
            As in `socketserver.BaseServer.handle_error`.
        """
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)

    def server_close(self) -> None:
        """Stop listening, and close the connections to the service."""
        super().server_close()
        self._transport.close()


class _Handler(BaseHTTPRequestHandler):
    server: MapServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "planet_vector", ""
    timeout = _IDLE

    def do_GET(self) -> None:
        """Respond to a request; reject other host names and request bodies."""
        hosts = self.headers.get_all("Host", [])
        # Against DNS rebinding: a foreign page whose host name resolves to loopback sends that name.
        if len(hosts) != 1 or hosts[0] not in self.server.hosts:
            self._send(_refusal(HTTPStatus.FORBIDDEN, "This process responds to 127.0.0.1 and localhost only."))
        elif self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self._send(_refusal(HTTPStatus.BAD_REQUEST, "A GET has no body."))
        else:
            self._send(self.server.answer(self.path))

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        if answer.status == HTTPStatus.SEE_OTHER:
            self.send_header("Location", answer.kind)
        else:
            self.send_header("Content-Type", answer.kind)
        picture = answer.kind.startswith("image/")
        for name, value in (
            ("Content-Length", str(len(answer.body))),
            ("Cache-Control", "private, max-age=3600" if picture else "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Referrer-Policy", "no-referrer"),
            ("Content-Security-Policy", "frame-ancestors 'none'"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Log nothing: the path contains the token of the map."""


def _refusal(status: int, sentence: str) -> Answer:
    return Answer(status, "text/plain; charset=utf-8", sentence.encode())
