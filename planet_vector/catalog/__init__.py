"""What answers a query: the seam where services plug in."""

from __future__ import annotations

import threading
from typing import Dict, Optional

from planet_vector.catalog.scenes_v0 import ScenesV0
from planet_vector.config import Settings
from planet_vector.forking import renew_after_fork

__all__ = ["ScenesV0", "catalog_of", "connect"]

_catalogs: Dict[Settings, ScenesV0] = {}
_lock = threading.Lock()


def connect(api_url: Optional[str] = None, key: Optional[str] = None) -> ScenesV0:
    """Return the catalog of a service.

    Parameters
    ----------
    api_url : str, optional
        Root of the API; by default ``PL_API_URL``, else planet.com's.
    key : str, optional
        The API key; by default ``PL_API_KEY`` or the key file, for the root they belong to.

    Raises
    ------
    ConfigError
        When root, key or settings cannot be used.
    """
    return catalog_of(Settings.load(api_url, key))


def catalog_of(settings: Settings) -> ScenesV0:
    """Return the catalog for some settings: one a process, so that connections and the rate limit are shared.

    Parameters
    ----------
    settings : Settings
        Where the service is, whose key opens it, how much may be asked of it.
    """
    with _lock:
        if settings not in _catalogs:
            _catalogs[settings] = ScenesV0(settings)
        return _catalogs[settings]


@renew_after_fork
def _renew() -> None:
    global _lock
    _lock = threading.Lock()
