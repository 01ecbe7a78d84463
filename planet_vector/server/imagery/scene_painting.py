"""Paint scenes on a map in web mercator, those in front first."""

from __future__ import annotations

from typing import Optional, Sequence, Tuple, Union

import numpy as np

from planet_vector.server.archive.projecting import MapGrid, MercatorTransform, extent, positions
from planet_vector.server.http_errors import HttpError
from planet_vector.server.imagery.displayed_pixels import shown_pixels
from planet_vector.server.imagery.drawing_results import SurveysWanted, Told
from planet_vector.server.imagery.reading import Source, open_source

ASKED = 4  # surveys that are requested at once: scenes behind those in front may not be visible at all

_PIECE = 256  # rows that are painted at once
_AROUND = 2  # pixels around a part, for computing the scale


def paint(
    scenes: Sequence[Sequence[Source]], grid: MapGrid, told: Optional[Told] = None
) -> Union[Tuple[np.ndarray, np.ndarray], SurveysWanted]:
    """Draw scenes on a map, from front to back, until all pixels are covered.

    Parameters
    ----------
    scenes : sequence of sequence of Source
        The files of each scene, those in front first.
    grid : MapGrid
        The map.
    told : Told, optional
        Receives missing surveys and unused pixels.

    Returns
    -------
    colours : array of uint8, shape (3, rows, columns)
        Red, green and blue.
    mask : array of bool, shape (rows, columns)
        Where a scene is valid. Instead of both, a `SurveysWanted` if files must be surveyed first.

    Raises
    ------
    HttpError
        If a file cannot be read or drawn on a map, or not within the limits.
    """
    colours, mask = np.zeros((3, grid.height, grid.width), "uint8"), np.zeros((grid.height, grid.width), bool)
    told = told or Told()
    for top in range(0, grid.height, _PIECE):
        rows = slice(top, min(top + _PIECE, grid.height))
        for sources in scenes:
            if mask[rows].all() or len(told.missing) >= ASKED:
                break
            found = part_of(sources, grid.part(rows, slice(0, grid.width)), mask[rows], told)
            if found is None:
                continue
            within, more, valid = found
            np.copyto(colours[:, rows][:, within[0], within[1]], more, where=valid & ~mask[rows][within])
            mask[rows][within] |= valid
    return SurveysWanted(list(told.missing.values())) if told.missing else (colours, mask)


def part_of(
    sources: Sequence[Source], grid: MapGrid, painted: np.ndarray, told: Optional[Told]
) -> Optional[Tuple[Tuple[slice, slice], np.ndarray, np.ndarray]]:
    """Draw a scene on the part of a map that it covers.

    Parameters
    ----------
    sources : sequence of Source
        The scene's files.
    grid : MapGrid
        The map.
    painted : array of bool, shape (rows, columns)
        Pixels that are covered by other scenes.
    told : Told or None
        Receives missing surveys and unused pixels. If None, pixels are picked from a file without a survey.

    Returns
    -------
    ((slice, slice), array, array) or None
        Rows and columns of the part, its colours (uint8, shape (3, rows, columns)), and its mask (bool, shape (rows,
        columns)). None if the scene is outside of the map or covered, or if surveys are missing.

    Raises
    ------
    HttpError
        404, if a file has no georeference; 404 or 422, if it cannot be read within the limits.
    """
    within: Optional[Tuple[slice, slice]] = None
    parts = []
    for source in sources:
        with open_source(source) as raster:
            if raster.crs is None:
                raise HttpError(404, f"{source.path.name} cannot be drawn on a map: it has no georeference.")
            projection, size = MercatorTransform(raster.crs, source.path.name), (raster.width, raster.height)
            within = within or extent(projection, raster.place, size, grid)
            if within is None or painted[within].all():
                return None
            around = [slice(part.start - _AROUND, part.stop + _AROUND) for part in within]
            places = positions(projection, raster.place, size, grid.part(*around))
            part = shown_pixels(raster, places, slice(_AROUND, -_AROUND), told)
            if part is not None:
                parts.append(part)
    return None if len(parts) < len(sources) else (within, *as_rgb(parts)) if within else None


def as_rgb(parts: Sequence[Tuple[np.ndarray, np.ndarray]]) -> Tuple[np.ndarray, np.ndarray]:
    """Return red, green and blue, and the common mask, of one file or of three.

    Parameters
    ----------
    parts : sequence of (array, array)
        Results of `planet_vector.server.imagery.displayed_pixels.shown_pixels`.

    Returns
    -------
    colours : array of uint8, shape (3, rows, columns)
        Red, green and blue.
    mask : array of bool, shape (rows, columns)
        Where all files are valid.
    """
    colours = np.concatenate([colours for colours, _ in parts])
    return colours if len(colours) == 3 else np.repeat(colours[:1], 3, axis=0), np.all([m for _, m in parts], axis=0)
