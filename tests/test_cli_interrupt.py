"""Ctrl-C ends a long command at once, whatever the service does, and leaves whole files only; so does a closed pipe."""

from __future__ import annotations

import json
import os
import re
import selectors
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from tests.raster.recording import Answer, Recorder, Request, ranged

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and terminals as POSIX has them")

AT_ONCE = 3.0  # seconds; a request that hangs would take sixty, and be tried again
PAGE = 1000
NEWEST = datetime(2015, 9, 1, tzinfo=timezone.utc)
FILE = b"II*\0" + os.urandom(300_000)  # as a TIFF begins


class Hanging:
    """A service whose answers stop: after the first page of a search, or in the middle of every file but one."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self.hangs = threading.Event()
        self.server = Recorder(self._answer)
        self.url = f"{self.server.url}/v0/"

    def _answer(self, request: Request) -> Answer:
        path = request.path.partition("?")[0]
        if path.endswith("/full"):
            return self._file(request, path)
        if path.endswith("/thumb"):
            return self._wait()
        if path == "/v0/scenes/ortho/":
            asked = request.path.partition("?")[2]
            scenes = [self._scene(number) for number in range(PAGE)]
            if "asc" in asked:  # how far back does it reach?
                scenes = [self._scene(5 * PAGE)]
            elif "acquired." in asked:
                return self._wait()  # any page but the first
            page = {"type": "FeatureCollection", "count": 5 * PAGE, "features": scenes, "links": {"next": None}}
            return 200, {"Content-Type": "application/json"}, json.dumps(page).encode()
        number = int(path.rpartition("_")[2])
        return 200, {"Content-Type": "application/json"}, json.dumps(self._scene(number)).encode()

    def _file(self, request: Request, path: str) -> Answer:
        status, headers, body = ranged(request, FILE, '"one"')
        if "s_0/" in path or len(body) == 1:
            return status, headers, body
        # Half of it, and then silence on an open connection.
        self.hangs.set()
        return status, {**headers, "Content-Length": str(len(body)), "X-Hang": "1"}, body[: len(body) // 2]

    def _wait(self) -> Answer:
        self.hangs.set()
        self.goes_on.wait(60)
        return 500, {}, b""

    def _scene(self, number: int) -> Dict[str, Any]:
        root = f"{self.server.url}/v0/scenes/ortho/s_{number}"
        acquired = (NEWEST - timedelta(minutes=number)).isoformat()
        products = {"visual": {"full": f"{root}/full"}}
        links = {"self": root, "thumbnail": f"{root}/thumb"}
        properties = {"acquired": acquired, "data": {"products": products}, "links": links}
        return {"type": "Feature", "id": f"s_{number}", "geometry": None, "properties": properties}


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    service = Hanging()
    yield service
    service.goes_on.set()
    service.server.stop()


def _start(hanging: Hanging, folder: Path, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    environ = {**os.environ, "PL_API_URL": hanging.url}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen(["planet-vector", *arguments], env=environ, cwd=folder, text=True, **streams)


def _line(process: subprocess.Popen[str]) -> str:
    """Return the first line on stdout."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        ready = selector.select(30)
    if not ready:
        process.kill()
        process.communicate()
        raise AssertionError("nothing is printed")
    return process.stdout.readline()


def _interrupted(process: subprocess.Popen[str]) -> Any:
    """Press Ctrl-C, and return what stood on stdout once it is seen that it ended at once and quietly."""
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    try:
        out, err = process.communicate(timeout=AT_ONCE)
    finally:
        process.kill()
    assert time.monotonic() - began < AT_ONCE
    assert (process.returncode, err) == (130, "")
    return out


def test_a_search(hanging: Hanging, tmp_path: Path) -> None:
    with open(tmp_path / "found.geojsons", "w") as file:
        process = _start(hanging, tmp_path, "search", stdout=file)
    assert hanging.hangs.wait(30)
    assert _interrupted(process) is None
    lines = (tmp_path / "found.geojsons").read_text().splitlines()
    # Whole scenes, as far as the first page goes; what lay in a buffer too.
    assert [json.loads(line)["id"] for line in lines] == [f"s_{number}" for number in range(len(lines))]
    assert len(lines) in (0, PAGE - 1)


def test_a_download(hanging: Hanging, tmp_path: Path) -> None:
    process = _start(hanging, tmp_path, "download", *(f"s_{number}" for number in range(9)), "-o", "d")
    first = _line(process)
    assert hanging.hangs.wait(30)
    assert _interrupted(process) == ""
    there = {path.name: path for path in (tmp_path / "d").iterdir()}
    assert first == f"{Path('d') / 's_0_visual.tif'}\n"
    assert [name for name in there if name.endswith(".tif")] == ["s_0_visual.tif"]
    assert there["s_0_visual.tif"].read_bytes() == FILE
    parts = [name for name in there if name.endswith(".part")]
    assert all(FILE.startswith(there[name].read_bytes()) for name in parts)
    assert set(there) - {"s_0_visual.tif"} - set(parts) <= {f"{name}.version" for name in parts}


def test_thumbnails(hanging: Hanging, tmp_path: Path) -> None:
    process = _start(hanging, tmp_path, "thumbnails", "s_1", "s_2", "-o", "t")
    assert hanging.hangs.wait(30)
    assert _interrupted(process) == ""
    assert list((tmp_path / "t").iterdir()) == []


def test_a_sync(hanging: Hanging, tmp_path: Path) -> None:
    process = _start(hanging, tmp_path, "sync", "d", "PLANET:ortho?limit=9")
    assert hanging.hangs.wait(30)
    _interrupted(process)
    names = [path.name for path in (tmp_path / "d").iterdir()]
    assert [name for name in names if name.endswith(".tif")] in ([], ["s_0_visual.tif"])
    kept = json.loads((tmp_path / "d" / ".planet_vector-sync.json").read_text())
    assert {f"PLANET:ortho/s_{number}" for number in range(1, 9)} <= set(kept["pending"])


def test_what_was_interrupted_goes_on(hanging: Hanging, tmp_path: Path) -> None:
    process = _start(hanging, tmp_path, "download", "s_1", "-o", "d")
    part = tmp_path / "d" / "s_1_visual.tif.part"
    end = time.monotonic() + 30
    while not (part.exists() and part.stat().st_size > 100_000):
        assert time.monotonic() < end
        time.sleep(0.02)
    _interrupted(process)
    had = part.stat().st_size
    assert 100_000 < had < len(FILE)
    hanging.goes_on.set()
    hanging.server.answer = lambda request: (
        ranged(request, FILE, '"one"') if request.path.endswith("/full") else hanging._answer(request)
    )
    seen = len(hanging.server.seen)
    process = _start(hanging, tmp_path, "download", "s_1", "-o", "d")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err, out) == (0, "", f"{Path('d') / 's_1_visual.tif'}\n")
    assert (tmp_path / "d" / "s_1_visual.tif").read_bytes() == FILE
    ranges: List[str] = [request.headers.get("Range", "") for request in hanging.server.seen[seen:]]
    assert f"bytes={had}-" in ranges
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["s_1_visual.tif"]


def test_a_progress_bar_leaves_the_cursor(hanging: Hanging, tmp_path: Path) -> None:
    """Ctrl-C while threads hang ends the program at once: a cursor that a bar had hidden would stay so."""
    import pty

    leader, follower = pty.openpty()
    environ = {**os.environ, "PL_API_URL": hanging.url}
    hanging.server.answer = lambda request: (
        hanging._wait() if request.path.endswith("/thumb") else hanging._answer(request)
    )
    process = subprocess.Popen(["planet-vector", "map", "PLANET:ortho?limit=9", "-o", "m.html"],
                               env=environ, cwd=tmp_path, stdout=follower, stderr=follower, stdin=follower)  # fmt: skip
    os.close(follower)
    said = b""
    try:
        assert hanging.hangs.wait(30)
        while b"Thumbnails:" not in said:
            said += os.read(leader, 4096)
        process.send_signal(signal.SIGINT)
        process.wait(AT_ONCE)
        while piece := os.read(leader, 4096):
            said += piece
    except OSError:  # how Linux says that nobody holds the other end any more
        pass
    finally:
        process.kill()
        process.wait()
        os.close(leader)
    assert process.returncode == 130
    assert b"\x1b[?25l" not in said


def test_progress_is_for_terminals(hanging: Hanging, tmp_path: Path) -> None:
    """On a terminal a line is written over and over on stderr; stdout has the paths and nothing else."""
    import pty

    leader, follower = pty.openpty()
    environ = {**os.environ, "PL_API_URL": hanging.url}
    with subprocess.Popen(["planet-vector", "download", "s_0", "-o", "d"], env=environ, cwd=tmp_path, text=True,
                          stdout=subprocess.PIPE, stderr=follower) as process:  # fmt: skip
        os.close(follower)
        out, _ = process.communicate(timeout=30)
    said = b""
    try:
        while piece := os.read(leader, 4096):
            said += piece
    except OSError:  # how Linux says that nobody holds the other end any more
        pass
    os.close(leader)
    assert process.returncode == 0
    assert out == f"{Path('d') / 's_0_visual.tif'}\n"
    assert re.search(rb"\r.*B.*files", said) and re.search(rb"\r +\r+$", said)
