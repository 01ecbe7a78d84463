"""The address that a service's link leads to: it may be signed, and end while the file is open."""

from __future__ import annotations

import time

from planet_vector.config import is_api_origin
from planet_vector.errors import ServiceError
from planet_vector.raster.access import expiry

MARGIN = 60.0  # seconds before its end at which an address is renewed, a tenth of its life at the most


class LinkAddress:
    """Address of a file.

    Parameters
    ----------
    url : str
        The address.
    api_url : str
        Root of the service: its own addresses are not signed.

    Attributes
    ----------
    url : str
        The address.
    """

    def __init__(self, url: str, api_url: str) -> None:
        self.url = url
        ends = expiry(url)
        self._signed = not is_api_origin(url, api_url)
        left = 0.0 if ends is None else ends - time.time()
        # By the clock of this machine an address may have ended when it is given: then only the store can tell.
        self._renewed_at = time.monotonic() + left - min(MARGIN, left / 10) if left > 0 else None

    @property
    def is_ending(self) -> bool:
        """Whether it is to be renewed before it is used."""
        return self._renewed_at is not None and time.monotonic() > self._renewed_at

    def is_refused(self, error: ServiceError) -> bool:
        """Tell whether an error may mean that the address has ended: 403, and of some stores 400, 401, 404 or 410."""
        return self._signed and error.status is not None and 400 <= error.status < 500 and error.status != 429
