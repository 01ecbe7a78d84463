"""A search as one raster: what GDAL's raster tile index driver (GTI) is told of a layer.

``GTI:PLANET:ortho?…`` reads pixels through the layer's field ``location`` (GDAL 3.9 and later). The raster is in the
layer's own system, into which each scene is warped from its UTM zone: longitude and latitude, or what the parameter
``crs`` of the name says.
"""

from __future__ import annotations

import math
from typing import Dict, NamedTuple, Optional

from planet_vector.errors import QueryError

TOPS = {"newest": ("acquired", True), "oldest": ("acquired", False), "clearest": ("cloud_cover.estimated", False)}
"""Which scene lies on top where several do: the field, and whether its greatest value does."""


_QUARTER = 90.0  # degrees; a larger pixel shows nothing
_EARTH = 6378137.0  # metres, its radius


class TileIndex(NamedTuple):
    """Hold how a layer looks as one raster.

    Attributes
    ----------
    top : str
        One of `TOPS`.
    res : float, optional
        Size of a pixel in units of the layer's system; by default that of the first scene.
    """

    top: str
    res: Optional[float] = None

    @classmethod
    def parse(cls, top: Optional[str], res: Optional[str], ascending: bool, in_degrees: bool = True) -> TileIndex:
        """Read the parameters ``top`` and ``res`` of a name; without ``top``, what comes first is on top.

        Raises
        ------
        QueryError
            When one of them cannot be used.
        """
        if top is not None and top not in TOPS:
            raise QueryError(f"top is {top!r}: it takes {', '.join(TOPS)}.")
        size = None
        if res is not None:
            try:
                size = float(res)
            except ValueError:
                size = math.nan
            if not 0 < size <= (_QUARTER if in_degrees else math.radians(_QUARTER) * _EARTH):
                unit = "degrees, such as 0.0001" if in_degrees else "metres, such as 10"
                raise QueryError(f"res is {res!r}: it takes the size of a pixel in {unit}.")
        return cls(top or ("oldest" if ascending else "newest"), size)

    def metadata(self) -> Dict[str, str]:
        """Return the metadata domain ``xml:GTI`` of the layer.

        GDAL takes a line of XML there, but what a driver in Python gives reaches it as ``key=value``: so the line is
        cut at its first equals sign.
        """
        field, ascending = TOPS[self.top]
        size = f"<ResX>{self.res!r}</ResX><ResY>{self.res!r}</ResY>" if self.res else ""
        return {
            "<GDALTileIndexDataset cut": f'"here"><SortField>{field}</SortField>'
            f"<SortFieldAsc>{str(ascending).lower()}</SortFieldAsc>{size}</GDALTileIndexDataset>"
        }
