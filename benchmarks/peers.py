"""Compare scans and raster opening with those of other clients, on the same service in the same run.

    python benchmarks/peers.py [--items 20000] [--latency 200] [--runs 3] [stac | data-v1 | raster]

``stac``: a scan of a STAC API through the driver, beside pystac-client's ``pages()`` and GDAL's OAPIF driver, of a
service that counts and of one that does not. ``data-v1``: a scan of a Data API v1 beside GDAL's PLScenes driver (of the
distribution, as the wheels lack it). Both are served by `benchmarks/stubs/services.py`, which answers in some
milliseconds after the latency; each scan runs in a new process, its clock starts after imports. ``raster``: requests
of opening an asset and reading a window, and where the key went, beside PLScenes. By default all of them run. Prints
medians and ratios (of a STAC API, the first run of the driver keeps the landing page for the others, as between
programs of a user), and exits with 1 if a ratio is below its minimum.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PAGE, RATE = 250, 10.0
SPAN = "2024-01-01/2024-12-31"  # of all items: the windows of a service that does not count need an end
SYSTEM = ROOT / ".venv-qgis" / "bin" / "python"

DRIVER = """
import json, sys, time
import planet_vector
from planet_vector.connection_file import add_connection
url, kind, name = sys.argv[1:]
try:
    add_connection("bench", url, kind)
except planet_vector.PlanetVectorError:
    pass  # it was added by an earlier run
planet_vector.register()
import planet_vector.driver.datasets
import planet_vector.catalog.stac.client, planet_vector.catalog.data_v1.client, pyarrow
import pyogrio
def scan():
    start = time.perf_counter()
    count = pyogrio.raw.read_arrow(name)[1].num_rows
    return count, time.perf_counter() - start
(count, seconds), (_, again) = scan(), scan()
print(json.dumps({"count": count, "seconds": seconds, "again": again}))
"""

PAGES = """
import json, sys, time
import pystac_client
start = time.perf_counter()
client = pystac_client.Client.open(sys.argv[1])
search = client.search(collections=["scenes"], datetime="2024-01-01/2024-12-31", limit=250)
count = sum(len(page.items) for page in search.pages())
print(json.dumps({"count": count, "seconds": time.perf_counter() - start}))
"""

OAPIF = """
import json, sys, time
import pyogrio
start = time.perf_counter()
count = pyogrio.raw.read_arrow(f"OAPIF:{sys.argv[1]}", layer="scenes", PAGE_SIZE=250)[1].num_rows
print(json.dumps({"count": count, "seconds": time.perf_counter() - start}))
"""

PLSCENES = """
import json, time
from osgeo import gdal
gdal.UseExceptions()
start = time.perf_counter()
options = ["VERSION=data_v1", "ITEMTYPES=PSScene", "FOLLOW_LINKS=NO"]
dataset = gdal.OpenEx("PLScenes:", gdal.OF_VECTOR, open_options=options)
count = sum(1 for _ in dataset.GetLayerByName("PSScene"))
print(json.dumps({"count": count, "seconds": time.perf_counter() - start}))
"""

RASTER = """
import sys
import planet_vector
url, key, name = sys.argv[1:]
with planet_vector.open(name, connection=url, key=key) as dataset:
    print(dataset.read(window=((0, 32), (0, 32))).tobytes().hex())
"""

PLSCENES_RASTER = """
import sys
from osgeo import gdal
gdal.UseExceptions()
item, asset = sys.argv[1:]
dataset = gdal.OpenEx(f"PLScenes:version=Data_V1,itemtypes=PSScene,scene={item},asset={asset}", gdal.OF_RASTER)
print(dataset.ReadAsArray(0, 0, 32, 32).tobytes().hex())
"""

Figures = Dict[str, float]


def main() -> int:
    """Run the comparisons.

    Returns
    -------
    int
        The exit code: 1 if a ratio was below its minimum.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], "stac", "data-v1", "raster"])
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--latency", type=int, default=200)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    parts = options.parts or ["stac", "data-v1", "raster"]
    missed = False
    with tempfile.TemporaryDirectory() as home:
        environ = {"HOME": home, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home, "PL_API_KEY": "made"}
        if "stac" in parts:
            for counts in (True, False):
                missed |= _stac(options, environ, counts)
        if "data-v1" in parts:
            missed |= _data_v1(options, environ)
        if "raster" in parts:
            _raster(environ)
    return int(missed)


def _stac(options: argparse.Namespace, environ: Dict[str, str], counts: bool) -> bool:
    with _service("stac", options, [] if counts else ["--no-counts"]) as url:
        print(f"STAC API that {'counts' if counts else 'does not count'}, {options.items:,} items of 250 on a page:")
        name = "counted" if counts else "uncounted"
        environ = {**environ, "XDG_CONFIG_HOME": f"{environ['HOME']}/{name}"}
        asked = [url, "stac", f"STAC:bench/scenes?datetime={SPAN}"]
        ours, plain = _scans(options, environ, asked)
        pages = _measure(sys.executable, PAGES, [url], options, environ)
        # OAPIF asks for one page after another, so a single run tells enough.
        oapif = _measure(sys.executable, OAPIF, [url], options, environ, 1)
        missed = _tell("pystac-client's pages()", pages, ours, 3.0)
        missed |= _tell("GDAL's OAPIF", oapif, ours, 5.0)
        return missed | _tell_floor(plain, options, 1.2)


def _data_v1(options: argparse.Namespace, environ: Dict[str, str]) -> bool:
    with _service("data-v1", options, []) as url:
        print(f"Data API v1, {options.items:,} items of 250 on a page:")
        ours, plain = _scans(options, environ, [url, "data-v1", "PLANET:PSScene?connection=bench"])
        missed = False
        if SYSTEM.exists():
            environ = {**environ, "PL_URL": url}
            missed = _tell("GDAL's PLScenes", _measure(str(SYSTEM), PLSCENES, [], options, environ, 1), ours, 4.0)
        else:
            print(f"  no PLScenes to compare with: there is no {SYSTEM}")
        return missed | _tell_floor(plain, options)


def _scans(options: argparse.Namespace, environ: Dict[str, str], asked: List[str]) -> Tuple[Figures, Figures]:
    ours = _measure(sys.executable, DRIVER, asked, options, {**environ, "PLANET_RATE": "0"})
    plain = _measure(sys.executable, DRIVER, asked, options, environ, 1)
    print(f"  {'driver, no rate limit':<34} {ours['seconds']:6.2f} s, again {ours['again']:.2f} s")
    return ours, plain


def _tell(name: str, theirs: Figures, ours: Figures, least: float) -> bool:
    ratio = theirs["seconds"] / ours["seconds"]
    missed = ratio < least
    told = f"{ratio:5.1f} × as long (at least {least:g}){' MISSED' if missed else ''}"
    print(f"  {name:<34} {theirs['seconds']:6.2f} s, {told}")
    return missed


def _tell_floor(plain: Figures, options: argparse.Namespace, most: float = 1.2) -> bool:
    # A second's requests may be sent at once, then ten in a second; the last answer takes its latency.
    floor = (options.items / PAGE - RATE) / RATE + options.latency / 1000
    ratio = plain["seconds"] / floor
    told = f"{ratio:5.2f} × the floor of {floor:.1f} s (at most {most:g}){' MISSED' if ratio > most else ''}"
    print(f"  {f'driver, {RATE:g} requests/s':<34} {plain['seconds']:6.2f} s, {told}")
    return ratio > most


def _raster(environ: Dict[str, str]) -> None:
    from tests.data_v1_service import KEY, generated_items, start, start_store

    service, running = start(generated_items("PSScene", 3))
    store, other = start_store(service)
    try:
        service.store = store.url
        service.make_active()
        item, asset = service.items[0]["id"], "ortho_visual"
        print("Opening an asset and reading a window: requests, and where the key went")
        programs: List[Tuple[str, str, str, List[str]]] = [
            ("planet_vector.open", sys.executable, RASTER, [service.url, KEY, f"PLANET:PSScene/{item}/{asset}"])
        ]
        if SYSTEM.exists():
            programs.append(("GDAL's PLScenes", str(SYSTEM), PLSCENES_RASTER, [item, asset]))
        pixels = set()
        for name, python, code, arguments in programs:
            service.log.clear()
            store.log.clear()
            pixels.add(_run(python, code, arguments, {**environ, "PL_URL": service.url, "PL_API_KEY": KEY}))
            told = ", ".join(
                f"{len(log)} to the {place}, {sum(bool(each.key) for each in log)} with the key"
                for place, log in (("service", service.log), ("store on another host", store.log))
            )
            print(f"  {name:<34} {told}")
        assert len(pixels) == 1, "the pixels differ"
    finally:
        other.close()
        running.close()


def _measure(
    python: str, code: str, arguments: List[str], options: argparse.Namespace, environ: Dict[str, str],
    runs: Optional[int] = None,
) -> Figures:  # fmt: skip
    """Run code in new processes, and return the median of each figure."""
    found = [json.loads(_run(python, code, arguments, environ)) for _ in range(runs or options.runs)]
    assert all(figures["count"] == options.items for figures in found), found
    return {name: statistics.median(figures[name] for figures in found) for name in found[0]}


def _run(python: str, code: str, arguments: List[str], environ: Dict[str, str]) -> str:
    done = subprocess.run(
        [python, "-c", code, *arguments],
        env={**os.environ, **environ}, capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout.splitlines()[-1]


@contextmanager
def _service(api: str, options: argparse.Namespace, more: List[str]) -> Iterator[str]:
    program = str(ROOT / "benchmarks" / "stubs" / "services.py")
    given = ["--items", str(options.items), "--latency", str(options.latency), *more]
    process = subprocess.Popen([sys.executable, program, api, *given], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        address = re.fullmatch(r"(http://\S+)\n", process.stdout.readline())
        if address is None:
            raise SystemExit("the service did not start")
        yield address[1]
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


if __name__ == "__main__":
    sys.exit(main())
