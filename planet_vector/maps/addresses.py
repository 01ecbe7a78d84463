"""Where a page finds pictures: at the service itself, or at the local process that has the key."""

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
"""A pattern with {z}, {x}, {y} and perhaps {s}, as Leaflet takes it, and what {s} stands for, a character each."""

_SHARDS = re.compile(r"\{(\d)-(\d)\}")


class Addresses(Protocol):
    """Tell a page where pictures are.

    Attributes
    ----------
    sources : list of str
        Where its pictures may come from, in the words of a Content-Security-Policy.
    """

    sources: List[str]

    def scene_tiles(self, scene: Scene) -> Tiles:
        """Return where the tiles of a scene are."""

    def basemap_tiles(self, basemap: Basemap) -> Tiles:
        """Return where the tiles of a basemap are."""

    def thumbnail(self, scene: Scene) -> Optional[str]:
        """Return where the thumbnail of a scene is; None where a browser cannot get it."""


class Direct:
    """Lead to the service, whose addresses hold no key: it gives the pictures only if it asks for none."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.sources: List[str] = []

    def scene_tiles(self, scene: Scene) -> Tiles:
        """Return where the tiles of a scene are."""
        return self._known(self._catalog.tiles(scene), ""), ""

    def basemap_tiles(self, basemap: Basemap) -> Tiles:
        """Return where the tiles of a basemap are, its several hosts as Leaflet has them."""
        pattern, shards = basemap_pattern(self._catalog, basemap)
        return self._known(pattern, shards), shards

    def thumbnail(self, scene: Scene) -> Optional[str]:
        """Return where the thumbnail of a scene is; None where the service asks for a key."""
        link = thumbnail_link(self._catalog, scene)
        return self._known(link, "") if link is not None and self._catalog.settings.key is None else None

    def _known(self, address: str, shards: str) -> str:
        for shard in shards or "0":
            scheme, host = urlsplit(address.replace("{s}", shard))[:2]
            if f"{scheme}://{host}" not in self.sources:
                self.sources.append(f"{scheme}://{host}")
        return address


class Proxied:
    """Lead to the local process, and remember which addresses of the service its own stand for."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.sources = ["'self'"]
        self.tiles: Dict[str, str] = {}  # what stands before /{z}/{x}/{y}.png, and the service's pattern
        self.thumbnails: Dict[str, str] = {}

    def scene_tiles(self, scene: Scene) -> Tiles:
        """Return where the tiles of a scene are."""
        place = f"scenes/{scene.scene_type}/{scene.id}"
        self.tiles[place] = self._catalog.tiles(scene)
        return f"{place}/{{z}}/{{x}}/{{y}}.png", ""

    def basemap_tiles(self, basemap: Basemap) -> Tiles:
        """Return where the tiles of a basemap are."""
        place = f"mosaics/{quote(basemap.name, safe='')}"
        pattern, shards = basemap_pattern(self._catalog, basemap)
        self.tiles[place] = pattern.replace("{s}", shards[:1])
        return f"{place}/{{z}}/{{x}}/{{y}}.png", ""

    def thumbnail(self, scene: Scene) -> Optional[str]:
        """Return where the thumbnail of a scene is."""
        link = thumbnail_link(self._catalog, scene)
        if link is None or not is_item_id(scene.id):
            return None
        place = f"scenes/{quote(scene.scene_type, safe='')}/{quote(scene.id, safe='')}/thumb"
        self.thumbnails[place] = link
        return place


def basemap_pattern(catalog: Catalog, basemap: Basemap) -> Tiles:
    """Return the pattern of a basemap's tiles as Leaflet takes it.

    The service's own names a range of hosts, ``tiles{0-3}.planet.com``, which the tutorials of its specification turn
    into ``{s}``. A range in the path names one host, where several addresses of a tile would do no good.

    Raises
    ------
    ProtocolError
        If it is no pattern, or leads to a host that is not the API's.
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
        raise ProtocolError(f"The service gave basemap {basemap.name!r} tiles whose addresses name no place.")
    if not is_api_origin(link, catalog.settings.api_url):
        raise ProtocolError(
            f"The tiles of basemap {basemap.name!r} are at {urlsplit(link).netloc}, no host of the API: "
            "a map does not ask there."
        )
    return (pattern if hosts else link), hosts


def thumbnail_link(catalog: Catalog, scene: Scene) -> Optional[str]:
    """Return the service's link to a thumbnail; None where there is none, or not on the API's own hosts."""
    try:
        link = catalog.transport.check_link(scene.link("thumbnail"))
    except (NotFoundError, ProtocolError):
        return None
    return link if is_api_origin(link, catalog.settings.api_url) else None
