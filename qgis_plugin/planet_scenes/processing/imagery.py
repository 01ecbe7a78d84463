"""Products in the GDAL of QGIS: opened where they lie, and laid on a grid."""

from __future__ import annotations

import math
from typing import Any, Callable, Dict, NamedTuple, Optional, Sequence, Tuple, Union

import numpy
from osgeo import gdal, ogr

from planet_scenes import rasters
from planet_scenes.tasks import Cancelled
from planet_scenes.texts import tr
from planet_vector.catalog import Catalog
from planet_vector.errors import RasterAccessError
from planet_vector.geometry.shapes import Polygon
from planet_vector.scene import Scene

Bounds = Tuple[float, float, float, float]
"""West, south, east, north."""

_CREATION = ("TILED=YES", "COMPRESS=DEFLATE", "PREDICTOR=2", "BIGTIFF=IF_SAFER")


class Canvas(NamedTuple):
    """Hold where the pixels of a raster are.

    Attributes
    ----------
    crs : str
        Its coordinate system, as GDAL takes it.
    bounds : tuple of float
        West, south, east, north, in units of it.
    width, height : int
        Pixels.
    """

    crs: str
    bounds: Bounds
    width: int
    height: int


class Header(NamedTuple):
    """Hold what a raster says of itself.

    Attributes
    ----------
    crs : osr.SpatialReference
        x before y.
    bounds : tuple of float
        West, south, east, north, in units of it.
    pixel : tuple of float
        Width and height of a pixel.
    bands : tuple
        The type of each band and what it shows, as GDAL numbers them.
    """

    crs: Any
    bounds: Bounds
    pixel: Tuple[float, float]
    bands: Tuple[Tuple[int, int], ...]


def opened(catalog: Catalog, scene: Scene, product: str) -> gdal.Dataset:
    """Open a product where it lies.

    Raises
    ------
    ServiceError
        When the service does not give it.
    RasterAccessError
        When GDAL cannot open it, or it is served whole only.
    """
    return rasters.open_raster(rasters.own_name_of(catalog, scene, product), f"{scene.id}/{product}")


def header(dataset: gdal.Dataset, title: str) -> Header:
    """Return what a dataset says of itself; the title is for errors."""
    west, width, _, north, _, height = dataset.GetGeoTransform()
    bands = [dataset.GetRasterBand(number + 1) for number in range(dataset.RasterCount)]
    return Header(
        rasters.system_of(dataset, title),
        (west, north + height * dataset.RasterYSize, west + width * dataset.RasterXSize, north),
        (abs(width), abs(height)),
        tuple((band.DataType, band.GetColorInterpretation()) for band in bands),
    )


def pixel_in(dataset: gdal.Dataset, crs: str) -> Tuple[float, float]:
    """Return the size of a dataset's pixels in another coordinate system."""
    warped, why = rasters.call_gdal(lambda: gdal.AutoCreateWarpedVRT(dataset, None, crs))
    if warped is None:
        raise RasterAccessError(tr("The coordinate system does not fit the scenes: {why}.").format(why=why))
    _, width, _, _, _, height = warped.GetGeoTransform()
    return abs(width), abs(height)


def canvas(bounds: Bounds, pixel: Tuple[float, float], crs: str) -> Canvas:
    """Return the canvas around some bounds; its pixels are counted from the origin of the coordinate system."""
    # The rounding keeps a bound that lies on a line of the grid there, whatever its last digit.
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
    """Lay a dataset on a canvas, over what is there.

    Parameters
    ----------
    source : Dataset
        What is laid.
    target : str or Dataset
        The GeoTIFF to make, or one this function has made.
    canvas : Canvas
        Where its pixels are.
    resampling : str
        A name of GDAL's, such as nearest.
    cancelled : callable
        Asked now and then; True stops it.

    Raises
    ------
    RasterAccessError
        When it cannot be read or written.
    Cancelled
        When it was stopped.
    """
    options: Dict[str, Any] = {
        "resampleAlg": resampling,
        "copyMetadata": False,
        # Each pixel is placed for itself. By default GDAL places some and divides what is between them, to an eighth of
        # a pixel, and which ones depends on the tiles of the target (GDAL 3.13): one of eight pixels is another then.
        "errorThreshold": 0,
        "callback": lambda *_: 0 if cancelled() else 1,
    }
    if isinstance(target, str):
        options.update(
            format="GTiff", creationOptions=list(_CREATION), dstSRS=canvas.crs, outputBounds=canvas.bounds,
            width=canvas.width, height=canvas.height,
        )  # fmt: skip
    made, why = rasters.call_gdal(lambda: gdal.Warp(target, source, **options))
    if cancelled():
        raise Cancelled
    if not made:
        raise RasterAccessError(tr("The pixels cannot be read or written: {why}.").format(why=why))
    # Into a dataset that is there, GDAL answers whether it went well.
    return made if isinstance(target, str) else target


def valid_share(dataset: gdal.Dataset) -> float:
    """Return the share of a dataset's pixels that have data, from 0 to 1.

    Raises
    ------
    RasterAccessError
        When they cannot be read.
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

    valid, why = rasters.call_gdal(count)
    if valid is None:
        raise RasterAccessError(tr("The pixels cannot be read or written: {why}.").format(why=why))
    return float(valid / (dataset.RasterXSize * dataset.RasterYSize))


def covered_share(dataset: gdal.Dataset, polygons: Sequence[Polygon]) -> float:
    """Return which share of the pixels that polygons touch have data, from 0 to 1.

    Parameters
    ----------
    dataset : Dataset
        North up.
    polygons : sequence of polygons
        In its coordinates.

    Raises
    ------
    RasterAccessError
        When they cannot be read.
    """
    memory = gdal.GetDriverByName("MEM")
    if not memory.GetMetadataItem(gdal.DCAP_VECTOR):  # before GDAL 3.11 that of vectors is another
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

    found, why = rasters.call_gdal(count)
    if found is None:
        raise RasterAccessError(tr("The pixels cannot be read or written: {why}.").format(why=why))
    return found[0] / max(found[1], 1)


def finish(dataset: gdal.Dataset) -> None:
    """Write a dataset out.

    Raises
    ------
    RasterAccessError
        When the disk is full, say.
    """

    def flush() -> bool:
        dataset.FlushCache()
        return bool(gdal.GetLastErrorType() < gdal.CE_Failure)

    good, why = rasters.call_gdal(flush)
    if not good:
        raise RasterAccessError(tr("The raster cannot be written: {why}.").format(why=why))
