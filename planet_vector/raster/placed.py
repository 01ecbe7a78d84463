"""Check the georeference of a raster, and describe it in error messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planet_vector.errors import RasterAccessError
from planet_vector.geometry.grid import GridSpec

if TYPE_CHECKING:
    from rasterio.io import DatasetReader


def placed_by_points(dataset: DatasetReader) -> bool:
    """Return whether a raster has ground control points, and no transform.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        The open file.
    """
    return bool(dataset.transform.is_identity and dataset.gcps[0])


def unplaced_because(dataset: DatasetReader) -> str:
    """Return why a raster without control points has no georeference, as the rest of a sentence.

    It may have rational polynomials (RPC), which are of use only with the elevation of the ground.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        The open file.
    """
    if dataset.transform.is_identity and dataset.rpcs:
        return "is georeferenced by rational polynomials alone (RPC; 'gdalwarp -rpc' warps it to a map)"
    return "has no georeference"


def north_up(dataset: DatasetReader) -> GridSpec:
    """Return the grid of a raster, if its rows run from north to south and its columns from west to east.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        The open file.

    Raises
    ------
    RasterAccessError
        If it has another orientation, or no transform.
    """
    transform = dataset.transform
    if transform.b or transform.d or transform.a <= 0 or transform.e >= 0:
        title = getattr(dataset, "_title", dataset.name)  # names of products may contain a signature
        told = "is not north up"
        if placed_by_points(dataset):
            told = "is georeferenced by ground control points"
        elif transform.is_identity:
            told = unplaced_because(dataset)
        raise RasterAccessError(f"{title} {told}, so it cannot be combined with others: leave it out.")
    res = transform.a, -transform.e
    return GridSpec(dataset.crs, transform.c, transform.f, res, dataset.width, dataset.height)
