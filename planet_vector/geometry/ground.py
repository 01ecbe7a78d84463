"""Ground in longitude and latitude: the area somebody asks for, how large it is, and how much of it is covered.

Areas are in square metres on the WGS 84 ellipsoid, by the cylindrical equal-area projection (Snyder, Map Projections: A
Working Manual, 1987, equations 3-12 and 10-14 to 10-16), edges straight there; edges that are straight in degrees
differ from those, for footprints of scenes, by less than a millionth of the area.
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
"""Degrees, a millimetre: positions are the same that are closer, and ground that is narrower than ten is none."""

_EQUATOR = 6378137.0  # metres; the semi-major axis of WGS 84
_WKT = re.compile(r"\s*(?:SRID=\d+;)?\s*[A-Za-z]+\s*(?:(?:ZM?|M)\s*)?(?:\(|EMPTY)", re.IGNORECASE)
_TAKES = "it takes WKT, GeoJSON or a shape, and what is in a file is to be read first"
_E = 0.0818191908426215  # its eccentricity


def area_of(geometry: Any) -> Any:
    """Return the area of a geometry in degrees, or of an array of them, in square metres on the ellipsoid."""
    return shapely.area(shapely.transform(geometry, _equal_area))


def area_asked_for(area: Any) -> Any:
    """Return an area that somebody asks for as a valid shapely geometry within ±180°.

    Parameters
    ----------
    area : shapely geometry, Box, mapping or str
        In longitude and latitude, degrees; a geometry, Feature or FeatureCollection of GeoJSON as a mapping, as text or
        as something with ``__geo_interface__``; or WKT. What crosses the antimeridian is read as
        `planet_vector.geometry.areas` says.

    Returns
    -------
    shapely geometry
        A MultiPolygon; where there is no ground, only points and lines, those.

    Raises
    ------
    QueryError
        If it is none of these, or empty.
    """
    parts = [part for geometry in _geometries(area) for part in _parts(geometry) if not part.is_empty]
    if not parts:
        raise QueryError("The area holds no place: it takes a polygon in longitude and latitude.")
    valid = shapely.union_all(shapely.make_valid(parts))
    ground = shapely.get_parts(polygons(valid))
    wide = ground[~is_narrow(ground)]
    if len(wide):
        return shapely.MultiPolygon(list(wide))
    return shapely.union_all(
        [shapely.boundary(part) if part.geom_type == "Polygon" else part for part in _parts(valid)]
    )


def area_searched(scenes: Any) -> Any:
    """Return the area of a search; None where it has none, and of scenes that are no search."""
    return getattr(getattr(scenes, "query", None), "area", None)


def holds_ground(asked: Any) -> bool:
    """Tell whether what `area_asked_for` gave is more than points and lines."""
    return bool(asked.geom_type == "MultiPolygon")


def polygons(geometry: Any) -> Any:
    """Return the polygons of a geometry as a MultiPolygon; points and lines are no ground."""
    parts = [part for part in _parts(geometry) if part.geom_type == "Polygon" and not part.is_empty]
    return shapely.MultiPolygon(parts)


def shares_of(area: Any, footprints: Any) -> List[float]:
    """Return which share of an area each footprint covers, from 0 to 1: 1 where only a rim of 10 `GRID` is missing."""
    total = float(area_of(area))
    shares = []
    for missing in shapely.difference(area, footprints, grid_size=GRID):
        parts = shapely.get_parts(missing)
        lacking = float(area_of(parts[~is_narrow(parts)]).sum())
        shares.append(min(1.0, max(0.0, 1.0 - lacking / total)))
    return shares


def percent(share: float) -> str:
    """Write a share as a percentage; only the whole is 100 %, and only nothing is 0 %."""
    if 0 < share < 0.001:
        return "less than 0.1 %"
    return f"{100 * share if share == 1 else min(100 * share, 99.9):.1f} %"


def is_narrow(polygons: Any) -> Any:
    """Tell of polygons whether they are so narrow that they are made by rounding."""
    return 2 * shapely.area(polygons) <= 10 * GRID * shapely.length(polygons)


def merged(geometry: Any) -> List[Any]:
    """Return the polygons of a geometry, those on both sides of the antimeridian as one."""
    west, _, east, _ = geometry.bounds
    parts = list(_parts(geometry))
    if east - west > 180:
        parts = [shapely.transform(p, lambda xy: xy + [360, 0]) if p.bounds[2] <= 0 else p for p in parts]
    return [part for part in shapely.get_parts(shapely.union_all(parts)) if part.geom_type == "Polygon"]


def _geometries(area: Any) -> List[Any]:
    """Return the geometries of an area within ±180°, as searches read it."""
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
            raise ValueError(f"{shown(area)} is none: {_TAKES}")
        return [shapely.from_wkt(area.partition(";")[2] or area)]
    document = json.loads(area) if isinstance(area, str) else getattr(area, "__geo_interface__", area)
    if not isinstance(document, Mapping):
        raise ValueError(f"a {type(area).__name__} is none: {_TAKES}")
    return [shapely.geometry.shape(geometry) for geometry in _of_geojson(document)]


def _of_geojson(document: Mapping[str, Any]) -> List[Mapping[str, Any]]:
    kind = document.get("type")
    if not isinstance(kind, str):
        raise ValueError("it is no GeoJSON")
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
