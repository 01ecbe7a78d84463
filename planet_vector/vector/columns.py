"""Rows of a layer, stored by columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, Dict, FrozenSet, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple, TypeVar

from planet_vector.geometry.boxes import Bounds

T = TypeVar("T")


class Row(NamedTuple):
    """One row of a layer.

    Attributes
    ----------
    fid : int
        The feature id; a scene has the same in every search.
    box : (west, south, east, north) or None
        Bounding box of the footprint in degrees; None without a footprint.
    wkb : bytes or None
        The footprint, a MultiPolygon, longitude before latitude; None without one.
    values : tuple
        One for each column.
    """

    fid: int
    box: Optional[Bounds]
    wkb: Optional[bytes]
    values: Tuple[Any, ...]


@dataclass(frozen=True)
class Rows:
    """Up to a page of rows, stored by columns, which halves the time to create and read them.

    Attributes
    ----------
    fids, boxes, wkbs : sequence
        As in `Row`, for each row.
    columns : sequence of sequence
        The values of each column for each row; there is at least one column.
    full : set of int
        Indices of columns known to hold no None.
    """

    fids: Sequence[int]
    boxes: Sequence[Optional[Bounds]]
    wkbs: Sequence[Optional[bytes]]
    columns: Sequence[Sequence[Any]]
    full: FrozenSet[int] = frozenset()
    _prepared: List[Dict[str, Any]] = field(default_factory=list, init=False, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.fids)

    def __iter__(self) -> Iterator[Row]:
        return map(Row, self.fids, self.boxes, self.wkbs, zip(*self.columns))

    def __getitem__(self, part: slice) -> Rows:
        return Rows(
            self.fids[part], self.boxes[part], self.wkbs[part], [column[part] for column in self.columns], self.full
        )

    @property
    def parts(self) -> Any:
        """The arguments of the constructor, for `marshal`."""
        return self.fids, self.boxes, self.wkbs, self.columns, self.full

    def named(self, names: Sequence[str]) -> Iterable[Dict[str, Any]]:
        """Return each row as a dictionary without nulls.

        Parameters
        ----------
        names : sequence of str
            The names of all columns.
        """
        prepared = self._prepared[:]
        self._prepared.clear()
        return prepared or self._named(names)

    def prepare(self, names: Sequence[str]) -> None:
        """Compute in advance what the next call of `named` returns, for idle times.

        Parameters
        ----------
        names : sequence of str
            The names of all columns.
        """
        self._prepared[:] = self._named(names)

    def _named(self, names: Sequence[str]) -> Iterator[Dict[str, Any]]:
        full = sorted(self.full)
        always = dict.fromkeys(names[slot] for slot in full)
        values = zip(*(self.columns[slot] for slot in full)) if full else repeat(())
        partly = [
            (names[slot], column)
            for slot, column in enumerate(self.columns)
            if slot not in self.full and any(value is not None for value in column)
        ]
        for number, said in zip(range(len(self)), values):
            row = always.copy()  # filling a copy is faster than filling a new dictionary
            row.update(zip(always, said))
            for name, column in partly:
                if column[number] is not None:
                    row[name] = column[number]
            yield row

    def at(self, places: Sequence[int]) -> Rows:
        """Return the rows at some indices.

        Parameters
        ----------
        places : sequence of int
            Ascending indices.
        """
        if len(places) == len(self):
            return self

        def taken(column: Sequence[T]) -> List[T]:
            return [column[place] for place in places]

        return Rows(taken(self.fids), taken(self.boxes), taken(self.wkbs), list(map(taken, self.columns)), self.full)
