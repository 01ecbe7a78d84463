"""Stacks as cubes: the pixels of the crops, read by other processes too, the key in none of what travels."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

rasterio = pytest.importorskip("rasterio")
pytest.importorskip("odc.stac")
import cloudpickle  # noqa: E402
import numpy as np  # noqa: E402

import planet_vector  # noqa: E402
from planet_vector import RasterAccessError  # noqa: E402

from .conftest import SHOTS, Land  # noqa: E402
from .test_crop import the_stack  # noqa: E402

# odc-geo calls it.
pytestmark = pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")


def with_alpha() -> Any:
    """Return the scenes of the stack whose products have the same four bands."""
    return [scene for scene in the_stack().scenes if scene.id != SHOTS[4].name]


def test_a_cube_holds_the_pixels_of_the_crops(on_land: Land, tmp_path: Path) -> None:
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


def test_the_key_is_in_nothing_that_travels(on_land: Land) -> None:
    cube = planet_vector.to_xarray(with_alpha())
    graph = dict(cube.__dask_graph__())
    key = on_land.service.key
    assert key not in repr(cube) + repr(graph) + str(list(graph))
    pickled = cloudpickle.dumps(cube)
    assert key.encode() not in pickled and on_land.service.url.encode() in pickled


WORKERS = """
import sys
import numpy as np
import planet_vector
from dask.distributed import Client, LocalCluster

if __name__ == "__main__":
    scenes = list(planet_vector.search("PLANET:ortho"))
    stack = [scene for scene in scenes if scene.id != sys.argv[1]]
    cube = planet_vector.to_xarray(stack, chunks={"y": 200, "x": 5000})
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        with Client(cluster):
            there = cube.mean(("y", "x")).compute()
    here = cube.mean(("y", "x")).compute(scheduler="threads")
    assert np.allclose(there.red, here.red), (there.red, here.red)
    print("the same")
"""


def test_workers_of_other_processes_read_the_same(on_land: Land, tmp_path: Path) -> None:
    program = tmp_path / "workers.py"
    program.write_text(WORKERS)
    environ = {**os.environ, "DASK_TEMPORARY_DIRECTORY": str(tmp_path)}  # whose locks dask never removes
    command = [sys.executable, str(program), SHOTS[4].name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environ)
    assert done.stdout == "the same\n", done.stderr
    assert on_land.service.key not in done.stdout + done.stderr
