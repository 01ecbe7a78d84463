"""Assets of a scene: its files at the service, and their bands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import FrozenSet, Mapping, NamedTuple, Optional, Sequence, Tuple


class SpectralBand(NamedTuple):
    """Band of a sensor.

    Attributes
    ----------
    description : str
        What the band shows.
    low, high : float or None
        Limits of the band pass in micrometres.
    colour : str
        GDAL's colour interpretation.
    name : str
        The band's own name, such as ``red_edge``; empty if it is named by its asset only.
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
    def label(self) -> str:
        """The name by what the band shows: its own if that is a word, such as ``red_edge``, else the common name."""
        own = self.name if re.fullmatch(r"[a-z]{2,}[a-z0-9_]*", self.name) else ""
        return own or self.common or self.name or self.description

    @property
    def centre(self) -> Optional[float]:
        """The central wavelength in micrometres."""
        return None if self.low is None or self.high is None else round((self.low + self.high) / 2, 5)

    @property
    def width(self) -> Optional[float]:
        """The width of the band pass in micrometres."""
        return None if self.low is None or self.high is None else round(self.high - self.low, 5)


class PixelClasses(NamedTuple):
    """Classes of pixels in a mask of usable pixels.

    Attributes
    ----------
    name : str
        Its kind, such as ``udm2``.
    shown : mapping of str to mapping
        By the word for what is hidden, such as ``clouds``: by the number of a band of the mask, counted from 1, the
        values of the pixels that are not hidden.
    bits : int
        The bits of a pixel that tell its class, to which `shown` refers; 0 for its whole value.
    """

    name: str
    shown: Mapping[str, Mapping[int, FrozenSet[int]]]
    bits: int = 0


class MaskAsset(NamedTuple):
    """Asset that masks the pixels of another.

    Attributes
    ----------
    asset : str
        Its name. The scene may lack it.
    classes : PixelClasses
        The classes of its pixels.
    """

    asset: str
    classes: PixelClasses


class BandValues(NamedTuple):
    """Nodata, scale and offset of a band as its service states them, for files that lack them.

    Attributes
    ----------
    nodata : float or None
        The value of missing data; may be NaN.
    scale, offset : float
        The physical value of a pixel is ``pixel * scale + offset``.
    """

    nodata: Optional[float] = None
    scale: float = 1.0
    offset: float = 0.0


class AssetPlace(NamedTuple):
    """Where a file lies, and whether it can be opened: a part of an `Asset`, which is quicker to find.

    Attributes
    ----------
    href, on_request, refusal, gdal_name
        As in `Asset`.
    """

    href: str
    on_request: bool
    refusal: str
    gdal_name: str


@dataclass(frozen=True)
class Asset:
    """File of a scene at the service.

    Attributes
    ----------
    name : str
        Its name within the scene, such as ``visual``.
    href : str
        Its URL, as the service returned it.
    media_type : str
        Such as ``image/tiff; application=geotiff``.
    roles : tuple of str
        Its STAC roles, such as ``data`` or ``visual``.
    bands : tuple of SpectralBand
        Its bands in order, from the service's documentation; empty if they are not documented.
    on_request : bool
        Whether the service returns the file's address only on request: the transport of its catalog resolves `href`,
        other programs cannot open it.
    permitted : bool
        Whether the key of the search may download it.
    refusal : str
        Why the file cannot be opened as a raster, as the end of a sentence about it; empty if it can.
    mask : MaskAsset, optional
        The asset that contains its mask of usable pixels; None if no such asset is known.
    band_variants : tuple of tuple of SpectralBand
        The bands by their number, if `bands` is empty since files of the product differ in it.
    values : tuple of BandValues
        Values of its bands in order; empty if the service does not state them.
    gsd : float or None
        Its ground sample distance in metres, if it differs among assets of the scene.
    gdal_name : str
        Name by which any GDAL opens the file with the user's own settings; empty for ``/vsicurl/`` and `href`.
    """

    name: str
    href: str
    media_type: str = "image/tiff; application=geotiff"
    roles: Tuple[str, ...] = ("data",)
    bands: Tuple[SpectralBand, ...] = ()
    on_request: bool = False
    permitted: bool = True
    refusal: str = ""
    values: Tuple[BandValues, ...] = ()
    gsd: Optional[float] = None
    gdal_name: str = ""
    mask: Optional[MaskAsset] = None
    band_variants: Tuple[Tuple[SpectralBand, ...], ...] = ()

    def bands_among(self, count: int) -> Tuple[SpectralBand, ...]:
        """Return the bands of a file with some number of bands; empty if they are not documented.

        Parameters
        ----------
        count : int
            The number of bands in the file, without alpha.
        """
        variants = (self.bands,) if self.bands else self.band_variants
        return next((bands for bands in variants if len(bands) == count), ())

    def labels(self, own: Sequence[Optional[str]], alpha: Sequence[bool]) -> Tuple[Optional[str], ...]:
        """Return the names of a file's bands: those in the file, or if it has none, what the bands show.

        Parameters
        ----------
        own : sequence of str or None
            The description of each band in the file; empty or None if it has none.
        alpha : sequence of bool
            Whether each band is alpha.

        Returns
        -------
        tuple of str or None
            None for a band without a name, such as alpha, or if the bands are not documented.
        """
        if any(own):
            return tuple(name or None for name in own)
        shown = [number for number, hides in enumerate(alpha) if not hides]
        names = dict(zip(shown, (band.label for band in self.bands_among(len(shown)))))
        return tuple(map(names.get, range(len(own))))


class AssetState(NamedTuple):
    """State of an asset at a service that makes files available on request.

    Attributes
    ----------
    name : str
        The asset's name.
    status : str
        ``active``, ``activating`` or ``inactive``.
    permitted : bool
        Whether the key may download it.
    link : str
        The URL of its state; empty if unknown.
    activation : str
        The URL that activates it; empty if unknown.
    location : str
        The URL of its file; empty if it is not active.
    md5 : str
        MD5 digest of its file in hexadecimal; empty if unknown.
    """

    name: str
    status: str
    permitted: bool
    link: str = ""
    activation: str = ""
    location: str = ""
    md5: str = ""

    def __repr__(self) -> str:
        # Without the links: the location contains a token.
        return f"AssetState({self.name!r}, {self.status!r}, permitted={self.permitted})"
