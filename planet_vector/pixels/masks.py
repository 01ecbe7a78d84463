"""Read the mask beside a GeoTIFF, ``scene.tif.msk``, and check it without GDAL.

A ``.msk`` is a TIFF as GDAL writes it (RFC 15). Its directories are rebuilt from the tags that describe layout and
compression of the pixels, so that no other content of the file is ever used.
"""

from __future__ import annotations

from typing import Dict, List, Set, Tuple

import numpy as np

from planet_vector.pixels.sidecars import SidecarProblem, parse_xml
from planet_vector.pixels.tiff import (
    BITS,
    COMPRESSION,
    GDAL_METADATA,
    HEIGHT,
    LONG,
    LONG8,
    MASK,
    PHOTOMETRIC,
    REDUCED,
    ROWS_PER_STRIP,
    SAMPLE_FORMAT,
    SAMPLES,
    SHORT,
    STRIP_BYTES,
    STRIP_OFFSETS,
    SUBFILE,
    TILE_BYTES,
    TILE_HEIGHT,
    TILE_OFFSETS,
    TILE_WIDTH,
    UNDEFINED,
    WIDTH,
    Directory,
    Form,
    TiffFile,
    TiffProblem,
)
from planet_vector.pixels.tiff_writing import Value

MAX_BLOCKS = 2**18
"""Most strips or tiles of a mask: those of 130 000 x 130 000 pixels in tiles of 256."""

MAX_ALL_BLOCKS = 2 * MAX_BLOCKS
"""Most strips or tiles of a mask with its overviews, which have a third as many."""

MAX_BLOCK = 256 * 10**6
"""Most pixels of a strip or tile, which GDAL decodes whole."""

_MAX_TABLES = 2**16  # bytes of JPEG tables
_MAX_METADATA = 2**20  # bytes
_FILL_ORDER, _T4, _T6, _PREDICTOR, _JPEG_TABLES = 266, 292, 293, 317, 347
_KEPT = {_FILL_ORDER: SHORT, _T4: LONG, _T6: LONG, _PREDICTOR: SHORT}
_PER_DATASET = 2  # of GDAL's mask flags, RFC 15
_IS_MASK = 4  # of PHOTOMETRIC
_PLAIN = (0, 1, _IS_MASK)  # of PHOTOMETRIC, if pixels are not colours
# None, CCITT of three kinds, LZW, JPEG, two DEFLATEs, PackBits, LZMA and ZSTD. Decoding them needs no other tags than
# the kept ones.
_COMPRESSIONS = (1, 2, 3, 4, 5, 7, 8, 32946, 32773, 34925, 50000)

Size = Tuple[int, int]


def read_mask(
    file: TiffFile, name: str, length: int, count: int, size: Size, smaller: Set[Size], base: int, form: Form
) -> List[List[Value]]:
    """Return the directories of a mask, as they are written into the TIFF to which it belongs.

    Parameters
    ----------
    file : TiffFile
        The mask.
    name : str
        Name used in messages.
    length : int
        Size of the mask file in bytes.
    count : int
        Number of bands of the raster.
    size : (int, int)
        Columns and rows of the raster.
    smaller : set of (int, int)
        Columns and rows of the raster's overviews; only overviews of the mask with one of these sizes are used.
    base : int
        Offset of the bytes of the mask in the other file.
    form : Form
        Byte order and offset size of the other file.

    Returns
    -------
    list of list of Value
        Fields of each directory.

    Raises
    ------
    SidecarProblem
        If it is not a valid mask of the whole raster.
    """
    try:
        first, *more = file.directories()
        _check_flags(file.text(first, GDAL_METADATA, _MAX_METADATA), name, count)
        if _size(file, first) != size:
            wide, high = _size(file, first)
            raise TiffProblem(f"is a mask of {wide} x {high} pixels, and the raster has {size[0]} x {size[1]}")
        reduced: Dict[Size, Directory] = {}
        for directory in more:
            if file.number(directory, SUBFILE, 0) == REDUCED and _size(file, directory) in smaller:
                reduced.setdefault(_size(file, directory), directory)  # of several GDAL uses one
        directories = [(first, MASK), *((d, MASK | REDUCED) for d in reduced.values())]
        blocks = sum(_blocks(directory) for directory, _ in directories)
        if blocks > MAX_ALL_BLOCKS:  # directories may all refer to the same blocks
            raise TiffProblem(f"has {blocks} strips or tiles with its overviews, more than {MAX_ALL_BLOCKS}")
        return [_rewritten(file, d, subfile, length, base, form) for d, subfile in directories]
    except TiffProblem as problem:
        raise SidecarProblem(f"{name} {problem}") from None


def _size(file: TiffFile, directory: Directory) -> Size:
    return file.number(directory, WIDTH, 0), file.number(directory, HEIGHT, 0)


def _blocks(directory: Directory) -> int:
    """Return the declared number of strips or tiles of a directory, without reading them."""
    field = directory.fields.get(TILE_OFFSETS if TILE_WIDTH in directory.fields else STRIP_OFFSETS)
    return field.number if field else 0


def _check_flags(metadata: str, name: str, count: int) -> None:
    """Raise TiffProblem unless GDAL's metadata declares one mask for all bands together, for every band."""
    items = parse_xml(metadata.encode(), name).findall("Item") if metadata else []
    flags = {item.get("name"): (item.text or "").strip() for item in items}
    if any(flags.get(f"INTERNAL_MASK_FLAGS_{band}") != str(_PER_DATASET) for band in range(1, count + 1)):
        raise TiffProblem("is not declared for each band as the mask of all bands together (INTERNAL_MASK_FLAGS)")


def _rewritten(file: TiffFile, directory: Directory, subfile: int, length: int, base: int, form: Form) -> List[Value]:
    if file.number(directory, SAMPLES, 1) != 1:
        raise TiffProblem("is not a mask of one band of 1 or 8 bits")
    bits, compression = file.number(directory, BITS, 1), file.number(directory, COMPRESSION, 1)
    unsigned = file.number(directory, SAMPLE_FORMAT, 1) == 1 and file.number(directory, PHOTOMETRIC, 1) in _PLAIN
    if bits not in (1, 8) or not unsigned:
        raise TiffProblem("is not a mask of one band of 1 or 8 bits")
    if compression not in _COMPRESSIONS:
        raise TiffProblem(f"has an unsupported compression (number {compression} of TIFF)")
    width, height = _size(file, directory)
    if TILE_WIDTH in directory.fields:
        block = file.number(directory, TILE_WIDTH, 0), file.number(directory, TILE_HEIGHT, 0)
        laid = [Value(TILE_WIDTH, LONG, [block[0]]), Value(TILE_HEIGHT, LONG, [block[1]])]
        tags = TILE_OFFSETS, TILE_BYTES
    else:
        block = width, min(file.number(directory, ROWS_PER_STRIP, height), height)
        laid = [Value(ROWS_PER_STRIP, LONG, [block[1]])]
        tags = STRIP_OFFSETS, STRIP_BYTES
    if min(*block, width, height) < 1 or block[0] * block[1] > MAX_BLOCK:
        raise TiffProblem(f"has empty strips or tiles, or some of more than {MAX_BLOCK} pixels")
    starts, sizes = (file.numbers(directory, tag, MAX_BLOCKS).astype("u8") for tag in tags)
    if not len(starts) == len(sizes) == -(-width // block[0]) * -(-height // block[1]):
        raise TiffProblem("has a number of strips or tiles that contradicts its size")
    # Check each alone first, so that the sum cannot wrap around.
    if (starts > length).any() or (sizes > length).any() or (starts + sizes > length).any():
        raise TiffProblem("is truncated")
    written = (starts > 0) & (sizes > 0)  # sparse blocks are 0
    kind = LONG8 if form.big else LONG
    laid += [Value(tags[0], kind, (starts + np.uint64(base)) * written), Value(tags[1], kind, sizes * written)]
    tables = file.numbers(directory, _JPEG_TABLES, _MAX_TABLES)
    if tables.size:
        laid.append(Value(_JPEG_TABLES, UNDEFINED, tables.astype("u1")))
    for tag, kind in _KEPT.items():
        if tag in directory.fields:
            laid.append(Value(tag, kind, [file.number(directory, tag, 0)]))
    return [
        Value(SUBFILE, LONG, [subfile]),
        Value(WIDTH, LONG, [width]),
        Value(HEIGHT, LONG, [height]),
        Value(BITS, SHORT, [bits]),
        Value(COMPRESSION, SHORT, [compression]),
        Value(PHOTOMETRIC, SHORT, [_IS_MASK]),
        Value(SAMPLES, SHORT, [1]),
        *laid,
    ]
