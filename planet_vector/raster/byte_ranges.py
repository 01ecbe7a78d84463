"""Predict which bytes of a GeoTIFF GDAL will read for a window, so that they can be fetched together in advance.

GDAL reads block by block, and waits for the network each time. The blocks are predicted from GDAL's own rules. A
wrong prediction costs a request when GDAL reads that block, and changes no pixel.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Iterable, List, NamedTuple, Optional, Sequence, Set, Tuple

import numpy as np
from rasterio.enums import Interleaving, Resampling
from rasterio.errors import WindowError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from planet_vector.raster.spans import Range

MOST_BLOCKS = 100_000
"""Most blocks that are looked up for one read, each in some 2 µs."""

_EPSILON = 1e-10  # as in GDALRasterBand::IRasterIO
_COARSER = 1.2  # GDAL takes an overview up to this factor coarser than the requested resolution (rasterio.cpp)
_REACH = 4  # source pixels that the widest kernel reads around a window


class ReadWindow(NamedTuple):
    """Window of a file to read, as the arguments of `rasterio.io.DatasetReader.read` specify it."""

    indexes: Any
    window: Any
    shape: Optional[Sequence[int]]
    resampling: Resampling

    def within(self, dataset: DatasetReader) -> Optional[Tuple[List[int], Window, Tuple[int, int]]]:
        """Return bands, window, and rows and columns of the result, or None if rasterio will reject them.

        Parameters
        ----------
        dataset : rasterio.io.DatasetReader
            The open file.

        Returns
        -------
        tuple or None
            Bands, counted from 1; the window, cropped to the dataset; rows and columns of the result.
        """
        try:
            bands = [int(band) for band in np.atleast_1d(dataset.indexes if self.indexes is None else self.indexes)]
            window = self.window or Window(0, 0, dataset.width, dataset.height)
            if not isinstance(window, Window):
                window = Window.from_slices(*window, height=dataset.height, width=dataset.width)
            window = window.crop(dataset.height, dataset.width)
            whole = window.round_lengths()
            rows, columns = self.shape[-2:] if self.shape is not None else (whole.height, whole.width)
        except (TypeError, ValueError, WindowError):
            return None
        fits = set(bands) <= set(dataset.indexes) and min(rows, columns, whole.height, whole.width) >= 1
        return (bands, window, (int(rows), int(columns))) if bands and fits else None


def ranges_of(dataset: DatasetReader, level: Callable[[int], Any], part: ReadWindow) -> List[Range]:
    """Return the byte ranges of the blocks that a read needs.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        The file, open.
    level : callable
        Returns the file opened at an overview, counted from 0.
    part : ReadWindow
        What to read.

    Returns
    -------
    list of (int, int)
        First byte of each block, and the one after its last.
    """
    found = part.within(dataset)
    return [] if found is None else ranges_of_blocks(dataset, level, *found, part.resampling)


def ranges_of_blocks(
    dataset: DatasetReader,
    level: Callable[[int], Any],
    bands: Sequence[int],
    window: Window,
    shape: Tuple[int, int],
    resampling: Resampling,
) -> List[Range]:
    """Return the byte ranges of the blocks of some bands that a window needs; see `ReadWindow.within`.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        The open file.
    level : callable
        Returns the file opened at an overview, counted from 0.
    bands : sequence of int
        Bands, counted from 1.
    window : rasterio.windows.Window
        Window in pixels of the dataset.
    shape : (int, int)
        Rows and columns of the result.
    resampling : Resampling
        Resampling method of the read.

    Returns
    -------
    list of (int, int)
        First byte of each block, and the one after its last; empty if there are more than `MOST_BLOCKS` blocks.
    """
    overview = _overview(dataset, window, shape)
    if overview is not None:
        smaller = level(overview)
        across, down = smaller.width / dataset.width, smaller.height / dataset.height
        window = Window(window.col_off * across, window.row_off * down, window.width * across, window.height * down)
        dataset = smaller
    height, width = dataset.block_shapes[bands[0] - 1]
    rows = _blocks(window.row_off, window.height, shape[0], dataset.height, height, resampling)
    columns = _blocks(window.col_off, window.width, shape[1], dataset.width, width, resampling)
    if dataset.interleaving == Interleaving.pixel:
        bands = bands[:1]  # each block holds all bands
    if len(rows) * len(columns) * len(bands) > MOST_BLOCKS:
        return []
    ranges = []
    for band in bands:
        for row in rows:
            for column in columns:
                offset = dataset.get_tag_item(f"BLOCK_OFFSET_{column}_{row}", "TIFF", bidx=band)
                size = dataset.get_tag_item(f"BLOCK_SIZE_{column}_{row}", "TIFF", bidx=band)
                if offset and size:  # sparse blocks have none
                    ranges.append((int(offset), int(offset) + int(size)))
    return ranges


def _overview(dataset: DatasetReader, window: Window, shape: Tuple[int, int]) -> Optional[int]:
    """Return the overview that GDAL reads: the coarsest that is not much coarser than the result."""
    wanted = min(window.width / shape[1], window.height / shape[0]) * _COARSER
    fitting = [(factor, number) for number, factor in enumerate(dataset.overviews(1)) if 1 < factor < wanted]
    return max(fitting)[1] if fitting else None


def _blocks(first: float, length: float, count: int, size: int, block: int, resampling: Resampling) -> List[int]:
    """Return the numbers of the blocks along one axis that a read needs."""
    step = length / count
    if resampling == Resampling.nearest or abs(step - 1) < _EPSILON:
        picked: Iterable[int] = (int(first + (number + 0.5) * step + _EPSILON) for number in range(count))
        found: Set[int] = {min(max(place, 0), size - 1) // block for place in picked}
        return sorted(found)
    reach = _REACH * max(1.0, step)
    begin, end = max(0, math.floor(first - reach)), min(size, math.ceil(first + length + reach))
    return list(range(begin // block, -(-end // block)))
