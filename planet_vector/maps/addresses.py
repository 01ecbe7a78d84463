"""Addresses of the pictures of a page: at the service, or at the local process that has the key."""

from __future__ import annotations

import re
from typing import Dict, List, Optional, Protocol, Tuple
from urllib.parse import quote, urlsplit

from planet_vector.catalog import Catalog
from planet_vector.catalog.basemaps import Basemap
from planet_vector.errors import NotFoundError, ProtocolError
from planet_vector.item_ids import is_item_id
from planet_vector.roots import is_api_origin
from planet_vector.scene import Scene

Tiles = Tuple[str, str]
"""A URL pattern for Leaflet, with {z}, {x}, {y} and optionally {s}, and the values of {s}, a character each."""

_SHARDS = re.compile(r"\{(\d)-(\d)\}")


class Addresses(Protocol):
    """Protocol of the addresses of pictures in a page.

    Attributes
    ----------
    sources : list of str
        The allowed sources of pictures, for a Content-Security-Policy.
    """

    sources: List[str]

    def scene_tiles(self, scene: Scene) -> Tiles:
        """Return the pattern of a scene's tiles.

        Parameters
        ----------
        scene : Scene
            The scene.
        """

    def basemap_tiles(self, basemap: Basemap) -> Tiles:
        """Return the pattern of a basemap's tiles.

        Parameters
        ----------
        basemap : Basemap
            The basemap.
        """

    def thumbnail(self, scene: Scene) -> Optional[str]:
        """Return the address of a scene's thumbnail, or None if a browser cannot load it.

        Parameters
        ----------
        scene : Scene
            The scene.
        """


class Direct:
    """Addresses at the service itself, without a key: they work only if the service needs none.

    Methods without a docstring are those of the Protocol `Addresses`.

    Parameters
    ----------
    catalog : Catalog
        The service.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.sources: List[str] = []

    def scene_tiles(self, scene: Scene) -> Tiles:
        return self._known(self._catalog.tiles(scene), ""), ""

    def basemap_tiles(self, basemap: Basemap) -> Tiles:
        """Return the pattern of a basemap's tiles, with its hosts as Leaflet's {s}.

        Parameters
        ----------
        basemap : Basemap
            The basemap.
        """
        pattern, shards = basemap_pattern(self._catalog, basemap)
        return self._known(pattern, shards), shards

    def thumbnail(self, scene: Scene) -> Optional[str]:
        link = thumbnail_link(self._catalog, scene)
        return self._known(link, "") if link is not None and self._catalog.settings.key is None else None

    def _known(self, address: str, shards: str) -> str:
        for shard in shards or "0":
            scheme, host = urlsplit(address.replace("{s}", shard))[:2]
            if f"{scheme}://{host}" not in self.sources:
                self.sources.append(f"{scheme}://{host}")
        return address


class Proxied:
    """Addresses at the local process; keeps the service's address for each.

    Methods without a docstring are those of the Protocol `Addresses`.

    Parameters
    ----------
    catalog : Catalog
        The service.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.sources = ["'self'"]
        self.tiles: Dict[str, str] = {}  # by the path before /{z}/{x}/{y}.png, the service's pattern
        self.thumbnails: Dict[str, str] = {}
        self.scenes: Dict[str, Scene] = {}  # by the path, those with tiles

    def scene_tiles(self, scene: Scene) -> Tiles:
        place = f"scenes/{scene.scene_type}/{scene.id}"
        self.tiles[place] = self._catalog.tiles(scene)
        self.scenes[place] = scene
        return f"{place}/{{z}}/{{x}}/{{y}}.png", ""

    def basemap_tiles(self, basemap: Basemap) -> Tiles:
        place = f"mosaics/{quote(basemap.name, safe='')}"
        pattern, shards = basemap_pattern(self._catalog, basemap)
        self.tiles[place] = pattern.replace("{s}", shards[:1])
        return f"{place}/{{z}}/{{x}}/{{y}}.png", ""

    def thumbnail(self, scene: Scene) -> Optional[str]:
        link = thumbnail_link(self._catalog, scene)
        if link is None or not is_item_id(scene.id):
            return None
        place = f"scenes/{quote(scene.scene_type, safe='')}/{quote(scene.id, safe='')}/thumb"
        self.thumbnails[place] = link
        return place


def basemap_pattern(catalog: Catalog, basemap: Basemap) -> Tiles:
    """Return the pattern of a basemap's tiles for Leaflet.

    The service's pattern has a range of hosts, ``tiles{0-3}.planet.com``, which becomes ``{s}``, as in the tutorials of
    its specification. Of a range in the path only the first number is used: several addresses at one host gain nothing.

    Parameters
    ----------
    catalog : Catalog
        The service.
    basemap : Basemap
        The basemap.

    Raises
    ------
    ProtocolError
        If it is not a pattern, or its host is not one of the API.
    """
    pattern = basemap.tiles
    shards = _SHARDS.search(pattern)
    hosts = ""
    if shards is not None:
        whole, first, last = shards.group(), int(shards[1]), int(shards[2])
        if whole in urlsplit(pattern).netloc and first <= last:
            hosts = "".join(str(number) for number in range(first, last + 1))
            pattern = pattern.replace(whole, "{s}")
        else:
            pattern = pattern.replace(whole, str(first))
    link = catalog.transport.check_link(pattern.replace("{s}", hosts[:1]))
    rest = re.sub(r"\{[szxy]\}", "", pattern)
    if not all(part in pattern for part in ("{z}", "{x}", "{y}")) or re.search(r"[{}\s\"'<>;,]", rest):
        raise ProtocolError(f"The service returned an invalid address of tiles for basemap {basemap.name!r}.")
    if not is_api_origin(link, catalog.settings.api_url):
        raise ProtocolError(
            f"The tiles of basemap {basemap.name!r} are at {urlsplit(link).netloc}, which is not a host of the API: "
            "a map sends no requests there."
        )
    return (pattern if hosts else link), hosts


def thumbnail_link(catalog: Catalog, scene: Scene) -> Optional[str]:
    """Return the service's link to a thumbnail, or None if there is none at a host of the API.

    Parameters
    ----------
    catalog : Catalog
        The service.
    scene : Scene
        The scene.
    """
    try:
        link = catalog.transport.check_link(scene.link("thumbnail"))
    except (NotFoundError, ProtocolError):
        return None
    return link if is_api_origin(link, catalog.settings.api_url) else None
