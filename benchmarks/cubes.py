"""Measure computing a cube of scenes of the same ground, compared with odc-stac alone on the same items.

    python benchmarks/cubes.py [--latency 50] [--dates 12] [--runs 3]

Serves scenes of 2000 × 2000 pixels and four bands of 16 bits, in strips of one row and as COGs, with a latency per
request, and prints time, bytes and requests of computing all dates of an area: 640 × 640 pixels in their middle, and
the whole scenes. `planet_vector.search(…).to_xarray()` is measured over the STAC API and the Scenes API v0 of the
service; odc-stac loads the items that pystac-client finds, with `odc.stac.configure_rio(cloud_defaults=True)`, with
dask as xarray uses it and with a pool of eight threads. Each run is a process of its own, its clock starts with the
search; the fastest is printed. The pixels must be the same.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

import numpy as np
import rasterio
from raster import log_up_to_now
from rasterio.shutil import copy
from rasterio.transform import from_origin

SIDE, PIXEL = 2000, 3.0
LEFT, TOP = 600000.0, 5320000.0
AREAS = {"640 × 640 pixels": (680, 640), "whole scenes": (0, SIDE)}  # first column and row, and side

OURS = """
found = planet_vector.search("ortho", intersects=AREA, connection=ROOT)
cube = found.to_xarray(product="analytic", dst_crs="EPSG:32632").compute()
"""
ODC = """
odc.stac.configure_rio(cloud_defaults=True)
client = pystac_client.Client.open(STAC)
items = list(client.search(collections=["ortho"], intersects=AREA).items())
cube = odc.stac.load(
    items, bands=[f"analytic.{band}" for band in (1, 2, 3, 4)], geobox=GEOBOX, groupby="id", MORE
)COMPUTE
"""
WAYS = {
    "to_xarray, STAC": OURS.replace("ROOT", "STAC"),
    "to_xarray, v0": OURS.replace("ROOT", "V0"),
    "odc-stac, dask": ODC.replace("MORE", "chunks={'y': 1024}").replace("COMPUTE", ".compute()"),
    "odc-stac, 8 threads": ODC.replace("MORE", "pool=8").replace("COMPUTE", ""),
}

PROGRAM = """
import sys, time, warnings, zlib
warnings.simplefilter("ignore")
import numpy as np, odc.stac, planet_vector, pystac_client, shapely
import planet_vector.stacks.cube, planet_vector.catalog.stac.client
from odc.geo.geobox import GeoBox
from rasterio.transform import from_origin
from rasterio.warp import transform_geom
V0, side, west, north = sys.argv[1], *map(float, sys.argv[2:])
STAC = V0.replace("/v0/", "/stac/")
GEOBOX = GeoBox((int(side), int(side)), from_origin(west, north, PIXEL, PIXEL), "EPSG:32632")
# A hair within its pixels, so that no others are touched.
box = shapely.box(west, north - side * PIXEL, west + side * PIXEL, north).buffer(-0.5, join_style="mitre")
AREA = shapely.geometry.shape(transform_geom("EPSG:32632", "EPSG:4326", shapely.geometry.mapping(box)))
begin = time.perf_counter()
CODE
end = time.perf_counter()
north_up = cube.sortby("time").sel(y=GEOBOX.coords["y"].values, x=GEOBOX.coords["x"].values, method="nearest")
pixels = np.stack([np.ascontiguousarray(band.values) for band in north_up.data_vars.values()])
print(end - begin, zlib.crc32(pixels.tobytes()), pixels.shape)
"""


class Run(NamedTuple):
    """Result of one run."""

    seconds: float
    sent: int
    requests: int
    pixels: str


def make(folder: Path, dates: int) -> None:
    """Write the scenes in both forms, into the subfolders ``strips`` and ``cogs``.

    Parameters
    ----------
    folder : Path
        The folder.
    dates : int
        The number of scenes.
    """
    rng = np.random.default_rng(5)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    noise = rng.integers(0, 40, (SIDE, SIDE))
    for kind in ("strips", "cogs"):
        (folder / kind).mkdir()
    for date in range(dates):
        bands = [np.sin((columns + 97 * date) / (60 + 9 * band)) * 900 + rows / 2 + 1500 + noise for band in range(4)]
        strips = folder / "strips" / f"201506{1 + date:02d}_101500_0908_analytic.tif"
        with rasterio.open(
            strips, "w", driver="GTiff", width=SIDE, height=SIDE, count=4, dtype="uint16", crs="EPSG:32632", nodata=0,
            transform=from_origin(LEFT, TOP, PIXEL, PIXEL), compress="lzw", interleave="pixel", blockysize=1,
        ) as dataset:  # fmt: skip
            dataset.write(np.stack(bands).astype("uint16"))
        copy(str(strips), str(folder / "cogs" / strips.name), driver="COG", compress="lzw", blocksize=256)


def run(root: str, log: Path, code: str, corner: int, side: int) -> Run:
    """Run one way in a new process.

    Parameters
    ----------
    root : str
        Root of the Scenes API v0.
    log : Path
        Access log of the service.
    code : str
        Its code.
    corner, side : int
        First column and row of the area, and its number of columns and rows.
    """
    begin = len(log_up_to_now(root, log))
    program = PROGRAM.replace("CODE", code.strip()).replace("PIXEL", str(PIXEL))
    place = [str(side), str(LEFT + corner * PIXEL), str(TOP - corner * PIXEL)]
    environ = {**os.environ, "PLANET_RATE": "0"}
    command = [sys.executable, "-c", program, root, *place]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=900)
    if done.returncode:
        raise SystemExit(done.stderr)
    seconds, pixels = done.stdout.strip().split(maxsplit=1)
    lines = [line.decode() for line in log_up_to_now(root, log)[begin:]]
    files = [line for line in lines if "tif" in line or "/full" in line]
    return Run(float(seconds), sum(int(line.split('" ')[1].split()[1]) for line in files), len(files), pixels)


def main() -> int:
    """Run the measurements.

    Returns
    -------
    int
        1 if the pixels differ, or odc-stac alone is faster.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=int, default=50, help="milliseconds per request")
    parser.add_argument("--dates", type=int, default=12)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    missed = 0
    with tempfile.TemporaryDirectory() as made:
        folder, log = Path(made), Path(made) / "access.log"
        make(folder, options.dates)
        for kind in ("strips", "cogs"):
            log.write_bytes(b"")
            command = [sys.executable, "-m", "planet_vector.cli", "serve", str(folder / kind), "--port", "0"]
            command += ["--latency", str(options.latency), "--access-log", str(log)]
            service = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            try:
                assert service.stdout is not None
                root = service.stdout.readline().split()[-1]
                for area, (corner, side) in AREAS.items():
                    title = f"{options.dates} dates, {kind}, {area}"
                    missed += compare(title, root, log, corner, side, options.runs)
            finally:
                service.terminate()
                service.wait()
                if service.stdout is not None:
                    service.stdout.close()
    return 1 if missed else 0


def compare(title: str, root: str, log: Path, corner: int, side: int, runs: int) -> int:
    """Measure all ways for one area, and print them.

    Parameters
    ----------
    title : str
        Printed first.
    root, log, corner, side
        As for `run`.
    runs : int
        Runs of each way.

    Returns
    -------
    int
        1 if the pixels differ, or odc-stac alone is faster.
    """
    print(title)
    best: Dict[str, Run] = {}
    for way, code in WAYS.items():
        best[way] = min((run(root, log, code, corner, side) for _ in range(runs)), key=lambda one: one.seconds)
        one = best[way]
        print(f"  {way:22}{one.seconds:7.2f} s{one.sent / 1e6:9.2f} MB{one.requests:6d} requests", flush=True)
    ours, others = _fastest(best, "to_xarray"), _fastest(best, "odc-stac")
    print(f"  odc-stac takes {others / ours:.1f} × as long (at least 1)")
    if len({one.pixels for one in best.values()}) > 1:
        print(f"  DIFFERENT PIXELS {best}")
        return 1
    return int(others < ours)


def _fastest(best: Dict[str, Run], beginning: str) -> float:
    found: List[Tuple[str, float]] = [(way, one.seconds) for way, one in best.items() if way.startswith(beginning)]
    return min(seconds for _, seconds in found)


if __name__ == "__main__":
    sys.exit(main())
