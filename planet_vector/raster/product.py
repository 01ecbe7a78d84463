"""Open a product as a rasterio dataset, read in place."""

from __future__ import annotations

import re
import time
import weakref
from contextlib import suppress
from typing import Any, Callable, Dict, Optional, Tuple

import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import RasterioError, RasterioIOError
from rasterio.io import DatasetReader

from planet_vector.assets import Asset
from planet_vector.catalog import Catalog
from planet_vector.errors import PlanetVectorError, RasterAccessError
from planet_vector.loading import load_driver
from planet_vector.progress import Progress
from planet_vector.raster import limits
from planet_vector.raster.access import JPEG2000_DRIVERS, Access, Build, plan
from planet_vector.raster.byte_ranges import ReadWindow, ranges_of
from planet_vector.raster.download import fetch
from planet_vector.raster.error_messages import gdal_said, reason
from planet_vector.raster.gdal_options import READING, Options
from planet_vector.raster.mounting import can_mount, forget_errors, mount, unmount
from planet_vector.raster.parallel import Alive, in_parallel
from planet_vector.raster.range_requests import ServedWhole
from planet_vector.raster.remote import Remote
from planet_vector.raster.remote_file import RemoteFile
from planet_vector.raster.session import OptionsSession
from planet_vector.raster.temporary_copies import make_copy_folder, remove_copy_folder
from planet_vector.scene import Scene
from planet_vector.workers import Workers

BUILD: Build = tuple(int(number) for number in rasterio.__gdal_version__.split(".")[:3])  # type: ignore[assignment]
"""Version of rasterio's GDAL."""

_AT_ONCE = 16  # files opened concurrently; four times the default connections to a service


class ProductError(RasterAccessError, RasterioIOError):  # type: ignore[misc]
    """Raised if a product cannot be opened or read; also an error of rasterio."""


class Product(Remote):
    """Product as a rasterio dataset; not thread-safe, so open one per thread.

    It stays readable as long as it is open: a signed address is renewed before it expires, in every operation of GDAL
    (a warp, a copy, a checksum). Reading raises an error if another version replaces the file, and so does a read of
    more than `limits.MAX_READ` bytes.

    Attributes
    ----------
    access : Access
        How it is opened.
    asset : Asset or None
        The asset of a scene whose file it is.
    """

    access: Access
    asset: Optional[Asset] = None
    _overviews: Dict[int, Any]
    _end: Any = None  # unmounts it
    _file: Optional[RemoteFile] = None  # None for a file on disk, and if GDAL itself sends the requests

    @property
    def descriptions(self) -> Tuple[Optional[str], ...]:
        """Names of the bands: those in the file, or if it has none, what the bands show, if that is documented."""
        own: Tuple[Optional[str], ...] = super().descriptions
        if self.asset is None:
            return own
        return self.asset.labels(own, [colour == ColorInterp.alpha for colour in self.colorinterp])

    def _check_read(self, *args: Any) -> None:
        """Raise an error for a read of more than `limits.MAX_READ` bytes."""
        limits.check_read(self, self._title, *args)

    def _read_part(self, method: str, part: Optional[ReadWindow], pixels: bool, masks: bool, *args: Any) -> Any:
        if self._file is not None and self._file.is_jpeg2000:  # its blocks have no table
            return super()._read_part(method, part, pixels, masks, *args)
        flags = self.mask_flag_enums[0]
        # A mask derived from pixels needs the same bytes; a separate mask is small, and not foreseen.
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
            hint = "; its address has expired: open it again" if ended else ""
            raise ProductError(f"{self._title} cannot be read: {gdal_said(error)}{hint}.") from None
        if file is not None and file.failure is not None:  # even if GDAL ignored it
            raise self._explained(file.failure) from None
        return found

    def _read_anew(self, read: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if self._file is not None:
            self._file.foresee([])  # drop those of an earlier read
        return read(*args, **kwargs)

    def _at(self, overview: int) -> Any:
        """Return the file opened at an overview, for its table of blocks."""
        if overview not in self._overviews:
            self._overviews[overview] = opened(self.access.name, self.access.options, overview_level=overview)
        return self._overviews[overview]

    def _close(self) -> None:
        for dataset in getattr(self, "_overviews", {}).values():  # none if opening it was interrupted
            dataset.close()
        super()._close()
        if self._end is not None:
            self._end()

    def _explained(self, failure: BaseException) -> BaseException:
        if not isinstance(failure, PlanetVectorError):
            return failure
        told = isinstance(failure, RasterAccessError)  # has the title
        return ProductError(f"{'' if told else f'{self._title} cannot be read: '}{reason(failure)}.")


def begin(file: RemoteFile) -> None:
    """Start a read of a file.

    Parameters
    ----------
    file : RemoteFile
        The file.

    Raises
    ------
    RasterAccessError
        If what is open of it is no longer valid.
    """
    try:
        file.begin()
    except RasterAccessError as error:
        raise ProductError(str(error)) from None


def open_scene(catalog: Catalog, scene: Scene, product: str, progress: Progress = None) -> Product:
    """Open a product of a scene, as `open_link` does.

    Parameters
    ----------
    catalog : Catalog
        The service of the scene.
    scene : Scene
        The scene.
    product : str
        The name of the product.
    progress : callable, optional
        As for `open_link`.

    Returns
    -------
    Product
        The open file; its bands are named by what they show.

    Raises
    ------
    NotFoundError
        If the scene has no such product.
    ServiceError
        If the service does not provide it.
    RasterAccessError
        If it is not a readable GeoTIFF.
    """
    dataset = open_link(catalog, scene.product_link(product), f"{scene.id}/{product}", progress)
    dataset.asset = scene.asset(product)
    return dataset


def open_link(catalog: Catalog, link: str, title: str, progress: Progress = None) -> Product:
    """Open the GeoTIFF that a link of the service leads to.

    Parameters
    ----------
    catalog : Catalog
        The service that gave the link.
    link : str
        The link.
    title : str
        Name used in error messages.
    progress : callable, optional
        Called with bytes fetched and total bytes, if the file must be fetched whole.

    Returns
    -------
    Product
        The open file.

    Raises
    ------
    ServiceError
        If the service does not provide it.
    RasterAccessError
        If it is not a readable GeoTIFF.
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
        pass  # a request of our own finds the cause
    _, headers = catalog.transport.follow(link)
    if "Content-Range" not in headers:
        return _fetch_and_open(catalog, link, title, progress)
    # The signature may have expired before it was used: retry once.
    access = plan(catalog, link, BUILD)
    try:
        return open_access(access, title, access.size)
    except RasterioIOError as error:
        raise ProductError(f"{title} cannot be opened in place: {gdal_said(error)}.") from None


def opened(name: str, options: Options, driver: str = "GTiff", cls: Any = DatasetReader, **others: Any) -> Any:
    """Open a GDAL name with some options, which apply to no other code of the process.

    rasterio sets the options of the main thread for all threads, those of another thread for that one only, and GDAL
    keeps the options of the moment of opening with the open file. So the file is opened in a worker thread that does
    nothing else. The worker is reused, as per-thread state of GDAL and PROJ, connections included, takes longer to
    create than the file takes to open.

    Parameters
    ----------
    name : str
        GDAL name of the file.
    options : Options
        GDAL options at the moment of opening.
    driver : str, optional
        The only driver that is tried.
    cls : type
        `rasterio.io.DatasetReader` or a subclass.

    Returns
    -------
    rasterio.io.DatasetReader
        An instance of `cls`.

    Raises
    ------
    rasterio.errors.RasterioIOError
        If GDAL does not open it.
    """
    load_driver()

    def task() -> Any:
        with rasterio.Env(session=OptionsSession(options)):
            with suppress(UnicodeDecodeError):  # GDAL's message repeats bytes of the file
                return cls(name, driver=driver, sharing=False, **others)
            raise RasterioIOError("its header contains invalid text")

    return _openers.submit(task).result()


_openers = Workers(_AT_ONCE, "geotiff-open")


def open_access(access: Access, title: str, size: Optional[int], jpeg2000: bool = False) -> Product:
    """Open a product as `planet_vector.raster.access.plan` specifies.

    Parameters
    ----------
    access : Access
        How to open it.
    title : str
        Name used in error messages.
    size : int or None
        Size of the file in bytes, if known.
    jpeg2000 : bool, optional
        Whether it is a JPEG 2000 file, not a GeoTIFF.

    Returns
    -------
    Product
        The open file.

    Raises
    ------
    rasterio.errors.RasterioIOError
        If GDAL does not open it.
    RasterAccessError
        If this GDAL has no driver for it, or its header exceeds the bounds of a product.
    """
    driver = jpeg2000_driver(title) if jpeg2000 else "GTiff"
    dataset: Product = opened(access.name, access.options, driver, Product)
    dataset.access, dataset._title, dataset._overviews = access, title, {}
    try:
        limits.check_header(dataset, title, size)
    except BaseException:
        dataset.close()
        raise
    return dataset


def jpeg2000_driver(title: str) -> str:
    """Return the driver of rasterio's GDAL for JPEG 2000 files.

    Parameters
    ----------
    title : str
        Name of the file in the error message.

    Raises
    ------
    RasterAccessError
        If it has none.
    """
    with rasterio.Env() as env:
        there = env.drivers()
    found = next((name for name in JPEG2000_DRIVERS if name in there), None)
    if found is None:
        raise RasterAccessError(
            f"{title} is a JPEG 2000 file, for which the GDAL of rasterio ({rasterio.__gdal_version__}) has no driver: "
            "download it, or install a rasterio whose GDAL has JP2OpenJPEG, as its wheels have."
        )
    return found


def _open_mounted(catalog: Catalog, link: str, title: str) -> Product:
    """Open a file by a name that never expires; `RemoteFile` sends the requests."""
    file = RemoteFile(catalog, link, title)
    try:
        size = file.size
    except ServedWhole:
        raise
    except RasterAccessError as error:
        raise ProductError(str(error)) from None
    name = mount(file)
    try:
        dataset = open_access(Access(name, Options(READING), size=size), title, size, file.is_jpeg2000)
    except RasterioIOError as error:
        unmount(name)
        if file.failure is not None:
            raise file.failure from None
        raise ProductError(f"{title} cannot be opened in place: {gdal_said(error)}.") from None
    except BaseException:
        unmount(name)
        raise
    dataset._file, dataset._end = file, weakref.finalize(dataset, unmount, name)
    return dataset


def _fetch_and_open(catalog: Catalog, link: str, title: str, progress: Progress) -> Product:
    """Open a file that is only served whole, through a temporary file that is removed with the dataset."""

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
        raise ProductError(f"{told}: set TMPDIR to a folder with enough room.") from None
    path = folder / f"{re.sub('[^A-Za-z0-9-]+', '_', title)[:100]}.tif"  # errors contain the file name
    try:
        # Run by a worker, which stops writing once it is cancelled.
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
