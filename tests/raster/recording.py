"""Two servers on two ports: a service that requires a key, and an object store that must never receive one.

Both record their requests. The store behaves like object stores: a signed URL is valid for GET only (HEAD: 403), and a
request with both a signature and an Authorization header is rejected (400).
"""

from __future__ import annotations

import http.server
import re
import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import Callable, Dict, List, Mapping, Optional, Tuple

from tests.conftest import forget_key_of

Answer = Tuple[int, Mapping[str, str], bytes]


@dataclass
class Request:
    """A request and its response."""

    method: str
    path: str
    headers: Mapping[str, str]
    status: int = 0
    sent: int = 0
    body: bytes = b""

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.headers.get('Range', '')} -> {self.status}, {self.sent} bytes"


class Recorder(http.server.ThreadingHTTPServer):
    """Server that responds by a function, and records the requests."""

    daemon_threads = True
    request_queue_size = 128  # GDAL requests many ranges at once

    def __init__(
        self, answer: Callable[[Request], Answer], delay: float = 0.0, tls: Optional[ssl.SSLContext] = None
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.answer = answer
        self.delay = delay
        self.pace = 0.0  # seconds per 64 kB
        self.seen: List[Request] = []
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.server_port}"
        self._thread = threading.Thread(target=lambda: self.serve_forever(0.05))
        self._thread.start()

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore errors: GDAL aborts transfers that it no longer needs."""

    def stop(self) -> None:
        forget_key_of(f"{self.url}/v0/")
        self.shutdown()
        self.server_close()
        self._thread.join()

    def got(self, method: str) -> List[Request]:
        return [request for request in self.seen if request.method == method]

    def of(self, case: str) -> List[Request]:
        """Return the requests of one case, including the marker of its reading."""
        return [request for request in self.seen if case in request.path.replace("-", "/").split("/")]

    @property
    def with_key(self) -> List[Request]:
        return [request for request in self.seen if "authorization" in {name.lower() for name in request.headers}]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Recorder

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        request = Request(self.command, self.path, dict(self.headers))
        request.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append(request)
        if self.server.delay:
            time.sleep(self.server.delay)
        request.status, headers, body = self.server.answer(request)
        self.send_response(request.status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            if value:
                self.send_header(name, value)
        chunked = headers.get("Content-Length") == ""
        if chunked:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command == "HEAD":
            return
        for at in range(0, len(body), 65536):
            piece = body[at : at + 65536]
            request.sent += len(piece)  # before sending: the reader may inspect it at once
            try:
                self.wfile.write(piece)
            except OSError:
                request.sent -= len(piece)
                raise
            if self.server.pace:
                time.sleep(self.server.pace)
        if headers.get("X-Break"):
            self.close_connection = True

    do_HEAD = do_POST = do_GET


def ranged(request: Request, data: bytes, etag: str = '"one"') -> Answer:
    """Serve a file with ranges (RFC 9110, section 14)."""
    headers = {"Accept-Ranges": "bytes", "Content-Type": "image/tiff", "ETag": etag}
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))
    if match is None or request.headers.get("If-Range", etag) != etag:
        return 200, headers, data
    first, last = int(match[1]), min(int(match[2] or len(data) - 1), len(data) - 1)
    if first >= len(data):
        return 416, {**headers, "Content-Range": f"bytes */{len(data)}"}, b""
    return 206, {**headers, "Content-Range": f"bytes {first}-{last}/{len(data)}"}, data[first : last + 1]


@dataclass
class Pair:
    """The service and the store, over one GeoTIFF; the path of a request selects the case.

    Requests to the service for ``/v0/CASE/full?product=visual`` are handled by the case of that name in `_api`.
    """

    data: bytes
    key: str = "5ec4e75ec4e75ec4e75ec4e7"
    lives: float = 900.0
    tls: Optional[ssl.SSLContext] = None  # of the service; the store has none
    counts: Dict[str, int] = field(default_factory=dict)
    api: Recorder = field(init=False)
    store: Recorder = field(init=False)

    def __post_init__(self) -> None:
        self.api, self.store = Recorder(self._api, tls=self.tls), Recorder(self._store)

    def stop(self) -> None:
        self.api.stop()
        self.store.stop()

    @property
    def root(self) -> str:
        return f"{self.api.url}/v0/"

    def link(self, case: str) -> str:
        return f"{self.root}{case}/full?product=visual"

    def forget(self) -> None:
        self.api.seen.clear()
        self.store.seen.clear()

    def signed(self, case: str, seconds: Optional[float] = None) -> str:
        ends = int(time.time() + (self.lives if seconds is None else seconds))
        self.counts["signature"] = self.counts.get("signature", 0) + 1
        return f"{self.store.url}/{case}/scene.tif?Expires={ends}&Signature={self.counts['signature']}"

    def _api(self, request: Request) -> Answer:
        if request.path.startswith("/mark/"):
            return 200, {}, b""
        if self.key and request.headers.get("Authorization") != f"api-key {self.key}":
            return 401, {"Content-Type": "application/json"}, b'{"message": "Please enter your API key."}'
        case = request.path.split("/")[2]
        count = self.counts[case] = self.counts.get(case, 0) + 1
        if case == "direct" or case.startswith("arrived-"):
            return ranged(request, self.data)
        if case == "within":
            return 302, {"Location": self.link("arrived-within")}, b""
        if case == "relative":
            return 302, {"Location": "../arrived-relative/full?product=visual"}, b""
        if case == "signed" or case.startswith("store_"):
            return 302, {"Location": self.signed(case)}, b""
        if case == "moved":
            return 301, {"Location": self.signed(case)}, b""
        if case == "expired":  # the first signature has already expired
            return 302, {"Location": self.signed(case, -5 if count <= 1 else None)}, b""
        if case == "loop":
            return 302, {"Location": self.link("loop")}, b""
        if case == "whole":
            return 200, {"Content-Type": "image/tiff"}, self.data
        if case == "nolength":
            return 200, {"Content-Type": "image/tiff", "Content-Length": ""}, self.data
        if case == "busy":
            return (429, {"Retry-After": "0"}, b"") if count <= 2 else ranged(request, self.data)
        if case == "stumbling":
            return (503, {"Retry-After": "0"}, b"") if count <= 1 else ranged(request, self.data)
        if case == "elsewhere":
            return 302, {"Location": "ftp://example.org/scene.tif"}, b""
        if case == "file":
            return 302, {"Location": "file:///etc/passwd"}, b""
        if case == "text":
            return ranged(request, b"<VRTDataset rasterXSize='1' rasterYSize='1'></VRTDataset>" * 10)
        return int(case), {"Content-Type": "application/json"}, b'{"message": "so it is"}'

    def _store(self, request: Request) -> Answer:
        if request.method == "HEAD":
            return 403, {}, b""
        if "Authorization" in request.headers:
            return 400, {}, b"only one auth mechanism allowed"
        ends = re.search(r"Expires=(\d+)", request.path)
        if ends is None or int(ends[1]) < time.time():
            return 403, {}, b"expired"
        if request.path.startswith("/store_whole"):
            return 200, {"Content-Type": "image/tiff"}, self.data
        if request.path.startswith("/store_404"):
            return 404, {}, b""
        return ranged(request, self.data)
