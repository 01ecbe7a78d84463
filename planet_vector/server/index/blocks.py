"""The blocks of an index: the fields of its scenes in columns, stored beside the tables, as searches compare them.

A block holds the scenes whose numbers differ only in their last 14 bits, with one strip for each field. Adding scenes
rewrites their block. Removing a scene only clears its type; its row is dropped once half of the block has no type.
"""

from __future__ import annotations

import math
import sqlite3
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from planet_vector.server.index.fields import COLUMNS, UPDATED
from planet_vector.server.index.strips import Strip
from planet_vector.server.index.texts import TEXT_COLUMNS

SHIFT = 14
"""Bits of a scene's number that identify it within its block: 16 384 scenes."""

BOX = ("west", "south", "east", "north")
"""Strips of the bounding boxes, rounded outward. West is greater than east if a footprint has parts on both sides of
the antimeridian; all four are NaN if a scene has no footprint."""

NUMBERS, TYPE, ACQUIRED = "scene", "type", "acquired"
ITEM_TYPE, COLLECTION = "item_type", "collection"
"""Strips of the item types and collections that differ from the scene type and the item type, respectively."""

_EVERY = (NUMBERS, TYPE, ACQUIRED, *BOX)
_VALUES = (*COLUMNS, UPDATED, ITEM_TYPE, COLLECTION, *TEXT_COLUMNS)
_NO_BOX = (math.nan,) * 4
_APART = 1e-3  # degrees: a gap too wide to be closed by rounding

Box = Tuple[float, float, float, float]
_Row = Tuple[str, int, Box, Sequence[Any]]


class BlockWriter:
    """Writer of the blocks of a transaction, which collects the scenes that an update adds and removes.

    Parameters
    ----------
    db : sqlite3.Connection
        The index; each method requires an open transaction.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._added: Dict[int, Dict[int, _Row]] = {}
        self._removed: Dict[int, np.ndarray] = {}

    def add(self, scene: int, scene_type: str, acquired: int, boxes: Sequence[Box], columns: Sequence[Any]) -> None:
        """Add a scene; numbers must be passed in ascending order.

        Parameters
        ----------
        scene : int
            Its number.
        scene_type : str
            Its type.
        acquired : int
            Time of acquisition, in microseconds since 1970.
        boxes : sequence of (west, south, east, north)
            Bounding boxes in degrees: empty without a footprint, else one, or one for each part on either side of the
            antimeridian.
        columns : sequence
            Values of `planet_vector.server.index.fields.stored_values`, of `ITEM_TYPE` and `COLLECTION`, or None, and
            values of `planet_vector.server.index.texts.TEXT_COLUMNS`.
        """
        block = scene >> SHIFT
        if block not in self._added:
            # Full blocks are written at once: a unit may hold a million scenes.
            for full in [number for number in self._added if number < block]:
                self._write(full)
            self._added[block] = {}
        self._added[block][scene] = (scene_type, acquired, _joined(boxes), columns)

    def remove(self, scenes: np.ndarray) -> None:
        """Remove scenes.

        Parameters
        ----------
        scenes : np.ndarray of int64, shape (n,)
            Their numbers.
        """
        blocks = scenes >> SHIFT
        for block in np.unique(blocks).tolist():
            gone = scenes[blocks == block]
            added = self._added.get(block)
            if added:
                for scene in gone.tolist():
                    added.pop(scene, None)
            before = self._removed.get(block)
            self._removed[block] = gone if before is None else np.concatenate([before, gone])

    def flush(self) -> None:
        """Write all changed blocks."""
        for block in sorted({*self._added, *self._removed}):
            self._write(block)

    def _write(self, block: int) -> None:
        added, removed = self._added.pop(block, {}), self._removed.pop(block, None)
        numbers, types = self._read(block, NUMBERS), self._read(block, TYPE)
        if numbers is None or types is None:
            if added:
                self._rewrite(block, np.zeros(0, dtype=np.int64), added)
            return
        kept = types.to_list()
        if removed is not None:
            places = np.flatnonzero(np.isin(numbers.array, removed - (block << SHIFT)))
            for place in places.tolist():
                kept[place] = None
        alive = np.flatnonzero([scene_type is not None for scene_type in kept])
        if added or 2 * len(alive) < len(kept):
            self._rewrite(block, alive, added)
        elif removed is not None:
            self._put(block, TYPE, Strip.of_values(kept))

    def _rewrite(self, block: int, alive: np.ndarray, added: Dict[int, _Row]) -> None:
        """Write a block from the rows that it keeps and those added."""
        keys = [(name, block) for name in (*_EVERY, *_VALUES)]
        stored = {name: self._read(block, name) for name, _ in keys} if len(alive) else {}
        self._db.executemany("DELETE FROM strip WHERE name = ? AND block = ?", keys)
        self._db.execute("DELETE FROM block WHERE block = ?", (block,))
        if not len(alive) and not added:
            return
        version = int(self._db.execute("SELECT value + 1 FROM meta WHERE name = 'version'").fetchone()[0])
        self._db.execute("INSERT INTO block VALUES (?, ?, ?)", (block, version, len(alive) + len(added)))
        rows = list(added.values())
        arrays = {
            NUMBERS: np.array(list(added), dtype=np.int64) - (block << SHIFT),
            ACQUIRED: np.array([row[1] for row in rows], dtype=np.int64),
            **_outward(np.array([row[2] for row in rows], dtype=np.float64).reshape(-1, 4)),
        }
        for name, array in arrays.items():
            letter = {NUMBERS: "H", ACQUIRED: "q"}.get(name, "f")
            before = stored.get(name)
            whole = array if before is None else np.concatenate([before.array[alive], array])
            self._put(block, name, Strip.of_array(whole, letter))
        lists: List[Tuple[str, List[Any]]] = [(TYPE, [row[0] for row in rows])]
        lists += [(name, [row[3][place] for row in rows]) for place, name in enumerate(_VALUES)]
        for name, values in lists:
            before = stored.get(name)
            if len(alive):
                older = [None] * len(alive) if before is None else _taken(before, alive)
                values = older + values
            if any(value is not None for value in values):
                self._put(block, name, Strip.of_values(values))

    def _read(self, block: int, name: str) -> Optional[Strip]:
        row = self._db.execute("SELECT data FROM strip WHERE name = ? AND block = ?", (name, block)).fetchone()
        return None if row is None else Strip.from_bytes(row[0])

    def _put(self, block: int, name: str, strip: Strip) -> None:
        self._db.execute("INSERT OR REPLACE INTO strip VALUES (?, ?, ?)", (name, block, strip.to_bytes()))


def _taken(strip: Strip, places: np.ndarray) -> List[Any]:
    return Strip(strip.array[places], strip.values).to_list()


def _joined(boxes: Sequence[Box]) -> Box:
    """Return one box for the boxes of a footprint; west is greater than east for two parts with a gap between them."""
    if not boxes:
        return _NO_BOX
    if len(boxes) == 1:
        return boxes[0]
    wests, souths, easts, norths = zip(*sorted(boxes))
    if len(boxes) == 2 and wests[1] - easts[0] > _APART:
        return wests[1], min(souths), easts[0], max(norths)
    return min(wests), min(souths), max(easts), max(norths)


def _outward(boxes: np.ndarray) -> Dict[str, np.ndarray]:
    """Return the float32 strips of boxes, with each side rounded outward."""
    found = {}
    for name, values, side in zip(BOX, boxes.T, (-math.inf, -math.inf, math.inf, math.inf)):
        near = values.astype("<f4")
        inside = near > values if side < 0 else near < values
        found[name] = np.where(inside, np.nextafter(near, np.float32(side)), near)
    return found
