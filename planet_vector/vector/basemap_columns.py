"""The columns of mosaics and of their quads."""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Sequence

from planet_vector.catalog.basemaps import Mosaic, quad_place
from planet_vector.names import MOSAICS, ONLY_GEOTIFF
from planet_vector.vector.schema import _INT, _REAL, _TEXT, _TIME, LOCATION, OTHER, Schema

_MOSAIC: Mapping[str, str] = {
    "name": _TEXT,
    "title": _TEXT,
    "first_acquired": _TIME,
    "last_acquired": _TIME,
    "level": _INT,
    "resolution": _REAL,
    "quad_size": _INT,
    "quad_pattern": _TEXT,
    "coordinate_system": _TEXT,
    "datatype": _TEXT,
    "links.self": _TEXT,
    "links.quads": _TEXT,
    "links.quadmap": _TEXT,
    "links.tiles": _TEXT,
    OTHER: _TEXT,
}
_QUAD: Mapping[str, str] = {
    "id": _TEXT,
    "updated": _TIME,
    "num_input_scenes": _INT,
    "percent_covered": _REAL,
    "links.self": _TEXT,
    "links.full": _TEXT,
    "links.thumbnail": _TEXT,
    "links.mosaic": _TEXT,
    "links.scenes": _TEXT,
    LOCATION: _TEXT,
    OTHER: _TEXT,
}


def mosaic_schema(fields: Optional[Sequence[str]] = None) -> Schema:
    """Return what turns mosaics, made to Features, into rows."""
    return Schema(MOSAICS, fields, types=_MOSAIC)


class QuadSchema(Schema):
    """Turn the quads of a mosaic into rows.

    Parameters
    ----------
    mosaic : Mosaic
        The mosaic.
    fields : sequence of str, optional
        The columns to carry, in this order; all of them by default.

    Raises
    ------
    QueryError
        When a field is unknown.
    """

    def __init__(self, mosaic: Mosaic, fields: Optional[Sequence[str]] = None) -> None:
        super().__init__(f"{MOSAICS}/{mosaic.name}", fields, types=_QUAD)
        self._mosaic = mosaic

    def fids(self, ids: Sequence[str]) -> List[int]:
        """Return the feature ids of quads: their places, counted row by row from the southwestern one of the globe."""
        places = [quad_place(self._mosaic, item_id) for item_id in ids]
        return [row * self._mosaic.across + column for column, row in places]

    def _locate(self, properties: Mapping[str, Any]) -> Optional[str]:
        links = properties.get("links")
        link = links.get("full") if isinstance(links, Mapping) else None
        return (
            f"{ONLY_GEOTIFF}/vsicurl/{link}"
            if isinstance(link, str) and link.startswith(("https://", "http://"))
            else None
        )
