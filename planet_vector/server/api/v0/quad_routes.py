"""Routes of the quads of basemaps: metadata, files, thumbnails and scenes.

FastAPI uses the docstring of a route up to the form feed as its description in the OpenAPI document.
"""

from __future__ import annotations

from pathlib import Path
from typing import Optional, Tuple

from fastapi import Request
from fastapi.responses import Response

from planet_vector.pixels.completing import whole
from planet_vector.server.api.answers import Seen, json_answer, look, picture_answer
from planet_vector.server.api.attending import PICTURES, attend
from planet_vector.server.api.conditional import NOT_STORED, Version
from planet_vector.server.api.delivery import product_response
from planet_vector.server.api.ranges import disposition
from planet_vector.server.api.service import base_url
from planet_vector.server.api.v0.basemap_documents import describe_quad, quad_page
from planet_vector.server.api.v0.listing import collection, shown
from planet_vector.server.api.visible_basemaps import attend_layout, basemap_answer, see_basemap
from planet_vector.server.http_errors import HttpError
from planet_vector.server.imagery.encoding import FORMATS
from planet_vector.server.imagery.kept_pictures import SIZES
from planet_vector.server.imagery.picture_making import Picture
from planet_vector.server.index.scene_search import read_query
from planet_vector.server.patience import Patience
from planet_vector.server.quad_grid import QUAD_SIZE, Quad

QUAD_SECONDS = 180.0
"""Time limit for a quad, including the surveys of its scenes."""


async def list_quads(request: Request, name: str) -> Response:
    """List the quads of a basemap, the last updated first.

    \f

    Parameters
    ----------
    request : Request
        Request with a key, and ``count`` and ``intersects`` in its query.
    name : str
        Name of the basemap.

    Returns
    -------
    Response
        A page of quads as a GeoJSON FeatureCollection, or 304.

    Raises
    ------
    HttpError
        400 for an invalid parameter, 401 without a valid key, 404 if there is no such basemap, 422 if it has too many
        quads.
    """
    seen = see_basemap(request, name)
    parameters = read_query(request.scope["query_string"].decode("latin-1"))
    base = base_url(request)
    return await basemap_answer(
        request, seen, lambda patience: quad_page(seen, parameters, base, patience), parameters
    )  # fmt: skip


async def get_quad(request: Request, name: str, quad_id: str) -> Response:
    """Describe one quad.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    name : str
        Name of the basemap.
    quad_id : str
        Id of the quad, such as ``L15-0763E-0959N``.

    Returns
    -------
    Response
        The quad as a GeoJSON Feature, or 304.

    Raises
    ------
    HttpError
        401 without a valid key, 404 if there is no such basemap or quad, 422 if the basemap has too many quads.
    """
    seen = see_basemap(request, name)
    base = base_url(request)
    return await basemap_answer(
        request, seen, lambda patience: describe_quad(seen.basemap, *seen.quad(quad_id, patience), base)
    )


async def get_quad_raster(request: Request, name: str, quad_id: str) -> Response:
    """Return a quad's GeoTIFF: 4096 x 4096 pixels with red, green, blue and alpha, in EPSG:3857.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    name : str
        Name of the basemap.
    quad_id : str
        Id of the quad, such as ``L15-0763E-0959N``.

    Returns
    -------
    Response
        200 or 206 with the file, or 304.

    Raises
    ------
    HttpError
        400 or 416 for an invalid range, 401 without a valid key, 404 if there is no such basemap or quad, 422 or 503
        if the quad cannot be made within its limits.
    """
    seen = see_basemap(request, name)

    def find(patience: Patience) -> Tuple[Quad, Picture, Optional[Path]]:
        quad, members = seen.quad(quad_id, patience)
        picture = seen.service.imagery.quad([member.products for member in members], quad.bounds, QUAD_SIZE)
        return quad, picture, picture.kept_file()

    quad, picture, file = await attend_layout(request, find)
    name = f"{quad.id}_{seen.basemap.name}.tif"
    if file is None:
        found = await attend(request, picture.make_file, seconds=QUAD_SECONDS, pool=PICTURES)
        if isinstance(found, bytes):  # the disk is too full to cache it
            headers = {**NOT_STORED, "Content-Disposition": disposition(name)}
            return Response(found, media_type="image/tiff", headers=headers)
        file = found
    version = Version.of_kept(picture.name, file.stat(), seen.service.keys.required)
    return product_response(request, whole(file), name, version)


async def get_quad_thumbnail(request: Request, name: str, quad_id: str) -> Response:
    """Return a thumbnail of a quad.

    \f

    Parameters
    ----------
    request : Request
        Request with a key, and ``size`` and ``format`` in its query.
    name : str
        Name of the basemap.
    quad_id : str
        Id of the quad, such as ``L15-0763E-0959N``.

    Raises
    ------
    HttpError
        400 for an invalid size or format, 401 without a valid key, 404 if there is no such basemap or quad, 422 or
        503 if the picture cannot be made within its limits.
    """
    seen = see_basemap(request, name)
    size, image_format = request.query_params.get("size", "md"), request.query_params.get("format", "png")
    if size not in SIZES or image_format not in FORMATS:
        raise HttpError(400, f"size must be one of {', '.join(SIZES)}, and format one of {', '.join(FORMATS)}.")

    def find(patience: Patience) -> Seen:
        quad, members = seen.quad(quad_id, patience)
        products = [member.products for member in members]
        picture = seen.service.imagery.square(products, quad.bounds, size, image_format)
        return look(request, picture, seen.service.keys.required)

    return await picture_answer(request, await attend_layout(request, find), FORMATS[image_format])


async def list_quad_scenes(request: Request, name: str, quad_id: str) -> Response:
    """List the scenes of a quad, from top to bottom.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    name : str
        Name of the basemap.
    quad_id : str
        Id of the quad, such as ``L15-0763E-0959N``.

    Returns
    -------
    Response
        The scenes as a GeoJSON FeatureCollection on one page, or 304.

    Raises
    ------
    HttpError
        401 without a valid key, 404 if there is no such basemap or quad, 422 if the basemap has too many quads.
    """
    seen = see_basemap(request, name)
    base = base_url(request)

    def make(patience: Patience) -> bytes:
        quad, members = seen.quad(quad_id, patience)
        address = f"{base}/v0/mosaics/{seen.basemap.name}/quads/{quad.id}/scenes/"
        links = {"next": None, "prev": None, "self": address, "first": address}
        features = []
        for member in members:
            patience.check()
            found = seen.service.index.find(seen.basemap.search.scene_type, member.scene_id)
            if found is not None:
                features.append(found.feature)
        return collection(len(members), links, shown(b",".join(features), seen.permission, base))

    def answer(patience: Patience) -> Response:
        return json_answer(request, lambda: make(patience), seen.version(request))

    return await attend_layout(request, answer)
