"""Complete GeoTIFFs with their sidecars: a single file that needs no sidecar to be understood.

The bytes of a file stay unchanged, except for the offset of the first directory in its header. The mask beside it
follows behind its last byte, then a new version of its directories, with the georeference and nodata value of the
sidecars. Nothing is copied: a completed file is a list of parts of other files. The index, pictures and deliveries all
see the completed file.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from struct import error as StructError
from typing import BinaryIO, Dict, List, NamedTuple, Optional, Sequence, Set, Tuple, Union

import numpy as np

from planet_vector.pixels.geokeys import Wanted, georeference
from planet_vector.pixels.masks import Size, read_mask
from planet_vector.pixels.sidecars import FileState, Number, Place, SidecarProblem
from planet_vector.pixels.tiff import (
    ASCII,
    BITS,
    EXTRA_SAMPLES,
    HEIGHT,
    MASK,
    REDUCED,
    SAMPLE_FORMAT,
    SAMPLES,
    SUBFILE,
    WIDTH,
    Directory,
    Field,
    TiffFile,
    TiffProblem,
)
from planet_vector.pixels.tiff_writing import Value, aligned, encode

MOST_CLASSIC = 2**32 - 1
"""Most bytes of a classic TIFF, whose offsets have 32 bits."""

MOST_ADDED = 32 * 2**20
"""Most bytes of directories that are added to a file; those of the largest supported mask have 9 MB."""

_NODATA = 42113  # GDAL_NODATA
_ALPHA = (1, 2)  # of EXTRA_SAMPLES
_FLOAT = 3  # of SAMPLE_FORMAT

Fields = Sequence[Union[Field, Value]]


class Stretch(NamedTuple):
    """Byte range of a file that is a part of another."""

    file: FileState
    start: int
    length: int


@dataclass(frozen=True)
class Completed:
    """File with its sidecars built in, as it is delivered.

    Attributes
    ----------
    parts : tuple of bytes or Stretch
        Its parts, in order.
    """

    parts: Tuple[Union[bytes, Stretch], ...]

    @property
    def size(self) -> int:
        """Size in bytes."""
        return sum(len(part) if isinstance(part, bytes) else part.length for part in self.parts)

    @property
    def added(self) -> int:
        """Bytes that are in no file."""
        return sum(len(part) for part in self.parts if isinstance(part, bytes))

    @property
    def as_it_is(self) -> bool:
        """Whether it is a file of the archive without additions."""
        return len(self.parts) == 1


def complete(path: Path, place: Optional[Place]) -> Completed:
    """Return a GeoTIFF completed with its sidecars.

    Parameters
    ----------
    path : Path
        The file.
    place : Place or None
        Result of `planet_vector.pixels.sidecars.read_place`, applied with GDAL's precedence: values of the ``.aux.xml``
        replace those of the file, a world file is used if there is no other geotransform, and a ``.msk`` if the file
        has no mask of its own.

    Raises
    ------
    SidecarProblem
        If the sidecars cannot be read, or their content does not fit into a GeoTIFF.
    OSError
        If a file cannot be read.
    """
    if place is None:
        return whole(path)
    with path.open("rb") as file:
        state = FileState.of(path, os.fstat(file.fileno()))
        try:
            return _completed(file, state, place) or Completed((Stretch(state, 0, state.size),))
        except TiffProblem as problem:
            raise SidecarProblem(f"{path.name} {problem}") from None


def whole(path: Path) -> Completed:
    """Return a file without additions.

    Parameters
    ----------
    path : Path
        The file.
    """
    state = FileState.of(path, path.stat())
    return Completed((Stretch(state, 0, state.size),))


def _completed(file: BinaryIO, state: FileState, place: Place) -> Optional[Completed]:
    """Return the completed file, or None if the sidecars add nothing to the file."""
    tiff = TiffFile(file)
    first = tiff.directory(tiff.first)
    new: Dict[int, Optional[Value]] = dict(georeference(tiff, first, Wanted.of(tiff, first, place)))
    nodata = _nodata(tiff, first, place, state.path.name)
    directories = [first]
    if nodata is not None or place.mask is not None:
        directories = tiff.directories()
    parts: List[Union[bytes, Stretch]] = []
    end = state.size
    masks: List[List[Value]] = []
    if place.mask is not None and not any(tiff.number(d, SUBFILE, 0) == MASK for d in directories):
        base = aligned(end)
        masks = _masks(tiff, directories, place, base)
        parts += bytes(base - end), Stretch(place.mask, 0, place.mask.size)
        end = base + place.mask.size
    if not (new or masks or nodata is not None):
        return None
    start = aligned(end)
    written: List[Fields] = []
    for number, directory in enumerate(directories):
        changed = dict(new) if number == 0 else {}
        # Sparse blocks of an overview are nodata by the tag of its own directory.
        if nodata is not None and (number == 0 or tiff.number(directory, SUBFILE, 0) == REDUCED):
            changed[_NODATA] = nodata
        kept = [field for tag, field in directory.fields.items() if tag not in changed]
        written.append([*kept, *(value for value in changed.values() if value is not None)])
    try:
        head = tiff.form.header(start)
        tail = encode(tiff.form, start, [*written, *masks], 0 if masks else directories[-1].following)
        if not tiff.form.big and start + len(tail) > MOST_CLASSIC:
            raise StructError
    except StructError:
        raise SidecarProblem(
            f"{state.path.name} would exceed the 4 GB of a classic TIFF with its sidecars:"
            " convert it with gdal_translate -co BIGTIFF=YES"
        ) from None
    if len(tail) > MOST_ADDED:
        raise SidecarProblem(
            f"{state.path.name} needs {len(tail) / 1e6:.1f} MB of directories for its sidecars, more than"
            f" {MOST_ADDED / 1e6:.1f} MB: write the mask in larger tiles"
        )
    rest = Stretch(state, len(head), state.size - len(head))
    return Completed((head, rest, *parts, bytes(start - end) + tail))


def _masks(tiff: TiffFile, directories: Sequence[Directory], place: Place, base: int) -> List[List[Value]]:
    """Return the directories of the ``.msk``."""
    mask, name = place.mask, str(place.mask_name)
    assert mask is not None
    first = directories[0]
    size = tiff.number(first, WIDTH, 0), tiff.number(first, HEIGHT, 0)
    smaller: Set[Size] = {
        (tiff.number(d, WIDTH, 0), tiff.number(d, HEIGHT, 0))
        for d in directories[1:]
        if tiff.number(d, SUBFILE, 0) == REDUCED
    }
    with mask.path.open("rb") as file:
        if FileState.of(mask.path, os.fstat(file.fileno())) != mask:
            raise SidecarProblem(f"{name} was changed while it was read; it is read again")
        try:
            found = TiffFile(file)
        except TiffProblem as problem:
            raise SidecarProblem(f"{name} {problem}") from None
        return read_mask(found, name, mask.size, tiff.number(first, SAMPLES, 1), size, smaller, base, tiff.form)


def _nodata(tiff: TiffFile, first: Directory, place: Place, name: str) -> Optional[Value]:
    """Return the nodata value to write, or None if the file has the same.

    Raises
    ------
    SidecarProblem
        If it differs between bands, as a GeoTIFF has one value for all.
    """
    if not place.nodata:
        return None
    text = tiff.text(first, _NODATA, 1000)
    own = _number(text)
    count = tiff.number(first, SAMPLES, 1)
    extra = tiff.numbers(first, EXTRA_SAMPLES)
    alpha = {count - len(extra) + i + 1 for i, said in enumerate(extra) if said in _ALPHA}
    bands = [band for band in range(1, count + 1) if band not in alpha]
    values = [place.nodata.get(band, own) for band in bands]
    single = _FLOAT in tiff.numbers(first, SAMPLE_FORMAT) and 32 in tiff.numbers(first, BITS)
    if len({_key(value, single) for value in values}) > 1:
        said = ", ".join(sorted({"none" if value is None else _text(value) for value in values})[:5])
        raise SidecarProblem(
            f"{name}.aux.xml leaves bands with different nodata values ({said}), and a GeoTIFF has one for all:"
            " set the same for each, or use a mask instead"
        )
    if not values or values[0] is None or _key(values[0], single) == _key(own, single):
        return None
    return Value(_NODATA, ASCII, np.frombuffer(f"{_text(values[0])}\0".encode(), "u1"))


def _number(text: str) -> Optional[Number]:
    """Return a nodata value as GDAL wrote it, or None if it is not a number."""
    try:
        return int(text)
    except ValueError:
        pass  # a fraction, NaN, or not a number
    try:
        return float(text)
    except ValueError:
        return None


def _key(value: Optional[Number], single: bool) -> Union[None, str, Number]:
    """Return a key that is equal for equal pixels."""
    if value is None:
        return None
    if isinstance(value, float) and math.isnan(value):
        return "nan"
    with np.errstate(over="ignore"):
        return float(np.float32(value)) if single else value


def _text(value: Number) -> str:
    return str(value) if isinstance(value, int) else f"{value:.17g}"
