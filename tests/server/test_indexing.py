"""Writing an index: transactions, what cannot be stored, files of other versions; and reading it meanwhile."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any, Dict, Iterator, List

import numpy as np
import pytest

from planet_vector.errors import ArchiveError
from planet_vector.server.archive.units import Problem
from planet_vector.server.index import updating, writing
from planet_vector.server.index.database import Index
from planet_vector.server.index.entries import Entry
from planet_vector.server.index.scene_search import parse_search
from planet_vector.server.index.searched_area import Area

from .conftest import feature

BEFORE = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE unit (unit INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, files TEXT NOT NULL);
CREATE TABLE problem (unit INTEGER NOT NULL, path TEXT NOT NULL, text TEXT NOT NULL);
CREATE TABLE scene (scene INTEGER PRIMARY KEY, unit INTEGER NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL,
    acquired INTEGER NOT NULL, footprint BLOB, "cloud_cover.estimated");
CREATE TABLE feature (scene INTEGER PRIMARY KEY, json TEXT NOT NULL);
CREATE TABLE product (scene INTEGER NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL, PRIMARY KEY (scene, name))
    WITHOUT ROWID;
CREATE TABLE total (type TEXT PRIMARY KEY, scenes INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE area (hash TEXT PRIMARY KEY, text TEXT NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID;
CREATE VIRTUAL TABLE box USING rtree (entry, west, east, south, north, since, until);
CREATE UNIQUE INDEX scene_by_id ON scene (type, id);
CREATE INDEX scene_by_time ON scene (type, acquired, id, "cloud_cover.estimated");
INSERT INTO meta VALUES ('version', 7);
INSERT INTO unit VALUES (1, 'list:gone.geojsonl', '[]');
INSERT INTO scene VALUES (1, 1, 'ortho', 'GONE', 0, NULL, NULL);
INSERT INTO feature VALUES (1, '{}');
INSERT INTO total VALUES ('ortho', 1);
INSERT INTO box VALUES (2, 0, 1, 0, 1, 0, 0);
"""


def write_lines(path: Path, features: List[Dict[str, Any]]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(each) + "\n" for each in features))


def ids_of(index: Index, *parameters: str) -> List[str]:
    page = index.search(parse_search("ortho", [p.split("=", 1) for p in parameters]))  # type: ignore[misc]
    found = [scene["id"] for scene in json.loads(b"[%s]" % page.features, strict=False)]
    assert page.total == len(found)
    return found


@pytest.mark.parametrize("schema", [1, 2, 99])
def test_an_index_of_another_version_is_made_anew(tmp_path: Path, schema: int) -> None:
    write_lines(tmp_path / "a" / "s.geojsonl", [feature("NEW")])
    with closing(sqlite3.connect(tmp_path / "i.sqlite")) as db:
        db.executescript(BEFORE + f"PRAGMA journal_mode = WAL; PRAGMA user_version = {schema};")
    report = updating.update(tmp_path / "a", tmp_path / "i.sqlite")
    assert (report.read, report.totals, report.problems) == (1, {"ortho": 1}, [])
    assert updating.update(tmp_path / "a", tmp_path / "i.sqlite").read == 0
    with closing(Index(tmp_path / "i.sqlite")) as index:
        assert ids_of(index) == ["NEW"]


@pytest.mark.parametrize("version", [0, 2, 3])
def test_a_database_of_something_else_is_left_as_it_is(tmp_path: Path, version: int) -> None:
    write_lines(tmp_path / "a" / "s.geojsonl", [feature("NEW")])
    place = tmp_path / "photos.sqlite"
    with closing(sqlite3.connect(place)) as db:
        db.executescript(f"CREATE TABLE scene (photo); PRAGMA user_version = {version};")
    before = place.read_bytes()
    with pytest.raises(ArchiveError, match="is not an index of planet-vector"):
        updating.update(tmp_path / "a", place)
    assert place.read_bytes() == before
    place.write_bytes(b"no database, but something of somebody's" * 99)
    with pytest.raises(ArchiveError, match="cannot be written"):
        updating.update(tmp_path / "a", place)
    assert place.read_bytes() == b"no database, but something of somebody's" * 99


def test_no_value_of_a_scene_ends_an_update(tmp_path: Path) -> None:
    odd: List[Any] = [10**400, -(10**400), 10**30, 2**53 + 1, "\ud800", "text", True, [], {}, 1.5e308, ""]
    names = ["file_size", "strip_id", "sat.id", "published", "area", "provider", "landsat.row", "camera.color_mode"]
    scenes = []
    for number, value in enumerate(odd):
        properties: Dict[str, Any] = {}
        for name in names:
            group, _, leaf = name.rpartition(".")
            (properties.setdefault(group, {}) if group else properties)[leaf] = value
        properties["links"] = {"self": "https://x/v0/scenes/ortho/"}
        scenes.append(feature(f"ODD{number}", **properties))
    write_lines(tmp_path / "a" / "s.geojsonl", [*scenes, feature("GOOD", file_size=2**53)])
    report = updating.update(tmp_path / "a", tmp_path / "i.sqlite")
    assert (report.totals, report.problems) == ({"ortho": len(odd) + 1}, [])
    with closing(Index(tmp_path / "i.sqlite")) as index:
        # A number of more digits than floating point holds is more than each that can be asked for.
        assert ids_of(index, "file_size.gt=9007199254740992") == ["ODD9", "ODD3", "ODD2", "ODD0"]
        assert ids_of(index, "file_size=9007199254740992") == ["GOOD"]
        assert ids_of(index, "strip_id.lt=-1e308") == ["ODD1"]
        assert ids_of(index, "sat.id=text") == ["ODD5"]


def test_what_cannot_be_stored_is_a_problem_of_its_scene_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_lines(tmp_path / "a" / "s.geojsonl", [feature(f"S{n}") for n in range(9)])
    read_all = updating.read_all

    def spoil(entry: Entry) -> Entry:
        bad: Dict[str, Dict[str, Any]] = {
            "S2": {"feature": '"\ud800"'}, "S4": {"acquired": 2**70}, "S6": {"products": {"visual": object()}},
        }  # fmt: skip
        return entry._replace(**bad.get(entry.scene_id, {}))

    def reading(*given: Any) -> Iterator[Any]:
        for unit, entries, problems in read_all(*given):
            yield unit, map(spoil, entries), problems

    monkeypatch.setattr(updating, "read_all", reading)
    report = updating.update(tmp_path / "a", tmp_path / "i.sqlite")
    assert report.totals == {"ortho": 6}
    assert [p.path for p in report.problems] == ["s.geojsonl"] * 3
    assert [p.text[:8] for p in report.problems] == ["scene S2", "scene S4", "scene S6"]
    with closing(Index(tmp_path / "i.sqlite")) as index:
        assert ids_of(index) == ["S8", "S7", "S5", "S3", "S1", "S0"]
        assert ids_of(index, "intersects=POINT(10.1 45.1)") == ["S8", "S7", "S5", "S3", "S1", "S0"]


def test_the_text_of_a_problem_may_be_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_lines(tmp_path / "a" / "s.geojsonl", [feature("S")])
    scan = updating.scan
    monkeypatch.setattr(updating, "scan", lambda *given: (scan(*given)[0], [Problem("x", "half \ud800")]))
    assert updating.update(tmp_path / "a", tmp_path / "i.sqlite").problems == [Problem("x", "half ?")]


def test_a_transaction_ends_after_a_second_though_it_holds_little(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        write_lines(tmp_path / "a" / f"{number}.geojsonl", [feature(f"S{number}")])
    clock = iter(np.arange(0.0, 1000.0, 0.6).tolist())  # each look at it is 0.6 s later
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    commits = []
    connect = updating.connect

    def tracing(path: Path) -> sqlite3.Connection:
        db = connect(path)
        db.set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)
        return db

    monkeypatch.setattr(updating, "connect", tracing)
    updating.update(tmp_path / "a", tmp_path / "i.sqlite")
    with closing(Index(tmp_path / "i.sqlite")) as index:
        assert len(commits) == 1 + 3  # the tables; then two files each, the fifth alone
        assert len(ids_of(index)) == 5


def test_indexes_are_there_before_anything_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A first fill that was killed leaves units that the next run drops: without an index each reads all scenes."""
    for number in range(3):
        write_lines(tmp_path / "a" / f"{number}.geojsonl", [feature(f"S{number}")])
    read_all = updating.read_all

    def killed(*given: Any) -> Iterator[Any]:
        for number, read in enumerate(read_all(*given)):
            if number == 2:
                raise KeyboardInterrupt
            yield read

    monkeypatch.setattr(writing, "SECONDS", 0.0)
    monkeypatch.setattr(updating, "read_all", killed)
    with pytest.raises(KeyboardInterrupt):
        updating.update(tmp_path / "a", tmp_path / "i.sqlite")
    with closing(sqlite3.connect(tmp_path / "i.sqlite")) as db:
        for table in ("scene", "problem"):
            plan = db.execute(f"EXPLAIN QUERY PLAN DELETE FROM {table} WHERE unit = 1").fetchall()
            assert "USING" in plan[0][3]
            assert "INDEX" in plan[0][3]
        assert db.execute("SELECT count(*) FROM scene").fetchone() == (2,)


def test_a_small_unit_is_replaced_without_reading_the_large_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lines(tmp_path / "a" / "large.geojsonl", [feature(f"L{n}") for n in range(5000)])
    write_lines(tmp_path / "a" / "small.geojsonl", [feature("S0")])
    updating.update(tmp_path / "a", tmp_path / "i.sqlite")
    with closing(sqlite3.connect(tmp_path / "i.sqlite")) as db:
        db.execute("ANALYZE")
    steps = [0]

    def count() -> int:
        steps[0] += 1
        return 0

    connect = updating.connect

    def counting(path: Path) -> sqlite3.Connection:
        db = connect(path)
        db.set_progress_handler(count, 1)
        return db

    monkeypatch.setattr(updating, "connect", counting)
    write_lines(tmp_path / "a" / "small.geojsonl", [feature("S1"), feature("S2")])
    assert updating.update(tmp_path / "a", tmp_path / "i.sqlite").totals == {"ortho": 5002}
    assert steps[0] < 5000  # of SQLite's machine: not one for each scene


def test_long_searches_keep_no_short_ones_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Each footprint is cut by the outline, and there are more than are tested on the way.
    write_lines(tmp_path / "a" / "s.geojsonl", [feature(f"S{n:04d}", west=n % 80, south=0.0) for n in range(3000)])
    updating.update(tmp_path / "a", tmp_path / "i.sqlite")
    going, at_once, most = threading.Event(), [0], [0]
    guard = threading.Lock()
    intersects = Area.intersects

    def slow(self: Area, footprints: List[bytes]) -> np.ndarray:
        with guard:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        assert going.wait(60)
        with guard:
            at_once[0] -= 1
        return intersects(self, footprints)

    with closing(Index(tmp_path / "i.sqlite")) as index:
        monkeypatch.setattr(Area, "intersects", slow)
        totals: List[int] = []
        areas = [f"POLYGON((-1 0.1,90 0.1,90 {0.11 + n / 1000},-1 0.1))" for n in range(6)]
        threads = [
            threading.Thread(
                target=lambda a=area: totals.append(index.search(parse_search("ortho", [("intersects", a)])).total)  # type: ignore[misc]
            )
            for area in areas
        ]
        for thread in threads:
            thread.start()
        try:
            while most[0] < 2:
                assert not going.wait(0.01)
            assert index.find("ortho", "S0007") is not None
            assert index.totals() == {"ortho": 3000}
            assert index.search(parse_search("ortho", [("acquired.gte", "2015-01-01")])).total == 3000
            assert most[0] == 2
        finally:
            going.set()
            for thread in threads:
                thread.join()
        assert totals == [3000] * 6
        assert most[0] == 2


def test_every_answer_is_of_one_state_while_units_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each transaction replaces 40 scenes by as many: at any moment there are 400, of ten files, whole ones."""
    monkeypatch.setattr(writing, "SECONDS", 0.0)

    def write(number: int, turn: int) -> None:
        scenes = [feature(f"F{number}_{turn}_{n}", sat={"alt": number}) for n in range(40)]
        write_lines(tmp_path / "a" / f"{number}.geojsonl", scenes)

    for number in range(10):
        write(number, 0)
    updating.update(tmp_path / "a", tmp_path / "i.sqlite")
    with closing(Index(tmp_path / "i.sqlite")) as index:
        first = index.version()
    done = threading.Event()
    faults: List[object] = []

    def look() -> None:
        while not done.is_set():
            try:
                found = ids_of(index, "count=1000", "sat.alt.gte=-1")
                turns = {name.rsplit("_", 1)[0] for name in found}
                if len(found) != 400 or len(turns) != 10:
                    faults.append((len(found), sorted(turns)))
            except Exception as error:
                faults.append(error)

    with closing(Index(tmp_path / "i.sqlite")) as index:
        threads = [threading.Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for turn in range(1, 8):
                for number in range(10):
                    write(number, turn)
                updating.update(tmp_path / "a", tmp_path / "i.sqlite")
        finally:
            done.set()
            for thread in threads:
                thread.join()
        assert faults == []
        assert index.version() >= first + 70
