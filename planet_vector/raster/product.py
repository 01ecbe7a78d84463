"""A product as a rasterio dataset, read where it lies."""

from __future__ import annotations

import os
import tempfile
import weakref
from pathlib import Path
from typing import Any, Callable, Optional

import rasterio
from affine import Affine
from rasterio.enums import Resampling
from rasterio.errors import RasterioIOError
from rasterio.io import DatasetReader

from planet_vector.catalog import ScenesV0
from planet_vector.errors import PlanetVectorError, RasterAccessError
from planet_vector.loading import load_driver
from planet_vector.raster import limits
from planet_vector.raster.access import Access, Build, plan
from planet_vector.raster.download import fetch
from planet_vector.raster.options import Options
from planet_vector.raster.parallel import Alive, in_parallel
from planet_vector.raster.part import Progress
from planet_vector.raster.remote import Remote
from planet_vector.raster.session import OptionsSession
from planet_vector.raster.writing import kept_if_complete
from planet_vector.workers import Workers

BUILD: Build = tuple(int(number) for number in rasterio.__gdal_version__.split(".")[:3])  # type: ignore[assignment]
"""The GDAL that rasterio brings."""

_AT_ONCE = 16  # files being opened; four times the connections to a service, by default


class ProductError(RasterAccessError, RasterioIOError):  # type: ignore[misc]
    """Report a product that cannot be opened or read, to those who catch rasterio's error too."""


class Product(Remote):
    """Read a product as any rasterio dataset is read: by one thread at a time, so open one for each thread.

    When the address it is read from was signed and has ended, it is signed anew, once, and reading goes on.

    Attributes
    ----------
    access : Access
        The name and the options it was opened with.
    """

    access: Access
    _title = "of a service"  # until opened: rasterio logs the dataset while it is made
    _again: Optional[Callable[[], Product]] = None
    _successor: Optional[Product] = None

    def read(
        self,
        indexes: Any = None,
        out: Any = None,
        window: Any = None,
        masked: bool = False,
        out_shape: Any = None,
        boundless: bool = False,
        resampling: Resampling = Resampling.nearest,
        fill_value: Any = None,
        out_dtype: Any = None,
    ) -> Any:
        """Read pixels as `rasterio.io.DatasetReader.read` does.

        Raises
        ------
        RasterAccessError
            When they cannot be had, or are more than `limits.MAX_READ` bytes.
        """
        with_mask = bool(masked) or (fill_value is not None and not boundless)
        limits.check_read(self, self._title, indexes, out, window, out_shape, boundless, out_dtype, with_mask)
        return self._renewing(
            "read", indexes, out, window, masked, out_shape, boundless, resampling, fill_value, out_dtype
        )

    def read_masks(
        self,
        indexes: Any = None,
        out: Any = None,
        out_shape: Any = None,
        window: Any = None,
        boundless: bool = False,
        resampling: Resampling = Resampling.nearest,
    ) -> Any:
        """Read masks as `rasterio.io.DatasetReader.read_masks` does.

        Raises
        ------
        RasterAccessError
            When they cannot be had, or are more than `limits.MAX_READ` bytes.
        """
        limits.check_read(self, self._title, indexes, out, window, out_shape, boundless, "uint8")
        return self._renewing("read_masks", indexes, out, out_shape, window, boundless, resampling)

    def dataset_mask(self, *args: Any, **kwargs: Any) -> Any:
        """Read the mask as `rasterio.io.DatasetReader.dataset_mask` does: by `read_masks`, which checks the size."""
        return self._renewing("dataset_mask", *args, **kwargs)

    def close(self) -> None:
        """Close the dataset."""
        if self._successor is not None:
            self._successor.close()
        super().close()

    def __repr__(self) -> str:
        # Not the name, which may hold a signature.
        return f"<{'closed' if self.closed else 'open'} Product {self._title}>"

    def _repr_png_(self) -> bytes:
        from planet_vector.raster.pictures import quicklook

        return quicklook(self)

    def _renewing(self, method: str, *args: Any, **kwargs: Any) -> Any:
        if self._successor is not None:
            return getattr(self._successor, method)(*args, **kwargs)
        try:
            return getattr(super(), method)(*args, **kwargs)
        except RasterioIOError as error:
            if self._again is None:
                raise ProductError(f"{self._title} cannot be read: {_said(error, self.name)}.") from None
            self._successor = self._again()
        return getattr(self._successor, method)(*args, **kwargs)


def open_link(catalog: ScenesV0, link: str, title: str, progress: Progress = None) -> Product:
    """Open the GeoTIFF a link of the service leads to.

    Parameters
    ----------
    catalog : ScenesV0
        The service that gave the link.
    link : str
        The link.
    title : str
        What errors call it.
    progress : callable, optional
        Told of bytes fetched and bytes in all, where the file must be fetched whole.

    Raises
    ------
    ServiceError
        When the service does not give it.
    RasterAccessError
        When it is not a GeoTIFF that can be read.
    """
    access = plan(catalog, link, BUILD)
    if not access.ranges:
        return _fetch_and_open(catalog, link, title, progress)
    try:
        return _open_remote(catalog, link, title, access)
    except RasterioIOError:
        pass  # explained by asking the host in our own words
    _, headers = catalog.transport.follow(link)
    if "Content-Range" not in headers:
        return _fetch_and_open(catalog, link, title, progress)
    # A signature may have ended between being given and being used: once more.
    access = plan(catalog, link, BUILD)
    try:
        return _open_remote(catalog, link, title, access)
    except RasterioIOError as error:
        raise ProductError(f"{title} cannot be opened where it lies: {_said(error, access.name)}.") from None


def north_up(dataset: Any) -> Affine:
    """Return where the pixels of a raster lie, if its rows go from north to south and its columns from west to east.

    Raises
    ------
    RasterAccessError
        When it lies another way.
    """
    transform: Affine = dataset.transform
    if transform.b or transform.d or transform.a <= 0 or transform.e >= 0:
        title = dataset._title if isinstance(dataset, Product) else dataset.name
        raise RasterAccessError(f"{title} is not north up, so it cannot be put together with others: leave it out.")
    return transform


def opened(name: str, options: Options, driver: str = "GTiff", cls: Any = DatasetReader) -> Any:
    """Open a GDAL name with some options, which no other code of the process sees.

    rasterio sets the options of the main thread for all threads, those of another for that one only; and GDAL
    keeps the options of the moment of opening with the open file. So it is opened in a thread that does nothing else,
    and is kept: what GDAL and PROJ make anew for each thread, connections among it, takes longer than opening.
    """
    load_driver()

    def task() -> Any:
        with rasterio.Env(session=OptionsSession(options)):
            return cls(name, driver=driver, sharing=False)

    return _openers.submit(task).result()


_openers = Workers(_AT_ONCE, "geotiff-open")


def _open_remote(catalog: ScenesV0, link: str, title: str, access: Access) -> Product:
    dataset = _product(access, title)
    if access.expires is not None:

        def again() -> Product:
            successor = _open_remote(catalog, link, title, plan(catalog, link, BUILD))
            successor._again = None
            return successor

        dataset._again = again
    return checked(dataset, access.size)


def _fetch_and_open(catalog: ScenesV0, link: str, title: str, progress: Progress) -> Product:
    """Open a file that is only served whole: fetched to a temporary file, which goes with the dataset."""

    def task(link: str, alive: Alive) -> int:
        def tell(done: int, total: Optional[int]) -> None:
            alive()
            if progress:
                progress(done, total)

        return fetch(catalog, link, path, tell, limits.MAX_FILE)

    handle, name = tempfile.mkstemp(prefix="planet_vector-", suffix=".tif")
    os.close(handle)
    path = Path(name)
    with kept_if_complete(path):
        # By a worker, which stops writing once nobody waits for it.
        [(_, outcome)] = in_parallel(task, [link], 1)
        if isinstance(outcome, PlanetVectorError):
            raise outcome
        try:
            dataset = _product(Access(str(path)), title)
        except RasterioIOError as error:
            raise ProductError(f"{title} is not a GeoTIFF that can be read: {_said(error, name)}.") from None
        checked(dataset, outcome)
    weakref.finalize(dataset, _remove, path)
    return dataset


def _product(access: Access, title: str) -> Product:
    dataset: Product = opened(access.name, access.options, cls=Product)
    dataset.access, dataset._title = access, title
    return dataset


def _remove(path: Path) -> None:
    if path.exists():
        path.unlink()


def checked(dataset: Product, size: Optional[int]) -> Product:
    try:
        limits.check_header(dataset, dataset._title, size)
    except BaseException:
        dataset.close()
        raise
    return dataset


def _said(error: Exception, name: str) -> str:
    """Return what GDAL said, on one line, without the address, whose signature is a permission."""
    text = " ".join(str(error.__cause__ or error).replace(name, "the file").split())
    return f"GDAL says {text.rstrip('.')[:300]!r}"
