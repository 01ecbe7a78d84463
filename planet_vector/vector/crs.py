"""Projection of layers to UTM and web mercator, without a library.

The driver must run without pyproj, and GDAL offers Python drivers no transformation. A tile index needs only these
systems: scenes are delivered in UTM, maps are drawn in Mercator.
"""

from __future__ import annotations

import re
from typing import List, NamedTuple, Optional, Sequence, Tuple

from planet_vector.errors import QueryError
from planet_vector.geometry.antimeridian import wrapped_longitude
from planet_vector.geometry.boxes import Bounds, Box
from planet_vector.geometry.shapes import multipolygon_wkb, polygons_of_wkb
from planet_vector.geometry.utm import forward, inverse, is_utm, meridian
from planet_vector.geometry.web_mercator import HALF_WORLD, RADIUS, to_degrees, to_mercator

_FARTHEST = 40.0  # degrees from the central meridian, within which UTM's series is accurate to a millimetre
_POLEWARD = 89.0  # degrees of latitude; Mercator has no poles
_STEPS = 32  # points on an edge of a box, which is a curve in the other system
_MARGIN = 0.01  # share of a box added to each side, for the curve between two points

_CODE = re.compile(r"(?:EPSG:)?(4326|3857|32[67](?:0[1-9]|[1-5]\d|60))", re.IGNORECASE)


class LayerProjection(NamedTuple):
    """Projected coordinate system of a layer.

    Attributes
    ----------
    code : str
        Such as ``EPSG:32633``.
    """

    code: str

    @classmethod
    def parse(cls, text: Optional[str]) -> Optional[LayerProjection]:
        """Parse the parameter ``crs`` of a name.

        Parameters
        ----------
        text : str, optional
            Such as ``EPSG:32633`` or ``3857``.

        Returns
        -------
        LayerProjection or None
            None for longitude and latitude (EPSG:4326), the default.

        Raises
        ------
        QueryError
            If it is another coordinate system.
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
        """Project a position.

        Parameters
        ----------
        longitude, latitude : float
            Degrees.

        Returns
        -------
        (float, float)
            x and y in metres.

        Raises
        ------
        QueryError
            If the position is too far from the zone's central meridian, or too near a pole for Mercator.
        """
        zone = self._zone
        if zone is None:
            if abs(latitude) > _POLEWARD:
                raise self._unfit(longitude, latitude)
            return to_mercator(longitude, latitude)
        if abs(wrapped_longitude(longitude - meridian(zone))) > _FARTHEST:
            raise self._unfit(longitude, latitude)
        return forward(zone, longitude, latitude)

    def inverse(self, x: float, y: float) -> Tuple[float, float]:
        """Return longitude and latitude of a projected position, in degrees; the longitude is not wrapped at ±180.

        Parameters
        ----------
        x, y : float
            Metres.
        """
        zone = self._zone
        if zone is None:
            return to_degrees(x, y)
        longitude, latitude = inverse(zone, x, y)
        return meridian(zone) + wrapped_longitude(longitude - meridian(zone)), latitude

    def wkb(self, wkb: bytes) -> bytes:
        """Project a MultiPolygon position by position.

        Parameters
        ----------
        wkb : bytes
            WKB, longitude before latitude in degrees.

        Returns
        -------
        bytes
            WKB, x before y in metres.

        Raises
        ------
        QueryError
            If a position is out of reach of the projection.
        """
        return multipolygon_wkb(
            [[[self.forward(x, y) for x, y in ring] for ring in polygon] for polygon in polygons_of_wkb(wkb)]
        )

    def bounds(self, boxes: Sequence[Bounds]) -> Optional[Bounds]:
        """Return the bounds around boxes, or None without boxes.

        Parameters
        ----------
        boxes : sequence of (west, south, east, north)
            Degrees.

        Returns
        -------
        (west, south, east, north) or None
            Metres.
        """
        if not boxes:
            return None
        points = [self.forward(*point) for box in boxes for point in _edge(*box)]
        xs, ys = zip(*points)
        return min(xs), min(ys), max(xs), max(ys)

    def unproject(self, west: float, south: float, east: float, north: float) -> Optional[Box]:
        """Return a box in degrees that contains a projected box, or None if only the whole world would.

        Parameters
        ----------
        west, south, east, north : float
            Metres.
        """
        reach = HALF_WORLD
        if self._zone is None:
            if east < -reach or west > reach:
                return None
            west, east = max(west, -reach), min(east, reach)
        elif max(abs(west), abs(east)) > RADIUS or not (-RADIUS <= south and north <= 2 * RADIUS):
            return None  # beyond the pole or the zone's half of the earth: no meridians bound it
        xs, ys = zip(*(self.inverse(x, y) for x, y in _edge(west, south, east, north)))
        dx, dy = ((max(xs) - min(xs)) * _MARGIN, (max(ys) - min(ys)) * _MARGIN)
        left, right = min(xs) - dx, max(xs) + dx
        bottom, top = max(-90.0, min(ys) - dy), min(90.0, max(ys) + dy)
        if right - left >= 360 or abs(bottom) == 90 or abs(top) == 90:
            return None
        return Box(wrapped_longitude(left), bottom, wrapped_longitude(right), top)

    def _unfit(self, longitude: float, latitude: float) -> QueryError:
        return QueryError(
            f"crs={self.code} does not reach the scene at {longitude:.1f}, {latitude:.1f}: narrow the search to the "
            "area it is for, by bbox or intersects."
        )


def _edge(west: float, south: float, east: float, north: float) -> List[Tuple[float, float]]:
    """Return points on the edges of a box."""
    shares = [i / _STEPS for i in range(_STEPS + 1)]
    xs = [west + (east - west) * share for share in shares]
    ys = [south + (north - south) * share for share in shares]
    return [(x, y) for x in xs for y in (south, north)] + [(x, y) for x in (west, east) for y in ys]
