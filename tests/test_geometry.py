"""Footprints and boxes, against shapely."""

from __future__ import annotations

import math

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, Polygon, box, shape

from planet_vector.geometry import Box, bounds, multipolygon_wkb, polygons_of, simple_footprints, wkt_of_wkb

# To a billionth of a degree: shapely takes what is far smaller than that for nothing.
LON, LAT = (st.floats(-most, most).map(lambda value: round(value, 9)) for most in (180, 80))


def _square(west: float, south: float, east: float, north: float) -> dict[str, object]:
    return {
        "type": "Polygon",
        "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
    }


@given(LON, LAT, st.floats(0.01, 30), st.floats(0.01, 9), st.floats(0, math.pi))
def test_wkb_and_wkt_say_what_shapely_says(x: float, y: float, wide: float, high: float, turn: float) -> None:
    ring = [
        [x + wide * math.cos(turn + a), y + high * math.sin(turn + a)]
        for a in (0, math.pi / 2, math.pi, 3 * math.pi / 2)
    ]
    if any(abs(px) > 180 for px, _ in ring):
        return
    geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    wkb = multipolygon_wkb(polygons_of(geometry))
    expected = MultiPolygon([shape(geometry)])
    assert shapely.from_wkb(wkb).equals_exact(expected, 0)
    assert shapely.from_wkt(wkt_of_wkb(wkb)).equals_exact(expected, 0)
    assert tuple(bounds(polygons_of(geometry))) == expected.bounds
    assert simple_footprints([geometry, geometry]) == ([expected.bounds] * 2, [wkb] * 2)


@given(st.floats(170, 179.9), LAT, st.floats(0.2, 20), st.floats(0.1, 5))
def test_a_footprint_over_the_antimeridian_is_cut_there(west: float, south: float, wide: float, high: float) -> None:
    east = west + wide
    if east <= 180.001:
        return
    wrapped = polygons_of(_square(west, south, east - 360, south + high))
    unwrapped = polygons_of(_square(west, south, east, south + high))
    expected = [box(west, south, 180, south + high), box(-180, south, east - 360, south + high)]
    assert simple_footprints([_square(west, south, east - 360, south + high)]) is None
    assert simple_footprints([_square(west, south, east, south + high)]) is None
    for found in (wrapped, unwrapped):
        parts = sorted((Polygon(rings[0]) for rings in found), key=lambda part: -part.bounds[0])
        assert len(parts) == 2
        for part, should in zip(parts, expected):
            assert part.symmetric_difference(should).area < 1e-9


def test_a_multipolygon_is_kept_as_it_is() -> None:
    geometry = {
        "type": "MultiPolygon",
        "coordinates": [_square(179, 0, 180, 1)["coordinates"], _square(-180, 0, -179, 1)["coordinates"]],
    }
    assert shapely.from_wkb(multipolygon_wkb(polygons_of(geometry))).equals(shape(geometry))


def test_no_geometry_is_no_polygon() -> None:
    assert polygons_of(None) == []


@pytest.mark.parametrize(
    "geometry",
    [
        {"type": "Point", "coordinates": [1, 2]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[["a", 0], [1, 1], [2, 0], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 95], [1, 95], [1, 96], [0, 95]]]},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon"},
    ],
)
def test_what_is_no_footprint_is_refused(geometry: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="footprint"):
        polygons_of(geometry)
    assert simple_footprints([geometry]) is None


BOXES = st.builds(lambda w, e, s, n: Box(w, min(s, n), e, max(s, n)), LON, LON, LAT, LAT).filter(
    lambda area: area.west != area.east and area.south != area.north and {area.west, area.east} != {180.0, -180.0}
)


def _shape(area: Box) -> shapely.Geometry:
    return shapely.union_all([box(*part) for part in area.parts()])


@given(BOXES, BOXES)
def test_boxes_touch_and_contain_as_shapely_says(a: Box, b: Box) -> None:
    assert a.touches(b) == _shape(a).intersects(_shape(b))
    if a.contains(b):
        assert _shape(a).covers(_shape(b))


@given(BOXES)
def test_a_box_survives_being_written(area: Box) -> None:
    assert Box.parse(str(area)) == area
    assert shapely.from_wkt(area.wkt()).equals(_shape(area))


def test_a_box_without_size_is_a_point_or_a_line() -> None:
    assert shapely.from_wkt(Box(1, 2, 1, 2).wkt()).geom_type == "Point"
    assert shapely.from_wkt(Box(1, 2, 3, 2).wkt()).geom_type == "LineString"
