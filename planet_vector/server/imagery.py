"""Pictures of scenes: thumbnails, map tiles and quads, made from their products once and kept."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Callable, List, Mapping, Sequence, Tuple

import numpy as np
import rasterio

from planet_vector.server.archive import inside
from planet_vector.server.quads import Bounds, tile_bounds
from planet_vector.server.refusal import Refusal
from planet_vector.server.rendering import (
    Source,
    choose,
    encode_picture,
    geotiff,
    image_of,
    overlap,
    picture_of,
    shrunk_copy,
    window,
)  # fmt: skip

SIZES = {"sm": 64, "md": 128, "lg": 640}
"""Widths of thumbnails in pixels."""

FORMATS = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg"}
TILE = 256  # pixels a side
MAX_ZOOM = 24
MAX_CACHE = 512 * 2**20  # bytes of pictures kept
SHRUNK = 1024  # pixels a side of the copies that tiles of small scales are made from


class Imagery:
    """Make pictures, and keep them.

    Parameters
    ----------
    root : Path
        The archive.
    cache : Path
        A folder of the user's own; the oldest pictures in it go when it grows past `MAX_CACHE`.
    """

    def __init__(self, root: Path, cache: Path) -> None:
        self._root = root
        self._cache = cache
        self._lock = threading.Lock()
        self._added = 0

    def thumbnail(self, products: Mapping[str, str], size: str, image_format: str, square: bool) -> bytes:
        """Return a scene's picture, north up.

        Parameters
        ----------
        products : mapping of str to str
            The scene's products.
        size : str
            One of `SIZES`: how wide it is; its height follows the scene, or is the same when `square`.
        image_format : str
            One of `FORMATS`; JPEG shows white where there is no data.

        Raises
        ------
        Refusal
            404, when the scene has no file to show.
        """
        sources = self._sources(products)
        name = self._name("thumb", sources, size, image_format, square)
        return self._kept(name, lambda: encode_picture(picture_of(sources, SIZES[size], square), image_format))

    def tile(self, scenes: Sequence[Mapping[str, str]], z: int, x: int, y: int) -> bytes:
        """Return a tile (web mercator, rows from the top) as PNG; of several scenes, the first is in front.

        Raises
        ------
        Refusal
            404, when no scene has anything to show there.
        """
        if not (0 <= z <= MAX_ZOOM and 0 <= x < 2**z and 0 <= y < 2**z):
            raise Refusal(404, "There is no such tile.")
        sources = [self._sources(products) for products in scenes]
        name = self._name("tile", [source for scene in sources for source in scene], z, x, y)

        def make() -> bytes:
            colours, mask = self._paint(sources, tile_bounds(z, x, y), TILE)
            if not mask.any():
                raise Refusal(404, "There is nothing on this tile.")
            return encode_picture(image_of(colours, mask), "png")

        return self._kept(name, make)

    def quad(self, scenes: Sequence[Mapping[str, str]], bounds: Bounds, size: int) -> Path:
        """Return a square of web mercator as a GeoTIFF (red, green, blue, alpha), kept with its overviews.

        Parameters
        ----------
        scenes : sequence of mapping of str to str
            Products of the scenes, those in front first.
        bounds : (west, south, east, north)
            In metres.
        size : int
            Pixels a side.
        """
        sources = [self._sources(products) for products in scenes]
        name = self._name("quad", [source for scene in sources for source in scene], bounds, size)

        def make() -> bytes:
            colours, mask = self._paint(sources, bounds, size)
            return geotiff(colours, mask, bounds)

        self._kept(name, make)
        return self._cache / name[:2] / name

    def _paint(self, scenes: Sequence[Sequence[Source]], bounds: Bounds, size: int) -> Tuple[np.ndarray, np.ndarray]:
        """Lay scenes behind each other until nothing shows through."""
        colours, mask = np.zeros((3, size, size), "uint8"), np.zeros((size, size), bool)
        pixel = (bounds[2] - bounds[0]) / size
        for sources in scenes:
            seen = [(self._shrunk(path, pixel), bands) for path, bands in sources]
            rows, columns, part = overlap(seen, bounds, size)
            if part is None:
                continue
            more, valid = window(seen, part, columns.stop - columns.start, rows.stop - rows.start)
            fresh = valid & ~mask[rows, columns]
            colours[:, rows, columns][:, fresh] = more[:, fresh]
            mask[rows, columns] |= valid
            if mask.all():
                break
        return colours, mask

    def _shrunk(self, path: Path, pixel: float) -> Path:
        """Return a smaller copy of a file where pixels of this size (metres, web mercator) need no more.

        Products have no overviews, so without it each tile of a small scale would read all of them.
        """
        with rasterio.open(path, driver="GTiff") as dataset:
            shrink = max(dataset.width, dataset.height) / SHRUNK
            if shrink < 2 or not dataset.crs or not dataset.crs.is_projected or pixel < shrink * dataset.res[0]:
                return path
        name = self._name("shrunk", [(path, ())])
        self._kept(name, lambda: shrunk_copy(path, shrink))
        return self._cache / name[:2] / name

    def _sources(self, products: Mapping[str, str]) -> List[Source]:
        found = [(inside(self._root, products[name]), bands) for name, bands in choose(products)]
        sources = [(path, bands) for path, bands in found if path is not None]
        if not sources or len(sources) < len(found):
            raise Refusal(404, "The archive has no file to make a picture from.")
        return sources

    def _name(self, *parts: Any) -> str:
        stamps = [(str(path), bands, path.stat().st_mtime_ns) for path, bands in parts[1]]
        return hashlib.sha256(repr((parts[0], stamps, parts[2:])).encode()).hexdigest()

    def _kept(self, name: str, make: Callable[[], bytes]) -> bytes:
        path = self._cache / name[:2] / name
        try:
            content = path.read_bytes()
            # Used now, and not changed: the ETag of a quad comes of the time of change.
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
            return content
        except FileNotFoundError:
            content = make()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=path.parent, suffix=".part")
        with os.fdopen(handle, "wb") as target:
            target.write(content)
        os.replace(part, path)
        with self._lock:
            self._added += len(content)
            if self._added > MAX_CACHE // 16:
                self._added = 0
                prune(self._cache, MAX_CACHE)
        return content


def prune(folder: Path, most: int) -> None:
    """Delete the files of a folder that were used longest ago, until it holds no more than `most` bytes."""
    files = []
    for path in folder.glob("*/*"):
        try:
            status = path.stat()
        except FileNotFoundError:
            continue  # another process pruned it
        files.append((status.st_atime_ns, status.st_size, path))
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= most:
            return
        path.unlink(missing_ok=True)
        total -= size
