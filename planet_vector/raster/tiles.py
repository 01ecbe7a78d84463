"""Open tiles of a web map as a GDAL dataset: a scene or a basemap at any zoom, for a quick look.

GDAL's WMS driver fetches them, and takes credentials from its description of the tiles only. The description contains
the key as the user name of HTTP Basic (the specification: "the key as user name and a blank password"). It is a file
in this process's memory, whose name is the name of the dataset.
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
    """Tiles as a raster: the whole globe in web mercator, with coarser zooms as overviews."""

    _title = "of a service"  # until opened: rasterio logs the dataset during its construction
    _kept: Any = None

    def read(self, *args: Any, **kwargs: Any) -> Any:
        """Read pixels as `rasterio.io.DatasetReader.read` does; a window is advisable.

        Returns
        -------
        numpy.ndarray
            Pixels (bands, rows, columns); (rows, columns) for a single band.

        Raises
        ------
        ProductError
            If the service does not provide all tiles.
        """
        try:
            return super().read(*args, **kwargs)
        except RasterioIOError:
            raise ProductError(f"{self._title} cannot be read: the service did not send all of them.") from None

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
        RGBA, the globe in EPSG:3857; transparent outside the scene. The deepest zoom is the one at which a pixel is no
        larger than the scene's ground sample distance, or 18 if that is unknown.
    """
    pattern, level = catalog.tiles(scene), tiles_level(scene)
    dataset: Tiles = open_tiles(catalog, pattern, level, f"the tiles of {scene.id}")
    return dataset


def open_tiles(catalog: Catalog, pattern: str, level: int, title: str, cls: Any = Tiles) -> Any:
    """Open the tiles behind a pattern of addresses.

    Parameters
    ----------
    catalog : Catalog
        The service that gave the pattern.
    pattern : str
        Address with ``{z}``, ``{x}`` and ``{y}``, rows counted from the north; ``{0-3}`` stands for several hosts.
    level : int
        The deepest zoom.
    title : str
        Name used in error messages.
    cls : type
        `Tiles` or a subclass.

    Returns
    -------
    Tiles
        An instance of `cls`.

    Raises
    ------
    ProductError
        If GDAL lacks the WMS driver.
    """
    memory = MemoryFile(tiles_description(catalog, pattern, level), filename="tiles.xml")
    try:
        dataset = opened(memory.name, Options(), driver="WMS", cls=cls)
    except RasterioIOError:
        memory.close()
        raise ProductError(f"GDAL cannot open {title}: was it built with the WMS driver?") from None
    dataset._title, dataset._kept = title, memory
    return dataset
