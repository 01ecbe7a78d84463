"""Pictures kept in a folder of the user's own, and the reasons why others cannot be made."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Callable, ContextManager, List, Optional, Tuple

from planet_vector.atomic_files import new_file
from planet_vector.server.http_errors import Refusal

MAX_CACHE = 2 * 2**30
"""Bytes of pictures kept, and of the small copies and pyramids that they are made from, of some 4 and 20 MB each."""

_BLOCK = 4096  # bytes that the smallest file takes on a disk: many refusals are as much as a few pictures
_STALE = 3600.0  # seconds after which a part belongs to a process that was killed
_REFUSED, _PART = ".refused", ".part"
FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
"""Numbers of errors of a full disk, on Windows, too; a quota is a disk of one's own."""

_SPARE = 16  # times what is to be written that is deleted for it: the next pictures need room, too


class PictureCache:
    """Cache of pictures and refusals by name; those used longest ago go first.

    Several threads and processes may use a folder at once: files appear whole under their names.

    Parameters
    ----------
    folder : Path
        It is made when it is needed.
    most : int
        Bytes that it may hold.
    """

    def __init__(self, folder: Path, most: int = MAX_CACHE) -> None:
        self._folder = folder
        self._most = most
        self._lock = threading.Lock()
        self._told = False
        self._added = most  # what earlier services left is looked through once

    def path(self, name: str) -> Path:
        """Return where a picture is, or would be."""
        return self._folder / name[:2] / name

    def read(self, name: str) -> Optional[bytes]:
        """Return a picture, or None.

        Raises
        ------
        Refusal
            The one that was kept in its place.
        """
        try:
            content = self.path(name).read_bytes()
        except OSError:  # it is not there, or the disk cannot be read: then it is made anew
            content = b""
        # A machine that lost its power may leave a name without its bytes.
        if not content:
            self._check_refused(name)
            return None
        self._use(self.path(name))
        return content

    def find(self, name: str) -> Optional[Path]:
        """Return the file of a picture, or None; raises as `read` does."""
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
        """Keep a picture.

        Raises
        ------
        OSError
            If it cannot be kept: on a full disk only after the oldest pictures were deleted to make room.
        """
        self._replace(self.path(name), content)
        self.path(name + _REFUSED).unlink(missing_ok=True)

    def refuse(self, name: str, refusal: Refusal, seconds: Optional[float] = None) -> None:
        """Keep a refusal in the place of a picture, for some seconds or for as long as its name is asked for.

        Raises
        ------
        OSError
            As `write` does.
        """
        until = None if seconds is None else time.time() + seconds
        document = {"status": refusal.status, "message": refusal.message, "until": until}
        self._replace(self.path(name + _REFUSED), json.dumps(document).encode())

    def try_write(self, name: str, content: bytes) -> bool:
        """Keep a picture, and tell whether it could be kept."""
        return self._try(lambda: self.write(name, content))

    def try_refuse(self, name: str, refusal: Refusal, seconds: Optional[float] = None) -> bool:
        """Keep a refusal, and tell whether it could be kept."""
        return self._try(lambda: self.refuse(name, refusal, seconds))

    def try_fill(self, name: str, work: Callable[[Path], object]) -> bool:
        """Keep what a function writes into a file, and tell whether it could be kept; raises what the function does.

        On a full disk nothing is deleted for it: it is large, and of use only if more is asked for.
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
        """Forget the refusals of a status, whose reason is no more."""
        for path in self._folder.glob(f"*/*{_REFUSED}"):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # gone meanwhile, or none that counts
                if int(json.loads(path.read_bytes())["status"]) == status:
                    path.unlink()

    def prune(self) -> None:
        """Delete parts that were left behind, and what was used longest ago until the folder holds `most` bytes."""
        with contextlib.suppress(FileNotFoundError):  # the folder was deleted while it was looked through
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
                    "it can, pictures are made each time they are asked for.",
                    file=sys.stderr,
                    flush=True,
                )
            return False
        self._told = False
        return True

    def _files(self) -> List[Tuple[int, int, Path]]:
        """Return when pictures and refusals were used, their bytes and their files, and delete parts left behind."""
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
        """Delete some bytes of files, those that were used longest ago first; tell whether any was."""
        deleted = 0
        for _, size, path in sorted(files):
            if deleted >= much:
                break
            with contextlib.suppress(OSError):  # on Windows a file that is being read stays
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
            with contextlib.suppress(OSError):  # of a disk that cannot be written it stays, and means nothing
                path.unlink(missing_ok=True)
            return
        self._use(path)
        raise Refusal(status, message)

    def _use(self, path: Path) -> None:
        # Used now, and not changed: the ETag of a quad comes of the time of change.
        with contextlib.suppress(OSError):  # it is gone, or the disk cannot be written, and then nothing is deleted
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))

    def _replace(self, path: Path, content: bytes) -> None:
        try:
            self._write(path, content)
        except OSError as error:
            # Others may write to the disk, too: how much is free is known only when it is tried.
            if error.errno not in FULL or not self._delete(self._files(), _SPARE * max(len(content), _BLOCK)):
                raise
            self._write(path, content)

    def _write(self, path: Path, content: bytes) -> None:
        with _new_part(path) as part:
            part.write_bytes(content)
            os.replace(part, path)
        self._count(len(content))

    def _count(self, size: int) -> None:
        """Count what was written, and look for what is to go when it was much."""
        with self._lock:
            self._added += max(size, _BLOCK)
            due = self._added > self._most // 16
            if due:
                self._added = 0
        if due:
            threading.Thread(target=self.prune, name="prune", daemon=True).start()


def _new_part(path: Path) -> ContextManager[Path]:
    """Give a new file for what is to be kept at a place; one that is left behind goes when it is stale."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return new_file(path, suffix=_PART)
