"""Error responses: JSON with a message, never cached."""

from __future__ import annotations

from typing import Mapping, Optional, Set

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount

from planet_vector.server.api.conditional import NOT_STORED
from planet_vector.server.http_errors import HttpError
from planet_vector.server.patience import ClientGone


def add_refusals(app: FastAPI) -> None:
    """Add handlers that turn exceptions of the API into error responses.

    Parameters
    ----------
    app : FastAPI
        The application.
    """
    app.add_exception_handler(HttpError, _refused)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(ClientGone, _gone)
    app.add_exception_handler(Exception, _failed)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HttpError)
    return refusal_answer(error.status, error.message, error.headers)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return refusal_answer(404, "There is nothing at this address.", error.headers)
    if error.status_code == 405:
        methods = ", ".join(sorted(_methods(request)))
        message = f"{request.method[:20]} is not allowed for this address: use {methods}."
        return refusal_answer(405, message, {"Allow": methods})
    return refusal_answer(error.status_code, f"{error.detail}.", error.headers)


async def _gone(request: Request, error: Exception) -> Response:
    return Response(status_code=499)  # for the log only; nginx uses the same status


async def _failed(request: Request, error: Exception) -> Response:
    """Return the response to an unexpected exception; its traceback goes to standard error."""
    return refusal_answer(500, "The service failed to answer this request: see its log for the reason.")


def refusal_answer(status: int, message: str, headers: Optional[Mapping[str, str]] = None) -> JSONResponse:
    """Return an error response with the JSON keys ``message`` and ``errors``.

    Parameters
    ----------
    status : int
        HTTP status.
    message : str
        One sentence for the client.
    headers : mapping of str to str, optional
        Further headers.
    """
    return JSONResponse({"message": message, "errors": []}, status, headers={**NOT_STORED, **(headers or {})})


def _methods(request: Request) -> Set[str]:
    """Return all methods of an address, which may belong to several routes (RFC 9110, section 15.5.6)."""
    # Match the original path: an entered mount has changed `root_path`.
    scope = {**request.scope, "root_path": request.scope.get("app_root_path", "")}
    found: Set[str] = set()
    for route in request.app.routes:
        if route.matches(scope)[0] is not Match.NONE:
            found |= {"GET", "HEAD"} if isinstance(route, Mount) else set(route.methods)
    return found
