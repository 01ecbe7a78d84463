"""The file of an index while others write it, delete it or have no room for it; and archives that are away."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest
import requests

from planet_vector.errors import ArchiveError
from planet_vector.server.http_errors import HttpError
from planet_vector.server.index import updating, writing
from planet_vector.server.index.database import Index
from planet_vector.server.index.writing_lock import Stopped, writing_lock
from planet_vector.server.sample.synthetic import write_scenes

from .conftest import ROOT, Running, Serve, feature, running, write_features, write_raster

COMMAND = [sys.executable, "-m", "planet_vector.cli", "index"]
needs_kill = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal")


def until(check: Callable[[], Any], seconds: float = 40) -> Any:
    """Return what a check returns, once it is true."""
    end = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        assert time.monotonic() < end, f"nothing changed within {seconds} s"
        time.sleep(0.05)


def ids(service: Running) -> List[str]:
    return sorted(scene["id"] for scene in service.json("scenes/ortho/?count=1000")["features"])


def scenes_in(index: Path) -> int:
    """Return how many scenes an index holds now; none as long as it is being made."""
    if not index.exists():
        return 0
    with closing(sqlite3.connect(f"file:{index}?mode=ro", uri=True)) as db, contextlib.suppress(sqlite3.Error):
        return int(db.execute("SELECT coalesce(sum(scenes), 0) FROM total").fetchone()[0])
    return 0


def long_area() -> str:
    """Return an area too long for a link, around 10° east, 45° north."""
    steps = [n / 1000 for n in range(1000)]
    upper = ",".join(f"{10 + step:.6f} {46 + step % 0.002:.6f}" for step in steps)
    return f"POLYGON((9 44,{upper},12 44,9 44))"


def test_who_waits_for_another_process_says_so(tmp_path: Path) -> None:
    write_features(tmp_path / "a" / "s.json", [feature("S")])
    place = tmp_path / "i.sqlite"
    with writing_lock(place, "planet-vector serve"):
        process = subprocess.Popen(
            [*COMMAND, str(tmp_path / "a"), "--index", str(place)],
            cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith(
            f"The index {place} is being brought up to date by process {os.getpid()} (planet-vector serve, since "
        )
        assert line.endswith(" UTC); waiting for it.\n")
        assert process.poll() is None
        assert not place.exists()
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert output.startswith("ortho: 1 scene, ")


@needs_kill
def test_the_lock_goes_with_its_process_and_nothing_stale_is_told(tmp_path: Path) -> None:
    place, told = tmp_path / "i.sqlite", []
    code = (
        "import sys, time; from pathlib import Path; from planet_vector.server.index.writing_lock import writing_lock\n"
        f"with writing_lock(Path({str(place)!r}), 'killed'): print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None and process.stdout.readline()
    process.kill()
    process.wait()
    process.stdout.close()
    with writing_lock(place, "next", told.append):
        pass
    assert told == []


def test_stop_ends_waiting_and_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive, place, stop = tmp_path / "a", tmp_path / "i.sqlite", threading.Event()
    for number in range(3):
        write_features(archive / f"{number}.json", [feature(f"S{number}")])
    with writing_lock(place, "another"):
        threading.Timer(0.3, stop.set).start()
        with pytest.raises(Stopped):
            updating.update(archive, place, stop=stop)
    stop.clear()

    def progress(done: int, total: int) -> None:
        if done == 2:
            stop.set()

    with pytest.raises(Stopped):
        updating.update(archive, place, progress, stop=stop)
    assert scenes_in(place) == 3  # the third was written when it was told to stop, or not yet begun
    stop.clear()
    assert updating.update(archive, place).totals == {"ortho": 3}


def test_a_long_area_does_not_wait_for_who_writes_the_index(serve: Serve, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    write_features(tmp_path / "a" / "s.json", [feature(f"S{n}") for n in range(3)])
    service = serve(tmp_path / "a", "--rescan", "0", cache=cache)
    with closing(sqlite3.connect(cache / "index.sqlite", isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        data = {"intersects": long_area(), "count": "2"}
        page = service.json("scenes/ortho/", method="POST", data=data)
        assert "kept%3A" in page["links"]["next"]
        following = requests.get(page["links"]["next"], timeout=30).json()
    assert (page["count"], len(page["features"]), len(following["features"])) == (3, 2, 1)


def test_only_hashes_name_kept_areas(tmp_path: Path) -> None:
    write_features(tmp_path / "a" / "s.json", [feature("S")])
    updating.update(tmp_path / "a", tmp_path / "i.sqlite")
    with closing(Index(tmp_path / "i.sqlite")) as index:
        index.keep_area("0" * 64, "POINT(1 2)")
        assert index.kept_area("0" * 64) == "POINT(1 2)"
        (tmp_path / "secret").write_text("POINT(3 4)")
        for name in ("1" * 64, "../../secret", "/etc/hostname", "0" * 63, "0" * 64 + "\n", "", "\ud800", "\0"):
            assert index.kept_area(name) is None


@pytest.mark.long
@needs_kill
def test_a_kill_in_a_long_list_loses_a_second_and_leaves_no_process(tmp_path: Path) -> None:
    archive, place = tmp_path / "a", tmp_path / "i.sqlite"
    archive.mkdir()
    write_scenes(archive / "s.geojsonl", 40_000)
    process = subprocess.Popen(
        [*COMMAND, str(archive), "--index", str(place)], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    written = until(lambda: process.poll() is not None or scenes_in(place))
    assert process.poll() is None, "all was written in one transaction"
    children = children_of(process.pid)
    process.kill()
    process.wait()
    assert 0 < written < 40_000
    until(lambda: not any(map(is_running, children)))
    # What was written is read again, and stays as it is.
    with closing(sqlite3.connect(place)) as db:
        before = set(db.execute("SELECT scene, id FROM scene"))
    assert len(before) >= written
    with pytest.raises(HttpError), closing(Index(place)) as index:
        index.totals()
    assert updating.update(archive, place).totals == {"ortho": 40_000}
    with closing(sqlite3.connect(place)) as db:
        assert before <= set(db.execute("SELECT scene, id FROM scene"))
    updating.update(archive, tmp_path / "fresh.sqlite")
    assert rows(place) == rows(tmp_path / "fresh.sqlite")


def children_of(process: int) -> List[int]:
    """Return the processes that a process has started (Linux; elsewhere none)."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(status.read_text().rpartition(")")[2].split()[1]) == process:
                found.append(int(status.parent.name))
    return found


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def rows(place: Path) -> List[Any]:
    with closing(sqlite3.connect(place)) as db:
        return sorted(db.execute("SELECT type, id, acquired, footprint, json FROM scene JOIN feature USING (scene)"))


def test_a_first_fill_that_ended_early_and_lost_its_files_is_dropped_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without statistics and with thousands of units, none may read the scenes of all."""
    archive, place = tmp_path / "a", tmp_path / "i.sqlite"
    for number in range(1200):
        write_features(archive / f"{number:04d}.json", [feature(f"S{number}")])

    def killed(done: int, total: int) -> None:
        if done == 1000:
            raise KeyboardInterrupt

    monkeypatch.setattr(writing, "SECONDS", 0.0)
    with pytest.raises(KeyboardInterrupt):
        updating.update(archive, place, killed)
    monkeypatch.undo()
    for number in range(900):
        (archive / f"{number:04d}.json").unlink()
    steps, connect = [0], updating.connect

    def count() -> int:
        steps[0] += 1
        return 0

    def counting(path: Path) -> sqlite3.Connection:
        db = connect(path)
        db.set_progress_handler(count, 100)
        return db

    monkeypatch.setattr(updating, "connect", counting)
    assert updating.update(archive, place).removed == 900
    assert steps[0] * 100 < 1200 * 1000  # of SQLite's machine; it would be 900 × 1000 × 10 if each read all


def processes_of(service: Running) -> List[int]:
    """Return the service's process and those it has started."""
    found = [service.process.pid]
    for pid in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def holds_a_deleted_index(pid: int) -> bool:
    try:
        files = [os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:  # a file was closed meanwhile
        return True
    return any(name.endswith("index.sqlite (deleted)") for name in files)


def test_a_reader_that_nobody_asks_lets_go_of_a_file_that_was_replaced(tmp_path: Path) -> None:
    """Or it would answer with that file's scenes when the next is deleted, and keep its place on the disk."""
    archive, place = tmp_path / "a", tmp_path / "i.sqlite"
    write_features(archive / "s.json", [feature("S")])
    updating.update(archive, place)
    with closing(Index(place)) as index:
        place.unlink()
        index.renew()
        assert index.totals() == {"ortho": 1}
        write_features(archive / "more.json", [feature("T")])
        updating.update(archive, place)
        index.renew()
        place.unlink()
        assert index.totals() == {"ortho": 2}
        with index._searches.read() as lent:  # one that is lent stays with who has it
            index.renew()
            assert lent.execute("SELECT count(*) FROM scene").fetchone() == (2,)


BESIDE: Dict[str, List[str]] = {"the file": [""], "all of it": ["", "-wal", "-shm"]}


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="what processes have open is read there")
@pytest.mark.parametrize("deleted", list(BESIDE))
@pytest.mark.parametrize("workers", [pytest.param("1", marks=pytest.mark.long), "2"])
def test_an_index_that_is_deleted_while_it_is_served_is_made_anew(tmp_path: Path, deleted: str, workers: str) -> None:
    archive, cache = tmp_path / "a", tmp_path / "cache"
    cache.mkdir()
    write_features(archive / "s.json", [feature("S1"), feature("S2")])
    with running(archive, cache, "--rescan", "0.2", "--workers", workers) as service:
        assert ids(service) == ["S1", "S2"]
        for turn in (3, 4):
            for suffix in BESIDE[deleted]:
                (cache / f"index.sqlite{suffix}").unlink(missing_ok=True)
            write_features(archive / f"{turn}.json", [feature(f"S{turn}")])
            wanted = [f"S{n}" for n in range(1, turn + 1)]
            found: List[str] = []
            end = time.monotonic() + 40
            while found != wanted:
                assert time.monotonic() < end, found
                found = ids(service)  # which is an error whenever the answer is none
                assert found in (wanted[:-1], wanted)
                time.sleep(0.05)
            until(lambda: not any(map(holds_a_deleted_index, processes_of(service))))
            assert [ids(service) for _ in range(10)] == [wanted] * 10
        assert "Traceback" not in service.errors
    with closing(sqlite3.connect(cache / "index.sqlite")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert scenes_in(cache / "index.sqlite") == 4


def test_the_old_file_is_read_until_the_new_one_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive, place = tmp_path / "a", tmp_path / "i.sqlite"
    for number in range(4):
        write_features(archive / f"{number}.json", [feature(f"S{number}")])
    updating.update(archive, place)
    monkeypatch.setattr(writing, "SECONDS", 0.0)
    seen = []
    with closing(Index(place)) as index:
        state = index.state()
        place.unlink()
        assert (index.totals(), index.state(), place.exists()) == ({"ortho": 4}, state, False)
        (archive / "0.json").unlink()
        updating.update(archive, place, lambda done, total: seen.append((index.totals(), index.state() == state)))
        assert seen == [({"ortho": 4}, True)] * 3
        until(lambda: index.totals() == {"ortho": 3})
        assert index.state() != state


def test_what_takes_the_place_of_an_index_and_is_none_is_not_read(tmp_path: Path) -> None:
    write_features(tmp_path / "a" / "s.json", [feature("S")])
    place = tmp_path / "i.sqlite"
    updating.update(tmp_path / "a", place)
    with closing(Index(place)) as index:
        for content in (b"", b"something of somebody's" * 99):
            (tmp_path / "other").write_bytes(content)
            (tmp_path / "other").replace(place)
            time.sleep(0.6)  # it is not looked at all the time
            assert index.totals() == {"ortho": 1}


def test_reading_makes_no_file(tmp_path: Path) -> None:
    with closing(Index(tmp_path / "none.sqlite")) as index:
        with pytest.raises(HttpError, match="no complete index") as refused:
            index.totals()
        assert refused.value.status == 503
        assert list(tmp_path.iterdir()) == []
        write_features(tmp_path / "a" / "s.json", [feature("S")])
        updating.update(tmp_path / "a", tmp_path / "none.sqlite")
        time.sleep(0.6)  # it is not looked for all the time
        assert index.totals() == {"ortho": 1}


def test_an_index_made_anew_has_another_state(tmp_path: Path) -> None:
    write_features(tmp_path / "a" / "s.json", [feature("S")])
    states = set()
    for number in range(2):
        updating.update(tmp_path / "a", tmp_path / f"{number}.sqlite")
        with closing(Index(tmp_path / f"{number}.sqlite")) as index:
            states |= {index.state(), str(index.version())}
    assert len(states) == 4


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a disk of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if not hasattr(os, "geteuid") or os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs a disk of its own")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_of_the_index_stops_no_answers(tmp_path: Path, small_disk: Path) -> None:
    archive = tmp_path / "a"
    write_features(archive / "s.json", [feature("S1"), feature("S2")])
    with running(archive, small_disk, "--rescan", "0.2") as service:
        assert ids(service) == ["S1", "S2"]
        with contextlib.suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))
        write_scenes(archive / "more.geojsonl", 3000)
        told = until(lambda: service.get("../healthz").json()["rescan"]["failed"])
        assert told == (
            f"The index {small_disk / 'index.sqlite'} cannot be written, as its disk is full: make room, or name "
            "another with --index."
        )
        for _ in range(5):
            assert service.json("scenes/ortho/?acquired.gte=2015-03-06&intersects=POINT(10.1 45.1)")["count"] == 2
        refused = service.get("scenes/ortho/", method="POST", data={"intersects": long_area(), "count": "1"})
        assert (refused.status_code, "disk is full" in refused.json()["message"]) == (503, True)
        (small_disk / "filler").unlink()
        (archive / "more.geojsonl").unlink()
        write_features(archive / "t.json", [feature("S3")])
        until(lambda: ids(service) == ["S1", "S2", "S3"])
        assert service.get("../healthz").json()["rescan"]["failed"] is None


def test_an_archive_that_is_empty_all_at_once_keeps_its_scenes_unless_told(tmp_path: Path) -> None:
    archive, cache = tmp_path / "a", tmp_path / "cache"
    cache.mkdir()
    write_features(archive / "s.json", [feature("S1"), feature("S2")])
    with running(archive, cache, "--rescan", "0.2") as service:
        (archive / "s.json").rename(tmp_path / "away")  # what a disk looks like that is not mounted
        failed = until(lambda: service.get("../healthz").json()["rescan"]["failed"])
        assert failed.startswith(f"{archive} contains nothing that can be served, but its index contains 2 scenes")
        assert failed.endswith("--allow-empty.")
        assert ids(service) == ["S1", "S2"]
        (tmp_path / "away").rename(archive / "s.json")
        until(lambda: service.get("../healthz").json()["rescan"]["failed"] is None)
        (archive / "s.json").unlink()
    command = [*COMMAND, str(archive), "--index", str(cache / "index.sqlite")]
    refused = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (refused.returncode, "--allow-empty" in refused.stderr) == (1, True)
    assert scenes_in(cache / "index.sqlite") == 2
    done = subprocess.run([*command, "--allow-empty"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout[:19]) == (0, "0 read anew, 1 gone")
    assert subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60).returncode == 0


def test_serve_drops_everything_when_told(tmp_path: Path) -> None:
    archive, cache = tmp_path / "a", tmp_path / "cache"
    cache.mkdir()
    write_features(archive / "s.json", [feature("S1")])
    updating.update(archive, cache / "index.sqlite")
    (archive / "s.json").unlink()
    with running(archive, cache, "--allow-empty") as service:
        assert ids(service) == []


def test_what_cannot_be_looked_at_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive, place = tmp_path / "a", tmp_path / "i.sqlite"
    write_features(archive / "s.json", [feature("S1")])
    write_features(archive / "closed" / "s.json", [feature("S2")])
    write_features(archive / "closed" / "deep" / "s.json", [feature("S3")])
    write_features(archive / "closed-not" / "s.json", [feature("S4")])
    updating.update(archive, place)
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if Path(path) == archive / "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    (archive / "closed-not" / "s.json").unlink()
    write_features(archive / "t.json", [feature("S5")])
    report = updating.update(archive, place)
    assert [(p.path, p.text) for p in report.problems] == [("closed", "cannot be read (Permission denied)")]
    assert (report.totals, report.removed) == ({"ortho": 4}, 1)
    # With nothing else there, too.
    for file in (archive / "s.json", archive / "t.json"):
        file.unlink()
    with pytest.raises(ArchiveError, match="--allow-empty"):
        updating.update(archive, place)
    assert updating.update(archive, place, allow_empty=True).totals == {"ortho": 2}
    monkeypatch.undo()
    (archive / "closed" / "s.json").unlink()
    report = updating.update(archive, place)
    assert (report.totals, report.problems) == ({"ortho": 1}, [])
    monkeypatch.setattr(os, "scandir", lambda path: refuse(archive / "closed"))
    with pytest.raises(ArchiveError, match=r"cannot be read \(Permission denied\)"):
        updating.update(archive, place)


def test_a_copy_of_the_same_size_and_time_is_read(tmp_path: Path) -> None:
    archive, place = tmp_path / "a", tmp_path / "i.sqlite"
    write_features(archive / "s.json", [feature("S1")])
    updating.update(archive, place)
    status = (archive / "s.json").stat()
    time.sleep(0.05)  # the clock of a file system has ticks
    write_features(archive / "s.json", [feature("S2")])
    os.utime(archive / "s.json", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (archive / "s.json").stat().st_size == status.st_size
    assert updating.update(archive, place).read == 1
    with closing(Index(place)) as index:
        assert index.find("ortho", "S2") is not None
        assert index.find("ortho", "S1") is None


OLDER = ("-3.sqlite", "-3.sqlite-wal", "-2.sqlite-shm", "-3.pictures")


def test_indexes_of_versions_before_go_once_there_is_a_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    archive = tmp_path / "a"
    write_features(archive / "s.json", [feature("S")])
    place = updating.default_index(archive)
    assert not place.stem.count("-")
    older = [
        place.with_name(place.stem + end) for end in ("-3.sqlite", "-3.sqlite-wal", "-2.sqlite-shm", "-3.pictures")
    ]
    kept = [place.with_name(name) for name in ("0123456789abcdef0123-3.sqlite", place.stem + "-mine.sqlite")]
    place.parent.mkdir(parents=True)
    for path in (*older[:3], *kept):
        path.write_text("x")
    (older[3] / "ab").mkdir(parents=True)
    (older[3] / "ab" / "abc").write_text("x")
    updating.update(archive, tmp_path / "other.sqlite")
    assert all(path.exists() for path in older)
    updating.update(archive, place)
    assert [path.exists() for path in (*older, *kept)] == [False] * 4 + [True] * 2


def test_derived_metadata_says_when_the_file_was_changed(tmp_path: Path) -> None:
    archive, place = tmp_path / "a", tmp_path / "i.sqlite"
    for name, moment in (("20150903_072559_1_0b0a", 1_456_789_012), ("plain", 10**9), ("far", 10**13)):
        write_raster(archive / f"{name}.tif")
        os.utime(archive / f"{name}.tif", (moment, moment))
    report = updating.update(archive, place)
    with closing(Index(place)) as index:
        times = {}
        for name in ("20150903_072559_1_0b0a", "plain"):
            found = index.find("ortho", name)
            assert found is not None
            properties = json.loads(found.feature, strict=False)["properties"]
            times[name] = properties["acquired"], properties["published"]
    # `date -u -d @1456789012`: Mon Feb 29 23:36:52 UTC 2016
    assert times == {
        "20150903_072559_1_0b0a": ("2015-09-03T07:25:59+00:00", "2016-02-29T23:36:52.000000+00:00"),
        "plain": ("2001-09-09T01:46:40+00:00", "2001-09-09T01:46:40.000000+00:00"),
    }
    if (archive / "far.tif").stat().st_mtime == 10**13:  # some disks keep no such time
        assert [p.path for p in report.problems] == ["far.tif"]
        assert "has no time of acquisition" in report.problems[0].text
