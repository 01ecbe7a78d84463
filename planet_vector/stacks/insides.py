"""Point-in-polygon test for an area given by its edges, with numpy alone."""

from __future__ import annotations

from typing import Any, Tuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

_COLUMNS = 256  # vertical strips into which edges are sorted


class Insides:
    """Point-in-polygon test of many points at once.

    Parameters
    ----------
    edges : array, shape (n, 4)
        The edges of the area: x and y of both ends, within ±1.
    """

    def __init__(self, edges: Floats) -> None:
        self._edges = edges
        first, last = _column(np.minimum(edges[:, 0], edges[:, 2])), _column(np.maximum(edges[:, 0], edges[:, 2]))
        counts = last - first + 1
        columns = np.repeat(first - ends_of(counts)[:-1], counts) + np.arange(counts.sum())
        order = np.argsort(columns, kind="stable")
        self._of_column = np.repeat(np.arange(len(edges)), counts)[order]
        self._starts = ends_of(np.bincount(columns, minlength=_COLUMNS))

    def of(self, places: Floats) -> npt.NDArray[np.bool_]:
        """Test points by the even-odd rule.

        Parameters
        ----------
        places : array, shape (n, 2)
            The points.

        Returns
        -------
        array of bool, shape (n,)
            Whether each has an odd number of edges below it.
        """
        starts, edges = copied(self._starts, self._of_column, _column(places[:, 0]))
        number = np.repeat(np.arange(len(places)), np.diff(starts))
        x, y = places[number].T
        x0, y0, x1, y1 = self._edges[edges].T
        with np.errstate(divide="ignore", invalid="ignore"):
            below = ((x0 <= x) != (x1 <= x)) & (y0 + (x - x0) * (y1 - y0) / (x1 - x0) < y)
        return np.asarray(np.bincount(number[below], minlength=len(places)) % 2 == 1)


def ends_of(counts: Any) -> Whole:
    """Return the offsets of concatenated lists: a leading 0, then the end of each.

    Parameters
    ----------
    counts : array, shape (n,)
        The length of each list.
    """
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def copied(starts: Whole, members: Whole, which: Any) -> Tuple[Whole, Whole]:
    """Select from concatenated lists; a list may be selected repeatedly.

    Parameters
    ----------
    starts : array, shape (n + 1,)
        The offsets of the lists, as `ends_of` returns them.
    members : array
        The concatenated lists.
    which : array of int
        The indices of the wanted lists.

    Returns
    -------
    (array, array)
        The offsets and the concatenation of the selected lists.
    """
    counts = np.diff(starts)[which]
    ends = ends_of(counts)
    at = np.arange(ends[-1]) + np.repeat(starts[which] - ends[:-1], counts)
    return ends, members[at]


def _column(x: Floats) -> Whole:
    return np.clip(((x + 1) * (_COLUMNS / 2)).astype(np.int64), 0, _COLUMNS - 1)
