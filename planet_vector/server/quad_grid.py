"""The grid of a basemap: quads in web mercator, named from the bottom left.

A quad of level 15 holds 4096 pixels a side, each as large as one of zoom 15 of a web map of 256-pixel tiles, so
there are 2048 quads around the equator. ``L15-0763E-0959N`` is the 763rd from the west and the 959th from the south.
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
_ROUNDING = 0.001  # pixels: what reaches no farther into a quad draws nothing there, and may be rounding alone
_ID = re.compile(r"L(\d\d)-(\d{4,6})E-(\d{4,6})N", re.ASCII)

Bounds = Tuple[float, float, float, float]


class Quad(NamedTuple):
    """One quad of the grid: columns from the west, rows from the south."""

    level: int
    column: int
    row: int

    @property
    def id(self) -> str:
        """The name of the quad."""
        return f"L{self.level:02d}-{self.column:04d}E-{self.row:04d}N"

    @property
    def bounds(self) -> Bounds:
        """West, south, east, north in metres of web mercator."""
        side = quad_side(self.level)
        west, south = self.column * side - HALF_WORLD, self.row * side - HALF_WORLD
        return west, south, west + side, south + side

    @property
    def lonlat(self) -> Bounds:
        """West, south, east, north in degrees."""
        west, south, east, north = self.bounds
        return (*to_degrees(west, south), *to_degrees(east, north))

    @classmethod
    def parse(cls, text: str) -> Optional[Quad]:
        """Return the quad of an id, or None."""
        match = _ID.fullmatch(text)
        if match is None:
            return None
        quad = cls(*(int(part) for part in match.groups()))
        return quad if max(quad.column, quad.row) < quads_around(quad.level) and quad.id == text else None


def quads_around(level: int) -> int:
    """Return the number of quads in a row of a level."""
    return max(1, (1 << level) // _TILES)


def quad_side(level: int) -> float:
    """Return the side of a quad in metres of web mercator."""
    return 2 * HALF_WORLD / quads_around(level)


def resolution(level: int) -> float:
    """Return the side of a pixel in metres of web mercator."""
    return quad_side(level) / QUAD_SIZE


def tile_bounds(z: int, x: int, y: int) -> Bounds:
    """Return a web map's tile, its row counted from the top, in metres of web mercator."""
    side = 2 * HALF_WORLD / 2**z
    west, north = x * side - HALF_WORLD, HALF_WORLD - y * side
    return west, north - side, west + side, north


def to_mercator(geometry: BaseGeometry) -> BaseGeometry:
    """Bring a shape in degrees to web mercator (Snyder 1987, equations 7-1 and 7-2, on a sphere)."""

    def forward(positions: np.ndarray) -> np.ndarray:
        # Beyond 85.05° lies nothing of the square.
        latitude = np.radians(np.clip(positions[:, 1], -85.051129, 85.051129))
        y = np.log(np.tan(np.pi / 4 + latitude / 2)) * RADIUS
        return np.column_stack([positions[:, 0] / 180 * HALF_WORLD, y])

    return shapely.transform(geometry, forward)


def quads_at_most(footprint: BaseGeometry, level: int) -> int:
    """Return how many quads lie in the frames of the parts of a footprint in web mercator."""
    return sum(
        len(columns) * len(rows) for columns, rows in (_frame(part, level) for part in shapely.get_parts(footprint))
    )


def quads_of(footprint: BaseGeometry, level: int) -> Iterator[Quad]:
    """Yield the quads that share ground with a footprint in web mercator."""
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
    """Return the columns and rows of quads that the frame of a shape reaches into."""
    side, last = quad_side(level), quads_around(level) - 1
    west, south, east, north = ((value + HALF_WORLD) / side for value in part.bounds)
    return (
        range(max(0, int(west)), min(last, int(east)) + 1),
        range(max(0, int(south)), min(last, int(north)) + 1),
    )
