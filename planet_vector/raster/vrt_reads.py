"""Compute which part of each file GDAL reads for a part of a VRT, by GDAL's own arithmetic, to fetch it in advance.

Pixels depend on these results in one case only: whether a source is covered (`Layers.covered`).
"""

from __future__ import annotations

import math
from copy import deepcopy
from typing import Dict, FrozenSet, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple, Union
from xml.etree.ElementTree import Element, fromstring, tostring  # noqa: S405 - only what this package wrote is parsed

import numpy as np
from rasterio.enums import Resampling
from rasterio.windows import Window

from planet_vector.raster.source_reach import EPSILON, hidden_below, reach_of
from planet_vector.raster.vrt_xml import Rectangle
from planet_vector.raster.warping import transformed

Number = Union[int, str]
"""Number of a band, counted from 1; ``mask,<number>`` for its mask, `ALL` for all bands and masks."""

ALL = "all"

_REACH = 4  # output pixels that the widest kernel reads around a window
_ALONG = 21  # positions along each side of a warped part: GDAL's own number
_MOST_PLACED = 1000  # most sources for which covering is computed
_HALF = 2 * 0.8  # decimation from which an overview of half the size is read (rasterio.cpp of GDAL)


class Asked(NamedTuple):
    """Part of a file to read."""

    name: str
    number: Number
    window: Window
    shape: Tuple[int, int]
    resampling: Resampling


class _Source(NamedTuple):
    name: str
    number: Number
    masked: bool
    opaque: bool
    taken: Rectangle
    placed: Rectangle


class _Drawn(NamedTuple):
    """Part of a source that a read needs, and the size to which it is drawn."""

    window: Window
    shape: Tuple[int, int]


class Layers:
    """Sources of a VRT, and the parts of them that GDAL reads.

    Parameters
    ----------
    text : str
        Text of a VRT, as `planet_vector.raster.file_vrts` and GDAL write it.
    """

    def __init__(self, text: str) -> None:
        self._root = root = fromstring(text)  # noqa: S314 - written by this package, and by GDAL from that
        self._bands = [_sources(band) for band in root.findall("VRTRasterBand")]
        self._mask = [source for band in root.findall("MaskBand/VRTRasterBand") for source in _sources(band)]
        bands = root.findall("VRTRasterBand")
        self._has_alpha = bool(bands) and bands[-1].findtext("ColorInterp") == "Alpha"
        self._nodata = [band.find("NoDataValue") is not None for band in bands]
        self._has_overviews = root.find(".//Overview") is not None
        self._warp = _Warp.of(root)
        self._inner: Dict[str, Layers] = {}

    def asked(
        self, numbers: Sequence[Number], window: Window, shape: Tuple[int, int], resampling: Resampling
    ) -> Iterator[Asked]:
        """Yield the parts of files that GDAL reads, in the order in which it requests them.

        Parameters
        ----------
        numbers : sequence of int or str
            Bands and masks.
        window : Window
            Part of the VRT, in its pixels.
        shape : (int, int)
            Rows and columns of the result.
        resampling : Resampling
            Resampling method, if the shape differs from the window's.

        Yields
        ------
        Asked
            Each part.
        """
        coarser = min(window.width / shape[1], window.height / shape[0])
        if self._warp is not None:
            part = self._warp.part(window, coarser)
            if part is not None:
                # GDAL warps whole blocks, all bands of each at once.
                few = max(1, round(part.height / max(1.0, coarser))), max(1, round(part.width / max(1.0, coarser)))
                yield from self._within(self._warp.source, ALL, part, few, Resampling.bilinear)
            return
        if self._has_overviews and coarser >= _HALF:
            return
        if resampling != Resampling.nearest and coarser > 1:
            reach = _REACH * coarser
            grown = Window(window.col_off - reach, window.row_off - reach, window.width + 2 * reach,
                           window.height + 2 * reach)  # fmt: skip
            shape = round(shape[0] * grown.height / window.height), round(shape[1] * grown.width / window.width)
            window = grown
        for source in self._of(numbers):
            drawn = _drawn(source, window, shape)
            if drawn is not None:
                yield from self._within(source.name, source.number, drawn.window, drawn.shape, resampling)
                if source.masked:
                    number = f"mask,{source.number}"
                    yield from self._within(source.name, number, drawn.window, drawn.shape, resampling)

    def covered(self, window: Window, shape: Tuple[int, int]) -> FrozenSet[int]:
        """Return the sources that are invisible in a part, by their positions in each band.

        They lie below other sources that are valid everywhere, according to the headers of their files. With nearest
        neighbour resampling GDAL returns the same pixels without them.

        Parameters
        ----------
        window : rasterio.windows.Window
            Part of the VRT, in its pixels.
        shape : (int, int)
            Rows and columns of the result.

        Returns
        -------
        frozenset of int
            Positions, as for `without`.
        """
        if not self._bands or len(self._bands[0]) > _MOST_PLACED or self._has_overviews:
            return frozenset()
        names = [source.name for source in self._bands[0]]
        every = [*self._bands, *([self._mask] if self._mask else [])]
        if any([source.name for source in sources] != names for sources in every):
            return frozenset()
        there, reach, opaque = [], [], []
        for number, source in enumerate(self._bands[0]):
            part = reach_of(source.taken, source.placed, window, shape)
            if part is not None:
                there.append(number)
                reach.append(part)
                opaque.append(all(sources[number].opaque for sources in self._bands))
        if len(there) < 2 or not any(opaque):
            return frozenset()
        hidden = hidden_below(reach, opaque)
        above: Set[Tuple[object, ...]] = set()
        for place in reversed(range(len(there))):
            # For identical rectangles GDAL computes the same pixels, in every version.
            lies = tuple((sources[there[place]].taken, sources[there[place]].placed) for sources in every)
            hidden[place] = hidden[place] or lies in above
            if opaque[place]:
                above.add(lies)
        return frozenset(number for number, is_hidden in zip(there, hidden) if is_hidden)

    def without(self, places: FrozenSet[int]) -> str:
        """Return the text of the VRT without the sources at some positions of each band.

        Parameters
        ----------
        places : frozenset of int
            Positions, as `covered` returns them.
        """
        root = fromstring(tostring(self._root, encoding="unicode"))  # noqa: S314 - as above
        for band in [*root.findall("VRTRasterBand"), *root.findall("MaskBand/VRTRasterBand")]:
            elements = _elements(band)
            kept = [source for number, source in enumerate(elements) if number not in places]
            for source in elements:
                band.remove(source)
            # Draw a single source twice: GDAL derives overviews for a band of one source, and takes other pixels from
            # these.
            band.extend(kept if len(kept) > 1 else [*kept, *map(deepcopy, kept)])
        return tostring(root, encoding="unicode")

    def _of(self, numbers: Sequence[Number]) -> Iterator[_Source]:
        for number in numbers:
            if isinstance(number, int):
                yield from self._bands[number - 1]
            elif number == ALL:
                yield from self._of([*range(1, len(self._bands) + 1), *(["mask,1"] if self._mask else [])])
            elif self._mask:
                yield from self._mask
            elif self._has_alpha:
                yield from self._bands[-1]
            elif self._nodata[int(number.split(",")[1]) - 1]:
                yield from self._bands[int(number.split(",")[1]) - 1]

    def _within(
        self, name: str, number: Number, window: Window, shape: Tuple[int, int], resampling: Resampling
    ) -> Iterator[Asked]:
        if not name.startswith("<"):
            yield Asked(name, number, window, shape, resampling)
            return
        if name not in self._inner:
            self._inner[name] = Layers(name)
        yield from self._inner[name].asked([number], window, shape, resampling)


class _Warp:
    """Warp of a raster to another grid: determines the part of the source that a part of the result needs."""

    def __init__(self, source: str, block: Tuple[int, int], size: Tuple[int, int], systems: Tuple[str, str],
                 forth: Sequence[float], back: Sequence[float]) -> None:  # fmt: skip
        self.source, self._block, self._size = source, block, size
        self._systems, self._forth, self._back = systems, forth, back

    @classmethod
    def of(cls, root: Element) -> Optional[_Warp]:
        """Return the warp in a VRT, or None if there is none, or one of an unknown form.

        Parameters
        ----------
        root : Element
            The VRT.
        """
        source = root.findtext(".//GDALWarpOptions/SourceDataset")
        forth, back = root.findtext(".//DstGeoTransform"), root.findtext(".//SrcInvGeoTransform")
        if source is None or forth is None or back is None:
            return None
        block = int(root.findtext("BlockXSize") or 512), int(root.findtext("BlockYSize") or 128)
        size = int(root.get("rasterXSize", 0)), int(root.get("rasterYSize", 0))
        systems = root.findtext(".//SourceSRS") or "", root.findtext(".//TargetSRS") or ""
        return cls(source, block, size, systems, _numbers(forth), _numbers(back))

    def part(self, window: Window, coarser: float) -> Optional[Window]:
        """Return the part of the source that is read, for whole blocks of the result; None if it cannot be computed.

        Parameters
        ----------
        window : rasterio.windows.Window
            Part of the result.
        coarser : float
            Decimation of the read, 1 at full size.
        """
        sides = []
        for first, length, block, size in zip((window.col_off, window.row_off), (window.width, window.height),
                                              self._block, self._size):  # fmt: skip
            block = math.ceil(block * max(1.0, coarser))
            begin, end = math.floor(first / block) * block, math.ceil((first + length) / block) * block
            sides.append(np.linspace(max(0, begin), min(size, end), _ALONG))
        columns, rows = (side.ravel() for side in np.meshgrid(*sides))
        x, y = _applied(self._forth, columns, rows)
        if self._systems[0] and self._systems[1]:
            moved = transformed(self._systems[1], self._systems[0], x, y)
            if moved is None:
                return None
            x, y = moved
        columns, rows = _applied(self._back, x, y)
        known = np.isfinite(columns) & np.isfinite(rows)
        if not known.any():
            return None
        columns, rows = columns[known], rows[known]
        left, top = math.floor(columns.min()) - _REACH, math.floor(rows.min()) - _REACH
        return Window(left, top, math.ceil(columns.max()) + _REACH - left, math.ceil(rows.max()) + _REACH - top)


def _numbers(text: str) -> List[float]:
    return [float(number) for number in text.split(",")]


def _applied(by: Sequence[float], x: np.ndarray, y: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Apply a geotransform of GDAL."""
    return by[0] + by[1] * x + by[2] * y, by[3] + by[4] * x + by[5] * y


def _elements(band: Element) -> List[Element]:
    return [element for element in band if element.tag in ("SimpleSource", "ComplexSource")]


def _sources(band: Element) -> List[_Source]:
    found = []
    for element in _elements(band):
        name, said = element.findtext("SourceFilename") or "", element.findtext("SourceBand") or "1"
        masked = element.findtext("UseMaskBand") == "true"
        found.append(
            _Source(
                name,
                int(said) if said.isdigit() else said,
                masked,
                # Files with any kind of nodata are wrapped in a VRT where their mask is used.
                masked and not name.startswith("<"),
                _rectangle(element, "SrcRect"),
                _rectangle(element, "DstRect"),
            )
        )
    return found


def _rectangle(element: Element, tag: str) -> Rectangle:
    found = element.find(tag)
    if found is None:
        raise ValueError(f"a source lacks its {tag}")
    x, y, width, height = (float(found.get(side, "nan")) for side in ("xOff", "yOff", "xSize", "ySize"))
    return x, y, width, height


def _drawn(source: _Source, window: Window, shape: Tuple[int, int]) -> Optional[_Drawn]:
    """Return where a source lies in a part, or None if it does not: VRTSimpleSource::GetSrcDstWindow of GDAL."""
    sides = []
    for at, (first, length, count) in enumerate(
        ((window.col_off, window.width, shape[1]), (window.row_off, window.height, shape[0]))
    ):
        (taken, size), (placed, room) = source.taken[at::2], source.placed[at::2]
        begin, end = max(first, placed), min(first + length, placed + room)
        if begin >= end:
            return None
        scale = count / length  # output pixels per pixel of the VRT
        out = (begin - first) * scale, (end - first) * scale
        # GDAL draws whole pixels, and reads correspondingly more.
        pixels = math.floor(out[0] + EPSILON), math.ceil(out[1] - EPSILON)
        if pixels[0] >= pixels[1]:
            return None
        read = [(edge / scale + first - placed) * size / room + taken for edge in pixels]
        sides.append((read, pixels[1] - pixels[0]))
    (across, columns), (down, rows) = sides
    return _Drawn(Window(across[0], down[0], across[1] - across[0], down[1] - down[0]), (rows, columns))
