"""Stacks as cubes: the pixels of the crops, read by other processes too, the key in none of what travels."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, Optional

import pytest

rasterio = pytest.importorskip("rasterio")
pytest.importorskip("odc.stac")
import cloudpickle  # noqa: E402
import geopandas  # noqa: E402
import numpy as np  # noqa: E402
import shapely  # noqa: E402
from rasterio.warp import transform  # noqa: E402

import planet_vector  # noqa: E402
from planet_vector import AuthError, NotFoundError, QueryError, RasterAccessError  # noqa: E402
from planet_vector.config import Settings  # noqa: E402
from planet_vector.keys import Key  # noqa: E402
from planet_vector.raster.credential_files import temporary_folder  # noqa: E402
from planet_vector.stacks import cube_reader, worker_keys  # noqa: E402

from .conftest import COLUMNS, PIXEL, ROWS, SHOTS, Land, Shot  # noqa: E402
from .test_crop import the_stack  # noqa: E402

# odc-geo calls it.
pytestmark = pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")


DAYS = "2015-06-01/2015-06-04"  # of the scenes with an alpha band


def with_alpha(key: Optional[str] = None) -> Any:
    """Return the scenes whose products have the same four bands."""
    return list(planet_vector.search("PLANET:ortho", datetime=DAYS, key=key))


def test_a_cube_holds_the_pixels_of_the_crops(on_land: Land, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cube_reader, "_KEPT", 0)  # as of a cube that does not fit
    stack = with_alpha()
    crops = planet_vector.crop_stack(stack, tmp_path)
    cube = planet_vector.to_xarray(stack, chunks={"y": 200, "x": 5000})
    assert list(cube.data_vars) == ["red", "green", "blue", "alpha"]
    assert list(cube.scene.values) == [crop.scene.id for crop in crops]
    assert [str(moment)[:19] for moment in cube.time.values] == [f"2015-06-0{n}T10:00:00" for n in range(1, 5)]
    assert cube.red.chunks[1][0] == 200 and cube.red.chunks[0] == (1, 1, 1, 1)
    before = on_land.sent()
    whole = cube.compute(scheduler="threads", num_workers=3)
    fetched = {name: count - before.get(name, 0) for name, count in on_land.sent().items()}
    for number, crop in enumerate(crops):
        with rasterio.open(crop.path) as dataset:
            assert (dataset.height, dataset.width) == (cube.sizes["y"], cube.sizes["x"])
            assert cube.x.values[0] == dataset.transform.c + dataset.transform.a / 2
            expected = dataset.read()
        for band, name in enumerate(cube.data_vars):
            assert np.array_equal(whole[name].isel(time=number), expected[band]), name
        # The four bands of a part lie together, and are fetched once, not once each.
        assert fetched[crop.scene.id] < 2 * on_land.path(SHOTS[number]).stat().st_size


def test_a_product_of_other_bands_is_named(on_land: Land) -> None:
    with pytest.raises(RasterAccessError, match=f"{SHOTS[4].name}.* 3 bands"):
        planet_vector.to_xarray(the_stack()).alpha.compute(scheduler="synchronous")


def corner_of(shot: Shot) -> Any:
    """Return the ground within 150 m of the south-eastern corner of a scene, most of which it does not see."""
    x, y = shot.left + COLUMNS * PIXEL, shot.top - ROWS * PIXEL
    corners = transform(
        f"EPSG:{shot.epsg}", "EPSG:4326", [x - 150, x + 150, x + 150, x - 150], [y - 150, y - 150, y + 150, y + 150]
    )
    return shapely.Polygon(list(zip(*corners)))


def expected_pixels(path: Path, cube: Any) -> Any:
    """Return the pixels of a file on the grid of a cube in whose pixels it lies, 0 beyond."""
    with rasterio.open(path) as dataset:
        column, row = (round(at) for at in ~dataset.transform * (cube.x.values[0] - 1.5, cube.y.values[0] + 1.5))
        window = rasterio.windows.Window(column, row, cube.sizes["x"], cube.sizes["y"])
        return dataset.read(window=window, boundless=True, fill_value=0)


def test_a_search_is_a_cube_of_its_area(on_land: Land) -> None:
    found = planet_vector.search("PLANET:ortho", intersects=corner_of(SHOTS[0]), datetime=DAYS)
    cube = found.to_xarray(chunks={"y": 30, "x": 40}, dst_crs="EPSG:32632")
    assert list(cube.data_vars) == ["red", "green", "blue", "alpha"]
    assert list(cube.scene.values) == [scene.id for scene in reversed(found)]
    assert [str(moment)[:19] for moment in cube.time.values] == [f"2015-06-0{n}T10:00:00" for n in range(1, 5)]
    part = cube.isel(time=[0, 1]).compute(scheduler="threads", num_workers=2).to_array().values
    for number, shot in enumerate(SHOTS[:2]):
        expected = expected_pixels(on_land.path(shot), cube)
        assert np.array_equal(part[:, number], expected) and not expected[3].all() and expected[3].any()


def test_scenes_need_not_cover_the_area_of_a_cube(on_land: Land) -> None:
    scenes = list(planet_vector.search("PLANET:ortho", datetime=DAYS))
    area = corner_of(SHOTS[0])
    with pytest.raises(QueryError, match=r"covers [0-9.]+ %.* partly=True"):
        planet_vector.to_xarray(scenes, area=area)
    frame = geopandas.GeoSeries([area], crs=4326).to_crs(32632)  # any area that a search takes
    here = planet_vector.to_xarray(scenes, area=frame, partly=True)
    by_name = planet_vector.to_xarray(f"PLANET:ortho?acquired={DAYS}&intersects={area.wkt}")
    assert here.coords.equals(by_name.coords)
    everywhere = planet_vector.to_xarray(scenes, partly=True)
    corners = shapely.get_coordinates([scene.footprint for scene in scenes])
    xs, ys = transform("EPSG:4326", "EPSG:32632", *corners.T)
    assert everywhere.x.values[[0, -1]] == pytest.approx([min(xs), max(xs)], abs=PIXEL)
    assert everywhere.y.values[[0, -1]] == pytest.approx([max(ys), min(ys)], abs=PIXEL)
    shared = planet_vector.to_xarray(planet_vector.search("PLANET:ortho", datetime=DAYS), rectangle=True)
    assert shared.sizes["x"] < COLUMNS
    with pytest.raises(NotFoundError, match="None of the scenes touches"):
        planet_vector.to_xarray(scenes, area=shapely.box(0, 0, 1, 1), partly=True)
    for wrong, told in [
        ({"resampling": "lanczos"}, "it takes nearest, bilinear, cubic, average"),
        ({"chunks": {"y": 0}}, "whole numbers from 1 for y and x"),
        ({"chunks": {"z": 5}}, "chunks is {'z': 5}"),
        ({"rectangle": True, "partly": True}, "leave out"),
    ]:
        with pytest.raises(QueryError, match=told):
            planet_vector.to_xarray(scenes, **wrong)
    for odd, told in [(scenes[0], "into a list"), ([], "no scenes"), (["x"], "are of type str")]:
        with pytest.raises(QueryError, match=told):
            planet_vector.to_xarray(odd)
    with pytest.raises(QueryError, match="is a Point"):
        planet_vector.search("PLANET:ortho", intersects=area.centroid).to_xarray()
    with pytest.raises(NotFoundError, match="No scenes"):
        planet_vector.search("PLANET:ortho", datetime="2014").to_xarray()


def test_the_key_reaches_other_processes_and_is_in_nothing_that_travels(
    on_land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PL_API_KEY")
    key = on_land.service.key
    cube = planet_vector.to_xarray(with_alpha(key), chunks={"y": 200})
    graph = dict(cube.__dask_graph__())
    assert key not in repr(cube) + repr(graph) + str(list(graph))
    pickled = cloudpickle.dumps(cube)
    assert key.encode() not in pickled and on_land.service.url.encode() in pickled
    loaded = cloudpickle.loads(pickled).alpha[0, :9].values  # as in a worker, which finds no key itself
    assert np.array_equal(loaded, cube.alpha[0, :9].values)
    files = list(temporary_folder().glob("worker-*.txt"))
    assert key in [file.read_text().split()[-1] for file in files]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600} or os.name == "nt"
    worker_keys._remove()  # as at the end of the process
    with pytest.raises(AuthError, match="on another machine or has ended"):
        cloudpickle.loads(pickled).alpha[0, :9].compute()


@pytest.mark.parametrize("key", [Key("k3y"), Key("t0ken", scheme="Bearer"), Key.of_user("anna", "p w")], ids=repr)
def test_a_worker_sends_the_key_as_the_process_that_made_the_task(key: Key) -> None:
    root = "https://imagery.example.org/v0/"
    token = worker_keys.token_for_workers(Settings(root, key))
    try:
        assert worker_keys.settings_of_worker(root, token).key == key
        assert worker_keys.settings_of_worker("https://other.example.org/v0/", token).key is None
    finally:
        worker_keys._remove()


WORKERS = """
import os
import sys
import numpy as np
import planet_vector
from dask.distributed import Client, LocalCluster

if __name__ == "__main__":
    key = os.environ.pop("PL_API_KEY")  # the workers do not inherit it
    found = planet_vector.search("PLANET:ortho", datetime="2015-06-01/2015-06-04", key=key)
    cube = found.to_xarray(chunks={"y": 200, "x": 5000})
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        with Client(cluster):
            there = cube.mean(("y", "x")).compute()
    here = cube.mean(("y", "x")).compute(scheduler="threads")
    assert np.allclose(there.red, here.red), (there.red, here.red)
    print("the same")
"""


@pytest.mark.long
def test_workers_of_other_processes_read_the_same(on_land: Land, tmp_path: Path) -> None:
    program = tmp_path / "workers.py"
    program.write_text(WORKERS)
    environ = {**os.environ, "DASK_TEMPORARY_DIRECTORY": str(tmp_path)}  # whose locks dask never removes
    command = [sys.executable, str(program)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environ)
    assert done.stdout == "the same\n", done.stderr
    assert on_land.service.key not in done.stdout + done.stderr
