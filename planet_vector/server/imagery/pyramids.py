"""Pyramids: stretched copies of rasters in successive halves of their size, in blocks that can be read individually.

If a product is in strips without overviews, each tile of a map decodes whole rows of it, and a small-scale tile all of
it. A pyramid contains the pixels as they are shown and their mask, from about half the raster's size down to a few
pixels, and the limits between which values of the file are stretched; see
`planet_vector.server.imagery.pyramid_making`.

`planet_vector.server.imagery.pyramid_writing` writes the file sequentially. Blocks come first: each is compressed, with
colours as differences along the rows, and the mask as bits unless all pixels are valid; a block without valid pixels is
empty. They are followed by the offset and length of each block, level by level, a description as JSON, and the lengths
of these two.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
import time
import zlib
from pathlib import Path
from struct import Struct
from typing import BinaryIO, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

BLOCK = 256
"""Width and height of a block in pixels."""

MAX_PIXELS = 2**24
"""Maximum number of pixels to read at once: a picture that needs more is made from a smaller level."""

PLACES = np.dtype([("offset", "<u8"), ("length", "<u4")])
"""Offset and length of a block in the file, in bytes."""

END = Struct("<QI8s")
"""End of the file: the lengths in bytes of the block table and of the description, and `MAGIC`."""

MAGIC = b"pyramid1"

_MAX_LEVELS = 32
_MAX_BANDS = 3  # red, green and blue
_AROUND = 2  # pixels around the requested ones, for interpolation

Limits = List[Tuple[float, float]]


class Level(NamedTuple):
    """One level of a pyramid or survey, or a part of it.

    Attributes
    ----------
    factor : (float, float)
        Columns and rows of the file in a pixel of the level.
    colours : array of uint8, shape (bands, rows, columns)
        The pixels as shown.
    mask : array of bool, shape (rows, columns)
        Where they are valid.
    first : (int, int)
        Column and row of the part's first pixel within the level.
    """

    factor: Tuple[float, float]
    colours: np.ndarray
    mask: np.ndarray
    first: Tuple[int, int] = (0, 0)


def level_number(finer: float, levels: int) -> Optional[int]:
    """Return the number of the smallest level that is not coarser than the requested scale, or None if all are.

    Parameters
    ----------
    finer : float
        Columns or rows of the largest level in a pixel of the picture.
    levels : int
        Number of levels, each half the size of the one before.
    """
    return None if finer < 0.99 else min(levels - 1, max(0, int(math.log2(finer * 1.01))))


class Damaged(Exception):
    """Raised if a file is not a complete pyramid."""


class Pyramid:
    """Pyramid, open for reading; a context manager that closes the file.

    Parameters
    ----------
    path : Path
        The file.

    Attributes
    ----------
    limits : list of (float, float), or None
        Values between which bands are stretched; None if they are shown without stretching.

    Raises
    ------
    OSError
        If the file cannot be opened.
    Damaged
        If the file is not a complete pyramid.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO = path.open("rb")
        try:
            self._file.seek(0, os.SEEK_END)
            end = self._file.tell()
            if end < END.size:
                raise Damaged("it is too short")
            places, length, magic = END.unpack(self._read(end - END.size, END.size))
            start = end - END.size - length - places
            if magic != MAGIC or start < 0:
                raise Damaged("its end is missing")
            said = json.loads(self._read(start + places, length))
            self._places = np.frombuffer(self._read(start, places), PLACES)
            self._start = start
            self._bands = int(said["bands"])
            self._factor = (float(said["factor"][0]), float(said["factor"][1]))
            self._sizes = [(int(height), int(width)) for height, width in said["sizes"]]
            self.limits: Optional[Limits] = [(float(low), float(high)) for low, high in said["limits"]] or None
            counts = [-(-height // BLOCK) * -(-width // BLOCK) for height, width in self._sizes]
            self._firsts = [0, *itertools.accumulate(counts)]
            sides = [side for size in self._sizes for side in size]
            if not 0 < len(counts) <= _MAX_LEVELS or min(sides) < 1 or self._firsts[-1] != len(self._places):
                raise Damaged("its levels are not those of its blocks")
            numbers = [*self._factor, *(value for pair in self.limits or [] for value in pair)]
            if not (0 < self._bands <= _MAX_BANDS and min(self._factor) > 0 and all(map(math.isfinite, numbers))):
                raise Damaged("its numbers are none of a picture's")
            if self.limits is not None and len(self.limits) != self._bands:
                raise Damaged("its limits are not those of its bands")
        except (ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError) as error:
            self._file.close()
            raise Damaged(f"its description cannot be read ({type(error).__name__})") from None
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Pyramid:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def part(self, scale: Tuple[float, float], columns: np.ndarray, rows: np.ndarray) -> Optional[Level]:
        """Return the pixels needed to draw positions, from the smallest level that is not coarser than a scale.

        Parameters
        ----------
        scale : (float, float)
            Columns and rows of the raster in a pixel of the picture.
        columns, rows : array
            Positions in the raster, in pixels; NaN outside of it. At least one position must be finite.

        Returns
        -------
        Level or None
            None if all levels are coarser.

        Raises
        ------
        Damaged
            If a block is damaged.
        OSError
            If the file cannot be read.
        """
        number = level_number(min(scale[0] / self._factor[0], scale[1] / self._factor[1]), len(self._sizes))
        if number is None:
            return None
        while True:
            factor = self._factor[0] * 2**number, self._factor[1] * 2**number
            height, width = self._sizes[number]
            left, right = _range(columns, factor[0], width)
            top, bottom = _range(rows, factor[1], height)
            if (right - left) * (bottom - top) <= MAX_PIXELS or number + 1 == len(self._sizes):
                break
            number += 1
        colours, mask = self._window(number, left, top, right, bottom)
        return Level(factor, colours, mask, (left, top))

    def _window(self, number: int, left: int, top: int, right: int, bottom: int) -> Tuple[np.ndarray, np.ndarray]:
        height, width = self._sizes[number]
        colours = np.zeros((self._bands, bottom - top, right - left), "uint8")
        mask = np.zeros((bottom - top, right - left), bool)
        across = -(-width // BLOCK)
        for row in range(top // BLOCK, -(-bottom // BLOCK)):
            for column in range(left // BLOCK, -(-right // BLOCK)):
                place = self._places[self._firsts[number] + row * across + column]
                if not place["length"]:
                    continue
                y, x = row * BLOCK, column * BLOCK
                shape = min(BLOCK, height - y), min(BLOCK, width - x)
                block, known = self._block(int(place["offset"]), int(place["length"]), shape)
                down = slice(max(top, y), min(bottom, y + shape[0]))
                beside = slice(max(left, x), min(right, x + shape[1]))
                here = slice(down.start - top, down.stop - top), slice(beside.start - left, beside.stop - left)
                there = slice(down.start - y, down.stop - y), slice(beside.start - x, beside.stop - x)
                colours[:, here[0], here[1]], mask[here] = block[:, there[0], there[1]], known[there]
        return colours, mask

    def _block(self, offset: int, length: int, shape: Tuple[int, int]) -> Tuple[np.ndarray, np.ndarray]:
        pixels = shape[0] * shape[1]
        if offset + length > self._start:
            raise Damaged("a block of it lies beyond its blocks")
        sizes = self._bands * pixels, self._bands * pixels + -(-pixels // 8)
        packed = zlib.decompressobj()
        try:
            content = packed.decompress(self._read(offset, length), sizes[1] + 1)
        except zlib.error:
            raise Damaged("a block of it cannot be read") from None
        if len(content) not in sizes or not packed.eof:  # at the end of the stream, zlib has verified the checksum
            raise Damaged("a block of it has another size")
        differences = np.frombuffer(content, "uint8", self._bands * pixels).reshape(self._bands, *shape)
        colours = np.add.accumulate(differences, axis=2, dtype="uint8")
        bits = np.frombuffer(content, "uint8", offset=self._bands * pixels)
        mask = np.unpackbits(bits, count=pixels).reshape(shape) > 0 if bits.size else np.ones(shape, bool)
        return colours, mask

    def _read(self, start: int, length: int) -> bytes:
        self._file.seek(start)
        content = self._file.read(length)
        if len(content) < length:
            raise Damaged("it ends too early")
        return content


def find_pyramid(paths: Sequence[Path]) -> Optional[Pyramid]:
    """Open the first existing pyramid, and mark it as recently used. Damaged ones are deleted, to be made again.

    Parameters
    ----------
    paths : sequence of Path
        Possible files, in order of preference.

    Returns
    -------
    Pyramid or None
        None if there is none, or none can be read.
    """
    for path in paths:
        try:
            pyramid = Pyramid(path)
        except Damaged:
            discard(path)
        except OSError:  # it does not exist, or cannot be read: pictures are made from the raster
            continue
        else:
            with contextlib.suppress(OSError):  # it was deleted meanwhile, or its disk cannot be written
                # Set the access time, by which the least recently used are evicted.
                os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
            return pyramid
    return None


def discard(path: Path) -> None:
    """Delete a pyramid if possible; on Windows an open file stays.

    Parameters
    ----------
    path : Path
        The file; need not exist.
    """
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def _range(positions: np.ndarray, factor: float, length: int) -> Tuple[int, int]:
    """Return the range of pixels of a level that positions need: the first, and the one after the last."""
    first, last = float(np.nanmin(positions)) / factor, float(np.nanmax(positions)) / factor
    return max(0, min(length - 1, int(first) - _AROUND)), min(length, max(1, math.ceil(last) + _AROUND))
