"""Assets of a scene: the files a service has of it, and what is known of their bands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Optional, Tuple


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
    name : str
        The band's own name, such as ``red_edge``; empty where it has none but its asset's.
    common : str
        The common name of the band in STAC's extension eo, such as ``rededge``; empty if it has none.
    """

    description: str
    low: Optional[float] = None
    high: Optional[float] = None
    colour: str = "Gray"
    name: str = ""
    common: str = ""

    @property
    def centre(self) -> Optional[float]:
        """The central wavelength in micrometres."""
        return None if self.low is None or self.high is None else round((self.low + self.high) / 2, 5)

    @property
    def width(self) -> Optional[float]:
        """The width of the band pass in micrometres."""
        return None if self.low is None or self.high is None else round(self.high - self.low, 5)


@dataclass(frozen=True)
class Asset:
    """A file that a service has of a scene.

    Attributes
    ----------
    name : str
        By which the scene names it, such as ``visual``.
    href : str
        Its address, as the service gave it.
    media_type : str
        Such as ``image/tiff; application=geotiff``.
    roles : tuple of str
        What it is for, in STAC's words: ``data``, ``visual``.
    bands : tuple of SpectralBand
        What the service's documentation says of its bands, in their order; empty if it says nothing.
    """

    name: str
    href: str
    media_type: str = "image/tiff; application=geotiff"
    roles: Tuple[str, ...] = ("data",)
    bands: Tuple[SpectralBand, ...] = ()
