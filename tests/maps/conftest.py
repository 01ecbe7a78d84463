"""Maps in a real browser: headless Chromium, driven by Playwright.

The browser has no access to other machines. Each page records the console output and the requests.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple

import pytest
import requests

from tests.browsing import CHROMIUM, chromium
from tests.conftest import KEY, Service, Start

BASEMAPS = """\
- {name: summer, title: Summer, first: 2015-06-01, last: 2015-09-30, filter: {sat.lat.gte: 30}}
- {name: spring, first: 2015-04-01, last: 2015-05-31}
"""

AREA = "bbox=11.6,47.6,12.4,48.2"


class Seen:
    """An open page, with its console output and requests."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.problems: List[str] = []
        self.requests: List[str] = []
        self.answers: Dict[str, int] = {}
        self.ended: List[str] = []
        page.on("console", lambda message: self.problems.append(message.text))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("dialog", lambda dialog: (self.problems.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("requestfinished", lambda request: self.ended.append(request.url))
        page.on("requestfailed", lambda request: self.ended.append(request.url))
        page.on("response", lambda answer: self.answers.__setitem__(answer.url, answer.status))

    def visible(self, selector: str) -> int:
        """Return the number of visible elements."""
        count: int = self.page.locator(f"{selector}:visible").count()
        return count

    def slide(self, name: str, value: float) -> None:
        """Move a slider as a user does, with all events."""
        self.page.locator(f"#{name}").fill(str(value))

    def asked(self) -> List[str]:
        """Return the URLs requested over HTTP."""
        return [url for url in self.requests if url.startswith("http")]

    def settle(self) -> None:
        """Wait until all requests have succeeded or failed."""
        for _ in range(600):
            self.page.wait_for_timeout(50)
            if len(self.ended) == len(self.requests) and not self.page.locator(".leaflet-zoom-anim").count():
                self.page.wait_for_timeout(50)
                return
        raise AssertionError(f"requests still running after 30 seconds: {set(self.requests) - set(self.ended)}")


Show = Callable[..., Seen]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return a browser without access to other hosts."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    with chromium() as running:
        yield running


@pytest.fixture
def show(browser: Any) -> Iterator[Show]:
    """Return a function that opens a map, a file or a URL; it takes the size of the window."""
    contexts: List[Any] = []

    def call(place: Any, width: int = 1280, height: int = 800, route: Any = None, **options: Any) -> Seen:
        context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce", **options)
        contexts.append(context)
        seen = Seen(context.new_page())
        if route is not None:
            seen.page.route(*route)
        seen.page.goto(place.resolve().as_uri() if isinstance(place, Path) else place)
        return seen

    yield call
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def basemaps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the definition of two basemaps of the sample archive."""
    path = tmp_path_factory.mktemp("mosaics") / "mosaics.yml"
    path.write_text(BASEMAPS)
    return path


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the access log of the service that requires a key."""
    return tmp_path_factory.mktemp("log") / "access.log"


@pytest.fixture(scope="session")
def closed(start_service: Start, archive: Path, basemaps: Path, log: Path) -> Service:
    """Return a service with basemaps that requires a key."""
    return start_service(archive, "--mosaics", str(basemaps), "--access-log", str(log), keep=True)


@pytest.fixture(scope="session")
def free(start_service: Start, archive: Path, basemaps: Path) -> Service:
    """Return a service with basemaps that requires no key."""
    return start_service(archive, "--mosaics", str(basemaps), key="", keep=True)


@pytest.fixture
def serve_features(start_service: Start, tmp_path: Path) -> Iterator[Callable[[Sequence[Any]], Service]]:
    """Return a function that starts a service over scenes with metadata only."""
    started: List[Service] = []

    def call(features: Sequence[Any]) -> Service:
        folder = tmp_path / "features"
        folder.mkdir()
        (folder / "scenes.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": list(features)}))
        started.append(start_service(folder, "--index", str(tmp_path / "index.sqlite"), key=""))
        return started[-1]

    yield call
    for service in started:
        service.stop()


def feature(scene_id: str, positions: Sequence[Tuple[float, float]], **properties: Any) -> Dict[str, Any]:
    """Return a scene with one ring, a time and some cloud cover."""
    ring = [list(position) for position in (*positions, *positions[:1])]
    return {
        "type": "Feature",
        "id": scene_id,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"acquired": "2015-07-01T10:00:00Z", "cloud_cover": {"estimated": 12.5}, **properties},
    }


def found(service: Service, query: str = AREA, scene_type: str = "ortho") -> List[Any]:
    """Return the scenes of the sample in an area, requested from the service itself; all fit on one page."""
    parts = dict(pair.split("=") for pair in query.split("&"))
    west, south, east, north = parts.pop("bbox").split(",")
    ring = f"POLYGON(({west} {south},{east} {south},{east} {north},{west} {north},{west} {south}))"
    page = requests.get(
        f"{service.url}scenes/{scene_type}/",
        params={"count": "1000", "intersects": ring, **parts},
        headers={"Authorization": f"api-key {service.key}"} if service.key else {},
        timeout=30,
    ).json()
    assert page["count"] == len(page["features"]) > 20
    scenes: List[Any] = page["features"]
    return scenes


__all__ = ["AREA", "KEY", "Seen", "Show", "feature", "found"]
