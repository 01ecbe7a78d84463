"""Products of an archive as they are delivered: files completed by their sidecars."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, Optional, Tuple

from planet_vector.pixels.completing import MOST_ADDED, Completed, complete
from planet_vector.pixels.sidecars import FileState, Place, SidecarProblem, read_place, sidecar_names
from planet_vector.server.archive.archive_paths import inside
from planet_vector.server.http_errors import HttpError

MAX_PLACES = 1000
"""Number of files whose sidecars are cached."""

MAX_BYTES = 2 * MOST_ADDED
"""Maximum bytes of cached additions to files: some hundred for each file, more with a mask."""

MAX_SAID = 32 * 2**20
"""Approximate maximum bytes of cached sidecar contents: some hundred for each file, 2 MB for 10 000 control points."""

_POINT, _NODATA, _PLACE = 240, 150, 500  # bytes of one object in CPython
_LOCKS = 64

_Stamps = Tuple[FileState, ...]


class Places:
    """Cache of the sidecars of an archive's files; a changed sidecar is read again.

    Parameters
    ----------
    root : Path
        The archive, which must contain the sidecars.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._known: OrderedDict[Tuple[Path, _Stamps], Optional[Place]] = OrderedDict()
        self._bytes = 0

    def stamps(self, path: Path) -> _Stamps:
        """Return the states of the existing sidecars of a file.

        Parameters
        ----------
        path : Path
            The file.

        Raises
        ------
        OSError
            If the status of a sidecar cannot be read.
        """
        beside = (path.with_name(name) for name in sidecar_names(path.name))
        return tuple(FileState.of(file, file.stat()) for file in beside if os.path.lexists(file))

    def of(self, path: Path, stamps: Optional[_Stamps] = None) -> Optional[Place]:
        """Return the contents of the sidecars of a file.

        Parameters
        ----------
        path : Path
            The file by its name in the archive: sidecars of a link have the name of the link.
        stamps : tuple of FileState, optional
            Current result of `stamps` for the file.

        Returns
        -------
        Place or None
            None if the file has no sidecars.

        Raises
        ------
        SidecarProblem
            If they cannot be read.
        OSError
            If the status of a sidecar cannot be read.
        """
        stamps = self.stamps(path) if stamps is None else stamps
        if not stamps:
            return None
        key = (path, stamps)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        place = read_place(path, self._root)
        with self._lock:
            if key not in self._known:
                self._bytes += _said(place)
                self._known[key] = place
            while self._bytes > MAX_SAID or len(self._known) > MAX_PLACES:
                self._bytes -= _said(self._known.popitem(last=False)[1])
        return place


def _said(place: Optional[Place]) -> int:
    """Return the approximate memory taken by the contents of sidecars, in bytes."""
    if place is None:
        return _PLACE
    text = len(place.crs or "") + len(place.points_crs or "")
    return _PLACE + text + _POINT * len(place.points) + _NODATA * len(place.nodata or ())


class Products:
    """Products of an archive as they are delivered.

    Parameters
    ----------
    root : Path
        The archive.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._places = Places(root)
        self._lock = threading.Lock()
        # Concurrent requests for a file wait until it is completed, as a mask may be expensive. Locks are shared by few
        # files.
        self._making = [threading.Lock() for _ in range(_LOCKS)]
        self._known: OrderedDict[Tuple[FileState, _Stamps], Completed] = OrderedDict()
        self._bytes = 0

    def find(self, product: str) -> Optional[Completed]:
        """Return the current state of a product, or None if the archive has no such file.

        Parameters
        ----------
        product : str
            Its path within the archive.

        Raises
        ------
        HttpError
            404, if the file or its sidecars cannot be read, or the sidecars cannot be represented in a GeoTIFF.
        """
        path = inside(self._root, product)
        if path is None:
            return None
        named = self._root / product
        try:
            stamps = self._places.stamps(named)
            if not stamps:
                return complete(path, None)
            key = (FileState.of(path, path.stat()), stamps)
            with self._making[hash(path) % _LOCKS]:
                with self._lock:
                    if key in self._known:
                        self._known.move_to_end(key)
                        return self._known[key]
                made = complete(path, self._places.of(named, stamps))
                self._remember(key, made)
                return made
        except SidecarProblem as problem:
            raise HttpError(404, f"{named.name} cannot be delivered: {problem}.") from None
        except OSError as error:
            raise HttpError(404, f"{named.name} cannot be delivered ({error.strerror}).") from None

    def _remember(self, key: Tuple[Any, ...], made: Completed) -> None:
        with self._lock:
            known = self._known.pop(key, None)
            self._bytes += made.added - (known.added if known else 0)
            self._known[key] = made
            while self._known and (self._bytes > MAX_BYTES or len(self._known) > MAX_PLACES):
                self._bytes -= self._known.popitem(last=False)[1].added
