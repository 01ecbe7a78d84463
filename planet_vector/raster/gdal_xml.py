"""Describe tiles and combined quads in GDAL's XML formats, with nothing but the standard library.

The GDAL driver and the modules that use rasterio share these descriptions.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import List, NamedTuple, Optional, Sequence
from xml.etree.ElementTree import Element, SubElement, tostring  # noqa: S405 - nothing is parsed

from planet_vector.catalog import Catalog
from planet_vector.catalog.basemaps import Basemap
from planet_vector.connection_lookup import may_have_key
from planet_vector.errors import ProtocolError
from planet_vector.geometry.boxes import Bounds
from planet_vector.geometry.grid import GridSpec
from planet_vector.geometry.web_mercator import HALF_WORLD, TILE
from planet_vector.raster.vrt_xml import Properties, add_band, add_overview, add_source, as_text, new_vrt
from planet_vector.scene import Scene

COLOURS = ("Red", "Green", "Blue", "Alpha")
"""Bands of tiles and quads."""

SMALLEST = 256
"""Pixels; the longer side of the last overview has fewer than twice as many."""

_DEEPEST = 22  # zoom; 4 cm a pixel
_USUAL = 18  # zoom; 60 cm a pixel


class Placed(NamedTuple):
    """Quad as a part of a raster: its GDAL name, and its bounds in metres of EPSG:3857."""

    name: str
    bounds: Bounds


def tiles_description(catalog: Catalog, pattern: str, level: int, alone: bool = False) -> bytes:
    """Describe tiles to GDAL's WMS driver (its minidriver TMS): the globe in EPSG:3857, RGBA, down to a zoom.

    The description contains the key if the tiles are on the API's own hosts; only its owner may read it.

    Parameters
    ----------
    catalog : Catalog
        The service that gave the pattern.
    pattern : str
        Address with ``{z}``, ``{x}`` and ``{y}``, rows counted from the north; ``{0-3}`` stands for several hosts.
    level : int
        The deepest zoom.
    alone : bool
        Describe this zoom only, without coarser ones as overviews.

    Returns
    -------
    bytes
        The XML.

    Raises
    ------
    ProtocolError
        If the pattern or the zoom is invalid.
    ConfigError
        If the key is a bearer token, which GDAL does not send to tiles.
    """
    url = tiles_address(catalog, pattern)
    if not 0 <= level <= _DEEPEST:
        raise ProtocolError(f"The service specified tiles of zoom {level}, which is out of range.")
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
        BandsCount=len(COLOURS),
        **({"OverviewCount": 0} if alone else {}),
        MaxConnections=catalog.settings.connections,
        Timeout=60,
        # A missing tile lies outside the scene; that is no error. Every other status is one.
        ZeroBlockHttpCodes="204,404",
        ZeroBlockOnServerException="false",
    )
    key = catalog.settings.sent_key
    if key is not None and may_have_key(url, catalog.settings.api_url):
        _add(root, UserPwd=key.as_user())
    return tostring(root)


def tiles_by_band(tiles: str, zoom: int) -> str:
    """Describe one zoom of tiles to GDAL's VRT driver, which then reads it band by band.

    GDAL versions that request tiles one after another when they read all bands together request all tiles of a window
    at once this way. They read band by band if the sources are complex and the VRT specifies no interleaving. Other
    versions are better off without: GDAL 3.6 keeps a limited number of VRT sources open, and reads the tiles of a
    reopened source again.

    Parameters
    ----------
    tiles : str
        Name by which GDAL opens the tiles of this zoom alone.
    zoom : int
        The zoom.

    Returns
    -------
    str
        Text of the VRT.
    """
    side = TILE << zoom
    root = new_vrt(world_of_tiles(zoom))
    whole = 0, 0, side, side
    for number, colour in enumerate(COLOURS, 1):
        add_source(_add_band(root, colour), tiles, number, whole, whole, settings={})
    return as_text(root)


def world_of_tiles(zoom: int) -> GridSpec:
    """Return the grid of all tiles of a zoom.

    Parameters
    ----------
    zoom : int
        The zoom.
    """
    side = TILE << zoom
    return GridSpec(3857, -HALF_WORLD, HALF_WORLD, (2 * HALF_WORLD / side,) * 2, side, side)


def tiles_address(catalog: Catalog, pattern: str) -> str:
    """Return the address of tiles with ``{z}``, ``{x}`` and ``{y}``, on the first of several hosts.

    Parameters
    ----------
    catalog : Catalog
        The service.
    pattern : str
        As for `tiles_description`.

    Raises
    ------
    ProtocolError
        If the pattern is invalid.
    """
    url = catalog.transport.check_link(re.sub(r"\{(\d)-\d\}", r"\1", pattern))
    if not all(part in url for part in ("{z}", "{x}", "{y}")) or "$" in url:
        raise ProtocolError("The service specified tiles by a pattern without zoom, column and row.")
    return url


def tiles_level(scene: Scene) -> int:
    """Return the deepest useful zoom of a scene's tiles.

    At that zoom a pixel is no larger than the scene's ground sample distance; it is 18 if that is unknown.

    Parameters
    ----------
    scene : Scene
        The scene.
    """
    if scene.gsd is None:
        return _USUAL
    return min(_DEEPEST, max(0, math.ceil(math.log2(2 * HALF_WORLD / TILE / scene.gsd))))


def quads_description(basemap: Basemap, quads: Sequence[Placed], tiles: Optional[str] = None) -> str:
    """Describe quads of a basemap as one raster to GDAL's VRT driver; each is opened on first access.

    Parameters
    ----------
    basemap : Basemap
        The basemap.
    quads : sequence of Placed
        Its quads, at least one.
    tiles : str, optional
        Name by which GDAL opens the basemap's tiles; they serve as overviews.

    Returns
    -------
    str
        Text of the VRT.
    """
    wests, souths, easts, norths = zip(*(quad.bounds for quad in quads))
    west, north, pixel = min(wests), max(norths), basemap.pixel
    width, height = round((max(easts) - west) / pixel), round((north - min(souths)) / pixel)
    grid = GridSpec(3857, west, north, (pixel, pixel), width, height)
    root = new_vrt(grid)
    side = basemap.quad_size
    overviews = _overviews(basemap, grid, tiles) if tiles else ()
    for number, colour in enumerate(COLOURS, 1):
        band = _add_band(root, colour)
        for quad in quads:
            column, row = round((quad.bounds[0] - west) / pixel), round((north - quad.bounds[3]) / pixel)
            placed = column, row, side, side
            add_source(band, quad.name, number, (0, 0, side, side), placed, _properties(side))
        for overview in overviews:
            add_overview(band, overview, number)
    return as_text(root)


def _overviews(basemap: Basemap, grid: GridSpec, tiles: str) -> List[str]:
    """Return the tiles over some quads at coarser zooms, each a VRT of half the size of the previous one."""
    first = round((grid.west + HALF_WORLD) / basemap.pixel), round((HALF_WORLD - grid.north) / basemap.pixel)
    around = TILE * 2**basemap.level
    found = []
    for zoom in range(1, basemap.level + 1):
        width, height = -(-grid.width // 2**zoom), -(-grid.height // 2**zoom)
        if max(grid.width, grid.height) >> (zoom - 1) <= SMALLEST:
            break
        pixel = basemap.pixel * 2**zoom
        root = new_vrt(replace(grid, res=(pixel, pixel), width=width, height=height))
        taken = *first, width * 2**zoom, height * 2**zoom
        for number, colour in enumerate(COLOURS, 1):
            add_source(_add_band(root, colour), tiles, number, taken, (0, 0, width, height), _properties(around))
        found.append(as_text(root))
    return found


def _add_band(root: Element, colour: str) -> Element:
    return add_band(root, "Byte", [("ColorInterp", colour)])


def _properties(side: int) -> Properties:
    return Properties(side, side, "Byte", (TILE, TILE))


def _add(parent: Element, **texts: object) -> None:
    for name, text in texts.items():
        SubElement(parent, name).text = str(text)
