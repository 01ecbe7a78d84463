"""Bring an index up to date with its archive: what is new, changed or gone since the last time.

Each transaction holds whole units and counts the index's version up, so an index is true at any moment: killed in
the middle, the next run goes on where the last transaction ended. Two processes that update one index do the same
work twice, but write it once.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Callable, Dict, Iterable, List, Optional

import platformdirs

from planet_vector.errors import ArchiveError
from planet_vector.query import FIELDS
from planet_vector.server.archive import Problem, Unit, scan
from planet_vector.server.columns import box_time
from planet_vector.server.entries import Entry, read_all
from planet_vector.server.index import SCHEMA, connect, create, create_indexes

BATCH = 20_000  # scenes in one transaction, about a second's work
CACHE_KB = 200_000  # of pages while writing: the R*Tree and the ids of a million scenes are changed all over
BLOCK = 1000  # scenes written by one statement
_DUPLICATE = "duplicate:"
"""Before the files of a unit whose scenes are (partly) served from another: it is read again when anything changes."""


@dataclass
class Report:
    """Hold what an update did."""

    read: int = 0
    removed: int = 0
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
    db.execute(f"PRAGMA cache_size = -{CACHE_KB}")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")  # with WAL a crash may lose the last update, never more: it is made again
    db.execute("BEGIN IMMEDIATE")
    found = db.execute("PRAGMA user_version").fetchone()[0]
    if not found and not db.execute("SELECT 1 FROM sqlite_master").fetchone():
        create(db)
    elif found != SCHEMA:
        db.close()
        raise ArchiveError(f"{path} is no index of this version of planet-vector: delete it, or name another.")
    db.execute("COMMIT")
    return db


def _update(
    root: Path,
    db: sqlite3.Connection,
    units: Dict[str, Unit],
    scan_problems: List[Problem],
    progress: Callable[[int, int], None],
) -> Report:
    known: Dict[str, str] = dict(db.execute("SELECT key, files FROM unit WHERE unit > 0"))
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
        for done, (unit, entries, problems) in enumerate(read_all(root, changed), 1):
            writing.put(unit, entries, problems)
            writing.pause()
            progress(done, len(changed))
        writing.put_scan_problems(scan_problems)
    create_indexes(db)
    if len(changed) or len(gone):
        db.execute("PRAGMA optimize = 0x10002")  # all tables: a first fill has no statistics yet
    return report


def _signature(unit: Unit) -> str:
    return json.dumps([[f.path, f.size, f.mtime_ns] for f in unit.files])


_SCENE_SQL = f"INSERT OR IGNORE INTO scene VALUES (?, ?, ?, ?, ?, ?{', ?' * (len(FIELDS) - 1)})"


class _Writing:
    """Write an update, in transactions of whole units; one begins with the first change, if any."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._change: Counter[str] = Counter()
        self._written = 0
        self._open = False

    def __enter__(self) -> _Writing:
        return self

    def __exit__(self, kind: Optional[type], *_: object) -> None:
        if self._open and kind is not None:
            self._db.execute("ROLLBACK")
        elif self._open:
            self._commit()

    def pause(self) -> None:
        """End the transaction when it holds enough."""
        if self._written >= BATCH:
            self._commit()

    def _begin(self) -> None:
        if not self._open:
            self._db.execute("BEGIN IMMEDIATE")
            self._open = True

    def _commit(self) -> None:
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
        scenes = f"SELECT scene FROM scene WHERE unit = {number}"
        for scene_type, count in self._db.execute(
            f"SELECT type, count(*) FROM scene WHERE unit = {number} GROUP BY type"
        ):
            self._change[scene_type] -= count
        self._db.execute(f"DELETE FROM box WHERE entry IN (SELECT 2 * scene FROM scene WHERE unit = {number})")
        self._db.execute(f"DELETE FROM box WHERE entry IN (SELECT 2 * scene + 1 FROM scene WHERE unit = {number})")
        self._db.execute(f"DELETE FROM feature WHERE scene IN ({scenes})")
        self._db.execute(f"DELETE FROM product WHERE scene IN ({scenes})")
        self._db.execute(f"DELETE FROM scene WHERE unit = {number}")
        self._db.execute(f"DELETE FROM problem WHERE unit = {number}")
        self._db.execute(f"DELETE FROM unit WHERE unit = {number}")
        self._written += 1

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
        duplicates = sum(
            self._put_block(number, block, unit, problems) for block in iter(lambda: list(islice(stream, BLOCK)), [])
        )
        if duplicates:
            self._db.execute("UPDATE unit SET files = ? WHERE unit = ?", (_DUPLICATE + signature, number))
        self._db.executemany("INSERT INTO problem VALUES (?, ?, ?)", [(number, p.path, p.text) for p in problems])

    def _put_block(self, number: int, block: List[Entry], unit: Unit, problems: List[Problem]) -> int:
        """Write scenes, and return how many of them were there already, from another unit."""
        first = int(self._db.execute("SELECT coalesce(max(scene), 0) + 1 FROM scene").fetchone()[0])
        numbered = list(enumerate(block, first))
        written = self._db.executemany(
            _SCENE_SQL,
            [(n, number, e.scene_type, e.scene_id, e.acquired, e.footprint, *e.columns) for n, e in numbered],
        ).rowcount
        duplicates = len(block) - written
        if duplicates:
            there = {n for (n,) in self._db.execute("SELECT scene FROM scene WHERE scene >= ?", (first,))}
            problems += [Problem(unit.files[0].path, self._clash(e)) for n, e in numbered if n not in there]
            numbered = [(n, e) for n, e in numbered if n in there]
        self._db.executemany("INSERT INTO feature VALUES (?, ?)", [(n, e.feature) for n, e in numbered])
        self._db.executemany(
            "INSERT INTO box VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (2 * n + part, west, east, south, north, box_time(e.acquired), box_time(e.acquired))
                for n, e in numbered
                for part, (west, south, east, north) in enumerate(e.boxes)
            ],
        )
        self._db.executemany(
            "INSERT INTO product VALUES (?, ?, ?)",
            [(n, product, path) for n, e in numbered for product, path in e.products.items()],
        )
        self._change.update(e.scene_type for _, e in numbered)
        self._written += len(numbered)
        return duplicates

    def put_scan_problems(self, problems: List[Problem]) -> None:
        """Write what was wrong with files that belong to no unit."""
        known = set(self._db.execute("SELECT path, text FROM problem WHERE unit = 0"))
        if known != {(p.path, p.text) for p in problems}:
            self._begin()
            self._db.execute("DELETE FROM problem WHERE unit = 0")
            self._db.executemany("INSERT INTO problem VALUES (0, ?, ?)", [(p.path, p.text) for p in problems])

    def _clash(self, entry: Entry) -> str:
        row = self._db.execute(
            "SELECT key FROM unit JOIN scene USING (unit) WHERE type = ? AND id = ?", (entry.scene_type, entry.scene_id)
        ).fetchone()
        return f"scene {entry.scene_id} is there already, from {row[0].partition(':')[2]}"
