"""Compare searches of the STAC API with those of stac-fastapi-pgstac over the same items, in one run.

    python benchmarks/pgstac.py [--scenes 100000] [--searches 50] [--folder DIR] [--peer PYTHON]

Writes synthetic scenes, indexes them, writes them as items (`planet-vector index --stac`), and loads these into a
PostgreSQL cluster of its own, which ends with the program (see `docs/pgstac.md`; needs Debian's postgresql and
postgresql-postgis). PYTHON is an interpreter with ``stac-fastapi-pgstac[server]``; without one there is nothing to
compare. Both services run with one process, and count the items of each search; the counts must be equal. Prints the
median times of a client, their ratio, and the memory of both: of all processes, with shared pages divided among them
(PSS). The folder keeps the scenes and the items.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

import requests

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from planet_vector.server.index.updating import update  # noqa: E402
from planet_vector.server.sample.synthetic import write_scenes  # noqa: E402
from planet_vector.server.stac_files import write_stac  # noqa: E402
from tests.server.stac.pgstac import cluster, load, missing  # noqa: E402

MOST_SECONDS = 4 * 3600.0
"""The most that loading all items into pgstac may take; a million take about half an hour."""


def searches(number: int) -> List[Dict[str, Any]]:
    """Return searches by area, time and cloud cover.

    Parameters
    ----------
    number : int
        How many.
    """
    found = []
    for step in range(number):
        west, south = step * 3.1 % 330 - 170, step * 0.9 % 100 - 50
        found.append(
            {
                "bbox": [west, south, west + 12, south + 9],
                "datetime": "2015-03-01T00:00:00Z/2015-09-01T00:00:00Z",
                "filter": {"op": "<=", "args": [{"property": "eo:cloud_cover"}, 20 + step % 40]},
                "filter-lang": "cql2-json",
                "limit": 10,
            }
        )
    return found


def measure(url: str, number: int) -> Tuple[float, List[int]]:
    """Return the median time of searches in milliseconds, and their counts.

    Parameters
    ----------
    url : str
        Address of the search.
    number : int
        Number of searches.
    """
    times, counts = [], []
    with requests.Session() as session:
        for body in [searches(1)[0], *searches(number)]:  # the first one opens connections and reads arrays
            begun = time.perf_counter()
            answer = session.post(url, json=body, timeout=300)
            times.append(1000 * (time.perf_counter() - begun))
            answer.raise_for_status()
            counts.append(answer.json()["numberMatched"])
    return statistics.median(times[1:]), counts


def memory(process: int) -> float:
    """Return the memory of a process and its descendants in megabytes, shared pages divided among processes (Linux).

    Parameters
    ----------
    process : int
        The process id.
    """
    total = 0.0
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            if int(place.name) == process:
                rollup = (place / "smaps_rollup").read_text()
                total += int(re.findall(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)[0]) / 1024
            elif parent == process:
                total += memory(int(place.name))
        except (OSError, IndexError):  # the process has ended
            continue
    return total


def free_port() -> int:
    """Return a free port of the loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scenes", type=int, default=100_000)
    parser.add_argument("--searches", type=int, default=50)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--peer", default=sys.executable)
    options = parser.parse_args()
    lack = missing()
    if lack or subprocess.run([options.peer, "-c", "import stac_fastapi.pgstac"], capture_output=True).returncode:
        print(f"Nothing to compare with: {lack or 'needs stac-fastapi-pgstac[server], see --peer'}.")
        return
    with tempfile.TemporaryDirectory() as made:
        folder = options.folder or Path(made)
        (folder / "archive").mkdir(parents=True, exist_ok=True)
        scenes, items = folder / "archive" / "scenes.geojsonl", folder / "items.ndjson"
        if not scenes.exists():
            write_scenes(scenes, options.scenes)
        update(folder / "archive", folder / "index.sqlite", lambda done, total: None)
        begun = time.monotonic()
        written = write_stac(folder / "archive", folder / "index.sqlite", items)
        print(f"{written.items} items written as lines in {time.monotonic() - begun:.0f} s")
        assert written.collections_file is not None
        with cluster("shared_buffers=1GB", "work_mem=64MB", "max_wal_size=4GB", port=free_port()) as environ:
            begun = time.monotonic()
            load(environ, "collections", written.collections_file)
            load(environ, "items", items, "insert", MOST_SECONDS)
            settings = "UPDATE pgstac.pgstac_settings SET value = 'on' WHERE name = 'context'; ANALYZE"
            subprocess.run(["psql", "-qc", settings], env=environ, check=True)
            print(f"loaded into pgstac in {time.monotonic() - begun:.0f} s")
            compare(folder, environ, options.peer, options.searches)


def compare(folder: Path, environ: Dict[str, str], peer: str, number: int) -> None:
    """Run both services, and print what they take.

    Parameters
    ----------
    folder : Path
        Folder of the archive and its index.
    environ : dict
        Environment that connects to pgstac.
    peer : str
        Interpreter of stac-fastapi-pgstac.
    number : int
        Number of searches.
    """
    port = free_port()
    own = [sys.executable, "-m", "planet_vector.cli", "serve", str(folder / "archive"), "--port", "0", "--rescan", "0"]
    service = subprocess.Popen(
        [*own, "--index", str(folder / "index.sqlite")], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    described = {name: environ[name] for name in ("PGPORT", "PGUSER", "PGDATABASE")}
    described.update(PGHOST="127.0.0.1", PGPASSWORD="none")  # no password is asked for
    app = ["-m", "uvicorn", "stac_fastapi.pgstac.app:create_app", "--factory", "--log-level", "warning"]
    other = subprocess.Popen([peer, *app, "--port", str(port)], env={**os.environ, **described})
    try:
        assert service.stdout is not None
        root = service.stdout.readline().split()[-1].replace("/v0/", "/stac/search")
        address = f"http://127.0.0.1:{port}/"
        for _ in range(120):
            try:
                requests.get(address, timeout=5)
                break
            except requests.ConnectionError:
                assert other.poll() is None, "stac-fastapi-pgstac ended"
                time.sleep(0.5)
        ours, counts = measure(root, number)
        theirs, others = measure(address + "search", number)
        postmaster = int((Path(environ["PGHOST"]) / "data" / "postmaster.pid").read_text().split()[0])
        print(f"{number} searches by area, time and cloud, 10 items each, {min(counts)} to {max(counts)} found")
        print(f"planet-vector serve:  median {ours:7.1f} ms, {memory(service.pid):7.0f} MB")
        peers = memory(other.pid), memory(postmaster)
        print(f"stac-fastapi-pgstac:  median {theirs:7.1f} ms, {peers[0]:7.0f} MB and {peers[1]:.0f} MB of PostgreSQL")
        print(f"ratio of the medians: {theirs / ours:.1f}")
        assert counts == others, (counts, others)
    finally:
        for process in (service, other):
            process.terminate()
            process.wait(20)
        if service.stdout is not None:
            service.stdout.close()


if __name__ == "__main__":
    main()
