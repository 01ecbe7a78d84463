"""The pixels inside an area on a UTM grid, with the standard library and numpy alone."""

from __future__ import annotations

import math
from typing import Iterable, List, NamedTuple, Optional, Sequence, Tuple

from planet_vector.errors import QueryError
from planet_vector.geometry import utm
from planet_vector.geometry.shapes import Polygon, Position
from planet_vector.stacks.rectangle_search import largest_rectangle_within

MAX_BEND = 0.01
"""By how much of a pixel an edge, straight in degrees, may be off from where it is drawn on the grid."""


class Grid(NamedTuple):
    """Hold a raster's place: north up, square pixels.

    Attributes
    ----------
    epsg : int
        The coordinate system, UTM on WGS 84.
    west, north : float
        The upper left corner, metres.
    pixel : float
        Width and height of a pixel, metres.
    width, height : int
        Columns and rows.
    """

    epsg: int
    west: float
    north: float
    pixel: float
    width: int
    height: int

    @property
    def transform(self) -> Tuple[float, float, float, float, float, float]:
        """From column and row to easting and northing: a, b, c, d, e, f of an affine transform."""
        return (self.pixel, 0.0, self.west, 0.0, -self.pixel, self.north)

    @property
    def bounds(self) -> Tuple[float, float, float, float]:
        """West, south, east, north, in metres."""
        return (
            self.west,
            self.north - self.height * self.pixel,
            self.west + self.width * self.pixel,
            self.north,
        )

    @property
    def ring(self) -> List[Position]:
        """The four corners in longitude and latitude, anticlockwise from the lower left, closed."""
        west, south, east, north = self.bounds
        corners = [(west, south), (east, south), (east, north), (west, north), (west, south)]
        return [utm.inverse(self.epsg, x, y) for x, y in corners]


def common_grid(
    polygons: Sequence[Polygon],
    pixel: float,
    origin: Position = (0.0, 0.0),
    epsg: Optional[int] = None,
    tolerance: float = 1e-3,
) -> Grid:
    """Return the largest grid of whole pixels inside the ground that scenes share.

    Parameters
    ----------
    polygons : sequence of polygons
        The ground: each an outer ring and holes, of (longitude, latitude) in degrees. No rectangle reaches across an
        edge that two polygons have in common: merge them, with longitudes that run past 180 if need be.
    pixel : float
        The pixels' width and height, metres.
    origin : (float, float)
        Easting and northing of any corner of a pixel: the grid is aligned with it.
    epsg : int, optional
        The EPSG code of the UTM zone; by default that of the ground's middle.
    tolerance : float
        The share of the largest area that the rectangle may lack before it is drawn in to whole pixels.

    Raises
    ------
    QueryError
        When not one pixel lies inside, or `epsg` is no UTM zone.
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
) -> Grid:
    """Return the least grid of whole pixels that holds an area.

    Parameters
    ----------
    polygons, pixel, origin, epsg
        As `common_grid` takes them.

    Raises
    ------
    QueryError
        When there is no area, or `epsg` is no UTM zone.
    """
    epsg = _zone(polygons, pixel, epsg)
    positions = [position for rings in polygons for position in projected(rings[0], epsg, pixel * MAX_BEND)]
    columns = [(x - origin[0]) / pixel for x, _ in positions]
    rows = [(origin[1] - y) / pixel for _, y in positions]
    (first_column, last_column), (first_row, last_row) = outward(columns), outward(rows)
    west, north = origin[0] + first_column * pixel, origin[1] - first_row * pixel
    return Grid(epsg, west, north, pixel, last_column - first_column, last_row - first_row)


def outward(places: Iterable[float]) -> Tuple[int, int]:
    """Return the first and the last line of a grid around places, in pixels: one pixel apart at the least."""
    # A side that lies on a line of the grid stays there, whatever its last digits.
    rounded = [round(place, 6) for place in places]
    first = math.floor(min(rounded))
    return first, max(first + 1, math.ceil(max(rounded)))


def snapped(bounds: Tuple[float, float, float, float], pixel: float, origin: Position, epsg: int) -> Grid:
    """Draw a rectangle in to whole pixels.

    Raises
    ------
    QueryError
        When it holds none.
    """
    # A side that lies on a line of the grid stays there, whatever its last digits.
    first_column, last_column = _inward((bounds[0] - origin[0]) / pixel, (bounds[2] - origin[0]) / pixel)
    first_row, last_row = _inward((origin[1] - bounds[3]) / pixel, (origin[1] - bounds[1]) / pixel)
    if last_column <= first_column or last_row <= first_row:
        raise QueryError(f"The ground holds not one whole pixel of {pixel:g} m: take scenes that share more.")
    west, north = origin[0] + first_column * pixel, origin[1] - first_row * pixel
    return Grid(epsg, west, north, pixel, last_column - first_column, last_row - first_row)


def _inward(low: float, high: float) -> Tuple[int, int]:
    return math.ceil(round(low, 6)), math.floor(round(high, 6))


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
    """Project a ring, with as many positions on its edges as make them follow the straight lines in degrees.

    Parameters
    ----------
    ring : sequence of (longitude, latitude)
        Degrees.
    epsg : int
        The UTM zone.
    bend : float
        By how many metres an edge may be off.
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
