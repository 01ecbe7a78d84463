"""What goes wrong is one sentence on stderr and an exit code: never a traceback, never an empty result."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Callable, Dict, Iterator, Optional, Tuple

import pytest

from planet_vector.connections import BUILT_IN, LOCAL
from planet_vector.driver.registration import environment
from planet_vector.roots import FORMER_API_URL
from tests.conftest import Service

Run = Callable[..., "subprocess.CompletedProcess[str]"]

SCENE = {"type": "Feature", "id": "a", "geometry": None, "properties": {"acquired": "2015-03-06T02:24:15Z"}}


def _complaint(done: subprocess.CompletedProcess[str], service: Service, code: int) -> str:
    """Return the sentence, once it is seen to be one."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert service.key not in done.stderr
    lines = done.stderr.splitlines()
    assert lines[-1].startswith("Error: ")
    # click says how a command is used before it says what is wrong with an option.
    assert len(lines) == 1 or lines[0].startswith("Usage: ")
    return lines[-1]


FAULTS: Dict[str, Tuple[int, str]] = {
    # what is asked: exit code, a word of the sentence
    "search -s nope": (1, "scene type 'nope'"),
    "count -s nope": (1, "scene type 'nope'"),
    "metadata 20990101_000000_0000": (1, "no scene '20990101_000000_0000'"),
    "metadata PLANET:ortho/20990101_000000_0000": (1, "no scene '20990101_000000_0000'"),
    "metadata PLANET:ortho": (2, "names no scene"),
    "metadata": (2, "Missing argument"),
    "search PLANET:ortho/a/b/c": (2, "too many parts"),
    "search PLANET:ortho?api_key=abcdef": (2, "A key is never part of a name"),
    "search PLANET:ortho?clouds=3": (2, "'clouds' is not a search parameter"),
    "search PLANET:ortho/20150306_022415_0908": (2, "not the name of a search"),
    "search PLANET:ortho -s landsat": (2, "give one of them"),
    "search --where cloud_cover.estimated lte many": (2, "takes a number"),
    "search --where cloud_cover.estimated like 5": (2, "not a search parameter"),
    "search --where image_statistics.image_quality gte superb": (2, "test, standard, target"),
    "search --acquired yesterday": (2, "not a time"),
    "search --acquired ..": (2, "takes A..B"),
    "search --acquired 2015-06-02..2015-06-01": (2, "write 2015-06-01..2015-06-02"),
    "search --since 3": (2, "such as 3d"),
    "search --cloud-cover 101": (2, "0<=x<=100"),
    "search --bbox 1,2,3": (2, "bbox"),
    "search --limit 0": (2, "x>=1"),
    "search nowhere.geojson": (2, "is no area"),
    "search --collection --csv": (2, "exclude each other"),
    "search -": (2, "no geometry in standard input"),
    "search --api-url ftp://example.com": (1, "http(s) address"),
    "info PLANET:ortho": (2, "names no scene"),
    "info PLANET:ortho/20990101_000000_0000/visual": (1, "no scene '20990101_000000_0000'"),
    "nope": (2, "No such command"),
}


@pytest.mark.parametrize("asked", FAULTS)
def test_what_cannot_be_is_said_in_a_sentence(service: Service, run: Run, asked: str) -> None:
    code, word = FAULTS[asked]
    done = run("planet-vector", *asked.split(), env=service.environ)
    sentence = _complaint(done, service, code)
    assert word in sentence
    assert "abcdef" not in sentence


def test_another_root_is_told_as_none_of_a_scenes_api(service: Service, run: Run) -> None:
    root = service.url.replace("v0/", "")
    sentence = _complaint(run("planet-vector", "types", env={**service.environ, "PL_API_URL": root}), service, 1)
    assert f"{root} is not the root of a service of a known kind" in sentence


def test_an_unknown_product_is_said_with_those_there_are(service: Service, run: Run) -> None:
    name = run("planet-vector", "search", "--limit", "1", "--names", env=service.environ).stdout.strip()
    for program in ("planet-vector", "rio planet"):
        done = run(*program.split(), "info", f"{name}/panchromatic", env=service.environ)
        sentence = _complaint(done, service, 1)
        assert "'panchromatic'" in sentence and "visual" in sentence and "analytic" in sentence
        assert "names no product" in _complaint(run(*program.split(), "info", name, env=service.environ), service, 2)


@pytest.mark.parametrize("command", ["types", "search", "count", "metadata x"])
class TestTheService:
    """Faults of the service, whatever is asked of it."""

    def test_refuses_a_wrong_key(self, service: Service, run: Run, command: str) -> None:
        wrong = "0" * 32
        done = run("planet-vector", *command.split(), env={**service.environ, "PL_API_KEY": wrong})
        sentence = _complaint(done, service, 1)
        assert "key" in sentence and "401" in sentence and wrong not in sentence

    def test_misses_a_key(self, service: Service, run: Run, command: str) -> None:
        environ = {name: value for name, value in service.environ.items() if name != "PL_API_KEY"}
        sentence = _complaint(run("planet-vector", *command.split(), env=environ), service, 1)
        assert "PL_API_KEY" in sentence

    def test_is_down(self, service: Service, run: Run, command: str) -> None:
        environ = {**service.environ, "PL_API_URL": "http://127.0.0.1:9/v0/"}
        sentence = _complaint(run("planet-vector", *command.split(), env=environ), service, 1)
        assert "connection" in sentence and "http://127.0.0.1:9/v0/" in sentence

    def test_is_none(self, service: Service, run: Run, command: str, nonsense: Nonsense) -> None:
        nonsense.body = b"<html>welcome</html>"
        environ = {**service.environ, "PL_API_URL": nonsense.url}
        assert "Scenes API" in _complaint(run("planet-vector", *command.split(), env=environ), service, 1)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b'{"type": "FeatureCollection"', b'{"features": 1}', b"\xff\xfe", b"[" * 100_000]
)
def test_nonsense_is_told_as_what_it_is(service: Service, run: Run, body: bytes, nonsense: Nonsense) -> None:
    nonsense.body = body
    done = run("planet-vector", "search", env={**service.environ, "PL_API_URL": nonsense.url})
    assert "The service" in _complaint(done, service, 1)


def test_a_lie_about_the_count_is_an_error_and_not_fewer_scenes(service: Service, run: Run, nonsense: Nonsense) -> None:
    nonsense.body = json.dumps(
        {"type": "FeatureCollection", "count": 3, "features": [SCENE], "links": {"next": None}}
    ).encode()
    done = run("planet-vector", "search", env={**service.environ, "PL_API_URL": nonsense.url})
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ") and len(done.stderr.splitlines()) == 1


class Nonsense:
    """A server that answers everything with the same bytes."""

    def __init__(self) -> None:
        self.body = b""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v0/"


@pytest.fixture
def nonsense() -> Iterator[Nonsense]:
    """Return a server of nonsense that runs."""
    nonsense = Nonsense()
    thread = threading.Thread(target=nonsense.server.serve_forever)
    thread.start()
    yield nonsense
    nonsense.server.shutdown()
    thread.join()
    nonsense.server.server_close()


@pytest.mark.parametrize(
    ("root", "told"),
    [
        (None, "The proxy .* cannot be reached"),
        (
            BUILT_IN[LOCAL].root,
            "no service on this machine: .*planet-vector serve.*planet-vector sample.*--connection.*PL_API_URL",
        ),
        (FORMER_API_URL, "Planet switched its Scenes API v0 off in 2017: name another service with --connection"),
    ],
)
def test_where_no_service_answers_the_error_says_what_to_do(root: Optional[str], told: str, run: Run) -> None:
    """Nothing is sent to Planet, as a proxy that is not there stands before it."""
    environ = {**os.environ, "https_proxy": "http://127.0.0.1:9", "PL_API_KEY": "k" * 32}
    environ.update({"PL_API_URL": root} if root else {})
    for command in (["planet-vector", "count"], ["planet-vector", "doctor"], ["ogrinfo", "-ro", "PLANET:ortho"]):
        env = {**environ, **environment()} if command[0] == "ogrinfo" else environ
        done = run(*command, env=env)
        said = done.stdout + done.stderr
        assert done.returncode == 1 and "kkk" not in said
        assert re.search(told, said)


def test_a_service_of_one_s_own_is_not_called_gone(run: Run) -> None:
    done = run("planet-vector", "count", env={**os.environ, "PL_API_URL": "http://127.0.0.1:9/v0/"})
    assert done.returncode == 1 and "2017" not in done.stderr
