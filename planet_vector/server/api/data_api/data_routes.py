"""Addresses of the Data API v1 and the Basemaps API v1, and the functions that answer them."""

from __future__ import annotations

from typing import Callable, List, Tuple

from fastapi import FastAPI

from planet_vector.server.api.data_api import item_routes, mosaic_routes, search_routes
from planet_vector.server.api.data_api.item_documents import ROOT
from planet_vector.server.api.data_api.mosaic_documents import BASEMAPS
from planet_vector.server.api.item_paths import ASSET, SCENE_ID

_TYPE = f"{ROOT}/item-types/{{item_type:item}}"
_ITEM = f"{_TYPE}/items/{SCENE_ID}"
_ASSET = f"{_ITEM}/assets/{ASSET}"
_SEARCH = f"{ROOT}/searches/{{search_id}}"
_MOSAIC = f"{BASEMAPS}/mosaics/{{name}}"
_QUAD = f"{_MOSAIC}/quads/{{quad_id}}"

_Route = Tuple[str, Callable[..., object]]


def add_data_v1(app: FastAPI) -> None:
    """Add the routes of the Data API v1 and the Basemaps API v1.

    Parameters
    ----------
    app : FastAPI
        Application of `planet_vector.server.api.app.create_app`.
    """
    routes: List[_Route] = [
        *_either(f"{ROOT}/item-types", item_routes.list_types),
        *_either(_TYPE, item_routes.get_type),
        *_either(_ITEM, item_routes.get_item),
        (f"{_ITEM}/thumb", item_routes.get_thumbnail),
        *_either(f"{_ITEM}/assets", item_routes.list_assets),
        *_either(_ASSET, item_routes.get_asset),
        (f"{ROOT}/download", item_routes.download),
        *_either(f"{ROOT}/searches", search_routes.list_searches),
        *_either(_SEARCH, search_routes.get_search),
        *_either(f"{_SEARCH}/results", search_routes.list_results),
        *_either(f"{BASEMAPS}/mosaics", mosaic_routes.list_mosaics),
        *_either(_MOSAIC, mosaic_routes.get_mosaic),
        *_either(f"{_MOSAIC}/quads", mosaic_routes.list_quads),
        *_either(_QUAD, mosaic_routes.get_quad),
        *_either(f"{_QUAD}/items", mosaic_routes.list_quad_items),
        (f"{_QUAD}/full", mosaic_routes.get_quad_file),
        (f"{_QUAD}/thumb", mosaic_routes.get_quad_thumb),
        (f"{BASEMAPS}/planet-tiles/{{name}}/gmap/{{z}}/{{x}}/{{y}}.png", mosaic_routes.get_mosaic_tile),
        # Last, as it has no fixed first part.
        (f"{ROOT}/{{item_type:item}}/{SCENE_ID}/{{z}}/{{x}}/{{y}}.png", item_routes.get_tile),
    ]
    # A GET that changes something: no HEAD.
    app.add_api_route(f"{_ASSET}/activate", item_routes.activate, methods=["GET"], include_in_schema=False)
    for path, answer in routes:
        app.add_api_route(path, answer, methods=["GET", "HEAD"], include_in_schema=False)
    posts: List[_Route] = [
        *_either(f"{ROOT}/quick-search", search_routes.quick_search),
        *_either(f"{ROOT}/stats", search_routes.get_stats),
        *_either(f"{ROOT}/searches", search_routes.create_search),
    ]
    for path, answer in posts:
        app.add_api_route(path, answer, methods=["POST"], include_in_schema=False)
    app.add_api_route(_SEARCH, search_routes.replace_search, methods=["PUT"], include_in_schema=False)
    app.add_api_route(_SEARCH, search_routes.delete_search, methods=["DELETE"], include_in_schema=False)


def _either(path: str, answer: Callable[..., object]) -> List[_Route]:
    """Return the route of an address with and without a final slash: clients write both."""
    return [(path, answer), (f"{path}/", answer)]
