"""Documented bands and masks of the products of the Scenes API v0, for client and service."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Mapping, Optional, Tuple

from planet_vector.assets import MaskAsset, SpectralBand
from planet_vector.bands import planet, rapideye
from planet_vector.bands.landsat import band_of
from planet_vector.bands.masks import QA_PIXEL, SCL, UDM, UDM2, Rules, mask_by
from planet_vector.bands.sentinel2 import IMAGES

_LANDSAT = re.compile(r"band_(\d{1,2})")
_QUALITY = (SpectralBand("quality assessment"),)
_SENTINEL: Mapping[str, Tuple[SpectralBand, ...]] = {
    # An asset of one band is named by it.
    image.product: tuple(band._replace(name="") for band in image.bands) if len(image.bands) == 1 else image.bands
    for image in IMAGES.values()
}
_RULES: Tuple[Tuple[str, str, Tuple[SpectralBand, ...]], ...] = (
    (r".*", r"(\w+_)?udm2", planet.UDM2),
    (r".*", r"(\w+_)?udm", planet.UDM),
    (r"rapideye", r"analytic(_sr)?", rapideye.ANALYTIC),
    (r"skysat", r"(analytic|pansharpened)(_dn|_sr)?", planet.SKYSAT),
    (r"skysat", r"panchromatic(_dn)?", planet.SKYSAT_PAN),
    (r"ortho", r"analytic_8b(_sr)?", planet.EIGHT),
    (r"ortho", r"analytic_5b", planet.FIVE),
    (r"ortho", r"analytic_3b", planet.RGB),
    (r"ortho|rapideye|skysat", r"visual", planet.RGB),
)
_MASKS: Rules = (
    (r"ortho|skysat", r"(?:.*_)?udm2?", r"\g<0>", UDM2),
    (r"ortho", r"(basic_|).*", r"\1udm2", UDM2),
    (r"rapideye", r"(basic_|).*", r"\1udm", UDM),
    (r"skysat", r"((?:basic_)?(?:analytic|panchromatic|pansharpened)).*", r"\1_udm2", UDM2),
    (r"skysat", r"visual", r"pansharpened_udm2", UDM2),
    (r"sentinel2", r"band_\w+|visual", r"scl", SCL),
    (r"landsat", r"band_\w+|visual", r"qa", QA_PIXEL),
)


@lru_cache(maxsize=4096)
def bands_of(scene_type: str, product: str, sensor: str) -> Tuple[SpectralBand, ...]:
    """Return the documented bands of a product; empty if they are not documented.

    Parameters
    ----------
    scene_type, product : str
        Names of the scene type and of the product.
    sensor : str
        The sensor of a Landsat scene, as `planet_vector.bands.landsat.sensor_of` returns it.
    """
    for kind, name, bands in _RULES:
        if re.fullmatch(kind, scene_type) and re.fullmatch(name, product):
            return bands
    if scene_type == "landsat":
        numbered = _LANDSAT.fullmatch(product)
        return band_of(sensor, int(numbered[1])) if numbered else _QUALITY if product == "qa" else ()
    return _SENTINEL.get(product, ()) if scene_type == "sentinel2" else ()


def variants_of(scene_type: str, product: str) -> Tuple[Tuple[SpectralBand, ...], ...]:
    """Return the bands that files of a product may have, which then have as many; empty if they are not documented.

    Parameters
    ----------
    scene_type, product : str
        Names of the scene type and of the product.
    """
    several = scene_type == "ortho" and re.fullmatch(r"analytic(_dn|_sr)?", product)
    return (planet.RGB, planet.FOUR, planet.FIVE, planet.EIGHT) if several else ()


@lru_cache(maxsize=4096)
def mask_of(scene_type: str, product: str, sensor: str) -> Optional[MaskAsset]:
    """Return the product that masks another, or None if there is none.

    Parameters
    ----------
    scene_type, product : str
        Names of the scene type and of the product.
    sensor : str
        The sensor of a Landsat scene, as `planet_vector.bands.masks.sensor_of_collection_2` returns it.
    """
    return mask_by(_MASKS, scene_type, product, sensor)
