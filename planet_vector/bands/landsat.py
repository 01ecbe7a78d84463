"""Bands of the Landsat satellites, and the names that USGS gives to the files of a scene.

Band passes: OLI and TIRS from U.S. Geological Survey, Landsat 8 Data Users Handbook (LSDS-1574, version 5.0), table
2-1; MSS, TM and ETM+ as centre and full width from the STAC items of the U.S. Geological Survey (collections
``landsat-c2-l1`` and ``landsat-c2-l2``), whose asset keys and roles are used too. The panchromatic band of ETM+ is from
the Landsat 7 Data Users Handbook (LSDS-1927), table 2-1.
"""

from __future__ import annotations

import re
from typing import Dict, Mapping, NamedTuple, Optional, Tuple

from planet_vector.assets import SpectralBand

_COLOURS = {"red": "Red", "green": "Green", "blue": "Blue"}
_DESCRIPTIONS = {
    "coastal": "coastal aerosol",
    "nir08": "near infrared",
    "nir09": "near infrared 2",
    "swir16": "short-wave infrared 1",
    "swir22": "short-wave infrared 2",
    "pan": "panchromatic",
    "lwir": "thermal infrared",
    "lwir11": "thermal infrared 1",
    "lwir12": "thermal infrared 2",
}


def _band(number: int, common: str, low: float, high: float) -> SpectralBand:
    description = _DESCRIPTIONS.get(common, common)
    return SpectralBand(description, low, high, _COLOURS.get(common, "Gray"), f"B{number}", common)


def _centred(number: int, common: str, centre: float, width: float) -> SpectralBand:
    return _band(number, common, round(centre - width / 2, 5), round(centre + width / 2, 5))


def _mss(first: int) -> Dict[int, SpectralBand]:
    passes = (("green", 0.55, 0.1), ("red", 0.65, 0.1), ("nir08", 0.75, 0.1), ("nir09", 0.95, 0.3))
    return {first + i: _centred(first + i, *row) for i, row in enumerate(passes)}


MSS_OF_1_TO_3: Mapping[int, SpectralBand] = _mss(4)
MSS_OF_4_AND_5: Mapping[int, SpectralBand] = _mss(1)
TM: Mapping[int, SpectralBand] = {
    1: _centred(1, "blue", 0.49, 0.07),
    2: _centred(2, "green", 0.56, 0.08),
    3: _centred(3, "red", 0.66, 0.06),
    4: _centred(4, "nir08", 0.83, 0.14),
    5: _centred(5, "swir16", 1.65, 0.2),
    6: _centred(6, "lwir", 11.45, 2.1),
    7: _centred(7, "swir22", 2.22, 0.27),
}
ETM: Mapping[int, SpectralBand] = {
    1: _centred(1, "blue", 0.48, 0.07),
    2: _centred(2, "green", 0.56, 0.08),
    3: _centred(3, "red", 0.66, 0.06),
    4: _centred(4, "nir08", 0.84, 0.13),
    5: _centred(5, "swir16", 1.65, 0.2),
    6: _centred(6, "lwir", 11.34, 2.05),
    7: _centred(7, "swir22", 2.2, 0.28),
    8: _band(8, "pan", 0.52, 0.9),
}
OLI: Mapping[int, SpectralBand] = {
    1: _band(1, "coastal", 0.435, 0.451),
    2: _band(2, "blue", 0.452, 0.512),
    3: _band(3, "green", 0.533, 0.590),
    4: _band(4, "red", 0.636, 0.673),
    5: _band(5, "nir08", 0.851, 0.879),
    6: _band(6, "swir16", 1.566, 1.651),
    7: _band(7, "swir22", 2.107, 2.294),
    8: _band(8, "pan", 0.503, 0.676),
    9: _band(9, "cirrus", 1.363, 1.384),
}
TIRS: Mapping[int, SpectralBand] = {10: _band(10, "lwir11", 10.60, 11.19), 11: _band(11, "lwir12", 11.50, 12.51)}
OLI_TIRS: Mapping[int, SpectralBand] = {**OLI, **TIRS}


def sensor_bands(letter: str, satellite: int) -> Mapping[int, SpectralBand]:
    """Return the bands of a sensor by number.

    Parameters
    ----------
    letter : str
        The second letter of the id: ``M`` (MSS), ``T`` (TM of Landsat 4 and 5, TIRS of 8 and 9), ``E`` (ETM+), ``O``
        (OLI) or ``C`` (OLI and TIRS).
    satellite : int
        Number of the satellite, 1 to 9.

    Returns
    -------
    mapping of int to SpectralBand
        Empty for a combination that does not exist.
    """
    if letter == "M":
        return MSS_OF_1_TO_3 if satellite <= 3 else MSS_OF_4_AND_5 if satellite <= 5 else {}
    if letter == "T":
        return TM if satellite in (4, 5) else TIRS if satellite in (8, 9) else {}
    if letter == "E":
        return ETM if satellite == 7 else {}
    if satellite not in (8, 9):
        return {}
    return {"O": OLI, "C": OLI_TIRS}.get(letter, {})


_SENSOR = re.compile(r"L([MTEOC])0?([1-9])", re.IGNORECASE)


def sensor_of(scene_id: str) -> str:
    """Return the sensor and the satellite of a scene from its id, such as ``E7``; empty if the id is not Landsat's.

    Parameters
    ----------
    scene_id : str
        The id, or a name that begins with it.
    """
    match = _SENSOR.match(scene_id)
    return f"{match[1].upper()}{match[2]}" if match else ""


def band_of(sensor: str, number: int) -> Tuple[SpectralBand, ...]:
    """Return the band of a file of one band, which is named by its file; empty if the sensor has no such band.

    Parameters
    ----------
    sensor : str
        As `sensor_of` returns it; an empty one has the bands of Landsat 8, which is the only satellite that Planet's
        services document.
    number : int
        Number of the band.
    """
    bands = sensor_bands(sensor[0], int(sensor[1])) if sensor else OLI_TIRS
    return (bands[number]._replace(name=""),) if number in bands else ()


def colour_bands(name: str) -> Tuple[int, ...]:
    """Return the numbers of the bands that show a scene in natural colours, of MSS in colour infrared.

    Parameters
    ----------
    name : str
        Id of a scene, or name of one of its files.

    Returns
    -------
    tuple of int
        The bands shown as red, green and blue; empty if the name is not Landsat's, or its sensor has no such bands.
    """
    sensor = sensor_of(name)
    bands = sensor_bands(sensor[0], int(sensor[1])) if sensor else {}
    numbers = {band.common: number for number, band in bands.items()}
    shown = ("red", "green", "blue") if "blue" in numbers else ("nir08", "red", "green")
    return tuple(numbers[common] for common in shown) if numbers.keys() >= set(shown) else ()


class LandsatFile(NamedTuple):
    """Names of a file of a scene in each API.

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
    band : SpectralBand
        Its band; without limits if it is not an image.
    number : int or None
        Number of the band, if it is an image.
    """

    product: str
    v1: str
    key: str
    roles: Tuple[str, ...]
    band: SpectralBand
    number: Optional[int] = None


_IMAGE = re.compile(r"(?:(?P<level>SR|ST)_)?B(?:AND)?(?P<number>\d{1,2})(?:_VCID_(?P<gain>[12]))?")
_OF_BAND = re.compile(r"(?P<what>TOA|BT)_BAND(?P<number>\d{1,2})")
_LEVEL_ROLES = {"SR": ("data", "reflectance"), "ST": ("data", "temperature"), None: ("data",)}
_CLOUD = ("cloud", "cloud-shadow", "snow-ice", "water-mask")
_OTHERS: Mapping[str, Tuple[str, Tuple[str, ...], str]] = {
    "BQA": ("qa_pixel", _CLOUD, "quality assessment"),
    "QA_PIXEL": ("qa_pixel", _CLOUD, "quality assessment"),
    "PIXEL_QA": ("qa_pixel", _CLOUD, "quality assessment"),
    "CFMASK": ("cfmask", _CLOUD, "quality assessment"),
    "QA_RADSAT": ("qa_radsat", ("saturation",), "radiometric saturation"),
    "RADSAT_QA": ("qa_radsat", ("saturation",), "radiometric saturation"),
    "VAA": ("vaa", ("data",), "azimuth of the sensor"),
    "VZA": ("vza", ("data",), "zenith angle of the sensor"),
    "SAA": ("saa", ("data",), "azimuth of the sun"),
    "SZA": ("sza", ("data",), "zenith angle of the sun"),
    "SR_QA_AEROSOL": ("qa_aerosol", ("data-mask", "water-mask"), "aerosol quality assessment"),
    "SR_AEROSOL": ("qa_aerosol", ("data-mask", "water-mask"), "aerosol quality assessment"),
    "SR_ATMOS_OPACITY": ("atmos_opacity", ("data",), "atmospheric opacity"),
    "SR_CLOUD_QA": ("cloud_qa", _CLOUD, "cloud quality assessment"),
    "ST_QA": ("qa", ("data",), "uncertainty of surface temperature"),
    "ST_TRAD": ("trad", ("data",), "thermal radiance"),
    "ST_URAD": ("urad", ("data",), "upwelled radiance"),
    "ST_DRAD": ("drad", ("data",), "downwelled radiance"),
    "ST_ATRAN": ("atran", ("data",), "atmospheric transmittance"),
    "ST_EMIS": ("emis", ("data", "emissivity"), "emissivity"),
    "ST_EMSD": ("emsd", ("data", "emissivity"), "standard deviation of emissivity"),
    "ST_CDIST": ("cdist", ("data",), "distance to cloud"),
}

ON_DEMAND = (
    r"SR_BAND[1-7]|(?:TOA|BT)_BAND(?:1[01]|[1-9])|PIXEL_QA|RADSAT_QA|CFMASK|SR_AEROSOL|SR_ATMOS_OPACITY|SR_CLOUD_QA"
    r"|SR_(?:NDVI|EVI|SAVI|MSAVI|NDMI|NBR2?)|(?:SENSOR|SOLAR)_(?:AZIMUTH|ZENITH)_BAND4"
)
"""Regular expression of those of level 2 before collection 2, which USGS made of scenes of level 1 on demand (ESPA)."""

FILE_NAMES = r"(?:SR_|ST_)?B(?:1[01]|[1-9])(?:_VCID_[12])?|" + "|".join(_OTHERS) + "|" + ON_DEMAND
"""Regular expression of the ends of the files' names, in upper case and without suffix."""


def file_of(letter: str, satellite: int, rest: str) -> LandsatFile:
    """Return the names and the band of a file.

    Parameters
    ----------
    letter, satellite
        The sensor, as in `sensor_bands`.
    rest : str
        End of the file's name without suffix, in upper case, that matches `FILE_NAMES`.
    """
    match = _IMAGE.fullmatch(rest)
    of_band = _OF_BAND.fullmatch(rest)
    if of_band:
        name, roles = rest.lower(), _LEVEL_ROLES["SR" if of_band["what"] == "TOA" else "ST"]
        number = int(of_band["number"])
        band = sensor_bands(letter, satellite).get(number, SpectralBand(f"band {number}", name=f"B{number}"))
        return LandsatFile(name, f"analytic_{name}", name, roles, band)
    if not match:
        other = rest.lower(), ("data",), rest.lower().replace("_", " ")
        key, roles, description = _OTHERS.get(rest, other)
        name = "qa" if rest in ("BQA", "QA_PIXEL", "PIXEL_QA") else rest.lower()
        v1 = "analytic_bqa" if name == "qa" else f"analytic_{name}"
        return LandsatFile(name, v1, key, roles, SpectralBand(description, name=rest))
    number = int(match["number"])
    second = "_vcid_2" if match["gain"] == "2" else ""
    band = sensor_bands(letter, satellite).get(number, SpectralBand(f"band {number}", name=f"B{number}"))
    key = (band.common or band.name.lower()) + second
    product, v1 = f"band_{number}{second}", f"analytic_b{number}{second}"
    if second:
        band = band._replace(name=rest)
    return LandsatFile(product, v1, key, _LEVEL_ROLES[match["level"]], band, number)
