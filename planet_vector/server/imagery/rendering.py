"""Draw pictures of scenes, whole or in web mercator. These functions run in worker processes.

The visual product is shown without changes; of other products the red, green and blue bands are stretched between the
2nd and 98th percentile of the scene. Palettes are converted to colours.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np
from affine import Affine
from PIL import Image
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.io import MemoryFile
from rasterio.transform import from_bounds

from planet_vector.pixels.control import ByPoints, ByTransform, Georeference
from planet_vector.server.archive.projecting import MapGrid, MercatorTransform, Positions, extent, positions
from planet_vector.server.http_errors import HttpError
from planet_vector.server.imagery.encoding import encode_picture
from planet_vector.server.imagery.pyramid_making import MOST_KEPT, shrink_for
from planet_vector.server.imagery.pyramids import MAX_PIXELS, Damaged, Level, Limits, discard, find_pyramid
from planet_vector.server.imagery.reading import Raster, Source, open_source
from planet_vector.server.imagery.sampling import sample
from planet_vector.server.imagery.surveys import RasterSurvey, is_large, sampled_limits, shrink_of, stretch
from planet_vector.server.quad_grid import Bounds

TALLEST = 4  # maximum ratio of height to width of a picture: a scene one pixel wide would fill the memory
ASKED = 4  # surveys that are requested at once: scenes behind those in front may not be visible at all

_PIECE = 256  # rows that are painted at once
_AROUND = 2  # pixels around a part, for computing the scale
_LITTLE = 0.01  # of a file: an inevitable waste of tiles, such as a block around the visible part
_KNOWN = 512  # files whose limits are cached


class SurveysWanted(NamedTuple):
    """Result of a drawing that needs surveys of files first."""

    sources: List[Source]


class Drawn(NamedTuple):
    """Picture, and the unused pixels that were decoded for it.

    Attributes
    ----------
    content : bytes
        The picture.
    wasted : sequence of (Source, float)
        Files for which a pyramid would avoid decoding unused pixels, and their amount as a share of the whole file.
    """

    content: bytes
    wasted: Sequence[Tuple[Source, float]]


class Told:
    """Information on files that is collected while a picture is made of them.

    Attributes
    ----------
    missing : dict of Path to Source
        Files that must be surveyed first, by the path of their survey.
    wasted : dict of Path to (Source, float)
        Files and amounts of `Drawn`, by the path of their survey.
    """

    def __init__(self) -> None:
        self.missing: Dict[Path, Source] = {}
        self.wasted: Dict[Path, Tuple[Source, float]] = {}

    def waste(self, raster: Raster) -> None:
        """Record the unused pixels that were decoded of a file.

        Parameters
        ----------
        raster : Raster
            The file, after reading.
        """
        source = raster.source
        if source.pyramids and raster.wasted >= _LITTLE:
            before = self.wasted[source.survey][1] if source.survey in self.wasted else 0.0
            self.wasted[source.survey] = source, before + raster.wasted

    def drawn(self, content: bytes) -> Union[bytes, Drawn]:
        """Return a picture, with the unused pixels that were decoded for it, if any.

        Parameters
        ----------
        content : bytes
            The picture.
        """
        return Drawn(content, list(self.wasted.values())) if self.wasted else content


def draw_thumbnail(
    sources: Sequence[Source], width: int, square: bool, image_format: str
) -> Union[bytes, SurveysWanted]:
    """Draw a whole scene, north up.

    The picture is narrower than `width` if its height would exceed `TALLEST` times the width.

    Parameters
    ----------
    sources : sequence of Source
        The scene's files: one, or one each for red, green and blue.
    width : int
        Width in pixels.
    square : bool
        Whether to add transparent margins to make it square.
    image_format : str
        One of `planet_vector.server.imagery.encoding.FORMATS`.

    Returns
    -------
    bytes or SurveysWanted
        The picture, or the files that must be surveyed first.

    Raises
    ------
    HttpError
        If a file cannot be read, or not within the limits.
    """
    parts: List[Tuple[np.ndarray, np.ndarray]] = []
    told = Told()
    shape: Optional[Tuple[int, int]] = None
    for source in sources:
        with open_source(source) as raster:
            frame = _Frame.of(raster)
            shape = shape or frame.fit(width, TALLEST * width)
            part = _shown(raster, frame.positions(raster, shape), slice(None), told)
            if part is not None:
                parts.append(part)
    if told.missing:
        return SurveysWanted(list(told.missing.values()))
    colours, mask = _together(parts)
    picture = image_of(colours, mask)
    if square:
        canvas = Image.new("RGBA", (width, width))
        picture.thumbnail((width, width))
        canvas.paste(picture, ((width - picture.width) // 2, (width - picture.height) // 2))
        picture = canvas
    return encode_picture(picture, image_format)


def draw_tile(scenes: Sequence[Sequence[Source]], bounds: Bounds, size: int) -> Union[bytes, Drawn, SurveysWanted]:
    """Draw a square of web mercator as PNG.

    Parameters
    ----------
    scenes : sequence of sequence of Source
        The files of each scene, those in front first.
    bounds : (west, south, east, north)
        The square, in metres.
    size : int
        Width and height in pixels.

    Returns
    -------
    bytes, Drawn or SurveysWanted
        The picture, or the files that must be surveyed first.

    Raises
    ------
    HttpError
        404, if the square is empty or a file cannot be drawn on a map; 422, if a file cannot be read within the limits.
    """
    told = Told()
    painted = paint(scenes, MapGrid(bounds, size, size), told)
    if isinstance(painted, SurveysWanted):
        return painted
    colours, mask = painted
    if not mask.any():
        raise HttpError(404, "There is nothing on this tile.")
    return told.drawn(encode_picture(image_of(colours, mask), "png"))


def draw_square(
    scenes: Sequence[Sequence[Source]], bounds: Bounds, size: int, image_format: str
) -> Union[bytes, SurveysWanted]:
    """Draw a square of web mercator as a picture, which may be empty.

    Parameters
    ----------
    scenes : sequence of sequence of Source
        The files of each scene, those in front first.
    bounds : (west, south, east, north)
        The square, in metres.
    size : int
        Width and height in pixels.
    image_format : str
        One of `planet_vector.server.imagery.encoding.FORMATS`.

    Returns
    -------
    bytes or SurveysWanted
        The picture, or the files that must be surveyed first.

    Raises
    ------
    HttpError
        If a file cannot be read or drawn on a map, or not within the limits.
    """
    painted = paint(scenes, MapGrid(bounds, size, size))
    return painted if isinstance(painted, SurveysWanted) else encode_picture(image_of(*painted), image_format)


def draw_quad(scenes: Sequence[Sequence[Source]], bounds: Bounds, size: int) -> Union[bytes, SurveysWanted]:
    """Draw a square of web mercator as a GeoTIFF (red, green, blue, alpha) with overviews.

    Parameters
    ----------
    scenes : sequence of sequence of Source
        The files of each scene, those in front first.
    bounds : (west, south, east, north)
        The square, in metres.
    size : int
        Width and height in pixels.

    Returns
    -------
    bytes or SurveysWanted
        The file, or the files that must be surveyed first.

    Raises
    ------
    HttpError
        If a file cannot be read or drawn on a map, or not within the limits.
    """
    painted = paint(scenes, MapGrid(bounds, size, size))
    return painted if isinstance(painted, SurveysWanted) else geotiff(*painted, bounds)


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
            part = _shown(raster, places, slice(_AROUND, -_AROUND), told)
            if part is not None:
                parts.append(part)
    return None if len(parts) < len(sources) else (within, *_together(parts)) if within else None


def _together(parts: Sequence[Tuple[np.ndarray, np.ndarray]]) -> Tuple[np.ndarray, np.ndarray]:
    """Return red, green and blue, and the common mask, of one file or of three."""
    colours = np.concatenate([colours for colours, _ in parts])
    return colours if len(colours) == 3 else np.repeat(colours[:1], 3, axis=0), np.all([m for _, m in parts], axis=0)


def _shown(
    raster: Raster, places: Positions, inner: slice, told: Optional[Told]
) -> Optional[Tuple[np.ndarray, np.ndarray]]:
    """Return the pixels of a file at positions, as bytes, and their mask; None if `told` receives a missing survey."""
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


_limits_known: OrderedDict[Path, Limits] = OrderedDict()


def _limits(raster: Raster, quick: bool) -> Limits:
    """Return the limits of a file without a survey, cached because a map requests many tiles of it."""
    name = raster.source.survey  # changes with the file
    if name not in _limits_known:
        _limits_known[name] = sampled_limits(raster, quick)
        if len(_limits_known) > _KNOWN:
            _limits_known.popitem(last=False)
    return _limits_known[name]


class _Frame(NamedTuple):
    """Bounding rectangle of a file, north up, in its own coordinates.

    Attributes
    ----------
    place : Georeference
        The file's georeference; one with unit pixels, north up, if it has none.
    bounds : (west, south, east, north)
        In the file's coordinates.
    width, height : float
        Its size in pixels of the file, or in other units with the same ratio.
    """

    place: Georeference
    bounds: Bounds
    width: float
    height: float

    @classmethod
    def of(cls, raster: Raster) -> _Frame:
        place = raster.place
        if isinstance(place, ByPoints):
            west, south, east, north = place.bounds
            side = np.abs(place.affine[:2]).max(), np.abs(place.affine[3:5]).max()
            return cls(place, place.bounds, (east - west) / side[0], (north - south) / side[1])
        transform = place.affine
        if transform.is_identity or not transform.determinant:
            transform = Affine(1, 0, 0, 0, -1, raster.height)
        corners = [transform * corner for corner in (
            (0, 0), (raster.width, 0), (raster.width, raster.height), (0, raster.height)
        )]  # fmt: skip
        across, up = zip(*corners)
        bounds = (min(across), min(up), max(across), max(up))
        if transform.b or transform.d:
            return cls(ByTransform(transform), bounds, bounds[2] - bounds[0], bounds[3] - bounds[1])
        return cls(ByTransform(transform), bounds, raster.width, raster.height)

    def fit(self, width: int, height: int) -> Tuple[int, int]:
        """Return the rows and columns of a picture that fits into a width and height."""
        scale = min(width / self.width, height / self.height)
        return max(1, round(self.height * scale)), max(1, round(self.width * scale))

    def positions(self, raster: Raster, shape: Tuple[int, int]) -> Positions:
        """Return the positions in the file of the pixels of a picture, given its rows and columns."""
        west, south, east, north = self.bounds
        across, up = np.meshgrid(
            west + (np.arange(shape[1]) + 0.5) * ((east - west) / shape[1]),
            north - (np.arange(shape[0]) + 0.5) * ((north - south) / shape[0]),
        )
        return Positions.of(self.place, (raster.width, raster.height), across, up)


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


def image_of(colours: np.ndarray, mask: np.ndarray) -> Image.Image:
    """Return an RGBA picture.

    Parameters
    ----------
    colours : array of uint8, shape (3, rows, columns)
        Red, green and blue.
    mask : array of bool, shape (rows, columns)
        Which pixels are opaque.
    """
    return Image.fromarray(np.concatenate([colours, mask[np.newaxis].astype("uint8") * 255]).transpose(1, 2, 0))


def geotiff(colours: np.ndarray, mask: np.ndarray, bounds: Bounds) -> bytes:
    """Encode a square picture in web mercator as a GeoTIFF with overviews.

    Parameters
    ----------
    colours : array of uint8, shape (3, size, size)
        Red, green and blue.
    mask : array of bool, shape (size, size)
        Which pixels are opaque.
    bounds : (west, south, east, north)
        In metres.

    Returns
    -------
    bytes
        The content of the file.
    """
    size = mask.shape[0]
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            count=4,
            dtype="uint8",
            width=size,
            height=size,
            crs=CRS.from_epsg(3857),
            photometric="RGB",
            alpha="YES",
            transform=from_bounds(*bounds, size, size),
            tiled=True,
            blockxsize=256,
            blockysize=256,
            compress="deflate",
        ) as target:
            target.write(colours, (1, 2, 3))
            target.write(mask.astype("uint8") * 255, 4)
            target.build_overviews([2, 4, 8, 16], Resampling.average)
        return bytes(memory.read())
