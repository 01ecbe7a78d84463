"""Evaluation of conditions on items for all scenes of a snapshot at once.

The result for each row is `TRUE`, `FALSE`, `NULL`, or `UNSURE`, where only the item itself tells.
"""

from __future__ import annotations

import json
import sqlite3
from typing import Callable, Dict, FrozenSet, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import shapely

from planet_vector.scenes_v0_fields import FIELDS
from planet_vector.server.index.area_rows import FEW, TooLong, rows_within
from planet_vector.server.index.expressions import (
    COMPARE,
    FALSE,
    GEOMETRY,
    NULL,
    RELATIONS,
    TRUE,
    UNSURE,
    And,
    Comparison,
    Condition,
    Constant,
    In,
    IsNull,
    IsTrue,
    ItemValues,
    Moment,
    Not,
    Or,
    Overlaps,
    Property,
    Spatial,
    evaluate,
)
from planet_vector.server.index.item_properties import ItemColumn, Vocabulary
from planet_vector.server.index.snapshot import FieldStrips, Snapshot, look_up
from planet_vector.server.index.strips import Strip
from planet_vector.server.index.texts import OTHER
from planet_vector.server.patience import Patience

_ROWS = 2**16  # boxes examined at once
_IDS = 10_000  # ids compared between two checks for a disconnected client
_COMPARATORS = {"=": "eq", "<>": "neq", "<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}
_MIRRORED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_NEGATED = np.array([TRUE, FALSE, NULL, UNSURE], dtype=np.int8)  # by result
_DECIDED = np.array([FALSE, TRUE, FALSE, UNSURE], dtype=np.int8)  # by result
_NEAR = 1e-9  # a scaled number is rounded by less


class KindOfItem(NamedTuple):
    """A scene type, and the item type and collection of its scenes."""

    scene_type: str
    item_type: str
    collection: str


class ItemRows(NamedTuple):
    """Arrays that all searches of a snapshot share.

    Attributes
    ----------
    kinds : list of KindOfItem
        Those of the snapshot.
    codes : np.ndarray of int16, shape (rows,)
        Place of the kind of each row in `kinds`; -1 for removed scenes.
    acquired : np.ndarray of int64, shape (rows,)
        Times of acquisition, in microseconds since 1970.
    stored : np.ndarray of int
        Rows whose fields are stored apart from the Feature of v0.
    """

    kinds: List[KindOfItem]
    codes: np.ndarray
    acquired: np.ndarray
    stored: np.ndarray


class Masks:
    """Evaluation of conditions.

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
    vocabulary : Vocabulary
        The properties of the items.
    long : bool
        Whether the search may take long.
    patience : Patience, optional
        Time limit and cancellation.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        snapshot: Snapshot,
        rows: ItemRows,
        fields: FieldStrips,
        vocabulary: Vocabulary,
        long: bool,
        patience: Optional[Patience],
    ) -> None:
        self._db = db
        self._snapshot = snapshot
        self._rows = rows
        self._fields = fields
        self._vocabulary = vocabulary
        self._long = long
        self._patience = patience

    def evaluate(self, condition: Condition, wanted: np.ndarray) -> np.ndarray:
        """Return the results of a condition.

        Parameters
        ----------
        condition : Condition
            The condition.
        wanted : np.ndarray of bool, shape (rows,)
            Rows whose results matter; those of others are undefined.

        Returns
        -------
        np.ndarray of int8, shape (rows,)

        Raises
        ------
        TooLong
            If the search is long, but must not be.
        """
        if self._patience is not None:
            self._patience.check()
        if isinstance(condition, Not):
            return np.asarray(_NEGATED[self.evaluate(condition.condition, wanted)])
        if isinstance(condition, IsTrue):
            return np.asarray(_DECIDED[self.evaluate(condition.condition, wanted)])
        if isinstance(condition, (And, Or)):
            return self._combined(condition, wanted)
        if isinstance(condition, Spatial):
            return self._spatial(condition, wanted)
        return self._leaf(condition)

    def _combined(self, condition: object, wanted: np.ndarray) -> np.ndarray:
        """Evaluate the cheap conditions first: their results decide which rows the others are needed for."""
        assert isinstance(condition, (And, Or))
        decisive = FALSE if isinstance(condition, And) else TRUE
        found = np.full(len(wanted), 1 - decisive, dtype=np.int8)
        for part in sorted(condition.conditions, key=_cost):
            result = self.evaluate(part, wanted & (found != decisive))
            either = np.maximum(found, result)  # UNSURE, else NULL, wins over what is not decisive
            found = np.where((found == decisive) | (result == decisive), np.int8(decisive), either)
        return np.asarray(found)

    def _spatial(self, condition: Spatial, wanted: np.ndarray) -> np.ndarray:
        snapshot, area = self._snapshot, condition.area
        apart = TRUE if condition.relation == "disjoint" else FALSE
        found = np.where(snapshot.located(), np.int8(apart), np.int8(NULL))
        rows = np.flatnonzero(wanted & (found != NULL) & snapshot.touching(area.boxes))
        if condition.relation in ("intersects", "disjoint"):
            pieces = [rows[start : start + _ROWS] for start in range(0, len(rows), _ROWS)]
            for piece, mask in zip(
                pieces, rows_within(self._db, snapshot, area, pieces, self._long, self._patience) if pieces else []
            ):
                found[piece[mask]] = 1 - apart
            return np.asarray(found)
        if len(rows) > FEW and not self._long:
            raise TooLong
        for start in range(0, len(rows), area.at_once):
            if self._patience is not None:
                self._patience.check()
            piece = rows[start : start + area.at_once]
            found_here = RELATIONS[condition.relation](area.geometry, footprints(self._db, snapshot.numbers[piece]))
            found[piece] = np.asarray(found_here).astype(np.int8)
        return np.asarray(found)

    def _leaf(self, condition: Condition) -> np.ndarray:
        """Evaluate a condition without others within it."""
        if isinstance(condition, Constant):
            return self._full(int(condition.value))
        name = _only_property(condition)
        if name is None:
            # Without a property, all items have the same result; with two, the item tells.
            return self._full(UNSURE if _properties(condition) else evaluate(condition, ItemValues({})))
        if isinstance(condition, IsNull) and name == GEOMETRY:
            return np.asarray((~self._snapshot.located()).astype(np.int8))
        if name in ("collection", "item_type"):
            return self._of_kinds(lambda kind: evaluate(condition, ItemValues(kind._asdict())))
        if name == "id":
            return self._of_ids(condition)
        if isinstance(condition, Overlaps) and name in self._vocabulary.lists:
            return self._of_assets(condition)
        if name == self._vocabulary.time:
            return self._of_times(condition)
        if name in self._vocabulary.columns:
            return self._of_column(condition, self._vocabulary.columns[name])
        if name in self._vocabulary.feature_columns:
            found = self._of_column(condition, self._vocabulary.feature_columns[name])
            stored = self._rows.stored
            found[stored] = self._of_texts(condition, name)[stored] if len(stored) else UNSURE
            return found
        if name in self._vocabulary.texts:
            return self._of_texts(condition, name)
        return self._full(UNSURE)

    def _full(self, result: int) -> np.ndarray:
        return np.full(len(self._rows.codes), result, dtype=np.int8)

    def _of_kinds(self, result: Callable[[KindOfItem], int]) -> np.ndarray:
        table = np.array([*map(result, self._rows.kinds), FALSE], dtype=np.int8)  # -1 is the last
        return np.asarray(table[self._rows.codes])

    def _of_ids(self, condition: Condition) -> np.ndarray:
        found = self._full(FALSE)
        if isinstance(condition, IsNull):
            return found
        wanted: Optional[Sequence[object]] = None
        if isinstance(condition, In):
            wanted = condition.values
        elif isinstance(condition, Comparison) and condition.operator == "=":
            wanted = [side for side in (condition.left, condition.right) if not isinstance(side, Property)]
        if wanted is not None and all(isinstance(value, str) for value in wanted):
            types = {kind.scene_type for kind in self._rows.kinds}
            sql = "SELECT scene FROM scene WHERE type = ? AND id = ?"
            scenes = [row[0] for t in types for i in set(wanted) for row in self._db.execute(sql, (t, i))]
            found[np.searchsorted(self._snapshot.numbers, np.array(scenes, dtype=np.int64))] = TRUE
            return found
        if not self._long:
            raise TooLong
        ids = self._db.execute("SELECT scene, id FROM scene")
        while True:
            rows = ids.fetchmany(_IDS)
            if not rows:
                return found
            if self._patience is not None:
                self._patience.check()
            places = np.searchsorted(self._snapshot.numbers, np.array([row[0] for row in rows], dtype=np.int64))
            found[places] = [evaluate(condition, ItemValues({"id": row[1]})) for row in rows]

    def _of_assets(self, condition: Overlaps) -> np.ndarray:
        """Evaluate a condition on a list of assets: a scene with a product has one, a scene without a record none."""
        found = self._full(FALSE)
        found[self._rows_of("SELECT scene FROM record", ())] = UNSURE
        vocabulary = self._vocabulary
        name, text = vocabulary.any_asset
        if condition.operand.name == name and text in condition.values:
            products = None if vocabulary.products is None else json.dumps(sorted(vocabulary.products))
            sql = "SELECT DISTINCT scene FROM product WHERE ?1 IS NULL OR name IN (SELECT value FROM json_each(?1))"
            found[self._rows_of(sql, (products,))] = TRUE
        return found

    def _rows_of(self, sql: str, given: Tuple[object, ...]) -> np.ndarray:
        """Return the rows of the scenes that an SQL query returns."""
        scenes = np.fromiter((row[0] for row in self._db.execute(sql, given)), dtype=np.int64)
        return np.searchsorted(self._snapshot.numbers, scenes)

    def _of_times(self, condition: Condition) -> np.ndarray:
        if isinstance(condition, IsNull):
            return self._full(FALSE)
        if isinstance(condition, Comparison):
            name, operand = _normal(condition)
            if isinstance(operand, Moment):
                return np.asarray(COMPARE[name](self._rows.acquired, operand.at)).astype(np.int8)
        return self._full(UNSURE)

    def _of_column(self, condition: Condition, column: ItemColumn) -> np.ndarray:
        missing = evaluate(condition, ItemValues({}))
        if column.is_partial and not _is_of_words(condition, column):
            missing = UNSURE
        found = self._full(missing)
        for block, strip in self._fields.read(self._db, self._snapshot, column.column):
            values = strip.values
            if values is not None:  # coded: one result for each distinct value
                results = [missing if value is None else _result(condition, column, value) for value in values]
                found[block] = np.array(results, dtype=np.int8)[strip.array]
            else:
                found[block] = _of_numbers(condition, column, strip, missing)
        return found

    def _of_texts(self, condition: Condition, name: str) -> np.ndarray:
        """Evaluate a condition on a property that a column of texts holds."""
        text = self._vocabulary.texts[name]
        missing = evaluate(condition, ItemValues({}))
        found = self._full(missing)
        wanted = _wanted_texts(condition)
        for block, strip in self._fields.read(self._db, self._snapshot, text.column):
            values = strip.values
            assert values is not None  # texts are always coded
            if wanted is not None:
                results = [
                    missing if value is None else UNSURE if value is OTHER else int(text.value(value) in wanted)
                    for value in values
                ]
            else:
                results = [
                    missing
                    if value is None
                    else UNSURE
                    if value is OTHER
                    else evaluate(condition, ItemValues({name: text.value(value)}))
                    for value in values
                ]
            found[block] = np.array(results, dtype=np.int8)[strip.array]
        return found


def footprints(db: sqlite3.Connection, scenes: np.ndarray) -> np.ndarray:
    """Return the footprints of scenes as shapely geometries, None for those without.

    Parameters
    ----------
    db : sqlite3.Connection
        The index.
    scenes : np.ndarray of int64
        Numbers of scenes.
    """
    rows = look_up(db, "scene, footprint", "scene", scenes.tolist())
    return np.asarray(shapely.from_wkb([row[1] for row in rows]), dtype=object)


def _result(condition: Condition, column: ItemColumn, stored: object) -> int:
    return evaluate(condition, ItemValues({column.name: column.value(stored)}))


def _wanted_texts(condition: Condition) -> Optional[FrozenSet[str]]:
    """Return the texts of which one equals the property, if the condition means that; there may be many values."""
    if isinstance(condition, In):
        values: Sequence[object] = condition.values
    elif isinstance(condition, Comparison) and condition.operator == "=":
        values = [side for side in (condition.left, condition.right) if not isinstance(side, Property)]
    else:
        return None
    texts = [value for value in values if isinstance(value, str)]
    return frozenset(texts) if len(texts) == len(values) else None


def _of_numbers(condition: Condition, column: ItemColumn, strip: Strip, missing: int) -> np.ndarray:
    """Return the results of a condition for an array of numbers."""
    present = strip.present()
    if column.kind != "time":
        if not column.is_absolute or column.low > 0:
            present &= strip.compare("gte", column.low)
        else:
            present &= strip.compare("gte", -column.high)
        present &= strip.compare("lte", column.high)
    met: Optional[np.ndarray] = None
    if isinstance(condition, IsNull):
        return np.asarray(np.where(present, np.int8(FALSE), np.int8(missing)))
    if isinstance(condition, In):
        operands = [_number(value, column) for value in condition.values]
        if None not in operands:
            met = np.zeros(len(present), dtype=bool)
            for operand in operands:
                met |= _compared(strip, column, "=", operand)
    elif isinstance(condition, Comparison):
        name, other = _normal(condition)
        operand = _number(other, column)
        if operand is not None:
            met = _compared(strip, column, name, operand)
    if met is None:  # texts, or a mixture of types: rare, and the items tell
        return np.asarray(np.where(present, np.int8(UNSURE), np.int8(missing)))
    return np.asarray(np.where(present, met.astype(np.int8), np.int8(missing)))


def _compared(strip: Strip, column: ItemColumn, name: str, operand: object) -> np.ndarray:
    assert isinstance(operand, (int, float))
    if column.scale != 1:
        return _scaled(strip, column, name, operand)
    if not column.is_absolute:
        return strip.compare(_COMPARATORS[name], operand)
    if name == "=":
        both = strip.compare("eq", operand) | strip.compare("eq", -operand)
        return both if operand >= 0 else np.zeros(len(strip.array), dtype=bool)
    if name in ("<>", "<", "<="):
        opposite = {"<>": "=", "<": ">=", "<=": ">"}[name]
        return ~_compared(strip, column, opposite, operand)
    beyond = strip.compare(_COMPARATORS[name], operand) | strip.compare(_COMPARATORS[_MIRRORED[name]], -operand)
    return beyond if operand >= 0 else np.ones(len(strip.array), dtype=bool)


def _scaled(strip: Strip, column: ItemColumn, name: str, operand: float) -> np.ndarray:
    """Compare scaled and rounded numbers; those near the operand one by one."""
    numbers = strip.array.astype(np.float64) * column.scale
    found = np.asarray(COMPARE[name](numbers, operand))
    near = np.flatnonzero(np.abs(numbers - operand) < _NEAR * max(1.0, abs(operand)))
    for stored in np.unique(strip.array[near]).tolist():
        found[near[strip.array[near] == stored]] = COMPARE[name](column.value(stored), operand)
    return found


def _number(value: object, column: ItemColumn) -> Optional[float]:
    if column.kind == "time":
        return value.at if isinstance(value, Moment) else None
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _normal(condition: Comparison) -> tuple[str, object]:
    """Return the operator of a comparison with the property on its left, and the other operand."""
    if isinstance(condition.left, Property):
        return condition.operator, condition.right
    return _MIRRORED[condition.operator], condition.left


def _is_of_words(condition: Condition, column: ItemColumn) -> bool:
    """Return whether a condition can only be met by words that the column has."""
    words = FIELDS[column.column].words
    return bool(words) and isinstance(condition, In) and set(condition.values) <= set(words)


def _properties(condition: Condition) -> List[str]:
    sides: Dict[str, object] = vars(condition)
    return [side.name for side in sides.values() if isinstance(side, Property)]


def _only_property(condition: Condition) -> Optional[str]:
    names = _properties(condition)
    return names[0] if len(names) == 1 else None


def _cost(condition: Condition) -> int:
    """Return how expensive a condition is, relative to others."""
    if isinstance(condition, Spatial):
        return 3 if condition.relation == "intersects" and condition.area.is_box else 4
    if isinstance(condition, (Not, IsTrue)):
        return _cost(condition.condition)
    if isinstance(condition, (And, Or)):
        return max(map(_cost, condition.conditions), default=0)
    return 5 if _only_property(condition) is None and _properties(condition) else 1
