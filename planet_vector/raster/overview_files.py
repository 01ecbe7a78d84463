"""Make overviews of products that have none, and keep them on disk: once, from the few blocks they need.

A program that draws all of a product without overviews requests strip after strip, and again at each other zoom. Here
the blocks are fetched together once (`planet_vector.raster.decimated`), and the installed GDAL makes a small GeoTIFF
of them. A VRT beside it describes the file with these overviews: at full size its pixels are those of the file.

Both names are digests of the product's link and its version (its ETag or its modification time, and its size). The
service is asked for the version before they are used; another version invalidates them. Folder and files are private
to the user and do not contain the key. Overviews are optional: without them a product is opened by itself.

Finding them needs only the standard library and requests, because the GDAL driver does so in whatever Python embeds
GDAL.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Mapping, NamedTuple, Optional, Set
from xml.etree import ElementTree  # noqa: S405 - only XML written here is parsed

from planet_vector.assets import Asset
from planet_vector.catalog import Catalog
from planet_vector.disk_errors import disk_remedy
from planet_vector.errors import RasterAccessError
from planet_vector.http.responses import ranged_length
from planet_vector.names import ONLY_GEOTIFF
from planet_vector.pixels.references import ReferenceProblem, check_crs, check_file
from planet_vector.pixels.tiff import TILE_BYTES, TILE_OFFSETS, TiffFile, TiffProblem
from planet_vector.private_files import STALE, is_private, make_folder, read_private, write_private
from planet_vector.raster.decimated import MOST_BLOCKS, Decimation, Progress, copy, look
from planet_vector.raster.range_requests import ServedWhole
from planet_vector.raster.remote_file import RemoteFile
from planet_vector.raster.vrt_xml import add_overview, add_source, set_block, set_description
from planet_vector.user_folders import user_directory

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element  # noqa: S405 - a type

MOST_BYTES = 2**30
"""Most bytes of all overviews, of all services; a product has some 10 MB. The least recently used are removed."""

_MOST_TEXT = 4 * 2**20  # bytes of a VRT; ground control points and palettes are its longest parts
_MAKING, _WRITING = ".making-", ".vrt-"  # prefixes of temporary folders and files
_FILE, _OVERVIEWS = "file", "overviews"  # placeholders for them in the stored VRT

# Elements kept of a file's VRT. Others, and items of other domains, may name files that GDAL would open.
_SAID = {"SRS", "GeoTransform", "GCPList", "Metadata", "VRTRasterBand", "MaskBand"}
_SAID_OF_BAND = {"Description", "UnitType", "NoDataValue", "ColorInterp", "ColorTable", "CategoryNames", "Offset",
                 "Scale", "Metadata", "SimpleSource"}  # fmt: skip
_DOMAINS = {"", "IMAGE_STRUCTURE", "IMAGERY", "RPC"}

Reduce = Callable[[Path, Path, Path, Decimation], None]
"""Makes GDAL reduce a copy of a file: writes a GeoTIFF and a VRT of the copy to the second and third path.

The GeoTIFF contains all bands of the copy, reduced by nearest neighbour, followed by its mask, if any, and overviews
of these. Raises `RasterAccessError` if GDAL fails.
"""


class Kept(NamedTuple):
    """Overviews of a product on disk."""

    overviews: Path
    text: Path

    def vrt(self, name: str, asset: Asset) -> str:
        """Return a VRT of the product.

        Parameters
        ----------
        name : str
            GDAL name of the product itself.
        asset : Asset
            The product, whose bands have names if the file has none.

        Returns
        -------
        str
            Text of the VRT.

        Raises
        ------
        OSError
            If the files have been removed or are damaged; damaged ones are deleted, and can be made again.
        """
        text = read_private(self.text, _MOST_TEXT)[0]
        names = {_FILE: name, _OVERVIEWS: str(self.overviews)}
        try:
            root = ElementTree.fromstring(text)  # noqa: S314 - written by `_described`
            for source in root.iter("SourceFilename"):
                directory, _, what = (source.text or "").rpartition(":")
                source.text = f"{directory}:{names[what]}"
        except (ElementTree.ParseError, KeyError):  # for example if the machine stopped during the write
            self.text.unlink(missing_ok=True)
            raise OSError(errno.EIO, "Damaged", str(self.text)) from None
        bands = root.findall("VRTRasterBand")
        alpha = [band.findtext("ColorInterp") == "Alpha" for band in bands]
        own = [band.findtext("Description") for band in bands]
        for band, label in zip(bands, asset.labels(own, alpha)):
            set_description(band, label)
        return ElementTree.tostring(root, encoding="unicode")


def kept(catalog: Catalog, link: str) -> Optional[Kept]:
    """Return the stored overviews of a product, or None.

    If there are any, the service is asked whether they belong to the product's current version.

    Parameters
    ----------
    catalog : Catalog
        The service.
    link : str
        The product's link.

    Returns
    -------
    Kept or None
        None if there are none, or the product has changed.

    Raises
    ------
    ServiceError
        If the service does not report the version.
    ConfigError
        If there is no home directory.
    """
    if not any(directory().glob(f"{_digest(link)}-*.tif")):
        return None
    _, headers = catalog.transport.follow(catalog.transport.check_link(link))
    version = _version(headers)
    return None if version is None else _there(_named(link, version))


class Making:
    """Maker of the overviews of a product.

    Parameters
    ----------
    catalog : Catalog
        The service.
    link : str
        The product's link.
    title : str
        Name used in error messages.

    Attributes
    ----------
    decimation : Decimation
        Size of the overviews, and the bytes they need.

    Raises
    ------
    ServiceError
        If the service does not provide the product.
    RasterAccessError
        If no overviews can be made of it.
    """

    def __init__(self, catalog: Catalog, link: str, title: str) -> None:
        self._catalog, self._link, self._title = catalog, catalog.transport.check_link(link), title
        self._version = self._version_now()
        self._named = _named(link, self._version)
        self._file = RemoteFile(catalog, self._link, title)
        self.decimation = look(self._file, title)

    @property
    def kept(self) -> Optional[Kept]:
        """The existing overviews, or None."""
        return _there(self._named)

    def make(self, reduce: Reduce, progress: Progress = None) -> Kept:
        """Fetch the blocks that the overviews need, and make them; complete, or not at all.

        Parameters
        ----------
        reduce : callable
            Reduces the copy with GDAL; see `Reduce`.
        progress : callable, optional
            Called with the bytes read so far and their total; an exception in it aborts.

        Returns
        -------
        Kept
            The overviews.

        Raises
        ------
        ServiceError
            If the service does not provide a part of the file.
        RasterAccessError
            If the file was replaced meanwhile, cannot be decoded, or the disk cannot be written.
        """
        try:
            make_folder(directory())
            _tidy()
            folder = Path(tempfile.mkdtemp(prefix=_MAKING, dir=directory()))  # mode 0700
            try:
                return self._make(folder, reduce, progress)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        except OSError as error:
            if isinstance(error, RasterAccessError) or error.errno is None:
                raise
            raise RasterAccessError(
                f"The overviews of {self._title} cannot be kept in {directory()} ({error.strerror}): "
                f"{disk_remedy(error) or 'make it writable'}."
            ) from None

    def _make(self, folder: Path, reduce: Reduce, progress: Progress) -> Kept:
        part, overviews, text = folder / "copy.tif", folder / "overviews.tif", folder / "copy.vrt"
        part.touch(0o600)
        copy(self._file, self.decimation, part, progress)
        _check_references(part, self._title)
        reduce(part, overviews, text, self.decimation)
        _check_whole(overviews, self._title)
        described = _described(text.read_bytes(), self.decimation)
        if self._version_now() != self._version:
            raise RasterAccessError(f"{self._title} was replaced while overviews were made of it: make them again.")
        overviews.chmod(0o600)
        for path in directory().glob(f"{_digest(self._link)}-*"):
            if path.name.partition(".")[0] != self._named.overviews.stem:  # of an outdated version
                path.unlink(missing_ok=True)
        # The pixels first, so that the VRT never exists without them.
        if self.kept is None:
            os.replace(overviews, self._named.overviews)
            write_private(self._named.text, described, _WRITING)
        _prune(self._named)
        return self._named

    def _version_now(self) -> str:
        _, headers = self._catalog.transport.follow(self._link)
        if ranged_length(headers) is None:
            raise ServedWhole(f"{self._title} is served whole only: download it.")
        version = _version(headers)
        if version is None:
            raise RasterAccessError(
                f"The service sends neither ETag nor Last-Modified for {self._title}, so its overviews are not kept."
            )
        return version


def directory() -> Path:
    """Return the folder of the overviews.

    Raises
    ------
    ConfigError
        If there is no home directory.
    """
    return user_directory("cache") / "overviews"


def clear() -> int:
    """Remove all overviews, and return the number of products that had some.

    Returns
    -------
    int
        Number of products.
    """
    count = 0
    for path in directory().glob("*"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
            count += path.suffix == ".tif"
    return count


def _described(text: bytes, decimation: Decimation) -> bytes:
    """Convert GDAL's VRT of the copy to one of the product with its overviews, with placeholders for both files.

    Raises
    ------
    RasterAccessError
        If it contains more than VRTs of products should.
    """
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - GDAL wrote it; expat bounds the growth of entities
        check_crs(root.findtext("SRS", ""))
    except (ElementTree.ParseError, ReferenceProblem):
        raise RasterAccessError(
            f"{decimation.title} has an unreadable header, or one that names another file: no overviews are made of it."
        ) from None
    _keep(root, _SAID)
    bands = root.findall("VRTRasterBand")
    for number, band in enumerate(bands, 1):
        _keep(band, _SAID_OF_BAND)
        for source in band.iter("SourceFilename"):
            source.attrib.update(relativeToVRT="0", shared="0")
            source.text = f"{ONLY_GEOTIFF}{_FILE}"
        blocks = band.find("SimpleSource/SourceProperties")
        if blocks is not None:  # readers that read block by block use those of the file
            set_block(band, blocks.get("BlockXSize", ""), blocks.get("BlockYSize", ""))
        _add_overviews(band, number, decimation)
    mask = root.find("MaskBand/VRTRasterBand")
    if mask is not None:
        for each in list(mask):
            mask.remove(each)
        # Opened by itself, a mask of one bit has values of 0 and 1.
        add_source(mask, f"GTIFF_DIR:{decimation.mask}:{_FILE}", 1, settings={"LUT": "0:0,1:255"})
        _add_overviews(mask, len(bands) + 1, decimation)
    found = ElementTree.tostring(root)
    if len(found) > _MOST_TEXT:
        raise RasterAccessError(f"{decimation.title} has more metadata than any product: no overviews are made of it.")
    return found


def _check_references(part: Path, title: str) -> None:
    """Reject a file whose coordinate system refers to another file, which GDAL would open."""
    try:
        check_file(part)
    except ReferenceProblem as problem:
        raise RasterAccessError(f"{title} {problem}: no overviews are made of it.") from None


def _check_whole(overviews: Path, title: str) -> None:
    """Check that all blocks are in the file: libtiff does not report a disk that is full at the last bytes to GDAL.

    Raises
    ------
    RasterAccessError
        If one is missing.
    """
    try:
        with overviews.open("rb") as file:
            tiff = TiffFile(file)
            size = file.seek(0, os.SEEK_END)
            for level in tiff.directories():
                offsets, lengths = (tiff.values(level, tag, MOST_BLOCKS) for tag in (TILE_OFFSETS, TILE_BYTES))
                ends = [offset + length for offset, length in zip(offsets, lengths) if offset and length]
                if not ends or len(ends) < len(offsets) or max(ends) > size:
                    raise TiffProblem("lacks some of its blocks")
    except TiffProblem:
        raise RasterAccessError(
            f"The overviews of {title} were not written completely: make room in {directory()}."
        ) from None


def _keep(parent: Element, names: Set[str]) -> None:
    for each in list(parent):
        if each.tag not in names or (each.tag == "Metadata" and each.get("domain", "") not in _DOMAINS):
            parent.remove(each)


def _add_overviews(band: Element, number: int, decimation: Decimation) -> None:
    for level in range(1, len(decimation.factors) + 2):
        add_overview(band, f"GTIFF_DIR:{level}:{_OVERVIEWS}", number)


def _version(headers: Mapping[str, str]) -> Optional[str]:
    """Return text that identifies a version of a file, or None if the service sends no header for it."""
    told = headers.get("ETag") or headers.get("Last-Modified")
    return json.dumps([told, ranged_length(headers)]) if told else None


def _named(link: str, version: str) -> Kept:
    stem = f"{_digest(link)}-{_digest(version)}"
    return Kept(directory() / f"{stem}.tif", directory() / f"{stem}.xml")


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def _there(named: Kept) -> Optional[Kept]:
    for path in named:
        try:
            if not is_private(os.lstat(path), stat.S_ISREG):
                return None
        except OSError:
            return None
    with suppress(OSError):
        os.utime(named.overviews)  # marks it as used
    return named


def _tidy() -> None:
    """Remove the temporary files of programs that were killed while they made overviews."""
    for pattern in (f"{_MAKING}*", f"{_WRITING}*"):
        for path in directory().glob(pattern):
            with suppress(OSError):  # another program was faster
                found = [path, *path.iterdir()] if path.is_dir() else [path]
                if abs(time.time() - max(os.lstat(each).st_mtime for each in found)) > STALE:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _prune(newest: Kept) -> None:
    """Remove the least recently used overviews if all together are too large."""
    found = []
    for path in directory().glob("*.tif"):
        with suppress(OSError):
            status = os.lstat(path)
            found.append((path != newest.overviews, -status.st_mtime, status.st_size, path))
    total = 0
    for _, _, size, path in sorted(found):
        total += size
        if total > MOST_BYTES and path != newest.overviews:
            # Windows keeps a file that another program reads.
            with suppress(OSError):
                path.with_suffix(".xml").unlink(missing_ok=True)
                path.unlink()
                for beside in directory().glob(f"{path.stem}.*"):  # statistics, which GDAL writes there
                    beside.unlink()
