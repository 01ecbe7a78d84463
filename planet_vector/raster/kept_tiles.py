"""Keep the few tiles of a web map that show the whole of a raster beside its VRT.

GDAL draws the sources of a mosaic one after another, and waits for the tiles of each. The tiles of the smallest
overview of a scene are four, mostly. They are fetched for many scenes at once when a mosaic is named, and the VRT of a
scene refers to a file of their pixels instead of the service, so that drawing the whole mosaic sends no request. It is
one file, not one for each tile, because GDAL keeps only 100 sources of VRTs open, and decodes those that it reopens
again.

This module needs only the standard library and requests. The caller's GDAL decodes the tiles.
"""

from __future__ import annotations

import math
from pathlib import Path
from struct import pack
from typing import Callable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from planet_vector.catalog import Catalog
from planet_vector.errors import NotFoundError
from planet_vector.geometry import utm
from planet_vector.geometry.grid import GridSpec
from planet_vector.geometry.web_mercator import HALF_WORLD, MOST_LATITUDE, TILE, to_mercator
from planet_vector.raster.described_files import writing_beside
from planet_vector.raster.gdal_xml import world_of_tiles
from planet_vector.raster.tile_requests import fetch_tile

MOST_TILES = 9
"""Most tiles that are kept of a raster: its smallest overview has at most 362 pixels a side at their zoom."""

_ALONG = 21  # places along each side of a raster that are projected
_MARGIN = 4  # pixels of tiles around it, more than any resampling reaches
_WGS_84, _MERCATOR = 4326, 3857

# The beginning of a PNG of 256 × 256 pixels of red, green, blue and alpha in 8 bits (W3C, "Portable Network Graphics",
# 11.2.2). GDAL shows others differently here than in the tiles of a service.
_PNG = b"\x89PNG\r\n\x1a\n" + pack(">I4sIIBB", 13, b"IHDR", TILE, TILE, 8, 6)


class Tile(NamedTuple):
    """Tile of a picture: its upper left corner in pixels of the picture, and its PNG."""

    column: int
    row: int
    png: bytes


Combine = Callable[[Sequence[Tile], int, int, Path], None]
"""Makes GDAL write a GeoTIFF of some tiles, of so many columns and rows, to a path, where an empty file is.

It has the four bands of the tiles, 0 where there is no tile, and no georeference. Raises `RasterAccessError` if GDAL
fails.
"""


class KeptTiles(NamedTuple):
    """Tiles that are kept.

    Attributes
    ----------
    name : str
        Path of their GeoTIFF.
    grid : GridSpec
        Grid of its pixels, a part of that of all tiles of the zoom.
    """

    name: str
    grid: GridSpec


def kept_tiles(
    catalog: Catalog, address: str, grid: GridSpec, zoom: int, path: Path, seconds: float, combine: Combine
) -> Optional[KeptTiles]:
    """Fetch all tiles of a zoom that show a raster, and store them beside its VRT.

    Parameters
    ----------
    catalog : Catalog
        The service.
    address : str
        Address with ``{z}``, ``{x}`` and ``{y}``, as `planet_vector.raster.gdal_xml.tiles_address` returns it.
    grid : GridSpec
        Grid of the raster.
    zoom : int
        The zoom.
    path : Path
        Path of the VRT of the raster, with which the file is removed.
    seconds : float
        Deadline for each tile.
    combine : callable
        Combines the tiles with GDAL; see `Combine`.

    Returns
    -------
    KeptTiles or None
        None if there are too many, if the place of the raster on the map is unknown, or if a tile is not a PNG with
        alpha.

    Raises
    ------
    NotFoundError
        If the service has none of the tiles.
    ServiceError
        If it does not provide one for another reason.
    RasterAccessError
        If GDAL cannot decode them.
    OSError
        If the file cannot be written.
    """
    places = list(_tiles_below(grid, zoom))
    if not 0 < len(places) <= MOST_TILES:
        return None
    left, top = (min(numbers) for numbers in zip(*places))
    right, bottom = (max(numbers) + 1 for numbers in zip(*places))
    found: List[Tile] = []
    missing: Optional[NotFoundError] = None
    for column, row in places:
        try:
            content = fetch_tile(catalog, address, zoom, column, row, seconds)
        except NotFoundError as error:  # lies outside the scene
            missing = error
            continue
        if not content.startswith(_PNG):
            return None
        found.append(Tile((column - left) * TILE, (row - top) * TILE, content))
    if missing is not None and not found:
        raise missing
    width, height = (right - left) * TILE, (bottom - top) * TILE
    with writing_beside(path, f"{zoom}.tif") as (file, part):
        combine(found, width, height, part)
    world = world_of_tiles(zoom)
    pixel = world.res[0]
    of_file = GridSpec(
        world.crs, world.west + left * TILE * pixel, world.north - top * TILE * pixel, world.res, width, height
    )
    return KeptTiles(str(file), of_file)


def _tiles_below(grid: GridSpec, zoom: int) -> Iterator[Tuple[int, int]]:
    """Yield columns and rows of the tiles of a zoom that a raster may touch; none if its place is unknown."""
    west, south, east, north = grid.bounds
    steps = [number / (_ALONG - 1) for number in range(_ALONG)]
    across, down = [west + (east - west) * step for step in steps], [south + (north - south) * step for step in steps]
    edge = [*((x, y) for x in across for y in (south, north)), *((x, y) for x in (west, east) for y in down)]
    if grid.crs != _MERCATOR:
        if isinstance(grid.crs, int) and utm.is_utm(grid.crs):
            edge = [utm.inverse(grid.crs, x, y) for x, y in edge]
        elif grid.crs != _WGS_84:
            return
        if max(abs(latitude) for _, latitude in edge) > MOST_LATITUDE:
            return
        edge = [to_mercator(longitude, latitude) for longitude, latitude in edge]
    xs, ys = zip(*edge)
    side = 2 * HALF_WORLD / 2**zoom
    margin = _MARGIN * side / TILE
    last = 2**zoom - 1
    left, right = math.floor((min(xs) - margin + HALF_WORLD) / side), math.floor((max(xs) + margin + HALF_WORLD) / side)
    top, bottom = math.floor((HALF_WORLD - max(ys) - margin) / side), math.floor((HALF_WORLD - min(ys) + margin) / side)
    if (right - left + 1) * (bottom - top + 1) > MOST_TILES:
        return
    for row in range(max(0, top), min(last, bottom) + 1):
        for column in range(max(0, left), min(last, right) + 1):
            yield column, row
