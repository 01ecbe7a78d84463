"""Write an open dataset into a GeoTIFF: a part of a product, or a mosaic."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence

import numpy as np
import rasterio
from rasterio.io import DatasetReader
from rasterio.windows import Window

from planet_vector.atomic_files import complete
from planet_vector.errors import RasterAccessError
from planet_vector.geometry.boxes import Bounds, Box
from planet_vector.pixels.control import ByPoints, PointsProblem
from planet_vector.pixels.header import RasterHeader
from planet_vector.pixels.written import written_whole
from planet_vector.raster.headers import header_of
from planet_vector.raster.placed import placed_by_points, unplaced_because
from planet_vector.raster.rasterio_warnings import unplaced
from planet_vector.raster.warping import turn_of, turns, warped_bounds

_BLOCK = 512  # pixels a side: small enough for a window, large enough for a request
_NOTHING_SHARED = "The box shares no ground with the raster: take one inside its footprint."
_AROUND = 0.01  # of a raster: its sides are curves in degrees
_MOST_PIXELS = 10**11  # a square of 316,000; the index of its blocks alone takes 6 MB

Progress = Optional[Callable[[int, int], None]]


def window_of(dataset: DatasetReader, box: Box) -> Window:
    """Return the whole pixels of a dataset that a box in degrees touches.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        Raster with a transform, with longitudes in any turn of 360°, or with ground control points.
    box : Box
        West, south, east, north in degrees, in any turn; across the antimeridian west is greater than east, or east
        than 180.

    Returns
    -------
    Window
        Columns and rows, within the dataset.

    Raises
    ------
    RasterAccessError
        If the box touches no pixel, or pixels at both ends of a raster around the globe, or the raster has no
        georeference.
    """
    west, south, east, north = box
    degrees = (west, south, east + 360 if west > east else east, north)
    if placed_by_points(dataset):
        return _window_by_points(dataset, degrees)
    if dataset.crs is None or dataset.transform.is_identity:
        raise RasterAccessError(f"The raster {unplaced_because(dataset)}: ask for a window of pixels instead.")
    corners = [dataset.transform * (x, y) for x in (0, dataset.width) for y in (0, dataset.height)]
    across, up = zip(*corners)
    sides = min(across), min(up), max(across), max(up)
    turn = turn_of(dataset.crs)
    found = []
    for part in _reached(dataset, sides, degrees):
        bounds = warped_bounds("EPSG:4326", dataset.crs, part)
        for by in turns((bounds[0], bounds[2]), (sides[0], sides[2]), turn):
            found.append(_touched(dataset, (bounds[0] + by, bounds[1], bounds[2] + by, bounds[3])))
    return _one_window(found)


def _reached(dataset: DatasetReader, sides: Bounds, degrees: Bounds) -> List[Bounds]:
    """Return the parts of a box in degrees near a raster; far away, projections return arbitrary positions."""
    try:
        west, south, east, north = warped_bounds(dataset.crs, "EPSG:4326", sides)
    except RasterAccessError:  # the raster exceeds its own projection, as the disk of a whole hemisphere does
        return [degrees]
    wide, high = _AROUND * (east - west), _AROUND * (north - south)
    found = []
    for by in turns((degrees[0], degrees[2]), (west - wide, east + wide), turn_of("EPSG:4326")):
        part = (
            max(degrees[0] + by, west - wide), max(degrees[1], south - high, -90.0),
            min(degrees[2] + by, east + wide), min(degrees[3], north + high, 90.0),
        )  # fmt: skip
        if part[0] <= part[2] and part[1] <= part[3]:
            found.append(part)
    return found


def _window_by_points(dataset: DatasetReader, degrees: Bounds) -> Window:
    points, crs = dataset.gcps
    if crs is None:
        raise RasterAccessError("The raster's ground control points have no crs: ask for a window of pixels instead.")
    turn = turn_of(crs)
    try:
        place = ByPoints(points, (dataset.width, dataset.height), turn and turn.period)
    except PointsProblem as problem:
        raise RasterAccessError(f"The raster {problem}: ask for a window of pixels instead.") from None
    bounds, ground = warped_bounds("EPSG:4326", crs, degrees), place.bounds
    found = []
    for by in turns((bounds[0], bounds[2]), (ground[0], ground[2]), turn):
        # Clip the box to the extent of the raster: polynomials are meaningless farther out.
        west, east = max(bounds[0] + by, ground[0]), min(bounds[2] + by, ground[2])
        south, north = max(bounds[1], ground[1]), min(bounds[3], ground[3])
        if west < east and south < north:
            along = np.linspace(0, 1, 65)
            xs, ys = np.meshgrid(west + along * (east - west), south + along * (north - south))
            columns, rows = place.to_pixels(xs, ys)
            reached = (columns >= 0) & (columns <= dataset.width) & (rows >= 0) & (rows <= dataset.height)
            if reached.any():
                found.append(_whole(dataset, columns, rows))
    return _one_window(found)


def _one_window(found: Sequence[Optional[Window]]) -> Window:
    """Return adjacent windows as one; a box over the ends of a raster around the globe makes two."""
    parts = sorted((window for window in found if window is not None), key=lambda window: window.col_off)
    if not parts:
        raise RasterAccessError(_NOTHING_SHARED)
    left, right = parts[0].col_off, parts[0].col_off + parts[0].width
    top = min(part.row_off for part in parts)
    bottom = max(part.row_off + part.height for part in parts)
    for part in parts[1:]:
        if part.col_off > right:
            raise RasterAccessError(
                f"The box lies at both ends of the raster, in columns up to {right} and from {part.col_off} on: ask "
                "for one end after the other."
            )
        right = max(right, part.col_off + part.width)
    return Window(left, top, right - left, bottom - top)


def window_within(dataset: DatasetReader, bounds: Bounds) -> Window:
    """Return the whole pixels of a dataset that bounds in its own coordinates touch.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        The open file.
    bounds : Bounds
        West, south, east, north in units of the dataset's coordinate system.

    Raises
    ------
    RasterAccessError
        If they touch no pixel.
    """
    return _one_window([_touched(dataset, bounds)])


def _touched(dataset: DatasetReader, bounds: Bounds) -> Optional[Window]:
    west, south, east, north = bounds
    # Valid for any orientation of the pixels: the corners are the extremes of the box.
    corners = [~dataset.transform * corner for corner in ((west, north), (west, south), (east, south), (east, north))]
    if not all(math.isfinite(value) for corner in corners for value in corner):
        raise RasterAccessError("The box cannot be projected to the raster's coordinate system: take a smaller one.")
    columns, rows = np.transpose(corners)
    return _whole(dataset, columns, rows)


def _whole(dataset: DatasetReader, columns: Any, rows: Any) -> Optional[Window]:
    """Return the whole pixels of a raster around positions, or None if they lie outside it."""
    # Rounding keeps a side that lies on a pixel boundary there.
    (left, right), (top, bottom) = ([round(float(side), 6) for side in (v.min(), v.max())] for v in (columns, rows))
    first_column, first_row = max(0, math.floor(left)), max(0, math.floor(top))
    last_column, last_row = min(dataset.width, math.ceil(right)), min(dataset.height, math.ceil(bottom))
    if last_column <= first_column or last_row <= first_row:
        return None
    return Window(first_column, first_row, last_column - first_column, last_row - first_row)


def write_geotiff(
    dataset: DatasetReader, path: Path, window: Optional[Window] = None, progress: Progress = None
) -> None:
    """Write a dataset, or a window of it, as a tiled GeoTIFF, complete or not at all.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        Dataset to write.
    path : Path
        File to write; replaced atomically once it is complete.
    window : rasterio.windows.Window, optional
        Whole pixels to write; all by default.
    progress : callable, optional
        Called with the rows written and the total rows.

    Raises
    ------
    RasterAccessError
        If there are more than 10¹¹ pixels, as between two distant quads, or a GeoTIFF cannot hold the bands.
    """
    window = window or Window(0, 0, dataset.width, dataset.height)
    if window.width * window.height > _MOST_PIXELS:
        told = f"{window.width} × {window.height} pixels are too many for one file: give a smaller box"
        raise RasterAccessError(f"{told}, or larger pixels.")
    header = header_of(dataset).window(window)
    profile = {
        **geotiff_profile(header, getattr(dataset, "_title", dataset.name)),
        "tiled": True,
        "blockxsize": _BLOCK,
        "blockysize": _BLOCK,
        "compress": "deflate",
        "bigtiff": "if_safer",
    }
    inside = rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True)  # otherwise the mask becomes a separate file
    with complete(path) as temporary, inside, unplaced, written_whole(temporary, path) as written:
        with rasterio.open(temporary, "w", **profile) as target:
            header.describe(target)
            for row in range(0, window.height, _BLOCK):
                rows = min(_BLOCK, window.height - row)
                # Read the full width at once: products come in strips of full rows, each read only once this way.
                source = Window(window.col_off, window.row_off + row, window.width, rows)
                at = Window(0, row, window.width, rows)
                target.write(written.note(dataset.read(window=source), at), window=at)
                if header.masked:
                    target.write_mask(written.note_mask(dataset.read_masks(1, window=source), at), window=at)
                if progress:
                    progress(row + rows, window.height)


def geotiff_profile(header: RasterHeader, title: str) -> Dict[str, Any]:
    """Return the options for `rasterio.open` to create a GeoTIFF with a header; `RasterHeader.describe` adds the rest.

    Parameters
    ----------
    header : RasterHeader
        The header.
    title : str
        Name used in error messages.

    Raises
    ------
    RasterAccessError
        If a GeoTIFF cannot hold it.
    """
    try:
        return header.profile()
    except ValueError as error:
        told = f"{title} has {error}, which one GeoTIFF cannot hold"
        raise RasterAccessError(f"{told}: write its bands one by one, or a .vrt of all.") from None
