"""Write pyramids (see `planet_vector.server.imagery.pyramids`) incrementally, in bands of rows of the largest level."""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from pathlib import Path
from typing import Iterator, List, Optional, Sequence, Tuple

import numpy as np

from planet_vector.server.http_errors import HttpError
from planet_vector.server.imagery.averaging import halved
from planet_vector.server.imagery.pyramids import BLOCK, END, MAGIC, PLACES

_SMALLEST = 64  # pixels a side of the last level
_CHEAP = 1  # zlib level: on differences of neighbours, higher ones take twice the time to save a tenth of the bytes


class PyramidWriter:
    """Incremental writer of a pyramid; a context manager that completes the file at its end.

    Parameters
    ----------
    path : Path
        The file, which is replaced.
    shape : (int, int, int)
        Bands, rows and columns of the largest level.
    factor : (float, float)
        Columns and rows of the raster in a pixel of the largest level.
    limits : sequence of (float, float)
        Values between which bands were stretched; empty if they are shown without stretching.
    nearest : bool
        Whether smaller levels pick pixels instead of averaging them.
    """

    def __init__(
        self,
        path: Path,
        shape: Tuple[int, int, int],
        factor: Tuple[float, float],
        limits: Sequence[Tuple[float, float]],
        nearest: bool,
    ) -> None:
        self._nearest = nearest
        bands, height, width = shape
        sizes = [(height, width)]
        while max(sizes[-1]) > _SMALLEST:
            sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
        self._description = {"bands": bands, "factor": factor, "limits": list(limits), "sizes": sizes}
        self._rest: List[Optional[Tuple[np.ndarray, np.ndarray]]] = [None] * len(sizes)
        self._places: List[List[Tuple[int, int]]] = [[] for _ in sizes]
        self._path = path
        with self._writing():
            self._file = path.open("wb")

    def __enter__(self) -> PyramidWriter:
        return self

    def __exit__(self, kind: Optional[type], *_: object) -> None:
        with self._writing(), self._file:
            if kind is None:
                self._finish()

    def add(self, colours: np.ndarray, known: np.ndarray) -> None:
        """Add the next rows of the largest level.

        Parameters
        ----------
        colours : array of uint8, shape (bands, rows, columns)
            The pixels as shown.
        known : array of bool, shape (bands or 1, rows, columns)
            Where each band is valid.

        Raises
        ------
        HttpError
            503, if the file cannot be written.
        """
        with self._writing():
            self._add(0, colours, known)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        # Only errors of writing; those of reading the raster are converted by its reader.
        try:
            yield
        except OSError as error:
            raise HttpError(503, f"{self._path} cannot be written ({error.strerror or error}).") from None

    def _add(self, level: int, colours: np.ndarray, known: np.ndarray) -> None:
        rest = self._rest[level]
        if rest is not None and rest[0].shape[1]:
            colours = np.concatenate([rest[0], colours], axis=1)
            known = np.concatenate([rest[1], known], axis=1)
        whole = colours.shape[1] // BLOCK * BLOCK
        for top in range(0, whole, BLOCK):
            self._write_rows(level, colours[:, top : top + BLOCK], known[:, top : top + BLOCK])
        self._rest[level] = colours[:, whole:].copy(), known[:, whole:].copy()  # copies free the complete arrays

    def _write_rows(self, level: int, colours: np.ndarray, known: np.ndarray) -> None:
        mask = np.asarray(known.any(axis=0))
        for left in range(0, mask.shape[1], BLOCK):
            content = _packed(colours[:, :, left : left + BLOCK], mask[:, left : left + BLOCK])
            self._places[level].append((self._file.tell(), len(content)))
            self._file.write(content)
        if level + 1 < len(self._rest):
            # Block by block: for the widest rasters, all at once would take several times their memory.
            parts = [
                halved(colours[..., left : left + BLOCK], known[..., left : left + BLOCK], self._nearest, level)
                for left in range(0, mask.shape[1], BLOCK)
            ]
            more, there = zip(*parts)
            self._add(level + 1, np.concatenate(more, axis=2), np.concatenate(there, axis=2))

    def _finish(self) -> None:
        for level in range(len(self._rest)):
            rest = self._rest[level]
            if rest is not None and rest[0].shape[1]:
                self._write_rows(level, *rest)
        places = np.array([place for level in self._places for place in level], PLACES).tobytes()
        description = json.dumps(self._description).encode()
        self._file.write(places + description + END.pack(len(places), len(description), MAGIC))
        self._file.flush()
        os.fsync(self._file.fileno())  # so that a power failure leaves no incomplete file under the final name


def _packed(colours: np.ndarray, mask: np.ndarray) -> bytes:
    """Return a compressed block; empty if it has no valid pixels."""
    if not mask.any():
        return b""
    differences = np.diff(colours, axis=2, prepend=np.uint8(0))  # modulo 256, which the reader's sums undo
    bits = b"" if mask.all() else np.packbits(mask).tobytes()
    return zlib.compress(differences.tobytes() + bits, _CHEAP)
