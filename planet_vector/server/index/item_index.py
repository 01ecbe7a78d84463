"""Items and collections of an index: its scenes as STAC has them."""

from __future__ import annotations

import sqlite3
from typing import Dict, FrozenSet, List, NamedTuple, Optional, Tuple

import numpy as np

from planet_vector.server.index.database import Index
from planet_vector.server.index.found_items import FoundItem, read_items
from planet_vector.server.index.item_masks import KindOfItem
from planet_vector.server.index.item_search import ItemFinder, ItemPage, ItemSearch
from planet_vector.server.index.records import StoredScene, read_records
from planet_vector.server.patience import Patience


class CollectionRows(NamedTuple):
    """Extent of a collection, from the arrays of a snapshot.

    Attributes
    ----------
    collection : str
        Its id.
    scene_types : tuple of str
        Scene types of its items.
    total : int
        Number of its items.
    first, last : int
        First and last time of acquisition, in microseconds since 1970.
    box : (float, float, float, float) or None
        Bounding box of its footprints: west, south, east, north in degrees; None if it has none.
    scenes : list of int
        Numbers of some scenes, evenly spread over the collection.
    """

    collection: str
    scene_types: Tuple[str, ...]
    total: int
    first: int
    last: int
    box: Optional[Tuple[float, float, float, float]]
    scenes: List[int]


class ItemIndex:
    """Thread-safe index of items.

    Parameters
    ----------
    index : Index
        Index of their scenes.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self._finder = ItemFinder(index.finder)

    def search(self, search: ItemSearch, patience: Optional[Patience] = None) -> ItemPage:
        """Return one page of a search for items.

        Parameters
        ----------
        search : ItemSearch
            The search, which specifies the page.
        patience : Patience, optional
            Time limit and cancellation.

        Raises
        ------
        ValueError
            If the place of the page is one of another order.
        HttpError
            503, if there is no complete index, or its file is damaged.
        """
        return self._index.run(lambda db, long: self._finder.page(db, search, long, patience), patience)

    def kinds(self, patience: Optional[Patience] = None) -> List[KindOfItem]:
        """Return the kinds of items that the index has.

        Parameters
        ----------
        patience : Patience, optional
            Time limit and cancellation.

        Raises
        ------
        HttpError
            503, if there is no complete index, or its file is damaged.
        """
        return self._index.run(lambda db, long: self._finder.view(db, patience)[1].kinds, patience)

    def times(self, search: ItemSearch, patience: Optional[Patience] = None) -> np.ndarray:
        """Return the times of all items of a search, ignoring its page; see `ItemFinder.times`.

        Parameters
        ----------
        search : ItemSearch
            The search.
        patience : Patience, optional
            Time limit and cancellation.

        Raises
        ------
        HttpError
            503, if there is no complete index, or its file is damaged.
        """
        return self._index.run(lambda db, long: self._finder.times(db, search, long, patience), patience)

    def item(self, scene_types: Optional[FrozenSet[str]], collection: str, scene_id: str) -> Optional[FoundItem]:
        """Return an item.

        Parameters
        ----------
        scene_types : frozenset of str or None
            Scene types that are searched; None for all.
        collection : str
            Id of its collection.
        scene_id : str
            Its id.

        Returns
        -------
        FoundItem or None
            None if there is no such item.

        Raises
        ------
        HttpError
            503, if there is no complete index, or its file is damaged.
        """
        sql = "SELECT scene FROM scene WHERE type IN (SELECT type FROM total) AND id = ? ORDER BY type"
        with self._index.look_up() as db:
            for found in read_items(db, [row[0] for row in db.execute(sql, (scene_id,)).fetchall()]):
                permitted = scene_types is None or found.scene.scene_type in scene_types
                if permitted and found.scene.collection == collection:
                    return found
        return None

    def collections(
        self, scene_types: Optional[FrozenSet[str]], samples: int, patience: Optional[Patience] = None
    ) -> List[Tuple[CollectionRows, List[StoredScene]]]:
        """Return the collections that have items, with some scenes of each.

        Parameters
        ----------
        scene_types : frozenset of str or None
            Scene types whose items count; None for all.
        samples : int
            Maximum number of scenes of each; may be 0.
        patience : Patience, optional
            Time limit and cancellation.

        Raises
        ------
        HttpError
            503, if there is no complete index, or its file is damaged.
        """

        def collect(db: sqlite3.Connection, long: bool) -> List[Tuple[CollectionRows, List[StoredScene]]]:
            found = self._collections(db, scene_types, samples, patience)
            return [(rows, read_records(db, rows.scenes)) for rows in found]

        return self._index.run(collect, patience)

    def _collections(
        self,
        db: sqlite3.Connection,
        scene_types: Optional[FrozenSet[str]],
        samples: int,
        patience: Optional[Patience],
    ) -> List[CollectionRows]:
        """Return the collections that have items, ordered by id."""
        snapshot, rows = self._finder.view(db, patience)
        codes: Dict[str, List[int]] = {}
        for code, kind in enumerate(rows.kinds):
            if scene_types is None or kind.scene_type in scene_types:
                codes.setdefault(kind.collection, []).append(code)
        found = []
        for collection, own in sorted(codes.items()):
            places = np.flatnonzero(np.isin(rows.codes, own))
            if not len(places):
                continue
            acquired = rows.acquired[places]
            step = -(-len(places) // samples) if samples else len(places)
            found.append(
                CollectionRows(
                    collection,
                    tuple(sorted({rows.kinds[code].scene_type for code in own})),
                    len(places),
                    int(acquired.min()),
                    int(acquired.max()),
                    _box(snapshot.bounds(places)),
                    snapshot.numbers[places[::step]].tolist()[:samples],
                )
            )
        return found


def _box(bounds: np.ndarray) -> Optional[Tuple[float, float, float, float]]:
    """Return the box around boxes, all of the globe's longitudes if one is on both sides of the antimeridian."""
    bounds = bounds[~np.isnan(bounds[:, 0])]
    if not len(bounds):
        return None
    west, south, east, north = bounds[:, 0].min(), bounds[:, 1].min(), bounds[:, 2].max(), bounds[:, 3].max()
    if (bounds[:, 0] > bounds[:, 2]).any():
        west, east = -180.0, 180.0
    return max(float(west), -180.0), max(float(south), -90.0), min(float(east), 180.0), min(float(north), 90.0)
