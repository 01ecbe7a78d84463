"""Pixels taken from arrays at positions between them."""

from __future__ import annotations

from typing import Tuple

import numpy as np


def sample(
    values: np.ndarray, mask: np.ndarray, columns: np.ndarray, rows: np.ndarray, nearest: bool
) -> Tuple[np.ndarray, np.ndarray]:
    """Return values at positions, and where they are valid.

    Parameters
    ----------
    values : array, shape (bands, rows, columns)
        The pixels.
    mask : array of bool, shape (rows, columns)
        Which of them are valid. Others have no part in what is interpolated.
    columns, rows : array
        Positions, counted from the upper left corner of the upper left pixel; NaN for none.
    nearest : bool
        Whether to take the pixel that holds a position, and not a mean of the four around it.
    """
    height, width = mask.shape
    there = np.isfinite(columns)
    x, y = np.where(there, columns, 0), np.where(there, rows, 0)
    # Positions are not negative: what is after the point is cut off.
    column, row = np.minimum(x.astype(np.intp), width - 1), np.minimum(y.astype(np.intp), height - 1)
    flat, known = values.reshape(len(values), -1), mask.ravel()
    whole = bool(known.all())
    place = row * width + column
    valid = there if whole else there & known.take(place)
    if nearest:
        return np.where(valid, flat.take(place, axis=1), 0), valid
    kind = "float32" if values.dtype.itemsize <= 2 else "float64"
    x, y = np.clip(x - 0.5, 0, width - 1), np.clip(y - 0.5, 0, height - 1)
    left, top = np.minimum(x.astype(np.intp), max(0, width - 2)), np.minimum(y.astype(np.intp), max(0, height - 2))
    across, down = (x - left).astype(kind), (y - top).astype(kind)
    found = np.zeros((len(values), *columns.shape), kind)
    weight = np.zeros(columns.shape, kind)
    first = top * width + left
    for below, share_down in ((0, 1 - down), (width if height > 1 else 0, down)):
        for beside, share_across in ((0, 1 - across), (1 if width > 1 else 0, across)):
            place, share = first + (below + beside), share_across * share_down
            if whole:
                found += flat.take(place, axis=1) * share
                continue
            share *= known.take(place)
            weight += share
            # What is not valid may be no number.
            found += np.where(share > 0, flat.take(place, axis=1), 0) * share
    if not whole:
        found /= np.where(weight > 0, weight, 1)
    if not valid.all():
        found *= valid
    return found, valid
