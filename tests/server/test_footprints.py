"""A footprint that a file of metadata holds is read by the service as by its clients, wherever it lies."""

from __future__ import annotations

import math
from typing import Any, List

import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st
from shapely.affinity import translate
from shapely.geometry import MultiPolygon, box, mapping, shape
from shapely.geometry.base import BaseGeometry

from planet_vector.geometry.shapes import polygons_of
from planet_vector.geometry.wrapping import wrapped
from planet_vector.server.archive.units import SceneRecord
from planet_vector.server.index.entries import Entry, entry_of

from .conftest import feature


def entry(geometry: Any) -> Entry:
    return entry_of(SceneRecord("ortho", {**feature("a"), "geometry": geometry}))


def ground(found: Entry) -> BaseGeometry:
    assert found.footprint is not None
    footprint = shapely.from_wkb(found.footprint)
    assert footprint.is_valid
    boxes = shapely.union_all([box(*sides) for sides in found.boxes])
    assert boxes.covers(footprint) and len(found.boxes) <= 2
    return footprint


def written(part: BaseGeometry, first: float) -> BaseGeometry:
    """Write longitudes in the turn that begins with one."""
    return shapely.transform(part, lambda p: [[(x - first) % 360 + first, y] for x, y in p.tolist()])


def polygon(*positions: Any) -> Any:
    return {"type": "Polygon", "coordinates": [[list(p) for p in positions]]}


WIDE = shapely.segmentize(box(100, -20, 320, 30), 90)
BOTH = MultiPolygon([box(170, 0, 190, 10), box(350, -30, 370, -20)])


@pytest.mark.parametrize("first", [-180.0, 0.0])
@pytest.mark.parametrize(
    ("running_on", "should"),
    [
        (WIDE, [box(100, -20, 180, 30), box(-180, -20, -40, 30)]),
        (BOTH, [box(170, 0, 180, 10), box(-180, 0, -170, 10), box(-10, -30, 10, -20)]),
        (box(350, 10, 370, 20), [box(-10, 10, 10, 20)]),
        (MultiPolygon([box(-10, 10, 10, 20), box(100, 0, 110, 9)]), [box(-10, 10, 10, 20), box(100, 0, 110, 9)]),
    ],
)
def test_parts_that_do_not_cross_stay_where_they_are(
    running_on: BaseGeometry, should: List[BaseGeometry], first: float
) -> None:
    found = ground(entry(mapping(written(running_on, first))))
    assert found.symmetric_difference(shapely.union_all(should)).area < 1e-9


@pytest.mark.parametrize("pole", [-90, 90])
@pytest.mark.parametrize("meridians", [(0, 90, 180, -90), (0, 90, 180, 270)])
def test_a_footprint_around_a_pole_holds_it(pole: int, meridians: List[int]) -> None:
    edge = math.copysign(80, pole)
    found = ground(entry(polygon(*((x, edge) for x in meridians), (meridians[0], edge))))
    assert found.equals(box(-180, min(edge, pole), 180, max(edge, pole)))


def test_what_it_can_only_be_guessed_is_no_footprint() -> None:
    with pytest.raises(ValueError, match="unknown which pole"):
        entry(polygon((0, -10), (90, 10), (180, 60), (-90, 60), (0, -10)))


@given(
    st.lists(
        st.tuples(st.floats(-180, 540), st.floats(-60, 50), st.floats(0.5, 170), st.floats(0.5, 40)),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from([-180.0, 0.0]),
)
def test_boxes_anywhere_are_cut_as_shapely_cuts_them(boxes: List[Any], first: float) -> None:
    parts = [box(west, south, west + wide, south + high) for west, south, wide, high in boxes]
    turns = [translate(p, 360 * n) for p in parts for n in range(-2, 3)]
    assume(shapely.multipolygons(turns).is_valid)
    should = shapely.union_all([t.intersection(box(-180, -90, 180, 90)) for t in turns])
    found = ground(entry(mapping(written(MultiPolygon(parts), first))))
    assert found.symmetric_difference(should).area < 1e-6
    assert shapely.union_all(wrapped(parts)).symmetric_difference(should).area < 1e-6
    client = polygons_of(mapping(written(MultiPolygon(parts), first)))
    assert MultiPolygon([shape({"type": "Polygon", "coordinates": rings}) for rings in client]).equals_exact(
        found if found.geom_type == "MultiPolygon" else MultiPolygon([found])
    )
