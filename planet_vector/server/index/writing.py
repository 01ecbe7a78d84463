"""Write the units of an archive into its index, in transactions of about a second.

A unit is merged: unchanged scenes stay, changed ones are replaced, and those that it no longer contains are removed
last. So after each transaction every scene is in its old or its new state. A unit that is not completely written has an
empty `files` in the index; the next update reads it again, and finds most of it written.

A scene in several lists, or in a list and in rasters, is served from the unit that is read first; that order does not
depend on the previous contents of the index. Scenes with rasters are all served: one whose id another unit has already
gets an id made of its path, which the table `given` keeps.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import Counter
from itertools import islice
from typing import Dict, Iterable, List, Mapping, Optional, Set, Tuple

import numpy as np

from planet_vector.server.archive.archive_paths import as_text, stored, unstored
from planet_vector.server.archive.ids import free_id, told_id
from planet_vector.server.archive.units import IDS, LEFT_OUT, Problem, Unit, is_list, path_of
from planet_vector.server.index.blocks import BlockWriter
from planet_vector.server.index.entries import Entry
from planet_vector.server.index.links import renamed_text
from planet_vector.server.index.merged_scenes import Merged, ScenesBefore
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
    ValueError, TypeError, AttributeError, OverflowError,
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
        self._clear_report(number)
        self._db.execute("DELETE FROM given WHERE key = ?", (stored(key),))
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
        self._give(unit.key, unit.ids)
        before = ScenesBefore(self._scenes_of(number))
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
        self._clear_report(number)
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
        known = set(self._db.execute("SELECT unit, path, text FROM problem WHERE unit = 0"))
        notes = set(self._db.execute("SELECT unit, kind, path, text FROM note WHERE unit = 0"))
        if known != set(_rows(0, problems)) or notes != set(_notes(0, problems)):
            self._begin()
            self._clear_report(0)
            self._put_problems(0, problems)

    def _open_unit(self, key: str) -> int:
        """Mark a unit as unfinished, adding it if it is new, and return its number."""
        self._begin()
        row = self._db.execute("SELECT unit FROM unit WHERE key = ?", (stored(key),)).fetchone()
        if row is not None:
            self._db.execute("UPDATE unit SET files = ? WHERE unit = ?", (UNFINISHED, row[0]))
            return int(row[0])
        number = self._db.execute("INSERT INTO unit VALUES (NULL, ?, ?)", (stored(key), UNFINISHED)).lastrowid
        assert number is not None
        return number

    def _give(self, key: str, ids: Mapping[str, str]) -> None:
        """Keep ids that differ from those that the files of a unit have."""
        rows = [(stored(key), stored(own), scene_id) for own, scene_id in ids.items()]
        self._db.executemany("INSERT OR REPLACE INTO given VALUES (?, ?, ?)", rows)

    def _is_told(self, key: str, problems: List[Problem]) -> bool:
        """Return whether a unit is already recorded as unfinished with the same problems."""
        sql = "SELECT unit, path, text FROM problem JOIN unit USING (unit) WHERE key = ? AND files = ?"
        known = set(self._db.execute(sql, (stored(key), UNFINISHED)))
        return bool(known) and known == set(_rows(next(iter(known))[0], problems))

    def _scenes_of(self, number: int) -> np.ndarray:
        """Return the scenes of a unit, ascending."""
        # The index is specified, as SQLite's statistics of few large units make it scan all scenes instead.
        rows = self._db.execute(f"SELECT scene FROM scene INDEXED BY scene_by_unit WHERE unit = {number}")
        return np.sort(np.fromiter((scene for (scene,) in rows), dtype=np.int64))

    def _merge(
        self, number: int, entries: List[Entry], before: ScenesBefore, unit: Unit, problems: List[Problem]
    ) -> int:
        """Write scenes of a unit, and return how many of them are served from another unit."""
        self._db.execute("SAVEPOINT scenes")
        try:
            merged = self._merged(number, unit, entries, before, problems)
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
            columns = [*entry.columns, entry.item_type or None, entry.collection or None, *entry.texts]
            self._blocks.add(scene, entry.scene_type, entry.acquired, entry.boxes, columns)
        self._change.update(entry.scene_type for entry in merged.written.values())
        problems += [Problem(unit.files[0].path, text) for text in merged.clashes]
        return len(merged.clashes)

    def _merged(
        self, number: int, unit: Unit, entries: List[Entry], before: ScenesBefore, problems: List[Problem]
    ) -> Merged:
        """Write scenes of a unit to the tables, and return the changes."""
        merged = Merged(self._insert(number, entries), [], [], set(), [])
        if len(merged.written) == len(entries):
            return merged
        written = {id(entry) for entry in merged.written.values()}
        settled: Set[int] = set()
        again: Dict[Tuple[str, str], Entry] = {}
        waiting = [entry for entry in reversed(entries) if id(entry) not in written]
        while waiting:
            entry = waiting.pop()
            held = self._holder(entry)
            place = entry.scene_type, entry.scene_id
            if held is None and place not in again:  # it was renamed
                again[place] = entry
                continue
            scene, holder, key, text = held or (0, number, unit.key, "")
            ours = holder == number and before.holds(scene)
            if scene in settled or not (ours or self._is_later(key, unit.key)):
                if holder != number and not is_list(key) and not is_list(unit.key):
                    waiting.append(self._renamed(unit, entry, problems))
                    continue
                served = unit.key if scene in settled else key
                merged.clashes.append(f"scene {entry.scene_id} is already served from {served.partition(':')[2]}")
                continue
            settled.add(scene)
            if ours:
                merged.settled.append(scene)
                if text == entry.feature and self._is_stored(scene, entry):
                    continue
            else:
                merged.robbed.add(key)
            merged.removed.append((scene, entry.scene_type))
            again[place] = entry
        if merged.robbed:
            rows = [(UNFINISHED, stored(key)) for key in merged.robbed]
            self._db.executemany("UPDATE unit SET files = ? WHERE key = ?", rows)
        self._delete([scene for scene, _ in merged.removed])
        merged.written.update(self._insert(number, list(again.values())))
        return merged

    def _holder(self, entry: Entry) -> Optional[Tuple[int, int, str, str]]:
        """Return the scene that has the id of an entry, the number and the key of its unit, and its text."""
        row = self._db.execute(
            "SELECT scene, unit, key, json FROM scene JOIN unit USING (unit) JOIN feature USING (scene) "
            "WHERE type = ? AND id = ?",
            (entry.scene_type, entry.scene_id),
        ).fetchone()
        return None if row is None else (row[0], row[1], unstored(row[2]), row[3])

    def _renamed(self, unit: Unit, entry: Entry, problems: List[Problem]) -> Entry:
        """Return an entry with an id made of its path, as a scene of another unit has its own."""
        path = path_of(unit.key, entry.scene_id)
        sql = "SELECT 1 FROM scene WHERE type = ? AND id = ?"
        scene_id = free_id(path, lambda made: self._db.execute(sql, (entry.scene_type, made)).fetchone() is not None)
        self._give(unit.key, {entry.scene_id: scene_id})
        problems.append(Problem(unit.files[0].path, told_id(scene_id, entry.scene_id), kind=IDS))
        feature = renamed_text(entry.feature, entry.scene_type, scene_id, entry.products)
        return entry._replace(scene_id=scene_id, feature=feature)

    def _is_later(self, key: str, own: str) -> bool:
        """Return whether a unit is read after another one; False if it is not read at all."""
        return key in self._order and self._order[key] > self._order[own]

    def _is_stored(self, scene: int, entry: Entry) -> bool:
        """Return whether the files and the record of a scene are those of an entry."""
        products = dict(self._db.execute("SELECT name, path FROM product WHERE scene = ?", (scene,)))
        sql = "SELECT item_type, collection, item, assets FROM record WHERE scene = ?"
        record = self._db.execute(sql, (scene,)).fetchone() or ("", "", "", "")
        return record == _record(entry) and products == {name: stored(path) for name, path in entry.products.items()}

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
            [(n, product, stored(path)) for n, e in numbered.items() for product, path in e.products.items()],
        )
        rows = [(n, *_record(e)) for n, e in numbered.items()]
        self._db.executemany("INSERT INTO record VALUES (?, ?, ?, ?, ?)", [row for row in rows if any(row[1:])])
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
        for table in ("feature", "product", "record", "scene"):
            self._db.execute(f"DELETE FROM {table} WHERE scene IN {GIVEN}", given)
        return found

    def _clear_report(self, number: int) -> None:
        self._db.execute(f"DELETE FROM problem INDEXED BY problem_by_unit WHERE unit = {number}")
        self._db.execute(f"DELETE FROM note INDEXED BY note_by_unit WHERE unit = {number}")

    def _put_problems(self, number: int, problems: List[Problem]) -> None:
        self._db.executemany("INSERT INTO problem VALUES (?, ?, ?)", _rows(number, problems))
        self._db.executemany("INSERT INTO note VALUES (?, ?, ?, ?)", _notes(number, problems))


def _is_unread(problems: List[Problem]) -> bool:
    return any(problem.unread for problem in problems)


def _rows(number: int, problems: List[Problem]) -> List[Tuple[int, str, str]]:
    return [(number, as_text(p.path), as_text(p.text)) for p in problems if p.kind == LEFT_OUT]


def _notes(number: int, problems: List[Problem]) -> List[Tuple[int, str, str, str]]:
    return [(number, p.kind, as_text(p.path), as_text(p.text)) for p in problems if p.kind != LEFT_OUT]


def _record(entry: Entry) -> Tuple[str, str, str, str]:
    return entry.item_type, entry.collection, entry.item, entry.assets
