"""Read any window of a file at any smaller scale, at a cost that is known in advance.

The cost is computed from the layout of the file (`planet_vector.server.imagery.read_plan`). Invalid pixels, as defined
by `planet_vector.pixels.valid`, are excluded from means.
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
from planet_vector.pixels.valid import any_number, has_holes, where_number
from planet_vector.server.archive.projecting import period_of
from planet_vector.server.http_errors import HttpError
from planet_vector.server.imagery.averaging import Averages, cells
from planet_vector.server.imagery.read_plan import ReadPlanner, Rows
from planet_vector.server.imagery.written_blocks import WrittenBlocks

# Red, green and blue, not counting alpha: RapidEye and PlanetScope analytic files begin with blue, green, red.
_RGB_BANDS = (3, 2, 1)


class Source(NamedTuple):
    """File to draw.

    Attributes
    ----------
    path : Path
        The file.
    bands : tuple of int
        The bands of red, green and blue, or of gray; an empty tuple leaves the choice to the reader.
    place : Place or None
        Georeference and nodata from its sidecars.
    survey : Path
        Path of its small copy in the cache (see `planet_vector.server.imagery.surveys`).
    pyramids : tuple of Path
        Possible paths of larger copies (see `planet_vector.server.imagery.pyramids`), in order of preference; the last
        is in the cache of the service.
    """

    path: Path
    bands: Tuple[int, ...]
    place: Optional[Place]
    survey: Path
    pyramids: Tuple[Path, ...] = ()


class Unreadable(HttpError):
    """HttpError of a file that cannot be read now; its disk may be unavailable, so it is retried later."""


class _Piece(NamedTuple):
    """Chunk of a read.

    Attributes
    ----------
    values : sequence of array
        The bands that are shown.
    known : sequence of array of bool
        Where each of them is valid.
    found : array of bool
        Where any band is valid.
    allowed : array of bool
        Where the mask, or alpha, is not transparent.
    """

    values: Sequence[np.ndarray]
    known: Sequence[np.ndarray]
    found: np.ndarray
    allowed: np.ndarray


class Raster:
    """One file, open for reading.

    Parameters
    ----------
    source : Source
        The file.
    dataset : rasterio.io.DatasetReader
        The file, georeferenced by its sidecars.
    layout : rasterio.io.DatasetReader
        The same file without its sidecars, for its blocks.

    Attributes
    ----------
    crs : CRS or None
        None if the file has no georeference.
    place : Georeference
        Transformation between pixels and coordinates.
    wasted : float
        Amount decoded outside the windows that were read, in whole files.

    Raises
    ------
    HttpError
        404, if its pixels are complex numbers.
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
        # The name of a product tells its bands, and may be wrong.
        self.bands = source.bands if 0 < max(source.bands, default=0) <= dataset.count else self._picture_bands()
        if header.dtypes[self.bands[0] - 1].startswith("complex"):
            raise HttpError(404, "The scene has complex pixels, which cannot be drawn.")
        self.dtype = np.dtype(header.dtypes[self.bands[0] - 1])
        self._planner = ReadPlanner(source.path.name, layout, header, self.bands)
        self._alpha = self._planner.alpha

    @property
    def in_bytes(self) -> bool:
        """Whether values are shown without stretching."""
        return self.palette is not None or self.dtype == np.uint8

    def read(self, window: Rows, shape: Tuple[int, int], quick: bool = False) -> Tuple[np.ndarray, np.ndarray]:
        """Read a window, downsampled to a number of rows and columns.

        Parameters
        ----------
        window : (int, int, int, int)
            First column, first row, column after the last, row after the last.
        shape : (int, int)
            Maximum rows and columns of the result.
        quick : bool
            Whether to pick pixels wherever that is cheaper than means of all.

        Returns
        -------
        values : array, shape (bands, rows, columns)
            Three bands, or one; the colours of a palette. Invalid floats are NaN.
        mask : array of bool, shape (rows, columns)
            Which pixels are valid. Bands that are not shown are considered, too, unless reading them costs too much.

        Raises
        ------
        HttpError
            422, if more than `planet_vector.server.imagery.read_plan.MAX_DECODED` bytes would have to be decoded.
        """
        shape = (min(shape[0], window[3] - window[1]), min(shape[1], window[2] - window[0]))
        plan = self._planner.plan(window, shape, quick)
        self.wasted += plan.wasted
        numbers = [*self.bands, *(band for band in plan.telling if band not in self.bands)]
        values = np.empty((len(self.bands), *shape), self.dtype)
        found, allowed = np.zeros(shape, bool), np.ones(shape, bool)
        blocks, planes = self._planner.written_blocks(window), self._planner.in_planes
        chunks = list(self._planner.chunks(window, shape, plan.means))
        # Separate bands are read one after another to their end, as a single strip is decoded from its start.
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
        """Return where the mask, or alpha, is not transparent; `empty` means that no block was written."""
        if self._header.masked:
            return np.asarray(self._dataset.read_masks(1, window=part, out_shape=size, resampling=way) > 0)
        if self._alpha is None:
            return np.ones(size, bool)
        found = self._unwritten([self._alpha]) if empty else self._read([self._alpha], part, size, way)
        return np.asarray(np.broadcast_to(found[0] > 0, size))

    def _piece(self, bands: Sequence[int], pixels: np.ndarray, allowed: np.ndarray) -> _Piece:
        """Return the shown ones of some bands, with masks of their valid pixels."""
        said = [self._header.bands[band - 1] for band in bands]
        shown = [at for at, band in enumerate(bands) if band in self.bands]
        known = [where_number(pixels[at], said[at]) & allowed if has_holes(said[at]) else allowed for at in shown]
        if len(bands) == len(known) == 1 and self._planner.telling:
            found = known[0]  # the identical array, so that its coverage of cells is computed once
        else:
            found = any_number(zip(pixels, said), allowed) & allowed if self._planner.telling else allowed
        return _Piece([pixels[at] for at in shown], known, found, allowed)

    def _means(self, bands: Sequence[int], part: Window, size: Tuple[int, int], factor: int) -> _Piece:
        """Return means of the valid pixels, at a smaller size.

        Parameters
        ----------
        factor : int
            Decimation factor of the overview that is read.
        """
        down = cells(part.row_off, part.height, size[0], self.height, factor)
        across = cells(part.col_off, part.width, size[1], self.width, factor)
        whole = Window(across.offset, down.offset, across.length, down.length)
        shape = (down.pixels, across.pixels)
        with_alpha = [*bands, *([self._alpha] if self._alpha else [])]  # in one read: they may share blocks
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
        """Decimation factors of the file's overviews."""
        return [int(factor) for factor in self._layout.overviews(self.bands[0])]

    @property
    def block_rows(self) -> Optional[int]:
        """Rows of a block; None if the file is a single strip, which is decoded from its start for any row."""
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

    def _unwritten(self, bands: Sequence[int]) -> np.ndarray:
        """Return the values that GDAL returns for blocks that were never written, shape (bands, 1, 1)."""
        fill = [self._header.bands[band - 1].nodata or 0 for band in bands]
        return np.array(fill, self.dtype)[:, np.newaxis, np.newaxis]


def _size(rows: slice, columns: slice) -> Tuple[int, int]:
    return rows.stop - rows.start, columns.stop - columns.start


def _whole(means: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """Round means to an integer type, clipped to its range: as float64, the largest 64-bit integers round beyond it."""
    ends = np.iinfo(dtype)
    whole = np.rint(means)
    below, beyond = whole <= float(ends.min), whole >= float(ends.max)
    found = np.where(below | beyond, 0, whole).astype(dtype)
    found[below], found[beyond] = ends.min, ends.max
    return found


@contextlib.contextmanager
def open_source(source: Source) -> Iterator[Raster]:
    """Open a file to draw, as a context manager.

    Parameters
    ----------
    source : Source
        The file.

    Yields
    ------
    Raster
        The open file.

    Raises
    ------
    Unreadable
        404, if it cannot be opened or read. Other exceptions of the block, except HttpError and MemoryError, are
        converted to it, too.
    HttpError
        404, if its sidecars cannot be used, or its pixels are complex numbers.
    """
    try:
        with open_raster(source.path, source.place) as dataset, open_raster(source.path) as layout:
            yield Raster(source, dataset, layout)
    except (HttpError, MemoryError):
        raise
    except SidecarProblem as problem:
        raise HttpError(404, f"{source.path.name} cannot be drawn: {problem}.") from None
    except Exception as error:
        # rasterio's exceptions for GDAL error classes have no public base class.
        told = " ".join(str(error).split())[:200] or type(error).__name__
        raise Unreadable(404, f"{source.path.name} cannot be drawn ({told}).") from None


def _georeference(dataset: DatasetReader) -> Tuple[Any, Georeference]:
    points, crs = dataset.gcps
    crs = crs or dataset.crs
    if dataset.transform.is_identity and points and crs:
        try:
            return crs, ByPoints(points, (dataset.width, dataset.height), period_of(crs))
        except PointsProblem:
            crs = None  # the index reports the problem; a thumbnail can still be drawn
    elif dataset.transform.is_identity:
        crs = None
    return crs, ByTransform(dataset.transform)
