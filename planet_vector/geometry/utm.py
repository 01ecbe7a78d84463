"""Longitude and latitude to UTM and back on the WGS 84 ellipsoid, with the standard library only.

Krüger's series in the third flattening, as given by C. F. F. Karney ("Transverse Mercator with an accuracy of a few
nanometers", Journal of Geodesy 85, 2011, equations 7 to 36), to the fourth order: exact to less than a micrometre
within 1000 km of the central meridian.
"""

from __future__ import annotations

import math
from typing import Tuple

from planet_vector.geometry.antimeridian import wrapped_longitude

_A = 6378137.0  # metres; the semi-major axis of WGS 84
_F = 1 / 298.257223563
_E = math.sqrt(_F * (2 - _F))
_N = _F / (2 - _F)
_SCALE = 0.9996  # UTM's scale along the central meridian
_EAST, _SOUTH = 500_000.0, 10_000_000.0  # metres; UTM's false easting, and false northing of the southern hemisphere
_RADIUS = _SCALE * _A / (1 + _N) * (1 + _N**2 / 4 + _N**4 / 64)
_ALPHA = (
    _N / 2 - 2 * _N**2 / 3 + 5 * _N**3 / 16 + 41 * _N**4 / 180,
    13 * _N**2 / 48 - 3 * _N**3 / 5 + 557 * _N**4 / 1440,
    61 * _N**3 / 240 - 103 * _N**4 / 140,
    49561 * _N**4 / 161280,
)
_BETA = (
    _N / 2 - 2 * _N**2 / 3 + 37 * _N**3 / 96 - _N**4 / 360,
    _N**2 / 48 + _N**3 / 15 - 437 * _N**4 / 1440,
    17 * _N**3 / 480 - 37 * _N**4 / 840,
    4397 * _N**4 / 161280,
)


def zone_of(longitude: float, latitude: float) -> int:
    """Return the EPSG code of the UTM zone of a place, by its longitude only (no exceptions for Norway).

    Parameters
    ----------
    longitude, latitude : float
        The place in degrees.
    """
    zone = int((longitude + 180) % 360 // 6) + 1
    return (32600 if latitude >= 0 else 32700) + zone


def is_utm(epsg: int) -> bool:
    """Return whether an EPSG code denotes UTM on WGS 84.

    Parameters
    ----------
    epsg : int
        The code.
    """
    return 1 <= epsg - 32600 <= 60 or 1 <= epsg - 32700 <= 60


def forward(epsg: int, longitude: float, latitude: float) -> Tuple[float, float]:
    """Return easting and northing of a place in metres.

    Parameters
    ----------
    epsg : int
        The EPSG code of a UTM zone.
    longitude, latitude : float
        The place in degrees.
    """
    turn = math.radians(wrapped_longitude(longitude - meridian(epsg)))
    tangent = _conformal(math.tan(math.radians(latitude)))
    xi = math.atan2(tangent, math.cos(turn))
    eta = math.asinh(math.sin(turn) / math.hypot(tangent, math.cos(turn)))
    x, y = eta, xi
    for order, alpha in enumerate(_ALPHA, 1):
        y += alpha * math.sin(2 * order * xi) * math.cosh(2 * order * eta)
        x += alpha * math.cos(2 * order * xi) * math.sinh(2 * order * eta)
    return _EAST + _RADIUS * x, _RADIUS * y + (_SOUTH if epsg > 32700 else 0.0)


def inverse(epsg: int, easting: float, northing: float) -> Tuple[float, float]:
    """Return longitude and latitude of a place in degrees, the longitude within ±180.

    Parameters
    ----------
    epsg : int
        The EPSG code of a UTM zone.
    easting, northing : float
        The place in metres.
    """
    eta, xi = (easting - _EAST) / _RADIUS, (northing - (_SOUTH if epsg > 32700 else 0.0)) / _RADIUS
    x, y = eta, xi
    for order, beta in enumerate(_BETA, 1):
        y -= beta * math.sin(2 * order * xi) * math.cosh(2 * order * eta)
        x -= beta * math.cos(2 * order * xi) * math.sinh(2 * order * eta)
    wanted = math.sin(y) / math.hypot(math.sinh(x), math.cos(y))
    tangent = wanted / (1 - _E**2)
    for _ in range(5):  # Newton's method; Karney: two steps suffice
        here = _conformal(tangent)
        slope = math.hypot(1, here) * (1 - _E**2) * math.hypot(1, tangent) / (1 + (1 - _E**2) * tangent**2)
        tangent += (wanted - here) / slope
    longitude = meridian(epsg) + math.degrees(math.atan2(math.sinh(x), math.cos(y)))
    return wrapped_longitude(longitude), math.degrees(math.atan(tangent))


def meridian(epsg: int) -> float:
    """Return the central meridian of a zone in degrees.

    Parameters
    ----------
    epsg : int
        The EPSG code of a UTM zone.
    """
    return 6.0 * (epsg % 100) - 183.0


def _conformal(tangent: float) -> float:
    """Return the tangent of the conformal latitude from that of the geographic one (Karney's equations 7 to 9)."""
    sigma = math.sinh(_E * math.atanh(_E * tangent / math.hypot(1, tangent)))
    return tangent * math.hypot(1, sigma) - sigma * math.hypot(1, tangent)
