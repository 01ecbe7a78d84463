"""The service as its routes see it: its objects, and what each route reads from a request."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Mapping, Optional
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from planet_vector.server.api.activations import Activations
from planet_vector.server.api.basemap_definitions import BasemapDefinition
from planet_vector.server.api.conditional import NOT_STORED, Version
from planet_vector.server.api.delivery import Signer
from planet_vector.server.api.hosts import HOST
from planet_vector.server.api.metrics import Metrics
from planet_vector.server.api.permissions import Keys, Permission
from planet_vector.server.api.search_store import SearchStore
from planet_vector.server.archive.products import Products
from planet_vector.server.http_errors import HttpError
from planet_vector.server.imagery.kept_pictures import Imagery
from planet_vector.server.index.database import Index
from planet_vector.server.index.item_index import ItemIndex
from planet_vector.server.index.rescans import RescanState
from planet_vector.server.index.scene_search import parse_search

CHEAP_SECONDS = 10.0
"""Time limit for work that takes milliseconds unless a disk hangs."""


@dataclass
class Service:
    """Objects that the routes work on.

    Attributes
    ----------
    root : Path
        Folder of the archive.
    index : Index
        Index of its scenes.
    imagery : Imagery
        Pictures and their cache.
    keys : Keys
        Keys and their permissions.
    signer : Signer or None
        Signer of delivery addresses; None if ``/full`` sends files itself.
    delivery_port : int or None
        Port of the delivery origin, to which ``/full`` redirects.
    basemaps : mapping of str to BasemapDefinition
        Basemaps by name.
    metrics : Metrics
        Counters of requests.
    rescans : RescanState
        Result of the last re-scan of the archive.
    asset_signer : Signer
        Signer of the locations of assets.
    activation_delay : float or None
        Seconds that the activation of an asset takes; None if all are active.
    products : Products
        Files of products.
    items : ItemIndex
        Items and collections of the index.
    activations : Activations
        States of assets.
    searches : SearchStore
        Searches of the Data API.
    """

    root: Path
    index: Index
    imagery: Imagery
    keys: Keys = field(default_factory=Keys)
    signer: Optional[Signer] = None
    delivery_port: Optional[int] = None
    basemaps: Mapping[str, BasemapDefinition] = field(default_factory=dict)
    metrics: Metrics = field(default_factory=Metrics)
    rescans: RescanState = field(default_factory=RescanState)
    asset_signer: Signer = field(default_factory=lambda: Signer(3600.0))
    activation_delay: Optional[float] = None

    def __post_init__(self) -> None:
        """Set up the access to product files and items, and what is stored beside the index."""
        self.items = ItemIndex(self.index)
        self.products = Products(self.root)
        self.activations = Activations(self.index.path, self.activation_delay)
        self.searches = SearchStore(self.index)
        self._type_basemaps: Dict[str, BasemapDefinition] = {}

    def type_basemap(self, scene_type: str) -> BasemapDefinition:
        """Return a basemap of all scenes of a type, the same object each time: it caches its layout.

        Parameters
        ----------
        scene_type : str
            The type.
        """
        found = BasemapDefinition(scene_type, scene_type, parse_search(scene_type, []))
        return self._type_basemaps.setdefault(scene_type, found)


def enter(request: Request) -> tuple[Service, Permission]:
    """Return the service, and the permission of the request's key.

    The name of the key is noted for the access log.

    Parameters
    ----------
    request : Request
        Request with a key in its Authorization header or its ``api_key`` parameter.

    Raises
    ------
    HttpError
        401, if a key is required and the request has no valid one.
    ConfigError
        If the file of keys has changed and cannot be used.
    """
    service: Service = request.app.state.service
    permission = service.keys.permission(request.headers.get("authorization"), request.query_params.get("api_key"))
    request.scope["planet_vector.key"] = permission.name
    return service, permission


def base_url(request: Request) -> str:
    """Return the root address of the service (scheme and host) as the client sees it, without a final slash.

    Parameters
    ----------
    request : Request
        Request whose Host header is read.

    Raises
    ------
    HttpError
        400, if the Host header is invalid: links would contain it.
    """
    host = request.headers.get("host", "")
    if not HOST.fullmatch(host):
        raise HttpError(400, "The Host header is not a valid host.")
    return f"{request.url.scheme}://{host}"


def index_version(request: Request, service: Service, permission: Permission, *parts: Any) -> Version:
    """Return the version of a response computed from the index; call it in a thread.

    Parameters
    ----------
    request : Request
        Request; the response depends on its address, which links contain.
    service : Service
        The service; the response depends on the state of its index.
    permission : Permission
        Permission of the key.
    *parts
        Further values that the response depends on, such as parameters or the definition of a basemap.
    """
    may = [None if names is None else sorted(names) for names in (permission.scene_types, permission.products)]
    place = base_url(request), request.scope["path"]
    # Read before the response is computed, so that a change in between invalidates it at the next request.
    state = service.index.state()
    return Version.of_made(service.keys.required, state, service.index.exact_ties, place, may, parts)


async def to_slash(request: Request) -> Response:
    """Redirect to the address of a list with its final slash.

    Parameters
    ----------
    request : Request
        Request for a list without the slash.

    Returns
    -------
    Response
        302, or 307 for POST, which keeps method and body.
    """
    query = request.scope["query_string"].decode("latin-1")
    location = f"{base_url(request)}{quote(request.url.path)}/" + (f"?{query}" if query else "")
    return RedirectResponse(location, 307 if request.method == "POST" else 302, NOT_STORED)
