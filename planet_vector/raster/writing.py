"""Write what was opened into a GeoTIFF of one's own: a part of a product, a mosaic."""

from __future__ import annotations

import glob
import math
import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Callable, Iterator, Optional, Set

import rasterio
from rasterio.windows import Window

from planet_vector.ending import at_end, mind_sigterm
from planet_vector.errors import ConfigError, RasterAccessError
from planet_vector.forking import renew_after_fork
from planet_vector.geometry import Bounds, Box
from planet_vector.raster.warping import warped_bounds

_BLOCK = 512  # pixels a side: small enough for a window, large enough for a request
_MOST_PIXELS = 10**11  # a square of 316,000; the index of its blocks alone takes 6 MB

Progress = Optional[Callable[[int, int], None]]


def window_of(dataset: Any, box: Box) -> Window:
    """Return the whole pixels of a dataset that a box in degrees touches.

    Raises
    ------
    RasterAccessError
        When it touches none.
    """
    return window_within(dataset, warped_bounds("EPSG:4326", dataset.crs, box))


def window_within(dataset: Any, bounds: Bounds) -> Window:
    """Return the whole pixels of a dataset that bounds in its own coordinates touch.

    Raises
    ------
    RasterAccessError
        When they touch none.
    """
    west, south, east, north = bounds
    # Whichever way its pixels lie: the corners are where the box reaches farthest.
    corners = [~dataset.transform * corner for corner in ((west, north), (west, south), (east, south), (east, north))]
    if not all(math.isfinite(value) for corner in corners for value in corner):
        raise RasterAccessError("The box has no place in the raster's coordinate system: take a smaller one.")
    # A side that lies on a line between pixels stays there, whatever its last digits.
    columns, rows = ([round(value, 6) for value in values] for values in zip(*corners))
    first_column, first_row = max(0, math.floor(min(columns))), max(0, math.floor(min(rows)))
    last_column, last_row = min(dataset.width, math.ceil(max(columns))), min(dataset.height, math.ceil(max(rows)))
    if last_column <= first_column or last_row <= first_row:
        raise RasterAccessError("The box shares no ground with the raster: take one inside its footprint.")
    return Window(first_column, first_row, last_column - first_column, last_row - first_row)


def write_geotiff(dataset: Any, path: Path, window: Optional[Window] = None, progress: Progress = None) -> None:
    """Write a dataset, or a window of it, as a tiled GeoTIFF, complete or not at all.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        What to write.
    path : Path
        Where to; replaced at once when the file is complete.
    window : rasterio.windows.Window, optional
        Which whole pixels; all by default.
    progress : callable, optional
        Called with the rows written and the rows in all.

    Raises
    ------
    RasterAccessError
        When it is larger than anybody would mean, as the ground between two far quads is.
    """
    window = window or Window(0, 0, dataset.width, dataset.height)
    if window.width * window.height > _MOST_PIXELS:
        told = f"{window.width} × {window.height} pixels are more than a file takes: give a smaller box"
        raise RasterAccessError(f"{told}, or larger pixels.")
    profile = {
        "driver": "GTiff",
        "width": window.width,
        "height": window.height,
        "count": dataset.count,
        "dtype": dataset.dtypes[0],
        "crs": dataset.crs,
        "transform": dataset.window_transform(window),
        "nodata": dataset.nodata,
        "tiled": True,
        "blockxsize": _BLOCK,
        "blockysize": _BLOCK,
        "compress": "deflate",
        "bigtiff": "if_safer",
    }
    with complete(path) as temporary, rasterio.open(temporary, "w", **profile) as target:
        target.colorinterp = dataset.colorinterp
        for band, description in enumerate(dataset.descriptions, 1):
            if description:
                target.set_band_description(band, description)
        for row in range(0, window.height, _BLOCK):
            rows = min(_BLOCK, window.height - row)
            # The full width at once: products come in strips of full rows, read only once this way.
            source = Window(window.col_off, window.row_off + row, window.width, rows)
            target.write(dataset.read(window=source), window=Window(0, row, window.width, rows))
            if progress:
                progress(row + rows, window.height)


@contextmanager
def complete(path: Path) -> Iterator[Path]:
    """Give the path to write a file to, which takes the place of another once it is complete, and goes if it is not.

    Raises
    ------
    ConfigError
        When there is no directory to write it to.
    """
    if not path.parent.is_dir():
        raise ConfigError(f"{path} cannot be written: there is no directory {path.parent}.")
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    with kept_if_complete(temporary):
        yield temporary
        os.replace(temporary, path)


@contextmanager
def kept_if_complete(path: Path) -> Iterator[None]:
    """Remove a temporary file, and what begins with its stem and a dot, after an error, or when the program ends.

    Ctrl-C may end the program while threads write.
    """
    mind_sigterm()
    _incomplete.add(path)
    try:
        yield
    except BaseException:
        _remove(path)
        raise
    finally:
        _incomplete.discard(path)


_incomplete: Set[Path] = set()


@at_end
def _remove_incomplete() -> None:
    for path in list(_incomplete):
        _remove(path)


@renew_after_fork
def _renew() -> None:
    _incomplete.clear()  # they are the parent's


def _remove(path: Path) -> None:
    for found in path.parent.glob(f"{glob.escape(path.stem)}.*"):
        with suppress(OSError):  # gone, or, on Windows, open in a thread
            found.unlink()
