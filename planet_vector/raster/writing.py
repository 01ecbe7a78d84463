"""Write what was opened into a GeoTIFF of one's own: a part of a product, a mosaic."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

import rasterio
from rasterio.windows import Window

from planet_vector.errors import RasterAccessError
from planet_vector.geometry import Bounds, Box

_BLOCK = 512  # pixels a side: small enough for a window, large enough for a request

Progress = Optional[Callable[[int, int], None]]


def window_of(dataset: Any, box: Box) -> Window:
    """Return the whole pixels of a dataset that a box in degrees touches.

    Raises
    ------
    RasterAccessError
        When it touches none.
    """
    from rasterio.warp import transform_bounds

    return window_within(dataset, transform_bounds("EPSG:4326", dataset.crs, *box))


def window_within(dataset: Any, bounds: Bounds) -> Window:
    """Return the whole pixels of a dataset that bounds in its own coordinates touch.

    Raises
    ------
    RasterAccessError
        When they touch none.
    """
    from rasterio.windows import from_bounds

    wanted = from_bounds(*bounds, transform=dataset.transform)
    first_column, first_row = max(0, int(wanted.col_off // 1)), max(0, int(wanted.row_off // 1))
    last_column = min(dataset.width, -int(-(wanted.col_off + wanted.width) // 1))
    last_row = min(dataset.height, -int(-(wanted.row_off + wanted.height) // 1))
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
    """
    window = window or Window(0, 0, dataset.width, dataset.height)
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
    """Give the path to write a file to, which takes the place of another once it is complete, and goes if it is not."""
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        if temporary.exists():
            temporary.unlink()
