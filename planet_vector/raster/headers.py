"""The header of an open file, read as products are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planet_vector.pixels.header import RasterHeader
from planet_vector.workers import Workers

if TYPE_CHECKING:
    from rasterio.io import DatasetReader


def header_of(dataset: DatasetReader) -> RasterHeader:
    """Return what the header of an open dataset of rasterio says."""
    # In a thread of its own: rasterio 1.5 takes an error that an earlier read has left in this one for a new one.
    with Workers(1) as thread:
        return thread.submit(RasterHeader.of, dataset).result()
