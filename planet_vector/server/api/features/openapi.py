"""The definition of OGC API Features as an OpenAPI document of its own.

Clients derive from it what they may request: QGIS reads the maximum of ``limit`` among the components, and QGIS and
GDAL read the properties that are parameters at the path of each collection, relative to the root of the API.
"""

from __future__ import annotations

from typing import Iterable, List
from urllib.parse import quote

from planet_vector.server.api.documents import Document
from planet_vector.server.api.features.documents import ROOT, TITLE
from planet_vector.server.api.features.parameters import parameter_documents
from planet_vector.server.api.stac.openapi import COLLECTION, DOCUMENT, ITEM, PAGES
from planet_vector.version import __version__

ITEMS: Document = {"parameters": list(parameter_documents().values()), "responses": PAGES}
"""The address of features, for the definition of the whole service."""


def definition(base: str, collections: Iterable[str]) -> Document:
    """Return the OpenAPI 3.0 document.

    Parameters
    ----------
    base : str
        Root address of the service.
    collections : iterable of str
        Ids of the collections.
    """
    named = {"collectionId": _path("collectionId"), "featureId": _path("featureId")}
    parameters = {**named, **parameter_documents()}
    items: List[Document] = [_ref(name) for name in parameter_documents()]
    collection = [_ref("collectionId")]

    def get(summary: str, more: Document, given: List[Document]) -> Document:
        return {"get": {"summary": summary, "parameters": given, "responses": more["responses"]}}

    paths: Document = {
        "/": get("Landing page", DOCUMENT, []),
        "/conformance": get("Conformance classes", DOCUMENT, []),
        "/api": get("Definition of the API", DOCUMENT, []),
        "/collections": get("Collections", DOCUMENT, []),
        "/collections/{collectionId}": get("A collection", COLLECTION, collection),
        "/collections/{collectionId}/queryables": get("Queryables of a collection", COLLECTION, collection),
        "/collections/{collectionId}/schema": get("Properties of a collection", COLLECTION, collection),
        "/collections/{collectionId}/items": get("Features", ITEMS, [*collection, *items]),
        "/collections/{collectionId}/items/{featureId}": get("A feature", ITEM, [*collection, _ref("featureId")]),
    }
    for name in collections:
        paths[f"/collections/{quote(name, safe='')}/items"] = get(f"Features of {name}", ITEMS, items)
    return {
        "openapi": "3.0.3",
        "info": {"title": TITLE, "version": __version__},
        "servers": [{"url": f"{base}{ROOT}"}],
        "paths": paths,
        "components": {"parameters": parameters},
    }


def _ref(name: str) -> Document:
    return {"$ref": f"#/components/parameters/{name}"}


def _path(name: str) -> Document:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
