"""Stacks, against brute force: every subset of the scenes, and points thrown at the ground."""

from __future__ import annotations

import itertools
import json
import math
import random
import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import pytest

pytest.importorskip("shapely")
import numpy as np  # noqa: E402
import pyproj  # noqa: E402
import shapely  # noqa: E402
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from planet_vector import QueryError, find_stacks  # noqa: E402
from planet_vector.scene import Scene  # noqa: E402
from planet_vector.stacks.frequent_sets import maximal_covers  # noqa: E402
from planet_vector.stacks.overlap import area_of, common_ground  # noqa: E402
from tests.schemas import ORTHO

Ring = List[List[float]]


def feature(
    name: str, geometry: Any, acquired: Optional[str] = "2015-06-01T10:00:00Z", cloud: float = 0.0
) -> Dict[str, Any]:
    return {
        "type": "Feature",
        "id": name,
        "geometry": geometry,
        "properties": {"acquired": acquired, "cloud_cover": {"estimated": cloud}},
    }


def quad(x: float, y: float, width: float, height: float, turn: float = 0.0) -> Dict[str, Any]:
    c, s = math.cos(turn), math.sin(turn)
    corners = ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))
    ring = [[x + (c * a * width - s * b * height) / 2, y + (s * a * width + c * b * height) / 2] for a, b in corners]
    return {"type": "Polygon", "coordinates": [ring]}


def box(west: float, south: float, east: float, north: float) -> Dict[str, Any]:
    return {
        "type": "Polygon",
        "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
    }


def square_metres(geometry: Any) -> float:
    """Return the area by a library's own geodesics."""
    return abs(pyproj.Geod(ellps="WGS84").geometry_area_perimeter(shapely.segmentize(geometry, 0.001))[0])


def by_every_subset(scenes: Sequence[Dict[str, Any]], least: float) -> set[Tuple[str, ...]]:
    """Return the maximal sets of scenes with common ground, by looking at each set there is."""
    shapes = {scene["id"]: shapely.geometry.shape(scene["geometry"]) for scene in scenes}
    sharing = set()
    for size in range(2, len(scenes) + 1):
        for names in itertools.combinations(sorted(shapes), size):
            ground = shapely.intersection_all([shapes[name] for name in names])
            if area_of(ground) > least:
                sharing.add(frozenset(names))
    return {tuple(sorted(names)) for names in sharing if not any(names < other for other in sharing)}


quads = st.lists(
    st.builds(
        quad,
        st.integers(0, 20).map(lambda n: 12 + n / 100),
        st.integers(0, 20).map(lambda n: 47 + n / 100),
        st.integers(5, 25).map(lambda n: n / 100),
        st.integers(5, 25).map(lambda n: n / 100),
        st.sampled_from([0.0, 0.0, 0.2, -0.35, 0.8]),
    ),
    min_size=2,
    max_size=7,
)


@settings(max_examples=60, deadline=None)
@given(quads, st.sampled_from([1e4, 1e6, 2e7, 1e8]))
def test_stacks_are_the_maximal_sets_that_share_enough_ground(shapes: List[Any], least: float) -> None:
    scenes = [feature(f"s{number}", shape) for number, shape in enumerate(shapes)]
    found = {tuple(sorted(stack.ids)) for stack in find_stacks(scenes, min_area=least)}
    # Ground of about the least area may be either way, by rounding.
    surely, perhaps = by_every_subset(scenes, least * 1.0001), by_every_subset(scenes, least * 0.9999)
    if surely == perhaps:
        assert found == surely


@settings(max_examples=40, deadline=None)
@given(quads, st.integers(0, 2**32 - 1))
def test_points_on_the_ground_are_covered_as_stacks_say(shapes: List[Any], seed: int) -> None:
    scenes = [feature(f"s{number}", shape) for number, shape in enumerate(shapes)]
    stacks = find_stacks(scenes, min_area=0)
    footprints = {scene["id"]: shapely.geometry.shape(scene["geometry"]) for scene in scenes}
    edges = shapely.union_all(shapely.boundary(list(footprints.values())))
    rng = np.random.default_rng(seed)
    for x, y in zip(rng.uniform(11.9, 12.3, 60), rng.uniform(46.9, 47.3, 60)):
        point = shapely.Point(x, y)
        if point.distance(edges) < 1e-6:
            continue
        covering = {name for name, footprint in footprints.items() if footprint.contains(point)}
        within = [set(stack.ids) for stack in stacks if stack.footprint.contains(point)]
        assert all(names <= covering for names in within)
        if len(covering) >= 2:
            assert any(covering <= set(stack.ids) for stack in stacks)
            assert covering not in [set(s.ids) for s in stacks] or covering in within


def test_a_stack_is_ground_that_all_have_and_not_only_pairs() -> None:
    # Each two of the three overlap, all three do not.
    scenes = [
        feature("a", box(0, 0, 3, 1)),
        feature("b", box(0, 0, 1, 3)),
        feature("c", {"type": "Polygon", "coordinates": [[[3, 0.5], [3, 3], [0.5, 3], [3, 0.5]]]}),
    ]
    found = find_stacks(scenes)
    assert sorted(sorted(stack.ids) for stack in found) == [["a", "b"], ["a", "c"], ["b", "c"]]
    assert find_stacks(scenes, min_depth=3) == []


def test_ground_that_others_cut_up_counts_together() -> None:
    # a and b share six squares; c and d lie on parts of it, so that no face is of a and b alone.
    scenes = [
        feature("a", box(0, 0, 6, 1)),
        feature("b", box(0, 0, 6, 1)),
        feature("c", box(0, 0, 3.5, 1)),
        feature("d", box(2.5, 0, 6, 1)),
    ]
    square = square_metres(shapely.box(0, 0, 1, 1))
    found = find_stacks(scenes, min_area=5 * square)
    assert [sorted(stack.ids) for stack in found] == [["a", "b"]]
    assert found[0].area == pytest.approx(6 * square, rel=1e-3)
    assert [sorted(s.ids) for s in find_stacks(scenes, min_area=3 * square)] == [["a", "b", "c"], ["a", "b", "d"]]
    assert [s.depth for s in find_stacks(scenes, min_area=0.5 * square)] == [4]


def test_the_deepest_come_first_then_the_largest(shared_data: Path) -> None:
    features = json.loads((shared_data / "ortho-search-by-aoi-12.geojson").read_text())["features"]
    stacks = find_stacks(features)
    assert [(-s.depth, -s.area) for s in stacks] == sorted((-s.depth, -s.area) for s in stacks)
    shapes = {f["id"]: shapely.geometry.shape(f["geometry"]) for f in features}
    # Depth at the deepest place, by points.
    west, south, east, north = shapely.total_bounds(list(shapes.values()))
    rng = np.random.default_rng(1)
    points = shapely.points(rng.uniform(west, east, 20000), rng.uniform(south, north, 20000))
    depth = sum(shapely.contains(shape, points).astype(int) for shape in shapes.values())
    assert stacks[0].depth >= depth.max() >= stacks[0].depth - 1
    for stack in stacks:
        ground = shapely.intersection_all([shapes[name] for name in stack.ids])
        assert stack.footprint.symmetric_difference(ground).area < 1e-9
        assert stack.area == pytest.approx(square_metres(ground), rel=1e-4)
        assert [s["properties"]["acquired"] for s in stack.scenes] == sorted(
            s["properties"]["acquired"] for s in stack.scenes
        )


def test_what_cannot_overlap_is_no_stack() -> None:
    assert find_stacks([]) == []
    assert find_stacks([feature("a", box(0, 0, 1, 1))]) == []
    beside = [feature("a", box(0, 0, 1, 1)), feature("b", box(1, 0, 2, 1)), feature("c", box(1, 1, 2, 2))]
    assert find_stacks(beside, min_area=0) == []
    assert find_stacks([feature("a", None), feature("b", box(0, 0, 1, 1)), feature("c", None)]) == []
    flat = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [0, 0], [0, 0]]]}
    assert find_stacks([feature("a", flat), feature("b", box(0, 0, 1, 1))]) == []


def test_one_scene_given_twice_counts_once_and_equal_footprints_of_two_do_not() -> None:
    a, b = feature("a", box(0, 0, 1, 1)), feature("b", box(0, 0, 1, 1))
    assert find_stacks([a, a]) == []
    (stack,) = find_stacks([a, b, a])
    assert stack.depth == 2
    assert stack.area == pytest.approx(square_metres(shapely.box(0, 0, 1, 1)), rel=1e-6)


def test_footprints_that_nearly_coincide_leave_no_slivers() -> None:
    rng = random.Random(3)
    shaken = [
        feature(f"s{n}", box(*(edge + rng.uniform(-1e-9, 1e-9) for edge in (12, 47, 12.1, 47.1)))) for n in range(12)
    ]
    beside = [feature("t", box(12.1, 47, 12.2, 47.1)), feature("u", box(12.1, 47, 12.2, 47.1))]
    assert [stack.depth for stack in find_stacks(shaken + beside, min_area=0)] == [12, 2]


def test_the_antimeridian_cuts_no_stack() -> None:
    split = {
        "type": "MultiPolygon",
        "coordinates": [box(179, 0, 180, 1)["coordinates"], box(-180, 0, -179, 1)["coordinates"]],
    }
    jumping = {"type": "Polygon", "coordinates": [[[179.5, 0], [-179.5, 0], [-179.5, 1], [179.5, 1], [179.5, 0]]]}
    beyond = box(179.5, 0, 180.5, 1)
    far = feature("far", box(-1, 0, 1, 1))
    (stack,) = find_stacks([feature("a", split), feature("b", jumping), feature("c", beyond), far])
    assert stack.ids == ("a", "b", "c")
    assert stack.area == pytest.approx(square_metres(shapely.box(0, 0, 1, 1)), rel=1e-3)
    assert len(stack.footprint.geoms) == 2 and stack.footprint.bounds == pytest.approx((-180, 0, 180, 1))


def test_a_footprint_that_crosses_itself_is_put_right() -> None:
    bow = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
    (stack,) = find_stacks([feature("a", bow), feature("b", box(0, 0, 1, 1))])
    assert stack.footprint.area == pytest.approx(0.5, rel=1e-6)


def test_one_scene_a_day_is_the_one_that_leaves_the_most_ground() -> None:
    scenes = [
        feature("a1", box(0, 0, 2, 1), "2015-06-01T10:00:00Z", cloud=50),
        feature("a2", box(1.9, 0, 4, 1), "2015-06-01T10:00:02Z", cloud=0),
        feature("b", box(0, 0, 2, 1), "2015-06-02T10:00:00Z"),
        feature("c", box(0, 0, 2.1, 1), "2015-06-03T10:00:00Z"),
    ]
    assert find_stacks(scenes)[0].depth == 4
    (stack,) = find_stacks(scenes, distinct_days=True)
    assert stack.ids == ("a1", "b", "c")
    assert stack.footprint.area == pytest.approx(2, rel=1e-6)
    same = [
        feature("x", box(0, 0, 1, 1), "2015-06-01T10:00:00Z", cloud=9),
        feature("y", box(0, 0, 1, 1), "2015-06-01T11:00:00Z", cloud=2),
        feature("z", box(0, 0, 1, 1), "2015-06-02T11:00:00Z"),
    ]
    assert find_stacks(same, distinct_days=True)[0].ids == ("y", "z")
    assert find_stacks(same[:2], distinct_days=True) == []
    with pytest.raises(QueryError, match="does not say when"):
        find_stacks([feature("x", box(0, 0, 1, 1), None), *same[1:]], distinct_days=True)


def test_scenes_and_features_give_the_same(shared_data: Path) -> None:
    features = json.loads((shared_data / "ortho-search-50.geojson").read_text())["features"]
    by_scenes = find_stacks([Scene(f, ORTHO) for f in features])
    assert [s.ids for s in by_scenes] == [s.ids for s in find_stacks(features)]
    assert all(isinstance(scene, Scene) for stack in by_scenes for scene in stack.scenes)
    told = by_scenes[0].__geo_interface__
    assert told["properties"]["depth"] == 2 and told["geometry"]["type"] == "MultiPolygon"
    assert json.loads(json.dumps(told))


def test_common_ground_of_scenes_that_have_none() -> None:
    with pytest.raises(QueryError, match="no ground in common"):
        common_ground([feature("a", box(0, 0, 1, 1)), feature("b", box(5, 5, 6, 6))])
    assert common_ground([feature("a", box(0, 0, 1, 1))]).depth == 1


def test_too_many_ways_are_an_error_and_not_half_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("planet_vector.stacks.frequent_sets.MAX_PARTED", 3)
    scenes = [feature(f"s{n}", quad(12 + n / 50, 47 + n * n % 7 / 50, 0.2, 0.2)) for n in range(9)]
    with pytest.raises(QueryError, match="too many ways"):
        find_stacks(scenes, min_area=2e8)


@pytest.mark.parametrize(("spread", "deepest"), [(2.0, 5), (0.02, 1000)])
def test_a_thousand_scenes_take_seconds(spread: float, deepest: int) -> None:
    rng = random.Random(1)
    scenes = [
        feature(
            f"s{n}", quad(12 + rng.uniform(0, spread), 47 + rng.uniform(0, spread), 0.1, 0.08, rng.uniform(-0.2, 0.2))
        )
        for n in range(1000)
    ]
    begun = time.monotonic()
    stacks = find_stacks(scenes)
    assert time.monotonic() - begun < 10
    assert stacks[0].depth >= deepest


sets = st.lists(st.tuples(st.sets(st.integers(0, 6), max_size=6), st.integers(1, 9)), max_size=12)


@settings(max_examples=300, deadline=None)
@given(sets, st.integers(1, 3), st.integers(0, 25))
def test_covers_are_the_maximal_sets_by_every_subset(faces: List[Any], depth: int, least: int) -> None:
    expected = {}
    for size in range(depth, 8):
        for members in itertools.combinations(range(7), size):
            area = sum(weight for cover, weight in faces if set(members) <= cover)
            if area and area >= least:
                expected[members] = area
    expected = {m: a for m, a in expected.items() if not any(set(m) < set(other) for other in expected)}
    found = maximal_covers(faces, depth, least)
    assert {cover.members: cover.area for cover in found} == expected
    for cover in found:
        assert cover.faces == tuple(n for n, (have, _) in enumerate(faces) if set(cover.members) <= have)
    assert [(-len(c.members), -c.area) for c in found] == sorted((-len(c.members), -c.area) for c in found)
