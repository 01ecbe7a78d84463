"""HTTP client of a STAC API: requests for files of assets are sent to the addresses of the connection's policies."""

from __future__ import annotations

from typing import Callable, Optional, TypeVar

from planet_vector.catalog.stac.access import AssetPolicies
from planet_vector.catalog.stac.s3_addresses import place_of
from planet_vector.config import Settings
from planet_vector.errors import ServiceError
from planet_vector.http.transport import Transport

T = TypeVar("T")

_REFUSED = frozenset({401, 403})


class StacTransport(Transport):
    """Client for requests to one service, and for files of its assets, wherever they lie.

    The link of an asset is its address without a signature, or an ``s3://`` address. It is signed for each request of
    its file, so that a file stays readable after an address has expired.

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

    def gdal_name(self, link: str) -> Optional[str]:
        """Return the name by which any GDAL opens a link, as `planet_vector.http.transport.Transport.gdal_name` does.

        Parameters
        ----------
        link : str
            The link.
        """
        policy = self.policies.of(link)
        return policy.gdal_name(link) if policy else None

    def _located(self, link: str, ask: Callable[[str], T]) -> T:
        """Send a request to the address of a file, and once more if the address may have expired."""
        policy = self.policies.of(link)
        if policy is None:
            return ask(link)
        address = policy.locate(link, self)
        try:
            return ask(address)
        except ServiceError as error:
            if error.status not in _REFUSED or not policy.retries(address):
                raise policy.explained(link, error) from None
        try:
            return ask(policy.locate(link, self))
        except ServiceError as error:
            raise policy.explained(link, error) from None
