"""The specification's two pages with a Leaflet map, as printed, from another origin than the service's, in a browser.

Changed in them are the key, the service's host, and where the libraries lie. The mosaic and the scene have the names
that the pages ask for.
"""

from __future__ import annotations

import io
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import files
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.transform import from_bounds

from ..browsing import CHROMIUM, chromium
from .conftest import DATA, Running, Serve

SPECIFICATION = DATA.parent / "spec" / "scenes-api-v0.txt"
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
    pytest.mark.skipif(not SPECIFICATION.exists(), reason="the specification (../shared/spec) is not here"),
]

KEY = "5ec2e75ec2e75ec2e75ec2e75ec2e7aa"
WIDE, SMALL = (230, 60, 20), (30, 90, 220)  # colours of the scenes
SCENE = "20150910_192050_0b0f"  # the one that the second page asks for
CENTRE = 12.0, 47.0
LIBRARIES = {
    "leaflet.js": ("django-leaflet", "leaflet/static/leaflet/leaflet.js"),
    "leaflet.css": ("django-leaflet", "leaflet/static/leaflet/leaflet.css"),
    "jquery-1.11.3.min.js": ("django-static-jquery", "js/jquery.min.js"),
}

# The second page's own faults: it has the style sheet of another library where it needs Leaflet's, so that no tile is
# in its place; and sizes in quotes are none in CSS, so that a map in its place has no height. This is the least that
# mends it.
MENDED = '<link rel="stylesheet" href="leaflet.css" /><style>#map {height: 600px}</style></head>'


def write_scene(path: Path, bounds: Tuple[float, float, float, float], colour: Tuple[int, int, int]) -> None:
    """Write a scene of one colour; its bounds are in degrees: west, south, east, north."""
    with rasterio.open(
        path, "w", driver="GTiff", count=3, dtype="uint8", width=200, height=200, crs="EPSG:4326",
        transform=from_bounds(*bounds, 200, 200),
    ) as target:  # fmt: skip
        target.write(np.broadcast_to(np.array(colour, "uint8")[:, None, None], (3, 200, 200)))


@pytest.fixture(scope="module")
def service(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Running:
    folder = tmp_path_factory.mktemp("archive")
    lon, lat = CENTRE
    write_scene(folder / "20150101_000000_0001_visual.tif", (-60, -30, -20, 10), WIDE)
    write_scene(folder / f"{SCENE}_visual.tif", (lon - 0.06, lat - 0.04, lon + 0.06, lat + 0.04), SMALL)
    (folder / "m.yml").write_text("- {name: color_balance_mosaic}\n")
    return serve(folder, "--mosaics", str(folder / "m.yml"), environment={"PLANET_SERVE_KEY": KEY})


@pytest.fixture
def host() -> Iterator[Callable[[str], str]]:
    """Return a function that gives a page, and the libraries, an origin of their own, and returns its address."""
    contents: Dict[str, bytes] = {"favicon.ico": b""}
    for name, (package, end) in LIBRARIES.items():
        (place,) = (file for file in files(package) or [] if file.as_posix().endswith(end))
        contents[name] = place.read_binary()
    kinds = {".js": "text/javascript", ".css": "text/css", ".html": "text/html; charset=utf-8"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = contents.get(self.path[1:])
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Type", kinds.get(Path(self.path).suffix, "image/x-icon"))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()

    def call(page: str) -> str:
        contents["page.html"] = page.encode()
        return f"http://127.0.0.1:{server.server_port}/page.html"

    yield call
    server.shutdown()
    server.server_close()
    thread.join()


def printed(number: int, service: Running) -> str:
    """Return one of the pages, with another key, host, and place of the libraries."""
    text = SPECIFICATION.read_text(encoding="utf-8")
    page = re.findall(r"Putting it all together\n```\n(<!DOCTYPE html>.*?</html>)", text, re.DOTALL)[number]
    for old, new in (
        ("YOUR-KEY-HERE", KEY), ("YOUR-API-KEY", KEY),
        ("https://api.planet.com", service.origin), ("https://tiles.planet.com", service.origin),
        ("http://cdnjs.cloudflare.com/ajax/libs/leaflet/0.7.3/", ""), ("http://code.jquery.com/", ""),
    ):  # fmt: skip
        page = page.replace(old, new)
    return page


class Shown:
    """Be a page in a browser, and what its console says."""

    def __init__(self, page: Any, address: str) -> None:
        self.said: List[str] = []
        self.page = page
        page.on("console", lambda message: self.said.append(f"{message.text} {message.location.get('url', '')}"))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.goto(address)

    @property
    def problems(self) -> List[str]:
        """What is told but that the other hosts, which the pages name, are not there."""
        return [text for text in self.said if ".tile.osm.org/" not in text and "/ol.min.css" not in text]

    def pixels(self) -> np.ndarray:
        return np.asarray(Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")).astype(int)

    def wait_for(self, column: int, row: int, colour: Tuple[int, int, int]) -> None:
        """Wait until a place is of a colour. What takes the service long is there when it is asked for again."""
        end = time.monotonic() + 60
        while True:
            for _ in range(10):
                self.page.wait_for_timeout(200)
                found = self.pixels()[row, column]
                if np.abs(found - colour).max() <= 3:
                    return
            assert time.monotonic() < end, (found, self.said)
            self.page.reload()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running


@pytest.fixture
def show(browser: Any) -> Iterator[Callable[[str], Shown]]:
    context = browser.new_context(viewport={"width": 1024, "height": 700})
    yield lambda address: Shown(context.new_page(), address)
    context.close()


def test_the_page_with_a_mosaic(service: Running, host: Callable[[str], str], show: Callable[[str], Shown]) -> None:
    shown = show(host(printed(0, service)))
    # Zoom 2 has 1024 pixels around the globe; 0, 0 is in the middle of a map of 1024 x 600 pixels.
    column = 512 - 40 * 1024 // 360
    shown.wait_for(column, 320, WIDE)
    pixels = shown.pixels()
    there = np.abs(pixels[320] - WIDE).max(axis=1) <= 3
    assert abs(there.sum() - 40 * 1024 / 360) <= 2  # as wide as the scene
    assert pixels[320, 700].min() > 250  # nothing
    assert shown.problems == []


def test_the_page_with_a_scene(service: Running, host: Callable[[str], str], show: Callable[[str], Shown]) -> None:
    page = printed(1, service)
    assert SCENE in page
    as_it_is = show(host(page))
    # Without Leaflet's style sheet the tiles stand one after the other, not in their places; all of them are there.
    tiles = "[...document.querySelectorAll('.leaflet-tile')].filter(tile => tile.src.includes('/v0/scenes/'))"
    as_it_is.page.wait_for_function(f"{tiles}.length && {tiles}.every(tile => tile.complete)")
    widths = as_it_is.page.evaluate(f"{tiles}.map(tile => tile.naturalWidth)")
    assert widths and set(widths) == {256}
    assert (np.abs(as_it_is.pixels() - SMALL).max(axis=2) <= 3).sum() > 10_000
    shown = show(host(page.replace("</head>", MENDED)))
    shown.wait_for(512, 300, SMALL)
    there = np.abs(shown.pixels()[300] - SMALL).max(axis=1) <= 3
    assert abs(there.sum() - 0.12 * 2**12 * 256 / 360) <= 2
    assert as_it_is.problems == shown.problems == []
