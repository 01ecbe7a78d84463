"""Client of the Data API v1: item types, searches, items, their assets, thumbnails and tiles."""

from __future__ import annotations

from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple, cast
from urllib.parse import quote

from planet_vector.assets import AssetState
from planet_vector.catalog import density, paging
from planet_vector.catalog.basemaps import Basemaps
from planet_vector.catalog.data_v1.basemaps import DataV1Basemaps
from planet_vector.catalog.data_v1.fast_pages import decoded_page
from planet_vector.catalog.data_v1.filters import filter_of
from planet_vector.catalog.data_v1.item_columns import ITEM_TYPES
from planet_vector.catalog.data_v1.item_pages import next_link, page_of
from planet_vector.catalog.data_v1.item_schemas import collection_of, schema_of
from planet_vector.catalog.data_v1.saved_searches import SEARCHES, SavedSearches
from planet_vector.catalog.data_v1.stats import buckets_of, finer_interval, interval_of
from planet_vector.catalog.data_v1.transport import KEY_PARAMETER, DataV1Transport
from planet_vector.catalog.protocol import THUMBNAIL_FORMATS, THUMBNAIL_SIZES
from planet_vector.catalog.scene_pages import (
    DecodePage,
    PageSource,
    ReadPage,
    ResultChanged,
    SceneBatch,
    ScenePage,
    SearchSurvey,
    scenes_missing,
)
from planet_vector.collection_schema import CollectionSchema, Feature
from planet_vector.config import Settings
from planet_vector.errors import BadQueryError, NotFoundError, ProtocolError, QueryError, ServiceError
from planet_vector.http.transport import Transport
from planet_vector.names import Name
from planet_vector.query import Query
from planet_vector.roots import DEFAULT_API_URL, is_api_origin
from planet_vector.scene import Scene
from planet_vector.times import FIRST, INSTANT, LAST

PAGE = 250
"""Items of a page; larger ones are not documented, and GDAL requests as many."""

MAX_PAGES = 1000
"""Most pages of a list: of item types or of saved searches."""

_TILES_URL = "https://tiles0.planet.com/data/v1/"
_MOST_THUMBNAIL = 16 * 2**20  # bytes
_PNG = b"\x89PNG\r\n\x1a\n"


class DataV1:
    """Client of a Data API v1.

    Methods without a docstring are those of the Protocol `Catalog`.

    Parameters
    ----------
    settings : Settings
        Root, key and limits of the service.
    """

    kind = "data-v1"
    counts = True
    known_types: Sequence[str] = ITEM_TYPES

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._assets = DataV1Transport(settings)
        self.transport: Transport = self._assets
        self.basemaps: Basemaps = DataV1Basemaps(self._assets, self)
        self._saved_searches = SavedSearches(self._assets)
        self._has_types = False  # whether it has listed item types

    def schema(self, scene_type: str) -> CollectionSchema:
        """Return the schema of an item type, without a request.

        Parameters
        ----------
        scene_type : str
            The item type.
        """
        return schema_of(scene_type)

    def known_schema(self, scene_type: str) -> CollectionSchema:
        return schema_of(scene_type)

    def collection_of(self, feature: object) -> Optional[str]:
        return collection_of(feature)

    def is_there(self) -> bool:
        try:
            return bool(self.scene_types())
        except (NotFoundError, ProtocolError):
            return False

    def scene_types(self) -> Dict[str, str]:
        root = self.transport.url("item-types")
        found: Dict[str, str] = {}
        link: Optional[str] = root
        visited: Set[str] = set()
        for _ in range(MAX_PAGES):
            visited.add(str(link))
            try:
                answer = self.transport.get_json(self._assets.own_link(str(link)))
            except NotFoundError as error:
                raise NotFoundError(self._no_api("has nothing there (404)"), error.request, error.status) from None
            types = answer.body.get("item_types") if isinstance(answer.body, Mapping) else None
            if not isinstance(types, list) or not all(
                isinstance(each, Mapping) and isinstance(each.get("id"), str) and each["id"] for each in types
            ):
                raise ProtocolError(self._no_api("does not list item types"), f"GET {root}")
            found.update((each["id"], self.transport.url(f"item-types/{quote(each['id'], safe='')}")) for each in types)
            link = next_link(answer.body)
            if link is None:
                return dict(sorted(found.items()))
            if link in visited:
                raise ProtocolError("The service links pages of item types in a circle: try again.", f"GET {root}")
        raise ProtocolError(f"The service lists item types on more than {MAX_PAGES:,} pages.", f"GET {root}")

    def scene(self, scene_type: str, scene_id: str) -> Scene:
        url = self.transport.url(f"item-types/{quote(scene_type, safe='')}/items/{quote(scene_id, safe='')}")
        try:
            scene = Scene(self.transport.get_json(url).body, schema_of(scene_type), self)
        except NotFoundError as error:
            told = f"There is no item {scene_id!r} of type {scene_type!r} at this service."
            raise self.missing(told, error) from None
        if scene.id != scene_id:
            raise ProtocolError(f"The service returned item {scene.id!r} instead of {scene_id!r}.", f"GET {url}")
        return scene

    def missing(self, message: str, error: NotFoundError) -> ServiceError:
        """Return the error for a 404: a message, or that there is no Data API at the root.

        Parameters
        ----------
        message : str
            One sentence, for a service that is a Data API.
        error : NotFoundError
            The 404.
        """
        if not self._has_types:
            try:
                self._has_types = bool(self.scene_types())
            except (NotFoundError, ProtocolError) as wrong_root:
                return wrong_root
            except ServiceError:
                pass  # unknown
        return NotFoundError(message, error.request, error.status)

    def _no_api(self, why: str) -> str:
        root, source = self.settings.api_url, self.settings.root_source
        return f"There is no Data API at {root}, as its host {why}: check {source}; a root ends in /data/v1/."

    # ---- names ---------------------------------------------------------------------------------------------

    def expand(self, name: Name) -> List[Tuple[str, Name]]:
        """Return the searches that a name stands for, each of one item type, with titles of their layers.

        ``PSScene,SkySatScene`` are two searches. ``searches`` stands for all saved searches, and ``searches/ID`` for
        one of them, with a search for each of its item types.

        Parameters
        ----------
        name : Name
            The name.

        Raises
        ------
        NotFoundError
            If there is no saved search of this id.
        ServiceError
            If a request fails.
        """
        if name.collection != SEARCHES:
            types = list(dict.fromkeys(filter(None, name.collection.split(","))))
            return [(each, Name(each, name.item, name.part, name.parameters)) for each in types or [name.collection]]
        return self._saved_searches.expand(name)

    # ---- assets --------------------------------------------------------------------------------------------

    def asset_states(self, scene: Scene) -> Dict[str, AssetState]:
        """Return the states of an item's assets, by name.

        Parameters
        ----------
        scene : Scene
            The item.

        Raises
        ------
        ServiceError
            If the request fails.
        """
        return self._assets.states(scene.link("assets"))

    def activate(self, scene: Scene, state: AssetState) -> None:
        """Request the activation of an asset, which may count against a quota.

        Parameters
        ----------
        scene : Scene
            The item.
        state : AssetState
            The asset, as `asset_states` returned it.

        Raises
        ------
        ServiceError
            If the request fails, or the service offers no activation.
        """
        if not state.activation:
            raise ProtocolError(f"The service offers no activation of {scene.id}/{state.name}.")
        self.transport.get_bytes(self._assets.own_link(state.activation))

    # ---- pictures ------------------------------------------------------------------------------------------

    def thumbnail(self, scene: Scene, size: str = "md", format: str = "png", square: bool = False) -> bytes:
        """Return the service's picture of an item, which it has as PNG only.

        Parameters
        ----------
        scene : Scene
            The item.
        size : str, optional
            ``sm``, ``md`` or ``lg``: 64, 128 or 640 pixels wide.
        format : str, optional
            ``png``.
        square : bool, optional
            Must be False.

        Returns
        -------
        bytes
            An image file.

        Raises
        ------
        QueryError
            If there is no such size or format.
        NotFoundError
            If the picture would be square.
        ServiceError
            If the request fails, or the response is not such an image.
        """
        if size not in THUMBNAIL_SIZES:
            raise QueryError(f"size is {size!r}: it takes {', '.join(THUMBNAIL_SIZES)}.")
        if format not in THUMBNAIL_FORMATS:
            raise QueryError(f"format is {format!r}: it takes {', '.join(THUMBNAIL_FORMATS)}.")
        if format != "png" or square:
            raise NotFoundError("This service has thumbnails as PNG only, and no square ones.")
        link = self.transport.check_link(scene.link("thumbnail"))
        parameters = [("width", str(THUMBNAIL_SIZES[size]))]
        content, _ = self.transport.get_bytes(link, parameters, _MOST_THUMBNAIL)
        if not content.startswith(_PNG):
            raise ProtocolError(f"The service returned a thumbnail of {scene.id} that is not a png image.")
        return content

    def tiles(self, scene: Scene) -> str:
        root = self.settings.api_url
        base = _TILES_URL if is_api_origin(root, DEFAULT_API_URL) else root
        return f"{base}{quote(scene.scene_type, safe='')}/{quote(scene.id, safe='')}/{{z}}/{{x}}/{{y}}.png"

    # ---- searches ------------------------------------------------------------------------------------------

    def count(self, query: Query) -> int:
        total = self.survey(query).total
        assert total is not None, "this API counts"
        return total

    def survey(self, query: Query) -> SearchSurvey:
        """Return the number of items of a search, with bounds of their times, by one request.

        Parameters
        ----------
        query : Query
            The search.

        Returns
        -------
        SearchSurvey
            The number of items, and their density by time of acquisition. The oldest and the newest time are those
            of the first and the last bucket. Both are only used to divide the search, so that no item is lost if the
            service's buckets mean another time.

        Raises
        ------
        ServiceError
            If the request fails.
        """
        if query.contradicts_itself:
            return SearchSurvey(0)
        return self._stats(query, interval_of(query))

    def _stats(self, query: Query, interval: str) -> SearchSurvey:
        body = {"item_types": [query.scene_type], "filter": filter_of(query), "interval": interval}
        url = self.transport.url("stats")
        try:
            answer = self.transport.post_json(url, body)
        except NotFoundError as error:
            raise self._no_type(query, error) from None
        buckets = buckets_of(answer.body, interval, f"POST {url}")
        total = sum(bucket.total for bucket in buckets)
        if query.limit is not None:
            return SearchSurvey(min(total, query.limit))
        if not buckets:
            return SearchSurvey(total)
        return SearchSurvey(total, buckets[0].start, buckets[-1].end - INSTANT, tuple(buckets))

    def _finer(self, query: Query, known: SearchSurvey) -> SearchSurvey:
        """Return a survey with shorter buckets, if they would save requests."""
        finer = finer_interval(known.density, PAGE) if known.density else None
        if finer is None:
            return known
        assert known.total is not None, "this API counts"
        try:
            found = self._stats(query, finer)
        except BadQueryError:
            return known  # the most buckets that the service returns are not documented
        # Fewer items than just before are no reason to expect fewer: either answer may lack some.
        return found if found.total is not None and found.total >= known.total else known

    def pages(self, query: Query) -> Iterator[List[Feature]]:
        return cast(Iterator[List[Feature]], self._limited(query) if query.limit is not None else self._whole(query))

    def _whole(self, query: Query) -> Iterator[SceneBatch]:
        """Yield the items of a search without a limit: the first page alone, as a caller may need no more of it."""
        if query.contradicts_itself:
            return
        source = self._source()
        items, window = paging.first_page(source, query)
        yield items
        known = self.survey(query)
        assert known.total is not None, "this API counts"
        missing = known.total - len(items)
        if window is None:
            if missing > 0:
                raise scenes_missing(missing)
            return
        if missing <= 0:
            raise ResultChanged(
                f"The service counts {known.total} items but returned {len(items)} and more: the result would be "
                "incomplete, try again."
            )
        buckets = self._finer(query, known).density
        ahead = density.within(buckets, window.low or FIRST, window.high or LAST)
        # By the number of the whole search, so that an item that the first page lacks is missed, too.
        known = SearchSurvey(missing, density=ahead)
        yield from paging.pages(source, window.within(query), self.settings.connections, known)

    def decoded(
        self, query: Query, decode: Optional[DecodePage], known: Optional[SearchSurvey]
    ) -> Iterator[SceneBatch]:
        """Yield the items of a search as `pages` does, with each page passed through a decoder if it can decode it.

        The pages of the service contain no count. Their number is compared with that of `survey`.

        Parameters
        ----------
        query : Query
            The search.
        decode : DecodePage or None
            Decodes the bytes of a page, or returns None.
        known : SearchSurvey or None
            Result of `survey`; by default it is requested, except for a search with a limit.

        Yields
        ------
        SceneBatch
            The next items.

        Raises
        ------
        ServiceError
            If the search cannot be completed; then the items yielded so far are incomplete.
        """
        if query.limit is not None:
            yield from self._limited(query, decode)
            return
        known = self._finer(query, known or self.survey(query))
        yield from paging.pages(self._source(decode), query, self.settings.connections, known)

    def _source(self, decode: Optional[DecodePage] = None) -> PageSource:
        return PageSource(self._fetch, self._follow, PAGE, decode)

    def _limited(self, query: Query, decode: Optional[DecodePage] = None) -> Iterator[SceneBatch]:
        assert query.limit is not None
        count = 0
        for page in paging.pages(self._source(decode), query, self.settings.connections):
            count += len(page)
            yield page
        if count < query.limit and count < self.count(query):  # the last page may have been cut off
            raise ResultChanged(
                f"The service counts more items than the {count} that it returned: the result is incomplete, or it "
                "changed during the search; try again."
            )

    def _fetch(self, query: Query, size: int) -> ReadPage:
        parameters = [("_page_size", str(size)), ("_sort", query.order)]
        body = {"item_types": [query.scene_type], "filter": filter_of(query)}
        try:
            content, as_json = self.transport.fetch(self.transport.url("quick-search"), parameters, body=body)
        except NotFoundError as error:
            raise self._no_type(query, error) from None

        def read(decode: Optional[DecodePage]) -> ScenePage:
            page = None
            if decode is not None and KEY_PARAMETER.encode() not in content:
                page = decoded_page(content, decode)
            return page or page_of(as_json())

        return read

    def _follow(self, link: str) -> ScenePage:
        return page_of(self.transport.get_json(self._assets.own_link(link)))

    def _no_type(self, query: Query, error: NotFoundError) -> ServiceError:
        return self.missing(
            f"There is no item type {query.scene_type!r} at this service: 'planet-vector types' lists its item types.",
            error,
        )
