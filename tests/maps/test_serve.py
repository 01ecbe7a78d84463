"""A map from the process that has the key: what it gives, to whom, and what it keeps to itself."""

from __future__ import annotations

import contextlib
import http.client
import re
import signal
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple
from urllib.parse import urlsplit

import pytest
import requests

from planet_vector.errors import ConfigError
from planet_vector.maps.proxy import MapServer
from tests.conftest import KEY, ROOT, SERVICE_PYTHON, Service
from tests.maps.conftest import AREA, Show, found

NAME = f"PLANET:ortho?{AREA}"


@contextlib.contextmanager
def started(service: Service, *arguments: str, **environ: str) -> Iterator[Tuple[subprocess.Popen[str], str]]:
    """Run ``planet-vector map … --serve`` and give the process and the address it prints."""
    process = subprocess.Popen(
        [SERVICE_PYTHON, "-m", "planet_vector.cli", "map", *arguments, "--serve"],
        env={**service.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        match = re.search(r"http://\S+", line)
        assert match, line + (process.stderr.read() if process.stderr else "")
        yield process, match.group()
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=10)


@contextlib.contextmanager
def serving(*arguments: Any, **options: Any) -> Iterator[MapServer]:
    """Serve a map in a thread of this process."""
    with MapServer(*arguments, **options) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def server(closed: Service) -> Iterator[MapServer]:
    with serving([NAME, "PLANET:basemaps/summer"], connection=closed.url, key=closed.key) as running:
        yield running


def ask(
    server: MapServer, path: str, method: str = "GET", host: Optional[str] = None, **headers: str
) -> Tuple[int, bytes]:
    """Ask for exactly this path, by exactly this host."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    try:
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", host or server.hosts[0])
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read()
        assert KEY not in str(answer.headers) and KEY.encode() not in body
        return answer.status, body
    finally:
        connection.close()


def test_the_page_shows_tiles_and_thumbnails_that_need_the_key(show: Show, closed: Service) -> None:
    with started(closed, NAME, "PLANET:basemaps/summer") as (process, url):
        seen = show(url)
        scene = min(found(closed), key=lambda one: one["properties"]["cloud_cover"]["estimated"])
        seen.page.locator("#list li", has_text=scene["id"]).locator(".scene").click()
        seen.page.locator("#details-tiles").click()
        seen.settle()
        assert seen.page.locator("#details img").evaluate("image => image.naturalWidth") == 128
        widths = seen.page.locator(".leaflet-tile").evaluate_all("tiles => tiles.map(tile => tile.naturalWidth)")
        assert 256 in widths
        asked = [urlsplit(request) for request in seen.asked()]
        assert {part.netloc for part in asked} == {urlsplit(url).netloc}
        kinds = {re.sub(r"[^/]+/[^/]+\.png", "", part.path.replace(urlsplit(url).path, "")) for part in asked}
        assert any(kind.startswith(f"scenes/ortho/{scene['id']}/") for kind in kinds)
        assert any(kind.startswith("mosaics/summer/") for kind in kinds)
        assert KEY not in seen.page.content() and not any(KEY in request for request in seen.requests)
        assert seen.problems == []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = path.read_bytes()
                assert b"planet_vector.cli\0serve" in words or KEY.encode() not in words, path
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        assert (process.returncode, errors) == (0, "")


def test_pictures_are_the_service_s_own(server: MapServer, closed: Service) -> None:
    scene = found(closed)[0]
    headers = {"Authorization": f"api-key {closed.key}"}
    west, south = scene["geometry"]["coordinates"][0][0]
    place = f"scenes/ortho/{scene['id']}/thumb"
    assert (
        requests.get(server.url + place, timeout=30).content
        == requests.get(scene["properties"]["links"]["thumbnail"], headers=headers, timeout=30).content
    )
    tile = f"mosaics/summer/12/{int((12.0 + 180) / 360 * 2**12)}/1426.png"
    expected = requests.get(closed.url + tile, headers=headers, timeout=30)
    got = requests.get(server.url + tile, timeout=30)
    assert (expected.status_code, got.status_code) == (200, 200)
    assert got.content == expected.content
    assert got.headers["Content-Type"] == "image/png"
    assert got.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_a_tile_beside_a_scene_is_empty(server: MapServer, closed: Service) -> None:
    tile = f"scenes/ortho/{found(closed)[0]['id']}/12/0/0.png"
    headers = {"Authorization": f"api-key {closed.key}"}
    assert requests.get(closed.url + tile, headers=headers, timeout=30).status_code == 404
    status, body = ask(server, urlsplit(server.url).path + tile)
    assert status == 200 and body.startswith(b"\x89PNG") and len(body) < 100


@pytest.mark.parametrize(
    "host", ["example.org", "127.0.0.1", "localhost.example.org:{port}", "127.0.0.1:1", "127.0.0.1:{port}@example.org"]
)
def test_it_answers_to_no_other_host(server: MapServer, host: str) -> None:
    status, body = ask(server, urlsplit(server.url).path, host=host.format(port=server.server_port))
    assert status == 403 and b"<html" not in body
    status, _ = ask(server, urlsplit(server.url).path, host=f"localhost:{server.server_port}")
    assert status == 200


PATHS = [
    "/",
    "/scenes/ortho/{scene}/thumb",
    "/0000{token}/",
    "/{token}x/",
    "{url}",
    "/{token}/scenes/ortho/{scene}",
    "/{token}/scenes/ortho/{scene}/full",
    "/{token}/scenes/ortho/{scene}/thumb?size=lg",
    "/{token}/scenes/ortho/{scene}/../{scene}/thumb",
    "/{token}/scenes/ortho/{scene}/1/2/3.png?api_url=http://example.org/",
    "/{token}/scenes/ortho/{scene}/1/2/-3.png",
    "/{token}/scenes/ortho/{scene}/1/2/3.jpg",
    "/{token}/scenes/ortho/nothing/1/2/3.png",
    "/{token}/scenes/rapideye/{scene}/1/2/3.png",
    "/{token}/mosaics/spring/1/2/3.png",
    "/{token}/mosaics/../scenes/ortho/{scene}/thumb",
    "/{token}/http://example.org/1/2/3.png",
    "/{token}//example.org/1/2/3.png",
    "/{token}/%2e%2e/",
]


@pytest.mark.parametrize("path", PATHS)
def test_it_gives_nothing_but_what_the_map_shows(server: MapServer, closed: Service, log: Path, path: str) -> None:
    token = urlsplit(server.url).path.strip("/")
    before = len(log.read_text().splitlines())
    place = path.format(token=token, scene=found(closed)[0]["id"], url=server.url)
    status, body = ask(server, place)
    assert status == 404 and len(body) < 100
    # The service was asked by this test alone.
    assert len(log.read_text().splitlines()) == before + 1


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT"])
def test_it_takes_get_only(server: MapServer, method: str) -> None:
    status, _ = ask(server, urlsplit(server.url).path, method)
    assert status == 501


def test_a_get_with_a_body_is_refused(server: MapServer) -> None:
    status, _ = ask(server, urlsplit(server.url).path, **{"Content-Length": "5"})
    assert status == 400


def test_the_address_for_the_browser_s_arguments_leads_to_the_map_once(server: MapServer) -> None:
    address = server.once()
    first = requests.get(address, timeout=30)
    assert first.url == server.url and first.status_code == 200
    assert requests.get(address, timeout=30).status_code == 404
    assert urlsplit(server.url).path.strip("/") not in address


def test_open_gives_the_browser_that_address(closed: Service, tmp_path: Path) -> None:
    script = tmp_path / "browser"
    script.write_text(f'#!/bin/sh\necho "$1" > "{tmp_path}/address"\n')
    script.chmod(0o755)
    with started(closed, NAME, "--open", BROWSER=f"{script} %s") as (process, url):
        for _ in range(100):
            if (tmp_path / "address").exists() and (tmp_path / "address").read_text().strip():
                break
            threading.Event().wait(0.1)
        address = (tmp_path / "address").read_text().strip()
        assert url not in address
        assert requests.get(address, timeout=30).url == url
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        assert process.returncode == 0


class _Elsewhere(BaseHTTPRequestHandler):
    """Redirect, and record what arrives: a host that is not the API's."""

    seen: List[Dict[str, str]] = []

    def do_GET(self) -> None:
        self.seen.append(dict(self.headers))
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<script>window.hacked=1</script>")

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


def test_what_is_no_picture_is_not_handed_on_and_the_key_goes_nowhere_else(
    start_service: Any, archive: Path, tmp_path: Path
) -> None:
    elsewhere = ThreadingHTTPServer(("127.0.0.1", 0), _Elsewhere)
    thread = threading.Thread(target=elsewhere.serve_forever, daemon=True)
    thread.start()
    faults = tmp_path / "faults.yml"
    place = f"http://127.0.0.1:{elsewhere.server_port}/"
    faults.write_text(
        f'- {{path: "*/thumb", status: 302, headers: {{Location: "{place}"}}}}\n- {{path: "*.png", status: 403}}\n'
    )
    service = start_service(archive, "--index", str(tmp_path / "index.sqlite"), "--faults", str(faults))
    told: List[str] = []
    try:
        with serving(NAME, connection=service.url, key=service.key, told=told.append) as running:
            scene = found(service)[0]["id"]
            answer = requests.get(f"{running.url}scenes/ortho/{scene}/thumb", timeout=30)
            assert answer.status_code == 502 and "<script" not in answer.text
            for _ in range(2):
                assert (
                    requests.get(f"{running.url}scenes/ortho/{scene}/12/2184/1426.png", timeout=30).status_code == 502
                )
    finally:
        elsewhere.shutdown()
        elsewhere.server_close()
        thread.join()
        service.stop()
    assert len(_Elsewhere.seen) == 1 and "Authorization" not in _Elsewhere.seen[0]
    assert len(told) == 2 and "not a picture" in told[0] and "403" in told[1]
    assert not any(KEY in sentence for sentence in told)


def test_a_port_that_is_taken_is_told(server: MapServer, closed: Service) -> None:
    with pytest.raises(ConfigError, match=f"127.0.0.1:{server.server_port} .* --port"):
        MapServer(NAME, server.server_port, connection=closed.url, key=closed.key)


def test_it_listens_on_this_machine_only(server: MapServer) -> None:
    assert server.server_address[0] == "127.0.0.1"
