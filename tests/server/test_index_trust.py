"""Other files in the place of an index, damaged ones, and what keeps an update from telling so."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest
from click.testing import CliRunner

from planet_vector.cli import index as index_command
from planet_vector.errors import ArchiveError
from planet_vector.server.http_errors import HttpError
from planet_vector.server.index import updating
from planet_vector.server.index.database import Index
from planet_vector.server.index.rescans import RescanState, rescan
from planet_vector.server.index.writing_lock import writing_lock

from .conftest import Running, feature, running, write_features
from .test_index_files import scenes_in, until

windows = pytest.mark.skipif(sys.platform == "win32", reason="there a file that is open cannot be replaced")


def move(older: Path, index: Path) -> None:
    shutil.copyfile(older, index.with_name("moved"))
    index.with_name("moved").replace(index)


def copy(older: Path, index: Path) -> None:
    """Write over the file itself."""
    shutil.copyfile(older, index)


def scramble(older: Path, index: Path) -> None:
    index.unlink()
    index.write_bytes(os.urandom(50_000))


def scramble_inside(older: Path, index: Path) -> None:
    index.write_bytes(os.urandom(index.stat().st_size))


def truncate(older: Path, index: Path) -> None:
    os.truncate(index, 0)


DEEDS: List[Callable[[Path, Path], None]] = [move, copy, scramble, scramble_inside, truncate]


@windows
@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.long)])
@pytest.mark.parametrize(
    "deed", [pytest.param(deed, marks=pytest.mark.long) if deed in (copy, truncate) else deed for deed in DEEDS]
)
def test_another_file_in_the_place_of_an_index_is_made_anew(tmp_path: Path, deed: Any, workers: str) -> None:
    archive, cache = tmp_path / "a", tmp_path / "cache"
    cache.mkdir()
    write_features(archive / "s.json", [feature(f"S{n}") for n in range(1000)])
    updating.update(archive, cache / "index.sqlite")
    shutil.copyfile(cache / "index.sqlite", tmp_path / "older")
    with running(archive, cache, "--rescan", "0.3", "--workers", workers) as service:
        write_features(archive / "t.json", [feature(f"T{n}") for n in range(3000)])
        until(lambda: count(service) == 4000)
        # What lies beside the file now is no more than the last change: with the older copy it makes no database.
        with closing(sqlite3.connect(cache / "index.sqlite")) as db:
            until(lambda: db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)
        write_features(archive / "w.json", [feature(f"W{n}") for n in range(100)])
        until(lambda: count(service) == 4100)
        deed(tmp_path / "older", cache / "index.sqlite")
        write_features(archive / "u.json", [feature("U")])
        end = time.monotonic() + 40
        while count(service) != 4101:
            assert time.monotonic() < end, service.get("../healthz").text
            time.sleep(0.05)
        until(lambda: [count(service) for _ in range(10)] == [4101] * 10)
        write_features(archive / "v.json", [feature("V")])
        until(lambda: count(service) == 4102)
        assert "Traceback" not in service.errors
        assert service.get("../healthz").json()["rescan"]["failed"] is None
    with closing(sqlite3.connect(cache / "index.sqlite")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert scenes_in(cache / "index.sqlite") == 4102


def count(service: Running) -> int:
    """Return how many scenes a service finds; -1 while it says that its index is not there, or damaged."""
    answer = service.get("scenes/ortho/?count=2")
    if answer.status_code == 503:
        assert "The index of the service is damaged" in answer.json()["message"]
        return -1
    assert answer.status_code == 200, answer.text
    return int(answer.json()["count"])


@pytest.mark.parametrize("noted", [True, False])
def test_what_is_no_index_is_made_anew_only_where_one_was(tmp_path: Path, noted: bool) -> None:
    archive, place = tmp_path / "a", tmp_path / "i.sqlite"
    write_features(archive / "s.json", [feature("S")])
    if noted:
        updating.update(archive, place)
    strange = b"something of somebody's" * 999
    place.write_bytes(strange)
    if noted:
        assert updating.update(archive, place).totals == {"ortho": 1}
    else:
        with pytest.raises(ArchiveError, match="not a database"):
            updating.update(archive, place)
        assert place.read_bytes() == strange


def test_a_database_of_another_program_stays(tmp_path: Path) -> None:
    archive, place = tmp_path / "a", tmp_path / "i.sqlite"
    write_features(archive / "s.json", [feature("S")])
    updating.update(archive, place)
    place.unlink()
    with closing(sqlite3.connect(place)) as db:
        db.execute("CREATE TABLE theirs (x)")
        db.commit()
    content = place.read_bytes()
    place.with_name("i.sqlite-wal").write_bytes(b"left by a process that was killed")
    with pytest.raises(ArchiveError, match="is not an index of planet-vector"):
        updating.update(archive, place)
    assert place.read_bytes() == content


def test_damage_that_only_reading_meets_is_mended_by_the_next_update(tmp_path: Path) -> None:
    archive, place = tmp_path / "a", tmp_path / "i.sqlite"
    write_features(archive / "s.json", [feature("S", note="find me here" * 5)])
    updating.update(archive, place)
    with closing(sqlite3.connect(place)) as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'feature'").fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    with place.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(os.urandom(size))
    with closing(Index(place)) as index:
        with pytest.raises(HttpError, match="The index of the service is damaged") as refused:
            index.find("ortho", "S")
        assert refused.value.status == 503
        updating.update(archive, place)
        until(lambda: finds(index))


def finds(index: Index) -> bool:
    try:
        return index.find("ortho", "S") is not None
    except HttpError:
        return False


@windows
@pytest.mark.parametrize("workers", ["1", pytest.param("3", marks=pytest.mark.long)])
def test_an_index_without_what_lies_beside_it_is_made_anew(tmp_path: Path, workers: str) -> None:
    archive, cache = tmp_path / "a", tmp_path / "cache"
    cache.mkdir()
    write_features(archive / "s.json", [feature(f"S{n}") for n in range(1000)])
    with running(archive, cache, "--rescan", "0.3", "--workers", workers) as service:
        assert count(service) == 1000
        (cache / "index.sqlite-wal").unlink()
        write_features(archive / "t.json", [feature(f"T{n}") for n in range(1000)])
        until(lambda: [count(service) for _ in range(10)] == [2000] * 10)


def rescanned(archive: Path, place: Path, seconds: float) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=rescan, args=(archive, place, seconds, RescanState(), stop))
    thread.start()
    yield
    stop.set()
    thread.join(20)
    assert not thread.is_alive()


def test_waiting_for_another_process_is_no_looking(tmp_path: Path) -> None:
    archive, place = tmp_path / "a", tmp_path / "i.sqlite"
    write_features(archive / "0.json", [feature("S0")])
    updating.update(archive, place)
    with writing_lock(place, "another"):
        loop = rescanned(archive, place, 0.2)
        next(loop)
        write_features(archive / "1.json", [feature("S1")])
        time.sleep(4)
    try:
        until(lambda: scenes_in(place) == 2)
        write_features(archive / "2.json", [feature("S2")])
        until(lambda: scenes_in(place) == 3, 15)  # nine times as long as it had waited, when that was looking
    finally:
        list(loop)


def test_what_fails_is_tried_again_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive, place = tmp_path / "a", tmp_path / "i.sqlite"
    write_features(archive / "0.json", [feature("S0")])
    updating.update(archive, place)
    real, failed = updating.read_all, threading.Event()

    def full(root: Path, units: Any) -> Any:
        time.sleep(3)
        failed.set()
        raise sqlite3.OperationalError("database or disk is full")
        yield

    monkeypatch.setattr(updating, "read_all", full)
    write_features(archive / "1.json", [feature("S1")])
    loop = rescanned(archive, place, 0.2)
    next(loop)
    try:
        assert failed.wait(20)
        monkeypatch.setattr(updating, "read_all", real)
        until(lambda: scenes_in(place) == 2, 15)
    finally:
        list(loop)


CLOSED: Dict[str, bool] = {"that alone": False, "and another that has gone": True}


@pytest.mark.parametrize("more", CLOSED.values(), ids=list(CLOSED))
def test_a_folder_that_cannot_be_read_is_no_empty_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: bool
) -> None:
    archive, place = tmp_path / "a", tmp_path / "i.sqlite"
    write_features(archive / "sub" / "s.json", [feature("S1")])
    if more:
        write_features(archive / "t.json", [feature("S2")])
    updating.update(archive, place)
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if Path(path) == archive / "sub":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    if more:
        (archive / "t.json").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refuse)
        if more:
            with pytest.raises(ArchiveError, match="--allow-empty"):
                updating.update(archive, place)
        else:
            report = updating.update(archive, place)
            assert [(p.path, p.text) for p in report.problems] == [("sub", "cannot be read (Permission denied)")]
    assert scenes_in(place) == 1 + more


def test_what_brings_no_scenes_makes_no_archive(tmp_path: Path) -> None:
    archive, place = tmp_path / "a", tmp_path / "i.sqlite"
    write_features(archive / "s.json", [feature("S1")])
    write_features(archive / "old.json", [])
    updating.update(archive, place)
    (archive / "s.json").rename(tmp_path / "away")
    (archive / "info.json").write_text('{"a": 1}')
    with pytest.raises(ArchiveError, match="its index contains 1 scene, which stays: check that its disk is mounted"):
        updating.update(archive, place)
    assert scenes_in(place) == 1
    # What has another name is there.
    (tmp_path / "away").rename(archive / "renamed.json")
    report = updating.update(archive, place)
    assert (report.totals, report.removed) == ({"ortho": 1}, 1)


def test_an_archive_in_a_closed_folder_is_told_as_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive, place = tmp_path / "a", tmp_path / "i.sqlite"
    write_features(archive / "s.json", [feature("S")])
    updating.update(archive, place)
    stat = os.stat

    def refuse(path: Any, *args: Any, **options: Any) -> Any:
        if isinstance(path, (str, Path)) and Path(path) == archive:
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, *args, **options)

    monkeypatch.setattr(os, "stat", refuse)
    with pytest.raises(ArchiveError) as told:
        updating.update(archive, place)
    assert str(told.value).startswith(f"{archive} ")
    assert "--index" not in str(told.value)


def test_an_index_in_a_closed_folder_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_features(tmp_path / "a" / "s.json", [feature("S")])

    def closed(*_: Any) -> Any:
        raise PermissionError(13, "Permission denied", "i.sqlite.lock")

    monkeypatch.setattr(updating, "writing_lock", closed)
    with pytest.raises(ArchiveError) as told:
        updating.update(tmp_path / "a", tmp_path / "i.sqlite")
    assert str(told.value) == (
        f"The index {tmp_path / 'i.sqlite'} cannot be written (Permission denied): name another with --index, or "
        "delete it."
    )


def test_an_index_that_goes_while_it_is_shown_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive, place = tmp_path / "a", tmp_path / "i.sqlite"
    write_features(archive / "s.json", [feature("S")])
    update = updating.update

    def deleted(*args: Any, **options: Any) -> Any:
        report = update(*args, **options)
        place.unlink()
        return report

    arguments = [str(archive), "--index", str(place)]
    monkeypatch.setattr(updating, "update", deleted)
    result = CliRunner().invoke(index_command.index, arguments)
    assert isinstance(result.exception, ArchiveError), result.exception
    assert str(result.exception) == f"The index {place} was deleted or replaced before it could be shown: try again."


def test_one_scene_is_no_scenes(tmp_path: Path) -> None:
    write_features(tmp_path / "a" / "s.json", [feature("S")])
    shown = CliRunner().invoke(index_command.index, [str(tmp_path / "a"), "--index", str(tmp_path / "i.sqlite")])
    assert shown.output.startswith("ortho: 1 scene, ")
