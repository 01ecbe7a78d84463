"""Bounds in another coordinate system."""

from __future__ import annotations

import math
from typing import Any, Tuple

from planet_vector.errors import RasterAccessError

Bounds = Tuple[float, float, float, float]


def warped_bounds(source: Any, target: Any, bounds: Bounds, densify: int = 21) -> Bounds:
    """Return the bounds in `target` of bounds in `source`.

    Parameters
    ----------
    source, target : rasterio.crs.CRS or str
        The coordinate systems.
    bounds : tuple of float
        West, south, east, north.
    densify : int
        Positions that are set on each edge.

    Raises
    ------
    RasterAccessError
        If a part of them has no place in `target`.
    """
    # Imported late: few programs that import this package warp.
    from rasterio.warp import transform_bounds

    from planet_vector.pixels.errors import RASTER_ERRORS

    try:
        west, south, east, north = transform_bounds(source, target, *bounds, densify_pts=densify)
    except RASTER_ERRORS:  # GDAL's own are none of rasterio's
        west = south = east = north = math.inf
    if not all(map(math.isfinite, (west, south, east, north))):
        told = ", ".join(f"{side:g}" for side in bounds)
        raise RasterAccessError(
            f"The bounds {told} in {_named(source)} reach beyond what {_named(target)} can show: take another crs."
        )
    return west, south, east, north


def _named(crs: Any) -> str:
    return crs if isinstance(crs, str) else str(crs.to_string())
