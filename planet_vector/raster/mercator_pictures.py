"""Draw pictures of products in web mercator, as web maps lay them over the ground."""

from __future__ import annotations

from typing import TYPE_CHECKING, Tuple

import numpy
from affine import Affine
from rasterio.io import MemoryFile
from rasterio.warp import Resampling, reproject

from planet_vector.geometry.boxes import Bounds
from planet_vector.geometry.web_mercator import to_degrees
from planet_vector.raster.pictures import picture_of, png
from planet_vector.raster.product import north_up
from planet_vector.raster.rasterio_warnings import unplaced
from planet_vector.raster.warping import warped_bounds

if TYPE_CHECKING:
    from rasterio.io import DatasetReader


def mercator_picture(dataset: DatasetReader, width: int = 512) -> Tuple[bytes, Bounds]:
    """Return a picture of an open product in web mercator.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        The product.
    width : int
        Most columns, and rows, of the picture.

    Returns
    -------
    bytes
        An RGBA image as PNG; transparent outside the product.
    (west, south, east, north)
        Its bounds in degrees; longitudes may exceed ±180.

    Raises
    ------
    RasterAccessError
        If the product has no transform, or reaches beyond web mercator.
    """
    grid = north_up(dataset)
    # GDAL warps the reduced picture: of twice the size, as its pixels are moved by up to half of one.
    with unplaced, MemoryFile(picture_of(dataset, width=2 * width)) as memory, memory.open() as reduced:
        source = reduced.read()
    west, south, east, north = warped_bounds(grid.crs, "EPSG:3857", grid.bounds)
    step = max(east - west, north - south) / width
    columns, rows = max(1, round((east - west) / step)), max(1, round((north - south) / step))
    target = numpy.zeros((4, rows, columns), "uint8")
    reproject(
        source,
        target,
        src_transform=Affine(*grid.resized(source.shape[2], source.shape[1]).transform),
        src_crs=grid.crs,
        dst_transform=Affine((east - west) / columns, 0, west, 0, (south - north) / rows, north),
        dst_crs="EPSG:3857",
        resampling=Resampling.nearest,
    )
    return png(target), (*to_degrees(west, south), *to_degrees(east, north))
