"""North-up grids of pixels, with the standard library only."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Iterable, List, Optional, Tuple

from planet_vector.geometry.boxes import Bounds
from planet_vector.geometry.shapes import Position

_Rectangle = Tuple[float, float, float, float]

_TIE = 1e-6  # of a pixel: a centre on an edge, except for rounding


@dataclass(frozen=True)
class GridSpec:
    """North-up grid of pixels in a coordinate system.

    Attributes
    ----------
    crs : rasterio.crs.CRS or int
        Coordinate system; a number is an EPSG code.
    west, north : float
        Upper left corner, in units of the coordinate system.
    res : (float, float)
        Width and height of a pixel, in the same units.
    width, height : int
        Columns and rows.
    """

    crs: Any
    west: float
    north: float
    res: Tuple[float, float]
    width: int
    height: int

    @classmethod
    def between(
        cls, crs: Any, res: Tuple[float, float], origin: Position, columns: Tuple[int, int], rows: Tuple[int, int]
    ) -> GridSpec:
        """Return the grid between lines, which are numbered from an origin eastward and southward.

        Parameters
        ----------
        crs, res
            As the attributes.
        origin : (float, float)
            Easting and northing, or longitude and latitude, of a corner of a pixel.
        columns, rows : (int, int)
            First and last line, as `outward` and `inward` return them.
        """
        west, north = origin[0] + columns[0] * res[0], origin[1] - rows[0] * res[1]
        return cls(crs, west, north, res, columns[1] - columns[0], rows[1] - rows[0])

    def resized(self, width: int, height: int) -> GridSpec:
        """Return a grid of the same bounds with another number of pixels.

        Parameters
        ----------
        width, height : int
            Columns and rows.
        """
        res = self.res[0] * (self.width / width), self.res[1] * (self.height / height)
        return replace(self, res=res, width=width, height=height)

    @property
    def shape(self) -> Tuple[int, int]:
        """Rows and columns."""
        return self.height, self.width

    @property
    def transform(self) -> Tuple[float, float, float, float, float, float]:
        """The affine transform from column and row to coordinates: a, b, c, d, e, f."""
        return self.res[0], 0.0, self.west, 0.0, -self.res[1], self.north

    @property
    def bounds(self) -> Bounds:
        """West, south, east, north, in units of the coordinate system."""
        return (
            self.west,
            self.north - self.height * self.res[1],
            self.west + self.width * self.res[0],
            self.north,
        )


def outward(places: Iterable[float]) -> Tuple[int, int]:
    """Return the first and the last line of a grid around coordinates; they are at least one pixel apart.

    Parameters
    ----------
    places : iterable of float
        Coordinates in pixels from the origin.
    """
    # Rounding keeps a side on a line of the grid despite floating-point errors.
    rounded = [round(place, 6) for place in places]
    first = math.floor(min(rounded))
    return first, max(first + 1, math.ceil(max(rounded)))


def inward(low: float, high: float) -> Tuple[int, int]:
    """Return the first and the last line of a grid within an interval; the first may be greater.

    Parameters
    ----------
    low, high : float
        Limits of the interval, in pixels from the origin.
    """
    # As in `outward`.
    return math.ceil(round(low, 6)), math.floor(round(high, 6))


def sampled(grid: GridSpec, source: GridSpec) -> Optional[Tuple[_Rectangle, _Rectangle]]:
    """Return which part of a raster fills which pixels of another grid: those whose centres it covers.

    GDAL would also fill the pixels that a source only touches.

    Parameters
    ----------
    grid : GridSpec
        The grid to fill.
    source : GridSpec
        The grid of the raster, in the same coordinate system.

    Returns
    -------
    (tuple of float, tuple of float) or None
        The part of the raster and its place on the grid, both as column, row, columns and rows; None if it covers no
        centre.
    """
    west, south, east, north = source.bounds
    taken: List[Tuple[float, float]] = []
    placed: List[Tuple[float, float]] = []
    for low, high, res, most, size in (
        (west - grid.west, east - grid.west, grid.res[0], grid.width, source.width),
        (grid.north - north, grid.north - south, grid.res[1], grid.height, source.height),
    ):
        first, end = (min(max(math.ceil(edge / res - 0.5 - _TIE), 0), most) for edge in (low, high))
        if first >= end:
            return None
        start, stop = ((at * res - low) / (high - low) * size for at in (first, end))
        taken.append((start, stop - start))
        placed.append((first, end - first))
    (columns, rows), (across, down) = taken, placed
    return (columns[0], rows[0], columns[1], rows[1]), (across[0], down[0], across[1], down[1])
