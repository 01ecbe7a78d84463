"""A mosaic of a search with an area: cut to it, as gdalwarp cuts the same files, and what is told of its ground."""

from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence

import pytest

rasterio = pytest.importorskip("rasterio")
import numpy as np  # noqa: E402
import pyproj  # noqa: E402
import shapely  # noqa: E402

import planet_vector  # noqa: E402
from planet_vector import Query, RasterAccessError  # noqa: E402
from planet_vector.raster.scene_mosaic import coverage_of  # noqa: E402

from ..conftest import Service  # noqa: E402

Run = Callable[..., Any]

LAND = "11.94,47.82,12.06,47.92"
"""The land of the sample archive, without its islands at the antimeridian."""


def query(area: str, **more: str) -> Query:
    schema = planet_vector.connect().schema("ortho")
    return Query.parse(schema, [("bbox" if area[0].isdigit() else "intersects", area), *more.items()])


def bounds_by_proj(area: Any, crs: Any) -> List[float]:
    positions = shapely.get_coordinates(shapely.segmentize(area, 0.0005))
    x, y = pyproj.Transformer.from_crs(4326, crs, always_xy=True).transform(*positions.T)
    return [float(min(x)), float(min(y)), float(max(x)), float(max(y))]


def by_gdalwarp(scenes: Sequence[Any], archive: Path, dataset: Any, area: Any, target: Path) -> Any:
    """Return what gdalwarp makes of the files of scenes, the last on top, aligned to the pixels around an area."""
    sides = [repr(side) for side in bounds_by_proj(area, dataset.crs)]
    grid = ["-t_srs", dataset.crs.to_wkt(), "-te", *sides, "-tr", *map(repr, dataset.res), "-tap"]
    files = [archive / f"{scene.id}_visual.tif" for scene in scenes]
    command = ["gdalwarp", "-q", "-overwrite", "-r", "near", *grid, *files, target]
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
    with rasterio.open(target) as made:
        return made.bounds, made.read()


def test_mosaics_of_random_fields_are_those_of_gdalwarp(connected: Service, archive: Path, tmp_path: Path) -> None:
    rng = random.Random(3)
    scenes = list(planet_vector.search(query(LAND)))
    ground = shapely.union_all([scene.footprint for scene in scenes])
    compared = 0
    while compared < 12:
        x, y, size = rng.uniform(11.95, 12.05), rng.uniform(47.83, 47.91), 10 ** rng.uniform(-4.5, -2.2)
        kind = shapely.box(x, y, x + size, y + size / 2) if compared % 2 else shapely.Point(x, y).buffer(size, 3)
        if not ground.covers(kind):
            continue
        asked = query(",".join(map(repr, kind.bounds)) if compared % 2 else kind.wkt)
        found = sorted(planet_vector.search(asked), key=lambda scene: (scene.acquired, scene.id))
        with planet_vector.mosaic(asked, dst_crs="EPSG:32632", res=3.0, top="newest") as dataset:
            bounds, expected = by_gdalwarp(found, archive, dataset, kind, tmp_path / "m.tif")
            assert tuple(dataset.bounds) == pytest.approx(tuple(bounds), abs=1e-6), kind.wkt
            pixels = dataset.read()
        seen = expected[-1] > 0
        assert np.array_equal(pixels[-1] > 0, seen)
        # Between the pixels of two zones the nearest may be either of two, a thousandth of a pixel apart.
        assert (pixels[:, seen] == expected[:, seen]).mean() > 0.999
        compared += 1


@pytest.mark.parametrize("given", ["name", "query", "search"])
def test_each_way_to_give_a_search_cuts(connected: Service, given: str) -> None:
    box = "11.99,47.87,11.995,47.875"
    name = f"PLANET:ortho?limit=3&bbox={box}"
    search: Any = {"name": name, "query": query(box, limit="3"), "search": planet_vector.search(name)}[given]
    scenes = list(planet_vector.search(name))
    with planet_vector.mosaic(search) as cut, planet_vector.mosaic(scenes) as whole:
        west, south, east, north = bounds_by_proj(shapely.box(*map(float, box.split(","))), cut.crs)
        size = cut.res[0]
        assert west - size < cut.bounds.left <= west and north <= cut.bounds.top < north + size
        assert east <= cut.bounds.right < east + size and south - size < cut.bounds.bottom <= south
        assert whole.width > 5 * cut.width
        window = rasterio.windows.from_bounds(*cut.bounds, whole.transform)
        assert np.array_equal(cut.read(), whole.read(window=window.round_offsets().round_lengths()))
        bounds = (cut.bounds.left - 300, cut.bounds.bottom, cut.bounds.left + 30, cut.bounds.top)
        with planet_vector.mosaic(search, dst_bounds=bounds) as said:
            assert tuple(said.bounds) == pytest.approx(bounds, abs=size)


def test_an_area_cuts_no_more_than_there_is(connected: Service) -> None:
    with planet_vector.mosaic("PLANET:ortho?limit=3&bbox=0,40,60,80") as wide:
        with planet_vector.mosaic(list(planet_vector.search("PLANET:ortho?limit=3&bbox=0,40,60,80"))) as whole:
            assert wide.bounds == whole.bounds
    with planet_vector.mosaic(query("POINT (12 47.88)", limit="2")) as at:
        assert min(at.shape) > 200  # a point cuts nothing
    scenes = planet_vector.search("PLANET:ortho?limit=3&bbox=11.99,47.87,11.995,47.875")
    with pytest.raises(RasterAccessError, match="do not reach into the area"):
        from planet_vector.raster.scene_mosaic import open_scenes

        open_scenes(scenes.catalog, list(scenes), "visual", area=shapely.box(1, 1, 2, 2))


def square_kilometres(geometry: Any) -> float:
    geod = pyproj.Geod(ellps="WGS84")
    return (
        abs(sum(geod.geometry_area_perimeter(shapely.segmentize(p, 0.001))[0] for p in shapely.get_parts(geometry)))
        / 1e6
    )


def test_ground_is_counted_once(run: Run, connected: Service) -> None:
    service = connected
    env: Dict[str, str] = service.environ
    done = run("planet-vector", "mosaic", "-s", "ortho", "--bbox", LAND, "--dry-run", env=env)
    match = re.fullmatch(r"(\d+) scenes, ([\d,]+) km²\n", done.stdout)
    assert match, done.stdout + done.stderr
    scenes = [s for s in planet_vector.search(query(LAND), connection=service.root, key=service.key)]
    union = shapely.union_all([scene.footprint for scene in scenes])
    assert int(match[1]) == len(scenes) and int(match[2]) == round(square_kilometres(union))
    assert int(match[2]) < 0.3 * sum(square_kilometres(scene.footprint) for scene in scenes)
    box = shapely.box(*map(float, LAND.split(",")))
    share = 100 * square_kilometres(union.intersection(box)) / square_kilometres(box)
    assert f"They cover {share:.1f} % of the area." in done.stderr
    found = coverage_of(scenes, box)
    assert found.area == pytest.approx(square_kilometres(union), rel=1e-5)
    assert found.covered == pytest.approx(share / 100, abs=1e-4)
    assert coverage_of([]).area == 0 and str(coverage_of([])) == "0 scenes, 0.00 km²"
