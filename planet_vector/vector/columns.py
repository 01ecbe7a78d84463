"""What a layer yields: rows, held by columns."""

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
        The same for a scene whatever the search.
    box : tuple of float
        West, south, east, north of the footprint in degrees; None without one.
    wkb : bytes
        MultiPolygon, longitude before latitude; None without a footprint.
    values : tuple
        One for each column.
    """

    fid: int
    box: Optional[Bounds]
    wkb: Optional[bytes]
    values: Tuple[Any, ...]


@dataclass(frozen=True)
class Rows:
    """Some rows, a page of scenes at the most, held by columns: made and read so in half the time.

    Attributes
    ----------
    fids, boxes, wkbs : sequence
        As in `Row`, for each row.
    columns : sequence of sequence
        The values of each column, one at least, for each row.
    full : set of int
        Columns known to say something of every row, by their places: what follows need not look.
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
        """What they are made of, as `marshal` takes it."""
        return self.fids, self.boxes, self.wkbs, self.columns, self.full

    def named(self, names: Sequence[str]) -> Iterable[Dict[str, Any]]:
        """Return what each row says, by the names of all columns; what it does not say is left out."""
        prepared = self._prepared[:]
        self._prepared.clear()
        return prepared or self._named(names)

    def prepare(self, names: Sequence[str]) -> None:
        """Make what `named` will return the next time: for when there is nothing else to do."""
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
            row = always.copy()  # filled, a copy takes less time than a new one
            row.update(zip(always, said))
            for name, column in partly:
                if column[number] is not None:
                    row[name] = column[number]
            yield row

    def at(self, places: Sequence[int]) -> Rows:
        """Return the rows at some places."""
        if len(places) == len(self):
            return self

        def taken(column: Sequence[T]) -> List[T]:
            return [column[place] for place in places]

        return Rows(taken(self.fids), taken(self.boxes), taken(self.wkbs), list(map(taken, self.columns)), self.full)
