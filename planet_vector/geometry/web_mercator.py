"""Web mercator (EPSG:3857), the projection of web maps, with the standard library only."""

from __future__ import annotations

import math
from typing import Tuple

RADIUS = 6378137.0
"""Radius in metres of web mercator's sphere, the semi-major axis of WGS 84 (EPSG 7.4.1, 1024)."""

HALF_WORLD = math.pi * RADIUS
"""Half the width of the projected globe in metres."""

MOST_LATITUDE = 85.0
"""Latitude in degrees up to which web maps are used here; their square ends at 85.0511°."""

TILE = 256
"""Width of a tile of a web map in pixels."""


def to_mercator(longitude: float, latitude: float) -> Tuple[float, float]:
    """Return easting and northing of a place in metres (Snyder 1987, equations 7-1 and 7-2).

    Parameters
    ----------
    longitude, latitude : float
        The place in degrees, not a pole.
    """
    return longitude / 180 * HALF_WORLD, RADIUS * math.log(math.tan(math.pi / 4 + math.radians(latitude) / 2))


def to_degrees(x: float, y: float) -> Tuple[float, float]:
    """Return longitude and latitude of a place in degrees (Snyder 1987, equations 7-4 and 7-5, on a sphere).

    Parameters
    ----------
    x, y : float
        Easting and northing in metres.
    """
    return x / HALF_WORLD * 180, math.degrees(2 * math.atan(math.exp(y / RADIUS)) - math.pi / 2)
