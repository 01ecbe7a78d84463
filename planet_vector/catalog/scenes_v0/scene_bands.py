"""Documented bands of the products of the Scenes API v0.

Landsat 8: centre and full width of each band in micrometres, U.S. Geological Survey, Landsat 8 Data Users Handbook
(LSDS-1574, version 5.0), table 2-1.
"""

from __future__ import annotations

from typing import Mapping, Tuple

from planet_vector.assets import SpectralBand

BANDS: Mapping[str, Mapping[str, Tuple[SpectralBand, ...]]] = {
    "landsat": {
        "band_1": (SpectralBand("coastal aerosol", 0.435, 0.451),),
        "band_2": (SpectralBand("blue", 0.452, 0.512, "Blue", common="blue"),),
        "band_3": (SpectralBand("green", 0.533, 0.590, "Green", common="green"),),
        "band_4": (SpectralBand("red", 0.636, 0.673, "Red", common="red"),),
        "band_5": (SpectralBand("near infrared", 0.851, 0.879),),
        "band_6": (SpectralBand("short-wave infrared 1", 1.566, 1.651),),
        "band_7": (SpectralBand("short-wave infrared 2", 2.107, 2.294),),
        "band_8": (SpectralBand("panchromatic", 0.503, 0.676),),
        "band_9": (SpectralBand("cirrus", 1.363, 1.384),),
        "band_10": (SpectralBand("thermal infrared 1", 10.60, 11.19),),
        "band_11": (SpectralBand("thermal infrared 2", 11.50, 12.51),),
        "qa": (SpectralBand("quality assessment"),),
    },
    "rapideye": {
        "analytic": (
            SpectralBand("blue", name="blue", common="blue"),
            SpectralBand("green", name="green", common="green"),
            SpectralBand("red", name="red", common="red"),
            SpectralBand("red edge", name="red_edge", common="rededge"),
            SpectralBand("near infrared", name="nir", common="nir"),
        )
    },
}
"""Bands by scene type and product."""
