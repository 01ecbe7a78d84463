"""What answers a query: the seam where services plug in."""

from __future__ import annotations

import threading
from typing import Dict

from planet_vector.catalog.scenes_v0 import ScenesV0
from planet_vector.config import Settings
from planet_vector.forking import renew_after_fork

__all__ = ["ScenesV0", "connect"]

_catalogs: Dict[Settings, ScenesV0] = {}
_lock = threading.Lock()


def connect(settings: Settings) -> ScenesV0:
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
