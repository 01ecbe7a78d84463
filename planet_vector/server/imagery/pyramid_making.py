"""Make pyramids of rasters (see `planet_vector.server.imagery.pyramids`), in worker processes.

They contain what `planet_vector.server.imagery.reading` reads, so that pictures made from them equal those made from
the file: means of the valid pixels, or single pixels of palette rasters.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Iterator, Optional, Tuple

import numpy as np

from planet_vector.server.imagery.pyramid_writing import PyramidWriter
from planet_vector.server.imagery.pyramids import Limits
from planet_vector.server.imagery.reading import Raster, Source, open_source
from planet_vector.server.imagery.sampling import where_known
from planet_vector.server.imagery.surveys import RasterSurvey, is_large, percentiles, shrink_of, stretch

HALF = 2.0
"""Decimation factor of the largest level; finer pictures are made from the file itself."""

MOST_KEPT = 64 * 10**6
"""Maximum bytes, uncompressed, of the largest level of a pyramid that the service makes on its own."""

_FINE = 4  # largest factor of a file's first overview that makes a pyramid unnecessary: finer pictures need few rows
_AT_ONCE = 96 * 10**6  # bytes of values held in memory; a larger file is read in chunks


def shrink_for(raster: Raster, most: Optional[int] = None) -> float:
    """Return the decimation factor of the largest level of a file's pyramid.

    Parameters
    ----------
    raster : Raster
        The file.
    most : int, optional
        Maximum bytes of the largest level, uncompressed.
    """
    bounded = 1.0 if most is None else math.sqrt(raster.width * raster.height * _bands(raster) / most)
    return max(min(HALF, shrink_of(raster)), bounded)


def needs_pyramid(raster: Raster) -> bool:
    """Return whether a pyramid makes pictures of a file cheaper: it is large, and has no fine overviews.

    Parameters
    ----------
    raster : Raster
        The file.
    """
    return is_large(raster) and min(raster.overviews, default=math.inf) > _FINE


def make_pyramid(source: Source, target: Path, most: Optional[int] = None) -> bool:
    """Write the pyramid of a file.

    Parameters
    ----------
    source : Source
        The file.
    target : Path
        The pyramid to write; complete once this function returns.
    most : int, optional
        Maximum bytes of its largest level, uncompressed.

    Returns
    -------
    bool
        False if no pyramid is needed, and nothing was written.

    Raises
    ------
    HttpError
        If the file cannot be read, or not within the limits; 503, if the pyramid cannot be written.
    """
    with open_source(source) as raster:
        if not needs_pyramid(raster):
            return False
        shrink = shrink_for(raster, most)
        height, width = max(1, round(raster.height / shrink)), max(1, round(raster.width / shrink))
        whole: Optional[Tuple[np.ndarray, np.ndarray]] = None
        factor = raster.width / width, raster.height / height
        rows = _rows_at_once(raster, shrink)
        if rows:
            factor, height = (factor[0], HALF), -(-raster.height // 2)
        else:
            whole = raster.read((0, 0, raster.width, raster.height), (height, width))
        limits = [] if raster.in_bytes else _limits(raster, whole)
        nearest = raster.palette is not None
        with PyramidWriter(target, (_bands(raster), height, width), factor, limits, nearest) as writer:
            for values, mask in _pieces(raster, rows, width) if whole is None else iter([whole]):
                known = mask & where_known(values)
                if values.dtype.kind == "f":  # chunks may differ in whether they contain NaN
                    known = np.broadcast_to(known, values.shape)
                writer.add(values if raster.in_bytes else stretch(values, mask, limits), known)
    return True


def _bands(raster: Raster) -> int:
    return 3 if raster.palette is not None else len(raster.bands)


def _rows_at_once(raster: Raster, shrink: float) -> int:
    """Return the number of rows of a file to read at once, or 0 for all of them."""
    row = raster.width * _bands(raster) * raster.dtype.itemsize / shrink**2
    block = raster.block_rows
    if row * raster.height <= _AT_ONCE or block is None or shrink != HALF:
        return 0
    # No block is decoded twice, and no pixel of the pyramid lies in two chunks.
    step = block * (1 + block % 2)
    return max(1, int(_AT_ONCE / row) // step) * step


def _pieces(raster: Raster, rows: int, columns: int) -> Iterator[Tuple[np.ndarray, np.ndarray]]:
    even = raster.height // 2 * 2
    for top in range(0, even, rows):
        bottom = min(top + rows, even)
        yield raster.read((0, top, raster.width, bottom), ((bottom - top) // 2, columns))
    if even < raster.height:  # a single last row
        yield raster.read((0, even, raster.width, raster.height), (1, columns))


def _limits(raster: Raster, values: Optional[Tuple[np.ndarray, np.ndarray]]) -> Limits:
    """Return the values between which bands are stretched: those of the survey if it exists, so that tiles match."""
    try:
        kept = RasterSurvey(raster.source.survey).limits
    except FileNotFoundError:
        kept = None
    if kept is not None:
        return kept
    if values is None:
        shrink = shrink_of(raster)
        shape = max(1, round(raster.height / shrink)), max(1, round(raster.width / shrink))
        values = raster.read((0, 0, raster.width, raster.height), shape)
    return percentiles(*values)
