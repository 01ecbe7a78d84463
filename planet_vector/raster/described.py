"""Describe products as VRTs: the file in place for its own pixels, and overviews from elsewhere.

A product of one-row strips without overviews costs a program that draws all of it hundreds of requests, for nearly all
of the file. The service renders the same scene as tiles of a web map. The VRT of a visual product therefore uses
these tiles as its overviews, warped to the grid of the file. Any program opens the product by the name of the VRT; at
full size its pixels are those of the file.

This module needs only the standard library and requests, because the GDAL driver runs it in whatever Python embeds
GDAL.
"""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

from planet_vector.assets import Asset
from planet_vector.catalog import Catalog
from planet_vector.errors import ConfigError, RasterAccessError, ServiceError
from planet_vector.geometry.boxes import Bounds
from planet_vector.geometry.grid import GridSpec
from planet_vector.geometry.web_mercator import MOST_LATITUDE, to_mercator
from planet_vector.item_ids import is_item_id
from planet_vector.names import ONLY_GEOTIFF
from planet_vector.pixels.tiff import TiffProblem
from planet_vector.raster.access import ANY_BUILD, Access, Build, plan, remark, self_contained
from planet_vector.raster.activation import available_products
from planet_vector.raster.credential_files import tiles_file
from planet_vector.raster.described_files import path_of, remove, tiles_name, write
from planet_vector.raster.gdal_xml import (
    COLOURS,
    tiles_address,
    tiles_by_band,
    tiles_description,
    tiles_level,
    world_of_tiles,
)
from planet_vector.raster.kept_files import MOST_BYTES, kept_file, vrt_of_kept
from planet_vector.raster.kept_tiles import Combine, kept_tiles
from planet_vector.raster.overview_files import kept
from planet_vector.raster.tiff_header import BEGINNING, TiffHeader, read_tiff_header
from planet_vector.raster.tile_overviews import overview_sizes, tile_overviews
from planet_vector.raster.tile_requests import fetch_tile, tile_at
from planet_vector.raster.vrt_xml import Properties, add_band, add_metadata, add_overview, add_source, as_text, new_vrt
from planet_vector.scene import Scene
from planet_vector.workers import Workers

ONE_AFTER_ANOTHER: Build = (3, 10, 0)
"""From this version on GDAL requests the tiles of a window one after another if it reads all their bands at once.

Observed with 3.10.3 and 3.13.3, not with 3.6.2.
"""

_LONGEST = 100  # characters of an id in a file name
_SECONDS = 5.0  # for the one tile that is requested before a product is described by tiles

log = logging.getLogger(__name__)


class _Undescribed(ValueError):
    """Raised if the tiles do not show a product. The message continues a sentence after its name."""


def name_of(
    catalog: Catalog,
    scene: Scene,
    product: str,
    access: Access,
    build: Build = ANY_BUILD,
    combine: Optional[Combine] = None,
) -> str:
    """Return a name that needs no options for a product: the path of its VRT, if it has one, or a ``/vsicurl?`` name.

    Parameters
    ----------
    catalog, scene, product, access, build, combine
        As for `described`.

    Returns
    -------
    str
        Name for any program in this process.

    Raises
    ------
    RasterAccessError
        If the name would contain a signature for more than this file, and no VRT of it can be written.
    """
    path = described(catalog, scene, product, access, build, combine)
    if path is None and access.grants_more:
        title = f"{scene.id}/{product}"
        raise RasterAccessError(f"{title} has no name for other programs, as its address grants access to others, too.")
    return self_contained(access) if path is None else str(path)


def described(
    catalog: Catalog,
    scene: Scene,
    product: str,
    access: Access,
    build: Build = ANY_BUILD,
    combine: Optional[Combine] = None,
) -> Optional[Path]:
    """Write the VRT of a product and return its path, if it says more than the file.

    It does if the product has local overviews, is shown by the service's tiles, or has several bands whose names are
    documented and not in the file.

    Tiles show a visual product of 8 bits: red, green and blue, with alpha, or with nodata 0 or none; north up, in a
    coordinate system with an EPSG code, on one side of the antimeridian; without overviews of its own.

    Parameters
    ----------
    catalog : Catalog
        The service.
    scene : Scene
        The scene.
    product : str
        One of its products, which can be read in ranges.
    access : Access
        How the product itself is opened.
    build : tuple of int
        Version of the GDAL that opens it, if known; the fastest way to read tiles depends on it.
    combine : callable, optional
        Given for one of many in a mosaic that is about to be drawn as a whole: the few tiles of its smallest overview
        are fetched now, combined by this function, and kept beside the VRT (`planet_vector.raster.kept_tiles`). A small
        file without overviews is kept as a whole (`planet_vector.raster.kept_files`).

    Returns
    -------
    Path or None
        None for any other product, and if the service provides no tile of it; it is then opened by its own name.
    """
    if not all(is_item_id(part) and len(part) <= _LONGEST for part in (scene.scene_type, scene.id, product)):
        return None
    try:
        path = path_of(catalog.settings, scene.scene_type, scene.id, product)
        asset = scene.asset(product)
        made = kept(catalog, scene.product_link(product))
        if made is not None:
            return write(path, made.vrt(self_contained(access), asset))
        try:
            header, overviews = _header_and_overviews(catalog, scene, product, access, build, combine, path)
        except (_Undescribed, TiffProblem):
            if path.exists():
                remove(path)  # belongs to another version of the file
            whole = None if combine is None else _kept_whole(catalog, access, asset, path)
            if whole is None:
                raise
            return whole
        whole = None if combine is None or overviews else _kept_whole(catalog, access, asset, path)
        return whole or write(path, description(self_contained(access), header, overviews))
    except (_Undescribed, TiffProblem) as problem:
        log.debug("%s of %s %s: it is opened by itself", product, scene.id, problem)
    except (ServiceError, ConfigError, OSError) as error:
        log.info("%s of %s is opened without overviews: %s", product, scene.id, error)
    return None


def _header_and_overviews(
    catalog: Catalog, scene: Scene, product: str, access: Access, build: Build, combine: Optional[Combine], path: Path
) -> Tuple[TiffHeader, List[str]]:
    asset = scene.asset(product)
    if access.grants_more:  # the VRT keeps the signature, in a private file
        return _named(read_tiff_header(catalog, access), asset), []
    if product != scene.schema.tiled_product:
        return _only_named(catalog, access, asset), []
    header = _named(read_tiff_header(catalog, access), asset)
    _check_kind(header)
    return header, _tiles_of(catalog, scene, header, path, build, combine)


def _kept_whole(catalog: Catalog, access: Access, asset: Asset, path: Path) -> Optional[Path]:
    """Write the VRT of a small file that is kept beside it; return None if the file is too large."""
    if access.size is not None and access.size > MOST_BYTES:
        return None
    place = vrt_of_kept(path)
    header = _named(read_tiff_header(catalog, access), asset)
    file = kept_file(catalog, access, place)
    return None if file is None else write(place, description(file, header, ()))


def access_of(catalog: Catalog, scene: Scene, product: str, whole: bool = False) -> Access:
    """Return how a product itself is opened, for `described` or `name_of`, which need the header of some.

    Parameters
    ----------
    catalog : Catalog
        The service.
    scene : Scene
        The scene.
    product : str
        One of its products.
    whole : bool
        Whether it is one of many that are about to be drawn whole, so that small files are read.

    Raises
    ------
    NotFoundError
        If the scene lacks the product.
    ServiceError
        If the service does not provide it.
    """
    read = whole or product == scene.schema.tiled_product or _may_be_named(scene.asset(product))
    most = BEGINNING if read else 1
    return plan(catalog, scene.product_link(product), ANY_BUILD, most)


def subdatasets(catalog: Catalog, scene: Scene, products: Optional[Sequence[str]] = None) -> List[Tuple[str, str]]:
    """Return a name and a description for each product of a scene that GDAL can open in place.

    The names open in this process and do not contain the key. If a VRT describes a product with the service's tiles as
    its overviews, the name is the path of the VRT. Products that are only served whole, without ranges, are omitted, as
    no name would open them.

    Parameters
    ----------
    catalog : Catalog
        The service that gave the scene.
    scene : Scene
        The scene.
    products : sequence of str, optional
        The products; by default all that can be opened now. Others are activated first, on request only.

    Returns
    -------
    list of (str, str)
        Names and descriptions.

    Raises
    ------
    NotFoundError
        If the scene lacks one of the products.
    ServiceError
        If the service does not provide one of them.
    """
    wanted = available_products(catalog, scene) if products is None else list(products)

    def one(product: str) -> Optional[Tuple[str, str]]:
        access = access_of(catalog, scene, product)
        if not access.ranges:
            return None
        name = name_of(catalog, scene, product, access)
        return name, f"{product} of {scene.scene_type} scene {scene.id}{remark(access)}"

    with Workers(max(1, min(len(wanted), catalog.settings.connections))) as pool:
        return [found for found in pool.map(one, wanted) if found is not None]


def description(name: str, header: TiffHeader, overviews: Sequence[str]) -> str:
    """Return the text of a VRT of a file that has overviews elsewhere.

    Parameters
    ----------
    name : str
        GDAL name of the file, as `self_contained` returns it. GDAL opens it as a GeoTIFF, with no other driver, and not
        before pixels of full size are read.
    header : TiffHeader
        Its header.
    overviews : sequence of str
        Overviews, the largest first: GDAL names of rasters, or texts of VRTs.
    """
    root = new_vrt(header.grid)
    add_metadata(root, header.metadata)
    if header.interleaved:
        add_metadata(root, [("INTERLEAVE", "PIXEL")], "IMAGE_STRUCTURE")
    whole = 0, 0, header.grid.width, header.grid.height
    properties = Properties(header.grid.width, header.grid.height, header.dtype, header.block)
    for number, said in enumerate(header.bands, 1):
        texts = [("Description", said.description), ("NoDataValue", header.nodata), ("ColorInterp", said.colour)]
        band = add_band(root, header.dtype, [*texts, *said.texts], said.metadata, header.block)
        add_source(band, ONLY_GEOTIFF + name, number, whole, whole, properties)
        for overview in overviews:
            add_overview(band, overview, number)
    return as_text(root)


def _tiles_of(
    catalog: Catalog, scene: Scene, header: TiffHeader, path: Path, build: Build, combine: Optional[Combine]
) -> List[str]:
    """Return the tiles of a scene as overviews of its product at a path, after some were fetched as a check."""
    west, south, east, north = _box(scene)
    pattern, deepest, latitude = catalog.tiles(scene), tiles_level(scene), (south + north) / 2
    sizes = overview_sizes(header, latitude, deepest)
    if not sizes:
        raise _Undescribed("is too small for overviews")
    address, (_, _, smallest) = tiles_address(catalog, pattern), sizes[-1]
    here = None
    if combine is not None:
        here = kept_tiles(catalog, address, header.grid, smallest, path, _SECONDS, combine)
    if here is None:
        # All tiles are rendered from the same file. If the service cannot render it, or has no tiles, GDAL would take
        # its responses for empty tiles.
        zoom = _zoom_around(east - west, deepest)
        column, row = tile_at(zoom, *to_mercator((west + east) / 2, latitude))
        fetch_tile(catalog, address, zoom, column, row, _SECONDS)

    def tiles(zoom: int) -> Tuple[str, GridSpec]:
        if here is not None and zoom == smallest:
            return here
        # One zoom each: GDAL would turn coarser zooms into overviews of the overview, and opening each takes 40 ms.
        text = tiles_description(catalog, pattern, zoom, alone=True)
        name = str(tiles_file(catalog.settings, tiles_name(path, zoom), text))
        return name if build < ONE_AFTER_ANOTHER else tiles_by_band(name, zoom), world_of_tiles(zoom)

    return tile_overviews(header, latitude, tiles, deepest)


def _named(header: TiffHeader, asset: Asset) -> TiffHeader:
    """Return a header with names of its bands, if the file has none and they are documented."""
    labels = asset.labels(
        [band.description for band in header.bands], [band.colour == "Alpha" for band in header.bands]
    )
    bands = (band._replace(description=label or "") for band, label in zip(header.bands, labels))
    return header._replace(bands=tuple(bands))


def _may_be_named(asset: Asset) -> bool:
    """Return whether the names of several bands are documented."""
    return max(map(len, (asset.bands, *asset.band_variants))) >= 2


def _only_named(catalog: Catalog, access: Access, asset: Asset) -> TiffHeader:
    """Return the header of a file whose bands have names only in the documentation of the service.

    Raises
    ------
    _Undescribed
        If it is of another kind, so that a VRT would say no more than the file.
    """
    if not _may_be_named(asset):
        raise _Undescribed("has no overviews")
    header = read_tiff_header(catalog, access)
    named = _named(header, asset)
    if all(
        after == before or after.description == before.colour.lower()
        for before, after in zip(header.bands, named.bands)
    ):
        raise _Undescribed("has no overviews, and no other names of bands")
    return named


def _check_kind(header: TiffHeader) -> None:
    colours = tuple(band.colour for band in header.bands)
    if header.dtype != "Byte" or colours not in (COLOURS, COLOURS[:3]):
        raise _Undescribed("is not of red, green and blue in 8 bits")
    if header.premultiplied or any(band.texts for band in header.bands):
        raise _Undescribed("has values that are not colours")
    try:
        nodata = float(header.nodata or 0)
    except ValueError:
        nodata = math.nan
    if nodata != 0 or (header.nodata and len(colours) == len(COLOURS)):
        raise _Undescribed("encodes nodata in another way than tiles")


def _box(scene: Scene) -> Bounds:
    """Return the bounding box of the footprint of a scene, in degrees.

    Raises
    ------
    _Undescribed
        If the file, which may be larger, may cross the antimeridian or reach beyond the web map.
    """
    places = [place for polygon in scene.polygons for ring in polygon for place in ring]
    if not places:
        raise _Undescribed("has no footprint")
    (west, east), (south, north) = ((min(side), max(side)) for side in list(zip(*places))[:2])
    if west - (east - west) < -180 or east + (east - west) > 180:
        raise _Undescribed("may lie on both sides of the antimeridian")
    if max(abs(south), abs(north)) + (north - south) > MOST_LATITUDE:
        raise _Undescribed("lies near a pole")
    return west, south, east, north


def _zoom_around(width: float, deepest: int) -> int:
    """Return the deepest zoom at which a width in degrees is no wider than a tile."""
    return max(0, min(deepest, math.floor(math.log2(360 / max(width, 1e-9)))))
