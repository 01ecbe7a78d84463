"""Measure the searches of `benchmarks/server.py` in PostGIS, with the same scenes and results, for comparison.

    python benchmarks/postgis.py "host=127.0.0.1 user=postgres dbname=postgres" [--scenes 1000000] [--folder DIR]

Needs psycopg, a writable database (creates and drops the table ``planet_vector_scenes``), and the scenes that
`benchmarks/server.py` left in its folder. Prints the median and the 99th percentile of the time to get a page of 1000
texts and its count.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

import psycopg
from server import large, searches

COLUMNS = (
    "id text, acquired timestamptz, cloud double precision, snr double precision, footprint geometry, feature text"
)
INDEXES = """
CREATE INDEX ON planet_vector_scenes USING gist (footprint);
CREATE INDEX ON planet_vector_scenes (acquired DESC, id DESC);
CREATE INDEX ON planet_vector_scenes (cloud);
CREATE INDEX ON planet_vector_scenes (snr);
VACUUM ANALYZE planet_vector_scenes;
"""
FIELDS = {"cloud_cover.estimated": "cloud", "image_statistics.snr": "snr", "acquired": "acquired"}
SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def fill(database: Any, scenes: Path) -> None:
    """Create the table of scenes.

    Parameters
    ----------
    database : psycopg.Connection
        The database.
    scenes : Path
        Features, one per line.
    """
    database.execute("CREATE EXTENSION IF NOT EXISTS postgis")
    database.execute("DROP TABLE IF EXISTS planet_vector_scenes")
    database.execute(f"CREATE UNLOGGED TABLE planet_vector_scenes ({COLUMNS})")
    with database.cursor().copy("COPY planet_vector_scenes FROM STDIN") as copy, scenes.open() as lines:
        for line in lines:
            scene = json.loads(line)
            properties = scene["properties"]
            ring = ",".join(f"{x} {y}" for x, y in scene["geometry"]["coordinates"][0])
            copy.write_row(
                (
                    scene["id"],
                    properties["acquired"],
                    properties["cloud_cover"]["estimated"],
                    properties["image_statistics"]["snr"],
                    f"SRID=4326;POLYGON(({ring}))",
                    line.strip(),
                )
            )
    for statement in filter(str.strip, INDEXES.split(";")):
        database.execute(statement)


def condition(parameters: Dict[str, Any]) -> Tuple[str, List[Any]]:
    """Return a search as an SQL condition and its values.

    Parameters
    ----------
    parameters : dict
        The parameters of the search.
    """
    terms, values = ["true"], []
    for name, value in parameters.items():
        if name == "intersects":
            terms.append("ST_Intersects(footprint, ST_GeomFromText(%s, 4326))")
        elif name in ("count", "order_by"):
            continue
        elif name.startswith("_page"):
            terms.append(f"acquired {SIGNS[name.rpartition('.')[2]]} %s")
        else:
            field, _, sign = name.rpartition(".")
            terms.append(f"{FIELDS[field]} {SIGNS[sign]} %s")
        values.append(value)
    return " AND ".join(terms), values


def ask(database: Any, parameters: Dict[str, Any]) -> float:
    """Return the milliseconds to get a page and its count.

    Parameters
    ----------
    database : psycopg.Connection
        The database.
    parameters : dict
        The parameters of the search.
    """
    where, values = condition(parameters)
    start = time.perf_counter()
    database.execute(f"SELECT count(*) FROM planet_vector_scenes WHERE {where}", values).fetchone()
    database.execute(
        f"SELECT feature FROM planet_vector_scenes WHERE {where} ORDER BY acquired DESC, id DESC LIMIT %s",
        [*values, parameters.get("count", 50)],
    ).fetchall()
    return 1000 * (time.perf_counter() - start)


def tell(name: str, times: List[float]) -> None:
    """Print the times of a kind of search.

    Parameters
    ----------
    name : str
        The kind of search.
    times : list of float
        Milliseconds.
    """
    last = statistics.quantiles(times, n=100)[98] if len(times) > 1 else times[0]
    print(f"{name:<58} p50 {statistics.median(times):8.1f} ms  p99 {last:8.1f} ms")


def main() -> None:
    """Create the table, and run the searches."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("database", help="connection string of libpq")
    parser.add_argument("--scenes", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "planet_vector-benchmark")
    options = parser.parse_args()
    with psycopg.connect(options.database, autocommit=True) as database:
        start = time.monotonic()
        fill(database, options.folder / str(options.scenes) / "scenes.geojsonl")
        print(f"{'table and indexes':<58} {time.monotonic() - start:12.1f} s")
        try:
            for parameters in searches(1)[:50]:
                ask(database, parameters)
            tell("area, date and cloud", [ask(database, parameters) for parameters in searches(2)])
            for name in large(0):
                if "antimeridian" in name:  # PostGIS does not wrap geometries beyond ±180°
                    continue
                tell(name, [ask(database, large(seed)[name]) for seed in range(1, 4)])
            times: List[float] = []

            def work(seed: int) -> None:
                with psycopg.connect(options.database, autocommit=True) as own:
                    times.append(ask(own, large(seed)["the whole globe"]))

            threads = [threading.Thread(target=work, args=(10 + number,)) for number in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            tell("the whole globe, four at once", times)
        finally:
            database.execute("DROP TABLE planet_vector_scenes")


if __name__ == "__main__":
    main()
