"""Measure reading mosaics and stacks of bands, compared with plain rasterio and with a lower limit.

    python benchmarks/mosaics.py [--latency 50] [--scenes 25 100] [--before DIRECTORY]

Serves scenes of 2000 × 2000 pixels (RGBA; strips of one row, or COGs with overviews) and the bands of a Landsat scene,
with a latency per request, and prints time, bytes and requests for each task and method. The time is the shortest of
three reads, without opening the mosaic. `--before` names a folder with another version of this package; it is measured
as well, and its pixels must be the same.

The limit has the bytes of the blocks that contain the pixels, a request for each two hundred non-adjacent blocks of a
file, and as many parallel requests as this package sends; it includes no processing.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np
import rasterio
from raster import log_up_to_now
from rasterio.enums import Resampling
from rasterio.shutil import copy
from rasterio.transform import from_origin
from rasterio.windows import from_bounds

SIDE, STEP, CONNECTIONS = 2000, 1800, 8
LEFT, TOP, PIXEL = 400000.0, 5700000.0, 3.0
LANDSAT = "LC80430342015060LGN00"

# Each runs in its own process, as GDAL caches what it has read. `LINKS`, `across` (side of the mosaic in pixels) and
# `bounds` (of a window in its middle) are given; the result is `found`.
OURS = """
dataset = planet_vector.mosaic(SEARCH)
opened = time.perf_counter()
"""
GTI = """
sources = [rasterio.open("/vsicurl/" + links[0])]
opened = time.perf_counter()
dataset = rasterio.open("GTI:" + INDEX)
"""
QUICK = "found = dataset.read(out_shape=(4, 1000, 1000))"
WINDOW = "found = dataset.read(window=from_bounds(*bounds, dataset.transform).round_offsets().round_lengths())"
MERGE = "opened = time.perf_counter()\nfound, _ = merge(['/vsicurl/' + link for link in links], {})"
MERGED = {QUICK: "res=(across * 3.0 / 1000,) * 2", WINDOW: "bounds=bounds"}
BANDS = f"""
dataset = planet_vector.open("PLANET:landsat/{LANDSAT}/band_4,band_3,band_2")
opened = time.perf_counter()
"""
THREADS = f"""
from concurrent.futures import ThreadPoolExecutor
names = [f"/vsicurl/{{root}}scenes/landsat/{LANDSAT}/full?product=band_{{band}}" for band in (4, 3, 2)]
def one(name):
    with rasterio.Env(**EXPERT), rasterio.open(name) as dataset:
        return dataset.read(1, OPTIONS)
opened = time.perf_counter()
found = np.stack(list(ThreadPoolExecutor(3).map(one, names)))
"""

PROGRAM = """
import sys, time, warnings, zlib
warnings.simplefilter("ignore")
import numpy as np, rasterio, planet_vector
from planet_vector import rasters
from planet_vector.raster import band_stack, product, remote_file, scene_mosaic
from rasterio.merge import merge
from rasterio.windows import Window, from_bounds
root, side, kind = sys.argv[1:4]
across, bounds, ids = int(sys.argv[4]), eval(sys.argv[5]), sys.argv[6:]
links = [f"{root}scenes/ortho/{one}/full?product=visual" for one in ids]
EXPERT = dict(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR", CPL_VSIL_CURL_CHUNK_SIZE=2**20, VSI_CACHE=True,
              CPL_VSIL_CURL_CACHE_SIZE=256 * 2**20, GDAL_INGESTED_BYTES_AT_OPEN=65536)
begin = time.perf_counter()
found = None
def go():
    global found, opened
    CODE
go()
end = time.perf_counter()
print(opened - begin, end - opened, zlib.crc32(np.ascontiguousarray(found).tobytes()), found.shape)
"""


def make(directory: Path, most: int) -> None:
    """Write scenes that overlap by a tenth, in two forms, and the bands of a Landsat scene.

    Parameters
    ----------
    directory : Path
        The folder; receives the subfolders strips and cogs.
    most : int
        The number of scenes.
    """
    rng = np.random.default_rng(5)
    side = math.isqrt(most)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    noise = rng.integers(0, 3, (3, SIDE, SIDE))
    for number in range(most):
        row, column = divmod(number, side)
        bands = [np.sin((columns + 37 * number) / (60 + 7 * n)) * 50 + np.cos(rows / 90) * 50 + 128 for n in range(3)]
        pixels = np.stack([*bands, np.full((SIDE, SIDE), 255.0)])
        pixels[:3] += noise
        pixels[:, :20, : 30 + number] = 0
        place = from_origin(LEFT + column * STEP * PIXEL, TOP - row * STEP * PIXEL, PIXEL, PIXEL)
        profile = {
            "driver": "GTiff", "width": SIDE, "height": SIDE, "count": 4, "dtype": "uint8", "crs": "EPSG:32611",
            "transform": place, "compress": "lzw", "interleave": "pixel", "blockysize": 1, "photometric": "RGB",
            "alpha": "yes",
        }  # fmt: skip
        strips = directory / "strips" / f"201503{1 + number // 24:02d}_{number % 24:02d}2415_0908_visual.tif"
        strips.parent.mkdir(parents=True, exist_ok=True)
        with rasterio.open(strips, "w", **profile) as dataset:
            dataset.write(pixels.astype("uint8"))
        cogs = directory / "cogs"
        cogs.mkdir(exist_ok=True)
        copy(str(strips), str(cogs / strips.name), driver="COG", compress="lzw", blocksize=256)
    bands = directory / "strips" / "landsat"
    bands.mkdir()
    for number in (4, 3, 2):
        pixels = (np.sin(columns / (50 + number)) * 900 + rows + 2000 + noise[0] * 9).astype("uint16")
        place = from_origin(LEFT, TOP, 30.0, 30.0)
        with rasterio.open(
            bands / f"{LANDSAT}_band_{number}.tif", "w", driver="GTiff", width=SIDE, height=SIDE, count=1,
            dtype="uint16", crs="EPSG:32611", transform=place, compress="lzw", blockysize=1,
        ) as dataset:  # fmt: skip
            dataset.write(pixels, 1)


def limit(files: List[Path], task: str, across: int, bounds: Tuple[float, ...], latency: float) -> Tuple[Any, ...]:
    """Return time, bytes and requests of reading only the necessary blocks.

    Parameters
    ----------
    files : list of Path
        The scenes of the mosaic, by row and column.
    task : str
        `QUICK` or `WINDOW`.
    across : int
        Side of the mosaic in pixels.
    bounds : tuple of float
        Left, bottom, right and top of the window.
    latency : float
        Seconds per request.

    Returns
    -------
    tuple
        Seconds, bytes and requests.
    """
    from planet_vector.http.multirange import MOST_RANGES
    from planet_vector.raster.byte_ranges import ReadWindow, ranges_of
    from planet_vector.raster.spans import together

    size = requests = 0
    for path in files:
        with rasterio.open(path) as dataset:
            if task == QUICK:
                rows = max(1, round(dataset.height * 1000 / across))
                part = ReadWindow(None, None, (rows, rows), Resampling.nearest)
            else:
                inside = (max(bounds[0], dataset.bounds.left), max(bounds[1], dataset.bounds.bottom),
                          min(bounds[2], dataset.bounds.right), min(bounds[3], dataset.bounds.top))  # fmt: skip
                if inside[0] >= inside[2] or inside[1] >= inside[3]:
                    continue
                window = from_bounds(*inside, dataset.transform).round_offsets().round_lengths()
                part = ReadWindow(None, window, None, Resampling.nearest)

            def level(number: int, name: str = str(path)) -> Any:
                return rasterio.open(name, overview_level=number)

            ranges = set(ranges_of(dataset, level, part))
            size += sum(end - first for first, end in ranges)
            requests += math.ceil(len(together(ranges, 4096, 2**31)) / MOST_RANGES)
    return math.ceil(requests / CONNECTIONS) * latency, size, requests


def run(root: str, log: Path, code: str, arguments: List[str], package: Path) -> Tuple[float, float, int, int, str]:
    """Run one method in a new process.

    Parameters
    ----------
    root : str
        Root URL of the API.
    log : Path
        Access log of the service.
    code : str
        The code of the method.
    arguments : list of str
        Arguments of `PROGRAM`.
    package : Path
        Folder with the version of the package.

    Returns
    -------
    tuple
        Seconds to open, seconds to read, bytes, requests, and checksum and shape of the pixels.
    """
    begin = len(log_up_to_now(root, log))
    environ = {**os.environ, "PL_API_URL": root, "PLANET_RATE": "0", "PYTHONPATH": str(package)}
    program = PROGRAM.replace("CODE", code.strip().replace("\n", "\n    "))
    done = subprocess.run(
        [sys.executable, "-c", program, root, *arguments],
        env=environ,
        cwd=package,
        capture_output=True,
        text=True,
        timeout=3000,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    lines = [line.decode() for line in log_up_to_now(root, log)[begin:] if b"/full" in line]
    sent = [int(line.split('" ')[1].split()[1]) for line in lines]
    opened, read, *rest = done.stdout.split(maxsplit=2)
    return float(opened), float(read), sum(sent), len(sent), rest[0].strip()


def index(path: Path, root: str, files: List[Path]) -> None:
    """Write a GDAL tile index.

    Parameters
    ----------
    path : Path
        The GeoPackage to write.
    root : str
        Root URL of the API.
    files : list of Path
        The scenes.
    """
    import fiona

    schema = {"geometry": "Polygon", "properties": {"location": "str", "number": "int"}}
    with fiona.open(path, "w", driver="GPKG", crs="EPSG:32611", schema=schema) as layer:
        for number, file in enumerate(files):
            with rasterio.open(file) as dataset:
                left, bottom, right, top = dataset.bounds
            ring = [(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)]
            name = file.name[: -len("_visual.tif")]
            location = f"/vsicurl/{root}scenes/ortho/{name}/full?product=visual"
            shape = {"type": "Polygon", "coordinates": [ring]}
            layer.write({"geometry": shape, "properties": {"location": location, "number": number}})


def main() -> int:
    """Run the measurements.

    Returns
    -------
    int
        The exit code: 1 if the other version reads different pixels.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=int, nargs="+", default=[50], help="milliseconds per request")
    parser.add_argument("--scenes", type=int, nargs="+", default=[25, 100])
    parser.add_argument("--before", type=Path, help="folder with another version of the package")
    parser.add_argument("--kinds", nargs="+", default=["strips", "cogs"])
    parser.add_argument("--peers", nargs="*", default=["GTI"], help="GTI and merge; merge is slow")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--archive", type=Path, help="folder that keeps the scenes for the next run")
    arguments = parser.parse_args()
    here = Path(__file__).resolve().parent.parent
    differ = 0
    with tempfile.TemporaryDirectory() as name:
        archive = arguments.archive or Path(name)
        if not (archive / "strips").exists():
            make(archive, max(arguments.scenes))
        for latency in arguments.latency:
            for kind in arguments.kinds:
                log = Path(name) / "access.log"
                log.write_bytes(b"")
                command = [sys.executable, "-m", "planet_vector.cli", "serve", str(archive / kind), "--port", "0"]
                command += ["--latency", str(latency), "--access-log", str(log)]
                service = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
                try:
                    assert service.stdout is not None
                    root = service.stdout.readline().split()[-1]
                    for count in arguments.scenes:
                        differ += compare(arguments, archive / kind, root, log, kind, count, latency, here)
                    if kind == "strips":
                        differ += stack(arguments, root, log, latency, here)
                finally:
                    service.terminate()
                    service.wait()
    return 1 if differ else 0


def compare(
    arguments: Any, archive: Path, root: str, log: Path, kind: str, count: int, latency: int, here: Path
) -> int:
    """Measure all methods of reading a mosaic.

    Parameters
    ----------
    arguments : argparse.Namespace
        The options.
    archive : Path
        Folder of the scenes.
    root : str
        Root URL of the API.
    log : Path
        Access log of the service.
    kind : str
        Form of the scenes: strips or cogs.
    count : int
        Number of scenes in the mosaic.
    latency : int
        Milliseconds per request.
    here : Path
        Folder with this version of the package.

    Returns
    -------
    int
        The number of tasks for which the other version reads different pixels.
    """
    side, most = math.isqrt(count), math.isqrt(max(arguments.scenes))
    files = sorted(archive.glob("*.tif"))
    files = [files[row * most + column] for row in range(side) for column in range(side)]
    ids = [path.name[: -len("_visual.tif")] for path in files]
    across = SIDE + (side - 1) * STEP
    middle = across // 2 // STEP * STEP + 100
    left, top = LEFT + middle * PIXEL, TOP - middle * PIXEL
    bounds = (left, top - 512 * PIXEL, left + 512 * PIXEL, top)
    place = log.with_name(f"index-{kind}-{count}.gpkg")
    if "GTI" in arguments.peers:
        place.unlink(missing_ok=True)
        index(place, root, files)
    search = f"[s for s in planet_vector.search('PLANET:ortho') if s.id in {set(ids)!r}]"
    differ = 0
    for task, named in ((QUICK, "quick look"), (WINDOW, "window 512²")):
        ways = {"ours": (OURS.replace("SEARCH", search) + task, here)}
        if arguments.before:
            ways["before"] = (ways["ours"][0], arguments.before)
        if "merge" in arguments.peers:
            code = MERGE.format(MERGED[task])
            ways["merge"] = ("with rasterio.Env(**EXPERT):\n    " + code.replace("\n", "\n    "), here)
        if "GTI" in arguments.peers:
            code = (GTI.replace("INDEX", repr(str(place))) + task).strip()
            ways["GTI"] = ("with rasterio.Env(**EXPERT):\n    " + code.replace("\n", "\n    "), here)
        given = [str(side), kind, str(across), repr(bounds), *ids]
        title = f"{latency:3d} ms {count:3d} {kind:6} {named:11}"
        differ += report(arguments, ways, root, log, given, title)
        seconds, size, requests = limit(files, task, across, bounds, latency / 1000)
        print(
            f"{title} {'limit':8}             {seconds:7.2f} s {size / 1e6:8.2f} MB {requests:5d} requests", flush=True
        )
    return differ


def stack(arguments: Any, root: str, log: Path, latency: int, here: Path) -> int:
    """Measure all methods of reading three bands.

    Parameters
    ----------
    arguments : argparse.Namespace
        The options.
    root : str
        Root URL of the API.
    log : Path
        Access log of the service.
    latency : int
        Milliseconds per request.
    here : Path
        Folder with this version of the package.

    Returns
    -------
    int
        The number of tasks for which the other version reads different pixels.
    """
    differ = 0
    for named, options in (
        ("window 512²", "window=Window(700, 800, 512, 512)"),
        ("zoomed out", "out_shape=(400, 400)"),
    ):
        ways = {"ours": (BANDS + f"found = dataset.read({options.replace('(400', '(3, 400')})", here)}
        if arguments.before:
            ways["before"] = (ways["ours"][0], arguments.before)
        ways["threads"] = (THREADS.replace("OPTIONS", options), here)
        title = f"{latency:3d} ms   3 bands  {named:11}"
        differ += report(arguments, ways, root, log, ["1", "bands", str(SIDE), "()"], title)
    return differ


def report(arguments: Any, ways: Dict[str, Any], root: str, log: Path, given: List[str], title: str) -> int:
    """Measure methods, and print the results.

    Parameters
    ----------
    arguments : argparse.Namespace
        The options.
    ways : dict
        Code and package folder by method.
    root : str
        Root URL of the API.
    log : Path
        Access log of the service.
    given : list of str
        Arguments of `PROGRAM`.
    title : str
        Begins each line.

    Returns
    -------
    int
        1 if the other version reads different pixels.
    """
    found = {}
    for way, (code, package) in ways.items():
        runs = [run(root, log, code, given, package)]
        while len(runs) < arguments.repeats and runs[0][1] < 10:
            runs.append(run(root, log, code, given, package))
        best = min(runs, key=lambda one: one[1])
        found[way] = best
        said = f"open {best[0]:6.2f} read {best[1]:6.2f} s {best[2] / 1e6:8.2f} MB {best[3]:5d} requests"
        print(f"{title} {way:8} {said}", flush=True)
    if "before" in found and found["before"][4] != found["ours"][4]:
        print(f"{title} DIFFERENT PIXELS {found['before'][4]} {found['ours'][4]}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
