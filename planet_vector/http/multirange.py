"""Several ranges of a file in one response (RFC 9110, section 14.6): multipart/byteranges."""

from __future__ import annotations

import re
from typing import Dict, Mapping, Optional, Sequence, Tuple

from planet_vector.http.responses import content_range

MOST_RANGES = 200
"""Maximum number of ranges in a request; Apache's ``MaxRanges`` is 200 by default.

Servers limit them against requests for single bytes of a file.
"""

MOST_OVERHEAD = 400
"""Bytes of overhead per part: its boundary, type and range."""

_BOUNDARY = re.compile(r'multipart/byteranges\s*;.*?boundary="?([0-9A-Za-z\'()+_,./:=? -]{1,70})"?', re.I)
_PART_RANGE = re.compile(rb"\r\ncontent-range[ \t]*:[ \t]*([^\r\n]*)\r\n", re.I)


def range_header(ranges: Sequence[Tuple[int, int]]) -> str:
    """Return the value of a Range header.

    Parameters
    ----------
    ranges : sequence of (int, int)
        First byte of each range, and the byte after its last.
    """
    return "bytes=" + ",".join(f"{first}-{end - 1}" for first, end in ranges)


def boundary_of(headers: Mapping[str, str]) -> Optional[str]:
    """Return the boundary of a multipart response, or None if it is not one.

    Parameters
    ----------
    headers : mapping of str to str
        Headers of the response.
    """
    found = _BOUNDARY.match(headers.get("Content-Type", ""))
    return found[1] if found else None


def split_parts(body: bytes, boundary: str) -> Tuple[Dict[Tuple[int, int], bytes], int]:
    """Return the parts of a multipart response by range, and the size of the file.

    Parameters
    ----------
    body : bytes
        The response body.
    boundary : str
        As `boundary_of` returns it.

    Returns
    -------
    (dict of (int, int) to bytes, int)
        The parts by first byte and the byte after the last; the size of the file in bytes.

    Raises
    ------
    ValueError
        If the body does not match its headers.
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
            raise ValueError("a part has no range")
        first, last, size = part
        end = begin + last + 1 - first
        if last < first or body[end : end + 2 + len(mark)] != b"\r\n" + mark:
            raise ValueError("a part is not as long as its range")
        parts[first, last + 1] = body[begin:end]
        sizes.add(size)
        at = end + 2 + len(mark)
    if len(sizes) != 1:
        raise ValueError("the parts belong to several files")
    return parts, sizes.pop()
