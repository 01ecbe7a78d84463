"""Documented bands of the products of the Scenes API v0."""

from __future__ import annotations

from typing import Mapping, Tuple

from planet_vector.assets import SpectralBand
from planet_vector.bands.landsat import OLI_TIRS

BANDS: Mapping[str, Mapping[str, Tuple[SpectralBand, ...]]] = {
    "landsat": {
        # An asset has one band, which is named by it.
        **{f"band_{number}": (band._replace(name=""),) for number, band in OLI_TIRS.items()},
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
