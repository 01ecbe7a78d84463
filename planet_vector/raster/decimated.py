"""Find what a reduced read of a GeoTIFF needs, and copy just that.

A decimated read of GDAL takes the nearest pixels, and reads only the blocks that contain them. The tables in the
header determine which blocks these are. The copy is as long as the file. It contains the header and those blocks at
their original offsets and is sparse in between, where the file system supports it, so that GDAL itself decodes them.
The offsets of all other blocks point beyond the end of the copy: a block that was not foreseen is an error, never
zeros.

The header is untrusted: each number is checked before data of that size is read.
"""

from __future__ import annotations

from os import SEEK_END, SEEK_SET
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from planet_vector.errors import RasterAccessError
from planet_vector.pixels.tiff import (
    BITS,
    GDAL_METADATA,
    HEIGHT,
    MASK,
    PLANAR,
    REDUCED,
    ROWS_PER_STRIP,
    SAMPLE_FORMAT,
    SAMPLES,
    SIGNED_TYPES,
    STRIP_BYTES,
    STRIP_OFFSETS,
    SUB_DIRECTORIES,
    SUBFILE,
    TILE_BYTES,
    TILE_HEIGHT,
    TILE_OFFSETS,
    TILE_WIDTH,
    WIDTH,
    Directory,
    Field,
    TiffFile,
    TiffProblem,
)
from planet_vector.raster.limits import MAX_BLOCK, MAX_FILE, MAX_READ
from planet_vector.raster.range_requests import HEAD
from planet_vector.raster.remote_file import RemoteFile
from planet_vector.raster.spans import Range

AT_LEAST = 1000
"""Least pixels on the longer side of the largest overview: what a map on a screen shows of a whole product."""

MOST_BLOCKS = 2**20
"""Most blocks of a directory; a product of one-row strips has some 8000."""

MOST_HEADER = 32 * 2**20
"""Most bytes of all values in a header: two tables of as many blocks have 16 MB."""

_MOST_DIRECTORIES = 32
_PIECE = 8 * 2**20  # bytes fetched and written at once; an interrupt takes effect after each
_AROUND = 4  # bytes before and after a block, in which a cloud-optimised file repeats its length
_EPSILON = 1e-10  # as in GDALRasterBand::IRasterIO
_SIGNED = 2  # of SAMPLE_FORMAT

# Metadata items that name other files, which GDAL opens when it looks for overviews; "&#" may encode any text.
_NAMING = (b"OVERVIEW_FILE", b"X_DATASET", b"Y_DATASET", b"&#")

Progress = Optional[Callable[[int, int], None]]
"""Callback for the bytes of blocks that were read, and their total; an exception in it aborts the copy."""


class Decimation(NamedTuple):
    """Reduced size of a file, and the bytes that this read needs.

    Attributes
    ----------
    title : str
        Name used in error messages.
    needless : str
        Why it needs no overviews, as the rest of a sentence, or an empty string.
    rows, columns : int
        Size of the largest overview.
    factors : tuple of int
        Factors by which the further overviews are smaller than that.
    mask : int
        Number of the directory that holds its mask, counted from 1, or 0.
    ranges : list of (int, int)
        Bytes to fetch: the first of each block, and the one after its last.
    header : list of (int, bytes)
        Offset and content of each part of the header.
    size : int
        Size of the file in bytes.
    """

    title: str
    needless: str = ""
    rows: int = 0
    columns: int = 0
    factors: Tuple[int, ...] = ()
    mask: int = 0
    ranges: Sequence[Range] = ()
    header: Sequence[Tuple[int, bytes]] = ()
    size: int = 0

    @property
    def bytes(self) -> int:
        """Bytes of the blocks to fetch."""
        return sum(end - first for first, end in self.ranges)


def look(file: RemoteFile, title: str) -> Decimation:
    """Read the header of a file, and determine how it is reduced.

    Parameters
    ----------
    file : RemoteFile
        The file.
    title : str
        Name used in error messages.

    Returns
    -------
    Decimation
        Size of the overviews, and the bytes they need.

    Raises
    ------
    ServiceError
        If the service does not provide the file.
    RasterAccessError
        If its header is not that of a readable GeoTIFF, or exceeds the bounds of a product.
    """
    file.remembers = True
    try:
        if file.size > MAX_FILE:
            raise TiffProblem(f"has {file.size:,} bytes, which no product has")
        return _Header(file).decimation(title)
    except TiffProblem as error:
        raise RasterAccessError(f"{title} {error}: no overviews are made of it.") from None


def copy(file: RemoteFile, decimation: Decimation, path: Path, progress: Progress = None) -> None:
    """Write a copy of a file that contains the bytes of a decimation.

    Parameters
    ----------
    file : RemoteFile
        The file.
    decimation : Decimation
        As `look` returns it.
    path : Path
        File to write; must exist and be empty.
    progress : callable, optional
        Called with the bytes read so far and their total.

    Raises
    ------
    ServiceError
        If the service does not provide a part.
    RasterAccessError
        If the file has changed since.
    OSError
        If the disk cannot be written.
    """
    done, total = 0, decimation.bytes
    with path.open("r+b") as target:
        target.truncate(decimation.size)
        for ranges in _pieces(decimation.ranges):
            file.foresee(ranges)
            try:
                bodies = file.read([(first, end - first) for first, end in ranges])
            finally:
                file.foresee([])
            for (first, _), body in zip(ranges, bodies):
                target.seek(first)
                target.write(body)
                done += len(body)
            if progress is not None:
                progress(done, total)
        for at, content in decimation.header:  # last, as blocks are fetched with a few bytes around them
            target.seek(at)
            target.write(content)


def _pieces(ranges: Sequence[Range]) -> Iterator[List[Range]]:
    found: List[Range] = []
    size = 0
    for first, end in ranges:
        if found and size + end - first > _PIECE:
            yield found
            found, size = [], 0
        found.append((first, end))
        size += end - first
    if found:
        yield found


class _Layout(NamedTuple):
    """Layout of a directory's pixels in blocks, with the tables of their offsets and lengths."""

    size: Tuple[int, int]  # columns and rows
    block: Tuple[int, int]
    separate: int  # planes of blocks: the number of bands if each has its own
    length: int  # bytes of a decoded block
    offsets: Tuple[int, ...]
    lengths: Tuple[int, ...]
    table: Field  # of the offsets

    @property
    def across(self) -> int:
        return -(-self.size[0] // self.block[0])

    @property
    def down(self) -> int:
        return -(-self.size[1] // self.block[1])


class _Header:
    """Directories of a file."""

    def __init__(self, file: RemoteFile) -> None:
        self._file = _Recorded(file)
        self._tiff = TiffFile(self._file)
        self._directories = self._tiff.directories(_MOST_DIRECTORIES)
        self._read_values()

    def decimation(self, title: str) -> Decimation:
        """Return how the first image is reduced."""
        kinds = [self._tiff.number(directory, SUBFILE, 0) for directory in self._directories]
        first, size = self._directories[0], self._size(self._directories[0])
        if any(kind & REDUCED for kind in kinds[1:]):
            return Decimation(title, "has overviews of its own")
        factor = 1
        while max(size) // (2 * factor) >= AT_LEAST:
            factor *= 2
        if factor == 1:
            return Decimation(title, "is small enough to be read without")
        if any(SUB_DIRECTORIES in directory.fields for directory in self._directories):
            raise TiffProblem("has nested directories, which are not supported")
        if any(name in self._metadata(directory) for directory in self._directories for name in _NAMING):
            raise TiffProblem("names another file in its metadata, which is not opened")
        masks = [number for number, (kind, directory) in enumerate(zip(kinds, self._directories), 1)
                 if kind & MASK and self._size(directory) == size]  # fmt: skip
        bands, bits = self._tiff.number(first, SAMPLES, 1), max(self._tiff.integers(first, BITS) or [1])
        if masks and bits == 8 and _SIGNED in self._tiff.integers(first, SAMPLE_FORMAT):
            raise TiffProblem("has a mask beside signed bytes, which cannot hold it")
        columns, rows = -(-size[0] // factor), -(-size[1] // factor)
        if columns * rows * (bands + bool(masks)) * max(1, bits // 8) > MAX_BLOCK:
            raise TiffProblem(f"has {bands:,} bands, too many for overviews")
        ranges: List[Range] = []
        decoded = 0
        patched: Dict[int, bytes] = {}
        for number in [1, *masks[:1]]:
            layout = self._layout(self._directories[number - 1])
            blocks = self._blocks(layout, (columns, rows))
            decoded += layout.length * len(blocks)
            ranges += self._ranges(layout, blocks, patched)
        if decoded > MAX_READ:
            raise TiffProblem(f"takes {decoded:,} bytes of pixels to be reduced, more than {MAX_READ:,}")
        if sum(end - begin for begin, end in ranges) > self._file.size:
            raise TiffProblem("declares more data than it contains")
        factors = [2**power for power in range(1, 12) if max(columns, rows) >> power >= AT_LEAST // 8]
        around = [(max(0, begin - _AROUND), min(end + _AROUND, self._file.size)) for begin, end in sorted(set(ranges))]
        self._file.fetch([(0, HEAD)])
        header = [*{**self._file.parts, **patched}.items()]
        return Decimation(
            title, "", rows, columns, tuple(factors), masks[0] if masks else 0, around, header, self._file.size
        )

    def _metadata(self, directory: Directory) -> bytes:
        """Return GDAL's metadata in upper case, as its names are case-insensitive."""
        return self._tiff.raw_text(directory, GDAL_METADATA, MOST_HEADER).upper()

    def _size(self, directory: Directory) -> Tuple[int, int]:
        size = self._tiff.number(directory, WIDTH, 0), self._tiff.number(directory, HEIGHT, 0)
        if not min(size):
            raise TiffProblem("does not specify its size")
        return size

    def _layout(self, directory: Directory) -> _Layout:
        size, fields = self._size(directory), directory.fields
        tiled = TILE_OFFSETS in fields
        if tiled:
            block = self._tiff.number(directory, TILE_WIDTH, 0), self._tiff.number(directory, TILE_HEIGHT, 0)
        else:
            block = size[0], min(self._tiff.number(directory, ROWS_PER_STRIP, size[1]), size[1])
        offsets = TILE_OFFSETS if tiled else STRIP_OFFSETS
        # Some writers store the byte counts of tiles under the tag of strips.
        lengths = TILE_BYTES if tiled and TILE_BYTES in fields else STRIP_BYTES
        if not min(block) or offsets not in fields or lengths not in fields:
            raise TiffProblem("does not specify the offsets of its pixels")
        bands = self._tiff.number(directory, SAMPLES, 1)
        separate = bands if self._tiff.number(directory, PLANAR, 1) == 2 else 1
        bits = max(self._tiff.integers(directory, BITS) or [1]) * (1 if separate > 1 else bands)
        length = -(-block[0] * bits // 8) * block[1]
        count = -(-size[0] // block[0]) * -(-size[1] // block[1]) * separate
        if count > MOST_BLOCKS or length > MAX_BLOCK:
            raise TiffProblem(f"has {count:,} blocks of {length:,} bytes, which no product has")
        if fields[offsets].number != count or fields[lengths].number != count or fields[offsets].kind in SIGNED_TYPES:
            raise TiffProblem("does not specify the offset of each block")
        starts, sizes = (self._tiff.integers(directory, tag, MOST_BLOCKS) for tag in (offsets, lengths))
        return _Layout(size, block, separate, length, starts, sizes, fields[offsets])

    def _blocks(self, layout: _Layout, shape: Tuple[int, int]) -> List[int]:
        """Return the numbers of the blocks that a read of so many columns and rows needs."""
        columns, rows = (
            sorted({min(int((number + 0.5) * size / count + _EPSILON), size - 1) // block for number in range(count)})
            for size, count, block in zip(layout.size, shape, layout.block)
        )
        across, down = layout.across, layout.down
        return [(plane * down + row) * across + column
                for plane in range(layout.separate) for row in rows for column in columns]  # fmt: skip

    def _ranges(self, layout: _Layout, blocks: Sequence[int], patched: Dict[int, bytes]) -> List[Range]:
        """Return the ranges of blocks, and patch the table of the copy so that all others lie beyond its end."""
        offsets, lengths, table = layout.offsets, layout.lengths, layout.table
        place = self._tiff.place(table)
        if place is None:  # an inline table has few blocks: all are fetched
            blocks = range(len(offsets))
        else:
            wanted, beyond = set(blocks), 2 ** (8 * (table.length // table.number)) - 1
            patch = [offset if number in wanted or not offset else beyond for number, offset in enumerate(offsets)]
            patched[place] = self._tiff.form.packed(table.kind, patch)
        # Sparse blocks have none.
        found = [(offsets[n], offsets[n] + lengths[n]) for n in blocks if offsets[n] and lengths[n]]
        if any(end > self._file.size for _, end in found):
            raise TiffProblem("is truncated")
        return found

    def _read_values(self) -> None:
        """Read the values stored outside the fields in one batch."""
        wanted: Dict[int, int] = {}
        for directory in self._directories:
            for field in directory.fields.values():
                place = self._tiff.place(field)
                if place is not None:
                    wanted[place] = max(wanted.get(place, 0), field.length)
        if sum(wanted.values()) > MOST_HEADER or any(at + length > self._file.size for at, length in wanted.items()):
            raise TiffProblem("has values in its header that are larger than any product's, or beyond its end")
        self._file.fetch(list(wanted.items()))


class _Recorded:
    """Seekable view of a remote file that records what is read.

    Attributes
    ----------
    size : int
        Size of the file in bytes.
    parts : dict of int to bytes
        What was read, by offset.
    """

    def __init__(self, file: RemoteFile) -> None:
        self._remote, self._at = file, 0
        self.size = file.size
        self.parts: Dict[int, bytes] = {}

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        self._at = self.size + offset if whence == SEEK_END else offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        if len(self.parts.get(self._at, b"")) < size:
            self.fetch([(self._at, size)])
        return self.parts.get(self._at, b"")[:size]

    def fetch(self, ranges: Sequence[Tuple[int, int]]) -> None:
        """Read ranges (offset, length) in one batch."""
        for (at, _), body in zip(ranges, self._remote.read(ranges)):
            if len(body) > len(self.parts.get(at, b"")):
                self.parts[at] = body
