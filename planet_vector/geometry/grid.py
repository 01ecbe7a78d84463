"""North-up grids of pixels, with the standard library only."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Iterable, Tuple

from planet_vector.geometry.boxes import Bounds
from planet_vector.geometry.shapes import Position


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
