"""The sample's landscape: hills, water, woods, fields, roads and towns as a function of position.

The landscape is fictitious. A `Landscape` paints any rectangle of its ground at any resolution; two paintings of the
same place agree, so that scenes of different dates, sensors and map projections show the same land.
"""

from __future__ import annotations

import math
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Tuple

import numpy as np
import numpy.typing as npt

from planet_vector.server.sample.noise import Floats
from planet_vector.server.sample.terrain_render import LAYERS, LandscapePainter

EARTH_RADIUS = 6_371_000.0
"""Mean radius, metres: the ground's plane needs no ellipsoid, as it only has to be the same for all scenes."""

_TILE = 400
_MARGIN = 2


@dataclass(frozen=True)
class Ground:
    """Painted rectangle of the land.

    Attributes
    ----------
    left, top : float
        The upper left corner on the landscape's plane, metres.
    step : float
        Pixel size, metres.
    layers : array of uint8, shape (rows, columns, LAYERS)
        Shares of materials (255 is 1), tone (128 is 1), slopes (128 is level, an offset of 64 is a slope of 1).
    """

    left: float
    top: float
    step: float
    layers: npt.NDArray[np.uint8]

    def sample(self, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> Floats:
        """Interpolate all layers at positions.

        Parameters
        ----------
        x, y : array of float, shape (n,)
            Positions on the landscape's plane, metres.

        Returns
        -------
        array of float32, shape (n, LAYERS)
            Values in the units of `layers`.

        Raises
        ------
        ValueError
            If a position is outside of the rectangle.
        """
        rows, columns, _ = self.layers.shape
        flat = self.layers.reshape(rows * columns, LAYERS)
        u = (x - self.left) / self.step - 0.5
        v = (self.top - y) / self.step - 0.5
        column, row = np.floor(u).astype(np.int64), np.floor(v).astype(np.int64)
        if column.min() < 0 or row.min() < 0 or column.max() >= columns - 1 or row.max() >= rows - 1:
            raise ValueError("positions lie outside the painted ground")
        fu, fv = (u - column).astype(np.float32)[:, None], (v - row).astype(np.float32)[:, None]
        at = row * columns + column
        found = np.take(flat, at, axis=0) * ((1 - fu) * (1 - fv))
        found += np.take(flat, at + 1, axis=0) * (fu * (1 - fv))
        found += np.take(flat, at + columns, axis=0) * ((1 - fu) * fv)
        found += np.take(flat, at + columns + 1, axis=0) * (fu * fv)
        return np.asarray(found)


@dataclass(frozen=True)
class Landscape:
    """Landscape around a place, which can be painted.

    Attributes
    ----------
    seed : int
        Seed of the landscape.
    longitude, latitude : float
        The origin of its plane, degrees.
    island : bool
        Whether it is an island in the sea instead of a valley with a lake.
    """

    seed: int
    longitude: float
    latitude: float
    island: bool = False

    def plane(
        self, longitude: npt.NDArray[np.float64], latitude: npt.NDArray[np.float64]
    ) -> Tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Convert degrees to metres on the landscape's plane, also across the antimeridian.

        Parameters
        ----------
        longitude, latitude : array of float
            Positions in degrees.

        Returns
        -------
        x, y : array of float
            Metres east and north of the origin.
        """
        east = (longitude - self.longitude + 180.0) % 360.0 - 180.0
        x = np.radians(east) * EARTH_RADIUS * math.cos(math.radians(self.latitude))
        return x, np.radians(latitude - self.latitude) * EARTH_RADIUS

    def paint(self, bounds: Tuple[float, float, float, float], step: float, pool: Executor) -> Ground:
        """Paint a rectangle.

        Parameters
        ----------
        bounds : (left, bottom, right, top)
            The rectangle on the plane, metres.
        step : float
            Pixel size, metres.
        pool : Executor
            Threads that share the work.

        Returns
        -------
        Ground
            The painted ground, which covers the rectangle.
        """
        left, bottom, right, top = bounds
        # Painted on a lattice of the whole plane, so that a place looks the same in every rectangle.
        first = (math.floor(left / step), math.floor(-top / step))
        columns = math.ceil(right / step) - first[0]
        rows = math.ceil(-bottom / step) - first[1]
        layers = np.empty((rows, columns, LAYERS), dtype=np.uint8)

        def fill(corner: Tuple[int, int]) -> None:
            column, row = corner
            part = layers[row : row + _TILE, column : column + _TILE]
            xs = (np.arange(-_MARGIN, part.shape[1] + _MARGIN) + first[0] + column + 0.5) * step
            ys = -(np.arange(-_MARGIN, part.shape[0] + _MARGIN) + first[1] + row + 0.5) * step
            painted = LandscapePainter(self.seed, xs, ys, step, island=self.island).painted()
            part[...] = painted[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]

        corners = [(c, r) for r in range(0, rows, _TILE) for c in range(0, columns, _TILE)]
        for _ in pool.map(fill, corners):
            pass
        return Ground(first[0] * step, -first[1] * step, step, layers)
