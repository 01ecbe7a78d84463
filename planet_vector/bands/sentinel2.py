"""Bands of Sentinel-2's MSI, and the names of the images of a scene.

Centres and widths: European Space Agency, Sentinel-2 User Handbook, table 1, as the STAC collections
``sentinel-2-l1c`` and ``sentinel-2-l2a`` of Earth Search state them, whose asset keys are used too. A product's own
metadata has the values of its satellite.
"""

from __future__ import annotations

from typing import Mapping, NamedTuple, Tuple

from planet_vector.assets import SpectralBand


class Sentinel2Image(NamedTuple):
    """Names of an image of a scene in each API.

    Attributes
    ----------
    product : str
        Product in v0.
    v1 : str
        Asset in the Data API v1.
    key : str
        Asset key in STAC.
    roles : tuple of str
        STAC roles.
    bands : tuple of SpectralBand
        Its bands in order.
    """

    product: str
    v1: str
    key: str
    roles: Tuple[str, ...]
    bands: Tuple[SpectralBand, ...]


_BANDS = (
    ("B01", "coastal", "coastal", 0.443, 0.027),
    ("B02", "blue", "blue", 0.490, 0.098),
    ("B03", "green", "green", 0.560, 0.045),
    ("B04", "red", "red", 0.665, 0.038),
    ("B05", "rededge1", "rededge", 0.704, 0.019),
    ("B06", "rededge2", "rededge", 0.740, 0.018),
    ("B07", "rededge3", "rededge", 0.783, 0.028),
    ("B08", "nir", "nir", 0.842, 0.145),
    ("B8A", "nir08", "nir08", 0.865, 0.033),
    ("B09", "nir09", "nir09", 0.945, 0.026),
    ("B10", "cirrus", "cirrus", 1.3735, 0.075),
    ("B11", "swir16", "swir16", 1.610, 0.143),
    ("B12", "swir22", "swir22", 2.190, 0.242),
)
_COLOURS = {"red": "Red", "green": "Green", "blue": "Blue"}

BAND_IDS: Tuple[str, ...] = tuple(row[0] for row in _BANDS)
"""Names of the bands in the order of ``band_id`` and ``bandId`` in a product's metadata."""


def _image(name: str, key: str, common: str, centre: float, width: float) -> Sentinel2Image:
    number = name[1:].lstrip("0").lower()
    low, high = round(centre - width / 2, 5), round(centre + width / 2, 5)
    band = SpectralBand(key, low, high, _COLOURS.get(common, "Gray"), name, common)
    return Sentinel2Image(f"band_{number}", f"analytic_b{number}", key, ("data", "reflectance"), (band,))


def _other(name: str, description: str) -> Sentinel2Image:
    band = SpectralBand(description, name=name)
    return Sentinel2Image(name.lower(), name.lower(), name.lower(), ("data",), (band,))


_TRUE_COLOUR = tuple(
    SpectralBand(name, None, None, colour, name, name)
    for name, colour in (("red", "Red"), ("green", "Green"), ("blue", "Blue"))
)

IMAGES: Mapping[str, Sentinel2Image] = {
    **{row[0]: _image(*row) for row in _BANDS},
    "TCI": Sentinel2Image("visual", "visual", "visual", ("visual",), _TRUE_COLOUR),
    "SCL": _other("SCL", "scene classification"),
    "AOT": _other("AOT", "aerosol optical thickness"),
    "WVP": _other("WVP", "water vapour"),
}
"""Images by the name in their files."""
