"""Layers of basemaps and of the quads of a basemap."""

from __future__ import annotations

from itertools import islice
from typing import Any, Dict, Hashable, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

from planet_vector.catalog import Catalog
from planet_vector.catalog.basemaps import (
    PAGE,
    Basemap,
    few_quads,
    quad_place,
)
from planet_vector.collection_schema import Feature
from planet_vector.errors import NameSyntaxError, NotFoundError, ProtocolError, QueryError
from planet_vector.geometry.boxes import Box
from planet_vector.geometry.web_mercator import HALF_WORLD, to_degrees
from planet_vector.names import BASEMAPS, OF_SERVICE, Name
from planet_vector.query import Query
from planet_vector.scene import Item
from planet_vector.vector.basemap_columns import QuadSchema, basemap_schema
from planet_vector.vector.columns import Row, Rows
from planet_vector.vector.result import Result
from planet_vector.vector.result_cache import CACHE
from planet_vector.vector.row_layer import RowLayer
from planet_vector.vector.scene_ids import MOST_IDS
from planet_vector.vector.schema import Schema
from planet_vector.workers import Workers

_HIGHEST = to_degrees(0.0, HALF_WORLD)[1]
GLOBE = Box(-180.0, -_HIGHEST, 180.0, _HIGHEST)
"""The square of web mercator in degrees: the quads of any basemap lie within it."""


class ListedLayer(RowLayer):
    """Layer of the rows of a service's list; lists are cached.

    Parameters
    ----------
    catalog : Catalog
        The service.
    query : Query
        The part of the list that the name selects; its scene type is the list's name.
    schema : Schema
        The columns.
    """

    def __init__(self, catalog: Catalog, query: Query, schema: Schema) -> None:
        super().__init__(catalog, query, schema)
        self._held: Optional[Result] = None

    @property
    def description(self) -> str:
        """A title of the layer."""
        raise NotImplementedError

    def count(self, where: Optional[str] = None) -> Optional[int]:
        """Return the number of rows, or None if they must be read to be counted.

        Parameters
        ----------
        where : str, optional
            An OGR SQL WHERE clause.
        """
        return self._known_count if self.counts_quickly(where) else None

    def counts_quickly(self, where: Optional[str] = None) -> bool:
        """Return whether `count` returns a number, that of rows in the cache; makes no request.

        Parameters
        ----------
        where : str, optional
            An OGR SQL WHERE clause.

        Returns
        -------
        bool
            True if all rows are in the cache and the filter selects them all.
        """
        narrowing = self._narrow(where)
        return narrowing.exact and not narrowing.conditions and self._known_count is not None

    @property
    def _known_count(self) -> Optional[int]:
        """The number of all rows, or None if they are not in the cache."""
        kept = self._kept(self.query)
        return kept.count if kept is not None and kept.query == self.query else None

    def hold(self, where: Optional[str] = None, box: Optional[Box] = None) -> None:
        """Fetch what `blocks` returns, and use it for all later reads of the layer.

        Parameters
        ----------
        where : str, optional
            Ignored: lists are filtered by area only.
        box : Box, optional
            Only rows near it, degrees.
        """
        self._held = self._result(self._query_in(box))

    def blocks(self, where: Optional[str] = None, box: Optional[Box] = None) -> Iterator[Rows]:
        """Return a superset of the rows that meet the filters; all are fetched before it returns.

        Parameters
        ----------
        where : str, optional
            Ignored: lists are filtered by area only.
        box : Box, optional
            Only rows whose bounding boxes share a point with it, degrees.
        """
        return self._result(self._query_in(box)).blocks(box)

    def _query_in(self, box: Optional[Box]) -> Query:
        """Return the query to fetch for the rows in a box."""
        return self.query

    def extent(self) -> Optional[Box]:
        """Return the bounding box of the layer in degrees, or None without rows."""
        return self._result(self.query).box

    @property
    def _held_result(self) -> Optional[Result]:
        return self._held

    def _read(self, query: Query) -> Result:
        return self._rows_of(query, self._features(query))

    def _rows_of(self, query: Query, features: Iterable[Feature]) -> Result:
        result = Result(query, self.schema.names)
        found = iter(features)
        while page := list(islice(found, PAGE)):
            result.append(self.schema.rows(page))
        return result

    def _features(self, query: Query) -> Iterable[Feature]:
        raise NotImplementedError


class BasemapLayer(ListedLayer):
    """Layer of the basemaps of a service.

    A footprint is the box that the service reports, else the box around the basemap's quads if a page holds them all,
    else the square of web mercator.

    Parameters
    ----------
    catalog : Catalog
        The service. Its basemaps are listed at once, so that a wrong key, or a service without basemaps, is an error
        when the layer is opened.
    schema : Schema
        The columns.
    """

    description = "Basemaps"

    def __init__(self, catalog: Catalog, schema: Schema) -> None:
        super().__init__(catalog, Query(catalog.basemaps.schema), schema)
        self._listed: Optional[List[Mapping[str, Any]]] = catalog.basemaps.list()

    @property
    def _known_count(self) -> Optional[int]:
        listed = self._listed  # another thread may reset it
        return super()._known_count if listed is None else len(listed)

    def _features(self, query: Query) -> List[Feature]:
        listed, self._listed = self._listed, None
        listed = self.catalog.basemaps.list() if listed is None else listed
        with Workers(self.catalog.settings.connections) as pool:
            return list(pool.map(self._feature, listed))

    def _feature(self, body: Mapping[str, Any]) -> Feature:
        basemap = self.catalog.basemaps.read(body)
        box: Optional[Box] = None
        if basemap is not None and basemap.bbox is not None:
            box = basemap.bbox
        elif basemap is not None:
            layer = QuadLayer(self.catalog, basemap, Query(self.catalog.basemaps.quad_schema(basemap.name)))
            box = layer.extent()
        footprint = box and {"type": "Polygon", "coordinates": box.rings()}
        return {"type": "Feature", "id": body["name"], "geometry": footprint, "properties": body}


class QuadLayer(ListedLayer):
    """Layer of the quads of a basemap.

    Parameters
    ----------
    catalog : Catalog
        The service.
    basemap : Basemap
        The basemap.
    query : Query
        The quads that the name selects: by area, with a limit.
    fields : sequence of str, optional
        The columns to carry; all by default.
    quad_id : str, optional
        The only quad of the layer; by default all that the query selects.
    """

    def __init__(
        self,
        catalog: Catalog,
        basemap: Basemap,
        query: Query,
        fields: Optional[Sequence[str]] = None,
        quad_id: Optional[str] = None,
    ) -> None:
        super().__init__(catalog, query, QuadSchema(catalog.basemaps, basemap, fields))
        self.basemap = basemap
        self.quad_id = quad_id

    @property
    def description(self) -> str:
        """A title of the layer."""
        return f"Quads of basemap {self.basemap.name}"

    def hold(self, where: Optional[str] = None, box: Optional[Box] = None) -> None:
        """Fetch what `blocks` returns, unless the filter selects quads by id.

        Parameters
        ----------
        where : str, optional
            An OGR SQL WHERE clause.
        box : Box, optional
            Only rows near it, degrees.
        """
        if self._narrow(where).ids is None:
            super().hold(where, box)

    def blocks(self, where: Optional[str] = None, box: Optional[Box] = None) -> Iterator[Rows]:
        """Return a superset of the rows that meet the filters; all are fetched before it returns.

        Parameters
        ----------
        where : str, optional
            An OGR SQL WHERE clause. Up to `MOST_IDS` quads that it selects by id are requested one by one.
        box : Box, optional
            Only rows whose bounding boxes share a point with it, degrees.
        """
        narrowing = self._narrow(where)
        if narrowing.nothing:
            return iter(())
        if not self._is_unrestricted:
            return self._result(self.query).blocks(box)
        if narrowing.ids is not None and len(narrowing.ids) <= MOST_IDS and self._kept(self.query) is None:
            # OGR compares ids without regard to case; those of quads are upper case.
            return iter([self._by_id(sorted({quad_id.upper() for quad_id in narrowing.ids}))])
        return self._result(self._query_in(box)).blocks(box)

    @property
    def _is_unrestricted(self) -> bool:
        """Whether the name selects all quads of the basemap."""
        return self.quad_id is None and self.query.limit is None and self.query.area is None

    def _query_in(self, box: Optional[Box]) -> Query:
        return self.query.where(area=box) if self._is_unrestricted else self.query

    def extent(self) -> Optional[Box]:
        """Return the bounding box of the layer in degrees.

        It is exact if the quads were read, or fit one page; else it is the square of web mercator.
        """
        if not self._is_unrestricted:
            return super().extent()
        kept = self._kept(self.query)
        if kept is None:
            few = few_quads(self.catalog.basemaps, self.basemap)
            if few is None:
                return GLOBE
            kept = self._rows_of(self.query, [quad.feature for quad in few])
            CACHE.keep(self._owner, kept)
        return kept.box

    @property
    def _owner(self) -> Tuple[Hashable, ...]:
        return (*super()._owner, self.quad_id)

    def _features(self, query: Query) -> Iterable[Feature]:
        if self.quad_id is not None:
            return [self.catalog.basemaps.quad(self.basemap, self.quad_id).feature]
        quads = self.catalog.basemaps.quads(self.basemap, query.area)
        return (quad.feature for quad in islice(quads, query.limit))

    def _by_id(self, quad_ids: Sequence[str]) -> Rows:
        found: List[Item] = []
        for quad_id in quad_ids:
            try:
                quad_place(self.basemap, quad_id)
                found.append(self.catalog.basemaps.quad(self.basemap, quad_id))
            except (NotFoundError, ProtocolError) as error:
                # An id that this basemap cannot have yields no row; an invalid response is an error.
                if isinstance(error, ProtocolError) and error.request is not None:
                    raise
        return self.schema.rows([quad.feature for quad in found])

    def _unread_row(self, fid: int) -> Optional[Row]:
        if not self._is_unrestricted:
            return super()._unread_row(fid)
        row, column = divmod(fid, self.basemap.across)
        if not 0 <= row < self.basemap.across:
            return None
        # Requested by its centre, as the number of digits in an id depends on the service.
        side = self.basemap.quad_size * self.basemap.pixel
        x, y = to_degrees((column + 0.5) * side - HALF_WORLD, (row + 0.5) * side - HALF_WORLD)
        quads = self.catalog.basemaps.quads(self.basemap, Box(x, y, x, y))
        found: Dict[int, Row] = {row.fid: row for row in self.schema.rows([quad.feature for quad in quads])}
        return found.get(fid)


def basemap_layers(name: Name, catalog: Catalog) -> List[ListedLayer]:
    """Return the layer of a PLANET:basemaps name, checked by a request to the service.

    Parameters
    ----------
    name : Name
        ``PLANET:basemaps``, a basemap, or a quad of it, with parameters.
    catalog : Catalog
        The service.

    Returns
    -------
    list of ListedLayer
        One layer.

    Raises
    ------
    PlanetVectorError
        If the name is invalid, the basemap or quad does not exist, or a request fails.
    """
    text = name.get("fields")
    fields = [field.strip() for field in text.split(",")] if text else None
    search = name.without((*OF_SERVICE, "fields"))
    if not name.item:
        if search.parameters:
            raise QueryError(
                f"{BASEMAPS} takes no parameter {search.parameters[0][0]!r}: it takes fields, connection and api_url."
            )
        return [BasemapLayer(catalog, basemap_schema(catalog.basemaps, fields))]
    if name.part and search.parameters:
        raise NameSyntaxError(f"{name.part} is one quad: leave out the parameter {search.parameters[0][0]!r}.")
    other = next((key for key, _ in search.parameters if key not in ("bbox", "intersects", "limit")), None)
    if other is not None:
        raise QueryError(
            f"Quads cannot be searched by {other!r}: they take bbox, intersects, limit, fields, connection, api_url."
        )
    query = Query.parse(catalog.basemaps.quad_schema(name.item), search.parameters)
    quads = QuadLayer(catalog, catalog.basemaps.named(name.item), query, fields, name.part or None)
    if name.part:
        quads.blocks()  # sends the request now, so that an unknown quad is an error
    return [quads]
