"""Areas mean what shapely makes of them, and none costs more than a bounded time, whatever its outline."""

from __future__ import annotations

import json
import math
import time
from typing import Any, Callable, Iterator, List

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from shapely.geometry.base import BaseGeometry

from planet_vector.server.http_errors import HttpError
from planet_vector.server.index import searched_area as areas
from planet_vector.server.index import valid_outlines
from planet_vector.server.index.searched_area import Area
from planet_vector.server.jobs import Jobs

LIMIT = 10.0  # seconds; five times what the worst accepted area takes


@pytest.fixture(autouse=True, scope="module")
def processes() -> Iterator[None]:
    """Give the module processes of its own, which end with it."""
    with pytest.MonkeyPatch.context() as patch, Jobs(2, seconds=areas.SECONDS, megabytes=500) as jobs:
        patch.setattr(areas, "JOBS", jobs)
        yield


def closed(positions: Any) -> np.ndarray:
    positions = np.asarray(positions, dtype=float)
    return np.concatenate([positions, positions[:1]])


def star(points: int, step: int) -> BaseGeometry:
    """Return a polygon whose edges all cross each other."""
    turn = np.arange(points) * step * 2 * math.pi / points
    return shapely.polygons(closed(np.c_[40 * np.cos(turn), 40 * np.sin(turn)]))


def scribble(points: int) -> BaseGeometry:
    return shapely.polygons(closed(np.random.default_rng(3).uniform(-80, 80, (points, 2))))


def comb(teeth: int, turned: bool = False) -> BaseGeometry:
    """Return a zigzag band; turned, the boxes of all its edges overlap."""
    x = np.linspace(-80, 80, teeth)
    y = 80.0 * (-1) ** np.arange(teeth)
    band = closed(np.r_[np.c_[x, y], np.c_[x + 0.1 / teeth, y][::-1]])
    return shapely.polygons(band @ np.array([[0.5, -0.5], [0.5, 0.5]]) if turned else band)


def nested(squares: int) -> BaseGeometry:
    half = np.linspace(1, 80, squares)
    return shapely.multipolygons(shapely.box(-half, -half, half, half))


def overlapping(boxes: int) -> BaseGeometry:
    low = np.random.default_rng(4).uniform(-60, 0, (boxes, 2))
    return shapely.geometrycollections(shapely.box(*low.T, *(low + 50).T))


def spikes(count: int) -> BaseGeometry:
    turn = np.linspace(0, 2 * math.pi, count, endpoint=False)
    inner, outer = (radius * np.c_[np.cos(turn), np.sin(turn)] for radius in (40, 60))
    return shapely.polygons(closed(np.stack([inner, outer, inner], axis=1).reshape(-1, 2)))


def bowties(count: int, kind: Callable[[Any], BaseGeometry]) -> BaseGeometry:
    side = math.ceil(count**0.5)
    corners = [(x * 150 / side - 75, y * 150 / side - 75) for x in range(side) for y in range(side)][:count]
    size = 60 / side
    return kind(
        [shapely.polygons([(x, y), (x + size, y + size), (x + size, y), (x, y + size), (x, y)]) for x, y in corners]
    )


HOSTILE = {
    "1.7 kB": star(101, 50),
    "7 kB": star(401, 200),
    "scribble": scribble(500),
    "comb": comb(20_000),
    "turned comb": comb(20_000, turned=True),
    "turned comb of few": comb(240, turned=True),
    "nested": nested(10_000),
    "overlapping": overlapping(10_000),
    "same": shapely.multipolygons([shapely.box(0, 0, 9, 9)] * 9_000),
    "spikes": spikes(16_000),
    "spiky star": shapely.polygons([*shapely.get_coordinates(star(75, 37)), (0, 80), (40, 0)]),
    "bowties": bowties(9_990, shapely.multipolygons),
    "bowties apart": bowties(9_990, shapely.geometrycollections),
    "points": shapely.multipoints(np.random.default_rng(5).uniform(-80, 80, (50_000, 2))),
    "points apart": shapely.geometrycollections(shapely.points(np.random.default_rng(5).uniform(-80, 80, (50_000, 2)))),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_outline_costs_more_than_a_bounded_time(name: str) -> None:
    for shift in (0.0, 170.0):
        outline = shapely.transform(HOSTILE[name], lambda p, shift=shift: p + [shift, 0])
        text = shapely.to_geojson(outline)
        start = time.monotonic()
        try:
            area = Area(text)
            area.intersects([shapely.to_wkb(shapely.box(x, 1, x + 1, 2)) for x in range(-170, 170)])
        except HttpError as refusal:
            assert refusal.status == 400
            assert "make it valid first" in refusal.message or "simplify" in refusal.message
        assert time.monotonic() - start < LIMIT


def test_what_crosses_itself_often_is_answered_and_what_does_so_too_often_refused() -> None:
    # 4949 crossings: GEOS takes seconds for it.
    found = Area(star(101, 50).wkt).geometry
    points = shapely.points(np.random.default_rng(1).uniform(-40, 40, (4000, 2)))
    assert (shapely.intersects(found, points) == inside_by_parity(star(101, 50), points)).all()
    with pytest.raises(HttpError, match="crosses or touches itself at more than 10000 places"):
        Area(star(401, 200).wkt)


def test_what_is_refused_depends_on_the_outline_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("it was made valid")

    monkeypatch.setattr(valid_outlines, "make_valid", never)
    monkeypatch.setattr(areas, "make_valid", never)
    for name in ("7 kB", "scribble", "turned comb", "nested", "overlapping", "same", "spikes"):
        with pytest.raises(HttpError):
            areas.make_ready(shapely.to_wkt(HOSTILE[name]))


def test_an_area_that_needs_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = Jobs(1, seconds=0.01, megabytes=500)
    monkeypatch.setattr(areas, "JOBS", jobs)
    text = shapely.transform(HOSTILE["comb"], lambda p: p + [0, 0.125]).wkt
    with jobs, pytest.raises(HttpError, match="took longer than 0.01 s; simplify or divide it"):
        Area(text)


def test_the_area_of_every_page_is_made_ready_once(monkeypatch: pytest.MonkeyPatch) -> None:
    text = scribble(180).wkt
    first = Area(text)
    monkeypatch.setattr(areas, "JOBS", None)
    again = Area(text)
    assert shapely.equals_exact(first.geometry, again.geometry)
    assert first.geometry is not again.geometry  # a prepared geometry is for one thread at a time


def test_areas_kept_are_bounded() -> None:
    kept = areas._AreaCache(100)
    for number in range(20):
        kept.put(bytes([number]), bytes(30))
    assert [kept.get(bytes([number])) is not None for number in range(20)] == [False] * 17 + [True] * 3
    kept.put(b"large", bytes(200))
    assert kept.get(b"large") is None


def inside_by_parity(polygon: BaseGeometry, points: np.ndarray) -> np.ndarray:
    """Return which points lie behind an odd number of edges."""
    ring = shapely.get_coordinates(polygon)
    x, y = shapely.get_coordinates(points).T[:, :, None]
    (ax, ay), (bx, by) = ring[:-1].T, ring[1:].T
    with np.errstate(divide="ignore", invalid="ignore"):
        crossed = ((ay > y) != (by > y)) & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
    return np.asarray(crossed.sum(axis=1) % 2 == 1)


def meaning(geometry: BaseGeometry) -> BaseGeometry:
    """Return what an area means, as shapely alone makes it."""
    bands = [(shapely.box(-180 + turn, -90, 180 + turn, 90), turn) for turn in (-360, 0, 360)]
    found = []
    for part in shapely.get_parts(united(geometry)):
        for band, turn in bands:
            pieces = shapely.get_parts(shapely.intersection(part, band))
            # What has an edge or an end on the antimeridian has it on its own side; what lies there is on both.
            pieces = pieces[shapely.get_dimensions(pieces) == shapely.get_dimensions(part)]
            found += list(shapely.transform(pieces, lambda p, t=turn: p - [t, 0]))
    return shapely.union_all(found)


def united(geometry: BaseGeometry) -> BaseGeometry:
    if geometry.geom_type == "GeometryCollection":
        return shapely.union_all([united(part) for part in shapely.get_parts(geometry)])
    valid = shapely.make_valid(geometry)
    return shapely.union_all(shapely.get_parts(valid)) if valid.geom_type == "GeometryCollection" else valid


# Positions of a small grid lie on each other's lines, and run along them, again and again.
GRID = st.tuples(st.integers(0, 9), st.integers(0, 9))


PLACES = st.integers(-80_000, 80_000).map(lambda number: number / 1000)


@st.composite
def rings(draw: st.DrawFn, most: int = 30) -> List[Any]:
    found = draw(st.lists(GRID, min_size=3, max_size=most))
    return [*found, found[0]]


@st.composite
def outlines_of_a_grid(draw: st.DrawFn) -> BaseGeometry:
    polygon = st.builds(lambda shell, holes: shapely.Polygon(shell, holes), rings(), st.lists(rings(6), max_size=2))
    line = st.builds(shapely.LineString, st.lists(GRID, min_size=2, max_size=6))
    point = st.builds(shapely.Point, GRID)
    many = st.builds(shapely.MultiPolygon, st.lists(polygon, min_size=1, max_size=4))
    lines = st.builds(shapely.MultiLineString, st.lists(line, min_size=1, max_size=3))
    single = st.one_of(polygon, many, line, lines, point)
    together = st.builds(shapely.GeometryCollection, st.lists(single, min_size=1, max_size=4))
    found = draw(st.one_of(polygon, many, single, together))
    shift = draw(st.sampled_from([0.0, -4.0, 175.0, -185.0]))
    return shapely.transform(found, lambda p: p + [shift, 0])


@pytest.mark.long
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(outline=outlines_of_a_grid())
def test_an_area_means_what_shapely_makes_of_it(outline: BaseGeometry) -> None:
    try:
        wanted = meaning(outline)
    except shapely.errors.GEOSException:
        assume(False)  # GEOS makes nothing of some collections and rings without extent
    assume(not wanted.is_empty)
    text = shapely.to_wkt(outline, rounding_precision=-1)
    try:
        both = (Area(text).geometry, shapely.from_wkb(areas.make_ready(text)))
    except HttpError as refusal:
        assert "make it valid first" in refusal.message
        assume(False)
    for found in both:
        assert found.is_valid
        assert shapely.symmetric_difference(found, wanted).area < 1e-9
        assert shapely.hausdorff_distance(found, wanted) < 1e-6


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(ring=st.lists(st.tuples(PLACES, PLACES), min_size=3, max_size=60))
def test_an_outline_anywhere_means_what_shapely_makes_of_it(ring: List[Any]) -> None:
    outline = shapely.Polygon([*ring, ring[0]])
    try:
        found = shapely.from_wkb(areas.make_ready(json.dumps(shapely.geometry.mapping(outline))))
    except HttpError:
        assume(False)
    wanted = meaning(outline)
    assert shapely.symmetric_difference(found, wanted).area < 1e-6
    assert shapely.hausdorff_distance(found, wanted) < 1e-6


POINT_RING = "(79 40,79 40,79 40,79 40,79 40)"


@pytest.mark.parametrize(
    "outline",
    [
        f"POLYGON({POINT_RING})",
        f"POLYGON(({', '.join(['79 40'] * 60)}))",
        f"MULTIPOLYGON(({POINT_RING}),((0 0,9 0,9 9,0 9,0 0)))",
        f"POLYGON((0 0,9 0,0 9,9 9,0 0),{POINT_RING})",
        f"GEOMETRYCOLLECTION(LINESTRING(0 0,10 10,3 4),POLYGON({POINT_RING}))",
        "POLYGON((0 0,9 9,0 0,9 9,0 0))",
        "MULTILINESTRING((5 5,5 5),(0 0,1 1))",
    ],
)
def test_rings_without_extent_are_answered_or_refused(outline: str) -> None:
    try:
        area = Area(outline)
    except HttpError as refusal:
        assert refusal.status == 400 and "make it valid first" in refusal.message
    else:
        assert area.geometry.is_valid


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_rings_of_few_places_end_in_no_fault(data: st.DataObject) -> None:
    """Positions that repeat make rings of no extent, doubled edges and spikes."""
    places = st.tuples(st.integers(0, 2), st.integers(0, 2))
    rings = data.draw(st.lists(st.lists(places, min_size=3, max_size=60), min_size=1, max_size=3))
    texts = ["({})".format(",".join(f"{x} {y}" for x, y in [*ring, ring[0]])) for ring in rings]
    parts = ",".join(f"({text})" for text in texts)
    for outline in (f"POLYGON({','.join(texts)})", f"MULTIPOLYGON({parts})"):
        try:
            assert Area(outline).geometry.is_valid
        except HttpError as refusal:
            assert refusal.status == 400


@pytest.mark.parametrize("area", ["LINESTRING(-180 0,540 0)", "MULTILINESTRING((-540 0,540 0),(0 0,1 1))"])
def test_a_line_that_goes_around_to_where_it_began_is_refused(area: str) -> None:
    with pytest.raises(HttpError, match="has no length when its edges are read the short way"):
        Area(area)
