"""Catalogs: access to services, independent of their kind."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Callable, Dict, Iterable, List, Mapping, Optional, Tuple

from planet_vector.catalog.data_v1.client import DataV1
from planet_vector.catalog.probing import probe, remembered_kind
from planet_vector.catalog.protocol import Catalog
from planet_vector.catalog.scenes_v0.client import ScenesV0
from planet_vector.catalog.stac.client import StacApi
from planet_vector.config import Settings
from planet_vector.errors import ConfigError
from planet_vector.forking import renew_after_fork
from planet_vector.scene import Scene

__all__ = ["Catalog", "catalog_of", "catalog_of_scenes", "connect"]

_MAKERS: Mapping[str, Callable[[Settings], Catalog]] = {"v0": ScenesV0, "data-v1": DataV1, "stac": StacApi}

_catalogs: Dict[Tuple[str, Settings], Catalog] = {}  # by kind, too: settings of two kinds are equal
_kinds: Dict[str, str] = {}  # by root, of services of which only the root is known
_lock = threading.Lock()


def connect(connection: Optional[str] = None, key: Optional[str] = None) -> Catalog:
    """Return the catalog of a service.

    Parameters
    ----------
    connection : str, optional
        A connection's name, or the root of its service; by default that of ``PL_API_URL``, else the default connection.
    key : str, optional
        The API key; by default ``PL_API_KEY`` or the key file, for the root they belong to.

    Returns
    -------
    Catalog
        The catalog.

    Raises
    ------
    ConfigError
        If root, key or settings are invalid.
    ServiceError
        If only the root of the service is known, and it does not respond.
    """
    return catalog_of(Settings.load(connection, key))


def catalog_of_scenes(scenes: Iterable[Scene], connection: Optional[str] = None, key: Optional[str] = None) -> Catalog:
    """Return the catalog of scenes: that of a connection or key if one is given, else the one that found them.

    Parameters
    ----------
    scenes : iterable of Scene
        The scenes.
    connection, key : str, optional
        As in `connect`.

    Returns
    -------
    Catalog
        The catalog; that of `connect` for scenes that were read from elsewhere.

    Raises
    ------
    ConfigError
        If the scenes were found by several services, or root, key or settings are invalid.
    """
    if connection or key:
        return connect(connection, key)
    found: List[Catalog] = []
    for scene in scenes:
        if scene.catalog is not None and scene.catalog not in found:
            found.append(scene.catalog)
    if len(found) > 1:
        roots = " and ".join(catalog.settings.api_url for catalog in found[:2])
        raise ConfigError(f"The scenes are of several services, {roots}: use those of one at a time.")
    return found[0] if found else connect()


def catalog_of(settings: Settings) -> Catalog:
    """Return the catalog of a service, one per process and settings, so that connections and the rate limit are shared.

    Parameters
    ----------
    settings : Settings
        Root, key and limits of the service.

    Returns
    -------
    Catalog
        The catalog.

    Raises
    ------
    ConfigError
        If the service is of an unknown kind, perhaps that of a later version.
    ServiceError
        If only the root of the service is known, and it does not respond.
    """
    kind = settings.kind or _kind_of(settings)
    if kind not in _MAKERS:
        raise ConfigError(
            f"{settings.connection!r} is a service of kind {kind!r}, which this version does not support: "
            "update planet_vector."
        )
    with _lock:
        if (kind, settings) not in _catalogs:
            _catalogs[kind, settings] = _MAKERS[kind](replace(settings, kind=kind))
        return _catalogs[kind, settings]


def _kind_of(settings: Settings) -> str:
    """Return the kind of a service of which only the root is known, with requests if it is not remembered."""
    root = settings.api_url
    if root not in _kinds:
        _kinds[root] = remembered_kind(root, _MAKERS) or probe(
            root, ((kind, maker(settings).is_there) for kind, maker in _MAKERS.items())
        )
    return _kinds[root]


@renew_after_fork
def _renew() -> None:
    global _lock
    _lock = threading.Lock()
