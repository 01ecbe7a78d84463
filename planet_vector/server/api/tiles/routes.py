"""Routes of OGC API Tiles, and TileJSON of basemaps, scene types and scenes.

FastAPI uses the docstring of a route up to the form feed as its description in the OpenAPI document.
"""

from __future__ import annotations

from typing import Callable, Dict, List
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.responses import Response

from planet_vector.geometry.wrapping import footprint_of
from planet_vector.server.api.answers import json_answer, write_json
from planet_vector.server.api.basemap_tiles import basemap_tile
from planet_vector.server.api.documents import JSON, Document
from planet_vector.server.api.item_paths import SCENE_ID
from planet_vector.server.api.routing import Route, add_readable
from planet_vector.server.api.scenes import find
from planet_vector.server.api.service import base_url, enter, index_version, to_slash
from planet_vector.server.api.stac.item_pages import document_answer
from planet_vector.server.api.stac.openapi import COLLECTION, DOCUMENT, ITEM
from planet_vector.server.api.tiles import documents
from planet_vector.server.api.tiles.documents import MATRIX_SET, ROOT
from planet_vector.server.api.tiles.lookup import find_tiled, largest_zoom, tiled, zoom_of
from planet_vector.server.api.v0.openapi import TILE
from planet_vector.server.api.visible_basemaps import VisibleBasemap, attend_layout, definition_of
from planet_vector.server.http_errors import HttpError
from planet_vector.server.patience import Patience

_COLLECTION = f"{ROOT}/collections/{{name:item}}"
_TILESETS = f"{_COLLECTION}/map/tiles"
_TILESET = f"{_TILESETS}/{{matrix_set}}"


def add_tiles(app: FastAPI) -> None:
    """Add the routes of OGC API Tiles, and of TileJSON.

    Parameters
    ----------
    app : FastAPI
        Application of `planet_vector.server.api.app.create_app`.
    """
    routes: List[Route] = [
        (f"{ROOT}/", get_landing, DOCUMENT),
        (f"{ROOT}/conformance", get_conformance, DOCUMENT),
        (f"{ROOT}/tileMatrixSets", list_matrix_sets, DOCUMENT),
        (f"{ROOT}/tileMatrixSets/{{matrix_set}}", get_matrix_set, COLLECTION),
        (f"{ROOT}/collections", list_collections, DOCUMENT),
        (_COLLECTION, get_collection, COLLECTION),
        (f"{_COLLECTION}/tilejson.json", get_tilejson, COLLECTION),
        (_TILESETS, list_tilesets, COLLECTION),
        (_TILESET, get_tileset, COLLECTION),
        (f"{_TILESET}/{{z}}/{{y}}/{{x}}", get_tile, TILE),
        (f"{ROOT}/scenes/{{scene_type}}/{SCENE_ID}/tilejson.json", get_scene_tilejson, ITEM),
    ]
    add_readable(app, routes)
    app.add_api_route(ROOT, to_slash, methods=["GET", "HEAD"], include_in_schema=False)


async def get_landing(request: Request) -> Response:
    """Return the landing page of OGC API Tiles.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    """
    return await document_answer(request, lambda service, permission, base: documents.landing(base), JSON)


async def get_conformance(request: Request) -> Response:
    """Return the conformance classes of OGC API Tiles.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    """
    return await document_answer(request, lambda *_: {"conformsTo": documents.CONFORMANCE}, JSON)


async def list_matrix_sets(request: Request) -> Response:
    """Return the tile matrix sets.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    """
    return await document_answer(request, lambda service, permission, base: documents.matrix_sets_document(base), JSON)


async def get_matrix_set(request: Request, matrix_set: str) -> Response:
    """Return a tile matrix set.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    matrix_set : str
        Its id.

    Raises
    ------
    HttpError
        404, unless it is that of web maps.
    """
    _check_set(matrix_set)
    return await document_answer(request, lambda *_: documents.matrix_set_document(), JSON)


async def list_collections(request: Request) -> Response:
    """Return the basemaps and scene types that have tiles, and that the key permits.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    """
    service, permission = enter(request)
    base = base_url(request)

    def answer(patience: Patience) -> Response:
        found = tiled(service, permission)

        def make() -> bytes:
            collections = [_collection(seen, base, patience) for seen in found]
            return write_json(documents.collections_document(base, collections))

        defined = [definition_of(seen.basemap) for seen in found]
        return json_answer(request, make, index_version(request, service, permission, defined))

    return await attend_layout(request, answer)


async def get_collection(request: Request, name: str) -> Response:
    """Return a basemap or scene type as a collection.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    name : str
        Its name.

    Raises
    ------
    HttpError
        404, if there is none that the key permits.
    """
    return await _described(request, name, _collection)


async def list_tilesets(request: Request, name: str) -> Response:
    """Return the tilesets of a basemap or scene type.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    name : str
        Its name.

    Raises
    ------
    HttpError
        404, if there is none that the key permits.
    """
    return await _described(
        request, name, lambda seen, base, patience: documents.tilesets_document(base, name, seen.basemap.title)
    )


async def get_tileset(request: Request, name: str, matrix_set: str) -> Response:
    """Return a tileset of a basemap or scene type.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    name : str
        Its name.
    matrix_set : str
        Id of the tile matrix set.

    Raises
    ------
    HttpError
        404, if there is none that the key permits.
    """
    _check_set(matrix_set)

    def describe(seen: VisibleBasemap, base: str, patience: Patience) -> Document:
        box, zoom = seen.layout(patience).box(), largest_zoom(seen)
        return documents.tileset_document(base, name, seen.basemap.title, box, zoom)

    return await _described(request, name, describe)


async def get_tilejson(request: Request, name: str) -> Response:
    """Return the TileJSON of a basemap or scene type.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    name : str
        Its name.

    Raises
    ------
    HttpError
        404, if there is none that the key permits.
    """

    def describe(seen: VisibleBasemap, base: str, patience: Patience) -> Document:
        template = documents.tile_template(base, name)
        return documents.tilejson(seen.basemap.title, template, seen.layout(patience).box(), largest_zoom(seen))

    return await _described(request, name, describe)


async def get_tile(request: Request, name: str, matrix_set: str, z: str, y: str, x: str) -> Response:
    """Return a map tile of a basemap or scene type: the least cloudy scene on top, and of equals the newest.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    name : str
        Its name.
    matrix_set : str
        Id of the tile matrix set.
    z, y, x : str
        Zoom, row counted from the north, and column counted from the west.

    Raises
    ------
    HttpError
        404 if there is no such tile, or nothing is on it; 422 or 503 if it cannot be made within its limits.
    """
    service, permission = enter(request)
    _check_set(matrix_set)
    seen = await attend_layout(request, lambda patience: find_tiled(service, permission, name))
    return await basemap_tile(request, seen, z, x, y)


async def get_scene_tilejson(request: Request, scene_type: str, scene_id: str) -> Response:
    """Return the TileJSON of one scene.

    \f

    Parameters
    ----------
    request : Request
        Request with a key.
    scene_type, scene_id : str
        Type and id of the scene.

    Raises
    ------
    HttpError
        403 if the key does not permit the type, 404 if there is no such scene.
    """
    service, permission = enter(request)
    base = base_url(request)

    def answer(patience: Patience) -> Response:
        def make() -> bytes:
            find(service, permission, scene_type, scene_id)
            scene = service.index.record(scene_type, scene_id)
            if scene is None:
                raise HttpError(404, f"There is no scene {scene_id[:80]!r} of the type {scene_type}.")
            properties: Dict[str, object] = scene.feature["properties"]  # type: ignore[assignment]
            geometry = scene.feature["geometry"]
            box = footprint_of(geometry).bounds if geometry is not None else None
            template = f"{base}/v0/scenes/{quote(scene_type)}/{quote(scene_id, safe='')}/{{z}}/{{x}}/{{y}}.png"
            return write_json(documents.tilejson(scene_id, template, box, zoom_of(properties)))

        return json_answer(request, make, index_version(request, service, permission))

    return await attend_layout(request, answer)


def _collection(seen: VisibleBasemap, base: str, patience: Patience) -> Document:
    box = seen.layout(patience).box()
    return documents.collection_document(base, seen.basemap.name, seen.basemap.title, box)


async def _described(
    request: Request, name: str, describe: Callable[[VisibleBasemap, str, Patience], Document]
) -> Response:
    service, permission = enter(request)
    base = base_url(request)

    def answer(patience: Patience) -> Response:
        seen = find_tiled(service, permission, name)
        return json_answer(request, lambda: write_json(describe(seen, base, patience)), seen.version(request))

    return await attend_layout(request, answer)


def _check_set(matrix_set: str) -> None:
    if matrix_set != MATRIX_SET:
        raise HttpError(404, f"There is no tile matrix set {matrix_set[:40]!r}: the only one is {MATRIX_SET}.")
