"""Rows of basemaps and of their quads."""

from __future__ import annotations

from typing import List, Optional, Sequence

from planet_vector.catalog.basemaps import Basemap, Basemaps, quad_place
from planet_vector.vector.schema import OTHER, Schema


def basemap_schema(basemaps: Basemaps, fields: Optional[Sequence[str]] = None) -> Schema:
    """Return the columns of basemaps; they turn basemaps as GeoJSON Features into rows.

    Parameters
    ----------
    basemaps : Basemaps
        The basemaps of the service.
    fields : sequence of str, optional
        The columns to carry, in this order; all by default.
    """
    return Schema(basemaps.schema, fields, made=(OTHER,))


class QuadSchema(Schema):
    """Columns of the quads of a basemap; turns quads into rows.

    Parameters
    ----------
    basemaps : Basemaps
        The basemaps of the service.
    basemap : Basemap
        The basemap.
    fields : sequence of str, optional
        The columns to carry, in this order; all of them by default.

    Raises
    ------
    QueryError
        If a field is unknown.
    """

    def __init__(self, basemaps: Basemaps, basemap: Basemap, fields: Optional[Sequence[str]] = None) -> None:
        super().__init__(basemaps.quad_schema(basemap.name), fields)
        self._basemap = basemap

    def fids(self, ids: Sequence[str]) -> List[int]:
        """Return the feature ids of quads: their numbers, row by row from the globe's southwestern quad.

        Parameters
        ----------
        ids : sequence of str
            Ids of quads.
        """
        places = [quad_place(self._basemap, item_id) for item_id in ids]
        return [row * self._basemap.across + column for column, row in places]
