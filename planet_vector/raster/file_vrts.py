"""Write VRTs of files whose headers are known, so that GDAL opens each file on first access."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Mapping, Optional, Sequence, Union

from planet_vector.errors import RasterAccessError
from planet_vector.geometry.grid import GridSpec
from planet_vector.pixels.header import Band, RasterHeader
from planet_vector.raster.vrt_xml import (
    Properties,
    add_band,
    add_colour_table,
    add_mask,
    add_overview,
    add_source,
    as_text,
    new_vrt,
)

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_TYPES = {
    "uint8": "Byte", "int8": "Int8", "uint16": "UInt16", "int16": "Int16", "uint32": "UInt32", "int32": "Int32",
    "float32": "Float32", "float64": "Float64",
}  # fmt: skip


def vrt_band(root: Element, said: Band) -> Element:
    """Add a band with all the properties of a header's band to a VRT.

    Parameters
    ----------
    root : Element
        The VRT.
    said : Band
        The band to describe.

    Returns
    -------
    Element
        The added band.

    Raises
    ------
    RasterAccessError
        If VRTs have no such data type.
    """
    if said.dtype not in _TYPES:
        raise RasterAccessError(f"A band of type {said.dtype} cannot be combined with others: open it by itself.")
    texts = [("Description", said.description or "")]
    if said.nodata is not None:
        texts.append(("NoDataValue", repr(said.nodata)))
    texts += [("ColorInterp", said.colour.name.capitalize()), ("UnitType", said.unit or "")]
    if (said.scale, said.offset) != (1, 0):
        texts += [("Offset", repr(float(said.offset))), ("Scale", repr(float(said.scale)))]
    band = add_band(root, _TYPES[said.dtype], texts, list(said.tags.items()))
    if said.table:
        add_colour_table(band, said.table)
    return band


def vrt_source(
    band: Element,
    name: str,
    number: Union[int, str],
    header: RasterHeader,
    grid: GridSpec,
    settings: Optional[Mapping[str, str]] = None,
    lazily: bool = True,
    relative: bool = False,
) -> None:
    """Add a source to a band of a VRT; with its properties specified, GDAL opens the file on first access.

    Parameters
    ----------
    band : Element
        The band.
    name : str
        GDAL name of the source.
    number : int or str
        Band of the source, counted from 1; ``mask,<number>`` for a band's mask.
    header : RasterHeader
        Header of the source.
    grid : GridSpec
        Grid of the VRT.
    settings, relative
        As for `add_source`.
    lazily : bool
        False in a VRT that is a source itself, as GDAL keeps no more than a hundred lazily opened files.
    """
    properties = None
    if lazily:
        said = header.bands[number - 1] if isinstance(number, int) and number <= len(header.bands) else None
        rows, columns = (said or header.bands[0]).block
        properties = Properties(header.width, header.height, _TYPES[said.dtype] if said else "Byte", (columns, rows))
    west, south, east, north = header.bounds
    placed = (
        (west - grid.west) / grid.res[0],
        (grid.north - north) / grid.res[1],
        (east - west) / grid.res[0],
        (north - south) / grid.res[1],
    )
    add_source(band, name, number, (0, 0, header.width, header.height), placed, properties, settings, relative)


def add_masks(
    mask: Element,
    name: str,
    header: RasterHeader,
    grid: GridSpec,
    own: Optional[str] = None,
    lazily: bool = True,
) -> None:
    """Add the valid pixels of a source to a mask band, by the rule of `planet_vector.pixels.valid`.

    Parameters
    ----------
    mask : Element
        As `add_mask` returns it; pixels that earlier sources made valid stay valid.
    name : str
        GDAL name of the source.
    header : RasterHeader
        Header of the source.
    grid : GridSpec
        Grid of the VRT.
    own : str, optional
        GDAL name of the source's own mask, if it has one: a raster of one band, 0 for nodata.
    lazily : bool
        As for `vrt_source`.
    """

    def add(of: str, number: Union[int, str], nodata: Any, ratio: int, offset: int) -> None:
        settings = {} if nodata is None else {"NODATA": repr(nodata)}
        settings.update(ScaleOffset=str(offset), ScaleRatio=str(ratio))
        vrt_source(mask, of, number, header, grid, settings, lazily)

    telling = header.fill_values
    if own is not None:
        add(own, 1, 0, 0, 255)
    elif header.alpha is not None:
        add(name, header.alpha, 0, 0, 255)
    elif None not in telling:
        for number, nodata in enumerate(telling, 1):  # a pixel is valid if any band has data
            add(name, number, nodata, 0, 255)
    else:
        add(name, "mask,1", None, 1, 0)  # all of it; no pixels are read


def with_nodata(name: str, header: RasterHeader) -> str:
    """Return the text of a VRT of a north-up file that declares the nodata value, if it has a single one.

    Parameters
    ----------
    name : str
        GDAL name of the file.
    header : RasterHeader
        Its header.
    """
    return as_text(_declared(name, header))


def with_mask(name: str, header: RasterHeader, own: Optional[str] = None) -> str:
    """Return the text of a VRT of a file, with a mask band of its valid pixels.

    Parameters
    ----------
    name : str
        GDAL name of the file.
    header : RasterHeader
        Its header, north up.
    own : str, optional
        As for `add_masks`.
    """
    root = _declared(name, header)
    add_masks(add_mask(root), name, header, header.grid, own, lazily=False)
    return as_text(root)


def _declared(name: str, header: RasterHeader) -> Element:
    root = new_vrt(header.grid)
    values = header.fill_values
    # A warp takes one value for all bands.
    nodata = values[0] if len(set(map(repr, values))) == 1 else None
    for number, said in enumerate(header.bands, 1):
        band = vrt_band(root, replace(said, nodata=nodata))
        vrt_source(band, name, number, header, header.grid, lazily=False)
    return root


def with_overviews(name: str, header: RasterHeader, overviews: Sequence[str]) -> str:
    """Return the text of a VRT of a file that is opened image by image, with its overviews.

    Parameters
    ----------
    name : str
        GDAL name of its first image.
    header : RasterHeader
        Its header, north up.
    overviews : sequence of str
        GDAL names of its overviews; each is opened on first access.
    """
    root = new_vrt(header.grid)
    for number, said in enumerate(header.bands, 1):
        band = vrt_band(root, said)
        vrt_source(band, name, number, header, header.grid, lazily=False)
        for overview in overviews:
            add_overview(band, overview, number)
    return as_text(root)


def mask_alone(name: str, header: RasterHeader) -> str:
    """Return the text of a VRT of the mask of a file as pixels: 255 for valid pixels, and nodata, 0, elsewhere.

    Parameters
    ----------
    name : str
        GDAL name of the file.
    header : RasterHeader
        Its header, north up.
    """
    root = new_vrt(header.grid)
    # One band for a single band, two for several: GDAL picks other pixels of several at reduced size, and the mask must
    # match.
    for _ in header.bands[:2]:
        band = add_band(root, "Byte", [("NoDataValue", "0")])
        vrt_source(band, name, "mask,1", header, header.grid, lazily=False)
    return as_text(root)
