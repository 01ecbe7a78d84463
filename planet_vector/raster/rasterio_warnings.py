"""Suppress rasterio's warning for rasters without a georeference."""

from __future__ import annotations

import threading
import warnings
from typing import List, Optional

from rasterio.errors import NotGeoreferencedWarning

from planet_vector.forking import renew_after_fork


class _Unplaced:
    """Context in which rasterio, in all threads, does not warn that a raster has no georeference.

    Warning filters belong to the process, so threads that each change them for a while undo one another's changes;
    rasterio itself does so while it warps arrays. This filter is set by the first thread and removed by the last.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside: List[int] = []  # the threads
        self._ignoring: Optional[warnings.catch_warnings] = None
        renew_after_fork(self._renew)

    def __enter__(self) -> None:
        with self._lock:
            self._inside.append(threading.get_ident())
            if self._ignoring is None:
                self._ignoring = warnings.catch_warnings()
                self._ignoring.__enter__()
                warnings.simplefilter("ignore", NotGeoreferencedWarning)

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside.remove(threading.get_ident())
            self._end()

    def _end(self) -> None:
        if not self._inside and self._ignoring is not None:
            self._ignoring.__exit__(None, None, None)
            self._ignoring = None

    def _renew(self) -> None:
        self._lock = threading.Lock()
        self._inside = [thread for thread in self._inside if thread == threading.get_ident()]
        self._end()


unplaced = _Unplaced()
"""Context in which rasterio does not warn."""
