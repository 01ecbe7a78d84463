"""Addresses of the Data API v1 and the Basemaps API v1, and the functions that answer them."""

from __future__ import annotations

from typing import Callable, List, Mapping, Tuple

from fastapi import FastAPI
from fastapi.responses import Response

from planet_vector.server.api.data_api import item_routes, mosaic_routes, openapi, search_routes
from planet_vector.server.api.data_api.item_documents import ROOT
from planet_vector.server.api.data_api.mosaic_documents import BASEMAPS
from planet_vector.server.api.item_paths import ASSET, SCENE_ID

_TYPE = f"{ROOT}/item-types/{{item_type:item}}"
_ITEM = f"{_TYPE}/items/{SCENE_ID}"
_ASSET = f"{_ITEM}/assets/{ASSET}"
_SEARCH = f"{ROOT}/searches/{{search_id}}"
_MOSAIC = f"{BASEMAPS}/mosaics/{{name}}"
_QUAD = f"{_MOSAIC}/quads/{{quad_id}}"

_Route = Tuple[str, Callable[..., object], Mapping[str, object]]


def add_data_v1(app: FastAPI) -> None:
    """Add the routes of the Data API v1 and the Basemaps API v1.

    Parameters
    ----------
    app : FastAPI
        Application of `planet_vector.server.api.app.create_app`.
    """
    # Lists and documents are answered with and without a final slash, as clients write both.
    either: List[_Route] = [
        (f"{ROOT}/item-types", item_routes.list_types, openapi.LIST),
        (_TYPE, item_routes.get_type, openapi.OBJECT),
        (_ITEM, item_routes.get_item, openapi.OBJECT),
        (f"{_ITEM}/assets", item_routes.list_assets, openapi.OBJECT),
        (_ASSET, item_routes.get_asset, openapi.OBJECT),
        (f"{ROOT}/searches", search_routes.list_searches, openapi.SEARCHES),
        (_SEARCH, search_routes.get_search, openapi.OBJECT),
        (f"{_SEARCH}/results", search_routes.list_results, openapi.RESULTS),
        (f"{BASEMAPS}/mosaics", mosaic_routes.list_mosaics, openapi.MOSAICS),
        (_MOSAIC, mosaic_routes.get_mosaic, openapi.OBJECT),
        (f"{_MOSAIC}/quads", mosaic_routes.list_quads, openapi.QUADS),
        (_QUAD, mosaic_routes.get_quad, openapi.OBJECT),
        (f"{_QUAD}/items", mosaic_routes.list_quad_items, openapi.LIST),
    ]
    exact: List[_Route] = [
        (f"{_ITEM}/thumb", item_routes.get_thumbnail, openapi.THUMBNAIL),
        (f"{ROOT}/download", item_routes.download, openapi.DOWNLOAD),
        (f"{_QUAD}/full", mosaic_routes.get_quad_file, openapi.FILE),
        (f"{_QUAD}/thumb", mosaic_routes.get_quad_thumb, openapi.THUMBNAIL),
        (f"{BASEMAPS}/planet-tiles/{{name}}/gmap/{{z}}/{{x}}/{{y}}.png", mosaic_routes.get_mosaic_tile, openapi.TILES),
        # Last, as it has no fixed first part.
        (f"{ROOT}/{{item_type:item}}/{SCENE_ID}/{{z}}/{{x}}/{{y}}.png", item_routes.get_tile, openapi.TILES),
    ]
    posts: List[_Route] = [
        (f"{ROOT}/quick-search", search_routes.quick_search, openapi.QUICK_SEARCH),
        (f"{ROOT}/stats", search_routes.get_stats, openapi.STATS),
        (f"{ROOT}/searches", search_routes.create_search, openapi.SAVED),
        (f"{_MOSAIC}/quads/search", mosaic_routes.search_quads, openapi.QUAD_SEARCH),
    ]
    # A GET that changes something: no HEAD.
    _add(app, "GET", (f"{_ASSET}/activate", item_routes.activate, openapi.ACTIVATION))
    for route in (*either, *exact):
        _add(app, "GET", route)
        app.add_api_route(route[0], route[1], methods=["HEAD"], include_in_schema=False)
    for path, answer, _ in either:
        app.add_api_route(f"{path}/", answer, methods=["GET", "HEAD"], include_in_schema=False)
    for route in posts:
        _add(app, "POST", route)
        app.add_api_route(f"{route[0]}/", route[1], methods=["POST"], include_in_schema=False)
    _add(app, "PUT", (_SEARCH, search_routes.replace_search, openapi.SAVED))
    _add(app, "DELETE", (_SEARCH, search_routes.delete_search, openapi.DELETED))


def _add(app: FastAPI, method: str, route: _Route) -> None:
    path, answer, extra = route
    about = (answer.__doc__ or "").partition("\n")[0]
    app.add_api_route(
        path, answer, methods=[method], description=about, openapi_extra=dict(extra), response_class=Response
    )
