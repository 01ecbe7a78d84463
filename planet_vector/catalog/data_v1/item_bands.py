"""Products, bands and masks of item types.

The limits of four bands differ between sensors.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Mapping, Optional, Tuple

from planet_vector.assets import MaskAsset, SpectralBand
from planet_vector.bands import planet, rapideye, scenes_v0
from planet_vector.bands.landsat import band_of
from planet_vector.bands.masks import QA_PIXEL, SCL, UDM, UDM2, Rules, mask_by
from planet_vector.bands.sentinel2 import IMAGES

_RULES: Tuple[Tuple[str, str, Tuple[SpectralBand, ...]], ...] = (
    (r".*", r"(\w+_)?udm2", planet.UDM2),
    (r".*", r"(\w+_)?udm", planet.UDM),
    (r"PSScene", r"(ortho|basic)_analytic_8b(_sr)?", planet.EIGHT),
    (r"PSScene", r"(ortho|basic)_analytic_4b(_sr)?", planet.FOUR),
    (r"PSScene", r"(ortho|basic)_analytic_3b", planet.RGB),
    (r"PSScene4Band", r"(basic_)?analytic(_dn|_sr)?", planet.FOUR),
    (r"PSScene3Band", r"(basic_)?analytic(_dn|_sr)?", planet.RGB),
    (r"PSOrthoTile", r"analytic(_dn|_sr)?", planet.FOUR),
    (r"PSOrthoTile", r"analytic_5b", planet.FIVE),
    (r"REOrthoTile", r"analytic(_5b|_sr)?", rapideye.ANALYTIC),
    (r"SkySat(Scene|Collect)", r"(ortho|basic)_(analytic|pansharpened)(_dn|_sr)?", planet.SKYSAT),
    (r"SkySat(Scene|Collect)", r"(ortho|basic)(_l1a)?_panchromatic(_dn)?", planet.SKYSAT_PAN),
    (r".*", r"(ortho_)?visual", planet.RGB),
)

# An asset of one band is named by it.
_SENTINEL: Mapping[str, Tuple[SpectralBand, ...]] = {
    image.v1: (image.bands[0]._replace(name=""),) for image in IMAGES.values() if len(image.bands) == 1
}
_LANDSAT = re.compile(r"Landsat\dL(?:1G|2)/analytic_b(\d{1,2})")

_MASKS: Rules = (
    (r"PSScene", r"(ortho|basic)_.*", r"\1_udm2", UDM2),
    (r"PSScene4Band|PSOrthoTile", r"(basic_|)(analytic|visual).*", r"\1udm2", UDM2),
    (r"PSScene3Band|RE(OrthoTile|Scene)", r"(basic_|)(analytic|visual).*", r"\1udm", UDM),
    (r"SkySat.*", r"(?:.*_)?udm2?", r"\g<0>", UDM2),
    (r"SkySat.*", r"((?:ortho|basic)_(?:analytic|panchromatic|pansharpened)).*", r"\1_udm2", UDM2),
    (r"SkySat.*", r"ortho_visual", r"ortho_pansharpened_udm2", UDM2),
    (r"Sentinel2L2A", r"analytic_b\w+|visual", r"scl", SCL),
    (r"Landsat.*", r"analytic_b\d\w*|visual", r"analytic_bqa", QA_PIXEL),
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


@lru_cache(maxsize=4096)
def bands_of(item_type: str, asset: str, sensor: str) -> Tuple[SpectralBand, ...]:
    """Return the documented bands of an asset; empty if they are not documented.

    Item types of archives, which Planet's service does not have, have the products of the Scenes API.

    Parameters
    ----------
    item_type, asset : str
        Names of the item type and of the asset.
    sensor : str
        The sensor of a Landsat scene, as `planet_vector.bands.landsat.sensor_of` returns it.
    """
    for kind, name, bands in _RULES:
        if re.fullmatch(kind, item_type) and re.fullmatch(name, asset):
            return bands
    numbered = _LANDSAT.fullmatch(f"{item_type}/{asset}")
    if numbered:
        return band_of(sensor, int(numbered[1]))
    if item_type in ("Sentinel2L1C", "Sentinel2L2A"):
        return _SENTINEL.get(asset, ())
    return scenes_v0.bands_of(item_type, asset, sensor)


@lru_cache(maxsize=4096)
def mask_of(item_type: str, asset: str, sensor: str) -> Optional[MaskAsset]:
    """Return the asset that masks another, or None if there is none.

    Item types of archives have the masks of the Scenes API, as they have its products.

    Parameters
    ----------
    item_type, asset : str
        Names of the item type and of the asset.
    sensor : str
        The sensor of a Landsat scene, as `planet_vector.bands.masks.sensor_of_collection_2` returns it.
    """
    return mask_by(_MASKS, item_type, asset, sensor) or scenes_v0.mask_of(item_type, asset, sensor)


@lru_cache(maxsize=4096)
def media_type_of(asset: str) -> str:
    """Return the media type of an asset, by its name: an asset is a GeoTIFF unless its name tells otherwise.

    Parameters
    ----------
    asset : str
        Name of the asset.
    """
    found = [kind for pattern, kind in _OTHER_FILES if pattern.fullmatch(asset)]
    return found[-1] if found else "image/tiff; application=geotiff"
