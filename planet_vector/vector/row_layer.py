"""What layers have in common: rows by filters and by feature id, from results that are asked for once."""

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
    """Base class of layers: rows for whatever filters a program sets; each result is kept for a time.

    Parameters
    ----------
    catalog : Catalog
        The service.
    query : Query
        What the name asks for; its scene type is the name of a list where it is no scenes.
    schema : Schema
        The columns.
    """

    projection: Optional[LayerProjection] = None
    """The system of the layer; None for longitude and latitude."""

    def __init__(self, catalog: Catalog, query: Query, schema: Schema) -> None:
        self.catalog = catalog
        self.query = query
        self.schema = schema
        self.name = query.scene_type.rpartition("/")[2]

    def blocks(self, where: Optional[str] = None, box: Optional[Box] = None) -> Iterator[Rows]:
        """Return the rows that can meet the filters, and maybe more; all of them are there when this returns.

        Parameters
        ----------
        where : str, optional
            An OGR SQL WHERE text.
        box : Box, optional
            What a spatial filter's box is, in degrees.

        Raises
        ------
        ServiceError
            When not all can be had.
        """
        raise NotImplementedError

    def hold(self, where: Optional[str] = None, box: Optional[Box] = None) -> None:
        """Fetch what `blocks` returns, for all that is asked of the layer from then on.

        Parameters
        ----------
        where, box
            As for `blocks`.
        """
        raise NotImplementedError

    def rows(self, where: Optional[str] = None, box: Optional[Box] = None) -> Iterator[Row]:
        """Return what `blocks` does, row by row."""
        return chain.from_iterable(self.blocks(where, box))

    def row(self, fid: int) -> Optional[Row]:
        """Return the row with a feature id, or None; what was read before is not asked for again."""
        for result in CACHE.of(self._owner, self._ttl):
            row = result.find(fid)
            if row is not None:
                return row
        return self._unread_row(fid)

    def _unread_row(self, fid: int) -> Optional[Row]:
        """Return a row that no kept result holds, or None."""
        return self._result(self.query).find(fid)

    def _narrow(self, where: Optional[str]) -> NarrowedFilter:
        return narrow(where, self.query.schema)

    @property
    def _owner(self) -> Tuple[Hashable, ...]:
        """By what results are kept."""
        # The name's own search too: GDAL makes its filters exact, but knows nothing of the name's parameters.
        return (*self.catalog.settings.identity, self.schema.key, self.query)

    @property
    def _ttl(self) -> float:
        return self.catalog.settings.cache_ttl

    @property
    def _held_result(self) -> Optional[Result]:
        """The complete result that `hold` fetched, or None."""
        raise NotImplementedError

    def _kept(self, query: Query) -> Optional[Result]:
        """Return a complete result that was read before and holds a search's rows, or None."""
        held = self._held_result
        if held is not None and held.query.covers(query):
            return held
        return CACHE.covering(self._owner, query, self._ttl)

    def _result(self, query: Query) -> Result:
        """Return a complete result that holds a search's rows, read once for all threads that want it."""
        kept = self._kept(query)
        if kept is not None:
            return kept
        with CACHE.fetching(self._owner, query):
            kept = self._kept(query)
            if kept is None:
                kept = self._read(query)
                CACHE.keep(self._owner, kept)
            return kept

    def _read(self, query: Query) -> Result:
        """Return the result of a search that is not kept, whole or an error."""
        raise NotImplementedError
