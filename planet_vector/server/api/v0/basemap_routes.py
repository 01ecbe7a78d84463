"""Routes of basemaps: metadata, tiles, and the map of their quads.

FastAPI uses the docstring of a route up to the form feed as its description in the OpenAPI document.
"""

from __future__ import annotations

import re

from fastapi import Request
from fastapi.responses import Response
from PIL import Image

from planet_vector.geometry.web_mercator import HALF_WORLD
from planet_vector.server.api.answers import Seen, json_answer, look, picture_answer, write_json
from planet_vector.server.api.attending import PICTURES, attend
from planet_vector.server.api.basemap_layouts import Member
from planet_vector.server.api.conditional import NOT_STORED, is_known, unless_known
from planet_vector.server.api.service import base_url, enter, index_version
from planet_vector.server.api.v0.basemap_documents import describe_basemap
from planet_vector.server.api.visible_basemaps import (
    SECONDS,
    VisibleBasemap,
    attend_layout,
    basemap_answer,
    definition_of,
    see_basemap,
)
from planet_vector.server.http_errors import HttpError
from planet_vector.server.imagery.encoding import encode_picture
from planet_vector.server.imagery.kept_pictures import MAX_ZOOM
from planet_vector.server.imagery.small_scales import pixel_of, transparent_tile
from planet_vector.server.patience import Patience
from planet_vector.server.quad_grid import quads_around, tile_bounds

MAX_TILE_SCENES = 4000
"""Maximum scenes on a tile; tiles with more are transparent. Looking up the files of 4000 scenes takes 0.4 s."""

LEAST = 1 / 16
"""Minimum width or height in pixels of a drawn scene: a smaller one fills less than 1 / 256 of a pixel."""

TILE_SECONDS = 0.4
"""Time that a client waits for a small-scale tile. A slower one is completed in the background for the next request."""


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
        PNG, or 304. A tile with more than `MAX_TILE_SCENES` scenes, or not ready within `TILE_SECONDS`, is
        transparent.

    Raises
    ------
    HttpError
        401 without a valid key, 404 if there is no such basemap or tile or nothing is on it, 422 or 503 if the
        picture cannot be made within its limits.
    """
    seen = see_basemap(request, name)
    if not all(re.fullmatch(r"\d{1,8}", part, re.ASCII) for part in (z, x, y)):
        raise HttpError(404, "There is no such tile.")
    found = await attend_layout(request, _tile, request, seen, int(z), int(x), int(y))
    if found.content is None and found.picture.orders and not is_known(request.headers, found.version):
        # Once, thousands of scenes may have to be read for this tile; send a transparent one meanwhile.
        content = await attend(
            request, lambda patience: found.picture.make_soon(TILE_SECONDS), seconds=SECONDS, pool=PICTURES
        )
        if content is None:
            return Response(transparent_tile(), media_type="image/png", headers=NOT_STORED)
        found = found._replace(content=content)
    return await picture_answer(request, found, "image/png")


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


def _tile(request: Request, seen: VisibleBasemap, z: int, x: int, y: int, patience: Patience) -> Seen:
    bounds = tile_bounds(min(z, MAX_ZOOM + 1), x, y)
    if not max(map(abs, bounds)) <= HALF_WORLD * 1.000001:
        raise HttpError(404, "There is no such tile.")
    members = seen.layout(patience).within(bounds)
    if not members:
        raise HttpError(404, "There is nothing on this tile.")
    # Draw all scenes or none: some of them would make a misleading picture.
    visible = [m for m in members if _side(m) >= LEAST * pixel_of(z)]
    scenes = [(m.products, m.footprint.bounds) for m in visible] if len(visible) <= MAX_TILE_SCENES else []
    picture = seen.service.imagery.mosaic_tile(scenes, z, x, y)
    return look(request, picture, seen.service.keys.required)


def _side(member: Member) -> float:
    """Return the greater of a scene's width and height, in metres of web mercator."""
    west, south, east, north = member.footprint.bounds
    return float(max(east - west, north - south))
