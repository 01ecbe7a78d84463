"""Check JPEG 2000 files before GDAL opens them: complete, and without references to other files.

A file is a sequence of boxes, some of which contain boxes (ISO/IEC 15444-1, annex I). Its pixels are in the box
``jp2c``. Boxes of ISO/IEC 15444-2 (``dtbl``, ``ftbl``) may place them in other files, and GML (OGC 08-085) may refer to
others by links.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import BinaryIO, Iterator, NamedTuple

from planet_vector.pixels.references import ReferenceProblem, check_crs

SUFFIX = ".jp2"

_SIGNATURE = b"\0\0\0\x0cjP  \r\n\x87\n"
_PARENTS = (b"jp2h", b"asoc")
_ELSEWHERE = (b"dtbl", b"ftbl", b"flst")  # references to data in other files
_LARGEST = 2**20  # bytes of a box of metadata; those of Sentinel-2 have some thousand
_MOST_BOXES = 10_000
_END = b"\xff\xd9"  # of a code stream

# Links within the file, names without address, and definitions that GDAL and PROJ have themselves.
_LINK = re.compile(rb"""(?i)xlink:href\s*=\s*["']\s*(?!#|gmljp2:|urn:|https?://www\.opengis\.net/def/)""")


class Jp2Problem(ValueError):
    """Raised if a JPEG 2000 file is damaged; the message is a predicate of its name."""


class _Box(NamedTuple):
    name: bytes
    start: int
    end: int


def is_jp2(path: Path) -> bool:
    """Return whether a file begins as JPEG 2000.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        return file.read(len(_SIGNATURE)) == _SIGNATURE


def check_jp2(path: Path) -> None:
    """Check that a JPEG 2000 file is complete, and refers to no other file.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    Jp2Problem
        If it is damaged, or truncated.
    ReferenceProblem
        If it refers to another file.
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        has_pixels = False
        for number, box in enumerate(_boxes(file, 0, size)):
            if number > _MOST_BOXES:
                raise Jp2Problem("has too many boxes")
            if box.name in _ELSEWHERE:
                raise ReferenceProblem("has pixels in other files, which are not opened")
            if box.name == b"jp2c":
                has_pixels = True
                file.seek(max(box.start, box.end - 2))
                if file.read(2) != _END:
                    raise Jp2Problem("is truncated: it may still be being written")
            elif box.name not in _PARENTS:
                _check_content(file, box)
        if not has_pixels:
            raise Jp2Problem("is truncated, or has no pixels")


def _check_content(file: BinaryIO, box: _Box) -> None:
    if box.name not in (b"xml ", b"uuid"):  # GDAL reads references only from these
        return
    if box.end - box.start > _LARGEST:
        raise ReferenceProblem("has excessively long metadata, which is not opened")
    file.seek(box.start)
    content = file.read(box.end - box.start)
    if _LINK.search(content):
        raise ReferenceProblem("names another file in its metadata, which is not opened")
    check_crs(content.decode("latin-1"))


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[_Box]:
    """Yield boxes, parents before the boxes in them."""
    pending = [(start, end)]
    while pending:
        at, end = pending.pop()
        if at >= end:
            continue
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            raise Jp2Problem("is truncated: it may still be being written")
        length, name = struct.unpack(">I4s", head[:8])
        content = at + 8
        if length == 1 and len(head) == 16:
            (length,), content = struct.unpack(">Q", head[8:]), at + 16
        after = at + length if length else end  # 0: to the end
        if after < content:
            raise Jp2Problem("is damaged: a box has an invalid length")
        if after > end:
            raise Jp2Problem("is truncated: it may still be being written")
        yield _Box(name, content, after)
        pending.append((after, end))
        if name in _PARENTS:
            pending.append((content, after))
