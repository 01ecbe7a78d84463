"""What is read of a file from the network: bounds that are checked before memory is taken."""

from __future__ import annotations

from typing import Any, Optional, Sequence, Tuple

from planet_vector.errors import RasterAccessError

MAX_BLOCK = 256 * 2**20
"""Bytes of one decoded block. A one-row strip of a product is some 20 kB, a tile 1 MB; GDAL decodes blocks whole."""

MAX_READ = 4 * 2**30
"""Bytes of one decoded read. The largest product, a Landsat panchromatic band, has 0.5 GB."""

MAX_RATIO = 1400
"""Decoded bytes to a byte of the file. Deflate reaches 1032 and LZW 1365 (4096 bytes to a 12-bit code) at the most."""

MAX_FILE = 8 * 2**30
"""Bytes of a file fetched whole. A Landsat scene with all its bands has about 1 GB."""


def check_header(dataset: Any, name: str, size: Optional[int]) -> None:
    """Refuse a file whose header asks for what no product needs.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        The file, open.
    name : str
        What to call it in the error.
    size : int or None
        Bytes of the file, where known.

    Raises
    ------
    RasterAccessError
        When a block is larger than `MAX_BLOCK`, or the file claims to hold more than it can.
    """
    together = dataset.count if dataset.interleaving is not None and dataset.interleaving.value == "PIXEL" else 1
    for (rows, columns), dtype in zip(dataset.block_shapes, dataset.dtypes):
        block = rows * columns * _itemsize(dtype) * together
        if block > MAX_BLOCK:
            raise RasterAccessError(f"{name} has blocks of {block:,} bytes, which no product has: it is not read.")
    raw = dataset.width * dataset.height * sum(_itemsize(dtype) for dtype in dataset.dtypes)
    # A file of nothing but nodata may leave its blocks out: what is small in any case is of no concern.
    if size is not None and raw > max(MAX_READ, MAX_RATIO * size):
        raise RasterAccessError(
            f"{name} claims to hold {raw:,} bytes of pixels in a file of {size:,}, which cannot be: it is not read."
        )


def check_read(name: str, shape: Sequence[int], dtypes: Tuple[str, ...]) -> None:
    """Refuse a read that would take more than `MAX_READ` bytes.

    Parameters
    ----------
    name : str
        What to call the file in the error.
    shape : sequence of int
        Rows and columns to be read.
    dtypes : tuple of str
        The types of the bands to be read.

    Raises
    ------
    RasterAccessError
        When it is too large.
    """
    rows, columns = shape
    wanted = rows * columns * sum(_itemsize(dtype) for dtype in dtypes)
    if wanted > MAX_READ:
        raise RasterAccessError(
            f"Reading this much of {name} takes {wanted:,} bytes, more than {MAX_READ:,}: "
            "read it in windows, or with out_shape."
        )


def _itemsize(dtype: str) -> int:
    import numpy

    # The one type of GDAL that numpy has not: two 16-bit integers.
    return 4 if dtype == "complex_int16" else numpy.dtype(dtype).itemsize
