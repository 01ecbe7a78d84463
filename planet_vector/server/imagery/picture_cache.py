"""Cache of pictures in a private folder, and of the reasons why others cannot be made."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Callable, ContextManager, List, Optional, Tuple

from planet_vector.atomic_files import new_file
from planet_vector.disk_errors import is_full
from planet_vector.server.http_errors import HttpError

MAX_CACHE = 2 * 2**30
"""Maximum bytes of pictures, and of the surveys and pyramids that they are made from, of about 4 and 20 MB each."""

_BLOCK = 4096  # bytes that the smallest file takes on a disk: many refusals add up to a few pictures
_STALE = 3600.0  # seconds after which a partial file is attributed to a killed process
_REFUSED, _PART = ".refused", ".part"
_SPARE = 16  # multiple of the size of a file that is deleted to make room, for the next pictures, too


class PictureCache:
    """Cache of pictures and refusals by name, with eviction of the least recently used.

    Several threads and processes may use a folder at once: files appear complete under their names.

    Parameters
    ----------
    folder : Path
        Folder of the cache; created on first use.
    most : int
        Maximum size in bytes.
    """

    def __init__(self, folder: Path, most: int = MAX_CACHE) -> None:
        self._folder = folder
        self._most = most
        self._lock = threading.Lock()
        self._told = False
        self._added = most  # so that the first write prunes the files of earlier services

    def path(self, name: str) -> Path:
        """Return the path of a picture, whether it exists or not.

        Parameters
        ----------
        name : str
            Name of the picture, a hexadecimal digest.
        """
        return self._folder / name[:2] / name

    def read(self, name: str) -> Optional[bytes]:
        """Return a picture, or None if it is not cached.

        Parameters
        ----------
        name : str
            Name of the picture.

        Raises
        ------
        HttpError
            If a refusal is cached instead.
        """
        try:
            content = self.path(name).read_bytes()
        except OSError:  # it does not exist, or the disk cannot be read: it is made again
            content = b""
        # A power failure may leave an empty file.
        if not content:
            self._check_refused(name)
            return None
        self._use(self.path(name))
        return content

    def find(self, name: str) -> Optional[Path]:
        """Return the file of a picture, or None if it is not cached.

        Parameters
        ----------
        name : str
            Name of the picture.

        Raises
        ------
        HttpError
            If a refusal is cached instead.
        """
        path = self.path(name)
        try:
            found = path.stat().st_size > 0
        except OSError:
            found = False
        if not found:
            self._check_refused(name)
            return None
        self._use(path)
        return path

    def write(self, name: str, content: bytes) -> None:
        """Store a picture, and delete a refusal of the same name.

        Parameters
        ----------
        name : str
            Name of the picture.
        content : bytes
            Its content.

        Raises
        ------
        OSError
            If it cannot be written; on a full disk only after the oldest pictures were deleted to make room.
        """
        self._replace(self.path(name), content)
        self.path(name + _REFUSED).unlink(missing_ok=True)

    def refuse(self, name: str, refusal: HttpError, seconds: Optional[float] = None) -> None:
        """Store a refusal instead of a picture.

        Parameters
        ----------
        name : str
            Name of the picture.
        refusal : HttpError
            Raised again by `read` and `find`.
        seconds : float, optional
            Time until it expires; without it, it stays until it is evicted.

        Raises
        ------
        OSError
            If it cannot be written; on a full disk only after the oldest pictures were deleted to make room.
        """
        until = None if seconds is None else time.time() + seconds
        document = {"status": refusal.status, "message": refusal.message, "until": until}
        self._replace(self.path(name + _REFUSED), json.dumps(document).encode())

    def try_write(self, name: str, content: bytes) -> bool:
        """Store a picture like `write`; a failure is printed to standard error once.

        Parameters
        ----------
        name : str
            Name of the picture.
        content : bytes
            Its content.

        Returns
        -------
        bool
            Whether it was stored.
        """
        return self._try(lambda: self.write(name, content))

    def try_refuse(self, name: str, refusal: HttpError, seconds: Optional[float] = None) -> bool:
        """Store a refusal like `refuse`; a failure is printed to standard error once.

        Parameters
        ----------
        name : str
            Name of the picture.
        refusal : HttpError
            Raised again by `read` and `find`.
        seconds : float, optional
            Time until it expires.

        Returns
        -------
        bool
            Whether it was stored.
        """
        return self._try(lambda: self.refuse(name, refusal, seconds))

    def try_fill(self, name: str, work: Callable[[Path], object]) -> bool:
        """Store a file that a function writes.

        On a full disk nothing is deleted for it, as it is large, and only useful for later requests.

        Parameters
        ----------
        name : str
            Name of the file.
        work : callable
            Called with the path of a temporary file to write; its exceptions are passed on. An empty file is not
            stored.

        Returns
        -------
        bool
            Whether it was stored.
        """
        path = self.path(name)
        parts: List[Path] = []
        with contextlib.ExitStack() as stack:
            if not self._try(lambda: parts.append(stack.enter_context(_new_part(path)))):
                return False
            (part,) = parts
            work(part)
            size = part.stat().st_size
            kept = size > 0 and self._try(lambda: os.replace(part, path))
            if kept:
                self._count(size)
            return kept

    def forget_refusals(self, status: int) -> None:
        """Delete the refusals with a status, once their reason no longer applies.

        Parameters
        ----------
        status : int
            HTTP status code.
        """
        for path in self._folder.glob(f"*/*{_REFUSED}"):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # deleted meanwhile, or malformed
                if int(json.loads(path.read_bytes())["status"]) == status:
                    path.unlink()

    def prune(self) -> None:
        """Delete stale partial files, and the least recently used files until the folder has at most `most` bytes."""
        with contextlib.suppress(FileNotFoundError):  # the folder was deleted meanwhile
            files = self._files()
            self._delete(files, sum(size for _, size, _ in files) - self._most)

    def _try(self, write: Callable[[], None]) -> bool:
        try:
            write()
        except OSError as error:
            if not self._told:
                self._told = True
                print(
                    f"planet-vector: the cache of pictures {self._folder} cannot be written ({error.strerror}): until "
                    "it can, pictures are made again for each request.",
                    file=sys.stderr,
                    flush=True,
                )
            return False
        self._told = False
        return True

    def _files(self) -> List[Tuple[int, int, Path]]:
        """Return the access time (ns), size and path of pictures and refusals, and delete stale partial files."""
        files = []
        for path in self._folder.glob("*/*"):
            try:
                status = path.stat()
                if path.suffix != _PART:
                    files.append((status.st_atime_ns, max(status.st_size, _BLOCK), path))
                elif time.time() - status.st_mtime > _STALE:
                    path.unlink(missing_ok=True)
            except OSError:
                continue  # another process deleted it, or still writes it
        return files

    def _delete(self, files: List[Tuple[int, int, Path]], much: int) -> bool:
        """Delete the least recently used files until `much` bytes are freed; return whether any was deleted."""
        deleted = 0
        for _, size, path in sorted(files):
            if deleted >= much:
                break
            with contextlib.suppress(OSError):  # on Windows an open file cannot be deleted
                path.unlink(missing_ok=True)
                deleted += size
        return deleted > 0

    def _check_refused(self, name: str) -> None:
        path = self.path(name + _REFUSED)
        try:
            kept = json.loads(path.read_bytes())
            status, message, until = int(kept["status"]), str(kept["message"]), kept["until"]
        except (OSError, ValueError, KeyError, TypeError):
            return
        if until is not None and not time.time() < float(until) <= time.time() + _STALE:
            with contextlib.suppress(OSError):  # on a read-only disk the expired refusal stays, and is ignored
                path.unlink(missing_ok=True)
            return
        self._use(path)
        raise HttpError(status, message)

    def _use(self, path: Path) -> None:
        # Set the access time, but keep the modification time, from which the ETag of a quad is derived.
        with contextlib.suppress(OSError):  # deleted meanwhile, or a read-only disk, where nothing is evicted
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))

    def _replace(self, path: Path, content: bytes) -> None:
        try:
            self._write(path, content)
        except OSError as error:
            # Other programs may write to the disk, too, so free space is known only by trying.
            if not is_full(error) or not self._delete(self._files(), _SPARE * max(len(content), _BLOCK)):
                raise
            self._write(path, content)

    def _write(self, path: Path, content: bytes) -> None:
        with _new_part(path) as part:
            part.write_bytes(content)
            os.replace(part, path)
        self._count(len(content))

    def _count(self, size: int) -> None:
        """Count written bytes, and prune the cache in the background after a sixteenth of its size."""
        with self._lock:
            self._added += max(size, _BLOCK)
            due = self._added > self._most // 16
            if due:
                self._added = 0
        if due:
            threading.Thread(target=self.prune, name="prune", daemon=True).start()


def _new_part(path: Path) -> ContextManager[Path]:
    """Return a context that creates a temporary file beside a path; an abandoned one is deleted once it is stale."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return new_file(path, suffix=_PART)
