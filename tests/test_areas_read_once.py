"""An area that crosses the antimeridian is one area, whoever reads it, and it is told that it crosses."""

from __future__ import annotations

import json
import math
import warnings
from typing import Any, Callable, List, Tuple

import pytest
import requests

pytest.importorskip("shapely")
import shapely  # noqa: E402
import shapely.affinity  # noqa: E402
import shapely.geometry  # noqa: E402
from hypothesis import assume, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from planet_vector.errors import AreaWarning, QueryError  # noqa: E402
from planet_vector.geometry.areas import read_text  # noqa: E402
from planet_vector.geometry.boxes import Box
from planet_vector.query import Query  # noqa: E402
from planet_vector.server.index.searched_area import Area  # noqa: E402
from tests.schemas import ORTHO

from .conftest import Start  # noqa: E402

Run = Callable[..., Any]

SHORT = "POLYGON((179 -1,-179 -1,-179 1,179 1,179 -1))"
RUNNING_ON = "POLYGON((179 -1,181 -1,181 1,179 1,179 -1))"
LONG = "POLYGON((179 -1,0 -1,-179 -1,-179 1,0 1,179 1,179 -1))"
TWO_DEGREES = shapely.union(shapely.box(179, -1, 180, 1), shapely.box(-180, -1, -179, 1))


def shape(text: str) -> Any:
    return shapely.from_geojson(text) if text.startswith("{") else shapely.from_wkt(text)


def same(one: Any, other: Any) -> bool:
    return bool(shapely.symmetric_difference(one, other).area < 1e-9)


def sent(text: str) -> Any:
    """Return the area that a client sends for an area, as a plane has it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AreaWarning)
        query = Query.parse(ORTHO, [("intersects", text)])
    return shape(dict(query.parameters)["intersects"])


READ: List[Tuple[str, Any]] = [
    (SHORT, TWO_DEGREES),
    (RUNNING_ON, TWO_DEGREES),
    ("POLYGON((-181 -1,-179 -1,-179 1,-181 1,-181 -1))", TWO_DEGREES),
    ("MULTIPOLYGON(((179 -1,180 -1,180 1,179 1,179 -1)),((-180 -1,-179 -1,-179 1,-180 1,-180 -1)))", TWO_DEGREES),
    (shapely.to_geojson(shapely.from_wkt(SHORT)), TWO_DEGREES),
    (json.dumps({"type": "Feature", "geometry": json.loads(shapely.to_geojson(shapely.from_wkt(SHORT)))}), TWO_DEGREES),
    ("GEOMETRYCOLLECTION(" + SHORT + ")", TWO_DEGREES),
    ("SRID=4326;" + SHORT, TWO_DEGREES),
    (LONG, shapely.box(-179, -1, 179, 1)),
    # The whole width of the globe, by edges of 360°, or with places between.
    ("POLYGON((-180 -1,180 -1,180 1,-180 1,-180 -1))", shapely.box(-180, -1, 180, 1)),
    ("POLYGON((-180 -1,0 -1,180 -1,180 1,0 1,-180 1,-180 -1))", shapely.box(-180, -1, 180, 1)),
    ("POLYGON((-180 -90,180 -90,180 90,-180 90,-180 -90))", shapely.box(-180, -90, 180, 90)),
    # Around the north pole.
    ("POLYGON((0 80,90 80,180 80,-90 80,0 80))", shapely.box(-180, 80, 180, 90)),
    (
        "POLYGON((170 -9,-170 -9,-170 9,170 9,170 -9),(179 -1,179 1,-179 1,-179 -1,179 -1))",
        shapely.union(shapely.box(170, -9, 180, 9), shapely.box(-180, -9, -170, 9)).difference(TWO_DEGREES),
    ),
]


@pytest.mark.parametrize(("text", "ground"), READ)
def test_client_and_server_read_an_area_alike(text: str, ground: Any) -> None:
    assert same(Area(text).geometry, ground)
    asked = sent(text)
    west, _, east, _ = asked.bounds
    assert -180 <= west and east <= 180
    parts = shapely.get_parts(asked)
    assert sum(part.area for part in shapely.get_parts(parts)) == pytest.approx(ground.area)
    assert same(Area(shapely.to_geojson(asked)).geometry, ground)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("LINESTRING(170 0,-170 10)", ["LINESTRING(170 0,180 5)", "LINESTRING(-180 5,-170 10)"]),
        ("LINESTRING(170 0,190 10)", ["LINESTRING(170 0,180 5)", "LINESTRING(-180 5,-170 10)"]),
        ("LINESTRING(-170 10,170 0)", ["LINESTRING(-170 10,-180 5)", "LINESTRING(180 5,170 0)"]),
        ("LINESTRING(170 0,180 5,-180 5,-170 10)", ["LINESTRING(170 0,180 5)", "LINESTRING(-180 5,-170 10)"]),
        ("LINESTRING(-180 5,180 5)", ["LINESTRING(-180 5,180 5)"]),
        ("POINT(190 3)", ["POINT(-170 3)"]),
        ("MULTIPOINT((190 3),(1 2))", ["POINT(-170 3)", "POINT(1 2)"]),
    ],
)
def test_lines_and_points_cross_too(text: str, pieces: List[str]) -> None:
    wanted = shapely.union_all(shapely.from_wkt(pieces))
    assert shapely.hausdorff_distance(sent(text), wanted) < 1e-9
    assert shapely.hausdorff_distance(Area(text).geometry, wanted) < 1e-9


@pytest.mark.parametrize("west", [-180.0, -170.0, -91.0])
@pytest.mark.parametrize("south", [-1.0, 1.0])
def test_a_box_of_more_than_half_the_globe_is_what_it_says(west: float, south: float) -> None:
    box = Box(west, south, -west, 1.0)
    found = Area(box.wkt()).geometry
    assert found.bounds == (west, south, -west, 1.0)
    assert found.length == pytest.approx(2 * -west if south == 1 else 4 * -west + 4)
    assert read_text(box.wkt()).told == ""


@st.composite
def outlines(draw: Any) -> Any:
    """Draw a star-shaped polygon about any place of the antimeridian, with or without a hole, in running longitudes."""
    count = draw(st.integers(3, 12))
    x, y = draw(st.floats(-200, 200)), draw(st.floats(-30, 30))
    wide, high = draw(st.floats(0.5, 80)), draw(st.floats(0.5, 40))
    radii = draw(st.lists(st.floats(0.3, 1), min_size=count, max_size=count))
    turns = [2 * math.pi * number / count for number in range(count)]
    outer = [(x + wide * r * math.cos(t), y + high * r * math.sin(t)) for r, t in zip(radii, turns)]
    inner = [(x + (u - x) * 0.4, y + (v - y) * 0.4) for u, v in outer]
    return shapely.Polygon(outer, [inner] if draw(st.booleans()) else [])


def bands(ground: Any) -> Any:
    """Return what lies in each turn of the globe, moved within ±180°: what shapely alone makes of it."""
    pieces = [
        shapely.affinity.translate(ground.intersection(shapely.box(360 * n - 180, -90, 360 * n + 180, 90)), -360 * n)
        for n in (-1, 0, 1)
    ]
    return shapely.union_all(pieces)


@settings(max_examples=150, deadline=None)
@given(outlines(), st.booleans())
def test_any_outline_is_read_as_it_lies_on_the_globe(ground: Any, as_wkt: bool) -> None:
    assume(ground.is_valid)
    steps = [abs(a[0] - b[0]) for r in (ground.exterior, *ground.interiors) for a, b in zip(r.coords, r.coords[1:])]
    assume(max(steps) < 179)
    written = shapely.transform(
        ground, lambda p: [[x if -180 <= x <= 180 else math.remainder(x, 360), y] for x, y in p.tolist()]
    )
    text = shapely.to_wkt(written, rounding_precision=-1) if as_wkt else shapely.to_geojson(written)
    wanted = bands(ground)
    assert shapely.symmetric_difference(sent(text), wanted).area < 1e-6
    assert shapely.symmetric_difference(Area(text).geometry, wanted).area < 1e-6


def test_what_cannot_be_read_is_for_the_service_to_judge() -> None:
    for text in ("POLYGON((1 2", "POLYGON EMPTY", "POLYGON((a b,c d))", '{"type": "Polygon", "coordinates": "x"}'):
        assert read_text(text).text == text


def test_what_can_only_be_guessed_is_an_error_for_both() -> None:
    around = "POLYGON((-120 -50,100 -40,150 10,20 65,-100 50,-120 -50))"
    with pytest.raises(QueryError, match="unknown which pole it contains; give edges of more than 180"):
        Query.parse(ORTHO, [("intersects", around)])
    with pytest.raises(Exception, match="unknown which pole it contains; give edges of more than 180"):
        Area(around)


def test_a_program_is_warned_and_only_of_what_crosses() -> None:
    with pytest.warns(AreaWarning, match="edge from 179 to -179 is read the short way, 2°"):
        query = Query.parse(ORTHO, [("intersects", SHORT)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert query.where(area=None) == query  # as it is kept, it does not cross
        Query.parse(ORTHO, [("intersects", LONG)])
        Query.parse(ORTHO, [("bbox", "179,-1,-179,1")])
    with pytest.warns(AreaWarning, match="beyond ±180°"):
        assert Query(ORTHO, area=RUNNING_ON).parameters == query.parameters


def test_commands_read_it_alike_and_tell_it_once(run: Run, start_service: Start, tmp_path: Any) -> None:
    scenes = {
        "greenwich": shapely.box(-1, -0.5, 1, 0.5),
        "east": shapely.box(179.2, -0.5, 179.8, 0.5),
        "west": shapely.box(-179.8, -0.5, -179.2, 0.5),
    }
    features = [
        {"type": "Feature", "id": f"2015060{n}_100000_0b0a", "geometry": shapely.geometry.mapping(box),
         "properties": {"acquired": f"2015-06-0{n}T10:00:00Z", "place": name}}
        for n, (name, box) in enumerate(scenes.items(), 1)
    ]  # fmt: skip
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "scenes.geojsonl").write_text("\n".join(json.dumps(feature) for feature in features))
    env = start_service(folder).environ
    for area in (SHORT, RUNNING_ON, shapely.to_geojson(shapely.from_wkt(SHORT))):
        found = run("planet-vector", "search", area, env=env)
        assert sorted(json.loads(line)["properties"]["place"] for line in found.stdout.splitlines()) == ["east", "west"]
        assert found.stderr.count("The area crosses the antimeridian") == 1 and found.stderr.count("\n") == 1
        counted = run("planet-vector", "count", area, env=env)
        assert counted.stdout.split()[0] == "2"
        rectangle = run("planet-vector", "rectangle", area)
        ground = shapely.geometry.shape(json.loads(rectangle.stdout)["geometry"])
        assert ground.area == pytest.approx(4, rel=1e-3)
        assert rectangle.stderr.count("The area crosses the antimeridian") == 1
    everything = run("planet-vector", "search", LONG, env=env)
    assert len(everything.stdout.splitlines()) == 1 and "crosses" not in everything.stderr
    wide = run("planet-vector", "search", "--bbox", "-179,-1,179,1", env=env)
    assert [json.loads(line)["properties"]["place"] for line in wide.stdout.splitlines()].count("greenwich") == 1


# ---- ±180° is one place ----------------------------------------------------------------------------------

BOTH = "MULTIPOINT(180 9,-180 9)"
BOTH_LINES = "MULTILINESTRING((180 8,180 10),(-180 8,-180 10))"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("POINT (180 9)", BOTH),
        ("POINT (-180 9)", BOTH),
        ("POINT (540 9)", BOTH),
        ("POINT Z (180 9 5)", BOTH),
        ('{"type":"Feature","properties":{},"geometry":{"type":"Point","coordinates":[180,9]}}', BOTH),
        ("MULTIPOINT ((180 9), (0 1))", "MULTIPOINT(180 9,-180 9,0 1)"),
        (BOTH, BOTH),
        ("LINESTRING (180 8, 180 10)", BOTH_LINES),
        ("LINESTRING (-180 10, -180 8)", BOTH_LINES),
        ("LINESTRING (540 8, 540 10)", BOTH_LINES),
        ("LINESTRING (180 8, -180 10)", BOTH_LINES),
        ("LINESTRING (170 8, 180 8, 180 10)", "MULTILINESTRING((170 8,180 8,180 10),(-180 8,-180 10))"),
        ("LINESTRING (170 8, 180 8)", "LINESTRING (170 8, 180 8)"),
        ("POLYGON((170 0,180 0,180 9,170 9,170 0))", "POLYGON((170 0,180 0,180 9,170 9,170 0))"),
        ("POLYGON((180 0,190 0,190 9,180 9,180 0))", "POLYGON((-180 0,-170 0,-170 9,-180 9,-180 0))"),
    ],
)
def test_what_lies_at_180_is_asked_for_on_both_sides_and_a_polygons_edge_is_not(text: str, expected: str) -> None:
    client = sent(text)
    server = Area(text).geometry
    assert client.equals(shape(expected)) and server.equals(shape(expected))
    assert sent(client.wkt).equals(client)


@pytest.mark.parametrize("text", ["POINT(180 9)", "LINESTRING(180 8,180 10)", "POINT(-180 9)"])
def test_nothing_is_told_of_what_lies_at_180(text: str) -> None:
    assert read_text(text).told == ""


@pytest.mark.parametrize("text", ["POINT(181 9)", "LINESTRING(181 9,182 9)", "POLYGON((181 0,182 0,182 1,181 0))"])
def test_what_lies_beyond_is_not_said_to_cross(text: str) -> None:
    told = read_text(text).told
    assert "beyond ±180°" in told and "181 is -179" in told and "crosses" not in told


@pytest.mark.parametrize(
    "text", ["POLYGON((541 0,542 0,542 1,541 1,541 0))", "POINT(541 0)", "LINESTRING(0 0,-541 0)", "POINT(1e20 0)"]
)
def test_what_lies_more_than_a_turn_beyond_is_refused_for_that(text: str) -> None:
    with pytest.raises(QueryError, match="has the longitude .*from -540 to 540"):
        Query.parse(ORTHO, [("intersects", text)])


@pytest.mark.parametrize("text", ["POLYGON EMPTY", "MULTIPOINT Z EMPTY", "SRID=4326;GEOMETRYCOLLECTION EMPTY"])
def test_an_empty_area_is_said_to_be_empty(text: str) -> None:
    with pytest.raises(QueryError, match="the area is empty"):
        Query.parse(ORTHO, [("intersects", text)])


def test_searches_at_180_find_the_scenes_of_both_sides(start_service: Start, run: Run, tmp_path: Any) -> None:
    west_of_it, east_of_it = shapely.box(179.5, 8.5, 180, 9.5), shapely.box(-180, 8.5, -179.5, 9.5)
    features = [
        {"type": "Feature", "id": f"2015060{n}_100000_0b0a", "geometry": shapely.geometry.mapping(ground),
         "properties": {"acquired": f"2015-06-0{n}T10:00:00Z"}}
        for n, ground in enumerate((west_of_it, east_of_it, shapely.box(0, 8.5, 1, 9.5)), 1)
    ]  # fmt: skip
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "scenes.geojsonl").write_text("\n".join(json.dumps(feature) for feature in features))
    service = start_service(folder)
    areas = ["POINT (180 9)", "POINT (-180 9)", "MULTIPOINT ((180 9))", "LINESTRING (180 8, 180 10)",
             "LINESTRING (-180 8, -180 10)"]  # fmt: skip
    for area in areas:
        # As clients by others ask, who send the area as it is.
        found = requests.get(
            f"{service.url.rstrip('/')}/scenes/ortho/", params={"intersects": area}, auth=(service.key, ""), timeout=30
        )
        assert len(found.json()["features"]) == 2, area
    places = [[area] for area in areas]
    places += [[f"--bbox={box}"] for box in ("180,8,180,10", "-180,8,-180,10", "180,8,-180,10", "179.9,8.9,180.1,9.1")]
    for place in places:
        counted = run("planet-vector", "count", *place, env=service.environ)
        assert counted.stdout.split()[:1] == ["2"], (place, counted.stderr)
    for box in ("170,8,180,10", "180,8,190,10"):  # by an edge, on its own side
        assert run("planet-vector", "count", f"--bbox={box}", env=service.environ).stdout.split()[0] == "1"
