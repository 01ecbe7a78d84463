"""Bands of the rasters of Planet's items: their names, wavelengths and scale."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from planet_vector.assets import SpectralBand
from planet_vector.bands import BandInfo, planet, rapideye
from planet_vector.pixels.opening import open_raster
from planet_vector.server.archive.band_names import bands_of
from planet_vector.server.archive.fields import number_or_none
from planet_vector.server.archive.metadata.planet_xml import PlanetXml
from planet_vector.server.archive.raster_info import RasterInfo
from planet_vector.server.archive.units import SceneAsset

SURFACE_REFLECTANCE = 0.0001
"""Factor that converts Planet's surface reflectance, stored as integers."""

RADIANCE = "W/(m2 sr um)"
"""Unit of radiance."""

_ALIASES: Mapping[str, str] = {
    "coastal": "coastal_blue",
    "green_ii": "green",
    "near_infrared": "nir",
    "red_edge": "rededge",
    "rededge": "red_edge",
}
_UNNAMED = re.compile(r"band_?\d+", re.IGNORECASE)
_LONGEST = 2**20  # characters of a description that is JSON


class Sources(NamedTuple):
    """Sources of the bands of the rasters of an item.

    Attributes
    ----------
    item_type : str
        Its item type.
    instrument : str or None
        Its instrument.
    xml : mapping of str to PlanetXml
        Metadata by the asset that it describes.
    """

    item_type: str
    instrument: Optional[str]
    xml: Mapping[str, PlanetXml]


def planet_bands(root: Path, sources: Sources, asset: SceneAsset, raster: RasterInfo) -> Tuple[BandInfo, ...]:
    """Return the bands of a raster.

    Descriptions in the file win over the documented bands, which need the documented number of bands.

    Parameters
    ----------
    root : Path
        The archive.
    sources : Sources
        What tells the bands.
    asset : SceneAsset
        Its asset.
    raster : RasterInfo
        Its header.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    name = asset.key
    is_computed = "_bandmath" in asset.path.rpartition("/")[2].lower()
    documented = () if is_computed else documented_bands(sources.item_type, name, raster.bands, sources.instrument)
    bands = named_bands(raster, documented)
    is_mask = re.search(r"(?:^|_)udm2?$", name) is not None
    if is_mask:
        return bands
    if raster.nodata is None and ("analytic" in name or "visual" in name) and not is_computed:
        bands = tuple(replace(band, nodata=0) for band in bands)
    if is_computed or "analytic" not in name:
        return bands
    if name.endswith("_sr"):
        integer = raster.data_type.startswith(("uint", "int"))
        return tuple(replace(band, scale=SURFACE_REFLECTANCE) for band in bands) if integer else bands
    return _calibrated(root, sources, asset, bands)


def named_bands(raster: RasterInfo, documented: Sequence[SpectralBand]) -> Tuple[BandInfo, ...]:
    """Return the bands of a raster by its descriptions, else as they are documented, else by its colours.

    Parameters
    ----------
    raster : RasterInfo
        Its header.
    documented : sequence of SpectralBand
        The documented bands; others than as many as in the raster are used for described bands only.
    """
    own = bands_of(raster)
    described = [text for text in raster.descriptions if text and not _UNNAMED.fullmatch(text)]
    if not described:
        if len(documented) != raster.bands:
            return own
        return tuple(replace(info, band=band) for info, band in zip(own, documented))
    known = {band.name: band for band in documented}
    return tuple(replace(info, band=_described(info.band, known)) for info in own)


def _described(own: SpectralBand, known: Mapping[str, SpectralBand]) -> SpectralBand:
    plain = re.sub(r"[^a-z0-9]+", "_", own.name.lower()).strip("_")
    band = known.get(plain) or known.get(_ALIASES.get(plain, plain))
    return own if band is None else band._replace(name=own.name, description=own.description)


def documented_bands(item_type: str, asset: str, count: int, instrument: Optional[str]) -> Tuple[SpectralBand, ...]:
    """Return the documented bands of an asset; empty if none are.

    Parameters
    ----------
    item_type, asset : str
        Item type and asset of the Data API v1.
    count : int
        Number of bands of the raster, which decides if the name of the asset does not.
    instrument : str or None
        The instrument, such as ``PSB.SD``.
    """
    if re.search(r"(?:^|_)udm2$", asset):
        return planet.UDM2
    if re.search(r"(?:^|_)udm$", asset):
        return planet.UDM
    if "visual" in asset:
        return (*planet.RGB, planet.ALPHA)[: max(count, 3)]
    if item_type == "REScene":
        match = re.fullmatch(r"basic_analytic_b([1-5])", asset)
        return (rapideye.ANALYTIC[int(match[1]) - 1],) if match else rapideye.ANALYTIC
    if item_type.startswith("RE"):
        return rapideye.ANALYTIC if "analytic" in asset else ()
    if item_type.startswith("SkySat"):
        return planet.SKYSAT_PAN if "panchromatic" in asset else planet.SKYSAT
    if not item_type.startswith("PS") or "analytic" not in asset:
        return ()
    named = re.search(r"_([3458])b(?:_|$)", asset)
    by_count: Dict[int, Tuple[SpectralBand, ...]] = {
        3: planet.RGB,
        4: planet.FOUR_BY_INSTRUMENT.get(instrument or "", planet.FOUR),
        5: planet.FIVE,
        8: planet.EIGHT,
    }
    return by_count.get(int(named[1]) if named else count, ())


def _calibrated(root: Path, sources: Sources, asset: SceneAsset, bands: Tuple[BandInfo, ...]) -> Tuple[BandInfo, ...]:
    """Return bands with the factors of the metadata that describes them: to reflectance, else to radiance."""
    xml = sources.xml.get(asset.key)
    first = 1
    if sources.item_type == "REScene":
        match = re.fullmatch(r"basic_analytic_b([1-5])", asset.key)
        xml, first = sources.xml.get("basic_analytic"), int(match[1]) if match else 1
    if xml is not None:
        for factors, unit in ((xml.reflectance, ""), (xml.radiance, RADIANCE)):
            scales = [factors.get(first + place) for place in range(len(bands))]
            if all(scale is not None for scale in scales):
                return tuple(replace(band, scale=scale, unit=unit) for band, scale in zip(bands, scales))
    if sources.item_type.startswith("SkySat"):
        coefficients = _coefficients(root / asset.path)
        if len(coefficients) == len(bands):
            return tuple(replace(band, scale=scale) for band, scale in zip(bands, coefficients))
    return bands


def _coefficients(path: Path) -> List[float]:
    """Return SkySat's factors to reflectance, in the order of bands, from the JSON in the description of the TIFF."""
    with open_raster(path) as dataset:
        text = dataset.tags().get("TIFFTAG_IMAGEDESCRIPTION", "")
    if not text.startswith("{") or len(text) > _LONGEST:
        return []
    try:
        properties = json.loads(text)["properties"]
        found = [number_or_none(value) for value in properties["reflectance_coefficients"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []
    return [value for value in found if value is not None] if None not in found else []
