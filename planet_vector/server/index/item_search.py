"""Find the items of a search across scene types and collections, in any order, and the requested page of them.

The condition is evaluated as masks over the arrays of a snapshot. Items for which these are not decisive are read and
evaluated one by one, so the result and its count are exact.
"""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Dict, FrozenSet, Iterator, List, NamedTuple, Optional, Tuple

import numpy as np
from shapely.geometry.base import BaseGeometry

from planet_vector.server.index.area_rows import FEW, TooLong
from planet_vector.server.index.blocks import ACQUIRED, COLLECTION, ITEM_TYPE, TYPE
from planet_vector.server.index.expressions import TRUE, UNSURE, Condition, ItemValues, evaluate, needs_footprint
from planet_vector.server.index.found_items import FoundItem, read_items
from planet_vector.server.index.item_masks import ItemRows, KindOfItem, Masks, footprints
from planet_vector.server.index.item_orders import ItemOrder, ItemPlace, SortKey
from planet_vector.server.index.item_properties import STAC, Vocabulary
from planet_vector.server.index.queries import Finder
from planet_vector.server.index.records import StoredScene, read_records
from planet_vector.server.index.snapshot import Snapshot
from planet_vector.server.patience import Patience

MAX_ORDERS = 4
"""Number of orders that are cached, of 4 MB for a million scenes."""

MAX_RESULTS = 16 * 2**20  # bytes of results cached for the following pages
_ResultKey = Tuple[Vocabulary, str, Optional[FrozenSet[str]], Optional[FrozenSet[str]]]
_AT_ONCE = 500  # items read and evaluated between two checks for a disconnected client


@dataclass(frozen=True)
class ItemSearch:
    """Search for items.

    Attributes
    ----------
    condition : Condition
        Condition that items meet.
    scene_types : frozenset of str or None
        Scene types that are searched; None for all.
    collections : frozenset of str or None
        Collections that are searched; None for all.
    keys : tuple of SortKey
        Result of `planet_vector.server.index.item_orders.whole_order`.
    count : int
        Maximum number of items on a page.
    place : ItemPlace or None
        Where the page starts or ends; None for the first page.
    vocabulary : Vocabulary
        The properties that the condition names.
    """

    condition: Condition
    scene_types: Optional[FrozenSet[str]]
    collections: Optional[FrozenSet[str]]
    keys: Tuple[SortKey, ...]
    count: int
    place: Optional[ItemPlace] = None
    vocabulary: Vocabulary = STAC


class ItemPage(NamedTuple):
    """One page of a search.

    Attributes
    ----------
    items : list of FoundItem
        Items in the order of the search.
    total : int
        Number of items on all pages.
    before, after : ItemPlace or None
        Places of the preceding and following pages; None if there are none.
    """

    items: List[FoundItem]
    total: int
    before: Optional[ItemPlace]
    after: Optional[ItemPlace]


class ItemFinder:
    """Thread-safe finder of items, which caches orders and results.

    Parameters
    ----------
    finder : Finder
        Keeps the arrays of the index's version.
    """

    def __init__(self, finder: Finder) -> None:
        self._finder = finder
        self._lock = Lock()
        self._snapshot: Optional[Snapshot] = None
        self._rows: Optional[ItemRows] = None
        self._orders: OrderedDict[Tuple[SortKey, ...], ItemOrder] = OrderedDict()
        self._results: OrderedDict[_ResultKey, np.ndarray] = OrderedDict()

    def page(
        self, db: sqlite3.Connection, search: ItemSearch, long: bool = True, patience: Optional[Patience] = None
    ) -> ItemPage:
        """Return one page of a search.

        Parameters
        ----------
        db : sqlite3.Connection
            The index, within a transaction that has not read anything yet.
        search : ItemSearch
            The search.
        long : bool
            Whether the search may take long.
        patience : Patience, optional
            Time limit and cancellation.

        Raises
        ------
        TooLong
            If the search is long and `long` is False.
        ValueError
            If the place of the page is one of another order.
        """
        snapshot, rows = self.view(db, patience)
        order = self._order(db, snapshot, rows, search.keys)
        found = self._found(db, snapshot, rows, search, long, patience)
        ranks = order.ranks[found]
        low, high = 0, len(snapshot.numbers)
        backwards = search.place is not None and search.place.backwards
        if search.place is not None:
            start, end = order.span(db, search.place)
            low, high = (0, start) if backwards else (end, high)
        on_page = np.flatnonzero((ranks >= low) & (ranks < high))
        if len(on_page) > search.count:
            kth = len(on_page) - search.count if backwards else search.count - 1
            parted = np.argpartition(ranks[on_page], kth)
            on_page = on_page[parted[kth:] if backwards else parted[: kth + 1]]
        on_page = found[on_page[np.argsort(ranks[on_page])]]
        items = read_items(db, snapshot.numbers[on_page].tolist())
        before = after = None
        if len(on_page):
            first, last = int(on_page[0]), int(on_page[-1])
            if (ranks < order.ranks[first]).any():
                before = _place(order, rows, first, items[0].scene, True)
            if (ranks > order.ranks[last]).any():
                after = _place(order, rows, last, items[-1].scene, False)
        return ItemPage(items, len(found), before, after)

    def times(
        self, db: sqlite3.Connection, search: ItemSearch, long: bool = True, patience: Optional[Patience] = None
    ) -> np.ndarray:
        """Return the times of all items of a search, ignoring its page.

        Parameters
        ----------
        db : sqlite3.Connection
            The index, within a transaction that has not read anything yet.
        search : ItemSearch
            The search.
        long : bool
            Whether the search may take long.
        patience : Patience, optional
            Time limit and cancellation.

        Returns
        -------
        np.ndarray of int64, shape (items,)
            Times of acquisition, in microseconds since 1970, in no order.

        Raises
        ------
        TooLong
            If the search is long and `long` is False.
        """
        snapshot, rows = self.view(db, patience)
        return np.asarray(rows.acquired[self._found(db, snapshot, rows, search, long, patience)])

    def view(self, db: sqlite3.Connection, patience: Optional[Patience]) -> Tuple[Snapshot, ItemRows]:
        """Return the arrays of the index's version.

        Parameters
        ----------
        db : sqlite3.Connection
            The index, within a transaction that has not read anything yet.
        patience : Patience, optional
            Time limit and cancellation.
        """
        snapshot = self._finder.snapshot(db, patience)
        with self._lock:
            if self._snapshot is not snapshot or self._rows is None:
                self._orders.clear()
                self._results.clear()
                self._rows = self._read(db, snapshot)
                self._snapshot = snapshot
            return snapshot, self._rows

    def _read(self, db: sqlite3.Connection, snapshot: Snapshot) -> ItemRows:
        strips = {
            name: {block.start: strip for block, strip in self._finder.fields.read(db, snapshot, name)}
            for name in (TYPE, ITEM_TYPE, COLLECTION, ACQUIRED)
        }
        kinds: Dict[KindOfItem, int] = {}
        codes = np.full(len(snapshot.numbers), -1, dtype=np.int16)
        acquired = np.empty(len(snapshot.numbers), dtype=np.int64)
        for block in snapshot.blocks:
            at = block.rows.start
            acquired[block.rows] = strips[ACQUIRED][at].array
            if at not in strips[TYPE]:
                continue
            types = strips[TYPE][at].to_list()
            item_types, collections = (
                strips[name][at].to_list() if at in strips[name] else [None] * len(types)
                for name in (ITEM_TYPE, COLLECTION)
            )
            known: Dict[Tuple[Optional[str], ...], int] = {}
            for triple in set(zip(types, item_types, collections)):
                scene_type, item_type, collection = triple
                if scene_type is None:
                    known[triple] = -1
                else:
                    kind = KindOfItem(scene_type, item_type or scene_type, collection or item_type or scene_type)
                    known[triple] = kinds.setdefault(kind, len(kinds))
            codes[block.rows] = [known[triple] for triple in zip(types, item_types, collections)]
        scenes = [scene for (scene,) in db.execute("SELECT scene FROM record WHERE item != ''")]
        stored = np.searchsorted(snapshot.numbers, np.array(scenes, dtype=np.int64))
        return ItemRows(list(kinds), codes, acquired, stored)

    def _order(
        self, db: sqlite3.Connection, snapshot: Snapshot, rows: ItemRows, keys: Tuple[SortKey, ...]
    ) -> ItemOrder:
        with self._lock:
            if self._snapshot is snapshot and keys in self._orders:
                self._orders.move_to_end(keys)
                return self._orders[keys]
        order = ItemOrder(db, snapshot, rows, self._finder.fields, keys)
        with self._lock:
            if self._snapshot is snapshot:
                self._orders[keys] = order
                while len(self._orders) > MAX_ORDERS:
                    self._orders.popitem(last=False)
        return order

    def _found(
        self,
        db: sqlite3.Connection,
        snapshot: Snapshot,
        rows: ItemRows,
        search: ItemSearch,
        long: bool,
        patience: Optional[Patience],
    ) -> np.ndarray:
        """Return the rows of all items of a search."""
        # By its text, as Python's numbers are equal across types: 1 == True.
        key = (search.vocabulary, repr(search.condition), search.scene_types, search.collections)
        with self._lock:
            if self._snapshot is snapshot and key in self._results:
                self._results.move_to_end(key)
                return self._results[key]
        visible = [
            (search.scene_types is None or kind.scene_type in search.scene_types)
            and (search.collections is None or kind.collection in search.collections)
            for kind in rows.kinds
        ]
        wanted = np.array([*visible, False], dtype=bool)[rows.codes]
        masks = Masks(db, snapshot, rows, self._finder.fields, search.vocabulary, long, patience)
        results = masks.evaluate(search.condition, wanted)
        hits = wanted & (results == TRUE)
        unsure = np.flatnonzero(wanted & (results == UNSURE))
        if len(unsure) > FEW and not long:
            raise TooLong
        for row in self._tested(db, snapshot, search, unsure, patience):
            hits[row] = True
        found = np.flatnonzero(hits).astype(np.int32)
        with self._lock:
            if self._snapshot is snapshot:
                self._results[key] = found
                while len(self._results) > 1 and sum(each.nbytes for each in self._results.values()) > MAX_RESULTS:
                    self._results.popitem(last=False)
        return found

    def _tested(
        self,
        db: sqlite3.Connection,
        snapshot: Snapshot,
        search: ItemSearch,
        rows: np.ndarray,
        patience: Optional[Patience],
    ) -> Iterator[int]:
        """Yield those of some rows whose items meet a condition."""
        condition, located = search.condition, needs_footprint(search.condition)
        for start in range(0, len(rows), _AT_ONCE):
            if patience is not None:
                patience.check()
            piece = rows[start : start + _AT_ONCE]
            shapes = footprints(db, snapshot.numbers[piece]) if located else np.full(len(piece), None)
            for row, scene, shape in zip(piece.tolist(), read_records(db, snapshot.numbers[piece].tolist()), shapes):
                if evaluate(condition, compared(scene, shape, search.vocabulary)) == TRUE:
                    yield row


def compared(scene: StoredScene, footprint: Optional[BaseGeometry] = None, vocabulary: Vocabulary = STAC) -> ItemValues:
    """Return what conditions compare of a scene.

    Parameters
    ----------
    scene : StoredScene
        The scene.
    footprint : shapely geometry, optional
        Its footprint.
    vocabulary : Vocabulary
        The properties that conditions name.
    """
    named = {"id": scene.scene_id, "item_type": scene.item_type, "collection": scene.collection}
    return ItemValues({**vocabulary.values(scene), **named}, footprint)


def _place(order: ItemOrder, rows: ItemRows, row: int, scene: StoredScene, backwards: bool) -> ItemPlace:
    return ItemPlace(order.values(row), int(rows.acquired[row]), scene.scene_id, scene.scene_type, backwards)
