"""Write the units of an archive into its index, in transactions of about a second.

A unit is merged: unchanged scenes stay, changed ones are replaced, and those that it no longer contains are removed
last. So after each transaction every scene is in its old or its new state. A unit that is not completely written has an
empty `files` in the index; the next update reads it again, and finds most of it written.

A scene in several units is served from the unit that is read first. That order does not depend on the previous contents
of the index, so an updated index equals a rebuilt one.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import Counter
from itertools import islice
from typing import Dict, Iterable, List, Mapping, NamedTuple, Optional, Set, Tuple

import numpy as np

from planet_vector.server.archive.archive_paths import as_text
from planet_vector.server.archive.units import Problem, Unit
from planet_vector.server.index.blocks import BlockWriter
from planet_vector.server.index.entries import Entry
from planet_vector.server.index.snapshot import GIVEN
from planet_vector.server.index.writing_lock import Stopped

SECONDS = 1.0
"""Time after which a transaction ends, once the current batch is written."""

TOGETHER = 1000
"""Scenes written by one statement: a batch. A unit of at most that many is written within one transaction."""

DUPLICATE = "duplicate:"
"""Prefix of the files of a unit with scenes that are served from another unit: it is reread on any change."""

UNFINISHED = ""
"""Replaces the files of a unit that must be reread even if its files are unchanged."""

_VALUE_ERRORS = (
    ValueError, TypeError, OverflowError,
    sqlite3.DataError, sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError,
)  # fmt: skip
"""Exceptions of SQLite and its module for values that cannot be stored."""


def signature_of(unit: Unit) -> str:
    """Return a text that changes if the files of a unit change.

    Parameters
    ----------
    unit : Unit
        The unit.

    Returns
    -------
    str
        Path, size and times of each file as JSON.
    """
    return json.dumps([[f.path, f.size, f.mtime_ns, f.ctime_ns] for f in unit.files])


class Writing:
    """Writer of an update; a transaction begins with the first change, if any.

    Parameters
    ----------
    db : sqlite3.Connection
        The index.
    order : mapping of str to int
        Position of each unit's key in the reading order. Other units keep their scenes.
    stop : threading.Event, optional
        Stops the update between two transactions.

    Attributes
    ----------
    robbed : set of str
        Keys of units that have lost a scene to a unit earlier in the order, and must be reread.
    """

    def __init__(self, db: sqlite3.Connection, order: Mapping[str, int], stop: Optional[threading.Event]) -> None:
        self.robbed: Set[str] = set()
        self._db = db
        self._order = order
        self._stop = stop
        self._change: Counter[str] = Counter()
        self._blocks = BlockWriter(db)
        self._since = 0.0

    def __enter__(self) -> Writing:
        return self

    def __exit__(self, kind: Optional[type], *_: object) -> None:
        if kind is None:
            self._commit()
        elif self._db.in_transaction:  # SQLite itself may have ended it
            self._db.execute("ROLLBACK")

    def pause(self) -> None:
        """Commit the transaction if it has lasted for `SECONDS`.

        Raises
        ------
        Stopped
            If the update is to stop.
        """
        if self._db.in_transaction and time.monotonic() - self._since >= SECONDS:
            self._commit()
        if self._stop is not None and self._stop.is_set():
            self._commit()
            raise Stopped

    def _begin(self) -> None:
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")
            self._since = time.monotonic()

    def _commit(self) -> None:
        if not self._db.in_transaction:
            return
        self._blocks.flush()
        for scene_type, change in self._change.items():
            self._db.execute(
                "INSERT INTO total VALUES (?, ?) ON CONFLICT (type) DO UPDATE SET scenes = scenes + excluded.scenes",
                (scene_type, change),
            )
        self._db.execute("UPDATE meta SET value = value + 1 WHERE name = 'version'")
        self._db.execute("COMMIT")
        self._change.clear()

    def finish(self) -> None:
        """Mark the index as complete, and so as readable."""
        if self._db.execute("SELECT 1 FROM meta WHERE name = 'complete' AND NOT value").fetchone():
            self._begin()
            self._db.execute("UPDATE meta SET value = 1 WHERE name = 'complete'")

    def reread_duplicates(self) -> Set[str]:
        """Mark the units with scenes that are served from other units as unfinished, and return their keys.

        This must be part of the transaction of the first change: if the update were killed in between, the next one
        would find no change, and not reread them.

        Returns
        -------
        set of str
            Keys of these units.
        """
        found = {key for (key,) in self._db.execute("SELECT key FROM unit WHERE files LIKE ?", (DUPLICATE + "%",))}
        if found:
            self._begin()
            self._db.execute("UPDATE unit SET files = ? WHERE files LIKE ?", (UNFINISHED, DUPLICATE + "%"))
        return found

    def drop(self, key: str) -> None:
        """Remove a unit and all its scenes and problems from the index.

        Parameters
        ----------
        key : str
            Key of the unit.

        Raises
        ------
        Stopped
            If the update is to stop.
        """
        number = self._open_unit(key)
        self._remove_pieces(self._scenes_of(number))
        self._db.execute(f"DELETE FROM problem INDEXED BY problem_by_unit WHERE unit = {number}")
        self._db.execute("DELETE FROM unit WHERE unit = ?", (number,))

    def put(self, unit: Unit, entries: Iterable[Entry], problems: List[Problem]) -> None:
        """Replace the scenes of a unit in the index by its present ones.

        A unit that could not be completely read loses no scenes, and stays unfinished, as its files may become readable
        again without a change.

        Parameters
        ----------
        unit : Unit
            The unit.
        entries : iterable of Entry
            Its scenes.
        problems : list of Problem
            Its problems, complete once `entries` is consumed; extended with scenes that could not be stored.

        Raises
        ------
        Stopped
            If the update is to stop.
        """
        stream = iter(entries)
        piece = list(islice(stream, TOGETHER))
        self.robbed.discard(unit.key)
        if not piece and _is_unread(problems) and self._is_told(unit.key, problems):
            return  # unchanged: a new version would make clients fetch everything again
        number = self._open_unit(unit.key)
        before = _Before(self._scenes_of(number))
        clashes = 0
        while piece:
            clashes += self._merge(number, piece, before, unit, problems)
            piece = list(islice(stream, TOGETHER))
            if piece:
                self.pause()
                self._begin()
        unread = _is_unread(problems)
        if not unread:
            self._remove_pieces(before.left())
        self._db.execute(f"DELETE FROM problem INDEXED BY problem_by_unit WHERE unit = {number}")
        self._put_problems(number, problems)
        files = UNFINISHED if unread else (DUPLICATE if clashes else "") + signature_of(unit)
        self._db.execute("UPDATE unit SET files = ? WHERE unit = ?", (files, number))

    def put_scan_problems(self, problems: List[Problem]) -> None:
        """Write the problems of files that belong to no unit.

        Parameters
        ----------
        problems : list of Problem
            Problems of the scan, which replace the earlier ones.
        """
        known = set(self._db.execute("SELECT path, text FROM problem WHERE unit = 0"))
        rows = _rows(0, problems)
        if known != {row[1:] for row in rows}:
            self._begin()
            self._db.execute("DELETE FROM problem WHERE unit = 0")
            self._put_problems(0, problems)

    def _open_unit(self, key: str) -> int:
        """Mark a unit as unfinished, adding it if it is new, and return its number."""
        self._begin()
        row = self._db.execute("SELECT unit FROM unit WHERE key = ?", (key,)).fetchone()
        if row is not None:
            self._db.execute("UPDATE unit SET files = ? WHERE unit = ?", (UNFINISHED, row[0]))
            return int(row[0])
        number = self._db.execute("INSERT INTO unit VALUES (NULL, ?, ?)", (key, UNFINISHED)).lastrowid
        assert number is not None
        return number

    def _is_told(self, key: str, problems: List[Problem]) -> bool:
        """Return whether a unit is already recorded as unfinished with the same problems."""
        sql = "SELECT unit, path, text FROM problem JOIN unit USING (unit) WHERE key = ? AND files = ?"
        known = set(self._db.execute(sql, (key, UNFINISHED)))
        return bool(known) and known == set(_rows(next(iter(known))[0], problems))

    def _scenes_of(self, number: int) -> np.ndarray:
        """Return the scenes of a unit, ascending."""
        # The index is specified, as SQLite's statistics of few large units make it scan all scenes instead.
        rows = self._db.execute(f"SELECT scene FROM scene INDEXED BY scene_by_unit WHERE unit = {number}")
        return np.sort(np.fromiter((scene for (scene,) in rows), dtype=np.int64))

    def _merge(self, number: int, entries: List[Entry], before: _Before, unit: Unit, problems: List[Problem]) -> int:
        """Write scenes of a unit, and return how many of them are served from another unit."""
        self._db.execute("SAVEPOINT scenes")
        try:
            merged = self._merged(number, unit.key, entries, before)
        except _VALUE_ERRORS as error:
            self._db.execute("ROLLBACK TO scenes")
            self._db.execute("RELEASE scenes")
            if len(entries) > 1:  # retry one by one, to find the scene that fails
                return sum(self._merge(number, [entry], before, unit, problems) for entry in entries)
            problems.append(Problem(unit.files[0].path, f"scene {entries[0].scene_id} cannot be stored ({error})"))
            return 0
        self._db.execute("RELEASE scenes")
        # The state in memory changes only now, as a rollback is no longer possible.
        before.settle(merged.settled)
        self.robbed.update(merged.robbed)
        self._blocks.remove(np.array([scene for scene, _ in merged.removed], dtype=np.int64))
        self._change.subtract(scene_type for _, scene_type in merged.removed)
        for scene, entry in merged.written.items():
            self._blocks.add(scene, entry.scene_type, entry.acquired, entry.boxes, entry.columns)
        self._change.update(entry.scene_type for entry in merged.written.values())
        problems += [Problem(unit.files[0].path, text) for text in merged.clashes]
        return len(merged.clashes)

    def _merged(self, number: int, own: str, entries: List[Entry], before: _Before) -> _Merged:
        """Write scenes of a unit to the tables, and return the changes."""
        merged = _Merged(self._insert(number, entries), [], [], set(), [])
        if len(merged.written) == len(entries):
            return merged
        written = {id(entry) for entry in merged.written.values()}
        settled: Set[int] = set()
        again: List[Entry] = []
        for entry in entries:
            if id(entry) in written:
                continue
            scene, holder, key, text = self._db.execute(
                "SELECT scene, unit, key, json FROM scene JOIN unit USING (unit) JOIN feature USING (scene) "
                "WHERE type = ? AND id = ?",
                (entry.scene_type, entry.scene_id),
            ).fetchone()
            ours = holder == number and before.holds(scene)
            if scene in settled or not (ours or self._is_later(key, own)):
                served = own if scene in settled else key
                merged.clashes.append(f"scene {entry.scene_id} is already served from {served.partition(':')[2]}")
                continue
            settled.add(scene)
            if ours:
                merged.settled.append(scene)
                if text == entry.feature and self._products(scene) == dict(entry.products):
                    continue
            else:
                merged.robbed.add(key)
            merged.removed.append((scene, entry.scene_type))
            again.append(entry)
        if merged.robbed:
            rows = [(UNFINISHED, key) for key in merged.robbed]
            self._db.executemany("UPDATE unit SET files = ? WHERE key = ?", rows)
        self._delete([scene for scene, _ in merged.removed])
        merged.written.update(self._insert(number, again))
        return merged

    def _is_later(self, key: str, own: str) -> bool:
        """Return whether a unit is read after another one; False if it is not read at all."""
        return key in self._order and self._order[key] > self._order[own]

    def _products(self, scene: int) -> Dict[str, str]:
        return dict(self._db.execute("SELECT name, path FROM product WHERE scene = ?", (scene,)))

    def _insert(self, number: int, entries: List[Entry]) -> Dict[int, Entry]:
        """Insert scenes, skipping those that exist, and return the inserted ones by their numbers."""
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

    def _remove_pieces(self, scenes: np.ndarray) -> None:
        """Remove scenes in batches."""
        for start in range(0, len(scenes), TOGETHER):
            if start:
                self.pause()
                self._begin()
            piece = scenes[start : start + TOGETHER]
            self._change.subtract(self._delete(piece.tolist()))
            self._blocks.remove(piece)

    def _delete(self, scenes: List[int]) -> Dict[str, int]:
        """Delete scenes from the tables, and return the number of deleted scenes of each type."""
        if not scenes:
            return {}
        given = (json.dumps(scenes),)
        counts = f"SELECT type, count(*) FROM {GIVEN} CROSS JOIN scene ON scene = given GROUP BY type"
        found = dict(self._db.execute(counts, given))
        for table in ("feature", "product", "scene"):
            self._db.execute(f"DELETE FROM {table} WHERE scene IN {GIVEN}", given)
        return found

    def _put_problems(self, number: int, problems: List[Problem]) -> None:
        self._db.executemany("INSERT INTO problem VALUES (?, ?, ?)", _rows(number, problems))


class _Merged(NamedTuple):
    """Changes of some scenes of a unit.

    Attributes
    ----------
    written : dict of int to Entry
        Scenes that are new or replaced, by their new numbers.
    settled : list of int
        Numbers of scenes of the unit that were in the index, and that it still contains.
    removed : list of (int, str)
        Removed numbers, with their types.
    robbed : set of str
        Keys of other units from which a scene was taken.
    clashes : list of str
        Messages for the scenes that are not served from this unit.
    """

    written: Dict[int, Entry]
    settled: List[int]
    removed: List[Tuple[int, str]]
    robbed: Set[str]
    clashes: List[str]


class _Before:
    """Scenes that a unit has in the index, and which of them it still contains.

    Parameters
    ----------
    scenes : np.ndarray of int64, shape (n,)
        Their numbers, ascending.
    """

    def __init__(self, scenes: np.ndarray) -> None:
        self._scenes = scenes
        self._settled = np.zeros(len(scenes), dtype=bool)

    def holds(self, scene: int) -> bool:
        """Return whether a scene is one of them, and not settled."""
        place = int(np.searchsorted(self._scenes, scene))
        return place < len(self._scenes) and bool(self._scenes[place] == scene) and not self._settled[place]

    def settle(self, scenes: List[int]) -> None:
        """Record that the unit still contains scenes, unchanged or changed."""
        self._settled[np.searchsorted(self._scenes, scenes)] = True

    def left(self) -> np.ndarray:
        """Return the scenes that are not settled."""
        return self._scenes[~self._settled]


def _is_unread(problems: List[Problem]) -> bool:
    return any(problem.unread for problem in problems)


def _rows(number: int, problems: List[Problem]) -> List[Tuple[int, str, str]]:
    return [(number, p.path, as_text(p.text)) for p in problems]
