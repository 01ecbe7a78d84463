"""A search as a layer: the rows for a program's filters, complete or an error."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import FrozenSet, Hashable, Iterable, Iterator, List, Optional, Tuple, cast

from planet_vector.catalog import Catalog, catalog_of
from planet_vector.catalog.protocol import expanded
from planet_vector.catalog.scene_pages import ResultChanged, SceneBatch, SearchSurvey
from planet_vector.collection_schema import Feature, time_at
from planet_vector.conditions import Condition
from planet_vector.config import Settings
from planet_vector.errors import NameSyntaxError, NotFoundError
from planet_vector.gc_pause import uncollected
from planet_vector.geometry.boxes import WORLD, Bounds, Box
from planet_vector.names import OF_SERVICE, Name
from planet_vector.query import Query
from planet_vector.times import nearest_time, next_instant
from planet_vector.vector import disk_cache
from planet_vector.vector.columns import Row, Rows
from planet_vector.vector.crs import LayerProjection
from planet_vector.vector.decoding import Decoder
from planet_vector.vector.result import Result
from planet_vector.vector.result_cache import CACHE
from planet_vector.vector.row_layer import RowLayer
from planet_vector.vector.scene_ids import spellings
from planet_vector.vector.schema import Schema
from planet_vector.vector.tile_index import TileIndex, out_of_reach
from planet_vector.workers import Workers

LAYER_PARAMETERS = (*OF_SERVICE, "crs", "fields", "product", "res", "top")
"""Parameters of a name that control how a layer looks, not which scenes it has."""

_FEW = 1000  # most scenes that are read to find the extent of a layer
_TRIES = 3  # attempts to read a result that changes meanwhile


@dataclass(frozen=True)
class Selection:
    """Result that was fetched for filters.

    Attributes
    ----------
    asked : (str or None, Box or None)
        The filters: a WHERE clause and a box.
    result : Result
        Holds all scenes that can meet them.
    box, ids, conditions
        Narrow the result to the filters.
    whole : bool
        Whether the result holds all scenes of its search.
    """

    asked: Tuple[Optional[str], Optional[Box]]
    result: Result
    box: Optional[Box] = None
    ids: Optional[FrozenSet[str]] = None
    conditions: Tuple[Condition, ...] = ()
    whole: bool = True

    def blocks(self) -> Iterator[Rows]:
        """Return a superset of the scenes that meet the filters."""
        return self.result.blocks(self.box, self.ids, self.conditions)


class SceneLayer(RowLayer):
    """Layer of the scenes of a search.

    Parameters
    ----------
    catalog : Catalog
        The service.
    query : Query
        The search.
    schema : Schema
        The columns.
    scene_id : str, optional
        The only scene of the layer, of the search's type; by default all that the query selects.
    index : TileIndex, optional
        How GDAL draws the layer as one raster.
    projection : LayerProjection, optional
        The coordinate system of footprints and extent; by default longitude and latitude.
    """

    def __init__(
        self,
        catalog: Catalog,
        query: Query,
        schema: Schema,
        scene_id: Optional[str] = None,
        index: Optional[TileIndex] = None,
        projection: Optional[LayerProjection] = None,
    ) -> None:
        super().__init__(catalog, query, schema)
        self.scene_id = scene_id
        self.index = index or TileIndex.parse(query.schema.meanings, None, None, query.ascending)
        self.projection = projection
        self._held: Optional[Selection] = None
        self.prepares = False
        """Whether rows are prepared for `Rows.named` while further pages are being fetched."""

    @property
    def _owner(self) -> Tuple[Hashable, ...]:
        return (*super()._owner, self.scene_id)

    @property
    def _stored_as(self) -> str:
        query = self.query
        schema = query.schema.service, self.schema.key, self.schema.types
        return repr((self.catalog.settings.identity, schema, query.parameters, query.limit))

    def count(self, where: Optional[str] = None) -> Optional[int]:
        """Return the number of scenes, or None if they must be read to be counted.

        Parameters
        ----------
        where : str, optional
            An OGR SQL WHERE clause that filters the layer.
        """
        narrowing = self._narrow(where)
        if not narrowing.exact:
            return None
        query = self.query.where(*narrowing.conditions)
        kept = self._kept(query)
        if kept is None and not self.counts_quickly(where):
            return None
        if kept is None and self.scene_id is not None:
            kept = self._result(query)
        if kept is not None:
            return kept.count if kept.query == query else kept.count_meeting(narrowing.conditions)
        return self._survey(query).total

    def ask(self) -> None:
        """Send a first request for the search, so that a fault in it is an error now, not an empty layer.

        Raises
        ------
        ServiceError
            If the request fails.
        """
        if self._kept(self.query) is None:
            if self.scene_id is not None:
                self._result(self.query)
            else:
                self._survey(self.query)

    def _survey(self, query: Query) -> SearchSurvey:
        known = CACHE.survey(self._owner, query, self._ttl)
        if known is None:
            known = self.catalog.survey(query)
            CACHE.keep_survey(self._owner, query, known)
        return known

    def counts_quickly(self, where: Optional[str] = None) -> bool:
        """Return whether `count` returns a number by at most one small request; makes no request itself.

        The filter must be narrowed exactly. The service cannot filter the first scenes of a search (``limit``) or a
        single scene. If a larger result is cached, its rows are counted instead, as the service may have other scenes
        by now. With a service that does not count, only a cached result is counted quickly.

        Parameters
        ----------
        where : str, optional
            An OGR SQL WHERE clause that filters the layer.

        Returns
        -------
        bool
            Whether counting is cheap.
        """
        narrowing = self._narrow(where)
        if not narrowing.exact:
            return False
        if self.catalog.counts or self.scene_id is not None:
            if not narrowing.conditions:
                return True
            if self.query.limit is not None or self.scene_id is not None:
                return False
        query = self.query.where(*narrowing.conditions)
        kept = self._kept(query)
        return self.catalog.counts if kept is None else kept.query == query

    def hold(self, where: Optional[str] = None, box: Optional[Box] = None) -> None:
        """Fetch what `blocks` returns, and use it for all later reads of the layer.

        Parameters
        ----------
        where : str, optional
            An OGR SQL WHERE clause.
        box : Box, optional
            A spatial filter, degrees.
        """
        self._held = self._selection(where, box)

    def blocks(self, where: Optional[str] = None, box: Optional[Box] = None) -> Iterator[Rows]:
        """Return a superset of the scenes that meet the filters; all are fetched before it returns.

        Parameters
        ----------
        where : str, optional
            An OGR SQL WHERE clause.
        box : Box, optional
            A spatial filter, degrees.
        """
        held = self._held
        selection = held if held is not None and held.asked == (where, box) else self._selection(where, box)
        blocks = selection.blocks()
        # All are projected before the first is returned: a footprint out of the projection's reach is an error.
        return iter(list(map(self._projected, blocks))) if self.projection else blocks

    def _selection(self, where: Optional[str], box: Optional[Box]) -> Selection:
        narrowing = self._narrow(where)
        if narrowing.nothing:
            return Selection((where, box), Result(self.query), whole=False)
        whole = self._kept(self.query)
        part = self.query.limit is not None or self.scene_id is not None
        ids = None
        if narrowing.ids is not None and whole is None and not part:
            ids = spellings(narrowing.ids, self.query.schema.spelling_of)
        if ids is not None:
            found = Result(self.query, self.schema.names)
            found.append(self.schema.rows(self._by_id(ids, narrowing.conditions)))
            return Selection((where, box), found, whole=False)
        query = self.query
        if not part:
            area = box if query.area is None else None
            query = query.where(*narrowing.conditions, area=area, alternatives=narrowing.alternatives)
        result = self._result(query)
        # Conditions that the service applied need not be tested again.
        conditions = () if result.query == query and not part else narrowing.conditions
        return Selection((where, box), result, box, narrowing.ids, conditions)

    def row(self, fid: int) -> Optional[Row]:
        """Return the scene with a feature id, or None; scenes read before are not requested again.

        Parameters
        ----------
        fid : int
            The feature id.
        """
        row = None if self._held is None else self._held.result.find(fid)
        row = row or super().row(fid)
        if row is None or row.wkb is None or self.projection is None:
            return row
        return row._replace(wkb=self.projection.wkb(row.wkb))

    def extent(self) -> Optional[Bounds]:
        """Return the bounds of the layer in its coordinate system, or None without scenes.

        In degrees they are exact if the layer was read or fits one page; else they are those of the world. In another
        system, in which the world has no bounds, they are exact.

        Returns
        -------
        (west, south, east, north) or None
            Degrees, or metres with a projection.
        """
        if self.projection is not None:
            boxes = [box for block in self._result(self.query).blocks() for box in block.boxes if box is not None]
            return self.projection.bounds(boxes)
        kept = self._kept(self.query)
        if kept is None or kept.query != self.query:
            total = 1 if self.scene_id is not None else self._survey(self.query).total
            if total is None or total > _FEW:
                return WORLD
        return self._result(self.query).box

    def out_of_reach(self) -> Optional[str]:
        """Return why GDAL's tile index (GTI) cannot draw scenes of the layer as one raster, or None if it can."""
        blocks = self._result(self.query).blocks()
        return out_of_reach(blocks, self.schema.names, self.projection is None or not self.projection.is_zone)

    def _projected(self, rows: Rows) -> Rows:
        assert self.projection is not None
        return replace(rows, wkbs=[self.projection.wkb(wkb) if wkb else None for wkb in rows.wkbs])

    @property
    def _held_result(self) -> Optional[Result]:
        return self._held.result if self._held is not None and self._held.whole else None

    def _read(self, query: Query) -> Result:
        return self._stored(query) or self._fetch(query)

    def _stored(self, query: Query) -> Optional[Result]:
        """Return the whole layer from the disk cache if it still agrees with the service's survey; else None."""
        known = CACHE.survey(self._owner, query, self._ttl)
        if known is None or known.total is None or query != self.query:
            return None
        kept = disk_cache.load(self._stored_as, known, self._ttl, self.schema.types)
        if kept is None:
            return None
        # A scene may have replaced another, which count and times do not show: the result keeps its age.
        result = Result(query, self.schema.names, kept.age)
        for rows in kept.rows:
            result.append(rows)
        return result

    def _fetch(self, query: Query) -> Result:
        """Fetch a complete result; retry if it changes while it is read."""
        for tries in range(_TRIES):
            result = Result(query, self.schema.names)
            try:
                # Also between the pages: each collection would traverse all scenes that were received ahead.
                with uncollected():
                    for page in self._pages(query):
                        self._take(page, result)
                known = CACHE.survey(self._owner, query, self._ttl)
                if known and known.total == result.count <= disk_cache.MOST_ROWS and query == self.query and self._ttl:
                    disk_cache.save(self._stored_as, known, result.blocks())
                return result
            except ResultChanged:
                if tries == _TRIES - 1:
                    raise
        raise AssertionError("unreachable")

    def _take(self, page: SceneBatch, result: Result) -> None:
        """Add a page to a result."""
        rows = page if isinstance(page, Rows) else self.schema.rows(cast(List[Feature], page))
        if result.append(rows) and self.prepares:
            rows.prepare(self.schema.names)

    def _pages(self, query: Query) -> Iterable[SceneBatch]:
        if self.scene_id is not None:
            return [[self.catalog.scene(self.query.scene_type, self.scene_id).feature]]
        return self.catalog.decoded(query, Decoder(self.schema), CACHE.survey(self._owner, query, self._ttl))

    def _by_id(self, ids: Iterable[str], conditions: Tuple[Condition, ...]) -> List[Feature]:
        """Request scenes by their ids, and return those that belong to the search."""
        found: List[Feature] = []
        for scene_id in sorted(ids):
            try:
                scene = self.catalog.scene(self.query.scene_type, scene_id)
            except NotFoundError:
                continue
            query = self.query.where(*conditions)
            if query.conditions or query.area is not None:
                # Only the service can test the conditions: search within the instant at which the scene was taken.
                instant = self._instant_of(scene.feature)
                found += [f for page in self.catalog.pages(query.where(*instant)) for f in page if f["id"] == scene.id]
            else:
                found.append(scene.feature)
        return found

    def _instant_of(self, feature: Feature) -> Tuple[Condition, ...]:
        """Return the conditions that select the instant at which a scene was taken."""
        time = self.query.schema.time_field
        moment = nearest_time(time_at(feature["properties"], self.query.schema.meanings))  # type: ignore[arg-type]
        after = next_instant(moment)
        # A closed span goes on to the next instant, as times may be finer; the id tells which scene is meant.
        end = "lt" if "lt" in time.comparators else "lte"
        return (Condition(time, "gte", moment), *([Condition(time, end, after)] if after else []))


def layers(name: Name, settings: Settings) -> Tuple[List[SceneLayer], Catalog]:
    """Return the layers of a PLANET: name, checked by a request to the service.

    Parameters
    ----------
    name : Name
        A scene type, a search, a scene, or none of them for all scene types.
    settings : Settings
        The service, and its key.

    Returns
    -------
    (list of SceneLayer, Catalog)
        The layers, one for each scene type, and the service.

    Raises
    ------
    PlanetVectorError
        If the name or the search is invalid, or a request fails.
    """
    catalog = catalog_of(settings)
    fields = name.get("fields")
    found: List[SceneLayer] = []
    named = expanded(catalog, name) if name.collection else [(each, name) for each in catalog.scene_types()]
    if len(named) > 1:  # a service may send requests for each schema
        with Workers(settings.connections) as pool:
            for task in [pool.submit(catalog.schema, one.collection or title) for title, one in named]:
                task.result()
    for title, one in named:
        shared = one.without(LAYER_PARAMETERS).parameters
        if one.item and shared:
            raise NameSyntaxError(f"{one.item} is one scene: leave out the search parameter {shared[0][0]!r}.")
        collection = catalog.schema(one.collection or title)
        schema = Schema(collection, [f.strip() for f in fields.split(",")] if fields else None, name.get("product"))
        query = Query.parse(collection, shared)
        projection = LayerProjection.parse(name.get("crs"))
        index = TileIndex.parse(
            collection.meanings, name.get("top"), name.get("res"), query.ascending, in_degrees=projection is None
        )
        found.append(SceneLayer(catalog, query, schema, one.item or None, index, projection))
        found[-1].name = title
    if name.collection and found:
        found[0].ask()
    return found, catalog
