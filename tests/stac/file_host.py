"""Hosts of files over HTTP: open, with tokens in the query, or with a key; they record what they were sent."""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple
from urllib.parse import parse_qsl, quote, urlsplit

Answer = Tuple[int, Dict[str, str], bytes]


@dataclass
class FileHost:
    """Host of files by path; `seen` holds path, query and headers of each request."""

    files: Dict[str, bytes] = field(default_factory=dict)
    allows: Callable[[str, Dict[str, str]], bool] = lambda query, headers: True
    moved: Dict[str, str] = field(default_factory=dict)  # redirects, by path
    seen: List[Tuple[str, str, Dict[str, str]]] = field(default_factory=list)
    url: str = ""

    def answer(self, path: str, query: str, headers: Dict[str, str]) -> Answer:
        self.seen.append((path, query, headers))
        if not self.allows(query, headers):
            return 403, {}, b"<Error><Code>AuthenticationFailed</Code></Error>"
        if path in self.moved:
            return 302, {"Location": self.moved[path]}, b""
        if path not in self.files:
            return 404, {}, b""
        content = self.files[path]
        told = {"ETag": f'"{hash(content)}"', "Accept-Ranges": "bytes", "Content-Type": "image/tiff"}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", headers.get("Range", ""))
        if not asked:
            return 200, told, content
        first, last = int(asked[1]), min(int(asked[2] or len(content) - 1), len(content) - 1)
        told["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        return 206, told, content[first : last + 1]


@dataclass
class TokenService(FileHost):
    """Service of tokens of a short life, which a host of blobs accepts until they expire."""

    life: float = 3600.0
    tokens: Dict[str, float] = field(default_factory=dict)  # end of each, in seconds since 1970
    broken: Optional[Any] = None  # JSON that is sent instead

    def answer(self, path: str, query: str, headers: Dict[str, str]) -> Answer:
        self.seen.append((path, query, headers))
        ends = datetime.now(timezone.utc) + timedelta(seconds=self.life)
        expiry = ends.isoformat().replace("+00:00", "Z")
        text = f"st=2024-01-01T00%3A00%3A00Z&se={quote(expiry)}&sp=rl&sig=s3cr3t{secrets.token_hex(8)}%2B%3D"
        self.tokens[text] = ends.timestamp()
        told = {"msft:expiry": expiry, "token": text}
        return 200, {}, json.dumps(told if self.broken is None else self.broken).encode()

    def accepts(self, query: str, headers: Dict[str, str]) -> bool:
        return self.tokens.get(query, 0) > time.time()


@contextmanager
def hosting(host: FileHost) -> Iterator[FileHost]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            status, headers, content = host.answer(parts.path, parts.query, dict(self.headers))
            self.send_response(status)
            for header in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(*header)
            self.end_headers()
            self.wfile.write(content if self.command == "GET" else b"")

        do_HEAD = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

    server = Server(("127.0.0.1", 0), Handler)
    host.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def query_of(url: str) -> Dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))
