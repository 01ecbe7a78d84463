"""Values of an expression of bands at places in one scene, read with QGIS's GDAL.

The rules are those of `planet_vector.series.sampling`, which needs libraries that QGIS lacks: of a point it is the
pixel that contains it, of a polygon those whose centre is inside, on the finest grid of the bands; the others are
sampled at the centres of its pixels.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy
from osgeo import gdal, ogr, osr
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsGeometry,
)
from qgis.PyQt.QtGui import QTransform

from planet_scenes.gdal_calls import call_gdal
from planet_scenes.polygons import WGS84
from planet_scenes.processing import imagery
from planet_scenes.processing.places import Place
from planet_scenes.raster_opening import system_of
from planet_scenes.texts import tr
from planet_vector.assets import BandValues
from planet_vector.bands.expressions import Expression
from planet_vector.bands.finding import find_bands
from planet_vector.catalog import Catalog
from planet_vector.errors import ExpressionError, QueryError, RasterAccessError
from planet_vector.scene import Scene

MOST_PIXELS = 2**25
"""Pixels that the extent of a polygon may have."""

_OFFSET = 1000.0  # keeps the position of the raster of a polygon from (0, 0), which GDAL takes for none

Array = Any
"""An array of numpy, whose types old versions do not have."""


class Scaling(NamedTuple):
    """Conversion of pixels, ``pixel * scale + offset``; None for the value of the file, or else of the service."""

    scale: Optional[float] = None
    offset: Optional[float] = None


class Statistics(NamedTuple):
    """Statistics of the values of a place.

    Attributes
    ----------
    mean, median, minimum, maximum, std : float
        NaN without values; the standard deviation is that of the population.
    pixels : int
        Number of pixels with a value.
    valid : float
        Share of the place's pixels that have a value, from 0 to 1; NaN if it has no pixel.
    """

    mean: float
    median: float
    minimum: float
    maximum: float
    std: float
    pixels: int
    valid: float


NOTHING = Statistics(math.nan, math.nan, math.nan, math.nan, math.nan, 0, 0.0)
"""Statistics of a scene that failed."""


def sample(
    catalog: Catalog,
    scene: Scene,
    expression: Expression,
    product: str,
    scaling: Scaling,
    places: Sequence[Place],
    transforms: QgsCoordinateTransformContext,
    alive: Callable[[], None],
) -> List[Statistics]:
    """Return statistics of an expression at places in one scene; call this in a worker.

    Parameters
    ----------
    catalog : Catalog
        The service.
    scene : Scene
        The scene.
    expression : Expression
        The expression.
    product : str
        The product that has the bands; if empty, they are found among the products of the scene.
    scaling : Scaling
        Conversion of the pixels.
    places : sequence of Place
        The places.
    transforms : QgsCoordinateTransformContext
        The user's choice of transformations.
    alive : callable
        Called between reads; raises an exception to cancel.

    Returns
    -------
    list of Statistics
        One for each place.

    Raises
    ------
    ExpressionError
        If the scene lacks a band.
    QueryError
        If the expression needs reflectance, and the pixels are integers without a scale.
    RasterAccessError, ServiceError
        If a file cannot be read.
    """
    if product:
        scene.asset(product)  # raises an error that lists the products
    try:
        bands = find_bands(expression, scene.assets, product or None)
    except ExpressionError as error:
        raise ExpressionError(f"{scene.id}: {error}", error.column) from None
    files: Dict[str, SampledFile] = {}
    for name in dict.fromkeys(place.product for place in bands.values()):
        alive()
        dataset = imagery.opened(catalog, scene, name)
        files[name] = SampledFile(dataset, f"{scene.id}/{name}", scene.asset(name).values)
    for band, place in bands.items():
        files[place.product].check(band, place.number, expression, scaling)
    finest = min(files.values(), key=lambda file: file.area)
    found = []
    for each in places:
        alive()
        rows, columns, total = finest.pixels_of(each, transforms)
        values: Mapping[str, Array] = {
            band: files[place.product].values(place.number, finest, rows, columns, scaling)
            for band, place in bands.items()
        }
        found.append(statistics_of(expression.evaluate(values), total))
    return found


def statistics_of(values: Array, total: int) -> Statistics:
    """Return the statistics of the values of a place.

    Parameters
    ----------
    values : array of float32, shape (pixels,)
        The values; NaN where they are missing.
    total : int
        Number of the place's pixels, including those beyond the scene.
    """
    valid = values[~numpy.isnan(values)].astype(numpy.float64)
    share = len(valid) / total if total else math.nan
    if not len(valid):
        return NOTHING._replace(valid=share)
    found = (valid.mean(), numpy.median(valid), valid.min(), valid.max(), valid.std())
    mean, median, least, most, std = map(float, found)
    return Statistics(mean, median, least, most, std, len(valid), share)


class SampledFile:
    """Open product of a scene.

    Parameters
    ----------
    dataset : gdal.Dataset
        The file.
    title : str
        Its name in messages.
    stated : sequence of BandValues
        Nodata, scale and offset of its bands as the service states them; the file's own come first.

    Raises
    ------
    RasterAccessError
        If it has no coordinate system, or no position in it.
    """

    def __init__(self, dataset: gdal.Dataset, title: str, stated: Sequence[BandValues]) -> None:
        self.dataset = dataset
        self.title = title
        self._system = system_of(dataset, title)
        position = dataset.GetGeoTransform(can_return_null=True)
        inverse = gdal.InvGeoTransform(position) if position is not None else None
        if inverse is None:
            raise RasterAccessError(tr("{title} has no position, so places are not found in it.").format(title=title))
        self.position, self._inverse = position, inverse
        bands = [dataset.GetRasterBand(number) for number in range(1, dataset.RasterCount + 1)]
        self._alpha = next((band for band in bands if band.GetColorInterpretation() == gdal.GCI_AlphaBand), None)
        if len(stated) == 1:
            stated = [stated[0]] * len(bands)
        self._stated = stated if len(stated) == len(bands) else [BandValues()] * len(bands)
        self._is_unmarked = (
            self._alpha is None
            and not bands[0].GetMaskFlags() & gdal.GMF_PER_DATASET
            and all(band.GetNoDataValue() is None for band in bands)
        )

    @property
    def area(self) -> float:
        """Area of a pixel, in units of its coordinate system."""
        _, a, b, _, d, e = self.position
        return float(abs(a * e - b * d))

    def check(self, name: str, number: int, expression: Expression, scaling: Scaling) -> None:
        """Raise an error if a band is missing, or its unit does not fit the expression.

        Parameters
        ----------
        name : str
            Name of the band in the expression.
        number : int
            Its number, from 1.
        expression : Expression
            The expression.
        scaling : Scaling
            Conversion of the pixels.

        Raises
        ------
        QueryError
            If it is so.
        """
        if number > self.dataset.RasterCount:
            raise QueryError(
                tr("{title} has {count} bands, so {name} cannot be band {number}: check the product.").format(
                    title=self.title, count=self.dataset.RasterCount, name=repr(name), number=number
                )
            )
        kind = self.dataset.GetRasterBand(number).DataType
        if gdal.DataTypeIsComplex(kind):
            raise QueryError(
                tr("Band {number} of {title} has complex numbers, which expressions do not take.").format(
                    number=number, title=self.title
                )
            )
        whole = kind not in (gdal.GDT_Float32, gdal.GDT_Float64)
        if expression.of_reflectance and whole and scaling == Scaling() and self._scale(number) == (1, 0):
            raise QueryError(
                tr(
                    "{expression} is for reflectance from 0 to 1, and band {number} of {title} has integers without a "
                    "scale: give the scale, such as 0.0001."
                ).format(expression=repr(expression.text), number=number, title=self.title)
            )

    def pixels_of(self, place: Place, transforms: QgsCoordinateTransformContext) -> Tuple[Array, Array, int]:
        """Return rows and columns of a place's pixels within the file, and the number of all its pixels.

        Parameters
        ----------
        place : Place
            The place.
        transforms : QgsCoordinateTransformContext
            The user's choice of transformations.

        Raises
        ------
        RasterAccessError
            If the extent of a polygon has more than `MOST_PIXELS`.
        """
        system = QgsCoordinateReferenceSystem()
        system.createFromWkt(self._system.ExportToWkt())
        shape = QgsGeometry(place.geometry)
        nothing = numpy.zeros(0, numpy.int64)
        try:
            shape.transform(QgsCoordinateTransform(WGS84, system, transforms))
        except QgsCsException:  # beyond the coordinate system
            return nothing, nothing, 1 if place.is_point else 0
        c, a, b, f, d, e = self._inverse
        shape.transform(QTransform(a, d, b, e, c, f))  # to columns and rows
        if place.is_point:
            point = shape.asPoint()
            if not (math.isfinite(point.x()) and math.isfinite(point.y())):
                return nothing, nothing, 1
            rows, columns = (numpy.array([math.floor(each)], numpy.int64) for each in (point.y(), point.x()))
            total = 1
        else:
            rows, columns = self._centres_inside(shape)
            total = len(rows)
        inside = self._contains(rows, columns)
        return rows[inside], columns[inside], total

    def values(self, number: int, grid: SampledFile, rows: Array, columns: Array, scaling: Scaling) -> Array:
        """Return the values of a band at the centres of pixels of a file.

        Parameters
        ----------
        number : int
            The band, from 1.
        grid : SampledFile
            The file whose pixels are given.
        rows, columns : array of int, shape (pixels,)
            The pixels.
        scaling : Scaling
            Conversion of the pixels.

        Returns
        -------
        array of float32, shape (pixels,)
            The values; NaN where there are none.

        Raises
        ------
        RasterAccessError
            If the pixels cannot be read.
        """
        if grid is not self:
            rows, columns = self._below(grid, rows, columns)
        inside = self._contains(rows, columns)
        found = numpy.full(len(rows), numpy.nan)
        if inside.any():
            found[inside] = self._read(number, rows[inside], columns[inside])
        scale, offset = self._scale(number)
        scale = scale if scaling.scale is None else scaling.scale
        offset = offset if scaling.offset is None else scaling.offset
        return (found if (scale, offset) == (1, 0) else found * scale + offset).astype(numpy.float32)

    def _scale(self, number: int) -> Tuple[float, float]:
        band = self.dataset.GetRasterBand(number)
        own = (band.GetScale(), band.GetOffset())
        scale, offset = (default if each is None else each for each, default in zip(own, (1, 0)))
        stated = self._stated[number - 1]
        return (stated.scale, stated.offset) if (scale, offset) == (1, 0) else (scale, offset)

    def _contains(self, rows: Array, columns: Array) -> Array:
        return (rows >= 0) & (columns >= 0) & (rows < self.dataset.RasterYSize) & (columns < self.dataset.RasterXSize)

    def _centres_inside(self, shape: QgsGeometry) -> Tuple[Array, Array]:
        """Return rows and columns whose centre is inside a polygon, on the grid continued beyond the file."""
        box = shape.boundingBox()
        if not box.isFinite():
            return numpy.zeros(0, numpy.int64), numpy.zeros(0, numpy.int64)
        left, top = math.floor(box.xMinimum()), math.floor(box.yMinimum())
        width, height = math.ceil(box.xMaximum()) - left, math.ceil(box.yMaximum()) - top
        if width * height > MOST_PIXELS:
            raise RasterAccessError(
                tr(
                    "A polygon spans {width:,} × {height:,} pixels of {title}; at most {most:,} are read: divide it."
                ).format(width=width, height=height, title=self.title, most=MOST_PIXELS)
            )
        memory = gdal.GetDriverByName("MEM")
        shape = QgsGeometry(shape)
        shape.transform(QTransform(1, 0, 0, -1, _OFFSET - left, top - _OFFSET))
        vectors = memory if memory.GetMetadataItem(gdal.DCAP_VECTOR) else gdal.GetDriverByName("Memory")  # GDAL < 3.11
        source = vectors.Create("", 0, 0, 0, gdal.GDT_Unknown)
        layer = source.CreateLayer("place")
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetGeometry(ogr.CreateGeometryFromWkb(bytes(shape.asWkb())))
        layer.CreateFeature(feature)
        raster = memory.Create("", max(width, 1), max(height, 1), 1)
        raster.SetGeoTransform((_OFFSET, 1, 0, -_OFFSET, 0, -1))
        done, why = call_gdal(lambda: gdal.RasterizeLayer(raster, [1], layer, burn_values=[1]) == gdal.CE_None)
        if not done:
            raise RasterAccessError(tr("The pixels cannot be read or written: {why}.").format(why=why))
        rows, columns = numpy.nonzero(raster.ReadAsArray())
        return rows + top, columns + left

    def _below(self, grid: SampledFile, rows: Array, columns: Array) -> Tuple[Array, Array]:
        """Return the pixels at the centres of pixels of another file."""
        x, y = _applied(grid.position, columns + 0.5, rows + 0.5)
        if not self._system.IsSame(grid._system):
            moved, why = call_gdal(
                lambda: osr.CoordinateTransformation(grid._system, self._system).TransformPoints(
                    numpy.column_stack([x, y]).tolist()
                )
            )
            if moved is None:
                raise RasterAccessError(
                    tr("The pixels of {one} cannot be found in {other}: {why}.").format(
                        one=grid.title, other=self.title, why=why
                    )
                )
            x, y = numpy.array(moved).reshape(-1, 3)[:, :2].T
        across, down = _applied(self._inverse, x, y)
        finite = numpy.isfinite(across) & numpy.isfinite(down)
        down, across = (numpy.where(finite, each, -1) for each in (down, across))
        return numpy.floor(down).astype(numpy.int64), numpy.floor(across).astype(numpy.int64)

    def _read(self, number: int, rows: Array, columns: Array) -> Array:
        """Return pixels of a band; NaN for those without data."""
        band = self.dataset.GetRasterBand(number)
        left, top = int(columns.min()), int(rows.min())
        window = (left, top, int(columns.max()) - left + 1, int(rows.max()) - top + 1)
        at = rows - top, columns - left

        def read(source: gdal.Band) -> Array:
            pixels, why = call_gdal(lambda: source.ReadAsArray(*window))
            if pixels is None:
                raise RasterAccessError(tr("{title} cannot be read: {why}.").format(title=self.title, why=why))
            return pixels[at]

        stored = read(band)
        seen = numpy.isfinite(stored)
        nodata = band.GetNoDataValue()
        if nodata is None and self._is_unmarked:
            nodata = self._stated[number - 1].nodata
        if nodata is not None and math.isfinite(nodata):
            seen &= stored != nodata
        if band.GetMaskFlags() & gdal.GMF_PER_DATASET:
            seen &= read(band.GetMaskBand()) > 0
        elif self._alpha is not None:
            seen &= read(self._alpha) > 0
        return numpy.where(seen, stored.astype(numpy.float64), numpy.nan)


def _applied(position: Sequence[float], x: Array, y: Array) -> Tuple[Array, Array]:
    c, a, b, f, d, e = position
    return a * x + b * y + c, d * x + e * y + f
