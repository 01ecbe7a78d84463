"""The landing page of a STAC API: addresses of its resources, and what it conforms to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import FrozenSet, List, Mapping, NamedTuple, Optional

from planet_vector.catalog import kept_answers
from planet_vector.catalog.stac.json_values import as_object, as_text, objects_in
from planet_vector.errors import NotFoundError, ProtocolError
from planet_vector.http.transport import Transport
from planet_vector.roots import is_api_origin

QUERYABLES = ("http://www.opengis.net/def/rel/ogc/1.0/queryables", "queryables")
"""Relations of the link to the queryables."""

_KEPT = "landing"


class Link(NamedTuple):
    """Link of a resource: its relation, absolute address and method."""

    rel: str
    href: str
    method: str


@dataclass(frozen=True)
class Landing:
    """Addresses and abilities of a STAC API.

    Attributes
    ----------
    title : str
        The title of the service; may be empty.
    conforms_to : frozenset of str
        URIs of conformance classes.
    search : str
        Address of the item search.
    posts : bool
        Whether the item search takes POST.
    collections : str
        Address of the list of collections; empty if there is none.
    """

    title: str
    conforms_to: FrozenSet[str]
    search: str
    posts: bool
    collections: str

    def conforms(self, *suffixes: str) -> bool:
        """Return whether the service conforms to classes, given by the ends of their URIs.

        URIs of one class differ between versions of the specification: ``…/v1.0.0-rc.2/item-search#filter``.

        Parameters
        ----------
        *suffixes : str
            An end of each URI.
        """
        return all(any(uri.endswith(suffix) for uri in self.conforms_to) for suffix in suffixes)

    @property
    def sorts(self) -> bool:
        """Whether the service announces that it sorts items."""
        return self.conforms("item-search#sort") and self.posts

    @property
    def filters(self) -> bool:
        """Whether the service announces filters in CQL2-JSON."""
        return self.conforms("item-search#filter", "/cql2-json") and self.posts

    @property
    def queries(self) -> bool:
        """Whether the service announces the extension query."""
        return self.conforms("item-search#query") and self.posts


def read_landing(transport: Transport) -> Landing:
    """Request the landing page, and the conformance classes if the landing page does not contain them, and keep both.

    Parameters
    ----------
    transport : Transport
        Sends the requests.

    Returns
    -------
    Landing
        Addresses and abilities.

    Raises
    ------
    ServiceError
        If a request fails, or the response is not the landing page of a STAC API.
    """
    root = transport.settings.api_url
    try:
        response = transport.get_json(root)
    except NotFoundError as error:
        raise NotFoundError(_no_api(transport, "has nothing at this address (404)"), error.request, 404) from None
    body = as_object(response.body)
    links = links_of(body)
    if not links or not (body.get("stac_version") or body.get("conformsTo") or body.get("stac_api_version")):
        raise ProtocolError(_no_api(transport, "returned no landing page"), f"GET {root}")
    searches = [link for link in links if link.rel == "search"]
    if not searches:
        told = "offers no item search, as static catalogs do not"
        raise ProtocolError(_no_api(transport, told), f"GET {root}")
    posts = [link for link in searches if link.method == "POST"]
    chosen = (posts or searches)[0]
    conforms_to = body.get("conformsTo")
    conformance = next((link for link in links if link.rel == "conformance"), None)
    if not isinstance(conforms_to, list) and conformance is not None:
        address = own_address(transport, conformance.href, response.url)
        conforms_to = as_object(transport.get_json(address).body).get("conformsTo")
    uris = conforms_to if isinstance(conforms_to, list) else []
    listed = next((link for link in links if link.rel == "data"), None)
    landing = Landing(
        title=as_text(body.get("title")),
        conforms_to=frozenset(uri.rstrip("/") for uri in uris if isinstance(uri, str)),
        search=own_address(transport, chosen.href, response.url),
        posts=bool(posts),
        collections=own_address(transport, listed.href, response.url) if listed else "",
    )
    kept_answers.save(_KEPT, transport.settings, {**vars(landing), "conforms_to": sorted(landing.conforms_to)})
    return landing


def kept_landing(transport: Transport) -> Optional[Landing]:
    """Return the landing page that this or another program requested within the lifetime of cached results, if any did.

    Parameters
    ----------
    transport : Transport
        Client of the service.
    """
    body = as_object(kept_answers.load(_KEPT, transport.settings))
    uris, search, collections = body.get("conforms_to"), as_text(body.get("search")), as_text(body.get("collections"))
    if not search or not isinstance(uris, list):
        return None
    try:
        return Landing(
            title=as_text(body.get("title")),
            conforms_to=frozenset(as_text(uri) for uri in uris),
            search=own_address(transport, search),
            posts=body.get("posts") is True,
            collections=own_address(transport, collections) if collections else "",
        )
    except ProtocolError:  # somebody else wrote the file
        return None


def links_of(body: Mapping[str, object]) -> List[Link]:
    """Return the usable links of a resource.

    Parameters
    ----------
    body : mapping
        The resource.
    """
    return [
        Link(as_text(link.get("rel")), link["href"], (as_text(link.get("method")) or "GET").upper())
        for link in objects_in(body.get("links"))
        if isinstance(link.get("href"), str)
    ]


def own_address(transport: Transport, href: str, base: Optional[str] = None) -> str:
    """Return a link to a resource of the API as an absolute address.

    Parameters
    ----------
    transport : Transport
        Client of the service.
    href : str
        The link.
    base : str, optional
        Address of the resource that contains it; the root by default.

    Raises
    ------
    ProtocolError
        If it is not an address, or leads to another origin.
    """
    address = transport.check_link(href, base)
    if not is_api_origin(address, transport.settings.api_url):
        raise ProtocolError(
            "The service links a part of its API at another host: the link is not followed.",
            f"GET {transport.settings.api_url}",
        )
    return address


def _no_api(transport: Transport, why: str) -> str:
    settings = transport.settings
    return f"There is no STAC API at {settings.api_url}, as its host {why}: check {settings.root_source}."
