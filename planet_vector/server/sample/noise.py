"""Position-dependent randomness: hashes and smooth noise of ground coordinates.

Everything here is a pure function of position and seed, so that pictures of the same ground agree regardless of their
extent, pixel size and projection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Tuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Hashes = npt.NDArray[np.uint32]

# The standard deviation of a cubic B-spline through independent values in -1…1 is about 0.28; this brings it to 0.5.
_UNIT = 1.8


def hashed(ix: npt.ArrayLike, iy: npt.ArrayLike, seed: int) -> Hashes:
    """Return a 32-bit hash of every integer position.

    The multipliers are the primes of xxHash; the finisher is "lowbias32" of Chris Wellons' hash prospector.

    Parameters
    ----------
    ix, iy : array of int
        Positions; broadcast against each other.
    seed : int
        Seed of the hash.
    """
    # At least one dimension: for scalars, numpy would warn of the intended overflow.
    x = np.atleast_1d(ix).astype(np.int64).astype(np.uint32)
    y = np.atleast_1d(iy).astype(np.int64).astype(np.uint32)
    h = x * np.uint32(0x9E3779B1) ^ y * np.uint32(0x85EBCA77) ^ np.uint32(seed * 0xC2B2AE3D & 0xFFFFFFFF)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x7FEB352D)
    h ^= h >> np.uint32(15)
    h *= np.uint32(0x846CA68B)
    return np.asarray(h ^ (h >> np.uint32(16)))


def uniform(h: Hashes, salt: int = 0) -> Floats:
    """Return hashes as numbers from 0 to 1.

    Parameters
    ----------
    h : array of uint32
        Hashes.
    salt : int
        Different values give independent numbers.
    """
    if salt:
        h = (h ^ np.uint32(salt * 0x9E3779B1 & 0xFFFFFFFF)) * np.uint32(0x2C1B3C6D)
        h = h ^ (h >> np.uint32(15))
    return np.asarray((h >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24))


def smooth(xs: npt.NDArray[np.float64], ys: npt.NDArray[np.float64], wavelength: float, seed: int) -> Floats:
    """Return noise of about one wavelength over the grid that two axes span.

    Cubic B-splines through random values on a lattice: smooth to the second derivative, and separable, so that a
    grid of any size costs four weighted sums along each axis.

    Parameters
    ----------
    xs, ys : array of float, shape (n,)
        Positions of the columns and of the rows, metres.
    wavelength : float
        Wavelength, metres.
    seed : int
        Seed of the noise.

    Returns
    -------
    array of float32, shape (len(ys), len(xs))
        Mean 0, standard deviation about 0.5.
    """
    # Lattices of different seeds are offset, so that their seams do not coincide.
    shift = uniform(hashed([1, 2], [3, 4], seed)) * 1000.0
    columns, across = _taps(xs / (wavelength / 2) + float(shift[0]))
    rows, down = _taps(ys / (wavelength / 2) + float(shift[1]))
    left, top = int(columns.min()) - 1, int(rows.min()) - 1
    ix, iy = np.arange(left, int(columns.max()) + 3), np.arange(top, int(rows.max()) + 3)
    lattice = uniform(hashed(ix[None, :], iy[:, None], seed)) * np.float32(2 * _UNIT) - np.float32(_UNIT)
    # Sums of four terms, not matrix products: the rounding of linear algebra libraries depends on their threads.
    wide = lattice[:, columns - left - 1] * across[0]
    for k in (1, 2, 3):
        wide += lattice[:, columns - left - 1 + k] * across[k]
    found = np.take(wide, rows - top - 1, axis=0) * down[0][:, None]
    for k in (1, 2, 3):
        found += np.take(wide, rows - top - 1 + k, axis=0) * down[k][:, None]
    return found


def fractal(
    xs: npt.NDArray[np.float64],
    ys: npt.NDArray[np.float64],
    longest: float,
    shortest: float,
    seed: int,
    gain: float = 0.5,
) -> Floats:
    """Return the sum of `smooth` noise of wavelengths that halve approximately from octave to octave.

    Wavelengths below two steps of the grid are omitted, as they would only alias.

    Parameters
    ----------
    xs, ys : array of float, shape (n,)
        Positions of the columns and of the rows, evenly spaced, metres.
    longest, shortest : float
        Range of wavelengths, metres.
    seed : int
        Seed of the noise.
    gain : float
        Ratio of the amplitudes of successive octaves.

    Returns
    -------
    array of float32, shape (len(ys), len(xs))
        Mean 0; the first octave has a standard deviation of about 0.5.
    """
    step = max(abs(float(xs[1] - xs[0])), abs(float(ys[1] - ys[0])))
    total = np.zeros((len(ys), len(xs)), dtype=np.float32)
    strength, octave = 1.0, 0
    while longest >= max(shortest, 2 * step):
        total += np.float32(strength) * smooth(xs, ys, longest, seed + 101 * octave)
        longest /= 1.93  # not exactly 2, so that the lattices of the octaves never coincide
        strength *= gain
        octave += 1
    return total


def _taps(positions: npt.NDArray[np.float64]) -> Tuple[npt.NDArray[np.int64], List[Floats]]:
    """Return the integer below each position, and the cubic B-spline weights of four integers from the previous one."""
    cell = np.floor(positions).astype(np.int64)
    t = (positions - cell).astype(np.float32)
    weights = [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]
    return cell, [weight / 6 for weight in weights]


@dataclass(frozen=True)
class Cells:
    """Voronoi partition of a grid around one jittered point per lattice square.

    Attributes
    ----------
    key : array of uint32
        A hash that identifies the cell.
    ix, iy : array of int32
        The lattice square of the cell's point.
    dx, dy : array of float32
        Offset of the position from the cell's point, metres.
    border : array of float32
        Distance to the nearest edge of the cell, metres.
    """

    key: Hashes
    ix: npt.NDArray[np.int32]
    iy: npt.NDArray[np.int32]
    dx: Floats
    dy: Floats
    border: Floats


def cell_points(ix: npt.ArrayLike, iy: npt.ArrayLike, size: float, seed: int, jitter: float) -> Tuple[Floats, Floats]:
    """Return the random point of each lattice square.

    Parameters
    ----------
    ix, iy : array of int
        Lattice squares; broadcast against each other.
    size : float
        Side of a square, metres.
    seed : int
        Seed of the points.
    jitter : float
        Range of the points relative to the square: 0 is its centre, 1 the whole square.

    Returns
    -------
    x, y : array of float32
        Positions, metres.
    """
    h = hashed(ix, iy, seed)
    px = (np.atleast_1d(ix) + 0.5 + jitter * (uniform(h, 1) - 0.5)) * size
    py = (np.atleast_1d(iy) + 0.5 + jitter * (uniform(h, 2) - 0.5)) * size
    return px.astype(np.float32), py.astype(np.float32)


def cells(x: Floats, y: Floats, size: float, seed: int, jitter: float = 0.8, borders: bool = True) -> Cells:
    """Partition positions into Voronoi cells.

    Parameters
    ----------
    x, y : array of float
        Positions, metres.
    size : float
        Approximate size of a cell, metres.
    seed : int
        Seed of the cells.
    jitter : float
        Irregularity of the cells: 0 gives squares.
    borders : bool
        Whether to compute the distance to the border; False saves time and leaves it infinite.

    Returns
    -------
    Cells
        Arrays of the shape of `x`.
    """
    cx, cy = np.floor(x / size).astype(np.int32), np.floor(y / size).astype(np.int32)
    # Compute the points of all squares in reach once, and look them up: there are far more positions than squares.
    left, top = int(cx.min()) - 1, int(cy.min()) - 1
    columns, rows = np.arange(left, int(cx.max()) + 2), np.arange(top, int(cy.max()) + 2)
    px, py = (p.ravel() for p in cell_points(*np.meshgrid(columns, rows), size, seed, jitter))
    home = (cy - top) * len(columns) + (cx - left)
    best = np.full(x.shape, np.inf, dtype=np.float32)
    where = np.zeros(x.shape, dtype=np.int32)
    around = []
    for oy in (-1, 0, 1):
        for ox in (-1, 0, 1):
            index = home + np.int32(oy * len(columns) + ox)
            distance = np.square(x - np.take(px, index)) + np.square(y - np.take(py, index))
            nearer = distance < best
            np.copyto(best, distance, where=nearer)
            np.copyto(where, index, where=nearer)
            around.append((index, distance))
    nx, ny = np.take(px, where), np.take(py, where)
    border = np.full(x.shape, np.inf, dtype=np.float32)
    # The distance to a bisector is half the difference of squared distances over the separation of the points.
    apart = np.hypot(px[:, None] - px[None, :], py[:, None] - py[None, :]) * 2
    np.fill_diagonal(apart, np.nan)  # a point has no bisector with itself: fmin ignores NaN
    for index, distance in around if borders else ():
        np.fmin(border, (distance - best) / np.take(apart, where * len(px) + index), out=border)
    ix, iy = where % len(columns) + left, where // len(columns) + top
    return Cells(hashed(ix, iy, seed + 7), ix.astype(np.int32), iy.astype(np.int32), x - nx, y - ny, border)
