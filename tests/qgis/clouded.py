"""The sample archive with masks of usable pixels (UDM2) for two scenes with clouds, told from a clear date."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy
from osgeo import gdal

CLOUDED = ("20150719_094445_0908", "20150719_094446_0908")
"""Two scenes that lie below each other, with clouds and their shadows."""
_CLEAR = "20150805"  # a day without clouds, a fortnight later
_BRIGHTER, _DARKER = 25.0, 0.78  # 8-bit levels more, and a share, of the clear date


def make(archive: Path, folder: Path) -> None:
    """Copy an archive, and add the masks.

    Parameters
    ----------
    archive : Path
        The sample archive.
    folder : Path
        The folder of the copy, which does not exist.
    """
    shutil.copytree(archive, folder, copy_function=os.link)  # nothing writes into the files
    clear = [str(path) for path in sorted(archive.glob(f"{_CLEAR}*_visual.tif"))]
    for scene in CLOUDED:
        _write_mask(folder, scene, clear)
        about = folder / f"{scene}_metadata.json"
        feature = json.loads(about.read_text(encoding="utf-8"))
        products = feature["properties"]["data"]["products"]
        products["udm2"] = {"full": products["visual"]["full"].replace("visual", "udm2")}
        about.unlink()  # the link, not the file of the other archive
        about.write_text(json.dumps(feature), encoding="utf-8")


def _write_mask(folder: Path, scene: str, clear: Any) -> None:
    """Write a mask: cloud where the scene is brighter than on the clear date, shadow where it is darker."""
    source = gdal.Open(str(folder / f"{scene}_visual.tif"))
    left, pixel, _, top, _, step = source.GetGeoTransform()
    columns, rows = source.RasterXSize, source.RasterYSize
    bounds = (left, top + rows * step, left + columns * pixel, top)
    there = gdal.Warp(
        "", clear, format="MEM", dstSRS=source.GetProjection(), outputBounds=bounds, width=columns, height=rows
    )
    pixels = source.ReadAsArray()
    valid = pixels[3] > 0
    here, before = (_blurred(each[:3].mean(axis=0), 1) for each in (pixels, there.ReadAsArray()))
    cloud = (_blurred(here > before + _BRIGHTER, 2) > 0.3) & valid
    shadow = (_blurred((here < _DARKER * before) & valid, 2) > 0.5) & valid & ~cloud
    # Bands: clear, snow, shadow, light haze, heavy haze, cloud, confidence, and the bits of the first mask.
    bands = numpy.zeros((8, rows, columns), "uint8")
    bands[0], bands[2], bands[5], bands[6] = valid & ~cloud & ~shadow, shadow, cloud, 90 * valid
    file = gdal.GetDriverByName("GTiff").Create(str(folder / f"{scene}_udm2.tif"), columns, rows, 8, gdal.GDT_Byte)
    file.SetGeoTransform(source.GetGeoTransform())
    file.SetProjection(source.GetProjection())
    for number, band in enumerate(bands, 1):
        file.GetRasterBand(number).WriteArray(band)
    file.FlushCache()


def _blurred(values: Any, radius: int) -> Any:
    """Return the mean around each pixel.

    Parameters
    ----------
    values : array, shape (rows, columns)
        The values.
    radius : int
        Pixels on each side.
    """
    size = 2 * radius + 1
    sums = numpy.pad(values.astype("float64"), radius, mode="edge").cumsum(axis=0).cumsum(axis=1)
    sums = numpy.pad(sums, ((1, 0), (1, 0)))
    return (sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size]) / size**2
