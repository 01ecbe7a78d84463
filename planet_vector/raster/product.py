"""A product as a rasterio dataset, read where it lies."""

from __future__ import annotations

import re
import time
import weakref
from contextlib import suppress
from typing import Any, Callable, Dict, Optional

import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.enums import MaskFlags
from rasterio.errors import RasterioError, RasterioIOError
from rasterio.io import DatasetReader

from planet_vector.catalog import Catalog
from planet_vector.errors import PlanetVectorError, RasterAccessError
from planet_vector.geometry.grid import GridSpec
from planet_vector.loading import load_driver
from planet_vector.progress import Progress
from planet_vector.raster import limits
from planet_vector.raster.access import Access, Build, plan
from planet_vector.raster.byte_ranges import ReadWindow, ranges_of
from planet_vector.raster.download import fetch
from planet_vector.raster.error_messages import gdal_said, reason
from planet_vector.raster.gdal_options import READING, Options
from planet_vector.raster.mounting import can_mount, forget_errors, mount, unmount
from planet_vector.raster.parallel import Alive, in_parallel
from planet_vector.raster.placed import placed_by_points, unplaced_because
from planet_vector.raster.remote import Remote
from planet_vector.raster.remote_file import RemoteFile, ServedWhole
from planet_vector.raster.session import OptionsSession
from planet_vector.raster.temporary_copies import make_copy_folder, remove_copy_folder
from planet_vector.workers import Workers

BUILD: Build = tuple(int(number) for number in rasterio.__gdal_version__.split(".")[:3])  # type: ignore[assignment]
"""The GDAL that rasterio brings."""

_AT_ONCE = 16  # files being opened; four times the connections to a service, by default


class ProductError(RasterAccessError, RasterioIOError):  # type: ignore[misc]
    """Raised if a product cannot be opened or read; rasterio's own error, too."""


class Product(Remote):
    """Product as a rasterio dataset: read by one thread at a time, so open one for each thread.

    It is read for as long as it is open: where its address was signed, it is signed anew before it ends, by whatever
    way GDAL reads (a warp, a copy, a checksum). When another version of the file takes its place, reading is an error,
    and so is a read of more than `limits.MAX_READ` bytes.

    Attributes
    ----------
    access : Access
        How it is opened.
    """

    access: Access
    _overviews: Dict[int, Any]
    _end: Any = None  # takes its name away
    _file: Optional[RemoteFile] = None  # None for one on the disk, and where GDAL itself asks for the bytes

    def _check_read(self, *args: Any) -> None:
        """Refuse a read of more than `limits.MAX_READ` bytes."""
        limits.check_read(self, self._title, *args)

    def _read_part(self, method: str, part: Optional[ReadWindow], pixels: bool, masks: bool, *args: Any) -> Any:
        flags = self.mask_flag_enums[0]
        # A mask made of pixels takes the same; one of its own is small, and not foreseen.
        takes_pixels = pixels or MaskFlags.nodata in flags or MaskFlags.alpha in flags
        if self._file is not None and part is not None and takes_pixels:
            self._file.foresee(ranges_of(self, self._at, part))
            forget_errors()
        return super()._read_part(method, part, pixels, masks, *args)

    def _whole(self, read: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        file = self._file
        if file is not None:
            begin(file)
        try:
            found = super()._whole(self._read_anew, read, *args, **kwargs)
        except (RasterioError, CPLE_BaseError) as error:
            if file is not None and file.failure is not None:
                raise self._explained(file.failure) from None
            if not isinstance(error, RasterioIOError) or isinstance(error, ProductError):
                raise
            ended = self.access.expires is not None and time.time() > self.access.expires
            hint = "; its address has ended: open it again" if ended else ""
            raise ProductError(f"{self._title} cannot be read: {gdal_said(error)}{hint}.") from None
        if file is not None and file.failure is not None:  # whatever GDAL made of it
            raise self._explained(file.failure) from None
        return found

    def _read_anew(self, read: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if self._file is not None:
            self._file.foresee([])  # what an earlier read took
        return read(*args, **kwargs)

    def _at(self, overview: int) -> Any:
        """Return the file opened at an overview, for its blocks."""
        if overview not in self._overviews:
            self._overviews[overview] = opened(self.access.name, self.access.options, overview_level=overview)
        return self._overviews[overview]

    def _close(self) -> None:
        for dataset in self._overviews.values():
            dataset.close()
        super()._close()
        if self._end is not None:
            self._end()

    def _explained(self, failure: BaseException) -> BaseException:
        if not isinstance(failure, PlanetVectorError):
            return failure
        told = isinstance(failure, RasterAccessError)  # by its title
        return ProductError(f"{'' if told else f'{self._title} cannot be read: '}{reason(failure)}.")


def begin(file: RemoteFile) -> None:
    """Begin to read a file.

    Raises
    ------
    RasterAccessError
        When what is open of it cannot be trusted any more.
    """
    try:
        file.begin()
    except RasterAccessError as error:
        raise ProductError(str(error)) from None


def open_link(catalog: Catalog, link: str, title: str, progress: Progress = None) -> Product:
    """Open the GeoTIFF a link of the service leads to.

    Parameters
    ----------
    catalog : Catalog
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
    if can_mount():
        try:
            return _open_mounted(catalog, link, title)
        except ServedWhole:
            return _fetch_and_open(catalog, link, title, progress)
    access = plan(catalog, link, BUILD)
    if not access.ranges:
        return _fetch_and_open(catalog, link, title, progress)
    try:
        return open_access(access, title, access.size)
    except RasterioIOError:
        pass  # explained by asking the host in our own words
    _, headers = catalog.transport.follow(link)
    if "Content-Range" not in headers:
        return _fetch_and_open(catalog, link, title, progress)
    # A signature may have ended between being given and being used: once more.
    access = plan(catalog, link, BUILD)
    try:
        return open_access(access, title, access.size)
    except RasterioIOError as error:
        raise ProductError(f"{title} cannot be opened where it lies: {gdal_said(error)}.") from None


def north_up(dataset: DatasetReader) -> GridSpec:
    """Return the pixels of a raster, if its rows go from north to south and its columns from west to east.

    Raises
    ------
    RasterAccessError
        When it lies another way.
    """
    transform = dataset.transform
    if transform.b or transform.d or transform.a <= 0 or transform.e >= 0:
        title = dataset._title if isinstance(dataset, Product) else dataset.name
        told = "is not north up"
        if placed_by_points(dataset):
            told = "is placed by ground control points"
        elif transform.is_identity:
            told = unplaced_because(dataset)
        raise RasterAccessError(f"{title} {told}, so it cannot be put together with others: leave it out.")
    res = transform.a, -transform.e
    return GridSpec(dataset.crs, transform.c, transform.f, res, dataset.width, dataset.height)


def opened(name: str, options: Options, driver: str = "GTiff", cls: Any = DatasetReader, **others: Any) -> Any:
    """Open a GDAL name with some options, which no other code of the process sees.

    rasterio sets the options of the main thread for all threads, those of another for that one only; and GDAL
    keeps the options of the moment of opening with the open file. So it is opened in a thread that does nothing else,
    and is kept: what GDAL and PROJ make anew for each thread, connections among it, takes longer than opening.
    """
    load_driver()

    def task() -> Any:
        with rasterio.Env(session=OptionsSession(options)):
            with suppress(UnicodeDecodeError):  # of GDAL's message, which repeats what the file holds
                return cls(name, driver=driver, sharing=False, **others)
            raise RasterioIOError("its header holds what is no text")

    return _openers.submit(task).result()


_openers = Workers(_AT_ONCE, "geotiff-open")


def open_access(access: Access, title: str, size: Optional[int]) -> Product:
    """Open a product by a name and options that were found for it.

    Parameters
    ----------
    access : Access
        How it is opened.
    title : str
        What errors call it.
    size : int or None
        Bytes of the file, where known.

    Raises
    ------
    rasterio.errors.RasterioIOError
        When GDAL does not open it.
    RasterAccessError
        When its header asks for what no product needs.
    """
    dataset: Product = opened(access.name, access.options, cls=Product)
    dataset.access, dataset._title, dataset._overviews = access, title, {}
    try:
        limits.check_header(dataset, title, size)
    except BaseException:
        dataset.close()
        raise
    return dataset


def _open_mounted(catalog: Catalog, link: str, title: str) -> Product:
    """Open a file by a name that does not end; its bytes are asked for by `RemoteFile`."""
    file = RemoteFile(catalog, link, title)
    try:
        size = file.size
    except ServedWhole:
        raise
    except RasterAccessError as error:
        raise ProductError(str(error)) from None
    name = mount(file)
    try:
        dataset = open_access(Access(name, Options(READING), size=size), title, size)
    except RasterioIOError as error:
        unmount(name)
        if file.failure is not None:
            raise file.failure from None
        raise ProductError(f"{title} cannot be opened where it lies: {gdal_said(error)}.") from None
    except BaseException:
        unmount(name)
        raise
    dataset._file, dataset._end = file, weakref.finalize(dataset, unmount, name)
    return dataset


def _fetch_and_open(catalog: Catalog, link: str, title: str, progress: Progress) -> Product:
    """Open a file that is only served whole: fetched to a temporary file, which goes with the dataset."""

    def task(link: str, alive: Alive) -> int:
        def tell(done: int, total: Optional[int]) -> None:
            alive()
            if progress:
                progress(done, total)

        return fetch(catalog, link, path, tell, limits.MAX_FILE)

    try:
        folder = make_copy_folder()
    except OSError as error:
        told = f"There is no room for a temporary copy of {title} ({error.strerror})"
        raise ProductError(f"{told}: name a folder that has some in TMPDIR.") from None
    path = folder / f"{re.sub('[^A-Za-z0-9-]+', '_', title)[:100]}.tif"  # errors name the file
    try:
        # By a worker, which stops writing once nobody waits for it.
        [(_, outcome)] = in_parallel(task, [link], 1)
        if isinstance(outcome, PlanetVectorError):
            raise outcome
        path.chmod(0o600)
        try:
            dataset = open_access(Access(str(path)), title, outcome)
        except RasterioIOError as error:
            raise ProductError(f"{title} is not a GeoTIFF that can be read: {gdal_said(error)}.") from None
    except BaseException:
        remove_copy_folder(folder)
        raise
    weakref.finalize(dataset, remove_copy_folder, folder)
    return dataset
