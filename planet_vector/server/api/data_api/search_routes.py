"""Routes of the Data API v1 for searches: quick and saved ones, their pages, and statistics."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Callable, List, Mapping, Optional
from urllib.parse import urlencode

import numpy as np
from fastapi import Request
from fastapi.responses import Response

from planet_vector.server.api.answers import json_answer, write_json
from planet_vector.server.api.attending import AREAS, CHEAP, attend
from planet_vector.server.api.bodies import Body
from planet_vector.server.api.conditional import NOT_STORED
from planet_vector.server.api.data_api.item_documents import ROOT, item_document
from planet_vector.server.api.data_api.parameters import query_of
from planet_vector.server.api.data_api.search_requests import (
    PageRequest,
    checked_request,
    condition_of,
    item_search,
    page_request,
    posted_request,
)
from planet_vector.server.api.documents import Document
from planet_vector.server.api.page_tokens import token_of, wrong_token
from planet_vector.server.api.permissions import Permission
from planet_vector.server.api.search_store import MAX_SAVED
from planet_vector.server.api.service import CHEAP_SECONDS, Service, base_url, enter, index_version
from planet_vector.server.http_errors import HttpError
from planet_vector.server.patience import Patience

SEARCH_SECONDS = 30.0
"""Time limit for a page of a search, including the preparation of its areas."""

MAX_NAME = 200
"""Maximum characters of the name of a saved search."""

_UNITS = {"hour": "h", "day": "D", "week": "D", "month": "M", "year": "Y"}  # of numpy
_OFFSET = "+0h"
_MONDAY = 3  # days from 1970-01-01, a Thursday, back to its week's first day

_ORDERS = ("created desc", "created asc")
_KINDS = ("any", "saved", "quick")

_Make = Callable[[object, Patience], Response]


async def quick_search(request: Request) -> Response:
    """Return the first page of a search.

    Parameters
    ----------
    request : Request
        Request with a key; the search is JSON in its body, ``_page_size`` and ``_sort`` are in its query.
    """
    service, permission = enter(request)
    page = page_request(query_of(request, "_page_size", "_sort"))
    base = base_url(request)

    def make(document: object, patience: Patience) -> Response:
        wanted = posted_request(document)
        # Responses to POST are not cacheable: their address does not identify the search.
        return json_answer(request, lambda: write_json(_page(service, permission, wanted, page, base, None, patience)))

    return await _with_body(request, make)


async def list_results(request: Request, search_id: str) -> Response:
    """Return a page of a saved search, or a further one of a quick search.

    Parameters
    ----------
    request : Request
        Request with a key, and ``_page``, ``_page_size`` and ``_sort`` in its query.
    search_id : str
        Id of the search.
    """
    service, permission = enter(request)
    page = page_request(query_of(request, "_page", "_page_size", "_sort"))
    base = base_url(request)

    def answer(patience: Patience) -> Response:
        found = service.searches.request(search_id, permission.name)
        if found is None:
            raise HttpError(404, f"There is no search {search_id[:80]!r}, or it is no longer stored: search again.")
        wanted = checked_request(found)

        def make() -> bytes:
            return write_json(_page(service, permission, wanted, page, base, search_id, patience))

        return json_answer(request, make, index_version(request, service, permission, wanted, page))

    return await attend(request, answer, seconds=SEARCH_SECONDS, pool=AREAS)


async def get_stats(request: Request) -> Response:
    """Return the numbers of items of a search by time of acquisition.

    Parameters
    ----------
    request : Request
        Request with a key; the search and ``interval`` are JSON in its body.
    """
    service, permission = enter(request)
    query_of(request)

    def make(document: object, patience: Patience) -> Response:
        wanted = posted_request(document)
        assert isinstance(document, dict)
        interval = document.get("interval")
        if not isinstance(interval, str) or interval not in _UNITS:
            raise HttpError(400, f"interval is one of {', '.join(_UNITS)}.")
        if document.get("utc_offset") not in (None, _OFFSET):
            raise HttpError(400, f"utc_offset is {_OFFSET}: intervals begin in UTC.")
        search = item_search(service, permission, wanted, page_request({}), patience)
        buckets = _buckets(service.items.times(search, patience), interval)
        return json_answer(
            request, lambda: write_json({"buckets": buckets, "interval": interval, "utc_offset": _OFFSET})
        )

    return await _with_body(request, make)


def _page(
    service: Service,
    permission: Permission,
    wanted: Document,
    page: PageRequest,
    base: str,
    search_id: Optional[str],
    patience: Patience,
) -> Document:
    try:
        found = service.items.search(item_search(service, permission, wanted, page, patience), patience)
    except ValueError:
        raise wrong_token("_page") from None
    if search_id is None and found.after is not None:
        search_id = service.searches.keep(wanted)
    address = f"{base}{ROOT}/quick-search" if search_id is None else f"{base}{ROOT}/searches/{search_id}/results"

    def link(token: Optional[str]) -> str:
        given = {"_page": token, "_page_size": str(page.size), "_sort": page.order}
        return f"{address}?{urlencode({name: value for name, value in given.items() if value is not None})}"

    links = {"_first": link(None), "_self": link(page.token)}
    if found.after is not None:
        links["_next"] = link(token_of(found.after))
    features = [item_document(item.scene, permission, base) for item in found.items]
    return {"_links": links, "features": features, "type": "FeatureCollection"}


def _buckets(times: np.ndarray, interval: str) -> List[Document]:
    starts = times.astype("datetime64[us]").astype(f"datetime64[{_UNITS[interval]}]")
    if interval == "week":
        days = starts.astype(np.int64)
        starts = (days - (days + _MONDAY) % 7).astype("datetime64[D]")
    values, counts = np.unique(starts, return_counts=True)
    texts = np.datetime_as_string(values.astype("datetime64[us]")).tolist() if len(values) else []
    return [{"count": count, "start_time": f"{text}Z"} for text, count in zip(texts, counts.tolist())]


# ---- saved searches ------------------------------------------------------------------------------------------


async def list_searches(request: Request) -> Response:
    """Return the saved searches of the key, the newest first unless the query says otherwise.

    Parameters
    ----------
    request : Request
        Request with a key, and ``_sort``, ``search_type``, ``_page_size`` and ``_page`` in its query.
    """
    service, permission = enter(request)
    base, query = base_url(request), query_of(request, "_sort", "search_type", "_page_size", "_page")
    order, kind = query.get("_sort", _ORDERS[0]), query.get("search_type", "any")
    if order not in _ORDERS:
        raise HttpError(400, f"_sort is {order[:40]!r}: it takes {' or '.join(_ORDERS)}.")
    if kind not in _KINDS:
        raise HttpError(400, f"search_type is {kind[:40]!r}: it takes {', '.join(_KINDS)}.")
    size, start = (_number(query, name, default) for name, default in (("_page_size", MAX_SAVED), ("_page", 1)))

    def answer(patience: Patience) -> Response:
        # Quick searches are kept for their pages only, and listed nowhere.
        found = [] if kind == "quick" else service.searches.all_saved(permission.name)
        found = found if order == _ORDERS[0] else found[::-1]
        page = found[(start - 1) * size : start * size]
        address = f"{base}{ROOT}/searches"
        links = {"_self": f"{address}?{urlencode(query)}" if query else address}
        if start * size < len(found):
            links["_next"] = f"{address}?{urlencode({**query, '_page': str(start + 1)})}"
        body = {"_links": links, "searches": [_search_document(each, base) for each in page]}
        return json_answer(request, lambda: write_json(body))

    return await attend(request, answer, seconds=CHEAP_SECONDS, pool=CHEAP)


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not re.fullmatch(r"[1-9]\d{0,6}", text, re.ASCII):
        raise HttpError(400, f"{name} is {text[:40]!r}: it takes a number from 1 on.")
    return int(text)


async def create_search(request: Request) -> Response:
    """Save a search.

    Parameters
    ----------
    request : Request
        Request with a key; the search and its ``name`` are JSON in its body.

    Returns
    -------
    Response
        The saved search as JSON.
    """
    service, permission = enter(request)
    base = base_url(request)

    def make(document: object, patience: Patience) -> Response:
        now = _now()
        wanted = {**_named(document, patience), "created": now, "updated": now}
        saved = service.searches.save(wanted, permission.name)
        return json_answer(request, lambda: write_json(_search_document(saved, base)))

    return await _with_body(request, make)


async def get_search(request: Request, search_id: str) -> Response:
    """Return a saved search.

    Parameters
    ----------
    request : Request
        Request with a key.
    search_id : str
        Its id.
    """
    service, permission = enter(request)
    base = base_url(request)

    def answer(patience: Patience) -> Response:
        found = _saved(service, permission, search_id)
        return json_answer(request, lambda: write_json(_search_document(found, base)))

    return await attend(request, answer, seconds=CHEAP_SECONDS, pool=CHEAP)


async def replace_search(request: Request, search_id: str) -> Response:
    """Replace a saved search.

    Parameters
    ----------
    request : Request
        Request with a key; the search and its ``name`` are JSON in its body.
    search_id : str
        Its id.

    Returns
    -------
    Response
        The saved search as JSON.
    """
    service, permission = enter(request)
    base = base_url(request)

    def make(document: object, patience: Patience) -> Response:
        before = _saved(service, permission, search_id)
        wanted = {"id": search_id, **_named(document, patience), "created": before["created"], "updated": _now()}
        saved = service.searches.save(wanted, permission.name)
        return json_answer(request, lambda: write_json(_search_document(saved, base)))

    return await _with_body(request, make)


async def delete_search(request: Request, search_id: str) -> Response:
    """Delete a saved search.

    Parameters
    ----------
    request : Request
        Request with a key.
    search_id : str
        Its id.

    Returns
    -------
    Response
        204, without a body.
    """
    service, permission = enter(request)

    def answer(patience: Patience) -> Response:
        if not service.searches.delete(search_id, permission.name):
            raise _no_search(search_id)
        return Response(status_code=204, headers=NOT_STORED)

    return await attend(request, answer, seconds=CHEAP_SECONDS, pool=CHEAP)


def _named(document: object, patience: Patience) -> Document:
    """Return a search with its name, if both are valid."""
    wanted = posted_request(document)
    condition_of(wanted, patience)
    name = document.get("name") if isinstance(document, dict) else None
    if not isinstance(name, str) or not 0 < len(name.strip()) <= MAX_NAME:
        raise HttpError(400, f"name is a text of up to {MAX_NAME} characters.")
    return {"name": name, **wanted}


def _saved(service: Service, permission: Permission, search_id: str) -> Document:
    found = service.searches.saved(search_id, permission.name)
    if found is None:
        raise _no_search(search_id)
    return found


def _no_search(search_id: str) -> HttpError:
    return HttpError(404, f"There is no saved search {search_id[:80]!r}.")


def _search_document(saved: Document, base: str) -> Document:
    address = f"{base}{ROOT}/searches/{saved['id']}"
    return {
        "__daily_email_enabled": False,
        "_links": {"_self": address, "results": f"{address}/results"},
        "last_executed": None,
        "search_type": "saved",
        **saved,
    }


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


async def _with_body(request: Request, make: _Make) -> Response:
    """Return a response made of the JSON in the body of a request."""
    with Body() as body:
        await body.read(request)

        def answer(patience: Patience) -> Response:
            return make(body.document(request, patience), patience)

        return await attend(request, answer, seconds=SEARCH_SECONDS, pool=AREAS)
