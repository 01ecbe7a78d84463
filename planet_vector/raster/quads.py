"""Mosaics of the service: their tiles at any zoom, their quads as one raster over an area.

A quad is a square of a mosaic in web mercator, named by its column from the west and its row from the *south*:
``L15-0763E-0959N`` lies in level 15, where ``quad_size`` pixels of the size of zoom 15's make one.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple
from urllib.parse import quote
from xml.etree.ElementTree import tostring

from rasterio.crs import CRS

from planet_vector.catalog import ScenesV0
from planet_vector.errors import NotFoundError, ProtocolError, RasterAccessError
from planet_vector.geometry import Box
from planet_vector.raster.product import Product, open_link
from planet_vector.raster.tiles import HALF_WORLD, TILE, Tiles, open_tiles
from planet_vector.raster.virtual import Bounds, Virtual, open_virtual, vrt, vrt_band, vrt_source
from planet_vector.scene import Item, Scene

_ID = re.compile(r"L(\d{1,2})-(\d{1,7})E-(\d{1,7})N")
_LARGEST_QUAD = 16384  # pixels a side
_MOST_QUADS = 20_000  # of one raster


class Mosaic(NamedTuple):
    """Hold what a mosaic says of itself.

    Attributes
    ----------
    name : str
        Its name.
    level : int
        The zoom whose pixels it has.
    quad_size : int
        Pixels of a quad's side.
    tiles : str
        Pattern of its tiles' addresses.
    quads : str
        Where its quads are listed.
    """

    name: str
    level: int
    quad_size: int
    tiles: str
    quads: str


def mosaic_of(catalog: ScenesV0, name: str) -> Mosaic:
    """Ask the service for a mosaic.

    Raises
    ------
    NotFoundError
        When there is none of that name.
    ProtocolError
        When it is no mosaic in web mercator of 8-bit quads, the only kind the API has had.
    """
    url = catalog.transport.url(f"mosaics/{quote(name, safe='')}")
    try:
        body = catalog.transport.get_json(url).body
    except NotFoundError as error:
        raise NotFoundError(f"There is no mosaic {name!r} at this service.", error.request, 404) from None
    links = body.get("links") if isinstance(body, Mapping) else None
    if isinstance(links, Mapping):
        level, size = body.get("level"), body.get("quad_size")
        known = body.get("coordinate_system") == "EPSG:3857" and body.get("datatype") == "byte"
        tiles, quads = links.get("tiles"), links.get("quads")
        if (
            known
            and isinstance(level, int)
            and 0 <= level <= 22
            and isinstance(size, int)
            and TILE <= size <= _LARGEST_QUAD
            and isinstance(tiles, str)
            and isinstance(quads, str)
        ):
            return Mosaic(name, level, size, tiles, catalog.transport.check_link(quads))
    raise ProtocolError(f"The service gave mosaic {name!r} in a form that cannot be read.", f"GET {url}")


def quads_within(catalog: ScenesV0, mosaic: Mosaic, box: Box) -> Iterator[Item]:
    """Yield the quads of a mosaic that share ground with a box, page after page.

    Parameters
    ----------
    catalog : ScenesV0
        The service.
    mosaic : Mosaic
        The mosaic.
    box : Box
        Degrees; may cross the antimeridian.
    """
    seen = set()
    parameters: List[Tuple[str, str]] = [("count", "1000"), ("intersects", box.wkt())]
    link: Optional[str] = mosaic.quads
    while link is not None:
        answer = catalog.transport.get_json(catalog.transport.check_link(link), parameters)
        body, parameters = answer.body, []
        features = body.get("features") if isinstance(body, Mapping) else None
        links = body.get("links") if isinstance(body, Mapping) else None
        if not isinstance(features, list):
            raise ProtocolError("The service answered with what is no page of quads.", f"GET {mosaic.quads}")
        for feature in features:
            quad = Item(feature)
            if quad.id in seen:
                raise ProtocolError(f"The service gave quad {quad.id!r} twice.", f"GET {mosaic.quads}")
            seen.add(quad.id)
            yield quad
        following = links.get("next") if isinstance(links, Mapping) else None
        link = following if features and isinstance(following, str) else None


def quad_bounds(mosaic: Mosaic, quad_id: str) -> Bounds:
    """Return the bounds of a quad: west, south, east, north in metres of EPSG:3857.

    Raises
    ------
    ProtocolError
        When the id is none of this mosaic.
    """
    match = _ID.fullmatch(quad_id)
    # One place decides how many quads there are around the globe: pixels of the level, over those of a quad.
    side = 2 * HALF_WORLD * mosaic.quad_size / (TILE * 2**mosaic.level)
    if match is None or int(match[1]) != mosaic.level or max(int(match[2]), int(match[3])) * side >= 2 * HALF_WORLD:
        raise ProtocolError(f"The service gave a quad {quad_id[:40]!r}, which mosaic {mosaic.name!r} cannot have.")
    west, south = int(match[2]) * side - HALF_WORLD, int(match[3]) * side - HALF_WORLD
    return west, south, west + side, south + side


def open_mosaic_tiles(catalog: ScenesV0, name: str) -> Tiles:
    """Open the tile pyramid of a mosaic: the globe, every zoom down to its level."""
    mosaic = mosaic_of(catalog, name)
    return open_tiles(catalog, mosaic.tiles, mosaic.level, f"the tiles of mosaic {name}")


def open_quad(catalog: ScenesV0, name: str, quad_id: str) -> Product:
    """Open one quad of a mosaic."""
    mosaic = mosaic_of(catalog, name)
    quad_bounds(mosaic, quad_id)
    url = f"{mosaic.quads.rstrip('/')}/{quote(quad_id, safe='')}"
    return open_link(catalog, Item(catalog.transport.get_json(url).body).link("full"), f"quad {quad_id} of {name}")


def open_quads(catalog: ScenesV0, name: str, box: Box) -> Virtual:
    """Open the quads of a mosaic that share ground with a box as one raster; none is opened before it is looked at.

    Parameters
    ----------
    catalog : ScenesV0
        The service.
    name : str
        The mosaic.
    box : Box
        Degrees; not across the antimeridian, on which web mercator is cut.

    Raises
    ------
    RasterAccessError
        When no quad is there, or too many are.
    """
    mosaic = mosaic_of(catalog, name)
    if box.west > box.east:
        raise RasterAccessError("A mosaic ends at the antimeridian: open the two sides of the box one by one.")
    found: List[Tuple[Item, Bounds]] = []
    for quad in quads_within(catalog, mosaic, box):
        found.append((quad, quad_bounds(mosaic, quad.id)))
        if len(found) > _MOST_QUADS:
            raise RasterAccessError(f"More than {_MOST_QUADS:,} quads lie there: take a smaller box.")
    if not found:
        raise RasterAccessError(f"Mosaic {name!r} has no quad there: take another box.")
    text = tostring(_vrt(catalog, mosaic, found), encoding="unicode")
    return open_virtual(catalog, text, "VRT", f"{len(found)} quads of mosaic {name}", lambda: text)


def scenes_behind(catalog: ScenesV0, name: str, quad_id: str) -> List[Scene]:
    """Return the scenes a quad was made of.

    Raises
    ------
    ProtocolError
        When the service answers with something else.
    """
    mosaic = mosaic_of(catalog, name)
    url = f"{mosaic.quads.rstrip('/')}/{quote(quad_id, safe='')}"
    quad = Item(catalog.transport.get_json(url).body)
    scenes: List[Scene] = []
    seen = set()
    link: Optional[str] = quad.link("scenes")
    while link is not None and link not in seen:
        seen.add(link)
        body = catalog.transport.get_json(catalog.transport.check_link(link)).body
        features = body.get("features") if isinstance(body, Mapping) else None
        if not isinstance(features, list):
            raise ProtocolError(f"The service did not list the scenes of quad {quad_id}.", f"GET {url}/scenes/")
        scenes += [Scene(feature, _type_of(feature), catalog) for feature in features]
        links = body.get("links")
        following = links.get("next") if isinstance(links, Mapping) else None
        link = following if features and isinstance(following, str) else None
    return scenes


def _type_of(feature: Any) -> str:
    """Return the type of a scene by its own link: …/scenes/<type>/<id>."""
    try:
        match = re.search(r"/scenes/([\w.\-]+)/[\w.\-]+/?$", feature["properties"]["links"]["self"])
    except (TypeError, KeyError):
        match = None
    if match is None:
        raise ProtocolError("The service gave a scene without a link to itself.")
    return match[1]


def _vrt(catalog: ScenesV0, mosaic: Mosaic, quads: Sequence[Tuple[Item, Bounds]]) -> Any:
    bounds = (
        min(b[0] for _, b in quads), min(b[1] for _, b in quads),
        max(b[2] for _, b in quads), max(b[3] for _, b in quads),
    )  # fmt: skip
    pixel = 2 * HALF_WORLD / (TILE * 2**mosaic.level)
    root = vrt(CRS.from_epsg(3857), bounds, (pixel, pixel))
    colours = ("red", "green", "blue", "alpha")
    for number, colour in enumerate(colours, 1):
        band = vrt_band(root, "uint8", None, colour)
        for quad, place in quads:
            header: Dict[str, Any] = {
                "bounds": place, "width": mosaic.quad_size, "height": mosaic.quad_size,
                "dtypes": ("uint8",) * 4, "blocks": [(TILE, TILE)] * 4,
            }  # fmt: skip
            vrt_source(band, f"/vsicurl/{catalog.transport.check_link(quad.link('full'))}", number, header, bounds,
                       (pixel, pixel))  # fmt: skip
    return root
