"""Searches by areas of every size over few scenes and many, against shapely over the scenes' own JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from shapely.geometry import shape

from planet_vector.server.index.database import Index
from planet_vector.server.index.scene_search import SceneSearch, parse_search
from planet_vector.server.index.searched_area import Area
from planet_vector.server.patience import ClientGone, Patience
from planet_vector.server.sample.synthetic import write_scenes

from .conftest import feature

WORLD = "POLYGON((-180 -90,180 -90,180 90,-180 90,-180 -90))"
# No box, though it covers the globe.
BEYOND = "MULTIPOLYGON(((-180 -90,0 -90,0 90,-180 90,-180 -90)),((0 -90,180 -90,180 90,0 90,0 -90)))"
# An edge of more than 180° would go the other way.
NEARLY = "POLYGON((-179.9 -89,0 -89,179.9 -89,179.9 89,0 89,-179.9 89,-179.9 -89))"
CONTINENT = (
    "POLYGON((-120.3 -50.2,0 -45.3,100.7 -40.1,150.2 10.5,20.4 65.9,-100.1 50.3,-120.3 -50.2),"
    "(-20 0,10 5,0 20,-20 0),(30 -30,60 -30,60 -10,30 -10,30 -30))"
)
ON_CELLS = "POLYGON((-64 -32,64 -32,64 -8,32 -8,32 8,64 8,64 32,-64 32,-64 -32))"
STRIPES = "MULTIPOLYGON({})".format(
    ",".join(
        f"((-179 {y},0 {y + 0.5},179 {y + 1},179 {y + 1.5},0 {y + 1},-179 {y + 0.5},-179 {y}))"
        for y in range(-60, 70, 3)
    )
)
PACIFIC = "POLYGON((150 -50,210 -50,210 60,170 55,150 -50))"
# The same within ±180°.
PACIFIC_CUT = shapely.union_all(
    [
        shapely.intersection(shapely.from_wkt(PACIFIC), shapely.box(0, -90, 180, 90)),
        shapely.transform(
            shapely.intersection(shapely.from_wkt(PACIFIC), shapely.box(180, -90, 360, 90)), lambda p: p - [360, 0]
        ),
    ]
).wkt
FIJI = "MULTIPOLYGON(((177 -20,180 -20,180 -15,177 -15,177 -20)),((-180 -20,-178 -20,-178 -15,-180 -15,-180 -20)))"
AREAS: List[Tuple[str, str]] = [
    (WORLD, WORLD), (BEYOND, WORLD), (NEARLY, NEARLY), (CONTINENT, CONTINENT), (ON_CELLS, ON_CELLS), (STRIPES, STRIPES),
    (PACIFIC, PACIFIC_CUT), (FIJI, FIJI), ("POINT(12.5 41.9)", "POINT(12.5 41.9)"),
    ("LINESTRING(-180 -60,0 10,180 60)", "LINESTRING(-180 -60,0 10,180 60)"),
    ("MULTIPOINT((10 3),(50 20),(-180 12))", "MULTIPOINT((10 3),(50 20),(-180 12))"),
    ("GEOMETRYCOLLECTION(POINT(0 0),LINESTRING(-170 5,0 5,170 5),POLYGON((0 0,40 0,40 40,0 0)))",) * 2,
    ("POLYGON((-180 -90,-179 -90,-179 90,-180 90,-180 -90))",) * 2,
]  # fmt: skip


class Archive(NamedTuple):
    """Hold an index, and its scenes with their footprints in the order of a search."""

    index: Index
    ids: np.ndarray
    footprints: np.ndarray


def day(month: int, number: int) -> str:
    return f"2015-{month:02d}-{1 + number % 28:02d}T00:00:00+00:00"


def two_parts(number: int) -> Dict[str, Any]:
    """Return a scene across the antimeridian, as two polygons or as one that runs on."""
    south = -60.0 + number * 1.1
    scene = feature(f"T{number:03d}", day(5, number), 179.5, south, 1.0)
    if number % 3:
        east = feature("", "", 179.5, south, 0.5)["geometry"]["coordinates"]
        west = feature("", "", -180.0, south, 0.5 + number % 3)["geometry"]["coordinates"]
        scene["geometry"] = {"type": "MultiPolygon", "coordinates": [east, west]}
    return scene


def within_globe(geometry: Optional[Dict[str, Any]]) -> Any:
    if geometry is None:
        return None
    plain = shape(geometry)
    if plain.bounds[2] <= 180:
        return plain
    left = shapely.intersection(plain, shapely.box(0, -90, 180, 90))
    right = shapely.intersection(plain, shapely.box(180, -90, 540, 90))
    return shapely.union_all([left, shapely.transform(right, lambda p: p - [360, 0])])


def make_archive(folder: Path, number: int) -> Archive:
    write_scenes(folder / "a" / "scenes.geojsonl", number)
    others = [two_parts(n) for n in range(100)]
    others += [{**feature(f"N{n:03d}", day(6, n)), "geometry": None} for n in range(60)]
    others += [feature(f"B{n:03d}", day(7, 0), -170 + 20 * n, -80, 15.0) for n in range(16)]
    # At the very edges of the globe.
    others += [feature("E0", day(8, 0), -180, -90, 0.5), feature("E1", day(8, 0), 179.5, 89.5, 0.5)]
    (folder / "a" / "others.geojsonl").write_text("\n".join(map(json.dumps, others)))
    command = [sys.executable, "-m", "planet_vector.cli", "index", str(folder / "a"), "--index"]
    subprocess.run([*command, str(folder / "i.sqlite")], check=True, capture_output=True)
    scenes = others + [json.loads(line) for line in (folder / "a" / "scenes.geojsonl").read_text().splitlines()]
    scenes.sort(key=lambda s: (datetime.fromisoformat(s["properties"]["acquired"]), s["id"]), reverse=True)
    return Archive(
        Index(folder / "i.sqlite"),
        np.array([s["id"] for s in scenes]),
        np.array([within_globe(s["geometry"]) for s in scenes]),
    )


@pytest.fixture(scope="module", params=[40, 25_000])
def archive(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    folder = tmp_path_factory.mktemp("areas")
    (folder / "a").mkdir()
    found = make_archive(folder, request.param)
    yield found
    found.index.close()


def expected(archive: Archive, area: str) -> List[str]:
    geometry = shapely.from_wkt(area)
    shapely.prepare(geometry)
    found: List[str] = archive.ids[shapely.intersects(geometry, archive.footprints)].tolist()
    return found


def search_of(area: str, **others: str) -> SceneSearch:
    return parse_search("ortho", [("intersects", area), *others.items()])


def ids_of(page: Any) -> List[str]:
    return [scene["id"] for scene in json.loads(b"[%s]" % page.features, strict=False)]


@pytest.mark.parametrize(("area", "same"), AREAS)
def test_areas_equal_shapely(archive: Archive, area: str, same: str) -> None:
    ids = expected(archive, same)
    search, found = search_of(area, count="1000"), []
    while True:
        page = archive.index.search(search)
        assert page.total == len(ids) - len(found)
        found += ids_of(page)
        if page.after is None or len(found) > 5000:
            break
        search = replace(search, edge=page.after)
    assert found == ids[: len(found)]
    upwards = archive.index.search(search_of(area, count="1000", order_by="acquired asc"))
    assert ids_of(upwards) == ids[::-1][:1000]


@st.composite
def polygons(draw: st.DrawFn) -> str:
    """Return a star-shaped polygon, perhaps with a hole."""
    west, south = draw(st.floats(-150, 150)), draw(st.floats(-60, 60))
    number = draw(st.integers(4, 14))  # a triangle may have an edge of more than 180 degrees, which goes the short way
    wide = draw(st.floats(0.1, min(180 - abs(west), 150)))
    radii = [draw(st.floats(0.2, 1.0)) for _ in range(number)]
    turns = 2 * np.pi * np.arange(number) / number
    high = min(wide, 89 - abs(south))
    outer = [(west + wide * r * np.cos(t), south + high * r * np.sin(t)) for r, t in zip(radii, turns)]
    if not draw(st.booleans()):
        return str(shapely.Polygon(outer).wkt)
    inner = [(west + (x - west) * 0.1, south + (y - south) * 0.1) for x, y in outer]
    return str(shapely.Polygon(outer, [inner]).wkt)


whole = st.integers(-180, 180)
boxes = st.tuples(whole, st.integers(-90, 90), whole, st.integers(-90, 90)).map(
    lambda b: shapely.box(min(b[0], b[2]) - 0.5, min(b[1], b[3]) / 2, max(b[0], b[2]) + 0.5, max(b[1], b[3]) / 2 + 1)
)


@settings(max_examples=80, deadline=None)
@given(polygons())
@example("POLYGON((-170 -60,0 -60,170 -60,170 70,0 0,-170 70,-170 -60))")
def test_any_polygon(archive: Archive, area: str) -> None:
    ids = expected(archive, area)
    page = archive.index.search(search_of(area, count="200"))
    assert page.total == len(ids)
    assert ids_of(page) == ids[:200]


@settings(max_examples=60, deadline=None)
@given(boxes)
def test_any_box(archive: Archive, box: Any) -> None:
    within = shapely.segmentize(shapely.intersection(box, shapely.box(-180, -90, 180, 90)), 170)
    ids = expected(archive, within.wkt)
    page = archive.index.search(search_of(within.wkt, count="200"))
    assert page.total == len(ids)
    assert ids_of(page) == ids[:200]


@pytest.mark.parametrize(
    ("area", "most"), [(WORLD, 0), (BEYOND, 0), (NEARLY, 400), (CONTINENT, 1500), (ON_CELLS, 800), (PACIFIC, 800)]
)
def test_few_scenes_are_tested_however_large_the_area(
    archive: Archive, area: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    footprints: List[int] = []
    boxes: List[int] = []
    intersects, contains_boxes = Area.intersects, Area.contains_boxes

    def count_footprints(self: Area, given: List[bytes]) -> np.ndarray:
        footprints.append(len(given))
        return intersects(self, given)

    def count_boxes(self: Area, given: np.ndarray) -> np.ndarray:
        boxes.append(0 if self.is_box else len(given))  # those of a box are compared all at once
        return contains_boxes(self, given)

    monkeypatch.setattr(Area, "intersects", count_footprints)
    monkeypatch.setattr(Area, "contains_boxes", count_boxes)
    archive.index.search(search_of(area, **{"acquired.gte": "1999-12-31"}))  # nothing is kept of it
    assert sum(footprints) + sum(boxes) <= most + 10
    assert max(footprints, default=0) <= 1000


def test_who_waits_is_asked_for(archive: Archive) -> None:
    gone = Patience(600)
    gone.leave()
    with pytest.raises(ClientGone):
        archive.index.search(search_of(STRIPES, **{"sat.off_nadir.gte": "-7"}), gone)
    with pytest.raises(ClientGone):
        archive.index.matching(search_of(STRIPES, **{"sat.off_nadir.gte": "-8"}), 5, gone)
