"""Ids in URL paths that may contain slashes: ``%2F`` is part of an id, ``/`` separates segments."""

from __future__ import annotations

from urllib.parse import unquote

from starlette.convertors import Convertor, register_url_convertor
from starlette.types import ASGIApp, Receive, Scope, Send

SCENE_ID = "{scene_id:item}"
"""Path parameter of a route for the id of a scene."""

COLLECTION, ASSET = "{collection:item}", "{asset:item}"
"""Path parameters for the id of a collection, and the key of an asset."""

_SLASH = "\ue000"  # private-use character: ids are printable and cannot contain it


class ItemPathsApp:
    """Middleware that distinguishes escaped slashes from those between segments.

    ASGI servers pass decoded paths, in which the two are the same.

    Parameters
    ----------
    app : ASGIApp
        Wrapped application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request whose path has escaped slashes replaced by a placeholder."""
        raw: bytes = scope.get("raw_path", b"") if scope["type"] == "http" else b""
        if b"%2f" in raw.lower():
            parts = raw.partition(b"?")[0].decode("latin-1").split("/")
            scope = {**scope, "path": "/".join(unquote(part).replace("/", _SLASH) for part in parts)}
        await self._app(scope, receive, send)


class _ItemConvertor(Convertor[str]):
    regex = "[^/]+"

    def convert(self, value: str) -> str:
        return value.replace(_SLASH, "/")

    def to_string(self, value: str) -> str:
        return value.replace("/", _SLASH)


register_url_convertor("item", _ItemConvertor())
