"""Find the scenes of a search in the tables of an index.

Without an area, the index by time is walked; with one, the R*Tree gives candidates, whose footprints are tested.
Results and counts are kept for the pages that follow, until the index's version changes.
"""

from __future__ import annotations

import json
import sqlite3
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from planet_vector.query import Condition
from planet_vector.server.columns import box_time, sql_number
from planet_vector.server.search import Edge, Search, microseconds

MAX_COUNTS = 1000  # of searches kept
GIVEN = "(SELECT value AS given FROM json_each(?))"  # numbers as a table: joined in half the time that IN (…) takes
FEW = 20_000  # scenes of a search that are sorted sooner than looked for in order of time
MAX_KEPT_ROWS = 500_000  # of area searches kept for the pages that follow: 24 bytes each

_OPERATORS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "=", "neq": "<>"}
_TYPE_ONLY = "type = ?"

Row = Tuple[int, int, str]  # scene, acquired, id


class Slice(NamedTuple):
    """Hold the scenes of a page.

    Attributes
    ----------
    total : int
        Scenes on this page and those after it.
    tied_before, tied_after : bool
        Whether the scene before the first, or after the last, shares its time.
    """

    rows: List[Row]
    total: int
    tied_before: bool
    tied_after: bool


_EMPTY = Slice([], 0, False, False)


class Finder:
    """Find scenes, and keep what was found; any number of threads at once."""

    def __init__(self) -> None:
        self._results: OrderedDict[Any, _Result] = OrderedDict()
        self._counts: OrderedDict[Any, Any] = OrderedDict()
        self._lock = Lock()

    def page(self, db: sqlite3.Connection, search: Search, version: int) -> Slice:
        """Return one page of a search, in an index of this version."""
        return self._by_time(db, search, version) if search.area is None else self._in_area(db, search, version)

    def first(self, db: sqlite3.Connection, search: Search, version: int, most: int) -> List[Row]:
        """Return the first scenes of a search."""
        if search.area is None:
            where, values = _where(search)
            sql = f"SELECT scene, acquired, id FROM scene WHERE {where} {_order(search.ascending)} LIMIT ?"
            return list(db.execute(sql, [*values, most]))
        result = self._result(db, search, version)
        return _rows(db, (result.scenes if search.ascending else result.scenes[::-1])[:most])

    def _by_time(self, db: sqlite3.Connection, search: Search, version: int) -> Slice:
        where, values = _where(search)
        total = self._total(db, search, where, values, version)
        forward = search.ascending != search.backwards
        edge, edge_values = _edge_sql(search.edge)
        # In order of time a page is soon found, unless there is little to be found at all.
        table = "scene NOT INDEXED" if total < FEW and not _is_covered(search) else "scene"
        sql = f"SELECT scene, acquired, id FROM {table} WHERE {where}{edge} {_order(forward)} LIMIT ?"
        rows: List[Row] = list(db.execute(sql, [*values, *edge_values, search.count]))
        if search.backwards:
            rows.reverse()
        if not rows:
            return _EMPTY
        older, newer = "<", ">"
        before, after = (older, newer) if search.ascending else (newer, older)
        count = total - self._passed(db, where, values, rows[0], before, version) if search.edge else total
        tied_before = self._shares(db, where, values, rows[0], before)
        return Slice(rows, count, tied_before, self._shares(db, where, values, rows[-1], after))

    def _total(self, db: sqlite3.Connection, search: Search, where: str, values: List[Any], version: int) -> int:
        """Return the number of scenes of a search, wherever its page lies."""
        key = (version, where, tuple(values))
        count: Optional[int] = self._recall(key)
        if count is None:
            if where == _TYPE_ONLY:
                row = db.execute("SELECT scenes FROM total WHERE type = ?", values).fetchone()
                count = int(row[0]) if row else 0
            else:
                table = "scene" if _is_covered(search) else "scene NOT INDEXED"
                count = int(db.execute(f"SELECT count(*) FROM {table} WHERE {where}", values).fetchone()[0])
            self._keep(key, count)
        return count

    def _passed(
        self, db: sqlite3.Connection, where: str, values: List[Any], first: Row, before: str, version: int
    ) -> int:
        """Return the number of scenes before a row, in the order of the search.

        Who turns pages has been at the page before: then only what lies between is counted.
        """
        key = (version, where, tuple(values), before)
        sql = f"SELECT count(*) FROM scene WHERE {where} AND acquired {before}= ? AND (acquired, id) {before} (?, ?)"
        operands = [*values, first[1], first[1], first[2]]
        passed = 0
        last: Optional[Tuple[Row, int]] = self._recall(key)
        if last is not None and (last[0][1:] <= first[1:] if before == "<" else last[0][1:] >= first[1:]):
            after = ">" if before == "<" else "<"
            sql += f" AND acquired {after}= ? AND NOT (acquired, id) {before} (?, ?)"
            operands += [last[0][1], last[0][1], last[0][2]]
            passed = last[1]
        passed += int(db.execute(sql, operands).fetchone()[0])
        self._keep(key, (first, passed))
        return passed

    def _recall(self, key: Any) -> Any:
        with self._lock:
            if key in self._counts:
                self._counts.move_to_end(key)
            return self._counts.get(key)

    def _keep(self, key: Any, value: Any) -> None:
        with self._lock:
            self._counts[key] = value
            while len(self._counts) > MAX_COUNTS:
                self._counts.popitem(last=False)

    def _shares(self, db: sqlite3.Connection, where: str, values: List[Any], row: Row, comparator: str) -> bool:
        """Tell whether a scene beyond a row has its very time."""
        sql = f"SELECT 1 FROM scene WHERE {where} AND acquired = ? AND id {comparator} ? LIMIT 1"
        return db.execute(sql, [*values, row[1], row[2]]).fetchone() is not None

    def _in_area(self, db: sqlite3.Connection, search: Search, version: int) -> Slice:
        result = self._result(db, search, version)
        total = len(result.scenes)
        # Positions run in ascending order; a page is a slice of them, read backwards for descending order.
        edge = search.edge
        if edge is None:
            low, high = 0, total
        else:
            place = result.place(edge)
            low, high = (0, place) if edge.comparator == "lt" else (place, total)
        if (search.ascending and not search.backwards) or (not search.ascending and search.backwards):
            high = min(high, low + search.count)
        else:
            low = max(low, high - search.count)
        positions = range(low, high) if search.ascending else range(high - 1, low - 1, -1)
        rows = _rows(db, result.scenes[list(positions)])
        if not rows:
            return _EMPTY
        count = total - low if search.ascending else high
        below = low > 0 and bool(result.acquired[low - 1] == result.acquired[low])
        above = high < total and bool(result.acquired[high] == result.acquired[high - 1])
        return Slice(rows, count, below, above) if search.ascending else Slice(rows, count, above, below)

    def _result(self, db: sqlite3.Connection, search: Search, version: int) -> _Result:
        where, values = _where(search)
        key = (version, where, tuple(values), search.area_text)
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
                return self._results[key]
        result = _candidates(db, search, where, values)
        with self._lock:
            self._results[key] = result
            while len(self._results) > 1 and sum(len(r.scenes) for r in self._results.values()) > MAX_KEPT_ROWS:
                self._results.popitem(last=False)
        return result


@dataclass(frozen=True)
class _Result:
    """Hold all scenes of an area search, ordered by time and id; ids are held where a time is shared."""

    scenes: np.ndarray
    acquired: np.ndarray
    tied: Mapping[int, str]

    def place(self, edge: Edge) -> int:
        """Return the position that an edge cuts at: what is ``lt`` lies before it, what is ``gt`` from it on."""
        left = int(np.searchsorted(self.acquired, edge.acquired, "left"))
        right = int(np.searchsorted(self.acquired, edge.acquired, "right"))
        if edge.scene_id is None or right - left < 2:
            return left if edge.comparator == "lt" else right
        ids = [self.tied[int(scene)] for scene in self.scenes[left:right]]
        cut = bisect_left if edge.comparator == "lt" else bisect_right
        return int(left + cut(ids, edge.scene_id))


def _where(search: Search) -> Tuple[str, List[Any]]:
    terms, values = [_TYPE_ONLY], [search.scene_type]
    for condition in search.conditions:
        terms.append(f'"{condition.field.name}" {_OPERATORS[condition.comparator]} ?')
        values.append(_operand(condition))
    return " AND ".join(terms), values


def _operand(condition: Condition) -> Any:
    rank = condition.rank
    return microseconds(rank) if isinstance(rank, datetime) else sql_number(rank)


def _is_covered(search: Search) -> bool:
    """Tell whether the index by time answers a search, or narrows it; else the table is read from end to end."""
    names = {condition.field.name for condition in search.conditions}
    return "acquired" in names or names <= {"cloud_cover.estimated"}


def _order(ascending: bool) -> str:
    return "ORDER BY acquired, id" if ascending else "ORDER BY acquired DESC, id DESC"


def _edge_sql(edge: Optional[Edge]) -> Tuple[str, List[Any]]:
    if edge is None:
        return "", []
    sign = _OPERATORS[edge.comparator]
    if edge.scene_id is None:
        return f" AND acquired {sign} ?", [edge.acquired]
    return f" AND (acquired, id) {sign} (?, ?)", [edge.acquired, edge.scene_id]


def look_up(db: sqlite3.Connection, columns: str, table: str, scenes: Sequence[int]) -> List[Any]:
    """Return the rows of scenes, one for each number given and in their order; `columns` begins with ``scene``."""
    sql = f"SELECT {columns} FROM {GIVEN} CROSS JOIN {table} ON scene = given"
    found = {row[0]: row for row in db.execute(sql, [json.dumps(scenes)])}
    return [found[scene] for scene in scenes]


def _rows(db: sqlite3.Connection, scenes: np.ndarray) -> List[Row]:
    return look_up(db, "scene, acquired, id", "scene", scenes.tolist())


def _candidates(db: sqlite3.Connection, search: Search, where: str, values: List[Any]) -> _Result:
    """Find all scenes of an area search: by box in the R*Tree, then by footprint."""
    assert search.area is not None
    since, until = _span(search.conditions)
    found: List[Tuple[Any, ...]] = []
    for west, south, east, north in search.area.boxes:
        # CROSS JOIN keeps SQLite from turning the order round: the R*Tree first, then its scenes by rowid.
        found += db.execute(
            "SELECT scene, acquired, west, south, east, north FROM box CROSS JOIN scene ON scene = entry >> 1 "
            "WHERE box.west <= ? AND box.east >= ? AND box.south <= ? AND box.north >= ? "
            f"AND box.until >= ? AND box.since <= ? AND {where}",
            [east, west, north, south, since, until, *values],
        )
    scenes = np.array([row[0] for row in found], dtype=np.int64)
    acquired = np.array([row[1] for row in found], dtype=np.int64)
    kept = search.area.contains_boxes(np.array([row[2:] for row in found], dtype=np.float64).reshape(-1, 4))
    unsure = np.flatnonzero(~kept)
    if len(unsure):
        rows = look_up(db, "scene, footprint", "scene", scenes[unsure].tolist())
        kept[unsure] = search.area.intersects([row[1] for row in rows])
    # A scene in two parts was found twice.
    scenes, places = np.unique(scenes[kept], return_index=True)
    acquired = acquired[kept][places]
    order = np.argsort(acquired, kind="stable")
    return _settled(db, scenes[order], acquired[order])


def _settled(db: sqlite3.Connection, scenes: np.ndarray, acquired: np.ndarray) -> _Result:
    """Bring scenes that share a time into the order of their ids."""
    same = acquired[1:] == acquired[:-1]
    shared: np.ndarray = np.flatnonzero(np.append(same, False) | np.insert(same, 0, False)) if same.any() else same[:0]
    ids = {row[0]: row[2] for row in _rows(db, scenes[shared])}
    if ids:
        ordered = sorted((int(acquired[i]), ids[int(scenes[i])], int(scenes[i])) for i in shared)
        scenes = scenes.copy()
        scenes[shared] = [scene for _, _, scene in ordered]
    return _Result(scenes, acquired, ids)


def _span(conditions: Sequence[Condition]) -> Tuple[float, float]:
    """Return the span, as the R*Tree holds times, outside which no scene can meet the conditions."""
    since, until = -1e30, 1e30
    for condition in conditions:
        if condition.field.name == "acquired" and isinstance(condition.value, datetime):
            place = box_time(microseconds(condition.value))
            if condition.comparator in ("gt", "gte", "eq"):
                since = max(since, place)
            if condition.comparator in ("lt", "lte", "eq"):
                until = min(until, place)
    return since, until
