"""Derive a scene's metadata from its raster: footprint, time and statistics.

The footprint follows the valid pixels, as defined by `planet_vector.pixels.valid`. They are sampled on a grid of at
most `MASK_SIZE` pixels a side, so the footprint may exceed the valid area by up to one of these pixels. If more than
`MOST_DECODED` bytes would have to be decoded, no pixels are read, and the footprint is that of the whole raster.
"""

from __future__ import annotations

import json
import math
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, NamedTuple, Optional, Tuple

import numpy as np
import rasterio
import shapely
from rasterio.features import shapes
from rasterio.io import DatasetReader
from rasterio.transform import Affine
from rasterio.windows import Window
from shapely.geometry import MultiPolygon, Polygon, shape
from shapely.geometry.base import BaseGeometry

from planet_vector.pixels.completing import complete
from planet_vector.pixels.control import ByPoints, ByTransform, Georeference, PointsProblem
from planet_vector.pixels.header import RasterHeader
from planet_vector.pixels.jp2 import SUFFIX, Jp2Problem
from planet_vector.pixels.opening import open_raster
from planet_vector.pixels.rasterio_errors import RASTER_ERRORS
from planet_vector.pixels.references import ReferenceProblem
from planet_vector.pixels.sidecars import Place, SidecarProblem
from planet_vector.pixels.valid import needed, read_data_mask
from planet_vector.server.archive.fields import ACQUIRED, SceneFields, time_or_none
from planet_vector.server.archive.outlines import METRES_A_DEGREE, NowhereError, to_lonlat
from planet_vector.server.archive.projecting import period_of
from planet_vector.server.archive.raster_info import RasterInfo
from planet_vector.times import parse_time

MASK_SIZE = 512
MAX_POSITIONS = 200
SMALLEST_PART = 0.001  # of the area of the footprint: smaller parts are discarded as noise in the mask
MOST_DECODED = 2 * 10**9
"""Maximum bytes of blocks, uncompressed, that are decoded for a mask: about ten seconds of DEFLATE."""

MOST_MASKS = 256
"""Maximum number of bands that are read for a mask: each needs a call, even in a small file."""

_LARGEST_BLOCK = 256 * 10**6  # bytes; GDAL holds a block in memory
_AT_ONCE = 32 * 10**6  # bytes of blocks that are read again from GDAL's cache, for the next band
_OVERVIEW_BLOCK = 512  # maximum width and height of the blocks that programs create for overviews
_DIGIT = 1e-6  # of the globe's width: 0.0004°
_BENT = 200  # positions along an outline that is curved by control points

_ID_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)_(\d\d)(\d\d)(\d\d)(?:_.*)?")
_LANDSAT_DAY = re.compile(r"L[COTEM]\d\d{6}(\d{4})(\d{3})[A-Z]{3}\d\d")


class RasterProblem(Exception):
    """Raised if a file cannot be served as a product; the message says why."""


class Measured(NamedTuple):
    """Facts read from the pixels and the header of a raster.

    Attributes
    ----------
    geometry : mapping
        The footprint as a GeoJSON geometry, in longitude and latitude within ±180°.
    gsd : float
        Ground size of a pixel in metres, the mean of its two sides.
    is_beyond_180 : bool
        Whether it has longitudes beyond ±180°.
    bit_depth : int
        Bits of a value.
    is_colour : bool
        Whether it has at least three bands without alpha.
    size : int
        Bytes of the file, with its sidecars.
    tagged : datetime.datetime or None
        Time of acquisition by the tags of the file.
    changed : datetime.datetime or None
        Modification time of the file.
    """

    geometry: Dict[str, object]
    gsd: float
    is_beyond_180: bool
    bit_depth: int
    is_colour: bool
    size: int
    tagged: Optional[datetime]
    changed: Optional[datetime]


def check_raster(path: Path) -> RasterInfo:
    """Check that a GeoTIFF or JPEG 2000 file can be read and is not truncated, and return its header.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    RasterInfo
        Its header, without what sidecars add.

    Raises
    ------
    RasterProblem
        If it cannot be read, or is truncated.
    """
    try:
        with open_raster(path) as dataset:
            size = path.stat().st_size
            # In pixel-interleaved files, each block contains all bands.
            bands = (1,) if _together(dataset) else dataset.indexes
            height, width = dataset.block_shapes[0]
            column, row = (dataset.width - 1) // width, (dataset.height - 1) // height
            for band in bands:
                # A truncated copy lacks the blocks at its end; a sparse block has neither offset nor size.
                offset = dataset.get_tag_item(f"BLOCK_OFFSET_{column}_{row}", "TIFF", bidx=band)
                length = dataset.get_tag_item(f"BLOCK_SIZE_{column}_{row}", "TIFF", bidx=band)
                if offset and length and int(offset) + int(length) > size:
                    raise RasterProblem("is truncated: it may still be being written")
            if dataset.driver != "GTiff" and path.suffix.lower() != SUFFIX:
                raise RasterProblem(f"is JPEG 2000: rename it to {path.stem}{SUFFIX}")
            return RasterInfo.of(dataset)
    except (ReferenceProblem, Jp2Problem) as problem:
        raise RasterProblem(str(problem)) from None
    except RASTER_ERRORS as error:
        raise RasterProblem(f"cannot be read as a {_format_of(path)} ({_line(error)})") from None


def measure(path: Path, place: Optional[Place] = None, whole: bool = False) -> Measured:
    """Read the pixels and the header of a raster.

    Parameters
    ----------
    path : Path
        The GeoTIFF or JPEG 2000 file.
    place : Place, optional
        Georeference and nodata from its sidecars.
    whole : bool
        Whether the footprint is that of the whole raster, without reading pixels.

    Returns
    -------
    Measured
        Footprint, pixel size and the rest.

    Raises
    ------
    RasterProblem
        If the file cannot be read, or has no georeference.
    """
    try:
        with open_raster(path) as dataset, open_raster(path, place) as placed:
            crs, lies = _georeference(placed)
            matrix = lies.affine
            valid = _frame(matrix, placed.height, placed.width) if whole else _valid_outline(placed, matrix, dataset)
            if isinstance(lies, ByPoints):
                valid = _bent(valid, lies)
            outline = to_lonlat(valid, crs, matrix, 0.25 * math.hypot(matrix.a, matrix.d))
            bits = dataset.tags(1, ns="IMAGE_STRUCTURE").get("NBITS")
            data_bands = dataset.count - (rasterio.enums.ColorInterp.alpha in dataset.colorinterp)
            return Measured(
                json.loads(shapely.to_geojson(outline)),
                _pixel_size(placed, crs, matrix, outline),
                _is_beyond(valid, crs),
                int(bits) if bits else _bytes_of(dataset.dtypes[0]) * 8,
                data_bands >= 3,
                complete(path, place).size,
                _tagged_time(dataset),
                _changed(path.stat().st_mtime),
            )
    except (NowhereError, ReferenceProblem, SidecarProblem, Jp2Problem) as problem:
        raise RasterProblem(str(problem)) from None
    except (*RASTER_ERRORS, shapely.errors.ShapelyError) as error:
        raise RasterProblem(f"cannot be read as a {_format_of(path)} ({_line(error)})") from None


def derived_fields(measured: Measured, named: Optional[datetime] = None) -> SceneFields:
    """Return the fields that a raster without metadata has.

    ``acquired`` is the file's ACQUISITIONDATETIME or TIFFTAG_DATETIME (taken as UTC), else the time in its name, else
    the file's modification time, which is a guess. The latter is also ``published``, by which clients sort and fetch.

    Parameters
    ----------
    measured : Measured
        Facts of the raster.
    named : datetime.datetime, optional
        The time in its name.
    """
    acquired = measured.tagged or named
    return SceneFields(
        acquired=acquired or measured.changed,
        guessed=(ACQUIRED,) if acquired is None and measured.changed is not None else (),
        published=measured.changed,
        geometry=measured.geometry,
        gsd=measured.gsd,
        v0={
            "camera": {
                "bit_depth": measured.bit_depth,
                "color_mode": "RGB" if measured.is_colour else "Monochromatic",
            },
            "file_size": measured.size,
            "image_statistics": {"beyond_180": True} if measured.is_beyond_180 else {},
        },
    )


def coarser(matrix: Affine, across: float, down: float) -> Affine:
    """Return the transform of a raster with larger pixels.

    Parameters
    ----------
    matrix : Affine
        Transform of the original raster.
    across, down : float
        Factors by which pixels are wider and higher.
    """
    return Affine(matrix.a * across, matrix.b * down, matrix.c, matrix.d * across, matrix.e * down, matrix.f)


def _georeference(dataset: DatasetReader) -> Tuple[Any, Georeference]:
    crs, matrix = dataset.crs, dataset.transform
    if not crs or matrix.is_identity:
        points, crs = dataset.gcps
        if not points or not crs:
            if matrix.is_identity and dataset.rpcs:
                raise RasterProblem(
                    "is georeferenced only by rational polynomials (RPC), which need a height model:"
                    " orthorectify it by `gdalwarp -rpc -to RPC_DEM=heights.tif`, or put a _metadata.json beside it"
                )
            raise RasterProblem("has no georeference, and no _metadata.json beside it")
        try:
            return crs, ByPoints(points, (dataset.width, dataset.height), period_of(crs))
        except PointsProblem as problem:
            raise RasterProblem(str(problem)) from None
    if not all(map(math.isfinite, matrix)) or not matrix.determinant:
        raise RasterProblem("has pixels without area")
    return crs, ByTransform(matrix)


def _bent(outline: BaseGeometry, place: ByPoints) -> BaseGeometry:
    """Convert an outline from the fitted affine transform to that of the control points, where its edges are curves."""
    dense = shapely.segmentize(outline, max(shapely.length(outline) / _BENT, 1e-12))
    inverse = ByTransform(place.affine).to_pixels

    def bend(positions: np.ndarray) -> np.ndarray:
        return np.column_stack(place.to_ground(*inverse(positions[:, 0], positions[:, 1])))

    bent = shapely.make_valid(shapely.transform(dense, bend))
    parts = [part for part in shapely.get_parts(bent) if part.geom_type == "Polygon"]
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)


def _is_beyond(outline: BaseGeometry, crs: Any) -> bool:
    """Return whether a raster has longitudes beyond ±180°, where clients do not expect it."""
    period = period_of(crs)
    west, _, east, _ = outline.bounds
    return period is not None and bool(max(-west, east) > period * (0.5 + _DIGIT))


def _valid_outline(dataset: DatasetReader, matrix: Affine, file: Any) -> BaseGeometry:
    """Return the outline of the valid pixels, in the raster's own coordinates."""
    shrink = max(1.0, max(dataset.width, dataset.height) / MASK_SIZE)
    height, width = math.ceil(dataset.height / shrink), math.ceil(dataset.width / shrink)
    mask = _valid_mask(dataset, file, height, width)
    cell = coarser(matrix, dataset.width / width, dataset.height / height)
    frame = _frame(cell, height, width)
    if mask is None or mask.all() or not mask.any():
        return frame
    side = math.sqrt(abs(cell.determinant))
    valid = [Polygon(shape(s).exterior) for s, _ in shapes(mask.astype("uint8"), mask=mask, transform=cell)]
    whole = shapely.union_all(valid)
    parts = [part for part in shapely.get_parts(whole) if part.area >= SMALLEST_PART * whole.area]
    # A sampled pixel represents a block, of which other pixels may be valid, so the outline grows by half a block.
    grown = shapely.union_all([part.buffer(side / 2 if shrink > 1 else 0, join_style="mitre") for part in parts])
    grown = shapely.intersection(grown, frame)
    tolerance = side
    outline = shapely.simplify(grown, tolerance)
    while shapely.get_num_coordinates(outline) > MAX_POSITIONS and tolerance < 16 * side:
        tolerance *= 2
        outline = shapely.simplify(grown, tolerance)
    if shapely.get_num_coordinates(outline) > MAX_POSITIONS:
        outline = shapely.convex_hull(grown)
    filled = [Polygon(part.exterior) for part in shapely.get_parts(outline) if part.geom_type == "Polygon"]
    return filled[0] if len(filled) == 1 else MultiPolygon(filled)


def _frame(matrix: Affine, height: int, width: int) -> Polygon:
    """Return the outline of a raster in its own coordinates."""
    a, b, c, d, e, f = matrix[:6]
    corners = ((0, 0), (0, height), (width, height), (width, 0))
    return Polygon([(a * x + b * y + c, d * x + e * y + f) for x, y in corners])


def _valid_mask(dataset: DatasetReader, file: Any, height: int, width: int) -> Optional[np.ndarray]:
    """Return a mask of the valid pixels at a smaller size; None if all are, or too much would have to be decoded.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        The raster, completed by its sidecars.
    file : rasterio.io.DatasetReader
        The file without its sidecars, for its blocks.
    height, width : int
        Size of the mask.
    """
    header = RasterHeader.of(dataset)
    masks = len(needed(header)) + header.masked
    if not masks:
        return None
    shrink = dataset.height / height
    factor = max((factor for factor in file.overviews(1) if factor <= 1.2 * shrink), default=1)
    block_height, block_width = file.block_shapes[0] if factor == 1 else (_OVERVIEW_BLOCK, _OVERVIEW_BLOCK)
    pixel = _bytes_of(file.dtypes[0]) * (file.count if _together(file) else 1)
    # GDAL reports a large single strip as rows, and decodes it from its start for each row before the last one read.
    second = file.get_tag_item("BLOCK_OFFSET_0_1", "TIFF", bidx=1)
    one_strip = factor == block_height == 1 < file.height and second is None
    block = pixel * block_height * block_width
    across = min(math.ceil(dataset.width / factor / block_width), width)
    down = dataset.height if one_strip else min(math.ceil(dataset.height / factor / block_height), height)
    again = 1 if _together(file) and across * block <= _AT_ONCE and not one_strip else masks
    if masks > MOST_MASKS or block > _LARGEST_BLOCK or across * down * block * again > MOST_DECODED:
        return None
    rows = height
    if masks > 1 and not one_strip:  # chunks that fit into GDAL's cache, so that all bands use the same decoded blocks
        rows = max(1, int(max(_AT_ONCE / (dataset.width * pixel), block_height * factor) / shrink))
    pieces = []
    for row in range(0, height, rows):
        count = min(rows, height - row)
        window = Window(0, row * shrink, dataset.width, count * shrink)
        pieces.append(read_data_mask(dataset, header, out_shape=(count, width), window=window))
    return np.concatenate(pieces)


def _together(dataset: DatasetReader) -> bool:
    """Return whether each block contains all bands."""
    return bool(dataset.count > 1 and dataset.tags(ns="IMAGE_STRUCTURE").get("INTERLEAVE") == "PIXEL")


def _bytes_of(dtype: str) -> int:
    return 4 if dtype == "complex_int16" else np.dtype(dtype).itemsize


def _pixel_size(dataset: DatasetReader, crs: Any, matrix: Affine, outline: BaseGeometry) -> float:
    """Return the ground size of a pixel in metres, the mean of its two sides."""
    across, down = math.hypot(matrix.a, matrix.d), math.hypot(matrix.b, matrix.e)
    if crs.is_geographic:
        latitude = (outline.bounds[1] + outline.bounds[3]) / 2
        return METRES_A_DEGREE * (across * math.cos(math.radians(latitude)) + down) / 2
    factor = crs.linear_units_factor[1]
    return float(factor * (across + down) / 2)


def _changed(mtime: float) -> Optional[datetime]:
    """Return a time of the file system, or None if it is outside the calendar, as file systems store any number."""
    try:
        return datetime.fromtimestamp(int(mtime), timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None


def _tagged_time(dataset: DatasetReader) -> Optional[datetime]:
    tags = dataset.tags()
    texts = (dataset.tags(ns="IMAGERY").get("ACQUISITIONDATETIME"), tags.get("ACQUISITIONDATETIME"),
             tags.get("TIFFTAG_DATETIME"))  # fmt: skip
    return next(filter(None, map(time_or_none, texts)), None)


def time_in_name(scene_id: str) -> Optional[datetime]:
    """Return the time that an id begins with, as those of PlanetScope and Landsat do; None if there is none.

    Parameters
    ----------
    scene_id : str
        The id.
    """
    try:
        match = _ID_TIME.fullmatch(scene_id)
        if match:
            return parse_time("{}-{}-{}T{}:{}:{}".format(*match.groups()))
        match = _LANDSAT_DAY.fullmatch(scene_id)
        if match:
            return datetime.strptime("".join(match.groups()), "%Y%j").replace(tzinfo=timezone.utc)
    except ValueError:
        pass  # digits that are not a valid time
    return None


def _format_of(path: Path) -> str:
    return "JPEG 2000 file" if path.suffix.lower() == SUFFIX else "GeoTIFF"


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
