"""Read directories of TIFFs: classic and BigTIFF, in both byte orders.

Names and numbers are those of TIFF 6.0 (Adobe, 1992) and of libtiff's BigTIFF. Files are untrusted: counts are checked
before data of that size is read. Only arrays need numpy, because the GDAL driver reads headers in whatever Python
embeds GDAL.
"""

from __future__ import annotations

from os import SEEK_END
from struct import calcsize, pack, unpack
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional, Protocol, Sequence, Tuple

if TYPE_CHECKING:
    import numpy as np

MAX_FIELDS = 4096
"""Most fields of a directory; programs write some thirty."""

MAX_ALL_FIELDS = 2**16
"""Most fields of all directories together, which are in memory at once: some 20 MB."""

MAX_DIRECTORIES = 1024
"""Most directories of a file: each overview and each mask is one."""

ASCII, SHORT, LONG, UNDEFINED, DOUBLE, LONG8 = 2, 3, 4, 7, 12, 16

SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 254, 256, 257, 258, 259, 262
STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES = 273, 277, 278, 279
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES, EXTRA_SAMPLES, SAMPLE_FORMAT = 322, 323, 324, 325, 338, 339
PLANAR, SUB_DIRECTORIES, GDAL_METADATA = 284, 330, 42112

SIGNED_TYPES = (6, 8, 9, 17)
"""Types of signed integers."""

REDUCED, MASK = 1, 4  # bits of SUBFILE

TYPES = {1: "B", 2: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I", 16: "Q", 17: "q",
         18: "Q"}  # fmt: skip
"""Codes of the types in both struct and numpy; rationals are not read."""

_RATIONALS = {5: 8, 10: 8}  # bytes of a rational, two numbers that are not read


class TiffProblem(ValueError):
    """Raised if a file is not a supported TIFF. The message continues a sentence after the file's name."""


class Seekable(Protocol):
    """Protocol for a seekable file of bytes."""

    def seek(self, offset: int, whence: int = ..., /) -> int:
        """Move to an offset.

        Parameters
        ----------
        offset : int
            Offset in bytes.
        whence : int, optional
            As for `io.IOBase.seek`.

        Returns
        -------
        int
            Offset from the beginning of the file.
        """

    def read(self, size: int = ..., /) -> bytes:
        """Return some bytes, fewer at the end of the file.

        Parameters
        ----------
        size : int, optional
            Number of bytes.
        """


class Form(NamedTuple):
    """Byte order and offset size of a TIFF.

    Attributes
    ----------
    order : str
        ``<`` or ``>``, as in `struct`.
    big : bool
        Whether it is a BigTIFF, with 8-byte offsets.
    """

    order: str
    big: bool

    @property
    def offset(self) -> str:
        """`struct` format of an offset."""
        return f"{self.order}{'Q' if self.big else 'I'}"

    @property
    def number(self) -> str:
        """`struct` format of the number of fields."""
        return f"{self.order}{'Q' if self.big else 'H'}"

    @property
    def field(self) -> str:
        """`struct` format of a field."""
        return f"{self.order}{'HHQ8s' if self.big else 'HHI4s'}"

    @property
    def room(self) -> int:
        """Most bytes of a value within its field."""
        return 8 if self.big else 4

    def packed(self, kind: int, numbers: Sequence[int]) -> bytes:
        """Return numbers as the value of a field.

        Parameters
        ----------
        kind : int
            TIFF type of the field.
        numbers : sequence of int
            The numbers.
        """
        return pack(f"{self.order}{len(numbers)}{TYPES[kind]}", *numbers)

    def header(self, first: int) -> bytes:
        """Return the header of a file.

        Parameters
        ----------
        first : int
            Offset of the first directory.
        """
        mark = b"II" if self.order == "<" else b"MM"
        if self.big:
            return mark + pack(f"{self.order}HHHQ", 43, 8, 0, first)
        return mark + pack(f"{self.order}HI", 42, first)


class Field(NamedTuple):
    """Field of a file: its value, or the offset of the value."""

    tag: int
    kind: int
    number: int
    raw: bytes

    @property
    def length(self) -> int:
        """Bytes of the value; 0 if the type is unknown."""
        width = calcsize(f"<{TYPES[self.kind]}") if self.kind in TYPES else _RATIONALS.get(self.kind, 0)
        return width * self.number


class Directory(NamedTuple):
    """Directory: its fields by tag, and the offset of the next one, or 0."""

    fields: Dict[int, Field]
    following: int


class TiffFile:
    """Reader of the directories of a TIFF.

    Parameters
    ----------
    file : Seekable
        The file.

    Attributes
    ----------
    form : Form
        Byte order and offset size.
    first : int
        Offset of the first directory.

    Raises
    ------
    TiffProblem
        If it does not begin like a TIFF.
    """

    def __init__(self, file: Seekable) -> None:
        self._file = file
        self._length = file.seek(0, SEEK_END)
        head = self._read(0, 8)
        order = {b"II": "<", b"MM": ">"}.get(head[:2], "")
        magic = unpack(f"{order or '<'}H", head[2:4])[0]
        if not order or magic not in (42, 43):
            raise TiffProblem("is not a TIFF")
        self.form = Form(order, magic == 43)
        where = self._read(8, 8) if self.form.big else head[4:8]
        (self.first,) = unpack(self.form.offset, where)

    def directory(self, at: int) -> Directory:
        """Read the directory at an offset.

        Parameters
        ----------
        at : int
            The offset.

        Returns
        -------
        Directory
            The directory.

        Raises
        ------
        TiffProblem
            If it has more than `MAX_FIELDS` fields, or is cut off.
        """
        form = self.form
        (count,) = unpack(form.number, self._read(at, calcsize(form.number)))
        if count > MAX_FIELDS:
            raise TiffProblem(f"has a directory of more than {MAX_FIELDS} fields")
        size = calcsize(form.field)
        content = self._read(at + calcsize(form.number), count * size + form.room)
        fields: Dict[int, Field] = {}
        for start in range(0, count * size, size):
            field = Field(*unpack(form.field, content[start : start + size]))
            fields.setdefault(field.tag, field)  # of several libtiff takes the first
        return Directory(fields, unpack(form.offset, content[count * size :])[0])

    def directories(self, most: int = MAX_DIRECTORIES) -> List[Directory]:
        """Read all directories, in their order in the file.

        Parameters
        ----------
        most : int
            Most directories that are accepted.

        Returns
        -------
        list of Directory
            One directory or more.

        Raises
        ------
        TiffProblem
            If there are more than `most`, or none.
        """
        found: List[Directory] = []
        seen = set()
        fields = 0
        at = self.first
        while at:
            if at in seen or len(found) == most:
                raise TiffProblem(f"has circular directories, or more than {most}")
            seen.add(at)
            found.append(self.directory(at))
            fields += len(found[-1].fields)
            if fields > MAX_ALL_FIELDS:
                raise TiffProblem(f"has directories of more than {MAX_ALL_FIELDS} fields together")
            at = found[-1].following
        if not found:
            raise TiffProblem("has no directory")
        return found

    def numbers(self, directory: Directory, tag: int, most: int = MAX_FIELDS) -> np.ndarray:
        """Return the value of a field as an array, empty if there is none.

        Parameters
        ----------
        directory : Directory
            The directory.
        tag : int
            Tag of the field.
        most : int
            Most numbers that are accepted.

        Raises
        ------
        TiffProblem
            If it contains more than `most` numbers, or values that are not numbers.
        """
        import numpy as np

        field = directory.fields.get(tag)
        if field is None:
            return np.empty(0, "u8")
        content = self._content(field, most)
        kind = np.dtype(f"{self.form.order}{TYPES[field.kind]}")
        return np.frombuffer(content, kind).astype(kind.newbyteorder("="))

    def values(self, directory: Directory, tag: int, most: int = MAX_FIELDS) -> Tuple[Any, ...]:
        """Return the value of a field as `numbers` does, as a tuple.

        Parameters
        ----------
        directory : Directory
            The directory.
        tag : int
            Tag of the field.
        most : int
            Most numbers that are accepted.
        """
        field = directory.fields.get(tag)
        if field is None:
            return ()
        content, code = self._content(field, most), TYPES[field.kind]
        return unpack(f"{self.form.order}{len(content) // calcsize(f'<{code}')}{code}", content)

    def integers(self, directory: Directory, tag: int, most: int = MAX_FIELDS) -> Tuple[int, ...]:
        """Return the value of a field of integers as `values` does.

        Parameters
        ----------
        directory : Directory
            The directory.
        tag : int
            Tag of the field.
        most : int
            Most numbers that are accepted.

        Raises
        ------
        TiffProblem
            If it contains more than `most` numbers, or values other than non-negative integers.
        """
        found = self.values(directory, tag, most)
        if not all(isinstance(number, int) and number >= 0 for number in found):
            raise TiffProblem(f"has a tag {tag} of an unsupported type")
        return found

    def number(self, directory: Directory, tag: int, default: int) -> int:
        """Return the only number of a field, or a default if the field is missing.

        Parameters
        ----------
        directory : Directory
            The directory.
        tag : int
            Tag of the field.
        default : int
            Returned if the field is missing.
        """
        return next(iter(self.integers(directory, tag, 1)), default)

    def raw_text(self, directory: Directory, tag: int, most: int) -> bytes:
        """Return the bytes of a text, which may be stored as integers of any type, as in libtiff.

        Parameters
        ----------
        directory : Directory
            The directory.
        tag : int
            Tag of the field.
        most : int
            Most bytes that are accepted.
        """
        return bytes(number & 255 for number in self.integers(directory, tag, most))

    def text(self, directory: Directory, tag: int, most: int) -> str:
        """Return the text of a field up to its first NUL, or an empty string.

        Parameters
        ----------
        directory : Directory
            The directory.
        tag : int
            Tag of the field.
        most : int
            Most bytes that are accepted.
        """
        return self.raw_text(directory, tag, most).partition(b"\0")[0].decode("utf-8", "replace")

    def place(self, field: Field) -> Optional[int]:
        """Return the offset of the value of a field, or None if the field itself contains it.

        Parameters
        ----------
        field : Field
            The field.
        """
        return unpack(self.form.offset, field.raw)[0] if field.length > self.form.room else None

    def _content(self, field: Field, most: int) -> bytes:
        """Return the bytes of the value of a field."""
        tag = field.tag
        if field.kind not in TYPES:
            raise TiffProblem(f"has a tag {tag} of an unsupported type")
        if field.number > most:
            raise TiffProblem(f"has a tag {tag} of more than {most} numbers")
        place = self.place(field)
        return field.raw[: field.length] if place is None else self._read(place, field.length)

    def _read(self, at: int, size: int) -> bytes:
        if at + size <= self._length:  # offsets may exceed the possible size of a file
            self._file.seek(at)
            content = self._file.read(size)
            if len(content) == size:
                return content
        raise TiffProblem("is truncated, or not a TIFF")
