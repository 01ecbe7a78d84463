"""Reflectance of the landscape's materials in each band, and through the year.

The ground is a mixture of `MATERIALS`; its picture is that mixture times `reflectance` on a day. The values are typical
surface reflectances as in the USGS and ECOSTRESS spectral libraries, rounded.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

BANDS = ("coastal", "blue", "green", "red", "red_edge", "nir", "swir1", "swir2", "warmth")
"""Columns of the table; ``warmth`` is the surface's temperature above the air's, in tens of kelvin."""

MATERIALS = (
    "water", "shallows", "conifer", "broadleaf", "meadow", "cereal",
    "rape", "maize", "soil", "asphalt", "tile", "bright",
)  # fmt: skip
"""Rows of the table: the materials of the ground."""

_SUMMER = np.array(
    [
        # coastal  blue  green   red  r.edge   nir  swir1  swir2  warmth
        [0.034, 0.036, 0.036, 0.019, 0.014, 0.010, 0.004, 0.003, -0.60],
        [0.058, 0.076, 0.088, 0.036, 0.026, 0.020, 0.010, 0.008, -0.40],
        [0.015, 0.020, 0.034, 0.022, 0.070, 0.230, 0.100, 0.045, -0.20],
        [0.018, 0.025, 0.054, 0.030, 0.125, 0.390, 0.180, 0.075, -0.15],
        [0.030, 0.039, 0.078, 0.054, 0.150, 0.400, 0.240, 0.120, 0.20],
        [0.046, 0.060, 0.104, 0.104, 0.170, 0.350, 0.290, 0.180, 0.45],
        [0.038, 0.046, 0.098, 0.078, 0.175, 0.430, 0.260, 0.150, 0.30],
        [0.035, 0.046, 0.080, 0.062, 0.135, 0.350, 0.230, 0.130, 0.25],
        [0.058, 0.070, 0.104, 0.128, 0.160, 0.230, 0.310, 0.260, 0.90],
        [0.085, 0.098, 0.108, 0.115, 0.120, 0.130, 0.150, 0.140, 0.95],
        [0.056, 0.070, 0.092, 0.150, 0.170, 0.200, 0.240, 0.220, 1.00],
        [0.160, 0.200, 0.225, 0.240, 0.250, 0.270, 0.290, 0.250, 0.70],
    ]
)
# Amplitude of each material's seasonal change: the green of spring and the drought of late summer.
_FOLLOWS = np.array([0.0, 0.0, 0.10, 0.55, 0.90, 1.00, 0.90, 0.80, 0.20, 0.0, 0.0, 0.0])
_GREEN = np.array([-0.02, -0.03, 0.03, -0.07, 0.05, 0.13, -0.10, -0.12, -0.30])
_DRY = np.array([0.02, 0.04, 0.04, 0.09, 0.07, -0.06, 0.14, 0.18, 0.30])


def reflectance(day_of_year: int) -> npt.NDArray[np.float32]:
    """Return the reflectance of every material in every band on a day of a northern year.

    All plants change in the same direction (greener until June, drier until September) with different amplitudes, so
    the brighter of two fields stays the brighter one.

    Parameters
    ----------
    day_of_year : int
        From 1 to 366; in the southern hemisphere shifted by half a year.

    Returns
    -------
    array of float32, shape (len(MATERIALS), len(BANDS))
    """
    green = math.exp(-(((day_of_year - 155) / 45) ** 2))
    dry = math.exp(-(((day_of_year - 250) / 50) ** 2))
    change = 1 + _FOLLOWS[:, None] * (green * _GREEN + dry * _DRY)[None, :]
    table = _SUMMER * change
    # Oilseed rape flowers yellow in the first half of May: more green and red.
    bloom = math.exp(-(((day_of_year - 130) / 12) ** 2))
    table[MATERIALS.index("rape")] *= 1 + bloom * np.array([0, 0, 0.09, 0.16, 0.08, 0.02, 0, 0, 0])
    return np.asarray(table, dtype=np.float32)
