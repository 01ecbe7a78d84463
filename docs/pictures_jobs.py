"""The pictures of the pages of jobs (`docs/job-*.md`), made from the sample archive by the code of these pages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List

import matplotlib

matplotlib.use("Agg")
import numpy as np  # noqa: E402
import rasterio  # noqa: E402
from matplotlib import pyplot  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

import planet_vector  # noqa: E402

PAGES = Path(__file__).resolve().parent

_IN_COLOURS = """
dates = [crops[0].scene, crops[-1].scene]
planet_vector.crop_stack(dates, "colours", area=area, product="analytic")
"""


def make(directory: Path, environ: Dict[str, str]) -> List[Path]:
    """Draw the pictures of the jobs.

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
    drawn = [directory / f"job-{job}.png" for job in ("mosaic", "change", "office")]
    _mosaic(drawn[0], environ["PL_API_URL"])
    _change(drawn[1], environ)
    _office(drawn[2], environ)
    return drawn


def _mosaic(target: Path, api_url: str) -> None:
    area = "PLANET:ortho?bbox=11.95,47.85,12.04,47.91&acquired.gte=2015-06-01"
    pictures = []
    for name, top in ((area, "newest"), (f"{area}&acquired.lt=2015-10-01&cloud_cover.estimated.lte=10", "clearest")):
        bounds = (721000, 5304000, 727000, 5310300)  # the same ground in both
        with planet_vector.mosaic(
            name, top=top, dst_crs="EPSG:32632", res=12, dst_bounds=bounds, connection=api_url
        ) as mosaic:
            pictures.append(np.moveaxis(mosaic.read(), 0, -1))
    _beside(target, pictures, ["the newest on top", "the clearest on top"])


def _change(target: Path, environ: Dict[str, str]) -> None:
    page = (PAGES / "job-change.md").read_text(encoding="utf-8")
    code = page.partition("```python\n")[2].partition("```")[0] + _IN_COLOURS
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-c", code], env=environ, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        crops = sorted(Path(folder, "colours").glob("*.tif"))
        pictures: List[Any] = [_colours(crop) for crop in crops]
        with rasterio.open(Path(folder, "change.tif")) as dataset:
            change = dataset.read(1)
    shown = pyplot.get_cmap("BrBG")(np.nan_to_num(change) / 0.3 + 0.5)
    shown[np.isnan(change)] = 0
    days = [f"{crop.name[6:8]}.{crop.name[4:6]}.{crop.name[:4]}" for crop in (crops[0], crops[-1])]
    _beside(target, [*pictures, shown], [*days, "change of NDVI, −0.15 to 0.15"])


def _colours(crop: Path) -> Any:
    with rasterio.open(crop) as dataset:
        bands = dataset.read([3, 2, 1]).astype(float)
        valid = dataset.dataset_mask() > 0
    low, high = np.percentile(bands[:, valid], (0.1, 99), axis=1)[..., np.newaxis, np.newaxis]
    low = low * 0.8
    picture = np.sqrt(((bands - low) / (high - low)).clip(0, 1))
    return np.moveaxis(np.concatenate([picture, valid[np.newaxis]]), 0, -1)


def _beside(target: Path, pictures: List[Any], titles: List[str]) -> None:
    height, width = pictures[0].shape[:2]
    figure, axes = pyplot.subplots(
        1, len(pictures), figsize=(9, 9 / len(pictures) * height / width + 0.35), dpi=110, layout="constrained"
    )
    for axis, picture, title in zip(axes, pictures, titles):
        axis.imshow(picture, interpolation="nearest")
        axis.set_title(title, fontsize=10)
        axis.axis("off")
    figure.savefig(target)
    pyplot.close(figure)


def _office(target: Path, environ: Dict[str, str]) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("The picture of the map needs Chromium: install it.")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "found.html")
        search = ["--bbox", "11.99,47.87,12.01,47.89", "--cloud-cover", "5", "--overlays", "5", "-o", str(page)]
        command = [sys.executable, "-m", "planet_vector.cli", "map", *search]
        subprocess.run(command, env={**os.environ, **environ}, check=True, stdout=subprocess.DEVNULL)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            view: Any = browser.new_page(viewport={"width": 1200, "height": 680}, reduced_motion="reduce")
            view.goto(page.as_uri())
            for button in view.locator("#list .tiles", has_text="Picture").all():
                button.click()
            view.get_by_label("Zoom to all").click()
            view.locator("#list").evaluate("list => list.scrollTo(0, 0)")
            view.wait_for_timeout(500)
            view.screenshot(path=str(target))
            browser.close()
