"""Schemas of the item types of the Data API v1: columns, searchable fields, assets and ids."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Dict, List, Mapping, Optional, cast
from urllib.parse import quote

from planet_vector.assets import Asset
from planet_vector.bands.landsat import sensor_of
from planet_vector.bands.masks import sensor_of_collection_2
from planet_vector.bands.scenes_v0 import variants_of
from planet_vector.catalog.data_v1.item_bands import PREFERRED, bands_of, mask_of, media_type_of
from planet_vector.catalog.data_v1.item_columns import UNITS, columns_of
from planet_vector.collection_schema import (
    INTEGER,
    REAL,
    TEXT,
    TIME,
    CollectionSchema,
    Feature,
    Meanings,
    SceneField,
)

SERVICE = "data-v1"
ORDERS = ("acquired desc", "acquired asc")

FILTER, PERMISSIONS, ASSETS = "filter", "permissions", "assets"
"""Parameters of a search that are no properties: raw JSON, required permissions, required assets."""

_KINDS: Mapping[str, str] = {TIME: "time", REAL: "number", INTEGER: "integer", TEXT: "string"}
_RANGES = frozenset({"gt", "gte", "lt", "lte", "eq", "neq"})
_TEXTS = frozenset({"eq", "neq"})
_SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "acquired": ("datetime", "date", "time", "start_datetime"),
    "published": ("created",),
    "cloud_cover": ("eo:cloud_cover", "cloud_cover.estimated", "clouds", "cloudcover"),
    "gsd": ("image_statistics.gsd",),
    "satellite_id": ("sat.id", "platform"),
    "sun_elevation": ("sun.altitude", "view:sun_elevation"),
    "sun_azimuth": ("sun.azimuth", "view:sun_azimuth"),
    "view_angle": ("sat.off_nadir", "view:off_nadir"),
}
# Values that Planet's documentation of the search filters lists.
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "instrument": ("PS2", "PS2.SD", "PSB.SD"),
    "publishing_stage": ("preview", "standard", "finalized"),
    "quality_category": ("standard", "test"),
}
_OTHERS = (
    SceneField(FILTER, "json", frozenset({"eq"})),
    SceneField(PERMISSIONS, "list", frozenset({"eq"})),
    SceneField(ASSETS, "list", frozenset({"eq"}), synonyms=("asset", "asset_types")),
)

# The letters of ids have one case for each satellite: hexadecimal numbers of PlanetScope and names of SkySat in lower
# case, RapidEye and the public missions as below.
_SPELLINGS = (
    (re.compile(r"\d{8}_\d{6}(_\d+)?_[0-9a-f]{4}"), str.lower),
    (re.compile(r"\d+_\d+_\d{4}-\d\d-\d\d_[0-9a-f]{4}"), str.lower),
    (re.compile(r"\d{8}_\d{6}_ssc\d+\w*"), str.lower),
    (re.compile(r"\d{8}_\d{6}_\d+_rapideye-[1-5]"), lambda text: text.replace("rapideye", "RapidEye")),
    (re.compile(r"\d{4}-\d\d-\d\dt\d{6}_re[1-5]\w*"), str.upper),
    (re.compile(r"l[a-z]\d{14}[a-z]{3}\d\d"), str.upper),
    (re.compile(r"s2[a-z]_msil1c_\w+"), str.upper),
)
_SELF = re.compile(r"/item-types/([\w.\-]+)/items/[^/]+/?$")
_PERMISSION = re.compile(r"assets\.([\w.\-]+):download")


@lru_cache(maxsize=256)
def schema_of(item_type: str) -> CollectionSchema:
    """Return the schema of an item type.

    Parameters
    ----------
    item_type : str
        The item type; an unknown one has the usual columns, and its other properties are in ``other``.
    """
    columns = columns_of(item_type)
    fields = [
        SceneField(
            name,
            _KINDS[kind],
            _TEXTS if kind == TEXT else _RANGES,
            kind == INTEGER,
            synonyms=_SYNONYMS.get(name, ()),
            choices=() if name == "instrument" and not item_type.startswith("PS") else _CHOICES.get(name, ()),
        )
        for name, kind in columns.items()
        if kind in _KINDS
    ]

    def column(name: str) -> Optional[str]:
        return name if name in columns else None

    def assets_of(feature: Feature) -> Mapping[str, Asset]:
        return _assets_of(item_type, feature)

    return CollectionSchema(
        service=SERVICE,
        collection=item_type,
        columns=columns,
        meanings=Meanings(
            time="acquired",
            published="published",
            cloud_cover=column("cloud_cover"),
            full_cover=1.0,
            gsd=column("gsd"),
            platform="satellite_id",
            off_nadir="view_angle",
            view_azimuth=column("satellite_azimuth"),
            sun_elevation="sun_elevation",
            sun_azimuth="sun_azimuth",
        ),
        fields={field.name: field for field in (*fields, *_OTHERS)},
        orders=ORDERS,
        units=UNITS,
        assets_of=assets_of,
        links_of=links_of,
        # Other item types are those of archives, whose products are named as in the Scenes API.
        first_products=PREFERRED.get(item_type, ("visual", "analytic")),
        spelling_of=_spelling_of,
        alternatives=True,
        on_request=True,
    )


def links_of(feature: Feature) -> Dict[str, str]:
    """Return the links of an item: ``self``, ``assets`` and ``thumbnail``.

    Parameters
    ----------
    feature : mapping
        The Feature.
    """
    links = feature.get("_links")
    if not isinstance(links, Mapping):
        return {}
    return {name.lstrip("_"): link for name, link in links.items() if isinstance(link, str)}


def collection_of(feature: object) -> Optional[str]:
    """Return the item type of a Feature from its property or its own link; None if it has neither.

    Parameters
    ----------
    feature : object
        The Feature, or any other JSON value.
    """
    if not isinstance(feature, Mapping):
        return None
    properties = feature.get("properties")
    found = properties.get("item_type") if isinstance(properties, Mapping) else None
    if isinstance(found, str) and found:
        return found
    match = _SELF.search(links_of(feature).get("self", ""))
    return match[1] if match else None


def _assets_of(item_type: str, feature: Feature) -> Dict[str, Asset]:
    """Return the assets of an item by name: those it lists and those it permits to download, in the item's order."""
    permissions = feature.get("_permissions")
    permitted = [match[1] for match in map(_PERMISSION.fullmatch, _texts(permissions)) if match]
    link = links_of(feature).get("assets")
    if link is None:
        return {}
    scene_id = str(feature.get("id"))
    landsat, quality = sensor_of(scene_id), sensor_of_collection_2(scene_id)
    return {
        name: Asset(
            name,
            f"{link.partition('#')[0]}#{quote(name, safe='')}",
            media_type_of(name),
            _roles_of(name),
            bands_of(item_type, name, landsat),
            on_request=True,
            band_variants=variants_of(item_type, name),
            permitted=permissions is None or name in permitted,
            mask=mask_of(item_type, name, quality),
        )
        for name in dict.fromkeys([*_texts(feature.get("assets")), *permitted])
    }


def _roles_of(asset: str) -> tuple[str, ...]:
    if not media_type_of(asset).startswith("image/"):
        return ("metadata",)
    return ("visual",) if asset.endswith("visual") else ("data",)


def _texts(value: object) -> List[str]:
    return [text for text in cast(List[object], value) if isinstance(text, str)] if isinstance(value, list) else []


def _spelling_of(scene_id: str) -> Optional[str]:
    return next((case(scene_id) for kind, case in _SPELLINGS if kind.fullmatch(scene_id)), None)
