"""Boxes: around others, around footprints, cut to the globe, as rings."""

from __future__ import annotations

import math
import random
from typing import Optional

import pytest
import shapely
from shapely.geometry import shape

from planet_vector.geometry.boxes import Box, around, around_polygons, narrow_around_polygons
from planet_vector.geometry.shapes import polygons_of


def _some(rng: random.Random) -> Box:
    west, south = rng.uniform(-179, 170), rng.uniform(-89, 80)
    return Box(west, south, rng.uniform(west, 179), rng.uniform(south, 89))


@pytest.mark.parametrize("seed", range(20))
def test_a_box_around_boxes_is_that_of_shapely(seed: int) -> None:
    rng = random.Random(seed)
    boxes = [_some(rng) for _ in range(rng.randrange(1, 9))]
    assert around(boxes) == shapely.union_all([shapely.box(*box) for box in boxes]).bounds


@pytest.mark.parametrize(
    ("extent", "expected"),
    [
        ((-200, -95, 200, 95), Box(-180, -90, 180, 90)),
        ((10, 20, 30, 40), Box(10, 20, 30, 40)),
        ((170, 20, 190, 40), Box(170, 20, 180, 40)),
        ((180, 90, 190, 95), Box(180, 90, 180, 90)),
        ((185, 20, 190, 40), None),
        ((-190, 20, -185, 40), None),
        ((10, 91, 30, 95), None),
        ((30, 20, 10, 40), None),
        ((10, 20, math.nan, 40), None),
        ((10, math.nan, 30, 40), None),
        ((-math.inf, -math.inf, math.inf, math.inf), Box(-180, -90, 180, 90)),
    ],
)
def test_what_of_an_extent_lies_on_the_globe(
    extent: tuple[float, float, float, float], expected: Optional[Box]
) -> None:
    assert Box.on_globe(*extent) == expected


@pytest.mark.parametrize("seed", range(20))
def test_rings_are_those_of_the_text(seed: int) -> None:
    rng = random.Random(seed)
    west, east = rng.uniform(-180, 180), rng.uniform(-180, 180)
    box = Box(west, -20.5, east, 30.25)
    polygons = shapely.get_parts(shapely.from_wkt(box.wkt()))
    assert [list(polygon.exterior.coords) for polygon in polygons] == box.rings()


def test_across_the_antimeridian_a_narrow_box_has_its_west_east_of_its_east() -> None:
    crossing = {"type": "Polygon", "coordinates": [[[179, 0], [181, 0], [181, 1], [179, 1], [179, 0]]]}
    parts = polygons_of(crossing)
    assert around_polygons(parts) == (-180, 0, 180, 1)
    assert narrow_around_polygons(parts) == (179, 0, -179, 1)


def test_around_the_globe_a_narrow_box_is_wide() -> None:
    wide = {
        "type": "Polygon",
        "coordinates": [[[-180, 70], [0, 70], [180, 70], [180, 80], [0, 80], [-180, 80], [-180, 70]]],
    }
    assert narrow_around_polygons(polygons_of(wide)) == around_polygons(polygons_of(wide)) == shape(wide).bounds
