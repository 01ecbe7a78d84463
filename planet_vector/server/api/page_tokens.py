"""Tokens of pages: places in an order of items, as texts for addresses."""

from __future__ import annotations

import base64
import json

from planet_vector.server.api.scenes import is_text as is_storable_text
from planet_vector.server.http_errors import HttpError
from planet_vector.server.index.item_orders import MAX_KEYS, ItemPlace
from planet_vector.server.strict_json import read_json

_MOST = 4000  # characters


def token_of(place: ItemPlace) -> str:
    """Return the token of a page.

    Parameters
    ----------
    place : ItemPlace
        Where the page starts or ends.
    """
    words = ["prev" if place.backwards else "next", place.acquired, place.scene_type, place.scene_id, *place.values]
    return base64.urlsafe_b64encode(json.dumps(words, separators=(",", ":")).encode()).decode().rstrip("=")


def place_of(token: object, name: str) -> ItemPlace:
    """Return the place of a token.

    Parameters
    ----------
    token : object
        The token, as a client sent it.
    name : str
        Name of the parameter, for messages.

    Raises
    ------
    HttpError
        400, if it is not a token.
    """
    if not isinstance(token, str) or len(token) > _MOST:
        raise wrong_token(name)
    try:
        text = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True).decode()
        words = read_json(text, name)
    except (ValueError, HttpError):
        raise wrong_token(name) from None
    if not isinstance(words, list) or not 4 <= len(words) <= 4 + MAX_KEYS or words[0] not in ("next", "prev"):
        raise wrong_token(name)
    _, acquired, scene_type, scene_id, *values = words
    if type(acquired) is not int or abs(acquired) >= 2**62 or not is_text(scene_type) or not is_text(scene_id):
        raise wrong_token(name)
    for value in values:
        is_number = type(value) in (int, float) and abs(value) < 1e300
        if value is not None and not is_number and not is_text(value):
            raise wrong_token(name)
    return ItemPlace(tuple(values), acquired, scene_id, scene_type, words[0] == "prev")


def wrong_token(name: str) -> HttpError:
    """Return the error for a token that is not one of the service, or of another search.

    Parameters
    ----------
    name : str
        Name of the parameter.
    """
    return HttpError(400, f"{name}: it is not one of this search: follow the links without changing them.")


def is_text(value: object) -> bool:
    """Return whether the index may contain a value: a text without NUL that can be encoded.

    Parameters
    ----------
    value : object
        Parsed JSON.
    """
    return isinstance(value, str) and is_storable_text(value)
