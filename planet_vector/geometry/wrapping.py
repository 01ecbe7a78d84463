"""Shapely geometries brought within ±180°, and the bounds of their parts on both sides of the antimeridian.

Input longitudes are continuous: 181 means -179, and no edge goes the short way. For GeoJSON, where edges of more than
180° go the short way, use `planet_vector.geometry.antimeridian`.
"""

from __future__ import annotations

import math
from typing import Any, Iterator, List, Sequence, Union

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from planet_vector.geometry.boxes import Bounds
from planet_vector.geometry.shapes import polygons_of

Geometries = Union[BaseGeometry, Sequence[BaseGeometry], np.ndarray]


def footprint_of(geometry: Any) -> BaseGeometry:
    """Return a GeoJSON Polygon or MultiPolygon as a shapely geometry within ±180°.

    Parameters
    ----------
    geometry : object
        A GeoJSON geometry.

    Raises
    ------
    ValueError
        If it is not a footprint: see `planet_vector.geometry.shapes.polygons_of`.
    """
    parts = [Polygon(rings[0], rings[1:]) for rings in polygons_of(geometry)]
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)


def flatten(geometries: Geometries) -> np.ndarray:
    """Return the points, lines and polygons of geometries.

    Parameters
    ----------
    geometries : shapely geometry or sequence
        Geometries, which may be collections.
    """
    parts = np.atleast_1d(np.asarray(geometries, dtype=object))
    while (shapely.get_type_id(parts) > shapely.GeometryType.POLYGON).any():
        parts = shapely.get_parts(parts)
    return parts


def wrapped(geometries: Geometries) -> np.ndarray:
    """Return the points, lines and polygons of valid geometries within ±180°, cut at the antimeridian.

    Points at ±180°, and parts of lines along it, are added on both sides. The edge of a polygon and the end of a line
    remain on their own side.

    Parameters
    ----------
    geometries : shapely geometry or sequence
        Valid geometries with continuous longitudes, in degrees.
    """
    parts = flatten(geometries)
    return np.concatenate([np.array([], dtype=object), *_turns(parts[~shapely.is_empty(parts)])])


def _turns(parts: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the pieces of parts in each turn of the globe, moved within ±180°."""
    if not len(parts):
        return
    dimensions = shapely.get_dimensions(parts)
    west, _, east, _ = shapely.bounds(parts).T
    # A turn includes both its ends.
    for turn in range(math.ceil((west.min() + 180) / 360) - 1, math.floor((east.max() + 180) / 360) + 1):
        middle = 360.0 * turn
        here = (west <= middle + 180) & (east >= middle - 180)
        band = shapely.box(middle - 180, -90.0, middle + 180, 90.0)
        cut, origins = shapely.get_parts(shapely.intersection(parts[here], band), return_index=True)
        cut = cut[(shapely.get_dimensions(cut) == dimensions[here][origins]) & ~shapely.is_empty(cut)]
        yield shapely.transform(cut, lambda p, middle=middle: p - [middle, 0.0])


def sides(geometry: BaseGeometry) -> List[Bounds]:
    """Return the bounds of the parts on each side of the antimeridian; one box if the geometry is at most 180° wide.

    Parameters
    ----------
    geometry : shapely geometry
        Within ±180°, cut at the antimeridian.

    Returns
    -------
    list of (west, south, east, north)
        One or two boxes: west, south, east, north, in degrees.
    """
    bounds = shapely.bounds(shapely.get_parts(geometry))
    west, south, east, north = (float(value) for value in shapely.bounds(geometry))
    if len(bounds) == 1 or east - west <= 180:
        return [(west, south, east, north)]
    is_west = bounds[:, 0] + bounds[:, 2] < 0
    halves = [half for half in (bounds[is_west], bounds[~is_west]) if len(half)]
    return [(float(h[:, 0].min()), float(h[:, 1].min()), float(h[:, 2].max()), float(h[:, 3].max())) for h in halves]
