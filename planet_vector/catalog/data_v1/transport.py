"""HTTP client of the Data API v1: without keys in links, and with assets resolved to the addresses of their files."""

from __future__ import annotations

import re
import shlex
from typing import Callable, Dict, Mapping, Optional, Sequence, Tuple, TypeVar
from urllib.parse import unquote

from planet_vector.assets import AssetState
from planet_vector.config import Settings
from planet_vector.connection_lookup import may_have_key
from planet_vector.errors import AuthError, NotFoundError, ProtocolError, RasterAccessError
from planet_vector.http.responses import JsonResponse, ParseJson, ReadJson, connection_option, redacted
from planet_vector.http.transport import MAX_JSON, Transport

T = TypeVar("T")

KEY_PARAMETER = "api_key"

_KEY = re.compile(rf"([?&]){KEY_PARAMETER}=[^&#]*(&?)")
_ITEM = re.compile(r"/item-types/([^/]+)/items/([^/]+)")
_STATUS = re.compile(r"[a-z_ ]{1,20}")
_MD5 = re.compile(r"[0-9a-fA-F]{32}")
_MOST_DIGESTS = 10_000  # as many assets as are resolved before their downloads end


class DataV1Transport(Transport):
    """Client for requests to one service, which resolves links of assets.

    The link of an asset is that of its item's assets, with the asset's name as the fragment. The state of the asset is
    requested for each request of its file, so that a new address is used after the old one has expired. No asset is
    ever activated.

    Parameters
    ----------
    settings : Settings
        Root, key and limits of the service.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._digests: Dict[str, str] = {}

    def fetch(
        self,
        url: str,
        parameters: Sequence[Tuple[str, str]] = (),
        limit: int = MAX_JSON,
        body: Optional[object] = None,
        headers: Optional[Mapping[str, str]] = None,
    ) -> Tuple[bytes, ReadJson]:
        """Request JSON as `planet_vector.http.transport.Transport.fetch` does; parsed, its links contain no key.

        Parameters
        ----------
        url : str
            The URL.
        parameters : sequence of (str, str), optional
            Names and values of the query.
        limit : int, optional
            Maximum size of the body in bytes.
        body : object, optional
            The request body, sent as JSON by POST.
        headers : mapping of str to str, optional
            Further headers.

        Returns
        -------
        (bytes, callable)
            The body, and the function that parses it.
        """
        content, as_json = super().fetch(url, parameters, limit, body, headers)

        def read(parse: Optional[ParseJson] = None) -> JsonResponse:
            answer = as_json(parse)
            if KEY_PARAMETER.encode() not in content:
                return answer
            try:
                return JsonResponse(answer.url, without_key(answer.body))
            except RecursionError:
                told = "The service returned JSON that is nested too deeply."
                raise ProtocolError(told, f"{'GET' if body is None else 'POST'} {redacted(url)}") from None

        return content, read

    def _located(self, link: str, ask: Callable[[str], T]) -> T:
        return ask(self.locate(link))

    def digest(self, link: str) -> Optional[str]:
        """Return the MD5 digest of an asset's file, as the service reported it when the link was last resolved.

        Parameters
        ----------
        link : str
            The asset's link.
        """
        return self._digests.get(link)

    def locate(self, link: str) -> str:
        """Return the address of an asset's file, given the asset's link; any other URL is returned unchanged.

        Parameters
        ----------
        link : str
            The URL.

        Raises
        ------
        RasterAccessError
            If the asset is not active.
        AuthError
            If the key may not download it.
        NotFoundError
            If the item has no such asset.
        ServiceError
            If the request fails.
        """
        base, _, name = link.partition("#")
        if not name or not may_have_key(base, self.settings.api_url):
            return link
        name = unquote(name)
        item = "/".join(map(unquote, _ITEM.findall(base)[-1])) if _ITEM.search(base) else base
        found = self.states(base).get(name)
        if found is None:
            raise NotFoundError(f"{item} has no asset {name!r}.", f"GET {base}", 404)
        if not found.permitted:
            raise AuthError(f"Your key may not download {item}/{name}: ask for the permission.", f"GET {base}", 403)
        if not found.location:
            raise inactive(item, found, self.settings)
        if len(self._digests) >= _MOST_DIGESTS:
            self._digests.clear()
        if found.md5:
            self._digests[link] = found.md5
        return self.check_link(found.location)

    def states(self, url: str) -> Dict[str, AssetState]:
        """Request the states of the assets of an item, by name.

        Parameters
        ----------
        url : str
            The URL of the item's assets.

        Returns
        -------
        dict of str to AssetState
            The states.

        Raises
        ------
        ServiceError
            If the request fails, or the response is something else.
        """
        url = self.own_link(url)
        request = f"GET {redacted(url)}"
        answer = self.get_json(url)
        if not isinstance(answer.body, Mapping):
            raise ProtocolError("The service returned something that is not a list of assets.", request)
        return {name: state_of(name, body, request) for name, body in answer.body.items()}

    def own_link(self, url: str) -> str:
        """Return a link of a response as an absolute URL, after checking that it leads to the API itself.

        Parameters
        ----------
        url : str
            The link.

        Raises
        ------
        ProtocolError
            If it leads elsewhere.
        """
        absolute = self.check_link(url)
        if not may_have_key(absolute, self.settings.api_url):
            raise ProtocolError("The service linked to its next response on another host: it is not followed.")
        return absolute


def state_of(name: str, body: object, request: str) -> AssetState:
    """Return the state of an asset from the service's JSON object.

    Parameters
    ----------
    name : str
        The asset's name.
    body : object
        The object, or any other JSON value.
    request : str
        The request, as shown in errors.

    Raises
    ------
    ProtocolError
        If it is something else.
    """
    if not isinstance(body, Mapping) or not isinstance(body.get("status"), str):
        raise ProtocolError(f"The service returned asset {name!r} without a status.", request)
    links, permissions = body.get("_links"), body.get("_permissions")
    md5, location = body.get("md5_digest"), body.get("location")
    status = body["status"]

    def link(key: str) -> str:
        found = links.get(key) if isinstance(links, Mapping) else None
        return found if isinstance(found, str) else ""

    return AssetState(
        name,
        status,
        not isinstance(permissions, list) or "download" in permissions,
        link("_self"),
        link("activate"),
        location if isinstance(location, str) and status == "active" else "",
        md5 if isinstance(md5, str) and _MD5.fullmatch(md5) else "",
    )


def inactive(item: str, state: AssetState, settings: Settings) -> RasterAccessError:
    """Return the error for an asset that is not active.

    Parameters
    ----------
    item : str
        The item: its type and its id, with a slash.
    state : AssetState
        The asset's state.
    settings : Settings
        The service.
    """
    words = f"{shlex.quote(f'PLANET:{item}')} --asset {shlex.quote(state.name)}{connection_option(settings)}"
    command = f"'planet-vector activate {words}'"
    if state.status == "activating":
        return RasterAccessError(
            f"{item}/{state.name} is being activated, which takes some minutes: wait for it with {command}."
        )
    status = state.status if _STATUS.fullmatch(state.status) else "not active"
    return RasterAccessError(
        f"{item}/{state.name} is {status} at the service: activate it with {command}, which may count against "
        "the quota of your account."
    )


def without_key(value: object) -> object:
    """Return a JSON value with the key removed from all links in it, and without members for the key.

    Parameters
    ----------
    value : object
        The value.
    """
    if isinstance(value, str):
        return _KEY.sub(lambda match: match[1] if match[2] else "", value) if KEY_PARAMETER in value else value
    if isinstance(value, list):
        return [without_key(each) for each in value]
    if isinstance(value, dict):
        return {name: without_key(each) for name, each in value.items() if name != KEY_PARAMETER}
    return value
