"""Reader of the pixels of a cube, in any process.

Pixels are read by the same code and with the same GDAL options as for crops. What dask pickles, stores at the scheduler
and sends to workers contains the address of the service but not the key: `planet_vector.stacks.worker_keys` tells how a
worker finds it. Each worker follows links itself: so the key is sent only to the service, and a signed address is
created where and when it is used.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any, Dict, Sequence, Tuple

import numpy as np

from planet_vector.catalog import catalog_of
from planet_vector.config import Settings
from planet_vector.errors import RasterAccessError
from planet_vector.geometry.grid import GridSpec
from planet_vector.pixels.header import RasterHeader
from planet_vector.stacks.reading import SceneReading, opened, read_scene
from planet_vector.stacks.resample import Pixels
from planet_vector.stacks.worker_keys import settings_of_worker, token_for_workers

_KEPT = 256 * 2**20  # bytes of cached parts, for variables that are computed one after another

_Part = Tuple[Settings, str, GridSpec, str]


class CubeReader:
    """Reader of parts of a cube: of all its variables at once, as the files hold all bands together.

    Parameters
    ----------
    settings : Settings
        The service and its key, which is not pickled.
    header : RasterHeader
        The bands of the cube; those of all scenes must agree with them.
    readings : sequence of SceneReading
        The files of each scene, along ``time``.
    grid : GridSpec
        The grid of the cube, with a `rasterio.crs.CRS`.
    resampling : str
        As for `planet_vector.to_xarray`.
    """

    def __init__(
        self,
        settings: Settings,
        header: RasterHeader,
        readings: Sequence[SceneReading],
        grid: GridSpec,
        resampling: str,
    ) -> None:
        self.settings = settings
        self.header = header
        self.readings = readings
        self.grid = grid
        self.resampling = resampling

    def __reduce__(self) -> Tuple[Any, Tuple[Any, ...]]:
        token = token_for_workers(self.settings)
        return _reader_of, (self.settings.api_url, token, self.header, self.readings, self.grid, self.resampling)

    def __dask_tokenize__(self) -> Tuple[str, ...]:
        """Return the identity of the cube for dask: its service, bands, files and grid, without the key."""
        own = self.settings.api_url, repr(self.header.bands), repr(self.has_mask), repr(self.grid), self.resampling
        return type(self).__name__, *own, repr([each.identity for each in self.readings])

    @property
    def nodata(self) -> Tuple[Any, ...]:
        """The nodata value of each band's variable; None for alpha."""
        values = enumerate(self.header.fill_values, 1)
        return tuple(None if number == self.header.alpha else value for number, value in values)

    @property
    def has_mask(self) -> bool:
        """Whether the cube has a mask variable, after those of the bands."""
        shown = [value for number, value in enumerate(self.nodata, 1) if number != self.header.alpha]
        return None in shown and (self.header.masked or self.header.alpha is None)

    @property
    def dtypes(self) -> Tuple[Any, ...]:
        """The numpy data type of each variable."""
        types = [dtype.replace("complex_int16", "complex64") for dtype in self.header.dtypes]
        return tuple(map(np.dtype, [*types, *(["uint8"] if self.has_mask else [])]))

    @property
    def dtype(self) -> Any:
        """The numpy data type that holds the values of all variables."""
        return np.result_type(*self.dtypes)

    def attributes(self, number: int) -> Dict[str, Any]:
        """Return the attributes of a variable: ``nodata``, and those of CF.

        Parameters
        ----------
        number : int
            The variable, counted from 0.
        """
        found: Dict[str, Any] = {}
        if number == len(self.header.bands):  # the mask
            return found
        band, value = self.header.bands[number], self.nodata[number]
        if value is not None:
            found["nodata"] = value
        if value is not None and not band.dtype.startswith("complex"):
            found["_FillValue"] = np.dtype(band.dtype).type(value)
        if (band.scale, band.offset) != (1, 0):
            found.update(scale_factor=band.scale, add_offset=band.offset)
        if band.unit:
            found["units"] = band.unit
        if band.description:
            found["long_name"] = band.description
        return found

    def read(self, number: int, rows: slice, columns: slice) -> Any:
        """Return a part of a scene.

        Parameters
        ----------
        number : int
            Place of the scene along ``time``.
        rows, columns : slice
            The part of the grid.

        Returns
        -------
        ndarray, shape (variables, rows, columns)
            Of the type `dtype`.

        Raises
        ------
        RasterAccessError
            If the pixels cannot be read, or are not of the kind of the cube.
        """
        reading = self.readings[number]
        corner, lines = (self.grid.west, self.grid.north), [(part.start, part.stop) for part in (columns, rows)]
        found = _parts.get(
            self.settings, reading, GridSpec.between(self.grid.crs, self.grid.res, corner, *lines), self.resampling
        )
        name = reading.files[0].asset.href.partition("?")[0]
        self._check(found, name)
        pixels = np.empty((len(self.dtypes), *found.valid.shape), self.dtype)
        for band in range(len(self.header.bands)):
            pixels[band] = self._in_cube_form(found, band, name)
        if self.has_mask:
            pixels[-1] = np.where(found.valid, 255, 0)
        return pixels

    def _check(self, found: Pixels, name: str) -> None:
        cube = self.header
        differences = [*cube.differences(found.header)]
        if not differences and cube.alpha != found.header.alpha:
            differences.append(f"band {cube.alpha or found.header.alpha} is alpha in one and not in the other")
        if differences:
            told = f"{name} has other bands than the scene whose pixels make the grid: {', '.join(differences)}"
            raise RasterAccessError(f"{told}. Leave its scene out.")

    def _in_cube_form(self, found: Pixels, band: int, name: str) -> Any:
        """Return the pixels of a band, counted from 0, in the representation of the cube's variable."""
        pixels = found.bands[band]
        if band + 1 == self.header.alpha:
            return np.where(found.valid, pixels, pixels.dtype.type(0))
        value, own = self.nodata[band], found.header.fill_values[band]
        if value is None:
            return pixels
        data = found.valid & np.isfinite(pixels)
        if own is not None:
            data &= pixels != own
        if repr(own) != repr(value) and (pixels[data] == value).any():
            told = f"{name} has pixels of {value}, which is nodata in the others"
            raise RasterAccessError(f"{told}: leave its scene out.")
        return np.where(data, pixels, pixels.dtype.type(value))

    def __repr__(self) -> str:
        return f"<CubeReader {self.settings.api_url}>"


def _reader_of(root: str, token: str, *more: Any) -> CubeReader:
    return CubeReader(settings_of_worker(root, token), *more)


class _Parts:
    """Cache of the parts read last, so that the bands of a file, which are stored together, are fetched once."""

    def __init__(self) -> None:
        self._kept: OrderedDict[_Part, Pixels] = OrderedDict()
        self._locks: Dict[_Part, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, settings: Settings, reading: SceneReading, grid: GridSpec, resampling: str) -> Pixels:
        part = settings, reading.identity, grid, resampling
        with self._lock:
            lock = self._locks.setdefault(part, threading.Lock())
        with lock:
            with self._lock:
                if part in self._kept:
                    self._kept.move_to_end(part)
                    return self._kept[part]
            catalog = catalog_of(settings)
            for file in reading.files:
                catalog.transport.check_link(file.link)
            with opened(catalog, reading) as datasets:
                found = read_scene(reading, datasets, grid, resampling)
            with self._lock:
                self._kept[part] = found
                while len(self._kept) > 1 and sum(map(_size, self._kept.values())) > _KEPT:
                    gone, _ = self._kept.popitem(last=False)
                    self._locks.pop(gone, None)
            return found


def _size(pixels: Pixels) -> int:
    """Return the size of pixels in memory, in bytes."""
    size: int = pixels.bands.nbytes + pixels.valid.nbytes
    return size


_parts = _Parts()
