"""Grid of cells that classifies boxes as inside an area, outside it, or possibly cut by its outline.

Footprints are small compared with a continent. Nearly all of them lie in cells that the area covers, or in cells that
it does not touch, so only those along the outline are tested one by one. The grid is refined along the outline only.
"""

from __future__ import annotations

import math
from typing import Optional

import numpy as np
import shapely

from planet_vector.server.index.searched_area import Area
from planet_vector.server.patience import Patience

OUTSIDE, INSIDE, UNSURE = 0, 1, 2

_MOST_CELLS = 2**18
_COARSEST, _FINEST = 8.0, 1 / 16  # degrees; powers of two, so that sides of cells are exact


class AreaCells:
    """Grid of cells that classifies boxes by their position relative to an area.

    Parameters
    ----------
    area : Area
        The area.
    patience : Patience, optional
        Time limit and cancellation, checked between chunks of the work.
    """

    def __init__(self, area: Area, patience: Optional[Patience] = None) -> None:
        self._geometry = area.geometry
        self._at_once = area.at_once
        west, south, east, north = shapely.bounds(self._geometry).tolist()
        wanted = math.sqrt((east - west) * (north - south) / _MOST_CELLS)
        size = 2.0 ** math.ceil(math.log2(max(wanted, _FINEST)))
        self._west = math.floor(west / _COARSEST) * _COARSEST
        self._south = math.floor(south / _COARSEST) * _COARSEST
        columns = math.floor((east - self._west) / _COARSEST) + 1
        rows = math.floor((north - self._south) / _COARSEST) + 1
        state = np.full((rows, columns), UNSURE, dtype=np.int8)
        self._size = _COARSEST
        self._test(state, patience)
        while self._size > size:
            self._size /= 2
            state = state.repeat(2, 0).repeat(2, 1)
            self._test(state, patience)
        # A border of cells outside the area represents everything beyond the grid.
        state = np.pad(state, 1, constant_values=OUTSIDE)
        self._shape = state.shape
        self._inside = _sums(state == INSIDE)
        self._outside = _sums(state == OUTSIDE)

    def sort(self, bounds: np.ndarray) -> np.ndarray:
        """Classify boxes by the cells that they overlap.

        Parameters
        ----------
        bounds : np.ndarray, shape (n, 4)
            Boxes in degrees: west, south, east, north.

        Returns
        -------
        np.ndarray of int8, shape (n,)
            `INSIDE` if all cells of a box are covered by the area, `OUTSIDE` if the area touches none of them, else
            `UNSURE`.
        """
        rows, columns = self._shape
        left = self._places(bounds[:, 0], self._west, columns)
        below = self._places(bounds[:, 1], self._south, rows)
        right = self._places(bounds[:, 2], self._west, columns) + 1
        above = self._places(bounds[:, 3], self._south, rows) + 1
        cells = (right - left) * (above - below)
        found = np.full(len(bounds), UNSURE, dtype=np.int8)
        for sums, kind in ((self._inside, INSIDE), (self._outside, OUTSIDE)):
            count = sums[above, right] - sums[below, right] - sums[above, left] + sums[below, left]
            found[count == cells] = kind
        return found

    def _places(self, values: np.ndarray, origin: float, most: int) -> np.ndarray:
        """Return the cell indices of longitudes or latitudes, clipped to the grid and its border."""
        places: np.ndarray = np.floor((values - origin) / self._size) + 1
        return np.asarray(np.clip(places, 0, most - 1), dtype=np.intp)

    def _test(self, state: np.ndarray, patience: Optional[Patience]) -> None:
        """Classify the `UNSURE` cells of a grid; those on the outline stay `UNSURE`."""
        rows, columns = np.nonzero(state == UNSURE)
        for start in range(0, len(rows), self._at_once):
            if patience is not None:
                patience.check()
            row, column = rows[start : start + self._at_once], columns[start : start + self._at_once]
            west, south = self._west + column * self._size, self._south + row * self._size
            cells = shapely.box(west, south, west + self._size, south + self._size)
            kinds = np.where(shapely.intersects(self._geometry, cells), UNSURE, OUTSIDE).astype(np.int8)
            kinds[shapely.covers(self._geometry, cells)] = INSIDE
            state[row, column] = kinds


def _sums(cells: np.ndarray) -> np.ndarray:
    """Return the summed-area table of a grid: the sums of all rectangles that begin at the origin."""
    sums = np.zeros((cells.shape[0] + 1, cells.shape[1] + 1), dtype=np.int32)
    np.cumsum(np.cumsum(cells, axis=0, dtype=np.int32), axis=1, out=sums[1:, 1:])
    return sums
