"""What the header of a raster says, for everything that is made of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple
from xml.etree import ElementTree

import numpy as np
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.io import DatasetReader, MemoryFile
from rasterio.shutil import copy
from rasterio.windows import Window

from planet_vector.geometry.boxes import Bounds
from planet_vector.geometry.grid import GridSpec

ColourTable = Mapping[int, Tuple[int, int, int, int]]
"""Red, green, blue and alpha, 0 to 255, by pixel value."""

WIDE = ("int64", "uint64")
"""Types of which a float does not hold every value."""

_LARGEST_EXACT = 2**53  # up to which floats hold every integer


@dataclass(frozen=True)
class Band:
    """What the header says of one band.

    Attributes
    ----------
    dtype : str
        A numpy name, or ``complex_int16``.
    nodata : int, float or None
        The value that stands for no data, of 64-bit integers with all its digits; None also where a declared one is
        no value of `dtype`.
    colour : rasterio.enums.ColorInterp
        What the band shows.
    table : mapping of int to (red, green, blue, alpha), or None
        Colours of a palette.
    scale, offset : float
        A pixel means ``pixel * scale + offset``.
    unit : str or None
        Of that product, such as ``reflectance``.
    description : str or None
        The band's name.
    block : (int, int)
        Rows and columns of the blocks that the file holds it in.
    tags : mapping of str to str
        The band's metadata, without the statistics that GDAL keeps there: those of a part are others.
    """

    dtype: str
    nodata: Any
    colour: ColorInterp
    table: Optional[ColourTable]
    scale: float
    offset: float
    unit: Optional[str]
    description: Optional[str]
    block: Tuple[int, int]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class RasterHeader:
    """What the header of a raster says.

    Attributes
    ----------
    crs : rasterio.crs.CRS or None
        Of the transform, or of the ground control points where there is none.
    transform : Affine
        From column and row to coordinates; the identity where there is none.
    points : tuple of rasterio.control.GroundControlPoint
        Ground control points, empty where there is a transform.
    width, height : int
        Columns and rows.
    bands : tuple of Band
        In the order of the file.
    masked : bool
        Whether a mask of its own, and neither nodata nor alpha, says where there is data.
    tags : mapping of str to str
        The file's metadata, such as ``TIFFTAG_DATETIME``.
    """

    crs: Any
    transform: Affine
    points: Tuple[GroundControlPoint, ...]
    width: int
    height: int
    bands: Tuple[Band, ...]
    masked: bool
    tags: Mapping[str, str]

    @classmethod
    def of(cls, dataset: DatasetReader) -> RasterHeader:
        """Return the header of an open dataset of rasterio; no pixels are read."""
        points, points_crs = dataset.gcps
        transform = dataset.transform
        if not transform.is_identity:
            points = []
        flags = dataset.mask_flag_enums[0] if dataset.count else [MaskFlags.all_valid]
        return cls(
            dataset.crs or (points_crs if points else None),
            transform,
            tuple(points),
            dataset.width,
            dataset.height,
            _bands(dataset),
            MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags,
            dict(dataset.tags()),
        )

    @property
    def dtypes(self) -> Tuple[str, ...]:
        """The type of each band."""
        return tuple(band.dtype for band in self.bands)

    @property
    def colours(self) -> Tuple[ColorInterp, ...]:
        """What each band shows."""
        return tuple(band.colour for band in self.bands)

    @property
    def nodata(self) -> Tuple[Any, ...]:
        """The value of each band that stands for no data, or None."""
        return tuple(band.nodata for band in self.bands)

    @property
    def fill_values(self) -> Tuple[Any, ...]:
        """The value of each band that is written where there is no data: NaN in bands of floats that declare none."""
        return tuple(
            math.nan if band.nodata is None and band.dtype.startswith("float") else band.nodata for band in self.bands
        )

    @property
    def alpha(self) -> Optional[int]:
        """The number of the band that says how opaque the others are, counted from 1, or None.

        Of several it is the last, as GDAL has it of two or four bands.
        """
        return max((n for n, colour in enumerate(self.colours, 1) if colour == ColorInterp.alpha), default=None)

    @property
    def shown(self) -> Tuple[int, ...]:
        """The numbers of the bands that are no alpha bands, counted from 1."""
        return tuple(n for n, colour in enumerate(self.colours, 1) if colour != ColorInterp.alpha)

    @property
    def res(self) -> Tuple[float, float]:
        """Width and height of a pixel in units of the CRS."""
        return math.hypot(self.transform.a, self.transform.d), math.hypot(self.transform.b, self.transform.e)

    @property
    def grid(self) -> GridSpec:
        """The pixels of a raster that is north up."""
        return GridSpec(self.crs, self.transform.c, self.transform.f, self.res, self.width, self.height)

    @property
    def bounds(self) -> Bounds:
        """West, south, east and north in units of the CRS, of a raster that is north up."""
        return self.grid.bounds

    def window(self, window: Window) -> RasterHeader:
        """Return the header of a part of the raster: the same pixels, in their place."""
        column, row = int(window.col_off), int(window.row_off)
        transform = self.transform
        if not transform.is_identity:
            transform = transform * Affine.translation(column, row)
        points = tuple(
            GroundControlPoint(point.row - row, point.col - column, point.x, point.y, point.z) for point in self.points
        )
        size = int(window.width), int(window.height)
        return replace(self, transform=transform, points=points, width=size[0], height=size[1])

    def on(self, grid: GridSpec) -> RasterHeader:
        """Return the header of the same bands on another grid."""
        transform = Affine(*grid.transform)
        return replace(self, crs=grid.crs, transform=transform, points=(), width=grid.width, height=grid.height)

    def profile(self) -> Dict[str, Any]:
        """Return what `rasterio.open` takes to make a GeoTIFF of it; `describe` says the rest once it is open.

        Raises
        ------
        ValueError
            When a GeoTIFF cannot say it: it has one type for all bands, one value for no data, and a palette for one
            band. Beyond 2**53 rasterio writes another value than it is given.
        """
        if len(set(self.dtypes)) > 1:
            raise ValueError(f"bands of different types ({', '.join(self.dtypes)})")
        nodata = [band.nodata for band in self.bands if band.colour != ColorInterp.alpha]
        if len(set(map(repr, nodata))) > 1:
            raise ValueError(f"bands with different values for no data ({', '.join(map(str, nodata))})")
        if nodata and isinstance(nodata[0], int) and abs(nodata[0]) > _LARGEST_EXACT:
            raise ValueError(f"a value for no data that is written rounded ({nodata[0]})")
        tables = [number for number, band in enumerate(self.bands, 1) if band.table]
        if tables and (len(self.bands), self.alpha) not in ((1, None), (2, 2)):
            raise ValueError("a palette beside other bands")
        return {
            "driver": "GTiff",
            "width": self.width,
            "height": self.height,
            "count": len(self.bands),
            "dtype": self.dtypes[0],
            "crs": None if self.points else self.crs,
            "transform": self.transform,
            "nodata": nodata[0] if nodata else None,
        }

    def describe(self, target: Any) -> None:
        """Say of an open dataset of rasterio, before its pixels are written, what its profile does not."""
        if self.points:
            target.gcps = list(self.points), self.crs
        target.update_tags(**self.tags)
        target.colorinterp = self.colours
        target.scales = [band.scale for band in self.bands]
        target.offsets = [band.offset for band in self.bands]
        target.units = [band.unit or "" for band in self.bands]
        for number, band in enumerate(self.bands, 1):
            target.update_tags(number, **band.tags)
            if band.description:
                target.set_band_description(number, band.description)
            if band.table:
                target.write_colormap(number, dict(band.table))

    def differences(self, other: RasterHeader) -> Sequence[str]:
        """Return what keeps the pixels of another raster from being put beside these, in words; empty if nothing does.

        Colours and names of bands may differ: only what makes equal numbers mean different things counts.
        """
        if len(self.bands) != len(other.bands):
            return [f"{len(other.bands)} bands instead of {len(self.bands)}"]
        found = []
        for number, (mine, its) in enumerate(zip(self.bands, other.bands), 1):
            if mine.dtype != its.dtype:
                found.append(f"band {number} is {its.dtype} instead of {mine.dtype}")
            elif (mine.scale, mine.offset) != (its.scale, its.offset):
                found.append(
                    f"band {number} has scale {its.scale:g} and offset {its.offset:g} instead of {mine.scale:g} and"
                    f" {mine.offset:g}"
                )
            elif mine.unit and its.unit and mine.unit != its.unit:
                found.append(f"band {number} is in {its.unit} instead of {mine.unit}")
            elif dict(mine.table or {}) != dict(its.table or {}):
                found.append(f"band {number} has another palette")
        return found


def _bands(dataset: DatasetReader) -> Tuple[Band, ...]:
    # Each of these looks at every band.
    dtypes, colours, nodata = dataset.dtypes, dataset.colorinterp, _nodata(dataset)
    scales, offsets, units = dataset.scales, dataset.offsets, dataset.units
    descriptions, blocks = dataset.descriptions, dataset.block_shapes
    return tuple(
        Band(
            dtypes[at],
            nodata[at],
            colours[at],
            dataset.colormap(at + 1) if colours[at] == ColorInterp.palette else None,
            scales[at],
            offsets[at],
            units[at] or None,
            descriptions[at] or None,
            tuple(blocks[at]),
            {name: text for name, text in dataset.tags(at + 1).items() if not name.startswith("STATISTICS_")},
        )
        for at in range(dataset.count)
    )


def _nodata(dataset: DatasetReader) -> Sequence[Any]:
    """Return the value of each band that stands for no data, as a value of its type."""
    found = [value_of(number, dtype) for number, dtype in zip(dataset.nodatavals, dataset.dtypes)]
    wide = [at for at, dtype in enumerate(dataset.dtypes) if dtype in WIDE]
    if not any(MaskFlags.nodata in dataset.mask_flag_enums[at] for at in wide):
        return found
    # rasterio tells these as floats, rounded, or not at all; GDAL writes all their digits into a VRT.
    with MemoryFile(ext=".vrt") as memory:
        copy(dataset, memory.name, driver="VRT")
        bands = ElementTree.fromstring(memory.read()).findall("VRTRasterBand")
    for at in wide:
        text = bands[at].findtext("NoDataValue")
        found[at] = None if text is None else int(text)
    return found


def value_of(number: Optional[float], dtype: str) -> Any:
    """Return a declared nodata value as a value of a type, or None where no pixel can have it.

    Programs declare what a type does not hold: -9999 of bytes, NaN of integers. GDAL finds no pixel of it, and rasterio
    refuses to write it. The fraction of what is declared for integers is cut off, as GDAL does.
    """
    if number is None or dtype.startswith("complex"):
        return number
    kind = np.dtype(dtype)
    if kind.kind == "f":
        with np.errstate(over="ignore"):
            return float(kind.type(number))
    limits = np.iinfo(kind)
    return int(number) if math.isfinite(number) and limits.min <= number <= limits.max else None
