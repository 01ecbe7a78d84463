"""QGIS's own connections to STAC APIs (QGIS 3.40 or later), and which of them can become connections here.

QGIS stores each below ``connections/stac/items/NAME`` in its settings: ``url``, ``authcfg``, ``username``,
``password`` and ``http-header``. Of these only the address and the id of the authentication configuration are taken.
"""

from __future__ import annotations

from typing import List, NamedTuple, Sequence
from urllib.parse import urlsplit

from qgis.core import QgsSettings

from planet_scenes import core
from planet_scenes.connection import Connection
from planet_scenes.connections import connections
from planet_scenes.service_settings import free_name
from planet_scenes.stored_keys import check_method
from planet_scenes.texts import tr
from planet_vector.errors import PlanetVectorError
from planet_vector.roots import normalise_url

_ITEMS = "connections/stac/items"
_KIND = "stac"


class Found(NamedTuple):
    """Connection of QGIS.

    Attributes
    ----------
    name : str
        Its name in QGIS.
    url : str
        Its address.
    authcfg : str
        Id of its authentication configuration, if that can be used; else empty.
    remark : str
        What is not taken, or why nothing is; may be empty.
    usable : bool
        Whether it can be imported.
    """

    name: str
    url: str
    authcfg: str
    remark: str
    usable: bool


def stac_connections() -> List[Found]:
    """Return QGIS's own connections to STAC APIs, by name; none before QGIS 3.40."""
    settings = QgsSettings()
    settings.beginGroup(_ITEMS)
    names = settings.childGroups()
    settings.endGroup()
    return [_found(name, settings) for name in sorted(names, key=str.casefold)]


def import_connections(chosen: Sequence[Found]) -> List[str]:
    """Add connections of QGIS.

    Parameters
    ----------
    chosen : sequence of Found
        Usable ones, as `stac_connections` returns them.

    Returns
    -------
    list of str
        The names of the new connections.

    Raises
    ------
    ConfigError
        If one cannot be added; those before it are.
    """
    names = []
    for each in chosen:
        name = free_name(each.name)
        connections().add(Connection(name, each.url, each.authcfg, _KIND))
        names.append(name)
    return names


def _found(name: str, settings: QgsSettings) -> Found:
    def value(key: str) -> str:
        return str(settings.value(f"{_ITEMS}/{name}/{key}", "") or "").strip()

    url = value("url")
    try:
        root = normalise_url(url)
    except PlanetVectorError as error:
        # The error may repeat the address, which may have a key in it.
        address = url.partition("?")[0] if "@" not in url else ""
        return Found(name, address, "", core.errors_told(error), False)
    if urlsplit(root).path.rstrip("/").lower().endswith(".json"):
        return Found(name, url, "", tr("It is a catalog of files, which cannot be searched."), False)
    known = next((each.name for each in connections().all() if each.url == root), "")
    if known:
        return Found(name, root, "", tr("It is the connection {name} already.").format(name=known), False)
    authcfg, remarks = value("authcfg"), []
    try:
        check_method(authcfg)
    except PlanetVectorError as error:
        authcfg = ""
        remarks.append(core.errors_told(error))
    if value("username") or value("password"):
        remarks.append(tr("Its user name and password are not taken, as they are not encrypted: log in."))
    # QGIS stores the headers as a map, or one below the other.
    settings.beginGroup(f"{_ITEMS}/{name}/http-header")
    headers = bool(settings.allKeys())
    settings.endGroup()
    if headers or settings.value(f"{_ITEMS}/{name}/http-header"):
        remarks.append(tr("Its HTTP headers are not taken."))
    return Found(name, root, authcfg, " ".join(remarks), True)
