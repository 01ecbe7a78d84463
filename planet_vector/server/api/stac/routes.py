"""Routes of the STAC API: the catalog, collections, items, searches, and files of items.

FastAPI uses the docstring of a route up to the form feed as its description in the OpenAPI document.
"""

from __future__ import annotations

from typing import List

from fastapi import FastAPI, Request
from fastapi.responses import Response

from planet_vector.server.api.attending import CHEAP, attend
from planet_vector.server.api.delivery import product_path
from planet_vector.server.api.documents import JSON, Document
from planet_vector.server.api.item_paths import ASSET, COLLECTION, SCENE_ID
from planet_vector.server.api.permissions import Permission
from planet_vector.server.api.routing import Route, add_readable
from planet_vector.server.api.scenes import file_answer
from planet_vector.server.api.service import CHEAP_SECONDS, Service, enter, to_slash
from planet_vector.server.api.stac import openapi
from planet_vector.server.api.stac.collections import (
    CONFORMANCE,
    SAMPLES,
    SCHEMA_JSON,
    collection_document,
    collections_document,
    landing,
    queryables_document,
)
from planet_vector.server.api.stac.item_pages import (
    document_answer,
    find_collection,
    find_item,
    page_answer,
    posted_page_answer,
)
from planet_vector.server.api.stac.items import GEOJSON, asset_file, item_document, permits
from planet_vector.server.archive.raster_names import delivered_suffix
from planet_vector.server.http_errors import HttpError
from planet_vector.server.patience import Patience

_ROOT = "/stac/"
_ITEMS = f"/stac/collections/{COLLECTION}/items"
_ITEM = f"{_ITEMS}/{SCENE_ID}"


def add_stac(app: FastAPI) -> None:
    """Add the routes of the STAC API.

    Parameters
    ----------
    app : FastAPI
        Application of `planet_vector.server.api.app.create_app`.
    """
    routes: List[Route] = [
        (_ROOT, get_landing, openapi.DOCUMENT),
        ("/stac/conformance", get_conformance, openapi.DOCUMENT),
        ("/stac/queryables", get_queryables, openapi.DOCUMENT),
        ("/stac/collections", list_collections, openapi.DOCUMENT),
        (f"/stac/collections/{COLLECTION}", get_collection, openapi.COLLECTION),
        (f"/stac/collections/{COLLECTION}/queryables", get_collection_queryables, openapi.COLLECTION),
        (_ITEMS, list_items, openapi.ITEMS),
        (_ITEM, get_item, openapi.ITEM),
        (f"{_ITEM}/assets/{ASSET}/{{name:item}}", get_asset, openapi.ASSET),
        ("/stac/search", search, openapi.SEARCH),
    ]
    add_readable(app, routes)
    app.add_api_route("/stac/search", post_search, methods=["POST"], openapi_extra=openapi.POST)
    app.add_api_route("/stac", to_slash, methods=["GET", "HEAD"], include_in_schema=False)


async def get_landing(request: Request) -> Response:
    """Return the landing page of the STAC API.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    """

    def make(service: Service, permission: Permission, base: str) -> Document:
        found = service.items.collections(permission.scene_types, 0)
        return landing(base, [rows.collection for rows, _ in found])

    return await document_answer(request, make, JSON)


async def get_conformance(request: Request) -> Response:
    """Return the conformance classes of the STAC API.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    """
    return await document_answer(request, lambda *_: {"conformsTo": CONFORMANCE}, JSON)


async def get_queryables(request: Request) -> Response:
    """Return what items can be searched by, as a JSON Schema.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    """
    return await document_answer(request, lambda service, permission, base: queryables_document(base), SCHEMA_JSON)


async def list_collections(request: Request) -> Response:
    """Return the collections that the key permits.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    """

    def make(service: Service, permission: Permission, base: str) -> Document:
        return collections_document(service.items.collections(permission.scene_types, SAMPLES), permission, base)

    return await document_answer(request, make, JSON)


async def get_collection(request: Request, collection: str) -> Response:
    """Return a collection.

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
        rows, scenes = find_collection(service, permission, collection, SAMPLES)
        return collection_document(rows, scenes, permission, base)

    return await document_answer(request, make, JSON)


async def get_collection_queryables(request: Request, collection: str) -> Response:
    """Return what items of a collection can be searched by, as a JSON Schema.

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
        return queryables_document(base, collection)

    return await document_answer(request, make, SCHEMA_JSON)


async def list_items(request: Request, collection: str) -> Response:
    """Return items of a collection.

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
    return await page_answer(request, collection)


async def search(request: Request) -> Response:
    """Search items of all collections.

    \f

    Parameters
    ----------
    request : Request
        Request with a key, and the search in its query.

    Returns
    -------
    Response
        A page of items as a GeoJSON FeatureCollection, or 304.

    Raises
    ------
    HttpError
        400 if a parameter is invalid.
    """
    return await page_answer(request, None)


async def post_search(request: Request) -> Response:
    """Search items of all collections.

    \f

    Parameters
    ----------
    request : Request
        Request with a key, and the search as JSON in its body.

    Returns
    -------
    Response
        A page of items as a GeoJSON FeatureCollection.

    Raises
    ------
    HttpError
        400 if a parameter is invalid, 408, 413 or 415 for a body that is late, too long or not JSON.
    """
    return await posted_page_answer(request)


async def get_item(request: Request, collection: str, scene_id: str) -> Response:
    """Return an item.

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
        404, if there is no such item that the key permits.
    """

    def make(service: Service, permission: Permission, base: str) -> Document:
        return item_document(find_item(service, permission, collection, scene_id), permission, base)

    return await document_answer(request, make, GEOJSON)


async def get_asset(request: Request, collection: str, scene_id: str, asset: str, name: str) -> Response:
    """Return a file of an item, or redirect to its signed address.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    collection : str
        Id of the collection.
    scene_id : str
        Id of the item.
    asset : str
        Key of the asset.
    name : str
        Name of the file, as the address in the item has it.

    Raises
    ------
    HttpError
        400 or 416 for an invalid range, 403 if the key does not permit the file, 404 if there is none.
    """
    service, permission = enter(request)

    def answer(patience: Patience) -> Response:
        scene = find_item(service, permission, collection, scene_id).scene
        found = next((each for each in scene.assets if each.key == asset and not each.is_remote), None)
        if found is None or asset_file(scene, found) != name:
            raise HttpError(404, f"Item {scene_id[:80]} has no such file of an asset {asset[:40]!r}.")
        if not permits(permission, found):
            raise HttpError(403, f"Your key does not permit the asset {asset}.")
        missing = f"The archive has no file of the asset {asset} of item {scene_id}."
        suffix = delivered_suffix(found.path)
        signed = product_path(scene.scene_type, scene_id, found.product, suffix) if found.product else None
        return file_answer(request, found.path, name, missing, signed, found.media_type)

    return await attend(request, answer, seconds=CHEAP_SECONDS, pool=CHEAP)
