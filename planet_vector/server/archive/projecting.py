"""Compute the positions of the pixels of a map in a file.

Positions are transformed from the map to the file, which works even for files that extend beyond the domain of their
projection: positions outside of it, or that the inverse transformation does not reproduce, are invalid. In the opposite
direction, corners of such files would have no position on the map at all.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple, Optional, Tuple

import numpy as np
import pyproj

from planet_vector.geometry.web_mercator import HALF_WORLD
from planet_vector.pixels.control import Georeference
from planet_vector.server.http_errors import HttpError
from planet_vector.server.quad_grid import Bounds

_STEP = 16  # pixels between computed positions; those between are interpolated
_CLOSE = 0.125  # maximum error of interpolation, in pixels of the file or the map, as in GDAL
_NEAR = (1.0, 1000.0)  # tolerance in metres of a transformation forth and back, for small and for large pixels
_SIDE = 21  # positions along each side of a grid over a file, for its extent on the map
_WIDE = 0.2  # of half the world: the extent of wider files is not derived from positions, as they may be too curved


class MapGrid(NamedTuple):
    """Part of a map: its bounds in metres of web mercator (west, south, east, north) and its size in pixels."""

    bounds: Bounds
    width: int
    height: int

    @property
    def pixel(self) -> Tuple[float, float]:
        """Width and height of a pixel in metres."""
        west, south, east, north = self.bounds
        return (east - west) / self.width, (north - south) / self.height

    def part(self, rows: slice, columns: slice) -> MapGrid:
        """Return the grid of a range of rows and columns.

        Parameters
        ----------
        rows, columns : slice
            Start and stop in pixels, which may exceed the grid.
        """
        west, _, _, north = self.bounds
        across, down = self.pixel
        bounds = (
            west + columns.start * across, north - rows.stop * down,
            west + columns.stop * across, north - rows.start * down,
        )  # fmt: skip
        return MapGrid(bounds, columns.stop - columns.start, rows.stop - rows.start)


class MercatorTransform:
    """Transformation from web mercator to a coordinate system.

    Parameters
    ----------
    crs : rasterio.crs.CRS
        The coordinate system.
    name : str
        Name of the file, for messages.

    Attributes
    ----------
    period : float or None
        Width of the globe in the coordinate system, if that is periodic (see `period_of`).

    Raises
    ------
    HttpError
        404, if the coordinate system is not tied to the Earth.
    """

    def __init__(self, crs: Any, name: str) -> None:
        try:
            self._transformer = _transformer(crs.to_wkt())
        except pyproj.exceptions.ProjError:
            raise HttpError(
                404, f"{name} cannot be drawn on a map: its coordinate system has no known place on the globe."
            ) from None
        self.period = period_of(crs)

    def forward(self, x: np.ndarray, y: np.ndarray, close: float) -> Tuple[np.ndarray, np.ndarray]:
        """Transform positions in web mercator to coordinates; NaN if that is impossible.

        Parameters
        ----------
        x, y : array
            Positions in metres.
        close : float
            Tolerance of the inverse transformation, in metres of web mercator.

        Returns
        -------
        across, up : array
            Easting and northing, or longitude and latitude, in the coordinate system.
        """
        across, up = self._transformer.transform(x, y)
        # Some projections map two positions to one: the visible one is that which the inverse returns.
        back_x, back_y = self._transformer.transform(across, up, direction="INVERSE")
        with np.errstate(invalid="ignore"):
            off = (back_x - x + HALF_WORLD) % (2 * HALF_WORLD) - HALF_WORLD
            good = np.isfinite(across) & np.isfinite(up) & (np.abs(off) <= close) & (np.abs(back_y - y) <= close)
        return np.where(good, across, np.nan), np.where(good, up, np.nan)

    def inverse(self, across: np.ndarray, up: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Transform coordinates to positions in web mercator, in metres; NaN if that is impossible.

        Parameters
        ----------
        across, up : array
            Easting and northing, or longitude and latitude, in the coordinate system.

        Returns
        -------
        x, y : array
            Positions in metres.
        """
        x, y = self._transformer.transform(across, up, direction="INVERSE")
        bad = ~(np.isfinite(x) & np.isfinite(y))
        return np.where(bad, np.nan, x), np.where(bad, np.nan, y)


def period_of(crs: Any) -> Optional[float]:
    """Return the width of the globe in a periodic coordinate system (geographic or web mercator), else None.

    Parameters
    ----------
    crs : rasterio.crs.CRS
        The coordinate system.
    """
    if crs.is_geographic:
        return float(2 * math.pi / crs.units_factor[1])
    return 2 * HALF_WORLD if crs.to_epsg() == 3857 else None


@lru_cache(maxsize=32)
def _transformer(wkt: str) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs("EPSG:3857", pyproj.CRS.from_wkt(wkt), always_xy=True)


class Positions(NamedTuple):
    """Positions of the pixels of a picture in a file.

    Attributes
    ----------
    columns, rows : array, shape (rows, columns) of the picture
        Positions in pixels from the upper left corner of the file; NaN if invalid.
    inside : array of bool, of the same shape
        Which of them are inside the file.
    """

    columns: np.ndarray
    rows: np.ndarray
    inside: np.ndarray

    @classmethod
    def of(cls, place: Georeference, size: Tuple[int, int], across: np.ndarray, up: np.ndarray) -> Positions:
        """Return the positions of coordinates in a file.

        Parameters
        ----------
        place : Georeference
            Georeference of the file.
        size : (width, height)
            Size of the file in pixels.
        across, up : array
            Coordinates in its coordinate system; NaN if invalid.
        """
        columns, rows = place.to_pixels(across, up)
        with np.errstate(invalid="ignore"):
            inside = (columns >= 0) & (columns <= size[0]) & (rows >= 0) & (rows <= size[1])
        return cls(columns, rows, inside)

    def part(self, rows: slice, columns: slice) -> Positions:
        """Return the positions of a part of the picture.

        Parameters
        ----------
        rows, columns : slice
            The part, in pixels of the picture.
        """
        return Positions(self.columns[rows, columns], self.rows[rows, columns], self.inside[rows, columns])

    def widened(self, size: Tuple[int, int], scale: Tuple[float, float]) -> Positions:
        """Enlarge a file that is narrower than a pixel of the picture to that pixel, so that it is visible.

        Parameters
        ----------
        size : (width, height)
            Size of the file in pixels.
        scale : (float, float)
            Columns and rows of the file in a pixel of the picture.

        Returns
        -------
        Positions
            Positions at the middle of a file that is too narrow, else unchanged.
        """
        found, inside = [], []
        with np.errstate(invalid="ignore"):
            for values, length, pixel in zip((self.columns, self.rows), size, scale):
                if pixel > length:
                    near = np.abs(values - length / 2) <= pixel / 2
                    values = np.where(near, length / 2, np.nan)
                found.append(values)
                inside.append((values >= 0) & (values <= length))
        return Positions(found[0], found[1], inside[0] & inside[1])

    def scale(self) -> Tuple[float, float]:
        """Return the columns and rows of the file in a pixel of the picture, at least 1."""

        def steps(values: np.ndarray) -> float:
            found = 0.0
            few = max(1, min(values.shape) // 32)  # a sample of lines is sufficient
            for axis, lines in enumerate((values[:, ::few], values[::few])):
                differences = np.abs(np.diff(lines, axis=axis))
                known = differences[np.isfinite(differences)]
                found += float(np.median(known)) if known.size else 0.0
            return max(1.0, found)

        return steps(self.columns), steps(self.rows)


def positions(projection: MercatorTransform, place: Georeference, size: Tuple[int, int], grid: MapGrid) -> Positions:
    """Return the positions of the centres of the pixels of a map in a file.

    Parameters
    ----------
    projection : MercatorTransform
        Transformation to the file's coordinate system.
    place : Georeference
        Georeference of the file.
    size : (width, height)
        Size of the file in pixels.
    grid : MapGrid
        The part of the map.
    """
    columns, rows = np.arange(grid.width), np.arange(grid.height)
    west, _, _, north = grid.bounds
    pixel = grid.pixel
    close = max(_NEAR[0], min(_NEAR[1], *pixel))

    def exact(columns: np.ndarray, rows: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        x, y = np.meshgrid(west + (columns + 0.5) * pixel[0], north - (rows + 0.5) * pixel[1])
        return projection.forward(x, y, close)

    across, up = None, None
    if min(grid.width, grid.height) > _STEP:
        across, up = _interpolated(exact, columns, rows, place)
    if across is None or up is None:
        across, up = exact(columns, rows)
    if projection.period is not None:
        middle, half = place.to_ground(size[0] / 2, size[1] / 2)[0], projection.period / 2
        across = middle - half + (across - middle + half) % projection.period
    return Positions.of(place, size, across, up)


def extent(
    projection: MercatorTransform, place: Georeference, size: Tuple[int, int], grid: MapGrid
) -> Optional[Tuple[slice, slice]]:
    """Return the rows and columns of a map that a file may cover.

    Parameters
    ----------
    projection : MercatorTransform
        Transformation to the file's coordinate system.
    place : Georeference
        Georeference of the file.
    size : (width, height)
        Size of the file in pixels.
    grid : MapGrid
        The part of the map.

    Returns
    -------
    (slice, slice) or None
        Rows and columns; all of them if the extent of the file is uncertain, None if it is outside of the map.
    """
    everything = slice(0, grid.height), slice(0, grid.width)
    columns_of, rows_of = np.meshgrid(np.linspace(0, size[0], _SIDE), np.linspace(0, size[1], _SIDE))
    across, up = place.to_ground(columns_of, rows_of)
    x, y = projection.inverse(across, up)
    x = (x + HALF_WORLD) % (2 * HALF_WORLD) - HALF_WORLD
    if not (np.isfinite(x).all() and np.isfinite(y).all()) or np.ptp(x) > _WIDE * HALF_WORLD:
        return everything
    if projection.period is None:
        pixel = abs(place.affine.a) + abs(place.affine.b)
        again = projection.forward(x, y, _NEAR[1])
        if not np.isfinite(again[0]).all() or np.abs(again[0] - across).max() > pixel:
            return everything
    west, _, _, north = grid.bounds
    wide, high = grid.pixel
    margin = 2 + 0.02 * max(np.ptp(x) / wide, np.ptp(y) / high)
    left, right = (x.min() - west) / wide - margin, (x.max() - west) / wide + margin
    top, bottom = (north - y.max()) / high - margin, (north - y.min()) / high + margin
    rows = slice(max(0, math.floor(top)), min(grid.height, math.ceil(bottom)))
    columns = slice(max(0, math.floor(left)), min(grid.width, math.ceil(right)))
    return None if rows.start >= rows.stop or columns.start >= columns.stop else (rows, columns)


def _interpolated(
    exact: Any, columns: np.ndarray, rows: np.ndarray, place: Georeference
) -> Tuple[Optional[np.ndarray], Optional[np.ndarray]]:
    """Interpolate coordinates from those of every `_STEP`-th pixel; None if that is too inaccurate."""
    nodes = [np.arange(0, len(axis) + _STEP, _STEP, dtype=float) for axis in (columns, rows)]
    known = exact(nodes[0], nodes[1])
    between = [axis[:-1] + _STEP / 2 for axis in nodes]
    truth = exact(between[0], between[1])
    inverse = ~place.affine
    guessed = [_spread(values, between, nodes) for values in known]
    off = [truth[n] - guessed[n] for n in (0, 1)]
    errors = np.hypot(inverse.a * off[0] + inverse.b * off[1], inverse.d * off[0] + inverse.e * off[1])
    # A pixel of the map may span many pixels of the file.
    steps = [np.abs(np.diff(values, axis=1)) / _STEP for values in known]
    scale = np.hypot(inverse.a * steps[0] + inverse.b * steps[1], inverse.d * steps[0] + inverse.e * steps[1])
    if not np.isfinite(errors).all() or errors.max() > _CLOSE * max(1.0, float(np.median(scale))):
        return None, None
    return _spread(known[0], (columns, rows), nodes), _spread(known[1], (columns, rows), nodes)


def _spread(values: np.ndarray, at: Any, nodes: Any) -> np.ndarray:
    """Interpolate values at nodes, linearly along both axes."""
    for axis, (wanted, known) in enumerate(zip(at, nodes)):
        place = np.asarray(wanted) / (known[1] - known[0])
        first = np.minimum(place.astype(int), len(known) - 2)
        share = place - first
        values = values if axis else values.T
        shape = (-1, 1)
        values = values[first] * (1 - share).reshape(shape) + values[first + 1] * share.reshape(shape)
        values = values if axis else values.T
    return values
