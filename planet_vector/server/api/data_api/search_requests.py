"""Searches of the Data API v1: the JSON of a request, and its parameters of pages."""

from __future__ import annotations

import re
from typing import List, Mapping, NamedTuple, Optional, Tuple

from planet_vector.server.api.data_api.filters_v1 import FilterReader, all_of, any_asset
from planet_vector.server.api.data_api.item_lookup import scene_types_of
from planet_vector.server.api.data_api.parameters import check_members
from planet_vector.server.api.documents import Document
from planet_vector.server.api.page_tokens import is_text, place_of
from planet_vector.server.api.permissions import Permission
from planet_vector.server.api.service import Service
from planet_vector.server.http_errors import HttpError
from planet_vector.server.index.data_properties import data_vocabulary
from planet_vector.server.index.expressions import Condition, In, Property
from planet_vector.server.index.item_orders import SortKey, whole_order
from planet_vector.server.index.item_properties import DATETIME
from planet_vector.server.index.item_search import ItemSearch
from planet_vector.server.patience import Patience

MAX_PAGE = 250
"""Items of the largest page, and of one without ``_page_size``."""

MAX_TYPES = 100
"""Maximum number of item types of a search."""

_REQUEST = ("item_types", "filter", "geometry", "asset_types")
_COLUMNS = {"acquired": DATETIME, "published": "created"}  # names of the properties that items are ordered by
_DIRECTIONS = {"asc": True, "desc": False}
_ORDER = "published desc"


class PageRequest(NamedTuple):
    """Parameters of a page.

    Attributes
    ----------
    size : int
        Maximum number of items.
    order : str
        ``acquired`` or ``published``, and ``asc`` or ``desc``.
    token : str or None
        Token of the page; None for the first.
    """

    size: int
    order: str
    token: Optional[str]

    @property
    def keys(self) -> Tuple[SortKey, ...]:
        """The order; items that are equal by it are ordered by time and id in the same direction."""
        name, direction = self.order.split(" ")
        ascending = _DIRECTIONS[direction]
        return whole_order([SortKey(_COLUMNS[name], ascending), SortKey(DATETIME, ascending)])


def page_request(query: Mapping[str, str]) -> PageRequest:
    """Return the parameters of a page.

    Parameters
    ----------
    query : mapping of str to str
        Parameters of the address.

    Raises
    ------
    HttpError
        400, if one has an invalid value.
    """
    size, order = query.get("_page_size", str(MAX_PAGE)), " ".join(query.get("_sort", _ORDER).split())
    if not re.fullmatch(r"[1-9]\d{0,6}", size, re.ASCII):
        raise HttpError(400, f"_page_size is {size[:40]!r}: it takes a number from 1 to {MAX_PAGE}.")
    name, _, direction = order.partition(" ")
    if name not in _COLUMNS or direction not in _DIRECTIONS:
        raise HttpError(400, f"_sort is {order[:40]!r}: it takes acquired or published, and asc or desc.")
    return PageRequest(min(int(size), MAX_PAGE), order, query.get("_page"))


def checked_request(document: object) -> Document:
    """Return the members of a search that select items.

    Parameters
    ----------
    document : object
        Parsed JSON of a request, or of a saved search.

    Raises
    ------
    HttpError
        400, if it is not a search.
    """
    if not isinstance(document, dict):
        raise HttpError(400, "A search is a JSON object with item_types and a filter.")
    types = document.get("item_types")
    if not isinstance(types, list) or not types or not all(map(is_text, types)):
        raise HttpError(400, "item_types is a list of item types, at least one.")
    if len(types) > MAX_TYPES:
        raise HttpError(400, f"item_types has more than {MAX_TYPES} item types.")
    return {name: document[name] for name in _REQUEST if document.get(name) is not None}


def posted_request(document: object) -> Document:
    """Return the members of a search that select items, if it has no unknown ones.

    Parameters
    ----------
    document : object
        Parsed JSON of a request.

    Raises
    ------
    HttpError
        400, if it is not a search, or has unknown members.
    """
    found = checked_request(document)
    assert isinstance(document, dict)
    check_members(document)
    return found


def condition_of(request: Document, patience: Patience) -> Condition:
    """Return the condition of a search.

    Parameters
    ----------
    request : dict
        Result of `checked_request`.
    patience : Patience
        Time limit and cancellation for preparing areas.

    Raises
    ------
    HttpError
        400, if the filter is invalid.
    """
    types, asset_types = request["item_types"], request.get("asset_types")
    assert isinstance(types, list)
    reader = FilterReader(patience)
    parts: List[Condition] = [In(Property("item_type"), tuple(types))]
    if "filter" in request:
        parts.append(reader.read(request["filter"]))
    if "geometry" in request:
        parts.append(reader.area(request["geometry"]))
    if asset_types is not None:
        if not isinstance(asset_types, list):
            raise HttpError(400, "asset_types is a list of names of assets.")
        parts.append(any_asset(asset_types))
    return all_of(parts)


def item_search(
    service: Service, permission: Permission, request: Document, page: PageRequest, patience: Patience
) -> ItemSearch:
    """Return a search of the index.

    Parameters
    ----------
    service : Service
        The service.
    permission : Permission
        Permission of the key.
    request : dict
        Result of `checked_request`.
    page : PageRequest
        The page.
    patience : Patience
        Time limit and cancellation for preparing areas.

    Raises
    ------
    HttpError
        400 if the filter or the token is invalid, 403 if the key does not permit an item type, 404 if there is none.
    """
    types = request["item_types"]
    assert isinstance(types, list)
    for item_type in types:
        scene_types_of(service, permission, item_type, patience)
    return ItemSearch(
        condition_of(request, patience),
        permission.scene_types,
        None,
        page.keys,
        page.size,
        None if page.token is None else place_of(page.token, "_page"),
        data_vocabulary(permission.products),
    )
