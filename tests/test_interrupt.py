"""Ctrl-C ends whatever waits for a slow service at once, and leaves no half files.

A real service answers through `Gate`, which can hold back any answer.
"""

from __future__ import annotations

import http.client
import http.server
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Mapping
from urllib.parse import unquote_plus

import pytest

from tests.conftest import KEY, Service, Start, forget_key_of, needs_fiona

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")

AT_ONCE = 2.0  # seconds; it is to be one, and another is for a machine that runs other suites at the same time
HELD = 60.0  # seconds that an answer is held back: whatever waits for it, or times out, fails
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}

Hold = Callable[[str, Mapping[str, str]], bool]


class Gate(http.server.ThreadingHTTPServer):
    """Hand requests on to a service, and hold back what answers a function chooses."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, service: Service) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = service.url.replace(service.url.split("/")[2], f"127.0.0.1:{self.server_port}")
        self.behind = service.url.split("/")[2]
        self.holds: Hold = lambda path, headers: False
        self.half: Hold = lambda path, headers: False  # the same, in the middle of the body
        self.held = threading.Event()
        self.opened = threading.Event()
        self._thread = threading.Thread(target=lambda: self.serve_forever(0.05))
        self._thread.start()

    def hold(self) -> None:
        self.held.set()
        self.opened.wait(HELD)

    def stop(self) -> None:
        forget_key_of(self.url)
        self.opened.set()
        self.shutdown()
        self.server_close()
        self._thread.join()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: who was interrupted has gone."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Gate

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        path, headers = unquote_plus(self.path), {name.lower(): value for name, value in self.headers.items()}
        half = self.server.half(path, headers)
        if self.server.holds(path, headers):
            self.server.hold()
        behind = http.client.HTTPConnection(self.server.behind, timeout=30)
        behind.request(self.command, self.path, headers={**headers, "connection": "close"})
        answer = behind.getresponse()
        body = answer.read()
        behind.close()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        length = answer.headers["Content-Length"] if self.command == "HEAD" else str(len(body))
        self.send_header("Content-Length", length or "0")
        self.end_headers()
        if half:
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.server.hold()
            body = body[len(body) // 2 :]
        self.wfile.write(body)

    do_HEAD = do_GET


@pytest.fixture(scope="module")
def behind(start_service: Start, archive: Path) -> Service:
    return start_service(archive)


@pytest.fixture
def gate(behind: Service) -> Iterator[Gate]:
    gate = Gate(behind)
    yield gate
    gate.stop()


class Started:
    """A process at the service behind a gate."""

    def __init__(self, gate: Gate, folder: Path, *command: str) -> None:
        from planet_vector.driver.registration import environment

        self.gate = gate
        environ = {**os.environ, **environment(), "PL_API_URL": gate.url, "PL_API_KEY": KEY, "PLANET_RATE": "0"}
        environ["PLANET_CACHE_TTL"] = "0"  # what an earlier case has stored on disk is not asked for
        self.process = subprocess.Popen(
            command,
            env=environ,
            cwd=folder,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def interrupt(self) -> Ended:
        """Press Ctrl-C once an answer is held back, and wait for the end."""
        try:
            deadline = time.monotonic() + 60
            while not self.gate.held.wait(0.05):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"no answer was held back: {self.process.communicate()}")
            time.sleep(0.2)  # it waits for the answer by now
            self.process.send_signal(signal.SIGINT)
            began = time.monotonic()
            out, err = self.process.communicate(timeout=HELD / 2)
            return Ended(time.monotonic() - began, self.process.returncode, out, err)
        finally:
            self.process.kill()
            self.process.communicate()


class Ended:
    """How a process ended."""

    def __init__(self, took: float, status: int, out: str, err: str) -> None:
        self.took, self.status, self.out, self.err = took, status, out, err

    def as_a_script(self) -> None:
        """Check that it ended at once as Python ends after Ctrl-C: by the signal, with a traceback."""
        assert self.took < AT_ONCE, self.err
        assert self.status == -signal.SIGINT, self.err
        assert self.err.rstrip().endswith("KeyboardInterrupt"), self.err
        assert "Exception ignored" not in self.err

    def as_a_command(self) -> None:
        """Check that it ended at once as a command does: quietly."""
        assert self.took < AT_ONCE, self.err
        assert (self.status, self.err) == (130, "")


def script(gate: Gate, folder: Path, code: str, *arguments: str) -> Started:
    return Started(gate, folder, sys.executable, "-c", code, *arguments)


def asks_for_a_page(path: str, headers: Mapping[str, str]) -> bool:
    return "/scenes/ortho/?" in path and "count=1000" in path


def ranges_by(agent: str, after: int = 0) -> Hold:
    """Return what holds the ranges of files that a program asks for, but for the first of them."""
    seen = iter(range(10**9))
    return lambda path, headers: (
        "/full" in path and agent in headers.get("user-agent", "") and "range" in headers and next(seen) >= after
    )


def scenes_with(archive: Path, product: str = "visual") -> List[str]:
    return sorted(path.name[: -len(f"_{product}.tif")] for path in archive.glob(f"20*_{product}.tif"))


# ---- searches --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["PLANET:ortho", "PLANET:ortho?limit=1500"])
def test_a_search(gate: Gate, tmp_path: Path, name: str) -> None:
    """Of all there is pages are asked for in threads, of the first scenes in the main thread."""
    gate.holds = asks_for_a_page
    code = "import sys, planet_vector; print(len(list(planet_vector.search(sys.argv[1]))))"
    script(gate, tmp_path, code, name).interrupt().as_a_script()


def test_the_ends_of_a_search(gate: Gate, tmp_path: Path) -> None:
    gate.holds = lambda path, headers: "count=1" in path
    code = "import planet_vector; planet_vector.open_layer('PLANET:ortho').count()"
    script(gate, tmp_path, code).interrupt().as_a_script()


def test_a_service_that_asks_for_patience(gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two tries, too."""
    code = """
import planet_vector
from planet_vector.http import transport
from planet_vector.errors import RateLimitError
catalog = planet_vector.connect()
catalog.scene_types()
def busy(*_):
    error = RateLimitError("busy", "GET", 429)
    error.retry_after = 250.0
    raise error
transport.check_status = busy
print("busy", flush=True)
list(planet_vector.search("PLANET:ortho"))
"""
    started = script(gate, tmp_path, code)
    assert started.process.stdout is not None
    assert started.process.stdout.readline() == "busy\n"
    time.sleep(1.0)
    gate.held.set()
    started.interrupt().as_a_script()


READERS = {
    "fiona": "import fiona\nwith fiona.open('PLANET:ortho') as layer: print(len(list(layer)))",
    "pyogrio": "import pyogrio\nprint(len(pyogrio.raw.read('PLANET:ortho')[2]))",
    "geopandas": "import geopandas\nprint(len(geopandas.read_file('PLANET:ortho')))",
}


@pytest.mark.parametrize("reader", [pytest.param("fiona", marks=needs_fiona), "pyogrio", "geopandas"])
def test_a_search_read_by_gdal(gate: Gate, tmp_path: Path, reader: str) -> None:
    pytest.importorskip(reader)
    gate.holds = asks_for_a_page
    code = f"import planet_vector\nplanet_vector.register()\n{READERS[reader]}"
    ended = script(gate, tmp_path, code).interrupt()
    assert ended.took < AT_ONCE, ended.err
    # By the signal, or by the error that the reader makes of it: some turn all that a driver says into their own.
    assert ended.status in (-signal.SIGINT, 1), ended.err
    assert "KeyboardInterrupt" in ended.err
    assert ended.out == ""


def test_a_search_at_a_shell(gate: Gate, tmp_path: Path) -> None:
    gate.holds = asks_for_a_page
    ended = Started(gate, tmp_path, "planet-vector", "search").interrupt()
    ended.as_a_command()
    assert ended.out == ""


# ---- files -----------------------------------------------------------------------------------------------


def whole_files(folder: Path, archive: Path) -> Dict[str, bool]:
    """Return what is in a folder, and whether each is a file of the archive, or a part a download goes on from."""
    found = {}
    for path in folder.iterdir():
        original = archive / re.sub(r"\.part(\.version)?$", "", path.name)
        if path.name.startswith(".planet_vector-sync"):
            found[path.name] = True
        elif path.name.endswith("_metadata.json"):
            found[path.name] = json.loads(path.read_text())["id"] == path.name[: -len("_metadata.json")]
        elif path.name.endswith(".part.version"):
            found[path.name] = json.loads(path.read_text())["size"] == original.stat().st_size
        elif path.name.endswith(".part"):
            found[path.name] = original.read_bytes().startswith(path.read_bytes())
        else:
            found[path.name] = original.read_bytes() == path.read_bytes()
    return found


@pytest.mark.parametrize("half", [True, False])
@pytest.mark.parametrize("way", ["planet-vector", "planet_vector"])
def test_a_download(gate: Gate, behind: Service, archive: Path, tmp_path: Path, way: str, half: bool) -> None:
    """In the middle of a body, and before it begins; the one file that came is there, and the others go on."""
    scenes = scenes_with(archive)[:6]
    slow: Hold = lambda path, headers: (  # noqa: E731
        "/full" in path and "range" not in headers and scenes[0] not in path
    )
    gate.half, gate.holds = (slow, gate.holds) if half else (gate.half, slow)
    if way == "planet-vector":
        Started(gate, tmp_path, way, "download", *scenes, "-o", "d").interrupt().as_a_command()
    else:
        code = """
import sys, planet_vector
scenes = [planet_vector.connect().scene("ortho", scene) for scene in sys.argv[1:]]
planet_vector.download(scenes, "d")
"""
        script(gate, tmp_path, code, *scenes).interrupt().as_a_script()
    left = whole_files(tmp_path / "d", archive)
    assert all(left.values()), left
    assert not [name for name in left if name.startswith(".")]
    for name in [f"{scene}_visual.tif" for scene in scenes[1:]]:
        assert name not in left
    again = subprocess.run(
        ["planet-vector", "download", *scenes, "-o", "d"], env={**os.environ, "PL_API_URL": behind.url,
        "PL_API_KEY": KEY, "PLANET_RATE": "0"}, cwd=tmp_path, capture_output=True, text=True, timeout=60)  # fmt: skip
    assert (again.returncode, again.stderr) == (0, "")
    left = whole_files(tmp_path / "d", archive)
    assert left == {f"{scene}_visual.tif": True for scene in scenes}


@pytest.mark.parametrize("half", [True, False])
@pytest.mark.parametrize("way", ["planet-vector", "planet_vector"])
def test_a_sync(gate: Gate, archive: Path, tmp_path: Path, way: str, half: bool) -> None:
    slow: Hold = lambda path, headers: "/full" in path and "range" not in headers  # noqa: E731
    gate.half, gate.holds = (slow, gate.holds) if half else (gate.half, slow)
    if way == "planet-vector":
        Started(gate, tmp_path, way, "sync", "d", "PLANET:ortho?limit=9").interrupt().as_a_command()
    else:
        script(
            gate, tmp_path, "import planet_vector; planet_vector.sync('PLANET:ortho?limit=9', 'd')"
        ).interrupt().as_a_script()
    left = whole_files(tmp_path / "d", archive)
    assert all(left.values()), left
    assert [name for name in left if name.endswith((".tif", ".json"))] == [".planet_vector-sync.json"]
    assert len(json.loads((tmp_path / "d" / ".planet_vector-sync.json").read_text())["pending"]) == 9


# ---- rasters ---------------------------------------------------------------------------------------------

OPEN = """
import sys, planet_vector
from planet_vector.raster import remote_file
with planet_vector.open(f"PLANET:ortho/{sys.argv[1]}/visual") as dataset:
    print("open", flush=True)
    remote_file.kept.clear()  # so small a file is here with its header
    dataset.read()
"""
MOSAIC = """
import planet_vector
from planet_vector.raster import remote_file
with planet_vector.mosaic("PLANET:ortho?limit=6") as dataset:
    print("open", flush=True)
    remote_file.kept.clear()
    dataset.read(1, out_shape=(100, 100))
"""


def test_opening_a_product(gate: Gate, archive: Path, tmp_path: Path) -> None:
    """Python finds out where it is by asking for the header."""
    gate.holds = ranges_by("planet_vector")
    ended = script(gate, tmp_path, OPEN, scenes_with(archive)[0]).interrupt()
    ended.as_a_script()
    assert ended.out == ""


def test_reading_a_product(gate: Gate, archive: Path, tmp_path: Path) -> None:
    """GDAL reads in one call, in another thread than the one that Python interrupts; the `with` closes the dataset."""
    gate.holds = ranges_by("planet_vector", after=1)
    ended = script(gate, tmp_path, OPEN, scenes_with(archive)[0]).interrupt()
    ended.as_a_script()
    assert ended.out == "open\n"


@pytest.mark.parametrize("after", [0, 1, 3, 5, 6, 8])
def test_a_mosaic(gate: Gate, archive: Path, tmp_path: Path, after: int) -> None:
    """While the scene on top is opened, while others are looked at (before it is open), and while GDAL reads."""
    gate.holds = ranges_by("planet_vector", after)
    ended = script(gate, tmp_path, MOSAIC).interrupt()
    ended.as_a_script()
    assert ended.out == ("open\n" if after >= 6 else "")


def test_an_interrupted_read_goes_on_by_itself(gate: Gate, archive: Path, tmp_path: Path) -> None:
    """In a session that goes on, the dataset can be read again, and closed meanwhile."""
    code = """
import sys, time, planet_vector
from planet_vector.raster import remote_file
dataset, other = [planet_vector.open(f"PLANET:ortho/{scene}/visual") for scene in sys.argv[1:]]
remote_file.kept.clear()  # so small a file is here with its header
for each in (dataset, other):
    try:
        each.read()
        print("read")
    except KeyboardInterrupt:
        print("interrupted", flush=True)
other.close()
try:
    dataset.read()
except KeyboardInterrupt:
    print("interrupted", flush=True)
sys.stdin.read(1)  # until the service answers
print(dataset.read().sum(), dataset.read_masks(1).sum(), other.closed, flush=True)
"""
    scene, another = scenes_with(archive)[:2]
    gate.holds = ranges_by("planet_vector", after=2)
    with script(gate, tmp_path, code, scene, another).process as process:
        assert process.stdout is not None and process.stdin is not None
        try:
            assert gate.held.wait(60)
            for _ in range(3):
                time.sleep(0.3)
                process.send_signal(signal.SIGINT)
                assert process.stdout.readline() == "interrupted\n"
            gate.opened.set()
            time.sleep(0.5)
            process.stdin.write("x")
            process.stdin.close()
            read = process.stdout.readline().split()
            assert process.wait(30) == 0
        finally:
            process.kill()
    rasterio = pytest.importorskip("rasterio")
    with rasterio.open(archive / f"{scene}_visual.tif") as dataset:
        assert read == [str(dataset.read().sum()), str(dataset.read_masks(1).sum()), "True"]


@pytest.mark.parametrize("after", [0, 2, 5])
def test_crops(gate: Gate, archive: Path, tmp_path: Path, after: int) -> None:
    """What is written when Python ends, by threads that it leaves behind, goes."""
    gate.holds = ranges_by("planet_vector", after)
    code = """
import planet_vector
stack = planet_vector.find_stacks(planet_vector.search("PLANET:ortho"), min_depth=3)[0]
planet_vector.crop_stack(stack, "d", cog=True)
"""
    script(gate, tmp_path, code).interrupt().as_a_script()
    for path in (tmp_path / "d").glob("*"):
        with pytest.importorskip("rasterio").open(path) as dataset:
            assert float(dataset.tags()["valid"]) == pytest.approx((dataset.dataset_mask() > 0).mean(), abs=1e-6)


def test_a_file_that_is_being_written_when_python_ends(tmp_path: Path) -> None:
    code = """
import sys, threading
from pathlib import Path
from planet_vector.atomic_files import complete
from planet_vector.workers import Workers
written = threading.Semaphore(0)
def write(name):
    with complete(Path(name)) as temporary:
        temporary.write_bytes(b"half")
        Path(f"{temporary}.ovr.tmp").write_bytes(b"half")
        written.release()
        threading.Event().wait(60)
with Workers(2) as pool:
    for name in ("a[1].tif", "b.tif"):
        pool.submit(write, name)
        written.acquire()
    print(sorted(path.name.split(".")[1] for path in Path().iterdir()))
    raise KeyboardInterrupt
"""
    (tmp_path / ".another.1.tif").touch()
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert done.returncode == -signal.SIGINT
    assert done.stdout == "['a[1]', 'a[1]', 'another', 'b', 'b']\n"
    assert [path.name for path in tmp_path.iterdir()] == [".another.1.tif"]
