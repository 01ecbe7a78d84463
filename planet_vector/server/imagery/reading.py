"""Files of an archive as arrays: any window of them at any smaller scale, at a cost that is known before.

Files without overviews must be decoded to be shrunk, and compressed blocks are decoded whole. What a read would
decode is counted from the layout of the file, so that what is too much is refused before it costs anything.

Which pixels are data `planet_vector.pixels.valid` says; the others have no part in means.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, Iterator, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from rasterio.enums import ColorInterp, Resampling
from rasterio.io import DatasetReader
from rasterio.windows import Window

from planet_vector.pixels.colormap import looked_up
from planet_vector.pixels.control import ByPoints, ByTransform, Georeference, PointsProblem
from planet_vector.pixels.header import RasterHeader
from planet_vector.pixels.opening import open_raster
from planet_vector.pixels.sidecars import Place, SidecarProblem
from planet_vector.pixels.valid import any_number, has_holes, needed, where_number
from planet_vector.server.archive.projecting import period_of
from planet_vector.server.http_errors import Refusal
from planet_vector.server.imagery.averaging import Averages, cells
from planet_vector.server.imagery.written_blocks import WrittenBlocks

MAX_DECODED = 2 * 10**9
"""Bytes that are decoded for one read: 6 to 12 s on one processor, with means of what is data."""

MAX_BLOCK = 256 * 10**6
"""Bytes of one block: GDAL holds it twice, decoded and in its cache."""

ADVICE = "convert it, with overviews: gdal_translate -of COG, or rio cogeo create (an .ovr beside it is not read)"
"""What makes a file cheap to draw, for the ends of sentences."""

_AVERAGED = 256 * 10**6  # bytes: up to this, pixels are averaged even where picking some of them is far cheaper
_CHUNK = 16 * 2**20  # bytes of pixels read at once
_LARGEST_CHUNK = 4 * _CHUNK  # of which means are made here: of larger blocks parts are read

# Which bands are red, green, blue, alpha not counted: RapidEye and PlanetScope analytic files begin blue, green, red.
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
        Where a small copy of it is kept (see `planet_vector.server.imagery.surveys`).
    pyramids : tuple of Path
        Where larger copies of it may be (see `planet_vector.server.imagery.pyramids`), those looked for first in front;
        the last is where the service keeps its own.
    """

    path: Path
    bands: Tuple[int, ...]
    place: Optional[Place]
    survey: Path
    pyramids: Tuple[Path, ...] = ()


class Unreadable(Refusal):
    """Refusal of a file that cannot be read now; a disk may be away, so it is tried again later."""


class _Piece(NamedTuple):
    """Hold a part of what is read.

    Attributes
    ----------
    values : sequence of array
        The bands that are shown.
    known : sequence of array of bool
        Where each of them has data.
    found : array of bool
        Where any band has data.
    allowed : array of bool
        Where the mask, or alpha, lets there be data.
    """

    values: Sequence[np.ndarray]
    known: Sequence[np.ndarray]
    found: np.ndarray
    allowed: np.ndarray


class _Plan(NamedTuple):
    """Hold how a window is read.

    Attributes
    ----------
    way : Resampling
        How GDAL shrinks it.
    means : bool
        Whether it does not: means are made here, of the pixels that are data.
    factor : int
        How many rows of the file are one of the overview that is read.
    telling : sequence of int
        The bands by which it is seen where there is data.
    wasted : float
        What is decoded beyond the window, as a share of the whole file.
    """

    way: Resampling
    means: bool
    factor: int
    telling: Sequence[int]
    wasted: float


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
    place : Georeference
        Where its pixels lie in that.
    wasted : float
        What was decoded beyond the windows that were read, in whole files.
    """

    def __init__(self, source: Source, dataset: DatasetReader, layout: Any) -> None:
        self._dataset = dataset
        self.wasted = 0.0
        self._layout = layout
        self.source = source
        self.width, self.height = int(dataset.width), int(dataset.height)
        self.crs, self.place = _georeference(dataset)
        self._header = header = RasterHeader.of(dataset)
        self.palette = header.bands[0].table
        self.bands = source.bands or self._picture_bands()
        if header.dtypes[self.bands[0] - 1].startswith("complex"):
            raise Refusal(404, "The scene is of complex numbers, which no picture shows.")
        self.dtype = np.dtype(header.dtypes[self.bands[0] - 1])
        self._alpha = None if header.masked else header.alpha
        self._telling = [band for band in needed(header) if band != self._alpha]

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
            Three bands, or one; of a palette its colours. Of floats NaN where a band has no number.
        mask : array of bool, shape (rows, columns)
            Where there is data. Bands that are not shown have a say in it, unless reading them costs too much.

        Raises
        ------
        Refusal
            422, when more had to be decoded than `MAX_DECODED`.
        """
        shape = (min(shape[0], window[3] - window[1]), min(shape[1], window[2] - window[0]))
        plan = self._plan(window, shape, quick)
        self.wasted += plan.wasted
        numbers = [*self.bands, *(band for band in plan.telling if band not in self.bands)]
        values = np.empty((len(self.bands), *shape), self.dtype)
        found, allowed = np.zeros(shape, bool), np.ones(shape, bool)
        blocks, planes = self._blocks(window), self._in_planes
        chunks = list(self._chunks(window, shape, plan.means))
        # Of bands in planes of their own each is read to its end: a strip is decoded from its start.
        if planes and not plan.means:
            for rows, columns, part in chunks:
                empty = blocks is not None and not blocks.any_in(part)
                allowed[rows, columns] = self._allowed(part, _size(rows, columns), plan.way, empty)
        for group in [[band] for band in numbers] if planes else [numbers]:
            shown = [band for band in group if band in self.bands]
            for rows, columns, part in chunks:
                place, size = (rows, columns), _size(rows, columns)
                if not shown and (found[place] | ~allowed[place]).all():
                    continue
                empty = blocks is not None and bool(shown) and not blocks.any_in(part)
                if plan.means and not empty:
                    piece = self._means(group, part, size, plan.factor)
                else:
                    told = planes and not plan.means
                    let = allowed[place] if told else self._allowed(part, size, plan.way, empty)
                    if empty:
                        pixels = np.broadcast_to(self._unwritten(group), (len(group), *size))
                    else:
                        pixels = self._read(group, part, size, plan.way)
                    piece = self._piece(group, pixels, let)
                allowed[place] = piece.allowed
                found[place] |= piece.found
                for band, more, known in zip(shown, piece.values, piece.known):
                    at = self.bands.index(band)
                    values[at][place] = np.where(known, more, np.nan) if self.dtype.kind == "f" else more
        mask = found if plan.telling else allowed
        if self.palette is not None:
            return looked_up(values[0], self.palette), mask
        return values, mask

    def _read(self, bands: Sequence[int], part: Window, size: Tuple[int, int], way: Resampling) -> np.ndarray:
        shape = (len(bands), *size)
        return np.asarray(self._dataset.read(bands, window=part, out_shape=shape, resampling=way))

    def _allowed(self, part: Window, size: Tuple[int, int], way: Resampling, empty: bool = False) -> np.ndarray:
        """Return where the mask, or alpha, lets there be data; `empty` tells that no block was written."""
        if self._header.masked:
            return np.asarray(self._dataset.read_masks(1, window=part, out_shape=size, resampling=way) > 0)
        if self._alpha is None:
            return np.ones(size, bool)
        found = self._unwritten([self._alpha]) if empty else self._read([self._alpha], part, size, way)
        return np.asarray(np.broadcast_to(found[0] > 0, size))

    def _piece(self, bands: Sequence[int], pixels: np.ndarray, allowed: np.ndarray) -> _Piece:
        """Return what is known of bands, pixel by pixel."""
        said = [self._header.bands[band - 1] for band in bands]
        shown = [at for at, band in enumerate(bands) if band in self.bands]
        known = [where_number(pixels[at], said[at]) & allowed if has_holes(said[at]) else allowed for at in shown]
        if len(bands) == len(known) == 1 and self._telling:
            found = known[0]  # the very same array, whose share of cells is counted once
        else:
            found = any_number(zip(pixels, said), allowed) & allowed if self._telling else allowed
        return _Piece([pixels[at] for at in shown], known, found, allowed)

    def _means(self, bands: Sequence[int], part: Window, size: Tuple[int, int], factor: int) -> _Piece:
        """Return means over the pixels that are known, at a smaller size.

        Parameters
        ----------
        factor : int
            How many rows of the file are one of the overview that is read.
        """
        down = cells(part.row_off, part.height, size[0], self.height, factor)
        across = cells(part.col_off, part.width, size[1], self.width, factor)
        whole = Window(across.offset, down.offset, across.length, down.length)
        shape = (down.pixels, across.pixels)
        with_alpha = [*bands, *([self._alpha] if self._alpha else [])]  # at once: they may lie in the same blocks
        pixels = self._read(with_alpha, whole, shape, Resampling.nearest)
        allowed = pixels[-1] > 0 if self._alpha else self._allowed(whole, shape, Resampling.nearest)
        piece = self._piece(bands, pixels[: len(bands)], allowed)
        averages = Averages(down.edges, across.edges)
        means = [averages.mean(band, known) for band, known in zip(piece.values, piece.known)]
        if self.dtype.kind in "iu":
            means = [_whole(mean, self.dtype) for mean in means]
        known = [averages.covered(where) > 0 for where in piece.known]
        return _Piece(means, known, averages.covered(piece.found) > 0, averages.covered(allowed) > 0)

    @property
    def overviews(self) -> Sequence[int]:
        """How many columns of the file are one in each of the smaller sizes that it holds."""
        return [int(factor) for factor in self._layout.overviews(self.bands[0])]

    @property
    def block_rows(self) -> Optional[int]:
        """The rows of a block; None where there is but one, which is decoded from its start for any row."""
        rows = int(self._layout.block_shapes[0][0])
        second = WrittenBlocks.of(self._layout, self.bands[:1], (0, 0, self.width, min(2, self.height)))
        return None if second is not None and second.sequential else rows

    def _picture_bands(self) -> Tuple[int, ...]:
        colours, shown = self._header.colours, self._header.shown
        if self.palette is not None:
            return (1,)
        named = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
        if all(colour in colours for colour in named):
            return tuple(colours.index(colour) + 1 for colour in named)
        if len(shown) >= 3:
            return tuple(shown[place - 1] for place in _RGB_BANDS)
        return (shown or (1,))[:1]

    @property
    def _in_planes(self) -> bool:
        return bool(self._layout.count > 1 and self._layout.interleaving.value.lower() == "band")

    def _unwritten(self, bands: Sequence[int]) -> np.ndarray:
        """Return what GDAL gives for blocks that were never written, shape (bands, 1, 1)."""
        fill = [self._header.bands[band - 1].nodata or 0 for band in bands]
        return np.array(fill, self.dtype)[:, np.newaxis, np.newaxis]

    @property
    def _told_apart(self) -> bool:
        """Whether GDAL's means of what has data are numbers, and are never nodata by chance."""
        if self.dtype.kind not in "iu" or self.dtype.itemsize == 8:  # GDAL's go round at the ends of 64 bits
            return False
        # A mean is at one of the type's ends only if all of its pixels are; of those GDAL leaves nodata out.
        ends = None, np.iinfo(self.dtype).min, np.iinfo(self.dtype).max
        return all(self._header.bands[band - 1].nodata in ends for band in self.bands)

    def _plan(self, window: Rows, shape: Tuple[int, int], quick: bool) -> _Plan:
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
        masked = self._header.masked or self._alpha is not None
        means, planes, again, others = masked or not self._told_apart, 1, 0, 0
        if self._in_planes:
            planes = len(self.bands) + (self._alpha is not None)
            again = len(self.bands) - 1 if masked else 0  # where means are made alpha or the mask is read for each band
            others = len(set(self._telling) - set(self.bands)) * (2 if masked else 1)
        down, across = (window[3] - window[1]) / shape[0], (window[2] - window[0]) / shape[1]
        # The overview that GDAL takes: the largest that is not coarser than the result, or little.
        levels = [f for f in self._layout.overviews(self.bands[0]) if f <= 1.2 * min(down, across)]
        factor = max(levels, default=1)
        blocks = self._blocks(window)
        top, bottom = window[1] // height, -(-window[3] // height)
        left, right = window[0] // width, -(-window[2] // width)
        if blocks is not None and blocks.sequential:
            top = 0
        everything = (bottom - top) * (right - left) * height * width * pixel * planes / factor**2
        share = 1.0
        if blocks is not None and everything > _AVERAGED:
            share = blocks.share(part for _, _, part in self._chunks(window, shape, means))
        averaged = everything * share * (planes + again) / planes
        few = min(shape[0], bottom - top) * min(shape[1], right - left) * height * width * pixel * planes
        picked = averaged if blocks is not None and blocks.sequential else min(averaged, few * share)
        # Two bands of single strips cannot be read by turns: each would be decoded from its start again.
        alone = blocks is not None and blocks.sequential and again > 0
        if self.palette is not None or alone or ((quick or averaged > _AVERAGED) and picked < averaged / 4):
            way, cost = Resampling.nearest, picked
        else:
            way, cost = (Resampling.average, averaged) if averaged <= MAX_DECODED else (Resampling.nearest, picked)
        if cost > MAX_DECODED:
            raise Refusal(
                422,
                f"{name} cannot be drawn at this scale: {cost / 1e9:.1f} GB of pixels would have to be decoded, "
                f"and {MAX_DECODED / 1e9:.0f} GB may be; {ADVICE}.",
            )
        telling = self._telling
        if cost * (1 + others / planes) > MAX_DECODED:
            telling = [band for band in telling if band in self.bands]
        seen = (window[2] - window[0]) * (window[3] - window[1])
        wasted = max(0.0, cost / (pixel * planes) - seen) / (self.width * self.height)
        return _Plan(way, means and way == Resampling.average and max(down, across) > 1, factor, telling, wasted)

    def _chunks(self, window: Rows, shape: Tuple[int, int], means: bool) -> Iterator[Tuple[slice, slice, Window]]:
        """Yield parts of a result, and the windows they are read from, of some `_CHUNK` bytes or one block each."""
        height, width = self._layout.block_shapes[0]
        down, across = (window[3] - window[1]) / shape[0], (window[2] - window[0]) / shape[1]
        pixel = self.dtype.itemsize * (1 if self._in_planes else self._layout.count)
        if means:
            height = min(height, max(1, _LARGEST_CHUNK // (pixel * width)))
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

    def _blocks(self, window: Rows) -> Optional[WrittenBlocks]:
        """Return which blocks of a window are in the file, where that makes a difference."""
        if (window[2] - window[0]) * (window[3] - window[1]) * self.dtype.itemsize < _CHUNK:
            return None
        alpha = () if self._alpha is None else (self._alpha,)
        return WrittenBlocks.of(self._layout, (*self.bands, *alpha) if self._in_planes else self.bands[:1], window)


def _size(rows: slice, columns: slice) -> Tuple[int, int]:
    return rows.stop - rows.start, columns.stop - columns.start


def _whole(means: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """Return means as whole numbers of a type: float64 rounds the largest of 64 bits to what is beyond them."""
    ends = np.iinfo(dtype)
    whole = np.rint(means)
    below, beyond = whole <= float(ends.min), whole >= float(ends.max)
    found = np.where(below | beyond, 0, whole).astype(dtype)
    found[below], found[beyond] = ends.min, ends.max
    return found


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


def _georeference(dataset: DatasetReader) -> Tuple[Any, Georeference]:
    points, crs = dataset.gcps
    crs = crs or dataset.crs
    if dataset.transform.is_identity and points and crs:
        try:
            return crs, ByPoints(points, (dataset.width, dataset.height), period_of(crs))
        except PointsProblem:
            crs = None  # which the index tells; there is a thumbnail all the same
    elif dataset.transform.is_identity:
        crs = None
    return crs, ByTransform(dataset.transform)
