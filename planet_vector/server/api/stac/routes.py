"""Routes of the STAC API: the catalog, collections, items, searches, and files of items.

FastAPI uses the docstring of a route up to the form feed as its description in the OpenAPI document.
"""

from __future__ import annotations

import json
from typing import Callable, Dict, List, Mapping, Optional, Tuple

from fastapi import FastAPI, Request
from fastapi.responses import Response

from planet_vector.server.api.answers import json_answer
from planet_vector.server.api.attending import AREAS, CHEAP, PAGES, attend
from planet_vector.server.api.bodies import Body
from planet_vector.server.api.delivery import product_path
from planet_vector.server.api.item_paths import ASSET, COLLECTION, SCENE_ID
from planet_vector.server.api.page_tokens import token_of, wrong_token
from planet_vector.server.api.permissions import Permission
from planet_vector.server.api.scenes import file_answer, is_text
from planet_vector.server.api.service import CHEAP_SECONDS, Service, base_url, enter, index_version, to_slash
from planet_vector.server.api.stac import openapi
from planet_vector.server.api.stac.collections import (
    CONFORMANCE,
    JSON,
    SAMPLES,
    SCHEMA_JSON,
    collection_document,
    collections_document,
    landing,
    queryables_document,
)
from planet_vector.server.api.stac.items import (
    GEOJSON,
    Document,
    asset_file,
    chosen,
    collection_url,
    item_document,
    permits,
)
from planet_vector.server.api.stac.searching import (
    ItemRequest,
    of_query,
    read_request,
)
from planet_vector.server.archive.raster_names import delivered_suffix
from planet_vector.server.http_errors import HttpError
from planet_vector.server.index.found_items import FoundItem
from planet_vector.server.index.scene_search import Parameters, encode, read_query
from planet_vector.server.patience import Patience

SEARCH_SECONDS = 30.0
"""Time limit for a page of a search. With a million scenes it takes less than one second, unless the filter compares
properties that the index has no column for."""

_CHEAP_NAMES = frozenset({"datetime", "limit", "ids", "collections", "token", "sortby", "fields"})
"""Parameters of searches that take no thread of `AREAS`."""

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
    routes: List[Tuple[str, Callable[..., object], Dict[str, object]]] = [
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
    for path, answer, extra in routes:
        app.add_api_route(path, answer, methods=["GET"], openapi_extra=extra, response_class=Response)
        app.add_api_route(path, answer, methods=["HEAD"], include_in_schema=False)
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

    return await _document(request, make, JSON)


async def get_conformance(request: Request) -> Response:
    """Return the conformance classes of the STAC API.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    """
    return await _document(request, lambda *_: {"conformsTo": CONFORMANCE}, JSON)


async def get_queryables(request: Request) -> Response:
    """Return what items can be searched by, as a JSON Schema.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    """
    return await _document(request, lambda service, permission, base: queryables_document(base), SCHEMA_JSON)


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

    return await _document(request, make, JSON)


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
        for rows, scenes in service.items.collections(permission.scene_types, SAMPLES):
            if rows.collection == collection:
                return collection_document(rows, scenes, permission, base)
        raise _no_collection(collection)

    return await _document(request, make, JSON)


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
        _check_collection(service, permission, collection)
        return queryables_document(base, collection)

    return await _document(request, make, SCHEMA_JSON)


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
    return await _search(request, collection)


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
    return await _search(request, None)


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
    service, permission = enter(request)
    base = base_url(request)
    if any(name != "api_key" for name, _ in read_query(request.scope["query_string"].decode("latin-1"))):
        raise HttpError(400, "A search is posted with all of its parameters in the body.")
    with Body() as body:
        await body.read(request)

        def answer(patience: Patience) -> Response:
            document = body.document(request, patience)
            if not isinstance(document, dict):
                raise HttpError(400, "The body is JSON, but not an object of parameters.")
            asked = read_request(document, permission.scene_types, patience=patience)
            content = _page(service, permission, base, asked, None, None, patience)
            # Responses to POST are not cacheable: their address does not identify the search.
            return json_answer(request, lambda: content, None, GEOJSON)

        return await attend(request, answer, seconds=SEARCH_SECONDS, pool=AREAS)


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
        return item_document(_find(service, permission, collection, scene_id), permission, base)

    return await _document(request, make, GEOJSON)


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
        scene = _find(service, permission, collection, scene_id).scene
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


async def _document(
    request: Request, make: Callable[[Service, Permission, str], Mapping[str, object]], media_type: str
) -> Response:
    service, permission = enter(request)
    parameters = read_query(request.scope["query_string"].decode("latin-1"))
    if parameters:
        raise HttpError(400, f"{parameters[0][0][:40]!r} is not a parameter: this address takes none.")
    base = base_url(request)

    def answer(patience: Patience) -> Response:
        version = index_version(request, service, permission)
        return json_answer(request, lambda: _write(make(service, permission, base)), version, media_type)

    return await attend(request, answer, seconds=CHEAP_SECONDS, pool=CHEAP)


async def _search(request: Request, collection: Optional[str]) -> Response:
    service, permission = enter(request)
    base = base_url(request)
    parameters = read_query(request.scope["query_string"].decode("latin-1"))
    cheap = _CHEAP_NAMES.issuperset(name for name, _ in parameters)

    def answer(patience: Patience) -> Response:
        if collection is not None:
            _check_collection(service, permission, collection)
        asked = read_request(of_query(parameters), permission.scene_types, collection, patience)

        def make() -> bytes:
            return _page(service, permission, base, asked, collection, parameters, patience)

        version = index_version(request, service, permission, parameters)
        return json_answer(request, make, version, GEOJSON)

    return await attend(request, answer, seconds=SEARCH_SECONDS, pool=PAGES if cheap else AREAS)


def _page(
    service: Service,
    permission: Permission,
    base: str,
    asked: ItemRequest,
    collection: Optional[str],
    parameters: Optional[Parameters],
    patience: Patience,
) -> bytes:
    try:
        page = service.items.search(asked.search, patience)
    except ValueError:
        raise wrong_token("token") from None
    address = f"{base}/stac/search" if collection is None else f"{collection_url(base, collection)}/items"
    query = [(name, value) for name, value in parameters or [] if name != "token"]

    def link(rel: str, token: Optional[str]) -> Document:
        if parameters is None:  # posted
            body = {**asked.given, **({} if token is None else {"token": token})}
            return {"rel": rel, "type": GEOJSON, "method": "POST", "href": address, "body": body}
        text = encode([*query, *([] if token is None else [("token", token)])])
        return {"rel": rel, "type": GEOJSON, "method": "GET", "href": f"{address}?{text}" if text else address}

    links: List[Document] = [{"rel": "root", "type": JSON, "href": f"{base}/stac/"}]
    if collection is not None:
        links.append({"rel": "collection", "type": JSON, "href": collection_url(base, collection)})
    if parameters is not None:
        links.append(link("self", None if asked.search.place is None else token_of(asked.search.place)))
    if page.after is not None:
        links.append(link("next", token_of(page.after)))
    if page.before is not None:
        links.append(link("prev", token_of(page.before)))
    return _write(
        {
            "type": "FeatureCollection",
            "numberMatched": page.total,
            "numberReturned": len(page.items),
            "links": links,
            "features": [chosen(item_document(found, permission, base), asked.fields) for found in page.items],
        }
    )


def _check_collection(service: Service, permission: Permission, collection: str) -> None:
    if not any(rows.collection == collection for rows, _ in service.items.collections(permission.scene_types, 0)):
        raise _no_collection(collection)


def _no_collection(collection: str) -> HttpError:
    return HttpError(404, f"There is no collection {collection[:80]!r}.")


def _find(service: Service, permission: Permission, collection: str, scene_id: str) -> FoundItem:
    found = service.items.item(permission.scene_types, collection, scene_id) if is_text(scene_id) else None
    if found is None:
        raise HttpError(404, f"There is no item {scene_id[:80]!r} in the collection {collection[:80]!r}.")
    return found


def _write(document: Mapping[str, object]) -> bytes:
    """Return a document as JSON in ASCII: metadata may have characters that UTF-8 cannot encode."""
    return json.dumps(document, allow_nan=False, separators=(",", ":")).encode()
