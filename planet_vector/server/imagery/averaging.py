"""Means of the valid pixels over the cells of a coarser grid.

GDAL's averages consider only one of nodata, alpha and mask, and do not exclude NaN or infinity in addition.
"""

from __future__ import annotations

import math
from typing import List, NamedTuple, Tuple

import numpy as np

_ROUNDED = 9  # decimals of edges
_SMALLEST = 1e-6  # of a cell: a smaller overlap may be a rounding error


class CellEdges(NamedTuple):
    """Cells of a grid along one side of a part of a raster.

    Attributes
    ----------
    offset, length : float
        Start and length of the window to read, in pixels of the raster.
    pixels : int
        Number of pixels that the window is read as.
    edges : array of float, shape (cells + 1,)
        Edges of the cells, in the pixels that are read.
    """

    offset: float
    length: float
    pixels: int
    edges: np.ndarray


def cells(offset: float, length: float, number: int, size: int, factor: int) -> CellEdges:
    """Return the cells along one side of a part of a raster.

    Parameters
    ----------
    offset, length : float
        Start and length of the part, in pixels of the raster; a cell is at least one pixel long.
    number : int
        Number of cells.
    size : int
        Size of the raster along this side, in pixels.
    factor : int
        Decimation factor of the overview that is read. Cells are not shorter than a pixel of it.
    """
    cell = length / number
    whole = math.ceil(size / min(factor, cell))
    pixel = size / whole
    first = int(offset / pixel + _SMALLEST)
    last = min(whole, math.ceil((offset + length) / pixel - _SMALLEST))
    edges = np.round((offset + np.arange(number + 1) * cell) / pixel - first, _ROUNDED)
    return CellEdges(first * pixel, (last - first) * pixel, last - first, np.clip(edges, 0, last - first))


class Averages:
    """Means over the cells of a grid.

    Parameters
    ----------
    rows, columns : array of float
        Edges of the cells in pixels, at least one pixel apart. A pixel on an edge contributes to both cells.
    """

    def __init__(self, rows: np.ndarray, columns: np.ndarray) -> None:
        self._rows, self._columns = rows, columns
        self._areas = np.outer(np.diff(rows), np.diff(columns))
        self._cell = float(self._areas[0, 0])
        self._covered: List[Tuple[np.ndarray, np.ndarray]] = []

    def covered(self, known: np.ndarray) -> np.ndarray:
        """Return the share of each cell that valid pixels cover, from 0 to 1.

        The result is cached for the following bands, most of which share the same mask.

        Parameters
        ----------
        known : array of bool, shape (rows, columns)
            Which pixels are valid; cached by identity of the array.
        """
        for before, share in self._covered:
            if before is known:
                return share
        share = self._areas if known.all() else self._over_cells(known)
        share = share / self._cell
        self._covered.append((known, np.where(share > _SMALLEST, share, 0)))
        return self._covered[-1][1]

    def mean(self, values: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Return the means of the cells as float64; 0 if a cell has no valid pixel.

        Parameters
        ----------
        values : array, shape (rows, columns)
            Pixels.
        known : array of bool, shape (rows, columns)
            Which pixels are valid. The others may be NaN or infinite.
        """
        held = np.where(known, values, 0) if values.dtype.kind == "f" else values * known
        if values.dtype == np.float64:  # sums of large numbers may overflow
            held /= self._cell
        total = self._over_cells(held)
        covered = self.covered(known) * (1 if values.dtype == np.float64 else self._cell)
        return np.asarray(np.where(covered > 0, total / np.where(covered > 0, covered, 1), 0))

    def _over_cells(self, values: np.ndarray) -> np.ndarray:
        return _sums(_sums(values, self._rows), self._columns, axis=1)


def _sums(values: np.ndarray, edges: np.ndarray, axis: int = 0) -> np.ndarray:
    """Return sums between edges along an axis."""
    first, last = edges.astype(np.intp), values.shape[axis] - 1
    part = edges - first
    if axis == 0:
        # reduceat would cast row by row through small buffers; reduce takes a tenth of the time. Rows on an edge are
        # divided one by one, as arrays of all of them would take as long as the sums.
        sums = np.empty((len(first) - 1, values.shape[1]))
        for number, target in enumerate(sums):
            start, stop = first[number], first[number + 1]
            np.add.reduce(values[start:stop], axis=0, dtype="float64", out=target)
            if part[number]:
                target -= values[start].astype("float64") * part[number]
            if part[number + 1]:
                target += values[min(stop, last)].astype("float64") * part[number + 1]
        return sums
    sums = np.add.reduceat(values[:, : first[-1]], first[:-1], axis=1, dtype="float64")
    cut = values.take(np.minimum(first, last), axis=1) * part
    sums += cut[:, 1:] - cut[:, :-1]
    return np.asarray(sums)


def halved(colours: np.ndarray, known: np.ndarray, nearest: bool, number: int = 0) -> Tuple[np.ndarray, np.ndarray]:
    """Downsample a picture by a factor of 2: each four pixels become the mean of the valid ones, or one of them.

    Parameters
    ----------
    colours : array of uint8, shape (bands, rows, columns)
        The picture.
    known : array of bool, shape (bands or 1, rows, columns)
        Where each band is valid.
    nearest : bool
        Whether to pick a pixel instead of averaging.
    number : int
        How often the picture was halved before: the upper left and the lower right pixel are picked alternately.
        Picking always the same one would shift the picture by up to half a pixel.

    Returns
    -------
    colours : array of uint8, shape (bands, rows / 2, columns / 2)
        The smaller picture; odd sizes are rounded up.
    known : array of bool, shape (bands or 1, rows / 2, columns / 2)
        Where it is valid.
    """
    height, width = colours.shape[1:]
    if nearest:
        # At an odd end there is only the first of two pixels.
        rows = np.minimum(np.arange(number % 2, height + number % 2, 2), height - 1)
        columns = np.minimum(np.arange(number % 2, width + number % 2, 2), width - 1)
        return colours[:, rows[:, np.newaxis], columns], known[:, rows[:, np.newaxis], columns]
    padding = ((0, 0), (0, height % 2), (0, width % 2))
    weight = np.pad(known, padding).astype("uint16")
    held = np.pad(colours, padding) * weight
    parts = [(..., slice(j, None, 2), slice(i, None, 2)) for j in (0, 1) for i in (0, 1)]
    count = sum((weight[part] for part in parts), np.zeros(weight[:, ::2, ::2].shape, "uint16"))
    total = sum((held[part] for part in parts), np.zeros(held[:, ::2, ::2].shape, "uint16"))
    mean = (total + count // 2) // np.maximum(count, 1)
    return mean.astype("uint8"), count > 0
