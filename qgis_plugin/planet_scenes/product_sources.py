"""Sources by which QGIS opens products and tiles, without keys.

These functions send requests and must be called in workers.
"""

from __future__ import annotations

from typing import Optional

from osgeo import gdal

from planet_scenes.texts import tr
from planet_vector.catalog import Catalog
from planet_vector.errors import RasterAccessError
from planet_vector.raster import described
from planet_vector.raster.access import ANY_BUILD, Access, plan, self_contained
from planet_vector.raster.credential_files import tiles_file
from planet_vector.raster.gdal_xml import tiles_description
from planet_vector.raster.kept_tiles import Combine
from planet_vector.scene import Scene


def name_of(catalog: Catalog, scene: Scene, product: str, combine: Optional[Combine] = None) -> str:
    """Return the source by which QGIS draws a product, without a key: a VRT if it has overviews only through one.

    Parameters
    ----------
    catalog : Catalog
        The client of the service.
    scene : Scene
        The scene.
    product : str
        The product.
    combine : callable, optional
        Given for one of many that are about to be drawn whole, as for `planet_vector.raster.described.described`.

    Raises
    ------
    RasterAccessError
        If the service only delivers the whole file.
    ServiceError
        If the service reports an error.
    """
    number = int(gdal.VersionInfo()) // 100
    build = number // 10000, number // 100 % 100, number % 100
    access = _checked(described.access_of(catalog, scene, product, combine is not None), scene, product)
    return described.name_of(catalog, scene, product, access, build, combine)


def own_name_of(catalog: Catalog, scene: Scene, product: str) -> str:
    """Return the source of a product itself, whose pixels are the file's at any resolution.

    Parameters
    ----------
    catalog : Catalog
        The client of the service.
    scene : Scene
        The scene.
    product : str
        The product.

    Raises
    ------
    RasterAccessError
        If the service only delivers the whole file.
    ServiceError
        If the service reports an error.
    """
    return self_contained(_checked(plan(catalog, scene.product_link(product), ANY_BUILD), scene, product))


def tiles(catalog: Catalog, pattern: str, level: int, title: str) -> str:
    """Write the description of the tiles of a scene or basemap; only its owner can read the file.

    Parameters
    ----------
    catalog : Catalog
        The client of the service.
    pattern : str
        URL template of the tiles.
    level : int
        The highest zoom level.
    title : str
        Name of the file.

    Returns
    -------
    str
        Path of the file.
    """
    return str(tiles_file(catalog.settings, title, tiles_description(catalog, pattern, level)))


def _checked(access: Access, scene: Scene, product: str) -> Access:
    if not access.ranges:
        raise RasterAccessError(
            tr("The service only delivers {scene}/{product} as a whole file: download it instead.").format(
                scene=scene.id, product=product
            )
        )
    return access
