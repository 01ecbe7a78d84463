"""Items as files in pgstac: its searches find what the service finds."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest
import requests

from planet_vector.server.index.updating import update
from planet_vector.server.stac_files import write_stac
from tests.server.conftest import Running

from .pgstac import cluster, load

pytestmark = pytest.mark.long

SEARCHES: List[Dict[str, Any]] = [
    {},
    {"collections": ["ortho"]},
    {"bbox": [11.96, 47.85, 11.98, 47.87]},
    {"datetime": "2015-06-01T00:00:00Z/2015-08-01T00:00:00Z"},
    {"filter": {"op": "<", "args": [{"property": "eo:cloud_cover"}, 20]}, "filter-lang": "cql2-json"},
    {"filter": {"op": "=", "args": [{"property": "platform"}, "0908"]}, "filter-lang": "cql2-json"},
]


@pytest.fixture(scope="module")
def loaded(sample: Running, archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dict[str, str]]:
    folder = tmp_path_factory.mktemp("items")
    update(archive, folder / "i.sqlite", lambda done, total: None)
    written = write_stac(archive, folder / "i.sqlite", folder / "items.ndjson", sample.origin)
    assert written.collections_file is not None
    with cluster() as environ:
        load(environ, "collections", written.collections_file)
        load(environ, "items", folder / "items.ndjson")
        yield environ


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: next(iter(search), "everything"))
def test_pgstac_finds_what_the_service_finds(sample: Running, loaded: Dict[str, str], search: Dict[str, Any]) -> None:
    query = json.dumps({**search, "limit": 1000}).replace("'", "''")
    command = ["psql", "-Atqc", f"SELECT pgstac.search('{query}')"]
    done = subprocess.run(command, env=loaded, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["features"]
    answer = requests.post(f"{sample.origin}/stac/search", json={**search, "limit": 1000}, timeout=60).json()
    assert {item["id"] for item in found} == {item["id"] for item in answer["features"]} != set()
    own = {item["id"]: item for item in answer["features"]}
    for item in found:
        assert item["geometry"]["type"] == own[item["id"]]["geometry"]["type"]
        assert item["properties"]["datetime"][:19] == own[item["id"]]["properties"]["datetime"][:19]
        assert {key: asset["href"] for key, asset in item["assets"].items()} == {
            key: asset["href"] for key, asset in own[item["id"]]["assets"].items()
        }
