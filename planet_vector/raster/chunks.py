"""Pieces of files, kept in memory while they are likely to be read again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Dict, Hashable, List, Mapping, Sequence, Tuple

from planet_vector.forking import renew_after_fork

CHUNK = 16384  # bytes; what is kept and asked for comes in such pieces, as GDAL has it
KEPT = 1024  # chunks of all files, 16 MB, as GDAL keeps


class Chunks:
    """Cache of the chunks that were read last, of all files: a scene that is opened again is not fetched again."""

    def __init__(self) -> None:
        self._chunks: OrderedDict[Tuple[Hashable, int], bytes] = OrderedDict()
        self._renew()
        renew_after_fork(self._renew)

    def _renew(self) -> None:
        self._lock = threading.Lock()

    def get(self, file: Hashable, numbers: Sequence[int]) -> Dict[int, bytes]:
        """Return those chunks of a file that are kept, by number."""
        with self._lock:
            return {number: self._chunks[file, number] for number in numbers if (file, number) in self._chunks}

    def put(self, file: Hashable, chunks: Mapping[int, bytes]) -> None:
        """Keep chunks of a file, by number, in the place of those that were not read for longest."""
        with self._lock:
            for number, chunk in chunks.items():
                self._chunks[file, number] = chunk
                self._chunks.move_to_end((file, number))
            while len(self._chunks) > KEPT:
                self._chunks.popitem(last=False)

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._chunks.clear()


kept = Chunks()
"""Those of all files of this process."""


def numbers_of(first: int, end: int) -> range:
    """Return the numbers of the chunks that hold some bytes."""
    return range(first // CHUNK, -(-end // CHUNK))


def runs_of(numbers: Sequence[int]) -> List[Tuple[int, int]]:
    """Return chunks that follow one another as (first, end)."""
    found: List[Tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number:
            found[-1] = (found[-1][0], number + 1)
        else:
            found.append((number, number + 1))
    return found


def cut(chunks: Mapping[int, bytes], first: int, end: int) -> bytes:
    """Return some bytes of chunks that hold them."""
    if first >= end:
        return b""
    numbers = numbers_of(first, end)
    together = b"".join(chunks[number] for number in numbers)
    begin = first - numbers[0] * CHUNK
    return together[begin : begin + end - first]
