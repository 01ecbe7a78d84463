"""The index of an archive: its scenes in one SQLite file, found by area, time and every field of the API.

The file is a cache: it can be deleted, and is made anew when its schema is another's. Several processes read it
at once (WAL); each answer is of one state of the archive.

Footprints stand in an R*Tree of longitude, latitude and time of acquisition: an area and a season together leave
few candidates. A footprint in two parts (at the antimeridian) has two entries, ``2 * scene`` and ``2 * scene + 1``.
"""

from __future__ import annotations

import json
import queue
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from planet_vector.query import FIELDS, format_time
from planet_vector.server.finding import GIVEN, Finder, Row, look_up
from planet_vector.server.search import Edge, Search, from_microseconds

SCHEMA = 2
"""Number of the layout below; an index of another number is made anew."""

_TEXT = "CAST(json AS BLOB)"  # as it goes out
CONNECTIONS = 4  # a process: more would only wait for the same disk and the interpreter's lock
CACHE_KB = 16_384  # of pages, each connection
_COLUMNS = ", ".join(f'"{name}"' for name in FIELDS if name != "acquired")
_TABLES = f"""
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE unit (unit INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, files TEXT NOT NULL);
CREATE TABLE problem (unit INTEGER NOT NULL, path TEXT NOT NULL, text TEXT NOT NULL);
CREATE TABLE scene (
    scene INTEGER PRIMARY KEY, unit INTEGER NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL,
    acquired INTEGER NOT NULL, footprint BLOB, {_COLUMNS}
);
CREATE TABLE feature (scene INTEGER PRIMARY KEY, json TEXT NOT NULL);
CREATE TABLE product (scene INTEGER NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL, PRIMARY KEY (scene, name))
    WITHOUT ROWID;
CREATE TABLE total (type TEXT PRIMARY KEY, scenes INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE area (hash TEXT PRIMARY KEY, text TEXT NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID;
CREATE VIRTUAL TABLE box USING rtree (entry, west, east, south, north, since, until);
CREATE UNIQUE INDEX scene_by_id ON scene (type, id);
"""
_INDEXES = """
CREATE INDEX IF NOT EXISTS scene_by_time ON scene (type, acquired, id, "cloud_cover.estimated");
CREATE INDEX IF NOT EXISTS scene_by_unit ON scene (unit);
CREATE INDEX IF NOT EXISTS problem_by_unit ON problem (unit);
"""


class Page(NamedTuple):
    """Hold one page of a search.

    Attributes
    ----------
    features : bytes
        JSON texts, in the order of the search and with commas between them, with `planet_vector.server.links.BASE`
        where the service's root goes.
    total : int
        Scenes on this page and those after it.
    before, after : Edge or None
        Where the pages before and after it lie; None when it is empty.
    """

    features: bytes
    total: int
    before: Optional[Edge]
    after: Optional[Edge]


class Summary(NamedTuple):
    """Hold what there is of one scene type."""

    scene_type: str
    scenes: int
    first: str
    last: str
    products: Tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """Hold one scene by its id."""

    feature: bytes
    products: Mapping[str, str]


class Index:
    """Read an index; any number of threads at once.

    Parameters
    ----------
    path : Path
        The SQLite file, as `planet_vector.server.indexing.update` left it.
    exact_ties : bool
        Whether scenes that share their time across the edge of a page are kept, by an extra parameter in the
        link. If not, they are lost, as they were at the real service.
    """

    def __init__(self, path: Path, exact_ties: bool = True) -> None:
        self.path = path
        self._exact_ties = exact_ties
        self._idle: queue.LifoQueue[Optional[sqlite3.Connection]] = queue.LifoQueue()
        for _ in range(CONNECTIONS):
            self._idle.put(None)
        self._finder = Finder()

    def close(self) -> None:
        """Close every connection."""
        for _ in range(CONNECTIONS):
            connection = self._idle.get()
            if connection is not None:
                connection.close()

    def totals(self) -> Dict[str, int]:
        """Return the number of scenes of each type."""
        with self._read() as db:
            return dict(db.execute("SELECT type, scenes FROM total WHERE scenes > 0 ORDER BY type"))

    def summary(self) -> List[Summary]:
        """Return what is in the index, by scene type."""
        span = "SELECT min(acquired), max(acquired) FROM scene WHERE type = ?"
        names = "SELECT DISTINCT name FROM product JOIN scene USING (scene) WHERE type = ? ORDER BY name"
        with self._read() as db:
            found = []
            for scene_type, scenes in db.execute(
                "SELECT type, scenes FROM total WHERE scenes > 0 ORDER BY type"
            ).fetchall():
                first, last = (format_time(from_microseconds(t)) for t in db.execute(span, (scene_type,)).fetchone())
                products = tuple(name for (name,) in db.execute(names, (scene_type,)))
                found.append(Summary(scene_type, scenes, first, last, products))
            return found

    def version(self) -> int:
        """Return a number that changes with the scenes of the index."""
        with self._read() as db:
            return _version(db)

    def find(self, scene_type: str, scene_id: str) -> Optional[Found]:
        """Return the scene of an id, or None."""
        with self._read() as db:
            row = db.execute(
                f"SELECT scene, {_TEXT} FROM scene JOIN feature USING (scene) WHERE type = ? AND id = ?",
                (scene_type, scene_id),
            ).fetchone()
            if row is None:
                return None
            return Found(row[1], dict(db.execute("SELECT name, path FROM product WHERE scene = ?", (row[0],))))

    def search(self, search: Search) -> Page:
        """Return one page of a search."""
        with self._read() as db:
            found = self._finder.page(db, search, _version(db))
            features = _joined(db, found.rows)
        if not found.rows:
            return Page(b"", 0, None, None)
        before, after = ("lt", "gt") if search.ascending else ("gt", "lt")
        return Page(
            features,
            found.total,
            self._edge(before, found.rows[0], found.tied_before),
            self._edge(after, found.rows[-1], found.tied_after),
        )

    def matching(self, search: Search, most: int) -> List[Tuple[str, bytes, Dict[str, str]]]:
        """Return the ids, features and products of the first scenes of a search, whatever page it asks for."""
        with self._read() as db:
            rows = self._finder.first(db, search, _version(db), most)
            texts = look_up(db, f"scene, {_TEXT}", "feature", [row[0] for row in rows])
            return [
                (row[2], text, dict(db.execute("SELECT name, path FROM product WHERE scene = ?", (row[0],))))
                for row, (_, text) in zip(rows, texts)
            ]

    def keep_area(self, digest: str, text: str) -> None:
        """Keep the text of an area too long for a link."""
        with closing(connect(self.path)) as db, db:
            db.execute(
                "INSERT INTO area VALUES (?, ?, (SELECT coalesce(max(used), 0) + 1 FROM area)) "
                "ON CONFLICT (hash) DO UPDATE SET used = excluded.used",
                (digest, text),
            )
            db.execute("DELETE FROM area WHERE hash NOT IN (SELECT hash FROM area ORDER BY used DESC LIMIT 1000)")

    def kept_area(self, digest: str) -> Optional[str]:
        """Return the text of an area that was kept, or None."""
        with self._read() as db:
            row = db.execute("SELECT text FROM area WHERE hash = ?", (digest,)).fetchone()
            return str(row[0]) if row else None

    @contextmanager
    def _read(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection, within one transaction: what is read together is of one state."""
        connection = self._idle.get()
        try:
            if connection is None:
                connection = connect(self.path)
                connection.execute("PRAGMA query_only = 1")
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")
        finally:
            self._idle.put(connection)

    def _edge(self, comparator: str, row: Row, shared: bool) -> Edge:
        """Return the edge at a row; with its id when the scene beyond shares its time."""
        return Edge(comparator, row[1], row[2] if shared and self._exact_ties else None)


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()[0])


def connect(path: Path) -> sqlite3.Connection:
    """Open an index file, for one thread at a time."""
    # Only a writer waits for another: as long as a first fill takes.
    db = sqlite3.connect(path, timeout=600, isolation_level=None, check_same_thread=False)
    db.execute(f"PRAGMA cache_size = -{CACHE_KB}")
    db.execute("PRAGMA temp_store = MEMORY")
    return db


def create(db: sqlite3.Connection) -> None:
    """Make the tables of an empty index."""
    for statement in filter(str.strip, _TABLES.split(";")):
        db.execute(statement)
    db.execute("INSERT INTO meta VALUES ('version', 0)")
    db.execute(f"PRAGMA user_version = {SCHEMA}")


def create_indexes(db: sqlite3.Connection) -> None:
    """Make what searches need beside the tables, where it is not there; after a first fill this takes less time."""
    for statement in filter(str.strip, _INDEXES.split(";")):
        db.execute(statement)


def _joined(db: sqlite3.Connection, rows: Sequence[Row]) -> bytes:
    """Return the texts of scenes in their order, commas between them.

    SQLite joins them: threads at once would pass the interpreter's lock to and fro at each row that goes to Python.
    """
    text, count = db.execute(
        "SELECT CAST(group_concat(json, ',') AS BLOB), count(*) "
        f"FROM {GIVEN} CROSS JOIN feature ON scene = given",  # in the order of the numbers
        [json.dumps([row[0] for row in rows])],
    ).fetchone()
    if count != len(rows):
        raise sqlite3.DatabaseError("the index lacks scenes that it lists")
    return text or b""
