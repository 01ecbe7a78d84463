"""Requests of an item search, and their responses: pages of items, each with the request for the next."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Dict, List, Mapping, NamedTuple, Optional, Tuple

from planet_vector.catalog.stac.json_values import as_count, as_object, as_text, objects_in
from planet_vector.catalog.stac.landing import Landing, own_address
from planet_vector.collection_schema import Feature
from planet_vector.errors import ProtocolError
from planet_vector.http.responses import redacted
from planet_vector.http.transport import Transport


@dataclass(frozen=True)
class PageRequest:
    """Request for a page of items.

    Attributes
    ----------
    url : str
        The address; for GET with the whole query.
    body : mapping or None
        The JSON body of a POST; None for GET.
    """

    url: str
    body: Optional[Mapping[str, object]] = None
    parameters: Tuple[Tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """A text that identifies the request."""
        return json.dumps([self.url, self.body, self.parameters], sort_keys=True, default=str)

    @classmethod
    def of_search(cls, landing: Landing, body: Mapping[str, object]) -> PageRequest:
        """Return the request for the first page of a search.

        Parameters
        ----------
        landing : Landing
            The service.
        body : mapping
            The search, as the body of a POST.
        """
        if landing.posts:
            return cls(landing.search, body)
        return cls(landing.search, None, tuple((name, _parameter(name, value)) for name, value in body.items()))


def _parameter(name: str, value: object) -> str:
    """Return a member of a body as a parameter of GET."""
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return json.dumps(value) if isinstance(value, Mapping) else str(value)


class ItemPage(NamedTuple):
    """Page of items.

    Attributes
    ----------
    items : list of Feature
        Its items.
    matched : int or None
        The number of items of the search; None if the service does not count.
    next : PageRequest or None
        The request for the next page.
    """

    items: List[Feature]
    matched: Optional[int]
    next: Optional[PageRequest]


def fetch_page(transport: Transport, request: PageRequest) -> ItemPage:
    """Request a page.

    Parameters
    ----------
    transport : Transport
        Sends the request.
    request : PageRequest
        The request.

    Returns
    -------
    ItemPage
        The page.

    Raises
    ------
    ServiceError
        If the request fails, or the response is not a page of items.
    """
    if request.body is None:
        response = transport.get_json(request.url, request.parameters)
    else:
        response = transport.post_json(request.url, request.body)
    name = f"{'GET' if request.body is None else 'POST'} {redacted(request.url)}"
    body = as_object(response.body)
    features = body.get("features")
    if not isinstance(features, list) or not all(map(is_item, features)):
        raise ProtocolError("The service returned something that is not a page of items.", name)
    return ItemPage(features, _matched(body), _next(transport, body, request, response.url))


def is_item(value: object) -> bool:
    """Return whether a value is an item: a Feature with an id and properties.

    Parameters
    ----------
    value : object
        Any JSON value.
    """
    item = as_object(value)
    return bool(as_text(item.get("id"))) and isinstance(item.get("properties"), Mapping)


def _matched(body: Feature) -> Optional[int]:
    """Return the number of items of the search, as `numberMatched` or as earlier versions write it."""
    for place, name in (
        (body, "numberMatched"),
        (body.get("context"), "matched"),
        (body.get("search:metadata"), "matched"),
    ):
        count = as_count(as_object(place).get(name))
        if count is not None:
            return count
    return None


def _next(transport: Transport, body: Feature, request: PageRequest, base: str) -> Optional[PageRequest]:
    """Return the request of the link ``next``."""
    for link in objects_in(body.get("links")):
        href = link.get("href")
        if link.get("rel") != "next" or not isinstance(href, str):
            continue
        address = own_address(transport, href, base)
        if as_text(link.get("method")).upper() != "POST":
            return PageRequest(address)
        given: Dict[str, object] = dict(as_object(link.get("body")))
        if link.get("merge") is True:
            given = {**(request.body or {}), **given}
        try:
            json.dumps(given, allow_nan=False)
        except (ValueError, RecursionError):
            raise ProtocolError(
                "The service links the next page by a request that is not valid JSON: the result would be incomplete.",
                f"POST {redacted(address)}",
            ) from None
        return PageRequest(address, given)
    return None
