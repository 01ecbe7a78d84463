"""Pictures of scenes: whole ones, and parts of them on web mercator. What is here runs in processes of their own.

The visual product is shown as it is; of others the red, green and blue bands, stretched between the 2nd and 98th
percentile of the scene. A palette is looked up.
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
from planet_vector.server.http_errors import Refusal
from planet_vector.server.imagery.encoding import encode_picture
from planet_vector.server.imagery.pyramid_making import MOST_KEPT, shrink_for
from planet_vector.server.imagery.pyramids import MAX_PIXELS, Damaged, Level, Limits, discard, find_pyramid
from planet_vector.server.imagery.reading import Raster, Source, open_source
from planet_vector.server.imagery.sampling import sample
from planet_vector.server.imagery.surveys import RasterSurvey, is_large, sampled_limits, shrink_of, stretch
from planet_vector.server.quad_grid import Bounds

TALLEST = 4  # times its width that a picture may be high: a scene one pixel wide would fill the memory
ASKED = 4  # surveys that are asked for at once: scenes behind those in front may not be seen at all

_PIECE = 256  # rows that are painted at once
_AROUND = 2  # pixels around a part, to see how many of the file one of the picture is
_LITTLE = 0.01  # of a file: what is wasted of tiles, a block or so around what is seen
_KNOWN = 512  # files whose limits are remembered


class SurveysWanted(NamedTuple):
    """Files that have to be surveyed before a picture can be made of them."""

    sources: List[Source]


class Drawn(NamedTuple):
    """Picture, and what was decoded in vain for it.

    Attributes
    ----------
    content : bytes
        The picture.
    wasted : sequence of (Source, float)
        Files of which more was decoded than is seen, as a share of the whole, and none would be of a pyramid.
    """

    content: bytes
    wasted: Sequence[Tuple[Source, float]]


class Told:
    """What is found out about files while a picture is made of them.

    Attributes
    ----------
    missing : dict of Path to Source
        Those that have to be surveyed first, by where surveys are kept.
    wasted : dict of Path to (Source, float)
        What `Drawn` holds, in the same way.
    """

    def __init__(self) -> None:
        self.missing: Dict[Path, Source] = {}
        self.wasted: Dict[Path, Tuple[Source, float]] = {}

    def waste(self, raster: Raster) -> None:
        """Note what was decoded of a file and not seen."""
        source = raster.source
        if source.pyramids and raster.wasted >= _LITTLE:
            before = self.wasted[source.survey][1] if source.survey in self.wasted else 0.0
            self.wasted[source.survey] = source, before + raster.wasted

    def drawn(self, content: bytes) -> Union[bytes, Drawn]:
        """Return a picture with what was wasted for it, if anything."""
        return Drawn(content, list(self.wasted.values())) if self.wasted else content


def draw_thumbnail(
    sources: Sequence[Source], width: int, square: bool, image_format: str
) -> Union[bytes, SurveysWanted]:
    """Return the whole scene, north up, `width` pixels wide.

    It is narrower where it would be more than `TALLEST` times as high, and has a margin when it is to be square.
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
    """Return a square of web mercator as PNG; of several scenes, the first is in front.

    Raises
    ------
    Refusal
        404, if there is nothing on it.
    """
    told = Told()
    painted = paint(scenes, MapGrid(bounds, size, size), told)
    if isinstance(painted, SurveysWanted):
        return painted
    colours, mask = painted
    if not mask.any():
        raise Refusal(404, "There is nothing on this tile.")
    return told.drawn(encode_picture(image_of(colours, mask), "png"))


def draw_square(
    scenes: Sequence[Sequence[Source]], bounds: Bounds, size: int, image_format: str
) -> Union[bytes, SurveysWanted]:
    """Return a square of web mercator as a picture, whether there is something on it or not."""
    painted = paint(scenes, MapGrid(bounds, size, size))
    return painted if isinstance(painted, SurveysWanted) else encode_picture(image_of(*painted), image_format)


def draw_quad(scenes: Sequence[Sequence[Source]], bounds: Bounds, size: int) -> Union[bytes, SurveysWanted]:
    """Return a square of web mercator as a GeoTIFF (red, green, blue, alpha) with overviews."""
    painted = paint(scenes, MapGrid(bounds, size, size))
    return painted if isinstance(painted, SurveysWanted) else geotiff(*painted, bounds)


def paint(
    scenes: Sequence[Sequence[Source]], grid: MapGrid, told: Optional[Told] = None
) -> Union[Tuple[np.ndarray, np.ndarray], SurveysWanted]:
    """Lay scenes behind each other until nothing shows through.

    Parameters
    ----------
    scenes : sequence of sequence of Source
        The files of each scene.
    grid : MapGrid
        The map.
    told : Told, optional
        Gets what is found out of files.

    Returns
    -------
    colours : array of uint8, shape (3, rows, columns)
        Red, green and blue.
    mask : array of bool, shape (rows, columns)
        Where there is something.
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
    """Return the rows and columns of a map that a scene lies on, its colours there, and where they are valid.

    Parameters
    ----------
    sources : sequence of Source
        The scene's files.
    grid : MapGrid
        The map.
    painted : array of bool, shape (rows, columns)
        Where it is not to be seen.
    told : Told or None
        Gets the files that have to be surveyed first. If it is None none has to: where there is no survey, pixels are
        picked from the file.
    """
    within: Optional[Tuple[slice, slice]] = None
    parts = []
    for source in sources:
        with open_source(source) as raster:
            if raster.crs is None:
                raise Refusal(404, f"{source.path.name} cannot be drawn on a map: it does not say where it lies.")
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
    """Return red, green and blue of one file or of three."""
    colours = np.concatenate([colours for colours, _ in parts])
    return colours if len(colours) == 3 else np.repeat(colours[:1], 3, axis=0), np.all([m for _, m in parts], axis=0)


def _shown(
    raster: Raster, places: Positions, inner: slice, told: Optional[Told]
) -> Optional[Tuple[np.ndarray, np.ndarray]]:
    """Return what is seen of a file at positions, as bytes, and where it is valid; None where `told` gets why not."""
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
    """Return what a file's pyramid holds at positions, if there is one that is not coarser, and its limits."""
    pyramid = find_pyramid(raster.source.pyramids)
    if pyramid is None:
        return None, None
    with pyramid:
        try:
            return pyramid.part(scale, columns, rows), pyramid.limits
        except Damaged:
            discard(pyramid.path)  # it is made anew; this picture is made of the file
            return None, None
        except OSError:  # its disk fails: the file may lie on another
            return None, None


def _is_surveyed(raster: Raster, scale: Tuple[float, float]) -> bool:
    """Tell whether a survey is needed of a large file, and not the file itself alone."""
    return not raster.in_bytes or min(scale) >= 0.99 * shrink_of(raster)


_limits_known: OrderedDict[Path, Limits] = OrderedDict()


def _limits(raster: Raster, quick: bool) -> Limits:
    """Return the limits of a file without a survey, and remember them: a map asks for many tiles of it."""
    name = raster.source.survey  # another one when the file changes
    if name not in _limits_known:
        _limits_known[name] = sampled_limits(raster, quick)
        if len(_limits_known) > _KNOWN:
            _limits_known.popitem(last=False)
    return _limits_known[name]


class _Frame(NamedTuple):
    """Upright rectangle around a file, in its own coordinates.

    Attributes
    ----------
    place : Georeference
        The file's; that of an upright one where it does not say where it lies.
    bounds : (west, south, east, north)
        In the file's coordinates.
    width, height : float
        Its size in pixels of the file, or in what makes the same ratio.
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
        """Return the rows and columns of a picture of it that fits a box."""
        scale = min(width / self.width, height / self.height)
        return max(1, round(self.height * scale)), max(1, round(self.width * scale))

    def positions(self, raster: Raster, shape: Tuple[int, int]) -> Positions:
        """Return where the pixels of a picture of it lie in the file."""
        west, south, east, north = self.bounds
        across, up = np.meshgrid(
            west + (np.arange(shape[1]) + 0.5) * ((east - west) / shape[1]),
            north - (np.arange(shape[0]) + 0.5) * ((north - south) / shape[0]),
        )
        return Positions.of(self.place, (raster.width, raster.height), across, up)


def rounded(values: np.ndarray) -> np.ndarray:
    """Return values from 0 to 255 as bytes."""
    if values.dtype.kind == "f":
        values += 0.5
    return values.astype("uint8")


def image_of(colours: np.ndarray, mask: np.ndarray) -> Image.Image:
    """Return an RGBA picture."""
    return Image.fromarray(np.concatenate([colours, mask[np.newaxis].astype("uint8") * 255]).transpose(1, 2, 0))


def geotiff(colours: np.ndarray, mask: np.ndarray, bounds: Bounds) -> bytes:
    """Return a picture of web mercator as a GeoTIFF with overviews."""
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
