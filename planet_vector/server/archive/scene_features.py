"""GeoJSON Features of scenes in the files of an archive: parsing, checks, and the scene type."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Mapping, NoReturn

from planet_vector.item_ids import is_item_id
from planet_vector.server.archive.fields import time_or_none
from planet_vector.times import format_time, parse_time

SCENE_TYPES = ("landsat", "ortho", "rapideye")
"""Scene types of the API; an archive may contain others, named in the links of their metadata."""

MAX_JSON = 256 * 2**20
"""Maximum bytes of a JSON file: a larger one is a mistake, or should be a .geojsonl."""

_LINK_TYPE = re.compile(r"/v0/scenes/([a-z][a-z0-9_-]{0,31})/")
_LANDSAT_ID = re.compile(r"L[COTEM]\d\d{6}\d{7}[A-Z]{3}\d\d")
_RAPIDEYE_ID = re.compile(r".*RapidEye-?\d", re.IGNORECASE)


def load_json(path: Path) -> Any:
    """Read a JSON file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    object
        The parsed document.

    Raises
    ------
    ValueError
        If it is longer than `MAX_JSON`, too deeply nested or not JSON.
    OSError
        If it cannot be read.
    """
    if path.stat().st_size > MAX_JSON:
        raise ValueError(f"is longer than {MAX_JSON // 2**20} MB")
    return parse_json(path.read_bytes())


def parse_json(content: bytes) -> Any:
    """Parse JSON in UTF-8, with or without a byte order mark.

    Parameters
    ----------
    content : bytes
        The text of a document.

    Returns
    -------
    object
        The parsed document.

    Raises
    ------
    ValueError
        If it is too deeply nested or not JSON.
    """
    try:
        return _DECODER.decode(content.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("is JSON nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"is not JSON ({error})") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def check_feature(feature: object) -> Mapping[str, Any]:
    """Check that a Feature can be served, and return it.

    Parameters
    ----------
    feature : object
        Parsed JSON.

    Returns
    -------
    mapping
        The same object, unless `acquired` is a time in a spelling that the API does not have.

    Raises
    ------
    ValueError
        If it is not a Feature, or lacks a valid id, properties or a time of acquisition.
    """
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        raise ValueError("is not a GeoJSON Feature")
    if not isinstance(feature.get("id"), str) or not is_item_id(feature["id"]):
        raise ValueError("has no valid scene id")
    if not isinstance(feature.get("properties"), dict):
        raise ValueError(f"scene {feature['id']} has no properties")
    acquired = feature["properties"].get("acquired")
    try:
        if not isinstance(acquired, str):
            raise ValueError("is missing")
        parse_time(acquired)
    except (ValueError, OverflowError) as error:
        moment = time_or_none(acquired)
        if moment is None:
            raise ValueError(f"scene {feature['id']}: acquired {error}") from None
        return {**feature, "properties": {**feature["properties"], "acquired": format_time(moment)}}
    return feature


def scene_type_of(feature: Mapping[str, Any]) -> str:
    """Return a Feature's scene type: from its links, its properties or the form of its id; else ``ortho``.

    Parameters
    ----------
    feature : mapping
        A Feature that `check_feature` has accepted.
    """
    properties = feature["properties"]
    links = properties.get("links")
    if isinstance(links, dict):
        for link in (links.get("self"), links.get("full")):
            match = _LINK_TYPE.search(link) if isinstance(link, str) else None
            if match:
                return match.group(1)
    for scene_type in ("landsat", "rapideye"):
        if scene_type in properties:
            return scene_type
    if _LANDSAT_ID.fullmatch(feature["id"]):
        return "landsat"
    return "rapideye" if _RAPIDEYE_ID.fullmatch(feature["id"]) else "ortho"
