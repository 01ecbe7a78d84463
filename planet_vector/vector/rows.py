"""What a layer yields: rows, held by columns."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any, FrozenSet, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple, TypeVar

from planet_vector.geometry import Bounds, Box

T = TypeVar("T")


class Row(NamedTuple):
    """Hold a scene as the layer yields it.

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
    """Hold some rows, a page of scenes at the most, by columns: they are made and read so in half the time.

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

    def within(self, box: Box) -> Rows:
        """Return the rows whose boxes touch a box; one without a footprint touches none, as OGR sees it."""
        west, south, east, north = box
        found = [
            number
            for number, b in enumerate(self.boxes)
            if b is not None and b[0] <= east and west <= b[2] and b[1] <= north and south <= b[3]
        ]
        if len(found) == len(self):
            return self

        def kept(column: Sequence[T]) -> List[T]:
            return [column[number] for number in found]

        return Rows(kept(self.fids), kept(self.boxes), kept(self.wkbs), list(map(kept, self.columns)), self.full)


class RowLayer:
    """Be a layer, as far as it is read."""

    def blocks(self, where: Optional[str] = None, box: Optional[Box] = None) -> Iterator[Rows]:
        """Return the rows that can meet the filters, and maybe more; all of them are there when this returns.

        Parameters
        ----------
        where : str, optional
            An OGR SQL WHERE text.
        box : Box, optional
            What a spatial filter's box is, in degrees.

        Raises
        ------
        ServiceError
            When not all can be had.
        """
        raise NotImplementedError

    def rows(self, where: Optional[str] = None, box: Optional[Box] = None) -> Iterator[Row]:
        """Return what `blocks` does, row by row."""
        return chain.from_iterable(self.blocks(where, box))


def around(boxes: Iterable[Optional[Bounds]]) -> Optional[Box]:
    """Return the box around boxes, those that are None left out."""
    known = [box for box in boxes if box is not None]
    if not known:
        return None
    west, south, east, north = zip(*known)
    return Box(min(west), min(south), max(east), max(north))
