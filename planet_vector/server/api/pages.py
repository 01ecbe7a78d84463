"""Web pages: the start page with a map of the archive, and the documentation of the API.

The pages load nothing from other hosts: Leaflet and Swagger UI are installed as packages, so both pages work offline.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict

import swagger_ui_bundle
from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, Response
from starlette.datastructures import Headers
from starlette.staticfiles import StaticFiles
from starlette.types import Scope
from xstatic.pkg import leaflet

from planet_vector.server.api.answers import json_answer, write_json
from planet_vector.server.api.attending import CHEAP, attend
from planet_vector.server.api.conditional import Version, is_known, not_modified
from planet_vector.server.api.service import CHEAP_SECONDS
from planet_vector.server.patience import Patience

OPENAPI_JSON = "application/vnd.oai.openapi+json;version=3.0"
"""Media type of OpenAPI documents."""

_HERE = Path(__file__).with_name("static")
# Styles set by script are exempt from the policy. The map loads pictures as blobs.
_POLICY = "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'"
_HEADERS = {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


def add_pages(app: FastAPI) -> None:
    """Add the start page at ``/``, the documentation at ``/docs``, the OpenAPI document and static files.

    Parameters
    ----------
    app : FastAPI
        Application of `planet_vector.server.api.app.create_app`.
    """
    app.mount("/static/leaflet", _Files(directory=leaflet.BASE_DIR))
    app.mount("/static/swagger", _Files(directory=str(swagger_ui_bundle.swagger_ui_path)))
    app.mount("/static", _Files(directory=_HERE))
    app.add_api_route("/", get_start, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/docs", get_docs, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/openapi.json", get_openapi, methods=["GET", "HEAD"], include_in_schema=False)


async def get_start(request: Request) -> Response:
    """Return the start page, which shows the archive on a map.

    Parameters
    ----------
    request : Request
        Request; no key is required, as the page asks for one.
    """
    return _page(request, "start.html", _HEADERS)


async def get_docs(request: Request) -> Response:
    """Return the documentation page of the API (Swagger UI).

    Parameters
    ----------
    request : Request
        Request; no key is required.
    """
    # Swagger UI uses inline styles.
    policy = _POLICY + "; style-src 'self' 'unsafe-inline'"
    return _page(request, "docs.html", {**_HEADERS, "Content-Security-Policy": policy})


async def get_openapi(request: Request) -> Response:
    """Return the OpenAPI 3.0 document of the API.

    Parameters
    ----------
    request : Request
        Request; no key is required.
    """
    app: Any = request.app

    def answer(patience: Patience) -> Response:
        content = write_json(app.openapi())
        return json_answer(request, lambda: content, Version.of_made(False, content), OPENAPI_JSON)

    return await attend(request, answer, seconds=CHEAP_SECONDS, pool=CHEAP)


class _Files(StaticFiles):
    """Folder of static files that browsers cache and revalidate, because a new release may change them."""

    def file_response(
        self, full_path: Any, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """Return the response for one file of the folder."""
        return _file(Headers(scope=scope), Path(full_path), stat_result, {})


def _page(request: Request, name: str, headers: Dict[str, str]) -> Response:
    file = _HERE / name
    return _file(request.headers, file, file.stat(), headers)


def _file(given: Headers, file: Path, status: os.stat_result, headers: Dict[str, str]) -> Response:
    version = Version.of_file(status, private=False)
    if is_known(given, version, exists=True):
        return not_modified(version, headers)
    return FileResponse(file, headers={**version.headers, **headers}, stat_result=status)
