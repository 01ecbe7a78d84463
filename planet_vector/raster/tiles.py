"""Tiles of a web map as a GDAL dataset: a scene or a basemap at any zoom, for a quick look.

GDAL's WMS driver fetches them, and has a place for credentials in its description of the tiles only. The key stands
there as the user name of HTTP Basic (the specification: "the key as user name and a blank password"), in a file in
this process's memory, whose name is what the dataset is called.
"""

from __future__ import annotations

from typing import Any

from rasterio.errors import RasterioIOError
from rasterio.io import MemoryFile

from planet_vector.catalog import Catalog
from planet_vector.raster.gdal_options import Options
from planet_vector.raster.gdal_xml import tiles_description, tiles_level
from planet_vector.raster.product import ProductError, opened
from planet_vector.raster.remote import Remote
from planet_vector.scene import Scene


class Tiles(Remote):
    """Tiles as a raster: the whole globe in web mercator, coarser zooms as overviews."""

    _title = "of a service"  # until opened: rasterio logs the dataset while it is made
    _kept: Any = None

    def read(self, *args: Any, **kwargs: Any) -> Any:
        """Read pixels as `rasterio.io.DatasetReader.read` does; give it a window."""
        try:
            return super().read(*args, **kwargs)
        except RasterioIOError:
            raise ProductError(f"{self._title} cannot be read: the service did not give them all.") from None

    def __repr__(self) -> str:
        return f"<{'closed' if self.closed else 'open'} {type(self).__name__} {self._title}>"


def open_scene_tiles(catalog: Catalog, scene: Scene) -> Tiles:
    """Open the tiles of a scene.

    Parameters
    ----------
    catalog : Catalog
        The service.
    scene : Scene
        The scene.

    Returns
    -------
    Tiles
        RGBA, the globe in EPSG:3857; what lies outside the scene is transparent. Down to the zoom at which a pixel
        is no larger than the scene's ground sample distance, or 18 where it does not say.
    """
    pattern, level = catalog.tiles(scene), tiles_level(scene)
    dataset: Tiles = open_tiles(catalog, pattern, level, f"the tiles of {scene.id}")
    return dataset


def open_tiles(catalog: Catalog, pattern: str, level: int, title: str, cls: Any = Tiles) -> Any:
    """Open the tiles a pattern stands for.

    Parameters
    ----------
    catalog : Catalog
        The service that gave the pattern.
    pattern : str
        An address with ``{z}``, ``{x}`` and ``{y}``, rows counted from the north; ``{0-3}`` stands for several hosts.
    level : int
        The deepest zoom.
    title : str
        What errors call it.
    cls : type
        `Tiles`, or what derives from it.
    """
    memory = MemoryFile(tiles_description(catalog, pattern, level), filename="tiles.xml")
    try:
        dataset = opened(memory.name, Options(), driver="WMS", cls=cls)
    except RasterioIOError:
        memory.close()
        raise ProductError(f"GDAL cannot open {title}: was it built with the WMS driver?") from None
    dataset._title, dataset._kept = title, memory
    return dataset
