"""The catalog of the service, its collections, and what they can be searched by, as documents."""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple
from urllib.parse import quote

from planet_vector.server.api.documents import JSON, Document, collection_url, link
from planet_vector.server.api.pages import OPENAPI_JSON
from planet_vector.server.api.permissions import Permission
from planet_vector.server.api.stac.items import (
    GEOJSON,
    ROOT,
    STAC_VERSION,
    extensions_of,
    item_assets,
)
from planet_vector.server.index.item_index import CollectionRows
from planet_vector.server.index.item_orders import SORTABLE
from planet_vector.server.index.item_properties import ITEM_COLUMNS, OTHERS, item_values, time_text, written
from planet_vector.server.index.records import StoredScene

SCHEMA_JSON = "application/schema+json"
QUERYABLES = "http://www.opengis.net/def/rel/ogc/1.0/queryables"

SAMPLES = 200
"""Number of scenes of a collection whose assets and instruments are read for its description."""

CONFORMANCE = [
    "https://api.stacspec.org/v1.0.0/core",
    "https://api.stacspec.org/v1.0.0/collections",
    "https://api.stacspec.org/v1.0.0/ogcapi-features",
    "https://api.stacspec.org/v1.0.0/ogcapi-features#fields",
    "https://api.stacspec.org/v1.0.0/ogcapi-features#sort",
    "https://api.stacspec.org/v1.0.0/ogcapi-features#query",
    "https://api.stacspec.org/v1.0.0/item-search",
    "https://api.stacspec.org/v1.0.0/item-search#fields",
    "https://api.stacspec.org/v1.0.0/item-search#sort",
    "https://api.stacspec.org/v1.0.0/item-search#query",
    "https://api.stacspec.org/v1.0.0/item-search#filter",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/filter",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/features-filter",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-cql2",
    "http://www.opengis.net/spec/cql2/1.0/conf/advanced-comparison-operators",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions-plus",
    "http://www.opengis.net/spec/cql2/1.0/conf/spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/temporal-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/property-property",
]
"""Conformance classes of the service."""

_CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_KINDS: Dict[str, Document] = {
    "number": {"type": "number"},
    "integer": {"type": "number"},  # metadata may have fractions nevertheless
    "string": {"type": "string"},
    "words": {"type": "string"},
    "time": {"type": "string", "format": "date-time"},
}
_SUMMARISED = ("platform", "constellation", "gsd", "eo:cloud_cover", "view:off_nadir", "pl:quality_category")


def landing(base: str, collections: List[str]) -> Document:
    """Return the landing page.

    Parameters
    ----------
    base : str
        Root address of the service.
    collections : list of str
        Ids of the collections.
    """
    stac = f"{base}/stac"
    return {
        "type": "Catalog",
        "stac_version": STAC_VERSION,
        "id": "planet_vector",
        "title": "Scenes of this archive",
        "description": "Scenes of an archive of GeoTIFFs, served by planet_vector.",
        "conformsTo": CONFORMANCE,
        "links": [
            link("self", JSON, f"{stac}/"),
            link("root", JSON, f"{stac}/"),
            link("conformance", JSON, f"{stac}/conformance"),
            link("data", JSON, f"{stac}/collections"),
            link("search", GEOJSON, f"{stac}/search", method="GET"),
            link("search", GEOJSON, f"{stac}/search", method="POST"),
            link(QUERYABLES, SCHEMA_JSON, f"{stac}/queryables"),
            link("service-desc", OPENAPI_JSON, f"{base}/openapi.json"),
            link("service-doc", "text/html", f"{base}/docs"),
            *(link("child", JSON, collection_url(base, ROOT, name), title=name) for name in collections),
        ],
    }


def collection_document(rows: CollectionRows, scenes: List[StoredScene], permission: Permission, base: str) -> Document:
    """Return a collection.

    Parameters
    ----------
    rows : CollectionRows
        Its extent.
    scenes : list of StoredScene
        Some of its scenes.
    permission : Permission
        Permission of the key, which decides on the assets.
    base : str
        Root address of the service.
    """
    name = rows.collection
    url = collection_url(base, ROOT, name)
    summaries = _summaries(scenes)
    assets = item_assets(scenes, permission)
    types = ", ".join(rows.scene_types)
    one = "scene" if rows.total == 1 else "scenes"
    document: Document = {
        "type": "Collection",
        "stac_version": STAC_VERSION,
        "stac_extensions": extensions_of(summaries, assets),
        "id": name,
        "title": name,
        "description": f"{rows.total} {one} of the type {types}.",
        "keywords": list(rows.scene_types),
        "license": "other",
        "extent": {
            "spatial": {"bbox": [list(rows.box or (-180.0, -90.0, 180.0, 90.0))]},
            "temporal": {"interval": [[time_text(rows.first), time_text(rows.last)]]},
        },
        "itemType": "feature",
        "crs": [_CRS84],
        "links": [
            link("self", JSON, url),
            link("root", JSON, f"{base}/stac/"),
            link("parent", JSON, f"{base}/stac/"),
            link("items", GEOJSON, f"{url}/items"),
            link(QUERYABLES, SCHEMA_JSON, f"{url}/queryables"),
        ],
    }
    if summaries:
        document["summaries"] = summaries
    if assets:
        document["item_assets"] = assets
    return document


def _summaries(scenes: List[StoredScene]) -> Document:
    found: Document = {}
    properties = [written(item_values(scene)) for scene in scenes]
    for name in _SUMMARISED:
        values = [own[name] for own in properties if name in own]
        numbers = [value for value in values if isinstance(value, (int, float))]
        if numbers and len(numbers) == len(values):
            found[name] = {"minimum": min(numbers), "maximum": max(numbers)}
        elif values:
            found[name] = sorted({str(value) for value in values})
    instruments = {each for own in properties for each in _list(own.get("instruments"))}
    if instruments:
        found["instruments"] = sorted(instruments)
    return found


def _list(value: object) -> List[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def collections_document(
    found: List[Tuple[CollectionRows, List[StoredScene]]], permission: Permission, base: str
) -> Document:
    """Return all collections.

    Parameters
    ----------
    found : list of (CollectionRows, list of StoredScene)
        The collections, with some scenes of each.
    permission : Permission
        Permission of the key.
    base : str
        Root address of the service.
    """
    return {
        "collections": [collection_document(rows, scenes, permission, base) for rows, scenes in found],
        "links": [link("self", JSON, f"{base}/stac/collections"), link("root", JSON, f"{base}/stac/")],
        "numberMatched": len(found),
        "numberReturned": len(found),
    }


def property_schemas() -> Document:
    """Return the schemas of the properties that items of any collection may have, by name."""
    found: Document = {"datetime": {"title": "Time of acquisition", "type": "string", "format": "date-time"}}
    for column in ITEM_COLUMNS.values():
        found[column.name] = {"title": column.title or column.name, **_KINDS[column.kind]}
    for name, kind in OTHERS.items():
        found[name] = {"title": name, **_KINDS[kind]}
    return found


def queryables_document(base: str, collection: Optional[str] = None, api: str = "/stac") -> Document:
    """Return what items can be searched by, as a JSON Schema.

    Parameters
    ----------
    base : str
        Root address of the service.
    collection : str, optional
        Id of the collection; None for all.
    api : str
        Root of the API, without the final slash.
    """
    place = "" if collection is None else f"/collections/{quote(collection, safe='')}"
    properties: Document = {
        "id": {"title": "Id", "type": "string"},
        "collection": {"title": "Collection", "type": "string"},
        "geometry": {"title": "Footprint", "format": "geometry-any", "x-ogc-role": "primary-geometry"},
        **property_schemas(),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{base}{api}{place}/queryables",
        "type": "object",
        "title": "Queryables" if collection is None else f"Queryables of {collection}",
        "description": f"Items can be ordered by {', '.join(SORTABLE)}.",
        "properties": properties,
        "additionalProperties": True,
    }
