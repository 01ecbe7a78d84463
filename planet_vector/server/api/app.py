"""The application that serves the APIs and web pages of an index and its archive."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.routing import APIRoute

from planet_vector.server.api.data_api.data_routes import add_data_v1
from planet_vector.server.api.error_responses import add_refusals
from planet_vector.server.api.features.routes import add_features
from planet_vector.server.api.health_routes import add_health
from planet_vector.server.api.pages import add_pages
from planet_vector.server.api.service import Service
from planet_vector.server.api.stac.routes import add_stac
from planet_vector.server.api.tiles.routes import add_tiles
from planet_vector.server.api.v0.routes import add_v0

_TITLES = {
    "v0": "Scenes API v0",
    "stac": "STAC API",
    "features": "OGC API Features",
    "tiles": "OGC API Tiles",
    "data": "Data API v1",
    "basemaps": "Basemaps API v1",
}
"""Titles of the APIs in the OpenAPI document, by the first part of their addresses."""


def create_app(service: Service) -> FastAPI:
    """Create the application of a service.

    Parameters
    ----------
    service : Service
        Objects that the routes work on; stored as ``app.state.service``.

    Returns
    -------
    FastAPI
        Application with the routes of the API, of health and metrics, and of web pages.
    """
    app = FastAPI(
        title="Scenes of this archive", version="0", docs_url=None, redoc_url=None, openapi_url=None,
        redirect_slashes=False
    )  # fmt: skip
    app.openapi_version = "3.0.3"  # which every version of Swagger UI supports
    app.state.service = service
    add_refusals(app)
    for add in (add_v0, add_data_v1, add_stac, add_features, add_tiles, add_health, add_pages):
        add(app)
    for route in app.routes:
        if isinstance(route, APIRoute):
            route.tags = [_TITLES.get(route.path.split("/")[1], "Operation")]
    return app
