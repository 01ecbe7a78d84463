"""GDAL names of the files behind links, in VRTs for other programs and for this process.

A VRT names a link as `source_name` does. In this process the file is mounted, and has another name
(`planet_vector.raster.mounting`).
"""

from __future__ import annotations

import re
from typing import Callable, Mapping
from xml.etree.ElementTree import fromstring, tostring  # noqa: S405 - only what this package wrote is parsed

from planet_vector.names import ONLY_GEOTIFF

_NAME = re.compile(r"GTIFF_DIR:(\d+):(.*)", re.S)  # of a TIFF, as GDAL counts them
_OBJECT, _STORE = "s3://", "/vsis3/"  # an object of a store, and GDAL's client of it


def source_name(link: str, image: int = 1) -> str:
    """Return the GDAL name of an image in the file behind a link; only the GeoTIFF driver opens it.

    Parameters
    ----------
    link : str
        The link.
    image : int
        Number of the image in the file, counted from 1.
    """
    return f"{ONLY_GEOTIFF.replace('1', str(image))}{_gdal_path(link)}"


def link_of(name: str) -> str:
    """Return the link in a name of `source_name`.

    Parameters
    ----------
    name : str
        The name.
    """
    found = _NAME.fullmatch(name)
    assert found is not None
    return _OBJECT + found[2][len(_STORE) :] if found[2].startswith(_STORE) else found[2][len("/vsicurl/") :]


def mounted_text(text: str, mounted: Mapping[str, str]) -> str:
    """Replace links by the names of mounted files, in a GDAL name or in the text of a VRT.

    Parameters
    ----------
    text : str
        GDAL name or VRT text.
    mounted : mapping of str to str
        Names of the mounted files by link.

    Returns
    -------
    str
        The same, for GDAL in this process.
    """
    there = {_gdal_path(link): name for link, name in mounted.items()}

    def name_of(name: str) -> str:
        found = _NAME.fullmatch(name)
        here = there.get(found[2]) if found else None
        if found is None or here is None:
            return name
        # The file's own name shows its overviews and mask; `RangeRequests` checks that it is a TIFF.
        return here if found[1] == "1" else f"GTIFF_DIR:{found[1]}:{here}"

    return _renamed(text, name_of) if there else text


def public_text(text: str, mounted: Mapping[str, str]) -> str:
    """Replace the names of mounted files by links, in the text of a VRT.

    Parameters
    ----------
    text : str
        VRT text.
    mounted : mapping of str to str
        Names of the mounted files by link.

    Returns
    -------
    str
        The same, for other programs.
    """
    links = {name: link for link, name in mounted.items()}

    def name_of(name: str) -> str:
        found = _NAME.fullmatch(name)
        image, here = (int(found[1]), found[2]) if found else (1, name)
        return source_name(links[here], image) if here in links else name

    return _renamed(text, name_of) if links else text


def text_for_others(text: str, names: Mapping[str, str]) -> str:
    """Replace the names of links by those that open them in any GDAL, in the text of a VRT.

    Parameters
    ----------
    text : str
        VRT text.
    names : mapping of str to str
        GDAL names by link, without the prefix of the driver.

    Returns
    -------
    str
        The same, for other programs.
    """
    there = {_gdal_path(link): name for link, name in names.items()}

    def name_of(name: str) -> str:
        found = _NAME.fullmatch(name)
        return f"{name[: found.start(2)]}{there[found[2]]}" if found and found[2] in there else name

    return _renamed(text, name_of) if there else text


def plain_names(text: str) -> str:
    """Return the text of a VRT of files that are not all GeoTIFFs, whose names leave the driver open.

    Parameters
    ----------
    text : str
        VRT text.
    """

    def name_of(name: str) -> str:
        found = _NAME.fullmatch(name)
        return found[2] if found and found[1] == "1" else name

    return _renamed(text, name_of)


def _gdal_path(link: str) -> str:
    return _STORE + link[len(_OBJECT) :] if link.startswith(_OBJECT) else f"/vsicurl/{link}"


def _renamed(text: str, name_of: Callable[[str], str]) -> str:
    """Replace a name, or all names in the text of a VRT, which may contain VRT texts as names."""
    if not text.startswith("<"):
        return name_of(text)
    root = fromstring(text)  # noqa: S314 - written by this package, and by GDAL from that
    for element in root.iter():
        if element.tag in ("SourceFilename", "SourceDataset") and element.text:
            element.text = _renamed(element.text, name_of)
    return tostring(root, encoding="unicode")
