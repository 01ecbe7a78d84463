"""Raster layers of a project that is opened again: new sources for their names."""

from __future__ import annotations

from osgeo import gdal

from planet_scenes import combined_rasters, product_sources
from planet_scenes.layers import first_scenes
from planet_scenes.raster_layers import INDEX, MASK, SCENE, source_of
from planet_vector.catalog import Catalog
from planet_vector.names import Name, parse_name
from planet_vector.workers import Workers


def reopened(catalog: Catalog, planet_name: str) -> str:
    """Return a new source for a raster layer of a project.

    Signed URLs in the project have expired, and local files may have been deleted.

    Parameters
    ----------
    catalog : Catalog
        The client of the service.
    planet_name : str
        The ``PLANET:`` name that the layer shows.

    Returns
    -------
    str
        The source that QGIS opens.
    """
    source = _source_again(catalog, parse_name(planet_name))
    # Open the source here before QGIS does. QGIS has already tried the source of the project, without the key or
    # through a deleted local file, and GDAL caches that failure for the URL, whatever the options. A VRT opens without
    # the file that it refers to.
    if source.endswith(".vrt") or not _opens(source):
        gdal.VSICurlClearCache()
        _opens(source)
    return source


def _opens(source: str) -> bool:
    """Return True if GDAL opens a raster."""
    try:
        return gdal.Open(source) is not None
    except RuntimeError:  # another plugin may have enabled exceptions
        return False


def _source_again(catalog: Catalog, name: Name) -> str:
    if name.is_basemap:
        basemap = catalog.basemaps.named(name.item)
        return product_sources.tiles(catalog, basemap.tiles, basemap.level, basemap.name)
    mask, ids = name.get(MASK) or "", [value for key, value in name.parameters if key == SCENE]
    if name.item:
        source = source_of(catalog, catalog.scene(name.collection, name.item), name.part, mask)
    elif ids:
        with Workers(catalog.settings.connections) as pool:
            scenes = list(pool.map(lambda scene_id: catalog.scene(name.collection, scene_id), ids))
        source = combined_rasters.mosaic(catalog, scenes, name.get("product") or "", mask)
    else:
        schema, scenes = first_scenes(catalog, name.without([MASK]), combined_rasters.MOST_SCENES)
        source = combined_rasters.mosaic(catalog, scenes, schema.product(name.get("product")), mask)
    pair = name.get(INDEX)
    if pair is None:
        return source
    a, _, b = pair.partition(",")
    title = f"{name.item or name.collection} {name.part}".strip()
    return combined_rasters.normalised_difference(source, int(a), int(b), title)
