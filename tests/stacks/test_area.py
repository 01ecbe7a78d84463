"""An area asked for: which scenes share it, and crops and cubes of it, against GDAL's own and against brute force."""

from __future__ import annotations

import itertools
import json
import math
import random
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence, Tuple

import pytest

rasterio = pytest.importorskip("rasterio")
import numpy as np  # noqa: E402
import pyproj  # noqa: E402
import shapely  # noqa: E402
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

import planet_vector  # noqa: E402
from planet_vector import QueryError, crop_stack, find_stacks  # noqa: E402
from planet_vector.geometry.ground import area_asked_for, percent  # noqa: E402
from planet_vector.stacks.crop import Crop  # noqa: E402

from ..conftest import Service, Start  # noqa: E402
from .conftest import PIXEL, SHOTS, Land  # noqa: E402
from .test_overlap import box, feature, quads, square_metres  # noqa: E402

Run = Callable[..., Any]
Bounds = Tuple[float, float, float, float]

pytestmark = pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")  # odc-geo's

NARROW = 1e-7  # degrees, as far as positions are told apart, and more


def bounds_by_proj(area: Any, crs: Any) -> Bounds:
    """Return the box around an area whose edges are straight in degrees."""
    # Of the parts on both sides of the antimeridian the eastern goes on from the western.
    parts = list(shapely.get_parts(area))
    if area.bounds[2] - area.bounds[0] > 180:
        parts = [shapely.transform(p, lambda xy: xy + [360, 0]) if p.bounds[2] <= 0 else p for p in parts]
    positions = shapely.get_coordinates(shapely.segmentize(shapely.MultiPolygon(parts), 0.0005))
    x, y = pyproj.Transformer.from_crs(4326, crs, always_xy=True).transform(*positions.T)
    return min(x), min(y), max(x), max(y)


def by_gdalwarp(source: Path, like: Any, directory: Path) -> np.ndarray:
    """Return what gdalwarp makes of a file on the grid of a crop."""
    target = directory / "warped.tif"
    size = ["-ts", str(like.width), str(like.height), "-te", *(repr(side) for side in like.bounds)]
    command = ["gdalwarp", "-q", "-overwrite", "-r", "near", "-t_srs", like.crs.to_wkt(), *size, source, target]
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
    with rasterio.open(target) as dataset:
        return dataset.read()


def check_crop(crop: Crop, area: Any, source: Path, directory: Path) -> None:
    """Check that a crop holds the area, no more than its rectangle takes, and the pixels that gdalwarp puts there."""
    assert crop.path is not None
    with rasterio.open(crop.path) as dataset:
        needed = bounds_by_proj(area, dataset.crs)
        close, (width, height) = 1e-5, dataset.res
        for side, (has, needs, size) in enumerate(zip(dataset.bounds, needed, (width, height) * 2)):
            beyond = needs - has if side < 2 else has - needs
            assert -close <= beyond < size + close, (crop.path, dataset.bounds, needed)
        pixels, expected, mask = dataset.read(), by_gdalwarp(source, dataset, directory), dataset.dataset_mask() > 0
        assert np.array_equal(pixels[:, mask], expected[:, mask]) and (expected[-1] > 0).sum() == mask.sum()
        # Which share of the area has data: of points thrown at it.
        rng = np.random.default_rng(1)
        xs, ys = (rng.uniform(low, high, 20000) for low, high in zip(area.bounds[:2], area.bounds[2:]))
        inside = shapely.contains_xy(area, xs, ys)
        x, y = pyproj.Transformer.from_crs(4326, dataset.crs, always_xy=True).transform(xs[inside], ys[inside])
        rows, columns = rasterio.transform.rowcol(dataset.transform, x, y)
        seen = mask[np.clip(rows, 0, dataset.height - 1), np.clip(columns, 0, dataset.width - 1)]
        # The rim counts whole pixels.
        rim = min(1.0, 4 * (dataset.width + dataset.height) / max(1, mask.size)) * 0.5
        if area.bounds[2] - area.bounds[0] < 180 and inside.sum() > 100:
            assert crop.covered == pytest.approx(seen.mean(), abs=rim + 0.03)
        assert float(dataset.tags()["covered"]) == pytest.approx(crop.covered, abs=1e-6)


def some_field(rng: random.Random, around: Bounds) -> Any:
    """Return a field of any shape, from the size of a pixel to that of several scenes."""
    x, y = rng.uniform(around[0], around[2]), rng.uniform(around[1], around[3])
    size = 10 ** rng.uniform(-5.5, -1.4)
    kind = rng.choice(["box", "polygon", "polygon", "hole", "two"])
    if kind == "box":
        return shapely.box(x, y, x + size, y + size / 2)
    angles = sorted(rng.uniform(0, 2 * math.pi) for _ in range(rng.randint(4, 9)))
    corners = [
        (x + size * math.cos(a) * rng.uniform(0.4, 1), y + size * math.sin(a) * rng.uniform(0.3, 0.7)) for a in angles
    ]
    found = shapely.convex_hull(shapely.MultiPoint(corners)).buffer(size / 50)
    if kind == "hole":
        found = found.difference(shapely.Point(found.centroid).buffer(size / 6))
    if kind == "two":
        found = found.union(shapely.box(x + 1.5 * size, y, x + 2 * size, y + size / 2))
    return found


def check_fields(archive: Path, directory: Path, seed: int, count: int) -> None:
    """Check the crops of random fields: each holds its field, or is not written."""
    scenes = [scene for scene in planet_vector.search("PLANET:ortho") if scene.footprint.bounds[2] < 100]
    scenes = [scene for scene in scenes if scene.footprint.bounds[0] > 0]
    ground = shapely.union_all([scene.footprint for scene in scenes])
    rng = random.Random(seed)
    written = left_out = 0
    for number in range(count):
        field = some_field(rng, ground.bounds)
        shares = {s.id: s.footprint.intersection(field).area / field.area for s in scenes}
        whole = {name for name, share in shares.items() if share > 1 - 1e-9}
        stacks = find_stacks(scenes, min_depth=1, area=field)
        assert bool(stacks) == (max(shares.values()) > 0)
        if not stacks:
            continue
        assert (stacks[0].covered == 1) == bool(whole) and (not whole or set(stacks[0].ids) == whole)
        # Every scene that reaches into it, whether it holds the field or not.
        some = [scene for scene in scenes if shares[scene.id] > 0]
        chosen = rng.sample(some, min(4, len(some)))
        crops = crop_stack(chosen, directory / str(number), area=field)
        assert {crop.scene.id for crop in crops} == {scene.id for scene in chosen}
        for crop in crops:
            if crop.scene.id not in whole:
                assert crop.path is None and not crop.read
                assert crop.covered == pytest.approx(shares[crop.scene.id], abs=1e-4) and crop.covered < 1
                left_out += 1
            elif crop.path is not None:
                check_crop(crop, field, archive / f"{crop.scene.id}_visual.tif", directory)
                written += 1
            else:
                assert crop.covered == 0
        kept = {crop.path for crop in crops if crop.path}
        assert kept == (set((directory / str(number)).iterdir()) if kept else set())
    assert written > count / 3 and left_out > count / 3


def test_crops_of_random_fields_hold_them(connected: Service, archive: Path, tmp_path: Path) -> None:
    check_fields(archive, tmp_path, 7, 20)


@pytest.mark.long
def test_crops_of_a_hundred_random_fields_hold_them(connected: Service, archive: Path, tmp_path: Path) -> None:
    check_fields(archive, tmp_path, 18, 100)


# ---- which scenes share an area --------------------------------------------------------------------------------


def best_by_every_subset(scenes: Sequence[Dict[str, Any]], area: Any, depth: int) -> float:
    """Return the most of an area that so many scenes share, by looking at each set of them."""
    shapes = [shapely.geometry.shape(scene["geometry"]).intersection(area) for scene in scenes]
    found = (square_metres(shapely.intersection_all(some)) for some in itertools.combinations(shapes, depth))
    return max(found, default=0.0) / square_metres(area)


areas = st.builds(
    lambda x, y, width, height: shapely.box(x, y, x + width, y + height),
    st.integers(0, 20).map(lambda n: 12 + n / 100),
    st.integers(0, 20).map(lambda n: 47 + n / 100),
    st.sampled_from([0.001, 0.02, 0.1, 0.4]),
    st.sampled_from([0.001, 0.03, 0.1, 0.4]),
)


@settings(max_examples=60, deadline=None)
@given(quads, areas, st.integers(1, 3))
def test_what_covers_all_of_an_area_comes_first_or_else_most_of_it(shapes: List[Any], area: Any, depth: int) -> None:
    scenes = [feature(f"s{number}", geometry) for number, geometry in enumerate(shapes)]
    stacks = find_stacks(scenes, min_depth=depth, area=area)
    whole = [s["id"] for s in scenes if shapely.geometry.shape(s["geometry"]).buffer(NARROW).covers(area)]
    best = best_by_every_subset(scenes, area, depth)
    if len(whole) >= depth:
        assert stacks[0].covered == 1 and sorted(stacks[0].ids) == sorted(whole)
    elif best * square_metres(area) > 11_000:
        assert stacks[0].covered == pytest.approx(best, abs=1e-3) and stacks[0].covered < 1
    told = [stack.covered for stack in stacks]
    assert told == sorted(told, reverse=True) or np.diff(told).max() < 1e-4
    for stack in stacks:
        shared = shapely.intersection_all([shapely.geometry.shape(scene["geometry"]) for scene in stack.scenes])
        assert stack.covered == pytest.approx(square_metres(shared.intersection(area)) / square_metres(area), abs=1e-3)
        assert stack.footprint.symmetric_difference(shared).area < 1e-8


def test_a_field_smaller_than_the_least_ground_is_shared() -> None:
    field = shapely.box(12.1, 47.1, 12.1003, 47.1003)  # 760 m²
    scenes = [feature("a", box(12, 47, 12.2, 47.2)), feature("b", box(12, 47, 12.2, 47.2))]
    scenes.append(feature("c", box(12.10015, 47, 12.3, 47.2)))
    stacks = find_stacks(scenes, area=field)
    assert [(stack.ids, round(stack.covered or 0, 3)) for stack in stacks] == [(("a", "b"), 1), (("a", "b", "c"), 0.5)]


def test_one_scene_of_each_day_of_those_that_cover_the_whole() -> None:
    field = box(12.05, 47.05, 12.06, 47.06)
    large = box(12, 47, 12.1, 47.1)
    scenes = [
        feature("cloudy", large, "2015-06-01T10:00:00Z", 50),
        feature("clear", large, "2015-06-01T10:01:00Z", 5),
        feature("half", box(12.055, 47, 12.1, 47.1), "2015-06-02T10:00:00Z"),
        feature("later", large, "2015-06-03T10:00:00Z"),
    ]
    first, *others = find_stacks(scenes, distinct_days=True, area=field)
    assert first.ids == ("clear", "later") and first.covered == 1
    assert [stack.ids for stack in others] == [("clear", "half", "later")] and others[0].covered == pytest.approx(0.5)
    told = first.__geo_interface__["properties"]
    assert told["covered"] == 1 and "covered" not in find_stacks(scenes)[0].__geo_interface__["properties"]


def test_a_point_is_shared_by_what_covers_it() -> None:
    scenes = [feature("a", box(12, 47, 12.1, 47.1)), feature("b", box(12.05, 47, 12.2, 47.1))]
    (both,) = find_stacks(scenes, area="POINT (12.07 47.05)")
    assert both.ids == ("a", "b") and both.covered == 1
    assert find_stacks(scenes, area="POINT (12.01 47.05)") == []


@pytest.mark.parametrize("written", [
    "POLYGON ((179.99 10, 180.01 10, 180.01 10.01, 179.99 10.01, 179.99 10))",
    "POLYGON ((179.99 10, -179.99 10, -179.99 10.01, 179.99 10.01, 179.99 10))",
    "MULTIPOLYGON (((179.99 10, 180 10, 180 10.01, 179.99 10.01, 179.99 10)),"
    "((-180 10, -179.99 10, -179.99 10.01, -180 10.01, -180 10)))",
])  # fmt: skip
def test_an_area_across_the_antimeridian_is_one(written: str) -> None:
    across = box(179.9, 9.9, 180.1, 10.1)
    scenes = [feature("a", across), feature("b", across), feature("west", box(179.9, 9.9, 180, 10.1))]
    stacks = find_stacks(scenes, area=written)
    assert [(stack.ids, round(stack.covered or 0, 6)) for stack in stacks] == [
        (("a", "b"), 1),
        (("a", "b", "west"), 0.5),
    ]


@pytest.mark.parametrize("area", ["POLYGON EMPTY", "nowhere", {}, 7, "POINT (500 95)", '{"type": "Polygon"}'])
def test_what_is_no_area_is_an_error(area: Any) -> None:
    with pytest.raises(QueryError, match="area"):
        find_stacks([feature("a", box(12, 47, 12.1, 47.1))], area=area)


# ---- crops and cubes of one ------------------------------------------------------------------------------------


@pytest.fixture
def field() -> Any:
    """Return a field on the land that all of its scenes cover."""
    return shapely.Polygon([(11.990, 47.884), (12.004, 47.8832), (12.008, 47.889), (11.996, 47.8915), (11.990, 47.884)])


def test_crops_of_two_zones_hold_the_field_pixel_for_pixel(on_land: Land, field: Any, tmp_path: Path) -> None:
    stack = find_stacks(planet_vector.search("PLANET:ortho"), area=field)[0]
    assert stack.depth == len(SHOTS)
    crops = crop_stack(stack, tmp_path)
    assert all(crop.path and crop.covered == 1 for crop in crops)
    grids = set()
    for crop, shot in zip(crops, SHOTS):
        with rasterio.open(crop.path) as dataset:
            grids.add((dataset.crs.to_epsg(), dataset.transform, dataset.shape))
            assert (dataset.transform.c - SHOTS[0].left) % PIXEL == 0 and dataset.crs.to_epsg() == 32632
            if shot.alpha:
                check_crop(crop, field, on_land.path(shot), tmp_path)
    assert len(grids) == 1
    own = crop_stack(stack, tmp_path / "own", align=False)
    for crop, shot in zip(own, SHOTS):
        with rasterio.open(crop.path) as part, rasterio.open(on_land.path(shot)) as whole:
            assert part.crs == whole.crs
            column, row = (round(n) for n in ~whole.transform * (part.transform.c, part.transform.f))
            assert np.array_equal(
                part.read(), whole.read(window=((row, row + part.height), (column, column + part.width)))
            )
        if shot.alpha:
            check_crop(crop, field, on_land.path(shot), tmp_path)
    web = crop_stack(stack, tmp_path / "web", dst_crs="EPSG:3857")
    check_crop(web[3], field, on_land.path(SHOTS[3]), tmp_path)
    largest = crop_stack(stack, tmp_path / "largest", rectangle=True)
    assert all(crop.covered is None for crop in largest)
    with rasterio.open(largest[0].path) as dataset:
        assert dataset.width * dataset.height > 300_000


def test_a_field_below_a_pixel_is_the_pixels_that_it_touches(on_land: Land, tmp_path: Path) -> None:
    x, y = SHOTS[0].left + 300 * PIXEL + 1.0, SHOTS[0].top - 400 * PIXEL - 1.0
    to_degrees = pyproj.Transformer.from_crs(32632, 4326, always_xy=True).transform
    for size, pixels in ((0.5, 1), (2.5, 2)):
        corners = [(x, y), (x + size, y), (x + size, y - size), (x, y - size)]
        tiny = shapely.Polygon([to_degrees(*corner) for corner in corners])
        stack = find_stacks(planet_vector.search("PLANET:ortho"), area=tiny)[0]
        crops = crop_stack(stack, tmp_path / str(size))
        with rasterio.open(crops[0].path) as part, rasterio.open(on_land.path(SHOTS[0])) as whole:
            assert part.shape == (pixels, pixels)
            assert np.array_equal(part.read(), whole.read(window=((400, 400 + pixels), (300, 300 + pixels))))


def test_an_area_without_data_is_not_written(on_land: Land, tmp_path: Path) -> None:
    """A footprint may claim what no camera saw: then the crop says how much of the area there is, or is not."""
    to_degrees = pyproj.Transformer.from_crs(32632, 4326, always_xy=True).transform
    scene = next(s for s in planet_vector.search("PLANET:ortho") if s.id == SHOTS[0].name)
    corners = [
        to_degrees(SHOTS[0].left + x, SHOTS[0].top - y) for x, y in ((-9, -9), (3309, -9), (3309, 2109), (-9, 2109))
    ]
    scene.feature["geometry"] = shapely.geometry.mapping(shapely.Polygon(corners))
    for name, (left, top, right, bottom) in {"none": (30, 30, 120, 120), "half": (0, 0, 480, 480)}.items():
        ring = [(left, top), (right, top), (right, bottom), (left, bottom)]
        area = shapely.Polygon([to_degrees(SHOTS[0].left + x, SHOTS[0].top - y) for x, y in ring])
        (crop,) = crop_stack([scene], tmp_path / name, area=area)
        assert crop.covered == pytest.approx({"none": 0, "half": 0.5}[name], abs=0.02)
        assert (crop.path is None) == (name == "none") and crop.read
    (crop,) = crop_stack([scene], tmp_path / "required", area=area, require_valid=0.8)
    assert crop.path is None


def test_a_cube_of_a_field_is_its_crops(on_land: Land, field: Any, tmp_path: Path) -> None:
    pytest.importorskip("odc.stac")
    scenes = [scene for scene in planet_vector.search("PLANET:ortho") if scene.id != SHOTS[4].name]
    stack = find_stacks(scenes, area=field)[0]
    cube = planet_vector.to_xarray(stack)
    again = planet_vector.to_xarray(scenes, area=field)
    for number, crop in enumerate(crop_stack(stack, tmp_path)):
        with rasterio.open(crop.path) as dataset:
            for made in (cube, again):
                assert np.array_equal(made.isel(time=number).to_array().values, dataset.read())
                assert made.odc.geobox.boundingbox.bbox == pytest.approx(tuple(dataset.bounds))
    with pytest.raises(QueryError, match=r"covers \d+\.\d % of the area"):
        planet_vector.to_xarray(stack, area=field.buffer(0.01))


def test_a_field_across_the_antimeridian_is_cropped(connected: Service, archive: Path, tmp_path: Path) -> None:
    scenes = [s for s in planet_vector.search("PLANET:ortho") if len(s.polygons) > 1]
    assert scenes
    scene = scenes[0]
    middle = (scene.footprint.bounds[1] + scene.footprint.bounds[3]) / 2
    written = shapely.box(179.999, middle - 0.001, 180.001, middle + 0.001)
    low, high = middle - 0.001, middle + 0.001
    parts = shapely.MultiPolygon([shapely.box(179.999, low, 180, high), shapely.box(-180, low, -179.999, high)])
    for name, area in (("one", written), ("two", parts)):
        (crop,) = crop_stack([scene], tmp_path / name, area=area)
        check_crop(crop, parts, archive / f"{scene.id}_visual.tif", tmp_path)


@pytest.mark.parametrize(("arguments", "told"), [
    ({"area": "POINT (12 47.885)"}, "Point.*nothing can be cropped"),
    ({"area": "POLYGON ((12 47.88, 12.01 47.88, 12 47.885, 12 47.88))", "rectangle": True}, "rectangle"),
])  # fmt: skip
def test_what_cannot_be_cut_to_is_an_error(on_land: Land, tmp_path: Path, arguments: Dict[str, Any], told: str) -> None:
    with pytest.raises(QueryError, match=told):
        crop_stack(list(planet_vector.search("PLANET:ortho")), tmp_path / "crops", **arguments)
    assert not list(tmp_path.iterdir())


def test_what_lies_beyond_a_raster_is_not_covered(
    run: Run, on_land: Land, start_service: Start, tmp_path: Path
) -> None:
    """Metadata beside a tif may claim ground that its raster does not have."""
    archive = tmp_path / "archive"
    archive.mkdir()
    claimed = shapely.geometry.mapping(shapely.box(11.9, 47.8, 12.1, 47.95))
    for shot in SHOTS:
        shutil.copy(on_land.path(shot), archive)
        scene = next(s for s in planet_vector.search("PLANET:ortho") if s.id == shot.name)
        told = {**scene.feature, "geometry": claimed}
        (archive / f"{shot.name}_metadata.json").write_text(json.dumps(told))
    service = start_service(archive)
    env = service.environ
    # 600 m beyond the north side of the first, in its own zone, and as much within.
    left, top = SHOTS[0].left + 900, SHOTS[0].top
    to_degrees = pyproj.Transformer.from_crs(32632, 4326, always_xy=True).transform
    half, inside = (
        shapely.Polygon([to_degrees(left + x, top + y) for x, y in ((0, low), (900, low), (900, high), (0, high))])
        for low, high in ((-600, 600), (-1500, -900))
    )
    done = run("planet-vector", "stacks", half.wkt, "--crop", str(tmp_path / "none"), env=env)
    assert done.returncode == 2 and not list(tmp_path.glob("none/*.tif")), done.stdout
    shares = dict(re.findall(r"(\S+) is left out: its raster covers (\d+\.\d) % of the area", done.stderr))
    assert set(shares) == {shot.name for shot in SHOTS} and float(shares[SHOTS[0].name]) == pytest.approx(50, abs=0.3)
    assert "No scene covers the whole area, but 50." in done.stderr or "but 49." in done.stderr
    done = run("planet-vector", "stacks", inside.wkt, "--crop", str(tmp_path / "all"), env=env)
    assert done.returncode == 0 and done.stderr == "" and done.stdout.count("100.0 %") == len(SHOTS), done.stderr
    service.stop()


@pytest.mark.parametrize(("share", "told"), [
    (0, "0.0 %"), (1e-9, "less than 0.1 %"), (0.00012, "less than 0.1 %"), (0.00099, "less than 0.1 %"),
    (0.001, "0.1 %"), (0.5, "50.0 %"), (0.9994, "99.9 %"), (0.99999999, "99.9 %"), (1, "100.0 %"),
])  # fmt: skip
def test_a_percentage_claims_no_more_than_there_is(share: float, told: str) -> None:
    assert percent(share) == told


@pytest.mark.parametrize("area", ["field.geojson", "/data/a field.shp", Path("field.geojson"), "[1, 2]"])
def test_a_missing_file_is_an_error_that_says_what_an_area_is(area: Any) -> None:
    with pytest.raises(QueryError, match="there is no such file: it takes WKT, GeoJSON, the path of a vector file"):
        find_stacks([feature("a", box(12, 47, 12.1, 47.1))], area=area)


def test_wkt_is_read_in_all_its_forms() -> None:
    corners = "((12 47, 12.1 47, 12.1 47.1, 12 47))"
    expected = area_asked_for(f"POLYGON {corners}")
    flat = corners.replace("((", "").replace("))", "").split(", ")
    raised = "((" + ", ".join(f"{corner} 5" for corner in flat) + "))"
    forms = [f" polygon{corners}", f"SRID=4326;POLYGON {corners}", f"POLYGON Z {raised}", f"MultiPolygon({corners})"]
    for text in (*forms, f"GEOMETRYCOLLECTION (POLYGON {corners})"):
        assert area_asked_for(text).equals(expected)
    with pytest.raises(QueryError, match="read: (?!.*content of a file first)"):
        area_asked_for("POLYGON ((12 47, 12.1 47)")


# ---- the commands ----------------------------------------------------------------------------------------------


def test_the_command_crops_to_its_area_or_says_how_much_there_is(
    run: Run, land: Land, field: Any, tmp_path: Path
) -> None:
    env = land.service.environ
    path = tmp_path / "field.geojson"
    path.write_text(json.dumps({"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(field)}))
    table = run("planet-vector", "stacks", str(path), "--table", env=env).stdout.splitlines()
    assert "of AREA" in table[0] and table[1].split()[0] == str(len(SHOTS)) and "100.0 %" in table[1]
    done = run("planet-vector", "stacks", str(path), "--crop", str(tmp_path / "crops"), env=env)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert [Path(line[0]).name for line in lines] == [f"{shot.name}_visual_crop.tif" for shot in SHOTS]
    assert {line[1] for line in lines} == {"100.0 %"}
    with rasterio.open(lines[0][0]) as dataset:
        needed = bounds_by_proj(field, dataset.crs)
        assert dataset.bounds.left <= needed[0] < dataset.bounds.left + PIXEL
        assert dataset.bounds.top - PIXEL < needed[3] <= dataset.bounds.top
    done = run("planet-vector", "stacks", str(path), "--crop", str(tmp_path / "r"), "--rectangle", env=env)
    assert done.returncode == 0 and "The rectangle holds 100.0 % of the area." in done.stderr, done.stderr
    wide = field.buffer(0.01)
    for command in (["stacks", wide.wkt, "--crop", str(tmp_path / "none")],):
        done = run("planet-vector", *command, env=env)
        assert done.returncode == 1 and "% of it" in done.stderr and "--rectangle" in done.stderr, done.stderr
    assert not (tmp_path / "none").exists()


def test_several_scenes_are_cropped_to_a_box(run: Run, land: Land, field: Any, tmp_path: Path) -> None:
    env = land.service.environ
    west, south, east, north = field.bounds
    names = [shot.name for shot in SHOTS[:3]]
    done = run(
        "rio", "planet", "crop", *names, "-o", str(tmp_path / "c"), "--bbox", f"{west},{south},{east},{north}", env=env
    )
    assert done.returncode == 0 and done.stdout.count("\t100.0 %") == 3, done.stderr
    with rasterio.open(tmp_path / "c" / f"{names[1]}_visual_crop.tif") as dataset:
        needed = bounds_by_proj(shapely.box(*field.bounds), dataset.crs)
        assert dataset.bounds.left <= needed[0] < dataset.bounds.left + PIXEL
        assert dataset.bounds.bottom <= needed[1] < dataset.bounds.bottom + PIXEL
    far = f"{west},{south - 0.005},{east},{north - 0.005}"  # the second lies 510 m farther south than the others
    done = run("rio", "planet", "crop", *names, "-o", str(tmp_path / "d"), "--bbox", far, env=env)
    left_out = [line for line in done.stderr.splitlines() if "left out: it covers" in line and "% of the area" in line]
    assert len(left_out) == 2 and [path.name for path in (tmp_path / "d").iterdir()] == [f"{names[1]}_visual_crop.tif"]
    done = run("rio", "planet", "crop", *names, "-o", str(tmp_path / "e"), "--window", "0", "0", "9", "9", env=env)
    assert done.returncode == 2 and "several scenes" in done.stderr
