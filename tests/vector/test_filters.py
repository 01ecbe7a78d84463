"""Filters: the rows that the same filter selects from a copy of the layer, at the cost of few requests."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any, Callable

import pyogrio
import pytest
import requests
import shapely
from hypothesis import HealthCheck, given, settings

import planet_vector
from planet_vector.vector.result_cache import CACHE
from tests.conftest import Start
from tests.faces import Face
from tests.vector.conftest import Watched, make_scene, write_scenes
from tests.where_texts import TEXTS, wheres


def few_scenes(nulls: bool) -> list[dict[str, Any]]:
    """Make scenes on whole seconds of a few days, so that their times compare as texts, too."""
    rng = random.Random(3)
    scenes = [make_scene(number, rng) for number in range(150)]
    for scene in scenes:
        properties = scene["properties"]
        day, second = rng.randrange(5), rng.choice([0, 1, 43200, 86399])
        at = f"T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}+00:00"
        properties["acquired"] = (f"2015-02-{27 + day}" if day < 2 else f"2015-03-{day - 1:02}") + at
        properties["sat"]["id"] = rng.choice(TEXTS["sat.id"])
        if nulls and rng.random() < 0.2:
            properties["cloud_cover"]["estimated"] = None
        if not nulls:
            properties["camera"]["bit_depth"] = rng.choice([8, 12])
    return scenes


@pytest.fixture(scope="module", params=["gpkg", "fgb"])
def _few(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, start_service: Start
) -> tuple[Watched, Path]:
    # A GeoPackage leaves a WHERE to SQLite, which sees NOT and OR of nulls otherwise than OGR does. So the copy in
    # a GeoPackage has no nulls, and the one with nulls is of a format whose filters OGR evaluates itself.
    folder = tmp_path_factory.mktemp("few")
    log = folder / "access.log"
    scenes = few_scenes(nulls=request.param == "fgb")
    service = start_service(write_scenes(folder / "scenes", scenes), "--access-log", str(log))
    return Watched(service, log), folder / f"copy.{request.param}"


@pytest.fixture
def few(_few: tuple[Watched, Path], face: Face, monkeypatch: pytest.MonkeyPatch) -> tuple[Watched, Path]:
    """Return a small service, asked anew for every filter, and a copy of its layer."""
    watched, copy = _few[0], _few[1].with_stem(face.name)
    monkeypatch.setenv("PL_API_URL", watched.service.root)
    monkeypatch.setenv("PL_API_KEY", watched.service.key)
    monkeypatch.setenv("PLANET_RATE", "0")
    monkeypatch.setenv("PLANET_CACHE_TTL", "0")
    if not copy.exists():
        pyogrio.write_dataframe(pyogrio.read_dataframe("PLANET:ortho").dropna(axis="columns", how="all"), copy)
    return watched, copy


def selected(name: Any, where: str) -> list[str]:
    meta, _, _, columns = pyogrio.raw.read(name, where=where, read_geometry=False)
    return sorted(columns[list(meta["fields"]).index("id")])


@pytest.mark.parametrize("kept", [False, pytest.param(True, marks=pytest.mark.long)], ids=["asked for", "kept"])
def test_where_selects_what_it_selects_from_a_copy(
    few: tuple[Watched, Path], face: Face, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kept:
        monkeypatch.setenv("PLANET_CACHE_TTL", "300")
        CACHE.clear()
        assert len(selected("PLANET:ortho", "id > ''")) == 150
        few[0].requests()

    @settings(max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(where=wheres(face))
    def check(where: str) -> None:
        assert selected("PLANET:ortho", where) == selected(few[1], where), where

    check()
    if kept:
        assert few[0].requests() == []


IN_OSGEO = """
import json, sys
from osgeo import ogr
ogr.UseExceptions()
live, copy = ogr.Open("PLANET:ortho"), ogr.Open(sys.argv[1])
assert sum(1 for _ in live.GetLayer(0)) == 150  # what is kept from then on, if anything is
compared = 0
for where in json.load(sys.stdin):
    rows = []
    for source in (live, copy):
        layer = source.GetLayer(0)
        layer.SetAttributeFilter(where)
        rows.append(sorted(feature["id"] for feature in layer))
        assert layer.GetFeatureCount() == len(rows[-1]), where
    assert rows[0] == rows[1], (where, rows)
    compared += 1
print(compared)
"""


@pytest.mark.parametrize("ttl", ["0", pytest.param("300", marks=pytest.mark.long)], ids=["asked for", "kept"])
def test_where_selects_the_same_in_the_system_s_gdal(
    few: tuple[Watched, Path], face: Face, system_python: Callable[..., Any], ttl: str
) -> None:
    drawn: list[str] = []

    @settings(max_examples=500, database=None, derandomize=True)
    @given(where=wheres(face))
    def draw(where: str) -> None:
        drawn.append(where)

    draw()
    environ = {**few[0].service.environ, "PLANET_RATE": "0", "PLANET_CACHE_TTL": ttl}
    done = system_python(IN_OSGEO, str(few[1]), env=environ, input=json.dumps(drawn))
    assert done.stdout.strip() == str(len(drawn)), done.stderr[-2000:]
    assert len(drawn) == 500


NARROWED: dict[str, list[tuple[str, dict[str, str]]]] = {
    "v0": [
        ('"cloud_cover.estimated" < 5', {"cloud_cover.estimated.lt": "5"}),
        ('"sat.id" = \'0905\' AND "sat.off_nadir" >= 1', {"sat.id": "0905", "sat.off_nadir.gte": "1"}),
        ("\"image_statistics.image_quality\" = 'target'", {"image_statistics.image_quality.gte": "target"}),
        ('"camera.gain" IN (200, 300)', {"camera.gain.gte": "200", "camera.gain.lte": "300"}),
    ],
    "data_v1": [
        ("cloud_cover < 0.05", {"cloud_cover.lt": "0.05"}),
        ("satellite_id = '0905' AND view_angle >= 1", {"satellite_id": "0905", "view_angle.gte": "1"}),
        ("quality_category = 'target'", {"quality_category": "target"}),
        ("gsd BETWEEN 3.5 AND 4 AND view_angle < 2", {"gsd.gte": "3.5", "gsd.lte": "4", "view_angle.lt": "2"}),
    ],
}
"""Conditions over the columns of each service, and what of them it is asked for."""


@pytest.mark.parametrize("number", range(4))
def test_filters_are_narrowed_at_the_service(
    many: Watched, face: Face, sent: list[requests.PreparedRequest], number: int
) -> None:
    where, narrowed = NARROWED[face.name][number]
    assert selected("PLANET:ortho", where)
    assert sent
    assert all(narrowed.items() <= face.conditions(page).items() for page in sent)


def test_a_spatial_filter_is_sent_and_exact(
    many: Watched, many_scenes: list[dict[str, Any]], face: Face, sent: list[requests.PreparedRequest]
) -> None:
    footprints = {s["id"]: shapely.geometry.shape(s["geometry"]) for s in many_scenes}
    for box in [(0, 0, 30, 30), (-100, -20, -100, -20), (100, -30, 140.5, 2.25), (-180, -90, 180, 90)]:
        area = shapely.Point(box[:2]) if box[:2] == box[2:] else shapely.box(*box)
        sent.clear()
        frame = pyogrio.read_dataframe("PLANET:ortho", bbox=box)
        assert set(frame["id"]) == {i for i, footprint in footprints.items() if footprint.intersects(area)}
        areas = [face.area(page) for page in sent]
        if box == (-180, -90, 180, 90):
            assert set(areas) == {None}
        else:
            assert len(areas) == 1
            assert areas[0].equals(area)


def test_a_box_over_the_antimeridian_finds_both_sides(many: Watched, many_scenes: list[dict[str, Any]]) -> None:
    sides = [shapely.box(160, -90, 180, 90), shapely.box(-180, -90, -160, 90)]
    expected = {
        s["id"] for s in many_scenes if any(shapely.geometry.shape(s["geometry"]).intersects(side) for side in sides)
    }
    assert {s.id for s in planet_vector.search("PLANET:ortho?bbox=160,-90,-160,90")} == expected
    assert expected


def test_a_large_area_is_posted(many: Watched, many_scenes: list[dict[str, Any]]) -> None:
    circle = [(30 + 20 * math.cos(t / 200), 20 * math.sin(t / 200)) for t in range(1257)]
    area = shapely.Polygon(circle)
    name = planet_vector.names.Name("ortho", parameters=(("intersects", area.wkt),))
    found = {s.id for s in planet_vector.search(str(name))}
    assert found == {s["id"] for s in many_scenes if shapely.geometry.shape(s["geometry"]).intersects(area)}
    assert all(len(path) < 200 for path in many.requests())


def test_ids_are_asked_for_one_by_one(many: Watched, many_scenes: list[dict[str, Any]], face: Face) -> None:
    first, second = many_scenes[0], many_scenes[1]
    pyogrio.read_info("PLANET:ortho")
    many.requests()
    assert selected("PLANET:ortho", f"id = '{first['id']}'") == [first["id"]]
    assert many.pages() == []
    assert selected("PLANET:ortho", f"id IN ('{first['id']}', '{second['id']}', 'nobody')") == sorted(
        [first["id"], second["id"]]
    )
    assert selected("PLANET:ortho", "id = 'nobody'") == []
    assert selected("PLANET:ortho", "id = 'it''s nobody'") == []
    cloud = first["properties"]["cloud_cover"]["estimated"]
    assert selected("PLANET:ortho", face.spell(f"id = '{first['id']}' AND \"cloud_cover.estimated\" > {cloud}")) == []
    # The name's own parameters hold for scenes asked for by id, too.
    without, within = (face.spell(f"PLANET:ortho?cloud_cover.estimated.{each}={cloud}") for each in ("gt", "gte"))
    assert selected(without, f"id = '{first['id']}'") == []
    assert selected(within, f"id = '{first['id']}'") == [first["id"]]


def test_the_count_is_true_with_every_filter(many: Watched, face: Face) -> None:
    for name, where in [
        ("PLANET:ortho", None),
        ("PLANET:ortho?limit=12", None),
        ("PLANET:ortho?limit=1200", '"cloud_cover.estimated" < 50'),
        ("PLANET:ortho", '"cloud_cover.estimated" < 5'),
        ("PLANET:ortho", "acquired >= '2015-02-01' AND acquired < '2015-02-03'"),
    ]:
        where = where and face.spell(where)
        counted = pyogrio.read_info(name, force_feature_count=True)["features"] if where is None else None
        frame = pyogrio.read_dataframe(name, where=where, columns=["id"], read_geometry=False)
        assert len(frame) > 0
        assert counted in (None, len(frame))


COUNTING = """
import json, sys
import requests
from osgeo import ogr
ogr.UseExceptions()
asked = []
request = requests.Session.request
requests.Session.request = lambda self, method, url, **more: asked.append(url) or request(self, method, url, **more)
rows = []
for name, where, box in json.load(sys.stdin):
    source = ogr.Open(name)
    layer = source.GetLayer(0)
    for again in range(2):  # asked for, and from what is known by then
        layer.SetAttributeFilter(where)
        layer.SetSpatialFilterRect(*box) if box else layer.SetSpatialFilter(None)
        del asked[:]
        fast = bool(layer.TestCapability(ogr.OLCFastFeatureCount))
        silent = not asked
        count = layer.GetFeatureCount()
        cost = len(asked)
        rows.append([fast, silent, count, cost, len(list(layer))])
print(json.dumps(rows))
"""


def counting(asked: list[tuple[str, str | None, Any]], environ: dict[str, str], python: Callable[..., Any]) -> Any:
    """Return for each name and filter, twice: whether the count is said to be fast, without asking; it; its cost."""
    done = python(COUNTING, env=environ, input=json.dumps(asked))
    assert done.returncode == 0, done.stderr[-2000:]
    rows = json.loads(done.stdout)
    for row, (name, where, box) in zip(rows, (question for question in asked for _ in range(2))):
        _, silent, count, _, listed = row
        assert silent, (name, where, box)
        assert count == listed, (name, where, box)
    return rows


@pytest.mark.parametrize("ttl", ["300", "0"])
def test_a_count_is_said_to_be_fast_where_the_service_counts(
    many: Watched, many_scenes: list[dict[str, Any]], face: Face, system_python: Callable[..., Any], ttl: str
) -> None:
    scene = many_scenes[0]["id"]
    cloud, exact = "PLANET:ortho?cloud_cover.estimated.lte=40", '"cloud_cover.estimated" < 20'
    questions: list[tuple[str, str | None, Any, bool]] = [
        ("PLANET:ortho", None, None, True),
        ("PLANET:ortho", exact, None, True),
        ("PLANET:ortho", '"sat.id" = \'0905\' AND "sat.off_nadir" >= 2.5', None, True),
        (cloud, None, None, True),
        (cloud, exact, None, True),
        (cloud, '"cloud_cover.estimated" > 90', None, True),  # none, and no question
        (f"{cloud}&limit=50", None, None, True),
        (f"{cloud}&limit=50", exact, None, False),
        ("PLANET:ortho?limit=9999", exact, None, False),
        ("PLANET:ortho", "id LIKE '2015%1'", None, False),
        ("PLANET:ortho", f"id = '{scene}'", None, False),
        ("PLANET:ortho", f'{exact} OR "cloud_cover.estimated" > 90', None, False),
        ("PLANET:ortho", f"{exact} AND id LIKE '2015%1'", None, False),
        ("PLANET:ortho", "provider IS NULL", None, False),
        ("PLANET:ortho", "acquired >= '2015-02-01'", None, False),
        ("PLANET:ortho", None, (0, 0, 40, 40), False),
        ("PLANET:ortho", exact, (0, 0, 40, 40), False),
        ("PLANET:ortho?bbox=0,0,40,40", None, None, True),
        (f"PLANET:ortho/{scene}", None, None, True),
        (f"PLANET:ortho/{scene}", exact, None, False),
    ]
    environ = {**many.service.environ, "PLANET_RATE": "0", "PLANET_CACHE_TTL": ttl}
    spelt = [(face.spell(name), where and face.spell(where), box) for name, where, box, _ in questions]
    rows = counting(spelt, environ, system_python)
    # Where the layer has been read and is kept, a filtered count is that of its rows, not what the service says by now.
    kept = ttl != "0"
    assert [fast for fast, *_ in rows] == [
        fast and not (kept and where) for _, where, _, fast in questions for _ in range(2)
    ]
    # As opening asks, or the one scene; what opening has asked is in the cache.
    assert max(cost for fast, _, _, cost, _ in rows if fast) == (0 if kept else face.opening)
    assert {count for _, _, count, *_ in rows} > {0, 1, 50, 3500}


def test_programs_count_by_themselves_where_that_is_fast(many: Watched) -> None:
    count = pyogrio.read_info("PLANET:ortho")["features"]
    assert many.pages() == []
    assert count == len(pyogrio.read_dataframe("PLANET:ortho", columns=["id"], read_geometry=False)) == 3500


def test_the_count_of_a_whole_or_simply_narrowed_layer_reads_no_page(
    many: Watched, face: Face, run: Callable[..., Any]
) -> None:
    for where in ([], ["-where", face.spell('"cloud_cover.estimated" < 5')]):
        done = run("ogrinfo", "-ro", "-so", *where, "PLANET:ortho", "ortho", env=many.service.environ)
        assert "Feature Count: " in done.stdout, done.stderr
        assert many.pages() == []
