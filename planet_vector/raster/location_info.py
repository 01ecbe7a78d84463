"""Return the scenes behind a pixel of a basemap, as GDAL's ``LocationInfo`` does.

Like GDAL's driver PLMosaic, it serves the metadata items ``Pixel_<column>_<row>`` and
``GeoPixel_<longitude>_<latitude>`` of the domain ``LocationInfo`` as XML.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any, Callable, Optional, Tuple
from xml.etree.ElementTree import Element, SubElement, tostring  # noqa: S405 - nothing is parsed

from planet_vector.catalog import Catalog
from planet_vector.catalog.basemaps import quad_at
from planet_vector.collection_schema import flatten
from planet_vector.errors import NotFoundError

DOMAIN = "LocationInfo"

_NUMBER = r"-?\d{1,12}(?:\.\d{0,20})?"
_ITEM = re.compile(rf"(Pixel|GeoPixel)_({_NUMBER})_({_NUMBER})", re.ASCII)

Place = Callable[[float, float], Tuple[float, float]]
"""Converts column and row of a pixel to longitude and latitude."""


def location_info(catalog: Catalog, name: str, item: str, place: Optional[Place] = None) -> Optional[str]:
    """Return the XML of a metadata item, or None if the item is not a position or no quad lies there.

    Parameters
    ----------
    catalog : Catalog
        The service.
    name : str
        The basemap.
    item : str
        ``GeoPixel_<longitude>_<latitude>`` in degrees, or, with `place`, ``Pixel_<column>_<row>``.
    place : callable, optional
        Converts column and row of a pixel to longitude and latitude.

    Returns
    -------
    str or None
        The XML: the quad's id; of its scenes ``id``, ``type``, ``link``, which is the address, and the properties.

    Raises
    ------
    ServiceError
        If the service does not provide the quad or its scenes.
    """
    match = _ITEM.fullmatch(item)
    if match is None or (match[1] == "Pixel" and place is None):
        return None
    x, y = float(match[2]), float(match[3])
    longitude, latitude = place(x, y) if match[1] == "Pixel" and place is not None else (x, y)
    if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
        return None
    quad = quad_at(catalog.basemaps, catalog.basemaps.named(name), longitude, latitude)
    if quad is None:
        return None
    root = Element(DOMAIN)
    SubElement(root, "Quad").text = quad.id
    scenes = SubElement(root, "Scenes")
    for scene in catalog.basemaps.scenes(quad):
        element = SubElement(scenes, "Scene")
        fields = [("id", scene.id), ("type", scene.scene_type)]
        with suppress(NotFoundError):
            fields.append(("link", scene.link("self")))  # the only element of a scene that GDAL's driver writes
        for key, value in (*fields, *flatten(scene.properties)):
            if isinstance(value, (str, int, float)) and re.fullmatch(r"[A-Za-z_][\w.\-]*", key, re.ASCII):
                SubElement(element, key).text = _plain(value)
    return tostring(root, encoding="unicode")


def _plain(value: Any) -> str:
    """Return a value as text for XML, which cannot contain control characters (XML 1.0, section 2.2)."""
    return "".join(char if char.isprintable() else " " for char in str(value))
