"""What is known of bands beside their pixels: names, wavelengths, colours.

Landsat 8: centre and full width of each band in micrometres, U.S. Geological Survey, Landsat 8 Data Users Handbook
(LSDS-1574, version 5.0), table 2-1.
"""

from __future__ import annotations

from typing import Mapping, NamedTuple, Optional


class SpectralBand(NamedTuple):
    """Band of a sensor.

    Attributes
    ----------
    description : str
        What it shows.
    low, high : float or None
        Where its band pass begins and ends, in micrometres.
    colour : str
        GDAL's colour interpretation.
    """

    description: str
    low: Optional[float] = None
    high: Optional[float] = None
    colour: str = "Gray"

    @property
    def centre(self) -> Optional[float]:
        """The central wavelength in micrometres."""
        return None if self.low is None or self.high is None else round((self.low + self.high) / 2, 5)

    @property
    def width(self) -> Optional[float]:
        """The width of the band pass in micrometres."""
        return None if self.low is None or self.high is None else round(self.high - self.low, 5)


LANDSAT: Mapping[str, SpectralBand] = {
    "band_1": SpectralBand("coastal aerosol", 0.435, 0.451),
    "band_2": SpectralBand("blue", 0.452, 0.512, "Blue"),
    "band_3": SpectralBand("green", 0.533, 0.590, "Green"),
    "band_4": SpectralBand("red", 0.636, 0.673, "Red"),
    "band_5": SpectralBand("near infrared", 0.851, 0.879),
    "band_6": SpectralBand("short-wave infrared 1", 1.566, 1.651),
    "band_7": SpectralBand("short-wave infrared 2", 2.107, 2.294),
    "band_8": SpectralBand("panchromatic", 0.503, 0.676),
    "band_9": SpectralBand("cirrus", 1.363, 1.384),
    "band_10": SpectralBand("thermal infrared 1", 10.60, 11.19),
    "band_11": SpectralBand("thermal infrared 2", 11.50, 12.51),
    "qa": SpectralBand("quality assessment"),
}
"""Landsat 8's products, each a band."""
