"""Bands of RapidEye's satellites.

Band passes: Planet Labs, RapidEye Imagery Product Specification, version 6.1 (2016), table of the sensor's bands.
"""

from __future__ import annotations

from typing import Tuple

from planet_vector.assets import SpectralBand

ANALYTIC: Tuple[SpectralBand, ...] = (
    SpectralBand("blue", 0.44, 0.51, "Blue", "blue", "blue"),
    SpectralBand("green", 0.52, 0.59, "Green", "green", "green"),
    SpectralBand("red", 0.63, 0.685, "Red", "red", "red"),
    SpectralBand("red edge", 0.69, 0.73, "Gray", "red_edge", "rededge"),
    SpectralBand("near infrared", 0.76, 0.85, "Gray", "nir", "nir"),
)
"""Bands 1 to 5, in the order of the files."""
