"""A search as a layer: rows for whatever filters a program sets, whole or an error."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import FrozenSet, Hashable, Iterable, Iterator, List, Optional, Tuple, cast

from planet_vector.catalog import Catalog, catalog_of
from planet_vector.catalog.paging import ResultChanged, SceneBatch, SearchSurvey
from planet_vector.collection_schema import Feature, value_at
from planet_vector.config import Settings
from planet_vector.errors import NameSyntaxError, NotFoundError
from planet_vector.gc_pause import uncollected
from planet_vector.geometry.boxes import WORLD, Bounds, Box
from planet_vector.names import OF_SERVICE, Name
from planet_vector.query import Condition, Query
from planet_vector.times import nearest_time, next_instant
from planet_vector.vector import disk_cache
from planet_vector.vector.columns import Row, Rows
from planet_vector.vector.crs import LayerProjection
from planet_vector.vector.decoding import decoder
from planet_vector.vector.result import Result
from planet_vector.vector.result_cache import CACHE
from planet_vector.vector.row_layer import RowLayer
from planet_vector.vector.scene_ids import spellings
from planet_vector.vector.schema import Schema
from planet_vector.vector.tile_index import TileIndex, out_of_reach

LAYER_PARAMETERS = (*OF_SERVICE, "crs", "fields", "product", "res", "top")
"""Parameters of a name that say how a layer looks, not which scenes it has."""

_FEW = 1000  # scenes that are read to tell the extent of a layer
_TRIES = 3  # of a result that changed while it was read


@dataclass(frozen=True)
class Selection:
    """What was fetched for filters.

    Attributes
    ----------
    asked : (str or None, Box or None)
        The filters: a WHERE text and a box.
    result : Result
        Holds all scenes that can meet them.
    box, ids, conditions
        What narrows the result to these.
    whole : bool
        Whether the result is all of its search.
    """

    asked: Tuple[Optional[str], Optional[Box]]
    result: Result
    box: Optional[Box] = None
    ids: Optional[FrozenSet[str]] = None
    conditions: Tuple[Condition, ...] = ()
    whole: bool = True

    def blocks(self) -> Iterator[Rows]:
        """Return the scenes that can meet the filters, and maybe more."""
        return self.result.blocks(self.box, self.ids, self.conditions)


class SceneLayer(RowLayer):
    """The scenes of a search as rows.

    Parameters
    ----------
    catalog : Catalog
        What answers.
    query : Query
        The search.
    schema : Schema
        The columns.
    scene_id : str, optional
        The one scene to give of the search's type.
    index : TileIndex, optional
        How the layer looks as one raster.
    projection : LayerProjection, optional
        The system of its footprints and its extent; by default longitude and latitude.
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
        """Whether rows are prepared for `Rows.named` while others are on their way."""

    @property
    def _owner(self) -> Tuple[Hashable, ...]:
        return (*super()._owner, self.scene_id)

    @property
    def _stored_as(self) -> str:
        query = self.query
        schema = query.schema.service, self.schema.key, self.schema.types
        return repr((self.catalog.settings.identity, schema, query.parameters, query.limit))

    def count(self, where: Optional[str] = None) -> Optional[int]:
        """Return the number of scenes, or None where only reading them can tell.

        Parameters
        ----------
        where : str, optional
            An OGR SQL WHERE text that narrows the layer.
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
        """Have the service answer for the search, so that what is wrong with it is an error now, not an empty layer.

        Raises
        ------
        ServiceError
            If it refuses.
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
        """Tell, without a request, whether `count` returns a number, for one small request at most.

        The filter must be narrowed exactly. The service cannot apply one to the first scenes of a search (``limit``) or
        to a single scene. Where a larger result is kept, its rows are counted, as the service may have other scenes by
        now. A service that does not count tells nothing.
        """
        narrowing = self._narrow(where)
        if not self.catalog.counts and self.scene_id is None:
            query = self.query.where(*narrowing.conditions)
            kept = self._kept(query)
            return narrowing.exact and kept is not None and kept.query == query
        if not narrowing.conditions:
            return narrowing.exact
        if not narrowing.exact or self.query.limit is not None or self.scene_id is not None:
            return False
        query = self.query.where(*narrowing.conditions)
        kept = self._kept(query)
        return kept is None or kept.query == query

    def hold(self, where: Optional[str] = None, box: Optional[Box] = None) -> None:
        """Fetch what `blocks` returns, for all that is asked of the layer from then on."""
        self._held = self._selection(where, box)

    def blocks(self, where: Optional[str] = None, box: Optional[Box] = None) -> Iterator[Rows]:
        """Return the scenes that can meet the filters, and maybe more; all of them were fetched when this returns."""
        held = self._held
        selection = held if held is not None and held.asked == (where, box) else self._selection(where, box)
        blocks = selection.blocks()
        # All before the first: a footprint that the system does not reach is an error, too.
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
            query = query.where(*narrowing.conditions, area=box if query.area is None else None)
        result = self._result(query)
        # What the service was asked for needs no second look.
        conditions = () if result.query == query and not part else narrowing.conditions
        return Selection((where, box), result, box, narrowing.ids, conditions)

    def row(self, fid: int) -> Optional[Row]:
        """Return the scene with a feature id, or None; a scene that was read before is not asked for again."""
        row = None if self._held is None else self._held.result.find(fid)
        row = row or super().row(fid)
        if row is None or row.wkb is None or self.projection is None:
            return row
        return row._replace(wkb=self.projection.wkb(row.wkb))

    def extent(self) -> Optional[Bounds]:
        """Return the bounds of the layer in its system, None without scenes.

        In degrees they are exact where the layer is read or a page long, else the world's. In another system, where
        the world has none, they are exact.
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
        """Return why GDAL's tile index (GTI) cannot show scenes of the layer as one raster, or None where it can."""
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
        """Return what an earlier program has read of the whole layer, when the service says it is still that."""
        known = CACHE.survey(self._owner, query, self._ttl)
        if known is None or known.total is None or query != self.query:
            return None
        kept = disk_cache.load(self._stored_as, known, self._ttl, self.schema.types)
        if kept is None:
            return None
        # One scene may have taken another's place, which number and times do not tell: the result's time goes on.
        result = Result(query, self.schema.names, kept.age)
        for rows in kept.rows:
            result.append(rows)
        return result

    def _fetch(self, query: Query) -> Result:
        """Fetch a result whole, again when it changed while it was read."""
        for tries in range(_TRIES):
            result = Result(query, self.schema.names)
            try:
                pages = iter(self._pages(query))
                while self._take(pages, result):
                    pass
                known = CACHE.survey(self._owner, query, self._ttl)
                if known and known.total == result.count <= disk_cache.MOST_ROWS and query == self.query and self._ttl:
                    disk_cache.save(self._stored_as, known, result.blocks())
                return result
            except ResultChanged:
                if tries == _TRIES - 1:
                    raise
        raise AssertionError("unreachable")

    def _take(self, pages: Iterator[SceneBatch], result: Result) -> bool:
        """Add the next page to a result, and tell whether there was one."""
        # The collector gets its turn after each page: while the next is on its way, that costs no time.
        with uncollected():
            page = next(pages, None)
            if page is not None:
                rows = page if isinstance(page, Rows) else self.schema.rows(cast(List[Feature], page))
                if result.append(rows) and self.prepares:
                    rows.prepare(self.schema.names)
        return page is not None

    def _pages(self, query: Query) -> Iterable[SceneBatch]:
        if self.scene_id is not None:
            return [[self.catalog.scene(self.name, self.scene_id).feature]]
        return self.catalog.decoded(query, decoder(self.schema), CACHE.survey(self._owner, query, self._ttl))

    def _by_id(self, ids: Iterable[str], conditions: Tuple[Condition, ...]) -> List[Feature]:
        """Return scenes asked for by their ids, those among them that the search holds."""
        found: List[Feature] = []
        for scene_id in sorted(ids):
            try:
                scene = self.catalog.scene(self.name, scene_id)
            except NotFoundError:
                continue
            query = self.query.where(*conditions)
            if query.conditions or query.area is not None:
                # Only the service can say whether the search holds the scene: ask for the instant it was taken.
                instant = self._instant_of(scene.feature)
                found += [f for page in self.catalog.pages(query.where(*instant)) for f in page if f["id"] == scene.id]
            else:
                found.append(scene.feature)
        return found

    def _instant_of(self, feature: Feature) -> Tuple[Condition, ...]:
        """Return the conditions that select the instant at which a scene was taken."""
        time = self.query.schema.time_field
        moment = nearest_time(value_at(feature["properties"], time.name))
        after = next_instant(moment)
        # A closed span goes on to the next instant, as times may be finer; the id tells which scene is meant.
        end = "lt" if "lt" in time.comparators else "lte"
        return (Condition(time, "gte", moment), *([Condition(time, end, after)] if after else []))


def layers(name: Name, settings: Settings) -> Tuple[List[SceneLayer], Catalog]:
    """Return the layers of a PLANET: name, once the service has answered for them.

    Raises
    ------
    PlanetVectorError
        When the name, the search or the service is not as it should be.
    """
    catalog = catalog_of(settings)
    shared = name.without(LAYER_PARAMETERS).parameters
    types = [name.collection] if name.collection else list(catalog.scene_types())
    fields = name.get("fields")
    found = []
    for scene_type in types:
        if name.item and shared:
            raise NameSyntaxError(f"{name.item} is one scene: leave out the search parameter {shared[0][0]!r}.")
        collection = catalog.schema(scene_type)
        schema = Schema(collection, [f.strip() for f in fields.split(",")] if fields else None, name.get("product"))
        query = Query.parse(collection, shared)
        projection = LayerProjection.parse(name.get("crs"))
        index = TileIndex.parse(
            collection.meanings, name.get("top"), name.get("res"), query.ascending, in_degrees=projection is None
        )
        found.append(SceneLayer(catalog, query, schema, name.item or None, index, projection))
    if name.collection:
        found[0].ask()
    return found, catalog
