"""Compare a raster that GDAL wrote with its source pixels, as GDAL does not report a full disk on closing."""

from __future__ import annotations

import os
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List, Optional, Tuple, TypeVar

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.windows import Window

from planet_vector.disk_errors import is_disk_error
from planet_vector.errors import PlanetVectorError, RasterAccessError
from planet_vector.pixels.rasterio_errors import RASTER_ERRORS

Array = TypeVar("Array", bound=npt.NDArray[np.generic])

_PROBE = 2**20  # bytes; a disk without room for these may have lost the last blocks of the file


class WrittenPixels:
    """Checksums of the pixels and masks that are written to a raster, window by window."""

    def __init__(self) -> None:
        self._sums: List[Tuple[bool, Optional[Window], int]] = []

    def note(self, pixels: Array, window: Optional[Window] = None) -> Array:
        """Record the pixels of all bands in a window, by default of the whole raster; return them.

        Parameters
        ----------
        pixels : numpy.ndarray
            Pixels (bands, rows, columns).
        window : rasterio.windows.Window, optional
            Whole pixels.

        Returns
        -------
        numpy.ndarray
            The same array.
        """
        self._sums.append((False, window, _sum(pixels)))
        return pixels

    def note_mask(self, mask: Array, window: Optional[Window] = None) -> Array:
        """Record a mask in a window, by default of the whole raster; return it.

        Parameters
        ----------
        mask : numpy.ndarray
            Mask (rows, columns); non-zero values are valid.
        window : rasterio.windows.Window, optional
            Whole pixels.

        Returns
        -------
        numpy.ndarray
            The same array.
        """
        self._sums.append((True, window, _sum(_as_mask(mask))))
        return mask

    def are_in(self, path: Path) -> bool:
        """Return whether a raster contains the recorded pixels and masks.

        Parameters
        ----------
        path : Path
            The raster.
        """
        with rasterio.open(path) as dataset:
            for is_mask, window, noted in self._sums:
                found = _as_mask(dataset.read_masks(1, window=window)) if is_mask else dataset.read(window=window)
                if _sum(found) != noted:
                    return False
        return True


def _sum(pixels: npt.NDArray[np.generic]) -> int:
    return zlib.crc32(np.ascontiguousarray(pixels).data)


def _as_mask(mask: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    found: npt.NDArray[np.uint8] = (mask != 0).astype(np.uint8)
    return found


@contextmanager
def written_whole(temporary: Path, path: Path) -> Iterator[WrittenPixels]:
    """Yield a recorder for the pixels written to a temporary file, and compare them at the end of the context.

    Parameters
    ----------
    temporary : Path
        File that is written.
    path : Path
        Its final path, for error messages.

    Yields
    ------
    WrittenPixels
        The recorder.

    Raises
    ------
    OSError
        If the disk did not accept all of the file.
    RasterAccessError
        If the file has other pixels for another reason.
    """
    pixels = WrittenPixels()
    try:
        yield pixels
        whole = pixels.are_in(temporary)
    except PlanetVectorError:
        raise
    except RASTER_ERRORS:
        _probe(temporary, path)
        raise
    if not whole:
        _probe(temporary, path)
        raise RasterAccessError(f"{path} does not contain the pixels that were written to it: check its disk.")


def _probe(temporary: Path, path: Path) -> None:
    """Raise the disk's error for a file if no more can be written to it."""
    try:
        with open(temporary, "ab") as file:
            file.write(bytes(_PROBE))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if is_disk_error(error):
            raise OSError(error.errno, error.strerror, str(path)) from None
