"""Check the georeference of a raster without a transform, and describe it in error messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
