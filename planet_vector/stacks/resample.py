"""Reading of a part of a product onto a grid; only the needed part of the file is read."""

from __future__ import annotations

import math
from typing import Any, Dict, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from rasterio.enums import ColorInterp
from rasterio.io import DatasetReader
from rasterio.warp import Resampling, reproject
from rasterio.windows import Window

from planet_vector.geometry.grid import GridSpec
from planet_vector.pixels.header import RasterHeader
from planet_vector.pixels.valid import where_data
from planet_vector.raster.headers import header_of
from planet_vector.raster.placed import north_up
from planet_vector.raster.rasterio_warnings import unplaced
from planet_vector.raster.turned import in_turns
from planet_vector.raster.warping import warped_bounds

REACH = {"nearest": 1, "bilinear": 2, "cubic": 3, "average": 2}
"""The resampling methods, and the number of pixels around a window that each needs, plus one against rounding."""

_SAME = 1e-3  # pixels; grids that differ less are the same


class Pixels(NamedTuple):
    """Pixels of a product, and the header of a file with them.

    Attributes
    ----------
    bands : array, shape (bands, rows, columns)
        The pixels.
    valid : array of bool, shape (rows, columns)
        Where there is data.
    header : RasterHeader
        The product's header, with the grid of the pixels.
    """

    bands: Any
    valid: Any
    header: RasterHeader


def read_onto(dataset: DatasetReader, grid: GridSpec, resampling: str = "nearest") -> Pixels:
    """Read the part of an open product that lies on a grid.

    Pixels on the same grid are copied unchanged; others are warped. Missing data stays missing, and does not take part
    in resampling. Beyond the product there is no data.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        The product, north up.
    grid : GridSpec
        The grid, with a `rasterio.crs.CRS`.
    resampling : str
        The method if the product is on another grid: one of `REACH`. For palettes it is always ``nearest``, as their
        indices cannot be blended.

    Returns
    -------
    Pixels
        In the shape of the grid.

    Raises
    ------
    RasterAccessError
        If the pixels cannot be read.
    """
    north_up(dataset)
    # A raster that spans the globe may reach the grid from both of its ends.
    views = in_turns(dataset, grid)
    found = [_read_view(view, grid, resampling) for view in views]
    whole = found[0]
    for part in found[1:]:
        new = part.valid & ~whole.valid
        whole.bands[:, new] = part.bands[:, new]
        whole = whole._replace(valid=whole.valid | new)
    return whole


def _read_view(dataset: DatasetReader, grid: GridSpec, resampling: str) -> Pixels:
    transform, header = dataset.transform, header_of(dataset)
    if any(band.table for band in header.bands):
        resampling = "nearest"
    here = header.on(grid)
    corner = _corner(dataset, grid)
    if corner is not None:
        bands, valid, _ = _read(dataset, header, corner, grid.shape)
        return Pixels(bands, valid, here)
    bounds = warped_bounds(grid.crs, dataset.crs, grid.bounds, densify=63)
    (left, top), (right, bottom) = (~transform * at for at in ((bounds[0], bounds[3]), (bounds[2], bounds[1])))
    reach = REACH[resampling]
    column, row = max(0, math.floor(left) - reach), max(0, math.floor(top) - reach)
    columns = min(dataset.width, math.ceil(right) + reach) - column
    rows = min(dataset.height, math.ceil(bottom) + reach) - row
    if columns <= 0 or rows <= 0:
        return Pixels(_nothing(header, grid.shape), np.zeros(grid.shape, bool), here)
    source, seen, window = _read(dataset, header, (column, row), (rows, columns))
    places = {
        "src_transform": dataset.window_transform(window), "src_crs": dataset.crs,
        "dst_transform": here.transform, "dst_crs": grid.crs, "resampling": Resampling[resampling],
    }  # fmt: skip
    target, reached = _nothing(header, grid.shape), np.zeros(grid.shape, np.uint8)
    with unplaced:
        _warp(source, seen, target, header.fill_values, places)
        reproject(seen.astype(np.uint8) * 255, reached, **places, src_nodata=0, dst_nodata=0)
    valid = where_data(target, header, mask=reached)  # handles mask and alpha
    target[:, ~valid] = _nothing(header, (1, 1))[:, :, 0]
    return Pixels(target, valid, here)


def _warp(source: Any, seen: Any, target: Any, nodata: Sequence[Any], places: Dict[str, Any]) -> None:
    """Warp the valid pixels to another grid."""
    if any(value is not None for value in nodata):
        for band, found, value in zip(source, target, nodata):
            if value is None:
                _warp_seen(band, seen, found, places)
                continue
            # Band by band: GDAL treats a pixel that is nodata in only some bands as data, and changes its value.
            told = band if seen.all() and _is_finite(band) else np.where(seen & np.isfinite(band), band, value)
            reproject(told.astype(band.dtype), found, **places, src_nodata=value, dst_nodata=value)
    else:
        _warp_seen(source, seen, target, places)


def _warp_seen(source: Any, seen: Any, target: Any, places: Dict[str, Any]) -> None:
    if seen.all():
        reproject(source, target, **places)
        return
    masked = np.ma.array(source, mask=np.broadcast_to(~seen, source.shape))
    if source.dtype not in (np.int8, np.int16, np.uint16):
        reproject(masked, target, **places)
        return
    # For these types GDAL misreads the mask as nearly transparent, and reduces the pixel values.
    wide = target.astype(np.int32)
    reproject(masked.astype(np.int32), wide, **places)
    limits = np.iinfo(source.dtype)
    target[:] = wide.clip(limits.min, limits.max)


def _is_finite(band: Any) -> bool:
    return band.dtype.kind in "iub" or bool(np.isfinite(band).all())


def _nothing(header: RasterHeader, shape: Tuple[int, int]) -> Any:
    """Return bands without data, filled with nodata if they have such a value."""
    bands = np.zeros((len(header.bands), *shape), header.dtypes[0].replace("complex_int16", "complex64"))
    for band, said, value in zip(bands, header.bands, header.fill_values):
        if value is not None and said.colour != ColorInterp.alpha:
            band[:] = value
    return bands


def _corner(dataset: DatasetReader, grid: GridSpec) -> Optional[Tuple[int, int]]:
    """Return column and row of the grid's corner in a product on the same grid, or None for another grid."""
    here = dataset.transform
    if dataset.crs != grid.crs:
        return None
    if max(abs(here.a / grid.res[0] - 1) * grid.width, abs(-here.e / grid.res[1] - 1) * grid.height) > _SAME:
        return None
    column, row = ~here * (grid.west, grid.north)
    if max(abs(column - round(column)), abs(row - round(row))) > _SAME:
        return None
    return round(column), round(row)


def _read(
    dataset: DatasetReader, header: RasterHeader, corner: Tuple[int, int], shape: Tuple[int, int]
) -> Tuple[Any, Any, Window]:
    """Read a window that may reach beyond the raster, as footprints do; return bands, validity and window."""
    (column, row), (rows, columns) = corner, shape
    first_column, last_column = max(0, column), min(dataset.width, column + columns)
    first_row, last_row = max(0, row), min(dataset.height, row + rows)
    window = Window(column, row, columns, rows)
    if first_column >= last_column or first_row >= last_row:
        return _nothing(header, shape), np.zeros(shape, bool), window
    inside = Window(first_column, first_row, last_column - first_column, last_row - first_row)
    part = dataset.read(window=inside)
    # Computed from the pixels at hand: GDAL's own masks would read them again.
    seen = where_data(part, header, dataset.read_masks(1, window=inside) if header.masked else None)
    if part.shape[1:] == shape:
        return part, seen, window
    down, across = slice(first_row - row, last_row - row), slice(first_column - column, last_column - column)
    bands, valid = _nothing(header, shape), np.zeros(shape, bool)
    bands[:, down, across] = part
    valid[down, across] = seen
    return bands, valid, window


def seen_by_gdal(bands: Any, header: RasterHeader) -> Any:
    """Return which pixels are valid for GDAL in a GeoTIFF without a mask band.

    This is GDAL's dataset mask (RFC 15): by nodata, else by an alpha band of 8 or 16 bits, the last of two or four.

    Parameters
    ----------
    bands : array, shape (bands, rows, columns)
        The pixels.
    header : RasterHeader
        Their nodata values and colours.

    Returns
    -------
    array of bool, shape (rows, columns)
        True at data.
    """
    values = [band.nodata for band in header.bands]
    if any(value is not None for value in values):
        found = [~np.isnan(b) if v != v else b != v for b, v in zip(bands, values) if v is not None]
        return np.any(found, axis=0)
    alpha = header.alpha
    if alpha is not None and alpha == len(bands) in (2, 4) and bands.dtype in (np.uint8, np.uint16):
        return bands[alpha - 1] > 0
    return np.ones(bands.shape[1:], bool)
