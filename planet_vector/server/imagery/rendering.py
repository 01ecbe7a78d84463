"""Draw pictures of scenes, whole or in web mercator. These functions run in worker processes."""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np
from affine import Affine
from PIL import Image

from planet_vector.pixels.control import ByPoints, ByTransform, Georeference
from planet_vector.server.archive.projecting import MapGrid, Positions
from planet_vector.server.http_errors import HttpError
from planet_vector.server.imagery.displayed_pixels import shown_pixels
from planet_vector.server.imagery.drawing_results import Drawn, SurveysWanted, Told
from planet_vector.server.imagery.encoding import encode_picture, geotiff, image_of
from planet_vector.server.imagery.reading import Raster, Source, open_source
from planet_vector.server.imagery.scene_painting import as_rgb, paint
from planet_vector.server.quad_grid import Bounds

TALLEST = 4  # maximum ratio of height to width of a picture: a scene one pixel wide would fill the memory


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
            part = shown_pixels(raster, frame.positions(raster, shape), slice(None), told)
            if part is not None:
                parts.append(part)
    if told.missing:
        return SurveysWanted(list(told.missing.values()))
    colours, mask = as_rgb(parts)
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
