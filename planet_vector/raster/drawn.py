"""Project an area in degrees to the coordinate system of a raster."""

from __future__ import annotations

from typing import Any, List

import shapely

from planet_vector.errors import RasterAccessError
from planet_vector.geometry.boxes import Bounds
from planet_vector.geometry.ground import merged
from planet_vector.raster.warping import turn_of, turns, warped_shape

_MOST = 1000  # vertices: where edges follow grid lines, searching for the largest inner rectangle takes their square
_BESIDE = "The scenes do not reach into the area of the search: leave it out, or give bounds."
_STEP = 0.01  # degrees, a kilometre: an edge this short deviates by at most 2 cm in a metric coordinate system


def drawn_in(parts: Any, crs: Any) -> List[Any]:
    """Return polygons in a coordinate system, with edges that are straight in degrees densified to follow their curves.

    Parameters
    ----------
    parts : sequence of shapely.Polygon
        Longitude and latitude in degrees; longitudes may exceed ±180.
    crs : rasterio.crs.CRS
        The coordinate system.

    Returns
    -------
    list of shapely.Polygon
        Polygons in that coordinate system.

    Raises
    ------
    RasterAccessError
        If a part of them cannot be projected.
    """
    if crs.is_geographic:  # edges straight in degrees stay straight
        return [warped_shape(part, crs) for part in parts]
    found = []
    for part in parts:
        length = shapely.length(part)
        step = max(min(length / 400, _STEP), length / _MOST, 1e-9)
        found.append(warped_shape(shapely.segmentize(part, step), crs))
    return found


def bounds_in(area: Any, crs: Any) -> Bounds:
    """Return the bounding box of an area's polygons in a coordinate system.

    Parameters
    ----------
    area : shapely.Geometry
        Longitude and latitude in degrees.
    crs : rasterio.crs.CRS
        The coordinate system.

    Returns
    -------
    Bounds
        West, south, east, north in units of that system.

    Raises
    ------
    RasterAccessError
        If a part of the area cannot be projected.
    """
    west, south, east, north = shapely.total_bounds(drawn_in(merged(area), crs)).tolist()
    return west, south, east, north


def cut_to(bounds: Bounds, area: Any, crs: Any) -> Bounds:
    """Return the part of some bounds that lies within the bounding box of an area's polygons.

    Parameters
    ----------
    bounds : Bounds
        West, south, east, north in units of `crs`.
    area : shapely.Geometry
        Longitude and latitude in degrees.
    crs : rasterio.crs.CRS
        The coordinate system.

    Returns
    -------
    Bounds
        West, south, east, north in units of `crs`.

    Raises
    ------
    RasterAccessError
        If no part does.
    """
    if area.is_empty:
        raise RasterAccessError(_BESIDE)
    west, south, east, north = bounds_in(area, crs)
    for by in turns((west, east), (bounds[0], bounds[2]), turn_of(crs)):
        low = max(bounds[0], west + by), max(bounds[1], south)
        high = min(bounds[2], east + by), min(bounds[3], north)
        if low[0] < high[0] and low[1] < high[1]:
            return (*low, *high)
    raise RasterAccessError(_BESIDE)
