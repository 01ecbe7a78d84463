"""Footprints and boxes, against shapely."""

from __future__ import annotations

import math
import time
from random import Random
from typing import Any, Callable, Optional

import pytest
import shapely
from hypothesis import assume, example, given
from hypothesis import strategies as st
from shapely.affinity import affine_transform, scale, translate
from shapely.geometry import MultiPolygon, Polygon, box, shape

from planet_vector.geometry.boxes import Box, around_polygons
from planet_vector.geometry.shapes import multipolygon_wkb, polygons_of, simple_footprints, wkt_of_wkb

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
    assert tuple(around_polygons(polygons_of(geometry))) == expected.bounds
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


# ---- what is no footprint -----------------------------------------------------------------------------------

SQUARE = [[0, 0], [1, 0], [1, 1], [0, 0]]
DEEP: list[Any] = []
for _ in range(100_000):
    DEEP = [DEEP]


def polygon(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


REFUSED: dict[str, tuple[Any, str]] = {
    "a text": ("POINT (1 2)", "type str"),
    "a number": (7, "type int"),
    "a list": ([SQUARE], "type list"),
    "nothing in it": ({}, "something else"),
    "a point": ({"type": "Point", "coordinates": [1, 2]}, "'Point'"),
    "a collection": ({"type": "GeometryCollection", "geometries": [polygon(SQUARE)]}, "'GeometryCollection'"),
    "a kind that is a list": ({"type": ["Polygon"], "coordinates": [SQUARE]}, "something else"),
    "a kind without end": ({"type": "P" * 10**6, "coordinates": [SQUARE]}, "'P{40}'"),
    "no coordinates": ({"type": "Polygon"}, "no coordinates"),
    "coordinates that are a text": ({"type": "Polygon", "coordinates": "0 0, 1 1"}, "no coordinates"),
    "coordinates that are a mapping": ({"type": "Polygon", "coordinates": {"0": SQUARE}}, "no coordinates"),
    "no rings": ({"type": "Polygon", "coordinates": []}, "no coordinates"),
    "no polygons": ({"type": "MultiPolygon", "coordinates": []}, "no coordinates"),
    "a polygon that is empty": ({"type": "MultiPolygon", "coordinates": [[SQUARE], []]}, "not a list of rings"),
    "a polygon that is null": ({"type": "MultiPolygon", "coordinates": [[SQUARE], None]}, "not a list of rings"),
    "one bad part": ({"type": "MultiPolygon", "coordinates": [[SQUARE], [[[0, 0], [1, 99], [1, 1]]]]}, "latitude"),
    "a level too few": ({"type": "Polygon", "coordinates": SQUARE}, "not a list of positions"),
    "a level too many": (polygon([SQUARE]), "not a list of two or more numbers"),
    "levels without end": (polygon([DEEP, DEEP, DEEP]), "not a list of two or more numbers"),
    "levels without end in positions": (
        polygon([[DEEP, 0], [1, 0], [1, 1], [[DEEP], 0]]),
        "not a list of two or more numbers",
    ),
    "a ring that is a text": (polygon("0 0, 1 1"), "not a list of positions"),
    "an empty ring": (polygon([]), "fewer than three corners"),
    "an empty hole": (polygon(SQUARE, []), "fewer than three corners"),
    "two corners": (polygon([[0, 0], [1, 1], [0, 0]]), "fewer than three corners"),
    "a text for a number": (polygon([["1", 0], [1, 1], [2, 0], ["1", 0]]), "not a list of two or more numbers"),
    "two letters for a position": (polygon(["12", "34", "56", "12"]), "not a list of positions"),
    "true for a number": (polygon([[True, 0], [2, 1], [2, 0], [True, 0]]), "not a list of two or more numbers"),
    "null for a number": (polygon([[None, 0], [1, 1], [2, 0], [None, 0]]), "not a list of two or more numbers"),
    "a number alone": (polygon([[0], [1, 1], [2, 0], [0]]), "not a list of two or more numbers"),
    "not a number": (polygon([[math.nan, 0], [1, 1], [2, 0], [math.nan, 0]]), "longitude beyond"),
    "infinite": (polygon([[0, 0], [1, -math.inf], [2, 0], [0, 0]]), "latitude beyond"),
    "a number past doubles": (polygon([[10**400, 0], [1, 1], [2, 0], [10**400, 0]]), "longitude beyond"),
    "far beyond the pole": (polygon([[0, 95], [1, 95], [1, 96], [0, 95]]), "latitude beyond"),
    "far around the globe": (polygon([[1e300, 0], [1, 0], [1, 1], [1e300, 0]]), "longitude beyond"),
    "millions of turns away": (polygon([[1e9, 0], [1e9 + 1, 0], [1e9 + 1, 1], [1e9, 0]]), "longitude beyond"),
    "just too far": (polygon([[540.001, 0], [539, 0], [539, 1], [540.001, 0]]), "longitude beyond"),
    "three times around": (_square(-540, 0, 540, 9), "edge of more than 360"),
    "twice around": (polygon([[x % 360, x / 90] for x in range(0, 721, 90)]), "more than once"),
    "wider than the globe": (polygon([[x, x / 9] for x in (0, 170, 340, 510)] + [[340, 9], [170, 0]]), "wide"),
    "around the globe on both sides of the equator": (
        polygon([[0, -10], [90, 10], [180, 60], [-90, 60]]),
        "unknown which pole",
    ),
    "around the globe on the equator": (polygon([[0, 0], [90, 0], [180, 0], [-90, 0]]), "unknown which pole"),
    "a hole past the outline": (
        polygon(*(_square(*sides)["coordinates"][0] for sides in ((170, 0, 190, 9), (188, 1, 195, 2)))),  # type: ignore[index]
        "hole",
    ),
    "no surface, across the antimeridian": (polygon([[179, 0], [-179, 0], [179, 0], [179, 0]]), "no surface"),
    "one place, a turn away": (polygon([[200, 0]] * 4), "no surface"),
    "ends that do not fit": (polygon([[0, 0], [360, 0], [360, 10], [0, 20], [0, 0]]), "do not fit"),
}


@pytest.mark.parametrize(("geometry", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_footprint_is_refused_at_once(geometry: Any, reason: str) -> None:
    start = time.monotonic()
    with pytest.raises(ValueError, match=f"^the footprint .*{reason}"):
        polygons_of(geometry)
    assert simple_footprints([geometry] * 2) is None
    assert time.monotonic() - start < 0.5


DEGREES = st.one_of(
    st.sampled_from([-540, -360, -180, -90, 0, 90, 180, 360, 540]),
    st.integers(-540, 540),
    st.floats(-540, 540),
    st.floats(),
    st.booleans(),
    st.none(),
)
LATITUDES = st.one_of(st.sampled_from([-90, 0, 1, 2, 90]), st.floats(-90, 90))
LINES = st.one_of(
    st.lists(st.tuples(st.sampled_from([-540, -360, -190, -180, -170, 0, 170, 180, 190, 360]), LATITUDES), min_size=3),
    st.lists(st.tuples(st.floats(-540, 540), LATITUDES), min_size=3),
    st.lists(st.tuples(DEGREES, DEGREES)),
)
RINGS = LINES.map(lambda positions: [list(position) for position in positions])
JSON = st.recursive(DEGREES | st.text(max_size=2), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(
    st.one_of(
        JSON,
        st.fixed_dictionaries({"type": JSON, "coordinates": JSON}),
        st.lists(RINGS, min_size=1, max_size=3).map(lambda rings: polygon(*rings)),
        st.lists(st.lists(RINGS, max_size=2), max_size=3).map(lambda p: {"type": "MultiPolygon", "coordinates": p}),
    )
)
def test_whatever_a_geometry_is_it_is_polygons_within_180_degrees_or_no_footprint(geometry: Any) -> None:
    try:
        polygons = polygons_of(geometry)
    except ValueError as error:
        assert str(error).startswith("the footprint ") and geometry is not None
        assert simple_footprints([geometry]) is None
        return
    assert bool(polygons) == (geometry is not None)
    for ring in (ring for rings in polygons for ring in rings):
        assert len(ring) >= 4 and ring[0] == ring[-1]
        assert all(-180 <= x <= 180 and -90 <= y <= 90 for x, y in ring)
    simple = simple_footprints([geometry])
    if simple is not None:
        assert simple == ([tuple(around_polygons(polygons))], [multipolygon_wkb(polygons)])


# ---- what is repaired ---------------------------------------------------------------------------------------


def test_a_ring_that_is_not_closed_is_closed() -> None:
    assert polygons_of(polygon([[0, 0], [1, 0], [1, 1]])) == [[[(0, 0), (1, 0), (1, 1), (0, 0)]]]
    assert polygons_of(polygon([[0, 0, 5], [1, 0, 5], [1, 1, 5], [0, 0, 6]])) == [[[(0, 0), (1, 0), (1, 1), (0, 0)]]]
    across = polygons_of(polygon([[170, 0], [-170, 0], [-170, 10]]))
    assert all(ring[0] == ring[-1] for rings in across for ring in rings)
    assert sum(Polygon(*rings).area for rings in across) == pytest.approx(100)


@pytest.mark.parametrize(
    "ring",
    [
        [[0, 0], [0, 0], [1, 0], [1, 0], [1, 1], [0, 0]],  # positions twice
        [[0, 0], [1, 1], [0, 0], [0, 0]],  # no surface
        [[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]],  # crosses itself
        [[-180, 0], [180, 0], [180, 9], [-180, 9], [-180, 0]],  # a box around the globe
        [[-180, -90], [0, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]],
    ],
)
def test_a_ring_within_180_degrees_is_kept_as_it_is(ring: list[list[float]]) -> None:
    ((found,),) = polygons_of(polygon(ring))
    kept = [tuple(position) for number, position in enumerate(ring)]
    assert found == kept


def expected(whole: shapely.Geometry) -> shapely.Geometry:
    """Return what lies within ±180° of a shape whose longitudes run on, and of all its copies a turn away."""
    turns = range(-3, 4)
    return shapely.union_all(
        [translate(whole.intersection(box(-180 - 360 * n, -90, 180 - 360 * n, 90)), 360 * n) for n in turns]
    )


def assert_covers(geometry: dict[str, Any], should: shapely.Geometry) -> None:
    parts = [Polygon(rings[0], rings[1:]) for rings in polygons_of(geometry)]
    for part in parts:
        assert part.is_valid, shapely.is_valid_reason(part)
        west, south, east, north = part.bounds
        assert -180 <= west and east <= 180 and -90 <= south and north <= 90
    whole = MultiPolygon(parts)
    assert whole.is_valid, shapely.is_valid_reason(whole)
    assert whole.symmetric_difference(should).area < 1e-6
    assert sum(part.area for part in parts) == pytest.approx(should.area, abs=1e-6)  # none lies over another


def wrapped(x: float) -> float:
    return x if abs(x) <= 180 else math.remainder(x, 360)


SPELLINGS: list[Callable[[float], float]] = [lambda x: x, wrapped, lambda x: x % 360]


def spelt(rings: list[list[tuple[float, float]]], spell: Callable[[float], float]) -> Optional[dict[str, Any]]:
    """Return a polygon with its longitudes written in one way, or None where they are out of reach in it."""
    written = polygon(*[[[spell(x), y] for x, y in ring] for ring in rings])
    return written if all(abs(x) <= 540 for ring in written["coordinates"] for x, _ in ring) else None


@given(
    x=st.one_of(st.floats(-400, 400), st.sampled_from([-180, 179.5, 180, 185, 360])),
    y=st.floats(-40, 40),
    wide=st.sampled_from([1, 10, 80, 120]),
    high=st.sampled_from([1, 20, 40]),
    corners=st.lists(st.tuples(st.floats(0.5, 1.5), st.floats(0.2, 1)), min_size=3, max_size=20),
    hole=st.sampled_from([0, 0.3, 0.8]),
)
def test_concave_rings_and_their_holes_are_cut_as_shapely_cuts_them(
    x: float, y: float, wide: float, high: float, corners: list[tuple[float, float]], hole: float
) -> None:
    total = sum(gap for gap, _ in corners)
    turned, rings = 0.0, [[], []]  # type: ignore[var-annotated]
    for gap, radius in corners:
        turned += 2 * math.pi * gap / total
        for ring, size in zip(rings, (1, hole)):
            ring.append((x + wide * size * radius * math.cos(turned), y + high * size * radius * math.sin(turned)))
    rings = rings[: 1 + bool(hole)]
    whole = Polygon(rings[0], rings[1:])
    assume(whole.is_valid and all(abs(a[0] - b[0]) < 180 for r in rings for a, b in zip(r, [*r[1:], r[0]])))
    for spell in SPELLINGS:
        geometry = spelt(rings, spell)
        if geometry is not None:
            assert_covers(geometry, expected(whole))
    if hole:  # outline and hole need not be of the same turn
        mixed = polygon(*(spelt([r], f)["coordinates"][0] for r, f in zip(rings, SPELLINGS[1:])))  # type: ignore[index]
        assert_covers(mixed, expected(whole))


@given(
    st.sets(st.tuples(st.integers(0, 7), st.integers(0, 5)), min_size=1),
    st.sampled_from([-180, 180, 532]),
    st.integers(0, 7),
    st.randoms(use_true_random=False),
    st.booleans(),
)
@example({(x, y) for x in range(3) for y in range(3)} - {(1, 1)}, 180, 1, Random(1), False)
@example({(2, 0), (2, 1), (2, 2), (2, 3), (3, 1)}, 180, 2, Random(1), True)
def test_edges_and_corners_on_the_antimeridian_make_no_invalid_parts(
    cells: set[tuple[int, int]], meridian: float, column: int, chance: Any, on_end: bool
) -> None:
    """Squares put together: holes that touch the outline, each other and the antimeridian.

    Those that stand on end touch the antimeridian with single corners, from either side of it.
    """
    west = meridian - column
    union = shapely.union_all([box(west + x, y, west + x + 1, y + 1) for x, y in cells])
    if on_end:
        union = affine_transform(union, (0.5, -0.5, 0.5, 0.5, meridian / 2, -meridian / 2))
    for whole in shapely.get_parts(union):
        rings = [list(ring.coords) for ring in (whole.exterior, *whole.interiors)]
        for spell in [*SPELLINGS, lambda x: chance.choice([-180, 180]) if abs(wrapped(x)) == 180 else wrapped(x)]:
            geometry = spelt(rings, spell)
            if geometry is not None:
                assert_covers(geometry, expected(whole))


@given(
    st.lists(st.tuples(st.floats(0.5, 1.5), st.floats(20, 88), st.booleans()), min_size=4, max_size=20),
    st.one_of(st.floats(-180, 180), st.sampled_from([-180, 0, 180])),
    st.booleans(),
    st.booleans(),
    st.sampled_from(SPELLINGS[1:]),
)
def test_a_ring_around_a_pole_is_completed_over_it(
    corners: list[tuple[float, float, bool]], start: float, south: bool, back: bool, spell: Callable[[float], float]
) -> None:
    total, x = sum(gap for gap, _, _ in corners), start
    ring = []
    for gap, y, wiggles in corners:
        ring.append((x, y))
        if wiggles:  # there and back, so that the ring crosses a meridian more than once
            ring += [(x + 15, y + 0.5), (x - 10, y + 1)]
        x += 360 * gap / total
    long = [(x + 360 * n, y) for n in range(-2, 4) for x, y in ring]
    cap = Polygon([*long, (long[-1][0], 90), (long[0][0], 90)])
    assume(cap.is_valid and all(abs(a[0] - b[0]) < 179 for a, b in zip(long, long[1:])))
    should = cap.intersection(box(-180, 0, 180, 90))
    written = [[spell(x), -y if south else y] for x, y in (ring[::-1] if back else ring)]
    assert_covers(polygon(written), scale(should, 1, -1, origin=(0, 0)) if south else should)


AROUND = [[0, 80], [90, 80], [180, 80], [-90, 80]]
CAP = box(-180, 80, 180, 90)
BAND = box(-180, -20, 180, 30)


def ring_of(*sides: float) -> Any:
    return _square(*sides)["coordinates"][0]  # type: ignore[index]


@pytest.mark.parametrize(
    ("rings", "should"),
    [
        ([AROUND], CAP),
        ([[[-180, 80], [-90, 80], [0, 80], [90, 80], [180, 80], [-180, 80]]], CAP),  # both names of one place
        ([[[-180, 90], [-180, 80], [0, 80], [180, 80], [180, 90]]], CAP),  # with the pole in it
        ([ring_of(0, -90, 360, 90)], box(-180, -90, 180, 90)),
        ([ring_of(10, -20, 370, 30)], BAND),
        ([ring_of(-180, -20, 180, 30), ring_of(170, 0, -170, 9)], BAND - box(170, 0, 180, 9) - box(-180, 0, -170, 9)),
        ([ring_of(0, -20, 360, 30), ring_of(170, 0, 190, 9)], BAND - box(170, 0, 180, 9) - box(-180, 0, -170, 9)),
        ([ring_of(0, -20, 360, 30), ring_of(-10, 0, 10, 9)], BAND - box(-10, 0, 10, 9)),
        ([ring_of(-180, 0, 180, 90), AROUND], box(-180, 0, 180, 80)),
        ([[[x, 60] for x, _ in AROUND], AROUND], box(-180, 60, 180, 80)),
        ([ring_of(170, 0, -170, 9), ring_of(175, 1, 185, 2)], box(170, 0, 190, 9) - box(175, 1, 185, 2)),
        ([ring_of(170, 0, -170, 9), ring_of(172, 1, 174, 2)], box(170, 0, 190, 9) - box(172, 1, 174, 2)),
        ([ring_of(-185, 0, -175, 9)], box(175, 0, 185, 9)),
        ([ring_of(500, 0, 540, 9)], box(140, 0, 180, 9)),
        ([ring_of(180, 0, 190, 9)], box(-180, 0, -170, 9)),
        (
            [[[170, 0], [180, 0], [-180, 0], [-170, 0], [-170, 9], [-180, 9], [180, 9], [170, 9]]],
            box(170, 0, 190, 9),
        ),
    ],
)
def test_polygons_all_around_the_globe_and_holes_across_the_antimeridian(
    rings: list[Any], should: shapely.Geometry
) -> None:
    assert_covers(polygon(*rings), expected(should))


@pytest.mark.parametrize(
    "ring",
    [
        [[180 + (1 if i % 2 else -1), i * 1e-3] for i in range(50_000)] + [[170, 50], [170, 0]],  # to and fro
        [[170, 0]] + [[190 - 20 * (i % 2), 0] for i in range(50_000)] + [[170, 5]],  # all in one place
        [[170 - (i % 3) * 120, i * 1e-4] for i in range(50_000)],  # around and around
    ],
)
def test_long_rings_take_no_time(ring: list[list[float]]) -> None:
    start = time.monotonic()
    try:
        polygons_of(polygon(ring))
    except ValueError:
        pass
    assert time.monotonic() - start < 5


def test_an_outline_that_crosses_itself_keeps_all_its_ground() -> None:
    lobes = MultiPolygon([Polygon([(170, 0), (180, 5), (170, 10)]), Polygon([(-170, 0), (-180, 5), (-170, 10)])])
    assert_covers(polygon([[170, 0], [190, 10], [190, 0], [170, 10]]), lobes)


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


@given(west=st.integers(-2200, 2200), width=st.integers(0, 900), south=st.integers(-90, 89))
def test_a_box_is_read_in_any_turn(west: int, width: int, south: int) -> None:
    """Quarters of degrees, so that nothing is rounded."""
    w, e = west / 4, (west + width) / 4
    text = f"{w},{south},{e},{south + 1}"
    if max(abs(w), abs(e)) > 540:
        with pytest.raises(ValueError, match="longitudes lie within -540 and 540"):
            Box.parse(text)
        return
    read = Box.parse(text)
    assert -180 <= read.west <= 180 and -180 <= read.east <= 180
    should = expected(box(w, south, e, south + 1))
    if width:
        assert _shape(read).symmetric_difference(should).area == 0
        assert shapely.from_wkt(read.wkt()).equals(_shape(read))
    else:
        assert read.west == read.east and (read.west - w) % 360 == 0


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("179.99,8,180.01,9", "179.99,8,-179.99,9"),
        ("185,8,186,9", "-175,8,-174,9"),
        ("180,8,190,9", "-180,8,-170,9"),
        ("-190,8,-180,9", "170,8,180,9"),
        ("0,8,360,9", "-180,8,180,9"),
        ("190,8,-170,9", "-170,8,-170,9"),
        ("179.99999999999997,8,181,9", "179.99999999999997,8,-179,9"),
    ],
)
def test_a_box_a_turn_away_is_the_same_box(text: str, same: str) -> None:
    assert Box.parse(text) == Box.parse(same)


@pytest.mark.parametrize("west", [180, -180])
@pytest.mark.parametrize("east", [180, -180])
def test_a_box_without_width_on_the_antimeridian_lies_on_both_sides(west: int, east: int) -> None:
    for north, kind in ((9, "MultiPoint"), (10, "MultiLineString")):
        area = Box.parse(f"{west},9,{east},{north}")
        if west < east:  # around the globe
            assert area == Box(-180, 9, 180, north) and len(area.parts()) == 1
            continue
        written = shapely.from_wkt(area.wkt())
        assert written.geom_type == kind and written.bounds == (-180, 9, 180, north)
        assert area.touches(Box(179, 8, 180, 11)) and area.touches(Box(-180, 8, -179, 11))
        assert not area.touches(Box(-179, 8, 179, 11))


def test_a_box_without_size_is_a_point_or_a_line() -> None:
    assert shapely.from_wkt(Box(1, 2, 1, 2).wkt()).geom_type == "Point"
    assert shapely.from_wkt(Box(1, 2, 3, 2).wkt()).geom_type == "LineString"
