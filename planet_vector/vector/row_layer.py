"""Base class of layers: rows by filters and by feature id, from cached results."""

from __future__ import annotations

from itertools import chain
from typing import Hashable, Iterator, Optional, Tuple

from planet_vector.catalog import Catalog
from planet_vector.geometry.boxes import Box
from planet_vector.query import Query
from planet_vector.vector.columns import Row, Rows
from planet_vector.vector.crs import LayerProjection
from planet_vector.vector.ogr_filter import NarrowedFilter, narrow
from planet_vector.vector.result import Result
from planet_vector.vector.result_cache import CACHE
from planet_vector.vector.schema import Schema


class RowLayer:
    """Base class of layers: rows for a program's filters; results are cached.

    Parameters
    ----------
    catalog : Catalog
        The service.
    query : Query
        The search in the layer's name. For a list of anything but scenes, its scene type is the list's name.
    schema : Schema
        The columns.
    """

    projection: Optional[LayerProjection] = None
    """The coordinate system of the layer; None for longitude and latitude."""

    def __init__(self, catalog: Catalog, query: Query, schema: Schema) -> None:
        self.catalog = catalog
        self.query = query
        self.schema = schema
        self.name = query.scene_type.rpartition("/")[2]

    def blocks(self, where: Optional[str] = None, box: Optional[Box] = None) -> Iterator[Rows]:
        """Return a superset of the rows that meet the filters; all are fetched before it returns.

        Parameters
        ----------
        where : str, optional
            An OGR SQL WHERE clause.
        box : Box, optional
            The box of a spatial filter, degrees.

        Raises
        ------
        ServiceError
            If a request fails.
        """
        raise NotImplementedError

    def hold(self, where: Optional[str] = None, box: Optional[Box] = None) -> None:
        """Fetch what `blocks` returns, and use it for all later reads of the layer.

        Parameters
        ----------
        where, box
            As for `blocks`.
        """
        raise NotImplementedError

    def rows(self, where: Optional[str] = None, box: Optional[Box] = None) -> Iterator[Row]:
        """Return the rows of `blocks` one by one.

        Parameters
        ----------
        where, box
            As for `blocks`.
        """
        return chain.from_iterable(self.blocks(where, box))

    def row(self, fid: int) -> Optional[Row]:
        """Return the row with a feature id, or None; rows read before are not requested again.

        Parameters
        ----------
        fid : int
            The feature id.
        """
        for result in CACHE.of(self._owner, self._ttl):
            row = result.find(fid)
            if row is not None:
                return row
        return self._unread_row(fid)

    def _unread_row(self, fid: int) -> Optional[Row]:
        """Fetch and return a row that no cached result contains, or None."""
        return self._result(self.query).find(fid)

    def _narrow(self, where: Optional[str]) -> NarrowedFilter:
        return narrow(where, self.query.schema)

    @property
    def _owner(self) -> Tuple[Hashable, ...]:
        """The key of cached results."""
        # Includes the search in the name: GDAL makes only its own filters exact.
        return (*self.catalog.settings.identity, self.schema.key, self.query)

    @property
    def _ttl(self) -> float:
        return self.catalog.settings.cache_ttl

    @property
    def _held_result(self) -> Optional[Result]:
        """The complete result that `hold` fetched, or None."""
        raise NotImplementedError

    def _kept(self, query: Query) -> Optional[Result]:
        """Return a complete cached result that contains a search's rows, or None."""
        held = self._held_result
        if held is not None and held.query.covers(query):
            return held
        return CACHE.covering(self._owner, query, self._ttl)

    def _result(self, query: Query) -> Result:
        """Return a complete result that contains a search's rows; concurrent threads share one fetch."""
        kept = self._kept(query)
        if kept is not None:
            return kept
        owner = self._owner  # another key may be lent meanwhile
        with CACHE.fetching(owner, query):
            kept = self._kept(query)
            if kept is None:
                kept = self._read(query)
                CACHE.keep(owner, kept)
            return kept

    def _read(self, query: Query) -> Result:
        """Fetch the complete result of a search that is not cached."""
        raise NotImplementedError
