"""Find the blocks of a GeoTIFF that were written; all others are nodata or 0, and need no decoding."""

from __future__ import annotations

import math
from typing import Any, Iterator, Optional, Sequence, Tuple

import numpy as np
from rasterio.windows import Window

_MOST = 200_000  # blocks whose presence is checked, at 1 µs each


class WrittenBlocks:
    """Blocks of a part of a file, and which of them were written.

    Parameters
    ----------
    present : array of bool, shape (rows, columns)
        Which blocks were written.
    size : (int, int)
        Rows and columns of a block, in pixels.
    first : (int, int)
        Row and column of the first block, in blocks.
    sequential : bool
        Whether the file is a single strip, which is decoded from its start for any row.
    """

    def __init__(self, present: np.ndarray, size: Tuple[int, int], first: Tuple[int, int], sequential: bool) -> None:
        self._present = present
        self._size = size
        self._first = first
        self.sequential = sequential

    @classmethod
    def of(cls, layout: Any, bands: Sequence[int], window: Tuple[int, int, int, int]) -> Optional[WrittenBlocks]:
        """Look up the blocks of a window.

        Parameters
        ----------
        layout : rasterio.io.DatasetReader
            The file without its sidecars.
        bands : sequence of int
            A block counts as written if any of these bands is.
        window : (int, int, int, int)
            First column, first row, column after the last, row after the last.

        Returns
        -------
        WrittenBlocks or None
            None if all blocks were written, or there are too many to check, or no GeoTIFF.
        """
        if layout.driver != "GTiff":  # JPEG 2000 has no table of blocks: all of them are written
            return None
        height, width = layout.block_shapes[0]
        top, bottom = window[1] // height, -(-window[3] // height)
        left, right = window[0] // width, -(-window[2] // width)

        def there(column: int, row: int, band: int) -> bool:
            return layout.get_tag_item(f"BLOCK_OFFSET_{column}_{row}", "TIFF", bidx=band) is not None

        # GDAL reports the rows of a single strip as blocks, of which only the first has an offset.
        if height == 1 and layout.height > 1 and any(there(0, 0, b) and not there(0, 1, b) for b in bands):
            return cls(np.ones((1, 1), bool), (layout.height, layout.width), (0, 0), True)
        if (bottom - top) * (right - left) * len(bands) > _MOST:
            return None
        present = np.array(
            [[any(there(x, y, b) for b in bands) for x in range(left, right)] for y in range(top, bottom)]
        )
        return None if present.all() else cls(present, (height, width), (top, left), False)

    def any_in(self, part: Window) -> bool:
        """Return whether any block of a window was written.

        Parameters
        ----------
        part : Window
            A window within the one that was looked up, in pixels of the file.
        """
        (height, width), (top, left) = self._size, self._first
        rows = slice(int(part.row_off) // height - top, -(-math.ceil(part.row_off + part.height) // height) - top)
        columns = slice(int(part.col_off) // width - left, -(-math.ceil(part.col_off + part.width) // width) - left)
        return bool(self._present[rows, columns].any())

    def share(self, parts: Iterator[Window]) -> float:
        """Return the share of windows that contain any written block, from 0 to 1.

        Parameters
        ----------
        parts : iterator of Window
            Windows within the one that was looked up.
        """
        found = [self.any_in(part) for part in parts]
        return sum(found) / len(found)
