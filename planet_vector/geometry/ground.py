"""Areas of interest in longitude and latitude: parsing, size and coverage.

Areas are in square metres on the WGS 84 ellipsoid, computed in the cylindrical equal-area projection (Snyder, Map
Projections: A Working Manual, 1987, equations 3-12 and 10-14 to 10-16) with straight edges there. Edges that are
straight in degrees change the area of a scene's footprint by less than a millionth.
"""

from __future__ import annotations

import json
import re
from typing import Any, List, Mapping, Optional

import numpy as np
import shapely
import shapely.geometry

from planet_vector.errors import QueryError
from planet_vector.geometry.areas import Within
from planet_vector.geometry.boxes import Box
from planet_vector.names import shown

GRID = 1e-8
"""Tolerance in degrees, a millimetre: closer positions are equal, and ground narrower than ten times this is discarded.
"""

_EQUATOR = 6378137.0  # metres; the semi-major axis of WGS 84
_WKT = re.compile(r"\s*(?:SRID=\d+;)?\s*[A-Za-z]+\s*(?:(?:ZM?|M)\s*)?(?:\(|EMPTY)", re.IGNORECASE)
_TAKES = "give WKT, GeoJSON or a shape, and read the content of a file first"
_E = 0.0818191908426215  # the eccentricity of WGS 84


def area_of(geometry: Any) -> Any:
    """Return the area of a geometry, or of an array of geometries, in square metres on the ellipsoid.

    Parameters
    ----------
    geometry : object
        Shapely geometries in longitude and latitude, degrees.
    """
    return shapely.area(shapely.transform(geometry, _equal_area))


def area_asked_for(area: Any) -> Any:
    """Return an area of interest as a valid shapely geometry within ±180°.

    Parameters
    ----------
    area : shapely geometry, Box, mapping or str
        In longitude and latitude, degrees; a geometry, Feature or FeatureCollection of GeoJSON as a mapping, as text or
        as an object with ``__geo_interface__``; or WKT. `planet_vector.geometry.areas` defines how it may cross the
        antimeridian.

    Returns
    -------
    shapely geometry
        A MultiPolygon; points and lines if there are no polygons.

    Raises
    ------
    QueryError
        If it is none of these, or empty.
    """
    parts = [part for geometry in _geometries(area) for part in _parts(geometry) if not part.is_empty]
    if not parts:
        raise QueryError("The area is empty: give a polygon in longitude and latitude.")
    valid = shapely.union_all(shapely.make_valid(parts))
    ground = shapely.get_parts(polygons(valid))
    wide = ground[~is_narrow(ground)]
    if len(wide):
        return shapely.MultiPolygon(list(wide))
    return shapely.union_all(
        [shapely.boundary(part) if part.geom_type == "Polygon" else part for part in _parts(valid)]
    )


def area_searched(scenes: Any) -> Any:
    """Return the area of a search; None if it has no area, or the scenes are not a search.

    Parameters
    ----------
    scenes : object
        A search, or other scenes.
    """
    return getattr(getattr(scenes, "query", None), "area", None)


def holds_ground(asked: Any) -> bool:
    """Return whether an area has polygons, not just points and lines.

    Parameters
    ----------
    asked : object
        A result of `area_asked_for`.
    """
    return bool(asked.geom_type == "MultiPolygon")


def polygons(geometry: Any) -> Any:
    """Return the polygons of a geometry as a MultiPolygon; points and lines are dropped.

    Parameters
    ----------
    geometry : shapely geometry
        The geometry.
    """
    parts = [part for part in _parts(geometry) if part.geom_type == "Polygon" and not part.is_empty]
    return shapely.MultiPolygon(parts)


def shares_of(area: Any, footprints: Any) -> List[float]:
    """Return the share of an area that each footprint covers; 1 if only a rim of 10 `GRID` is missing.

    Parameters
    ----------
    area : shapely geometry
        A valid polygon or MultiPolygon in degrees.
    footprints : array of shapely geometry
        Valid footprints in degrees.

    Returns
    -------
    list of float
        From 0 to 1.
    """
    total = float(area_of(area))
    shares = []
    for missing in shapely.difference(area, footprints, grid_size=GRID):
        parts = shapely.get_parts(missing)
        lacking = float(area_of(parts[~is_narrow(parts)]).sum())
        shares.append(min(1.0, max(0.0, 1.0 - lacking / total)))
    return shares


def percent(share: float) -> str:
    """Format a share as a percentage; only 1 is "100.0 %", and only 0 is "0.0 %".

    Parameters
    ----------
    share : float
    From 0 to 1.

    Returns
    -------
    str
        Such as "12.3 %".
    """
    if 0 < share < 0.001:
        return "less than 0.1 %"
    return f"{100 * share if share == 1 else min(100 * share, 99.9):.1f} %"


def is_narrow(polygons: Any) -> Any:
    """Return which polygons are so narrow that they are rounding artefacts.

    Parameters
    ----------
    polygons : object
    Shapely polygons in degrees.

    Returns
    -------
    array of bool
        True for each narrow polygon.
    """
    return 2 * shapely.area(polygons) <= 10 * GRID * shapely.length(polygons)


def merged(geometry: Any) -> List[Any]:
    """Return the polygons of a geometry, with those that touch across the antimeridian merged.

    Parameters
    ----------
    geometry : shapely geometry
        In degrees, within ±180°.

    Returns
    -------
    list of shapely geometry
        Polygons; longitudes beyond 180° if they cross the antimeridian.
    """
    west, _, east, _ = geometry.bounds
    parts = list(_parts(geometry))
    if east - west > 180:
        parts = [shapely.transform(p, lambda xy: xy + [360, 0]) if p.bounds[2] <= 0 else p for p in parts]
    return [part for part in shapely.get_parts(shapely.union_all(parts)) if part.geom_type == "Polygon"]


def _geometries(area: Any) -> List[Any]:
    """Return the geometries of an area within ±180°, interpreted as in searches."""
    try:
        read = [area] if isinstance(area, shapely.Geometry) else _read(area)
        positions = shapely.get_coordinates(read)
        if not np.isfinite(positions).all() or (np.abs(positions) > (540, 90)).any():
            raise ValueError("positions are longitude and latitude, in this order and in degrees")
        within = [Within().of(shapely.geometry.mapping(geometry)) for geometry in read if not geometry.is_empty]
        return [shapely.geometry.shape(geometry) for geometry in within]
    except (shapely.errors.ShapelyError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise QueryError(f"The area cannot be read: {' '.join(str(error).split())[:200].rstrip('.')}.") from None


def _read(area: Any) -> List[Any]:
    if isinstance(area, Box):
        return [shapely.from_wkt(area.wkt())]
    if isinstance(area, str) and not area.lstrip().startswith("{"):
        if not _WKT.match(area):
            raise ValueError(f"{shown(area)} is not an area: {_TAKES}")
        return [shapely.from_wkt(area.partition(";")[2] or area)]
    document = json.loads(area) if isinstance(area, str) else getattr(area, "__geo_interface__", area)
    if not isinstance(document, Mapping):
        raise ValueError(f"a value of type {type(area).__name__} is not an area: {_TAKES}")
    return [shapely.geometry.shape(geometry) for geometry in _of_geojson(document)]


def _of_geojson(document: Mapping[str, Any]) -> List[Mapping[str, Any]]:
    kind = document.get("type")
    if not isinstance(kind, str):
        raise ValueError("it is not GeoJSON")
    if kind == "FeatureCollection":
        return [geometry for feature in document["features"] for geometry in _of_geojson(feature)]
    geometry: Optional[Mapping[str, Any]] = document["geometry"] if kind == "Feature" else document
    return [] if geometry is None else [geometry]


def _parts(geometry: Any) -> Any:
    parts = shapely.get_parts([shapely.force_2d(geometry)])
    while any(part.geom_type.startswith(("Multi", "GeometryC")) for part in parts):
        parts = shapely.get_parts(parts)
    return parts


def _equal_area(positions: Any) -> Any:
    """Project longitude and latitude to the cylindrical equal-area plane, metres."""
    sine = np.sin(np.radians(positions[:, 1]))
    q = (1 - _E**2) * (sine / (1 - (_E * sine) ** 2) + np.arctanh(_E * sine) / _E)
    return np.column_stack([np.radians(positions[:, 0]) * _EQUATOR, q * _EQUATOR / 2])
