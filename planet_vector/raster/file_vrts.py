"""Write VRTs of files whose headers are known, so that GDAL opens each file on first access."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, AbstractSet, Any, Mapping, Optional, Sequence, Tuple, Union

from rasterio.enums import ColorInterp

from planet_vector.errors import RasterAccessError
from planet_vector.geometry.grid import GridSpec, sampled
from planet_vector.pixels.header import Band, RasterHeader
from planet_vector.pixels.valid import needed
from planet_vector.raster.vrt_xml import (
    Properties,
    add_band,
    add_colour_table,
    add_mask,
    add_overview,
    add_source,
    as_text,
    mask_table,
    new_vrt,
)

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_PLAIN = ColorInterp.undefined
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
        told = f"A band of type {said.dtype} cannot be combined with others, or with values that its file lacks"
        raise RasterAccessError(f"{told}: download it.")
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
    resampling: str = "",
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
    settings, relative, resampling
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
    taken = (0, 0, header.width, header.height)
    add_source(band, name, number, taken, placed, properties, settings, relative, resampling)


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
    declared = header
    if own is not None:
        # GDAL takes an alpha band itself, in place of the mask, for the mask of its pixels.
        bands = (replace(b, colour=_PLAIN) if b.colour == ColorInterp.alpha else b for b in header.bands)
        declared = replace(header, bands=tuple(bands))
    root = _declared(name, declared)
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


def clear_pixels(
    name: str,
    header: RasterHeader,
    own: Optional[str],
    mask: str,
    its: RasterHeader,
    shown: Sequence[Tuple[int, AbstractSet[int]]],
    bits: int = 0,
) -> str:
    """Return the text of a VRT of the valid pixels of a file that a mask shows: one band of 255, and 0 elsewhere.

    The mask may have pixels of another size, of which the one at the centre of a pixel counts. Pixels beyond the mask
    are not shown.

    Parameters
    ----------
    name : str
        GDAL name of the file.
    header : RasterHeader
        Its header, north up.
    own : str or None
        As for `add_masks`.
    mask : str
        GDAL name of the mask.
    its : RasterHeader
        Header of the mask, north up, in the same coordinate system.
    shown : sequence of (int, set of int)
        Bands of the mask, counted from 1, and the values from 0 to 255 of the pixels that each shows. All must show a
        pixel.
    bits : int
        The bits of a pixel of the mask that are compared with these values; 0 for its whole value.
    """
    root = new_vrt(header.grid)
    band = add_band(root, "Byte")
    places = sampled(header.grid, its.grid)
    for at, (number, values) in enumerate(shown):
        # Each further source draws only its zeros: 255 is transparent.
        settings = {"NODATA": "255"} if at else {}
        if places is not None:
            selected = _selected(mask, its, number, values, bits)
            add_source(band, selected, 1, *places, settings=settings, resampling="nearest")
    if own is not None or needed(header):
        valid = new_vrt(header.grid)
        add_masks(add_band(valid, "Byte"), name, header, header.grid, own, lazily=False)
        vrt_source(band, as_text(valid), 1, header, header.grid, {"NODATA": "255"}, lazily=False)
    return as_text(root)


def _selected(name: str, header: RasterHeader, number: int, values: AbstractSet[int], bits: int) -> str:
    """Return the text of a VRT of a band of a file: 255 at some values, 0 at others."""
    root = new_vrt(header.grid)
    settings = {"LUT": mask_table(frozenset(values), bits)}
    vrt_source(add_band(root, "Byte"), name, number, header, header.grid, settings, lazily=False, resampling="nearest")
    return as_text(root)
