"""Routes as the APIs list them."""

from __future__ import annotations

from typing import Callable, Iterable, Mapping, Tuple

from fastapi import FastAPI
from fastapi.responses import Response

Route = Tuple[str, Callable[..., object], Mapping[str, object]]
"""An address, the function that answers it, and its part of the OpenAPI document."""


def add_readable(app: FastAPI, routes: Iterable[Route]) -> None:
    """Add routes for GET, and for HEAD, which the OpenAPI document does not list.

    Parameters
    ----------
    app : FastAPI
        The application.
    routes : iterable of Route
        The routes.
    """
    for path, answer, described in routes:
        app.add_api_route(path, answer, methods=["GET"], openapi_extra=dict(described), response_class=Response)
        app.add_api_route(path, answer, methods=["HEAD"], include_in_schema=False)
