"""Overviews of products without any: created once, before the layer is shown, so that zoomed-out drawing is fast.

Without them, even the contrast stretch of a layer reads more of the file. They are created in the task that adds it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
from osgeo import gdal
from qgis.core import Qgis, QgsMessageLog

from planet_scenes import core, gdal_calls, messages, product_sources, raster_opening
from planet_scenes.tasks import Cancelled
from planet_scenes.texts import tr
from planet_vector.catalog import Catalog
from planet_vector.errors import PlanetVectorError, RasterAccessError
from planet_vector.raster.decimated import AT_LEAST, Decimation
from planet_vector.raster.overview_files import Making
from planet_vector.scene import Scene

MOST_BYTES = 128 * 2**20
"""Limit of the bytes fetched automatically per product; 8000 × 8000 pixels in one-row strips need about 60 MB."""

_CREATION = ("TILED=YES", "COMPRESS=DEFLATE", "ZLEVEL=1", "INTERLEAVE=BAND", "PHOTOMETRIC=MINISBLACK")


def prepared(catalog: Catalog, scene: Scene, product: str, source: str, feedback: Any) -> str:
    """Return the source that QGIS opens for a product; creates overviews if the product is large and has none.

    If they cannot be created, or would need more than `MOST_BYTES`, the source is returned unchanged and the reason is
    logged.

    Parameters
    ----------
    catalog : Catalog
        The client of the service.
    scene : Scene
        The scene.
    product : str
        The product.
    source : str
        The source as `product_sources.name_of` returns it.
    feedback : QgsFeedback
        Receives the progress, and can cancel.

    Raises
    ------
    RasterAccessError
        If the product cannot be opened.
    Cancelled
        If the user cancels.
    """
    title = f"{scene.id}/{product}"
    dataset = raster_opening.open_source(source, title)
    if source.endswith(".vrt") and dataset.GetRasterBand(1).GetOverviewCount():
        return source  # its overviews are not opened, which takes time
    if max(dataset.RasterXSize, dataset.RasterYSize) < 2 * AT_LEAST or raster_opening.has_overviews(dataset):
        return source

    def tell(done: int, total: int) -> None:
        if feedback.isCanceled():
            raise Cancelled
        feedback.setProgress(100 * done / max(1, total))

    try:
        making = Making(catalog, scene.product_link(product), title)
        if making.decimation.needless:
            return source
        if making.decimation.bytes > MOST_BYTES:
            told = tr("Overviews of {title} need {size} MB of it: create them with 'planet-vector overviews'.")
            raise RasterAccessError(told.format(title=title, size=round(making.decimation.bytes / 1e6)))
        making.make(reduce, tell)
    except (PlanetVectorError, OSError) as error:
        QgsMessageLog.logMessage(core.errors_told(error), messages.TAB, Qgis.MessageLevel.Warning, notifyUser=False)
        return source
    return product_sources.name_of(catalog, scene, product)


def reduce(part: Path, overviews: Path, text: Path, decimation: Decimation) -> None:
    """Write the overviews and a VRT of a partial copy; implements `planet_vector.raster.overview_files.Reduce`.

    Parameters
    ----------
    part : Path
        The partial copy of the product.
    overviews : Path
        The overview file to write.
    text : Path
        The VRT to write.
    decimation : Decimation
        The factors of the overviews.

    Raises
    ------
    RasterAccessError
        If GDAL cannot decode the copy.
    """
    title = decimation.title
    dataset = raster_opening.open_raster(str(part), title)
    bands = [dataset.GetRasterBand(number) for number in range(1, dataset.RasterCount + 1)]
    if any(band.GetOverviewCount() for band in bands):
        raise RasterAccessError(tr("{title} has overviews, or refers to others.").format(title=title))
    sources = [*bands, bands[0].GetMaskBand()] if decimation.mask else bands
    size = decimation.columns, decimation.rows

    def write() -> bool:
        target = gdal.GetDriverByName("GTiff").Create(
            str(overviews), *size, len(sources), bands[0].DataType, options=list(_CREATION)
        )
        if target is None:
            return False
        for number, source in enumerate(sources, 1):
            pixels: numpy.ndarray[Any, Any] = source.ReadAsArray(buf_xsize=size[0], buf_ysize=size[1])
            if pixels is None:
                return False
            band = target.GetRasterBand(number)
            if number <= len(bands):
                band.SetColorInterpretation(source.GetColorInterpretation())
                if source.GetNoDataValue() is not None:
                    band.SetNoDataValue(source.GetNoDataValue())
            if band.WriteArray(pixels):
                return False
        target.FlushCache()
        failed = target.BuildOverviews("NEAREST", list(decimation.factors))
        described = gdal.GetDriverByName("VRT").CreateCopy(str(text), dataset)
        return not failed and described is not None  # both datasets are closed, and so written, on return

    written, why = gdal_calls.call_gdal(write)
    if not written:
        raise RasterAccessError(tr("{title} cannot be decoded: {why}.").format(title=title, why=why))
