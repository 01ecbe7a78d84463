"""Masks and a time series in the real desktop: what is drawn, listed and charted, against the files."""

from __future__ import annotations

import math
import re
import subprocess
from pathlib import Path
from typing import Any, Dict

import numpy
import pytest
from osgeo import gdal

from tests.conftest import ROOT, SERVICE_PYTHON, Service, Start
from tests.qgis.clouded import CLOUDED, make
from tests.qgis.test_desktop import PALETTE, SHOTS, drive

pytestmark = pytest.mark.long

KEPT = ("qgis-masks", "qgis-timeseries")
# As tests/qgis/desktop_analysis.py has them, which runs in QGIS only.
FIELDS = {"north": (276000, 5304960), "south": (276000, 5304240), "east": (277200, 5304240)}
SIZE = 180  # metres
_CHART = """
import sys
from tests.browsing import chromium
with chromium() as running:
    page = running.new_page(viewport={"width": 1000, "height": 580})
    page.goto("file://" + sys.argv[1])
    page.screenshot(path=sys.argv[2])
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("analysis")


@pytest.fixture(scope="module")
def clouded(home: Path, archive: Path, start_service: Start) -> Service:
    make(archive, home / "archive")
    return start_service(home / "archive")


@pytest.fixture(scope="module")
def seen(home: Path, clouded: Service) -> Dict[str, Any]:
    found = drive(home, clouded.url, "desktop_analysis.py", KEPT, 300)
    if SHOTS:
        page, picture, kept = home / "out" / "ndvi.html", home / "out" / "chart.png", ROOT / SHOTS / "qgis-chart.png"
        subprocess.run([SERVICE_PYTHON, "-c", _CHART, str(page), str(picture)], check=True, cwd=ROOT)
        subprocess.run([SERVICE_PYTHON, "-c", PALETTE, str(picture), str(kept)], check=True)
    return found


def test_clouds_and_shadows_are_hidden_once_the_toggle_is_on(seen: Dict[str, Any], clouded: Service) -> None:
    assert seen["hides"] == ["Hide clouds, haze and shadows"]
    assert seen["offered"]["visual"] and not seen["offered"]["tiles (no mask)"]
    assert len(seen["masked"]) == len(CLOUDED)
    for scene in CLOUDED:
        (source,) = [source for name, source in seen["masked"].items() if scene in name and ", masked – " in name]
        shadow, cloud = gdal.Open(str(clouded.archive / f"{scene}_udm2.tif")).ReadAsArray()[[2, 5]] > 0
        assert 0.02 < shadow.mean() < 0.2 < cloud.mean() < 0.4
        file = gdal.Open(str(clouded.archive / f"{scene}_visual.tif")).ReadAsArray()
        assert numpy.array_equal(gdal.Open(source).ReadAsArray(), numpy.where(shadow | cloud, 0, file))


def test_the_table_has_the_values_of_the_files(seen: Dict[str, Any], archive: Path) -> None:
    checked = set()
    for row in seen["rows"]:
        left, low = FIELDS[row["place"]]
        file = gdal.Open(str(archive / f"{row['scene']}_analytic.tif"))
        if "zone 33N" not in file.GetProjection():
            continue  # where the squares do not follow the pixels
        west, pixel, _, north, _, step = file.GetGeoTransform()
        columns = [math.ceil((x - west) / pixel - 0.5) for x in (left, left + SIZE)]
        rows = [math.ceil((y - north) / step - 0.5) for y in (low + SIZE, low)]
        if not (0 <= columns[0] < columns[1] <= file.RasterXSize and 0 <= rows[0] < rows[1] <= file.RasterYSize):
            continue
        bands = file.ReadAsArray()[2:, rows[0] : rows[1], columns[0] : columns[1]].astype("float64")
        red, nir = bands[:, (bands > 0).all(axis=0)]
        if len(red):
            ndvi = (nir - red) / (nir + red)
            found = [float(row[name]) for name in ("mean", "median", "min", "max", "std")]
            expected = [ndvi.mean(), numpy.median(ndvi), ndvi.min(), ndvi.max(), ndvi.std()]
            assert found == pytest.approx(expected, abs=1e-6) and int(row["count"]) == len(ndvi)
            checked.add((row["place"], row["scene"][:8]))
    assert {place for place, _ in checked} == set(FIELDS) and len(checked) > 12


def test_the_chart_has_the_values_of_the_table(seen: Dict[str, Any], home: Path) -> None:
    page = (home / "out" / "ndvi.html").read_text(encoding="utf-8")
    charted = sorted(re.findall(r"<title>(\w+), [^<]*: (\S+) \(\w+\)</title>", page))
    listed = [(row["place"], f"{float(row['mean']):.6g}") for row in seen["rows"] if row["mean"] != "NULL"]
    assert charted == sorted(listed) and len(listed) > 20
    assert {"Layers", "Results Viewer"} <= set(seen["docks"]) and seen["dialogs"] == []


def test_nothing_is_warned_of(seen: Dict[str, Any]) -> None:
    assert seen["warnings"] == []


@pytest.mark.parametrize("name", KEPT)
def test_pictures_are_of_the_whole_window(seen: Dict[str, Any], home: Path, name: str) -> None:
    from qgis.PyQt.QtGui import QImage

    picture = QImage(str(home / "out" / f"{name}.png"))
    assert (picture.width(), picture.height()) == (1280, 800)
    assert len({picture.pixel(x, y) for x in range(350, 800, 3) for y in range(200, 500, 3)}) > 20
