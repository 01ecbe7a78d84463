"""The columns of basemaps and of their quads."""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Sequence

from planet_vector.catalog.basemaps import Basemap, quad_place
from planet_vector.names import BASEMAPS, ONLY_GEOTIFF
from planet_vector.vector.column_kinds import INTEGER, REAL, TEXT, TIME
from planet_vector.vector.scene_columns import LOCATION, OTHER
from planet_vector.vector.schema import Schema

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
    OTHER: TEXT,
}
_QUAD: Mapping[str, str] = {
    "id": TEXT,
    "updated": TIME,
    "num_input_scenes": INTEGER,
    "percent_covered": REAL,
    "links.self": TEXT,
    "links.full": TEXT,
    "links.thumbnail": TEXT,
    "links.mosaic": TEXT,
    "links.scenes": TEXT,
    LOCATION: TEXT,
    OTHER: TEXT,
}


def basemap_schema(fields: Optional[Sequence[str]] = None) -> Schema:
    """Return what turns basemaps, made to Features, into rows."""
    return Schema(BASEMAPS, fields, types=_BASEMAP)


class QuadSchema(Schema):
    """Turn the quads of a basemap into rows.

    Parameters
    ----------
    basemap : Basemap
        The basemap.
    fields : sequence of str, optional
        The columns to carry, in this order; all of them by default.

    Raises
    ------
    QueryError
        When a field is unknown.
    """

    def __init__(self, basemap: Basemap, fields: Optional[Sequence[str]] = None) -> None:
        super().__init__(f"{BASEMAPS}/{basemap.name}", fields, types=_QUAD)
        self._basemap = basemap

    def fids(self, ids: Sequence[str]) -> List[int]:
        """Return the feature ids of quads: their places, counted row by row from the southwestern one of the globe."""
        places = [quad_place(self._basemap, item_id) for item_id in ids]
        return [row * self._basemap.across + column for column, row in places]

    def _locate(self, properties: Mapping[str, Any]) -> Optional[str]:
        links = properties.get("links")
        link = links.get("full") if isinstance(links, Mapping) else None
        return (
            f"{ONLY_GEOTIFF}/vsicurl/{link}"
            if isinstance(link, str) and link.startswith(("https://", "http://"))
            else None
        )
