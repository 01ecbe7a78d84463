"""Ids in the paths of addresses, slashes among them: ``%2F`` is of an id, ``/`` stands between two."""

from __future__ import annotations

from urllib.parse import unquote

from starlette.convertors import Convertor, register_url_convertor
from starlette.types import ASGIApp, Receive, Scope, Send

SCENE_ID = "{scene_id:item}"
"""A scene's id in the path of a route."""

_SLASH = "\ue000"  # of Unicode's private use: no id has it, as none is printable with it


class ItemPathsApp:
    """Application whose paths keep slashes that are escaped apart from those between segments.

    Servers hand on paths that are decoded, where the two are one.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
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
