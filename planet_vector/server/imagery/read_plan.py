"""What of a file is decoded when a window of it is read: counted from its layout, before it costs anything.

Files without overviews must be decoded to be shrunk, and compressed blocks are decoded whole. So what is read for a
picture depends on how the file is laid out, and what would be too much is refused.
"""

from __future__ import annotations

from typing import Iterator, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from rasterio.enums import Resampling
from rasterio.io import DatasetReader
from rasterio.windows import Window

from planet_vector.pixels.header import RasterHeader
from planet_vector.pixels.valid import needed
from planet_vector.server.http_errors import Refusal
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

Rows = Tuple[int, int, int, int]
"""A window of a raster: first column, first row, and those after its last."""


class ReadPlan(NamedTuple):
    """Way in which a window is read.

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


class ReadPlanner:
    """Planner of how windows of a file are read.

    Parameters
    ----------
    name : str
        The file's, for messages.
    layout : dataset of rasterio
        The file as it is, for its blocks.
    header : RasterHeader
        Its header, as its sidecars complete it.
    bands : sequence of int
        The bands that are shown.

    Attributes
    ----------
    alpha : int or None
        The band that says where there is data; None where a mask does, or none.
    telling : list of int
        The bands by which it is seen where there is data.
    in_planes : bool
        Whether each band has blocks of its own.
    """

    def __init__(self, name: str, layout: DatasetReader, header: RasterHeader, bands: Sequence[int]) -> None:
        self._name = name
        self._layout = layout
        self._header = header
        self._bands = bands
        self._dtype = np.dtype(header.dtypes[bands[0] - 1])
        self.alpha = None if header.masked else header.alpha
        self.telling = [band for band in needed(header) if band != self.alpha]
        self.in_planes = bool(layout.count > 1 and layout.interleaving.value.lower() == "band")

    def plan(self, window: Rows, shape: Tuple[int, int], quick: bool) -> ReadPlan:
        """Choose how a window is shrunk, by what has to be decoded.

        Averages need all of its pixels. Where a pixel is picked for each of the result, whole blocks may be left out:
        in files of strips nearly all.
        """
        height, width = self._layout.block_shapes[0]
        together = 1 if self.in_planes else self._layout.count
        pixel = self._dtype.itemsize * together
        if height * width * pixel > MAX_BLOCK:
            size = f"{width} x {height} pixels, {height * width * pixel / 1e9:.1f} GB"
            raise Refusal(422, f"{self._name} cannot be drawn: it is compressed in blocks of {size}; {ADVICE}.")
        masked = self._header.masked or self.alpha is not None
        means, planes, again, others = masked or not self._told_apart, 1, 0, 0
        if self.in_planes:
            planes = len(self._bands) + (self.alpha is not None)
            # Where means are made alpha or the mask is read for each band.
            again = len(self._bands) - 1 if masked else 0
            others = len(set(self.telling) - set(self._bands)) * (2 if masked else 1)
        down, across = (window[3] - window[1]) / shape[0], (window[2] - window[0]) / shape[1]
        # The overview that GDAL takes: the largest that is not coarser than the result, or little.
        levels = [f for f in self._layout.overviews(self._bands[0]) if f <= 1.2 * min(down, across)]
        factor = max(levels, default=1)
        blocks = self.written_blocks(window)
        top, bottom = window[1] // height, -(-window[3] // height)
        left, right = window[0] // width, -(-window[2] // width)
        if blocks is not None and blocks.sequential:
            top = 0
        everything = (bottom - top) * (right - left) * height * width * pixel * planes / factor**2
        share = 1.0
        if blocks is not None and everything > _AVERAGED:
            share = blocks.share(part for _, _, part in self.chunks(window, shape, means))
        averaged = everything * share * (planes + again) / planes
        few = min(shape[0], bottom - top) * min(shape[1], right - left) * height * width * pixel * planes
        picked = averaged if blocks is not None and blocks.sequential else min(averaged, few * share)
        # Two bands of single strips cannot be read by turns: each would be decoded from its start again.
        alone = blocks is not None and blocks.sequential and again > 0
        if (
            self._header.bands[0].table is not None
            or alone
            or ((quick or averaged > _AVERAGED) and picked < averaged / 4)
        ):
            way, cost = Resampling.nearest, picked
        else:
            way, cost = (Resampling.average, averaged) if averaged <= MAX_DECODED else (Resampling.nearest, picked)
        if cost > MAX_DECODED:
            raise Refusal(
                422,
                f"{self._name} cannot be drawn at this scale: {cost / 1e9:.1f} GB of pixels would have to be decoded, "
                f"and {MAX_DECODED / 1e9:.0f} GB may be; {ADVICE}.",
            )
        telling = self.telling
        if cost * (1 + others / planes) > MAX_DECODED:
            telling = [band for band in telling if band in self._bands]
        seen = (window[2] - window[0]) * (window[3] - window[1])
        wasted = max(0.0, cost / (pixel * planes) - seen) / (self._layout.width * self._layout.height)
        return ReadPlan(way, means and way == Resampling.average and max(down, across) > 1, factor, telling, wasted)

    def chunks(self, window: Rows, shape: Tuple[int, int], means: bool) -> Iterator[Tuple[slice, slice, Window]]:
        """Yield parts of a result, and the windows they are read from, of some `_CHUNK` bytes or one block each."""
        height, width = self._layout.block_shapes[0]
        down, across = (window[3] - window[1]) / shape[0], (window[2] - window[0]) / shape[1]
        pixel = self._dtype.itemsize * (1 if self.in_planes else self._layout.count)
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

    def written_blocks(self, window: Rows) -> Optional[WrittenBlocks]:
        """Return which blocks of a window are in the file, where that makes a difference."""
        if (window[2] - window[0]) * (window[3] - window[1]) * self._dtype.itemsize < _CHUNK:
            return None
        alpha = () if self.alpha is None else (self.alpha,)
        return WrittenBlocks.of(self._layout, (*self._bands, *alpha) if self.in_planes else self._bands[:1], window)

    @property
    def _told_apart(self) -> bool:
        """Whether GDAL's means of what has data are numbers, and are never nodata by chance."""
        if self._dtype.kind not in "iu" or self._dtype.itemsize == 8:  # GDAL's go round at the ends of 64 bits
            return False
        # A mean is at one of the type's ends only if all of its pixels are; of those GDAL leaves nodata out.
        ends = None, np.iinfo(self._dtype).min, np.iinfo(self._dtype).max
        return all(self._header.bands[band - 1].nodata in ends for band in self._bands)
