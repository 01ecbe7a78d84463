"""What places a raster that has no transform, in the words of errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rasterio.io import DatasetReader


def placed_by_points(dataset: DatasetReader) -> bool:
    """Tell whether a raster has ground control points, and no transform."""
    return bool(dataset.transform.is_identity and dataset.gcps[0])


def unplaced_because(dataset: DatasetReader) -> str:
    """Return why it is unknown where the pixels of a raster without points lie, for a sentence that begins with it.

    It may have been put through rational polynomials (RPC), which take the height of the ground to be of use.
    """
    if dataset.transform.is_identity and dataset.rpcs:
        return "is placed by rational polynomials alone (RPC; 'gdalwarp -rpc' brings it to a map)"
    return "does not say where it lies"
