"""Read the header of a GeoTIFF on a host in ranges, without GDAL.

This module needs only the standard library and requests, because the GDAL driver runs it in whatever Python embeds
GDAL.
"""

from __future__ import annotations

import math
from os import SEEK_END
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple
from xml.etree import ElementTree  # noqa: S405 - entities are rejected
from xml.sax.saxutils import unescape  # noqa: S406 - parses nothing

import requests

from planet_vector.catalog import Catalog
from planet_vector.errors import ProtocolError
from planet_vector.geometry.grid import GridSpec
from planet_vector.http.responses import content_range, read_body
from planet_vector.pixels.tiff import (
    ASCII,
    BITS,
    EXTRA_SAMPLES,
    GDAL_METADATA,
    HEIGHT,
    PHOTOMETRIC,
    PLANAR,
    ROWS_PER_STRIP,
    SAMPLE_FORMAT,
    SAMPLES,
    SUB_DIRECTORIES,
    TILE_HEIGHT,
    TILE_WIDTH,
    WIDTH,
    Directory,
    TiffFile,
    TiffProblem,
)
from planet_vector.raster.access import Access
from planet_vector.raster.limits import MAX_BLOCK, MAX_RATIO
from planet_vector.raster.vrt_xml import xml_text

MOST_BANDS = 64

BEGINNING = 65536
"""Bytes of a request: the header of 8000 one-row strips, as GDAL writes it, and all that GDAL reads on opening."""

_MOST_REQUESTS = 3  # for a directory at the end of the file, or values behind long tables
_SECONDS = 30.0  # for one request with all its retries
_MOST_TEXT = 65536  # bytes of a text
_MOST_SIDE = 2**31 - 1  # pixels, which GDAL counts in 32 bits
_MOST_UNITS = 1e9  # metres or degrees; larger numbers, or smaller pixels, overflow in the computation of a zoom

_RATIONAL_POLYNOMIAL = 50844
_SCALE, _TIEPOINTS, _MATRIX, _KEYS, _NODATA = 33550, 33922, 34264, 34735, 42113
_TEXTS = {269: "DOCUMENTNAME", 270: "IMAGEDESCRIPTION", 305: "SOFTWARE", 306: "DATETIME", 315: "ARTIST",
          316: "HOSTCOMPUTER", 33432: "COPYRIGHT"}  # fmt: skip

# By SampleFormat and bits, in GDAL's terms.
_TYPES = {(1, 8): "Byte", (1, 16): "UInt16", (2, 16): "Int16", (1, 32): "UInt32", (2, 32): "Int32", (3, 32): "Float32",
          (3, 64): "Float64"}  # fmt: skip
_BLACK_IS_ZERO, _RGB = 1, 2  # of PHOTOMETRIC
_PREMULTIPLIED, _ALPHA = 1, 2  # of EXTRA_SAMPLES

# Keys of OGC GeoTIFF 1.1 (19-008r4).
_MODEL, _RASTER, _GEOGRAPHIC, _ANGLE, _PROJECTED, _LENGTH = 1024, 1025, 2048, 2054, 3072, 3076
_IS_PROJECTED, _IS_GEOGRAPHIC, _IS_POINT, _DEGREE, _METRE, _USER_DEFINED = 1, 2, 2, 9102, 9001, 32767
_SAYS_NOTHING_MORE = {_MODEL, _RASTER, 1026, _GEOGRAPHIC, 2049, _ANGLE, 2057, 2059, _PROJECTED, 3073, _LENGTH}
"""Keys that leave a code complete: these, citations, and the ellipsoid that belongs to the code."""


class TiffBand(NamedTuple):
    """Band of a TIFF header, in GDAL's terms.

    Attributes
    ----------
    colour : str
        Colour interpretation, for example ``Red``, ``Alpha`` or ``Undefined``.
    description : str
        Name of the band, or an empty string.
    texts : tuple of (str, str)
        VRT elements with their texts: ``Offset``, ``Scale``, ``UnitType``.
    metadata : tuple of (str, str)
        Other metadata items.
    """

    colour: str
    description: str = ""
    texts: Tuple[Tuple[str, str], ...] = ()
    metadata: Tuple[Tuple[str, str], ...] = ()


class TiffHeader(NamedTuple):
    """Header of a GeoTIFF of one image, north up, in a coordinate system with an EPSG code.

    Attributes
    ----------
    grid : GridSpec
        Grid of the pixels; its coordinate system is an EPSG code.
    dtype : str
        Data type of all bands, in GDAL's terms: ``Byte``, ``UInt16`` …
    bands : tuple of TiffBand
        The bands.
    nodata : str
        Nodata value, as written in the file, or an empty string.
    geographic : bool
        Whether the units of the coordinate system are degrees; otherwise metres.
    block : (int, int)
        Columns and rows of a strip or a tile.
    metadata : tuple of (str, str)
        Metadata items of the dataset.
    interleaved : bool
        Whether each block contains all bands.
    premultiplied : bool
        Whether colours are premultiplied by alpha.
    """

    grid: GridSpec
    dtype: str
    bands: Tuple[TiffBand, ...]
    nodata: str
    geographic: bool
    block: Tuple[int, int]
    metadata: Tuple[Tuple[str, str], ...]
    interleaved: bool
    premultiplied: bool


def read_tiff_header(catalog: Catalog, access: Access) -> TiffHeader:
    """Read the header of a file, by one request if it lies in the first 64 kB, or else by up to three.

    Parameters
    ----------
    catalog : Catalog
        The service that led to the file; its key is sent to its own hosts only.
    access : Access
        How the file is opened. Its first bytes are not requested again.

    Returns
    -------
    TiffHeader
        The header.

    Raises
    ------
    TiffProblem
        If the file is not a GeoTIFF of that kind; the message continues a sentence after the file's name.
    ServiceError
        If the host does not provide the file.
    """
    file = _Ranges(catalog, access.url, access.beginning, access.size)
    header = parse_tiff_header(TiffFile(file))
    samples = header.grid.width * header.grid.height * len(header.bands)
    if samples > file.length * MAX_RATIO:
        raise TiffProblem("declares more pixels than its size allows")
    return header


def read_small_file(catalog: Catalog, access: Access, most: int) -> Optional[bytes]:
    """Read a whole file, by one request for what is behind its first 64 kB.

    Parameters
    ----------
    catalog : Catalog
        The client of the service, as for `read_tiff_header`.
    access : Access
        How the file is opened. Its first bytes are not requested again.
    most : int
        Size of the largest file that is read, in bytes.

    Returns
    -------
    bytes or None
        The file; None if it is larger.

    Raises
    ------
    ServiceError
        If the host does not provide the file.
    """
    file = _Ranges(catalog, access.url, access.beginning, access.size)
    return file.whole() if file.length <= most else None


def parse_tiff_header(tiff: TiffFile) -> TiffHeader:
    """Return the header in the first directory of a TIFF, if it is the only one.

    Parameters
    ----------
    tiff : TiffFile
        The file.

    Raises
    ------
    TiffProblem
        If the file is of another kind.
    """
    first = tiff.directory(tiff.first)
    if first.following or SUB_DIRECTORIES in first.fields:
        raise TiffProblem("has overviews, masks or other images of its own")
    if _RATIONAL_POLYNOMIAL in first.fields:
        raise TiffProblem("is georeferenced by polynomials")

    def one(tag: int, default: int) -> int:
        found = tiff.integers(first, tag)
        return found[0] if found else default

    width, height, count = one(WIDTH, 0), one(HEIGHT, 0), one(SAMPLES, 1)
    if not (1 <= width <= _MOST_SIDE and 1 <= height <= _MOST_SIDE and 1 <= count <= MOST_BANDS):
        raise TiffProblem("has an unsupported size")
    kinds = set(zip(tiff.integers(first, SAMPLE_FORMAT) or (1,) * count, tiff.integers(first, BITS) or (1,)))
    dtype = _TYPES.get(kinds.pop()) if len(kinds) == 1 else None
    if dtype is None:
        raise TiffProblem("has pixels of an unsupported type")
    columns, rows = one(TILE_WIDTH, 0), one(TILE_HEIGHT, 0)
    if not (columns and rows):
        columns, rows = width, min(height, one(ROWS_PER_STRIP, height))
    interleaved = one(PLANAR, 1) == 1
    if columns * rows * (count if interleaved else 1) * 8 > MAX_BLOCK:
        raise TiffProblem("has blocks larger than any product's")

    extra = tiff.integers(first, EXTRA_SAMPLES)
    items, bands = _metadata(_text(tiff, first, GDAL_METADATA), _colours(one(PHOTOMETRIC, -1), count, extra))
    keys = _keys(tiff, first)
    points = keys.get(_RASTER) == _IS_POINT
    epsg, geographic = _system(keys)
    west, north, *res = _place(tiff, first)
    if points:  # the position is that of the centre of the first pixel
        west, north = west - res[0] / 2, north + res[1] / 2
    grid = GridSpec(epsg, west, north, (res[0], res[1]), width, height)
    items["AREA_OR_POINT"] = "Point" if points else "Area"
    for tag, name in _TEXTS.items():
        if tag in first.fields:
            items[f"TIFFTAG_{name}"] = _text(tiff, first, tag)
    nodata = _text(tiff, first, _NODATA).strip()
    premultiplied, metadata = _PREMULTIPLIED in extra, tuple(items.items())
    return TiffHeader(
        grid, dtype, tuple(bands), nodata, geographic, (columns, rows), metadata, interleaved, premultiplied
    )


def _colours(photometric: int, count: int, extra: Sequence[int]) -> List[str]:
    """Return the colour interpretation of the bands, by GDAL's rules for GeoTIFFs."""
    named = {_BLACK_IS_ZERO: ["Gray"], _RGB: ["Red", "Green", "Blue"]}.get(photometric)
    if named is None or len(named) + len(extra) > max(count, len(named)) or len(named) > count:
        raise TiffProblem("has unsupported colours")
    rest = ["Undefined"] * (count - len(named))
    for place, kind in enumerate(extra, len(rest) - len(extra)):
        if kind in (_PREMULTIPLIED, _ALPHA) and place >= 0:
            rest[place] = "Alpha"
    return named + rest


def _metadata(text: str, colours: Sequence[str]) -> Tuple[Dict[str, str], List[TiffBand]]:
    """Read GDAL's own XML: metadata items of the dataset, and of each band.

    Raises
    ------
    TiffProblem
        If it is not valid.
    """
    items: Dict[str, str] = {}
    bands = [TiffBand(colour) for colour in colours]
    if not text:
        return items, bands
    if "<!" in text:  # entities can expand without bounds
        raise TiffProblem("has unsupported metadata")
    try:
        root = ElementTree.fromstring(xml_text(text))  # noqa: S314 - entities are rejected above
    except ElementTree.ParseError:
        raise TiffProblem("has metadata that is not XML") from None
    for item in root.iter("Item"):
        # GDAL escapes values twice.
        value = unescape(item.text or "", {"&quot;": '"', "&apos;": "'"})
        name, sample = item.get("name", ""), item.get("sample")
        role = item.get("role", "")
        if item.get("domain"):
            continue  # properties of the format, mostly, which VRTs do not contain
        if sample is None:
            items[name] = value
            continue
        if not (sample.isascii() and sample.isdigit() and int(sample[:9]) < len(bands)):
            raise TiffProblem("has metadata of a missing band")
        at = int(sample)
        band = bands[at]
        if role == "description":
            bands[at] = band._replace(description=value)
        elif role == "colorinterp":
            bands[at] = band._replace(colour=value.capitalize())
        elif role in ("offset", "scale", "unittype"):
            element = {"offset": "Offset", "scale": "Scale", "unittype": "UnitType"}[role]
            bands[at] = band._replace(texts=(*band.texts, (element, value)))
        else:
            bands[at] = band._replace(metadata=(*band.metadata, (name, value)))
    return items, bands


def _place(tiff: TiffFile, first: Directory) -> Tuple[float, float, float, float]:
    """Return west, north, and the width and height of a pixel."""
    scale, points = tiff.values(first, _SCALE), tiff.values(first, _TIEPOINTS)
    matrix = tiff.values(first, _MATRIX)
    if len(scale) >= 2 and len(points) == 6 and not matrix:
        column, row, _, x, y, _ = points
        width, height = scale[0], scale[1]
        west, north = x - column * width, y + row * height
    elif len(matrix) == 16 and not scale and not points and not matrix[1] and not matrix[4]:
        west, north, width, height = matrix[3], matrix[7], matrix[0], -matrix[5]
    else:
        raise TiffProblem("is not georeferenced by its upper left corner, north up")
    if not (all(map(math.isfinite, (west, north, width, height))) and width > 0 and height > 0):
        raise TiffProblem("is not north up")
    if not (max(abs(west), abs(north), width, height) < _MOST_UNITS and min(width, height) > 1 / _MOST_UNITS):
        raise TiffProblem("has impossible coordinates")
    return west, north, width, height


def _keys(tiff: TiffFile, first: Directory) -> Dict[int, int]:
    """Return the numeric keys of the coordinate system; 0 for those whose values are stored elsewhere."""
    found = tiff.integers(first, _KEYS)
    entries = [found[at : at + 4] for at in range(4, len(found) - 3, 4)]
    return {key: (value if not where else 0) for key, where, _, value in entries}


def _system(keys: Dict[int, int]) -> Tuple[int, bool]:
    """Return the EPSG code of the coordinate system, and whether it is geographic.

    Raises
    ------
    TiffProblem
        If no code describes it completely.
    """
    projected = keys.get(_MODEL) == _IS_PROJECTED
    epsg = keys.get(_PROJECTED if projected else _GEOGRAPHIC, 0)
    unit = keys.get(_LENGTH, _METRE) == _METRE if projected else keys.get(_ANGLE, _DEGREE) == _DEGREE
    known = projected or keys.get(_MODEL) == _IS_GEOGRAPHIC
    if not (known and 1024 <= epsg < _USER_DEFINED and unit and keys.keys() <= _SAYS_NOTHING_MORE):
        raise TiffProblem("has a coordinate system without an EPSG code of its own")
    return epsg, not projected


def _text(tiff: TiffFile, first: Directory, tag: int) -> str:
    if tag in first.fields and first.fields[tag].kind != ASCII:
        raise TiffProblem(f"has a tag {tag} that is not text")
    return tiff.text(first, tag, _MOST_TEXT)


class _Ranges:
    """Seekable view of a file on a host, of which a few ranges are fetched.

    Attributes
    ----------
    length : int
        Size of the file in bytes.
    """

    def __init__(self, catalog: Catalog, url: str, beginning: bytes, length: Optional[int]) -> None:
        self._catalog, self._url = catalog, url
        self._parts: List[Tuple[int, bytes]] = []
        self.length = length or 0
        self._at = 0
        if beginning:
            self._parts.append((0, beginning))
        else:
            self._fetch(0)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = self.length + offset if whence == SEEK_END else offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Return some bytes, at most as many as one request fetches."""
        for first, content in self._parts:
            if first <= self._at and self._at + size <= first + len(content):
                return content[self._at - first : self._at - first + size]
        if len(self._parts) == _MOST_REQUESTS:
            raise TiffProblem("has a header in too many parts")
        self._fetch(self._at)
        return self._parts[-1][1][:size]

    def whole(self) -> bytes:
        """Return all bytes."""
        begun = self._parts[0][1][: self.length]
        if len(begun) < self.length:
            length = self.length
            self._fetch(len(begun), length - len(begun))
            begun += self._parts[-1][1]
            if len(begun) != length or self.length != length:
                raise ProtocolError("A product was replaced while it was read: try again.")
        return begun

    def _fetch(self, first: int, count: int = BEGINNING) -> None:
        def take(response: requests.Response) -> Tuple[int, bytes]:
            told = content_range(response.headers)
            if response.status_code != 206 or told is None or told[0] != first or told[1] - first >= count:
                raise ProtocolError("The host of a product did not send the requested range of it.")
            return told[2], read_body(response, count)

        wanted = {"Range": f"bytes={first}-{first + count - 1}", "Accept-Encoding": "identity"}
        transport = self._catalog.transport
        self.length, content = transport.stream(self._url, wanted, take, seconds=_SECONDS, limited=False)
        self._parts.append((first, content))
