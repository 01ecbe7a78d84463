"""Requests for single tiles of a web map.

This module needs only the standard library and requests, because the GDAL driver uses it.
"""

from __future__ import annotations

from typing import Tuple

import requests

from planet_vector.catalog import Catalog
from planet_vector.errors import NotFoundError, ProtocolError
from planet_vector.geometry.web_mercator import HALF_WORLD
from planet_vector.http.responses import read_body

_MOST_BYTES = 2**22  # uncompressed, a tile has 2**18
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")


def tile_at(zoom: int, x: float, y: float) -> Tuple[int, int]:
    """Return column and row of the tile with a place; rows are counted from the north.

    Parameters
    ----------
    zoom : int
        The zoom.
    x, y : float
        The place in metres of EPSG:3857.
    """
    side = 2 * HALF_WORLD / 2**zoom
    return int((x + HALF_WORLD) / side), int((HALF_WORLD - y) / side)


def fetch_tile(catalog: Catalog, address: str, zoom: int, column: int, row: int, seconds: float) -> bytes:
    """Return a tile: a PNG or JPEG file, of which only the first bytes are checked.

    Parameters
    ----------
    catalog : Catalog
        The service.
    address : str
        Address with ``{z}``, ``{x}`` and ``{y}``, as `planet_vector.raster.gdal_xml.tiles_address` returns it.
    zoom, column, row : int
        The tile; rows are counted from the north.
    seconds : float
        Deadline of all tries.

    Raises
    ------
    NotFoundError
        If the service has no such tile.
    ServiceError
        If it does not provide it for another reason.
    """

    def take(response: requests.Response) -> bytes:
        if response.status_code == 204:
            raise NotFoundError("The service has no such tile (204).")
        content = read_body(response, _MOST_BYTES) if response.status_code == 200 else b""
        if not content.startswith(_PICTURES):
            raise ProtocolError("The service sent something other than a picture for a tile.")
        return content

    for part, number in (("{z}", zoom), ("{x}", column), ("{y}", row)):
        address = address.replace(part, str(number))
    return catalog.transport.stream(address, {}, take, seconds=seconds, limited=False)
