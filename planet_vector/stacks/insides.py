"""Which places lie inside an area given by the edges around it, with numpy alone."""

from __future__ import annotations

from typing import Any, Tuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

_COLUMNS = 256  # that edges are sorted into


class Insides:
    """Point-in-polygon test of many places at once.

    Parameters
    ----------
    edges : array, shape (n, 4)
        Around the area: x and y of both ends, within ±1.
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
        """Tell which places, shape (n, 2), have an odd number of edges below them."""
        starts, edges = copied(self._starts, self._of_column, _column(places[:, 0]))
        number = np.repeat(np.arange(len(places)), np.diff(starts))
        x, y = places[number].T
        x0, y0, x1, y1 = self._edges[edges].T
        with np.errstate(divide="ignore", invalid="ignore"):
            below = ((x0 <= x) != (x1 <= x)) & (y0 + (x - x0) * (y1 - y0) / (x1 - x0) < y)
        return np.asarray(np.bincount(number[below], minlength=len(places)) % 2 == 1)


def ends_of(counts: Any) -> Whole:
    """Return where lists begin and end that stand one after the other."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def copied(starts: Whole, members: Whole, which: Any) -> Tuple[Whole, Whole]:
    """Return some of the lists that stand one after the other, each as often as it is asked for."""
    counts = np.diff(starts)[which]
    ends = ends_of(counts)
    at = np.arange(ends[-1]) + np.repeat(starts[which] - ends[:-1], counts)
    return ends, members[at]


def _column(x: Floats) -> Whole:
    return np.clip(((x + 1) * (_COLUMNS / 2)).astype(np.int64), 0, _COLUMNS - 1)
