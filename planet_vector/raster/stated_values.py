"""Open files with the nodata, scales and offsets that the service states and they lack, in any orientation."""

from __future__ import annotations

from dataclasses import replace

from affine import Affine
from rasterio.crs import CRS
from rasterio.io import DatasetReader

from planet_vector.assets import Asset
from planet_vector.catalog import Catalog
from planet_vector.raster.band_stack import ProductFile, Virtual, open_virtual, stack_vrt
from planet_vector.raster.headers import header_of, with_values
from planet_vector.raster.scene_files import SceneFile, open_sources
from planet_vector.raster.source_names import source_name
from planet_vector.raster.vrt_xml import add_metadata, as_text, place_freely


def lacks_values(dataset: DatasetReader, asset: Asset) -> bool:
    """Return whether the service states values of a file that it lacks.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        The file, open.
    asset : Asset
        Its asset.
    """
    if not asset.values:
        return False
    header = header_of(dataset)
    return with_values(header, asset.values) != header


def open_with_values(catalog: Catalog, file: SceneFile) -> Virtual:
    """Open a file of any orientation with the values that the service states and it lacks.

    Parameters
    ----------
    catalog : Catalog
        The service.
    file : SceneFile
        The file; its mask is not applied.

    Returns
    -------
    Virtual
        The file's bands, with its georeference: a transform, ground control points or rational polynomials.

    Raises
    ------
    ServiceError
        If the service does not provide it.
    RasterAccessError
        If it cannot be read, or its bands are of a type that VRTs lack.
    """
    sources = open_sources(catalog, [file])
    try:
        with sources.open(file.link) as dataset:
            header, rational = header_of(dataset), list(dataset.tags(ns="RPC").items())
            own = sources.mask_of(file.link, header, dataset)
        # The VRT is written on a grid that counts pixels, in any coordinate system.
        flat = replace(header, crs=CRS.from_epsg(3857), transform=Affine(1, 0, 0, 0, -1, 0), points=())
        root = stack_vrt([file], [ProductFile(source_name(file.link), flat, own)], flat.grid)
        place_freely(root, header.crs, header.transform.to_gdal(), header.points)
        add_metadata(root, list(header.tags.items()))
        add_metadata(root, rational, "RPC")
        text = as_text(root)
    except BaseException:
        sources.end()
        raise
    found: Virtual = open_virtual(text, file.title, sources)
    return found
