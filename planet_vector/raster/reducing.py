"""Reduce a copy of a product to its overviews, with rasterio's GDAL."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from rasterio._err import CPLE_BaseError
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.shutil import copy

from planet_vector.errors import RasterAccessError
from planet_vector.raster.decimated import Decimation
from planet_vector.raster.error_messages import gdal_said
from planet_vector.raster.gdal_options import READING, Options
from planet_vector.raster.product import opened
from planet_vector.raster.rasterio_warnings import unplaced


def reduce(part: Path, overviews: Path, text: Path, decimation: Decimation) -> None:
    """Write the overviews and a VRT of a copy, as `planet_vector.raster.overview_files.Reduce` specifies.

    Parameters
    ----------
    part : Path
        The copy.
    overviews : Path
        GeoTIFF to write.
    text : Path
        VRT of the copy to write.
    decimation : Decimation
        Size of the overviews.

    Raises
    ------
    RasterAccessError
        If GDAL cannot decode the copy, or cannot write the files.
    """
    try:
        with unplaced, opened(str(part), Options(READING)) as dataset:
            if any(map(dataset.overviews, dataset.indexes)):
                raise RasterAccessError(f"{decimation.title} has overviews of its own, or names others.")
            shape = decimation.rows, decimation.columns
            pixels = dataset.read(out_shape=(dataset.count, *shape))
            colours = list(dataset.colorinterp)
            if decimation.mask:
                mask = dataset.read_masks(1, out_shape=shape).astype(pixels.dtype)
                pixels = np.concatenate([pixels, mask[np.newaxis]])
                colours.append(rasterio.enums.ColorInterp.undefined)
            nodata = dataset.nodata
            place = dataset.transform * Affine.scale(dataset.width / shape[1], dataset.height / shape[0])
            copy(dataset, text, driver="VRT")
    except RasterioError as error:
        raise RasterAccessError(f"{decimation.title} cannot be decoded: {gdal_said(error)}.") from None
    try:
        profile = {
            "driver": "GTiff", "width": shape[1], "height": shape[0], "count": len(pixels), "dtype": pixels.dtype,
            "nodata": nodata, "tiled": True, "compress": "deflate", "zlevel": 1, "interleave": "band",
            "photometric": "minisblack", "transform": place,
        }  # fmt: skip
        with rasterio.open(overviews, "w", **profile) as target:
            target.colorinterp = colours
            target.write(pixels)
        with rasterio.open(overviews, "r+") as target:
            target.build_overviews(list(decimation.factors), Resampling.nearest)
    except (RasterioError, CPLE_BaseError) as error:
        raise RasterAccessError(
            f"The overviews of {decimation.title} cannot be written: {gdal_said(error)}; make room on the disk."
        ) from None
