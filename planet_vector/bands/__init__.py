"""Bands of the files of each provider, and what a source states about one band of a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from planet_vector.assets import SpectralBand


@dataclass(frozen=True)
class BandInfo:
    """One band of a file.

    Attributes
    ----------
    band : SpectralBand
        Its name, common name and band pass.
    scale, offset : float or None
        Factor and summand that convert stored values to reflectance or kelvin; None if no source states them.
    nodata : float or None
        The value of pixels without data.
    unit : str
        Unit of the converted values, such as ``K``; empty if they have none.
    """

    band: SpectralBand
    scale: Optional[float] = None
    offset: Optional[float] = None
    nodata: Optional[float] = None
    unit: str = ""


COMMON_NAMES = frozenset(
    "pan coastal blue green green05 yellow red rededge rededge071 rededge075 rededge078 nir nir08 nir09 cirrus swir16"
    " swir22 lwir lwir11 lwir12".split()
)
"""Common names of bands in STAC's extension eo, version 2.0."""
