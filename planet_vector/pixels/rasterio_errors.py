"""List the exceptions of rasterio for a file or a coordinate system."""

from __future__ import annotations

from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError

RASTER_ERRORS = (RasterioError, CPLE_BaseError, OSError, ValueError, ArithmeticError)
"""Exceptions to catch. Errors of GDAL that rasterio does not turn into its own have no public base class."""
