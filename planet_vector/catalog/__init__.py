"""What answers a query: the seam where services plug in."""

from __future__ import annotations

import threading
from typing import Callable, Dict, Mapping, Optional, Tuple

from planet_vector.catalog.probing import probe, remembered_kind
from planet_vector.catalog.protocol import Catalog
from planet_vector.catalog.scenes_v0.client import ScenesV0
from planet_vector.config import Settings
from planet_vector.errors import ConfigError
from planet_vector.forking import renew_after_fork

__all__ = ["Catalog", "catalog_of", "connect"]

_MAKERS: Mapping[str, Callable[[Settings], Catalog]] = {"v0": ScenesV0}

_catalogs: Dict[Tuple[str, Settings], Catalog] = {}  # by kind, too: settings of two kinds are equal
_lock = threading.Lock()


def connect(connection: Optional[str] = None, key: Optional[str] = None) -> Catalog:
    """Return the catalog of a service.

    Parameters
    ----------
    connection : str, optional
        A connection's name, or the root of its service; by default that of ``PL_API_URL``, else the default connection.
    key : str, optional
        The API key; by default ``PL_API_KEY`` or the key file, for the root they belong to.

    Raises
    ------
    ConfigError
        When root, key or settings cannot be used.
    """
    return catalog_of(Settings.load(connection, key))


def catalog_of(settings: Settings) -> Catalog:
    """Return the catalog for some settings: one a process, so that connections and the rate limit are shared.

    Parameters
    ----------
    settings : Settings
        Where the service is, whose key opens it, how much may be asked of it.

    Raises
    ------
    ConfigError
        When the service is of a kind that only a later version knows, or of no kind that is known.
    ServiceError
        When only its root is known, and it does not answer.
    """
    kind = settings.kind or _kind_of(settings)
    if kind not in _MAKERS:
        raise ConfigError(
            f"{settings.connection!r} is a service of kind {kind!r}, which this version cannot ask: "
            "update planet_vector."
        )
    with _lock:
        if (kind, settings) not in _catalogs:
            _catalogs[kind, settings] = _MAKERS[kind](settings)
        return _catalogs[kind, settings]


def _kind_of(settings: Settings) -> str:
    """Return the kind of a service that only a root is known of, asking it once."""
    root = settings.api_url
    return remembered_kind(root, _MAKERS) or probe(
        root, ((kind, maker(settings).is_there) for kind, maker in _MAKERS.items())
    )


@renew_after_fork
def _renew() -> None:
    global _lock
    _lock = threading.Lock()
