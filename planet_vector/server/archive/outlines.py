"""Transform outlines of rasters to longitude and latitude.

Most rasters cover a small part of the globe, and their outline is transformed position by position. If a raster extends
beyond the domain of its projection (a full disk of a geostationary satellite) or covers most of the globe, its outline
does not determine its interior, so it is transformed cell by cell.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Tuple

import numpy as np
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError
from rasterio.transform import Affine
from rasterio.warp import transform as transform_positions
from shapely.geometry import LineString, MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from planet_vector.geometry.wrapping import Geometries, wrapped

CELLS = 251
"""Cells along each side of the grid. A prime, so that no pole at a simple fraction of a raster is on a cell's edge."""

METRES_A_DEGREE = 111_320.0
"""Metres in a degree at the equator: 2π · 6378137 m / 360."""

_SAMPLES = 17  # positions along each side of the grid that decides whether the outline is sufficient
_WIDEST = math.radians(60)  # largest radius of a raster whose outline determines its interior
_SMALL = math.radians(5)  # largest radius of a raster whose edges are nearly straight in degrees
_EXACT = 0.1  # of a cell: tolerance of a transformation forth and back
_LEVEL = 0.02  # degrees that the latitude of a row may vary: datums differ by up to some kilometres
_HALVINGS = 8  # bisections of the edge between a node inside the domain and one outside
_NEIGHBOURS = ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))
_BLOCK = 1000  # cells united at once
_DIGITS = 9  # decimals of degrees, 0.1 mm: shared corners of cells stay equal after a shift by 360°


class NowhereError(ValueError):
    """Raised if a raster has no place on the globe."""


def to_lonlat(outline: BaseGeometry, crs: Any, matrix: Affine, tolerance: float) -> BaseGeometry:
    """Transform an outline to longitude and latitude (EPSG:4326), split at the antimeridian.

    Parts outside the domain of the projection are omitted.

    Parameters
    ----------
    outline : Polygon or MultiPolygon
        The outline, in coordinates of `crs`.
    crs : rasterio.crs.CRS
        The CRS of the raster.
    matrix : Affine
        Geotransform of the raster: the grid for difficult cases follows its rows and columns.
    tolerance : float
        Tolerance of simplification, in units of `crs`.

    Returns
    -------
    Polygon or MultiPolygon
        Longitude and latitude in degrees within ±180°, with counterclockwise outer rings.

    Raises
    ------
    NowhereError
        If the CRS is not tied to the Earth, or no part of the outline is inside its domain.
    """
    projection = _projection(crs.to_wkt())
    if crs.is_geographic:
        outline = _within_poles(outline, crs)
    west, south, east, north = outline.bounds
    x, y = np.meshgrid(np.linspace(west, east, _SAMPLES), np.linspace(south, north, _SAMPLES))
    lon, lat, holds = projection.lonlat(x, y, math.hypot(east - west, north - south) / CELLS)
    cylindrical = holds.all() and _is_cylindrical(lon, lat)
    if cylindrical or (holds.all() and _spread(lon, lat) <= _WIDEST):
        lonlat = _transformed(outline, crs, 8 if _spread(lon, lat) <= _SMALL else 64)
        if all(map(math.isfinite, lonlat.bounds)):
            degrees = tolerance if crs.is_geographic else tolerance * crs.linear_units_factor[1] / METRES_A_DEGREE
            unroll = _going_on if cylindrical else _unrolled
            whole = MultiPolygon([unroll(part) for part in shapely.get_parts(lonlat)])
            return _tidy(_within_turn(shapely.simplify(whole, degrees)))
    return _tidy(_by_cells(outline, projection, matrix))


class _Projection:
    """CRS, and the domain in which its coordinates correspond to positions on the globe."""

    def __init__(self, wkt: str) -> None:
        try:
            crs = CRS.from_wkt(wkt)
            self._name = crs.name
            self._transformer = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
        except (CRSError, ProjError):
            raise NowhereError(
                f"has a CRS that is not tied to the Earth ({_name_of(wkt)}): assign the right one with"
                " `gdal_edit.py -a_srs`, or describe the scene in a _metadata.json"
            ) from None
        # Cylindrical projections are periodic: beyond the easternmost meridian, the west begins again.
        ends = self._transformer.transform([-90.0, 90.0], [0.0, 0.0], direction="INVERSE")[0]
        self._around = 2.0 * abs(ends[1] - ends[0])

    def lonlat(self, x: np.ndarray, y: np.ndarray, cell: float) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return longitudes, latitudes, and which positions the inverse transformation reproduces."""
        lon, lat = self._transformer.transform(x, y)
        back_x, back_y = self._transformer.transform(lon, lat, direction="INVERSE")
        with np.errstate(invalid="ignore"):
            off_x, off_y = np.abs(back_x - x), np.abs(back_y - y)
            if 0 < self._around < math.inf:
                turns = np.round(off_x / self._around)
                off_x = np.abs(off_x - self._around * turns)
            holds = (
                np.isfinite(lon) & np.isfinite(lat) & (np.abs(lat) <= 90) & (np.hypot(off_x, off_y) <= _EXACT * cell)
            )
        return lon, lat, holds


@lru_cache(maxsize=64)
def _projection(wkt: str) -> _Projection:
    return _Projection(wkt)


def _name_of(wkt: str) -> str:
    return wkt.partition('"')[2].partition('"')[0] or "without a name"


def _within_poles(outline: BaseGeometry, crs: Any) -> BaseGeometry:
    """Clip degrees to the poles, beyond which global grids extend by half a pixel, and to 360° of longitude."""
    degree = math.radians(1) / crs.units_factor[1]
    west, _, east, _ = outline.bounds
    if not -540 * degree <= west <= east <= 900 * degree:
        raise NowhereError("its positions are not longitude and latitude in degrees")
    clipped = shapely.intersection(
        outline, shapely.box(west, -90 * degree, min(east, west + 360 * degree), 90 * degree)
    )
    parts = [part for part in shapely.get_parts(clipped) if part.geom_type == "Polygon" and part.area > 0]
    if not parts:
        raise NowhereError("lies beyond the poles")
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)


def _is_cylindrical(lon: np.ndarray, lat: np.ndarray) -> bool:
    """Return whether rows are parallels and columns are evenly spaced meridians, as in cylindrical projections."""
    steps = np.diff(np.unwrap(lon, axis=1, period=360.0), axis=1)
    return bool(
        np.ptp(lat, axis=1).max() < _LEVEL
        and np.ptp(np.unwrap(lon, axis=0, period=360.0), axis=0).max() < _LEVEL
        and np.ptp(steps) < _LEVEL
    )


def _spread(lon: np.ndarray, lat: np.ndarray) -> float:
    """Return the largest angle between a position and the mean of all, in radians."""
    unit = _on_sphere(lon, lat)
    middle = unit.reshape(-1, 3).mean(axis=0)
    length = float(np.linalg.norm(middle))
    return math.acos(max(-1.0, min(1.0, float((unit @ middle).min()) / length))) if length else math.pi


def _on_sphere(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    a, b = np.radians(lon), np.radians(lat)
    return np.stack([np.cos(a) * np.cos(b), np.sin(a) * np.cos(b), np.sin(b)], axis=-1)


def _transformed(outline: BaseGeometry, crs: Any, pieces: int) -> BaseGeometry:
    """Transform the positions of an outline, with its edges densified, as they may be curved in degrees."""
    west, south, east, north = outline.bounds
    dense = shapely.segmentize(outline, max(east - west, north - south, 1e-9) / pieces)

    def forward(positions: np.ndarray) -> np.ndarray:
        x, y = transform_positions(crs, "EPSG:4326", positions[:, 0].tolist(), positions[:, 1].tolist())
        return np.column_stack([x, y])

    return shapely.transform(dense, forward)


def _by_cells(outline: BaseGeometry, projection: _Projection, matrix: Affine) -> BaseGeometry:
    """Transform the cells of a grid over an outline, and unite those inside the domain."""
    pixels = shapely.transform(outline, lambda p: np.column_stack(_apply(~matrix, p[:, 0], p[:, 1])))
    left, top, right, bottom = pixels.bounds
    columns, rows = np.meshgrid(np.linspace(left, right, CELLS + 1), np.linspace(top, bottom, CELLS + 1))
    cell = math.sqrt(abs(matrix.determinant) * (right - left) * (bottom - top)) / CELLS
    inside = np.ones((CELLS, CELLS), bool)
    if pixels.area < 0.999999 * (right - left) * (bottom - top):
        shapely.prepare(pixels)
        inner = (columns[:-1, :-1], rows[:-1, :-1], columns[1:, 1:], rows[1:, 1:])
        inside = shapely.intersects(pixels, shapely.box(*inner))
    lon, lat, holds = _to_the_limb(projection, matrix, columns, rows, cell)
    used = holds[:-1, :-1] & holds[:-1, 1:] & holds[1:, 1:] & holds[1:, :-1] & inside
    rings = np.stack([_corners(lon, used), _corners(lat, used)], axis=-1)
    if not len(rings):
        raise NowhereError("lies outside the domain of its projection")
    rings = np.round(rings, _DIGITS)
    at_pole = (np.abs(rings[..., 1]) >= 90).any(axis=1)
    rings[..., 0] = np.unwrap(rings[..., 0], axis=1, period=360.0)
    around = np.abs(rings[:, -1, 0] - rings[:, 0, 0]) > 180
    beyond = ((rings[..., 0] < -180) | (rings[..., 0] > 180)).any(axis=1)
    cells = shapely.polygons(rings)
    plain = ~(at_pole | around | beyond) & shapely.is_valid(cells)
    others = [_unrolled(cell) if polar else cell for cell, polar in zip(cells[~plain], (at_pole | around)[~plain])]
    whole = _united(cells[plain], _polygons_within(shapely.make_valid(others)))
    return _simplified(whole, 0.3 * math.sqrt(whole.area / len(rings)))


def _to_the_limb(
    projection: _Projection, matrix: Affine, columns: np.ndarray, rows: np.ndarray, cell: float
) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return longitudes and latitudes of the nodes of a grid, and which nodes are inside the domain.

    Nodes just outside of the domain are moved towards a neighbour inside, to the edge of the domain.
    """
    lon, lat, holds = projection.lonlat(*_apply(matrix, columns, rows), cell)
    within = np.pad(holds, 1)
    ys, xs = np.nonzero(~holds)
    toward = np.full((len(ys), 2), -1)
    for down, right in _NEIGHBOURS:
        found = within[ys + 1 + down, xs + 1 + right] & (toward[:, 0] < 0)
        toward[found] = np.column_stack([ys + down, xs + right])[found]
    near = toward[:, 0] >= 0
    ys, xs, toward = ys[near], xs[near], toward[near]
    good = np.stack([columns[toward[:, 0], toward[:, 1]], rows[toward[:, 0], toward[:, 1]]])
    bad = np.stack([columns[ys, xs], rows[ys, xs]])
    for _ in range(_HALVINGS):
        middle = (good + bad) / 2
        fits = projection.lonlat(*_apply(matrix, *middle), cell)[2]
        good, bad = np.where(fits, middle, good), np.where(fits, bad, middle)
    lon[ys, xs], lat[ys, xs], holds[ys, xs] = projection.lonlat(*_apply(matrix, *good), cell)
    return lon, lat, holds


def _united(plain: np.ndarray, others: np.ndarray) -> BaseGeometry:
    """Unite cells; `plain` ones share their corners with their neighbours."""
    parts = list(others)
    for block in np.array_split(plain, math.ceil(len(plain) / _BLOCK)):
        try:
            parts.append(shapely.coverage_union_all(block))
        except shapely.errors.GEOSException:  # cells overlap, at the edge of the domain or beyond the last meridian
            parts.append(shapely.union_all(block, grid_size=10.0**-_DIGITS))
    return shapely.union_all(shapely.make_valid(parts), grid_size=10.0**-_DIGITS)


def _apply(matrix: Affine, x: np.ndarray, y: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    a, b, c, d, e, f = matrix[:6]
    return a * x + b * y + c, d * x + e * y + f


def _corners(values: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Return the values at the corners of each used cell, as a closed ring."""
    corners = (values[:-1, :-1], values[:-1, 1:], values[1:, 1:], values[1:, :-1], values[:-1, :-1])
    return np.stack([corner[used] for corner in corners], axis=-1)


def _going_on(part: Polygon) -> Polygon:
    """Return a polygon with longitudes that continue beyond ±180 if it crosses the antimeridian."""
    x, y = np.asarray(part.exterior.coords).T
    return Polygon(np.column_stack([np.unwrap(x, period=360.0), y]))


def _unrolled(part: Polygon) -> Polygon:
    """Return a polygon with longitudes that continue beyond ±180 if it crosses the antimeridian, closed at a pole."""
    x, y = np.asarray(part.exterior.coords).T
    polar = np.abs(y) >= 90
    if polar.any() and not polar.all():
        start = int(np.argmin(polar))  # start at a position that is not a pole
        x, y, polar = (np.append(np.roll(values[:-1], -start), values[start]) for values in (x, y, polar))
    x = np.unwrap(x, period=360.0)
    positions = np.column_stack([x, y])
    if polar.any():  # longitude is arbitrary at a pole: repeat the pole with the longitudes of its neighbours
        around = [
            [(x[at - 1], y[at]), (x[at + 1], y[at])] if polar[at] else [positions[at]] for at in range(len(x) - 1)
        ]
        positions = np.array([position for pair in around for position in pair] + [positions[-1]])
    if abs(x[-1] - x[0]) > 180:  # the ring encloses a pole
        pole = math.copysign(90.0, y.mean())
        positions = np.vstack([positions, [(x[-1], pole), (x[0], pole)]])
    return Polygon(positions)


def _within_turn(geometry: BaseGeometry) -> BaseGeometry:
    """Wrap a geometry with longitudes beyond ±180° to parts within ±180°."""
    west, _, east, _ = geometry.bounds
    parts = shapely.get_parts(geometry)
    if west < -180 or east > 180:
        parts = _polygons_within(shapely.make_valid(geometry))
    whole = parts[0] if len(parts) == 1 else MultiPolygon(list(parts))
    # If it extends all around the globe, parts may be adjacent.
    return whole if whole.is_valid else shapely.union_all(shapely.make_valid(parts))


def _polygons_within(geometries: Geometries) -> np.ndarray:
    parts = wrapped(geometries)
    return np.asarray(parts[shapely.area(parts) > 0])


def _simplified(geometry: BaseGeometry, tolerance: float) -> BaseGeometry:
    """Simplify a geometry, but keep positions on the antimeridian or at a pole, where no gap may open."""
    parts = []
    for part in shapely.get_parts(geometry):
        if part.geom_type != "Polygon":
            continue
        holes = [ring for ring in part.interiors if Polygon(ring).area > tolerance**2]
        rings = [_simplified_ring(np.asarray(ring.coords), tolerance) for ring in (part.exterior, *holes)]
        parts.append(Polygon(rings[0], [ring for ring in rings[1:] if len(ring) > 3]))
    whole = parts[0] if len(parts) == 1 else MultiPolygon(parts)
    return whole if whole.is_valid else geometry


def _simplified_ring(positions: np.ndarray, tolerance: float) -> np.ndarray:
    ring = positions[:-1]
    seams = (ring[:, 0] >= 180, ring[:, 0] <= -180, ring[:, 1] >= 90, ring[:, 1] <= -90)
    between = np.any([seam & np.roll(seam, 1) & np.roll(seam, -1) for seam in seams], axis=0)
    ring, on_seam = ring[~between], np.any(seams, axis=0)[~between]
    fixed = np.flatnonzero(on_seam)
    if not len(fixed):
        simple = np.asarray(shapely.simplify(Polygon(positions), tolerance).exterior.coords)
        return simple if len(simple) > 3 else positions
    ring = np.roll(ring, -fixed[0], axis=0)
    ring = np.vstack([ring, ring[:1]])
    ends = [*(fixed - fixed[0]), len(ring) - 1]
    pieces = [
        np.asarray(shapely.simplify(LineString(ring[a : b + 1]), tolerance if b > a + 1 else 0.0).coords)[:-1]
        for a, b in zip(ends, ends[1:])
    ]
    return np.vstack([*pieces, ring[-1:]])


def _tidy(geometry: BaseGeometry) -> BaseGeometry:
    """Return a footprint according to RFC 7946: outer rings counterclockwise, no edge longer than 180°."""
    oriented = [orient(part) for part in shapely.get_parts(shapely.segmentize(geometry, 90.0))]
    return oriented[0] if len(oriented) == 1 else MultiPolygon(oriented)
