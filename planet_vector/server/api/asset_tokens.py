"""Locations of assets that need no key: an address with a token that states the asset and when it expires.

The token is a JSON Web Token (RFC 7519) signed with HMAC-SHA256, because clients read its ``exp``.
"""

from __future__ import annotations

import base64
import hmac
import json
import time
from typing import NamedTuple, Optional, Tuple

from planet_vector.server.api.delivery import Signer

_HEAD = {"alg": "HS256", "typ": "JWT"}
_MOST = 4000  # characters

AssetPlace = Tuple[str, str, str]
"""Scene type, id, and key of an asset."""


class AssetToken(NamedTuple):
    """Token of an asset, and the time at which it expires, in whole seconds since 1970."""

    text: str
    expires: int


def asset_token(signer: Signer, place: AssetPlace) -> AssetToken:
    """Return a token that is valid for the life of the signer's addresses.

    Parameters
    ----------
    signer : Signer
        The signer.
    place : (str, str, str)
        Scene type, id, and key of the asset.
    """
    expires = int(time.time() + signer.life)
    said = f"{_part(json.dumps(_HEAD).encode())}.{_part(json.dumps({'exp': expires, 'asset': place}).encode())}"
    return AssetToken(f"{said}.{_part(signer.digest(said.encode()))}", expires)


def asset_of_token(signer: Signer, text: str) -> Optional[AssetPlace]:
    """Return the asset of a token; None if the token is invalid or has expired.

    Parameters
    ----------
    signer : Signer
        The signer, or one with the same secret.
    text : str
        The token, as a client sent it.
    """
    said, _, signature = text.rpartition(".")
    if len(text) > _MOST or not text.isascii():
        return None
    if not hmac.compare_digest(_part(signer.digest(said.encode())).encode(), signature.encode()):
        return None
    payload = said.partition(".")[2]
    found = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))  # as `asset_token` wrote it
    scene_type, scene_id, key = found["asset"]
    return (scene_type, scene_id, key) if found["exp"] > time.time() else None


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
