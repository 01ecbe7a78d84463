"""Chips: small pictures of one place, cut from the tiles or the preferred product of a scene.

These functions send requests and must be called in workers.
"""

from __future__ import annotations

import math
from typing import Any, List, NamedTuple, Tuple

import numpy
from osgeo import gdal, osr
from qgis.core import QgsFeedback
from qgis.PyQt.QtCore import QBuffer, QByteArray, QIODevice, QRectF, Qt
from qgis.PyQt.QtGui import QImage, QImageReader, QPainter

from planet_scenes.combined_rasters import check_upright, source_of
from planet_scenes.gdal_calls import call_gdal
from planet_scenes.imagery import bands_of, preferred
from planet_scenes.raster_opening import has_overviews, open_source, system_of
from planet_scenes.stretch import colours_of, drawn
from planet_scenes.tasks import Cancelled
from planet_scenes.texts import tr
from planet_vector.catalog import Catalog
from planet_vector.errors import NotFoundError, ProtocolError, RasterAccessError
from planet_vector.geometry.web_mercator import HALF_WORLD, MOST_LATITUDE, TILE, to_mercator
from planet_vector.raster.gdal_xml import tiles_address, tiles_level
from planet_vector.raster.tile_requests import fetch_tile, tile_at
from planet_vector.scene import Scene

SIDE = 128
"""Width and height of a chip in pixels."""

MOST_BYTES = 8 * 2**20
"""Limit of the uncompressed bytes that are read of a product without overviews for a chip."""

_SECONDS = 30.0  # for one tile: a service may have to draw it first
_MOST_TILE = 1024  # pixels per side; some services draw tiles for screens of twice the resolution
_METRES = 111_320.0  # of a degree of latitude; a chip is no measurement


class Place(NamedTuple):
    """Square on the ground: longitude and latitude of its middle in degrees, and its width in metres."""

    longitude: float
    latitude: float
    metres: float


def chip_of(catalog: Catalog, scene: Scene, place: Place, feedback: QgsFeedback) -> QImage:
    """Return a picture of a place in a scene, north up; transparent where the scene has no data.

    It is made of up to four of the tiles that the service draws; if it has none there, of a window of the preferred
    product at the resolution of the chip. From a product without overviews, only small windows are read.

    Parameters
    ----------
    catalog : Catalog
        The client of the service.
    scene : Scene
        The scene.
    place : Place
        The place.
    feedback : QgsFeedback
        Can cancel.

    Raises
    ------
    Cancelled
        If the user cancels.
    RasterAccessError
        If too much of the product would have to be read, or it cannot be read.
    ServiceError
        If the service reports an error.
    """
    if abs(place.latitude) < MOST_LATITUDE:
        try:
            return _of_tiles(catalog, scene, place, feedback)
        except NotFoundError:  # the service draws no tiles, or none there
            pass
    _check(feedback)
    return _of_product(catalog, scene, place)


def _of_tiles(catalog: Catalog, scene: Scene, place: Place, feedback: QgsFeedback) -> QImage:
    """Return a chip of tiles; raises NotFoundError if none of them exists."""
    address = tiles_address(catalog, catalog.tiles(scene))
    x, y = to_mercator(place.longitude, place.latitude)
    width = place.metres / math.cos(math.radians(place.latitude))
    zoom = max(0, min(tiles_level(scene), math.ceil(math.log2(2 * HALF_WORLD / TILE * SIDE / width))))
    side, most = 2 * HALF_WORLD / 2**zoom, 2**zoom - 1
    left, top = x - width / 2, y + width / 2
    first, last = tile_at(zoom, left, top), tile_at(zoom, left + width, top - width)
    wanted = [(c, r) for r in range(first[1], last[1] + 1) for c in range(first[0], last[0] + 1) if 0 <= r <= most]
    chip = _blank()
    painter = QPainter(chip)
    try:
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        missing = 0
        for column, row in wanted:
            _check(feedback)
            try:
                tile = _decoded(fetch_tile(catalog, address, zoom, column % (most + 1), row, _SECONDS))
            except NotFoundError:
                missing += 1
                continue
            place_x, place_y = column * side - HALF_WORLD - left, top - (HALF_WORLD - row * side)
            scale = SIDE / width
            painter.drawImage(QRectF(place_x * scale, place_y * scale, side * scale, side * scale), tile)
    finally:
        painter.end()
    if missing == len(wanted):
        raise NotFoundError(tr("The service has no tiles of {scene} there.").format(scene=scene.id))
    return chip


def _decoded(content: bytes) -> QImage:
    buffer = QBuffer()
    buffer.setData(QByteArray(content))
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer)
    size = reader.size()
    image = reader.read() if size.isValid() and max(size.width(), size.height()) <= _MOST_TILE else QImage()
    if image.isNull():
        raise ProtocolError(tr("The service returned a tile that cannot be shown."))
    return image


def _of_product(catalog: Catalog, scene: Scene, place: Place) -> QImage:
    imagery = preferred(scene)
    title = f"{scene.id}/{imagery.name}"
    dataset = open_source(source_of(catalog, scene, imagery.name), title)
    check_upright(dataset, title)
    column, row, width, height = _window(dataset, title, place)
    first, last = max(0, math.floor(column)), min(dataset.RasterXSize, math.ceil(column + width))
    upper, lower = max(0, math.floor(row)), min(dataset.RasterYSize, math.ceil(row + height))
    if first >= last or upper >= lower:
        return _blank()
    if not has_overviews(dataset) and _bytes(dataset, last - first, lower - upper) > MOST_BYTES:
        raise RasterAccessError(
            tr("{title} has no overviews, so that a chip of this width takes too long: choose a smaller one.").format(
                title=title
            )
        )
    documented = [band.colour for band in bands_of(scene, imagery)]
    documented = documented if len(documented) == dataset.RasterCount else []
    pixels = _colours(dataset, title, place, documented, (first, upper, last - first, lower - upper))
    rows, columns, _ = pixels.shape
    part = QImage(pixels.tobytes(), columns, rows, 4 * columns, QImage.Format.Format_RGBA8888).copy()
    chip = _blank()
    painter = QPainter(chip)
    across, down = SIDE / width, SIDE / height
    target = QRectF((first - column) * across, (upper - row) * down, (last - first) * across, (lower - upper) * down)
    painter.drawImage(target, part)
    painter.end()
    return chip


def _colours(
    dataset: gdal.Dataset, title: str, place: Place, documented: List[str], window: Tuple[int, int, int, int]
) -> numpy.ndarray[Any, Any]:
    """Return a window as red, green, blue and alpha in 8 bits, of shape (rows, columns, 4), no finer than a chip."""
    west, south, east, north = _degrees(place)
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(4326)
    limits = drawn(dataset, title, (west, south, east, north), crs.ExportToWkt(), documented).bands
    shape = min(window[2], SIDE), min(window[3], SIDE)

    def read(band: gdal.Band) -> numpy.ndarray[Any, Any]:
        values, why = call_gdal(lambda: band.ReadAsArray(*window, *shape))
        if values is None:
            raise RasterAccessError(
                tr("The pixels of {title} in view cannot be read: {why}. Try again later.").format(title=title, why=why)
            )
        return values

    found = []
    for number, band in enumerate(colours_of(dataset, documented)):
        values = read(dataset.GetRasterBand(band))
        if limits:
            low, high = limits[number].low, limits[number].high
            values = numpy.clip((values.astype("float64") - low) * (255 / (high - low)), 0, 255)
        found.append(numpy.nan_to_num(values).astype("uint8"))
    alpha = numpy.where(read(dataset.GetRasterBand(1).GetMaskBand()) > 0, 255, 0).astype("uint8")
    return numpy.dstack([*(found if len(found) == 3 else found * 3), alpha])


def _window(dataset: gdal.Dataset, title: str, place: Place) -> Tuple[float, float, float, float]:
    """Return column, row, width and height of a place in pixels of a raster, which may not contain it."""
    here = system_of(dataset, title)

    def transform() -> Any:
        there = osr.SpatialReference()
        there.ImportFromEPSG(4326)
        there.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
        return osr.CoordinateTransformation(there, here).TransformBounds(*_degrees(place), 21)

    bounds, why = call_gdal(transform)
    if bounds is None or not all(math.isfinite(bound) for bound in bounds):
        raise RasterAccessError(tr("{title} has no pixels there: {why}.").format(title=title, why=why))
    left, bottom, right, top = bounds
    west, pixel_x, _, north, _, pixel_y = dataset.GetGeoTransform()
    return (left - west) / pixel_x, (top - north) / pixel_y, (right - left) / pixel_x, (bottom - top) / pixel_y


def _degrees(place: Place) -> Tuple[float, float, float, float]:
    """Return west, south, east and north of a place."""
    high = place.metres / 2 / _METRES
    wide = high / max(0.01, math.cos(math.radians(place.latitude)))
    return place.longitude - wide, place.latitude - high, place.longitude + wide, place.latitude + high


def _bytes(dataset: gdal.Dataset, columns: int, rows: int) -> int:
    """Return about how many bytes a window takes, uncompressed: those of its blocks, in all bands."""
    found = 0
    for number in range(1, dataset.RasterCount + 1):
        band = dataset.GetRasterBand(number)
        width, height = band.GetBlockSize()
        blocks = (columns // width + 2 if width < dataset.RasterXSize else 1) * (rows // height + 2)
        found += int(blocks) * width * height * gdal.GetDataTypeSize(band.DataType) // 8
    return found


def _blank() -> QImage:
    chip = QImage(SIDE, SIDE, QImage.Format.Format_ARGB32_Premultiplied)
    chip.fill(Qt.GlobalColor.transparent)
    return chip


def _check(feedback: QgsFeedback) -> None:
    if feedback.isCanceled():
        raise Cancelled
