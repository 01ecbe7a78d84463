"""Open computed pixels as a GeoTIFF that is written nowhere: GDAL reads its blocks, which are computed one by one.

The file is uncompressed, so the offset of a block tells which pixels it holds. Its header is one that GDAL writes for a
file without pixels, with the table of blocks filled in. Every operation of GDAL reads it by its name
(`planet_vector.raster.mounting`), and a block that cannot be computed is an error of the read.
"""

from __future__ import annotations

import struct
import threading
import weakref
from collections import OrderedDict
from typing import TYPE_CHECKING, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np
import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError, RasterioIOError
from rasterio.io import DatasetReader, MemoryFile
from rasterio.windows import Window

from planet_vector.errors import RasterAccessError
from planet_vector.pixels.header import RasterHeader
from planet_vector.pixels.tiff import LONG8, STRIP_BYTES, STRIP_OFFSETS, TILE_BYTES, TILE_OFFSETS, Form
from planet_vector.raster.byte_ranges import ReadWindow
from planet_vector.raster.error_messages import gdal_said
from planet_vector.raster.gdal_options import READING, Options
from planet_vector.raster.mounting import can_mount, mount, unmount
from planet_vector.raster.product import ProductError, opened
from planet_vector.raster.remote import Remote

if TYPE_CHECKING:
    import numpy.typing as npt

    Values = npt.NDArray[np.float32]

SIDE = 512
"""Rows and columns of a block."""

_BLOCK = SIDE * SIDE * 4  # bytes
_HEAD = 2**16  # least bytes of the header
_KEPT = 128 * 2**20  # bytes of computed blocks; a row of blocks is computed together, which may be more
_MOST_BLOCKS = 2**22
_TABLES = (STRIP_OFFSETS, STRIP_BYTES, TILE_OFFSETS, TILE_BYTES)
_FORM = Form("<", True)

Compute = Callable[[Window], "Values"]
"""Returns the pixels of a window within the raster, shape (rows, columns), as float32; NaN where they are missing."""


class ComputedFile:
    """Bytes of a GeoTIFF of one band of float32 whose pixels are computed when they are read.

    Parameters
    ----------
    header : RasterHeader
        Grid, description and tags of the raster.
    compute : callable
        Computes its pixels; called by one thread at a time.

    Attributes
    ----------
    size : int
        Size of the file in bytes.
    failure : BaseException or None
        The error of a failed read since `begin`.

    Raises
    ------
    RasterAccessError
        If it has more than four million blocks.
    """

    def __init__(self, header: RasterHeader, compute: Compute) -> None:
        self._rows, self._columns = header.height, header.width
        self._across, self._down = -(-self._columns // SIDE), -(-self._rows // SIDE)
        if self._across * self._down > _MOST_BLOCKS:
            told = f"{self._columns} × {self._rows} pixels are too many to be computed"
            raise RasterAccessError(f"{told}: give a smaller area, or larger pixels.")
        self._head = _head(header, self._across * self._down)
        self._compute = compute
        self._lock = threading.RLock()
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._expected: Optional[Tuple[int, int]] = None
        self.size = len(self._head) + self._across * self._down * _BLOCK
        self.failure: Optional[BaseException] = None

    def begin(self) -> None:
        """Clear the error of an earlier read."""
        self.failure = None

    def fail(self, error: BaseException) -> None:
        """Keep the error of a read.

        Parameters
        ----------
        error : BaseException
            The error.
        """
        self.failure = error

    def knows_better(self, ranges: Sequence[Tuple[int, int]]) -> bool:
        """Return whether GDAL should read byte ranges one by one: never.

        Parameters
        ----------
        ranges : sequence of (int, int)
            Offsets and lengths.
        """
        return False

    def expect(self, window: Optional[Window]) -> None:
        """Set the window that GDAL is about to read, whose rows of blocks are then computed together.

        Parameters
        ----------
        window : rasterio.windows.Window or None
            Part of the raster; None for an unknown one.
        """
        self._expected = None
        if window is not None:
            first, last = int(window.col_off // SIDE), int(-(-(window.col_off + window.width) // SIDE))
            self._expected = first, min(last, self._across)

    def read_around(self, offset: int, length: int) -> Tuple[int, bytes]:
        """Return a byte range, with its offset.

        Parameters
        ----------
        offset, length : int
            The range.
        """
        return offset, self.read([(offset, length)])[0]

    def read(self, ranges: Sequence[Tuple[int, int]]) -> List[bytes]:
        """Return byte ranges of the file.

        Parameters
        ----------
        ranges : sequence of (int, int)
            Offsets and lengths.

        Raises
        ------
        PlanetVectorError
            If the pixels cannot be computed.
        """
        with self._lock:
            return [self._range(first, min(first + length, self.size)) for first, length in ranges]

    def _range(self, first: int, end: int) -> bytes:
        found = [self._head[first:end]]
        place = max(first, len(self._head))
        while place < end:
            number, within = divmod(place - len(self._head), _BLOCK)
            part = self._block(number)[within : within + end - place]
            found.append(part)
            place += len(part)
        return b"".join(found)

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            row, column = divmod(number, self._across)
            first, last = column, column + 1
            if self._expected is not None and self._expected[0] <= column < self._expected[1]:
                last = self._expected[1]
            while len(self._blocks) * _BLOCK > _KEPT:
                self._blocks.popitem(last=False)
            self._blocks.update(self._computed(row, first, last))
        self._blocks.move_to_end(number)
        return self._blocks[number]

    def _computed(self, row: int, first: int, last: int) -> Dict[int, bytes]:
        """Return some adjacent blocks of a row of blocks, by their numbers."""
        top, left = row * SIDE, first * SIDE
        rows, columns = min(SIDE, self._rows - top), min(last * SIDE, self._columns) - left
        pixels = np.full((SIDE, (last - first) * SIDE), np.nan, "<f4")
        pixels[:rows, :columns] = self._compute(Window(left, top, columns, rows))
        return {
            row * self._across + first + at: pixels[:, at * SIDE : (at + 1) * SIDE].tobytes()
            for at in range(last - first)
        }


class Computed(Remote):
    """Raster of computed pixels; not thread-safe, so open one per thread."""

    _file: ComputedFile
    _end: Optional[Callable[[], object]] = None

    def _read_part(self, method: str, part: Optional[ReadWindow], pixels: bool, masks: bool, *args: object) -> object:
        found = None if part is None or self.closed else part.within(self)
        self._file.expect(None if found is None else found[1])
        try:
            return super()._read_part(method, part, pixels, masks, *args)
        finally:
            self._file.expect(None)

    def _whole(self, read: Callable[..., object], *args: object, **kwargs: object) -> object:
        self._file.begin()
        try:
            found = super()._whole(read, *args, **kwargs)
        except (RasterioError, CPLE_BaseError) as error:
            if self._file.failure is not None:
                raise self._file.failure from None
            if not isinstance(error, RasterioIOError):
                raise
            raise ProductError(f"{self._title} cannot be read: {gdal_said(error)}.") from None
        if self._file.failure is not None:  # even if GDAL ignored it
            raise self._file.failure
        return found

    def _close(self) -> None:
        super()._close()
        if self._end is not None:
            self._end()


def open_computed(header: RasterHeader, title: str, compute: Compute, inputs: Sequence[DatasetReader] = ()) -> Computed:
    """Open computed pixels as a dataset of one band of float32.

    Parameters
    ----------
    header : RasterHeader
        Grid, description and tags of the raster.
    title : str
        Name used in error messages.
    compute : callable
        Computes the pixels of a window.
    inputs : sequence of rasterio.io.DatasetReader
        Datasets to close with this one, or if it cannot be opened.

    Returns
    -------
    Computed
        The open dataset.

    Raises
    ------
    RasterAccessError
        If rasterio's GDAL reads no file of a program, or there are too many pixels.
    """
    name = ""
    try:
        if not can_mount():
            raise RasterAccessError(
                f"{title} cannot be computed when it is read, with this rasterio: make crops of it."
            )
        file = ComputedFile(header, compute)
        name = mount(file)
        dataset: Computed = opened(name, Options(READING), cls=Computed)
    except BaseException as error:
        _end(name, inputs)
        if isinstance(error, RasterioIOError):
            if file.failure is not None:
                raise file.failure from None
            raise ProductError(f"{title} cannot be opened: {gdal_said(error)}.") from None
        raise
    dataset._file, dataset._title = file, title
    dataset._end = weakref.finalize(dataset, _end, name, inputs)
    return dataset


def _end(name: str, inputs: Sequence[DatasetReader]) -> None:
    if name:
        unmount(name)
    for dataset in inputs:
        dataset.close()


def _head(header: RasterHeader, blocks: int) -> bytes:
    """Return the bytes of a file before its first block."""
    profile = {**header.profile(), "tiled": True, "blockxsize": SIDE, "blockysize": SIDE}
    creation = {"sparse_ok": True, "bigtiff": "yes", "endianness": "little", "compress": "none"}
    with MemoryFile(ext=".tif") as memory:
        with rasterio.open(memory.name, "w", **profile, **creation) as target:
            header.describe(target)
        content = bytearray(memory.read())
    # GDAL reads a buffer of 32 kB when it opens a file, for which no pixels must be computed.
    content += b"\0" * max(-len(content) % 8, _HEAD - len(content))
    start = len(content) + (0 if blocks == 1 else 16 * blocks)
    tables = {offsets: range(start, start + blocks * _BLOCK, _BLOCK) for offsets in (STRIP_OFFSETS, TILE_OFFSETS)}
    for at, tag in _entries(content):
        if tag in _TABLES:
            numbers = list(tables.get(tag, ())) or [_BLOCK] * blocks
            packed = _FORM.packed(LONG8, numbers)
            value = packed if blocks == 1 else struct.pack(_FORM.offset, len(content))
            struct.pack_into(_FORM.field, content, at, tag, LONG8, blocks, value)
            content += b"" if blocks == 1 else packed
    assert len(content) == start
    return bytes(content)


def _entries(content: bytearray) -> Iterator[Tuple[int, int]]:
    """Yield offset and tag of each field in the first directory of a BigTIFF."""
    (first,) = struct.unpack_from(_FORM.offset, content, 8)
    (count,) = struct.unpack_from(_FORM.number, content, first)
    for place in range(count):
        at = first + 8 + place * struct.calcsize(_FORM.field)
        yield at, struct.unpack_from("<H", content, at)[0]
