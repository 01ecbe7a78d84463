"""Rendering of rasters: the bands drawn as colours, stretched to the values in view.

`drawn` reads pixels and must be called in workers.
"""

from __future__ import annotations

import math
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

import numpy
from osgeo import gdal, osr

from planet_scenes.gdal_calls import call_gdal
from planet_scenes.raster_opening import has_overviews, system_of
from planet_scenes.texts import tr
from planet_vector.errors import RasterAccessError

_SAMPLE = 400  # pixels per side of the window that determines the contrast stretch

_TAIL = 2.0  # percent of the pixels cut off at each end, as in QGIS's cumulative cut

Rectangle = Tuple[float, float, float, float]
"""West, south, east, north."""


class Band(NamedTuple):
    """A band shown as a colour, and the values drawn darkest and brightest."""

    number: int
    low: float
    high: float


class Drawn(NamedTuple):
    """Rendering of a raster: three bands or one, each stretched; no bands if its values are colours already."""

    bands: Tuple[Band, ...] = ()


def drawn(
    dataset: gdal.Dataset, title: str, extent: Optional[Rectangle], crs: str, colours: Sequence[str] = ()
) -> Drawn:
    """Return how to draw a raster: its bands, stretched to the values in view.

    Parameters
    ----------
    dataset : gdal.Dataset
        The raster.
    title : str
        Name of the raster in errors.
    extent : tuple of float, optional
        The view (west, south, east, north); if it does not meet the raster, the middle of the raster is used.
    crs : str
        Coordinate system of the extent, as WKT.
    colours : sequence of str, optional
        GDAL's names of the colours of the bands, if they are documented; otherwise those in the file count.

    Returns
    -------
    Drawn
        Stretch from the 2nd to the 98th percentile of the valid pixels in a window of at most 400 × 400 pixels, like
        QGIS's cumulative cut, but never of the whole file, which would have to be downloaded.

    Raises
    ------
    RasterAccessError
        If the pixels cannot be read.
    """
    bands = colours_of(dataset, colours)
    if dataset.GetRasterBand(1).DataType == gdal.GDT_Byte and len(bands) == 3:
        return Drawn()
    column, row, width, height = _window(dataset, title, extent, crs)
    scale = max(1.0, max(width, height) / _SAMPLE)
    shape = max(1, int(width / scale)), max(1, int(height / scale))
    if not has_overviews(dataset) and scale > 4:
        # Without overviews, a decimated window would be read in full: use its middle at full resolution.
        side = int(_SAMPLE * 2)
        column, row = column + max(0, (width - side) // 2), row + max(0, (height - side) // 2)
        width, height = min(width, side), min(height, side)
        shape = min(width, _SAMPLE), min(height, _SAMPLE)

    def pixels(band: gdal.Band) -> numpy.ndarray[Any, Any]:
        values, why = call_gdal(lambda: band.ReadAsArray(column, row, width, height, *shape))
        if values is None:
            raise RasterAccessError(
                tr("The pixels of {title} in view cannot be read: {why}. Try again later.").format(title=title, why=why)
            )
        return values

    mask = pixels(dataset.GetRasterBand(1).GetMaskBand())
    found: List[Band] = []
    for number in bands:
        values = pixels(dataset.GetRasterBand(number))
        valid = values[(mask > 0) & (values != 0)]
        low, high = numpy.percentile(valid, (_TAIL, 100 - _TAIL)) if valid.size else (0.0, 1.0)
        found.append(Band(number, float(low), float(max(high, low + 1))))
    return Drawn(tuple(found))


def colours_of(dataset: gdal.Dataset, documented: Sequence[str] = ()) -> List[int]:
    """Return the bands drawn as red, green and blue, or the one drawn as grey.

    Parameters
    ----------
    dataset : gdal.Dataset
        The raster.
    documented : sequence of str, optional
        GDAL's names of the colours of the bands, if they are documented; otherwise those in the file count.
    """
    numbers = range(1, dataset.RasterCount + 1)
    in_file = [gdal.GetColorInterpretationName(dataset.GetRasterBand(n).GetColorInterpretation()) for n in numbers]
    for names in (documented, in_file):
        if all(colour in names for colour in ("Red", "Green", "Blue")):
            return [names.index(colour) + 1 for colour in ("Red", "Green", "Blue")]
    if dataset.RasterCount >= 3 and set(documented) <= {"Gray", "Undefined"}:
        # RapidEye's five bands are blue, green, red, red edge, near infrared; PlanetScope's four begin alike.
        return [3, 2, 1]
    return [1, 2, 3] if dataset.RasterCount >= 3 else [1]


def _window(dataset: gdal.Dataset, title: str, extent: Optional[Rectangle], crs: str) -> Tuple[int, int, int, int]:
    """Return column, row, width and height of an extent in a raster; of the whole raster if they do not meet."""
    whole = 0, 0, dataset.RasterXSize, dataset.RasterYSize
    west, pixel_x, _, north, _, pixel_y = dataset.GetGeoTransform()
    if extent is None or not crs:  # a project may have no coordinate system
        return whole
    here = system_of(dataset, title)

    def transform() -> Any:
        there = osr.SpatialReference()
        there.ImportFromWkt(crs)
        there.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
        return osr.CoordinateTransformation(there, here).TransformBounds(*extent, 21)

    bounds, _ = call_gdal(transform)
    if bounds is None or not all(math.isfinite(bound) for bound in bounds):
        return whole
    left, bottom, right, top = bounds
    first, last = int((left - west) / pixel_x), int((right - west) / pixel_x) + 1
    upper, lower = int((top - north) / pixel_y), int((bottom - north) / pixel_y) + 1
    first, last = max(0, first), min(dataset.RasterXSize, last)
    upper, lower = max(0, upper), min(dataset.RasterYSize, lower)
    return (first, upper, last - first, lower - upper) if first < last and upper < lower else whole
