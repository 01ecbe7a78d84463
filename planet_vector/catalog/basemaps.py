"""The basemaps of a Scenes API v0, and the quads they are made of.

A quad is a square of a basemap in web mercator, named by its column from the west and its row from the *south*:
``L15-0763E-0959N`` lies in level 15, where ``quad_size`` pixels of the size of zoom 15's make one.

Quads are listed those updated last first, a page at a time, and no answer says how many there are. The service's own
``next`` links ask for those updated *before* the last one seen, so quads that share that time across the edge of a
page are lost. Here the next page begins with that whole instant again.
"""

from __future__ import annotations

import math
import re
from itertools import islice
from typing import Any, Iterator, List, Mapping, NamedTuple, Optional, Set, Tuple, Union
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from planet_vector.catalog.protocol import Catalog
from planet_vector.errors import NameSyntaxError, NotFoundError, ProtocolError, QueryError
from planet_vector.geometry.boxes import Bounds, Box
from planet_vector.geometry.web_mercator import HALF_WORLD, TILE, to_degrees, to_mercator
from planet_vector.names import OF_SERVICE, Name
from planet_vector.query import area_within
from planet_vector.scene import Item, Scene
from planet_vector.times import format_time, nearest_time, next_instant

PAGE = 1000  # quads asked for at once; the API's limit for scenes
SURELY_WHOLE = 50  # quads; the API's page when nothing is said (specification): no page it cuts short has fewer
MAX_PAGES = 2000  # of basemaps or quads: two million quads, twice what level 15 has over all land

_ID = re.compile(r"L(\d{1,2})-(\d{1,7})E-(\d{1,7})N", re.ASCII)
_LARGEST_QUAD = 16384  # pixels a side
_DEEPEST = 22  # zoom; 4 cm a pixel


class Basemap(NamedTuple):
    """Hold what a basemap says of itself.

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

    @property
    def pixel(self) -> float:
        """The side of a pixel in metres of EPSG:3857."""
        return 2 * HALF_WORLD / (TILE << self.level)

    @property
    def across(self) -> int:
        """The quads in a row around the globe; 1 where one is as large as the globe, or larger."""
        return math.ceil((TILE << self.level) / self.quad_size)


def list_basemaps(catalog: Catalog) -> List[Mapping[str, Any]]:
    """Return what the service says of each basemap it has.

    Raises
    ------
    ProtocolError
        When it does not list basemaps, each with a name of its own.
    """
    url = catalog.transport.url("mosaics/")
    found: List[Mapping[str, Any]] = []
    names: Set[str] = set()
    link: Optional[str] = url
    for _ in range(MAX_PAGES):
        try:
            body = catalog.transport.get_json(catalog.transport.check_link(str(link))).body
        except NotFoundError as error:
            raise catalog.missing("This service has no basemaps, only scenes.", error) from None
        page = body.get("mosaics") if isinstance(body, Mapping) else None
        if not isinstance(page, list) or not all(
            isinstance(basemap, Mapping) and isinstance(basemap.get("name"), str) and basemap["name"]
            for basemap in page
        ):
            raise ProtocolError("The service did not list its basemaps.", f"GET {url}")
        fresh = {basemap["name"]: basemap for basemap in page if basemap["name"] not in names}
        found += fresh.values()
        names.update(fresh)
        link = _next(body) if fresh else None  # the link may lead to an empty page, or to the same again
        if link is None:
            return found
    raise ProtocolError(f"The service lists basemaps on more than {MAX_PAGES:,} pages.", f"GET {url}")


def read_basemap(body: Any, catalog: Catalog) -> Optional[Basemap]:
    """Return a basemap from what the service says of it; None where it is of no kind that is known.

    Known are basemaps in web mercator of 8-bit quads, the only kind the API has had.
    """
    links = body.get("links") if isinstance(body, Mapping) else None
    if not isinstance(links, Mapping):
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
        return Basemap(name, level, size, tiles, catalog.transport.check_link(quads))
    return None


def basemap_of(catalog: Catalog, name: str) -> Basemap:
    """Ask the service for a basemap.

    Raises
    ------
    NotFoundError
        When there is none of that name.
    ProtocolError
        When it is of another kind than `read_basemap` knows.
    """
    basemap = read_basemap(basemap_body(catalog, name), catalog)
    if basemap is None:
        raise _unreadable(catalog, name)
    return basemap


def basemap_body(catalog: Catalog, name: str) -> Mapping[str, Any]:
    """Return what the service says of a basemap, whatever its kind.

    Raises
    ------
    NotFoundError
        When there is none of that name.
    ProtocolError
        When it answers with something else.
    """
    try:
        body = catalog.transport.get_json(_address(catalog, name)).body
    except NotFoundError as error:
        raise catalog.missing(f"There is no basemap {name!r} at this service.", error) from None
    if not isinstance(body, Mapping) or body.get("name") != name:
        raise _unreadable(catalog, name)
    return body


def quads_within(catalog: Catalog, basemap: Basemap, area: Union[Box, str, None] = None) -> Iterator[Item]:
    """Yield the quads of a basemap that share ground with an area, page after page, each once.

    Parameters
    ----------
    catalog : Catalog
        The service.
    basemap : Basemap
        The basemap.
    area : Box or str, optional
        A box in degrees, which may cross the antimeridian, or WKT or GeoJSON; by default everywhere.

    Raises
    ------
    ServiceError
        When not all can be had; then what was yielded before is not all.
    """
    where = f"GET {basemap.quads}"
    seen: Set[str] = set()
    link = basemap.quads
    parameters: List[Tuple[str, str]] = [("count", str(PAGE))]
    if area is not None:
        parameters.append(("intersects", area.wkt() if isinstance(area, Box) else area_within(area)))
    plain: Optional[str] = None  # the service's own link to the page, where another was taken
    for _ in range(MAX_PAGES):
        body = catalog.transport.get_json(catalog.transport.check_link(link), parameters).body
        parameters = []
        features = body.get("features") if isinstance(body, Mapping) else None
        if not isinstance(features, list):
            raise ProtocolError("The service answered with what is no page of quads.", where)
        page = [Item(feature) for feature in features]
        fresh = {quad.id: quad for quad in page if quad.id not in seen}
        for quad in fresh.values():
            quad_bounds(basemap, quad.id)
        seen.update(fresh)
        yield from fresh.values()
        if page and not fresh:
            if plain is None:
                raise ProtocolError("The service gave a page of quads twice: which ones are missing is unknown.", where)
            # All of the instant again, and nothing after it: the end, unless the instant fills a whole page.
            after = catalog.transport.get_json(catalog.transport.check_link(plain)).body
            if isinstance(after, Mapping) and after.get("features") == []:
                return
            raise ProtocolError("More quads were updated at one time than a page holds: take a smaller area.", where)
        following = _next(body)
        if following is None or len(page) < SURELY_WHOLE:
            return
        again = _from_the_last_instant(following, page[-1])
        link, plain = (again, following) if again is not None else (following, None)
    raise ProtocolError(f"The service lists quads on more than {MAX_PAGES:,} pages: take a smaller area.", where)


def few_quads(catalog: Catalog, basemap: Basemap, area: Union[Box, str, None] = None) -> Optional[List[Item]]:
    """Return the quads of a basemap in an area where a page holds them all; None where they are more."""
    found = list(islice(quads_within(catalog, basemap, area), PAGE + 1))
    return found if len(found) <= PAGE else None


def box_of_name(name: Name) -> Optional[Box]:
    """Return the box that the name of a basemap's raster has, or None.

    Raises
    ------
    QueryError
        When it is no box, or the name has a parameter that a raster does not take: to open the globe for an area that
        was asked for would be wrong without a word.
    """
    other = next((key for key, _ in name.parameters if key not in ("bbox", *OF_SERVICE)), None)
    if other is not None:
        raise NameSyntaxError(
            f"{other!r} is no parameter of a basemap's raster: give bbox=W,S,E,N for the quads there."
        )
    text = name.get("bbox")
    try:
        return None if text is None else Box.parse(text)
    except ValueError as error:
        raise QueryError(f"bbox: {error}.") from None


def quad_of(catalog: Catalog, basemap: Basemap, quad_id: str) -> Item:
    """Return one quad.

    Raises
    ------
    NotFoundError
        When the basemap has none of that id.
    """
    url = f"{basemap.quads.rstrip('/')}/{quote(quad_id, safe='')}"
    try:
        quad = Item(catalog.transport.get_json(url).body)
    except NotFoundError as error:
        raise NotFoundError(f"Basemap {basemap.name!r} has no quad {quad_id!r}.", error.request, 404) from None
    if quad.id != quad_id:
        raise ProtocolError(f"The service gave quad {quad.id[:40]!r} when asked for {quad_id!r}.", f"GET {url}")
    return quad


def quad_place(basemap: Basemap, quad_id: str) -> Tuple[int, int]:
    """Return a quad's column, counted from the west, and its row, counted from the south.

    Raises
    ------
    ProtocolError
        When the id is none of this basemap.
    """
    match = _ID.fullmatch(quad_id)
    if match is None or int(match[1]) != basemap.level or max(int(match[2]), int(match[3])) >= basemap.across:
        raise ProtocolError(f"The service gave a quad {quad_id[:40]!r}, which basemap {basemap.name!r} cannot have.")
    return int(match[2]), int(match[3])


def quad_bounds(basemap: Basemap, quad_id: str) -> Bounds:
    """Return the bounds of a quad: west, south, east, north in metres of EPSG:3857.

    Raises
    ------
    ProtocolError
        When the id is none of this basemap.
    """
    column, row = quad_place(basemap, quad_id)
    side = basemap.quad_size * basemap.pixel
    west, south = column * side - HALF_WORLD, row * side - HALF_WORLD
    return west, south, west + side, south + side


def quad_at(catalog: Catalog, basemap: Basemap, longitude: float, latitude: float) -> Optional[Item]:
    """Return the quad of a basemap in which a place lies, the northern or eastern one of an edge; None without one."""
    if abs(latitude) >= to_degrees(0.0, HALF_WORLD)[1]:
        return None
    x, y = to_mercator(-180.0 if longitude == 180 else longitude, latitude)
    for quad in quads_within(catalog, basemap, Box(longitude, latitude, longitude, latitude)):
        west, south, east, north = quad_bounds(basemap, quad.id)
        if west <= x < east and south <= y < north:
            return quad
    return None


def scenes_behind(catalog: Catalog, name: str, quad_id: str) -> List[Scene]:
    """Return the scenes a quad of a basemap was made of.

    Raises
    ------
    NotFoundError
        When there is no such basemap or quad.
    ProtocolError
        When the service answers with something else.
    """
    return scenes_of(catalog, quad_of(catalog, basemap_of(catalog, name), quad_id))


def scenes_of(catalog: Catalog, quad: Item) -> List[Scene]:
    """Return the scenes a quad was made of, as `scenes_behind` does."""
    scenes: List[Scene] = []
    link: Optional[str] = quad.link("scenes")
    expected: Any = None
    for _ in range(MAX_PAGES):
        body = catalog.transport.get_json(catalog.transport.check_link(str(link))).body
        features = body.get("features") if isinstance(body, Mapping) else None
        if not isinstance(features, list):
            raise ProtocolError(f"The service did not list the scenes of quad {quad.id}.", f"GET {link}")
        expected = body.get("count") if expected is None else expected
        scenes += [Scene(feature, _type_of(feature), catalog) for feature in features]
        link = _next(body) if features else None
        if link is None or len(scenes) == expected:
            break
    if isinstance(expected, int) and len(scenes) != expected:
        raise ProtocolError(f"The service gave {len(scenes)} of {expected} scenes of quad {quad.id}.", f"GET {link}")
    return scenes


def _address(catalog: Catalog, name: str) -> str:
    return catalog.transport.url(f"mosaics/{quote(name, safe='')}")


def _unreadable(catalog: Catalog, name: str) -> ProtocolError:
    where = f"GET {_address(catalog, name)}"
    return ProtocolError(f"The service gave basemap {name!r} in a form that cannot be read.", where)


def _next(body: Mapping[str, Any]) -> Optional[str]:
    links = body.get("links")
    following = links.get("next") if isinstance(links, Mapping) else None
    return following if isinstance(following, str) else None


def _from_the_last_instant(link: str, last: Item) -> Optional[str]:
    """Return a link to the next page that begins with the time of the last quad; None where the link pages otherwise.

    A service that keeps quads of one time apart by a parameter of its own needs no help.
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


def _type_of(feature: Any) -> str:
    """Return the type of a scene by its own link: …/scenes/<type>/<id>."""
    try:
        match = re.search(r"/scenes/([\w.\-]+)/[\w.\-]+/?$", feature["properties"]["links"]["self"])
    except (TypeError, KeyError):
        match = None
    if match is None:
        raise ProtocolError("The service gave a scene without a link to itself.")
    return match[1]
