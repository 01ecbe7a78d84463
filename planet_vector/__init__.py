"""Satellite imagery from a scenes service as data that every GIS tool already knows how to open."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, List, Optional, Sequence, Union

from planet_vector.errors import (
    ArchiveError,
    AuthError,
    BadQueryError,
    CacheError,
    ConfigError,
    NameSyntaxError,
    NotFoundError,
    PlanetVectorError,
    ProtocolError,
    QueryError,
    RasterAccessError,
    RateLimitError,
    ServiceError,
    UnavailableError,
)
from planet_vector.query import Query

if TYPE_CHECKING:
    from planet_vector.catalog import ScenesV0
    from planet_vector.maps import Written
    from planet_vector.stacks.crop import Crop
    from planet_vector.stacks.overlap import Stack
    from planet_vector.vector.basemap_layers import ListedLayer
    from planet_vector.vector.layer import SceneLayer
    from planet_vector.vector.search import Search

__version__ = "0.1.0"

__all__ = [
    "ArchiveError",
    "AuthError",
    "BadQueryError",
    "CacheError",
    "ConfigError",
    "NameSyntaxError",
    "NotFoundError",
    "PlanetVectorError",
    "ProtocolError",
    "Query",
    "QueryError",
    "RasterAccessError",
    "RateLimitError",
    "ServiceError",
    "UnavailableError",
    "connect",
    "crop_stack",
    "download",
    "find_stacks",
    "largest_rectangle",
    "mosaic",
    "open",
    "open_layer",
    "register",
    "resolve",
    "search",
    "sync",
    "to_xarray",
    "write_map",
]

logging.getLogger(__name__).addHandler(logging.NullHandler())


def connect(api_url: Optional[str] = None, key: Optional[str] = None) -> ScenesV0:
    """Return the catalog of a service.

    Parameters
    ----------
    api_url : str, optional
        Root of the API; by default ``PL_API_URL``, else planet.com's.
    key : str, optional
        The API key; by default ``PL_API_KEY`` or the key file, for the root they belong to.
    """
    from planet_vector import catalog
    from planet_vector.config import Settings

    return catalog.connect(Settings.load(api_url, key))


def search(name: Union[str, Query], *, api_url: Optional[str] = None, key: Optional[str] = None) -> Search:
    """Search for scenes, to look at as often as wanted.

    Parameters
    ----------
    name : str or Query
        Such as ``PLANET:ortho?cloud_cover.estimated.lte=5``.
    api_url, key : str, optional
        As for `connect`.

    Returns
    -------
    Search
        A view of the scenes in the order of the search: to loop over, again and again, to take some of
        (``search[:50]``), to count (``search.count()``), or all as a data frame (``search.to_geopandas()``). The
        service is asked when it is looked at, once for each scene.

    Raises
    ------
    PlanetVectorError
        When the search cannot be; from the view when scenes cannot be had.
    """
    from planet_vector.vector.search import scenes

    return scenes(name, api_url, key)


def open_layer(
    name: str, *, api_url: Optional[str] = None, key: Optional[str] = None
) -> Union[SceneLayer, ListedLayer]:
    """Open a search as a layer, without GDAL.

    Parameters
    ----------
    name : str
        Of one scene type, such as ``PLANET:ortho``, or of mosaics or a mosaic: ``PLANET:mosaics/NAME``.
    api_url, key : str, optional
        As for `connect`.
    """
    from planet_vector.vector.search import layer

    return layer(name, api_url, key)


def open(name: str, **options: Any) -> Any:  # noqa: A001 - as rasterio.open
    """Open a product of a scene as a rasterio dataset, where it lies.

    Parameters
    ----------
    name : str
        Such as ``PLANET:ortho/20150306_022415_0908/visual``.
    **options
        As `planet_vector.raster.open_product` takes them.

    Returns
    -------
    rasterio.io.DatasetReader
    """
    from planet_vector.raster import open_product

    return open_product(name, **options)


def mosaic(search: Any, **options: Any) -> Any:
    """Open many scenes as one rasterio dataset, each read only where it is looked at.

    Parameters
    ----------
    search : str, Query or iterable of Scene
        Such as ``PLANET:ortho?cloud_cover.estimated.lte=5&limit=100``.
    **options
        As `planet_vector.raster.open_mosaic` takes them: product, crs, res, bounds, order, resampling.

    Returns
    -------
    rasterio.io.DatasetReader
    """
    from planet_vector.raster import open_mosaic

    return open_mosaic(search, **options)


def download(search: Any, products: Sequence[str], directory: Union[str, Path], **options: Any) -> List[Path]:
    """Fetch products of scenes into a directory; what was cut off goes on where it was.

    Parameters
    ----------
    search : str, Query or iterable of Scene
        The scenes.
    products : sequence of str
        The products of each.
    directory : str or Path
        Where to.
    **options
        As `planet_vector.raster.download_products` takes them: overwrite, progress.

    Returns
    -------
    list of Path
        The files, scene by scene.
    """
    from planet_vector.raster import download_products

    return download_products(search, products, directory, **options)


def find_stacks(scenes: Any, **options: Any) -> List[Stack]:
    """Find the sets of scenes that share ground, the deepest first.

    Parameters
    ----------
    scenes : iterable of Scene, or of GeoJSON Features
        Such as a search gives.
    **options
        As `planet_vector.stacks.overlap.find_stacks` takes them: min_depth, min_area, distinct_days,
        area.

    Returns
    -------
    list of Stack
        Each has its ``scenes`` and its ``footprint``, the ground all of them cover.
    """
    from planet_vector.stacks.overlap import find_stacks as find

    return find(scenes, **options)


def largest_rectangle(polygon: Any, **options: Any) -> Any:
    """Return the rectangle of the largest area inside a shapely polygon of any shape.

    Parameters
    ----------
    polygon : shapely.Polygon or shapely.MultiPolygon
        In the coordinates of a plane.
    **options
        As `planet_vector.stacks.rectangle.largest_rectangle` takes them: aspect, angle, tolerance.

    Returns
    -------
    shapely.Polygon
    """
    from planet_vector.stacks.rectangle import largest_rectangle as largest

    return largest(polygon, **options)


def crop_stack(stack: Any, directory: Union[str, Path], **options: Any) -> List[Crop]:
    """Write the ground of an area, or the largest rectangle that all scenes of a stack cover, a GeoTIFF of each.

    Parameters
    ----------
    stack : Stack or sequence of Scene
        As `find_stacks` gives them.
    directory : str or Path
        Where to.
    **options
        As `planet_vector.stacks.crop.crop_stack` takes them: area, rectangle, product, crs, align, resampling,
        require_valid, cog, overwrite.

    Returns
    -------
    list of Crop
        Each with its ``scene``, its ``path``, how much of it is ``valid`` and which share of the area is ``covered``.
    """
    from planet_vector.stacks.crop import crop_stack as crop

    return crop(stack, directory, **options)


def to_xarray(stack: Any, **options: Any) -> Any:
    """Return the ground of an area, or that the scenes of a stack share, as a cube of bands over time, y and x.

    Parameters
    ----------
    stack : Stack or sequence of Scene
        As `find_stacks` gives them.
    **options
        As `planet_vector.stacks.cube.to_xarray` takes them: area, rectangle, product, crs, resampling,
        chunks.

    Returns
    -------
    xarray.Dataset
        Of lazy dask arrays; the same grid as `crop_stack` writes.
    """
    from planet_vector.stacks.cube import to_xarray as cube

    return cube(stack, **options)


def sync(search: Any, directory: Union[str, Path], products: Sequence[str] = ("visual",), **options: Any) -> List[Path]:
    """Keep a folder as a search has it: fetch what is missing, and what an earlier sync could not have.

    Parameters
    ----------
    search : str, Query or iterable of Scene
        The scenes.
    directory : str or Path
        The folder.
    products : sequence of str
        The products of each; ``all`` is each there is.
    **options
        As `planet_vector.raster.sync_products` takes them: dry_run, progress.

    Returns
    -------
    list of Path
        The files that were written.
    """
    from planet_vector.raster import sync_products

    return sync_products(search, directory, products, **options)


def resolve(name: str, *, api_url: Optional[str] = None, key: Optional[str] = None) -> str:
    """Return a GDAL name of a product for other programs; no key is in it.

    Parameters
    ----------
    name : str
        Such as ``PLANET:ortho/20150306_022415_0908/visual``.
    api_url, key : str, optional
        As for `connect`.
    """
    from planet_vector.raster import resolve as name_of

    return name_of(name, api_url=api_url, key=key)


def write_map(names: Union[str, Sequence[str]], path: Union[str, Path], **options: Any) -> Written:
    """Write scenes and mosaics as a map for a browser: one HTML file, without a key.

    Parameters
    ----------
    names : str or sequence of str
        Of searches, scenes and mosaics, such as ``PLANET:ortho?cloud_cover.estimated.lte=5``.
    path : str or Path
        The file.
    **options
        As `planet_vector.maps.write_map` takes them: thumbnails, basemap, attribution.

    Returns
    -------
    Written
        What is in the file, and how many thumbnails are not.
    """
    from planet_vector import maps

    return maps.write_map(names, path, **options)


def register() -> None:
    """Make the GDAL driver PLANET known to the GDALs of this process."""
    from planet_vector.driver.registration import register as tell

    tell()
