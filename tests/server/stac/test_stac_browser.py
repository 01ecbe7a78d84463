"""STAC Browser shows the catalog: its collections, items, assets and thumbnails, in a browser.

Its npm package contains sources. It is built once, in the user's cache, and used from there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Iterator

import pytest

from tests.browsing import CHROMIUM, chromium
from tests.server.conftest import Running

VERSION = "4.0.1"

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
    pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm"),
]


def built() -> Path:
    """Return the folder of the built application; the first call takes minutes and the network."""
    import pwd

    # The home of the user, not that of the test.
    cache = Path(pwd.getpwuid(os.getuid()).pw_dir) / ".cache" / f"planet_vector-stac-browser-{VERSION}"
    done = cache / "package" / "dist"
    if (done / "index.html").exists():
        return done
    cache.mkdir(parents=True, exist_ok=True)
    for command in (
        ["npm", "pack", f"@radiantearth/stac-browser@{VERSION}", "--silent"],
        ["tar", "xzf", f"radiantearth-stac-browser-{VERSION}.tgz"],
    ):
        subprocess.run(command, cwd=cache, check=True, timeout=120)
    for command in (
        ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"],
        ["npm", "run", "build:minimal", "--", "--historyMode=hash"],
    ):
        subprocess.run(command, cwd=cache / "package", check=True, timeout=1800)
    return done


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a log."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def pages() -> Iterator[str]:
    """Return the address of STAC Browser."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(built()))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_it_shows_collections_items_and_pictures(sample: Running, pages: str) -> None:
    catalog = f"{pages}#/external/http:/{sample.origin.partition('//')[2]}/stac"
    scene = sample.json("scenes/ortho/?count=1")["features"][0]["id"]
    with chromium() as browser:
        page = browser.new_page()
        page.goto(catalog + "/")
        for name in ("landsat", "ortho", "rapideye"):
            page.get_by_text(name, exact=True).first.wait_for(timeout=60_000)
        page.goto(f"{catalog}/collections/ortho")
        page.get_by_text(scene).first.wait_for(timeout=60_000)
        page.goto(f"{catalog}/collections/ortho/items/{scene}")
        page.get_by_text("analytic").first.wait_for(timeout=60_000)
        page.wait_for_function(
            "[...document.querySelectorAll('img')].some((image) => image.src.endsWith('/thumb') && image.naturalWidth)",
            timeout=60_000,
        )
