"""Measure searches as data frames, compared with scenes one by one, with GDAL and with clients of STAC APIs.

    python benchmarks/columns.py [--scenes 20000] [--runs 5]

Each way reads the same scenes from a local service into a table of all columns and footprints, in a new process. Prints
scenes per second, medians of the runs, and ratios; exits with 1 if a ratio is below its minimum. The peers,
pystac-client with stac-geoparquet and rustac, read the scenes as items from the STAC API of the same service; they are
left out where they are not installed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Dict

from search import measure, service, tell, write_full_scenes

BEGIN = """
import json, os, time
import planet_vector
planet_vector.register()
planet_vector.connect()
import geopandas, pandas, pyogrio, shapely
import planet_vector.driver.datasets
from planet_vector.vector import arrow_tables
from planet_vector.vector.schema import Schema
arrow_tables.arrow_schema(Schema(planet_vector.search("PLANET:ortho").query.schema))  # PROJ's database is read
"""
TWICE = """
def timed():
    start = time.perf_counter()
    count = len(read())
    return count, time.perf_counter() - start
(count, seconds), (_, again) = timed(), timed()
print(json.dumps({"count": count, "seconds": seconds, "again": again}))
"""
ONCE = """
start = time.perf_counter()
count = len(read())
print(json.dumps({"count": count, "seconds": time.perf_counter() - start}))
"""

SCENES = """
def read():
    search = planet_vector.search("PLANET:ortho")
    schema = Schema(search.query.schema)
    rows = schema.rows([scene.feature for scene in search])
    frame = pandas.DataFrame(dict(zip(schema.names, rows.columns)))
    for name, kind in zip(schema.names, schema.types):
        if kind == "DateTime":
            frame[name] = pandas.to_datetime(frame[name], utc=True, format="ISO8601")
    return geopandas.GeoDataFrame(frame, geometry=shapely.from_wkb(rows.wkbs), crs="EPSG:4326")
"""
WAYS: Dict[str, str] = {
    "scene by scene": BEGIN + SCENES + TWICE,
    "GDAL, Arrow": BEGIN + "read = lambda: geopandas.read_file('PLANET:ortho', use_arrow=True)\n" + TWICE,
    "to_geopandas": BEGIN + "read = lambda: planet_vector.search('PLANET:ortho').to_geopandas()\n" + TWICE,
    "to_arrow": BEGIN + "read = lambda: planet_vector.search('PLANET:ortho').to_arrow()\n" + TWICE,
}

ROOT = 'root = os.environ["PL_API_URL"].replace("/v0/", "/stac/")\n'
PYSTAC = f"""
import json, os, time
import geopandas, pyarrow, pystac_client
from stac_geoparquet.arrow import parse_stac_items_to_arrow
{ROOT}
def read():
    client = pystac_client.Client.open(root)
    items = client.search(collections=["ortho"], limit=1000).items_as_dicts()
    return geopandas.GeoDataFrame.from_arrow(pyarrow.table(parse_stac_items_to_arrow(items)))
{ONCE}
"""
RUSTAC = f"""
import asyncio, json, os, time
import geopandas, rustac
{ROOT}
def read():
    async def search():
        await rustac.search_to("items.parquet", root, collections=["ortho"], limit=1000)
    asyncio.run(search())
    return geopandas.read_parquet("items.parquet")
os.chdir(os.environ["SCRATCH"])
{ONCE}
"""
PEERS = {
    "pystac-client, stac-geoparquet": (PYSTAC, ("pystac_client", "stac_geoparquet")),
    "rustac": (RUSTAC, ("rustac",)),
}


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
    arguments = parser.parse_args()
    first: Dict[str, float] = {}
    again: Dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        write_full_scenes(Path(folder) / "scenes.geojsonl", arguments.scenes)
        with service(Path(folder)) as url:
            environment = {"PL_API_URL": url, "PLANET_RATE": "0", "PLANET_CONNECTIONS": "8", "SCRATCH": folder}
            peers = {name: code for name, (code, modules) in PEERS.items() if all(map(find_spec, modules))}
            for name, code in {**WAYS, **peers}.items():
                found = measure(code, arguments.runs, arguments.scenes, **environment)
                first[name] = arguments.scenes / found["seconds"]
                line = f"{name:<32} {first[name]:12,.0f} scenes/s"
                if "again" in found:
                    again[name] = arguments.scenes / found["again"]
                    line += f", again {again[name]:12,.0f}"
                print(line)
    missed = tell("to_geopandas / scene by scene", first["to_geopandas"] / first["scene by scene"], 3)
    missed |= tell("to_geopandas / GDAL", first["to_geopandas"] / first["GDAL, Arrow"], 1.5)
    missed |= tell("again: to_geopandas / GDAL", again["to_geopandas"] / again["GDAL, Arrow"], 4)
    for name in peers:
        missed |= tell(f"to_geopandas / {name}", first["to_geopandas"] / first[name], 2)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
