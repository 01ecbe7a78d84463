"""A search as one raster: what GDAL's raster tile index driver (GTI) is told of a layer.

``GTI:PLANET:ortho?…`` reads pixels through the layer's field ``location`` (GDAL 3.9 and later). The raster is in the
layer's own system, into which each scene is warped from its UTM zone: longitude and latitude, or what the parameter
``crs`` of the name says.
"""

from __future__ import annotations

import math
from html import escape
from typing import Dict, Iterable, NamedTuple, Optional, Sequence

from planet_vector.collection_schema import Meanings
from planet_vector.errors import QueryError
from planet_vector.geometry.shapes import polygons_of_wkb
from planet_vector.vector.columns import Rows
from planet_vector.vector.schema import OTHER

TOPS = ("newest", "oldest", "clearest")
"""Which scene lies on top where several do."""


_QUARTER = 90.0  # degrees; a larger pixel shows nothing
_EARTH = 6378137.0  # metres, its radius


BEYOND = '"beyond_180"'
"""What the service says, in ``other``, of a raster that writes longitudes beyond ±180."""


def out_of_reach(blocks: Iterable[Rows], names: Sequence[str], around: bool) -> Optional[str]:
    """Return why GTI would leave scenes of a layer empty, or draw half of them, or None where it would not.

    Parameters
    ----------
    blocks : iterable of Rows
        The scenes of the layer, in degrees.
    names : sequence of str
        The columns.
    around : bool
        Whether the layer's system goes around the globe, as degrees and web mercator do.
    """
    instead = "use planet_vector.mosaic or 'planet-vector mosaic', which show them"
    for rows in blocks:
        others = rows.columns[names.index(OTHER)] if OTHER in names else [None] * len(rows)
        ids = rows.columns[names.index("id")] if "id" in names else [""] * len(rows)
        for box, wkb, other, scene in zip(rows.boxes, rows.wkbs, others, ids):
            if around and wkb and box is not None and box[0] <= -180 and box[2] >= 180 and _crosses(wkb):
                return f"that tells where {scene} lies: GTI draws no scene across 180 degrees; {instead}"
            if other and BEYOND in other:
                return f"that tells where {scene} lies: its raster writes longitudes beyond 180 degrees; {instead}"
    return None


def _crosses(wkb: bytes) -> bool:
    """Tell whether a footprint that reaches ±180° on both sides lies there, and not around the globe."""
    rings = [polygon[0] for polygon in polygons_of_wkb(wkb)]
    return not any(min(x for x, _ in ring) <= -180 and max(x for x, _ in ring) >= 180 for ring in rings)


class TileIndex(NamedTuple):
    """How a layer looks as one raster.

    Attributes
    ----------
    field : str
        The column that scenes are sorted by.
    ascending : bool
        Whether its greatest value lies on top.
    res : float, optional
        Size of a pixel in units of the layer's system; by default that of the first scene.
    """

    field: str
    ascending: bool
    res: Optional[float] = None

    @classmethod
    def parse(
        cls, meanings: Meanings, top: Optional[str], res: Optional[str], ascending: bool, in_degrees: bool = True
    ) -> TileIndex:
        """Read the parameters ``top`` and ``res`` of a name; without ``top``, what comes first is on top.

        Raises
        ------
        QueryError
            When one of them cannot be used.
        """
        if top is not None and top not in TOPS:
            raise QueryError(f"top is {top!r}: it takes {', '.join(TOPS)}.")
        if top == "clearest" and meanings.cloud_cover is None:
            raise QueryError("top is 'clearest', but the service does not say how cloudy scenes are: take newest.")
        size = None
        if res is not None:
            try:
                size = float(res)
            except ValueError:
                size = math.nan
            if not 0 < size <= (_QUARTER if in_degrees else math.radians(_QUARTER) * _EARTH):
                unit = "degrees, such as 0.0001" if in_degrees else "metres, such as 10"
                raise QueryError(f"res is {res!r}: it takes the size of a pixel in {unit}.")
        top = top or ("oldest" if ascending else "newest")
        return cls((top == "clearest" and meanings.cloud_cover) or meanings.time, top == "newest", size)

    def metadata(self, refusal: Optional[str] = None) -> Dict[str, str]:
        """Return the metadata domain ``xml:GTI`` of the layer.

        GDAL takes a line of XML there, but what a driver in Python gives reaches it as ``key=value``: so the line is
        cut at its first equals sign.

        Parameters
        ----------
        refusal : str, optional
            Why GTI is not to open the layer. It has no way to be told so: it stops where it finds no field to sort by,
            and says that field's name.
        """
        field = self.field if refusal is None else escape(refusal, quote=False)
        size = f"<ResX>{self.res!r}</ResX><ResY>{self.res!r}</ResY>" if self.res else ""
        return {
            "<GDALTileIndexDataset cut": f'"here"><SortField>{field}</SortField>'
            f"<SortFieldAsc>{str(self.ascending).lower()}</SortFieldAsc>{size}</GDALTileIndexDataset>"
        }
