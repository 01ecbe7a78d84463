"""Find out how many of the first bytes of a TIFF its header takes up."""

from __future__ import annotations

from io import BytesIO
from struct import calcsize
from typing import Set

from planet_vector.pixels.tiff import TiffFile, TiffProblem


def header_size(beginning: bytes) -> int:
    """Return the offset behind the directories of a TIFF, and behind their values, within its first bytes.

    Parts of the header that lie beyond are left out.

    Parameters
    ----------
    beginning : bytes
        The first bytes of the file.

    Returns
    -------
    int
        Number of bytes; 0 if it is not a TIFF.
    """
    found = 0
    try:
        tiff = TiffFile(BytesIO(beginning))
        found, at = 8, tiff.first
        seen: Set[int] = set()
        while at and at not in seen:
            seen.add(at)
            directory = tiff.directory(at)
            form = tiff.form
            # The number of fields, the fields, and the offset of the next directory.
            fields = calcsize(form.number) + calcsize(form.field) * len(directory.fields) + form.room
            ends = [at + fields]
            for field in directory.fields.values():
                place = tiff.place(field)
                if place is not None:
                    ends.append(place + field.length)
            found = max([found, *(end for end in ends if end <= len(beginning))])
            at = directory.following
    except TiffProblem:  # a directory that lies beyond
        pass
    return found
