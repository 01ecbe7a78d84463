"""Sample arrays at positions between pixels."""

from __future__ import annotations

from typing import Tuple

import numpy as np


def where_known(values: np.ndarray) -> np.ndarray:
    """Return a mask of the values that are not NaN.

    Parameters
    ----------
    values : array, shape (bands, rows, columns)
        The pixels.

    Returns
    -------
    array of bool, shape (bands, rows, columns) or (1, 1, 1)
        Of shape (1, 1, 1) if there is no NaN.
    """
    missing = np.isnan(values) if values.dtype.kind == "f" else np.zeros((1, 1, 1), bool)
    return ~missing if missing.any() else np.ones((1, 1, 1), bool)


def sample(
    values: np.ndarray, mask: np.ndarray, columns: np.ndarray, rows: np.ndarray, nearest: bool
) -> Tuple[np.ndarray, np.ndarray]:
    """Return values at positions, and where they are valid.

    Parameters
    ----------
    values : array, shape (bands, rows, columns)
        The pixels. NaN is excluded from interpolation.
    mask : array of bool, shape (rows, columns)
        Which of them are valid. Others are excluded, too.
    columns, rows : array
        Positions in pixels, from the upper left corner of the upper left pixel; NaN for no position.
    nearest : bool
        Whether to return the pixel that contains a position, instead of a weighted mean of the four around it.

    Returns
    -------
    values : array, shape (bands, *columns.shape)
        The values; 0 if invalid, or NaN in single bands.
    mask : array of bool, shape columns.shape
        Where they are valid in any band.
    """
    bands = where_known(values) | ~mask
    if not bands.all():
        return _by_band(values, mask, bands, columns, rows, nearest)
    height, width = mask.shape
    there = np.isfinite(columns)
    x, y = np.where(there, columns, 0), np.where(there, rows, 0)
    # Positions are not negative, so truncation rounds them down.
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
            # Invalid values may be NaN.
            found += np.where(share > 0, flat.take(place, axis=1), 0) * share
    if not whole:
        found /= np.where(weight > 0, weight, 1)
    if not valid.all():
        found *= valid
    return found, valid


def _by_band(
    values: np.ndarray, mask: np.ndarray, known: np.ndarray, columns: np.ndarray, rows: np.ndarray, nearest: bool
) -> Tuple[np.ndarray, np.ndarray]:
    """Sample bands one by one, as they have NaN at different pixels."""
    found, valid = zip(*(
        sample(band[np.newaxis], mask & there, columns, rows, nearest) for band, there in zip(values, known)
    ))  # fmt: skip
    return np.where(valid, np.concatenate(found), np.nan), np.any(valid, axis=0)
