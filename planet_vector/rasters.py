"""Rasters by name: products, bands, mosaics, basemaps and tiles as rasterio datasets.

Each function here resolves names to a service and its scenes, and delegates to a module of `planet_vector.raster`. GDAL
is imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Sequence, Tuple, Union

from planet_vector.catalog import Catalog, connect
from planet_vector.errors import NameSyntaxError, QueryError
from planet_vector.names import BASEMAPS, Name, parse_name, shown
from planet_vector.progress import Progress, bar_for
from planet_vector.scene import Scene

if TYPE_CHECKING:
    from rasterio.io import DatasetReader
from planet_vector.vector.sought import Sought, scenes_of


def open_product(
    name: str,
    *,
    res: Union[str, float] = "highest",
    mask: Optional[str] = None,
    index: Optional[str] = None,
    activate: Union[bool, Progress] = False,
    connection: Optional[str] = None,
    key: Optional[str] = None,
    cache: bool = False,
    progress: Union[bool, Progress] = None,
) -> DatasetReader:
    """Open one or several products of a scene as a rasterio dataset, without downloading them.

    Parameters
    ----------
    name : str
        ``PLANET:ortho/20150306_022415_0908/visual``: a product.
        ``PLANET:landsat/LC81300472015235LGN00/band_4,band_3,band_2``: the bands of several products; ``all`` for every
        product.
        ``PLANET:basemaps/NAME``: the tiles of a basemap; with ``?bbox=w,s,e,n`` its quads there, and with
        ``/L15-0763E-0959N`` one of them.
    res : "highest", "lowest" or float
        For several products: the pixel size of the finest, of the coarsest, or a size in metres.
    mask : str, optional
        Pixels to hide, according to the scene's mask of usable pixels: some of ``clouds``, ``haze``, ``light_haze``,
        ``heavy_haze``, ``shadow`` and ``snow``, separated by commas; or ``unclear``, all that is not clear. The name of
        a kind of mask, such as ``udm2``, hides what is not clear, too, and requires that kind.
    index : str, optional
        Compute an index of bands instead of returning the bands: a name, such as ``ndvi``, or an expression, such as
        ``(nir - red) / (nir + red)``, as `planet_vector.bands.expressions.parse_expression` takes it. The name may
        be that of a scene without products, whose bands are then found in any product that is no picture. The dataset
        has one band of float32, with NaN where a band has no data.
    activate : bool or callable
        Activate the files first, and wait for them, as `activate_products` does; a callback is called with the
        number of active files and of all.
    connection, key : str, optional
        As for `planet_vector.connect`.
    cache : bool
        For the quads of a basemap: fetch each whole on first access, and cache it on disk.
    progress : bool or callable, optional
        For a file that is served whole only: show a bar; or a callback, called with the bytes fetched and in all (or
        None).

    Returns
    -------
    rasterio.io.DatasetReader
        Rows from the north, columns from the west. Open one for each thread.

    Raises
    ------
    NameSyntaxError
        If the name is invalid, or names no product.
    NotFoundError
        If the scene lacks a product, or the asset that masks it.
    QueryError
        If the mask does not tell what to hide, or the name is of a basemap, which has neither mask nor named bands.
    ExpressionError
        If the index is no expression, or a band is missing or in several products.
    ServiceError
        If a request fails.
    RasterAccessError
        If the file cannot be read remotely.
    """
    parsed, catalog = _parsed(name, connection, key)
    if parsed.is_basemap:
        if mask is not None or index is not None:
            raise QueryError("A basemap has no mask of usable pixels and no named bands: leave out mask and index.")
        return _open_basemap(parsed, catalog, cache)
    if index is not None:
        from planet_vector.raster.index_datasets import open_index

        scene = catalog.scene(parsed.collection, parsed.item)
        given = () if parsed.products == ("all",) else parsed.products
        return open_index(catalog, scene, index, given, res, mask, activate)
    scene, products = _scene(parsed, catalog)
    if activate:
        from planet_vector.raster.scene_files import activate_files, scene_file

        wanted = scene.products if products[0] == "all" else products
        activate_files(catalog, [(scene, scene_file(catalog, scene, each, mask)) for each in wanted], activate)
    if len(products) > 1 or products[0] == "all" or mask is not None:
        from planet_vector.raster.band_stack import open_bands

        return open_bands(catalog, scene, products, res, mask)
    from planet_vector.raster.band_stack import open_bands
    from planet_vector.raster.product import open_link
    from planet_vector.raster.scene_files import scene_file
    from planet_vector.raster.stated_values import lacks_values, open_with_values

    title = f"{scene.id}/{products[0]}"
    asset, band = scene.band(products[0])
    if band is not None:
        return open_bands(catalog, scene, products, res)
    dataset = open_link(catalog, scene.link_to(asset), title, bar_for(progress, title, "B"))
    if not lacks_values(dataset, asset):
        dataset.asset = asset
        return dataset
    dataset.close()
    return open_with_values(catalog, scene_file(catalog, scene, products[0]))


def open_tiles(name: str, *, connection: Optional[str] = None, key: Optional[str] = None) -> DatasetReader:
    """Open the tiles of a scene or a basemap as a rasterio dataset: the globe in EPSG:3857, for quick looks.

    Parameters
    ----------
    name : str
        ``PLANET:ortho/20150306_022415_0908`` or ``PLANET:basemaps/NAME``.
    connection, key : str, optional
        As for `planet_vector.connect`.

    Returns
    -------
    rasterio.io.DatasetReader
        x before y, metres. Open one for each thread.
    """
    parsed, catalog = _parsed(name, connection, key)
    if parsed.is_basemap:
        from planet_vector.catalog.basemaps import box_of_name

        box_of_name(parsed)  # rejects an area
        return _open_basemap(Name(BASEMAPS, parsed.item), catalog)
    from planet_vector.raster.tiles import open_scene_tiles

    return open_scene_tiles(catalog, catalog.scene(parsed.collection, parsed.item))


def resolve(name: str, *, connection: Optional[str] = None, key: Optional[str] = None) -> str:
    """Return a GDAL name of a raster, for other programs of the same user on this machine.

    The name contains no key. It may refer to a file with the key, which only its owner can read, or be a signed address
    that is valid for a short time.

    Parameters
    ----------
    name : str
        Such as ``PLANET:ortho/20150306_022415_0908/visual``; ``PLANET:basemaps/NAME`` for the tiles of a basemap, with
        ``?bbox=w,s,e,n`` for its quads there, with ``/L15-0763E-0959N`` for one of them.
    connection, key : str, optional
        As for `planet_vector.connect`.

    Raises
    ------
    RasterAccessError
        If the product is served whole only, so that no name opens it, or if several products are named.
    """
    from planet_vector.errors import RasterAccessError
    from planet_vector.raster.described import subdatasets

    parsed, catalog = _parsed(name, connection, key)
    if parsed.is_basemap:
        from planet_vector.raster.basemap_names import basemap_raster

        found = basemap_raster(catalog, parsed)
    else:
        scene, products = _scene(parsed, catalog)
        if len(products) > 1 or products[0] == "all":
            raise RasterAccessError(f"{shown(name)} names several files: combine them by 'rio planet vrt'.")
        found = next((name for name, _ in subdatasets(catalog, scene, products[:1])), None)
    if found is None:
        raise RasterAccessError(f"{shown(name)} is served whole only, so no GDAL name opens it: download it.")
    return found


def open_mosaic(
    search: Sought,
    *,
    product: Optional[str] = None,
    dst_crs: Any = None,
    res: Union[None, float, Tuple[float, float]] = None,
    dst_bounds: Optional[Tuple[float, float, float, float]] = None,
    top: str = "newest",
    resampling: str = "nearest",
    mask: Optional[str] = None,
    index: Optional[str] = None,
    activate: Union[bool, Progress] = False,
    connection: Optional[str] = None,
    key: Optional[str] = None,
) -> DatasetReader:
    """Open many scenes as one raster; each is read only where pixels are accessed.

    Parameters
    ----------
    search : str, Query or iterable of Scene
        The scenes, such as ``PLANET:ortho?cloud_cover.estimated.lte=5&limit=100``. With a search in an area, the raster
        is cut to the rectangle around the area; a point or a line cuts nothing, and a list of scenes has no area.
    product : str, optional
        The product of each scene; by default the preferred one, such as ``visual``.
    dst_crs : anything `rasterio.crs.CRS.from_user_input` takes, optional
        Coordinate system of the raster; by default that of the scene on top.
    res : float or (float, float), optional
        Pixel size in units of `dst_crs`; by default that of the scene on top.
    dst_bounds : (west, south, east, north), optional
        Bounds in units of `dst_crs`; by default around all footprints, within the search's area.
    top : str
        The scene on top: the ``newest``, the ``oldest`` or the ``clearest``.
    resampling : str
        ``nearest``, ``bilinear``, ``cubic``, ``cubic_spline``, ``lanczos``, ``average`` or ``mode``.
    mask : str, optional
        Pixels to hide in each scene, as for `open_product`; the scenes below show through there.
    index : str, optional
        Compute an index of the mosaic's bands, as for `open_product`. By default the bands are found in any product
        that is no picture.
    activate : bool or callable
        Activate the files first, and wait for them, as `activate_products` does; a callback is called with the
        number of active files and of all.
    connection, key : str, optional
        As for `planet_vector.connect`.

    Returns
    -------
    rasterio.io.DatasetReader
        With a method ``save_vrt(path)``, except for an index.
    """
    from planet_vector.geometry.ground import area_searched

    catalog, scenes = scenes_of(search, connection, key)
    place = dst_crs, res, dst_bounds, top, resampling, area_searched(scenes), mask, activate
    if index is not None:
        from planet_vector.raster.index_datasets import open_index_of_scenes

        return open_index_of_scenes(catalog, list(scenes), index, product, *place)
    from planet_vector.raster.scene_mosaic import open_scenes

    return open_scenes(catalog, list(scenes), product, *place)


def quicklook(
    scene: Scene,
    bbox: Optional[Tuple[float, float, float, float]] = None,
    product: Optional[str] = None,
    width: int = 1024,
) -> bytes:
    """Return a picture of a part of a scene's product, read remotely, as `picture_of` draws it.

    Parameters
    ----------
    scene : Scene
        A scene of a search.
    bbox : (west, south, east, north), optional
        Degrees; by default the whole scene.
    product : str, optional
        The product; by default the preferred one, such as ``visual``.
    width : int
        Greatest width, pixels.

    Returns
    -------
    bytes
        An RGBA image as PNG; missing data is transparent.

    Raises
    ------
    NotFoundError
        If the scene has no such product, or was created without a service.
    RasterAccessError
        If the box shares no ground with the product, or it cannot be read.
    """
    from planet_vector.raster.pictures import picture_of
    from planet_vector.raster.product import open_scene

    product = scene.schema.product(product)
    with open_scene(scene.service(), scene, product) as dataset:
        return picture_of(dataset, bbox, width)


def _parsed(name: str, connection: Optional[str], key: Optional[str]) -> Tuple[Name, Catalog]:
    parsed = parse_name(name)
    if not parsed.item:
        raise NameSyntaxError(f"{shown(name)} names no scene: write PLANET:<scene type>/<scene id>/<product>.")
    return parsed, connect(connection or parsed.service, key)


def _scene(parsed: Name, catalog: Catalog) -> Tuple[Scene, Sequence[str]]:
    scene = catalog.scene(parsed.collection, parsed.item)
    if not parsed.products:
        raise NameSyntaxError(
            f"{shown(str(parsed))} names no product; add one: {', '.join(scene.products) or 'this scene has none'}."
        )
    return scene, parsed.products


def _open_basemap(parsed: Name, catalog: Catalog, cache: bool = False) -> DatasetReader:
    from planet_vector.catalog.basemaps import box_of_name
    from planet_vector.raster.basemap_quads import open_basemap_tiles, open_quad, open_quads

    box = box_of_name(parsed)
    if parsed.part:
        return open_quad(catalog, parsed.item, parsed.part)
    return open_basemap_tiles(catalog, parsed.item) if box is None else open_quads(catalog, parsed.item, box, cache)
