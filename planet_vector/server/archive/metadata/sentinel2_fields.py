"""Fields and bands of a Sentinel-2 scene, by the metadata of its product and of its tile."""

from __future__ import annotations

import math
from typing import Dict, List, Mapping, NamedTuple, Optional
from xml.etree.ElementTree import Element

from planet_vector.assets import SpectralBand
from planet_vector.bands import BandInfo
from planet_vector.bands.sentinel2 import BAND_IDS, IMAGES
from planet_vector.server.archive.fields import SceneFields, direction_or_none, number_or_none, time_or_none
from planet_vector.server.archive.metadata.bounded import elements, first_text, parse_xml
from planet_vector.server.archive.metadata.outline import outline_of

_REFLECTANCE = ("BOA_QUANTIFICATION_VALUE", "L2A_BOA_QUANTIFICATION_VALUE", "QUANTIFICATION_VALUE")
_OFFSETS = ("BOA_ADD_OFFSET", "RADIO_ADD_OFFSET")
_OTHERS = {"AOT": ("AOT_QUANTIFICATION_VALUE", ""), "WVP": ("WVP_QUANTIFICATION_VALUE", "cm")}


class Sentinel2Product(NamedTuple):
    """Metadata of a product (``MTD_MSIL1C.xml``, ``MTD_MSIL2A.xml``).

    Attributes
    ----------
    fields : SceneFields
        Its fields. The time of acquisition is that of the datatake, up to minutes before that of a tile.
    bands : mapping of str to tuple of BandInfo
        Bands by image, with wavelengths of the satellite, scale, offset and nodata.
    """

    fields: SceneFields
    bands: Mapping[str, List[BandInfo]]


def parse_product(content: bytes) -> Sentinel2Product:
    """Parse the metadata of a product.

    Parameters
    ----------
    content : bytes
        The file.

    Returns
    -------
    Sentinel2Product
        Its fields and bands.

    Raises
    ------
    MetadataProblem
        If it cannot be parsed.
    """
    root = parse_xml(content)
    texts = _first_texts(root)
    positions = [float(text) for text in texts.get("EXT_POS_LIST", "").split() if number_or_none(text) is not None]
    pairs = list(zip(positions[1::2], positions[::2]))  # latitude is first
    orbit, baseline = number_or_none(texts.get("SENSING_ORBIT_NUMBER")), texts.get("PROCESSING_BASELINE")
    direction = texts.get("SENSING_ORBIT_DIRECTION")
    datatake = next((element.get("datatakeIdentifier") for element in elements(root, "Datatake")), None)
    generated = texts.get("GENERATION_TIME")
    fields = SceneFields(
        acquired=time_or_none(texts.get("PRODUCT_START_TIME")),
        published=time_or_none(generated),
        geometry=outline_of(pairs),
        cloud_percent=number_or_none(texts.get("Cloud_Coverage_Assessment")),
        satellite=texts.get("SPACECRAFT_NAME"),
        v1=_present(
            {
                "datatake_id": datatake,
                "product_generation_time": generated,
                "rel_orbit_number": None if orbit is None else int(orbit),
                "s2_processor_version": baseline,
            }
        ),
        stac=_present(
            {
                "s2:datatake_id": datatake,
                "s2:processing_baseline": baseline,
                "sat:orbit_state": direction.lower() if direction else None,
                "sat:relative_orbit": None if orbit is None else int(orbit),
            }
        ),
    )
    return Sentinel2Product(fields, _bands(root, texts))


def parse_tile(content: bytes) -> SceneFields:
    """Parse the metadata of a tile (``MTD_TL.xml``).

    Parameters
    ----------
    content : bytes
        The file.

    Returns
    -------
    SceneFields
        Its fields.

    Raises
    ------
    MetadataProblem
        If it cannot be parsed.
    """
    root = parse_xml(content)
    zenith = number_or_none(first_text(root, "Mean_Sun_Angle", "ZENITH_ANGLE"))
    views = list(elements(root, "Mean_Viewing_Incidence_Angle"))
    zeniths = [number_or_none(first_text(view, "ZENITH_ANGLE")) for view in views]
    azimuths = [number_or_none(first_text(view, "AZIMUTH_ANGLE")) for view in views]
    known = [angle for angle in zeniths if angle is not None]
    incidence = sum(known) / len(known) if known else None
    tile = first_text(root, "TILE_ID")
    return SceneFields(
        acquired=time_or_none(first_text(root, "SENSING_TIME")),
        cloud_percent=number_or_none(first_text(root, "CLOUDY_PIXEL_PERCENTAGE")),
        azimuth=mean_direction([angle for angle in azimuths if angle is not None]),
        sun_elevation=None if zenith is None else 90 - zenith,
        sun_azimuth=direction_or_none(first_text(root, "Mean_Sun_Angle", "AZIMUTH_ANGLE")),
        v1=_present({"view_angle": incidence}),
        stac=_present({"view:incidence_angle": incidence, "s2:tile_id": tile}),
    )


def mean_direction(angles: List[float]) -> Optional[float]:
    """Return the mean of directions as vectors, so that 350° and 10° have the mean 0°.

    Parameters
    ----------
    angles : list of float
        Degrees.

    Returns
    -------
    float or None
        Degrees from 0 to 360; None if there are no directions, or they cancel each other.
    """
    east = sum(math.sin(math.radians(angle)) for angle in angles)
    north = sum(math.cos(math.radians(angle)) for angle in angles)
    if math.hypot(east, north) < 1e-9:
        return None
    return math.degrees(math.atan2(east, north)) % 360


def _bands(root: Element, texts: Mapping[str, str]) -> Dict[str, List[BandInfo]]:
    quantification = next((number_or_none(texts[name]) for name in _REFLECTANCE if name in texts), None)
    centres = {}
    for element in elements(root, "Spectral_Information"):
        centre = number_or_none(first_text(element, "Wavelength", "CENTRAL"))
        if centre is not None:
            centres[element.get("bandId")] = centre / 1000  # nm
    offsets = {
        element.get("band_id"): number_or_none(element.text) for name in _OFFSETS for element in elements(root, name)
    }
    nodata = next(
        (
            number_or_none(first_text(element, "SPECIAL_VALUE_INDEX"))
            for element in elements(root, "Special_Values")
            if first_text(element, "SPECIAL_VALUE_TEXT") == "NODATA"
        ),
        None,
    )
    found: Dict[str, List[BandInfo]] = {}
    for number, name in enumerate(BAND_IDS):
        (band,) = IMAGES[name].bands
        offset = offsets.get(str(number))
        scale = 1 / quantification if quantification else None
        total = offset / quantification if offset is not None and quantification else None
        found[name] = [BandInfo(_moved(band, centres.get(str(number))), scale, total, nodata)]
    for name, (key, unit) in _OTHERS.items():
        divisor = number_or_none(texts.get(key))
        found[name] = [BandInfo(IMAGES[name].bands[0], 1 / divisor if divisor else None, None, nodata, unit)]
    found["TCI"] = [BandInfo(band, nodata=nodata) for band in IMAGES["TCI"].bands]
    found["SCL"] = [BandInfo(IMAGES["SCL"].bands[0], nodata=nodata)]
    return found


def _moved(band: SpectralBand, centre: Optional[float]) -> SpectralBand:
    """Return a band with another centre and its own width."""
    if centre is None or band.width is None:
        return band
    return band._replace(low=round(centre - band.width / 2, 5), high=round(centre + band.width / 2, 5))


def _first_texts(root: Element) -> Dict[str, str]:
    """Return the texts of elements by local name; of equal names the first."""
    found: Dict[str, str] = {}
    for element in root.iter():
        text = (element.text or "").strip()
        if text and not len(element):
            found.setdefault(element.tag.rpartition("}")[2], text)
    return found


def _present(values: Mapping[str, object]) -> Dict[str, object]:
    return {name: found for name, found in values.items() if found is not None}
