"""The links in a scene's metadata, stored with a placeholder for the service's root until a response is sent."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any, Dict, Mapping
from urllib.parse import quote

BASE = "\x01"
"""Placeholder for the service's root in a stored Feature. JSON escapes control characters, so it is unambiguous."""

_OTHER = re.compile(r"https?://[^/]+(/v0/(?:scenes|mosaics)/.*)")
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_MARK = f"root-{secrets.token_hex(16)}"  # random, so that no metadata contains it


def feature_text(scene_type: str, feature: Mapping[str, Any], products: Mapping[str, str]) -> str:
    """Return a Feature as JSON text, with links to this service.

    Everything else is unchanged. Products that have a file but are not listed are added; listed products without a
    file stay.

    Parameters
    ----------
    scene_type : str
        The scene's type.
    feature : mapping
        Its Feature, with a string as ``id``.
    products : mapping of str to str
        Products that have a file, with their paths within the archive.

    Returns
    -------
    str
        JSON with `BASE` in place of the service's root.
    """
    scene = f"/v0/scenes/{scene_type}/{quote(feature['id'], safe='')}"
    properties: Dict[str, Any] = dict(feature["properties"])
    given_links = properties.get("links")
    links: Dict[str, Any] = _rebased(given_links) if isinstance(given_links, dict) else {}
    links["full"] = f"{_MARK}{scene}/full"
    links["self"] = f"{_MARK}{scene}"
    links["square_thumbnail"] = f"{_MARK}{scene}/square-thumb"
    links["thumbnail"] = f"{_MARK}{scene}/thumb"
    properties["links"] = links
    data = properties.get("data")
    data = dict(data) if isinstance(data, dict) else {}
    given_products = data.get("products")
    listed: Dict[str, Any] = dict(given_products) if isinstance(given_products, dict) else {}
    for product in [*listed, *(name for name in products if name not in listed)]:
        entry = _rebased(listed[product]) if isinstance(listed.get(product), dict) else {}
        entry["full"] = f"{_MARK}{scene}/full?product={quote(product, safe='')}"
        if "zip" in entry:
            entry["zip"] = f"{_MARK}{scene}/full.zip?product={quote(product, safe='')}"
        listed[product] = entry
    if listed or "data" in properties:
        data["products"] = listed
        properties["data"] = data
    return _ENCODER.encode({**feature, "properties": properties}).replace(_MARK, BASE)


def renamed_text(text: str, scene_type: str, scene_id: str, products: Mapping[str, str]) -> str:
    """Return the text of a Feature with another id.

    Parameters
    ----------
    text : str
        Result of `feature_text`.
    scene_type : str
        The scene's type.
    scene_id : str
        Its new id.
    products : mapping of str to str
        Products that have a file, with their paths within the archive.
    """
    feature = json.loads(text.replace(BASE, _MARK))
    return feature_text(scene_type, {**feature, "id": scene_id}, products)


def _rebased(links: Mapping[str, Any]) -> Dict[str, Any]:
    """Return links, with those to any Scenes API redirected to this service."""
    found: Dict[str, Any] = {}
    for name, link in links.items():
        match = _OTHER.fullmatch(link) if isinstance(link, str) else None
        found[name] = f"{_MARK}{match.group(1)}" if match else link
    return found
