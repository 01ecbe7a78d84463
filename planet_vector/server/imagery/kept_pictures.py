"""Pictures of scenes: thumbnails, map tiles and quads, made once from their products and cached.

Names, cached pictures and the choice of products need no worker process.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping, Optional, Sequence, Tuple

from planet_vector.server.http_errors import HttpError
from planet_vector.server.imagery import rendering
from planet_vector.server.imagery.overview_folder import overviews_of
from planet_vector.server.imagery.picture_cache import PictureCache
from planet_vector.server.imagery.picture_making import Drawing, Picture, PictureMaker
from planet_vector.server.imagery.picture_sources import PictureSources, digest
from planet_vector.server.imagery.reading import Source
from planet_vector.server.imagery.small_scales import TILE, MiniatureOrder, Piece, draw_mosaic, place_miniature
from planet_vector.server.jobs import Jobs
from planet_vector.server.quad_grid import Bounds, tile_bounds

SIZES = {"sm": 64, "md": 128, "lg": 640}
"""Widths of thumbnails in pixels."""

MAX_ZOOM = 24


class Imagery:
    """Pictures of scenes, made on request and cached.

    Parameters
    ----------
    root : Path
        The archive.
    cache : Path
        A private folder of the user, from which the least recently used pictures are evicted. Overviews are stored
        beside it.
    """

    def __init__(self, root: Path, cache: Path) -> None:
        self._cache = PictureCache(cache)
        self._files = PictureSources(root, self._cache, overviews_of(cache))
        self._maker = PictureMaker(self._cache)

    def close(self) -> None:
        """End the worker processes and threads."""
        self._maker.close()

    def thumbnail(self, products: Mapping[str, str], size: str, image_format: str, square: bool) -> Picture:
        """Return a scene's picture, north up.

        Parameters
        ----------
        products : mapping of str to str
            The scene's products, of which the best for a picture is shown; paths within the archive by name.
        size : str
            One of `SIZES`, which specifies the width; the height follows the scene, or equals the width if `square`.
        image_format : str
            One of `FORMATS`; JPEG shows pixels without data as white.
        square : bool
            Whether the picture is square.

        Raises
        ------
        HttpError
            404, if the scene has no file to show.
        """
        sources = self._files.of(products)
        return self._picture(rendering.draw_thumbnail, [sources], sources, SIZES[size], square, image_format)

    def tile(self, scenes: Sequence[Mapping[str, str]], z: int, x: int, y: int) -> Picture:
        """Return a map tile in web mercator as PNG.

        Parameters
        ----------
        scenes : sequence of mapping of str to str
            Products of the scenes, those in front first.
        z, x, y : int
            Zoom, column and row of the tile, with rows counted from the top.

        Raises
        ------
        HttpError
            404, if there is no such tile, or a scene has no file to show.
        """
        if not (0 <= z <= MAX_ZOOM and 0 <= x < 2**z and 0 <= y < 2**z):
            raise HttpError(404, "There is no such tile.")
        sources = [self._files.of(products) for products in scenes]
        return self._picture(rendering.draw_tile, sources, sources, tile_bounds(z, x, y), TILE)

    def square(self, scenes: Sequence[Mapping[str, str]], bounds: Bounds, size: str, image_format: str) -> Picture:
        """Return a thumbnail of a square of web mercator.

        Parameters
        ----------
        scenes : sequence of mapping of str to str
            Products of the scenes, those in front first.
        bounds : (west, south, east, north)
            The square, in metres.
        size : str
            One of `SIZES`.
        image_format : str
            One of `FORMATS`; JPEG shows pixels without data as white.

        Raises
        ------
        HttpError
            404, if a scene has no file to show.
        """
        sources = [self._files.of(products) for products in scenes]
        return self._picture(rendering.draw_square, sources, sources, bounds, SIZES[size], image_format)

    def mosaic_tile(self, scenes: Sequence[Tuple[Mapping[str, str], Bounds]], z: int, x: int, y: int) -> Picture:
        """Return a map tile of a mosaic as PNG, transparent where there are no scenes.

        Scenes that are small at this zoom are drawn from miniatures. Scenes that cannot be drawn are left out.

        Parameters
        ----------
        scenes : sequence of (mapping of str to str, (west, south, east, north))
            Products of the scenes, those in front first, and their bounds in metres of web mercator.
        z, x, y : int
            Zoom, column and row of a valid tile, with rows counted from the top.
        """
        pieces, orders, names = [], [], []
        for products, bounds in scenes:
            sources = self._files.drawable(products)
            if not sources:
                continue
            placed = place_miniature(bounds, MAX_ZOOM)
            drawn = [source.survey.name for source in sources]
            if placed is None or z > placed[0]:
                pieces.append(Piece(sources, None))
            else:
                drawn = [digest("miniature", drawn, placed)]
                orders.append(MiniatureOrder(sources, *placed, self._cache.path(drawn[0])))
                pieces.append(Piece(sources, orders[-1].path))
            names.append(drawn)
        name = digest("draw_mosaic", names, z, x, y)
        subject = f"A tile of {len(pieces)} scenes"
        return Picture(self._maker, name, subject, draw_mosaic, (pieces, z, x, y), self._maker.jobs, tuple(orders))

    def quad(self, scenes: Sequence[Mapping[str, str]], bounds: Bounds, size: int) -> Picture:
        """Return a square of web mercator as a GeoTIFF (red, green, blue, alpha) with its overviews.

        Parameters
        ----------
        scenes : sequence of mapping of str to str
            Products of the scenes, those in front first.
        bounds : (west, south, east, north)
            The square, in metres.
        size : int
            Width and height in pixels.

        Raises
        ------
        HttpError
            404, if a scene has no file to show.
        """
        sources = [self._files.of(products) for products in scenes]
        return self._picture(rendering.draw_quad, sources, sources, bounds, size, jobs=self._maker.quad_jobs)

    def _picture(
        self, drawing: Drawing, scenes: Sequence[Sequence[Source]], *args: Any, jobs: Optional[Jobs] = None
    ) -> Picture:
        # The name is a digest of the files drawn, so only requests for the same files share a picture.
        drawn = [source.survey.name for sources in scenes for source in sources]
        name = digest(drawing.__name__, [len(sources) for sources in scenes], drawn, args[1:])
        files = sorted({source.path.name for sources in scenes for source in sources})
        subject = files[0] if len(files) == 1 else f"A picture of {len(files)} files"
        return Picture(self._maker, name, subject, drawing, args, jobs or self._maker.jobs)
