"""The Scenes API v0 over an index and its archive.

FastAPI uses the docstring of a route up to the form feed as its description in the OpenAPI document.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, List, Mapping, Optional, Tuple
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from planet_vector.errors import ConfigError
from planet_vector.item_ids import file_name
from planet_vector.server.api import openapi
from planet_vector.server.api.answers import Seen, json_answer, look, picture_answer, write_json
from planet_vector.server.api.attending import AREAS, CHEAP, HEALTH, PAGES, attend
from planet_vector.server.api.basemap_layouts import BasemapDefinition
from planet_vector.server.api.bodies import Body
from planet_vector.server.api.conditional import NOT_STORED, Version
from planet_vector.server.api.delivery import Signer, product_path, product_response
from planet_vector.server.api.error_responses import add_refusals
from planet_vector.server.api.hosts import HOST
from planet_vector.server.api.item_paths import SCENE_ID
from planet_vector.server.api.listing import list_page, shown
from planet_vector.server.api.metrics import Metrics
from planet_vector.server.api.permissions import Keys, Permission
from planet_vector.server.api.ranges import disposition
from planet_vector.server.archive.products import Products
from planet_vector.server.archive.scene_features import SCENE_TYPES
from planet_vector.server.http_errors import HttpError
from planet_vector.server.imagery.kept_pictures import FORMATS, SIZES, Imagery
from planet_vector.server.index.database import Index, IndexedScene
from planet_vector.server.index.rescans import RescanState
from planet_vector.server.index.scene_search import read_query
from planet_vector.server.patience import Patience

SEARCH_SECONDS = 30.0
"""Time limit for a page of a search, including the preparation of its area. With a million scenes it takes less than
one second."""

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
    products : Products
        Files of products.
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

    def __post_init__(self) -> None:
        """Set up the access to product files."""
        self.products = Products(self.root)


def create_app(service: Service) -> FastAPI:
    """Create the API of a service, without basemaps, login and web pages.

    Parameters
    ----------
    service : Service
        Objects that the routes work on; stored as ``app.state.service``.

    Returns
    -------
    FastAPI
        Application with the routes of scenes, health and metrics.
    """
    app = FastAPI(
        title="Scenes API", version="0", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False
    )  # fmt: skip
    app.openapi_version = "3.0.3"  # which every version of Swagger UI supports
    app.state.service = service
    add_refusals(app)
    routes: List[Any] = [
        ("/v0/scenes/", scene_types, openapi.ROOT),
        ("/v0/scenes/{scene_type}/", list_scenes, openapi.LIST),
        (f"/v0/scenes/{{scene_type}}/{SCENE_ID}", get_scene, openapi.SCENE),
        (f"/v0/scenes/{{scene_type}}/{SCENE_ID}/full", get_product, openapi.FULL),
        (f"/v0/scenes/{{scene_type}}/{SCENE_ID}/thumb", get_thumbnail, openapi.THUMB),
        (f"/v0/scenes/{{scene_type}}/{SCENE_ID}/square-thumb", get_thumbnail, openapi.THUMB),
        (f"/v0/scenes/{{scene_type}}/{SCENE_ID}/{{z}}/{{x}}/{{y}}.png", get_tile, openapi.TILE),
    ]
    for path, answer, extra in routes:
        app.add_api_route(path, answer, methods=["GET"], openapi_extra=extra, response_class=Response)
        app.add_api_route(path, answer, methods=["HEAD"], include_in_schema=False)
    app.add_api_route("/v0/scenes/{scene_type}/", list_scenes, methods=["POST"], openapi_extra=openapi.POST)
    tiles = f"/tiles{{shard}}/v0/scenes/{{scene_type}}/{SCENE_ID}/{{z}}/{{x}}/{{y}}.png"
    app.add_api_route(tiles, get_tile, methods=["GET", "HEAD"], include_in_schema=False)
    # Lists end in a slash, and are redirected to it. Other addresses do not, and are 404 with a slash.
    app.add_api_route("/v0/scenes", to_slash, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/v0/scenes/{scene_type}", to_slash, methods=["GET", "HEAD", "POST"], include_in_schema=False)
    app.add_api_route("/healthz", get_health, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/metrics", get_metrics, methods=["GET", "HEAD"], include_in_schema=False)
    return app


async def get_health(request: Request) -> Response:
    """Report that the service runs and can read its index, and the result of the last re-scan of the archive.

    Parameters
    ----------
    request : Request
        Request; a key is optional.

    Returns
    -------
    Response
        JSON with ``status`` and ``rescan``. Without a valid key, reasons of failed re-scans are replaced.

    Raises
    ------
    HttpError
        503, if the index cannot be read.
    """
    service: Service = request.app.state.service
    await attend(request, lambda patience: service.index.totals(), seconds=CHEAP_SECONDS, pool=HEALTH)
    state = service.rescans.read()
    try:
        enter(request)
    except (HttpError, ConfigError):  # ConfigError if the file of keys cannot be read
        # Reasons contain file names. Without a key, return only the time and whether the re-scan succeeded.
        if state is not None:
            reason = state["failed"] and "The re-scan of the archive failed: give a key to see the reason."
            state = {"ended": state["ended"], "seconds": state["seconds"], "failed": reason}
    return JSONResponse({"status": "ok", "rescan": state}, headers=NOT_STORED)


async def get_metrics(request: Request) -> Response:
    """Return the counters of the service in the text format of Prometheus.

    Parameters
    ----------
    request : Request
        Request with a key.

    Raises
    ------
    HttpError
        401, without a valid key.
    """
    service, permission = enter(request)
    totals = await attend(request, lambda patience: service.index.totals(), seconds=CHEAP_SECONDS, pool=CHEAP)
    # Scene counts are limited to the types that the key permits. Request counters are by route and status only, and
    # reveal nothing about scenes.
    seen = permission.scene_types
    totals = {name: count for name, count in totals.items() if seen is None or name in seen}
    kind = "text/plain; version=0.0.4; charset=utf-8"
    return Response(service.metrics.text(totals), media_type=kind, headers=NOT_STORED)


async def scene_types(request: Request) -> Response:
    """List the scene types with the addresses of their lists.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.

    Returns
    -------
    Response
        JSON object of addresses by scene type, or 304.

    Raises
    ------
    HttpError
        401, without a valid key.
    """
    service, permission = enter(request)
    base = base_url(request)
    seen = permission.scene_types

    def answer(patience: Patience) -> Response:
        def make() -> bytes:
            names = sorted({*SCENE_TYPES, *service.index.totals()})
            return write_json({n: f"{base}/v0/scenes/{n}/" for n in names if seen is None or n in seen})

        return json_answer(request, make, index_version(request, service, permission))

    return await attend(request, answer, seconds=CHEAP_SECONDS, pool=CHEAP)


async def list_scenes(request: Request, scene_type: str) -> Response:
    """Search the scenes of a type; POST takes large areas in its body.

    \f

    Parameters
    ----------
    request : Request
        Request with a key and the search parameters in its query or body.
    scene_type : str
        Scene type, such as ``ortho``.

    Returns
    -------
    Response
        A page of scenes as a GeoJSON FeatureCollection, or 304.

    Raises
    ------
    HttpError
        400 if a parameter is invalid, 401 without a valid key, 403 if the key does not permit the type, 404 if the
        type is unknown, 408, 413 or 415 for a body that is late, too long or of another type, 503 if the service is
        busy.
    """
    service, permission = enter(request)
    permission.check_type(scene_type)
    parameters = read_query(request.scope["query_string"].decode("latin-1"))
    base = base_url(request)
    with Body() as body:
        if request.method == "POST":
            await body.read(request)
        if not body.is_large:
            parameters += body.parameters(request)
        in_area = body.is_large or any(name == "intersects" for name, _ in parameters)

        def answer(patience: Patience) -> Response:
            more = body.large_parameters(request, patience) if body.is_large else []
            given = parameters + more
            check_known(service, scene_type)

            def make() -> bytes:
                return list_page(service.index, permission, scene_type, given, base, patience)

            # Responses to POST are not cacheable: their address does not identify the search.
            version = None if request.method == "POST" else index_version(request, service, permission, given)
            return json_answer(request, make, version)

        return await attend(request, answer, seconds=SEARCH_SECONDS, pool=AREAS if in_area else PAGES)


async def get_scene(request: Request, scene_type: str, scene_id: str) -> Response:
    """Describe one scene.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    scene_type : str
        Scene type, such as ``ortho``.
    scene_id : str
        Id of the scene.

    Returns
    -------
    Response
        The scene as a GeoJSON Feature, or 304.

    Raises
    ------
    HttpError
        401 without a valid key, 403 if the key does not permit the type, 404 if there is no such scene.
    """
    service, permission = enter(request)
    base = base_url(request)

    def answer(patience: Patience) -> Response:
        def make() -> bytes:
            return shown(find(service, permission, scene_type, scene_id).feature, permission, base)

        permission.check_type(scene_type)
        return json_answer(request, make, index_version(request, service, permission))

    return await attend(request, answer, seconds=CHEAP_SECONDS, pool=CHEAP)


async def get_product(request: Request, scene_type: str, scene_id: str) -> Response:
    """Return a product's GeoTIFF, or redirect to its signed address.

    \f

    Parameters
    ----------
    request : Request
        Request with a key, and ``product`` in its query (default ``visual``).
    scene_type : str
        Scene type, such as ``ortho``.
    scene_id : str
        Id of the scene.

    Returns
    -------
    Response
        200 or 206 with the file, 302 if the service redirects to signed addresses, or 304.

    Raises
    ------
    HttpError
        400 or 416 for an invalid product or range, 401 without a valid key, 403 if the key does not permit the type
        or product, 404 if there is no such scene, product or file.
    """
    service, permission = enter(request)
    wanted = request.query_params.getlist("product") or ["visual"]
    if len(set(wanted)) > 1:
        raise HttpError(400, "product is given more than once, with different values.")
    base = base_url(request) if service.signer is not None else ""

    def answer(patience: Patience) -> Response:
        return _product(request, permission, (scene_type, scene_id, wanted[0]), base)

    # In a thread: even looking up a file may be slow on the archive's disk.
    return await attend(request, answer, seconds=CHEAP_SECONDS, pool=CHEAP)


def _product(request: Request, permission: Permission, names: Tuple[str, str, str], base: str) -> Response:
    service: Service = request.app.state.service
    scene_type, scene_id, product = names
    found = find(service, permission, scene_type, scene_id)
    listed = json.loads(found.feature, strict=False)["properties"].get("data", {}).get("products", {})
    if product not in listed:
        has = ", ".join(name for name in listed if permission.allows(name)) or "none"
        raise HttpError(404, f"Scene {scene_id} has no product {product[:40]!r}; it has: {has}.")
    if not permission.allows(product):
        raise HttpError(403, f"Your key does not permit the product {product}.")
    place = found.products.get(product)
    body = service.products.find(place) if place else None
    if body is None:
        raise HttpError(404, f"The archive has no file of the product {product} of scene {scene_id}.")
    if service.signer is not None:
        host = re.sub(r":\d+$", "", base)
        location = f"{host}:{service.delivery_port}{service.signer.sign(product_path(scene_type, scene_id, product))}"
        return Response(status_code=302, headers={"Location": location, **NOT_STORED})
    version = Version.of_product(body, service.keys.required)
    return product_response(request, body, file_name(scene_id, f"{product}.tif"), version)


async def get_thumbnail(request: Request, scene_type: str, scene_id: str) -> Response:
    """Return a thumbnail of a scene.

    \f

    Parameters
    ----------
    request : Request
        Request with a key, and ``size`` and ``format`` in its query.
    scene_type : str
        Scene type, such as ``ortho``.
    scene_id : str
        Id of the scene.

    Raises
    ------
    HttpError
        400 for an invalid size or format, 401 without a valid key, 403 if the key does not permit the type or any
        product, 404 if there is no such scene, 422 or 503 if the picture cannot be made within its limits.
    """
    service, permission = enter(request)
    size, image_format = request.query_params.get("size", "md"), request.query_params.get("format", "png")
    if size not in SIZES:
        raise HttpError(400, f"size is {size[:40]!r}: it takes {', '.join(SIZES)}.")
    if image_format not in FORMATS:
        raise HttpError(400, f"format is {image_format[:40]!r}: it takes {', '.join(FORMATS)}.")
    square = request.url.path.endswith("/square-thumb")

    def seen(patience: Patience) -> Seen:
        products = permitted(find(service, permission, scene_type, scene_id), permission, scene_id)
        picture = service.imagery.thumbnail(products, size, image_format, square)
        return look(request, picture, service.keys.required)

    found = await attend(request, seen, seconds=CHEAP_SECONDS, pool=CHEAP)
    name = file_name(scene_id, f"{'square_thumb' if square else 'thumb'}.{image_format}")
    headers = {"Content-Disposition": disposition(name)}
    return await picture_answer(request, found, FORMATS[image_format], headers)


async def get_tile(request: Request, scene_type: str, scene_id: str, z: str, x: str, y: str) -> Response:
    """Return a web map tile of a scene.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    scene_type : str
        Scene type, such as ``ortho``.
    scene_id : str
        Id of the scene.
    z : str
        Zoom.
    x : str
        Column, counted from the west.
    y : str
        Row, counted from the north.

    Raises
    ------
    HttpError
        401 without a valid key, 403 if the key does not permit the type or any product, 404 if there is no such scene
        or tile, 422 or 503 if the picture cannot be made within its limits.
    """
    service, permission = enter(request)

    def seen(patience: Patience) -> Seen:
        found = find(service, permission, scene_type, scene_id)
        if not all(re.fullmatch(r"\d{1,8}", part, re.ASCII) for part in (z, x, y)):
            raise HttpError(404, "There is no such tile.")
        products = permitted(found, permission, scene_id)
        return look(request, service.imagery.tile([products], int(z), int(x), int(y)), service.keys.required)

    return await picture_answer(request, await attend(request, seen, seconds=CHEAP_SECONDS, pool=CHEAP), "image/png")


def permitted(found: IndexedScene, permission: Permission, scene_id: str) -> Mapping[str, str]:
    """Return the files of the products that a key permits, by product.

    Parameters
    ----------
    found : IndexedScene
        The scene.
    permission : Permission
        Permission of the key.
    scene_id : str
        Id of the scene, for the error message.

    Raises
    ------
    HttpError
        403, if the scene has products and the key permits none of them.
    """
    products = {name: place for name, place in found.products.items() if permission.allows(name)}
    if found.products and not products:
        raise HttpError(403, f"Your key does not permit any product of scene {scene_id}.")
    return products


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


def check_known(service: Service, scene_type: str) -> None:
    """Raise an exception if a scene type is unknown.

    Parameters
    ----------
    service : Service
        Service whose index is read.
    scene_type : str
        Scene type of a request.

    Raises
    ------
    HttpError
        404, if the type is neither a standard one nor in the index.
    """
    if scene_type not in SCENE_TYPES and scene_type not in service.index.totals():
        raise HttpError(404, f"There is no scene type {scene_type[:40]!r}.")


def find(service: Service, permission: Permission, scene_type: str, scene_id: str) -> IndexedScene:
    """Return a scene of the index.

    Parameters
    ----------
    service : Service
        Service whose index is read.
    permission : Permission
        Permission of the key.
    scene_type : str
        Scene type, such as ``ortho``.
    scene_id : str
        Id of the scene.

    Raises
    ------
    HttpError
        403 if the key does not permit the type, 404 if there is no such type or scene.
    """
    permission.check_type(scene_type)
    check_known(service, scene_type)
    found = service.index.find(scene_type, scene_id) if _is_text(scene_id) else None
    if found is None:
        raise HttpError(404, f"There is no scene {scene_id[:80]!r} of the type {scene_type}.")
    return found


def _is_text(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


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
