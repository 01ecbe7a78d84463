"""Canvas for the sample's landscape: noise, cells and soft edges on a rectangle, and materials laid over it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Tuple, Union

import numpy as np
import numpy.typing as npt

from planet_vector.server.sample.noise import Cells, Floats, cells, fractal, smooth

Share = Union[Floats, float]


@dataclass
class Canvas:
    """Canvas for one small rectangle of a landscape.

    Attributes
    ----------
    seed : int
        Seed of the landscape.
    xs, ys : array of float
        Positions of the columns and of the rows, evenly spaced, metres.
    step : float
        Their spacing, metres. Finer details are omitted or softened.
    shares : dict of str to array of float32
        Share of each material, painted so far.
    undistorted : (array, array) of float32, shape (rows, columns)
        Position of each pixel, metres.
    x, y : array of float32, shape (rows, columns)
        The same, gently distorted.
    tone : array of float32, shape (rows, columns)
        Brightness relative to the materials, painted so far.
    """

    seed: int
    xs: npt.NDArray[np.float64]
    ys: npt.NDArray[np.float64]
    step: float
    shares: Dict[str, Floats] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Compute the positions of the pixels."""
        x, y = np.meshgrid(self.xs.astype(np.float32), self.ys.astype(np.float32))
        self.undistorted = x, y
        # A common gentle distortion, so that paths, fields and houses are not perfectly straight.
        self.x = x + 55 * self.noise(1300, 1) + 14 * self.noise(310, 2)
        self.y = y + 55 * self.noise(1300, 3) + 14 * self.noise(310, 4)
        self.tone = np.ones_like(x)

    def noise(self, wavelength: float, salt: int) -> Floats:
        """Return smooth noise; zeros if the wavelength is too short for the pixels.

        Parameters
        ----------
        wavelength : float
            Wavelength, metres.
        salt : int
            Different values give independent noise.
        """
        if wavelength < 2 * self.step:
            return np.zeros((len(self.ys), len(self.xs)), dtype=np.float32)
        return smooth(self.xs, self.ys, wavelength, self.seed * 7919 + salt)

    def rough(self, longest: float, shortest: float, salt: int, gain: float = 0.5) -> Floats:
        """Return fractal noise.

        Parameters
        ----------
        longest, shortest : float
            Range of wavelengths, metres.
        salt : int
            Different values give independent noise.
        gain : float
            Ratio of the amplitudes of successive octaves.
        """
        return fractal(self.xs, self.ys, longest, shortest, self.seed * 7919 + salt, gain)

    def cells(self, size: float, salt: int, jitter: float = 0.8, borders: bool = True) -> Cells:
        """Return the Voronoi cell of each pixel.

        Parameters
        ----------
        size : float
            Approximate size of a cell, metres.
        salt : int
            Different values give independent cells.
        jitter : float
            Irregularity of the cells: 0 gives squares.
        borders : bool
            Whether to compute the distance to the border.
        """
        return cells(self.x, self.y, size, self.seed * 7919 + salt, jitter, borders)

    def edge(self, distance: Floats, width: float = 0.0) -> Floats:
        """Return the coverage of an area from 0 to 1, softened at its edge over a pixel.

        Parameters
        ----------
        distance : array of float
            Signed distance to the edge, metres, positive inside.
        width : float
            Minimum width of the soft edge, metres.
        """
        softness = max(self.step, width)
        return np.asarray(np.clip(distance / np.float32(softness) + np.float32(0.5), 0, 1))

    def slope(self, f: Floats) -> Tuple[Floats, Floats]:
        """Return the gradient of a function to the east and to the north.

        Parameters
        ----------
        f : array of float, shape (rows, columns)
            Values at the pixels.

        Returns
        -------
        east, north : array of float, shape (rows, columns)
            Increase per metre.
        """
        down, right = np.gradient(f, self.step)
        return np.asarray(right), np.asarray(-down)

    def distance(self, f: Floats) -> Floats:
        """Return the approximate signed distance of each pixel to the zero line of a smooth function.

        Parameters
        ----------
        f : array of float, shape (rows, columns)
            Values at the pixels.
        """
        east, north = self.slope(f)
        return np.asarray(f / np.maximum(np.hypot(east, north), np.float32(0.25)))

    def lay(self, cover: Floats, tone: Share = 1.0, **mixture: Share) -> None:
        """Paint a mixture of materials over the existing ones.

        Parameters
        ----------
        cover : array of float, shape (rows, columns)
            Opacity from 0 to 1.
        tone : array of float, or float
            Brightness relative to the material.
        **mixture : array of float, or float
            Share of each material; the shares sum to 1.
        """
        keep = 1 - cover
        for share in self.shares.values():
            share *= keep
        for name, part in mixture.items():
            more = np.asarray(cover * part, dtype=np.float32)
            self.shares[name] = self.shares[name] + more if name in self.shares else more
        self.tone = self.tone * keep + cover * tone
