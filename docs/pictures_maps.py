"""The pictures of `docs/maps.md`, made from the sample archive: a map as a browser shows it, and a mosaic."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

import planet_vector

AREA = "bbox=11.8,47.7,12.2,48.0"
SUMMER = "acquired.gte=2015-06-01&acquired.lt=2015-10-01"
WIDTH = 900  # pixels of the mosaic


def make(directory: Path, environ: Dict[str, str]) -> List[Path]:
    """Draw a map with a scene selected, and a mosaic of the clearest scenes.

    Parameters
    ----------
    directory : Path
        Where to.
    environ : dict
        Environment in which the sample archive's service is reached.

    Returns
    -------
    list of Path
        What was drawn.
    """
    api_url = environ["PL_API_URL"]
    drawn = [directory / "map.png", directory / "mosaic.png"]
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "map.html"
        planet_vector.write_map(f"PLANET:ortho?{SUMMER}&{AREA}", page, connection=api_url)
        _photograph(page, drawn[0])
    name = f"PLANET:ortho?{SUMMER}&cloud_cover.estimated.lte=20&{AREA}"
    with planet_vector.mosaic(name, top="clearest", connection=api_url) as mosaic:
        whole = Image.fromarray(np.moveaxis(mosaic.read(), 0, -1), "RGBA").convert("RGBa")  # edges keep their colours
        size = (WIDTH, round(mosaic.height * WIDTH / mosaic.width))
    whole.resize(size, Image.Resampling.BOX).convert("RGBA").save(drawn[1])
    return drawn


def _photograph(page: Path, target: Path) -> None:
    """Take a picture of a map of one day: the clear scenes show their tiles, and one is selected."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("The picture of the map needs Chromium: install it.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        view: Any = browser.new_page(viewport={"width": 1360, "height": 800}, reduced_motion="reduce")
        view.goto(page.as_uri())
        view.locator("#since").fill(view.locator("#until").input_value())  # the last day
        little = view.locator(".cloudy", has_text=re.compile(r"^0\.\d % cloud"))
        clear = view.locator("#list li:visible", has=little)
        for number in range(clear.count()):
            clear.nth(number).locator(".tiles").click()
        clear.last.locator(".scene").click()
        view.get_by_label("Zoom to all").click()
        view.mouse.move(600, 740)
        under_way = "tiles => tiles.filter(tile => tile.complete === false).length"
        while view.locator(".leaflet-tile").evaluate_all(under_way):
            view.wait_for_timeout(200)
        view.wait_for_timeout(500)
        view.screenshot(path=str(target))
        browser.close()
