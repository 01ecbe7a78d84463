"""Files of an archive as arrays: any window of them at any smaller scale, at a cost that is known before.

Files without overviews must be decoded to be shrunk, and compressed blocks are decoded whole. What a read would
decode is counted from the layout of the file, so that what is too much is refused before it costs anything.
"""

from __future__ import annotations

import contextlib
import math
from pathlib import Path
from typing import Any, Iterator, List, NamedTuple, Optional, Tuple

import numpy as np
from affine import Affine
from rasterio.enums import ColorInterp, MaskFlags, Resampling
from rasterio.transform import from_gcps
from rasterio.windows import Window

from planet_vector.palette import looked_up
from planet_vector.pixels.opening import open_raster
from planet_vector.pixels.sidecars import Place, SidecarProblem
from planet_vector.server.refusal import Refusal

MAX_DECODED = 2 * 10**9
"""Bytes that are decoded for one read: 5 to 15 s on one processor."""

MAX_BLOCK = 256 * 10**6
"""Bytes of one block: GDAL holds it twice, decoded and in its cache."""

ADVICE = "convert it, with overviews: gdal_translate -of COG, or rio cogeo create (an .ovr beside it is not read)"
"""What makes a file cheap to draw, for the ends of sentences."""

_AVERAGED = 256 * 10**6  # bytes: up to this, pixels are averaged even where picking some of them is far cheaper
_CHUNK = 16 * 2**20  # bytes of pixels read at once
_MAX_BLOCKS = 200_000  # blocks that are looked up, whether they are there: 1 µs each

# Band numbers of red, green, blue: RapidEye and PlanetScope analytic files begin blue, green, red.
_RGB_BANDS = (3, 2, 1)

Rows = Tuple[int, int, int, int]
"""A window of a raster: first column, first row, and those after its last."""


class Source(NamedTuple):
    """Hold a file that is drawn.

    Attributes
    ----------
    path : Path
        The file.
    bands : tuple of int
        The bands of red, green and blue, or of gray; an empty tuple leaves the choice to the file.
    place : Place or None
        What its sidecars say.
    survey : Path
        Where a small copy of it is kept (see `planet_vector.server.surveys`).
    """

    path: Path
    bands: Tuple[int, ...]
    place: Optional[Place]
    survey: Path


class Unreadable(Refusal):
    """Refusal of a file that cannot be read now; a disk may be away, so it is tried again later."""


class Raster:
    """Read one file, which is open.

    Parameters
    ----------
    source : Source
        The file.
    dataset : dataset of rasterio
        The file, placed as its sidecars say.
    layout : dataset of rasterio
        The same file as it is, for its blocks.

    Attributes
    ----------
    crs : CRS or None
        None where the file does not say where it lies.
    """

    def __init__(self, source: Source, dataset: Any, layout: Any) -> None:
        self._dataset = dataset
        self._layout = layout
        self.source = source
        self.width, self.height = int(dataset.width), int(dataset.height)
        self.crs, self.transform = _georeference(dataset)
        self.palette = dataset.colormap(1) if dataset.colorinterp[0] == ColorInterp.palette else None
        self.bands = source.bands or self._picture_bands()
        if dataset.dtypes[self.bands[0] - 1].startswith("complex"):
            raise Refusal(404, "The scene is of complex numbers, which no picture shows.")
        self.dtype = np.dtype(dataset.dtypes[self.bands[0] - 1])

    @property
    def in_bytes(self) -> bool:
        """Whether values are shown as they are, and not stretched."""
        return self.palette is not None or self.dtype == np.uint8

    def read(self, window: Rows, shape: Tuple[int, int], quick: bool = False) -> Tuple[np.ndarray, np.ndarray]:
        """Read a window, shrunk to some rows and columns.

        Parameters
        ----------
        window : (int, int, int, int)
            First column, first row, and those after the last.
        shape : (int, int)
            Rows and columns of the result, at most.
        quick : bool
            Whether pixels are picked wherever that is cheaper than means of all.

        Returns
        -------
        values : array, shape (bands, rows, columns)
            Three bands, or one; of a palette its colours.
        mask : array of bool, shape (rows, columns)
            Where they are valid.

        Raises
        ------
        Refusal
            422, when more had to be decoded than `MAX_DECODED`.
        """
        shape = (min(shape[0], window[3] - window[1]), min(shape[1], window[2] - window[0]))
        way = self._plan(window, shape, quick)
        alpha = self._alpha()
        bands = [*self.bands, *([alpha] if alpha else [])]
        values = np.empty((len(bands), *shape), self.dtype)
        inner = self._has_mask()
        mask = np.ones(shape, bool)
        # Of bands in planes of their own each is read to its end: a strip is decoded from its start.
        groups = [[b] for b in range(len(bands))] if self._in_planes else [list(range(len(bands)))]
        blocks = self._blocks(window)
        for group in groups:
            numbers = [bands[b] for b in group]
            for rows, columns, part in self._chunks(window, shape):
                size = (rows.stop - rows.start, columns.stop - columns.start)
                if blocks is not None and not blocks.any_in(part):
                    values[group, rows, columns] = self._unwritten(numbers)
                else:
                    values[group, rows, columns] = self._dataset.read(
                        numbers, window=part, out_shape=(len(group), *size), resampling=way
                    )
                if inner and group[0] == 0:
                    mask[rows, columns] = (
                        self._dataset.read_masks(self.bands[0], window=part, out_shape=size, resampling=way) > 0
                    )
        if alpha and not inner:
            mask &= values[-1] > 0
            values = values[:-1]
        elif not inner:
            mask &= self._has_data(values)
        if self.palette is not None:
            return looked_up(values[0], self.palette), mask
        return values, mask & np.isfinite(values).all(axis=0)

    def _picture_bands(self) -> Tuple[int, ...]:
        colours = self._dataset.colorinterp
        if self.palette is not None:
            return (1,)
        named = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
        if all(colour in colours for colour in named):
            return tuple(colours.index(colour) + 1 for colour in named)
        return _RGB_BANDS if self._dataset.count >= 3 else (1,)

    @property
    def _in_planes(self) -> bool:
        return bool(self._layout.count > 1 and self._layout.interleaving.value.lower() == "band")

    def _has_mask(self) -> bool:
        return bool(self._dataset.mask_flag_enums[self.bands[0] - 1] == [MaskFlags.per_dataset])

    def _alpha(self) -> int:
        """Return the number of the band that tells where the others are valid, or 0."""
        # GDAL takes alpha for a mask in bands of bytes and of uint16 alone.
        if MaskFlags.alpha not in self._dataset.mask_flag_enums[self.bands[0] - 1]:
            return 0
        return int(self._dataset.colorinterp.index(ColorInterp.alpha)) + 1

    def _unwritten(self, bands: List[int]) -> np.ndarray:
        """Return what GDAL gives for blocks that were never written, shape (bands, 1, 1)."""
        fill = np.array([self._layout.nodatavals[band - 1] or 0 for band in bands], "float64")
        if self.dtype.kind in "iu":
            limits = np.iinfo(self.dtype)
            fill = np.clip(np.nan_to_num(fill), limits.min, limits.max)
        return fill.astype(self.dtype)[:, np.newaxis, np.newaxis]

    def _has_data(self, values: np.ndarray) -> np.ndarray:
        """Return where any of the bands differs from its nodata value."""
        found = np.zeros(values.shape[1:], bool)
        for band, number in zip(values, self.bands):
            nodata = self._dataset.nodatavals[number - 1]
            if nodata is None:
                return np.ones(values.shape[1:], bool)
            found |= ~np.isnan(band) if math.isnan(nodata) else band != nodata
        return found

    def _plan(self, window: Rows, shape: Tuple[int, int], quick: bool) -> Resampling:
        """Choose how a window is shrunk, by what has to be decoded.

        Averages need all of its pixels. Where a pixel is picked for each of the result, whole blocks may be left out:
        in files of strips nearly all.
        """
        height, width = self._layout.block_shapes[0]
        together = 1 if self._in_planes else self._layout.count
        pixel = self.dtype.itemsize * together
        name = self.source.path.name
        if height * width * pixel > MAX_BLOCK:
            size = f"{width} x {height} pixels, {height * width * pixel / 1e9:.1f} GB"
            raise Refusal(422, f"{name} cannot be drawn: it is compressed in blocks of {size}; {ADVICE}.")
        planes = (len(self.bands) + bool(self._alpha())) if self._in_planes else 1
        down, across = (window[3] - window[1]) / shape[0], (window[2] - window[0]) / shape[1]
        # The overview that GDAL takes: the largest that is not coarser than the result, or little.
        levels = [f for f in self._layout.overviews(self.bands[0]) if f <= 1.2 * min(down, across)]
        shrunk = max(levels, default=1) ** 2
        blocks = self._blocks(window)
        top, bottom = window[1] // height, -(-window[3] // height)
        left, right = window[0] // width, -(-window[2] // width)
        if blocks is not None and blocks.sequential:
            top = 0
        everything = (bottom - top) * (right - left) * height * width * pixel * planes / shrunk
        share = 1.0
        if blocks is not None and everything > _AVERAGED:
            share = blocks.share(part for _, _, part in self._chunks(window, shape))
        averaged = everything * share
        few = min(shape[0], bottom - top) * min(shape[1], right - left) * height * width * pixel * planes
        picked = averaged if blocks is not None and blocks.sequential else min(averaged, few * share)
        if self.palette is not None or ((quick or averaged > _AVERAGED) and picked < averaged / 4):
            way, cost = Resampling.nearest, picked
        else:
            way, cost = (Resampling.average, averaged) if averaged <= MAX_DECODED else (Resampling.nearest, picked)
        if cost > MAX_DECODED:
            raise Refusal(
                422,
                f"{name} cannot be drawn at this scale: {cost / 1e9:.1f} GB of pixels would have to be decoded, "
                f"and {MAX_DECODED / 1e9:.0f} GB may be; {ADVICE}.",
            )
        return way

    def _chunks(self, window: Rows, shape: Tuple[int, int]) -> Iterator[Tuple[slice, slice, Window]]:
        """Yield parts of a result, and the windows they are read from, of some `_CHUNK` bytes or one block each."""
        height, width = self._layout.block_shapes[0]
        down, across = (window[3] - window[1]) / shape[0], (window[2] - window[0]) / shape[1]
        pixel = self.dtype.itemsize * (1 if self._in_planes else self._layout.count)
        columns = shape[1]
        if width < window[2] - window[0]:
            columns = max(1, int(max(width, _CHUNK / pixel / height) / across))
        rows = max(1, int(max(height, _CHUNK / pixel / min(columns * across, window[2] - window[0])) / down))
        for i in range(0, shape[0], rows):
            for j in range(0, shape[1], columns):
                bottom, right = min(i + rows, shape[0]), min(j + columns, shape[1])
                left, top = window[0] + j * across, window[1] + i * down
                part = Window(left, top, (right - j) * across, (bottom - i) * down)
                yield slice(i, bottom), slice(j, right), part

    def _blocks(self, window: Rows) -> Optional[_Blocks]:
        """Return which blocks of a window are in the file, where that makes a difference."""
        if (window[2] - window[0]) * (window[3] - window[1]) * self.dtype.itemsize < _CHUNK:
            return None
        return _Blocks.of(self._layout, self.bands if self._in_planes else self.bands[:1], window)


class _Blocks:
    """Know which blocks of a part of a file have data; the others were never written, and are nodata or 0."""

    def __init__(self, present: np.ndarray, size: Tuple[int, int], first: Tuple[int, int], sequential: bool) -> None:
        self._present = present
        self._size = size
        self._first = first
        self.sequential = sequential

    @classmethod
    def of(cls, layout: Any, bands: Tuple[int, ...], window: Rows) -> Optional[_Blocks]:
        height, width = layout.block_shapes[0]
        top, bottom = window[1] // height, -(-window[3] // height)
        left, right = window[0] // width, -(-window[2] // width)

        def there(column: int, row: int, band: int) -> bool:
            return layout.get_tag_item(f"BLOCK_OFFSET_{column}_{row}", "TIFF", bidx=band) is not None

        # GDAL gives the rows of a single strip for blocks; the first of them has its offset.
        if height == 1 and layout.height > 1 and any(there(0, 0, b) and not there(0, 1, b) for b in bands):
            return cls(np.ones((1, 1), bool), (layout.height, layout.width), (0, 0), True)
        if (bottom - top) * (right - left) * len(bands) > _MAX_BLOCKS:
            return None
        present = np.array(
            [[any(there(x, y, b) for b in bands) for x in range(left, right)] for y in range(top, bottom)]
        )
        return None if present.all() else cls(present, (height, width), (top, left), False)

    def any_in(self, part: Window) -> bool:
        """Tell whether any block of a window has data."""
        (height, width), (top, left) = self._size, self._first
        rows = slice(int(part.row_off) // height - top, -(-math.ceil(part.row_off + part.height) // height) - top)
        columns = slice(int(part.col_off) // width - left, -(-math.ceil(part.col_off + part.width) // width) - left)
        return bool(self._present[rows, columns].any())

    def share(self, parts: Iterator[Window]) -> float:
        """Return the share of windows that have to be read."""
        found = [self.any_in(part) for part in parts]
        return sum(found) / len(found)


@contextlib.contextmanager
def open_source(source: Source) -> Iterator[Raster]:
    """Open a file to be drawn.

    Raises
    ------
    Unreadable
        404, when it cannot be opened or read; also for what is raised within the block.
    """
    try:
        with open_raster(source.path, source.place) as dataset, open_raster(source.path) as layout:
            yield Raster(source, dataset, layout)
    except (Refusal, MemoryError):
        raise
    except SidecarProblem as problem:
        raise Refusal(404, f"{source.path.name} cannot be drawn: {problem}.") from None
    except Exception as error:
        # rasterio's errors of GDAL's classes have no public base.
        told = " ".join(str(error).split())[:200] or type(error).__name__
        raise Unreadable(404, f"{source.path.name} cannot be drawn ({told}).") from None


def _georeference(dataset: Any) -> Tuple[Any, Affine]:
    points, crs = dataset.gcps
    if dataset.transform.is_identity and points:
        return crs or dataset.crs, from_gcps(points)
    return (None if dataset.transform.is_identity else dataset.crs), dataset.transform
