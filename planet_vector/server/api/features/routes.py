"""Routes of OGC API Features (part 1, and filters of part 3) over the items of the STAC API.

FastAPI uses the docstring of a route up to the form feed as its description in the OpenAPI document.
"""

from __future__ import annotations

from typing import List, Optional

from fastapi import FastAPI, Request
from fastapi.responses import Response

from planet_vector.server.api.documents import JSON, Document, collection_url, link
from planet_vector.server.api.features import openapi
from planet_vector.server.api.features.documents import (
    CONFORMANCE,
    ROOT,
    collection_document,
    collections_document,
    feature_document,
    landing,
    schema_document,
)
from planet_vector.server.api.features.parameters import parse_query
from planet_vector.server.api.item_paths import COLLECTION, SCENE_ID
from planet_vector.server.api.pages import OPENAPI_JSON
from planet_vector.server.api.permissions import Permission
from planet_vector.server.api.routing import Route, add_readable
from planet_vector.server.api.service import Service, to_slash
from planet_vector.server.api.stac import openapi as stac_openapi
from planet_vector.server.api.stac.collections import SAMPLES, SCHEMA_JSON, queryables_document
from planet_vector.server.api.stac.item_pages import (
    PageFormat,
    document_answer,
    find_collection,
    find_item,
    page_answer,
)
from planet_vector.server.api.stac.items import GEOJSON
from planet_vector.server.index.found_items import FoundItem

_COLLECTION = f"{ROOT}/collections/{COLLECTION}"


def _address(base: str, collection: Optional[str]) -> str:
    return f"{collection_url(base, ROOT, collection or '')}/items"


def _links(base: str, collection: Optional[str]) -> List[Document]:
    return [link("collection", JSON, collection_url(base, ROOT, collection or ""))]


_PAGES = PageFormat(_address, _links, feature_document, parse_query)


def add_features(app: FastAPI) -> None:
    """Add the routes of OGC API Features.

    Parameters
    ----------
    app : FastAPI
        Application of `planet_vector.server.api.app.create_app`.
    """
    routes: List[Route] = [
        (f"{ROOT}/", get_landing, stac_openapi.DOCUMENT),
        (f"{ROOT}/conformance", get_conformance, stac_openapi.DOCUMENT),
        (f"{ROOT}/api", get_definition, stac_openapi.DOCUMENT),
        (f"{ROOT}/collections", list_collections, stac_openapi.DOCUMENT),
        (_COLLECTION, get_collection, stac_openapi.COLLECTION),
        (f"{_COLLECTION}/queryables", get_queryables, stac_openapi.COLLECTION),
        (f"{_COLLECTION}/schema", get_schema, stac_openapi.COLLECTION),
        (f"{_COLLECTION}/items", list_features, openapi.ITEMS),
        (f"{_COLLECTION}/items/{SCENE_ID}", get_feature, stac_openapi.ITEM),
    ]
    add_readable(app, routes)
    app.add_api_route(ROOT, to_slash, methods=["GET", "HEAD"], include_in_schema=False)


async def get_landing(request: Request) -> Response:
    """Return the landing page of OGC API Features.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    """
    return await document_answer(request, lambda service, permission, base: landing(base), JSON)


async def get_conformance(request: Request) -> Response:
    """Return the conformance classes of OGC API Features.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    """
    return await document_answer(request, lambda *_: {"conformsTo": CONFORMANCE}, JSON)


async def get_definition(request: Request) -> Response:
    """Return the definition of OGC API Features as an OpenAPI document.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    """

    def make(service: Service, permission: Permission, base: str) -> Document:
        found = service.items.collections(permission.scene_types, 0)
        return openapi.definition(base, [rows.collection for rows, _ in found])

    return await document_answer(request, make, OPENAPI_JSON)


async def list_collections(request: Request) -> Response:
    """Return the collections of features that the key permits.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    """

    def make(service: Service, permission: Permission, base: str) -> Document:
        return collections_document([rows for rows, _ in service.items.collections(permission.scene_types, 0)], base)

    return await document_answer(request, make, JSON)


async def get_collection(request: Request, collection: str) -> Response:
    """Return a collection of features.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    collection : str
        Its id.

    Raises
    ------
    HttpError
        404, if there is no such collection that the key permits.
    """

    def make(service: Service, permission: Permission, base: str) -> Document:
        return collection_document(find_collection(service, permission, collection)[0], base)

    return await document_answer(request, make, JSON)


async def get_queryables(request: Request, collection: str) -> Response:
    """Return what features of a collection can be searched by, as a JSON Schema.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    collection : str
        Its id.

    Raises
    ------
    HttpError
        404, if there is no such collection that the key permits.
    """

    def make(service: Service, permission: Permission, base: str) -> Document:
        find_collection(service, permission, collection)
        return queryables_document(base, collection, ROOT)

    return await document_answer(request, make, SCHEMA_JSON)


async def get_schema(request: Request, collection: str) -> Response:
    """Return the properties of the features of a collection, as a JSON Schema.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    collection : str
        Its id.

    Raises
    ------
    HttpError
        404, if there is no such collection that the key permits.
    """

    def make(service: Service, permission: Permission, base: str) -> Document:
        _, scenes = find_collection(service, permission, collection, SAMPLES)
        items = [FoundItem(scene, None, {}) for scene in scenes]
        return schema_document(collection, [feature_document(item, permission, base) for item in items], base)

    return await document_answer(request, make, SCHEMA_JSON)


async def list_features(request: Request, collection: str) -> Response:
    """Return features of a collection.

    \f

    Parameters
    ----------
    request : Request
        Request with a key, and the search in its query.
    collection : str
        Id of the collection.

    Raises
    ------
    HttpError
        400 if a parameter is invalid, 404 if there is no such collection that the key permits.
    """
    return await page_answer(request, collection, _PAGES)


async def get_feature(request: Request, collection: str, scene_id: str) -> Response:
    """Return a feature.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    collection : str
        Id of its collection.
    scene_id : str
        Its id.

    Raises
    ------
    HttpError
        404, if there is no such feature that the key permits.
    """

    def make(service: Service, permission: Permission, base: str) -> Document:
        return feature_document(find_item(service, permission, collection, scene_id), permission, base)

    return await document_answer(request, make, GEOJSON)
