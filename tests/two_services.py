"""One origin in front of two services with two keys, and the keys that each receives."""

from __future__ import annotations

from base64 import b64decode
from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterator, List

import requests

from tests.conftest import Service, Start
from tests.raster.recording import Answer, Recorder, Request

OTHER_KEY = "0bad5eed0bad5eed0bad5eed0bad5eed"


@contextmanager
def two_services(start_service: Start, archive: Path) -> Iterator[Recorder]:
    """Yield an origin in front of two services: ``/a/v0/`` takes the usual key, ``/b/v0/`` takes `OTHER_KEY`."""
    services: Dict[str, Service] = {
        "a": start_service(archive, "--rescan", "0"),
        "b": start_service(archive, "--rescan", "0", key=OTHER_KEY),
    }

    def answer(request: Request) -> Answer:
        first, _, rest = request.path[1:].partition("/v0/")
        service = services[first]
        headers = {name: value for name, value in request.headers.items() if name.lower() in ("authorization", "range")}
        asked = {**headers, "Accept-Encoding": "identity"}
        found = requests.request(request.method, service.url + rest, headers=asked, timeout=60, allow_redirects=False)
        body = found.content
        if "json" in found.headers.get("Content-Type", ""):
            body = body.replace(service.url.encode(), f"{recorder.url}/{first}/v0/".encode())
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
        found[request.path.split("/")[1]].append(key)
    return found
