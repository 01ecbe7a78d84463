"""Transform bounds and shapes to another coordinate system, also across the meridian at which its globe ends.

Geographic and cylindrical coordinate systems unroll the globe: beyond one end it continues at the other, and rasters
may use any turn (longitudes from 0 to 360, web mercator past its edge). Here bounds continue across that meridian, for
example from 170 to 190, and `turns` returns the other positions of the same ground.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from planet_vector.errors import RasterAccessError
from planet_vector.geometry.antimeridian import wrapped_longitude
from planet_vector.geometry.boxes import Bounds
from planet_vector.geometry.grid import GridSpec

_WKT_MERIDIAN = re.compile(r'(PARAMETER\["central_meridian",)\s*([-+\d.eE]+)')
_WKT_PRIME = re.compile(r'PRIMEM\["([^"]*)",\s*([-+\d.eE]+)(?:,AUTHORITY\["[^"]*","[^"]*"\])?\]')
_PROJ_MERIDIAN = re.compile(r"(\+lon_0=)([-+\d.eE]+)")
_LEVEL = 1e-5  # of the globe's width, by which a projection may differ from a cylinder: datums do, by 100 m
_SLACK = 1e-9  # of the globe's width: bounds that touch do not overlap


class Turn(NamedTuple):
    """Extent of the globe in a coordinate system that unrolls it.

    Attributes
    ----------
    period : float
        Width of the globe in units of the system.
    middle : float
        First coordinate of the central meridian, halfway between the ends.
    longitude : float
        Longitude of the central meridian, in degrees.
    equator : float
        Second coordinate of the equator.
    """

    period: float
    middle: float
    longitude: float
    equator: float

    @property
    def start(self) -> float:
        """First coordinate of the west end."""
        return self.middle - self.period / 2

    def square(self, bounds: Bounds) -> Bounds:
        """Cut bounds that reach an infinitely distant pole, as in Mercator, where the map becomes a square.

        Parameters
        ----------
        bounds : Bounds
            West, south, east, north in units of the system.

        Returns
        -------
        Bounds
            West, south, east, north; cut in the north and south if needed.
        """
        west, south, east, north = bounds
        far, square = self.period * (1 - _SLACK), self.period / 2
        if north >= self.equator + far and south < self.equator + square:
            north = self.equator + square
        if south <= self.equator - far and north > self.equator - square:
            south = self.equator - square
        return west, south, east, north


def turn_of(crs: Any) -> Optional[Turn]:
    """Return how a coordinate system unrolls the globe, or None if it does not.

    Parameters
    ----------
    crs : rasterio.crs.CRS, str or None
        The coordinate system.
    """
    if crs is None:
        return None
    from rasterio.crs import CRS

    crs = CRS.from_user_input(crs)
    if crs.is_geographic:
        period = 2 * math.pi / crs.units_factor[1]
        return Turn(period, 0.0, 0.0, 0.0)
    return _cylinder(crs.to_wkt())


@lru_cache(maxsize=64)
def _cylinder(wkt: str) -> Optional[Turn]:
    """Return the turn of a projection whose meridians are evenly spaced vertical lines."""
    from rasterio.crs import CRS

    found = _WKT_MERIDIAN.search(wkt)
    if found is None:
        return None
    longitude = float(found[2])
    lons, lats = np.meshgrid(longitude + np.array([-80.0, -40.0, 0.0, 40.0, 80.0]), [0.0, 30.0, -55.0])
    placed = transformed("EPSG:4326", CRS.from_wkt(wkt), lons.ravel(), lats.ravel())
    if placed is None:
        return None
    x = placed[0].reshape(lons.shape)
    step = float(x[0, 3] - x[0, 2])
    period, middle = step * 360 / 40, float(x[0, 2])
    if period <= 0 or np.abs(x - middle - (lons - longitude) / 360 * period).max() > _LEVEL * period:
        return None
    return Turn(period, middle, longitude, float(placed[1].reshape(lons.shape)[0, 2]))


def turns(side: Tuple[float, float], within: Tuple[float, float], turn: Optional[Turn]) -> List[float]:
    """Return the offsets that move bounds into others, one per turn in which they overlap.

    Parameters
    ----------
    side, within : (west, east)
        Bounds to move, and their target, in units of one coordinate system.
    turn : Turn or None
        How it unrolls the globe; None if it does not, and nothing is moved.

    Returns
    -------
    list of float
        Offsets of the first coordinate.
    """
    if turn is None:
        return [0.0]
    slack = _SLACK * turn.period
    first = math.floor((within[0] - side[1] + slack) / turn.period) + 1
    last = math.ceil((within[1] - side[0] - slack) / turn.period) - 1
    return [number * turn.period for number in range(first, last + 1)]


def around(boxes: Sequence[Bounds], turn: Optional[Turn]) -> Bounds:
    """Return the narrowest bounds around boxes of one coordinate system, each in any turn.

    They begin within the system's globe, and continue beyond its east end if that is narrower.

    Parameters
    ----------
    boxes : sequence of Bounds
        West, south, east, north of each, at least one.
    turn : Turn or None
        How the system unrolls the globe, or None if it does not.

    Returns
    -------
    Bounds
        West, south, east, north.
    """
    wests, souths, easts, norths = zip(*boxes)
    if turn is None:
        return min(wests), min(souths), max(easts), max(norths)
    start = turn.start
    if max(east - west for west, east in zip(wests, easts)) >= turn.period * (1 - _SLACK):
        return start, min(souths), start + turn.period, max(norths)
    parts = sorted(((west - start) % turn.period, east - west) for west, east in zip(wests, easts))
    # A box beyond the east end covers the west end, too.
    reached = max(0.0, max(west + width for west, width in parts) - turn.period)
    begin, widest = parts[0][0], parts[0][0] - reached + turn.period - max(west + width for west, width in parts)
    if reached > 0:
        widest = parts[0][0] - reached
    for west, width in parts:
        if west - reached > widest + _SLACK * turn.period:
            begin, widest = west, west - reached
        reached = max(reached, west + width)
    if widest <= _SLACK * turn.period:
        return start, min(souths), start + turn.period, max(norths)
    return start + begin, min(souths), start + begin + turn.period - widest, max(norths)


def warped_bounds(source: Any, target: Any, bounds: Bounds, densify: int = 21) -> Bounds:
    """Return the bounds in `target` of bounds in `source`.

    Parameters
    ----------
    source, target : rasterio.crs.CRS or str
        The coordinate systems.
    bounds : tuple of float
        West, south, east, north.
    densify : int
        Points that are added on each edge.

    Returns
    -------
    tuple of float
        West, south, east, north. If `target` unrolls the globe, they continue across its ends, in any turn, and west is
        less than east; they extend no farther north and south than the globe is wide.

    Raises
    ------
    RasterAccessError
        If a part of them cannot be projected to `target`.
    """
    for crs in (source, target):
        if crs is None:
            raise RasterAccessError("The raster has no coordinate system, so its location is unknown.")
    turn = turn_of(target)
    if turn is None:
        found = _edges(source, target, bounds, densify)
    else:
        found = _going_on(source, target, bounds, densify, turn)
    if not all(map(math.isfinite, found)):
        told = ", ".join(f"{side:g}" for side in bounds)
        raise RasterAccessError(
            f"The bounds {told} in {_named(source)} reach beyond what {_named(target)} can show: take another crs."
        )
    return found


def warped_step(grid: GridSpec, target: Any) -> float:
    """Return the side of square pixels in `target`, in its units, that are about as large as a raster's.

    Parameters
    ----------
    grid : GridSpec
        Grid of the raster, with a coordinate system of rasterio.
    target : rasterio.crs.CRS
        The coordinate system.

    Raises
    ------
    RasterAccessError
        If a part of it cannot be projected to `target`.
    """
    turn, pixels = turn_of(target), math.hypot(grid.width, grid.height)
    west, south, east, north = warped_bounds(grid.crs, target, grid.bounds)
    if turn is not None:
        west, south, east, north = turn.square((west, south, east, north))
        if turn_of(grid.crs) is None and east - west >= turn.period:
            # Degrees narrow towards a pole: take as many pixels from it to the farthest corner.
            return 2 * (north - south) / pixels
    return math.hypot(east - west, north - south) / pixels  # as many along the diagonal, as in gdalwarp


def warped_shape(shape: Any, target: Any) -> Any:
    """Return a shape in degrees in another coordinate system; it continues across the meridian where the globe ends.

    Parameters
    ----------
    shape : shapely geometry
        Longitude and latitude in degrees; longitudes may exceed ±180. Only vertices are transformed. A shape that
        reaches an infinitely distant pole ends where the map becomes a square.
    target : rasterio.crs.CRS
        The coordinate system.

    Returns
    -------
    shapely geometry
        The shape in `target`.

    Raises
    ------
    RasterAccessError
        If a vertex cannot be projected to `target`.
    """
    import shapely

    turn = turn_of(target)

    def warp(positions: np.ndarray) -> np.ndarray:
        found = transformed("EPSG:4326", target, positions[:, 0], positions[:, 1])
        if found is None or not np.isfinite(found).all():
            raise RasterAccessError(f"The ground reaches beyond what {_named(target)} can show: take another crs.")
        x, y = found
        if turn is not None:  # the position with equal datums, to find the turn
            there = turn.middle + (positions[:, 0] - turn.longitude) / 360 * turn.period
            x = x + np.round((there - x) / turn.period) * turn.period
        return np.column_stack([x, y])

    warped = shapely.transform(shape, warp)
    if turn is None:
        return warped
    west, south, east, north = warped.bounds
    square = turn.square((west, south, east, north))
    return warped if square == (west, south, east, north) else shapely.intersection(warped, shapely.box(*square))


def recentred(crs: Any, west: float, east: float) -> Optional[Tuple[Any, float]]:
    """Return a coordinate system centred on a raster, and the offset to subtract from its coordinates.

    Beyond the ends of a system GDAL warps a raster only in part or not at all; this also applies to degrees if
    GDAL warps file by file. In a system with a shifted central meridian the same raster lies between the ends.

    Parameters
    ----------
    crs : rasterio.crs.CRS
        Coordinate system of the raster.
    west, east : float
        First coordinates of its sides.

    Returns
    -------
    (rasterio.crs.CRS, float) or None
        None if the raster lies between the ends already.
    """
    turn = turn_of(crs)
    if turn is None:
        return None
    half = turn.period * (0.5 + _SLACK)
    if turn.middle - half <= west and east <= turn.middle + half:
        return None
    from rasterio.crs import CRS

    moved = (west + east) / 2 - turn.middle
    wkt = crs.to_wkt()
    if crs.is_geographic:
        meridian = _WKT_PRIME.search(wkt)
        if meridian is None or abs(turn.period - 360) > 1e-6:
            return None
        longitude = wrapped_longitude(float(meridian[2]) + moved)
        wkt = _WKT_PRIME.sub(f'PRIMEM["moved",{longitude!r}]', wkt)
    else:
        longitude = wrapped_longitude(turn.longitude + moved / turn.period * 360)
        wkt = _PROJ_MERIDIAN.sub(rf"\g<1>{longitude!r}", _WKT_MERIDIAN.sub(rf"\g<1>{longitude!r}", wkt))
    # Remove the name and the code of the original system, by either of which GDAL recognises web mercator.
    wkt = re.sub(r',AUTHORITY\["[^"]*","[^"]*"\]\]$', "]", re.sub(r'^([A-Z]+)\["[^"]*"', r'\1["moved"', wkt))
    return CRS.from_wkt(wkt), moved


def _edges(source: Any, target: Any, bounds: Bounds, densify: int) -> Bounds:
    # Imported late, as few programs that import this package warp.
    from rasterio.warp import transform_bounds

    from planet_vector.pixels.rasterio_errors import RASTER_ERRORS

    try:
        west, south, east, north = transform_bounds(source, target, *bounds, densify_pts=densify)
    except RASTER_ERRORS:  # GDAL's own errors are not rasterio's
        return math.inf, math.inf, math.inf, math.inf
    return west, south, east, north


def _going_on(source: Any, target: Any, bounds: Bounds, densify: int, turn: Turn) -> Bounds:
    """Return bounds where the globe is unrolled: points along the edges, each in the turn of the previous one."""
    west, south, east, north = bounds
    own = turn_of(source)
    if own is not None and _is_degrees(source):  # global grids extend beyond the poles by half a pixel
        south, north = max(south, -own.period / 4), min(north, own.period / 4)
    along = np.linspace(0, 1, densify + 2)
    x = np.concatenate([west + along * (east - west), np.full_like(along, east),
                        east - along * (east - west), np.full_like(along, west)])  # fmt: skip
    y = np.concatenate([np.full_like(along, south), south + along * (north - south),
                        np.full_like(along, north), north - along * (north - south)])  # fmt: skip
    found = transformed(source, target, x, y)
    if found is None or not np.isfinite(found[0]).all() or np.isnan(found[1]).any():
        return math.inf, math.inf, math.inf, math.inf
    # The poles of Mercator are infinitely distant.
    lowest, highest = turn.equator - turn.period, turn.equator + turn.period
    across, up = np.unwrap(found[0], period=turn.period), np.clip(found[1], lowest, highest)
    box = float(across.min()), float(up.min()), float(across.max()), float(up.max())
    if abs(across[-1] - across[0]) < turn.period / 2:
        return box
    lows, highs = [box[1]], [box[3]]
    for pole in (-90.0, 90.0):  # if the bounds enclose one or both poles
        at = transformed("EPSG:4326", source, np.zeros(1), np.array([pole]))
        if at is not None and west <= at[0][0] <= east and south <= at[1][0] <= north:
            there = transformed("EPSG:4326", target, np.zeros(1), np.array([pole]))
            end = math.copysign(math.inf, pole) if there is None else float(there[1][0])
            (lows if pole < 0 else highs).append(end)
    return turn.start, max(min(lows), lowest), turn.start + turn.period, min(max(highs), highest)


def _is_degrees(crs: Any) -> bool:
    from rasterio.crs import CRS

    return bool(CRS.from_user_input(crs).is_geographic)


def transformed(source: Any, target: Any, x: np.ndarray, y: np.ndarray) -> Optional[Tuple[np.ndarray, np.ndarray]]:
    """Return points in another coordinate system, or None if GDAL cannot transform them.

    Parameters
    ----------
    source, target : rasterio.crs.CRS or str
        Coordinate systems; longitude or easting comes first.
    x, y : numpy.ndarray
        First and second coordinates of the points.

    Returns
    -------
    (numpy.ndarray, numpy.ndarray) or None
        First and second coordinates in `target`.
    """
    from rasterio.warp import transform

    from planet_vector.pixels.rasterio_errors import RASTER_ERRORS

    try:
        across, up = transform(source, target, x.tolist(), y.tolist())
    except RASTER_ERRORS:
        return None
    return np.asarray(across), np.asarray(up)


def _named(crs: Any) -> str:
    return crs if isinstance(crs, str) else str(crs.to_string())
