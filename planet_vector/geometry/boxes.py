"""Bounding boxes: west, south, east, north, in degrees or the units of another system, with the standard library."""

from __future__ import annotations

from typing import Iterable, List, NamedTuple, Optional, Sequence, Tuple

from planet_vector.decimals import parse_number

Bounds = Tuple[float, float, float, float]
"""West, south, east, north, in the units of any system."""

FARTHEST = 540.0
"""Largest longitude in degrees: a turn beyond the antimeridian."""

_Polygons = Sequence[Sequence[Sequence[Tuple[float, float]]]]


class Box(NamedTuple):
    """Bounding box in degrees; ``west > east`` crosses the antimeridian."""

    west: float
    south: float
    east: float
    north: float

    @classmethod
    def parse(cls, text: str) -> Box:
        """Parse ``minx,miny,maxx,maxy``; longitudes are reduced to ±180°, and 360 degrees and more are the globe.

        Parameters
        ----------
        text : str
            West, south, east and north in degrees, longitudes within ±540.

        Returns
        -------
        Box
            The box, with longitudes within ±180°.

        Raises
        ------
        ValueError
            If the text is not four numbers that form a box on the globe.
        """
        try:
            box = cls(*(parse_number(part) for part in text.split(",")))
        except (TypeError, ValueError):
            raise ValueError(f"{text!r} is not a box: write minx,miny,maxx,maxy in degrees") from None
        if max(map(abs, box)) > 2 * FARTHEST:
            raise ValueError(f"{text!r} is not a box in degrees, but perhaps in metres: reproject it to EPSG:4326")
        if not (-90 <= box.south <= box.north <= 90):
            west, south, east, north = text.split(",")
            if min(abs(box.south), abs(box.north)) > 90 and -90 <= box.west <= box.east <= 90:
                raise ValueError(
                    f"{text!r} is not a box, as longitudes come first: write {south},{west},{north},{east}"
                )
            raise ValueError(f"{text!r} is not a box: latitudes run from miny up to maxy, within -90 and 90")
        if not (-FARTHEST <= box.west <= FARTHEST and -FARTHEST <= box.east <= FARTHEST):
            raise ValueError(f"{text!r} is not a box: longitudes lie within -540 and 540")
        return box._within()

    @classmethod
    def on_globe(cls, west: float, south: float, east: float, north: float) -> Optional[Box]:
        """Return the part of an extent within ±180° and ±90°; None if it is empty or a side is NaN.

        Parameters
        ----------
        west, south, east, north : float
            Sides of the extent in degrees.
        """
        if not (west <= 180 and -180 <= east and south <= 90 and -90 <= north and west <= east and south <= north):
            return None
        return cls(max(west, -180.0), max(south, -90.0), min(east, 180.0), min(north, 90.0))

    def _within(self) -> Box:
        """Return the box with its longitudes within ±180°."""
        west, _, east, _ = self
        if max(abs(west), abs(east)) <= 180:
            return self
        if east - west >= 360:
            return self._replace(west=-180.0, east=180.0)
        has_width = west < east or (west - east) % 360 != 0
        west += 360 if west < -180 else -360 if west >= 180 else 0
        # A side on the antimeridian becomes 180 or -180, according to the side that the box lies on.
        east += 360 if east <= -180 else -360 if east > 180 else 0
        return self._replace(west=west, east=east if has_width else west)

    @property
    def is_world(self) -> bool:
        """Whether the box contains every place on the globe."""
        return self.east - self.west >= 360 and self.south <= -90 and self.north >= 90

    def parts(self) -> List[Box]:
        """Return the box as one or two boxes that do not cross the antimeridian.

        A box without width on the antimeridian lies on both sides of it.
        """
        if abs(self.west) == 180 == abs(self.east) and self.west >= self.east:
            return [self._replace(west=side, east=side) for side in (180.0, -180.0)]
        if self.west <= self.east:
            return [self]
        parts = [self._replace(east=180.0), self._replace(west=-180.0)]
        return [part for part in parts if part.west < part.east]

    def touches(self, other: Box) -> bool:
        """Return whether the two boxes share a point.

        Parameters
        ----------
        other : Box
            The other box.
        """
        return any(
            a.west <= b.east and b.west <= a.east and a.south <= b.north and b.south <= a.north
            for a in self.parts()
            for b in other.parts()
        )

    def contains(self, other: Box) -> bool:
        """Return whether the other box lies within this one.

        Parameters
        ----------
        other : Box
            The other box.
        """
        return all(
            any(a.west <= b.west and b.east <= a.east for a in self.parts())
            and self.south <= b.south
            and b.north <= self.north
            for b in other.parts()
        )

    def wkt(self) -> str:
        """Return the box as WKT: a point or a line if it has no extent, a multi-geometry across or on the antimeridian.

        A box of more than half the globe has additional positions in the middle of its longer sides, because a longer
        step goes the other way around (`planet_vector.geometry.areas`).
        """
        parts = self.parts()
        if parts[0].west == parts[0].east and self.south == self.north:
            points = [f"{part.west!r} {self.south!r}" for part in parts]
            return f"POINT({points[0]})" if len(points) == 1 else f"MULTIPOINT(({'),('.join(points)}))"
        if parts[0].west == parts[0].east:
            lines = [f"{part.west!r} {self.south!r},{part.east!r} {self.north!r}" for part in parts]
            return f"LINESTRING({lines[0]})" if len(lines) == 1 else f"MULTILINESTRING(({'),('.join(lines)}))"
        if self.south == self.north:
            lines = [",".join(f"{x!r} {self.south!r}" for x in part._longitudes()) for part in parts]
            return f"LINESTRING({lines[0]})" if len(lines) == 1 else f"MULTILINESTRING(({'),('.join(lines)}))"
        rings = ["((" + ",".join(f"{x!r} {y!r}" for x, y in ring) + "))" for ring in self.rings()]
        return f"POLYGON{rings[0]}" if len(rings) == 1 else f"MULTIPOLYGON({','.join(rings)})"

    def rings(self) -> List[List[Tuple[float, float]]]:
        """Return the closed ring of each part, from the south-west corner eastward; positions as in `wkt`."""
        found = []
        for part in self.parts():
            xs = part._longitudes()
            ring = [(x, self.south) for x in xs] + [(x, self.north) for x in reversed(xs)]
            found.append([*ring, ring[0]])
        return found

    def _longitudes(self) -> List[float]:
        """Return the longitudes of the positions on the southern side of a box that does not cross the antimeridian."""
        west, _, east, _ = self
        return [west, (west + east) / 2, east] if east - west > 180 else [west, east]

    def __str__(self) -> str:
        return ",".join(
            format(value, ".15g") if float(format(value, ".15g")) == value else repr(value) for value in self
        )


WORLD = Box(-180.0, -90.0, 180.0, 90.0)


def around(boxes: Iterable[Bounds]) -> Bounds:
    """Return the bounds of several boxes in one system, none of which crosses the antimeridian.

    Parameters
    ----------
    boxes : iterable of (west, south, east, north)
        At least one box.
    """
    wests, souths, easts, norths = zip(*boxes)
    return min(wests), min(souths), max(easts), max(norths)


def around_polygons(polygons: _Polygons) -> Box:
    """Return the bounding box of polygons, which does not cross the antimeridian.

    Parameters
    ----------
    polygons : sequence of polygons
        At least one polygon: rings of longitude and latitude in degrees, within ±180°.
    """
    xs = [x for polygon in polygons for x, _ in polygon[0]]
    ys = [y for polygon in polygons for _, y in polygon[0]]
    return Box(min(xs), min(ys), max(xs), max(ys))


def narrow_around_polygons(polygons: _Polygons) -> Box:
    """Return the bounding box of a footprint; west > east if it was cut at the antimeridian.

    See RFC 7946, section 5.2. Polygons on both sides of the antimeridian that span less than half of the globe are
    assumed to be cut there.

    Parameters
    ----------
    polygons : sequence of polygons
        At least one polygon: rings of longitude and latitude in degrees, within ±180°.
    """
    box = around_polygons(polygons)
    if box.east - box.west <= 180:
        return box
    parts = [around_polygons([polygon]) for polygon in polygons]
    west = min(part.west for part in parts if part.east > 0)
    east = max(part.east for part in parts if part.west < 0)
    return box._replace(west=west, east=east)
