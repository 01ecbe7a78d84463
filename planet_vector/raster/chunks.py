"""Keep pieces of files in memory while they are likely to be read again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Dict, Hashable, List, Mapping, Sequence, Tuple

from planet_vector.forking import renew_after_fork

CHUNK = 16384  # bytes; unit of caching and of requests, as in GDAL
KEPT = 1024  # chunks of all files, 16 MB, as in GDAL


class Chunks:
    """LRU cache of chunks of all files, so that reopening a scene costs no request."""

    def __init__(self) -> None:
        self._chunks: OrderedDict[Tuple[Hashable, int], bytes] = OrderedDict()
        self._renew()
        renew_after_fork(self._renew)

    def _renew(self) -> None:
        self._lock = threading.Lock()

    def get(self, file: Hashable, numbers: Sequence[int]) -> Dict[int, bytes]:
        """Return the cached chunks of a file, by number.

        Parameters
        ----------
        file : Hashable
            Key of the file.
        numbers : sequence of int
            Numbers of the requested chunks.
        """
        with self._lock:
            return {number: self._chunks[file, number] for number in numbers if (file, number) in self._chunks}

    def put(self, file: Hashable, chunks: Mapping[int, bytes]) -> None:
        """Cache chunks of a file, by number, and evict the least recently used ones.

        Parameters
        ----------
        file : Hashable
            Key of the file.
        chunks : mapping of int to bytes
            Chunks by number.
        """
        with self._lock:
            for number, chunk in chunks.items():
                self._chunks[file, number] = chunk
                self._chunks.move_to_end((file, number))
            while len(self._chunks) > KEPT:
                self._chunks.popitem(last=False)

    def clear(self) -> None:
        """Remove all chunks."""
        with self._lock:
            self._chunks.clear()


kept = Chunks()
"""Chunks of all files of this process."""


def numbers_of(first: int, end: int) -> range:
    """Return the numbers of the chunks that contain a byte range.

    Parameters
    ----------
    first : int
        First byte.
    end : int
        The byte after the last one.
    """
    return range(first // CHUNK, -(-end // CHUNK))


def runs_of(numbers: Sequence[int]) -> List[Tuple[int, int]]:
    """Return runs of consecutive chunks as (first, end).

    Parameters
    ----------
    numbers : sequence of int
        Ascending numbers of chunks.
    """
    found: List[Tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number:
            found[-1] = (found[-1][0], number + 1)
        else:
            found.append((number, number + 1))
    return found


def cut(chunks: Mapping[int, bytes], first: int, end: int) -> bytes:
    """Return a byte range out of the chunks that contain it.

    Parameters
    ----------
    chunks : mapping of int to bytes
        Chunks by number; must cover the range.
    first : int
        First byte.
    end : int
        The byte after the last one.
    """
    if first >= end:
        return b""
    numbers = numbers_of(first, end)
    together = b"".join(chunks[number] for number in numbers)
    begin = first - numbers[0] * CHUNK
    return together[begin : begin + end - first]
