"""Threads that use a GDAL at once, while the driver is known to it and not yet loaded: none waits for ever."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Callable

import pytest

from planet_vector.driver.registration import environment

# The loading of the driver is made to take a second, in which another thread uses the same GDAL.
SLOW_LOAD = """
import faulthandler, sys, threading, time
from pathlib import Path

faulthandler.dump_traceback_later(20, exit=True)
package, use, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
__import__(package)
import planet_vector
planet_vector.register()

under_way = threading.Event()

def slow(event, details):
    if event == "compile" and "gdal_PLANET" in str(details):
        under_way.set()
        time.sleep(1)

sys.addaudithook(slow)

def vector(write, path):
    import geopandas, shapely
    if package == "fiona":
        import fiona
        schema = {"geometry": "Point", "properties": {}}
        if write:
            with fiona.open(path, "w", driver="GeoJSON", crs="EPSG:4326", schema=schema):
                return
        fiona.open(path)
    else:
        import pyogrio
        if write:
            frame = geopandas.GeoDataFrame(geometry=[shapely.Point(1, 2)], crs=4326)
            pyogrio.write_dataframe(frame, path, driver="GeoJSON")
        pyogrio.read_info(path)

def raster(write, path):
    import numpy, rasterio
    if write:
        transform = rasterio.transform.from_origin(0, 0, 1, 1)
        with rasterio.open(path, "w", "GTiff", 8, 8, 1, "EPSG:4326", transform, "uint8") as target:
            target.write(numpy.zeros((1, 8, 8), "uint8"))
    rasterio.open(path).close()

def osgeo(write, path):
    from osgeo import gdal
    gdal.UseExceptions()
    if write:
        gdal.GetDriverByName("GTiff").Create(path, 8, 8)
    gdal.OpenEx(path)

ask = {"rasterio": raster, "osgeo.gdal": osgeo}.get(package, vector)

def first():
    try:
        ask(False, str(folder / "nothing"))
    except Exception as error:
        print(type(error).__name__)

thread = threading.Thread(target=first)
thread.start()
under_way.wait(2)
if use == "create":
    ask(True, str(folder / "new.any"))
else:
    first()
thread.join()
print("ended")
"""


@pytest.mark.parametrize("use", ["create", "open"])
@pytest.mark.parametrize("package", ["fiona", "pyogrio", "rasterio"])
def test_a_thread_that_loads_the_driver_holds_up_no_other(
    package: str, use: str, run: Callable[..., Any], tmp_path: Path
) -> None:
    pytest.importorskip(package)
    done = run(sys.executable, "-c", SLOW_LOAD, package, use, str(tmp_path))
    assert done.stdout.endswith("ended\n"), done.stderr


@pytest.mark.parametrize("use", ["create", "open"])
def test_so_in_osgeo(use: str, system_python: Callable[..., Any], tmp_path: Path) -> None:
    done = system_python(SLOW_LOAD, "osgeo.gdal", use, str(tmp_path))
    assert done.stdout.endswith("ended\n"), done.stderr


SAMPLE = """
import faulthandler, sys, time
from pathlib import Path

faulthandler.dump_traceback_later(60, exit=True)

def slow(event, details):
    if event == "compile" and "gdal_PLANET" in str(details):
        print("loading", flush=True)
        time.sleep(1)

sys.addaudithook(slow)
from planet_vector.server.sample.making import make_sample
make_sample(Path(sys.argv[1]), size="small")
print("ended")
"""


def test_a_sample_is_made_by_several_threads_where_the_shell_knows_the_driver(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    """Without planet_vector.register(): rasterio finds the driver in the environment."""
    pytest.importorskip("fastapi")
    done = run(sys.executable, "-c", SAMPLE, str(tmp_path / "sample"), env={**os.environ, **environment()})
    # Once for the driver itself, and for the other, which has the same classes.
    assert done.stdout in ("loading\n" * times + "ended\n" for times in (2, 3)), done.stderr


MANY_WRITERS = """
import faulthandler, sys, threading
from pathlib import Path
faulthandler.dump_traceback_later(30, exit=True)
import planet_vector
planet_vector.register()
import numpy, rasterio
planet_vector.register()

folder, barrier = Path(sys.argv[1]), threading.Barrier(8)

def write(number):
    path = folder / f"{number}.tif"
    path.write_bytes(b"not a raster")  # which GDAL looks at before it overwrites it
    barrier.wait()
    transform = rasterio.transform.from_origin(0, 0, 1, 1)
    with rasterio.open(path, "w", "GTiff", 8, 8, 1, "EPSG:4326", transform, "uint8") as target:
        target.write(numpy.full((1, 8, 8), number, "uint8"))

threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print([int(rasterio.open(folder / f"{number}.tif").read().max()) for number in range(8)])
"""


@pytest.mark.long
def test_200_processes_whose_threads_write_rasters_end(run: Callable[..., Any], tmp_path: Path) -> None:
    for _ in range(200):
        done = run(sys.executable, "-c", MANY_WRITERS, str(tmp_path))
        assert done.stdout == "[0, 1, 2, 3, 4, 5, 6, 7]\n", done.stderr
