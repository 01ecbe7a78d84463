"""Basemaps of the Scenes API v0.

The service lists quads in pages, the last updated first, without a count. Its ``next`` links request quads updated
*before* the last one seen, so that quads that share this time across a page edge are lost. Here the next page begins
with that whole instant again.
"""

from __future__ import annotations

from typing import Any, Iterator, List, Mapping, Optional, Set, Tuple, Union
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from planet_vector.assets import Asset
from planet_vector.catalog.basemaps import Basemap, quad_bounds
from planet_vector.catalog.scenes_v0.scene_schemas import collection_of, links_of, schema_of
from planet_vector.collection_schema import INTEGER, REAL, TEXT, TIME, CollectionSchema, Feature, Meanings
from planet_vector.errors import NotFoundError, ProtocolError
from planet_vector.geometry.boxes import Box
from planet_vector.geometry.web_mercator import TILE
from planet_vector.http.transport import Transport
from planet_vector.names import BASEMAPS
from planet_vector.query import area_within
from planet_vector.scene import Item, Scene
from planet_vector.times import format_time, nearest_time, next_instant

PAGE = 1000  # quads per request; the API's limit for scenes
SURELY_WHOLE = 50  # quads; the API's default page (specification): a shorter page is the last
MAX_PAGES = 2000  # of basemaps or quads: two million quads, twice the number at level 15 over all land

_LARGEST_QUAD = 16384  # width in pixels
_DEEPEST = 22  # zoom level; 4 cm per pixel

_BASEMAP: Mapping[str, str] = {
    "name": TEXT,
    "title": TEXT,
    "first_acquired": TIME,
    "last_acquired": TIME,
    "level": INTEGER,
    "resolution": REAL,
    "quad_size": INTEGER,
    "quad_pattern": TEXT,
    "coordinate_system": TEXT,
    "datatype": TEXT,
    "links.self": TEXT,
    "links.quads": TEXT,
    "links.quadmap": TEXT,
    "links.tiles": TEXT,
}
_QUAD: Mapping[str, str] = {
    "updated": TIME,
    "num_input_scenes": INTEGER,
    "percent_covered": REAL,
    "links.self": TEXT,
    "links.full": TEXT,
    "links.thumbnail": TEXT,
    "links.mosaic": TEXT,
    "links.scenes": TEXT,
}


class ScenesV0Basemaps:
    """Client of the basemaps of a Scenes API v0.

    Methods without a docstring are those of the Protocol `Basemaps`.

    Parameters
    ----------
    transport : Transport
        Sends the requests.
    catalog : Catalog
        The catalog of the source scenes of quads.
    """

    schema = CollectionSchema("scenes-v0", BASEMAPS, _BASEMAP, Meanings(time=""))

    def __init__(self, transport: Transport, catalog: Any) -> None:
        self._transport = transport
        self._catalog = catalog

    def quad_schema(self, name: str) -> CollectionSchema:
        return CollectionSchema(
            "scenes-v0", f"{BASEMAPS}/{name}", _QUAD, Meanings(time=""), assets_of=_quad_assets, links_of=links_of
        )

    def list(self) -> List[Feature]:
        url = self._transport.url("mosaics/")
        found: List[Feature] = []
        names: Set[str] = set()
        link: Optional[str] = url
        for _ in range(MAX_PAGES):
            try:
                body = self._transport.get_json(self._transport.check_link(str(link))).body
            except NotFoundError as error:
                raise self._catalog.missing("This service has no basemaps, only scenes.", error) from None
            page = body.get("mosaics") if isinstance(body, Mapping) else None
            if not isinstance(page, list) or not all(
                isinstance(basemap, Mapping) and isinstance(basemap.get("name"), str) and basemap["name"]
                for basemap in page
            ):
                raise ProtocolError("The service did not list its basemaps.", f"GET {url}")
            fresh = {basemap["name"]: basemap for basemap in page if basemap["name"] not in names}
            found += fresh.values()
            names.update(fresh)
            link = _next(body) if fresh else None  # the link may lead to an empty page or to the same page
            if link is None:
                return found
        raise ProtocolError(f"The service lists basemaps on more than {MAX_PAGES:,} pages.", f"GET {url}")

    def body(self, name: str) -> Mapping[str, Any]:
        try:
            body = self._transport.get_json(self._address(name)).body
        except NotFoundError as error:
            raise self._catalog.missing(f"There is no basemap {name!r} at this service.", error) from None
        if not isinstance(body, Mapping) or body.get("name") != name:
            raise self._unreadable(name)
        return body

    def read(self, body: object) -> Optional[Basemap]:
        """Return a basemap from the service's JSON object; None if its kind is unknown.

        Web mercator basemaps with 8-bit quads are supported, the only kind that the API has had.

        Parameters
        ----------
        body : object
            The object, or any other JSON value.
        """
        links = body.get("links") if isinstance(body, Mapping) else None
        if not isinstance(body, Mapping) or not isinstance(links, Mapping):
            return None
        name, level, size = body.get("name"), body.get("level"), body.get("quad_size")
        tiles, quads = links.get("tiles"), links.get("quads")
        known = body.get("coordinate_system") == "EPSG:3857" and body.get("datatype") == "byte"
        if (
            known
            and isinstance(name, str)
            and isinstance(level, int)
            and 0 <= level <= _DEEPEST
            and isinstance(size, int)
            and TILE <= size <= _LARGEST_QUAD
            and isinstance(tiles, str)
            and isinstance(quads, str)
        ):
            return Basemap(name, level, size, tiles, self._transport.check_link(quads))
        return None

    def named(self, name: str) -> Basemap:
        basemap = self.read(self.body(name))
        if basemap is None:
            raise self._unreadable(name)
        return basemap

    def quads(self, basemap: Basemap, area: Union[Box, str, None] = None) -> Iterator[Item]:
        where = f"GET {basemap.quads}"
        seen: Set[str] = set()
        link = basemap.quads
        parameters: List[Tuple[str, str]] = [("count", str(PAGE))]
        if area is not None:
            parameters.append(("intersects", area.wkt() if isinstance(area, Box) else area_within(area)))
        plain: Optional[str] = None  # the service's own link to the page, if another was used
        for _ in range(MAX_PAGES):
            body = self._transport.get_json(self._transport.check_link(link), parameters).body
            parameters = []
            features = body.get("features") if isinstance(body, Mapping) else None
            if not isinstance(features, list):
                raise ProtocolError("The service returned something that is not a page of quads.", where)
            page = [Item(feature) for feature in features]
            fresh = {quad.id: quad for quad in page if quad.id not in seen}
            for quad in fresh.values():
                quad_bounds(basemap, quad.id)
            seen.update(fresh)
            yield from fresh.values()
            if page and not fresh:
                if plain is None:
                    raise ProtocolError(
                        "The service returned a page of quads twice, so that others may be missing: try again.", where
                    )
                # The same instant again and nothing after it: the end, unless the instant fills a whole page.
                after = self._transport.get_json(self._transport.check_link(plain)).body
                if isinstance(after, Mapping) and after.get("features") == []:
                    return
                raise ProtocolError(
                    "More quads were updated at one time than fit on a page: use a smaller area.", where
                )
            following = _next(body)
            if following is None or len(page) < SURELY_WHOLE:
                return
            again = _from_the_last_instant(following, page[-1])
            link, plain = (again, following) if again is not None else (following, None)
        raise ProtocolError(f"The service lists quads on more than {MAX_PAGES:,} pages: use a smaller area.", where)

    def quad(self, basemap: Basemap, quad_id: str) -> Item:
        url = f"{basemap.quads.rstrip('/')}/{quote(quad_id, safe='')}"
        try:
            quad = Item(self._transport.get_json(url).body)
        except NotFoundError as error:
            raise NotFoundError(f"Basemap {basemap.name!r} has no quad {quad_id!r}.", error.request, 404) from None
        if quad.id != quad_id:
            raise ProtocolError(f"The service returned quad {quad.id[:40]!r} instead of {quad_id!r}.", f"GET {url}")
        return quad

    def scenes(self, quad: Item) -> List[Scene]:
        scenes: List[Scene] = []
        link: Optional[str] = quad.link("scenes")
        expected: object = None
        for _ in range(MAX_PAGES):
            body = self._transport.get_json(self._transport.check_link(str(link))).body
            features = body.get("features") if isinstance(body, Mapping) else None
            if not isinstance(features, list):
                raise ProtocolError(f"The service did not list the scenes of quad {quad.id}.", f"GET {link}")
            expected = body.get("count") if expected is None else expected
            scenes += [Scene(feature, schema_of(_type_of(feature)), self._catalog) for feature in features]
            link = _next(body) if features else None
            if link is None or len(scenes) == expected:
                break
        if isinstance(expected, int) and len(scenes) != expected:
            raise ProtocolError(
                f"The service returned {len(scenes)} of {expected} scenes of quad {quad.id}.", f"GET {link}"
            )
        return scenes

    def _address(self, name: str) -> str:
        return self._transport.url(f"mosaics/{quote(name, safe='')}")

    def _unreadable(self, name: str) -> ProtocolError:
        where = f"GET {self._address(name)}"
        return ProtocolError(f"The service returned basemap {name!r} in an unknown form.", where)


def _next(body: Mapping[str, Any]) -> Optional[str]:
    links = body.get("links")
    following = links.get("next") if isinstance(links, Mapping) else None
    return following if isinstance(following, str) else None


def _from_the_last_instant(link: str, last: Item) -> Optional[str]:
    """Return a next link that begins with the time of the last quad; None if the link pages by another parameter.

    A service that distinguishes quads of one time by a parameter of its own needs no change.
    """
    parts = urlsplit(link)
    query = parse_qsl(parts.query, keep_blank_values=True)
    tokens = {name: value for name, value in query if name.startswith("_page.")}
    try:
        updated = nearest_time(last.properties["updated"])
        if set(tokens) != {"_page.updated.lt"} or nearest_time(tokens["_page.updated.lt"]) != updated:
            return None
    except (KeyError, ValueError, AttributeError):
        return None
    after = next_instant(updated)
    if after is None:
        pairs = [pair for pair in query if pair[0] not in tokens]
    else:
        pairs = [(name, format_time(after) if name in tokens else value) for name, value in query]
    return urlunsplit(parts._replace(query=urlencode(pairs)))


def _type_of(feature: object) -> str:
    found = collection_of(feature)
    if found is None:
        raise ProtocolError("The service returned a scene without a link to itself.")
    return found


def _quad_assets(feature: Feature) -> Mapping[str, Asset]:
    full = links_of(feature).get("full")
    return {"full": Asset("full", full)} if full else {}
