"""The service over made-up and real scenes, and its direct responses."""

from __future__ import annotations

import json
import random
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import rasterio
import requests

import planet_vector
from planet_vector.vector.result_cache import CACHE
from tests.conftest import HAS_FIONA, Service, Start
from tests.faces import Face

# Before any test: rasterio registers its drivers once, and each test runs without the variable that names this driver.
planet_vector.register()
with rasterio.Env():
    pass
if HAS_FIONA:
    import fiona

    with fiona.Env():
        pass


def wait_for_pages() -> None:
    """Wait until no page is being fetched: a search that is closed early does not wait for its pages."""
    for thread in threading.enumerate():
        if thread.name.startswith("planet_vector"):
            thread.join(30)
            assert not thread.is_alive(), f"{thread.name} goes on"


def ask(service: Service, path: str, **parameters: Any) -> Any:
    """Return a response of the API, requested without planet_vector."""
    answer = requests.get(service.url + path, params=parameters, auth=(service.key, ""), timeout=30)
    answer.raise_for_status()
    return answer.json()


def ask_all(service: Service, scene_type: str, **parameters: Any) -> list[dict[str, Any]]:
    """Return all scenes of a search, page by page as in the specification's tutorial."""
    found: list[dict[str, Any]] = []
    page = ask(service, f"scenes/{scene_type}/", **parameters)
    while True:
        found += page["features"]
        if not page["links"].get("next"):
            return found
        page = requests.get(page["links"]["next"], auth=(service.key, ""), timeout=30).json()


def make_scene(number: int, rng: random.Random) -> dict[str, Any]:
    """Return a made-up scene in the form of real responses."""
    acquired = datetime(2015, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=rng.randrange(86_400_000 * 90))
    if number % 40 == 0:
        acquired = acquired.replace(hour=0, minute=0, second=0, microsecond=0)
    west, south = rng.uniform(-170, 170), rng.uniform(-60, 60)
    ring = [[west, south], [west + 0.3, south + 0.05], [west + 0.25, south + 0.3], [west - 0.05, south + 0.25]]
    return {
        "type": "Feature",
        "id": f"{acquired:%Y%m%d_%H%M%S}_{number:04x}",
        "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
        "properties": {
            "acquired": acquired.isoformat(),
            "published": (acquired + timedelta(days=1)).isoformat(),
            "camera": {
                "bit_depth": rng.choice([8, 12, None]),
                "color_mode": "RGB",
                "gain": rng.choice([100, 200, 300]),
            },
            "cloud_cover": {"estimated": round(rng.uniform(0, 100), 2)},
            "image_statistics": {
                "gsd": rng.uniform(2, 5),
                "image_quality": rng.choice(["test", "standard", "target"]),
            },
            "sat": {
                "id": rng.choice(["0905", "0b0a", "0c1d"]),
                "off_nadir": rng.uniform(0, 5),
                "lat": south,
                "lng": west,
            },
            "strip_id": rng.uniform(1.42e9, 1.44e9),
            "links": {"self": f"https://api.planet.com/v0/scenes/ortho/{number}"},
            "data": {"products": {}},
        },
    }


def write_scenes(folder: Path, scenes: list[dict[str, Any]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scenes.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": scenes}))
    return folder


@pytest.fixture
def sent(face: Face, monkeypatch: pytest.MonkeyPatch) -> list[requests.PreparedRequest]:
    """Return the requests for pages of scenes that this process sends."""
    found: list[requests.PreparedRequest] = []
    send = requests.Session.send

    def listed(self: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        if face.fetched([request.path_url]):
            found.append(request)
        return send(self, request, **options)

    monkeypatch.setattr(requests.Session, "send", listed)
    return found


class Watched:
    """A service and the requests it receives.

    Attributes
    ----------
    service : Service
        The running service.
    """

    def __init__(self, service: Service, log: Path) -> None:
        self.service = service
        self._log = log
        self._seen = 0
        self._marks = 0

    def requests(self) -> list[str]:
        """Return the paths requested since the last call, with queries."""
        wait_for_pages()
        # Lines are written before responses are complete; a marker request of our own shows that all are there.
        self._marks += 1
        mark = f"mark-{self._marks}"
        requests.get(self.service.url + mark, timeout=30)
        end = time.monotonic() + 10
        while mark not in (text := self._log.read_text()) and time.monotonic() < end:
            time.sleep(0.01)
        lines = text.splitlines()[self._seen :]
        self._seen += len(lines)
        paths = [line.split('"')[1].split()[1] for line in lines]
        return [path for path in paths if "mark-" not in path]

    def pages(self) -> list[str]:
        """Return the paths requested for pages of scenes since the last call."""
        return self.service.face.fetched(self.requests())


@pytest.fixture(scope="session")
def many_scenes() -> list[dict[str, Any]]:
    """Return 3500 scenes without rasters: four pages of the largest size."""
    rng = random.Random(1)
    return [make_scene(number, rng) for number in range(3500)]


@pytest.fixture(scope="session")
def _many(tmp_path_factory: pytest.TempPathFactory, start_service: Start, many_scenes: list[dict[str, Any]]) -> Watched:
    folder = write_scenes(tmp_path_factory.mktemp("many") / "scenes", many_scenes)
    log = folder.parent / "access.log"
    return Watched(start_service(folder, "--access-log", str(log), keep=True), log)


@pytest.fixture
def many(_many: Watched, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Return the service over many scenes, set up for this process and with an empty cache."""
    monkeypatch.setenv("PL_API_URL", _many.service.root)
    monkeypatch.setenv("PL_API_KEY", _many.service.key)
    monkeypatch.setenv("PLANET_RATE", "0")
    CACHE.clear()
    _many.requests()
    return _many
