"""Files of an archive as colours: whole scenes, and parts of them on web mercator.

The visual product is shown as it is; of others the red, green and blue bands, stretched between the 2nd and 98th
percentile of the scene. A palette is looked up.
"""

from __future__ import annotations

import contextlib
import io
import threading
import warnings
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np
import rasterio
from affine import Affine
from PIL import Image
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, Resampling
from rasterio.io import MemoryFile
from rasterio.transform import from_bounds
from rasterio.vrt import WarpedVRT
from rasterio.warp import calculate_default_transform, transform_bounds

from planet_vector.palette import looked_up
from planet_vector.server.footprint import coarser
from planet_vector.server.quads import Bounds
from planet_vector.server.refusal import Refusal

SAMPLE = 512  # pixels a side from which a stretch is taken
MOST_WARPED = 16  # times as many pixels a side as a part of a tile has, for the file's own resolution to be used
TALLEST = 4  # times its width that a picture may be high: a scene one pixel wide would fill the memory

# Band numbers of red, green, blue: RapidEye and PlanetScope analytic files begin blue, green, red.
_RGB_BANDS = (3, 2, 1)
# Landsat 8 has blue, green, red as bands 2 to 4 in files of their own.
_RGB_PRODUCTS = ("band_4", "band_3", "band_2")

MERCATOR = CRS.from_epsg(3857)

Source = Tuple[Path, Tuple[int, ...]]

_importing = threading.Lock()


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
    """Return the bands of red, green and blue of a file, or its one band.

    Raises
    ------
    Refusal
        404, of complex numbers.
    """
    if dataset.dtypes[0].startswith("complex"):
        raise Refusal(404, "The scene is of complex numbers, which no picture shows.")
    colours = dataset.colorinterp
    if all(c in colours for c in (ColorInterp.red, ColorInterp.green, ColorInterp.blue)):
        return tuple(colours.index(c) + 1 for c in (ColorInterp.red, ColorInterp.green, ColorInterp.blue))
    return _RGB_BANDS if dataset.count >= 3 else (1,)


def stretch(values: np.ndarray, mask: np.ndarray, limits: Sequence[Tuple[float, float]]) -> np.ndarray:
    """Bring bands (bands, rows, columns) to bytes, linearly between limits; 0 where the mask is False."""
    scaled = [
        (np.where(mask, band, low).astype("float64") - low) * (255.0 / max(high - low, 1e-9))
        for band, (low, high) in zip(values, limits)
    ]
    return np.where(mask, np.clip(np.stack(scaled), 0, 255), 0).astype("uint8")


def limits_of(sources: Sequence[Source]) -> Optional[List[Tuple[float, float]]]:
    """Return the values between which each band is stretched, or None where they are bytes already."""
    found: List[Tuple[float, float]] = []
    for path, bands in sources:
        with rasterio.open(path, driver="GTiff") as dataset:
            if dataset.dtypes[0] == "uint8" or _has_palette(dataset):
                return None
            shape = _fit(dataset, min(SAMPLE, dataset.width), min(SAMPLE, dataset.height))
            values, valid = _shown(dataset, dataset, bands, shape, Resampling.nearest)
            for band in values:
                seen = band[valid]
                found.append(tuple(np.percentile(seen, (2, 98)).tolist()) if seen.size else (0.0, 1.0))
    return found


def picture_of(sources: Sequence[Source], width: int, square: bool) -> Image.Image:
    """Return the whole scene, `width` pixels wide; narrower where it would be more than `TALLEST` times as high."""
    values: List[np.ndarray] = []
    masks: List[np.ndarray] = []
    shape = (0, 0)
    for path, bands in sources:
        with rasterio.open(path, driver="GTiff") as dataset, _north_up(dataset) as source:
            if not values:
                shape = _fit(source, width, TALLEST * width)
            part, valid = _shown(source, dataset, bands, shape, Resampling.average)
            values.append(part)
            masks.append(valid)
    mask = np.all(masks, axis=0)
    picture = image_of(_colours(np.concatenate(values), mask, sources), mask)
    if square:
        canvas = Image.new("RGBA", (width, width))
        shrunk = picture.copy()
        shrunk.thumbnail((width, width))
        canvas.paste(shrunk, ((width - shrunk.width) // 2, (width - shrunk.height) // 2))
        return canvas
    return picture


def _fit(dataset: Any, width: int, height: int) -> Tuple[int, int]:
    """Return the rows and columns of a raster that is brought into a box."""
    scale = min(width / dataset.width, height / dataset.height)
    return max(1, round(dataset.height * scale)), max(1, round(dataset.width * scale))


@contextlib.contextmanager
def _north_up(dataset: Any) -> Iterator[Any]:
    """Give a file as it lies on a map; what turning it leaves empty has no data."""
    if dataset.crs and (dataset.transform.b or dataset.transform.d or dataset.transform.e > 0):
        way = Resampling.nearest if _has_palette(dataset) else Resampling.bilinear
        told = dataset.nodata is not None or ColorInterp.alpha in dataset.colorinterp
        with WarpedVRT(dataset, resampling=way, add_alpha=not told) as turned:
            yield turned
    else:
        yield dataset


def _shown(
    source: Any, dataset: Any, bands: Tuple[int, ...], shape: Tuple[int, int], resampling: Resampling
) -> Tuple[np.ndarray, np.ndarray]:
    """Read what is seen of a file, or of another view of it (bands, rows, columns), and where it is valid."""
    chosen = bands or picture_bands(dataset)
    way = Resampling.nearest if _has_palette(dataset) else resampling
    values = source.read(chosen, out_shape=(len(chosen), *shape), resampling=way)
    return _plain(dataset, values, source.dataset_mask(out_shape=shape) > 0)


def _has_palette(dataset: Any) -> bool:
    return bool(dataset.colorinterp[0] == ColorInterp.palette)


def _plain(dataset: Any, values: np.ndarray, mask: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Return what can be seen of values: the colours of a palette, and what is a finite number."""
    if _has_palette(dataset):
        return looked_up(values[0], dataset.colormap(1)), mask
    return values, mask & np.isfinite(values).all(axis=0)


def overlap(sources: Sequence[Source], bounds: Bounds, size: int) -> Tuple[slice, slice, Optional[Bounds]]:
    """Return the rows and columns of a square that files may lie on, and their box; None when there are none."""
    with rasterio.open(sources[0][0], driver="GTiff") as dataset:
        if not dataset.crs:
            return slice(0), slice(0), None
        west, south, east, north = transform_bounds(dataset.crs, MERCATOR, *dataset.bounds)
        if west > east or _turns(dataset):  # it crosses the antimeridian
            west, east = bounds[0], bounds[2]
    pixel = (bounds[2] - bounds[0]) / size
    left, right = max(0, int((west - bounds[0]) / pixel) - 1), min(size, int((east - bounds[0]) / pixel) + 2)
    top, bottom = max(0, int((bounds[3] - north) / pixel) - 1), min(size, int((bounds[3] - south) / pixel) + 2)
    if left >= right or top >= bottom:
        return slice(0), slice(0), None
    box = (bounds[0] + left * pixel, bounds[3] - bottom * pixel, bounds[0] + right * pixel, bounds[3] - top * pixel)
    return slice(top, bottom), slice(left, right), box


def _turns(dataset: Any) -> List[float]:
    """Return by how many degrees a file in longitudes beyond ±180 is to be moved for what lies there to be within."""
    if not dataset.crs.is_geographic:
        return []
    west, _, east, _ = dataset.bounds
    return [turn for turn, beyond in ((-360.0, east > 180), (360.0, west < -180)) if beyond]


def _reader() -> Any:
    """Return rio-tiler's reader, imported when the first tile is wanted: with it a start takes twice as long.

    One thread at a time: a package that is half imported is not whole for a second one.
    """
    with _importing:
        from rio_tiler.errors import NoOverviewWarning
        from rio_tiler.io import Reader

        # Products have none; small scales are read from copies (see _shrunk).
        warnings.filterwarnings("ignore", category=NoOverviewWarning)
        # Web mercator ends before the poles do.
        warnings.filterwarnings("ignore", message="Adjusting dataset latitudes")
        return Reader


def window(sources: Sequence[Source], bounds: Bounds, width: int, height: int) -> Tuple[np.ndarray, np.ndarray]:
    """Return red, green and blue as bytes (3, rows, columns) of a box in web mercator, and where they are valid."""
    reader_of = _reader()
    values, masks = [], []
    for path, bands in sources:
        with reader_of(str(path)) as reader:
            dataset = reader.dataset
            part, valid = _part(reader, dataset, bands, bounds, (height, width))
            for turn in _turns(dataset):
                place = Affine.translation(turn, 0) * dataset.transform
                with WarpedVRT(
                    dataset, crs=dataset.crs, src_transform=place, transform=place,
                    width=dataset.width, height=dataset.height,
                ) as moved, reader_of(str(path), dataset=moved) as second:  # fmt: skip
                    more, there = _part(second, dataset, bands, bounds, (height, width))
                part, valid = np.where(valid, part, more), valid | there
        values.append(part)
        masks.append(valid)
    mask = np.all(masks, axis=0)
    return _colours(np.concatenate(values), mask, sources), mask


def _part(
    reader: Any, dataset: Any, bands: Tuple[int, ...], bounds: Bounds, shape: Tuple[int, int]
) -> Tuple[np.ndarray, np.ndarray]:
    way = "nearest" if _has_palette(dataset) else "bilinear"
    part = reader.part(
        bounds,
        dst_crs=MERCATOR,
        bounds_crs=MERCATOR,
        width=shape[1],
        height=shape[0],
        indexes=bands or picture_bands(dataset),
        resampling_method=way,
        reproject_method=way,
        vrt_options=_coarse_grid(dataset, bounds, shape),
    )
    return _plain(dataset, np.asarray(part.data), np.asarray(part.mask) > 0)


def _coarse_grid(dataset: Any, bounds: Bounds, shape: Tuple[int, int]) -> Optional[Dict[str, Any]]:
    """Return the grid that a box is warped to where the file's own pixels are too many, or None.

    rio-tiler warps to the file's resolution and shrinks what it reads. GDAL before 3.10 makes all of these pixels:
    where one pixel of a tile is 150 km, that is gigabytes.
    """
    if dataset.crs == MERCATOR:
        return None
    own, _, _ = calculate_default_transform(dataset.crs, MERCATOR, dataset.width, dataset.height, *dataset.bounds)
    west, south, east, north = bounds
    rows, columns = (side * MOST_WARPED for side in shape)
    if (east - west) / own.a <= columns and (south - north) / own.e <= rows:
        return None
    return {"transform": from_bounds(*bounds, columns, rows), "width": columns, "height": rows}


def _colours(values: np.ndarray, mask: np.ndarray, sources: Sequence[Source]) -> np.ndarray:
    limits = limits_of(sources)
    bands = values if limits is None else stretch(values, mask, limits)
    return bands if len(bands) == 3 else np.repeat(bands[:1], 3, axis=0)


def image_of(colours: np.ndarray, mask: np.ndarray) -> Image.Image:
    return Image.fromarray(np.concatenate([colours, mask[np.newaxis].astype("uint8") * 255]).transpose(1, 2, 0))


def shrunk_copy(path: Path, factor: float) -> bytes:
    with rasterio.open(path, driver="GTiff") as dataset:
        height, width = max(1, round(dataset.height / factor)), max(1, round(dataset.width / factor))
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
                if _has_palette(dataset):
                    target.write_colormap(1, dataset.colormap(1))
                way = Resampling.nearest if _has_palette(dataset) else Resampling.average
                target.write(dataset.read(out_shape=(dataset.count, height, width), resampling=way))
            return bytes(memory.read())


def geotiff(colours: np.ndarray, mask: np.ndarray, bounds: Bounds) -> bytes:
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
