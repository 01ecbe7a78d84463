"""Convert between pixels and coordinates of a raster, by a transform or by ground control points.

Points are fitted as in gdalwarp by default: by polynomials of the second order for six points or more, otherwise of the
first, one for each direction (GDAL's GDALCreateGCPTransformer, order 0). If longitudes lie on both sides of the
antimeridian, those in the west continue beyond 180° (GDAL's GCP_ANTIMERIDIAN_UNWRAP).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np
from affine import Affine

from planet_vector.geometry.boxes import Bounds

_FEWEST, _SECOND_ORDER = 3, 6  # points: the least for the first order, and the least for the second
_SIDE = 21  # points on each side of a raster, to find its extent
_MARGIN = 0.05  # of the raster's extent: farther out, a polynomial may return to it


class PointsProblem(ValueError):
    """Raised if ground control points do not determine a position."""


class ByTransform(NamedTuple):
    """Georeference by a transform.

    Attributes
    ----------
    affine : Affine
        From column and row to coordinates.
    """

    affine: Affine

    def to_ground(self, columns: Any, rows: Any) -> Tuple[Any, Any]:
        """Return the coordinates of positions in the raster.

        Parameters
        ----------
        columns, rows : float or numpy.ndarray
            Positions in pixels.

        Returns
        -------
        (float, float) or (numpy.ndarray, numpy.ndarray)
            First and second coordinates.
        """
        a, b, c, d, e, f = self.affine[:6]
        return a * columns + b * rows + c, d * columns + e * rows + f

    def to_pixels(self, across: Any, up: Any) -> Tuple[Any, Any]:
        """Return columns and rows of coordinates.

        Parameters
        ----------
        across, up : float or numpy.ndarray
            First and second coordinates.

        Returns
        -------
        (float, float) or (numpy.ndarray, numpy.ndarray)
            Columns and rows.
        """
        a, b, c, d, e, f = (~self.affine)[:6]
        return a * across + b * up + c, d * across + e * up + f


class ByPoints:
    """Georeference by ground control points.

    Parameters
    ----------
    points : sequence of rasterio.control.GroundControlPoint
        Three or more, not on one line.
    size : (width, height)
        Size of the raster in pixels.
    period : float, optional
        Width of the globe in units of the coordinate system, if the system unrolls it.

    Attributes
    ----------
    affine : Affine
        Best-fitting transform, for uses that need no more than the size of a pixel.
    bounds : (west, south, east, north)
        Extent of the raster; positions outside are not in it, whatever a polynomial returns.

    Raises
    ------
    PointsProblem
        If the points do not determine a position.
    """

    def __init__(self, points: Sequence[Any], size: Tuple[int, int], period: Optional[float] = None) -> None:
        known = np.array([(point.col, point.row, point.x, point.y) for point in points], float).reshape(-1, 4)
        if not np.isfinite(known).all():
            raise PointsProblem("has ground control points that are not numbers")
        columns, rows, across, up = known.T
        if period is not None and len(known) and np.ptp(across) > period / 2:
            across = np.where(across < (across.min() + across.max()) / 2, across + period, across)
        self._forward = _Fit((columns, rows), (across, up))
        self._backward = _Fit((across, up), (columns, rows))
        linear = _Fit((columns, rows), (across, up), 1)
        (c, f), (right, right_up), (down, down_up) = (linear(*map(np.float64, at)) for at in ((0, 0), (1, 0), (0, 1)))
        self.affine = Affine(right - c, down - c, c, right_up - f, down_up - f, f)
        if not all(map(math.isfinite, self.affine)) or not self.affine.determinant:
            raise PointsProblem("has ground control points that give pixels without area")
        along = np.linspace(0, 1, _SIDE)
        inner = np.meshgrid(along * size[0], along * size[1])
        xs, ys = self._forward(*inner)
        self.bounds: Bounds = float(xs.min()), float(ys.min()), float(xs.max()), float(ys.max())

    def to_ground(self, columns: Any, rows: Any) -> Tuple[Any, Any]:
        """Return the coordinates of positions in the raster.

        Parameters
        ----------
        columns, rows : float or numpy.ndarray
            Positions in pixels.

        Returns
        -------
        (numpy.ndarray, numpy.ndarray)
            First and second coordinates.
        """
        return self._forward(np.asarray(columns, float), np.asarray(rows, float))

    def to_pixels(self, across: Any, up: Any) -> Tuple[Any, Any]:
        """Return columns and rows of coordinates; NaN outside the raster.

        Parameters
        ----------
        across, up : float or numpy.ndarray
            First and second coordinates.

        Returns
        -------
        (numpy.ndarray, numpy.ndarray)
            Columns and rows.
        """
        across, up = np.asarray(across, float), np.asarray(up, float)
        west, south, east, north = self.bounds
        more = _MARGIN * (east - west), _MARGIN * (north - south)
        with np.errstate(invalid="ignore"):
            near = (across >= west - more[0]) & (across <= east + more[0])
            near &= (up >= south - more[1]) & (up <= north + more[1])
        columns, rows = self._backward(np.where(near, across, np.nan), np.where(near, up, np.nan))
        return columns, rows


Georeference = Union[ByTransform, ByPoints]


class _Fit:
    """Polynomial of two variables, fitted to positions by least squares."""

    def __init__(self, known: Sequence[np.ndarray], wanted: Sequence[np.ndarray], order: Optional[int] = None) -> None:
        if len(known[0]) < _FEWEST:
            raise PointsProblem("has fewer than three ground control points")
        # Normalise: squares of metres would swamp the constant terms.
        self._middle = [float(values.mean()) for values in known]
        self._scale = [float(np.ptp(values)) or 1.0 for values in known]
        self._order = order or (2 if len(known[0]) >= _SECOND_ORDER else 1)
        terms = self._terms(*known)
        if self._order == 2 and np.linalg.matrix_rank(terms) < terms.shape[1]:
            self._order = 1  # six points on two lines do not determine a curvature
            terms = self._terms(*known)
        if np.linalg.matrix_rank(terms) < terms.shape[1]:
            raise PointsProblem("has ground control points that lie in one line")
        self._factors = np.linalg.lstsq(terms, np.stack(wanted, axis=-1), rcond=None)[0]

    def __call__(self, first: Any, second: Any) -> Tuple[Any, Any]:
        found = self._terms(first, second) @ self._factors
        return found[..., 0], found[..., 1]

    def _terms(self, first: Any, second: Any) -> np.ndarray:
        u, v = (first - self._middle[0]) / self._scale[0], (second - self._middle[1]) / self._scale[1]
        terms = [np.ones_like(u), u, v]
        if self._order == 2:
            terms += [u * u, u * v, v * v]
        return np.stack(terms, axis=-1)
