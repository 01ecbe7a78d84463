"""Range requests: parsing, and responses with whole files or ranges (RFC 9110, section 14)."""

from __future__ import annotations

import contextlib
import os
import re
from secrets import token_hex
from typing import AsyncIterator, BinaryIO, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union
from urllib.parse import quote

from anyio.to_thread import run_sync
from starlette.responses import Response, StreamingResponse

from planet_vector.pixels.completing import Completed, Stretch
from planet_vector.pixels.sidecars import FileState
from planet_vector.server.http_errors import HttpError

MAX_RANGES = 200
_RANGES = re.compile(r"bytes\s*=(\s*(\d{1,18}-\d{0,18}|-\d{1,18})\s*(,|$))+", re.ASCII)
_CHUNK = 256 * 1024  # bytes read and sent at once

Range = Tuple[int, int]
"""Offset of the first byte, and of the byte after the last."""


def read_ranges(text: str, size: int) -> List[Range]:
    """Return the ranges of a Range header, sorted; overlapping and adjacent ones are merged.

    Parameters
    ----------
    text : str
        Value of the Range header.
    size : int
        Size of the file in bytes.

    Raises
    ------
    HttpError
        400 if the header is invalid or has more than `MAX_RANGES` ranges, 416 if a range lies outside the file.
    """
    if not _RANGES.fullmatch(text.strip().lower()) or text.count(",") >= MAX_RANGES:
        raise HttpError(400, f"The Range header is invalid, or has more than {MAX_RANGES} ranges.")
    found: List[Range] = []
    for part in text.partition("=")[2].split(","):
        if not part.strip():
            continue
        first, last = (number.strip() for number in part.split("-"))
        start = int(first) if first else max(size - int(last), 0)
        end = min(int(last) + 1, size) if first and last else size
        if not start < end:
            raise HttpError(
                416, f"The Range lies outside the {size} bytes of the file.", {"Content-Range": f"bytes */{size}"}
            )
        found.append((start, end))
    merged: List[Range] = []
    for start, end in sorted(found):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def attachment(
    body: Completed, name: str, media_type: str, headers: Mapping[str, str], ranges: Sequence[Range], head: bool
) -> Response:
    """Return a response with a body, or ranges of it, as an attachment.

    Its files are opened at once, so that the content matches `headers` even if a file is replaced meanwhile.

    Parameters
    ----------
    body : Completed
        Body, in memory or in files.
    name : str
        File name for the client.
    media_type : str
        Media type of the body.
    headers : mapping of str to str
        Headers of its version.
    ranges : sequence of (int, int)
        Requested ranges; if empty, the whole body is sent.
    head : bool
        Whether only the headers are sent.

    Raises
    ------
    HttpError
        404 if a file cannot be opened, 503 if it has changed since `body` was made.
    """
    described = {**headers, "Accept-Ranges": "bytes", "Content-Disposition": disposition(name)}
    size = body.size
    sent = ranges or [(0, size)]
    wraps = [b"" for _ in sent] + [b""]
    if len(ranges) == 1:
        described["Content-Range"] = f"bytes {sent[0][0]}-{sent[0][1] - 1}/{size}"
    elif ranges:
        boundary = token_hex(13)
        wraps = [
            f"--{boundary}\r\nContent-Type: {media_type}\r\nContent-Range: bytes {a}-{b - 1}/{size}\r\n\r\n".encode()
            for a, b in sent
        ]
        wraps = [wraps[0], *(b"\r\n" + wrap for wrap in wraps[1:]), f"\r\n--{boundary}--".encode()]
        media_type = f"multipart/byteranges; boundary={boundary}"
    described["Content-Length"] = str(sum(map(len, wraps)) + sum(end - start for start, end in sent))
    status = 206 if ranges else 200
    if head:
        return Response(None, status, described, media_type)
    return StreamingResponse(_send(_open(body), sent, wraps), status, described, media_type)


class _Opened(NamedTuple):
    """Part of a body: its offset, its content or stretch of a file, and that file."""

    at: int
    part: Union[bytes, Stretch]
    file: Optional[BinaryIO]

    @property
    def length(self) -> int:
        return len(self.part) if isinstance(self.part, bytes) else self.part.length

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` to `end`, offsets in the body that lie in this part."""
        if isinstance(self.part, bytes):
            return self.part[start - self.at : end - self.at]
        assert self.file is not None
        self.file.seek(self.part.start + start - self.at)
        return self.file.read(end - start)


def _open(body: Completed) -> List[_Opened]:
    opened: List[_Opened] = []
    at = 0
    with contextlib.ExitStack() as stack:
        for part in body.parts:
            file = None
            if isinstance(part, Stretch):
                file = stack.enter_context(_open_part(part))
            opened.append(_Opened(at, part, file))
            at += opened[-1].length
        stack.pop_all()  # `_send` closes the files
    return opened


def _open_part(part: Stretch) -> BinaryIO:
    path = part.file.path
    try:
        file = path.open("rb", buffering=0)
    except OSError as error:
        raise HttpError(404, f"{path.name} cannot be delivered ({error.strerror}).") from None
    now = FileState.of(path, os.fstat(file.fileno()))
    # The time of status change is not compared: the picture cache changes it at each use.
    if (now.size, now.mtime_ns, now.number) != (part.file.size, part.file.mtime_ns, part.file.number):
        file.close()
        raise HttpError(503, f"{path.name} was replaced during the request: try again.", {"Retry-After": "1"})
    return file


def _pieces(opened: Sequence[_Opened], ranges: Sequence[Range], wraps: Sequence[bytes]) -> Iterator[bytes]:
    for (start, end), wrap in zip(ranges, wraps):
        yield wrap
        for part in opened:
            at, stop = max(start, part.at), min(end, part.at + part.length)
            while at < stop:
                content = part.read(at, min(at + _CHUNK, stop))
                if not content:
                    raise OSError("A file became shorter while it was sent.")
                at += len(content)
                yield content
    yield wraps[-1]


def _together(pieces: Iterator[bytes]) -> bytes:
    """Return the next pieces, joined to about `_CHUNK` bytes; empty at the end."""
    found: List[bytes] = []
    size = 0
    for piece in pieces:
        found.append(piece)
        size += len(piece)
        if size >= _CHUNK:
            break
    return b"".join(found)


async def _send(opened: Sequence[_Opened], ranges: Sequence[Range], wraps: Sequence[bytes]) -> AsyncIterator[bytes]:
    pieces = _pieces(opened, ranges, wraps)
    try:
        # A request may have 200 small ranges; sending each separately takes longer than reading it.
        while content := await run_sync(_together, pieces):
            yield content
    finally:
        for part in opened:
            if part.file is not None:
                part.file.close()


def disposition(name: str) -> str:
    """Return the value of a Content-Disposition header (RFC 6266; RFC 8187 for names beyond ASCII).

    Parameters
    ----------
    name : str
        Proposed file name.
    """
    quoted = quote(name)
    return f'attachment; filename="{name}"' if quoted == name else f"attachment; filename*=utf-8''{quoted}"
