"""Use links of a service as sources of VRTs, which GDAL opens on first access.

A raster combined from links is a VRT that names them as the service provided them, so that others can open it with
their own key. Here the same VRT is read with each link mounted (`planet_vector.raster.mounting`): its bytes are
requested in Python, as long as it is open, and a fault in one source is an error of the whole. If no file system can
be mounted, GDAL itself requests the links, with the key in force for their hosts.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from contextlib import suppress
from typing import Any, Dict, Mapping, Optional, Sequence, Set, Tuple
from xml.etree.ElementTree import fromstring, tostring  # noqa: S405 - only what this package wrote is parsed

from rasterio.errors import RasterioIOError
from rasterio.io import DatasetReader

from planet_vector.assets import Asset
from planet_vector.catalog import Catalog
from planet_vector.http.responses import ranged_length
from planet_vector.pixels.header import RasterHeader
from planet_vector.raster.access import Access
from planet_vector.raster.error_messages import gdal_said
from planet_vector.raster.file_vrts import with_overviews
from planet_vector.raster.gdal_options import MOUNTED, READING, Options
from planet_vector.raster.images import MOST_IMAGES, Image
from planet_vector.raster.mounting import can_mount, mount, unmount
from planet_vector.raster.path_options import Scope
from planet_vector.raster.product import Product, ProductError, begin, jpeg2000_driver, open_access, opened
from planet_vector.raster.range_requests import ServedWhole
from planet_vector.raster.rasterio_warnings import unplaced
from planet_vector.raster.remote_file import RemoteFile
from planet_vector.raster.side_by_side import SideBySide
from planet_vector.raster.source_names import (
    link_of,
    mounted_text,
    plain_names,
    public_text,
    source_name,
    text_for_others,
)
from planet_vector.raster.vrt_reads import ALL, Asked
from planet_vector.workers import Task, Workers

_MOST_ASKED = 20  # files; most that are checked with the service after a failed read
_MOST_OPEN = 256  # images kept open for their tables of blocks
_OPENED_AHEAD = 16  # images opened concurrently


class Sources:
    """Links of a service that GDAL can open, until `end`.

    Parameters
    ----------
    catalog : Catalog
        The service.
    titles : mapping of str to str
        Name of each link's file in error messages. The links must be checked already.
    assets : mapping of str to Asset, optional
        The assets of scenes by their links, which tell the names of bands, and values that files lack.

    Attributes
    ----------
    options : mapping of str to str
        GDAL options at the moment of opening a link.
    """

    def __init__(
        self, catalog: Catalog, titles: Mapping[str, str], assets: Optional[Mapping[str, Asset]] = None
    ) -> None:
        self._catalog, self._titles, self._assets = catalog, titles, assets or {}
        self._files: Dict[str, RemoteFile] = {}
        self._names: Dict[str, str] = {}  # names of mounted files, by link
        self._images: OrderedDict[str, Image] = OrderedDict()
        self._lock = threading.Lock()
        self._headers: Optional[Workers] = None
        self._scope: Optional[Scope] = None
        self._like: Mapping[str, str] = {}
        self.options = MOUNTED
        if not can_mount():
            self._scope, self.options = Scope(catalog.settings, "rasterio"), READING
            return
        for link, title in titles.items():
            self._files[link] = file = RemoteFile(catalog, link, title)
            file.remembers = True
            self._names[link] = mount(self._files[link])

    def open(self, link: str) -> Product:
        """Open the file behind a link, by the name that GDAL opens later.

        Unlike the name of `source_name`, this one makes the file's mask visible. It must not be written to files, where
        a driver of any format would open it.

        Parameters
        ----------
        link : str
            One of the links.

        Returns
        -------
        Product
            The open file.

        Raises
        ------
        ServiceError
            If the service does not provide the file, or redirects to a forbidden address.
        RasterAccessError
            If it is not a GeoTIFF that can be read in ranges.
        """
        title = self._titles[link]
        if self._scope is None:
            self._expect(link)
            try:
                size = self._files[link].size
            except ServedWhole:
                raise _served_whole(title) from None
        else:
            size = self._ask(link)
        self.begin()
        try:
            access = Access(self._names.get(link, f"/vsicurl/{link}"), Options(self.options))
            dataset = open_access(access, title, size, self._is_jpeg2000(link))
        except RasterioIOError as error:
            self._explain([link])
            raise ProductError(f"{title} could not be read in place: {gdal_said(error)}; try again.") from None
        dataset._file, dataset.asset = self._files.get(link), self._assets.get(link)
        return dataset

    def _is_jpeg2000(self, link: str) -> bool:
        # Asked only of services that may have such files, as it takes the first bytes of the file.
        allowed = self._catalog.settings.access.jpeg2000
        return allowed and link in self._files and self._files[link].is_jpeg2000

    def open_again(self, name: str, link: str) -> DatasetReader:
        """Open the name of a GeoTIFF, or the text of a VRT, that was derived from an opened file.

        Parameters
        ----------
        name : str
            GDAL name or VRT text, with links.
        link : str
            Link of the file, for the error message.

        Returns
        -------
        rasterio.io.DatasetReader
            The open dataset.

        Raises
        ------
        RasterAccessError
            If it cannot be read.
        """
        self.begin()
        try:
            driver = jpeg2000_driver(self._titles[link]) if self._is_jpeg2000(link) else "GTiff"
            return opened(self.mounted(name), Options(self.options), "VRT" if name.startswith("<") else driver)
        except RasterioIOError as error:
            self._explain([link])
            told = f"{self._titles[link]} could not be read in place"
            raise ProductError(f"{told}: {gdal_said(error)}; try again.") from None

    def mask_of(self, link: str, header: RasterHeader, dataset: Product) -> Optional[str]:
        """Return the GDAL name of a file's own mask, as a raster of one band, or None if it has none.

        Parameters
        ----------
        link : str
            Link of the file.
        header : RasterHeader
            Header of the file.
        dataset : Product
            The file, open.

        Raises
        ------
        RasterAccessError
            If the mask cannot be found in the file.
        """
        if not header.masked:
            return None
        pages = {name.split(":")[1] for name in dataset.subdatasets}
        self.begin()
        for image in range(2, MOST_IMAGES + 1):
            try:
                with unplaced:
                    found = opened(self.mounted(source_name(link, image)), Options(self.options))
            except RasterioIOError:
                break
            with found:
                # Overviews and their masks are smaller, and pages are listed.
                if (found.shape, found.count) == (dataset.shape, 1) and str(image) not in pages:
                    return source_name(link, image)
        self._explain([link])
        title = self._titles[link]
        raise ProductError(f"The mask of {title} could not be found in its file: leave it out, or download it.")

    def mounted(self, text: str) -> str:
        """Replace links by the names of the mounted files, in a GDAL name or in the text of a VRT.

        Parameters
        ----------
        text : str
            GDAL name or VRT text.

        Returns
        -------
        str
            The same, for GDAL in this process.
        """
        return mounted_text(text, self._names)

    def public(self, text: str) -> str:
        """Replace the names of mounted files by links, in the text of a VRT.

        Parameters
        ----------
        text : str
            VRT text.

        Returns
        -------
        str
            The same, for other programs.
        """
        return public_text(text, self._names)

    def fetch_headers(self, links: Sequence[str], like: Optional[Mapping[str, str]] = None) -> None:
        """Start to fetch the headers of several files concurrently; `open` waits only for its own file.

        Parameters
        ----------
        links : sequence of str
            Links of the files, in the order in which they will be opened.
        like : mapping of str to str, optional
            For a link, that of an earlier file whose header is probably as long. It is fetched before, so that no
            pixels are fetched along with the header.
        """
        self._like = like or {}

        def fetch(link: str) -> int:
            if link in self._like:
                with suppress(Exception):  # raised when the other file is opened
                    assert self._files[self._like[link]].size
            self._expect(link)
            return self._files[link].size  # `open` raises its error

        if self._files:
            self._headers = Workers(self._catalog.settings.connections, "geotiff-header")
            for link in links:
                self._headers.submit(fetch, link)
            self._headers.shutdown(wait=False)

    def _expect(self, link: str) -> None:
        if link in self._like:
            self._files[link].resemble(self._files[self._like[link]])

    def side_by_side(self, asked: Sequence[Asked]) -> Optional[SideBySide]:
        """Start to fetch the bytes of a read from several files concurrently.

        Parameters
        ----------
        asked : sequence of Asked
            Parts to read, by the names of `source_name`, in the order in which GDAL requests them.

        Returns
        -------
        SideBySide or None
            The fetcher, which the caller has to end; None if GDAL sends the requests itself.

        Raises
        ------
        rasterio.errors.RasterioIOError
            If a file cannot be opened.
        """
        if not self._files:
            return None
        beside = SideBySide(self._catalog.settings.connections)
        names = deque(dict.fromkeys(part.name for part in asked if not self._is_jpeg2000(link_of(part.name))))
        coming: Dict[str, Task[Image]] = {}
        whole: Dict[str, bool] = {}  # whether each block of an image contains all bands
        done: Set[Tuple[Any, ...]] = set()
        try:
            with Workers(self._catalog.settings.connections, "geotiff-image") as pool:
                for part in asked:
                    if self._is_jpeg2000(link_of(part.name)):  # its blocks have no table: GDAL requests them
                        continue
                    key = (part.name, ALL if whole.get(part.name) else part.number, *part[2:])
                    if key in done:
                        continue
                    # Several at once, as the offsets of overviews may be at the end of a file.
                    while names and len(coming) < _OPENED_AHEAD:
                        coming[names[0]] = pool.submit(self._image, names[0])
                        names.popleft()
                    image = coming.pop(part.name).result() if part.name in coming else self._image(part.name)
                    whole[part.name] = image.holds_bands_together
                    done.add((part.name, ALL if image.holds_bands_together else part.number, *part[2:]))
                    beside.add(image.file, image.ranges(part))
                    with self._lock:
                        while len(self._images) > _MOST_OPEN and next(iter(self._images)) not in coming:
                            self._images.popitem(last=False)[1].close()
        except BaseException:
            beside.end()
            raise
        return beside

    def with_overviews(self, text: str) -> str:
        """Return the text of a VRT for other programs, with the overviews of files that have some.

        The name that keeps other drivers from opening a file also hides its overviews.

        Parameters
        ----------
        text : str
            VRT text, with links.

        Raises
        ------
        RasterAccessError
            If a file cannot be read, or has no name for other programs.
        """
        if not self._files:
            return self._for_others(text)
        self.begin()
        root = fromstring(text)  # noqa: S314 - written by this package
        elements = [element for source in root.iterfind("VRTRasterBand/*") for element in source.iter("SourceFilename")]
        names = {element.text for element in elements if element.text and not element.text.startswith("<")}
        try:
            with Workers(self._catalog.settings.connections, "geotiff-image") as pool:
                texts = dict(zip(names, pool.map(self._with_overviews, names)))
        except RasterioIOError as error:
            self.check()
            raise ProductError(f"The overviews of a file cannot be read: {gdal_said(error)}; try again.") from None
        self.check()
        for element in elements:
            element.text = texts.get(element.text or "", element.text)
        return self._for_others(tostring(root, encoding="unicode"))

    def _for_others(self, text: str) -> str:
        names = {link: self._catalog.transport.gdal_name(link) for link in self._titles}
        passing = {link for link, asset in self._assets.items() if asset.on_request}
        nameless = next((self._titles[link] for link, name in names.items() if name == "" or link in passing), None)
        if nameless is not None:
            told = f"{nameless} has no name for other programs, as its address is made on request and expires"
            raise ProductError(f"{told}: write the pixels to a file instead.")
        text = text_for_others(text, {link: name for link, name in names.items() if name})
        return plain_names(text) if any(map(self._is_jpeg2000, self._titles)) else text

    def _with_overviews(self, name: str) -> str:
        """Return the name of a file, or the text of a VRT of it with its overviews."""
        if self._is_jpeg2000(link_of(name)):
            return name
        image, link = self._image(name), link_of(name)
        numbers = image.overviews(lambda number: self.mounted(source_name(link, number)))
        overviews = [source_name(link, number) for number in numbers]
        return with_overviews(name, image.header, overviews) if overviews else name

    def _image(self, name: str) -> Image:
        """Return an image of a file, open."""
        with self._lock:
            image = self._images.pop(name, None)
            if image is not None:
                self._images[name] = image  # most recently used
                return image
        image = Image(self._files[link_of(name)], self.mounted(name))
        with self._lock:
            self._images[name] = image
        return image

    def all_seen(self) -> None:
        """Stop holding further reads; what was held until now serves GDAL whenever it reopens a file.

        GDAL reports every failed read of a source, but not in all reading functions a failure to open one.
        """
        for file in self._files.values():
            file.remembers = False

    def begin(self) -> None:
        """Clear earlier errors before a read, and restore options that the end of a `rasterio.Env` may have unset."""
        for file in self._files.values():
            begin(file)
        if self._scope is not None:
            self._scope.enforce()

    def check(self) -> None:
        """Raise the error of a failed read since `begin`, even if GDAL ignored it."""
        for link, file in self._files.items():
            failure = file.failure
            if isinstance(failure, ServedWhole):
                raise _served_whole(self._titles[link])
            if failure is not None:
                raise failure

    def explain(self, said: str) -> None:
        """Raise the cause of a failed read, if a file or the service reports one.

        Parameters
        ----------
        said : str
            GDAL's message. It names a file that cannot be opened, but not one whose later read failed.
        """
        self._explain([link for link in self._titles if link in said] or list(self._titles)[:_MOST_ASKED])

    def end(self) -> None:
        """Unmount the files, or remove the key once no other dataset needs it."""
        if self._headers is not None:
            self._headers.shutdown(wait=False, cancel_futures=True)
        while self._images:
            self._images.popitem()[1].close()
        for name in self._names.values():
            unmount(name)
        if self._scope is not None:
            self._scope.end()

    def _explain(self, links: Sequence[str]) -> None:
        self.check()
        if self._scope is not None:
            self._scope.forget()  # GDAL caches failures, too
            for link in links:
                self._ask(link)

    def _ask(self, link: str) -> int:
        """Follow a link, and return the size of the file in bytes."""
        _, headers = self._catalog.transport.follow(link)
        size = ranged_length(headers)
        if size is None:
            raise _served_whole(self._titles[link])
        return size


def _served_whole(title: str) -> ProductError:
    return ProductError(f"{title} is served whole only, so it cannot be combined with others: download it.")
