"""Keep quads on disk: fetch each whole on first access, and revalidate it later instead of fetching it.

A quad is taken from disk if the service reports the same ETag, or the same length if there is no ETag. This check is
valid for the lifetime of any cached result (``PLANET_CACHE_TTL``).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import stat
import threading
import time
from pathlib import Path
from typing import Dict, Mapping, Optional

from planet_vector.catalog import Catalog
from planet_vector.disk_errors import disk_remedy
from planet_vector.errors import PlanetVectorError, ProtocolError, RasterAccessError
from planet_vector.http.responses import whole_length
from planet_vector.private_files import make_folder, read_private, remove_stale, write_private
from planet_vector.raster.download import fetch
from planet_vector.raster.limits import MAX_FILE
from planet_vector.user_folders import user_directory

MOST_BYTES = 4 * 2**30
"""Most bytes of all quads, of all services; a quad of 4096² has up to 67 MB. The least recently used are removed."""

_NOTE = 4096  # most bytes of a note
_PART = ".note-"  # prefix of temporary files


def directory() -> Path:
    """Return the folder of all cached quads.

    Raises
    ------
    ConfigError
        If there is no home directory to keep them in.
    """
    return user_directory("cache") / "quads"


def clear() -> int:
    """Remove all cached quads, of all services, and return how many there were.

    Returns
    -------
    int
        Number of quads.
    """
    count = sum(1 for _ in directory().glob("*/*/*.tif"))
    shutil.rmtree(directory(), ignore_errors=True)
    return count


class QuadCache:
    """Disk cache of the quads of a service.

    It is safe to use from several threads, and by several programs at once.

    Parameters
    ----------
    catalog : Catalog
        The service.

    Raises
    ------
    ConfigError
        If there is no home directory.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._root = directory()
        # Each key has its own cache.
        owner = repr(catalog.settings.identity).encode()
        self._directory = self._root / hashlib.blake2b(owner, digest_size=8).hexdigest()
        self._own = secrets.token_hex(6)
        self._believed: Dict[Path, float] = {}
        self._locks: Dict[Path, threading.Lock] = {}
        self._lock = threading.Lock()

    def path(self, basemap: str, quad_id: str) -> Path:
        """Return the path of a quad, whether or not it exists.

        Parameters
        ----------
        basemap : str
            Name of the basemap.
        quad_id : str
            Id of the quad.
        """
        return self._directory / basemap / f"{quad_id}.tif"

    def get(self, basemap: str, quad_id: str, link: str) -> Path:
        """Return the file of a quad; fetch it if it is missing or outdated.

        Parameters
        ----------
        basemap, quad_id : str
            Name of the basemap and id of the quad.
        link : str
            Link of the quad.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        ServiceError
            If the service does not provide the whole file.
        RasterAccessError
            If it cannot be written.
        """
        path = self.path(basemap, quad_id)
        with self._lock:
            lock = self._locks.setdefault(path, threading.Lock())
        with lock:
            if _is_there(path) and time.monotonic() < self._believed.get(path, 0.0):
                return path
            _, headers = self._catalog.transport.follow(self._catalog.transport.check_link(link))
            version = _version(headers)
            if version is None or not _is_there(path) or _noted(path) != version:
                try:
                    self._fetch(link, path, version)
                except PlanetVectorError:
                    raise
                except OSError as error:
                    raise RasterAccessError(
                        f"Quad {quad_id} cannot be kept as {path} ({error.strerror}): "
                        f"{disk_remedy(error) or 'make its folder writable'}, or open the basemap without a cache."
                    ) from None
            else:
                with contextlib.suppress(OSError):
                    os.utime(path)  # marks it as used
            self._believed[path] = time.monotonic() + self._catalog.settings.cache_ttl
        return path

    def _fetch(self, link: str, path: Path, version: Optional[Mapping[str, object]]) -> None:
        make_folder(path.parent)
        # Others may fetch the same quad. The name stays the same in this process, so that a broken transfer is resumed.
        new = path.with_name(f".{path.stem}.{self._own}.tif")
        size = fetch(self._catalog, link, new, limit=MAX_FILE)
        if version is not None and version["size"] not in (None, size):
            new.unlink()
            raise ProtocolError(f"Quad {path.stem} has {size:,} bytes, not the announced {version['size']:,}.")
        note = _note(path)
        if _is_there(note):
            note.unlink()  # the note of another version must never lie beside a file
        os.replace(new, path)
        with contextlib.suppress(OSError):  # without a note it is fetched again
            if version is not None:
                write_private(note, json.dumps(version).encode(), _PART)
        self._prune(path)

    def _prune(self, newest: Path) -> None:
        """Remove files that killed programs left, and the least recently used quads if all together are too large."""
        for pattern in (f"*/*/{_PART}*", "*/*/.*.tif", "*/*/.*.tif.part*"):
            remove_stale(self._root, pattern)
        found = []
        for path in self._root.glob("*/*/*.tif"):
            with contextlib.suppress(OSError):  # another program was faster
                status = os.lstat(path)
                found.append((path != newest, -status.st_mtime, status.st_size, path))
        total = 0
        for _, _, size, path in sorted(found):
            total += size
            if total > MOST_BYTES and path != newest:
                # Windows keeps a file that another program reads.
                with contextlib.suppress(OSError):
                    path.unlink()
                    _note(path).unlink()


def _version(headers: Mapping[str, str]) -> Optional[Mapping[str, object]]:
    """Return the version of a file, or None if the service sends no header for it."""
    size = whole_length(headers)
    etag = headers.get("ETag") or None
    return {"etag": etag, "size": size} if etag or size is not None else None


def _note(path: Path) -> Path:
    return path.with_suffix(".json")


def _noted(path: Path) -> Optional[Mapping[str, object]]:
    try:
        content, _ = read_private(_note(path), _NOTE)
        note = json.loads(content)
        size = os.lstat(path).st_size
    except (OSError, ValueError, RecursionError):
        return None  # unknown version: fetched again
    return note if isinstance(note, dict) and note.get("size") in (None, size) else None


def _is_there(path: Path) -> bool:
    """Return whether a path is a regular file, neither a link nor something that GDAL would wait for."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False
