"""Scenes for the routes of several APIs: look-up, permissions, delivery of files."""

from __future__ import annotations

import re
from typing import Mapping, Optional

from fastapi import Request
from fastapi.responses import Response

from planet_vector.server.api.conditional import NOT_STORED, Version
from planet_vector.server.api.delivery import product_response
from planet_vector.server.api.permissions import Permission
from planet_vector.server.api.service import Service, base_url
from planet_vector.server.archive.scene_features import SCENE_TYPES
from planet_vector.server.http_errors import HttpError
from planet_vector.server.index.database import IndexedScene


def file_answer(
    request: Request, place: Optional[str], name: str, missing: str, signed: Optional[str], media_type: str
) -> Response:
    """Return a file of the archive, or redirect to its signed address; call it in a thread.

    Parameters
    ----------
    request : Request
        Request whose key permits the file.
    place : str or None
        Path of the file within the archive; None if there is none.
    name : str
        File name for the client.
    missing : str
        Message if the archive has no such file.
    signed : str or None
        Path of the file on the second origin, to which the service redirects if it has one; None for a file that is
        not there.
    media_type : str
        Media type of the file.

    Raises
    ------
    HttpError
        404 if there is no such file, 400 or 416 for an invalid range.
    """
    service: Service = request.app.state.service
    body = service.products.find(place) if place else None
    if body is None:
        raise HttpError(404, missing)
    if service.signer is not None and signed is not None:
        host = re.sub(r":\d+$", "", base_url(request))
        location = f"{host}:{service.delivery_port}{service.signer.sign(signed)}"
        return Response(status_code=302, headers={"Location": location, **NOT_STORED})
    return product_response(request, body, name, Version.of_product(body, service.keys.required), media_type)


def permitted(found: IndexedScene, permission: Permission, scene_id: str) -> Mapping[str, str]:
    """Return the files of the products that a key permits, by product.

    Parameters
    ----------
    found : IndexedScene
        The scene.
    permission : Permission
        Permission of the key.
    scene_id : str
        Id of the scene, for the error message.

    Raises
    ------
    HttpError
        403, if the scene has products and the key permits none of them.
    """
    products = {name: place for name, place in found.products.items() if permission.allows(name)}
    if found.products and not products:
        raise HttpError(403, f"Your key does not permit any product of scene {scene_id}.")
    return products


def check_known(service: Service, scene_type: str) -> None:
    """Raise an exception if a scene type is unknown.

    Parameters
    ----------
    service : Service
        Service whose index is read.
    scene_type : str
        Scene type of a request.

    Raises
    ------
    HttpError
        404, if the type is neither a standard one nor in the index.
    """
    if scene_type not in SCENE_TYPES and scene_type not in service.index.totals():
        raise HttpError(404, f"There is no scene type {scene_type[:40]!r}.")


def find(service: Service, permission: Permission, scene_type: str, scene_id: str) -> IndexedScene:
    """Return a scene of the index.

    Parameters
    ----------
    service : Service
        Service whose index is read.
    permission : Permission
        Permission of the key.
    scene_type : str
        Scene type, such as ``ortho``.
    scene_id : str
        Id of the scene.

    Raises
    ------
    HttpError
        403 if the key does not permit the type, 404 if there is no such type or scene.
    """
    permission.check_type(scene_type)
    check_known(service, scene_type)
    found = service.index.find(scene_type, scene_id) if is_text(scene_id) else None
    if found is None:
        raise HttpError(404, f"There is no scene {scene_id[:80]!r} of the type {scene_type}.")
    return found


def is_text(text: str) -> bool:
    """Return whether the index may contain a text: it has no NUL, and can be encoded.

    Parameters
    ----------
    text : str
        Text of a request.
    """
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)
