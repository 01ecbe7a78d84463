"""Open basemaps as rasterio datasets: their tiles at any zoom, or their quads as one raster over an area."""

from __future__ import annotations

from typing import Any, List, Optional, Sequence, Tuple

from rasterio.io import MemoryFile
from rasterio.windows import Window

from planet_vector.catalog import Catalog
from planet_vector.catalog.basemaps import Basemap, quad_bounds
from planet_vector.errors import QueryError, RasterAccessError
from planet_vector.geometry.boxes import Bounds, Box
from planet_vector.geometry.web_mercator import to_degrees
from planet_vector.names import ONLY_GEOTIFF
from planet_vector.raster.band_stack import Virtual, open_virtual
from planet_vector.raster.basemap_names import counted, list_quads
from planet_vector.raster.gdal_xml import Placed, quads_description, tiles_description
from planet_vector.raster.location_info import DOMAIN, location_info
from planet_vector.raster.product import Product, open_link
from planet_vector.raster.quad_cache import QuadCache
from planet_vector.raster.source_names import source_name
from planet_vector.raster.sources import Sources
from planet_vector.raster.tiles import Tiles, open_tiles
from planet_vector.scene import Item
from planet_vector.workers import Workers

_MOST_QUADS = 20_000  # of one raster


class _Located:
    """Mixin that serves metadata items of the domain ``LocationInfo``, as GDAL's own driver for basemaps does."""

    _catalog: Catalog
    _basemap = ""

    def get_tag_item(self, ns: str, dm: Optional[str] = None, *args: Any, **kwargs: Any) -> Optional[str]:
        """Return a metadata item as `rasterio.io.DatasetReader.get_tag_item` does.

        In the domain ``LocationInfo``, ``Pixel_<column>_<row>`` and ``GeoPixel_<longitude>_<latitude>`` return the quad
        at that place and the scenes it was made of, as XML.

        Parameters
        ----------
        ns : str
            Name of the item.
        dm : str, optional
            Domain of the item.

        Returns
        -------
        str or None
            None if there is no such item, or no quad at that place.
        """
        if dm == DOMAIN:
            return location_info(self._catalog, self._basemap, ns, self._degrees)
        found: Optional[str] = super().get_tag_item(ns, dm, *args, **kwargs)  # type: ignore[misc]
        return found

    def _degrees(self, column: float, row: float) -> Tuple[float, float]:
        return to_degrees(*(self.transform * (column + 0.5, row + 0.5)))  # type: ignore[attr-defined]


class BasemapTiles(_Located, Tiles):
    """Tiles of a basemap as a raster."""


class Quads(_Located, Virtual):
    """Quads of a basemap as one raster: the quads at full size, the tiles at half of it and less."""

    _quads: Sequence[Item] = ()
    _places: Sequence[Tuple[int, int]] = ()  # column and row of each quad's first pixel
    _side = 0
    _cache: Optional[QuadCache] = None

    def read(self, indexes: Any = None, out: Any = None, window: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Read pixels as `rasterio.io.DatasetReader.read` does.

        Parameters
        ----------
        indexes : int or sequence of int, optional
            Bands, counted from 1; by default all.
        out : numpy.ndarray, optional
            Array to read into.
        window : rasterio.windows.Window or tuple of slices, optional
            Pixels to read; by default all.

        Returns
        -------
        numpy.ndarray
            Pixels (bands, rows, columns); (rows, columns) for a single band.

        Raises
        ------
        ServiceError
            If a quad cannot be fetched.
        RasterAccessError
            If a quad cannot be read.
        """
        self._fetch(window, kwargs.get("out_shape") if out is None else out.shape)
        return super().read(indexes, out, window, *args, **kwargs)

    def read_masks(self, indexes: Any = None, out: Any = None, out_shape: Any = None, window: Any = None,
                   *args: Any, **kwargs: Any) -> Any:  # fmt: skip
        """Read masks as `rasterio.io.DatasetReader.read_masks` does.

        Parameters
        ----------
        indexes : int or sequence of int, optional
            Bands, counted from 1; by default all.
        out : numpy.ndarray, optional
            Array to read into.
        out_shape : tuple of int, optional
            Shape of the result.
        window : rasterio.windows.Window or tuple of slices, optional
            Pixels to read; by default all.

        Returns
        -------
        numpy.ndarray
            Masks (bands, rows, columns), 255 for valid pixels.
        """
        self._fetch(window, out_shape if out is None else out.shape)
        return super().read_masks(indexes, out, out_shape, window, *args, **kwargs)

    def dataset_mask(
        self, out: Any = None, out_shape: Any = None, window: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        """Read the mask as `rasterio.io.DatasetReader.dataset_mask` does.

        Parameters
        ----------
        out : numpy.ndarray, optional
            Array to read into.
        out_shape : tuple of int, optional
            Shape of the result.
        window : rasterio.windows.Window or tuple of slices, optional
            Pixels to read; by default all.

        Returns
        -------
        numpy.ndarray
            Mask (rows, columns), 255 for valid pixels.
        """
        self._fetch(window, out_shape if out is None else out.shape)
        return super().dataset_mask(out, out_shape, window, *args, **kwargs)

    def _fetch(self, window: Any, out_shape: Optional[Sequence[int]]) -> None:
        """Ensure that the quads of a window are on disk."""
        if self._cache is None:
            return
        if window is None:
            window = Window(0, 0, self.width, self.height)
        elif not isinstance(window, Window):
            window = Window.from_slices(*window, height=self.height, width=self.width)
        if out_shape is not None and min(window.height / out_shape[-2], window.width / out_shape[-1]) >= 2:
            return  # the overviews are tiles
        (left, top), (right, bottom) = (window.col_off, window.row_off), (
            window.col_off + window.width, window.row_off + window.height)  # fmt: skip
        wanted = [
            quad
            for quad, (column, row) in zip(self._quads, self._places)
            # One more pixel on each side, for resampling at the edges.
            if left - 1 < column + self._side and column < right + 1 and top - 1 < row + self._side and row < bottom + 1
        ]
        cache, name = self._cache, self._basemap
        with Workers(self._catalog.settings.connections) as pool:
            list(pool.map(lambda quad: cache.get(name, quad.id, quad.link("full")), wanted))


def open_basemap_tiles(catalog: Catalog, name: str) -> BasemapTiles:
    """Open the tile pyramid of a basemap: the globe, at every zoom down to its level.

    Parameters
    ----------
    catalog : Catalog
        The service.
    name : str
        The basemap.

    Returns
    -------
    BasemapTiles
        The tiles, in web mercator.
    """
    basemap = catalog.basemaps.named(name)
    dataset: BasemapTiles = open_tiles(
        catalog, basemap.tiles, basemap.level, f"the tiles of basemap {name}", cls=BasemapTiles
    )
    dataset._catalog, dataset._basemap = catalog, name
    return dataset


def open_quad(catalog: Catalog, name: str, quad_id: str) -> Product:
    """Open one quad of a basemap.

    Parameters
    ----------
    catalog : Catalog
        The service.
    name : str
        The basemap.
    quad_id : str
        Id of the quad, for example ``L15-1234E-5678N``.

    Returns
    -------
    Product
        The quad.
    """
    quad = catalog.basemaps.quad(catalog.basemaps.named(name), quad_id)
    return open_link(catalog, quad.link("full"), f"quad {quad_id} of {name}")


def open_quads(catalog: Catalog, name: str, box: Box, cache: bool = False) -> Quads:
    """Open the quads of a basemap that intersect a box as one raster; each quad is opened on first access.

    Parameters
    ----------
    catalog : Catalog
        The service.
    name : str
        The basemap.
    box : Box
        West, south, east, north in degrees; not across the antimeridian, where web mercator is cut.
    cache : bool
        Fetch each quad whole on first access, and keep it on disk (`planet_vector.raster.quad_cache`); otherwise only
        the requested parts are read.

    Returns
    -------
    Quads
        The quads, in web mercator.

    Raises
    ------
    RasterAccessError
        If no quad intersects the box, or too many do.
    """
    basemap = catalog.basemaps.named(name)
    try:
        quads = list_quads(catalog, basemap, box, _MOST_QUADS)
    except QueryError as error:
        raise RasterAccessError(str(error)) from None
    if not quads:
        raise RasterAccessError(f"Basemap {name!r} has no quad there: take another box.")
    bounds = [quad_bounds(basemap, quad.id) for quad in quads]
    titles = {catalog.transport.check_link(quad.link("full")): f"quad {quad.id}" for quad in quads}
    links = list(map(source_name, titles))
    kept = QuadCache(catalog) if cache else None
    names = links if kept is None else [f"{ONLY_GEOTIFF}{kept.path(name, quad.id)}" for quad in quads]
    tiles = MemoryFile(tiles_description(catalog, basemap.tiles, basemap.level), filename="tiles.xml")
    text = quads_description(basemap, list(map(Placed, names, bounds)), tiles.name)

    def as_vrt() -> str:
        # Without the tiles, whose description contains the key.
        return quads_description(basemap, list(map(Placed, links, bounds)))

    title = f"{counted(quads)} of basemap {name}"
    sources = Sources(catalog, titles) if kept is None else None
    dataset: Quads = open_virtual(text, title, sources, as_vrt, tiles, Quads)
    dataset._catalog, dataset._basemap, dataset._quads, dataset._cache = catalog, name, quads, kept
    dataset._side, dataset._places = basemap.quad_size, _places(basemap, bounds)
    return dataset


def _places(basemap: Basemap, bounds: Sequence[Bounds]) -> List[Tuple[int, int]]:
    """Return column and row of the first pixel of each quad in the combined raster."""
    west, north = min(box[0] for box in bounds), max(box[3] for box in bounds)
    return [(round((box[0] - west) / basemap.pixel), round((north - box[3]) / basemap.pixel)) for box in bounds]
