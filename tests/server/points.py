"""Control points of rasters that are straight, rotated, bent, or across the antimeridian."""

from __future__ import annotations

import math
from typing import Dict, List

import numpy as np
from rasterio.control import GroundControlPoint

WIDE, HIGH = 240, 200
"""Columns and rows of the rasters."""


def points_of(west: float, turn: float, bend: float, count: int) -> List[GroundControlPoint]:
    """Return control points, including the corners, of a raster that is rotated (in degrees) and bent."""
    random = np.random.default_rng(count)
    columns = np.concatenate([[0, WIDE, WIDE, 0], random.uniform(0, WIDE, count - 4)])
    rows = np.concatenate([[0, 0, HIGH, HIGH], random.uniform(0, HIGH, count - 4)])
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    x = west + 1e-3 * (cos * columns + sin * rows + bend * columns**2)
    y = -17 + 1e-3 * (sin * columns - cos * rows + bend * rows**2)
    x = (x + 180) % 360 - 180
    return [GroundControlPoint(*map(float, point)) for point in zip(rows, columns, x, y)]


BY_POINTS: Dict[str, List[GroundControlPoint]] = {
    "corners": points_of(12, 0, 0, 4),
    "turned": points_of(12, 30, 0, 5),
    "bent": points_of(12, 170, 3e-4, 12),
    "across": points_of(179.9, 10, 2e-4, 7),
}
