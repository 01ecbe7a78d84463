"""Client of a STAC API: collections, searches and items."""

from __future__ import annotations

import threading
from typing import Dict, Iterator, List, NamedTuple, NoReturn, Optional, Sequence, Tuple
from urllib.parse import quote

from planet_vector.catalog.scene_pages import DecodePage, SceneBatch, SearchSurvey
from planet_vector.catalog.stac.item_columns import ItemColumns
from planet_vector.catalog.stac.item_pages import PageRequest, fetch_page
from planet_vector.catalog.stac.item_schema import build_schema
from planet_vector.catalog.stac.item_times import TIME, TimeSpan, span_of
from planet_vector.catalog.stac.json_values import as_object, as_text, objects_in
from planet_vector.catalog.stac.landing import QUERYABLES, Landing, kept_landing, links_of, own_address, read_landing
from planet_vector.catalog.stac.page_chain import PageChain
from planet_vector.catalog.stac.pushed import Pushed, areas_of, bounds_of
from planet_vector.catalog.stac.reading import Plan, Reading
from planet_vector.catalog.stac.service_habits import ServiceHabits
from planet_vector.catalog.stac.transport import StacTransport
from planet_vector.catalog.stac.trust import FilterTrust
from planet_vector.collection_schema import CollectionSchema, Feature
from planet_vector.config import Settings
from planet_vector.errors import AuthError, NotFoundError, ProtocolError, RateLimitError, ServiceError, UnavailableError
from planet_vector.forking import renew_after_fork
from planet_vector.http.responses import redacted
from planet_vector.http.transport import Transport
from planet_vector.item_ids import is_item_id
from planet_vector.query import Query
from planet_vector.scene import Scene
from planet_vector.workers import Workers

SURVEYED = 100
"""Items on the page from which the columns of a collection are taken."""

_MOST_THUMBNAIL = 16 * 2**20  # bytes
_MOST_LISTS = 1000  # pages of collections
_SIGNATURES = {"png": b"\x89PNG\r\n\x1a\n", "jpg": b"\xff\xd8\xff", "jpeg": b"\xff\xd8\xff"}


class _Service(NamedTuple):
    """Parts of a service that are created before its first search; `kept` if the landing page was kept on disk."""

    kept: bool
    landing: Landing
    trust: FilterTrust
    chain: PageChain
    reading: Reading


class StacApi:
    """Client of a STAC API. Methods without a docstring are those of the Protocol `Catalog`.

    Parameters
    ----------
    settings : Settings
        Root, key and limits of the service.
    """

    kind = "stac"
    known_types: Sequence[str] = ()

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        transport = StacTransport(settings)
        self.transport: Transport = transport
        self._policies = transport.policies
        self.counts = False
        self._habits = ServiceHabits()
        self._found: Optional[_Service] = None
        self._listed: Optional[Dict[str, Feature]] = None
        self._schemas: Dict[str, Tuple[CollectionSchema, List[Feature]]] = {}
        self._lock = threading.RLock()
        renew_after_fork(self._renew)

    def is_there(self) -> bool:
        try:
            return bool(self._asked().landing.search)
        except (NotFoundError, ProtocolError):
            return False

    @property
    def basemaps(self) -> NoReturn:
        raise NotFoundError("A STAC API has no basemaps.")

    @property
    def _service(self) -> _Service:
        with self._lock:
            if self._found is None:
                landing = kept_landing(self.transport)
                self._found = self._asked() if landing is None else self._with(landing, kept=True)
            return self._found

    def _asked(self) -> _Service:
        """Return the service as the landing page describes it that it returned to this process."""
        with self._lock:
            if self._found is None or self._found.kept:
                self._found = self._with(read_landing(self.transport), kept=False)
            return self._found

    def _with(self, landing: Landing, kept: bool) -> _Service:
        trust = FilterTrust(self.transport, landing)
        chain = PageChain(self.transport, landing, self._habits, trust)
        reading = Reading(chain, self._habits, landing.sorts, self.settings.connections, self.settings.rate)
        return _Service(kept, landing, trust, chain, reading)

    def scene_types(self) -> Dict[str, str]:
        self._asked()
        return {name: self._address_of(name) for name in sorted(self._collections()) if is_item_id(name)}

    def offers(self) -> str:
        """Return what the service offers, as `planet_vector.catalog.protocol.DescribesItself` specifies."""
        service = self._asked()
        landing, language = service.landing, service.trust.language
        parts = ["time", "area"]
        if language:
            parts.append(f"numbers ({'CQL2' if landing.filters else 'the extension query'}, tested before it is used)")
        told = f"applies {', '.join(parts[:-1])} and {parts[-1]}"
        sorts = "sorts by time" if landing.sorts else "does not sort, so a search is read as a whole"
        page = fetch_page(self.transport, PageRequest.of_search(landing, {"limit": 1}))
        counts = "counts" if page.matched is not None else "does not count"
        return f"{counts}, {sorts} and {told}; other conditions are applied here"

    def schema(self, scene_type: str) -> CollectionSchema:
        """Return the schema of a collection, which stays the same as long as this process runs.

        Parameters
        ----------
        scene_type : str
            The collection.

        Raises
        ------
        NotFoundError
            If the service has no such collection.
        ServiceError
            If a request fails.
        """
        return self._known(scene_type)[0]

    def known_schema(self, scene_type: str) -> Optional[CollectionSchema]:
        return self._schemas[scene_type][0] if scene_type in self._schemas else None

    def collection_of(self, feature: object) -> Optional[str]:
        return as_text(as_object(feature).get("collection")) or None

    def scene(self, scene_type: str, scene_id: str) -> Scene:
        schema = self.schema(scene_type)
        landing = self._service.landing
        # By search, which every STAC API has; an address of items is optional.
        body = {"collections": [scene_type], "ids": [scene_id], "limit": 10}
        page = fetch_page(self.transport, PageRequest.of_search(landing, body))
        for item in page.items:
            if item["id"] == scene_id and item.get("collection") in (None, scene_type):
                return Scene(item, schema, self)
        raise NotFoundError(f"There is no item {scene_id!r} in collection {scene_type!r} at this service.")

    def thumbnail(self, scene: Scene, size: str = "md", format: str = "png", square: bool = False) -> bytes:
        """Return the thumbnail of an item, in the only size that it has.

        Parameters
        ----------
        scene : Scene
            The item.
        size, square
            Ignored: an item has one thumbnail.
        format : str, optional
            The format that the thumbnail must have.

        Returns
        -------
        bytes
            An image file.

        Raises
        ------
        NotFoundError
            If the item has no thumbnail, or one in another format.
        ServiceError
            If the request fails.
        """
        link = self.transport.check_link(scene.link("thumbnail"))
        content, _ = self.transport.get_bytes(link, limit=_MOST_THUMBNAIL)
        if not content.startswith(_SIGNATURES.get(format, b"\0")):
            others = "jpg" if content.startswith(_SIGNATURES["jpg"]) else "png"
            raise NotFoundError(f"The thumbnail of {scene.id} is not a {format} image: try {others}.")
        return content

    def tiles(self, scene: Scene) -> NoReturn:
        raise NotFoundError("A STAC API has no tiles.")

    def count(self, query: Query) -> Optional[int]:
        return self.survey(query).total

    def survey(self, query: Query) -> SearchSurvey:
        if query.contradicts_itself:
            return SearchSurvey(0)
        return self._service.reading.survey(self._plan(query))

    def pages(self, query: Query) -> Iterator[List[Feature]]:
        if query.contradicts_itself:
            return iter(())
        return self._service.reading.pages(self._plan(query))

    def decoded(
        self, query: Query, decode: Optional[DecodePage], known: Optional[SearchSurvey]
    ) -> Iterator[SceneBatch]:
        """Yield the items of a search as `pages` does, in columns.

        A page is put into columns by the thread that receives it, while others wait for their pages.

        Parameters
        ----------
        query : Query
            The search.
        decode : DecodePage or None
            Puts items into columns.
        known : SearchSurvey or None
            Result of `survey`.

        Raises
        ------
        ServiceError
            If the search cannot be completed; then the items yielded so far are incomplete.
        """
        if query.contradicts_itself:
            return
        columns = None if decode is None else ItemColumns(decode, query)
        for items in self._service.reading.pages(self._plan(query, columns), known):
            yield from [items] if columns is None else columns.batches(items)

    def _plan(self, query: Query, columns: Optional[ItemColumns] = None) -> Plan:
        service = self._service
        collection = query.scene_type
        bounds = bounds_of(query.conditions)
        trusted = service.trust.trusted(collection, bounds, self._known(collection)[1]) if bounds else {}
        others = [condition for condition in query.conditions if condition.field.name != TIME]
        span = span_of(query)
        language = service.trust.language
        pushed = [Pushed(collection, span, area, trusted, language, columns) for area in areas_of(query.area)]
        return Plan(query, pushed, not others)

    def _known(self, name: str) -> Tuple[CollectionSchema, List[Feature]]:
        """Return the schema of a collection and some items of it."""
        if name not in self._schemas:
            service = self._service
            try:
                known = self._learn(name, service)
            except (AuthError, RateLimitError, UnavailableError):
                raise
            except ServiceError:
                if not service.kept:
                    raise
                known = self._learn(name, self._asked())  # the landing page may have changed since it was kept
            self._schemas.setdefault(name, known)  # another thread may have been faster
        return self._schemas[name]

    def _learn(self, name: str, service: _Service) -> Tuple[CollectionSchema, List[Feature]]:
        order = "desc" if service.reading.sorts(name) else ""
        with Workers(1) as pool:  # at the same time: each takes a round trip
            some = pool.submit(service.chain.first, Pushed(name, TimeSpan(), None, {}, ""), order, SURVEYED)
            collection = self._collection(name)
            queryables = self._queryables(collection)
            page = some.result()
        self.counts = self.counts or page.matched is not None
        return build_schema(self.settings.api_url, self._policies, collection, queryables, page.items), page.items

    def _collection(self, name: str) -> Feature:
        if self._listed is not None and name in self._listed:
            return self._listed[name]
        told = f"There is no collection {name!r} at this service: 'planet-vector types' lists its collections."
        address = self._address_of(name)
        try:
            collection = as_object(self.transport.get_json(address).body)
        except NotFoundError as error:
            raise NotFoundError(told, error.request, error.status) from None
        if collection.get("id") != name:
            raise ProtocolError(f"The service returned something else than the collection {name!r}.", f"GET {address}")
        return collection

    def _queryables(self, collection: Feature) -> Feature:
        for link in links_of(collection):
            if link.rel in QUERYABLES:
                try:
                    found = self.transport.get_json(own_address(self.transport, link.href, self._root_address)).body
                except NotFoundError:  # advertised but absent: the columns come from the other sources
                    return {}
                return as_object(as_object(found).get("properties"))
        return {}

    def _collections(self) -> Dict[str, Feature]:
        """Return all collections, by id."""
        with self._lock:
            if self._listed is None:
                found: Dict[str, Feature] = {}
                asked: Dict[str, None] = {}
                address = self._root_address
                while address and address not in asked and len(asked) < _MOST_LISTS:
                    asked[address] = None
                    response = self.transport.get_json(address)
                    body = as_object(response.body)
                    if not isinstance(body.get("collections"), list):
                        raise ProtocolError("The service does not list its collections.", f"GET {redacted(address)}")
                    for each in objects_in(body["collections"]):
                        found.setdefault(as_text(each.get("id")), each)
                    following = next((link.href for link in links_of(body) if link.rel == "next"), "")
                    address = own_address(self.transport, following, response.url) if following else ""
                if address:
                    told = "The service links the pages of its collections in a circle."
                    raise ProtocolError(told, f"GET {redacted(self._root_address)}")
                self._listed = {name: each for name, each in found.items() if name}
            return self._listed

    @property
    def _root_address(self) -> str:
        address = self._service.landing.collections
        if not address:
            raise ProtocolError("The service links no collections.", f"GET {self.settings.api_url}")
        return address

    def _address_of(self, name: str) -> str:
        return f"{self._root_address.partition('?')[0].rstrip('/')}/{quote(name, safe='')}"

    def _renew(self) -> None:
        self._lock = threading.RLock()
