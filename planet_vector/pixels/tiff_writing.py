"""Write directories of TIFFs, in the byte order and the offset size of an existing file."""

from __future__ import annotations

from struct import calcsize, pack
from typing import Any, List, NamedTuple, Sequence, Tuple, Union

from planet_vector.pixels.tiff import TYPES, Field, Form

_ALIGNED = 8  # bytes; TIFF 6.0 requires 2


class Value(NamedTuple):
    """Field to be written, with its whole value."""

    tag: int
    kind: int
    numbers: Any

    def encoded(self, form: Form) -> bytes:
        """Return the value in the form of a file.

        Parameters
        ----------
        form : Form
            Byte order and offset size of the file.
        """
        import numpy as np

        return np.asarray(self.numbers).astype(f"{form.order}{TYPES[self.kind]}").tobytes()


def aligned(offset: int) -> int:
    """Return the next offset at which a directory may begin.

    Parameters
    ----------
    offset : int
        Any offset in bytes.
    """
    return -(-offset // _ALIGNED) * _ALIGNED


def encode(form: Form, at: int, directories: Sequence[Sequence[Union[Field, Value]]], following: int) -> bytes:
    """Return directories as bytes.

    Parameters
    ----------
    form : Form
        Byte order and offset size; those of every `Field` must be the same.
    at : int
        Offset of the bytes in the file, an `aligned` one.
    directories : sequence of sequences of Field or Value
        The fields of each.
    following : int
        Offset of the directory that follows the last one, or 0.
    """
    written: List[bytes] = []
    for number, fields in enumerate(directories, 1):
        at, table, values = _encode(form, at, fields)
        written += table, pack(form.offset, following if number == len(directories) else at), values
    return b"".join(written)


def _encode(form: Form, at: int, fields: Sequence[Union[Field, Value]]) -> Tuple[int, bytes, bytes]:
    """Return the end of a directory, its table, and its values, which follow the offset of the next directory."""
    table = [pack(form.number, len(fields))]
    start = at + calcsize(form.number) + len(fields) * calcsize(form.field) + form.room
    values = b"".join([bytes(aligned(start) - start)])
    for field in sorted(fields, key=lambda field: field.tag):
        if isinstance(field, Field):
            count, raw = field.number, field.raw
        else:
            data = field.encoded(form)
            count = len(data) // calcsize(f"<{TYPES[field.kind]}")
            raw = data
            if len(data) > form.room:
                raw = pack(form.offset, start + len(values))
                values += data + bytes(aligned(len(data)) - len(data))
        table.append(pack(form.field, field.tag, field.kind, count, raw))
    return start + len(values), b"".join(table), values
