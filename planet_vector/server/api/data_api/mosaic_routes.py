"""Routes of the Basemaps API v1. Tiles, files and thumbnails are those of v0 at other addresses."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Callable, Dict, List, Mapping, Optional, Tuple
from urllib.parse import urlencode

import shapely
from fastapi import Request
from fastapi.responses import Response

from planet_vector.server.api.answers import json_answer, write_json
from planet_vector.server.api.basemap_definitions import BasemapDefinition
from planet_vector.server.api.bodies import Body
from planet_vector.server.api.data_api.filters_v1 import FilterReader
from planet_vector.server.api.data_api.item_documents import item_url
from planet_vector.server.api.data_api.mosaic_documents import (
    BASEMAPS,
    mosaic_document,
    mosaic_url,
    quad_document,
    quad_id,
    quad_of,
)
from planet_vector.server.api.data_api.parameters import query_of
from planet_vector.server.api.documents import Document
from planet_vector.server.api.service import Service, base_url, enter, index_version
from planet_vector.server.api.v0 import quad_routes
from planet_vector.server.api.v0.basemap_routes import get_mosaic_tile
from planet_vector.server.api.visible_basemaps import (
    VisibleBasemap,
    attend_layout,
    basemap_answer,
    definition_of,
    see_basemap,
)
from planet_vector.server.http_errors import HttpError
from planet_vector.server.patience import Patience
from planet_vector.server.quad_grid import Bounds, Quad

MAX_PAGE, PAGE = 250, 50
"""Mosaics or quads of the largest page, and of one without ``_page_size``."""

_QUADS = ("summary", "minimal", "_page_size")

__all__ = ["get_mosaic_tile"]


async def list_mosaics(request: Request) -> Response:
    """Return the basemaps that the key permits, ordered by name.

    Parameters
    ----------
    request : Request
        Request with a key, and ``name__is``, ``name__contains``, ``_page_size`` and ``_page`` in its query.
    """
    service, permission = enter(request)
    base, query = base_url(request), query_of(request, "name__is", "name__contains", "_page_size", "_page")
    size = _size(query)

    def chosen(basemap: BasemapDefinition) -> bool:
        exact = query.get("name__is", basemap.name) == basemap.name
        return exact and query.get("name__contains", "") in basemap.name and basemap.is_visible(permission)

    found = sorted((b for b in service.basemaps.values() if chosen(b)), key=lambda basemap: basemap.name)
    rest = [basemap for basemap in found if basemap.name > query.get("_page", "")]
    page = rest[:size]

    def answer(patience: Patience) -> Response:
        def make() -> bytes:
            described = [_described(VisibleBasemap(service, basemap, permission), base, patience) for basemap in page]
            links = _links(f"{base}{BASEMAPS}/mosaics", query, page[-1].name if len(rest) > size else None)
            return write_json({"_links": links, "mosaics": described})

        defined = [definition_of(basemap) for basemap in page]
        return json_answer(request, make, index_version(request, service, permission, defined, query))

    return await attend_layout(request, answer)


async def get_mosaic(request: Request, name: str) -> Response:
    """Return one basemap.

    Parameters
    ----------
    request : Request
        Request with a key.
    name : str
        Name of the basemap.
    """
    seen = see_basemap(request, name)
    base = base_url(request)
    return await basemap_answer(request, seen, lambda patience: _described(seen, base, patience))


async def list_quads(request: Request, name: str) -> Response:
    """Return the quads of a basemap that share ground with a box, ordered by row and column.

    Parameters
    ----------
    request : Request
        Request with a key, and ``bbox`` (west, south, east, north in degrees), ``summary``, ``_page_size`` and
        ``_page`` in its query; ``minimal`` changes nothing. ``_geometry`` is that of `search_quads`.
    name : str
        Name of the basemap.
    """
    seen = see_basemap(request, name)
    base, query = base_url(request), query_of(request, *_QUADS, "bbox", "_page", "_geometry")
    boxes, kept = _boxes(query.get("bbox")), query.get("_geometry")
    _check_page(seen, query)

    def describe(patience: Patience) -> Document:
        text = seen.service.index.kept_area(kept) if kept is not None else None
        if kept is not None and text is None:
            raise HttpError(404, "The geometry of this page is no longer stored: search again.")
        is_within = (lambda quad: True) if text is None else _within(json.loads(text), patience)
        return _quads_page(
            seen,
            base,
            query,
            lambda quad: is_within(quad) and any(_shares(quad.lonlat, box) for box in boxes),
            patience,
        )

    return await basemap_answer(request, seen, describe, sorted(query.items()))


async def search_quads(request: Request, name: str) -> Response:
    """Return the first quads of a basemap that share ground with a geometry, ordered by row and column.

    Parameters
    ----------
    request : Request
        Request with a key, GeoJSON of a geometry in its body, and ``summary`` and ``_page_size`` in its query;
        ``minimal`` changes nothing.
    name : str
        Name of the basemap.
    """
    seen = see_basemap(request, name)
    base, query = base_url(request), query_of(request, *_QUADS)
    _check_page(seen, query)
    with Body() as body:
        await body.read(request)

        def answer(patience: Patience) -> Response:
            geometry = body.document(request, patience)
            if not isinstance(geometry, dict):
                raise HttpError(400, "The body is a GeoJSON geometry.")
            is_within = _within(geometry, patience)
            text = json.dumps(geometry, sort_keys=True)
            kept = hashlib.sha256(text.encode()).hexdigest()
            seen.service.index.keep_area(kept, text)
            content = write_json(_quads_page(seen, base, {**query, "_geometry": kept}, is_within, patience))
            return json_answer(request, lambda: content)

        return await attend_layout(request, answer)


async def get_quad(request: Request, name: str, quad_id: str) -> Response:
    """Return one quad.

    Parameters
    ----------
    request : Request
        Request with a key.
    name : str
        Name of the basemap.
    quad_id : str
        Id of the quad, such as ``763-959``.
    """
    seen = see_basemap(request, name)
    grid_id = _grid_id(seen, quad_id)
    base = base_url(request)
    return await basemap_answer(
        request, seen, lambda patience: quad_document(seen.basemap, *seen.quad(grid_id, patience), base)
    )


async def list_quad_items(request: Request, name: str, quad_id: str) -> Response:
    """Return the addresses of the items of a quad, from top to bottom.

    Parameters
    ----------
    request : Request
        Request with a key.
    name : str
        Name of the basemap.
    quad_id : str
        Id of the quad.
    """
    seen = see_basemap(request, name)
    grid_id = _grid_id(seen, quad_id)
    base = base_url(request)

    def describe(patience: Patience) -> Mapping[str, object]:
        _, members = seen.quad(grid_id, patience)
        found: List[Dict[str, str]] = []
        for member in members:
            patience.check()
            scene = seen.service.index.record(seen.basemap.search.scene_type, member.scene_id)
            if scene is not None:
                found.append({"link": item_url(base, scene)})
        return {"_links": {"_self": f"{mosaic_url(base, seen.basemap)}/quads/{quad_id}/items"}, "items": found}

    return await basemap_answer(request, seen, describe)


async def get_quad_file(request: Request, name: str, quad_id: str) -> Response:
    """Return the GeoTIFF of a quad.

    Parameters
    ----------
    request : Request
        Request with a key.
    name : str
        Name of the basemap.
    quad_id : str
        Id of the quad.
    """
    return await quad_routes.get_quad_raster(request, name, _grid_id(see_basemap(request, name), quad_id))


async def get_quad_thumb(request: Request, name: str, quad_id: str) -> Response:
    """Return a thumbnail of a quad.

    Parameters
    ----------
    request : Request
        Request with a key.
    name : str
        Name of the basemap.
    quad_id : str
        Id of the quad.
    """
    return await quad_routes.get_quad_thumbnail(request, name, _grid_id(see_basemap(request, name), quad_id))


def _within(geometry: object, patience: Patience) -> Callable[[Quad], bool]:
    """Return a function that tells whether a quad shares ground with a geometry."""
    area = FilterReader(patience).area(geometry).area
    return lambda quad: bool(shapely.intersects(area.geometry, shapely.box(*quad.lonlat)))


def _check_page(seen: VisibleBasemap, query: Mapping[str, str]) -> None:
    _size(query)
    if "_page" in query and quad_of(seen.basemap, query["_page"]) is None:
        raise HttpError(400, "_page: it is not one of this list: follow the links without changing them.")


def _quads_page(
    seen: VisibleBasemap, base: str, query: Mapping[str, str], is_chosen: Callable[[Quad], bool], patience: Patience
) -> Document:
    """Return a page of the quads that a function chooses."""
    quads = seen.layout(patience).quads(patience)
    chosen = sorted(filter(is_chosen, quads), key=_place)
    size, after = _size(query), quad_of(seen.basemap, query.get("_page", ""))
    rest = [quad for quad in chosen if after is None or _place(quad) > _place(after)]
    items: List[Document] = []
    for quad in rest[:size]:
        patience.check()
        items.append(quad_document(seen.basemap, quad, quads[quad], base))
    following = quad_id(rest[size - 1]) if len(rest) > size else None
    document: Document = {"_links": _links(f"{mosaic_url(base, seen.basemap)}/quads", query, following), "items": items}
    return {**document, "summary": {"total_quads": len(chosen)}} if query.get("summary") == "true" else document


def _described(seen: VisibleBasemap, base: str, patience: Patience) -> Document:
    service: Service = seen.service
    scene_type = seen.basemap.search.scene_type
    types = sorted({kind.item_type for kind in service.items.kinds(patience) if kind.scene_type == scene_type})
    return mosaic_document(seen.basemap, seen.layout(patience), types, base)


def _grid_id(seen: VisibleBasemap, text: str) -> str:
    """Return the id of a quad in v0."""
    quad = quad_of(seen.basemap, text)
    if quad is None:
        raise HttpError(404, f"The basemap {seen.basemap.name} has no quad {text[:40]!r}.")
    return quad.id


def _place(quad: Quad) -> Tuple[int, int]:
    return quad.row, quad.column


def _shares(quad: Bounds, box: Bounds) -> bool:
    return quad[0] <= box[2] and box[0] <= quad[2] and quad[1] <= box[3] and box[1] <= quad[3]


def _boxes(text: Optional[str]) -> List[Bounds]:
    """Return the boxes of ``bbox``: two for one across the antimeridian."""
    if text is None:
        return [(-180.0, -90.0, 180.0, 90.0)]
    parts = text.split(",")
    if len(parts) != 4 or not all(re.fullmatch(r"[+-]?\d{1,3}(\.\d*)?([eE][+-]?\d{1,3})?", p, re.ASCII) for p in parts):
        raise HttpError(400, f"bbox is {text[:80]!r}: it takes west,south,east,north in degrees.")
    west, south, east, north = map(float, parts)
    if south > north:
        raise HttpError(400, f"bbox is {text[:80]!r}: south is greater than north.")
    if west <= east:
        return [(west, south, east, north)]
    return [(west, south, 180.0, north), (-180.0, south, east, north)]


def _size(query: Mapping[str, str]) -> int:
    text = query.get("_page_size", str(PAGE))
    if not re.fullmatch(r"[1-9]\d{0,6}", text, re.ASCII):
        raise HttpError(400, f"_page_size is {text[:40]!r}: it takes a number from 1 to {MAX_PAGE}.")
    return min(int(text), MAX_PAGE)


def _links(address: str, query: Mapping[str, str], following: Optional[str]) -> Dict[str, str]:
    given = {name: value for name, value in query.items() if name != "_page"}
    page = {"_page": query["_page"]} if "_page" in query else {}
    links = {"_self": _address(address, {**given, **page})}
    return links if following is None else {**links, "_next": _address(address, {**given, "_page": following})}


def _address(address: str, query: Mapping[str, str]) -> str:
    return f"{address}?{urlencode(query)}" if query else address
