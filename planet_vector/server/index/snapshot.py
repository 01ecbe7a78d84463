"""The scenes of an index as arrays, at one of its versions: what searches run over.

Scenes stand in rows, in the order of their numbers. Searches find rows by masks, and turn them to ranks: places in
the order by time and id of the scenes of one type.
"""

from __future__ import annotations

import json
import sqlite3
from collections import OrderedDict
from threading import Lock
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from planet_vector.server.index.blocks import ACQUIRED, BOX, NUMBERS, SHIFT, TYPE
from planet_vector.server.index.strips import Strip

GIVEN = "(SELECT value AS given FROM json_each(?))"
"""Numbers as a table: joined in half the time that IN (…) takes."""

MAX_FIELDS = 40 * 2**20
"""Bytes of strips kept for the searches that follow: five fields of a million scenes."""


class Order(NamedTuple):
    """Scenes of one type by time and id.

    Attributes
    ----------
    rows : np.ndarray
        The row of the scene at each rank.
    acquired : np.ndarray
        Its time, in microseconds since 1970.
    """

    rows: np.ndarray
    acquired: np.ndarray


class Block(NamedTuple):
    """Rows of a block, and the version of the index that wrote them."""

    number: int
    version: int
    rows: slice


class Snapshot:
    """Scenes of an index at one of its versions.

    Parameters
    ----------
    db : sqlite3.Connection
        The index, within a transaction.
    version : int
        Its version.
    blocks : list of Block
        Its blocks (`read_blocks`).
    before : Snapshot, optional
        An earlier one of the same blocks: its arrays are shared.

    Attributes
    ----------
    numbers : np.ndarray
        The number of the scene in each row; ascending.
    """

    def __init__(
        self, db: sqlite3.Connection, version: int, blocks: List[Block], before: Optional[Snapshot] = None
    ) -> None:
        self.version = version
        self.blocks = blocks
        self.numbers: np.ndarray
        self._box: List[np.ndarray]
        if before is not None:
            self.numbers, self._box = before.numbers, before._box
        else:
            self.numbers = self._column(db, NUMBERS, np.int64)
            for block in self.blocks:
                self.numbers[block.rows] += block.number << SHIFT
            self._box = [self._column(db, name, np.float32) for name in BOX]
        self._split = np.flatnonzero(self._box[0] > self._box[2])  # in two parts, at either side of the antimeridian
        self._orders: Dict[str, Order] = {}

    def order(self, db: sqlite3.Connection, scene_type: str) -> Order:
        """Return the order of a type's scenes; to be called by one thread at a time."""
        if scene_type not in self._orders:
            self._orders[scene_type] = self._sorted(db, scene_type)
        return self._orders[scene_type]

    def located(self) -> np.ndarray:
        """Tell which rows have a footprint."""
        west = self._box[0]
        return np.asarray(west == west)

    def touching(self, boxes: Sequence[Tuple[float, float, float, float]]) -> np.ndarray:
        """Tell which rows have a box that touches one of some boxes."""
        found = np.zeros(len(self.numbers), dtype=bool)
        for box in boxes:
            # Both sides are rounded to 32 bits, so what touches still does.
            west, south, east, north = (np.float32(side) for side in box)
            mask = self._box[0] <= east
            mask &= self._box[2] >= west
            mask[self._split] = (self._box[0][self._split] <= east) | (self._box[2][self._split] >= west)
            mask &= self._box[1] <= north
            mask &= self._box[3] >= south
            found |= mask
        return found

    def bounds(self, rows: np.ndarray) -> np.ndarray:
        """Return the boxes of rows; west is more than east in those of two parts."""
        return np.stack([side[rows] for side in self._box], axis=1).astype(np.float64)

    def _column(self, db: sqlite3.Connection, name: str, kind: type) -> np.ndarray:
        """Return the strips of all blocks as one array."""
        rows = {block.number: block.rows for block in self.blocks}
        found = np.empty(self.blocks[-1].rows.stop if self.blocks else 0, dtype=kind)
        for number, strip in _strips(db, name, list(rows)):
            found[rows.pop(number)] = strip.array
        if rows:
            raise sqlite3.DatabaseError(f"the index lacks strips of {name}")
        return found

    def _sorted(self, db: sqlite3.Connection, scene_type: str) -> Order:
        rows = np.flatnonzero(self._of_type(db, scene_type)).astype(np.int32)
        acquired = self._column(db, ACQUIRED, np.int64)
        if len(rows) < len(acquired):
            acquired = acquired[rows]
        order = np.argsort(acquired, kind="stable")
        rows, acquired = rows[order], acquired[order]
        del order
        same = acquired[1:] == acquired[:-1]
        if same.any():
            tied = np.flatnonzero(np.append(same, False) | np.insert(same, 0, False))
            rows[tied] = self._by_id(db, scene_type, np.unique(acquired[tied]), len(tied))
        return Order(rows, acquired)

    def _of_type(self, db: sqlite3.Connection, scene_type: str) -> np.ndarray:
        found = np.zeros(len(self.numbers), dtype=bool)
        rows = {block.number: block.rows for block in self.blocks}
        for number, strip in _strips(db, TYPE, list(rows)):
            found[rows[number]] = strip.compare("eq", scene_type)
        return found

    def _by_id(self, db: sqlite3.Connection, scene_type: str, times: np.ndarray, number: int) -> np.ndarray:
        """Return the rows of the scenes of some times, by time and id: strips hold no ids."""
        (text,) = db.execute(
            f"SELECT json_group_array(scene) FROM (SELECT scene FROM {GIVEN} "
            "CROSS JOIN scene ON type = ? AND acquired = given ORDER BY acquired, id)",
            (json.dumps(times.tolist()), scene_type),
        ).fetchone()
        scenes = np.array(json.loads(text), dtype=np.int64)
        rows = np.searchsorted(self.numbers, scenes)
        if len(scenes) != number or (self.numbers[np.minimum(rows, len(self.numbers) - 1)] != scenes).any():
            raise sqlite3.DatabaseError("the blocks of the index differ from its tables")
        return rows


class FieldStrips:
    """Cache of the strips of fields that searches compare; for any number of threads at once."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Dict[int, Tuple[int, Optional[Strip]]]] = OrderedDict()
        self._lock = Lock()

    def read(self, db: sqlite3.Connection, snapshot: Snapshot, name: str) -> Iterator[Tuple[slice, Strip]]:
        """Yield the strips of a field with the rows of each; blocks without a value have none."""
        with self._lock:
            before = self._kept.get(name, {})
        known = {
            block.number: before[block.number]
            for block in snapshot.blocks
            if before.get(block.number, (None,))[0] == block.version
        }
        missing = {block.number: block.version for block in snapshot.blocks if block.number not in known}
        if missing:
            known.update((number, (version, None)) for number, version in missing.items())
            known.update((number, (missing[number], strip)) for number, strip in _strips(db, name, list(missing)))
        with self._lock:
            self._kept[name] = known
            self._kept.move_to_end(name)
            sizes = {kept: sum(s.nbytes for _, s in strips.values() if s) for kept, strips in self._kept.items()}
            while sum(sizes.values()) > MAX_FIELDS:
                oldest, _ = self._kept.popitem(last=False)
                del sizes[oldest]
        for block in snapshot.blocks:
            strip = known[block.number][1]
            if strip is not None:
                yield block.rows, strip


def read_version(db: sqlite3.Connection) -> int:
    """Return the number that changes with the scenes of an index."""
    return int(db.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()[0])


def read_blocks(db: sqlite3.Connection) -> List[Block]:
    """Return the blocks of an index."""
    blocks: List[Block] = []
    for number, version, scenes in db.execute("SELECT block, version, scenes FROM block ORDER BY block"):
        start = blocks[-1].rows.stop if blocks else 0
        blocks.append(Block(number, version, slice(start, start + scenes)))
    return blocks


def _strips(db: sqlite3.Connection, name: str, blocks: Sequence[int]) -> Iterator[Tuple[int, Strip]]:
    """Yield the strips of a name in some blocks."""
    sql = "SELECT block, data FROM strip WHERE name = ? AND block IN (SELECT value FROM json_each(?))"
    for block, data in db.execute(sql, (name, json.dumps(blocks))):
        yield block, Strip.from_bytes(data)
