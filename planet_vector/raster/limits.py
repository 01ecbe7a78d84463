"""Bound what is read from the network, before memory is allocated."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Optional, Sequence, Tuple

from planet_vector.errors import RasterAccessError

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

MAX_BLOCK = 256 * 2**20
"""Most bytes of one decoded block, which GDAL decodes whole. A one-row strip is some 20 kB, a tile 1 MB."""

MAX_READ = 4 * 2**30
"""Most bytes of one decoded read. The largest product, a Landsat panchromatic band, has 0.5 GB."""

MAX_RATIO = 1400
"""Most decoded bytes per byte of the file. Deflate reaches at most 1032, LZW 1365 (4096 bytes per 12-bit code)."""

MAX_FILE = 8 * 2**30
"""Most bytes of a file that is fetched whole. A Landsat scene with all its bands has about 1 GB."""


def check_header(dataset: DatasetReader, name: str, size: Optional[int]) -> None:
    """Check that the header of a file stays within the bounds of a product.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        The file, open.
    name : str
        Name used in error messages.
    size : int or None
        Size of the file in bytes, if known.

    Raises
    ------
    RasterAccessError
        If a block is larger than `MAX_BLOCK`, or the declared pixels cannot fit into the file.
    """
    together = dataset.count if dataset.interleaving is not None and dataset.interleaving.value == "PIXEL" else 1
    for (rows, columns), dtype in zip(dataset.block_shapes, dataset.dtypes):
        block = rows * columns * _itemsize(dtype) * together
        if block > MAX_BLOCK:
            raise RasterAccessError(f"{name} has blocks of {block:,} bytes, which no product has: it is not read.")
    raw = dataset.width * dataset.height * sum(_itemsize(dtype) for dtype in dataset.dtypes)
    # A file of nodata alone may be sparse; a small raster is harmless in any case.
    if size is not None and raw > max(MAX_READ, MAX_RATIO * size):
        raise RasterAccessError(
            f"{name} declares {raw:,} bytes of pixels in a file of {size:,}, which is impossible: it is not read."
        )


def check_read(
    dataset: DatasetReader,
    name: str,
    indexes: Any = None,
    out: Any = None,
    window: Any = None,
    out_shape: Optional[Sequence[int]] = None,
    boundless: bool = False,
    dtype: Any = None,
    masked: bool = False,
) -> None:
    """Check that a read takes at most `MAX_READ` bytes.

    Counts the arrays that rasterio allocates: the pixels, unless the caller passes `out`, and the mask. With
    `out_shape` they have that shape, whatever the size of the window.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        The file, open.
    name : str
        Name used in error messages.
    indexes, out, window, out_shape, boundless
        Arguments of `rasterio.io.DatasetReader.read`, which raises its own errors for invalid ones.
    dtype : str or numpy.dtype, optional
        Data type of the result; by default that of the bands.
    masked : bool
        Whether a mask is read as well.

    Raises
    ------
    RasterAccessError
        If it takes more.
    """
    bands = dataset.indexes if indexes is None else [indexes] if isinstance(indexes, int) else list(indexes)
    if out is not None:
        shape = getattr(out, "shape", ())
    elif out_shape is not None:
        shape = (len(bands), *out_shape) if len(out_shape) == 2 else tuple(out_shape)
    else:
        shape = (len(bands), *_window_shape(dataset, window, boundless))
    dtypes = [dataset.dtypes[band - 1] for band in bands if band in dataset.indexes] if dtype is None else [dtype]
    pixel = 0 if out is not None else max(map(_decoded_size, dtypes), default=0)
    values = math.prod(int(length) for length in shape)  # int(), as numpy's integers overflow
    wanted = values * (pixel + masked)
    if masked and wanted > MAX_READ and not (boundless and window) and _all_valid(dataset):
        wanted -= values  # rasterio allocates no mask
    if wanted > MAX_READ:
        raise RasterAccessError(
            f"Reading this much of {name} takes {wanted:,} bytes, more than {MAX_READ:,}: "
            "take a smaller window, or a smaller out_shape."
        )


def _window_shape(dataset: DatasetReader, window: Any, boundless: bool) -> Tuple[int, int]:
    """Return the rows and columns of a window, computed as in `rasterio.io.DatasetReader.read`."""
    from rasterio.windows import Window

    if not window:
        return dataset.height, dataset.width
    if isinstance(window, tuple):
        window = Window.from_slices(*window, height=dataset.height, width=dataset.width, boundless=boundless)
    if not boundless:
        window = window.crop(dataset.height, dataset.width)
    window = window.round_lengths()
    return int(window.height), int(window.width)


def _all_valid(dataset: DatasetReader) -> bool:
    """Return whether no band has a mask: neither nodata nor alpha."""
    from rasterio.enums import MaskFlags

    return all(MaskFlags.all_valid in flags for flags in dataset.mask_flag_enums)


def _decoded_size(dtype: Any) -> int:
    """Return the bytes of a value in the arrays of rasterio."""
    import numpy

    # numpy has no complex integers: rasterio reads them as complex64.
    return 8 if dtype == "complex_int16" else numpy.dtype(dtype).itemsize


def _itemsize(dtype: str) -> int:
    import numpy

    # The one type of GDAL that numpy lacks: two 16-bit integers.
    return 4 if dtype == "complex_int16" else numpy.dtype(dtype).itemsize
