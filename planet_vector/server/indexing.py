"""Bring an index up to date with its archive: what is new, changed or gone since the last time.

Each transaction holds whole units and counts the index's version up, so an index is true at any moment: killed in
the middle, the next run goes on where the last transaction ended. Two processes that update one index do the same
work twice, but write it once. An index that another version of this package has made is made anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Callable, Dict, Iterable, List, Optional

import numpy as np
import platformdirs

from planet_vector.errors import ArchiveError
from planet_vector.server.archive import Problem, Unit, scan
from planet_vector.server.blocks import BlockWriter
from planet_vector.server.entries import Entry, read_all
from planet_vector.server.index import SCHEMA, connect, create

BATCH, SECONDS = 20_000, 1.0
"""Scenes, or time, after which a transaction ends with the unit it is at."""

FILL_CACHE_KB, CACHE_KB = 200_000, 32_000
"""Of pages while writing. A first fill changes the indexes all over; a re-scan runs in a process that answers."""
TOGETHER = 1000  # scenes written by one statement
_TABLES = {"meta", "unit", "problem", "scene", "feature", "product", "total"}  # of an index, whatever its SCHEMA
_VALUE_ERRORS = (
    ValueError, TypeError, OverflowError,
    sqlite3.DataError, sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError,
)  # fmt: skip
"""What SQLite and its module raise for a value that they cannot store."""

_DUPLICATE = "duplicate:"
"""Before the files of a unit whose scenes are (partly) served from another: it is read again when anything changes."""


@dataclass
class Report:
    """Hold what an update did."""

    read: int = 0
    removed: int = 0
    reading: float = 0.0  # seconds it took to read what had changed
    totals: Dict[str, int] = field(default_factory=dict)
    problems: List[Problem] = field(default_factory=list)


def default_index(root: Path) -> Path:
    """Return where the index of an archive is kept: in the user's cache, as an archive may be read-only."""
    digest = hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()[:20]
    return Path(platformdirs.user_cache_dir("planet_vector")) / "archives" / f"{digest}-{SCHEMA}.sqlite"


def update(root: Path, path: Path, progress: Callable[[int, int], None] = lambda done, total: None) -> Report:
    """Read what has changed in an archive since the last update.

    Parameters
    ----------
    root : Path
        The archive.
    path : Path
        The index; made when it is not there.
    progress : callable
        Called with the number of units read, and of all to be read.

    Raises
    ------
    ArchiveError
        When the archive cannot be read at all, or the index not be written.
    """
    units, scan_problems = scan(root)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with closing(_open(path)) as db:
            report = _update(root, db, units, scan_problems, progress)
            report.totals = dict(db.execute("SELECT type, scenes FROM total WHERE scenes > 0 ORDER BY type"))
            report.problems = [
                Problem(*row) for row in db.execute("SELECT path, text FROM problem ORDER BY path, text")
            ]
    except (sqlite3.Error, OSError) as error:
        raise ArchiveError(
            f"The index {path} cannot be written ({error}): name another with --index, or delete it."
        ) from None
    return report


def _open(path: Path) -> sqlite3.Connection:
    db = connect(path)
    try:
        _is_ours(db, path)  # before anything is changed: WAL would stay with a stranger's file
        db.execute("PRAGMA journal_mode = WAL")
        # With WAL a crash may lose the last update, never more: it is made again.
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("BEGIN IMMEDIATE")
        if not _is_ours(db, path):
            _clear(db)
            create(db)
        db.execute("COMMIT")
    except BaseException:
        db.close()
        raise
    return db


def _is_ours(db: sqlite3.Connection, path: Path) -> bool:
    """Tell whether a file is an index as this version makes it; False where it is to be made.

    Raises
    ------
    ArchiveError
        When it is a database of something else.
    """
    (version,) = db.execute("PRAGMA user_version").fetchone()
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if (tables or version) and not tables >= _TABLES:
        raise ArchiveError(f"{path} is no index of planet-vector: name another with --index.")
    return bool(tables) and version == SCHEMA


def _clear(db: sqlite3.Connection) -> None:
    """Delete all tables."""
    # Virtual ones first, with which tables of theirs go.
    sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND sql {} LIKE '%VIRTUAL%'"
    for kind in ("", "NOT"):
        for (name,) in db.execute(sql.format(kind)).fetchall():
            db.execute(f'DROP TABLE "{name}"')


def _update(
    root: Path,
    db: sqlite3.Connection,
    units: Dict[str, Unit],
    scan_problems: List[Problem],
    progress: Callable[[int, int], None],
) -> Report:
    known: Dict[str, str] = dict(db.execute("SELECT key, files FROM unit WHERE unit > 0"))
    db.execute(f"PRAGMA cache_size = -{CACHE_KB if known else FILL_CACHE_KB}")
    gone = [key for key in known if key not in units]
    changed = [u for key, u in units.items() if known.get(key, "").replace(_DUPLICATE, "", 1) != _signature(u)]
    if gone or changed:
        again = {key for key, files in known.items() if files.startswith(_DUPLICATE)}
        seen = {unit.key for unit in changed}
        changed += [units[key] for key in sorted(again) if key in units and key not in seen]
    report = Report(read=len(changed), removed=len(gone))
    with _Writing(db) as writing:
        # Gone first: what takes the place of a file may hold the same scenes.
        for key in gone:
            writing.drop(key)
            writing.pause()
        start = time.monotonic()
        for done, (unit, entries, problems) in enumerate(read_all(root, changed), 1):
            writing.put(unit, entries, problems)
            writing.pause()
            progress(done, len(changed))
        report.reading = time.monotonic() - start
        writing.put_scan_problems(scan_problems)
    if len(changed) or len(gone):
        db.execute("PRAGMA optimize = 0x10002")  # all tables: a first fill has no statistics yet
    return report


def _signature(unit: Unit) -> str:
    return json.dumps([[f.path, f.size, f.mtime_ns] for f in unit.files])


class _Writing:
    """Write an update, in transactions of whole units; one begins with the first change, if any."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._change: Counter[str] = Counter()
        self._blocks = BlockWriter(db)
        self._written = 0
        self._since = 0.0
        self._open = False

    def __enter__(self) -> _Writing:
        return self

    def __exit__(self, kind: Optional[type], *_: object) -> None:
        if self._open and kind is not None:
            self._db.execute("ROLLBACK")
        elif self._open:
            self._commit()

    def pause(self) -> None:
        """End the transaction when it holds enough, or has taken long enough."""
        if self._open and (self._written >= BATCH or time.monotonic() - self._since >= SECONDS):
            self._commit()

    def _begin(self) -> None:
        if not self._open:
            self._db.execute("BEGIN IMMEDIATE")
            self._open = True
            self._since = time.monotonic()

    def _commit(self) -> None:
        self._blocks.flush()
        for scene_type, change in self._change.items():
            self._db.execute(
                "INSERT INTO total VALUES (?, ?) ON CONFLICT (type) DO UPDATE SET scenes = scenes + excluded.scenes",
                (scene_type, change),
            )
        self._db.execute("UPDATE meta SET value = value + 1 WHERE name = 'version'")
        self._db.execute("COMMIT")
        self._change.clear()
        self._written, self._open = 0, False

    def drop(self, key: str) -> None:
        """Take a unit and all it brought out of the index."""
        self._begin()
        row = self._db.execute("SELECT unit FROM unit WHERE key = ?", (key,)).fetchone()
        if row is None:
            return
        number = int(row[0])
        # Named, as statistics of few large units make SQLite read all scenes instead.
        scenes = f"FROM scene INDEXED BY scene_by_unit WHERE unit = {number}"
        for scene_type, count in self._db.execute(f"SELECT type, count(*) {scenes} GROUP BY type"):
            self._change[scene_type] -= count
        gone = np.fromiter((scene for (scene,) in self._db.execute(f"SELECT scene {scenes}")), dtype=np.int64)
        self._blocks.remove(gone)
        self._db.execute(f"DELETE FROM feature WHERE scene IN (SELECT scene {scenes})")
        self._db.execute(f"DELETE FROM product WHERE scene IN (SELECT scene {scenes})")
        self._db.execute(f"DELETE {scenes}")
        self._db.execute(f"DELETE FROM problem INDEXED BY problem_by_unit WHERE unit = {number}")
        self._db.execute(f"DELETE FROM unit WHERE unit = {number}")
        self._written += 1 + len(gone)

    def put(self, unit: Unit, entries: Iterable[Entry], problems: List[Problem]) -> None:
        """Write a unit in place of what it brought before."""
        self._begin()
        signature = _signature(unit)
        if self._db.execute("SELECT 1 FROM unit WHERE key = ? AND files = ?", (unit.key, signature)).fetchone():
            return  # another process was faster
        self.drop(unit.key)
        number = self._db.execute("INSERT INTO unit VALUES (NULL, ?, ?)", (unit.key, signature)).lastrowid
        assert number is not None
        stream = iter(entries)
        together = iter(lambda: list(islice(stream, TOGETHER)), [])
        if sum(self._put_scenes(number, scenes, unit, problems) for scenes in together):
            self._db.execute("UPDATE unit SET files = ? WHERE unit = ?", (_DUPLICATE + signature, number))
        self._put_problems(number, problems)

    def _put_scenes(self, number: int, entries: List[Entry], unit: Unit, problems: List[Problem]) -> int:
        """Write scenes, and return how many of them were there already, from another unit."""
        self._db.execute("SAVEPOINT scenes")
        try:
            written = self._insert(number, entries)
        except _VALUE_ERRORS as error:
            self._db.execute("ROLLBACK TO scenes")
            self._db.execute("RELEASE scenes")
            if len(entries) > 1:  # one by one, to find whose value it is
                return sum(self._put_scenes(number, [entry], unit, problems) for entry in entries)
            problems.append(Problem(unit.files[0].path, f"scene {entries[0].scene_id} cannot be stored ({error})"))
            return 0
        self._db.execute("RELEASE scenes")
        for scene, entry in written.items():
            self._blocks.add(scene, entry.scene_type, entry.acquired, entry.boxes, entry.columns)
        self._change.update(entry.scene_type for entry in written.values())
        self._written += len(written)
        if len(written) < len(entries):
            there = {id(entry) for entry in written.values()}
            problems += [Problem(unit.files[0].path, self._clash(e)) for e in entries if id(e) not in there]
        return len(entries) - len(written)

    def _insert(self, number: int, entries: List[Entry]) -> Dict[int, Entry]:
        """Insert scenes that are not there, and return them by their numbers."""
        first = int(self._db.execute("SELECT coalesce(max(scene), 0) + 1 FROM scene").fetchone()[0])
        numbered = dict(enumerate(entries, first))
        count = self._db.executemany(
            "INSERT OR IGNORE INTO scene VALUES (?, ?, ?, ?, ?, ?)",
            [(n, number, e.scene_type, e.scene_id, e.acquired, e.footprint) for n, e in numbered.items()],
        ).rowcount
        if count < len(entries):
            there = self._db.execute("SELECT scene FROM scene WHERE scene >= ?", (first,)).fetchall()
            numbered = {n: numbered[n] for (n,) in there}
        self._db.executemany("INSERT INTO feature VALUES (?, ?)", [(n, e.feature) for n, e in numbered.items()])
        self._db.executemany(
            "INSERT INTO product VALUES (?, ?, ?)",
            [(n, product, path) for n, e in numbered.items() for product, path in e.products.items()],
        )
        return numbered

    def put_scan_problems(self, problems: List[Problem]) -> None:
        """Write what was wrong with files that belong to no unit."""
        known = set(self._db.execute("SELECT path, text FROM problem WHERE unit = 0"))
        if known != {(p.path, p.text) for p in problems}:
            self._begin()
            self._db.execute("DELETE FROM problem WHERE unit = 0")
            self._put_problems(0, problems)

    def _put_problems(self, number: int, problems: List[Problem]) -> None:
        rows = [(number, p.path, p.text.encode(errors="replace").decode()) for p in problems]
        self._db.executemany("INSERT INTO problem VALUES (?, ?, ?)", rows)

    def _clash(self, entry: Entry) -> str:
        row = self._db.execute(
            "SELECT key FROM unit JOIN scene USING (unit) WHERE type = ? AND id = ?", (entry.scene_type, entry.scene_id)
        ).fetchone()
        return f"scene {entry.scene_id} is there already, from {row[0].partition(':')[2]}"
