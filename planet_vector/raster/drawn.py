"""An area in degrees, drawn in the coordinate system of a raster."""

from __future__ import annotations

from typing import Any, List

import shapely

from planet_vector.errors import RasterAccessError
from planet_vector.geometry.boxes import Bounds
from planet_vector.geometry.ground import merged
from planet_vector.raster.warping import turn_of, turns, warped_shape

_MOST = 1000  # positions: where edges lie along the grid's, a rectangle within takes the square of them
_BESIDE = "The scenes do not reach into the area of the search: leave it out, or give bounds."
_STEP = 0.01  # degrees, a kilometre: an edge so short bends by no more than 2 cm in a system of metres


def drawn_in(parts: Any, crs: Any) -> List[Any]:
    """Return polygons in a coordinate system, their edges, which are straight in degrees, bent as they are there.

    Parameters
    ----------
    parts : sequence of shapely.Polygon
        In longitude and latitude, which may go on beyond ±180.
    crs : rasterio.crs.CRS
        The coordinate system.

    Raises
    ------
    RasterAccessError
        When a part of them has no place there.
    """
    if crs.is_geographic:  # what is straight in degrees is so there
        return [warped_shape(part, crs) for part in parts]
    found = []
    for part in parts:
        length = shapely.length(part)
        step = max(min(length / 400, _STEP), length / _MOST, 1e-9)
        found.append(warped_shape(shapely.segmentize(part, step), crs))
    return found


def bounds_in(area: Any, crs: Any) -> Bounds:
    """Return the box around the polygons of an area in a coordinate system.

    Raises
    ------
    RasterAccessError
        When a part of them has no place there.
    """
    west, south, east, north = shapely.total_bounds(drawn_in(merged(area), crs)).tolist()
    return west, south, east, north


def cut_to(bounds: Bounds, area: Any, crs: Any) -> Bounds:
    """Return what of some bounds lies in the box around the polygons of an area.

    Raises
    ------
    RasterAccessError
        When nothing does.
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
