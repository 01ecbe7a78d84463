"""Index of bounding boxes for intersection queries, with the standard library only.

A map queries a box each time it moves. R-trees are best for this, but the Python that a GDAL program embeds may lack
one. Footprints have similar sizes, so that boxes sorted from west to east are almost as fast.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from typing import Iterable, List, Sequence

from planet_vector.geometry.boxes import Box

_ROUNDING = 1e-9  # degrees; rounding error of widths
_WIDE = 0.01  # share of the widest boxes, which are compared one by one, to bound the search interval of the others


class BoxIndex:
    """Index of boxes by their western edges.

    Parameters
    ----------
    wests, souths, easts, norths : sequence of float
        The edges of each box in degrees, none across the antimeridian. A NaN box touches nothing.
    """

    def __init__(
        self, wests: Sequence[float], souths: Sequence[float], easts: Sequence[float], norths: Sequence[float]
    ) -> None:
        self._edges = wests, souths, easts, norths
        widths = array("d", [east - west for west, east in zip(wests, easts)])
        # A box without width on the antimeridian lies on both sides of it.
        self._between = [number for number, width in enumerate(widths) if width == 0 and abs(wests[number]) == 180]
        between = set(self._between)
        numbers = [number for number, width in enumerate(widths) if width == width and number not in between]  # no NaN
        sizes = sorted(widths[number] for number in numbers)
        self._width = sizes[int(len(sizes) * (1 - _WIDE))] if sizes else 0.0
        self._wide = array("I", [number for number in numbers if widths[number] > self._width])
        numbers = [number for number in numbers if widths[number] <= self._width]
        numbers.sort(key=wests.__getitem__)
        self._numbers = array("I", numbers)
        self._wests = array("d", map(wests.__getitem__, numbers))

    def search(self, box: Box) -> List[int]:
        """Return the indices of the boxes that share a point with a box, in ascending order.

        Parameters
        ----------
        box : Box
            In degrees; ``west > east`` crosses the antimeridian.
        """
        found = set()
        for part in box.parts():
            start = bisect_left(self._wests, part.west - self._width - _ROUNDING)
            end = bisect_right(self._wests, part.east, start)
            found.update(self._touching(part, self._numbers[start:end]))
            found.update(self._touching(part, self._wide))
            for side in (-180.0, 180.0):
                if part.west <= side <= part.east:
                    found.update(self._touching(part._replace(west=-180.0, east=180.0), self._between))
        return sorted(found)

    def _touching(self, box: Box, numbers: Iterable[int]) -> List[int]:
        wests, souths, easts, norths = self._edges
        west, south, east, north = box
        return [
            n for n in numbers if wests[n] <= east and west <= easts[n] and souths[n] <= north and south <= norths[n]
        ]
