"""Opening of rasters by the names in `product_sources` and `combined_rasters`: checks, and errors with GDAL's reason.

These functions send requests and must be called in workers.
"""

from __future__ import annotations

from osgeo import gdal, osr

from planet_scenes.gdal_calls import call_gdal
from planet_scenes.texts import tr
from planet_vector.errors import RasterAccessError
from planet_vector.raster.limits import MAX_BLOCK

_OPEN = gdal.OF_RASTER | gdal.OF_VERBOSE_ERROR  # without the latter, most failures to open a remote file are silent


def open_raster(name: str, title: str) -> gdal.Dataset:
    """Open a product after checking its header: it must be a GeoTIFF of a readable size.

    Parameters
    ----------
    name : str
        The source.
    title : str
        Name of the product in errors.

    Returns
    -------
    gdal.Dataset
        The open dataset.

    Raises
    ------
    RasterAccessError
        If the check or opening fails; the message contains GDAL's reason.
    """
    dataset, why = call_gdal(lambda: gdal.OpenEx(name, _OPEN, allowed_drivers=["GTiff"]))
    if dataset is None:
        raise RasterAccessError(
            tr("{title} cannot be opened as a GeoTIFF: {why}. Try again later, or download it.").format(
                title=title, why=why
            )
        )
    block = sum(
        columns * rows * gdal.GetDataTypeSize(band.DataType) // 8
        for band in map(dataset.GetRasterBand, range(1, dataset.RasterCount + 1))
        for columns, rows in [band.GetBlockSize()]
    )
    if block > MAX_BLOCK:
        raise RasterAccessError(
            tr("{title} has blocks of {size:,} bytes, larger than those of any product: it is not read.").format(
                title=title, size=block
            )
        )
    return dataset


def open_source(name: str, title: str) -> gdal.Dataset:
    """Open a source that `name_of`, `stack` or `mosaic` returned.

    Parameters
    ----------
    name : str
        The source.
    title : str
        Name of the source in errors.

    Returns
    -------
    gdal.Dataset
        The open dataset.

    Raises
    ------
    RasterAccessError
        As `open_raster` and `open_vrt` do.
    """
    return open_vrt(name, title) if name.endswith(".vrt") else open_raster(name, title)


def open_vrt(path: str, title: str) -> gdal.Dataset:
    """Open a VRT written here.

    Parameters
    ----------
    path : str
        Path of the VRT.
    title : str
        Name of the VRT in errors.

    Returns
    -------
    gdal.Dataset
        The open dataset.

    Raises
    ------
    RasterAccessError
        If that fails; the message contains GDAL's reason.
    """
    dataset, why = call_gdal(lambda: gdal.OpenEx(path, _OPEN, allowed_drivers=["VRT"]))
    if dataset is None:
        raise RasterAccessError(tr("{title} cannot be opened: {why}. Try again later.").format(title=title, why=why))
    return dataset


def is_north_up(dataset: gdal.Dataset) -> bool:
    """Return whether the rows of a raster lie from west to east, the first one in the north.

    Parameters
    ----------
    dataset : gdal.Dataset
        The raster.
    """
    _, _, turned, _, sheared, height = dataset.GetGeoTransform()
    return not turned and not sheared and height < 0


def system_of(dataset: gdal.Dataset, title: str) -> osr.SpatialReference:
    """Return the coordinate system of a raster, with x before y.

    Parameters
    ----------
    dataset : gdal.Dataset
        The raster.
    title : str
        Name of the raster in errors; its source may contain a signature.

    Raises
    ------
    RasterAccessError
        If the raster has no coordinate system.
    """
    system = dataset.GetSpatialRef()
    if system is None:
        raise RasterAccessError(tr("{title} has no coordinate system.").format(title=title))
    system.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    return system


def has_overviews(dataset: gdal.Dataset) -> bool:
    """Return True if a raster has overviews.

    Parameters
    ----------
    dataset : gdal.Dataset
        The raster.
    """
    band = dataset.GetRasterBand(1)
    # For remote files, GDAL's name of an overview file may lead to the file itself, which has the same size.
    return any(band.GetOverview(number).XSize < band.XSize for number in range(band.GetOverviewCount()))
