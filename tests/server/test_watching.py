"""Watching an archive: all that changes is told, what does not is not, and what cannot be watched is looked through."""

from __future__ import annotations

import os
import random
import shutil
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest
import requests

from planet_vector.server.archive import watching
from planet_vector.server.archive.inventory import scan
from planet_vector.server.archive.watching import (
    NotWatchable,
    Refused,
    Watching,
    find_folders,
    find_mounts,
    parse_mounts,
)
from planet_vector.server.index.rescans import RescanState, rescan

from .conftest import Running, Serve, feature, write_features, write_raster

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells all that changes")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return an archive with a folder in a folder."""
    (tmp_path / "archive" / "sub" / "deep").mkdir(parents=True)
    for name in ("a.json", "sub/b.json", "sub/deep/c.json"):
        (tmp_path / "archive" / name).write_text("{}")
    return tmp_path / "archive"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take less time to be sure that nothing follows."""
    monkeypatch.setattr(watching, "QUIET", 0.2)
    monkeypatch.setattr(watching, "_STEP", 0.02)


@pytest.fixture
def watched(quick: None, root: Path, tmp_path: Path) -> Iterator[Watching]:
    with closing(Watching(root, tmp_path / "index.sqlite")) as found:
        found.renew()
        yield found


def is_told(watched: Watching, seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not watched.is_due(60.0):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def make_anew(folder: Path) -> None:
    """Put another folder in the place of one; the file system may give it the same number."""
    shutil.rmtree(folder)
    folder.mkdir()


def move_in(root: Path) -> None:
    (root.parent / "new" / "inner").mkdir(parents=True)
    (root.parent / "new" / "inner" / "d.json").write_text("{}")
    (root.parent / "new").rename(root / "new")


CHANGES: List[Any] = [
    (lambda root: (root / "n.json").write_text("{}"), "n.json"),
    (lambda root: (root / "sub" / "deep" / "c.json").write_text("[]"), "sub/deep/c.json"),
    (lambda root: (root / "a.json").unlink(), "n.json"),
    (lambda root: os.truncate(root / "sub" / "b.json", 0), "sub/b.json"),
    (lambda root: os.utime(root / "sub" / "b.json", (1, 1)), "sub/b.json"),
    (lambda root: (root / "a.json").chmod(0), "a.json"),
    (lambda root: (root / "a.json").rename(root / "sub" / "a.json"), "sub/a.json"),
    (lambda root: (root / "l.json").symlink_to(root / "a.json"), "a.json"),
    (lambda root: (root / "l.tif").symlink_to("/nowhere"), "sub/b.json"),
    (lambda root: (root / "new").mkdir(), "new/d.json"),
    (lambda root: (root / "sub" / "x" / "y" / "z").mkdir(parents=True), "sub/x/y/z/d.json"),
    (move_in, "new/inner/d.json"),
    (lambda root: (root / "sub").rename(root / "other"), "other/deep/c.json"),
    (lambda root: (root / "sub").rename(root.parent / "out"), "n.json"),
    (lambda root: make_anew(root / "sub" / "deep"), "sub/deep/c.json"),
    (lambda root: make_anew(root / "sub"), "sub/b.json"),
    (lambda root: (root / "sub").chmod(0o700), "sub/b.json"),
    (lambda root: Path(os.fsdecode(os.fsencode(root) + b"/\xff.tif")).write_bytes(b""), "sub/b.json"),
    (lambda root: (root / "sub" / "a\nb [c] 'ü'.json").write_text("{}"), "sub/a\nb [c] 'ü'.json"),
]


@pytest.mark.parametrize(("change", "then"), CHANGES, ids=lambda value: value if isinstance(value, str) else "")
def test_what_changes_is_told_and_what_changes_after_that(
    watched: Watching, root: Path, change: Callable[[Path], Any], then: str
) -> None:
    change(root)
    assert is_told(watched)
    watched.renew()
    assert not watched.has_moved()
    assert not is_told(watched, 0.5), "it is told once"
    (root / then).write_text("[1]")
    assert is_told(watched)


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.long) for n in range(1, 10))])
def test_whatever_a_scan_would_find_is_told(watched: Watching, root: Path, seed: int) -> None:
    dice = random.Random(seed)

    def place(name: str) -> Path:
        return dice.choice([Path(folder) for folder in find_folders(root)]) / name

    def change() -> None:
        name = dice.choice("abcdef")
        kind = dice.randrange(8)
        if kind < 3:
            place(name + ".json").write_text("[" * dice.randrange(9))
        elif kind < 5:
            (place(name) / dice.choice("xyz")).mkdir(parents=True, exist_ok=True)
        elif kind == 5:
            found, target = place(""), place(name)
            if found != root and not target.exists() and not target.is_relative_to(found):
                found.rename(target)
        elif kind == 6:
            found = place("")
            if found != root:
                shutil.rmtree(found)
                if dice.random() < 0.7:
                    found.mkdir()
                    (found / "n.json").write_text("{}")
        else:
            files = sorted(root.rglob("*.json"))
            if files:
                dice.choice(files).unlink()

    told = 0
    for _ in range(25):
        before = scan(root)
        for _ in range(dice.randrange(1, 4)):
            change()
        if scan(root) != before:
            assert is_told(watched)
            told += 1
        watched.renew()
    assert told > 5


def test_an_archive_in_the_place_of_another_is_told(watched: Watching, root: Path) -> None:
    root.rename(root.parent / "before")
    assert watched.has_moved()
    with pytest.raises(NotWatchable):
        watched.renew()
    assert not watched.trusted
    root.mkdir()
    watched.renew()
    assert not watched.has_moved()
    (root / "a.json").write_text("{}")
    assert is_told(watched)


def test_reading_is_no_change(watched: Watching, root: Path) -> None:
    for path in root.rglob("*.json"):
        path.read_bytes()
    for folder in find_folders(root):
        os.listdir(folder)
    assert not is_told(watched, 0.7)


def test_what_links_lead_out_to_is_not_watched(quick: None, root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (root / "sub" / "link").symlink_to(tmp_path / "outside")
    (root / "up").symlink_to(root)
    assert set(find_folders(root)) == {str(root), str(root / "sub"), str(root / "sub" / "deep")}
    with closing(Watching(root, tmp_path / "index.sqlite")) as watched:
        watched.renew()
        (tmp_path / "outside" / "x.json").write_text("{}")
        assert not is_told(watched, 0.7)


def test_the_index_in_the_archive_is_no_change_of_it(quick: None, root: Path) -> None:
    with closing(Watching(root, root / "index.sqlite")) as watched:
        for name in ("index.pictures/ab", "index.sqlite.areas"):
            (root / name).mkdir(parents=True)
        watched.renew()
        for name in (
            "index.sqlite",
            "index.sqlite-wal",
            "index.sqlite.holder",
            "index.pictures/ab/cd",
            "index.sqlite.areas/ef",
        ):
            (root / name).write_text("")
        assert not is_told(watched, 0.7)
        (root / "index.tif").write_text("")
        assert is_told(watched)


def test_what_is_written_for_long_is_told_meanwhile(watched: Watching, root: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        while not stop.wait(0.05):
            (root / "a.json").write_text("{}")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        time.sleep(1.5)
        assert not watched.is_due(60.0)
        assert watched.is_due(1.0)
    finally:
        stop.set()
        writer.join()


def test_a_file_that_a_link_finds_in_a_hidden_folder_cannot_be_watched(root: Path) -> None:
    (root / ".store").mkdir()
    (root / ".store" / "x.tif").write_bytes(b"")
    (root / "x.tif").symlink_to(root / ".store" / "x.tif")
    with pytest.raises(NotWatchable, match="links lead to files in"):
        find_folders(root)


def test_a_folder_whose_name_is_not_utf8_cannot_be_watched(root: Path) -> None:
    os.mkdir(os.fsencode(root) + b"/sub/\xff")
    with pytest.raises(NotWatchable, match="not UTF-8"):
        find_folders(root)


LINE = "{} 1 0:1 / {} rw,relatime shared:1 - {} /dev/x rw"


@pytest.mark.parametrize(
    ("mounts", "good"),
    [
        ([("/", "ext4")], True),
        ([("/", "overlay"), ("/data", "xfs"), ("/proc", "proc")], True),
        ([("/", "nfs4"), ("/data", "xfs")], True),
        ([("/", "ext4"), ("/data", "nfs4")], False),
        ([("/", "ext4"), ("/data", "fuse.sshfs")], False),
        ([("/", "ext4"), ("/data", "cifs"), ("/data", "ext4")], True),
        ([("/", "ext4"), ("/data", "ext4"), ("/data", "cifs")], False),
        ([("/", "ext4"), ("/data/an\\040archive", "9p")], False),
        ([("/", "ext4"), ("/data/an\\040archive/sub", "virtiofs")], False),
        ([("/", "ext4"), ("/data/an\\040archive2", "nfs"), ("/dat", "nfs")], True),
        ([("/other", "ext4")], False),
        ([], False),
    ],
)
def test_only_file_systems_of_this_machine_are_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mounts: Any, good: bool
) -> None:
    lines = [LINE.format(number, place, kind) for number, (place, kind) in enumerate(mounts)]
    (tmp_path / "mountinfo").write_text("\n".join(lines))
    monkeypatch.setattr(watching, "_MOUNTS", tmp_path / "mountinfo")
    if good:
        assert find_mounts(Path("/data/an archive"))
    else:
        with pytest.raises(NotWatchable):
            find_mounts(Path("/data/an archive"))


def test_this_machine_says_where_tests_lie(tmp_path: Path) -> None:
    """What `parse_mounts` reads is what the kernel of today writes."""
    places = [mount.place for mount in parse_mounts(Path("/proc/self/mountinfo").read_text())]
    assert "/proc" in places
    device = os.stat(tmp_path).st_dev
    assert any(os.path.ismount(place) and os.stat(place).st_dev == device for place in places)


@pytest.mark.parametrize(
    "error", [OSError("OS file watch limit reached."), RuntimeError("Too many open files"), MemoryError("none left")]
)
def test_a_watch_that_is_refused_is_told_once_and_scans_go_on(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    def refuse(*_: Any) -> None:
        raise error

    write_features(root / "list.json", [feature("S1")])
    monkeypatch.setattr(watching, "RustNotify", refuse)
    state, stop = RescanState(), threading.Event()
    loop = threading.Thread(target=rescan, args=(root, tmp_path / "i.sqlite", 0.05, state, stop), daemon=True)
    loop.start()
    try:
        for number in (2, 3):
            write_features(root / f"{number}.json", [feature(f"S{number}")])
            end = time.monotonic() + 20
            while (state.read() or {}).get("scenes") != number:
                assert time.monotonic() < end, state.read()
                time.sleep(0.02)
        found = state.read()
        assert found is not None
        assert found["watched"] is False
    finally:
        stop.set()
        loop.join(20)
    assert not loop.is_alive()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("planet-vector: The archive is scanned every 0.05 s, as it is not watched: ")
    assert str(error).rstrip(".") in lines[0]


def test_what_was_refused_is_asked_for_again_later(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: List[int] = []

    def refuse(*_: Any) -> None:
        asked.append(1)
        raise OSError("OS file watch limit reached.")

    notify = watching.RustNotify
    monkeypatch.setattr(watching, "RustNotify", refuse)
    with closing(Watching(root, tmp_path / "i.sqlite")) as watched:
        with pytest.raises(Refused):
            watched.renew()
        with pytest.raises(NotWatchable):
            watched.renew()
        assert len(asked) == 1
        monkeypatch.setattr(watching, "RustNotify", notify)
        monkeypatch.setattr(watching, "_AGAIN", 0.0)
        watched.renew()
        assert watched.trusted


def health(service: Running) -> Any:
    return requests.get(service.origin + "/healthz", timeout=30).json()["rescan"]


def until(found: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end
        time.sleep(0.05)


def count(service: Running) -> int:
    return int(service.json("scenes/ortho/")["count"])


def wait_until_quiet(service: Running) -> None:
    """Wait until the archive is watched, and the scan that comes first is over."""
    until(lambda: bool((health(service) or {}).get("watched")))


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_change_is_found_at_once_and_nothing_is_done_without(serve: Serve, tmp_path: Path, workers: str) -> None:
    archive = tmp_path / "archive"
    for number in range(3000):
        (archive / f"{number:04d}").mkdir(parents=True)
    write_features(archive / "0000" / "list.json", [feature("S1"), feature("S2")])
    service = serve(archive, "--rescan", "100", "--workers", workers)
    wait_until_quiet(service)
    before = health(service)
    start = time.monotonic()
    write_raster(archive / "2999" / "new_visual.tif", bands=3)
    until(lambda: count(service) == 3)
    (archive / "2999").rename(archive / "moved")
    (archive / "one" / "two").mkdir(parents=True)
    write_features(archive / "one" / "two" / "more.json", [feature("S4")])
    until(lambda: count(service) == 4)
    assert service.get("scenes/ortho/new/full?product=visual").status_code == 200
    assert time.monotonic() - start < 60, "the next scan would be after 100 s"
    assert before["failed"] is None
    assert service.errors == ""


def test_an_idle_service_does_not_look_through_its_archive(serve: Serve, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    write_features(archive / "list.json", [feature("S1")])
    service = serve(archive, "--rescan", "0.2")
    wait_until_quiet(service)
    time.sleep(1.0)
    before = health(service)
    time.sleep(2.5)  # `ended` has seconds
    assert health(service) == before
    service.cache.joinpath("index.sqlite").unlink()
    until(lambda: service.cache.joinpath("index.sqlite").exists())
    archive.rename(tmp_path / "away")
    until(lambda: health(service)["failed"] is not None)
    assert health(service)["watched"] is False
    write_features(archive / "list.json", [feature("S2"), feature("S3")])
    until(lambda: health(service)["failed"] is None and health(service)["scenes"] == 2)
    until(lambda: health(service)["watched"] is True)
