"""Routes for operators: health of the service, and its counters."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from planet_vector.errors import ConfigError
from planet_vector.server.api.attending import CHEAP, HEALTH, attend
from planet_vector.server.api.conditional import NOT_STORED
from planet_vector.server.api.service import CHEAP_SECONDS, Service, enter
from planet_vector.server.http_errors import HttpError


def add_health(app: FastAPI) -> None:
    """Add the routes of health and metrics.

    Parameters
    ----------
    app : FastAPI
        Application of `planet_vector.server.api.app.create_app`.
    """
    app.add_api_route("/healthz", get_health, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/metrics", get_metrics, methods=["GET", "HEAD"], include_in_schema=False)


async def get_health(request: Request) -> Response:
    """Report that the service runs and can read its index, and the result of the last re-scan of the archive.

    Parameters
    ----------
    request : Request
        Request; a key is optional.

    Returns
    -------
    Response
        JSON with ``status`` and ``rescan``. Without a valid key, reasons of failed re-scans are replaced.

    Raises
    ------
    HttpError
        503, if the index cannot be read.
    """
    service: Service = request.app.state.service
    await attend(request, lambda patience: service.index.totals(), seconds=CHEAP_SECONDS, pool=HEALTH)
    state = service.rescans.read()
    try:
        enter(request)
    except (HttpError, ConfigError):  # ConfigError if the file of keys cannot be read
        # Reasons contain file names. Without a key, return only the time and whether the re-scan succeeded.
        if state is not None:
            reason = state["failed"] and "The re-scan of the archive failed: give a key to see the reason."
            state = {"ended": state["ended"], "seconds": state["seconds"], "failed": reason}
    return JSONResponse({"status": "ok", "rescan": state}, headers=NOT_STORED)


async def get_metrics(request: Request) -> Response:
    """Return the counters of the service in the text format of Prometheus.

    Parameters
    ----------
    request : Request
        Request with a key.

    Raises
    ------
    HttpError
        401, without a valid key.
    """
    service, permission = enter(request)
    totals = await attend(request, lambda patience: service.index.totals(), seconds=CHEAP_SECONDS, pool=CHEAP)
    # Scene counts are limited to the types that the key permits. Request counters are by route and status only, and
    # reveal nothing about scenes.
    seen = permission.scene_types
    totals = {name: count for name, count in totals.items() if seen is None or name in seen}
    kind = "text/plain; version=0.0.4; charset=utf-8"
    return Response(service.metrics.text(totals), media_type=kind, headers=NOT_STORED)
