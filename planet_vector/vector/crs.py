"""UTM and the web's Mercator without a library: for layers in another system than longitude and latitude.

The driver runs where there may be no pyproj, and GDAL gives a driver in Python no transformation. A tile index needs
no other systems than these: scenes are delivered in UTM, maps are drawn in Mercator.
"""

from __future__ import annotations

import math
import re
from typing import List, NamedTuple, Optional, Sequence, Tuple

from planet_vector.errors import QueryError
from planet_vector.geometry.boxes import Bounds, Box
from planet_vector.geometry.shapes import multipolygon_wkb, polygons_of_wkb
from planet_vector.geometry.utm import forward, inverse, is_utm, meridian
from planet_vector.geometry.web_mercator import HALF_WORLD, RADIUS, to_degrees, to_mercator

_FARTHEST = 40.0  # degrees from the central meridian, within which UTM's series is good to a millimetre
_POLEWARD = 89.0  # degrees of latitude; Mercator has no poles
_STEPS = 32  # points on an edge of a box, which is a curve in the other system
_MARGIN = 0.01  # share of a box added to each side, for what the curve does between two of them

_CODE = re.compile(r"(?:EPSG:)?(4326|3857|32[67](?:0[1-9]|[1-5]\d|60))", re.IGNORECASE)


class LayerProjection(NamedTuple):
    """A coordinate system that a layer can be in.

    Attributes
    ----------
    code : str
        Such as ``EPSG:32633``.
    """

    code: str

    @classmethod
    def parse(cls, text: Optional[str]) -> Optional[LayerProjection]:
        """Read the parameter ``crs`` of a name; None for longitude and latitude.

        Raises
        ------
        QueryError
            When it is none of the systems known here.
        """
        if text is None:
            return None
        match = _CODE.fullmatch(text.strip())
        if match is None:
            raise QueryError(
                f"crs is {text!r}: it takes EPSG:4326, EPSG:3857, or a UTM zone on WGS 84, such as EPSG:32633."
            )
        return None if match[1] == "4326" else cls(f"EPSG:{match[1]}")

    @property
    def is_zone(self) -> bool:
        """Whether it is a UTM zone."""
        return self._zone is not None

    @property
    def _zone(self) -> Optional[int]:
        """The EPSG code of a UTM zone; None for Mercator."""
        code = int(self.code[5:])
        return code if is_utm(code) else None

    def forward(self, longitude: float, latitude: float) -> Tuple[float, float]:
        """Project a position in degrees; return x and y in metres.

        Raises
        ------
        QueryError
            When it lies where the system cannot be used.
        """
        zone = self._zone
        if zone is None:
            if abs(latitude) > _POLEWARD:
                raise self._unfit(longitude, latitude)
            return to_mercator(longitude, latitude)
        if abs(math.remainder(longitude - meridian(zone), 360.0)) > _FARTHEST:
            raise self._unfit(longitude, latitude)
        return forward(zone, longitude, latitude)

    def inverse(self, x: float, y: float) -> Tuple[float, float]:
        """Return longitude, not wrapped at ±180, and latitude in degrees of a position in metres."""
        zone = self._zone
        if zone is None:
            return to_degrees(x, y)
        longitude, latitude = inverse(zone, x, y)
        return meridian(zone) + math.remainder(longitude - meridian(zone), 360.0), latitude

    def wkb(self, wkb: bytes) -> bytes:
        """Project the WKB of a MultiPolygon in degrees, position by position."""
        return multipolygon_wkb(
            [[[self.forward(x, y) for x, y in ring] for ring in polygon] for polygon in polygons_of_wkb(wkb)]
        )

    def bounds(self, boxes: Sequence[Bounds]) -> Optional[Bounds]:
        """Return bounds in metres around boxes in degrees, or None without any."""
        if not boxes:
            return None
        points = [self.forward(*point) for box in boxes for point in _edge(*box)]
        xs, ys = zip(*points)
        return min(xs), min(ys), max(xs), max(ys)

    def unproject(self, west: float, south: float, east: float, north: float) -> Optional[Box]:
        """Return a box in degrees that holds a box in metres, or None where none narrower than the world does."""
        reach = HALF_WORLD
        if self._zone is None:
            if east < -reach or west > reach:
                return None
            west, east = max(west, -reach), min(east, reach)
        elif max(abs(west), abs(east)) > RADIUS or not (-RADIUS <= south and north <= 2 * RADIUS):
            return None  # past the pole or the edge of the zone's half of the earth: no meridians bound it
        xs, ys = zip(*(self.inverse(x, y) for x, y in _edge(west, south, east, north)))
        dx, dy = ((max(xs) - min(xs)) * _MARGIN, (max(ys) - min(ys)) * _MARGIN)
        left, right = min(xs) - dx, max(xs) + dx
        bottom, top = max(-90.0, min(ys) - dy), min(90.0, max(ys) + dy)
        if right - left >= 360 or abs(bottom) == 90 or abs(top) == 90:
            return None
        return Box(_wrapped(left), bottom, _wrapped(right), top)

    def _unfit(self, longitude: float, latitude: float) -> QueryError:
        return QueryError(
            f"crs={self.code} does not reach the scene at {longitude:.1f}, {latitude:.1f}: narrow the search to the "
            "area it is for, by bbox or intersects."
        )


def _edge(west: float, south: float, east: float, north: float) -> List[Tuple[float, float]]:
    """Return points around a box."""
    shares = [i / _STEPS for i in range(_STEPS + 1)]
    xs = [west + (east - west) * share for share in shares]
    ys = [south + (north - south) * share for share in shares]
    return [(x, y) for x in xs for y in (south, north)] + [(x, y) for x in (west, east) for y in ys]


def _wrapped(longitude: float) -> float:
    return longitude if -180 <= longitude <= 180 else math.remainder(longitude, 360.0)
