"""Products in QGIS's GDAL: opened remotely, and resampled onto a grid."""

from __future__ import annotations

import math
from typing import Any, Callable, Dict, NamedTuple, Optional, Sequence, Tuple, Union

import numpy
from osgeo import gdal, ogr

from planet_scenes import gdal_calls, product_sources, raster_opening
from planet_scenes.tasks import Cancelled
from planet_scenes.texts import tr
from planet_vector.catalog import Catalog
from planet_vector.errors import RasterAccessError
from planet_vector.geometry.shapes import Polygon
from planet_vector.scene import Scene

Bounds = Tuple[float, float, float, float]
"""West, south, east, north."""

MOST_PIXELS = 10**11
"""Pixels of an output, a square of 316,000, as in `planet_vector.raster.geotiff`, which needs other libraries."""

_CREATION = ("TILED=YES", "COMPRESS=DEFLATE", "PREDICTOR=2", "BIGTIFF=IF_SAFER")


class Canvas(NamedTuple):
    """Position and size of a raster.

    Attributes
    ----------
    crs : str
        Coordinate system, in any form that GDAL reads.
    bounds : tuple of float
        West, south, east, north, in units of `crs`.
    width, height : int
        Size in pixels.
    """

    crs: str
    bounds: Bounds
    width: int
    height: int


class Header(NamedTuple):
    """Properties of a raster.

    Attributes
    ----------
    crs : osr.SpatialReference
        Coordinate system, with x before y.
    bounds : tuple of float
        West, south, east, north, in units of `crs`.
    pixel : tuple of float
        Width and height of a pixel, in units of `crs`.
    bands : tuple
        Data type and colour interpretation of each band, as GDAL's numbers.
    """

    crs: Any
    bounds: Bounds
    pixel: Tuple[float, float]
    bands: Tuple[Tuple[int, int], ...]


def opened(catalog: Catalog, scene: Scene, product: str) -> gdal.Dataset:
    """Open a product remotely.

    Parameters
    ----------
    catalog : Catalog
        The client of the service.
    scene : Scene
        The scene.
    product : str
        The product.

    Returns
    -------
    gdal.Dataset
        The open dataset.

    Raises
    ------
    ServiceError
        If the service reports an error.
    RasterAccessError
        If GDAL cannot open the product, or the service only delivers whole files.
    """
    return raster_opening.open_raster(product_sources.own_name_of(catalog, scene, product), f"{scene.id}/{product}")


def header(dataset: gdal.Dataset, title: str) -> Header:
    """Return the properties of a dataset.

    Parameters
    ----------
    dataset : gdal.Dataset
        The dataset.
    title : str
        Name of the dataset in errors.

    Raises
    ------
    RasterAccessError
        If the dataset has no coordinate system.
    """
    west, width, _, north, _, height = dataset.GetGeoTransform()
    bands = [dataset.GetRasterBand(number + 1) for number in range(dataset.RasterCount)]
    return Header(
        raster_opening.system_of(dataset, title),
        (west, north + height * dataset.RasterYSize, west + width * dataset.RasterXSize, north),
        (abs(width), abs(height)),
        tuple((band.DataType, band.GetColorInterpretation()) for band in bands),
    )


def pixel_in(dataset: gdal.Dataset, crs: str) -> Tuple[float, float]:
    """Return the pixel size of a dataset in another coordinate system.

    Parameters
    ----------
    dataset : gdal.Dataset
        The dataset.
    crs : str
        The coordinate system, in any form that GDAL reads.

    Returns
    -------
    tuple of float
        Width and height, in units of `crs`.

    Raises
    ------
    RasterAccessError
        If the dataset cannot be transformed to `crs`.
    """
    warped, why = gdal_calls.call_gdal(lambda: gdal.AutoCreateWarpedVRT(dataset, None, crs))
    if warped is None:
        raise RasterAccessError(tr("The coordinate system does not fit the scenes: {why}.").format(why=why))
    _, width, _, _, _, height = warped.GetGeoTransform()
    return abs(width), abs(height)


def canvas(bounds: Bounds, pixel: Tuple[float, float], crs: str) -> Canvas:
    """Return the smallest canvas around bounds; its grid is aligned with the origin of the coordinate system.

    Parameters
    ----------
    bounds : tuple of float
        West, south, east, north, in units of `crs`.
    pixel : tuple of float
        Width and height of a pixel, in units of `crs`.
    crs : str
        The coordinate system, in any form that GDAL reads.
    """
    # Rounding keeps bounds that lie on a grid line there, despite floating-point errors.
    left, bottom = math.floor(round(bounds[0] / pixel[0], 6)), math.floor(round(bounds[1] / pixel[1], 6))
    right, top = math.ceil(round(bounds[2] / pixel[0], 6)), math.ceil(round(bounds[3] / pixel[1], 6))
    outer = (left * pixel[0], bottom * pixel[1], right * pixel[0], top * pixel[1])
    return Canvas(crs, outer, max(right - left, 1), max(top - bottom, 1))


def lay(
    source: gdal.Dataset,
    target: Union[str, gdal.Dataset],
    canvas: Canvas,
    resampling: str,
    cancelled: Callable[[], bool],
) -> gdal.Dataset:
    """Warp a dataset onto a canvas, over existing pixels.

    Parameters
    ----------
    source : gdal.Dataset
        The dataset to warp.
    target : str or gdal.Dataset
        Path of the GeoTIFF to create, or a dataset that this function has returned.
    canvas : Canvas
        Position and size of the target.
    resampling : str
        GDAL's name of the resampling method, such as nearest.
    cancelled : callable
        Called repeatedly; returning True stops the warp.

    Returns
    -------
    gdal.Dataset
        The target, still open.

    Raises
    ------
    RasterAccessError
        If pixels cannot be read or written, or the canvas has more than `MOST_PIXELS`.
    Cancelled
        If `cancelled` returned True.
    """
    if canvas.width * canvas.height > MOST_PIXELS:
        raise RasterAccessError(
            tr("{width:,} × {height:,} pixels are too many: choose larger pixels, or a smaller area.").format(
                width=canvas.width, height=canvas.height
            )
        )
    options: Dict[str, Any] = {
        "resampleAlg": resampling,
        "copyMetadata": False,
        # Transform each pixel exactly. By default GDAL transforms some and interpolates between them, to an eighth of a
        # pixel; which ones depends on the tiles of the target (GDAL 3.13), and one pixel in eight then differs.
        "errorThreshold": 0,
        "callback": lambda *_: 0 if cancelled() else 1,
    }
    if resampling != "nearest":
        # By default GDAL estimates the scale, and with it the pixels that count, for each part of the target that it
        # warps at once; GDAL 3.10 cuts these along the target's tiles, and the values then differ by part.
        pixel, (west, south, east, north) = pixel_in(source, canvas.crs), canvas.bounds
        scales = _scale(pixel[0] * canvas.width / (east - west)), _scale(pixel[1] * canvas.height / (north - south))
        options["warpOptions"] = [f"XSCALE={scales[0]!r}", f"YSCALE={scales[1]!r}"]
    if isinstance(target, str):
        options.update(
            format="GTiff", creationOptions=list(_CREATION), dstSRS=canvas.crs, outputBounds=canvas.bounds,
            width=canvas.width, height=canvas.height,
        )  # fmt: skip
    made, why = gdal_calls.call_gdal(lambda: gdal.Warp(target, source, **options))
    if cancelled():
        raise Cancelled
    if not made:
        raise RasterAccessError(tr("The pixels cannot be read or written: {why}.").format(why=why))
    # With an existing target, gdal.Warp returns a success flag.
    return made if isinstance(target, str) else target


def _scale(scale: float) -> float:
    """Return a scale, pixels of the target per pixel of the source, rounded to 1 / n where GDAL's estimate would be.

    From ``GDALWarpOperation::WarpRegionToBuffer``: the reciprocal is within 0.05 of an integer.
    """
    times = round(1 / scale)
    return 1 / times if times and abs(1 / scale - times) < 0.05 else scale


def valid_share(dataset: gdal.Dataset) -> float:
    """Return the share of a dataset's pixels that have data, from 0 to 1.

    Parameters
    ----------
    dataset : gdal.Dataset
        The dataset.

    Raises
    ------
    RasterAccessError
        If the pixels cannot be read.
    """
    mask = dataset.GetRasterBand(1).GetMaskBand()

    def count() -> Optional[int]:
        found = 0
        for row in range(0, dataset.RasterYSize, 256):
            pixels = mask.ReadAsArray(0, row, dataset.RasterXSize, min(256, dataset.RasterYSize - row))
            if pixels is None:
                return None
            found += int(numpy.count_nonzero(pixels))
        return found

    valid, why = gdal_calls.call_gdal(count)
    if valid is None:
        raise RasterAccessError(tr("The pixels cannot be read or written: {why}.").format(why=why))
    return float(valid / (dataset.RasterXSize * dataset.RasterYSize))


def covered_share(dataset: gdal.Dataset, polygons: Sequence[Polygon]) -> float:
    """Return the share of the pixels touched by polygons that have data, from 0 to 1.

    Parameters
    ----------
    dataset : gdal.Dataset
        The dataset, north up.
    polygons : sequence of polygons
        Polygons in the coordinate system of the dataset.

    Raises
    ------
    RasterAccessError
        If the pixels cannot be read.
    """
    memory = gdal.GetDriverByName("MEM")
    if not memory.GetMetadataItem(gdal.DCAP_VECTOR):  # before GDAL 3.11, vectors have a separate in-memory driver
        memory = gdal.GetDriverByName("Memory")
    source = memory.Create("", 0, 0, 0, gdal.GDT_Unknown)
    layer = source.CreateLayer("area", dataset.GetSpatialRef())
    for polygon in polygons:
        shape = ogr.Geometry(ogr.wkbPolygon)
        for ring in polygon:
            line = ogr.Geometry(ogr.wkbLinearRing)
            for x, y in ring:
                line.AddPoint_2D(x, y)
            line.CloseRings()
            shape.AddGeometry(line)
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetGeometry(shape)
        layer.CreateFeature(feature)
    touched = gdal.GetDriverByName("MEM").Create("", dataset.RasterXSize, dataset.RasterYSize, 1)
    touched.SetGeoTransform(dataset.GetGeoTransform())
    touched.SetSpatialRef(dataset.GetSpatialRef())

    def count() -> Optional[Tuple[int, int]]:
        gdal.RasterizeLayer(touched, [1], layer, burn_values=[1], options=["ALL_TOUCHED=TRUE"])
        area = touched.ReadAsArray() > 0
        pixels = dataset.GetRasterBand(1).GetMaskBand().ReadAsArray()
        return None if pixels is None else (int(numpy.count_nonzero(pixels[area])), int(numpy.count_nonzero(area)))

    found, why = gdal_calls.call_gdal(count)
    if found is None:
        raise RasterAccessError(tr("The pixels cannot be read or written: {why}.").format(why=why))
    return found[0] / max(found[1], 1)


def finish(dataset: gdal.Dataset) -> None:
    """Flush a dataset to disk.

    Parameters
    ----------
    dataset : gdal.Dataset
        The dataset.

    Raises
    ------
    RasterAccessError
        If it cannot be written, for example because the disk is full.
    """

    def flush() -> bool:
        dataset.FlushCache()
        return bool(gdal.GetLastErrorType() < gdal.CE_Failure)

    good, why = gdal_calls.call_gdal(flush)
    if not good:
        raise RasterAccessError(tr("The raster cannot be written: {why}.").format(why=why))
