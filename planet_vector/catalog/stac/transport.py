"""HTTP client of a STAC API: requests for files of assets are sent to the addresses of the connection's policies."""

from __future__ import annotations

from typing import Callable, Mapping, Optional, Sequence, Tuple, TypeVar

import requests

from planet_vector.catalog.stac.access import AssetPolicies
from planet_vector.catalog.stac.s3_addresses import place_of
from planet_vector.config import Settings
from planet_vector.errors import ServiceError
from planet_vector.http.transport import DEADLINE, MAX_JSON, Transport

T = TypeVar("T")

_REFUSED = frozenset({401, 403})


class AssetTransport(Transport):
    """Client for requests to one service, and for files of its assets, wherever they lie.

    The link of an asset is its address without a signature, or an ``s3://`` address. `stream`, `follow` and
    `get_bytes` sign it each time, so that a file stays readable after an address has expired.

    Parameters
    ----------
    settings : Settings
        Root, key and limits of the service, and the settings of access.

    Attributes
    ----------
    policies : AssetPolicies
        Policies of access.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.policies = AssetPolicies(settings.access, self, settings.connection)

    def check_link(self, url: str, base: Optional[str] = None) -> str:
        """Return a link as `planet_vector.http.transport.Transport.check_link` does; it may name an object of a store.

        Parameters
        ----------
        url : str
            The link.
        base : str, optional
            The URL of the response; the root by default.

        Raises
        ------
        ProtocolError
            If it is not allowed.
        """
        return url if place_of(url) else super().check_link(url, base)

    def get_bytes(
        self, url: str, parameters: Sequence[Tuple[str, str]] = (), limit: int = MAX_JSON
    ) -> Tuple[bytes, str]:
        """Request a small file as `planet_vector.http.transport.Transport.get_bytes` does.

        Parameters
        ----------
        url : str
            The URL.
        parameters : sequence of (str, str), optional
            Names and values of the query.
        limit : int, optional
            Maximum size of the file in bytes.

        Returns
        -------
        tuple of bytes and str
            The content and the content type.

        Raises
        ------
        ServiceError
            If the request fails, or the file is larger than `limit`.
        """
        ask = super().get_bytes
        return self._asked(url, lambda address: ask(address, parameters, limit))

    def stream(
        self,
        url: str,
        headers: Mapping[str, str],
        handle: Callable[[requests.Response], T],
        seconds: float = DEADLINE,
        limited: bool = True,
    ) -> T:
        """Request a file as `planet_vector.http.transport.Transport.stream` does.

        Parameters
        ----------
        url : str
            The URL.
        headers : mapping of str to str
            Of the request.
        handle : callable
            Reads the response, and returns the result.
        seconds : float, optional
            Deadline of all tries: none starts later.
        limited : bool, optional
            Whether the request counts towards the rate limit.

        Returns
        -------
        object
            The result of `handle`.

        Raises
        ------
        ConfigError
            If the user has no keys for it.
        ServiceError
            If a request fails.
        """
        ask = super().stream
        return self._asked(url, lambda address: ask(address, headers, handle, seconds, limited))

    def follow(
        self, url: str, within: bool = False, seconds: float = DEADLINE
    ) -> Tuple[str, requests.structures.CaseInsensitiveDict[str]]:
        """Follow redirects as `planet_vector.http.transport.Transport.follow` does.

        Parameters
        ----------
        url : str
            The link.
        within : bool, optional
            Whether to stop at the first address off the API's origins, without a request to it.
        seconds : float, optional
            Deadline of all tries: none starts later.

        Returns
        -------
        url : str
            The last address.
        headers : mapping
            Headers of the last response.

        Raises
        ------
        ConfigError
            If the user has no keys for it.
        ServiceError
            If a request fails.
        """
        ask = super().follow
        return self._asked(url, lambda address: ask(address, within, seconds))

    def gdal_name(self, link: str) -> Optional[str]:
        """Return the name by which any GDAL opens a link, as `planet_vector.http.transport.Transport.gdal_name` does.

        Parameters
        ----------
        link : str
            The link.
        """
        policy = self.policies.of(link)
        return policy.gdal_name(link) if policy else None

    def _asked(self, url: str, ask: Callable[[str], T]) -> T:
        """Send a request to the address of a file, and once more if the address may have expired."""
        policy = self.policies.of(url)
        if policy is None:
            return ask(url)
        address = policy.locate(url, self)
        try:
            return ask(address)
        except ServiceError as error:
            if error.status not in _REFUSED or not policy.retries(address):
                raise policy.explained(url, error) from None
        try:
            return ask(policy.locate(url, self))
        except ServiceError as error:
            raise policy.explained(url, error) from None
