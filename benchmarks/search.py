"""Measure a full scan through the driver, compared with the loop of the specification's tutorial.

    python benchmarks/search.py [--scenes 20000] [--runs 5] [--million]

Both read the same 20 000 scenes in pages of 1000 from a local service, each time in a new process: the loop with
requests, ``links.next`` and ``json``; the driver into pyogrio, with every column and footprint. Prints medians and
their ratios, and exits with 1 if a ratio is below its minimum. ``--million`` also scans a million scenes and prints the
peak memory.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Dict, Iterator, List

from planet_vector.server.sample.synthetic import write_scenes

START = datetime(2015, 1, 1, tzinfo=timezone.utc)

LOOP = """
import json, os, time, requests
start, count = time.perf_counter(), 0
url = os.environ["PL_API_URL"] + "scenes/ortho/?count=1000"
while url:
    page = requests.get(url, auth=("key", ""))
    page.raise_for_status()
    page = json.loads(page.content)
    count += len(page["features"])
    url = page["links"].get("next")
print(json.dumps({"count": count, "seconds": time.perf_counter() - start}))
"""

DRIVER = """
import json, time
import planet_vector
planet_vector.register()
planet_vector.connect()
import planet_vector.driver.datasets  # loaded on first use by the driver: the loop's clock starts after imports, too
import pyogrio
def scan():
    start = time.perf_counter()
    count = pyogrio.raw.read_arrow("PLANET:ortho")[1].num_rows
    return count, time.perf_counter() - start
(count, seconds), (_, again) = scan(), scan()
print(json.dumps({"count": count, "seconds": seconds, "again": again}))
"""

MILLION = """
import json, time
import planet_vector
planet_vector.register()
import pyogrio
start, count = time.perf_counter(), 0
with pyogrio.raw.open_arrow("PLANET:ortho", use_pyarrow=True, batch_size=10000) as (meta, reader):
    for batch in reader:
        count += batch.num_rows
status = open("/proc/self/status").read() if __import__("os").path.exists("/proc/self/status") else "VmHWM: 0 kB"
peak = next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))
print(json.dumps({"count": count, "seconds": time.perf_counter() - start, "peak": peak}))
"""


def main() -> int:
    """Run the measurements.

    Returns
    -------
    int
        The exit code: 1 if a figure was below its minimum.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--million", action="store_true")
    arguments = parser.parse_args()
    missed = False
    with tempfile.TemporaryDirectory() as folder:
        write_full_scenes(Path(folder) / "scenes.geojsonl", arguments.scenes)
        for latency in (0, 200):
            with service(Path(folder), "--latency", str(latency)) as url:
                loop = measure(LOOP, arguments.runs, arguments.scenes, PL_API_URL=url)
                fast = measure(
                    DRIVER, arguments.runs, arguments.scenes, PL_API_URL=url, PLANET_RATE="0", PLANET_CONNECTIONS="8"
                )
                print(f"{latency} ms per page: loop {loop['seconds']:.2f} s, driver {fast['seconds']:.2f} s", end=", ")
                print(f"again {arguments.scenes / fast['again']:,.0f} features/s")
                if latency:
                    plain = measure(DRIVER, arguments.runs, arguments.scenes, PL_API_URL=url)
                    missed |= tell("loop / driver, 8 connections, no limit", loop["seconds"] / fast["seconds"], 3.5)
                    missed |= tell("loop / driver, default settings", loop["seconds"] / plain["seconds"], 2.0)
                else:
                    missed |= tell("loop / driver, 8 connections, no limit", loop["seconds"] / fast["seconds"], 0.5)
                missed |= tell("features per second, second reading", arguments.scenes / fast["again"], 20_000)
    if arguments.million:
        with tempfile.TemporaryDirectory() as folder:
            write_scenes(Path(folder) / "scenes.geojsonl", 1_000_000)
            with service(Path(folder)) as url:
                found = run(MILLION, {"PL_API_URL": url, "PLANET_RATE": "0"})
                print(f"a million scenes: {found['count']:,} in {found['seconds']:.0f} s, {found['peak']:.0f} MB peak")
                missed |= found["count"] != 1_000_000 or found["peak"] > 500
    return int(missed)


def tell(what: str, value: float, floor: float) -> bool:
    """Print a figure and its minimum.

    Parameters
    ----------
    what : str
        Name of the figure.
    value : float
        The figure.
    floor : float
        The minimum.

    Returns
    -------
    bool
        True if the figure is below the minimum.
    """
    print(f"  {what:<42} {value:10,.2f} (at least {floor:,g}){' MISSED' if value < floor else ''}")
    return value < floor


def measure(code: str, runs: int, count: int, **environment: str) -> Dict[str, float]:
    """Run code in new processes.

    Parameters
    ----------
    code : str
        The code; prints its figures as JSON.
    runs : int
        How often to run it.
    count : int
        The number of scenes it must read.
    **environment : str
        Additional environment variables.

    Returns
    -------
    dict of str to float
        The median of each figure.
    """
    found = [run(code, environment) for _ in range(runs)]
    assert all(figures["count"] == count for figures in found), found
    return {name: statistics.median(figures[name] for figures in found) for name in found[0]}


def run(code: str, environment: Dict[str, str]) -> Any:
    """Run code in a new process.

    Parameters
    ----------
    code : str
        The code; prints its figures as JSON.
    environment : dict of str to str
        Additional environment variables.

    Returns
    -------
    dict
        The figures.
    """
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


@contextmanager
def service(archive: Path, *options: str) -> Iterator[str]:
    """Serve an archive.

    Parameters
    ----------
    archive : Path
        The folder.
    *options : str
        Further options of ``planet-vector serve``.

    Yields
    ------
    str
        Root URL of the API.
    """
    command = [
        sys.executable,
        "-m",
        "planet_vector.cli",
        "serve",
        str(archive),
        "--port",
        "0",
        "--rescan",
        "0",
        *options,
    ]
    command += ["--index", str(archive / "index.sqlite")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = re.search(r"http://\S+", process.stdout.readline())
        if address is None:
            raise SystemExit("the service did not start")
        yield address.group()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def write_full_scenes(path: Path, number: int) -> None:
    """Write scenes with every property of real ortho scenes, one Feature per line, evenly over 200 days.

    Parameters
    ----------
    path : Path
        The file.
    number : int
        The number of scenes.
    """
    chance = random.Random(1)
    lines: List[str] = []
    for count in range(number):
        acquired = START + timedelta(seconds=chance.uniform(0, 86400 * 200))
        scene_id = f"{acquired:%Y%m%d_%H%M%S}_{count:04x}"
        link = f"https://api.planet.com/v0/scenes/ortho/{scene_id}"
        west, south = chance.uniform(-170, 170), chance.uniform(-60, 60)
        ring = [[west, south], [west + 0.4, south + 0.1], [west + 0.35, south + 0.3], [west - 0.05, south + 0.2]]
        properties = {
            "acquired": acquired.isoformat(),
            "published": (acquired + timedelta(hours=9)).isoformat(),
            "camera": {"bit_depth": 12, "color_mode": "RGB", "exposure_time": 1170, "gain": 300, "tdi_pulses": 12},
            "cloud_cover": {"estimated": round(chance.uniform(0, 100), 2)},
            "data": {"products": {name: {"full": f"{link}/full?product={name}"} for name in ("analytic", "visual")}},
            "image_statistics": {
                "gsd": chance.uniform(2, 5),
                "image_quality": "standard",
                "snr": chance.uniform(20, 99),
            },
            "links": {
                "full": f"{link}/full",
                "self": link,
                "square_thumbnail": f"{link}/square-thumb",
                "thumbnail": f"{link}/thumb",
            },
            "sat": {"alt": 616.3, "id": "0908", "lat": south, "lng": west, "off_nadir": chance.uniform(0, 3)},
            "strip_id": acquired.timestamp() - 90,
            "sun": {"altitude": chance.uniform(0, 80), "azimuth": 145.04, "local_time_of_day": 10.29},
        }
        geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
        lines.append(json.dumps({"type": "Feature", "id": scene_id, "geometry": geometry, "properties": properties}))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
