"""Temporary copies of products that are served whole: closed to others, and gone with the program, however it ends."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Tuple

import pytest

from planet_vector.catalog.scenes_v0.client import ScenesV0
from planet_vector.errors import RasterAccessError

from ..conftest import ROOT
from .recording import Pair

pytest.importorskip("rasterio")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals, modes and users as POSIX has them")

OPENING = """
import sys, time
from planet_vector.catalog.scenes_v0.client import ScenesV0
from planet_vector.config import Settings
from planet_vector.keys import Key
from planet_vector.raster.product import open_link
root, link, key, rest = sys.argv[1:]
catalog = ScenesV0(Settings(root, Key(key), rate=0))
told = lambda done, total: print("coming", flush=True)
dataset = open_link(catalog, link, "visual", told)
print("open", dataset.read(1).sum(), flush=True)
exec(rest)
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(pair: Pair, tmp_path: Path) -> Iterator[Start]:
    """Return what starts a program that opens a product, with its temporary files in a folder of the test."""

    processes: List[subprocess.Popen[str]] = []

    def run(rest: str = "time.sleep(60)", until: str = "open") -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", OPENING, pair.root, pair.link("whole"), pair.key, rest],
            stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)},
        )  # fmt: skip
        processes.append(process)
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(until):
                return process
        raise AssertionError("it ended before")

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def end(process: subprocess.Popen[str], number: int = signal.SIGKILL) -> int:
    process.send_signal(number)
    return process.wait(30)


def files(folder: Path) -> List[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def modes(folder: Path) -> Dict[str, Tuple[int, int]]:
    """Return the modes of rasters, and of the folders they are in."""
    return {
        path.name: (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode))
        for path in files(folder)
        if ".tif" in path.name
    }


def test_a_copy_is_closed_to_others_from_its_first_byte(start: Start, pair: Pair, tmp_path: Path) -> None:
    before = os.umask(0o022)
    pair.api.pace = 0.02
    try:
        process = start(until="coming")
        coming = modes(tmp_path)
        assert coming and all(folder == 0o700 for _, folder in coming.values()), coming
        assert process.stdout is not None
        while not process.stdout.readline().startswith("open"):
            pass
        assert modes(tmp_path) == {"visual.tif": (0o600, 0o700)}
        end(process)
    finally:
        os.umask(before)


@pytest.mark.parametrize("until", ["coming", "open"])
def test_a_copy_goes_at_sigterm(until: str, start: Start, pair: Pair, tmp_path: Path) -> None:
    pair.api.pace = 0.05 if until == "coming" else 0.0
    process = start(until=until)
    assert files(tmp_path)
    assert end(process, signal.SIGTERM) == -signal.SIGTERM
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("rest", ["pass", "sys.exit(3)", "raise ValueError", "del dataset; time.sleep(60)"])
def test_a_copy_goes_with_the_program_and_with_the_dataset(rest: str, start: Start, tmp_path: Path) -> None:
    process = start(rest.replace("time.", "print('open', flush=True); time."))
    if "sleep" in rest:
        assert process.stdout is not None and process.stdout.readline() == "open\n"
        assert not list(tmp_path.iterdir())
        end(process)
    else:
        process.communicate(timeout=30)
        assert not list(tmp_path.iterdir())


WRITING = """
import time
from pathlib import Path
from planet_vector.atomic_files import complete
with complete(Path("a.tif")) as temporary:
    temporary.write_bytes(b"half")
    Path(f"{temporary}.ovr.tmp").write_bytes(b"half")
    print("half", flush=True)
    time.sleep(60)
"""


def test_what_is_half_written_goes_at_sigterm(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITING], stdout=subprocess.PIPE, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stdout.readline() == "half\n"
        assert len(list(tmp_path.iterdir())) == 2
        assert end(process, signal.SIGTERM) == -signal.SIGTERM
    assert not list(tmp_path.iterdir())


def test_a_handler_of_the_program_is_left_alone(start: Start, tmp_path: Path) -> None:
    process = start(
        "import signal; print('open', flush=True)\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        "again = open_link(catalog, link, 'visual'); print('open', flush=True)\n"
        "time.sleep(60)"
    )
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == ["open\n", "open\n"]
    assert end(process, signal.SIGTERM) == 7
    assert not list(tmp_path.iterdir())


def test_a_forked_child_leaves_the_copy_to_its_parent(start: Start, tmp_path: Path) -> None:
    process = start(
        "import os\n"
        "child = os.fork()\n"
        "if not child: sys.exit()\n"
        "os.waitpid(child, 0); print('open', flush=True); time.sleep(60)"
    )
    assert process.stdout is not None and process.stdout.readline() == "open\n"
    assert list(modes(tmp_path)) == ["visual.tif"]
    assert end(process, signal.SIGTERM) == -signal.SIGTERM
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("until", ["coming", "open"])
def test_what_a_killed_program_left_goes_with_the_next(until: str, start: Start, pair: Pair, tmp_path: Path) -> None:
    """And nothing of one that is alive, of another user, or that others can use."""
    alive = start()
    kept = set(files(tmp_path))
    pair.api.pace = 0.05 if until == "coming" else 0.0
    end(start(until=until))
    pair.api.pace = 0.0
    left = set(files(tmp_path)) - kept
    assert any(".tif" in path.name for path in left)
    stranger, others = tmp_path / "planet_vector-copy-stranger", tmp_path / "planet_vector-copy-others"
    for folder in (stranger, others):
        folder.mkdir(mode=0o700)
        (folder / "lock").touch()
    others.chmod(0o755)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (elsewhere / "lock").touch()
    (tmp_path / "planet_vector-copy-link").symlink_to(elsewhere)
    (tmp_path / "planet_vector-copy-file").write_text("mine")
    young, old = tmp_path / "planet_vector-copy-young", tmp_path / "planet_vector-copy-old"
    for folder in (young, old):  # without a lock, as in the moment after they are made
        folder.mkdir(mode=0o700)
    os.utime(old, (time.time() - 86400,) * 2)
    if os.geteuid() == 0:
        os.chown(stranger, 12345, 12345)
    else:
        shutil.rmtree(stranger)
    process = start()
    there = set(files(tmp_path))
    assert not left & there and kept <= there
    assert {path.name for path in tmp_path.glob("planet_vector-copy-*")} >= {
        "planet_vector-copy-others", "planet_vector-copy-link", "planet_vector-copy-file", "planet_vector-copy-young",
        *(["planet_vector-copy-stranger"] if os.geteuid() == 0 else []),
    }  # fmt: skip
    assert not old.exists() and (elsewhere / "lock").exists()
    end(process, signal.SIGTERM)
    assert alive.poll() is None
    end(alive, signal.SIGTERM)
    assert not set(files(tmp_path)) & kept


def test_no_room_for_a_copy_is_one_sentence(
    pair: Pair, catalog: ScenesV0, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tempfile

    from planet_vector.raster.product import open_link

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(RasterAccessError, match="temporary copy of visual .*TMPDIR"):
        open_link(catalog, pair.link("whole"), "visual")


def test_a_page_in_the_place_of_a_product_is_named(pair: Pair, catalog: ScenesV0, tmp_path: Path) -> None:
    from planet_vector.errors import ProtocolError
    from planet_vector.raster.product import open_link

    pair.data = b"<html><body>Please log in</body></html>"
    with pytest.raises(ProtocolError, match=r"sent an HTML page for visual\.tif"):
        open_link(catalog, pair.link("whole"), "visual")
