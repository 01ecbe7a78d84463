"""Searches beside pystac-client at stac-fastapi-pgstac, the software of the Planetary Computer and of eoAPI.

It runs in a Python of its own, ``.venv-pgstac``, on a cluster of PostgreSQL of its own, which is removed afterwards.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple

import pytest
import requests

from tests.conftest import ROOT
from tests.stac.conftest import found, ids
from tests.stac.test_peers import _peer, _random_searches
from tests.stac_server import Item, connect_to, make_items

pytestmark = pytest.mark.long

PYTHON = ROOT / ".venv-pgstac" / "bin" / "python"
PACKAGES = ["stac-fastapi.pgstac[server]", "pypgstac[psycopg]"]
# PostgreSQL refuses to run as root.
AS_USER = ["runuser", "-u", "postgres", "--"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []


class Pgstac(NamedTuple):
    """The service, its items, and the environment of programs for its database."""

    url: str
    items: List[Item]
    environ: Dict[str, str]

    def sql(self, text: str) -> None:
        subprocess.run(["psql", "-q", "-c", text], env=self.environ, check=True, capture_output=True)


@pytest.fixture(scope="module")
def python() -> Path:
    """Return a Python with stac-fastapi-pgstac, created once."""
    ready = [str(PYTHON), "-c", "import stac_fastapi.pgstac.app, pypgstac, psycopg"]
    if not PYTHON.exists() or subprocess.run(ready, capture_output=True).returncode:
        subprocess.run([sys.executable, "-m", "venv", str(PYTHON.parents[1])], check=True, capture_output=True)
        done = subprocess.run([str(PYTHON), "-m", "pip", "install", "-q", *PACKAGES], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"stac-fastapi-pgstac cannot be installed: {done.stderr[-200:]}")
    return PYTHON


@pytest.fixture(scope="module")
def pgstac(python: Path) -> Iterator[Pgstac]:
    """Start a cluster and the service, with two items at each time, some without a time of their own."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not places or not list(Path("/usr/share/postgresql").glob("*/extension/postgis.control")):
        pytest.skip("PostgreSQL with PostGIS is not installed (Debian: postgresql-postgis)")
    programs = places[-1].parent
    folder = Path(tempfile.mkdtemp(prefix="pgstac-", dir="/var/tmp"))
    if AS_USER:
        shutil.chown(folder, "postgres", "postgres")
    data = folder / "data"
    database, port = _free_port(), _free_port()
    environ = {
        **os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(database), "PGUSER": "postgres", "PGDATABASE": "postgres",
        "PGPASSWORD": "x", "POSTGRES_USER": "postgres", "POSTGRES_PASS": "x", "POSTGRES_PASSWORD": "x",
        "POSTGRES_HOST": "127.0.0.1", "POSTGRES_HOST_READER": "127.0.0.1", "POSTGRES_HOST_WRITER": "127.0.0.1",
        "POSTGRES_PORT": str(database), "POSTGRES_DBNAME": "postgres",
    }  # fmt: skip
    try:
        _run(*AS_USER, programs / "initdb", "-A", "trust", "-U", "postgres", "-D", data, cwd=folder)
        options = (
            f"-p {database} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c autovacuum=off"
        )
        _run(*AS_USER, programs / "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start", cwd=folder)
        try:
            yield from _served(python, folder, port, environ)
        finally:
            _run(*AS_USER, programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop", cwd=folder)
    finally:
        shutil.rmtree(folder)


def _served(python: Path, folder: Path, port: int, environ: Dict[str, str]) -> Iterator[Pgstac]:
    items = make_items(320)
    for number, item in enumerate(items):
        if number % 9 == 0:
            moment = item["properties"]["datetime"]
            item["properties"].update(datetime=None, start_datetime=moment, end_datetime=moment)
    extent = {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [["2024-05-01T00:00:00Z", None]]}}
    collection = {"type": "Collection", "id": "scenes", "stac_version": "1.0.0", "description": "Scenes"}
    collection.update(license="proprietary", links=[], extent=extent)
    files = Path(tempfile.mkdtemp(prefix="pgstac-"))
    try:
        (files / "collections.ndjson").write_text(json.dumps(collection) + "\n")
        (files / "items.ndjson").write_text("".join(f"{json.dumps(item)}\n" for item in items))
        service = Pgstac(f"http://127.0.0.1:{port}/", items, environ)
        service.sql("create extension postgis")
        tool = python.with_name("pypgstac")
        _run(tool, "migrate", env=environ)
        for kind in ("collections", "items"):
            _run(tool, "load", kind, files / f"{kind}.ndjson", "--method", "upsert", env=environ)
    finally:
        shutil.rmtree(files)
    command = [str(python), "-m", "uvicorn", "stac_fastapi.pgstac.app:create_app", "--factory", "--port", str(port)]
    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            for _ in range(600):
                assert server.poll() is None, "the service does not start"
                try:
                    requests.get(service.url, timeout=5)
                    break
                except requests.ConnectionError:
                    time.sleep(0.1)
            yield service
        finally:
            server.terminate()


def _run(*command: object, **options: object) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{command}: {done.stderr[-2000:]}"


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.mark.parametrize(
    ("context", "threshold", "factor"), [("off", 150, 1.0), ("on", 150, 1.0), ("auto", 500, 3.0), ("auto", 100, 0.5)]
)
def test_pgstac_gives_the_items_that_it_gives_pystac_client(
    pgstac: Pgstac, context: str, threshold: int, factor: float
) -> None:
    """With ``auto``, counts above a threshold are the planner's estimates, here of statistics that are wrong."""
    settings = {
        "context": context, "context_estimated_count": str(threshold), "context_estimated_cost": "0"
    }  # fmt: skip
    for setting, value in settings.items():
        pgstac.sql(
            f"insert into pgstac.pgstac_settings values ('{setting}', '{value}') "
            f"on conflict (name) do update set value = '{value}'"
        )
    pgstac.sql("truncate pgstac.search_wheres cascade")  # the counts of earlier searches
    pgstac.sql("analyze")
    pgstac.sql(f"update pg_class set reltuples = reltuples * {factor} where relname like '\\_items\\_%'")
    name = f"pgstac-{context}-{threshold}"
    connect_to(pgstac.url, name)
    asked = {"collections": ["scenes"], "datetime": "2024-05-01T00:00:00Z/2024-05-20T00:00:00Z", "limit": 1}
    counted = requests.post(f"{pgstac.url}search", json=asked, timeout=60).json().get("numberMatched")
    assert (counted is None) == (context == "off")
    exact = len(_peer(pgstac.url, datetime=asked["datetime"]))
    assert counted == exact or context != "on"
    whole = requests.post(f"{pgstac.url}search", json={"collections": ["scenes"], "limit": 1}, timeout=60).json()
    if context == "auto":
        assert whole["numberMatched"] == pytest.approx(factor * len(pgstac.items), rel=0.1)
    try:
        assert sorted(found(f"STAC:{name}/scenes")) == ids(pgstac.items) == _peer(pgstac.url)
        sizes = []
        for number, (parameters, asked) in enumerate(_random_searches(60)):
            if number % 2:
                parameters += f"&eo:cloud_cover.lte={number}"
                asked["filter"] = {"op": "<=", "args": [{"property": "eo:cloud_cover"}, number]}
            read = found(f"STAC:{name}/scenes?{parameters}")
            assert sorted(read) == _peer(pgstac.url, **asked), parameters
            sizes.append(len(read))
        assert max(sizes) > 20 and len(set(sizes)) > 5
    finally:
        from planet_vector.connection_file import remove_connection

        remove_connection(name)
