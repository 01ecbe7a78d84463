"""``POST /v0/auth/login``: exchange a password for a key, as clients of the Scenes API v0 did.

The real service returned a signed token (JWT) whose payload contains the key. Clients extracted the key, or sent the
whole token (``Authorization: Bearer``), which `planet_vector.server.api.permissions` reads. This service has no
accounts: the password is the key itself, so that clients that require a login work.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from planet_vector.server.api.bodies import MAX_SMALL_BODY, Body
from planet_vector.server.api.conditional import NOT_STORED
from planet_vector.server.api.service import Service
from planet_vector.server.http_errors import HttpError

_SECRET = secrets.token_bytes(32)


async def login(request: Request) -> Response:
    """Return a token that contains the key.

    Parameters
    ----------
    request : Request
        Request with ``email`` (any) and ``password`` (the key) in its body, as a form or JSON.

    Returns
    -------
    Response
        JSON object with ``token``.

    Raises
    ------
    HttpError
        400, 408, 413 or 415 if the body cannot be read, 401 if the password is not a valid key.
    """
    service: Service = request.app.state.service
    with Body() as body:
        await body.read(request, MAX_SMALL_BODY)
        given = dict(body.parameters(request))
    password = given.get("password", "")
    try:
        service.keys.permission(f"api-key {password}", None)
    except HttpError:
        raise HttpError(401, "Invalid email or password") from None
    token = _token({"email": given.get("email", ""), "api_key": password})
    return JSONResponse({"token": token}, headers=NOT_STORED)


def _token(payload: dict[str, str]) -> str:
    """Return a JSON Web Token (RFC 7519) signed with HMAC-SHA256."""
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(payload)}"
    signature = hmac.new(_SECRET, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _part(document: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()
