"""Pictures kept in a folder of the user's own, and the reasons why others cannot be made."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import Optional

from planet_vector.server.refusal import Refusal

MAX_CACHE = 512 * 2**20
"""Bytes of pictures kept."""

_BLOCK = 4096  # bytes that the smallest file takes on a disk: many refusals are as much as a few pictures
_STALE = 3600.0  # seconds after which a part belongs to a process that was killed
_REFUSED, _PART = ".refused", ".part"


class PictureCache:
    """Keep pictures and refusals by name, the ones used last.

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
        except FileNotFoundError:
            self._check_refused(name)
            return None
        self._use(self.path(name))
        return content

    def find(self, name: str) -> Optional[Path]:
        """Return the file of a picture, or None; raises as `read` does."""
        path = self.path(name)
        if not path.is_file():
            self._check_refused(name)
            return None
        self._use(path)
        return path

    def write(self, name: str, content: bytes) -> None:
        """Keep a picture."""
        self._replace(self.path(name), content)
        self.path(name + _REFUSED).unlink(missing_ok=True)

    def refuse(self, name: str, refusal: Refusal, seconds: Optional[float] = None) -> None:
        """Keep a refusal in the place of a picture, for some seconds or for as long as its name is asked for."""
        until = None if seconds is None else time.time() + seconds
        document = {"status": refusal.status, "message": refusal.message, "until": until}
        self._replace(self.path(name + _REFUSED), json.dumps(document).encode())

    def prune(self) -> None:
        """Delete parts that were left behind, and what was used longest ago until the folder holds `most` bytes."""
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
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= self._most:
                return
            with contextlib.suppress(OSError):  # on Windows a file that is being read stays
                path.unlink(missing_ok=True)
                total -= size

    def _check_refused(self, name: str) -> None:
        path = self.path(name + _REFUSED)
        try:
            kept = json.loads(path.read_bytes())
            status, message, until = int(kept["status"]), str(kept["message"]), kept["until"]
        except (OSError, ValueError, KeyError, TypeError):
            return
        if until is not None and not time.time() < float(until) <= time.time() + _STALE:
            path.unlink(missing_ok=True)
            return
        self._use(path)
        raise Refusal(status, message)

    def _use(self, path: Path) -> None:
        # Used now, and not changed: the ETag of a quad comes of the time of change.
        with contextlib.suppress(FileNotFoundError):
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))

    def _replace(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=path.parent, suffix=_PART)
        try:
            with os.fdopen(handle, "wb") as target:
                target.write(content)
            os.replace(part, path)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise
        with self._lock:
            self._added += max(len(content), _BLOCK)
            if self._added <= self._most // 16:
                return
            self._added = 0
        threading.Thread(target=self.prune, name="prune", daemon=True).start()
