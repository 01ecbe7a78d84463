"""Documents of OGC API Features: landing page, collections, features, and the schema of their properties."""

from __future__ import annotations

import json
from typing import Dict, List, Set

import shapely

from planet_vector.server.api.documents import JSON, Document, collection_url, item_url, link
from planet_vector.server.api.pages import OPENAPI_JSON
from planet_vector.server.api.permissions import Permission
from planet_vector.server.api.stac.boxes import box_of
from planet_vector.server.api.stac.collections import QUERYABLES, SCHEMA_JSON, property_schemas
from planet_vector.server.api.stac.items import GEOJSON, asset_documents, tile_links
from planet_vector.server.api.stac.items import ROOT as STAC_ROOT
from planet_vector.server.index.found_items import FoundItem
from planet_vector.server.index.item_index import CollectionRows
from planet_vector.server.index.item_properties import item_values, time_text, written

ROOT = "/features"
"""Root of the API, without the final slash."""

TITLE = "Scenes of this archive"

SCHEMA = "http://www.opengis.net/def/rel/ogc/1.0/schema"

ASSET_PREFIX = "assets:"
"""Of properties that are addresses of assets: ``assets:visual``."""

CONFORMANCE = [
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",
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
"""Conformance classes of the API."""

_CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"


def landing(base: str) -> Document:
    """Return the landing page.

    Parameters
    ----------
    base : str
        Root address of the service.
    """
    root = f"{base}{ROOT}"
    return {
        "title": TITLE,
        "description": "Scenes of an archive of GeoTIFFs as features, served by planet_vector.",
        "links": [
            link("self", JSON, f"{root}/", "This document"),
            link("service-desc", OPENAPI_JSON, f"{root}/api", "Definition of the API"),
            link("service-doc", "text/html", f"{base}/docs", "Documentation of the API"),
            link("conformance", JSON, f"{root}/conformance", "Conformance classes"),
            link("data", JSON, f"{root}/collections", "Collections"),
        ],
    }


def collection_document(rows: CollectionRows, base: str) -> Document:
    """Return a collection.

    Parameters
    ----------
    rows : CollectionRows
        Its extent.
    base : str
        Root address of the service.
    """
    url = collection_url(base, ROOT, rows.collection)
    scenes = "1 scene" if rows.total == 1 else f"{rows.total} scenes"
    return {
        "id": rows.collection,
        "title": rows.collection,
        "description": f"{scenes} of the type {', '.join(rows.scene_types)}.",
        "extent": {
            "spatial": {"bbox": [list(rows.box or (-180.0, -90.0, 180.0, 90.0))], "crs": _CRS84},
            "temporal": {
                "interval": [[time_text(rows.first), time_text(rows.last)]],
                "trs": "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian",
            },
        },
        "itemType": "feature",
        "crs": [_CRS84],
        "links": [
            link("self", JSON, url),
            link("items", GEOJSON, f"{url}/items"),
            link(QUERYABLES, SCHEMA_JSON, f"{url}/queryables"),
            link(SCHEMA, SCHEMA_JSON, f"{url}/schema"),
            link("describedby", SCHEMA_JSON, f"{url}/schema"),
        ],
    }


def collections_document(found: List[CollectionRows], base: str) -> Document:
    """Return all collections.

    Parameters
    ----------
    found : list of CollectionRows
        The collections.
    base : str
        Root address of the service.
    """
    return {
        "links": [link("self", JSON, f"{base}{ROOT}/collections")],
        "collections": [collection_document(rows, base) for rows in found],
    }


def feature_document(found: FoundItem, permission: Permission, base: str) -> Document:
    """Return an item as a feature: its properties, and the addresses of its assets as further ones.

    Parameters
    ----------
    found : FoundItem
        The item.
    permission : Permission
        Permission of the key, which decides on the assets.
    base : str
        Root address of the service.
    """
    scene, footprint = found.scene, found.footprint
    properties = written(item_values(scene))
    for key, asset in asset_documents(found, permission, base).items():
        properties[ASSET_PREFIX + key] = asset["href"]
    url = item_url(base, ROOT, scene)
    document: Document = {
        "type": "Feature",
        "id": scene.scene_id,
        "geometry": None,
        "properties": properties,
        "links": [
            link("self", GEOJSON, url),
            link("collection", JSON, collection_url(base, ROOT, scene.collection)),
            link("alternate", GEOJSON, item_url(base, STAC_ROOT, scene), "Item of the STAC API"),
            *tile_links(scene, permission, base),
        ],
    }
    if footprint is not None:
        document["geometry"] = json.loads(shapely.to_geojson(footprint))
        document["bbox"] = box_of(footprint)
    return document


def schema_document(collection: str, features: List[Document], base: str) -> Document:
    """Return the properties of the features of a collection, as a JSON Schema.

    Parameters
    ----------
    collection : str
        Id of the collection.
    features : list of dict
        Some of its features, for properties that are not the same for all collections.
    base : str
        Root address of the service.
    """
    known = property_schemas()
    properties: Document = {"geometry": {"format": "geometry-any", "x-ogc-role": "primary-geometry"}}
    seen: Dict[str, Set[str]] = {}
    for feature in features:
        own = feature["properties"]
        assert isinstance(own, dict)
        for name, value in own.items():
            seen.setdefault(name, set()).add(_type_of(value))
    for name, types in sorted(seen.items()):
        # Mixed types are texts, as which clients read all of them.
        properties[name] = known.get(name) or {"type": types.pop() if len(types) == 1 else "string"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{collection_url(base, ROOT, collection)}/schema",
        "type": "object",
        "title": collection,
        "properties": properties,
    }


def _type_of(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return "array" if isinstance(value, list) else "object" if isinstance(value, dict) else "string"
