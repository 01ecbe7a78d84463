"""Pages of items, and other documents, as responses: for the STAC API and OGC API Features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, List, Mapping, Optional, Tuple

from fastapi import Request
from fastapi.responses import Response

from planet_vector.server.api.answers import json_answer, write_json
from planet_vector.server.api.attending import AREAS, CHEAP, PAGES, attend
from planet_vector.server.api.bodies import Body
from planet_vector.server.api.documents import JSON, Document, collection_url, link
from planet_vector.server.api.page_tokens import token_of, wrong_token
from planet_vector.server.api.permissions import Permission
from planet_vector.server.api.scenes import is_text
from planet_vector.server.api.service import CHEAP_SECONDS, Service, base_url, enter, index_version
from planet_vector.server.api.stac.items import GEOJSON, ROOT, chosen, item_document
from planet_vector.server.api.stac.searching import ItemRequest, of_query, read_request
from planet_vector.server.http_errors import HttpError
from planet_vector.server.index.found_items import FoundItem
from planet_vector.server.index.item_index import CollectionRows
from planet_vector.server.index.records import StoredScene
from planet_vector.server.index.scene_search import Parameters, encode, read_query
from planet_vector.server.patience import Patience

SEARCH_SECONDS = 30.0
"""Time limit for a page of a search. With a million scenes it takes less than one second, unless the filter compares
properties that the index has no column for."""

_CHEAP_NAMES = frozenset({"datetime", "limit", "ids", "collections", "token", "sortby", "fields"})
"""Parameters of searches that take no thread of `AREAS`."""


@dataclass(frozen=True)
class PageFormat:
    """Addresses and features of the pages of an API.

    Attributes
    ----------
    address : callable
        Returns the address of a page without parameters, from the root address of the service and the collection,
        None for all.
    links : callable
        Returns the links of a page beside those to pages, from the same arguments.
    feature : callable
        Returns an item as a document, from the item, the permission of the key and the root address.
    parse : callable
        Returns the parameters of a query as those of a POST.
    """

    address: Callable[[str, Optional[str]], str]
    links: Callable[[str, Optional[str]], List[Document]]
    feature: Callable[[FoundItem, Permission, str], Document]
    parse: Callable[[Parameters], Document]


def _stac_address(base: str, collection: Optional[str]) -> str:
    return f"{base}/stac/search" if collection is None else f"{collection_url(base, ROOT, collection)}/items"


def _stac_links(base: str, collection: Optional[str]) -> List[Document]:
    links: List[Document] = [link("root", JSON, f"{base}{ROOT}/")]
    if collection is not None:
        links.append(link("collection", JSON, collection_url(base, ROOT, collection)))
    return links


_STAC = PageFormat(_stac_address, _stac_links, item_document, of_query)


async def document_answer(
    request: Request, make: Callable[[Service, Permission, str], Mapping[str, object]], media_type: str
) -> Response:
    """Return the response of an address without parameters.

    Parameters
    ----------
    request : Request
        Request with a key.
    make : callable
        Returns the document from the service, the permission of the key and the root address; called in a thread.
    media_type : str
        Media type of the document.

    Raises
    ------
    HttpError
        400 if there is a parameter, 401 without a valid key.
    """
    service, permission = enter(request)
    parameters = read_query(request.scope["query_string"].decode("latin-1"))
    if parameters:
        raise HttpError(400, f"{parameters[0][0][:40]!r} is not a parameter: this address takes none.")
    base = base_url(request)

    def answer(patience: Patience) -> Response:
        version = index_version(request, service, permission)
        return json_answer(request, lambda: write_json(make(service, permission, base)), version, media_type)

    return await attend(request, answer, seconds=CHEAP_SECONDS, pool=CHEAP)


async def page_answer(request: Request, collection: Optional[str], form: PageFormat = _STAC) -> Response:
    """Return a page of items, searched by the query of a GET.

    Parameters
    ----------
    request : Request
        Request with a key, and the search in its query.
    collection : str or None
        Id of the only collection that is searched; None for all.
    form : PageFormat
        Form of the page; that of STAC by default.

    Raises
    ------
    HttpError
        400 if a parameter is invalid, 404 if there is no such collection that the key permits.
    """
    service, permission = enter(request)
    base = base_url(request)
    parameters = read_query(request.scope["query_string"].decode("latin-1"))
    cheap = _CHEAP_NAMES.issuperset(name for name, _ in parameters)

    def answer(patience: Patience) -> Response:
        if collection is not None:
            find_collection(service, permission, collection)
        asked = read_request(form.parse(parameters), permission.scene_types, collection, patience)

        def make() -> bytes:
            address, links = form.address(base, collection), form.links(base, collection)
            query = [(name, value) for name, value in parameters if name != "token"]

            def link(rel: str, token: Optional[str]) -> Document:
                text = encode([*query, *([] if token is None else [("token", token)])])
                return {"rel": rel, "type": GEOJSON, "method": "GET", "href": f"{address}?{text}" if text else address}

            links.append(link("self", None if asked.search.place is None else token_of(asked.search.place)))
            return _page(service, permission, base, asked, form, links, link, patience)

        version = index_version(request, service, permission, parameters)
        return json_answer(request, make, version, GEOJSON)

    return await attend(request, answer, seconds=SEARCH_SECONDS, pool=PAGES if cheap else AREAS)


async def posted_page_answer(request: Request) -> Response:
    """Return a page of items of all collections, searched by the body of a POST to the STAC API.

    Parameters
    ----------
    request : Request
        Request with a key, and the search as JSON in its body.

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
            address = _stac_address(base, None)

            def link(rel: str, token: Optional[str]) -> Document:
                given = {**asked.given, **({} if token is None else {"token": token})}
                return {"rel": rel, "type": GEOJSON, "method": "POST", "href": address, "body": given}

            links = _stac_links(base, None)
            content = _page(service, permission, base, asked, _STAC, links, link, patience)
            # Responses to POST are not cacheable: their address does not identify the search.
            return json_answer(request, lambda: content, None, GEOJSON)

        return await attend(request, answer, seconds=SEARCH_SECONDS, pool=AREAS)


def _page(
    service: Service,
    permission: Permission,
    base: str,
    asked: ItemRequest,
    form: PageFormat,
    links: List[Document],
    link: Callable[[str, Optional[str]], Document],
    patience: Patience,
) -> bytes:
    try:
        page = service.items.search(asked.search, patience)
    except ValueError:
        raise wrong_token("token") from None
    if page.after is not None:
        links.append(link("next", token_of(page.after)))
    if page.before is not None:
        links.append(link("prev", token_of(page.before)))
    return write_json(
        {
            "type": "FeatureCollection",
            "numberMatched": page.total,
            "numberReturned": len(page.items),
            "links": links,
            "features": [chosen(form.feature(found, permission, base), asked.fields) for found in page.items],
        }
    )


def find_collection(
    service: Service, permission: Permission, collection: str, samples: int = 0
) -> Tuple[CollectionRows, List[StoredScene]]:
    """Return a collection, and some of its scenes.

    Parameters
    ----------
    service : Service
        The service.
    permission : Permission
        Permission of the key.
    collection : str
        Id of the collection.
    samples : int, optional
        The most scenes to read.

    Raises
    ------
    HttpError
        404, if there is no such collection that the key permits.
    """
    for rows, scenes in service.items.collections(permission.scene_types, samples):
        if rows.collection == collection:
            return rows, scenes
    raise HttpError(404, f"There is no collection {collection[:80]!r}.")


def find_item(service: Service, permission: Permission, collection: str, scene_id: str) -> FoundItem:
    """Return an item.

    Parameters
    ----------
    service : Service
        The service.
    permission : Permission
        Permission of the key.
    collection, scene_id : str
        Id of its collection, and its own.

    Raises
    ------
    HttpError
        404, if there is no such item that the key permits.
    """
    found = service.items.item(permission.scene_types, collection, scene_id) if is_text(scene_id) else None
    if found is None:
        raise HttpError(404, f"There is no item {scene_id[:80]!r} in the collection {collection[:80]!r}.")
    return found
