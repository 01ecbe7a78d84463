"""A scene's metadata, derived from its raster: footprint, time and statistics.

The footprint follows the valid-data mask (nodata, alpha or mask band). It is read at no more than `MASK_SIZE`
pixels a side, so it may lie one of those pixels outside the data, and is never more than that off.
"""

from __future__ import annotations

import json
import math
import re
import warnings
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, NamedTuple, Optional, Tuple

import numpy as np
import rasterio
import shapely
from rasterio.errors import NotGeoreferencedWarning
from rasterio.features import shapes
from rasterio.transform import Affine, from_gcps
from rasterio.warp import transform as transform_positions
from shapely.geometry import MultiPolygon, Polygon, shape
from shapely.geometry.base import BaseGeometry

from planet_vector.query import format_time, parse_time

MASK_SIZE = 512
MAX_POSITIONS = 200
SMALLEST_PART = 0.001  # of the area of the footprint: specks of noise in the mask are no ground that was seen
_METRES_A_DEGREE = 111_320.0  # at the equator: 2π · 6378137 m / 360

# What says nothing of where it lies is told as a problem of the archive.
warnings.filterwarnings("ignore", category=NotGeoreferencedWarning)

_ID_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)_(\d\d)(\d\d)(\d\d)(?:_.*)?")
_LANDSAT_DAY = re.compile(r"L[COTEM]\d\d{6}(\d{4})(\d{3})[A-Z]{3}\d\d")
_TIFF_TIME = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[T ](.+)")


class RasterProblem(Exception):
    """Report why a file cannot be served as a product."""


class Bands(NamedTuple):
    """Hold what a raster's bands say about it."""

    number: int
    dtype: str

    @property
    def product(self) -> str:
        """The product a bare GeoTIFF is taken for."""
        return "visual" if self.dtype == "uint8" and self.number in (3, 4) else "analytic"


def check_raster(path: Path) -> Bands:
    """Return a GeoTIFF's bands, once it is sure that the file can be read and is there to its end.

    Raises
    ------
    RasterProblem
        When it is not.
    """
    try:
        with rasterio.open(path, driver="GTiff") as dataset:
            size = path.stat().st_size
            for band in dataset.indexes:
                height, width = dataset.block_shapes[band - 1]
                column, row = (dataset.width - 1) // width, (dataset.height - 1) // height
                # A copy that is cut off lacks the blocks at its end; a sparse block has neither offset nor size.
                offset = dataset.get_tag_item(f"BLOCK_OFFSET_{column}_{row}", "TIFF", bidx=band)
                length = dataset.get_tag_item(f"BLOCK_SIZE_{column}_{row}", "TIFF", bidx=band)
                if offset and length and int(offset) + int(length) > size:
                    raise RasterProblem("is cut off: it may still be being written")
            return Bands(dataset.count, dataset.dtypes[0])
    except (rasterio.errors.RasterioError, OSError, ValueError) as error:
        raise RasterProblem(f"cannot be read as a GeoTIFF ({_line(error)})") from None


def derive(path: Path, scene_id: str) -> Dict[str, Any]:
    """Return the GeoJSON Feature of a scene that has no metadata of its own.

    ``acquired`` is the file's ACQUISITIONDATETIME or TIFFTAG_DATETIME (taken as UTC), else what the id says, else
    the time the file was last changed.

    Raises
    ------
    RasterProblem
        When the file cannot be read, or says nothing of where it lies.
    """
    try:
        with rasterio.open(path, driver="GTiff") as dataset:
            crs, matrix = _georeference(dataset)
            valid = _valid_outline(dataset, matrix)
            outline = to_lonlat(valid, crs, 0.25 * math.hypot(matrix.a, matrix.d))
            status = path.stat()
            acquired = _tagged_time(dataset) or _time_in(scene_id)
            acquired = acquired or datetime.fromtimestamp(int(status.st_mtime), timezone.utc)
            bits = dataset.tags(1, ns="IMAGE_STRUCTURE").get("NBITS")
            data_bands = dataset.count - (rasterio.enums.ColorInterp.alpha in dataset.colorinterp)
            camera: Dict[str, Any] = {
                "bit_depth": int(bits) if bits else np.dtype(dataset.dtypes[0]).itemsize * 8,
                "color_mode": "RGB" if data_bands >= 3 else "Monochromatic",
            }
            size_at_middle = _pixel_size(dataset, crs, matrix, outline)
    except (rasterio.errors.RasterioError, OSError, ValueError, shapely.errors.ShapelyError) as error:
        raise RasterProblem(f"cannot be read as a GeoTIFF ({_line(error)})") from None
    return {
        "type": "Feature",
        "id": scene_id,
        "geometry": json.loads(shapely.to_geojson(outline)),
        "properties": {
            "acquired": format_time(acquired),
            "camera": camera,
            "file_size": status.st_size,
            "image_statistics": {"gsd": size_at_middle},
        },
    }


def to_lonlat(outline: BaseGeometry, crs: Any, tolerance: float) -> BaseGeometry:
    """Bring a shape to longitude and latitude (EPSG:4326), split at the antimeridian.

    Edges are bent where straight lines of the projection are curves in degrees: positions are set on them, and
    those that make no difference of `tolerance` (in units of `crs`) are dropped again.
    """
    west, south, east, north = outline.bounds
    dense = shapely.segmentize(outline, max(east - west, north - south, 1e-9) / 8)

    def forward(positions: np.ndarray) -> np.ndarray:
        x, y = transform_positions(crs, "EPSG:4326", positions[:, 0].tolist(), positions[:, 1].tolist())
        return np.column_stack([x, y])

    lonlat = shapely.transform(dense, forward)
    if not all(math.isfinite(value) for value in lonlat.bounds):
        raise ValueError("its corners are nowhere on the globe")
    whole = MultiPolygon([_unrolled(part) for part in shapely.get_parts(lonlat)])
    degrees = tolerance if crs.is_geographic else tolerance * crs.linear_units_factor[1] / _METRES_A_DEGREE
    # No edge is so long that it could be one across the antimeridian.
    return shapely.segmentize(_cut(shapely.simplify(whole, degrees)), 90.0)


def _unrolled(part: Polygon) -> Polygon:
    """Return a polygon whose longitudes go on beyond ±180 where it crosses the antimeridian, and up to a pole."""
    x, y = np.asarray(part.exterior.coords).T
    x = np.unwrap(x, period=360.0)
    positions = np.column_stack([x, y])
    if abs(x[-1] - x[0]) > 180:  # it goes around a pole
        pole = math.copysign(90.0, y.mean())
        positions = np.vstack([positions, [(x[-1], pole), (x[0], pole)]])
    return Polygon(positions)


def split(geometry: BaseGeometry) -> BaseGeometry:
    """Cut a footprint that crosses the antimeridian into parts within ±180°.

    One that jumps by more than half the globe from one position to the next is taken to cross (RFC 7946, section
    3.1.9).
    """
    west, _, east, _ = geometry.bounds
    if -180 <= west and east <= 180:
        if east - west <= 180 or not any(map(_jumps, shapely.get_parts(geometry))):
            return geometry
        geometry = shapely.transform(
            geometry, lambda p: np.column_stack([np.where(p[:, 0] < 0, p[:, 0] + 360, p[:, 0]), p[:, 1]])
        )
    return _cut(geometry)


def _cut(geometry: BaseGeometry) -> BaseGeometry:
    """Cut what lies beyond ±180° into parts that are moved within."""
    west, _, east, _ = geometry.bounds
    parts = list(shapely.get_parts(geometry))
    if west < -180 or east > 180:
        parts = []
        for turn in (-360.0, 0.0, 360.0):
            band = shapely.box(-180.0 - turn, -90.0, 180.0 - turn, 90.0)
            cut = shapely.intersection(shapely.make_valid(geometry), band)
            moved = shapely.transform(cut, lambda p, turn=turn: p + [turn, 0.0])
            parts.extend(part for part in shapely.get_parts(moved) if part.geom_type == "Polygon" and part.area > 0)
    whole = parts[0] if len(parts) == 1 else MultiPolygon(parts)
    # All around the globe, parts may lie side by side.
    return whole if whole.is_valid else shapely.union_all(shapely.make_valid(parts))


def coarser(matrix: Affine, across: float, down: float) -> Affine:
    """Return the transform of a raster whose pixels are so many times as wide and high."""
    return Affine(matrix.a * across, matrix.b * down, matrix.c, matrix.d * across, matrix.e * down, matrix.f)


def _jumps(part: Polygon) -> bool:
    return bool((abs(np.diff(np.asarray(part.exterior.coords)[:, 0])) > 180).any())


def _georeference(dataset: Any) -> Tuple[Any, Affine]:
    if dataset.crs and not dataset.transform.is_identity:
        return dataset.crs, dataset.transform
    points, crs = dataset.gcps
    if points and crs:
        return crs, from_gcps(points)
    raise RasterProblem("does not say where it lies, and has no metadata beside it")


def _valid_outline(dataset: Any, matrix: Affine) -> BaseGeometry:
    """Return the outline of the valid pixels, in the raster's own coordinates."""
    shrink = max(1.0, max(dataset.width, dataset.height) / MASK_SIZE)
    height, width = math.ceil(dataset.height / shrink), math.ceil(dataset.width / shrink)
    mask = dataset.dataset_mask(out_shape=(height, width)) > 0
    cell = coarser(matrix, dataset.width / width, dataset.height / height)
    a, b, c, d, e, f = cell[:6]
    corners = ((0, 0), (0, height), (width, height), (width, 0))
    frame = Polygon([(a * x + b * y + c, d * x + e * y + f) for x, y in corners])
    if mask.all() or not mask.any():
        return frame
    side = math.sqrt(abs(cell.determinant))
    valid = [Polygon(shape(s).exterior) for s, _ in shapes(mask.astype("uint8"), mask=mask, transform=cell)]
    whole = shapely.union_all(valid)
    parts = [part for part in shapely.get_parts(whole) if part.area >= SMALLEST_PART * whole.area]
    # A block of pixels that was read as one may hold valid ones at its border: grown by half a block.
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


def _pixel_size(dataset: Any, crs: Any, matrix: Affine, outline: BaseGeometry) -> float:
    """Return the ground size of a pixel in metres, the mean of its two sides."""
    across, down = math.hypot(matrix.a, matrix.d), math.hypot(matrix.b, matrix.e)
    if crs.is_geographic:
        latitude = (outline.bounds[1] + outline.bounds[3]) / 2
        return _METRES_A_DEGREE * (across * math.cos(math.radians(latitude)) + down) / 2
    factor = crs.linear_units_factor[1]
    return float(factor * (across + down) / 2)


def _tagged_time(dataset: Any) -> Optional[datetime]:
    for text in (dataset.tags(ns="IMAGERY").get("ACQUISITIONDATETIME"), dataset.tags().get("ACQUISITIONDATETIME"),
                 dataset.tags().get("TIFFTAG_DATETIME")):  # fmt: skip
        match = _TIFF_TIME.fullmatch(text.strip()) if text else None
        if match:
            try:
                return parse_time("{}-{}-{}T{}".format(*match.groups()))
            except ValueError:
                continue
    return None


def _time_in(scene_id: str) -> Optional[datetime]:
    try:
        match = _ID_TIME.fullmatch(scene_id)
        if match:
            return parse_time("{}-{}-{}T{}:{}:{}".format(*match.groups()))
        match = _LANDSAT_DAY.fullmatch(scene_id)
        if match:
            return datetime.strptime("".join(match.groups()), "%Y%j").replace(tzinfo=timezone.utc)
    except ValueError:
        pass  # digits that only look like a time
    return None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
