"""Addresses of the Scenes API v0, and the functions that answer them."""

from __future__ import annotations

from typing import List

from fastapi import FastAPI

from planet_vector.server.api.item_paths import SCENE_ID
from planet_vector.server.api.routing import Route, add_readable
from planet_vector.server.api.service import to_slash
from planet_vector.server.api.v0 import basemap_routes, openapi, quad_routes, scene_routes
from planet_vector.server.api.v0.auth_routes import login

_SCENES = "/v0/scenes/{scene_type}/"
_SCENE = _SCENES + SCENE_ID
_QUADS = "/v0/mosaics/{name}/quads/"


def add_v0(app: FastAPI) -> None:
    """Add the routes of the Scenes API v0: scenes, basemaps and login.

    Parameters
    ----------
    app : FastAPI
        Application of `planet_vector.server.api.app.create_app`.
    """
    routes: List[Route] = [
        ("/v0/scenes/", scene_routes.scene_types, openapi.ROOT),
        (_SCENES, scene_routes.list_scenes, openapi.LIST),
        (_SCENE, scene_routes.get_scene, openapi.SCENE),
        (_SCENE + "/full", scene_routes.get_product, openapi.FULL),
        (_SCENE + "/thumb", scene_routes.get_thumbnail, openapi.THUMB),
        (_SCENE + "/square-thumb", scene_routes.get_thumbnail, openapi.THUMB),
        (_SCENE + "/{z}/{x}/{y}.png", scene_routes.get_tile, openapi.TILE),
        ("/v0/mosaics/", basemap_routes.list_mosaics, openapi.ROOT),
        ("/v0/mosaics/{name}", basemap_routes.get_mosaic, openapi.BASEMAP),
        ("/v0/mosaics/{name}/quad-map.png", basemap_routes.get_quadmap, openapi.TILE),
        (_QUADS, quad_routes.list_quads, openapi.QUADS),
        (_QUADS + "{quad_id}", quad_routes.get_quad, openapi.QUAD),
        (_QUADS + "{quad_id}/full", quad_routes.get_quad_raster, openapi.QUAD_FULL),
        (_QUADS + "{quad_id}/thumb", quad_routes.get_quad_thumbnail, openapi.THUMB),
        (_QUADS + "{quad_id}/scenes/", quad_routes.list_quad_scenes, openapi.QUAD_SCENES),
        ("/v0/mosaics/{name}/{z}/{x}/{y}.png", basemap_routes.get_mosaic_tile, openapi.TILE),
    ]
    add_readable(app, routes)
    app.add_api_route(_SCENES, scene_routes.list_scenes, methods=["POST"], openapi_extra=openapi.POST)
    # Old clients expect a range of shards in the template. Here shards are paths, because the host has one name.
    for tiles, answer in (
        (f"/tiles{{shard}}{_SCENE}/{{z}}/{{x}}/{{y}}.png", scene_routes.get_tile),
        ("/tiles{shard}/v0/mosaics/{name}/{z}/{x}/{y}.png", basemap_routes.get_mosaic_tile),
    ):
        app.add_api_route(tiles, answer, methods=["GET", "HEAD"], include_in_schema=False)
    # Lists end in a slash, and are redirected to it. Other addresses do not, and are 404 with a slash.
    app.add_api_route(_SCENES.rstrip("/"), to_slash, methods=["GET", "HEAD", "POST"], include_in_schema=False)
    for path in ("/v0/scenes", "/v0/mosaics", _QUADS.rstrip("/"), _QUADS + "{quad_id}/scenes"):
        app.add_api_route(path, to_slash, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/v0/auth/login", login, methods=["POST"], include_in_schema=False)
