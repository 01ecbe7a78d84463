"""Reader of products for odc-stac: the pixels of a cube, read in any process.

Pixels are read by the same code and with the same GDAL options as for crops. What dask pickles, stores at the scheduler
and sends to workers contains the address of the service but not the key: `planet_vector.stacks.worker_keys` tells how a
worker finds it. Each worker follows links itself: so the key is sent only to the service, and a signed address is
created where and when it is used.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Mapping, Tuple

import numpy as np
from rasterio.crs import CRS

from planet_vector.catalog import catalog_of
from planet_vector.config import Settings
from planet_vector.errors import RasterAccessError
from planet_vector.geometry.grid import GridSpec
from planet_vector.pixels.header import RasterHeader
from planet_vector.stacks.reading import SceneReading, opened, read_scene
from planet_vector.stacks.resample import Pixels
from planet_vector.stacks.worker_keys import settings_of_worker, token_for_workers

_KEPT = 256 * 2**20  # bytes of cached parts: dask computes a cube band by band, and files hold all bands together

_Readings = Mapping[str, SceneReading]
_Part = Tuple[Settings, str, GridSpec, str]


class ProductDriver:
    """odc-loader's `ReaderDriver` for products.

    Parameters
    ----------
    settings : Settings
        The service and its key, which is not pickled.
    header : RasterHeader
        The bands of the cube; those of all products must agree with them.
    readings : mapping of str to SceneReading
        The files to read, by the link of an item's asset.
    """

    md_parser = None
    dask_reader = None
    aux_reader = None

    def __init__(self, settings: Settings, header: RasterHeader, readings: _Readings) -> None:
        self.settings = settings
        self.header = header
        self.readings = readings

    def __reduce__(self) -> Tuple[Any, Tuple[str, str, RasterHeader, _Readings]]:
        token = token_for_workers(self.settings)
        return _driver_of, (self.settings.api_url, token, self.header, self.readings)

    def __dask_tokenize__(self) -> Tuple[str, ...]:
        """Return the identity of the cube for dask: its service, bands and files, without the key."""
        own = self.settings.api_url, repr(self.header.bands), repr(self.has_mask)
        return type(self).__name__, *own, repr([each.identity for each in self.readings.values()])

    @property
    def nodata(self) -> Tuple[Any, ...]:
        """The nodata value of each band's variable; None for alpha."""
        values = enumerate(self.header.fill_values, 1)
        return tuple(None if number == self.header.alpha else value for number, value in values)

    @property
    def has_mask(self) -> bool:
        """Whether the cube has a mask variable."""
        shown = [value for number, value in enumerate(self.nodata, 1) if number != self.header.alpha]
        return None in shown and (self.header.masked or self.header.alpha is None)

    def raster_bands(self) -> List[Dict[str, Any]]:
        """Return the bands as fields of STAC's raster extension, which odc-stac reads."""
        types = [dtype.replace("complex_int16", "complex64") for dtype in self.header.dtypes]
        bands = [
            {"data_type": dtype, **({} if value is None else {"nodata": value})}
            for dtype, value in zip(types, self.nodata)
        ]
        return [*bands, *([{"data_type": "uint8"}] if self.has_mask else [])]

    def attributes(self) -> List[Dict[str, Any]]:
        """Return the CF attributes of each band's variable."""
        found = []
        for band, value in zip(self.header.bands, self.nodata):
            said: Dict[str, Any] = {}
            if value is not None and not band.dtype.startswith("complex"):
                said["_FillValue"] = np.dtype(band.dtype).type(value)
            if (band.scale, band.offset) != (1, 0):
                said.update(scale_factor=band.scale, add_offset=band.offset)
            if band.unit:
                said["units"] = band.unit
            if band.description:
                said["long_name"] = band.description
            found.append(said)
        return found

    def new_load(self, geobox: Any, *, chunks: Any = None) -> None:
        """Begin a load; there is no state for a whole cube.

        Parameters
        ----------
        geobox : odc.geo.geobox.GeoBox
            The grid of the cube.
        chunks : mapping, optional
            The sizes of its chunks.
        """

    def finalise_load(self, load_state: None) -> None:
        """End a load.

        Parameters
        ----------
        load_state : None
            The result of `new_load`.
        """

    def capture_env(self) -> Dict[str, Any]:
        """Return the environment for workers: empty, as each product sets its own GDAL options."""
        return {}

    @contextmanager
    def restore_env(self, env: Dict[str, Any], load_state: None) -> Iterator[None]:
        """Apply the captured environment, which is empty.

        Parameters
        ----------
        env : dict
            The result of `capture_env`.
        load_state : None
            The result of `new_load`.

        Yields
        ------
        None
            While it applies.
        """
        yield

    def open(self, src: Any, ctx: None) -> _Reader:
        """Open a band of a product.

        Parameters
        ----------
        src : odc.loader.types.RasterSource
            The product's link, and the number of the band.
        ctx : None
            The result of `new_load`.

        Returns
        -------
        odc.loader.types.RasterReader
            A reader of the band.
        """
        return _Reader(self, src.uri, src.band)

    def __repr__(self) -> str:
        return f"<ProductDriver {self.settings.api_url}>"


def _driver_of(root: str, token: str, header: RasterHeader, readings: _Readings) -> ProductDriver:
    return ProductDriver(settings_of_worker(root, token), header, readings)


class _Reader:
    """Reader of one band; pickled for workers together with its driver."""

    def __init__(self, driver: ProductDriver, link: str, band: int) -> None:
        self._driver, self._link, self._band = driver, link, band

    def read(
        self, cfg: Any, dst_geobox: Any, *, dst: Any = None, selection: Any = None
    ) -> Tuple[Tuple[slice, slice], Any]:
        """Return a part of the band on the cube's grid."""
        (rows, columns), transform = dst_geobox.shape, dst_geobox.transform
        crs, res = CRS.from_wkt(dst_geobox.crs.to_wkt()), (transform.a, -transform.e)
        grid = GridSpec(crs, transform.c, transform.f, res, columns, rows)
        found = _parts.get(self._driver.settings, self._driver.readings[self._link], grid, cfg.resampling)
        pixels = self._in_cube_form(found)
        if dst is None:
            dst = np.empty(pixels.shape, pixels.dtype)
        dst[:] = pixels
        return (slice(0, rows), slice(0, columns)), dst

    def _in_cube_form(self, found: Pixels) -> Any:
        """Return the pixels of the band in the representation of the cube's variable."""
        cube, name = self._driver.header, self._link.partition("?")[0]
        differences = [*cube.differences(found.header)]
        if not differences and cube.alpha != found.header.alpha:
            differences.append(f"band {cube.alpha or found.header.alpha} is alpha in one and not in the other")
        if differences:
            told = f"{name} has other bands than the scene whose pixels make the grid: {', '.join(differences)}"
            raise RasterAccessError(f"{told}. Leave its scene out.")
        if self._band > len(cube.bands):
            return np.where(found.valid, np.uint8(255), np.uint8(0))
        pixels = found.bands[self._band - 1]
        if self._band == cube.alpha:
            return np.where(found.valid, pixels, pixels.dtype.type(0))
        value, own = self._driver.nodata[self._band - 1], found.header.fill_values[self._band - 1]
        if value is None:
            return pixels
        data = found.valid & np.isfinite(pixels)
        if own is not None:
            data &= pixels != own
        if repr(own) != repr(value) and (pixels[data] == value).any():
            told = f"{name} has pixels of {value}, which is nodata in the others"
            raise RasterAccessError(f"{told}: leave its scene out.")
        return np.where(data, pixels, pixels.dtype.type(value))


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
