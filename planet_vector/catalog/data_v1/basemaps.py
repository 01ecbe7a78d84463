"""Basemaps API v1: mosaics, their quads, and the items behind a quad.

Its root lies beside that of the Data API, ``…/basemaps/v1/``. Quads are selected by a box. Their list has no count; a
page without a link to the next is the last.
"""

from __future__ import annotations

import re
from typing import Callable, Dict, Iterator, List, Mapping, Optional, Protocol, Set, Tuple, Union
from urllib.parse import quote, unquote, urljoin

from planet_vector.assets import Asset
from planet_vector.catalog.basemaps import Basemap, quad_bounds
from planet_vector.catalog.data_v1.item_pages import next_link
from planet_vector.catalog.data_v1.item_schemas import SERVICE
from planet_vector.catalog.data_v1.transport import DataV1Transport
from planet_vector.collection_schema import INTEGER, REAL, TEXT, TIME, CollectionSchema, Feature, Meanings
from planet_vector.errors import NotFoundError, ProtocolError, QueryError, ServiceError
from planet_vector.geometry.areas import as_geojson
from planet_vector.geometry.boxes import Box
from planet_vector.geometry.web_mercator import TILE, to_degrees
from planet_vector.names import BASEMAPS
from planet_vector.query import area_within
from planet_vector.scene import Item, Scene

PAGE = 250  # mosaics or quads per request
MAX_PAGES = 8000  # two million quads

_LARGEST_QUAD = 16384  # width in pixels
_DEEPEST = 22  # zoom level; 4 cm per pixel
_ITEM = re.compile(r"/item-types/([^/]+)/items/([^/]+)/?$")

_BASEMAP: Mapping[str, str] = {
    "name": TEXT,
    "first_acquired": TIME,
    "last_acquired": TIME,
    "interval": TEXT,
    "level": INTEGER,
    "grid.resolution": REAL,
    "grid.quad_size": INTEGER,
    "coordinate_system": TEXT,
    "datatype": TEXT,
    "product_type": TEXT,
    "_links._self": TEXT,
    "_links.quads": TEXT,
    "_links.tiles": TEXT,
}
_QUAD: Mapping[str, str] = {
    "percent_covered": REAL,
    "links.self": TEXT,
    "links.full": TEXT,
    "links.items": TEXT,
    "links.thumbnail": TEXT,
}


class Items(Protocol):
    """Protocol for the catalog of the source items of quads."""

    def scene(self, scene_type: str, scene_id: str) -> Scene:
        """Return one item; see `planet_vector.catalog.protocol.Catalog.scene`.

        Parameters
        ----------
        scene_type, scene_id : str
            Its type and id.
        """

    def missing(self, message: str, error: NotFoundError) -> ServiceError:
        """Return the error for a 404.

        Parameters
        ----------
        message : str
            One sentence, for a service that is a Data API.
        error : NotFoundError
            The 404.
        """


class DataV1Basemaps:
    """Client of the basemaps beside a Data API v1.

    Methods without a docstring are those of the Protocol `Basemaps`.

    Parameters
    ----------
    transport : DataV1Transport
        Sends the requests.
    catalog : Items
        The catalog of the source items of quads.
    """

    schema = CollectionSchema(SERVICE, BASEMAPS, _BASEMAP, Meanings(time=""))

    def __init__(self, transport: DataV1Transport, catalog: Items) -> None:
        self._transport = transport
        self._catalog = catalog

    def quad_schema(self, name: str) -> CollectionSchema:
        return CollectionSchema(
            SERVICE, f"{BASEMAPS}/{name}", _QUAD, Meanings(time=""), assets_of=_quad_assets, links_of=_links_of
        )

    def list(self) -> List[Feature]:
        return list({body["name"]: body for body in self._mosaics([])}.values())

    def body(self, name: str) -> Feature:
        for body in self._mosaics([("name__is", name)]):
            if body["name"] == name:
                return body
        raise NotFoundError(f"There is no basemap {name!r} at this service.", f"GET {self._root}mosaics", 404)

    def read(self, body: object) -> Optional[Basemap]:
        """Return a basemap from the service's JSON object; None if its kind is unknown.

        Web mercator basemaps with 8-bit quads are supported.

        Parameters
        ----------
        body : object
            The object, or any other JSON value.
        """
        links = body.get("_links") if isinstance(body, Mapping) else None
        grid = body.get("grid") if isinstance(body, Mapping) else None
        if not isinstance(body, Mapping) or not isinstance(links, Mapping) or not isinstance(grid, Mapping):
            return None
        name, level, size = body.get("name"), body.get("level"), grid.get("quad_size")
        tiles, quads = links.get("tiles"), links.get("quads")
        if (
            body.get("coordinate_system") == "EPSG:3857"
            and body.get("datatype") == "byte"
            and isinstance(name, str)
            and isinstance(level, int)
            and 0 <= level <= _DEEPEST
            and isinstance(size, int)
            and TILE <= size <= _LARGEST_QUAD
            and isinstance(tiles, str)
            and isinstance(quads, str)
        ):
            address = self._transport.own_link(quads.partition("#")[0].partition("?")[0])
            return Basemap(name, level, size, tiles, address, _box_of(body.get("bbox")))
        return None

    def named(self, name: str) -> Basemap:
        basemap = self.read(self.body(name))
        if basemap is None:
            raise ProtocolError(
                f"The service returned basemap {name!r} in an unknown form: web mercator with 8 bits is supported.",
                f"GET {self._root}mosaics",
            )
        return basemap

    def quads(self, basemap: Basemap, area: Union[Box, str, None] = None) -> Iterator[Item]:
        """Yield the quads of a basemap that share ground with an area, page by page, each once.

        The service selects quads by a box. For another area, those in the box around it are tested with shapely.

        Parameters
        ----------
        basemap : Basemap
            The basemap.
        area : Box or str, optional
            A bounding box in degrees, which may cross the antimeridian, or WKT or GeoJSON; by default everywhere.

        Raises
        ------
        ServiceError
            If the list cannot be completed; then the quads yielded so far are incomplete.
        QueryError
            If the area is neither WKT nor GeoJSON.
        """
        seen: Set[str] = set()
        boxes, shares_ground = _boxes_of(area, basemap)
        for box in boxes:
            for quad in self._quads_in(basemap, box):
                if quad.id not in seen and shares_ground(quad):
                    seen.add(quad.id)
                    yield quad

    def quad(self, basemap: Basemap, quad_id: str) -> Item:
        url = f"{basemap.quads.rstrip('/')}/{quote(quad_id, safe='')}"
        try:
            quad = _quad(basemap, self._transport.get_json(url).body, url)
        except NotFoundError as error:
            raise NotFoundError(f"Basemap {basemap.name!r} has no quad {quad_id!r}.", error.request, 404) from None
        if quad.id != quad_id:
            raise ProtocolError(f"The service returned quad {quad.id[:40]!r} instead of {quad_id!r}.", f"GET {url}")
        return quad

    def scenes(self, quad: Item) -> List[Scene]:
        """Return the source items of a quad; each costs a request.

        Parameters
        ----------
        quad : Item
            The quad.

        Raises
        ------
        ProtocolError
            If the response is not a list of items.
        """
        link = quad.link("items")
        found: List[Scene] = []
        for body in self._listed(link, [], "items"):
            target = body.get("link")
            match = _ITEM.search(re.split("[?#]", target)[0]) if isinstance(target, str) else None
            if match is None:
                raise ProtocolError(f"The service did not list the items of quad {quad.id}.", f"GET {link}")
            found.append(self._catalog.scene(unquote(match[1]), unquote(match[2])))
        return found

    @property
    def _root(self) -> str:
        """The root of the Basemaps API."""
        root: str = self._transport.settings.api_url
        return urljoin(root, "../../basemaps/v1/")

    def _mosaics(self, parameters: List[Tuple[str, str]]) -> Iterator[Feature]:
        url = f"{self._root}mosaics"
        try:
            for body in self._listed(url, [*parameters, ("_page_size", str(PAGE))], "mosaics"):
                if not isinstance(body.get("name"), str) or not body["name"]:
                    raise ProtocolError("The service did not list its basemaps.", f"GET {url}")
                yield body
        except NotFoundError as error:
            raise self._catalog.missing("This service has no basemaps, only items.", error) from None

    def _quads_in(self, basemap: Basemap, box: Box) -> Iterator[Item]:
        bbox = ",".join(f"{side:.12g}" for side in box)
        for body in self._listed(basemap.quads, [("bbox", bbox), ("_page_size", str(PAGE))], "items"):
            yield _quad(basemap, body, basemap.quads)

    def _listed(self, url: str, parameters: List[Tuple[str, str]], member: str) -> Iterator[Feature]:
        """Yield the members of a list, page by page."""
        link: Optional[str] = url
        visited: Set[str] = set()
        for _ in range(MAX_PAGES):
            assert link is not None
            visited.add(link)
            body = self._transport.get_json(self._transport.own_link(link), parameters).body
            page = body.get(member) if isinstance(body, Mapping) else None
            if not isinstance(page, list) or not all(isinstance(each, Mapping) for each in page):
                raise ProtocolError(f"The service returned something that is not a page of {member}.", f"GET {url}")
            yield from page
            following = next_link(body)
            if following is None:
                return
            if following in visited:
                raise ProtocolError(f"The service links pages of {member} in a circle: try again.", f"GET {url}")
            link, parameters = following, []
        raise ProtocolError(f"The service lists {member} on more than {MAX_PAGES:,} pages: use a smaller area.")


def _quad(basemap: Basemap, body: object, url: str) -> Item:
    """Return a quad as a Feature, with its bounds as the geometry and its links as properties."""
    links = body.get("_links") if isinstance(body, Mapping) else None
    if not isinstance(body, Mapping) or not isinstance(body.get("id"), str) or not isinstance(links, Mapping):
        raise ProtocolError("The service returned something that is not a quad.", f"GET {url}")
    west, south, east, north = quad_bounds(basemap, body["id"])
    box = Box(*to_degrees(west, south), *to_degrees(east, north))
    found = {name.lstrip("_"): link for name, link in links.items() if isinstance(link, str)}
    full = found.pop("download", None) or found.get("full") or (f"{found['self']}/full" if "self" in found else None)
    properties: Dict[str, object] = {name: value for name, value in body.items() if name not in ("id", "_links")}
    properties["links"] = {**found, **({"full": full} if full else {})}
    return Item(
        {
            "type": "Feature",
            "id": body["id"],
            "geometry": {"type": "Polygon", "coordinates": box.rings()},
            "properties": properties,
        }
    )


def _box_of(value: object) -> Optional[Box]:
    if isinstance(value, list) and len(value) == 4 and all(isinstance(side, (int, float)) for side in value):
        try:
            return Box.on_globe(*map(float, value))
        except OverflowError:
            return None
    return None


def _boxes_of(area: Union[Box, str, None], basemap: Basemap) -> Tuple[List[Box], Callable[[Item], bool]]:
    """Return the boxes to request, and a function that tests whether a quad shares ground with the exact area."""
    if area is None:
        return [basemap.bbox or Box(-180.0, -90.0, 180.0, 90.0)], lambda quad: True
    if isinstance(area, Box):
        return area.parts(), lambda quad: True
    from shapely.geometry import shape
    from shapely.ops import unary_union

    geometry = as_geojson(area_within(area))
    if geometry is None:
        raise QueryError("The area is neither WKT nor GeoJSON: write it as POLYGON((…)).")
    features = geometry.get("features") if geometry["type"] == "FeatureCollection" else [geometry]
    parts = [each.get("geometry") if each["type"] == "Feature" else each for each in features or ()]
    exact = unary_union([shape(part) for part in parts if part])
    boxes = [] if exact.is_empty else [Box(*exact.bounds)]
    return boxes, lambda quad: bool(quad.footprint.intersects(exact))


def _links_of(feature: Feature) -> Mapping[str, str]:
    links = feature["properties"].get("links")
    return {name: link for name, link in links.items() if isinstance(link, str)} if isinstance(links, Mapping) else {}


def _quad_assets(feature: Feature) -> Mapping[str, Asset]:
    full = _links_of(feature).get("full")
    return {"full": Asset("full", full)} if full else {}
