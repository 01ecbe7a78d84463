"""Find the scenes of a search, ordered by time and id, and the requested page of them.

Conditions and boxes are evaluated as masks over the arrays of a snapshot. Only footprints that the outline of an area
may cut are read from the tables and tested. Results are cached for the following pages, until the index's version
changes.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections import OrderedDict
from datetime import datetime
from threading import Lock
from typing import Any, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from planet_vector.conditions import Condition
from planet_vector.server.index.area_rows import rows_within
from planet_vector.server.index.fields import compared_number
from planet_vector.server.index.scene_search import Edge, SceneSearch, microseconds
from planet_vector.server.index.searched_area import Area
from planet_vector.server.index.snapshot import FieldStrips, Order, Snapshot, look_up, read_blocks, read_version
from planet_vector.server.patience import Patience

MAX_RESULTS = 16 * 2**20  # bytes of results cached for the following pages
MAX_KEPT = 500  # results
_ROWS = 2**16  # boxes examined at once
_GLOBE = np.array([[-180.0, -90.0, 180.0, 90.0]])

Row = Tuple[int, int, str]  # scene, acquired, id
Ranks = Union[range, np.ndarray]
"""Positions in an `Order`, ascending; a range if they are contiguous."""


class Slice(NamedTuple):
    """Scenes of a page.

    Attributes
    ----------
    scenes : list of int
        Their numbers.
    first, last : (int, str), optional
        Time and id of the first and the last scene.
    total : int
        Number of scenes on this page and those after it.
    tied_before, tied_after : bool
        Whether the scene before the first, or after the last, has the same time.
    """

    scenes: List[int]
    first: Tuple[int, str]
    last: Tuple[int, str]
    total: int
    tied_before: bool
    tied_after: bool


class Finder:
    """Thread-safe finder of scenes, which caches its results.

    Attributes
    ----------
    fields : FieldStrips
        Cache of the columns that searches compare.
    """

    def __init__(self) -> None:
        self._snapshot: Optional[Snapshot] = None
        self._loading = Lock()
        self.fields = FieldStrips()
        self._results: OrderedDict[Any, Ranks] = OrderedDict()
        self._lock = Lock()

    def page(
        self, db: sqlite3.Connection, search: SceneSearch, long: bool = True, patience: Optional[Patience] = None
    ) -> Optional[Slice]:
        """Return one page of a search, or None if it is empty.

        Parameters
        ----------
        db : sqlite3.Connection
            The index, within a transaction that has not read anything yet.
        search : SceneSearch
            The search.
        long : bool
            Whether the search may take long.
        patience : Patience, optional
            Time limit and cancellation.

        Raises
        ------
        TooLong
            If the search is long and `long` is False.
        """
        snapshot, order, found = self._find(db, search, long, patience)
        total = len(found)
        # Ranks ascend; a page is a slice of them, read backwards for descending order.
        low, high = 0, total
        if search.edge is not None:
            place = _place(found, _rank(db, search.scene_type, order, search.edge))
            low, high = (0, place) if search.edge.comparator == "lt" else (place, total)
        if search.ascending != search.backwards:
            high = min(high, low + search.count)
        else:
            low = max(low, high - search.count)
        if low >= high:
            return None
        below = low > 0 and bool(order.acquired[found[low - 1]] == order.acquired[found[low]])
        above = high < total and bool(order.acquired[found[high]] == order.acquired[found[high - 1]])
        scenes = snapshot.numbers[order.rows[_array(found[low:high])]].tolist()
        first, last = ((row[1], row[2]) for row in look_up(db, "scene, acquired, id", "scene", [scenes[0], scenes[-1]]))
        if search.ascending:
            return Slice(scenes, first, last, total - low, below, above)
        return Slice(scenes[::-1], last, first, high, above, below)

    def first(
        self,
        db: sqlite3.Connection,
        search: SceneSearch,
        most: int,
        long: bool = True,
        patience: Optional[Patience] = None,
    ) -> List[Row]:
        """Return the first scenes of a search, ignoring its page.

        Parameters
        ----------
        db : sqlite3.Connection
            The index, within a transaction that has not read anything yet.
        search : SceneSearch
            The search.
        most : int
            Maximum number of scenes.
        long : bool
            Whether the search may take long.
        patience : Patience, optional
            Time limit and cancellation.

        Returns
        -------
        list of (int, int, str)
            Number, time in microseconds since 1970, and id of each scene.

        Raises
        ------
        TooLong
            If the search is long and `long` is False.
        """
        snapshot, order, found = self._find(db, search, long, patience)
        ranks = _array(found[:most] if search.ascending else found[::-1][:most])
        return look_up(db, "scene, acquired, id", "scene", snapshot.numbers[order.rows[ranks]].tolist())

    def _find(
        self, db: sqlite3.Connection, search: SceneSearch, long: bool, patience: Optional[Patience]
    ) -> Tuple[Snapshot, Order, Ranks]:
        """Return all scenes of a search."""
        snapshot, order = self._load(db, search.scene_type, patience)
        conditions = tuple((c.field.name, c.comparator, _operand(c)) for c in search.conditions)
        key = (snapshot.version, search.scene_type, conditions, _digest(search.area_text))
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
                return snapshot, order, self._results[key]
        found = _Finding(db, snapshot, order, self.fields, patience).find(conditions, search.area, long)
        with self._lock:
            self._results[key] = found
            while len(self._results) > MAX_KEPT or (
                len(self._results) > 1 and sum(map(_size, self._results.values())) > MAX_RESULTS
            ):
                self._results.popitem(last=False)
        return snapshot, order, found

    def _load(self, db: sqlite3.Connection, scene_type: str, patience: Optional[Patience]) -> Tuple[Snapshot, Order]:
        with self._locked(patience):
            snapshot = self._read(db)
            return snapshot, snapshot.order(db, scene_type)

    def snapshot(self, db: sqlite3.Connection, patience: Optional[Patience]) -> Snapshot:
        """Return the arrays of the index's version.

        Parameters
        ----------
        db : sqlite3.Connection
            The index, within a transaction that has not read anything yet.
        patience : Patience, optional
            Time limit and cancellation.
        """
        with self._locked(patience):
            return self._read(db)

    @contextlib.contextmanager
    def _locked(self, patience: Optional[Patience]) -> Iterator[None]:
        while not self._loading.acquire(timeout=0.1):
            if patience is not None:
                patience.check()
        try:
            yield
        finally:
            self._loading.release()

    def _read(self, db: sqlite3.Connection) -> Snapshot:
        # The transaction begins with this read, after that of the cached snapshot, so versions only grow.
        version = read_version(db)
        if self._snapshot is None or self._snapshot.version != version:
            with self._lock:
                self._results.clear()
            blocks = read_blocks(db)
            if self._snapshot is not None and self._snapshot.blocks != blocks:
                self._snapshot = None  # freed before the next one needs as much memory
            self._snapshot = Snapshot(db, version, blocks, self._snapshot)
        return self._snapshot


class _Finding:
    """Finder of all scenes of one search."""

    def __init__(
        self,
        db: sqlite3.Connection,
        snapshot: Snapshot,
        order: Order,
        fields: FieldStrips,
        patience: Optional[Patience],
    ) -> None:
        self._db = db
        self._snapshot = snapshot
        self._order = order
        self._fields = fields
        self._patience = patience

    def find(self, conditions: Sequence[Tuple[str, str, Any]], area: Optional[Area], long: bool) -> Ranks:
        """Return the ranks of the scenes that meet all conditions and touch the area."""
        span, gaps = self._times([c[1:] for c in conditions if c[0] == "acquired"])
        others = [condition for condition in conditions if condition[0] != "acquired"]
        if not span or not (gaps or others or area is not None):
            return span
        globe = area is not None and bool(area.contains_boxes(_GLOBE)[0])
        mask = np.ones(len(self._snapshot.numbers), dtype=bool)
        for name, comparator, operand in others:
            self._check()
            met = np.zeros(len(mask), dtype=bool)
            for block, strip in self._fields.read(self._db, self._snapshot, name):
                met[block] = strip.compare(comparator, operand)
            mask &= met
        if area is not None:
            mask &= self._snapshot.located() if globe else self._snapshot.touching(area.boxes)
        found = self._ranks(span, gaps, mask)
        if area is not None and not globe:
            found = self._within(area, found, long)
        ranks = np.concatenate(found)
        return span if len(ranks) == len(span) else ranks

    def _ranks(self, span: range, gaps: Sequence[range], mask: np.ndarray) -> List[np.ndarray]:
        """Return the ranks of a span whose rows are in a mask, in chunks, as numpy takes up to 16 bytes for each."""
        found = []
        for start in range(span.start, span.stop, _ROWS):
            hits = mask[self._order.rows[start : min(start + _ROWS, span.stop)]]
            for gap in gaps:
                hits[max(gap.start - start, 0) : max(gap.stop - start, 0)] = False
            found.append((np.flatnonzero(hits) + start).astype(np.int32))
        return found

    def _times(self, conditions: Sequence[Tuple[str, int]]) -> Tuple[range, List[range]]:
        """Return the span of ranks that meets conditions on the time, and the gaps to exclude from it."""
        low, high = 0, len(self._order.acquired)
        gaps = []
        for comparator, moment in conditions:
            left = int(np.searchsorted(self._order.acquired, moment, "left"))
            right = int(np.searchsorted(self._order.acquired, moment, "right"))
            if comparator == "neq":
                gaps.append(range(left, right))
            if comparator in ("gt", "gte", "eq"):
                low = max(low, right if comparator == "gt" else left)
            if comparator in ("lt", "lte", "eq"):
                high = min(high, left if comparator == "lt" else right)
        return range(low, max(low, high)), [gap for gap in gaps if gap]

    def _within(self, area: Area, pieces: List[np.ndarray], long: bool) -> List[np.ndarray]:
        """Return the ranks whose footprint shares a point with the area."""
        rows = (self._order.rows[ranks] for ranks in pieces)
        masks = rows_within(self._db, self._snapshot, area, list(rows), long, self._patience)
        return [ranks[mask] for ranks, mask in zip(pieces, masks)]

    def _check(self) -> None:
        if self._patience is not None:
            self._patience.check()


def _operand(condition: Condition) -> Any:
    rank = condition.rank
    return microseconds(rank) if isinstance(rank, datetime) else compared_number(rank)


def _digest(text: Optional[str]) -> Optional[bytes]:
    """Return a digest of the text of an area, which may be too long for a cache key."""
    return None if text is None else hashlib.sha256(text.encode()).digest()


def _array(ranks: Ranks) -> np.ndarray:
    return np.arange(ranks.start, ranks.stop, ranks.step) if isinstance(ranks, range) else ranks


def _size(ranks: Ranks) -> int:
    return 0 if isinstance(ranks, range) else ranks.nbytes


def _place(found: Ranks, rank: int) -> int:
    """Return how many of the found ranks lie before a given rank."""
    if isinstance(found, range):
        return min(max(rank, found.start), found.stop) - found.start
    return int(np.searchsorted(found, rank))


def _rank(db: sqlite3.Connection, scene_type: str, order: Order, edge: Edge) -> int:
    """Return the rank at which an edge cuts: ``lt`` selects the ranks below it, ``gt`` those from it on."""
    left = int(np.searchsorted(order.acquired, edge.acquired, "left"))
    right = int(np.searchsorted(order.acquired, edge.acquired, "right"))
    if edge.scene_id is None or left == right:
        return left if edge.comparator == "lt" else right
    sign = "<" if edge.comparator == "lt" else "<="
    sql = f"SELECT count(*) FROM scene WHERE type = ? AND acquired = ? AND id {sign} ?"
    return left + int(db.execute(sql, (scene_type, edge.acquired, edge.scene_id)).fetchone()[0])
