"""What GDAL is told, in its own XML, of tiles and of quads put together; with nothing but the standard library.

The driver makes these wherever it runs, and the modules that use rasterio make the same.
"""

from __future__ import annotations

import math
import re
from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple
from xml.etree.ElementTree import Element, SubElement, tostring  # noqa: S405 - nothing is parsed

from planet_vector.catalog import ScenesV0
from planet_vector.catalog.basemaps import Mosaic
from planet_vector.connections import may_have_key
from planet_vector.errors import ProtocolError
from planet_vector.geometry.shapes import Bounds
from planet_vector.geometry.web_mercator import HALF_WORLD, TILE
from planet_vector.roots import DEFAULT_API_URL, is_api_origin
from planet_vector.scene import Scene

_TILES_URL = "https://tiles.planet.com/v0/"
_DEEPEST = 22  # zoom; 4 cm a pixel
_USUAL = 18  # zoom; 60 cm a pixel
_COLOURS = ("Red", "Green", "Blue", "Alpha")
_SMALLEST = 256  # pixels; the longer side of the last overview has fewer than twice as many


class Placed(NamedTuple):
    """Hold a quad as a part of a raster: what GDAL opens, and its bounds in metres of EPSG:3857."""

    name: str
    bounds: Bounds


def tiles_description(catalog: ScenesV0, pattern: str, level: int, alone: bool = False) -> bytes:
    """Describe tiles to GDAL's WMS driver (its minidriver TMS): the globe in EPSG:3857, RGBA, down to a zoom.

    The key is in the description, if the tiles are on the API's own hosts: it is for no eyes but its owner's.

    Parameters
    ----------
    catalog : ScenesV0
        The service that gave the pattern.
    pattern : str
        An address with ``{z}``, ``{x}`` and ``{y}``, rows counted from the north; ``{0-3}`` stands for several hosts.
    level : int
        The deepest zoom.
    alone : bool
        Whether this zoom is to be all there is, without coarser ones as overviews.

    Raises
    ------
    ProtocolError
        When the pattern is none.
    """
    url = tiles_address(catalog, pattern)
    if not 0 <= level <= _DEEPEST:
        raise ProtocolError("The service gave tiles of a zoom that is none.")
    root = Element("GDAL_WMS")
    service = SubElement(root, "Service", name="TMS")
    SubElement(service, "ServerUrl").text = re.sub(r"\{([zxy])\}", r"${\1}", url)
    _add(
        SubElement(root, "DataWindow"),
        UpperLeftX=-HALF_WORLD, UpperLeftY=HALF_WORLD, LowerRightX=HALF_WORLD, LowerRightY=-HALF_WORLD,
        TileLevel=level, TileCountX=1, TileCountY=1, YOrigin="top",
    )  # fmt: skip
    _add(
        root,
        Projection="EPSG:3857",
        BlockSizeX=TILE,
        BlockSizeY=TILE,
        BandsCount=len(_COLOURS),
        **({"OverviewCount": 0} if alone else {}),
        MaxConnections=catalog.settings.connections,
        Timeout=60,
        # A tile outside the scene is not there; that is no error. Every other status is one.
        ZeroBlockHttpCodes="204,404",
        ZeroBlockOnServerException="false",
    )
    settings = catalog.settings
    if settings.key is not None and may_have_key(url, settings.api_url):
        _add(root, UserPwd=f"{settings.key.reveal()}:")
    return tostring(root)


def tiles_by_band(tiles: str, zoom: int) -> str:
    """Describe one zoom of tiles to GDAL's VRT driver, which then reads it band by band.

    So all tiles of a window are asked for at once by GDALs that, of all bands together, ask for one after another. They
    read band by band what consists of complex sources and says nothing of interleaving. Others are better off without:
    GDAL 3.6 keeps sources of VRTs open up to a number, and reads the tiles of those that it opens again anew.

    Parameters
    ----------
    tiles : str
        The name by which GDAL opens the tiles of the zoom alone.
    zoom : int
        The zoom.
    """
    side = TILE << zoom
    pixel = 2 * HALF_WORLD / side
    root = _raster((-HALF_WORLD, -HALF_WORLD, HALF_WORLD, HALF_WORLD), pixel, side, side)
    for number, colour in enumerate(_COLOURS, 1):
        source = SubElement(_band(root, number, colour), "ComplexSource")
        SubElement(source, "SourceFilename", relativeToVRT="0", shared="0").text = tiles
        SubElement(source, "SourceBand").text = str(number)
        _rectangle(source, "SrcRect", 0, 0, side, side)
        _rectangle(source, "DstRect", 0, 0, side, side)
    return tostring(root, encoding="unicode")


def tiles_address(catalog: ScenesV0, pattern: str) -> str:
    """Return the address of tiles with ``{z}``, ``{x}`` and ``{y}``, on the first of several hosts.

    Raises
    ------
    ProtocolError
        When the pattern is none.
    """
    url = catalog.transport.check_link(re.sub(r"\{(\d)-\d\}", r"\1", pattern))
    if not all(part in url for part in ("{z}", "{x}", "{y}")) or "$" in url:
        raise ProtocolError("The service gave a pattern of tiles that names no zoom, column and row.")
    return url


def scene_tiles(catalog: ScenesV0, scene: Scene) -> Tuple[str, int]:
    """Return the pattern of a scene's tiles and the deepest zoom worth asking for.

    At that zoom a pixel is no larger than the scene's ground sample distance; it is 18 where the scene does not say.
    """
    root = catalog.settings.api_url
    base = _TILES_URL if is_api_origin(root, DEFAULT_API_URL) else root
    statistics = scene.properties.get("image_statistics")
    gsd = statistics.get("gsd") if isinstance(statistics, Mapping) else None
    level = _USUAL
    if isinstance(gsd, (int, float)) and gsd > 0:
        level = min(_DEEPEST, max(0, math.ceil(math.log2(2 * HALF_WORLD / TILE / gsd))))
    return f"{base}scenes/{scene.scene_type}/{scene.id}/{{z}}/{{x}}/{{y}}.png", level


def quads_description(mosaic: Mosaic, quads: Sequence[Placed], tiles: Optional[str] = None) -> str:
    """Describe quads of a mosaic as one raster to GDAL's VRT driver; none is opened before it is looked at.

    Parameters
    ----------
    mosaic : Mosaic
        The mosaic.
    quads : sequence of Placed
        Its quads, one at least.
    tiles : str, optional
        The name by which GDAL opens the mosaic's tiles: they serve as overviews.
    """
    wests, souths, easts, norths = zip(*(quad.bounds for quad in quads))
    bounds = (min(wests), min(souths), max(easts), max(norths))
    pixel = mosaic.pixel
    width, height = round((bounds[2] - bounds[0]) / pixel), round((bounds[3] - bounds[1]) / pixel)
    root = _raster(bounds, pixel, width, height)
    for number, colour in enumerate(_COLOURS, 1):
        band = _band(root, number, colour)
        for quad in quads:
            source = SubElement(band, "SimpleSource")
            SubElement(source, "SourceFilename", relativeToVRT="0", shared="0").text = quad.name
            SubElement(source, "SourceBand").text = str(number)
            side = str(mosaic.quad_size)
            SubElement(
                source, "SourceProperties", RasterXSize=side, RasterYSize=side, DataType="Byte",
                BlockXSize=str(TILE), BlockYSize=str(TILE),
            )  # fmt: skip
            _rectangle(source, "SrcRect", 0, 0, mosaic.quad_size, mosaic.quad_size)
            column, row = (quad.bounds[0] - bounds[0]) / pixel, (bounds[3] - quad.bounds[3]) / pixel
            _rectangle(source, "DstRect", round(column), round(row), mosaic.quad_size, mosaic.quad_size)
        for overview in _overviews(mosaic, bounds, (width, height), tiles) if tiles else ():
            element = SubElement(band, "Overview")
            SubElement(element, "SourceFilename", relativeToVRT="0").text = overview
            SubElement(element, "SourceBand").text = str(number)
    return tostring(root, encoding="unicode")


def _overviews(mosaic: Mosaic, bounds: Bounds, size: Tuple[int, int], tiles: str) -> List[str]:
    """Return the tiles over some bounds at coarser zooms, each a VRT of half the size of the one before."""
    width, height = size
    first = round((bounds[0] + HALF_WORLD) / mosaic.pixel), round((HALF_WORLD - bounds[3]) / mosaic.pixel)
    around = str(TILE * 2**mosaic.level)
    found = []
    for zoom in range(1, mosaic.level + 1):
        small = -(-width // 2**zoom), -(-height // 2**zoom)
        if max(width, height) >> (zoom - 1) <= _SMALLEST:
            break
        root = _raster(bounds, mosaic.pixel * 2**zoom, *small)
        for number, colour in enumerate(_COLOURS, 1):
            source = SubElement(_band(root, number, colour), "SimpleSource")
            SubElement(source, "SourceFilename", relativeToVRT="0", shared="0").text = tiles
            SubElement(source, "SourceBand").text = str(number)
            SubElement(
                source, "SourceProperties", RasterXSize=around, RasterYSize=around, DataType="Byte",
                BlockXSize=str(TILE), BlockYSize=str(TILE),
            )  # fmt: skip
            _rectangle(source, "SrcRect", *first, small[0] * 2**zoom, small[1] * 2**zoom)
            _rectangle(source, "DstRect", 0, 0, *small)
        found.append(tostring(root, encoding="unicode"))
    return found


def _raster(bounds: Bounds, pixel: float, width: int, height: int) -> Element:
    root = Element("VRTDataset", rasterXSize=str(width), rasterYSize=str(height))
    SubElement(root, "SRS", dataAxisToSRSAxisMapping="1,2").text = "EPSG:3857"
    SubElement(root, "GeoTransform").text = ", ".join(map(repr, (bounds[0], pixel, 0.0, bounds[3], 0.0, -pixel)))
    return root


def _band(root: Element, number: int, colour: str) -> Element:
    band = SubElement(root, "VRTRasterBand", dataType="Byte", band=str(number))
    SubElement(band, "ColorInterp").text = colour
    return band


def _rectangle(source: Element, name: str, column: int, row: int, width: int, height: int) -> None:
    place: Dict[str, int] = {"xOff": column, "yOff": row, "xSize": width, "ySize": height}
    SubElement(source, name, {key: str(value) for key, value in place.items()})


def _add(parent: Element, **texts: object) -> None:
    for name, text in texts.items():
        SubElement(parent, name).text = str(text)
