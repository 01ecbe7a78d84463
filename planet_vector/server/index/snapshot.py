"""The scenes of one version of an index as arrays, which searches evaluate.

Scenes are rows, in the order of their numbers. Searches select rows by masks, and convert them to ranks: positions in
the order by time and id of the scenes of one type.
"""

from __future__ import annotations

import json
import sqlite3
from collections import OrderedDict
from threading import Lock
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from planet_vector.server.index.blocks import ACQUIRED, BOX, NUMBERS, SHIFT, TYPE
from planet_vector.server.index.strips import Strip

GIVEN = "(SELECT value AS given FROM json_each(?))"
"""Numbers as a table: a join takes half the time of IN (…)."""

MAX_FIELDS = 40 * 2**20
"""Bytes of strips cached for later searches: five fields of a million scenes."""


class Order(NamedTuple):
    """Scenes of one type, ordered by time and id.

    Attributes
    ----------
    rows : np.ndarray of int32, shape (n,)
        The row of the scene at each rank.
    acquired : np.ndarray of int64, shape (n,)
        The time of the scene at each rank, in microseconds since 1970.
    """

    rows: np.ndarray
    acquired: np.ndarray


class Block(NamedTuple):
    """Rows of a block, and the version of the index that wrote them."""

    number: int
    version: int
    rows: slice


class Snapshot:
    """Scenes of one version of an index.

    Parameters
    ----------
    db : sqlite3.Connection
        The index, within a transaction.
    version : int
        Its version.
    blocks : list of Block
        Its blocks (`read_blocks`).
    before : Snapshot, optional
        An earlier snapshot of the same blocks, whose arrays are shared.

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
        self._split = np.flatnonzero(self._box[0] > self._box[2])  # in two parts, on both sides of the antimeridian
        self._orders: Dict[str, Order] = {}

    def order(self, db: sqlite3.Connection, scene_type: str) -> Order:
        """Return the order of the scenes of a type, cached; not thread-safe.

        Parameters
        ----------
        db : sqlite3.Connection
            The index, within a transaction that reads the version of this snapshot.
        scene_type : str
            The type.
        """
        if scene_type not in self._orders:
            self._orders[scene_type] = self._sorted(db, scene_type)
        return self._orders[scene_type]

    def located(self) -> np.ndarray:
        """Return a mask of the rows that have a footprint."""
        west = self._box[0]
        return np.asarray(west == west)

    def touching(self, boxes: Sequence[Tuple[float, float, float, float]]) -> np.ndarray:
        """Return a mask of the rows whose bounding box touches any of the given boxes.

        Parameters
        ----------
        boxes : sequence of (west, south, east, north)
            Boxes in degrees, none of them across the antimeridian.

        Returns
        -------
        np.ndarray of bool, shape (rows,)
            May be True for boxes that miss by less than the precision of float32.
        """
        found = np.zeros(len(self.numbers), dtype=bool)
        for box in boxes:
            # Both sides are rounded to 32 bits, so boxes that touch still do.
            west, south, east, north = (np.float32(side) for side in box)
            mask = self._box[0] <= east
            mask &= self._box[2] >= west
            mask[self._split] = (self._box[0][self._split] <= east) | (self._box[2][self._split] >= west)
            mask &= self._box[1] <= north
            mask &= self._box[3] >= south
            found |= mask
        return found

    def bounds(self, rows: np.ndarray) -> np.ndarray:
        """Return the bounding boxes of rows.

        Parameters
        ----------
        rows : np.ndarray of int
            Indices of rows.

        Returns
        -------
        np.ndarray of float64, shape (n, 4)
            West, south, east, north in degrees; west is greater than east for footprints of two parts on both sides
            of the antimeridian, and all are NaN for rows without a footprint.
        """
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
        """Return the rows of the scenes of some times, ordered by time and id, read from the tables."""
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
    """Thread-safe cache of the strips of the fields that searches compare."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Dict[int, Tuple[int, Optional[Strip]]]] = OrderedDict()
        self._lock = Lock()

    def read(self, db: sqlite3.Connection, snapshot: Snapshot, name: str) -> Iterator[Tuple[slice, Strip]]:
        """Yield the strips of a field with the rows of each; blocks without any value are skipped.

        Parameters
        ----------
        db : sqlite3.Connection
            The index, within a transaction that reads the version of the snapshot.
        snapshot : Snapshot
            The scenes.
        name : str
            Name of the field.

        Yields
        ------
        (slice, Strip)
            Rows of a block, and their strip.
        """
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
    """Return the version of an index, which changes with its scenes.

    Parameters
    ----------
    db : sqlite3.Connection
        The index.
    """
    return int(db.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()[0])


def read_blocks(db: sqlite3.Connection) -> List[Block]:
    """Return the blocks of an index, in the order of their numbers.

    Parameters
    ----------
    db : sqlite3.Connection
        The index.
    """
    blocks: List[Block] = []
    for number, version, scenes in db.execute("SELECT block, version, scenes FROM block ORDER BY block"):
        start = blocks[-1].rows.stop if blocks else 0
        blocks.append(Block(number, version, slice(start, start + scenes)))
    return blocks


def look_up(db: sqlite3.Connection, columns: str, table: str, scenes: Sequence[int]) -> List[Any]:
    """Return the rows of scenes, one for each number given and in the given order.

    Parameters
    ----------
    db : sqlite3.Connection
        The index, within a transaction.
    columns : str
        SQL of the columns, of which the first is ``scene``.
    table : str
        Name of the table.
    scenes : sequence of int
        Numbers of scenes that the table contains.

    Raises
    ------
    KeyError
        If the table lacks one of the scenes.
    """
    sql = f"SELECT {columns} FROM {GIVEN} CROSS JOIN {table} ON scene = given"
    found = {row[0]: row for row in db.execute(sql, [json.dumps(scenes)])}
    return [found[scene] for scene in scenes]


def _strips(db: sqlite3.Connection, name: str, blocks: Sequence[int]) -> Iterator[Tuple[int, Strip]]:
    """Yield the numbers of blocks and their strips of a field."""
    sql = "SELECT block, data FROM strip WHERE name = ? AND block IN (SELECT value FROM json_each(?))"
    for block, data in db.execute(sql, (name, json.dumps(blocks))):
        yield block, Strip.from_bytes(data)
