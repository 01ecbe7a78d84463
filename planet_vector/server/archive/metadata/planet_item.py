"""Metadata of an item of Planet's Data API v1, as orders contain it: ``<id>_metadata.json``."""

from __future__ import annotations

import math
from typing import Callable, Dict, List, Mapping, Optional, Tuple, TypeVar

from planet_vector.geometry.wrapping import footprint_of
from planet_vector.server.archive.fields import (
    SceneFields,
    direction_or_none,
    number_or_none,
    text_or_none,
    time_or_none,
)

_Value = TypeVar("_Value")

_COMMON = {
    "acquired", "published", "updated", "cloud_cover", "gsd", "pixel_resolution", "satellite_id", "instrument",
    "provider", "view_angle", "satellite_azimuth", "sun_elevation", "sun_azimuth", "strip_id", "quality_category",
    "item_type",
}  # fmt: skip
# Planet's STAC extension and its mapping of properties, github.com/planetlabs/stac-extension.
_STAC = {
    "black_fill": "pl:black_fill",
    "clear_percent": "pl:clear_percent",
    "grid_cell": "pl:grid_cell",
    "ground_control": "pl:ground_control",
    "ground_control_ratio": "pl:ground_control_ratio",
    "publishing_stage": "pl:publishing_stage",
    "snow_ice_percent": "eo:snow_cover",
}
_MOST_DEPTH = 10  # lists and objects within each other; a MultiPolygon has six
_LONGEST = 10_000  # characters of a text


def item_fields(document: Mapping[str, object]) -> Tuple[SceneFields, List[str]]:
    """Return the fields of an item.

    Parameters
    ----------
    document : mapping
        The item, a GeoJSON Feature.

    Returns
    -------
    SceneFields
        What it states; properties without a common name are passed on in `v1` and, if Planet's STAC extension has
        them, in `stac`.
    list of str
        What is stated but unreadable, as predicates of the file.
    """
    unreadable: List[str] = []
    given = document.get("properties")
    said: Mapping[str, object] = given if isinstance(given, dict) else {}

    def read(name: str, parse: Callable[[object], Optional[_Value]]) -> Optional[_Value]:
        value = said.get(name)
        if value is None:
            return None
        found = parse(value)
        if found is None:
            unreadable.append(f"has an unreadable {name} ({_shown(value)})")
        return found

    fraction = read("cloud_cover", lambda value: _within(number_or_none(value), 0, 1))
    percent = None if fraction is None else round(100 * fraction, 10)
    if percent is None:
        percent = read("cloud_percent", lambda value: _within(number_or_none(value), 0, 100))
    item_type, resolution = read("item_type", text_or_none), read("pixel_resolution", number_or_none)
    strip, quality = read("strip_id", _id_text), read("quality_category", text_or_none)
    extra = {
        name: value
        for name, value in said.items()
        if name not in _COMMON and name.isprintable() and len(name) <= 100 and _is_plain(value, _MOST_DEPTH)
    }
    stac: Dict[str, object] = {_STAC[name]: value for name, value in extra.items() if name in _STAC}
    if item_type is not None:
        stac["pl:item_type"] = item_type
    if resolution is not None:
        stac["pl:pixel_resolution"] = resolution
    fields = SceneFields(
        acquired=read("acquired", time_or_none),
        published=read("published", time_or_none),
        updated=read("updated", time_or_none),
        geometry=_geometry(document.get("geometry"), unreadable),
        cloud_percent=percent,
        gsd=read("gsd", number_or_none),
        pixel_resolution=resolution,
        satellite=read("satellite_id", _id_text),
        instrument=read("instrument", text_or_none),
        provider=read("provider", text_or_none),
        off_nadir=read("view_angle", number_or_none),
        azimuth=read("satellite_azimuth", direction_or_none),
        sun_elevation=read("sun_elevation", number_or_none),
        sun_azimuth=read("sun_azimuth", direction_or_none),
        strip_id=strip,
        quality=quality,
        v1=extra,
        stac=stac,
    )
    return fields, unreadable


def item_type_of(document: object) -> Optional[str]:
    """Return the item type that a document states, or None if it is no item of the Data API.

    Parameters
    ----------
    document : object
        Parsed JSON.
    """
    properties = document.get("properties") if isinstance(document, dict) else None
    return text_or_none(properties.get("item_type")) if isinstance(properties, dict) else None


def _geometry(geometry: object, unreadable: List[str]) -> Optional[Mapping[str, object]]:
    if geometry is None:
        return None
    try:
        footprint_of(geometry)
    except ValueError as error:
        unreadable.append(str(error).replace("the footprint", "has a geometry that", 1)[:200])
        return None
    return geometry if isinstance(geometry, dict) else None


def _within(number: Optional[float], low: float, high: float) -> Optional[float]:
    return number if number is not None and low <= number <= high else None


def _id_text(value: object) -> Optional[str]:
    """Return an id, which is a number in some items."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else text_or_none(value)


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return repr(text[:40]) if isinstance(value, str) else text[:40]


def _is_plain(value: object, depth: int) -> bool:
    """Return whether a value can be written as JSON again, and is not nested too deeply."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, str):
        return len(value) <= _LONGEST and not any("\ud800" <= char <= "\udfff" for char in value)
    if isinstance(value, dict):
        return depth > 0 and all(_is_plain(name, 0) and _is_plain(v, depth - 1) for name, v in value.items())
    if isinstance(value, list):
        return depth > 0 and all(_is_plain(v, depth - 1) for v in value)
    return value is None or isinstance(value, (bool, int))
