"""Grids of whole pixels in or around an area in UTM, with the standard library and numpy alone."""

from __future__ import annotations

import math
from typing import List, Optional, Sequence

from planet_vector.errors import QueryError
from planet_vector.geometry import utm
from planet_vector.geometry.boxes import Bounds
from planet_vector.geometry.grid import GridSpec, inward, outward
from planet_vector.geometry.shapes import Polygon, Position
from planet_vector.stacks.rectangle_search import largest_rectangle_within

MAX_BEND = 0.01
"""How far an edge that is straight in degrees may lie from its projected polyline, in pixels."""


def common_grid(
    polygons: Sequence[Polygon],
    pixel: float,
    origin: Position = (0.0, 0.0),
    epsg: Optional[int] = None,
    tolerance: float = 1e-3,
) -> GridSpec:
    """Return the largest grid of whole pixels inside the ground that scenes share.

    Parameters
    ----------
    polygons : sequence of polygons
        The ground: of each polygon an outer ring and holes, of (longitude, latitude) in degrees. No rectangle crosses
        an edge that two polygons share: merge them, if need be with longitudes beyond 180.
    pixel : float
        Width and height of a pixel, metres.
    origin : (float, float)
        Easting and northing of any pixel corner, metres: the grid is aligned with it.
    epsg : int, optional
        The EPSG code of the UTM zone; by default that of the ground's middle.
    tolerance : float
        The share of the largest area that the rectangle may lack before it is reduced to whole pixels.

    Raises
    ------
    QueryError
        If not one pixel lies inside, or `epsg` is not a UTM zone.
    """
    epsg = _zone(polygons, pixel, epsg)
    rings = [[projected(ring, epsg, pixel * MAX_BEND) for ring in polygon] for polygon in polygons]
    corners = largest_rectangle_within(rings, tolerance=tolerance)
    if not corners:
        raise QueryError("There is no ground to lay a grid on.")
    (west, south), (east, north) = corners[0], corners[2]
    return snapped((west, south, east, north), pixel, origin, epsg)


def grid_around(
    polygons: Sequence[Polygon], pixel: float, origin: Position = (0.0, 0.0), epsg: Optional[int] = None
) -> GridSpec:
    """Return the smallest grid of whole pixels that contains an area.

    Parameters
    ----------
    polygons, pixel, origin, epsg
        As for `common_grid`.

    Raises
    ------
    QueryError
        If the area is empty, or `epsg` is not a UTM zone.
    """
    epsg = _zone(polygons, pixel, epsg)
    positions = [position for rings in polygons for position in projected(rings[0], epsg, pixel * MAX_BEND)]
    columns = [(x - origin[0]) / pixel for x, _ in positions]
    rows = [(origin[1] - y) / pixel for _, y in positions]
    return GridSpec.between(epsg, (pixel, pixel), origin, outward(columns), outward(rows))


def snapped(bounds: Bounds, pixel: float, origin: Position, epsg: int) -> GridSpec:
    """Reduce a rectangle to the whole pixels inside it.

    Parameters
    ----------
    bounds : (west, south, east, north)
        The rectangle, metres.
    pixel : float
        Width and height of a pixel, metres.
    origin : (float, float)
        Easting and northing of any pixel corner, metres.
    epsg : int
        The EPSG code of the UTM zone.

    Returns
    -------
    GridSpec
        The grid.

    Raises
    ------
    QueryError
        If it contains no whole pixel.
    """
    columns = inward((bounds[0] - origin[0]) / pixel, (bounds[2] - origin[0]) / pixel)
    rows = inward((origin[1] - bounds[3]) / pixel, (origin[1] - bounds[1]) / pixel)
    if columns[1] <= columns[0] or rows[1] <= rows[0]:
        raise QueryError(f"The ground contains no whole pixel of {pixel:g} m: take scenes that share more.")
    return GridSpec.between(epsg, (pixel, pixel), origin, columns, rows)


def _zone(polygons: Sequence[Polygon], pixel: float, epsg: Optional[int]) -> int:
    """Return the UTM zone of polygons."""
    positions = [position for rings in polygons for position in rings[0]]
    if not positions or not pixel > 0:
        raise QueryError("There is no ground to lay a grid on.")
    if epsg is None:
        epsg = utm.zone_of(
            (min(x for x, _ in positions) + max(x for x, _ in positions)) / 2,
            (min(y for _, y in positions) + max(y for _, y in positions)) / 2,
        )
    if not utm.is_utm(epsg):
        raise QueryError(f"EPSG:{epsg} is no UTM zone on WGS 84: it takes 32601 to 32660 or 32701 to 32760.")
    return epsg


def projected(ring: Sequence[Position], epsg: int, bend: float) -> List[Position]:
    """Project a ring to UTM, with additional positions so that edges follow the straight lines in degrees.

    Parameters
    ----------
    ring : sequence of (longitude, latitude)
        Degrees.
    epsg : int
        The EPSG code of the UTM zone.
    bend : float
        The greatest deviation of an edge, metres.

    Returns
    -------
    list of (float, float)
        Easting and northing, metres.
    """
    found: List[Position] = []
    for a, b in zip(ring, [*ring[1:], ring[0]]):
        found.append(utm.forward(epsg, *a))
        found += _between(a, b, epsg, bend, 10)
    return found


def _between(a: Position, b: Position, epsg: int, bend: float, depth: int) -> List[Position]:
    middle = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
    (xa, ya), (x, y), (xb, yb) = (utm.forward(epsg, *position) for position in (a, middle, b))
    if not depth or math.hypot(x - (xa + xb) / 2, y - (ya + yb) / 2) <= bend:
        return []
    before, after = _between(a, middle, epsg, bend, depth - 1), _between(middle, b, epsg, bend, depth - 1)
    return [*before, (x, y), *after]
