"""Tiles of a web map as a GDAL dataset: a scene or a mosaic at any zoom, for a quick look.

GDAL's WMS driver fetches them, and has a place for credentials in its description of the tiles only. The key stands
there as the user name of HTTP Basic (the specification: "the key as user name and a blank password"), in a file in
this process's memory, whose name is what the dataset is called.
"""

from __future__ import annotations

import math
import re
from typing import Any, Dict, Mapping
from xml.etree.ElementTree import Element, SubElement, tostring

from rasterio.errors import RasterioIOError
from rasterio.io import DatasetReader, MemoryFile

from planet_vector.catalog import ScenesV0
from planet_vector.config import DEFAULT_API_URL, is_api_origin
from planet_vector.errors import ProtocolError
from planet_vector.raster.options import Options
from planet_vector.raster.product import ProductError, opened
from planet_vector.scene import Scene

HALF_WORLD = math.pi * 6378137.0
"""Metres: half the side of the square that EPSG:3857 draws the globe in."""

TILE = 256
_TILES_URL = "https://tiles.planet.com/v0/"
_DEEPEST = 22  # zoom; 4 cm a pixel


class Tiles(DatasetReader):  # type: ignore[misc]
    """Read tiles as a raster: the whole globe in web mercator, coarser zooms as overviews."""

    _title = "of a service"  # until opened: rasterio logs the dataset while it is made
    _kept: Any = None

    def read(self, *args: Any, **kwargs: Any) -> Any:
        """Read pixels as `rasterio.io.DatasetReader.read` does; give it a window."""
        try:
            return super().read(*args, **kwargs)
        except RasterioIOError:
            raise ProductError(f"{self._title} cannot be read: the service did not give them all.") from None

    def __repr__(self) -> str:
        return f"<{'closed' if self.closed else 'open'} Tiles {self._title}>"


def open_scene_tiles(catalog: ScenesV0, scene: Scene) -> Tiles:
    """Open the tiles of a scene.

    Parameters
    ----------
    catalog : ScenesV0
        The service.
    scene : Scene
        The scene.

    Returns
    -------
    Tiles
        RGBA, the globe in EPSG:3857; what lies outside the scene is transparent. Down to the zoom at which a pixel
        is no larger than the scene's ground sample distance, or 18 where it does not say.
    """
    root = catalog.settings.api_url
    base = _TILES_URL if is_api_origin(root, DEFAULT_API_URL) else root
    pattern = f"{base}scenes/{scene.scene_type}/{scene.id}/{{z}}/{{x}}/{{y}}.png"
    statistics = scene.properties.get("image_statistics")
    gsd = statistics.get("gsd") if isinstance(statistics, Mapping) else None
    level = 18
    if isinstance(gsd, (int, float)) and gsd > 0:
        level = min(_DEEPEST, max(0, math.ceil(math.log2(2 * HALF_WORLD / TILE / gsd))))
    return open_tiles(catalog, pattern, level, f"the tiles of {scene.id}")


def open_tiles(catalog: ScenesV0, pattern: str, level: int, title: str) -> Tiles:
    """Open the tiles a pattern stands for.

    Parameters
    ----------
    catalog : ScenesV0
        The service that gave the pattern.
    pattern : str
        An address with ``{z}``, ``{x}`` and ``{y}``, rows counted from the north; ``{0-3}`` stands for several hosts.
    level : int
        The deepest zoom.
    title : str
        What errors call it.
    """
    url = catalog.transport.check_link(re.sub(r"\{(\d)-\d\}", r"\1", pattern))
    if not all(part in url for part in ("{z}", "{x}", "{y}")) or "$" in url or not 0 <= level <= _DEEPEST:
        raise ProtocolError("The service gave a pattern of tiles that names no zoom, column and row.")
    memory = MemoryFile(tostring(_description(catalog, url, level)), filename="tiles.xml")
    try:
        dataset: Tiles = opened(memory.name, Options(), driver="WMS", cls=Tiles)
    except RasterioIOError:
        memory.close()
        raise ProductError(f"GDAL cannot open {title}: was it built with the WMS driver?") from None
    dataset._title, dataset._kept = title, memory
    return dataset


def _description(catalog: ScenesV0, url: str, level: int) -> Element:
    """Describe tiles to GDAL's WMS driver (its minidriver TMS)."""
    root = Element("GDAL_WMS")
    service = SubElement(root, "Service", name="TMS")
    SubElement(service, "ServerUrl").text = re.sub(r"\{([zxy])\}", r"${\1}", url)
    window = SubElement(root, "DataWindow")
    places: Dict[str, Any] = {
        "UpperLeftX": -HALF_WORLD, "UpperLeftY": HALF_WORLD, "LowerRightX": HALF_WORLD, "LowerRightY": -HALF_WORLD,
        "TileLevel": level, "TileCountX": 1, "TileCountY": 1, "YOrigin": "top",
    }  # fmt: skip
    for name, value in places.items():
        SubElement(window, name).text = str(value)
    settings = catalog.settings
    others: Dict[str, Any] = {
        "Projection": "EPSG:3857",
        "BlockSizeX": TILE,
        "BlockSizeY": TILE,
        "BandsCount": 4,
        "MaxConnections": settings.connections,
        "Timeout": 60,
        # A tile outside the scene is not there; that is no error. Every other status is one.
        "ZeroBlockHttpCodes": "204,404",
        "ZeroBlockOnServerException": "false",
    }
    if settings.key is not None and is_api_origin(url, settings.api_url):
        others["UserPwd"] = f"{settings.key.reveal()}:"
    for name, value in others.items():
        SubElement(root, name).text = str(value)
    return root
