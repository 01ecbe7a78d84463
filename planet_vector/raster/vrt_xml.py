"""Build VRTs, the XML of GDAL's virtual rasters, with nothing but the standard library.

Elements and attributes are those of GDAL's manual ("VRT -- GDAL Virtual Format"), and of what ``gdalwarp -of VRT``
writes. Other modules decide what a VRT contains; only this one knows its syntax. Rectangles are column, row, columns
and rows, in pixels.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, FrozenSet, Mapping, NamedTuple, Optional, Sequence, Tuple, Union
from xml.etree.ElementTree import Element, SubElement, tostring  # noqa: S405 - nothing is parsed

from planet_vector.errors import RasterAccessError
from planet_vector.geometry.grid import GridSpec

if TYPE_CHECKING:
    from rasterio.control import GroundControlPoint
    from rasterio.crs import CRS

Rectangle = Tuple[float, float, float, float]
Items = Sequence[Tuple[str, str]]

_WARPED = "VRTWarpedDataset"
_MOST_PIXELS = 2**31 - 1  # a side, which GDAL counts in 32 bits
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2


class Properties(NamedTuple):
    """Properties of a source; with them, GDAL opens it on first access.

    Attributes
    ----------
    width, height : int
        Columns and rows of the source.
    dtype : str
        Data type of the band, in GDAL's terms.
    block : (int, int)
        Columns and rows of its blocks.
    """

    width: int
    height: int
    dtype: str
    block: Tuple[int, int]


def new_vrt(grid: GridSpec) -> Element:
    """Return the root of a VRT over a grid.

    The coordinate system is written without an axis mapping, so that GDAL takes longitude or easting as the first
    coordinate in every system.

    Parameters
    ----------
    grid : GridSpec
        The grid; its ``crs`` is an EPSG code or a coordinate system of rasterio.

    Raises
    ------
    RasterAccessError
        If the grid has more pixels than GDAL can count.
    """
    if max(grid.shape) > _MOST_PIXELS:
        told = "With pixels of {:g} × {:g} there would be {} × {} of them".format(*grid.res, grid.width, grid.height)
        raise RasterAccessError(f"{told}: take larger ones.")
    root = Element("VRTDataset", rasterXSize=str(grid.width), rasterYSize=str(grid.height))
    SubElement(root, "SRS").text = f"EPSG:{grid.crs}" if isinstance(grid.crs, int) else grid.crs.to_wkt()
    SubElement(root, "GeoTransform").text = _numbers(_geotransform(grid))
    return root


def place_freely(
    root: Element, crs: Optional[CRS], transform: Sequence[float], points: Sequence[GroundControlPoint]
) -> None:
    """Replace the georeference of a VRT by that of a file in any orientation, or of one without a georeference.

    Parameters
    ----------
    root : Element
        As `new_vrt` returns it.
    crs : rasterio.crs.CRS or None
        Coordinate system of the transform or of the points.
    transform : sequence of float
        In GDAL's order; the identity for a file without a transform.
    points : sequence of rasterio.control.GroundControlPoint
        Ground control points; empty if there is a transform.
    """
    for name in ("SRS", "GeoTransform"):
        root.remove(root.find(name))  # type: ignore[arg-type]
    if points:
        listed = SubElement(root, "GCPList", {} if crs is None else {"Projection": crs.to_wkt()})
        for number, point in enumerate(points, 1):
            places = zip(("Pixel", "Line", "X", "Y", "Z"), (point.col, point.row, point.x, point.y, point.z or 0.0))
            SubElement(listed, "GCP", {"Id": str(number), **{name: repr(float(place)) for name, place in places}})
        return
    if crs is not None:
        SubElement(root, "SRS").text = crs.to_wkt()
    if tuple(transform) != (0.0, 1.0, 0.0, 0.0, 0.0, 1.0):
        SubElement(root, "GeoTransform").text = _numbers(transform)


def add_metadata(parent: Element, items: Items, domain: str = "") -> None:
    """Add metadata to a VRT, or to a band of it, if there are any.

    Parameters
    ----------
    parent : Element
        The VRT or the band.
    items : sequence of (str, str)
        Names and values.
    domain : str
        Metadata domain; by default that of GDAL.
    """
    if items:
        metadata = SubElement(parent, "Metadata", {"domain": domain} if domain else {})
        for key, value in items:
            SubElement(metadata, "MDI", key=xml_text(key)).text = xml_text(value)


def add_band(
    root: Element, dtype: str, texts: Items = (), metadata: Items = (), block: Optional[Tuple[int, int]] = None
) -> Element:
    """Add a band to a VRT.

    Parameters
    ----------
    root : Element
        The VRT.
    dtype : str
        Data type, in GDAL's terms.
    texts : sequence of (str, str)
        Elements of the band and their texts, for example ``ColorInterp``; empty ones are omitted.
    metadata : sequence of (str, str)
        Metadata items of the band.
    block : (int, int), optional
        Columns and rows of its blocks; by default those of GDAL.

    Returns
    -------
    Element
        The band.
    """
    band = SubElement(root, "VRTRasterBand", dataType=dtype, band=str(len(root.findall("VRTRasterBand")) + 1))
    if root.get("subClass") == _WARPED:
        band.set("subClass", "VRTWarpedRasterBand")
    if block is not None:
        set_block(band, *block)
    add_metadata(band, metadata)
    for name, text in texts:
        if text:
            SubElement(band, name).text = xml_text(text)
    return band


def set_description(band: Element, name: Optional[str]) -> None:
    """Set the name of a band, if it has none.

    Parameters
    ----------
    band : Element
        The band.
    name : str or None
        Its name; None leaves it as it is.
    """
    if name and band.find("Description") is None:
        described = Element("Description")
        described.text = xml_text(name)
        band.insert(0, described)


def set_block(band: Element, columns: object, rows: object) -> None:
    """Set the block size of a band to that of its file, for programs that read block by block.

    Parameters
    ----------
    band : Element
        The band.
    columns, rows : int or str
        Block size in pixels.
    """
    band.attrib.update(blockXSize=str(columns), blockYSize=str(rows))


def add_colour_table(band: Element, table: Mapping[int, Sequence[int]]) -> None:
    """Add a palette to a band: red, green, blue and alpha by pixel value; missing values are transparent black.

    Parameters
    ----------
    band : Element
        The band.
    table : mapping of int to sequence of int
        Colours by pixel value.
    """
    element = SubElement(band, "ColorTable")
    for value in range(max(table) + 1):
        colour = table.get(value, (0, 0, 0, 0))
        SubElement(element, "Entry", {f"c{number}": str(part) for number, part in enumerate(colour, 1)})


@lru_cache(maxsize=16)
def mask_table(values: FrozenSet[int], bits: int) -> str:
    """Return the table (LUT) of a source that turns pixels with some values into 255, and others into 0.

    Parameters
    ----------
    values : frozenset of int
        The values, from 0 to 255.
    bits : int
        The bits of a pixel, of 16, that are compared with these values; 0 for the whole value of pixels of 8 bits.
    """
    most = 65535 if bits else 255
    found = [255 if (value & bits if bits else value) in values else 0 for value in range(most + 1)]
    # GDAL interpolates between entries, and continues the last one.
    ends = [at for at in range(most + 1) if at in (0, most) or not found[at - 1] == found[at] == found[at + 1]]
    return ",".join(f"{at}:{found[at]}" for at in ends)


def add_mask(parent: Element) -> Element:
    """Add a mask band to a VRT, or to one of its bands: 255 for valid pixels, 0 for nodata.

    Parameters
    ----------
    parent : Element
        The VRT or the band.

    Returns
    -------
    Element
        The mask band.
    """
    return SubElement(SubElement(parent, "MaskBand"), "VRTRasterBand", dataType="Byte")


def add_source(
    band: Element,
    name: str,
    number: Union[int, str],
    taken: Optional[Rectangle] = None,
    placed: Optional[Rectangle] = None,
    properties: Optional[Properties] = None,
    settings: Optional[Mapping[str, str]] = None,
    relative: bool = False,
    resampling: str = "",
) -> None:
    """Add a source to a band.

    Parameters
    ----------
    band : Element
        The band.
    name : str
        GDAL name of the source.
    number : int or str
        Band of the source, counted from 1; ``mask,<number>`` for a band's mask.
    taken, placed : Rectangle, optional
        Part of the source, and its position in the VRT; by default all of it, everywhere.
    properties : Properties, optional
        Properties of the source; without them GDAL opens it together with the VRT.
    settings : mapping of str to str, optional
        Elements of a complex source, for example ``NODATA``; by default the source is a simple one.
    relative : bool
        Whether the name is a path relative to the VRT.
    resampling : str
        Resampling method of the source; by default that of the read.
    """
    source = SubElement(band, "SimpleSource" if settings is None else "ComplexSource")
    if resampling:
        source.set("resampling", resampling)
    SubElement(source, "SourceFilename", relativeToVRT=str(int(relative)), shared="0").text = name
    SubElement(source, "SourceBand").text = str(number)
    if properties is not None:
        SubElement(
            source, "SourceProperties", RasterXSize=str(properties.width), RasterYSize=str(properties.height),
            DataType=properties.dtype, BlockXSize=str(properties.block[0]), BlockYSize=str(properties.block[1]),
        )  # fmt: skip
    for tag, rectangle in (("SrcRect", taken), ("DstRect", placed)):
        if rectangle is not None:
            SubElement(source, tag, dict(zip(("xOff", "yOff", "xSize", "ySize"), map(_number, rectangle))))
    for tag, text in (settings or {}).items():
        SubElement(source, tag).text = text


def add_overview(band: Element, name: str, number: int) -> None:
    """Add a band of another raster to a band, as an overview that is opened on first access.

    Parameters
    ----------
    band : Element
        The band.
    name : str
        GDAL name of the other raster.
    number : int
        Band of the other raster, counted from 1.
    """
    overview = SubElement(band, "Overview")
    SubElement(overview, "SourceFilename", relativeToVRT="0").text = name
    SubElement(overview, "SourceBand").text = str(number)


class Warp(NamedTuple):
    """Warp of a raster to the grid of a VRT.

    Attributes
    ----------
    source : str
        GDAL name of the raster.
    grid : GridSpec
        Grid of the raster.
    resampling : str
        GDAL's name of the method, for example ``Bilinear``.
    block : int
        Pixels a side that are warped at once.
    memory : int
        Most bytes that this may take.
    bands : int
        Number of bands that are warped, one to one.
    alpha : int
        Number of the alpha band of the raster.
    keeps_alpha : bool
        Whether the VRT has that band, too.
    """

    source: str
    grid: GridSpec
    resampling: str
    block: int
    memory: int
    bands: int
    alpha: int
    keeps_alpha: bool


def new_warped_vrt(grid: GridSpec, dtype: str, colours: Sequence[str], warp: Warp) -> Element:
    """Return a VRT that warps a raster to a grid, both north up; its bands have one data type, and the given colours.

    Parameters
    ----------
    grid : GridSpec
        Grid of the VRT.
    dtype : str
        Data type of all bands, in GDAL's terms.
    colours : sequence of str
        Colour interpretation of each band.
    warp : Warp
        The raster, and how it is warped.
    """
    root = new_vrt(grid)
    root.set("subClass", _WARPED)
    for colour in colours:
        add_band(root, dtype, [("ColorInterp", colour)])
    SubElement(root, "BlockXSize").text = str(min(warp.block, grid.width))
    SubElement(root, "BlockYSize").text = str(min(warp.block, grid.height))
    options = SubElement(root, "GDALWarpOptions")
    SubElement(options, "WarpMemoryLimit").text = str(warp.memory)
    SubElement(options, "ResampleAlg").text = warp.resampling
    SubElement(options, "WorkingDataType").text = dtype
    SubElement(options, "Option", name="INIT_DEST").text = "0"
    SubElement(options, "SourceDataset", relativeToVRT="0").text = warp.source
    approximate = SubElement(SubElement(options, "Transformer"), "ApproxTransformer")
    SubElement(approximate, "MaxError").text = "0.125"  # pixels, as in gdalwarp
    transformer = SubElement(SubElement(approximate, "BaseTransformer"), "GenImgProjTransformer")
    for side, pixels in (("Src", warp.grid), ("Dst", grid)):
        SubElement(transformer, f"{side}GeoTransform").text = _numbers(_geotransform(pixels))
        SubElement(transformer, f"{side}InvGeoTransform").text = _numbers(_inverse(pixels))
    systems = SubElement(SubElement(transformer, "ReprojectTransformer"), "ReprojectionTransformer")
    SubElement(systems, "SourceSRS").text = f"EPSG:{warp.grid.crs}"
    SubElement(systems, "TargetSRS").text = f"EPSG:{grid.crs}"
    mappings = SubElement(options, "BandList")
    for number in range(1, warp.bands + 1):
        SubElement(mappings, "BandMapping", src=str(number), dst=str(number))
    SubElement(options, "SrcAlphaBand").text = str(warp.alpha)
    if warp.keeps_alpha:
        SubElement(options, "DstAlphaBand").text = str(warp.alpha)
    return root


def as_text(root: Element) -> str:
    """Return a VRT as text, which GDAL opens directly or from a file.

    Parameters
    ----------
    root : Element
        The VRT.
    """
    return tostring(root, encoding="unicode")


def xml_text(text: str) -> str:
    """Return a text without control characters, which XML cannot contain.

    Parameters
    ----------
    text : str
        Any text.
    """
    return _NO_XML.sub(" ", text)


def _geotransform(grid: GridSpec) -> Sequence[float]:
    """Return the geotransform of a grid, in GDAL's order."""
    return grid.west, grid.res[0], 0.0, grid.north, 0.0, -grid.res[1]


def _inverse(grid: GridSpec) -> Sequence[float]:
    """Return the inverse of the geotransform of a grid."""
    x, y = grid.res[0], -grid.res[1]
    return -grid.west / x, 1 / x, 0.0, -grid.north / y, 0.0, 1 / y


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(repr(float(value)) for value in values)


def _number(value: Any) -> str:
    return str(value) if isinstance(value, int) else repr(float(value))  # numpy's numbers print their type
