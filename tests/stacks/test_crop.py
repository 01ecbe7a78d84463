"""Crops of a stack: one grid, the land where it was, and no more bytes than the rows hold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

rasterio = pytest.importorskip("rasterio")
import numpy as np  # noqa: E402
import shapely  # noqa: E402
from rasterio.warp import transform_bounds  # noqa: E402

import planet_vector  # noqa: E402
from planet_vector import ConfigError, NotFoundError, QueryError  # noqa: E402
from planet_vector.scene import Scene  # noqa: E402
from tests.schemas import ORTHO  # noqa: E402

from ..conftest import Service  # noqa: E402
from ..raster.conftest import strips  # noqa: E402
from .conftest import COLUMNS, PIXEL, ROWS, SHOTS, UNSEEN, Land, Shot, land_at, rows_needed  # noqa: E402

Run = Callable[..., Any]


def the_stack() -> Any:
    scenes = list(planet_vector.search("PLANET:ortho"))
    (stack,) = [s for s in planet_vector.find_stacks(scenes) if s.depth == len(SHOTS)]
    return stack


def opened(paths: List[Path]) -> List[Any]:
    return [rasterio.open(path) for path in paths]


def grid(dataset: Any) -> Any:
    return dataset.crs.to_epsg(), tuple(dataset.transform), dataset.shape


def expected_land(dataset: Any) -> np.ndarray:
    """Return the land where a crop says its pixels are."""
    from pyproj import Transformer

    columns, rows = np.meshgrid(np.arange(dataset.width) + 0.5, np.arange(dataset.height) + 0.5)
    x, y = dataset.transform * (columns, rows)
    return land_at(*Transformer.from_crs(dataset.crs, 4326, always_xy=True).transform(x, y))


def seen_by(shot: Shot, dataset: Any) -> np.ndarray:
    """Return which pixels of a crop the camera of a scene saw."""
    from pyproj import Transformer

    columns, rows = np.meshgrid(np.arange(dataset.width) + 0.5, np.arange(dataset.height) + 0.5)
    x, y = Transformer.from_crs(dataset.crs, shot.epsg, always_xy=True).transform(
        *(dataset.transform * (columns, rows))
    )
    column, row = (x - shot.left) / PIXEL, (shot.top - y) / PIXEL
    within = (column >= 0) & (column < COLUMNS) & (row >= 0) & (row < ROWS)
    return within & (np.floor(column) + np.floor(row) + 1 > UNSEEN)


def alike(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.astype(float).ravel(), b.astype(float).ravel())[0, 1])


def test_crops_are_of_one_grid_and_show_the_same_land(on_land: Land, tmp_path: Path) -> None:
    stack = the_stack()
    crops = planet_vector.crop_stack(stack, tmp_path)
    assert [crop.scene.id for crop in crops] == sorted(shot.name for shot in SHOTS)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{s.name}_visual_crop.tif" for s in SHOTS]
    datasets = opened([crop.path for crop in crops])
    assert len({grid(dataset) for dataset in datasets}) == 1
    first = datasets[0]
    assert first.crs.to_epsg() == 32632 and first.transform.a == PIXEL and first.transform.e == -PIXEL
    # On the pixels of the zone's first scene, inside what all saw.
    assert (first.transform.c - SHOTS[0].left) % PIXEL == 0 and (first.transform.f - SHOTS[0].top) % PIXEL == 0
    degrees = transform_bounds(first.crs, "EPSG:4326", *first.bounds)
    assert stack.footprint.buffer(1e-5).contains(shapely.box(*degrees).centroid)
    land = expected_land(first)
    for dataset, crop in zip(datasets, crops):
        pixels = dataset.read([1, 2, 3])
        assert alike(pixels, land) > 0.95, dataset.name
        # No better two rows or columns off: nearest neighbours may be half a pixel away.
        for axis in (1, 2):
            for a, b in ((pixels, land), (land, pixels)):
                moved = alike(np.delete(a, [0, 1], axis), np.delete(b, [-1, -2], axis))
                assert moved < alike(pixels, land)
        assert crop.valid == pytest.approx(dataset.dataset_mask().astype(bool).mean(), abs=1e-9)
        assert crop.valid > 0.99
    for one in datasets[1:]:
        assert alike(one.read([1, 2, 3]), first.read([1, 2, 3])) > 0.95


def test_pixels_of_the_same_grid_are_those_of_the_file(on_land: Land, tmp_path: Path) -> None:
    crops = planet_vector.crop_stack(the_stack(), tmp_path)
    for crop, shot in list(zip(crops, SHOTS))[:2]:
        with rasterio.open(crop.path) as part, rasterio.open(on_land.path(shot)) as whole:
            column, row = (round(n) for n in ~whole.transform * (part.transform.c, part.transform.f))
            window = rasterio.windows.Window(column, row, part.width, part.height)
            assert np.array_equal(part.read(), whole.read(window=window))
            assert part.colorinterp == whole.colorinterp


def test_tags_tell_scene_time_and_what_is_valid(on_land: Land, tmp_path: Path) -> None:
    for crop in planet_vector.crop_stack(the_stack(), tmp_path, cog=True):
        with rasterio.open(crop.path) as dataset:
            tags = dataset.tags()
            assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert tags["id"] == crop.scene.id and tags["product"] == "visual" and tags["scene_type"] == "ortho"
        assert tags["acquired"] == crop.scene.acquired.isoformat()
        assert tags["TIFFTAG_DATETIME"] == crop.scene.acquired.strftime("%Y:%m:%d %H:%M:%S")
        assert float(tags["valid"]) == pytest.approx(crop.valid, abs=1e-6)


CROP = """
import sys, planet_vector
scenes = list(planet_vector.search("PLANET:ortho"))
(stack,) = [s for s in planet_vector.find_stacks(scenes) if s.depth == int(sys.argv[2])]
planet_vector.crop_stack(stack, sys.argv[1])
"""


def test_no_more_is_fetched_than_the_rows_of_the_rectangle(on_land: Land, tmp_path: Path) -> None:
    before = on_land.sent()
    # In a process of its own: nothing of the files is known to its GDAL.
    subprocess.run([sys.executable, "-c", CROP, str(tmp_path), str(len(SHOTS))], check=True, env=dict(os.environ))
    sent = {name: count - before.get(name, 0) for name, count in on_land.sent().items()}
    needed: Dict[str, int] = {}
    for shot in SHOTS:
        with rasterio.open(tmp_path / f"{shot.name}_visual_crop.tif") as dataset:
            first, count = rows_needed(on_land.path(shot), tuple(dataset.bounds), dataset.crs.to_wkt())
        needed[shot.name] = strips(on_land.path(shot), first, count)
        assert needed[shot.name] < 0.9 * on_land.path(shot).stat().st_size
    assert sum(needed.values()) <= sum(sent.values()) <= 1.15 * sum(needed.values())
    for name, count in needed.items():
        assert sent[name] <= 1.15 * count, name


def test_a_crop_has_the_mask_of_its_scene(on_land: Land, tmp_path: Path) -> None:
    # A stack that claims the unseen corner, too, and ground beyond the rasters.
    from planet_vector.stacks.overlap import Stack

    scenes = tuple(sorted(planet_vector.search("PLANET:ortho"), key=lambda scene: scene.id))
    west, south, east, north = transform_bounds(
        "EPSG:32632", "EPSG:4326", SHOTS[0].left - 300, SHOTS[0].top - 900, SHOTS[0].left + 900, SHOTS[0].top + 150
    )
    claimed = Stack(scenes, shapely.MultiPolygon([shapely.box(west, south, east, north)]), 1.0)
    crops = planet_vector.crop_stack(claimed, tmp_path / "all")
    datasets = opened([crop.path for crop in crops])
    assert len({grid(dataset) for dataset in datasets}) == 1
    for dataset, crop, shot in zip(datasets, crops, SHOTS):
        mask = dataset.dataset_mask() > 0
        assert 0.1 < crop.valid < 0.95 and crop.valid == pytest.approx(mask.mean(), abs=1e-9)
        assert np.mean(mask != seen_by(shot, dataset)) < 0.005
    least = sorted(crop.valid for crop in crops)[2]
    some = planet_vector.crop_stack(claimed, tmp_path / "some", require_valid=least)
    assert [crop.path is None for crop in some] == [crop.valid < least for crop in crops]
    assert len(list((tmp_path / "some").iterdir())) == sum(crop.valid >= least for crop in crops) < len(SHOTS)


def test_other_systems_and_own_grids(on_land: Land, tmp_path: Path) -> None:
    stack = the_stack()
    web = opened([c.path for c in planet_vector.crop_stack(stack, tmp_path / "web", dst_crs="EPSG:3857")])
    assert len({grid(dataset) for dataset in web}) == 1 and web[0].crs.to_epsg() == 3857
    assert web[0].transform.a == -web[0].transform.e
    assert alike(web[3].read([1, 2, 3]), expected_land(web[3])) > 0.95
    other = opened([c.path for c in planet_vector.crop_stack(stack, tmp_path / "33", dst_crs="EPSG:32633")])
    assert {dataset.crs.to_epsg() for dataset in other} == {32633}
    own = planet_vector.crop_stack(stack, tmp_path / "own", align=False)
    for crop, shot in zip(own, SHOTS):
        with rasterio.open(crop.path) as part, rasterio.open(on_land.path(shot)) as whole:
            assert part.crs == whole.crs
            column, row = (round(n, 6) for n in ~whole.transform * (part.transform.c, part.transform.f))
            assert column == int(column) and row == int(row)
            window = rasterio.windows.Window(int(column), int(row), part.width, part.height)
            assert np.array_equal(part.read(), whole.read(window=window))


def test_blending_keeps_colours_out_of_what_is_not_seen(on_land: Land, tmp_path: Path) -> None:
    crops = planet_vector.crop_stack(the_stack(), tmp_path, resampling="bilinear")
    with rasterio.open(crops[3].path) as dataset:
        assert alike(dataset.read([1, 2, 3]), expected_land(dataset)) > 0.95


def test_what_cannot_be_is_said_before_anything_is_written(on_land: Land, tmp_path: Path) -> None:
    stack = the_stack()
    for wrong in ({"resampling": "best"}, {"require_valid": 2}, {"dst_crs": "EPSG:3857", "align": False}):
        with pytest.raises(QueryError):
            planet_vector.crop_stack(stack, tmp_path / "none", **wrong)
    with pytest.raises(NotFoundError, match="no product"):
        planet_vector.crop_stack(stack, tmp_path / "none", product="analytic")
    features = [scene.feature for scene in stack.scenes]
    with pytest.raises(QueryError, match="of type dict: take those of a search"):
        planet_vector.crop_stack(planet_vector.find_stacks(features)[0], tmp_path / "none")
    far = Scene(
        {**features[0], "id": "far", "geometry": json.loads(shapely.to_geojson(shapely.box(0, 0, 1, 1)))}, ORTHO
    )
    with pytest.raises(QueryError, match="no ground in common"):
        planet_vector.crop_stack([stack.scenes[0], far], tmp_path / "none")
    assert not (tmp_path / "none").exists()
    planet_vector.crop_stack(stack, tmp_path)
    with pytest.raises(ConfigError, match="is there already"):
        planet_vector.crop_stack(stack, tmp_path)


def test_on_the_sample_clear_dates_correlate(connected: Service, tmp_path: Path) -> None:
    """Fields of the sample change with the seasons; two clear scenes of one season show the same."""
    span = "acquired.gte=2015-08-01&acquired.lt=2015-09-30"
    search = f"PLANET:ortho?{span}&cloud_cover.estimated.lte=0.2&bbox=11.9,47.8,12.1,48"
    stack = planet_vector.find_stacks(planet_vector.search(search), distinct_days=True, min_area=1e6)[0]
    assert stack.depth >= 3
    crops = planet_vector.crop_stack(stack, tmp_path)
    first, *others = (rasterio.open(crop.path).read([1, 2, 3]) for crop in crops)
    for other in others:
        assert alike(first, other) > 0.95
        assert alike(first[:, :, 1:], other[:, :, :-1]) < alike(first, other)
