"""Results on disk: a help to the next program, and never a condition, whatever lies in their folder."""

from __future__ import annotations

import json
import os
import random
import signal
import stat
import subprocess
import sys
import time
from datetime import datetime, timezone
from hashlib import blake2b
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest

from planet_vector.catalog.scene_pages import SearchSurvey
from planet_vector.errors import ConfigError
from planet_vector.vector import disk_cache
from planet_vector.vector.columns import Rows
from planet_vector.vector.schema import Schema
from tests.conftest import ROOT
from tests.schemas import ORTHO
from tests.vector.conftest import make_scene

posix = pytest.mark.skipif(sys.platform == "win32", reason="owners, modes and pipes as POSIX has them")
as_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a file away")

SCHEMA = Schema(ORTHO)
NAME = "the search of these tests"
COUNT = 12
SURVEY = SearchSurvey(COUNT, datetime(2015, 1, 1, tzinfo=timezone.utc), datetime(2015, 4, 1, 1, 2, 3, 4, timezone.utc))


def square(west: float, south: float, side: float) -> List[List[float]]:
    east, north = west + side, south + side
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def scenes() -> List[Any]:
    """Return scenes with all kinds of footprints and of values."""
    rng = random.Random(5)
    found = [make_scene(number, rng) for number in range(COUNT)]
    footprints = {
        1: None,
        2: {"type": "Polygon", "coordinates": [square(0, 0, 9), square(1, 1, 2), square(5, 5, 1)]},
        3: {"type": "MultiPolygon", "coordinates": [[square(0, 0, 1)], [square(3, 3, 1), square(3.2, 3.2, 0.1)]]},
        4: {"type": "Polygon", "coordinates": [square(175, -5, 10)]},  # across the antimeridian
        5: {"type": "Polygon", "coordinates": [square(10, 10, 1)[:4] + [[9.5, 10.5]]]},  # not closed
        6: {"type": "Polygon", "coordinates": [[*square(20, 20, 1)[:2], [21.5, 20.5], *square(20, 20, 1)[2:]]]},
    }
    for number, geometry in footprints.items():
        found[number]["geometry"] = geometry
    texts = ["ß", "\U0001f6f0", "\ud800", '"\\\n\0', "", "NaN", "2015-01-01T00:00:00.000Z"]
    for scene, text in zip(found, texts):
        scene["properties"]["camera"]["color_mode"] = text
    numbers = [-0.0, 5e-324, 1.7976931348623157e308, 7, 2**53, -(2**53), 0.1]
    for scene, number in zip(found, numbers):
        scene["properties"]["sat"]["off_nadir"] = number
        scene["properties"]["file_size"] = 2**63 - 1
        scene["properties"]["beyond"] = {"any": [text for text in texts]}
    return found


BLOCKS = [SCHEMA.rows(scenes()[:7]), SCHEMA.rows(scenes()[7:])]


def saved(blocks: List[Rows] = BLOCKS) -> Path:
    disk_cache.save(NAME, SURVEY, blocks)
    (path,) = disk_cache.directory().glob("*.rows")
    return path


def loaded() -> Any:
    found = disk_cache.load(NAME, SURVEY, 100, SCHEMA.types)
    # By their texts: 0.0 equals -0.0, and 1 equals 1.0 and True.
    return found and [repr(row) for block in found.rows for row in block]


EXPECTED = [repr(row) for block in BLOCKS for row in block]


# ---- what is kept ------------------------------------------------------------------------------------------


def test_rows_come_back_as_they_were_in_blocks_of_their_own() -> None:
    saved()
    assert loaded() == EXPECTED
    found = disk_cache.load(NAME, SURVEY, 100)
    assert found is not None and [len(block) for block in found.rows] == [7, 5]
    assert [block.full for block in found.rows] == [block.full for block in BLOCKS] != [frozenset()] * 2


def test_any_python_reads_what_another_wrote() -> None:
    """The file is JSON of the standard library behind a line with its digest: nothing in it is run."""
    path = saved()
    magic, digest, data = path.read_bytes().split(b"\n", 2)
    assert magic == b"planet_vector results" and digest.decode() == blake2b(data, digest_size=16).hexdigest()
    key, _, (first, _) = json.loads(data)
    assert key == path.stem and first[0] == list(BLOCKS[0].fids)
    code = """
import sys
sys.modules["msgspec"] = None  # as in the Python that a GDAL program embeds
from tests.vector.test_disk_cache import loaded, EXPECTED
assert loaded() == EXPECTED
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True).stderr == ""


@posix
def test_nobody_else_can_use_what_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "new" / "cache"))
    old = os.umask(0)
    try:
        path = saved()
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.lstat().st_mode) == 0o600
    made = [folder for folder in path.parents if tmp_path in folder.parents]
    assert [stat.S_IMODE(folder.lstat().st_mode) for folder in made] == [0o700] * 4


def test_a_result_is_bounded_in_rows_and_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(disk_cache, "MOST_ROWS", COUNT - 1)
        disk_cache.save(NAME, SURVEY, BLOCKS)
    assert not disk_cache.directory().exists() and loaded() is None
    size = saved().stat().st_size
    disk_cache.clear()
    monkeypatch.setattr(disk_cache, "MOST_FILE", size - 1)
    disk_cache.save(NAME, SURVEY, BLOCKS)
    assert list(disk_cache.directory().iterdir()) == []
    monkeypatch.setattr(disk_cache, "MOST_FILE", size)
    assert saved().stat().st_size == size and loaded() == EXPECTED


def test_a_longer_result_than_is_kept_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    saved()
    monkeypatch.setattr(disk_cache, "MOST_ROWS", COUNT - 1)
    assert loaded() is None


@pytest.mark.parametrize(("bound", "most"), [("MOST_FILES", 3), ("MOST_BYTES", None)])
def test_the_oldest_go_when_all_together_are_too_many_or_too_large(
    monkeypatch: pytest.MonkeyPatch, bound: str, most: Any
) -> None:
    size = saved().stat().st_size
    monkeypatch.setattr(disk_cache, bound, most or 3 * size)
    now = time.time()
    future = disk_cache.directory() / f"{'f' * 32}.rows"
    for age in range(5):
        for path in disk_cache.directory().glob("*.rows"):
            os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 10))
        if age == 4:  # a file that is never too old would push all others out
            future.write_bytes(b"x")
            os.utime(future, (now + 1e6, now + 1e6))
        disk_cache.save(f"{NAME} {age}", SURVEY, BLOCKS)
    kept = [disk_cache.load(f"{NAME} {age}", SURVEY, 100) is not None for age in range(5)]
    assert kept == [False, False, True, True, True] and not future.exists()


# ---- what lies in a file's place -----------------------------------------------------------------------------


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir(mode=0o700)


def _link(path: Path) -> None:
    path.rename(path.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent / "elsewhere")


def _dangling_link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent / "nothing")


def _device(path: Path) -> None:
    path.unlink()
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))  # zeros without end
    except OSError:
        pytest.skip("no devices can be made here")


def _future(path: Path) -> None:
    os.utime(path, (time.time() + 10, time.time() + 10))


def _far_future(path: Path) -> None:
    os.utime(path, (2**33, 2**33))


def _old(path: Path) -> None:
    os.utime(path, (time.time() - 101, time.time() - 101))


def _huge(path: Path) -> None:
    os.truncate(path, 2**40)


def _foreign(path: Path) -> None:
    os.chown(path, 12345, 12345)


def _mode(mode: int) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        path.chmod(mode)

    change.__name__ = f"mode_{mode:o}"
    return change


@pytest.fixture
def _no_waiting() -> Iterator[None]:
    """End a test that waits, for the other end of a pipe for one."""

    def ended(*_: object) -> None:
        pytest.fail("it waits")

    before = signal.signal(signal.SIGALRM, ended)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@posix
@pytest.mark.usefixtures("_no_waiting")
@pytest.mark.parametrize(
    "change",
    [
        *(_pipe, _directory, _link, _dangling_link, _future, _far_future, _old, _huge),
        *map(_mode, (0o644, 0o604, 0o660, 0o602, 0o777)),
        pytest.param(_device, marks=as_root),
        pytest.param(_foreign, marks=as_root),
    ],
)
def test_what_lies_in_the_place_of_a_file_is_not_used_and_makes_room(change: Callable[[Path], None]) -> None:
    path = saved()
    assert loaded() == EXPECTED
    change(path)
    assert loaded() is None
    disk_cache.save(NAME, SURVEY, BLOCKS)
    assert loaded() == (None if change is _directory else EXPECTED)
    disk_cache.save("another", SURVEY, BLOCKS)
    assert disk_cache.load("another", SURVEY, 100) is not None
    disk_cache.clear()
    assert [path.is_dir() for path in disk_cache.directory().iterdir()] == ([True] if change is _directory else [])


# ---- what the folder is --------------------------------------------------------------------------------------


def _folder_link(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to(folder.with_name("elsewhere"))


def _folder_foreign(folder: Path) -> None:
    os.chown(folder, 12345, 12345)


@posix
@pytest.mark.parametrize(
    "change",
    [
        _folder_link,
        *map(_mode, (0o777, 0o1777, 0o770, 0o755, 0o750, 0o711, 0o707)),
        pytest.param(_folder_foreign, marks=as_root),
    ],
)
def test_a_folder_that_is_not_this_users_alone_is_neither_used_nor_changed(change: Callable[[Path], None]) -> None:
    saved()
    folder = disk_cache.directory()
    change(folder)
    before = folder.lstat()
    content = sorted(folder.iterdir())
    assert loaded() is None
    disk_cache.save("another", SURVEY, BLOCKS)
    assert disk_cache.load("another", SURVEY, 100) is None
    assert sorted(folder.iterdir()) == content and folder.lstat().st_mode == before.st_mode
    ours = change not in (_folder_link, _folder_foreign)
    assert disk_cache.clear() == ours  # the user may remove what is in a folder of their own
    assert bool(list(folder.iterdir())) is not ours


def _no_folder(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))


def _a_file(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    folder.touch()


def _a_loop(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to(folder)


@posix
@pytest.mark.parametrize("change", [_no_folder, _a_file, _a_loop])
def test_without_a_folder_there_is_no_result(change: Callable[[Path], None]) -> None:
    saved()
    change(disk_cache.directory())
    assert loaded() is None
    assert disk_cache.clear() == 0
    disk_cache.save(NAME, SURVEY, BLOCKS)
    assert loaded() == (EXPECTED if change is _no_folder else None)


@posix
def test_a_file_system_that_takes_nothing_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/self")
    disk_cache.save(NAME, SURVEY, BLOCKS)
    assert loaded() is None and disk_cache.clear() == 0


@posix
def test_a_full_disk_leaves_the_earlier_result_and_nothing_else() -> None:
    import resource

    path = saved()
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        disk_cache.save(NAME, SURVEY, BLOCKS)
        disk_cache.save("another", SURVEY, BLOCKS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.read_bytes() for path in disk_cache.directory().iterdir()] == [before]
    assert loaded() == EXPECTED


KILLED = """
import os, signal
from planet_vector import private_files
from tests.vector.test_disk_cache import saved
private_files.os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
saved()
"""


@posix
def test_what_a_killed_writer_left_goes_after_a_while() -> None:
    assert subprocess.run([sys.executable, "-c", KILLED], cwd=ROOT).returncode == -signal.SIGKILL
    (part,) = disk_cache.directory().iterdir()
    assert loaded() is None
    mine = disk_cache.directory() / "notes.part"
    mine.touch()
    path = saved()
    assert set(disk_cache.directory().iterdir()) == {part, mine, path}  # its writer may still be at work
    now = time.time()
    for at in (now - 86400, now + 86400):
        part.touch()
        for other in (part, mine):
            os.utime(other, (at, at))
        saved()
        assert set(disk_cache.directory().iterdir()) == {mine, path}  # what has no name of ours stays
    part.touch()
    assert disk_cache.clear() == 1
    assert list(disk_cache.directory().iterdir()) == [mine]


def test_without_a_home_there_is_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    saved()
    monkeypatch.setattr(Path, "home", home)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    assert loaded() is None
    disk_cache.save(NAME, SURVEY, BLOCKS)
    assert disk_cache.clear() == 0
    with pytest.raises(ConfigError, match="There is no home directory"):
        disk_cache.directory()
