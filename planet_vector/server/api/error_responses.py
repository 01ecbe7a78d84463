"""The answers to requests that are not met: JSON with a message, kept by nobody."""

from __future__ import annotations

from typing import Mapping, Optional, Set

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount

from planet_vector.server.api.conditional import NOT_STORED
from planet_vector.server.http_errors import Refusal
from planet_vector.server.patience import ClientGone


def add_refusals(app: FastAPI) -> None:
    """Have the API answer what is raised in it."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(ClientGone, _gone)
    app.add_exception_handler(Exception, _failed)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return refusal_answer(error.status, error.message, error.headers)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return refusal_answer(404, "There is nothing at this address.", error.headers)
    if error.status_code == 405:
        methods = ", ".join(sorted(_methods(request)))
        message = f"{request.method[:20]} is not for this address: it takes {methods}."
        return refusal_answer(405, message, {"Allow": methods})
    return refusal_answer(error.status_code, f"{error.detail}.", error.headers)


async def _gone(request: Request, error: Exception) -> Response:
    return Response(status_code=499)  # for the log alone, where proxies write the same number


async def _failed(request: Request, error: Exception) -> Response:
    """Answer for a fault of the service itself, whose traceback goes to standard error."""
    return refusal_answer(500, "The service failed at this request: its log tells why.")


def refusal_answer(status: int, message: str, headers: Optional[Mapping[str, str]] = None) -> JSONResponse:
    """Return the answer to a request that is not met."""
    return JSONResponse({"message": message, "errors": []}, status, headers={**NOT_STORED, **(headers or {})})


def _methods(request: Request) -> Set[str]:
    """Return all methods of an address; each may be a route of its own (RFC 9110, section 15.5.6)."""
    # As it came: a mount that was entered has taken its own part off the path.
    scope = {**request.scope, "root_path": request.scope.get("app_root_path", "")}
    found: Set[str] = set()
    for route in request.app.routes:
        if route.matches(scope)[0] is not Match.NONE:
            found |= {"GET", "HEAD"} if isinstance(route, Mount) else set(route.methods)
    return found
