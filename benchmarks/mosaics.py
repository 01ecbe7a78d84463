"""Measure reading mosaics and stacks of bands, compared with plain rasterio and with a lower limit.

    python benchmarks/mosaics.py [--latency 50] [--scenes 25 100] [--before DIRECTORY]

Serves scenes of 2000 × 2000 pixels (RGBA; strips of one row, or COGs with overviews) and the bands of a Landsat scene,
with a latency per request, and prints time, bytes and requests for each task and method. The time is the shortest of
three reads, without opening the mosaic. `--before` names a folder with another version of this package; it is measured
as well, and its pixels must be the same.

The limit has the bytes of the blocks that contain the pixels, a request for each two hundred non-adjacent blocks of a
file, and as many parallel requests as this package sends; it includes no processing, and no headers. This package also
reads the header of every scene when it opens a mosaic, in order to check that they can form one raster; a reader that
opens only the scenes it needs reads fewer. So a second line has the bytes and requests of all headers, and the bytes
and requests of this package include them.

The goal is at most 1.3 times the bytes of the limit without headers, two round trips more than its own when reading,
and no more time than the best peer. Round trips are the additional seconds over those with a latency of 0, divided by
the latency. The summary at the end marks what misses the goal. Exits with 1 if bytes do, or if pixels differ from those
of the other version; times depend on other load.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Tuple

import numpy as np
import rasterio
from raster import log_up_to_now
from rasterio.enums import Resampling
from rasterio.shutil import copy
from rasterio.transform import from_origin
from rasterio.windows import Window, from_bounds

from planet_vector.http.multirange import MOST_RANGES
from planet_vector.raster.byte_ranges import ReadWindow, ranges_of
from planet_vector.raster.spans import together

SIDE, STEP, CONNECTIONS = 2000, 1800, 8
LEFT, TOP, PIXEL = 400000.0, 5700000.0, 3.0
LANDSAT = "LC80430342015060LGN00"
MOST_BYTES, MOST_TRIPS = 1.3, 2
"""The goal: times the bytes of the limit, and round trips more than its own."""


class Found(NamedTuple):
    """Result of a method: seconds to open and to read, bytes, requests, and checksum and shape of the pixels."""

    opened: float
    read: float
    size: int
    requests: int
    pixels: str = ""


Results = Dict[Tuple[int, str], Dict[str, Found]]
"""Results by method, of each latency and task; the method "limit" has round trips instead of seconds."""

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


def limit(files: List[Path], task: str, across: int, bounds: Tuple[float, ...]) -> Found:
    """Return round trips, bytes and requests of reading only the necessary blocks.

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

    Returns
    -------
    Found
        The limit, with round trips in place of seconds.
    """
    read, parts = [], []
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
        read.append(path)
        parts.append(part)
    return blocks_of(read, parts)


def blocks_of(files: List[Path], parts: List[ReadWindow]) -> Found:
    """Return the limit of reading a part of each of several files.

    Parameters
    ----------
    files : list of Path
        The files.
    parts : list of ReadWindow
        What to read of each.

    Returns
    -------
    Found
        The limit, with round trips in place of seconds.
    """
    size = requests = 0
    for path, part in zip(files, parts):
        with rasterio.open(path) as dataset:

            def level(number: int, name: str = str(path)) -> Any:
                return rasterio.open(name, overview_level=number)

            ranges = set(ranges_of(dataset, level, part))
        size += sum(end - first for first, end in ranges)
        requests += math.ceil(len(together(ranges, 4096, 2**31)) / MOST_RANGES)
    return Found(0.0, math.ceil(requests / CONNECTIONS), size, requests)


def headers(files: List[Path]) -> int:
    """Return the bytes of all headers: what lies before the first block of each file.

    Parameters
    ----------
    files : list of Path
        The scenes.
    """
    size = 0
    for path in files:
        with rasterio.open(path) as dataset:
            levels = [dataset, *(rasterio.open(path, overview_level=n) for n in range(len(dataset.overviews(1))))]
            size += min(int(level.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1)) for level in levels)
    return size


def run(root: str, log: Path, code: str, arguments: List[str], package: Path) -> Found:
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
    Found
        The result.
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
    return Found(float(opened), float(read), sum(sent), len(sent), rest[0].strip())


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
        The exit code: 1 if the other version reads different pixels, or the goal for bytes is missed.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=int, nargs="+", default=[0, 50, 200], help="milliseconds per request")
    parser.add_argument("--scenes", type=int, nargs="+", default=[25, 100])
    parser.add_argument("--before", type=Path, help="folder with another version of the package")
    parser.add_argument("--kinds", nargs="+", default=["strips", "cogs"])
    parser.add_argument("--peers", nargs="*", default=["GTI"], help="GTI and merge; merge is slow")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--archive", type=Path, help="folder that keeps the scenes for the next run")
    arguments = parser.parse_args()
    here = Path(__file__).resolve().parent.parent
    differ = 0
    results: Results = {}
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
                        differ += compare(arguments, archive / kind, root, log, kind, count, latency, here, results)
                    if kind == "strips":
                        differ += stack(arguments, archive / kind, root, log, latency, here, results)
                finally:
                    service.terminate()
                    service.wait()
    return 1 if summarise(results) or differ else 0


def summarise(results: Results) -> int:
    """Print how far this package is from the limit and from the best peer, and return how often bytes miss the goal.

    Parameters
    ----------
    results : Results
        All results.
    """
    print(f"\n{'':34} bytes × limit   round trips (limit)   seconds to open and read × best peer")
    missed = 0
    for (latency, task), found in results.items():
        ours, least = found["ours"], found["limit"]
        ratio = ours.size / least.size
        missed += ratio > MOST_BYTES
        line = f"{latency:3d} ms {task:27} {ratio:10.2f}{'!' if ratio > MOST_BYTES else ' '}"
        at_once = results.get((0, task))
        if latency and at_once is not None:
            trips = (ours.read - at_once["ours"].read) / latency * 1000
            far = "!" if trips > least.read + MOST_TRIPS + 0.5 else " "
            line += f" {trips:12.1f}{far} ({least.read:.0f})"
        peers = [one.opened + one.read for way, one in found.items() if way not in ("ours", "before", "limit")]
        if peers:
            ratio = (ours.opened + ours.read) / min(peers)
            line = f"{line:66} {ratio:12.2f}{'!' if ratio > 1 else ' '}"
        print(line.rstrip(), flush=True)
    return missed


def compare(
    arguments: Any,
    archive: Path,
    root: str,
    log: Path,
    kind: str,
    count: int,
    latency: int,
    here: Path,
    results: Results,
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
    results : Results
        Receives the results.

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
        task_of = f"{count:3d} {kind:6} {named:11}"
        found, different = report(arguments, ways, root, log, given, f"{latency:3d} ms {task_of}")
        differ += different
        show(latency, task_of, limit(files, task, across, bounds), headers(files), count)
        results[latency, task_of] = {**found, "limit": limit(files, task, across, bounds)}
    return differ


def show(latency: int, task: str, least: Found, size: int, count: int) -> None:
    """Print the limit of a task, and what all headers have.

    Parameters
    ----------
    latency : int
        Milliseconds per request.
    task : str
        The task.
    least : Found
        The limit.
    size : int
        Bytes of all headers.
    count : int
        Number of files.
    """
    for way, trips, of, requests in (
        ("limit", least.read, least.size, least.requests),
        ("headers", math.ceil(count / CONNECTIONS), size, count),
    ):
        seconds = trips * latency / 1000
        title = f"{latency:3d} ms {task} {way:8}"
        print(f"{title}             {seconds:7.2f} s {of / 1e6:8.2f} MB {requests:5d} requests", flush=True)


def stack(arguments: Any, archive: Path, root: str, log: Path, latency: int, here: Path, results: Results) -> int:
    """Measure all methods of reading three bands.

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
    latency : int
        Milliseconds per request.
    here : Path
        Folder with this version of the package.
    results : Results
        Receives the results.

    Returns
    -------
    int
        The number of tasks for which the other version reads different pixels.
    """
    differ = 0
    files = sorted((archive / "landsat").glob("*.tif"))
    for named, options, part in (
        ("window 512²", "window=Window(700, 800, 512, 512)", {"window": Window(700, 800, 512, 512)}),
        ("zoomed out", "out_shape=(400, 400)", {"shape": (400, 400)}),
    ):
        ways = {"ours": (BANDS + f"found = dataset.read({options.replace('(400', '(3, 400')})", here)}
        if arguments.before:
            ways["before"] = (ways["ours"][0], arguments.before)
        ways["threads"] = (THREADS.replace("OPTIONS", options), here)
        task = f"  3 bands  {named:11}"
        given = ["1", "bands", str(SIDE), "()"]
        found, different = report(arguments, ways, root, log, given, f"{latency:3d} ms {task}")
        differ += different
        least = blocks_of(files, [ReadWindow(None, None, None, Resampling.nearest)._replace(**part)] * len(files))
        show(latency, task, least, headers(files), len(files))
        results[latency, task] = {**found, "limit": least}
    return differ


def report(
    arguments: Any, ways: Dict[str, Any], root: str, log: Path, given: List[str], title: str
) -> Tuple[Dict[str, Found], int]:
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
    (dict, int)
        The best result of each method, and 1 if the other version reads different pixels.
    """
    found = {}
    for way, (code, package) in ways.items():
        runs = [run(root, log, code, given, package)]
        while len(runs) < arguments.repeats and runs[0].read < 10:
            runs.append(run(root, log, code, given, package))
        opened, read = min(one.opened for one in runs), min(one.read for one in runs)
        best = found[way] = min(runs, key=lambda one: one.read)._replace(opened=opened, read=read)
        said = f"open {opened:6.2f} read {read:6.2f} s {best.size / 1e6:8.2f} MB {best.requests:5d} requests"
        print(f"{title} {way:8} {said}", flush=True)
    different = "before" in found and found["before"].pixels != found["ours"].pixels
    if different:
        print(f"{title} DIFFERENT PIXELS {found['before'].pixels} {found['ours'].pixels}", flush=True)
    return found, int(different)


if __name__ == "__main__":
    sys.exit(main())
