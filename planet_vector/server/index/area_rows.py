"""Which rows of a snapshot have a footprint within an area."""

from __future__ import annotations

import sqlite3
from typing import Callable, List, Optional, Sequence

import numpy as np

from planet_vector.server.index.area_cells import INSIDE, UNSURE, AreaCells
from planet_vector.server.index.searched_area import Area
from planet_vector.server.index.snapshot import Snapshot, look_up
from planet_vector.server.patience import Patience

FEW = 2000
"""Number of footprints that a short search may test; a search of more is a long one."""


class TooLong(Exception):
    """Raised if a search takes long, to be restarted on a connection where no short search waits for it."""


def rows_within(
    db: sqlite3.Connection,
    snapshot: Snapshot,
    area: Area,
    pieces: Sequence[np.ndarray],
    long: bool,
    patience: Optional[Patience] = None,
) -> List[np.ndarray]:
    """Return which rows have a footprint that shares a point with an area.

    Parameters
    ----------
    db : sqlite3.Connection
        The index, within a transaction that reads the version of the snapshot.
    snapshot : Snapshot
        The scenes.
    area : Area
        The area.
    pieces : sequence of np.ndarray of int
        Rows whose bounding boxes touch those of the area, in pieces that are short enough to be examined at once.
    long : bool
        Whether the search may take long.
    patience : Patience, optional
        Time limit and cancellation.

    Returns
    -------
    list of np.ndarray of bool
        A mask for each piece.

    Raises
    ------
    TooLong
        If the search is long and `long` is False.
    """
    sort: Callable[[np.ndarray], np.ndarray]
    if area.is_box:
        sort = _sort_by(area)
    elif sum(map(len, pieces)) <= FEW:
        sort = _sort_none
    elif long:
        sort = AreaCells(area, patience).sort
    else:
        raise TooLong
    masks, unsure = [], []
    for rows in pieces:
        if patience is not None:
            patience.check()
        bounds = snapshot.bounds(rows)
        kinds = np.where(bounds[:, 0] > bounds[:, 2], UNSURE, sort(bounds))
        masks.append(kinds == INSIDE)
        unsure.append(np.flatnonzero(kinds == UNSURE))
    count = sum(map(len, unsure))
    if count > FEW and not long:
        raise TooLong
    if count:
        tested = _tested(db, snapshot, area, np.concatenate([rows[at] for rows, at in zip(pieces, unsure)]), patience)
        for mask, at, hits in zip(masks, unsure, np.split(tested, np.cumsum([len(at) for at in unsure])[:-1])):
            mask[at] = hits
    return masks


def _tested(
    db: sqlite3.Connection, snapshot: Snapshot, area: Area, rows: np.ndarray, patience: Optional[Patience]
) -> np.ndarray:
    """Return a mask of the rows whose footprint, read from the tables, shares a point with the area."""
    kept = np.zeros(len(rows), dtype=bool)
    order = np.argsort(rows)  # the order of the file
    for start in range(0, len(rows), area.at_once):
        if patience is not None:
            patience.check()
        places = order[start : start + area.at_once]
        scenes = snapshot.numbers[rows[places]].tolist()
        kept[places] = area.intersects([row[1] for row in look_up(db, "scene, footprint", "scene", scenes)])
    return kept


def _sort_by(area: Area) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function that classifies boxes relative to an area that is itself a box."""
    return lambda bounds: np.where(area.contains_boxes(bounds), INSIDE, UNSURE)


def _sort_none(bounds: np.ndarray) -> np.ndarray:
    """Classify all boxes as `UNSURE`, so that their footprints are tested."""
    return np.full(len(bounds), UNSURE)
