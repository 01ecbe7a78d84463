"""Hold the header of a raster, for everything that is derived from it."""

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
"""Data types whose values a float cannot represent exactly."""

_LARGEST_EXACT = 2**53  # largest integer up to which floats represent all


@dataclass(frozen=True)
class Band:
    """Header of one band.

    Attributes
    ----------
    dtype : str
        A numpy name, or ``complex_int16``.
    nodata : int, float or None
        Nodata value, exact for 64-bit integers; None also if the declared one is no value of `dtype`.
    colour : rasterio.enums.ColorInterp
        Colour interpretation.
    table : mapping of int to (red, green, blue, alpha), or None
        Palette.
    scale, offset : float
        The physical value of a pixel is ``pixel * scale + offset``.
    unit : str or None
        Unit of the physical value, for example ``reflectance``.
    description : str or None
        Name of the band.
    block : (int, int)
        Rows and columns of its blocks in the file.
    tags : mapping of str to str
        Metadata of the band, without GDAL's statistics, which do not apply to a part.
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
    """Header of a raster.

    Attributes
    ----------
    crs : rasterio.crs.CRS or None
        Coordinate system of the transform, or of the ground control points if there is no transform.
    transform : Affine
        From column and row to coordinates; the identity if there is none.
    points : tuple of rasterio.control.GroundControlPoint
        Ground control points; empty if there is a transform.
    width, height : int
        Columns and rows.
    bands : tuple of Band
        In the order of the file.
    masked : bool
        Whether valid pixels are given by a separate mask, and neither by nodata nor by alpha.
    tags : mapping of str to str
        Metadata of the file, for example ``TIFFTAG_DATETIME``.
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
        """Return the header of an open dataset of rasterio; no pixels are read.

        Parameters
        ----------
        dataset : rasterio.io.DatasetReader
            The open file.
        """
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
        """Data type of each band."""
        return tuple(band.dtype for band in self.bands)

    @property
    def colours(self) -> Tuple[ColorInterp, ...]:
        """Colour interpretation of each band."""
        return tuple(band.colour for band in self.bands)

    @property
    def nodata(self) -> Tuple[Any, ...]:
        """Nodata value of each band, or None."""
        return tuple(band.nodata for band in self.bands)

    @property
    def fill_values(self) -> Tuple[Any, ...]:
        """Value of each band that is written for nodata: NaN in float bands without a declared value."""
        return tuple(
            math.nan if band.nodata is None and band.dtype.startswith("float") else band.nodata for band in self.bands
        )

    @property
    def alpha(self) -> Optional[int]:
        """Number of the alpha band, counted from 1, or None.

        Of several it is the last, as in GDAL for two or four bands.
        """
        return max((n for n, colour in enumerate(self.colours, 1) if colour == ColorInterp.alpha), default=None)

    @property
    def shown(self) -> Tuple[int, ...]:
        """Numbers of all bands except alpha bands, counted from 1."""
        return tuple(n for n, colour in enumerate(self.colours, 1) if colour != ColorInterp.alpha)

    @property
    def res(self) -> Tuple[float, float]:
        """Width and height of a pixel in units of the CRS."""
        return math.hypot(self.transform.a, self.transform.d), math.hypot(self.transform.b, self.transform.e)

    @property
    def grid(self) -> GridSpec:
        """Grid of a north-up raster."""
        return GridSpec(self.crs, self.transform.c, self.transform.f, self.res, self.width, self.height)

    @property
    def bounds(self) -> Bounds:
        """West, south, east and north of a north-up raster in units of the CRS."""
        return self.grid.bounds

    def window(self, window: Window) -> RasterHeader:
        """Return the header of a part of the raster, with the georeference shifted accordingly.

        Parameters
        ----------
        window : rasterio.windows.Window
            Whole pixels.
        """
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
        """Return the header of the same bands on another grid.

        Parameters
        ----------
        grid : GridSpec
            The grid, with a coordinate system of rasterio.
        """
        transform = Affine(*grid.transform)
        return replace(self, crs=grid.crs, transform=transform, points=(), width=grid.width, height=grid.height)

    def profile(self) -> Dict[str, Any]:
        """Return the options for `rasterio.open` to create a GeoTIFF with this header; `describe` adds the rest.

        Raises
        ------
        ValueError
            If a GeoTIFF cannot represent it, as it has one data type and one nodata value for all bands, and a palette
            only for a single band. Beyond 2**53 rasterio writes a rounded nodata value.
        """
        if len(set(self.dtypes)) > 1:
            raise ValueError(f"bands of different types ({', '.join(self.dtypes)})")
        nodata = [band.nodata for band in self.bands if band.colour != ColorInterp.alpha]
        if len(set(map(repr, nodata))) > 1:
            raise ValueError(f"bands with different nodata values ({', '.join(map(str, nodata))})")
        if nodata and isinstance(nodata[0], int) and abs(nodata[0]) > _LARGEST_EXACT:
            raise ValueError(f"a nodata value that would be rounded ({nodata[0]})")
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
        """Write the properties that `profile` lacks to an open dataset, before its pixels.

        Parameters
        ----------
        target : rasterio.io.DatasetWriter
            The dataset.
        """
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
        """Return why the pixels of another raster cannot be combined with these, in words; empty if they can.

        Colours and names of bands may differ: only differences in the meaning of equal numbers count.

        Parameters
        ----------
        other : RasterHeader
            Header of the other raster.
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
    # Each of these properties reads all bands.
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
    """Return the nodata value of each band, as a value of its data type."""
    found = [value_of(number, dtype) for number, dtype in zip(dataset.nodatavals, dataset.dtypes)]
    wide = [at for at, dtype in enumerate(dataset.dtypes) if dtype in WIDE]
    if not any(MaskFlags.nodata in dataset.mask_flag_enums[at] for at in wide):
        return found
    # rasterio returns these rounded to floats, or not at all; GDAL writes all their digits into a VRT.
    with MemoryFile(ext=".vrt") as memory:
        copy(dataset, memory.name, driver="VRT")
        bands = ElementTree.fromstring(memory.read()).findall("VRTRasterBand")
    for at in wide:
        text = bands[at].findtext("NoDataValue")
        found[at] = None if text is None else int(text)
    return found


def value_of(number: Optional[float], dtype: str) -> Any:
    """Return a declared nodata value as a value of a data type, or None if no pixel can have it.

    Programs declare values outside the type: -9999 for bytes, NaN for integers. GDAL finds no pixel with them, and
    rasterio rejects them. The fraction of a value declared for integers is cut off, as in GDAL.

    Parameters
    ----------
    number : float or None
        The declared value.
    dtype : str
        A numpy name, or ``complex_int16``.

    Returns
    -------
    int, float or None
    """
    if number is None or dtype.startswith("complex"):
        return number
    kind = np.dtype(dtype)
    if kind.kind == "f":
        with np.errstate(over="ignore"):
            return float(kind.type(number))
    limits = np.iinfo(kind)
    return int(number) if math.isfinite(number) and limits.min <= number <= limits.max else None
