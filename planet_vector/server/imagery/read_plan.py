"""Plan how a window of a file is read, by computing from its layout how much must be decoded.

Files without overviews must be decoded to be downsampled, and compressed blocks are decoded as a whole. So the cost of
a picture depends on the layout of the file, and reads that would cost too much are refused.
"""

from __future__ import annotations

from typing import Iterator, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from rasterio.enums import Resampling
from rasterio.io import DatasetReader
from rasterio.windows import Window

from planet_vector.pixels.header import RasterHeader
from planet_vector.pixels.valid import needed
from planet_vector.server.http_errors import HttpError
from planet_vector.server.imagery.written_blocks import WrittenBlocks

MAX_DECODED = 2 * 10**9
"""Maximum bytes decoded for one read: 6 to 12 s on one processor, including means of valid pixels."""

MAX_BLOCK = 256 * 10**6
"""Maximum bytes of one block, which GDAL holds twice: decoded and in its cache."""

ADVICE = "convert it, with overviews: gdal_translate -of COG, or rio cogeo create (an .ovr beside it is not read)"
"""How to make a file cheap to draw, for the end of error messages."""

_AVERAGED = 256 * 10**6  # bytes up to which pixels are averaged even if picking some of them is far cheaper
_CHUNK = 16 * 2**20  # bytes of pixels read at once
_LARGEST_CHUNK = 4 * _CHUNK  # bytes of which means are made at once: larger blocks are read in parts

Rows = Tuple[int, int, int, int]
"""A window of a raster: first column, first row, column after the last, row after the last."""


class ReadPlan(NamedTuple):
    """Plan for reading a window.

    Attributes
    ----------
    way : Resampling
        Resampling by GDAL.
    means : bool
        Whether means of the valid pixels are computed in Python instead.
    factor : int
        Decimation factor of the overview that is read.
    telling : sequence of int
        The bands that determine which pixels are valid.
    wasted : float
        Amount decoded outside the window, as a share of the whole file.
    """

    way: Resampling
    means: bool
    factor: int
    telling: Sequence[int]
    wasted: float


class ReadPlanner:
    """Planner of reads from a file.

    Parameters
    ----------
    name : str
        Name of the file, for messages.
    layout : rasterio.io.DatasetReader
        The file without its sidecars, for its blocks.
    header : RasterHeader
        Its header, completed by its sidecars.
    bands : sequence of int
        The bands that are shown.

    Attributes
    ----------
    alpha : int or None
        The alpha band; None if the file has a mask, or no alpha.
    telling : list of int
        The bands that determine which pixels are valid, without alpha.
    in_planes : bool
        Whether each band has separate blocks (``INTERLEAVE=BAND``).
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
        """Choose how to downsample a window, by the amount that must be decoded.

        Averages need all of its pixels. If a single pixel is picked for each pixel of the result, whole blocks may be
        skipped: nearly all in files of strips.

        Parameters
        ----------
        window : (int, int, int, int)
            First column, first row, column after the last, row after the last.
        shape : (int, int)
            Rows and columns of the result.
        quick : bool
            Whether to pick pixels wherever that is much cheaper than averages.

        Returns
        -------
        ReadPlan
            The plan.

        Raises
        ------
        HttpError
            422, if a block exceeds `MAX_BLOCK`, or more than `MAX_DECODED` bytes would have to be decoded.
        """
        height, width = self._layout.block_shapes[0]
        together = 1 if self.in_planes else self._layout.count
        pixel = self._dtype.itemsize * together
        if height * width * pixel > MAX_BLOCK:
            size = f"{width} x {height} pixels, {height * width * pixel / 1e9:.1f} GB"
            raise HttpError(422, f"{self._name} cannot be drawn: it is compressed in blocks of {size}; {ADVICE}.")
        masked = self._header.masked or self.alpha is not None
        means, planes, again, others = masked or not self._told_apart, 1, 0, 0
        if self.in_planes:
            planes = len(self._bands) + (self.alpha is not None)
            # For means, alpha or the mask is read again for each band.
            again = len(self._bands) - 1 if masked else 0
            others = len(set(self.telling) - set(self._bands)) * (2 if masked else 1)
        down, across = (window[3] - window[1]) / shape[0], (window[2] - window[0]) / shape[1]
        # The overview that GDAL uses: the coarsest that is not, or only slightly, coarser than the result.
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
        # Two bands of single strips cannot be read alternately: each would be decoded from its start again.
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
            raise HttpError(
                422,
                f"{self._name} cannot be drawn at this scale: {cost / 1e9:.1f} GB of pixels would have to be decoded, "
                f"more than the limit of {MAX_DECODED / 1e9:.0f} GB; {ADVICE}.",
            )
        telling = self.telling
        if cost * (1 + others / planes) > MAX_DECODED:
            telling = [band for band in telling if band in self._bands]
        seen = (window[2] - window[0]) * (window[3] - window[1])
        wasted = max(0.0, cost / (pixel * planes) - seen) / (self._layout.width * self._layout.height)
        return ReadPlan(way, means and way == Resampling.average and max(down, across) > 1, factor, telling, wasted)

    def chunks(self, window: Rows, shape: Tuple[int, int], means: bool) -> Iterator[Tuple[slice, slice, Window]]:
        """Divide a read into chunks of about `_CHUNK` bytes or one block.

        Parameters
        ----------
        window : (int, int, int, int)
            First column, first row, column after the last, row after the last.
        shape : (int, int)
            Rows and columns of the result.
        means : bool
            Whether means are computed in Python, so that large blocks must be divided.

        Yields
        ------
        (slice, slice, Window)
            Rows and columns of the result, and the window of the file that they are read from.
        """
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
        """Return which blocks of a window are present in the file.

        Parameters
        ----------
        window : (int, int, int, int)
            First column, first row, column after the last, row after the last.

        Returns
        -------
        WrittenBlocks or None
            None if the window is small, all of its blocks are present, or there are too many to check.
        """
        if (window[2] - window[0]) * (window[3] - window[1]) * self._dtype.itemsize < _CHUNK:
            return None
        alpha = () if self.alpha is None else (self.alpha,)
        return WrittenBlocks.of(self._layout, (*self._bands, *alpha) if self.in_planes else self._bands[:1], window)

    @property
    def _told_apart(self) -> bool:
        """Whether GDAL's means of valid pixels are finite, and never equal nodata by chance."""
        if self._dtype.kind not in "iu" or self._dtype.itemsize == 8:  # GDAL's means overflow at the limits of 64 bits
            return False
        # A mean equals the minimum or maximum of the type only if all pixels do, and GDAL leaves out nodata pixels.
        ends = None, np.iinfo(self._dtype).min, np.iinfo(self._dtype).max
        return all(self._header.bands[band - 1].nodata in ends for band in self._bands)
