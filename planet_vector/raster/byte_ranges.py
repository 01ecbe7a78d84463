"""Which bytes of a GeoTIFF GDAL will read for a window, so that they can be fetched together and before it asks.

GDAL reads block after block, and over the network waits for each. What it reads is foreseen here from its own rules;
what is foreseen wrongly is asked for when GDAL does, and no pixel depends on it.
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
"""Blocks that are looked up for one read, each in some 2 µs."""

_EPSILON = 1e-10  # as in GDALRasterBand::IRasterIO
_COARSER = 1.2  # GDAL takes an overview that is this much coarser than what is asked for (rasterio.cpp)
_REACH = 4  # pixels, of those read, that the widest kernel takes in around a window


class ReadWindow(NamedTuple):
    """Window of a file that is read, as the arguments of `rasterio.io.DatasetReader.read` give it."""

    indexes: Any
    window: Any
    shape: Optional[Sequence[int]]
    resampling: Resampling

    def within(self, dataset: DatasetReader) -> Optional[Tuple[List[int], Window, Tuple[int, int]]]:
        """Return bands, window, and rows and columns of the result; None where rasterio will refuse them."""
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
    """Return the bytes that hold the blocks which a read takes.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        The file, open.
    level : callable
        Returns the file opened at an overview, counted from 0.
    part : ReadWindow
        What is read.
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
    """Return the bytes that hold the blocks of some bands which are read for a window; see `ReadWindow.within`."""
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
                if offset and size:  # others were never written
                    ranges.append((int(offset), int(offset) + int(size)))
    return ranges


def _overview(dataset: DatasetReader, window: Window, shape: Tuple[int, int]) -> Optional[int]:
    """Return the overview that GDAL reads: the coarsest that is not much coarser than the result."""
    wanted = min(window.width / shape[1], window.height / shape[0]) * _COARSER
    fitting = [(factor, number) for number, factor in enumerate(dataset.overviews(1)) if 1 < factor < wanted]
    return max(fitting)[1] if fitting else None


def _blocks(first: float, length: float, count: int, size: int, block: int, resampling: Resampling) -> List[int]:
    """Return the numbers of the blocks along one side that a read takes."""
    step = length / count
    if resampling == Resampling.nearest or abs(step - 1) < _EPSILON:
        picked: Iterable[int] = (int(first + (number + 0.5) * step + _EPSILON) for number in range(count))
        found: Set[int] = {min(max(place, 0), size - 1) // block for place in picked}
        return sorted(found)
    reach = _REACH * max(1.0, step)
    begin, end = max(0, math.floor(first - reach)), min(size, math.ceil(first + length + reach))
    return list(range(begin // block, -(-end // block)))
