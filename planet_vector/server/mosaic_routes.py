"""The part of the API about mosaics: their quads, as metadata and as files, and their tiles."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import shapely
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from PIL import Image
from starlette.concurrency import run_in_threadpool

from planet_vector.query import format_time, parse_time
from planet_vector.server import openapi
from planet_vector.server.app import Service, base_url, collection, enter, shown, to_slash
from planet_vector.server.area import Area
from planet_vector.server.delivery import product_response
from planet_vector.server.imagery import FORMATS, SIZES
from planet_vector.server.mosaics import Layout, Member, Mosaic
from planet_vector.server.quads import HALF_WORLD, QUAD_SIZE, Quad, quads_around, tile_bounds
from planet_vector.server.refusal import Refusal
from planet_vector.server.rendering import encode_picture
from planet_vector.server.search import Parameters, encode, parse_count, read_query

MAX_TILE_SCENES = 200
"""Scenes looked through for one tile: a tile of a small scale would take minutes to gather them all."""

_QUADS = "/v0/mosaics/{name}/quads/"
_PAGE = ("_page.updated.lt", "_page.updated.gt", "_page.id")


def add_mosaics(app: FastAPI) -> None:
    """Add the routes of mosaics to the API."""
    routes: List[Any] = [
        ("/v0/mosaics/", list_mosaics, openapi.ROOT),
        ("/v0/mosaics/{name}", get_mosaic, openapi.MOSAIC),
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
    # Old clients look for a range of shards in the template; here the shards are paths, as a host has one name.
    tiles = "/tiles{shard}/v0/mosaics/{name}/{z}/{x}/{y}.png"
    app.add_api_route(tiles, get_mosaic_tile, methods=["GET", "HEAD"], include_in_schema=False)
    for path in ("/v0/mosaics", _QUADS.rstrip("/"), _QUADS + "{quad_id}/scenes"):
        app.add_api_route(path, to_slash, methods=["GET", "HEAD"], include_in_schema=False)


async def list_mosaics(request: Request) -> Response:
    """List the mosaics."""
    service, _ = enter(request)
    base = base_url(request)

    def described() -> List[Dict[str, Any]]:
        return [mosaic.describe(service.index, base) for mosaic in service.mosaics.values()]

    links = {"next": None, "prev": None, "self": f"{base}/v0/mosaics/"}
    return JSONResponse({"links": links, "mosaics": await run_in_threadpool(described)})


async def get_mosaic(request: Request, name: str) -> Response:
    """Describe one mosaic."""
    service, mosaic = _mosaic(request, name)
    return JSONResponse(await run_in_threadpool(mosaic.describe, service.index, base_url(request)))


async def list_quads(request: Request, name: str) -> Response:
    """List the quads of a mosaic, those updated last first."""
    service, mosaic = _mosaic(request, name)
    parameters = read_query(request.scope["query_string"].decode("latin-1"))
    return JSONResponse(await run_in_threadpool(_list_quads, service, mosaic, parameters, base_url(request)))


async def get_quad(request: Request, name: str, quad_id: str) -> Response:
    """Describe one quad."""
    service, mosaic = _mosaic(request, name)
    quad, members = await run_in_threadpool(_quad, service, mosaic, quad_id)
    return JSONResponse(await run_in_threadpool(mosaic.describe_quad, quad, members, base_url(request)))


async def get_quad_raster(request: Request, name: str, quad_id: str) -> Response:
    """Deliver a quad's GeoTIFF: 4096 pixels a side, red, green, blue, alpha, in EPSG:3857."""
    service, mosaic = _mosaic(request, name)
    quad, members = await run_in_threadpool(_quad, service, mosaic, quad_id)
    products = [mosaic.products_of(member) for member in members]
    file = await run_in_threadpool(service.imagery.quad, products, quad.bounds, QUAD_SIZE)
    return product_response(request, file, quad.id, mosaic.name)


async def get_quad_thumbnail(request: Request, name: str, quad_id: str) -> Response:
    """Show a quad in small."""
    service, mosaic = _mosaic(request, name)
    size, image_format = request.query_params.get("size", "md"), request.query_params.get("format", "png")
    if size not in SIZES or image_format not in FORMATS:
        raise Refusal(400, f"size takes {', '.join(SIZES)}, and format {', '.join(FORMATS)}.")
    quad, members = await run_in_threadpool(_quad, service, mosaic, quad_id)

    def make() -> bytes:
        products = [mosaic.products_of(member) for member in members]
        with Image.open(service.imagery.quad(products, quad.bounds, SIZES["lg"])) as picture:
            return encode_picture(picture.convert("RGBA").resize((SIZES[size], SIZES[size])), image_format)

    return Response(await run_in_threadpool(make), media_type=FORMATS[image_format])


async def list_quad_scenes(request: Request, name: str, quad_id: str) -> Response:
    """List the scenes a quad is made of, those in front first."""
    service, mosaic = _mosaic(request, name)
    quad, members = await run_in_threadpool(_quad, service, mosaic, quad_id)
    base = base_url(request)
    permission = service.keys.permission(request.headers.get("authorization"), request.query_params.get("api_key"))

    address = f"{base}/v0/mosaics/{mosaic.name}/quads/{quad.id}/scenes/"
    links = {"next": None, "prev": None, "self": address, "first": address}

    def described() -> bytes:
        found = (service.index.find(mosaic.search.scene_type, member.scene_id) for member in members)
        features = b",".join([scene.feature for scene in found if scene is not None])
        return collection(len(members), links, shown(features, permission, base))

    return Response(await run_in_threadpool(described), media_type="application/json")


async def get_mosaic_tile(request: Request, name: str, z: str, x: str, y: str) -> Response:
    """Show a mosaic on one tile of a web map."""
    service, mosaic = _mosaic(request, name)
    if not all(re.fullmatch(r"\d{1,8}", part, re.ASCII) for part in (z, x, y)):
        raise Refusal(404, "There is no such tile.")
    content = await run_in_threadpool(_tile, service, mosaic, int(z), int(x), int(y))
    return Response(content, media_type="image/png", headers={"Cache-Control": "max-age=600"})


async def get_quadmap(request: Request, name: str) -> Response:
    """Show which quads there are: a map of the world in web mercator, a pixel for several quads."""
    service, mosaic = _mosaic(request, name)
    layout = await run_in_threadpool(mosaic.layout, service.index)
    side = min(512, quads_around(mosaic.level))
    picture = Image.new("RGBA", (side, side))
    for quad in layout.quads:
        scale = side / quads_around(mosaic.level)
        picture.putpixel((int(quad.column * scale), side - 1 - int(quad.row * scale)), (0, 110, 180, 255))
    return Response(encode_picture(picture, "png"), media_type="image/png")


def _mosaic(request: Request, name: str) -> Tuple[Service, Mosaic]:
    service, permission = enter(request)
    mosaic = service.mosaics.get(name)
    if mosaic is None:
        raise Refusal(404, f"There is no mosaic {name[:80]!r}.")
    permission.check_type(mosaic.search.scene_type)
    if not permission.allows(mosaic.product or "visual"):
        raise Refusal(403, f"Your key does not permit the product {mosaic.product or 'visual'}.")
    return service, mosaic


def _quad(service: Service, mosaic: Mosaic, quad_id: str) -> Tuple[Quad, Sequence[Member]]:
    quad = Quad.parse(quad_id)
    members = mosaic.layout(service.index).quads.get(quad) if quad else None
    if quad is None or members is None:
        raise Refusal(404, f"The mosaic {mosaic.name} has no quad {quad_id[:40]!r}.")
    return quad, members


def _tile(service: Service, mosaic: Mosaic, z: int, x: int, y: int) -> bytes:
    bounds = tile_bounds(z, x, y)
    if not max(map(abs, bounds)) <= HALF_WORLD * 1.000001:
        raise Refusal(404, "There is no such tile.")
    members = mosaic.layout(service.index).within(bounds)[:MAX_TILE_SCENES]
    if not members:
        raise Refusal(404, "There is nothing on this tile.")
    return service.imagery.tile([mosaic.products_of(member) for member in members], z, x, y)


def _list_quads(service: Service, mosaic: Mosaic, parameters: Parameters, base: str) -> Mapping[str, Any]:
    single = dict(parameters)
    unknown = [name for name in single if name not in ("count", "intersects", *_PAGE)]
    if unknown or len(single) < len(parameters):
        raise Refusal(400, "A list of quads takes count and intersects, once each.")
    count = parse_count(single.get("count"))
    ordered = _ordered(mosaic.layout(service.index), single.get("intersects"))
    page, backwards = ordered, "_page.updated.gt" in single
    token = single.get("_page.updated.gt" if backwards else "_page.updated.lt")
    if token is not None:
        try:
            edge = (format_time(parse_time(token)), single.get("_page.id", "" if not backwards else "~"))
        except ValueError as error:
            raise Refusal(400, f"_page.updated: {error}.") from None
        page = [item for item in ordered if (item[:2] > edge if backwards else item[:2] < edge)]
    page = page[-count:] if backwards else page[:count]
    address = f"{base}/v0/mosaics/{mosaic.name}/quads/"
    query = [(name, value) for name, value in parameters if name not in _PAGE]

    def link(extra: Parameters) -> str:
        text = encode([*query, *extra])
        return f"{address}?{text}" if text else address

    def beyond(item: Tuple[str, str, Quad], side: int, comparator: str) -> str:
        near = ordered.index(item) + side
        tied = 0 <= near < len(ordered) and ordered[near][0] == item[0]
        return link([(f"_page.updated.{comparator}", item[0]), *([("_page.id", item[1])] if tied else [])])

    quads = mosaic.layout(service.index).quads
    return {
        "type": "FeatureCollection",
        "features": [mosaic.describe_quad(quad, quads[quad], base) for _, _, quad in page],
        "links": {
            "next": beyond(page[-1], 1, "lt") if page else None,
            "self": link([(name, value) for name, value in parameters if name in _PAGE]),
            "prev": beyond(page[0], -1, "gt") if page else None,
            "first": link([]),
        },
    }


def _ordered(layout: Layout, intersects: Optional[str]) -> List[Tuple[str, str, Quad]]:
    """Return the quads in the order of their list: updated last first, each with its time and id."""
    area = Area(intersects) if intersects is not None else None
    quads = list(layout.quads)
    if area is not None and quads:
        boxes = [shapely.to_wkb(shapely.box(*quad.lonlat)) for quad in quads]
        quads = [quad for quad, hit in zip(quads, area.intersects(boxes)) if hit]
    items = [(max(member.updated for member in layout.quads[quad]), quad.id, quad) for quad in quads]
    return sorted(items, reverse=True)
