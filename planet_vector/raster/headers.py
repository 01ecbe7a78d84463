"""Read the header of an open file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planet_vector.pixels.header import RasterHeader
from planet_vector.workers import Workers

if TYPE_CHECKING:
    from rasterio.io import DatasetReader


def header_of(dataset: DatasetReader) -> RasterHeader:
    """Return the header of an open dataset of rasterio.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        The open file.
    """
    # Use a separate thread: rasterio 1.5 raises an error that an earlier read has left in this one.
    with Workers(1) as thread:
        return thread.submit(RasterHeader.of, dataset).result()
