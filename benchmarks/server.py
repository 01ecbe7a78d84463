"""Measure the local service with a million scenes: index, searches, load, memory.

    python benchmarks/server.py [--scenes 1000000] [--folder DIR] [--seconds 20] [--kept] [--python PYTHON]

Prints one line per measurement, with its target, and exits with 1 if one is missed. The folder keeps the scenes and
their index for the next run; with --kept the index is not rebuilt. --python names the interpreter of another
installation, for comparison. Server time is what the service reports in ``Server-Timing``.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

import requests

from planet_vector.server.sample.synthetic import write_scenes

CONNECTIONS = 32
MOST_STAC = 80.0  # milliseconds for a page of items with its count
MOST_TEXT = 2000.0  # milliseconds for a search of all scenes by a text of any
MOST_BUILD = 180.0  # seconds, for a million scenes
MOST_PAGE = 60.0  # milliseconds of server time, the median
MOST_LARGE = 1000.0  # milliseconds, for any page of 1000
MOST_MEMORY = 300.0  # megabytes, for the largest process

missed: List[str] = []


def tell(what: str, value: float, unit: str, most: Optional[float] = None) -> None:
    """Print a measurement, and record it as missed if it exceeds its maximum.

    Parameters
    ----------
    what : str
        Name of the measurement.
    value : float
        The value.
    unit : str
        Its unit.
    most : float, optional
        The maximum.
    """
    over = most is not None and value > most
    if over:
        missed.append(what)
    print(
        f"{what:<58} {value:10.1f} {unit:<3}" + (f" (at most {most:g})" if most else "") + (" MISSED" if over else "")
    )


def memory(process: int) -> float:
    """Return the peak memory of a process in megabytes (on Linux; 0 elsewhere).

    Parameters
    ----------
    process : int
        The process id.
    """
    status = Path(f"/proc/{process}/status")
    if not status.exists():
        return 0.0
    return next(int(line.split()[1]) / 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))


def searches(seed: int) -> List[Dict[str, Any]]:
    """Return distinct searches by area, date and cloud cover, each with about a page of scenes or more.

    Parameters
    ----------
    seed : int
        Seed of the random choice.
    """
    chance = random.Random(seed)
    found = []
    for _ in range(200):
        west, south, year = chance.uniform(-170, 130), chance.uniform(-50, 40), chance.choice((2014, 2015, 2016))
        east, north = west + chance.uniform(20, 40), south + chance.uniform(20, 30)
        found.append(
            {
                "intersects": f"POLYGON(({west} {south},{east} {south},{east} {north},{west} {north},{west} {south}))",
                "acquired.gte": f"{year}-03-01",
                "acquired.lt": f"{year}-09-01",
                "cloud_cover.estimated.lte": chance.choice((10, 20, 30)),
                "count": 1000,
            }
        )
    return found


def box(west: float, south: float, east: float, north: float) -> str:
    """Return a box as WKT.

    Parameters
    ----------
    west, south, east, north : float
        Degrees.
    """
    return f"POLYGON(({west} {south},{east} {south},{east} {north},{west} {north},{west} {south}))"


def coast(seed: int, west: float, south: float, wide: float, high: float, positions: int) -> str:
    """Return a polygon with an outline as ragged as a coast, as WKT.

    Parameters
    ----------
    seed : int
        Seed of the random outline.
    west, south : float
        Lower left corner in degrees.
    wide, high : float
        Width and height in degrees.
    positions : int
        The number of positions.
    """
    chance = random.Random(seed)
    waves = [(n, chance.uniform(0, 7), chance.uniform(0, 0.5) / n) for n in (3, 5, 9, 17, 40, 90, 300)]
    ring = []
    for place in range(positions):
        turn = 2 * math.pi * place / positions
        radius = 0.7 + 0.3 * sum(high_ * math.sin(n * turn + start) for n, start, high_ in waves)
        ring.append(f"{west + wide * radius * math.cos(turn):.6f} {south + high * radius * math.sin(turn):.6f}")
    return f"POLYGON(({','.join([*ring, ring[0]])}))"


def large(seed: int) -> Dict[str, Dict[str, Any]]:
    """Return searches for very many scenes; those of different seeds share no cached results.

    Parameters
    ----------
    seed : int
        The seed.
    """
    fresh = {"acquired.gte": f"2013-01-01T00:00:{seed:02d}", "count": 1000}
    edge = 178.5 + seed / 100
    return {
        "the whole globe": {"intersects": box(-180, -90, 180, 90), **fresh},
        "a box just short of the globe": {"intersects": box(-edge, -85, edge, 85), **fresh},
        "a continent of 3 000 positions": {"intersects": coast(seed, 20, 5, 80, 60, 3000), **fresh},
        "a continent across the antimeridian": {"intersects": coast(seed, 175, 5, 60, 55, 3000), **fresh},
        "a country of 20 000 positions": {"intersects": coast(seed, 10, 45, 12, 8, 20_000), **fresh},
        "a deep page of a filter by snr": {
            "image_statistics.snr.gte": 90 + seed / 10, "_page.acquired.lt": "2014-06-01", **fresh
        },
    }  # fmt: skip


def ask(session: requests.Session, url: str, parameters: Dict[str, Any]) -> tuple[float, int]:
    """Return the server time of a search in milliseconds, and its count.

    Parameters
    ----------
    session : requests.Session
        The session.
    url : str
        URL of the scene type.
    parameters : dict
        The parameters of the search.
    """
    # In the request body, as an area may be too long for a URL.
    answer = session.post(url, data=parameters, timeout=120)
    answer.raise_for_status()
    return float(answer.headers["server-timing"].partition("dur=")[2]), answer.json()["count"]


def load(url: str, seconds: float) -> None:
    """Search over many connections at once, and print the results.

    Parameters
    ----------
    url : str
        URL of the scene type.
    seconds : float
        Duration.
    """
    end, times, errors = time.monotonic() + seconds, [], []

    def work(number: int) -> None:
        with requests.Session() as session:
            for parameters in searches(1000 + number):
                if time.monotonic() > end:
                    return
                start = time.monotonic()
                try:
                    ask(session, url, {**parameters, "count": 100})
                    times.append(time.monotonic() - start)
                except (requests.RequestException, ValueError, KeyError) as error:
                    errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tell(f"{CONNECTIONS} connections for {seconds:g} s: searches per second", len(times) / seconds, "/s")
    tell("  median time of a search, including waiting", 1000 * statistics.median(times), "ms")
    tell("  errors", len(errors), "", 0.5)


def large_searches(url: str) -> None:
    """Search for very many scenes, one search at a time and four at once.

    Parameters
    ----------
    url : str
        URL of the scene type.
    """
    with requests.Session() as session:
        for name in large(0):
            times = [ask(session, url, large(seed)[name])[0] for seed in range(1, 4)]
            tell(f"{name}: the longest of 3", max(times), "ms", MOST_LARGE)
    for names in (["the whole globe"] * 4, list(large(0))[1:5]):
        times, start = [], time.monotonic()

        def work(place: int, names: List[str] = names, times: List[float] = times) -> None:
            with requests.Session() as session:
                begun = time.monotonic()
                ask(session, url, large(10 + place)[names[place]])
                times.append(1000 * (time.monotonic() - begun))

        threads = [threading.Thread(target=work, args=(place,)) for place in range(4)]
        for thread in threads:
            thread.start()
        waits = []
        with requests.Session() as session:
            while any(thread.is_alive() for thread in threads):
                begun = time.monotonic()
                session.get(url.rpartition("scenes/")[0] + "scenes/", timeout=120)
                waits.append(1000 * (time.monotonic() - begun))
                time.sleep(0.005)
        for thread in threads:
            thread.join()
        tell(f"four at once ({names[0]} ...): the longest", max(times, default=1e9), "ms", MOST_LARGE)
        tell("  meanwhile, the list of scene types: the longest wait", max(waits, default=0.0), "ms", MOST_LARGE)
        tell("  all four, together", 1000 * (time.monotonic() - start), "ms")


def stac(session: requests.Session, url: str) -> None:
    """Measure searches of the STAC API.

    Parameters
    ----------
    session : requests.Session
        The session.
    url : str
        URL of the search.
    """
    for name, more in (
        ("10 items", {"limit": 10}),
        ("250 items", {"limit": 250}),
        ("10 items by cloud cover", {"limit": 10, "sortby": [{"field": "eo:cloud_cover", "direction": "asc"}]}),
    ):
        times = []
        for number in range(101):
            west, south = number * 3.1 - 170, number * 0.9 - 50
            body = {
                "bbox": [west, south, west + 8, south + 6],
                "datetime": "2015-03-01T00:00:00Z/2015-09-01T00:00:00Z",
                "filter": {"op": "<=", "args": [{"property": "eo:cloud_cover"}, 20 + number / 10]},
                **more,
            }
            answer = session.post(url, json=body, timeout=120)
            answer.raise_for_status()
            assert answer.json()["numberMatched"] > 0
            times.append(float(answer.headers["server-timing"].partition("dur=")[2]))
        # The first one reads the arrays of the index.
        tell(f"STAC search by area, time and cloud, {name}: median", statistics.median(times[1:]), "ms", MOST_STAC)
    strip = answer.json()["features"][0]["properties"]["planet:strip_id"]
    data = url.replace("/stac/search", "/data/v1/quick-search")
    for name, address, text in (
        ("platform", url, {"filter": {"op": "=", "args": [{"property": "platform"}, "0908"]}, "limit": 10}),
        ("pl:strip_id", url, {"filter": {"op": "=", "args": [{"property": "pl:strip_id"}, str(strip)]}, "limit": 10}),
        ("satellite_id", data, _data_filter("satellite_id", "0908")),
        ("strip_id", data, _data_filter("strip_id", str(strip))),
    ):
        begun = time.monotonic()
        answer = session.post(address, json=text, timeout=120)
        answer.raise_for_status()
        tell(f"search of all scenes by {name}, for the first time", 1000 * (time.monotonic() - begun), "ms", MOST_TEXT)


def _data_filter(name: str, text: str) -> Dict[str, Any]:
    return {"item_types": ["ortho"], "filter": {"type": "StringInFilter", "field_name": name, "config": [text]}}


def serve(command: List[str], archive: Path, index: Path, workers: int, seconds: float) -> None:
    """Measure a service.

    Parameters
    ----------
    command : list of str
        The command ``planet-vector``.
    archive : Path
        Folder of the scenes.
    index : Path
        Index of the folder.
    workers : int
        The number of processes.
    seconds : float
        Duration of the load test.
    """
    print(f"{workers} worker{'s' if workers > 1 else ''}")
    service = subprocess.Popen(
        [*command, "serve", str(archive), "--port", "0", "--index", str(index), "--workers", str(workers)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert service.stdout is not None
        url = service.stdout.readline().split()[-1] + "scenes/ortho/"
        children = Path(f"/proc/{service.pid}/task/{service.pid}/children")
        with requests.Session() as session:
            start = time.monotonic()
            ask(session, url, {"count": 1000})
            tell("the first search", 1000 * (time.monotonic() - start), "ms", MOST_LARGE)
            warm = [ask(session, url, parameters) for parameters in searches(1)]
            tell("scenes of a search, the median", statistics.median(count for _, count in warm), "")
            for name, asked in (
                ("area, date and cloud: a page of 1000 with its count", searches(2)),
                ("the first page of everything, 50 with the count", [{}] * 200),
                ("the first page of everything, 1000 with the count", [{"count": 1000}] * 200),
            ):
                times = [ask(session, url, parameters)[0] for parameters in asked]
                tell(f"{name}: median", statistics.median(times), "ms", MOST_PAGE)
                tell("  99th percentile", statistics.quantiles(times, n=100)[98], "ms")
            stac(session, url.replace("v0/scenes/ortho/", "stac/search"))
        large_searches(url)
        load(url, seconds)
        processes = [service.pid, *map(int, children.read_text().split() if children.exists() else [])]
        tell("memory of the largest process", max(map(memory, processes)), "MB", MOST_MEMORY)
    finally:
        service.send_signal(signal.SIGINT)
        service.wait(30)


def main() -> None:
    """Run all measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "planet_vector-benchmark")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--kept", action="store_true", help="use the existing index of the folder")
    parser.add_argument("--python", default=sys.executable, help="interpreter of the installation to measure")
    options = parser.parse_args()
    archive, index = options.folder / str(options.scenes), options.folder / f"{options.scenes}.sqlite"
    archive.mkdir(parents=True, exist_ok=True)
    if not (archive / "scenes.geojsonl").exists():
        write_scenes(archive / "scenes.part", options.scenes)
        (archive / "scenes.part").rename(archive / "scenes.geojsonl")
    command = [options.python, "-m", "planet_vector.cli"]
    if not options.kept:
        for path in options.folder.glob(f"{options.scenes}.sqlite*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        start = time.monotonic()
        subprocess.run([*command, "index", str(archive), "--index", str(index)], check=True, stdout=subprocess.DEVNULL)
        tell(f"index of {options.scenes} scenes", time.monotonic() - start, "s", MOST_BUILD)
        used = os.times()
        tell("  processor time of all its processes", used.children_user + used.children_system, "s")
        tell("  size of the index", index.stat().st_size / 1e6, "MB")
    for workers in (1, 2):
        serve(command, archive, index, workers, options.seconds)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
