"""The parts of a VRT: how GDAL is told of several files as one, each of which it opens when it is looked at."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Mapping, Optional, Sequence, Tuple, Union
from xml.etree.ElementTree import Element, SubElement, tostring

from planet_vector.errors import RasterAccessError
from planet_vector.pixels.header import Band, RasterHeader

Bounds = Tuple[float, float, float, float]

_TYPES = {
    "uint8": "Byte", "int8": "Int8", "uint16": "UInt16", "int16": "Int16", "uint32": "UInt32", "int32": "Int32",
    "float32": "Float32", "float64": "Float64",
}  # fmt: skip

_MOST_PIXELS = 2**31 - 1  # a side, which GDAL counts in 32 bits


def vrt(crs: Any, bounds: Bounds, res: Tuple[float, float]) -> Element:
    """Return the root of a VRT over some bounds, which end on whole pixels counted from the upper left."""
    west, south, east, north = bounds
    width, height = max(1, round((east - west) / res[0])), max(1, round((north - south) / res[1]))
    if max(width, height) > _MOST_PIXELS:
        told = f"Of {res[0]:g} × {res[1]:g} there would be {width} × {height} pixels"
        raise RasterAccessError(f"{told}: take larger ones.")
    root = Element("VRTDataset", rasterXSize=str(width), rasterYSize=str(height))
    SubElement(root, "SRS", dataAxisToSRSAxisMapping="1,2").text = crs.to_wkt()
    SubElement(root, "GeoTransform").text = ", ".join(repr(float(n)) for n in (west, res[0], 0, north, 0, -res[1]))
    return root


def vrt_tags(root: Element, tags: Mapping[str, str]) -> None:
    """Say the metadata of a VRT, before its bands, or of a band of it."""
    if tags:
        metadata = SubElement(root, "Metadata")
        for key, value in tags.items():
            SubElement(metadata, "MDI", key=key).text = value


def vrt_band(root: Element, said: Band) -> Element:
    """Add a band to a VRT, of which all is said that a header says of a band."""
    if said.dtype not in _TYPES:
        raise RasterAccessError(f"A band of type {said.dtype} cannot be put together with others: open it by itself.")
    number = len(root.findall("VRTRasterBand")) + 1
    band = SubElement(root, "VRTRasterBand", dataType=_TYPES[said.dtype], band=str(number))
    vrt_tags(band, said.tags)
    if said.description:
        SubElement(band, "Description").text = said.description
    if said.nodata is not None:
        SubElement(band, "NoDataValue").text = repr(said.nodata)
    SubElement(band, "ColorInterp").text = said.colour.name.capitalize()
    if said.unit:
        SubElement(band, "UnitType").text = said.unit
    if (said.scale, said.offset) != (1, 0):
        SubElement(band, "Offset").text = repr(float(said.offset))
        SubElement(band, "Scale").text = repr(float(said.scale))
    if said.table:
        table = SubElement(band, "ColorTable")
        for value in range(max(said.table) + 1):
            colour = said.table.get(value, (0, 0, 0, 0))
            SubElement(table, "Entry", {f"c{n}": str(part) for n, part in enumerate(colour, 1)})
    return band


def vrt_mask(parent: Element) -> Element:
    """Add a mask band to a VRT, or to one of its bands alone: 255 where there is data, 0 where there is none."""
    return SubElement(SubElement(parent, "MaskBand"), "VRTRasterBand", dataType="Byte")


def vrt_source(
    band: Element,
    name: str,
    number: Union[int, str],
    header: RasterHeader,
    bounds: Bounds,
    res: Tuple[float, float],
    kind: str = "SimpleSource",
    lazily: bool = True,
) -> Element:
    """Add a source to a band of a VRT; with its properties said, GDAL opens the file when it is looked at.

    Parameters
    ----------
    band : Element
        The band.
    name : str
        The GDAL name of the source.
    number : int or str
        Which of its bands, counted from 1; ``mask,<number>`` for a band's mask.
    header : RasterHeader
        Of the source.
    bounds, res
        Of the VRT.
    kind : str
        ``SimpleSource``, or ``ComplexSource`` where pixels without data are left out.
    lazily : bool
        False in a VRT that is a source itself: GDAL keeps no more than a hundred files that it opens late.
    """
    source = SubElement(band, kind)
    SubElement(source, "SourceFilename", relativeToVRT="0", shared="0").text = name
    SubElement(source, "SourceBand").text = str(number)
    said = header.bands[number - 1] if isinstance(number, int) and number <= len(header.bands) else None
    rows, columns = (said or header.bands[0]).block
    size = {"RasterXSize": header.width, "RasterYSize": header.height, "BlockXSize": columns, "BlockYSize": rows}
    if lazily:
        SubElement(
            source,
            "SourceProperties",
            {key: str(value) for key, value in size.items()},
            DataType=_TYPES[said.dtype] if said else "Byte",
        )
    west, south, east, north = header.bounds
    SubElement(source, "SrcRect", xOff="0", yOff="0", xSize=str(header.width), ySize=str(header.height))
    place = {
        "xOff": (west - bounds[0]) / res[0],
        "yOff": (bounds[3] - north) / res[1],
        "xSize": (east - west) / res[0],
        "ySize": (north - south) / res[1],
    }
    SubElement(source, "DstRect", {key: repr(float(value)) for key, value in place.items()})
    return source


def add_masks(
    mask: Element,
    name: str,
    header: RasterHeader,
    bounds: Bounds,
    res: Tuple[float, float],
    own: Optional[str] = None,
    lazily: bool = True,
) -> None:
    """Add what of a source is data to a mask band: the rule of `planet_vector.pixels.valid`, said in GDAL's words.

    Parameters
    ----------
    mask : Element
        As `vrt_mask` returns it; what was added before stays data.
    name : str
        The GDAL name of the source.
    header : RasterHeader
        Of the source.
    bounds, res
        Of the VRT.
    own : str, optional
        The GDAL name of the source's own mask, if it has one: a raster of one band, 0 where there is no data.
    lazily : bool
        As for `vrt_source`.
    """

    def add(of: str, number: Union[int, str], nodata: Any, ratio: int, offset: int) -> None:
        source = vrt_source(mask, of, number, header, bounds, res, "ComplexSource", lazily)
        if nodata is not None:
            SubElement(source, "NODATA").text = repr(nodata)
        SubElement(source, "ScaleOffset").text = str(offset)
        SubElement(source, "ScaleRatio").text = str(ratio)

    telling = no_data(header)
    if own is not None:
        add(own, 1, 0, 0, 255)
    elif header.alpha is not None:
        add(name, header.alpha, 0, 0, 255)
    elif None not in telling:
        for number, nodata in enumerate(telling, 1):  # what one band has is data
            add(name, number, nodata, 0, 255)
    else:
        add(name, "mask,1", None, 1, 0)  # all of it; no pixels are read


def no_data(header: RasterHeader) -> Tuple[Any, ...]:
    """Return the value of each band that stands for no data: NaN in bands of floats that say nothing."""
    return tuple(
        math.nan if band.nodata is None and band.dtype.startswith("float") else band.nodata for band in header.bands
    )


def with_nodata(name: str, header: RasterHeader) -> str:
    """Return the text of a VRT of a file, north up, that says what stands for no data, if it is one value."""
    return tostring(_declared(name, header), encoding="unicode")


def with_mask(name: str, header: RasterHeader, own: Optional[str] = None) -> str:
    """Return the text of a VRT of a file, with a mask band that says what of it is data.

    Parameters
    ----------
    name : str
        The GDAL name of the file.
    header : RasterHeader
        Its header, north up.
    own : str, optional
        As for `add_masks`.
    """
    root = _declared(name, header)
    add_masks(vrt_mask(root), name, header, header.bounds, header.res, own, lazily=False)
    return tostring(root, encoding="unicode")


def _declared(name: str, header: RasterHeader) -> Element:
    root = vrt(header.crs, header.bounds, header.res)
    values = no_data(header)
    # A warp takes one value for all bands.
    nodata = values[0] if len(set(map(repr, values))) == 1 else None
    for number, said in enumerate(header.bands, 1):
        band = vrt_band(root, replace(said, nodata=nodata))
        vrt_source(band, name, number, header, header.bounds, header.res, lazily=False)
    return root


def with_overviews(name: str, header: RasterHeader, overviews: Sequence[str]) -> str:
    """Return the text of a VRT of a file that is opened image by image, with its overviews.

    Parameters
    ----------
    name : str
        The GDAL name of its first image.
    header : RasterHeader
        Its header, north up.
    overviews : sequence of str
        The GDAL names of its overviews; none is opened before it is looked at.
    """
    root = vrt(header.crs, header.bounds, header.res)
    for number, said in enumerate(header.bands, 1):
        band = vrt_band(root, said)
        vrt_source(band, name, number, header, header.bounds, header.res, lazily=False)
        for overview in overviews:
            element = SubElement(band, "Overview")
            SubElement(element, "SourceFilename", relativeToVRT="0").text = overview
            SubElement(element, "SourceBand").text = str(number)
    return tostring(root, encoding="unicode")


def mask_alone(name: str, header: RasterHeader) -> str:
    """Return the text of a VRT of the mask of a file as pixels: 255 where there is data, and nodata, 0, elsewhere."""
    root = vrt(header.crs, header.bounds, header.res)
    # Once for one band, twice for several: of those GDAL takes other pixels at reduced size, and a mask needs the same.
    for number in range(1, min(2, len(header.bands)) + 1):
        band = SubElement(root, "VRTRasterBand", dataType="Byte", band=str(number))
        SubElement(band, "NoDataValue").text = "0"
        vrt_source(band, name, "mask,1", header, header.bounds, header.res, lazily=False)
    return tostring(root, encoding="unicode")
