"""Routes of basemaps: metadata, tiles, and the map of their quads.

FastAPI uses the docstring of a route up to the form feed as its description in the OpenAPI document.
"""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import Response
from PIL import Image

from planet_vector.server.api.answers import json_answer, write_json
from planet_vector.server.api.basemap_tiles import basemap_tile
from planet_vector.server.api.conditional import unless_known
from planet_vector.server.api.service import base_url, enter, index_version
from planet_vector.server.api.v0.basemap_documents import describe_basemap
from planet_vector.server.api.visible_basemaps import (
    attend_layout,
    basemap_answer,
    definition_of,
    see_basemap,
)
from planet_vector.server.imagery.encoding import encode_picture
from planet_vector.server.patience import Patience
from planet_vector.server.quad_grid import quads_around


async def list_mosaics(request: Request) -> Response:
    """List the basemaps that the key permits.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.

    Returns
    -------
    Response
        JSON object with the list ``mosaics`` and links, or 304.

    Raises
    ------
    HttpError
        401 without a valid key, 503 if the service is busy or the layouts take too long.
    """
    service, permission = enter(request)
    base = base_url(request)

    def answer(patience: Patience) -> Response:
        visible = [basemap for basemap in service.basemaps.values() if basemap.is_visible(permission)]

        def make() -> bytes:
            described = [
                describe_basemap(basemap, basemap.layout(service.index, permission, patience), base)
                for basemap in visible
            ]
            links = {"next": None, "prev": None, "self": f"{base}/v0/mosaics/"}
            return write_json({"links": links, "mosaics": described})

        defined = [definition_of(basemap) for basemap in visible]
        return json_answer(request, make, index_version(request, service, permission, defined))

    return await attend_layout(request, answer)


async def get_mosaic(request: Request, name: str) -> Response:
    """Describe one basemap.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    name : str
        Name of the basemap.

    Returns
    -------
    Response
        JSON object of the basemap, or 304.

    Raises
    ------
    HttpError
        401 without a valid key, 404 if there is no basemap of the name that the key permits.
    """
    seen = see_basemap(request, name)
    base = base_url(request)
    return await basemap_answer(
        request, seen, lambda patience: describe_basemap(seen.basemap, seen.layout(patience), base)
    )


async def get_mosaic_tile(request: Request, name: str, z: str, x: str, y: str) -> Response:
    """Return a web map tile of a basemap.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    name : str
        Name of the basemap.
    z : str
        Zoom.
    x : str
        Column, counted from the west.
    y : str
        Row, counted from the north.

    Returns
    -------
    Response
        PNG, or 304. A tile with too many scenes, or not ready in time, is transparent.

    Raises
    ------
    HttpError
        401 without a valid key, 404 if there is no such basemap or tile or nothing is on it, 422 or 503 if the
        picture cannot be made within its limits.
    """
    return await basemap_tile(request, see_basemap(request, name), z, x, y)


async def get_quadmap(request: Request, name: str) -> Response:
    """Return a map of the quads: the world in web mercator, at most 512 x 512 pixels, each for one or several quads.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    name : str
        Name of the basemap.

    Raises
    ------
    HttpError
        401 without a valid key, 404 if there is no such basemap, 422 if it has too many quads.
    """
    seen = see_basemap(request, name)

    def answer(patience: Patience) -> Response:
        version = seen.version(request)

        def made() -> Response:
            return Response(draw(patience), media_type="image/png", headers=version.headers)

        return unless_known(request.headers, version, made)

    def draw(patience: Patience) -> bytes:
        around = quads_around(seen.basemap.level)
        side = min(512, around)
        picture = Image.new("RGBA", (side, side))
        for quad in seen.layout(patience).quads(patience):
            scale = side / around
            picture.putpixel((int(quad.column * scale), side - 1 - int(quad.row * scale)), (0, 110, 180, 255))
        return encode_picture(picture, "png")

    return await attend_layout(request, answer)
