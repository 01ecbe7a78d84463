"""Complete results of searches: in memory up to a size, then in a file; indexed by feature id, scene id and box."""

from __future__ import annotations

import marshal
import math
import os
import tempfile
import threading
import weakref
import zlib
from array import array
from bisect import bisect_left, bisect_right
from itertools import accumulate, groupby
from typing import Dict, FrozenSet, Iterable, Iterator, List, Optional, Sequence, Tuple

from planet_vector.conditions import Condition
from planet_vector.disk_errors import disk_remedy
from planet_vector.errors import CacheError
from planet_vector.geometry.box_index import BoxIndex
from planet_vector.geometry.boxes import Box, around
from planet_vector.query import Query
from planet_vector.vector.columns import Row, Rows
from planet_vector.vector.conditions import may_meet, meeting

IN_MEMORY = 25_000  # rows of a result in memory, some 2.5 kB each (3.5 while prepared); further rows go to a file
PIECE = 16  # rows stored together: read in 0.06 ms; twice as many save 6 % of the file
_ROW = 2500  # bytes of a row in memory
_INDEX = 60  # bytes of all indexes per row
_LEVEL = 1  # zlib's fastest: it shrinks the links in the rows to a fifth
_NO_BOX = (math.nan,) * 4


class Result:
    """The rows of one complete search.

    Forked processes may read a result concurrently with the process that created it; only the latter may append.

    Parameters
    ----------
    query : Query
        The search.
    names : sequence of str
        The names of the columns.
    age : float
        Seconds since an earlier program fetched its rows; 0 for new rows.
    """

    def __init__(self, query: Query, names: Sequence[str] = (), age: float = 0.0) -> None:
        self.query = query
        self.age = age
        self.count = 0
        self.box: Optional[Box] = None
        self.size = 0
        self._names = tuple(names)
        self._id = self._names.index("id") if "id" in self._names else None
        self._time = self._names.index(time) if (time := query.schema.meanings.time) in self._names else None
        self._pages: List[Rows] = []  # the first blocks, which are in memory
        self._file: Optional[Spool] = None
        self._ends = array("q", [0])  # the end offset of each block in the file
        self._starts = array("q")  # the index of the first row of each block
        self._spans: List[Optional[Tuple[str, str]]] = []  # the earliest and the latest time in each block
        self._fids = array("q")
        self._ids = array("q")  # the hash of each case-folded scene id
        self._edges = array("d"), array("d"), array("d"), array("d")  # of the boxes: west, south, east, north
        self._boxes: Optional[BoxIndex] = None
        self._by_fid: Optional[_Lookup] = None
        self._by_id: Optional[_Lookup] = None
        self._counts: Dict[Tuple[Condition, ...], int] = {}

    def append(self, rows: Rows) -> bool:
        """Add rows.

        Parameters
        ----------
        rows : Rows
            The next rows.

        Returns
        -------
        bool
            Whether they stay in memory.

        Raises
        ------
        CacheError
            If they cannot be written to disk.
        """
        if not rows:
            return False
        stays = self._file is None and self.count + len(rows) <= IN_MEMORY
        if stays:
            self._pages.append(rows)
            self._starts.append(self.count)
            self.size += _ROW * len(rows)
        else:
            self._file = self._file or Spool()
            pieces = [rows[start : start + PIECE] for start in range(0, len(rows), PIECE)]
            packed = [zlib.compress(marshal.dumps(piece.parts), _LEVEL) for piece in pieces]
            self._file.append(b"".join(packed))
            self._ends.extend(accumulate(map(len, packed[1:]), initial=self._ends[-1] + len(packed[0])))
            self._starts.extend(range(self.count, self.count + len(rows), PIECE))
            self.size += sum(map(len, packed))
        times = rows.columns[self._time] if self._time is not None else [None]
        span = None if None in times else (min(times), max(times))
        self._spans += [span] * (len(self._starts) - len(self._spans))
        self.count += len(rows)
        self.size += _INDEX * len(rows)
        self._fids.extend(rows.fids)
        for edge, values in zip(self._edges, zip(*[box or _NO_BOX for box in rows.boxes])):
            edge.extend(values)
        if self._id is not None:
            self._ids.extend(map(hash, map(str.casefold, rows.columns[self._id])))
        known = [box for box in (self.box, *rows.boxes) if box is not None]
        self.box = Box(*around(known)) if known else None
        return stays

    def blocks(
        self,
        within: Optional[Box] = None,
        ids: Optional[FrozenSet[str]] = None,
        conditions: Sequence[Condition] = (),
    ) -> Iterator[Rows]:
        """Return blocks of rows in order.

        Parameters
        ----------
        within : Box, optional
            Only rows whose bounding boxes share a point with it, degrees.
        ids : frozenset of str, optional
            Only rows with these scene ids, ignoring case as OGR does, and possibly a few more; all rows if there is no
            column of ids.
        conditions : sequence of Condition
            Only rows that meet all of these, and possibly a few more.

        Raises
        ------
        CacheError
            If rows cannot be read back from disk.
        """
        places: Optional[List[int]] = None
        if ids is not None and self._id is not None:
            self._by_id = self._by_id or _Lookup(self._ids)
            places = sorted({place for text in ids for place in self._by_id.places(hash(text.casefold()))})
        if within is not None:
            self._boxes = self._boxes or BoxIndex(*self._edges)
            touching = self._boxes.search(within)
            places = touching if places is None else sorted(set(places).intersection(touching))
        if places is not None:
            blocks = self._at(places)
        elif conditions:
            time = self.query.schema.meanings.time
            spans = enumerate(self._spans)
            blocks = map(self._load, [number for number, span in spans if may_meet(span, conditions, time)])
        else:
            blocks = map(self._load, range(len(self._starts)))
        if conditions:
            blocks = (rows.at(meeting(rows, self._names, conditions)) for rows in blocks)
        return blocks

    def find(self, fid: int) -> Optional[Row]:
        """Return the row with a feature id, or None.

        Parameters
        ----------
        fid : int
            The feature id.

        Raises
        ------
        CacheError
            If it cannot be read back from disk.
        """
        self._by_fid = self._by_fid or _Lookup(self._fids)
        return next((row for rows in self._at(self._by_fid.places(fid)[:1]) for row in rows), None)

    def count_meeting(self, conditions: Tuple[Condition, ...]) -> Optional[int]:
        """Return the number of rows that meet all conditions, or None if a column that they need is missing.

        Parameters
        ----------
        conditions : tuple of Condition
            The conditions.
        """
        if any(condition.field.name not in self._names for condition in conditions):
            return None
        if conditions not in self._counts:
            self._counts[conditions] = sum(map(len, self.blocks(conditions=conditions)))
        return self._counts[conditions]

    def _at(self, places: Iterable[int]) -> Iterator[Rows]:
        """Yield the rows at ascending indices, a block at a time."""
        for number, group in groupby(places, lambda place: bisect_right(self._starts, place) - 1):
            start = self._starts[number]
            yield self._load(number).at([place - start for place in group])

    def _load(self, number: int) -> Rows:
        if number < len(self._pages):
            return self._pages[number]
        assert self._file is not None
        number -= len(self._pages)
        start, end = self._ends[number], self._ends[number + 1]
        data = self._file.read(start, end - start)
        try:
            return Rows(*marshal.loads(zlib.decompress(data)))  # noqa: S302 - this process wrote it
        except (zlib.error, ValueError, EOFError, TypeError) as error:
            raise unreadable(f"it was damaged ({error})") from None


class _Lookup:
    """Index from whole numbers to their positions, in a fraction of a dictionary's memory."""

    def __init__(self, values: Sequence[int]) -> None:
        order = sorted(range(len(values)), key=values.__getitem__)
        self._order = array("I", order)
        self._values = array("q", map(values.__getitem__, order))

    def places(self, value: int) -> List[int]:
        """Return the positions of a value, ascending."""
        if not -(2**63) <= value < 2**63:
            return []
        start = bisect_left(self._values, value)
        return list(self._order[start : bisect_right(self._values, value, start)])


class Spool:
    """Temporary file for bytes, accessible only to this process and its forks."""

    def __init__(self) -> None:
        try:
            self._file = tempfile.TemporaryFile(prefix="planet_vector-")  # noqa: SIM115
        except OSError as error:
            raise _unwritable(error) from None
        self._length = 0
        self._lock = threading.Lock()
        weakref.finalize(self, self._file.close)

    def append(self, data: bytes) -> int:
        """Write bytes at the end.

        Parameters
        ----------
        data : bytes
            The bytes.

        Returns
        -------
        int
            Their offset.

        Raises
        ------
        CacheError
            If the disk is full or fails.
        """
        try:
            with self._lock:
                self._file.seek(self._length)
                self._file.write(data)
                self._file.flush()
        except OSError as error:
            raise _unwritable(error) from None
        start = self._length
        self._length = start + len(data)
        return start

    def read(self, start: int, length: int) -> bytes:
        """Return bytes written before.

        Parameters
        ----------
        start : int
            Their offset.
        length : int
            Their number.

        Raises
        ------
        CacheError
            If the disk fails, or the file is truncated.
        """
        try:
            if hasattr(os, "pread"):
                # pread neither uses nor moves the offset of the file, which forked processes share.
                data = os.pread(self._file.fileno(), length, start)
            else:  # Windows, which has no fork
                with self._lock:
                    self._file.seek(start)
                    data = self._file.read(length)
        except OSError as error:
            raise unreadable(error.strerror or str(error)) from None
        if len(data) != length:
            raise unreadable("it was cut off")
        return data


def _unwritable(error: OSError) -> CacheError:
    remedy = disk_remedy(error) or "make it writable"
    return CacheError(
        f"The scenes that were read cannot be kept in {tempfile.gettempdir()} ({error.strerror}): {remedy}, "
        "name another folder in TMPDIR (on Windows in TEMP), or narrow the search."
    )


def unreadable(reason: str) -> CacheError:
    """Return the error for cached scenes that cannot be read back.

    Parameters
    ----------
    reason : str
        The cause, without a full stop.
    """
    return CacheError(
        f"The scenes kept in {tempfile.gettempdir()} cannot be read back ({reason}): open the layer, or search, again."
    )
