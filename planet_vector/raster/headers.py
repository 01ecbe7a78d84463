"""Read the header of an open file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Sequence

from planet_vector.assets import Asset, BandValues
from planet_vector.pixels.header import RasterHeader, value_of
from planet_vector.workers import Workers

if TYPE_CHECKING:
    from rasterio.io import DatasetReader


def header_of(dataset: DatasetReader) -> RasterHeader:
    """Return the header of an open dataset of rasterio, with the values that the service states where it has none.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        The open file.
    """
    # Use a separate thread: rasterio 1.5 raises an error that an earlier read has left in this one.
    with Workers(1) as thread:
        header = thread.submit(RasterHeader.of, dataset).result()
    asset = getattr(dataset, "asset", None)
    return with_values(header, asset.values if isinstance(asset, Asset) else ())


def with_values(header: RasterHeader, values: Sequence[BandValues]) -> RasterHeader:
    """Return a header with nodata, scales and offsets where the file has none.

    Nodata is not added to a file that marks missing data in another way.

    Parameters
    ----------
    header : RasterHeader
        Header of the file.
    values : sequence of BandValues
        Values of its bands; ignored if their number is not that of the bands, except that one holds for all.
    """
    if len(values) == 1:
        values = [values[0]] * len(header.bands)
    if len(values) != len(header.bands):
        return header
    unmarked = not header.masked and header.alpha is None and not any(nodata is not None for nodata in header.nodata)
    bands = []
    for band, stated in zip(header.bands, values):
        if unmarked and stated.nodata is not None:
            band = replace(band, nodata=value_of(stated.nodata, band.dtype))
        if (band.scale, band.offset) == (1, 0):
            band = replace(band, scale=stated.scale, offset=stated.offset)
        bands.append(band)
    return replace(header, bands=tuple(bands))
