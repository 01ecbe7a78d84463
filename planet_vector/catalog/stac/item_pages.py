"""Requests of an item search, and their responses: pages of items, each with the request for the next."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Dict, List, Mapping, NamedTuple, Optional, Tuple
from urllib.parse import urlencode, urlsplit

from planet_vector.catalog.stac.json_values import as_count, as_object, as_text, objects_in
from planet_vector.catalog.stac.landing import Landing, own_address
from planet_vector.catalog.stac.undecoded_pages import undecoded_page
from planet_vector.collection_schema import Feature
from planet_vector.errors import ProtocolError, QueryError
from planet_vector.http.responses import redacted
from planet_vector.http.transport import Transport

LONGEST = 8000
"""Characters of an address that HTTP services are expected to accept (RFC 9110, section 4.1)."""

# Names of header fields (RFC 9110, section 5.1), and those that are the client's own matter.
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_OWN_HEADERS = frozenset(
    {"accept-encoding", "authorization", "connection", "content-length", "content-type", "cookie", "host", "range"}
    | {"proxy-authorization", "trailer", "transfer-encoding", "upgrade", "user-agent", "expect"}
)


@dataclass(frozen=True)
class PageRequest:
    """Request for a page of items.

    Attributes
    ----------
    url : str
        The address; for GET with the whole query.
    body : mapping or None
        The JSON body of a POST; None for GET.
    headers : tuple of (str, str)
        Names and values of further headers.
    """

    url: str
    body: Optional[Mapping[str, object]] = None
    headers: Tuple[Tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """A text that identifies the request."""
        return json.dumps([self.url, self.body, self.headers], sort_keys=True, default=str)

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
        query = urlencode([(name, _parameter(name, value)) for name, value in body.items()])
        return cls(f"{landing.search}{'&' if urlsplit(landing.search).query else '?'}{query}")


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
    length : int
        Its length in bytes.
    """

    items: List[Feature]
    matched: Optional[int]
    next: Optional[PageRequest]
    length: int


def fetch_page(transport: Transport, request: PageRequest, undecoded: bool = False) -> ItemPage:
    """Request a page.

    Parameters
    ----------
    transport : Transport
        Sends the request.
    request : PageRequest
        The request.
    undecoded : bool, optional
        Whether members of items may stay JSON (`planet_vector.quick_json.decoded`).

    Returns
    -------
    ItemPage
        The page.

    Raises
    ------
    ServiceError
        If the request fails, or the response is not a page of items.
    QueryError
        If the search is too long for an address.
    """
    if request.body is None and len(request.url) > LONGEST:
        raise QueryError(
            "The area of the search is too detailed for this service, which takes no POST: simplify it, or give a bbox."
        )
    content, read = transport.fetch(request.url, body=request.body, headers=dict(request.headers))
    response = read(undecoded_page if undecoded else None)
    name = f"{'GET' if request.body is None else 'POST'} {redacted(request.url)}"
    body = as_object(response.body)
    features = body.get("features")
    if not isinstance(features, list) or not all(map(is_item, features)):
        raise ProtocolError("The service returned something that is not a page of items.", name)
    return ItemPage(features, _matched(body), _next(transport, body, request, response.url), len(content))


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
        headers = _headers(link.get("headers"))
        if as_text(link.get("method")).upper() != "POST":
            return PageRequest(address, None, headers)
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
        return PageRequest(address, given, headers)
    return None


def _headers(given: object) -> Tuple[Tuple[str, str], ...]:
    """Return the headers that a link asks for, without those that are the client's own matter."""
    found = []
    for name, values in as_object(given).items():
        values = values if isinstance(values, list) else [values]
        text = ", ".join(str(value) for value in values if isinstance(value, (str, int)))
        if isinstance(name, str) and _HEADER.fullmatch(name) and name.lower() not in _OWN_HEADERS:
            if text and text.isascii() and text.isprintable():
                found.append((name, text.strip()))
    return tuple(found)
