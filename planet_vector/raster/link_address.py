"""Track the address that a service's link leads to, which may be signed and expire while the file is open."""

from __future__ import annotations

import time

from planet_vector.errors import ServiceError
from planet_vector.raster.access import expiry
from planet_vector.roots import is_api_origin

MARGIN = 60.0  # seconds before its expiry at which an address is renewed, at most a tenth of its lifetime


class LinkAddress:
    """Address of a file, with its expiry.

    Parameters
    ----------
    url : str
        The address.
    api_url : str
        Root of the service, whose own addresses are signed only if they expire.

    Attributes
    ----------
    url : str
        The address.
    """

    def __init__(self, url: str, api_url: str) -> None:
        self.url = url
        ends = expiry(url)
        self._signed = ends is not None or not is_api_origin(url, api_url)
        left = 0.0 if ends is None else ends - time.time()
        # An address that seems expired from the start hints at a wrong clock here: then only the store can decide.
        self._renewed_at = time.monotonic() + left - min(MARGIN, left / 10) if left > 0 else None

    @property
    def is_ending(self) -> bool:
        """Whether the address has to be renewed before use."""
        return self._renewed_at is not None and time.monotonic() > self._renewed_at

    def is_refused(self, error: ServiceError) -> bool:
        """Return whether an error may mean that the address has expired: 403, or 400, 401, 404 or 410 at some stores.

        Parameters
        ----------
        error : ServiceError
            The error that the store returned.
        """
        return self._signed and error.status is not None and 400 <= error.status < 500 and error.status != 429
