"""Orders of items, and places in them that remain valid if the index changes.

An order is by the values of some properties, then by time and id, or by id. A place states the values of an item, not
its number, so that it can be found when the item, or all of the index, has been replaced.
"""

from __future__ import annotations

import json
import math
import sqlite3
from dataclasses import dataclass
from typing import List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from planet_vector.server.index.expressions import Moment
from planet_vector.server.index.item_masks import ItemRows
from planet_vector.server.index.item_properties import DATETIME, ITEM_COLUMNS, ItemColumn
from planet_vector.server.index.snapshot import GIVEN, FieldStrips, Snapshot

Value = Union[None, float, str]
_Bounds = Tuple[float, float]

ID, COLLECTION = "id", "collection"
SORTABLE: Sequence[str] = (
    DATETIME, ID, COLLECTION, *(column.name for column in ITEM_COLUMNS.values() if column.kind != "string"),
)  # fmt: skip
"""Properties that items can be ordered by."""

MAX_KEYS = 6
"""Maximum number of properties of an order."""


class SortKey(NamedTuple):
    """A property that items are ordered by, and the direction."""

    name: str
    ascending: bool


LATEST = SortKey(DATETIME, False)
"""The last key of an order that neither time nor id ends."""


@dataclass(frozen=True)
class ItemPlace:
    """Place of an item in an order.

    Attributes
    ----------
    values : tuple
        Its value for each key of the order but the last: a number, a text, or None if it is missing.
    acquired : int
        Its time, in microseconds since 1970.
    scene_id, scene_type : str
        Its id and scene type.
    backwards : bool
        Whether the page ends before it, rather than starts after it.
    """

    values: Tuple[Value, ...]
    acquired: int
    scene_id: str
    scene_type: str
    backwards: bool = False


def whole_order(keys: Sequence[SortKey]) -> Tuple[SortKey, ...]:
    """Return the keys of an order that decide, of which the last is time or id.

    Parameters
    ----------
    keys : sequence of SortKey
        The order as requested; may be empty.
    """
    for number, key in enumerate(keys, 1):
        if key.name in (DATETIME, ID):  # no two items are equal by either, with the other
            return tuple(keys[:number])
    return (*keys, LATEST)


class ItemOrder:
    """Order of all rows of a snapshot.

    Parameters
    ----------
    db : sqlite3.Connection
        The index, within a transaction that reads the version of the snapshot.
    snapshot : Snapshot
        The scenes.
    rows : ItemRows
        Their kinds and times.
    fields : FieldStrips
        Cache of the columns.
    keys : tuple of SortKey
        Result of `whole_order`. Items without a value come last. Those with equal values are ordered by time and id.

    Attributes
    ----------
    ranks : np.ndarray of int32, shape (rows,)
        The place of each row.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        snapshot: Snapshot,
        rows: ItemRows,
        fields: FieldStrips,
        keys: Tuple[SortKey, ...],
    ) -> None:
        self._snapshot = snapshot
        self._rows = rows
        self._by_id = keys[-1].name == ID
        self._last_ascending = keys[-1].ascending
        last = _ranks_by_id(db, snapshot) if self._by_id else _ranks_by_time(db, snapshot, rows)
        self._last = last if keys[-1].ascending else -last
        self._keys = keys[:-1]
        self._names = sorted({kind.collection for kind in rows.kinds})
        self._arrays = [self._array(db, fields, key) for key in self._keys]
        order = np.lexsort([self._last, *reversed(self._arrays)])
        self.ranks = np.empty(len(order), dtype=np.int32)
        self.ranks[order] = np.arange(len(order), dtype=np.int32)

    def values(self, row: int) -> Tuple[Value, ...]:
        """Return the values of a row, for an `ItemPlace`.

        Parameters
        ----------
        row : int
            The row.
        """
        found: List[Value] = []
        for key, array in zip(self._keys, self._arrays):
            number = float(array[row]) * (1 if key.ascending else -1)
            if key.name == COLLECTION:
                found.append(self._names[int(number)] if 0 <= number < len(self._names) else None)
            else:
                found.append(number if math.isfinite(number) else None)
        return tuple(found)

    def span(self, db: sqlite3.Connection, place: ItemPlace) -> Tuple[int, int]:
        """Return the ranks that a place lies between.

        Parameters
        ----------
        db : sqlite3.Connection
            The index.
        place : ItemPlace
            The place.

        Returns
        -------
        (int, int)
            Number of rows before the place, and number of those before it or at it.

        Raises
        ------
        ValueError
            If the place is one of another order.
        """
        if len(place.values) != len(self._keys):
            raise ValueError("a place of another order")
        before = np.zeros(len(self._last), dtype=bool)
        equal = np.ones(len(self._last), dtype=bool)
        bounds = [self._bounds(key, value) for key, value in zip(self._keys, place.values)]
        low, high = self._last_bounds(db, place)
        bounds.append((low, high) if self._last_ascending else (-high, -low))
        for array, (least, most) in zip([*self._arrays, self._last], bounds):
            before |= equal & (array < least)
            equal &= (array >= least) & (array <= most)
        count = int(np.count_nonzero(before))
        return count, count + int(np.count_nonzero(equal))

    def _array(self, db: sqlite3.Connection, fields: FieldStrips, key: SortKey) -> np.ndarray:
        """Return the values of a key as numbers that ascend in its direction, with infinity if missing."""
        if key.name == COLLECTION:
            places = [float(self._names.index(kind.collection)) for kind in self._rows.kinds]
            numbers = np.array([*places, math.inf])[self._rows.codes]
        else:
            numbers = _numbers(db, self._snapshot, fields, ITEM_COLUMNS[key.name])
        return numbers if key.ascending else np.asarray(np.where(np.isinf(numbers), numbers, -numbers))

    def _bounds(self, key: SortKey, value: Value) -> _Bounds:
        """Return the least and the greatest number of a value; the least is greater if no row has it."""
        if value is None:
            return math.inf, math.inf
        if isinstance(value, str) != (key.name == COLLECTION):
            raise ValueError("a place of another order")
        if isinstance(value, str):
            low = sum(name < value for name in self._names)
            high = low if value in self._names else low - 1
            return (low, high) if key.ascending else (-high, -low)
        number = value if key.ascending else -value
        return number, number

    def _last_bounds(self, db: sqlite3.Connection, place: ItemPlace) -> _Bounds:
        """Return the same for the last key, as if it ascended: the rank of the item, or a gap between two ranks."""
        ranks = self._last if self._last_ascending else -self._last
        condition = "id" if self._by_id else "acquired = ? AND id"
        given = () if self._by_id else (place.acquired,)
        highest = -1 if self._by_id else int(np.count_nonzero(self._rows.acquired < place.acquired)) - 1
        for scene_type in {kind.scene_type for kind in self._rows.kinds}:
            sign = "<=" if scene_type <= place.scene_type else "<"
            row = db.execute(
                f"SELECT scene, id FROM scene WHERE type = ? AND {condition} {sign} ? ORDER BY id DESC LIMIT 1",
                (scene_type, *given, place.scene_id),
            ).fetchone()
            if row is not None:
                rank = int(ranks[np.searchsorted(self._snapshot.numbers, row[0])])
                if scene_type == place.scene_type and row[1] == place.scene_id:
                    return rank, rank
                highest = max(highest, rank)
        return highest + 1, highest


def _numbers(db: sqlite3.Connection, snapshot: Snapshot, fields: FieldStrips, column: ItemColumn) -> np.ndarray:
    """Return the values of a column as floats, with infinity if missing."""
    found = np.full(len(snapshot.numbers), math.inf)
    for block, strip in fields.read(db, snapshot, column.column):
        stored = strip.to_list()
        # Each distinct value is converted once.
        known = {value: _number(column, value) for value in set(stored)}
        found[block] = [known[value] for value in stored]
    return found


def _number(column: ItemColumn, stored: object) -> float:
    if column.kind == "words":  # the index orders them from the worst to the best
        return math.inf if not isinstance(stored, int) else float(stored)
    value = column.value(stored)
    if isinstance(value, Moment):
        return float(value.at)
    return float(value) if isinstance(value, (int, float)) else math.inf


def _ranks_by_time(db: sqlite3.Connection, snapshot: Snapshot, rows: ItemRows) -> np.ndarray:
    """Return the place of each row in the order by time, id and type."""
    order = np.argsort(rows.acquired, kind="stable")
    ranks = np.empty(len(order), dtype=np.int32)
    ranks[order] = np.arange(len(order), dtype=np.int32)
    sorted_times = rows.acquired[order]
    same = sorted_times[1:] == sorted_times[:-1]
    if same.any():
        tied = np.flatnonzero(np.append(same, False) | np.insert(same, 0, False))
        # Rows of removed scenes are in no table; their ranks do not matter, but must not be those of others.
        living = order[tied][rows.codes[order[tied]] >= 0]
        sql = "SELECT scene FROM {} ORDER BY acquired, id, type"
        first = _ordered(db, snapshot, sql, living)
        dead = order[tied][rows.codes[order[tied]] < 0]
        whole = np.concatenate([dead, first])
        whole = whole[np.argsort(rows.acquired[whole], kind="stable")]
        ranks[whole] = tied
    return ranks


def _ranks_by_id(db: sqlite3.Connection, snapshot: Snapshot) -> np.ndarray:
    """Return the place of each row in the order by id and type; rows of removed scenes are first."""
    ranks = np.full(len(snapshot.numbers), -1, dtype=np.int32)
    rows = _ordered(db, snapshot, "SELECT scene FROM {} ORDER BY id, type", None)
    ranks[rows] = np.arange(len(rows), dtype=np.int32)
    return ranks


def _ordered(db: sqlite3.Connection, snapshot: Snapshot, sql: str, rows: Optional[np.ndarray]) -> np.ndarray:
    """Return rows in the order of an SQL query."""
    if rows is None:
        found = db.execute(sql.format("scene"))
    else:
        numbers = json.dumps(snapshot.numbers[rows].tolist())
        found = db.execute(sql.format(f"{GIVEN} CROSS JOIN scene ON scene = given"), (numbers,))
    scenes = np.array([scene for (scene,) in found], dtype=np.int64)
    places = np.searchsorted(snapshot.numbers, scenes)
    if (rows is not None and len(scenes) != len(rows)) or (
        len(places) and (snapshot.numbers[np.minimum(places, len(snapshot.numbers) - 1)] != scenes).any()
    ):
        raise sqlite3.DatabaseError("the blocks of the index differ from its tables")
    return places
