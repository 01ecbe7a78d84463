"""The header of an open file, read as products are."""

from __future__ import annotations

from typing import Any

from planet_vector.pixels.header import RasterHeader
from planet_vector.workers import Workers


def header_of(dataset: Any) -> RasterHeader:
    """Return what the header of an open dataset of rasterio says."""
    # In a thread of its own: rasterio 1.5 takes an error that an earlier read has left in this one for a new one.
    with Workers(1) as thread:
        return thread.submit(RasterHeader.of, dataset).result()
