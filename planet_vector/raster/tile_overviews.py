"""Describe tiles of a web map as overviews of a raster to GDAL, with nothing but the standard library."""

from __future__ import annotations

import math
from typing import Callable, List, Tuple

from planet_vector.geometry.grid import GridSpec
from planet_vector.geometry.web_mercator import HALF_WORLD, TILE
from planet_vector.raster.gdal_xml import COLOURS, SMALLEST
from planet_vector.raster.tiff_header import TiffHeader
from planet_vector.raster.vrt_xml import Warp, as_text, new_warped_vrt

_DEGREE = math.pi * 6378137.0 / 180  # metres, on the equator
_BLOCK = 512  # pixels a side that are warped at once, so that the tiles below them are fetched together
_MEMORY = 64 * 2**20  # bytes for that


def tile_overviews(
    header: TiffHeader, latitude: float, tiles: Callable[[int], Tuple[str, GridSpec]], deepest: int
) -> List[str]:
    """Return tiles as overviews of a raster: VRT texts, each half as large as the previous one, that warp one zoom.

    Parameters
    ----------
    header : TiffHeader
        Header of the raster, whose bands are those of the tiles, with or without alpha.
    latitude : float
        Latitude of its centre, in degrees.
    tiles : callable
        Returns the name by which GDAL opens the tiles of a zoom, and the grid of their pixels.
    deepest : int
        Deepest zoom of the tiles.
    """
    return [
        _warped(header, header.grid.resized(width, height), *tiles(zoom))
        for width, height, zoom in overview_sizes(header, latitude, deepest)
    ]


def overview_sizes(header: TiffHeader, latitude: float, deepest: int) -> List[Tuple[int, int, int]]:
    """Return columns, rows and zoom of the overviews of a raster, the largest first; each has another zoom.

    Parameters
    ----------
    header, latitude, deepest
        As for `tile_overviews`.
    """
    grid = header.grid
    metres = grid.res[1] * (_DEGREE if header.geographic else 1.0)
    on_ground = 2 * HALF_WORLD / TILE * math.cos(math.radians(latitude))  # metres, of a pixel of zoom 0
    found = []
    for power in range(1, 32):
        if max(grid.shape) >> (power - 1) <= SMALLEST:
            break
        width, height = (-(-side // 2**power) for side in (grid.width, grid.height))
        # The pixels of the tiles are as large as these, up to a factor of 1.4.
        zoom = round(math.log2(on_ground / (metres * 2**power)))
        if 0 <= zoom <= deepest:
            found.append((width, height, zoom))
    return found


def _warped(header: TiffHeader, grid: GridSpec, tiles: str, grid_of_tiles: GridSpec) -> str:
    """Return the text of a VRT that warps tiles to a grid."""
    alpha = len(header.bands) == len(COLOURS)
    warp = Warp(
        tiles,
        grid_of_tiles,
        # Without alpha, blended edges could not be distinguished from nodata.
        "Bilinear" if alpha else "NearestNeighbour",
        _BLOCK,
        _MEMORY,
        bands=3,
        alpha=4,
        keeps_alpha=alpha,
    )
    return as_text(new_warped_vrt(grid, header.dtype, [band.colour for band in header.bands], warp))
