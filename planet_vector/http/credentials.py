"""The key of a service, added to requests to the API's own origins, and to hosts that its connection names, only."""

from __future__ import annotations

from typing import Dict

import requests
from requests.auth import AuthBase

from planet_vector.asset_access import is_bearer_host
from planet_vector.config import Settings
from planet_vector.connection_lookup import may_have_key
from planet_vector.connections import SCHEMES
from planet_vector.roots import is_api_origin


class OriginAuth(AuthBase):
    """Authentication that sends the key to the API's own origins, and to hosts that its connection names, only.

    As an ``AuthBase``, it also prevents requests from using a netrc entry instead.

    Parameters
    ----------
    settings : Settings
        The root of the API, and the key.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        for header in authorization(request.url or "", self._settings).items():
            request.headers.__setitem__(*header)
        return request


def is_own(url: str, settings: Settings) -> bool:
    """Return whether an address is on an origin of the API, or on a host that the connection names for its key.

    Parameters
    ----------
    url : str
        The address.
    settings : Settings
        The root of the API, and the hosts.
    """
    return is_api_origin(url, settings.api_url) or is_bearer_host(url, settings.access)


def authorization(url: str, settings: Settings) -> Dict[str, str]:
    """Return the header with the key for an address; empty without a key, or if the address is not the service's.

    Parameters
    ----------
    url : str
        The address.
    settings : Settings
        The root of the API, and the key.
    """
    key = settings.sent_key
    if key is None or not (may_have_key(url, settings.api_url) or is_bearer_host(url, settings.access)):
        return {}
    scheme = key.scheme or SCHEMES.get(settings.kind, "api-key")
    return {"Authorization": f"{scheme} {key.reveal()}"}
