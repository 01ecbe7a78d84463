"""The key of a service, in the requests to its own origins and no others."""

from __future__ import annotations

from typing import Dict

import requests
from requests.auth import AuthBase

from planet_vector.config import Settings, is_api_origin


class OriginAuth(AuthBase):
    """The key, sent to the API's own origins and to no others.

    Being an ``AuthBase`` also keeps requests from taking a netrc entry in its place.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        for header in authorization(request.url or "", self._settings).items():
            request.headers.__setitem__(*header)
        return request


def authorization(url: str, settings: Settings) -> Dict[str, str]:
    """Return the header that carries the key to an address: empty without a key, or off the API's origins."""
    if settings.key is None or not is_api_origin(url, settings.api_url):
        return {}
    return {"Authorization": f"api-key {settings.key.reveal()}"}
