"""Routes of basemaps: metadata, tiles, and quads as metadata and as files.

FastAPI uses the docstring of a route up to the form feed as its description in the OpenAPI document.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Callable, List, Mapping, NamedTuple, Optional, Sequence, Tuple, TypeVar

import shapely
from fastapi import FastAPI, Request
from fastapi.responses import Response
from PIL import Image

from planet_vector.geometry.web_mercator import HALF_WORLD
from planet_vector.pixels.completing import whole
from planet_vector.server.api import openapi
from planet_vector.server.api.answers import Seen, json_answer, look, picture_answer, write_json
from planet_vector.server.api.app import Service, base_url, enter, index_version, to_slash
from planet_vector.server.api.attending import PICTURES, Pool, attend
from planet_vector.server.api.basemap_layouts import BasemapDefinition, BasemapLayout, Member
from planet_vector.server.api.conditional import NOT_STORED, Version, is_known, unless_known
from planet_vector.server.api.delivery import product_response
from planet_vector.server.api.listing import collection, shown
from planet_vector.server.api.permissions import Permission
from planet_vector.server.api.ranges import disposition
from planet_vector.server.http_errors import HttpError
from planet_vector.server.imagery.encoding import encode_picture
from planet_vector.server.imagery.kept_pictures import FORMATS, MAX_ZOOM, SIZES, Picture
from planet_vector.server.imagery.small_scales import pixel_of, transparent_tile
from planet_vector.server.index.scene_search import Parameters, encode, parse_count, read_query
from planet_vector.server.index.searched_area import Area
from planet_vector.server.patience import Patience
from planet_vector.server.quad_grid import QUAD_SIZE, Quad, quads_around, tile_bounds
from planet_vector.times import format_time, parse_time

MAX_TILE_SCENES = 4000
"""Maximum scenes on a tile; tiles with more are transparent. Looking up the files of 4000 scenes takes 0.4 s."""

LEAST = 1 / 16
"""Minimum width or height in pixels of a drawn scene: a smaller one fills less than 1 / 256 of a pixel."""

TILE_SECONDS = 0.4
"""Time that a client waits for a small-scale tile. A slower one is completed in the background for the next request."""

SECONDS = 60.0
"""Time limit for work with a basemap's layout. 20 000 scenes take about 10 s, once per state of the index."""

QUAD_SECONDS = 180.0
"""Time limit for a quad, including the surveys of its scenes."""

LAYOUTS = Pool("layouts", 4)
"""Separate pool for basemaps, so that laying one out does not delay scenes and searches."""

T = TypeVar("T")

_QUADS = "/v0/mosaics/{name}/quads/"
_PAGE = ("_page.updated.lt", "_page.updated.gt", "_page.id")


def add_basemaps(app: FastAPI) -> None:
    """Add the routes of basemaps to the API.

    Parameters
    ----------
    app : FastAPI
        Application of `planet_vector.server.api.app.create_app`.
    """
    routes: List[Any] = [
        ("/v0/mosaics/", list_mosaics, openapi.ROOT),
        ("/v0/mosaics/{name}", get_mosaic, openapi.BASEMAP),
        ("/v0/mosaics/{name}/quad-map.png", get_quadmap, openapi.TILE),
        (_QUADS, list_quads, openapi.QUADS),
        (_QUADS + "{quad_id}", get_quad, openapi.QUAD),
        (_QUADS + "{quad_id}/full", get_quad_raster, openapi.QUAD_FULL),
        (_QUADS + "{quad_id}/thumb", get_quad_thumbnail, openapi.THUMB),
        (_QUADS + "{quad_id}/scenes/", list_quad_scenes, openapi.QUAD_SCENES),
        ("/v0/mosaics/{name}/{z}/{x}/{y}.png", get_mosaic_tile, openapi.TILE),
    ]
    for path, answer, extra in routes:
        app.add_api_route(path, answer, methods=["GET"], openapi_extra=extra, response_class=Response)
        app.add_api_route(path, answer, methods=["HEAD"], include_in_schema=False)
    # Old clients expect a range of shards in the template. Here shards are paths, because the host has one name.
    tiles = "/tiles{shard}/v0/mosaics/{name}/{z}/{x}/{y}.png"
    app.add_api_route(tiles, get_mosaic_tile, methods=["GET", "HEAD"], include_in_schema=False)
    for path in ("/v0/mosaics", _QUADS.rstrip("/"), _QUADS + "{quad_id}/scenes"):
        app.add_api_route(path, to_slash, methods=["GET", "HEAD"], include_in_schema=False)


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
                basemap.describe(basemap.layout(service.index, permission, patience), base) for basemap in visible
            ]
            links = {"next": None, "prev": None, "self": f"{base}/v0/mosaics/"}
            return write_json({"links": links, "mosaics": described})

        defined = [_definition(basemap) for basemap in visible]
        return json_answer(request, make, index_version(request, service, permission, defined))

    return await _attend(request, answer)


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
    seen = _see(request, name)
    base = base_url(request)
    return await _described(request, seen, lambda patience: seen.basemap.describe(seen.layout(patience), base))


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
    seen = _see(request, name)
    parameters = read_query(request.scope["query_string"].decode("latin-1"))
    base = base_url(request)
    return await _described(
        request, seen, lambda patience: _list_quads(seen, parameters, base, patience), parameters
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
    seen = _see(request, name)
    base = base_url(request)
    return await _described(
        request, seen, lambda patience: seen.basemap.describe_quad(*seen.quad(quad_id, patience), base)
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
    seen = _see(request, name)

    def find(patience: Patience) -> Tuple[Quad, Picture, Optional[Path]]:
        quad, members = seen.quad(quad_id, patience)
        picture = seen.service.imagery.quad([member.products for member in members], quad.bounds, QUAD_SIZE)
        return quad, picture, picture.kept_file()

    quad, picture, file = await _attend(request, find)
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
    seen = _see(request, name)
    size, image_format = request.query_params.get("size", "md"), request.query_params.get("format", "png")
    if size not in SIZES or image_format not in FORMATS:
        raise HttpError(400, f"size must be one of {', '.join(SIZES)}, and format one of {', '.join(FORMATS)}.")

    def find(patience: Patience) -> Seen:
        quad, members = seen.quad(quad_id, patience)
        products = [member.products for member in members]
        picture = seen.service.imagery.square(products, quad.bounds, size, image_format)
        return look(request, picture, seen.service.keys.required)

    return await picture_answer(request, await _attend(request, find), FORMATS[image_format])


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
    seen = _see(request, name)
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

    return await _attend(request, answer)


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
    seen = _see(request, name)
    if not all(re.fullmatch(r"\d{1,8}", part, re.ASCII) for part in (z, x, y)):
        raise HttpError(404, "There is no such tile.")
    found = await _attend(request, _tile, request, seen, int(z), int(x), int(y))
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
    seen = _see(request, name)

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

    return await _attend(request, answer)


class _Seen(NamedTuple):
    """Basemap restricted to the permission of a key."""

    service: Service
    basemap: BasemapDefinition
    permission: Permission

    def layout(self, patience: Patience) -> BasemapLayout:
        return self.basemap.layout(self.service.index, self.permission, patience)

    def version(self, request: Request, *parts: Any) -> Version:
        return index_version(request, self.service, self.permission, _definition(self.basemap), parts)

    def quad(self, quad_id: str, patience: Patience) -> Tuple[Quad, Sequence[Member]]:
        quad = Quad.parse(quad_id)
        members = self.layout(patience).quads(patience).get(quad) if quad else None
        if quad is None or members is None:
            raise HttpError(404, f"The basemap {self.basemap.name} has no quad {quad_id[:40]!r}.")
        return quad, members


def _see(request: Request, name: str) -> _Seen:
    service, permission = enter(request)
    basemap = service.basemaps.get(name)
    # The same error hides the existence of basemaps that the key does not permit.
    if basemap is None or not basemap.is_visible(permission):
        raise HttpError(404, f"There is no basemap {name[:80]!r}.")
    return _Seen(service, basemap, permission)


def _definition(basemap: BasemapDefinition) -> Tuple[Any, ...]:
    """Return the properties of a basemap that do not depend on the index."""
    return (
        basemap.name,
        basemap.title,
        basemap.product,
        basemap.level,
        basemap.search.scene_type,
        basemap.search.parameters,
    )


async def _described(
    request: Request, seen: _Seen, describe: Callable[[Patience], Mapping[str, Any]], *parts: Any
) -> Response:
    """Return a JSON response about a basemap; its version includes `parts`, which the address lacks."""

    def answer(patience: Patience) -> Response:
        return json_answer(request, lambda: write_json(describe(patience)), seen.version(request, parts))

    return await _attend(request, answer)


async def _attend(request: Request, function: Callable[..., T], *args: Any) -> T:
    return await attend(request, function, *args, seconds=SECONDS, pool=LAYOUTS)


def _tile(request: Request, seen: _Seen, z: int, x: int, y: int, patience: Patience) -> Seen:
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


def _list_quads(seen: _Seen, parameters: Parameters, base: str, patience: Patience) -> Mapping[str, Any]:
    single = dict(parameters)
    unknown = [name for name in single if name not in ("count", "intersects", *_PAGE)]
    if unknown or len(single) < len(parameters):
        raise HttpError(400, "A list of quads takes only the parameters count and intersects, once each.")
    count = parse_count(single.get("count"))
    quads = seen.layout(patience).quads(patience)
    ordered = _ordered(quads, single.get("intersects"), patience)
    page, backwards = ordered, "_page.updated.gt" in single
    token = single.get("_page.updated.gt" if backwards else "_page.updated.lt")
    if token is not None:
        try:
            edge = (format_time(parse_time(token)), single.get("_page.id", "" if not backwards else "~"))
        except ValueError as error:
            raise HttpError(400, f"_page.updated: {error}.") from None
        page = [item for item in ordered if (item[:2] > edge if backwards else item[:2] < edge)]
    page = page[-count:] if backwards else page[:count]
    address = f"{base}/v0/mosaics/{seen.basemap.name}/quads/"
    query = [(name, value) for name, value in parameters if name not in _PAGE]

    def link(extra: Parameters) -> str:
        text = encode([*query, *extra])
        return f"{address}?{text}" if text else address

    def beyond(item: Tuple[str, str, Quad], side: int, comparator: str) -> str:
        near = ordered.index(item) + side
        tied = 0 <= near < len(ordered) and ordered[near][0] == item[0]
        return link([(f"_page.updated.{comparator}", item[0]), *([("_page.id", item[1])] if tied else [])])

    features = []
    for _, _, quad in page:
        patience.check()
        features.append(seen.basemap.describe_quad(quad, quads[quad], base))
    return {
        "type": "FeatureCollection",
        "features": features,
        "links": {
            "next": beyond(page[-1], 1, "lt") if page else None,
            "self": link([(name, value) for name, value in parameters if name in _PAGE]),
            "prev": beyond(page[0], -1, "gt") if page else None,
            "first": link([]),
        },
    }


def _ordered(
    found: Mapping[Quad, Sequence[Member]], intersects: Optional[str], patience: Patience
) -> List[Tuple[str, str, Quad]]:
    """Return (update time, id, quad) of the quads that intersect an area, last updated first."""
    area = Area(intersects, patience) if intersects is not None else None
    quads = list(found)
    if area is not None:
        hits: List[Quad] = []
        for start in range(0, len(quads), area.at_once):
            patience.check()
            piece = quads[start : start + area.at_once]
            boxes = [shapely.to_wkb(shapely.box(*quad.lonlat)) for quad in piece]
            hits += [quad for quad, hit in zip(piece, area.intersects(boxes)) if hit]
        quads = hits
    items = [(max(member.updated for member in found[quad]), quad.id, quad) for quad in quads]
    return sorted(items, reverse=True)
