"""Quad grid of basemaps in web mercator (EPSG:3857), numbered from the south-west corner.

A quad has 4096 x 4096 pixels, which at level 15 are as large as those of zoom 15 of a web map with 256-pixel tiles.
So level 15 has 2048 quads around the equator. ``L15-0763E-0959N`` is column 763 from the west and row 959 from the
south, both counted from 0.
"""

from __future__ import annotations

import re
from typing import Iterator, NamedTuple, Optional, Tuple

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from planet_vector.geometry.web_mercator import HALF_WORLD, RADIUS, TILE, to_degrees

QUAD_SIZE = 4096
_TILES = QUAD_SIZE // TILE
_ROUNDING = 0.001  # pixels: smaller overlaps with a quad draw nothing and may be rounding errors
_ID = re.compile(r"L(\d\d)-(\d{4,6})E-(\d{4,6})N", re.ASCII)

Bounds = Tuple[float, float, float, float]


class Quad(NamedTuple):
    """Quad of the grid; columns count from the west, rows from the south, both from 0."""

    level: int
    column: int
    row: int

    @property
    def id(self) -> str:
        """Id of the quad, such as ``L15-0763E-0959N``."""
        return f"L{self.level:02d}-{self.column:04d}E-{self.row:04d}N"

    @property
    def bounds(self) -> Bounds:
        """Bounds (west, south, east, north) in metres of web mercator."""
        side = quad_side(self.level)
        west, south = self.column * side - HALF_WORLD, self.row * side - HALF_WORLD
        return west, south, west + side, south + side

    @property
    def lonlat(self) -> Bounds:
        """Bounds (west, south, east, north) in degrees."""
        west, south, east, north = self.bounds
        return (*to_degrees(west, south), *to_degrees(east, north))

    @classmethod
    def parse(cls, text: str) -> Optional[Quad]:
        """Return the quad with an id, or None if the id is invalid or outside the grid.

        Parameters
        ----------
        text : str
            Id in its canonical form, such as ``L15-0763E-0959N``.
        """
        match = _ID.fullmatch(text)
        if match is None:
            return None
        quad = cls(*(int(part) for part in match.groups()))
        return quad if max(quad.column, quad.row) < quads_around(quad.level) and quad.id == text else None


def quads_around(level: int) -> int:
    """Return the number of quads in a row of a level.

    Parameters
    ----------
    level : int
        Level of the grid, which equals the zoom of a web map with the same pixel size.
    """
    return max(1, (1 << level) // _TILES)


def quad_side(level: int) -> float:
    """Return the side length of a quad in metres of web mercator.

    Parameters
    ----------
    level : int
        Level of the grid.
    """
    return 2 * HALF_WORLD / quads_around(level)


def resolution(level: int) -> float:
    """Return the side length of a pixel in metres of web mercator.

    Parameters
    ----------
    level : int
        Level of the grid.
    """
    return quad_side(level) / QUAD_SIZE


def tile_bounds(z: int, x: int, y: int) -> Bounds:
    """Return the bounds (west, south, east, north) of a web map tile in metres of web mercator.

    Parameters
    ----------
    z : int
        Zoom.
    x : int
        Column, counted from the west.
    y : int
        Row, counted from the north.
    """
    side = 2 * HALF_WORLD / 2**z
    west, north = x * side - HALF_WORLD, HALF_WORLD - y * side
    return west, north - side, west + side, north


def to_mercator(geometry: BaseGeometry) -> BaseGeometry:
    """Project a geometry to web mercator (Snyder 1987, equations 7-1 and 7-2, on a sphere).

    Parameters
    ----------
    geometry : shapely geometry
        Geometry in degrees, longitude before latitude. Latitudes are clipped to ±85.051129°.

    Returns
    -------
    shapely geometry
        Geometry in metres of web mercator.
    """

    def forward(positions: np.ndarray) -> np.ndarray:
        # The square of web mercator ends at 85.05°.
        latitude = np.radians(np.clip(positions[:, 1], -85.051129, 85.051129))
        y = np.log(np.tan(np.pi / 4 + latitude / 2)) * RADIUS
        return np.column_stack([positions[:, 0] / 180 * HALF_WORLD, y])

    return shapely.transform(geometry, forward)


def quads_at_most(footprint: BaseGeometry, level: int) -> int:
    """Return the number of quads in the bounding boxes of a footprint's parts, an upper bound for `quads_of`.

    Parameters
    ----------
    footprint : shapely geometry
        Footprint in metres of web mercator.
    level : int
        Level of the grid.
    """
    return sum(
        len(columns) * len(rows) for columns, rows in (_frame(part, level) for part in shapely.get_parts(footprint))
    )


def quads_of(footprint: BaseGeometry, level: int) -> Iterator[Quad]:
    """Yield the quads that overlap a footprint.

    Overlaps narrower than 0.001 pixels are ignored. A quad may be yielded once for each part of the footprint.

    Parameters
    ----------
    footprint : shapely geometry
        Footprint in metres of web mercator.
    level : int
        Level of the grid.
    """
    margin = _ROUNDING * resolution(level)
    for part in shapely.get_parts(footprint):
        columns, rows = _frame(part, level)
        shapely.prepare(part)
        for column in columns:
            for row in rows:
                quad = Quad(level, column, row)
                xmin, ymin, xmax, ymax = quad.bounds
                inside = shapely.box(xmin + margin, ymin + margin, xmax - margin, ymax - margin)
                if part.intersection(inside).area > 0:
                    yield quad


def _frame(part: BaseGeometry, level: int) -> Tuple[range, range]:
    """Return the columns and rows of the quads in the bounding box of a geometry."""
    side, last = quad_side(level), quads_around(level) - 1
    west, south, east, north = ((value + HALF_WORLD) / side for value in part.bounds)
    return (
        range(max(0, int(west)), min(last, int(east)) + 1),
        range(max(0, int(south)), min(last, int(north)) + 1),
    )
