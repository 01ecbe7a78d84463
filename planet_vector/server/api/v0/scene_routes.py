"""Routes of scenes: lists, metadata, products, thumbnails and tiles.

FastAPI uses the docstring of a route up to the form feed as its description in the OpenAPI document.
"""

from __future__ import annotations

import json
import re

from fastapi import Request
from fastapi.responses import Response

from planet_vector.item_ids import file_name
from planet_vector.server.api.answers import Seen, json_answer, look, picture_answer, write_json
from planet_vector.server.api.attending import AREAS, CHEAP, PAGES, attend
from planet_vector.server.api.bodies import Body
from planet_vector.server.api.delivery import product_path
from planet_vector.server.api.ranges import disposition
from planet_vector.server.api.scenes import check_known, file_answer, find, permitted
from planet_vector.server.api.service import CHEAP_SECONDS, base_url, enter, index_version
from planet_vector.server.api.v0.listing import list_page, shown
from planet_vector.server.archive.raster_names import delivered_suffix, delivered_type
from planet_vector.server.archive.scene_features import SCENE_TYPES
from planet_vector.server.http_errors import HttpError
from planet_vector.server.imagery.encoding import FORMATS
from planet_vector.server.imagery.kept_pictures import SIZES
from planet_vector.server.index.scene_search import read_query
from planet_vector.server.patience import Patience

SEARCH_SECONDS = 30.0
"""Time limit for a page of a search, including the preparation of its area. With a million scenes it takes less than
one second."""


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
    """Return a product's file, or redirect to its signed address.

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
    product = wanted[0]

    def answer(patience: Patience) -> Response:
        found = find(service, permission, scene_type, scene_id)
        listed = json.loads(found.feature, strict=False)["properties"].get("data", {}).get("products", {})
        if product not in listed:
            has = ", ".join(name for name in listed if permission.allows(name)) or "none"
            raise HttpError(404, f"Scene {scene_id} has no product {product[:40]!r}; it has: {has}.")
        if not permission.allows(product):
            raise HttpError(403, f"Your key does not permit the product {product}.")
        missing = f"The archive has no file of the product {product} of scene {scene_id}."
        place = found.products.get(product)
        if place is None:
            raise HttpError(404, missing)
        suffix = delivered_suffix(place)
        signed, name = product_path(scene_type, scene_id, product, suffix), file_name(scene_id, product + suffix)
        return file_answer(request, place, name, missing, signed, delivered_type(place))

    # In a thread: even looking up a file may be slow on the archive's disk.
    return await attend(request, answer, seconds=CHEAP_SECONDS, pool=CHEAP)


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
