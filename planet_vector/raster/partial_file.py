"""Store a file during its download: complete under its name, or a part under another, which can be resumed.

The part is ``NAME.part``. ``NAME.part.version`` beside it contains its version (the strong ETag) and the final size.
A download that broke off at any byte resumes there, by ``Range`` and ``If-Range`` (RFC 9110, section 13.1.5). It
restarts if the version has changed or has no strong ETag.

A part is locked while a program writes to it, if the file system supports locks. Otherwise an unexpected length
reveals a second writer.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Optional

import requests

from planet_vector.atomic_files import naming
from planet_vector.errors import ProtocolError, RasterAccessError, UnavailableError
from planet_vector.http.responses import content_length, content_range, iter_body
from planet_vector.progress import Progress
from planet_vector.raster.file_types import check_kind
from planet_vector.raster.file_version import strong_etag

if sys.platform != "win32":
    import fcntl

_PIECE = 2**14  # bytes written at once; small, as an interrupted piece is lost


@dataclass
class _Announced:
    """Version and size of a file, as the service announced them."""

    etag: str = ""
    size: Optional[int] = None


class PartialFile:
    """Context manager for the received part of a file and its version.

    Parameters
    ----------
    path : Path
        Path of the complete file.

    Raises
    ------
    RasterAccessError
        On entering, if another program is fetching it, or a directory has its name.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part = path.with_name(path.name + ".part")
        self._note = path.with_name(path.name + ".part.version")
        self._done = False

    def __enter__(self) -> PartialFile:
        if self.path.is_dir():
            raise RasterAccessError(f"{self.path} is a directory: move it, so that a file can have its name.")
        with naming(self.path):
            self._file = self._opened()
        self._version = self._read_note()
        if not self._version.etag or (self._version.size is not None and self.length > self._version.size):
            self._forget()  # a part of an unknown version, or longer than the file
        return self

    def __exit__(self, *_: object) -> None:
        if not self._file.closed and not self.length:
            self._give_up()
        self._file.close()

    @property
    def length(self) -> int:
        """Bytes received so far."""
        return os.fstat(self._file.fileno()).st_size

    @property
    def announced(self) -> Optional[int]:
        """Size of the file in bytes that the service announced, or None."""
        return self._version.size

    @property
    def complete(self) -> bool:
        """Whether all bytes have been received."""
        return self._done or (self._version.size is not None and self.length == self._version.size)

    def request_headers(self) -> Dict[str, str]:
        """Return the request headers for the rest of the file."""
        # A compressed transfer would have other byte offsets than the ranges.
        headers = {"Accept-Encoding": "identity"}
        if self.length and self._version.etag:
            headers.update({"Range": f"bytes={self.length}-", "If-Range": self._version.etag})
        return headers

    def receive(self, response: requests.Response, progress: Progress, limit: int) -> Optional[UnavailableError]:
        """Store the body of a response; return the error if it breaks off, and keep what was received.

        Parameters
        ----------
        response : Response
            Response to a request with `request_headers`.
        progress : callable or None
            Called with bytes received and total bytes (None if unknown).
        limit : int
            Most bytes that are accepted.

        Returns
        -------
        UnavailableError or None
            An error after which a retry is useful.

        Raises
        ------
        ProtocolError
            If the file is longer than `limit`.
        RasterAccessError
            If another program writes to the part.
        """
        try:
            at = self._begin(response)
        except UnavailableError as error:
            return error
        if max(at, self._version.size or 0) > limit:
            raise ProtocolError(f"{self.path.name} has {self._version.size:,} bytes, more than {limit:,}: not fetched.")
        try:
            self._file.truncate(at)
            for block in iter_body(response, limit - at, _PIECE):
                with naming(self.path):
                    written = self._file.write(block)
                    if written < len(block):  # a full disk accepts only the beginning
                        self._file.write(block[written:])
                at += len(block)
                if progress:
                    progress(at, self._version.size)
        except UnavailableError as error:
            return error
        except requests.exceptions.RequestException as error:
            return UnavailableError(f"The transfer of {self.path.name} broke off ({type(error).__name__}): try again.")
        if self._version.size is not None and at != self._version.size:
            return UnavailableError(f"The transfer of {self.path.name} ended at byte {at:,} of {self._version.size:,}.")
        if self.length != at:
            self._forget()
            raise RasterAccessError(f"Another program writes to {self._part}: let one of them fetch it.")
        self._done = True
        if progress and self._version.size is None:  # otherwise the last block reported it
            progress(at, at)
        return None

    def discard(self) -> None:
        """Delete what was received, so that the next try starts anew."""
        self._forget()
        self._done = False

    def finish(self, md5: Optional[str] = None) -> int:
        """Rename the complete file to its final name, and return its size in bytes.

        Parameters
        ----------
        md5 : str, optional
            The file's MD5 digest in hexadecimal, if it is known.

        Returns
        -------
        int
            Size of the file in bytes.

        Raises
        ------
        ProtocolError
            If it is not of the type of its suffix, or has another digest; the part is deleted.
        """
        try:
            check_kind(self._part, self.path.name)
            if md5 is not None and _md5_of(self._part) != md5.lower():
                raise ProtocolError(
                    f"{self.path.name} was damaged on its way, as its MD5 digest shows: fetch it again."
                )
        except ProtocolError:
            self.discard()
            raise
        size = self.length
        with naming(self.path):
            os.fsync(self._file.fileno())  # otherwise a power cut could leave an empty file under the name
        # The note first: left behind, it would never be removed.
        self._note.unlink(missing_ok=True)
        if sys.platform == "win32":  # where an open file cannot be renamed
            self._file.close()
        os.replace(self._part, self.path)
        self._file.close()
        return size

    def _begin(self, response: requests.Response) -> int:
        """Return the offset at which a response begins, and record its version."""
        etag = strong_etag(response.headers)
        if response.status_code == 206:
            part = content_range(response.headers)
            at = self.length
            if part is None or part[0] != at or (etag and etag != self._version.etag):
                self._forget()
                raise UnavailableError(f"The service sent another part of {self.path.name} than requested: try again.")
            if self._version.size not in (None, part[2]):
                self._forget()
                raise UnavailableError(f"{self.path.name} changed while it was fetched: try again.")
            return at
        self._forget()
        self._version = _Announced(etag, content_length(response.headers))
        if etag:
            # Written before the first byte, as a part without it has no known version.
            with naming(self.path):
                self._note.write_text(json.dumps({"etag": etag, "size": self._version.size}), encoding="utf-8")
        return 0

    def _opened(self) -> io.FileIO:
        """Open the part with an exclusive lock."""
        while True:
            file = open(self._part, "ab", buffering=0)  # noqa: SIM115 - closed by __exit__
            try:
                _lock(file, self.path)
                if os.path.samestat(os.fstat(file.fileno()), os.stat(self._part)):
                    return file
            except FileNotFoundError:
                pass  # the previous lock holder finished the file: create another
            except BaseException:
                file.close()
                raise
            file.close()

    def _forget(self) -> None:
        self._file.truncate(0)
        self._note.unlink(missing_ok=True)
        self._version = _Announced()

    def _give_up(self) -> None:
        """Remove an empty part."""
        self._note.unlink(missing_ok=True)
        if sys.platform == "win32":
            self._file.close()
            with suppress(PermissionError):  # another program has it open
                self._part.unlink(missing_ok=True)
        else:
            self._part.unlink(missing_ok=True)

    def _read_note(self) -> _Announced:
        if not self._note.exists():
            return _Announced()
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
            etag, size = note["etag"], note["size"]
        except (ValueError, KeyError, TypeError):
            return _Announced()  # truncated: the version of the part is unknown
        return _Announced(etag, size) if isinstance(etag, str) and isinstance(size, (int, type(None))) else _Announced()


def _md5_of(path: Path) -> str:
    """Return the MD5 digest of a file, which detects damage, not forgery."""
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as file:
        while block := file.read(_PIECE):
            digest.update(block)
    return digest.hexdigest()


def _lock(file: io.FileIO, path: Path) -> None:
    if sys.platform == "win32":
        return  # a file that two programs have open cannot be renamed: the first to finish gets the error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            raise RasterAccessError(f"{path} is being fetched by another program: wait until it is there.") from None
        # A file system without locks: only the length reveals a second writer.
