"""Measure repeated queries of a search: pans, lookups, counts and joins, with a cached result and without.

    python benchmarks/kept.py [--scenes 160000] [--memory 300000]

A service has that many scenes. pyogrio runs each query with an empty cache, so that requests are sent, and again once
the whole layer has been read and cached. Prints medians. ``--memory`` converts a layer of that many scenes to
GeoPackage, FlatGeobuf and Parquet, each in a new process, and prints time and peak memory.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, List

import planet_vector
from planet_vector.driver.registration import environment
from planet_vector.server.sample.synthetic import write_scenes

sys.path.insert(0, str(Path(__file__).parent))
from search import service  # noqa: E402

STREAMED = """
import pyogrio, pyarrow.parquet
with pyogrio.raw.open_arrow("PLANET:ortho", use_pyarrow=True, batch_size=10000) as (meta, reader):
    with pyarrow.parquet.ParquetWriter(target, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)
"""
WHOLE = """
import pyogrio, pyarrow.parquet
meta, table = pyogrio.raw.read_arrow("PLANET:ortho")
pyarrow.parquet.write_table(table, target)
"""
WRITTEN = """
import pyogrio
pyogrio.write_dataframe(pyogrio.read_dataframe("PLANET:ortho", use_arrow=True), target)
"""
MEASURED = """
import json, sys, time
from pathlib import Path
import planet_vector
planet_vector.register()
target, start = sys.argv[1], time.perf_counter()
{code}
seconds, status = time.perf_counter() - start, Path("/proc/self/status")
# Not getrusage: its peak includes the parent's memory when it started this process.
lines = status.read_text().splitlines() if status.exists() else ["VmHWM: 0 kB"]
print(json.dumps([seconds, next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))]))
"""


def main() -> None:
    """Run the measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=160_000)
    parser.add_argument("--memory", type=int, default=0)
    arguments = parser.parse_args()
    os.environ["PLANET_RATE"] = "0"
    with tempfile.TemporaryDirectory(dir="/var/tmp" if Path("/var/tmp").is_dir() else None) as folder:
        write_scenes(Path(folder) / "scenes.geojsonl", arguments.scenes)
        with service(Path(folder)) as url:
            os.environ["PL_API_URL"] = url
            compare(arguments.scenes, Path(folder) / "wanted.csv")
    if arguments.memory:
        with tempfile.TemporaryDirectory(dir="/var/tmp" if Path("/var/tmp").is_dir() else None) as folder:
            write_scenes(Path(folder) / "scenes.geojsonl", arguments.memory)
            with service(Path(folder)) as url:
                os.environ["PL_API_URL"] = url
                convert(Path(folder))


def compare(scenes: int, csv: Path) -> None:
    """Run each query without a cached result, then with the whole layer cached, and print the times.

    Parameters
    ----------
    scenes : int
        The number of scenes.
    csv : Path
        A file to write, with ids for the join.
    """
    planet_vector.register()
    import pyogrio

    chance = random.Random(1)
    everything = pyogrio.raw.read("PLANET:ortho?limit=1000", columns=["id"], read_geometry=False, return_fids=True)
    fids, ids = everything[1].tolist(), everything[3][0].tolist()
    layer = planet_vector.open_layer("PLANET:ortho")
    csv.write_text("wanted,n\n" + ",1\n".join(ids[:50]) + ",1\n")

    def read(**options: Any) -> int:
        return len(pyogrio.raw.read("PLANET:ortho", columns=["id"], **options)[3][0])

    def box(size: float) -> Any:
        west, south = chance.uniform(-170, 170 - size), chance.uniform(-60, 60 - size)
        return west, south, west + size, south + size

    questions: Dict[str, Callable[[], Any]] = {
        "a pan over 2 degrees": lambda: read(bbox=box(2)),
        "a pan over 10 degrees": lambda: read(bbox=box(10)),
        "a scene by id": lambda: read(where=f"id = '{chance.choice(ids)}'"),
        "a row by its feature id": lambda: layer.row(chance.choice(fids)),
        "a count, cloud cover below 20": lambda: pyogrio.raw.read(
            "PLANET:ortho", sql='SELECT COUNT(*) FROM ortho WHERE "cloud_cover.estimated" < 20'
        ),
        "a filter on time and cloud cover": lambda: read(
            where="\"cloud_cover.estimated\" < 20 AND acquired > '2015-06-01' AND acquired < '2015-06-08'"
        ),
        "a join with 50 ids, dialect of SQLite": lambda: pyogrio.raw.read(
            "PLANET:ortho",
            sql=f"SELECT w.wanted, o.acquired FROM '{csv}'.wanted AS w CROSS JOIN ortho AS o ON o.id = w.wanted",
            sql_dialect="SQLITE",
        ),
    }
    os.environ["PLANET_CACHE_TTL"] = "0"
    asked = {name: repeated(ask) for name, ask in questions.items() if "feature id" not in name}
    os.environ["PLANET_CACHE_TTL"] = "3600"
    whole = seconds(lambda: read())
    layer = planet_vector.open_layer("PLANET:ortho")
    print(f"{scenes:,} scenes read in {whole:.1f} s")
    for name, ask in questions.items():
        first = seconds(ask)
        again = repeated(ask)
        before = f"{1000 * statistics.median(asked[name]):9.1f}" if name in asked else "        -"
        print(
            f"  {name:<40} uncached {before} ms, cached: first {1000 * first:9.1f} ms, then "
            f"{1000 * statistics.median(again):9.1f} ms"
        )


def seconds(ask: Callable[[], Any]) -> float:
    """Return the duration of a query in seconds.

    Parameters
    ----------
    ask : callable
        Runs the query.
    """
    start = time.perf_counter()
    ask()
    return time.perf_counter() - start


def repeated(ask: Callable[[], Any]) -> List[float]:
    """Return the durations of a query in seconds, for five runs or as many as fit into half a minute.

    Parameters
    ----------
    ask : callable
        Runs the query.
    """
    found: List[float] = []
    while len(found) < 5 and sum(found) < 30:
        found.append(seconds(ask))
    return found


def convert(folder: Path) -> None:
    """Convert the layer to each format, and print time and peak memory.

    Parameters
    ----------
    folder : Path
        Folder for the outputs.
    """
    found: List[Any] = []
    environ = {**os.environ, **environment()}
    for driver in ("GPKG", "FlatGeobuf"):
        target = folder / f"ogr2ogr.{driver.lower()}"
        command = ["/usr/bin/time", "-f", "%e %M", "ogr2ogr", "-f", driver, str(target), "PLANET:ortho"]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
        taken, most = map(float, done.stderr.split()[-2:])
        found.append((f"ogr2ogr to {driver}", taken, most / 1024))
    for name, code, suffix in (
        ("pyogrio, streamed, to Parquet", STREAMED, "parquet"),
        ("pyogrio, one table, to Parquet", WHOLE, "parquet"),
        ("geopandas to GeoPackage", WRITTEN, "gpkg"),
    ):
        command = [
            sys.executable,
            "-c",
            MEASURED.format(code=code),
            str(folder / f"{code[:3].strip()}{suffix}.{suffix}"),
        ]
        done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr)
        found.append((name, *json.loads(done.stdout)))
    for name, taken, most in found:
        print(f"  {name:<34} {taken:6.1f} s {most:7.0f} MB peak")


if __name__ == "__main__":
    main()
