"""Products and bands of item types.

Band passes of PlanetScope's sensor PSB.SD: Planet, Imagery Product Specification (2023), section 2.
"""

from __future__ import annotations

import re
from typing import Mapping, Tuple

from planet_vector.assets import SpectralBand

_EIGHT = (
    SpectralBand("coastal blue", 0.431, 0.452, name="coastal_blue", common="coastal"),
    SpectralBand("blue", 0.465, 0.515, "Blue", "blue", "blue"),
    SpectralBand("green I", 0.513, 0.549, "Gray", "green_i"),
    SpectralBand("green", 0.547, 0.583, "Green", "green", "green"),
    SpectralBand("yellow", 0.600, 0.620, "Gray", "yellow", "yellow"),
    SpectralBand("red", 0.650, 0.680, "Red", "red", "red"),
    SpectralBand("red edge", 0.697, 0.713, "Gray", "red_edge", "rededge"),
    SpectralBand("near infrared", 0.845, 0.885, "Gray", "nir", "nir"),
)
# The limits of the four bands differ between sensors.
_FOUR = (
    SpectralBand("blue", None, None, "Blue", "blue", "blue"),
    SpectralBand("green", None, None, "Green", "green", "green"),
    SpectralBand("red", None, None, "Red", "red", "red"),
    SpectralBand("near infrared", None, None, "Gray", "nir", "nir"),
)
_FIVE = (*_FOUR[:3], SpectralBand("red edge", None, None, "Gray", "red_edge", "rededge"), _FOUR[3])
_COLOURS = (_FOUR[2], _FOUR[1], _FOUR[0])
_MASK = tuple(
    SpectralBand(description, name=description.replace(" ", "_"))
    for description in ("clear", "snow", "shadow", "light haze", "heavy haze", "cloud", "confidence", "unusable data")
)

_RULES: Tuple[Tuple[str, str, Tuple[SpectralBand, ...]], ...] = (
    (r".*", r"(\w+_)?udm2", _MASK),
    (r"PSScene", r"(ortho|basic)_analytic_8b(_sr)?", _EIGHT),
    (r"PSScene", r"(ortho|basic)_analytic_4b(_sr)?", _FOUR),
    (r"PSScene4Band", r"(basic_)?analytic(_dn|_sr)?", _FOUR),
    (r"PSOrthoTile", r"analytic(_dn|_sr)?", _FOUR),
    (r"(PSOrthoTile|REOrthoTile)", r"analytic_5b", _FIVE),
    (r"REOrthoTile", r"analytic(_sr)?", _FIVE),
    (r"SkySat(Scene|Collect)", r"(ortho|basic)_(analytic|pansharpened)(_dn|_sr)?", _FOUR),
    (r".*", r"(ortho_)?visual", _COLOURS),
)

PREFERRED: Mapping[str, Tuple[str, ...]] = {
    "PSScene": ("ortho_visual", "ortho_analytic_8b", "ortho_analytic_4b"),
    "PSScene3Band": ("visual", "analytic"),
    "PSScene4Band": ("analytic", "analytic_sr"),
    "PSOrthoTile": ("visual", "analytic"),
    "REOrthoTile": ("visual", "analytic"),
    "REScene": ("basic_analytic_b3",),
    "SkySatScene": ("ortho_visual", "ortho_analytic"),
    "SkySatCollect": ("ortho_visual", "ortho_analytic"),
    "TanagerScene": ("ortho_visual",),
    "Landsat8L1G": ("visual",),
    "Sentinel1": ("ortho_analytic_vv",),
    "Sentinel2L1C": ("visual",),
    **dict.fromkeys(("MOD09GA", "MYD09GA", "MOD09GQ", "MYD09GQ"), ("analytic_sur_refl_b01",)),
}
"""The preferred products of an item type."""

_OTHER_FILES = (
    (re.compile(r"\w*_nitf"), "application/vnd.nitf"),
    (re.compile(r"\w*_xml(_nitf)?"), "application/xml"),
    (re.compile(r"\w*_(rpc|txt|aux)"), "text/plain"),
    (re.compile(r"\w*_rpc_nitf"), "text/plain"),
    (re.compile(r"video_file"), "video/mp4"),
    (re.compile(r"video_metadata"), "application/json"),
    (re.compile(r"video_frames|basic_l1a_all_frames"), "application/zip"),
    (re.compile(r"basic_analytic_sci"), "text/plain"),
)


def bands_of(item_type: str, asset: str) -> Tuple[SpectralBand, ...]:
    """Return the documented bands of an asset; empty if they are not documented.

    Parameters
    ----------
    item_type, asset : str
        Names of the item type and of the asset.
    """
    for kind, name, bands in _RULES:
        if re.fullmatch(kind, item_type) and re.fullmatch(name, asset):
            return bands
    return ()


def media_type_of(asset: str) -> str:
    """Return the media type of an asset, by its name: an asset is a GeoTIFF unless its name tells otherwise.

    Parameters
    ----------
    asset : str
        Name of the asset.
    """
    found = [kind for pattern, kind in _OTHER_FILES if pattern.fullmatch(asset)]
    return found[-1] if found else "image/tiff; application=geotiff"
