"""Web mercator (EPSG:3857): the square of a web map, with the standard library alone."""

from __future__ import annotations

import math
from typing import Tuple

RADIUS = 6378137.0
"""Metres: of the sphere that web mercator takes the Earth for, the semi-major axis of WGS 84 (EPSG 7.4.1, 1024)."""

HALF_WORLD = math.pi * RADIUS
"""Metres: half the side of the square that it draws the globe in."""

TILE = 256
"""Pixels a side, of a web map."""


def to_mercator(longitude: float, latitude: float) -> Tuple[float, float]:
    """Return the place in metres of a longitude and a latitude (degrees, no pole): Snyder 1987, equations 7-1, 7-2."""
    return longitude / 180 * HALF_WORLD, RADIUS * math.log(math.tan(math.pi / 4 + math.radians(latitude) / 2))


def to_degrees(x: float, y: float) -> Tuple[float, float]:
    """Return longitude and latitude of a place in metres (Snyder 1987, equations 7-4 and 7-5, on a sphere)."""
    return x / HALF_WORLD * 180, math.degrees(2 * math.atan(math.exp(y / RADIUS)) - math.pi / 2)
