"""Several ranges of a file in one answer (RFC 9110, section 14.6): multipart/byteranges."""

from __future__ import annotations

import re
from typing import Dict, Mapping, Optional, Sequence, Tuple

from planet_vector.http.responses import content_range

MOST_RANGES = 200
"""Ranges that are asked for at once: servers answer few, against those who ask for a file in single bytes. Apache's
``MaxRanges`` is 200 unless it is set."""

MOST_OVERHEAD = 400
"""Bytes that stand around a part: its boundary, type and range."""

_BOUNDARY = re.compile(r'multipart/byteranges\s*;.*?boundary="?([0-9A-Za-z\'()+_,./:=? -]{1,70})"?', re.I)
_PART_RANGE = re.compile(rb"\r\ncontent-range[ \t]*:[ \t]*([^\r\n]*)\r\n", re.I)


def range_header(ranges: Sequence[Tuple[int, int]]) -> str:
    """Return the Range header for (first byte, the one after the last)."""
    return "bytes=" + ",".join(f"{first}-{end - 1}" for first, end in ranges)


def boundary_of(headers: Mapping[str, str]) -> Optional[str]:
    """Return what separates the parts of an answer, or None where it has no parts."""
    found = _BOUNDARY.match(headers.get("Content-Type", ""))
    return found[1] if found else None


def split_parts(body: bytes, boundary: str) -> Tuple[Dict[Tuple[int, int], bytes], int]:
    """Return the parts of an answer by (first byte, the one after the last), and the size of the file.

    Raises
    ------
    ValueError
        If it is not what the header says.
    """
    mark = b"--" + boundary.encode("ascii")
    at = body.index(mark) + len(mark)
    parts: Dict[Tuple[int, int], bytes] = {}
    sizes = set()
    while body[at : at + 2] != b"--":
        begin = body.index(b"\r\n\r\n", at) + 4
        said = _PART_RANGE.search(body, at, begin)
        part = content_range({"Content-Range": said[1].decode("latin-1") if said else ""})
        if part is None:
            raise ValueError("a part says no range")
        first, last, size = part
        end = begin + last + 1 - first
        if last < first or body[end : end + 2 + len(mark)] != b"\r\n" + mark:
            raise ValueError("a part is not as long as it says")
        parts[first, last + 1] = body[begin:end]
        sizes.add(size)
        at = end + 2 + len(mark)
    if len(sizes) != 1:
        raise ValueError("the parts are of several files")
    return parts, sizes.pop()
