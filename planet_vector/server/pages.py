"""What people look at in a browser: the start page with a map of the archive, and the API's description.

Nothing comes from another host: Leaflet and Swagger UI are installed as packages, so both pages work offline.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import swagger_ui_bundle
from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles
from xstatic.pkg import leaflet

_HERE = Path(__file__).with_name("static")
# The map sets its styles by script, which a policy allows; pictures come from the API, as data of the page.
_POLICY = "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'"
_HEADERS = {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


def add_pages(app: FastAPI) -> None:
    """Add the start page at ``/``, the description at ``/docs``, and what they are made of."""
    app.mount("/static/leaflet", StaticFiles(directory=leaflet.BASE_DIR))
    app.mount("/static/swagger", StaticFiles(directory=str(swagger_ui_bundle.swagger_ui_path)))
    app.mount("/static", StaticFiles(directory=_HERE))
    app.add_api_route("/", get_start, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/docs", get_docs, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/openapi.json", get_openapi, methods=["GET", "HEAD"], include_in_schema=False)


async def get_start(request: Request) -> Response:
    """Show the archive on a map."""
    return FileResponse(_HERE / "start.html", headers=_HEADERS)


async def get_docs(request: Request) -> Response:
    """Show the API's description."""
    # Swagger UI writes styles into its elements.
    policy = _POLICY + "; style-src 'self' 'unsafe-inline'"
    return FileResponse(_HERE / "docs.html", headers={**_HEADERS, "Content-Security-Policy": policy})


async def get_openapi(request: Request) -> Response:
    """Give the API's description (OpenAPI 3.0)."""
    app: Any = request.app
    return JSONResponse(app.openapi())
