"""Pixels of a file at positions, as they are displayed: from its survey, its pyramid or itself, as bytes.

The visual product is shown without changes; of other products the red, green and blue bands are stretched between the
2nd and 98th percentile of the scene. Palettes are converted to colours.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from pathlib import Path
from typing import Optional, Tuple

import numpy as np

from planet_vector.server.archive.projecting import Positions
from planet_vector.server.imagery.drawing_results import Told
from planet_vector.server.imagery.pyramid_making import MOST_KEPT, shrink_for
from planet_vector.server.imagery.pyramids import MAX_PIXELS, Damaged, Level, Limits, discard, find_pyramid
from planet_vector.server.imagery.reading import Raster
from planet_vector.server.imagery.sampling import sample
from planet_vector.server.imagery.surveys import RasterSurvey, is_large, sampled_limits, shrink_of, stretch

_KNOWN = 512  # files whose limits are cached

_limits_known: OrderedDict[Path, Limits] = OrderedDict()


def shown_pixels(
    raster: Raster, places: Positions, inner: slice, told: Optional[Told]
) -> Optional[Tuple[np.ndarray, np.ndarray]]:
    """Return the pixels of a file at positions, as they are displayed.

    Parameters
    ----------
    raster : Raster
        The file.
    places : Positions
        Positions in the file of the pixels of a picture, and of some around it, for computing the scale.
    inner : slice
        Rows, and columns, of the picture among them.
    told : Told or None
        Receives missing surveys and unused pixels. If None, pixels are picked from a file without a survey.

    Returns
    -------
    (array, array) or None
        Pixels (uint8, shape (bands, rows, columns)) and their mask (bool, shape (rows, columns)). None if `told`
        receives a missing survey.

    Raises
    ------
    HttpError
        If the file cannot be read, or not within the limits.
    """
    scale = places.scale()
    places = places.part(inner, inner).widened((raster.width, raster.height), scale)
    if not places.inside.any():
        bands = 3 if raster.palette is not None else len(raster.bands)
        return np.zeros((bands, *places.inside.shape), "uint8"), places.inside
    columns, rows = (np.where(places.inside, values, np.nan) for values in (places.columns, places.rows))
    nearest = raster.palette is not None
    limits: Optional[Limits] = None
    if is_large(raster):
        level, limits = _of_pyramid(raster, scale, columns, rows)
        if level is None and limits is None and _is_surveyed(raster, scale):
            try:
                survey = RasterSurvey(raster.source.survey)
                level, limits = survey.level(scale), survey.limits
            except FileNotFoundError:
                if told is not None:
                    told.missing[raster.source.survey] = raster.source
                    return None
        if level is not None:
            columns, rows = columns / level.factor[0] - level.first[0], rows / level.factor[1] - level.first[1]
            values, mask = sample(level.colours, level.mask, columns, rows, nearest)
            return rounded(values), mask
    quick = told is None
    window = (
        max(0, int(np.nanmin(columns) - 2 * scale[0])), max(0, int(np.nanmin(rows) - 2 * scale[1])),
        min(raster.width, math.ceil(np.nanmax(columns) + 2 * scale[0])),
        min(raster.height, math.ceil(np.nanmax(rows) + 2 * scale[1])),
    )  # fmt: skip
    width, height = window[2] - window[0], window[3] - window[1]
    more = max(1.0, math.sqrt(width * height / (scale[0] * scale[1]) / MAX_PIXELS))
    shape = max(1, round(height / scale[1] / more)), max(1, round(width / scale[0] / more))
    values, mask = raster.read(window, shape, quick)
    if told is not None and is_large(raster) and min(scale) >= 0.99 * shrink_for(raster, MOST_KEPT):
        told.waste(raster)
    rows, columns = (rows - window[1]) * (mask.shape[0] / height), (columns - window[0]) * (mask.shape[1] / width)
    values, mask = sample(values, mask, columns, rows, nearest)
    if raster.in_bytes:
        return rounded(values), mask
    return stretch(values, mask, limits or _limits(raster, quick) or [(0.0, 1.0)] * len(values)), mask


def _of_pyramid(
    raster: Raster, scale: Tuple[float, float], columns: np.ndarray, rows: np.ndarray
) -> Tuple[Optional[Level], Optional[Limits]]:
    """Return the level of a file's pyramid for positions, and its limits; None if it is missing or coarser."""
    pyramid = find_pyramid(raster.source.pyramids)
    if pyramid is None:
        return None, None
    with pyramid:
        try:
            return pyramid.part(scale, columns, rows), pyramid.limits
        except Damaged:
            discard(pyramid.path)  # it will be made again; this picture is made from the file
            return None, None
        except OSError:  # its disk fails, but the file may be on another one
            return None, None


def _is_surveyed(raster: Raster, scale: Tuple[float, float]) -> bool:
    """Return whether a picture of a large file needs its survey, for pixels or limits."""
    return not raster.in_bytes or min(scale) >= 0.99 * shrink_of(raster)


def _limits(raster: Raster, quick: bool) -> Limits:
    """Return the limits of a file without a survey, cached because a map requests many tiles of it."""
    name = raster.source.survey  # changes with the file
    if name not in _limits_known:
        _limits_known[name] = sampled_limits(raster, quick)
        if len(_limits_known) > _KNOWN:
            _limits_known.popitem(last=False)
    return _limits_known[name]


def rounded(values: np.ndarray) -> np.ndarray:
    """Return values from 0 to 255 as bytes, rounded.

    Parameters
    ----------
    values : array
        Pixels of any shape; a float array is modified in place.
    """
    if values.dtype.kind == "f":
        values += 0.5
    return values.astype("uint8")
