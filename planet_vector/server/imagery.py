"""Pictures of scenes: thumbnails and map tiles, made from their products.

A picture shows the visual product; without one, the red, green and blue bands of another, stretched between the
2nd and 98th percentile of the scene.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import Any, Callable, List, Mapping, Optional, Sequence, Tuple

import numpy as np
import rasterio
from PIL import Image
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, Resampling
from rasterio.io import MemoryFile
from rasterio.transform import from_bounds
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds

from planet_vector.server.archive import inside
from planet_vector.server.footprint import coarser
from planet_vector.server.quads import Bounds, tile_bounds
from planet_vector.server.refusal import Refusal

SIZES = {"sm": 64, "md": 128, "lg": 640}
"""Widths of thumbnails in pixels."""

FORMATS = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg"}
TILE = 256  # pixels a side
MAX_ZOOM = 24
MAX_CACHE = 512 * 2**20  # bytes of pictures kept
SAMPLE = 512  # pixels a side from which a stretch is taken

# Band numbers of red, green, blue: RapidEye and PlanetScope analytic files begin blue, green, red.
_RGB_BANDS = (3, 2, 1)
# Landsat 8 has blue, green, red as bands 2 to 4 in files of their own.
_RGB_PRODUCTS = ("band_4", "band_3", "band_2")

SHRUNK = 1024  # pixels a side of the copies that tiles of small scales are made from
MERCATOR = CRS.from_epsg(3857)

Source = Tuple[Path, Tuple[int, ...]]

_importing = threading.Lock()


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
        return self._kept(name, lambda: encode_picture(_picture(sources, SIZES[size], square), image_format))

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
            return encode_picture(_image(colours, mask), "png")

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
            return _geotiff(colours, mask, bounds)

        self._kept(name, make)
        return self._cache / name[:2] / name

    def _paint(self, scenes: Sequence[Sequence[Source]], bounds: Bounds, size: int) -> Tuple[np.ndarray, np.ndarray]:
        """Lay scenes behind each other until nothing shows through."""
        colours, mask = np.zeros((3, size, size), "uint8"), np.zeros((size, size), bool)
        pixel = (bounds[2] - bounds[0]) / size
        for sources in scenes:
            seen = [(self._shrunk(path, pixel), bands) for path, bands in sources]
            rows, columns, part = _overlap(seen, bounds, size)
            if part is None:
                continue
            more, valid = _window(seen, part, columns.stop - columns.start, rows.stop - rows.start)
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
        self._kept(name, lambda: _shrink(path, shrink))
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


def choose(products: Mapping[str, str]) -> List[Tuple[str, Tuple[int, ...]]]:
    """Return the products that make a picture, with the bands to take of each; an empty tuple takes them all."""
    if "visual" in products:
        return [("visual", ())]
    if "analytic" in products:
        return [("analytic", ())]
    if all(name in products for name in _RGB_PRODUCTS):
        return [(name, (1,)) for name in _RGB_PRODUCTS]
    return [(sorted(products)[0], ())] if products else []


def picture_bands(dataset: Any) -> Tuple[int, ...]:
    """Return the bands of red, green and blue of a file, or its one band."""
    colours = dataset.colorinterp
    if all(c in colours for c in (ColorInterp.red, ColorInterp.green, ColorInterp.blue)):
        return tuple(colours.index(c) + 1 for c in (ColorInterp.red, ColorInterp.green, ColorInterp.blue))
    return _RGB_BANDS if dataset.count >= 3 else (1,)


def stretch(values: np.ndarray, mask: np.ndarray, limits: Sequence[Tuple[float, float]]) -> np.ndarray:
    """Bring bands (bands, rows, columns) to bytes, linearly between limits; 0 where the mask is False."""
    scaled = [
        (band.astype("float32") - low) * (255.0 / max(high - low, 1e-9)) for band, (low, high) in zip(values, limits)
    ]
    return np.where(mask, np.clip(np.stack(scaled), 0, 255), 0).astype("uint8")


def limits_of(sources: Sequence[Source]) -> Optional[List[Tuple[float, float]]]:
    """Return the values between which each band is stretched, or None where they are bytes already."""
    found: List[Tuple[float, float]] = []
    for path, bands in sources:
        with rasterio.open(path, driver="GTiff") as dataset:
            if dataset.dtypes[0] == "uint8":
                return None
            shrink = max(1.0, max(dataset.width, dataset.height) / SAMPLE)
            shape = (max(1, int(dataset.height / shrink)), max(1, int(dataset.width / shrink)))
            values = dataset.read(
                bands or picture_bands(dataset), out_shape=(len(bands or picture_bands(dataset)), *shape)
            )
            valid = dataset.dataset_mask(out_shape=shape) > 0
            for band in values:
                shown = band[valid & np.isfinite(band)]
                found.append(tuple(np.percentile(shown, (2, 98)).tolist()) if shown.size else (0.0, 1.0))
    return found


def _picture(sources: Sequence[Source], width: int, square: bool) -> Image.Image:
    """Return the whole scene, `width` pixels wide."""
    values, masks = [], []
    for path, bands in sources:
        with rasterio.open(path, driver="GTiff") as dataset:
            turned = dataset.crs and (dataset.transform.b or dataset.transform.d or dataset.transform.e > 0)
            source = WarpedVRT(dataset, resampling=Resampling.bilinear) if turned else dataset
            try:
                chosen = bands or picture_bands(dataset)
                height = max(1, round(width * source.height / source.width))
                values.append(
                    source.read(chosen, out_shape=(len(chosen), height, width), resampling=Resampling.average)
                )
                masks.append(source.dataset_mask(out_shape=(height, width)) > 0)
            finally:
                if turned:
                    source.close()
    height = min(mask.shape[0] for mask in masks)
    mask = np.all([m[:height] for m in masks], axis=0)
    picture = _image(_colours(np.concatenate([v[:, :height] for v in values]), mask, sources), mask)
    if square:
        canvas = Image.new("RGBA", (width, width))
        shrunk = picture.copy()
        shrunk.thumbnail((width, width))
        canvas.paste(shrunk, ((width - shrunk.width) // 2, (width - shrunk.height) // 2))
        return canvas
    return picture


def _overlap(sources: Sequence[Source], bounds: Bounds, size: int) -> Tuple[slice, slice, Optional[Bounds]]:
    """Return the rows and columns of a square that files may lie on, and their box; None when there are none."""
    with rasterio.open(sources[0][0], driver="GTiff") as dataset:
        if not dataset.crs:
            return slice(0), slice(0), None
        west, south, east, north = transform_bounds(dataset.crs, MERCATOR, *dataset.bounds)
    if west > east:  # it crosses the antimeridian
        west, east = bounds[0], bounds[2]
    pixel = (bounds[2] - bounds[0]) / size
    left, right = max(0, int((west - bounds[0]) / pixel) - 1), min(size, int((east - bounds[0]) / pixel) + 2)
    top, bottom = max(0, int((bounds[3] - north) / pixel) - 1), min(size, int((bounds[3] - south) / pixel) + 2)
    if left >= right or top >= bottom:
        return slice(0), slice(0), None
    box = (bounds[0] + left * pixel, bounds[3] - bottom * pixel, bounds[0] + right * pixel, bounds[3] - top * pixel)
    return slice(top, bottom), slice(left, right), box


def _reader() -> Any:
    """Return rio-tiler's reader, imported when the first tile is wanted: with it a start takes twice as long.

    One thread at a time: a package that is half imported is not whole for a second one.
    """
    with _importing:
        from rio_tiler.errors import NoOverviewWarning
        from rio_tiler.io import Reader

        # Products have none; small scales are read from copies (see _shrunk).
        warnings.filterwarnings("ignore", category=NoOverviewWarning)
        return Reader


def _window(sources: Sequence[Source], bounds: Bounds, width: int, height: int) -> Tuple[np.ndarray, np.ndarray]:
    """Return red, green and blue as bytes (3, rows, columns) of a box in web mercator, and where they are valid."""
    reader_of = _reader()
    values, masks = [], []
    for path, bands in sources:
        with reader_of(str(path)) as reader:
            part = reader.part(
                bounds,
                dst_crs=MERCATOR,
                bounds_crs=MERCATOR,
                width=width,
                height=height,
                indexes=bands or picture_bands(reader.dataset),
                resampling_method="bilinear",
                reproject_method="bilinear",
            )
        values.append(np.asarray(part.data))
        masks.append(np.asarray(part.mask) > 0)
    mask = np.all(masks, axis=0)
    return _colours(np.concatenate(values), mask, sources), mask


def _colours(values: np.ndarray, mask: np.ndarray, sources: Sequence[Source]) -> np.ndarray:
    limits = limits_of(sources)
    bands = values if limits is None else stretch(values, mask, limits)
    return bands if len(bands) == 3 else np.repeat(bands[:1], 3, axis=0)


def _image(colours: np.ndarray, mask: np.ndarray) -> Image.Image:
    return Image.fromarray(np.concatenate([colours, mask[np.newaxis].astype("uint8") * 255]).transpose(1, 2, 0))


def _shrink(path: Path, factor: float) -> bytes:
    with rasterio.open(path, driver="GTiff") as dataset:
        height, width = round(dataset.height / factor), round(dataset.width / factor)
        profile = {
            **dataset.profile,
            "width": width,
            "height": height,
            "tiled": True,
            "blockxsize": 256,
            "blockysize": 256,
            "transform": coarser(dataset.transform, dataset.width / width, dataset.height / height),
        }
        with MemoryFile() as memory:
            with memory.open(**profile) as target:
                target.colorinterp = dataset.colorinterp
                target.write(dataset.read(out_shape=(dataset.count, height, width), resampling=Resampling.average))
            return bytes(memory.read())


def _geotiff(colours: np.ndarray, mask: np.ndarray, bounds: Bounds) -> bytes:
    size = mask.shape[0]
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            count=4,
            dtype="uint8",
            width=size,
            height=size,
            crs=MERCATOR,
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


def encode_picture(picture: Image.Image, image_format: str) -> bytes:
    """Return a picture (RGBA) in one of `FORMATS`; JPEG shows white where it is transparent."""
    target = io.BytesIO()
    if image_format == "png":
        picture.save(target, "PNG")
    else:
        white = Image.new("RGB", picture.size, "white")
        white.paste(picture, mask=picture.getchannel("A"))
        white.save(target, "JPEG", quality=85)
    return target.getvalue()
