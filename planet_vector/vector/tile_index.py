"""A search as one raster: the metadata of a layer for GDAL's raster tile index driver (GTI).

``GTI:PLANET:ortho?…`` reads pixels through the layer's field ``location`` (GDAL 3.9 and later). The raster is in the
layer's coordinate system, into which GDAL warps each scene from its UTM zone: longitude and latitude, or the one of the
name's parameter ``crs``.
"""

from __future__ import annotations

import math
from html import escape
from typing import Dict, Iterable, NamedTuple, Optional, Sequence

from planet_vector.collection_schema import Meanings
from planet_vector.errors import QueryError
from planet_vector.geometry.shapes import polygons_of_wkb
from planet_vector.mosaic_options import TOPS
from planet_vector.vector.columns import Rows
from planet_vector.vector.schema import LOCATION, OTHER

_QUARTER = 90.0  # degrees; the largest pixel accepted
_EARTH = 6378137.0  # metres, the radius


BEYOND = '"beyond_180"'
"""The property, in ``other``, of a scene whose raster has longitudes beyond ±180."""


def out_of_reach(blocks: Iterable[Rows], names: Sequence[str], around: bool) -> Optional[str]:
    """Return why GTI would leave scenes of a layer empty or draw half of them, or None if it would not.

    A service that makes files available on request gives no scene a location.

    Parameters
    ----------
    blocks : iterable of Rows
        The scenes of the layer, in degrees.
    names : sequence of str
        The names of the columns.
    around : bool
        Whether the layer's coordinate system spans the globe, as degrees and web mercator do.
    """
    instead = "use planet_vector.mosaic or 'planet-vector mosaic', which show them"
    located, refusal = False, None
    for rows in blocks:
        places = rows.columns[names.index(LOCATION)] if LOCATION in names else ()
        located = located or any(places)
        if places and not located:
            refusal = f"that names the file of a scene: the service gives no addresses without a request; {instead}"
        others = rows.columns[names.index(OTHER)] if OTHER in names else [None] * len(rows)
        ids = rows.columns[names.index("id")] if "id" in names else [""] * len(rows)
        for box, wkb, other, scene in zip(rows.boxes, rows.wkbs, others, ids):
            if around and wkb and box is not None and box[0] <= -180 and box[2] >= 180 and _crosses(wkb):
                return f"that tells where {scene} lies: GTI draws no scene across 180 degrees; {instead}"
            if other and BEYOND in other:
                return f"that tells where {scene} lies: its raster writes longitudes beyond 180 degrees; {instead}"
    return None if located else refusal


def _crosses(wkb: bytes) -> bool:
    """Return whether a footprint that reaches ±180° on both sides crosses the antimeridian, or spans the globe."""
    rings = [polygon[0] for polygon in polygons_of_wkb(wkb)]
    return not any(min(x for x, _ in ring) <= -180 and max(x for x, _ in ring) >= 180 for ring in rings)


class TileIndex(NamedTuple):
    """Order and pixel size of a layer as one raster.

    Attributes
    ----------
    field : str
        The column by which scenes are sorted.
    ascending : bool
        Whether its greatest value lies on top.
    res : float, optional
        Pixel size in units of the layer's coordinate system; by default that of the first scene.
    """

    field: str
    ascending: bool
    res: Optional[float] = None

    @classmethod
    def parse(
        cls, meanings: Meanings, top: Optional[str], res: Optional[str], ascending: bool, in_degrees: bool = True
    ) -> TileIndex:
        """Parse the parameters ``top`` and ``res`` of a name.

        Parameters
        ----------
        meanings : Meanings
            The columns of time and cloud cover.
        top : str, optional
            One of `TOPS`; by default the first scene of the search is on top.
        res : str, optional
            Pixel size, degrees or metres.
        ascending : bool
            Whether the search returns the oldest scene first.
        in_degrees : bool
            Whether the layer is in degrees, not metres.

        Returns
        -------
        TileIndex
            With the defaults filled in.

        Raises
        ------
        QueryError
            If a value is invalid, or the service has no cloud cover for ``top=clearest``.
        """
        if top is not None and top not in TOPS:
            raise QueryError(f"top is {top!r}: it takes {', '.join(TOPS)}.")
        if top == "clearest" and meanings.cloud_cover is None:
            raise QueryError("top is 'clearest', but the service reports no cloud cover: use newest.")
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

        GDAL expects a line of XML there, but passes the metadata of a Python driver as ``key=value``: so the line is
        split at its first equals sign.

        Parameters
        ----------
        refusal : str, optional
            Why GTI must not open the layer. GTI has no other way to fail: the text takes the place of the name of the
            sort field, which GTI does not find and repeats in its error.
        """
        field = self.field if refusal is None else escape(refusal, quote=False)
        size = f"<ResX>{self.res!r}</ResX><ResY>{self.res!r}</ResY>" if self.res else ""
        return {
            "<GDALTileIndexDataset cut": f'"here"><SortField>{field}</SortField>'
            f"<SortFieldAsc>{str(self.ascending).lower()}</SortFieldAsc>{size}</GDALTileIndexDataset>"
        }
