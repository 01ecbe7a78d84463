"""A part of a product put on a grid, with no more of the file read than that takes."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Optional, Tuple

import numpy as np
from affine import Affine
from rasterio.enums import ColorInterp
from rasterio.transform import array_bounds
from rasterio.warp import Resampling, reproject
from rasterio.windows import Window

from planet_vector.raster.product import north_up
from planet_vector.raster.unplaced import unplaced
from planet_vector.raster.warping import warped_bounds

REACH = {"nearest": 1, "bilinear": 2, "cubic": 3, "average": 2}
"""What resampling there is, and how many pixels around a window it takes into account, one more against rounding."""

_SAME = 1e-3  # of a pixel: two grids are one that are closer


class Place(NamedTuple):
    """Hold a raster's place, in any coordinate system."""

    crs: Any
    transform: Affine
    width: int
    height: int


class Pixels(NamedTuple):
    """Hold what was read of a product, and what a file of it is to say.

    Attributes
    ----------
    bands : array, shape (bands, rows, columns)
        The pixels.
    valid : array of bool, shape (rows, columns)
        Where there is data.
    """

    bands: Any
    valid: Any
    place: Place
    nodata: Optional[float]
    colours: Tuple[Any, ...]
    descriptions: Tuple[Optional[str], ...]


def read_onto(dataset: Any, place: Place, resampling: str = "nearest") -> Pixels:
    """Read the part of an open product that a grid needs, and put it there.

    Pixels of the same grid are copied as they are; others are warped. Where the product ends, there is no data.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        The product, north up.
    place : Place
        The grid.
    resampling : str
        How, where the product's pixels are not the grid's: one of `REACH`.

    Raises
    ------
    RasterAccessError
        When the pixels cannot be had.
    """
    transform = north_up(dataset)
    corner = _corner(dataset, place)
    shape = (place.height, place.width)
    if corner is not None:
        bands, inside, _ = _read(dataset, corner, shape)
        return _pixels(dataset, bands, inside, place)
    bounds = warped_bounds(place.crs, dataset.crs, array_bounds(*shape, place.transform), densify=63)
    (left, top), (right, bottom) = (~transform * at for at in ((bounds[0], bounds[3]), (bounds[2], bounds[1])))
    reach = REACH[resampling]
    column, row = max(0, math.floor(left) - reach), max(0, math.floor(top) - reach)
    columns = min(dataset.width, math.ceil(right) + reach) - column
    rows = min(dataset.height, math.ceil(bottom) + reach) - row
    target = np.full((dataset.count, *shape), dataset.nodata or 0, dataset.dtypes[0])
    reached = np.zeros(shape, np.uint8)
    if columns > 0 and rows > 0:
        source, inside, window = _read(dataset, (column, row), (rows, columns))
        places = {
            "src_transform": dataset.window_transform(window), "src_crs": dataset.crs,
            "dst_transform": place.transform, "dst_crs": place.crs,
        }  # fmt: skip
        alpha = _alpha(dataset)
        # Colours under no alpha must not run into those beside them.
        blending = alpha + 1 if alpha is not None and resampling != "nearest" else 0
        with unplaced:
            reproject(
                source, target, **places, resampling=Resampling[resampling], src_alpha=blending,
                src_nodata=dataset.nodata, dst_nodata=dataset.nodata,
            )  # fmt: skip
            reproject(inside.astype(np.uint8), reached, **places, resampling=Resampling.nearest)
    return _pixels(dataset, target, reached > 0, place)


def _corner(dataset: Any, place: Place) -> Optional[Tuple[int, int]]:
    """Return column and row of the grid's corner in a product of the same grid, or None."""
    here, there = dataset.transform, place.transform
    if dataset.crs != place.crs:
        return None
    if max(abs(here.a / there.a - 1) * place.width, abs(here.e / there.e - 1) * place.height) > _SAME:
        return None
    column, row = ~here * (there.c, there.f)
    if max(abs(column - round(column)), abs(row - round(row))) > _SAME:
        return None
    return round(column), round(row)


def _read(dataset: Any, corner: Tuple[int, int], shape: Tuple[int, int]) -> Tuple[Any, Any, Window]:
    """Read a window that may reach beyond the raster, as footprints do, and tell which of its pixels lie inside."""
    (column, row), (rows, columns) = corner, shape
    first_column, last_column = max(0, column), min(dataset.width, column + columns)
    first_row, last_row = max(0, row), min(dataset.height, row + rows)
    window = Window(column, row, columns, rows)
    inside = np.zeros(shape, bool)
    if first_column >= last_column or first_row >= last_row:
        return np.full((dataset.count, *shape), dataset.nodata or 0, dataset.dtypes[0]), inside, window
    part = dataset.read(window=Window(first_column, first_row, last_column - first_column, last_row - first_row))
    if part.shape[1:] == shape:
        return part, ~inside, window
    down, across = slice(first_row - row, last_row - row), slice(first_column - column, last_column - column)
    bands = np.full((dataset.count, *shape), dataset.nodata or 0, part.dtype)
    bands[:, down, across] = part
    inside[down, across] = True
    return bands, inside, window


def _alpha(dataset: Any) -> Optional[int]:
    colours = list(dataset.colorinterp)
    return colours.index(ColorInterp.alpha) if ColorInterp.alpha in colours else None


def _pixels(dataset: Any, bands: Any, inside: Any, place: Place) -> Pixels:
    """Say where there is data, as GDAL would, from the pixels at hand: its own masks would read them once more."""
    alpha = _alpha(dataset)
    if alpha is not None:
        valid = bands[alpha] > 0
    elif dataset.nodata is None:
        valid = np.ones(bands.shape[1:], bool)
    elif math.isnan(dataset.nodata):
        valid = ~np.isnan(bands).all(axis=0)
    else:
        valid = (bands != dataset.nodata).any(axis=0)
    return Pixels(bands, valid & inside, place, dataset.nodata, dataset.colorinterp, dataset.descriptions)
