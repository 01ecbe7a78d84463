"""The largest rectangle inside an area, against every rectangle of a fine grid, and where it is known."""

from __future__ import annotations

import json
import math
import re
import warnings
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest

pytest.importorskip("shapely")
import numpy as np  # noqa: E402
import shapely  # noqa: E402
import shapely.affinity  # noqa: E402
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from planet_vector import largest_rectangle  # noqa: E402
from planet_vector.errors import PlanetVectorWarning, RectangleWarning  # noqa: E402
from planet_vector.query import Query  # noqa: E402
from planet_vector.stacks import narrowing  # noqa: E402
from planet_vector.stacks import rectangle_search as inscribing  # noqa: E402
from planet_vector.stacks.rectangle_search import inscribed, largest_rectangle_within, told  # noqa: E402
from tests.schemas import ORTHO

from ..conftest import Service  # noqa: E402

Run = Callable[..., Any]


def by_brute_force(polygon: Any, cells: int = 40, aspect: Optional[float] = None) -> float:
    """Return the area of the largest rectangle made of whole cells of a grid, each of which lies inside."""
    west, south, east, north = polygon.bounds
    xs, ys = np.linspace(west, east, cells + 1), np.linspace(south, north, cells + 1)
    x, y = np.meshgrid(xs[:-1], ys[:-1])
    inside = shapely.covers(polygon, shapely.box(x, y, x + xs[1] - xs[0], y + ys[1] - ys[0]))
    step = (xs[1] - xs[0], ys[1] - ys[0])
    best, tall = 0.0, np.zeros(cells, int)
    for row in inside:
        tall = np.where(row, tall + 1, 0)
        for first in range(cells):
            lowest = tall[first]
            for last in range(first, cells):
                lowest = min(lowest, tall[last])
                if not lowest:
                    break
                width, height = (last - first + 1) * step[0], lowest * step[1]
                if aspect is not None:
                    width = min(width, height * aspect)
                    height = width / aspect
                best = max(best, width * height)
    return best


def is_rectangle(found: Any, angle: float = 0.0) -> bool:
    turned = shapely.affinity.rotate(found, -angle, origin=(0, 0))
    return bool(len(found.exterior.coords) == 5 and turned.area == pytest.approx(shapely.box(*turned.bounds).area))


points = st.lists(
    st.tuples(st.floats(0, 1).map(lambda v: round(v, 3)), st.floats(0, 1).map(lambda v: round(v, 3))),
    min_size=3,
    max_size=12,
)


@st.composite
def stars(draw: Any) -> Any:
    """Draw an area of any shape around a point, with or without a hole."""
    count = draw(st.integers(5, 14))
    angles = np.linspace(0, 2 * math.pi, count, endpoint=False)
    radii = np.array(draw(st.lists(st.floats(0.15, 1), min_size=count, max_size=count)))
    outline = shapely.make_valid(shapely.Polygon(np.column_stack([radii * np.cos(angles), radii * np.sin(angles)])))
    hole = draw(st.sampled_from([0.0, 0.1, 0.25]))
    return outline.difference(shapely.Point(0.1, 0.05).buffer(hole, 3)) if hole else outline


@settings(max_examples=60, deadline=None)
@given(points, st.sampled_from([1.0, 1e6]), st.booleans())
def test_in_a_convex_area_nothing_larger_fits(corners: List[Any], scale: float, moved: bool) -> None:
    hull = shapely.MultiPoint(corners).convex_hull
    if hull.geom_type != "Polygon" or hull.area < 0.01:
        return
    area = shapely.affinity.scale(hull, scale, scale, origin=(0, 0))
    if moved:
        area = shapely.affinity.translate(area, 5e5, 5.3e6)
    found = largest_rectangle(area)
    assert area.covers(found) and is_rectangle(found)
    # Its sides are drawn in by what rounding may move them: a share of the coordinates, not of the area.
    drawn_in = 64 * np.finfo(float).eps * 2 * max(map(abs, area.bounds))
    assert found.area >= by_brute_force(area) * (1 - 1e-9) - found.length * drawn_in
    # With a crumb beside it the area is not convex any more, and goes by the way that is not exact.
    west, south, _, _ = area.bounds
    crumb = shapely.box(west - 2 * scale, south, west - 1.999 * scale, south + 0.001 * scale)
    assert largest_rectangle(shapely.MultiPolygon([area, crumb])).area == pytest.approx(found.area, rel=1e-3)


@settings(max_examples=40, deadline=None)
@given(stars(), st.sampled_from([None, 0.5, 2.0]))
def test_in_any_area_nothing_larger_by_more_than_the_tolerance_fits(area: Any, aspect: Optional[float]) -> None:
    found = largest_rectangle(area, aspect=aspect, tolerance=1e-3)
    assert area.covers(found) and is_rectangle(found)
    assert found.area >= by_brute_force(area, 30, aspect) * (1 - 1e-3)
    if aspect is not None:
        west, south, east, north = found.bounds
        assert (east - west) / (north - south) == pytest.approx(aspect)


@settings(max_examples=4, deadline=None)
@given(stars(), st.sampled_from([None, 1.5]))
def test_in_any_orientation_it_is_as_large_as_in_each(area: Any, aspect: Optional[float]) -> None:
    found = largest_rectangle(area, angle="any", aspect=aspect, tolerance=0.02)
    assert area.buffer(1e-12).covers(found)
    for angle in range(0, 180, 9):
        fixed = largest_rectangle(area, angle=angle, aspect=aspect, tolerance=0.02)
        assert area.buffer(1e-12).covers(fixed) and is_rectangle(fixed, angle)
        assert found.area >= fixed.area * (1 - 0.02)


def test_where_the_answer_is_known() -> None:
    assert largest_rectangle(shapely.box(1, 2, 4, 7)).area == pytest.approx(15)
    assert largest_rectangle(shapely.box(1, 2, 4, 7)).bounds == pytest.approx((1, 2, 4, 7))
    # Half of a triangle; 2 r² of a circle; a square of side 1 / (1 + 1) in a right angle.
    assert largest_rectangle(shapely.Polygon([(0, 0), (3, 0), (1, 2)])).area == pytest.approx(1.5)
    assert largest_rectangle(shapely.Point(0, 0).buffer(1, 256)).area == pytest.approx(2, rel=1e-4)
    square = largest_rectangle(shapely.Polygon([(0, 0), (1, 0), (0, 1)]), aspect=1, tolerance=1e-5)
    assert square.area == pytest.approx(0.25, rel=1e-5)
    turned = shapely.affinity.rotate(shapely.box(0, 0, 10, 0.5), 33)
    assert largest_rectangle(turned, angle="any").area == pytest.approx(5, rel=1e-3)
    assert largest_rectangle(turned, angle=33).area == pytest.approx(5, rel=1e-9)
    assert largest_rectangle(turned, angle="any", aspect=20).area == pytest.approx(5, rel=2e-3)


def test_holes_arms_and_parts() -> None:
    ring = shapely.box(0, 0, 10, 10).difference(shapely.box(1, 1, 9, 8))
    assert largest_rectangle(ring).area == pytest.approx(20, rel=1e-3)
    letter = shapely.union(shapely.box(0, 0, 1, 10), shapely.box(0, 0, 7, 2))
    assert largest_rectangle(letter).bounds == pytest.approx((0, 0, 7, 2), abs=0.01)
    apart = shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(5, 0, 7, 2)])
    assert largest_rectangle(apart).bounds == pytest.approx((5, 0, 7, 2), abs=0.01)
    beside = shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(1, 0, 3, 1)])
    assert largest_rectangle(beside).area == pytest.approx(3)
    assert largest_rectangle(shapely.Polygon()).is_empty
    assert largest_rectangle(shapely.Polygon([(0, 0), (1, 1), (2, 2)])).is_empty


@pytest.mark.parametrize(
    "wrong", [{"aspect": 0}, {"aspect": -1}, {"tolerance": 0}, {"angle": "all"}, {"angle": math.nan}]
)
def test_what_makes_no_sense_is_said(wrong: Dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        largest_rectangle(shapely.box(0, 0, 1, 1), **wrong)


def test_rings_alone_do_without_shapely(system_python: Run) -> None:
    ring = [[0.0, 0.0], [4.0, 1.0], [3.0, 5.0], [1.0, 4.0]]
    code = (
        "import json, sys; from planet_vector.stacks.rectangle_search import largest_rectangle_within as find;"
        "print(json.dumps(find([[json.loads(sys.argv[1])]]))); assert 'shapely' not in sys.modules"
    )
    done = system_python(code, json.dumps(ring))
    assert done.returncode == 0, done.stderr
    expected = largest_rectangle(shapely.Polygon(ring))
    assert shapely.Polygon(json.loads(done.stdout)).area == pytest.approx(expected.area)
    assert largest_rectangle_within([]) == []


# ---- any area, by bounded work ----------------------------------------------------------------------------


MAX = 1000  # positions
# Edges looked at for one rectangle: along two axes, and at any angle half as many again; benchmarks/rectangles.py says
# what that takes.
MOST_WORK = 2.6 * narrowing.MAX_WORK


@contextmanager
def bounded_work(name: str = "") -> Iterator[None]:
    """Fail where more edges are looked at than for any rectangle."""
    done: List[int] = []
    seek = inscribing.seek

    def counted(*args: Any) -> Any:
        sought = seek(*args)
        done.append(sought.work)
        return sought

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inscribing, "seek", counted)
        yield
    assert 0 < sum(done) <= MOST_WORK, name


def random_area(seed: int) -> Any:
    """Return an area of up to a thousand positions: a ragged or a smooth ring, a spiral, or a comb, most with holes."""
    chance = np.random.default_rng(seed)
    count = int(chance.choice([6, 20, 66, 200, MAX - 120]))
    turns = np.linspace(0, 2 * math.pi, count, endpoint=False)
    kind = ("ragged", "smooth", "round", "spiral", "comb")[seed % 5]
    if kind == "spiral":
        radius = np.linspace(0.2, 1, max(count // 2, 8))
        around = np.linspace(0, chance.uniform(6, 25), len(radius))
        way = np.column_stack([radius * np.cos(around), radius * np.sin(around)])
        outline = np.concatenate([way, (way * 0.8)[::-1]])
    elif kind == "comb":
        x = np.linspace(-1, 1, count)
        outline = np.concatenate([np.column_stack([x, chance.uniform(0, 1, count)]), [[1, -0.3], [-1, -0.3]]])
    else:
        waves = sum(chance.uniform(-0.12, 0.12) * np.cos(n * turns + chance.uniform(0, 6)) for n in range(1, 7))
        radius = {"ragged": chance.uniform(0.2, 1, count), "smooth": 1 + waves, "round": np.ones(count)}[kind]
        outline = np.column_stack([radius * np.cos(turns), radius * np.sin(turns)])
    area = shapely.make_valid(shapely.Polygon(outline))
    for _ in range(int(chance.integers(0, 4))):
        x, y = chance.uniform(-0.5, 0.5, 2)
        area = area.difference(
            shapely.Point(x, y).buffer(chance.uniform(0.01, 0.15), quad_segs=int(chance.choice([1, 8])))
        )
    area = shapely.affinity.rotate(area, chance.uniform(0, 180), origin=(0, 0))
    scale = float(chance.choice([1.0, 1e-3, 3e4]))
    moved = shapely.affinity.scale(area, scale, scale * chance.choice([1.0, 0.2]), origin=(0, 0))
    return shapely.affinity.translate(moved, *chance.choice([(0.0, 0.0), (12.0, 47.9), (5e5, 5.3e6)]))


def by_brute_force_turned(area: Any, cells: int = 24) -> float:
    """Return the area of the largest rectangle of grid cells, of some grids at angles."""
    centre = area.centroid
    return max(
        by_brute_force(shapely.affinity.rotate(area, -angle, origin=centre), cells) for angle in np.arange(0, 90, 10)
    )


def check_random_area(seed: int) -> None:
    area = random_area(seed)
    assert shapely.get_num_coordinates(area) <= MAX + 300
    with warnings.catch_warnings(record=True) as said, bounded_work():
        warnings.simplefilter("always")
        found = largest_rectangle(area, angle="any")
    assert area.covers(found) and len(found.exterior.coords) == 5
    told = [float(re.search(r"up to ([\d.e-]+) %", str(one.message))[1]) / 100 for one in said]  # type: ignore[index]
    assert all(one.category is RectangleWarning for one in said) and len(told) <= 1
    # What is told is rounded to two digits; its sides are drawn in by what rounding may move them.
    lacks = max([1e-3, *(1.06 * share for share in told)])
    drawn_in = 128 * np.finfo(float).eps * max(map(abs, area.bounds))
    assert found.area >= by_brute_force_turned(area) * (1 - lacks) - found.length * drawn_in
    # However much is proved, it is not much less than what there is.
    assert found.area >= by_brute_force_turned(area) * (1 - 0.02) - found.length * drawn_in


@pytest.mark.parametrize("seed", range(10))
def test_of_any_angle_it_is_as_large_as_by_brute_force(seed: int) -> None:
    check_random_area(seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10, 200))
def test_of_any_angle_it_is_as_large_as_by_brute_force_in_many_areas(seed: int) -> None:
    check_random_area(seed)


def rings_of(area: Any) -> List[Any]:
    return [[ring.coords for ring in (part.exterior, *part.interiors)] for part in shapely.get_parts(area)]


POND = shapely.Point(12, 47.9).buffer(0.1, quad_segs=8).difference(shapely.Point(12, 47.9).buffer(0.03, quad_segs=8))
TURNS = np.linspace(0, 2 * math.pi, MAX, endpoint=False)
SLOW = {
    "a round field with a pond": POND,
    "a circle of 64": shapely.Point(0, 0).buffer(10),
    "a circle of 1000": shapely.Polygon(np.column_stack([np.cos(TURNS), np.sin(TURNS)])),
    "a sliver": shapely.Polygon([(0, 0), (1, 0.3), (1, 0.3001), (0, 0.0001)]),
    "a long strip": shapely.affinity.rotate(shapely.box(0, 0, 1000, 1), 31.7),
    "nearly a square": shapely.Polygon([(0, 0), (1, 1e-9), (1, 1), (1e-9, 1)]),
    "places in a row": shapely.segmentize(shapely.affinity.rotate(shapely.box(0, 0, 3, 2), 20), 0.01),
    "a star of needles": shapely.Polygon(
        np.column_stack([np.cos(TURNS), np.sin(TURNS)]) * np.where(np.arange(MAX) % 2, 1.0, 0.1)[:, None]
    ),
    "many holes": shapely.box(0, 0, 16, 16).difference(
        shapely.union_all(
            [shapely.Point(x + 0.5 * (y % 2), y).buffer(0.2, 3) for x in range(1, 16) for y in range(1, 16, 2)]
        )
    ),
    "lanes of a comb": shapely.union_all(
        [shapely.box(0, 0, 100, 1), *(shapely.box(x, 0, x + 0.1, 9) for x in range(100))]
    ),
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.long) if name in ("a circle of 1000", "a star of needles") else name
        for name in SLOW
    ],
)
@pytest.mark.parametrize("aspect", [None, pytest.param(1.5, marks=pytest.mark.long)])
def test_no_area_takes_more_than_a_bounded_work(name: str, aspect: Optional[float]) -> None:
    area = SLOW[name]
    with bounded_work():
        found = inscribed(rings_of(area), aspect, "any")
    rectangle = shapely.Polygon(found.corners)
    assert area.covers(rectangle)
    best = max(largest(area, aspect, angle) for angle in (0, 31.7, math.degrees(math.atan(0.3))))
    assert rectangle.area >= best * (1 - max(found.lacks, 1e-3))
    if aspect is None:  # one of an aspect may lie in any of a great many places of a strip
        assert found.lacks < 0.05


def largest(area: Any, aspect: Optional[float], angle: float) -> float:
    return float(shapely.Polygon(inscribed(rings_of(area), aspect, angle).corners).area)


def test_what_is_proved_is_never_less_than_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """With next to no work allowed, what may be lacking is told, and the true optimum lies within it."""
    known = {  # half of a triangle, whatever its sides; 2 r² of a circle; all of a rectangle
        1.5: shapely.affinity.rotate(shapely.Polygon([(0, 0), (3, 0), (1, 2)]), 12),
        2.0: shapely.Point(0, 0).buffer(1, 64),
        5.0: shapely.affinity.rotate(shapely.box(0, 0, 10, 0.5), 33),
    }
    for work in (1, 20_000, 200_000, 5_000_000):
        monkeypatch.setattr(narrowing, "MAX_WORK", work)
        lacks = []
        for optimum, area in known.items():
            found = inscribed(rings_of(area), None, "any")
            size = shapely.Polygon(found.corners).area
            assert size <= optimum * (1 + 1e-9) and size >= optimum * (1 - found.lacks) * (1 - 1e-3)
            lacks.append(found.lacks)
        assert work > 1 or max(lacks) > 0.01  # a triangle is proved with so little
    with pytest.warns(RectangleWarning, match="may lack up to"):
        monkeypatch.setattr(narrowing, "MAX_WORK", 1)
        largest_rectangle(POND, angle="any")


def test_one_angle_takes_a_bounded_work_too() -> None:
    for name, area in SLOW.items():
        with bounded_work(name):
            found = inscribed(rings_of(area), None, 17.0)
        assert area.covers(shapely.Polygon(found.corners)) and found.lacks < 1.01e-3, name


# ---- many parts ------------------------------------------------------------------------------------------


def field_of(part: Any, number: int) -> Any:
    """Return parts alike, in rows and columns, ten apart."""
    return shapely.MultiPolygon(
        [shapely.affinity.translate(part, 10 * x, 10 * y) for x in range(number) for y in range(number)]
    )


DOT = shapely.Point(0, 0).buffer(4)
PARTS = {
    "dots": DOT,
    "rings": DOT.difference(shapely.Point(0, 0).buffer(2)),
    "angles": shapely.box(0, 0, 8, 8).difference(shapely.box(2, 2, 8, 8)),
    "slivers": shapely.Polygon([(0, 0), (8, 3), (8, 3.001), (0, 0.001)]),
}


@pytest.mark.parametrize(
    "name", [pytest.param("rings", marks=pytest.mark.long), *(name for name in PARTS if name != "rings")]
)
@pytest.mark.parametrize(
    "options",
    [{}, *(pytest.param(each, marks=pytest.mark.long) for each in ({"aspect": 1.5}, {"angle": "any"}))],
    ids=str,
)
def test_of_many_parts_the_largest_is_as_large_as_in_one(name: str, options: Dict[str, Any]) -> None:
    """400 alike, and one among them that is larger: it is found, whatever is proved."""
    part = PARTS[name]
    larger = shapely.affinity.translate(shapely.affinity.scale(part, 1.1, 1.1, origin=(0, 0)), 300, 77)
    area = shapely.MultiPolygon([*field_of(part, 20).geoms, larger])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RectangleWarning)
        expected = largest_rectangle(larger, **options)
        with bounded_work():
            found = largest_rectangle(area, **options)
    assert area.covers(found)
    lacks = 0.02 if name != "slivers" or "aspect" not in options else 0.5
    assert found.area >= expected.area * (1 - lacks)


@pytest.mark.parametrize("number", [1, 4, 16, 20])
def test_dots_are_as_large_as_known(number: int) -> None:
    # The largest in a regular polygon of 64 corners is a square between four of them: half of the square of 8.
    assert largest_rectangle(field_of(DOT, number)).area == pytest.approx(32, rel=1e-9)


@pytest.mark.parametrize(("seed", "corners"), [pytest.param(1, 4000, marks=pytest.mark.long), (5, 400), (7, 60)])
def test_of_any_angle_it_is_no_smaller_than_along_the_axes(seed: int, corners: int) -> None:
    """However little is proved: ragged stars, of 4000 corners too."""
    turns = np.linspace(0, 2 * math.pi, corners, endpoint=False)
    radii = np.random.default_rng(seed).uniform(0.7, 1, corners)
    area = shapely.make_valid(shapely.Polygon(np.column_stack([np.cos(turns), np.sin(turns)]) * radii[:, None]))
    for aspect in (None, 0.6):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RectangleWarning)
            found = largest_rectangle(area, angle="any", aspect=aspect)
            for angle in (0, 90):
                fixed = largest_rectangle(area, angle=angle, aspect=aspect)
                assert found.area >= fixed.area * (1 - 1e-9)


# ---- what is told ----------------------------------------------------------------------------------------


def test_what_may_be_lacking_is_told_in_plain_words() -> None:
    sliver = shapely.from_wkt("POLYGON((12 47,13 47.0000001,13 47.0000002,12 47.0000001,12 47))")
    with pytest.warns(RectangleWarning) as said:
        largest_rectangle(sliver, angle="any", aspect=0.7)
    assert [str(one.message).partition(":")[0] for one in said] == [
        "How much of the largest possible area the rectangle lacks is unknown"
    ]
    for lacks in np.geomspace(1e-6, 1, 200):
        sentence = told(float(lacks))
        assert "e-" not in sentence and "e+" not in sentence
        number = re.search(r"up to ([\d.]+) %", sentence)
        if lacks < 0.985:
            assert number and float(number[1]) == pytest.approx(100 * lacks, rel=0.06)
        assert ("is unknown" in sentence) == (number is None)
    assert "100" not in told(0.996) and "is unknown" in told(1.0)


def test_a_warning_points_at_the_line_that_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(narrowing, "MAX_WORK", 1)
    crossing = "POLYGON((179 -1,-179 -1,-179 1,179 1,179 -1))"
    asked: List[Callable[[], Any]] = [
        lambda: largest_rectangle(POND, angle="any"),
        lambda: largest_rectangle_within(rings_of(POND), angle="any"),
        lambda: Query(ORTHO, area=crossing),
        lambda: Query.parse(ORTHO, [("intersects", crossing)]),
        lambda: Query(ORTHO).where(area=crossing),
    ]
    for ask in asked:
        with pytest.warns(PlanetVectorWarning) as said:
            ask()
        assert [(one.filename, one.lineno) for one in said] == [(__file__, ask.__code__.co_firstlineno)]


# ---- the command -----------------------------------------------------------------------------------------


def test_the_command_takes_an_area_in_any_form(run: Run, service: Service, tmp_path: Any) -> None:
    area = shapely.Polygon([(11, 47), (12, 47.1), (12.1, 48), (11.1, 47.9)])
    path = tmp_path / "aoi.geojson"
    path.write_text(json.dumps({"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(area)}))
    said = [
        run("planet-vector", "rectangle", form, input=path.read_text()).stdout
        for form in (str(path), f"@{path}", "-", area.wkt, shapely.to_geojson(area))
    ]
    assert len(set(said)) == 1
    feature = json.loads(said[0])
    found = shapely.geometry.shape(feature["geometry"])
    assert area.covers(found) and is_rectangle(found)
    assert found.area >= by_brute_force(area)
    done = run("planet-vector", "rectangle", str(path), "--aspect", "2", "--indent", "1")
    west, south, east, north = shapely.geometry.shape(json.loads(done.stdout)["geometry"]).bounds
    # Two to one on the ground, where a degree of longitude is shorter.
    assert (east - west) * math.cos(math.radians(47.5)) / (north - south) == pytest.approx(2, rel=1e-3)
    turned = json.loads(run("planet-vector", "rectangle", str(path), "--angle", "any").stdout)
    assert shapely.geometry.shape(turned["geometry"]).area > found.area


def test_the_command_crosses_the_antimeridian(run: Run) -> None:
    area = "MULTIPOLYGON(((179 0,180 0,180 1,179 1,179 0)),((-180 0,-178 0,-178 1,-180 1,-180 0)))"
    done = run("planet-vector", "rectangle", area)
    found = shapely.geometry.shape(json.loads(done.stdout)["geometry"])
    assert found.geom_type == "MultiPolygon" and found.area == pytest.approx(3, rel=1e-3)
    assert found.bounds == pytest.approx((-180, 0, 180, 1), abs=0.01)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["POINT(1 2)"], 2, "no polygon"),
        (["POLYGON((1 2"], 2, "cannot be read"),
        (["nothing.geojson"], 2, "is no area"),
        (["POLYGON((0 0,1 0,1 1,0 0))", "--angle", "some"], 2, "--angle"),
        (["POLYGON((0 0,1 0,1 1,0 0))", "--aspect", "0"], 2, "--aspect"),
    ],
)
def test_an_error_is_one_sentence(run: Run, arguments: List[str], code: int, told: str) -> None:
    done = run("planet-vector", "rectangle", *arguments)
    assert done.returncode == code and told in done.stderr and "Traceback" not in done.stderr
