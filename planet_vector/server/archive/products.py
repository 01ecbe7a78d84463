"""Products of an archive as they are delivered: files, completed by what lies beside them."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, Optional, Tuple

from planet_vector.pixels.completing import MOST_ADDED, Completed, complete
from planet_vector.pixels.sidecars import FileState, Place, SidecarProblem, read_place, sidecar_names
from planet_vector.server.archive.inventory import inside
from planet_vector.server.http_errors import Refusal

MAX_PLACES = 1000
"""Files whose sidecars are remembered."""

MAX_BYTES = 2 * MOST_ADDED
"""Bytes of what completes files that are remembered: some hundred each, of those with a mask more."""

MAX_SAID = 32 * 2**20
"""Bytes, about, of what sidecars say that are remembered: some hundred each, of 10 000 control points 2 MB."""

_POINT, _NODATA, _PLACE = 240, 150, 500  # bytes that CPython takes for one
_LOCKS = 64

_Stamps = Tuple[FileState, ...]


class Places:
    """Cache of the sidecars of an archive's files; each is read again when it changes.

    Parameters
    ----------
    root : Path
        The archive, which sidecars must lie in.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._known: OrderedDict[Tuple[Path, _Stamps], Optional[Place]] = OrderedDict()
        self._bytes = 0

    def stamps(self, path: Path) -> _Stamps:
        """Return the states of the sidecars of a file.

        Raises
        ------
        OSError
            If one cannot be looked at.
        """
        beside = (path.with_name(name) for name in sidecar_names(path.name))
        return tuple(FileState.of(file, file.stat()) for file in beside if os.path.lexists(file))

    def of(self, path: Path, stamps: Optional[_Stamps] = None) -> Optional[Place]:
        """Return what the sidecars of a file say.

        Parameters
        ----------
        path : Path
            The file as the archive calls it: sidecars go by the name of a link.
        stamps : tuple of FileState, optional
            What `stamps` has just returned of it.

        Raises
        ------
        SidecarProblem
            If they cannot be read.
        OSError
            If one cannot be looked at.
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
    """Return about how many bytes are held of what sidecars say."""
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
        # Who asks for a file while it is completed waits, as a mask may cost much; few others have the same lock.
        self._making = [threading.Lock() for _ in range(_LOCKS)]
        self._known: OrderedDict[Tuple[FileState, _Stamps], Completed] = OrderedDict()
        self._bytes = 0

    def find(self, product: str) -> Optional[Completed]:
        """Return a product as it is now, or None where the archive has no such file.

        Parameters
        ----------
        product : str
            Its path within the archive.

        Raises
        ------
        Refusal
            404, if what lies beside it cannot be read, or cannot be said in a GeoTIFF.
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
            raise Refusal(404, f"{named.name} cannot be delivered: {problem}.") from None
        except OSError as error:
            raise Refusal(404, f"{named.name} cannot be delivered ({error.strerror}).") from None

    def _remember(self, key: Tuple[Any, ...], made: Completed) -> None:
        with self._lock:
            known = self._known.pop(key, None)
            self._bytes += made.added - (known.added if known else 0)
            self._known[key] = made
            while self._known and (self._bytes > MAX_BYTES or len(self._known) > MAX_PLACES):
                self._bytes -= self._known.popitem(last=False)[1].added
