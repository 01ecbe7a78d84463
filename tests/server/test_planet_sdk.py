"""Planet's SDK for Python, from PyPI in an environment of its own, over the service."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, List, Tuple

import pytest
import shapely.geometry

from planet_vector.config import Settings
from planet_vector.keys import Key
from tests.data_v1_service import KEY, compiled, moment
from tests.server.conftest import Running, Serve
from tests.server.data_archives import order_items, write_order

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.version_info < (3, 10), reason="the SDK needs Python 3.10"),
]
SDK = "planet==3.7.0"
ITEMS = order_items(120, seed=7)
# The commands compare item types with a list from api.planet.com, regardless of their base URL; here it is given.
_COMMAND = """
import planet.specs
planet.specs.PRODUCT_BUNDLES.cache = {"bundles": {}, "bundle_names": [], "item_types": {"PSScene"}}
from planet.cli.cli import main
main()
"""

Command = Callable[..., str]


@pytest.fixture(scope="module")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment with the SDK."""
    folder = tmp_path_factory.mktemp("sdk")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    subprocess.run([str(python), "-m", "pip", "install", "-qq", SDK], check=True, timeout=600)
    return python


@pytest.fixture(scope="module")
def running(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Tuple[Running, Path]:
    folder = tmp_path_factory.mktemp("archive")
    write_order(folder / "order", ITEMS)
    mosaics = folder.parent / "mosaics.yaml"
    mosaics.write_text("- {name: winter, level: 8}\n")
    return serve(folder, "--mosaics", str(mosaics), "--key", KEY, "--activation-delay", "1"), folder


@pytest.fixture
def planet(sdk: Path, running: Tuple[Running, Path], tmp_path: Path) -> Command:
    """Return a function that runs a command of the SDK and returns what it prints."""
    roots = {"data": "/data/v1", "mosaics": "/basemaps/v1"}

    def run(group: str, *arguments: str, fails: bool = False) -> str:
        command = [str(sdk), "-c", _COMMAND, group, "--base-url", running[0].origin + roots[group], *arguments]
        environ = {**os.environ, "PL_API_KEY": KEY, "HOME": str(tmp_path)}
        done = subprocess.run(command, capture_output=True, text=True, env=environ, cwd=tmp_path, timeout=120)
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout + (done.stderr if fails else "")

    return run


# What the SDK does with the answer of its server after a log-in.
_LOG_IN = """
import planet.auth_builtins, planet_auth, sys
from planet_auth.oidc.oidc_credential import FileBackedOidcCredential
from planet_auth_utils.profile import Profile
credential = FileBackedOidcCredential(None, Profile.get_profile_file_path("token.json", "planet-user"))
answer = {"access_token": sys.argv[1], "refresh_token": "r", "token_type": "Bearer", "expires_in": int(sys.argv[2])}
credential.set_data(answer)
credential.save()
"""


@pytest.mark.parametrize("seconds, used", [(3600, True), (-5, False)])
def test_a_log_in_that_the_sdk_stored_is_read(sdk: Path, seconds: int, used: bool) -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": int(time.time()) + seconds}).encode()).decode().rstrip("=")
    token = f"eyJhbGciOiJub25lIn0.{claims}.c2ln"
    done = subprocess.run([str(sdk), "-c", _LOG_IN, token, str(seconds)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    settings = Settings.load()
    assert settings.key == (Key(token, scheme="Bearer") if used else None)
    assert ("has expired" in settings.withheld) is not used


def lines(text: str) -> List[Any]:
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def test_filters_searches_and_statistics(planet: Command, tmp_path: Path) -> None:
    options = ("--range", "cloud_cover", "lte", "0.5", "--date-range", "acquired", "gte", "2022-01-20")
    path = tmp_path / "filter.json"
    path.write_text(planet("data", "filter", *options, "--permission", "--std-quality"))
    meets = compiled(json.loads(path.read_text()))
    expected = sorted(item["id"] for item in ITEMS if meets(item))
    found = lines(planet("data", "search", "PSScene", "--filter", str(path), "--limit", "0"))
    assert sorted(item["id"] for item in found) == expected != []
    ascending = lines(planet("data", "search", "PSScene", "--limit", "0", "--sort", "acquired asc"))
    times = [moment(item["properties"]["acquired"]) for item in ascending]
    assert times == sorted(times) and len(times) == len(ITEMS)
    said = json.loads(planet("data", "stats", "PSScene", "--interval", "month", "--filter", str(path)))
    assert sum(bucket["count"] for bucket in said["buckets"]) == len(expected)


def test_an_asset_is_activated_and_downloaded(planet: Command, running: Tuple[Running, Path], tmp_path: Path) -> None:
    item = next(each for each in ITEMS if "ortho_visual" in each["assets"])
    place = ("PSScene", item["id"])
    assert json.loads(planet("data", "item-get", *place))["id"] == item["id"]
    assert sorted(json.loads(planet("data", "asset-list", *place))) == item["assets"]
    assert "active" in planet("data", "asset-download", *place, "ortho_visual", fails=True)
    planet("data", "asset-activate", *place, "ortho_visual")
    assert "active" in planet("data", "asset-wait", *place, "ortho_visual", "--delay", "1")
    planet("data", "asset-download", *place, "ortho_visual", "--directory", str(tmp_path))
    (file,) = running[1].rglob(f"{item['id']}_3B_Visual.tif")
    assert (tmp_path / f"{item['id']}_ortho_visual.tif").read_bytes() == file.read_bytes()


def test_searches_are_saved(planet: Command, tmp_path: Path) -> None:
    path = tmp_path / "filter.json"
    path.write_text(json.dumps({"type": "StringInFilter", "field_name": "satellite_id", "config": ["105e"]}))
    saved = json.loads(planet("data", "search-create", "PSScene", "--filter", str(path), "--name", "mine"))
    assert [each["id"] for each in lines(planet("data", "search-list"))] == [saved["id"]]
    found = lines(planet("data", "search-run", saved["id"], "--limit", "0"))
    assert {item["properties"]["satellite_id"] for item in found} == {"105e"}
    changed = planet("data", "search-update", saved["id"], "PSScene", "--filter", str(path), "--name", "other")
    assert json.loads(changed)["name"] == json.loads(planet("data", "search-get", saved["id"]))["name"] == "other"
    planet("data", "search-delete", saved["id"])
    assert lines(planet("data", "search-list")) == []


def test_basemaps(planet: Command, tmp_path: Path) -> None:
    assert [each["name"] for each in json.loads(planet("mosaics", "list"))] == ["winter"]
    quads = json.loads(planet("mosaics", "search", "winter", "--bbox", "-180,-80,180,80"))
    assert quads and all(quad["percent_covered"] > 0 for quad in quads)
    west, south, east, north = quads[0]["bbox"]
    inner = [(west * 3 + east) / 4, (south * 3 + north) / 4, (west + east) / 2, (south + north) / 2]
    path = tmp_path / "area.json"
    path.write_text(json.dumps(shapely.geometry.mapping(shapely.geometry.box(*inner))))
    found = json.loads(planet("mosaics", "search", "winter", "--geometry", str(path)))
    assert [quad["id"] for quad in found] == [quads[0]["id"]]
    counted = json.loads(planet("mosaics", "search", "winter", "--bbox", "-180,-80,180,80", "--summary"))
    assert counted["total_quads"] == len(quads)
