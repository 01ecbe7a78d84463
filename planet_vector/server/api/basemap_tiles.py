"""Tiles of basemaps, for the routes of several APIs."""

from __future__ import annotations

import re

from fastapi import Request
from fastapi.responses import Response

from planet_vector.geometry.web_mercator import HALF_WORLD
from planet_vector.server.api.answers import Seen, look, picture_answer
from planet_vector.server.api.attending import PICTURES, attend
from planet_vector.server.api.basemap_layouts import Member
from planet_vector.server.api.conditional import NOT_STORED, is_known
from planet_vector.server.api.visible_basemaps import SECONDS, VisibleBasemap, attend_layout
from planet_vector.server.http_errors import HttpError
from planet_vector.server.imagery.kept_pictures import MAX_ZOOM
from planet_vector.server.imagery.small_scales import pixel_of, transparent_tile
from planet_vector.server.patience import Patience
from planet_vector.server.quad_grid import tile_bounds

MAX_TILE_SCENES = 4000
"""Maximum scenes on a tile; tiles with more are transparent. Looking up the files of 4000 scenes takes 0.4 s."""

LEAST = 1 / 16
"""Minimum width or height in pixels of a drawn scene: a smaller one fills less than 1 / 256 of a pixel."""

TILE_SECONDS = 0.4
"""Time that a client waits for a small-scale tile. A slower one is completed in the background for the next request."""


async def basemap_tile(request: Request, seen: VisibleBasemap, z: str, x: str, y: str) -> Response:
    """Return a web map tile of a basemap.

    Parameters
    ----------
    request : Request
        Request with a key.
    seen : VisibleBasemap
        The basemap.
    z, x, y : str
        Zoom, column counted from the west, and row counted from the north.

    Returns
    -------
    Response
        PNG, or 304. A tile with more than `MAX_TILE_SCENES` scenes, or not ready within `TILE_SECONDS`, is
        transparent.

    Raises
    ------
    HttpError
        404 if there is no such tile or nothing is on it, 422 or 503 if the picture cannot be made within its limits.
    """
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
