"""One origin in front of two services with two keys, and the keys that each receives."""

from __future__ import annotations

from base64 import b64decode
from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterator, List
from urllib.parse import parse_qs, urlsplit

import requests

from tests.conftest import Service, Start
from tests.raster.recording import Answer, Recorder, Request

OTHER_KEY = "0bad5eed0bad5eed0bad5eed0bad5eed"


@contextmanager
def two_services(start_service: Start, archive: Path) -> Iterator[Recorder]:
    """Yield an origin in front of two services: ``/a/…`` takes the usual key, ``/b/…`` takes `OTHER_KEY`.

    Each has the roots of all kinds, ``/a/v0/``, ``/a/data/v1/`` and ``/a/stac/``.
    """
    services: Dict[str, Service] = {
        "a": start_service(archive, "--rescan", "0"),
        "b": start_service(archive, "--rescan", "0", key=OTHER_KEY),
    }

    def answer(request: Request) -> Answer:
        first, _, rest = request.path[1:].partition("/")
        host = services[first].url.rpartition("/v0/")[0]
        passed_on = ("authorization", "range", "content-type")
        headers = {name: value for name, value in request.headers.items() if name.lower() in passed_on}
        asked = {**headers, "Accept-Encoding": "identity"}
        found = requests.request(
            request.method,
            f"{host}/{rest}",
            headers=asked,
            data=request.body or None,
            timeout=60,
            allow_redirects=False,
        )
        body = found.content
        if "json" in found.headers.get("Content-Type", ""):
            body = body.replace(host.encode(), f"{recorder.url}/{first}".encode())
        kept = ("Content-Type", "Content-Range", "Accept-Ranges", "ETag", "Last-Modified", "Location")
        passed = {name: found.headers[name] for name in kept if name in found.headers}
        if request.method == "HEAD":
            passed["Content-Length"] = found.headers.get("Content-Length", "0")
        return found.status_code, passed, body

    recorder = Recorder(answer)
    try:
        yield recorder
    finally:
        recorder.stop()
        for service in services.values():
            service.stop()


def keys_seen(recorder: Recorder) -> Dict[str, List[str]]:
    """Return the keys that each of the two received, in the form of their headers."""
    found: Dict[str, List[str]] = {"a": [], "b": []}
    for request in recorder.seen:
        header = request.headers.get("Authorization", "")
        scheme, _, text = header.partition(" ")
        key = b64decode(text).decode().rstrip(":") if scheme.lower() == "basic" else text
        in_address = parse_qs(urlsplit(request.path).query).get("api_key", [])
        found[request.path.split("/")[1]] += [key, *in_address]
    return found
